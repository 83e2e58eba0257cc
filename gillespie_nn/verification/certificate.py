"""What `certify` finds: a row for each quantity and time, a verdict, and the same in words."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from ..analysis.comparison import OUTSIDE, WITHIN


class Row(NamedTuple):
    """One quantity at one time. Errors are relative, intervals (low, high); what a method does not give is None."""

    species: str
    time: float
    verdict: str
    mean: float
    reference_mean: float
    mean_error: float
    mean_interval: tuple[float, float]
    variance: float | None
    reference_variance: float
    variance_error: float | None
    variance_interval: tuple[float, float] | None
    distance: float | None
    """Kolmogorov-Smirnov distance of the two laws."""
    bound: float | None
    """Upper bound of the distance."""
    p: float | None
    """p-value of one law for both; conservative for counts."""


@dataclass(frozen=True)
class Certificate:
    """How far a method lies from an exact one."""

    verdict: str
    """`within`, `outside` or `inconclusive`."""
    method: str
    reference: str
    rows: tuple[Row, ...]
    """Worst first."""
    tolerance_mean: float
    tolerance_variance: float
    floor: float
    """[molecules]."""
    confidence: float
    """That all intervals hold together."""
    n_intervals: int
    replicates: int
    """Of the method; 1 if it is deterministic."""
    reference_replicates: int
    sufficient_replicates: int | None
    """An estimate of what would decide an inconclusive verdict; None where no feasible number would."""
    seed: int
    reference_seed: int
    volume: float
    seconds: float
    """Wall time of the method's replicates, without compilation; one run."""
    reference_seconds: float

    @property
    def speed_ratio(self) -> float:
        """Wall time of the reference's replicates over that of the method's."""
        return self.reference_seconds / self.seconds

    def record(self) -> dict:
        """Plain values, rows as dictionaries."""
        return asdict(self) | {"rows": [row._asdict() for row in self.rows], "speed_ratio": self.speed_ratio}

    def __str__(self) -> str:
        """The verdict in a sentence."""
        has_variance = any(row.variance is not None for row in self.rows)
        within = f"the means of {self.method} are within {100 * self.tolerance_mean:g} %"
        if has_variance:
            within += f" and its variances within {100 * self.tolerance_variance:g} %"
        within += f" of {self.reference}'s"
        sure = f"at {100 * self.confidence:g} % confidence in all {self.n_intervals} intervals together"
        if not has_variance:
            sure += f"; {self.method} gives no variances"
        if self.verdict == WITHIN:
            return f"within: {within}, {sure}"
        if self.verdict == OUTSIDE:
            n = sum(row.verdict == OUTSIDE for row in self.rows)
            return f"outside: not true in {n} of {len(self.rows)} rows that {within}, {sure}"
        enough = f"about {self.sufficient_replicates} would, by estimate"
        if self.sufficient_replicates is None:
            enough = "no feasible number would: an error is about as large as its tolerance"
        return f"inconclusive: {self.reference_replicates} replicates do not show whether {within}, {sure}; {enough}"
