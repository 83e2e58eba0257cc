"""The self-test: faults planted into simulations, each of which must be caught by the check that is meant for it.

The faults are planted into proposition 5.1 on XOR with noise in rates. In addition, proposition 5.2 must fail for a
ReLU that rests on its kink, and must hold for one that crosses the kink at speed.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

from ..kernels.propositions.perturbed import Perturbed
from ..nn.chemistry import PREACTIVATIONS
from ..noise import RateNoise
from ..statistics.tests import Judgement, Verdict
from .driven import DrivenPaths
from .forcing import LARGEST, N_SIZES, SMALLEST, RateSource, fill, judge_driven
from .results import Results
from .setting import LEARNING, Choice, Setting, setting_of

PATHS = 40
_STEP = 0.02
"""Step of the first variation with a frozen Jacobian [s]."""


class SelfTestResult(NamedTuple):
    """A plant, the verdict of each check by name, and whether the verdicts are the expected ones."""

    what: str
    verdicts: dict
    as_expected: bool


def self_test(seed: int, say: Callable[[str], object] = lambda line: None, paths: int = PATHS) -> list[SelfTestResult]:
    """Simulate and judge all planted errors, one after the other."""
    cases = []
    for what, plant, expected in PLANTS:
        verdicts = {j.name: j.verdict for j in plant(seed, paths)}
        row = SelfTestResult(what, verdicts, all(verdicts[name] == verdict for name, verdict in expected.items()))
        cases.append(row)
        asked = ", ".join(f"{name} {verdict}" for name, verdict in expected.items())
        seen = ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())
        say(f"{what}: {'as expected' if row.as_expected else 'NOT AS EXPECTED'}; expected {asked}; got {seen}")
    return cases


def _sizes() -> np.ndarray:
    return np.geomspace(SMALLEST, LARGEST, N_SIZES)


def _results(
    setting: Setting,
    sizes: np.ndarray,
    seed: int,
    paths: int,
    change: Callable[[DrivenPaths], None] = lambda driven: None,
) -> Results:
    """Results of paths after `change` has been applied to them."""
    driven = DrivenPaths(setting, RateNoise(sizes[-1], RateSource.kind), sizes, seed)
    change(driven)
    results = Results.empty(sizes, setting.quantities, paths)
    for path in range(paths):
        fill(results, path, driven.errors(path))
    return results


def none(seed: int, paths: int) -> list[Judgement]:
    """No fault."""
    return judge_driven(_results(setting_of(Choice()), _sizes(), seed, paths), seed)


def scaled(power: float) -> Callable[[int, int], list[Judgement]]:
    """Noise whose size is proportional to eps**power instead of eps, and 0.1 at the largest eps."""

    def plant(seed: int, paths: int) -> list[Judgement]:
        sizes = _sizes()
        true = 0.1 * (sizes / sizes[-1]) ** power
        results = _results(setting_of(Choice()), true, seed, paths)
        # The results have errors over the true size of the noise; the judgement gets errors over the stated size.
        factor = (true / sizes)[:, None]
        return judge_driven(
            results._replace(size=sizes, theta=results.theta * factor, bound=results.bound * factor), seed
        )

    return plant


def not_shared(seed: int, paths: int) -> list[Judgement]:
    """Every eps has a different path of the noise; u has that of the first eps."""
    setting, sizes = setting_of(Choice()), _sizes()
    results = _results(setting, sizes, seed, paths)
    # Theta_0 stays that of the first seed, so that only the first size shares its path.
    for k in range(1, N_SIZES):
        other = _results(setting, sizes, seed + k, paths)
        results.theta[:, k] = other.theta[:, k]
        results.bound[:, k], results.ratio[:, k] = other.bound[:, k], other.ratio[:, k]
    return judge_driven(results, seed)


def frozen(seed: int, paths: int) -> list[Judgement]:
    """The first variation u with the Jacobian at t = 0."""
    setting, sizes = setting_of(Choice()), _sizes()
    results = _results(setting, sizes, seed, paths)
    driven = DrivenPaths(setting, RateNoise(sizes[-1], RateSource.kind), sizes, seed)
    quantities = setting.quantities
    for path in range(paths):
        u = _frozen_variation(driven, path)
        results.theta_0[path] = np.abs(u[:, quantities.plus] - u[:, quantities.minus]).max(axis=0)
    return judge_driven(results, seed)


def _frozen_variation(driven: DrivenPaths, path: int) -> np.ndarray:
    """u float64[time, species + 1], which solves u' = J(x(0)) u + g(x(t))."""
    system, setting = driven.system, driven.setting
    terms, first = system.terms, next(setting.samples().steps(0, 0.0, setting.running_time))
    start = np.append(setting.start(), 1.0)
    start[first.species] = first.counts
    flow, u, rows = scipy.linalg.expm(_jacobian(terms, start) * _STEP), np.zeros(len(start)), []
    for _ in driven.pieces(path, _STEP):
        x = system.columns[:, 0]
        # A step is the exact flow of the frozen Jacobian, and then the forcing by Euler's rule.
        rate = terms.along * x[terms.first] * x[terms.second]
        forcing = np.zeros(len(start))
        np.add.at(forcing, terms.change_species, terms.change_amount * np.repeat(rate, np.diff(terms.change_start)))
        u = flow @ u + _STEP * forcing
        rows.append(u)
    return np.array(rows)


