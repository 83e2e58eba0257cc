"""What is said of the end of a run, for people: few quantities, no empty columns, honest digits, plain words."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import summary, summary_text
from gillespie_nn.analysis.run_report import MOST, final_state, steps_text
from gillespie_nn.cli import main

DECAY = "A -> B @ 1\nA = 100"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(DECAY)
    return str(path)


def both(model, tmp_path, capsys, *given):
    """What `simulate` and `analyze` print of the same run."""
    run = str(tmp_path / "run.h5")
    assert main(["simulate", model, "--t-end", "1", "--seed", "1", "--output", run, *given]) == 0
    simulated = capsys.readouterr().out
    assert main(["analyze", run]) == 0
    return simulated, capsys.readouterr().out


def test_a_deterministic_run_has_no_reactions_fired_and_no_empty_columns(model, tmp_path, capsys):
    for text in both(model, tmp_path, capsys, "--method", "ode"):
        for unwanted in ("fired", "interval", "deviation", " - ", "stiff_share", "least_concentration", "restarts"):
            assert unwanted not in text
        assert re.search(r"A +36.7879$", text, re.M) and "evaluations of the rate equations" in text
        assert "[concentration]" in text


def test_linear_noise_has_the_deviation_of_its_law_and_no_interval(model, tmp_path, capsys):
    for text in both(model, tmp_path, capsys, "--method", "linear_noise"):
        assert "fired" not in text and "interval" not in text
        deviation = np.sqrt(100 * np.exp(-1) * (1 - np.exp(-1)))
        assert re.search(rf"A +36.7879 +{deviation:.3g}$", text, re.M)


def test_intervals_have_two_digits_of_their_own(model, tmp_path, capsys):
    for text in both(model, tmp_path, capsys, "--replicates", "10"):
        (row,) = re.findall(r"^A +(\S+) \[(\S+), (\S+)\] +\S+$", text, re.M)
        assert all(len(number.partition(".")[2]) <= 1 for number in row)


def test_one_is_singular(model, tmp_path, capsys):
    for text in both(model, tmp_path, capsys):
        assert "1 reaction" in text and not re.search(r"\b1 (reactions|channels|replicates)\b", text)
    assert str(gnn.ReactionNetwork.from_text(DECAY).compiled) == "1 reaction became 1 channel"
    assert "1 reaction)" in repr(gnn.ReactionNetwork.from_text(DECAY))


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_the_quantities_that_moved_most_are_shown(record, tmp_path, capsys):
    lines = [f"S{k} -> T{k} @ 1\nS{k} = {10 if k < 20 else 1000}" for k in range(26)]
    path = tmp_path / "model.txt"
    path.write_text("\n".join(lines))
    arguments = ["--t-end", "20", "--seed", "1", "--replicates", "3", "--record", record]
    assert main(["simulate", str(path), *arguments, "--output", str(tmp_path / "r.h5")]) == 0
    simulated = capsys.readouterr().out
    assert main(["analyze", str(tmp_path / "r.h5")]) == 0
    for text in (simulated, capsys.readouterr().out):
        assert f"the {MOST} of 52 quantities that changed most" in text
        shown = re.findall(r"^ *([ST]\d+) ", text, re.M)
        assert len(shown) == MOST and all(int(name[1:]) >= 20 for name in shown)


def test_what_fluctuates_has_moved_though_its_mean_has_not():
    net = gnn.ReactionNetwork.from_text("0 -> A @ 100\nA -> 0 @ 1\nA = 100\nB -> B + C @ 0.001\nB = 1")
    state = final_state(gnn.simulate(net, 5.0, 2, replicates=50, seed=1))
    assert state.moved[0] > 5 > state.moved[1:].max()


def test_statistics_are_said_in_words():
    found = {"steps": [4.0, 6.0], "stiff_share": [0.5, 0.5], "jacobian_evaluations": [0.0, 0.0]}
    assert steps_text(found, 2) == "mean of a replicate: 5 steps"
    assert steps_text({}, 1) == ""
    assert "below 0" in steps_text({"least_concentration": [-1e-9]}, 1)


_KILLED = """
import sys
import gillespie_nn as gnn
net = gnn.ReactionNetwork.from_text("A -> B @ 1\\nB -> A @ 1\\nA = 100000")
gnn.simulate(net, 1e5, 3, seed=1, output=sys.argv[1])
"""


def test_an_unfinished_run_says_so_and_never_nan(tmp_path):
    path = tmp_path / "run.h5"
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(path)])
    try:
        deadline = time.monotonic() + 100
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with gnn.open_run(path) as run:
            text = summary_text(summary(run))
        assert "; running since 20" in text and "nan" not in text
    finally:
        process.kill()
        process.wait()
    with gnn.open_run(path) as run:
        found = summary(run)
    text = summary_text(found)
    assert found["seconds"] is None and "killed before the end" in text and "nan" not in text


def test_an_interrupted_run_says_after_how_long(tmp_path, monkeypatch):
    from gillespie_nn.storage import TrainingFile

    def stop(file, checkpoint, scores):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingFile, "checkpoint", stop)
    path = tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt):
        gnn.train("xor", volume=20, presentations=6, running_time=1, seed=1, output=path)
    with gnn.open_run(path) as run:
        text = summary_text(summary(run))
    assert re.search(r"; interrupted after \d+\.\d s$", text, re.M) and "of 6 are recorded so far" in text
