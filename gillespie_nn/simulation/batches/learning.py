"""One presentation to a batch: the leaps of the hold and of the window, and the firings of the weights."""

import math
from typing import NamedTuple

import numpy as np

from ...kernels.batch_neurons import LICENSED, LICENSEDS, SIGNAL, G
from .neurons import Neurons
from .pieces import Piece, Pieces
from .weights import Weights

_HOLD = 2.0
"""Leaps of the hold are so many times longer: what it ends at does not depend on their length."""
_FADED = 2.0
"""Time after which licensed errors without a licence are gone, all but exp(-10) of them [s]."""


class Rates(NamedTuple):
    """Rates and times of a presentation."""

    learning: float
    """Rate constant of updates [1/s]."""
    annihilation: float
    """Rate constant of annihilation [1/(concentration s)]."""
    hold: float
    """Time without licence [s]."""
    window: float
    """Time with licence [s]."""
    leap: float
    """Longest leap of the window [s]."""


class Batch:
    """Weights and neurons that learn from batches of one size, and the memory to work in."""

    def __init__(self, weights: Weights, neurons: Neurons, pieces: Pieces, rates: Rates, draws: int | None) -> None:
        self._weights, self._neurons, self._pieces, self._rates = weights, neurons, pieces, rates
        self._leaps = max(1, math.ceil(rates.window / rates.leap - 1e-9))
        few = weights.are_few(neurons.n_samples * sum(neurons.sizes))
        self.draws = self._leaps if draws is None and few else min(draws or 1, self._leaps)
        """Draws of the weights of the first layer in a window."""
        shape = neurons.n_samples, neurons.sizes[0]
        self._drive, self._step, self._made, self._leading = (np.zeros(shape, dtype=np.float32) for _ in range(4))
        self._exposure, self._exposures = (np.zeros(shape, dtype=np.float32) for _ in range(2))
        self._change, self._firings = ([np.zeros_like(v) for v in weights.value] for _ in range(2))
        self._matrices = [v.copy() if layer else v for layer, v in enumerate(weights.value)]

    def present(self, x: np.ndarray, targets: np.ndarray, licence: float) -> int:
        """One presentation of inputs x float32[sample, input] [concentration] and `targets` float32[sample, output]
        [molecules]. Returns the number of firings of weights. Raises UnfinishedError for weights that run away."""
        rates, neurons = self._rates, self._neurons
        self._x, self._sizes, self._targets = x, np.abs(x), targets
        self._gram = x @ x.T + np.float32(1.0)
        self._exposure[...] = self._exposures[...] = self._step[...] = 0.0
        self._drive_first()
        for layer, matrix in enumerate(self._matrices):
            matrix[...] = self._weights.value[layer]
        fired = 0
        waiting = rates.hold
        if rates.hold > 0:
            n = max(1, math.ceil(rates.hold / (_HOLD * rates.leap) - 1e-9))
            tau = rates.hold / n
            # What is left of the licensed errors still acts, for some 0.2 s, with the new inputs.
            learning = min(n, math.ceil(_FADED / tau))
            for k in range(learning):
                fired += self._leap(tau, 0.0, rates.hold if k == 0 else 0.0)
            if learning < n:
                self._pieces.run(self._still, [(rows, tau, n - learning) for rows in neurons.blocks])
                for state in neurons.state:
                    state[G] = 0.0
        tau = rates.window / self._leaps
        for k in range(self._leaps):
            fired += self._leap(tau, licence, tau)
            waiting += tau
            if (k + 1) * self.draws // self._leaps > k * self.draws // self._leaps:
                fired += self._fire_first(waiting)
                waiting = 0.0
                if k + 1 < self._leaps:
                    self._drive_first()
        return fired

    def _drive_first(self) -> None:
        """How the first layer is driven by the weights as they are."""
        value, both = self._weights.value[0], self._weights.both[0]
        volume = np.float32(self._weights.volume)

        def work(piece: Piece, rows: slice) -> None:
            for inputs, weights, out in ((self._x, value, self._drive), (self._sizes, both, self._made)):
                np.matmul(inputs[rows], weights[:-1], out=out[rows])
                out[rows] += weights[-1]
                out[rows] *= volume

        self._pieces.run(work, [(rows,) for rows in self._neurons.blocks])

    def _still(self, piece: Piece, rows: slice, tau: float, n: int) -> None:
        """Leaps with still weights: rows need not wait for one another."""
        neurons, matrices, both = self._neurons, self._weights.value, self._weights.both
        for _ in range(n):
            neurons.forward(piece, rows, tau, self._drive, self._made, matrices, both)
            neurons.backward(piece, rows, tau, self._targets, matrices, both, -1.0)

    def _leap(self, tau: float, licence: float, annihilating: float) -> int:
        """One leap in which weights learn: those of later layers are drawn, what they do to the first is expected."""
        neurons, eta, both = self._neurons, np.float32(self._rates.learning), self._weights.both

        def leap(piece: Piece, rows: slice) -> None:
            # Weights at the middle of the leap, if they go on to change as they did: second order in the leap.
            np.multiply(self._step[rows], np.float32(0.5), out=self._leading[rows])
            self._leading[rows] += self._drive[rows]
            neurons.forward(piece, rows, tau, self._leading, self._made, self._matrices, both)
            neurons.backward(piece, rows, tau, self._targets, self._matrices, both, licence)
            self._expose(rows, np.float32(tau))

        def follow(piece: Piece, rows: slice) -> None:
            np.matmul(self._gram[rows], neurons.flows[0][LICENSED], out=self._step[rows])
            self._step[rows] *= -eta
            self._drive[rows] += self._step[rows]

        self._pieces.run(leap, [(rows,) for rows in neurons.blocks])
        self._pieces.run(follow, [(rows,) for rows in neurons.blocks])
        fired = 0
        for layer in range(1, len(neurons.sizes)):
            signal = neurons.flows[layer - 1][SIGNAL]
            change, firings = self._change[layer], self._firings[layer]
            self._expect(signal, neurons.flows[layer][LICENSED], change, -eta)
            self._expect(signal, neurons.flows[layer][LICENSEDS], firings, eta)
            fired += self._weights.fire(layer, change, firings, self._rates.annihilation * annihilating, self._pieces)
            np.multiply(change, np.float32(0.5 / self._weights.volume), out=self._matrices[layer])
            self._matrices[layer] += self._weights.value[layer]
        return fired

    def _expose(self, rows: slice, tau: np.float32) -> None:
        """Make exposures over the leap [molecules s] of the averages, and add those of the first layer."""
        for flows in self._neurons.flows:
            flows[LICENSED : LICENSEDS + 1, rows] *= tau
        self._exposure[rows] += self._neurons.flows[0][LICENSED, rows]
        self._exposures[rows] += self._neurons.flows[0][LICENSEDS, rows]

    def _expect(self, signal: np.ndarray, exposure: np.ndarray, out: np.ndarray, scale: np.float32) -> None:
        np.matmul(signal.T, exposure, out=out[:-1])
        out[:-1] *= scale / np.float32(self._weights.volume)
        np.sum(exposure, axis=0, out=out[-1])
        out[-1] *= scale

    def _fire_first(self, waiting: float) -> int:
        """Draw the firings of the first layer given the exposures since the last draw; `waiting` is the time [s]."""
        eta = np.float32(self._rates.learning)
        change, firings = self._change[0], self._firings[0]
        parts = [(self._x, self._exposure, change, -eta), (self._sizes, self._exposures, firings, eta)]

        def work(piece: Piece, inputs: np.ndarray, exposure: np.ndarray, out: np.ndarray, scale: np.float32) -> None:
            np.matmul(inputs.T, exposure, out=out[:-1])
            np.sum(exposure, axis=0, out=out[-1])
            out *= scale

        self._pieces.run(work, parts)
        self._exposure[...] = self._exposures[...] = 0.0
        return self._weights.fire(0, change, firings, self._rates.annihilation * waiting, self._pieces)
