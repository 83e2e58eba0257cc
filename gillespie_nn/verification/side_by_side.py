"""Ensembles of two methods, and what is certified of one beside the other."""

import time as timer
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..api import simulate
from ..checks import ModelError, UnfinishedError
from ..crn import ReactionNetwork
from ..simulation import Result
from ..simulation.methods import Method, name_of
from ..statistics import comparison
from ..statistics.comparison import Errors, MeanVariance
from ..statistics.tests import Distance, distance
from ..statistics.verdict import Verdict
from ..status import Status
from .certificate import Certificate, Row

CONFIDENCE = 0.95


class Ensemble:
    """What is compared of the replicates of `method`, a class.

    Parameters
    ----------
    names : species and observables.
    network, time, settings, progress : `simulate` gets these, the settings by name.
    """

    def __init__(
        self,
        method: type[Method],
        names: Sequence[str],
        network: ReactionNetwork,
        time: np.ndarray,
        settings: dict[str, Any],
        progress: bool | None = None,
    ) -> None:
        start = timer.perf_counter()
        result = simulate(network, time=time, method=method, progress=progress, **settings)
        self.seconds = timer.perf_counter() - start
        assert isinstance(result, Result)
        for k, status in enumerate(result.status.tolist()):
            if not Status(status).complete:
                raise UnfinishedError(f"method {method.name}, replicate {k}: {Status(status)}; no comparison was made")
        self.method, self.seed, self.volume, self.n = method, result.seed, result.volume, len(result.status)
        self._values = np.stack([_molecules(result, name) for name in names], axis=-1)
        for point, name in np.argwhere(~np.isfinite(self._values).all(axis=0)):
            raise ModelError(f"{names[name]} is not a number at t = {time[point]:g} s: compare other quantities")
        self._variances = None
        if method.deterministic:
            self._variances = np.stack([_known_variance(result, name) for name in names], axis=-1)

    def values(self, point: int) -> np.ndarray:
        """float64[replicate, name]."""
        return self._values[:, point].astype(np.float64)

    def moments(self, point: int) -> comparison.MeanVariance:
        values = self.values(point)
        if self._variances is None:
            return comparison.sampled(values)
        return comparison.known(values[0], self._variances[point])

    @property
    def has_variance(self) -> np.ndarray:
        """Of each name, bool[name]."""
        if self._variances is None:
            return np.ones(self._values.shape[-1], dtype=np.bool_)
        return ~np.isnan(self._variances).any(axis=0)

    @property
    def has_law(self) -> bool:
        """Whether the replicates are a sample."""
        return self._variances is None


def _molecules(result: Result, name: str) -> np.ndarray:
    """[replicate, point], of an observable in its own unit."""
    is_count = result.units == "molecules" or name not in result.model.index
    return result.of(name) if is_count else result.of(name) * result.volume


def _known_variance(result: Result, name: str) -> np.ndarray:
    """float64[point] [molecules^2] that a method gives beside its one run; NaN if it gives none."""
    if not result.covariance.size or name in result.observable_names:
        return np.full(len(result.time), np.nan)
    k = result.species.index(name)
    return result.covariance[0, :, k, k] * result.volume**2


def compare(
    one: Ensemble,
    other: Ensemble,
    names: Sequence[str],
    time: np.ndarray,
    tolerances: tuple[float, float],
    floor: float,
) -> Certificate:
    """The certificate of `one` beside the exact `other`; `tolerances` are those of the mean and the variance."""
    tolerance_mean, tolerance_variance = tolerances
    given = one.has_variance
    n_intervals = len(time) * int(len(names) * (1 + one.has_law) + given.sum())
    level = (1.0 - CONFIDENCE) / n_intervals
    rows: list[Row] = []
    errors: list[Errors] = []
    allowed: list[np.ndarray] = []
    for point, t in enumerate(time.tolist()):
        moments = one.moments(point), other.moments(point)
        means = comparison.mean_errors(*moments, floor, level)
        variances = comparison.variance_errors(*moments, floor, level)
        distances = _distances(one, other, point, level)
        rows += _rows(names, t, moments, (means, variances), distances, tolerances)
        errors += [means, variances.of(given)]
        allowed += [np.full(len(names), tolerance_mean), np.full(given.sum(), tolerance_variance)]
    joined, tolerated = Errors.joined(errors), np.concatenate(allowed)
    verdict = Verdict.together(row.verdict for row in rows)
    is_open = verdict == Verdict.INCONCLUSIVE
    enough = comparison.sufficient_replicates(joined, tolerated, other.n, level) if is_open else None
    return Certificate(
        verdict, name_of(one.method), name_of(other.method),
        tuple(sorted(rows, key=_badness(tolerances), reverse=True)),
        tolerance_mean, tolerance_variance, floor, CONFIDENCE, n_intervals, one.n, other.n, enough,
        one.seed, other.seed, other.volume, one.seconds, other.seconds,
    )  # fmt: skip


def _distances(one: Ensemble, other: Ensemble, point: int, level: float) -> list[Distance] | None:
    """Of each name, or None if the method gives no law. Whole molecules: a continuous law and one of counts with the
    same shape would differ by half a molecule's probability."""
    if not one.has_law:
        return None
    pairs = zip(np.rint(one.values(point)).T, np.rint(other.values(point)).T, strict=True)
    return [distance(*pair, level) for pair in pairs]


def _rows(
    names: Sequence[str],
    time: float,
    moments: tuple[MeanVariance, MeanVariance],
    errors: tuple[Errors, Errors],
    distances: list[Distance] | None,
    tolerances: tuple[float, float],
) -> Iterator[Row]:
    """Of all names at one time; `errors` are those of means and variances."""
    one, other = moments
    judged = [comparison.judge(e, t) for e, t in zip(errors, tolerances, strict=True)]
    for k, name in enumerate(names):
        mean, variance = (_of(e, k) for e in errors)
        assert mean is not None  # every method gives one
        yield Row(
            species=name,
            time=time,
            verdict=Verdict.together(j[k] for j in judged[: 1 if variance is None else 2]),
            mean=float(one.mean[k]),
            reference_mean=float(other.mean[k]),
            mean_error=mean[0],
            mean_interval=mean[1:],
            variance=None if variance is None else float(one.variance[k]),
            reference_variance=float(other.variance[k]),
            variance_error=None if variance is None else variance[0],
            variance_interval=None if variance is None else variance[1:],
            **(distances[k]._asdict() if distances else dict.fromkeys(Distance._fields)),
        )


def _of(errors: Errors, k: int) -> tuple[float, float, float] | None:
    """(error, low, high) of one quantity, or None if a method does not give it."""
    found = float(errors.error[k]), float(errors.low[k]), float(errors.high[k])
    return None if np.isnan(found[0]) else found


def _badness(tolerances: tuple[float, float]) -> Callable[[Row], tuple[int, float]]:
    """A key that orders rows: by verdict, then by how far an interval reaches, in tolerances."""

    def key(row: Row) -> tuple[int, float]:
        intervals = (row.mean_interval, row.variance_interval)
        reach = (max(map(abs, i)) / t for i, t in zip(intervals, tolerances, strict=True) if i is not None)
        return list(Verdict).index(row.verdict), max(reach)

    return key
