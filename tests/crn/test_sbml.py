"""SBML in and out: what is recognised, what is refused by name, and that models come back."""

import numpy as np
import pytest

import gillespie_nn as gnn
from helpers.naive import propensity

pytestmark = pytest.mark.fast

pytest.importorskip("libsbml", reason="the extra sbml is not installed")

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def document(law, reactants=(), products=(), modifiers=(), size=1.0, amounts="true", extra="", species=("A", "B")):
    """An SBML document with one reaction; `law` is MathML."""

    def references(kind, names):
        if not names:
            return ""
        tag = "modifierSpeciesReference" if kind == "Modifiers" else "speciesReference"
        more = "" if kind == "Modifiers" else ' stoichiometry="{}" constant="true"'
        rows = "".join(f'<{tag} species="{n}"{more.format(k)}/>' for n, k in names)
        return f"<listOf{kind}>{rows}</listOf{kind}>"

    listed = "".join(
        f'<species id="{s}" compartment="cell" initialAmount="7" hasOnlySubstanceUnits="{amounts}" '
        f'boundaryCondition="{str(s == "Fixed").lower()}" constant="false"/>'
        for s in species
    )
    return f"""{_HEAD}
    <sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
    <listOfCompartments><compartment id="cell" size="{size}" constant="true"/></listOfCompartments>
    <listOfSpecies>{listed}</listOfSpecies>
    <listOfParameters><parameter id="k" value="0.5" constant="true"/></listOfParameters>{extra}
    <listOfReactions><reaction id="go" reversible="false" fast="false">
    {references("Reactants", reactants)}{references("Products", products)}{references("Modifiers", modifiers)}
    <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">{law}</math></kineticLaw>
    </reaction></listOfReactions></model></sbml>"""


K, A, B = "<ci>k</ci>", "<ci>A</ci>", "<ci>B</ci>"


def times(*factors):
    return f"<apply><times/>{''.join(factors)}</apply>"


def minus(*parts):
    return f"<apply><minus/>{''.join(parts)}</apply>"


def number(n, kind="integer"):
    return f'<cn type="{kind}">{n}</cn>'


TWO = number(2)
A_LESS_ONE = minus(A, number(1))


@pytest.mark.parametrize(
    "law, reactants, products, expected",
    [
        (K, (), [("A", 1)], gnn.Reaction((), (("A", 1),), 0.5, "go")),
        (times(K, A), [("A", 1)], [("B", 1)], gnn.Reaction((("A", 1),), (("B", 1),), 0.5, "go")),
        (times(A, K), [("A", 1)], (), gnn.Reaction((("A", 1),), (), 0.5, "go")),
        (times(B, TWO, A, K), [("A", 1), ("B", 1)], (), gnn.Reaction((("B", 1), ("A", 1)), (), 1.0, "go")),
        (times(A_LESS_ONE, A, K), [("A", 2)], [("B", 1)], gnn.Reaction((("A", 2),), (("B", 1),), 0.5, "go")),
        # a repeated reference adds up
        (times(K, A, A_LESS_ONE), [("A", 1), ("A", 1)], [("B", 1)], gnn.Reaction((("A", 2),), (("B", 1),), 0.5, "go")),
        # constants fold, also through division and signs
        (f"<apply><divide/>{times(K, A, A_LESS_ONE)}{TWO}</apply>", [("A", 2)], (),
         gnn.Reaction((("A", 2),), (), 0.25, "go")),
        (times(minus(minus(K)), A), [("A", 1)], (), gnn.Reaction((("A", 1),), (), 0.5, "go")),
        (times(f"<apply><power/>{TWO}{number(3)}</apply>", A), [("A", 1)], (),
         gnn.Reaction((("A", 1),), (), 8.0, "go")),
        # (A + (-1)) is the same falling factorial
        (times(K, A, f"<apply><plus/>{A}{number(-1)}</apply>"), [("A", 2)], (),
         gnn.Reaction((("A", 2),), (), 0.5, "go")),
        # a catalyst on both sides
        (times(K, A), [("A", 1)], [("A", 1), ("B", 1)], gnn.Reaction((("A", 1),), (("A", 1), ("B", 1)), 0.5, "go")),
    ],
)  # fmt: skip
def test_mass_action_laws_are_recognised(law, reactants, products, expected):
    net = gnn.ReactionNetwork.from_sbml(document(law, reactants, products))
    assert net.reactions == (expected,)
    assert net.initial == {"A": 7, "B": 7}


def test_a_modifier_in_the_law_is_a_catalyst():
    net = gnn.ReactionNetwork.from_sbml(document(times(K, A, B), [("A", 1)], (), [("B", 1)]))
    assert net.reactions == (gnn.Reaction((("A", 1), ("B", 1)), (("B", 1),), 0.5, "go"),)


