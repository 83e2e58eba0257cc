"""`simulate`: grids, schedules, overrides, firings, limits, statuses, progress, and what it refuses."""

import re
import threading

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.progress import Progress
from gillespie_nn.simulation import EXACT

NAMES = [m.name for m in EXACT]
DEATH = gnn.ReactionNetwork.from_text("out: A -> 0 @ 1\nA = 50")
FLOW = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\n2 A -> B @ 0.1\nB -> 0 @ 1")


def test_the_result_has_its_shapes_and_types():
    r = gnn.simulate(FLOW, 4.0, 9, volume=10.0, replicates=3, seed=1)
    assert r.counts.shape == (3, 9, 2) and r.counts.dtype == np.int64
    np.testing.assert_array_equal(r.time, np.linspace(0, 4, 9))
    assert r.species == ("A", "B") and r.method == "adaptive_direct" and r.seed == 1 and r.volume == 10.0
    assert r.n_events.shape == r.status.shape == (3,)
    assert (r.counts[:, 0] == 0).all()


@pytest.mark.parametrize("method", NAMES)
def test_a_finer_grid_changes_no_event(method):
    coarse = gnn.simulate(FLOW, 6.0, 4, method=method, replicates=5, seed=2)
    fine = gnn.simulate(FLOW, 6.0, 601, method=method, replicates=5, seed=2)
    np.testing.assert_array_equal(coarse.counts, fine.counts[:, ::200])
    np.testing.assert_array_equal(coarse.n_events, fine.n_events)


@pytest.mark.parametrize("method", NAMES)
def test_a_change_that_changes_nothing_discards_no_draw(method):
    plain = gnn.simulate(FLOW, 6.0, 4, method=method, seed=3)
    state = dict(zip(plain.species, plain.counts[0, 1].tolist()))
    same = gnn.simulate(FLOW, 6.0, 4, method=method, seed=3, schedule=[(2.0, {"B": state["B"]})])
    if method == "direct":  # rejection may refresh its bounds at a change, and then draws on from other bounds
        np.testing.assert_array_equal(plain.counts, same.counts)
    np.testing.assert_array_equal(plain.counts[:, :2], same.counts[:, :2])


@pytest.mark.parametrize("method", NAMES)
def test_a_scheduled_change_is_in_the_record_of_its_time(method):
    net = gnn.ReactionNetwork.from_text("X -> X + Y @ 1\nX = 0")
    r = gnn.simulate(
        net, time=[0.0, 0.5, 1.0, 2.0], method=method, seed=4,
        schedule=[(1.0, {"X": 7}), (0.0, {"Y": 3}), (2.0, {"X": 0, "Y": 1})],
    )  # fmt: skip
    np.testing.assert_array_equal(r.of("X")[0], [0, 0, 7, 0])
    np.testing.assert_array_equal(r.of("Y")[0, :3], [3, 3, 3])
    assert r.of("Y")[0, 3] == 1
    assert r.n_events[0] > 0 and r.status[0] == gnn.Status.NO_REACTION_POSSIBLE


@pytest.mark.parametrize("method", NAMES)
def test_firings_account_for_every_event_and_every_molecule(method):
    spec = gnn.training_network((2, 3, 1))
    initial = spec.initial(spec.floating.initial_weights(0), 50) | spec.presentation([1, 0], [1], 50)
    r = gnn.simulate(
        spec.network, 2.0, 2, volume=50.0, method=method, replicates=2, seed=5, initial=initial, count_firings=True
    )
    np.testing.assert_array_equal(r.firings.sum(axis=1), r.n_events)
    change = spec.network.stoichiometry @ r.firings.T
    np.testing.assert_array_equal(change.T, r.counts[:, -1] - r.counts[:, 0])


