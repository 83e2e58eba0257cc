"""Every case: concentrations, a deterministic split, settings; and what is particular to each."""

import hashlib
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.datasets import CASES, Dataset, case, data_folder
from gillespie_nn.datasets.cases import CHECKSUM, target
from gillespie_nn.datasets.dataset import CLASSIFICATION, REGRESSION, stratified_split
from helpers.paths import ROOT

ABOUT = (ROOT / "data" / "README.md").read_text()
ALWAYS_THE_SAME = ("xor", "mnist")
SIGNED = ("regression",)


def _descend(name, seed):
    """Float gradient descent with a case's settings: the dataset, and outputs for its test set."""
    fit = gnn.train(name, method="gradient_descent", seed=seed)
    return fit.plan.dataset, fit.spec.floating.forward(fit.last_weights, fit.plan.dataset.test_x)


@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_a_case_has_concentrations_a_split_settings_and_its_sources_told(name):
    if name == "mnist" and not (data_folder() / "mnist").is_dir():
        pytest.skip(f"MNIST is not here: no mnist/ in {data_folder()}")
    if name == "digits":
        pytest.importorskip("sklearn")
    data, again, other = (case(name).load(seed) for seed in (1, 1, 2))
    for part in ("train_x", "train_t", "test_x", "test_t"):
        values = getattr(data, part)
        assert values.dtype == np.float64 and values.ndim == 2 and np.isfinite(values).all()
        np.testing.assert_array_equal(values, getattr(again, part))
    assert len(data.train_x) == len(data.train_t) and len(data.test_x) == len(data.test_t)
    assert data.train_x.shape[1] == data.test_x.shape[1]
    assert np.abs(data.train_x).max() <= 1 and data.signed == (name in SIGNED)
    assert name in ALWAYS_THE_SAME or not np.array_equal(data.test_x, other.test_x)
    if name not in ALWAYS_THE_SAME:  # the parts have no sample in common; two flowers of iris are alike
        rows = {row.tobytes() for row in data.train_x}
        assert sum(row.tobytes() in rows for row in data.test_x) <= 1
    settings = case(name).settings
    assert settings.presentations * settings.batch >= len(data.train_x)
    assert case(name).__doc__ and f"| `{name}` |" in ABOUT
    assert all(digest in ABOUT for digest in case(name).files.values())


def test_the_iris_table_is_the_one_with_this_checksum():
    digest = hashlib.sha256((ROOT / "data" / "iris.csv").read_bytes()).hexdigest()
    assert digest in ABOUT and case("iris").load(0).checksums == {"iris.csv": digest}


def test_iris_keeps_flowers_apart_and_species_balanced():
    data = case("iris").load(7)
    assert data.train_t.sum(axis=0).tolist() == [35, 35, 35]
    assert data.test_t.sum(axis=0).tolist() == [15, 15, 15]
    assert data.train_x.min() >= 0 and data.train_x.max() <= 1


def test_a_stratified_split_has_each_sample_once_and_the_share_of_each_class():
    classes = np.array([2, 0, 0, 2, 2, 0, 0, 2, 0, 0])
    train, test = stratified_split(classes, 0.5, 3)
    assert sorted([*train, *test]) == list(range(10)) and (np.diff(train) > 0).all()
    assert (np.diff(test) < 0).any()  # the first of the test samples are of all classes
    assert np.bincount(classes[train]).tolist() == [3, 0, 2]


def test_the_digits_are_those_of_the_checksum_and_balanced():
    pytest.importorskip("sklearn")
    data = case("digits").load(0)
    assert list(data.checksums.values()) == [CHECKSUM] and CHECKSUM in ABOUT and not data.notice
    assert (len(data.train_x), len(data.test_x)) == (1347, 450) and data.task == CLASSIFICATION
    assert np.ptp(data.train_t.sum(axis=0)) <= 8 and set(np.unique(data.test_x * 16)) == set(range(17))


