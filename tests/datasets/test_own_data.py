"""Samples of one's own: arrays and CSV files become a dataset, or a sentence says why not."""

import json
import re
import shlex
import sys

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
        ("a,b\n1,2.5\n,3\n", {"target": "b"}, "column 'a': a feature must be a finite number, got an empty cell: "),
        ("a,b\n1,2.5\nNA,3\n", {"target": "b"}, "got 'NA', which stands for a missing value: complete it"),
        ("a;b\n1;2.5\n1,5;3\n", {"target": "b"}, "line 3, column 'a': a feature must be a finite number, got '1,5': "
         "write decimals with a point"),
        ("a,c,b\n1,red,x\n2,green,y\n", {"target": "b"}, "line 2, column 'c': a feature must be a finite number, got "
         "'red': leave the column out (features=['a'], --features a), or write it as numbers"),
        ("a,b\n1,x\n2,nan\n", {"target": "b"}, "line 3, column 'b' has the target 'nan', which stands for a missing "
         "value: complete it or leave the sample out; if it is the name of a class"),
        ("a,b\n1,1.5\n2,2.5\n3,x\n", {"target": "b"}, "line 4, column 'b': the target 'x' is no number, but most "
         "others are: correct it, or, if all are names of classes, set task='classification' (--task classification)"),
        ("a,b\n1,1.5\n2,x\n", {"target": "b", "task": "regression"}, "line 3, column 'b': the target 'x' is no number, "
         "as regression needs"),
        ("a,b\n1,2.5\n2,2.5\n", {"target": "b"}, "all targets are 2.5, so there is nothing to learn"),
        ("1,2.5\n2,3.5\n", {"target": "b"}, "line 1 has numbers only, 1, 2.5: the first line must hold the names"),
        (",a,b\n0,1,2\n", {"target": "b"}, "line 1, column 1 has no name, but every column needs a unique name"),
        ("b,a,c,a\n1,2,3,4\n", {"target": "b"}, "columns 2 and 4 are both named 'a'"),
        ('a,b\n1,x\n"2,y\n3,z\n', {"target": "b"}, "the sample that begins in line 3 is not CSV"),
        ("a,b\n1,x\n2,y,z\n", {"target": "b"}, "divided by commas: complete or correct the line; a cell that contains"),
        ("a,b\n" + "1,x\n2,y\n" * 3 + "3,z\n", {"target": "b", "test": 0.6}, "with test = 0.6 no sample of class "
         "number 2 is left to train with, of 1 in all"),
        ("a,b\n1,x\n", {}, "target is missing: name the column to learn, for example target='b' (--target b)"),
        ("a,b\n1,x\n2,\n", {"target": "b"}, "line 3 has no value in column 'b'"),
        ("a,b\n1,2.5\n1,2,3\n", {"target": "b"}, "line 3 has 3 cells, but the first line has 2"),
        ("a,a\n1,2\n", {"target": "a"}, "every column needs a unique name"),
        ("a,b\n", {"target": "b"}, "has no samples"),
        ("a,b\n1,0\n2,1\n", {"target": "b"}, "the targets in column 'b' are whole numbers, which can be classes or "
         "amounts: give the task, task='classification' (--task classification) or task='regression' (--task "
         "regression)"),
        ("a,b\n1,x\n2,x\n", {"target": "b"}, "all samples belong to one class, 'x'"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "task": "regression"}, "are names, such as 'x', but regression needs"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "task": "classes"}, "unknown task 'classes'"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "scale": "log"}, "unknown scale 'log': choose one of unit, standard"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "test": 1.5}, "test must lie between 0 and 1"),
        ("a,b\n1,x\n2,y\n", {"target": "b"}, "2 samples cannot be split with test = 0.25"),
        ("a,b\n1,x\n2,y\n", {"target": "b", "features": ["b"]}, "features must be different columns besides"),
    ],
)  # fmt: skip
def test_what_is_no_dataset_is_a_sentence(text, how, message, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(gnn.InputError, match=re.escape(message)):
        Dataset.from_csv(tmp_path / "x.csv", **how)


def sized(factor, task="regression"):
    """Samples of one feature, `factor`, so that |x|^2 is its square."""
    x = np.full((8, 1), factor)
    return Dataset.from_arrays(x, np.linspace(0, 1, 8), task, test=0)


def test_features_too_large_to_be_concentrations_are_an_error_before_the_work(tmp_path, monkeypatch, capsys):
    module = sys.modules["gillespie_nn.api.train"]  # the package has the function of this name
    monkeypatch.setattr(module, "execute_training", lambda *a: pytest.fail("it started"))
    path = flowers(tmp_path / "f.csv", scale=1000.0)
    message = "the features are too large to be concentrations: .* above 20 training diverges; .*--scale unit"
    for method in ("auto", "tau_leap", "ode"):
        with pytest.raises(gnn.InputError, match=message):
            gnn.train(path, target="species", method=method, seed=1)
    run = tmp_path / "run.h5"
    assert main(["train", str(path), "--target", "species", "--seed", "1", "--output", str(run)]) == 2
    assert re.search(message, capsys.readouterr().err) and not run.exists()


def test_the_limit_is_that_of_the_loop_of_a_linear_neuron(recwarn):
    """eta |x|^2 of ten times 2 per second, however long a presentation lasts; the cure of the message is enough."""
    assert not sized(44.7).size_error(0.01) and not sized(1.0).size_error(19.0)
    text = sized(100.0).size_error(0.01)
    assert "learning_rate times |x|^2 is 1e+02 [1/s]" in text and "learning rate 2.5e+02 times smaller" in text
    assert not sized(100.0).size_error(0.01 / 250)
    assert "over 4 samples" in sized(40.0).size_error(0.01, batch=4) and not sized(40.0).size_error(0.01)
    assert not sized(100.0).size_error(0.01, centred=True)
    assert "--scale unit" in text and "at this learning rate" not in text
    scaled = Dataset.from_arrays(np.linspace(0.0, 1.0, 8)[:, None], np.linspace(0, 1, 8), scale="unit", test=0)
    text = scaled.size_error(100.0)
    assert "too large to be concentrations at this learning rate" in text and "--scale" not in text
    # What only overshoots is a warning: it may learn, if badly. Nothing reacts in gradient descent, which is fast.
    short = {"presentations": 2, "running_time": 1.0, "volume": 10.0, "seed": 1}
    gnn.train(sized(12.0), **short | {"learning_rate": 0.002, "running_time": 20.0, "method": "implicit_euler"})
    gnn.train(sized(20.0), **FAST | {"presentations": 1})
    assert [str(w.message)[:50] for w in recwarn.list] == ["the learning rate is too large for these inputs: s"] * 2
    with pytest.warns(UserWarning, match="the targets are as large as 5e\\+03"):
        gnn.train(([[0.0], [1.0]], [0.5, 5000.0]), **FAST)


@pytest.mark.parametrize("gain, grows", [(1.8, False), (2.2, True)])
def test_the_loop_of_a_linear_neuron_grows_above_two_per_second(gain, grows):
    """The rate equations of a network of one linear neuron, whose bias adds 1 to |x|^2, swing up or calm down."""
    from gillespie_nn.nn import training_network

    spec = training_network((1, 1), learning_rate=gain / 101.0)
    schedule = spec.schedule([10.0], [1.0], 1e6, 60.0)
    initial = spec.initial([0.05, 0.0], 1e6)
    run = gnn.simulate(spec.network, 60.0, 601, volume=1e6, method="ode", initial=initial, schedule=schedule)
    away = np.abs(spec.read_outputs(run.counts[0], 1.0 if run.units == "concentration" else 1e6)[:, 0] - 1.0)
    assert (away[400:].max() > away[100:300].max()) == grows


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
        (["xor", "--target", "y"], "target only applies to a data file: give the path of a CSV file in place of 'xor'"),
        (["xor", "--data", "x.csv"], "not both"),
        (["x.csv", "--target", "y"], "no such data file: x.csv"),
        (["x.csv", "--data", "y.csv"], "give either 'x.csv' or --data y.csv, not both"),
        (["xor", "--scale", "log"], "unknown scale 'log'"),
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
    assert main(["train", data, *arguments, "--scale", "unit", "--seed", "1", "--json"]) == 0
    text = capsys.readouterr().out
    heading, *rows = table_of(text)
    assert heading.split() == ["input", "target", "output", "error"]
    assert "yes" not in text and "right" not in text and "RMSE " in text
    assert "inputs, targets and outputs are in the units that they were given in" in text
    assert "in scaled units" not in text.partition("scores are in scaled units")[2]
    found = json.loads(text.strip().splitlines()[-1])
    scale = Dataset.from_csv(data, "length", features=["width"], scale="unit", seed=1).target_scale
    for row, (target,), (output,) in zip(rows, found["targets"], found["outputs"], strict=True):
        shown = [float(cell) for cell in row.split()[1:]]
        in_units = [scale.offset[0] + scale.width[0] * value for value in (target, output)]
        assert shown == pytest.approx([*in_units, in_units[1] - in_units[0]], abs=6e-4)
    in_units = re.search(r"RMSE .*, which is (\S+) in the units of the targets", text)[1]
    assert float(in_units) == pytest.approx(found["rmse"] * scale.width[0], rel=1e-3)
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
    assert table_of(again) == [heading, *rows] and "inputs are in the units that they were given in" in again
    data = Dataset.from_csv(data, "species", scale="unit", seed=1)
    inputs = np.array([row.split()[:2] for row in rows], dtype=float)
    np.testing.assert_allclose(data.to_concentrations(inputs), data.test_x, atol=2e-4)


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


HEADER, ROWS = 'length,"a, b",kind', ["1.5,2,x", "2.5,3,y", '3.5,4,"x"', "4.5,5,y"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([HEADER, *ROWS]),
        "\ufeff" + "\r\n".join([HEADER, "", *ROWS]) + "\r\n\r\n",  # of Windows: a mark, other line ends, empty lines
        "\n".join([HEADER, *ROWS]).replace(",", ", "),
        '"length";"a, b";"kind"\n' + "\n".join(row.replace(",", ";") for row in ROWS),  # quotes hide commas
        '"length"\t"a, b"\t"kind"\n' + "\n".join(row.replace(",", "\t") for row in ROWS),
        HEADER + '\n1.5,2,"x"\n2.5,3,"y\n"\n3.5,4,x\n4.5,5,y\n',  # a line end within a cell
    ],
)  # fmt: skip
def test_files_of_many_programs_are_one_table(text, tmp_path):
    (tmp_path / "x.csv").write_bytes(text.encode())
    data = Dataset.from_csv(tmp_path / "x.csv", "kind", test=0, features=["a, b", "length"])
    assert data.train_x.tolist() == [[2, 1.5], [3, 2.5], [4, 3.5], [5, 4.5]] and data.classes == ("x", "y")
    assert data.train_t[:, 0].tolist() == [1, 0, 1, 0]


