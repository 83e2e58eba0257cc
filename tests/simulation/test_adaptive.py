"""The adaptive method: when it hands over, and that a handover changes no law and no content."""

import copy

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.kernels import codes
from gillespie_nn.simulation import replicate_groups
from gillespie_nn.simulation.methods import Rejection
from gillespie_nn.simulation.methods.exact import Adaptive, AdaptiveDirect, NextReaction, OptimizedDirect
from helpers.checks_of_chance import accept, chi_square, chi_square_two, rejects
from helpers.models import MODELS, SEED, master_law

SCARCE = "H + F -> HF @ 500\nHF -> H + F @ 1\nH = 300000\nHF = 5900\n"


_SOON = {OptimizedDirect: 3, Rejection: 3, NextReaction: 0}


class Early(Adaptive):
    """Hands over after the third candidate, whatever it would gain, and back three reactions later, and so on."""

    name = "early"
    _first_review, _next_reviews, _worth, _tried, _preparation = 3, _SOON, 0.0, 0.0, 0.0


class EarlyToNext(Early):
    name = "early_to_next"

    def _better(self, *counted):
        return NextReaction


class EarlyDirect(AdaptiveDirect):
    name = "early_direct"
    _first_review, _next_reviews, _worth, _tried, _preparation = 3, _SOON, 0.0, 0.0, 0.0


HASTY = (Early, EarlyToNext, EarlyDirect)


def _counts(network, method, **arguments):
    return np.ma.getdata(gnn.simulate(network, method=method, **arguments).counts)


def _of_model(name, method):
    model = MODELS[name]
    counts = _counts(model.network, method, time=[model.time], replicates=20_000, seed=SEED, volume=model.volume)
    law, _ = master_law(name)
    return [
        chi_square(counts[:, 0, s], law.sum(axis=tuple(a for a in range(law.ndim) if a != s))) for s in range(law.ndim)
    ]


