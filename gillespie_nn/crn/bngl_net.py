"""Networks that BioNetGen generated (`.net` files).

Convention: a rate in the file holds the symmetry factor (`0.5*kp` of `A + A -> ...`) and the conversion to counts, so a
reaction fires with its rate times n (n - 1) ... over like reactants, without 1 / n!: the propensity of this package at
volume 1. So does BioNetGen's own simulator, for constants and for functions (`rxn_rate`, discrete case, of
bng2/Network3/src/network.cpp). A species with `$` is read by reactions and not changed by them.

Constant rates become mass action, rates that read groups or `time()` become laws, with the functions that they read put
in. Groups become rules, but for one that is the species of its name. The pattern `A(b!1).B(a!1)` is called
`A_b_1_B_a_1`, and `A()` is `A`; a name in use gets the index of the species, and one with a meaning of its own here,
such as `pi`, an underscore. Refused are the rate laws Sat, MM, Hill, FunctionProduct and Arrhenius, functions of
arguments, and amounts that are no whole numbers.

Reference: L. A. Harris et al., BioNetGen 2.2: advances in rule-based modeling, Bioinformatics 32 (2016) 3366-3368,
doi:10.1093/bioinformatics/btw469.
"""

import re
from collections import Counter

from .. import checks
from ..checks import InputError
from . import formula
from .bngl_formulas import Formulas, at_line
from .consistency import BUILT_IN
from .expressions import CONSTANTS, operation
from .network import ReactionNetwork
from .reaction import Reaction, checked_name

_NAME = r"(?:\d+\s+)?([^\s(=\d][^\s(=]*)"
_LAYOUTS = {
    "parameters": ("index name expression", _NAME + r"(?:\s*=|\s)\s*(\S.*)"),
    "functions": ("index name() expression", _NAME + r"\(\s*\)\s*=?\s*(\S.*)"),
    "groups": ("index name weight*species,...", r"\d+\s+(\S+)\s*(.*)"),
    "species": ("index pattern amount", r"0*(\d+)\s+(\S+)\s+(\S.*)"),
    "reactions": ("index reactants products rate", r"0*(\d+)\s+(\S+)\s+(\S+)\s+(\S.*)"),
}
_SKIPPED = (
    "molecule types", "seed species", "observables", "reaction rules", "compartments", "energy patterns",
    "population types", "population maps", "reactions_text", "actions",
)  # fmt: skip
_HEADER = r"(?:version|setOption|substanceUnits)\s*\((?!\W*conc).*\)\s*;?"
_RATE_LAW = r"(?:^|\*)\s*(Sat|MM|Hill|FunctionProduct|Arrhenius)[\s(]+[\w\"]"
_MEMBER = r"((?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\*)?)0*(\d+)"


def read(source, parameters=None) -> ReactionNetwork:
    """The network of a `.net` file (path) or its text; `parameters` overrides values by name, before others are worked
    out from them. Raises InputError with the line and what is wrong or refused."""
    text, origin = checks.text_or_file(source, (".net",), "BioNetGen network file")
    parameters = checks.by_name("parameters", parameters)
    try:
        return _network(_blocks(text), parameters)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


def _blocks(text):
    """Line numbers and columns by block; continued lines are joined under the first."""
    blocks: dict[str, list] = {}
    parts: list[str] = []
    inside, first = None, 1
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
        raise InputError(f"it has no {missing[0]}: give the whole file that generate_network of BioNetGen writes")
    return blocks


def _read(line, n, blocks, inside):
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
                         "substanceUnits(...), of numbers and not concentrations, can stand there")  # fmt: skip
    if edge in ("begin", "end"):
        raise InputError(f"unexpected {line[:60]!r} in the block {inside}: it ends with `end {inside}`")
    if inside in _LAYOUTS:
        layout, pattern = _LAYOUTS[inside]
        match = re.fullmatch(pattern, line, re.ASCII)
        if not match:
            raise InputError(f"expected `{layout}`, got {line[:60]!r}")
        blocks[inside].append((n, match.groups()))
    return inside


def _once(found, key):
    if key in found:
        raise InputError(f"{key!r} is given twice, or has a meaning of its own: name each thing once")
    return key


