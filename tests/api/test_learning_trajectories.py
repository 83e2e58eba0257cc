"""Trajectories of a training network: those of the training itself, of samples that are given, and their figure."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.activations import ACTIVATIONS
from gillespie_nn.api.learning_trajectories import LearningTrajectories, liveliest
from gillespie_nn.checks import InputError
from gillespie_nn.nn import training_network
from gillespie_nn.nn.chemistries import CHEMISTRIES

SHORT = {"running_time": 4.0, "volume": 100.0, "progress": False}


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "xor.h5"
    return gnn.train("xor", seed=1, presentations=8, checkpoint_every=3, learning_rate=0.2, output=path, **SHORT)


@pytest.fixture(scope="module")
def centred():
    rng = np.random.default_rng(5)
    data = gnn.Dataset.from_arrays(rng.uniform(0.2, 1.0, (12, 3)), rng.uniform(0.0, 1.0, (12, 2)))
    return gnn.train(data, hidden=(4,), seed=2, presentations=5, batch=2, centred=True, **SHORT)


def test_the_first_presentations_from_the_initial_weights_are_the_training_itself(fit):
    t = fit.trajectories(7, weights="initial", points=20, progress=False)
    with gnn.open_run(fit.output) as run:
        # The last point is the end of a presentation, before the next sample is set, as records of a training are.
        assert np.array_equal(t.counts[-1], run.counts[0, 6])
        shorter = fit.trajectories(4, weights="initial", points=7, progress=False)
        assert np.array_equal(shorter.counts[-1], run.counts[0, 3])
    assert np.array_equal(shorter.counts[::7][:4], t.counts[::20][:4])
    assert np.array_equal(t.samples, fit.plan.order[:7])
    # A seed, or a method, makes other presentations of the same law.
    other = fit.trajectories(7, weights="initial", points=20, seed=fit.plan.seed, progress=False)
    assert not np.array_equal(other.counts, t.counts) and np.array_equal(other.counts[0], t.counts[0])


def test_the_training_itself_has_its_noise(tmp_path):
    noisy = gnn.train(
        "xor", seed=1, presentations=4, checkpoint_every=2, noise=gnn.RateNoise(0.3), output=tmp_path / "n.h5", **SHORT
    )
    t = noisy.trajectories(4, weights="initial", points=5, progress=False)
    with gnn.open_run(noisy.output) as run:
        assert np.array_equal(t.counts[-1], run.counts[0, 3])


def test_numbers_of_samples_are_these_samples(fit):
    data = fit.plan.dataset
    by_number = fit.trajectories([2, 0], points=10)
    by_value = fit.trajectories((data.train_x[[2, 0]], data.train_t[[2, 0]]), points=10)
    assert np.array_equal(by_number.counts, by_value.counts)
    assert by_number.samples.tolist() == [[2], [0]] and by_value.samples is None
    assert np.array_equal(by_number.inputs[:, 0], data.train_x[[2, 0]])
    assert np.array_equal(by_number.targets[:, 0], data.train_t[[2, 0]])
    assert np.array_equal(by_number["X_0"], np.repeat(data.train_x[[2, 0], 0], [10, 11]))
    assert np.array_equal(by_number["T_0"], np.repeat(data.train_t[[2, 0], 0], [10, 11]))


def test_time_and_switches(fit):
    t = fit.trajectories(3, points=10)
    assert np.allclose(t.time, np.linspace(0.0, 12.0, 31)) and t.time[-1] == 12.0
    assert t.switches.tolist() == [0.0, 4.0, 8.0] and np.array_equal(t.time[:-1:10], t.switches)
    assert np.array_equal(t["time"], t.time) and len(t) == 3


def test_names_and_values(fit):
    t = fit.trajectories(2, points=10)
    index = t.network.declared.index
    plus, minus = (t.counts[:, index[f"W1_0_0_{rail}"]] / t.volume for rail in "pm")
    assert np.array_equal(t["W1_0_0"], plus - minus)
    assert np.array_equal(t["W1_0_0_p"], plus) and np.array_equal(t[["W1_0_0", "Y1_0"]][:, 0], t["W1_0_0"])
    assert "D1_0" in t and "D1_0_p" in t and "D1_9" not in t and {"W1_0_0", "Z1_0", "S1_0", "E1_0", "D1_0"} <= {*t}
    species = fit.trajectories(2, signed=False, points=10)
    assert species.names == t.network.declared.species and np.array_equal(species.counts, t.counts)
    assert np.array_equal(species["D1_0"], t["D1_0"])
    for trajectories in (t, species):
        frame = trajectories.to_dataframe()
        assert frame.columns.tolist() == [*trajectories.names] and len(frame) == 21
        assert all(np.array_equal(frame[name], trajectories[name]) for name in trajectories.names)
        assert frame.index.get_level_values("presentation").tolist() == [0] * 10 + [1] * 11


@pytest.mark.parametrize("chemistry", [c.name for c in CHEMISTRIES])
@pytest.mark.parametrize("activation", [a.name for a in ACTIVATIONS])
def test_every_species_is_part_of_a_name(activation, chemistry):
    network = training_network((2, 3, 1), activation, chemistry=chemistry, signed_inputs=True)
    t = LearningTrajectories(
        network,
        np.arange(2.0),
        np.arange(2 * len(network.network.species)).reshape(2, -1),
        1.0,
        np.zeros(1),
        np.empty(0),
    )
    assert {s for number in network.numbers for s, _ in number.rails.signs()} == {*network.network.species}
    assert len({*t.names}) == len(t.names) == len(network.numbers)


def test_from_which_weights(fit):
    def weights(t):
        return t.network.read_weights(t.counts[0], t.volume)

    half = 0.5 / fit.plan.volume + 1e-12  # rounding to whole molecules
    assert np.abs(weights(fit.trajectories(1, points=2)) - fit.weights).max() <= half
    assert np.array_equal(weights(fit.trajectories(1, weights="initial", points=2)), fit.plan.learner.initial_weights)
    given = np.linspace(-1.0, 1.0, len(fit.weights))
    assert np.abs(weights(fit.trajectories([0], weights=given, points=2)) - given).max() <= half


@pytest.mark.parametrize("samples", [[[0, 1], [1, 1]], ([[0, 1], [1, 1]], None)])
def test_without_targets_weights_are_fixed(fit, samples):
    t = fit.trajectories(samples, points=10)
    weights = t.network.read_weights(t.counts, t.volume)
    assert (weights == weights[0]).all() and t.targets is None
    assert "T_0" not in t and "D1_0" not in t and "Z1_0" in t
    assert np.ptp(t["Z2_0"]) > 0
    # With targets they change.
    learning = fit.trajectories((samples[0] if isinstance(samples, tuple) else samples, [[1], [0]]), points=10)
    moved = learning.network.read_weights(learning.counts, learning.volume)
    assert (moved != moved[0]).any()


def test_rate_equations_settle_at_the_forward_pass(fit):
    x = [[0.0, 1.0], [1.0, 1.0]]
    t = fit.trajectories(x, method="ode", points=100)
    long = fit.plan._replace(learner=fit.plan.learner._replace(settings=fit.plan.settings.replace(running_time=40.0)))
    t = gnn.Fit(long, fit.trained, 0.0, fit.scores).trajectories(x, method="ode", points=100)
    assert t.method == "ode" and t.method_reason == "requested"
    assert t["Z2_0"][[99, -1]] == pytest.approx(fit.predict(x, exact_forward=True)[:, 0], abs=1e-3)


def test_batches_are_as_they_were_and_samples_come_alone(centred):
    t = centred.trajectories(2, points=5)
    assert t.samples.shape == (2, 2) and "Z1_0_b0" in t and t.network.batch == 2
    plan = centred.plan
    assert np.array_equal(t.inputs[1], plan.dataset.train_x[plan.order[1]] - plan.centre)
    alone = centred.trajectories(plan.order[1], points=5)
    assert alone.network.batch == 1 and alone.samples.tolist() == [[k] for k in plan.order[1]]
    assert "Z1_0" in alone and np.array_equal(alone.inputs[:, 0], t.inputs[1])
    with pytest.raises(InputError, match="unknown quantity 'Z1_0'"):
        t["Z1_0"]


def test_inputs_are_given_as_to_train_and_presented_less_the_mean(centred):
    x = centred.plan.dataset.test_x[:2]
    t = centred.trajectories(x, points=5)
    assert np.array_equal(t.inputs[:, 0], x - centred.centre)
    assert np.allclose(t["X_1"][[0, -1]], x[:, 1] - centred.centre[1], atol=0.5 / t.volume)


def test_negative_inputs_of_a_network_without_minus_rails(fit):
    t = fit.trajectories(([[-0.5, 1.0]], [[1.0]]), points=5)
    assert t["X_0"][0] == -0.5 and "X_0_m" in t


@pytest.mark.parametrize("method", ["batch_leap", "gradient_descent", "gradient_flow"])
def test_methods_without_single_reactions(method):
    learnt = gnn.train(
        "xor", seed=1, presentations=4, method=method, hold=1.0, output_activation="smooth_relu", **SHORT
    )
    t = learnt.trajectories(2, points=5)
    assert t.network.listed and t.counts.dtype == np.int64 and "D1_0" in t
    assert t.method_reason.endswith(f"; {method}, which trained it, simulates no single reactions")
    assert np.abs(t.network.read_weights(t.counts[0], t.volume) - learnt.weights).max() <= 0.5 / t.volume + 1e-12


def test_a_network_too_large_to_list_is_refused_with_what_to_do(monkeypatch):
    rng = np.random.default_rng(0)
    data = gnn.Dataset.from_arrays(rng.uniform(0, 1, (40, 5)), rng.uniform(0, 1, (40, 1)))
    learnt = gnn.train(
        data, hidden=(5,), presentations=2, batch=20, method="batch_leap", hold=1.0, output_activation="smooth_relu",
        seed=1, **SHORT,
    )  # fmt: skip
    monkeypatch.setattr("gillespie_nn.api.learning_trajectories.MOST_LISTED", 2000)
    with pytest.raises(
        InputError, match=r"the network 5-5-1, with 20 samples at a time, has .* give numbers of samples"
    ):
        learnt.trajectories(2)
    assert learnt.trajectories([3], points=5).samples.tolist() == [[3]]
    monkeypatch.setattr("gillespie_nn.api.learning_trajectories.MOST_LISTED", 20)
    with pytest.raises(InputError, match="with 1 sample at a time, has .* train a smaller network"):
        learnt.trajectories([3])


def test_the_learning_schedule_is_that_of_the_presentations():
    learnt = gnn.train("xor", seed=1, presentations=4, learning_schedule="cosine", hold=1.0, **SHORT)
    t = learnt.trajectories(4, points=8)
    # The licence is 0 during the hold, the first quarter, and then falls over the run.
    licence = t["L"][:-1].reshape(4, 8)
    assert (licence[:, :2] == 0).all()
    expected = [learnt.plan.presented.licence(k) for k in range(4)]
    assert np.allclose(licence[:, 2:], np.array(expected)[:, None], atol=0.5 / t.volume) and expected[3] < 0.5
    assert (learnt.trajectories([0], points=8)["L"][2:] == 1.0).all()


def test_noise_acts_on_these_presentations_and_seeds_decide_them(fit):
    quiet, again, other = (fit.trajectories([0], seed=seed, points=5) for seed in (3, 3, 4))
    noisy = fit.trajectories([0], seed=3, points=5, noise=gnn.RateNoise(0.5))
    assert np.array_equal(quiet.counts, again.counts) and not np.array_equal(quiet.counts, other.counts)
    assert not np.array_equal(quiet.counts, noisy.counts)
    assert quiet.seed == 3 and fit.trajectories([0], points=5).seed == fit.plan.seed


def test_rates_that_the_training_changed_hold_here():
    learnt = gnn.train("xor", seed=1, presentations=2, rates={"update_*": 0.0}, **SHORT)
    t = learnt.trajectories([0, 1, 2], points=5)
    weights = t.network.read_weights(t.counts, t.volume)
    assert (weights == weights[0]).all() and "D1_0" in t


@pytest.mark.parametrize(
    "samples, message",
    [
        (0, "samples must be at least 1, got 0"),
        (9, "samples must be at most 8, got 9: a number is that of the first presentations"),
        ([4], "samples must be numbers of training samples, 0 to 3, got 4"),
        ([0, -1], "samples must be numbers of training samples, 0 to 3, got -1"),
        ([[1, 2, 3]], r"samples must have shape \[sample, 2\], or be a number of presentations.*got shape \(1, 3\)"),
        (True, "samples must have shape"),
        ([0.5, 1.0], "samples must have shape"),
        ("all", "samples must be finite numbers"),
        ([[0, np.nan]], "samples must be finite, got nan"),
        (([[0, 1]], [[1, 0]]), r"targets must have shape \[1, 1\], a row for each sample, got shape \(1, 2\)"),
        (np.empty((0, 2)), "samples are empty"),
    ],
)  # fmt: skip
def test_what_are_no_samples_is_a_sentence(fit, samples, message):
    with pytest.raises(InputError, match=message):
        fit.trajectories(samples)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weights": "last"}, "unknown weights 'last': as a name there is only initial; or give the numbers"),
        ({"weights": [1.0]}, r"weights must have shape \[17\], got shape \(1,\)"),
        (
            {"method": "batch_leap"},
            "method batch_leap simulates no single reactions, so it has no trajectories of them",
        ),
        ({"method": "linear_noise"}, "linear_noise"),
        ({"points": 1}, "points must be at least 2"),
        ({"noise": 0.1}, "noise must be a noise object"),
    ],
)
def test_bad_options_are_a_sentence(fit, options, message):
    with pytest.raises(InputError, match=message):
        fit.trajectories(1, **options)


def test_unknown_names_are_a_sentence(fit):
    t = fit.trajectories(1, points=2)
    with pytest.raises(InputError, match=r"unknown quantity 'd1_0' \(did you mean 'D1_0'\?\): the network has X_0"):
        t["d1_0"]
    with pytest.raises(
        InputError, match=r"trajectories are indexed by a name, t\['X_0'\], or by a list of names; got '3'"
    ):
        t[3]
    with pytest.raises(InputError, match="X_0 is not a quantity of a neuron: give the name of one, such as"):
        t.plot("X_0")
    with pytest.raises(InputError, match="output must be at most 0, got 1"):
        t.plot(output=1)


def _lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_the_figure(fit):
    t = fit.trajectories(3, weights="initial", points=20)
    panels = t.plot()
    layer, i, j = liveliest([t])
    names = [f"Z{layer}_{i}", f"Y{layer}_{i}", f"D{layer}_{i}", f"W{layer}_{i}_{j}"]
    assert [a.get_ylabel().splitlines()[1] for a in panels[1:]] == names
    assert [a.get_ylabel().splitlines()[0] for a in panels] == ["output", "pre-activation", "output", "error", "weight"]
    assert all(a.get_ylabel().endswith("[concentration]") for a in panels) and panels[-1].get_xlabel() == "time [s]"
    for axes, name in zip(panels, ["Z2_0", *names]):
        assert np.array_equal(_lines(axes)["simulated"].get_xydata(), np.column_stack([t.time, t[name]]))
    assert np.array_equal(_lines(panels[0])["target"].get_ydata(), t["T_0"])
    switches = [line.get_xdata()[0] for line in panels[1].lines if len(line.get_xdata()) == 2]
    assert switches == t.switches.tolist()
    # The weight that changes most of all in the first layer.
    changes = {name: np.ptp(t[name]) for name in t if name.startswith("W1")}
    assert changes[names[-1]] == max(changes.values()) > 0


def test_the_neuron_of_the_figure_can_be_named(fit):
    t = fit.trajectories(3, points=20)
    shown = [a.get_ylabel().splitlines()[1] for a in t.plot("W1_3_1")]
    assert shown[1:] == ["Z1_3", "Y1_3", "D1_3", "W1_3_1"]
    shown = [a.get_ylabel().splitlines()[1] for a in t.plot("D1_3_m")]
    assert shown[1:4] == ["Z1_3", "Y1_3", "D1_3"] and shown[4].startswith("W1_3_")
    # A linear output neuron has no activation.
    assert [a.get_ylabel().splitlines()[1] for a in t.plot("Z2_0")][1:3] == ["Z2_0", "D2_0"]


def test_the_figure_without_learning_and_of_a_batch(fit, centred):
    t = fit.trajectories([[0, 1], [1, 0]], points=20)
    panels = t.plot()
    assert [a.get_ylabel().splitlines()[0] for a in panels] == ["output", "pre-activation", "output", "weight"]
    assert "target" not in _lines(panels[0])
    moved = {name: np.ptp(t[name]) for name in t if name.startswith("Z1")}
    assert panels[1].get_ylabel().splitlines()[1] == max(moved, key=moved.get)
    batch = centred.trajectories(2, points=5)
    shown = [a.get_ylabel().splitlines()[1] for a in batch.plot("D1_2_b1", output=1)]
    assert shown[:4] == ["Z2_1_b1, and its target", "Z1_2_b1", "Y1_2_b1", "D1_2_b1"]
    assert np.array_equal(_lines(batch.plot("D1_2_b1", output=1)[0])["target"].get_ydata(), batch["T_1_b1"])


def test_how_it_looks_in_a_prompt_and_in_a_notebook(fit):
    t = fit.trajectories(2, seed=7, points=10)
    assert repr(t) == (
        "LearningTrajectories: 2 presentations, 21 points from 0 to 8 s, 50 numbers [concentration]\n"
        "  first 2 presentations of xor, from the trained weights; method rejection (that of the training), seed 7, "
        "Omega = 100"
    )
    html = t._repr_html_()
    assert "pre-activations" in html and "error sums" in html and "rms at 8 s" in html
    rms = {row[0]: row[3:] for row in t.table().rows}
    both = t[["W1_0_0", "W1_0_1", "W1_1_0", "W1_1_1", "W1_2_0", "W1_2_1", "W1_3_0", "W1_3_1"]][[0, -1]]
    assert rms["W1"] == pytest.approx(np.sqrt(np.mean(both**2, axis=1)))


@pytest.mark.parametrize("method", ["gradient_descent", "gradient_flow"])
def test_a_training_in_floating_point_is_looked_into_from_its_initial_weights(method):
    trained = gnn.train("xor", method=method, presentations=8, seed=1)
    t = trained.trajectories(2, weights="initial", points=10)
    assert t["W1_0_0"].shape == (21,)
    assert t["W1_0_0"][0] == pytest.approx(trained.plan.learner.initial_weights[0], abs=1e-3)


def test_targets_are_given_as_to_train(fit):
    x = np.array([[0.0, 1.0], [1.0, 1.0]])
    one, two = (fit.trajectories((x, t), points=10, seed=1) for t in ([1.0, 0.0], [[1.0], [0.0]]))
    np.testing.assert_array_equal(one["W1_0_0"], two["W1_0_0"])
    data = gnn.Dataset.from_arrays(np.tile(x, (4, 1)), ["hi", "lo"] * 4)
    classes = gnn.train(data, hidden=(2,), presentations=2, seed=1, running_time=2.0)
    t = classes.trajectories((x, ["lo", "hi"]), points=10)
    assert t.targets.tolist() == [[[0.0, 1.0]], [[1.0, 0.0]]]
    with pytest.raises(InputError, match="unknown class 'hy': choose one of hi, lo"):
        classes.trajectories((x, ["lo", "hy"]))


def test_too_many_points_are_refused_before_they_are_made(fit):
    with pytest.raises(InputError, match="record fewer points"):
        fit.trajectories(3, points=10**12)


def test_the_figure_of_named_quantities(fit):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    t = fit.trajectories(2, points=10)
    labels = [axes.get_ylabel() for axes in t.plot(["E1_2", "S1_2"])]
    assert len(labels) == 3 and "E1_2" in labels[1] and "S1_2" in labels[2]
    with pytest.raises(InputError, match="not a quantity of a neuron"):
        t.plot([3])
