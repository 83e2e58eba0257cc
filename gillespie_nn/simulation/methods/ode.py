"""The method `ode`: rate equations integrated in time; see `rate_equations` and `solvers`.

A restart, at the start and after every change of the state, takes the part of the network that can move from there
and begins a new solver, so that no step reaches over a change. Time within a solver counts from its restart, so that
late presentations are as exact as early ones.

Rate rules are integrated with the rest: the state is the species, the continuous variables, and the constant 1. Where
the condition of an event changes within a step, the step is cut there; see `solvers.Conditions`.
"""

import warnings
from typing import Any

import numpy as np

from ... import checks
from ...checks import InputError, ModelError
from ...crn import ReactionNetwork
from ...crn.compiled.compile import Structure
from ...kernels import codes
from .method import Method, Option, one_of, units_of
from .rate_equations import RateEquations
from .solvers import FEW_SPECIES, IMPLICIT, Conditions, Explicit, FromScipy

AUTO, EXPLICIT = "auto", "DOP853"
_SLICE = 200
"""Solver steps in a slice."""
_MANY_STEPS = 2000
"""Explicit steps without a restart after which `auto` checks whether an implicit solver would be better."""
_LOOSEST, _TIGHTEST = 0.1, 1e-11
_BELOW = 1e3
"""A warning names a species that is below 0 by more than this many times `atol`."""


def _relative(name: str, value: Any) -> float:
    number = checks.finite(name, value)
    if not _TIGHTEST <= number <= _LOOSEST:
        raise InputError(f"{name} must lie between {_TIGHTEST:g} and {_LOOSEST:g}, got {value!r}: for example 1e-8")
    return number


def _absolute(name: str, value: Any) -> float:
    return checks.positive(name, value, "concentration", "for example 1e-10")


TOLERANCES = (
    Option("rtol", 1e-8, _relative, "relative tolerance of each step of the rate equations, for every species"),
    Option(
        "atol",
        1e-10,
        _absolute,
        "absolute tolerance of each step of the rate equations [concentration], of parameters with rate rules in units "
        "of the parameter",
    ),  # fmt: skip
)


