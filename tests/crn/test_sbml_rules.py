"""SBML that changes between reactions: rate rules, algebraic rules, rateOf, stoichiometries, submodels.

Time courses have closed forms; what has no solution is refused by name."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.crn.formats.sbml_declared import solved
from gillespie_nn.crn.formula import law
from helpers.sbml_documents import math
from helpers.sbml_parts import (
    algebraic,
    document,
    event,
    initial,
    listed,
    made,
    parameter,
    rate,
    reaction,
    reference,
    rule,
    species,
)

COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
DISTRIB = "http://www.sbml.org/sbml/level3/version1/distrib/version1"
TIGHT = {"rtol": 1e-11, "atol": 1e-13}


def network(text, **options):
    found = gnn.ReactionNetwork.from_sbml(text, **options)
    assert gnn.ReactionNetwork.from_text(found.to_text()) == found
    return found


def course(text, *names, t_end=2.0):
    """Times, and values of observables float64[point] by ode."""
    found = gnn.simulate(network(text), t_end, 41, method="ode", **TIGHT)
    counts = found.model.index
    values = [found.of(name)[0] * (found.volume if name in counts else 1.0) for name in names]
    return (found.time, *values)


def same(values, expected, tolerance=1e-8):
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)


# rate rules


def test_a_rate_rule_of_a_parameter_grows():
    t, k = course(document([parameter("k", 3)], rules=[rate("k", "-2 * k")]), "k")
    same(k, 3 * np.exp(-2 * t))


def test_a_rate_rule_reads_the_time_other_rules_and_starts_at_an_initial_assignment():
    text = document(
        [parameter("x"), parameter("y"), parameter("c", 4, "true")],
        rules=[rate("x", "y + 2 * time"), rule("y", "c / 2")],
        initials=[initial("x", "c * 3")],
    )
    t, x = course(text, "x")
    same(x, 12 + 2 * t + t**2)
    assert network(text, parameters={"c": 1.0}).parameters["x"] == 3


def test_a_rate_rule_of_a_species_is_of_its_concentration_in_a_compartment_that_grows():
    """c' = 1 and V' = V, so n = c V with c = 2 + t: the state is n."""
    text = document(
        kinds=[species("S", concentration=2, units="false")], rules=[rate("S", "1"), rate("cell", "cell")], size=3
    )
    t, n, v = course(text, "S", "cell")
    same(v, 3 * np.exp(t))
    same(n, (2 + t) * 3 * np.exp(t))


def test_a_rate_rule_of_a_species_whose_compartment_has_an_assignment_rule():
    """dV/dt is the derivative of the rule V = 1 + t^2 + p with p' = 3."""
    text = document(
        [parameter("p", 0)],
        [species("S", concentration=2, units="false")],
        [rate("S", "0.5"), rate("p", "3"), rule("cell", "1 + time^2 + p")],
    )
    t, n = course(text, "S")
    same(n, (2 + t / 2) * (1 + t**2 + 3 * t))


def test_a_growing_compartment_dilutes_what_it_contains():
    """A first-order law in concentration, cell * k * A, is k n whatever the size; a second-order one slows down."""
    go = reaction("cell * A^2", [reference("A")])
    text = document(kinds=[species("A", concentration=4, units="false")], rules=[rate("cell", "cell")], reactions=[go])
    t, n, v = course(text, "A", "cell")
    same(v, np.exp(t))
    same(n, 1 / (1 / 4 + 1 - np.exp(-t)))  # n' = -n^2 / V


def test_an_amount_in_moles_keeps_its_unit():
    text = document(
        [parameter("k", 2)],
        [species("S", amount=1e-21, boundary="true", more="substanceUnits='mole'")],
        [rate("S", "k * 1e-21")],
        attributes="substanceUnits='mole' extentUnits='mole'",
    )
    with pytest.warns(UserWarning, match="converted to molecules"):
        found = gnn.ReactionNetwork.from_sbml(text)
    avogadro = 6.02214179e23
    assert found.initial["S"] == pytest.approx(1e-21 * avogadro)
    assert found.rate_rules["S"].evaluate(found.parameters) == pytest.approx(2e-21 * avogadro)


