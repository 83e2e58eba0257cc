"""The urn against a plain count of slots, through random growing and shrinking."""

import numpy as np

from gillespie_nn.kernels.exact import slots
from gillespie_nn.kernels.exact import slots as kernel
from gillespie_nn.kernels.exact.slots import HEAVY, LIGHT
from gillespie_nn.simulation.methods.exact import _urns


def _check(urns, u, owned):
    urn = urns.urn[u]
    first, size = int(urn["first"]), int(urn["used"])
    assert size == owned.sum() and size <= urn["capacity"]
    np.testing.assert_array_equal(np.bincount(urns.owner[first : first + size], minlength=len(owned)), owned)
    np.testing.assert_array_equal(urns.holders["owned"][: len(owned)], owned)
    for c in range(len(owned)):
        seen, slot, before = [], int(urns.holders["head"][c]), kernel.NONE
        while slot != kernel.NONE:
            assert first <= slot < first + size
            assert urns.owner[slot] == c
            assert urns.links["preceding"][slot] == before
            before = slot
            seen.append(slot)
            slot = int(urns.links["following"][slot])
        assert len(set(seen)) == len(seen) == owned[c]


def _filled(u, bounds, n=None):
    """Urns for n channels, of which those with `bounds` have slots in urn u."""
    urns = _urns(len(bounds) if n is None else n)
    _fill(urns, u, bounds)
    return urns


def _fill(urns, u, bounds):
    urns.holders["owned"], urns.holders["head"] = 0, kernel.NONE
    kernel.start_filling(urns, u, bounds.sum(), max(1024, 16 * len(bounds)))
    for c, bound in enumerate(bounds):
        kernel.give_slots(urns, u, c, bound)


def _change_at_random(u, n, rng):
    bounds = rng.random(7)
    urns = _filled(u, bounds, n)
    quantum = urns.urn["quantum"][u]
    owned = np.ceil(bounds / quantum).astype(int)
    _check(urns, u, owned)
    refused = 0
    for _ in range(2000):
        c = rng.integers(len(bounds))
        bound = rng.choice([0.0, rng.random() * 2, rng.random() * 1e-3])
        wanted = int(np.ceil(bound / quantum))
        fits = owned.sum() - owned[c] + wanted <= urns.urn["capacity"][u]
        assert kernel.give_slots(urns, u, c, bound) == fits
        refused += not fits
        if fits:
            owned[c] = wanted
    _check(urns, u, owned)
    return urns, refused


def test_slots_follow_bounds_through_random_changes():
    urns, refused = _change_at_random(HEAVY, 7, np.random.default_rng(2))
    assert refused and urns.urn["used"][LIGHT] == 0


def test_light_slots_lie_behind_the_heavy_ones_and_leave_them_alone():
    urns, _ = _change_at_random(LIGHT, slots.MANY, np.random.default_rng(5))
    assert urns.urn["first"][LIGHT] == urns.urn["capacity"][HEAVY] > 0
    assert urns.urn["used"][HEAVY] == 0 and not urns.owner[: urns.urn["first"][LIGHT]].any()


def test_few_channels_have_no_room_for_light_slots():
    urns = _urns(slots.MANY - 1)
    assert urns.urn["capacity"][LIGHT] == 0 and len(urns.owner) == urns.urn["capacity"][HEAVY]


def test_a_bound_that_does_not_fit_changes_nothing():
    urns = _filled(HEAVY, np.array([1.0, 2.0, 3.0]))
    owned = urns.holders["owned"][:3].copy()
    assert not kernel.give_slots(urns, HEAVY, 1, 1e300)
    assert not kernel.give_slots(urns, HEAVY, 1, np.inf)
    _check(urns, HEAVY, owned)


def test_filling_hands_out_at_least_every_bound_and_about_the_target():
    rng = np.random.default_rng(3)
    bounds = np.concatenate([10.0 ** rng.uniform(-12, 6, 40), np.zeros(10)])
    urns = _filled(HEAVY, bounds)
    urn, owned = urns.urn[HEAVY], urns.holders["owned"][: len(bounds)]
    assert (owned * urn["quantum"] >= bounds * (1 - 1e-12)).all()
    assert (owned[bounds == 0] == 0).all()
    assert urn["target"] <= urn["used"] <= urn["target"] + len(bounds)


def test_an_empty_and_an_overfull_urn_say_so():
    urns = _filled(HEAVY, np.zeros(2))
    used = urns.urn["used"]
    assert used[HEAVY] == 0 and not kernel.is_overfull(urns, HEAVY) and not kernel.is_sparse(urns, HEAVY)
    with np.errstate(over="ignore"):
        _fill(urns, HEAVY, np.array([1e308, 1e308]))
    assert used[HEAVY] == 0 and kernel.is_overfull(urns, HEAVY)


def test_an_urn_with_few_slots_left_is_sparse():
    urns = _filled(HEAVY, np.array([1.0, 1e-6]))
    assert not kernel.is_sparse(urns, HEAVY)
    kernel.give_slots(urns, HEAVY, 0, 0.1)
    assert kernel.is_sparse(urns, HEAVY)
