"""Rate constants that change in mid-run: exact methods have the law of the master equation with these rates in turn,
and each error planted in a change is caught."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.leap.leap_state import CROWD_TOTAL
from gillespie_nn.simulation import EXACT, METHODS
from gillespie_nn.simulation.methods import Direct, Layered, NextReaction, Rejection, TauLeap
from helpers.checks_of_chance import accept, chi_square, chi_square_two, mean_is, rejects
from helpers.models import product_model
from helpers.naive import propensity

EVERY = list(METHODS)
PLAIN = [m for m in EXACT if m is not Layered]  # without a product family `layered` is `rejection`
N_COPIES, N_RUNS, VOLUME, MOST = 200, 60, 4.0, 60
ONE = ("0 -> A @ 3", "A -> 0 @ 0.4", "2 A -> 0 @ 1", "A -> 2 A @ 0")
PIECES = ((0.5, (3, 0.4, 1, 0)), (0.4, (1, 1.2, 0.5, 0.9)), (0.15, (12, 0.2, 2, 0)))
"""How long [s], and the rate constants; the last piece is so short that what is not renewed shows."""
IMPULSE = 1.3
"""What counts are multiplied by before the last piece."""


def _copies():
    """Many copies of one small network in one pot: a run gives as many samples."""
    lines = [line.replace("A", f"A{k}") for k in range(N_COPIES) for line in ONE]
    return gnn.ReactionNetwork.from_text("\n".join(lines + [f"A{k} = 4" for k in range(N_COPIES)]))


def _start(method, network, volume, seed, rates=None):
    rates = network.rates() if rates is None else rates
    counts = network.counts().astype(method.dtype)
    return method(network, rates, volume, counts, seeds.stream(seed, seeds.Purpose.SIMULATION))


def _run_to(simulation, time):
    while (code := simulation.advance(time)) == codes.SLICE_END:
        pass
    assert code == codes.REACHED_END
    return simulation


def _sample_pieces(method, network, n_runs=N_RUNS):
    found = []
    for seed in range(n_runs):
        simulation, end = _start(method, network, VOLUME, seed, np.tile(PIECES[0][1], N_COPIES).astype(float)), 0.0
        for k, (length, rates) in enumerate(PIECES):
            if k == 2:
                simulation.scale_counts(np.arange(N_COPIES), np.full(N_COPIES, IMPULSE))
            if k:
                simulation.set_rates(np.tile(rates, N_COPIES))
            end += length
            _run_to(simulation, end)
        found.append(simulation.counts.copy())
    return np.concatenate(found)


def _law_of_pieces():
    """Piece by piece by matrix exponential; the impulse rounds up with the probability of the fraction."""
    network = gnn.ReactionNetwork.from_text("\n".join(ONE))
    law = np.zeros(MOST + 1)
    law[4] = 1.0
    for k, (length, rates) in enumerate(PIECES):
        if k == 2:
            scaled, before = IMPULSE * np.arange(MOST + 1), law
            law = np.zeros(2 * MOST + 2)
            np.add.at(law, np.floor(scaled).astype(int), before * (1 - scaled % 1))
            np.add.at(law, np.floor(scaled).astype(int) + 1, before * (scaled % 1))
            law = law[: MOST + 1]
        generator = np.zeros((MOST + 1, MOST + 1))
        for reaction, rate in zip(network.reactions, rates):
            change = reaction.net_change()["A"]
            for n in range(MOST + 1):
                a = propensity(reaction._replace(rate=float(rate)), {"A": n}, VOLUME)
                generator[n, n] -= a
                if 0 <= n + change <= MOST:
                    generator[n + change, n] += a
        law = expm(generator * length) @ law
    return law


@pytest.mark.parametrize("method", PLAIN, ids=lambda m: m.name)
def test_the_law_under_changing_rates_is_that_of_the_master_equation_piece_by_piece(method):
    law = _law_of_pieces()
    assert 1 - law.sum() < 1e-9
    accept(chi_square(_sample_pieces(method, _copies()), law), f"rates in three pieces, {method.name}")


class _Stale:
    """Coefficients change, and what was worked out from them stays."""

    def _renew(self):
        pass


class _Ignorant:
    def _use_rates(self, rates):
        pass


@pytest.mark.parametrize(
    "fault, method",
    [(_Ignorant, m) for m in PLAIN] + [(_Stale, m) for m in PLAIN if m is not Direct],
    ids=lambda v: getattr(v, "name", v.__name__),
)
def test_stale_propensities_after_a_change_of_rates_are_caught(fault, method):
    """`direct` computes all afresh at the next event of any copy: its staleness shows in the pending time, below."""
    planted = type("Planted", (fault, method), {})
    assert rejects(chi_square(_sample_pieces(planted, _copies()), _law_of_pieces()))


def _pending(method, n=2000):
    """Y made at 0.2 up to t = 1 and at 20 to t = 1.2: a time drawn before the change must run on at the new rate."""
    network = gnn.ReactionNetwork.from_text("X -> X + Y @ 0.2\nX = 1")
    found = np.zeros(n, dtype=np.int64)
    for seed in range(n):
        simulation = _run_to(_start(method, network, 1.0, seed), 1.0)
        simulation.set_rates([20.0])
        found[seed] = _run_to(simulation, 1.2).counts[1]
    return chi_square(found, stats.poisson.pmf(np.arange(60), 0.2 + 0.2 * 20))


@pytest.mark.parametrize("method", PLAIN, ids=lambda m: m.name)
def test_a_pending_time_runs_on_at_the_new_rate(method):
    accept(_pending(method), f"pending time over a change of rates, {method.name}")
    assert rejects(_pending(type("Planted", (_Stale, method), {})))


def _family():
    """8 rows and 8 columns that stay as they are, and 64 products: each is a Poisson number."""
    lines = [f"A{i} + C{j} -> A{i} + C{j} + P{i}_{j} @ 1" for i in range(8) for j in range(8)]
    counts = [f"A{i} = {2 * i + 1}" for i in range(8)] + [f"C{j} = {j + 2}" for j in range(8)]
    network = gnn.ReactionNetwork.from_text("\n".join(lines + counts))
    assert [len(f.reactions) for f in network.compiled.families] == [64]
    return network


def _family_p(method, n=40):
    """p-value, of all products: rates in the ratio up to 3, changed twice, so that shares become unequal."""
    network = _family()
    factors = np.random.default_rng(0).uniform(0.5, 1.5, (2, 64))
    total = np.zeros(64)
    for seed in range(n):
        simulation = _run_to(_start(method, network, 10.0, seed), 1.0)
        for k in range(2):
            simulation.set_rates(factors[k])
            _run_to(simulation, 2.0 + k)
        total += simulation.counts[[network.index[f"P{i}_{j}"] for i in range(8) for j in range(8)]]
    pairs = np.outer(2 * np.arange(8) + 1, np.arange(8) + 2).ravel() / 10.0
    mean = n * pairs * (1.0 + factors.sum(axis=0))
    return stats.chi2.sf(np.sum((total - mean) ** 2 / mean), 64)


@pytest.mark.parametrize("method", [Direct, Rejection, Layered, TauLeap], ids=lambda m: m.name)
def test_a_family_keeps_its_law_when_rates_become_unequal(method):
    accept(_family_p(method), f"family under unequal rates, {method.name}")


def test_shares_that_stay_equal_are_caught():
    class Planted(Layered):
        def _use_rates(self, rates):
            super()._use_rates(rates)
            self._families.share[:] = 1.0

    assert rejects(_family_p(Planted))


def test_a_family_of_fluctuating_pools_under_noise_has_the_law_of_a_flat_method():
    model = product_model()
    noise = gnn.RateNoise(0.5, "bounded", step=0.5, shared=True)
    one, other = (
        gnn.simulate(model.network, model.time, 2, method=m, replicates=1500, seed=5, noise=noise).counts[:, -1]
        for m in ("direct", "layered")
    )
    # One seed, so that the path is the same; halves of the replicates, so that the two samples share no stream.
    p = [chi_square_two(one[::2, k], other[1::2, k]) for k in range(one.shape[1])]
    accept(min(p), "family of fluctuating pools under rate noise", family=len(p))


@pytest.mark.parametrize("method", EVERY, ids=lambda m: m.name)
def test_setting_the_same_rates_changes_no_law_and_other_rates_do(method):
    """Mean of a linear network, A made at 5 and lost at 1, after rates were set to what they were, and then doubled."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 1\nA = 40")
    found = []
    for seed in range(1 if method.deterministic else 400):
        simulation = _run_to(_start(method, network, 20.0, seed), 0.5)
        simulation.set_rates(network.rates())
        _run_to(simulation, 1.0)
        simulation.set_rates(2 * network.rates())
        found.append(_run_to(simulation, 1.5).counts[0])
    expected = 100 + (40 - 100) * np.exp(-2.0)
    if method.deterministic:
        error = 0.02 if method.name == "implicit_euler" else 1e-6  # of first order in a step of 0.1 s
        assert found[0] == pytest.approx(expected, rel=error)
    else:
        accept(mean_is(found, expected, slack=0.0 if method.exact else 0.5), f"mean after changes, {method.name}")


