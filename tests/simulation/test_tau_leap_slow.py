"""Tau-leaping: what may wait in a leap and what may not, and sums that are kept up to date."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.kernels import codes
from gillespie_nn.nn import training_network
from gillespie_nn.simulation.methods import TauLeap
from gillespie_nn.simulation.presentations import Presented, Samples
from helpers.checks_of_chance import accept, chi_square, rejects

_PAIRS = [(i, j) for i in range(8) for j in range(8)]


def _grid(*patterns, start="U{i} = 30\nV{i} = 30\nZ{i} = 30"):
    """A network of product families: each pattern for every pair, and the counts for each row."""
    lines = [pattern.format(i=i, j=j, k=0.1 + 0.37 * (8 * i + j)) for pattern in patterns for i, j in _PAIRS]
    return gnn.ReactionNetwork.from_text("\n".join(lines + [start.format(i=i) for i in range(8)]))


@pytest.mark.parametrize("scheme", ["auto", "explicit"])
@pytest.mark.parametrize("t_end", [0.7, 12.0])
def test_what_families_make_decays_meanwhile(scheme, t_end):
    """Immigration and death, to a Poisson number of mean 300: neither may wait for the end of a long run."""
    network = _grid("U{i} + V{j} -> U{i} + V{j} + W{i}_{j} @ 1", "W{i}_{j} -> 0 @ 3")
    r = gnn.simulate(network, time=[t_end], method="tau_leap", replicates=10, seed=1, scheme=scheme)
    counts = np.array([r.of(f"W{i}_{j}")[:, 0] for i, j in _PAIRS])
    mean = 300.0 * (1.0 - np.exp(-3.0 * t_end))
    error = np.sqrt(mean / counts.size)
    away = max(abs(counts.mean() - mean) - 0.03 * mean, 0.0)  # the tolerance
    accept(2 * stats.norm.sf(away / error), "mean")


@pytest.mark.parametrize("even", [True, False])
def test_each_member_of_a_family_fires_a_poisson_number(even):
    network = _grid(
        "U{i} + V{j} -> U{i} + V{j} + W{i}_{j} @ " + ("1" if even else "{k}"), start="U{i} = 30\nV{i} = {i}"
    )
    t_end = 2.5 / 900 / 8 * (12 if even else 1)
    r = gnn.simulate(network, time=[t_end], method="tau_leap", tau=t_end, replicates=4000, seed=2)
    means = np.array([t_end * (1.0 if even else 0.1 + 0.37 * k) * 30 * j for k, (_, j) in enumerate(_PAIRS)])
    fired = np.array([r.of(f"W{i}_{j}")[:, 0] for i, j in _PAIRS])
    for k in np.flatnonzero((means > 0.05) & (means < 5.0))[::9]:
        accept(chi_square(fired[k], stats.poisson(means[k]).pmf(np.arange(40))), f"{means[k]:.3g} expected")
        assert rejects(chi_square(fired[k], stats.poisson(1.4 * means[k] + 0.05).pmf(np.arange(40))))
    law = stats.poisson(means.sum()).pmf(np.arange(400))
    accept(chi_square(fired.sum(axis=0), law), f"{means.sum():.3g} expected in all")


def test_rows_of_one_column_fire_poisson_numbers_that_know_nothing_of_each_other():
    network = _grid("U{i} + V{j} -> U{i} + V{j} + W{i}_{j} @ 1", start="U{i} = 10")
    for mean in (0.3, 0.8):
        tau = mean / 10
        r = gnn.simulate(network, time=[tau], method="tau_leap", tau=tau, replicates=4000, seed=4, initial={"V0": 1})
        fired = np.array([r.of(f"W{i}_0")[:, 0] for i in range(8)])
        for row in fired:
            accept(chi_square(row, stats.poisson(mean).pmf(np.arange(20))), f"{mean} expected")
        for one, other in zip(fired, fired[1:]):
            accept(
                2 * stats.norm.sf(abs(np.corrcoef(one, other)[0, 1]) * np.sqrt(4000)), f"neighbours, {mean} expected"
            )
        assert rejects(chi_square(fired[0], stats.poisson(1.3 * mean).pmf(np.arange(20))))


def test_a_reaction_that_changes_nothing_is_leapt_over_too():
    network = gnn.ReactionNetwork.from_text("A -> A @ 1\nA -> 0 @ 1\nA = 500")
    r = gnn.simulate(network, t_end=40.0, method="tau_leap", scheme="trapezoidal", seed=1)
    assert r.of("A")[0, -1] == 0


def test_each_pair_of_the_crowd_annihilates_a_number_of_the_right_law():
    """Poisson where few annihilate, and where many do each molecule of the fewer for itself."""
    network = _grid(
        "U{i} + V{j} -> U{i} + V{j} + A{i}_{j} @ 1",
        "U{i} + Z{j} -> U{i} + Z{j} + B{i}_{j} @ 1",
        "A{i}_{j} + B{i}_{j} -> 0 @ {k}",
        start="U{i} = 0",
    )
    start = {f"{s}{i}_{j}": n for i, j in _PAIRS for s, n in (("A", 9), ("B", 20))}
    tau = 2e-3
    plan = TauLeap(network, network.rates(), 1.0, [0] * len(network.species), _generator(0))._plan
    assert len(plan.slow.crowd) == len(_PAIRS)
    r = gnn.simulate(network, time=[tau], method="tau_leap", tau=tau, replicates=4000, seed=3, initial=start)
    for k in [0, 1, 2, 5, 40, 63]:
        i, j = _PAIRS[k]
        mean = (0.1 + 0.37 * k) * 180 * tau
        law = stats.poisson(mean) if mean <= 0.5 else stats.binom(9, -np.expm1(-mean / 9))
        fired = 9 - r.of(f"A{i}_{j}")[:, 0]
        np.testing.assert_array_equal(fired, 20 - r.of(f"B{i}_{j}")[:, 0])
        accept(chi_square(fired, law.pmf(np.arange(10))), f"{mean:.3g} expected")
        assert rejects(chi_square(fired, stats.poisson(1.4 * mean + 0.05).pmf(np.arange(10))))


def test_members_of_the_crowd_see_what_other_channels_take():
    network = _grid(
        "U{i} + V{j} -> U{i} + V{j} + A{i}_{j} @ 1",
        "U{i} + Z{j} -> U{i} + Z{j} + B{i}_{j} @ 1",
        "A{i}_{j} + B{i}_{j} -> 0 @ 0.01",
        "Y + 2 A{i}_{j} -> Y @ 0.001",
        start="U{i} = 3",
    )
    simulation = TauLeap(network, network.rates(), 1.0, _start(network), _generator(1))
    plan = simulation._plan
    others = {s for c in plan.fires for s in _changed(simulation, c)}
    assert others.isdisjoint(np.flatnonzero(plan.slow.species["in_crowd"]))


def _changed(simulation, c):
    channels = simulation._channels
    start, end = channels.ranges["change_start"][c : c + 2]
    return channels.changes["species"][start:end].tolist()


def _generator(seed):
    return np.random.Generator(np.random.SFC64(seed))


def _start(network):
    found = {"U": 3, "V": 3, "Z": 3, "Y": 5}
    return [found.get(s[0], 0) for s in network.species]


def test_a_crowd_that_has_died_out_has_no_propensity():
    """Rounding must leave neither a hair of propensity nor a negative one, with which time would run backwards."""
    network = _grid(
        "U{i} + V{j} -> U{i} + V{j} + A{i}_{j} @ 1.3",
        "U{i} + Z{j} -> U{i} + Z{j} + B{i}_{j} @ 1.3",
        "A{i}_{j} + B{i}_{j} -> 0 @ {k}",
        start="U{i} -> 0 @ 1",
    )
    for seed in range(6):
        simulation = TauLeap(network, network.rates(), 3.0, _start(network), _generator(seed))
        for _ in range(20):
            before = simulation.time
            code = simulation.advance(1e9)
            assert simulation.time >= before
        assert code == codes.REACHED_END
        assert not simulation.can_react()


def test_sums_are_kept_where_a_change_times_a_count_passes_int64():
    spec = training_network((16, 16, 10), learning_rate=0.05)
    volume = 1e12
    rng = _generator(0)
    samples = Samples(spec, Presented.each(rng.random((1, 16)), rng.random((1, 10))), volume)
    start = spec.start(spec.floating.initial_weights(0), volume)
    simulation = TauLeap(spec.network, spec.network.rates(), volume, start, rng)
    _present(simulation, samples, 0, 1)
    state, plan, channels = simulation._state, simulation._plan, simulation._channels
    kept, kept_sum = plan.slow.kept, state.channels["kept_sum"]
    assert plan.slow.families["waits"].any() and len(kept)
    sums = np.zeros_like(kept_sum)
    counts = state.counts.astype(np.float64)
    terms = channels.terms[kept["term"]]
    np.add.at(sums, kept["channel"], terms["coefficient"] * counts[terms["first"]] * counts[terms["second"]])
    np.testing.assert_allclose(kept_sum, sums, rtol=1e-9)


def test_what_no_kept_sum_watches_does_not_wait():
    """With few inputs the weights are read at each step, and so have to follow at each."""
    small, large = (_at_rest(training_network(layers, learning_rate=0.05)) for layers in [(8, 6, 2), (16, 16, 10)])
    assert not small._plan.slow.families["waits"].any()
    assert large._plan.slow.families["waits"].any()


def _at_rest(spec):
    start = spec.start(spec.floating.initial_weights(0), 100.0)
    return TauLeap(spec.network, spec.network.rates(), 100.0, start, _generator(0))


def test_a_leap_that_is_resumed_goes_on_as_it_would_have():
    spec = training_network((16, 16, 10), learning_rate=0.05)
    rng = np.random.default_rng(0)
    samples = Samples(spec, Presented.each(rng.random((4, 16)), rng.random((4, 10))), 100.0)
    one = _at_rest(spec)
    _present(one, samples, 0, 2)
    rng = _generator(0)
    rng.bit_generator.state = one.rng.bit_generator.state
    other = TauLeap(spec.network, spec.network.rates(), 100.0, one.counts.copy(), rng, start_time=one.time)
    other.recall(one.n_events, one.memory())
    for simulation in (one, other):
        _present(simulation, samples, 2, 4)
    assert len(one._plan.slow.crowd)
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.memory(), other.memory())


def _present(simulation, samples, first, stop):
    for k in range(first, stop):
        for step in samples.present(simulation, k, 5.0 * k, 5.0 * (k + 1)):
            while (code := simulation.advance(step.end)) == codes.SLICE_END:
                pass
            assert code == codes.REACHED_END
