"""The text form of a reaction network, written; the digest of a model is that of this text."""

import os
from typing import TYPE_CHECKING

from ... import checks
from ..events import Event
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
