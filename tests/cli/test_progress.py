"""Progress: shown where somebody looks, silent elsewhere and for short work, and honest about compilation."""

import subprocess
import sys
import time
import types

import pytest

import gillespie_nn as gnn
from gillespie_nn import progress
from gillespie_nn.progress import Progress


@pytest.fixture
def patient(monkeypatch):
    """Work of a twentieth of a second counts as long."""
    monkeypatch.setattr(progress, "_PATIENCE", 0.05)
    monkeypatch.setattr(progress._Lines, "seconds", 0.02)


def notebook(monkeypatch, shown):
    """An IPython kernel, as far as progress sees one."""

    class Handle:
        def update(self, line, raw):
            shown.append(line["text/plain"])

    def display(line, raw, display_id):
        shown.append(line["text/plain"])
        return Handle()

    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    fake.display = types.SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setattr(progress._Cell, "seconds", 0.02)


def work(**how):
    with Progress("count", 4, **how) as bar:
        for k in range(4):
            time.sleep(0.05)
            bar.update(k + 1, f"{3 - k} left")


def test_nothing_is_shown_where_nobody_looks(patient, capsys):
    assert not progress.somebody_looks()
    work()
    work(shown=False)
    assert capsys.readouterr().err == ""


def test_it_can_be_forced(patient, capsys):
    work(shown=True)
    lines = capsys.readouterr().err.splitlines()
    assert any("count: 50 % after 0 s" in line and "2 left" in line for line in lines)
    assert lines[-1] == "count: done after 0 s"


def test_short_work_shows_nothing(capsys):
    work(shown=True)
    assert capsys.readouterr().err == ""


def test_a_failure_is_not_done(patient, capsys):
    with pytest.raises(KeyboardInterrupt), Progress("count", 4, True):
        time.sleep(0.2)
        raise KeyboardInterrupt
    assert "done" not in capsys.readouterr().err


def test_a_notebook_has_a_line_that_changes(patient, monkeypatch, capsys):
    shown = []
    notebook(monkeypatch, shown)
    assert progress.somebody_looks()
    work()
    assert shown[0].startswith("count: ") and shown[-1] == "count: done after 0 s" and len(shown) > 2
    assert capsys.readouterr() == ("", "")


def test_what_a_shown_one_calls_shows_nothing(patient, monkeypatch):
    shown = []
    notebook(monkeypatch, shown)
    with Progress("outer", None):
        work()
    assert shown and all(line.startswith("outer") for line in shown)
    shown.clear()
    work()
    assert shown  # and afterwards it is shown again


def test_compilation_is_told_while_it_lasts(patient, capsys):
    from numba.core import event

    with Progress("simulate", 2, True, "rejection") as bar:
        event.start_event("numba:compile")
        time.sleep(0.2)
        event.end_event("numba:compile")
        bar.update(1.0)
        time.sleep(0.2)
    compiling = "compiling the kernels of rejection (first run of this version on this machine"
    *lines, last = capsys.readouterr().err.splitlines()
    assert compiling in lines[0] and compiling not in lines[-2]
    assert last.startswith(
        "gillespie-nn: compiled the kernels of rejection for this machine in 0.2 s (once per version"
    )


def compiled(seconds):
    from numba.core import event

    event.start_event("numba:compile")
    time.sleep(seconds)
    event.end_event("numba:compile")


def test_compilation_is_reported_once_in_one_line_where_nobody_looks(patient, capsys):
    with Progress("sweep", 2, kernels="direct"):
        for _ in range(2):
            with Progress("simulate", 1, kernels="direct"):
                compiled(0.06)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gillespie-nn: compiled the kernels of direct for this machine in 0.1 s")
    with Progress("simulate", 2, kernels="direct"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_compilation_is_reported_after_a_failure(patient, capsys):
    with pytest.raises(ValueError), Progress("simulate", 2):
        compiled(0.1)
        raise ValueError
    assert capsys.readouterr().err.startswith("gillespie-nn: compiled the kernels for this machine in 0.1 s")


def test_silence_and_short_compilations_report_nothing(patient, capsys):
    with Progress("simulate", 2, False):
        compiled(0.1)
    with Progress("simulate", 2):
        compiled(0.02)
    assert capsys.readouterr().err == ""


def test_the_first_run_on_a_machine_says_that_it_compiles(tmp_path):
    """Every numba function of another folder of kernels counts as new; a jitted one of the test's own is as good."""
    script = """
import numba, time
from gillespie_nn import progress
progress._PATIENCE = progress._Lines.seconds = 0.001
@numba.njit
def f(x):
    return x + 1
with progress.Progress("first", 1, True) as bar:
    f(1)
time.sleep(0.01)
with progress.Progress("second", 1, True) as bar:
    f(1)
    time.sleep(0.05)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    assert any(line.startswith("first") and "compiling" in line for line in done.splitlines())
    assert not any(line.startswith("second") and "compiling" in line for line in done.splitlines())


def test_functions_show_progress_by_default_only_where_somebody_looks(patient, monkeypatch, capsys):
    net = gnn.ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 1\nA = 20000")
    run = {"t_end": 500.0, "n_points": 3, "seed": 1}
    gnn.simulate(net, **run, progress=False)  # compiles, if nobody did
    gnn.simulate(net, **run)
    assert capsys.readouterr().err == ""
    shown = []
    notebook(monkeypatch, shown)
    gnn.simulate(net, **run)
    assert shown and shown[-1].startswith("simulate: done")
    shown.clear()
    gnn.simulate(net, **run, progress=False)
    assert not shown


def test_every_phase_of_training_has_its_progress(monkeypatch):
    shown, enter = [], Progress.__enter__

    def entered(self):
        shown.append(self.label)
        return enter(self)

    monkeypatch.setattr(Progress, "__enter__", entered)
    gnn.train("xor", volume=50.0, presentations=5, running_time=1.0, seed=1, predict=True)
    assert shown == ["prepare the network", "train xor", "evaluate", "predict"]
