"""The commands, as a user runs them: output, JSON, exit codes, and no traceback for a mistake."""

import json
import os
import re
import subprocess
import sys

import pytest

import gillespie_nn
from gillespie_nn.cli import main
from helpers.paths import ROOT

MODEL = "bind: 2 A -> B @ 0.01\nB -> 2 A @ 0.1\nA = 100\n"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(MODEL)
    return path


def _json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_simulate_then_analyze(model, tmp_path, capsys):
    run = str(tmp_path / "run.h5")
    arguments = ["simulate", str(model), "--t-end", "5", "--replicates", "8", "--workers", "2", "--seed", "1"]
    assert main([*arguments, "--output", run, "--json", "--describe"]) == 0
    found = _json(capsys)
    assert found["species"] == ["A", "B"] and found["status"] == {"reached_end": 8} and found["output"] == run
    assert main(["analyze", run, "--json"]) == 0
    again = _json(capsys)
    assert again["mean"] == pytest.approx(found["mean"]) and again["committed"] == 8


def test_rates_are_set_by_the_name_of_the_reaction(model, capsys):
    assert main(["simulate", str(model), "--t-end", "5", "--rate", "bind=0", "--seed", "1", "--json"]) == 0
    assert _json(capsys)["mean"] == [100, 0]


def test_a_species_that_nothing_names_gets_a_warning(model, capsys):
    assert main(["simulate", str(model), "--t-end", "1", "--seed", "1"]) == 0
    assert "in no reaction" not in capsys.readouterr().err
    model.write_text(model.read_text() + "\nTypo = 5\n")
    assert main(["simulate", str(model), "--t-end", "1", "--seed", "1"]) == 0
    assert "warning: in no reaction, rule or event: Typo" in capsys.readouterr().err


