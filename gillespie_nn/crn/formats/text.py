"""The text form of a reaction network, read; `text_write` writes it.

    # comment
    @volume 2.0                        the volume that the model fixes (optional)
    binding: 2 A + B -> C @ 0.5        name (optional), reactants, products, rate constant
    A -> B @ 2 * k                     a rate constant computed from numbers and parameters; still mass action
    bind: A + B <-> C @ kf, kr         two reactions, `bind` and `bind_back`, with a rate constant each
    0 -> A @ 1                         nothing on a side is 0
    0 -> Y @ 1 * ramp(Z_p, Z_m)        a threshold factor: step(A, B) or ramp(A, B)
    A = 10                             initial amount [molecules]
    A -> B @ propensity(V * A / (K + A))       a general law: the propensity itself, in counts
    @parameter V = 3                   read by rate constants, laws, rules and events
    @rule total = A + 2 * B            a value computed from others, or the count of a species that no reaction changes
    @rate V = 0.02 * V                 how fast a parameter or species changes between reactions [1/s]
    @event feed: when time >= 25 && A < 5; set A = A + 50, V = 0; delay 2

An event can also have `priority EXPRESSION`, `not persistent`, `initially true`, `values after delay` and
`scale NAME = EXPRESSION`, which multiplies the value of NAME at the moment of its assignment, each after a semicolon.
Expressions are those of `crn.formula`. Species are in order of first appearance. A reaction whose rate constant reads a
parameter that an event changes gets the equal general law, so that it follows at once.
"""

import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ... import checks
from ...checks import InputError
from ..expressions import Expression
from ..names import PARAMETER, RATE_RULE, REACTION, RULE, Scope
from ..parts import Event, Parts
from ..reaction import Reaction
from .model_format import ModelFormat, Overrides, Source, errors_name
from .text_rates import NAME, Cursor, WrittenRate, read_expression, read_number, read_rates, with_rate_constant
from .text_write import write

_CLAUSES = ("when", "set", "scale", "delay", "priority", "not persistent", "initially true", "values after delay")
_PATH = re.compile(r"[^\s@>=#]+\.[A-Za-z]\w*")
_JOINED = re.compile(r"(\d+)([A-Za-z_]\w*)", re.ASCII)
_UNIT = re.compile(r"[^\W\d]|[-+*/^%(]")
_WHOLE = re.compile(r"\d{1,18}(?![.\dA-Za-z_])")


def read(source: Source, parameters: Overrides = None) -> Parts:
    """The network of a text, or of the file at a `Path`, with overrides of parameters by name; raises InputError with
    line and column."""
    if isinstance(source, os.PathLike):
        return _of_file(Path(source), parameters)
    if not isinstance(source, str):
        raise InputError(f"the text of a network must be a string, got {type(source).__name__}")
    if _PATH.fullmatch(source):
        raise InputError(f"{source!r} is a path, not the text of a network: use Path({source!r}).read_text()")
    return _parse(checks.without_mark(source), parameters)


def _of_file(path: Path, parameters: Overrides) -> Parts:
    text = checks.read_text(path, "SBML files end in .xml or .sbml")
    with errors_name(str(path)):
        parts = _parse(text, parameters)
    if not parts.species:
        raise InputError(f"{path} contains no species and no reactions: is it the right file?")
    return parts._replace(origin=str(path))


