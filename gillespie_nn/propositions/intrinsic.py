"""The noise of finite counts, eps = Omega^(-1/2): counts by exact simulation against the rate equations, one path at a
time, and their errors against linear noise.

A path at one Omega shares nothing with a path at another. Theta_0 is therefore compared in law: sqrt(Omega) times the
sup-error at the largest Omega against sup |u| of linear noise, by an equivalence test of medians and 95 % quantiles.
For the same reason each Omega may have a different number of paths. The variance of a slope is the sum of weight^2
variance / number, and a path costs in proportion to Omega. So the smallest Omega gets many paths, and the largest as
many as the comparison of the laws needs.

Numbers are judged, not rails: the minority rail has almost no molecules, and an error of a few molecules does not scale
like a fluctuation. Slopes are required only of numbers that linear noise moves by `LEAST_MOLECULES` or more at the
smallest Omega, which is known without any count. The proposition is about layers and neurons, so they are required of
each neuron, of the largest error among its weights and its bias.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from .. import seeds
from ..checks import InputError, ModelError
from ..crn.compiled.compile import Structure
from ..kernels import codes
from ..kernels.exact.rejection import MOVE, REACH, Follower
from ..kernels.propositions import limit_paths
from ..kernels.propositions.perturbed import N_SIZES, PLAIN
from ..seeds import Purpose
from ..simulation.methods import Ode, Rejection
from ..simulation.methods.rate_equations import RateEquations
from ..statistics.scaling import MEDIAN, UPPER, Slopes, bootstrap, log_ratios
from ..statistics.tests import MOST_LOOKS, Judgement
from ..status import Status
from . import judgements, sequential_rule
from .driven import terms_of
from .judgements import SAME_LAW, SAME_LAW_OF_WEIGHTS, SLOPE_IN_VOLUME
from .results import Quantities, Results
from .sequential_rule import Criterion
from .setting import NoiseSource, Setting

STEP = 4e-3
"""Approximate step of the grid of the limit [s]."""
STRIDE = 8
"""The explicit bound is computed at every so many points of this grid."""


class _Followed(Rejection):
    """Exact simulation that records the largest distance to a limit."""

    def follow_limit(
        self, limit: limit_paths.Limit, comparison: limit_paths.LimitComparison, follower: Follower
    ) -> int:
        return limit_paths.follow_limit(
            self._channels, self._programs, self._readers, self._pools, self._state,
            self._alone(np.empty(0), self._no_counts), limit, comparison, follower,
        )  # fmt: skip


class CountedPaths:
    """Paths of the counts of `setting` in a `volume`.

    The limit starts from the same whole counts, divided by the volume, and is presented the same samples. Raises
    InputError for thresholds, for which linear noise is not defined.
    """

    def __init__(self, setting: Setting, volume: float, step: float = STEP, stride: int = STRIDE) -> None:
        self.setting, self.volume = setting, float(volume)
        network = setting.network
        self._quantities = setting.quantities
        structure = network.compiled.lumped
        terms = terms_of(network, structure)
        if (terms.pop("kind") != PLAIN).any():
            raise InputError(
                "intrinsic noise is compared with linear noise, which needs smooth rates: use --activation "
                "smooth_relu, or --noise rate"
            )
        self._terms = {n: v for n, v in terms.items() if n not in ("above", "below")}
        self._terms["base"] = structure.coefficients(network.rates(), 1.0)
        self._term_start = structure.arrays["term_start"].astype(np.int64)
        self._samples = setting.samples(self.volume, np.int64)
        self._limits = list(self._solve(step, stride))
        self._moves = _moves(structure, self._quantities, len(network.species))

    def _solve(self, step: float, stride: int) -> Iterator[limit_paths.Limit]:
        """The limit over each phase of each presentation."""
        setting, n = self.setting, len(self.setting.network.species)
        start = setting.start(self.volume, np.int64) / self.volume
        rates = setting.network.rates()
        method = Ode(setting.network, rates, 1.0, start, None, options={"rtol": 1e-9, "atol": 1e-12})
        equations = RateEquations(setting.network, rates, 1.0)
        for k in range(len(setting.x)):
            begin = method.time
            for phase in self._samples.steps(k, 0.0, setting.running_time):
                method.set_counts(phase.species, phase.counts / self.volume)
                n_points = int(np.ceil((phase.end - phase.begin) / (step * stride))) * stride + 1
                grid = np.linspace(phase.begin, phase.end, n_points)
                x = np.ones((n_points, n + 1))
                rows = np.empty((n_points, n))
                method.start_chunk()
                while method.advance(begin + phase.end, begin + grid, rows) != codes.REACHED_END:
                    pass
                x[:, :n] = rows
                slope = np.zeros_like(x)
                for row, at in zip(slope, rows):
                    row[:n] = equations.derivative(0.0, at)
                between = np.array([grid[1] - grid[0]])
                lowest, highest = self._range(x, slope * between, stride)
                yield limit_paths.Limit(
                    **self._terms, x=x, slope=slope, step=between, stride=np.array([stride]), lowest=lowest,
                    highest=highest, volume=np.array([self.volume]),
                )  # fmt: skip

    def _range(self, x: np.ndarray, rise: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each quantity in each stretch of `stride` points of the grid [molecules],
        float64[stretch, quantity]. `x` and `rise`, the slope times the step, are float64[point, species + 1]."""
        q, n = self._quantities, x.shape[1] - 1
        signed = np.where(q.minus < n, 1.0, 0.0)
        x, rise = (v[:, q.plus] - signed * v[:, q.minus] for v in (x, rise))
        # A cubic through two values departs from their chord by at most 4/27 of the sum of the differences between its
        # two slopes and that of the chord: each basis function t (1 - t)^2 has its maximum 4/27 at t = 1/3.
        secant = x[1:] - x[:-1]
        bulge = 4 / 27 * (np.abs(rise[:-1] - secant) + np.abs(rise[1:] - secant))
        low, high = np.minimum(x[1:], x[:-1]) - bulge, np.maximum(x[1:], x[:-1]) + bulge
        shape = (-1, stride, len(q))
        return low.reshape(shape).min(axis=1) * self.volume, high.reshape(shape).max(axis=1) * self.volume

    def _phases(self, method: Rejection) -> Iterator[tuple[limit_paths.Limit, float]]:
        """Present all samples to `method`; yields the limit over each phase, and the time [s] at which the phase
        begins."""
        limits, running_time = iter(self._limits), self.setting.running_time
        for k in range(len(self.setting.x)):
            for step in self._samples.present(method, k, k * running_time, (k + 1) * running_time):
                yield next(limits), step.begin

    def errors(self, seed: int, size: int, replicate: int) -> tuple[np.ndarray, ...]:
        """(theta, bound, ratio, violations) of path number `replicate`, each [quantity]. `size` is the index of the
        volume and selects the random stream."""
        setting = self.setting
        counts = setting.start(self.volume, np.int64)
        rng = seeds.stream(seed, Purpose.COUNTS_AND_LIMIT, size, replicate)
        method = _Followed(setting.network, setting.network.rates(), self.volume, counts, rng)
        comparison, reach = self._comparison(counts), np.zeros(len(setting.quantities), dtype=REACH)
        for limit, _ in self._phases(method):
            follower = Follower(
                *self._moves, reach, comparison.plus, comparison.minus, limit.x, limit.slope, limit.lowest,
                limit.highest, limit.step, np.array([method.time]), limit.volume, np.zeros(1, dtype=np.int64),
            )  # fmt: skip
            code = method.follow_limit(limit, comparison, follower)
            if code != codes.REACHED_END:
                raise ModelError(f"a path at Omega = {self.volume:g} stopped early: {Status(code)}")
        return reach["error"] / np.sqrt(self.volume), comparison.bound, comparison.ratio, comparison.violations

    def recorded(self, seed: int, size: int, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Path number 0 at times about `step` [s] apart: the times, the limit [concentration], and the counts
        float64[point, species]."""
        setting = self.setting
        rng = seeds.stream(seed, Purpose.COUNTS_AND_LIMIT, size, 0)
        counts = setting.start(self.volume, np.int64)
        method = _Followed(setting.network, setting.network.rates(), self.volume, counts, rng)
        times, rows, limits = [], [], []
        for limit, begin in self._phases(method):
            points = np.arange(0, len(limit.x), max(1, round(step / limit.step[0])))
            for n in points:
                time = begin + n * limit.step[0]
                while method.advance(time) != codes.REACHED_END:
                    pass
                times.append(time)
                rows.append(method.counts.astype(np.float64))
            limits.append(limit.x[points, :-1])
        return np.array(times), np.concatenate(limits), np.array(rows)

    def _comparison(self, counts: np.ndarray) -> limit_paths.LimitComparison:
        quantities, n = self._quantities, len(counts)
        n_quantities = len(quantities.names)
        bound, ratio = np.zeros((2, n_quantities))
        difference, martingale, e, start, rate, forcing, push = np.zeros((7, n + 1))
        return limit_paths.LimitComparison(
            quantities.plus, quantities.minus, np.append(counts, 1), bound, ratio,
            np.zeros(n_quantities, dtype=np.int64), difference, martingale, e, np.zeros((2, n + 1)), start, rate,
            forcing, push, np.zeros(len(self._terms["row"])),
        )  # fmt: skip

    def linear_noise(self, seed: int, replicate: int) -> np.ndarray:
        """sup |u| of path number `replicate` of linear noise around the limit, float64[quantity]."""
        quantities, n = self._quantities, len(self.setting.network.species)
        rng = seeds.stream(seed, Purpose.LINEAR_NOISE, 0, replicate)
        n_quantities = len(quantities.names)
        linear = limit_paths.LinearNoisePath(
            self._term_start, quantities.plus, quantities.minus, np.zeros(n_quantities), np.zeros(n + 1),
            np.zeros(n + 1), np.zeros((2, n + 1)), np.zeros(n + 1), np.zeros(n_quantities), *self._moves,
        )  # fmt: skip
        # Presented species are set to the same value in both processes, so their fluctuation starts again at 0.
        for limit, species in zip(self._limits, cycle(self._samples.species)):
            linear.u[species] = 0.0
            limit_paths.follow_linear_noise(limit, linear, rng)
        return linear.variation


def _moves(structure: Structure, quantities: Quantities, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The changes of quantities by an event of each channel: int64[channel + 1], where those of a channel begin, and
    MOVE[move]. `n` is the number of species."""
    a, moves, start = structure.arrays, [], [0]
    for c in range(len(a["change_start"]) - 1):
        changes = slice(a["change_start"][c], a["change_start"][c + 1])
        change = np.zeros(n + 1)
        change[a["change_species"][changes]] = a["change_amount"][changes]
        by_quantity = change[quantities.plus] - change[quantities.minus]
        moves += [(by_quantity[q], q) for q in np.flatnonzero(by_quantity)]
        start.append(len(moves))
    return np.array(start, dtype=np.int64), np.array(moves, dtype=MOVE)


# The source of noise, with its tasks and judgements.

SMALLEST_VOLUME, LARGEST_VOLUME = 4e2, 4e4
LEAST_MOLECULES = 4.0
_REFINED_PATHS = 2
"""Paths of each volume that are simulated again with a finer grid."""
_MOST_REFINED = 0.02
"""Largest relative change of Theta when the grid of the limit is twice as fine."""
FAULT_IN_LAW = 1.2
"""Planted differences of the laws, divided by the allowed ones."""
_VARIATION = N_SIZES
"""Index of the tasks for linear noise, after those of the volumes."""


class Intrinsic(NoiseSource):
    name = "intrinsic"
    summary = "random reaction events (exact simulation), eps = Omega^(-1/2), six Omega from 4e2 to 4e4"
    brief = True
    usual_paths = 250
    shares = (1.0, 0.2, 0.2, 0.25, 0.5, 1.0, 3.0)
    growth = (1.0, 4.0, 8.0, 13.0, 20.0)

    def __init__(
        self,
        setting: Setting,
        paths: int | None,
        seed: int,
        looks: int = MOST_LOOKS,
        kind: str | None = None,
        step: float | None = None,
        correlation_time: float | None = None,
    ) -> None:
        super().__init__(setting, paths, seed, looks)
        for name, value in (("kind", kind), ("step", step), ("correlation_time", correlation_time)):
            if value is not None:
                raise InputError(f"{name} does not apply to intrinsic noise, got {value!r}: omit it")
        self.volumes = np.rint(np.geomspace(LARGEST_VOLUME, SMALLEST_VOLUME, N_SIZES))
        self.sizes = self.volumes**-0.5
        self._counted = [CountedPaths(setting, volume) for volume in self.volumes]

    def record(self) -> dict:
        return {"noise": {"noise": self.name, "volume": self.volumes.tolist()}, "step": [STEP, STRIDE]}

    def empty(self) -> Results:
        return Results.empty(self.sizes, self.setting.quantities, int(self.allotted[0].max()))

    def tasks(self, results: Results, paths: np.ndarray) -> list[tuple[int, int]]:
        """(path, size), the largest volumes first, and (path, `_VARIATION`) for linear noise."""
        to_do = (results.committed[: paths.max()] == 0) & (np.arange(paths.max())[:, None] < paths)
        # Sizes ascend, so volumes descend: by columns, the longest tasks come first and threads end together.
        rows, columns = np.nonzero(to_do.T)[::-1]
        return list(zip(rows.tolist(), columns.tolist()))

    def worker(self) -> Callable[[Results, Any], None]:
        def execute(results: Results, task: tuple[int, int]) -> None:
            path, k = task
            if k == _VARIATION:
                results.theta_0[path] = self._counted[0].linear_noise(self.seed, path)
            else:
                errors = self._counted[k].errors(self.seed, k, path)
                for array, values in zip((results.theta, results.bound, results.ratio, results.violations), errors):
                    array[path, k] = values
            results.committed[path, k] = 1

        return execute

    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        time, reference, counts = self._counted[N_SIZES - 1].recorded(self.seed, N_SIZES - 1, step)
        return time, reference, counts / self.volumes[-1]

    def judgements(self, results: Results, confidence: float, say: Callable[[str], object]) -> list[Judgement]:
        numbers = self._numbers(results)
        names, thetas, _ = self._judged(results, numbers, say)
        most, quantities = self._limits_of_law(results, numbers)
        return [
            self._slope(names, thetas, confidence),
            self._tightness(thetas, confidence),
            judgements.in_law(
                quantities, *_of_law(results, numbers), self.seed, most, confidence
            ),
            self._bounded(results, confidence),
        ]  # fmt: skip

    def closing(self, results: Results, confidence: float) -> list[Judgement]:
        numbers = self._numbers(results)
        names, thetas, theta_0 = self._judged(results, numbers, lambda line: None)
        return [self._refined(results, numbers), self._power(names, thetas, theta_0, confidence)]

    def criteria(self, results: Results) -> list[Criterion]:
        numbers = self._numbers(results)
        names, thetas, _ = self._judged(results, numbers, lambda line: None)
        errors = [t * eps for t, eps in zip(thetas, self.sizes)]
        largest = [t.max(axis=1, keepdims=True) for t in thetas]
        limits, quantities = self._limits_of_law(results, numbers)
        tasks = range(N_SIZES)
        low, high = (np.full(len(names), limit) for limit in SLOPE_IN_VOLUME)

        def slope(values: list[np.ndarray], confidence: float) -> Slopes:
            return bootstrap(values, self.volumes, self.seed, MEDIAN, confidence=confidence)

        def law(values: list[np.ndarray], confidence: float) -> Slopes:
            theta, theta_0 = values
            return log_ratios(theta, theta_0, (MEDIAN, UPPER), self.seed, confidence)

        within = np.tile(np.log1p(limits), 2)
        off = np.tile(np.log1p(FAULT_IN_LAW * limits), 2)
        of = [f"{what} of {name}" for what in ("median", "95 % quantile") for name in quantities]
        percent = f"{100 * FAULT_IN_LAW * SAME_LAW:g} % (weights {100 * FAULT_IN_LAW * SAME_LAW_OF_WEIGHTS:g} %)"
        return [
            Criterion(
                "slope", names, errors, tasks, slope, low, high,
                sequential_rule.slopes(SLOPE_IN_VOLUME, len(names)),
            ),
            sequential_rule.growth([judgements.THE_LARGEST], largest, tasks, self.sizes, self.seed),
            Criterion(
                "sharp constant", of, list(_of_law(results, numbers)), (0, _VARIATION), law, -within, within,
                [(f"a factor of 1 + {percent}", off), (f"a factor of 1 / (1 + {percent})", -off)],
            ),
        ]  # fmt: skip

    def _limits_of_law(self, results: Results, numbers: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """The allowed relative difference in law of Theta and sup|u| of each number, float64[number], and their
        names."""
        known = self.setting.spec.numbers
        names = [results.quantity[q] for q in numbers]
        return np.where([known.of(n).learned for n in names], SAME_LAW_OF_WEIGHTS, SAME_LAW), names

    def _numbers(self, results: Results) -> np.ndarray:
        """Indices int64[...] of the encoded numbers that linear noise moves."""
        numbers = np.flatnonzero(results.is_number & (np.nanmedian(results.theta_0, axis=0) > 0))
        if not len(numbers):
            raise InputError("no encoded number fluctuates, so there is nothing to verify: use a longer running time")
        return numbers

    def _judged(
        self, results: Results, numbers: np.ndarray, say: Callable[[str], object]
    ) -> tuple[list[str], list[np.ndarray], np.ndarray]:
        """Names, Theta at each size, and Theta_0, each float64[path, neuron], of the neurons whose slopes are
        judged."""
        names, theta, theta_0 = self._by_neuron(results, numbers)
        moved = np.nanmedian(theta_0, axis=0) * np.sqrt(SMALLEST_VOLUME)
        judged = moved >= LEAST_MOLECULES
        if not judged.any():
            raise InputError(
                f"slopes need a number that fluctuates by at least {LEAST_MOLECULES:g} molecules at Omega = "
                f"{SMALLEST_VOLUME:g}, and linear noise predicts none: use a longer running time"
            )
        if not judged.all():
            left_out = ", ".join(f"{n} ({m:.2g})" for n, m, j in zip(names, moved, judged) if not j)
            say(
                f"slopes are tested for {judged.sum()} numbers; these are left out, because linear noise moves them by "
                f"less than {LEAST_MOLECULES:g} molecules at Omega = {SMALLEST_VOLUME:g}: {left_out}"
            )
        names = [n for n, j in zip(names, judged) if j]
        thetas = [_simulated(theta[:, k, judged]) for k in range(N_SIZES)]
        return names, thetas, _simulated(theta_0[:, judged])

    def _by_neuron(self, results: Results, numbers: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Names, Theta and Theta_0 of neurons: the largest among the weights and the bias of each."""
        known = self.setting.spec.numbers
        groups: dict[str, list[int]] = {}
        for q in numbers:
            groups.setdefault(known.neuron(known.of(results.quantity[q])), []).append(q)
        theta = np.stack([results.theta[:, :, places].max(axis=2) for places in groups.values()], axis=2)
        theta_0 = np.stack([results.theta_0[:, places].max(axis=1) for places in groups.values()], axis=1)
        return list(groups), theta, theta_0

    def _refined(self, results: Results, numbers: np.ndarray) -> Judgement:
        """The judgement of the numerics: the first paths again, with a grid of the limit that is twice as fine. Errors
        are evaluated at every event in any case."""
        changes = []
        for k, volume in enumerate(self.volumes):
            finer = CountedPaths(self.setting, volume, STEP / 2, 2 * STRIDE)
            for path in range(_REFINED_PATHS):
                theta = finer.errors(self.seed, k, path)[0][numbers]
                known = theta > 0
                changes.append(np.abs(results.theta[path, k, numbers][known] / theta[known] - 1).max(initial=0.0))
        return judgements.numerics("a grid of the limit that is twice as fine changes Theta", changes, _MOST_REFINED)

    def _power(
        self, names: Sequence[str], theta: list[np.ndarray], theta_0: np.ndarray, confidence: float
    ) -> Judgement:
        """Check 5: errors that scale like Omega^(-1/4) or 1 / Omega, and linear noise of 1.2 times the size, must
        fail."""
        sizes = self.sizes
        # Theta is the error over eps: dividing it by sqrt(eps) or multiplying it by eps changes the order of the error.
        root = [t / np.sqrt(eps) for t, eps in zip(theta, sizes)]
        square = [t * eps for t, eps in zip(theta, sizes)]
        judged = {
            "Omega^(-1/4), check 1": self._slope(names, root, confidence),
            "Omega^(-1/4), check 2": self._tightness(root, confidence),
            "1/Omega, check 1": self._slope(names, square, confidence),
            "linear noise 1.2 times too large, check 3": judgements.in_law(
                names, theta[0], 1.2 * theta_0, self.seed, SAME_LAW, confidence
            ),
        }
        return sequential_rule.power({what: j.verdict for what, j in judged.items()})

    def _bounded(self, results: Results, confidence: float) -> Judgement:
        """Check 4, also for rails: the bound does not depend on scaling."""
        return judgements.upper_bound(
            results.quantity, results.theta, results.bound, results.ratio, results.violations, self.sizes, self.seed,
            each=False, confidence=confidence,
        )  # fmt: skip

    def _tightness(self, theta: list[np.ndarray], confidence: float) -> Judgement:
        """Check 2, of the largest of all: paths of different volumes share nothing."""
        largest = [t.max(axis=-1, keepdims=True) for t in theta]
        return judgements.tightness([judgements.THE_LARGEST], largest, self.sizes, self.seed, confidence=confidence)

    def _slope(self, names: Sequence[str], theta: list[np.ndarray], confidence: float) -> Judgement:
        errors = [t * eps for t, eps in zip(theta, self.sizes)]
        return judgements.slope(names, errors, self.volumes, self.seed, SLOPE_IN_VOLUME, confidence=confidence)


def _simulated(values: np.ndarray) -> np.ndarray:
    """The rows of float64[path, ...] that were simulated."""
    return values[~np.isnan(values).any(axis=1)]


def _of_law(results: Results, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Theta at the largest volume and sup|u|, each float64[path, number]."""
    return _simulated(results.theta[:, 0, numbers]), _simulated(results.theta_0[:, numbers])
