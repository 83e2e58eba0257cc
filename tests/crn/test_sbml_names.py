"""Names in SBML mean what SBML says, whatever they mean elsewhere: values, by the engine and by hand."""

import numpy as np
import pytest

import gillespie_nn as gnn
from helpers.sbml_documents import LEVEL_2, initially, libsbml, math, model, propensity, read, rule, with_event

RESERVED = (
    "time", "t", "volume", "pi", "e", "avogadro", "exponentiale", "true", "false", "NaN", "nan", "inf", "infinity",
    "notanumber", "lambda", "del", "propensity", "when", "step", "sin", "reactor",
)  # fmt: skip
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol>'
GENERAL = "{n} * A * 1001 / (1000 + A / A)"
"""The same as n * A where A is 1 or more, and not recognised as mass action."""


def renamed(text, **names):
    """`text` with identifiers that no formula of libsbml's would take as names."""
    for name, other in names.items():
        text = text.replace(f"<ci> {name} </ci>", f"<ci> {other} </ci>")
        for attribute in ("id", "compartment", "variable", "symbol", "species"):
            for quote in "'\"":
                text = text.replace(f"{attribute}={quote}{name}{quote}", f"{attribute}={quote}{other}{quote}")
    return text


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize("law", ["q * A", GENERAL.format(n="q")])
def test_a_parameter_of_any_name_has_its_own_value(name, law):
    text = renamed(model(law, parameters="<parameter id='q' value='0.5' constant='{}'/>"), q=name)
    net = read(text)
    assert propensity(net, A=1000) == pytest.approx(500.0, rel=1e-15)
    assert propensity(read(text, parameters={name: 0.25}), A=1000) == pytest.approx(250.0, rel=1e-15)
    assert propensity(net.with_parameters({name: 0.25}), A=1000) == pytest.approx(250.0, rel=1e-15)
    again = gnn.ReactionNetwork.from_sbml(net.to_sbml())
    assert propensity(again, A=1000) == pytest.approx(500.0, rel=1e-15)


@pytest.mark.parametrize("name", RESERVED)
def test_a_species_of_any_name_has_its_own_count(name):
    for law in ("k * A", GENERAL.format(n="k")):
        net = read(renamed(model(law), A=name))
        (own,) = set(net.species) - {"B"}
        assert own.rstrip("_") == name and net.initial[own] == 12
        assert propensity(net, **{own: 40}) == pytest.approx(20.0, rel=1e-15)


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize("size, law, expected", [(2.0, "k * cell * A", 6.0), (4.0, "k * A", 1.5), (2.0, "cell", 2.0)])
def test_a_compartment_of_any_name_has_its_own_size(name, size, law, expected):
    """A is a concentration, 12 molecules."""
    text = renamed(model(law, size=size, amounts=False), cell=name)
    assert propensity(read(text)) == pytest.approx(expected, rel=1e-15)
    two = text.replace(
        "</listOfCompartments>", "<compartment id='other' size='7' constant='true'/></listOfCompartments>"
    )
    assert propensity(read(two)) == pytest.approx(expected, rel=1e-15)


def test_the_time_is_the_time_also_beside_a_parameter_of_that_name():
    parameters = "<parameter id='time' value='100' constant='{}'/><parameter id='flow' value='0' constant='false'/>"
    text = model("A", parameters=parameters, more=rule("flow", "q + 3"))
    text = text.replace("<ci> q </ci>", f"<apply><plus/><ci> time </ci>{TIME}</apply>")
    r = gnn.simulate(read(text), time=[0.0, 0.5, 2.0], method="direct", seed=1)
    np.testing.assert_array_equal(r.of("flow")[0], [103.0, 103.5, 105.0])


def test_a_law_that_multiplies_by_the_time_is_not_zeroed_by_an_unused_parameter_called_time():
    text = model("0.5 * A * q", parameters="<parameter id='time' value='0.5' constant='{}'/>")
    net = read(text.replace("<ci> q </ci>", TIME))
    assert str(net.reactions[0].law) == "0.5 * A * time" and "time_" not in net.to_text()


