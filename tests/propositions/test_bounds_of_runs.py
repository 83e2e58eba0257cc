"""Verification of bounds on a network of the user: the setting is that of the run, and mistakes are sentences."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import Dataset, InputError
from gillespie_nn.cli import main
from gillespie_nn.nn import training_network
from gillespie_nn.propositions import SOURCES, setting_of, setting_of_fit, simulate_paths
from gillespie_nn.propositions.driven import DrivenPaths
from gillespie_nn.propositions.forcing import RateSource
from gillespie_nn.propositions.setting import Choice
from helpers.short_bounds import SIZES

SHORT = {"hidden": (2,), "volume": 100.0, "presentations": 12, "running_time": 3.0, "seed": 5, "method": "rejection"}
RNG = np.random.default_rng(1)
X = RNG.uniform([-40.0, 2.0], [60.0, 3.0], (16, 2))
DATA = Dataset.from_arrays(X, np.where(X[:, 0] > 10, "hot", "cold"), scale="unit", name="oven")


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    return gnn.train(DATA, output=tmp_path_factory.mktemp("runs") / "oven.h5", **SHORT)


def test_the_forward_setting_has_the_trained_weights_and_the_last_sample(fit):
    setting = setting_of_fit(fit, "5.1")
    np.testing.assert_array_equal(setting.weights, fit.weights)
    np.testing.assert_array_equal(setting.x, DATA.train_x[-1:])
    assert setting.running_time == 3.0 and not setting.spec.targets and setting.spec.layers == (2, 2, 2)
    assert not np.array_equal(fit.weights, fit.plan.learner.initial_weights)
    assert "your network trained on oven, 2-2-2, smooth_relu, weights fixed" in setting.described()
    # At rest the network gives what the fit predicts from the same sample in the units of the user.
    driven = DrivenPaths(setting_of_fit(fit, "5.1", running_time=40.0), gnn.RateNoise(SIZES[-1], "bounded"), SIZES, 0)
    for _ in driven.pieces(0):
        pass
    outputs = setting.spec.read_outputs(driven.system.columns[:-1, 0], 1.0)
    expected = fit.predict(DATA.feature_scale.undo(DATA.train_x[-1:]), exact_forward=True)
    np.testing.assert_allclose(outputs, expected[0], atol=1e-6)


def test_the_learning_setting_is_the_beginning_of_the_run(fit):
    setting, plan = setting_of_fit(fit, "5.2"), fit.plan
    np.testing.assert_array_equal(setting.weights, plan.learner.initial_weights)
    np.testing.assert_array_equal(setting.x, DATA.train_x[plan.order[:5, 0]])
    np.testing.assert_array_equal(setting.t, DATA.train_t[plan.order[:5, 0]])
    assert setting.network.digest == plan.spec.network.digest and setting.running_time == 3.0
    chosen = setting_of_fit(fit, "5.2", samples=[3, 0], running_time=1.5)
    np.testing.assert_array_equal(chosen.x, DATA.train_x[[3, 0]])
    assert chosen.horizon == 3.0 and len(setting_of_fit(fit, "5.2", presentations=2).x) == 2


def test_settings_of_the_run_reach_the_network():
    """Chemistry, activation, hold, changed rates and the centre; the network is that of training."""
    how = {"chemistry": "feedback_alignment", "activation": "rail_relu", "hold": 1.0, "centred": True,
           "rates": {"update_*": 0.5}}  # fmt: skip
    fit = gnn.train(DATA, **SHORT | how)
    learning = setting_of_fit(fit, "5.2", presentations=2)
    assert fit.plan.learner.changed_rates
    np.testing.assert_array_equal(learning.network.rates(), fit.plan.learner.rates)
    assert learning.activation == "rail_relu" and [p.name for p in learning.spec.phases] == ["hold", "learn"]
    np.testing.assert_array_equal(learning.x[0], fit.plan.presented.x(0)[0])
    forward = setting_of_fit(fit, "5.1")
    np.testing.assert_allclose(forward.x[0], DATA.train_x[-1] - DATA.train_x.mean(axis=0))
    assert len(forward.spec.inputs[0].signs()) == 2
    assert DrivenPaths(learning, gnn.RateNoise(SIZES[-1], "bounded"), SIZES, 0).errors(0).theta.max() > 0


def test_brief_presentations_keep_the_step_of_the_run(fit):
    fit = gnn.train(DATA, **SHORT | {"running_time": 12.0, "hold": 2.0, "learning_rate": 0.02, "presentations": 3})
    brief = setting_of_fit(fit, "5.2", brief=True)
    assert brief.running_time == 6.0 and len(brief.x) == 3
    assert brief.spec.chemistry.step(6.0) == pytest.approx(fit.plan.settings.step)
    assert "presentations last 6 s and not 12 s" in brief.notes[0] and "2.5 times that of the run" in brief.notes[0]
    assert setting_of_fit(fit, "5.2", brief=True, running_time=12.0).spec.chemistry.learning_rate == 0.02
    assert setting_of_fit(fit, "5.1", brief=True).running_time == 10.0 and not setting_of_fit(fit, "5.1").notes


def test_what_cannot_be_repeated_is_refused(fit):
    batch = gnn.train(DATA, **SHORT | {"batch": 2})
    with pytest.raises(InputError, match="presents 2 samples at once, but 5.2 .* train with batch=1, or verify 5.1"):
        setting_of_fit(batch, "5.2")
    one = setting_of_fit(batch, "5.1")
    assert one.spec.batch == 1 and one.spec.layers == batch.spec.layers
    falling = gnn.train(DATA, **SHORT | {"learning_schedule": "cosine"})
    with pytest.raises(InputError, match="schedule 'cosine', but 5.2 .* learning_schedule='constant', or verify 5.1"):
        setting_of_fit(falling, "5.2")
    assert setting_of_fit(falling, "5.1").x.shape == (1, 2)
    for how, message in (
        ({"proposition": "5.3"}, "unknown proposition '5.3'"),
        ({"samples": [12]}, "samples must be at most 11, got 12: training samples are numbered from 0 to 11"),
        ({"samples": [0], "presentations": 1}, "leave presentations out"),
        ({"samples": []}, "at least one"),
        ({"presentations": 13}, "the run has 12 training samples, got 13"),
        ({"running_time": 0.0}, "running_time must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            setting_of_fit(fit, **how)


def test_networks_that_are_too_large_are_refused_before_any_reaction_is_made(fit, monkeypatch):
    monkeypatch.setattr("gillespie_nn.propositions.setting.training_network", lambda *a, **k: pytest.fail("made"))
    with pytest.raises(InputError, match=r"2-2-2 is too large to verify 5.2: it has \d+ reactions, and 5 "
                       r"presentations of 10000 s make .* of at most 5e\+05: present one sample for"):  # fmt: skip
        setting_of_fit(fit, "5.2", running_time=1e4)
    data = Dataset.from_arrays(RNG.uniform(0, 0.01, (8, 500)), ["a", "b"] * 4)
    with pytest.raises(
        InputError, match=r"500-100-2 is too large .* \d+ reactions.*train a network with fewer neurons"
    ):
        setting_of(Choice("5.1", data=data, hidden=(100,)))
    with pytest.raises(InputError, match=r"present fewer samples \(presentations=\d+"):
        setting_of_fit(fit, "5.2", running_time=2000.0)


@pytest.mark.parametrize("proposition", ["5.1", "5.2"])
def test_a_network_for_data_is_that_of_the_cases(proposition):
    setting = setting_of(Choice(proposition, data=DATA, hidden=(3,), seed=2))
    assert setting.spec.layers == (2, 3, 2) and setting.case == "your network for oven"
    initial = training_network((2, 3, 2)).floating.initial_weights(2, 1.0)
    assert np.array_equal(setting.weights, initial) == (proposition == "5.2")
    if proposition == "5.1":  # trained by gradient descent
        before, after = (DATA.rmse(setting.spec.floating.forward(w, DATA.test_x)) for w in (initial, setting.weights))
        assert after < before
        np.testing.assert_array_equal(setting.x, DATA.train_x[-1:])
    large = Dataset.from_arrays(100 * X, ["a", "b"] * 8)
    refusal = (
        "too large to be concentrations" if proposition == "5.2" else "gradient descent, .*, diverges at a step of 0.2"
    )
    with pytest.raises(InputError, match=f"{refusal}.*--scale unit"):
        setting_of(Choice(proposition, data=large))


def test_the_weights_for_data_learn_at_the_rate_that_is_asked_for_and_the_notes_say_how_well():
    slow, fast = (setting_of(Choice("5.1", data=DATA, hidden=(3,), learning_rate=eta)) for eta in (0.001, 0.01))
    assert not np.allclose(slow.weights, fast.weights)
    assert f"at a step of {0.001 * 20:g}: on the training samples accuracy" in slow.notes[-1]
    unit = X / np.sqrt(np.mean(np.sum(X**2, axis=1)))
    with pytest.raises(InputError, match="diverges at a step of 0.2: the learning rate is too large"):
        setting_of(Choice("5.1", data=Dataset.from_arrays(4 * unit, ["a", "b"] * 8)))
    # A brief presentation learns faster, and its rate is the one that is checked.
    steep = Dataset.from_arrays(32 * unit, ["a", "b"] * 8)
    setting_of(Choice("5.2", data=steep))
    with pytest.raises(InputError, match="too large to be concentrations"):
        setting_of(Choice("5.2", data=steep, brief=True))


@pytest.mark.parametrize("noise", SOURCES, ids=lambda s: s.name)
def test_every_noise_acts_on_the_network_of_a_run(noise, fit, tmp_path, monkeypatch):
    monkeypatch.setattr("gillespie_nn.propositions.intrinsic.SMALLEST_VOLUME", 50.0)
    monkeypatch.setattr("gillespie_nn.propositions.intrinsic.LARGEST_VOLUME", 400.0)
    setting = setting_of_fit(fit, "5.2", presentations=1, running_time=1.0)
    results = simulate_paths(noise(setting, 2, 0, 1), tmp_path / "b.h5", workers=1)
    assert results.committed.any() and np.nanmax(results.theta) > 0 and not results.violations.any()


def test_the_first_path_reaches_the_end_whatever_the_running_time(fit):
    """A rest of almost no length at the end of a piece is no blow-up."""
    for duration in (3.0, 1.7, 0.9):
        setting = setting_of_fit(fit, "5.1", running_time=duration)
        time, reference, _ = RateSource(setting, 2, 0).first_path(setting.horizon / 400)
        assert time[-1] == duration and np.isfinite(reference).all()


COMMAND = ["verify-bounds", "--paths", "20", "--looks", "1", "--running-time", "1", "--seed", "0"]


def test_the_command_verifies_a_run_and_its_exit_code_is_that_of_its_verdict(fit, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    codes = {"holds": 0, "fails": 1, "inconclusive": 3}
    code = main([*COMMAND, "--run", fit.output, "--json"])
    assert code == codes[json.loads(capsys.readouterr().out.strip().splitlines()[-1])["verdict"]]
    (report,) = (tmp_path / "runs" / "bounds").glob("5.1-rate-oven-????????-running_time1-*.md")
    text = report.read_text()
    assert "Setting: your network trained on oven, 2-2-2" in text and f"--run {fit.output}" in text
    assert "--case" not in text and "--activation" not in text
    # Another run, sample or proposition gets another file.
    for more in (["--samples", "0"], ["--proposition", "5.2", "--presentations", "1"]):
        main([*COMMAND, "--run", fit.output, *more])
    assert len(list((tmp_path / "runs" / "bounds").glob("*.h5"))) == 3
    for name in codes:
        record = json.loads(report.with_suffix(".json").read_text()) | {"verdict": name}
        monkeypatch.setattr(
            "gillespie_nn.cli.verify_bounds_command.verdict", lambda *a, record=record, **k: dict(record)
        )
        assert main([*COMMAND, "--run", fit.output, "--overwrite"]) == codes[name]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--case", "xor", "--data", "x.csv"], "--case and --data name different networks: give one of them"),
        (["--hidden", "4"], "hidden only applies to data"),
        (["--scale", "unit"], "--scale only applies to a data file: give --data FILE.csv"),
        (["--data", "x.csv"], "target is missing: name the column to learn, for example target='kind' (--target kind)"),
        (["--data", "x.csv", "--target", "kind", "--hidden", "4x"], "--hidden takes whole numbers like 4 or 32,16"),
        (["--case", "kink", "--proposition", "5.2", "--samples", "0"], "samples do not apply to case kink"),
        (["--samples", "1;2"], "--samples takes whole numbers like 0,3, got '1;2'"),
        (["--run", "none.h5"], "no such run file: none.h5"),
    ],
)
def test_a_mistake_about_the_network_is_one_sentence(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a,b,kind\n" + "1,2,x\n2,1,y\n" * 8)
    assert main(["verify-bounds", *arguments]) == 2
    captured = capsys.readouterr().err
    assert message in captured and len(captured.strip().splitlines()) == 1


def test_a_run_brings_its_settings_with_it(fit, capsys):
    for flag in ("--activation", "--learning-rate", "--hidden", "--target"):
        assert main(["verify-bounds", "--run", fit.output, flag, "1"]) == 2
        assert f"{flag} sets what the run in {fit.output} brings with it: leave {flag} out" in capsys.readouterr().err
