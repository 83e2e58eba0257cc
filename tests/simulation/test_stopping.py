"""`stop_when`: replicates stop when a condition becomes true."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.simulation.methods import EXACT, Direct
from gillespie_nn.status import Status
from gillespie_nn.verification.planted import _deaf, at_recorded_points, of_channels
from helpers.checks_of_chance import accept, rejects

BIRTH = gnn.ReactionNetwork.from_text("0 -> A @ 2")
WALK = gnn.ReactionNetwork.from_text("A = 3\nup: A -> 2 A @ 1\ndown: A -> 0 @ 1\n")


def _p(method, condition="A >= 5", **more):
    r = gnn.simulate(BIRTH, 40.0, 3, replicates=2_000, seed=8, method=method, stop_when=condition, **more)
    assert set(r.statuses) == {Status.CONDITION_MET}
    return stats.kstest(r.statistics["end_time"], stats.gamma(5, scale=0.5).cdf).pvalue


@pytest.mark.parametrize("condition", ["A >= 5", "time >= 0 && A >= 5"], ids=["in blocks", "alone"])
@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
def test_the_time_of_a_first_passage_has_its_law(method, condition):
    """The fifth birth of a Poisson process: a gamma law."""
    accept(_p(method, condition), "time of the fifth birth")


def test_one_birth_more_is_seen():
    assert rejects(_p("direct", "A >= 6"))


def test_of_two_ends_each_is_met_as_often_as_it_should_be():
    """From 3 of 0 ... 10 a symmetric walk reaches 10 with probability 3/10."""
    n = 4_000
    up = gnn.simulate(WALK, 1e6, 2, replicates=n, seed=8, stop_when="A >= 10", max_events=10**6)
    n_up = up.statuses[Status.CONDITION_MET]
    accept(stats.binomtest(int(n_up), n, 0.3).pvalue, "passages to the upper end")
    assert sum(up.statuses.values()) == n and set(up.statuses) <= {Status.CONDITION_MET, Status.NO_REACTION_POSSIBLE}


def test_points_up_to_the_stop_are_recorded_and_no_others():
    r = gnn.simulate(BIRTH, 10.0, 101, replicates=50, seed=2, stop_when="A == 7")
    end = r.statistics["end_time"]
    reached = ~np.ma.getmaskarray(r.counts)[:, :, 0]
    np.testing.assert_array_equal(reached, r.time[None, :] < end[:, None])
    assert r.counts.max() == 6 and (r.n_events == 7).all()
    assert not r.complete


def test_a_replicate_that_does_not_stop_has_no_time_of_it():
    r = gnn.simulate(BIRTH, 1.0, 3, replicates=50, seed=2, stop_when="A > 3")
    stopped = r.status == Status.CONDITION_MET
    assert 0 < stopped.sum() < 50
    np.testing.assert_array_equal(np.isnan(r.statistics["end_time"]), ~stopped)


@pytest.mark.parametrize("condition", ["A >= 0", "A >= 0 && time >= 0"], ids=["in blocks", "alone"])
def test_a_condition_true_at_the_start_stops_there(condition):
    r = gnn.simulate(BIRTH, 1.0, 3, replicates=3, seed=2, stop_when=condition)
    assert r.counts[:, 0, 0].tolist() == [0, 0, 0] and np.ma.getmaskarray(r.counts)[:, 1:].all()
    assert r.statistics["end_time"].tolist() == [0.0] * 3 and r.n_events.tolist() == [0] * 3
    late = gnn.simulate(BIRTH, time=[0.5, 1.0], replicates=3, seed=2, stop_when=condition)
    assert np.ma.getmaskarray(late.counts).all()


def test_a_condition_of_the_time_is_met_to_the_last_digit():
    r = gnn.simulate(BIRTH, 2.0, 3, replicates=3, seed=2, stop_when="time >= 1.3", method="next_reaction")
    assert r.statistics["end_time"].tolist() == [1.3] * 3 and (np.ma.getmaskarray(r.counts)[:, 2]).all()


def test_rules_parameters_events_schedules_and_noise_go_with_it():
    net = gnn.ReactionNetwork.from_text(
        "A = 2\n0 -> A @ 1\nA -> 0 @ 0.1\n@parameter limit = 9\n@rule twice = 2 * A\n"
        "@event more: when A >= 4; set A = A + 3"
    )
    r = gnn.simulate(net, 50.0, 51, replicates=20, seed=3, stop_when="twice >= 2 * limit", schedule=["5 limit=30"],
                     noise=gnn.RateNoise(0.1, "constant"))  # fmt: skip
    early = r.statistics["end_time"] < 5
    assert (r.status[early] == Status.CONDITION_MET).all() and early.any()
    late = r.statistics["end_time"][~early]
    assert ((late >= 5) | np.isnan(late)).all()


def test_files_moments_sweeps_and_resume_have_it(tmp_path):
    options = {"t_end": 5.0, "n_points": 6, "replicates": 60, "seed": 4, "stop_when": "A >= 6"}
    memory = gnn.simulate(BIRTH, **options)
    run = gnn.simulate(BIRTH, **options, output=tmp_path / "r.h5", workers=2)
    np.testing.assert_array_equal(run.statistics["end_time"], memory.statistics["end_time"])
    assert run.arguments["stop_when"] == "A >= 6"
    moments = gnn.simulate(BIRTH, **options, record="moments", output=tmp_path / "m.h5")
    assert moments.statuses == memory.statuses
    np.testing.assert_allclose(moments.mean("A"), memory.mean("A"))
    assert np.isnan(memory.statistics["end_time"]).any()
    assert moments.statistics["end_time"] == pytest.approx(np.nanmean(memory.statistics["end_time"]))
    table = gnn.sweep(BIRTH, {"r1": [1.0, 2.0]}, **options, output=tmp_path / "s")
    assert len(table) == 2
    np.testing.assert_array_equal(gnn.resume(tmp_path / "r.h5").statistics["end_time"], memory.statistics["end_time"])


def test_no_warning_says_that_what_was_asked_for_happened(recwarn):
    gnn.simulate(BIRTH, 40.0, 3, replicates=5, seed=8, stop_when="A >= 5")
    assert not recwarn.list


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("A >", "stop_when"),
        ("B > 3", "unknown name 'B' in event stop_when"),
        ("a > 3", "did you mean 'A'"),
        ("A > 3 or time > 2", "unexpected 'or': write ||"),
        ("", "must be a condition such as"),
        (3, "must be a condition such as"),
        ("1 > 0", "reads no species, rule or time"),
    ],
)
def test_wrong_conditions_are_refused(condition, message):
    with pytest.raises(gnn.InputError, match=message):
        gnn.simulate(BIRTH, 1.0, 3, stop_when=condition)


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_commands_say_that_replicates_stopped_as_they_should(tmp_path, capsys, record):
    (tmp_path / "m.txt").write_text("0 -> A @ 2\n")
    out = str(tmp_path / "r.h5")
    asked = ["simulate", str(tmp_path / "m.txt"), "--t-end", "40", "--replicates", "5", "--record", record]
    assert main([*asked, "--stop-when", "A >= 5", "--output", out]) == 0
    capsys.readouterr()
    assert main(["resume", out]) == 0
    assert "5 replicates stopped: the condition of stop_when became true" in capsys.readouterr().out
    table = tmp_path / "t.csv"
    table.write_text("A\n0\n1\n")
    assert main([*asked, "--stop-when", "A >= 5", "--sweep", str(table)]) == 0
    if record == "trajectories":
        assert main([*asked, "--max-events", "3"]) == 3
        assert main([*asked, "--max-events", "3", "--sweep", str(table)]) == 3


@pytest.mark.parametrize("method", ["linear_noise", "implicit_euler"])
def test_methods_without_events_refuse_it(method):
    with pytest.raises(gnn.InputError, match=f"stop_when='A > 3': method {method} does not support events"):
        gnn.simulate(BIRTH, 1.0, 3, stop_when="A > 3", method=method)


def test_a_condition_looked_at_only_at_recorded_points_is_seen():
    planted = at_recorded_points(of_channels(_deaf))(Direct)
    assert rejects(_p(planted))


def test_an_event_at_time_0_happens_once():
    net = gnn.ReactionNetwork.from_text("B = 5\n0 -> A @ 1\nB -> 0 @ 0\n@event more: when time >= 0; set B = B + 10")
    r = gnn.simulate(net, 1.0, 3, replicates=3, seed=2, method="direct", stop_when="A >= 1000")
    assert (r.counts[:, :, r.species.index("B")] == 15).all()


@pytest.mark.parametrize("more", [{"schedule": ["0.1 r1=3"]}, {"stop_when": "A >= 5 && time >= 0"}])
def test_reactions_up_to_the_stop_are_recorded_where_replicates_run_alone(more):
    options = {"replicates": 3, "seed": 2, "method": "direct", "stop_when": "A >= 5", "record": "events"} | more
    r = gnn.simulate(BIRTH, 40.0, 3, **options)
    for k in range(3):
        assert len(r.events(k).time) == 5 and r.events(k).time[-1] == r.statistics["end_time"][k]
