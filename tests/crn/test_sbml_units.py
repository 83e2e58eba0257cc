"""Moles become molecules: amounts, rates, rules and events of SBML models, by numbers worked out by hand."""

import warnings

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.crn.formats.sbml_document import AVOGADRO
from helpers.sbml_documents import math, propensity

N = 6.02214179e23
LITRES = 1e-15
SPECIES = "<species id='{}' compartment='c' initial{}='{!r}' hasOnlySubstanceUnits='{}' {}/>"
THREE = "constant='false' boundaryCondition='false'"


def unit(scale=0, multiplier=1, kind="mole", name="substance"):
    inner = f"<unit kind='{kind}' exponent='1' scale='{scale}' multiplier='{multiplier}'/>"
    return f"<listOfUnitDefinitions><unitDefinition id='{name}'><listOfUnits>{inner}</listOfUnits></unitDefinition>" \
           "</listOfUnitDefinitions>"  # fmt: skip


def document(law="0.1 * c * A", a=5e-8, b=0.0, amounts=False, level=2, units="", attributes="", more="", end="",
             kind="Concentration", sides="A"):  # fmt: skip
    """A in concentration (or amount), B likewise; one reaction `go` of `law`, which takes the species `sides`."""
    space = "level2/version4" if level == 2 else "level3/version1/core"
    three = "" if level == 2 else THREE
    always = "" if level == 2 else "spatialDimensions='3' constant='true'"
    flags = "reversible='false'" + ("" if level == 2 else " fast='false'")
    constant = "" if level == 2 else "constant='true'"
    references = "".join(f"<speciesReference species='{s}' stoichiometry='1' {constant}/>" for s in sides)
    reactants = f"<listOfReactants>{references}</listOfReactants>" if sides else ""
    words = str(amounts).lower()
    return f"""<sbml xmlns="http://www.sbml.org/sbml/{space}" level="{level}" version="{4 if level == 2 else 1}">
    <model id="m" {attributes}>{units}<listOfCompartments><compartment id="c" size="{LITRES}" {always}/>
    </listOfCompartments><listOfSpecies>{SPECIES.format("A", kind, a, words, three)}
    {SPECIES.format("B", kind, b, words, three)}</listOfSpecies>{more}
    <listOfReactions><reaction id="go" {flags}>{reactants}<kineticLaw>{math(law)}
    </kineticLaw></reaction></listOfReactions>{end}</model></sbml>"""


