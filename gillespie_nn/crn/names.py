"""Names: selection by pattern, symbols and scopes, and consistency of the names, rules and events of a network.

In patterns such as `update_*`, `*` stands for any characters, `?` for one, and `[ab]` for one of these.
"""

import math
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from .. import checks
from ..checks import InputError, choice
from .expressions import DRAWN, FUNCTIONS, Expression, call, checked, number
from .expressions import name as name_of
from .parts import Event
from .reaction import checked_expression, checked_name

_SHOWN = 6


def is_pattern(name: object) -> bool:
    """Whether a name is a pattern: names of species, reactions and parameters have none of these characters."""
    return isinstance(name, str) and any(character in name for character in "*?[")


def matching(what: str, pattern: str, names: Iterable[str]) -> list[str]:
    """The `names` that match `pattern`; raises InputError if there are none."""
    names = list(names)
    matches = [name for name in names if fnmatchcase(name, pattern)]
    if not matches:
        near = checks.meant("".join(c for c in pattern if c not in "*?[]"), names)
        raise InputError(f"no {what} matches {pattern!r}{near}: the network has {checks.shortened(names, _SHOWN)}")
    return matches


def several(name: str, value: Any) -> tuple[str, ...]:
    """Names and patterns as a tuple, each once. `value` is one text or several; commas and spaces in a text separate
    names. Raises InputError for anything else, and if there is no name."""
    texts = [value] if isinstance(value, str) else value
    texts = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, Mapping) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        message = f"{name} must be names or patterns, for example ['A', 'C*'], got {value!r}"
        raise InputError(message[:300])
    names = tuple(dict.fromkeys(part for text in texts for part in re.split(r"[,\s]+", text) if part))
    if not names:
        raise InputError(f"{name} has no name in {value!r}: give one, or omit {name}")
    return names


def chosen(what: str, asked: Iterable[str], names: Collection[str]) -> tuple[str, ...]:
    """The `names` that `asked`, names and patterns, choose, each once: in the order of `asked`, and those that match a
    pattern in their order. Raises InputError for a name that is not among `names`, and for a pattern that matches
    none."""
    result: dict[str, None] = {}
    for name in asked:
        if is_pattern(name):
            result |= dict.fromkeys(matching(what, name, names))
        else:
            result[checks.choice(what, name, names, "the network has")] = None
    return tuple(result)


