"""SBML (levels 2 and 3, core) to a reaction network.

A kinetic law is the propensity, as in the SBML stochastic test suite, and amounts are molecules. Laws k, k*A, k*A*B,
k*A*(A-1), in any order of factors and with constants folded, become mass action; all others are kept as they are, and a
run stops with the reaction and the state where one turns negative, or fires with too few molecules. Assignment rules,
initial assignments, function definitions and events keep their meaning. Rate and algebraic rules, constraints, delays
in formulas, fast reactions and required packages are refused by name.
"""

import warnings
from collections import ChainMap

from .. import checks
from ..checks import InputError
from .events import Event
from .expressions import Expression, number
from .kinetic_law import Unrecognised, monomial, orders
from .mathml import Translator
from .network import ReactionNetwork
from .reaction import Reaction
from .sbml_symbols import Symbols

_HARMLESS = ("layout", "render", "l3v2extendedmath")
"""Packages that change no number, and the one whose functions are known here."""


def read(source, parameters=None) -> ReactionNetwork:
    """The network of an SBML file (path) or document (text); raises InputError with what is wrong or refused."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    if isinstance(source, str) and source.lstrip().startswith("<"):
        document, name = sbml.readSBMLFromString(source), "the SBML document"
    else:
        path = checks.existing_file("SBML file", source, "SBML is read from a path or from a text that starts with '<'")
        document, name = sbml.readSBMLFromFile(str(path)), str(path)
    try:
        return _network(sbml, document, parameters)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except RecursionError:
        raise InputError(f"{name}: a formula is nested too deeply") from None


def _network(sbml, document, overrides):
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            raise InputError(f"line {error.getLine()}: {' '.join(error.getMessage().split())}")
    model = document.getModel()
    if model is None:
        raise InputError("it has no model")
    _refuse(document, model)
    _check_identifiers(model)
    translator = Translator(sbml, model)
    symbols = Symbols(model, translator, overrides)
    sizes = symbols.compartments()
    volume = next(iter(sizes.values())) if len(sizes) == 1 else 1.0
    reader = _Reader(model, translator, symbols, volume)
    reactions = tuple(reader.reaction(r) for r in model.getListOfReactions())
    events = tuple(reader.event(e, k) for k, e in enumerate(model.getListOfEvents(), 1))
    rules = symbols.rules()
    initial = {s: symbols.initial_count(s) for s in symbols.species if s not in rules}
    read_names = set().union(*(r.law.names() for r in reactions if r.law), *(e.names() for e in rules.values()))
    read_names |= {n for event in events for e in event.expressions() for n in e.names()} | symbols.variable
    values = symbols.parameters(read_names)
    return ReactionNetwork(tuple(symbols.species), reactions, initial, volume, values, rules, events)


def _refuse(document, model):
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


def _warn_of_units(model):
    """Nothing is converted; of level 2, `substance` and `time` are the names of units that a model may define anew."""
    of_level_3 = model.getLevel() > 2
    substance, time = (model.getSubstanceUnits(), model.getTimeUnits()) if of_level_3 else ("substance", "time")
    for what, name in (("substance", substance), ("extent", model.getExtentUnits() if of_level_3 else "")):
        if name in ("mole", "avogadro") or any(unit.isMole() or unit.isAvogadro() for unit in _units(model, name)):
            warnings.warn(
                f"the model's {what} units are {name}, of moles; amounts and propensities are read as numbers of "
                "molecules: convert the model if they are not",
                stacklevel=7,
            )
    for unit in _units(model, time):
        if unit.isSecond() and unit.getMultiplier() * 10.0 ** unit.getScale() != 1.0:
            warnings.warn(
                f"the model's time units are {time}, not seconds; times and rates are read as they are: where [s] is "
                "printed, it is that unit",
                stacklevel=7,
            )


def _units(model, name):
    """The units that a definition in the model is made of."""
    definition = model.getUnitDefinition(name) if name else None
    return [] if definition is None else definition.getListOfUnits()


def _check_identifiers(model):
    """Two things of one identifier would silently become one."""
    lists = (model.getListOfCompartments(), model.getListOfSpecies(), model.getListOfParameters())
    names = [item.getId() for items in (*lists, model.getListOfReactions()) for item in items]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"the identifier {twice!r} is used twice")


class _Reader:
    """Reactions and events, translated with the symbols of the model."""

    def __init__(self, model, translator, symbols, volume):
        self._model, self._translator, self._symbols, self._volume = model, translator, symbols, volume
        self._constants = symbols.constants()
        sides = ((r.getListOfReactants(), r.getListOfProducts()) for r in model.getListOfReactions())
        self._references = {ref.getId() for pair in sides for side in pair for ref in side if ref.getId()}

    def reaction(self, reaction) -> Reaction:
        name = reaction.getId()
        if reaction.isSetFast() and reaction.getFast():
            raise InputError(f"reaction {name} is marked fast, which is not supported: give it a large rate constant")
        law, own = self._law(reaction)
        change = self._net_change(reaction)
        try:
            found = monomial(law, ChainMap(own, self._constants))
            multiplicity = orders(found)
            if any(s not in self._symbols.species or self._symbols.has_rule(s) for s in multiplicity):
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

    def event(self, event, position) -> Event:
        name = event.getId() or f"event{position}"
        what = f"event {name}"
        translate = self._translator.expression
        if event.getTrigger() is None:
            raise InputError(f"{what} has no trigger")
        trigger = event.getTrigger()
        delay = event.getDelay()
        priority = event.getPriority() if hasattr(event, "getPriority") else None
        modern = event.getLevel() > 2
        counts = self._symbols.counts
        return Event(
            name,
            counts(translate(trigger.getMath(), f"the trigger of {what}")),
            self._symbols.assigned(
                {a.getVariable(): translate(a.getMath(), what) for a in event.getListOfEventAssignments()}
            ),
            counts(translate(delay.getMath(), f"the delay of {what}")) if delay is not None else None,
            counts(translate(priority.getMath(), f"the priority of {what}")) if priority is not None else None,
            persistent=trigger.getPersistent() if modern else True,
            initially=trigger.getInitialValue() if modern else True,
            values_at_trigger=event.getUseValuesFromTriggerTime(),
        )

    def _law(self, reaction):
        """The law in counts, and the values of its own parameters."""
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise InputError(f"reaction {reaction.getId()} has no kinetic law")
        locals_ = [*law.getListOfParameters(), *law.getListOfLocalParameters()]
        own = {
            p.getId(): checks.finite(f"parameter {p.getId()} of reaction {reaction.getId()}", p.getValue())
            for p in locals_
        }
        what = f"the kinetic law of reaction {reaction.getId()}"
        math = self._translator.expression(law.getMath(), what)
        for n in (math.names() & self._references) - set(own):
            raise InputError(f"{what} reads the stoichiometry {n}, which is not supported")
        return self._symbols.counts(math, own), own

    def _net_change(self, reaction):
        """Net change by species; repeated references add up, boundary and constant species do not change."""
        change: dict[str, int] = {}
        for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for reference in references:
                s = reference.getSpecies()
                checks.choice(f"species in reaction {reaction.getId()}", s, self._symbols.species, "the model has")
                change[s] = change.get(s, 0) + sign * self._stoichiometry(reaction, reference)
        species = self._symbols.species
        return {
            s: n for s, n in change.items() if n and not (species[s].getBoundaryCondition() or species[s].getConstant())
        }

    def _stoichiometry(self, reaction, reference):
        what = f"stoichiometry of {reference.getSpecies()} in reaction {reaction.getId()}"
        if reference.isSetStoichiometryMath():
            math = self._translator.expression(reference.getStoichiometryMath().getMath(), what)
            if not math.names() <= self._constants.keys():
                raise InputError(f"the {what} changes during a run, which is not supported")
            value = float(math.evaluate(self._constants))
        elif self._model.getLevel() > 2 and not reference.isSetStoichiometry():
            raise InputError(f"the {what} is not given: write it as a number")
        else:
            value = reference.getStoichiometry()
        return checks.whole(what, value * self._factor(reference.getSpecies()), least=0)

    def _factor(self, species):
        """The conversion factor from extents to amounts."""
        item = self._symbols.species[species]
        owner = item if item.isSetConversionFactor() else self._model
        if not owner.isSetConversionFactor():
            return 1
        return self._constants[
            checks.choice("conversion factor", owner.getConversionFactor(), self._constants, "constants are")
        ]


def _warn_of_difference(reaction, law: Expression):
    """A difference of two rates is no propensity: it is negative where the back reaction is the faster one."""
    inner = law
    while inner.op in ("product", "quotient of"):
        inner = next((a for a in inner.args if a.op in ("sum", "product", "quotient of")), number(0))
    difference = inner.op == "sum" and any(a.op == "negative" and a.args[0].names() for a in inner.args)
    if reaction.getReversible() and difference:
        warnings.warn(
            f"reaction {reaction.getId()} is reversible and its law {law} is a difference of two rates: only the net "
            "rate would be simulated, with too little noise, and a run stops where it is negative. Split it into two "
            "irreversible reactions, one for each rate",
            stacklevel=6,
        )