def test_an_exact_method_has_the_parameter_of_a_rate_rule_as_a_continuous_variable():
    text = document([parameter("k", 3)], [species("A", 5)], [rate("k", "-k")], [reaction("k * A", [reference("A")])])
    found = network(text)
    assert not found.only_ode and [r.name for r in found.reactions] == ["go"] and str(found.rate_rules["k"]) == "-k"


# algebraic rules


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("x + y - 10", lambda x: 10 - x),
        ("2 * y - 3 * x", lambda x: 1.5 * x),
        ("x * y - 1", lambda x: 1 / x),
        ("1 / y - x", lambda x: 1 / x),
        ("exp(y) - x", np.log),
        ("ln(y / 2) - x", lambda x: 2 * np.exp(x)),
        ("sqrt(y) - x", lambda x: x**2),
        ("y^3 - x", np.cbrt),
        ("2^y - x", np.log2),
        ("piecewise(y - x, x > 2.01, y + x)", lambda x: np.where(x > 2.01, x, -x)),
    ],
)
def test_an_algebraic_rule_is_solved_for_the_name_that_nothing_else_gives(formula, expected):
    text = document([parameter("x", 1), parameter("y")], rules=[rate("x", "1"), algebraic(formula)])
    t, y = course(text, "y")
    same(y, expected(1 + t))


def test_algebraic_rules_are_solved_together():
    """Each reads both unknowns; u is read by an assignment rule, too."""
    rules = [rate("x", "1"), algebraic("u + v - x"), algebraic("u - v - w"), rule("w", "3 * u - 4")]
    text = document([parameter("x", 2), *map(parameter, "uvw")], rules=rules)
    t, u, v, w = course(text, "u", "v", "w")
    same(u + v, 2 + t)
    same(u - v, w)
    same(w, 3 * u - 4)


def test_an_algebraic_rule_gives_a_boundary_species_and_not_one_that_reactions_change():
    kinds = [species("A", 6), species("B", 0, boundary="true")]
    t, b = course(
        document(kinds=kinds, rules=[algebraic("A + B - 6")], reactions=[reaction("A", [reference("A")])]), "B"
    )
    same(b, 6 - 6 * np.exp(-t))


@pytest.mark.parametrize(
    "formula", ["y^2 - x", "sin(y) - x", "y + exp(y) - x", "floor(y) - x", "y + floor(y) - x", "x - 3"]
)
def test_an_algebraic_rule_without_an_explicit_solution_is_refused(formula):
    text = document([parameter("x", 1), parameter("y")], rules=[rate("x", "1"), algebraic(formula)])
    with pytest.raises(
        gnn.InputError, match=r"the algebraic rule .* = 0 has no explicit solution .*write an assignment"
    ):
        network(text)


def test_many_algebraic_rules_end_in_an_answer():
    """No rule can be solved for the name that is left, after all orders of the others."""
    names = [f"y{k}" for k in range(30)]
    rules = [law(" + ".join(names)) for _ in range(29)] + [law("y0^2 + y1^2 - 1")]
    with pytest.raises(gnn.InputError, match="no explicit solution|more than"):
        solved(rules, {}, names)


# rateOf


def test_the_rate_of_a_parameter_is_its_rate_rule_and_of_a_constant_0():
    rules = [rate("x", "2 * x"), rule("y", "rateOf(x)"), rule("z", "rateOf(c)"), rule("w", "rateOf(y)")]
    text = document([parameter("x", 1), *map(parameter, "yzw"), parameter("c", 5, "true")], rules=rules)
    t, y, z, w = course(text, "y", "z", "w")
    same(y, 2 * np.exp(2 * t))
    same(z, 0 * t)
    same(w, 4 * np.exp(2 * t))
    assert not network(text).only_ode


