"""Comparison of two runs at one time: means, variances and distributions, with simultaneous intervals.

All intervals hold together at the stated confidence. The level is shared evenly by the tests and the species
(Bonferroni). A difference of means has Welch's interval (Biometrika 34 (1947) 28-35, doi:10.2307/2332510). A ratio of
variances has that of the jackknife on the logarithm (`statistics.scaling`). Distributions have the test of Kolmogorov
and Smirnov, which is conservative for counts. A sample without variation says nothing about its error. So a difference
has no interval if neither sample varies, and a ratio has none if one of them does not.

A deterministic run has a known mean, and `linear_noise` also a known variance; only these are tested. Numbers of
molecules are divided by Omega if the other run has concentrations. Runs of different volumes are compared in
concentrations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.curves import (
    CONCENTRATION,
    MOLECULES,
    WIDE,
    band,
    by_size,
    choose,
    factor_to,
    plot_ensemble,
    variance_of_law,
)
from ..display.figures import COLOURS, Drawing, add_legend, title
from ..display.tables import Table, estimate, fragment, interval, shown
from ..simulation.methods import METHODS
from ..statistics.intervals import welch
from ..statistics.scaling import MeanVariance, known, sampled, variance_errors
from ..statistics.tests import bonferroni, distance
from .analysis import Analysis, Ask, Finding, Trajectories, check_data, names_of, point_at, read, title_of

_LEAST = 3
"""Replicates of a sample: the jackknife of a variance leaves one out and needs two."""
_SHOWN = 20
"""Rows of a table or figure."""
_OVERLAID = 4
"""Quantities that are drawn over time."""
_DETERMINISTIC = {method.name for method in METHODS if method.deterministic}
_MEANS, _VARIANCES, _DISTRIBUTIONS = "means", "variances", "distributions"


class Difference(NamedTuple):
    """Differences of two runs, first minus second; arrays are float64[name]."""

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
    """NaN, like `high`, where neither run varies; then the distributions alone decide."""
    high: np.ndarray
    variance_ratio: np.ndarray
    """First over second, NaN where the second does not vary."""
    ratio_low: np.ndarray
    """NaN, like `ratio_high`, where a run does not vary, or the jackknife has no error."""
    ratio_high: np.ndarray
    distance: np.ndarray
    """Largest difference of the distribution functions; NaN if a run is deterministic."""
    p: np.ndarray
    """p-value that both have one distribution, times the number of names, at most 1."""
    differs: np.ndarray
    """bool[name]: an interval does not contain equality, or p is below a third of the level."""
    confidence: float
    units: str = MOLECULES
    """Of species, after conversion."""
    tested: tuple[str, ...] = (_MEANS, _VARIANCES, _DISTRIBUTIONS)
    runs: tuple = ()
    """Both runs, for the figure."""

    def record(self) -> dict:
        """All but the runs, for JSON."""
        values = self._asdict() | {"differ": [n for n, d in zip(self.names, self.differs) if d]}
        del values["runs"]
        return values

    def __repr__(self) -> str:
        return f"Difference({_title(self)}; tested: {', '.join(self.tested)} [{self.units}])"

    def _repr_html_(self) -> str:
        return fragment(_title(self), [shown(_table(self))], _notes(self))

    def plot(self, ax: Any = None, names: Sequence[str] = ()) -> Any:
        """Draw both runs over time, in the same units, into `ax` or new axes. By default these are the four quantities
        that are farthest apart. Run files must still be open. Returns the axes."""
        panels = overlay(self, names, one_panel=ax is not None)
        return Drawing(panels, size=(WIDE, 2.4 + 1.9 * len(panels)), share_x=True).plot(ax)

    def plot_intervals(self, ax: Any = None) -> Any:
        """Draw the differences of means with their intervals, in standard deviations, into `ax` or new axes."""
        return Drawing((partial(_draw_intervals, result=self),), size=(8, _height(self))).plot(ax)


def compare(
    run: Trajectories,
    other: Trajectories,
    species: Sequence[str] = (),
    time: float | None = None,
    confidence: float = 0.95,
) -> Difference:
    """Compare a `run` and an `other` at `time` [s] (by default the end of both, which must be the same).

    `species` are names in both runs, by default all but rules that are not finite in every replicate. All
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
            f"both runs are deterministic ({run.method}, {other.method}), so there is nothing to test: compute their "
            "difference directly"
        )
    # One miss in all is allowed with probability 1 - confidence, shared by the tests and the names.
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
        distances = [distance(a, b, level) for a, b in zip(sides[0].values.T, sides[1].values.T)]
        apart, p = np.array([(d.distance, bonferroni(d.p, len(names))) for d in distances]).T
    # `p` is adjusted for the names already; a third of the level is the share of the distributions.
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
    """Units of the comparison: molecules, unless volumes differ or both runs have concentrations."""
    if run.volume != other.volume or run.units == other.units == CONCENTRATION:
        return CONCENTRATION
    return MOLECULES


