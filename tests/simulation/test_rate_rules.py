"""Rate rules: the model, the text form, and the path of continuous variables under exact methods."""

import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn.checks import ModelError
from gillespie_nn.crn.compiled.derivative import EXPREL, without_gaps
from gillespie_nn.crn.formula import parse
from gillespie_nn.kernels import continuous as kernels
from gillespie_nn.simulation.methods import Direct, OptimizedDirect, Rejection

EXACT = ["direct", "optimized_direct", "rejection"]
GROWTH = 0.02
CELL = f"""@parameter V = 1
@rate V = {GROWTH} * V
0 -> A @ propensity(10 * V)
A -> 0 @ 0.1
A = 3
@event divide: when V >= 2; set V = V / 2, A = binomial(A, 0.5)
"""


def _volume(time, start=1.0):
    return 2.0 ** ((np.log2(start) + np.asarray(time) * GROWTH / np.log(2)) % 1.0)


def test_the_text_form_holds_a_rate_rule():
    network = gnn.ReactionNetwork.from_text(CELL)
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    assert pickle.loads(pickle.dumps(network)) == network
    assert "@rate V = 0.02 * V" in network.describe() and network.observables == ("V",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A -> 0 @ 1\n@rate V = 1", "name with a rate rule"),
        ("A -> 0 @ 1\n@rate A = 1", "reaction r1 changes A, which is given by a rule"),
        ("@parameter V = 1\nA -> 0 @ 1\n@rule W = V\n@rate W = 1", "name with a rate rule"),
        ("@parameter V = 1\nA -> 0 @ 1\n@rate V = W", "the rate rule of V"),
        ("@parameter V = 1\nA -> 0 @ 1\n@rate V = 1\n@rate V = 2", "defined twice"),
        ("@parameter V = 1\nA -> 0 @ 1\n@rate V = normal(0, 1)", "random draw normal"),
        ("A -> 0 @ propensity(binomial(A, 0.5))", "only assignments and delays of events"),
    ],
)
def test_what_a_rate_rule_cannot_be(text, message):
    with pytest.raises(gnn.InputError, match=message):
        gnn.ReactionNetwork.from_text(text)


@pytest.mark.parametrize("method", ["next_reaction", "layered", "adaptive", "tau_leap", "langevin", "linear_noise"])
def test_other_methods_refuse_rate_rules_by_name(method):
    network = gnn.ReactionNetwork.from_text(CELL)
    with pytest.raises(gnn.InputError, match=f"method {method} does not support rate rules.*use direct"):
        gnn.simulate(network, t_end=1, method=method)


def test_a_network_for_ode_alone_is_refused_with_its_reason():
    network = gnn.ReactionNetwork.from_text(
        "@parameter V = 1\nA -> 0 @ 1\n@rate V = 1\n@only_ode reaction J makes 0.5 B"
    )
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    for method in ("auto", "direct"):
        with pytest.raises(gnn.InputError, match=r"reaction J makes 0.5 B.*only method ode"):
            gnn.simulate(network, t_end=1, method=method)


@pytest.mark.parametrize("method", EXACT)
def test_a_cell_grows_and_divides_at_its_size(method):
    network = gnn.ReactionNetwork.from_text(CELL)
    run = gnn.simulate(network, t_end=200, n_points=101, method=method, replicates=2, seed=1)
    np.testing.assert_allclose(run.of("V"), [_volume(run.time)] * 2, rtol=2e-7)
    run = gnn.simulate(network, t_end=50, n_points=6, method=method, seed=1, initial={"V": 1.5, "A": 7})
    np.testing.assert_allclose(run.of("V")[0], _volume(run.time, 1.5), rtol=1e-7)
    assert run.of("A")[0, 0] == 7


def test_replicates_do_not_depend_on_their_number_or_on_workers():
    network = gnn.ReactionNetwork.from_text(CELL)
    many = gnn.simulate(network, t_end=60, n_points=7, replicates=5, seed=2)
    two = gnn.simulate(network, t_end=60, n_points=7, replicates=5, seed=2, workers=2)
    few = gnn.simulate(network, t_end=60, n_points=7, replicates=2, seed=2)
    np.testing.assert_array_equal(many.of("A"), two.of("A"))
    np.testing.assert_array_equal(many.of("V"), two.of("V"))
    np.testing.assert_array_equal(many.of("A")[:2], few.of("A"))


