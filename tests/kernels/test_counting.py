"""Poisson and binomial draws against their laws, and the bounds they rest on."""

import math

import numba
import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from gillespie_nn.kernels import generator as counting
from gillespie_nn.kernels.generator import draw_binomial, draw_poisson, draw_poissons
from helpers import checks_of_chance as chance

N_DRAWS = 1_000_000
TAIL = 1e-9


def generator(seed):
    return np.random.Generator(np.random.SFC64(seed))


@numba.njit(error_model="numpy")
def _poisson_numbers(rng, mean, out):
    for i in range(len(out)):
        out[i] = draw_poisson(rng, mean)
    return out


@numba.njit(error_model="numpy")
def _binomial_numbers(rng, n, p, out):
    for i in range(len(out)):
        out[i] = draw_binomial(rng, n, p)
    return out


def _numbers(n=N_DRAWS):
    return np.empty(n, dtype=np.int64)


def p_value(samples, law):
    """Chi-square of the numbers against a law of scipy; what is outside of its support rejects."""
    if samples.min() < law.support()[0] or samples.max() > law.support()[1]:
        return 0.0
    low, high = int(law.ppf(TAIL)), int(law.isf(TAIL)) + 1
    cells = law.pmf(np.arange(low, high + 1))
    cells[0] = law.cdf(low)
    return chance.chi_square(np.maximum(samples - low, 0), cells)


@pytest.mark.parametrize("mean", [0.001, 0.3, 3.0, 7.999, 8.0, 11.0, 30.0, 1000.0, 1e5])
def test_poisson_law(mean):
    chance.accept(p_value(_poisson_numbers(generator(1), mean, _numbers()), stats.poisson(mean)), f"mean {mean}")


MIXED = np.array([0.3, 1000.0, 8.0, 0.0, 11.0, 3.0, 30.0, 8.5])


@numba.njit(error_model="numpy")
def _many_poisson_numbers(rng, means, out):
    for i in range(len(out)):
        out[i] = means
        draw_poissons(rng, out[i])
    return out


def _mixed(draw, seed, n):
    return draw(generator(seed), MIXED, np.empty((n, len(MIXED)))).astype(np.int64)


def test_law_of_many_poisson_numbers_at_once():
    """Of each alone, and of each pair of neighbours: whether both are above their means."""
    numbers = _mixed(_many_poisson_numbers, 6, N_DRAWS)
    for k in np.flatnonzero(MIXED):
        chance.accept(p_value(numbers[:, k], stats.poisson(MIXED[k])), f"mean {MIXED[k]}")
    assert not numbers[:, 3].any()
    above = numbers > MIXED
    probable = stats.poisson(MIXED).sf(np.floor(MIXED))
    for i, j in [(1, 2), (4, 6), (6, 7), (7, 1)]:
        p, q = probable[i], probable[j]
        cells = np.array([(1 - p) * (1 - q), (1 - p) * q, p * (1 - q), p * q])
        chance.accept(chance.chi_square(2 * above[:, i] + above[:, j], cells), f"means {MIXED[i]}, {MIXED[j]}")


@pytest.mark.parametrize("mean", [8.0, 13.0, 1e5])
def test_long_rows_of_poisson_numbers_have_the_law_too(mean):
    numbers = np.full(N_DRAWS, mean)
    _many_at_once(generator(7), numbers)
    chance.accept(p_value(numbers.astype(np.int64), stats.poisson(mean)), f"mean {mean}")


@numba.njit(error_model="numpy")
def _many_at_once(rng, numbers):
    draw_poissons(rng, numbers)


@pytest.mark.parametrize("mean", [1e9, 1e12])
def test_poisson_numbers_of_huge_mean_are_normal_to_the_resolution_of_a_million(mean):
    """The skewness, 1 / sqrt(mean), is below 4e-5."""
    z = (_poisson_numbers(generator(2), mean, _numbers()) + 0.5 - mean) / math.sqrt(mean)
    cells = np.minimum((ndtr(z) * 200).astype(np.int64), 199)
    chance.accept(chance.chi_square(cells, np.full(200, 1 / 200)), f"mean {mean}")


BINOMIALS = [
    (1, 0.3),
    (5, 0.5),
    (16, 0.4),
    (17, 0.9),
    (100, 0.05),
    (100, 0.087),  # variance just below MANY
    (100, 0.088),  # and above
    (33, 0.5),
    (1000, 0.97),
    (10**6, 1e-6),
    (10**6, 0.5),
    (10**6, 1 - 2e-5),
]


@pytest.mark.parametrize("n, p", BINOMIALS)
def test_binomial_law(n, p):
    chance.accept(p_value(_binomial_numbers(generator(3), n, p, _numbers()), stats.binom(n, p)), f"{n}, {p}")


