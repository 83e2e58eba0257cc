"""The result of an ensemble of which moments were kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.trajectories import plot_ensemble
from ..status import Status
from .moments import Moments

_MOMENTS = ("n", "mean", "variance", "standard_error", "minimum", "maximum")


@dataclass(frozen=True)
class MomentsResult:
    """Moments and, on request, quantiles of an ensemble on a time grid; see `Result` for what a recorded point is.

    Arrays are [point, quantity]. Replicates that did not reach a point (event limit, overflow), or in which a rule
    gives no finite number there, are not in it: where `n` is less than `n_done`, what is found is of the others.
    """

    time: np.ndarray
    """float64[point] [s]."""
    quantities: tuple[str, ...]
    """Names of the species (of one that a rule gives, the rule's value), then of observables that are no species."""
    moments: Moments
    n_replicates: int
    """Replicates asked for."""
    method: str
    seed: int
    volume: float
    model: Any
    """The ReactionNetwork."""
    units: str = "molecules"
    """Of the species: `molecules`, or `concentration`."""
    method_reason: str = ""
    """Why this method: asked for, or what `auto` went by."""

    def __repr__(self):
        return (
            f"{type(self).__name__}({self.n_done} of {self.n_replicates} replicates, {len(self.time)} points to "
            f"{self.time[-1]:g} s, {len(self.quantities)} quantities)\n"
            f"  {self.method} ({self.method_reason}), Omega = {self.volume:g}, seed {self.seed}"
        )

    @property
    def n(self) -> np.ndarray:
        """int64, replicates that got there with a finite value."""
        return self.moments.n

    @property
    def mean(self) -> np.ndarray:
        """float64, NaN where `n` is 0."""
        return np.where(self.n > 0, self.moments.mean, np.nan)

    @property
    def variance(self) -> np.ndarray:
        """float64, of the law that is sampled (divided by n - 1); NaN where `n` is below 2."""
        return np.where(self.n > 1, self.moments.squares / np.maximum(self.n - 1, 1), np.nan)

    @property
    def standard_deviation(self) -> np.ndarray:
        """float64, the root of the variance."""
        return np.sqrt(self.variance)

    @property
    def standard_error(self) -> np.ndarray:
        """float64, of the mean."""
        return np.sqrt(self.variance / np.maximum(self.n, 1))

    @property
    def minimum(self) -> np.ndarray:
        """float64, the least; NaN where `n` is 0."""
        return np.where(self.n > 0, self.moments.minimum, np.nan)

    @property
    def maximum(self) -> np.ndarray:
        """float64, the largest; NaN where `n` is 0."""
        return np.where(self.n > 0, self.moments.maximum, np.nan)

    @property
    def n_done(self) -> int:
        """Replicates that are in."""
        return self.moments.n_done

    @property
    def n_events(self) -> int:
        """Reactions fired in all of them."""
        return self.moments.n_events

    @property
    def statuses(self) -> dict[Status, int]:
        """How many replicates ended in each way."""
        return {Status(k): int(n) for k, n in enumerate(self.moments.statuses) if n}

    @property
    def statistics(self) -> dict[str, float]:
        """Means over replicates of what the method says about its own steps."""
        return {name: total / max(1, self.n_done) for name, total in self.moments.statistics.items()}

    @property
    def complete(self) -> bool:
        """Every replicate asked for was simulated to the end."""
        return self.n_done == self.n_replicates and all(s.complete for s in self.statuses)

    def quantile(self, p) -> np.ndarray:
        """float64[point, quantity]: the value of rank ceil(p n) among the n replicates, within 0.4 % (whole numbers
        below 256 exactly, see `sketch`); NaN where `n` is 0. Raises InputError if no quantiles were recorded."""
        if self.moments.sketch is None:
            raise InputError('no quantiles were recorded: ask simulate for record="quantiles"')
        p = checks.not_negative("the probability of a quantile", p)
        if p > 1:
            raise InputError(f"the probability of a quantile must be at most 1, got {p!r}")
        found = self.moments.sketch.quantile(p).reshape(self.n.shape)
        return np.clip(found, self.minimum, self.maximum)

    def place(self, name) -> int:
        """Column of a quantity."""
        return self.quantities.index(checks.choice("quantity", name, self.quantities, "the result has"))

    def of(self, name) -> np.ndarray:
        """float64[point], the mean of a quantity by name."""
        return self.mean[:, self.place(name)]

    def plot(self, ax: Any = None, names: Sequence[str] = (), **how: Any) -> Any:
        """Draw it over time, or one quantity against another (`x="A", y="B"`); `names`, `log`, `units` and the other
        options `how` are those of `display.trajectories.plot_ensemble`. Returns the axes."""
        return plot_ensemble(self, names, ax, **how)

    def to_dataframe(self):
        """A pandas DataFrame indexed by (time, quantity), a column for each of n, mean, variance, standard_error,
        minimum and maximum."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        index = pandas.MultiIndex.from_product([self.time, self.quantities], names=["time", "quantity"])
        return pandas.DataFrame({name: getattr(self, name).ravel() for name in _MOMENTS}, index=index)

    def to_xarray(self, quantiles=()):
        """An xarray Dataset with dimensions time and quantity, and quantile where some are asked for."""
        xarray = checks.optional("xarray", "xarray", "to_xarray")
        data: dict[str, tuple] = {name: (("time", "quantity"), getattr(self, name)) for name in _MOMENTS}
        coordinates = {"time": ("time", self.time, {"units": "s"}), "quantity": list(self.quantities)}
        if len(quantiles):
            data["quantiles"] = (("quantile", "time", "quantity"), np.stack([self.quantile(p) for p in quantiles]))
            coordinates["quantile"] = list(quantiles)
        attributes = {"method": self.method, "seed": self.seed, "volume": self.volume, "units": self.units}
        return xarray.Dataset(data, coordinates, attributes)
