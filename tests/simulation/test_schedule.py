"""Scheduled changes of rate constants and parameters: exact in exact methods, in every other method as in theirs,
recorded, read again, and refused where they cannot be made."""

import json

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.api.resume import task_of
from gillespie_nn.cli import main
from gillespie_nn.simulation import EXACT, METHODS
from gillespie_nn.simulation.methods.implicit_euler import ImplicitEuler
from gillespie_nn.simulation.methods.method import Method
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.schedule import parse_schedule
from gillespie_nn.simulation.task import make_task
from helpers.checks_of_chance import accept, chi_square, mean_is, rejects

MAKE, LOSE = (4.0, 30.0, 30.0), (0.5, 0.5, 2.0)
TIMES = (1.0, 1.3, 1.6)
"""Rates in three pieces, and where the pieces end [s]; the last two are short, so that what is stale shows."""
SCHEDULE = [(1.3, {"lose": LOSE[2]}), (1.0, {"make": MAKE[1]})]
PLAIN = gnn.ReactionNetwork.from_text("make: 0 -> A @ 4\nlose: A -> 0 @ 0.5")
NAMED = gnn.ReactionNetwork.from_text(
    "@parameter k = 8\n@parameter d = 1\nmake: 0 -> A @ k / 2\nlose: A -> 0 @ d * 0.5"
)
LAWS = gnn.ReactionNetwork.from_text(
    "@parameter k = 4\n@parameter d = 0.5\nmake: 0 -> A @ propensity(k)\nlose: A -> 0 @ propensity(d * A)"
)
FORMS = {
    "rates": (PLAIN, SCHEDULE),
    "constants": (NAMED, [(1.0, {"k": 60}), (1.3, {"d": 4})]),
    "laws": (LAWS, [(1.0, {"k": 30}), (1.3, {"d": 2})]),
    "factors of laws": (LAWS, [(1.0, {"make": 7.5}), (1.3, {"lose": 4})]),
}


def _mean():
    """Of A at the end: a Poisson number, as it starts at 0 and molecules do not know one another."""
    mean, begin = 0.0, 0.0
    for make, lose, end in zip(MAKE, LOSE, TIMES):
        kept = np.exp(-lose * (end - begin))
        mean, begin = mean * kept + make / lose * (1 - kept), end
    return mean


def _final(form, method, n=3000, **options):
    network, schedule = FORMS[form]
    run = gnn.simulate(network, TIMES[-1], 2, method=method, schedule=schedule, replicates=n, seed=11, **options)
    return run.of("A")[:, -1]


