"""The rate laws Sat, MM and Hill of BioNetGen, and its function `mratio`: values, refusals, runs."""

import math
from fractions import Fraction

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.crn.formats.bngl_formulas import mratio
from gillespie_nn.simulation import EXACT
from helpers.bngl_networks import small

SPECIES = "1 S() 10\n2 E() 4\n3 P() 0"
CONSTANTS = "1 k 3\n2 Km 2.5\n3 n 4\n4 Sat 0.25\n5 bad -1"


def law(rate, reactants, counts):
    """The propensity that is read for `rate`."""
    text = small(CONSTANTS, species=SPECIES, reactions=f"1 {reactants} 3 {rate}")
    reaction = gnn.ReactionNetwork.from_bngl_net(text).reactions[0]
    return float(reaction.law.evaluate(dict(zip("SEP", map(float, counts)))))


def michaelis_menten(kcat, Km, total, enzyme):
    """As the definition has it: the free substrate is the positive root of a quadratic equation."""
    free = max(np.roots([1.0, enzyme + Km - total, -Km * total]).real)
    return kcat * enzyme * free / (Km + free)


@pytest.mark.parametrize(
    "rate, reactants, counts, value",
    [
        ("Sat k Km", "1", (7, 0, 0), 3 * 7 / (2.5 + 7)),
        ("Sat(k,Km)", "1", (7, 0, 0), 3 * 7 / (2.5 + 7)),
        ("Sat k Km", "1,2", (7, 4, 0), 3 * 7 * 4 / (2.5 + 7)),
        ("Sat k Km", "2,1", (7, 4, 0), 3 * 7 * 4 / (2.5 + 4)),
        ("Sat k Km n", "1,2", (7, 4, 0), 3 * 7 * 4 / ((2.5 + 7) * (4 + 4))),
        ("0.5*Sat k Km", "1,1", (7, 0, 0), 0.5 * 3 * 7 * 6 / (2.5 + 7)),
        ("0.5*Sat k Km Km", "1,1", (7, 0, 0), 0.5 * 3 * 7 * 6 / (2.5 + 7) ** 2),
        ("Sat k Km", "1,1", (1, 0, 0), 0),
        ("Hill k Km n", "1", (7, 0, 0), 3 * 7**4 / (2.5**4 + 7**4)),
        ("Hill k Km 1.5", "1", (0, 0, 0), 0),
        ("2*Hill k Km n", "1,2", (7, 4, 0), 2 * 3 * 7**4 / (2.5**4 + 7**4) * 4),
        ("Hill(k, Km, n)", "1,1", (7, 0, 0), 3 * 7**4 / (2.5**4 + 7**4) * 6),
        ("MM k Km", "1,2", (7, 4, 0), michaelis_menten(3, 2.5, 7, 4)),
        ("MM k Km", "2,1", (7, 4, 0), michaelis_menten(3, 2.5, 4, 7)),
        ("Sat*MM(k, Km)", "1,2", (7, 4, 0), 0.25 * michaelis_menten(3, 2.5, 7, 4)),
        ("MM k Km", "1,2", (0, 4, 0), 0),
        ("MM k Km", "1,2", (7, 0, 0), 0),
    ],
)
def test_laws_mean_what_they_mean_in_bionetgen(rate, reactants, counts, value):
    assert law(rate, reactants, counts) == pytest.approx(value, rel=1e-13)


def test_the_root_of_mm_keeps_its_digits_where_the_enzyme_is_in_excess():
    """To first order in S / E the law is kcat E S / (E + Km); the difference of two large numbers would be 0."""
    assert law("MM k Km", "1,2", (1, 1e15, 0)) == pytest.approx(3.0, rel=1e-12)


def test_a_parameter_of_the_name_of_a_law_stays_a_parameter():
    text = small(CONSTANTS, species=SPECIES, reactions="1 1 3 2*Sat")
    assert gnn.ReactionNetwork.from_bngl_net(text).reactions[0].rate == 0.5


def test_overrides_and_the_text_form():
    text = small(CONSTANTS, species=SPECIES, reactions="1 1,2 2,3 Sat k Km\n2 1 3 Hill k Km n\n3 1,2 2,3 MM k Km")
    net = gnn.ReactionNetwork.from_bngl_net(text)
    assert gnn.ReactionNetwork.from_text(net.to_text()) == net
    faster = net.with_parameters(k=6.0)
    counts = {"S": 7.0, "E": 4.0, "P": 0.0}
    for one, other in zip(net.reactions, faster.reactions):
        assert float(other.law.evaluate(counts)) == pytest.approx(2 * float(one.law.evaluate(counts)))


