"""The window of a presentation, in which weights learn: neurons at rest, weights moved on by what is expected to fire.

The state is what each weight has learnt so far. Of the first layer it is not followed weight by weight: by then its
inputs have learnt -step X^T v for the mean v [sample, neuron] of the licensed errors, so that pre-activations have moved
by -step (X X^T) v. Steps are those of A. Ralston's third-order method (Math. Comp. 16 (1962) 431), whose second stage
alone is the midpoint rule: a step is short enough if the two differ by `TOLERANCE` of what was learnt, in each layer.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ...checks import UnfinishedError
from ...kernels import still_neurons
from ...nn import TrainingNetwork
from .still_layers import StillLayers

TOLERANCE = 0.01
"""The change of a presentation is then right to some 0.2 %: the third order is the more exact one."""
_SHARES = (2 / 9, 1 / 3, 4 / 9)
_MOST_STEPS = 1000

Fired = Callable[[int, np.ndarray, np.ndarray, float], None]
"""Called after a step for each layer above the first: number of the layer, expected change of the weights and expected
sum of the changes of both rails float32[inputs + 1, neurons] [concentration], share of the window; it changes weights."""


class StillFlow:
    """The window for a batch of `n_samples`."""

    def __init__(self, spec: TrainingNetwork, n_samples: int) -> None:
        self.neurons = StillLayers(spec, n_samples)
        sizes = spec.layers[1:]
        self.gram = np.empty((n_samples, n_samples), dtype=np.float32)
        """X X^T, with an input of 1 for the biases."""
        first = n_samples, sizes[0]
        self.exposure = np.empty(first, dtype=np.float32)
        """Mean of the licensed errors g of the first layer over the window [concentration]."""
        self.exposure_of_both = np.empty(first, dtype=np.float32)
        """Mean of the sum of both rails."""
        self._z, self._next = np.empty(first, dtype=np.float32), np.empty(first, dtype=np.float32)
        self._errors = np.empty((3, *first), dtype=np.float32)
        self._moved = np.empty((3, *first), dtype=np.float32)
        self._none = np.zeros(1, dtype=np.float32)
        shapes = [(below + 1, above) for below, above in zip(sizes, sizes[1:])]
        self._learnt = [np.empty((3, *shape), dtype=np.float32) for shape in shapes]
        self._speeds = [self._none, *(np.empty(shape, dtype=np.float32) for shape in shapes)]
        self._staged = [self._none, *(np.empty(shape, dtype=np.float32) for shape in shapes)]
        self._firings = [np.empty(shape, dtype=np.float32) for shape in shapes]
        self.n_steps = 0

    def follow(
        self,
        weights: Sequence[np.ndarray],
        both: Sequence[np.ndarray],
        step: float,
        window: float,
        fired: Fired,
    ) -> None:
        """Follow a window of length `window` [s] in which weights learn `step` = eta Tw times the licensed errors.

        Given are `gram`, and of `neurons` the first layer's `z`, the targets, the licence and the noise. `weights` and
        `both` are changed by `fired` alone. At the end the first layer's `z` is that of the weights then.
        """
        neurons, z = self.neurons, self.neurons.first.z
        np.copyto(self._z, z)
        self.exposure[:] = 0.0
        self.exposure_of_both[:] = 0.0
        total = [np.zeros(w.shape, dtype=np.float32) for w in weights[1:]]
        left, length, known = 1.0, 1.0, False
        for _ in range(_MOST_STEPS):
            if not known:
                self._stage(0, weights, step, window)
            self._move(0, 0.5 * length, weights, step)
            self._stage(1, self._staged, step, window)
            # The sums of rails enter the noise of updates alone: the middle of the step does.
            neurons.fill_rails(both)
            self._firings_of_stage(step)
            self._move(1, 0.75 * length, weights, step)
            self._stage(2, self._staged, step, window)
            error = self._error(length, total)
            if not np.isfinite(error):
                raise UnfinishedError("the errors of the neurons are no finite numbers")
            factor = min(4.0, max(0.2, 0.9 * (TOLERANCE / max(error, 1e-9)) ** (1 / 3)))
            if error > TOLERANCE:
                # The errors at the start of the step remain known.
                length = left / np.ceil(left / (length * min(factor, 0.8)))
                known = True
                continue
            self._accept(length, step, total, fired)
            self.n_steps += 1
            left -= length
            if left < 1e-6:
                np.copyto(z, self._z)
                return
            length = left / np.ceil(left / (length * max(factor, 1.0)) - 1e-6)
            np.copyto(z, self._z)
            known = False
        raise UnfinishedError(f"a window takes more than {_MOST_STEPS} steps: the errors grow too fast")

    def _stage(self, k: int, weights: Sequence[np.ndarray], step: float, window: float) -> None:
        """Errors and changes for a step of 1, at the first layer's `z`. Speeds of the weights are those of neurons that
        do not lag, so the lag is right to first order in the speeds."""
        neurons, first = self.neurons, self.neurons.first
        neurons.rest(weights)
        np.matmul(self.gram, first.g, out=first.dz)
        np.multiply(first.dz, np.float32(-step / window), out=first.dz)
        for below, layer, speed in zip(neurons.layers, neurons.layers[1:], self._speeds[1:]):
            _products(below.grid.y, layer.grid.g, speed)
            np.multiply(speed, np.float32(-step / window), out=speed)
        neurons.late(weights, self._speeds)
        np.copyto(self._errors[k], first.g)
        np.matmul(self.gram, first.g, out=self._moved[k])
        for below, layer, learnt in zip(neurons.layers, neurons.layers[1:], self._learnt):
            _products(below.grid.y, layer.grid.g, learnt[k])

    def _move(self, k: int, length: float, weights: Sequence[np.ndarray], step: float) -> None:
        """To the place of the next stage."""
        share = np.float32(length * step)
        still_neurons.subtract(self._z.ravel(), share, self._moved[k].ravel(), self.neurons.first.z.ravel())
        for w, learnt, staged in zip(weights[1:], self._learnt, self._staged[1:]):
            np.multiply(learnt[k], -share, out=staged)
            np.add(w, staged, out=staged)

    def _firings_of_stage(self, step: float) -> None:
        layers = self.neurons.layers
        for below, layer, firings in zip(layers, layers[1:], self._firings):
            np.abs(layer.grid.g, out=layer.grid.scratch)
            np.add(layer.grid.scratch, layer.grid.g_common, out=layer.grid.scratch)
            _products(below.grid.y, layer.grid.scratch, firings)
        np.copyto(self._next, self.neurons.first.g_common)

    def _error(self, length: float, total: Sequence[np.ndarray]) -> float:
        """Largest difference of the two methods over what was learnt, of all layers."""
        a, b, c = (length * share for share in _SHARES)
        flat = self._errors.reshape(3, -1)
        arrays = [(flat, self.exposure.ravel())]
        arrays += [(learnt.reshape(3, -1), t.ravel()) for learnt, t in zip(self._learnt, total)]
        worst = 0.0
        for x, before in arrays:
            wrong = still_neurons.squares_of_three(
                np.float32(a), x[0], np.float32(b - length), x[1], np.float32(c), x[2]
            )  # fmt: skip
            learnt = still_neurons.squares_of_four(before, np.float32(a), x[0], np.float32(b), x[1], np.float32(c), x[2])
            if not np.isfinite(wrong):
                return np.inf
            if wrong > 0.0:
                worst = max(worst, wrong / max(learnt, np.float32(1e-30)))
        return float(np.sqrt(worst))

    def _accept(self, length: float, step: float, total: Sequence[np.ndarray], fired: Fired) -> None:
        shares = [np.float32(length * share) for share in _SHARES]
        _add(self.exposure, shares, self._errors)
        _add(self._z, [np.float32(-step) * share for share in shares], self._moved)
        still_neurons.add_sizes(
            np.float32(length), self._errors[1].ravel(), self._next.ravel(), self.exposure_of_both.ravel()
        )
        for k, (learnt, t, firings) in enumerate(zip(self._learnt, total, self._firings), 1):
            change = np.zeros(t.shape, dtype=np.float32)
            _add(change, shares, learnt)
            np.add(t, change, out=t)
            np.multiply(change, np.float32(-step), out=change)
            np.multiply(firings, np.float32(step * length), out=firings)
            still_neurons.at_least_sizes(change.ravel(), firings.ravel())
            fired(k, change, firings, length)


def _add(out: np.ndarray, shares: Sequence[np.float32], terms: np.ndarray) -> None:
    """Add the three terms times their shares."""
    a, b, c = terms.reshape(3, -1)
    flat = out.ravel()
    still_neurons.add_four(flat, shares[0], a, shares[1], b, shares[2], c, flat)


def _products(below: np.ndarray, errors: np.ndarray, out: np.ndarray) -> None:
    """Sum over samples of inputs times errors, the biases last."""
    np.matmul(below.T, errors, out=out[:-1])
    np.sum(errors, axis=0, out=out[-1])
