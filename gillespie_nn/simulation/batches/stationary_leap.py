"""The stationary-law leap: training in the limit of slow windows, with the noise of counts.

A presentation is a hold, after which neurons are at the stationary law of the weights, and a window of length Tw in
which weights learn. Given the paths of the licensed errors G, with the inputs X constant, the reactions that change the
first layer's weights fire exactly independent Poisson numbers of times, with means eta / Omega sum_b X_bj int G_bi dt.
Approximate are

- the mean of int G dt: rate equations of neurons at rest, in windows below 500 s corrected to first order for their lag
  behind the weights, which move on as they are expected to (`still_flow`). The licensed errors rise from 0: the window
  is shorter by (1 - exp(-5 Tw)) / 5;
- its noise: linear noise at frequency 0, module by module (`kernels.still_noise`), constant over the window;
- sums of rails: at rest, in closed form, without the noise of differences of few molecules;
- the noise of weights is corrected by what is learnt later in the window only step by step: layers above the first fire
  after each step of the window, the first one too where its weights are few, else at the end;
- annihilation of the rails of weights: in closed form, after they fired.

Second-order shifts of means by noise (of y (y - 1), and covariances) are left out: at Omega = 300 the mean changes of
exact simulations of 6-5-3 neurons are those of rate equations to within the error of 550 replicates.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ...checks import InputError, UnfinishedError
from ...kernels import still_neurons, vector_draws
from ...kernels.batch_neurons import LICENSING
from ...nn import TrainingNetwork
from ...options import Option, whole
from .base import BatchMethod
from .pieces import Piece, Pieces, libraries
from .still_flow import FINE, TOLERANCE, StillFlow
from .still_rates import StillRates

MOST_DIFFERENCE = 0.05
"""Of the change of each layer, from that of time-resolved rate equations."""
_N_BLOCKS = 4
"""Parts of products of matrices that run at the same time, whatever the number of threads."""


class StationaryLeap(BatchMethod):
    """Options: `threads`. The result does not depend on their number.

    The state is that of the weights: neurons are at rest before each presentation. The memory holds what `statistics`
    needs.
    """

    name = "stationary_leap"
    summary = "approximate: batches in the limit of slow windows, with the noise of counts; the fastest for MNIST"
    reference = "N. G. van Kampen, Can. J. Phys. 39 (1961) 551-567, doi:10.1139/p61-056"
    options = (Option("threads", 1, whole(), "threads", int),)
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
            f"method {self.name} supports windows that are long against the lag of the neurons: in batch {k + 1}, with "
            f"running_time={self._running_time:g} s, its mean change of the weights of layer {layer} differs from that "
            f"of time-resolved rate equations by {amount}, and at most {100 * MOST_DIFFERENCE:g} % is allowed; use a "
            "longer running_time at the same step, a smaller step, or method batch_leap"
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
            # As in batch_leap: where neurons cost more than the first layer's weights, these are drawn more often.
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
        self._pieces.begin(max(n_pieces, 2 * _N_BLOCKS), lambda piece: self._stream(k, piece))
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
        """Pre-activations of the first layer, and what their rails are made at."""
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
        """out = a b for each (a, b, out), in blocks of rows."""
        parts = []
        for a, b, out in products:
            bounds = [len(a) * block // _N_BLOCKS for block in range(_N_BLOCKS + 1)]
            parts += [(a[start:end], b, out[start:end]) for start, end in zip(bounds, bounds[1:])]

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