@pytest.mark.parametrize("method", [m.name for m in EXACT])
def test_exact_methods_use_up_the_substrate_and_stop(method):
    text = small(CONSTANTS, species=SPECIES, reactions="1 1,2 2,3 Sat k Km\n2 1 3 Hill k Km n\n3 1,2 2,3 MM k Km")
    r = gnn.simulate(gnn.ReactionNetwork.from_bngl_net(text), 1000.0, 2, method=method, seed=1)
    assert r.counts[0, -1].tolist() == [0, 4, 10]


@pytest.mark.parametrize(
    "rate, reactants, message",
    [
        ("Sat k", "1", r"reaction r1: the rate law Sat takes a rate and 1 saturation constant .* got 0 for 1 reactant"),
        ("Sat k Km Km", "1", "at most, got 2 for 1 reactant"),
        ("Hill k Km", "1", "the rate law Hill takes 3 constants .* got 2 and 1"),
        ("Hill k Km n", "0", "at least 1 reactant, got 3 and 0"),
        ("MM k Km", "1", "the rate law MM takes 2 constants .* got 2 and S"),
        ("MM k Km", "1,1", "2 different reactants .* got 2 and S, S"),
        ("MM k Km n", "1,2", "got 3 and S, E"),
        ("Sat k 0", "1", "each constant of the rate law Sat after the first must be positive and finite, got 0.0"),
        ("Sat bad Km", "1", "the rate of the rate law Sat must be at least 0"),
        ("Sat k G", "1", "a constant of the rate law Sat must be constant, but uses G"),
        ("G*Sat k Km", "1", "the factor must be constant, but uses G"),
        ("Sat k Kn", "1", "a constant of the rate law Sat, column 1: unknown name 'Kn'"),
    ],
)
def test_what_a_law_cannot_be_is_refused_by_line(rate, reactants, message):
    text = small(CONSTANTS, species=SPECIES, reactions=f"1 {reactants} 3 {rate}", groups="1 G 1")
    with pytest.raises(InputError, match=f"line 17: .*{message}"):
        gnn.ReactionNetwork.from_bngl_net(text)


def kummer(a, b, z):
    """M(a, b, z) for a = 0, -1, ..., exactly."""
    term = total = Fraction(1)
    for k in range(-a):
        term = term * (a + k) * z / ((b + k) * (k + 1))
        total += term
    return total


@pytest.mark.parametrize("a, b, z", [(-1000, 9001, -10000), (-3, 2, 5), (-5, Fraction(1, 2), -3), (-1, 2, 0)])
def test_mratio_is_a_ratio_of_polynomials_for_negative_whole_a(a, b, z):
    expected = kummer(a + 1, b + Fraction(1), Fraction(z)) / kummer(a, Fraction(b), Fraction(z))
    assert mratio(a, float(b), float(z)) == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("z", [-100.0, -1.0, 3.0, 700.0])
def test_mratio_of_one_and_one_is_that_of_exponentials(z):
    """M(1, 1, z) = exp(z) and M(2, 2, z) = exp(z)."""
    assert mratio(1.0, 1.0, z) == pytest.approx(1.0, rel=1e-13)


def test_mratio_in_a_file_follows_its_parameters():
    net = gnn.ReactionNetwork.from_bngl_net(small("1 k 2*mratio(a,b+1,z)\n2 a -3\n3 b 1\n4 z -5"))
    assert net.reactions[0].rate == pytest.approx(2 * mratio(-3, 2, -5))
    text = small("1 k 1\n2 a 0.5", functions="1 f() k*mratio(a,2,-1)*G", reactions="1 1 0 f")
    law = gnn.ReactionNetwork.from_bngl_net(text).reactions[0].law
    assert float(law.evaluate({"A": 3.0, "G": 3.0, "k": 1.0})) == pytest.approx(mratio(0.5, 2, -1) * 9)


@pytest.mark.parametrize(
    "text, message",
    [
        (small("1 k mratio(1,2)"), "line 2: parameter k, column 1: mratio takes 3 arguments, got 2"),
        (small("1 k mratio(1,-2,3)"), "line 2: .*no value for b = -2"),
        (small("1 k mratio(-1,2,2)"), "line 2: .*M.a, b, z. is 0"),
        (
            small("1 k 1", functions="1 f() mratio(G,2,3)", reactions="1 1 0 f"),
            "line 5: function f: mratio is only supported of constants, but here it reads G",
        ),
    ],
)
def test_what_mratio_cannot_be_is_refused_by_line(text, message):
    with pytest.raises(InputError, match=message):
        gnn.ReactionNetwork.from_bngl_net(text)


def test_mratio_of_what_is_not_finite_is_refused():
    with pytest.raises(InputError, match="mratio takes finite numbers"):
        mratio(math.inf, 1.0, 1.0)
