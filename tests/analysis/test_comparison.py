"""The statistics of `certify`: intervals that cover, distances, verdicts, and how many replicates would do."""

import math

import numpy as np
import pytest
from scipy import stats

from gillespie_nn.statistics import scaling
from gillespie_nn.statistics.scaling import Errors
from gillespie_nn.statistics.tests import Verdict, distance
from helpers.checks_of_chance import accept, rejects

QUANTITIES, FAMILIES, LEVEL = 20, 300, 0.05
LAWS = {
    "Poisson": (lambda rng, shape: rng.poisson(30, shape), 30, 30),
    "rare": (lambda rng, shape: rng.poisson(0.2, shape), 0.2, 0.2),
    "geometric": (lambda rng, shape: rng.geometric(1 / 20, shape) - 1, 19, 380),
    "peaks": (lambda rng, shape: np.where(rng.random(shape) < 0.002, 1500, rng.poisson(1, shape)), None, None),
    "bursts": (lambda rng, shape: rng.negative_binomial(0.5, 1 / 41, shape), 20, 820),
}


def _families_missed(law, n=1000):
    """In how many of `FAMILIES` families of intervals of equal laws one misses 0, and the last intervals of all."""
    rng = np.random.default_rng(11)
    level, missed = LEVEL / (2 * QUANTITIES), 0
    for _ in range(FAMILIES):
        moments = [scaling.sampled(law(rng, (n, QUANTITIES)).astype(float)) for _ in range(2)]
        errors = [f(*moments, 1.0, level) for f in (scaling.mean_errors, scaling.variance_errors)]
        missed += any(((e.low > 0) | (e.high < 0)).any() for e in errors)
    return missed, errors, level


def _p_of(missed):
    """p-value that families miss no more often than they say, with a fifth allowed for their being asymptotic."""
    return stats.binom.sf(missed - 1, FAMILIES, 1.2 * LEVEL)


@pytest.mark.parametrize("name", LAWS)
def test_intervals_hold_together(name):
    law, mean, variance = LAWS[name]
    missed, (means, variances), level = _families_missed(law)
    accept(_p_of(missed), f"simultaneous intervals of {name}")
    if mean is None:
        return  # too rare for any but wide intervals
    sample = law(np.random.default_rng(12), 1_000_000)
    width = stats.norm.isf(level / 2) * np.sqrt(2 / 1000)
    kurtosis = np.mean((sample - mean) ** 4) / variance**2
    expected = width * np.sqrt(variance) / max(mean, 1), width * np.sqrt(kurtosis - 1) * variance / max(variance, 1)
    for errors, width in zip((means, variances), expected, strict=True):
        assert np.median(errors.high - errors.low) / 2 == pytest.approx(width, rel=0.2)


def test_intervals_that_take_the_law_for_normal_miss(monkeypatch):
    """The planted error: the variance of a normal law's variance."""
    monkeypatch.setattr(scaling, "_jackknife_error", lambda x: np.full(x.shape[1], np.sqrt(2 / len(x))))
    assert rejects(_p_of(_families_missed(LAWS["bursts"][0])[0]))


def test_standard_errors_are_at_least_those_of_both_samples_together():
    rng = np.random.default_rng(9)
    one, other = rng.normal(0, 1, 60), rng.normal(0, 3, 60)
    errors = [np.array([x.std(ddof=1) / np.sqrt(60)]) for x in (one, other)]
    first, second = scaling._pooled(errors[0], 60, errors[1], 60)
    assert first == pytest.approx(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 120)) and second == errors[1]


def test_the_jackknife_is_that_of_the_definition():
    rng = np.random.default_rng(3)
    values = rng.poisson(4, (40, 2)).astype(float)
    left_out = np.array([np.delete(values, i, axis=0).var(axis=0, ddof=1) for i in range(40)])
    found = scaling.sampled(values)
    for statistic, error in ((left_out, found.variance_error), (np.log(left_out), found.log_variance_error)):
        spread = np.square(statistic - statistic.mean(axis=0)).sum(axis=0)
        assert error == pytest.approx(np.sqrt(39 / 40 * spread))
    assert found.variance == pytest.approx(values.var(axis=0, ddof=1))


def test_a_sample_without_the_rare_values_of_the_other_does_not_count_as_sure():
    one, other = np.random.default_rng(7).poisson(1, (2, 200)).astype(float)
    other[3] = 1500.0
    moments = [scaling.sampled(x[:, None]) for x in (one, other)]
    for f in (scaling.mean_errors, scaling.variance_errors):
        assert scaling.judge(f(*moments, 1.0, 0.01), 0.05) == scaling.judge(f(*moments[::-1], 1.0, 0.01), 0.05)
        assert scaling.judge(f(*moments, 1.0, 0.01), 0.05) == ["inconclusive"]