def test_a_leap_after_a_change_of_rates_knows_what_one_begun_with_them_knows():
    """Propensities of channels, families, kept sums and crowd of a training network with its product families."""
    spec = gnn.training_network((16, 16, 10), learning_rate=0.05)
    network = spec.network
    counts = spec.start(spec.floating.initial_weights(1), 1000.0)
    shown = spec.presentation(np.linspace(0, 1, 16), np.ones(10), 1000.0)
    rates = network.rates() * np.random.default_rng(2).uniform(0.5, 1.5, len(network.reactions))
    rails = [network.index[s] for pair in spec.weights for s in (pair.plus, pair.minus)]

    def shown_to(simulation):
        simulation.set_counts(np.array([network.index[s] for s in shown]), np.array(list(shown.values())))
        simulation.set_counts(
            np.array(rails), np.maximum(counts[rails], 20)
        )  # both rails, so that pairs can annihilate
        return simulation

    one = shown_to(TauLeap(network, network.rates(), 1000.0, counts, seeds.stream(1, 0)))
    _run_to(one, 0.5)
    one.set_rates(rates)
    other = TauLeap(network, rates, 1000.0, one.counts, seeds.stream(1, 0))
    assert len(one._plan.slow.crowd) > 64 and one._state.ledger[CROWD_TOTAL] > 0
    for name in ("value", "kept_sum"):
        of_one, of_other = one._state.channels[name], other._state.channels[name]
        np.testing.assert_allclose(of_one, of_other, rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(one._state.slow.even, other._state.slow.even)
    np.testing.assert_allclose(one._state.ledger[CROWD_TOTAL], other._state.ledger[CROWD_TOTAL], rtol=1e-9)
    np.testing.assert_allclose(one._families.share, other._families.share)


def test_simulations_of_one_network_do_not_share_their_rates():
    network = _family()
    for method in EVERY:
        one, other = (_start(method, network, 10.0, 1) for _ in range(2))
        before = [other._channels.terms["coefficient"].copy(), other._families.share.copy()]
        one.set_rates(np.random.default_rng(1).uniform(0.5, 1.5, 64))
        np.testing.assert_array_equal(other._channels.terms["coefficient"], before[0])
        np.testing.assert_array_equal(other._families.share, before[1])
        fresh = _start(method, network, 10.0, 1)
        np.testing.assert_array_equal(fresh._channels.terms["coefficient"], before[0])


@pytest.mark.parametrize("method", EVERY, ids=lambda m: m.name)
def test_rates_that_are_none_are_refused(method):
    simulation = _start(method, gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 3"), 1.0, 1)
    for rates in ([1.0, 2.0], [-1.0], [np.nan], [np.inf]):
        with pytest.raises(gnn.InputError, match="rates must be 1 finite numbers"):
            simulation.set_rates(rates)


def test_a_reaction_that_was_off_can_be_switched_on_and_off_again():
    network = gnn.ReactionNetwork.from_text("A -> B @ 0\nA = 100")
    for method in EVERY:
        simulation = _run_to(_start(method, network, 1.0, 2), 1.0)
        assert simulation.counts[1] == 0
        simulation.set_rates([3.0])
        between = _run_to(simulation, 1.3).counts[1]
        assert 20 < between < 95
        simulation.set_rates([0.0])
        assert _run_to(simulation, 9.0).counts[1] == pytest.approx(between, abs=1e-9)


@pytest.mark.parametrize("method", [Direct, NextReaction, Rejection, TauLeap], ids=lambda m: m.name)
def test_scaled_counts_are_rounded_with_the_right_mean(method):
    simulation = _start(method, _copies(), VOLUME, 3)
    simulation.scale_counts(np.arange(N_COPIES), np.full(N_COPIES, 1.3))
    counts = simulation.counts
    assert set(counts.tolist()) == {5, 6}
    accept(stats.binomtest(int((counts == 6).sum()), N_COPIES, 0.2).pvalue, f"rounding of 5.2, {method.name}")


EVENT = "\n@event e: when time > 1; set k = 5"


@pytest.mark.parametrize(
    "line",
    [
        "bind: A -> B @ k", "bind: 0 -> B @ k", "bind: A + B -> B @ 2 * k", "bind: 2 A -> B @ k * j",
        "bind: 3 A -> B @ k", "bind: A -> B @ k * ramp(A, B)",
        "bind: 0 -> B @ k / j * step(A, B)", "bind: A -> B @ propensity(k * A)",
    ],
)  # fmt: skip
def test_a_rate_constant_that_an_event_changes_is_not_overridden_by_a_factor(line):
    text = f"@parameter k = 1\n@parameter j = 3\n{line}\nother: B -> A @ j\nA = 100"
    network = gnn.ReactionNetwork.from_text(text + EVENT)
    sentence = "the rate constant of bind is .*k.*, and event e changes k, so rates .*: set the parameter k"
    for options in (
        {"rates": {"bind": 0.2}}, {"rates": {"b*": 0.2}}, {"schedule": [(0.5, {"bind": 0.2})]},
    ):  # fmt: skip
        with pytest.raises(gnn.InputError, match=sentence):
            gnn.simulate(network, 2.0, seed=1, **options)
    assert network.rates({"other": 2.0})[1] == 2.0
    gnn.ReactionNetwork.from_text(text).rates({"bind": 0.2})  # without the event


@pytest.mark.parametrize("law", ["k * A / (1 + A)", "k", "A", "k + A", "j * A"])
def test_the_rate_of_another_law_stays_a_factor(law):
    text = f"@parameter k = 1\n@parameter j = 3\nbind: A -> B @ propensity({law})\nA = 100"
    assert gnn.ReactionNetwork.from_text(text + EVENT).rates({"bind": 0.2}).tolist() == [0.2]
