"""The protocol of presentations: phases are data, and training, prediction, schedules and bounds play them alike."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.crn.dual_rail import Rails
from gillespie_nn.nn.chemistry import SAMPLE, Phase
from gillespie_nn.noise import RateNoise
from gillespie_nn.propositions.driven import DrivenPaths
from gillespie_nn.propositions.intrinsic import CountedPaths
from gillespie_nn.propositions.setting import Choice, setting_of
from gillespie_nn.simulation.methods import Ode, Rejection
from gillespie_nn.simulation.presentations import Presented, Samples, run_presentations
from gillespie_nn.simulation.slow_limit import GradientDescent

VOLUME, RUNNING_TIME = 40.0, 10.0
X, T = np.array([[0.0, 1.0], [1.0, 0.5]]), np.array([[1.0], [0.25]])
GATES = {2.0: 0.0, 7.5: 0.5, RUNNING_TIME: 1.0}
"""What the gate is until when in a presentation."""


def _made(layers=(2, 3, 1), **settings):
    """A training network with a port of its own: the gate opens by halves, and the target comes with the first half."""
    spec = gnn.training_network(layers, **settings)
    late = (("targets", SAMPLE),) if spec.targets else ()
    early = (("targets", 0.0),) if spec.targets else ()
    phases = (
        Phase("show", 2.0, (("inputs", SAMPLE), *early, ("gate", 0.0)), learns=False),
        Phase("nudge", 5.5, (*late, ("gate", 0.5))),
        Phase("rest", None, (("gate", 1.0),), learns=False),
    )
    network = replace(spec.network, species=(*spec.network.species, "K"))
    return replace(spec, declared=network, ports=spec.ports | {"gate": (Rails("K"),)}, phases=phases)


def _ports(spec, counts, volume=VOLUME):
    return [spec.read(rails, counts, volume).tolist() for rails in spec.ports.values()]


def _at(time, order):
    """What the ports hold at `time`, by hand; at the end of a phase what the next one sets."""
    k, since = divmod(time, RUNNING_TIME)
    sample = order[int(k)]
    gate = next(value for end, value in GATES.items() if since < end)
    return [X[sample].tolist(), T[sample].tolist() if gate else [0.0], [gate]]


def _watched(kind):
    class Watched(kind):
        def advance(self, t_stop, *others, **named):
            self.seen.append(("run", t_stop, self.counts.copy()))
            return super().advance(t_stop, *others, **named)

        def begin_presentation(self, k):
            self.seen.append(("begin", k, self.counts.copy()))
            super().begin_presentation(k)

    return Watched


@pytest.mark.parametrize("kind", [Rejection, Ode])
def test_presentations_go_through_the_phases(kind):
    spec, order, ended = _made(), np.array([1, 0, 1]), []
    samples = Samples(spec, Presented(X, T, order[:, None]), VOLUME, kind.dtype)
    start = spec.start(spec.floating.initial_weights(0), VOLUME, kind.dtype)
    rng = seeds.stream(0, seeds.Purpose.SIMULATION)
    method = _watched(kind)(spec.network, spec.network.rates(), VOLUME, start, rng)
    method.seen, presented = [], []
    run_presentations(
        method, samples, RUNNING_TIME, lambda k: ended.append((k, method.time)),
        presented=lambda counts: presented.append(_ports(spec, counts)),
    )  # fmt: skip
    assert ended == [(0, 10.0), (1, 20.0), (2, 30.0)]
    begins = [(k, _ports(spec, counts)) for what, k, counts in method.seen if what == "begin"]
    assert begins == [(k, _at(RUNNING_TIME * k, order)) for k in range(3)]
    phases = [RUNNING_TIME * k + begin for k in range(3) for begin in (0.0, 2.0, 7.5)]
    assert presented == [_at(begin, order) for begin in phases]
    runs = {stop: _ports(spec, counts) for what, stop, counts in method.seen if what == "run"}
    assert runs == {stop: _at(begin, order) for begin, stop in zip(phases, [*phases[1:], 30.0])}


def test_a_schedule_sets_the_same():
    spec, order = _made(), (1, 0)
    schedule = [
        entry
        for k, s in enumerate(order)
        for entry in spec.schedule(X[s], T[s], VOLUME, RUNNING_TIME, start=RUNNING_TIME * k)
    ]
    assert [time for time, _ in schedule] == [0.0, 2.0, 7.5, 10.0, 12.0, 17.5]
    assert schedule[0][1] == spec.presentation(X[1], T[1], VOLUME)
    run = gnn.simulate(spec.network, 19.5, 40, volume=VOLUME, schedule=schedule, seed=1)
    assert [_ports(spec, counts) for counts in run.counts[0]] == [_at(time, order) for time in run.time]


def test_training_and_prediction_go_through_the_phases(monkeypatch, tmp_path):
    for place in ("train", "learning_trajectories"):
        monkeypatch.setattr(
            import_module(f"gillespie_nn.api.{place}"),
            "training_network",
            lambda *given, **settings: replace(_made(*given, **settings), outputs=(Rails("K"),)),
        )
    fit = gnn.train("xor", volume=VOLUME, presentations=3, running_time=RUNNING_TIME, seed=1, output=tmp_path / "f.h5")
    with gnn.open_run(fit.output) as run:
        assert run.predictions[:].tolist() == [[1.0]] * 3
    # of the readings in the second half, every 0.25 s, 9 come before the gate is open, and one as it opens
    np.testing.assert_allclose(fit.predict(X), (9 * 0.5 + 11 * 1.0) / 20, rtol=1e-12)


def test_levels_in_floating_point_learn_in_the_phases_that_learn():
    spec, volume = _made(), 1.0
    weights = spec.floating.initial_weights(0)
    level = GradientDescent(spec, 0.1, volume, spec.start(weights, volume, np.float64), None, {})
    learnt = []
    for step in Samples(spec, Presented.each(X, T), volume, np.float64).present(level, 1, 0.0, RUNNING_TIME):
        level.advance(step.end)
        learnt.append(spec.read_weights(level.counts, volume) - weights)
    change = -0.1 * 5.5 * spec.floating.gradient(weights, X[1], T[1])
    np.testing.assert_allclose(learnt, [np.zeros_like(weights), change, change], atol=1e-12)


def test_bounds_go_through_the_phases():
    setting = replace(
        setting_of(Choice("5.2", "crossing", running_time=RUNNING_TIME, presentations=2)), x=X, t=T, spec=_made()
    )
    setting = replace(setting, weights=setting.spec.floating.initial_weights(0))
    spec = setting.spec
    counted = CountedPaths(setting, VOLUME)
    times, limits, counts = counted.recorded(0, 0, 0.5)
    switches = [RUNNING_TIME * k + begin for k in range(3) for begin in (0.0, 2.0, 7.5)]
    inner = np.abs(np.subtract.outer(times, switches)).min(axis=1) > 1e-6  # there are both sides of a switch
    assert inner.sum() > 30
    for time, limit, row in zip(times[inner], limits[inner], counts[inner]):
        assert _ports(spec, limit, 1.0) == _ports(spec, row) == _at(time, (0, 1))
    assert counted.errors(0, 0, 0)[3].sum() == 0 and np.isfinite(counted.linear_noise(0, 0)).all()
    driven = DrivenPaths(setting, RateNoise(1e-3, "bounded"), np.geomspace(1e-4, 1e-3, 6), seed=1)
    ends = []
    for time in driven.pieces(0, 0.5):
        ends.append(time)
        before = _at(time - 0.25, (0, 1))
        assert _ports(spec, driven.system.columns[:-1, 0], 1.0) == before, time
    assert ends[-1] == 20.0 and {2.0, 7.5, 12.0, 17.5} < set(ends)


@pytest.mark.parametrize("phases, what", [
    ([], "must have duration None"),
    ([Phase("all", 3.0, ())], "must have duration None"),
    ([Phase("rest", None, ()), Phase("more", None, ())], "duration of phase 'rest'"),
    ([Phase("none", 0.0, ()), Phase("more", None, ())], "duration of phase 'none'"),
    ([Phase("all", None, (("input", SAMPLE),))], "unknown port 'input' in phase 'all'.*did you mean 'inputs'"),
    ([Phase("all", None, (("gate", SAMPLE),))], "a sample has values for inputs and targets only"),
    ([Phase("all", None, (("gate", np.nan),))], "port 'gate' in phase 'all'"),
])  # fmt: skip
def test_wrong_phases_are_refused(phases, what):
    with pytest.raises(gnn.InputError, match=what):
        replace(_made(), phases=tuple(phases))


def test_phases_longer_than_the_presentation_are_refused():
    spec = _made()
    with pytest.raises(gnn.InputError, match=r"phase 'nudge' ends at 8.5 s, after its presentation.* 6 s"):
        spec.schedule(X[0], T[0], VOLUME, 5.0, start=1.0)
    with pytest.raises(gnn.InputError, match="phase 'nudge' ends at 7.5 s"):
        list(Samples(spec, Presented.each(X, T), VOLUME).steps(0, 0.0, 5.0))


def test_a_number_too_large_for_a_count_is_refused_before_the_run():
    spec = _made()
    large = replace(spec, phases=(Phase("all", None, (("gate", 1e16),)),))
    with pytest.raises(gnn.InputError, match="exceed the largest count"):
        Samples(large, Presented.each(X, T), VOLUME)


@pytest.mark.parametrize("volume", [0.4, 10.6])
def test_numbers_set_in_a_phase_are_rounded_only_where_molecules_are_counted(volume):
    spec = gnn.training_network((2, 1), hold=3.0)
    for dtype, expected in ((np.float64, volume), (np.int64, round(volume))):
        _, learn = Samples(spec, Presented.each(X, T), volume, dtype).steps(0, 0.0, RUNNING_TIME)
        assert learn.counts.dtype == dtype and learn.counts.tolist() == [expected]


def test_todays_network_declares_its_phases():
    sample = (("inputs", SAMPLE), ("targets", SAMPLE))
    assert gnn.training_network((2, 1)).phases == (Phase("learn", None, sample),)
    held = Phase("hold", 3.0, (*sample, ("licence", 0.0)), learns=False)
    assert gnn.training_network((2, 1), hold=3.0).phases == (held, Phase("learn", None, (("licence", 1.0),)))
    (forward,) = gnn.training_network((2, 1), hold=3.0, learning=False).phases
    assert forward.sets == (("inputs", SAMPLE),)
