"""Networks of BioNetGen: what is read, that it means what BioNetGen means by it, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import Reaction
from gillespie_nn.checks import InputError
from helpers import checks_of_chance as chance
from helpers.bngl_networks import small

RECEPTORS = r"""# Created by BioNetGen 2.9.3
setOption("SpeciesLabel","HNauty")
substanceUnits("Number");
begin parameters
    1 L0         40  # Constant
    2 scale      2*half_L0  # ConstantExpression, of one that comes later
    3 half_L0    L0/2
    4 kp         0.5  # Constant
    5 km = 1e-1
    6 pi         3
    7 _rateLaw1  kp*if((0==1),7,scale)^2  # ConstantExpression
end parameters
begin functions
    1 feedback()  kp/(pi+Bound())
    2 late() = if(time()>10,feedback(), \
                  0)
    3 flat()      -2*-kp
end functions
begin molecule types
    1 R(d,l) # skipped, \
end molecule types
begin species
    1 L()                   L0
    2 R(d,l)                10
    3 L(r!1).R(d,l!1)       0
    4 $Sink()               3
    5 R(d!1,l).R(d!1,l)     0.1*30 # whole but for rounding
end species
begin reactions
    1 1,2 3 1*kp #_R1 unit_conversion=1/1.0
    2 2,2 5 0.5*kp #_R2
    3 3 1,2 _rateLaw1 #_reverse_R1
    4 1 4 km #_R3
    5 0 1 flat #_R4
    6 4,1 2,4 feedback #_R5
    7 2,2,1 1 0.25*late #_R6
    8 1 0 2.5
end reactions
begin groups
    1 L                     1
    2 Bound                 3,2*5
    3 None
