"""Documents that use what SBML has; hostile models are mutants of them, see `tests/robustness/hostile_models.py`."""

import math
from collections.abc import Container
from pathlib import Path
from typing import Any

from ... import checks
from ...checks import InputError
from ..expressions import Expression, number
from ..names import Scope
from ..parts import Event, Parts
from .mathml import VALUES, Translator, global_scope, has_formula, may_miss
from .model_format import ModelFormat, Overrides, Source, errors_name
from .sbml_declared import Declared
from .sbml_document import flattened
from .sbml_reactions import Reactions
from .sbml_values import SbmlValues
from .sbml_write import write

REACTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="example">
<listOfFunctionDefinitions><functionDefinition id="pairs"><math xmlns="http://www.w3.org/1998/Math/MathML"><lambda>
<bvar><ci> s </ci></bvar><apply><times/><ci> s </ci><apply><minus/><ci> s </ci><cn> 1 </cn></apply></apply>
</lambda></math></functionDefinition></listOfFunctionDefinitions>
<listOfCompartments><compartment id="cell" size="2"/></listOfCompartments>
<listOfSpecies>
<species id="A" compartment="cell" initialAmount="20" hasOnlySubstanceUnits="true"/>
<species id="B" compartment="cell" initialConcentration="3"/>
</listOfSpecies>
<listOfParameters><parameter id="k" value="0.1"/><parameter id="total" constant="false"/></listOfParameters>
<listOfInitialAssignments><initialAssignment symbol="k"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<divide/><cn> 1 </cn><ci> cell </ci></apply></math></initialAssignment></listOfInitialAssignments>
<listOfRules><assignmentRule variable="total"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><plus/>
<ci> A </ci><apply><times/><ci> B </ci><ci> cell </ci></apply></apply></math></assignmentRule></listOfRules>
<listOfReactions><reaction id="pair" reversible="false">
<listOfReactants><speciesReference species="A" stoichiometry="2"/></listOfReactants>
<listOfProducts><speciesReference species="B"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> k </ci><ci> k2 </ci><apply>
<ci> pairs </ci><ci> A </ci></apply></apply></math><listOfParameters><parameter id="k2" value="3"/></listOfParameters>
</kineticLaw></reaction></listOfReactions>
<listOfEvents><event id="feed"><trigger><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><lt/><ci> A </ci>
<cn> 4 </cn></apply></math></trigger><listOfEventAssignments><eventAssignment variable="A">
<math xmlns="http://www.w3.org/1998/Math/MathML"><cn> 12 </cn></math></eventAssignment></listOfEventAssignments></event>
</listOfEvents></model></sbml>
"""
NAMES = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="names">
<listOfCompartments><compartment id="volume" size="2" constant="true"/></listOfCompartments>
<listOfSpecies><species id="pi" compartment="volume" initialAmount="20" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="time" value="0.5" constant="true"/><parameter id="e" constant="false"/>
</listOfParameters>
<listOfRules><assignmentRule variable="e"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><plus/><ci> pair </ci>
<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol></apply></math>
</assignmentRule></listOfRules>
<listOfReactions><reaction id="pair" reversible="false" fast="false">
<listOfReactants><speciesReference species="pi" stoichiometry="1" constant="true"/></listOfReactants>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> time </ci><ci> volume </ci>
<ci> pi </ci></apply></math><listOfLocalParameters><localParameter id="volume" value="3"/></listOfLocalParameters>
</kineticLaw></reaction></listOfReactions></model></sbml>
"""
"""Names that mean something else here, a local one that shadows, and a rate by the name of its reaction."""
CHANGING = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="changing"
 conversionFactor="two"><listOfCompartments><compartment id="cell" size="2" constant="false"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="cell" initialConcentration="4" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/><species id="B" compartment="cell" initialAmount="1"
 hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/><species id="C" compartment="cell"
 initialConcentration="2" hasOnlySubstanceUnits="false" boundaryCondition="true" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="two" value="2" constant="true"/><parameter id="k" value="0.3" constant="false"/>
