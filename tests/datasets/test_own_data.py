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
        ([], "no dataset is given: name a case (xor, iris"),
        (["xor", "--target", "y"], "--target only applies with --data"),
        (["xor", "--data", "x.csv"], "not both"),
        (["--data", "x.csv"], "--data needs --target COLUMN"),
        (["--data", "nowhere.csv", "--target", "y"], "no such data file: nowhere.csv"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("t", [[0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0], [[1], [2], [3], [1]]])
def test_targets_that_look_like_classes_get_a_warning(t):
    x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    with pytest.warns(UserWarning, match=r"learned as amounts.*Dataset.from_arrays\(x, t, task='classification'\)"):
        gnn.train((x, t), **FAST)


@pytest.mark.parametrize(
    "t", [[0, 0.5, 1, 0], [0, 1, 2, 3], [0, 5, 5, 0], [0, 0, 0, 0], [[0, 1], [1, 0], [0, 0], [1, 1]]]
)
def test_other_targets_get_none(t, recwarn):
    x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    gnn.train((x, t), **FAST)
    gnn.train(Dataset.from_arrays(x, [0, 1, 1, 0], task="regression", test=0), **FAST)
    assert not recwarn.list


def test_a_warning_reaches_code_without_a_module():
    with pytest.warns(UserWarning, match="learned as amounts"):
        exec("train(([[0], [1], [2]], [0, 1, 1]), **fast)", {"train": gnn.train, "fast": FAST})
    with pytest.warns(UserWarning, match="learned as amounts") as caught:
        gnn.train(([[0], [1], [2]], [0, 1, 1]), **FAST)
    assert [each.filename for each in caught] == [__file__]


def table_of(text):
    """Lines of the table of test samples, the one with the headings first."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.split()[:2] in (["input", "target"],))
    return lines[start : start + 1 + 10]


def test_the_table_of_a_regression_has_errors_and_judges_nothing(tmp_path, capsys):
    data = str(flowers(tmp_path / "flowers.csv"))
    arguments = ["--target", "length", "--features", "width", "--method", "gradient_descent", "--presentations", "30"]
    assert main(["train", "--data", data, *arguments, "--scale", "unit", "--seed", "1", "--json"]) == 0
    text = capsys.readouterr().out
    heading, *rows = table_of(text)
    assert heading.split() == ["input", "target", "output", "error"]
    assert "yes" not in text and "right" not in text and "RMSE " in text
    assert "inputs are the scaled features, as the network receives them" in text and "in scaled units" in text
    found = json.loads(text.strip().splitlines()[-1])
    for row, (target,), (output,) in zip(rows, found["targets"], found["outputs"], strict=True):
        assert float(row.split()[3]) == pytest.approx(output - target, abs=6e-4)
    assert main(["train", "--data", data, *arguments, "--seed", "1"]) == 0
    assert "scaled" not in capsys.readouterr().out


def test_the_table_of_a_classification_names_classes_and_agrees_with_the_accuracy(tmp_path, capsys):
    data, run = str(flowers(tmp_path / "flowers.csv")), str(tmp_path / "run.h5")
    arguments = ["--target", "species", "--scale", "unit", "--method", "gradient_descent", "--presentations", "2"]
    assert main(["train", "--data", data, *arguments, "--seed", "1", "--json", "--output", run]) == 0
    text = capsys.readouterr().out
    heading, *rows = table_of(text)
    assert heading.split() == ["input", "target", "class", "predicted", "class", "right?"]
    found = json.loads(text.strip().splitlines()[-1])
    names = np.array(["setosa", "virginica"])
    cells = np.array([row.split()[2:] for row in rows])  # after two features
    assert cells[:, 0].tolist() == names[np.argmax(found["targets"], axis=1)].tolist()
    assert cells[:, 1].tolist() == names[np.argmax(found["outputs"], axis=1)].tolist()
    assert 0 < (cells[:, 2] == "yes").mean() == found["accuracy"] < 1
    assert len({len(row) for row in rows}) == 1
    assert main(["resume", run]) == 0  # the file has the names, too
    again = capsys.readouterr().out
    assert table_of(again) == [heading, *rows] and "inputs are the scaled features" in again


def test_the_table_of_a_threshold_task_judges_by_the_side_that_the_accuracy_judges_by(capsys):
    arguments = ["train", "xor", "--method", "gradient_descent", "--presentations", "1500", "--seed", "2", "--json"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    found = json.loads(text.strip().splitlines()[-1])
    right = [row.split()[-1] for row in table_of(text)[1:5]]
    assert right == [("no", "yes")[(y > 0.5) == (t > 0.5)] for (y,), (t,) in zip(found["outputs"], found["targets"])]
    assert right.count("yes") / 4 == found["accuracy"]


def test_datasets_know_their_classes(tmp_path):
    x, t = np.linspace(0, 1, 8), np.arange(8) % 2
    assert Dataset.from_csv(flowers(tmp_path / "f.csv"), target="species").classes == ("setosa", "virginica")
    assert Dataset.from_arrays(x, np.where(t, "b", "a")).classes == ("a", "b")
    assert Dataset.from_arrays(x, t + 3, "classification").classes == ("3", "4")
    assert Dataset("mine", "classification", x, t, x, t).classes == ("0", "1")
    assert Dataset.from_arrays(x, t, "threshold").classes == ()
    with pytest.raises(gnn.InputError, match="classes has 3 names, but the task is classification with 2 outputs"):
        Dataset("mine", "classification", x, np.eye(2)[t], x, np.eye(2)[t], classes=("a", "b", "c"))
