"""Whole groups of replicates: the same content however they come, committed in time, and safe from kills in between."""

import contextlib
import os
import shutil
import signal
import threading
import time
from functools import partial

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InternalError, StorageError
from gillespie_nn.simulation.ensemble import BufferedSink, LockedSink, write_parts
from gillespie_nn.simulation.moments import ARRAYS, Moments
from gillespie_nn.simulation.sinks import MemorySink, Rows, not_reached
from gillespie_nn.simulation.task import MOMENT_GROUP
from gillespie_nn.status import Status
from gillespie_nn.storage import EnsembleFile, MomentsFile, ensemble_file, log_file, making
from gillespie_nn.storage.schema import entries
from helpers.processes import child, started
from helpers.replicate_groups import many, one_by_one, simulated, task_of
from helpers.run_files import content

RULES = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.1\nA = 40\n@rule half = A / 2")


def in_blocks(sink, rows, ends, size, order=None):
    starts = list(range(0, len(ends.status), size))
    for start in starts if order is None else [starts[k] for k in order]:
        part = slice(start, start + size)
        block = Rows(*(values[part].copy() for values in rows)), ends.part(part)
        sink.write_block(start, *block)
        for values in block[0]:
            values[...] = 77  # they are the caller's again


def made(path, task, fill):
    with EnsembleFile(path, task, making.settings_values(task, "test"), "{}", overwrite=True) as file:
        fill(file)
    return content(path)


TASKS = {
    "several replicates in a chunk": {"n_points": 101, "count_firings": True},
    "long replicates": {"n_points": 101, "replicates": 7},
    "an event limit": {"max_events": 20, "n_points": 40, "method": "direct"},
    "rules": {"network": RULES},
    "statistics": {"method": "tau_leap"},
    "real numbers": {"method": "langevin"},
    "covariances": {"method": "linear_noise", "replicates": 1},
}


