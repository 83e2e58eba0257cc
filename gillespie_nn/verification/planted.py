"""Planted errors: methods that are wrong in one place, which the checks must reject.

Each plant is simulated with the replicates of the run. It counts as caught if its p-value is below `CAUGHT`, so the
checks are shown to have power at the sample size at which they are used.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..crn import ReactionNetwork
from ..crn.expressions import number
from ..crn.parts import Event
from ..kernels import codes
from ..simulation.methods import Direct, Method, NextReaction, Rejection
from ..statistics.tests import chi_square
from . import event_checks, exact_laws
from .check import Check, CheckOptions, Outcome, method_class, sample

# Errors of events: a condition is tested too seldom or too late, or a clause of an event is ignored.


def at_recorded_points(deaf: Callable[[type], type]) -> Callable[[type], type]:
    """Conditions on counts are tested only at recorded points. `deaf` makes the class that does not test them
    itself."""

    def plant(base: Any) -> type:
        class Seldom(deaf(base)):  # type: ignore[misc]
            def advance(self, t_stop: float, grid_time: Any = (), *rest: Any, **named: Any) -> int:
                grid_time = np.asarray(grid_time, dtype=np.float64)
                ahead = grid_time[np.searchsorted(grid_time, self.time, side="right") :]
                if not len(ahead) or ahead[0] >= t_stop:
                    return super().advance(t_stop, grid_time, *rest, **named)
                # The next call fills the row of the point itself, after the events at that point.
                before = grid_time[: np.searchsorted(grid_time, ahead[0])]
                code = super().advance(ahead[0], before, *rest, **named)
                return codes.TRIGGERED if code == codes.REACHED_END else code

        return Seldom

    return plant


def one_reaction_late(base: Any) -> type:
    """A condition is tested only after the reaction that follows the one that made it true."""

    class LateByOneReaction(base):  # type: ignore[misc, valid-type]
        def advance(self, *arguments: Any, **named: Any) -> int:
            code = super().advance(*arguments, **named)
            if code == codes.TRIGGERED:
                super().advance(*arguments, **(named | {"event_limit": self.n_events + 1}))
            return code

    return LateByOneReaction


class _Changed:
    """A network with changed events; everything else is read from the original network."""

    def __init__(self, network: Any, change: Callable[[int, Event], Event]) -> None:
        self._network = network
        self.resolved_events = tuple(change(k, e) for k, e in enumerate(network.resolved_events))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def of_events(change: Callable[[int, Event], Event]) -> Callable[[type], type]:
    """A plant that replaces each event by `change(number, event)`."""

    def plant(base: Any) -> type:
        class WithChangedEvents(base):  # type: ignore[misc, valid-type]
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                self.network: Any = _Changed(arguments[0], change)

        return WithChangedEvents

    return plant


# Errors of channels, of the dependency graph and of the selection of reactions.

CAUGHT = 1e-7
"""Largest p-value with which a plant counts as caught: far below `LEVEL` over the number of p-values of a run."""


def of_channels(change: Callable) -> Callable[[type], type]:
    """A plant that changes the compiled channels of a simulation before it starts."""

    def plant(base: Any) -> type:
        class WithChangedChannels(base):  # type: ignore[misc, valid-type]
            def _separate_arrays(self, *arguments: Any) -> tuple:
                channels, laws, families = super()._separate_arrays(*arguments)
                return (*change(channels, laws), families)

        return WithChangedChannels

    return plant


def _pairs_times(factor: float) -> Callable[[Any, Any], tuple]:
    """Multiply the coefficients of pairs of one species by `factor`."""

    def change(channels: Any, laws: Any) -> tuple:
        terms = channels.terms.copy()
        terms["coefficient"][terms["second_offset"] > 0] *= factor
        return channels._replace(terms=terms), laws

    return change


halve_pairs = _pairs_times(0.5)


def square_pairs(channels: Any, laws: Any) -> tuple:
    terms = channels.terms.copy()
    terms["second_offset"] = 0.0
    return channels._replace(terms=terms), laws


def _time_frozen(channels: Any, laws: Any) -> tuple:
    """The time in a rate law is that of the last event."""
    none = np.empty(0, np.uint32)
    frozen = laws._replace(
        reads_time=np.zeros_like(laws.reads_time), timed_terms=none, timed_channel=np.empty(0, np.bool_)
    )
    return channels, frozen


def _deaf(channels: Any, laws: Any) -> tuple:
    """Conditions of events are not tested when counts change."""
    return channels, laws._replace(watch=np.empty(0, np.uint32), watch_start=np.zeros(1, np.uint32))


def stale(base: Any) -> type:
    """The first dependency is missing: of the first channel on another, or of the first species."""

    class Stale(base):  # type: ignore[misc, valid-type]
        _dependents: Any
        _readers: Any

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            if isinstance(self, (Direct, NextReaction)):
                start, channel = self._dependents.start.copy(), self._dependents.channel
                # Deleting the first channel from its list would change nothing: it is always updated.
                gone = int(np.flatnonzero(channel != 0)[0])
                start[1:] -= 1
                self._dependents = self._dependents._replace(start=start, channel=np.delete(channel, gone))
            else:
                start = self._readers.term_start.copy()
                start[1:] -= 1
                self._readers = self._readers._replace(term=self._readers.term[1:].copy(), term_start=start)

    return Stale


def never_rejecting(base: Any) -> type:
    """Every candidate fires, at the rate of its bound."""

    class Always(base):  # type: ignore[misc, valid-type]
        def _advance(self, *arguments: Any) -> int:
            *others, event_limit = arguments
            while True:
                self._state.limits["lower"] = self._state.limits["bound"]
                code = super()._advance(*others, min(event_limit, self.n_events + 1))
                if code != codes.EVENT_LIMIT or self.n_events >= event_limit:
                    return code

    return Always


class Plant(NamedTuple):
    """An error, the methods that can have it, and `p(method, replicates, seed)`, the p-value that must reject it."""

    what: str
    plant: Callable[[type], type]
    bases: tuple[type, ...]
    p: Callable[[type, int, int], float]


def _of_model(name: str) -> Callable[[type, int, int], float]:
    return lambda method, n, seed: min(p for _, p in exact_laws.p_values(name, method, n, seed))


def _of_form(name: str) -> Callable[[type, int, int], float]:
    return lambda method, n, seed: exact_laws.p_value(name, method, n, seed)


def _of_events(name: str) -> Callable[[type, int, int], float]:
    return lambda method, n, seed: min(o.p for o in event_checks.outcomes(name, method, n, seed))


def _point_early(method: type[Method], n: int, seed: int) -> float:
    """p-value of counts that are recorded one point too early, on a grid of ten points."""
    text, time, law = exact_laws.CASES["immigration-death"]
    counts = sample(ReactionNetwork.from_text(text), method, [0.9 * time, time], n, seed)
    return chi_square(counts[:, 0, 0], law())


def _stream_shared(method: type[Method], n: int, seed: int) -> float:
    """p-value of replicates that are recorded twice, as if pairs of them had drawn the same random numbers."""
    text, time, law = exact_laws.CASES["immigration-death"]
    counts = np.repeat(sample(ReactionNetwork.from_text(text), method, [time], n // 2, seed)[:, 0, 0], 2)
    law = law()[:60]
    pairs = np.minimum(counts.reshape(-1, 2), 59)
    return chi_square(np.ravel_multi_index(pairs.T, (60, 60)), np.outer(law, law).ravel())


_ALL = (Direct, NextReaction, Rejection)
PLANTS = (
    Plant("pair propensity halved", of_channels(halve_pairs), _ALL, _of_model("dimerisation")),
    Plant("A * A instead of A * (A - 1)", of_channels(square_pairs), _ALL, _of_model("dimerisation")),
    Plant("volume ignored", of_channels(_pairs_times(20.0)), _ALL, _of_model("dimerisation")),
    Plant("missing dependency", stale, (NextReaction, Rejection), _of_form("isomerisation")),
    Plant("candidates never rejected", never_rejecting, (Rejection,), _of_form("immigration-death")),
    Plant("time frozen between reactions", of_channels(_time_frozen), _ALL, _of_form(
        "a rate that depends on the time")),
    Plant("event conditions never checked", of_channels(_deaf), _ALL, _of_form("an event at a count")),
    Plant("event conditions checked only at recorded points", at_recorded_points(of_channels(_deaf)), _ALL, _of_events(
        "at counts")),
    Plant("passage detected only at recorded points", at_recorded_points(of_channels(_deaf)), _ALL, _of_events(
        "passage upwards")),
    Plant("passage recorded one reaction late", one_reaction_late, _ALL, _of_events("passage upwards")),
    Plant("delay ignored", of_events(lambda k, e: e._replace(delay=None)), _ALL, _of_events(
        "a delay after a passage")),
    Plant("values from after the delay", of_events(lambda k, e: e._replace(values_at_trigger=False)), _ALL, _of_events(
        "a delay, values from the trigger time")),
    Plant("event not cancelled when its condition ends", of_events(lambda k, e: e._replace(persistent=True)), _ALL,
        _of_events("cancelled when no longer true")),
    Plant("ties broken by file order", of_events(lambda k, e: e._replace(priority=number(-k))), _ALL, _of_events(
        "one of three, at random")),
    Plant("recorded one point too early", lambda base: base, _ALL, _point_early),
    Plant("random stream shared by two replicates", lambda base: base, _ALL, _stream_shared),
)  # fmt: skip
"""To add a planted error: a line here."""


class PlantedErrors(Check):
    name = "planted-errors"
    summary = "the other checks reject methods with planted errors (p: 1 if rejected, else 0)"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        base = method_class(method)
        outcomes = []
        for plant in PLANTS:
            if any(issubclass(base, b) for b in plant.bases):
                p = float(plant.p(plant.plant(base), options.replicates, seed))
                note = f"p of the planted error {p:.2g}"
                outcomes.append(Outcome(plant.what, float(p < CAUGHT), {"p_of_planted_error": p}, note))
        return outcomes


# Errors of continuous variables.


def not_restarted(base: Any) -> type:
    """When a reaction changes a count that a rate rule reads, the path continues unchanged to the end of its step."""

    class Going(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            path = self.laws.continuous
            self._laws: Any = self._laws._replace(continuous=path._replace(restarts=np.zeros_like(path.restarts)))

    return Going


def frozen(base: Any) -> type:
    """Propensities read the variables of the last reaction or recorded point, not the present ones."""

    class Frozen(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._shadow = base(*arguments, **named)  # integrates the true path; its reactions are not used

        def advance(self, t_stop: float, *rest: Any, **named: Any) -> int:
            path = self.laws.continuous
            path.interpolation[:] = 0.0  # variables are constant within a step
            code = super().advance(t_stop, *rest, **(named | {"event_limit": self.n_events + 1}))
            self._move()
            return codes.SLICE_END if code == codes.EVENT_LIMIT else code

        def _move(self) -> None:
            """Set the variables to those of the true path at the present time."""
            self._shadow.advance(self.time)
            places = self._laws.continuous.place
            values = self._shadow.laws.variables[places]
            self.set_counts(np.empty(0, np.int64), np.empty(0, np.int64), places.tolist(), values.tolist())

    return Frozen


def crossing_at_the_next_reaction(base: Any) -> type:
    """A condition on a variable is tested only when a reaction fires."""

    class LateCrossing(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            path = self.laws.continuous
            self._laws: Any = self._laws._replace(continuous=path._replace(conditions=path.conditions[:0]))

        def advance(self, *arguments: Any, **named: Any) -> int:
            code = super().advance(*arguments, **(named | {"event_limit": self.n_events + 1}))
            return codes.TRIGGERED if code == codes.EVENT_LIMIT else code

    return LateCrossing
