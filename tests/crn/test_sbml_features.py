"""What SBML means beyond mass action: sizes, rules, initial assignments, functions, events, levels 2 and 3; and what
has no meaning for counts is refused by name."""

from functools import partial

import numpy as np
import pytest

import gillespie_nn as gnn
from helpers.sbml_documents import LEVEL_2, LEVEL_3, initially, math, model, propensity, read, rule, with_event


@pytest.mark.parametrize("level", [LEVEL_3, LEVEL_2])
@pytest.mark.parametrize(
    "law, amounts, size, counts, expected",
    [
        ("k * A", True, 4.0, {"A": 12}, 6.0),
        ("k * A", False, 4.0, {"A": 12}, 1.5),
        ("cell * k * A", False, 4.0, {"A": 12}, 6.0),
        ("cell * k * A * A", False, 4.0, {"A": 12}, 4 * 0.5 * 9),
        ("cell * k * A / (2 + A)", False, 4.0, {"A": 12}, 4 * 0.5 * 3 / 5),
        ("k * A * (A - 1) / 2", True, 4.0, {"A": 12}, 0.5 * 12 * 11 / 2),
        ("k * A^2 / (k + A^2)", True, 1.0, {"A": 3}, 4.5 / 9.5),
        ("piecewise(k, A > 5, 2 * k)", True, 1.0, {"A": 5}, 1.0),
        ("k * exp(-A) + root(3, 8) + log(10, 1000) + sec(0)", True, 1.0, {"A": 0}, 0.5 + 2 + 3 + 1),
    ],
)
def test_a_law_is_the_propensity_whatever_the_size_and_the_units(law, amounts, size, counts, expected, level):
    net = read(model(law, level, size, amounts, initial="initialAmount='12'"))
    assert propensity(net, **counts) == pytest.approx(expected, rel=1e-12)


def test_a_concentration_times_the_size_is_the_number_of_molecules():
    assert read(model(size=0.25, initial="initialConcentration='48'")).initial["A"] == 12
    net = read(model(size=0.25, initial="initialConcentration='5'"))
    assert net.initial["A"] == 1.25
    with pytest.raises(gnn.InputError, match="the initial state has A = 1.25, but .* whole numbers"):
        net.counts()


def test_parameters_of_a_reaction_hide_those_of_the_model():
    own = "<listOfLocalParameters><localParameter id='k' value='7'/></listOfLocalParameters>"
    assert propensity(read(model(own=own)), A=2) == 14
    own = "<listOfParameters><parameter id='B' value='7'/></listOfParameters>"
    assert propensity(read(model("k * A * B / (1 + A)", LEVEL_2, own=own)), A=1) == 1.75


def test_functions_are_written_out():
    body = "<math xmlns='http://www.w3.org/1998/Math/MathML'><lambda><bvar><ci>x</ci></bvar><bvar><ci>y</ci></bvar>"
    body += "<apply><divide/><ci>x</ci><apply><plus/><ci>x</ci><ci>y</ci></apply></apply></lambda></math>"
    functions = f"<functionDefinition id='mm'>{body}</functionDefinition>"
    functions = f"<listOfFunctionDefinitions>{functions}</listOfFunctionDefinitions>"
    assert propensity(read(model("k * mm(A, 2 * B)", functions=functions)), A=4) == pytest.approx(0.5 * 4 / 10)


def test_initial_assignments_come_first_and_overrides_before_them():
    text = model(more=initially("A", "4 * k"), parameters="<parameter id='k' value='0.5' constant='true'/>")
    assert read(text).initial["A"] == 2
    assert read(text, parameters={"k": 5.0}).initial["A"] == 20
    with pytest.raises(gnn.InputError, match="did you mean 'k'"):
        read(text, parameters={"kk": 5.0})
    with pytest.raises(gnn.InputError, match="A depends on itself in initial assignments"):
        read(model(more=initially("A", "A + 1")))


def test_a_rule_gives_a_parameter_that_laws_read():
    net = read(model("r * A", parameters="<parameter id='r' constant='false'/>", more=rule("r", "2 * B + time")))
    assert propensity(net, A=2, B=4) == pytest.approx(16, rel=1e-6)
    r = gnn.simulate(net, time=[0.0, 0.5], initial={"B": 4}, seed=1)
    np.testing.assert_allclose(r.of("r")[0], [8, 8.5])


@pytest.mark.parametrize("amounts, expected", [(True, [24.0, 24]), (False, [24.0 * 4, 96])])
def test_a_rule_of_a_species_is_an_amount_or_a_concentration(amounts, expected):
    kind = f"hasOnlySubstanceUnits='{str(amounts).lower()}' boundaryCondition='false' constant='false'"
    species = f"<species id='C' compartment='cell' initialAmount='0' {kind}/>"
    r = gnn.simulate(read(model("0 * k", size=4.0, species=species, more=rule("C", "2 * A"))), 1.0, 2, seed=1)
    assert r.of("C")[0, 0] == expected[0]
    assert r.counts[0, 0, r.species.index("C")] == expected[1]


