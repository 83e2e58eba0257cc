"""Leaps of the neurons and weights of many samples, in arrays: one layer forward or backward, and updates of weights.

All quantities are numbers of molecules in float32. A module reads the averages of its drives over the leap. Its mean at
the end is the exact solution of its rate equation for a constant drive, and its value at the end is drawn around that.
Means are exact for leaps of any length once the drives have settled, and of second order in the leap before.

In a leap, the noise of a module with relaxation rate q and a total rate v of its reactions has a variance of
v (1 - exp(-2 q tau)) / (2 q). The next module reads the average, and weights add averages over a long time. So the sum
over leaps must have the noise at frequency 0: that of all firings M, of variance v tau. The noise at the end is taken
as proportional to M. Then x_end - x_begin = (drive - q average) tau + M gives the average without another random
number, and a sum over leaps has the exact noise; only correlations within a leap are approximate.

The rails of a signed number annihilate, which leaves the difference. Given the difference x, the sum r of the rails is
at rest: k r^2 / 2 + q r = made + k x^2 / 2.
"""

from typing import NamedTuple

import numpy as np

from ..jit import kernel, vectorised
from ..vector_draws import WIDTH, dither, exponential_of, fill_words, logarithm, normal_of, poisson_chunk, whole_number

Z, Y, U, S, E, D, G = range(7)
"""Rows of a state float32[STATE, n]: molecules, or the difference of rails. The molecules of A are Omega - S."""
STATE = 7
DRIVE, MADE, SIGNAL, SLOPE, ERROR, ERRORS, LICENSED, LICENSEDS = range(8)
"""Rows of the flows float32[FLOWS, n] of a layer. `DRIVE` is the production of the plus rail of a pre-activation or
error sum minus that of its minus rail, `MADE` the sum of both [molecules/s]; a leap replaces them by the average and
the sum of rails. The others are averages over the leap: of Y, S, D, the rails of D, G and the rails of G. In a layer
without activation, the first two of these are the pre-activation and its rails."""
FLOWS = 8
LICENSING = 5.0
"""Rate constant of production and decay of licensed errors [1/s]."""

_ZERO, _HALF, _ONE, _TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
_SIXTH = np.float32(1 / 6)
_SKEWED = np.float32(2 / 9)
"""Variance of rounding at random, 1/6, and of the term of the third moment, 2/36."""
_SLOWEST = np.float32(1e-3)
_LEAST = np.float32(1e-9)


class Leap(NamedTuple):
    """Constants that all modules of a network share."""

    tau: float
    """Length of the leap [s]."""
    volume: float
    """Omega."""
    h: float
    """Smoothing of the activation [concentration^2]."""
    annihilation: float
    """Rate constant of annihilation [1/(concentration s)]."""
    noisy: bool
    """If False, neurons have no noise: all numbers are their means."""


@vectorised
def _number(x, drive, made, bits, decay, stays, tau, pairs, noisy):
    """Leap of a signed number, x' = drive - decay x; `stays` is exp(-decay tau).

    `pairs` is the rate of annihilation [1/molecule/s]. Changes x, and replaces `drive` and `made`; see `FLOWS`.
    """
    # `rise` is the effect of a constant drive at the end, `spread` that of a constant rate of firings on the variance;
    # `firings` is the ratio of the standard deviations of all firings and of the noise at the end.
    rise = (_ONE - stays) / decay
    spread = (_ONE - stays * stays) / (_TWO * decay)
    firings = np.sqrt(tau / spread)
    per = _ONE / (decay * tau)
    for i in range(x.size):
        # Averages of few molecules can be negative. They are not clipped, which would make the mean too large.
        before, driven, produced = x[i], drive[i], made[i]
        mean = before * stays + driven * rise
        average = (driven * tau + before - mean) * per
        # The noise of few molecules is part of the square of the difference and of that of the sum alike, and does not
        # slow annihilation down.
        off = average - driven / decay
        alike = off * off * decay * decay / (decay * decay + pairs * max(produced, _ZERO))
        twice = _TWO * produced + pairs * max(average * average - alike, _ZERO)
        rails = twice / (decay + np.sqrt(max(decay * decay + pairs * twice, _ZERO)))
        firing = max(produced + decay * rails, _LEAST)
        drawn = whole_number(mean, firing * spread, bits[i]) if noisy else mean
        x[i] = drawn
        noise = (firings - _ONE) * (drawn - mean) * per
        drive[i] = average + noise
        # Correlation of the noise of the difference with that of the sum: 1 or -1 where one rail is alone.
        shared = pairs * average + decay * (driven + decay * average) / firing
        made[i] = rails + noise * min(max(shared / (decay + pairs * rails), -_ONE), _ONE)


