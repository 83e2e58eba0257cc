"""Weights and neurons of a batch method as arrays, and their work in pieces that threads share.

Each piece has separate random numbers and memory, so results do not depend on the number of threads.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import threadpoolctl

from ...checks import InputError, UnfinishedError
from ...kernels.leap.batch_neurons import (
    DRIVE,
    ERROR,
    ERRORS,
    FLOWS,
    MADE,
    MOST,
    SCRATCH,
    SIGNAL,
    SLOPE,
    STATE,
    Leap,
    Y,
    Z,
    fire_weights,
    leap_backward,
    leap_forward,
)
from ...kernels.vector_draws import WIDTH
from ...nn import TrainingNetwork


@cache
def libraries() -> threadpoolctl.ThreadpoolController:
    """The libraries that this process has loaded and that start threads."""
    return threadpoolctl.ThreadpoolController()


class Piece:
    """The random numbers and the memory of one piece of work."""

    def __init__(self, rng: np.random.Generator, scratch: np.ndarray) -> None:
        # The generator owns the memory at the address, so it must live as long.
        self._rng = rng
        self.address = np.uint64(rng.bit_generator.ctypes.state_address)  # type: ignore[attr-defined]
        """uint64: where the state of its SFC64 generator is."""
        self.scratch = scratch
        """float32[SCRATCH, WIDTH], work memory."""


class Pieces:
    """Runs the pieces of a presentation, by up to so many threads at a time.

    Compiled kernels, products of matrices and numpy's fills release the GIL, so threads do run at the same time.
    """

    def __init__(self, threads: int = 1) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._memory: list[np.ndarray] = []
        self._pieces: list[Piece] = []

    def begin(self, n_pieces: int, stream: Callable[[int], np.random.Generator]) -> None:
        """Begin a presentation of up to `n_pieces`; piece i draws from the generator (SFC64) `stream(i)`."""
        while len(self._memory) < n_pieces:
            self._memory.append(np.zeros((SCRATCH, WIDTH), dtype=np.float32))
        self._pieces = [Piece(stream(i), self._memory[i]) for i in range(n_pieces)]

    def run(self, work: Callable[..., Any], parts: Sequence[tuple]) -> list[Any]:
        """`work(piece, *part)` for each part, the first with the first piece and so on; their results in order."""
        both = list(zip(self._pieces[: len(parts)], parts, strict=True))
        if self._pool is None or len(parts) == 1:
            return [work(piece, *part) for piece, part in both]
        return list(self._pool.map(lambda one: work(one[0], *one[1]), both))


# The molecules of all weights, layer by layer

PIECE = 2**15
"""Weights whose firings one stream of random numbers decides."""


class Weights:
    """Both rails of the weights and biases of a network, in whole molecules.

    Each array is a list of one per layer, of shape [inputs + 1, neurons]; the last row are the biases.
    """

    def __init__(self, layers: Sequence[int], volume: float, counts: np.ndarray) -> None:
        """`counts` int64[2 * weight] are in the order of `TrainingNetwork.weights`, plus rail before minus rail.
        Raises InputError if a weight has more molecules than a batch method can count."""
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

        fired = pieces.run(work, [(start,) for start in range(0, flat[0].size, PIECE)])
        # The kernel returns -1 if a weight is not finite or too large.
        if min(fired) < 0:
            raise UnfinishedError(
                f"a weight of layer {layer + 1} is not finite or has more than {MOST} molecules: learning diverges; "
                "use a smaller learning rate, a longer hold or a longer running time"
            )
        return int(sum(fired))

    def refresh(self) -> None:
        """Compute concentrations from the counts."""
        for difference, scarcer, value, both in zip(self.difference, self.scarcer, self.value, self.both):
            value[...] = difference / self.volume
            both[...] = (np.abs(difference) + 2.0 * scarcer) / self.volume

    def are_few(self, n_neurons: int) -> bool:
        """Whether to draw the weights of the first layer takes no longer than to leap `n_neurons` neurons of all
        samples."""
        # A weight takes two random numbers, a neuron about seven.
        return 2 * self.value[0].size <= 7 * n_neurons

    def values(self) -> np.ndarray:
        """float64[weight] [concentration], in the same order."""
        parts = [part for d in self.difference for part in (d[:-1].T.ravel(), d[-1])]
        return np.concatenate(parts) / self.volume

    def counts(self) -> np.ndarray:
        """int64[2 * weight], as they were given."""
        counts = np.empty(2 * sum(d.size for d in self.difference), dtype=np.int64)
        start = 0
        for difference, scarcer in zip(self.difference, self.scarcer):
            n = difference.size
            for rail, sign in ((0, 1), (1, -1)):
                count = np.maximum(sign * difference, 0) + scarcer
                part = np.concatenate([count[:-1].T.ravel(), count[-1]])
                counts[2 * start + rail : 2 * (start + n) : 2] = part
            start += n
        return counts


def _matrix(counts: np.ndarray, start: int, below: int, size: int) -> np.ndarray:
    weights = counts[start : start + below * size].reshape(size, below).T
    biases = counts[start + below * size : start + (below + 1) * size]
    return np.ascontiguousarray(np.concatenate([weights, biases[None]]), dtype=np.int32)


# The neurons of all samples of a batch, layer by layer, and their leaps

ROWS = 64
"""Samples whose neurons one stream of random numbers decides."""


class Neurons:
    """Molecules of the neurons of `n_samples` samples, at first none (all switches are off).

    Samples leap in chunks of rows: different chunks may leap at the same time.
    """

    def __init__(self, spec: TrainingNetwork, n_samples: int, volume: float) -> None:
        self.sizes, self.n_samples, self.volume = spec.layers[1:], n_samples, volume
        functions = [*[spec.hidden_activation] * (len(self.sizes) - 1), spec.output_activation]
        self._activated = [function is not None for function in functions]
        self._h = [0.0 if function is None else float(function.h) for function in functions]  # type: ignore[attr-defined]
        self._annihilation = float(spec.chemistry.annihilation_rate)
        self.noisy = True
        """False leaves out the noise of the neurons."""
        self.state = [np.zeros((STATE, n_samples * size), dtype=np.float32) for size in self.sizes]
        """One float32[STATE, sample * neuron] a layer, see `kernels.leap.batch_neurons`."""
        self._flows = [np.zeros((FLOWS, n_samples * size), dtype=np.float32) for size in self.sizes]
        self.flows = [a.reshape(FLOWS, n_samples, size) for a, size in zip(self._flows, self.sizes)]
        """One float32[FLOWS, sample, neuron] a layer: averages over the last leap [molecules]."""

    @property
    def chunks(self) -> list[slice]:
        """Chunks of rows (samples) that leap together."""
        return [slice(a, min(a + ROWS, self.n_samples)) for a in range(0, self.n_samples, ROWS)]

    def forward(
        self,
        piece: Piece,
        rows: slice,
        tau: float,
        drive: np.ndarray,
        made: np.ndarray,
        matrices: Sequence[np.ndarray],
        both: Sequence[np.ndarray],
        learning: bool = True,
    ) -> None:
        """One leap of `tau` [s] of pre-activations, outputs and, if `learning`, slopes.

        `drive` and `made` float32[sample, neuron] drive the first layer: the rate at which its pre-activations are made
        and the sum of that of both rails [molecules/s]. `matrices` and `both` are the differences and sums of the rails
        of all weights, as in `Weights`; those of the first layer are not read.
        """
        for layer, size in enumerate(self.sizes):
            flows = self.flows[layer]
            if layer == 0:
                flows[DRIVE, rows], flows[MADE, rows] = drive[rows], made[rows]
            else:
                below = self.flows[layer - 1]
                # Hidden layers have an activation, so a signal has one rail.
                for row, weights in ((DRIVE, matrices[layer]), (MADE, both[layer])):
                    np.matmul(below[SIGNAL, rows], weights[:-1], out=flows[row, rows])
                    flows[row, rows] += np.float32(self.volume) * weights[-1]
            leap = Leap(tau, self.volume, self._h[layer], self._annihilation, self.noisy)
            start, end = rows.start * size, rows.stop * size
            leap_forward(
                piece.address, self.state[layer], self._flows[layer], start, end, leap, self._activated[layer],
                learning, piece.scratch,
            )  # fmt: skip

    def backward(
        self,
        piece: Piece,
        rows: slice,
        tau: float,
        targets: np.ndarray,
        matrices: Sequence[np.ndarray],
        both: Sequence[np.ndarray],
        licence: float,
    ) -> None:
        """One leap of the errors, after `forward` has made it. `targets` are float32[sample, output] [molecules]; for a
        `licence` below 0 there are no licensed errors."""
        last = len(self.sizes) - 1
        for layer in range(last, -1, -1):
            flows, size = self.flows[layer], self.sizes[layer]
            if layer == last:
                output = flows[SIGNAL, rows]
                rails = output if self._activated[layer] else flows[SLOPE, rows]
                np.add(rails, np.abs(targets[rows]), out=flows[MADE, rows])
                np.subtract(output, targets[rows], out=flows[DRIVE, rows])
            else:
                above = self.flows[layer + 1]
                np.matmul(above[ERROR, rows], matrices[layer + 1][:-1].T, out=flows[DRIVE, rows])
                np.matmul(above[ERRORS, rows], both[layer + 1][:-1].T, out=flows[MADE, rows])
            leap = Leap(tau, self.volume, self._h[layer], self._annihilation, self.noisy)
            start, end = rows.start * size, rows.stop * size
            leap_backward(
                piece.address, self.state[layer], self._flows[layer], start, end, leap, self._activated[layer], licence,
                piece.scratch,
            )  # fmt: skip

    def molecules(self, rows: slice) -> np.ndarray:
        """float32[sample, output]: the outputs of the samples `rows` [molecules]; the difference of the rails if there
        are two."""
        state = self.state[-1][Y if self._activated[-1] else Z]
        return state.reshape(self.n_samples, -1)[rows]

    def outputs(self) -> np.ndarray:
        """int64[number]: molecules of the outputs, sample by sample; plus rail before minus rail if they have two."""
        state, flows = self.state[-1], self._flows[-1]
        if self._activated[-1]:
            return state[Y].astype(np.int64)
        z = state[Z].astype(np.int64)
        common = np.rint((flows[SLOPE] - np.abs(flows[SIGNAL])) / 2).astype(np.int64)
        return (np.maximum(np.stack([z, -z], axis=1), 0) + common[:, None]).ravel()
