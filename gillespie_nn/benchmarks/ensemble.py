"""Ensembles: how they scale with workers, and what a replicate costs beyond its events (`overhead`)."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..api import simulate
from ..nn import training_network
from ..simulation.task import MOMENTS, TRAJECTORIES
from .overhead import overhead
from .run import VOLUME, machine

REPLICATES = 64
_T_END = 300.0
"""Time simulated [s]: some hundredths of a second of work a replicate."""
_POINTS = 100


def ensemble_benchmark(repeats: int = 5, workers: int = 2, say: Callable[[str], object] = lambda line: None) -> dict:
    """Time [s] of 64 replicates of the 2-4-1 training network (as in `run.benchmark`), with one worker and
    `workers`, for trajectories and for moments. Runs are timed in pairs of alternating order, each with its ratio.
    Under `overhead`, the rows of the function of that name."""
    spec = training_network((2, 4, 1), h=0.05, annihilation_rate=1.0)
    rng = np.random.default_rng(0)
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    initial |= spec.presentation(rng.random(2), rng.random(1), VOLUME)
    result: dict[str, Any] = {
        "machine": machine(),
        "replicates": REPLICATES,
        "workers": workers,
        "repeats": repeats,
        "records": {},
    }

    def seconds(n: int, record: str, t_end: float = _T_END) -> float:
        start = time.perf_counter()
        simulate(
            spec.network, t_end, _POINTS, volume=VOLUME, initial=initial, seed=1, replicates=REPLICATES, workers=n,
            record=record, progress=False,
        )  # fmt: skip
        return time.perf_counter() - start

    for record in (TRAJECTORIES, MOMENTS):
        seconds(1, record, _T_END / 100)  # loads the kernels
        pairs = []
        for k in range(repeats):
            order = (1, workers) if k % 2 == 0 else (workers, 1)
            times = {n: seconds(n, record) for n in order}
            pairs.append((times[1], times[workers]))
        ratios = [one / several for one, several in pairs]
        result["records"][record] = {
            "seconds": pairs,
            "ratios": ratios,
            "median": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
        }
        say(
            f"{record}: {workers} workers are {statistics.median(ratios):.2f} times as fast as one on {REPLICATES} "
            f"replicates, {min(ratios):.2f} to {max(ratios):.2f} in {repeats} pairs"
        )
    result["overhead"] = overhead(repeats, say=say)
    return result