<parameter id="y" constant="false"/><parameter id="z" constant="false"/></listOfParameters>
<listOfInitialAssignments><initialAssignment symbol="n"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<divide/><ci> two </ci><cn> 4 </cn></apply></math></initialAssignment></listOfInitialAssignments>
<listOfRules><rateRule variable="cell"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> k </ci>
<ci> cell </ci></apply></math></rateRule><rateRule variable="k"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<minus/><ci> k </ci></apply></math></rateRule><rateRule variable="C"><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><sin/><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol></apply></math>
</rateRule><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/><apply><plus/><ci> A </ci>
<ci> y </ci></apply><ci> C </ci></apply></math></algebraicRule><assignmentRule variable="z">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/rateOf"> rateOf </csymbol><ci> C </ci></apply></math></assignmentRule>
</listOfRules><listOfReactions><reaction id="go" reversible="false"><listOfReactants><speciesReference species="A"
 stoichiometry="1" constant="true"/></listOfReactants><listOfProducts><speciesReference id="n" species="B"
 stoichiometry="2" constant="false"/></listOfProducts><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><ci> k </ci><ci> A </ci></apply></math></kineticLaw></reaction></listOfReactions>
<listOfEvents><event id="divide" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><gt/><ci> cell </ci><cn> 2.2 </cn></apply></math></trigger>
<delay><math xmlns="http://www.w3.org/1998/Math/MathML"><cn> 0.1 </cn></math></delay><listOfEventAssignments>
<eventAssignment variable="cell"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><divide/><ci> cell </ci>
<cn> 2 </cn></apply></math></eventAssignment><eventAssignment variable="C">
<math xmlns="http://www.w3.org/1998/Math/MathML"><ci> y </ci></math></eventAssignment></listOfEventAssignments></event>
</listOfEvents></model></sbml>
"""
"""What changes between reactions, and a stoichiometry with a name."""
SUBMODELS = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1" comp:required="true"
 xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1"><model id="whole"><listOfParameters>
<parameter id="k" value="2" constant="true"><comp:listOfReplacedElements><comp:replacedElement comp:submodelRef="one"
 comp:idRef="p"/></comp:listOfReplacedElements></parameter></listOfParameters><comp:listOfSubmodels>
<comp:submodel comp:id="one" comp:modelRef="part"/><comp:submodel comp:id="other" comp:modelRef="part">
<comp:listOfDeletions><comp:deletion comp:portRef="rule"/></comp:listOfDeletions></comp:submodel></comp:listOfSubmodels>
</model><comp:listOfModelDefinitions><comp:modelDefinition id="part"><listOfCompartments>
<compartment id="cell" size="1" constant="true"/></listOfCompartments><listOfSpecies><species id="A" compartment="cell"
 initialAmount="5" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="p" value="1"
 constant="true"/><parameter id="x" value="3" constant="false"/></listOfParameters><listOfRules><rateRule metaid="r"
 variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> p </ci></math></rateRule></listOfRules>
<listOfReactions><reaction id="go" reversible="false" fast="false"><listOfProducts><speciesReference species="A"
 stoichiometry="1" constant="true"/></listOfProducts><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<ci> p </ci></math></kineticLaw></reaction></listOfReactions>
<comp:listOfPorts><comp:port comp:id="rule" comp:metaIdRef="r"/></comp:listOfPorts></comp:modelDefinition>
</comp:listOfModelDefinitions></sbml>
"""
"""A model twice in another, once with a replaced parameter and once without its rule."""
INTRUSIONS = (
    "<",
    "&#0;",
    "</apply>",
    "<ci> A </ci>",
    "<ci> pair </ci>",
    "<ci> time </ci>",
    'symbol="A"',
    'id="time"',
    'id="A"',
    'reversible="true"',
    'substanceUnits="mole"',
    'hasOnlySubstanceUnits="false"',
    "<apply><minus/><ci> A </ci><ci> B </ci></apply>",
    "<apply><plus/>" + "<ci> A </ci>" * 100 + "</apply>",
    "<apply><times/><ci> A </ci>" * 100,
    "<ci> cell </ci>",
    "<ci> n </ci>",
    'constant="false"',
    'stoichiometry="0.5"',
    'initialAmount="-3"',
    'comp:modelRef="whole"',
    'comp:source="/etc/passwd"',
    '<algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> A </ci></math></algebraicRule>',
    '<rateRule variable="A"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> k </ci></math></rateRule>',
    '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf"> r </csymbol>'
    "<ci> A </ci></apply>",
)  # fmt: skip
"""Pieces of text to put into them."""


