"""Updates of weights: how often the reactions of each weight fire in a leap, and the annihilation of its rails.

A weight is the difference of two rails of molecules. Given the exposures to the errors, the reactions that make a rail
fire a Poisson number of times, independent of all others.
"""

import numpy as np

from .jit import kernel, vectorised
from .vector_draws import WIDTH, dither, exponential_of, fill_words, poisson_block

MOST = np.int32(2**30)
"""Molecules of a weight. A number of firings up to this can be added to it in int32."""
SCRATCH = 8
"""Rows of float32[WIDTH] that `fire_weights` works in."""

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_MOST = np.float32(1e9)


@vectorised
def _means_of(change, firings, plus, minus):
    """Expected firings that make the plus and the minus rail; returns their sum, which is no number if one is none."""
    total = _ZERO
    for i in range(change.size):
        total += firings[i] + _ZERO * change[i]  # no number if either is none
        # An exposure is rounded to float32, so that the rarer rail may come out just below 0.
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
    """Add what fired, and let the rails annihilate: with d molecules more on one rail, c on the other follow
    c' = -k c (c + d), solved in closed form and rounded at random."""
    for i in range(difference.size):
        p, m = np.int32(min(plus[i], _MOST)), np.int32(min(minus[i], _MOST))
        d = difference[i] + p - m
        # Of the old common part and of what fired, the scarcer rail has what the other has less the difference.
        more = max(difference[i], np.int32(0)) + p
        c = np.float32(scarcer[i]) + np.float32(more - max(d, np.int32(0)))
        size = np.float32(abs(d))
        e = exponential_of(-rate * size)
        grown = (_ONE - e) / max(size, _HALF) if size > _HALF else rate
        difference[i] = d
        scarcer[i] = np.int32(np.floor(c * e / (_ONE + c * grown) + dither(bits[i])))


@vectorised
def _concentrations(difference, scarcer, value, both, per_molecule):
    """Fill the difference and the sum of the rails; returns the largest sum."""
    largest = _ZERO
    for i in range(difference.size):
        value[i] = np.float32(difference[i]) * per_molecule
        total = (np.float32(abs(difference[i])) + np.float32(2.0) * np.float32(scarcer[i])) * per_molecule
        both[i] = total
        largest = max(largest, total)
    return largest


@kernel
def fire_weights(address, change, firings, rate, volume, difference, scarcer, value, both, scratch):
    """Let weights fire, and their rails annihilate. Returns the number of firings, or -1 if a weight is not finite or
    has more than `MOST` molecules.

    Parameters
    ----------
    address : of the state of an SFC64 generator. change : float32[n], expected change of each weight [molecules].
    firings : float32[n], expected firings. rate : rate of annihilation [1/molecule], times the time that it takes.
    volume : Omega. difference, scarcer, value, both : int32[n], int32[n], float32[n], float32[n], see
    `simulation.batches.weights`; changed. scratch : float32[SCRATCH, WIDTH].
    """
    fired, share = 0.0, np.float32(1.0 / volume)
    plus, minus, bits = scratch[0], scratch[1], scratch[2].view(np.uint32)
    means_of_plus, means_of_minus = scratch[3], scratch[4]
    for start in range(0, change.size, WIDTH):
        end = min(start + WIDTH, change.size)
        n = end - start
        expected = _means_of(change[start:end], firings[start:end], means_of_plus[:n], means_of_minus[:n])
        if not expected < _MOST:
            return -1.0
        fill_words(address, scratch[2].view(np.uint64))
        poisson_block(bits[:n], means_of_plus[:n], plus[:n], scratch[5:])
        fill_words(address, scratch[2].view(np.uint64))
        poisson_block(bits[:n], means_of_minus[:n], minus[:n], scratch[5:])
        fill_words(address, scratch[2].view(np.uint64))
        d, c = difference[start:end], scarcer[start:end]
        fired += _sum_of(plus[:n], minus[:n])
        _annihilated(plus[:n], minus[:n], d, c, bits[:n], np.float32(rate))
        largest = _concentrations(d, c, value[start:end], both[start:end], share)
        if not largest * np.float32(volume) < np.float32(MOST):
            return -1.0
    return fired
