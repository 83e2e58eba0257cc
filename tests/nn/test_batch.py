"""Batches: several samples presented at once, each with its own neurons, which share the weights in one pot."""

import itertools
import json
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.activations import LeakyReLU, ReLU, SmoothReLU
from gillespie_nn.analysis.training_course import training_drawing
from gillespie_nn.api.fit import predict_by_simulation
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.datasets import Dataset, case
from gillespie_nn.nn.chemistries import CHEMISTRIES, KangKim
from gillespie_nn.nn.chemistry import Equation
from gillespie_nn.nn.settings import Settings
from gillespie_nn.simulation.presentations import Presented, Samples, draw_shifts, presentation_order, shifted
from gillespie_nn.studies.points import FirstPresentations, Training
from helpers.checks_of_chance import accept, chi_square_two, rejects
from helpers.interrupted_runs import interrupted, train
from helpers.naive import propensity
from helpers.run_files import same

B = 3
RNG = np.random.default_rng(11)
X, T = RNG.uniform(0, 1, (B, 2)), RNG.uniform(-1, 1, (B, 2))
DIGESTS = {
    (): "4a46e1459f6f525e",
    (("hold", 2.0), ("signed_inputs", True)): "17188cac62df0b36",
    (("chemistry", "feedback_alignment"), ("output", "smooth_relu")): "850d869706f1869d",
}
"""Of networks of one sample, as they were before there were batches."""


@dataclass(frozen=True)
class Leaking(KangKim):
    """Weights that decay, too: a term without a quantity of a sample."""

    name = "leaking"
    learn: ClassVar = (
        Equation("update", "W[i,j]' = - learning_rate D[i] Y.below[j] - learning_rate W[i,j]"),
        Equation("update", "B[i]' = - learning_rate D[i]"),
    )


@dataclass(frozen=True)
class Traced(KangKim):
    """The product of error and input has molecules of its own, one matrix for each sample."""

    name = "traced"
    matrices: ClassVar = {"W": "below", "Q": "below"}
    learn: ClassVar = (
        Equation("trace", "Q[i,j]' = D[i] Y.below[j] - Q[i,j]"),
        Equation("update", "W[i,j]' = - learning_rate Q[i,j]"),
        Equation("update", "B[i]' = - learning_rate D[i]"),
    )


def settings_of_all():
    for chemistry in (*(kind(hold=hold) for kind in CHEMISTRIES for hold in (0.0, 1.0)), Leaking(), Traced()):
        yield chemistry, SmoothReLU()
    for activation in (SmoothReLU(derivative="gain"), SmoothReLU(derivative="ratio"), ReLU(), LeakyReLU()):
        yield KangKim(), activation


def changes(network, rates, counts, volume=30.0):
    """Rate of change of every species [molecules/s], by name."""
    state = dict(zip(network.species, counts.tolist()))
    found = dict.fromkeys(network.species, 0.0)
    for rate, reaction in zip(rates, network.reactions):
        value = propensity(reaction._replace(rate=rate), state, volume)
        for s, n in reaction.net_change().items():
            found[s] += n * value
    return found


# The compiled network.


@pytest.mark.parametrize("settings", DIGESTS, ids=str)
def test_one_sample_has_the_network_that_it_always_had(settings):
    spec = gnn.training_network((2, 3, 2), batch=1, **dict(settings))
    assert spec.network.digest.startswith(DIGESTS[settings])
    assert spec.batch == 1 and not any("_b" in s for s in spec.network.species)
    assert "batch" not in repr(spec) and "batch of 3" in repr(gnn.training_network((2, 3, 2), batch=3))