def test_a_boundary_species_is_not_changed():
    text = document(times(K, "<ci>Fixed</ci>"), [("Fixed", 1)], [("A", 1)], species=("A", "Fixed"))
    net = gnn.ReactionNetwork.from_sbml(text)
    assert net.reactions[0].net_change() == {"A": 1}


def test_concentrations_and_compartments_give_the_propensity():
    """In a compartment of size 4 the symbol A means n / 4: cell * k * A * B has propensity 4 * 0.5 n_A n_B / 16."""
    law = times("<ci>cell</ci>", K, A, B)
    net = gnn.ReactionNetwork.from_sbml(document(law, [("A", 1), ("B", 1)], (), size=4.0, amounts="false"))
    assert net.volume == 4.0
    assert net.reactions[0].rate == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text, what",
    [
        (document(K, species=("A", "A")), "'A'|twice"),
        (document(K, species=("A", "k")), "'k' names a species and a parameter"),
        ("<sbml><not closed", "line"),
        ("<html></html>", "SBML"),
        ("/no/such/file.xml", "no such SBML file"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_by_name(text, what):
    with pytest.raises(gnn.InputError, match=what):
        gnn.ReactionNetwork.from_sbml(text)


@pytest.mark.parametrize(
    "law, reactants, text",
    [
        (times(K, A, A), [("A", 2)], "k * A * A"),
        (f"<apply><power/>{A}{TWO}</apply>", [("A", 2)], "A^2"),
        (f"<apply><divide/>{K}{A}</apply>", [("A", 1)], "k / A"),
        (minus(times(K, A), B), [("A", 1)], "k * A - B"),
        (f"<apply><exp/>{A}</apply>", [("A", 1)], "exp(A)"),
        (K, [("A", 1)], "k"),
        (times(K, A), [("A", 2)], "k * A"),
        (times(minus(K), A), [("A", 1)], "-k * A"),
    ],
)
def test_other_laws_are_kept_as_they_are(law, reactants, text):
    net = gnn.ReactionNetwork.from_sbml(document(law, reactants))
    assert str(net.reactions[0].law) == text
    assert net.parameters.keys() <= {"k"}
    assert gnn.ReactionNetwork.from_text(net.to_text()) == net


@pytest.mark.parametrize("layers", [(2, 4, 1), (3, 2, 2)])
def test_a_network_comes_back_from_stochastic_sbml(layers, tmp_path):
    net = gnn.training_network(layers).network
    volume = 50.0
    net.to_sbml(tmp_path / "net.xml", volume=volume, initial={"X_0_p": 12})
    again = gnn.ReactionNetwork.from_sbml(tmp_path / "net.xml")
    assert again.species == net.species
    assert again.initial["X_0_p"] == 12
    for one, other in zip(net.reactions, again.reactions):
        assert dict(one.reactants) == dict(other.reactants)
        assert dict(one.products) == dict(other.products)
        np.testing.assert_allclose(other.rate, one.rate * volume ** (1 - one.order), rtol=1e-14)


def test_deterministic_sbml_holds_the_mass_action_equations():
    libsbml = pytest.importorskip("libsbml")
    net = gnn.ReactionNetwork.from_text("2 A + B -> C @ 0.5\n0 -> A @ 3\nA = 10")
    model = libsbml.readSBMLFromString(net.to_sbml(kinetics="deterministic", volume=5.0)).getModel()
    laws = [libsbml.formulaToL3String(r.getKineticLaw().getMath()) for r in model.getListOfReactions()]
    assert laws == ["reactor * 0.5 * A^2 * B", "reactor * 3"]
    assert model.getSpecies("A").getInitialConcentration() == 2.0
    assert model.getCompartment(0).getSize() == 5.0


def test_thresholds_are_written_as_piecewise_and_come_back_as_laws_of_the_same_value():
    network = gnn.training_network((1, 1, 1), activation="relu").network
    again = gnn.ReactionNetwork.from_sbml(network.to_sbml(volume=5.0))
    rng = np.random.default_rng(1)
    for _ in range(20):
        state = dict(zip(network.species, rng.integers(0, 30, len(network.species)).tolist(), strict=True))
        for one, other in zip(network.reactions, again.reactions, strict=True):
            np.testing.assert_allclose(propensity(other, state, again.volume), propensity(one, state, 5.0), rtol=1e-12)


@pytest.mark.parametrize("text", ["pi + B -> C @ 0.5", "time -> 0 @ 1", "A: A -> B @ 1"])
def test_names_that_mean_something_else_in_sbml_are_refused(text):
    with pytest.raises(gnn.InputError, match="rename"):
        gnn.ReactionNetwork.from_text(text).to_sbml()


def test_written_documents_are_valid():
    libsbml = pytest.importorskip("libsbml")
    for kinetics in ("stochastic", "deterministic"):
        text = gnn.training_network((2, 2, 1)).network.to_sbml(kinetics=kinetics, volume=10.0)
        read = libsbml.readSBMLFromString(text)
        read.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
        read.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
        assert read.checkConsistency() == 0, read.getErrorLog().toString()
