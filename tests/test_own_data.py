"""Samples of one's own: arrays and CSV files become a dataset, or a sentence says why not."""

import json
import re

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import Dataset
from gillespie_nn.cli import main

FAST = {"method": "gradient_descent", "presentations": 30, "seed": 1}


def flowers(path, scale=1.0, delimiter=","):
    rng = np.random.default_rng(3)
    lines = [delimiter.join(("length", "width", "species"))]
    for k in range(40):
        kind = k % 2
        numbers = (0.2 + 0.5 * kind + 0.1 * rng.random(2)) * scale
        lines.append(delimiter.join([*(f"{x:.4f}" for x in numbers), ("setosa", "virginica")[kind]]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_with_named_classes_is_learnt(delimiter, tmp_path):
    data = Dataset.from_csv(flowers(tmp_path / "flowers.csv", delimiter=delimiter), target="species")
    assert (data.name, data.task) == ("flowers", "classification") and data.train_x.shape == (30, 2)
    assert data.test_t.sum(axis=0).tolist() == [5, 5] and data.notice == "outputs are the classes setosa, virginica"
    assert list(data.checksums) == ["flowers.csv"]
    large = data.train_x[:, 0] > 0.5
    np.testing.assert_array_equal(large, data.train_t[:, 1] == 1)  # features and classes stay together
    fit = gnn.train(data, method="gradient_descent", presentations=2000, seed=1)
    assert fit.accuracy == 1.0


def test_random_labels_are_not_learnt():
    rng = np.random.default_rng(5)
    data = Dataset.from_arrays(rng.random((200, 3)), rng.choice(["a", "b", "c"], 200))
    assert gnn.train(data, **FAST).accuracy < 0.6


def test_numbers_need_their_task_unless_it_is_plain():
    x = np.linspace(0, 1, 8)
    assert Dataset.from_arrays(x, x / 3).task == "regression"
    with pytest.raises(gnn.InputError, match="whole numbers, which can be classes or amounts: give the task"):
        Dataset.from_arrays(x, np.arange(8) % 2)
    classes = Dataset.from_arrays(x, np.arange(8) % 2 + 3, "classification")
    assert classes.train_t.shape == (6, 2) and classes.notice == "outputs are the classes 3, 4"
    assert Dataset.from_arrays(x, np.arange(8) % 2, "regression").train_t.shape == (6, 1)
    assert Dataset.from_arrays(x, np.arange(8) % 2, "threshold").task == "threshold"


def test_scale_unit_maps_features_and_targets_of_a_regression():
    x = np.column_stack([np.linspace(-500, 1500, 9), np.full(9, 7.0)])
    data = Dataset.from_arrays(x, np.linspace(10.5, 20.5, 9), scale="unit", test=0)
    np.testing.assert_allclose(data.train_x[:, 0], np.linspace(0, 1, 9))
    assert (data.train_x[:, 1] == 0).all() and "10.5 to 20.5" in data.notice
    np.testing.assert_allclose(data.train_t[:, 0], np.linspace(0, 1, 9))
    np.testing.assert_array_equal(data.test_x, data.train_x)
    named = Dataset.from_arrays(x, ["a", "b", "c"] * 3, scale="unit", test=0)
    assert set(np.unique(named.train_t)) == {0.0, 1.0}


def test_the_split_is_a_function_of_the_seed_and_of_nothing_else(tmp_path):
    path = flowers(tmp_path / "f.csv")
    one, same, other = (Dataset.from_csv(path, "species", seed=seed) for seed in (1, 1, 2))
    assert one.digest == same.digest != other.digest


def test_features_can_be_chosen(tmp_path):
    assert Dataset.from_csv(flowers(tmp_path / "f.csv"), "species", features=["width"]).train_x.shape == (30, 1)
    data = Dataset.from_csv(tmp_path / "f.csv", "width", features=["length"])
    assert data.task == "regression"


@pytest.mark.parametrize(
    "text, how, message",
    [
        ("a,b\n1,2\n", {"target": "c"}, "unknown target 'c': the columns of x.csv are a, b"),
        ("a,b\n1,2.5\nred,3\n", {"target": "b"}, "line 3, column 'a': a feature must be a finite number, got 'red'"),
        ("a,b\n1,2.5\n,3\n", {"target": "b"}, "line 3, column 'a'"),
        ("a,b\n1,x\n2,\n", {"target": "b"}, "line 3 has no value in column 'b'"),
        ("a,b\n1,2.5\n1,2,3\n", {"target": "b"}, "line 3 has 3 cells, but the first line has 2"),
        ("a,a\n1,2\n", {"target": "a"}, "every column needs a unique name"),
        ("a,b\n", {"target": "b"}, "has no samples"),
        ("a,b\n1,0\n2,1\n", {"target": "b"}, "the targets in column 'b' are whole numbers"),
        ("a,b\n1,x\n2,x\n", {"target": "b"}, "all samples belong to one class, 'x'"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "task": "regression"}, "are names, such as 'x', but regression needs"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "task": "classes"}, "unknown task 'classes'"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "scale": "log"}, "unknown scale 'log': choose one of unit"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "test": 1.5}, "test must lie between 0 and 1"),
        ("a,b\n1,x\n2,y\n", {"target": "b"}, "2 samples cannot be split with test = 0.25"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "features": ["b"]}, "features must be different columns besides"),
    ],
)  # fmt: skip
def test_what_is_no_dataset_is_a_sentence(text, how, message, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(gnn.InputError, match=re.escape(message)):
        Dataset.from_csv(tmp_path / "x.csv", **how)


def test_large_features_are_warned_of_before_the_work_and_named_as_the_cause(tmp_path):
    data = Dataset.from_csv(flowers(tmp_path / "f.csv", scale=1000.0), "species")
    fast = {"volume": 1.0, "presentations": 20, "learning_rate": 1.0, "seed": 1}
    with (
        pytest.warns(UserWarning, match="the learning rate is too large for these inputs: .*scale='unit'"),
        pytest.raises(gnn.UnfinishedError, match="diverged.*the likely cause: the learning rate is too large"),
    ):
        gnn.train(data, **fast, method="rejection")
    scaled = Dataset.from_csv(tmp_path / "f.csv", "species", scale="unit")
    assert not scaled.size_warning(0.2)
    with pytest.warns(UserWarning, match="the targets are as large as 5e\\+03"):
        gnn.train(([[0.0], [1.0]], [0.5, 5000.0]), **FAST)


def test_the_cases_are_not_warned_of():
    for case in ("xor", "iris", "regression"):
        settings = gnn.datasets.case(case).settings
        assert not gnn.datasets.case(case).load(0).size_warning(settings.step)


def test_the_command_learns_from_a_file_and_its_run_is_resumed_without_it(tmp_path, capsys):
    path, run = flowers(tmp_path / "f.csv"), str(tmp_path / "run.h5")
    arguments = ["--data", str(path), "--target", "species", "--scale", "unit", "--method", "gradient_descent"]
    more = ["--presentations", "40", "--seed", "1", "--output", run, "--json"]
    assert main(["train", *arguments, *more]) == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    assert found["case"] == "f" and found["layers"] == [2, 8, 2] and "classes setosa, virginica" in out
    assert found["total_seconds"] >= found["seconds"] > 0
    path.unlink()
    assert gnn.load_fit(run).accuracy == found["accuracy"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "nothing to learn: give a case (xor, iris"),
        (["xor", "--target", "y"], "--target only applies with --data"),
        (["xor", "--data", "x.csv"], "not both"),
        (["--data", "x.csv"], "--data needs --target COLUMN"),
        (["--data", "nowhere.csv", "--target", "y"], "no such data file: nowhere.csv"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err
