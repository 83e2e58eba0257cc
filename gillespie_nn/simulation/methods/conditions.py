"""Conditions of events that read what the rate equations move: when they next change in a step of the solver."""

from collections.abc import Callable
from functools import cache

import numpy as np

from ...kernels.conditions import Path, bound_bend, first_change, is_changed
from ...kernels.laws import Laws

_DEGREE = 13
"""The paths between steps are polynomials of degree 7 (DOP853), at most 12 (LSODA), 5 (BDF) and 3 (Radau)."""
_NEXT = np.array([0.0, *2.0 ** np.arange(6)])
"""Steps of float64 behind a change, at which it is looked for on the path itself."""
_FIRST_STRIDE = 1e-12


class Conditions:
    """The conditions that read species or continuous variables.

    Parameters
    ----------
    laws : of the equations, with a trigger for each event.
    triggered : int8[event], whether each condition was true when last looked at; of the simulation.
    n_state : entries of the state.
    """

    def __init__(self, laws: Laws, triggered: np.ndarray, n_state: int) -> None:
        self._laws, self._triggered, self._n_state = laws, triggered, n_state
        self._watched = reading(laws)
        self._reads = np.zeros(n_state, dtype=np.bool_)
        self._reads[laws.read[laws.read_start[laws.first_trigger[0]] :]] = True

    def __bool__(self) -> bool:
        return bool(len(self._watched))

    def changed(self, time: float, state: np.ndarray) -> bool:
        """Whether one of them is not what it was, in `state` float64[...] at `time` [s]."""
        with np.errstate(all="ignore"):
            return is_changed(self._laws, self._watched, self._triggered, time, state)

    def first_change(
        self, start: float, end: float, state: np.ndarray, moving: np.ndarray, path: Callable[[np.ndarray], np.ndarray]
    ) -> float:
        """The first time in (start, end] at which one of them changes [s]; infinite if none does.

        Parameters
        ----------
        start, end : of the step [s].
        state : float64[...], the state at its end.
        moving : int64[...], places of what moves.
        path : of times float64[time] [s] in the step, the states float64[time, moving].
        """
        read = np.flatnonzero(self._reads[moving])
        u, to_coefficients = _nodes()
        values = path(np.append(start + (end - start) * (0.5 + 0.5 * u), start))[:, read]
        polynomials = Path(
            place=moving[read],
            base=values[-1],
            coefficient=to_coefficients @ (values[:-1] - values[-1]),
            bend=np.zeros(len(read)),
            here=state.copy(),
            low=np.empty(self._n_state),
            high=np.empty(self._n_state),
            ends=np.empty((2, len(read))),
        )
        bound_bend(polynomials, end - start)
        # Polynomials and path differ by rounding: at a threshold, as where an event has just left the state, a change
        # of the one need not be one of the other. The search goes on behind such a time, ever farther.
        now, since, stride = state.copy(), start, _FIRST_STRIDE * (end - start)
        while since < end:
            time = first_change(self._laws, self._watched, self._triggered, polynomials, start, end, since)
            if not time < end:
                break
            later = time + float(np.spacing(time)) * _NEXT
            times = np.append(later[later < time + stride], time + stride)
            times = np.minimum(times, end)
            for t, row in zip(times.tolist(), path(times)):
                now[moving] = row
                if t < end and self.changed(t, now):
                    return t
            since, stride = float(times[-1]), 2.0 * stride
        return end if self.changed(end, state) else np.inf


def reading(laws: Laws) -> np.ndarray:
    """int64[...], the conditions that read species."""
    return np.flatnonzero(np.diff(laws.read_start.astype(np.int64)[laws.first_trigger[0] :]))


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev's points float64[node], and what makes coefficients of the values there, float64[degree + 1, node]."""
    n = _DEGREE + 1
    angle = np.pi * (np.arange(n) + 0.5) / n
    matrix = 2.0 / n * np.cos(np.outer(np.arange(n), angle))
    matrix[0] *= 0.5
    return np.cos(angle), matrix