def test_the_rate_of_a_species_is_that_of_its_reactions_and_its_dilution_and_for_ode_alone():
    go = reaction("cell * A", [reference("A")])
    text = document(
        [parameter("r")],
        [species("A", concentration=4, units="false")],
        [rule("r", "rateOf(A)"), rate("cell", "2 * cell")],
        [go],
    )
    t, r, n, v = course(text, "r", "A", "cell")
    same(n, 4 * np.exp(-t))
    same(r, -3 * n / v)
    assert network(text).only_ode == "a formula reads the rate of change of A, which reactions change"
    with pytest.raises(gnn.InputError, match="rate of change of A"):
        gnn.simulate(network(text), 1.0, method="direct", round_initial="nearest")


def test_a_rate_that_reads_itself_is_refused():
    with pytest.raises(gnn.InputError, match="the rate of change of x depends on itself"):
        network(document([parameter("x", 1)], rules=[rate("x", "1 + rateOf(x)")]))


# stoichiometries


def test_a_fraction_makes_rates_of_change_for_ode_alone():
    kinds = [species("A", 4), species("B", 0), species("C", 7)]
    go = reaction("3 * A", [reference("A")], [reference("B", "0.5")])
    other = reaction("2 * C", [reference("C")], name="other")
    text = document(kinds=kinds, reactions=[go, other])
    t, a, b, c = course(text, "A", "B", "C")
    same(a, 4 * np.exp(-3 * t))
    same(b, 2 * (1 - np.exp(-3 * t)))
    same(c, 7 * np.exp(-2 * t))
    found = network(text)
    assert found.only_ode == "reaction go makes 0.5 B"
    assert [r.name for r in found.reactions] == ["other"]  # a rate set for `go` could not reach a rate rule
    with pytest.raises(gnn.InputError, match="reaction go makes 0.5 B"):
        gnn.simulate(found, 1.0, method="rejection")


def test_reactions_that_share_a_species_with_a_fraction_follow():
    kinds = [species("A", 4), species("B", 0)]
    go, back = reaction("A", [reference("A")], [reference("B", "1.5")]), reaction("B", [reference("B")], name="out")
    t, b = course(document(kinds=kinds, reactions=[go, back]), "B")
    same(b, 6 * t * np.exp(-t))
    assert not network(document(kinds=kinds, reactions=[go, back])).reactions


@pytest.mark.parametrize(
    "number, initials, rules, expected",
    [
        ("2", (), (), 2),
        (None, [("n", "k + 2")], (), 3),
        ("7", (), [("n", "k * 2")], 2),
    ],
)
def test_a_stoichiometry_with_a_name_is_whole_where_that_is_constant(number, initials, rules, expected):
    text = document(
        [parameter("k", 1, "true")],
        [species("A", 0)],
        [rule(*r) for r in rules],
        [reaction("1", (), [reference("A", number, "n", "false")])],
        initials=[initial(*i) for i in initials],
    )
    t, a = course(text, "A")
    same(a, expected * t)
    assert bool(network(text).only_ode) == bool(rules)


def test_a_stoichiometry_changes_by_a_rate_rule_and_by_an_event():
    go = reaction("1", (), [reference("A", "1", "n", "false")])
    t, a = course(document(kinds=[species("A", 0)], rules=[rate("n", "2")], reactions=[go]), "A")
    same(a, t + t**2)
    text = document(kinds=[species("A", 0)], reactions=[go], events=[event("time >= 1", {"n": "n + 2.5"})])
    t, a = course(text, "A")
    same(a, t + 2.5 * np.maximum(t - 1, 0))
    assert network(text).only_ode == "reaction go makes n A"


def test_conversion_factors_and_negative_numbers_count():
    kinds = [species("A", 9, more="conversionFactor='two'"), species("B", 0, more="conversionFactor='half'")]
    factors = [parameter("two", 2, "true"), parameter("half", 0.5, "true")]
    text = document(factors, kinds, reactions=[reaction("1", [reference("A"), reference("A", "-2")], [reference("B")])])
    t, a, b = course(text, "A", "B")
    same(a, 9 + 2 * t)
    same(b, t / 2)