# SBML (levels 2 and 3, core) to a reaction network.
#
# A kinetic law is the propensity, as in the SBML stochastic test suite, and amounts are molecules; moles are converted,
# see `sbml_units`. Laws k, k*A, k*A*B, k*A*(A-1), in any order of factors and with constants folded, become mass
# action; all others are kept as they are, and a run stops with the reaction and the state where one turns negative, or
# fires with too few molecules. Rules, initial assignments, function definitions and events keep their meaning.
# Algebraic rules are solved where that is possible. Models of submodels (package `comp`) are put together, and random
# draws (package `distrib`) are made by events, those of initial assignments at time 0. Stoichiometries that are not
# whole or that change, and the rates of change of what reactions change, are for method `ode` alone. Delays in
# formulas, fast reactions and other required packages are refused by name; constraints are ignored, with a warning.

_PACKED = (".gz", ".bz2", ".zip")
"""Endings of files that libsbml unpacks."""
_KNOWN = ("layout", "render", "l3v2extendedmath", "distrib")
"""Packages that change no number, and those whose functions are known here."""


def read(source: Source, parameters: Overrides = None, substance: str | None = None) -> Parts:
    """The network of an SBML file (path) or document (text); raises InputError with what is wrong or refused.

    `substance` says how amounts are read, in place of the units of the model; see `sbml_units`.
    """
    if isinstance(source, str) and checks.without_mark(source).lstrip().startswith("<"):
        origin = "the SBML document"
        with errors_name(origin):
            return read_document(checks.without_mark(source), parameters, substance)._replace(origin=origin)
    path = checks.existing_file("SBML file", source, "SBML is read from a path or from a text that starts with '<'")
    with errors_name(str(path)):
        text = _unpacked(path) if path.suffix.lower() in _PACKED else checks.read_text(path)
        return read_document(text, parameters, substance, path.parent)._replace(origin=str(path))


def _unpacked(path: Path) -> str:
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    return sbml.writeSBMLToString(sbml.readSBMLFromFile(str(path)))


def read_document(
    text: str, parameters: Overrides = None, substance: str | None = None, folder: Path | None = None
) -> Parts:
    """The network of an SBML document, whose submodels may be in files in `folder` or below; raises InputError."""
    document, text = flattened(text, folder)
    try:
        parts = _translated(document, parameters, substance)
    except RecursionError:
        raise InputError("a formula is nested too deeply") from None
    return parts._replace(text=text) if parts.settable else parts


def _translated(document: Any, overrides: Overrides, substance: str | None) -> Parts:
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    model = document.getModel()
    if model is None:
        raise InputError("it has no model")
    _refuse(document, model)
    scope = global_scope(model)
    translator = Translator(sbml, model)
    declared = Declared(model, translator, scope, overrides)
    values = SbmlValues(model, declared, substance)
    sizes = values.compartments()
    fixed = len(sizes) == 1 and not declared.changes(*sizes)
    volume = next(iter(sizes.values())) if fixed else 1.0
    reader = Reactions(model, scope, values, volume)
    reactions = reader.all()
    events = _Events(translator, scope, values).all(model)
    rules, rate_rules = values.rules(), values.rate_rules()
    rate_rules |= {s: values.count_rate(s) for s in reader.flowing}
    initial = {s: values.initial_amount(s) for s in values.species if s not in rules}
    read_names = set().union(*(r.law.names() for r in reactions if r.law))
    read_names |= {n for e in (*rules.values(), *rate_rules.values()) for n in e.names()} | values.variable
    read_names |= {n for event in events for e in event.expressions() for n in e.names()}
    parameters = values.parameters(read_names)
    rules |= values.unbounded()
    return Parts(
        tuple(values.species), reactions, initial, volume, parameters, rules, events, settable=declared.settable(),
        substance=values.units.reading, rate_rules=rate_rules, only_ode=_only_ode(reader, values),
        constants=values.constants(),
    )  # fmt: skip


def _only_ode(reader: Reactions, values: SbmlValues) -> str:
    """Why only `ode` can simulate the model, or nothing."""
    if reader.flowing:
        return next(iter(reader.flowing.values()))
    if values.motion.read:
        return f"a formula reads the rate of change of {values.motion.read[0]}, which reactions change"
    return ""


