"""Validation and early stopping, and scores by simulation: which samples, when, which weights, what is kept."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

import gillespie_nn as gnn
from gillespie_nn.api.train import make_plan
from gillespie_nn.cli import main
from gillespie_nn.datasets import case
from gillespie_nn.simulation.evaluation import N_AVERAGED, EvaluationWatch, accuracy_interval, evaluation_points
from gillespie_nn.simulation.presentations import first_checkpoint
from gillespie_nn.simulation.run_options import TrainingOptions
from helpers.interrupted_runs import interrupted
from helpers.run_files import same

STOPS = {
    "volume": 30.0, "running_time": 1.0, "hold": 0.0, "presentations": 400, "seed": 1, "validation": 0.25,
    "evaluate_every": 4, "patience": 2, "record_every": 7, "checkpoint_every": 3,
}  # fmt: skip


def plan(**arguments):
    arguments = {"method": "rejection", "volume": 50.0, "seed": 3, "presentations": 100} | arguments
    return make_plan(arguments.pop("data", "iris"), TrainingOptions.of(arguments))


def test_samples_held_out_are_drawn_by_seed_and_never_presented():
    one, again, other = (
        plan(**how).presentations for how in ({"validation": 0.2}, {"validation": 0.2}, {"validation": 0.2, "seed": 4})
    )
    assert len(one.held_out) == 21 and len(set(one.held_out)) == 21
    np.testing.assert_array_equal(one.held_out, again.held_out)
    assert not np.array_equal(one.held_out, other.held_out)
    assert sorted([*one.order[:84, 0], *one.held_out]) == list(range(105))
    assert not set(one.order[:, 0]) & set(one.held_out)
    assert not plan().presentations.validates and sorted(plan(presentations=105).order[:, 0]) == list(range(105))


@pytest.mark.parametrize(
    "n, every, points", [(10, 3, [3, 6, 10]), (9, 3, [3, 6, 9]), (2, 5, [2]), (5, 1, [1, 2, 3, 4, 5]), (7, None, [7])]
)
def test_evaluations_are_evenly_spaced_and_end_with_the_run(n, every, points):
    assert evaluation_points(n, every).tolist() == points


@pytest.mark.parametrize("every", [7, 100, 140, None])
def test_the_mean_over_the_last_presentations_is_evaluated(every):
    n = 3 * N_AVERAGED
    p = plan(evaluate_every=every, validation=None if every is None else 0.1, presentations=n)
    watch = EvaluationWatch(p, first_checkpoint(p), np.empty((0, 2)))
    weights = np.random.default_rng(0).normal(size=(n, len(p.spec.weights)))
    before = 0
    for k in range(n):
        assert not watch.see(k, weights[k])
        if k + 1 in p.presentations.evaluated:
            expected = weights[max(before, k + 1 - N_AVERAGED) : k + 1].mean(axis=0)
            np.testing.assert_allclose(watch.weights_sum, expected, rtol=1e-12)
            before = k + 1
    assert len(watch.scores) == (0 if every is None else len(p.presentations.evaluated))


@pytest.mark.parametrize(
    "errors, patience, best, stops_at",
    [
        ([5, 4, 3, 2, 1], 1, 4, None),
        ([5, 4, 4, 3, 2], 1, 1, 60),
        ([5, 4, 4, 3, 2], 2, 4, None),
        ([1, 2, 3, 4, 0], 3, 0, 80),
        ([1, 2, 3, 0, 0], 3, 3, None),
        ([1, 2, 3, 0, 0], None, 3, None),
        ([np.nan, np.nan, 1, 0, 0], 2, None, 40),
        ([2, np.nan, 1, 1, 1], 2, 2, 100),
    ],
)
def test_training_stops_after_so_many_evaluations_without_improvement(errors, patience, best, stops_at, monkeypatch):
    p = plan(evaluate_every=20, validation=0.1, patience=patience)
    watch = EvaluationWatch(p, first_checkpoint(p), np.empty((0, 2)))
    left = iter(errors)
    monkeypatch.setattr(type(p.dataset), "rmse", lambda self, outputs: float(next(left)))
    stopped = next((k for k in range(100) if watch.see(k, np.full(len(p.spec.weights), float(k)))), None)
    assert watch.best == best and stopped == (None if stops_at is None else stops_at - 1)
    assert watch.n_evaluated == (stops_at or 100) // 20
    if best is not None:  # the mean over the twenty presentations before it
        np.testing.assert_allclose(watch.best_weights, 20 * best + 9.5)


def test_a_run_that_stops_early_keeps_the_best_and_the_last_and_is_resumed_the_same(tmp_path, monkeypatch):
    fit = gnn.train("iris", output=tmp_path / "whole.h5", **STOPS)
    trained, data = fit.trained, fit.plan.dataset
    n = trained.n_presented
    assert n < 400 and n == fit.plan.presentations.evaluated[len(trained.scores) - 1]
    assert trained.best == np.argmin(trained.scores[:, 0]) == len(trained.scores) - 3
    kept = data.train_x[fit.plan.presentations.held_out], data.train_t[fit.plan.presentations.held_out]
    for weights, k in ((fit.weights, -1), (fit.best_weights, trained.best)):
        outputs = fit.spec.floating.forward(weights, kept[0])
        assert trained.scores[k, 0] == pytest.approx(np.sqrt(np.mean((outputs - kept[1]) ** 2)))
        assert trained.scores[k, 1] == np.mean(outputs.argmax(axis=1) == kept[1].argmax(axis=1))
    assert fit.scores["rmse_best"] == data.rmse(fit.predict(data.test_x, exact_forward=True, weights=fit.best_weights))
    averaged = n - fit.plan.presentations.evaluated[len(trained.scores) - 2]  # all since the evaluation before
    path = [fit.plan.learner.initial_weights]
    for k in fit.plan.order[:n]:
        step = fit.plan.settings.step
        path.append(path[-1] - step * fit.spec.floating.gradient(path[-1], data.train_x[k], data.train_t[k]))
    descent = np.mean(path[-averaged:], axis=0)
    found = data.rmse(fit.spec.floating.forward(descent, data.test_x))
    assert fit.scores["rmse_gradient_descent"] == pytest.approx(found, rel=1e-12)
    with gnn.open_run(tmp_path / "whole.h5") as run:
        assert run.training["n_presented"][()] == n and run.complete
        assert run.training["recorded"][len(run.time) - 1] == n - 1
        np.testing.assert_array_equal(run.weights[-1], fit.last_weights)
        assert np.isnan(run.training["validation_rmse"][len(trained.scores) :]).all()
    for k in (1, n - 2):
        interrupted(tmp_path / f"{k}.h5", monkeypatch, k, data="iris", **STOPS)
        gnn.resume(tmp_path / f"{k}.h5")
        assert same(tmp_path / f"{k}.h5", tmp_path / "whole.h5")


def test_outputs_by_simulation_are_scored_and_stored(tmp_path):
    fit = gnn.train(
        "iris", output=tmp_path / "x.h5", volume=60.0, running_time=1.0, hold=0.0, presentations=3, seed=1, predict=4
    )
    data = fit.plan.dataset
    np.testing.assert_array_equal(fit.chemical, fit.predict(data.test_x[:4]))
    right = fit.chemical.argmax(axis=1) == data.test_t[:4].argmax(axis=1)
    assert fit.scores["accuracy_chemical"] == right.mean()
    assert fit.scores["rmse_chemical"] == pytest.approx(np.sqrt(np.mean((fit.chemical - data.test_t[:4]) ** 2)))
    with gnn.open_run(tmp_path / "x.h5") as run:
        np.testing.assert_array_equal(run.training["outputs_chemical"][:4], fit.chemical)
        assert np.isnan(run.training["outputs_chemical"][4:]).all()
        assert run.training["accuracy_chemical"][()] == right.mean()


@pytest.mark.parametrize("n_right, n", [(0, 1), (3, 3), (1, 7), (40, 45), (9000, 10000)])
def test_the_interval_of_an_accuracy_is_wilsons(n_right, n):
    found = accuracy_interval(n_right / n, case("iris").load(0), n)
    assert found == pytest.approx(binomtest(n_right, n).proportion_ci(0.95, "wilson"), abs=1e-12)


def test_the_command_validates_stops_and_predicts(capsys):
    arguments = [
        "train",
        "iris",
        "--volume",
        "30",
        "--running-time",
        "1",
        "--hold",
        "0",
        "--presentations",
        "400",
        "--seed",
        "1",
    ]
    arguments = [*arguments, "--validation", "0.25", "--evaluate-every", "4", "--patience", "2", "--predict-limit", "3"]
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out.strip().splitlines()[-1])
    assert found["presentations"] < found["presentations_planned"] == 400
    assert found["n_predicted"] == 3 and len(found["accuracy_chemical_interval"]) == 2
    assert found["best_presentation"] == found["validation_presentations"][-3]
    for words in ("evaluations on 26 training samples held out", "stopped early", "of the first 3 of 45 test samples",
                  "accuracy of the best weights", "95 % interval"):  # fmt: skip
        assert words in out


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"validation": 1.0}, "a fraction between 0 and 1 that holds out at least one of the 4"),
        ({"patience": 2}, "but not all of them, got 0.1"),
        ({"validation": 0.25, "patience": 0}, "patience must be at least 1"),
        ({"validation": 0.25, "evaluate_every": 0}, "evaluate_every must be at least 1"),
        ({"evaluate_every": 3}, "evaluate_every only applies with validation"),
        ({"checkpoint_every": 0}, "checkpoint_every must be at least 1"),
        ({"predict": -1}, "predict must be at least 1"),
        ({"predict": True, "method": "gradient_descent"}, "gradient_descent has none: leave predict out"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(arguments, words, tmp_path):
    with pytest.raises(gnn.InputError, match=words):
        gnn.train("xor", output=tmp_path / "x.h5", **arguments)
    assert not list(tmp_path.iterdir())
