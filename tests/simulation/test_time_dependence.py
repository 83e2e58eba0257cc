"""Rates that depend on the time are exact: whole distributions against closed forms, and what cannot be is refused.

Immigration-death with immigration k(t) is Poisson with the mean of its rate equation, whatever k; a clock of one's own
integrated propensity makes any inhomogeneous process a unit Poisson process.
"""

import numpy as np
import pytest
from scipy import integrate, stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.kernels import codes
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation import EXACT
from gillespie_nn.simulation.methods import Direct, Layered
from helpers.checks_of_chance import accept, chi_square, mean_is, rejects
from helpers.models import N_SAMPLES

NAMES = [m.name for m in EXACT if m is not Layered]
T_END = 2.5
RATES = {
    "sine": ("6 * (1 + sin(4 * time))", lambda t: 6 * (1 + np.sin(4 * t))),
    "fast sine": ("10 * (1 + sin(200 * time))", lambda t: 10 * (1 + np.sin(200 * t))),
    "steps": ("piecewise(1, time < 0.7, 20, time < 1.1, 3)", lambda t: 1.0 if t < 0.7 else 20.0 if t < 1.1 else 3.0),
    "decay": ("30 * exp(-3 * time)", lambda t: 30 * np.exp(-3 * t)),
    "off at first": ("piecewise(0, time <= 1, 9)", lambda t: 0.0 if t <= 1 else 9.0),
    "square root of a pole": ("2 / sqrt(2.5 - time)", lambda t: 2 / np.sqrt(2.5 - t)),
}


