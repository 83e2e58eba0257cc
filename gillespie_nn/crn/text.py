"""The text form of a reaction network, read and written.

    # comment
    @volume 2.0                        the volume that the model fixes (optional)
    binding: 2 A + B -> C @ 0.5        name (optional), reactants, products, rate constant
    0 -> A @ 1                         nothing on a side is 0
    0 -> Y @ 1 * ramp(Z_p, Z_m)        a threshold factor: step(A, B) or ramp(A, B)
    A = 10                             initial count [molecules]

Species stand in order of first appearance.
"""

import math
import re

from .. import checks
from ..checks import InputError
from .network import THRESHOLD_KINDS, Reaction, ReactionNetwork, Threshold

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)(?![A-Za-z0-9_.])", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,18}(?![.\dA-Za-z_])")


class _Cursor:
    """A line of the text and a place in it; every failure names both."""

    def __init__(self, text, number):
        self.text, self.number, self.place = text, number, 0
        self.skip()

    def skip(self):
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def take(self, token):
        """Consume a literal or a pattern; returns the text consumed, or None."""
        if isinstance(token, str):
            found = token if self.text.startswith(token, self.place) else None
        else:
            match = token.match(self.text, self.place)
            found = match.group() if match else None
        if found is not None:
            self.place += len(found)
            self.skip()
        return found

    def need(self, token, what):
        found = self.take(token)
        if found is None:
            got = self.text[self.place :].split(maxsplit=1)
            self.fail(f"expected {what}, got {got[0]!r}" if got else f"expected {what}, and the line ends")
        return found

    def end(self):
        if self.place < len(self.text):
            self.fail(f"unexpected {self.text[self.place :].strip()!r}")

    def fail(self, message, place=None):
        column = (self.place if place is None else place) + 1
        raise InputError(f"line {self.number}, column {column}: {message}")


def parse(text: str) -> ReactionNetwork:
    """Read a network; raises InputError with line and column."""
    if not isinstance(text, str):
        raise InputError(f"the text of a network must be a string, got {type(text).__name__}")
    species, reactions, initial, names, volume = {}, [], {}, set(), None
    for number, line in enumerate(text.splitlines(), 1):
        cursor = _Cursor(line.partition("#")[0].rstrip(), number)
        if cursor.place == len(cursor.text):
            continue
        if cursor.take("@volume"):
            start = cursor.place
            if volume is not None:
                cursor.fail("the volume is set twice", 0)
            volume = _number(cursor, "a volume")
            if not (volume > 0 and math.isfinite(volume)):
                cursor.fail(f"volume must be positive and finite, got {volume}", start)
        elif "->" in cursor.text or "@" in cursor.text:
            reaction = _reaction(cursor)
            reaction = reaction if reaction.name else reaction._replace(name=f"r{len(reactions) + 1}")
            if reaction.name in names:
                cursor.fail(f"reaction {reaction.name!r} is named twice: give each a name of its own", 0)
            names.add(reaction.name)
            reactions.append(reaction)
            threshold = reaction.threshold
            read = [] if threshold is None else [(threshold.above, 1), (threshold.below, 1)]
            species.update(dict.fromkeys(s for s, _ in (*reaction.reactants, *reaction.products, *read)))
        else:
            start = cursor.place
            name, value = _count(cursor)
            if name in initial:
                cursor.fail(f"the initial count of {name} is set twice", start)
            initial[name] = value
            species.setdefault(name)
        cursor.end()
    return ReactionNetwork(tuple(species), tuple(reactions), initial, volume)


def _reaction(cursor):
    name = ""
    if re.match(r"[A-Za-z_][A-Za-z0-9_]*\s*:", cursor.text[cursor.place :]):
        name = cursor.take(_NAME)
        cursor.take(":")
    reactants = _side(cursor)
    if cursor.take("<->") or cursor.take("<"):
        cursor.fail("a reversible arrow: write the two reactions on two lines")
    cursor.need("->", "'->'")
    products = _side(cursor)
    cursor.need("@", "'@' and a rate constant")
    start = cursor.place
    rate = _number(cursor, "a rate constant (a number)")
    if not (rate >= 0 and math.isfinite(rate)):
        cursor.fail(f"a rate constant must be at least 0 and finite, got {rate}", start)
    threshold = _threshold(cursor) if cursor.take("*") else None
    return Reaction(reactants, products, rate, name, threshold)


def _side(cursor):
    if re.match(r"0\s*(->|@|$)", cursor.text[cursor.place :]):
        cursor.take("0")
        return ()
    side = {}
    while True:
        start = cursor.place
        multiple = cursor.take(_WHOLE)
        if multiple is not None and int(multiple) == 0:
            cursor.fail("a multiplicity must be at least 1", start)
        name = cursor.need(_NAME, "a species name, or 0 for nothing")
        side[name] = side.get(name, 0) + int(multiple or 1)
        if not cursor.take("+"):
            return tuple(side.items())


def _threshold(cursor):
    start = cursor.place
    kind = cursor.need(_NAME, "step(A, B) or ramp(A, B)")
    if kind not in THRESHOLD_KINDS:
        cursor.fail(f"unknown factor {kind!r}: a rate takes step(A, B) or ramp(A, B)", start)
    cursor.need("(", "'('")
    above = cursor.need(_NAME, "a species name")
    cursor.need(",", "','")
    below = cursor.need(_NAME, "a species name")
    cursor.need(")", "')'")
    return Threshold(kind, above, below)


def _count(cursor):
    name = cursor.need(_NAME, "a species name")
    cursor.need("=", "'->' or '='")
    start = cursor.place
    value = _number(cursor, "a whole number of molecules")
    try:
        return name, checks.count(f"the initial count of {name}", value)
    except InputError as error:
        cursor.fail(str(error), start)


def _number(cursor, what):
    text = cursor.need(_NUMBER, what)
    return int(text) if re.fullmatch(r"\+?\d{1,300}", text) else float(text)


def write(network: ReactionNetwork) -> str:
    """The canonical text: volume if fixed, every species with its initial count, every reaction with its name."""
    lines = [] if network.volume is None else [f"@volume {network.volume!r}"]
    lines += [f"{s} = {network.initial[s]}" for s in network.species]
    lines += [f"{r.name}: {equation(r)} @ {_rate(r)}" for r in network.reactions]
    return "\n".join(lines) + "\n"


def equation(reaction: Reaction) -> str:
    """`2 A + B -> C`."""
    return f"{_side_text(reaction.reactants)} -> {_side_text(reaction.products)}"


def _rate(reaction):
    threshold = reaction.threshold
    factor = "" if threshold is None else f" * {threshold.kind}({threshold.above}, {threshold.below})"
    return f"{float(reaction.rate)!r}{factor}"


def _side_text(side):
    return " + ".join(s if n == 1 else f"{n} {s}" for s, n in side) or "0"