def _jacobian(terms: Perturbed, x: np.ndarray) -> np.ndarray:
    """The Jacobian float64[species + 1, species + 1] of products; columns of species that do not move are 0."""
    jacobian = np.zeros((len(x), len(x)))
    moves = np.unique(terms.change_species)
    for t, (first, second) in enumerate(zip(terms.first, terms.second)):
        for j in range(terms.change_start[t], terms.change_start[t + 1]):
            amount = terms.change_amount[j] * terms.base[t]
            jacobian[terms.change_species[j], first] += amount * x[second]
            jacobian[terms.change_species[j], second] += amount * x[first]
    jacobian[:, np.setdiff1d(np.arange(len(x)), moves)] = 0.0
    return jacobian


def missing_term(seed: int, paths: int) -> list[Judgement]:
    """The bound lacks the noise in the reactions that make pre-activations of the first layer."""

    def change(driven: DrivenPaths) -> None:
        system, network = driven.system, driven.setting.network
        numbers = driven.setting.spec.numbers.select(PREACTIVATIONS, layer=1)
        made = {network.index[s] for number in numbers for s, _ in number.rails.signs()}
        terms = system.terms
        owner = np.repeat(np.arange(len(terms.base)), np.diff(terms.change_start))
        gone = np.unique(owner[np.isin(terms.change_species, list(made))])
        drive = system.drive

        def without(along: np.ndarray) -> None:
            drive(along)
            terms.along_bound[gone] = 0.0

        system.drive = without  # type: ignore[method-assign]

    return judge_driven(_results(setting_of(Choice()), _sizes(), seed, paths, change), seed)


def on_relu(case: str) -> Callable[[int, int], list[Judgement]]:
    """Case `kink` or `crossing` with ReLU."""

    def plant(seed: int, paths: int) -> list[Judgement]:
        setting = setting_of(Choice(LEARNING, case, "relu", seed=seed))
        return judge_driven(_results(setting, _sizes(), seed, paths), seed)

    return plant


_ALL = dict.fromkeys(("slope", "tightness", "sharp constant", "upper bound"), Verdict.HOLDS)
PLANTS = (
    ("no fault", none, _ALL),
    ("errors proportional to sqrt(eps)", scaled(0.5), {"slope": Verdict.FAILS, "tightness": Verdict.FAILS}),
    ("errors proportional to eps^2", scaled(2.0), {"slope": Verdict.FAILS}),
    ("a Jacobian frozen at t = 0", frozen, {"sharp constant": Verdict.FAILS}),
    ("different noise for each eps", not_shared, {"sharp constant": Verdict.FAILS}),
    ("a bound with a missing term", missing_term, {"upper bound": Verdict.FAILS, "slope": Verdict.HOLDS}),
    ("ReLU at rest on its kink", on_relu("kink"), {"slope": Verdict.FAILS, "tightness": Verdict.FAILS}),
    ("ReLU crossing its kink at speed", on_relu("crossing"), _ALL),
)  # fmt: skip
"""The name of each plant, its function, and the verdicts that it must have, by check. To add a plant: a line here."""
