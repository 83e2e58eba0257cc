"""The cost of storing a run in a file."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..api import simulate
from ..nn import training_network
from ..storage import Run
from .run import VOLUME, machine

N_POINTS = 1000
LEAST_SECONDS = 10.0
"""A run takes at least so long [s]."""


def storage_benchmark(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """Time [s] of a run of the 2-4-1 training network (as in `run.benchmark`) with 1,000 points, in memory and in a
    file. Runs are timed in pairs of alternating order; each pair has its ratio."""
    spec = training_network((2, 4, 1), h=0.05, annihilation_rate=1.0)
    rng = np.random.default_rng(0)
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    initial |= spec.presentation(rng.random(2), rng.random(1), VOLUME)

    def seconds(output: Path | None, t_end: float) -> float:
        start = time.perf_counter()
        found = simulate(
            spec.network, t_end, N_POINTS, volume=VOLUME, initial=initial, seed=1, output=output, overwrite=True,
            progress=False,
        )  # fmt: skip
        if isinstance(found, Run):
            found.close()
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        t_end = 100.0
        for output in (None, path):
            seconds(output, t_end)  # loads the kernels
        while seconds(None, t_end) < LEAST_SECONDS:
            t_end *= 2
        pairs = []
        for k in range(repeats):
            order = (None, path) if k % 2 == 0 else (path, None)
            times = {output: seconds(output, t_end) for output in order}
            pairs.append((times[None], times[path]))
        n_bytes = path.stat().st_size
    ratios = [kept / plain for plain, kept in pairs]
    found: dict[str, Any] = {
        "machine": machine(),
        "points": N_POINTS,
        "repeats": repeats,
        "t_end": t_end,
        "bytes": n_bytes,
        "seconds": pairs,
        "ratios": ratios,
        "median": statistics.median(ratios),
    }
    say(
        f"storing {N_POINTS} points ({n_bytes / 1e6:.2f} MB) adds {100 * (found['median'] - 1):.2f} % to a run of "
        f"{statistics.median(p for p, _ in pairs):.1f} s, {100 * (min(ratios) - 1):.2f} to "
        f"{100 * (max(ratios) - 1):.2f} % in {repeats} pairs"
    )
    return found
