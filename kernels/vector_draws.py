"""Random draws for whole arrays: normals and Poisson numbers in float32, and quantiles of samples with replacement.

Each number takes 32 random bits, half a word of the SFC64 generator. The upper 24 bits (23 for normals) are a uniform
number, so values with a probability below 6e-8, such as a normal beyond 5.2, are never drawn. The lower 9 bits are
independent of the normal; `dither` uses them to round at random.

Normals are the inverse of the normal distribution function, by M. Giles, Approximating the erfinv function, GPU
Computing Gems 2 (2010) 109: two polynomials and no table, so that it vectorises. Poisson numbers of means up to `CUT`
are drawn by inversion, one step for a chunk of numbers at a time. Above, they are a rounded normal with the
Cornish-Fisher series to second order, minus the variance of 1/12 that rounding adds. At the cut, the total variation
distance to the law is 6e-4, and the relative error of mean and variance is below 4e-5.
"""

import numpy as np

from .generator import next_word, words_at
from .jit import inlined, kernel, vectorised

WIDTH = 256
"""Numbers in a chunk, whose arrays stay in the innermost cache."""
CUT = np.float32(10.0)
"""Largest mean for which Poisson numbers are drawn by inversion."""

_ONE, _HALF, _ZERO = np.float32(1.0), np.float32(0.5), np.float32(0.0)
_UNIT_23, _UNIT_24 = np.float32(2.0**-23), np.float32(2.0**-24)
_LN_2 = np.float32(0.6931471805599453)
_SQRT_2 = np.float32(1.4142135623730951)
_TWELFTH, _SIXTH, _SEVENTY_SECOND = np.float32(1 / 12), np.float32(1 / 6), np.float32(1 / 72)


@kernel
def fill_words(address, out):
    """Fill `out` uint64[n] with words of the SFC64 generator whose state is at `address` (uint64)."""
    words = words_at(address)
    for k in range(out.size):
        out[k] = next_word(words)


@inlined
def logarithm(x):
    """Natural logarithm of a positive normal float32, to 2e-7."""
    bits = np.float32(x).view(np.int32)
    # Reduced to a mantissa in [sqrt(1/2), sqrt(2)), where a short series suffices; 0x3F3504F3 is sqrt(1/2).
    exponent = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    m = np.int32(bits - (exponent << np.int32(23))).view(np.float32)
    s = (m - _ONE) / (m + _ONE)
    q = s * s
    series = np.float32(2.0) + q * (np.float32(2 / 3) + q * (np.float32(2 / 5) + q * np.float32(2 / 7)))
    return np.float32(exponent) * _LN_2 + s * series


