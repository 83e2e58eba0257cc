"""Networks that BioNetGen generated (`.net` files).

Convention: a rate in the file holds the symmetry factor (`0.5*kp` of `A + A -> ...`) and the conversion to counts, so a
reaction fires with its rate times n (n - 1) ... over like reactants, without 1 / n!: the propensity of this package at
volume 1. So does the simulator of BioNetGen, for constants and for functions (`rxn_rate`, discrete case, of
bng2/Network3/src/network.cpp). A species with `$` is read by reactions and not changed by them.

Constant rates become mass action, rates that read groups or `time()` become laws, with the functions that they read put
in. Groups become rules, but for one that is the species of its name; where a parameter has the name of a group, it is
the parameter that formulas read (`init_param_map` there). The pattern `A(b!1).B(a!1)` is called
`A_b_1_B_a_1`, and `A()` is `A`; a name in use gets the index of the species, and one with a meaning of its own here,
such as `pi`, an underscore. The rate laws Sat, MM and Hill become laws, see `bngl_rate_laws`; FunctionProduct,
Arrhenius and functions of arguments are refused.

Reference: L. A. Harris et al., BioNetGen 2.2: advances in rule-based modeling, Bioinformatics 32 (2016) 3366-3368,
doi:10.1093/bioinformatics/btw469.
"""

import re
from collections import Counter
from collections.abc import Container, Mapping

from ... import checks
from ...checks import InputError
from .. import formula
from ..expressions import Expression, operation
from ..names import BUILT_IN, FUNCTION, GROUP, PARAMETER, Scope
from ..parts import Parts
from ..reaction import Reaction, checked_name
from .bngl_formulas import Formulas, at_line, propensity, written
from .model_format import ModelFormat, Overrides, Source, errors_name

_ENDINGS = (".net",)
_BUILT_IN = {"time": BUILT_IN["time"], "_pi": BUILT_IN["pi"], "_e": BUILT_IN["exponentiale"]}

# No two parts in a row match the same: matching takes time in proportion to the length of a line.
_INDEX = r"0*(0|[1-9]\d*)"
_NAME = r"(?:\d+\s+)?([^\s(=\d][^\s(=]*)"
_LAYOUTS = {
    "parameters": ("index name expression", _NAME + r"(?:\s*=|\s)\s*(\S.*)"),
    "functions": ("index name() expression", _NAME + r"\(\s*\)\s*=?\s*(\S.*)"),
    "groups": ("index name weight*species,...", r"\d+\s+(\S+)\s*(.*)"),
    "species": ("index pattern amount", _INDEX + r"\s+(\S+)\s+(\S.*)"),
    "reactions": ("index reactants products rate", _INDEX + r"\s+(\S+)\s+(\S+)\s+(\S.*)"),
}
_SKIPPED = (
    "molecule types", "seed species", "observables", "reaction rules", "compartments", "energy patterns",
    "population types", "population maps", "reactions_text", "actions",
)  # fmt: skip
_HEADER = r"(?:version|setOption|substanceUnits)\s*\((?!\W*conc).*\)\s*;?"
Blocks = dict[str, list[tuple[int, tuple[str, ...]]]]
_MEMBER = r"((?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\*)?)" + _INDEX


def read(source: Source, parameters: Overrides = None) -> Parts:
    """The network of a `.net` file (path) or its text; `parameters` overrides values by name, before others are
    computed from them. Raises InputError with the line and what is wrong or refused."""
    text, origin = checks.text_or_file(source, _ENDINGS, "BioNetGen network file")
    parameters = checks.by_name("parameters", parameters)
    with errors_name(origin):
        parts = _network(_blocks(text), parameters)._replace(origin=origin)
        return parts._replace(text=text) if parts.settable else parts


