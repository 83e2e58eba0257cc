"""The check `continuous` in short form: exact methods on every case, planted errors, and the laws themselves."""

import numpy as np
import pytest

from gillespie_nn.simulation.methods import Direct, OptimizedDirect, Rejection
from gillespie_nn.verification import continuous_checks as check
from gillespie_nn.verification import continuous_checks as laws
from gillespie_nn.verification.planted import crossing_at_the_next_reaction, frozen, not_restarted
from helpers.checks_of_chance import accept, rejects

N_REPLICATES = 1000


@pytest.mark.parametrize("method", [Direct, OptimizedDirect, Rejection], ids=lambda m: m.name)
def test_continuous_variables_have_their_laws(method):
    found = [o for name in check.CASES for o in check.outcomes(name, method, N_REPLICATES, 11)]
    assert len(found) == 9
    accept(min(o.p for o in found), "continuous variables", family=len(found))


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("driven by a switch", not_restarted),
        ("pairs in a growing volume", frozen),
        ("a condition between reactions", crossing_at_the_next_reaction),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_a_planted_error_is_caught(name, plant):
    assert rejects(min(o.p for o in check.outcomes(name, plant(Rejection), N_REPLICATES, 11)))


@pytest.mark.parametrize("name", check.CASES)
def test_laws_are_whole_but_for_what_is_cut_off(name):
    laws = check.laws_of(name)
    assert laws
    for law in laws:
        assert law.min() > -1e-9 and 1 - 1e-7 < law.sum() < 1 + 1e-9, name


def test_the_feedback_law_without_feedback_is_beta(monkeypatch):
    monkeypatch.setattr(laws, "switched_on", lambda x: laws.ON)
    monkeypatch.setattr(laws, "switched_off", lambda x: laws.OFF)
    edges = np.linspace(0, 1, 11)
    np.testing.assert_allclose(laws.stationary_with_feedback(edges), laws.stationary(edges), atol=1e-6)
