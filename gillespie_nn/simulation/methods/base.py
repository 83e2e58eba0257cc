"""Interface of a simulation method: start, advance, and apply a scheduled change."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...checks import InputError, InternalError, UnfinishedError
from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels import codes
from ...kernels.channels import Channels
from ...kernels.continuous import STALE
from ...kernels.families import Families
from ...kernels.laws import Laws, forget_variables
from ...nn.phases import Phase
from ...noise import Drive
from .options import Option, resolve

_NO_TIMES = np.empty(0)
_NO_SPECIES = np.empty(0, dtype=np.int64)
_ROUNDING = 1e-12
"""Relative, for times at which pieces of paths begin: a piece due this close to a stop begins after the stop."""
_LATEST = np.finfo(np.float64).max


WRITTEN_LAWS = ("variables", "window", "triggered", "value")
"""Arrays of `Laws` that are part of the state of a simulation. It also writes `registers`, `ready` and `table`, which
follow from the variables: replicates with the same variables share them."""
WRITTEN_CONTINUOUS = ("slopes", "start", "scale", "path", "numbers")
"""Arrays of `Continuous` that are part of the state of a simulation. It also writes `rows`."""
SCRATCH_CONTINUOUS = ("matrix", "pivot", "last")


def own_laws(laws: Laws) -> Laws:
    """`laws` with separate arrays for what one simulation writes."""
    copies = {name: getattr(laws, name).copy() for name in (*WRITTEN_LAWS, "registers", "ready")}
    continuous = laws.continuous
    if continuous is not None:
        names = (*WRITTEN_CONTINUOUS, *SCRATCH_CONTINUOUS)
        continuous = continuous._replace(**{name: getattr(continuous, name).copy() for name in names})
    separate = laws._replace(**copies, table=np.empty_like(laws.table), continuous=continuous)
    forget_variables(separate)
    return separate


def units_of(units: str, network: ReactionNetwork, volume: float) -> str:
    """Units of species in results of a method with these `units`, `molecules` or `concentration`: amounts divided by
    Omega. They are the amounts where Omega is 1 because the model fixes it so, as it is with SBML compartments that
    change or differ, or because the volume is a variable of its own, with a rate rule."""
    return "molecules" if volume == 1.0 and (network.volume is not None or network.rate_rules) else units


class Method(ABC):
    """One replicate in progress.

    Parameters
    ----------
    network : ReactionNetwork.
    rates : rate constants float64[reaction].
    volume : Omega.
    counts : initial state int64[species] [molecules].
    rng : numpy Generator of this replicate only; of SFC64, as `seeds.stream` makes them, for methods with kernels.
    count_firings : also count how often each reaction fired.
    options : values of the class's `options`, by name; missing ones have their defaults.
    start_time : time of the initial state [s].
    """

    name: str
    summary: str
    """When to choose it, in one line."""
    reference: str
    """What to cite; publications are separated by `; `."""
    exact = True
    """Whether counts follow the law of the chemical master equation exactly."""
    trains = True
    """Whether training may use it."""
    hands_over_to: tuple[str, ...] = ()
    """Names of the methods to which a replicate may be handed over during a run."""
    continuous = False
    """Whether it simulates networks with rate rules."""
    deterministic = False
    """Whether all replicates are identical."""
    dtype: type = np.int64
    """dtype of the state: int64 molecules, or float64 for methods with real-valued amounts."""
    units = "molecules"
    """Units of recorded rows: `molecules`, or `concentration`, the state divided by the volume."""
    options: tuple[Option, ...] = ()
    training_options: dict = {}
    """Defaults in training, where they differ from the usual ones."""
    statistics_names: tuple[str, ...] = ()
    """Names of the numbers in `statistics`."""
    records_covariance = False
    """Whether a covariance matrix belongs to each recorded row, see `covariance`."""

    def __init__(
        self,
        network: ReactionNetwork,
        rates: np.ndarray,
        volume: float,
        counts: np.ndarray,
        rng: np.random.Generator,
        count_firings: bool = False,
        options: Mapping[str, Any] | None = None,
        start_time: float = 0.0,
    ) -> None:
        self.rng = rng
        self.settings = resolve(type(self), options or {})
        self.network = network
        self.n_species = len(network.species)
        self._counts = np.append(np.asarray(counts, dtype=self.dtype), self.dtype(1))
        self._clock = np.zeros(codes.CLOCK_SIZE)
        self._clock[codes.TIME] = start_time
        self._clock[codes.NEXT_TIME] = np.nan
        self._tally = np.zeros(codes.TALLY_SIZE, dtype=np.int64)
        self.firings = np.zeros(len(network.reactions) if count_firings else 0, dtype=np.int64)
        self._structure, self._volume = self.compile(network, rates), volume
        self._channels, self._laws, self._families = self._own_arrays(network, rates, volume)
        self._owns_rates = False
        self._no_counts: np.ndarray = np.empty((0, self.n_species), dtype=self.dtype)
        self._drive: Drive | None = None
        self._moved: np.ndarray = np.empty((0, len(network.rate_rules)))

    def _own_arrays(
        self, network: ReactionNetwork, rates: np.ndarray, volume: float
    ) -> tuple[Channels, Laws, Families]:
        """The compiled arrays, shared but for what one simulation writes into; `set_rates` copies what it changes."""
        channels, laws, families = self._structure.arrays_for(rates, volume)
        return channels, own_laws(laws), families._replace(running=families.running.copy())

    @property
    def laws(self) -> Laws:
        """`kernels.laws.Laws`: the programs, variables and triggers of this simulation."""
        return self._laws

    @property
    def _programs(self) -> Laws | None:
        """What kernels get: `laws`, or None for a network without general laws and events, for which kernels are
        compiled without all that."""
        return self._laws if self._structure.has_programs else None

    @property
    def _pools(self) -> Families | None:
        """What kernels get that can do without product families: `Families`, or None if there are none."""
        return self._families if len(self._families.pools) else None

    @classmethod
    def refuse(cls, network: ReactionNetwork) -> None:
        """Raise InputError if this method does not support `network`, naming the unsupported part."""

    @property
    def statistics(self) -> dict[str, float]:
        """Numbers about the run so far, by `statistics_names`."""
        return {}

    def follow(self, drive: Drive) -> None:
        """Continue with extrinsic noise, a `noise.Drive`.

        Rates change exactly when a piece of a path begins. Impulses are applied last at their time: the recorded
        state is the one before them, and a scheduled change or a new sample has already been applied.
        """
        self._drive = drive
        self.set_rates(drive.rates())

    def memory(self) -> np.ndarray:
        """float64[number]: everything besides state, time, generator and `n_events` that a new simulation needs to
        continue like this one: the positions of the noise paths, and `_memory`."""
        own = self._memory()
        return own if self._drive is None else np.concatenate([self._drive.memory(), own])

    def _memory(self) -> np.ndarray:
        """The part of `memory` that belongs to the method. Exact methods have none: they recompute everything from the
        state, and redraw a pending time, which has the same law."""
        return np.empty(0)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Restore the number of events and the `memory` of another simulation with noise of the same seed; an empty
        memory is ignored."""
        if self._drive is not None and memory.size:
            paths, memory = np.split(memory, [self._drive.memory().size])
            self._drive.recall(paths)
            self.set_rates(self._drive.rates())
        self._tally[codes.N_EVENTS] = n_events
        if memory.size:
            self._recall(memory)

    def _recall(self, memory: np.ndarray) -> None:
        raise InternalError(f"method {self.name} has no memory, but got one of {memory.size} numbers")

    def covariance(self, first: int, last: int) -> np.ndarray:
        """Covariance of the species at rows first, ..., last - 1 of the present block, float64[row, species, species]
        [molecules^2]; they are then discarded. Without species if the method computes no covariance."""
        return np.zeros((last - first, 0, 0))

    def _record_moved(self) -> None:
        """There is a new array `_moved`: let kernels write into it."""
        continuous = self._laws.continuous
        if continuous is not None:
            self._laws = self._laws._replace(continuous=continuous._replace(rows=self._moved))

    def moved(self, first: int, last: int) -> np.ndarray:
        """Values of what rate rules change, in their order, at rows first, ..., last - 1 of the present block,
        float64[row, rate rule]."""
        return self._moved[first:last]

    @classmethod
    @abstractmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        """The compiled `Structure` of `network` for this method at `rates`; cached by the network."""

    @property
    def counts(self) -> np.ndarray:
        """The current state, `dtype`[species], a read-only view [molecules]."""
        view = self._counts[: self.n_species]
        view.flags.writeable = False
        return view

    @property
    def state(self) -> np.ndarray:
        """The state for kernels: the counts, followed by entries of the method."""
        return self._counts

    @property
    def time(self) -> float:
        """Time of the last candidate event, or the time advanced to [s]."""
        return float(self._clock[codes.TIME])

    @property
    def n_events(self) -> int:
        return int(self._tally[codes.N_EVENTS])

    @property
    def fault(self) -> int:
        """Why the simulation cannot go on: 0, or what `kernels.codes.FAULT` says."""
        return int(self._tally[codes.FAULT])

    @property
    def grid_index(self) -> int:
        """Number of filled rows in the current block."""
        return int(self._tally[codes.GRID_INDEX])

    def start_block(self) -> None:
        """Start a new grid for the following calls of `advance`."""
        self._tally[codes.GRID_INDEX] = 0

    def advance(
        self,
        t_stop: float,
        grid_time: np.ndarray = _NO_TIMES,
        grid_counts: np.ndarray | None = None,
        event_limit: int = codes.NO_EVENT_LIMIT,
    ) -> int:
        """Run one slice towards `t_stop`, filling rows of `grid_counts` for the points of `grid_time` passed.

        Returns REACHED_END (at t_stop), SLICE_END and TRIGGERED (call again), EVENT_LIMIT, OVERFLOW, NEGATIVE or
        BAD_PROPENSITY of `kernels.codes`.
        A drawn time persists across calls, so slices, grids and stops change no draw. Noise due at `t_stop` is applied
        in the next call.
        """
        t_stop = min(float(t_stop), _LATEST)  # the next event of a network that cannot react lies at infinity
        grid_counts = self._no_counts if grid_counts is None else grid_counts
        if len(grid_counts) > len(self._moved):
            self._moved = np.full((len(grid_counts), self._moved.shape[1]), np.nan)
            self._record_moved()
        while self._drive is not None and (due := self._drive.next_time) < t_stop * (1.0 - _ROUNDING):
            stop = max(due, self.time)
            points = grid_time[: np.searchsorted(grid_time, stop, side="right")]
            code = self._advance(stop, points, grid_counts, event_limit)
            if code != codes.REACHED_END:
                return code
            self._disturb(*self._drive.pass_time(stop))
        return self._advance(t_stop, grid_time, grid_counts, event_limit)

    def _disturb(self, rates_change: bool, impulses: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        assert self._drive is not None
        if rates_change:
            self._use_rates(self._drive.rates())
        for species, factors in impulses:
            self.scale_counts(species, factors)

    @abstractmethod
    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int: ...

    def set_counts(
        self,
        species: np.ndarray,
        values: np.ndarray,
        variables: Sequence[int] = (),
        variable_values: Sequence[float] = (),
    ) -> None:
        """Set counts[species] = values at the current time (int64 arrays), and variables of `laws` likewise, and update
        all dependent values."""
        if self._tally[codes.FAULT] == codes.NO_SOLUTION:  # of the state before; the new one may have one
            self._tally[codes.FAULT] = 0
        if self.laws.continuous is not None:
            self.laws.continuous.numbers[STALE] = 1.0  # variables are those of the present time, the path is not used
        if len(variables):
            self.laws.variables[list(variables)] = variable_values
            forget_variables(self.laws)
        self._set_counts(species, values)

    @abstractmethod
    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None: ...

    def set_rates(self, rates: np.ndarray) -> None:
        """Set the rate constants float64[reaction] from the current time on, in units of concentration and s.

        Channels and families remain; their coefficients and shares are updated. In an exact method the rest of each
        pending unit exponential elapses at the new propensity (random time change), so that no drawn time is discarded
        and the law is that of the master equation with piecewise constant rates.
        """
        rates = np.asarray(rates, dtype=np.float64)
        n = len(self.network.reactions)
        if rates.shape != (n,) or not ((rates >= 0) & (rates < np.inf)).all():
            raise InputError(f"rates must be {n} finite numbers, at least 0, one per reaction, got {rates!r}")
        self._use_rates(rates)

    def _use_rates(self, rates: np.ndarray) -> None:
        if not self._owns_rates:
            self._channels = self._channels._replace(terms=self._channels.terms.copy())
            self._families = self._families._replace(share=self._families.share.copy())
            self._owns_rates = True
        self._channels.terms["coefficient"][:-1] = self._structure.coefficients(rates, self._volume)
        self._families.share[:] = self._structure.shares(rates)
        self._renew()

    def change_rates(self, rates: np.ndarray) -> None:
        """Rate constants float64[reaction] of the network without noise, from the present time on. See `set_rates`."""
        if self._drive is not None:
            self._drive.change_rates(rates)
            rates = self._drive.rates()
        self.set_rates(rates)

    def _renew(self) -> None:
        """Update all values that depend on coefficients and shares."""
        self._set_counts(_NO_SPECIES, np.empty(0, dtype=self.dtype))

    def scale_counts(self, species: np.ndarray, factors: np.ndarray) -> None:
        """Multiply counts[species] by `factors` float64[...], at least 0, at the current time.

        Whole counts are rounded up or down at random, with the right mean; the added variance, below 1/4, is negligible
        for concentrations.
        """
        scaled = self._counts[species] * factors
        if np.issubdtype(self.dtype, np.integer):
            whole = np.floor(scaled)
            scaled = whole + (self.rng.random(len(scaled)) < scaled - whole)
            if scaled.max(initial=0.0) > codes.COUNT_LIMIT:
                raise UnfinishedError(
                    f"{self.network.species[species[np.argmax(scaled)]]} exceeded 2**53 molecules in an impulse "
                    f"at t = {self.time:g} s: use weaker impulses or a smaller volume"
                )
        self._set_counts(species, scaled.astype(self.dtype))

    def begin_presentation(self, k: int) -> None:
        """Begin presentation k, after its sample is set; noise may change here."""
        if self._drive is not None:
            self._disturb(*self._drive.begin_presentation(k))

    def begin_phase(self, phase: Phase) -> None:
        """Begin a phase of a presentation, after it is set: reactions need no more than what it sets."""

    @abstractmethod
    def can_react(self) -> bool:
        """Whether any propensity is positive now or, with a time-dependent law, may become so later."""
