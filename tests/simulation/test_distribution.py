"""Ensembles on a cluster of several processes: the content of a local run, also when a worker is lost on the way."""

import os
import signal
import sys
import types

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.simulation import ensemble, run_ensemble
from gillespie_nn.simulation.methods import Direct
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.sinks import MemorySink
from gillespie_nn.simulation.task import make_task

distributed = pytest.importorskip("distributed")
cloudpickle = pytest.importorskip("cloudpickle")

NET = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\n2 A -> B @ 0.1\nB -> 0 @ 1\n@rule total = A + 2 * B")
N = 50


@pytest.fixture(scope="module")
def cluster():
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50
    ) as found:
        yield found
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def _die_once(number, flag):
    """On a worker: the first process of the cluster to begin unit `number` kills itself."""
    from gillespie_nn.simulation import ensemble

    plain = ensemble.run_units

    def dying(task, units, kept):
        if number in units:
            try:
                os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return plain(task, units, kept)

    ensemble.run_units = dying


class _Counting(MemorySink):
    """Notes how often each replicate ends."""

    def __init__(self, task):
        super().__init__(task)
        self.ended = []

    def finish(self, replicate, *end):
        self.ended.append(replicate)
        super().finish(replicate, *end)


def _task(**changes):
    arguments = {
        "t_end": 3.0, "n_points": 7, "method": "direct", "replicates": N, "seed": 1,
        "schedule": [(1.0, {"A": 9})], "count_firings": True,
    }  # fmt: skip
    return make_task(NET, RunOptions.of(arguments | changes))[0]


def test_a_worker_lost_on_the_way_changes_nothing_and_no_replicate_comes_twice(cluster, tmp_path):
    task, flag = _task(), tmp_path / "died"
    local, found = MemorySink(task), _Counting(task)
    run_ensemble(task, local)
    with distributed.Client(cluster, set_as_default=False) as client:
        client.run(_die_once, 17, str(flag))
    done = []
    with ensemble.Cluster(cluster.scheduler_address) as workers:
        run_ensemble(task, found, progress=done.append, cluster=workers)
    assert flag.exists(), "no worker died: nothing was tested"
    assert found.ended == list(range(N)) and done == sorted(set(done)) and done[-1] == N
    for name in ("counts", "observables", "status", "n_events", "firings"):
        np.testing.assert_array_equal(getattr(found, name), getattr(local, name))


def test_every_reaction_comes_from_the_workers(cluster, tmp_path):
    how = {"t_end": 3.0, "n_points": 7, "replicates": N, "seed": 2, "method": "direct", "record": "events"}
    for schedule in (None, [(1.0, {"A": 9})]):  # in blocks, and one by one
        local = gnn.simulate(NET, **how, schedule=schedule)
        path = tmp_path / f"{schedule is None}.h5"
        with gnn.simulate(NET, **how, schedule=schedule, scheduler=cluster.scheduler_address, output=path) as found:
            for k in range(N):
                for a, b in zip(found.events(k), local.events(k)):
                    np.testing.assert_array_equal(a, b)


def test_moments_files_and_sweeps_are_those_of_a_local_run(cluster, tmp_path):
    table = {"r1": [5.0, 8.0]}
    address = {"scheduler": cluster.scheduler_address}
    for record in ("trajectories", "quantiles"):
        arguments = {"t_end": 3.0, "n_points": 7, "replicates": N, "seed": 2, "method": "direct", "record": record}
        local = gnn.sweep(NET, table, **arguments)
        found = gnn.sweep(NET, table, **arguments, **address, output=tmp_path / record)
        assert found.complete
        for a, b in zip(local, found):
            for name in ("counts", "status") if record == "trajectories" else ("n",):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
            for name in ("mean", "variance", "minimum"):
                np.testing.assert_array_equal(getattr(a, name)(), getattr(b, name)())
            if record == "quantiles":
                np.testing.assert_array_equal(a.quantile(0.3), b.quantile(0.3))
            else:
                b.close()


def test_an_error_of_a_model_comes_from_the_workers_as_it_is(cluster):
    net = gnn.ReactionNetwork.from_text("A -> 0 @ propensity(A - 5.5)\nA = 9")
    with pytest.raises(gnn.UnfinishedError, match="replicate 0 of seed 1: .*negative"):
        gnn.simulate(net, 50.0, method="direct", replicates=4, seed=1, scheduler=cluster.scheduler_address)


class _Mine(Direct):
    """A method of a module that workers get with the task."""

    name = "mine"


def test_a_method_from_outside_runs_where_its_class_can_be_had_and_else_says_so(cluster, monkeypatch):
    run = {"t_end": 1.0, "replicates": 3, "seed": 4, "scheduler": cluster.scheduler_address}
    found = gnn.simulate(NET, method=_Mine, **run)
    np.testing.assert_array_equal(found.counts, gnn.simulate(NET, method="direct", **run).counts)
    absent = types.ModuleType("module_of_this_process_alone")
    absent.Absent = type("Absent", (Direct,), {"name": "absent", "__module__": absent.__name__})
    monkeypatch.setitem(sys.modules, absent.__name__, absent)
    with pytest.raises(gnn.InputError, match="cannot load module_of_this_process_alone:Absent .*No module named"):
        gnn.simulate(NET, method=absent.Absent, **run)


def test_workers_of_another_version_are_refused():
    with pytest.raises(gnn.InputError, match="a worker runs gillespie-nn .*, and this process gillespie-nn 9.9"):
        ensemble._run_on_worker(_task(), 0, {"gillespie-nn": "9.9"})


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(ensemble, "_CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(gnn.InputError, match=f"no dask scheduler answers at {address}: start one with `dask sched"):
            gnn.simulate(NET, 1.0, seed=1, scheduler=address)
    with pytest.raises(gnn.InputError, match="scheduler must be an address such as .*, got 8786"):
        gnn.simulate(NET, 1.0, seed=1, scheduler=8786)


_LAST_WORKER = types.SimpleNamespace(address="tcp://10.0.0.2:1", name="w")


class _Refusing:
    """A client whose futures fail with `error`."""

    def __init__(self, error):
        self._error = error

    def nthreads(self):
        return {"worker": 1}

    def submit(self, *_, **__):
        return self

    def result(self):
        raise self._error

    def close(self):
        pass


@pytest.mark.parametrize(
    "error, kind, what",
    [
        (
            distributed.KilledWorker("unit", _LAST_WORKER, 3),
            gnn.UnfinishedError,
            "lost repeatedly in one unit of work",
        ),
        (
            distributed.CancelledError("unit"),
            gnn.UnfinishedError,
            "lost the connection to the dask scheduler at tcp://x",
        ),
        (
            ModuleNotFoundError("No module named 'gillespie_nn'"),
            gnn.InputError,
            "install the same gillespie-nn on every",
        ),
    ],
)
def test_a_cluster_that_fails_is_a_sentence(error, kind, what):
    workers = ensemble.Cluster.__new__(ensemble.Cluster)
    workers._distributed, workers._address, workers._client = distributed, "tcp://x", _Refusing(error)
    with pytest.raises(kind, match=what):
        run_ensemble(_task(), MemorySink(_task()), cluster=workers)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(gnn.MissingExtraError, match=r"a cluster needs distributed: .*'dask\[distributed\]'"):
        gnn.simulate(NET, 1.0, seed=1, scheduler="tcp://127.0.0.1:9")
