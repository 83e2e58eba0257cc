"""Counts in a volume beside the rate equations, and beside linear noise: one path at a time."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from ... import seeds
from ...checks import InputError, ModelError
from ...crn.compile import Structure
from ...kernels import beside_limit, codes, linear_noise_path
from ...kernels.following import MOVE, REACH, Follower
from ...kernels.perturbed import PLAIN
from ...seeds import Purpose
from ...simulation.methods import Ode, Rejection
from ...simulation.methods.rate_equations import RateEquations
from ...status import Status
from .quantities import Quantities
from .setting import Setting
from .system import terms_of

STEP = 4e-3
"""Of the grid of the limit [s], about."""
STRIDE = 8
"""Points of that grid from one at which the explicit bound is computed to the next."""


class _Followed(Rejection):
    """Exact simulation that keeps the largest distance to a limit."""

    def run_beside(self, limit: beside_limit.Limit, beside: beside_limit.Beside, follower: Follower) -> int:
        return beside_limit.follow(
            self._channels, self._programs, self._readers, self._pools, self._state,
            self._alone(np.empty(0), self._no_counts), limit, beside, follower,
        )  # fmt: skip


class CountedPaths:
    """Paths of the counts of `setting` in a `volume`.

    The limit begins with the same whole counts, over the volume, and is shown the same. Raises InputError for
    thresholds, which linear noise knows nothing of.
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

    def _solve(self, step: float, stride: int) -> Iterator[beside_limit.Limit]:
        """The `Limit` over each phase of each presentation."""
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
                method.start_block()
                while method.advance(begin + phase.end, begin + grid, rows) != codes.REACHED_END:
                    pass
                x[:, :n] = rows
                slope = np.zeros_like(x)
                for row, at in zip(slope, rows):
                    row[:n] = equations.derivative(0.0, at)
                between = np.array([grid[1] - grid[0]])
                lowest, highest = self._range(x, slope * between, stride)
                yield beside_limit.Limit(
                    **self._terms, x=x, slope=slope, step=between, stride=np.array([stride]), lowest=lowest,
                    highest=highest, volume=np.array([self.volume]),
                )  # fmt: skip

    def _range(self, x: np.ndarray, rise: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each quantity over each block of the grid [molecules], float64[block, quantity].
        `x` and `rise`, the slope times the step, are float64[point, species + 1]."""
        q, n = self._quantities, x.shape[1] - 1
        signed = np.where(q.minus < n, 1.0, 0.0)
        x, rise = (v[:, q.plus] - signed * v[:, q.minus] for v in (x, rise))
        # A cubic through two values leaves the line between them by at most 4/27 of what its slopes there are off.
        secant = x[1:] - x[:-1]
        bulge = 4 / 27 * (np.abs(rise[:-1] - secant) + np.abs(rise[1:] - secant))
        low, high = np.minimum(x[1:], x[:-1]) - bulge, np.maximum(x[1:], x[:-1]) + bulge
        shape = (-1, stride, len(q))
        return low.reshape(shape).min(axis=1) * self.volume, high.reshape(shape).max(axis=1) * self.volume

    def _phases(self, method: Rejection) -> Iterator[tuple[beside_limit.Limit, float]]:
        """Present all samples to `method`; yields the limit over each phase, and the begin of the phase [s]."""
        limits, running_time = iter(self._limits), self.setting.running_time
        for k in range(len(self.setting.x)):
            for step in self._samples.present(method, k, k * running_time, (k + 1) * running_time):
                yield next(limits), step.begin

    def errors(self, seed: int, size: int, replicate: int) -> tuple[np.ndarray, ...]:
        """(theta, bound, ratio, violations) of path number `replicate`, each [quantity]; `size` is a number of the
        volume in its list."""
        setting = self.setting
        counts = setting.start(self.volume, np.int64)
        rng = seeds.stream(seed, Purpose.COUNTS_BESIDE_LIMIT, size, replicate)
        method = _Followed(setting.network, setting.network.rates(), self.volume, counts, rng)
        beside, reach = self._beside(counts), np.zeros(len(setting.quantities), dtype=REACH)
        for limit, _ in self._phases(method):
            follower = Follower(
                *self._moves, reach, beside.plus, beside.minus, limit.x, limit.slope, limit.lowest, limit.highest,
                limit.step, np.array([method.time]), limit.volume, np.zeros(1, dtype=np.int64),
            )  # fmt: skip
            code = method.run_beside(limit, beside, follower)
            if code != codes.REACHED_END:
                raise ModelError(f"a path at Omega = {self.volume:g} stopped early: {Status(code)}")
        return reach["error"] / np.sqrt(self.volume), beside.bound, beside.ratio, beside.violations

    def recorded(self, seed: int, size: int, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Path number 0 about every `step` [s]: times, the limit [concentration], counts float64[point, species]."""
        setting = self.setting
        rng = seeds.stream(seed, Purpose.COUNTS_BESIDE_LIMIT, size, 0)
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

    def _beside(self, counts: np.ndarray) -> beside_limit.Beside:
        quantities, n = self._quantities, len(counts)
        n_quantities = len(quantities.names)
        bound, ratio = np.zeros((2, n_quantities))
        difference, martingale, e, start, own, forcing, push = np.zeros((7, n + 1))
        return beside_limit.Beside(
            quantities.plus, quantities.minus, np.append(counts, 1), bound, ratio,
            np.zeros(n_quantities, dtype=np.int64), difference, martingale, e, np.zeros((2, n + 1)), start, own,
            forcing, push, np.zeros(len(self._terms["row"])),
        )  # fmt: skip

    def linear_noise(self, seed: int, replicate: int) -> np.ndarray:
        """sup |u| of path number `replicate` of linear noise around the limit, float64[quantity]."""
        quantities, n = self._quantities, len(self.setting.network.species)
        rng = seeds.stream(seed, Purpose.LINEAR_NOISE, 0, replicate)
        n_quantities = len(quantities.names)
        linear = linear_noise_path.LinearNoise(
            self._term_start, quantities.plus, quantities.minus, np.zeros(n_quantities), np.zeros(n + 1),
            np.zeros(n + 1), np.zeros((2, n + 1)), np.zeros(n + 1), np.zeros(n_quantities), *self._moves,
        )  # fmt: skip
        for limit, species in zip(self._limits, cycle(self._samples.species)):
            linear.u[species] = 0.0
            linear_noise_path.follow(limit, linear, rng)
        return linear.variation


def _moves(structure: Structure, quantities: Quantities, n: int) -> tuple[np.ndarray, np.ndarray]:
    """int64[channel + 1] and MOVE[move]: by how much an event of each channel changes each quantity; `n` species."""
    a, found, start = structure.arrays, [], [0]
    for c in range(len(a["change_start"]) - 1):
        own = slice(a["change_start"][c], a["change_start"][c + 1])
        change = np.zeros(n + 1)
        change[a["change_species"][own]] = a["change_amount"][own]
        by_quantity = change[quantities.plus] - change[quantities.minus]
        found += [(by_quantity[q], q) for q in np.flatnonzero(by_quantity)]
        start.append(len(found))
    return np.array(start, dtype=np.int64), np.array(found, dtype=MOVE)