def test_firings_split_a_lumped_channel_in_proportion():
    """B -> B + A and C -> C + 2 C + A with rates 1 and 3 share a channel; a quarter of its firings are the first."""
    net = gnn.ReactionNetwork.from_text("x: B -> B + A @ 1\ny: C -> C + A @ 3\nB = 100\nC = 100")
    assert net.compiled.n_channels == 1
    r = gnn.simulate(net, 100.0, 2, seed=6, count_firings=True)
    share = r.firings[0, 0] / r.n_events[0]
    assert abs(share - 0.25) < 5.5 * np.sqrt(0.25 * 0.75 / r.n_events[0])  # false alarm: 4e-8


def test_overrides_by_name():
    r = gnn.simulate(DEATH, 1.0, 2, initial={"A": 3}, rates={"out": 0.0}, seed=1)
    assert r.counts[0, -1, 0] == 3 and r.n_events[0] == 0


@pytest.mark.parametrize("method", NAMES)
def test_statuses(method):
    r = gnn.simulate(DEATH, 1e3, 3, method=method, seed=1)
    assert r.status[0] == gnn.Status.NO_REACTION_POSSIBLE and r.n_events[0] == 50 and r.complete
    r = gnn.simulate(DEATH, 1e3, 3, method=method, seed=1, max_events=10)
    assert r.status[0] == gnn.Status.EVENT_LIMIT and r.n_events[0] == 10 and not r.complete
    np.testing.assert_array_equal(r.counts[0, :, 0], [50, -1, -1])
    net = gnn.ReactionNetwork.from_text("0 -> A @ 1\nA = 9007199254740991")
    r = gnn.simulate(net, 10.0, 2, method=method, seed=1)
    assert r.status[0] == gnn.Status.OVERFLOW
    net = gnn.ReactionNetwork.from_text("20 A -> 0 @ 1\nA = 9007199254740991")
    assert gnn.simulate(net, 10.0, 2, method=method, seed=1).status[0] == gnn.Status.OVERFLOW


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("text, n", [("2 A -> A @ 1e300\nA = 0", 10**9), ("30 A -> 29 A @ 1\nA = 0", 10**12)])
def test_a_propensity_beyond_float64_after_a_change_is_an_overflow(text, n, method):
    """Bounds that become infinite, or not a number, must not pass for a rate of zero."""
    net = gnn.ReactionNetwork.from_text(text + "\nB -> C @ 1\nB = 100")
    r = gnn.simulate(net, 1.0, 3, method=method, seed=1, schedule=[(0.5, {"A": n})])
    assert r.status[0] == gnn.Status.OVERFLOW
    np.testing.assert_array_equal(r.of("A")[0], [0, -1, -1])


@pytest.mark.parametrize("method", NAMES)
def test_an_explosion_stops_instead_of_standing_still(method):
    net = gnn.ReactionNetwork.from_text("20 A + 2 B -> 21 A + 3 B @ 1\nA = 1000\nB = 10")
    assert gnn.simulate(net, 1e-3, 2, method=method, seed=1).status[0] == gnn.Status.OVERFLOW


@pytest.mark.parametrize("method", NAMES)
def test_a_network_without_reactions_stands_still(method):
    r = gnn.simulate(gnn.ReactionNetwork.from_text("A = 5"), 1.0, 3, method=method)
    assert (r.counts == 5).all() and r.status[0] == gnn.Status.NO_REACTION_POSSIBLE


@pytest.mark.parametrize("method", NAMES)
def test_the_same_replicate_alone_or_among_others_and_with_any_workers(method):
    several = gnn.simulate(FLOW, 3.0, 5, method=method, replicates=6, seed=9)
    two = gnn.simulate(FLOW, 3.0, 5, method=method, replicates=6, seed=9, workers=3)
    np.testing.assert_array_equal(several.counts, two.counts)
    np.testing.assert_array_equal(several.counts[:1], gnn.simulate(FLOW, 3.0, 5, method=method, seed=9).counts)
    assert len({c.tobytes() for c in several.counts}) == 6


