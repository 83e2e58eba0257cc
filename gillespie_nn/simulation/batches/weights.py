"""The molecules of all weights, layer by layer, as arrays."""

from collections.abc import Sequence

import numpy as np

from ...checks import InputError, UnfinishedError
from ...kernels.weight_firings import MOST, fire_weights
from .pieces import Piece, Pieces

PIECE = 2**15
"""Weights whose firings one stream of random numbers decides."""


class Weights:
    """Both rails of the weights and biases of a network, in whole molecules.

    Each array is a list of one per layer, of shape [inputs + 1, neurons]; the last row are the biases.
    """

    def __init__(self, layers: Sequence[int], volume: float, counts: np.ndarray) -> None:
        """`counts` int64[2 * weight] are in the order of `TrainingNetwork.weights`, plus rail before minus rail.
        Raises InputError for more molecules than fit in."""
        if counts.max(initial=0) > MOST:
            raise InputError(
                f"a weight would be {counts.max()} molecules, and a batch method counts up to {MOST}: use a smaller "
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

    def n_pieces(self, layer: int) -> int:
        """Pieces that `fire` divides the weights of a layer into; layers count from 0."""
        return -(-self.difference[layer].size // PIECE)

    def fire(self, layer: int, change: np.ndarray, firings: np.ndarray, annihilation: float, pieces: Pieces) -> int:
        """Draw how often the reactions of each weight of a layer fire, and let its rails annihilate.

        Given the exposures to the errors, the firings of each rail are a Poisson number. `change` float32[inputs + 1,
        neurons] is the expected change [molecules], `firings` (the same shape) the expected number of firings on both
        rails, and `annihilation` the rate constant of annihilation times its time [1/concentration]. Returns the number
        of firings. Raises UnfinishedError for weights that run away.
        """
        arrays = change, firings, self.difference[layer], self.scarcer[layer], self.value[layer], self.both[layer]
        flat = [a.reshape(-1) for a in arrays]
        rate = annihilation / self.volume

        def work(piece: Piece, start: int) -> float:
            change, firings, *state = (a[start : start + PIECE] for a in flat)
            fired: float = fire_weights(piece.address, change, firings, rate, self.volume, *state, piece.scratch)
            return fired

        found = pieces.run(work, [(start,) for start in range(0, flat[0].size, PIECE)])
        if min(found) < 0:
            raise UnfinishedError(
                f"a weight of layer {layer + 1} is not finite or has more than {MOST} molecules: learning runs away. "
                "Use a smaller learning rate, a longer hold or a longer running time"
            )
        return int(sum(found))

    def refresh(self) -> None:
        """Compute concentrations from the counts."""
        for difference, scarcer, value, both in zip(self.difference, self.scarcer, self.value, self.both):
            value[...] = difference / self.volume
            both[...] = (np.abs(difference) + 2.0 * scarcer) / self.volume

    def are_few(self, n_neurons: int) -> bool:
        """Whether to draw the weights of the first layer takes no longer than to leap `n_neurons` neurons of all
        samples: two numbers of a weight, some seven of a neuron."""
        return 2 * self.value[0].size <= 7 * n_neurons

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
    return np.ascontiguousarray(np.concatenate([weights, biases[None]]), dtype=np.int32)
