"""The stationary-law leap: training in the limit of slow windows, with the noise of counts.

A presentation is a hold, after which neurons are at the stationary law of the weights, and a window of length Tw in
which weights learn. The limit is compared with time-resolved rate equations before a run begins.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ...activations import SmoothReLU
from ...checks import InputError, UnfinishedError
from ...kernels import vector_draws
from ...kernels.leap import still_neurons
from ...kernels.leap.batch_neurons import LICENSING
from ...kernels.leap.still_neurons import chebyshev, chebyshev_error
from ...nn import TrainingNetwork
from ...options import Option, whole
from .batch_method import BatchMethod
from .neurons import Piece, Pieces, libraries
from .still_flow import FINE, TOLERANCE, StillFlow, coefficients

FIRST_TOLERANCE = 2e-3
"""Error of a step, over the size of each quantity of a layer (root mean square)."""
CONVERGED = 0.005
"""Tolerances are refined until the changes of no layer move by more than this part of themselves."""
_REFINED = 0.1
_LEAST_TOLERANCE = 2e-6
"""With smaller tolerances float32 is too coarse."""
_MOST_STEPS = 100_000
_SMALLEST = 1e-6
"""Errors of smaller quantities are relative to this [concentration]."""
_QUANTITIES = "z", "y", "u", "s", "e", "d", "g"
MOST_DIFFERENCE = 0.05
"""Largest difference from time-resolved rate equations, over the change of each layer."""
_N_PARTS = 4
"""Parts of products of matrices that run at the same time, whatever the number of threads."""


class StillRates:
    """Time-resolved rate equations of the batch network of `spec` with `n_samples`, the reference of the limit.

    They are those of differences of rails, which annihilation does not change: z' = W x - z, y' = h + z y - y^2,
    u' = h - z u - u^2, s' = y (1 - s) - u s, e' = y - t - e or W d - e, d' = s e - d, g' = 5 (f d - g), W' = -eta g x;
    for a linear output d' = z - t - d. In the first layer int g dt is followed instead of each weight. The solver is
    that of `still_flow`, in float32: neurons relax much faster than weights learn. Neurons keep their state from
    presentation to presentation, and are empty before the first.
    """

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
                        "the rate equations are not solved accurately enough: even at a tolerance of "
                        f"{self._tolerance:g}, a smaller tolerance alters the changes of the weights by more than "
                        f"{100 * CONVERGED:g} %; use a smaller learning rate"
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

    def _quantities(self, vector: np.ndarray) -> Iterator[np.ndarray]:
        neurons, exposure, upper = self._split(vector)
        for layer in neurons:
            yield from (quantity.ravel() for quantity in layer)
        yield exposure.ravel()
        yield from (part.ravel() for part in upper)

    def _advance(self, duration: float, licence: float) -> None:
        """Solve for `duration` [s]; weights learn where the licence is not 0."""
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
        still_neurons.add_scaled(self._state, np.float32(first_share) * h, self._start, old)
        for m, v, rate, start_rate, _ in shares:
            self._evaluate(old, licence, self._rates)
            chebyshev(
                np.float32(1.0 - m - v), self._state, np.float32(m), old, np.float32(v), older,
                np.float32(rate) * h, self._rates, np.float32(start_rate) * h, self._start, new,
            )  # fmt: skip
            older, old, new = old, new, spare if older is self._state else older
        return old

    def _fastest(self) -> float:
        """The largest rate of relaxation of the neurons [1/s], with a margin for its growth in a step."""
        fastest = LICENSING
        for layer, h in zip(self._split(self._state)[0], self._h):
            if h is not None:
                z, y, u = (quantity.ravel() for quantity in layer[:3])
                fastest = max(fastest, float(still_neurons.largest_rate(z, y, u)))
        return 1.2 * fastest

    def _error(self, step: float, new: np.ndarray) -> float:
        """Estimated error of a step, for the worst quantity."""
        worst = 0.0
        vectors = (self._state, new, self._start, self._end)
        for a, b, start, end in zip(*(self._quantities(vector) for vector in vectors)):
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
                still_neurons.forward_rates(z, y, u, s, self._inputs[k].ravel(), h, *(a.ravel() for a in to[:4]))
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
                still_neurons.backward_rates(e, d, g, slopes, errors.ravel(), np.float32(licence), to_e, to_d, to_g)
        np.copyto(to_exposure, neurons[0][6])
        for k, to_weights in enumerate(to_upper):
            np.matmul(neurons[k][1].T, neurons[k + 1][6], out=to_weights[:-1])
            np.sum(neurons[k + 1][6], axis=0, out=to_weights[-1])
            np.multiply(to_weights, -self._rate, out=to_weights)


# The stationary-law leap
#
# Given the paths of the licensed errors G, with the inputs X constant, the reactions that change
# the first layer's weights fire exactly independent Poisson numbers of times, with means eta / Omega sum_b X_bj int
# G_bi dt. Approximate are
#
# - the mean of int G dt: rate equations of neurons at rest, in windows below 500 s corrected to first order for their
#   lag behind the weights, which move as they are expected to (`still_flow`). The licensed errors rise from 0: the
#   window is shorter by (1 - exp(-5 Tw)) / 5;
# - its noise: linear noise at frequency 0, module by module (`kernels.leap.still_neurons`), constant over the window;
# - sums of rails: at rest, in closed form, without the noise of differences of few molecules;
# - the noise of weights is corrected by what is learnt later in the window only step by step: layers above the first
#   fire after each step of the window, the first one too where its weights are few, else at the end;
# - annihilation of the rails of weights: in closed form, after they fired.
#
# Second-order shifts of means by noise (of y (y - 1), and covariances) are left out: at Omega = 300 the mean changes of
# exact simulations of 6-5-3 neurons are those of rate equations to within the error of 550 replicates.


class StationaryLeap(BatchMethod):
    """Options: `threads`. The result does not depend on their number.

    The state is that of the weights: neurons are at rest before each presentation. The memory holds what `statistics`
    needs.
    """

    name = "stationary_leap"
    summary = "approximate: batches in the limit of slow windows, with the noise of counts; the fastest for MNIST"
    reference = "N. G. van Kampen, Can. J. Phys. 39 (1961) 551-567, doi:10.1139/p61-056"
    options = (Option("threads", 1, whole(), "number of threads; does not change the result", int),)
    statistics_names: ClassVar = ("window_steps", "difference_from_rates")
    flows: ClassVar = StillFlow
    """The class that follows a window."""

    def __init__(self, spec: TrainingNetwork, running_time: float, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(spec, running_time, volume, *rest, **named)
        hold = float(spec.chemistry.hold)  # type: ignore[attr-defined]
        self._window = running_time - hold
        rise = -np.expm1(-LICENSING * self._window) / LICENSING
        self._step = float(spec.chemistry.learning_rate) * (self._window - rise)
        self._annihilation = float(spec.chemistry.annihilation_rate)
        self._pieces = Pieces(self.settings["threads"])
        self._flow: StillFlow | None = None
        self._n_steps = self._n_presentations = 0
        self._difference = np.nan

    @property
    def statistics(self) -> dict[str, float]:
        """`window_steps`: mean number of steps of a window. `difference_from_rates`: see `check`."""
        return {
            "window_steps": self._n_steps / max(1, self._n_presentations),
            "difference_from_rates": self._difference,
        }

    def memory(self) -> np.ndarray:
        return np.array([self._n_steps, self._n_presentations, self._difference], dtype=np.float64)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        super().recall(n_events, memory)
        if len(memory):
            self._n_steps, self._n_presentations, self._difference = int(memory[0]), int(memory[1]), float(memory[2])

    def check(self, samples: Iterable[tuple[np.ndarray, np.ndarray, float]]) -> None:
        """Compare the limit with rate equations that resolve time, on the first batches (x, t, licence) that will be
        presented, each with the weights that the one before leaves.

        Raises InputError where the changes of a layer differ by more than 5 %: the norm of the difference over the norm
        of the change of the rate equations.
        """
        weights = [w.copy() for w in self.weights.value]
        rates: StillRates | None = None
        worst = 0.0
        with libraries().limit(limits=1):
            for k, (x, t, licence) in enumerate(samples):
                x, t, licence = self._held(x), self._held(t), self._licence(licence)
                if rates is None:
                    rates = StillRates(self._spec, len(x), self._running_time)
                resolved = rates.changes(x, t, licence, weights)
                for layer, limit in enumerate(self.mean_changes(x, t, licence, weights)):
                    size = float(np.linalg.norm(resolved[layer]))
                    difference = float(np.linalg.norm(limit - resolved[layer])) / size if size else 0.0
                    if not difference <= MOST_DIFFERENCE:
                        raise InputError(self._refusal(difference, layer + 1, k))
                    worst = max(worst, difference)
                for w, change in zip(weights, resolved):
                    w += change
        if rates is not None:
            self._difference = worst

    def _refusal(self, difference: float, layer: int, k: int) -> str:
        amount = f"{100 * difference:.3g} %" if np.isfinite(difference) else "more than can be computed"
        return (
            f"method {self.name} needs a learning time, running_time - hold, that is much longer than the relaxation "
            f"time of the neurons: in batch {k + 1}, with running_time={self._running_time:g} s, its mean change of "
            f"the weights of layer {layer} differs from that of time-resolved rate equations by {amount}, but at most "
            f"{100 * MOST_DIFFERENCE:g} % is allowed; use a longer running_time with a smaller learning_rate, a "
            "smaller learning_rate alone, or method batch_leap"
        )

    def mean_changes(
        self, x: np.ndarray, t: np.ndarray, licence: float, weights: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Expected changes of `weights` in one presentation, layer by layer, without noise [concentration]; not finite
        where the window cannot be followed. Arguments are those of `present`, rounded to molecules."""
        flow = self._start(x, t, licence)
        flow.neurons.silence()
        np.matmul(self._inputs, weights[0], out=flow.neurons.first.z)
        moving = [w.copy() for w in weights]
        changes = [np.zeros_like(w) for w in weights]

        def moved(layer: int, change: np.ndarray, firings: np.ndarray, share: float) -> None:
            moving[layer] += change
            changes[layer] += change

        try:
            flow.follow(moving, [np.abs(w) for w in moving], self._step, self._window, moved)
        except UnfinishedError:
            return [np.full_like(w, np.nan) for w in weights]
        np.matmul(self._inputs.T, flow.exposure, out=changes[0])
        changes[0] *= np.float32(-self._step)
        return changes

    def _start(self, x: np.ndarray, t: np.ndarray, licence: float) -> StillFlow:
        """Set inputs, their products, targets and licence."""
        if self._flow is None or len(self._flow.gram) != len(x):
            self._flow = self.flows(self._spec, len(x))
            self._inputs = np.ones((len(x), x.shape[1] + 1), dtype=np.float32)
            self._sizes = np.ones_like(self._inputs)
            # As in `batch_leap`: where neurons cost more than the first layer's weights, these are drawn more often.
            n_neurons = len(x) * sum(self._spec.layers[1:])
            self._draws_each_step = self.weights.are_few(n_neurons)
            self._flow.tolerance = FINE if self._draws_each_step else TOLERANCE
        flow = self._flow
        self._inputs[:, :-1] = x
        np.copyto(flow.neurons.targets, t)
        flow.neurons.licence = np.float32(licence)
        np.matmul(self._inputs, self._inputs.T, out=flow.gram)
        return flow

    def _present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        n_pieces = max(self.weights.n_pieces(layer) for layer in range(len(self.weights.value)))
        self._pieces.begin(max(n_pieces, 2 * _N_PARTS), lambda piece: self._stream(k, piece))
        with libraries().limit(limits=1):
            self._learn(x, t, licence)

    def _learn(self, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        flow, weights, volume = self._start(x, t, licence), self.weights, self._volume
        neurons = flow.neurons
        np.abs(self._inputs, out=self._sizes)
        self._drive(flow)
        normals = [self._normals(4, layer.flat.z.size) for layer in neurons.layers]
        neurons.fill_noise(weights.value, weights.both, 1.0 / (volume * self._window), normals)

        def fired(layer: int, change: np.ndarray, firings: np.ndarray, share: float) -> None:
            change *= np.float32(volume)
            firings *= np.float32(volume)
            annihilation = self._annihilation * self._window * share
            self._n_events += weights.fire(layer, change, firings, annihilation, self._pieces)

        def drawn(share: float) -> None:
            self._fire_first(flow, share)
            self._drive(flow)

        n_steps = flow.n_steps
        each_step = drawn if self._draws_each_step else None
        try:
            rest = flow.follow(weights.value, weights.both, self._step, self._window, fired, each_step)
        except UnfinishedError as error:
            raise UnfinishedError(
                f"method {self.name} stopped at t = {self._time:g} s: {error}; use a smaller learning rate"
            ) from None
        self._n_steps += flow.n_steps - n_steps
        self._n_presentations += 1
        self._fire_first(flow, rest)
        # Outputs are those of the weights that were expected at the end, in the first layer.
        normal = self._normals(1, neurons.layers[-1].flat.z.size)[0]
        self._outputs = neurons.outputs(weights.value, weights.both, volume, normal).ravel()

    def _drive(self, flow: StillFlow) -> None:
        """Compute the pre-activations of the first layer, and the rates at which their rails are made."""
        first, weights = flow.neurons.first, self.weights
        parts = [(self._inputs, weights.value[0], first.z), (self._sizes, weights.both[0], first.z_made)]
        self._multiply(parts)

    def _fire_first(self, flow: StillFlow, share: float) -> None:
        """Draw the weights of the first layer, for the exposures in a share of the window."""
        still_neurons.at_least_sizes(flow.exposure.ravel(), flow.exposure_of_both.ravel())
        change, firings = np.empty((2, *self.weights.value[0].shape), dtype=np.float32)
        step = np.float32(self._step * self._volume)
        exposures = -step * flow.exposure, step * flow.exposure_of_both
        self._multiply([(self._inputs.T, exposures[0], change), (self._sizes.T, exposures[1], firings)])
        annihilation = self._annihilation * self._window * share
        self._n_events += self.weights.fire(0, change, firings, annihilation, self._pieces)

    def _multiply(self, products: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
        """out = a b for each (a, b, out), in parts of rows."""
        parts = []
        for a, b, out in products:
            edges = [len(a) * part // _N_PARTS for part in range(_N_PARTS + 1)]
            parts += [(a[start:end], b, out[start:end]) for start, end in zip(edges, edges[1:])]

        def multiply(piece: Piece, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
            np.matmul(a, b, out=out)

        self._pieces.run(multiply, parts)

    def _normals(self, n_rows: int, n: int) -> np.ndarray:
        """Standard normal numbers float32[n_rows, n], of the first piece."""

        def draw(piece: Piece) -> np.ndarray:
            numbers = np.empty((n_rows, n), dtype=np.float32)
            words = piece.scratch[0]
            vector_draws.draw_normals(piece.address, numbers.ravel(), words.view(np.uint32), words.view(np.uint64))
            return numbers

        numbers: np.ndarray = self._pieces.run(draw, [()])[0]
        return numbers