def test_lines_are_counted_behind_a_cell_with_a_line_end(tmp_path):
    (tmp_path / "x.csv").write_text('a,b\n1,"x\ny"\nred,z\n')
    with pytest.raises(gnn.InputError, match="line 4, column 'a'"):
        Dataset.from_csv(tmp_path / "x.csv", "b")


def test_constant_features_and_classes_without_a_test_sample_are_noted(tmp_path):
    (tmp_path / "x.csv").write_text("a,c,b\n" + "1,7,x\n2,7,y\n" * 4 + "3,7,z\n")
    data = Dataset.from_csv(tmp_path / "x.csv", "b")
    assert "feature 'c' is the same in all samples: leave it out" in data.notice
    assert "no test sample is of class z, which has too few samples" in data.notice
    assert "the same" not in Dataset.from_csv(tmp_path / "x.csv", "b", features=["a"]).notice
    assert "features 0, 1 are the same" in Dataset.from_arrays(np.ones((8, 2)), ["x", "y"] * 4).notice


@pytest.mark.parametrize("kind", ["unit", "standard"])
def test_a_scale_maps_and_takes_back(kind):
    rng = np.random.default_rng(2)
    x, t = rng.normal(50, 20, (40, 3)), rng.normal(-7, 3, (40, 2))
    x[:, 2] = 0.1
    data = Dataset.from_arrays(x, t, scale=kind, test=0)
    np.testing.assert_array_equal(data.to_concentrations(x), data.train_x)
    np.testing.assert_allclose(data.from_concentrations(data.train_t), t, rtol=1e-12)
    assert (data.train_x[:, 2] == 0).all() and data.scaled
    if kind == "unit":
        assert (data.train_x.min(axis=0) == 0).all() and (data.train_t.max(axis=0) == 1).all() and not data.signed
    else:
        np.testing.assert_allclose(data.train_x[:, :2].std(axis=0), 1)
        np.testing.assert_allclose(data.train_t.mean(axis=0), 0, atol=1e-12)
        assert data.signed
    plain = Dataset.from_arrays(x, t, test=0)
    np.testing.assert_array_equal(plain.to_concentrations(x), x)
    np.testing.assert_array_equal(plain.from_concentrations(t), t)


