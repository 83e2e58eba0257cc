"""The window of a presentation, in which weights learn: neurons at rest, weights moved on by what is expected to fire.

The state is what each weight has learnt, in units of -step. Of the first layer it is not followed weight by weight:
with the mean v [sample, neuron] of the licensed errors so far its inputs have learnt X^T v, and its pre-activations
have moved by -step (X X^T) v. Some directions are learnt many times faster than the window is long, and are then at
rest: an explicit method needs many steps for them. Those of B. P. Sommeijer, L. F. Shampine and J. G. Verwer, J.
Comput. Appl. Math. 88 (1998) 315 (RKC, second order), take s evaluations for a step that is stable up to rates of 0.65
s^2.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from ...checks import UnfinishedError
from ...kernels import still_neurons
from ...nn import TrainingNetwork
from .still_layers import StillLayers

TOLERANCE = 0.05
"""Estimated error of a step over what a window teaches, in each layer; changes of MNIST are then right to some 0.5 %."""
FINE = 0.005
"""The same for small networks, which learn from few samples with large errors."""
LONG_WINDOW = 500.0
"""Neurons lag some 7 s behind the weights. In longer windows that is neglected: at the largest steps that learn MNIST
the change of a presentation is then right to 1.5 %, at less than half the work [s]."""
_FIRST_STEP = 4.0
"""Over the time in which the fastest direction is learnt."""
_STILL_TO_LEARN = 0.3
"""Errors decay as they are learnt: in the rest of a window so much is learnt of what they would at their present
size."""
_MOST_EVALUATIONS = 2000

Fired = Callable[[int, np.ndarray, np.ndarray, float], None]
"""Called after a step for each layer above the first: number of the layer, expected change of the weights and expected
sum of the changes of both rails float32[inputs + 1, neurons] [concentration], share of the window; it changes
weights."""


class StillFlow:
    """The window for a batch of `n_samples`."""

    def __init__(self, spec: TrainingNetwork, n_samples: int) -> None:
        self.neurons = StillLayers(spec, n_samples)
        sizes = spec.layers[1:]
        self._shapes = [(n_samples, sizes[0]), *((below + 1, above) for below, above in zip(sizes, sizes[1:]))]
        n = sum(rows * columns for rows, columns in self._shapes)
        # Mean errors of the first layer and what the weights of all others have learnt, as one vector.
        self._learnt, self._start_rates, self._end_rates, self._rates, *stages = np.zeros((7, n), dtype=np.float32)
        self._stages = stages
        self._both, self._start_both, self._end_both = np.zeros((3, n), dtype=np.float32)
        """The same, of the sums of rails."""
        self.gram = np.empty((n_samples, n_samples), dtype=np.float32)
        """X X^T, with an input of 1 for the biases."""
        self._drive = np.empty((n_samples, sizes[0]), dtype=np.float32)
        none = np.zeros((1, 1), dtype=np.float32)
        self._weights = [none, *(np.empty(shape, dtype=np.float32) for shape in self._shapes[1:])]
        self._speeds = [none, *(np.empty(shape, dtype=np.float32) for shape in self._shapes[1:])]
        self.tolerance = TOLERANCE
        self.n_steps = self.n_evaluations = 0

    @property
    def exposure(self) -> np.ndarray:
        """Mean of the licensed errors g of the first layer over the window float32[sample, neuron] [concentration]."""
        return self._parts(self._learnt)[0]

    @property
    def exposure_of_both(self) -> np.ndarray:
        """The same of the sum of both rails."""
        return self._parts(self._both)[0]

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
        self._learnt[:] = 0.0
        self._both[:] = 0.0
        most = self.n_evaluations + _MOST_EVALUATIONS
        left, length, fastest = 1.0, 1.0, 0.0
        self._evaluate(self._learnt, weights, self._start_rates)
        self._fill_both(both, self._start_both)
        while True:
            if not fastest:
                fastest = self._largest_rate(weights)
                length = min(1.0, _FIRST_STEP / max(fastest, 1e-9))
            while True:
                length = left / np.ceil(left / length - 1e-3)
                new = self._try(length, fastest, weights)
                self._evaluate(new, weights, self._end_rates)
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
                self._drawn += float(np.linalg.norm(self.exposure))
                self.exposure[:] = 0.0
                self.exposure_of_both[:] = 0.0
                self._evaluate(self._learnt, weights, self._start_rates)
                self._fill_both(both, self._start_both)
                length *= factor
                continue
            length *= factor
            # What just fired is in the weights, and acts on the errors from the second stage of the next step on.
            np.copyto(self._start_rates, self._end_rates)
            np.copyto(self._start_both, self._end_both)

    def _parts(self, vector: np.ndarray) -> list[np.ndarray]:
        parts, start = [], 0
        for rows, columns in self._shapes:
            parts.append(vector[start : start + rows * columns].reshape(rows, columns))
            start += rows * columns
        return parts

    def _place(self, state: np.ndarray) -> None:
        """Pre-activations of the first layer."""
        z = self.neurons.first.z
        np.matmul(self.gram, self._parts(state)[0], out=z)
        still_neurons.subtract(self._drive.ravel(), self._step, z.ravel(), z.ravel())

    def _evaluate(self, state: np.ndarray, weights: Sequence[np.ndarray], out: np.ndarray) -> None:
        """Rates of `state` for a window of length 1, from `weights` at `_learnt` on."""
        self.n_evaluations += 1
        neurons, first = self.neurons, self.neurons.first
        self._place(state)
        if state is not self._learnt:
            parts = zip(weights[1:], self._parts(state)[1:], self._parts(self._learnt)[1:], self._weights[1:])
            for w, then, now, moved in parts:
                np.subtract(then, now, out=moved)
                still_neurons.subtract(w.ravel(), self._step, moved.ravel(), moved.ravel())
            weights = self._weights
        neurons.rest(weights)
        if self._window < LONG_WINDOW:
            self._lag(weights)
        first_out, *upper = self._parts(out)
        np.copyto(first_out, first.g)
        for below, layer, part in zip(neurons.layers, neurons.layers[1:], upper):
            _products(below.grid.y, layer.grid.g, part)

    def _lag(self, weights: Sequence[np.ndarray]) -> None:
        """From rest to neurons that lag. Speeds of the weights are those at which the errors at rest teach, so the lag
        is right to first order."""
        neurons, first = self.neurons, self.neurons.first
        speed = -self._step / self._window
        np.matmul(self.gram, first.g, out=first.dz)
        np.multiply(first.dz, speed, out=first.dz)
        for below, layer, speeds in zip(neurons.layers, neurons.layers[1:], self._speeds[1:]):
            _products(below.grid.y, layer.grid.g, speeds)
            np.multiply(speeds, speed, out=speeds)
        neurons.late(weights, self._speeds)

    def _fill_both(self, both: Sequence[np.ndarray], out: np.ndarray) -> None:
        """Rates of both rails, where `_evaluate` was last."""
        neurons = self.neurons
        neurons.fill_rails(both)
        first, *upper = self._parts(out)
        still_neurons.sizes(neurons.first.g.ravel(), neurons.first.g_common.ravel(), first.ravel())
        for below, layer, part in zip(neurons.layers, neurons.layers[1:], upper):
            still_neurons.sizes(layer.flat.g, layer.flat.g_common, layer.flat.scratch)
            _products(below.grid.y, layer.grid.scratch, part)

    def _largest_rate(self, weights: Sequence[np.ndarray]) -> float:
        """An estimate of the largest rate of learning, in windows: two steps of the power method from the errors, of
        which most are those that are learnt fastest."""
        direction, place, size = self._start_rates, self._stages[0], 0.0
        start = float(np.linalg.norm(direction))
        if not start > 0.0:
            return 1e-9
        small = 1e-2
        for _ in range(2):
            share = np.float32(small * start / max(float(np.linalg.norm(direction)), 1e-30) / max(size, 1.0))
            still_neurons.subtract(self._learnt, -share, direction, place)
            self._evaluate(place, weights, self._rates)
            np.subtract(self._rates, self._start_rates, out=self._end_rates)
            size = float(np.linalg.norm(self._end_rates)) / (float(np.linalg.norm(direction)) * float(share))
            direction = self._end_rates
        if not np.isfinite(size):
            raise UnfinishedError("the window cannot be followed: errors of the neurons grow too fast")
        return max(size, 1e-9)

    def _try(self, length: float, fastest: float, weights: Sequence[np.ndarray]) -> np.ndarray:
        """The state after a step."""
        n_stages = max(2, 1 + int(np.sqrt(1.0 + 1.54 * length * fastest)))
        first_share, shares = coefficients(n_stages)
        older, old, new = self._learnt, self._stages[0], self._stages[1]
        h = np.float32(length)
        still_neurons.subtract(self._learnt, np.float32(-first_share) * h, self._start_rates, old)
        for m, v, rate, start_rate in shares:
            self._evaluate(old, weights, self._rates)
            still_neurons.chebyshev(
                np.float32(1.0 - m - v), self._learnt, np.float32(m), old, np.float32(v), older,
                np.float32(rate) * h, self._rates, np.float32(start_rate) * h, self._start_rates, new,
            )  # fmt: skip
            free = self._stages[2] if older is self._learnt else older
            older, old, new = old, new, free
        return old

    def _error(self, length: float, new: np.ndarray, left: float) -> float:
        """Estimate over what was learnt, of the worst layer."""
        worst, before = 0.0, self._drawn
        vectors = (self._learnt, new, self._start_rates, self._end_rates)
        for a, b, start, end in zip(*(self._parts(vector) for vector in vectors)):
            wrong = still_neurons.chebyshev_error(
                a.ravel(), b.ravel(), np.float32(0.4 * length), start.ravel(), end.ravel()
            )  # fmt: skip
            if not np.isfinite(wrong):
                return np.inf
            learnt = before + float(np.linalg.norm(b)) + _STILL_TO_LEARN * left * float(np.linalg.norm(end))
            worst, before = max(worst, float(np.sqrt(wrong)) / max(learnt, 1e-30)), 0.0
        return worst

    def _accept(self, length: float, new: np.ndarray, fired: Fired) -> None:
        self.n_steps += 1
        h = np.float32(length)
        np.add(self._start_both, self._end_both, out=self._start_both)
        still_neurons.subtract(self._both, np.float32(-0.5) * h, self._start_both, self._both)
        np.subtract(new, self._learnt, out=self._rates)
        np.copyto(self._learnt, new)
        changes, firings = self._parts(self._rates), self._parts(self._start_both)
        for k in range(1, len(changes)):
            np.multiply(changes[k], -self._step, out=changes[k])
            np.multiply(firings[k], np.float32(0.5) * h * self._step, out=firings[k])
            still_neurons.at_least_sizes(changes[k].ravel(), firings[k].ravel())
            fired(k, changes[k], firings[k], length)


@cache
def coefficients(n_stages: int) -> tuple[float, list[tuple[float, float, float, float]]]:
    """Share of the rates in the first stage, and (mu, nu, mu~, gamma~) of those from the second on; eq. 2.2 to 2.6
    there, with damping 2/13."""
    w = 1.0 + (2.0 / 13.0) / n_stages**2
    values, slopes, curvatures = [1.0, w], [0.0, 1.0], [0.0, 0.0]
    for _ in range(2, n_stages + 1):
        curvatures.append(2.0 * w * curvatures[-1] - curvatures[-2] + 4.0 * slopes[-1])
        slopes.append(2.0 * w * slopes[-1] - slopes[-2] + 2.0 * values[-1])
        values.append(2.0 * w * values[-1] - values[-2])
    scale = slopes[-1] / curvatures[-1]
    b = [curvatures[j] / slopes[j] ** 2 for j in range(2, n_stages + 1)]
    b = [b[0], b[0], *b]
    shares = []
    for j in range(2, n_stages + 1):
        rate = 2.0 * b[j] * scale / b[j - 1]
        shares.append((2.0 * b[j] * w / b[j - 1], -b[j] / b[j - 2], rate, -(1.0 - b[j - 1] * values[j - 1]) * rate))
    return b[1] * scale, shares


def _products(below: np.ndarray, errors: np.ndarray, out: np.ndarray) -> None:
    """Sum over samples of inputs times errors, the biases last."""
    np.matmul(below.T, errors, out=out[:-1])
    np.sum(errors, axis=0, out=out[-1])
