"""Training runs that are killed go on to the content of an uninterrupted run, for every method and at any moment."""

import json
import multiprocessing
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.cli import main
from gillespie_nn.cli.train_command import print_fit
from gillespie_nn.simulation import LEVELS, METHODS, presentations
from gillespie_nn.simulation.presentations import generator_state, restored_generator
from gillespie_nn.storage.hdf5 import Lock
from helpers.interrupted_runs import SHORT, interrupted, train
from helpers.run_files import same

TRAINING = [m.name for m in (*METHODS, *LEVELS) if m.trains and not m.records_covariance]
"""Methods that train."""


def test_the_time_in_all_of_a_resumed_run_is_that_of_all_processes(tmp_path, monkeypatch, capsys):
    interrupted(tmp_path / "cut.h5", monkeypatch, 14)
    fit = gnn.resume(tmp_path / "cut.h5")
    assert 0 < fit.earlier_seconds < fit.seconds
    print_fit(replace(fit, seconds=66.9, earlier_seconds=30.0), 46.1)
    line = next(line for line in capsys.readouterr().out.splitlines() if " presentations in " in line)
    assert "in 66.9 s" in line and "30.0 s of this before the run was resumed; 46.1 s since then" in line
    assert line.endswith("76.1 s in all")
    print_fit(replace(fit, seconds=66.9, earlier_seconds=0.0), 70.1)
    assert "; 70.1 s in all, with preparation and evaluation" in capsys.readouterr().out


def test_an_interrupted_run_with_a_hold_becomes_the_uninterrupted_one(tmp_path, monkeypatch):
    train(tmp_path / "whole.h5", hold=0.4)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, hold=0.4)
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")


@pytest.mark.parametrize("name", TRAINING)
def test_an_interrupted_run_of_every_method_becomes_the_uninterrupted_one(name, tmp_path, monkeypatch):
    train(tmp_path / "whole.h5", method=name)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, method=name)
    assert not same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    fit = gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    np.testing.assert_array_equal(fit.weights, train(None, method=name).weights)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.h5", "whole.h5"]


def _run(path, arguments):
    if path.exists():
        gnn.resume(path)
    else:
        train(path, **arguments)


def _until_it_ends(path, arguments, seconds):
    """Carry a run out in processes of which each is killed at a random moment; how many were."""
    rng = np.random.default_rng()
    for n_killed in range(100):
        process = multiprocessing.get_context("fork").Process(target=_run, args=(path, arguments))
        process.start()
        process.join(seconds * rng.uniform(0.0, 0.3 + 0.2 * n_killed))  # later and later, so that it ends
        if not process.is_alive():
            assert process.exitcode == 0
            return n_killed
        process.kill()
        process.join()
    raise AssertionError("it was never given the time to end")


@pytest.mark.parametrize(
    "arguments",
    [
        *({"method": name, "presentations": 80} for name in TRAINING),
        {"data": "iris", "method": "rejection", "checkpoint_every": 3, "validation": 0.2, "evaluate_every": 9,
         "patience": 4, "record_every": 2, "presentations": 100, "predict": 3, "hold": 0.0},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())),
)  # fmt: skip
def test_a_run_killed_at_random_moments_becomes_the_uninterrupted_one(arguments, tmp_path):
    """SIGKILL, some in the middle of writing. The moments are the machine's; the content must not be."""
    # The first run imports and compiles, with a file too: a time that has this in it is longer than ten whole runs.
    train(tmp_path / "first.h5", **arguments)
    started = time.perf_counter()
    train(tmp_path / "whole.h5", **arguments)
    seconds = time.perf_counter() - started
    n_killed = sum(_until_it_ends(tmp_path / f"killed{k}.h5", arguments, seconds) for k in range(3))
    assert n_killed >= 3
    for k in range(3):
        assert same(tmp_path / f"killed{k}.h5", tmp_path / "whole.h5")


