"""The text form of a reaction network, written; the digest of a model is that of this text."""

import os
from typing import TYPE_CHECKING

from ... import checks
from ...checks import shortened
from ...display.tables import Table, fragment, shown
from ..parts import Event
from ..reaction import Reaction

if TYPE_CHECKING:
    from ..network import ReactionNetwork


def write(network: "ReactionNetwork", path: str | os.PathLike | None = None) -> str:
    """The canonical text: volume if fixed, every species with its initial count, every reaction with its name. Also
    written to `path` if that is given."""
    lines = [] if network.volume is None else [f"@volume {network.volume!r}"]
    lines += [f"{s} = {network.initial[s]}" for s in network.species]
    lines += parameter_values(network)
    lines += [f"{r.name}: {equation(r)} @ {_rate(r)}" for r in network.reactions]
    lines += rules_and_events(network)
    lines += [f"@only_ode {network.only_ode}"] if network.only_ode else []
    text = "\n".join(lines) + "\n"
    if path is not None:
        checks.write_text(path, text)
    return text


def parameter_values(network: "ReactionNetwork") -> list[str]:
    """Their lines of the text form."""
    return [f"@parameter {name} = {value!r}" for name, value in network.parameters.items()]


def rules_and_events(network: "ReactionNetwork") -> list[str]:
    """Their lines of the text form."""
    rules = [f"@rule {name} = {rule}" for name, rule in network.rules.items()]
    rules += [f"@rate {name} = {rate}" for name, rate in network.rate_rules.items()]
    return rules + [_event_text(e) for e in network.events]


def _event_text(event: Event) -> str:
    clauses = [f"when {event.trigger}"]
    if event.assignments:
        clauses.append("set " + ", ".join(f"{target} = {value}" for target, value in event.assignments))
    if event.factors:
        clauses.append("scale " + ", ".join(f"{target} = {value}" for target, value in event.factors))
    clauses += [f"{w} {getattr(event, w)}" for w in ("delay", "priority") if getattr(event, w) is not None]
    flags = {
        "not persistent": not event.persistent,
        "initially true": event.initially,
        "values after delay": not event.values_at_trigger,
    }
    return f"@event {event.name}: " + "; ".join([*clauses, *(w for w, given in flags.items() if given)])


def equation(reaction: Reaction) -> str:
    """`2 A + B -> C`."""
    return f"{_side_text(reaction.reactants)} -> {_side_text(reaction.products)}"


def _rate(reaction: Reaction) -> str:
    if reaction.law is not None:
        factor = "" if reaction.rate == 1.0 else f"{float(reaction.rate)!r} * "
        return f"{factor}propensity({reaction.law})"
    threshold, expression = reaction.threshold, reaction.rate_expression
    factor = "" if threshold is None else f" * {threshold.kind}({threshold.above}, {threshold.below})"
    if expression is None:
        return f"{float(reaction.rate)!r}{factor}"
    return f"({expression}){factor}" if factor else str(expression)


def _side_text(side: tuple[tuple[str, int], ...]) -> str:
    return " + ".join(s if n == 1 else f"{n} {s}" for s, n in side) or "0"


# Propensity and mass-action rate of each reaction, side by side, for people to read.

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
