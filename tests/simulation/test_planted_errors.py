"""Planted errors: each changes the law a little, and the tests of `test_exactness` must reject it at the same sample
size and level. A rejection is wanted here, so these do not count towards the suite's false-alarm rate."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.kernels import codes
from gillespie_nn.simulation import replicate_groups
from gillespie_nn.simulation.ensemble import run_ensemble
from gillespie_nn.simulation.methods import Direct, Rejection
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.sinks import MemorySink
from gillespie_nn.simulation.task import Task
from gillespie_nn.verification.planted import halve_pairs, never_rejecting, of_channels, square_pairs, stale
from helpers.checks_of_chance import chi_square, chi_square_two, rejects
from helpers.models import MODELS, N_SAMPLES, SEED, master_law, pairs_of_replicates


def _run(name, method, seed=SEED, time=None, n=N_SAMPLES):
    model = MODELS[name]
    network = model.network
    grid = np.array([0.0, model.time] if time is None else time)
    asked = RunOptions(time=grid, seed=seed, replicates=n)
    task = Task(network, method, asked, model.volume, network.rates(), network.counts())
    sink = MemorySink(task)
    run_ensemble(task, sink)
    return sink.counts


def _p(name, counts, species=0):
    law, _ = master_law(name)
    return chi_square(counts[:, -1, species], law.sum(axis=tuple(a for a in range(law.ndim) if a != species)))


@pytest.mark.parametrize("base", [Direct, Rejection])
@pytest.mark.parametrize("change", [halve_pairs, square_pairs], ids=["missing factor 2", "A*A for A*(A-1)"])
def test_a_wrong_pair_propensity_is_caught(base, change):
    assert rejects(_p("two species", _run("two species", of_channels(change)(base))))


def test_a_wrong_volume_exponent_is_caught():
    def change(channels, laws):
        terms = channels.terms.copy()
        terms["coefficient"] *= np.where(terms["second_offset"] > 0, 4.0, 1.0)
        return channels._replace(terms=terms), laws

    assert rejects(_p("two species", _run("two species", of_channels(change)(Rejection))))


@pytest.mark.parametrize("name", ["two species", "isomerisation"])
def test_a_stale_dependency_is_caught(name):
    assert rejects(_p(name, _run(name, stale(Rejection))))


def test_a_missing_rejection_is_caught():
    assert rejects(_p("immigration-death", _run("immigration-death", never_rejecting(Rejection))))


def test_a_grid_off_by_one_point_is_caught():
    counts = _run("immigration-death", Rejection, time=np.linspace(0, MODELS["immigration-death"].time, 21))
    assert not rejects(_p("immigration-death", counts))
    assert rejects(_p("immigration-death", counts[:, :-1]))


def test_a_record_before_the_last_event_is_caught():
    """The grid holds the state one event early."""

    class Early(Direct):
        def advance(self, t_stop, grid_time=None, grid_counts=None, event_limit=2**62):
            before = self.counts.copy()
            while self._clock[codes.NEXT_TIME] <= t_stop or np.isnan(self._clock[codes.NEXT_TIME]):
                before = self.counts.copy()
                if super().advance(t_stop, event_limit=self.n_events + 1) == codes.REACHED_END:
                    break
            grid_counts[-1] = before
            self._tally[codes.GRID_INDEX] = len(grid_counts)
            return codes.REACHED_END

    assert rejects(_p("immigration-death", _run("immigration-death", Early)))


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in blocks"])
def test_a_stream_shared_by_replicates_is_caught(together, monkeypatch):
    right, block_of = seeds.stream, replicate_groups.Replicates._block_of
    monkeypatch.setattr(seeds, "stream", lambda seed, purpose, k, replicate: right(seed, purpose, k, replicate // 4))
    monkeypatch.setattr(
        replicate_groups.Replicates, "_block_of", lambda self, m, first, n: block_of(self, m, first // 4, n)
    )
    monkeypatch.setattr(replicate_groups, "_BYTES", 1)  # one replicate in a block
    if not together:
        monkeypatch.setattr(replicate_groups, "_restarts", lambda task: False)
    assert rejects(pairs_of_replicates(_run("immigration-death", Rejection)[:, -1, 0]))


def test_a_pending_time_that_ignores_a_scheduled_change_is_caught():
    """An input rises a hundredfold at t = 1; a pending time drawn before must run on at the new rate."""
    network = gnn.ReactionNetwork.from_text("X -> X + Y @ 0.2\nX = 1")

    class Forgetful(Rejection):
        def set_counts(self, species, values):
            pending = self._clock[codes.NEXT_TIME]
            super().set_counts(species, values)
            self._clock[codes.NEXT_TIME] = pending

    from gillespie_nn.simulation.schedule import parse_schedule

    samples = []
    for method in (Direct, Rejection, Forgetful):
        changes = parse_schedule([(1.0, {"X": 100})], network, 1.2)
        asked = RunOptions(time=[1.2], seed=5, replicates=5000)
        task = Task(network, method, asked, 1.0, network.rates(), network.counts(), changes)
        sink = MemorySink(task)
        run_ensemble(task, sink)
        samples.append(sink.counts[:, -1, 1])
    assert not rejects(chi_square_two(samples[0], samples[1]))
    assert rejects(chi_square_two(samples[0], samples[2]))
