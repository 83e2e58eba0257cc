"""SBML documents for tests, and what is read from them."""

import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.simulation.methods import Direct

libsbml = pytest.importorskip("libsbml", reason="the extra sbml is not installed")
LEVEL_3, LEVEL_2 = (3, 1), (2, 4)


def model(
    law="k * A",
    level=LEVEL_3,
    size=1.0,
    amounts=True,
    initial="initialAmount='12'",
    species="",
    parameters="<parameter id='k' value='0.5' constant='{}'/>",
    more="",
    reaction="",
    sides="<listOfReactants><speciesReference species='A' stoichiometry='1' {}/></listOfReactants>",
    own="",
    functions="",
    attributes="",
    dimensions="",
):
    """A document with species A (and B, 3 molecules), a reaction `go` of `law`, and what a test adds."""
    math = libsbml.writeMathMLToString(libsbml.parseL3Formula(law)).partition("?>")[2]
    three = level[0] == 3
    kind = f"hasOnlySubstanceUnits='{str(amounts).lower()}' boundaryCondition='false' constant='false'"
    space = "level3/version1/core" if three else "level2/version4"
    sides = sides.format("constant='true'" if three else "")
    flags = "reversible='false' fast='false'" if three else "reversible='false'"
    return f"""<sbml xmlns="http://www.sbml.org/sbml/{space}" level="{level[0]}" version="{level[1]}">
    <model id="m" {attributes}>{functions}
    <listOfCompartments><compartment id="cell" size="{size}" constant="false" {dimensions}/></listOfCompartments>
    <listOfSpecies><species id="A" compartment="cell" {initial} {kind}/>
    <species id="B" compartment="cell" initialAmount="3" hasOnlySubstanceUnits="true" boundaryCondition="false"
     constant="false"/>{species}</listOfSpecies>
    <listOfParameters>{parameters.format("false")}</listOfParameters>{more}
    <listOfReactions><reaction id="go" {flags} {reaction}>{sides}<kineticLaw>{math}{own}</kineticLaw></reaction>
    </listOfReactions></model></sbml>"""


def math(formula):
    return libsbml.writeMathMLToString(libsbml.parseL3Formula(formula)).partition("?>")[2]


def rule(variable, formula, kind="assignmentRule"):
    name = "" if variable is None else f"variable='{variable}'"
    return f"<listOfRules><{kind} {name}>{math(formula)}</{kind}></listOfRules>"


def initially(symbol, formula):
    return (
        f"<listOfInitialAssignments><initialAssignment symbol='{symbol}'>{math(formula)}</initialAssignment>"
        "</listOfInitialAssignments>"
    )


def with_event(text, trigger, assignments, level=LEVEL_3, more="", flags="initialValue='false' persistent='true'"):
    made = "".join(f"<eventAssignment variable='{v}'>{math(f)}</eventAssignment>" for v, f in assignments.items())
    flags = flags if level[0] == 3 else ""
    use = "useValuesFromTriggerTime='true'" if level[0] == 3 else ""
    event = (
        f"<listOfEvents><event id='e' {use}><trigger {flags}>{math(trigger)}</trigger>{more}"
        f"<listOfEventAssignments>{made}</listOfEventAssignments></event></listOfEvents>"
    )
    return text.replace("</listOfReactions>", "</listOfReactions>" + event)


def read(text, **options):
    net = gnn.ReactionNetwork.from_sbml(text, **options)
    assert gnn.ReactionNetwork.from_text(net.to_text()) == net
    return net


def propensity(net, **counts):
    """Propensity of the reaction by the engine."""
    m = Direct(net, net.rates(), net.volume, net.counts(counts), seeds.stream(1, seeds.Purpose.SIMULATION))
    return m._state.propensity[0]  # a bound over the first window of time, 1e-9 s, where the law reads the time
