"""`Task`: everything that determines the content of an ensemble, and its division into units of work."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.dual_rail import pairs
from ..crn.names import chosen
from ..crn.network import how_to_read, refuse_two_starts
from ..kernels.codes import NO_EVENT_LIMIT
from ..noise import NoisePlan, plan_noise
from ..options import options_of, record_of
from ..seeds import resolve_seed
from .methods import METHODS, Method, choose_method, elsewhere, name_of
from .methods.compiled import Compiled
from .methods.method import resolve, units_of
from .replicate_events import END_TIME, stopping, with_edges
from .run_options import ARGUMENTS, EVENTS, MOMENTS, QUANTILES, RECORDS, TRAJECTORIES, WITH_ROWS, RunOptions
from .schedule import Change, announce, parse_schedule, record, started

__all__ = [
    "MOMENT_GROUP", "EVENTS", "MOMENTS", "QUANTILES", "RECORDS", "TRAJECTORIES", "WITH_ROWS", "Task", "make_task",
    "quantities_of",
]  # fmt: skip
MOMENT_GROUP = 16
"""Replicates whose moments are summed together before they are merged. Never change it: the rounding depends on it."""
_IN_EVERY_DIGEST = ("count_firings", "noise")
"""Recorded options that are part of every digest. Later options are left out at their defaults, and `schedule` and
`max_events` are part of it in another form: the file names of sweeps must not change."""


def quantities_of(network: ReactionNetwork, species: Sequence[str]) -> tuple[str, ...]:
    """Names of the quantities that have moments: the recorded species, and the observables that are not among them."""
    known = set(species)
    return (*species, *(n for n in network.observables if n not in known))


class Task(NamedTuple):
    """An ensemble, checked: the options of the run, and what follows from them for its network."""

    network: ReactionNetwork
    method: type[Method]
    run: RunOptions
    volume: float
    rates: np.ndarray  # float64[reaction]
    counts: np.ndarray  # initial amounts [species], int64 where all are whole, else float64
    changes: tuple[Change, ...] = ()
    options: dict[str, Any] = {}  # of the method, all of them
    noise: NoisePlan | None = None
    stopping: ReactionNetwork | None = None
    """The network with the condition at which replicates stop; None without such a condition."""
    cut: ReactionNetwork | None = None
    """The same, or `network`, with an event at each time that a solver must not step over, see `with_edges`; None
    without any."""
    recorded: np.ndarray | None = None
    """int64, places of the recorded species among those of the network, in order; None if all are recorded."""

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the recorded species."""
        every = self.network.species
        return every if self.recorded is None else tuple(every[k] for k in self.recorded.tolist())

    def of_recorded(self, values: np.ndarray) -> np.ndarray:
        """The part of `values` [..., species] for the recorded species; the array itself if all are recorded."""
        return values if self.recorded is None else values.take(self.recorded, axis=-1)

    @property
    def simulated(self) -> ReactionNetwork:
        """The network that is simulated, without noise."""
        return self.cut or self.stopping or self.network

    @property
    def statistics_names(self) -> tuple[str, ...]:
        """Names of the statistics of each replicate: those of the method, and the time at which it stopped."""
        return self.method.statistics_names + (() if self.stopping is None else (END_TIME,))

    def start(self, replicate: int) -> np.ndarray:
        """Initial state [species] of a replicate, of the method's dtype or whole [molecules]."""
        if self.method.dtype != np.int64 or np.issubdtype(self.counts.dtype, np.integer):
            return self.counts
        return started(self.counts, self.run.round_initial, self.seed, replicate)

    @property
    def units(self) -> str:
        """Units of the recorded values of species, see `units_of`."""
        return units_of(self.method.units, self.network, self.volume)

    @property
    def grid(self) -> np.ndarray:
        """float64[point], increasing, the last is the end [s]."""
        return self.run.grid

    @property
    def seed(self) -> int:
        assert self.run.seed is not None  # `make_task` draws one
        return self.run.seed

    @property
    def n_replicates(self) -> int:
        return self.run.replicates

    @property
    def count_firings(self) -> bool:
        return self.run.count_firings

    @property
    def event_limit(self) -> int:
        return NO_EVENT_LIMIT if self.run.max_events is None else self.run.max_events

    @property
    def record(self) -> str:
        return self.run.record

    @property
    def records_rows(self) -> bool:
        """Whether the counts of each replicate are recorded."""
        return self.record in WITH_ROWS

    @property
    def records_events(self) -> bool:
        """Whether every reaction is recorded."""
        return self.record == EVENTS

    @property
    def quantities(self) -> tuple[str, ...]:
        return quantities_of(self.network, self.species)

    @property
    def n_together(self) -> int:
        """Replicates in a unit of work."""
        return 1 if self.records_rows else MOMENT_GROUP

    @property
    def n_units(self) -> int:
        """Units of work: replicates, or groups of them where moments are summed."""
        return -(-self.n_replicates // self.n_together)

    def replicates(self, unit: int) -> range:
        """Numbers of the replicates in a unit of work."""
        first = unit * self.n_together
        return range(first, min(self.n_replicates, first + self.n_together))

    @property
    def arguments(self) -> dict[str, Any]:
        """The options that a file stores as plain values by name; `RunOptions.again` restores them."""
        return record_of(self.run, self) | {"options": self.options}

    def schedule_record(self) -> list:
        """The scheduled changes as plain values, in order of time."""
        return record(self.changes, self.network, self.rates)

    def noise_record(self) -> list[dict]:
        """The noises as plain values; none if all have amplitude 0."""
        return [] if self.noise is None else [n.record() for n in self.noise.noises]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of everything that determines the content."""
        arrays = (self.grid, self.rates, self.counts, *(a for c in self.changes for a in (c.species, c.values)))
        plain = {
            "model": self.network.digest,
            "method": name_of(self.method),
            "volume": self.volume,
            "changes": [(c.time, len(c.species)) for c in self.changes],
            "seed": self.seed,
            "n_replicates": self.n_replicates,
            "event_limit": self.event_limit,
            "options": self.options,
            "record": self.record,
            "arrays": [(str(a.dtype), a.shape) for a in arrays],
            **self._others(),
        }
        set_ = [
            (k, sorted(c.parameters.items())) for k, c in enumerate(self.changes) if c.parameters or c.rates is not None
        ]
        # Only then: files of schedules that set counts alone had these names before parameters could be set.
        if set_:
            plain["parameters_and_rates"] = set_
            arrays += tuple(c.rates for c in self.changes if c.rates is not None)
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _others(self) -> dict[str, Any]:
        """The recorded options that are part of the digest in no other form."""
        defaults = {name: each.default for name, each in options_of(type(self.run)).items()}
        return {
            name: value
            for name, value in self.arguments.items()
            if name in _IN_EVERY_DIGEST
            or (name not in ("schedule", "max_events", "options") and value != defaults[name])
        }


def make_task(network: ReactionNetwork, run: RunOptions) -> tuple[Task, str]:
    """(task, why this method) for the options `run` on a `network`. All checks that need both are made here.

    Raises InputError for options that do not fit the network or each other.
    """
    if not isinstance(network, ReactionNetwork):
        how = "make one with ReactionNetwork.from_text or from_file, or take .network of a training network"
        if isinstance(network, (str, os.PathLike)):
            how = f"read it with {how_to_read(network)}"
        raise InputError(f"network must be a ReactionNetwork, got {type(network).__name__}: {how}")
    refuse_two_starts(network, run.parameters or (), run.initial or ())
    network, initial = network.with_parameters(run.parameters).with_continuous(run.initial)
    counts = network.amounts(initial)
    method, reason = choose_method(run.method, network, counts)
    if method.dtype == np.int64 and counts.dtype != np.int64:
        announce(network.species, counts, run.round_initial)
    volume, rates = _volume(network, run.volume), network.rates(run.rates)
    stops = None if run.stop_when is None else stopping(network, run.stop_when, method)
    simulated = stops or network
    cut = with_edges(simulated, method)
    noise = plan_noise(run.noise, cut, rates, presented=False)
    if noise is not None:
        # Once more, with the reactions that noise adds.
        method.refuse(noise.network)
    _refuse_combinations(run, method, noise)
    if run.record == EVENTS:
        _refuse_events(network, method, noise)
    task = Task(
        network=network,
        method=method,
        run=replace(run, seed=resolve_seed(run.seed)),
        volume=volume,
        rates=rates,
        counts=counts,
        changes=parse_schedule(run.schedule, network, run.grid[-1], method.dtype, run.rates),
        options=resolve(method, run.options, lambda name: elsewhere(name, ARGUMENTS)),
        noise=noise,
        stopping=stops,
        cut=None if cut is simulated else cut,
        recorded=_recorded(network, run.species),
    )
    return task, reason


def _recorded(network: ReactionNetwork, asked: Sequence[str] | None) -> np.ndarray | None:
    """`Task.recorded` for the option `species`."""
    if asked is None:
        return None
    # Observables are known names too, but recorded in any case.
    known = quantities_of(network, network.species)
    # A signed number is recorded by both of its rails.
    signed = {name: rails for name, rails in pairs(network.species).items() if name not in known}
    asked = [s for name in asked for s in ([s for s, _ in signed[name].signs()] if name in signed else [name])]
    names = tuple(name for name in chosen("species", asked, known) if name in network.index)
    return None if names == network.species else np.array([network.index[name] for name in names], dtype=np.int64)


def _refuse_combinations(run: RunOptions, method: type[Method], noise: NoisePlan | None) -> None:
    if method.deterministic and run.replicates != 1 and not (noise and noise.differs):
        raise InputError(f"replicates={run.replicates!r}: method {method.name} is deterministic; use 1 replicate")
    if run.count_firings and method.dtype != np.int64:
        raise InputError(f"count_firings: method {method.name} has no single firings; use an exact method or tau_leap")
    if run.record not in WITH_ROWS and (method.deterministic or run.count_firings):
        why = "firings are counted" if run.count_firings else f"method {method.name} has a single trajectory"
        raise InputError(f"record={run.record!r}: {why}; use record='trajectories'")


def _refuse_events(network: ReactionNetwork, method: type[Method], noise: NoisePlan | None) -> None:
    """Raise InputError where not every reaction can be recorded, or where something else changes counts."""
    if not (method.exact and issubclass(method, Compiled)):
        exact = ", ".join(m.name for m in METHODS if m.exact)
        raise InputError(f"record={EVENTS!r}: method {method.name} has no single reactions; use one of {exact}")
    if noise is not None and (
        noise.network is not network or any(len(p.noise.disturbs(p.places)) for p in noise.parts)
    ):
        raise InputError(
            f"record={EVENTS!r}: this noise changes counts without a reaction of the model; use noise in rates, or "
            f"record={TRAJECTORIES!r}"
        )


def _volume(network: ReactionNetwork, volume: float | None) -> float:
    if network.volume is None:
        return 1.0 if volume is None else volume
    if volume is not None:
        raise InputError(f"the model fixes its volume at {network.volume}: leave out volume={volume!r}")
    return network.volume