def test_an_amount_below_0_is_for_ode_alone():
    text = document(kinds=[species("A", -2), species("B", 1)], reactions=[reaction("A", [reference("A")])])
    t, a = course(text, "A")
    same(a, -2 * np.exp(-t))
    assert network(text).only_ode == "A starts below 0"


# events


def test_a_concentration_is_assigned_in_the_compartment_as_it_is_when_assigned():
    """V' = 2: at the trigger V = 3, after the delay V = 4. The value 5 + c(trigger) is a concentration."""
    delay = f"<delay>{made('0.5')}</delay>"
    kinds = [species("S", concentration=2, units="false", boundary="true")]
    text = document(kinds=kinds, rules=[rate("cell", "2")], events=[event("time >= 1", {"S": "5 + S * cell"}, delay)])
    t, n = course(text, "S")
    same(n, np.where(t < 1.5, 2, (5 + 2) * 4))
    with pytest.raises(gnn.InputError, match="event e scales S when it is assigned"):
        network(text).to_sbml()


def test_an_event_assigns_a_concentration_before_it_changes_the_compartment():
    kinds = [species("S", concentration=2, units="false", boundary="true")]
    text = document(kinds=kinds, events=[event("time >= 1", {"cell": "0.25", "S": "6"})], size="0.5")
    t, n, v = course(text, "S", "cell")
    same(n, np.where(t < 1, 1, 3))
    same(v, np.where(t < 1, 0.5, 0.25))


def test_an_event_of_a_network_scales_only_what_it_assigns():
    made_event = "A = 1\n@event e: when time > 1; set A = 2; scale A = 3; delay 1"
    found = gnn.ReactionNetwork.from_text(made_event)
    assert gnn.ReactionNetwork.from_text(found.to_text()) == found
    assert gnn.simulate(found, 3.0, 4, seed=1).of("A")[0].tolist() == [1, 1, 6, 6]
    with pytest.raises(gnn.InputError, match="event e scales B, but does not assign to it"):
        gnn.ReactionNetwork.from_text(made_event.replace("scale A", "scale B") + "\nB = 1")


# formulas that miss, constraints, infinities


def test_items_without_a_formula_do_nothing():
    go = reaction("1", (), [reference("A")]).replace(made("1"), "")
    text = document(
        [parameter("p", 3), parameter("q", 4)], [species("A", 1)],
        ["<assignmentRule variable='p'/>", "<rateRule variable='q'/>", "<algebraicRule/>"], [go],
        ["<event id='e' useValuesFromTriggerTime='true'><trigger initialValue='true' persistent='true'/></event>"],
        ["<initialAssignment symbol='p'/>"],
    )  # fmt: skip
    with pytest.warns(UserWarning, match="reaction go has a kinetic law without a formula: it does not fire"):
        found = network(text)
    assert not found.rules and not found.rate_rules and not found.events
    assert gnn.simulate(found, 1.0, method="ode").of("A")[0].tolist() == [1.0] * 101
    old = document([parameter("p", 3)], rules=["<assignmentRule variable='p'/>"])
    with pytest.raises(gnn.InputError, match="the rule of p has no formula"):
        network(old.replace("version2", "version1").replace('version="2"', 'version="1"'))


def test_constraints_are_ignored_with_a_warning():
    text = document(
        [parameter("p", 3)], more=f"<listOfConstraints><constraint>{math('p > 4')}</constraint></listOfConstraints>"
    )
    with pytest.warns(UserWarning, match=r"1 constraint\(s\), which are ignored"):
        network(text)


