"""One replicate: its start, with or without extrinsic noise, and its run over a time grid.

Scheduled changes and events happen on the way. The run advances in slices and records rows in chunks of grid points.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..checks import UnfinishedError
from ..crn import ReactionNetwork
from ..kernels import codes
from ..noise import NoisePlan
from ..status import Status
from .methods import Method
from .observer import Invariants, Observer, raise_if_law_failed
from .replicate_events import Events

_MANY_EVENTS = 200_000_000
"""Number of reactions after which an exact method checks whether it can reach the end."""
_TOO_MANY_EVENTS = 1e17
"""No machine fires so many one by one: at ten nanoseconds each they take thirty years."""
_FALLEN = 0.9
"""A run goes on while its pace falls below this part of the pace before: the reactions to come are then fewer than the
present pace suggests."""
_CHUNK_BYTES = 1 << 20
"""Rows are written in chunks of about this size, so that memory does not grow with the grid."""


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

    With noise, `noise.network` is simulated at `noise.rates`: reactions of forced species stand behind those of
    `network`. With `follow=False` the caller gives the paths of a replicate later, by `Method.follow`.
    """
    if noise is not None:
        network, rates = noise.network, noise.rates
    simulation = method(network, rates, volume, counts, rng, count_firings, options, start_time)
    if noise is not None and follow:
        simulation.follow(noise.start(seed, replicate))
    return simulation


def chunk_rows(n_species: int) -> int:
    """Number of grid points in one chunk."""
    return max(1, _CHUNK_BYTES // (8 * max(1, n_species)))


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
    the end, to empty the log of the method. Raises ModelError where a rate law or an event has no valid value.
    """
    run = _Replicate(method, grid, changes, write, pause, event_limit, invariants, drain)
    size = chunk_rows(method.n_species)
    for first in range(0, len(grid), size):
        chunk = run.chunk(first, grid[first : first + size])
        if chunk.code != codes.REACHED_END:
            raise_if_law_failed(method.network, method, chunk.code)
            return Status(chunk.code)
    return Status.REACHED_END if run.can_go_on() else Status.NO_REACTION_POSSIBLE


class _Chunk:
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

    def chunk(self, first, time) -> _Chunk:
        """Run to the last point of `time`, whose points have the numbers `first`, ...; `code` says why it ended."""
        method = self._method
        chunk = _Chunk(first, time, method.n_species, len(method.network.observables), method.dtype)
        method.start_chunk()
        # The condition may hold from the start: then the state at time 0 is recorded, and nothing happens.
        if self._events.stops:
            points = time[: np.searchsorted(time, method.time, side="right")]
            advance_to(method, method.time, lambda now: False, grid_time=points, grid_counts=chunk.rows)
            self._see(chunk)
        while True:
            if self._events.stops:
                chunk.code = codes.CONDITION_MET
                self._drain()
                self._flush(chunk)
                return chunk
            change = self._changes[-1].time if self._changes else np.inf
            due = min(change, self._events.next_time())
            stop = min(due, time[-1])
            interrupted = due <= time[-1]
            # The state at a point comes after all that happens at its time.
            points = time[: np.searchsorted(time, stop, side="left")] if interrupted else time
            code = advance_to(
                method, stop, lambda now: self._between_slices(chunk, now),
                grid_time=points, grid_counts=chunk.rows, event_limit=self._event_limit,
            )  # fmt: skip
            self._see(chunk)
            if code == codes.REACHED_END and interrupted:
                if change == stop:
                    self._changes.pop().apply(method)
                self._changed()
            elif code == codes.TRIGGERED:
                self._changed()
            else:
                chunk.code = code
                self._drain()
                self._flush(chunk)
                return chunk

    def _between_slices(self, chunk, now):
        self._drain()
        # Covariances are too large to wait until the chunk is full.
        if self._method.records_covariance:
            self._see(chunk)
            self._flush(chunk)
        return self._pause(now)

    def _flush(self, chunk):
        """Write the rows that were seen since the last call."""
        new = slice(chunk.n_written, chunk.n_seen)
        if new.start < new.stop:
            covariance = self._method.covariance(new.start, new.stop)
            self._write(chunk.first + new.start, chunk.rows[new], chunk.observed[new], covariance)
            chunk.n_written = new.stop

    def _changed(self):
        """Follow a change of the state that no reaction made, or a change of a condition."""
        self._events.happen()
        if self._invariants is not None:
            self._invariants.start(self._method.counts)

    def _see(self, chunk):
        """Check the rows recorded since the last call, and compute the observables."""
        new = slice(chunk.n_seen, self._method.grid_index)
        if new.start == new.stop:
            return
        if self._invariants is not None:
            self._invariants.check(chunk.rows[new])
        if self._observer is not None:
            moved = self._method.moved(new.start, new.stop)
            chunk.observed[new] = self._observer.observe(self._method, chunk.rows[new], chunk.time[new], moved)
        chunk.n_seen = new.stop


def advance_to(method, time, pause, **grid) -> int:
    """Advance slice by slice to `time`; returns INTERRUPTED or what `Method.advance` does, but SLICE_END.

    `grid` are the further arguments of `Method.advance`. Raises UnfinishedError if an exact method would have to
    simulate so many reactions, at a rate that does not fall, that the run could not finish.
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
    """Checks after every `_MANY_EVENTS` reactions of an exact method whether it can reach `end` [s].

    Without `endless` it does nothing: a method that leaps, or a run with an event limit, always ends.
    """

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
                f"the run would take too long: {method.n_events:.3g} reactions fired before t = {method.time:.4g} s, "
                f"and at this rate about {still:.2g} more would fire until {self._end:g} s, one at a time with method "
                f"{method.name}; use a smaller volume, method tau_leap or ode, or max_events"
            )
        self._time, self._n_events, self._before = method.time, method.n_events, pace