@pytest.mark.parametrize("shadowed", ["k", "cell", "A", "B", "go", "f", "time", "pi"])
@pytest.mark.parametrize("level", [(3, 1), LEVEL_2])
def test_a_local_parameter_shadows_whatever_has_its_name(shadowed, level):
    """The law is q * 10 with q = 0.25, beside a species that is read as a concentration in the shadowed compartment."""
    tags = ("listOfLocalParameters", "localParameter") if level[0] == 3 else ("listOfParameters", "parameter")
    own = f"<{tags[0]}><{tags[1]} id='{shadowed}' value='0.25'/></{tags[0]}>"
    functions = (
        "<listOfFunctionDefinitions><functionDefinition id='f'><math xmlns='http://www.w3.org/1998/Math/MathML'>"
        "<lambda><bvar><ci>x</ci></bvar><ci>x</ci></lambda></math></functionDefinition></listOfFunctionDefinitions>"
    )
    other = "C" if shadowed != "C" else "D"
    kind = "hasOnlySubstanceUnits='false' boundaryCondition='false' constant='false'"
    species = f"<species id='{other}' compartment='cell' initialAmount='8' {kind}/>"
    text = model(f"q * 10 + {other} * 0.5", level=level, size=2.0, own=own, functions=functions, species=species)
    net = read(renamed(text, q=shadowed))
    assert propensity(net) == pytest.approx(0.25 * 10 + 8 / 2.0 * 0.5, rel=1e-15)


def test_locals_of_two_reactions_do_not_meet():
    own = "<listOfLocalParameters><localParameter id='k' value='{}'/></listOfLocalParameters>"
    text = model("k * A", own=own.format(3))
    second = (
        text[text.index("<reaction ") : text.index("</listOfReactions>")].replace("go", "second").replace("'3'", "'5'")
    )
    net = read(text.replace("</listOfReactions>", second + "</listOfReactions>"))
    assert [r.rate for r in net.reactions] == [3.0, 5.0]


@pytest.mark.parametrize("argument", ["time", "pi", "A", "k", "f"])
def test_an_argument_of_a_function_is_what_it_is_called_with(argument):
    body = f"<apply><times/><ci> {argument} </ci>{TIME}</apply>"
    functions = (
        "<listOfFunctionDefinitions><functionDefinition id='f'><math xmlns='http://www.w3.org/1998/Math/MathML'>"
        f"<lambda><bvar><ci> {argument} </ci></bvar>{body}</lambda></math></functionDefinition>"
        "</listOfFunctionDefinitions>"
    )
    net = read(model("f(B + k)", functions=functions))
    assert float(net.reactions[0].law.evaluate({"B": 3.0, "k": 0.5, "time": 2.0})) == 7.0


def test_a_function_that_reads_what_is_no_argument_is_refused():
    functions = (
        "<listOfFunctionDefinitions><functionDefinition id='f'><math xmlns='http://www.w3.org/1998/Math/MathML'>"
        "<lambda><bvar><ci>x</ci></bvar><ci> A </ci></lambda></math></functionDefinition></listOfFunctionDefinitions>"
    )
    with pytest.raises(gnn.InputError, match="function f: unknown symbol 'A'"):
        read(model("f(B)", functions=functions))


# a reaction's name is its rate


def test_the_name_of_a_reaction_is_its_rate_in_a_rule():
    parameters = "<parameter id='k' value='0.5' constant='{}'/><parameter id='flux' value='0' constant='false'/>"
    net = read(model("k * A", parameters=parameters, more=rule("flux", "2 * go")))
    r = gnn.simulate(net, t_end=2.0, n_points=5, method="direct", replicates=4, seed=1)
    np.testing.assert_array_equal(r.of("flux"), r.of("A").astype(float))
    assert r.of("A")[0, -1] < 12


def test_the_name_of_a_reaction_is_its_rate_in_an_initial_assignment_with_its_own_parameters():
    own = "<listOfLocalParameters><localParameter id='k' value='3'/></listOfLocalParameters>"
    net = read(model("k * A / cell", size=2.0, own=own, more=initially("B", "go + 4")))
    assert net.initial["B"] == 3 * 12 / 2 + 4


def test_the_name_of_a_reaction_is_its_rate_in_a_law_and_an_event():
    more = "<listOfReactants><speciesReference species='B' stoichiometry='1' constant='true'/></listOfReactants>"
    text = model("k * A").replace(
        "</listOfReactions>",
        f"<reaction id='half' reversible='false' fast='false'>{more}"
        f"<kineticLaw>{math('go / 2')}</kineticLaw></reaction></listOfReactions>",
    )
    net = read(with_event(text, "half < 1", {"B": "100 * go"}))
    assert str(net.events[0].trigger) == "k * A / 2 < 1" and str(net.events[0].assignments[0][1]) == "100 * (k * A)"
    other = net.reactions[1].law
    assert float(other.evaluate({"A": 8.0, "k": 0.5})) == 2.0


@pytest.mark.parametrize("law, word", [("go * 2", "go -> go"), ("k * other", "unknown symbol 'other'")])
def test_a_rate_that_needs_itself_or_nothing_known_is_refused(law, word):
    with pytest.raises(gnn.InputError, match=word):
        read(model(law))


