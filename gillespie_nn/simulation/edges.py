"""Where rates jump at known times: conditions on the time alone, such as `piecewise(1, time >= 50 && time < 51, 0)`.

A solver looks at slopes at a few times of each step, so that a pulse between them would be stepped over without a word;
and a step over a jump, or up to it, has no order. So each such condition becomes a parameter, 1 or 0, which an event
sets where the condition changes: within a step it is constant, and a new step begins there.
"""

from collections.abc import Iterator
from dataclasses import replace

from ..crn import ReactionNetwork
from ..crn.events import Event
from ..crn.expressions import RELATIONS, Expression, name, operation
from .methods import Method, Ode


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
        return name(edges[expression])
    if not expression.args:
        return expression
    return operation(expression.op, tuple(_replaced(a, edges) for a in expression.args))
