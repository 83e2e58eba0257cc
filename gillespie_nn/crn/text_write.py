"""The text form of a reaction network, written; the digest of a model is that of this text."""

from .network import ReactionNetwork
from .reaction import Reaction


def write(network: ReactionNetwork) -> str:
    """The canonical text: volume if fixed, every species with its initial count, every reaction with its name."""
    lines = [] if network.volume is None else [f"@volume {network.volume!r}"]
    lines += [f"{s} = {network.initial[s]}" for s in network.species]
    lines += parameter_values(network)
    lines += [f"{r.name}: {equation(r)} @ {_rate(r)}" for r in network.reactions]
    lines += rules_and_events(network)
    return "\n".join(lines) + "\n"


def parameter_values(network: ReactionNetwork) -> list[str]:
    """Their lines of the text form."""
    return [f"@parameter {name} = {value!r}" for name, value in network.parameters.items()]


def rules_and_events(network: ReactionNetwork) -> list[str]:
    """Their lines of the text form."""
    rules = [f"@rule {name} = {rule}" for name, rule in network.rules.items()]
    return rules + [_event_text(e) for e in network.events]


def _event_text(event):
    clauses = [f"when {event.trigger}"]
    if event.assignments:
        clauses.append("set " + ", ".join(f"{target} = {value}" for target, value in event.assignments))
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


def _rate(reaction):
    if reaction.law is not None:
        factor = "" if reaction.rate == 1.0 else f"{float(reaction.rate)!r} * "
        return f"{factor}propensity({reaction.law})"
    threshold = reaction.threshold
    factor = "" if threshold is None else f" * {threshold.kind}({threshold.above}, {threshold.below})"
    return f"{float(reaction.rate)!r}{factor}"


def _side_text(side):
    return " + ".join(s if n == 1 else f"{n} {s}" for s, n in side) or "0"