def test_files_moments_stops_schedules_and_noise(tmp_path):
    network = gnn.ReactionNetwork.from_text(CELL)
    path = tmp_path / "cell.h5"
    run = gnn.simulate(network, t_end=50, n_points=6, seed=1, replicates=3, output=path)
    np.testing.assert_array_equal(gnn.open_run(path).of("V"), run.of("V"))
    assert gnn.open_run(path).model == network
    moments = gnn.simulate(network, t_end=50, n_points=6, seed=1, replicates=40, record="moments")
    np.testing.assert_allclose(moments.mean("V"), _volume(moments.time), rtol=1e-7)
    stopped = gnn.simulate(network, t_end=50, n_points=6, seed=1, stop_when="V > 1.5")
    assert stopped.statistics["end_time"][0] == pytest.approx(np.log(1.5) / GROWTH, rel=1e-7)
    changed = gnn.simulate(network, t_end=20, n_points=3, seed=1, schedule=[(10, {"V": 1.9})])
    np.testing.assert_allclose(changed.of("V")[0], [1, 1.9, _volume(10, 1.9)], rtol=1e-7)
    noisy = gnn.simulate(network, t_end=20, n_points=3, seed=1, noise=gnn.RateNoise(0.1, "constant"))
    np.testing.assert_allclose(noisy.of("V")[0], _volume(noisy.time), rtol=1e-7)


def test_memory_carries_the_variables():
    network = gnn.ReactionNetwork.from_text(CELL)

    def made(seed):
        rng = np.random.Generator(np.random.SFC64(seed))
        return Rejection(network, network.rates(), 1.0, network.counts(), rng)

    first, second = made(1), made(2)
    first.advance(20.0)
    second.recall(first.n_events, first.memory())
    place = network.compiled.programs.variables["V"]
    assert second.laws.variables[place] == first.laws.variables[place] == pytest.approx(np.exp(20 * GROWTH), rel=1e-7)


def test_a_path_ends_where_a_reaction_changes_what_it_reads():
    """x' = B from the moment when A becomes B: x is the time since then, to the rounding of the clock."""
    network = gnn.ReactionNetwork.from_text("@parameter x = 0\n@rate x = B\nA -> B @ 0.5\nA = 1\nB = 0")
    for method in EXACT:
        run = gnn.simulate(network, t_end=6, n_points=601, method=method, seed=4, record="events")
        (moment,) = run.events(0).time
        np.testing.assert_allclose(run.of("x")[0], np.maximum(run.time - moment, 0), atol=1e-9)


def test_a_condition_that_is_crossed_makes_one_event():
    """Rounding of the path does not make a condition true again; the event comes to some digits of float64."""
    text = "@parameter x = 0\n@parameter n = 0\n@parameter at = 0\n@rate x = cos(time)\n0 -> A @ 3\n"
    network = gnn.ReactionNetwork.from_text(f"{text}@event up: when x >= 0.5; set n = n + 1, at = time")
    for method in EXACT:
        run = gnn.simulate(network, t_end=20, n_points=21, method=method, seed=3)
        crossings = np.pi / 6 + 2 * np.pi * np.arange(4)
        np.testing.assert_array_equal(run.of("n")[0], np.searchsorted(crossings, run.time, side="right"))
        assert run.of("at")[0, -1] == pytest.approx(crossings[-1], abs=1e-6)


def test_a_condition_on_counts_and_a_variable():
    text = "@parameter x = 0\n@rate x = 1\n@parameter at = -1\nA -> 0 @ 0.3\nA = 3\n"
    network = gnn.ReactionNetwork.from_text(f"{text}@event first: when x >= 5 - A && at < 0; set at = time")
    for method in EXACT:
        run = gnn.simulate(network, t_end=9, n_points=2, method=method, seed=8, replicates=40, record="events")
        for k in range(40):
            falls = run.events(k).time
            grid = np.sort([*falls, *np.arange(2.0, 6.0)])
            levels = [2 + np.sum(falls <= t) for t in grid]
            expected = next(t for t, level in zip(grid, levels) if t >= level - 1e-12)
            assert run.of("at")[k, -1] == pytest.approx(expected, abs=1e-9), (method, k)


