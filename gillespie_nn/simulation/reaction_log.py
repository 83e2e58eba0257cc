"""Logs of reactions, and the exact path of a replicate that follows from them.

A log has every reaction of an ensemble, with its time and its number in the network. Reactions come from kernels in
pieces of bounded size. The pieces of a replicate arrive in order, before its end; a piece may cover several replicates.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError, InternalError
from ..crn import ReactionNetwork
from ..status import Status
from .schedule import parse_schedule, started

_CHECKED = 1 << 20
"""Reactions after which the free memory is checked again. A check takes about 50 us."""
_BYTES = 16
"""Memory of a reaction: 12 bytes, and a margin."""


class Fired(NamedTuple):
    """Reactions of consecutive replicates. The first may continue an earlier piece, and the last may go on in a later
    one; those in between are whole."""

    sizes: np.ndarray
    """int64[replicate], reactions of each."""
    time: np.ndarray
    """float64[reaction], ascending in each replicate [s]."""
    reaction: np.ndarray
    """uint32[reaction], numbers of reactions in the network."""


def fired(log: np.ndarray, sizes: np.ndarray | None = None) -> Fired:
    """A piece of the log of a kernel (`kernels.replicates.LOGGED`), by default of one replicate."""
    sizes = np.array([len(log)]) if sizes is None else sizes
    return Fired(sizes, log["time"].copy(), log["reaction"].astype(np.uint32))


class BlockLog:
    """Writes the log of a block of replicates after each call of the kernel, by `write(first, Fired)`."""

    def __init__(self, method: Any, run: Any, first: int, write: Any) -> None:
        self._method, self._run, self._first, self._write = method, run, first, write
        # The replicate at which the log begins, and its reactions that are written already.
        self._at = self._before = 0

    def drain(self, n_done: int) -> None:
        """Write the log so far. `n_done` replicates of the block are done; the next may be in progress."""
        log = self._method.drain_log(self._run.place)
        sizes = np.append(self._run.ends["n_events"][self._at : n_done], 0)
        if n_done > self._at:
            sizes[0] -= self._before
            self._before = 0
        # What remains belongs to the replicate in progress.
        sizes[-1] = len(log) - sizes.sum()
        if sizes.min() < 0:
            raise InternalError(f"{len(log)} reactions were logged for {sizes.tolist()[:-1]} events")
        first = self._first + self._at
        self._at, self._before = n_done, self._before + int(sizes[-1])
        if n_done == len(self._run.ends):
            sizes = sizes[:-1]
        if len(sizes):
            self._write(first, fired(log, sizes))


class LogBuilder(ABC):
    """Joins the pieces of each replicate. Subclasses store complete replicates, and keep the others until then."""

    @abstractmethod
    def _hold(self, replicate: int, time: np.ndarray, reaction: np.ndarray) -> None:
        """Add a piece of a replicate that is not complete."""

    @abstractmethod
    def _is_pending(self, replicate: int) -> bool:
        """Whether there are pieces of a replicate that is not complete."""

    @abstractmethod
    def _store(self, first: int, fired: Fired) -> None:
        """Store complete replicates."""

    @abstractmethod
    def _store_pending(self, replicate: int) -> None:
        """Store a replicate all of whose pieces have arrived."""

    def add(self, first: int, fired: Fired) -> None:
        """Add a piece of the log, of replicates first, first + 1, ..."""
        sizes, time, reaction = fired
        ends = np.cumsum(sizes)
        last = len(sizes) - 1
        continued = int(last > 0 and self._is_pending(first))
        if continued:  # complete now, since the piece has later replicates
            self._hold(first, time[: ends[0]], reaction[: ends[0]])
            self._store_pending(first)
        if last > continued:
            part = slice(ends[0] if continued else 0, ends[last - 1])
            self._store(first + continued, Fired(sizes[continued:last], time[part], reaction[part]))
        begin = ends[last - 1] if last else 0
        self._hold(first + last, time[begin:], reaction[begin:])

    def end(self, first: int, n: int) -> None:
        """Replicates first, ..., first + n - 1 are complete."""
        for replicate in range(first, first + n) if self._any_pending() else ():
            if self._is_pending(replicate):
                self._store_pending(replicate)

    @abstractmethod
    def _any_pending(self) -> bool: ...


class MemoryLog(LogBuilder):
    """The log of an ensemble in memory. Raises InputError before memory is full."""

    def __init__(self, n_replicates: int) -> None:
        self._pieces: list[Fired] = []
        # Of each replicate the number of its piece (-1: it has none), and where its reactions begin there.
        self._piece = np.full(n_replicates, -1)
        self._start = np.zeros(n_replicates, dtype=np.int64)
        self._n = np.zeros(n_replicates, dtype=np.int64)
        self._pending: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._n_reactions = self._n_checked = 0

    def of(self, replicate: int) -> tuple[np.ndarray, np.ndarray]:
        """(time, reaction) of a replicate that is complete."""
        if self._piece[replicate] < 0:
            return np.empty(0), np.empty(0, dtype=np.uint32)
        part = slice(self._start[replicate], self._start[replicate] + self._n[replicate])
        _, time, reaction = self._pieces[self._piece[replicate]]
        return time[part], reaction[part]

    def add(self, first: int, fired: Fired) -> None:
        self._n_reactions += len(fired.time)
        if self._n_reactions - self._n_checked > _CHECKED:
            self._n_checked = self._n_reactions
            checks.fits_memory(
                f"{self._n_reactions:,} reactions are recorded; as many again", _BYTES * self._n_reactions,
                "give an output file (output=), or record fewer replicates or a shorter time",
            )  # fmt: skip
        super().add(first, fired)

    def _hold(self, replicate: int, time: np.ndarray, reaction: np.ndarray) -> None:
        self._pending.setdefault(replicate, []).append((time, reaction))

    def _is_pending(self, replicate: int) -> bool:
        return replicate in self._pending

    def _any_pending(self) -> bool:
        return bool(self._pending)

    def _store(self, first: int, fired: Fired) -> None:
        replicates = slice(first, first + len(fired.sizes))
        self._piece[replicates] = len(self._pieces)
        self._n[replicates] = fired.sizes
        self._start[replicates] = np.cumsum(fired.sizes) - fired.sizes
        self._pieces.append(fired)

    def _store_pending(self, replicate: int) -> None:
        times, reactions = zip(*self._pending.pop(replicate))
        time = np.concatenate(times)
        self._store(replicate, Fired(np.array([len(time)]), time, np.concatenate(reactions)))


# The reactions and the exact path of one replicate


class EventLog(NamedTuple):
    """Every reaction of a replicate, in the order in which they fired."""

    time: np.ndarray
    """float64[reaction] [s]."""
    reaction: np.ndarray
    """uint32[reaction], numbers of reactions in `model.reactions`."""


class JumpPath(NamedTuple):
    """The exact path of a replicate: between two times the counts are constant."""

    time: np.ndarray
    """float64[jump + 1]: 0, then the time of each jump, ascending [s]."""
    counts: np.ndarray
    """int64[jump + 1, species], the counts from that time on [molecules]."""


def valid(time: np.ndarray, reaction: np.ndarray, sizes: np.ndarray, t_end: float, n_reactions: int) -> np.ndarray:
    """bool[replicate]: whether the reactions of each of consecutive replicates, `sizes` int64[replicate], are in order,
    within [0, t_end] and in the network."""
    wrong = ~((time >= 0) & (time <= t_end) & (reaction < n_reactions))
    wrong[1:] |= ~(time[1:] >= time[:-1]) & (np.diff(np.repeat(np.arange(len(sizes)), sizes)) == 0)
    return np.bincount(np.repeat(np.arange(len(sizes)), sizes), wrong, len(sizes)) == 0


def path_of(result: Any, replicate: int, log: EventLog) -> JumpPath:
    """The path of a replicate of a `Result` or `Run` that recorded `log`.

    Raises InputError for a model whose counts also change otherwise than by reactions and scheduled changes.
    """
    network = result.model
    _refuse(network)
    # Of all species: a reaction may change species that were not recorded.
    start = np.asarray(result.initial_of_model)
    if start.dtype != np.int64:
        start = started(start, result.arguments.get("round_initial"), result.seed, replicate)
    rows, status = result._rows_of(replicate)
    grid = np.asarray(result.time)
    reached = int((rows >= 0).all(axis=1).sum())
    known = max(grid[reached - 1] if reached else 0.0, log.time[-1] if len(log.time) else 0.0)
    if status in (Status.REACHED_END, Status.NO_REACTION_POSSIBLE):
        known = grid[-1]
    changes = parse_schedule(result.arguments["schedule"], network, grid[-1], np.int64)
    changes = tuple(c for c in changes if len(c.species) and c.time <= known)
    n = len(log.time) + len(changes) + 1
    checks.fits_memory(
        f"a path of {n:,} points",
        24 * n * len(start),
        "use events(replicate), and add up the changes of counts in parts",
    )
    path = _followed(network, start, log, changes)
    columns = [network.index[name] for name in result.species]
    # The path must go through the recorded counts. Otherwise the log or the rows are damaged.
    counts = path.counts[np.searchsorted(path.time, grid[:reached], side="right") - 1][:, columns]
    if not np.array_equal(counts, rows[:reached]):
        point = int(np.flatnonzero((counts != rows[:reached]).any(axis=1))[0])
        raise InputError(
            f"replicate {replicate}: its reactions do not lead to the counts recorded at t = {grid[point]:g} s; the "
            "data are damaged: restore a backup, or run again"
        )
    return path


def _refuse(network: ReactionNetwork) -> None:
    for event in network.events:
        for target, _ in event.assignments:
            if target in network.index:
                raise InputError(
                    f"event {event.name} sets {target}, which the log of reactions does not show: the path is not "
                    "known between recorded times; use events(replicate) and counts"
                )
    for target in (*network.rules, *network.rate_rules):
        if target in network.index:
            raise InputError(
                f"a rule gives {target}, which the log of reactions does not show: the path is not known between "
                "recorded times; use events(replicate) and counts"
            )


def _followed(network: ReactionNetwork, start: np.ndarray, log: EventLog, changes: tuple) -> JumpPath:
    """The path from `start`, with scheduled changes after the reactions at their times."""
    fired, which = np.unique(log.reaction, return_inverse=True)
    steps = network.stoichiometry[:, fired.astype(np.int64)].toarray().T.astype(np.int64)  # [reaction, species]
    times, states, state, done = [np.zeros(1)], [start[np.newaxis].astype(np.int64)], start.astype(np.int64), 0
    cuts = np.searchsorted(log.time, [c.time for c in changes], side="right")
    for stop, change in zip((*cuts.tolist(), len(log.time)), (*changes, None)):
        if stop > done:
            times.append(log.time[done:stop])
            states.append(state + np.cumsum(steps[which[done:stop]], axis=0))
            state, done = states[-1][-1], stop
        if change is not None:
            state = state.copy()
            state[change.species] = change.values
            times.append(np.array([change.time]))
            states.append(state[np.newaxis])
    return JumpPath(np.concatenate(times), np.concatenate(states))
