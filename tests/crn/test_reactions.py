"""Reactions and networks made in Python: the forms of their sides, and laws from text."""

import pickle

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import Reaction
from gillespie_nn.crn.formula import parse

pytestmark = pytest.mark.fast

PLAIN = Reaction((("A", 2), ("B", 1)), (("C", 1),), 0.5)


@pytest.mark.parametrize(
    "left, right",
    [
        ({"A": 2, "B": 1}, {"C": 1}),
        (["A", "B", "A"], ["C"]),
        (("A", "A", "B"), ("C",)),
        ([("A", 2), ("B", 1)], [["C", 1]]),
    ],
)
def test_every_form_of_a_side_is_the_same_reaction(left, right):
    made = Reaction(left, right, 0.5)
    assert made == PLAIN and hash(made) == hash(PLAIN) and pickle.loads(pickle.dumps(made)) == PLAIN
    assert made.net_change() == {"A": -2, "B": -1, "C": 1} and made.order == 3
    assert gnn.ReactionNetwork(("A", "B", "C"), (made,)).digest == gnn.ReactionNetwork(tuple("ABC"), (PLAIN,)).digest


def test_a_network_of_reactions_by_hand_is_that_of_the_text():
    net = gnn.ReactionNetwork(
        reactions=[Reaction({}, {"A": 1}, 2.0), Reaction(["A", "A"], {"B": 1}, 0.5, "bind")], initial={"E": 3}
    )
    text = gnn.ReactionNetwork.from_text("0 -> A @ 2\nbind: 2 A -> B @ 0.5\nE = 3")
    assert net == text and net.species == ("A", "B", "E") and net.digest == text.digest


def test_species_of_a_threshold_appear():
    switched = Reaction({}, {"A": 1}, 1.0, threshold=gnn.Threshold("step", "B", "C"))
    assert gnn.ReactionNetwork(reactions=[switched]).species == ("A", "B", "C")


@pytest.mark.parametrize(
    "reaction, message",
    [
        (lambda: Reaction({"A": 1}, {}, -1.0), "rate of reaction r1 must"),
        (lambda: Reaction({"A": 1}, {}, "fast"), "rate of reaction r1 must"),
        (lambda: Reaction({"A": 1.5}, {}, 1.0), "multiplicity of A in reaction r1"),
        (lambda: Reaction({"A": 0}, {}, 1.0), "multiplicity of A in reaction r1"),
        (lambda: Reaction([("A", 1), ("A", 2)], {}, 1.0), "a species appears twice"),
        (lambda: Reaction({"2A": 1}, {}, 1.0), "name '2A' must be letters"),
        (lambda: "A -> B @ 1", "reactions must be Reaction objects, got 'A -> B @ 1'"),
        (lambda: Reaction({"A": 1}, {}, 1.0, law="k * A"), "make one with gillespie_nn.law"),
    ],
)
def test_what_a_network_cannot_use_is_refused_in_a_sentence(reaction, message):
    with pytest.raises(gnn.InputError, match=message):
        gnn.ReactionNetwork(reactions=[reaction()])


def test_a_law_from_text_is_the_propensity_and_reads_parameters():
    law = gnn.law("V * S / (K + S)")
    assert law == parse("V * S / (K + S)") == gnn.crn.law("V * S / (K + S)")
    assert law.evaluate({"V": 3.0, "K": 2.0, "S": 4.0}) == 2.0
    net = gnn.ReactionNetwork(
        reactions=[Reaction({"S": 1}, {"P": 1}, 1.0, law=law)], initial={"S": 100}, parameters={"V": 3.0, "K": 2.0}
    )
    text = gnn.ReactionNetwork.from_text(
        "@parameter V = 3\n@parameter K = 2\nS -> P @ propensity(V * S / (K + S))\nS = 100"
    )
    assert net.digest == text.digest
    by_hand, read = (gnn.simulate(n, t_end=5.0, n_points=3, replicates=4, seed=1).counts for n in (net, text))
    np.testing.assert_array_equal(by_hand, read)
    assert net.with_parameters(V=1.0).parameters["V"] == 1.0
    with pytest.raises(gnn.InputError, match="unknown name 'W'"):
        gnn.ReactionNetwork(reactions=[Reaction({"S": 1}, {}, 1.0, law=gnn.law("W * S"))])


@pytest.mark.parametrize(
    "text, message",
    [
        ("V * S / (K + S", r"the law 'V \* S / \(K \+ S', column 15: expected '\)'"),
        ("power(S, 2)", "unknown function 'power'"),
        (3, "a law must be a text such as .*, got 3"),
    ],
)
def test_a_law_that_cannot_be_read_says_where(text, message):
    with pytest.raises(gnn.InputError, match=message):
        gnn.law(text)
