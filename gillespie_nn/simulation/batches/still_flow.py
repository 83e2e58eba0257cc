"""The window of a presentation, in which weights learn: neurons at rest, and weights that move by expected firings.

The state is what each weight has learnt, in units of -step. The first layer is not followed weight by weight: if v
[sample, neuron] is the mean of the licensed errors so far, its weights have learnt X^T v, and its pre-activations have
moved by -step (X X^T) v. The fastest directions are learnt many times over in a window and are then at rest. A common
explicit method would need many steps for them. The methods of B. P. Sommeijer, L. F. Shampine and J. G. Verwer, J.
Comput. Appl. Math. 88 (1998) 315 (RKC, second order), take s evaluations for a step that is stable up to rates of 0.65
s^2.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from ...checks import UnfinishedError
from ...kernels.leap import still_neurons
from ...nn import TrainingNetwork
from .still_layers import StillLayers

TOLERANCE = 0.05
"""Estimated error of a step over the change in a window, in each layer. Changes of MNIST are then right to 0.5 %."""
FINE = 0.005
"""The same for small networks, which learn from few samples with large errors."""
LONG_WINDOW = 500.0
"""In longer windows the lag of the neurons behind the weights is neglected: at the largest steps that learn MNIST the
change of a presentation is then right to 1.5 %, at less than half the work [s]."""
_LAG = 7.0
"""Approximate lag of the neurons behind the weights [s]."""
_RISE_OF_LAG = 4.0
"""Time in which the lag rises: about half of it, as long as the relaxation times that follow one another [s]."""
_FIRST_STEP = 2.0
"""Length of the first step, over the time in which the fastest direction is learnt."""
_STILL_TO_LEARN = 0.3
"""Errors decay as they are learnt: in the rest of a window they teach this part of what they would at their present
size."""
_MOST_EVALUATIONS = 2000

Fired = Callable[[int, np.ndarray, np.ndarray, float], None]
"""Called after a step for each layer above the first: number of the layer, expected change of the weights and expected
sum of the changes of both rails float32[inputs + 1, neurons] [concentration], share of the window; it changes
weights."""


class _Vector(NamedTuple):
    """Mean errors of the first layer and what the weights of all others have learnt, in the same memory."""

    whole: np.ndarray
    """float32[number]."""
    flat: list[np.ndarray]
    """Of each layer, float32[number]."""
    parts: list[np.ndarray]
    """The first float32[sample, neuron], all others float32[inputs + 1, neurons]."""

    @classmethod
    def of(cls, shapes: Sequence[tuple[int, int]]) -> "_Vector":
        sizes = [rows * columns for rows, columns in shapes]
        whole = np.zeros(sum(sizes), dtype=np.float32)
        flat = np.split(whole, np.cumsum(sizes)[:-1])
        return cls(whole, flat, [a.reshape(shape) for a, shape in zip(flat, shapes)])


class StillFlow:
    """The window for a batch of `n_samples`."""

    layers = StillLayers
    """The class of the neurons."""

    def __init__(self, spec: TrainingNetwork, n_samples: int) -> None:
        self.neurons = self.layers(spec, n_samples)
        sizes = spec.layers[1:]
        shapes = [(n_samples, sizes[0]), *((below + 1, above) for below, above in zip(sizes, sizes[1:]))]
        self._learnt, self._start_rates, self._end_rates, self._rates, *self._stages = (
            _Vector.of(shapes) for _ in range(7)
        )
        # The same, of the sums of rails.
        self._both, self._start_both, self._end_both = (_Vector.of(shapes) for _ in range(3))
        self.gram = np.empty((n_samples, n_samples), dtype=np.float32)
        """X X^T, with an input of 1 for the biases."""
        self._drive = np.empty((n_samples, sizes[0]), dtype=np.float32)
        self._ones = np.ones(n_samples, dtype=np.float32)
        none = np.zeros((1, 1), dtype=np.float32)
        self._weights = [none, *(np.empty(shape, dtype=np.float32) for shape in shapes[1:])]
        self._speeds = [none, *(np.empty(shape, dtype=np.float32) for shape in shapes[1:])]
        self.tolerance = TOLERANCE
        self.n_steps = self.n_evaluations = 0

    @property
    def exposure(self) -> np.ndarray:
        """Mean of the licensed errors g of the first layer over the window float32[sample, neuron] [concentration]."""
        return self._learnt.parts[0]

    @property
    def exposure_of_both(self) -> np.ndarray:
        """The same of the sum of both rails."""
        return self._both.parts[0]

    def follow(
        self,
        weights: Sequence[np.ndarray],
        both: Sequence[np.ndarray],
        step: float,
        window: float,
        fired: Fired,
        first_fires: Callable[[float], None] | None = None,
    ) -> float:
        """Follow a window of length `window` [s] in which weights learn `step` = eta Tw times the licensed errors.

        Given are `gram`, and of `neurons` the first layer's `z`, the targets, the licence and the noise. `weights` and
        `both` are changed by `fired` alone. At the end the first layer's `z` is that of the expected weights then, and
        `exposure` that of the whole window, which is returned as 1. If `first_fires` is given, it is called after each
        step but the last with the share of the window that the exposures are from; it changes the first layer's weights
        and `z`. What is left at the end is the exposure in the last step, whose share of the window is returned.
        """
        self._step, self._window = np.float32(step), np.float32(window)
        self._drawn = 0.0
        np.copyto(self._drive, self.neurons.first.z)
        self._learnt.whole[:] = 0.0
        self._both.whole[:] = 0.0
        most = self.n_evaluations + _MOST_EVALUATIONS
        left, length, fastest = 1.0, 1.0, 0.0
        self._evaluate(self._learnt, weights, self._start_rates, 0.0)
        self._fill_both(both, self._start_both)
        while True:
            if not fastest:
                fastest = self._largest_rate(weights)
                length = min(1.0, _FIRST_STEP / max(fastest, 1e-9))
            while True:
                length = left / np.ceil(left / length - 1e-3)
                new = self._try(1.0 - left, length, fastest, weights)
                self._evaluate(new, weights, self._end_rates, 1.0 - left + length)
                error = self._error(length, new, left - length)
                factor = min(4.0, max(0.2, 0.8 * (self.tolerance / max(error, 1e-9)) ** (1 / 3)))
                if error <= self.tolerance:
                    break
                if not np.isfinite(error) or self.n_evaluations > most:
                    raise UnfinishedError("the window cannot be followed: errors of the neurons grow too fast")
                length *= min(factor, 0.7)
            self._fill_both(both, self._end_both)
            self._accept(length, new, fired)
            left -= length
            if left < 1e-6:
                self._place(self._learnt)
                return 1.0 if first_fires is None else length
            if first_fires is not None:
                first_fires(length)
                np.copyto(self._drive, self.neurons.first.z)
                self._drawn += _norm(self._learnt.flat[0])
                self.exposure[:] = 0.0
                self.exposure_of_both[:] = 0.0
                self._evaluate(self._learnt, weights, self._start_rates, 1.0 - left)
                self._fill_both(both, self._start_both)
                length *= factor
                continue
            length *= factor
            # The weights contain what just fired; it acts on the errors from the second stage of the next step on.
            np.copyto(self._start_rates.whole, self._end_rates.whole)
            np.copyto(self._start_both.whole, self._end_both.whole)

    def _place(self, state: _Vector) -> None:
        """Pre-activations of the first layer."""
        z = self.neurons.first.z
        np.matmul(self.gram, state.parts[0], out=z)
        still_neurons.subtract(self._drive.ravel(), self._step, z.ravel(), z.ravel())

    def _evaluate(self, state: _Vector, weights: Sequence[np.ndarray], out: _Vector, time: float) -> None:
        """Rates of `state` for a window of length 1 at `time` in it, from `weights` at `_learnt` on."""
        self.n_evaluations += 1
        neurons, first = self.neurons, self.neurons.first
        self._place(state)
        if state is not self._learnt:
            parts = zip(weights[1:], state.parts[1:], self._learnt.parts[1:], self._weights[1:])
            for w, then, now, moved in parts:
                np.subtract(then, now, out=moved)
                still_neurons.subtract(w.ravel(), self._step, moved.ravel(), moved.ravel())
            weights = self._weights
        neurons.rest(weights)
        if self._window < LONG_WINDOW:
            self._lag(weights, time)
        first_out, *upper = out.parts
        np.copyto(first_out, first.g)
        for below, layer, part in zip(neurons.layers, neurons.layers[1:], upper):
            _products(below.grid.y, layer.grid.g, self._ones, part)

    def _lag(self, weights: Sequence[np.ndarray], time: float) -> None:
        """Move the neurons from rest to where they lag behind the weights."""
        # The weights move at the speeds that the errors at rest give them, so the lag is right to first order.
        neurons, first = self.neurons, self.neurons.first
        # Neurons are at rest when the window opens, and the lag rises from 0 to its full size.
        speed = -self._step / self._window * np.float32(-np.expm1(-time * self._window / _RISE_OF_LAG))
        np.matmul(self.gram, first.g, out=first.dz)
        np.multiply(first.dz, speed, out=first.dz)
        for below, layer, speeds in zip(neurons.layers, neurons.layers[1:], self._speeds[1:]):
            _products(below.grid.y, layer.grid.g, self._ones, speeds)
            np.multiply(speeds, speed, out=speeds)
        neurons.late(weights, self._speeds)

    def _fill_both(self, both: Sequence[np.ndarray], out: _Vector) -> None:
        """Fill `out` with the rates of both rails, in the state of the last `_evaluate`."""
        neurons = self.neurons
        neurons.fill_rails(both)
        first, *upper = out.parts
        still_neurons.sizes(neurons.first.g.ravel(), neurons.first.g_common.ravel(), first.ravel())
        for below, layer, part in zip(neurons.layers, neurons.layers[1:], upper):
            still_neurons.sizes(layer.flat.g, layer.flat.g_common, layer.flat.scratch)
            _products(below.grid.y, layer.grid.scratch, self._ones, part)

    def _largest_rate(self, weights: Sequence[np.ndarray]) -> float:
        """An estimate of the largest rate of learning, in windows: two steps of the power method from the errors, of
        which most are those that are learnt fastest."""
        start, place, direction = self._start_rates.whole, self._stages[0], self._stages[1].whole
        amount = _norm(start)
        if not amount > 0.0:
            return 1e-9
        np.copyto(direction, start)
        size, length = 1.0, amount
        for _ in range(2):
            # So small that the errors change by about a hundredth.
            share = 0.01 * amount / (length * max(size, 1.0))
            still_neurons.subtract(self._learnt.whole, np.float32(-share), direction, place.whole)
            self._evaluate(place, weights, self._rates, 0.0)
            np.subtract(self._rates.whole, start, out=direction)
            size, length = _norm(direction) / (length * share), _norm(direction)
            if not length > 0.0:
                return 1e-9
        if not np.isfinite(size):
            raise UnfinishedError("the window cannot be followed: errors of the neurons grow too fast")
        if self._window < LONG_WINDOW:
            # These are rates without lag: at the rate K an error that is late by tau is learnt at K + K^2 tau.
            size += size * size * _LAG / float(self._window)
        return max(size, 1e-9)

    def _try(self, now: float, length: float, fastest: float, weights: Sequence[np.ndarray]) -> _Vector:
        """The state after a step."""
        n_stages = max(2, 1 + int(np.sqrt(1.0 + 1.54 * length * fastest)))
        first_share, shares = coefficients(n_stages)
        start, start_rates = self._learnt.whole, self._start_rates.whole
        older, old, new = self._learnt, self._stages[0], self._stages[1]
        h = np.float32(length)
        still_neurons.subtract(start, np.float32(-first_share) * h, start_rates, old.whole)
        for m, v, rate, start_rate, time in shares:
            self._evaluate(old, weights, self._rates, now + length * time)
            still_neurons.chebyshev(
                np.float32(1.0 - m - v), start, np.float32(m), old.whole, np.float32(v), older.whole,
                np.float32(rate) * h, self._rates.whole, np.float32(start_rate) * h, start_rates, new.whole,
            )  # fmt: skip
            free = self._stages[2] if older is self._learnt else older
            older, old, new = old, new, free
        return old

    def _error(self, length: float, new: _Vector, left: float) -> float:
        """Estimate over what was learnt, of the worst layer."""
        worst, before = 0.0, self._drawn
        share = np.float32(0.4 * length)
        for a, b, start, end in zip(self._learnt.flat, new.flat, self._start_rates.flat, self._end_rates.flat):
            wrong = still_neurons.chebyshev_error(a, b, share, start, end)
            if not np.isfinite(wrong):
                return np.inf
            learnt = before + _norm(b) + _STILL_TO_LEARN * left * _norm(end)
            worst, before = max(worst, float(wrong) ** 0.5 / max(learnt, 1e-30)), 0.0
        return worst

    def _accept(self, length: float, new: _Vector, fired: Fired) -> None:
        self.n_steps += 1
        half = np.float32(0.5 * length)
        start_both, learnt = self._start_both.whole, self._learnt.whole
        np.add(start_both, self._end_both.whole, out=start_both)
        still_neurons.subtract(self._both.whole, -half, start_both, self._both.whole)
        np.subtract(new.whole, learnt, out=self._rates.whole)
        np.copyto(learnt, new.whole)
        layers = zip(self._rates.parts, self._rates.flat, self._start_both.parts, self._start_both.flat)
        for k, (change, flat_change, firings, flat_firings) in enumerate(layers):
            if k:
                change *= -self._step
                firings *= half * self._step
                still_neurons.at_least_sizes(flat_change, flat_firings)
                fired(k, change, firings, length)


@cache
def coefficients(n_stages: int) -> tuple[float, list[tuple[float, float, float, float, float]]]:
    """Share of the rates in the first stage, and (mu, nu, mu~, gamma~) of those from the second on with the time in the
    step of the stage before; eq. 2.2 to 2.6 there, with damping 2/13."""
    w = 1.0 + (2.0 / 13.0) / n_stages**2
    values, slopes, curvatures = [1.0, w], [0.0, 1.0], [0.0, 0.0]
    for _ in range(2, n_stages + 1):
        curvatures.append(2.0 * w * curvatures[-1] - curvatures[-2] + 4.0 * slopes[-1])
        slopes.append(2.0 * w * slopes[-1] - slopes[-2] + 2.0 * values[-1])
        values.append(2.0 * w * values[-1] - values[-2])
    scale = slopes[-1] / curvatures[-1]
    b = [curvatures[j] / slopes[j] ** 2 for j in range(2, n_stages + 1)]
    b = [b[0], b[0], *b]
    shares, older, old = [], 0.0, b[1] * scale
    for j in range(2, n_stages + 1):
        rate = 2.0 * b[j] * scale / b[j - 1]
        m, v, start_rate = 2.0 * b[j] * w / b[j - 1], -b[j] / b[j - 2], -(1.0 - b[j - 1] * values[j - 1]) * rate
        shares.append((m, v, rate, start_rate, old))
        older, old = old, m * old + v * older + rate + start_rate
    return b[1] * scale, shares


def _products(below: np.ndarray, errors: np.ndarray, ones: np.ndarray, out: np.ndarray) -> None:
    """Sum over samples of inputs times errors, the biases last."""
    np.matmul(below.T, errors, out=out[:-1])
    np.matmul(ones, errors, out=out[-1])


def _norm(vector: np.ndarray) -> float:
    return float(np.dot(vector, vector)) ** 0.5