def test_a_stiff_path_is_that_of_another_solver():
    text = (
        "@parameter x = 2\n@parameter y = 0\n@rate x = y\n@rate y = 1e4 * ((1 - x * x) * y - x)\nA -> B @ 1e-3\nA = 1"
    )
    run = gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=3, n_points=31, seed=1)
    found = solve_ivp(
        lambda t, v: [v[1], 1e4 * ((1 - v[0] ** 2) * v[1] - v[0])], (0, 3), [2, 0], "Radau", run.time,
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(run.of("x")[0], found.y[0], atol=1e-7)


@pytest.mark.parametrize(("stiff", "order"), [(0, 4), (1, 3)])
def test_a_step_has_its_order_also_between_its_ends(stiff, order):
    text = "@parameter x = 1\n@parameter y = 0\n@rate x = -x * y + cos(3 * time)\n@rate y = x - y * y\nA -> B @ 1"
    network = gnn.ReactionNetwork.from_text(text)

    def slopes(t, v):
        return [-v[0] * v[1] + np.cos(3 * t), v[0] - v[1] ** 2]

    truth = solve_ivp(slopes, (0, 2), [1, 0], "DOP853", dense_output=True, rtol=1e-13, atol=1e-14).sol

    def error(h):
        method = Rejection(network, network.rates(), 1.0, network.counts(), np.random.Generator(np.random.SFC64(1)))
        laws, path = method.laws, method.laws.continuous
        laws.variables[path.place] = 1.0, 0.0
        path.numbers[[kernels.STALE, kernels.SLOPE_KNOWN, kernels.RELATIVE]] = 1.0, 0.0, 1e9
        worst = 0.0
        for t in h * np.arange(round(2 / h)):
            path.numbers[[kernels.NEXT, kernels.IS_STIFF]] = h, stiff
            kernels.set_time(laws, path, t)
            assert kernels.begin_step(laws, path, method.state, t)
            for part in np.linspace(0.1, 1, 10):
                kernels.set_time(laws, path, t + part * h)
                worst = max(worst, np.abs(laws.variables[path.place] - truth(t + part * h)).max())
        return worst

    assert np.log2(error(0.1) / error(0.05)) > order + 0.5


def test_bounds_of_a_path_hold_it_and_are_near():
    network = gnn.ReactionNetwork.from_text("@parameter x = 1\n@rate x = sin(7 * time) - x\nA -> B @ 1")
    method = Rejection(network, network.rates(), 1.0, network.counts(), np.random.Generator(np.random.SFC64(1)))
    laws, path = method.laws, method.laws.continuous
    path.numbers[kernels.RELATIVE] = 1e-2
    for t in (0.0, 0.1, 0.3, 0.6):
        path.numbers[kernels.NEXT] = 0.5
        kernels.forget_path(laws, path, t)
        assert kernels.begin_step(laws, path, method.state, t)
        end = kernels.step_end(path)
        for a, b in ((t, end), (t + 0.2 * (end - t), t + 0.5 * (end - t)), (end, end)):
            low, high = kernels.path_range(path, 0, a, b)
            values = []
            for s in np.linspace(a, b, 101):
                kernels.set_time(laws, path, s)
                values.append(laws.variables[path.place[0]])
            assert low <= min(values) and max(values) <= high
            assert high - low <= 2.5 * (max(values) - min(values)) + 1e-12
        kernels.set_time(laws, path, t)


def test_a_rule_without_a_value_at_time_0_says_so():
    """The length of the first step falls to 0 by underflow, and t + h > t holds until then."""
    for text in ("@rate V = 1 / A", "@rate V = 1 / 0"):
        network = gnn.ReactionNetwork.from_text(f"@parameter V = 1\n0 -> A @ 1\n{text}")
        for method in (Direct, Rejection):
            with pytest.raises(ModelError, match="no solution beyond t = 0 s, where V"):
                gnn.simulate(network, t_end=5, seed=1, method=method)


def test_rules_that_diverge_or_have_no_value_say_so():
    diverges = gnn.ReactionNetwork.from_text("@parameter V = 1\nA -> 0 @ 0.1\nA = 4\n@rate V = V * V")
    undefined = gnn.ReactionNetwork.from_text("@parameter V = 1\nA -> 0 @ 0.1\nA = 4\n@rate V = -sqrt(V) - 1")
    for method in (Direct, OptimizedDirect, Rejection):
        with pytest.raises(ModelError, match=r"no solution beyond t = 1\.0.*where V"):
            gnn.simulate(diverges, t_end=5, seed=1, method=method)
        with pytest.raises(ModelError, match="no solution beyond"):
            gnn.simulate(undefined, t_end=5, seed=1, method=method)


@pytest.mark.parametrize(
    "text",
    [
        "0.1 * (V + 40) / (1 - exp(-(V + 40) / 10))",
        "0.1 * (V - (-40)) / (1 - exp((-40 - V) / 10))",
        "(2.5 - 0.1 * V) / (exp(2.5 - 0.1 * V) - 1)",
        "k * (V - E) / (1 - exp(-(V - E) / s))",
        "k * (E - V) / (exp((E - V) / s) - 1)",
    ],
)
def test_quotients_with_a_gap_are_written_without_it(text):
    expression = parse(text)
    written = without_gaps(expression)
    assert any(node.op == EXPREL for node in written.walk())

    def value(node, values):
        """Programs alone know the operation: its value is put in."""
        if node.op == EXPREL:
            x = value(node.args[0], values)
            return x / np.expm1(x)
        inner = tuple(gnn.crn.expressions.number(float(value(a, values))) for a in node.args)
        return node._replace(args=inner).evaluate(values)

    for volts in (-90.0, -41.3, 3.0, 60.0):
        values = {"V": volts, "E": 25.0, "k": 0.3, "s": 7.0}
        assert value(written, values) == pytest.approx(expression.evaluate(values), rel=1e-12)


@pytest.mark.parametrize(
    "text", ["V / (1 - exp(W))", "V / (2 - exp(-V))", "V / (1 + exp(-V))", "1 / (1 - exp(-V))", "V"]
)
def test_other_quotients_stay_as_they_are(text):
    expression = parse(text)
    assert without_gaps(expression) is expression


def test_a_propensity_with_a_gap_on_the_path_is_simulated():
    """x passes 0, where the law as written is 0 / 0."""
    network = gnn.ReactionNetwork.from_text(
        "@parameter x = -1\n@rate x = 1\n0 -> A @ propensity(50 * x / (1 - exp(-x)))"
    )
    for method in EXACT:
        run = gnn.simulate(network, t_end=2, n_points=2, method=method, seed=1, replicates=400)
        grid = np.linspace(-1, 1, 20001)[:-1] + 5e-5
        mean = 50 * np.mean(grid / -np.expm1(-grid)) * 2
        assert abs(np.mean(run.of("A")[:, -1]) - mean) < 6 * np.sqrt(mean / 400)


def test_draws_of_events_are_checked():
    for draw in ("binomial(A, 2)", "normal(A, -1)", "poisson(-A)"):
        network = gnn.ReactionNetwork.from_text(f"A -> B @ 1\nA = 5\n@event e: when A > 3; set A = {draw}")
        for method in ("direct", "ode"):
            with pytest.raises(ModelError, match=r"\) cannot be drawn"):
                gnn.simulate(network, t_end=1, seed=1, method=method)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        ("bernoulli(0.3)", 0.3, 0.21),
        ("binomial(9, 0.3)", 2.7, 1.89),
        ("exponential(4)", 0.25, 1 / 16),
        ("gamma(3, 0.5)", 1.5, 0.75),
        ("lognormal(0.2, 0.4)", np.exp(0.28), np.expm1(0.16) * np.exp(0.56)),
        ("normal(2, 3)", 2, 9),
        ("poisson(3.5)", 3.5, 3.5),
        ("uniform(1, 3)", 2, 1 / 3),
    ],
)
def test_draws_have_their_means_and_variances(draw, mean, variance):
    network = gnn.ReactionNetwork.from_text(f"@parameter x = 0\nA -> 0 @ 1\n@event e: when time >= 0; set x = {draw}")
    run = gnn.simulate(network, t_end=1, n_points=2, seed=1, replicates=1000, method="direct")
    x = run.of("x")[:, -1]
    assert abs(x.mean() - mean) < 6 * np.sqrt(variance / 1000)
    assert 0.5 * variance < x.var() < 2 * variance


