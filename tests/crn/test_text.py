"""The text form: what it reads, that it comes back, and that errors name line and column."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import Reaction, Threshold
from gillespie_nn.simulation import EXACT
from helpers import naive
from helpers.checks_of_chance import accept, chi_square


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
        ("A -> B", "line 1, column 7", "expected '@' and a rate constant, but the line ends"),
        ("A -> B @", "line 1, column 9", "expected a rate constant: a number, an expression"),
        ("\nA -> B @ x", "line 2, column 10", "unknown name 'x' in the rate constant: declare it with `@parameter x"),
        (
            "@parameter kon = 1\nA -> B @ 2 * kin",
            "line 2, column 14",
            "'kin' in the rate constant (did you mean 'kon'?)",
        ),
        (
            "@parameter k = 1\nA -> B @ k * A",
            "line 2, column 14",
            "reads the count of A, but mass action takes numbers",
        ),
        ("A -> B @ 2 * time", "line 1, column 14", "reads the time"),
        ("A -> B @ 2 * volume", "line 1, column 14", "reads the volume"),
        ("@rule c = 2\nA -> B @ c", "line 2, column 10", "reads the rule c"),
        ("@parameter k = 2\nA -> B @ k - 3", "line 2, column 10", "must be at least 0 and finite, got -1.0"),
        ("@parameter k = 2\nA -> B @ k / 0", "line 2, column 10", "must be at least 0 and finite, got inf"),
        ("A -> B @ 2 * (3", "line 1, column 16", "in the rate constant: expected ')'"),
        ("@parameter k = 1\nA -> B @ k * propensity(A)", "line 2, column 10", "write k inside propensity(...)"),
        ("A -> B @ 1, 2", "line 1, column 11", "unexpected ', 2'"),
        ("A <-> B @ 1, 2, 3", "line 1, column 11", "has two rate constants, `A <-> B @ forward, backward`: got 3"),
        ("A <-> B @ 1, x", "line 1, column 14", "unknown name 'x'"),
        ("A <-> B @ 1 2, 3", "line 1, column 13", "unexpected '2'"),
        ("g_back: B -> 0 @ 1\ng: A <-> B @ 1, 2", "line 2, column 1", "defined twice"),
        ("A -> B @ -1", "line 1, column 10", "at least 0 and finite, got -1"),
        ("A -> B @ nan", "line 1, column 10", "at least 0 and finite"),
        ("A -> B @ inf", "line 1, column 10", "at least 0 and finite"),
        ("A + -> B @ 1", "line 1, column 5", "expected a species name, or 0 for nothing, got '->'"),
        ("A <-> B @ 1", "line 1, column 11", "the second is missing"),
        ("A < B @ 1", "line 1, column 3", "expected '->' or '<->', got '<'"),
        ("0 A -> B @ 1", "line 1, column 1", "at least 1"),
        ("A -> B @ 1 + ", "line 1, column 13", "in the rate constant: expected a number, a name"),
        ("A = inf", "line 1, column 5", "finite number of molecules, at least 0, got inf"),
        ("A = -3", "line 1, column 5", "at least 0, got -3"),
        ("A = 1\nA = 2", "line 2, column 1", "set twice"),
        ("A -> B @ 1 * max(A, B)", "line 1, column 18", "reads the count of A"),
        ("A -> B @ 1 * jump(A, B)", "line 1, column 14", "unknown function 'jump'"),
        ("A -> B @ 1 * step(A B)", "line 1, column 21", "expected ','"),
        ("a: A -> B @ 1\na: B -> A @ 1", "line 2, column 1", "defined twice"),
        ("hello world", "line 1, column 7", "expected '->' or '=', got 'world'"),
        ("@volume 1\n@volume 2", "line 2, column 1", "set twice"),
        ("A = 1" + 400 * "0", "line 1, column 5", "inf"),
        ("@volume 0", "line 1, column 9", "volume must be positive"),
        ("A -> B @ 1e", "line 1, column 11", "in the rate constant: unexpected 'e'"),
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


NAMED = """
@volume 2.0
@parameter k = 0.5
@parameter K = 4
a: 2 A -> B @ k
b: B -> C @ 2 * k
c: C -> A @ k / K
d: A -> C @ 2 * 0.5
e: 0 -> C @ (k + K) * ramp(A, B)
f: A + B <-> C @ 10 * k, K - k
"""


def test_a_rate_constant_is_computed_from_numbers_and_parameters_and_stays_mass_action():
    net = gnn.ReactionNetwork.from_text(NAMED)
    assert [r.rate for r in net.reactions] == [0.5, 1.0, 0.125, 1.0, 4.5, 5.0, 3.5]
    assert all(r.law is None for r in net.reactions)
    assert net.reactions[3].rate_expression is None and net.reactions[4].threshold == Threshold("ramp", "A", "B")
    assert [r.order for r in net.reactions] == [2, 1, 1, 1, 1, 2, 1]


def test_a_reversible_reaction_is_two_with_names_of_their_own():
    net = gnn.ReactionNetwork.from_text("A <-> B @ 1, 2\nbind: A + B <-> 0 @ 3 * step(A, B), propensity(4)\nB -> 0 @ 5")
    assert [r.name for r in net.reactions] == ["r1", "r1_back", "bind", "bind_back", "r5"]
    assert net.reactions[2].threshold == Threshold("step", "A", "B") and str(net.reactions[3].law) == "4"
    assert net.reactions[3][:3] == ((), (("A", 1), ("B", 1)), 1.0)
    assert gnn.ReactionNetwork.from_text("0 <-> A @ 1, 2").reactions[1].reactants == (("A", 1),)


def test_names_of_rate_constants_survive_the_text_and_what_is_set_follows():
    net = gnn.ReactionNetwork.from_text(NAMED)
    again = gnn.ReactionNetwork.from_text(net.to_text())
    assert again == net and again.digest == net.digest
    other = gnn.ReactionNetwork.from_text(NAMED, parameters={"k": 1})
    for changed in (again.with_parameters(k=1), net.with_parameters(k=3).with_parameters(k=1)):
        assert changed == other and changed.rates()[:3].tolist() == [1.0, 2.0, 0.25]
    assert other.digest != net.digest
    with pytest.raises(gnn.InputError, match="rate constant of reaction f_back, K - k, must be at least 0"):
        net.with_parameters(k=5)


def test_numbers_alone_give_the_text_and_digest_of_the_number():
    texts = ("A -> B @ 2 * 0.5", "A -> B @ 1", "A -> B @ cos(0)", "A -> B @ 0.5 + 0.5")
    assert len({gnn.ReactionNetwork.from_text(t).digest for t in texts}) == 1


def test_a_rate_that_contradicts_its_expression_is_refused():
    net = gnn.ReactionNetwork.from_text("@parameter k = 2\nA -> B @ k")
    faster = net.reactions[0]._replace(rate=3.0)
    with pytest.raises(gnn.InputError, match="rate of reaction r1 is 3.0, and its rate_expression k has the value 2.0"):
        dataclasses.replace(net, reactions=(faster,))
    with pytest.raises(gnn.InputError, match="rate_expression k has the value 5.0: use with_parameters"):
        dataclasses.replace(net, parameters={"k": 5})
    with pytest.raises(gnn.InputError, match="unknown name 'k'"):
        dataclasses.replace(net, parameters={})
    assert dataclasses.replace(net, reactions=(faster._replace(rate_expression=None),)).rates() == [3.0]


@pytest.mark.parametrize(
    "line, law",
    [
        ("A -> B @ k", "k * A"),
        ("0 -> B @ k + 1", "(k + 1) * volume"),
        ("3 A + B -> B @ k", "k * A * (A - 1) * (A - 2) * B / volume^3"),
        ("A -> B @ k * step(A, B)", "k * A * piecewise(1, A > B, 0)"),
        ("A -> B @ k * ramp(A, B)", "k * A * piecewise(A - B, A > B, 0) / volume"),
    ],
)
def test_a_rate_constant_that_an_event_changes_becomes_the_equal_law(line, law):
    text = f"@parameter k = 2\n{line}\nB -> 0 @ 3"
    plain, changing = (gnn.ReactionNetwork.from_text(text + e) for e in ("", "\n@event e: when time > 1; set k = 5"))
    reaction = changing.reactions[0]
    assert str(reaction.law) == law and reaction.rate == 1.0 and changing.reactions[1].law is None
    assert gnn.ReactionNetwork.from_text(changing.to_text()) == changing
    for counts in ((7, 3), (3, 3), (0, 1), (1, 0)):
        at = dict(zip("AB", counts))
        expected = naive.propensity(plain.reactions[0], at, 2.5)
        assert reaction.law.evaluate({**at, "k": 2.0, "volume": 2.5}) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
def test_a_rate_constant_that_an_event_changes_has_the_law_of_the_master_equation(method):
    """Molecules made at 20 from t = 1 on, at 2 before, and lost at 0.5: a Poisson number."""
    net = gnn.ReactionNetwork.from_text(
        "@parameter k = 2\n0 -> A @ k\nA -> 0 @ 0.5\n@event e: when time >= 1; set k = 10 * k"
    )
    found = gnn.simulate(net, 2.0, 2, method=method.name, replicates=2000, seed=3).counts[:, -1, 0]
    mean = 4 * (1 - np.exp(-0.5)) * np.exp(-0.5) + 40 * (1 - np.exp(-0.5))
    accept(chi_square(found, stats.poisson.pmf(np.arange(120), mean)), f"event changes a rate constant, {method.name}")


def test_a_side_of_another_form_is_refused_in_a_sentence():
    for side in ("A", ("A", 2), (("A",),), ((1, "A"),), 3, None):
        with pytest.raises(gnn.InputError, match=r"reactants must be a mapping .*, a list of species .*list of pairs"):
            Reaction(side, (), 1.0)
    with pytest.raises(gnn.InputError, match="products of reaction decay must be a mapping"):
        Reaction((), "A", 1.0, "decay")
    with pytest.raises(gnn.InputError, match="reactants of reaction r1 must be a mapping"):
        gnn.ReactionNetwork(("A",), (Reaction((), (), 1.0)._replace(reactants="A"),))
