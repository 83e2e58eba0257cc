"""SBML (levels 2 and 3, core) to a reaction network.

A kinetic law is the propensity, as in the SBML stochastic test suite, and amounts are molecules. Laws k, k*A, k*A*B,
k*A*(A-1), in any order of factors and with constants folded, become mass action; all others are kept as they are, and a
run stops with the reaction and the state where one turns negative, or fires with too few molecules. Assignment rules,
initial assignments, function definitions and events keep their meaning. Rate and algebraic rules, constraints, delays
in formulas, fast reactions and required packages are refused by name.
"""

import re
from pathlib import Path
from typing import Any

from ... import checks
from ...checks import InputError
from ..events import Event
from ..expressions import Expression, number
from ..parts import Parts
from ..reaction import Reaction
from ..symbols import PARAMETER, SPECIES, Scope
from .base import Overrides, Source, errors_name
from .kinetic_law import Unrecognised, monomial, orders
from .mathml import Translator
from .sbml_scope import VALUES, global_scope
from .sbml_values import Values

_ENCODING = re.compile(r"""^(\s*<\?xml\s[^<>?]*?\bencoding\s*=\s*)["'][^"'<>]*["']""")
_PACKED = (".gz", ".bz2", ".zip")
"""Endings of files that libsbml unpacks."""
_HARMLESS = ("layout", "render", "l3v2extendedmath")
"""Packages that change no number, and the one whose functions are known here."""


def read(source: Source, parameters: Overrides = None) -> Parts:
    """The network of an SBML file (path) or document (text); raises InputError with what is wrong or refused."""
    if isinstance(source, str) and checks.without_mark(source).lstrip().startswith("<"):
        origin = "the SBML document"
        with errors_name(origin):
            return read_document(checks.without_mark(source), parameters)._replace(origin=origin)
    path = checks.existing_file("SBML file", source, "SBML is read from a path or from a text that starts with '<'")
    with errors_name(str(path)):
        text = _unpacked(path) if path.suffix.lower() in _PACKED else checks.read_text(path)
        return read_document(text, parameters)._replace(origin=str(path))


def _unpacked(path: Path) -> str:
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    return sbml.writeSBMLToString(sbml.readSBMLFromFile(str(path)))


