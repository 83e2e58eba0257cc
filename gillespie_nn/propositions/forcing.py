"""Noise in rates and in concentrations. All eps share the path of the noise, so errors are compared path by path."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import noise as noises
from ..checks import InputError, ModelError
from ..kernels.propositions.perturbed import N_SIZES
from ..statistics.scaling import CONFIDENCE, MEDIAN, Slopes, bootstrap
from ..statistics.tests import MOST_LOOKS, Judgement, Verdict
from . import judgements, sequential_rule
from .driven import ATOL_VARIATION, TOLERANCES, DrivenPaths, PathErrors
from .results import Results
from .sequential_rule import Criterion
from .setting import FEWEST_PATHS, LARGEST, SMALLEST, NoiseSource, Setting

_REFINED_PATHS = 4
_MOST_REFINED = 1e-3
"""Largest relative change of Theta when tolerances are halved and errors are evaluated at twice as many points."""


class Extrinsic(NoiseSource):
    """A `noise` of the registry, of a kind whose paths do not depend on eps."""

    noise: type
    kind: str
    usual_paths = 60
    growth = (1.0, 2.0, 3.0, 5.0, 8.0)

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
        given = {"step": step, "correlation_time": correlation_time}
        given = {name: value for name, value in given.items() if value is not None}
        kind = kind or self.kind
        largest = self.noise(0.0, kind, **given).largest_amplitude
        self.notes = ()
        if largest < LARGEST:
            self.notes = (f"largest eps lowered from {LARGEST:g} to {largest:g} to keep eps sup|xi| <= 1/2",)
        # Below this limit 1 + eps xi stays positive, and all sizes share one path of the noise.
        self.sizes = np.geomspace(SMALLEST, min(LARGEST, largest), N_SIZES)
        self.path_noise = self.noise(self.sizes[-1], kind, **given)
        self._refinement: tuple[Judgement, np.ndarray] | None = None

    def record(self) -> dict:
        noise = self.path_noise.record() | {"amplitude": self.sizes.tolist()}
        return {"noise": noise, "tolerances": list(TOLERANCES)}

    def empty(self) -> Results:
        return Results.empty(self.sizes, self.setting.quantities, int(self.allotted[0].max()))

    def tasks(self, results: Results, paths: np.ndarray) -> list[int]:
        return np.flatnonzero(~results.committed[: paths.max()].all(axis=1)).tolist()

    def driven(self, refinement: int = 1) -> DrivenPaths:
        return DrivenPaths(self.setting, self.path_noise, self.sizes, self.seed, refinement)

    def worker(self) -> Callable[[Results, Any], None]:
        driven = self.driven()

        def execute(results: Results, path: int) -> None:
            try:
                fill(results, path, driven.errors(path))
            except ModelError:
                # A path that blows up is a result, too: Theta is infinite. It is committed and not tried again.
                results.theta[path] = np.inf
                results.committed[path] = 1

        return execute

    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Columns 0 and N_SIZES are the reference and the solution of the largest eps.
        driven, time, states = self.driven(), [0.0], [np.stack([self.setting.start()] * 2)]
        for now in driven.pieces(0, step):
            time.append(now)
            states.append(driven.system.columns[:-1, [0, N_SIZES]].T.copy())
        return np.array(time), *np.array(states).swapaxes(0, 1)

    def judgements(self, results: Results, confidence: float, say: Callable[[str], object]) -> list[Judgement]:
        ended, paths = results.ended(), len(results.theta)
        if paths < FEWEST_PATHS:
            raise InputError(f"a verdict needs at least {FEWEST_PATHS} paths at the first look, got {paths}: use more")
        if len(ended.theta) < FEWEST_PATHS:
            raise ModelError(
                f"a concentration diverges on {paths - len(ended.theta)} of {paths} paths, which leaves too few for a "
                f"verdict (at least {FEWEST_PATHS}): use weaker noise"
            )
        _, resolved = self._refined(results)
        result = judge_driven(ended, self.seed, resolved, confidence)
        if len(ended.theta) < paths:
            result.append(_exploded(paths - len(ended.theta), paths))
        return result

    def closing(self, results: Results, confidence: float) -> list[Judgement]:
        numerics, _ = self._refined(results)
        return [numerics, sequential_rule.caught(results.ended(), self.seed, confidence)]

    def criteria(self, results: Results) -> list[Criterion]:
        ended = results.ended()
        which = ended.reached()
        names = [ended.quantity[q] for q in which]
        theta = np.maximum(ended.theta[:, :, which], np.finfo(np.float64).tiny)
        every, size = judgements.with_largest(theta, ended.theta), ended.size
        low, high = (np.full(len(names), limit) for limit in judgements.SLOPE)

        def slope(values: list[np.ndarray], confidence: float) -> Slopes:
            return bootstrap(values[0], size, self.seed, MEDIAN, confidence=confidence)

        return [
            Criterion(
                "slope", names, [theta * size[:, None]], (0,), slope, low, high,
                sequential_rule.slopes(judgements.SLOPE, len(names)),
            ),
            sequential_rule.growth([judgements.THE_LARGEST, *names], [every], (0,), size, self.seed),
        ]  # fmt: skip

    def _refined(self, results: Results) -> tuple[Judgement, np.ndarray]:
        """The judgement of the numerics, from the first few paths simulated again with a finer resolution, and
        bool[quantity]: whether Theta does not change and Theta_0 exceeds the absolute tolerance of u."""
        if self._refinement is not None:
            return self._refinement
        driven = self.driven(refinement=2)
        # Paths are those of the results, since the noise does not depend on the resolution of the solver.
        changes, resolved = [], np.median(results.theta_0, axis=0) > ATOL_VARIATION
        for path in np.flatnonzero(np.isfinite(results.theta).all(axis=(1, 2)))[:_REFINED_PATHS]:
            errors = driven.errors(path)
            for fine, coarse in ((errors.theta, results.theta[path]), (errors.theta_0, results.theta_0[path])):
                change = np.abs(coarse - fine) / np.maximum(fine, np.finfo(np.float64).tiny)
                changes.append(np.max(change[fine > judgements.RESOLUTION], initial=0.0))
                resolved &= np.atleast_2d(change).max(axis=0) <= _MOST_REFINED
        reached = [q for q in results.reached() if not resolved[q]]
        judgement = judgements.numerics(
            "halving the tolerances and doubling the points within each step changes Theta and Theta_0", changes,
            _MOST_REFINED, [results.quantity[q] for q in reached],
        )  # fmt: skip
        self._refinement = judgement, resolved
        return self._refinement


class RateSource(Extrinsic):
    name = "rate"
    summary = "k (1 + eps xi(t)) for every reaction"
    noise = noises.RateNoise
    kind = "bounded"


class Concentration(Extrinsic):
    name = "concentration"
    summary = "x' = F(x) + eps xi(t) x for every reacting species except weights and switches; or impulses"
    noise = noises.ConcentrationNoise
    kind = "ornstein_uhlenbeck"


class Additive(Extrinsic):
    name = "additive"
    summary = "x' = F(x) + eps xi(t), reflected at 0, for every reacting species except weights and switches"
    noise = noises.AdditiveNoise
    kind = "ornstein_uhlenbeck"


def fill(results: Results, path: int, errors: PathErrors) -> None:
    """Store the `PathErrors` of one path in `results`."""
    for name in ("theta", "theta_0", "bound", "ratio", "violations"):
        getattr(results, name)[path] = getattr(errors, name)
    results.committed[path] = 1


def _exploded(n: int, paths: int) -> Judgement:
    return Judgement(
        "solutions", Verdict.FAILS,
        f"a concentration diverges under the noise on {n} of {paths} paths, so Theta is infinite there",
        {"exploded": n}, final=True,
    )  # fmt: skip


def judge_driven(
    results: Results, seed: int, resolved: np.ndarray | None = None, confidence: float = CONFIDENCE
) -> list[Judgement]:
    """Checks 1 to 4. Slopes are tested for the quantities that the noise reaches on most paths; the largest Theta and
    the bound, for all. `resolved` bool[quantity], by default all True, marks quantities whose errors exceed rounding.
    Raises InputError if the noise reaches no quantity."""
    which = results.reached()
    if not len(which):
        raise InputError(
            "the noise changes no quantity on most paths, so there is nothing to verify: use another noise or setting"
        )
    names = [results.quantity[q] for q in which]
    # On single paths a quantity may not move, and an error of 0 has no logarithm.
    theta = np.maximum(results.theta[:, :, which], np.finfo(np.float64).tiny)
    size, every = results.size, judgements.with_largest(theta, results.theta)
    resolved = np.ones(len(which), dtype=np.bool_) if resolved is None else resolved[which]
    undecided = judgements.undecided(theta, results.theta_0[:, which], resolved)
    return [
        judgements.slope(names, theta * size[:, None], size, seed, undecided=undecided, confidence=confidence),
        judgements.tightness(
            (judgements.THE_LARGEST, *names), every, size, seed, np.append(False, undecided), confidence
        ),
        judgements.sharp_constant(names, theta, results.theta_0[:, which], size, seed, undecided, confidence),
        judgements.upper_bound(
            results.quantity,
            results.theta,
            results.bound,
            results.ratio,
            results.violations,
            size,
            seed,
            confidence=confidence,
        ),
    ]
