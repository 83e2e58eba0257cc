"""The check `events` in short form: every exact method on every case, and the laws themselves against what is known of
them."""

import numpy as np
import pytest
from scipy import stats

from gillespie_nn.simulation.methods import EXACT, Rejection
from gillespie_nn.verification import event_checks
from gillespie_nn.verification import event_checks as laws
from helpers.checks_of_chance import accept, rejects


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
def test_events_and_passages_have_the_law_of_the_master_equation(method):
    found = [o for name in event_checks.CASES for o in event_checks.outcomes(name, method, 400, 11)]
    assert len(found) == 26
    accept(min(o.p for o in found), "events and passages", family=len(found))


@pytest.mark.parametrize("name", event_checks.CASES)
def test_laws_are_whole_but_for_what_is_cut_off(name):
    laws = event_checks.laws_of(name)
    assert laws
    for what, law, _ in laws:
        assert law.min() > -1e-8 and 1 - 1e-8 < law.sum() < 1 + 1e-8, what


def test_a_law_of_another_delay_rejects_a_right_engine():
    case = event_checks.CASES["a delay after a passage"]
    run = event_checks.run_of(case.network(), Rejection, case.times, 2000, 11)
    waiting = np.where((laws.N[:, None] < 9) & (laws.N < 9), laws.free(), 0.0)
    arriving = np.where((laws.N[:, None] >= 9) & (laws.N < 9), laws.free(), 0.0)
    shorter = laws.delayed(laws.at(5), waiting, arriving, laws.assignment(lambda n: 1), 0.1, 0.9, late=False)
    assert rejects(event_checks.chi_square(run.of("A")[:, 0], np.maximum(shorter, 0)))


def test_laws_without_a_rule_are_poisson():
    law = laws.evolve(0.7) @ laws.at(0)
    np.testing.assert_allclose(law, stats.poisson.pmf(laws.N, 7.5 * (1 - np.exp(-0.56))), atol=1e-12)


def test_a_delayed_event_at_an_exponential_time_has_the_mean_of_the_rate_equation():
    """The count doubled at the time s + d: means follow m' = 6 - 0.8 m between, and s is exponential."""
    t, delay = 1.7, 0.5
    s = (np.arange(200_000) + 0.5) * (t - delay) / 200_000

    def mean(m, seconds):
        return 7.5 + (m - 7.5) * np.exp(-0.8 * seconds)

    weight = 1.2 * np.exp(-1.2 * s) * (t - delay) / len(s)
    for late in (False, True):
        doubled = 2 * mean(5, s + delay * late)
        expected = mean(5, t) * np.exp(-1.2 * (t - delay)) + weight @ mean(doubled, t - delay - s)
        assert event_checks._after_a_clock(late, t) @ laws.N == pytest.approx(expected, rel=1e-8)


def test_a_dropped_event_without_a_delay_to_speak_of_is_one_at_the_level(monkeypatch):
    """As the delay goes to 0 the law is that of an event which happens at once; at 0.01 s it is near it."""
    monkeypatch.setattr(laws, "_PARTS", 4)
    at_once = laws.evolve(0.8, laws.redirected(lambda before, after: 2 if after >= 8 else after)) @ laws.at(5)
    distance = [np.abs(laws.dropped(5, 8, 2, delay, 0.8)[:8] - at_once[:8]).sum() for delay in (0.02, 0.01)]
    assert distance[1] < 0.02 and distance[1] == pytest.approx(distance[0] / 2, rel=0.1)


def test_passages_that_are_looked_for_at_points_come_later():
    times = np.linspace(0.2, 1.6, 8)
    exact = laws.passages(5, lambda n: n >= 9, np.concatenate([[0.0], times])).sum(axis=1)
    seen = laws.seen_passages(5, lambda n: n >= 9, times)
    assert (np.cumsum(seen)[:-1] < np.cumsum(exact)[:-1]).all() and exact[-1] < seen[-1] - 0.01
