"""Events have the meaning of SBML and the law that follows from it: conditions on the time, on counts and on both,
delays, priorities, what one event does to another; distributions against the master equation and closed forms."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

import gillespie_nn as gnn
from gillespie_nn.kernels import codes
from gillespie_nn.simulation import EXACT, replicate
from gillespie_nn.simulation.methods import Layered
from helpers.checks_of_chance import accept, chi_square, rejects
from helpers.models import N_SAMPLES

NAMES = [m.name for m in EXACT if m is not Layered]


def run(text, time, method="direct", replicates=1, seed=51, **options):
    network = gnn.ReactionNetwork.from_text(text)
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    return gnn.simulate(network, time=time, method=method, replicates=replicates, seed=seed, **options)


def _births_and_reset(t, size=11):
    """Births at rate 8, deaths at rate 0.5 each, and back to 2 from the moment that 10 are reached."""
    generator = np.zeros((size, size))
    for n in range(size - 1):
        for rate, to in ((8.0, n + 1 if n + 1 < 10 else 2), (0.5 * n, n - 1)):
            if rate:
                generator[to, n] += rate
                generator[n, n] -= rate
    return expm(generator * t)[:, 0]


RESET = "0 -> A @ 8\nA -> 0 @ 0.5\n@event full: when A >= 10; set A = 2"


@pytest.mark.parametrize("method", NAMES)
def test_a_condition_on_a_count_acts_at_once(method):
    r = run(RESET, [0.7, 3.0], method, N_SAMPLES // 2)
    for k, t in enumerate(r.time):
        accept(chi_square(r.of("A")[:, k], _births_and_reset(t)), f"reset at {t}, {method}")


def test_an_event_that_is_looked_for_only_at_recorded_points_is_caught(monkeypatch):
    monkeypatch.setattr(replicate, "advance_to", _deaf(replicate.advance_to))
    r = run(RESET, np.linspace(0, 3.0, 31), "direct", N_SAMPLES // 4)
    assert rejects(chi_square(np.minimum(r.of("A")[:, -1], 10), _births_and_reset(3.0)))


def _deaf(advance_to):
    def deaf(*arguments, **grid):
        code = codes.TRIGGERED
        while code == codes.TRIGGERED:
            code = advance_to(*arguments, **grid)
        return code

    return deaf


@pytest.mark.parametrize("method", NAMES)
def test_a_condition_on_time_and_count_acts_at_the_time_or_at_the_count(method):
    """Free until t = 1; then, and whenever 6 are reached after it, back to 0."""
    text = "0 -> A @ 5\nA -> 0 @ 0.4\n@event late: when time >= 1 && A >= 6; set A = 0"
    r = run(text, [1.0, 2.2], method, N_SAMPLES // 2)
    free = stats.poisson.pmf(np.arange(80), 12.5 * (1 - np.exp(-0.4)))
    at_one = np.append(free[:6], np.zeros(0))
    at_one[0] += 1 - free[:6].sum()
    generator = np.zeros((6, 6))
    for n in range(6):
        for rate, to in ((5.0, (n + 1) % 6), (0.4 * n, n - 1)):
            if rate:
                generator[to, n] += rate
                generator[n, n] -= rate
    accept(chi_square(r.of("A")[:, 0], at_one), f"at the time, {method}")
    accept(chi_square(r.of("A")[:, 1], expm(1.2 * generator) @ at_one), f"after it, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_a_parameter_set_by_an_event_changes_the_rate(method):
    text = "@parameter k = 2\n0 -> A @ propensity(k)\nA -> 0 @ 1\n@event more: when time > 0.5; set k = 10 * k"
    r = run(text, [0.5, 1.3], method, N_SAMPLES // 2)
    before = 2 * (1 - np.exp(-0.5))
    accept(chi_square(r.of("A")[:, 0], stats.poisson.pmf(np.arange(60), before)), f"before, {method}")
    after = 20 + (before - 20) * np.exp(-0.8)
    accept(chi_square(r.of("A")[:, 1], stats.poisson.pmf(np.arange(80), after)), f"after, {method}")
    assert r.observable_names == ("k",)
    np.testing.assert_array_equal(r.of("k"), np.tile([2.0, 20.0], (N_SAMPLES // 2, 1)))


@pytest.mark.parametrize("method", NAMES)
def test_a_delayed_event_happens_its_delay_after_the_count(method):
    """The fifth of immigrants at rate 4 comes at a gamma time; half a unit later the flag is up."""
    text = "0 -> A @ 4\nflag = 0\n@event fifth: when A >= 5; set flag = 1; delay 0.5"
    r = run(text, [1.5, 2.0], method, N_SAMPLES)
    for k, t in enumerate(r.time):
        p = stats.gamma.cdf(t - 0.5, 5, scale=0.25)
        accept(stats.binomtest(int(r.of("flag")[:, k].sum()), N_SAMPLES, p).pvalue, f"delay at {t}, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_an_event_that_does_not_persist_is_dropped(method):
    """Up at rate 1, down at rate 1 from the first arrival; the flag rises if the state stays up for 0.5."""
    text = "0 -> A @ propensity(piecewise(1, A == 0, 0))\nA -> 0 @ 1\nflag = 0\n{}"
    event = "@event stays: when A >= 1; set flag = flag + 1; delay 0.5; not persistent; values after delay"
    r = run(text.format(event), [1.2], method, N_SAMPLES)
    # First arrival before 0.7 that stays 0.5: P(flag >= 1) within 1.2 has at most one cycle more; simulate by hand.
    rng = np.random.default_rng(52)
    n = 400_000
    now, found = np.zeros(n), np.zeros(n, dtype=int)
    for _ in range(40):
        start = now + rng.exponential(size=n)
        end = start + rng.exponential(size=n)
        found += (start + 0.5 <= 1.2) & (end > start + 0.5)
        now = end
    law = np.bincount(found, minlength=4) / n
    seen = np.bincount(r.of("flag")[:, 0], minlength=4)[:2]
    p = stats.chi2_contingency([[seen[0], seen[1:].sum()], [law[0] * n, (1 - law[0]) * n]]).pvalue
    accept(p, f"not persistent, {method}")


TIMES = "0 -> A @ 0\nA = 5\n"


@pytest.mark.parametrize(
    "events, at, expected",
    [
        ("when time >= 2; set A = 7", [1.9, 2.0, 3.0], [5, 7, 7]),
        ("when time > 2; set A = 7", [2.0, np.nextafter(2.0, 3), 3.0], [5, 7, 7]),
        ("when time >= 0; set A = 7", [0.0, 1.0], [7, 7]),
        ("when time >= 0; set A = 7; initially true", [0.0, 1.0], [5, 5]),
        ("when time >= 1; set A = A + 1; delay 0.5", [1.4, 1.5, 3.0], [5, 6, 6]),
        ("when sin(time) > 0; set A = A + 1", [0.5, 3.5, 7.0, 13.0], [6, 6, 7, 8]),
        ("when time == 2; set A = 9", [1.9, 2.0, 2.1], [5, 9, 9]),
        ("when time >= 1; set A = 2 * A, flag = A\nflag = 0", [1.0], [10]),
        ("when floor(time) == 2 || time >= 5; set A = A + 1", [1.9, 2.0, 4.9, 5.0], [5, 6, 6, 7]),
        ("when time >= 2.5 && time < 2.6; set A = A + 1; delay 0.2; not persistent", [4.0], [5]),
        ("when time >= 2.5 && time < 2.6; set A = A + 1; delay 0.2", [4.0], [6]),
    ],
)
@pytest.mark.parametrize("method", NAMES)
def test_set_times(events, at, expected, method):
    assert run(f"{TIMES}@event e: {events}", at, method).of("A")[0].tolist() == expected


@pytest.mark.parametrize(
    "events, expected",
    [
        # by priority, then file order; values are worked out when the condition becomes true
        (["when time >= 1; set A = 2; priority 1", "when time >= 1; set A = 3; priority 2"], 2),
        (["when time >= 1; set A = 2", "when time >= 1; set A = 3"], 3),
        (["when time >= 1; set A = A + 1", "when time >= 1; set A = A + 10"], 15),
        (["when time >= 1; set A = A + 1", "when time >= 1; set A = A + 10; values after delay"], 16),
        # one makes the other happen, or no longer
        (["when time >= 1; set A = 100", "when A == 100; set A = 42"], 42),
        (["when time >= 1; set A = 0", "when time >= 1 && A > 0; set A = 9; not persistent"], 0),
        (["when time >= 1; set A = 0", "when time >= 1 && A > 0; set A = 9"], 9),
    ],
)
def test_events_at_one_moment(events, expected):
    text = TIMES + "\n".join(f"@event e{k}: {e}" for k, e in enumerate(events))
    assert run(text, [2.0]).of("A")[0, 0] == expected


@pytest.mark.parametrize(
    "event, what",
    [
        ("when time >= 1; set A = A / 2", "event e, at t = 1 s: it sets A to 2.5 molecules"),
        ("when time >= 1; set A = A - 9", "sets A to -4 molecules"),
        ("when time >= 1; set k = 1 / (A - 5)\n@parameter k = 1", "sets k to inf"),
        ("when time >= 1; set A = 1; delay -2", "its delay is -2 s"),
        ("when A >= 5; set A = 5 - A\n@event f: when A == 0; set A = 5", "keep triggering each other"),
    ],
)
def test_what_has_no_meaning_is_an_error_that_names_event_and_time(event, what):
    with pytest.raises(gnn.UnfinishedError, match="replicate 0 of seed 51") as error:
        run(f"{TIMES}@event e: {event}", [2.0])
    assert what in str(error.value)


@pytest.mark.parametrize("method", NAMES)
def test_events_and_scheduled_changes_meet(method):
    """A schedule makes a condition true; both at one time; a run cut by recorded points is the same run."""
    text = "0 -> A @ 3\nA -> 0 @ 0.1\nflag = 0\n@event high: when A >= 50; set flag = flag + 1, A = 0"
    schedule = [(1.0, {"A": 50}), (2.0, {"A": 60})]
    r = run(text, [0.9, 1.0, 2.0, 4.0], method, schedule=schedule)
    assert r.of("flag")[0].tolist() == [0, 1, 2, 2]
    again = run(text, np.linspace(0, 4, 41), method, schedule=schedule)
    assert again.of("A")[0, -1] == r.of("A")[0, -1] and again.n_events == r.n_events


def test_rules_are_recorded_whole_or_as_observables(tmp_path):
    text = "A -> B @ 1\nA = 9\nhalf = 0\n@rule half = A / 2\n@rule ratio = A / (A + B)\n@rule clock = 2 * time"
    r = run(text, [0.0, 1.0, 9.0], output=tmp_path / "r.h5")
    a = r.of("A")[0]
    np.testing.assert_array_equal(r.of("half")[0], a / 2)
    np.testing.assert_array_equal(r.of("ratio")[0], a / 9)
    np.testing.assert_array_equal(r.of("clock")[0], [0, 2, 18])
    whole = np.asarray(r.counts)[0, :, r.species.index("half")]
    np.testing.assert_array_equal(whole, np.where(a % 2 == 0, a // 2, -1))
    assert {"half", "ratio", "clock"} <= set(r.to_xarray().data_vars)


COMPETING = """
@event tick: when time >= 1; set T = 1; priority 5
@event first: when T > 0; set A = A + 1, T = 0; priority 2; not persistent
@event second: when T > 0; set B = B + 1, T = 0; priority P; not persistent
@event third: when T > 0; set C = C + 1, T = 0; priority 2; not persistent
@parameter P = 2
X -> 0 @ 1e-9
X = 1
T = 0
A = 0
B = 0
C = 0
"""


@pytest.mark.parametrize("method", NAMES)
def test_of_events_of_equal_priority_one_is_drawn(method):
    r = run(COMPETING, [2.0], method, 3000)
    won = np.argmax([r.of(name)[:, -1] for name in "ABC"], axis=0)
    assert (r.of("A") + r.of("B") + r.of("C") == 1).all()
    accept(chi_square(won, np.full(3, 1 / 3)), f"ties of three events, {method}")
    assert rejects(chi_square(np.zeros_like(won), np.full(3, 1 / 3)))  # file order, always


def test_of_three_persistent_events_all_orders_are_as_likely():
    """Each notes which place it got; the law of the order is uniform on six."""
    lines = [
        f"@event e{k}: when time >= 1; set N = N + 1, E{k} = N + 1; priority 1; values after delay" for k in range(3)
    ]
    text = "\n".join([*lines, "X -> 0 @ 1e-9", "X = 1", "N = 0", *(f"E{k} = 0" for k in range(3))])
    r = run(text, [2.0], "direct", 3000)
    order = r.of("E0")[:, -1] * 3 + r.of("E1")[:, -1]
    found = np.unique(order, return_inverse=True)[1].ravel()
    assert found.max() == 5
    accept(chi_square(found, np.full(6, 1 / 6)), "orders of three tied events")


def test_where_none_are_tied_nothing_is_drawn():
    """The path that follows is the same whether an event has a priority of its own or is alone."""
    free = "0 -> A @ 8\nA -> 0 @ 0.5\nU = 0\nV = 0\n@event one: when time >= 1; set U = 1"
    one = run(free, [1.0, 5.0], "rejection", 20)
    two = run(free + "; priority 2\n@event two: when time >= 1; set V = 1; priority 1", [1.0, 5.0], "rejection", 20)
    tied = run(free + "; priority 2\n@event two: when time >= 1; set V = 1; priority 2", [1.0, 5.0], "rejection", 20)
    assert (one.of("A") == two.of("A")).all() and (one.of("A") != tied.of("A")).any()


def test_a_priority_that_is_no_number_is_an_error():
    with pytest.raises(gnn.UnfinishedError, match="event e, at t = 1 s: its priority is not a number"):
        run("0 -> A @ 1\n@event e: when time >= 1; set A = 0; priority 0 / 0\n"
            "@event f: when time >= 1; set A = 1", [2.0])  # fmt: skip


@pytest.mark.parametrize(
    "condition", ["sin(1 / (time - 1)) > 0", "sin(1 / (time - 1) + A) > 0", "sin(1e12 * time) > 0"]
)
def test_a_condition_that_changes_without_end_is_an_error(condition):
    with pytest.raises(gnn.UnfinishedError, match="event e, at t = .*became true 5000 times.*without end"):
        run(f"0 -> A @ 1\nA -> 0 @ 1\n@event e: when {condition}; set B = 1\nB = 0", [10.0])


@pytest.mark.parametrize("t_end", [1e3, 1e9])
def test_an_event_that_counts_make_happen_often_may(t_end):
    """Twelve thousand times in some seconds, whatever the end."""
    text = "make: E -> E + A @ 1\ndie: E -> 0 @ 1\nE = 12000\n@event take: when A >= 1 && time >= 0; set A = 0"
    r = run(text, [t_end])
    assert r.complete and r.n_events[0] > 20_000


def test_an_event_that_happens_often_may():
    r = run("X -> 0 @ 1e-9\nX = 1\n@event e: when sin(time) > 0; set N = N + 1\nN = 0", [40_000.0])
    assert r.of("N")[0, 0] == pytest.approx(40_000 / (2 * np.pi), abs=1)