def _names(run: Trajectories, other: Trajectories, species: Sequence[str], time: float | None) -> tuple[str, ...]:
    known = set(names_of(other))
    shared = tuple(name for name in names_of(run) if name in known)
    # Values of rules have no known unit, so they cannot be converted to another volume.
    if run.volume != other.volume:
        shared = tuple(n for n in shared if n not in {*run.observable_names, *other.observable_names})
    signed = [name for name in run.signed_numbers if name in other.signed_numbers]
    for name in species:
        if name not in shared and name not in signed:
            close = checks.meant(name, [*shared, *signed])
            raise InputError(f"{name!r} is not in both runs{close}; they share {', '.join(shared[:12]) or 'no names'}")
    if not shared:
        raise InputError("the runs have no species name in common: compare runs of the same model")
    # Leaving out replicates instead would bias the sample of every other name.
    undefined = {*_undefined(run, shared, time), *_undefined(other, shared, time)}
    for name in species:
        if name in undefined:
            raise InputError(f"{name} is not finite in every replicate, so it cannot be compared: leave it out")
    compared = tuple(dict.fromkeys(species)) or tuple(name for name in shared if name not in undefined)
    if not compared:
        raise InputError("no rule is finite in every replicate, so there is nothing to compare")
    return compared


def _undefined(run: Trajectories, names: Sequence[str], time: float | None) -> list[str]:
    """Observables that are not finite in every replicate that reached `time`."""
    observed = [name for name in names if name in run.observable_names]
    if not observed or not run.species:
        return []
    point = point_at(run, time)
    part = slice(point, point + 1)
    # Species are NaN exactly where a replicate did not reach the point; a rule may be NaN for another reason.
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
    """Variances float64[name] of `linear_noise`, in the squared units of the run; NaN where there is none."""
    variances = np.full(len(names), np.nan)
    if run.covariance.shape[-1]:
        for k, name in enumerate(names):
            variances[k] = variance_of_law(run, name)[point]
    return variances


def overlay(result: Difference, names: Sequence[str] = (), one_panel: bool = False) -> tuple[Callable[[Any], Any], ...]:
    """Panels with both runs over time."""
    run, other = result.runs
    chosen = choose(run, names, _OVERLAID) if len(names) else tuple(result.names[k] for k in _order(result)[:_OVERLAID])
    bands = [band(run, name, result.confidence).times(factor_to(run, name, result.units)) for name in chosen]
    groups = by_size(bands, split=not one_panel)
    return tuple(partial(_draw_over_time, result=result, names=group, first=group is groups[0]) for group in groups)


def _draw_over_time(axes: Any, result: Difference, names: Sequence[str], first: bool) -> None:
    if first:
        title(axes, "\n".join(f"{k}: {title_of(run)}" for k, run in enumerate(result.runs, 1)))
    for k, run in enumerate(result.runs, 1):
        plot_ensemble(
            run, names, axes, units=result.units, samples=0, confidence=result.confidence, label=f"{k}: {run.method}"
        )
    # `plot_ensemble` puts the name of one run there.
    if not first:
        axes.set_title("")