def test_a_torn_slot_gives_way_to_the_one_before_and_two_to_the_start(tmp_path, monkeypatch):
    train(tmp_path / "whole.h5")
    for torn in ([0], [1], [0, 1]):
        path = tmp_path / f"torn{torn}.h5"
        interrupted(path, monkeypatch, 14)
        with h5py.File(path, "r+") as file:
            assert file["checkpoint/number"][:].tolist() == [2, 3]
            for slot in torn:
                counts = file["checkpoint/counts"][slot]
                counts[len(counts) // 2 :] = 0
                file["checkpoint/counts"][slot] = counts
        gnn.resume(path)
        assert same(path, tmp_path / "whole.h5")


def test_records_beyond_the_checkpoint_are_made_again(tmp_path, monkeypatch):
    train(tmp_path / "whole.h5")
    path = tmp_path / "cut.h5"
    interrupted(path, monkeypatch, 14)
    with h5py.File(path, "r+") as file:
        assert file["training/n_recorded"][()] == 14
        file["training/weights"][12:] = 7.0
        file["counts"][0, 12:] = 7
    gnn.resume(path)
    assert same(path, tmp_path / "whole.h5")


def test_without_a_checkpoint_a_run_starts_over(tmp_path, monkeypatch):
    train(tmp_path / "whole.h5")
    interrupted(tmp_path / "cut.h5", monkeypatch, 0)
    with h5py.File(tmp_path / "cut.h5", "r") as file:
        assert not file["checkpoint/number"][:].any()
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")


@pytest.mark.parametrize("name", ["rejection", "tau_leap", "langevin"])
def test_a_generator_that_is_not_restored_is_caught(name, tmp_path, monkeypatch):
    """The generator starts anew when a run is resumed."""
    train(tmp_path / "whole.h5", method=name)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, method=name)
    with monkeypatch.context() as patch:
        found = iter([seeds.stream(SHORT["seed"], seeds.Purpose.SIMULATION)])
        patch.setattr(presentations, "restored_generator", lambda n: next(found, None) or restored_generator(n))
        gnn.resume(tmp_path / "cut.h5")
    assert not same(tmp_path / "cut.h5", tmp_path / "whole.h5")


@pytest.mark.parametrize("name", ["tau_leap", "langevin", "ode"])
def test_a_forgotten_memory_is_caught(name, tmp_path, monkeypatch):
    train(tmp_path / "whole.h5", method=name)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, method=name)
    kind = next(m for m in (*METHODS, *LEVELS) if m.name == name)
    recall = kind._recall
    calls = iter([lambda *_: None])
    with monkeypatch.context() as patch:
        patch.setattr(kind, "_recall", lambda self, memory: next(calls, recall)(self, memory))
        gnn.resume(tmp_path / "cut.h5")
    assert not same(tmp_path / "cut.h5", tmp_path / "whole.h5")


def test_the_state_of_a_generator_is_plain_numbers():
    rng = seeds.stream(3, seeds.Purpose.SIMULATION)
    rng.integers(0, 2**32, dtype=np.uint32)  # leaves half a word
    again = restored_generator(generator_state(rng))
    assert generator_state(rng)[4] == 1
    for _ in range(3):
        assert rng.integers(0, 2**32, dtype=np.uint32) == again.integers(0, 2**32, dtype=np.uint32)
        assert rng.standard_exponential() == again.standard_exponential()


def test_checkpoints_change_no_path_of_a_method_without_chance(tmp_path):
    one, other = (train(None, method="ode", checkpoint_every=n) for n in (1, 1000))
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-9)


def test_own_data_are_in_the_file(tmp_path, monkeypatch):
    x = np.linspace(-1, 1, 8)[:, None]
    own = {"data": (x, x**2), "hidden": (3,), "limit": 6, "presentations": 23}
    train(tmp_path / "whole.h5", **own)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, **own)
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    fit = gnn.load_fit(tmp_path / "cut.h5")
    np.testing.assert_array_equal(fit.plan.dataset.test_x, x)


def test_a_run_that_has_ended_is_read_back(tmp_path):
    fit = train(tmp_path / "x.h5", validation=0.5, predict=2)
    before = (tmp_path / "x.h5").read_bytes()
    for again in (gnn.load_fit(tmp_path / "x.h5"), gnn.resume(tmp_path / "x.h5")):
        for name in ("weights", "last_weights", "best_weights", "chemical"):
            np.testing.assert_array_equal(getattr(again, name), getattr(fit, name))
        np.testing.assert_equal(again.scores, fit.scores)
        np.testing.assert_equal(again.trained.scores, fit.trained.scores)
        assert (again.n_events, again.seconds, again.trained.best) == (fit.n_events, fit.seconds, fit.trained.best)
        np.testing.assert_array_equal(again.predict([[0.0, 1.0]]), fit.predict([[0.0, 1.0]]))
    assert (tmp_path / "x.h5").read_bytes() == before