@pytest.mark.parametrize("size", [1e-15, 1e-30])
def test_variables_of_small_units_are_followed_as_well_as_others(size):
    """Litres, moles: the absolute tolerance is a part of the size of a variable."""
    text = f"@parameter V = {size}\n@rate V = 0.02 * V\n0 -> A @ propensity(V / {size})\n"
    for method in EXACT:
        run = gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=100, n_points=5, method=method, seed=1)
        np.testing.assert_allclose(run.of("V")[0], size * np.exp(0.02 * run.time), rtol=1e-6)


def test_a_variable_that_begins_at_0_finds_its_size():
    text = "@parameter c = 0\n@rate c = 1e-9 - 0.1 * c\n0 -> A @ propensity(1e9 * c)\n"
    run = gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=100, n_points=5, seed=1)
    np.testing.assert_allclose(run.of("c")[0], -1e-8 * np.expm1(-0.1 * run.time), rtol=1e-5)


@pytest.mark.parametrize("law", ["30 * sqrt(x)", "60 * x^1.5 / (1 + x)"])
def test_a_root_of_a_variable_that_begins_at_0_has_bounds(law):
    text = f"@parameter x = 0\n@rate x = 1\n0 -> A @ propensity({law})\n"
    x = (np.arange(10000) + 0.5) / 10000
    mean = np.mean(30 * np.sqrt(x) if "sqrt" in law else 60 * x**1.5 / (1 + x))
    for method in EXACT:
        run = gnn.simulate(
            gnn.ReactionNetwork.from_text(text), t_end=1, n_points=2, method=method, seed=1, replicates=200
        )
        assert abs(run.of("A")[:, -1].mean() - mean) < 6 * np.sqrt(mean / 200)


