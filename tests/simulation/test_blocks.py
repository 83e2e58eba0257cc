"""Replicates in blocks: what comes of them is what each gives alone, whatever else happens."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InternalError, ModelError
from gillespie_nn.simulation import ensemble, replicate_groups
from gillespie_nn.simulation.methods import Direct, Rejection
from gillespie_nn.simulation.replicate_groups import Replicates, go_in_blocks
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.sinks import MemorySink
from gillespie_nn.simulation.task import make_task
from gillespie_nn.status import Status
from gillespie_nn.verification.planted import halve_pairs, never_rejecting, of_channels

TEXT = """
A = 20
B = 3
0 -> A @ 2
bind: A + B -> C @ 0.1
C -> A + B @ 1
2 A -> D @ 0.02
A -> 0 @ 0.1
{more}
"""
LAW = "E = 5\nE -> 0 @ propensity(E * A / (10 + A))\n"
RULE = "@rule total = A + 2 * C\n"


def network(more=""):
    return gnn.ReactionNetwork.from_text(TEXT.format(more=more))


def task_of(net, **more):
    return make_task(net, RunOptions.of({"t_end": 3.0, "n_points": 7, "seed": 5, **more}))[0]


def everything(result):
    """All that a result holds of its replicates."""
    return [
        np.ma.filled(result.counts, -1), result.status, result.n_events, result.firings, result.observables,
        *(result.statistics[name] for name in sorted(result.statistics)),
    ]  # fmt: skip


@pytest.fixture
def alone(monkeypatch):
    """Replicates run one by one."""

    def switch():
        for module in (replicate_groups, ensemble):
            monkeypatch.setattr(module, "go_in_blocks", lambda task: False)

    return switch


CASES = {
    "mass action": ({}, ""), "a law": ({}, LAW), "a rule": ({}, RULE), "an event limit": ({"max_events": 12}, ""),
    "a condition": ({"stop_when": "D >= 3"}, ""), "a condition and a law": ({"stop_when": "total > 30"}, LAW + RULE),
}  # fmt: skip


@pytest.mark.parametrize("method", ["direct", "next_reaction", "rejection", "layered", "tau_leap", "langevin"])
@pytest.mark.parametrize("case", CASES)
def test_a_block_gives_what_its_replicates_give_alone(method, case, alone):
    options, more = CASES[case]
    if method == "langevin" and "stop_when" in options:
        pytest.skip("langevin has no counts to stop at")
    options = options | {"t_end": 3.0, "n_points": 7, "replicates": 40, "seed": 5, "method": method}
    options["count_firings"] = method != "langevin"
    net = network(more)
    assert go_in_blocks(task_of(net, method=method))
    together = gnn.simulate(net, **options)
    alone()
    for a, b in zip(everything(together), everything(gnn.simulate(net, **options)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("record", ["trajectories", "moments", "quantiles"])
@pytest.mark.parametrize("workers", [1, 3])
def test_sizes_of_blocks_change_nothing(record, workers, monkeypatch, tmp_path):
    options = {"t_end": 3.0, "n_points": 7, "replicates": 150, "seed": 5, "record": record, "method": "direct"}

    def run():
        r = gnn.simulate(network(RULE), workers=workers, **options)
        return everything(r) if record == "trajectories" else [r.mean(n) for n in r.quantities] + [r.variance("A")]

    usual = run()
    for n_bytes in (1, 20_000):
        monkeypatch.setattr(replicate_groups, "_BYTES", n_bytes)
        for a, b in zip(usual, run(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_needs_python_goes_alone():
    net = network()
    assert go_in_blocks(task_of(net)) and go_in_blocks(task_of(net, stop_when="A > 30"))
    assert not go_in_blocks(task_of(net, schedule=["1 A=5"]))
    assert not go_in_blocks(task_of(net, noise=gnn.RateNoise(0.1, "constant")))
    assert not go_in_blocks(task_of(network("@event e: when A > 30; set A = 0")))
    assert not go_in_blocks(task_of(net, stop_when="time > 1 && A > 30"))
    assert not go_in_blocks(task_of(net, method="ode"))
    assert not go_in_blocks(task_of(net, n_points=1_000_000))  # its rows are handed on while it runs
    # What a class from outside does beside the kernel cannot be known; planted arrays can be copied.
    assert not go_in_blocks(task_of(net, method=never_rejecting(Rejection)))
    assert go_in_blocks(task_of(net, method=of_channels(halve_pairs)(Direct)))


def test_amounts_rounded_at_random_start_each_replicate_anew():
    net = gnn.ReactionNetwork.from_text("A -> 0 @ 1e-9")
    r = gnn.simulate(net, 1.0, 2, replicates=50, seed=1, initial={"A": 10.5}, round_initial="random", method="direct")
    assert set(r.counts[:, 0, 0].tolist()) == {10, 11}


def test_a_slice_may_end_in_a_replicate(monkeypatch):
    usual = gnn.simulate(network(), 3.0, 7, replicates=30, seed=5, method="direct")
    monkeypatch.setattr(Direct, "_slice", 7, raising=False)
    init = Direct.__init__

    def short(self, *arguments, **named):
        init(self, *arguments, **named)
        self._slice = 7

    short.__module__ = init.__module__
    monkeypatch.setattr(Direct, "__init__", short)
    seen = []
    with Replicates(task_of(network(), method="direct", replicates=30)) as replicates:
        sink = MemorySink(replicates.task)
        assert replicates.block(0, 30, lambda done: seen.append(done), sink.write_block)
    np.testing.assert_array_equal(sink.counts, usual.counts)
    assert len(seen) > 30 and seen == sorted(seen) and seen[-1] < 30


@pytest.mark.parametrize("end", ["interrupt", "KeyboardInterrupt"])
def test_finished_replicates_of_an_interrupted_block_are_kept(end, monkeypatch):
    task = task_of(network(), method="direct", replicates=5_000, t_end=300.0)
    whole = MemorySink(task)

    def pause(done):
        if done > 100:
            if end == "KeyboardInterrupt":
                raise KeyboardInterrupt
            return True
        return False

    with Replicates(task) as replicates:
        replicates._at_start()._slice = 100_000
        if end == "interrupt":
            assert not replicates.block(0, 5_000, pause, whole.write_block)
        else:
            with pytest.raises(KeyboardInterrupt):
                replicates.block(0, 5_000, pause, whole.write_block)
        n = int((whole.status != Status.INTERRUPTED).sum())
        rest = MemorySink(task)
        assert replicates.block(0, n, lambda done: False, rest.write_block)  # it starts anew
    assert 100 < n < 5_000
    np.testing.assert_array_equal(whole.counts[:n], rest.counts[:n])
    assert (whole.counts[n:] == -1).all()


def test_a_fault_names_its_replicate_and_keeps_those_before_it(tmp_path):
    arguments = {"t_end": 1.0, "n_points": 3, "replicates": 200, "seed": 3, "method": "direct"}
    net = gnn.ReactionNetwork.from_text("A = 5\n0 -> A @ 5\nA -> 0 @ 1\n0 -> B @ propensity(10 - A)\n")
    with pytest.raises(ModelError, match=r"replicate (\d+) of seed 3: the propensity of reaction") as error:
        gnn.simulate(net, **arguments, output=tmp_path / "r.h5")
    replicate = int(str(error.value).split()[1])
    done = gnn.open_run(tmp_path / "r.h5")
    assert replicate > 0 and done.n_replicates >= replicate
    alone = gnn.simulate(net, **(arguments | {"replicates": replicate}))
    np.testing.assert_array_equal(np.asarray(done.counts)[:replicate], alone.counts)


def test_a_broken_conservation_law_is_found_in_a_block():
    class Losing(Direct):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            pairs = self._dependents.pairs.copy()
            for amount in ("amount", "other_amount"):
                pairs[amount] = np.minimum(pairs[amount], 1)
            self._dependents = self._dependents._replace(pairs=pairs)

    net = gnn.ReactionNetwork.from_text("A = 20\n2 A -> D @ 0.1\nD -> 2 A @ 1\n")
    with pytest.raises(InternalError, match="a conserved quantity changed"):
        gnn.simulate(net, 3.0, 7, replicates=20, seed=5, method=Losing)


def test_portions_share_the_work_and_know_its_cost():
    task = task_of(network(), method="direct", replicates=10_000)
    sizes = ensemble._Sizes(task, 2)
    assert sizes.next(10_000) == 1  # nothing is known yet
    sizes.record_cost(1, 100)
    assert 1 < sizes.next(10_000) <= 10_000 // 8 + 1
    sizes.record_cost(1, 10**9)
    assert sizes.next(10_000) == 1
    assert ensemble._Sizes(task_of(network(), schedule=["1 A=5"], replicates=100), 1).next(100) == 1


def test_threads_with_tasks_in_turn_do_not_mix_them(tmp_path):
    """A thread keeps its last simulation: another task must not get it."""
    grid = {"rates": [{"bind": k} for k in (0.05, 0.1, 0.2)]}
    many = [gnn.simulate(network(), 3.0, 7, replicates=20, seed=s, method="direct", rates=r)
            for r in grid["rates"] for s in (1, 2)]  # fmt: skip
    again = [gnn.simulate(network(), 3.0, 7, replicates=20, seed=s, method="direct", workers=2, rates=r)
             for r in grid["rates"] for s in (1, 2)]  # fmt: skip
    for a, b in zip(many, again, strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)
    assert not np.array_equal(many[0].counts, many[2].counts)


def test_networks_without_species_and_grids_of_one_point_run():
    nothing = gnn.ReactionNetwork.from_text("go: 0 -> 0 @ 1")
    r = gnn.simulate(nothing, 2.0, 3, replicates=40, seed=1)
    assert r.counts.shape == (40, 3, 0) and r.n_events.sum() > 20
    assert gnn.simulate(network(), time=[0.0], replicates=3, seed=1).counts[:, 0, 0].tolist() == [20] * 3


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_a_law_without_meaning_at_the_start_names_the_first_replicate(record):
    net = gnn.ReactionNetwork.from_text("A = 10\n0 -> A @ propensity(5 - A)")
    with pytest.raises(ModelError, match="replicate 0 of seed 5: the propensity of reaction r1 is negative"):
        gnn.simulate(net, 1.0, 3, replicates=40, seed=5, method="langevin", record=record)


def test_replicates_that_no_call_of_the_kernel_ran_are_not_handed_over():
    net = gnn.ReactionNetwork.from_text("A = 10\n0 -> A @ propensity(5 - A)")
    handed = []
    with Replicates(task_of(net, replicates=40, method="langevin")) as replicates, pytest.raises(ModelError):
        replicates.block(0, 40, lambda done: False, lambda *block: handed.append(block))
    assert not handed


def test_a_network_without_species_runs():
    r = gnn.simulate(gnn.ReactionNetwork((), ()), 1.0, 3, replicates=3, seed=5, method="direct")
    assert r.counts.shape == (3, 3, 0) and set(r.statuses) == {Status.NO_REACTION_POSSIBLE}


class NeverOver(Direct):
    def can_react(self):
        return True


class SaysMore(Direct):
    statistics_names = ("reactions",)

    @property
    def statistics(self):
        return {"reactions": float(self.n_events)}


class Remembers(Direct):
    n_set = 0

    def _set_counts(self, species, values):
        self.n_set += 1
        super()._set_counts(species, np.full_like(values, self.n_set))


def test_what_a_class_from_outside_does_otherwise_is_done_for_each_replicate():
    net = gnn.ReactionNetwork.from_text("A = 3\nA -> 0 @ 1")
    options = {"t_end": 1e4, "n_points": 3, "replicates": 3, "seed": 5}
    assert set(gnn.simulate(net, method=NeverOver, **options).statuses) == {Status.REACHED_END}
    assert gnn.simulate(net, method=SaysMore, **options).statistics["reactions"].tolist() == [3, 3, 3]
    still = gnn.ReactionNetwork.from_text("A = 3\nA -> 0 @ 0")
    r = gnn.simulate(still, method=Remembers, schedule=[(1.0, {"A": 7})], **options)
    assert r.counts[:, -1, 0].tolist() == [1, 1, 1]


def test_moments_of_long_replicates_are_summed_while_they_run(monkeypatch):
    """Not in a block, which would hold the rows of a whole unit of work."""
    monkeypatch.setattr(replicate_groups, "_MOST_BYTES", 16 * 7 * 4 * 8)
    assert go_in_blocks(task_of(network(), replicates=16, record="moments"))
    assert go_in_blocks(task_of(network(), replicates=16, n_points=8))
    assert not go_in_blocks(task_of(network(), replicates=16, n_points=8, record="moments"))
