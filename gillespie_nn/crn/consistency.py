"""What has to hold among the names, rules and events of a network."""

from collections.abc import Container, Iterable, Mapping, Sequence

from ..checks import InputError
from .events import Event
from .expressions import Expression, checked
from .reaction import checked_expression, checked_name
from .symbols import BUILT_IN, PARAMETER, RULE, SPECIES, TIME, VOLUME, Scope


def symbols_of(species: Iterable[str], parameters: Iterable[str], rules: Iterable[str]) -> Scope:
    """What expressions of a network may read, by name; raises InputError for a name with two meanings."""
    symbols = Scope(BUILT_IN)
    for name in species:
        symbols.define(checked_name(SPECIES, name), SPECIES)
    for name in parameters:
        symbols.define(checked_name(PARAMETER, name), PARAMETER)
    for name in rules:
        found = symbols.find(name)
        if found is None or found.kind != SPECIES:
            symbols.define(checked_name(RULE, name), RULE)
    return symbols


def inlined_rules(rules: Mapping[str, Expression]) -> dict[str, Expression]:
    """Each rule in terms of what no rule gives; raises InputError for rules that need one another."""
    found: dict[str, Expression] = {}

    def inline(target: str, above: list[str]) -> Expression:
        if target in above:
            chain = " -> ".join([*above[above.index(target) :], target])
            raise InputError(f"rules depend on each other: {chain}")
        if target not in found:
            needed = {n: inline(n, [*above, target]) for n in rules[target].names() if n in rules}
            found[target] = checked(rules[target].substitute(needed), f"the rule of {target}, with the rules it reads")
        return found[target]

    for target in rules:
        inline(target, [])
    return found


def check_rate_rule(target: str, symbols: Scope, rules: Container[str]) -> None:
    """Raise InputError unless `target` is a species or a parameter that no rule gives."""
    known = "declare it with `@parameter`; species and parameters are"
    symbols.meaning(target, "name with a rate rule", SPECIES, PARAMETER, known=known)
    if target in rules:
        raise InputError(f"{target} has a rule and a rate rule: remove one of the two")


def check_unique(kind: str, names: Sequence[str]) -> None:
    """Raise InputError for a name given twice."""
    if len(set(names)) != len(names):
        symbols = Scope()
        for name in names:
            symbols.define(name, kind)


def readable(symbols: Scope) -> frozenset[str]:
    """The names that expressions may have; constants are numbers in them."""
    return frozenset(symbols.names(SPECIES, PARAMETER, RULE, TIME, VOLUME))


def checked_event(event: Event, symbols: Scope, names: Container[str], rules: Container[str]) -> Event:
    """`event`, its names among `names` and its targets among species and parameters; raises InputError."""
    what = f"event {checked_name('event', event.name)}"
    random = (*(value for _, value in event.assignments), event.delay)
    for expression in event.expressions():
        checked_expression(expression, what, names, draws=any(expression is e for e in random))
    targets = [t for t, _ in event.assignments]
    if len(set(targets)) != len(targets):
        twice = next(t for t in targets if targets.count(t) > 1)
        raise InputError(f"{what} assigns to {twice} twice: assign to it once")
    for target, _ in event.factors:
        if target not in targets:
            raise InputError(f"{what} scales {target}, but does not assign to it: assign to it, or remove the factor")
    for target in targets:
        if target in rules:
            raise InputError(f"{what} assigns to {target}, which is given by a rule: remove one of the two")
        symbols.meaning(target, f"name assigned by {what}", SPECIES, PARAMETER, known="species and parameters are")
    return event
