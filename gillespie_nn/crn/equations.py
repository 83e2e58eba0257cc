"""Propensity and mass-action rate of each reaction, side by side, for people to read."""

from typing import TYPE_CHECKING

from ..checks import shortened
from ..display.html import fragment
from ..display.tables import Table, shown
from .formats.text_write import equation, parameter_values, rules_and_events
from .reaction import Reaction

if TYPE_CHECKING:
    from .network import ReactionNetwork

_LONGEST = 100
"""Characters of a law that a notebook shows."""
_FEW = 8
"""Amounts, parameters, rules and events that a notebook shows of each."""


def propensity(reaction: Reaction) -> str:
    """The propensity in counts, e.g. `0.5 / Omega * A * (A - 1)` [1/s]."""
    if reaction.law is not None:
        return _law(reaction)
    factors = []
    for s, n in reaction.reactants:
        factors += [s] + [f"({s} - {k})" for k in range(1, n)]
    return " * ".join([_scaled(reaction), *factors, *_threshold(reaction, "{}")])


def mass_action(reaction: Reaction) -> str:
    """The rate in concentrations, e.g. `0.5 * [A]^2` [concentration/s]."""
    if reaction.law is not None:
        return f"({_law(reaction)}) / Omega, counts = Omega * concentrations"
    factors = [f"[{s}]" if n == 1 else f"[{s}]^{n}" for s, n in reaction.reactants]
    return " * ".join([_constant(reaction), *factors, *_threshold(reaction, "[{}]")])


def describe(network: "ReactionNetwork") -> str:
    """A table, one line a reaction: name, equation, propensity, mass-action rate; then values, rules and events."""
    rows = [("reaction", "equation", "propensity [1/s]", "mass-action rate [concentration/s]")]
    rows += [(r.name, equation(r), propensity(r), mass_action(r)) for r in network.reactions]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, *_initially(network), *parameter_values(network), *rules_and_events(network)])


def html(network: "ReactionNetwork") -> str:
    """What a notebook shows: the first reactions, and what `describe` says below them, shortened."""
    rows = [(r.name, equation(r), _cut(propensity(r))) for r in network.reactions]
    table = shown(Table("", ("reaction", "equation", "propensity [1/s]"), rows))
    initially = [f"{s} = {n}" for s, n in network.initial.items() if n]
    parameters = [f"{name} = {value:g}" for name, value in network.parameters.items()]
    lines = {
        "initially": initially,
        "parameters": parameters,
        "rules": network.rules,
        "rate rules": network.rate_rules,
        "events": _event_names(network),
    }
    notes = [f"{what}: {shortened(items, _FEW)}" for what, items in lines.items() if items]
    return fragment(repr(network), [table] if rows else [], notes)


def _event_names(network: "ReactionNetwork") -> list[str]:
    return [event.name for event in network.events]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def bystanders(network: "ReactionNetwork") -> list[str]:
    """The species that no reaction, rule or event names: they stay what they are, and may be mistyped."""
    named = set().union(*(r.read_species() | {s for s, _ in r.products} for r in network.reactions))
    for rules in (network.rules, network.rate_rules):
        named |= rules.keys() | {n for rule in rules.values() for n in rule.names()}
    for event in network.events:
        named |= {target for target, _ in event.assignments} | {n for e in event.expressions() for n in e.names()}
    return [s for s in network.species if s not in named]


def _initially(network: "ReactionNetwork") -> list[str]:
    counts = [f"{s} = {n}" for s, n in network.initial.items() if n]
    idle = bystanders(network)
    lines = [f"initially {', '.join(counts)}"] if counts else []
    return lines + ([f"in no reaction, rule or event: {', '.join(idle)}"] if idle else [])


def _law(reaction: Reaction) -> str:
    return str(reaction.law) if reaction.rate == 1.0 else f"{reaction.rate:g} * ({reaction.law})"


def _constant(reaction: Reaction) -> str:
    """The rate constant: its expression, if it has one, else its value."""
    expression = reaction.rate_expression
    if expression is None:
        return f"{reaction.rate:g}"
    return str(expression) if expression.op == "name" else f"({expression})"


def _scaled(reaction: Reaction) -> str:
    power = 1 - reaction.order
    if power == 0:
        return _constant(reaction)
    if power == 1:
        return f"{_constant(reaction)} * Omega"
    return f"{_constant(reaction)} / Omega" + (f"^{-power}" if power < -1 else "")


def _threshold(reaction: Reaction, form: str) -> list[str]:
    if reaction.threshold is None:
        return []
    kind, above, below = reaction.threshold
    return [f"{kind}({form.format(above)}, {form.format(below)})"]
