"""Outputs of many samples by simulation, with fixed weights: the forward network alone, in leaps."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...nn import TrainingNetwork
from .neurons import ROWS, Neurons
from .pieces import Piece, Pieces, libraries
from .weights import Weights

_TOGETHER = 16 * ROWS
"""Samples whose neurons are in memory at the same time."""


def simulate_outputs(
    spec: TrainingNetwork,
    weights: Weights,
    x: np.ndarray,
    times: Sequence[float],
    stream: Callable[[int], np.random.Generator],
    leap: float = 1.0,
    threads: int = 1,
    done: Callable[[int], object] = lambda n: None,
) -> np.ndarray:
    """Outputs float32[time, sample, output] [concentration] at rising `times` [s] for inputs x float64[sample, input].

    Each sample begins without molecules in its neurons, and its inputs are rounded to whole molecules. Leaps take up to
    `leap` [s]. Block i of `ROWS` samples draws from the generator (SFC64) `stream(i)`: the outputs of a sample depend
    on its place in x, but not on the number of threads. `done(samples)` is called now and then.
    """
    shown = (np.rint(np.asarray(x, dtype=np.float64) * weights.volume) / weights.volume).astype(np.float32)
    found = np.empty((len(times), len(x), spec.layers[-1]), dtype=np.float32)
    pieces = Pieces(threads)
    volume = np.float32(weights.volume)
    gaps = np.diff([0.0, *times])

    def work(piece: Piece, rows: slice, start: int) -> None:
        inputs = shown[start + rows.start : start + rows.stop]
        drive, made = (np.zeros((neurons.n_samples, neurons.sizes[0]), dtype=np.float32) for _ in range(2))
        for sizes, matrix, out in ((inputs, weights.value[0], drive), (np.abs(inputs), weights.both[0], made)):
            out[rows] = (sizes @ matrix[:-1] + matrix[-1]) * volume
        for k, gap in enumerate(gaps):
            n = max(1, math.ceil(gap / leap - 1e-9))
            for _ in range(n if gap > 0 else 0):
                neurons.forward(piece, rows, gap / n, drive, made, weights.value, weights.both, learning=False)
            found[k, start + rows.start : start + rows.stop] = neurons.molecules(rows) / volume

    with libraries().limit(limits=1):
        for start in range(0, len(x), _TOGETHER):
            neurons = Neurons(spec, min(_TOGETHER, len(x) - start), weights.volume)
            first = start // ROWS
            pieces.begin(len(neurons.blocks), lambda i, first=first: stream(first + i))  # type: ignore[misc]
            pieces.run(work, [(rows, start) for rows in neurons.blocks])
            done(start + neurons.n_samples)
    return found
