"""The batch leap: a training run resolved in time, in which the firings of every channel are drawn.

All neurons leap together, module by module (`kernels.leap.batch_neurons`), through the hold, in which weights are
still, and through the window, in which they learn. `simulate_outputs` does the same for fixed weights.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ... import checks
from ...kernels.leap.batch_neurons import LICENSED, LICENSEDS, SIGNAL, G
from ...nn import TrainingNetwork
from ...options import Option, positive, whole
from .batch_method import BatchMethod
from .neurons import ROWS, Neurons, Piece, Pieces, Weights, libraries

_HOLD = 2.0
"""Leaps of the hold are longer by this factor: the state at its end does not depend on their length."""
_FADED = 2.0
"""Time after which all but exp(-10) of the licensed errors are gone without a licence [s]."""
_TOGETHER = 16 * ROWS
"""Samples whose neurons are in memory at the same time, where outputs are simulated."""


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
    """Weights and neurons that learn from batches of one size, with their work arrays.

    Given the exposures to the licensed errors, the number of firings of a weight has a Poisson law. Weights of later
    layers are drawn in every leap. Those of the first layer, which are nearly all weights, are drawn `draws` times in a
    window. In between, pre-activations follow their expected firings; the products of the inputs of samples with one
    another are enough for that.
    """

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
            # What is left of the licensed errors still acts for about 0.2 s, with the new inputs.
            learning = min(n, math.ceil(_FADED / tau))
            for k in range(learning):
                fired += self._leap(tau, 0.0, rates.hold if k == 0 else 0.0)
            if learning < n:
                self._pieces.run(self._still, [(rows, tau, n - learning) for rows in neurons.chunks])
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
        """Compute the drive of the first layer by the present weights."""
        value, both = self._weights.value[0], self._weights.both[0]
        volume = np.float32(self._weights.volume)

        def work(piece: Piece, rows: slice) -> None:
            for inputs, weights, out in ((self._x, value, self._drive), (self._sizes, both, self._made)):
                np.matmul(inputs[rows], weights[:-1], out=out[rows])
                out[rows] += weights[-1]
                out[rows] *= volume

        self._pieces.run(work, [(rows,) for rows in self._neurons.chunks])

    def _still(self, piece: Piece, rows: slice, tau: float, n: int) -> None:
        """Leaps with still weights, in which chunks of rows need not wait for one another."""
        neurons, matrices, both = self._neurons, self._weights.value, self._weights.both
        for _ in range(n):
            neurons.forward(piece, rows, tau, self._drive, self._made, matrices, both)
            neurons.backward(piece, rows, tau, self._targets, matrices, both, -1.0)

    def _leap(self, tau: float, licence: float, annihilating: float) -> int:
        """One leap in which weights learn: later layers are drawn, and the first layer follows its expected change."""
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

        self._pieces.run(leap, [(rows,) for rows in neurons.chunks])
        self._pieces.run(follow, [(rows,) for rows in neurons.chunks])
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


# Outputs of many samples by simulation with fixed weights: the forward network alone, in leaps


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
    `leap` [s]. Chunk i of `ROWS` samples draws from the generator (SFC64) `stream(i)`: the outputs of a sample depend
    on its place in x, but not on the number of threads. `done(samples)` is called after each `_TOGETHER` samples.
    """
    shown = (np.rint(np.asarray(x, dtype=np.float64) * weights.volume) / weights.volume).astype(np.float32)
    outputs = np.empty((len(times), len(x), spec.layers[-1]), dtype=np.float32)
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
            outputs[k, start + rows.start : start + rows.stop] = neurons.molecules(rows) / volume

    with libraries().limit(limits=1):
        for start in range(0, len(x), _TOGETHER):
            neurons = Neurons(spec, min(_TOGETHER, len(x) - start), weights.volume)
            first = start // ROWS
            pieces.begin(len(neurons.chunks), lambda i, first=first: stream(first + i))  # type: ignore[misc]
            pieces.run(work, [(rows, start) for rows in neurons.chunks])
            done(start + neurons.n_samples)
    return outputs


# The batch leap as a method of training


def _draws(name: str, value: Any) -> int | None:
    return None if value is None else checks.whole(name, value)


class BatchLeap(BatchMethod):
    """Options: `leap`, the longest leap; `draws`, how often weights of the first layer are drawn; `threads`.

    The result does not depend on the number of threads.
    """

    name = "batch_leap"
    summary = "approximate: leaps of whole batches, resolved in time; for networks of the size of MNIST"
    reference = "D. T. Gillespie, J. Chem. Phys. 115 (2001) 1716, doi:10.1063/1.1378322"
    options = (
        Option("leap", 1.0, positive("s"), "longest leap while weights learn; twice as long during the hold", unit="s"),
        Option(
            "draws", None, _draws, "how often the weights of the first layer are drawn in a presentation", int,
            allowed="at least 1", usual="once a leap if the first layer has few weights, else 1",
        ),
        Option("threads", 1, whole(), "number of threads; does not change the result", int),
    )  # fmt: skip

    batches: ClassVar[type[Batch]] = Batch
    """The class that simulates a presentation; verification plants errors in it."""

    def __init__(self, spec: TrainingNetwork, running_time: float, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(spec, running_time, volume, *rest, **named)
        chemistry = spec.chemistry
        hold = float(chemistry.hold)  # type: ignore[attr-defined]
        eta, annihilation = float(chemistry.learning_rate), float(chemistry.annihilation_rate)
        self._rates = Rates(eta, annihilation, hold, running_time - hold, self.settings["leap"])
        self._pieces = Pieces(self.settings["threads"])
        self._neurons: Neurons | None = None
        self._remembered = np.empty(0)

    def memory(self) -> np.ndarray:
        if self._neurons is None:
            return self._remembered
        return np.concatenate([state.ravel() for state in self._neurons.state]).astype(np.float64)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        super().recall(n_events, memory)
        if len(memory):
            self._neurons, self._remembered = None, np.array(memory, dtype=np.float64)

    def _begin(self, n_samples: int) -> Neurons:
        neurons = self._neurons = Neurons(self._spec, n_samples, self._volume)
        if len(self._remembered):
            flat = np.concatenate([state.ravel() for state in neurons.state])
            if len(flat) != len(self._remembered):
                raise ValueError(f"the memory has {len(self._remembered)} numbers, and the neurons have {len(flat)}")
            ends = np.cumsum([state.size for state in neurons.state])[:-1]
            for state, part in zip(neurons.state, np.split(self._remembered, ends)):
                state[...] = part.reshape(state.shape)
            self._remembered = np.empty(0)
        self._batch = self.batches(self.weights, neurons, self._pieces, self._rates, self.settings["draws"])
        return neurons

    def _present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        neurons = self._neurons
        if neurons is None or neurons.n_samples != len(x):
            neurons = self._begin(len(x))
        n_weights = max(self.weights.n_pieces(layer) for layer in range(len(neurons.sizes)))
        self._pieces.begin(max(len(neurons.chunks), n_weights, 2), lambda piece: self._stream(k, piece))
        with libraries().limit(limits=1):
            self._n_events += self._batch.present(x, t * np.float32(self._volume), licence)
        self._outputs = neurons.outputs()