class Ode(Method):
    """Concentrations by the rate equations of mass action, thresholds and general laws.

    `auto` begins with the explicit method of order 8 and, where stability keeps its steps short for long, goes on with
    LSODA or, for many species, BDF with a sparse Jacobian. Steps end where a comparison of the time in a law changes.
    As any adaptive solver, it can step over a smooth law that differs from 0 for a moment only: put a scheduled change
    there.
    """

    name = "ode"
    continuous = True
    summary = "mass-action rate equations, the limit of large volumes: no noise; explicit or stiff solver"
    reference = "T. G. Kurtz, J. Appl. Probab. 7 (1970) 49-58, doi:10.2307/3212147"
    exact = False
    deterministic = True
    dtype = np.float64
    units = "concentration"
    options = (
        *TOLERANCES,
        Option("solver", AUTO, one_of(AUTO, EXPLICIT, *IMPLICIT), "solver of the rate equations", str),
    )
    statistics_names: tuple[str, ...] = (
        "steps", "derivative_evaluations", "jacobian_evaluations", "restarts", "switches", "stiff_share",
        "least_concentration",
    )  # fmt: skip
    """`switches`: how often `auto` went on with another solver; `stiff_share`: the greatest fraction of explicit steps
    between two restarts that stability kept short, not accuracy; the least value of any species at any step."""

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        self._equations = RateEquations(network, rates, volume)
        self._channels = self._equations.channels
        self._owns_rates = True
        self._tolerances = self.settings["rtol"], self.settings["atol"] * volume
        continuous = self._equations.continuous
        self._places = continuous.places
        if not continuous.names:
            self._laws = self._equations.laws or self._laws
        # Units of the variables: amounts are shown as concentrations.
        units = np.where(continuous.is_amount, volume, 1.0)
        self._units = np.concatenate([np.full(self.n_species, volume), units])
        # Where a variable is smaller than its scale, the absolute tolerance decides.
        self._equations.scale[self.n_species :] = units * self.settings["atol"] / self.settings["rtol"]
        self._names = (*network.species, *continuous.names)
        self._counts = np.concatenate([self.counts, self._laws.variables[self._places], [1.0]])
        self._conditions = None
        if network.events and self._equations.laws is not None:
            self._conditions = Conditions(self._equations.laws, self._laws.triggered, len(self._counts))
        self._is_cut = False
        self._implicit = self.settings["solver"] if self.settings["solver"] in IMPLICIT else None
        # `auto` may switch to an implicit solver, and back if that one fails.
        self._switches_left = 2 * (self.settings["solver"] == AUTO)
        self._solver: Explicit | FromScipy | None = None
        self._spent = np.zeros(3, dtype=np.int64)
        self._n_restarts = self._n_switches = 0
        self._stiff_share = 0.0
        self._least = float(self.counts.min(initial=np.inf))
        self._warned = False

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.lumped

    @property
    def statistics(self) -> dict[str, float]:
        spent = self._spent + (0 if self._solver is None else self._solver.spent)
        share = max(self._stiff_share, 0.0 if self._solver is None else self._solver.stiff_share)
        numbers = (*spent, self._n_restarts, self._n_switches, share, self._least / self._volume)
        return dict(zip(self.statistics_names, map(float, numbers)))

    def _memory(self) -> np.ndarray:
        """The solver in use and the `statistics`. A solver in progress ends, as at every change of the state."""
        self._drop()
        implicit = -1 if self._implicit is None else IMPLICIT.index(self._implicit)
        spent = (*self._spent, self._n_restarts, self._n_switches, self._stiff_share, self._least)
        return np.array([implicit, self._switches_left, self._warned, *spent], dtype=np.float64)

    def _recall(self, memory: np.ndarray) -> None:
        implicit, self._switches_left, warned, *spent, self._n_restarts, self._n_switches = map(int, memory[:8])
        self._implicit = None if implicit < 0 else IMPLICIT[implicit]
        self._warned = bool(warned)
        self._spent[:] = spent
        self._stiff_share, self._least = map(float, memory[8:])

    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int:
        code = self._step_on(t_stop, grid_time, grid_counts)
        self._laws.variables[self._places] = self._counts[self.n_species : -1]
        return code

    def _step_on(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray) -> int:
        last = self._n_steps() + _SLICE
        while True:
            if not self._fill(t_stop, grid_time, grid_counts):
                return codes.SLICE_END
            if self.time >= t_stop:
                return codes.REACHED_END
            if self._n_steps() >= last:
                return codes.SLICE_END
            k = self._tally[codes.GRID_INDEX]
            until = min(t_stop, grid_time[k]) if k < len(grid_time) else t_stop
            self._run(until, t_stop, last - self._n_steps())
            if self._is_cut:
                # The state at the time of the event is recorded behind it, in the next call.
                self._fill_to(np.searchsorted(grid_time, self.time, side="left"), grid_time, grid_counts)
                self._drop()
                self._is_cut = False
                return codes.TRIGGERED

    def _n_steps(self) -> int:
        return self._spent[0] + (0 if self._solver is None else self._solver.spent[0])

    def _fill(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray) -> bool:
        """Fill the rows of the points up to the present time, which lie in the last step or at its end. Returns
        whether all are filled that a slice may fill."""
        self._fill_to(np.searchsorted(grid_time, min(self.time, t_stop), side="right"), grid_time, grid_counts)
        return True

    def _fill_to(self, end: Any, grid_time: np.ndarray, grid_counts: np.ndarray) -> None:
        """Fill the rows before row `end`."""
        start = self._tally[codes.GRID_INDEX]
        if end <= start:
            return
        n, times = self.n_species, grid_time[start:end]
        rows, moved = grid_counts[start:end], self._moved[start:end]
        rows[:] = self.counts
        moved[:] = self._counts[n:-1]
        inside = np.flatnonzero(times < self.time)
        if inside.size and self._solver is not None:
            moving = self._part.moving
            path = self._solver.path(times[inside] - self._origin)
            k = np.searchsorted(moving, n)
            rows[np.ix_(inside, moving[:k])] = path[:, :k]
            if k < len(moving):
                moved[np.ix_(inside, moving[k:] - n)] = path[:, k:]
        self._tally[codes.GRID_INDEX] = end

    def _run(self, until: float, t_stop: float, most_steps: int) -> None:
        """Steps of the solver towards `until`, at least one or a restart."""
        before = self.time
        # A solver is made for one end, beyond which it takes no step.
        if self._solver is None or self._end != t_stop:
            self._restart(t_stop)
            if not len(self._part.moving):
                self._clock[codes.TIME] = t_stop
                self._cut(before)
                return
        elif self._switches_left == 2 and self._solver.spent[0] >= _MANY_STEPS and self._solver.stiff_share > 0.5:
            self._switch("LSODA" if len(self._part.moving) <= FEW_SPECIES else "BDF", t_stop)
        solver = self._solver
        assert solver is not None
        # With conditions it takes one step at a time: an event may end any step.
        went_on = solver.advance(until - self._origin, 1 if self._conditions else most_steps)
        self._take(solver, until, t_stop)
        self._cut(before)
        if not went_on and not self._is_cut:
            # An implicit solver may leave the domain of a law at once, where an explicit one tries shorter steps.
            if self._implicit is None or not self._switches_left:
                self._blown_up()
            self._switch(None, t_stop)

    def _take(self, solver: Explicit | FromScipy, until: float, t_stop: float) -> None:
        """Copy state and time from the solver; times that differ by rounding alone are made equal."""
        self._counts[self._part.moving] = solver.y
        time = self._origin + solver.t
        if solver.t >= until - self._origin:
            time = max(time, until)
        self._clock[codes.TIME] = t_stop if solver.t >= t_stop - self._origin else min(time, t_stop)
        self._watch_least(solver.least)

    def _cut(self, before: float) -> None:
        """End the step, which began at time `before`, where the condition of an event first changes."""
        if not self._conditions or not before < self.time:
            return
        moving = self._part.moving
        time = self._conditions.first_change(before, self.time, self._counts, moving, self._on_path)
        if time == np.inf:
            return
        if time < self.time:
            self._counts[moving] = self._on_path(np.array([time]))[0]
            self._clock[codes.TIME] = time
        self._is_cut = True

    def _on_path(self, times: np.ndarray) -> np.ndarray:
        """What moves, float64[time, moving], at times [s] within the last step."""
        if self._solver is None:
            return np.empty((len(times), 0))
        return self._solver.path(np.minimum(times - self._origin, self._solver.t))

    def _switch(self, implicit: str | None, t_stop: float) -> None:
        """Continue with another solver for the rest of the run: the name of an implicit one, or None."""
        self._implicit = implicit
        self._switches_left -= 1
        self._n_switches += 1
        self._restart(t_stop)

    def _restart(self, t_stop: float) -> None:
        """Begin a new solver at the present time and state; none if nothing moves."""
        self._drop()
        self._origin, self._end = self.time, t_stop
        self._equations.take_variables(self._laws.variables)
        part = self._part = self._equations.live_part(self._counts)
        if not len(part.moving):
            return
        self._n_restarts += 1
        start = self._counts[part.moving]
        with np.errstate(all="ignore"):
            if not np.isfinite(part.derivative(self.time, start)).all():
                self._blown_up()
        atol = self.settings["atol"] * self._units[part.moving]
        arguments = part, self._origin, start, t_stop - self._origin, self.settings["rtol"], atol
        self._solver = FromScipy(self._implicit, *arguments) if self._implicit else Explicit(*arguments)

    def _drop(self) -> None:
        """End the solver, and add its numbers of steps to those of the run."""
        if self._solver is not None:
            self._spent += self._solver.spent
            self._stiff_share = max(self._stiff_share, self._solver.stiff_share)
            self._solver = None

    def _watch_least(self, values: np.ndarray) -> None:
        """Warn of counts below 0 in the `values` that move. Continuous variables may be negative."""
        values = values[: np.searchsorted(self._part.moving, self.n_species)]
        least = values.min(initial=np.inf)
        if least >= self._least:
            return
        self._least = float(least)
        if least < -_BELOW * self._tolerances[1] and not self._warned:
            self._warned = True
            species = self.network.species[self._part.moving[values.argmin()]]
            units = units_of(self.units, self.network, self._volume)
            warnings.warn(
                f"{self.name}: {species} fell to {least / self._volume:g} [{units}] before t = {self.time:g} s, "
                "further below 0 than the tolerances explain: make sure that the rate law of every reaction is 0 "
                "when a reactant is used up, or use a smaller atol",
                stacklevel=2,
            )

    def _blown_up(self) -> None:
        """Raise ModelError, naming what changes fastest in the last state that was finite."""
        state = self._counts[self._part.moving]
        with np.errstate(all="ignore"):
            change = self._part.derivative(self.time, state)
        wild = np.flatnonzero(~np.isfinite(change))
        k = wild[0] if wild.size else int(np.argmax(np.abs(change)))
        place = self._part.moving[k]
        unit = self._units[place]
        what = f" [{units_of(self.units, self.network, self._volume)}]" if place < self.n_species else ""
        raise ModelError(
            f"{self.name}: no solution beyond t = {self.time:.10g} s, where {self._names[place]} = "
            f"{state[k] / unit:g}{what} changes fastest, by {change[k] / unit:g} a second: "
            "the rate equations diverge, or a rate law is undefined; end the run earlier, or check the rates"
        )

    def _use_rates(self, rates: np.ndarray) -> None:
        self._equations.set_rates(rates)
        self._renew()

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        self._drop()
        self._counts[species] = values
        self._counts[self.n_species : -1] = self._laws.variables[self._places]
        self._least = min(self._least, float(self.counts.min(initial=np.inf)))

    def can_react(self) -> bool:
        return True
