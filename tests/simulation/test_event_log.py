"""Every reaction with its time: the log is complete, whatever way it came, and the recorded rows follow from it."""

import contextlib
import shutil
import signal

import h5py
import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.cli import main
from gillespie_nn.simulation import ensemble, reaction_log, replicate_groups, run_ensemble
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.sinks import MemorySink
from gillespie_nn.simulation.task import make_task
from gillespie_nn.storage import ensemble_file, export, log_file
from gillespie_nn.storage.open import repair
from gillespie_nn.storage.schema import entries
from helpers.checks_of_chance import accept
from helpers.event_runs import NET, RUN, SCHEDULE
from helpers.processes import child

EXACT = ["direct", "next_reaction", "rejection", "layered"]
WAYS = {
    "in blocks": {},
    "an event limit": {"max_events": 30},
    "no event": {"max_events": 0},
    "one by one": {"schedule": SCHEDULE},
    "noise in rates": {"noise": gnn.RateNoise(0.3, "bounded", step=0.5)},
    "a late first point": {"t_end": None, "n_points": 2, "time": [0.7, 1.1, 4.9]},
}


@pytest.fixture
def small(monkeypatch):
    """Logs, groups, chunks and temporary files so small that all of them overflow many times."""
    monkeypatch.setattr(replicate_groups, "_LOG", 7)
    monkeypatch.setattr(log_file, "_SPOOL_BYTES", 100)
    monkeypatch.setattr(log_file, "_TOGETHER", 150)
    monkeypatch.setattr(export, "_TOGETHER", 500)
    monkeypatch.setattr(ensemble_file, "_GROUP_BYTES", 3000)
    monkeypatch.setattr(ensemble_file, "_MOST_BYTES", 6000)
    monkeypatch.setattr(entries, "_CHUNK_ROWS", 64)
    ensemble.forget()


def simulated(**more):
    return gnn.simulate(NET, **(RUN | {"record": "events"} | more))


def logs(result):
    return [[a.tolist() for a in result.events(k)] for k in result.replicates.tolist()]


def rows_of(path, time):
    return path.counts[np.searchsorted(path.time, time, side="right") - 1]


def check(result, plain):
    """The result is `plain`, and its log agrees with the rows, the firings and the numbers of events."""
    np.testing.assert_array_equal(np.ma.getdata(result.counts[:]), np.ma.getdata(plain.counts[:]))
    np.testing.assert_array_equal(result.status, plain.status)
    for k in range(len(result)):
        time, reaction = result.events(k)
        assert (time.dtype, reaction.dtype) == (np.float64, np.uint32)
        assert len(time) == len(reaction) == result.n_events[k]
        assert (np.diff(time) >= 0).all() and ((time >= 0) & (time <= 5)).all()
        np.testing.assert_array_equal(np.bincount(reaction, minlength=4), result.firings[k])
        path, rows = result.jump_path(k), np.ma.getdata(result.counts[k])
        reached = rows[:, 0] >= 0
        np.testing.assert_array_equal(rows_of(path, result.time[reached]), rows[reached])
        assert path.counts.dtype == np.int64 and path.time[0] == 0 and len(path.time) == len(path.counts)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", EXACT)
def test_rows_follow_from_the_log_in_memory_and_in_a_file(method, way, small, tmp_path):
    more = WAYS[way] | {"method": method}
    with pytest.warns(UserWarning) if "max_events" in more else contextlib.nullcontext():
        plain = simulated(**more, record="trajectories")
        memory = simulated(**more)
        check(memory, plain)
        for workers in (1, 2):
            path = tmp_path / f"{workers}.h5"
            with simulated(**more, workers=workers, output=path) as run:
                assert run.record == "events" and run.version == (1, 8)
                check(run, plain)
                assert logs(run) == logs(memory)
    if "max_events" not in more:
        assert memory.n_events.sum() > 1000
    memory.save(tmp_path / "saved.h5")
    with gnn.open_run(tmp_path / "saved.h5") as run:
        assert logs(run) == logs(memory)


