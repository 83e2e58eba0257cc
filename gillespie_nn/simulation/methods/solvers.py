"""Solvers of rate equations with one interface, explicit and from scipy, and conditions of events within a step."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...kernels.interval_bounds import ConditionPath, bound_bend, first_change, is_changed
from ...kernels.laws import Laws
from ...kernels.limits import derivatives as kernels
from .rate_equations import Equations

IMPLICIT = ("LSODA", "BDF", "Radau")
FEW_SPECIES = 400
"""With up to this number of species a dense Jacobian is cheap."""


class Explicit:
    """Runge-Kutta of order 8; see `kernels.limits.derivatives`.

    Parameters
    ----------
    equations : `rate_equations.Equations`.
    origin, t_end : absolute time of the beginning, and the time from there to the end [s].
    y : float64[species], the state at the beginning [molecules].
    rtol, atol : tolerances in every step, relative, and float64[species] [molecules].
    """

    def __init__(
        self, equations: Equations, origin: float, y: np.ndarray, t_end: float, rtol: float, atol: np.ndarray
    ) -> None:
        self._equations, self._end, self._tolerances = equations, t_end, (rtol, atol)
        n = len(y)
        self._rk = kernels.RungeKutta(
            **tableau(),
            k=np.zeros((16, n)),
            y=y.copy(),
            y_old=y.copy(),
            work=np.zeros(n),
            floor=equations.floor[:n],
            least=y.copy(),
            path=np.zeros((7, n)),
            numbers=np.array([0.0, 0.0, 0.0, origin]),
            tally=np.zeros(kernels.N_TALLY, dtype=np.int64),
        )
        kernels.start(equations.channels, equations.laws, equations.state, self._rk, *self._tolerances, t_end)

    @property
    def t(self) -> float:
        """Time since the beginning [s]."""
        return float(self._rk.numbers[kernels.NOW])

    @property
    def y(self) -> np.ndarray:
        """The state at `t`, float64[species] [molecules]."""
        return self._rk.y

    @property
    def least(self) -> np.ndarray:
        """Least values after any step, float64[species] [molecules]."""
        return self._rk.least

    @property
    def spent(self) -> tuple[int, int, int]:
        """Numbers of steps, derivatives and Jacobians."""
        return int(self._rk.tally[kernels.N_STEPS]), int(self._rk.tally[kernels.N_EVALUATIONS]), 0

    @property
    def stiff_share(self) -> float:
        """Fraction of the steps whose length stability limited."""
        return self._rk.tally[kernels.N_STIFF] / max(1, self._rk.tally[kernels.N_STEPS])

    def advance(self, until: float, most_steps: int) -> bool:
        """Take at most `most_steps` steps towards time `until`, none beyond the end. False if no step can be taken."""
        e = self._equations
        code = kernels.advance(e.channels, e.laws, e.state, self._rk, *self._tolerances, until, self._end, most_steps)
        return code != kernels.FAILED

    def path(self, times: np.ndarray) -> np.ndarray:
        """States float64[time, species] at times within the last step."""
        kernels.make_path(self._equations.channels, self._equations.laws, self._equations.state, self._rk)
        rows = np.empty((len(times), len(self.y)))
        kernels.on_path(self._rk, times, rows)
        return rows


class FromScipy:
    """A solver of scipy, `kind` one of `IMPLICIT`, with the same interface, and the Jacobian of the equations.

    scipy bounds a root mean square of the errors, in which the few stiff species of a training network would be lost
    among its weights: it gets the tolerances divided by the root of the number of species.
    """

    stiff_share = 0.0

    def __init__(
        self, kind: str, equations: Equations, origin: float, y: np.ndarray, t_end: float, rtol: float, atol: np.ndarray
    ) -> None:
        from scipy import integrate

        n = len(y)
        dense = kind == "LSODA" or n <= FEW_SPECIES
        settings = {"rtol": max(rtol / np.sqrt(n), 100 * np.finfo(np.float64).eps), "atol": atol / np.sqrt(n)}

        def jacobian(t: float, x: np.ndarray) -> Any:
            matrix = equations.jacobian(origin + t, x)
            return matrix.toarray() if dense else matrix

        self.least = y.copy()
        self._n_steps = 0
        self._solver = getattr(integrate, kind)(
            lambda t, x: equations.derivative(origin + t, x), 0.0, y, t_end, jac=jacobian, **settings
        )

    @property
    def t(self) -> float:
        return self._solver.t

    @property
    def y(self) -> np.ndarray:
        return self._solver.y

    @property
    def spent(self) -> tuple[int, int, int]:
        return self._n_steps, self._solver.nfev, self._solver.njev

    def advance(self, until: float, most_steps: int) -> bool:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # A failed step is reported by the caller, with the name of the species.
            warnings.filterwarnings("ignore", "lsoda", UserWarning)
            for _ in range(most_steps):
                if self.t >= until:
                    break
                if not self._takes_step():
                    return False
                np.minimum(self.least, self.y, out=self.least)
        return True

    def path(self, times: np.ndarray) -> np.ndarray:
        return self._solver.dense_output()(times).T

    def _takes_step(self) -> bool:
        solver = self._solver
        try:
            solver.step()
        except (ValueError, RuntimeError, np.linalg.LinAlgError):
            # The Jacobian is not finite, or singular.
            return False
        self._n_steps += 1
        if solver.status == "failed" or not np.isfinite(solver.y).all():
            return False
        # Steps near the spacing of float64 make no progress.
        return solver.status == "finished" or solver.t - solver.t_old > 4 * np.spacing(solver.t)


@cache
def tableau() -> dict[str, np.ndarray]:
    """Coefficients of DOP853 as scipy keeps them, in the shapes that the kernels read."""
    from scipy.integrate import DOP853  # which takes a third of a second to import

    a = np.zeros((16, 16))
    a[:12, :12], a[12, :12], a[13:, :] = DOP853.A, DOP853.B, DOP853.A_EXTRA
    c = np.concatenate([DOP853.C, [1.0], DOP853.C_EXTRA])
    return {"a": a, "c": c, "error_5": DOP853.E5, "error_3": DOP853.E3, "d": np.ascontiguousarray(DOP853.D)}


# Conditions of events that read what the rate equations move

_DEGREE = 13
"""The paths between steps are polynomials of degree 7 (DOP853), at most 12 (LSODA), 5 (BDF) and 3 (Radau)."""
_NEXT = np.array([0.0, *2.0 ** np.arange(6)])
"""Steps of float64 behind a change of the polynomials, at which the path itself is evaluated."""
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
        self._watched = conditions_on_species(laws)
        self._reads = np.zeros(n_state, dtype=np.bool_)
        self._reads[laws.read[laws.read_start[laws.first_trigger[0]] :]] = True

    def __bool__(self) -> bool:
        return bool(len(self._watched))

    def changed(self, time: float, state: np.ndarray) -> bool:
        """Whether a condition has another value than before, in `state` float64[...] at `time` [s]."""
        with np.errstate(all="ignore"):
            return is_changed(self._laws, self._watched, self._triggered, time, state)

    def first_change(
        self, start: float, end: float, state: np.ndarray, moving: np.ndarray, path: Callable[[np.ndarray], np.ndarray]
    ) -> float:
        """The first time in (start, end] at which a condition changes [s]; infinite if none does.

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
        polynomials = ConditionPath(
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
        # Polynomials and path differ by rounding. At a threshold, as where an event has just left the state, the
        # polynomials may change a condition and the path not. The search then goes on behind that time, in strides that
        # double.
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


def conditions_on_species(laws: Laws) -> np.ndarray:
    """int64[...], the conditions that read species."""
    return np.flatnonzero(np.diff(laws.read_start.astype(np.int64)[laws.first_trigger[0] :]))


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev's points float64[node], and the matrix float64[degree + 1, node] from values there to coefficients."""
    n = _DEGREE + 1
    angle = np.pi * (np.arange(n) + 0.5) / n
    matrix = 2.0 / n * np.cos(np.outer(np.arange(n), angle))
    matrix[0] *= 0.5
    return np.cos(angle), matrix