def _blocks(text: str) -> Blocks:
    """Line numbers and columns by block; continued lines are joined under the first."""
    blocks: Blocks = {}
    inside: str | None = None
    parts: list[str] = []
    first = 1
    for n, line in enumerate([*text.splitlines(), ""], 1):
        first = first if parts else n
        line = line.partition("#")[0].rstrip()
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            with at_line(first):
                inside = _read(" ".join(parts).strip(), first, blocks, inside)
            parts = []
    missing = [f"`end {inside}`"] if inside else [f"block {b}" for b in ("species", "reactions") if b not in blocks]
    if missing:
        raise InputError(f"{missing[0]} is missing: give the whole file that generate_network of BioNetGen writes")
    return blocks


def _read(line: str, n: int, blocks: Blocks, inside: str | None) -> str | None:
    """Take in a line; returns the block that is open after it."""
    edge, *rest = line.split() or [""]
    block = " ".join(rest)
    if not line or (edge in ("begin", "end") and block == "model"):
        return inside
    if edge == "end" and block == inside:
        return None
    if edge == "begin" and inside is None:
        blocks[_once(blocks, checks.choice("block", block, (*_LAYOUTS, *_SKIPPED), "known are"))] = []
        return block
    if inside is None and not re.fullmatch(_HEADER, line, re.IGNORECASE):
        raise InputError(f"unexpected {line[:60]!r} outside all blocks: only version(...), setOption(...) and "
                         "substanceUnits(...) are allowed there, with numbers, not concentrations")  # fmt: skip
    if edge in ("begin", "end"):
        raise InputError(f"unexpected {line[:60]!r} in the block {inside}: close it with `end {inside}`")
    if inside in _LAYOUTS:
        layout, pattern = _LAYOUTS[inside]
        match = re.fullmatch(pattern, line, re.ASCII)
        if not match:
            raise InputError(f"expected `{layout}`, got {line[:60]!r}")
        blocks[inside].append((n, match.groups()))
    return inside


def _once(taken: Container[str], key: str) -> str:
    if key in taken:
        raise InputError(f"{key!r} is given twice: give it once")
    return key


def _network(blocks: Blocks, overrides: Mapping[str, float]) -> Parts:
    species: dict[str, tuple[int, str, str]] = {}
    for n, (index, pattern, amount) in blocks["species"]:
        with at_line(n):
            species[_once(species, index)] = n, pattern, amount
    scope = Scope(_BUILT_IN)
    entries: dict[str, tuple[int, str, str | float]] = {}
    groups: dict[str, dict[str, str]] = {}
    parameters = {key for _, (key, _) in blocks.get("parameters", ())}
    # Groups first, which keep their names: of a parameter of the same name only the value is wanted.
    for n, (key, text) in blocks.get("groups", ()):
        with at_line(n):
            shadowed = checked_name(GROUP, key) in parameters
            identifier = scope.take(_once(groups, key)) if shadowed else scope.define(key, GROUP).identifier
            groups[identifier] = _members(text, species)
    for block, kind in (("parameters", PARAMETER), ("functions", FUNCTION)):
        for n, (key, text) in blocks.get(block, ()):
            with at_line(n):
                scope.define(checked_name(kind, key), kind)
                entries[key] = n, kind, text
    for key, value in overrides.items():
        scope.meaning(key, "parameter", PARAMETER, known="the file has")
        entries[key] = entries[key][0], PARAMETER, checks.finite(f"parameter {key}", value)
    formulas = Formulas(scope)
    formulas.define(entries)
    names: dict[str, str] = {}
    initial = {}
    for index, (n, pattern, amount) in species.items():
        names[index] = _species_name(index, pattern, groups, scope)
        with at_line(n):
            value = formulas.constant(amount, "the initial amount")
            # A product such as 0.1 * 30 may miss the whole number it means by rounding alone.
            value = checks.rounded_amount(value)
            initial[names[index]] = checks.amount("the initial amount", value)
    fixed = {names[index] for index, (_, pattern, _) in species.items() if "$" in pattern}
    reactions: dict[str, Reaction] = {}
    for n, (index, left, right, rate) in blocks["reactions"]:
        with at_line(n):
            taken, made = (_side(s, names) for s in (left, right))
            reactions[_once(reactions, index)] = _reaction(f"r{index}", taken, Counter(made), fixed, rate, formulas)
    rules = {
        group: formula.parse(" + ".join(f"{w}{names[i]}" for i, w in members.items()) or "0", f"the group {group}")
        for group, members in groups.items()
        if group not in initial
    }
    read_names = set().union(*(r.law.names() for r in reactions.values() if r.law))
    kept = {p: v for p, v in formulas.values.items() if p in read_names}
    settable = scope.names(PARAMETER)
    return Parts(tuple(initial), tuple(reactions.values()), initial, 1.0, kept, rules, settable=settable)


