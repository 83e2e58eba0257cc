"""The study of slopes: its points against the rate equations, and its numbers against what is planted."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import ConcentrationNoise, InputError, RateNoise, seeds
from gillespie_nn.nn.chemistry import Phase
from gillespie_nn.seeds import Purpose
from gillespie_nn.storage import training_file
from gillespie_nn.studies import gradient, runner
from gillespie_nn.studies import gradient as slopes
from gillespie_nn.studies.gradient import BINS, LINES_DRAWN, NEAR, Gradient, HeldError, HiddenSlopes, conditions
from gillespie_nn.studies.study import Extent, StudyResults

KAPPA = (("kappa", 60.0),)
Z = (-0.3, -0.03, 0.03, 0.3)


def small(**changes):
    given = {"n": 2, "activation": "annihilation_relu", "settings": KAPPA, "running_time": 6.0, "z": Z, **changes}
    return HiddenSlopes("xor", given.pop("seed", 7), **given)


def found(point, folder):
    point.execute(folder)
    assert point.read(folder) is not None
    return training_file.read(point.path(folder))


@pytest.mark.parametrize(
    "activation, settings", [("annihilation_relu", KAPPA), ("smooth_relu", (("h", 0.25),)), ("leaky_relu", ())]
)
def test_errors_are_those_of_the_rate_equations(activation, settings, tmp_path):
    point = small(n=1, activation=activation, settings=settings, step=0.005)
    errors = found(point, tmp_path).outputs[0]
    spec = gnn.training_network((2, len(Z), 1), chemistry=HeldError(), activation=point.function)
    drawn = seeds.stream(7, Purpose.INITIAL_WEIGHTS).uniform(-np.sqrt(1.5), np.sqrt(1.5), 2)
    before, x = seeds.stream(7, Purpose.SPLIT).uniform(0.0, 1.0, (2, 2))
    weights = np.concatenate([np.tile(drawn, len(Z)), np.array(Z) - drawn @ x, np.zeros(len(Z) + 1)])
    volume = 1e9  # counts are whole there, up to 1e-9
    schedule = [*spec.schedule(before, [0.0], volume, 6.0, 0.0), *spec.schedule(x, [0.0], volume, 6.0, 6.0)]
    run = gnn.simulate(
        spec.network, 12.0, 1201, method="ode", volume=volume, initial=spec.initial(weights, volume), schedule=schedule,
        progress=False,
    )  # fmt: skip
    late = run.time >= 9.0
    expected = [np.trapezoid(run.of(f"D1_{i}_p")[0, late], run.time[late]) / 3.0 for i in range(len(Z))]
    assert errors == pytest.approx(expected, abs=2e-3)


def test_errors_settle_at_the_slope_that_the_file_tells(tmp_path):
    for line in (LINES_DRAWN[0], LINES_DRAWN[5], LINES_DRAWN[6], LINES_DRAWN[11]):
        read = found(small(activation=line.activation, settings=line.settings, running_time=400.0), tmp_path)
        assert read.outputs == pytest.approx(read.targets, abs=1e-6)
        assert (read.targets[:, 3] > read.targets[:, 0]).all() and read.targets.shape == (2, 4)


def test_another_error_sum_is_seen(tmp_path, monkeypatch):
    phase = HeldError().phases[0]
    sets = (*phase.sets[:-1], ("error sum", 0.9))
    monkeypatch.setattr(HeldError, "phases", (Phase("hold", None, sets, learns=False),))
    read = found(small(running_time=400.0), tmp_path)
    assert read.outputs == pytest.approx(0.9 * read.targets, abs=1e-6)


def test_the_name_of_a_point_follows_all_that_decides_it(tmp_path):
    other = [
        small(), small(seed=8), small(n=3), small(settings=(("kappa", 61.0),)), small(activation="relu", settings=()),
        small(running_time=7.0), small(z=Z[1:]), small(noise=(RateNoise(0.1),)), small(step=0.01),
        small(noise=(ConcentrationNoise(0.1, step=1.0),)),
    ]  # fmt: skip
    assert len({p.stem for p in other}) == len(other)
    assert small(settings=(*KAPPA, ("switch_rate", 1.0))).stem == small().stem  # a default
    small().execute(tmp_path)
    small().path(tmp_path).rename(small(seed=8).path(tmp_path))
    with pytest.raises(InputError, match="contains another point"):
        small(seed=8).read(tmp_path)


@pytest.mark.parametrize("noise", [(), (RateNoise(0.1),), (ConcentrationNoise(0.1, step=1.0),)])
def test_a_configuration_is_decided_by_its_seed(noise, tmp_path):
    three = found(small(n=3, noise=noise), tmp_path).outputs
    assert (found(small(n=2, seed=8, noise=noise), tmp_path).outputs == three[1:]).all()
    assert np.unique(three[:, 2]).size == 3


def test_noise_reaches_the_slope(tmp_path):
    quiet, noisy = (
        found(small(n=6, running_time=40.0, noise=noise), tmp_path).outputs for noise in ((), (RateNoise(0.1),))
    )
    assert 0.01 < np.std(noisy - quiet) < 0.5


def test_each_neuron_is_in_one_bin():
    assert [sum(inside(size) for inside in BINS.values()) for size in gradient.Z_SIZES] == [1] * 6
    assert BINS[NEAR](0.1) and not BINS[NEAR](0.2)


@pytest.fixture
def planted(tmp_path):
    """Results in which the error of line k is 0.01 (k + 1) times a number of the configuration, the same for all."""
    extent, study = Extent(0, 50, True), Gradient()
    factor = 1.0 + np.random.default_rng(0).uniform(size=(50, 1))
    for group in conditions(extent):
        for condition in group:
            for k, line in enumerate(LINES_DRAWN):
                point = study.point("xor", extent, line, condition)
                slope = np.full((50, len(gradient.Z)), 0.5)
                shape = np.where(np.abs(gradient.Z) <= 0.1, 1.0, 0.1)
                errors = slope + 0.01 * (k + 1) * factor * shape
                training_file.write(point.path(tmp_path), point.decided, "regression", slope, errors)
    records, failed, missing = runner.read_all(study.points("xor", extent), tmp_path)
    assert not failed and not missing
    return study, StudyResults("xor", extent, records), np.sqrt(np.mean(factor**2))


def test_numbers_are_those_that_were_planted(planted):
    study, results, size = planted
    errors = study._errors(results)
    (condition, *_), *_ = conditions(results.extent)
    near = errors.rms(LINES_DRAWN[3], condition, BINS[NEAR])
    assert near.mean == pytest.approx(0.04 * size) and near.low < near.mean < near.high and near.n == 50
    assert near.high - near.low < 0.2 * near.mean
    far = errors.rms(LINES_DRAWN[3], condition, BINS["|z| >= 0.3"])
    assert far.mean == pytest.approx(0.1 * near.mean)
    ratio = errors.ratio(LINES_DRAWN[3], condition, BINS[NEAR])
    assert ratio[:3] == pytest.approx((4.0, 4.0, 4.0))  # the same configurations: no spread
    relu = errors.rms(LINES_DRAWN[3], condition, BINS[NEAR], against_relu=True)
    assert relu.mean == pytest.approx(0.5, abs=0.01)
    rms, over, *_, of_relu = study.tables(results)
    assert len(rms.rows) == len(LINES_DRAWN) and float(over.rows[3][1].split()[0]) == pytest.approx(4.0)
    assert "true ReLU" in of_relu.caption


def test_no_ratio_to_an_error_that_does_not_matter(planted, monkeypatch):
    study, results, _ = planted
    (condition, *_), *_ = conditions(results.extent)
    monkeypatch.setattr(gradient, "NEGLIGIBLE", 0.5)
    assert str(study._errors(results).ratio(LINES_DRAWN[3], condition, BINS[NEAR])) == "-"


def test_the_first_activation_is_the_default_smooth_relu():
    assert small(activation="smooth_relu", settings=LINES_DRAWN[0].settings).function == gnn.activations.SmoothReLU()
    assert slopes.HeldError().annihilation_rate == gnn.nn.chemistries.KangKim().annihilation_rate
