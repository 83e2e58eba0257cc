"""The batch leap has the law of exact simulation, carries its state over, and does not depend on threads."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.checks import InputError, UnfinishedError
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.batches import BatchLeap, simulate_outputs
from gillespie_nn.simulation.batches.neurons import Weights
from gillespie_nn.verification.batch_comparison import PLANTS, BatchPoint, compare, method_changes
from helpers.checks_of_chance import accept, rejects

# Moments of 1,650 exact presentations (`rejection`) at this point: means and variances of all weights [molecules].
_POINT, _EXACT = BatchPoint(300.0, 40.0, 1.0), 1650
# fmt: off
_MEAN = np.array([
    12.234, -2.841, -1.118, -27.001, 1.647, 0.949, 11.414, -13.047, 3.098, -1.679, -2.519, -1.208, 21.152, -8.156,
    5.449, -5.209, 1.07, -2.493, 7.031, -1.915, 4.049, 8.27, 0.039, -1.7, 11.684, -11.632, 5.061, -1.027, -3.276,
    -0.744, -0.628, 8.412, 8.693, 3.866, 5.261, -13.272, 4.931, 27.063, 22.161, 9.598, 1.819, -0.241, 1.192, -0.267,
    -0.596, -18.996, 0.61, -19.137, 1.711, 1.782, 23.151, 0.419, 0.584,
])
_VARIANCE = np.array([
    19.872, 7.191, 16.288, 35.913, 5.52, 4.091, 16.973, 22.122, 3.42, 5.368, 3.526, 1.671, 27.052, 15.449, 6.131,
    33.088, 6.808, 5.759, 9.998, 7.436, 5.389, 11.494, 5.251, 3.381, 17.366, 24.919, 5.732, 5.429, 4.05, 2.122, 28.668,
    15.071, 28.446, 19.786, 19.206, 17.366, 7.584, 58.562, 30.933, 14.931, 2.94, 0.298, 3.225, 0.38, 0.692, 47.455,
    1.609, 36.42, 4.185, 2.787, 76.787, 5.232, 80.772,
])
# fmt: on


def _distance(found):
    """p-values of the means and of the variances of all weights, of those that differ from the exact ones by more than
    3 % and 10 %."""
    n = len(found)
    beyond = np.maximum(abs(found.mean(axis=0) - _MEAN) - 0.03 * abs(_MEAN), 0)
    mean = 2 * stats.norm.sf(beyond / np.sqrt(_VARIANCE / _EXACT + found.var(axis=0) / n))
    ratio = np.log(found.var(axis=0, ddof=1) / _VARIANCE)
    beyond = np.maximum(np.maximum(ratio - np.log(1.1), np.log(0.9) - ratio), 0)
    # Firings of few molecules have fat tails: the fourth moment is that of a Poisson number at least.
    excess = 2 + 1 / _VARIANCE
    variance = 2 * stats.norm.sf(beyond / np.sqrt(excess / _EXACT + excess / n))
    return mean.min(), variance.min()


def test_changes_of_weights_have_the_exact_means_and_variances():
    p = _distance(method_changes(BatchLeap, _POINT, 1000, options={"threads": 1}))
    accept(min(p), "changes of weights", family=2 * len(_MEAN))


@pytest.mark.parametrize("plant", PLANTS["batch_leap"])
def test_planted_errors_in_the_batch_leap_are_rejected(plant):
    method, options = PLANTS["batch_leap"][plant]
    assert rejects(min(_distance(method_changes(method, _POINT, 1000, options=options | {"threads": 1}))) * 106)


def test_the_comparison_passes_equal_laws_and_fails_others():
    rng = np.random.default_rng(1)
    exact, same = (rng.poisson(20.0, (4000, 30)) for _ in range(2))
    assert compare(exact, same, 1).verdict == "holds"
    assert compare(exact, rng.poisson(21.5, (4000, 30)), 1).verdict == "fails"
    assert compare(exact, np.rint(rng.normal(20.0, 1.25 * np.sqrt(20.0), (4000, 30))), 1).verdict == "fails"
    one = same.copy()
    one[:, 3] += 3
    assert compare(exact, one, 1).verdict == "fails"


def _network(layers, output, learning_rate, hold=20.0):
    return gnn.training_network(
        layers, h=0.05, learning_rate=learning_rate, hold=hold, output=output, signed_inputs=True, annihilation_rate=60
    )


def _run(spec, weights, volume, n_samples, seed=0, running_time=40.0, kind=BatchLeap, **options):
    start = np.rint(weights * volume).astype(np.int64)
    rails = np.maximum(np.stack([start, -start], axis=1), 0).ravel()
    n_outputs = spec.layers[-1] * n_samples * (1 if spec.output_activation else 2)
    counts = np.concatenate([rails, np.zeros(n_outputs, dtype=np.int64)])
    settings = {o.name: o.use(options.get(o.name)) for o in kind.options}
    return kind(spec, running_time, volume, counts, seed, settings)


def _values(run):
    counts = run.weights.counts()
    return counts[::2] - counts[1::2]


@pytest.mark.parametrize("output", ["linear", "smooth_relu"])
@pytest.mark.parametrize("draws", [1, None])
def test_many_molecules_follow_the_rate_equations(output, draws):
    """Two presentations, one after the other, to a network with two hidden layers, at Omega = 1e7."""
    spec = _network((3, 4, 3, 2), output, 0.05)
    weights = spec.floating.initial_weights(3, 1.5) + 0.1
    xs, ts = [[0.5, -1.0, 0.3], [-0.4, 0.2, 0.8]], [[0.7, 0.1], [0.2, 0.9]]
    run, volume = _run(spec, weights, 1e7, 1, draws=draws, leap=0.5), 1e7
    before = _values(run)
    for k in range(2):
        run.present(k, np.array([xs[k]]), np.array([ts[k]]), 1.0)
    schedule = [entry for k in range(2) for entry in spec.schedule(xs[k], ts[k], volume, 40.0, 40.0 * k)]
    done = gnn.simulate(
        spec.network, time=[0.0, 80.0], volume=volume, method="ode", schedule=schedule[1:], progress=False,
        initial=spec.initial(weights, volume) | schedule[0][1],
    )  # fmt: skip
    wanted = np.array([(done.of(r.plus) - done.of(r.minus))[0, -1] for r in spec.weights]) * volume - before
    assert np.linalg.norm(_values(run) - before - wanted) < 0.01 * np.linalg.norm(wanted)
    assert run.time == 80.0 and run.n_events > 0.9 * abs(wanted).sum()
    # The rails of the outputs follow the weights: sample by sample, plus before minus.
    rails = [species for pair in spec.outputs for species in (pair.plus, pair.minus) if species]
    outputs = np.array([done.of(species)[0, -1] for species in rails]) * volume
    np.testing.assert_allclose(run.counts[2 * len(weights) :], outputs, rtol=0.03, atol=0.01 * volume)


def _presented(spec, n, n_samples=70, start=None, weights=None, **options):
    """A run after presentations to `n_samples` samples, two blocks of rows."""
    rng = np.random.default_rng(8)
    run = start or _run(spec, spec.floating.initial_weights(3, 1.0), 1000.0, n_samples, **options)
    for k in range(4):
        x, t = rng.normal(0, 0.5, (n_samples, spec.layers[0])), rng.random((n_samples, spec.layers[-1]))
        if k in n:
            run.present(k, x, t, 1.0)
    return run


def test_threads_change_nothing():
    spec = _network((5, 6, 2), "smooth_relu", 0.001)
    one, two = (_presented(spec, (0, 1), threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.counts, two.counts)
    np.testing.assert_array_equal(one.memory(), two.memory())
    assert one.n_events == two.n_events > 0


def test_a_run_continues_from_its_memory():
    spec = _network((5, 6, 2), "smooth_relu", 0.001)
    whole, first = _presented(spec, (0, 1, 2, 3)), _presented(spec, (0, 1))
    settings = first.settings
    second = BatchLeap(spec, 40.0, 1000.0, first.counts, 0, settings, first.time)
    second.recall(first.n_events, first.memory())
    np.testing.assert_array_equal(second.memory(), first.memory())
    _presented(spec, (2, 3), start=second)
    np.testing.assert_array_equal(second.counts, whole.counts)
    assert (second.time, second.n_events) == (whole.time, whole.n_events)
    forgetful = BatchLeap(spec, 40.0, 1000.0, first.counts, 0, settings, first.time)
    assert (_presented(spec, (2, 3), start=forgetful).counts != whole.counts).any()
    forgetful = BatchLeap(spec, 40.0, 1000.0, first.counts, 0, settings, first.time)
    forgetful.recall(0, first.memory()[:-1])
    with pytest.raises(ValueError, match="the memory has"):
        _presented(spec, (2,), start=forgetful)


def test_without_licence_nothing_is_learnt():
    spec = _network((5, 6, 2), "smooth_relu", 0.001)
    run = _run(spec, spec.floating.initial_weights(3, 1.0), 1000.0, 4)
    before = run.weights.counts()
    run.present(0, np.ones((4, 5)), np.ones((4, 2)), 0.0)
    np.testing.assert_array_equal(run.weights.counts(), before)
    assert run.n_events == 0 and run.counts[len(before) :].any()


def test_weights_that_run_away_stop_the_run():
    spec = _network((5, 6, 2), "smooth_relu", 1e4)
    run = _run(spec, spec.floating.initial_weights(3, 1.0), 1000.0, 4)
    with pytest.raises(UnfinishedError, match="learning diverges"):
        for k in range(20):
            run.present(k, np.full((4, 5), 3.0), np.ones((4, 2)), 1.0)


def test_a_window_is_needed():
    spec = _network((5, 6, 2), "smooth_relu", 0.01, hold=20.0)
    with pytest.raises(InputError, match="running_time must be longer than hold, 20 s, got 20 s"):
        _run(spec, spec.floating.initial_weights(3, 1.0), 1000.0, 4, running_time=20.0)


@pytest.mark.parametrize("output", ["linear", "smooth_relu"])
def test_outputs_of_a_trained_network_settle_at_those_in_floating_point(output):
    spec, volume = _network((5, 6, 2), output, 0.01), 1e4
    values = np.rint(spec.floating.initial_weights(3, 1.5) * volume)
    rails = np.maximum(np.stack([values, -values], axis=1), 0).ravel().astype(np.int64)
    weights = Weights(spec.layers, volume, rails)
    x = np.random.default_rng(4).normal(0, 0.7, (1100, 5))  # more than are in memory at the same time
    times = [0.0, 1.0, *np.arange(30.0, 70.0)]

    def outputs(threads):
        return simulate_outputs(
            spec, weights, x, times, lambda i: seeds.stream(1, Purpose.BATCHES_OF_PREDICTION, piece=i), threads=threads
        )

    found = outputs(1)
    np.testing.assert_array_equal(outputs(2), found)
    wanted = spec.floating.forward(values / volume, np.rint(x * volume) / volume)
    assert not found[0].any() and abs(found[1] - wanted).mean() > 0.05
    np.testing.assert_allclose(found[2:].mean(axis=0), wanted, atol=0.03)
    # Noise of counts: one reading of a pre-activation z scatters by (|W| |y| + |z|) / 2 Omega at least.
    assert 0.2 < found[2:].std(axis=0).mean() * np.sqrt(volume) < 3.0
