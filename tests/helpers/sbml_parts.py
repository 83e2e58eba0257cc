"""Parts of SBML documents, Level 3 Version 2."""

import re

from helpers.sbml_documents import math

SPACE = "http://www.sbml.org/sbml/level3/version2/core"
DRAWS = "binomial|bernoulli|normal|uniform|poisson|exponential|gamma|lognormal|chisquare|cauchy"


def listed(kind, *items):
    return f"<listOf{kind}>{''.join(items)}</listOf{kind}>" if items else ""


def parameter(name, value=None, constant="false"):
    given = "" if value is None else f"value='{value}'"
    return f"<parameter id='{name}' {given} constant='{constant}'/>"


def species(name, amount=None, concentration=None, units="true", boundary="false", more=""):
    given = f"initialAmount='{amount}'" if concentration is None else f"initialConcentration='{concentration}'"
    return (
        f"<species id='{name}' compartment='cell' {given} hasOnlySubstanceUnits='{units}' "
        f"boundaryCondition='{boundary}' constant='false' {more}/>"
    )


def rate(name, formula):
    return f"<rateRule variable='{name}'>{made(formula)}</rateRule>"


def rule(name, formula):
    return f"<assignmentRule variable='{name}'>{made(formula)}</assignmentRule>"


def algebraic(formula):
    return f"<algebraicRule>{made(formula)}</algebraicRule>"


def initial(name, formula):
    return f"<initialAssignment symbol='{name}'>{made(formula)}</initialAssignment>"


def made(formula):
    """MathML of a formula, in which rateOf(x) and random draws are the symbols of these names."""
    symbol = "<csymbol encoding='text' definitionURL='http://www.sbml.org/sbml/symbols/{}'>{}</csymbol>"
    text = re.sub(r"<ci>\s*rateOf\s*</ci>", symbol.format("rateOf", "rateOf"), math(formula))
    return re.sub(rf"<ci>\s*({DRAWS})\s*</ci>", lambda m: symbol.format(f"distrib/{m[1]}", m[1]), text)


def reference(name, number="1", identifier="", constant="true"):
    given = "" if number is None else f"stoichiometry='{number}'"
    return f"<speciesReference {identifier and f'id={identifier!r}'} species='{name}' {given} constant='{constant}'/>"


def reaction(formula, left=(), right=(), name="go"):
    sides = listed("Reactants", *left) + listed("Products", *right)
    return f"<reaction id='{name}' reversible='false'>{sides}<kineticLaw>{made(formula)}</kineticLaw></reaction>"


def event(when, assignments, more="", at_trigger="true"):
    values = "".join(f"<eventAssignment variable='{v}'>{made(f)}</eventAssignment>" for v, f in assignments.items())
    return (
        f"<event id='e' useValuesFromTriggerTime='{at_trigger}'><trigger initialValue='false' persistent='true'>"
        f"{made(when)}</trigger>{more}<listOfEventAssignments>{values}</listOfEventAssignments></event>"
    )


def document(
    parameters=(), kinds=(), rules=(), reactions=(), events=(), initials=(), size="1", more="", attributes="", cell=True
):
    compartment = f"<compartment id='cell' size='{size}' spatialDimensions='3' constant='false'/>"
    return (
        f'<sbml xmlns="{SPACE}" level="3" version="2"><model id="m" {attributes}>'
        + listed("Compartments", *([compartment] if cell else []))
        + listed("Species", *kinds)
        + listed("Parameters", *parameters)
        + listed("InitialAssignments", *initials)
        + listed("Rules", *rules)
        + more
        + listed("Reactions", *reactions)
        + listed("Events", *events)
        + "</model></sbml>"
    )
