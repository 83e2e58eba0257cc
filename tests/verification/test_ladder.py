"""The ladder of limits: each level nears the next at the rate that theory says, and planted errors do not.

Small versions of `verify-methods --ladder`. Exponents found by sampling are held by `checks_of_chance.accept`, which
rejects right ones with probability 1e-7; the others are free of chance. Those of slow learning are in
`test_slow_limit.py`.
"""

import numpy as np
import pytest
from scipy import stats

from gillespie_nn.simulation.methods import METHODS, Langevin
from gillespie_nn.statistics import scaling
from gillespie_nn.verification import ladder
from gillespie_nn.verification import ladder as langevin_law
from helpers.checks_of_chance import accept, rejects

VOLUMES = np.array([64, 256, 1024])


class Loud(Langevin):
    """Twice the molecules that react at once, half as often: the mean stays, noise is too large by sqrt(2)."""

    name = "loud"

    def __init__(self, network, rates, volume, *rest, **options):
        super().__init__(network, rates, volume, *rest, **options)
        changes, terms = self._channels.changes.copy(), self._channels.terms.copy()
        changes["amount"] *= 2
        terms["coefficient"] /= 2
        self._channels = self._channels._replace(changes=changes, terms=terms)


SAMPLED = {
    "leap, mean": lambda **settings: ladder.leap_mean(1, 40, 10**9, **settings),
    "leap, variance": lambda **settings: ladder.leap_variance(2, 100, 400, **settings),
    "paths": lambda **settings: ladder.paths(3, "rejection", np.array([1e2, 1e3, 1e4]), 40, **settings),
    "Langevin": lambda **settings: langevin_law.langevin_distance(4, VOLUMES, 100, **settings),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_a_level_nears_the_next_at_its_rate(name):
    found = SAMPLED[name]()
    accept(found.p, f"{found.what}: exponent {found.exponent}")
    assert (np.diff(found.error) * found.expected * np.diff(found.x) > 0).all()


@pytest.mark.parametrize(
    "name, settings",
    [
        ("leap, mean", {"rates": {"r2": 0.51}}),
        ("leap, mean", {"scheme": "trapezoidal"}),  # of second order
        ("leap, variance", {"rates": {"r1": 440.0}}),
        ("leap, variance", {"scheme": "trapezoidal"}),  # hardly an error, and so no rate
        ("paths", {"rates": {"r2": 1.05}}),
        ("Langevin", {"rates": {f"r{3 * k + 1}": 1.02 for k in range(500)}}),
        ("Langevin", {"method": "loud"}),
    ],
)
def test_an_error_that_does_not_fall_at_its_rate_is_caught(name, settings, monkeypatch):
    monkeypatch.setattr("gillespie_nn.simulation.methods.METHODS", (*METHODS, Loud))
    found = SAMPLED[name](**settings)
    assert rejects(found.p) and found.verdict == "fails"


@pytest.mark.parametrize("name", ["means", "linear_noise"])
def test_means_and_variances_near_their_limits_as_one_over_omega(name, monkeypatch):
    """By the master equation; a limit 0.1 % away is none."""
    found = getattr(ladder, name)()
    assert found.verdict == "holds" and abs(found.exponent + 1) < 0.01
    right = ladder._limit()
    monkeypatch.setattr(ladder, "_limit", lambda: [1.001 * value for value in right])
    assert getattr(ladder, name)().verdict == "fails"


def test_moments_of_the_langevin_equation_are_right_up_to_the_second():
    """Beyond that a Gaussian number lacks the jump's own third moment, 0.8 of the cumulant here, at any Omega."""
    rows = langevin_law.langevin_moments(5, (64,), 200)
    assert [row["what"] for row in rows] == ["mean", "variance", "third cumulant"]
    for row in rows:
        low, high = row["interval"]
        if row["what"] == "third cumulant":
            assert 0.3 < low < high < 1.5
        else:
            assert max(abs(low), abs(high)) < 0.03


@pytest.mark.parametrize("kind", ["means", "left out"])
def test_the_interval_of_an_exponent_covers_it(kind):
    """In 95 % of trials, also where the errors of a replicate depend on each other; one half as wide does not."""
    rng, x, group = np.random.default_rng(6), np.array([1.0, 2.0, 4.0, 8.0]), np.arange(200) % 20
    covered, covered_by_half, trials = 0, 0, 400
    for _ in range(trials):
        samples = x**-0.5 * rng.gamma(2.0, 0.5, (200, 1)) * rng.gamma(2.0, 0.5, (200, 4))
        if kind == "means":
            spread = scaling.of_means(x, samples)
        else:
            means = [samples[group != k].mean(axis=0) for k in range(20)]
            spread = scaling.of_left_out(scaling.exponent(x, means))
        low, high = scaling.rate("", "", "", x, samples.mean(axis=0), -0.5, 0.0, spread).interval
        covered += low < -0.5 < high
        covered_by_half += abs(low + high + 1) < (high - low) / 2
    accept(stats.binomtest(covered, trials, scaling.CONFIDENCE).pvalue, f"coverage of {kind}")
    assert rejects(stats.binomtest(covered_by_half, trials, scaling.CONFIDENCE).pvalue)


def test_errors_without_a_power_law_have_no_rate():
    x = np.array([1.0, 2.0, 4.0])
    found = scaling.rate("", "", "", x, [1.0, -0.5, 0.25], -1.0, spread=scaling.StandardError(0.1, 10))
    assert np.isnan(found.exponent) and found.p == 0 and found.verdict == "fails"
    # Scattered: the interval would meet anything.
    assert scaling.rate("", "", "", x, [1.0, 3.0, 0.2], -1.0).verdict == "fails"