def _network(blocks, overrides) -> ReactionNetwork:
    species: dict[str, tuple] = {}
    for n, (index, *rest) in blocks["species"]:
        with at_line(n):
            species[_once(species, index)] = n, *rest
    known, used, entries, groups = {"time": "time", "_pi": "pi", "_e": "exponentiale"}, {*CONSTANTS, *BUILT_IN}, {}, {}
    for block in ("parameters", "functions", "groups"):
        for n, (key, text) in blocks.get(block, ()):
            with at_line(n):
                known[_once(known, checked_name(block[:-1], key))] = identifier = _free(key, used)
                if block == "groups":
                    groups[identifier] = _members(text, species)
                else:
                    entries[key] = n, block[:-1], text
    options = [key for key, (_, kind, _) in entries.items() if kind == "parameter"]
    for key, value in overrides.items():
        checks.choice("parameter", key, options, "the file has")
        entries[key] = entries[key][0], "parameter", checks.finite(f"parameter {key}", value)
    formulas = Formulas(known)
    formulas.define(entries)
    names, initial = {}, {}
    for index, (n, pattern, amount) in species.items():
        names[index] = _species_name(index, pattern, groups, used)
        with at_line(n):
            found = formulas.constant(amount, "the initial amount")
            # A product such as 0.1 * 30 may miss the whole number it means by rounding alone.
            found = checks.rounded(found)
            initial[names[index]] = checks.count("the initial amount", found)
    fixed = {names[index] for index, (_, pattern, _) in species.items() if "$" in pattern}
    reactions: dict[str, Reaction] = {}
    for n, (index, left, right, rate) in blocks["reactions"]:
        with at_line(n):
            reactants, products = (
                Counter(names[_species(i, names)] for i in s.split(",") if s != "0") for s in (left, right)
            )
            reactions[_once(reactions, index)] = _reaction(f"r{index}", reactants, products, fixed, rate, formulas)
    rules = {
        group: formula.parse(" + ".join(f"{w}{names[i]}" for i, w in members.items()) or "0", f"the group {group}")
        for group, members in groups.items()
        if group not in initial
    }
    read_names = set().union(*(r.law.names() for r in reactions.values() if r.law))
    kept = {p: v for p, v in formulas.values.items() if p in read_names}
    return ReactionNetwork(tuple(initial), tuple(reactions.values()), initial, 1.0, kept, rules)


def _species(text, species):
    return checks.choice("species index", text.strip().lstrip("0") or "0", species, "the file has")


def _members(text, species):
    """Weights, as in `2*`, by species index."""
    members: dict[str, str] = {}
    for part in text.split(",") if text else ():
        match = re.fullmatch(_MEMBER, part.strip(), re.ASCII)
        if not match:
            raise InputError(f"expected a species index or weight*index, got {part[:40]!r}")
        checks.finite("a weight", float(match[1][:-1] or 1))
        members[_once(members, _species(match[2], species))] = match[1]
    return members


def _free(wanted, used):
    while wanted in used:
        wanted += "_"
    used.add(wanted)
    return wanted


def _species_name(index, pattern, groups, used):
    wanted = re.sub(r"^\W+|\W+$", "", pattern.replace("()", ""), flags=re.ASCII)
    wanted = re.sub(r"\W+|^(?=\d)", "_", wanted, flags=re.ASCII) or "species"
    if groups.get(wanted) == {index: ""}:
        return wanted
    return _free(f"{wanted}_{index}" if wanted in used else wanted, used)


def _reaction(title, reactants, products, fixed, rate, formulas) -> Reaction:
    special = re.search(_RATE_LAW, rate)
    if special:
        raise InputError(f"the rate law {special[1]} of reaction {title} is not supported: write it as a function")
    law = formulas.rate(rate, "the rate")
    for s in [*reactants, *products]:
        if s in fixed:
            products[s] = reactants[s]
    sides = tuple(reactants.items()), tuple((s, n) for s, n in products.items() if n)
    if not law.names():
        return Reaction(*sides, checks.not_negative("the rate", float(law.evaluate({}))), title)
    factors = [formula.parse(f"{s} - {k}" if k else s) for s, n in reactants.items() for k in range(n)]
    return Reaction(*sides, 1.0, title, None, operation("product", (law, *factors)) if factors else law)
