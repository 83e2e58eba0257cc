"""Histograms: of an ensemble at one time, and of stationary trajectories over time.

At one time, replicates are independent, and intervals are those of C. J. Clopper and E. S. Pearson (Biometrika 26
(1934) 404-413, doi:10.1093/biomet/26.4.404). Over time, points are correlated. There the intervals come from the spread
of the fractions between stretches (`analysis.units`), by Student's t. Both hold for all bins together (Bonferroni).
"""

from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..display.figures import COLOURS, Drawing, add_legend, new_axes, title
from ..display.tables import Table, estimate, fragment
from ..statistics.intervals import Spread, clopper_pearson, student
from .analysis import (
    Analysis,
    AnyRun,
    Ask,
    Finding,
    Trajectories,
    check_data,
    chosen,
    has_trajectories,
    point_at,
    read,
    stretches,
    title_of,
    units,
)

_MOST_BINS = 60
_QUARTER_TO_QUARTILES = 2.1167
"""Of a normal law, the distance of its quartiles over the width of the shortest interval with a quarter of all."""
_ROWS = 12
"""Of a table of bins."""
_BAR = 20
"""Length of the longest bar of a table."""


class Histogram(NamedTuple):
    """Fractions of values in bins [edge, next edge), float64[bin] each."""

    name: str
    edges: np.ndarray
    """float64[bin + 1]; those of counts are whole numbers less one half."""
    fraction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    """NaN, like `low`, where no stretch of time has a value."""
    n: int
    """Values."""
    n_units: int
    """Independent replicates, or stretches of time."""
    mean: float
    variance: float
    """Variance, divided by n."""
    when: str
    confidence: float
    units: str = ""
    """Units of the values; empty for an observable."""
    source: str = ""
    """Method, volume and seed of the run."""

    @property
    def fano(self) -> float:
        """Variance over mean: 1 for a Poisson law of counts."""
        return self.variance / self.mean if self.mean else float("nan")

    def __repr__(self) -> str:
        return f"Histogram({self.name} {self.when}: {self.n} values in {len(self.fraction)} bins, mean {self.mean:.5g})"

    def _repr_html_(self) -> str:
        return fragment(f"histogram of {self.name} {self.when}; {self.source}", [_moments([self]), _bins(self)])

    def plot(self, ax: Any = None) -> Any:
        """Draw the fractions, with their intervals, into `ax` or new axes. Returns the axes."""
        axes = new_axes() if ax is None else ax
        colour = COLOURS[len(axes.patches) // 2 % len(COLOURS)]  # two patches a histogram
        axes.stairs(self.fraction, self.edges, color=colour, linewidth=1.3, label=f"{self.name}, fraction")
        label = f"joint {100 * self.confidence:g} % interval of all bins"
        axes.stairs(
            self.high, self.edges, baseline=self.low, fill=True, color=colour, alpha=0.25, linewidth=0, label=label
        )
        title(axes, f"{self.name} {self.when}: mean {self.mean:.4g}, variance {self.variance:.4g}")
        axes.set_xlabel(f"{self.name} [{self.units}]" if self.units else self.name)
        axes.set_ylabel("fraction in bin")
        axes.set_ylim(bottom=0)
        add_legend(axes)
        return axes

    def merged(self, most: int) -> "Histogram":
        """The same with up to `most` bins, each of as many neighbours. Intervals are NaN where values are not
        independent, because intervals of sums do not follow from those of the parts."""
        n_bins = len(self.fraction)
        group = -(-n_bins // most)
        if group == 1:
            return self
        starts = np.arange(0, n_bins, group)
        edges, fraction = np.append(self.edges[starts], self.edges[-1]), np.add.reduceat(self.fraction, starts)
        low, high = np.full((2, len(fraction)), np.nan)
        # One value a unit: numbers in bins are binomial, and so are their sums.
        if self.n == self.n_units:
            low, high = clopper_pearson(np.round(fraction * self.n), self.n, (1 - self.confidence) / len(fraction))
        return self._replace(edges=edges, fraction=fraction, low=low, high=high)


def histogram(run: Trajectories, name: str, time: float | None = None, confidence: float = 0.95) -> Histogram:
    """Histogram of a species or observable, by its `name`, over the replicates of a `run` that reached `time` [s] (by
    default the last time) with a finite value, with intervals of `confidence`. Raises InputError for an unknown name, a
    time that is not recorded, or one at which there is no such replicate."""
    check_data(run)
    (name,), point = chosen(run, (name,)), point_at(run, time)
    values = read(run, (name,), slice(point, point + 1))[:, 0, 0]
    values = values[np.isfinite(values)]
    if not len(values):
        finite = f" with a finite value of {name}" if name in run.observable_names else ""
        raise checks.InputError(f"no replicate reached {run.time[point]:g} s{finite}: choose an earlier time")
    whole = _are_whole(run, name)
    edges = _edges(values.min(), values.max(), bin_width(values, whole), whole)
    result = _at_once(name, values, edges, checks.confidence(confidence), f"at {run.time[point]:g} s")
    return result._replace(units=_units(run, name), source=title_of(run))


def stationary_histogram(
    run: Trajectories, name: str, start: float | None = None, confidence: float = 0.95
) -> Histogram:
    """Histogram of a species or observable of a `run`, by its `name`, over all recorded times from `start` on [s] (by
    default the second half), each time with equal weight, with intervals of `confidence`. Raises InputError as `units`
    does."""
    (name,) = chosen(run, (name,))
    parts, _ = units(run, start)
    confidence = checks.confidence(confidence)
    # Two passes over the run: edges need the range, and deviations the mean.
    low, high, total = np.inf, -np.inf, 0.0
    for values in stretches(run, name, parts):
        low, high, total = min(low, values.min()), max(high, values.max()), total + values.sum()
    length = parts[0][1].stop - parts[0][1].start
    n = len(parts) * length
    edges = _edges(low, high, (high - low) / _MOST_BINS, _are_whole(run, name))
    mean, square, shares = total / n, 0.0, Spread()
    for values in stretches(run, name, parts):
        square += np.square(values - mean).sum()
        shares.take(_count_each(values, edges) / length)
    fraction, level = shares.mean, (1 - confidence) / (len(edges) - 1)
    # A bin that no stretch filled has no spread, which would give an interval of no width.
    half = np.where(fraction > 0, student(level, shares.n) * shares.error, np.nan)
    return Histogram(
        name, edges, fraction, np.maximum(fraction - half, 0), np.minimum(fraction + half, 1), n, len(parts),
        float(mean), float(square / n), f"from {run.time[parts[0][1].start]:g} s on", confidence, _units(run, name),
        title_of(run),
    )  # fmt: skip


def _units(run: Trajectories, name: str) -> str:
    return "" if name in run.observable_names else run.units


def _are_whole(run: Trajectories, name: str) -> bool:
    return name not in run.observable_names and np.issubdtype(run.counts.dtype, np.integer)


def _edges(low: float, high: float, step: float, whole: bool) -> np.ndarray:
    """Edges of bins from low to high. For counts, every bin has the same number of counts."""
    if whole:
        # Whole steps from a half: no edge is a count, and no bin has one count more than the others.
        step = max(1.0, np.ceil(step), np.ceil((high - low + 1) / _MOST_BINS) if high - low >= _MOST_BINS else 1.0)
        return low - 0.5 + step * np.arange(int((high - low) // step) + 2)
    if high == low:
        return np.array([low - 0.5, low + 0.5])
    n = int(np.clip(np.ceil((high - low) / step) if step > 0 else 1, 1, _MOST_BINS))
    return np.linspace(low, high, n + 1)


def bin_width(values: np.ndarray, whole: bool) -> float:
    """Width of bins for float64[value], which are `whole` numbers or real.

    It is the finer of two rules, which agree on a normal law. The first is that of D. Freedman and P. Diaconis (Z.
    Wahrscheinlichkeitstheorie 57 (1981) 453-476), from the quartiles. If two modes are far apart, one quartile lies in
    each, and every mode becomes one bin. The second rule therefore uses the shortest interval with a quarter of all
    values, which lies inside the largest mode.
    """
    n = len(values)
    low, high = np.quantile(values, [0.25, 0.75])
    ordered = np.sort(values)
    quarter = max(1, -(-n // 4))
    # Counts from 3 to 5 are three counts, not two.
    shortest = float((ordered[quarter - 1 :] - ordered[: n - quarter + 1]).min()) + whole
    widths = [w for w in (high - low, _QUARTER_TO_QUARTILES * shortest) if w > 0]
    # At least half of the values are equal.
    if not widths:
        return float(ordered[-1] - ordered[0]) / np.sqrt(n)
    return 2 * min(widths) / n ** (1 / 3)


def _count(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Values in each bin, the last edge included."""
    return np.histogram(values, edges)[0].astype(np.float64)


def _count_each(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """int64[row, bin], as `_count` of each row of values."""
    n, n_bins = len(values), len(edges) - 1
    # Row r counts into bins r n_bins, r n_bins + 1, ...: one `bincount` for all rows.
    bins = np.minimum(np.searchsorted(edges, values, side="right") - 1, n_bins - 1)
    return np.bincount((bins + n_bins * np.arange(n)[:, None]).ravel(), minlength=n * n_bins).reshape(n, n_bins)


def _at_once(name: str, values: np.ndarray, edges: np.ndarray, confidence: float, when: str) -> Histogram:
    counts, n = _count(values, edges), len(values)
    low, high = clopper_pearson(counts, n, (1 - confidence) / len(counts))
    mean, variance = float(values.mean()), float(values.var())
    return Histogram(name, edges, counts / n, low, high, n, n, mean, variance, when, confidence)


class HistogramAnalysis(Analysis):
    """Histograms at a time."""

    name = "histogram"
    summary = "histograms over replicates at a time (--time), with intervals"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        return has_trajectories(run) and run.counts.shape[0] >= 20

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        check_data(run)
        names = chosen(run, ask.species, 4)
        results = [histogram(run, name, ask.time, ask.confidence) for name in names]
        return _finding(run, results, f"histograms {results[0].when}", "replicates")


class StationaryAnalysis(Analysis):
    """Histograms of stationary trajectories."""

    name = "stationary"
    summary = "histograms over time from --start on, for a run that is stationary from then on"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        check_data(run)
        names = chosen(run, ask.species, 4)
        results = [stationary_histogram(run, name, ask.start, ask.confidence) for name in names]
        return _finding(run, results, f"histograms over time, {results[0].when}", "stretches of time")


def _finding(run: Trajectories, results: list[Histogram], title: str, what: str) -> Finding:
    record = {h.name: h._asdict() | {"fano": h.fano} for h in results}
    notes = [f"intervals hold jointly for all bins of a species, at {100 * results[0].confidence:g} % confidence"]
    columns = min(2, len(results))
    drawing = Drawing(
        tuple(h.plot for h in results), columns, (5.0 * columns + 1, 3.4 * -(-len(results) // columns)),
        title_of(run),
    )  # fmt: skip
    return Finding(title, [_moments(results, what), *map(_bins, results)], record, drawing, notes)


def _moments(results: list[Histogram], what: str = "independent") -> Table:
    rows = [(h.name, h.n, h.n_units, h.mean, h.variance, h.fano) for h in results]
    return Table("moments", ("species", "values", what, "mean", "variance", "variance / mean"), rows)


def _bins(result: Histogram) -> Table:
    """A short table, in which neighbouring bins are merged."""
    few = result.merged(_ROWS)
    rows = [
        (
            f"{low:g} to {high:g}",
            estimate(fraction, *ends),
            "#" * round(_BAR * fraction / max(few.fraction.max(), 1e-9)),
        )
        for low, high, fraction, *ends in zip(few.edges, few.edges[1:], few.fraction, few.low, few.high)
    ]
    together = len(result.fraction) // max(1, len(few.fraction))
    caption = f"bins of {result.name}" + (f", {together} of the figure in each" if together > 1 else "")
    return Table(caption, ("from (in) to (out)", "fraction [interval]", ""), rows)