def test_a_drawn_seed_is_reported_and_repeats_the_run():
    r = gnn.simulate(FLOW, 3.0, 5)
    np.testing.assert_array_equal(r.counts, gnn.simulate(FLOW, 3.0, 5, seed=r.seed).counts)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_leaves_finished_replicates_and_stops_the_others(workers, monkeypatch):
    calls = []
    main = threading.main_thread()

    def update(self, done, note=""):
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", update)
    with pytest.raises(KeyboardInterrupt):
        gnn.simulate(FLOW, 3.0, 5, replicates=2000, seed=1, workers=workers)
    assert len(calls) < 2000 and threading.current_thread() is main


def test_memory_stays_constant_over_a_hundred_million_events():
    """The XOR network at Omega = 1000: the peak of the process does not grow between the first and the last tenth."""
    resource = pytest.importorskip("resource")
    spec = gnn.training_network((2, 4, 1))
    initial = spec.initial(spec.floating.initial_weights(0), 1000) | spec.presentation([1, 0], [1], 1000)

    def run(n):
        r = gnn.simulate(spec.network, 1e9, 2, volume=1000.0, initial=initial, seed=1, max_events=n)
        assert r.n_events[0] == n
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    first = run(10_000_000)
    assert run(100_000_000) - first < 4096  # [KiB]


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({"network": "A -> B @ 1"}, "network must be a ReactionNetwork, got str"),
        ({"t_end": None}, "give t_end"),
        ({"t_end": 0}, "t_end must be positive and finite"),
        ({"t_end": -1}, "got -1"),
        ({"t_end": float("inf")}, "got inf"),
        ({"t_end": "3"}, "t_end must be a number, got '3'"),
        ({"n_points": 1}, "n_points must be at least 2"),
        ({"n_points": 2.5}, "n_points must be a whole number"),
        ({"t_end": None, "time": [0, 2, 1]}, "one increasing row"),
        ({"t_end": None, "time": []}, "one increasing row"),
        ({"time": [0, 1]}, "not both"),
        ({"volume": 0}, "volume must be positive and finite, got 0"),
        ({"volume": float("nan")}, "volume must be positive and finite, got nan"),
        ({"method": "rejecton"}, "unknown method 'rejecton' \\(did you mean 'rejection'\\?\\)"),
        ({"replicates": 0}, "replicates must be at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
        ({"initial": {"C": 1}}, "unknown species 'C' in the initial state: the network has A"),
        ({"initial": {"A": -1}}, "initial amount of A must be a finite number of molecules, at least 0, got -1"),
        ({"initial": {"A": 0.5}}, "A = 0.5, but counts of molecules must be whole numbers.*round_initial='nearest' or"),
        ({"initial": {"A": 2**60}}, "would overflow"),
        ({"rates": {"in": 1.0}}, "unknown reaction 'in' in rates"),
        ({"rates": {"out": -1.0}}, "rate of out must be at least 0 and finite, got -1.0"),
        ({"schedule": [(2.0, {"A": 1})]}, "schedule entry 0 is at time 2.0, after the end 1.0"),
        ({"schedule": [(0.5, {"Q": 1})]}, "unknown name 'Q' in the schedule"),
        ({"schedule": [(0.5, {"A": -1})]}, "scheduled count of A"),
        ({"schedule": [0.5]}, "schedule entry 0 must be \\(time"),
        ({"max_events": -1}, "max_events must be at least 0"),
        ({"max_events": 10**30}, "max_events must be at most"),
        ({"t_end": 10**400}, "t_end exceeds the range of float64"),
        ({"n_points": 10**30}, "n_points must be at most"),
        ({"t_end": None, "time": "abc"}, "one increasing row"),
        ({"seed": 2**70}, "seed must be at most"),
        ({"initial": [("A", 1)]}, "initial must be a dictionary"),
        ({"schedule": 5}, "schedule must be a list"),
    ],
)
def test_bad_arguments_are_refused(arguments, what):
    arguments = {"network": DEATH, "t_end": 1.0} | arguments
    with pytest.raises(gnn.InputError, match=what):
        gnn.simulate(arguments.pop("network"), **arguments)


