"""Training by batch methods through `train`: files, resuming, predictions, and what is refused."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.simulation.batches import BATCH_METHODS

SMALL = {
    "hidden": (6,), "batch": 8, "presentations": 12, "running_time": 130.0, "hold": 30.0, "h": 0.02,
    "learning_rate": 2e-4, "output_activation": "smooth_relu", "centred": True, "learning_schedule": "cosine",
    "annihilation_rate": 60.0, "seed": 3, "progress": False,
}  # fmt: skip
NAMES = [method.name for method in BATCH_METHODS]


def _train(method="batch_leap", **changes):
    return gnn.train("digits", method=method, **{**SMALL, **changes})


@pytest.mark.parametrize("method", NAMES)
def test_a_killed_run_resumes_to_the_same_bits(method, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole.h5", tmp_path / "cut.h5"
    fit = _train(method, output=whole, checkpoint_every=5, validation=0.1, predict=20)

    class Killed(BaseException):
        pass

    kind = next(m for m in BATCH_METHODS if m.name == method)
    present = kind.present

    def dies(self, k, *rest):
        if k == 7:
            raise Killed
        present(self, k, *rest)

    monkeypatch.setattr(kind, "present", dies)
    with pytest.raises(Killed):
        _train(method, output=cut, checkpoint_every=5, validation=0.1, predict=20)
    monkeypatch.setattr(kind, "present", present)
    again = gnn.resume(cut, progress=False)
    for name in ("weights", "last_weights", "best_weights", "chemical"):
        np.testing.assert_array_equal(getattr(again, name), getattr(fit, name))
    assert again.n_events == fit.n_events and again.statistics == fit.statistics and again.scores == fit.scores
    assert all(np.isfinite(value) for value in fit.statistics.values())
    if method == "stationary_leap":
        assert 0 < fit.statistics["difference_from_rates"] < 0.05 and fit.statistics["window_steps"] >= 1
    with gnn.open_run(whole) as one, gnn.open_run(cut) as other:
        np.testing.assert_array_equal(one.counts[0], other.counts[0])
        assert len(one.model.reactions) == 0 and len(one.species) == 2 * len(fit.weights) + 8 * 10


@pytest.mark.parametrize("method", NAMES)
def test_the_number_of_threads_changes_nothing(method):
    one, two = (_train(method, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.last_weights, two.last_weights)
    x = one.plan.dataset.test_x[:70]
    np.testing.assert_array_equal(one.predict(x), two.predict(x))


def test_a_fit_from_its_file_predicts_as_the_fit(tmp_path):
    fit = _train(output=tmp_path / "run.h5")
    again = gnn.load_fit(tmp_path / "run.h5")
    x = fit.plan.dataset.test_x[:5]
    np.testing.assert_array_equal(again.predict(x, seed=1), fit.predict(x, seed=1))
    exact = fit.predict(x, exact_forward=True)
    assert np.abs(fit.predict(x, seed=1) - exact).max() < 0.1
    assert np.abs(exact).max() > 0.1


def test_the_record_of_a_run_holds_what_the_molecules_hold():
    fit = _train()
    held = fit.last_weights * fit.plan.volume
    np.testing.assert_allclose(held, np.rint(held), atol=1e-6)
    assert fit.n_events > 0 and not fit.spec.listed and "not listed" in repr(fit.spec)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise": gnn.RateNoise(0.1)}, "noise: batch_leap has no list of reactions"),
        ({"rates": {"update_*": 0.1}}, "rates: batch_leap has no list"),
        ({"activation": "relu"}, "smooth_relu with derivative=switch"),
        ({"derivative": "gain"}, "derivative=switch"),
        ({"chemistry": "feedback_alignment"}, "the chemistry kang_kim only"),
        ({"hold": 0.0, "learning_schedule": "constant"}, "only networks with the species L"),
        ({"volume": 1e12}, "use a smaller volume"),
    ],
    ids=str,
)
def test_what_a_batch_method_does_not_support_is_refused(changes, words):
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        _train(**changes)


def test_noise_in_a_prediction_is_refused():
    fit = _train(presentations=1)
    with pytest.raises(InputError, match="no list of reactions"):
        fit.predict(fit.plan.dataset.test_x[:2], noise=gnn.RateNoise(0.1))


def test_a_network_too_large_to_list_is_refused_before_it_fills_the_memory():
    with pytest.raises(InputError, match=r"2\.09e\+08 reactions, too many to list"):
        gnn.training_network((784, 256, 10), batch=128, hold=30.0, output="smooth_relu", signed_inputs=True)


def test_simulate_says_that_it_is_a_method_of_training():
    with pytest.raises(InputError, match=r"train\(\.\.\., method='batch_leap'\)"):
        gnn.simulate(gnn.ReactionNetwork.from_text("A -> B @ 1"), 1.0, 3, initial={"A": 5}, method="batch_leap")


def test_only_cases_with_a_short_run_have_one():
    with pytest.raises(InputError, match="only mnist has a short run"):
        gnn.train("xor", quick=True)


def test_the_command_says_that_reactions_are_not_listed(capsys):
    flags = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in SMALL.items()
        if name not in ("hidden", "centred", "progress")
    ]
    assert main(["train", "digits", "--method", "batch_leap", "--hidden", "6", "--centred", *flags]) == 0
    shown = capsys.readouterr().out
    assert "reactions, which are not listed" in shown and "12 presentations of 8 samples" in shown
