"""What is written as SBML or Antimony means the same when it is read."""

import numpy as np
import pytest

import gillespie_nn as gnn
from helpers.sbml_documents import read


@pytest.mark.parametrize("kinetics", ["stochastic", "deterministic"])
def test_laws_rules_and_events_come_back_from_sbml_with_the_same_values(kinetics):
    text = """
    @parameter k = 3.5
    @rule load = A + 2 * B
    0 -> A @ 2 * propensity(k * max(A, 2) / (4 + load) + rem(A, 3) + quotient(A, 4))
    A -> B @ propensity(min(A, B, 5) * volume)
    B -> 0 @ 0.3
    @event e: when A > 5 || !(B <= 2) && time > 3; set k = k + A, B = 2 * B; delay 0.5; priority A; not persistent
    A = 10
    """
    net = gnn.ReactionNetwork.from_text(text)
    again = read(net.to_sbml(kinetics=kinetics, volume=4.0))
    assert [e.name for e in again.events] == ["e"] and not again.events[0].persistent
    for a, b in ((10, 0), (3, 7), (0, 0), (25, 6)):
        known = {"A": a, "B": b, "k": 3.5, "volume": 4.0, "time": 0.0}
        for one, other in zip(net.reactions[:2], again.reactions[:2], strict=True):
            expected = one.rate * net.resolved(one.law).evaluate(known)
            assert again.resolved(other.law).evaluate(known | dict(again.parameters)) == pytest.approx(expected)
        for (_, one), (_, other) in zip(net.events[0].assignments, again.events[0].assignments, strict=True):
            assert other.evaluate(known | dict(again.parameters)) == pytest.approx(one.evaluate(known))


def test_antimony_is_read_and_written():
    pytest.importorskip("antimony")
    net = gnn.ReactionNetwork.from_antimony(
        "model m\nspecies A = 20, B = 0; compartment c = 2; A in c; B in c\nV = 3\nA -> B; c * V * A / (1 + A)\n"
        "B => A; c * 0.5 * B\nat time > 2: A = 5\nend"
    )
    assert net.initial["A"] == 40
    again = gnn.ReactionNetwork.from_antimony(net.to_antimony())
    assert (
        gnn.simulate(net, 5.0, 6, seed=3, method="direct").of("A").tolist()
        == gnn.simulate(again, 5.0, 6, seed=3, method="direct").of("A").tolist()
    )
    with pytest.raises(gnn.InputError, match="the text: .*line"):
        gnn.ReactionNetwork.from_antimony("A -> B; k*A*)")
    with pytest.raises(gnn.InputError, match="no such Antimony file: nowhere.ant"):
        gnn.ReactionNetwork.from_antimony("nowhere.ant")


@pytest.mark.parametrize(
    "law",
    [
        "A > 1 || B > 5 && C > 9", "A > 9 && (B > 1 || C > 1)", "(A < B) < C", "(A == 3) == (B == 2)",
        "(A > 2) != (B > 2)",
        "(A^B)^C / 1e3", "(2^A)^B", "A^B^2", "-A^2 + 99", "(-A)^2", "2^-A", "A - (B - C) + 9", "A / (B * C)",
        "A / B / C", "piecewise(1, A > 2 && !(B > 3), 5)", "!(A == 2) || B < 1 && C < 1", "min(A, B) - -max(B, C)",
        "rem(A, 2) + quotient(C, 2)", "max(A < B, B <= 2, C > 1) + 1", "min(A == 2, B)",
    ],
)  # fmt: skip
def test_expressions_mean_the_same_after_sbml_and_antimony(law):
    pytest.importorskip("antimony")
    net = gnn.ReactionNetwork.from_text(f"A -> B @ propensity({law})\nC -> A @ 1\n@event e: when {law}; set A = {law}")
    for again in (
        read(net.to_sbml()),
        read(net.to_sbml(kinetics="deterministic", volume=2.0)),
        gnn.ReactionNetwork.from_antimony(net.to_antimony()),
    ):
        for a, b, c in ((3, 2, 5), (0, 0, 0), (1, 7, 2), (2, 3, 1), (4, 2, 9), (10, 1, 0)):
            known = {"A": a, "B": b, "C": c}
            expected = net.reactions[0].law.evaluate(known)
            known |= dict(again.parameters) | {"reactor": 2.0}
            np.testing.assert_allclose(again.reactions[0].law.evaluate(known), expected, rtol=1e-12)
            np.testing.assert_allclose(again.events[0].trigger.evaluate(known), expected, rtol=1e-12)


@pytest.mark.parametrize("kinetics", ["stochastic", "deterministic"])
def test_names_of_rate_constants_are_parameters_of_the_document(kinetics):
    """What reads the document can change them: the laws are written with their names."""
    two = "2 A" if kinetics == "stochastic" else "A + B"  # A^2 is no propensity of two molecules, and stays a law
    text = f"@parameter k = 0.5\na: {two} -> B @ k\nb: 0 -> A @ 2 * k\nc: A <-> B @ 3 * k, k / 4\nA = 10"
    net = gnn.ReactionNetwork.from_text(text)
    for volume in (1.0, 4.0):
        document = net.to_sbml(kinetics=kinetics, volume=volume)
        for k in (0.5, 3.0):
            again = gnn.ReactionNetwork.from_sbml(document, parameters={"k": k})
            rates = net.with_parameters(k=k).rates() * (volume ** (1.0 - np.array([2, 0, 1, 1])))
            here = again.rates() * again.volume ** (1.0 - np.array([2, 0, 1, 1]))
            np.testing.assert_allclose(here, rates, rtol=1e-12)
            assert all(r.law is None for r in again.reactions)