@pytest.mark.parametrize("chemistry, activation", list(settings_of_all()), ids=lambda each: each.name)
def test_neurons_of_a_sample_change_as_alone_and_weights_by_the_sum(chemistry, activation):
    """In random states: the rates of change of the batch against those of B networks of one sample."""
    how = {"chemistry": chemistry, "output": activation, "signed_inputs": True}
    alone, batch = (gnn.training_network((2, 3, 2), activation, batch=b, **how) for b in (1, B))
    network = batch.network
    assert all(reaction.order <= 2 for reaction in network.reactions)
    assert len(network.reaction_index) == len(network.reactions)
    rng, shared = np.random.default_rng(4), {n.name for n in batch.numbers if n.sample is None}
    for number in batch.numbers:
        ending = "" if number.sample is None else f"_b{number.sample}"
        assert number.name.endswith(ending) and (number.sample is None) == ("_b" not in number.name)
    for _ in range(5):
        counts = rng.integers(0, 20, len(network.species))
        found = changes(network, network.rates(), counts)
        expected = dict.fromkeys(network.species, 0.0)
        for b in range(B):
            places = [network.index[_named(s, b, shared)] for s in alone.network.species]
            rates = alone.network.rates()
            if b:  # what is there once is counted once
                rates = np.where([_is_once(r) for r in alone.network.reactions], 0.0, rates)
            for s, rate in changes(alone.network, rates, counts[places]).items():
                expected[_named(s, b, shared)] += rate
        for s, rate in found.items():
            assert rate == pytest.approx(expected[s], rel=1e-9, abs=1e-9), s


def _named(species, sample, shared):
    """The name in the batch of a species of a network of one sample."""
    stem, rail = re.fullmatch(r"(.*?)((?:_[pm])?)", species).groups()
    return species if stem in shared else f"{stem}_b{sample}{rail}"


def _is_once(reaction):
    """Whether a reaction has species that samples share and no others: annihilation and decay of weights."""
    return all(re.match(r"[WBF]\d|L$", s) for s, _ in (*reaction.reactants, *reaction.products))


def test_rails_stand_sample_after_sample_and_counts_hold_them():
    spec = gnn.training_network((2, 3, 2), batch=B)
    names = ("X_0_b0_p", "X_1_b0_p", "X_0_b1_p", "X_1_b1_p", "X_0_b2_p", "X_1_b2_p")
    assert tuple(r.plus for r in spec.inputs) == names and spec.targets[2].plus == "T_0_b1_p"
    assert [r.name for r in spec.outputs] == [f"Z2_{i}_b{b}" for b in range(B) for i in range(2)]
    counts = spec.network.counts(spec.presentation(X, T, 1e6))
    np.testing.assert_allclose(spec.read(spec.inputs, counts, 1e6).reshape(B, 2), X, atol=1e-6)
    np.testing.assert_allclose(spec.read(spec.targets, counts, 1e6).reshape(B, 2), T, atol=1e-6)
    assert [n.rails for n in spec.numbers.select("inputs")] == list(spec.inputs)
    assert spec.numbers.one("outputs", 1, 2, sample=1).name == "Y1_2_b1"
    assert spec.numbers.one("weights", 1, 2, 0).name == "W1_2_0" and len(spec.numbers.select("slopes", sample=2)) == 3
    assert spec.numbers.neuron(spec.numbers.of("Z1_0_b2_m")) == "Z1_0_b2"
    assert spec.initial(np.ones(len(spec.weights)), 10.0)["A1_0_b2"] == 10
    with pytest.raises(InputError, match=r"input must be finite numbers of shape \(3, 2\), one row per sample"):
        spec.presentation(X[0], T, 1.0)
    with pytest.raises(InputError, match="batch must be at least 1"):
        gnn.training_network((2, 1), batch=0)


def test_modules_are_named_with_their_sample_and_annihilate_weights_once():
    network = gnn.training_network((2, 3, 2), batch=B).network
    assert {"update_W1_0_1_b2_1", "error_Z1_0_b1_1", "preactivation_Z2_1_b0_1"} <= {
        re.sub(r"^slope_Z", "error_Z", r.name) for r in network.reactions
    }
    destroyed = [r for r in network.reactions if dict(r.reactants).keys() == {"W1_0_1_p", "W1_0_1_m"}]
    assert [r.name for r in destroyed] == ["update_W1_0_1_1"]


def test_a_batch_is_written_and_read_as_any_network():
    pytest.importorskip("libsbml")
    network = gnn.training_network((2, 2, 1), batch=2).network
    again = gnn.ReactionNetwork.from_sbml(network.to_sbml())
    assert again.species == network.species and len(again.reactions) == len(network.reactions)


# Floating point, and the slow limit.


