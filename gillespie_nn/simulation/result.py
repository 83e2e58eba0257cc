"""The result of an ensemble, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import checks
from ..crn import ReactionNetwork
from ..display.trajectories import plot_ensemble
from ..status import Status
from .sinks import reached


@dataclass(frozen=True)
class Result:
    """Trajectories of an ensemble on a time grid.

    A recorded point is the state after every event and scheduled change at or before its time. Points that a run did
    not reach (event limit, overflow) are masked in `counts`, whose data there is -1, and NaN in concentrations.
    """

    time: np.ndarray
    """float64[point] [s]."""
    counts: np.ndarray
    """int64[replicate, point, species] [molecules], or float64 of a method whose `units` are concentrations. Masked
    where a run did not get, or a rule gives no whole number."""
    species: tuple[str, ...]
    n_events: np.ndarray
    """int64[replicate], reactions fired."""
    status: np.ndarray
    """int64[replicate], members of `Status`."""
    method: str
    seed: int
    volume: float
    model: ReactionNetwork
    """The ReactionNetwork."""
    firings: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    """int64[replicate, reaction], on request."""
    units: str = "molecules"
    """Of `counts`: `molecules`, or `concentration`."""
    observables: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    """float64[replicate, point, observable]: values of rules, and of parameters that events change."""
    observable_names: tuple[str, ...] = ()
    method_reason: str = ""
    """Why this method: asked for, or what `auto` went by."""
    statistics: dict = field(default_factory=dict)
    """What the method says about its own steps: names and float64[replicate]."""
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 0)))
    """float64[replicate, point, species, species] [concentration^2], of `linear_noise`."""

    def __post_init__(self):
        if isinstance(self.counts, np.ndarray):
            object.__setattr__(self, "counts", reached(self.counts))

    def __repr__(self):
        ended = sum(Status(s).complete for s in self.status)
        return (
            f"Result({ended} of {len(self.status)} replicates complete, {len(self.time)} points to "
            f"{self.time[-1]:g} s, {len(self.species)} species [{self.units}])\n"
            f"  {self.method} ({self.method_reason}), Omega = {self.volume:g}, seed {self.seed}"
        )

    @property
    def complete(self) -> bool:
        """Every replicate was simulated to the end."""
        return all(Status(s).complete for s in self.status)

    def of(self, name) -> np.ndarray:
        """One species, int64[replicate, point] [molecules], or one observable, float64[replicate, point], by name."""
        return of(self, name)

    def plot(self, ax: Any = None, names: Sequence[str] = (), **how: Any) -> Any:
        """Draw it over time, or one quantity against another (`x="A", y="B"`); `names`, `log`, `units` and the other
        options `how` are those of `display.trajectories.plot_ensemble`. Returns the axes."""
        return plot_ensemble(self, names, ax, **how)

    def to_xarray(self):
        """An xarray Dataset with dimensions replicate, time, species; NaN where a replicate did not get."""
        return dataset(self)

    def to_dataframe(self):
        """A pandas DataFrame indexed by (replicate, time), one column a species or observable; NaN where a replicate
        did not get."""
        return frame(self)


def frame(result):
    """Counts and observables of anything with the attributes of a `Result` as a pandas DataFrame."""
    pandas = checks.optional("pandas", "xarray", "to_dataframe")
    counts = _reached(result)
    index = pandas.MultiIndex.from_product([range(len(counts)), result.time], names=["replicate", "time"])
    found = pandas.DataFrame(counts.reshape(-1, len(result.species)), index=index, columns=list(result.species))
    for name in result.observable_names:
        found[name] = np.asarray(result.of(name)).ravel()
    return found


def _reached(result):
    """All counts; where a replicate did not get, or a rule gives no whole number, NaN in place of -1."""
    counts = np.asarray(result.counts[:])
    unknown = counts < 0
    return np.where(unknown, np.nan, counts) if counts.dtype.kind == "i" and unknown.any() else counts


def of(result, name) -> np.ndarray:
    """One species or observable of anything with the attributes of a `Result`."""
    if name in result.observable_names:
        return result.observables[:, :, result.observable_names.index(name)]
    checks.choice("species", name, [*result.species, *result.observable_names], "the result has")
    return result.counts[:, :, result.species.index(name)]


def unfinished(result) -> str:
    """What a user should know of a result, or moments, of which some replicates did not reach the end, in a sentence;
    nothing if all did."""
    if hasattr(result, "statuses"):
        statuses, n = result.statuses, result.n_done
    else:
        statuses = {Status(int(k)): int(m) for k, m in zip(*np.unique(result.status, return_counts=True))}
        n = len(result.status)
    why = {status: m for status, m in statuses.items() if not status.complete}
    if not why:
        return ""
    said = ", ".join(f"{m}: {str(status).removeprefix('stopped: ')}" for status, m in why.items())
    points = "are left out of the moments" if hasattr(result, "statuses") else (
        "are masked" if result.units == "molecules" else "are NaN"
    )  # fmt: skip
    return (
        f"{sum(why.values())} of {n} replicates did not reach t = {result.time[-1]:g} s ({said}); points that were not "
        f"reached {points}"
    )


def final_values(result) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of species and observables of a `result`, and their values at the last point in the replicates that reached
    the end, float64[replicate, name]; of a species that a rule gives, the rule's value."""
    names = (*result.species, *(n for n in result.observable_names if n not in result.species))
    values = np.full((len(result.status), len(names)), np.nan)
    values[:, : len(result.species)] = result.counts[:, -1, :]
    for k, name in enumerate(names):
        if name in result.observable_names:
            values[:, k] = result.observables[:, -1, result.observable_names.index(name)]
    return names, values[[Status(int(s)).complete for s in result.status]]


def dataset(result):
    """An xarray Dataset of anything with the attributes of a `Result`."""
    xarray = checks.optional("xarray", "xarray", "to_xarray")
    return xarray.Dataset(
        {
            "counts": (("replicate", "time", "species"), _reached(result), {"units": result.units}),
            "n_events": (("replicate",), result.n_events),
            "status": (("replicate",), result.status),
            **{name: (("replicate", "time"), np.asarray(result.of(name))) for name in result.observable_names},
        },
        coords={"time": ("time", result.time, {"units": "s"}), "species": list(result.species)},
        attrs={"method": result.method, "seed": result.seed, "volume": result.volume},
    )
