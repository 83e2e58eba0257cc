"""The stationary-law leap: training in the limit of slow windows, with the noise of counts.

A presentation is a hold, after which neurons are at the stationary law of the weights, and a window of length Tw in
which weights learn. Given the paths of the licensed errors G, with the inputs X constant, the reactions that change the
first layer's weights fire exactly independent Poisson numbers of times, with means eta / Omega sum_b X_bj int G_bi dt.
Approximate are

- the mean of int G dt: rate equations of neurons at rest, corrected to first order for their lag behind the weights,
  which move on as they are expected to (`still_flow`). The licensed errors rise from 0: the window is shorter by
  (1 - exp(-5 Tw)) / 5;
- its noise: linear noise at frequency 0, module by module (`kernels.still_noise`), constant over the window;
- sums of rails: at rest, in closed form, without the noise of differences of few molecules;
- layers above the first: their weights fire after each step of the window, so that their noise is corrected by what is
  learnt later. That of the first layer is not;
- annihilation of the rails of weights: in closed form, after they fired.

Second-order shifts of means by noise (of y (y - 1), and covariances) are left out: at Omega = 300 the mean changes of
exact simulations of 6-5-3 neurons are those of rate equations to within the error of 2,200 replicates, some 1 %.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import ThreadpoolController

from ...checks import InputError, UnfinishedError
from ...kernels import still_neurons, vector_draws, weight_firings
from ...nn import TrainingNetwork
from .base import BatchMethod
from .still_flow import StillFlow
from .still_rates import StillRates

RATE_OF_LICENSED = 5.0
"""Rate constant of the decay of licensed errors [1/s]."""
N_CHECKED = 10
"""Batches that `check` reads at most."""
MOST_DIFFERENCE = 0.05
"""Of the change of each layer, from that of time-resolved rate equations."""
_N_BLOCKS = 4
"""Parts of the samples, and of the first layer's weights, that run at the same time. They do not depend on the number
of threads, and a part of the weights has its own random numbers: so results do not, either."""
_NEURONS = 0
"""Piece of the random numbers of a presentation for neurons and upper layers; those from 1 on are for the blocks."""


class StationaryLeap(BatchMethod):
    """The limit of windows that are long against the relaxation of neurons, see the head of this file."""

    name = "stationary_leap"
    summary = (
        "batches in the limit of slow windows, with the noise of counts: the fastest, where the window is long enough"
    )
    statistics_names: ClassVar = ("window_steps", "difference_from_rates")

    def __init__(
        self,
        spec: TrainingNetwork,
        running_time: float,
        volume: float,
        counts: np.ndarray,
        seed: int,
        options: Mapping[str, Any],
        start_time: float = 0.0,
        n_threads: int = 1,
    ) -> None:
        """`n_threads` (1 to 4) changes the speed only. Raises InputError for a running time that the hold exceeds."""
        super().__init__(spec, running_time, volume, counts, seed, options, start_time)
        hold = spec.chemistry.hold  # type: ignore[attr-defined]
        self._window = running_time - hold
        if self._window <= 0.0:
            raise InputError(
                f"running_time must be longer than hold, so that weights learn, got {running_time:g} and {hold:g} s"
            )
        rise = -np.expm1(-RATE_OF_LICENSED * self._window) / RATE_OF_LICENSED
        self._step = spec.chemistry.learning_rate * (self._window - rise)
        self._annihilation = spec.chemistry.annihilation_rate / self._volume
        self._blas = ThreadpoolController()
        self._threads = ThreadPoolExecutor(n_threads) if n_threads > 1 else None
        self._flow: StillFlow | None = None
        self._n_steps = self._n_presentations = 0
        self._difference = np.nan
        self._scratch = np.empty((_N_BLOCKS + 1, weight_firings.SCRATCH, vector_draws.WIDTH), dtype=np.float32)

    @property
    def statistics(self) -> dict[str, float]:
        """`window_steps`: mean number of steps of a window. `difference_from_rates`: see `check`."""
        return {
            "window_steps": self._n_steps / max(1, self._n_presentations),
            "difference_from_rates": self._difference,
        }

    def check(self, samples: Iterable[tuple[np.ndarray, np.ndarray, float]]) -> None:
        """Compare the limit with rate equations that resolve time, on the first ten (or fewer) of the batches
        (x, t, licence) that will be presented, each with the weights that the one before leaves.

        Raises InputError where the changes of a layer differ by more than 5 %: the norm of the difference over the norm
        of the change of the rate equations.
        """
        weights = [w.copy() for w in self.weights.value]
        rates: StillRates | None = None
        worst = 0.0
        with self._blas.limit(limits=1, user_api="blas"):
            for k, (x, t, licence) in zip(range(N_CHECKED), samples):
                x, t, licence = self._held(x), self._held(t), float(np.rint(licence * self._volume) / self._volume)
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
            f"running_time={self._running_time:g} s, its mean change of the weights of layer {layer} differs from that of "
            f"time-resolved rate equations by {amount}, and at most {100 * MOST_DIFFERENCE:g} % is allowed; use a longer "
            "running_time at the same step, a smaller step, or method batch_leap"
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
            self._flow = StillFlow(self._spec, len(x))
            self._inputs = np.ones((len(x), x.shape[1] + 1), dtype=np.float32)
            self._sizes = np.ones_like(self._inputs)
        flow, inputs = self._flow, self._inputs
        inputs[:, :-1] = x
        np.copyto(flow.neurons.targets, t)
        flow.neurons.licence = np.float32(licence)

        def multiply(block: int, rows: slice) -> None:
            np.matmul(inputs[rows], inputs.T, out=flow.gram[rows])

        self._in_blocks(multiply, len(x))
        return flow

    def _present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        with self._blas.limit(limits=1, user_api="blas"):
            self._learn(k, x, t, licence)

    def _learn(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        flow, weights = self._start(x, t, licence), self.weights
        neurons, first = flow.neurons, flow.neurons.first

        def drive(block: int, rows: slice) -> None:
            np.abs(self._inputs[rows], out=self._sizes[rows])
            np.matmul(self._inputs[rows], weights.value[0], out=first.z[rows])
            np.matmul(self._sizes[rows], weights.both[0], out=first.z_made[rows])

        self._in_blocks(drive, len(x))
        rng = self._stream(k, _NEURONS)
        address = _address(rng)
        normals = [self._normals(address, 4, layer.flat.z.size) for layer in neurons.layers]
        neurons.fill_noise(weights.value, weights.both, 1.0 / (self._volume * self._window), normals)

        def fired(layer: int, change: np.ndarray, firings: np.ndarray, share: float) -> None:
            whole = slice(0, len(change))
            self._n_events += self._fire(layer, whole, change, firings, share, address, self._scratch[_N_BLOCKS])

        n_steps = flow.n_steps
        try:
            flow.follow(weights.value, weights.both, self._step, self._window, fired)
        except UnfinishedError as error:
            raise UnfinishedError(self._diverged(str(error))) from None
        self._n_steps += flow.n_steps - n_steps
        self._n_presentations += 1
        self._fire_first(k, flow)
        last = neurons.layers[-1]
        normal = self._normals(address, 1, last.flat.z.size)[0]
        # The pre-activations of the first layer are those of the expected weights at the end.
        self._outputs = neurons.outputs(weights.value, weights.both, self._volume, normal).ravel()

    def _fire_first(self, k: int, flow: StillFlow) -> None:
        """The first layer, in blocks of inputs."""
        still_neurons.at_least_sizes(flow.exposure.ravel(), flow.exposure_of_both.ravel())
        streams = [self._stream(k, 1 + block) for block in range(_N_BLOCKS)]

        def fire(block: int, rows: slice) -> int:
            change = np.matmul(self._inputs[:, rows].T, flow.exposure)
            np.multiply(change, np.float32(-self._step), out=change)
            firings = np.matmul(self._sizes[:, rows].T, flow.exposure_of_both)
            np.multiply(firings, np.float32(self._step), out=firings)
            return self._fire(0, rows, change, firings, 1.0, _address(streams[block]), self._scratch[block])

        self._n_events += sum(self._in_blocks(fire, len(self.weights.value[0])))

    def _fire(
        self, layer: int, rows: slice, change: np.ndarray, firings: np.ndarray, share: float, address: np.uint64,
        scratch: np.ndarray,
    ) -> int:  # fmt: skip
        """Let rows of the weights of a layer fire in a share of the window. Arrays are in concentrations, and
        changed."""
        molecules = np.float32(self._volume)
        np.multiply(change, molecules, out=change)
        np.multiply(firings, molecules, out=firings)
        w = self.weights
        n_fired = weight_firings.fire_weights(
            address, change.ravel(), firings.ravel(), self._annihilation * self._window * share, self._volume,
            w.difference[layer][rows].ravel(), w.scarcer[layer][rows].ravel(), w.value[layer][rows].ravel(),
            w.both[layer][rows].ravel(), scratch,
        )  # fmt: skip
        if n_fired < 0.0:
            raise UnfinishedError(
                self._diverged(f"a weight of layer {layer + 1} has more than {weight_firings.MOST} molecules")
            )
        return int(n_fired)

    def _diverged(self, why: str) -> str:
        return (
            f"method {self.name} stopped at t = {self._time:g} s: {why}; use a smaller learning rate, running time or "
            "initial scale"
        )

    def _normals(self, address: np.uint64, n_rows: int, n: int) -> np.ndarray:
        """Standard normal numbers float32[n_rows, n]."""
        numbers = np.empty((n_rows, n), dtype=np.float32)
        words = self._scratch[_N_BLOCKS, 0]
        vector_draws.draw_normals(address, numbers.ravel(), words.view(np.uint32), words.view(np.uint64))
        return numbers

    def _in_blocks(self, work: Callable[[int, slice], Any], size: int) -> list[Any]:
        """The results of `work`, which is given the number and the rows of each block of `size` rows."""
        bounds = [size * block // _N_BLOCKS for block in range(_N_BLOCKS + 1)]
        rows = [slice(start, end) for start, end in zip(bounds, bounds[1:])]
        each = map if self._threads is None else self._threads.map
        return list(each(work, range(_N_BLOCKS), rows))


def _address(rng: np.random.Generator) -> np.uint64:
    """Where a generator has its state, for kernels; valid while the generator exists."""
    return np.uint64(rng.bit_generator.ctypes.state_address)
