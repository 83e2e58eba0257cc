"""The urn against a plain count of slots, through random growing and shrinking."""

import numpy as np

from gillespie_nn.kernels import urn as kernel
from gillespie_nn.simulation.methods.rejection import _urn


def _check(urn, owned):
    size = int(urn.size[0])
    assert size == owned.sum()
    np.testing.assert_array_equal(np.bincount(urn.channel[:size], minlength=len(owned)), owned)
    np.testing.assert_array_equal(urn.owned, owned)
    for c in range(len(owned)):
        slots, slot, before = [], int(urn.head[c]), kernel.NONE
        while slot != kernel.NONE:
            assert urn.channel[slot] == c
            assert urn.preceding[slot] == before
            before = slot
            slots.append(slot)
            slot = int(urn.following[slot])
        assert len(set(slots)) == len(slots) == owned[c]


def _made(n):
    urn = _urn(n)
    urn.target[0] = max(1024, 16 * n)
    return urn


def test_slots_follow_bounds_through_random_changes():
    rng = np.random.default_rng(2)
    n = 7
    urn = _made(n)
    bounds = rng.random(n)
    kernel.refill(urn, bounds)
    owned = np.ceil(bounds / urn.quantum[0]).astype(int)
    _check(urn, owned)
    for _ in range(2000):
        c = rng.integers(n)
        bound = rng.choice([0.0, rng.random() * 2, rng.random() * 1e-3])
        wanted = int(np.ceil(bound / urn.quantum[0]))
        fits = owned.sum() - owned[c] + wanted <= len(urn.channel)
        assert kernel.give_slots(urn, c, bound) == fits
        if fits:
            owned[c] = wanted
    _check(urn, owned)


def test_a_bound_that_does_not_fit_changes_nothing():
    urn = _made(3)
    kernel.refill(urn, np.array([1.0, 2.0, 3.0]))
    owned = urn.owned.copy()
    assert not kernel.give_slots(urn, 1, 1e300)
    assert not kernel.give_slots(urn, 1, np.inf)
    _check(urn, owned)


def test_refill_hands_out_at_least_every_bound_and_about_the_target():
    rng = np.random.default_rng(3)
    bounds = np.concatenate([10.0 ** rng.uniform(-12, 6, 40), np.zeros(10)])
    urn = _made(len(bounds))
    kernel.refill(urn, bounds)
    assert (urn.owned * urn.quantum[0] >= bounds * (1 - 1e-12)).all()
    assert (urn.owned[bounds == 0] == 0).all()
    assert urn.target[0] <= urn.size[0] <= urn.target[0] + len(bounds)


def test_an_empty_and_an_overfull_urn_say_so():
    urn = _made(2)
    kernel.refill(urn, np.zeros(2))
    assert urn.size[0] == 0 and not kernel.is_overfull(urn) and not kernel.is_sparse(urn)
    kernel.refill(urn, np.array([1e308, 1e308]))
    assert urn.size[0] == 0 and kernel.is_overfull(urn)


def test_an_urn_with_few_slots_left_is_sparse():
    urn = _made(2)
    kernel.refill(urn, np.array([1.0, 1e-6]))
    assert not kernel.is_sparse(urn)
    kernel.give_slots(urn, 0, 0.1)
    assert kernel.is_sparse(urn)