def test_the_jumps_of_a_path_are_reactions_and_scheduled_changes():
    result = simulated(schedule=SCHEDULE, replicates=1)
    path, log = result.jump_path(0), result.events(0)
    assert len(path.time) == len(log.time) + 3 + 1
    assert path.counts[0].tolist() == [0, 0]
    changed = np.flatnonzero(path.time == 1.0)
    assert path.counts[changed, 0].tolist() == [50, 50] and path.counts[changed[1], 1] == 2
    steps = np.delete(np.diff(path.counts, axis=0), np.append(changed, np.flatnonzero(path.time == 3.3)) - 1, axis=0)
    np.testing.assert_array_equal(steps, NET.stoichiometry.toarray().T[log.reaction])
    with pytest.warns(UserWarning, match="event limit"):
        assert simulated(replicates=1, max_events=0).jump_path(0).counts.tolist() == [[0, 0]]


def test_a_random_start_is_that_of_the_replicate():
    with pytest.warns(UserWarning, match="rounded"):
        result = simulated(initial={"A": 20.5}, round_initial="random")
    assert {result.jump_path(k).counts[0, 0] for k in range(20)} == {20, 21}


def test_the_path_is_refused_where_more_than_reactions_sets_counts():
    event = gnn.ReactionNetwork.from_text("0 -> A @ 5\n@event half: when A > 9; set A = 2")
    result = gnn.simulate(event, 5.0, 6, seed=1, record="events")
    assert len(result.events(0).time) == result.n_events[0] > 9
    with pytest.raises(gnn.InputError, match="event half sets A"):
        result.jump_path(0)
    rule = gnn.ReactionNetwork.from_text("0 -> A @ 5\nB = 0\n@rule B = 2 * A")
    with pytest.raises(gnn.InputError, match="a rule gives B"):
        gnn.simulate(rule, 5.0, 6, seed=1, record="events").jump_path(0)


def test_only_exact_methods_and_noise_in_rates_are_taken():
    for method in ("tau_leap", "langevin", "ode"):
        with pytest.raises(gnn.InputError, match="use one of direct, optimized_direct, next_reaction, rej"):
            gnn.simulate(NET, 1.0, method=method, record="events")
    for noise in (gnn.ConcentrationNoise(0.1, "bounded", step=0.5), gnn.AdditiveNoise(0.1, "bounded", step=0.5)):
        with pytest.raises(gnn.InputError, match="changes counts without a reaction of the model"):
            gnn.simulate(NET, 1.0, noise=noise, record="events")


def test_another_replicate_or_record_is_refused():
    with pytest.raises(gnn.InputError, match=r"one of 0, 1, .* got 20"):
        simulated().events(20)
    with pytest.raises(gnn.InputError, match=r'record="events"'):
        simulated(record="trajectories").events(0)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(reaction_log, "_CHECKED", 100)
    free = []
    monkeypatch.setattr(checks, "_free_memory", lambda: free.append(None) or (1e12 if len(free) < 8 else 5000.0))
    with pytest.raises(gnn.InputError, match=r"[\d,]+ reactions are recorded; as many again need .*output="):
        gnn.simulate(NET, 1000.0, 2, replicates=200, seed=1, record="events", method="direct")


def test_workers_of_other_processes_hand_logs_over():
    """What a unit gives is pickled there, see `distribution`."""
    for more in ({}, {"schedule": SCHEDULE}):
        task, reason = make_task(NET, RunOptions.of(RUN | more | {"record": "events", "method": "direct"}))
        local, far = MemorySink(task), MemorySink(task)
        run_ensemble(task, local)
        for first in range(0, 20, 4):
            ensemble.write_parts(ensemble.run_units(task, range(first, first + 4), ensemble.BufferedSink).parts, far)
        for k in range(20):
            np.testing.assert_array_equal(far.log.of(k)[0], local.log.of(k)[0])
            np.testing.assert_array_equal(far.log.of(k)[1], local.log.of(k)[1])


def test_a_sweep_records_events(tmp_path):
    how = RUN | {"record": "events", "t_end": 2.0}
    memory = gnn.sweep(NET, {"make": [5.0, 20.0]}, **how)
    gnn.sweep(NET, {"make": [5.0, 20.0]}, **how, output=tmp_path / "sweep")
    again = gnn.open_sweep(tmp_path / "sweep")
    assert again.record == "events"
    for row in range(2):
        with again[row] as run:
            assert logs(run) == logs(memory[row])


