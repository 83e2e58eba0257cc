"""All that decides the content of an ensemble, and how its work is cut up."""

import hashlib
import json
from typing import NamedTuple

import numpy as np

from ..crn import ReactionNetwork
from ..noise import NoisePlan
from .methods import Method
from .schedule import Change

TRAJECTORIES, MOMENTS, QUANTILES = RECORDS = "trajectories", "moments", "quantiles"
"""What is kept of an ensemble: every trajectory; at each recorded time mean, variance, least and largest of all
replicates; or these and sketches of quantiles."""
BLOCK = 16
"""Replicates whose moments are summed together before they are merged. Part of the results: never change it."""


def quantities_of(network) -> tuple[str, ...]:
    """Names of what moments are of: the species, and the observables that are no species."""
    return (*network.species, *(n for n in network.observables if n not in network.index))


class Task(NamedTuple):
    """An ensemble, checked."""

    network: ReactionNetwork
    method: type[Method]
    grid: np.ndarray  # float64[point], increasing, the last is the end
    volume: float
    rates: np.ndarray  # float64[reaction]
    counts: np.ndarray  # int64[species]
    changes: tuple[Change, ...]
    seed: int
    n_replicates: int
    count_firings: bool
    event_limit: int
    options: dict = {}  # of the method
    noise: NoisePlan | None = None
    record: str = TRAJECTORIES

    @property
    def quantities(self) -> tuple[str, ...]:
        return quantities_of(self.network)

    @property
    def n_together(self) -> int:
        """Replicates in a unit of work."""
        return 1 if self.record == TRAJECTORIES else BLOCK

    @property
    def n_units(self) -> int:
        """Units of work: replicates, or blocks of them where moments are summed."""
        return -(-self.n_replicates // self.n_together)

    def replicates(self, unit) -> range:
        """Numbers of the replicates in a unit of work."""
        first = unit * self.n_together
        return range(first, min(self.n_replicates, first + self.n_together))

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of all that decides the content."""
        arrays = (self.grid, self.rates, self.counts, *(a for c in self.changes for a in (c.species, c.values)))
        plain = {
            "model": self.network.digest,
            "method": self.method.name,
            "volume": self.volume,
            "changes": [(c.time, len(c.species)) for c in self.changes],
            "seed": self.seed,
            "n_replicates": self.n_replicates,
            "count_firings": self.count_firings,
            "event_limit": self.event_limit,
            "options": self.options,
            "noise": [] if self.noise is None else [n.record() for n in self.noise.noises],
            "record": self.record,
            "arrays": [(str(a.dtype), a.shape) for a in arrays],
        }
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
