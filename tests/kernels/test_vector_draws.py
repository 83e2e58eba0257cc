"""Random numbers for whole arrays have their laws, and weights fire by them."""

import numpy as np
import pytest
from scipy import stats

from gillespie_nn.checks import UnfinishedError
from gillespie_nn.kernels import vector_draws
from gillespie_nn.kernels.vector_draws import CUT, WIDTH, draw_normals, draw_poisson_numbers, fill_words
from gillespie_nn.simulation.batches.neurons import PIECE, Pieces, Weights
from helpers.checks_of_chance import accept, chi_square, mean_is, rejects

_N = 300_007
"""Not a whole number of blocks."""


class _Source:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.SFC64(seed))
        self.address = np.uint64(self.rng.bit_generator.ctypes.state_address)
        self.words = np.empty(WIDTH // 2, dtype=np.uint64)
        self.bits = self.words.view(np.uint32)

    def normals(self, n=_N):
        out = np.empty(n, dtype=np.float32)
        draw_normals(self.address, out, self.bits, self.words)
        return out.astype(float)

    def poissons(self, means):
        out, scratch = np.empty(len(means), dtype=np.float32), np.empty((3, WIDTH), dtype=np.float32)
        draw_poisson_numbers(self.address, np.asarray(means, dtype=np.float32), out, self.bits, self.words, scratch)
        return out.astype(int)


def test_words_are_those_of_numpy():
    source, words = _Source(3), np.empty(11, dtype=np.uint64)
    fill_words(source.address, words)
    np.testing.assert_array_equal(words, np.random.SFC64(3).random_raw(11))


def test_functions_are_those_of_numpy():
    bits = np.concatenate([np.arange(4096, dtype=np.uint32), np.uint32(2**32 - 1) - np.arange(4096, dtype=np.uint32)])
    bits = np.concatenate([bits, np.arange(0, 2**32, 65537, dtype=np.uint32)])
    out = np.empty(len(bits), dtype=np.float32)
    vector_draws.normals_of(bits, out)
    # The middle of the interval of probabilities that these bits stand for.
    wanted = stats.norm.ppf(((bits >> 9) + 0.5) / 2**23)
    np.testing.assert_allclose(out, wanted, rtol=2e-5, atol=2e-7)


def test_normals_have_their_law():
    accept(stats.kstest(_Source(1).normals(), "norm").pvalue, "normal numbers")


def test_poisson_numbers_have_their_law():
    """Means below, at and above the cut, in blocks of one mean and in blocks that mix all; empty blocks in between."""
    means = [1e-3, 0.2, 1.0, 4.0, 9.7, 10.3, 25.0]
    source, p = _Source(2), []
    mixed = source.poissons(np.tile([*means, 0.0], 80_000))
    assert not mixed[7::8].any() and not source.poissons(np.zeros(1000)).any()
    for k, mean in enumerate(means):
        for drawn in (source.poissons(np.full(100_003, mean)), mixed[k::8]):
            law = stats.poisson.pmf(np.arange(int(stats.poisson.isf(1e-4, mean)) + 1), mean)
            p.append(chi_square(drawn, law))
    accept(min(p), "Poisson numbers", family=len(p))


def test_large_poisson_numbers_have_mean_variance_and_third_moment():
    drawn = _Source(5).poissons(np.full(_N, 1e4))
    u = (drawn - 1e4) / 100.0
    p = [mean_is(u, 0.0), mean_is(u**2, 1.0), mean_is(u**3, 0.01)]
    accept(min(p), "Poisson numbers of mean 10000", family=3)
    assert float(CUT) < 1e4


def test_a_planted_error_in_the_law_is_rejected():
    """Rounded normal numbers without the variance of rounding taken off."""
    z = _Source(6).normals()
    assert rejects(mean_is((np.floor(4 + 2 * z + 0.5) - 4) ** 2, 4.0))


def _weights(layers=(6, 4), volume=1000.0, value=0.0):
    n = sum((a + 1) * b for a, b in zip(layers, layers[1:]))
    counts = np.zeros(2 * n, dtype=np.int64)
    counts[0 if value >= 0 else 1 :: 2] = round(abs(value) * volume)
    return Weights(layers, volume, counts)


def _pieces(weights, threads=1, seed=0):
    pieces = Pieces(threads)
    pieces.begin(weights.n_pieces(0), lambda i: np.random.Generator(np.random.SFC64([seed, i])))
    return pieces


def test_firings_of_weights_have_mean_and_variance():
    weights = _weights((399, 500), value=0.05)
    shape = weights.difference[0].shape
    change, firings = (np.full(shape, v, dtype=np.float32) for v in (2.0, 5.0))
    fired = weights.fire(0, change, firings, 0.0, _pieces(weights))
    moved = (weights.difference[0] - 50).ravel().astype(float)
    # The plus rail fires 3.5 times, the minus rail 1.5 times; without annihilation no molecule goes.
    plus = (moved + 50 + weights.scarcer[0].ravel()) - 50
    assert fired == (plus + weights.scarcer[0].ravel()).sum()
    p = [mean_is(plus, 3.5), mean_is((plus - 3.5) ** 2, 3.5), mean_is(moved, 2.0), mean_is((moved - 2) ** 2, 5.0)]
    accept(min(p), "firings of weights", family=4)
    np.testing.assert_allclose(weights.value[0], weights.difference[0] / 1000, rtol=1e-6)
    np.testing.assert_allclose(weights.both[0], (abs(weights.difference[0]) + 2 * weights.scarcer[0]) / 1000, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.01, -0.3])
def test_rails_annihilate_as_their_rate_equation_says(value):
    weights = _weights((399, 500), value=value)
    weights.scarcer[0][:] = 40
    nothing = np.zeros(weights.difference[0].shape, dtype=np.float32)
    before = weights.difference[0].copy()
    assert weights.fire(0, nothing, nothing, 20.0, _pieces(weights)) == 0
    np.testing.assert_array_equal(weights.difference[0], before)
    d, c, k = abs(value), 0.04, 20.0
    left = c / (1 + k * c) if d == 0 else d * c * np.exp(-k * d) / (d + c * (1 - np.exp(-k * d)))
    assert (
        weights.scarcer[0].min() >= np.floor(1000 * left) - 1 and weights.scarcer[0].max() <= np.ceil(1000 * left) + 1
    )
    accept(mean_is(weights.scarcer[0], 1000 * left, slack=1e-3), "rounding of the common part of rails")


def test_threads_do_not_change_the_firings():
    found = []
    for threads in (1, 2):
        weights = _weights((399, 500))
        assert weights.n_pieces(0) == -(-200_000 // PIECE) > 2
        change, firings = (np.full((400, 500), v, dtype=np.float32) for v in (0.5, 1.5))
        weights.fire(0, change, firings, 60.0, _pieces(weights, threads))
        found.append(weights.counts())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("change", [np.nan, np.inf, 2e9, 6e8])
def test_weights_that_run_away_stop_the_run(change):
    weights = _weights()
    wild = np.zeros((7, 4), dtype=np.float32)
    wild[3, 2] = change
    with pytest.raises(UnfinishedError, match="of layer 1 is not finite or has more than"):
        for _ in range(2):
            weights.fire(0, wild, abs(wild), 1.0, _pieces(weights))
