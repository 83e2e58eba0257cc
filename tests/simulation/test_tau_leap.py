"""Tau-leaping: its two schemes, the slow channels of training networks, and firings that account for every count."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.checks import InputError
from gillespie_nn.crn.compiled.blocks import Action, blocks
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.leap.family_leap import crowd_propensity
from gillespie_nn.nn import training_network
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.methods import Layered, TauLeap
from gillespie_nn.simulation.presentations import Presented, Samples
from gillespie_nn.status import Status
from helpers.checks_of_chance import accept, rejects

IMMIGRATION_DEATH = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> 0 @ 1\nA = 0")
DIMERS = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> 0 @ 1\nA -> B @ 0.5\n2 B -> A @ 0.1\nA = 8\nB = 5")


def _same(one, error, what, slack=0.0):
    """A difference whose standard error is known is zero, up to `slack`."""
    accept(2 * stats.norm.sf(max(abs(one) - slack, 0.0) / error), what)


def _moments(network, species, method="tau_leap", n=4000, t_end=8.0, seed=3, **settings):
    """Mean and variance at the end, each with its standard error."""
    x = gnn.simulate(network, time=[t_end], method=method, replicates=n, seed=seed, **settings).of(species)[:, 0]
    away = (x - x.mean()) ** 2
    return x.mean(), x.std() / n**0.5, away.mean(), away.std() / n**0.5


@pytest.mark.parametrize("tau", [0.4, 0.1])
def test_the_variance_of_explicit_leaps_is_too_large_by_what_theory_says(tau):
    mean, error, variance, variance_error = _moments(
        IMMIGRATION_DEATH, "A", t_end=20.0, volume=40.0, tau=tau, scheme="explicit"
    )
    _same(mean - 400.0, error, "mean")
    _same(variance - 400.0 / (1.0 - 0.5 * tau), variance_error, "variance")


@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_trapezoidal_leaps_have_the_mean_and_variance_whatever_the_step(tau):
    mean, error, variance, variance_error = _moments(
        IMMIGRATION_DEATH, "A", t_end=20.0, volume=40.0, tau=tau, scheme="trapezoidal"
    )
    _same(mean - 400.0, error, "mean")
    _same(variance - 400.0, variance_error, "variance", slack=0.2)  # the parts of a firing that are carried on


def test_a_step_that_forgets_the_end_of_the_step_is_caught():
    """The variance of the explicit scheme is not that of the trapezoidal one: the test above can fail."""
    _, _, variance, error = _moments(IMMIGRATION_DEATH, "A", t_end=20.0, volume=40.0, tau=0.4, scheme="explicit")
    assert rejects(2 * stats.norm.sf(abs(variance - 400.0) / error))


def test_a_small_tolerance_is_the_exact_law():
    r = gnn.simulate(IMMIGRATION_DEATH, time=[1.0], method="tau_leap", replicates=10_000, seed=4, epsilon=0.001)
    seen = np.bincount(r.of("A")[:, 0], minlength=21)
    law = stats.poisson.pmf(np.arange(21), 10 * (1 - np.exp(-1.0)))
    expected = 10_000 * np.append(law[1:13], [law[0], 1 - law[:13].sum()])
    seen = np.append(seen[1:13], [seen[0], seen[13:].sum()])
    accept(stats.chi2.sf(((seen - expected) ** 2 / expected).sum(), 13), "counts at t = 1")
    assert r.statistics["exact_steps"].min() > 0


@pytest.mark.parametrize("options", [{}, {"scheme": "trapezoidal", "tau": 0.25}], ids=["explicit", "trapezoidal"])
def test_moments_of_a_network_with_pairs_are_those_of_exact_runs(options):
    for species in ("A", "B"):
        exact = _moments(DIMERS, species, method="direct", n=2000, volume=30.0)
        leapt = _moments(DIMERS, species, n=2000, seed=9, volume=30.0, **options)
        _same(exact[0] - leapt[0], np.hypot(exact[1], leapt[1]), f"mean of {species}", slack=0.01 * exact[0])
        _same(exact[2] - leapt[2], np.hypot(exact[3], leapt[3]), f"variance of {species}", slack=0.03 * exact[2])


def _presented(method, spec, n, seed=0, volume=300.0, **settings):
    """Counts after each of n presentations, int64[presentation, species], and the simulation."""
    rng = np.random.default_rng(seed)
    x, t = rng.random((n, spec.layers[0])), rng.random((n, spec.layers[-1]))
    samples = Samples(spec, Presented.each(x, t), volume)
    start = spec.start(spec.floating.initial_weights(seed), volume)
    network = spec.network
    simulation = method(
        network, network.rates(), volume, start, seeds.stream(seed, Purpose.SIMULATION), True, **settings
    )
    rows = []
    for k in range(n):
        before = simulation.firings.copy()
        (_,) = samples.present(simulation, k, 5.0 * k, 5.0 * (k + 1))
        counts = simulation.counts.copy()
        while (code := simulation.advance(5.0 * (k + 1))) == codes.SLICE_END:
            pass
        assert code == codes.REACHED_END
        rows.append((counts, simulation.counts.copy(), simulation.firings - before))
    return rows, simulation


@pytest.fixture(scope="module")
def learning():
    return training_network((16, 16, 10), learning_rate=0.05)


@pytest.mark.parametrize(
    "options",
    [{}, {"tau": 0.3}, {"scheme": "explicit", "tau": 0.02}, {"epsilon": 0.3}],
    ids=["adaptive", "fixed", "explicit", "coarse"],
)
def test_firings_account_for_every_molecule_of_a_training_network(learning, options):
    """Families, the crowd, lumped channels and blocks: what a reaction did is what its firings say, to the last one."""
    network = learning.network
    rows, simulation = _presented(TauLeap, learning, 3, options=options)
    change = np.zeros((len(network.species), len(network.reactions)), dtype=np.int64)
    for r, reaction in enumerate(network.reactions):
        for s, n in reaction.net_change().items():
            change[network.index[s], r] = n
    for before, after, firings in rows:
        assert (after >= 0).all() and (firings >= 0).all()
        np.testing.assert_array_equal(after - before, change @ firings)
    assert simulation.n_events == simulation.firings.sum()
    families = [r for f in network.compiled.families for r in f.reactions]
    assert simulation.firings[families].sum() > 100


def test_sums_that_are_kept_are_what_adding_up_gives():
    spec = training_network((100, 12, 10), learning_rate=0.05)
    _, simulation = _presented(TauLeap, spec, 3)
    state, plan, channels = simulation._state, simulation._plan, simulation._channels
    assert len(plan.slow.kept) and len(plan.slow.crowd)
    kept_sum = state.channels["kept_sum"]
    sums = np.zeros_like(kept_sum)
    counts = state.counts
    for row in plan.slow.kept:
        term = channels.terms[row["term"]]
        product = counts[term["first"]] * (counts[term["second"]] - term["second_offset"])
        sums[row["channel"]] += term["coefficient"] * product
    np.testing.assert_allclose(kept_sum, sums, rtol=1e-12)
    terms = channels.terms[plan.slow.crowd]
    values = terms["coefficient"] * counts[terms["first"]] * counts[terms["second"]]
    np.testing.assert_allclose(crowd_propensity(channels, plan, state), np.sum(values), rtol=1e-9)


def test_a_training_network_leaps_as_exact_runs_go(learning):
    """Sums over many species after a few presentations, against exact runs: weights, errors, outputs."""
    groups = {
        letter: [k for k, s in enumerate(learning.network.species) if s.startswith(letter)] for letter in "WBZYSD"
    }
    seen = {
        method: np.array([_presented(method, learning, 2, seed=k, volume=100.0)[0][-1][1] for k in range(40)])
        for method in (TauLeap, Layered)
    }
    for letter, group in groups.items():
        one, other = (rows[:, group].sum(axis=1) for rows in seen.values())
        error = np.hypot(one.std(), other.std()) / 40**0.5
        _same(one.mean() - other.mean(), error, letter, slack=0.01 * other.mean())


def test_blocks_follow_what_acts_on_them_and_leave_out_the_slowest_of_a_long_loop():
    def action(reads, changes, rate):
        return Action(frozenset(reads), frozenset(changes), rate)

    loop = [action([k], [(k + 1) % 5], 1.0) for k in range(4)] + [action([4], [0], 0.01)]
    found, left_out = blocks(loop, 5, 3)
    assert left_out == {4}
    assert [b for b in found if b != [0]] == [[1], [2], [3], [4]]
    assert blocks(loop, 5, 5) == ([[0, 1, 2, 3, 4]], set())


@pytest.mark.parametrize(
    "options, words",
    [
        ({"epsilon": 0.0}, "between 0 and 1"),
        ({"epsilon": 1.0}, "between 0 and 1"),
        ({"epsilon": float("nan")}, "must be finite"),
        ({"tau": -1.0}, "tau must be positive"),
        ({"scheme": "implicit"}, "scheme"),
        ({"rtol_": 1.0}, "unknown option rtol_: method tau_leap takes epsilon, tau, scheme"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        gnn.simulate(IMMIGRATION_DEATH, 1.0, method="tau_leap", **options)


def test_a_law_that_reads_the_time_is_refused():
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(1 + sin(time))\nA = 0")
    with pytest.raises(InputError, match="tau_leap does not support time-dependent rate laws, as in reaction r1"):
        gnn.simulate(network, 1.0, method="tau_leap")


def test_an_exploding_network_ends():
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nA = 1000")
    r = gnn.simulate(network, 10.0, method="tau_leap", volume=100.0, seed=1)
    assert r.status[0] == Status.OVERFLOW


def test_an_event_on_a_count_happens_at_the_end_of_its_leap():
    network = gnn.ReactionNetwork.from_text("0 -> A @ 50\n@event full: when A >= 1000; set A = 0\nA = 0")
    r = gnn.simulate(network, 100.0, 1001, method="tau_leap", seed=2)
    counts = r.of("A")[0]
    resets = (np.diff(counts) < -900).sum()
    before = r.n_events[0] - counts[-1]  # molecules that events took
    assert counts.max() < 1000 and resets in (4, 5)
    assert 1000 * resets <= before <= 1040 * resets  # a leap changes a watched count by 3 % at most, and noise


def test_the_grid_holds_both_ends_and_seeds_repeat():
    runs = [
        gnn.simulate(DIMERS, 5.0, 11, method="tau_leap", volume=1e4, replicates=3, seed=6, workers=w) for w in (1, 2)
    ]
    np.testing.assert_array_equal(runs[0].counts, runs[1].counts)
    np.testing.assert_array_equal(runs[0].counts[:, 0], [[8, 5]] * 3)
    assert set(runs[0].statistics) == {"leaps", "time_leapt", "exact_steps", "firings_cut_off"}