end groups
"""


def test_parameters_species_reactions_and_groups_are_read():
    net = gnn.ReactionNetwork.from_bngl_net(RECEPTORS)
    assert net.species == ("L", "R_d_l", "L_r_1_R_d_l_1", "Sink", "R_d_1_l_R_d_1_l")
    assert tuple(net.initial.values()) == (40, 10, 0, 3, 3)
    assert net.volume == 1.0
    bound, dimer = "L_r_1_R_d_l_1", "R_d_1_l_R_d_1_l"
    constant = [r for r in net.reactions if r.law is None]
    assert constant == [
        Reaction((("L", 1), ("R_d_l", 1)), ((bound, 1),), 0.5, "r1"),
        Reaction((("R_d_l", 2),), ((dimer, 1),), 0.25, "r2"),
        Reaction(((bound, 1),), (("L", 1), ("R_d_l", 1)), 800.0, "r3"),
        Reaction((("L", 1),), (), 0.1, "r4"),
        Reaction((), (("L", 1),), 1.0, "r5"),
        Reaction((("L", 1),), (), 2.5, "r8"),
    ]
    sixth, seventh = net.reactions[5], net.reactions[6]
    assert (sixth.reactants, sixth.products) == ((("Sink", 1), ("L", 1)), (("R_d_l", 1), ("Sink", 1)))
    assert (seventh.reactants, seventh.products, seventh.rate) == ((("R_d_l", 2), ("L", 1)), (("L", 1),), 1.0)
    assert net.parameters == {"kp": 0.5, "pi_": 3.0}
    assert {g: str(rule) for g, rule in net.rules.items()} == {"Bound": f"{bound} + 2 * {dimer}", "None": "0"}


def test_laws_are_the_function_times_falling_factorials():
    net = gnn.ReactionNetwork.from_bngl_net(RECEPTORS)
    counts = {"L": 4.0, "R_d_l": 7.0, "Sink": 3.0, "L_r_1_R_d_l_1": 5.0, "R_d_1_l_R_d_1_l": 1.0}
    for time, on in ((5.0, 0.0), (11.0, 1.0)):
        values = {**counts, **net.parameters, "time": time}
        laws = [net.resolved(r.law).evaluate(values) for r in net.reactions if r.law]
        feedback = 0.5 / (3 + 5 + 2)
        assert laws == pytest.approx([feedback * 3 * 4, 0.25 * on * feedback * 7 * 6 * 4])


def test_the_text_form_of_what_was_read_is_the_same_network():
    net = gnn.ReactionNetwork.from_bngl_net(RECEPTORS)
    assert gnn.ReactionNetwork.from_text(net.to_text()) == net


def test_parameters_are_overridden_before_others_are_worked_out():
    net = gnn.ReactionNetwork.from_bngl_net(RECEPTORS, {"L0": 20, "km": 3, "pi": 1.5})
    assert net.initial["L"] == 20
    assert [net.reactions[k].rate for k in (2, 3)] == [0.5 * 20**2, 3.0]
    assert net.parameters["pi_"] == 1.5
    assert gnn.ReactionNetwork.from_bngl_net(RECEPTORS, {"half_L0": 1}).reactions[2].rate == 2.0


def test_a_path_is_read_and_errors_name_it(tmp_path):
    path = tmp_path / "model.NET"
    path.write_text(RECEPTORS)
    assert gnn.ReactionNetwork.from_bngl_net(path) == gnn.ReactionNetwork.from_bngl_net(RECEPTORS)
    path.write_text(RECEPTORS.replace("kp/(pi", "kp/(po"))
    with pytest.raises(InputError, match="model.NET: line 14: function feedback, column 5: unknown name 'po'"):
        gnn.ReactionNetwork.from_bngl_net(str(path))


@pytest.mark.parametrize(
    "text, value",
    [
        ("2^3", 8),
        ("2**3", 8),
        ("exp(1)+_e()*_e", math.e + math.e**2),
        ("ln(2)/log10(100)", math.log(2) / 2),
        ("log2(8)", 3),
        ("sqrt(abs(-9))", 3),
        ("2*asin(1)+acos(1)+atan(0)", math.pi),
        ("sinh(1)+cosh(1)+tanh(0)", math.e),
        ("asinh(0)+acosh(1)+atanh(0)", 0),
        ("sin(_pi/2)+cos(0)+tan(0)", 2),
        ("min(3,1,2)+max(1,4)", 5),
        ("rint(2.5)+rint(0.4)", 3),
        ("if(1>2||1~=1,5,if(2>=2&&~0,6,7))", 6),
        (" 1.5e1 * ( k + .5 )", 15),
    ],
)
def test_expressions_mean_what_they_mean_in_bionetgen(text, value):
    net = gnn.ReactionNetwork.from_bngl_net(small(reactions=f"1 0 1 {text}"))
    assert net.reactions[0].rate == pytest.approx(value, abs=1e-15)
    law = gnn.ReactionNetwork.from_bngl_net(small(functions=f"1 f() {text}+0*G", reactions="1 0 1 f"))
    values = {"A": 1.0, "G": 1.0, "k": 0.5}
    assert law.resolved(law.reactions[0].law).evaluate(values) == pytest.approx(value, abs=1e-15)
    assert gnn.ReactionNetwork.from_text(law.to_text()) == law


@pytest.mark.parametrize(
    "patterns, names",
    [
        (("A()", "B().C()", "$D()"), ("A", "B_C", "D")),
        (("A(b)", "A(b!1)", "A(b~1)"), ("A_b", "A_b_1", "A_b_1_3")),
        (("3A()", "()", "é", "@CP::$X(y)", "volume()", "k()", "time()"), None),
    ],
)
def test_patterns_become_identifiers_of_their_own(patterns, names):
    species = "\n".join(f"{k} {pattern} 0" for k, pattern in enumerate(patterns, 1))
    net = gnn.ReactionNetwork.from_bngl_net(small(species=species))
    assert net.species == (names or ("_3A", "species", "species_3", "CP_X_y", "volume_5", "k_6", "time_7"))


def test_a_group_of_another_species_keeps_its_name():
    net = gnn.ReactionNetwork.from_bngl_net(
        small(
            species="1 A() 1\n2 B() 2", groups="1 A 1,2\n2 B 2\n3 time_ 1", functions="1 f() A*B", reactions="1 1 0 f"
        )
    )
    assert net.species == ("A_1", "B")
    assert {g: str(rule) for g, rule in net.rules.items()} == {"A": "A_1 + B", "time_": "A_1"}
    assert net.resolved(net.reactions[0].law).evaluate({"A_1": 5.0, "B": 2.0}) == (5 + 2) * 2 * 5


def test_blocks_of_older_files_are_skipped_and_indexes_are_names():
    text = small(species="7 A() 3\n2 B() 4", reactions="05 7,02 2 k\n1 2 7 2*k", groups="1 T 2*7, 1.5*2")
    text = 'version("2.0.23");\nbegin model\nbegin reaction  rules\n  R: A -> B \\\n  k\nend reaction rules\n' + text
    net = gnn.ReactionNetwork.from_bngl_net(text + "end model\n")
    assert [(r.name, r.reactants, r.rate) for r in net.reactions] == [
        ("r5", (("A", 1), ("B", 1)), 0.5),
        ("r1", (("B", 1),), 1.0),
    ]
    assert str(net.rules["T"]) == "2 * A + 1.5 * B"


def test_the_symmetry_factor_is_the_one_of_the_file():
    """Of two molecules with `0.5*k`, propensity 0.5 k 2 (2 - 1) = k: the pair is left at time t with exp(-k t)."""
    for rate in ("0.5*k", "0.5*f"):
        text = small("1 k 0.8", "1 f() k*G/G", "1 A() 2\n2 $E() 1\n3 A2() 0", f"1 2,1,1 2,3 {rate}", "1 G 2")
        net = gnn.ReactionNetwork.from_bngl_net(text)
        n, t = 4000, 1.0
        run = gnn.simulate(net, t, 2, replicates=n, seed=20261124)
        left = int(np.sum(run.counts[:, -1, net.index["A"]] == 2))
        chance.accept(stats.binomtest(left, n, math.exp(-0.8 * t)).pvalue, f"pairs left, rate {rate}")


HUGE = "+".join(["f0()"] * 9)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "block species is missing: give the whole file that generate_network"),
        (small().replace("reactions", "reactions_text"), "block reactions is missing"),
        ("begin nonsense\nend nonsense", "line 1: unknown block 'nonsense'.*known are parameters"),
        ("begin species\n", "`end species` is missing"),
        ("begin species\nend reactions", "line 2: unexpected 'end reactions' in the block species"),
        ("begin species\nbegin reactions", "line 2: unexpected 'begin reactions' in the block species"),
        ("end species", "line 1: unexpected 'end species' outside all blocks"),
        (small() + small(), "line 16: 'parameters' is given twice"),
        ("simulate({t_end=>5})", "line 1: unexpected 'simulate.*outside all blocks"),
        ('substanceUnits("Concentration")', "line 1: .*with numbers, not concentrations"),
        (small("1 k"), "line 2: expected `index name expression`, got '1 k'"),
        (small("1 k-1 5"), "line 2: parameter name 'k-1' must be letters"),
        (small("1 k 1\n2 k 2"), "line 3: parameter 'k' is defined twice"),
        (small("1 k 1\n2 time 2"), "line 3: 'time' is reserved in expressions"),
        (small("1 k inf"), "line 2: parameter k, column 1: unknown name 'inf'"),
        (small("1 k 1e999"), "line 2: parameter k must be finite, got inf"),
        (small("1 k 1/0"), "line 2: parameter k must be finite"),
        (small("1 k ln(-1)"), "line 2: parameter k must be finite, got nan"),
        (small("1 k " + "9" * 400), "line 2: parameter k must be finite"),
        (small("1 k " + "(" * 200), "line 2: .*nested (too deeply|more than 50 deep)"),
        (small("1 k 2*"), "line 2: parameter k, column 3: expected a number, a name"),
        (small("1 k a\n2 a b\n3 b a"), "line [34]: circular definition: [ab], [ab], [ab]"),
        (small("1 k k"), "line 2: circular definition: k, k"),
        (small("1 k 2*G"), "line 2: parameter k must be constant, but uses G"),
        (small("1 k time()"), "line 2: parameter k must be constant, but uses time"),
        (small("1 k floor(2)"), "line 2: parameter k, column 1: unknown function 'floor'.*known are abs"),
        (small("1 k if(1,2)"), "line 2: parameter k, column 1: if takes 3 arguments, got 2"),
        (small("1 k sin(1,2)"), "line 2: parameter k, column 1: sin takes 1 argument"),
        (small(functions="1 f(x) 2*x"), r"line 5: expected `index name\(\) expression`, got '1 f\(x\) 2\*x'"),
        (small(functions="1 f()"), "line 5: expected `index name"),
        (small(functions="1 f() g()\n2 g() f()"), "line [56]: circular definition: [fg], [fg], [fg]"),
        (small(functions="1 k() 3"), "line 5: 'k' names a parameter and a function"),
        (small(functions="1 f() G(k)"), "line 5: function f, column 1: unknown function 'G'"),
        (small(functions="1 f() tfun([0,1],[1,2],time)"), "line 5: function f, column 1: unknown function 'tfun'"),
        (
            small(
                functions="1 f0() G+1\n" + "\n".join(f"1 f{k}() {HUGE.replace('f0', f'f{k - 1}')}" for k in range(1, 9))
            ),
            "has more than 20000 operations, counting the functions it uses",
        ),
        (
            small(functions="1 f0() G+1\n" + "\n".join(f"1 f{k}() exp(f{k - 1}())" for k in range(1, 200))),
            "is nested more than 50 deep",
        ),
        (small(species="1 A()"), r"line 8: expected `index pattern amount`, got '1 A\(\)'"),
        (small(species="x A() 1"), "line 8: expected `index pattern amount`"),
        (small(species="1 A() 1\n1 B() 1"), "line 9: '1' is given twice"),
        (small(species="1 A() -1"), "line 8: the initial amount must be a finite number of molecules, at least 0"),
        (small(species="1 A() k*B0"), "line 8: the initial amount, column 3: unknown name 'B0'"),
        (small(reactions="1 1 0"), "line 11: expected `index reactants products rate`"),
        (small(reactions="1 2 0 k"), "line 11: unknown species index '2'.*the file has 1"),
        (small(reactions="1 1,0 1 k"), "line 11: unknown species index '0'"),
        (small(reactions="1 1 -1 k"), "line 11: unknown species index '-1'"),
        (small(reactions="1 1, 0 k"), "line 11: unknown species index"),
        (small(reactions="1 1 0 k\n1 1 0 k"), "line 12: '1' is given twice"),
        (small(reactions="1 1 0 -k"), "line 11: the rate must be at least 0 and finite, got -0.5"),
        (small(reactions="1 1 0 q"), "line 11: the rate, column 1: unknown name 'q'"),
        (small(reactions="1 1 0 k k"), "line 11: the rate, column 3: unexpected 'k'"),
        (small(reactions='1 1 0 FunctionProduct("f()","g()")'), "the rate law FunctionProduct of reaction r1"),
        (small(reactions="1 1 0 Arrhenius(k,k)"), "the rate law Arrhenius of reaction r1"),
        (small(reactions="1 " + "1," * 40 + "1 0 k"), "multiplicity of A in reaction r1 must be at most 32"),
        (small(groups="G 1"), "line 14: expected `index name weight"),
        (small(groups="1 G-1 1"), "line 14: group name 'G-1' must be letters"),
        (small(functions="1 g() 1", groups="1 g 1"), "line 5: 'g' names a group and a function"),
        (small(groups="1 G 2"), "line 14: unknown species index '2'"),
        (small(groups="1 G 1,1"), "line 14: '1' is given twice"),
        (small(groups="1 G x*1"), r"line 14: expected a species index or weight\*index, got 'x\*1'"),
        (small(groups="1 G 1e999*1"), "line 14: a weight must be finite"),
    ],
)
def test_what_cannot_be_read_is_refused_by_line(text, message):
    with pytest.raises(InputError, match=message):
        gnn.ReactionNetwork.from_bngl_net(text)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"kk": 1}, "unknown parameter 'kk' .did you mean 'k'.*the file has k"),
        ({"k": math.inf}, "parameter k must be finite, got inf"),
        ({"k": "1"}, "parameter k must be a number"),
        ({"G": 1}, "unknown parameter 'G'"),
        ({"k": -1}, "line 11: the rate must be at least 0 and finite, got -1.0"),
        ([("k", 1)], "parameters must be a dictionary with names as keys"),
    ],
)
def test_overrides_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        gnn.ReactionNetwork.from_bngl_net(small(), parameters)


def test_a_long_chain_of_parameters_is_no_recursion():
    chain = "\n".join(f"{k} p{k} p{k + 1}+1" for k in range(3000)) + "\n3000 p3000 0"
    net = gnn.ReactionNetwork.from_bngl_net(small(chain, reactions="1 1 0 p0"))
    assert net.reactions[0].rate == 3000.0


def test_of_a_group_and_a_parameter_of_one_name_formulas_read_the_parameter_and_the_group_is_recorded():
    """As BioNetGen itself writes and reads (toy-jim; `init_param_map` of its network.cpp)."""
    text = small("1 L 3\n2 k 2*L", "1 f() k*L+0*B", "1 A() L\n2 B() 5", "1 1 2 f", "1 L 1,2*2\n2 B 2")
    net = gnn.ReactionNetwork.from_bngl_net(text)
    assert dict(net.initial) == {"A": 3, "B": 5}
    assert float(net.reactions[0].law.evaluate({"A": 3.0, "B": 5.0, **net.parameters})) == 6 * 3 * 3
    r = gnn.simulate(net, t_end=0.01, n_points=2, seed=1)
    np.testing.assert_array_equal(r.of("L")[0], r.of("A")[0] + 2.0 * r.of("B")[0])
    again = net.with_parameters(L=7)
    assert again.initial["A"] == 7 and again == gnn.ReactionNetwork.from_bngl_net(text, {"L": 7})
    assert float(again.reactions[0].law.evaluate({"A": 1.0, "B": 5.0, **again.parameters})) == 14 * 7