def _of_pairs(method):
    """Births at rate 10, before time 1 and from there to 1.1, together: where a time that is pending beyond 1 is drawn
    anew from the last birth on, a birth before 1 may be counted behind it. At either time alone the law is right."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ 10\n")
    first, second = _counts(network, method, time=[1.0, 1.1], replicates=20_000, seed=SEED)[:, :, 0].T
    laws = [stats.poisson(mean).pmf(np.arange(n)) for mean, n in ((10.0, 30), (1.0, 10))]
    pairs = np.ravel_multi_index((np.minimum(first, 29), np.minimum(second - first, 9)), (30, 10))
    return chi_square(pairs, np.outer(*laws).ravel())


@pytest.mark.parametrize("method", HASTY, ids=lambda m: m.name)
@pytest.mark.parametrize("name", ["two species", "isomerisation", "immigration-death"])
def test_a_handover_keeps_the_law(name, method):
    ps = _of_model(name, method)
    accept(min(ps), f"{name}, {method.name}", family=len(ps))


@pytest.mark.parametrize("method", HASTY, ids=lambda m: m.name)
def test_a_handover_keeps_the_law_of_two_times(method):
    accept(_of_pairs(method), f"births, {method.name}")


def test_a_handover_that_redraws_a_pending_time_is_caught():
    class Redrawing(Rejection):
        """Every few candidates the time that is pending is drawn anew, from the last candidate on, as a handover at the
        end of a slice would do it."""

        def _run(self, run, t_stop, budget, event_limit):
            code = super()._run(run, t_stop, 3, event_limit)
            if code == codes.SLICE_END:
                self._clock[codes.NEXT_TIME] = np.nan
            return code

    assert rejects(_of_pairs(Redrawing))


@pytest.mark.parametrize("method", HASTY, ids=lambda m: m.name)
def test_schedules_noise_and_events_go_on_after_a_handover(method):
    text = "0 -> A @ 5\nA -> 0 @ 0.5\n0 -> B @ k\nB -> 0 @ 1\n@parameter k = 2\n"
    text += "@event drop: when A >= 12; set A = 2, k = 6\n"
    network = gnn.ReactionNetwork.from_text(text)
    noise = gnn.RateNoise(0.3, "bounded", step=0.4)
    arguments = {
        "t_end": 4.0, "n_points": 9, "replicates": 3000, "noise": noise, "schedule": [(1.5, {"A": 8})],
    }  # fmt: skip
    samples = [_counts(network, m, seed=seed, **arguments)[:, -1] for m, seed in ((method, 1), (OptimizedDirect, 2))]
    ps = [chi_square_two(samples[0][:, s], samples[1][:, s]) for s in range(2)]
    accept(min(ps), f"{method.name} with all that happens from outside", family=2)


@pytest.mark.parametrize("method", [Early, EarlyDirect], ids=lambda m: m.name)
@pytest.mark.parametrize("text", [SCARCE, MODELS["two species"].network.to_text()], ids=["scarce", "two species"])
def test_a_replicate_is_the_same_alone_in_a_block_and_on_two_threads(text, method, monkeypatch):
    network = gnn.ReactionNetwork.from_text(text)
    arguments = {
        "t_end": 3.0, "n_points": 7, "replicates": 12, "seed": 3, "method": method, "count_firings": True,
        "record": "events",
    }  # fmt: skip
    together = gnn.simulate(network, **arguments)
    threads = gnn.simulate(network, **arguments, workers=2)
    monkeypatch.setattr(replicate_groups, "_restarts", lambda task: False)
    alone = gnn.simulate(network, **arguments)
    for other in (threads, alone):
        for name in ("counts", "n_events", "firings", "status"):
            np.testing.assert_array_equal(getattr(together, name), getattr(other, name))
        for name in method.statistics_names:
            np.testing.assert_array_equal(together.statistics[name], other.statistics[name])
    assert together.statistics["handovers"].max() > 2
    assert together.firings.sum() == together.n_events.sum()


@pytest.mark.parametrize("base", [Early, EarlyDirect], ids=lambda m: m.name)
def test_a_replicate_that_ends_in_a_fault_after_a_handover_leaves_nothing_behind(base, monkeypatch):
    """It explodes: a count exceeds what can be counted."""
    text = SCARCE + "Z -> 4000000000000000 Z @ 0.4\nZ + W -> Z + W + V @ 1e-13\nZ = 1\nW = 1\n"
    network = gnn.ReactionNetwork.from_text(text)
    arguments = {"t_end": 1.0, "n_points": 2, "replicates": 12, "seed": 3, "method": base}
    with pytest.warns(UserWarning, match="did not reach"):
        together = gnn.simulate(network, **arguments)
        monkeypatch.setattr(replicate_groups, "_restarts", lambda task: False)
        alone = gnn.simulate(network, **arguments)
    assert (alone.status == gnn.Status.OVERFLOW).any() and (alone.status != gnn.Status.OVERFLOW).any()
    for name in ("counts", "n_events", "status"):
        np.testing.assert_array_equal(np.ma.getdata(getattr(together, name)), np.ma.getdata(getattr(alone, name)))


@pytest.mark.parametrize("other", [NextReaction, OptimizedDirect], ids=lambda m: m.name)
def test_each_method_that_takes_over_gives_in_a_block_what_it_gives_alone(other, monkeypatch):
    monkeypatch.setattr(Adaptive, "_better", lambda self, *counted: other if self._second is None else None)
    monkeypatch.setattr(Adaptive, "_first_review", 3)
    network = gnn.ReactionNetwork.from_text(SCARCE)
    arguments = {"t_end": 0.02, "n_points": 7, "replicates": 12, "seed": 3, "method": "adaptive"}
    together = gnn.simulate(network, **arguments)
    monkeypatch.setattr(replicate_groups, "_restarts", lambda task: False)
    alone = gnn.simulate(network, **arguments)
    np.testing.assert_array_equal(together.counts, alone.counts)
    assert (together.statistics["handovers"] == 1).all()


def test_a_handover_that_keeps_the_pending_time_is_caught():
    """The time was drawn at the bounds of one method, and is taken for one at the propensities of another."""
    network = gnn.ReactionNetwork.from_text("A -> B @ 3\nA = 10\n")
    arguments = {"time": [0.3], "replicates": 20_000, "seed": 5}
    right = _counts(network, Early, **arguments)[:, 0, 1]

    class Keeping(Early):
        def _better(self, *counted):
            self._pending = self._clock[codes.NEXT_TIME]
            return super()._better(*counted)

        def _handed_over(self, kind):
            second = super()._handed_over(kind)
            self._clock[codes.NEXT_TIME] = self._pending
            return second

    assert rejects(chi_square_two(right, _counts(network, Keeping, **arguments)[:, 0, 1]))


def test_it_hands_over_where_rejection_is_slow_and_says_when(tmp_path):
    result = gnn.simulate(
        gnn.ReactionNetwork.from_text(SCARCE), 1.0, 3, replicates=3, seed=1, method=Slow, output=tmp_path / "r.h5"
    )
    assert result.method.endswith("Slow")
    assert (result.statistics["handover_events"] > 1000).all() and (result.statistics["handover_time"] > 0).all()
    assert (result.statistics["handover_time"] < 1.0).all()


class Slow(Adaptive):
    """Believes that a candidate takes it a microsecond."""

    name = "slow"
    _worth = 0.02


def test_a_look_that_hands_nothing_over_prepares_no_other_method():
    """Listing what every reaction changes takes memory in the square of a hub's partners."""
    text = "".join(f"R + M{k} <-> C{k} @ 1e-3, 1\nM{k} = 500\n" for k in range(60)) + "R = 100000\n"
    network = gnn.ReactionNetwork.from_text(text)
    result = gnn.simulate(network, 1e9, 2, seed=1, max_events=20_000, method="adaptive")
    assert result.statistics["handovers"][0] == 0 and "single" not in vars(network.compiled)