def test_without_scikit_learn_one_sentence_names_the_install_command(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert main(["train", "digits"]) == 2
    error = capsys.readouterr().err
    assert "scikit-learn" in error and "pip install pooch scikit-learn" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_learns_the_product_that_no_linear_fit_does(seed):
    data, outputs = _descend("regression", seed)
    assert data.task == REGRESSION and np.isnan(data.accuracy(outputs))
    np.testing.assert_array_equal(data.test_t, target(data.test_x))
    assert (data.train_t > 0.5).any() and (data.train_t < -0.5).any()
    train, test = (np.column_stack([x, np.ones(len(x))]) for x in (data.train_x, data.test_x))
    linear = test @ np.linalg.lstsq(train, data.train_t, rcond=None)[0]
    assert data.rmse(outputs) < 0.2 * data.rmse(linear)


@pytest.mark.parametrize("name, least", [("digits", 0.93), ("iris", 0.8)])
def test_gradient_descent_learns_with_the_settings_of_the_case(name, least):
    if name == "digits":
        pytest.importorskip("sklearn")
    data, outputs = _descend(name, 0)
    assert data.accuracy(outputs) > least


@pytest.mark.parametrize(
    "method, bound, settings",
    [
        ("layered", 0.55, {"volume": 300.0, "limit": 200, "running_time": 10.0, "hold": 0.0, "learning_rate": 0.01}),
        (
            "tau_leap",
            0.75,
            {"volume": 1000.0, "limit": 60, "running_time": 5.0, "hold": 0.0, "learning_rate": 0.02, "epsilon": 0.1},
        ),
    ],
)
def test_molecules_learn_from_signed_inputs(method, bound, settings):
    """The first presentations, of a step s = 0.1 each, take the error well below the start's 1.05.

    A run is a function of its seed, so nothing is sampled here."""
    fit = gnn.train("regression", method=method, seed=0, **settings)
    assert {"X_0_m", "X_1_m"} <= set(fit.spec.network.species)
    assert fit.scores["rmse"] < bound < 1.0 < fit.scores["rmse_before"]
    x = np.array([[0.8, 0.8], [-0.8, 0.8], [-0.8, -0.8], [0.8, -0.8]])
    assert np.abs(fit.predict(x) - fit.predict(x, exact_forward=True)).max() < 0.3


def test_regression_through_the_commands_and_the_figure(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    run, figure = str(tmp_path / "r.h5"), tmp_path / "r.png"
    command = [
        "train",
        "regression",
        "--volume",
        "50",
        "--presentations",
        "6",
        "--running-time",
        "1",
        "--hold",
        "0",
        "--seed",
        "2",
    ]
    assert main([*command, "--output", run, "--predict", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["accuracy"] is None and found["accuracy_chemical"] is None and found["layers"] == [2, 8, 1]
    assert found["rmse"] > 0 and found["rmse_chemical"] > 0 and found["rmse_gradient_descent"] > 0
    assert main(["analyze", run, "--figure", str(figure), "--json"]) == 0
    captured = capsys.readouterr().out
    assert json.loads(captured.splitlines()[-1])["rmse"] == found["rmse"] and "accuracy" not in captured.splitlines()[3]
    assert figure.stat().st_size > 10_000


def test_classes_in_one_column_become_one_output_each():
    """With the one column judged by its largest output, random labels were right every time."""
    rng = np.random.default_rng(7)
    x, labels = rng.random((60, 3)), rng.choice([2, 5, 7], 60)
    data = Dataset("mine", CLASSIFICATION, x, labels[:, None], x[:20], labels[:20])
    np.testing.assert_array_equal(data.train_t, labels[:, None] == [2, 5, 7])
    assert data.test_t.shape == (20, 3) and data.accuracy(data.test_t) == 1
    fit = gnn.train(data, method="gradient_descent", hidden=(2,), presentations=30, seed=1)
    assert fit.accuracy < 0.9 and fit.outputs.shape == (20, 3)
    assert replace(data, train_t=data.train_t[:5], train_x=x[:5]).train_t.shape == (5, 3)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"task": "clasification"}, "unknown task 'clasification' (did you mean 'classification'?)"),
        ({"train_t": [[0.5], [1.0]]}, "got 0.5: give whole numbers"),
        ({"train_t": [[1], [1]], "test_t": [[1], [1]]}, "all samples belong to one class, 1"),
        ({"train_t": [[1], [0], [1]]}, "train_x has 2 samples, but train_t has 3"),
        ({"test_x": [[1.0, 2.0]] * 2}, "train_x has 1 columns, but test_x has 2"),
        ({"train_x": [["a"], ["b"]]}, "train_x must be numbers"),
        ({"test_x": [[np.nan], [0.0]]}, "test_x must be finite, got nan at (0, 0)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_dataset_that_does_not_hold_together_is_refused(changed, message):
    whole = {"train_x": [[0.0], [1.0]], "train_t": [[0], [1]], "test_x": [[0.0], [1.0]], "test_t": [[0], [1]]}
    assert Dataset("mine", CLASSIFICATION, **whole).train_t.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(gnn.InputError, match=re.escape(message)):
        Dataset(**{"name": "mine", "task": CLASSIFICATION, **whole, **changed})
