"""Events of methods with real-valued amounts: under `ode` against closed forms and the limit of exact methods, under
`langevin` and `tau_leap` against exact methods; and errors that are planted and caught."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.kernels import interval_bounds as kernels
from gillespie_nn.simulation.methods.ode import Ode
from gillespie_nn.simulation.methods.solvers import Conditions
from gillespie_nn.simulation.replicate_events import Events
from helpers.checks_of_chance import accept

read = gnn.ReactionNetwork.from_text
SOLVERS = ("auto", "LSODA", "BDF", "Radau")
TIGHT = {"rtol": 1e-10, "atol": 1e-12}
CELL = "@parameter V = 1\n@rate V = 0.3 * V\n@event divide: when V >= 2; set V = V / 2\n"
BALL = "@parameter x = 1\n@parameter v = 0\n@rate x = v\n@rate v = -9.81\n@event bounce: when x < 0; set v = -0.8 * v\n"
CIRCLE = "@parameter x = 1\n@parameter y = 0\n@rate x = y\n@rate y = -x\n@parameter n = 0\n"


def ode(text, t_end=10.0, n=201, **how):
    return gnn.simulate(read(text), t_end, n, method="ode", **{**TIGHT, **how})


def ball(time):
    """(height, velocity) of a ball that falls from 1 m and loses a fifth of its velocity at each bounce."""
    fall = np.sqrt(2 / 9.81)
    bounces = fall * np.append(1, 1 + 2 * np.cumsum(0.8 ** np.arange(1, 40)))
    k = np.searchsorted(bounces, time, side="right") - 1
    since, up = time - bounces[k], 9.81 * fall * 0.8 ** (k + 1)
    falls = time < fall
    height = np.where(falls, 1 - 9.81 / 2 * time**2, up * since - 9.81 / 2 * since**2)
    return height, np.where(falls, -9.81 * time, up - 9.81 * since)


def divided(time, rate=0.3):
    return np.exp(rate * time) / 2 ** np.floor(rate * time / np.log(2))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_cell_divides_at_exact_times(solver):
    tight = TIGHT if solver != "BDF" else {"rtol": 1e-9, "atol": 1e-11}
    r = ode(CELL, 40.0, solver=solver, **tight)
    np.testing.assert_allclose(r.of("V")[0], divided(r.time), rtol=1e-6)


@pytest.mark.parametrize("n", [2, 11, 1001])
def test_a_ball_bounces_at_known_times_whatever_is_recorded(n):
    r = ode(BALL, 3.0, n)
    height, velocity = ball(r.time)
    np.testing.assert_allclose(r.of("x")[0], height, atol=1e-8)
    np.testing.assert_allclose(r.of("v")[0], velocity, atol=1e-7)


def test_an_event_at_the_end_of_its_step_is_caught(monkeypatch):
    monkeypatch.setattr(Ode, "_cut", _late)
    assert np.abs(ode(CELL, 40.0).of("V")[0] / divided(np.linspace(0, 40, 201)) - 1).max() > 0.01


def _late(self, before):
    self._is_cut = bool(self._conditions) and self._conditions.changed(self.time, self._counts)


def test_a_solver_that_is_not_restarted_is_caught(monkeypatch):
    monkeypatch.setattr(Ode, "_drop", lambda self: None)
    with pytest.raises(checks.ModelError, match="without end|triggering each other"):
        ode(CELL, 40.0)  # goes on from where it was, above the threshold


def test_a_search_that_looks_at_ends_of_steps_alone_is_caught(monkeypatch):
    text = CIRCLE + "@event top: when y > 0.9999; set n = n + 1\n"
    assert ode(text, 20.0).of("n")[0, -1] == 3
    monkeypatch.setattr(Conditions, "first_change", lambda self, start, end, state, *_: (
        end if self.changed(end, state) else np.inf
    ))  # fmt: skip
    assert ode(text, 20.0).of("n")[0, -1] < 3


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-8])
def test_a_condition_that_is_true_for_a_moment_is_seen(gap):
    text = CIRCLE + f"@parameter at = 0\n@event top: when y > 1 - {gap}; set n = n + 1, at = time\n"
    r = ode(text, 7.0)
    assert r.of("n")[0, -1] == 1
    assert r.of("at")[0, -1] == pytest.approx(1.5 * np.pi - np.arccos(1 - gap), abs=1e-9 / np.sqrt(gap))


def test_a_window_between_two_thresholds_is_seen_at_both_crossings():
    text = "@parameter x = 0\n@rate x = 1\n@parameter n = 0\n@event w: when x > 3 && x < 3.000001; set n = n + 1\n"
    assert ode(text).of("n")[0, -1] == 1


def test_real_amounts_are_set_and_read_in_molecules():
    r = ode("0 -> A @ 1\n@event e: when A >= 3.5; set A = A / 4\n", volume=2.0)
    first, period = 1.75, 1.75 * 0.75
    expected = np.where(r.time < first, r.time, 1.75 / 4 + (r.time - first) % period)
    far = np.abs((r.time - first + period / 2) % period - period / 2) > 1e-6
    np.testing.assert_allclose(r.of("A")[0, far], expected[far], atol=1e-8)


def test_conditions_on_time_and_amounts_together():
    # A = t passes time^2 / 4 + 0.5 never before, and t / 2 + 2 at 4.
    r = ode("0 -> A @ 1\n@parameter n = 0\n@event e: when A > time / 2 + 2; set n = time\n")
    assert r.of("n")[0, -1] == pytest.approx(4.0, abs=1e-9)
    still = ode("A -> 0 @ 0\nA = 3\n@parameter n = 0\n@event e: when time > A; set n = time\n")
    assert still.of("n")[0, -1] == pytest.approx(3.0, abs=1e-14)


def test_delays_priorities_and_values():
    text = (
        "0 -> A @ 1\n@parameter u = 0\n@parameter w = 0\n@parameter s = 0\n"
        "@event late: when A >= 2; set u = A; delay 1.5\n"
        "@event later: when A >= 2; set w = A; delay 1.5; values after delay\n"
        "@event low: when A >= 2; set s = 10 * s + 1; priority 1; values after delay\n"
        "@event high: when A >= 2; set s = 10 * s + 2; priority 2; values after delay\n"
    )
    r = ode(text)
    u, w, s = (r.of(name)[0] for name in "uws")
    assert (u[r.time < 3.49] == 0).all() and u[-1] == pytest.approx(2.0, abs=1e-9)
    assert w[-1] == pytest.approx(3.5, abs=1e-9) and s[-1] == 21


@pytest.mark.parametrize("persistent, fired", [("", [0, 0, 1, 2]), ("; not persistent", [0, 0, 0, 0])])
def test_persistence_is_that_of_the_limit_of_exact_methods(persistent, fired):
    # A / volume falls from 2 below 1.5 after 0.29 s and below 1.2 after 0.51 s, where it is set to 2 again.
    text = (
        "A -> 0 @ 1\nA = {a}\n@parameter n = 0\n@event feed: when A < 1.2 * volume; set A = {a}\n"
        "@event watch: when A < 1.5 * volume; set n = n + 1; delay 1; values after delay" + persistent + "\n"
    )
    time, omega = [0.5, 1.0, 1.5, 1.9], 100_000
    smooth = gnn.simulate(read(text.format(a=2)), time=time, method="ode")
    exact = gnn.simulate(read(text.format(a=2 * omega)), time=time, method="direct", volume=float(omega), seed=4)
    assert smooth.of("n")[0].tolist() == exact.of("n")[0].tolist() == fired
    np.testing.assert_allclose(exact.of("A")[0] / omega, smooth.of("A")[0], rtol=0.03)


def test_an_event_that_begins_at_its_threshold_happens_once():
    text = "@parameter x = 1\n@rate x = 1\n@parameter n = 0\n@event e: when x > 1; set n = n + 1\n"
    assert ode(text).of("n")[0, -1] == 1
    text = "@parameter x = 0\n@rate x = 1\n@parameter n = 0\n@event e: when x >= 1; set n = n + 1, x = 1\n"
    assert ode(text).of("n")[0, -1] == 1


def test_equality_of_what_moves_is_not_seen():
    r = ode("@parameter x = 0\n@rate x = 1 / 3\n@parameter n = 0\n@event e: when x == 1; set n = n + 1\n")
    assert r.of("n")[0, -1] == 0


def test_a_state_that_rests_at_a_threshold_ends_in_time():
    r = ode("A -> 0 @ 1\n0 -> A @ 1\nA = 0\n@parameter n = 0\n@event e: when A > 1.00001; set n = n + 1\n", 200.0)
    assert r.of("n")[0, -1] == 0 and r.of("A")[0, -1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "text",
    [
        "@parameter x = 0\n@rate x = 1\n@event e: when x >= 1; set x = 1 - 1e-12\n",
        "@parameter x = 0.7\n@rate x = 1\n@event e: when x >= 1; set x = 0\n@event f: when x < 0.5; set x = 1\n",
    ],
)
def test_an_event_without_end_is_refused(text):
    with pytest.raises(checks.ModelError, match="event e.*(without end|triggering each other)"):
        ode(text, 1e4)


def test_negative_amounts_can_be_set_under_ode_alone():
    text = "0 -> A @ 10\n@event e: when A > 3.5; set A = -1.5\n"
    assert ode(text, 0.4, 41).of("A").min() == pytest.approx(-1.5, abs=0.1)
    with pytest.raises(checks.ModelError, match="must be at least 0"):
        gnn.simulate(read(text), 2.0, method="langevin", seed=1)


def test_the_run_stops_at_a_condition():
    r = ode("0 -> A @ 1\nA -> 0 @ 0.1\n", stop_when="A > 5", n=41)
    assert r.statistics["end_time"][0] == pytest.approx(10 * np.log(2), rel=1e-9)
    for method in ("linear_noise", "implicit_euler"):
        with pytest.raises(checks.InputError, match=f"method {method} does not support events"):
            gnn.simulate(read("0 -> A @ 1\n"), 1.0, method=method, stop_when="A > 5")


def test_a_file_of_a_run_with_events_has_its_values(tmp_path):
    gnn.simulate(read(CELL), 40.0, 201, method="ode", output=tmp_path / "cell.h5", **TIGHT)
    with gnn.open_run(tmp_path / "cell.h5") as run:
        assert (run.of("V")[0] == ode(CELL, 40.0).of("V")[0]).all()


RESET = "0 -> A @ 10\nA -> 0 @ 0.1\nB = 0\n@event full: when A > 50; set A = 0, B = B + 1\n"


@pytest.mark.parametrize("method, options", [("langevin", {}), ("langevin", {"step": 0.05}), ("tau_leap", {})])
def test_events_of_approximate_methods_come_at_the_times_of_an_exact_one(method, options):
    n = 2000
    exact = gnn.simulate(read(RESET), time=[13.0, 40.0], method="direct", replicates=n, seed=5)
    other = gnn.simulate(read(RESET), time=[13.0, 40.0], method=method, replicates=n, seed=6, **options)
    for k in (0, 1):
        error = np.hypot(exact.standard_error("B")[k], other.standard_error("B")[k])
        z = (exact.mean("B")[k] - other.mean("B")[k]) / error
        accept(2 * stats.norm.sf(abs(z)), f"events by {method} {options} at {exact.time[k]}")


def test_langevin_passes_a_threshold_at_the_mean_time_of_an_exact_method():
    network, how = read("0 -> A @ 10\nA -> 0 @ 0.1\n"), {"replicates": 2000, "stop_when": "A > 50"}
    exact = gnn.simulate(network, 60.0, 2, method="direct", seed=7, **how).statistics["end_time"]
    other = gnn.simulate(network, 60.0, 2, method="langevin", seed=8, **how).statistics["end_time"]
    z = (exact.mean() - other.mean()) / np.sqrt((exact.var() + other.var()) / 2000)
    accept(2 * stats.norm.sf(abs(z)), "mean time of a first passage by langevin")


def test_langevin_cuts_its_steps_at_the_threshold():
    r = gnn.simulate(read("0 -> A @ 10\nB = 0\n@event e: when A > 20; set B = A\n"), 5.0, method="langevin", seed=9,
                     replicates=20, step=1.0)  # fmt: skip
    seen = r.of("B")[:, -1]
    np.testing.assert_allclose(seen[seen > 0], 20.0, rtol=1e-12)


def test_a_step_cut_short_keeps_what_is_owed_and_conserved():
    r = gnn.simulate(read("A -> B @ 1\nB -> A @ 1\nA = 5\n@parameter n = 0\n@event e: when B > 2; set n = n + 1\n"),
                     20.0, 201, method="langevin", seed=10, replicates=50)  # fmt: skip
    np.testing.assert_allclose(np.asarray(r.of("A") + r.of("B")), 5.0, rtol=1e-9)
    assert r.of("n")[:, -1].min() > 3


def test_the_enclosure_holds_the_path():
    rng = np.random.default_rng(3)
    coefficient = rng.normal(size=(14, 1)) / (1 + np.arange(14)[:, None]) ** 2
    state = np.empty((3, 1))
    path = kernels.ConditionPath(np.zeros(1, np.int64), np.zeros(1), coefficient, np.zeros(1), *state, np.zeros((2, 1)))
    kernels.bound_bend(path, 2.0)
    u = np.linspace(-1, 1, 2001)
    values = np.polynomial.chebyshev.chebval(u, coefficient[:, 0])
    out = np.zeros(1)
    for k in range(0, 2001, 100):
        kernels.on_path(path, u[k], out)
        assert out[0] == pytest.approx(values[k], abs=1e-14)
    for width in (40, 200, 500):
        for k in range(0, 2001 - width, 100):
            beyond = path.bend[0] * (u[k + width] - u[k]) ** 2
            ends = values[k], values[k + width]
            assert (
                min(ends) - beyond <= values[k : k + width].min() and values[k : k + width].max() <= max(ends) + beyond
            )


class Stopped(BaseException):
    """What ends a run in the middle, as Ctrl-C does."""


@pytest.mark.parametrize("method, first", [("ode", 0), ("langevin", 3)])
def test_an_interrupted_run_is_resumed_to_what_it_would_have_been(method, first, tmp_path, monkeypatch):
    network = read(CELL if method == "ode" else RESET)
    how = {"method": method, "seed": 11, "replicates": 1 if method == "ode" else 6}
    whole = gnn.simulate(network, 20.0, 11, **how)
    happen, n_started = Events.happen, 0

    def stop(self):
        nonlocal n_started
        n_started += self._method.time == 0
        if n_started > first and self._method.time > 5:
            raise Stopped
        happen(self)

    with monkeypatch.context() as patch:
        patch.setattr(Events, "happen", stop)
        with pytest.raises(Stopped):
            gnn.simulate(network, 20.0, 11, output=tmp_path / "cut.h5", **how)
    with gnn.resume(tmp_path / "cut.h5") as run:
        assert run.complete and (np.asarray(run.observables[:]) == whole.observables).all()
        assert (np.asarray(run.counts[:]) == np.asarray(whole.counts)).all()


def test_an_override_of_the_start_is_in_the_file(tmp_path):
    r = gnn.simulate(read(CELL), 20.0, 11, method="ode", initial={"V": 1.5}, output=tmp_path / "cell.h5", **TIGHT)
    np.testing.assert_allclose(r.of("V")[0], divided(r.time + np.log(1.5) / 0.3), rtol=1e-6)
    with gnn.resume(tmp_path / "cell.h5") as run:
        assert (run.of("V") == r.of("V")).all()


@pytest.mark.parametrize("rule", ["@event e: when time >= 1; set k = 4", "@rate k = 0 * time"])
def test_pairs_whose_rate_constant_changes_are_pairs_of_concentrations(rule):
    """x' = -2 k x^2, not -2 k x (x - 1 / Omega)."""
    network = gnn.ReactionNetwork.from_text(f"@parameter k = 2\n2 A -> 0 @ k\nA = 10\n{rule}")
    run = gnn.simulate(network, time=[0, 0.5, 1.0, 2.0], method="ode", volume=10)
    later = 4 if rule.startswith("@event") else 2
    expected = [1, 1 / 3, 1 / 5, 1 / (5 + 2 * later)]
    np.testing.assert_allclose(run.of("A")[0], expected, rtol=1e-6)