def test_the_interval_of_a_mean_is_welchs_where_it_is_a_difference(monkeypatch):
    rng = np.random.default_rng(4)
    one, other = rng.poisson(0.5, 50), rng.poisson(0.4, 80)
    monkeypatch.setattr(scaling, "_pooled", lambda one, n_one, other, n_other: (one, other))
    found = scaling.mean_errors(*(scaling.sampled(x[:, None].astype(float)) for x in (one, other)), 1.0, 0.01)
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.99)
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high))


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(5)
    one, other = rng.poisson(9, 1700), rng.poisson(10, 1900)
    found = distance(one, other, 0.01)
    expected = stats.ks_2samp(one, other, method="asymp")
    assert (found.distance, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert distance(one, one + 100, 0.01)[:2] == (1.0, 1.0)


@pytest.mark.parametrize("n", [3, 4, 10])
def test_the_distance_of_few_replicates_has_its_exact_law(n):
    apart = distance(np.arange(n), np.arange(n) + n, 0.01)
    assert apart.p == pytest.approx(2 / math.comb(2 * n, n))  # of all orders of 2 n values
    assert distance(np.arange(n), np.arange(n), 0.01).p == 1


def test_the_bound_of_the_distance_holds_for_different_laws():
    rng = np.random.default_rng(6)
    at = np.arange(60)
    true = np.abs(stats.poisson.cdf(at, 9) - stats.poisson.cdf(at, 10)).max()
    found = [distance(rng.poisson(9, 400), rng.poisson(10, 300), LEVEL) for _ in range(400)]
    missed = sum(f.bound < true for f in found)
    accept(stats.binom.sf(missed - 1, len(found), LEVEL), "upper bounds of the distance")
    assert rejects(stats.binom.sf(sum(f.distance < true for f in found) - 1, len(found), LEVEL))  # no bound by itself
    away = found[0].bound - found[0].distance
    assert away == pytest.approx(sum(np.sqrt(np.log(2 / (LEVEL / 2)) / (2 * n)) for n in (400, 300)))


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (-0.01, 0.01, "holds"),
        (0.03, 0.04, "fails"),
        (-0.9, -0.021, "fails"),
        (-0.01, 0.03, "inconclusive"),
        (-0.03, 0.03, "inconclusive"),
        (0.0, 0.0, "holds"),
        (-np.inf, np.inf, "inconclusive"),
    ],
)
def test_verdicts(low, high, verdict):
    errors = Errors(*(np.array([x]) for x in ((low + high) / 2 if np.isfinite(low) else 0.0, low, high, 0.01)))
    assert scaling.judge(errors, 0.02) == [verdict]
    assert Verdict.together(["holds", verdict]) == verdict
    assert Verdict.together([verdict, "fails", "inconclusive"]) == "fails"


def _poisson_certified(n, seed, tolerances=(0.027, 0.9)):
    """Errors, tolerances and level of 18 equal laws of mean 20."""
    rng, level = np.random.default_rng(seed), LEVEL / 18
    moments = [scaling.sampled(rng.poisson(20, (n, 9)).astype(float)) for _ in range(2)]
    errors = [f(*moments, 1.0, level) for f in (scaling.mean_errors, scaling.variance_errors)]
    return Errors.joined(errors), np.repeat(tolerances, 9), level


def test_the_number_said_to_be_sufficient_decides():
    """Three times of it, where deciding is certain: 5 standard errors or more from not doing so."""
    errors, tolerances, level = _poisson_certified(1000, 21)
    assert Verdict.together(scaling.judge(errors, tolerances)) == "inconclusive"
    enough = scaling.sufficient_replicates(errors, tolerances, 1000, level)
    assert 1500 < enough < 10_000
    errors, tolerances, level = _poisson_certified(3 * enough, 22)
    assert Verdict.together(scaling.judge(errors, tolerances)) == "holds"


def test_an_error_outside_needs_only_itself_shown_and_one_at_the_tolerance_never_is():
    errors = Errors(*(np.array(x) for x in ([0.03, 0.0], [0.01, -0.5], [0.05, 0.5], [0.006, 0.15])))
    needed = scaling.sufficient_replicates(errors, np.array([0.02, 0.02]), 1000, 0.01)
    assert needed == pytest.approx(1000 * (0.006 * (stats.norm.isf(0.005) + 2.5) / 0.01) ** 2, rel=0.1)
    alone = Errors(*(np.array([x]) for x in (0.02, 0.01, 0.03, 0.003)))
    assert scaling.sufficient_replicates(alone, np.array([0.02]), 1000, 0.01) is None