def test_a_scale_is_checked():
    Scale = gnn.datasets.dataset.Scale
    for offset, width, message in (
        ([0.0], [0.0], "positive, finite widths"),
        ([np.nan], [1.0], "finite offsets"),
        ([0.0, 1.0], [1.0], "one offset and one width per column"),
    ):
        with pytest.raises(gnn.InputError, match=message):
            Scale("unit", offset, width)
    with pytest.raises(gnn.InputError, match="too far apart"):
        Scale.of("unit", np.array([[-1.7e308], [1.7e308]]))
    x = np.eye(2)
    with pytest.raises(gnn.InputError, match="feature_scale has 1 columns, but there are 2"):
        Dataset("mine", "regression", x, x, x, x, feature_scale=Scale("unit", [0.0], [1.0]))


LABELS = ["no", "yes", "yes", "no"]


@pytest.mark.parametrize(
    "labels",
    [LABELS, np.array(LABELS), np.array(LABELS, dtype=object), np.array(LABELS, dtype="S"), np.array(LABELS)[:, None]],
    ids=["list", "str", "object", "bytes", "column"],
)
def test_labels_are_classes_everywhere(labels):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    for data in (
        Dataset.from_arrays(x, labels, test=0),
        gnn.datasets.own_data(x, labels),
        Dataset("mine", "classification", x, labels, x, labels),
    ):
        assert data.classes == ("no", "yes") and data.task == "classification"
        assert data.train_t.tolist() == data.test_t.tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    fit = gnn.train((x, labels), **FAST)
    assert fit.plan.dataset.classes == ("no", "yes") and fit.classify(x).shape == (4,)