@pytest.mark.parametrize("method", EXACT)
def test_a_rule_without_a_value_at_the_start_says_so(method):
    network = gnn.ReactionNetwork.from_text("@parameter V = 0\n@rate V = ln(V - 1)\n0 -> A @ propensity(V)\n")
    with pytest.raises(ModelError, match="no solution beyond t = 0 s"):
        gnn.simulate(network, t_end=1, seed=1, method=method)


def test_where_no_bound_can_be_given_the_reaction_is_named():
    network = gnn.ReactionNetwork.from_text(
        "@parameter x = 1\n@rate x = -1\n0 -> A @ propensity(piecewise(1 / x, x > 0, 0))\n"
    )
    for method in EXACT:
        with pytest.raises(
            ModelError, match=r"cannot compute a bound of the propensity of reaction r1.*x = .*its law is"
        ):
            gnn.simulate(network, t_end=2, seed=1, method=method)


SPECIES = "0 -> A @ propensity(S)\nA -> 0 @ 0.1\nS = 2.5\nA = 3\n@rate S = 0.1 * A - 0.05 * S\n"


@pytest.mark.parametrize("method", [*EXACT, "ode"])
@pytest.mark.parametrize("amount", [9, 9.5])
def test_a_schedule_sets_a_species_with_a_rate_rule(method, amount):
    network = gnn.ReactionNetwork.from_text(SPECIES)
    run = gnn.simulate(network, t_end=20, n_points=3, seed=1, method=method, schedule=[(10, {"S": amount, "A": 2})])
    assert run.of("S")[0, 1] == pytest.approx(amount) and run.of("A")[0, 1] == pytest.approx(2)


def test_messages_tell_the_value_of_a_species_with_a_rate_rule():
    network = gnn.ReactionNetwork.from_text(SPECIES)
    with pytest.raises(ModelError, match="is negative, -1, at t = 0 s, S = -1;"):
        gnn.simulate(network, t_end=1, seed=1, initial={"S": -1})


@pytest.mark.parametrize("stiff", [0, 1])
def test_far_from_time_0_a_step_has_the_length_that_the_clock_can_tell(stiff):
    network = gnn.ReactionNetwork.from_text("@parameter x = 1\n@rate x = 1\nA -> B @ 1")
    method = Rejection(network, network.rates(), 1.0, network.counts(), np.random.Generator(np.random.SFC64(1)))
    laws, path = method.laws, method.laws.continuous
    t = 1e9
    kernels.forget_path(laws, path, 0.0)
    path.numbers[[kernels.NEXT, kernels.IS_STIFF]] = 3e-7, stiff
    start = laws.variables[path.place[0]]
    assert kernels.begin_step(laws, path, method.state, t)
    end = kernels.step_end(path)
    kernels.set_time(laws, path, end)
    assert end > t and laws.variables[path.place[0]] - start == pytest.approx(end - t, rel=1e-6)


def test_the_path_of_reactions_refuses_a_species_with_a_rate_rule():
    run = gnn.simulate(gnn.ReactionNetwork.from_text(SPECIES), t_end=2, seed=1, record="events")
    with pytest.raises(gnn.InputError, match="a rule gives S"):
        run.jump_path(0)