def by_pattern(what: str, values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """{name: value} of `values` by name or by pattern, in which each pattern stands for the `names` that it matches.

    An exact name takes precedence over all patterns. If several patterns match a name, the last one counts. Raises
    InputError for a name that is not among `names`, and for a pattern that matches none.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        if is_pattern(name):
            result |= dict.fromkeys(matching(what, name, names), value)
    for name, value in values.items():
        if not is_pattern(name):
            result[checks.choice(what, name, names, "the network has")] = value
    return result


# Symbols: the meaning of a written name in its context, and its identifier in expressions.
#
# A model language has names, expressions have identifiers. They differ if a name such as `time` is reserved in
# expressions, or if an inner scope shadows an outer one. So a parameter that a file calls `time` and the time are two
# symbols. Readers define the declarations of a file and ask a scope for the meaning of a name.

SPECIES, PARAMETER, RULE, RATE_RULE, COMPARTMENT = "species", "parameter", "rule", "rate rule", "compartment"
REACTION, EVENT, STOICHIOMETRY, FUNCTION, GROUP = "reaction", "event", "stoichiometry", "function", "group"
LOCAL, ARGUMENT = "local parameter", "argument"
TIME, VOLUME, CONSTANT = BUILT_IN_KINDS = "time", "volume", "constant"
Function = Callable[[tuple[Expression, ...]], Expression]


class Symbol(NamedTuple):
    """A meaning: its kind, the identifier that expressions have for it, and of a constant its value."""

    kind: str
    identifier: str
    value: float | None = None

    @property
    def expression(self) -> Expression:
        """What stands for it in expressions."""
        return name_of(self.identifier) if self.value is None else number(self.value)


BUILT_IN: Mapping[str, Symbol] = MappingProxyType(
    {
        "time": Symbol(TIME, "time"),
        "volume": Symbol(VOLUME, "volume"),
        "pi": Symbol(CONSTANT, "pi", math.pi),
        "exponentiale": Symbol(CONSTANT, "exponentiale", math.e),
        "avogadro": Symbol(CONSTANT, "avogadro", 6.02214179e23),
        "true": Symbol(CONSTANT, "true", 1.0),
        "false": Symbol(CONSTANT, "false", 0.0),
    }
)
"""What every expression may read: the time [s], Omega, and constants. Nothing else can have these identifiers."""
BUILT_IN_FUNCTIONS: Mapping[str, Function] = MappingProxyType({f: partial(call, f) for f in (*FUNCTIONS, *DRAWN)})


class Scope:
    """Names and their meanings. What an inner scope defines shadows what is above it; identifiers are not shared.

    Parameters
    ----------
    names : names that the language itself has; they cannot be defined.
    above : the scope around this one.
    """

    def __init__(self, names: Mapping[str, Symbol] = MappingProxyType({}), above: "Scope | None" = None):
        self._names = dict(names)
        self._identifiers = set(BUILT_IN) if above is None else set()
        self._above = above

    def define(self, written: str, kind: str) -> Symbol:
        """Give a name its meaning; raises InputError if it has one in this scope."""
        if written in self._names:
            raise InputError(_clash(written, kind, self._names[written].kind))
        symbol = self._names[written] = Symbol(kind, self.take(written))
        return symbol

    def take(self, wanted: str) -> str:
        """An identifier that nothing has in this scope or above: `wanted`, or that with underscores behind."""
        while self.is_taken(wanted):
            wanted += "_"
        self._identifiers.add(wanted)
        return wanted

    def is_taken(self, identifier: str) -> bool:
        """Whether something has this identifier, in this scope or above."""
        return identifier in self._identifiers or (self._above is not None and self._above.is_taken(identifier))

    def find(self, written: str) -> Symbol | None:
        """The meaning of a name here, or None."""
        symbol = self._names.get(written)
        return symbol if symbol is not None or self._above is None else self._above.find(written)

    def meaning(self, written: str, what: str, *kinds: str, known: str = "known are") -> Symbol:
        """The meaning of a name, which must be of one of `kinds`, if any are given; raises InputError."""
        symbol = self.find(written)
        if symbol is None or (kinds and symbol.kind not in kinds):
            choice(what, written, self.names(*kinds), known)
        assert symbol is not None
        return symbol

    def names(self, *kinds: str) -> list[str]:
        """Names that can be written here, of these kinds, or all."""
        above = [] if self._above is None else [n for n in self._above.names(*kinds) if n not in self._names]
        return above + [n for n, symbol in self._names.items() if not kinds or symbol.kind in kinds]

    def __contains__(self, written: object) -> bool:
        return isinstance(written, str) and self.find(written) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


def _clash(written: str, kind: str, other: str) -> str:
    if other in BUILT_IN_KINDS:
        return f"{written!r} is reserved in expressions: rename it"
    if kind == other:
        return f"{kind} {written!r} is defined twice: give each {kind} a different name"
    return f"{written!r} names a {other} and a {kind}: rename one"


# Consistency of the names, rules and events of a network.


def symbols_of(species: Iterable[str], parameters: Iterable[str], rules: Iterable[str]) -> Scope:
    """What expressions of a network may read, by name; raises InputError for a name with two meanings."""
    symbols = Scope(BUILT_IN)
    for name in species:
        symbols.define(checked_name(SPECIES, name), SPECIES)
    for name in parameters:
        symbols.define(checked_name(PARAMETER, name), PARAMETER)
    for name in rules:
        symbol = symbols.find(name)
        if symbol is None or symbol.kind != SPECIES:
            symbols.define(checked_name(RULE, name), RULE)
    return symbols


def inlined_rules(rules: Mapping[str, Expression]) -> dict[str, Expression]:
    """Each rule in terms of names without a rule; raises InputError for rules that depend on each other."""
    inlined: dict[str, Expression] = {}

    def inline(target: str, above: list[str]) -> Expression:
        if target in above:
            chain = " -> ".join([*above[above.index(target) :], target])
            raise InputError(f"rules depend on each other: {chain}")
        if target not in inlined:
            needed = {n: inline(n, [*above, target]) for n in rules[target].names() if n in rules}
            inlined[target] = checked(
                rules[target].substitute(needed), f"the rule of {target}, with the rules it reads"
            )
        return inlined[target]

    for target in rules:
        inline(target, [])
    return inlined


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