@pytest.mark.parametrize("chemistry, activation", list(settings_of_all()), ids=lambda each: each.name)
def test_the_gradient_of_a_batch_is_the_sum(chemistry, activation):
    network = gnn.training_network((2, 3, 2), activation, chemistry=chemistry).floating
    weights = network.initial_weights(3) + 0.1
    each = [network.gradient(weights, x, t) for x, t in zip(X, T)]
    expected = np.sum(each, axis=0)
    if isinstance(chemistry, Leaking):  # the decay is there once
        matrices = [w.ravel() if k == 0 else np.zeros(w.size) for pair in network.matrices(weights) for k, w in
                    enumerate(pair)]  # fmt: skip
        expected -= (B - 1) * np.concatenate(matrices)
    np.testing.assert_allclose(network.gradient(weights, X, T), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(network.gradient(weights, X[:1], T[:1]), each[0])


@pytest.mark.parametrize("hold", [0.0, 15.0])
def test_rate_equations_of_a_batch_learn_by_the_sum_of_the_gradients(hold):
    spec = gnn.training_network((2, 3, 2), batch=B, learning_rate=1e-7, hold=hold)
    weights = spec.floating.initial_weights(5)
    run = gnn.simulate(
        spec.network, 400.0, 2, method="ode", rtol=1e-11, atol=1e-13, volume=1.0, initial=_amounts(spec, weights),
        schedule=[(time, {s: float(n) for s, n in counts.items()}) for time, counts in _schedule(spec, 400.0)],
    )  # fmt: skip
    change = spec.read_weights(run.counts[0, -1], 1.0) - weights
    expected = -1e-7 * (400.0 - hold) * spec.floating.gradient(weights, X, T)
    # Without a hold the weights learn from errors that are still on their way, for some seconds of 400.
    np.testing.assert_allclose(change, expected, rtol=2e-3 if hold else 0.2, atol=(1e-3 if hold else 0.05) * 4e-5)


def _amounts(spec, weights):
    return {s: n / 1e9 for s, n in spec.initial(weights, 1e9).items()}


def _schedule(spec, running_time, volume=1e9):
    return [(time, {s: n / volume for s, n in counts.items()})
            for time, counts in spec.schedule(X, T, volume, running_time)]  # fmt: skip


def test_levels_in_floating_point_learn_from_the_batch():
    how = {"batch": 8, "seed": 1, "presentations": 20, "validation": 0.2}
    for method, tolerance in (("gradient_descent", 1e-12), ("gradient_flow", 2e-3)):
        fit = gnn.train("iris", method=method, learning_rate=1e-4, **how)
        shown, weights = fit.plan.presented, fit.plan.learner.initial_weights
        for k in range(20):
            gradients = [fit.spec.floating.gradient(weights, x, t) for x, t in zip(shown.x(k), shown.t(k))]
            weights = weights - fit.plan.settings.step * np.sum(gradients, axis=0)
        np.testing.assert_allclose(fit.last_weights, weights, rtol=tolerance, atol=tolerance)


# The law.


def _replicates(spec, x, t, weights, volume, method, n, seed, times=(0.5, 2.0, 4.0), rates=None):
    initial = spec.initial(weights, volume) | spec.presentation(x, t, volume)
    return gnn.simulate(
        spec.network, time=list(times), volume=volume, method=method, replicates=n, seed=seed, initial=initial,
        rates=rates,
    )  # fmt: skip


def test_without_learning_samples_are_independent_and_each_has_the_law_of_one_alone():
    alone, batch = (gnn.training_network((2, 2, 2), batch=b, learning_rate=0.0) for b in (1, 2))
    weights, n = alone.floating.initial_weights(2), 1500
    together = _replicates(batch, X[:2], T[:2], weights, 20.0, "rejection", n, 3)
    values = []
    for b in range(2):
        one = _replicates(alone, X[b], T[b], weights, 20.0, "rejection", n, 4 + b)
        p = [
            chi_square_two(together.of(f"{name}_b{b}{rail}")[:, k], one.of(f"{name}{rail}")[:, k])
            for name, rail in (("Z1_0", "_p"), ("Y1_1", ""), ("D2_0", "_m"), ("D1_1", "_p"), ("Z2_1", "_m"))
            for k in range(3)
        ]
        accept(min(p), f"sample {b} of a batch without learning", family=len(p))
        values.append(batch.read_outputs(together.counts[:, -1], 20.0)[:, 2 * b])
    correlation = stats.spearmanr(*values).statistic
    accept(2 * stats.norm.sf(abs(correlation) * np.sqrt(n - 1)), "two samples of a batch are independent")


def test_the_mean_update_of_a_batch_is_the_sum_over_its_samples():
    """To first order in the learning rate, where weights have not yet reacted to their change: 0.1 s at Omega = 30."""
    how = {"learning_rate": 1.0, "derivative": "gain"}
    alone, batch = (gnn.training_network((2, 2, 2), batch=b, **how) for b in (1, 2))
    weights, volume, n = alone.floating.initial_weights(2), 30.0, 20_000
    x, t = 2.0 * X[:2], 3.0 * T[:2]
    initial = {"D2_0": 1.0, "D2_1": -2.0, "D1_0": 2.0, "D1_1": 1.0}  # errors from the start on
    changes_of = []
    for spec, parts in ((batch, [(x, t)]), (alone, [(x[0], t[0]), (x[1], t[1])])):
        total, variance = 0.0, 0.0
        for k, (x_part, t_part) in enumerate(parts):
            start = spec.initial(weights, volume) | spec.presentation(x_part, t_part, volume)
            for name, value in initial.items():
                for b in range(spec.batch):
                    start[f"{name}{spec.sample_suffix(b)}_{'p' if value > 0 else 'm'}"] = round(abs(value) * volume)
            run = gnn.simulate(spec.network, time=[0.0, 0.1], volume=volume, method="layered", replicates=n, seed=7 + k,
                               initial=start)  # fmt: skip
            moved = spec.read_weights(run.counts[:, -1], 1.0) - spec.read_weights(run.counts[:, 0], 1.0)
            total, variance = total + moved.mean(axis=0), variance + moved.var(axis=0) / n
        changes_of.append((total, variance))
    (one, of_one), (two, of_two) = changes_of
    z = (one - two) / np.sqrt(of_one + of_two)
    accept(2 * stats.norm.sf(np.abs(z).max()), "mean update of a batch", family=len(z))
    half = (one - two / 2) / np.sqrt(of_one + of_two)
    assert rejects(2 * stats.norm.sf(np.abs(half).max()) * len(z))  # a mean over samples in place of the sum


def test_families_of_a_batch_have_the_law_of_single_reactions():
    """Six samples, one family for each; planted: the updates of the last sample are missing."""
    spec = gnn.training_network((6, 7, 3), batch=6, learning_rate=0.3, annihilation_rate=5.0, derivative="gain")
    families = spec.network.compiled.families
    assert len(families) == 6 and {len(f.reactions) for f in families} == {2 * 7 * 6}
    rng = np.random.default_rng(3)
    x, t, weights = rng.uniform(0, 1, (6, 6)), rng.uniform(-1, 1, (6, 3)), spec.floating.initial_weights(1)
    layered, plain, planted = (
        _replicates(spec, x, t, weights, 10.0, method, 1000, seed, (0.5, 2.0), rates)
        for method, seed, rates in (
            ("layered", 8, None), ("rejection", 9, None), ("layered", 10, {"update_W1_*_b5_*": 0.0})
        )
    )  # fmt: skip
    p = [
        chi_square_two(layered.of(name)[:, k], plain.of(name)[:, k])
        for k in range(2)
        for name in ("W1_0_0_p", "W1_3_4_m", "D1_2_b0_p", "Z2_1_b5_p", "B1_0_m", "W2_0_0_m")
    ]
    accept(min(p), "layered, batch", family=len(p))
    places = [spec.network.index[f"W1_{i}_{j}_{rail}"] for i in range(7) for j in range(6) for rail in "pm"]
    total, other, wrong = (run.counts[:, -1, places].sum(axis=1) for run in (layered, plain, planted))
    accept(chi_square_two(total, other), "layered, batch, all weights of a layer")
    assert rejects(chi_square_two(wrong, other))


def test_every_sample_has_families_of_its_own_and_inputs_of_neurons_none():
    for how in ({"hold": 4.0}, {}, {"chemistry": "feedback_alignment"}, {"signed_inputs": True}):
        network = gnn.training_network((16, 16, 10), batch=8, derivative="gain", **how).network
        families = network.compiled.families
        assert len(families) == 16
        for family in families:
            names = [network.species[s] for s in (*family.rows, *family.columns)]
            assert len({re.search(r"_b\d", name)[0] for name in names}) == 1
            assert all(network.reactions[r].name.startswith("update_W") for r in family.reactions)


# Presentations.


def test_the_order_fills_presentations_and_goes_on_with_the_next_permutation():
    order = presentation_order(7, 6, "random", 3, batch=4)
    assert order.shape == (6, 4) and sorted(order.ravel()[:7]) == sorted(order.ravel()[7:14]) == list(range(7))
    np.testing.assert_array_equal(presentation_order(3, 2, "cyclic", 3, batch=4), [[0, 1, 2, 0], [1, 2, 0, 1]])


def test_a_given_batch_keeps_the_number_of_samples_shown():
    iris = case("iris").settings  # 2,100 presentations
    for batch, n in ((8, 263), (1, 2100), (100, 21)):
        assert iris.taking({"batch": batch}).presentations == n
    assert iris.taking({"batch": 8, "presentations": 10}).presentations == 10
    assert iris.taking({"batch": 8}, 20).presentations == 3
    assert iris.replace(batch=8).taking({"batch": 4}).presentations == 4200
    plan = gnn.train("iris", batch=8, limit=20, method="gradient_descent", seed=1).plan
    assert plan.order.shape == (3, 8) and len(plan.dataset.train_x) == 20 and plan.settings.presentations == 3
    fit = gnn.train("iris", batch=8, method="gradient_descent", seed=1, validation=0.2, learning_rate=1e-3)
    assert fit.plan.presentations.evaluated[0] == min(-(-84 // 8), 263 // 20)


def test_settings_of_batches_are_recorded_only_where_given():
    new = {"batch", "centred", "shift", "learning_schedule"}
    assert not new & case("iris").settings.record().keys()
    made = case("digits").settings.replace(batch=2, centred=True, shift=1, learning_schedule="cosine")
    assert new <= made.record().keys() and Settings.restored(made.record()) == made
    assert new <= case("iris").settings.every().keys()
    plain, batch = (Training("iris", 0, settings=given) for given in ((), (("batch", 4),)))
    assert plain.stem != batch.stem and "batch" not in plain.decided["settings"]
    assert batch.decided["settings"]["presentations"] == 525


def test_samples_set_what_is_presented():
    data, settings = case("digits").load(1), case("digits").settings.replace(batch=B, centred=True, shift=2)
    settings = settings.replace(learning_schedule="cosine", hidden=(2,))
    order = presentation_order(len(data.train_x), 10, "random", 1, B)
    shown = Presented.of(data, settings, order, 1)
    spec = gnn.training_network((64, 2, 10), signed_inputs=True, **settings.of_network)
    samples, mean = Samples(spec, shown, 1e6), data.train_x.mean(axis=0)
    np.testing.assert_array_equal(shown.centre, mean)
    for k in range(10):
        hold, learn = samples.steps(k, 12.0 * k, 12.0 * (k + 1))
        state = np.zeros(len(spec.network.species), dtype=np.int64)
        state[hold.species] = hold.counts
        x = spec.read(spec.inputs, state, 1e6).reshape(B, 8, 8) + mean.reshape(8, 8)
        moved = draw_shifts(2, order.shape, 1)[k]
        for image, s, (down, right) in zip(x, order[k], moved.tolist()):
            np.testing.assert_allclose(image, _moved(data.train_x[s].reshape(8, 8), down, right), atol=2e-6)
        np.testing.assert_array_equal(spec.read(spec.targets, state, 1e6).reshape(B, 10), data.train_t[order[k]])
        assert learn.counts.tolist() == [round(1e6 * (1 + np.cos(np.pi * k / 10)) / 2)]
    assert {-2, -1, 0, 1, 2} == set(draw_shifts(2, order.shape, 1).ravel().tolist())
    np.testing.assert_array_equal(draw_shifts(2, (40, B), 1)[:10], draw_shifts(2, order.shape, 1))


def _moved(image, down, right):
    n = len(image)
    moved = np.zeros_like(image)
    for i, j in itertools.product(range(n), repeat=2):
        if 0 <= i - down < n and 0 <= j - right < n:
            moved[i, j] = image[i - down, j - right]
    return moved


def test_a_shift_beyond_the_edge_leaves_nothing():
    images = np.ones((2, 3, 4))
    assert not shifted(images, np.array([[3, 0], [0, -100]])).any()


def test_shifts_need_images():
    with pytest.raises(InputError, match="shift = 1 moves images by pixels, but the samples of iris are not known"):
        gnn.train("iris", shift=1, method="gradient_descent")
    x = np.zeros((3, 6))
    for image, message in (
        ((2, 2), "has 2 x 2 = 4 pixels, but a sample has 6 features"),
        (6, "must be .rows, columns"),
    ):
        with pytest.raises(InputError, match=message):
            Dataset("own", "regression", x, x, x, x, image=image)


def test_a_warning_of_large_samples_knows_batch_and_centre():
    x = 1.0 + RNG.normal(0, 0.1, (200, 16))  # |x|^2 is 16; without the mean 0.16
    data = Dataset("own", "regression", x, np.zeros((200, 1)), x, np.zeros((200, 1)))
    assert not data.size_warning(0.1) and "s |x|^2" in data.size_warning(0.2)
    assert "4 samples" in data.size_warning(0.1, batch=4) and not data.size_warning(0.1, batch=4, centred=True)
    assert not data.size_warning(0.1, batch=32, centred=True) and data.size_warning(1.5, batch=128, centred=True)


# Runs.


def test_centred_inputs_are_centred_everywhere(tmp_path):
    fit = gnn.train(
        "iris", centred=True, batch=4, method="tau_leap", seed=2, presentations=6, validation=0.2, predict=5,
        output=tmp_path / "c.h5",
    )  # fmt: skip
    data = fit.plan.dataset
    np.testing.assert_array_equal(fit.centre, data.train_x.mean(axis=0))
    x = data.test_x[:5]
    np.testing.assert_allclose(
        fit.predict(x, exact_forward=True), fit.spec.floating.forward(fit.weights, x - fit.centre), rtol=1e-12
    )
    assert fit.spec.inputs[0].minus is not None and fit.scores["rmse"] == data.rmse(fit.outputs)
    kept = fit.plan.presentations.held_out
    outputs = fit.spec.floating.forward(fit.weights, data.train_x[kept] - fit.centre)
    assert fit.trained.scores[-1, 0] == pytest.approx(np.sqrt(np.mean((outputs - data.train_t[kept]) ** 2)))
    with gnn.open_run(tmp_path / "c.h5") as run:
        np.testing.assert_array_equal(run.training.centre, fit.centre)
        np.testing.assert_array_equal(run.training.inputs, data.test_x)
    np.testing.assert_array_equal(gnn.load_fit(tmp_path / "c.h5").predict(x), fit.chemical)
    assert not gnn.train("xor", presentations=1, running_time=0.1, seed=1).centre.any()


def test_a_prediction_by_simulation_takes_batches_and_throws_the_filling_away():
    fit = gnn.train("iris", batch=4, method="ode", seed=1, presentations=3, running_time=40.0, learning_rate=1e-3)
    x = fit.plan.dataset.test_x[:10]
    exact = fit.predict(x, exact_forward=True)
    for n in (1, 3, 4, 10):
        assert fit.predict(x[:n]).shape == (n, 3)
        np.testing.assert_allclose(fit.predict(x[:n]), exact[:n], atol=2e-3)


def test_accuracy_at_one_moment_is_that_of_the_last_reading():
    fit = gnn.train("iris", batch=4, volume=30.0, seed=1, presentations=3, running_time=10.0, predict=True)
    simulated = predict_by_simulation(fit.plan, fit.plan.dataset.test_x, fit.weights, fit.plan.seed, None, False)
    np.testing.assert_array_equal(simulated.mean, fit.chemical)
    data = fit.plan.dataset
    assert fit.scores["accuracy_chemical_moment"] == data.accuracy(simulated.last)
    assert fit.scores["accuracy_chemical"] == data.accuracy(simulated.mean)
    assert data.accuracy(simulated.last) != data.accuracy(simulated.mean)  # at Omega = 30 a reading is noise


IMAGES = {"data": "digits", "hidden": (2,), "batch": 3, "shift": 1, "centred": True, "learning_schedule": "steps",
          "hold": 0.0, "method": "tau_leap"}  # fmt: skip
FLOWERS = {"data": "iris", "batch": 4, "learning_schedule": "cosine", "validation": 0.2, "predict": 5, "hold": 0.4,
           "noise": gnn.RateNoise(0.1)}  # fmt: skip


@pytest.mark.parametrize("arguments", [IMAGES, FLOWERS], ids=["images", "flowers"])
def test_an_interrupted_run_becomes_the_uninterrupted_one(arguments, tmp_path, monkeypatch):
    train(tmp_path / "whole.h5", **arguments)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, **arguments)
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    with gnn.open_run(tmp_path / "whole.h5") as run:
        record, batch = run.training, arguments["batch"]
        assert record.batch == batch and record.presentations.shape == (23 * batch,) and record.n_presented == 23
        assert run.predictions.shape[1] == len(record.output_names) == batch * record.layers[-1]
        assert record["output"].tolist() == [f"Z2_{i}" for i in range(record.layers[-1])]


def test_own_images_are_shifted_and_resumed(tmp_path):
    x, t = RNG.uniform(0, 1, (6, 4)), RNG.uniform(0, 1, (6, 1))
    data = Dataset("own", "regression", x, t, x, t, image=(2, 2))
    train(tmp_path / "own.h5", data=data, shift=1, batch=2, method="gradient_descent")
    fit = gnn.load_fit(tmp_path / "own.h5")
    assert fit.plan.dataset.image == (2, 2) and fit.plan.settings.shift == 1


def test_a_schedule_given_with_an_object_must_be_that_of_the_run(tmp_path):
    train(tmp_path / "s.h5", chemistry=Leaking(hold=0.4, learning_schedule="cosine"))
    with pytest.raises(InputError, match="learning_schedule = cosine, but .* it is constant"):
        gnn.load_fit(tmp_path / "s.h5", chemistry=Leaking(hold=0.4))


@pytest.mark.parametrize("method", [m.name for m in gnn.simulation.METHODS if m.trains and not m.records_covariance])
def test_every_method_trains_batches(method):
    fit = gnn.train("xor", batch=2, method=method, volume=40.0, presentations=3, running_time=1.0, seed=5)
    assert fit.trained.n_presented == 3 and np.isfinite(fit.weights).all()


def test_noise_acts_on_every_sample_and_leaves_weights():
    noise = [gnn.ConcentrationNoise(0.1), gnn.RateNoise(0.1)]
    fit = gnn.train("xor", batch=2, noise=noise, predict=3, predict_noise=noise, seed=1, presentations=3, volume=50.0,
                    running_time=1.0)  # fmt: skip
    assert fit.chemical.shape == (3, 1)
    assert {s for s in fit.spec.unforced if s.startswith(("W", "B"))} == {s for r in fit.spec.weights for s, _ in
                                                                        r.signs()}  # fmt: skip


def test_a_batch_run_is_reported_drawn_and_exported(tmp_path, capsys):
    figure = pytest.importorskip("matplotlib.figure")
    path = str(tmp_path / "b.h5")
    short = ["--presentations", "12", "--volume", "100", "--running-time", "2", "--hold", "1", "--seed", "1"]
    assert main(["train", "iris", "--batch", "4", "--centred", "--predict", *short, "--output", path, "--json"]) == 0
    said = capsys.readouterr().out
    assert "12 presentations of 4 samples" in said and "from outputs at one moment" in said
    record = json.loads(said[said.index("{") :])
    assert record["batch"] == 4 and "accuracy_chemical_moment" in record
    for command in ("report", "analyze"):
        assert main([command, path]) == 0
    assert main(["export", path, "--to", "csv", "--output", str(tmp_path / "b.csv")]) == 0
    header = (tmp_path / "b.csv").read_text().splitlines()[0]
    assert "prediction_Z2_2_b3" in header
    fit = gnn.load_fit(path)
    with gnn.open_run(path) as run:
        drawn = figure.Figure()
        training_drawing(run).on(drawn)
        targets = np.array([fit.plan.presented.t(k) for k in range(12)])
        error = np.linalg.norm(run.predictions.reshape(12, 4, 3) - targets, axis=2).mean(axis=1)
        np.testing.assert_allclose(drawn.axes[1].lines[0].get_ydata(), error, atol=0.02)
    fit.plot()


def test_a_course_in_time_shows_what_training_shows(tmp_path):
    settings = (("batch", 2), ("running_time", 2.0), ("learning_schedule", "steps"), ("centred", True))
    point = FirstPresentations("xor", 0, "rejection", 50.0, settings, n_presentations=3, n_points=10)
    point.execute(tmp_path)
    plan = gnn.train("xor", **dict(settings), seed=0, volume=50.0, method="gradient_descent").plan
    with gnn.open_run(point.path(tmp_path)) as run:
        for k in range(3):
            counts = run.counts[0, 10 * k + 5]
            x = point.spec.read(point.spec.inputs, counts, 50.0).reshape(2, 2)
            np.testing.assert_array_equal(x, plan.presented.x(k))
            assert counts[point.spec.network.index["L"]] == 50 * plan.presented.licence(k)
    assert point.read(tmp_path) is not None