def _parse(text: str, parameters: Overrides) -> Parts:
    species: dict[str, None] = {}
    reactions: list[tuple[Reaction, WrittenRate]] = []
    initial: dict[str, int | float] = {}
    volume: float | None = None
    values: dict[str, float] = {}
    rules: dict[str, Expression] = {}
    rate_rules: dict[str, Expression] = {}
    only_ode = ""
    events: list[Event] = []
    amounts: dict[str, Cursor] = {}
    negative: list[tuple[str, Cursor]] = []  # amounts below 0: only what a rate rule changes, which may come later
    # Names of reactions are a separate namespace; a rule may be that of a species, which the whole text shows.
    names = {kind: Scope() for kind in (REACTION, PARAMETER, RULE, RATE_RULE)}
    for number, line in enumerate(text.splitlines(), 1):
        cursor = Cursor(line.partition("#")[0].rstrip(), number)
        if cursor.place == len(cursor.text):
            continue
        if cursor.take("@volume"):
            start = cursor.place
            if volume is not None:
                cursor.fail("the volume is set twice", 0)
            volume = read_number(cursor, "a volume")
            if not (volume > 0 and math.isfinite(volume)):
                cursor.fail(f"volume must be positive and finite, got {volume}", start)
        elif cursor.take("@parameter"):
            name = _target(cursor, names, PARAMETER)
            values[name] = read_number(cursor, "a number")
            _alone(cursor, "a parameter is a number without a unit or formula")
        elif cursor.take("@rule"):
            name = _target(cursor, names, RULE)
            rules[name] = read_expression(cursor, cursor.rest(), "the rule")
        elif cursor.take("@rate"):
            name = _target(cursor, names, RATE_RULE)
            rate_rules[name] = read_expression(cursor, cursor.rest(), "the rate rule")
        elif cursor.take("@only_ode"):
            only_ode = cursor.rest()
        elif cursor.take("@event"):
            events.append(_event(cursor))
        elif "->" in cursor.text or "=>" in cursor.text or "@" in cursor.text:
            for reaction, rate in _reactions(cursor, len(reactions) + 1):
                _define(cursor, names, REACTION, reaction.name, 0)
                reactions.append((reaction, rate))
                threshold = reaction.threshold
                read = () if threshold is None else (threshold.above, threshold.below)
                species.update(dict.fromkeys([s for s, _ in (*reaction.reactants, *reaction.products)] + list(read)))
        else:
            start = cursor.place
            name, value = _amount(cursor)
            if value < 0:
                negative.append((name, cursor))
            if name in initial:
                cursor.fail(f"the initial amount of {name} is set twice", start)
            initial[name] = value
            amounts[name] = cursor
            species.setdefault(name)
        cursor.end()
    for name, cursor in negative:
        if name not in rate_rules:
            _checked_amount(cursor, name, initial[name], cursor.text.index("-", cursor.text.index("=")))
    _refuse_amounts_of_parameters(amounts, values, [reaction for reaction, _ in reactions])
    for name, value in checks.by_name("parameters", parameters).items():
        if name in names[REACTION] and name not in values:
            raise InputError(
                f"{name!r} is a reaction, not a parameter: set its rate constant in the text, or with rates=, --rate "
                "or --sweep"
            )
        checks.choice("parameter", name, values, "the network has", elsewhere=names[REACTION].names())
        values[name] = checks.finite(f"parameter {name}", value)
    constants = _with_rate_constants(reactions, values, species, rules, initial)
    return Parts(
        tuple(species), constants, initial, volume, values, rules, tuple(events), rate_rules=rate_rules,
        only_ode=only_ode,
    )  # fmt: skip


def _reactions(cursor: Cursor, number: int) -> list[tuple[Reaction, WrittenRate]]:
    """The reaction of a line, `r` and `number` if it has no name; of a reversible one, both."""
    name = f"r{number}"
    if re.match(r"[A-Za-z_][A-Za-z0-9_]*\s*:", cursor.text[cursor.place :]):
        name = cursor.need(NAME, "a name")
        cursor.take(":")
    reactants = _side(cursor)
    for arrow in ("<=>", "=>"):
        if cursor.text.startswith(arrow, cursor.place):
            cursor.fail(f"expected '->' or '<->', got {arrow!r}: write {arrow.replace('=', '-')!r}")
    reversible = cursor.take("<->") is not None
    if not reversible:
        cursor.need("->", "'->' or '<->'")
    products = _side(cursor)
    cursor.need("@", "'@' and a rate constant")
    sides = [(name, reactants, products), (f"{name}_back", products, reactants)]
    return [
        (Reaction(taken, made, rate.number, name, rate.threshold, rate.law), rate)
        for (name, taken, made), rate in zip(sides, read_rates(cursor, reversible))
    ]


def _with_rate_constants(
    reactions: list[tuple[Reaction, WrittenRate]],
    parameters: Mapping[str, float],
    species: Iterable[str],
    rules: Iterable[str],
    initial: Mapping[str, float],
) -> tuple[Reaction, ...]:
    if all(rate.expression is None for _, rate in reactions):
        return tuple(reaction for reaction, _ in reactions)
    others = {name: f"the count of {name}" for name in species} | {name: f"the rule {name}" for name in rules}
    idle = dict(initial)
    for reaction, _ in reactions:
        for name in (*(s for s, _ in (*reaction.reactants, *reaction.products)), *(reaction.threshold or ())[1:]):
            idle.pop(name, None)
    return tuple(with_rate_constant(reaction, rate, parameters, others, idle) for reaction, rate in reactions)


def _refuse_amounts_of_parameters(
    amounts: Mapping[str, Cursor], parameters: Iterable[str], reactions: Iterable[Reaction]
) -> None:
    """Refuse `k = 3` together with `@parameter k = 1`, unless `k` is a species of a reaction: another mistake."""
    molecules = {s for r in reactions for s, _ in (*r.reactants, *r.products)}
    for name, cursor in amounts.items():
        if name in parameters and name not in molecules:
            line = cursor.text.strip()
            cursor.fail(
                f"{name} is a parameter, and `{line}` is the initial amount of a species: keep one line, `@parameter "
                f"{line}` for a parameter, or `{line}` for a species",
                0,
            )


def _define(cursor: Cursor, names: Mapping[str, Scope], kind: str, name: str, place: int) -> None:
    try:
        names[kind].define(name, kind)
    except InputError as error:
        cursor.fail(str(error), place)


def _target(cursor: Cursor, names: Mapping[str, Scope], kind: str) -> str:
    """`name =`, of a name that no other of its kind has."""
    start = cursor.place
    name = cursor.need(NAME, f"the name of a {kind}")
    _define(cursor, names, kind, name, start)
    cursor.need("=", "'='")
    return name