def read(text, **how):
    """The network, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        network = gnn.ReactionNetwork.from_sbml(text, **how)
    return network, [str(w.message) for w in said]


def test_the_number_is_that_of_sbml():
    assert AVOGADRO == N


NANO = unit(-9)
WAYS = {
    "moles of level 2, undeclared": {},
    "moles": {"units": unit()},
    "nanomoles by scale": {"units": unit(-9), "per": 1e9},
    "nanomoles by multiplier": {"units": unit(0, 1e-9), "per": 1e9},
    "level 3, moles": {"level": 3, "attributes": "substanceUnits='mole' extentUnits='mole'"},
    "level 3, millimoles": {
        "level": 3, "units": unit(-3, name="mmol"), "attributes": "substanceUnits='mmol' extentUnits='mmol'", "per": 1e3
    },
    "level 3, extents not said": {"level": 3, "attributes": "substanceUnits='mole'"},
}  # fmt: skip
ways = pytest.mark.parametrize("way", WAYS)


def of(way, **how):
    given = dict(WAYS[way])
    per = given.pop("per", 1.0)  # units of substance in a mole
    return given, per, how


@ways
def test_fifty_nanomolar_in_a_femtolitre_are_thirty_molecules(way):
    given, per, _ = of(way)
    network, (said,) = read(document(a=5e-8 * per, **given))
    assert network.initial["A"] == pytest.approx(5e-8 * LITRES * N, rel=1e-12) == pytest.approx(30.11, abs=0.01)
    assert "substance='item'" in said and ("converted" in said)
    assert propensity(network, A=30) == pytest.approx(3.0, rel=1e-12)
    with pytest.warns(UserWarning, match="A = 30.1107 to 30"):
        result = gnn.simulate(network, 1.0, 2, replicates=400, seed=1)
    assert (result.of("A")[:, 0] == 30).all() and result.units == "molecules"
    assert result.of("A")[:, 1].mean() == pytest.approx(30 * np.exp(-0.1), abs=5 * (30 * 0.095 * 0.905 / 400) ** 0.5)


@ways
def test_two_molecules_meet_at_the_rate_over_avogadros_number_and_volume(way):
    """k = 1e6 /M/s in 1 fl: k / (N V) = 1.6605e-3 /s a pair."""
    given, per, _ = of(way)
    law = f"c * {1e6 / per} * A * B"
    network, _ = read(document(law, 5e-8 * per, 5e-8 * per, sides="AB", **given))
    assert network.reactions[0].law is None and network.reactions[0].order == 2
    assert propensity(network, A=30, B=7) == pytest.approx(1e6 / (N * LITRES) * 210, rel=1e-12)
    assert propensity(network, A=1, B=1) == pytest.approx(1.66054e-3, rel=1e-5)


@ways
def test_general_laws_and_production_are_in_molecules(way):
    """Vmax A / (K + A) of a tenth of a nanomole a litre and second at K = 30 nM; zeroth order 1 nM/s."""
    given, per, _ = of(way)
    network, _ = read(document(f"c * {1e-8 * per} * A / ({3e-8 * per} + A)", 5e-8 * per, **given))
    half = 3e-8 * LITRES * N
    assert propensity(network, A=30) == pytest.approx(1e-8 * LITRES * N * 30 / (half + 30), rel=1e-12)
    network, _ = read(document(f"c * {1e-9 * per}", 5e-8 * per, sides="", **given))
    assert propensity(network, A=0) == pytest.approx(1e-9 * LITRES * N, rel=1e-12)


def test_amounts_rules_initial_assignments_events_and_rates_by_name():
    """In amounts of nanomoles: B is given by a rule as half of A; an event sets A to a tenth of a femtomole."""
    more = f"""<listOfParameters><parameter id='level' constant='false'/></listOfParameters><listOfInitialAssignments>
    <initialAssignment symbol='A'>{math("50e-15")}</initialAssignment></listOfInitialAssignments><listOfRules>
    <assignmentRule variable='B'>{math("A / 2")}</assignmentRule>
    <assignmentRule variable='level'>{math("go * 1e9 + B")}</assignmentRule></listOfRules>"""
    end = f"""<listOfEvents><event id='e'><trigger>{math("time >= 0.5")}</trigger><listOfEventAssignments>
    <eventAssignment variable='A'>{math("1e-7 * 1.66053892e-6 * 60")}</eventAssignment></listOfEventAssignments></event>
    </listOfEvents>"""
    text = document("0.1 * A", 0.0, amounts=True, units=NANO, more=more, end=end, kind="Amount")
    network, _ = read(text)
    per = 1e-9 * N
    assert network.initial["A"] == pytest.approx(50e-15 * per, rel=1e-12)
    assert propensity(network, A=30) == pytest.approx(3.0, rel=1e-12)
    values = {"A": 30.0}
    assert float(network.rules["B"].evaluate(values)) == pytest.approx(15, rel=1e-12)
    level = network.resolved(network.rules["level"])
    assert float(level.evaluate(values)) == pytest.approx(0.1 * 30 / per * 1e9 + 15 / per, rel=1e-12)
    ((target, value),) = network.events[0].assignments
    assert target == "A" and float(value.evaluate({})) == pytest.approx(6e-12 * 1.66053892 * per, rel=1e-12)


def test_whole_amounts_without_a_unit_are_molecules_unless_asked():
    text = document("0.1 * A", 100.0, amounts=True, kind="Amount")
    network, (said,) = read(text)
    assert network.initial["A"] == 100 and propensity(network, A=30) == 3.0
    assert "declares no unit of substance" in said and "read as molecules" in said and "substance='mole'" in said
    network, (said,) = read(text, substance="mole")
    assert network.initial["A"] == 100 * N and "substance='item'" in said
    with pytest.raises(gnn.InputError, match="counts above 2\\*\\*53.*substance='item'"):
        gnn.simulate(network, 1.0)
    network, said = read(text, substance="item")
    assert network.initial["A"] == 100 and not said


@pytest.mark.parametrize("given", [{}, {"units": NANO}, {"level": 3, "attributes": "substanceUnits='mole'"}])
def test_item_reads_as_molecules_whatever_is_declared(given):
    network, said = read(document("0.1 * A", 7.0, amounts=True, kind="Amount", **given), substance="item")
    assert network.initial["A"] == 7 and propensity(network, A=30) == 3.0 and not said
    assert propensity(network.with_parameters(c=2), A=30) == 3.0


def test_level_3_without_a_unit_is_molecules():
    network, said = read(document("0.1 * A", 7.0, amounts=True, kind="Amount", level=3))
    assert network.initial["A"] == 7 and not said


def test_setting_a_parameter_reads_the_same_unit_again():
    text = document("0.1 * A", 5e-8, amounts=True)
    network, _ = read(text, substance="item")
    assert read(text)[0].initial["A"] == pytest.approx(30.11, abs=0.01)
    assert network.initial["A"] == 5e-8 * LITRES
    again = network.with_parameters(c=2e-15)
    assert again.initial["A"] == 5e-8 * 2e-15


def test_thousands_of_items_and_masses():
    network, (said,) = read(document("0.1 * A", 2.0, amounts=True, kind="Amount", units=unit(3, kind="item")))
    assert network.initial["A"] == 2000 and "1000 molecules" in said
    assert propensity(network, A=30) == pytest.approx(3.0)
    network, (said,) = read(document("0.1 * A", 2.0, amounts=True, kind="Amount", units=unit(kind="gram")))
    assert network.initial["A"] == 2 and "not a number of molecules" in said
    assert read(document("0.1 * A", 2.0, amounts=True, kind="Amount", units=unit(kind="item")))[1] == []


def test_the_rate_equations_agree_with_those_in_moles():
    """A + B -> : in molecules as in moles, whatever is the unit."""
    law = "c * 1e6 * A * B"
    moles, _ = read(document(law, 5e-8, 2e-8, sides="AB"))
    result = gnn.simulate(moles, 20.0, 3, method="ode")
    own, _ = read(document(law, 5e-8, 2e-8, sides="AB"), substance="item")
    by_hand = gnn.simulate(own, 20.0, 3, method="ode", atol=1e-16)
    assert result.counts[0] == pytest.approx(by_hand.counts[0] * N, rel=1e-6)
    k, a, b = 1e6, 5e-8, 2e-8
    ratio = a / b * np.exp((a - b) * k * 20.0)
    assert result.of("A")[0, -1] / result.of("B")[0, -1] == pytest.approx(ratio, rel=1e-5)


def test_the_command_line_takes_the_unit(tmp_path, capsys):
    path = tmp_path / "model.xml"
    path.write_text(document("0.1 * A", 100.0, amounts=True, kind="Amount", units=unit()))
    common = ["simulate", str(path), "--t-end", "1e-9", "--n-points", "2", "--seed", "1"]
    assert main(common) == 2
    assert "substance='item'" in capsys.readouterr().err
    assert main([*common, "--substance", "item"]) == 0
    assert ["A", "100"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert main([*common, "--substance", "gram"]) == 2
    assert "unknown substance 'gram': choose one of item, mole" in capsys.readouterr().err
    text = tmp_path / "model.txt"
    text.write_text("A -> 0 @ 1\n")
    assert main(["simulate", str(text), "--t-end", "1", "--substance", "item"]) == 2
    assert "has no units of amounts" in capsys.readouterr().err


def test_antimony_has_units_too():
    pytest.importorskip("antimony")
    text = "unit substance = 1e-9 mole; compartment c = 1e-15; species A in c = 50; A -> ; 0.1 * c * A"
    with pytest.warns(UserWarning, match="were converted to molecules"):
        assert gnn.ReactionNetwork.from_antimony(text).initial["A"] == pytest.approx(30.11, abs=0.01)
    assert gnn.ReactionNetwork.from_antimony(text, substance="item").initial["A"] == 50e-15


def test_what_is_written_is_in_molecules():
    network, _ = read(document("c * 1e6 * A * B", 5e-8, 5e-8, sides="AB"))
    again, said = read(network.to_sbml())
    assert not said and again.initial["A"] == pytest.approx(network.initial["A"], rel=1e-14)
    assert propensity(again, A=30, B=7) == pytest.approx(propensity(network, A=30, B=7), rel=1e-12)


@pytest.mark.parametrize(
    "how, what",
    [({"scale": 400}, "range of float64"), *(({"multiplier": m}, "must be positive") for m in (0, -1, "NaN"))],
)
def test_units_that_are_none_are_refused(how, what):
    with pytest.raises(gnn.InputError, match=what):
        read(document("0.1 * A", 2.0, amounts=True, kind="Amount", units=unit(**how)))


def test_units_of_species_and_extents_may_differ_by_a_conversion_factor():
    """A in nanomoles, extents in moles: each mole of the reaction is 1e9 nanomoles of A."""
    text = document(
        "0.1e-9 * A", 5e-8 * LITRES * 1e9, amounts=True, level=3, kind="Amount", units=unit(-9, name="nmol"),
        attributes="substanceUnits='nmol' extentUnits='mole' conversionFactor='f'",
        more="<listOfParameters><parameter id='f' value='1e9' constant='true'/></listOfParameters>",
    )  # fmt: skip
    network, _ = read(text)
    assert network.initial["A"] == pytest.approx(30.11, abs=0.01)
    assert network.reactions[0].net_change() == {"A": -1} and propensity(network, A=30) == pytest.approx(3.0)
    fraction, _ = read(text.replace("'1e9'", "'1'"))
    assert "reaction go takes" in fraction.only_ode
    assert fraction.rate_rules["A"].evaluate({"A": 30.0, **fraction.parameters}) == pytest.approx(-3.0e-9)


def test_rows_of_a_sweep_are_read_in_one_unit(tmp_path, capsys):
    """Also where a row alone would not show which: nothing, and more moles than there are molecules."""
    path, table = tmp_path / "model.xml", tmp_path / "t.csv"
    more = f"""<listOfParameters><parameter id='D' value='5e-8'/></listOfParameters><listOfInitialAssignments>
    <initialAssignment symbol='A'>{math("D")}</initialAssignment></listOfInitialAssignments>"""
    path.write_text(document("0.1 * c * A", more=more))
    table.write_text("D\n0\n5e-8\n1e-7\n")
    assert (
        main(["simulate", str(path), "--t-end", "1e-9", "--n-points", "2", "--seed", "1", "--sweep", str(table)]) == 0
    )
    out, err = capsys.readouterr()
    assert [float(line.split()[1]) for line in out.splitlines()[2:5]] == [0, 30, 60] and "read as moles" in err
    network, _ = read(path.read_text())
    with pytest.warns(UserWarning, match="were converted to molecules"):
        assert network.with_parameters(D=1e9).initial["A"] == pytest.approx(1e9 * LITRES * N)


def test_units_of_species_alone_do_not_say_what_a_reaction_turns_over():
    text = document("0.1 * A", 7.0, amounts=True, level=3, kind="Amount", units=unit()).replace(
        "hasOnlySubstanceUnits", "substanceUnits='substance' hasOnlySubstanceUnits"
    )
    network, (said,) = read(text)
    assert network.initial["A"] == 7 and propensity(network, A=30) == 3.0 and "extents of reactions have none" in said
    network, _ = read(text, substance="mole")
    assert network.initial["A"] == 7 * N and network.reactions[0].net_change() == {"A": -1}
    network, _ = read(text.replace("substanceUnits='substance' ", ""), substance="mole")
    assert network.initial["A"] == 7 * N and propensity(network, A=30) == pytest.approx(3.0)
