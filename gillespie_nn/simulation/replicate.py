"""The one way to start a simulation, with or without extrinsic noise."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..checks import UnfinishedError
from ..crn import ReactionNetwork
from ..kernels import codes
from ..noise import NoisePlan
from ..status import Status
from .methods import Method
from .observer import Invariants, Observer, explain
from .replicate_events import Events


def start_simulation(
    method: type[Method],
    network: ReactionNetwork,
    rates: np.ndarray,
    volume: float,
    counts: np.ndarray,
    rng: np.random.Generator,
    *,
    noise: NoisePlan | None = None,
    seed: int = 0,
    replicate: int = 0,
    count_firings: bool = False,
    options: Mapping[str, Any] | None = None,
    start_time: float = 0.0,
    follow: bool = True,
) -> Method:
    """A simulation by `method`, parameters as there, under the paths of `noise` for a `seed` and a `replicate`.

    Under noise it is `noise.network` at `noise.rates` that is simulated: reactions of forced species come behind those
    of `network`. Without `follow`, the caller lets it follow the paths of a replicate.
    """
    if noise is not None:
        network, rates = noise.network, noise.rates
    simulation = method(network, rates, volume, counts, rng, count_firings, options, start_time)
    if noise is not None and follow:
        simulation.follow(noise.start(seed, replicate))
    return simulation


# The run of one replicate over a time grid, with scheduled changes and events, in slices and blocks of grid points.

_MANY_EVENTS = 200_000_000
"""Reactions after which an exact method looks whether it will ever come to the end."""
_TOO_MANY_EVENTS = 1e17
"""No machine fires so many one by one: at ten nanoseconds each they take thirty years."""
_FALLEN = 0.9
"""Where reactions fire ever more seldom, what is still to come cannot be told from what was."""
_BLOCK_BYTES = 1 << 20
"""Rows are handed on in blocks of about this size, so that memory does not grow with the grid."""


def block_rows(n_species: int) -> int:
    """Grid points in one block."""
    return max(1, _BLOCK_BYTES // (8 * max(1, n_species)))


def run_replicate(
    method,
    grid: np.ndarray,
    changes=(),
    write: Callable[[int, np.ndarray, np.ndarray, np.ndarray], None] = lambda first, *rows: None,
    pause: Callable[[float], bool] = lambda time: False,
    event_limit: int = codes.NO_EVENT_LIMIT,
    invariants: Invariants | None = None,
    drain: Callable[[], None] = lambda: None,
) -> Status:
    """Simulate from 0 to grid[-1], calling `write(first, rows, observed, covariance)` with rows [point, species] of the
    grid [molecules], the observables float64[point, observable] and what `Method.covariance` gives.

    `invariants` are checked in every row. `pause(time)` is called between slices; if it returns True the run stops as
    INTERRUPTED. Rows of grid points that were not reached are not written. `drain()` is called between slices and at
    the end, to empty the log of the method. Raises ModelError where a rate law or an event leads to what has no
    meaning.
    """
    run = _Replicate(method, grid, changes, write, pause, event_limit, invariants, drain)
    size = block_rows(method.n_species)
    for first in range(0, len(grid), size):
        block = run.block(first, grid[first : first + size])
        if block.code != codes.REACHED_END:
            explain(method.network, method, block.code)
            return Status(block.code)
    return Status.REACHED_END if run.can_go_on() else Status.NO_REACTION_POSSIBLE


class _Block:
    """Grid points from number `first` on, and what is recorded at them."""

    def __init__(self, first, time, n_species, n_observables, dtype):
        self.first, self.time = first, time
        self.rows = np.empty((len(time), n_species), dtype=dtype)
        self.observed = np.empty((len(time), n_observables))
        self.n_seen = self.n_written = 0
        self.code = codes.REACHED_END


class _Replicate:
    def __init__(self, method, grid, changes, write, pause, event_limit, invariants, drain):
        self._method, self._event_limit, self._invariants = method, event_limit, invariants
        self._write, self._pause, self._drain = write, pause, drain
        self._changes = list(reversed(changes))
        self._events = Events(method.network, method, grid[-1])
        self._observer = Observer(method.network) if method.network.observables else None
        self._changed()

    def can_go_on(self):
        return self._method.can_react() or np.isfinite(self._events.next_time())

    def block(self, first, time) -> _Block:
        """Run to the last point of `time`, whose points have the numbers `first`, ...; `code` says why it ended."""
        method = self._method
        block = _Block(first, time, method.n_species, len(method.network.observables), method.dtype)
        method.start_block()
        if self._events.stops:  # from the start: the state at time 0 is recorded, and nothing happens
            points = time[: np.searchsorted(time, method.time, side="right")]
            advance_to(method, method.time, lambda now: False, grid_time=points, grid_counts=block.rows)
            self._see(block)
        while True:
            if self._events.stops:
                block.code = codes.CONDITION_MET
                self._drain()
                self._hand_on(block)
                return block
            change = self._changes[-1].time if self._changes else np.inf
            due = min(change, self._events.next_time())
            stop = min(due, time[-1])
            interrupted = due <= time[-1]
            # The state at a point comes after all that happens at its time.
            points = time[: np.searchsorted(time, stop, side="left")] if interrupted else time
            code = advance_to(
                method, stop, lambda now: self._between_slices(block, now),
                grid_time=points, grid_counts=block.rows, event_limit=self._event_limit,
            )  # fmt: skip
            self._see(block)
            if code == codes.REACHED_END and interrupted:
                if change == stop:
                    self._changes.pop().apply(method)
                self._changed()
            elif code == codes.TRIGGERED:
                self._changed()
            else:
                block.code = code
                self._drain()
                self._hand_on(block)
                return block

    def _between_slices(self, block, now):
        self._drain()
        if self._method.records_covariance:  # too large to be kept until the block is full
            self._see(block)
            self._hand_on(block)
        return self._pause(now)

    def _hand_on(self, block):
        """Write what was seen since the last time."""
        new = slice(block.n_written, block.n_seen)
        if new.start < new.stop:
            covariance = self._method.covariance(new.start, new.stop)
            self._write(block.first + new.start, block.rows[new], block.observed[new], covariance)
            block.n_written = new.stop

    def _changed(self):
        """After a change of the state that no reaction made, or one of a condition."""
        self._events.happen()
        if self._invariants is not None:
            self._invariants.start(self._method.counts)

    def _see(self, block):
        """Check what was recorded since, and work out what else is recorded."""
        new = slice(block.n_seen, self._method.grid_index)
        if new.start == new.stop:
            return
        if self._invariants is not None:
            self._invariants.check(block.rows[new])
        if self._observer is not None:
            moved = self._method.moved(new.start, new.stop)
            block.observed[new] = self._observer.observe(self._method, block.rows[new], block.time[new], moved)
        block.n_seen = new.stop


def advance_to(method, time, pause, **grid) -> int:
    """Advance slice by slice to `time`; returns INTERRUPTED or what `Method.advance` does, but SLICE_END.

    `grid` are the further arguments of `Method.advance`. Raises UnfinishedError where an exact method fires reactions
    at a pace that does not fall, and at which no machine would come to the end.
    """
    limited = grid.get("event_limit", codes.NO_EVENT_LIMIT) != codes.NO_EVENT_LIMIT
    pace = Pace(method, time, method.exact and not limited)
    while True:
        code = method.advance(time, **grid)
        if code != codes.SLICE_END:
            return code
        if pause(method.time):
            return codes.INTERRUPTED
        pace.check()


class Pace:
    """Looks after every `_MANY_EVENTS` reactions of an exact method whether it will ever come to `end` [s]; does
    nothing for what is not `endless`, because it leaps or has an event limit."""

    def __init__(self, method, end, endless=True):
        self._method, self._end, self._endless = method, end, endless
        self._time, self._n_events, self._before = method.time, method.n_events, np.inf

    def check(self) -> None:
        """Raise UnfinishedError if there are too many reactions to come, at a pace that does not fall."""
        method = self._method
        n_events = method.n_events - self._n_events
        if not self._endless or n_events < _MANY_EVENTS:
            return
        seconds = method.time - self._time
        pace = n_events / seconds if seconds > 0 else np.inf  # [1/s]
        still = pace * (self._end - method.time)
        if np.isfinite(self._end) and still > _TOO_MANY_EVENTS and _FALLEN * self._before <= pace:
            raise UnfinishedError(
                f"at t = {method.time:.4g} s {method.n_events:.3g} reactions have fired, and at this pace about "
                f"{still:.2g} more would fire until {self._end:g} s, one at a time with method {method.name}: use a "
                "smaller volume, method tau_leap or ode, or max_events"
            )
        self._time, self._n_events, self._before = method.time, method.n_events, pace