def _mean(rate, death, t_end):
    grid = [0.7, 1.0, 1.1]
    value, _ = integrate.quad(lambda s: rate(s) * np.exp(-death * (t_end - s)), 0, t_end, points=grid, limit=500)
    return value


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("name", RATES)
def test_immigration_that_depends_on_time_is_poisson_with_its_mean(name, method):
    law, rate = RATES[name]
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ propensity({law})\nA -> 0 @ 0.9")
    time = [1.05, T_END - 1e-9]
    r = gnn.simulate(network, time=time, method=method, replicates=N_SAMPLES // 2, seed=41)
    for k, t in enumerate(time):
        law = stats.poisson.pmf(np.arange(120), _mean(rate, 0.9, t))
        accept(chi_square(r.of("A")[:, k], law), f"{name} at {t}, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_death_that_depends_on_time_and_count_is_binomial(method):
    """Each molecule survives with probability exp(-integral of 1 + cos(3 t))."""
    network = gnn.ReactionNetwork.from_text("A -> 0 @ propensity(A * (1 + cos(3 * time)))\nA = 40\n0 -> B @ 30\nB = 0")
    r = gnn.simulate(network, time=[0.8], method=method, replicates=N_SAMPLES, seed=42)
    law = stats.binom.pmf(np.arange(41), 40, np.exp(-0.8 - np.sin(2.4) / 3))
    accept(chi_square(r.of("A")[:, 0], law), f"survival, {method}")


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
def test_integrated_propensities_between_firings_are_unit_exponentials(method):
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(3 * (1 + sin(2 * time)))\n0 -> B @ 1")
    m = method(network, network.rates(), 1.0, network.counts(), seeds.stream(43, Purpose.SIMULATION), True)
    times = []
    while len(times) < 4000:
        before = m.firings[0]
        m.advance(1e9, event_limit=m.n_events + 1)
        if m.firings[0] > before:
            times.append(m.time)
    times = np.array(times)
    integrated = 3 * times - 1.5 * np.cos(2 * times) + 1.5
    accept(stats.kstest(np.diff(integrated, prepend=0.0), "expon").pvalue, f"gaps, {method.name}")


def test_a_propensity_frozen_between_events_is_caught():
    """The planted error is what many engines do: the rate at the last event holds until the next."""
    frozen = gnn.ReactionNetwork.from_text(
        "0 -> A @ propensity(6 * (1 + sin(4 * t)))\nA -> 0 @ 0.9" + "\n@parameter t = 0"
    )
    rng = seeds.stream(44, Purpose.SIMULATION)
    counts = []
    for _ in range(3000):
        m = Direct(frozen, frozen.rates(), 1.0, frozen.counts(), rng)
        while m.advance(1.05, event_limit=m.n_events + 1) == gnn.Status.EVENT_LIMIT:
            m.set_counts(np.empty(0, np.int64), np.empty(0, np.int64), [2], [m.time])
        counts.append(m.counts[0])
    law = stats.poisson.pmf(np.arange(120), _mean(RATES["sine"][1], 0.9, 1.05))
    assert rejects(chi_square(counts, law))


@pytest.mark.parametrize("method", NAMES)
def test_a_hazard_that_diverges_stops_the_run(method):
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(1 / (2 - time))")
    assert gnn.simulate(network, 3.0, method=method, seed=1).status[0] == gnn.Status.OVERFLOW


@pytest.mark.parametrize("method", NAMES)
def test_a_negative_rate_is_met_and_named(method):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 5\nwave: 0 -> B @ propensity(sin(time))\nA -> 0 @ 1")
    with pytest.raises(gnn.UnfinishedError, match="reaction wave is negative.*t = [34]"):
        gnn.simulate(network, 6.0, method=method, seed=1)


def test_the_result_does_not_depend_on_where_it_is_recorded():
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(6 * (1 + sin(4 * time)))\nA -> 0 @ 0.9")
    for method in NAMES:
        runs = [gnn.simulate(network, time=t, method=method, seed=5) for t in ([2.0], np.linspace(0, 2, 57))]
        assert runs[0].of("A")[0, -1] == runs[1].of("A")[0, -1]
        assert runs[0].n_events == runs[1].n_events


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize(
    "law",
    ["1 / ((time - A) * (time - A) + 0.1)", "piecewise(ln(time - A), time > A + 1, 0.5)", "0.1 * rem(time, 4) + 0.2"],
)
def test_a_window_that_an_event_makes_too_long_is_cut_short(law, method):
    """E[B] is the integral of E[law], by the binomial law of A at each time; no replicate may be lost."""
    network = gnn.ReactionNetwork.from_text(f"A -> 0 @ 0.4\n0 -> B @ propensity({law})\nA = 10\nB = 0")
    r = gnn.simulate(network, time=[8.0], method=method, replicates=4000, seed=45)
    assert r.complete
    a = np.arange(11)
    rate = network.reactions[1].law
    grid = np.linspace(0, 8, 40_001)[1:] - 1e-4
    p = stats.binom.pmf(a[:, None], 10, np.exp(-0.4 * grid))
    expected = (p * rate.evaluate({"time": grid[None, :], "A": a[:, None]})).sum(axis=0).mean() * 8
    accept(mean_is(r.of("B")[:, 0], expected, slack=1e-3), f"{law}, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_a_condition_on_a_remainder_of_the_time_is_solved(method):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 0\nA = 0\n@event dose: when rem(time, 24) < 1; set A = A + 1")
    r = gnn.simulate(network, time=[0.0, 23.9, 24.0, 47.0, 48.0], method=method, seed=1)
    assert r.of("A")[0].tolist() == [1, 1, 2, 2, 3]


PULSES = {
    "box": ("piecewise(1e9, time > 5 && time < 5.000001, 1)", 1e9 * 1e-6 + 9),
    "gauss": ("1e12 * exp(-((time - 5) / 1e-10)^2) + 1", 1e2 * np.sqrt(np.pi) + 9),
    "early": ("1e9 * exp(-1e7 * time) + 1", 1e2 + 9),
}


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("pulse", PULSES)
def test_a_pulse_has_its_area_and_is_not_paid_for_from_far_away(pulse, method):
    """Bounded from the start to the end, each of the some 100 reactions would cost 1e8 rejected candidates."""
    law, mean = PULSES[pulse]
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ propensity({law})\nA = 0")
    kind = next(m for m in EXACT if m.name == method)
    counts = []
    for k in range(200):
        simulation = kind(network, network.rates(), 1.0, network.counts(), seeds.stream(91, Purpose.SIMULATION, 0, k))
        while simulation.advance(9.0) == codes.SLICE_END:
            pass
        assert simulation._tally[codes.N_CANDIDATES] < 30 * mean + 3000
        counts.append(simulation.n_events)
    accept(mean_is(counts, mean), f"area of a pulse, {pulse}, {method}")
    assert rejects(mean_is(counts, 0.8 * mean))
