"""`certify`: a method compared with an exact one on any model. The result has a row for each quantity and time."""

import time as timer
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError, ModelError, UnfinishedError
from ..crn import ReactionNetwork
from ..crn.names import chosen, several
from ..crn.network import refuse_two_starts
from ..display.figures import COLOURS, add_legend, new_axes, title
from ..display.tables import Table, estimate, fragment, shown
from ..options import ArgumentCheck, Options, any_of, as_it_is, fraction, option, options_of, positive, takes, whole
from ..seeds import resolve_seed
from ..simulation import EXACT, METHODS, Result, choose_method
from ..simulation.methods import AUTO, Method, elsewhere, name_of
from ..simulation.methods.method import resolve
from ..simulation.run_options import Destination, Execution, RunOptions
from ..simulation.schedule import Change, parse_schedule
from ..statistics import scaling
from ..statistics.scaling import Errors, MeanVariance
from ..statistics.tests import Distance, Verdict, distance
from ..status import Status

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
    """Errors of means are divided by the exact mean, or by `floor` if that is larger [molecules]."""
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


# The ensembles of both methods, and the comparison that gives the certificate.

CONFIDENCE = 0.95


class Ensemble:
    """The compared values of the replicates of `method`, a class.

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
        """Values at a time, float64[replicate, name]."""
        return self._values[:, point].astype(np.float64)

    def moments(self, point: int) -> scaling.MeanVariance:
        values = self.values(point)
        if self._variances is None:
            return scaling.sampled(values)
        return scaling.known(values[0], self._variances[point])

    @property
    def has_variance(self) -> np.ndarray:
        """Whether the method gives a variance, bool[name]."""
        if self._variances is None:
            return np.ones(self._values.shape[-1], dtype=np.bool_)
        return ~np.isnan(self._variances).any(axis=0)

    @property
    def has_law(self) -> bool:
        """Whether the replicates are a sample of a distribution. A deterministic method has none."""
        return self._variances is None


def _molecules(result: Result, name: str) -> np.ndarray:
    """Values [replicate, point] in molecules; an observable keeps its unit."""
    is_count = result.units == "molecules" or name not in result.model.index
    return result.of(name) if is_count else result.of(name) * result.volume


def _known_variance(result: Result, name: str) -> np.ndarray:
    """Variance float64[point] [molecules^2] that a deterministic method gives with its run; NaN if it gives none."""
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
    """The certificate of `one` against the exact `other`; `tolerances` are those of the mean and the variance."""
    tolerance_mean, tolerance_variance = tolerances
    given = one.has_variance
    n_intervals = len(time) * int(len(names) * (1 + one.has_law) + given.sum())
    # By Bonferroni's inequality all intervals hold jointly: a mean of each name, a distance if the method has a law,
    # and a variance where it has one, at each time.
    level = (1.0 - CONFIDENCE) / n_intervals
    rows: list[Row] = []
    errors: list[Errors] = []
    allowed: list[np.ndarray] = []
    for point, t in enumerate(time.tolist()):
        moments = one.moments(point), other.moments(point)
        means = scaling.mean_errors(*moments, floor, level)
        variances = scaling.variance_errors(*moments, floor, level)
        distances = _distances(one, other, point, level)
        rows += _rows(names, t, moments, (means, variances), distances, tolerances)
        errors += [means, variances.of(given)]
        allowed += [np.full(len(names), tolerance_mean), np.full(given.sum(), tolerance_variance)]
    joined, tolerated = Errors.joined(errors), np.concatenate(allowed)
    verdict = Verdict.together(row.verdict for row in rows)
    is_open = verdict == Verdict.INCONCLUSIVE
    enough = scaling.sufficient_replicates(joined, tolerated, other.n, level) if is_open else None
    return Certificate(
        verdict, name_of(one.method), name_of(other.method),
        tuple(sorted(rows, key=_badness(tolerances), reverse=True)),
        tolerance_mean, tolerance_variance, floor, CONFIDENCE, n_intervals, one.n, other.n, enough,
        one.seed, other.seed, other.volume, one.seconds, other.seconds,
    )  # fmt: skip


def _distances(one: Ensemble, other: Ensemble, point: int, level: float) -> list[Distance] | None:
    """The distance of each name, or None if the method has no law."""
    if not one.has_law:
        return None
    # Rounded to whole molecules: a continuous law and a law of counts with the same shape would otherwise differ by the
    # probability of half a molecule.
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
    """Rows of all names at one time; `errors` are those of means and variances."""
    one, other = moments
    judged = [scaling.judge(e, t) for e, t in zip(errors, tolerances, strict=True)]
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
    triple = float(errors.error[k]), float(errors.low[k]), float(errors.high[k])
    return None if np.isnan(triple[0]) else triple


def _badness(tolerances: tuple[float, float]) -> Callable[[Row], tuple[int, float]]:
    """A key that orders rows: by verdict, then by how far an interval reaches, in tolerances."""

    def key(row: Row) -> tuple[int, float]:
        intervals = (row.mean_interval, row.variance_interval)
        reach = (max(map(abs, i)) / t for i, t in zip(intervals, tolerances, strict=True) if i is not None)
        return list(Verdict).index(row.verdict), max(reach)

    return key


# `certify`: compare an approximate method with an exact one on any model.

LEAST_REPLICATES = 30
_SHORT = 1e-3
"""Part of the first interval that a trial run covers. The trial compiles the kernels and refuses invalid arguments."""


def _seed(name: str, value: Any) -> int:
    return checks.whole(name, resolve_seed(value), 0, 2**63 - 2, "the reference uses the next one")


@dataclass(frozen=True, eq=False)
class CertifyOptions(Options):
    """The arguments of `certify` itself."""

    method: Any = option(
        MISSING, as_it_is, "method to certify", kind=str,
        allowed=f"one of {AUTO}, {', '.join(m.name for m in METHODS)}",
        more="or a class derived from `Method`; an exact method gets the verdict `fails` in less than 5 % of calls",
    )  # fmt: skip
    t_end: float = option(
        MISSING, positive("s", "the time of the last comparison"), "time of the last comparison", unit="s"
    )
    n_points: int = option(
        4, whole(1, 2**20), "number of times to compare, evenly spaced from above 0 to t_end", kind=int
    )
    replicates: int = option(
        1000, whole(LEAST_REPLICATES, 2**40, "fewer give no valid intervals"), "replicates of each method",
        kind=int, more="the default tolerances need about 25000; fewer only show larger errors",
    )  # fmt: skip
    reference: Any = option(
        AUTO, as_it_is, "exact method", kind=str, allowed=f"one of {AUTO}, {', '.join(m.name for m in EXACT)}"
    )
    seed: int | None = option(
        None, ArgumentCheck(_seed, "at least 0"), "seed of every random draw", kind=int, usual="drawn and reported",
        more="the method uses `seed`, the reference `seed` + 1, so the two are independent",
    )  # fmt: skip
    tolerance_mean: float = option(0.02, fraction, "largest relative error of a mean")
    tolerance_variance: float = option(0.05, fraction, "largest relative error of a variance")
    floor: float = option(
        1.0, positive("molecules"),
        "smallest value that an error of a mean is divided by; for a variance, its square",
        unit="molecules",
    )  # fmt: skip
    species: Sequence[str] | None = option(
        None, several, "species or observables to compare", kind=str, usual="all species that can change",
        metavar="'A,C*'", several=True, more="one or several names or patterns; observables keep their units",
    )  # fmt: skip


_OF_RUN = options_of(
    RunOptions, without=("time", "noise", "count_firings", "max_events", "stop_when", "record", "species")
)
"""Options of a run that both methods are given."""
OPTIONS = any_of(options_of(CertifyOptions), _OF_RUN, options_of(Execution))


@takes(OPTIONS, options_of(Destination, without=("output", "overwrite")))
def certify(
    network: ReactionNetwork, method: str | type[Method], t_end: float, n_points: int = 4, **options: Any
) -> Certificate:
    """Compare the distributions of the counts by `method` with those by an exact method.

    The error of a mean is relative to max(|exact mean|, `floor`), the error of a variance to max(exact variance,
    `floor`**2). Each has an interval, and the Kolmogorov-Smirnov distance has an upper bound. All of them hold jointly
    with probability 0.95 (Bonferroni). The intervals are asymptotic: they assume no distribution, but they cannot
    cover values so rare that no replicate took them. The verdict is `fails` if an interval lies entirely beyond
    its tolerance, `holds` if every interval lies inside its tolerance, and `inconclusive` otherwise.

    Concentrations are converted to molecules, and rounded to whole molecules for the distance. A deterministic method
    runs once; its mean is compared, and its variance if the method gives covariances.

    Parameters
    ----------
    network : the model.
    ...
    options : options of the method.

    Raises
    ------
    InputError : an argument is invalid. UnfinishedError : a replicate did not reach `t_end`.
    """
    if not isinstance(network, ReactionNetwork):
        raise InputError(f"network must be a ReactionNetwork, got {type(network).__name__}: see simulate")
    asked, given = CertifyOptions.taken({"method": method, "t_end": t_end, "n_points": n_points} | options)
    destination, given = Destination.taken(given, ("output", "overwrite"))
    shared = {name: value for name, value in given.items() if name in OPTIONS}
    parameters = shared.pop("parameters", None)
    refuse_two_starts(network, parameters or (), shared.get("initial") or ())
    network = network.with_parameters(parameters)
    seed = _seed("seed", asked.seed)
    grid = np.linspace(0.0, asked.t_end, asked.n_points + 1)[1:]
    initial, rates, schedule = (shared.get(name) for name in ("initial", "rates", "schedule"))
    started, amounts_given = network.with_continuous(initial)
    amounts = started.amounts(amounts_given)
    tested, exact = choose_method(asked.method, network, amounts).method, _reference(asked.reference, network, amounts)
    of_method = {name: value for name, value in given.items() if name not in OPTIONS}
    resolve(tested, of_method, lambda name: elsewhere(name, [*OPTIONS, *options_of(Destination)]))
    changes = parse_schedule(schedule, network, asked.t_end, tested.dtype, rates)
    names = _names(network, asked.species, rates, changes)
    shared["species"] = [name for name in names if name in network.index] or None
    one = shared | {"seed": seed, "replicates": 1 if tested.deterministic else asked.replicates} | of_method
    other = shared | {"seed": seed + 1, "replicates": asked.replicates}
    # A short run of each method first, so that a refusal costs no ensemble and compilation is not timed.
    for tried, of in ((tested, one), (exact, other)):
        short = of | {"replicates": 1, "schedule": None}
        simulate(network, time=_SHORT * grid[:1], method=tried, **short)
    ensemble = Ensemble(tested, names, network, grid, one, destination.progress)
    truth = Ensemble(exact, names, network, grid, other, destination.progress)
    return compare(ensemble, truth, names, grid, (asked.tolerance_mean, asked.tolerance_variance), asked.floor)


def _reference(name: str | type[Method], network: ReactionNetwork, amounts: np.ndarray) -> type[Method]:
    chosen_method = choose_method(name, network, amounts).method
    if not chosen_method.exact:
        exact = ", ".join(m.name for m in EXACT)
        raise InputError(f"reference must be an exact method, got {chosen_method.name!r}: use one of auto, {exact}")
    return chosen_method


def _names(
    network: ReactionNetwork,
    species: Sequence[str] | None,
    rates: Mapping[str, float] | None,
    changes: Sequence[Change],
) -> tuple[str, ...]:
    """The requested names, or all species that reactions, rules, events or the schedule can change."""
    if species is not None:
        names = chosen("species", species, dict.fromkeys((*network.species, *network.observables)))
    else:
        changing = set(network.rules)
        highest = np.max([network.rates(rates), *(c.rates for c in changes if c.rates is not None)], axis=0)
        for reaction, rate in zip(network.reactions, highest, strict=True):
            changing.update(reaction.net_change() if rate > 0 else ())
        changing.update(target for event in network.events for target, _ in event.assignments)
        changing.update(network.species[s] for change in changes for s in change.species)
        names = tuple(s for s in network.species if s in changing)
    if not names:
        raise InputError("no species to compare: name species, or give a network in which some species change")
    return names