def test_train_then_analyze_with_a_figure(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    run, figure = str(tmp_path / "x.h5"), tmp_path / "x.png"
    arguments = ["train", "xor", "--volume", "50", "--presentations", "45", "--running-time", "1", "--seed", "2"]
    assert main([*arguments, "--output", run, "--predict", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out.strip().splitlines()[-1])
    for key in ("accuracy", "outputs", "presentations", "events", "events_per_second", "seconds", "h", "seed", "method",
                "output", "accuracy_chemical", "accuracy_gradient_descent", "solved", "solved_before"):  # fmt: skip
        assert key in found
    assert "right?" in captured.out and "195 reactions became 145 channels" in captured.out
    assert main(["analyze", run, "--figure", str(figure)]) == 0
    assert figure.stat().st_size > 10_000
    assert main(["analyze", run, "--figure", str(figure)]) == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["simulate", "MODEL", "--t-end", "0"], "t_end must be positive"),
        (["simulate", "MODEL", "--t-end", "1", "--volume", "-2"], "volume must be positive and finite, got -2.0"),
        (["simulate", "MODEL", "--t-end", "1", "--method", "ssa"], "unknown method 'ssa'"),
        (["simulate", "MODEL", "--t-end", "1", "--initial", "A=-4"], "at least 0, got -4"),
        (["simulate", "MODEL", "--t-end", "1", "--initial", "A"], "--initial takes NAME=NUMBER"),
        (["simulate", "MODEL", "--t-end", "1", "--initial", "Z=1"], "unknown species 'Z' in the initial state"),
        (["simulate", "MODEL", "--t-end", "1", "--initial", "A=1e18"], "would overflow"),
        (["simulate", "MODEL", "--t-end", "1", "--output", "MODEL"], "runs are written as HDF5, not .txt"),
        (["simulate", "MODEL", "--t-end", "1", "--output", "MODEL/x.h5"], "cannot create the folder"),
        (["simulate", "nowhere.txt", "--t-end", "1"], "no such model file: nowhere.txt"),
        (["train", "mnits"], "unknown case 'mnits'"),
        (["train", "xor", "--hidden", "a"], "--hidden takes sizes"),
        (["train", "xor", "--h", "-1"], "h must be positive"),
        (["analyze", "nowhere.h5"], "no such run file: nowhere.h5"),
        (["analyze", "MODEL"], "not a readable HDF5 file"),
        (["analyze", "MODEL", "--figure", "x.gif"], "unknown figure format '.gif'"),
        (["simulate", "MODEL", "--t-end", "1", "--sweep", "t.csv", "--overwrite"], "omit --overwrite"),
        (["bench", "--leap", "--markdown"], "--leap cannot be combined with --markdown"),
        (["bench", "--scale", "--case", "2-4-1"], "--scale cannot be combined with --case"),
        (["verify-methods", "--ladder", "--check", "closed-forms"], "omit --check"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, what, model, capsys):
    assert main([str(model) + a[5:] if a.startswith("MODEL") else a for a in arguments]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command, what", [("reproduce", "studies"), ("verify-methods", "checks"), ("verify-methods", "methods")]
)
def test_lists_are_json_too(command, what, capsys):
    assert main([command, "--list", "--json"]) == 0
    captured = capsys.readouterr().out.splitlines()
    assert set(json.loads(captured[-1])[what]) <= set(re.findall(r"[\w-]+", " ".join(captured[:-1])))


def test_kernels_that_cannot_be_kept_are_said_and_leave_nothing_behind(tmp_path):
    (tmp_path / "file").touch()
    environment = os.environ | {"GILLESPIE_NN_CACHE": str(tmp_path / "file" / "kernels"), "TMPDIR": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", "import gillespie_nn.kernels.jit"], env=environment, capture_output=True, text=True
    )
    assert "a writable folder in GILLESPIE_NN_CACHE" in found.stderr and found.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_error_in_the_model_names_file_line_and_column(tmp_path, capsys):
    path = tmp_path / "bad.txt"
    path.write_text("A -> B @ 1\nA -> @ 1 2\n")
    assert main(["simulate", str(path), "--t-end", "1"]) == 2
    assert f"{path}: line 2, column 6" in capsys.readouterr().err


def test_an_event_limit_ends_with_exit_code_3(model, capsys):
    assert main(["simulate", str(model), "--t-end", "5", "--max-events", "3", "--json"]) == 3
    found = _json(capsys)
    assert found["status"] == {"event_limit": 1} and found["mean"] is None and found["complete_replicates"] == 0


def test_an_interrupt_ends_with_exit_code_130(model, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gillespie_nn.cli.simulate_command.simulate", interrupted)
    assert main(["simulate", str(model), "--t-end", "5"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_an_internal_error_ends_with_exit_code_3(model, monkeypatch, capsys):
    monkeypatch.setattr("gillespie_nn.cli.simulate_command.simulate", lambda *_, **__: 1 / 0)
    assert main(["simulate", str(model), "--t-end", "5"]) == 3
    assert "please report" in capsys.readouterr().err


@pytest.mark.parametrize("module, install, arguments", [
    ("libsbml", "python-libsbml antimony", ["simulate", "MODEL.xml", "--t-end", "1"]),
    ("matplotlib", "matplotlib", ["analyze", "RUN", "--figure", "FIGURE"]),
])  # fmt: skip
def test_a_missing_extra_says_how_to_install_it(module, install, arguments, model, tmp_path, monkeypatch, capsys):
    (tmp_path / "model.xml").write_text("<sbml/>")
    run = tmp_path / "run.h5"
    assert main(["simulate", str(model), "--t-end", "1", "--output", str(run), "--seed", "1"]) == 0
    capsys.readouterr()
    monkeypatch.setitem(sys.modules, module, None)
    names = {"MODEL.xml": tmp_path / "model.xml", "RUN": run, "FIGURE": tmp_path / "f.png"}
    assert main([str(names.get(a, a)) for a in arguments]) == 2
    assert f"pip install {install}" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["simulate", "train", "resume", "analyze", "report", "fetch_data"])
def test_scripts_are_the_subcommands(script):
    done = subprocess.run([sys.executable, ROOT / "scripts" / f"{script}.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--json" in done.stdout and "examples:" in done.stdout


def test_the_package_runs_as_a_module(tmp_path):
    def ask(*arguments):
        command = [sys.executable, "-m", "gillespie_nn", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = ask("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: gillespie-nn ")
    done = ask("simulate", "nowhere.txt", "--t-end", "1")
    assert done.returncode == 2 and done.stderr == "gillespie-nn: no such model file: nowhere.txt\n"


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert gillespie_nn.__version__ in capsys.readouterr().out


def test_usage_errors_end_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as end:
        main(["simulate"])
    assert end.value.code == 2


def test_simulate_takes_noise_by_flags(model, capsys):
    """The same content as from Python; a rate is constant over a run unless another kind is asked for."""
    run = ["simulate", str(model), "--t-end", "5", "--seed", "1", "--replicates", "3", "--json"]
    assert main([*run, "--rate-noise", "0.2", "--concentration-noise", "0.1", "--noise-step", "0.5"]) == 0
    found = _json(capsys)
    noise = [
        gillespie_nn.RateNoise(0.2, "constant"),
        gillespie_nn.ConcentrationNoise(0.1, "ornstein_uhlenbeck", step=0.5),
    ]
    net = gillespie_nn.ReactionNetwork.from_text(MODEL)
    same = gillespie_nn.simulate(net, 5.0, 101, seed=1, replicates=3, noise=noise)
    assert found["mean"] == same.counts[:, -1].mean(axis=0).tolist()
    assert (
        found["mean"] != gillespie_nn.simulate(net, 5.0, 101, seed=1, replicates=3).counts[:, -1].mean(axis=0).tolist()
    )
    assert main([*run, "--noise-step", "0.5"]) == 2
    assert "does not apply to the requested noise" in capsys.readouterr().err
