"""The stationary-law leap: its limit, its noise and its lag against independent computations, and its refusal."""

import numpy as np
import pytest
import scipy.linalg

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.simulation.batches.stationary_leap import StationaryLeap, StillRates
from gillespie_nn.simulation.batches.still_flow import coefficients
from gillespie_nn.simulation.batches.still_layers import StillLayers
from helpers.checks_of_chance import accept, mean_is

HOLD, H, ANNIHILATION = 30.0, 0.02, 60.0


def network(layers, learning_rate, output="smooth_relu"):
    return gnn.training_network(
        layers, learning_rate=learning_rate, hold=HOLD, output=output, signed_inputs=True, h=H,
        annihilation_rate=ANNIHILATION,
    )  # fmt: skip


def leap(spec, weights, n_samples, running_time, volume=1e4, seed=1, threads=1):
    whole = np.rint(np.asarray(weights) * volume).astype(np.int64)
    rails = np.stack([np.maximum(whole, 0), np.maximum(-whole, 0)], axis=1).ravel()
    n_outputs = n_samples * sum(1 if r.minus is None else 2 for r in spec.outputs)
    counts = np.concatenate([rails, np.zeros(n_outputs, dtype=np.int64)])
    return StationaryLeap(spec, running_time, volume, counts, seed, {"threads": threads})


def flat(matrices):
    """In the order of `TrainingNetwork.weights`."""
    return np.concatenate([np.concatenate([m[:-1].T.ravel(), m[-1]]) for m in matrices])


def batch(layers, n_samples, seed=3):
    rng = np.random.default_rng(seed)
    x, t = rng.normal(0.0, 0.6, (n_samples, layers[0])), rng.uniform(-0.2, 1.0, (n_samples, layers[-1]))
    return np.rint(x * 1e4) / 1e4, np.rint(t * 1e4) / 1e4