@pytest.mark.parametrize(
    "flag", ["boundaryCondition='true' constant='false'", "boundaryCondition='true' constant='true'"]
)
def test_boundary_and_constant_species_are_not_changed(flag):
    species = f"<species id='C' compartment='cell' initialAmount='5' hasOnlySubstanceUnits='true' {flag}/>"
    sides = "<listOfReactants><speciesReference species='C' stoichiometry='1' {}/></listOfReactants>"
    net = read(model("k * C", species=species, sides=sides))
    assert net.reactions[0].net_change() == {} and propensity(net) == 2.5


def test_stoichiometries_above_one_and_conversion_factors():
    sides = "<listOfReactants><speciesReference species='A' stoichiometry='3' {}/></listOfReactants>"
    net = read(model("k * A * (A - 1) * (A - 2)", sides=sides))
    assert net.reactions[0].reactants == (("A", 3),)
    parameters = "<parameter id='k' value='0.5' constant='true'/><parameter id='f' value='2' constant='true'/>"
    net = read(model("k * A * (A - 1)", attributes="conversionFactor='f'", parameters=parameters))
    assert net.reactions[0].net_change() == {"A": -2}
    math_ = math("2 * k")
    sides = f"<listOfProducts><speciesReference species='B'><stoichiometryMath>{math_}</stoichiometryMath>"
    net = read(model(level=LEVEL_2, parameters="<parameter id='k' value='0.5' constant='true'/>",
                     sides=sides + "</speciesReference></listOfProducts>"))  # fmt: skip
    assert net.reactions[0].net_change() == {"B": 1}


@pytest.mark.parametrize("level, at_zero", [(LEVEL_3, 40), (LEVEL_2, 12)])
def test_an_event_true_at_the_start_happens_in_level_three_and_not_in_level_two(level, at_zero):
    net = read(with_event(model("0 * k", level), "time >= 0", {"A": "40"}, level))
    assert gnn.simulate(net, 1.0, 2, seed=1).of("A")[0].tolist() == [at_zero, at_zero]


def test_an_event_assigns_concentrations_parameters_and_sizes():
    text = with_event(model("0 * k", size=4.0, amounts=False), "time > 0.5", {"A": "2", "k": "k + 1", "cell": "8"})
    r = gnn.simulate(read(text), time=[0.5, 1.0], seed=1)
    assert r.of("A")[0].tolist() == [12, 8]
    assert r.of("k")[0].tolist() == [0.5, 1.5] and r.of("cell")[0].tolist() == [4.0, 8.0]


def test_delay_priority_and_persistence_are_read():
    more = f"<priority>{math('B')}</priority><delay>{math('k')}</delay>"
    flags = "initialValue='true' persistent='false'"
    (event,) = read(with_event(model(), "A > B", {"B": "A"}, more=more, flags=flags)).events
    assert (str(event.delay), str(event.priority)) == ("k", "B")
    assert event.initially and not event.persistent and event.values_at_trigger


def test_a_reversible_reaction_whose_law_is_a_difference_gets_a_warning_and_one_that_is_not_none(recwarn):
    reversible = model("k * sin(A) - B").replace("reversible='false'", "reversible='true'")
    with pytest.warns(UserWarning, match="reaction go is reversible.*Split it into two") as found:
        gnn.ReactionNetwork.from_sbml(reversible)
    assert found[0].filename == __file__  # the line that asked for it
    recwarn.clear()
    read(model("k * A").replace("reversible='false'", "reversible='true'"))
    read(model("k * A * (A - 1)").replace("reversible='false'", "reversible='true'"))
    assert not recwarn.list
    net = gnn.ReactionNetwork.from_sbml(model("k * A - B"))
    with pytest.raises(
        gnn.UnfinishedError, match="reaction go is negative, -2, at t = 0 s, A = 2, B = 3.*write it as two reactions"
    ):
        gnn.simulate(net, 1.0, initial={"A": 2}, seed=1)


@pytest.mark.parametrize(
    "text, what",
    [
        (model(more=rule(None, "A - 1", "algebraicRule")), "the algebraic rule A - 1 = 0 has no explicit solution"),
        (model(more=rule("A", "k * B")), "reaction go changes A, which is given by a rule"),
        (model(reaction="fast='true'").replace("fast='false' fast", "fast"), "go is marked fast"),
        (model("k * delay(A, 1)"), r"reaction go: delay\(\) is not supported"),
        (model("k * unknown"), "unknown symbol 'unknown'"),
        (model("k * f(A)"), "unknown function 'f'"),
        (model(parameters="<parameter id='k' constant='{}'/>"), "k has no value at the start"),
        (model(size=0.0), "size of compartment cell must be positive"),
        (model(initial=""), "species A has no initial amount"),
        (with_event(model(), "A > 1", {"nowhere": "1"}), "nowhere"),
    ],
)
def test_what_has_no_meaning_for_counts_is_refused_by_name(text, what):
    with pytest.raises(gnn.InputError, match=what):
        gnn.ReactionNetwork.from_sbml(text)


def test_units_of_moles_get_a_warning():
    with pytest.warns(UserWarning, match="substance units are mole"):
        read(model(attributes="substanceUnits='mole'"))


