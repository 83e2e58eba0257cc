"""What a log of reactions says of a replicate: its reactions, and its exact path between the recorded times."""

from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..status import Status
from .rounding import started
from .schedule import parse_schedule


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
    start = np.asarray(result.initial_of_model)  # a reaction may change species that were not recorded
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
        f"a path of {n:,} points", 24 * n * len(start), "take the reactions, events(replicate), and sum up yourself"
    )
    path = _followed(network, start, log, changes)
    columns = [network.index[name] for name in result.species]
    found = path.counts[np.searchsorted(path.time, grid[:reached], side="right") - 1][:, columns]
    if not np.array_equal(found, rows[:reached]):
        point = int(np.flatnonzero((found != rows[:reached]).any(axis=1))[0])
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
