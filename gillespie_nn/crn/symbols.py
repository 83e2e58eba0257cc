"""Symbols: what a written name means where it stands, and the identifier that it has in expressions.

A model language writes names, expressions hold identifiers; the two differ where a name has a meaning of its own in
expressions, as `time` has, or where an inner scope shadows an outer one. So a parameter that a file calls `time` and
the time itself are two symbols. Readers define what their file declares and ask a scope what a name means there.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ..checks import InputError, choice
from .expressions import DRAWN, FUNCTIONS, Expression, call, name, number

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
        return name(self.identifier) if self.value is None else number(self.value)


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
        found = self._names.get(written)
        return found if found is not None or self._above is None else self._above.find(written)

    def meaning(self, written: str, what: str, *kinds: str, known: str = "known are") -> Symbol:
        """The meaning of a name, which must be of one of `kinds`, if any are given; raises InputError."""
        found = self.find(written)
        if found is None or (kinds and found.kind not in kinds):
            choice(what, written, self.names(*kinds), known)
        assert found is not None
        return found

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
