"""Solvers of rate equations with one interface: an explicit one, compiled, and scipy's."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from ...kernels import dormand_prince as kernels
from .rate_equations import Equations

IMPLICIT = ("LSODA", "BDF", "Radau")
FEW_SPECIES = 400
"""Up to so many, a dense Jacobian is cheap."""


class Explicit:
    """Runge-Kutta of order 8; see `kernels.dormand_prince`.

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
        """At most so many steps towards time `until`, none beyond the end. False if no step can be taken."""
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
            found = equations.jacobian(origin + t, x)
            return found.toarray() if dense else found

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
            warnings.filterwarnings("ignore", "lsoda", UserWarning)  # says why, which callers say better
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
        except (ValueError, RuntimeError, np.linalg.LinAlgError):  # a Jacobian that is not finite, or singular
            return False
        self._n_steps += 1
        if solver.status == "failed" or not np.isfinite(solver.y).all():
            return False
        return solver.status == "finished" or solver.t - solver.t_old > 4 * np.spacing(solver.t)


@cache
def tableau() -> dict[str, np.ndarray]:
    """Coefficients of DOP853 as scipy keeps them, in the shapes that the kernels read."""
    from scipy.integrate import DOP853  # which takes a third of a second to import

    a = np.zeros((16, 16))
    a[:12, :12], a[12, :12], a[13:, :] = DOP853.A, DOP853.B, DOP853.A_EXTRA
    c = np.concatenate([DOP853.C, [1.0], DOP853.C_EXTRA])
    return {"a": a, "c": c, "error_5": DOP853.E5, "error_3": DOP853.E3, "d": np.ascontiguousarray(DOP853.D)}