@vectorised
def _root(y, z, rails, bits, out, sign, tau, volume, h, noisy):
    """Leap of y' = h + sign z y - y (y - 1 / Omega), a logistic equation with closed forms of solution and average.

    `out` is filled with the average of y.
    """
    share = _ONE / volume
    for i in range(y.size):
        # A molecule does not meet itself, which adds one molecule to the drive of y.
        drive = (sign * z[i] + _ONE) * share
        rate = np.sqrt(drive * drive + np.float32(4.0) * h)
        larger = _HALF * (rate + abs(drive))
        upper = larger if drive > _ZERO else h / larger
        lower = -h / upper
        stays = exponential_of(-rate * tau)
        before = y[i] * share
        w = (before - upper) / (before - lower) * stays
        mean = (upper - lower * w) / (_ONE - w)
        per = _ONE / (rate * tau)
        average = upper - logarithm((mean - lower) / (before - lower)) / tau
        level = max(average, _ZERO)
        noise = (h + rails[i] * share * level + level * level) * share / (_TWO * rate)
        # The square of the noise within the leap lowers y; that of earlier leaps is already contained in y.
        change = _ONE - stays
        mean -= noise * change * change / rate
        average -= noise * per * (tau - (_TWO * change - _HALF * (_ONE - stays * stays)) / rate)
        variance = noise * (_ONE - stays * stays) * volume * volume
        n = normal_of(bits[i])
        # The third moment is that of a Poisson number, so that few molecules stay positive.
        many = mean * volume + np.sqrt(max(variance - _SKEWED, _ZERO)) * n + (n * n - _ONE) * _SIXTH
        few = whole_number(mean * volume, variance, bits[i])
        drawn = max(few if variance < _ONE else np.floor(many + dither(bits[i])), _ZERO)
        drawn = drawn if noisy else mean * volume
        y[i] = drawn
        firings = np.sqrt(_TWO * rate * tau / (_ONE - stays * stays)) - _ONE
        out[i] = average * volume + firings * (drawn - mean * volume) * per


@vectorised
def _switch(s, y, u, bits, out, tau, volume, noisy):
    """Leap of s' = y (Omega - s) - u s.

    Molecules switch independently, so the number at the end is the sum of two binomial numbers. `out` is filled with
    the average of s.
    """
    share = _ONE / volume
    for i in range(s.size):
        rate = max((y[i] + u[i]) * share, _SLOWEST)
        rest = min(y[i] * share / rate, _ONE)
        stays = exponential_of(-rate * tau)
        retained, gained = rest + (_ONE - rest) * stays, rest * (_ONE - stays)
        before = s[i]
        mean = before * retained + (volume - before) * gained
        variance = before * retained * (_ONE - retained) + (volume - before) * gained * (_ONE - gained)
        drawn = whole_number(mean, variance, bits[i]) if noisy else mean
        drawn = min(max(drawn, _ZERO), volume)
        s[i] = drawn
        per = _ONE / (rate * tau)
        firings = np.sqrt(_TWO * rate * tau / (_ONE - stays * stays)) - _ONE
        out[i] = rest * volume + (before - mean) * per + firings * (drawn - mean) * per


@vectorised
def _product(left, right, out, factor):
    for i in range(out.size):
        out[i] = left[i] * right[i] * factor


@vectorised
def _scaled(values, out, factor):
    for i in range(out.size):
        out[i] = values[i] * factor