@pytest.mark.parametrize("name", TASKS)
def test_a_file_has_the_same_content_however_replicates_come(name, tmp_path, monkeypatch):
    if name == "long replicates":
        monkeypatch.setattr(entries, "_TOGETHER_BYTES", 1000)
        monkeypatch.setattr(entries, "_CHUNK_BYTES", 500)
    task = task_of(**TASKS[name])
    rows, ends = simulated(task)
    n = task.n_replicates
    if name == "an event limit":
        assert (ends.n_points < 40).any()
        rows.counts[np.arange(40) >= ends.n_points[:, None]] = 5  # is ignored
    rng = np.random.default_rng(1)
    contents = [str(made(tmp_path / "a", task, lambda file: one_by_one(file, rows, ends, range(n))))]
    with h5py.File(tmp_path / "a") as file:
        n_together, n_rows, _ = file["counts"].chunks
        assert n_rows == len(task.grid) if n_together > 1 else name in ("long replicates", "covariances")
    monkeypatch.setattr(ensemble_file, "_GROUP_BYTES", 3000)
    monkeypatch.setattr(ensemble_file, "_MOST_BYTES", 6000)
    contents.append(str(made(tmp_path / "b", task, lambda file: one_by_one(file, rows, ends, rng.permutation(n)))))
    for size in (1, 7, n):
        fill = partial(in_blocks, rows=rows, ends=ends, size=size, order=rng.permutation(-(-n // size)))
        contents.append(str(made(tmp_path / "c", task, fill)))
    assert len(set(contents)) == 1
    memory = MemorySink(task)
    in_blocks(memory, rows, ends, 7)
    with gnn.open_run(tmp_path / "c") as run:
        np.testing.assert_array_equal(np.ma.getdata(run.counts[:]), memory.counts)
        np.testing.assert_array_equal(run.observables[:], memory.observables)
        np.testing.assert_array_equal(run.firings, memory.firings)
        np.testing.assert_array_equal(run.status, memory.status)
        if name == "an event limit":
            np.testing.assert_array_equal(run.counts[:].mask.any(axis=(1, 2)), ends.n_points < len(task.grid))


@pytest.mark.parametrize("record", ["moments", "quantiles"])
@pytest.mark.parametrize("sizes", [(MOMENT_GROUP, 3 * MOMENT_GROUP, 200), (200,)])
def test_moments_of_blocks_are_those_of_replicates_to_the_last_bit(record, sizes, tmp_path):
    more = {"replicates": 100, "max_events": 60, "method": "direct", "network": RULES}
    rows, ends = simulated(task_of(**more))
    assert 0 < (ends.n_points < 11).sum() < 100
    task = task_of(**more, record=record)
    whole, blocks = Moments(task), Moments(task)
    for unit in range(task.n_units):
        part = Moments(task)
        one_by_one(part, rows, ends, task.replicates(unit), size=11)
        whole.merge(part)
    file = MomentsFile(tmp_path / "m.h5", task, making.settings_values(task, "test"), "{}")
    with file:
        for sink in (blocks, file):
            first = 0
            for size in sizes:
                part = slice(first, min(first + size, 100))
                sink.write_block(first, Rows(*(values[part] for values in rows)), ends.part(part))
                first = part.stop
    for sink in (blocks, file):
        for name in ARRAYS:
            assert getattr(sink, name).tobytes() == getattr(whole, name).tobytes()
        assert (sink.n_done, sink.n_events, sink.statistics) == (100, whole.n_events, whole.statistics)
        np.testing.assert_array_equal(sink.statuses, whole.statuses)
        if record == "quantiles":
            for mine, expected in zip(sink.sketch.entries(), whole.sketch.entries()):
                np.testing.assert_array_equal(mine, expected)


def test_blocks_of_moments_come_in_order():
    task = task_of(record="moments")
    rows, ends = simulated(task_of())
    with pytest.raises(InternalError, match="must follow 0 replicates"):
        Moments(task).write_block(16, rows, ends)


def test_blocks_pass_through_what_buffers_replicates():
    task = task_of()
    rows, ends = simulated(task)
    for between in (BufferedSink(), LockedSink(MemorySink(task), threading.Lock())):
        in_blocks(between, rows, ends, 20)
        sink = between._sink if isinstance(between, LockedSink) else MemorySink(task)
        write_parts([between], sink)
        np.testing.assert_array_equal(sink.counts, rows.counts)


def test_points_that_were_not_reached_are_empty_in_memory():
    task = task_of(replicates=2)
    rows, ends = simulated(task)
    sink = MemorySink(task)
    sink.write_block(0, rows, ends._replace(n_points=np.array([11, 4])))
    assert (sink.counts[1, 4:] == not_reached(np.int64)).all() and (sink.counts[1, :4] >= 0).all()
    assert (sink.counts[0] >= 0).all()


def as_after_a_crash(path):
    """What is in the file of a process that is killed now; it writes nothing at the moment."""
    return gnn.open_run(shutil.copy(path, path.with_suffix(".copy")))


def committed(path):
    """How many replicates are committed; 0 also where a copy caught the writer in the middle."""
    try:
        with as_after_a_crash(path) as run:
            return run.n_kept
    except gnn.InputError:
        return 0


def test_a_complete_replicate_is_committed_within_a_second_without_another_call(tmp_path):
    task = task_of()
    rows, ends = simulated(task)
    path = tmp_path / "x.h5"
    with EnsembleFile(path, task, making.settings_values(task, "test"), "{}") as file:
        for first in (0, 3, 6):
            one_by_one(file, rows, ends, range(first, first + 3))
            file.write(40, first, *(values[40, first : first + 3] for values in rows))
            deadline = time.monotonic() + 10.0  # 1 s on a machine that is not busy with others
            while committed(path) < first + 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            with as_after_a_crash(path) as run:
                assert run.replicates.tolist() == list(range(first + 3))
                np.testing.assert_array_equal(run.counts[:], rows.counts[: first + 3])
    assert ensemble_file._SECONDS <= 0.5


_KILLED = """
import os, signal, sys
from helpers.replicate_groups import one_by_one, simulated, task_of
from gillespie_nn.storage import EnsembleFile, ensemble_file, making

task = task_of(replicates=50)
rows, ends = simulated(task)
where, path = sys.argv[1:]
method = getattr(EnsembleFile, where)
calls = []

def killed(self, *arguments):
    calls.append(None)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(self, *arguments)

setattr(EnsembleFile, where, killed)
file = EnsembleFile(path, task, making.settings_values(task, "test"), "{}")
for first in range(0, 50, 5):
    one_by_one(file, rows, ends, range(first, first + 5))
    file.commit()
"""
"""A process that ends by SIGKILL in its third group: before its rows, before its first flush, or before its second."""


@pytest.mark.robustness
@pytest.mark.parametrize("where", ["_write_group", "_commit", "_mark"])
def test_a_kill_between_the_flushes_loses_what_was_not_committed(where, tmp_path):
    path = tmp_path / "x.h5"
    assert child(_KILLED, where, path).returncode == -signal.SIGKILL
    task = task_of(replicates=50)
    rows, ends = simulated(task)
    with gnn.open_run(path) as run:
        assert run.replicates.tolist() == list(range(10))
        np.testing.assert_array_equal(run.counts[:], rows.counts[:10])
    with EnsembleFile(path, task, making.settings_values(task, "test"), "{}", resumes=True) as file:
        assert file.missing == list(range(10, 50))
        one_by_one(file, rows, ends, file.missing)
    assert content(path) == made(tmp_path / "whole.h5", task, lambda file: in_blocks(file, rows, ends, 50))


_TORTURED = """
import sys, numpy as np
from helpers.replicate_groups import many, one_by_one
from gillespie_nn.storage import EnsembleFile, making

task, rows, ends = many()
file = EnsembleFile(sys.argv[1], task, making.settings_values(task, "test"), "{}")
print("begun", flush=True)
rng = np.random.default_rng()
for k in rng.permutation(task.n_replicates):
    one_by_one(file, rows, ends, [k], size=101)
    if rng.random() < 0.5:
        file.commit()
"""
"""A process that commits replicates in any order, so that chunks are written again and again."""


@pytest.mark.robustness
def test_what_is_committed_is_right_for_watchers_and_after_a_kill_at_any_moment(tmp_path):
    """Where looks and kills fall is the machine's; what they find must be right."""
    _, rows, ends = many()
    n_seen = 0
    for trial in range(4):
        path = tmp_path / f"{trial}.h5"
        with started(_TORTURED, path) as writer:
            assert writer.stdout.readline() == "begun\n"
            deadline = time.monotonic() + 0.3 * (trial + 1)
            while time.monotonic() < deadline:
                with contextlib.suppress(gnn.InputError):  # a look may fail while the writer is at work (`follow`)
                    n_seen += n_right(path, rows, ends)
            writer.kill()
        n_seen += n_right(path, rows, ends)
    assert n_seen > 0


def n_right(path, rows, ends):
    """How many replicates are committed; all of them must be right."""
    with gnn.open_run(path) as run:
        replicates = run.replicates
        found = run._dataset("counts")[:][replicates], run._dataset("firings")[:][replicates]
        assert (found[0] == rows.counts[replicates]).all() and (found[1] == ends.firings[replicates]).all()
        assert (run._dataset("n_events")[:][replicates] == ends.n_events[replicates]).all()
        return len(replicates)


def test_rows_of_long_replicates_are_written_before_their_end(tmp_path):
    task = task_of(n_points=20_001, replicates=2)
    path, length = tmp_path / "x.h5", 20_001
    with EnsembleFile(path, task, making.settings_values(task, "test"), "{}") as file:
        n_rows = file._at("counts").chunks[1]
        assert n_rows < length
        rows = np.arange(2 * length).reshape(length, 2)
        nothing = np.empty((length, 0)), np.empty((length, 0, 0))
        file.write(0, 0, rows[: n_rows + 7], *(values[: n_rows + 7] for values in nothing))
        file.commit()
        assert file._at("counts").id.get_num_chunks() == 1  # the other rows wait for more
        file.write(0, n_rows + 7, rows[n_rows + 7 :], *(values[n_rows + 7 :] for values in nothing))
        file.finish(0, Status.REACHED_END, 5, np.empty(0, dtype=np.int64), {})
    with gnn.open_run(path) as run:
        np.testing.assert_array_equal(run.counts[0], rows)
        assert run.replicates.tolist() == [0]


def test_a_resumed_file_takes_gaps_of_any_kind(tmp_path):
    task = task_of(replicates=50, count_firings=True)
    rows, ends = simulated(task)
    path, values = tmp_path / "x.h5", making.settings_values(task, "test")
    whole = made(tmp_path / "whole.h5", task, lambda file: in_blocks(file, rows, ends, 50))
    order = np.random.default_rng(2).permutation(50).tolist()
    for stop in (13, 30, 50):
        with EnsembleFile(path, task, values, "{}", resumes=path.exists()) as file:
            assert sorted(set(range(50)) - set(file.missing)) == sorted(order[: 50 - len(file.missing)])
            for k in order[50 - len(file.missing) : stop]:
                one_by_one(file, rows, ends, [k])
                file.commit()
    assert content(path) == whole


def test_chunks_that_are_written_again_and_again_stay_small_and_readable(tmp_path):
    task = task_of(n_points=101, replicates=40)
    rows, ends = simulated(task)
    path = tmp_path / "x.h5"
    with EnsembleFile(path, task, making.settings_values(task, "test"), "{}") as file:
        places = set()
        for k in range(40):
            one_by_one(file, rows, ends, [k])
            file.commit()
            with as_after_a_crash(path) as run:
                np.testing.assert_array_equal(run.counts[:], rows.counts[: k + 1])
                info = run._dataset("counts").id.get_chunk_info_by_coord((0, 0, 0))
            places.add((info.byte_offset, info.size, info.filter_mask))
        assert {mask for _, _, mask in places} == {
            0,
            log_file._UNFILTERED,
        }  # compressed at first, then rewritten in place
        spans = sorted((offset, offset + size) for offset, size, _ in places)
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))
        assert sum(size for _, size, _ in places) <= 2 * 8 * np.prod(file._at("counts").chunks)


def test_a_write_that_fails_in_the_thread_is_raised_by_the_next_call(tmp_path, monkeypatch):
    task = task_of()
    rows, ends = simulated(task)
    path = tmp_path / "x.h5"
    about = task, making.settings_values(task, "test"), "{}"
    with pytest.raises(StorageError, match="No space left"), EnsembleFile(path, *about) as file:
        one_by_one(file, rows, ends, range(5))
        file.commit()
        monkeypatch.setattr(log_file.ChunkedRows, "store", full_disk)
        one_by_one(file, rows, ends, range(5, 10))
        with pytest.raises(StorageError, match="No space left"):
            file.commit()
        one_by_one(file, rows, ends, range(10, 15))
    with gnn.open_run(path) as run:
        assert run.n_kept == 5
    # Also where only the last group fails, at the end.
    with pytest.raises(StorageError, match="No space left"), EnsembleFile(tmp_path / "y.h5", *about) as file:
        one_by_one(file, rows, ends, range(5, 10))


def full_disk(*arguments):
    raise OSError(28, os.strerror(28))


def test_firings_that_were_never_written_are_damage(tmp_path):
    task = task_of(n_points=2, replicates=20_000, count_firings=True)
    path = tmp_path / "x.h5"
    EnsembleFile(path, task, making.settings_values(task, "test"), "{}").close()
    with h5py.File(path, "r+") as file:
        file["counts"][:] = 0
        file["committed"][:] = 1
    with pytest.raises(gnn.InputError, match="/firings should have 640000 bytes, but the file has 0"):
        gnn.open_run(path)