def test_a_copy_of_a_simulation_draws_from_its_own_generator():
    for method in (Adaptive, AdaptiveDirect, NextReaction):
        network = gnn.ReactionNetwork.from_text(SCARCE)
        rng = np.random.Generator(np.random.SFC64(1))
        simulation = method(network, network.rates(), 1.0, network.counts(), rng)
        copied, before = copy.deepcopy(simulation), str(rng.bit_generator.state)
        copied.advance(1e-3)
        copied.set_counts(np.array([0]), np.array([7]))
        assert str(rng.bit_generator.state) == before
        assert str(copied.rng.bit_generator.state) != before


def test_it_stays_where_rejection_is_fast():
    spec = gnn.training_network((2, 4, 1))
    initial = spec.initial(spec.floating.initial_weights(1), 1000.0) | spec.presentation([0, 1], [1], 1000.0)
    result = gnn.simulate(
        spec.network, 10.0, 2, volume=1000.0, initial=initial, seed=1, method="adaptive", max_events=200_000
    )
    assert np.isnan(result.statistics["handover_time"]).all() and result.n_events[0] == 200_000
    assert result.statistics["handovers"][0] == 0


def test_a_long_run_of_a_small_network_goes_on_with_bounds_where_that_is_faster():
    network = gnn.ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 1\nA = 100000\nB = 100000\n")
    short, long = (
        gnn.simulate(network, 1e9, 2, seed=1, max_events=n, method="adaptive_direct").statistics
        for n in (10_000, 1_000_000)
    )
    assert short["handovers"] == 0 and np.isnan(short["handover_events"][0])
    assert long["handovers"] == 1 and long["handover_events"] == 1 << 14


def test_a_long_run_goes_back_to_a_search_where_bounds_are_slow():
    network = gnn.ReactionNetwork.from_text("G -> H @ 1\nH -> G @ 1\nH -> H + M @ 2\nM -> 0 @ 1\nG = 1\n")
    result = gnn.simulate(network, 1e9, 2, seed=1, max_events=400_000, method="adaptive_direct")
    assert result.statistics["handovers"] == 2 and result.n_events[0] == 400_000