_KILLED = """
import os, signal, sys
import gillespie_nn as gnn
from gillespie_nn.storage import EnsembleFile, ensemble_file
from helpers.event_runs import NET, RUN, SCHEDULE

ensemble_file._GROUP_BYTES = 1000
finish = EnsembleFile.finish

def killed(self, replicate, *more):
    if replicate == 7:
        self.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    finish(self, replicate, *more)

EnsembleFile.finish = killed
gnn.simulate(NET, **RUN, schedule=SCHEDULE, record="events", output=sys.argv[1])
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "killed.h5"
    assert child(_KILLED, path).returncode == -signal.SIGKILL
    return path


@pytest.fixture
def cut(killed, tmp_path):
    return shutil.copy(killed, tmp_path / "cut.h5")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_keeps_what_is_committed_and_goes_on(cut, workers):
    whole = simulated(schedule=SCHEDULE)
    with gnn.open_run(cut) as run:
        assert run.n_kept == 7 and logs(run) == logs(whole)[:7]
        with pytest.raises(gnn.InputError, match="got 7"):
            run.events(7)
    with gnn.resume(cut, workers=workers) as run:
        assert run.complete and run.record == "events" and logs(run) == logs(whole)
    assert [p.name for p in cut.parent.iterdir()] == ["cut.h5"]


def test_a_repaired_run_has_the_same_log_and_goes_on(cut):
    whole = simulated(schedule=SCHEDULE)
    assert repair(cut)["kept"] == 7
    with h5py.File(cut) as file:
        assert len(file["events/time"]) == len(file["events/event"]) == whole.n_events[:7].sum()
        assert file["events/first"][7:].tolist() == [-1] * 13
    with gnn.resume(cut) as run:
        assert logs(run) == logs(whole)


def test_repair_gives_up_replicates_whose_reactions_are_damaged(tmp_path, small):
    whole, path = simulated(), tmp_path / "run.h5"
    whole.save(path)
    with h5py.File(path, "r+") as file:
        file["events/time"][file["events/first"][4] + 3] = 77.0
        file["events/reaction"][file["events/first"][9]] = 4
    with gnn.open_run(path) as run:
        assert len(run.events(5).time)
        for k in (4, 9):
            with pytest.raises(gnn.InputError, match=f"the reactions of replicate {k} are not in order"):
                run.events(k)
    assert repair(path)["lost"] == [4, 9]
    with gnn.open_run(path) as run:
        assert logs(run) == [log for k, log in enumerate(logs(whole)) if k not in (4, 9)]
    with gnn.resume(path) as run:
        assert logs(run) == logs(whole)


def test_reactions_that_do_not_lead_to_the_rows_are_noticed(tmp_path):
    path = tmp_path / "run.h5"
    simulated().save(path)
    with h5py.File(path, "r+") as file:
        place = file["events/first"][3] + 2
        file["events/reaction"][place] = (file["events/reaction"][place] + 1) % 2
    with gnn.open_run(path) as run, pytest.raises(gnn.InputError, match="replicate 3: its reactions do not lead to"):
        run.jump_path(3)


@pytest.mark.parametrize(
    "name, change, what",
    [
        ("events/first", lambda d: d.__setitem__(2, d[3]), "several replicates the same reactions"),
        ("events/first", lambda d: d.__setitem__(2, -1), "do not match the"),
        ("events/first", lambda d: d.__setitem__(2, 2**62), "do not match the"),
        ("n_events", lambda d: d.__setitem__(2, 2**62), "do not match the"),
        ("n_events", lambda d: d.__setitem__(2, -3), "do not match the"),
        ("events/reaction", lambda d: d.resize(5, axis=0), "do not match the"),
        ("events/time", lambda d: d.parent.__delitem__("time"), "/events/time is missing"),
    ],
)
def test_a_log_without_sense_is_refused(name, change, what, tmp_path):
    path = tmp_path / "run.h5"
    simulated().save(path)
    with h5py.File(path, "r+") as file:
        change(file[name])
    with pytest.raises(gnn.InputError, match=what):
        gnn.open_run(path)


def test_a_file_in_progress_is_read(tmp_path, monkeypatch):
    """A look at the file after each group: what is committed has its reactions."""
    monkeypatch.setattr(ensemble_file, "_GROUP_BYTES", 1)
    path, looks = tmp_path / "run.h5", []
    finish = ensemble_file.EnsembleFile.finish

    def seen(self, replicate, *more):
        finish(self, replicate, *more)
        self.commit()
        found = child(_LOOK, path)
        assert not found.returncode, found.stderr
        looks.append(found.stdout.split())

    monkeypatch.setattr(ensemble_file.EnsembleFile, "finish", seen)
    simulated(schedule=SCHEDULE, replicates=3, output=path).close()
    whole = simulated(schedule=SCHEDULE, replicates=3)
    assert looks == [[str(len(whole.events(j).time)) for j in range(k + 1)] for k in range(3)]


_LOOK = """
import sys
import gillespie_nn as gnn