def _alone(cursor: Cursor, what: str) -> None:
    """Refuse a unit, or more of an expression, after a number."""
    start = cursor.place
    if _UNIT.match(cursor.text, start):
        right = cursor.text[:start].strip()
        cursor.fail(f"unexpected {cursor.rest()!r}: {what}, `{right}`", start)


def _event(cursor: Cursor) -> Event:
    name = cursor.need(NAME, "the name of the event")
    cursor.need(":", "':'")
    clauses: dict[str, str] = {}
    for clause in cursor.rest().split(";"):
        clause = clause.strip()
        if not clause:
            continue
        word = next((w for w in _CLAUSES if clause.startswith(w) and not clause[len(w) :][:1].isalnum()), None)
        if word is None or word in clauses:
            problem = "is given twice" if word else f"is unknown; known clauses are {', '.join(_CLAUSES)}"
            cursor.fail(f"event {name}: the clause {clause!r} {problem}", 0)
        clauses[word] = clause[len(word) :].strip()
    if "when" not in clauses:
        cursor.fail(f"event {name} has no clause `when CONDITION`", 0)
    optional = {
        w: read_expression(cursor, clauses[w], f"the {w} of event {name}")
        for w in ("delay", "priority")
        if w in clauses
    }
    return Event(
        name,
        read_expression(cursor, clauses["when"], f"the condition of event {name}"),
        _values(cursor, name, "set", clauses),
        delay=optional.get("delay"),
        priority=optional.get("priority"),
        persistent="not persistent" not in clauses,
        initially="initially true" in clauses,
        values_at_trigger="values after delay" not in clauses,
        factors=_values(cursor, name, "scale", clauses),
    )


def _values(cursor: Cursor, name: str, clause: str, clauses: Mapping[str, str]) -> tuple[tuple[str, Expression], ...]:
    """NAME = EXPRESSION, ... of a clause of event `name`."""
    values = []
    for part in _parts(clauses.get(clause, "")):
        target, equals, value = part.partition("=")
        if not equals or not re.fullmatch(NAME, target.strip()):
            cursor.fail(f"event {name}: expected NAME = EXPRESSION after `{clause}`, got {part.strip()!r}", 0)
        target = target.strip()
        values.append((target, read_expression(cursor, value, f"the value of {target} in event {name}")))
    return tuple(values)


def _parts(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth, start = [], 0, 0
    for k, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:k])
            start = k + 1
    return [*parts, text[start:]] if text.strip() else []


def _side(cursor: Cursor) -> tuple[tuple[str, int], ...]:
    if re.match(r"0\s*(<?->|@|$)", cursor.text[cursor.place :]):
        cursor.take("0")
        return ()
    side: dict[str, int] = {}
    while True:
        start = cursor.place
        multiple = cursor.take(_WHOLE)
        if multiple is not None and int(multiple) == 0:
            cursor.fail("a multiplicity must be at least 1", start)
        if multiple is None and (joined := _JOINED.match(cursor.text, start)):
            cursor.fail(f"write a space between the multiplicity and the species, `{joined[1]} {joined[2]}`", start)
        name = cursor.need(NAME, "a species name, or 0 for nothing")
        side[name] = side.get(name, 0) + int(multiple or 1)
        if not cursor.take("+"):
            return tuple(side.items())


def _amount(cursor: Cursor) -> tuple[str, int | float]:
    name = cursor.need(NAME, "a species name")
    cursor.need("=", "'->' or '='")
    start = cursor.place
    value = read_number(cursor, "a number of molecules")
    _alone(cursor, "an amount is a number of molecules without a unit or formula")
    if -math.inf < value < 0:
        return name, value
    return name, _checked_amount(cursor, name, value, start)


def _checked_amount(cursor: Cursor, name: str, value: float, start: int) -> int | float:
    try:
        return checks.amount(f"the initial amount of {name}", value)
    except InputError as error:
        cursor.fail(str(error), start)


_EXAMPLE = """@volume 2.0
A + B -> C @ 0.5
2 A -> B @ 1 * ramp(A, B)
0 -> A @ 1.0 * step(A, B)
A = 10
B = 5
@parameter k = 2
pair: A + B <-> C @ 0.1 * k, k^2 / 3
"""
FORMAT = ModelFormat(
    name="text",
    title="text",
    endings=(".txt",),
    read=read,
    write=write,
    examples=lambda: (_EXAMPLE,),
    intrusions=(
        "->",
        "@",
        "@event e: when A > 0; set A = A + 1",
        "e: A -> B @ 2",
        "\n@event z: when sin(1 / (time - 0.5)) > 0; set B = 1; priority 1\n",
        "\n@event y: when sin(1 / (time - 0.5)) > 0; set B = 2; priority 1\n",
        "\n0 -> A @ propensity(1e9 * exp(-((time - 0.5) / 1e-8)^2))\n",
        "\nA -> B @ propensity(A - B)\n",
        "\n@volume 1e300\n",
        "\nA = 0.5\n",
    ),
)
