"""The check `stiff-models` in short form, and that what it compares with tells wrong results from right ones."""

import numpy as np
import pytest

from gillespie_nn import ReactionNetwork
from gillespie_nn.verification import stiff_models, verify
from gillespie_nn.verification.check import CheckOptions, Unsupported
from gillespie_nn.verification.stiff_models import MODELS, MassAction, StiffModels


@pytest.fixture
def two(monkeypatch):
    """The Oregonator takes ten seconds."""
    monkeypatch.setattr(stiff_models, "MODELS", {name: MODELS[name] for name in ("Robertson", "Brusselator")})


@pytest.mark.parametrize("method", ["ode", "linear_noise"])
def test_stiff_and_oscillating_models_are_within_the_stated_tolerance(method, two):
    found = [o for o in StiffModels().run(method, 0, CheckOptions(1000, None)) if not isinstance(o, Unsupported)]
    assert len(found) >= 2 and all(o.p == 1.0 for o in found), found


def test_a_loose_tolerance_is_found(two, monkeypatch):
    monkeypatch.setattr(stiff_models, "TOLERANCES", {"ode": {"rtol": 1e-4, "atol": 1e-8}})
    found = StiffModels().run("ode", 0, CheckOptions(1000, None))
    assert {o.p for o in found if not isinstance(o, Unsupported)} == {0.0}


def test_the_check_is_of_these_methods_alone(two):
    assert verify([StiffModels], ["direct"])["verdict"] == "not run"
    assert {row["method"] for row in verify([StiffModels], ["direct", "ode"])["outcomes"]} == {"ode"}


def test_the_jacobian_is_the_slope_of_the_rates():
    equations = MassAction(ReactionNetwork.from_text("2 A + B -> C @ 3\nC -> 2 A @ 0.5\n0 -> B @ 2"))
    c, step = np.array([1.3, 0.7, 2.0]), 1e-6
    for i in range(3):
        moved = np.where(np.arange(3) == i, step, 0.0)
        slope = equations.changes @ (equations.rates(c + moved) - equations.rates(c - moved)) / (2 * step)
        np.testing.assert_allclose(equations.jacobian(c)[:, i], slope, rtol=1e-8, atol=1e-8)
