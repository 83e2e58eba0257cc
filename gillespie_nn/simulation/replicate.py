"""The run of one replicate over a time grid and a schedule, in slices and in blocks of grid points."""

from collections.abc import Callable

import numpy as np

from ..kernels import codes
from ..status import Status
from .invariants import Invariants

_BLOCK_BYTES = 1 << 20
"""Rows are handed on in blocks of about this size, so that memory does not grow with the grid."""


def block_rows(n_species: int) -> int:
    """Grid points in one block."""
    return max(1, _BLOCK_BYTES // (8 * max(1, n_species)))


def run_replicate(
    method,
    grid: np.ndarray,
    changes=(),
    write: Callable[[int, np.ndarray], None] = lambda start, rows: None,
    pause: Callable[[float], bool] = lambda time: False,
    event_limit: int = 2**62,
    invariants: Invariants | None = None,
) -> Status:
    """Simulate from 0 to grid[-1], calling `write(start, rows)` with rows int64[point, species] of the grid.

    `invariants` are checked in every row. `pause(time)` is called between slices; if it returns True the run stops as
    INTERRUPTED. Rows of grid points that were not reached are not written.
    """
    if invariants is not None:
        invariants.start(method.counts)
    pending = list(reversed(changes))
    size = block_rows(method.n_species)
    for start in range(0, len(grid), size):
        block = grid[start : start + size]
        rows = np.empty((len(block), method.n_species), dtype=np.int64)
        method.start_block()
        code, checked = codes.REACHED_END, 0
        while code == codes.REACHED_END and pending and pending[-1].time <= block[-1]:
            change = pending.pop()
            before = block[: np.searchsorted(block, change.time, side="left")]
            code = advance_to(method, change.time, pause, grid_time=before, grid_counts=rows, event_limit=event_limit)
            if code == codes.REACHED_END:
                checked = _check(invariants, rows, checked, method.grid_index)
                method.set_counts(change.species, change.values)
                if invariants is not None:
                    invariants.start(method.counts)
        if code == codes.REACHED_END:
            code = advance_to(method, block[-1], pause, grid_time=block, grid_counts=rows, event_limit=event_limit)
        _check(invariants, rows, checked, method.grid_index)
        write(start, rows[: method.grid_index])
        if code != codes.REACHED_END:
            return Status(code)
    return Status.REACHED_END if method.can_react() else Status.NO_REACTION_POSSIBLE


def _check(invariants, rows, start, end):
    if invariants is not None:
        invariants.check(rows[start:end])
    return end


def advance_to(method, time, pause, **grid) -> int:
    """Advance slice by slice to `time`; returns REACHED_END, EVENT_LIMIT, OVERFLOW or INTERRUPTED.

    `grid` are the further arguments of `Method.advance`.
    """
    while True:
        code = method.advance(time, **grid)
        if code != codes.SLICE_END:
            return code
        if pause(method.time):
            return codes.INTERRUPTED
