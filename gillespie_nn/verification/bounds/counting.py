"""Counts in a volume beside the rate equations, and beside linear noise: one path at a time."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import numpy as np

from ... import seeds
from ...checks import InputError, ModelError
from ...kernels import beside_limit, codes, linear_noise_path
from ...kernels.perturbed import PLAIN
from ...seeds import Purpose
from ...simulation.methods import Ode, Rejection
from ...simulation.methods.rate_equations import RateEquations
from ...status import Status
from .setting import Setting
from .system import terms_of

STEP = 4e-3
"""Of the grid of the limit [s], about."""
CANDIDATES_A_LOOK = 1 / 1000
"""Candidates of the exact method between two looks at the counts, over Omega: one, that is every event, up to Omega =
1000, and 40 at 4e4, where what is missed in between is little beside a fluctuation of sqrt(Omega)."""


class _Followed(Rejection):
    """Exact simulation that keeps the largest distance to a limit."""

    def run_beside(self, limit: Any, beside: Any, candidates: int) -> int:
        return beside_limit.follow(
            self._channels, self._programs, self._readers, self._pools, self._state,
            self._alone(np.empty(0), self._no_counts), limit, beside, candidates, self.time,
        )  # fmt: skip


class CountedPaths:
    """Paths of the counts of `setting` in a `volume`.

    The limit begins with the same whole counts, over the volume, and is shown the same. Raises InputError for
    thresholds, which linear noise knows nothing of.
    """

    def __init__(
        self, setting: Setting, volume: float, step: float = STEP, candidates_a_look: float = CANDIDATES_A_LOOK
    ) -> None:
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
        self._limits = list(self._solve(step))
        self.candidates = max(1, round(candidates_a_look * self.volume))
        """Between two looks at the counts."""

    def _solve(self, step: float) -> Iterator[beside_limit.Limit]:
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
                n_points = int(np.ceil((phase.end - phase.begin) / step)) + 1
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
                yield beside_limit.Limit(**self._terms, x=x, slope=slope, step=between, volume=np.array([self.volume]))

    def _phases(self, method: Rejection) -> Iterator[tuple[beside_limit.Limit, float]]:
        """Present all samples to `method`; yields the limit over each phase, and the begin of the phase [s]."""
        limits, running_time = iter(self._limits), self.setting.running_time
        for k in range(len(self.setting.x)):
            for step in self._samples.present(method, k, k, k * running_time, (k + 1) * running_time):
                yield next(limits), step.begin

    def errors(self, seed: int, size: int, replicate: int) -> tuple[np.ndarray, ...]:
        """(theta, bound, ratio, violations) of path number `replicate`, each [quantity]; `size` is a number of the
        volume in its list."""
        setting = self.setting
        counts = setting.start(self.volume, np.int64)
        rng = seeds.stream(seed, Purpose.COUNTS_BESIDE_LIMIT, size, replicate)
        method = _Followed(setting.network, setting.network.rates(), self.volume, counts, rng)
        beside = self._beside(counts)
        for limit, _ in self._phases(method):
            code = method.run_beside(limit, beside, self.candidates)
            if code != codes.REACHED_END:
                raise ModelError(f"a path at Omega = {self.volume:g} stopped early: {Status(code)}")
        return beside.error, beside.bound, beside.ratio, beside.violations

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
        of_species = np.full((n, 2), -1, dtype=np.int64)
        for q, (plus, minus) in enumerate(zip(quantities.plus, quantities.minus)):
            for s in (plus, minus):
                if s < n:
                    of_species[s, int(of_species[s, 0] >= 0)] = q
        n_quantities = len(quantities.names)
        error, bound, ratio = (np.zeros(n_quantities) for _ in range(3))
        difference, martingale, e = (np.zeros(n + 1) for _ in range(3))
        return beside_limit.Beside(
            quantities.plus, quantities.minus, of_species, np.append(counts, 1), error, bound, ratio,
            np.zeros(n_quantities, dtype=np.int64), difference, martingale, e, np.zeros((2, n + 1)), np.zeros(n + 1),
            np.zeros((2, n + 1)), np.zeros((2, n + 1)), np.zeros(len(self._terms["row"])),
        )  # fmt: skip

    def linear_noise(self, seed: int, replicate: int) -> np.ndarray:
        """sup |u| of path number `replicate` of linear noise around the limit, float64[quantity]."""
        quantities, n = self._quantities, len(self.setting.network.species)
        rng = seeds.stream(seed, Purpose.LINEAR_NOISE, 0, replicate)
        changes = np.zeros((len(self._term_start) - 1, n + 1))
        for c, t in enumerate(self._term_start[:-1]):
            own = slice(*self._terms["change_start"][[t, t + 1]])
            changes[c, self._terms["change_species"][own]] = self._terms["change_amount"][own]
        changes[:, n] = 0.0
        by_quantity = np.ascontiguousarray(changes[:, quantities.plus] - changes[:, quantities.minus])
        n_quantities = len(quantities.names)
        linear = linear_noise_path.LinearNoise(
            self._term_start, quantities.plus, quantities.minus, np.zeros(n_quantities), np.zeros(n + 1),
            np.zeros(n + 1), np.zeros((2, n + 1)), np.zeros(n + 1), np.zeros(n_quantities), by_quantity,
        )  # fmt: skip
        for limit, species in zip(self._limits, cycle(self._samples.species)):
            linear.u[species] = 0.0
            linear_noise_path.follow(limit, linear, rng)
        return linear.variation
