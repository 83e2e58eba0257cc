"""What has to hold among the names, rules and events of a network."""

from collections.abc import Mapping

from .. import checks
from ..checks import InputError
from .events import Event
from .expressions import CONSTANTS, Expression, checked
from .reaction import checked_expression, checked_name

BUILT_IN = ("time", "volume")
"""Names that every expression may read: the time [s], and Omega."""


def inlined_rules(rules: Mapping[str, Expression]) -> dict[str, Expression]:
    """Each rule in terms of what no rule gives; raises InputError for rules that need one another."""
    found = {}

    def inline(target, above):
        if target in above:
            chain = " -> ".join([*above[above.index(target) :], target])
            raise InputError(f"rules need one another: {chain}")
        if target not in found:
            needed = {n: inline(n, [*above, target]) for n in rules[target].names() if n in rules}
            found[target] = checked(rules[target].substitute(needed), f"the rule of {target}, with the rules it reads")
        return found[target]

    for target in rules:
        inline(target, [])
    return found


def check_names(species, parameters, rules):
    """Raise InputError for a name with two meanings."""
    for name in rules:
        if name not in species:
            checked_name("rule", name)
    for name in (*species, *parameters, *rules):
        if name in BUILT_IN or name in CONSTANTS:
            raise InputError(f"{name!r} has a meaning of its own in expressions: rename it")
    for name in parameters:
        if name in species or name in rules:
            raise InputError(f"{name!r} names a parameter and a species or rule: rename one")


def check_unique(what, names):
    """Raise InputError for a name given twice."""
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"{what} {twice!r} is named twice: give each {what} a name of its own")


def checked_event(event, species, parameters, rules, names) -> Event:
    """`event`, its names among `names` and its targets among species and parameters; raises InputError."""
    what = f"event {checked_name('event', event.name)}"
    for expression in event.expressions():
        checked_expression(expression, what, names)
    targets = [t for t, _ in event.assignments]
    if len(set(targets)) != len(targets):
        raise InputError(f"{what} assigns twice to one name")
    for target in targets:
        if target in rules:
            raise InputError(f"{what} assigns to {target}, which a rule gives")
        checks.choice(f"name assigned by {what}", target, [*species, *parameters], "species and parameters are")
    return event
