"""Ensembles: replicates on threads (kernels release the GIL), the same content whatever their number and order."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import numpy as np

from .. import seeds
from ..checks import ModelError
from ..noise import NoisePlan
from ..seeds import Purpose
from ..status import Status
from .driven import Driven
from .invariants import Invariants
from .replicate import run_replicate
from .schedule import Change


class Task(NamedTuple):
    """All that decides the content of an ensemble, checked."""

    network: object
    method: type
    grid: np.ndarray  # float64[point], increasing, the last is the end
    volume: float
    rates: np.ndarray  # float64[reaction]
    counts: np.ndarray  # int64[species]
    changes: tuple[Change, ...]
    seed: int
    n_replicates: int
    count_firings: bool
    event_limit: int
    options: dict = {}  # of the method
    noise: NoisePlan | None = None


def run_ensemble(task: Task, sink, workers=1, progress: Callable[[float], None] = lambda done: None):
    """Run every replicate into `sink`; `progress(done)` gets the number of replicates done, with fractions.

    On KeyboardInterrupt, running replicates stop within a slice, finished ones stay in the sink, and the
    exception goes on to the caller.
    """
    stop = threading.Event()
    lock = threading.Lock()
    done, total = np.zeros(task.n_replicates), np.zeros(1)

    def advance(replicate, fraction):
        with lock:
            total[0] += fraction - done[replicate]
            done[replicate] = fraction
            progress(float(total[0]))
        return stop.is_set()

    def run(replicate):
        if not stop.is_set():
            _run(task, replicate, sink, lock, advance)

    if workers == 1:
        for replicate in range(task.n_replicates):
            run(replicate)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures = [pool.submit(run, replicate) for replicate in range(task.n_replicates)]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _run(task, replicate, sink, lock, advance):
    rng = seeds.stream(task.seed, Purpose.SIMULATION, 0, replicate)
    driven = task if task.noise is None else task.noise
    method = task.method(driven.network, driven.rates, task.volume, task.counts, rng, task.count_firings, task.options)
    if task.noise is not None:
        method = Driven(method, task.noise.start(task.seed, replicate))
    t_end = task.grid[-1]

    def write(first, rows, observed, covariance):
        if task.method.units == "concentration":
            rows, covariance = rows / task.volume, covariance / task.volume**2
        with lock:
            sink.write(replicate, first, rows, observed, covariance)

    try:
        status = run_replicate(
            method,
            task.grid,
            task.changes,
            write,
            lambda time: advance(replicate, time / t_end),
            task.event_limit,
            Invariants(task.noise or task.network, task.method.dtype),
        )
    except ModelError as error:
        raise ModelError(f"replicate {replicate} of seed {task.seed}: {error}") from None
    if status == Status.INTERRUPTED:
        return
    with lock:
        firings = method.firings[: len(task.network.reactions)]  # noise adds reactions behind
        sink.finish(replicate, status, method.n_events, firings, method.statistics)
    advance(replicate, 1.0)