def test_planted_errors_of_the_draws_are_caught(monkeypatch):
    rng, size = generator(4), 200_000
    rounded = np.floor(30 + math.sqrt(30) * rng.standard_normal(size)).astype(np.int64)
    assert chance.rejects(p_value(rounded, stats.poisson(30)))
    assert chance.rejects(p_value(_poisson_numbers(rng, 8.08, _numbers(size)), stats.poisson(8)))
    assert chance.rejects(p_value(_binomial_numbers(rng, 100, 0.302, _numbers(size)), stats.binom(100, 0.3)))
    monkeypatch.setattr(counting, "_corrected", lambda rng, k, *_: int(k))
    monkeypatch.setattr(counting, "_draw_rarer", counting._draw_rarer.py_func)
    poisson = np.array([draw_poisson.py_func(rng, 30.0) for _ in range(size)])
    assert chance.rejects(p_value(poisson, stats.poisson(30)))
    numbers = np.full(size, 30.0)
    draw_poissons.py_func(rng, numbers)
    assert chance.rejects(p_value(numbers.astype(np.int64), stats.poisson(30)))
    binomial = np.array([draw_binomial.py_func(rng, 200, 0.1) for _ in range(size)])
    assert chance.rejects(p_value(binomial, stats.binom(200, 0.1)))


def _cells(k, centre, deviation):
    """Normal probabilities of [k, k + 1), from the nearer tail."""
    a, b = (k - centre) / deviation, (k + 1 - centre) / deviation
    return np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))


def _check_bounds(law, centre, variance, bound):
    """Where a number is accepted by its cube the ratio allows it, and nowhere does the law exceed the Laplace hat."""
    s = math.sqrt(variance)
    k = np.arange(math.floor(centre - 10 * s), math.ceil(centre + 15 * s))
    p, cell = law.pmf(k), _cells(k, centre, s)
    assert (p >= (1 - bound(k, centre, variance)) * cell).all()
    t = np.array([(k - centre) / s, (k + 1 - centre) / s])
    excess = variance * (p - cell) * np.exp(np.abs(t - counting.LAPLACE_CENTRE).max(axis=0))
    assert excess.max() <= counting.LAPLACE_HEIGHT


@pytest.mark.parametrize("low, high", [(7.0, 20.0), (20.0, 1e4)])
def test_bounds_of_the_poisson_law(low, high):
    for mean in np.geomspace(low, high, 400):
        _check_bounds(stats.poisson(mean), mean, mean, lambda k, c, v: np.maximum(c - k, 0) ** 3 / (6 * v**2))


@pytest.mark.parametrize("low, high", [(7.0, 12.0), (12.0, 1e4)])
def test_bounds_of_the_binomial_law(low, high):
    slack = counting.BINOMIAL_SLACK
    for variance in np.geomspace(low, high, 15):
        for p in np.concatenate([np.geomspace(1e-6, 0.05, 8), np.linspace(0.06, 0.5, 45)]):
            n = math.ceil(variance / (p * (1 - p)))
            law, bound = stats.binom(n, p), lambda k, c, v: (slack + np.abs(k - c) ** 3 / (6 * v)) / v
            _check_bounds(law, (n + 1) * p, n * p * (1 - p), bound)


@pytest.mark.parametrize("centre", [8.0, 8.7, 40.3, 1e4])
def test_law_and_normal_cell_have_full_accuracy(centre):
    s = math.sqrt(centre)
    k = np.arange(max(0, math.floor(centre - 4 * s)), math.ceil(centre + 6 * s))
    poisson = [counting._law(float(x), centre, -1.0, 0.0) for x in k]
    np.testing.assert_allclose(poisson, stats.poisson.pmf(k, centre), rtol=1e-10)
    n = 3 * math.ceil(centre)
    binomial = [counting._law(float(x), 0.0, float(n), 0.3) for x in range(n + 1)]
    np.testing.assert_allclose(binomial, stats.binom.pmf(np.arange(n + 1), n, 0.3), rtol=1e-11, atol=1e-290)
    near = k[np.abs(k - centre) < 5 * s]
    cell = [counting._normal_cell(float(x), centre, s) for x in near]
    np.testing.assert_allclose(cell, _cells(near, centre, s), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("mean", [math.nan, -1.0, -math.inf, 0.0, -0.0])
def test_no_mean_gives_nothing(mean):
    numbers = np.array([9.0, mean, 9.0])
    draw_poissons(generator(5), numbers)
    assert numbers[1] == 0
    assert draw_poisson(generator(5), mean) == 0


def test_a_mean_past_whole_numbers_is_capped():
    for mean in (1e17, 1e300, math.inf):
        assert abs(draw_poisson(generator(6), mean) - 2**53) < 1e9


def test_numbers_of_trials_and_probabilities_out_of_range():
    rng = generator(7)
    for p in (math.nan, -0.1, 0.0, -math.inf):
        assert draw_binomial(rng, 10, p) == 0
    for p in (1.0, 1.5, math.inf):
        assert draw_binomial(rng, 10, p) == 10
    for n in (0, -1, -(2**63)):
        for p in (0.5, 1.0, 2.0):
            assert draw_binomial(rng, n, p) == 0
    n = 2**63 - 1
    assert abs(draw_binomial(rng, n, 0.5) / n - 0.5) < 1e-8
    assert draw_binomial(rng, n, 1e-18) < 100
    assert n - draw_binomial(rng, n, np.nextafter(1.0, 0.0)) < 2000


def test_inversion_ends_at_a_plausible_number_when_rounding_leaves_a_rest():
    for mean in (1e-300, 1e-6, 1.0, 7.999):
        assert counting._few_poisson(mean, 0.0) < 60
    for n, p in ((2, 0.5), (16, 0.5), (30, 0.5), (10**12, 5e-12)):
        assert counting._few_binomial(n, p, 0.0) <= min(n, 60)