with gnn.open_run(sys.argv[1]) as run:
    for k in run.replicates:
        run.jump_path(k)
        print(len(run.events(k).time))
"""


def test_one_replicate_is_read_alone(tmp_path, monkeypatch):
    with simulated(output=tmp_path / "run.h5") as run:
        read, asked = run._read, []
        monkeypatch.setattr(run, "_read", lambda name, key=(): asked.append((name, key)) or read(name, key))
        n = len(run.events(3).time)
        parts = [key for name, key in asked if name.startswith("events/") and name != "events/first"]
        assert len(parts) == 2 and all(part.stop - part.start == n for part in parts)


def test_a_path_is_that_of_its_replicate_while_others_are_committed(tmp_path, monkeypatch):
    """Each look at a file that is being written finds one more replicate, before the others."""
    with simulated(output=tmp_path / "run.h5") as run:
        path, looks = run.jump_path(9), iter(range(9, 0, -1))
        monkeypatch.setattr(type(run), "replicates", property(lambda self: np.arange(next(looks), 20)))
        np.testing.assert_array_equal(run.jump_path(9).counts, path.counts)
        assert next(looks) < 9


def test_without_the_option_a_file_has_no_log(tmp_path):
    simulated(record="trajectories", output=tmp_path / "run.h5").close()
    with h5py.File(tmp_path / "run.h5") as file:
        assert "events" not in file


def test_the_command(tmp_path, capsys):
    model, out = tmp_path / "model.txt", str(tmp_path / "run.h5")
    model.write_text("0 -> A @ 10\nA -> 0 @ 1")
    arguments = ["simulate", str(model), "--t-end", "5", "--replicates", "3", "--seed", "1", "--record", "events"]
    assert main([*arguments, "--output", out]) == 0
    with gnn.open_run(out) as run:
        assert run.jump_path(2).time.size == run.n_events[2] + 1
    assert main(["analyze", out]) == 0
    capsys.readouterr()
    assert main(["export", out, "--to", "csv", "--output", str(tmp_path / "run.csv")]) == 0
    assert "has no reactions" in capsys.readouterr().err


@pytest.mark.parametrize("method", EXACT)
def test_waiting_times_of_a_poisson_process_are_exponential(method):
    net = gnn.ReactionNetwork.from_text("a: 0 -> A @ 3\nb: 0 -> B @ 1")
    result = gnn.simulate(net, 50.0, 2, replicates=200, seed=7, method=method, record="events")
    waits, marks = [], []
    for k in range(200):
        time, reaction = result.events(k)
        waits.append(np.diff(time[:100], prepend=0.0))  # of a fixed number: no gap is left out for being long
        marks.append(reaction[:100])
        assert len(waits[-1]) == 100
    accept(stats.kstest(4.0 * np.concatenate(waits), "expon").pvalue, "waiting times")
    accept(stats.binomtest(int((np.concatenate(marks) == 0).sum()), 20_000, 0.75).pvalue, "which reaction fires")


def test_a_path_has_every_species_also_those_that_were_not_recorded(tmp_path):
    whole = simulated().jump_path(3)
    for more in ({}, {"output": tmp_path / "r.h5"}):
        path = simulated(species="B", **more).jump_path(3)
        np.testing.assert_array_equal(path.time, whole.time)
        np.testing.assert_array_equal(path.counts, whole.counts)