@inlined
def exponential_of(x):
    """exp(x) for float32 x <= 0, to 1e-5 of itself; exp(-40) below -40."""
    # exp(x) is exp(x / 64), by a short series, squared six times.
    t = max(x, np.float32(-40.0)) * np.float32(1 / 64)
    e = _ONE + t * (_ONE + t * (_HALF + t * (_SIXTH + t * (np.float32(1 / 24) + t * np.float32(1 / 120)))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e


@inlined
def normal_of(bits):
    """The standard normal number (float32) of uint32 `bits`."""
    # Odd multiples of 2**-23 in (-1, 1): 0 and 1 are impossible, and the law is symmetric.
    x = np.float32(np.int32(bits >> np.uint32(9)) * np.int32(2) - np.int32(2**23 - 1)) * _UNIT_23
    w = -logarithm((_ONE - x) * (_ONE + x))
    # Both polynomials are evaluated, and one is selected: a branch would prevent vectorisation.
    v = w - np.float32(2.5)
    centre = np.float32(2.81022636e-08)
    centre = np.float32(3.43273939e-07) + centre * v
    centre = np.float32(-3.5233877e-06) + centre * v
    centre = np.float32(-4.39150654e-06) + centre * v
    centre = np.float32(0.00021858087) + centre * v
    centre = np.float32(-0.00125372503) + centre * v
    centre = np.float32(-0.00417768164) + centre * v
    centre = np.float32(0.246640727) + centre * v
    centre = np.float32(1.50140941) + centre * v
    v = np.sqrt(w) - np.float32(3.0)
    tail = np.float32(-0.000200214257)
    tail = np.float32(0.000100950558) + tail * v
    tail = np.float32(0.00134934322) + tail * v
    tail = np.float32(-0.00367342844) + tail * v
    tail = np.float32(0.00573950773) + tail * v
    tail = np.float32(-0.0076224613) + tail * v
    tail = np.float32(0.00943887047) + tail * v
    tail = np.float32(1.00167406) + tail * v
    tail = np.float32(2.83297682) + tail * v
    return _SQRT_2 * x * (centre if w < np.float32(5.0) else tail)


@inlined
def dither(bits):
    """A uniform number (float32) in (0, 1), from the bits that `normal_of` does not use."""
    return (np.float32(np.int32(bits & np.uint32(511))) + _HALF) * np.float32(1 / 512)


@inlined
def whole_number(mean, variance, bits):
    """A whole number (float32) of this mean and variance.

    It is a normal number rounded at random, which adds a variance of 1/6. For a variance below 1/2 it is one of three
    neighbouring numbers.
    """
    many = np.floor(mean + np.sqrt(max(variance - _SIXTH, _ZERO)) * normal_of(bits) + dither(bits))
    middle = np.floor(mean + _HALF)
    off = mean - middle
    # A whole number has at least the variance of a choice between the two neighbours of its mean.
    either = max(variance + off * off, abs(off))
    u = np.float32(np.int32(bits >> np.uint32(8))) * _UNIT_24
    few = middle + (_ONE if u < (either + off) * _HALF else _ZERO)
    few -= _ONE if u >= _ONE - (either - off) * _HALF else _ZERO
    return few if variance < _HALF else many


@vectorised
def normals_of(bits, out):
    """Fill `out` float32[n] with the standard normal numbers of uint32[n] `bits`."""
    for i in range(out.size):
        out[i] = normal_of(bits[i])


@vectorised
def _begin(means, mean, probability, total, out):
    """Start the inversion: the probability of 0 for means float32[n], limited to the cut, and counts of 0."""
    for i in range(means.size):
        mean[i] = min(means[i], CUT)
        e = exponential_of(-mean[i])
        probability[i] = e
        total[i] = e
        out[i] = _ZERO


@vectorised
def _step(bits, mean, probability, total, out, share):
    """Add 1 where the uniform number is not below the sum of probabilities, then add the next probability."""
    for i in range(bits.size):
        u = np.float32(np.int32(bits[i] >> np.uint32(8))) * _UNIT_24
        out[i] += _ONE if u >= total[i] else _ZERO
        probability[i] *= mean[i] * share
        total[i] += probability[i]


@vectorised
def _largest(means):
    largest = _ZERO
    for i in range(means.size):
        largest = max(largest, means[i])
    return largest


@vectorised
def _smallest(means):
    smallest = means[0]
    for i in range(means.size):
        smallest = min(smallest, means[i])
    return smallest


@vectorised
def _many(bits, means, out):
    """Replace the counts where the mean is above the cut."""
    for i in range(means.size):
        v = max(means[i], _ONE)
        z = normal_of(bits[i])
        root = np.sqrt(v)
        n = v + np.sqrt(v - _TWELFTH) * z + (z * z - _ONE) * _SIXTH + (z - z * z * z) * _SEVENTY_SECOND / root
        n = max(np.floor(n + _HALF), _ZERO)
        out[i] = n if means[i] > CUT else out[i]


@kernel
def poisson_chunk(bits, means, out, scratch):
    """Fill `out` float32[n] with Poisson numbers of `means` float32[n] (0 or positive), from uint32[n] `bits`.

    n is at most `WIDTH`; `scratch` is float32[3, WIDTH]."""
    n = means.size
    largest = _largest(means)
    if largest <= _ZERO:
        out[:] = _ZERO
        return
    # The usual cases are chunks of large means only or of small means only; mixed ones are computed both ways.
    if _smallest(means) > CUT:
        _many(bits, means, out)
        return
    mean, probability, total = scratch[0, :n], scratch[1, :n], scratch[2, :n]
    _begin(means, mean, probability, total, out)
    bound = min(largest, CUT)
    # Less than 3e-8 of the law of the largest mean lies beyond this number of steps.
    for k in range(1, int(bound + np.float32(5.2) * np.sqrt(bound) + np.float32(4.0)) + 1):
        _step(bits, mean, probability, total, out, _ONE / np.float32(k))
    if largest > CUT:
        _many(bits, means, out)


@kernel
def draw_poisson_numbers(address, means, out, bits, words, scratch):
    """Fill `out` float32[n] with Poisson numbers of `means` float32[n], from the SFC64 generator at `address`.

    `words` uint64[WIDTH // 2] and `bits` uint32[WIDTH] are the same memory; for `scratch` see `poisson_chunk`.
    """
    for start in range(0, means.size, WIDTH):
        end = min(start + WIDTH, means.size)
        fill_words(address, words)
        poisson_chunk(bits[: end - start], means[start:end], out[start:end], scratch)


@kernel
def draw_normals(address, out, bits, words):
    """Fill `out` float32[n] with standard normal numbers; see `draw_poisson_numbers`."""
    for start in range(0, out.size, WIDTH):
        end = min(start + WIDTH, out.size)
        fill_words(address, words)
        normals_of(bits[: end - start], out[start:end])


# Quantiles of samples drawn with replacement from columns that are sorted once.
#
# A draw is given by how often it contains each row. Order statistic r of a draw is where the cumulative counts, in the
# order of a column, exceed r. That is a walk over half of the rows for a median, and over one in twenty, from the other
# end, for a 95 % quantile. Sorting each draw would take ten times as long.


@kernel
def quantiles_of_draws(rows, order, values, ps, counts, out):
    """Quantiles of each column over the rows of each draw, with linear interpolation between order statistics.

    `rows` int32[draw, row] are the rows drawn, as many as there are. `order` int32[column, row] sorts each column;
    `values` float64[column, row] is sorted. `ps` float64[probability]; `counts` int16[row] is scratch, small so that it
    stays in the cache; the quantiles go into `out` float64[draw, probability, column].
    """
    for d in range(rows.shape[0]):
        _quantiles_of_draw(rows[d], order, values, ps, counts, out[d])


@kernel
def _quantiles_of_draw(rows, order, values, ps, counts, out):
    n = rows.size
    counts[:] = 0
    for i in range(n):
        counts[rows[i]] += 1
    for j in range(ps.size):
        # The definition of numpy's default quantile: linear between the order statistics around (n - 1) p.
        place = (n - 1) * ps[j]
        low = np.int64(np.floor(place))
        high = min(low + 1, n - 1)
        share = place - low
        for q in range(order.shape[0]):
            if 2 * low < n:
                # From below: `passed` values of the draw are at or below the row at k.
                k = 0
                passed = np.int64(counts[order[q, 0]])
                while passed <= low:
                    k += 1
                    passed += counts[order[q, k]]
                first = values[q, k]
                while passed <= high:
                    k += 1
                    passed += counts[order[q, k]]
                second = values[q, k]
            else:
                # From above: `left` values of the draw are below the row at k.
                k = n - 1
                left = n - np.int64(counts[order[q, k]])
                while left > high:
                    k -= 1
                    left -= counts[order[q, k]]
                second = values[q, k]
                while left > low:
                    k -= 1
                    left -= counts[order[q, k]]
                first = values[q, k]
            out[j, q] = first + share * (second - first)
