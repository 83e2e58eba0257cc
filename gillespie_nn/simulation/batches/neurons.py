"""The neurons of all samples of a batch, layer by layer, and how they leap."""

from collections.abc import Sequence

import numpy as np

from ...kernels.batch_neurons import (
    DRIVE,
    ERROR,
    ERRORS,
    FLOWS,
    MADE,
    SIGNAL,
    SLOPE,
    STATE,
    Leap,
    Y,
    Z,
    leap_backward,
    leap_forward,
)
from ...nn import TrainingNetwork
from .pieces import Piece

ROWS = 64
"""Samples whose neurons one stream of random numbers decides."""


class Neurons:
    """Molecules of the neurons of `n_samples` samples, at first none (all switches are off).

    Samples leap in blocks of rows: different blocks may leap at the same time.
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
        """One float32[STATE, sample * neuron] a layer, see `kernels.batch_neurons`."""
        self._flows = [np.zeros((FLOWS, n_samples * size), dtype=np.float32) for size in self.sizes]
        self.flows = [a.reshape(FLOWS, n_samples, size) for a, size in zip(self._flows, self.sizes)]
        """One float32[FLOWS, sample, neuron] a layer: averages over the last leap [molecules]."""

    @property
    def blocks(self) -> list[slice]:
        """Rows that leap together."""
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
        """float32[sample, output]: the outputs of some samples [molecules], the difference if they have two rails."""
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