@pytest.mark.parametrize("level, name", [(3, "nmol"), (2, "substance")])
def test_units_defined_as_moles_get_a_warning(level, name):
    read_one = partial(gnn.ReactionNetwork.from_sbml, _with_units(level, name, "mole", "scale='-9' multiplier='1'"))
    with pytest.warns(UserWarning, match=f"substance units are {name}, of moles"):
        read_one()


@pytest.mark.parametrize("level, name", [(3, "hour"), (2, "time")])
def test_time_in_hours_gets_a_warning_and_molecules_in_seconds_none(level, name, recwarn):
    with pytest.warns(UserWarning, match=f"unit of time is {name}, not the second"):
        gnn.ReactionNetwork.from_sbml(_with_units(level, name, "second", "scale='0' multiplier='3600'"))
    recwarn.clear()
    gnn.ReactionNetwork.from_sbml(_with_units(level, name, "second", "scale='0' multiplier='1'"))
    gnn.ReactionNetwork.from_sbml(_with_units(level, "substance", "item", "scale='0' multiplier='1'"))
    said = [str(w.message) for w in recwarn]
    assert len(said) == (level == 2) and all("declares no unit of substance" in one for one in said)


def _with_units(level, name, kind, size):
    exponent = "exponent='1' " if level == 3 else ""
    units = (
        f"<listOfUnitDefinitions><unitDefinition id='{name}'><listOfUnits><unit kind='{kind}' {exponent}{size}/>"
        "</listOfUnits></unitDefinition></listOfUnitDefinitions>"
    )
    what = "timeUnits" if kind == "second" else "substanceUnits"
    if level == 3:
        head = "<sbml xmlns='http://www.sbml.org/sbml/level3/version1/core' level='3' version='1'>"
        head += f"<model {what}='{name}'>"
        species = "hasOnlySubstanceUnits='true' boundaryCondition='false' constant='false'"
        size, law = "spatialDimensions='3' size='1' constant='true'", "reversible='false' fast='false'"
    else:
        head = "<sbml xmlns='http://www.sbml.org/sbml/level2/version4' level='2' version='4'><model>"
        species, size, law = "hasOnlySubstanceUnits='true'", "size='1'", "reversible='false'"
    reference = " constant='true'" if level == 3 else ""
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>{head}{units}"
        f"<listOfCompartments><compartment id='c' {size}/></listOfCompartments>"
        f"<listOfSpecies><species id='A' compartment='c' initialAmount='10' {species}/></listOfSpecies>"
        f"<listOfReactions><reaction id='r' {law}><listOfReactants><speciesReference species='A' stoichiometry='1'"
        f"{reference}/></listOfReactants><kineticLaw><math xmlns='http://www.w3.org/1998/Math/MathML'><apply><times/>"
        "<cn>0.5</cn><ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions></model></sbml>"
    )


def test_a_law_that_reads_a_species_with_a_rule_follows_the_rule():
    pytest.importorskip("antimony")
    net = gnn.ReactionNetwork.from_antimony(
        "substanceOnly species A, B, C, S; A = 100; B = 10; C = 0; S := 2 * B; J: A -> C; 0.01 * S * A;"
    )
    assert net.reactions[0].law is not None and propensity(net, A=50, B=3) == pytest.approx(3.0)
    for text in ("S + A -> S + C @ 0.1", "A -> C @ 0.1 * step(S, B)"):
        with pytest.raises(gnn.InputError, match="reads S, which is given by a rule"):
            gnn.ReactionNetwork.from_text(f"{text}\n@rule S = 2 * B\nB = 1")


def test_an_event_that_sets_a_size_and_a_concentration_means_the_old_size():
    """As the SBML semantic test suite has it: the amount is assigned, then the size."""
    text = with_event(model("0 * k", size=2.0, amounts=False), "time > 1", {"A": "5", "cell": "4"})
    assert gnn.simulate(read(text), time=[2.0], seed=1).of("A")[0, 0] == 10


def test_parameters_that_nothing_reads_need_no_value_and_overrides_are_a_dictionary():
    parameters = "<parameter id='k' value='0.5' constant='true'/><parameter id='unused' constant='true'/>"
    assert read(model(parameters=parameters)).reactions[0].rate == 0.5
    for reader, text in ((gnn.ReactionNetwork.from_sbml, model()), (gnn.ReactionNetwork.from_text, "A -> 0 @ 1")):
        with pytest.raises(gnn.InputError, match="parameters must be a dictionary"):
            reader(text, parameters="k=3")


def test_a_count_that_a_rule_gives_is_neither_initial_nor_scheduled():
    text = "A -> 0 @ 1\nS = {}\n@rule S = 2 * A"
    with pytest.raises(gnn.InputError, match="count of S is given by a rule"):
        gnn.ReactionNetwork.from_text(text.format(5))
    with pytest.raises(gnn.InputError, match="count of S is given by a rule, so it cannot be scheduled"):
        gnn.simulate(gnn.ReactionNetwork.from_text(text.format(0)), 3.0, schedule=[(2.0, {"S": 7})])