def off(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("layers", [(6, 5, 3), (4, 3), (5, 4, 6, 2)])
@pytest.mark.parametrize("output", ["smooth_relu", "linear"])
def test_slow_windows_have_the_gradients_of_the_network_in_floating_point(layers, output):
    window = 2000.0
    spec = network(layers, 1e-3 / window, output)
    weights = np.rint(spec.floating.initial_weights(5) * 1e4) / 1e4
    x, t = batch(layers, 7)
    mean = leap(spec, weights, 7, HOLD + window)
    changes = flat(mean.mean_changes(mean._held(x), mean._held(t), 0.5, mean.weights.value))
    gradients = sum(spec.floating.gradient(weights, a, b) for a, b in zip(x, t))
    assert off(changes, -0.5e-3 * gradients) < 0.01


@pytest.mark.parametrize("output", ["smooth_relu", "linear"])
def test_rate_equations_are_those_of_the_reactions(output):
    spec = network((3, 4, 2), 0.02, output)
    weights = np.rint(spec.floating.initial_weights(5) * 1e4) / 1e4
    x, t = batch((3, 4, 2), 1)
    rates = StillRates(spec, 1, 50.0)
    matrices = leap(spec, weights, 1, 50.0).weights.value
    changes = flat(rates.changes(x.astype(np.float32), t.astype(np.float32), 0.8, matrices))
    schedule = spec.schedule(x[0], t[0], 1e4, 50.0)
    schedule[1] = (schedule[1][0], {"L": 8000})
    result = gnn.simulate(
        spec.network, time=[0.0, 50.0], volume=1e4, initial=spec.initial(weights, 1e4), schedule=schedule, method="ode"
    )
    resolved = spec.read_weights(np.stack([result[s] for s in spec.network.species], axis=-1)[0, -1], 1.0) - weights
    assert off(changes, resolved) < 2e-3


def test_lag_is_corrected_to_first_order():
    """The error falls as the square of the lag over the window; without the correction it would as the first power."""
    x, t = batch((6, 5, 3), 4)
    differences = []
    for window in (50.0, 100.0, 200.0):
        spec = network((6, 5, 3), 0.25 / window)
        weights = spec.floating.initial_weights(5)
        mean, rates = leap(spec, weights, 4, HOLD + window), StillRates(spec, 4, HOLD + window)
        arguments = mean._held(x), mean._held(t), 1.0, mean.weights.value
        mean._start(*arguments[:3]).tolerance = 1e-5
        mean.mean_changes(*arguments)  # as follows, with finer steps
        differences.append(off(flat(mean.mean_changes(*arguments)), flat(rates.changes(*arguments))))
    assert differences[0] < 0.06
    assert differences[1] < 0.4 * differences[0]
    assert differences[2] < 0.4 * differences[1]


def test_long_windows_neglect_the_lag_and_are_right():
    spec = network((6, 5, 3), 0.25 / 600.0)
    x, t = batch((6, 5, 3), 4)
    run = leap(spec, spec.floating.initial_weights(5), 4, HOLD + 600.0)
    run.check([(x, t, 1.0)])
    assert 0.0 < run.statistics["difference_from_rates"] < 0.03


def test_windows_that_are_too_short_are_refused_with_the_number():
    x, t = batch((6, 5, 3), 4)
    for window, refused in ((10.0, True), (100.0, False)):
        spec = network((6, 5, 3), 0.25 / window)
        run = leap(spec, spec.floating.initial_weights(5), 4, HOLD + window)
        if refused:
            with pytest.raises(
                InputError, match=r"batch 1, .*running_time=40 s.* layer \d .* by \d.* %, .*5 % is allowed"
            ):
                run.check([(x, t, 1.0)])
        else:
            before = run.counts.copy()
            run.check((x, t, 1.0) for _ in range(20))
            assert 0.0 < run.statistics["difference_from_rates"] < 0.03
            assert np.array_equal(run.counts, before)


def test_the_check_follows_the_weights():
    """Small at first, then a large step: only the second batch can be refused."""
    x, t = batch((6, 5, 3), 4)
    spec = network((6, 5, 3), 0.25 / 10.0)
    run = leap(spec, spec.floating.initial_weights(5), 4, HOLD + 10.0)
    with pytest.raises(InputError, match="batch 2, "):
        run.check([(x, t, 0.02), (x, t, 1.0)])
    rates = StillRates(spec, 4, HOLD + 10.0)
    weights = [w.copy() for w in run.weights.value]
    first = rates.changes(run._held(x), run._held(t), 1.0, weights)
    later = rates.changes(run._held(x), run._held(t), 1.0, [w + c for w, c in zip(weights, first)])
    assert off(flat(later), flat(first)) > 0.2


def linear_noise(spec, weights, x, t, volume):
    """Names, Jacobian and noise matrix of all neurons at rest, from the reactions, with weights and inputs fixed."""
    species = spec.network.species
    held = {s for rails in (spec.weights, spec.inputs, spec.targets) for r in rails for s, _ in r.signs()} | {"L"}
    schedule = spec.schedule(x, t, volume, 400.0)
    result = gnn.simulate(
        spec.network, time=[0.0, 400.0], volume=volume, initial=spec.initial(weights, volume), schedule=schedule,
        method="ode",
    )  # fmt: skip
    rest = np.array([result[s][0, -1] for s in species])
    free = [i for i, s in enumerate(species) if s not in held]
    n = len(species)
    jacobian, noise = np.zeros((n, n)), np.zeros((n, n))
    for reaction in spec.network.reactions:
        change = np.zeros(n)
        for s, k in reaction.products:
            change[spec.network.index[s]] += k
        for s, k in reaction.reactants:
            change[spec.network.index[s]] -= k
        parts = [(spec.network.index[s], k) for s, k in reaction.reactants]
        rate = reaction.rate * np.prod([rest[i] ** k for i, k in parts])
        noise += rate * np.outer(change, change)
        for i, k in parts:
            others = np.prod([rest[j] ** m for j, m in parts if j != i])
            jacobian[:, i] += change * reaction.rate * k * rest[i] ** (k - 1) * others
    place = np.ix_(free, free)
    names = [species[i] for i in free]
    return names, jacobian[place], noise[place] / volume


def signed(names, stem, n):
    """Rows that take differences of rails."""
    rows = np.zeros((n, len(names)))
    for i in range(n):
        rows[i, names.index(f"{stem}_{i}_p")] = 1.0
        rows[i, names.index(f"{stem}_{i}_m")] = -1.0
    return rows


@pytest.mark.parametrize("output", ["smooth_relu", "linear"])
def test_neuron_noise_is_linear_noise_at_frequency_zero(output):
    layers, volume, window, n = (3, 3, 2), 1e6, 100.0, 30_000
    spec = network(layers, 1e-9, output)
    weights = np.rint(spec.floating.initial_weights(5, 1.5) * volume) / volume
    x, t = batch(layers, 1)
    names, jacobian, noise = linear_noise(spec, weights, x[0], t[0], volume)
    # A and S of a switch keep their sum: S stands for both.
    free = [i for i, name in enumerate(names) if not name.startswith("A")]
    towards = np.eye(len(names))[:, free]
    for i, name in enumerate(names):
        if name.startswith("A"):
            towards[i] = -np.eye(len(names))[names.index("S" + name[1:])][free]
    small = jacobian[free] @ towards
    names, noise = [names[i] for i in free], noise[np.ix_(free, free)]
    inverse = np.linalg.inv(small)
    spectrum = inverse @ noise @ inverse.T / window
    run = leap(spec, weights, 1, HOLD + window, volume)
    layered = StillLayers(spec, n)
    layered.targets[:] = t
    inputs = np.append(x[0], 1.0).astype(np.float32)
    layered.first.z[:] = inputs @ run.weights.value[0]
    layered.first.z_made[:] = np.abs(inputs) @ run.weights.both[0]
    rng = np.random.default_rng(1)
    normals = [rng.standard_normal((4, layer.flat.z.size), dtype=np.float32) for layer in layered.layers]
    layered.fill_noise(run.weights.value, run.weights.both, 1.0 / (volume * window), normals)
    layered.rest(run.weights.value)
    for layer, size in enumerate(layers[1:], 1):
        rows = signed(names, f"G{layer}", size)
        expected = rows @ spectrum @ rows.T
        drawn = np.cov(layered.layers[layer - 1].grid.g.astype(np.float64), rowvar=False)
        scale = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
        # Six standard errors of a covariance, and 1 % for float32 and annihilation.
        assert (np.abs(drawn - expected) / scale).max() < 6.0 * np.sqrt(2.0 / n) + 0.01


def test_outputs_have_the_variance_of_linear_noise():
    layers, volume, n = (3, 2), 1e6, 3000
    for output in ("smooth_relu", "linear"):
        spec = network(layers, 1e-9, output)
        weights = np.rint(spec.floating.initial_weights(5, 1.5) * volume) / volume
        x, t = batch(layers, 1)
        names, jacobian, noise = linear_noise(spec, weights, x[0], t[0], volume)
        stem = "Y1" if output == "smooth_relu" else "Z1"
        own = [i for i, name in enumerate(names) if name[:2] in ("Y1", "Z1")]
        place = np.ix_(own, own)
        covariance = scipy.linalg.solve_continuous_lyapunov(jacobian[place], -noise[place])
        near = [names[i] for i in own]
        if output == "linear":
            rows = signed(near, stem, 2)
        else:
            rows = np.array([[name == f"Y1_{i}" for name in near] for i in range(2)], dtype=float)
        expected = (rows @ covariance @ rows.T).diagonal()
        run = leap(spec, weights, n, HOLD + 100.0, volume)
        run.present(0, np.tile(x, (n, 1)), np.tile(t, (n, 1)), 0.0)
        outputs = run.counts[2 * len(weights) :].reshape(n, 2, -1)
        signs = np.array([1.0, -1.0]) if output == "linear" else np.ones(1)
        values = (outputs * signs).sum(axis=-1) / volume
        assert values.var(axis=0) == pytest.approx(expected, rel=6.0 * np.sqrt(2.0 / n) + 0.01)
        target = spec.floating.forward(weights, x[0])
        assert values.mean(axis=0) == pytest.approx(target, abs=6.0 * np.sqrt(expected.max() / n) + 1e-5)


def test_changes_of_weights_have_the_law_of_exact_simulation():
    """One sample, so that the network itself is the batch network."""
    layers, volume, running_time, n = (2, 2, 1), 200.0, 80.0, 400
    spec = network(layers, 0.3 / 50.0)
    weights = np.rint(np.array([0.6, -0.4, 0.3, 0.7, 0.1, 0.0, 0.5, -0.6, 0.1]) * volume) / volume
    x, t = np.array([[0.5, -0.7]]), np.array([[1.0]])
    result = gnn.simulate(
        spec.network, time=[0.0, running_time], volume=volume, initial=spec.initial(weights, volume), seed=1,
        schedule=spec.schedule(x[0], t[0], volume, running_time), replicates=n, method="rejection",
    )  # fmt: skip
    counts = np.stack([result.of(s)[:, -1] for s in spec.network.species], axis=-1)
    exact = np.rint((spec.read_weights(counts, volume) - weights) * volume)
    drawn = []
    for seed in range(2 * n):
        run = leap(spec, weights, 1, running_time, volume, seed)
        run.present(0, x, t, 1.0)
        drawn.append(flat(run.weights.difference) - np.rint(weights * volume))
    drawn = np.array(drawn)
    deviation = exact.std(axis=0)
    moving = deviation > 0.2
    assert moving.sum() >= 5
    difference = (drawn.mean(axis=0) - exact.mean(axis=0))[moving] / deviation[moving]
    # Six standard errors, and a tenth of the noise of one presentation.
    assert np.abs(difference).max() < 6.0 * np.sqrt(1.5 / n) + 0.1
    ratio = (drawn.var(axis=0) / exact.var(axis=0))[moving].mean()
    assert ratio == pytest.approx(1.0, abs=0.08 + 6.0 * np.sqrt(3.0 / n / moving.sum()))


def test_noise_of_weights_is_counted():
    """Firings are those that change weights; a weight without noise would change by less than it varies."""
    spec = network((3, 2), 0.01)
    weights = spec.floating.initial_weights(2)
    x, t = batch((3, 2), 2)
    changes = []
    for seed in range(300):
        run = leap(spec, weights, 2, 60.0, 500.0, seed)
        run.present(0, x, t, 1.0)
        changes.append(flat(run.weights.difference))
    run = leap(spec, weights, 2, 60.0, 500.0)
    expected = flat(run.mean_changes(run._held(x), run._held(t), 1.0, run.weights.value)) * 500.0
    start = flat(run.weights.difference)
    worst = min(
        mean_is(np.array(changes)[:, k] - start[k], expected[k], 0.02 * abs(expected[k]) + 0.02) for k in range(8)
    )
    accept(worst, "mean changes of the weights", family=8)


@pytest.mark.parametrize("layers", [(40, 90, 4), (3, 4, 2)])
def test_two_threads_give_the_content_of_one(layers):
    spec = network(layers, 0.02)
    weights = spec.floating.initial_weights(1)
    x, t = batch(layers, 12)
    counts = []
    for threads in (1, 2):
        run = leap(spec, weights, 12, 80.0, threads=threads)
        for k in range(3):
            run.present(k, x, t, 1.0)
        counts.append((run.counts, run.n_events))
    assert np.array_equal(counts[0][0], counts[1][0])
    assert counts[0][1] == counts[1][1] > 0


def test_a_new_simulation_continues_from_the_counts():
    spec = network((5, 4, 3), 0.02)
    x, t = batch((5, 4, 3), 6)
    run = leap(spec, spec.floating.initial_weights(1), 6, 80.0)
    run.present(0, x, t, 1.0)
    again = StationaryLeap(spec, 80.0, 1e4, run.counts, 1, {"threads": 1}, start_time=run.time)
    again.recall(run.n_events, run.memory())
    for simulation in (run, again):
        simulation.present(1, x[::-1], t[::-1], 0.5)
    assert np.array_equal(run.counts, again.counts)
    assert (run.n_events, run.time) == (again.n_events, again.time)


def test_another_number_of_samples_is_another_batch():
    spec = network((5, 4, 3), 0.02)
    x, t = batch((5, 4, 3), 6)
    weights = spec.floating.initial_weights(1)
    run, other = leap(spec, weights, 6, 80.0), leap(spec, weights, 4, 80.0)
    run.present(0, x, t, 0.0)
    for simulation in (run, other):
        simulation.present(1, x[:4], t[:4], 1.0)
    assert np.array_equal(run.counts, other.counts)


def test_running_time_must_exceed_the_hold():
    spec = network((3, 2), 0.02)
    with pytest.raises(InputError, match="running_time must be longer than hold, 30 s, got 30 s"):
        leap(spec, spec.floating.initial_weights(1), 2, 30.0)


@pytest.mark.parametrize("n_stages", range(2, 9))
def test_chebyshev_steps_are_of_second_order_and_stable(n_stages):
    first, shares = coefficients(n_stages)

    def step(z):
        older, old = 1.0, 1.0 + first * z
        for m, v, rate, start_rate, _ in shares:
            older, old = old, (1.0 - m - v) + m * old + v * older + rate * z * old + start_rate * z
        return old

    for z in (1e-2, 1e-3):
        assert abs(step(-z) - np.exp(-z)) < z**3
    reach = 0.65 * n_stages**2 * (1.0 - 1.0 / n_stages**2)
    assert max(abs(step(-z)) for z in np.linspace(0.0, reach, 500)) <= 1.0
