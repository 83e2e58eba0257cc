"""The molecules of all weights, layer by layer, as arrays."""

from collections.abc import Sequence

import numpy as np

from ...checks import InputError

_MOST = 2**30
"""Molecules of one rail: firings are added in int32."""


class Weights:
    """Both rails of the weights and biases of a network, in whole molecules.

    Each array is a list of one per layer, of shape [inputs + 1, neurons]; the last row are the biases.
    """

    def __init__(self, layers: Sequence[int], volume: float, counts: np.ndarray) -> None:
        """`counts` int64[2 * weight] are in the order of `TrainingNetwork.weights`, plus rail before minus rail.
        Raises InputError for more molecules than fit in."""
        if counts.max(initial=0) > _MOST:
            raise InputError(
                f"a weight would be {counts.max()} molecules, and a batch method counts up to {_MOST}: use a smaller "
                "volume"
            )
        self.layers, self.volume = tuple(layers), float(volume)
        self.difference: list[np.ndarray] = []
        """int32: plus rail less minus rail."""
        self.scarcer: list[np.ndarray] = []
        """int32: molecules of the rail that has fewer."""
        self.value: list[np.ndarray] = []
        """float32: the difference [concentration]."""
        self.both: list[np.ndarray] = []
        """float32: the sum of both rails [concentration]."""
        start = 0
        for below, size in zip(self.layers, self.layers[1:]):
            plus, minus = (_matrix(counts[rail::2], start, below, size) for rail in (0, 1))
            self.difference.append(plus - minus)
            self.scarcer.append(np.minimum(plus, minus))
            self.value.append(np.empty(plus.shape, dtype=np.float32))
            self.both.append(np.empty(plus.shape, dtype=np.float32))
            start += (below + 1) * size
        self.refresh()

    def refresh(self) -> None:
        """Compute concentrations from the counts."""
        for difference, scarcer, value, both in zip(self.difference, self.scarcer, self.value, self.both):
            value[...] = difference / self.volume
            both[...] = (np.abs(difference) + 2.0 * scarcer) / self.volume

    def values(self) -> np.ndarray:
        """float64[weight] [concentration], in the same order."""
        parts = [part for d in self.difference for part in (d[:-1].T.ravel(), d[-1])]
        return np.concatenate(parts) / self.volume

    def counts(self) -> np.ndarray:
        """int64[2 * weight], as they were given."""
        found = np.empty(2 * sum(d.size for d in self.difference), dtype=np.int64)
        start = 0
        for difference, scarcer in zip(self.difference, self.scarcer):
            n = difference.size
            for rail, sign in ((0, 1), (1, -1)):
                count = np.maximum(sign * difference, 0) + scarcer
                part = np.concatenate([count[:-1].T.ravel(), count[-1]])
                found[2 * start + rail : 2 * (start + n) : 2] = part
            start += n
        return found


def _matrix(counts: np.ndarray, start: int, below: int, size: int) -> np.ndarray:
    weights = counts[start : start + below * size].reshape(size, below).T
    biases = counts[start + below * size : start + (below + 1) * size]
    return np.concatenate([weights, biases[None]]).astype(np.int32)