@kernel
def leap_forward(address, state, flows, start, end, leap, activated, learning, scratch):
    """One leap of the pre-activations; with `activated` also of outputs and, if `learning`, of slopes.

    Parameters
    ----------
    address : of the state of an SFC64 generator. state : float32[STATE, n]; changed. flows : float32[FLOWS,
    n] with `DRIVE` and `MADE`; changed. start, end : the neurons of this call. leap : a `Leap`. activated : whether the
    layer has an activation; without one its output is its pre-activation. scratch : float32[2 or more, WIDTH].
    """
    tau, volume, h = np.float32(leap.tau), np.float32(leap.volume), np.float32(leap.h)
    stays, pairs = np.float32(np.exp(-leap.tau)), np.float32(leap.annihilation / leap.volume)
    # Chunk by chunk, so that all arrays of a chunk stay in the cache from one loop to the next.
    words, bits = scratch[0].view(np.uint64), scratch[0].view(np.uint32)
    for a in range(start, end, WIDTH):
        b = min(a + WIDTH, end)
        n = b - a
        z, rails, signal = flows[DRIVE, a:b], flows[MADE, a:b], flows[SIGNAL, a:b]
        fill_words(address, words)
        _number(state[Z, a:b], z, rails, bits[:n], _ONE, stays, tau, pairs, leap.noisy)
        if not activated:
            _scaled(z, signal, _ONE)
            _scaled(rails, flows[SLOPE, a:b], _ONE)
            continue
        fill_words(address, words)
        _root(state[Y, a:b], z, rails, bits[:n], signal, _ONE, tau, volume, h, leap.noisy)
        if learning:
            u = scratch[1, :n]
            fill_words(address, words)
            _root(state[U, a:b], z, rails, bits[:n], u, -_ONE, tau, volume, h, leap.noisy)
            fill_words(address, words)
            _switch(state[S, a:b], signal, u, bits[:n], flows[SLOPE, a:b], tau, volume, leap.noisy)


@kernel
def leap_backward(address, state, flows, start, end, leap, activated, licence, scratch):
    """One leap of error sums, of errors and, unless `licence` [concentration] is negative, of licensed errors.

    `DRIVE` and `MADE` are those of the error sums, or of the errors in a layer without activation. For the other
    parameters see `leap_forward`, which must have made the same leap before.
    """
    tau, share = np.float32(leap.tau), np.float32(1.0 / leap.volume)
    stays, pairs = np.float32(np.exp(-leap.tau)), np.float32(leap.annihilation / leap.volume)
    licensed, quick = np.float32(LICENSING * licence), np.float32(LICENSING)
    left = np.float32(np.exp(-LICENSING * leap.tau))
    words, bits = scratch[0].view(np.uint64), scratch[0].view(np.uint32)
    for a in range(start, end, WIDTH):
        b = min(a + WIDTH, end)
        n = b - a
        e, rails, d, errors = flows[DRIVE, a:b], flows[MADE, a:b], flows[ERROR, a:b], flows[ERRORS, a:b]
        if activated:
            fill_words(address, words)
            _number(state[E, a:b], e, rails, bits[:n], _ONE, stays, tau, pairs, leap.noisy)
            _product(flows[SLOPE, a:b], e, d, share)
            _product(flows[SLOPE, a:b], rails, errors, share)
        else:
            _scaled(e, d, _ONE)
            _scaled(rails, errors, _ONE)
        fill_words(address, words)
        _number(state[D, a:b], d, errors, bits[:n], _ONE, stays, tau, pairs, leap.noisy)
        if licence >= 0.0:
            _scaled(d, flows[LICENSED, a:b], licensed)
            _scaled(errors, flows[LICENSEDS, a:b], licensed)
            fill_words(address, words)
            _number(
                state[G, a:b],
                flows[LICENSED, a:b],
                flows[LICENSEDS, a:b],
                bits[:n],
                quick,
                left,
                tau,
                pairs,
                leap.noisy,
            )


# Updates of weights: how often the reactions of each weight fire in a leap, and the annihilation of its rails.
#
# A weight is the difference of two rails of molecules. Given the exposures to the errors, the reactions that make a
# rail fire a Poisson number of times, independent of all others.

MOST = np.int32(2**30)
"""Largest number of molecules of a weight. As many firings can be added to it in int32."""
SCRATCH = 8
"""Rows of the scratch float32[SCRATCH, WIDTH] of `fire_weights`."""
_MOST = np.float32(1e9)
"""Largest number of firings of a rail: just below `MOST`, and exact in float32."""


