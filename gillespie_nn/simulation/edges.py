"""Where rates jump at known times: conditions on the time alone, such as `piecewise(1, time >= 50 && time < 51, 0)`.

A solver looks at slopes at a few times of each step. A pulse that lies between them would be stepped over without a
word. So each such condition becomes an event without assignments: runs stop where it changes, and a new step begins.
"""

from collections.abc import Iterator
from dataclasses import replace

from ..crn import ReactionNetwork
from ..crn.events import Event
from ..crn.expressions import RELATIONS, Expression
from .methods import Method, Ode


def with_edges(network: ReactionNetwork, method: type[Method]) -> ReactionNetwork:
    """`network` with an event for each condition on the time that a step of the solver must not reach over.

    Rate rules are integrated by every method that supports them, rate laws by `ode` alone: exact methods bound them
    over windows of time. The network itself where there is no such condition.
    """
    rates = list(network.rate_rules.values())
    if issubclass(method, Ode):
        rates += [reaction.law for reaction in network.reactions if reaction.law is not None]
    conditions = {c: None for rate in rates for c in _conditions(network, network.resolved(rate))}
    if not conditions:
        return network
    taken = {event.name for event in network.events}
    names = (name for k in range(len(taken) + len(conditions)) if (name := f"edge{k}") not in taken)
    edges = tuple(Event(name, condition, (), is_edge=True) for name, condition in zip(names, conditions))
    return replace(network, events=(*network.events, *edges))


def _conditions(network: ReactionNetwork, expression: Expression) -> Iterator[Expression]:
    """The comparisons in `expression` that change with the time and with nothing that moves."""
    moving = {*network.index, *network.rate_rules}
    for node in expression.walk():
        if node.op in RELATIONS:
            names = node.names()
            if "time" in names and names.isdisjoint(moving):
                yield node
