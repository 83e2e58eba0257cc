"""The error rates of the sequential rule, measured on the paths of a finished verification, and faults planted into it.

A sequence is a verification whose paths are drawn with replacement from the stored ones, and judged look by look. The
stored paths are the whole population, so their slopes, quantiles and ratios are the true ones, and a fault of known
size can be planted: the errors of one quantity are multiplied by a power of eps, or by a factor, so that its true value
lies slightly outside the limits. Other quantities are unchanged. Two rates are measured: how often the check still
`holds`, for the quantity with the highest rate, and how often it `fails` with nothing planted.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from .. import seeds
from ..display.tables import Table
from ..seeds import Purpose
from ..statistics.scaling import UPPER, Slopes, bootstrap
from ..statistics.tests import ERROR, Judgement, Verdict
from . import judgements
from .judgements import LEAST_TIGHTNESS
from .results import Results

SEQUENCES = 1000
"""Number of sequences of looks that `error_rates` simulates by default."""
MOST_FALSE_HOLDS, MOST_FALSE_FAILS = ERROR, 0.01


class Criterion(NamedTuple):
    """A check, as a function of samples of paths."""

    check: str
    names: Sequence[str]
    """Names of the quantities."""
    values: list[np.ndarray]
    """Errors float64[path, ..., quantity] of each group of independent paths."""
    tasks: Sequence[int]
    """For each group, the column of the allotment of paths."""
    estimate: Callable[[list[np.ndarray], float], Slopes]
    """Function of such groups and a confidence; gives estimates and their intervals."""
    low: np.ndarray  # float64[quantity]: limits of the intervals
    high: np.ndarray  # float64[quantity], or infinite
    plants: Sequence[tuple[str, np.ndarray]]
    """Names of the planted faults, each with the true value of each quantity under it, float64[quantity]."""


class ErrorRate(NamedTuple):
    """How often a verdict was wrong."""

    check: str
    planted: str
    verdict: Verdict
    quantity: str
    """The quantity with the highest rate."""
    wrong: int
    sequences: int
    low: float
    """Ends of the 95 % interval of Clopper and Pearson."""
    high: float
    most: float
    """The allowed rate."""

    @property
    def as_promised(self) -> bool:
        """Whether the measured rate is at most the allowed one."""
        return self.wrong <= self.most * self.sequences


def error_rates(
    criteria: Sequence[Criterion],
    allotted: np.ndarray,
    confidences: np.ndarray,
    seed: int,
    sequences: int = SEQUENCES,
    say: Callable[[str], object] = lambda line: None,
) -> list[ErrorRate]:
    """Error rates of all criteria. `allotted` int64[look, task] are the numbers of paths at each look, `confidences`
    float64[look] the confidences of its intervals."""
    result = []
    for criterion in criteria:
        rates = _rates(criterion, allotted, confidences, seed, sequences)
        for rate in rates:
            say(sentence(rate))
        result += rates
    return result


def _rates(
    criterion: Criterion, allotted: np.ndarray, confidences: np.ndarray, seed: int, sequences: int
) -> list[ErrorRate]:
    true = criterion.estimate(criterion.values, confidences[-1]).slope
    n = len(true)
    # Rows: nothing planted, then each plant in each quantity.
    shifts = np.concatenate([np.zeros((1, n)), *(np.diag(value - true) for _, value in criterion.plants)])
    holds, fails = np.zeros((2, len(shifts)), dtype=np.int64)
    for k in range(sequences):
        # A stream for each sequence: sequence k is the same however many there are.
        rng = seeds.stream(seed, Purpose.RESAMPLING, 1, k)
        first, last = _sequence(criterion, allotted, confidences, shifts, rng)
        holds += first
        fails += last
    rates = [_rate(criterion.check, "nothing", Verdict.FAILS, "", fails[0], sequences, MOST_FALSE_FAILS)]
    for p, (what, _) in enumerate(criterion.plants):
        counts = holds[1 + p * n : 1 + (p + 1) * n]
        worst = int(np.argmax(counts))
        name = criterion.names[worst] if counts[worst] else "any one quantity"
        rates.append(_rate(criterion.check, what, Verdict.HOLDS, name, counts[worst], sequences, MOST_FALSE_HOLDS))
    return rates


def _sequence(
    criterion: Criterion,
    allotted: np.ndarray,
    confidences: np.ndarray,
    shifts: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the check holds, and whether it fails, bool[plant] each, under `shifts` float64[plant, quantity]."""
    drawn = [
        values[rng.integers(len(values), size=allotted[-1, task])]
        for values, task in zip(criterion.values, criterion.tasks)
    ]
    holds, fails = np.zeros((2, len(shifts)), dtype=np.bool_)
    for paths, confidence in zip(allotted, confidences):
        estimated = criterion.estimate([v[: paths[task]] for v, task in zip(drawn, criterion.tasks)], confidence)
        # A power of eps or a factor shifts estimate and interval by a constant, so one resampling serves all plants.
        moved = Slopes(*(v + shifts for v in estimated))
        # A check that is decided at a look stays decided, as in a verification.
        open_ = ~(holds | fails)
        fails |= open_ & moved.outside(criterion.low, criterion.high).any(axis=1)
        holds |= open_ & moved.inside(criterion.low, criterion.high).all(axis=1)
        if (holds | fails).all():
            break
    return holds, fails