def _order(result: Difference) -> np.ndarray:
    """Indices of the names, farthest apart first."""
    return np.argsort(-np.abs(_in_deviations(result, result.difference)), kind="stable")


def _title(result: Difference) -> str:
    n_differ = int(result.differs.sum())
    verdict = f"{n_differ} of {len(result.names)} differ" if n_differ else "no difference seen"
    return f"at {result.time:g} s, {result.n[0]} and {result.n[1]} replicates: {verdict}"


def _notes(result: Difference) -> list[str]:
    notes = [
        f"intervals hold jointly at {100 * result.confidence:g} % confidence; if no difference is detected, there may "
        "still be one",
        f"units of species: {result.units}",
    ]
    if _DISTRIBUTIONS not in result.tested:
        untested = "distributions are not" if _VARIANCES in result.tested else "variances and distributions are not"
        notes.append(
            f"one run is deterministic: {' and '.join(result.tested)} are tested, {untested}; in nonlinear networks, "
            "means differ from the rate equations by O(1 / Omega) in concentration, which is not an error"
        )
    return notes


def _table(result: Difference) -> Table:
    order = _order(result)[:_SHOWN]
    rows = [
        (
            result.names[k], result.means[0, k], result.means[1, k],
            estimate(result.difference[k], result.low[k], result.high[k]),
            interval(result.ratio_low[k], result.ratio_high[k]), result.distance[k], result.p[k],
            "differs" if result.differs[k] else "-",
        )
        for k in order
    ]  # fmt: skip
    columns = ("species", "mean 1", "mean 2", "mean 1 - mean 2", "variance 1 / 2", "distance", "p", "verdict")
    more = f", the {_SHOWN} farthest apart of {len(result.names)}" if len(result.names) > _SHOWN else ""
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
        result = compare(run, ask.other, ask.species, ask.time, ask.confidence)
        panels = overlay(result, ask.species)
        height = 2.4 * len(panels) + _height(result)
        drawing = Drawing((*panels, partial(_draw_intervals, result=result)), size=(8, height))
        return Finding(_title(result), [_table(result)], result.record(), drawing, _notes(result))


def _height(result: Difference) -> float:
    """Height of the panel of intervals [inch]."""
    return 2.4 + 0.2 * min(_SHOWN, len(result.names))


def _in_deviations(result: Difference, values: np.ndarray) -> np.ndarray:
    """Values over the root mean square standard deviation of both runs; unchanged where nothing varies."""
    square = np.nan_to_num(np.square(result.deviations))
    both = np.sqrt(square.sum(axis=0) / np.maximum(1, np.isfinite(result.deviations).sum(axis=0)))
    return values / np.where(both > 0, both, 1.0)


def _draw_intervals(axes: Any, result: Difference) -> None:
    order = _order(result)[:_SHOWN]
    y = np.arange(len(order))[::-1]
    middle, low, high = (_in_deviations(result, x)[order] for x in (result.difference, result.low, result.high))
    for differs, colour, label in ((False, COLOURS[0], "no difference seen"), (True, COLOURS[1], "differs")):
        chosen = result.differs[order] == differs
        if chosen.any():
            errors = [middle[chosen] - low[chosen], high[chosen] - middle[chosen]]
            mark = "s" if differs else "o"
            axes.errorbar(middle[chosen], y[chosen], xerr=errors, fmt=mark, color=colour, label=label, capsize=2)
    axes.axvline(0, color="0.5", linewidth=0.9, zorder=0, label="equal means")
    axes.set_yticks(y, [result.names[k] for k in order])
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_ylabel("species")
    axes.set_xlabel(f"mean 1 - mean 2 [standard deviations], joint {100 * result.confidence:g} % intervals")
    title(axes, f"at {result.time:g} s")
    add_legend(axes)
