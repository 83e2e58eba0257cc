"""Means and quantiles of an ensemble over time.

Intervals are pointwise. That of a mean is Student's t. That of a quantile uses ranks and assumes no law (H. A. David
and H. N. Nagaraja, Order Statistics, 2003, section 7.1). For counts, which have ties, it covers at least as often as
stated.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.curves import (
    LABELS,
    WIDE,
    Band,
    asked_for,
    by_size,
    checked_log,
    draw_bands,
    ensemble_drawing,
    finish,
    has_units,
    ranked,
    with_rate_rules,
)
from ..display.figures import Drawing, title
from ..display.tables import Table, cell, estimate, few, fragment, shown
from ..simulation import MomentsResult
from ..statistics.intervals import ranks, student
from .analysis import Analysis, AnyRun, Ask, Finding, blocks, check_data, chosen, read, title_of

PROBABILITIES = (0.05, 0.5, 0.95)
_MOST = 8
"""Names in a result by default."""


class Means(NamedTuple):
    """Arrays [point, name], float64 but for `n`; NaN where replicates are too few."""

    time: np.ndarray
    """float64[point] [s]."""
    names: tuple[str, ...]
    n: np.ndarray
    """int64, replicates that reached the point with a finite value."""
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    variance: np.ndarray
    """Variance, divided by n - 1."""
    probabilities: tuple[float, ...]
    quantile: np.ndarray
    """float64[probability, point, name], values of rank ceil(p n)."""
    quantile_low: np.ndarray
    quantile_high: np.ndarray
    confidence: float
    units: tuple[str, ...] = ()
    """Units of each name; empty for observables."""
    source: str = ""
    """Method, volume and seed of the run."""

    def __repr__(self) -> str:
        return f"Means({', '.join(self.names)}; {len(self.time)} points to {self.time[-1]:g} s, n = {self.n.max()})"

    def _repr_html_(self) -> str:
        return fragment(f"means and quantiles; {self.source}", [shown(_table(self))], [_of_intervals(self)])

    def plot(self, ax: Any = None, log: str = "") -> Any:
        """Draw means with their intervals, and the lowest to the highest quantile as a band, into `ax` or into new
        axes, a panel for each order of size; `log` is `x`, `y` or `xy`. Returns the axes."""
        checked_log(log)
        none = np.full(len(self.time), np.nan)
        ends = (self.quantile[0], self.quantile[-1]) if len(self.probabilities) > 1 else (none[:, None],) * 2
        bands = [
            Band(name, self.mean[:, k], self.low[:, k], self.high[:, k], *(e[:, k % e.shape[1]] for e in ends))
            for k, name in enumerate(self.names)
        ]
        # One replicate has no quantiles to draw.
        if self.n.max() == 1:
            bands = [band._replace(bottom=none, top=none) for band in bands]
        # Observables have no unit, so they are never drawn into a panel of species.
        kinds = [[b for b, u in zip(bands, self.units) if bool(u) == of] for of in (True, False)]
        groups = [g for kind in kinds for g in by_size(kind, split="y" not in log)]

        def panel(axes: Any, group: Sequence[str]) -> None:
            draw_bands(
                axes, self.time, [b for b in bands if b.name in group], confidence=self.confidence, label="mean",
                n=int(self.n.max()), order=self.names, parts=(self.probabilities[0], self.probabilities[-1]),
            )  # fmt: skip
            finish(axes, LABELS[self.units[self.names.index(group[0])]], log)
            title(axes, self.source if group is groups[0] else "")

        panels = tuple(partial(panel, group=g) for g in (groups if ax is None else [list(self.names)]))
        return Drawing(panels, size=(WIDE, 2.2 + 1.9 * len(panels)), share_x=True).plot(ax)


def means(
    run: AnyRun, species: Sequence[str] = (), probabilities: Sequence[float] = PROBABILITIES, confidence: float = 0.95
) -> Means:
    """Means and quantiles over the replicates that reached each point with a finite value, in the units of the run,
    with intervals of the mean of the given `confidence`.

    `run` is a `Run`, a `Result`, a `MomentsRun` or a `MomentsResult`. Moments give quantiles from their sketch, and NaN
    without one. `species` are names of species and observables, by default up to eight that vary most. `probabilities`
    are those of the quantiles. Raises InputError for an unknown name, a probability outside (0, 1), or a run without
    data.
    """
    confidence = checks.confidence(confidence)
    for p in probabilities:
        if not 0 < checks.positive("the probability of a quantile", p) < 1:
            raise InputError(f"the probability of a quantile must be below 1, got {p!r}")
    if isinstance(run, MomentsResult):
        return _of_moments(run, species, tuple(probabilities), confidence)
    check_data(run)
    names = chosen(run, species)
    parts = [_of(read(run, names, part), probabilities, confidence) for part in blocks(run, len(names))]
    n, mean, half, variance, quantile, low, high = (np.concatenate(x, axis=-2) for x in zip(*parts))
    return Means(
        run.time, names, n, mean, mean - half, mean + half, variance, tuple(probabilities), quantile, low, high,
        confidence, _units(run, names), title_of(run),
    )  # fmt: skip


def _units(run: AnyRun, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(run.units if has_units(run, n) else "" for n in names)


def _of_moments(
    run: MomentsResult, species: Sequence[str], probabilities: tuple[float, ...], confidence: float
) -> Means:
    if not run.n_done:
        raise InputError("no replicate has ended yet, so there is nothing to analyse")
    names = tuple(dict.fromkeys(species))
    if not names:
        known = asked_for(run)
        spread = np.nanmax(run.maximum(known) - run.minimum(known), axis=0)
        names = tuple(known[k] for k in ranked(known, spread, with_rate_rules(run), _MOST))
    at = [run.place(name) for name in names]
    n = run.n[:, at]
    half = student(1 - confidence, n) * run.standard_error()[:, at]
    quantile, low, high = np.full((3, len(probabilities), *n.shape), np.nan)
    if run.moments.sketch is not None:
        size = int(n.max())
        for k, p in enumerate(probabilities):
            quantile[k] = run.quantile(p)[:, at]
            for array, rank in zip((low, high), ranks(size, p, 1 - confidence)[1:]):
                # Ranks are those of `size` replicates, so only points that all of them reached have an interval.
                if 1 <= rank <= size:
                    array[k] = np.where(n == size, run.quantile(rank / size)[:, at], np.nan)
    mean, variance = run.mean()[:, at], run.variance()[:, at]
    return Means(
        run.time, names, n, mean, mean - half, mean + half, variance, probabilities, quantile, low, high, confidence,
        _units(run, names), title_of(run),
    )  # fmt: skip


def _of(values: np.ndarray, probabilities: Sequence[float], confidence: float) -> tuple[np.ndarray, ...]:
    """Statistics of float64[replicate, point, name]. Values that are not finite are left out, as in `r.mean()`."""
    values = np.where(np.isfinite(values), values, np.nan)
    n = np.sum(~np.isnan(values), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nansum(values, axis=0) / n
        variance = np.where(n > 1, np.nansum(np.square(values - mean), axis=0) / (n - 1), np.nan)
        half = student(1 - confidence, n) * np.sqrt(variance / n)
    # NaN are sorted to the end, so rank r of the n finite values is row r - 1.
    ordered = np.sort(values, axis=0)
    quantile, low, high = np.full((3, len(probabilities), *n.shape), np.nan)
    for k, p in enumerate(probabilities):
        # Points that as many replicates reached share their ranks.
        for size in np.unique(n[n > 0]):
            where = n == size
            for array, rank in zip((quantile, low, high), ranks(size, p, 1 - confidence)):
                if 1 <= rank <= size:
                    array[k][where] = ordered[rank - 1][where]
    return n, mean, half, variance, quantile, low, high


class MeansAnalysis(Analysis):
    """Means and quantiles over time."""

    name = "means"
    summary = "means and quantiles over time, with confidence intervals"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        return getattr(run, "kind", "ensemble") != "training"

    @staticmethod
    def find(run: AnyRun, ask: Ask) -> Finding:
        result = means(run, ask.species, confidence=ask.confidence)
        n_all = _replicates(run)
        notes = [_of_intervals(result)]
        if (result.n < n_all).any():
            notes.append(
                f"only {int(result.n.min())} of {n_all} replicates reached the end; later points show only these, "
                "which may be a biased sample"
            )
        title = f"means and quantiles of {n_all} {'replicate' if n_all == 1 else 'replicates'}"
        drawing = ensemble_drawing(run, ask.species, phase=ask.phase, log=ask.log, confidence=ask.confidence)
        return Finding(title, [_table(result)], result._asdict(), drawing, notes)


def _replicates(run: AnyRun) -> int:
    return run.n_done if isinstance(run, MomentsResult) else run.counts.shape[0]


def _of_intervals(result: Means) -> str:
    units = next((u for u in result.units if u), "")
    return f"intervals are pointwise, at {100 * result.confidence:g} % confidence" + (
        f"; units{'' if all(result.units) else ' of species'}: {units}" if units else ""
    )


def _table(result: Means) -> Table:
    """Means and quantiles at up to four times."""
    rows = []
    columns: tuple[str, ...] = ("species", "time [s]", f"mean [{100 * result.confidence:g} % interval]", "std. dev.")
    middle = result.probabilities.index(0.5) if 0.5 in result.probabilities else None
    several = len(result.probabilities) > 1
    columns += (("median",) if middle is not None else ()) + (
        (f"{100 * result.probabilities[0]:g} % to {100 * result.probabilities[-1]:g} % of replicates",)
        if several
        else ()
    )
    for k, name in enumerate(result.names):
        for i in few(len(result.time), 4):
            row: tuple = (
                name, f"{result.time[i]:g}", estimate(result.mean[i, k], result.low[i, k], result.high[i, k]),
                result.variance[i, k] ** 0.5,
            )  # fmt: skip
            if middle is not None:
                row += (result.quantile[middle, i, k],)
            if several:
                row += (f"{cell(result.quantile[0, i, k])} to {cell(result.quantile[-1, i, k])}",)
            rows.append(row)
    return Table("at selected times", columns, rows)