def test_a_missing_label_is_no_class():
    x = np.zeros((3, 1))
    for labels, message in (
        (["a", None, "b"], "sample 1 has the target 'None', which stands for a missing value"),
        (np.array(["a", np.nan, "b"], dtype=object), "sample 1 has the target 'nan'"),
        (["a", "", "b"], "sample 1 has no target: complete it or leave the sample out"),
    ):
        with pytest.raises(gnn.InputError, match=message):
            Dataset.from_arrays(x, labels)
    with pytest.raises(gnn.InputError, match="must be numbers or names in rows of equal length"):
        Dataset.from_arrays(x, [["a"], ["b", "c"], ["d"]])


def test_large_class_numbers_are_different_classes():
    numbers = [1234567, 1234568, 1234567, 1234568]
    assert Dataset.from_arrays(np.eye(4), numbers, "classification", test=0).classes == ("1234567", "1234568")


def test_a_file_is_learnt_in_one_line_as_by_the_dataset(tmp_path):
    path = flowers(tmp_path / "f.csv")
    fit = gnn.train(str(path), target="species", scale="unit", features="width", test=0.5, **FAST)
    data = Dataset.from_csv(path, "species", scale="unit", features=["width"], test=0.5, seed=FAST["seed"])
    assert fit.plan.dataset.digest == data.digest and fit.plan.has_user_data
    np.testing.assert_array_equal(fit.weights, gnn.train(data, **FAST).weights)
    assert gnn.train(path, target="species", **FAST).plan.dataset.name == "f"
    # A seed that is drawn decides the split, too.
    drawn = gnn.train(path, target="species", method="gradient_descent", presentations=3)
    assert drawn.plan.dataset.digest == Dataset.from_csv(path, "species", seed=drawn.plan.seed).digest


def test_what_is_a_file_and_what_a_case(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flowers(tmp_path / "flowers")
    flowers(tmp_path / "iris")
    assert gnn.train("flowers", target="species", **FAST).plan.dataset.name == "flowers"  # any file that exists
    assert gnn.train("iris", **FAST).spec.layers[0] == 4  # a case before a file of its name
    assert gnn.train("./iris", target="species", **FAST).spec.layers[0] == 2
    assert main(["train", "--data", "iris", "--target", "species", "--method", "gradient_descent"]) == 0
    for data, how, message in (
        ("nothing.TSV", {"target": "y"}, "no such data file: nothing.TSV"),
        ("nothing", {"target": "y"}, "target only applies to a data file: .* in place of 'nothing'"),
        ("flowers", {}, "target is missing: .* for example target='species' \\(--target species\\)"),
        ((np.eye(2), [1, 0]), {"scale": "unit"}, "scale only applies to a data file: .*Dataset.from_arrays"),
        ("flowers", {"target": 3}, "target must be the name of a column, got 3"),
        ("flowers", {"target": "species", "features": [1]}, "features must be names of columns"),
        ("flowers", {"target": "species", "test": -1}, "test must be at least 0"),
        ("flowers", {"target": "species", "sclae": "unit"}, "did you mean 'scale'"),
    ):
        with pytest.raises(gnn.InputError, match=message):
            gnn.train(data, **how, **FAST)


@pytest.mark.parametrize("name", ["~nobody-of-this-name", "x" * 300, "a\0b"])
def test_what_cannot_be_a_file_is_no_case(name):
    with pytest.raises(gnn.InputError, match="unknown case"):
        gnn.train(name)


def test_a_suggested_command_is_quoted_for_a_shell(tmp_path):
    """The names of columns may come from a stranger."""
    for name in ("a|b>c", "b`id`", "x#y", "it's"):
        (tmp_path / "x.csv").write_text(f"{name},z,{name}2\n1,2,3\n")
        with pytest.raises(gnn.InputError) as refused:
            Dataset.from_csv(tmp_path / "x.csv")
        words = shlex.split(re.search(r"\(--target (.*?)\); the columns", str(refused.value))[1])
        assert words == [f"{name}2"]
