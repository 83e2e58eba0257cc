"""Verification of bounds: files of results survive, and are the same however they came about."""

import json
import signal

import h5py
import numpy as np
import pytest

from gillespie_nn import InputError
from gillespie_nn.cli import main
from gillespie_nn.propositions import carry_out, setting_of, simulate_paths
from gillespie_nn.propositions import results as files
from gillespie_nn.propositions.driven import DrivenPaths
from gillespie_nn.propositions.forcing import Rate
from helpers.processes import child
from helpers.short_bounds import SHORT

ARRAYS = ("theta", "theta_0", "bound", "ratio", "violations", "committed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of a verification that nothing interrupts."""
    return simulate_paths(_source(), tmp_path_factory.mktemp("whole") / "one.h5", workers=1)


def _source(paths=20):
    return Rate(setting_of(SHORT), paths, 0, looks=3)


def _begun(path):
    with h5py.File(path) as file:
        return files.read(path, json.loads(file.attrs["arguments"]))


def _same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


def test_files_of_others_beside_the_results_are_not_overwritten(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    for name in ("notes.md", "notes.json", "notes.png", "notes-course.png"):
        (tmp_path / name).write_text("mine")
        assert main(["verify-bounds", "--paths", "20", "--looks", "1", "--output", "notes.h5"]) == 2
        assert f"{name} exists" in capsys.readouterr().err and (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert list(tmp_path.iterdir()) == []


def test_results_are_the_same_for_any_workers_and_after_an_error(whole, tmp_path, monkeypatch):
    assert _same(whole, simulate_paths(_source(), tmp_path / "two.h5", workers=2))
    errors = DrivenPaths.errors
    monkeypatch.setattr(DrivenPaths, "errors", lambda self, k: errors(self, k) if k < 7 else 1 / 0)
    output = tmp_path / "broken.h5"
    with pytest.raises(ZeroDivisionError):
        simulate_paths(_source(), output, workers=1)
    monkeypatch.undo()
    assert _begun(output).committed.all(axis=1).sum() == 7
    assert _same(whole, simulate_paths(_source(), output, workers=2))


KILLED = """
import os, signal, sys
from helpers.short_bounds import SHORT
from gillespie_nn.storage import hdf5
from gillespie_nn.propositions import proposition_report, setting_of, simulate_paths
from gillespie_nn.propositions.forcing import Rate

proposition_report._SECONDS = proposition_report._WRITING = 0.0  # the file is written after every path
writings, replace = 0, os.replace

def killing(part, path):
    global writings
    writings += 1
    if writings == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(part, path)

hdf5.os.replace = killing
simulate_paths(Rate(setting_of(SHORT), 20, 0), sys.argv[1], workers=1)
"""
"""Kills itself when the sixth file is whole, but not yet in the place of the fifth: that of four paths or more."""


@pytest.mark.robustness
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_verification_goes_on_to_the_content_of_an_uninterrupted_one(whole, tmp_path):
    output = tmp_path / "b.h5"
    ended = child(KILLED, output)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    known = _begun(output).committed.all(axis=1).sum()
    assert 4 <= known < 20
    source = _source()
    assert len(source.tasks(_begun(output), source.allotted[0])) == 20 - known
    assert _same(whole, simulate_paths(_source(), output, workers=1))
    assert _same(whole, _begun(output))


def test_another_verification_is_not_mixed_with_one_in_a_file(tmp_path):
    output = tmp_path / "b.h5"
    simulate_paths(_source(), output)
    with pytest.raises(InputError, match="paths.*--overwrite"):
        simulate_paths(_source(paths=21), output)
    assert len(simulate_paths(_source(paths=21), output, overwrite=True).theta) == 21


def test_later_looks_keep_the_paths_of_earlier_ones(whole, tmp_path, monkeypatch):
    """With checks that the first two looks leave open, the paths of the first look are those of the last."""
    source, output = _source(), tmp_path / "b.h5"
    judged = source.judgements

    def left_open(results, confidence, say):
        found = judged(results, confidence, say)
        return [j._replace(verdict="inconclusive") for j in found] if len(results.theta) < 60 else found

    monkeypatch.setattr(source, "judgements", left_open)
    simulated = []
    tasks = source.tasks
    monkeypatch.setattr(source, "tasks", lambda *given: simulated.append(tasks(*given)) or simulated[-1])
    outcome = carry_out(source, output, workers=1)
    assert [len(t) for t in simulated] == [20, 20, 20] and outcome.decisions.look == 3
    assert _same(whole, outcome.results.upto(source.allotted[0])) and _same(outcome.results, _begun(output))
    simulated.clear()
    again = carry_out(source, output, workers=2)
    assert [len(t) for t in simulated] == [0, 0, 0] and _same(again.results, outcome.results)
