"""The comparison of batch methods with exact simulation: what it lets pass, and what it does not."""

import numpy as np
import pytest

from gillespie_nn.checks import InputError
from gillespie_nn.kernels.leap.batch_neurons import LICENSING
from gillespie_nn.nn import training_network
from gillespie_nn.nn.chemistries import KangKim
from gillespie_nn.simulation.batches import BatchLeap
from gillespie_nn.verification import batch_comparison, batch_layers

RNG = np.random.default_rng(7)
MEANS = RNG.normal(0.0, 30.0, 40)


def _changes(n, slope=1.0, spread=10.0):
    return np.rint(slope * MEANS + spread * RNG.standard_normal((n, 40)))


def test_the_same_law_passes():
    assert batch_comparison.compare(_changes(4000), _changes(4000), 1).verdict == "holds"


@pytest.mark.parametrize("changed", [{"slope": 1.06}, {"slope": 0.94}, {"spread": 11.2}, {"spread": 9.0}], ids=str)
def test_another_law_fails(changed):
    assert batch_comparison.compare(_changes(4000), _changes(4000, **changed), 1).verdict == "fails"


def test_one_weight_that_is_off_fails():
    found = _changes(4000)
    found[:, 3] += 0.1 * abs(MEANS[3]) + 5.0
    assert batch_comparison.compare(_changes(4000), found, 1).verdict == "fails"


def test_few_replicates_leave_it_open():
    assert batch_comparison.compare(_changes(60, spread=40.0), _changes(60, spread=40.0), 1).verdict == "inconclusive"


def test_a_method_that_refuses_every_point_has_not_passed():
    class Refuses(BatchLeap):
        name = "refuses"

        def check(self, samples):
            raise InputError("not these")

    said = []
    assert batch_comparison.certify_batches(Refuses, batch_comparison.POINTS[:2], 10, 10, say=said.append) == "not run"
    assert len(said) == 2 and all("refused: not these" in line for line in said)


def _layers(n, slope=1.0, spread=1.0):
    sizes = batch_layers.SIZES
    n_weights = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
    means = np.random.default_rng(1).normal(0.0, 1.0, n_weights)
    return slope * means + spread * RNG.standard_normal((n, n_weights)).astype(np.float32)


def test_layers_of_the_same_law_hold_and_others_do_not(monkeypatch):
    monkeypatch.setattr(batch_layers, "SIZES", (40, 30, 40))
    exact = _layers(300)
    assert all(layer.verdict == "holds" for layer in batch_layers.compare(exact, _layers(300)))
    assert not any(layer.verdict == "holds" for layer in batch_layers.compare(exact, _layers(300, slope=1.08)))
    assert not any(layer.verdict == "holds" for layer in batch_layers.compare(exact, _layers(300, spread=1.1)))


def test_the_rate_of_licensed_errors_is_that_of_the_chemistry():
    text = next(e.text for e in KangKim(hold=1.0).update if e.label == "licensed_error")
    assert text == f"G[i]' = {LICENSING:g} D[i] L - {LICENSING:g} G[i]"
    assert "licence" in training_network((2, 1), hold=1.0).ports
