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

import graphlib
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager

from .. import checks
from ..checks import InputError
from . import formula
from .expressions import CONSTANTS, MOST_NODES, Expression, checked, number, operation
from .network import BUILT_IN, ReactionNetwork
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
# `if`, `rint` and `log2` travel under names that BioNetGen has not, until `_meant` says what they are.
_FUNCTIONS = {
    "abs": "abs", "exp": "exp", "ln": "ln", "log10": "log10", "sqrt": "sqrt", "min": "min", "max": "max",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "arcsin",
    "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "if": "piecewise", "rint": "floor", "log2": "ceil",
}  # fmt: skip
_OPERATORS = {"**": "^", "~=": "!=", "~": "!"}
_TOKEN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?P<name>[A-Za-z_]\w*)(?P<call>\s*\((?:\s*\))?)?|\*\*|~=|~"
_HEADER = r"(?:version|setOption|substanceUnits)\s*\((?!\W*conc).*\)\s*;?"
_RATE_LAW = r"(?:^|\*)\s*(Sat|MM|Hill|FunctionProduct|Arrhenius)[\s(]+[\w\"]"
_MEMBER = r"((?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\*)?)0*(\d+)"


def read(source, parameters=None) -> ReactionNetwork:
    """The network of a `.net` file (path) or its text; `parameters` overrides values by name, before others are worked
    out from them. Raises InputError with the line and what is wrong or refused."""
    text, origin = checks.text_or_file(source, (".net",), "BioNetGen network file")
    if not isinstance(parameters, Mapping | None):
        raise InputError(f"parameters must be a dictionary by name, got {parameters!r}")
    try:
        return _network(_blocks(text), parameters or {})
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


@contextmanager
def _line(n):
    try:
        yield
    except InputError as error:
        raise InputError(f"line {n}: {error}") from None
    except RecursionError:
        raise InputError(f"line {n}: a formula is nested too deeply: split it") from None


def _blocks(text):
    """Line numbers and columns by block; continued lines are joined under the first."""
    blocks, inside, parts, first = {}, None, [], 1
    for n, line in enumerate([*text.splitlines(), ""], 1):
        first = first if parts else n
        line = line.partition("#")[0].rstrip()
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            with _line(first):
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
    species = {}
    for n, (index, *rest) in blocks["species"]:
        with _line(n):
            species[_once(species, index)] = n, *rest
    known, used, entries, groups = {"time": "time", "_pi": "pi", "_e": "exponentiale"}, {*CONSTANTS, *BUILT_IN}, {}, {}
    for block in ("parameters", "functions", "groups"):
        for n, (key, text) in blocks.get(block, ()):
            with _line(n):
                known[_once(known, checked_name(block[:-1], key))] = identifier = _free(key, used)
                if block == "groups":
                    groups[identifier] = _members(text, species)
                else:
                    entries[key] = n, block[:-1], text
    options = [key for key, (_, kind, _) in entries.items() if kind == "parameter"]
    for key, value in overrides.items():
        checks.choice("parameter", key, options, "the file has")
        entries[key] = entries[key][0], "parameter", checks.finite(f"parameter {key}", value)
    formulas = _Formulas(known)
    formulas.define(entries)
    names, initial = {}, {}
    for index, (n, pattern, amount) in species.items():
        names[index] = _species_name(index, pattern, groups, used)
        with _line(n):
            found = formulas.constant(amount, "the initial amount")
            # A product such as 0.1 * 30 may miss the whole number it means by rounding alone.
            found = round(found) if abs(found - round(found)) <= 1e-9 * max(1.0, abs(found)) else found
            initial[names[index]] = checks.count("the initial amount", found)
    fixed = {names[index] for index, (_, pattern, _) in species.items() if "$" in pattern}
    reactions = {}
    for n, (index, left, right, rate) in blocks["reactions"]:
        with _line(n):
            sides = [Counter(names[_species(i, names)] for i in s.split(",") if s != "0") for s in (left, right)]
            reactions[_once(reactions, index)] = _reaction(f"r{index}", *sides, fixed, rate, formulas)
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
    members = {}
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


class _Formulas:
    """What the formulas of the file come to; parameters and functions go by the identifiers of `known`."""

    def __init__(self, known):
        self._known, self._functions, self._sizes, self._rates = known, {}, {}, {}
        self.values = {}

    def define(self, entries):
        """Work out parameters and functions, each after those that it reads."""
        parsed = {}
        for key, (n, kind, text) in entries.items():
            with _line(n):
                parsed[self._known[key]] = n, f"{kind} {key}", self._parsed(text, f"{kind} {key}")
        try:
            needed = {key: e.names() & parsed.keys() for key, (_, _, e) in parsed.items()}
            order = [*graphlib.TopologicalSorter(needed).static_order()]
        except graphlib.CycleError as error:
            cycle = error.args[1][::-1]
            raise InputError(f"line {parsed[cycle[0]][0]}: defined by itself: {checks.shortened(cycle)}") from None
        for key in order:
            n, what, expression = parsed[key]
            with _line(n):
                if what.startswith("parameter "):
                    self.values[key] = self._number(expression, what)
                else:
                    self._functions[key] = self._resolved(expression, what)
                    self._sizes[key] = sum(1 for _ in self._functions[key].walk())

    def constant(self, text, what) -> float:
        return self._number(self._parsed(text, what), what)

    def rate(self, text, what) -> Expression:
        """A number, where nothing that it reads changes."""
        if text not in self._rates:  # large networks repeat few rates many times
            self._rates[text] = self._resolved(self._parsed(text, what), what)
        return self._rates[text]

    def _number(self, expression, what):
        found = self._resolved(expression, what)
        if found.names():
            raise InputError(f"{what} reads {checks.shortened(sorted(found.names()))}, which changes during a run")
        return float(found.evaluate({}))

    def _resolved(self, expression, what):
        if sum(self._sizes.get(node.value, 1) for node in expression.walk()) > MOST_NODES:
            raise InputError(f"{what}, with the functions that it reads, has more than {MOST_NODES} operations")
        expression = checked(expression.substitute(self._functions), what)
        if expression.names() <= self.values.keys():
            return number(checks.finite(what, float(expression.evaluate(self.values))))
        return expression

    def _parsed(self, text, what):
        if isinstance(text, float):
            return number(text)

        def translated(token):
            written, call, known = token["name"], token["call"] or "", self._known
            if written is None:
                return _OPERATORS.get(token[0], token[0])
            if call.endswith("("):
                return _FUNCTIONS[checks.choice(f"function in {what}", written, _FUNCTIONS, "known are")] + "("
            return known[checks.choice(f"name in {what}", written, known, "known are")]

        return checked(_meant(formula.parse(re.sub(_TOKEN, translated, text, flags=re.ASCII), what), what), what)


def _meant(node, what):
    args = tuple(_meant(a, what) for a in node.args)
    if node.op == "piecewise":
        if len(args) != 3:
            raise InputError(f"{what}: if takes 3 arguments, got {len(args)}")
        return Expression("piecewise", (args[1], args[0], args[2]))
    if node.op == "floor":
        return Expression("floor", (operation("sum", (*args, number(0.5))),))
    if node.op == "ceil":
        return Expression("quotient of", (Expression("ln", args), Expression("ln", (number(2),))))
    return operation(node.op, args) if args else node


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
