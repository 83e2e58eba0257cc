"""Sketches of quantiles: within the stated bound of the sample's own, and the same however they are merged."""

import numpy as np
import pytest

from gillespie_nn.statistics.intervals import ERROR, Sketch, bucket, middle

P = (0.0, 0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999, 1.0)


def _sketch(values, whole):
    sketch = Sketch(np.full(values.shape[1], whole))
    for row in values:
        sketch.add(row)
    return sketch


def _samples(whole):
    rng = np.random.default_rng(1)
    wide = np.exp(rng.normal(0.0, 12.0, (1000, 3)))
    if whole:
        return np.column_stack([np.floor(np.minimum(wide, 2.0**53)), rng.poisson(3.0, (1000, 2))])
    signed = rng.normal(0.0, 1.0, (1000, 2))
    tiny = np.array([0.0, 5e-324, -5e-324, 1e308, -1e308] * 200)[:, None]
    return np.column_stack([wide, signed, tiny])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n", [1, 2, 999, 1000])
def test_a_quantile_is_within_the_bound_of_the_samples_own(whole, n):
    values = _samples(whole)[:n]
    sketch = _sketch(values, whole)
    for p in P:
        own = np.quantile(values, p, axis=0, method="inverted_cdf")
        # The smallest numbers of float64 have no middle between them: half of one more is theirs.
        assert (np.abs(sketch.quantile(p) - own) <= ERROR * np.abs(own) + 5e-324).all(), p


def test_a_rank_is_not_missed_by_rounding():
    """0.55 * 100 is 55.000000000000007, and rank / n times n may be above the rank as well."""
    assert _sketch(np.arange(100.0)[:, None], True).quantile(0.55) == 54
    for n in (49, 100, 107):
        sketch = _sketch(np.arange(float(n))[:, None], True)
        assert [int(sketch.quantile(rank / n)[0]) for rank in range(1, n + 1)] == list(range(n))


def test_small_whole_numbers_are_exact():
    values = np.random.default_rng(2).integers(0, 256, (5000, 2))
    sketch = _sketch(values, True)
    for p in P:
        np.testing.assert_array_equal(sketch.quantile(p), np.quantile(values, p, axis=0, method="inverted_cdf"))


def test_buckets_rise_with_the_values_and_hold_their_middles():
    values = np.sort(_samples(False).ravel())
    numbers = bucket(values)
    assert (np.diff(numbers) >= 0).all() and (np.abs(numbers) < 2**19).all()
    normal = np.abs(values) > 1e-300
    np.testing.assert_array_equal(bucket(middle(numbers, False))[normal], numbers[normal])


def test_merged_in_any_order_it_is_the_same(monkeypatch):
    monkeypatch.setattr("gillespie_nn.statistics.intervals._LEAST_PENDING", 50)
    values = _samples(False)
    parts = np.array_split(values, 40)

    def merged(order):
        sketch = _sketch(values[:0], False)
        for k in order:
            sketch.merge(_sketch(parts[k], False))
        return sketch.entries()

    whole = _sketch(values, False)
    for order in (range(40), reversed(range(40)), np.random.default_rng(3).permutation(40)):
        for a, b in zip(merged(order), whole.entries()):
            np.testing.assert_array_equal(a, b)


def test_what_is_not_finite_is_left_out_and_empty_cells_have_no_quantile():
    sketch = _sketch(np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, 7.0]]), False)
    sketch.add(np.array([3.0, 4.0]), first=1)
    np.testing.assert_allclose(sketch.quantile(0.5), [1.0, 3.0, 4.0], rtol=ERROR)
    assert np.isnan(Sketch([True, False]).quantile(0.5)).all()
    again = Sketch([False] * 3, *sketch.entries())
    np.testing.assert_array_equal(again.quantile(1.0), sketch.quantile(1.0))