# level 1


def level_1(stoichiometry):
    return f"""<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model name="m">
    <listOfCompartments><compartment name="c" volume="1"/></listOfCompartments>
    <listOfSpecies><species name="A" compartment="c" initialAmount="9"/>
    <species name="B" compartment="c" initialAmount="0"/></listOfSpecies>
    <listOfReactions><reaction name="R" reversible="false">
    <listOfReactants><speciesReference species="A"/></listOfReactants>
    <listOfProducts><speciesReference species="B" {stoichiometry}/></listOfProducts>
    <kineticLaw formula="2*A"/></reaction></listOfReactions></model></sbml>"""


def test_a_denominator_of_level_1_divides_the_stoichiometry():
    (reaction,) = read(level_1('stoichiometry="6" denominator="2"')).reactions
    assert (reaction.reactants, reaction.products, reaction.rate) == ((("A", 1),), (("B", 3),), 2.0)
    fraction = read(level_1('stoichiometry="3" denominator="2"'))
    assert fraction.only_ode == "reaction R makes 1.5 B" and not fraction.reactions


# long sums and products


def pairs(op, n, right):
    """`<op/>` of A, B, A, B, ... nested in pairs."""
    names = ["<ci> A </ci>", "<ci> B </ci>"]
    found = names[(n - 1) % 2] if right else names[0]
    for k in range(1, n):
        found = (
            f"<apply><{op}/>{names[(n - 1 - k) % 2]}{found}</apply>"
            if right
            else f"<apply><{op}/>{found}{names[k % 2]}</apply>"
        )
    return found


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("n", [8, 60, 400, 2000])
@pytest.mark.parametrize("op", ["plus", "times", "and", "minus"])
def test_sums_and_products_of_any_length_are_read(op, n, right):
    if op == "minus" and right and n > 40:
        pytest.skip("a - (b - (c - ...)) is no sum of many")
    parameters = "<parameter id='x' value='0' constant='false'/>"
    text = model("A", parameters=parameters, more=rule("x", "q")).replace("<ci> q </ci>", pairs(op, n, right))
    net = read(text)
    a, b = 1.5, 0.999
    values = [a if k % 2 == 0 else b for k in range(n)]
    expected = {"plus": sum(values), "times": np.prod(values), "and": 1.0, "minus": a - sum(values[1:])}[op]
    if op == "minus" and right:
        expected = sum(v if k % 2 == 0 else -v for k, v in enumerate(values))
    assert float(net.rules["x"].evaluate({"A": a, "B": b})) == pytest.approx(expected, rel=1e-12)
    again = read(net.to_sbml())  # libsbml writes sums without brackets
    assert float(again.rules["x"].evaluate({"A": a, "B": b})) == pytest.approx(expected, rel=1e-12)


def test_short_nested_sums_keep_their_brackets():
    """The last digit of a sum may depend on the order of its terms."""
    parameters = "<parameter id='x' value='0' constant='false'/>"
    text = model("A", parameters=parameters, more=rule("x", "q")).replace("<ci> q </ci>", pairs("plus", 4, True))
    assert str(read(text).rules["x"]) == "A + (B + (A + B))"


@pytest.mark.parametrize("sign", [" + ", " - ", " * "])
def test_what_is_written_is_read_back_however_long(sign):
    text = (
        "".join(f"A{k} = {k}\n" for k in range(1500))
        + "A0 -> 0 @ 1\n@rule x = "
        + sign.join(f"A{k}" for k in range(1500))
    )
    net = gnn.ReactionNetwork.from_text(text)
    assert read(net.to_sbml()).rules == net.rules
    pytest.importorskip("antimony")
    assert gnn.ReactionNetwork.from_antimony(net.to_antimony()).rules == net.rules


def test_names_that_are_constants_of_antimony_are_refused_there_and_written_to_sbml():
    net = gnn.ReactionNetwork.from_text("e -> inf @ 2\n@rule NaN = e + inf\ne = 5")
    again = read(net.to_sbml())
    assert (again.rules, again.species, again.reactions) == (net.rules, net.species, net.reactions)
    pytest.importorskip("antimony")
    with pytest.raises(gnn.InputError, match="'e' is the name of a constant or function in Antimony: rename it"):
        net.to_antimony()


def test_a_document_may_say_any_encoding_where_it_is_given_as_text():
    assert libsbml.getLibSBMLVersion() > 50000
    for encoding in ("UTF-8", "utf-16", "ISO-8859-1"):
        assert read(f"<?xml version='1.0' encoding='{encoding}'?>\n" + model()).reactions[0].rate == 0.5
