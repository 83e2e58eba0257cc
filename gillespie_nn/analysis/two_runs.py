"""Two ensembles side by side at one time: means, variances and whole distributions, with simultaneous intervals.

All intervals hold together with the confidence asked for: the level is shared evenly by the three questions and the
species (Bonferroni). Differences of means have Welch's interval (Biometrika 34 (1947) 28-35, doi:10.2307/2332510),
ratios of variances that of the jackknife on the logarithm (`comparison`), distributions the test of
Kolmogorov and Smirnov, which is conservative for counts. Samples that do not vary say nothing of their own error: there
is no interval of a difference where neither varies, and none of a ratio where one does not.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..checks import InputError
from ..display.figures import COLOURS
from ..display.tables import Table, interval
from .base import Analysis, Ask, Finding, confidence_of, title_of
from .comparison import MeanVariance, distance, sampled, variance_errors
from .slices import Trajectories, check_data, names_of, point_at, read

_LEAST = 3
_SHOWN = 20


class Difference(NamedTuple):
    """Of the first run from the second; arrays float64[name]."""

    names: tuple[str, ...]
    time: float
    """[s]."""
    n: tuple[int, int]
    """Replicates that got there."""
    means: np.ndarray
    """[run, name]."""
    deviations: np.ndarray
    """[run, name], standard deviations."""
    difference: np.ndarray
    low: np.ndarray
    """NaN, as `high`, where neither run varies: then the distributions alone decide."""
    high: np.ndarray
    variance_ratio: np.ndarray
    """First over second, NaN where the second does not vary."""
    ratio_low: np.ndarray
    """NaN, as `ratio_high`, where a run does not vary, or so little is known that the jackknife sees no error."""
    ratio_high: np.ndarray
    distance: np.ndarray
    """Largest difference of the distribution functions."""
    p: np.ndarray
    """Of one distribution for both, times the number of names (at most 1)."""
    differs: np.ndarray
    """bool[name]: an interval misses no difference, or p is below a third of the level."""
    confidence: float


def compare(
    run: Trajectories,
    other: Trajectories,
    species: Sequence[str] = (),
    time: float | None = None,
    confidence: float = 0.95,
) -> Difference:
    """A `run` and an `other` of the same names and units at `time` [s] (None: the end of both, which must be the same).

    `species` are names that both have, by default all that both have; all intervals hold at once with `confidence`.
    Raises InputError where runs cannot be compared.
    """
    confidence = confidence_of(confidence)
    names = _names(run, other, species)
    at, values = zip(*(_values(r, names, time) for r in (run, other)))
    if not np.isclose(at[0], at[1], rtol=1e-9, atol=0.0):
        raise InputError(f"the runs are at {at[0]:g} and {at[1]:g} s: name a time that both recorded")
    one, two = map(sampled, values)
    level = (1 - confidence) / (3 * len(names))
    difference = one.mean - two.mean
    half = _welch(one, two, level)
    errors = variance_errors(one, two, 0.0, level)
    ratio = np.where(two.variance > 0, 1.0 + errors.error, np.nan)
    known = (one.variance > 0) & (two.variance > 0) & (errors.standard > 0)
    ratio_low, ratio_high = (np.where(known, 1.0 + end, np.nan) for end in (errors.low, errors.high))
    distances = [distance(a, b, level) for a, b in zip(values[0].T, values[1].T)]
    p = np.minimum(1.0, len(names) * np.array([d.p for d in distances]))
    with np.errstate(invalid="ignore"):
        apart = (np.abs(difference) > half) | (ratio_low > 1) | (ratio_high < 1) | (p < (1 - confidence) / 3)
    return Difference(
        names, float(at[0]), (len(values[0]), len(values[1])), np.array([one.mean, two.mean]),
        np.sqrt([one.variance, two.variance]), difference, difference - half, difference + half, ratio, ratio_low,
        ratio_high, np.array([d.distance for d in distances]), p, apart, confidence,
    )  # fmt: skip


def _names(run: Trajectories, other: Trajectories, species: Sequence[str]) -> tuple[str, ...]:
    for r in (run, other):
        check_data(r)
    if run.units != other.units:
        raise InputError(f"the runs are in {run.units} and {other.units}: only like units can be compared")
    known = names_of(other)
    shared = tuple(name for name in names_of(run) if name in set(known))
    for name in species:
        if name not in shared:
            raise InputError(f"{name!r} is not in both runs, which share {', '.join(shared[:12]) or 'no names'}")
    if not shared:
        raise InputError("the runs share no names of species: they cannot be compared")
    return tuple(dict.fromkeys(species)) or shared


def _values(run: Trajectories, names: Sequence[str], time: float | None) -> tuple[float, np.ndarray]:
    point = point_at(run, time)
    values = read(run, names, slice(point, point + 1))[:, 0]
    values = values[~np.isnan(values).any(axis=1)]
    if len(values) < _LEAST:
        of_training = getattr(run, "kind", None) == "training"
        instead = "; runs of training are compared over seeds, by gillespie-nn reproduce --study claims"
        raise InputError(
            f"a comparison needs at least {_LEAST} replicates at {run.time[point]:g} s, one run has {len(values)}"
            + (instead if of_training else "")
        )
    return run.time[point], values


def _welch(one: MeanVariance, two: MeanVariance, level: float) -> np.ndarray:
    from scipy import stats

    square = one.mean_error**2 + two.mean_error**2
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = square**2 / (one.mean_error**4 / (one.n - 1) + two.mean_error**4 / (two.n - 1))
    return np.where(square > 0, np.sqrt(square), np.nan) * stats.t.isf(level / 2, np.where(square > 0, freedom, 1.0))


class CompareAnalysis(Analysis):
    """Comparison of two runs."""

    name = "compare"
    summary = "this run and that of --other at a time (--time): means, variances, distributions"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        if ask.other is None:
            raise InputError("compare needs a second run: give --other RUN2.h5")
        found = compare(run, ask.other, ask.species, ask.time, ask.confidence)
        order = np.argsort(-np.abs(_in_deviations(found, found.difference)), kind="stable")[:_SHOWN]
        rows = [
            (
                found.names[k], found.means[0, k], found.means[1, k], interval(found.low[k], found.high[k]),
                interval(found.ratio_low[k], found.ratio_high[k]), found.distance[k], found.p[k],
                "differs" if found.differs[k] else "-",
            )
            for k in order
        ]  # fmt: skip
        columns = ("species", "mean 1", "mean 2", "mean 1 - mean 2", "variance 1 / 2", "distance", "p", "verdict")
        more = f", the {_SHOWN} farthest apart of {len(found.names)}" if len(found.names) > _SHOWN else ""
        names = [found.names[k] for k in np.flatnonzero(found.differs)]
        title = f"at {found.time:g} s, {found.n[0]} and {found.n[1]} replicates: "
        title += f"{len(names)} of {len(found.names)} differ" if names else "no difference seen"
        notes = [
            f"all intervals together hold with {100 * found.confidence:g} %; no difference seen is no proof of none"
        ]
        return Finding(
            title, [Table(f"simultaneous intervals{more}", columns, rows)], found._asdict() | {"differ": names},
            lambda figure: _draw(figure, run, ask.other, found, order), notes,
        )  # fmt: skip


def _in_deviations(found: Difference, values: np.ndarray) -> np.ndarray:
    """In standard deviations of both; where nothing varies, as they are."""
    both = np.sqrt(np.mean(np.square(found.deviations), axis=0))
    return values / np.where(both > 0, both, 1.0)


def _draw(figure: Any, run: Trajectories, other: Trajectories, found: Difference, order: np.ndarray) -> None:
    figure.set_size_inches(8, 2.4 + 0.3 * len(order))
    axes = figure.subplots()
    y = np.arange(len(order))[::-1]
    middle, low, high = (_in_deviations(found, x)[order] for x in (found.difference, found.low, found.high))
    for differs, colour, label in ((False, COLOURS[0], "no difference seen"), (True, COLOURS[1], "differs")):
        own = found.differs[order] == differs
        if own.any():
            errors = [middle[own] - low[own], high[own] - middle[own]]
            mark = "s" if differs else "o"
            axes.errorbar(middle[own], y[own], xerr=errors, fmt=mark, color=colour, label=label, capsize=2)
    axes.axvline(0, color="0.5", linewidth=0.9, zorder=0)
    axes.set_yticks(y, [found.names[k] for k in order])
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_ylabel("species")
    axes.set_xlabel(f"mean 1 - mean 2 [standard deviations], {100 * found.confidence:g} % for all together")
    axes.set_title(f"at {found.time:g} s\n1: {title_of(run)}\n2: {title_of(other)}", fontsize=9)
    axes.legend(fontsize=8, loc="best")
