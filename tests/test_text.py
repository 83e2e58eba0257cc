"""The text form: what it reads, that it comes back, and that errors name line and column."""

import pytest

import gillespie_nn as gnn
from gillespie_nn import Reaction, Threshold


def test_reactions_counts_comments_and_names_are_read():
    net = gnn.ReactionNetwork.from_text(
        """
        # a comment
        A = 10          # initial count
        bind: 2 A + B -> C @ 0.5
        0 -> A @ 1
        C -> 0 @ 1e-3
        0 -> Y @ 2.5 * ramp(A, B)
        A+A->A@.5
        D = 1e3
        """
    )
    assert net.species == ("A", "B", "C", "Y", "D")
    assert net.initial == {"A": 10, "B": 0, "C": 0, "Y": 0, "D": 1000}
    assert net.reactions == (
        Reaction((("A", 2), ("B", 1)), (("C", 1),), 0.5, "bind"),
        Reaction((), (("A", 1),), 1.0, "r2"),
        Reaction((("C", 1),), (), 1e-3, "r3"),
        Reaction((), (("Y", 1),), 2.5, "r4", Threshold("ramp", "A", "B")),
        Reaction((("A", 2),), (("A", 1),), 0.5, "r5"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "A + B -> C @ 0.5\n0 -> A @ 1.0\nA = 10",
        "@volume 2.5\nx: 3 A -> A @ 0.1\ny: 0 -> B @ 1 * step(A, B)",
        gnn.training_network((2, 3, 1), activation="leaky_relu").network.to_text(),
    ],
)
def test_the_text_of_a_network_gives_an_equal_network(text):
    net = gnn.ReactionNetwork.from_text(text)
    again = gnn.ReactionNetwork.from_text(net.to_text())
    assert again == net
    assert again.digest == net.digest


def test_another_model_has_another_digest():
    nets = [gnn.ReactionNetwork.from_text(t) for t in ("A -> B @ 1", "A -> B @ 2", "A -> B @ 1\nA = 1")]
    assert len({n.digest for n in nets}) == 3


@pytest.mark.parametrize(
    "text, where, what",
    [
        ("A -> B", "line 1, column 7", "expected '@' and a rate constant, and the line ends"),
        ("\nA -> B @ x", "line 2, column 10", "expected a rate constant (a number), or propensity(...), got 'x'"),
        ("A -> B @ -1", "line 1, column 10", "at least 0 and finite, got -1"),
        ("A -> B @ nan", "line 1, column 10", "at least 0 and finite"),
        ("A -> B @ inf", "line 1, column 10", "at least 0 and finite"),
        ("A + -> B @ 1", "line 1, column 5", "expected a species name, or 0 for nothing, got '->'"),
        ("A <-> B @ 1", "line 1, column", "write the two reactions on two lines"),
        ("0 A -> B @ 1", "line 1, column 1", "at least 1"),
        ("A -> B @ 1 + 2", "line 1, column 12", "unexpected '+ 2'"),
        ("A = inf", "line 1, column 5", "finite number of molecules, at least 0, got inf"),
        ("A = -3", "line 1, column 5", "at least 0, got -3"),
        ("A = 1\nA = 2", "line 2, column 1", "set twice"),
        ("A -> B @ 1 * max(A, B)", "line 1, column 14", "step(A, B) or ramp(A, B)"),
        ("A -> B @ 1 * step(A B)", "line 1, column 21", "expected ','"),
        ("a: A -> B @ 1\na: B -> A @ 1", "line 2, column 1", "named twice"),
        ("hello world", "line 1, column 7", "expected '->' or '=', got 'world'"),
        ("@volume 1\n@volume 2", "line 2, column 1", "set twice"),
        ("A = 1" + 400 * "0", "line 1, column 5", "inf"),
        ("@volume 0", "line 1, column 9", "volume must be positive"),
        ("A -> B @ 1e", "line 1, column 10", "expected a rate constant"),
    ],
)
def test_errors_name_line_and_column(text, where, what):
    with pytest.raises(gnn.InputError) as error:
        gnn.ReactionNetwork.from_text(text)
    assert where in str(error.value)
    assert what in str(error.value)


def test_describe_prints_propensity_and_rate_side_by_side():
    net = gnn.ReactionNetwork.from_text("2 A + B -> C @ 0.5\n0 -> A @ 1\nA -> 0 @ 2\n0 -> Y @ 3 * ramp(A, B)")
    lines = net.describe().splitlines()
    assert "0.5 / Omega^2 * A * (A - 1) * B" in lines[1]
    assert "0.5 * [A]^2 * [B]" in lines[1]
    assert "1 * Omega" in lines[2]
    assert "2 * A" in lines[3] and "2 * [A]" in lines[3]
    assert "3 * ramp(A, B)" in lines[4]


def test_describe_gives_the_values_it_works_with_and_names_what_does_nothing():
    text = "@parameter V = 40\n0 -> P @ propensity(V / (1 + Q))\n@event e: when R > 1; set V = 5\nC = 5\nQ = 3\nR = 0"
    lines = gnn.ReactionNetwork.from_text(text, parameters={"V": 20}).describe().splitlines()
    assert {"initially C = 5, Q = 3", "in no reaction, rule or event: C", "@parameter V = 20.0"} <= set(lines)
