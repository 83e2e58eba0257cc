"""Means and quantiles of an ensemble over time.

Intervals are pointwise: of a mean by Student's t; of a quantile by ranks, which assumes no law (H. A. David and H. N.
Nagaraja, Order Statistics, 2003, section 7.1), and for counts, which have ties, covers at least as often as it says.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.figures import COLOURS, LINES
from ..display.tables import Table, few, interval
from ..simulation import MomentsResult
from ..simulation.parts import rank as rank_of
from .base import Analysis, Ask, Finding, confidence_of, title_of
from .slices import AnyRun, blocks, check_data, chosen, read

PROBABILITIES = (0.05, 0.5, 0.95)
_MOST = 8


class Means(NamedTuple):
    """Arrays [point, name], float64 but for `n`; NaN where replicates are too few."""

    time: np.ndarray
    """float64[point] [s]."""
    names: tuple[str, ...]
    n: np.ndarray
    """int64, replicates that got there."""
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    variance: np.ndarray
    """Divided by n - 1."""
    probabilities: tuple[float, ...]
    quantile: np.ndarray
    """float64[probability, point, name], values of rank ceil(p n)."""
    quantile_low: np.ndarray
    quantile_high: np.ndarray
    confidence: float


def means(
    run: AnyRun, species: Sequence[str] = (), probabilities: Sequence[float] = PROBABILITIES, confidence: float = 0.95
) -> Means:
    """Of a `run`, a `Run` or a `Result`, in its units, over the replicates that got to each point; or of a `MomentsRun`
    or a `MomentsResult`, whose quantiles are those of its sketch, NaN if it has none.

    `species` are names of species and observables, by default up to eight that vary most, `probabilities` those of the
    quantiles, and `confidence` that of the intervals. Raises InputError for an unknown name, a probability outside (0,
    1), or a run without data.
    """
    confidence = confidence_of(confidence)
    for p in probabilities:
        if not 0 < checks.positive("the probability of a quantile", p) < 1:
            raise InputError(f"the probability of a quantile must be below 1, got {p!r}")
    if isinstance(run, MomentsResult):
        return _of_moments(run, species, tuple(probabilities), confidence)
    check_data(run)
    names = chosen(run, species)
    found = [_of(read(run, names, part), probabilities, confidence) for part in blocks(run, len(names))]
    n, mean, half, variance, quantile, low, high = (np.concatenate(x, axis=-2) for x in zip(*found))
    return Means(
        run.time, names, n, mean, mean - half, mean + half, variance, tuple(probabilities), quantile, low, high,
        confidence,
    )  # fmt: skip


def _of_moments(
    run: MomentsResult, species: Sequence[str], probabilities: tuple[float, ...], confidence: float
) -> Means:
    from scipy import stats  # which takes long to import

    if not run.n_done:
        raise InputError("no replicate is in yet: there is nothing to analyse")
    names = tuple(dict.fromkeys(species))
    if not names:
        widest = np.argsort(-np.nanmax(run.maximum() - run.minimum(), axis=0), kind="stable")[:_MOST]
        names = tuple(run.quantities[k] for k in np.sort(widest))
    at = [run.place(name) for name in names]
    n = run.n[:, at]
    half = stats.t.isf((1 - confidence) / 2, np.maximum(n - 1, 1)) * run.standard_error()[:, at]
    quantile, low, high = np.full((3, len(probabilities), *n.shape), np.nan)
    if run.moments.sketch is not None:
        size = int(n.max())
        for k, p in enumerate(probabilities):
            quantile[k] = run.quantile(p)[:, at]
            for array, rank in zip((low, high), _ranks(size, p, confidence)[1:]):
                if 1 <= rank <= size:  # of those that all got there
                    array[k] = np.where(n == size, run.quantile(rank / size)[:, at], np.nan)
    mean, variance = run.mean()[:, at], run.variance()[:, at]
    return Means(
        run.time, names, n, mean, mean - half, mean + half, variance, probabilities, quantile, low, high, confidence
    )


def _of(values: np.ndarray, probabilities: Sequence[float], confidence: float) -> tuple[np.ndarray, ...]:
    """Of float64[replicate, point, name], with NaN where a replicate did not get."""
    from scipy import stats  # which takes long to import

    n = np.sum(~np.isnan(values), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nansum(values, axis=0) / n
        variance = np.where(n > 1, np.nansum(np.square(values - mean), axis=0) / (n - 1), np.nan)
        half = stats.t.isf((1 - confidence) / 2, np.maximum(n - 1, 1)) * np.sqrt(variance / n)
    ordered = np.sort(values, axis=0)  # NaN last
    shape = (len(probabilities), *n.shape)
    quantile, low, high = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for k, p in enumerate(probabilities):
        for size in np.unique(n[n > 0]):
            where = n == size
            ranks = _ranks(size, p, confidence)
            for array, rank in zip((quantile, low, high), ranks):
                if 1 <= rank <= size:
                    array[k][where] = ordered[rank - 1][where]
    return n, mean, half, variance, quantile, low, high


def _ranks(n: int, p: float, confidence: float) -> tuple[int, int, int]:
    """Ranks from 1 of the p-quantile of n values and of the ends of its interval, which may lie outside 1 to n."""
    from scipy import stats

    tail = (1 - confidence) / 2
    return int(rank_of(p, n)), int(stats.binom.ppf(tail, n, p)), int(stats.binom.ppf(1 - tail, n, p)) + 1


class MeansAnalysis(Analysis):
    """Means and quantiles over time."""

    name = "means"
    summary = "means and quantiles over time, with confidence intervals"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        return getattr(run, "kind", "ensemble") != "training"

    @staticmethod
    def find(run: AnyRun, ask: Ask) -> Finding:
        found = means(run, ask.species, confidence=ask.confidence)
        n_all = _replicates(run)
        percent = f"{100 * found.confidence:g} %"
        notes = [f"intervals are of {percent} at each point alone; units: {run.units}"]
        if (found.n < n_all).any():
            notes.append(
                f"of {n_all} replicates {int(found.n.min())} got to the end: later points are of those only, which are "
                "no fair sample"
            )
        title = f"means and quantiles of {n_all} {'replicate' if n_all == 1 else 'replicates'}"
        return Finding(title, [_table(found, percent)], found._asdict(), lambda f: _draw(f, run, found), notes)


def _replicates(run: AnyRun) -> int:
    return run.n_done if isinstance(run, MomentsResult) else run.counts.shape[0]


def _table(found: Means, percent: str) -> Table:
    middle = found.probabilities.index(0.5)
    rows = []
    for k, name in enumerate(found.names):
        for i in few(len(found.time), 4):
            rows.append((
                name, found.time[i], found.mean[i, k], interval(found.low[i, k], found.high[i, k]),
                found.variance[i, k] ** 0.5, found.quantile[middle, i, k],
                interval(found.quantile[0, i, k], found.quantile[-1, i, k]),
            ))  # fmt: skip
    columns = ("species", "time [s]", "mean", f"{percent} interval", "std. dev.", "median", "5 % to 95 % of replicates")
    return Table("at some times", columns, rows)


def _draw(figure: Any, run: AnyRun, found: Means) -> None:
    axes = figure.subplots()
    n_all = _replicates(run)
    several = n_all > 1
    for k, name in enumerate(found.names):
        style = {"color": COLOURS[k % 7]}
        axes.plot(found.time, found.mean[:, k], LINES[k // 7 % 4], **style, label=name, drawstyle="steps-post")
        if several:
            band = {"step": "post", "linewidth": 0, **style}
            axes.fill_between(found.time, found.quantile[0, :, k], found.quantile[-1, :, k], alpha=0.13, **band)
            axes.fill_between(found.time, found.low[:, k], found.high[:, k], alpha=0.35, **band)
    what = "one trajectory"
    if several:
        what = f"mean, its {100 * found.confidence:g} % interval (dark) and 5 to 95 % of {n_all} replicates"
    species = run.quantities if isinstance(run, MomentsResult) else run.species
    left = len(species) - len(set(found.names) & set(species))
    axes.set_title(what + (f"; {left} species not shown" if left else "") + f"\n{title_of(run)}", fontsize=10)
    axes.set_xlabel("time [s]")
    axes.set_ylabel(f"count [{run.units}]" if run.units == "molecules" else run.units)
    axes.legend(fontsize=8)
