"""The result of `certify`: a row for each quantity and time, and a verdict."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ..display.figures import COLOURS, add_legend, new_axes, title
from ..display.html import fragment
from ..display.tables import Table, estimate, shown
from ..statistics.verdict import Verdict

_DRAWN = 20
"""Rows that a figure shows."""


class Row(NamedTuple):
    """One quantity at one time. Errors are relative, intervals are (low, high); None: the method does not give it."""

    species: str
    time: float
    verdict: Verdict
    mean: float
    reference_mean: float
    mean_error: float
    mean_interval: tuple[float, float]
    variance: float | None
    reference_variance: float
    variance_error: float | None
    variance_interval: tuple[float, float] | None
    distance: float | None
    """Kolmogorov-Smirnov distance of the two distributions."""
    bound: float | None
    """Upper bound of the distance."""
    p: float | None
    """p-value for equal distributions; conservative for counts."""


@dataclass(frozen=True, repr=False)
class Certificate:
    """Comparison of a method with an exact method."""

    verdict: Verdict
    """`holds`, `fails` or `inconclusive`."""
    method: str
    reference: str
    rows: tuple[Row, ...]
    """All rows, worst first."""
    tolerance_mean: float
    tolerance_variance: float
    floor: float
    """Smallest value that errors of means are relative to [molecules]."""
    confidence: float
    """Joint confidence of all intervals."""
    n_intervals: int
    replicates: int
    """Replicates of the method; 1 if it is deterministic."""
    reference_replicates: int
    sufficient_replicates: int | None
    """Estimated number that would decide an inconclusive verdict; None if no feasible number would."""
    seed: int
    reference_seed: int
    volume: float
    seconds: float
    """Wall time of the replicates of the method [s], without compilation; one measurement."""
    reference_seconds: float

    @property
    def speed_ratio(self) -> float:
        """Wall time of the reference divided by wall time of the method."""
        return self.reference_seconds / self.seconds

    def record(self) -> dict:
        """Plain values by name, with rows as dictionaries."""
        return asdict(self) | {"rows": [row._asdict() for row in self.rows], "speed_ratio": self.speed_ratio}

    def __repr__(self) -> str:
        return f"Certificate({self.verdict}: {self.method} against {self.reference}, {len(self.rows)} rows)"

    def table(self) -> Table:
        """A row for each species and time."""
        rows: list[tuple] = [
            (
                row.species, f"{row.time:g}", row.mean, row.reference_mean,
                _percent(row.mean_error, row.mean_interval), _percent(row.variance_error, row.variance_interval),
                "-" if row.distance is None else f"{row.distance:.3f} ({row.bound:.3f})", row.verdict,
            )
            for row in self.rows
        ]  # fmt: skip
        columns = (
            "species", "time [s]", "mean", "exact mean", "error of mean [%]", "error of variance [%]",
            "distance (bound)", "verdict",
        )  # fmt: skip
        return Table("worst first", columns, rows)

    def _repr_html_(self) -> str:
        return fragment(str(self), [shown(self.table())])

    def plot(self, ax: Any = None) -> Any:
        """Draw the relative errors of means and variances of the 20 worst rows, with their intervals and the
        tolerances, into `ax` or new axes. Returns the axes."""
        rows = self.rows[:_DRAWN]
        axes = new_axes((7, 1.8 + 0.3 * len(rows))) if ax is None else ax
        place = np.arange(len(rows))[::-1].astype(float)
        kinds: list[tuple[str, float, float, list[tuple]]] = [
            ("mean", self.tolerance_mean, 0.12, [(r.mean_error, r.mean_interval) for r in rows]),
            ("variance", self.tolerance_variance, -0.12, [(r.variance_error, r.variance_interval) for r in rows]),
        ]
        for k, (name, tolerance, shift, errors) in enumerate(kinds):
            known = [(y, e, i) for y, (e, i) in zip(place, errors) if e is not None and i is not None]
            if not known:
                continue
            y, error = np.array([(y, 100 * e) for y, e, _ in known]).T
            away = np.abs([(e - i[0], i[1] - e) for _, e, i in known]).T * 100
            away[~np.isfinite(away)] = 0  # an interval without an end is drawn without it
            axes.errorbar(
                error, y + shift, xerr=away, fmt="os"[k], markersize=4, capsize=2, color=COLOURS[k],
                label=f"error of the {name}",
            )  # fmt: skip
            for side in (-1, 1):
                label = f"tolerance of the {name}, {100 * tolerance:g} %" if side > 0 else ""
                axes.axvline(100 * side * tolerance, color=COLOURS[k], linestyle=("--", ":")[k], label=label)
        axes.set_yticks(place, [f"{r.species}, {r.time:g} s" for r in rows])
        axes.set_ylabel("species, time")
        axes.set_xlabel(f"error [%], joint {100 * self.confidence:g} % intervals")
        title(axes, f"{self.method} against {self.reference}: {self.verdict}")
        add_legend(axes)
        return axes

    def __str__(self) -> str:
        """The verdict as text."""
        has_variance = any(row.variance is not None for row in self.rows)
        tolerances = f"{100 * self.tolerance_mean:g} % for means"
        if has_variance:
            tolerances += f", {100 * self.tolerance_variance:g} % for variances"
        else:
            tolerances += f"; {self.method} gives no variances"
        errors = f"the errors of {self.method} against {self.reference}"
        confidence = f"joint confidence of all {self.n_intervals} intervals: {100 * self.confidence:g} %"
        if self.verdict == Verdict.HOLDS:
            return f"{self.verdict}: {errors} are within tolerance ({tolerances}); {confidence}"
        if self.verdict == Verdict.FAILS:
            n = sum(row.verdict == Verdict.FAILS for row in self.rows)
            where = f"in {n} of {len(self.rows)} rows ({tolerances})"
            return f"{self.verdict}: {errors} exceed a tolerance {where}; {confidence}"
        enough = f"about {self.sufficient_replicates} replicates should be enough"
        if self.sufficient_replicates is None:
            enough = "no feasible number is enough, because an error is about as large as its tolerance"
        return (
            f"{self.verdict}: {self.reference_replicates} replicates do not show whether {errors} are within tolerance "
            f"({tolerances}); {confidence}; {enough}"
        )


def _percent(error: float | None, interval: tuple[float, float] | None) -> str:
    return "-" if error is None or interval is None else estimate(*(100 * x for x in (error, *interval)))
