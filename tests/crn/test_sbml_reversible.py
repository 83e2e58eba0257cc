"""Reversible reactions of SBML whose law is a difference of two rates are two reactions, each with its own noise."""

import warnings

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from helpers.checks_of_chance import accept, chi_square
from helpers.sbml_documents import math, model, rule

SIDES = """<listOfReactants><speciesReference species='A' stoichiometry='1' {0}/></listOfReactants>
<listOfProducts><speciesReference species='B' stoichiometry='1' {0}/></listOfProducts>"""
PARAMETERS = "".join(
    f"<parameter id='{name}' value='{value}' constant='true'/>"
    for name, value in (("k1", 2), ("k2", 3), ("Vf", 5), ("Vr", 4), ("K", 10), ("J", 20))
)


def document(law, sides=SIDES, reversible=True, parameters=PARAMETERS, **more):
    text = model(law, sides=sides, parameters=parameters, **more)
    return text.replace("reversible='false'", f"reversible='{str(reversible).lower()}'")


def split(text):
    """The network, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        network = gnn.ReactionNetwork.from_sbml(text)
    return network, [str(w.message) for w in said]


def propensities(network, **counts):
    """Of each reaction, by its formula."""
    found = []
    for r in network.reactions:
        if r.law is not None:
            found.append(r.rate * float(network.resolved(r.law).evaluate(counts | dict(network.parameters))))
        else:
            falling = np.prod([counts[s] - k for s, n in r.reactants for k in range(n)])
            found.append(r.rate * network.volume ** (1 - r.order) * falling)
    return found


@pytest.mark.parametrize("method", ["direct", "rejection"])
@pytest.mark.parametrize("law", ["k1 * A - k2 * B", "cell * (k1 * A - k2 * B)", "k1 * A * (A + B) - k2 * B * (A + B)"])
def test_the_stationary_law_is_binomial(law, method):
    """50 molecules, A -> B at 2 and back at 3: each is A with probability 3/5, whatever multiplies both rates."""
    with pytest.warns(
        UserWarning, match="were split into go and go_back: both directions fire. A rate set for go changes that"
    ):
        network = gnn.ReactionNetwork.from_sbml(document(law, initial="initialAmount='47'"))
    found = gnn.simulate(network, 10.0, 2, replicates=4000, seed=9, method=method).of("A")[:, -1]
    accept(chi_square(found, stats.binom.pmf(np.arange(51), 50, 0.6)), f"A of {law}")


A, B = 7.0, 5.0
DENOMINATOR = 1 + A / 10 + B / 20


@pytest.mark.parametrize(
    "law, forward, backward",
    [
        ("k1 * A - k2 * B", 14, 15),
        ("cell * (k1 * A - k2 * B)", 14, 15),
        ("-(k2 * B - k1 * A)", 14, 15),
        ("k1 * (A - B / K)", 14, 1),
        ("(k1 * A - k2 * B) / 4", 3.5, 3.75),
        ("(Vf * A / K - Vr * B / J) / (1 + A / K + B / J)", 3.5 / DENOMINATOR, 1 / DENOMINATOR),
        ("Vf * (A - B / K) / (K + A) * (1 + B)", 5 * 7 / 17 * 6, 5 * 0.5 / 17 * 6),
        ("k1 * A * (A - 1) - k2 * B", 84, 15),
        ("k1 * A + Vf * A * B - k2 * B - Vr * B", 14 + 175, 15 + 20),
        ("(k1 - 1) * (A - B)", 7, 5),
        ("(1 - k1) * (B - A)", 7, 5),
        ("f(k1, A) - f(k2, B)", 14, 15),
        ("k1 * A - own * B", 14, 35),
    ],
)
def test_forward_and_backward_are_what_is_added_and_what_is_taken_off(law, forward, backward):
    function = f"""<listOfFunctionDefinitions><functionDefinition id='f'>{math("lambda(x, y, x * y)")}
    </functionDefinition></listOfFunctionDefinitions>"""
    own = "<listOfLocalParameters><localParameter id='own' value='7'/></listOfLocalParameters>"
    network, (said,) = split(document(law, functions=function, own=own))
    assert [r.name for r in network.reactions] == ["go", "go_back"] and "into go and go_back" in said
    assert propensities(network, A=7, B=5) == pytest.approx([forward, backward], rel=1e-12)
    there, back = (r.net_change() for r in network.reactions)
    assert there == {"A": -1, "B": 1} and back == {"A": 1, "B": -1}
    # The text and the document that are written say the same.
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    again = gnn.ReactionNetwork.from_sbml(network.to_sbml())
    assert propensities(again, A=7, B=5) == pytest.approx([forward, backward], rel=1e-12)


def test_mass_action_is_recognised_in_each_rate():
    network, _ = split(document("cell * (k1 * A - k2 * B)"))
    assert [(r.rate, r.law, r.order) for r in network.reactions] == [(2, None, 1), (3, None, 1)]


@pytest.mark.parametrize(
    "law",
    [
        "k1 * A * (A - 1)",  # mass action of two
        "k1 * A * (A - 1) / (K + A)",  # a falling factorial is no difference
        "k1 * (A - 1)",  # what comes back would take B, and does not read it
        "ln(A) - k2 * B",  # may be negative itself
        "k1 * A",
        "sin(A - B)",
        "(A - B) * (1 - B / K)",  # its terms are larger than the rates
    ],
)
def test_other_laws_stay_one_reaction(law):
    network, said = split(document(law))
    assert len(network.reactions) == 1 and not any("were split" in one for one in said)


def test_irreversible_reactions_stay_one_and_stop_where_the_law_is_negative():
    network, said = split(document("k1 * A - k2 * B", reversible=False))
    assert len(network.reactions) == 1 and not said
    with pytest.raises(gnn.UnfinishedError, match="reaction go is negative.*write it as two reactions"):
        gnn.simulate(network, 1.0, initial={"A": 0}, seed=1)


def test_the_name_is_a_free_one():
    taken = PARAMETERS + "<parameter id='go_back' value='3' constant='true'/>"
    network, (said,) = split(document("k1 * A - go_back * B", parameters=taken))
    assert [r.name for r in network.reactions] == ["go", "go_back_"] and "go and go_back_" in said


def test_a_rule_in_the_law_and_the_reaction_in_a_rule():
    """A rate constant by a rule of species; the name of the reaction in a formula is its net rate."""
    parameters = PARAMETERS + "<parameter id='r' constant='false'/><parameter id='net' constant='false'/>"
    more = rule("r", "k2 * B").replace("</listOfRules>", rule("net", "go + 0").replace("<listOfRules>", ""))
    network, _ = split(document("k1 * A - r", parameters=parameters, more=more))
    assert propensities(network, A=7, B=5) == pytest.approx([14, 15])
    values = {"A": 7.0, "B": 5.0, **network.parameters}
    assert float(network.resolved(network.rules["net"]).evaluate(values)) == pytest.approx(-1)


def test_the_rate_equations_are_those_of_the_net_rate():
    network, _ = split(document("k1 * A - k2 * B"))
    found = gnn.simulate(network, 0.3, 2, method="ode").of("A")[0, -1]
    assert found == pytest.approx(9 + 3 * np.exp(-5 * 0.3), rel=1e-6)  # 15 molecules, 9 of them A in the end


def test_one_warning_names_five_of_many():
    pytest.importorskip("antimony")
    text = "A = 25; B = 25; " + "; ".join(f"R{k}: A -> B; {k}*A - {k}*B" for k in range(1, 8))
    with pytest.warns(UserWarning) as said:
        network = gnn.ReactionNetwork.from_antimony(text)
    assert len(network.reactions) == 14
    (said,) = [str(w.message) for w in said if "split" in str(w.message)]
    assert "R1 and R1_back, " in said and "R5 and R5_back and 2 more" in said and "R6" not in said


def test_a_deviation_that_was_nothing_is_that_of_the_binomial():
    """A -> B with A - B stood at 25 molecules with deviation 0."""
    pytest.importorskip("antimony")
    with pytest.warns(UserWarning, match="were split"):
        network = gnn.ReactionNetwork.from_antimony("A = 25; B = 25; R: A -> B; A - B")
    found = gnn.simulate(network, 5.0, 2, replicates=4000, seed=3).of("A")[:, -1]
    accept(chi_square(found, stats.binom.pmf(np.arange(51), 50, 0.5)), "A")
