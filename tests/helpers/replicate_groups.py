"""Replicates handed to a file or to memory one by one."""

import numpy as np

from gillespie_nn.simulation.ensemble import BufferedSink, run_units, write_parts
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.sinks import Ends, MemorySink, Rows
from gillespie_nn.simulation.task import make_task
from gillespie_nn.status import Status
from helpers.run_files import NET


def task_of(network=NET, n_points=11, replicates=50, **more):
    run = RunOptions(t_end=5.0, n_points=n_points, replicates=replicates, seed=1, **more)
    return make_task(network, run)[0]


def simulated(task):
    """(rows, ends) of all replicates of a task of trajectories."""
    sink, n_points = MemorySink(task), np.zeros(task.n_replicates, dtype=np.int64)

    class Counting(BufferedSink):
        def write(self, replicate, start, rows, *more):
            n_points[replicate] = start + len(rows)
            super().write(replicate, start, rows, *more)

        def write_block(self, first, rows, ends):
            n_points[first : first + len(ends.n_points)] = ends.n_points
            super().write_block(first, rows, ends)

    for unit in range(task.n_units):
        write_parts(run_units(task, [unit], Counting).parts, sink)
    rows = Rows(sink.counts, sink.observables, sink.covariance)
    return rows, Ends(n_points, sink.status, sink.n_events, sink.firings, sink.statistics)


def one_by_one(sink, rows, ends, order, size=4):
    """Each replicate in pieces, and its end."""
    for k in order:
        n = int(ends.n_points[k])
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            sink.write(k, start, *(values[k, part] for values in rows))
        statistics = {name: float(values[k]) for name, values in ends.statistics.items()}
        sink.finish(k, Status(int(ends.status[k])), int(ends.n_events[k]), ends.firings[k], statistics)


def many():
    """(task, rows, ends) of many replicates, of numbers at random."""
    task, rng = task_of(n_points=101, replicates=2000, count_firings=True), np.random.default_rng(0)
    n = task.n_replicates
    rows = Rows(rng.integers(0, 50, size=(n, 101, 2)), np.empty((n, 101, 0)), np.empty((n, 101, 0, 0)))
    reached, status = np.full(n, 101), np.zeros(n, dtype=np.int64)
    return task, rows, Ends(reached, status, rng.integers(0, 99, n), rng.integers(0, 9, size=(n, 4)), {})