def test_the_volume_of_a_model_that_fixes_it_is_not_overridden():
    net = gnn.ReactionNetwork.from_text("@volume 2.0\nA -> 0 @ 1\nA = 3")
    assert gnn.simulate(net, 1.0, seed=1).volume == 2.0
    with pytest.raises(gnn.InputError, match="the model fixes its volume at 2.0"):
        gnn.simulate(net, 1.0, volume=3.0)


@pytest.mark.parametrize("method", [m.name for m in EXACT])
def test_a_run_that_would_never_end_is_an_error_that_says_so(method, monkeypatch):
    monkeypatch.setattr("gillespie_nn.simulation.replicate._MANY_EVENTS", 100_000)
    network = gnn.ReactionNetwork.from_text("0 -> A @ 1\nA -> 0 @ 1")
    with pytest.raises(gnn.UnfinishedError, match="at this rate about .* more would fire until 10 s.*max_events"):
        gnn.simulate(network, 10.0, 2, volume=1e17, method=method, seed=1)
    r = gnn.simulate(network, 10.0, 2, volume=1e17, method=method, seed=1, max_events=1_000_000)
    assert r.n_events[0] == 1_000_000 and r.status[0] == gnn.Status.EVENT_LIMIT
    assert gnn.simulate(network, 10.0, 2, volume=1e5, method=method, seed=1).complete  # two million reactions
    decay = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 300000")
    assert gnn.simulate(decay, 1e15, 2, method=method, seed=1).complete  # whose pace at first would mean 3e20


def test_points_that_were_not_reached_are_masked_and_said(tmp_path):
    """A count of -1 was averaged: the mean of 10 and four such was 1.2."""
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nA = 10")
    how = {"t_end": 1.0, "n_points": 5, "method": "direct", "replicates": 3, "seed": 1, "max_events": 1000}
    said = r"3 of 3 replicates did not reach t = 1 s \(3: stopped at the event limit before the end\); points"
    with pytest.warns(UserWarning, match=said) as warned:
        r = gnn.simulate(network, **how)
    assert warned[0].filename == __file__
    assert r.counts.mean() == r.of("A").mean() == 10 and r.counts.mask[:, 1:].all()
    assert r.to_dataframe()["A"].mean() == 10
    with pytest.warns(UserWarning, match=said), gnn.simulate(network, **how, output=tmp_path / "r.h5") as run:
        assert run.counts[:].mean() == run.of("A").mean() == 10 and (np.asarray(run.counts)[:, 1:] == -1).all()
        assert np.mean(run.counts) == np.max(run.counts) == 10 and np.std(run.counts) == 0
    with pytest.warns(UserWarning, match="left out of the moments"):
        assert gnn.simulate(network, **how, record="moments").n.ravel().tolist() == [3, 0, 0, 0, 0]


def test_a_run_that_reached_its_end_is_a_plain_array_without_a_warning(recwarn):
    r = gnn.simulate(gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 3"), 100.0, 3, seed=1)
    assert type(r.counts) is np.ndarray and not recwarn.list


@pytest.mark.parametrize(
    "more, what",
    [
        ({"replicates": 10**7, "n_points": 10**6}, "10000000 trajectories of 1 species at 1000000 recorded times need"),
        ({"n_points": 2**40}, "1099511627776 recorded times need 8.8e"),
        (
            {"n_points": 10**8, "record": "moments", "replicates": 2},
            "the moments of 1 quantities at 100000000 recorded",
        ),
    ],
)
def test_more_than_memory_holds_is_refused_with_what_helps(more, what, monkeypatch):
    monkeypatch.setattr("gillespie_nn.checks._free_memory", lambda: 2e9)
    with pytest.raises(gnn.InputError, match=f"{re.escape(what)}.*GB, but only 2 GB of memory are free: "):
        gnn.simulate(gnn.ReactionNetwork.from_text("A -> 0 @ 1"), 1.0, **more)