@vectorised
def _means_of(change, firings, plus, minus):
    """Expected firings that make the plus and the minus rail. Returns their sum, NaN if any of them is NaN."""
    total = _ZERO
    for i in range(change.size):
        total += firings[i] + _ZERO * change[i]  # NaN if either is NaN
        # Exposures are rounded to float32, so the rarer rail may come out just below 0.
        plus[i] = max((firings[i] + change[i]) * _HALF, _ZERO)
        minus[i] = max((firings[i] - change[i]) * _HALF, _ZERO)
    return total


@vectorised
def _sum_of(plus, minus):
    total = _ZERO
    for i in range(plus.size):
        total += plus[i] + minus[i]
    return total


@vectorised
def _annihilated(plus, minus, difference, scarcer, bits, rate):
    """Add the firings, and let the rails annihilate.

    With d molecules more on one rail, the c molecules of the other follow c' = -k c (c + d), solved in closed form and
    rounded at random.
    """
    for i in range(difference.size):
        p, m = np.int32(min(plus[i], _MOST)), np.int32(min(minus[i], _MOST))
        d = difference[i] + p - m
        # With the firings, the scarcer rail has the count of the other minus the difference.
        more = max(difference[i], np.int32(0)) + p
        c = np.float32(scarcer[i]) + np.float32(more - max(d, np.int32(0)))
        size = np.float32(abs(d))
        e = exponential_of(-rate * size)
        grown = (_ONE - e) / max(size, _HALF) if size > _HALF else rate
        difference[i] = d
        scarcer[i] = np.int32(np.floor(c * e / (_ONE + c * grown) + dither(bits[i])))


@vectorised
def _concentrations(difference, scarcer, value, both, per_molecule):
    """Fill in the difference and the sum of the rails [concentration]. Returns the largest sum."""
    largest = _ZERO
    for i in range(difference.size):
        value[i] = np.float32(difference[i]) * per_molecule
        total = (np.float32(abs(difference[i])) + np.float32(2.0) * np.float32(scarcer[i])) * per_molecule
        both[i] = total
        largest = max(largest, total)
    return largest


@kernel
def fire_weights(address, change, firings, rate, volume, difference, scarcer, value, both, scratch):
    """Let weights fire, and their rails annihilate.

    Returns the number of firings, or -1 if a weight is not finite or has more than `MOST` molecules.

    Parameters
    ----------
    address : of the state of an SFC64 generator. change : float32[n], expected change of each weight [molecules].
    firings : float32[n], expected firings. rate : rate constant of annihilation times its duration [1/molecule].
    volume : Omega. difference, scarcer, value, both : int32[n], int32[n], float32[n], float32[n], see
    `simulation.batches.neurons`; changed. scratch : float32[SCRATCH, WIDTH].
    """
    fired, share = 0.0, np.float32(1.0 / volume)
    plus, minus, bits = scratch[0], scratch[1], scratch[2].view(np.uint32)
    means_of_plus, means_of_minus = scratch[3], scratch[4]
    for start in range(0, change.size, WIDTH):
        end = min(start + WIDTH, change.size)
        n = end - start
        expected = _means_of(change[start:end], firings[start:end], means_of_plus[:n], means_of_minus[:n])
        # Written such that NaN is refused as well.
        if not expected < _MOST:
            return -1.0
        fill_words(address, scratch[2].view(np.uint64))
        poisson_chunk(bits[:n], means_of_plus[:n], plus[:n], scratch[5:])
        fill_words(address, scratch[2].view(np.uint64))
        poisson_chunk(bits[:n], means_of_minus[:n], minus[:n], scratch[5:])
        fill_words(address, scratch[2].view(np.uint64))
        d, c = difference[start:end], scarcer[start:end]
        fired += _sum_of(plus[:n], minus[:n])
        _annihilated(plus[:n], minus[:n], d, c, bits[:n], np.float32(rate))
        largest = _concentrations(d, c, value[start:end], both[start:end], share)
        if not largest * np.float32(volume) < np.float32(MOST):
            return -1.0
    return fired