def _refuse(document: Any, model: Any) -> None:
    for k in range(document.getNumPlugins()):
        package = document.getPlugin(k).getPackageName()
        required = document.getLevel() > 2 and document.getPackageRequired(package)
        if required and package not in _KNOWN:
            raise InputError(f"the SBML package {package!r} is not supported: write the model in core SBML")
    if model.getNumConstraints():
        checks.warn(
            f"the model has {model.getNumConstraints()} constraint(s), which are ignored: a run does not stop where "
            "one is violated"
        )
    _warn_of_time(model)


def _warn_of_time(model: Any) -> None:
    """Time is not converted; of level 2, `time` is the name of a unit that a model may define anew."""
    time = model.getTimeUnits() if model.getLevel() > 2 else "time"
    for unit in _units(model, time):
        if unit.isSecond() and unit.getMultiplier() * 10.0 ** unit.getScale() != 1.0:
            checks.warn(
                f"the model's unit of time is {time}, not the second: times and rates are not converted, and [s] in "
                f"the output means {time}",
            )


def _units(model: Any, name: str) -> list:
    """The units that a definition in the model is made of."""
    definition = model.getUnitDefinition(name) if name else None
    return [] if definition is None else definition.getListOfUnits()


def _can_happen(event: Any) -> bool:
    """Whether an event has a condition. Since level 3 version 2 it may be missing."""
    trigger = event.getTrigger()
    return not may_miss(event) if trigger is None else has_formula(trigger)


class _Events:
    """Events, translated with the names of the model."""

    def __init__(self, translator: Translator, scope: Scope, values: SbmlValues):
        self._translator, self._scope, self._values = translator, scope, values

    def all(self, model: Any) -> tuple[Event, ...]:
        """All events, in order, but for those that cannot happen because they have no trigger."""
        events = enumerate(model.getListOfEvents(), 1)
        declared = tuple(self._event(e, k) for k, e in events if _can_happen(e))
        return (*self._draws({event.name for event in declared}), *declared)

    def _draws(self, taken: Container[str]) -> tuple[Event, ...]:
        """The event that draws initial values, before all others; its name is none of `taken`."""
        if not self._values.declared.drawn:
            return ()
        values, _ = self._values.assigned(self._values.declared.drawn, later=False)
        name = self._scope.take("initial_draws")
        while name in taken:
            name = self._scope.take(name)
        return (Event(name, number(1), values, priority=number(math.inf)),)

    def _event(self, event: Any, position: int) -> Event:
        name = event.getId() or f"event{position}"
        what = f"event {name}"
        if event.getTrigger() is None:
            raise InputError(f"{what} has no trigger")
        trigger = event.getTrigger()
        modern = event.getLevel() > 2
        assigned = {
            self._value(a.getVariable(), f"name assigned by {what}"): self._expression(a.getMath(), what, draws=True)
            for a in event.getListOfEventAssignments()
            if has_formula(a)
        }

        def counts(item: Any, part: str) -> Expression | None:
            if item is None or not has_formula(item):
                return None
            draws = part == "delay"
            return self._values.counts(self._expression(item.getMath(), f"the {part} of {what}", draws))

        delay = counts(event.getDelay(), "delay")
        at_trigger = event.getUseValuesFromTriggerTime()
        values, factors = self._values.assigned(assigned, later=delay is not None and at_trigger)
        return Event(
            name,
            self._values.counts(self._expression(trigger.getMath(), f"the trigger of {what}")),
            values,
            delay,
            counts(event.getPriority() if hasattr(event, "getPriority") else None, "priority"),
            persistent=trigger.getPersistent() if modern else True,
            initially=trigger.getInitialValue() if modern else True,
            values_at_trigger=at_trigger,
            factors=factors,
        )

    def _expression(self, node: Any, what: str, draws: bool = False) -> Expression:
        return self._translator.expression(node, what, self._scope, draws)

    def _value(self, written: str, what: str, *kinds: str) -> str:
        """The identifier of what has a value, of one of `kinds` if any are given."""
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier


# The format SBML, levels 2 and 3: read here, written by `sbml_write`.
#
# M. Hucka et al., The Systems Biology Markup Language (SBML): language specification for level 3 version 2 core,
# Journal of Integrative Bioinformatics 16 (2019) 20190021, doi:10.1515/jib-2019-0021.

FORMAT = ModelFormat(
    name="sbml",
    title="SBML",
    endings=(".xml", ".sbml"),
    read=read,
    write=write,
    extra="sbml",
    has_units=True,
    examples=lambda: (REACTIONS, NAMES, CHANGING, SUBMODELS),
    intrusions=INTRUSIONS,
)
