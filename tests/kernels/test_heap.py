"""The indexed heap: every parent before its children, every channel where its position says, through random moves."""

import numpy as np
import pytest

from gillespie_nn.kernels.exact import next_reaction as kernel

pytestmark = pytest.mark.fast


def _check(heap, position, key):
    np.testing.assert_array_equal(heap[position], np.arange(len(heap)))
    for k in range(1, len(heap)):
        assert key[heap[(k - 1) // 2]] <= key[heap[k]]


def test_order_holds_after_building_and_through_random_moves():
    rng = np.random.default_rng(6)
    for n in (1, 2, 3, 5, 8, 33, 200):
        key = np.where(rng.random(n) < 0.3, np.inf, rng.random(n))
        heap, position = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32)
        kernel.build(heap, position, key)
        _check(heap, position, key)
        for _ in range(300):
            c = rng.integers(n)
            key[c] = rng.choice([np.inf, rng.random(), key.min(), key[np.isfinite(key)].max(initial=0.0)])
            kernel.move(heap, position, key, c)
            _check(heap, position, key)


def test_no_channels_make_an_empty_heap():
    """Nothing is written, neither in the arrays nor around them: kernels do not check bounds."""
    around, keys = np.full((2, 3), 7, dtype=np.int32), np.full(3, 7.0)
    kernel.build(around[0, 1:1], around[1, 1:1], keys[1:1])
    assert (around == 7).all() and (keys == 7.0).all()