def _rate(
    check: str, planted: str, verdict: Verdict, quantity: str, count: int, sequences: int, most: float
) -> ErrorRate:
    interval = scipy.stats.binomtest(int(count), sequences).proportion_ci(0.95, "exact")
    return ErrorRate(
        check, planted, verdict, quantity, int(count), sequences, float(interval.low), float(interval.high), most
    )


def sentence(rate: ErrorRate) -> str:
    """The rate as a sentence."""
    planted = "with nothing planted" if rate.planted == "nothing" else f"with {rate.planted} of {rate.quantity}"
    return (
        f"{rate.check}, {planted}: {rate.verdict} in {rate.wrong} of {rate.sequences} sequences "
        f"[{100 * rate.low:.2g} %, {100 * rate.high:.2g} %], at most {100 * rate.most:g} % allowed"
    )


def table_of_rates(rates: Sequence[ErrorRate]) -> Table:
    """All rates, as a table."""
    rows: list[tuple] = [
        (r.check, r.planted, r.quantity, r.verdict, r.wrong, r.sequences, f"[{r.low:.4f}, {r.high:.4f}]", r.most)
        for r in rates
    ]
    columns = ("check", "planted", "quantity", "verdict", "count", "sequences", "rate, 95 % interval", "allowed")
    return Table("Wrong verdicts of the sequential rule", columns, rows)


# Faults planted into results, which the checks must catch: a check that cannot fail is worth nothing.

OUTSIDE = 0.01
"""Distance of planted slopes from the limits."""


def caught(results: Results, seed: int, confidence: float) -> Judgement:
    """Check 5, on the results themselves. Errors that are changed to scale like sqrt(eps) must fail checks 1 and 2,
    errors that scale like eps^2 check 1, and Theta_0 of other paths check 3."""
    which = results.reached()
    names = [results.quantity[q] for q in which]
    size, theta, theta_0 = results.size, results.theta[:, :, which], results.theta_0[:, which]
    theta = np.maximum(theta, np.finfo(np.float64).tiny)
    largest = results.theta.max(axis=2, keepdims=True)
    # Theta is the error over eps: dividing it by sqrt(eps) or multiplying it by eps changes the order of the error.
    root, square = theta / np.sqrt(size)[:, None], theta * size[:, None]
    judged = {
        "sqrt(eps), check 1": judgements.slope(names, root * size[:, None], size, seed, confidence=confidence),
        "sqrt(eps), check 2": judgements.tightness(
            [judgements.THE_LARGEST], largest / np.sqrt(size)[:, None], size, seed, confidence=confidence
        ),
        "eps^2, check 1": judgements.slope(names, square * size[:, None], size, seed, confidence=confidence),
        "noise not shared, check 3": judgements.sharp_constant(
            names, theta, np.roll(theta_0, 1, axis=0), size, seed, confidence=confidence
        ),
    }
    return power({what: j.verdict for what, j in judged.items()})


def power(verdicts: dict[str, Verdict]) -> Judgement:
    """Whether every planted fault fails; `verdicts` by the name of the fault."""
    missed = [what for what, v in verdicts.items() if v != Verdict.FAILS]
    sentence = f"{len(verdicts) - len(missed)} of {len(verdicts)} errors planted into these results are detected"
    return Judgement(
        "power", Verdict.of(not missed, missed), sentence + (f"; missed: {', '.join(missed)}" if missed else ""),
        {"planted": verdicts},
    )  # fmt: skip


def slopes(limits: tuple[float, float], n: int) -> list[tuple[str, np.ndarray]]:
    """Plants of a `Criterion` of `n` quantities: slopes just outside the limits."""
    return [(f"slope {value:g}", np.full(n, value)) for value in (limits[0] - OUTSIDE, limits[1] + OUTSIDE)]


def growth(
    names: Sequence[str],
    values: list[np.ndarray],
    tasks: Sequence[int],
    size: np.ndarray,
    seed: int,
) -> Criterion:
    """Check 2 as a `Criterion`. `values` is one array of Theta float64[path, size, quantity], or an array
    float64[path, quantity] for each size."""

    def estimate(values: list[np.ndarray], confidence: float) -> Slopes:
        return bootstrap(values[0] if len(values) == 1 else values, size, seed, UPPER, True, confidence)

    n = len(names)
    plant = f"quantile slope {LEAST_TIGHTNESS - OUTSIDE:g}", np.full(n, LEAST_TIGHTNESS - OUTSIDE)
    return Criterion(
        "tightness", names, values, tasks, estimate, np.full(n, LEAST_TIGHTNESS), np.full(n, np.inf), [plant]
    )
