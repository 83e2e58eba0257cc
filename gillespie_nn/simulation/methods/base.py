"""What a simulation method has to provide: start, advance, and take a scheduled change."""

from abc import ABC, abstractmethod

import numpy as np

from ...checks import InputError, InternalError, UnfinishedError
from ...kernels import codes
from .options import Option, resolve

_NO_TIMES = np.empty(0)
_NO_SPECIES = np.empty(0, dtype=np.int64)
_LATEST = np.finfo(np.float64).max


class Method(ABC):
    """One replicate in progress.

    Parameters
    ----------
    network : ReactionNetwork.
    rates : rate constants float64[reaction].
    volume : Omega.
    counts : initial state int64[species] [molecules].
    rng : numpy Generator of this replicate alone.
    count_firings : also count how often each reaction fired.
    options : values by name of the class's `options`; what is not given has its default.
    start_time : time of the initial state [s].
    """

    name: str
    summary: str
    """When to choose it, in one line."""
    reference: str
    """What to cite; several publications are set apart by `; `."""
    exact = True
    """Whether counts have exactly the law of the chemical master equation."""
    deterministic = False
    """Whether every replicate is the same."""
    dtype: type[np.int64] | type[np.float64] = np.int64
    """Of the state: int64 numbers of molecules, or float64 of a method that knows no single molecules."""
    units = "molecules"
    """Of recorded rows: `molecules`, or `concentration`, the state divided by the volume."""
    options: tuple[Option, ...] = ()
    training_options: dict = {}
    """Options that training takes where none are given, when these are not the defaults."""
    statistics_names: tuple[str, ...] = ()
    """Names of the numbers in `statistics`."""
    training_only = False
    """Whether this is a level of training networks alone, for `train`."""
    records_covariance = False
    """Whether a covariance matrix belongs to each recorded row, see `covariance`."""

    def __init__(self, network, rates, volume, counts, rng, count_firings=False, options=None, start_time=0.0):
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
        self._channels, self._families = self._own_arrays(network, rates, volume)
        self._no_counts = np.empty((0, self.n_species), dtype=self.dtype)

    def _own_arrays(self, network, rates, volume):
        """The compiled arrays, shared but for what one simulation writes into."""
        channels, families = self._structure.arrays_for(rates, volume)
        laws = channels.laws
        own = {name: getattr(laws, name).copy() for name in ("variables", "window", "triggered", "stack")}
        channels = channels._replace(
            coefficient=channels.coefficient.copy(), laws=laws._replace(**own), law=channels.law.copy()
        )
        return channels, families._replace(running=families.running.copy(), share=families.share.copy())

    @property
    def laws(self):
        """`kernels.laws.Laws`: the programs, variables and triggers of this simulation."""
        return self._channels.laws

    @classmethod
    def for_training(cls, plan, rng, counts, start_time):
        """The simulation of a `simulation.training.TrainingPlan` from the state `counts` at `start_time` [s]."""
        network, rates = plan.driven_network
        return cls(network, rates, plan.volume, counts, rng, options=plan.options, start_time=start_time)

    @classmethod
    def refuse(cls, network) -> None:
        """Raise InputError if this method cannot treat `network`, naming what it cannot treat."""

    @property
    def statistics(self) -> dict[str, float]:
        """Numbers about the run so far, by `statistics_names`."""
        return {}

    def memory(self) -> np.ndarray:
        """float64[number]: all that a new simulation from the present state, time and generator has to be told so that
        it goes on like this one, but for `n_events`. Exact methods forget their past, and have nothing to tell: what
        they keep is worked out again from the state, and a pending time is drawn anew, which is as good."""
        return np.empty(0)

    def recall(self, n_events, memory) -> None:
        """Take what another simulation had fired, and its `memory`; an empty one says nothing."""
        self._tally[codes.N_EVENTS] = n_events
        if memory.size:
            self._recall(memory)

    def _recall(self, memory) -> None:
        raise InternalError(f"method {self.name} was given a memory of {memory.size} numbers and keeps none")

    def covariance(self, first, last) -> np.ndarray:
        """Covariance of the species at rows first, ..., last - 1 of the present block, float64[row, species, species]
        [molecules^2], which are then forgotten; no species if the method knows none."""
        return np.zeros((last - first, 0, 0))

    @classmethod
    @abstractmethod
    def compile(cls, network, rates):
        """The compiled `Structure` of `network` that this method reads at `rates`; the network keeps it."""

    @property
    def counts(self) -> np.ndarray:
        """The state now, `dtype`[species], a read-only view [molecules]."""
        view = self._counts[: self.n_species]
        view.flags.writeable = False
        return view

    @property
    def state(self) -> np.ndarray:
        """The state that kernels read: the counts, and behind them what the method adds."""
        return self._counts

    @property
    def time(self) -> float:
        """Time of the last candidate event, or the time advanced to [s]."""
        return float(self._clock[codes.TIME])

    @property
    def n_events(self) -> int:
        return int(self._tally[codes.N_EVENTS])

    @property
    def grid_index(self) -> int:
        """Rows of the present block that are filled."""
        return int(self._tally[codes.GRID_INDEX])

    def start_block(self):
        """The grid of the calls to `advance` that follow is a new one."""
        self._tally[codes.GRID_INDEX] = 0

    def advance(self, t_stop, grid_time=_NO_TIMES, grid_counts=None, event_limit=codes.NO_EVENT_LIMIT) -> int:
        """Run one slice towards `t_stop`, filling rows of `grid_counts` for the points of `grid_time` passed.

        Returns REACHED_END (at t_stop), SLICE_END and TRIGGERED (call again), EVENT_LIMIT, OVERFLOW, NEGATIVE or
        BAD_PROPENSITY of `kernels.codes`.
        A drawn time is kept across calls, so slices, grids and stops change no draw.
        """
        t_stop = min(float(t_stop), _LATEST)  # the next event of a network that cannot react lies at infinity
        return self._advance(t_stop, grid_time, self._no_counts if grid_counts is None else grid_counts, event_limit)

    @abstractmethod
    def _advance(self, t_stop, grid_time, grid_counts, event_limit) -> int: ...

    def set_counts(self, species, values, variables=(), variable_values=()) -> None:
        """Set counts[species] = values at the present time (int64 arrays), and variables of `laws` likewise, refreshing
        what depends on them."""
        self.laws.variables[list(variables)] = variable_values
        self._set_counts(species, values)

    @abstractmethod
    def _set_counts(self, species, values) -> None: ...

    def set_rates(self, rates) -> None:
        """Rate constants float64[reaction] from the present time on, in units of concentration and s.

        Channels and families stay those of the first rates, with the coefficients and shares of the new ones. In an
        exact method what is left of each pending unit exponential runs on at the new propensity (random time change),
        so that no drawn time is discarded and the law is that of the master equation with these rates in turn.
        """
        rates = np.asarray(rates, dtype=np.float64)
        n = len(self.network.reactions)
        if rates.shape != (n,) or not ((rates >= 0) & (rates < np.inf)).all():
            raise InputError(f"rates must be {n} finite numbers, one a reaction and at least 0, got {rates!r}")
        self._channels.coefficient[:] = self._structure.coefficients(rates, self._volume)
        self._families.share[:] = self._structure.shares(rates)
        self._renew()

    def _renew(self) -> None:
        """Bring all that was worked out from coefficients and shares up to date."""
        self._set_counts(_NO_SPECIES, np.empty(0, dtype=self.dtype))

    def scale_counts(self, species, factors) -> None:
        """Multiply counts[species] by `factors` float64[...], at least 0, at the present time.

        Whole counts are rounded up or down at random: their mean is right, and the variance that this adds, below 1/4,
        is none on the scale of concentrations.
        """
        scaled = self._counts[species] * factors
        if np.issubdtype(self.dtype, np.integer):
            whole = np.floor(scaled)
            scaled = whole + (self.rng.random(len(scaled)) < scaled - whole)
            if scaled.max(initial=0.0) > codes.COUNT_LIMIT:
                raise UnfinishedError(
                    f"{self.network.species[species[np.argmax(scaled)]]} passed 2**53 molecules when it was multiplied "
                    f"at t = {self.time:g} s: use weaker impulses or a smaller volume"
                )
        self._set_counts(species, scaled.astype(self.dtype))

    def begin_presentation(self, k) -> None:
        """Presentation k begins, its sample being set; noise may wait for that, a method does not."""

    @abstractmethod
    def can_react(self) -> bool:
        """Whether any reaction has a positive propensity, now or, where a law reads the time, maybe later."""
