"""Histograms: of an ensemble at one time, and of stationary trajectories over time.

At one time replicates are independent, and intervals are those of C. J. Clopper and E. S. Pearson (Biometrika 26 (1934)
404-413, doi:10.1093/biomet/26.4.404). Over time points are not: each stretch (`slices.units`) gives its own fractions,
whose spread gives the interval, by Student's t. Either way the intervals hold for all bins together (Bonferroni).
"""

from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..display.figures import COLOURS
from ..display.tables import Table, few, interval
from .base import Analysis, Ask, Finding, confidence_of, title_of
from .slices import AnyRun, Trajectories, check_data, chosen, has_trajectories, point_at, read, stretches, units
from .spread import Spread

_MOST_BINS = 60


class Histogram(NamedTuple):
    """Fractions of values in bins [edge, next edge), float64[bin] each."""

    name: str
    edges: np.ndarray
    """float64[bin + 1]; those of counts are whole numbers less one half."""
    fraction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    """NaN, as `low`, where no stretch of time has a value."""
    n: int
    """Values."""
    n_units: int
    """Independent replicates, or stretches of time."""
    mean: float
    variance: float
    """Divided by n."""
    when: str
    confidence: float

    @property
    def fano(self) -> float:
        """Variance over mean: 1 for a Poisson law of counts."""
        return self.variance / self.mean if self.mean else float("nan")


def histogram(run: Trajectories, name: str, time: float | None = None, confidence: float = 0.95) -> Histogram:
    """Of one species or observable of a `run`, by its `name`, over the replicates that got to `time` [s] (None: the
    last time), with intervals of `confidence`. Raises InputError for an unknown name or a time that is not recorded."""
    check_data(run)
    (name,), point = chosen(run, (name,)), point_at(run, time)
    values = read(run, (name,), slice(point, point + 1))[:, 0, 0]
    values = values[~np.isnan(values)]
    if not len(values):
        raise checks.InputError(f"no replicate got to {run.time[point]:g} s: ask for an earlier time")
    edges = _edges(values.min(), values.max(), _step(values), _are_whole(run, name))
    return _at_once(name, values, edges, confidence_of(confidence), f"at {run.time[point]:g} s")


def stationary_histogram(
    run: Trajectories, name: str, start: float | None = None, confidence: float = 0.95
) -> Histogram:
    """Of one species or observable of a `run`, by its `name`, over all recorded times from `start` on [s] (None: the
    second half), each time with equal weight, with intervals of `confidence`. Raises InputError as `units` does."""
    from scipy import stats

    (name,) = chosen(run, (name,))
    parts, _ = units(run, start)
    confidence = confidence_of(confidence)
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
    fraction, tail = shares.mean, (1 - confidence) / (2 * (len(edges) - 1))
    half = np.where(fraction > 0, stats.t.isf(tail, shares.n - 1) * shares.error, np.nan)
    return Histogram(
        name, edges, fraction, np.maximum(fraction - half, 0), np.minimum(fraction + half, 1), n, len(parts),
        float(mean), float(square / n), f"from {run.time[parts[0][1].start]:g} s on", confidence,
    )  # fmt: skip


def _are_whole(run: Trajectories, name: str) -> bool:
    return name not in run.observable_names and run.units == "molecules"


def _edges(low: float, high: float, step: float, whole: bool) -> np.ndarray:
    """Bins that hold low to high; of counts, each of the same number of counts."""
    if whole:
        step = max(1.0, np.ceil(step), np.ceil((high - low + 1) / _MOST_BINS) if high - low >= _MOST_BINS else 1.0)
        return low - 0.5 + step * np.arange(int((high - low) // step) + 2)
    if high == low:
        return np.array([low - 0.5, low + 0.5])
    n = int(np.clip(np.ceil((high - low) / step) if step > 0 else 1, 1, _MOST_BINS))
    return np.linspace(low, high, n + 1)


def _step(values: np.ndarray) -> float:
    """Width of bins by D. Freedman and P. Diaconis (Z. Wahrscheinlichkeitstheorie 57 (1981) 453-476)."""
    low, high = np.quantile(values, [0.25, 0.75])
    return 2 * (high - low) / len(values) ** (1 / 3)


def _count(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Values in each bin, the last edge included."""
    return np.histogram(values, edges)[0].astype(np.float64)


def _count_each(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """int64[row, bin], as `_count` of each row of values."""
    n, n_bins = len(values), len(edges) - 1
    bins = np.minimum(np.searchsorted(edges, values, side="right") - 1, n_bins - 1)
    return np.bincount((bins + n_bins * np.arange(n)[:, None]).ravel(), minlength=n * n_bins).reshape(n, n_bins)


def _at_once(name: str, values: np.ndarray, edges: np.ndarray, confidence: float, when: str) -> Histogram:
    from scipy import stats

    counts, n = _count(values, edges), len(values)
    tail = (1 - confidence) / (2 * len(counts))
    with np.errstate(invalid="ignore"):
        low = np.where(counts > 0, stats.beta.ppf(tail, counts, n - counts + 1), 0.0)
        high = np.where(counts < n, stats.beta.isf(tail, counts + 1, n - counts), 1.0)
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
        found = [histogram(run, name, ask.time, ask.confidence) for name in names]
        return _finding(run, found, f"histograms {found[0].when}", "replicates")


class StationaryAnalysis(Analysis):
    """Histograms of stationary trajectories."""

    name = "stationary"
    summary = "histograms over time from --start on, for a run that is stationary from then on"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        check_data(run)
        names = chosen(run, ask.species, 4)
        found = [stationary_histogram(run, name, ask.start, ask.confidence) for name in names]
        return _finding(run, found, f"histograms over time, {found[0].when}", "stretches of time")


def _finding(run: Trajectories, found: list[Histogram], title: str, what: str) -> Finding:
    rows, record = [], {}
    for h in found:
        rows.append((h.name, h.n, h.n_units, h.mean, h.variance, h.fano))
        record[h.name] = h._asdict() | {"fano": h.fano}
    first = found[0]
    shown = few(len(first.fraction))
    bins = [
        (f"{first.edges[i]:g} to {first.edges[i + 1]:g}", first.fraction[i], interval(first.low[i], first.high[i]))
        for i in shown
    ]
    tables = [
        Table("moments", ("species", "values", what, "mean", "variance", "variance / mean"), rows),
        Table(f"some bins of {first.name}", ("from (in) to (out)", "fraction", "interval"), bins),
    ]
    notes = [f"intervals hold for all bins of a species together, with {100 * first.confidence:g} %"]
    return Finding(title, tables, record, lambda figure: _draw(figure, run, found), notes)


def _draw(figure: Any, run: Trajectories, found: list[Histogram]) -> None:
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    for k, (axes, h) in enumerate(zip(panels, found)):
        middle = 0.5 * (h.edges[1:] + h.edges[:-1])
        axes.stairs(h.fraction, h.edges, fill=True, color=COLOURS[k % 7], alpha=0.35, label="fraction")
        errors = np.abs(np.array([h.fraction - h.low, h.high - h.fraction]))
        label = f"{100 * h.confidence:g} % interval, all bins"
        axes.errorbar(middle, h.fraction, errors, fmt="none", color=COLOURS[k % 7], linewidth=0.9, label=label)
        axes.set_title(f"{h.name}, mean {h.mean:.4g}, variance {h.variance:.4g}", fontsize=9)
        axes.set_xlabel(f"{h.name} [{run.units}]" if h.name in run.species else h.name)
        axes.set_ylabel("fraction in bin")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)
    figure.suptitle(f"{found[0].when}; {title_of(run)}", fontsize=10)
