"""Time-resolved rate equations of a batch network: the reference that `stationary_leap` is compared with.

They are those of differences of rails, which annihilation does not change: z' = W x - z, y' = h + z y - y^2, u' = h - z
u - u^2, s' = y (1 - s) - u s, e' = y - t - e or W d - e, d' = s e - d, g' = 5 (f d - g), W' = -eta g x; for a linear
output d' = z - t - d. Of the first layer int g dt is followed instead of each weight. The
solver is that of `still_flow`, in float32: neurons relax much faster than weights learn.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ...activations import SmoothReLU
from ...checks import UnfinishedError
from ...kernels import still_rates as kernels
from ...kernels.batch_neurons import LICENSING
from ...kernels.still_neurons import chebyshev, chebyshev_error
from ...nn import TrainingNetwork
from .still_flow import coefficients

FIRST_TOLERANCE = 2e-3
"""Error of a step, over the size of each quantity of a layer (root mean square)."""
CONVERGED = 0.005
"""Tolerances are refined until the changes of no layer move by more than this part of themselves."""
_REFINED = 0.1
_LEAST_TOLERANCE = 2e-6
"""Below it float32 is too coarse."""
_MOST_STEPS = 100_000
_SMALLEST = 1e-6
"""Quantities below it are compared with it [concentration]."""
_QUANTITIES = "z", "y", "u", "s", "e", "d", "g"


class StillRates:
    """Rate equations of the batch network of `spec` with `n_samples`. Neurons keep their state from presentation to
    presentation, and are empty before the first."""

    def __init__(self, spec: TrainingNetwork, n_samples: int, running_time: float) -> None:
        self._hold = spec.chemistry.hold  # type: ignore[attr-defined]
        self._window = running_time - self._hold
        self._rate = np.float32(spec.chemistry.learning_rate)
        functions = [spec.hidden_activation] * (len(spec.layers) - 2) + [spec.output_activation]
        self._h = [np.float32(f.h) if isinstance(f, SmoothReLU) else None for f in functions]
        sizes = spec.layers[1:]
        shapes: list[tuple[int, ...]] = [(len(_QUANTITIES), n_samples, size) for size in sizes]
        self._n_neurons = sum(int(np.prod(shape)) for shape in shapes)
        # The mean exposure of the first layer [concentration s], then the weights of all others.
        shapes += [(n_samples, sizes[0]), *((below + 1, above) for below, above in zip(sizes, sizes[1:]))]
        self._shapes = shapes
        n = sum(int(np.prod(shape)) for shape in shapes)
        self._state, self._start, self._end, self._rates, *self._stages = np.zeros((7, n), dtype=np.float32)
        self._inputs = [np.zeros((n_samples, size), dtype=np.float32) for size in sizes]
        self._tolerance: float | None = None
        self.n_evaluations = 0

    def changes(self, x: np.ndarray, t: np.ndarray, licence: float, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Changes of `weights` float32[inputs + 1, neurons] in a presentation of x float32[sample, input], t
        float32[sample, output], layer by layer [concentration].

        The first call finds the tolerance. Raises UnfinishedError if the equations cannot be solved.
        """
        before = self._state.copy()
        if self._tolerance is None:
            self._tolerance = FIRST_TOLERANCE
            coarse = self._present(x, t, licence, weights)
            while True:
                self._tolerance *= _REFINED
                self._state[:] = before
                fine = self._present(x, t, licence, weights)
                moved = [np.linalg.norm(a - b) <= CONVERGED * np.linalg.norm(b) for a, b in zip(coarse, fine)]
                if all(moved):
                    return fine
                if self._tolerance < _LEAST_TOLERANCE:
                    raise UnfinishedError(
                        f"rate equations do not converge: at a tolerance of {self._tolerance:g} the changes of weights "
                        f"still move by more than {100 * CONVERGED:g} %; use a smaller learning rate"
                    )
                coarse = fine
        return self._present(x, t, licence, weights)

    def _present(self, x: np.ndarray, t: np.ndarray, licence: float, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        extended = np.hstack([x, np.ones((len(x), 1), dtype=np.float32)])
        self._drive, self._gram, self._targets = extended @ weights[0], extended @ extended.T, t
        _, exposure, upper = self._split(self._state)
        exposure[:] = 0.0
        for part, w in zip(upper, weights[1:]):
            part[:] = w
        self._advance(self._hold, 0.0)
        self._advance(self._window, licence)
        _, exposure, upper = self._split(self._state)
        first = -self._rate * (extended.T @ exposure)
        return [first, *(part - w for part, w in zip(upper, weights[1:]))]

    def _split(self, vector: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]:
        """Views of the neurons [quantity, sample, neuron] of each layer, of the exposure, of the upper weights."""
        parts, start = [], 0
        for shape in self._shapes:
            size = int(np.prod(shape))
            parts.append(vector[start : start + size].reshape(shape))
            start += size
        n = len(self._h)
        return parts[:n], parts[n], parts[n + 1 :]

    def _blocks(self, vector: np.ndarray) -> Iterator[np.ndarray]:
        neurons, exposure, upper = self._split(vector)
        for layer in neurons:
            yield from (quantity.ravel() for quantity in layer)
        yield exposure.ravel()
        yield from (part.ravel() for part in upper)

    def _advance(self, duration: float, licence: float) -> None:
        """Solve for `duration` [s], with weights that learn where the licence is not 0."""
        left, step = float(duration), 0.01
        assert self._tolerance is not None
        self._evaluate(self._state, licence, self._start)
        for _ in range(_MOST_STEPS):
            step = min(step, left)
            new = self._try(step, licence)
            self._evaluate(new, licence, self._end)
            error = self._error(step, new) / self._tolerance
            if not np.isfinite(error):
                raise UnfinishedError("rate equations diverge: use a smaller learning rate or running time")
            factor = min(3.0, max(0.2, 0.8 * max(error, 1e-6) ** (-1 / 3)))
            if error <= 1.0:
                np.copyto(self._state, new)
                self._start, self._end = self._end, self._start
                left -= step
                if left <= 1e-6 * duration:
                    return
            step *= factor
        raise UnfinishedError(f"rate equations take more than {_MOST_STEPS} steps: use a smaller learning rate")

    def _try(self, step: float, licence: float) -> np.ndarray:
        """The state after a step."""
        n_stages = max(2, 1 + int(np.sqrt(1.0 + 1.54 * step * self._fastest())))
        first_share, shares = coefficients(n_stages)
        older, (old, new, spare) = self._state, self._stages
        h = np.float32(step)
        kernels.add_scaled(self._state, np.float32(first_share) * h, self._start, old)
        for m, v, rate, start_rate, _ in shares:
            self._evaluate(old, licence, self._rates)
            chebyshev(
                np.float32(1.0 - m - v), self._state, np.float32(m), old, np.float32(v), older,
                np.float32(rate) * h, self._rates, np.float32(start_rate) * h, self._start, new,
            )  # fmt: skip
            older, old, new = old, new, spare if older is self._state else older
        return old

    def _fastest(self) -> float:
        """The largest rate of relaxation of the neurons [1/s], with a margin for what it grows by in a step."""
        fastest = LICENSING
        for layer, h in zip(self._split(self._state)[0], self._h):
            if h is not None:
                z, y, u = (quantity.ravel() for quantity in layer[:3])
                fastest = max(fastest, float(kernels.largest_rate(z, y, u)))
        return 1.2 * fastest

    def _error(self, step: float, new: np.ndarray) -> float:
        """Estimated error of a step, for the worst quantity."""
        worst = 0.0
        vectors = (self._state, new, self._start, self._end)
        for a, b, start, end in zip(*(self._blocks(vector) for vector in vectors)):
            wrong = float(chebyshev_error(a, b, np.float32(0.4 * step), start, end))
            if not np.isfinite(wrong):
                return np.inf
            worst = max(worst, wrong / max(float(np.dot(b, b)), _SMALLEST**2 * len(b)))
        return float(np.sqrt(worst))

    def _evaluate(self, state: np.ndarray, licence: float, out: np.ndarray) -> None:
        """Fill `out` with the rates of change [concentration/s]."""
        self.n_evaluations += 1
        neurons, exposure, upper = self._split(state)
        to_neurons, to_exposure, to_upper = self._split(out)
        np.matmul(self._gram, exposure, out=self._inputs[0])
        np.multiply(self._inputs[0], -self._rate, out=self._inputs[0])
        np.add(self._inputs[0], self._drive, out=self._inputs[0])
        last = len(neurons) - 1
        for k, (here, to, h) in enumerate(zip(neurons, to_neurons, self._h)):
            if k:
                below = neurons[k - 1][1 if self._h[k - 1] is not None else 0]
                np.matmul(below, upper[k - 1][:-1], out=self._inputs[k])
                np.add(self._inputs[k], upper[k - 1][-1], out=self._inputs[k])
            if h is None:
                np.subtract(self._inputs[k], here[0], out=to[0])
            else:
                z, y, u, s = (quantity.ravel() for quantity in here[:4])
                kernels.forward_rates(z, y, u, s, self._inputs[k].ravel(), h, *(a.ravel() for a in to[:4]))
        for k in range(last, -1, -1):
            here, to, errors = neurons[k], to_neurons[k], self._inputs[k]
            if k == last:
                np.subtract(here[0 if self._h[k] is None else 1], self._targets, out=errors)
            else:
                np.matmul(neurons[k + 1][5], upper[k][:-1].T, out=errors)
            e, d, g = (quantity.ravel() for quantity in here[4:])
            slopes = here[3].ravel()
            if self._h[k] is None:
                np.subtract(errors, here[5], out=to[5])
                np.multiply(np.float32(LICENSING), np.float32(licence) * here[5] - here[6], out=to[6])
            else:
                to_e, to_d, to_g = (a.ravel() for a in to[4:])
                kernels.backward_rates(e, d, g, slopes, errors.ravel(), np.float32(licence), to_e, to_d, to_g)
        np.copyto(to_exposure, neurons[0][6])
        for k, to_weights in enumerate(to_upper):
            np.matmul(neurons[k][1].T, neurons[k + 1][6], out=to_weights[:-1])
            np.sum(neurons[k + 1][6], axis=0, out=to_weights[-1])
            np.multiply(to_weights, -self._rate, out=to_weights)