def test_a_constant_may_be_infinite_or_not_a_number_if_the_model_says_so():
    text = document(
        [*(parameter(n, 1, "true") for n in "abc"), parameter("x")],
        rules=[rule("x", "piecewise(a, b > 5, c)")],
        initials=[initial("a", "1"), initial("b", "INF"), initial("c", "NaN")],
    )
    found = network(text)
    assert "b" not in found.parameters and np.isinf(found.rules["b"].evaluate({}))
    assert gnn.simulate(found, 1.0, method="ode").of("x")[0].tolist() == [1.0] * 101
    with pytest.raises(gnn.InputError, match="b is infinite"):
        network(text.replace(math("INF"), math("1 / 0")))


@pytest.mark.parametrize(
    "text, what",
    [
        (document([parameter("x", 1)], rules=[rate("x", "delay(x, 1)")]), r"rule of x: delay\(\) is not supported"),
        (document([parameter("x", 1)], rules=[rate("x", "1"), rule("x", "1")]), "x has a rule and a rate rule"),
        (document([parameter("x", 1)], rules=[rate("y", "1")]), "unknown name assigned to 'y'"),
        (document([parameter("x")], rules=[rate("x", "1")]), "x has no value at the start"),
        (document(kinds=[species("A", 1)], rules=[rate("A", "1")], reactions=[reaction("1", (), [reference("A")])]),
         "changes A|rate rule"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_by_name(text, what):
    with pytest.raises(gnn.InputError, match=what):
        network(text)


# round trips


@pytest.mark.parametrize("kinetics", ["stochastic", "deterministic"])
def test_rate_rules_come_back(kinetics):
    found = gnn.ReactionNetwork.from_text(
        "A = 5\nX = -1.5\n@parameter V = 2\n@parameter k = 1\nA -> 0 @ propensity(k * A * V)\n@rate V = 0.1 * V\n"
        "@rate X = A - X / V\n@rule c = A / V\n@event e: when V > 3; set V = V / 2, X = 4"
    )
    again = network(found.to_sbml(kinetics=kinetics, volume=2.0))
    assert set(again.rate_rules) == {"V", "X"} and again.initial["X"] == -1.5 and again.parameters["V"] == 2
    one = gnn.simulate(found, 5.0, volume=2.0, method="ode", **TIGHT)
    other = gnn.simulate(again, 5.0, method="ode", **TIGHT)
    for name in ("V", "X", "c"):
        same(*(r.of(name)[0] * (r.volume if name == "X" else 1.0) for r in (one, other)))
    moved = network(found.to_sbml(initial={"X": -7, "V": 3}))
    assert moved.initial["X"] == -7 and moved.parameters["V"] == 3


def test_rate_rules_come_back_from_antimony():
    pytest.importorskip("antimony")
    found = gnn.ReactionNetwork.from_text("A = 5\n@parameter V = 2\nA -> 0 @ propensity(A * V)\n@rate V = 0.1 * V")
    again = gnn.ReactionNetwork.from_antimony(found.to_antimony())
    assert again.rate_rules == found.rate_rules and again.reactions == found.reactions
    assert again.parameters == found.parameters
    read = gnn.ReactionNetwork.from_antimony("species S; x = 2; x' = -x; S = 1; S' = x; k := rateOf(x)")
    assert str(read.rate_rules["x"]) == "-x" and read.initial["S"] == 1 and str(read.rules["k"]) == "-x"


def test_a_network_for_ode_alone_is_written_with_a_warning():
    text = document(kinds=[species("A", 4)], reactions=[reaction("A", [reference("A", "0.5")])])
    with pytest.warns(UserWarning, match=r"only method ode .*reaction go takes 0.5 A\): the SBML does not say so"):
        network(text).to_sbml()


# random draws


def drawing(*args, **parts):
    """A document with the package distrib."""
    return document(*args, **parts).replace("<sbml ", f'<sbml xmlns:distrib="{DISTRIB}" distrib:required="true" ')


def test_an_initial_assignment_draws_anew_in_each_replicate():
    text = drawing(
        [parameter("p", 1, "true"), parameter("q"), parameter("c", 4, "true")],
        [species("A", 3), species("B", concentration=1, units="false")],
        [rule("q", "2 * p")],
        initials=[initial("p", "uniform(0, c)"), initial("A", "binomial(7, 1)"), initial("B", "2 + bernoulli(1)")],
        size=5,
    )
    found = network(text)
    r = gnn.simulate(found, 1.0, 3, replicates=20, seed=1)
    p = r.of("p")
    assert len(set(p[:, 0])) == 20 and ((p >= 0) & (p <= 4)).all() and (p == p[:, :1]).all()
    assert (r.of("q") == 2 * p).all() and (r.of("A") == 7).all() and (r.of("B") == 15).all()
    with pytest.warns(UserWarning, match="ode has no random draws: .* replaced by their means"):
        r = gnn.simulate(found, 1.0, 3, method="ode")
    assert (r.of("p") == 2).all() and (r.of("A") * r.volume == 7).all()
    assert network(text, parameters={"p": 3}).events[0].assignments[0][0] != "p"


def test_an_event_divides_a_cell_at_random_and_comes_back():
    """V' = V from 1: division at V = 2, after each of which molecules are shared."""
    delay = f"<delay>{made('uniform(0.25, 0.25)')}</delay>"
    text = drawing(
        kinds=[species("A", 100)],
        rules=[rate("cell", "cell")],
        events=[event("cell > 2", {"A": "binomial(A, 0.5)", "cell": "cell / 2"}, delay)],
    )
    found = network(text)
    (divides,) = found.events
    assert str(divides.delay) == "uniform(0.25, 0.25)" and str(divides.assignments[0][1]) == "binomial(A, 0.5)"
    counts = gnn.simulate(found, 1.5, 3, method="direct", replicates=50, seed=1).of("A")
    assert (counts[:, 0] == 100).all() and len(set(counts[:, -1])) > 1 and (counts[:, -1] < 100).all()
    again = network(found.to_sbml())
    assert again.events == found.events and again.rate_rules == found.rate_rules
    assert "distrib" not in network(document([parameter("p", 1)])).to_sbml()


@pytest.mark.parametrize(
    "text, what",
    [
        (drawing([parameter("p")], rules=[rule("p", "normal(1, 2)")]), "the rule of p draws at random: only initial"),
        (drawing([parameter("p", 1)], rules=[rate("p", "poisson(3)")]), "the rate rule of p draws at random"),
        (drawing(kinds=[species("A", 1)], reactions=[reaction("exponential(1)", [reference("A")])]),
         "the kinetic law of reaction go draws at random"),
        (drawing([parameter("p", 1)], events=[event("normal(0, 1) > 1", {"p": "2"})]), "trigger of event e draws"),
        (drawing([parameter("p", 1)], events=[event("time > 1", {"p": "normal(0, 1, 2, 3)"})]), "normal within limits"),
        (drawing([parameter("p", 1)], events=[event("time > 1", {"p": "cauchy(0, 1)"})]), "random draw cauchy is not"),
        (drawing([parameter("p"), parameter("q"), parameter("r")], rules=[rule("r", "q")],
                 initials=[initial("p", "normal(0, 1)"), initial("q", "p")]), "value of q at time 0 reads p, which an"),
    ],
)  # fmt: skip
def test_random_draws_elsewhere_are_refused(text, what):
    with pytest.raises(gnn.InputError, match=what):
        network(text)


def test_a_chi_square_is_a_gamma():
    text = drawing([parameter("p", 1)], events=[event("time > 1", {"p": "chisquare(3)"})])
    assert str(network(text).events[0].assignments[0][1]) == "gamma(3 / 2, 2)"


# submodels


def composed(main, definitions="", files=""):
    return (
        f'<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" xmlns:comp="{COMP}" level="3" version="1" '
        f'comp:required="true"><model id="m">{main}</model>'
        + (f"<comp:listOfModelDefinitions>{definitions}</comp:listOfModelDefinitions>" if definitions else "")
        + (f"<comp:listOfExternalModelDefinitions>{files}</comp:listOfExternalModelDefinitions>" if files else "")
        + "</sbml>"
    )


def submodels(*names):
    items = (f'<comp:submodel comp:id="s{k}" comp:modelRef="{name}"/>' for k, name in enumerate(names))
    return f"<comp:listOfSubmodels>{''.join(items)}</comp:listOfSubmodels>"


def definition(name, content):
    return f'<comp:modelDefinition id="{name}">{content}</comp:modelDefinition>'


def external(name, source):
    return f'<comp:externalModelDefinition comp:id="{name}" comp:source="{source}"/>'


GROWING = listed("Parameters", parameter("p", 1)) + listed("Rules", rate("p", "p"))


def test_submodels_are_put_into_one_model_whose_parameters_can_be_set():
    found = gnn.ReactionNetwork.from_sbml(composed(submodels("a", "a"), definition("a", GROWING)))
    assert {n: str(e) for n, e in found.rate_rules.items()} == {"s0__p": "s0__p", "s1__p": "s1__p"}
    assert found.with_parameters({"s1__p": 3}).parameters == {"s0__p": 1.0, "s1__p": 3.0}


def test_a_submodel_may_be_in_a_file_below_the_folder_of_the_model(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "leaf.xml").write_text(composed(GROWING))
    (tmp_path / "parts" / "middle.xml").write_text(composed(submodels("f"), files=external("f", "leaf.xml")))
    path = tmp_path / "model.xml"
    path.write_text(composed(submodels("f"), files=external("f", "parts/middle.xml")))
    found = gnn.ReactionNetwork.from_file(path)
    (tmp_path / "parts" / "leaf.xml").unlink()
    assert list(found.rate_rules) == ["s0__s0__p"] and found.with_parameters(s0__s0__p=2).parameters["s0__s0__p"] == 2


@pytest.mark.parametrize(
    "source, what",
    [
        ("../outside.xml", "there is no such file below"),
        ("/etc/passwd", "there is no such file below"),
        ("link.xml", "there is no such file below"),
        ("file:///etc/passwd", "only files by their relative path"),
        ("http://example.org/model.xml", "only files by their relative path"),
        ("inside%2Fa.xml", "only files by their relative path"),
        ("model.xml", "contain themselves"),
    ],
)
def test_no_other_file_is_opened_used_or_not(source, what, tmp_path):
    (tmp_path / "outside.xml").write_text(composed(GROWING))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.xml").symlink_to(tmp_path / "outside.xml")
    path = folder / "model.xml"
    for content in (submodels("f"), GROWING) if source != "model.xml" else (submodels("f"),):
        path.write_text(composed(content, files=external("f", source)))
        with pytest.raises(gnn.InputError, match=what):
            gnn.ReactionNetwork.from_sbml(path)


def test_a_text_can_use_no_file():
    with pytest.raises(gnn.InputError, match="give the path of the model, not its text"):
        gnn.ReactionNetwork.from_sbml(composed(submodels("f"), files=external("f", "leaf.xml")))


@pytest.mark.parametrize(
    "main, definitions, what",
    [
        (submodels("a"), definition("a", submodels("a")), "contain themselves"),
        (submodels("m"), "", "contain themselves"),
        (submodels("none"), "", "cannot be put into one model"),
        (
            submodels("a0"),
            "".join(definition(f"a{k}", submodels(f"a{k + 1}", f"a{k + 1}")) for k in range(40))
            + definition("a40", GROWING),
            "more than 200000 elements",
        ),
    ],
)
def test_submodels_without_end_are_refused(main, definitions, what):
    with pytest.raises(gnn.InputError, match=what):
        gnn.ReactionNetwork.from_sbml(composed(main, definitions))


def test_the_refusal_of_a_package_names_it():
    text = document([parameter("p", 1)]).replace(
        "<sbml ", '<sbml xmlns:qual="http://www.sbml.org/sbml/level3/version1/qual/version1" qual:required="true" '
    )
    with pytest.raises(gnn.InputError, match="the SBML package 'qual' is not supported"):
        gnn.ReactionNetwork.from_sbml(text)