def _set(path, name, key, value):
    with h5py.File(path, "r+") as file:
        (file[name] if name else file).attrs[key] = value


def test_another_model_other_data_or_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "cut.h5"
    interrupted(path, monkeypatch, 14)
    whole = path.read_bytes()
    with h5py.File(path, "r") as file:
        digest, data = file["model"].attrs["digest"], json.loads(file["training"].attrs["data"])
        arguments = json.loads(file["training"].attrs["arguments"])
    other = arguments | {"settings": arguments["settings"] | {"h": 0.5}}
    for group, key, value, words in (
        ("training", "arguments", json.dumps(other), f"different model: SHA-256 {digest}, but its settings give "),
        ("training", "data", json.dumps(data | {"digest": "0"}), f"SHA-256 0, but the data here have {data['digest']}"),
        (None, "software_version", "0.0.1", "was started by version 0.0.1"),
        (None, "version", [1, 3], "has format version 1.3, without checkpoints"),
    ):  # fmt: skip
        path.write_bytes(whole)
        _set(path, group, key, value)
        changed = path.read_bytes()
        with pytest.raises(gnn.InputError, match=words):
            gnn.resume(path)
        assert path.read_bytes() == changed


def test_a_file_that_is_written_is_not_resumed_or_written_twice(tmp_path, monkeypatch):
    path = tmp_path / "cut.h5"
    interrupted(path, monkeypatch, 14)
    lock = Lock(path)
    for action in (lambda: gnn.resume(path), lambda: train(path, overwrite=True)):
        with pytest.raises(gnn.InputError, match="is being written by another process"):
            action()
    lock.release()
    with gnn.open_run(path):  # a reader is no hindrance
        gnn.resume(path)


def test_an_ensemble_and_an_unfinished_run_are_refused_in_a_sentence(tmp_path, monkeypatch):
    net = gnn.ReactionNetwork.from_text("0 -> A @ 1")
    gnn.simulate(net, 1.0, seed=1, output=tmp_path / "e.h5").close()
    with pytest.raises(gnn.InputError, match="is not a training run"):
        gnn.load_fit(tmp_path / "e.h5")
    interrupted(tmp_path / "cut.h5", monkeypatch, 14)
    with pytest.raises(gnn.InputError, match="has not finished: continue it with gillespie-nn resume"):
        gnn.load_fit(tmp_path / "cut.h5")


def _json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


_INTERRUPTED = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests are a background job
from gillespie_nn.cli import run
from gillespie_nn.simulation.training import EvaluationWatch

see = EvaluationWatch.see

def interrupted(self, k, weights):
    if k == 100:
        signal.raise_signal(signal.SIGINT)
    return see(self, k, weights)

EvaluationWatch.see = interrupted
run()
"""
"""A command that gets a true Ctrl-C, always in the same presentation."""


def test_the_command_says_after_ctrl_c_how_to_resume_and_resumes(tmp_path, capsys):
    path, whole = str(tmp_path / "x.h5"), str(tmp_path / "whole.h5")
    arguments = ["train", "xor", "--volume", "300", "--presentations", "300", "--running-time", "8",
                 "--seed", "2", "--json", "--output"]  # fmt: skip
    process = subprocess.run([sys.executable, "-c", _INTERRUPTED, *arguments, path], stderr=subprocess.PIPE, text=True)
    said = process.stderr
    assert process.returncode == 130 and f"gillespie-nn resume {path}" in said and "Traceback" not in said
    assert main(["resume", path, "--json"]) == 0
    resumed = _json(capsys)
    assert main([*arguments, whole]) == 0
    trained = _json(capsys)
    assert same(path, whole)
    assert set(resumed) == set(trained) | {"had_ended"} and not resumed["had_ended"]
    assert 0 < resumed["earlier_seconds"] < resumed["seconds"] and trained["earlier_seconds"] == 0
    different = {"seconds", "earlier_seconds", "total_seconds", "events_per_second", "output"}
    assert all(resumed[key] == trained[key] for key in set(trained) - different)
    assert main(["resume", path]) == 0
    assert "has ended, so there is nothing to resume" in capsys.readouterr().out
