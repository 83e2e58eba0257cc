"""A fit has the scale of its data: predictions take and return what the user gave, from files too, and outside the
range seen in training."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import Dataset, InputError

SHORT = {"hidden": (3,), "volume": 200.0, "presentations": 12, "running_time": 5.0, "seed": 4, "method": "rejection"}
RNG = np.random.default_rng(7)
X = RNG.uniform([-300.0, 5.0], [900.0, 5.5], (24, 2))
T = 1e4 + 20.0 * X[:, :1] - 300.0 * X[:, 1:]


def without_scale(data):
    """The same concentrations, of which nobody knows where they come from."""
    return Dataset("bare", data.task, data.train_x, data.train_t, data.test_x, data.test_t, classes=data.classes)


@pytest.fixture(scope="module", params=["unit", "standard"])
def pair(request, tmp_path_factory):
    """A fit with a scale in a file, and the fit to the same concentrations without it."""
    data = Dataset.from_arrays(X, T, scale=request.param)
    path = tmp_path_factory.mktemp("scale") / "scaled.h5"
    return gnn.train(data, output=path, predict=3, **SHORT), gnn.train(without_scale(data), predict=3, **SHORT)


@pytest.mark.parametrize("exact_forward", [False, True])
def test_predict_takes_and_returns_the_units_of_the_user(pair, exact_forward):
    fit, bare = pair
    data = fit.plan.dataset
    found = fit.predict(X, exact_forward=exact_forward, seed=1)
    scaled = bare.predict(data.to_concentrations(X), exact_forward=exact_forward, seed=1)
    np.testing.assert_array_equal(found, scaled * data.target_scale.width + data.target_scale.offset)
    assert abs(found.mean() - T.mean()) < 3 * T.std() and not np.allclose(found, scaled)


def test_scores_and_outputs_stay_those_of_concentrations(pair):
    fit, bare = pair
    np.testing.assert_array_equal(fit.weights, bare.weights)
    np.testing.assert_array_equal(fit.outputs, bare.outputs)
    np.testing.assert_array_equal(fit.chemical, bare.chemical)
    assert fit.scores.keys() == bare.scores.keys()
    np.testing.assert_array_equal(list(fit.scores.values()), list(bare.scores.values()))
    assert fit.scores["rmse"] == pytest.approx(np.sqrt(np.mean((fit.outputs - fit.plan.dataset.test_t) ** 2)))


def test_a_fit_from_a_file_predicts_bit_for_bit(pair):
    fit, _ = pair
    for again in (gnn.load_fit(fit.output), gnn.resume(fit.output)):
        for how in ({}, {"exact_forward": True}, {"weights": fit.last_weights}):
            np.testing.assert_array_equal(again.predict(X[:5], **how), fit.predict(X[:5], **how))
        for name in ("feature_scale", "target_scale"):
            one, two = getattr(again.plan.dataset, name), getattr(fit.plan.dataset, name)
            assert one.kind == two.kind and (one.offset == two.offset).all() and (one.width == two.width).all()
    with gnn.open_run(fit.output) as run:
        features, targets = run.training.scales
        assert run.version == (1, 8) and features.kind == targets.kind == run.training.data["scale"]


def test_inputs_outside_the_range_of_training_are_right():
    """Below the range they are negative concentrations, which the forward network holds on a second rail."""
    data = Dataset.from_arrays(X, T, scale="unit", test=0)
    fit = gnn.train(data, **SHORT | {"volume": 10_000.0, "running_time": 20.0})  # long enough to come to rest
    assert not fit.plan.signed
    outside = np.array([[-1200.0, 4.8], [2000.0, 6.0], [300.0, 4.6]])
    assert (data.to_concentrations(outside) < 0).any()
    expected = fit.predict(outside, exact_forward=True)
    found, within = fit.predict(outside), 0.05 * data.target_scale.width[0]
    np.testing.assert_allclose(found, expected, atol=within)
    inside = data.feature_scale.undo(np.clip(data.to_concentrations(outside), 0.0, None))
    assert (np.abs(fit.predict(inside, exact_forward=True) - expected) > 2 * within).any()  # the minus rail matters


def test_centred_inputs_are_centred_behind_the_scale():
    fit = gnn.train(Dataset.from_arrays(X, T, scale="unit", test=0), **SHORT | {"centred": True})
    data = fit.plan.dataset
    x = data.to_concentrations(X) - data.train_x.mean(axis=0)
    expected = data.from_concentrations(fit.spec.floating.forward(fit.weights, x))
    np.testing.assert_array_equal(fit.predict(X, exact_forward=True), expected)


def test_classify_names_the_class_of_the_largest_output(tmp_path):
    names = np.where(X[:, 0] > 300, "high", "low")
    fit = gnn.train(Dataset.from_arrays(X, names, scale="unit", test=0), output=tmp_path / "c.h5", **SHORT | {
        "method": "gradient_descent", "presentations": 2000})  # fmt: skip
    assert fit.plan.dataset.target_scale is None
    found = fit.classify(X)
    assert found.tolist() == [("high", "low")[k] for k in fit.predict(X).argmax(axis=1)]
    assert (found == names).mean() == fit.accuracy > 0.9
    again = gnn.load_fit(tmp_path / "c.h5").classify(X, weights=fit.weights)
    assert again.tolist() == found.tolist()
    one_hot = Dataset("mine", "classification", X / 1e3, np.eye(2)[[0, 1] * 12], X / 1e3, np.eye(2)[[0, 1] * 12])
    assert set(gnn.train(one_hot, **SHORT).classify(X / 1e3, exact_forward=True)) <= {"0", "1"}


def test_only_classes_have_names():
    short = SHORT | {"method": "gradient_descent"}
    with pytest.raises(InputError, match="the task of this fit is regression: use predict$"):
        gnn.train((X / 1e3, T / 1e4), **short).classify(X)
    data = Dataset.from_arrays(X / 1e3, [0, 1] * 12, "threshold")
    with pytest.raises(InputError, match="the task of this fit is threshold: use predict, and compare .* with 0.5"):
        gnn.train(data, **short).classify(X)


def test_a_file_from_before_scales_is_read_and_warns(pair, tmp_path):
    fit, bare = pair
    path = shutil.copy(fit.output, tmp_path / "old.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = np.array([1, 7])
        for name in ("feature_offset", "feature_width", "target_offset", "target_width"):
            del file[f"training/{name}"]
        about = json.loads(file["training"].attrs["data"])
        del about["scale"]
        file["training"].attrs["data"] = json.dumps(about)
    old = gnn.load_fit(path)
    x = fit.plan.dataset.to_concentrations(X)
    with pytest.warns(UserWarning, match="does not have the scale of its features"):
        np.testing.assert_array_equal(old.predict(x, exact_forward=True), bare.predict(x, exact_forward=True))
    np.testing.assert_array_equal(old.outputs, bare.outputs)


def test_a_scale_that_is_none_is_a_damaged_file(pair, tmp_path):
    path = shutil.copy(pair[0].output, tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        file["training/feature_width"][1] = 0.0
    with pytest.raises(InputError, match=r"damaged.h5: a scale needs finite offsets and positive, finite widths"):
        gnn.load_fit(path)


def test_looking_inside_takes_the_units_of_the_user(pair):
    """Arrays of `trajectories` are as given to `train`: the network gets the same concentrations."""
    fit, bare = pair
    data = fit.plan.dataset
    one = fit.trajectories((X[:2], T[:2]), seed=3, points=20)
    two = bare.trajectories((data.to_concentrations(X[:2]), data.target_scale.apply(T[:2])), seed=3, points=20)
    names = [name for name in one.names if not name.startswith("noise")]
    assert names == list(two.names)
    for name in names:
        np.testing.assert_array_equal(one[name], two[name])


def test_sbml_presents_the_scaled_input_and_says_how_to_read_the_output(pair):
    pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    fit, bare = pair
    data = fit.plan.dataset
    one = gnn.ReactionNetwork.from_sbml(text := fit.to_sbml(X[0]))
    two = gnn.ReactionNetwork.from_sbml(bare.to_sbml(data.to_concentrations(X[:1])[0]))
    assert one.initial == two.initial
    width, offset = map(float, re.search(r"output 0 times (\S+) plus (\S+)\.</p>", text).groups())
    assert (width, offset) == (data.target_scale.width[0], data.target_scale.offset[0])


def test_a_film_names_samples_in_the_units_of_the_user(pair):
    fit, _ = pair
    data = fit.plan.dataset
    first = data.feature_scale.undo(data.test_x[0])
    assert fit._film(2).labels[0] == f"({first[0]:.3g}, {first[1]:.3g})"


@pytest.mark.parametrize("gone", ["feature_offset", "feature_width", "target_offset", "target_width"])
def test_a_file_without_a_part_of_its_scale_is_refused(pair, gone, tmp_path):
    path = shutil.copy(pair[0].output, tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        del file[f"training/{gone}"]
    with pytest.raises(InputError, match="scale of"):
        gnn.load_fit(path)


def test_inputs_in_other_units_are_warned_of_and_hopeless_ones_refused(recwarn):
    fit = gnn.train("iris", method="gradient_descent", presentations=200, seed=1)
    fit.predict(fit.plan.dataset.test_x)
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"feature 0 of sample 0 is 5.1 \[concentration\], but .*data/README.md"):
        fit.predict([[5.1, 3.5, 1.4, 0.2]])
    simulated = gnn.train("xor", presentations=2, running_time=2.0, seed=1)
    with pytest.raises(InputError, match="so many molecules take too long to simulate"):
        simulated.predict([[0, 1], [1000, 1]])
    with pytest.warns(UserWarning, match="far outside"):
        assert np.isfinite(simulated.predict([[1000, 1]], exact_forward=True)).all()


def test_a_changed_rate_of_the_forward_pass_is_warned_of(recwarn):
    """Floating point has the smoothing of the settings, and not that of a changed reaction."""
    gnn.train("xor", presentations=2, running_time=2.0, seed=1, rates={"update_*_[12]": 0.02})
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"rates change reactions of the forward pass \(activation_Z1_0_1.*set h"):
        gnn.train("xor", presentations=2, running_time=2.0, seed=1, rates={"activation_Z1_?_1": 0.5})
