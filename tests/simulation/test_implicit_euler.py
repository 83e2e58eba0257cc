"""Implicit Euler: first order, exact rest, no negative concentration, linear invariants; and errors planted in it."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.activations import ACTIVATIONS
from gillespie_nn.checks import InputError, InternalError, ModelError
from gillespie_nn.crn.compiled import blocks
from gillespie_nn.kernels.codes import SLICE_END
from gillespie_nn.kernels.leap.implicit import GENERAL, LINEAR, ONE, RAILS
from gillespie_nn.nn.chemistry import BIASES, PREACTIVATIONS, SLOPES, WEIGHTS
from gillespie_nn.noise import AdditiveNoise, ConcentrationNoise, RateNoise
from gillespie_nn.simulation.methods.implicit_euler import ImplicitEuler

NETWORKS = {
    "one species": "0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5",
    "growth": "X -> 2 X @ 1\n2 X -> X @ 1\nX = 0.1",
    "rails": "0 -> P @ 3\n0 -> M @ 2\nP -> 0 @ 1\nM -> 0 @ 1\nP + M -> C @ 60\nC -> 0 @ 1\nM = 1",
    "switch": "0 -> Z @ 1\nZ -> 0 @ 1\nZ + A -> Z + S @ 3\nU + S -> U + A @ 2\nU = 1\nA = 1",
    "enzyme": "A + E -> C @ 3\nC -> A + E @ 1\nC -> E + Q @ 2\nA = 2\nE = 1",
    "chain": "A -> B @ 1\nB -> A @ 2\nB -> C @ 1\n2 C -> D @ 1\nD -> C @ 0.3\nA = 1",
    "predator": "X -> 2 X @ 1\nX + Y -> 2 Y @ 1\nY -> 0 @ 1\nX = 1\nY = 0.5",
    "cube": "2 X -> 3 X @ 0.5\n2 X -> X @ 1\nX -> 0 @ 0.1\nX = 1",
    "made together": "0 -> A + B @ 1\nA + B -> 0 @ 5\nB -> 2 B + C @ 0.3\nC -> 0 @ 1\nA = 1",
}
KINDS = {
    "one species": {ONE},
    "rails": {RAILS, ONE},
    "switch": {LINEAR, ONE},
    "enzyme": {GENERAL, ONE},
    "cube": {GENERAL},
}


def _errors(network, steps, t_end=2.0, rates=None):
    """Largest distance from the solution at each step."""
    asked = {"t_end": t_end, "n_points": 3, "rates": rates, "progress": False}
    right = gnn.simulate(network, method="ode", rtol=1e-11, atol=1e-14, t_end=t_end, n_points=3, progress=False).counts
    return np.array(
        [
            np.abs(gnn.simulate(network, method="implicit_euler", fixed_step=h, **asked).counts - right).max()
            for h in steps
        ]
    )


def _is_of_first_order(errors):
    """Whether errors at steps halved twice are small, and halve with the step."""
    return errors[-1] < 2e-3 and ((errors[:-1] / errors[1:] > 1.8) & (errors[:-1] / errors[1:] < 2.2)).all()


STEPS = (0.004, 0.002, 0.001)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_of_first_order_in_the_step(name):
    assert _is_of_first_order(_errors(gnn.ReactionNetwork.from_text(NETWORKS[name]), STEPS))


def test_a_rate_constant_that_is_wrong_by_a_hundredth_is_seen():
    network = gnn.ReactionNetwork.from_text(NETWORKS["enzyme"].replace("C -> A", "back: C -> A"))
    assert not _is_of_first_order(_errors(network, STEPS, rates={"back": 1.01}))


@pytest.mark.parametrize("name", KINDS)
def test_blocks_are_solved_in_the_way_that_fits_them(name):
    network = gnn.ReactionNetwork.from_text(NETWORKS[name])
    plan = network.compiled.lumped.implicit_plan(network.rates())
    assert set(plan.blocks["kind"][:-1].tolist()) == KINDS[name]


def test_consumed_species_are_in_one_block_and_made_ones_not_before_it():
    text = (
        "\n".join(f"X{k} -> X{(k + 1) % 12} @ 1" for k in range(12)) + "\nX3 + Y -> Z @ 1\nZ -> 0 @ 1\nX0 -> X0 + Y @ 1"
    )
    network = gnn.ReactionNetwork.from_text(text)
    plan = network.compiled.lumped.implicit_plan(network.rates())
    starts = plan.blocks["species_start"].astype(int)
    members = [{network.species[s] for s in plan.species[a:b]} for a, b in zip(starts, starts[1:])]
    assert members == [{"Y", *(f"X{k}" for k in range(12))}, {"Z"}]


def test_what_a_channel_fails_to_make_in_another_block_is_seen(monkeypatch):
    run = {"t_end": 2.0, "n_points": 3, "method": "implicit_euler", "progress": False}
    gnn.simulate(gnn.ReactionNetwork.from_text(NETWORKS["enzyme"]), **run)
    monkeypatch.setattr(blocks, "table", _without_what_others_get(blocks.table))
    with pytest.raises(InternalError, match="conserved quantity"):
        gnn.simulate(gnn.ReactionNetwork.from_text(NETWORKS["enzyme"]), **run)


def _without_what_others_get(table):
    """`table` for a plan in which a channel makes nothing outside of its block."""

    def planted(row, **columns):
        if row is blocks.IMPLICIT_BLOCK:
            columns["made_start"] = np.zeros_like(columns["made_start"])
        return table(row, **columns)

    return planted


def _rest_of_switch(step):
    """S of the switch at rest, which is 3 / (3 + 2)."""
    network = gnn.ReactionNetwork.from_text(NETWORKS["switch"])
    run = gnn.simulate(network, t_end=100.0, n_points=2, method="implicit_euler", fixed_step=step, progress=False)
    return run.of("S")[0, -1]


def test_a_conserved_pair_in_two_blocks_rests_elsewhere(monkeypatch):
    assert _rest_of_switch(2.0) == pytest.approx(0.6, abs=1e-12)
    right = blocks._members
    monkeypatch.setattr(blocks, "_members", lambda *a: [[s] for some in right(*a) for s in some])
    assert abs(_rest_of_switch(2.0) - 0.6) > 0.01


def _random_network(rng):
    """Reactions of at most two molecules between five species, none of which grows without limit."""
    names, lines = "ABCDE", [f"{s} = {x:.3f}" for s, x in zip("ABCDE", rng.exponential(1.0, 5))]
    for _ in range(9):
        reactants = rng.choice(list(names), rng.integers(0, 3)).tolist()
        products = rng.choice(list(names), rng.integers(0, len(reactants) + 1 if reactants else 2)).tolist()
        if sorted(reactants) != sorted(products):
            left, right = (" + ".join(side) or "0" for side in (reactants, products))
            lines.append(f"{left} -> {right} @ {10 ** rng.uniform(-1, 1):.4g}")
    return gnn.ReactionNetwork.from_text("\n".join(lines))


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_converge_and_stay_at_or_above_zero_at_any_step(seed):
    network = _random_network(np.random.default_rng(seed))
    errors = _errors(network, (0.002, 0.001))
    assert errors[1] < 0.02 and (errors[1] < 1e-6 or 1.7 < errors[0] / errors[1] < 2.3)
    for step in (0.05, 0.7, 30.0):
        run = gnn.simulate(network, t_end=60.0, n_points=5, method="implicit_euler", fixed_step=step, progress=False)
        assert run.counts.min() >= 0.0


@pytest.mark.parametrize("kappa", [1.0, 1e3, 1e9, 1e15])
def test_fast_annihilation_leaves_the_difference_and_comes_to_rest_where_it_should(kappa):
    network = gnn.ReactionNetwork.from_text(f"0 -> P @ 3\n0 -> M @ 2\nP -> 0 @ 1\nM -> 0 @ 1\nP + M -> 0 @ {kappa}")
    p, m = gnn.simulate(network, t_end=200.0, n_points=2, method="implicit_euler", fixed_step=2.0).counts[0, -1]
    assert p - m == pytest.approx(1.0, abs=1e-12) and p * m == pytest.approx((2.0 - m) / kappa, rel=1e-9)


@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda a: a.name)
@pytest.mark.parametrize("step", [0.4, 3.0])
def test_rest_is_that_of_the_activation_whatever_the_step(function, step):
    activation = function()
    spec = gnn.training_network((2, 3, 1), activation=activation, learning_rate=0.0)
    weights = np.random.default_rng(3).uniform(-1, 1, len(spec.weights))
    counts = spec.start(weights, 1.0, np.float64)
    x = np.array([0.8, 0.3])
    counts[[spec.network.index[r.plus] for r in spec.inputs]] = x
    rates, rng = spec.network.rates(), np.random.default_rng(0)
    method = ImplicitEuler(spec.network, rates, 1.0, counts, rng, options={"fixed_step": step})
    while method.advance(3000.0) == SLICE_END:
        pass
    z = spec.read([n.rails for n in spec.numbers.select(PREACTIVATIONS, layer=1)], method.counts, 1.0)
    slopes = spec.read([n.rails for n in spec.numbers.select(SLOPES, layer=1)], method.counts, 1.0)
    assert spec.read_outputs(method.counts, 1.0) == pytest.approx(spec.floating.forward(weights, x[None])[0], abs=1e-9)
    w = [
        [n.rails for n in spec.numbers.select(WEIGHTS, layer=1)],
        [n.rails for n in spec.numbers.select(BIASES, layer=1)],
    ]
    matrix, biases = (np.abs(spec.read(rails, method.counts, 1.0)) for rails in w)
    made = matrix.reshape(3, 2) @ x + biases
    assert slopes == pytest.approx(activation.at_rest(z, made).slope, abs=1e-9)


def test_training_follows_the_rate_equations_in_first_order():
    asked = {"seed": 4, "presentations": 6, "progress": False}
    right = gnn.train("xor", method="ode", rtol=1e-10, atol=1e-12, **asked).last_weights
    errors = [
        np.abs(gnn.train("xor", method="implicit_euler", fixed_step=h, **asked).last_weights - right).max()
        for h in (0.04, 0.02)
    ]
    moved = np.abs(right - gnn.train("xor", method="ode", **asked | {"presentations": 1}).last_weights).max()
    assert errors[1] < 0.02 * moved and 1.7 < errors[0] / errors[1] < 2.3


@pytest.mark.parametrize(
    "noise", [RateNoise(0.2, "presentation"), ConcentrationNoise(0.2, step=1.0)], ids=["rate", "forced"]
)
def test_training_under_noise_follows_the_same_paths_as_ode(noise):
    asked = {"seed": 4, "presentations": 3, "progress": False, "noise": noise}
    right = gnn.train("xor", method="ode", **asked).last_weights
    errors = [
        np.abs(gnn.train("xor", method="implicit_euler", fixed_step=h, **asked).last_weights - right).max()
        for h in (0.04, 0.02)
    ]
    assert 1.6 < errors[0] / errors[1] < 2.4


def test_a_growing_species_ends_in_a_clear_sentence():
    network = gnn.ReactionNetwork.from_text("2 X -> 3 X @ 1\nX = 1")
    with pytest.raises(ModelError, match=r"no solution beyond t = 0\.9.*smaller fixed_step"):
        gnn.simulate(network, t_end=2.0, n_points=2, method="implicit_euler", fixed_step=0.01)
    exponential = gnn.ReactionNetwork.from_text("X -> 2 X @ 3\nX = 1")
    found = gnn.simulate(exponential, t_end=2.0, n_points=2, method="implicit_euler", fixed_step=1.0).counts
    assert 50.0 < found[0, -1, 0] < np.inf  # the solution is 403; a whole step would give (1 / (1 - 3))^2


def test_what_it_cannot_treat_is_refused(tmp_path):
    for text, match in {
        "A -> 0 @ 1\n@event drop: when time >= 1; set A = 1": "does not support events, but the network has drop",
        "A -> 0 @ propensity(A / (1 + A))": "does not support rate laws, as in reaction r1.*use ode",
        "2 A + B -> 3 A @ 1": "more than two molecules, such as r1: use ode",
    }.items():
        with pytest.raises(InputError, match=match):
            gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=1.0, n_points=2, method="implicit_euler")
    noise = AdditiveNoise(0.1, "constant")
    more = {"method": "implicit_euler", "noise": noise, "seed": 0, "output": tmp_path / "run.h5", "progress": False}
    with pytest.raises(InputError, match="does not support rate laws, as in reaction added"):
        gnn.train("xor", presentations=1, **more)
    with pytest.raises(InputError, match="does not support rate laws, as in reaction added"):
        gnn.simulate(gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 1"), t_end=1.0, n_points=2, **more)
    assert not list(tmp_path.iterdir())
    fit = gnn.train("xor", method="implicit_euler", presentations=1, seed=0, progress=False)
    with pytest.raises(InputError, match="does not support rate laws, as in reaction added"):
        fit.predict(fit.plan.dataset.test_x, noise=noise, progress=False)
    with pytest.raises(InputError, match="fixed_step must be"):
        gnn.train("xor", method="implicit_euler", fixed_step=0.0, presentations=1, seed=0)


def test_a_run_is_the_same_from_checkpoints_and_from_its_file(tmp_path):
    noise = [RateNoise(0.1, "presentation"), ConcentrationNoise(0.1, step=1.0)]
    asked = {"method": "implicit_euler", "presentations": 6, "seed": 1, "progress": False}
    whole, parts = (gnn.train("xor", checkpoint_every=n, noise=noise, **asked) for n in (6, 2))
    np.testing.assert_array_equal(whole.last_weights, parts.last_weights)
    assert whole.trained.statistics == parts.trained.statistics
    assert gnn.train("xor", **asked).trained.statistics["steps"] == 6 * 200
    gnn.train("xor", output=tmp_path / "run.h5", noise=noise, **asked)
    with gnn.open_run(tmp_path / "run.h5") as run:
        assert run.method == "implicit_euler" and run.training.arguments["settings"]["fixed_step"] == 0.1
    np.testing.assert_array_equal(gnn.load_fit(tmp_path / "run.h5").last_weights, whole.last_weights)
