"""A unit of an ensemble's work: one replicate, or a block of them whose moments are summed; and where its rows go."""

import copy
from collections.abc import Callable

from .. import seeds
from ..checks import ModelError
from ..seeds import Purpose
from ..status import Status
from .invariants import Invariants
from .moments import Moments
from .replicate import run_replicate
from .start import start_simulation
from .task import TRAJECTORIES

_NEARLY = 1.0 - 2.0**-53
"""Fraction of a replicate that has come to the last time, and is not finished."""


class Passing:
    """Passes rows of a trajectory to the sink as they arrive, one thread at a time."""

    def __init__(self, sink, lock):
        self._sink, self._lock = sink, lock

    def write(self, *rows):
        with self._lock:
            self._sink.write(*rows)

    def finish(self, *end):
        with self._lock:
            self._sink.finish(*end)

    def write_block(self, *block):
        with self._lock:
            self._sink.write_block(*block)


class Kept:
    """Buffers rows of a trajectory from another process until they can be written."""

    def __init__(self):
        self._calls: list[tuple] = []

    def write(self, *rows):
        self._calls.append(("write", rows))

    def finish(self, *end):
        self._calls.append(("finish", end))

    def write_block(self, *block):
        self._calls.append(("write_block", copy.deepcopy(block)))  # the arrays are the caller's

    def hand_over(self, sink):
        """Write everything to the sink."""
        for name, arguments in self._calls:
            getattr(sink, name)(*arguments)


def run_unit(task, unit, kept, pause: Callable[[int, float], bool] = lambda replicate, fraction: False):
    """Run a unit of work of a `Task`; returns the object that received its rows, or None if it was interrupted.

    `kept` makes the object that receives the rows of a trajectory; moments are summed. `pause(replicate, fraction
    done)` is called between slices; the run is interrupted if it returns True.
    """
    part = kept() if task.record == TRAJECTORIES else Moments(task)
    for replicate in task.replicates(unit):
        if not _run(task, replicate, part, pause):
            return None
    return part


def hand_over(part, sink) -> None:
    """Write the remaining results of a unit of work to the sink, in the order of units."""
    if isinstance(part, Kept):
        part.hand_over(sink)
    elif isinstance(part, Moments):
        sink.merge(part)


def _run(task, replicate, part, pause):
    """Run one replicate; returns whether it finished."""
    with seeds.lent_stream(task.seed, Purpose.SIMULATION, 0, replicate) as rng:
        return _simulate(task, replicate, rng, part, pause)


def _simulate(task, replicate, rng, part, pause):
    method = start_simulation(
        task.method, task.network, task.rates, task.volume, task.start(replicate), rng, noise=task.noise,
        seed=task.seed, replicate=replicate, count_firings=task.count_firings, options=task.options,
    )  # fmt: skip

    def write(first, rows, observed, covariance):
        if task.method.units == "concentration":
            rows, covariance = rows / task.volume, covariance / task.volume**2
        part.write(replicate, first, rows, observed, covariance)

    try:
        status = run_replicate(
            method,
            task.grid,
            task.changes,
            write,
            lambda time: pause(replicate, min(time / task.grid[-1], _NEARLY)),
            task.event_limit,
            Invariants(task.noise or task.network, task.method.dtype),
        )
    except ModelError as error:
        raise ModelError(f"replicate {replicate} of seed {task.seed}: {error}") from None
    if status == Status.INTERRUPTED:
        return False
    firings = method.firings[: len(task.network.reactions)]  # noise adds reactions behind
    part.finish(replicate, status, method.n_events, firings, method.statistics)
    return not pause(replicate, 1.0)
