"""Events of a network during one replicate: when conditions become true, and what happens then.

The condition at which a replicate stops is an event, and so is a known time at which rates jump.

Methods watch the conditions and stop where one may have changed, so nothing here is polled. For a condition on the time
the moment of its next change is solved for here, to the last digit. If it also reads what changes between reactions
(continuous variables, and all amounts where these are real numbers), the method itself locates the moment.

The meaning is SBML's (level 3 version 1, section 4.11): a condition that becomes true makes its event happen, after its
delay; several at one moment happen by priority, and one done may make others happen or, if they are not persistent,
no longer happen. Of events with equal priority one is drawn, from the generator of the replicate; where none is tied,
none is drawn. Events without a priority go last, in the order in which their conditions became true, then in file
order: SBML leaves that order open.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError, ModelError
from ..crn import ReactionNetwork
from ..crn.expressions import RELATIONS, Expression, operation
from ..crn.expressions import name as name_of
from ..crn.formula import parse
from ..crn.parts import Event, drawn, has_draws
from ..kernels.codes import COUNT_LIMIT
from ..kernels.interval_bounds import next_crossing
from ..kernels.laws import TIME_VARIABLE, VARIABLE, law_value
from ..status import Status
from .methods import Method, Ode
from .observer import StateValues

_NO_SPECIES = np.empty(0, dtype=np.int64)
_SHORTEST, _MOST_MOMENTS = 1e-30, 8
"""In a rate, what a condition on the time is for less than this [s], or for four steps of float64, does not count."""
_MOST_AT_ONCE = 10_000
"""Largest number of events at one moment; more keep triggering each other."""
_MANY = 5000
"""The pace of an event is measured after this number of happenings by the passing of time alone."""
_TOO_MANY = 1e8
"""An event whose pace would give more happenings than this until the end counts as endless: each takes about 0.1 ms,
and the condition sin(1 / (time - 1)) > 0 changes infinitely often."""
END_TIME = "end_time"
"""Name of the statistic that gives the time at which a replicate stopped."""


class _Pending(NamedTuple):
    time: float
    event: int
    values: tuple | None  # of the assignments, if they were worked out when the condition became true


class Events:
    """The events of `network` in the simulation `method`, up to `t_end` [s]."""

    def __init__(self, network, method, t_end):
        self._network, self._method, self._t_end = network, method, t_end
        self._events = network.resolved_events
        self._values = StateValues(network)
        self._pending: list[_Pending] = []
        # Of each event: happenings with no reaction before them, when the last `_MANY` of these began [s], and how many
        # reactions had fired at the last happening.
        self._happened = [0] * len(self._events)
        self._since = [0.0] * len(self._events)
        self._fired = [-1] * len(self._events)
        self._by_time = [_changes_by_time(trigger, network, method) for trigger in network.compiled.programs.triggers]
        # A condition that reads no counts need not be looked at before it changes, unless a parameter that it reads was
        # set: the places of these, or None if it reads counts; and their values when it was last looked at.
        self._reads = [_reads(t, timed) for t, timed in zip(network.compiled.programs.triggers, self._by_time)]
        self._read: list[list[float]] = [[] for _ in self._events]
        self._crossing = [np.nan] * len(self._events)  # NaN: to be solved for
        self._warned: set[int] = set()
        self._done_at, self._n_done = -np.inf, 0  # happenings at one moment
        self.stops = False
        """Whether the condition has become true at which the simulation ends."""
        random = [e for event in self._events for e in event.expressions() if has_draws(e)]
        if random and method.deterministic:
            checks.warn(
                f"method {method.name} has no random draws: {random[0]} and others like it are replaced by their means"
            )
        if self._events:
            method.laws.triggered[:] = [event.initially for event in self._events]

    def next_time(self) -> float:
        """The next time at which something happens without a reaction [s]; infinite if there is none."""
        if not self._events:
            return np.inf
        for k in range(len(self._events)):
            if np.isnan(self._crossing[k]):
                self._crossing[k] = self._next_crossing(k, self._method.time) if self._by_time[k] else np.inf
        return min([*self._crossing, *(p.time for p in self._pending)])

    def _next_crossing(self, k, start):
        """When the condition of event k, which reads the time, next changes after `start` [s]."""
        method = self._method
        crossing = next_crossing(method.laws, method.laws.first_trigger[0] + k, method.state, start, self._t_end)
        if not np.isnan(crossing):
            return crossing
        if self._events[k].edge_of is not None:
            if k not in self._warned:
                self._warned.add(k)
                checks.warn(
                    self._message(
                        k,
                        "cannot find when its condition changes next; it may miss a time at which the condition is "
                        "true only briefly",
                    )
                )
            return np.inf
        trigger = self._network.events[k].trigger  # as written, without the rules put in
        raise ModelError(
            f"event {self._events[k].name}: cannot find when its condition {trigger} changes after "
            f"t = {method.time:g} s; simplify the condition"
        )

    def _stays(self, k):
        """Whether the condition of event k cannot have changed: it reads only the time and parameters, none of these
        was set, and the time at which it changes is later."""
        if self._reads[k] is None or not self._method.time < self._crossing[k]:
            return False
        return self._read[k] == self._method.laws.variables[self._reads[k]].tolist()

    def _set_edge(self, k, now):
        """Set the parameter of an edge to the value of its condition just after the present time. A value for a moment
        only, as of `time == 5`, changes no integral."""
        laws = self._method.laws
        true = law_value(laws, laws.first_trigger[0] + k, self._method.state) != 0.0
        crossing = self._next_crossing(k, now)
        for _ in range(_MOST_MOMENTS):
            if not crossing - now <= _SHORTEST + 4 * np.spacing(now):
                break
            true, crossing = not true, self._next_crossing(k, crossing)
        self._crossing[k] = crossing
        laws.variables[TIME_VARIABLE] = now
        if true != bool(laws.triggered[k]):
            laws.triggered[k] = true
            self._count_happening(k, now)
            place = self._values.place(self._events[k].edge_of)
            self._method.set_counts(_NO_SPECIES, np.empty(0, dtype=self._method.dtype), [place], [float(true)])

    def happen(self) -> None:
        """Evaluate the conditions now, and let the events happen that are due."""
        if self._method.time > self._done_at:
            self._done_at, self._n_done = self._method.time, 0
        self._evaluate()
        while due := [p for p in self._pending if p.time <= self._method.time]:
            if self._n_done >= _MOST_AT_ONCE:
                raise ModelError(
                    f"event {self._events[due[0].event].name} and others keep triggering each other at "
                    f"t = {self._method.time:g} s"
                )
            chosen = self._chosen(due)
            self._pending.remove(chosen)
            self._execute(chosen)
            self._n_done += 1
            # An event may make other conditions true, or false again.
            self._evaluate()

    def _evaluate(self):
        """Compare the conditions with their last values. Events whose condition became true are queued."""
        laws, first, now = self._method.laws, self._method.laws.first_trigger[0], self._method.time
        laws.variables[TIME_VARIABLE] = now
        for k, event in enumerate(self._events):
            if self._stays(k):
                continue
            if self._reads[k] is not None:
                self._read[k] = laws.variables[self._reads[k]].tolist()
            if event.edge_of is not None:
                self._set_edge(k, now)
                continue
            if self._by_time[k]:
                self._crossing[k] = np.nan
            true = law_value(laws, first + k, self._method.state) != 0.0
            if true == bool(laws.triggered[k]):
                continue
            laws.triggered[k] = true
            if true and event.stops:
                self.stops = True
            elif true:
                self._count_happening(k, now)
                values = self._worked_out(k) if event.values_at_trigger else None
                self._pending.append(_Pending(now + self._delay_of(k), k, values))
            elif not event.persistent:
                self._pending = [p for p in self._pending if p.event != k]

    def _count_happening(self, k, now):
        """Count a happening. Raise ModelError if the passing of time makes the condition of event k true endlessly."""
        by_time, self._fired[k] = self._fired[k] == self._method.n_events, self._method.n_events
        self._happened[k] += by_time
        if not by_time or self._happened[k] % _MANY:
            return
        seconds, self._since[k] = now - self._since[k], now
        # Endless happenings at one moment (seconds = 0) are refused in `happen`.
        if seconds > 0 and (self._t_end - now) * _MANY > _TOO_MANY * seconds:
            raise ModelError(
                self._message(
                    k,
                    f"its condition became true {_MANY} times within {seconds:.2g} s, with no reaction in between: "
                    "write a condition that does not change without end",
                )
            )

    def _execute(self, pending):
        values = self._worked_out(pending.event) if pending.values is None else pending.values
        event = self._events[pending.event]
        factors = {target: float(self._values.at(self._method, e)) for target, e in event.factors}
        species, counts, variables, reals = [], [], [], []
        for (target, _), value in zip(event.assignments, values):
            value *= factors.get(target, 1.0)
            if target in self._network.index and target not in self._network.rate_rules:
                species.append(self._network.index[target])
                counts.append(self._count(pending.event, target, value))
            else:
                variables.append(self._values.place(target))
                reals.append(self._real(pending.event, target, value))
        values = np.array(counts, dtype=self._method.dtype)
        self._method.set_counts(np.array(species, dtype=np.int64), values, variables, reals)

    def _worked_out(self, k):
        return tuple(self._value(k, e) for _, e in self._events[k].assignments)

    def _value(self, k, expression):
        """The value of an expression of event k now, with its random draws made."""
        method = self._method
        try:
            made = drawn(expression, partial(self._values.at, method), None if method.deterministic else method.rng)
        except ValueError as error:
            raise ModelError(self._message(k, f"{expression} cannot be drawn: {error}")) from None
        return float(self._values.at(method, made))

    def _chosen(self, due):
        """The next of the events that are due: the one of highest priority, of equals one at random."""
        if all(self._events[p.event].priority is None for p in due):
            return due[0]
        priorities = [self._priority_of(p.event) for p in due]
        highest = [p for p, priority in zip(due, priorities) if priority == max(priorities)]
        tied = len(highest) > 1 and self._events[highest[0].event].priority is not None
        return highest[int(self._method.rng.integers(len(highest)))] if tied else highest[0]

    def _priority_of(self, k):
        if self._events[k].priority is None:
            return -np.inf
        priority = float(self._values.at(self._method, self._events[k].priority))
        if np.isnan(priority):
            raise ModelError(self._message(k, "its priority is not a number"))
        return priority

    def _delay_of(self, k):
        if self._events[k].delay is None:
            return 0.0
        delay = self._value(k, self._events[k].delay)
        if not delay >= 0:
            raise ModelError(self._message(k, f"its delay is {delay:g} s, and must be at least 0"))
        return delay

    def _count(self, k, target, value):
        if self._method.dtype != np.int64:
            # Rate equations can start anywhere.
            if value < 0 and not self._method.deterministic:
                raise ModelError(self._message(k, f"it sets {target} to {value:g} molecules, which must be at least 0"))
            return self._real(k, target, value)
        count = checks.rounded(value)
        if not (count == np.floor(count) and 0 <= count <= COUNT_LIMIT):
            raise ModelError(
                self._message(
                    k, f"it sets {target} to {value:g} molecules, which must be a whole number from 0 to 2**53"
                )
            )
        return int(count)

    def _real(self, k, target, value):
        if not np.isfinite(value):
            raise ModelError(self._message(k, f"it sets {target} to {value:g}, which must be finite"))
        return value

    def _message(self, k, what):
        event = self._events[k]
        name = f"condition {event.trigger} in a rate" if event.edge_of is not None else f"event {event.name}"
        return f"{name}, at t = {self._method.time:g} s: {what}"


def _changes_by_time(trigger, network, method):
    """Whether the condition `trigger`, a program, changes between reactions by the time alone."""
    moved = network.compiled.programs.moved
    read = {a for op, a, _, _ in trigger.instructions if op == VARIABLE}
    still = method.dtype == np.int64 or not trigger.species
    return TIME_VARIABLE in read and read.isdisjoint(moved) and still


def _reads(trigger, by_time):
    """Places of the variables besides the time that a condition reads, or None if it reads counts or not the time."""
    if not by_time or trigger.species:
        return None
    return [a for a in dict.fromkeys(a for op, a, _, _ in trigger.instructions if op == VARIABLE) if a != TIME_VARIABLE]


# The condition at which a replicate stops: an event that ends the replicate in place of changing the state


def condition(name: str, value: Any) -> str:
    """The text of a condition; raises InputError."""
    if isinstance(value, Expression):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} must be a condition such as 'A >= 100', got {value!r}")
    parse(value, f"{name}, {value!r}")
    return value.strip()


def stopping(network: ReactionNetwork, text: str, method: Any) -> ReactionNetwork:
    """`network` with an event, its last, that stops a replicate when the condition `text` becomes true.

    Raises InputError for names that the network does not have, and for a `method` that does not support events.
    """
    trigger = parse(text, f"stop_when, {text!r}")
    name = "stop_when"
    while any(event.name == name for event in network.events):
        name += "_"
    stopped = replace(network, events=(*network.events, Event(name, trigger, (), stops=True)))  # checks the names
    try:
        method.refuse(stopped)
    except InputError as error:
        raise InputError(f"stop_when={text!r}: {error}") from None
    if trigger.names().isdisjoint({*network.index, *network.rules, *network.rate_rules, "time"}):
        raise InputError(f"stop_when={text!r} reads no species, rule or time, so it never changes: name a species")
    return stopped


def end_time(status: int, time: float) -> float:
    """When a replicate stopped by its condition [s]; NaN if it did not."""
    return time if status == Status.CONDITION_MET else np.nan


# Where rates jump at known times: conditions on the time alone, such as `piecewise(1, time >= 50 && time < 51, 0)`.
#
# A solver looks at slopes at a few times of each step, so that a pulse between them would be stepped over without a
# word; and a step over a jump, or up to it, has no order. So each such condition becomes a parameter, 1 or 0, which an
# event sets where the condition changes: within a step it is constant, and a new step begins there.


def with_edges(network: ReactionNetwork, method: type[Method]) -> ReactionNetwork:
    """`network` with a parameter and an event for each condition on the time that a step must not reach over.

    Rate rules are integrated by every method that supports them, rate laws by `ode` alone: exact methods bound them
    over windows of time. The network itself where there is no such condition.
    """
    rules = {target: network.resolved(rate) for target, rate in network.rate_rules.items()}
    laws = {}
    if issubclass(method, Ode):
        laws = {k: network.resolved(r.law) for k, r in enumerate(network.reactions) if r.law is not None}
    conditions = dict.fromkeys(c for rate in (*rules.values(), *laws.values()) for c in _conditions(network, rate))
    if not conditions:
        return network
    taken = {*network.species, *network.parameters, *network.rules, *(event.name for event in network.events)}
    free = (edge for k in range(len(taken) + len(conditions)) if (edge := f"edge{k}") not in taken)
    edges = dict(zip(conditions, free))
    return replace(
        network,
        parameters={**network.parameters, **dict.fromkeys(edges.values(), 0.0)},
        reactions=tuple(
            r._replace(law=_replaced(laws[k], edges)) if k in laws else r for k, r in enumerate(network.reactions)
        ),
        rate_rules={target: _replaced(rate, edges) for target, rate in rules.items()},
        events=(*network.events, *(Event(edge, c, (), edge_of=edge) for c, edge in edges.items())),
    )


def _conditions(network: ReactionNetwork, expression: Expression) -> Iterator[Expression]:
    """The comparisons in `expression` that change with the time and with nothing that moves."""
    moving = {*network.index, *network.rate_rules}
    for node in expression.walk():
        if node.op in RELATIONS:
            names = node.names()
            if "time" in names and names.isdisjoint(moving):
                yield node


def _replaced(expression: Expression, edges: dict[Expression, str]) -> Expression:
    """`expression` with a name in place of each condition."""
    if expression in edges:
        return name_of(edges[expression])
    if not expression.args:
        return expression
    return operation(expression.op, tuple(_replaced(a, edges) for a in expression.args))