def read_document(text: str, parameters: Overrides = None) -> Parts:
    """The network of an SBML document; raises InputError."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    # A text is UTF-8 for libsbml, whatever its first line says of the file that it comes from.
    document = sbml.readSBMLFromString(_ENCODING.sub(r'\1"UTF-8"', text, count=1))
    found = _parts(sbml, document, parameters)
    return found._replace(text=text) if found.settable else found


def _parts(sbml: Any, document: Any, overrides: Overrides) -> Parts:
    try:
        return _translated(sbml, document, overrides)
    except RecursionError:
        raise InputError("a formula is nested too deeply") from None


def _translated(sbml: Any, document: Any, overrides: Overrides) -> Parts:
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            raise InputError(f"line {error.getLine()}: {' '.join(error.getMessage().split())}")
    model = document.getModel()
    if model is None:
        raise InputError("it has no model")
    _refuse(document, model)
    scope = global_scope(model)
    translator = Translator(sbml, model)
    values = Values(model, translator, scope, overrides)
    sizes = values.compartments()
    volume = next(iter(sizes.values())) if len(sizes) == 1 else 1.0
    reader = _Reader(model, translator, scope, values, volume)
    reactions = tuple(reader.reaction(r) for r in model.getListOfReactions())
    events = tuple(reader.event(e, k) for k, e in enumerate(model.getListOfEvents(), 1))
    rules = values.rules()
    initial = {s: values.initial_count(s) for s in values.species if s not in rules}
    read_names = set().union(*(r.law.names() for r in reactions if r.law), *(e.names() for e in rules.values()))
    read_names |= {n for event in events for e in event.expressions() for n in e.names()} | values.variable
    parameters = values.parameters(read_names)
    settable = values.settable()
    return Parts(tuple(values.species), reactions, initial, volume, parameters, rules, events, settable=settable)


def _refuse(document: Any, model: Any) -> None:
    for k in range(document.getNumPlugins()):
        package = document.getPlugin(k).getPackageName()
        required = document.getLevel() > 2 and document.getPackageRequired(package)
        if required and package not in _HARMLESS:
            raise InputError(f"the SBML package {package!r} is not supported: only core models are")
    for rule in model.getListOfRules():
        if rule.isRate():
            raise InputError(
                f"the rate rule of {rule.getVariable()}: what changes continuously is not supported: "
                "write it as reactions, or as an assignment rule"
            )
        if rule.isAlgebraic():
            raise InputError("algebraic rules are not supported: solve them, and write assignment rules")
    if model.getNumConstraints():
        raise InputError(f"it has {model.getNumConstraints()} constraint(s), which are not supported: remove them")
    _warn_of_units(model)


def _warn_of_units(model: Any) -> None:
    """Nothing is converted; of level 2, `substance` and `time` are the names of units that a model may define anew."""
    of_level_3 = model.getLevel() > 2
    substance, time = (model.getSubstanceUnits(), model.getTimeUnits()) if of_level_3 else ("substance", "time")
    for what, name in (("substance", substance), ("extent", model.getExtentUnits() if of_level_3 else "")):
        if name in ("mole", "avogadro") or any(unit.isMole() or unit.isAvogadro() for unit in _units(model, name)):
            checks.warn(
                f"the model's {what} units are {name}, of moles; amounts and propensities are read as numbers of "
                "molecules: convert the model if they are not",
            )
    for unit in _units(model, time):
        if unit.isSecond() and unit.getMultiplier() * 10.0 ** unit.getScale() != 1.0:
            checks.warn(
                f"the model's time units are {time}, not seconds; times and rates are read as they are: where [s] is "
                "printed, it is that unit",
            )


def _units(model: Any, name: str) -> list:
    """The units that a definition in the model is made of."""
    definition = model.getUnitDefinition(name) if name else None
    return [] if definition is None else definition.getListOfUnits()


class _Reader:
    """Reactions and events, translated with the names of the model."""

    def __init__(self, model: Any, translator: Translator, scope: Scope, values: Values, volume: float):
        self._model, self._translator, self._scope, self._values = model, translator, scope, values
        self._volume = volume
        self._constants = values.constants()

    def reaction(self, reaction: Any) -> Reaction:
        name = reaction.getId()
        if reaction.isSetFast() and reaction.getFast():
            raise InputError(f"reaction {name} is marked fast, which is not supported: give it a large rate constant")
        law, own = self._values.law(reaction)
        law = self._values.counts(law)
        change = self._net_change(reaction)
        try:
            found = monomial(law, lambda name: own.get(name, self._constants.get(name)))
            multiplicity = orders(found)
            if any(s not in self._values.species or self._values.has_rule(s) for s in multiplicity):
                raise Unrecognised("it reads what changes without reactions")
            products = dict(multiplicity)
            for s, n in change.items():
                products[s] = products.get(s, 0) + n
            if min(products.values(), default=0) < 0:
                raise Unrecognised("it does not vanish where molecules are missing")
            rate = found.coefficient * self._volume ** (sum(multiplicity.values()) - 1)
            sides = tuple(multiplicity.items()), tuple((s, n) for s, n in products.items() if n)
            return Reaction(*sides, checks.not_negative(f"the rate of {name}", rate), name)
        except (Unrecognised, OverflowError):
            _warn_of_difference(reaction, law)
        law = law.substitute({n: number(v) for n, v in own.items()})
        sides = tuple((s, -n) for s, n in change.items() if n < 0), tuple((s, n) for s, n in change.items() if n > 0)
        return Reaction(*sides, 1.0, name, None, law)

    def event(self, event: Any, position: int) -> Event:
        name = event.getId() or f"event{position}"
        what = f"event {name}"
        if event.getTrigger() is None:
            raise InputError(f"{what} has no trigger")
        trigger = event.getTrigger()
        modern = event.getLevel() > 2
        assigned = {
            self._value(a.getVariable(), f"name assigned by {what}"): self._expression(a.getMath(), what)
            for a in event.getListOfEventAssignments()
        }

        def counts(item: Any, part: str) -> Expression | None:
            if item is None:
                return None
            return self._values.counts(self._expression(item.getMath(), f"the {part} of {what}"))

        return Event(
            name,
            self._values.counts(self._expression(trigger.getMath(), f"the trigger of {what}")),
            self._values.assigned(assigned),
            counts(event.getDelay(), "delay"),
            counts(event.getPriority() if hasattr(event, "getPriority") else None, "priority"),
            persistent=trigger.getPersistent() if modern else True,
            initially=trigger.getInitialValue() if modern else True,
            values_at_trigger=event.getUseValuesFromTriggerTime(),
        )

    def _expression(self, node: Any, what: str) -> Expression:
        return self._translator.expression(node, what, self._scope)

    def _value(self, written: str, what: str, *kinds: str) -> str:
        """The identifier of what has a value, of one of `kinds` if any are given."""
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier

    def _net_change(self, reaction: Any) -> dict[str, int]:
        """Net change by species; repeated references add up, boundary and constant species do not change."""
        change: dict[str, int] = {}
        for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for reference in references:
                s = self._value(reference.getSpecies(), f"species in reaction {reaction.getId()}", SPECIES)
                change[s] = change.get(s, 0) + sign * self._stoichiometry(reaction, reference, s)
        species = self._values.species
        return {
            s: n for s, n in change.items() if n and not (species[s].getBoundaryCondition() or species[s].getConstant())
        }

    def _stoichiometry(self, reaction: Any, reference: Any, species: str) -> int:
        what = f"stoichiometry of {reference.getSpecies()} in reaction {reaction.getId()}"
        if reference.isSetStoichiometryMath():
            math = self._expression(reference.getStoichiometryMath().getMath(), what)
            if not math.names() <= self._constants.keys():
                raise InputError(f"the {what} changes during a run, which is not supported")
            value = float(math.evaluate(self._constants))
        elif self._model.getLevel() > 2 and not reference.isSetStoichiometry():
            raise InputError(f"the {what} is not given: write it as a number")
        else:  # level 1 writes fractions with a denominator, which is 1 elsewhere
            value = reference.getStoichiometry() / reference.getDenominator()
        return checks.whole(what, value * self._factor(species), least=0)

    def _factor(self, species: str) -> float:
        """The conversion factor from extents to amounts."""
        item = self._values.species[species]
        owner = item if item.isSetConversionFactor() else self._model
        if not owner.isSetConversionFactor():
            return 1
        factor = self._value(owner.getConversionFactor(), "conversion factor", PARAMETER)
        return self._constants[checks.choice("conversion factor", factor, self._constants, "constants are")]


def _warn_of_difference(reaction: Any, law: Expression) -> None:
    """A difference of two rates is no propensity: it is negative where the back reaction is the faster one."""
    inner = law
    while inner.op in ("product", "quotient of"):
        inner = next((a for a in inner.args if a.op in ("sum", "product", "quotient of")), number(0))
    difference = inner.op == "sum" and any(a.op == "negative" and a.args[0].names() for a in inner.args)
    if reaction.getReversible() and difference:
        checks.warn(
            f"reaction {reaction.getId()} is reversible and its law {law} is a difference of two rates: only the net "
            "rate would be simulated, with too little noise, and a run stops where it is negative. Split it into two "
            "irreversible reactions, one for each rate",
        )
