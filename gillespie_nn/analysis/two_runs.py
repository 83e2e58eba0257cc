"""Two runs at one time: means, variances and whole distributions, with simultaneous intervals.

All intervals hold together with the confidence asked for: the level is shared evenly by the questions and the species
(Bonferroni). Differences of means have Welch's interval (Biometrika 34 (1947) 28-35, doi:10.2307/2332510),
ratios of variances that of the jackknife on the logarithm (`statistics.scaling`), distributions the test of
Kolmogorov and Smirnov, which is conservative for counts. Samples that do not vary do not show their own error: there
is no interval of a difference where neither varies, and none of a ratio where one does not.

Of a deterministic run the mean is known, and of `linear_noise` the variance too: then these alone are tested. Numbers
of molecules are converted by Omega where the other run has concentrations; runs of different volumes are compared in
concentrations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.curves import CONCENTRATION, MOLECULES, WIDE, band, by_size, choose, factor_to, plot_ensemble
from ..display.figures import COLOURS, Drawing, add_legend, title
from ..display.tables import Table, estimate, fragment, interval, shown
from ..simulation.methods import METHODS
from ..statistics.intervals import welch
from ..statistics.scaling import MeanVariance, known, sampled, variance_errors
from ..statistics.tests import bonferroni, distance
from .analysis import Analysis, Ask, Finding, Trajectories, check_data, names_of, point_at, read, title_of

_LEAST = 3
_SHOWN = 20
_OVERLAID = 4
"""Quantities that are drawn over time."""
_DETERMINISTIC = {method.name for method in METHODS if method.deterministic}
_MEANS, _VARIANCES, _DISTRIBUTIONS = "means", "variances", "distributions"


class Difference(NamedTuple):
    """Differences of the first run from the second; arrays float64[name]."""

    names: tuple[str, ...]
    time: float
    """[s]."""
    n: tuple[int, int]
    """Replicates that reached the time, in each run."""
    means: np.ndarray
    """[run, name]."""
    deviations: np.ndarray
    """[run, name], standard deviations; NaN of a deterministic run without variances."""
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
    """Largest difference of the distribution functions; NaN beside a deterministic run."""
    p: np.ndarray
    """Of one distribution for both, times the number of names (at most 1)."""
    differs: np.ndarray
    """bool[name]: an interval misses no difference, or p is below a third of the level."""
    confidence: float
    units: str = MOLECULES
    """Of species, after conversion."""
    tested: tuple[str, ...] = (_MEANS, _VARIANCES, _DISTRIBUTIONS)
    runs: tuple = ()
    """Both runs, for the figure."""

    def record(self) -> dict:
        """For machines: all but the runs."""
        found = self._asdict() | {"differ": [n for n, d in zip(self.names, self.differs) if d]}
        del found["runs"]
        return found

    def __repr__(self) -> str:
        return f"Difference({_title(self)}; tested: {', '.join(self.tested)} [{self.units}])"

    def _repr_html_(self) -> str:
        return fragment(_title(self), [shown(_table(self))], _notes(self))

    def plot(self, ax: Any = None, names: Sequence[str] = ()) -> Any:
        """Draw both runs over time, in the same units, into `ax` or new axes: by default the four quantities that are
        farthest apart. Files must still be open. Returns the axes."""
        panels = overlay(self, names, one_panel=ax is not None)
        return Drawing(panels, size=(WIDE, 2.4 + 1.9 * len(panels)), share_x=True).plot(ax)

    def plot_intervals(self, ax: Any = None) -> Any:
        """Draw the differences of means with their intervals, in standard deviations, into `ax` or new axes."""
        return Drawing((partial(_draw_intervals, found=self),), size=(8, _height(self))).plot(ax)


def compare(
    run: Trajectories,
    other: Trajectories,
    species: Sequence[str] = (),
    time: float | None = None,
    confidence: float = 0.95,
) -> Difference:
    """Compare a `run` and an `other` at `time` [s] (by default the end of both, which must be the same).

    `species` are names in both runs, by default all but rules that have no finite value in some replicate. All
    intervals hold jointly with `confidence`. One of the runs may be deterministic (`ode`, `linear_noise`). Raises
    InputError if the runs cannot be compared.
    """
    confidence = checks.confidence(confidence)
    for r in (run, other):
        check_data(r)
    units = _common_units(run, other)
    names = _names(run, other, species, time)
    sides = [_side(r, names, time, units) for r in (run, other)]
    one, two = (side.moments for side in sides)
    if not np.isclose(sides[0].time, sides[1].time, rtol=1e-9, atol=0.0):
        raise InputError(
            f"the runs have points at {sides[0].time:g} and {sides[1].time:g} s: give a time that both recorded"
        )
    if not np.isfinite(one.n) and not np.isfinite(two.n):
        raise InputError(
            f"both runs are deterministic ({run.method}, {other.method}), so there is nothing to test: subtract them"
        )
    tested = _tested(one, two)
    level = (1 - confidence) / (len(tested) * len(names))
    difference = one.mean - two.mean
    square = one.mean_error**2 + two.mean_error**2
    half = np.where(square > 0, np.sqrt(square), np.nan) * welch(one.mean_error, one.n, two.mean_error, two.n, level)
    with np.errstate(invalid="ignore"):
        errors = variance_errors(one, two, 0.0, level)
        ratio = np.where(two.variance > 0, 1.0 + errors.error, np.nan)
        known_ratio = (one.variance > 0) & (two.variance > 0) & (errors.standard > 0)
    ratio_low, ratio_high = (np.where(known_ratio, 1.0 + end, np.nan) for end in (errors.low, errors.high))
    apart, p = np.full((2, len(names)), np.nan)
    if _DISTRIBUTIONS in tested:
        found = [distance(a, b, level) for a, b in zip(sides[0].values.T, sides[1].values.T)]
        apart, p = np.array([(d.distance, bonferroni(d.p, len(names))) for d in found]).T
    with np.errstate(invalid="ignore"):
        differs = (np.abs(difference) > half) | (ratio_low > 1) | (ratio_high < 1) | (p < (1 - confidence) / 3)
    return Difference(
        names, float(sides[0].time), (sides[0].n, sides[1].n), np.array([one.mean, two.mean]),
        np.sqrt([one.variance, two.variance]), difference, difference - half, difference + half, ratio, ratio_low,
        ratio_high, apart, p, differs, confidence, units, tested, (run, other),
    )  # fmt: skip


class _Side(NamedTuple):
    """One of the runs at the time of the comparison."""

    time: float
    n: int
    values: np.ndarray
    """float64[replicate, name]."""
    moments: MeanVariance


def _tested(one: MeanVariance, two: MeanVariance) -> tuple[str, ...]:
    if np.isfinite(one.n) and np.isfinite(two.n):
        return _MEANS, _VARIANCES, _DISTRIBUTIONS
    exact = two if np.isfinite(one.n) else one
    return (_MEANS, _VARIANCES) if np.isfinite(exact.variance).any() else (_MEANS,)


def _common_units(run: Trajectories, other: Trajectories) -> str:
    """Units in which both are compared: molecules where they mean the same in both."""
    if run.volume != other.volume or run.units == other.units == CONCENTRATION:
        return CONCENTRATION
    return MOLECULES


def _names(run: Trajectories, other: Trajectories, species: Sequence[str], time: float | None) -> tuple[str, ...]:
    known = set(names_of(other))
    shared = tuple(name for name in names_of(run) if name in known)
    if run.volume != other.volume:  # values of rules have no unit that is known, and cannot be converted
        shared = tuple(n for n in shared if n not in {*run.observable_names, *other.observable_names})
    for name in species:
        if name not in shared:
            raise InputError(f"{name!r} is not in both runs; they share {', '.join(shared[:12]) or 'no names'}")
    if not shared:
        raise InputError("the runs have no species name in common: compare runs of the same model")
    # To leave out the replicates instead would compare all names in the others alone, which are not a fair sample.
    undefined = {*_undefined(run, shared, time), *_undefined(other, shared, time)}
    for name in species:
        if name in undefined:
            raise InputError(f"{name} has no finite value in some replicates, so it cannot be compared: leave it out")
    compared = tuple(dict.fromkeys(species)) or tuple(name for name in shared if name not in undefined)
    if not compared:
        raise InputError("every rule lacks a finite value in some replicates, so there is nothing to compare")
    return compared


def _undefined(run: Trajectories, names: Sequence[str], time: float | None) -> list[str]:
    """Observables that are not finite in some replicate that reached `time`."""
    observed = [name for name in names if name in run.observable_names]
    if not observed or not run.species:
        return []
    point = point_at(run, time)
    part = slice(point, point + 1)
    there = ~np.isnan(read(run, [n for n in run.species if n not in observed][:1] or observed, part)[:, 0, 0])
    finite = np.isfinite(read(run, observed, part)[:, 0])[there].all(axis=0)
    return [name for name, known in zip(observed, finite) if not known]


def _side(run: Trajectories, names: Sequence[str], time: float | None, units: str) -> _Side:
    point = point_at(run, time)
    factors = np.array([factor_to(run, name, units) for name in names])
    values = read(run, names, slice(point, point + 1))[:, 0]
    values = factors * values[~np.isnan(values).any(axis=1)]
    at, n = float(run.time[point]), len(values)
    if n >= _LEAST:
        return _Side(at, n, values, sampled(values))
    if n and run.method in _DETERMINISTIC:
        return _Side(at, n, values, known(values[0], factors**2 * _variances(run, names, point)))
    of_training = getattr(run, "kind", None) == "training"
    instead = "; to compare training runs over seeds, use gillespie-nn reproduce --study claims" if of_training else ""
    raise InputError(
        f"a comparison needs at least {_LEAST} replicates at {at:g} s, or a deterministic run; {run.method} has {n}"
        + instead
    )


def _variances(run: Trajectories, names: Sequence[str], point: int) -> np.ndarray:
    """float64[name] in the squared units of the run, of `linear_noise`; NaN where there is none."""
    found = np.full(len(names), np.nan)
    if run.covariance.shape[-1]:
        diagonal = np.diagonal(np.asarray(run.covariance[0, point]))
        for k, name in enumerate(names):
            if name in run.species and name not in run.observable_names:
                found[k] = diagonal[run.species.index(name)]
    return found


def overlay(found: Difference, names: Sequence[str] = (), one_panel: bool = False) -> tuple[Callable[[Any], Any], ...]:
    """Panels with both runs over time."""
    run, other = found.runs
    chosen = choose(run, names, _OVERLAID) if len(names) else tuple(found.names[k] for k in _order(found)[:_OVERLAID])
    bands = [band(run, name, found.confidence).times(factor_to(run, name, found.units)) for name in chosen]
    groups = by_size(bands, split=not one_panel)
    return tuple(partial(_draw_over_time, found=found, names=group, first=group is groups[0]) for group in groups)


def _draw_over_time(axes: Any, found: Difference, names: Sequence[str], first: bool) -> None:
    if first:
        title(axes, "\n".join(f"{k}: {title_of(run)}" for k, run in enumerate(found.runs, 1)))
    for k, run in enumerate(found.runs, 1):
        plot_ensemble(
            run, names, axes, units=found.units, samples=0, confidence=found.confidence, label=f"{k}: {run.method}"
        )
    if not first:
        axes.set_title("")  # which names the first run alone


def _order(found: Difference) -> np.ndarray:
    """Farthest apart first."""
    return np.argsort(-np.abs(_in_deviations(found, found.difference)), kind="stable")


def _title(found: Difference) -> str:
    n_differ = int(found.differs.sum())
    said = f"{n_differ} of {len(found.names)} differ" if n_differ else "no difference seen"
    return f"at {found.time:g} s, {found.n[0]} and {found.n[1]} replicates: {said}"


def _notes(found: Difference) -> list[str]:
    notes = [
        f"intervals hold jointly at {100 * found.confidence:g} % confidence; no visible difference is no proof",
        f"units of species: {found.units}",
    ]
    if _DISTRIBUTIONS not in found.tested:
        untested = "distributions are not" if _VARIANCES in found.tested else "variances and distributions are not"
        notes.append(
            f"one run is deterministic: {' and '.join(found.tested)} are tested, {untested}; in nonlinear networks, "
            "means differ from the rate equations by O(1 / Omega) in concentration, which is not an error"
        )
    return notes


def _table(found: Difference) -> Table:
    order = _order(found)[:_SHOWN]
    rows = [
        (
            found.names[k], found.means[0, k], found.means[1, k],
            estimate(found.difference[k], found.low[k], found.high[k]),
            interval(found.ratio_low[k], found.ratio_high[k]), found.distance[k], found.p[k],
            "differs" if found.differs[k] else "-",
        )
        for k in order
    ]  # fmt: skip
    columns = ("species", "mean 1", "mean 2", "mean 1 - mean 2", "variance 1 / 2", "distance", "p", "verdict")
    more = f", the {_SHOWN} farthest apart of {len(found.names)}" if len(found.names) > _SHOWN else ""
    return Table(f"simultaneous intervals{more}", columns, rows)


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
        panels = overlay(found, ask.species)
        height = 2.4 * len(panels) + _height(found)
        drawing = Drawing((*panels, partial(_draw_intervals, found=found)), size=(8, height))
        return Finding(_title(found), [_table(found)], found.record(), drawing, _notes(found))


def _height(found: Difference) -> float:
    """Of the panel of intervals [inch]."""
    return 2.4 + 0.2 * min(_SHOWN, len(found.names))


def _in_deviations(found: Difference, values: np.ndarray) -> np.ndarray:
    """In standard deviations of both runs; where nothing varies, as they are."""
    square = np.nan_to_num(np.square(found.deviations))
    both = np.sqrt(square.sum(axis=0) / np.maximum(1, np.isfinite(found.deviations).sum(axis=0)))
    return values / np.where(both > 0, both, 1.0)


def _draw_intervals(axes: Any, found: Difference) -> None:
    order = _order(found)[:_SHOWN]
    y = np.arange(len(order))[::-1]
    middle, low, high = (_in_deviations(found, x)[order] for x in (found.difference, found.low, found.high))
    for differs, colour, label in ((False, COLOURS[0], "no difference seen"), (True, COLOURS[1], "differs")):
        own = found.differs[order] == differs
        if own.any():
            errors = [middle[own] - low[own], high[own] - middle[own]]
            mark = "s" if differs else "o"
            axes.errorbar(middle[own], y[own], xerr=errors, fmt=mark, color=colour, label=label, capsize=2)
    axes.axvline(0, color="0.5", linewidth=0.9, zorder=0, label="equal means")
    axes.set_yticks(y, [found.names[k] for k in order])
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_ylabel("species")
    axes.set_xlabel(f"mean 1 - mean 2 [standard deviations], joint {100 * found.confidence:g} % intervals")
    title(axes, f"at {found.time:g} s")
    add_legend(axes)
