"""The result of an ensemble, in memory."""

from dataclasses import dataclass, field

import numpy as np

from .. import checks
from ..status import Status


@dataclass(frozen=True)
class Result:
    """Trajectories of an ensemble on a time grid.

    A recorded point is the state after every event and scheduled change at or before its time; points that a
    run did not reach (event limit, overflow) hold -1.
    """

    time: np.ndarray
    """float64[point] [s]."""
    counts: np.ndarray
    """int64[replicate, point, species] [molecules]."""
    species: tuple[str, ...]
    n_events: np.ndarray
    """int64[replicate], reactions fired."""
    status: np.ndarray
    """int64[replicate], members of `Status`."""
    method: str
    seed: int
    volume: float
    model: object
    """The ReactionNetwork."""
    firings: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    """int64[replicate, reaction], on request."""
    units: str = "molecules"
    method_reason: str = ""
    """Why this method: asked for, or what `auto` went by."""

    @property
    def complete(self) -> bool:
        """Every replicate was simulated to the end."""
        return all(Status(s).complete for s in self.status)

    def of(self, name) -> np.ndarray:
        """Counts of one species by name, int64[replicate, point]."""
        checks.choice("species", name, self.species, "the result has")
        return self.counts[:, :, self.species.index(name)]

    def to_xarray(self):
        """An xarray Dataset with dimensions replicate, time, species."""
        return dataset(self)

    def to_dataframe(self):
        """A pandas DataFrame indexed by (replicate, time), one column a species."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        index = pandas.MultiIndex.from_product([range(len(self.counts)), self.time], names=["replicate", "time"])
        counts = np.asarray(self.counts[:]).reshape(-1, len(self.species))
        return pandas.DataFrame(counts, index=index, columns=list(self.species))


def dataset(result):
    """An xarray Dataset of anything with the attributes of a `Result`."""
    xarray = checks.optional("xarray", "xarray", "to_xarray")
    return xarray.Dataset(
        {
            "counts": (("replicate", "time", "species"), np.asarray(result.counts[:]), {"units": result.units}),
            "n_events": (("replicate",), result.n_events),
            "status": (("replicate",), result.status),
        },
        coords={"time": ("time", result.time, {"units": "s"}), "species": list(result.species)},
        attrs={"method": result.method, "seed": result.seed, "volume": result.volume},
    )