def _p(found):
    return chi_square(found, stats.poisson.pmf(np.arange(80), _mean()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", [m.name for m in EXACT])
def test_exact_methods_have_the_law_of_the_rates_in_turn(method, form):
    accept(_p(_final(form, method)), f"scheduled {form}, {method}")


@pytest.mark.parametrize("form", FORMS)
def test_other_methods_have_the_mean_of_the_rates_in_turn(form):
    for method in (m for m in METHODS if not m.exact and (m is not ImplicitEuler or FORMS[form][0] is not LAWS)):
        options = {"fixed_step": 1e-4} if method is ImplicitEuler else {}
        found = _final(form, method.name, 1 if method.deterministic else 2000, **options)
        if method.deterministic:
            assert found[0] == pytest.approx(_mean(), rel=1e-4 if options else 1e-5), method.name
        else:
            accept(mean_is(found, _mean(), slack=0.3), f"scheduled {form}, {method.name}")


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
@pytest.mark.parametrize("fault", ["nothing changes", "stale propensities"])
def test_rates_that_stay_and_propensities_that_are_stale_are_caught(method, fault, monkeypatch):
    """Y made at 0.2 up to t = 1 and at 20 up to 1.2: a time drawn before the change must run on at the new rate."""
    if fault == "nothing changes":
        monkeypatch.setattr(Method, "change_rates", lambda self, rates: None)
    else:
        monkeypatch.setattr(method, "_renew", lambda self: None)
    network = gnn.ReactionNetwork.from_text("go: X -> X + Y @ 0.2\nX = 1")
    schedule = [(1.0, {"go": 20})]
    found = gnn.simulate(network, 1.2, 2, method=method.name, schedule=schedule, replicates=2000, seed=2)
    assert rejects(chi_square(found.of("Y")[:, -1], stats.poisson.pmf(np.arange(60), 0.2 + 0.2 * 20)))


def test_what_is_set_by_name_of_a_constant_is_what_is_set_by_name_of_the_reaction():
    one, other = (gnn.simulate(*(n, 1.6, 9), schedule=s, seed=3) for n, s in (FORMS["rates"], FORMS["constants"]))
    np.testing.assert_array_equal(one.counts, other.counts)


def test_a_change_at_a_recorded_time_and_one_of_counts_and_rates_together():
    found = gnn.simulate(PLAIN, 4.0, 5, schedule=[(2.0, {"A": 77, "make": 0, "lose": 0})], seed=1)
    assert found.of("A")[0, 2:].tolist() == [77, 77, 77]


def test_a_rate_that_the_run_or_the_schedule_sets_no_longer_follows_its_parameter():
    def rates(schedule, **given):
        changes = parse_schedule(schedule, NAMED, 9.0, rates=given)
        return [None if c.rates is None else c.rates.tolist() for c in changes]

    assert rates([(1, {"k": 60, "d": 2})]) == [[30.0, 1.0]]
    assert rates([(1, {"k": 60})], make=9) == [None]
    assert rates([(1, {"make": 9}), (2, {"k": 60}), (3, {"d": 4})]) == [[9.0, 0.5], None, [9.0, 2.0]]
    assert rates([(1, {"*e": 9})]) == [[9.0, 9.0]]


def test_a_reaction_that_could_not_fire_fires_from_its_change_on():
    network = gnn.ReactionNetwork.from_text("go: A -> B @ 0\nA = 50")
    for method in METHODS:
        found = gnn.simulate(network, 9.0, 10, method=method.name, schedule=[(3.0, {"go": 0.5})], seed=1).of("B")[0]
        assert (found[:4] == 0).all() and 35 < found[-1] <= 50, method.name


def test_noise_in_rates_acts_on_the_rates_that_are_scheduled():
    network = gnn.ReactionNetwork.from_text("make: 0 -> A @ 5")
    noise = gnn.RateNoise(0.5, kind="constant")
    schedule = [(1.0, {"make": 20.0})]
    one, two = gnn.simulate(network, 2.0, 3, method="ode", schedule=schedule, noise=noise, seed=8).of("A")[0, 1:]
    assert one != pytest.approx(5) and two - one == pytest.approx(4 * one, rel=1e-6)
    again = gnn.simulate(network, 2.0, 3, method="ode", noise=noise, replicates=2, seed=8).of("A")[:, -1]
    assert again[0] == pytest.approx(2 * one, rel=1e-6)  # the next replicate starts from the first rates


def test_conditions_of_events_follow_scheduled_parameters():
    network = gnn.ReactionNetwork.from_text(
        "@parameter limit = 100\n@parameter hit = -1\nmake: 0 -> A @ 0\nA = 7\n"
        "@event e: when A > limit; set hit = time\n@event late: when time > limit; set A = 0"
    )
    found = gnn.simulate(network, 6.0, 7, schedule=[(2.0, {"limit": 5})], seed=1)
    assert found.of("hit")[0].tolist() == [-1, -1, 2, 2, 2, 2, 2] and found.of("A")[0, -1] == 0


def _models():
    yield FORMS["constants"]
    yield FORMS["laws"]
    # A reaction called as a species: its name is written with the kind in front.
    yield gnn.ReactionNetwork.from_text("A: A -> 0 @ 1\nA = 9"), [(1.0, {"rate:A": 0.5, "count:A": 20})]
    pytest.importorskip("antimony")
    yield (
        gnn.ReactionNetwork.from_antimony("make: -> A; k/2; lose: A -> ; d*A; A = 3; k = 8; d = k/16"),
        [(1.0, {"k": 60}), (1.3, {"d": 4, "A": 5})],
    )


def test_the_schedule_is_recorded_and_gives_the_same_run_again(tmp_path):
    for number, (network, schedule) in enumerate(_models()):
        path = tmp_path / f"{number}.h5"
        asked = {"t_end": 1.6, "n_points": 3, "schedule": schedule, "seed": 5, "replicates": 3}
        task, _ = make_task(network, RunOptions.of(asked))
        result = gnn.simulate(network, output=path, **asked)
        with gnn.open_run(path) as run:
            again = task_of(run)
            assert again.digest == task.digest and again.schedule_record() == task.schedule_record()
        np.testing.assert_array_equal(result.counts, gnn.simulate(network, **asked).counts)
        assert task.digest != make_task(network, RunOptions.of(asked | {"schedule": None}))[0].digest
        assert task.digest != make_task(network, RunOptions.of(asked | {"schedule": schedule[:1]}))[0].digest or (
            len(schedule) == 1
        )


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_a_rate_set_to_its_value_in_the_model_stays_in_a_run_that_is_resumed(record, tmp_path):
    """The file says which rates differ from the model, and this one does not; but it no longer follows `k`."""
    asked = {"t_end": 1.6, "n_points": 3, "rates": {"make": 4}, "seed": 5, "record": record, "replicates": 20}
    asked["schedule"] = [(1.0, {"k": 60}), (1.2, {"k": 8}), (1.3, {"make": 1}), (1.4, {"k": 9})]
    task, _ = make_task(NAMED, RunOptions.of(asked))
    with gnn.simulate(NAMED, output=tmp_path / "r.h5", **asked) as run:
        assert task_of(run).digest == task.digest


def test_what_a_model_works_out_from_a_parameter_follows_at_that_moment():
    pytest.importorskip("antimony")
    network = gnn.ReactionNetwork.from_antimony("make: -> A; k/2; lose: A -> ; d*A; A = k; k = 8; d = k/16")
    (change,) = parse_schedule([(1.0, {"k": 16})], network, 2.0)
    assert change.rates.tolist() == [8.0, 1.0] and not len(change.species)


def test_the_command_takes_a_schedule_and_sweeps_do(tmp_path, capsys):
    (tmp_path / "m.txt").write_text(NAMED.to_text())
    shell = ["simulate", str(tmp_path / "m.txt"), "--t-end", "1.6", "--n-points", "5", "--seed", "3", "--json"]
    more = ["--schedule", "1.0 k=60", "--schedule", "1.3 d=4 A=7", "--output", str(tmp_path / "r.h5")]
    assert main([*shell, *more]) == 0
    same = gnn.simulate(NAMED, 1.6, 5, seed=3, schedule=[(1.0, {"k": 60}), (1.3, {"d": 4, "A": 7})])
    with gnn.open_run(tmp_path / "r.h5") as run:
        np.testing.assert_array_equal(run.counts[:], same.counts)
        assert json.loads(json.dumps(run.arguments["schedule"]))[0] == [1.0, {"make": 30.0, "k": 60.0}]
    capsys.readouterr()
    assert main([*shell, "--schedule", "1.0 k:60"]) == 2
    assert "schedule entry 0 must be (time, {name: value}), or a text such as '10 A=50" in capsys.readouterr().err
    table = gnn.sweep(NAMED, {"A": [0, 100]}, 1.6, 2, schedule=["1.0 make=0 lose=0"], seed=1)
    assert table[1].of("A")[0, -1] > table[0].of("A")[0, -1]


@pytest.mark.parametrize(
    "schedule, what",
    [
        (
            [(1.0, {"mak": 1})],
            "unknown name 'mak' in the schedule .did you mean 'make'..: species, reactions and param",
        ),
        ([(1.0, {"make": -1})], "scheduled rate of make must be at least 0 and finite, got -1"),
        ([(1.0, {"k": float("nan")})], "parameter k must be finite, got nan"),
        ([(1.0, {"x:k": 1})], "unknown kind of name 'x' in the schedule: the part before the colon is one of count"),
        ([(1.0, {"rate:k": 1})], "unknown reaction 'k' in the schedule"),
        ([(1.0, {"q*": 1})], "no species or reaction in the schedule matches 'q.'"),
        ([(1.0, {"k": -8})], "rate constant of reaction make, k / 2, must be at least 0"),
        (["A=5"], "schedule entry 0 must be"),
        (["1 A=5 A=6"], "schedule entry 0 must be"),
        ([(1.0, {3: 5})], "unknown name 3 in the schedule"),
    ],
)
def test_schedules_that_cannot_be_made_are_refused(schedule, what):
    with pytest.raises(gnn.InputError, match=what):
        gnn.simulate(NAMED, 2.0, schedule=schedule)


def test_names_with_two_meanings_are_refused():
    network = gnn.ReactionNetwork.from_text("A: A -> B @ 1\nA = 9")
    with pytest.raises(
        gnn.InputError, match="'A' in the schedule has 2 meanings in the model: write count:A or rate:A"
    ):
        gnn.simulate(network, 2.0, schedule=[(1.0, {"A": 1})])
    with pytest.raises(gnn.InputError, match="'A.' in the schedule has 2 meanings"):
        gnn.simulate(network, 2.0, schedule=[(1.0, {"A*": 1})])


def test_certify_compares_what_a_schedule_switches_on():
    network = gnn.ReactionNetwork.from_text("go: A -> B @ 0\nA = 200")
    found = gnn.certify(network, "tau_leap", t_end=2.0, replicates=200, schedule=[(1.0, {"go": 1})], seed=1)
    assert {row.species for row in found.rows} == {"A", "B"}