def _species(text: str, species: Mapping[str, object]) -> str:
    return checks.choice("species index", text.strip().lstrip("0") or "0", species, "the file has")


def _side(text: str, names: Mapping[str, str]) -> list[str]:
    return [names[_species(index, names)] for index in text.split(",") if text != "0"]


def _members(text: str, species: Mapping[str, object]) -> dict[str, str]:
    """Weights, as in `2*`, by species index."""
    members: dict[str, str] = {}
    for part in text.split(",") if text else ():
        match = re.fullmatch(_MEMBER, part.strip(), re.ASCII)
        if not match:
            raise InputError(f"expected a species index or weight*index, got {part[:40]!r}")
        checks.finite("a weight", float(match[1][:-1] or 1))
        members[_once(members, _species(match[2], species))] = match[1]
    return members


def _species_name(index: str, pattern: str, groups: Mapping[str, Mapping[str, str]], scope: Scope) -> str:
    wanted = "_".join(re.findall(r"\w+", pattern.replace("()", ""), flags=re.ASCII)) or "species"
    wanted = f"_{wanted}" if wanted[0].isdigit() else wanted
    if groups.get(wanted) == {index: ""}:
        return wanted
    return scope.take(f"{wanted}_{index}" if scope.is_taken(wanted) else wanted)


def _reaction(
    title: str, taken: list[str], products: Counter[str], fixed: set[str], rate: str, formulas: Formulas
) -> Reaction:
    reactants = Counter(taken)
    law = _propensity(title, taken, rate, formulas)
    for s in [*reactants, *products]:
        if s in fixed:
            products[s] = reactants[s]
    sides = tuple(reactants.items()), tuple((s, n) for s, n in products.items() if n)
    return Reaction(*sides, law, title) if isinstance(law, float) else Reaction(*sides, 1.0, title, None, law)


def _propensity(title: str, taken: list[str], rate: str, formulas: Formulas) -> float | Expression:
    """The rate constant of mass action, or a general law."""
    named = written(rate, title)
    if named is not None:
        values = [formulas.constant(text, f"a constant of the rate law {named.law}") for text in named.constants]
        factor = formulas.constant(named.factor, "the factor") if named.factor.strip() else 1.0
        with errors_name(f"reaction {title}"):
            return propensity(named.law, factor, values, taken)
    law = formulas.rate(rate, "the rate")
    if not law.names():
        return checks.not_negative("the rate", float(law.evaluate({})))
    factors = [formula.parse(f"{s} - {k}" if k else s) for s, n in Counter(taken).items() for k in range(n)]
    return operation("product", (law, *factors)) if factors else law


_EXAMPLE = """begin parameters
    1 kp 0.5
    2 km 2*kp
    3 Total 7*mratio(-1,2,0)
end parameters
begin functions
    1 f() kp/(1+Pairs)
end functions
begin species
    1 A(b) 20
    2 A(b!1).A(b!1) 0
    3 $S() 2
end species
begin reactions
    1 1,1 2 0.5*kp #bind
    2 2 1,1 km
    3 3 3,1 f
    4 0 1 Pairs*Total
    5 1,3 3 2*Sat kp km
    6 2 0 Hill kp 3 2
    7 1,2 2 MM kp km
end reactions
begin groups
    1 Total 1,2*2
    2 Pairs 2
end groups
"""
FORMAT = ModelFormat(
    name="bngl_net",
    title="a BioNetGen network",
    endings=_ENDINGS,
    read=read,
    examples=lambda: (_EXAMPLE,),
    intrusions=("$", "begin groups", "end species", "if(", "f()", "\\\n"),
)
