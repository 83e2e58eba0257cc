"""Random numbers inside kernels: the same as those of numpy's generator, without a call for each; seeding of streams;
and Poisson and binomial numbers.

Numba calls numpy's generator through a pointer for every draw, which the compiler cannot inline: with that, an event of
a small network took half as long again. Here the words of the SFC64 generator are read and written where numpy stores
them, and turned into numbers as numpy does. So a stream gives the same numbers, bit for bit;
`tests/kernels/test_streams.py` compares them.

SFC64 is the generator of C. Doty-Humphrey (2010). Exponentials are drawn by the ziggurat method of G. Marsaglia and
W. W. Tsang, J. Stat. Softw. 5 (2000) no. 8, doi:10.18637/jss.v005.i08: the area under the density is cut into 256
layers of the same area; almost every draw falls into the part of its layer that lies wholly under the density.
"""

import ctypes
import math
import warnings

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from .jit import inlined
from .linked import kernel, within

_LAYERS = 256
_TAIL = 7.69711747013104972
"""Start of the tail of the density."""


def _layers():
    """Tables of the layers.

    Returns their widths float64[256], in units of 2**-53; the part of each that lies wholly under the density,
    uint64[256], in the same units; and the density at their right ends, float64[256].
    """
    density = np.exp(-_TAIL)
    area = (_TAIL + 1.0) * density
    right = np.empty(_LAYERS)
    right[-1] = _TAIL
    for k in range(_LAYERS - 2, 0, -1):
        right[k] = -math.log(area / right[k + 1] + math.exp(-right[k + 1]))
    width = np.append(area / density, right[1:])
    within_density = np.append(_TAIL / width[0], np.append(0.0, right[1:-1]) / right[1:])
    return (
        width * 2.0**-53,
        (within_density * 2.0**53).astype(np.uint64),
        np.append(1.0, np.exp(-right[1:])),
    )


try:  # numba has numpy's tables, whose last digits are not those of the formula in float64
    from numba.np.random._constants import fe_double, ke_double, we_double

    _WIDTH, _WITHIN, _DENSITY = np.array(we_double), np.array(ke_double), np.array(fe_double)
except ImportError:
    warnings.warn(
        "this version of numba has no ziggurat tables where they are expected, so exponentials differ from those of "
        "numpy in the last digits and a seed gives other trajectories: use another version of numba to reproduce them",
        stacklevel=2,
    )
    _WIDTH, _WITHIN, _DENSITY = _layers()

_UNIT = 2.0**-53

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]

    def words_at(address):
        return (ctypes.c_uint64 * 5).from_address(int(address))

else:

    @intrinsic
    def words_at(context, address):
        """The state of an SFC64 generator: the uint64 words that begin at a memory address."""

        def generate(target, builder, signature, arguments):
            return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

        return types.CPointer(types.uint64)(address), generate


@within
def next_word(words):
    """64 random bits."""
    a, b, c, counter = np.uint64(words[0]), np.uint64(words[1]), np.uint64(words[2]), np.uint64(words[3])
    # One step of SFC64: three words are mixed, and a counter guarantees a period of at least 2**64.
    out = a + b + counter
    words[0] = b ^ (b >> np.uint64(11))
    words[1] = c + (c << np.uint64(3))
    words[2] = ((c << np.uint64(24)) | (c >> np.uint64(40))) + out
    words[3] = counter + np.uint64(1)
    return out


@within
def uniform(words):
    """A number uniform on [0, 1), a multiple of 2**-53."""
    return np.float64(next_word(words) >> np.uint64(11)) * _UNIT


@within
def exponential(words):
    """A number with density exp(-x)."""
    # As in numpy, 3 bits are discarded, 8 choose the layer, and 53 the place in it.
    word = next_word(words) >> np.uint64(3)
    layer = word & np.uint64(255)
    place = word >> np.uint64(8)  # 53 bits: uniform over the width of the layer
    x = np.float64(place) * _WIDTH[layer]
    if place < _WITHIN[layer]:
        return x
    return _beyond(words, layer, x)


@kernel
def _beyond(words, layer, x):
    """An exponential whose first draw x fell into the part of its layer not wholly under the density: one in 50."""
    while True:
        # Layer 0 holds the tail, where the excess over its start is again exponential.
        if layer == np.uint64(0):
            return _TAIL - np.log1p(-uniform(words))
        # A point uniform over the height of the layer is accepted if it lies under the density.
        above = _DENSITY[layer - np.uint64(1)] - _DENSITY[layer]
        if above * uniform(words) + _DENSITY[layer] < np.exp(-x):
            return x
        word = next_word(words) >> np.uint64(3)
        layer = word & np.uint64(255)
        place = word >> np.uint64(8)
        x = np.float64(place) * _WIDTH[layer]
        if place < _WITHIN[layer]:
            return x


# The random stream of a replicate, seeded inside a kernel: the same stream as from `gillespie_nn.seeds.stream`.
#
# A stream is a function of (seed, purpose, parameter set, replicate). numpy's `SeedSequence` hashes these words into a
# pool and expands the pool into the state of the generator; in Python that takes 20 microseconds, as long as a thousand
# reactions. Here the same words are hashed in about 40 nanoseconds and written to the state of the generator.
#
# `SeedSequence` is the seeding algorithm of M. E. O'Neill (2015), whose constants these are; SFC64 is the generator of
# C. Doty-Humphrey (2010). Both are fixed by numpy's policy on streams; `tests/kernels/test_streams.py` compares with
# numpy.

_POOL = 4
_WORDS = 12
"""At most 4 words of the seed, padded to the pool; at most 2 each of purpose, parameter set and replicate."""
SCRATCH = _POOL + _WORDS
"""Size of the scratch of `seed_stream`, in uint32: the pool, then the words."""
_INITIAL_A, _FACTOR_A = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_INITIAL_B, _FACTOR_B = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HALF = np.uint32(16)
_LOW = np.uint64(0xFFFFFFFF)
_UP = np.uint64(32)
_STATE = 6
"""Words that SFC64 starts from, in uint32."""
_ROUNDS = 12
"""Steps of SFC64 that are discarded after seeding."""


@kernel
def _append(scratch, n, number):
    """Write the 32-bit words of a whole number from place n on, the lowest first. Returns the next place.

    A number below 2**32, including 0, has one word; a larger one has two.
    """
    scratch[n] = np.uint32(number & _LOW)
    if number >> _UP == np.uint64(0):
        return n + 1
    scratch[n + 1] = np.uint32(number >> _UP)
    return n + 2


@kernel
def seed_stream(address, seed, purpose, parameter_set, replicate, scratch):
    """Set the SFC64 generator whose state is at `address` to the start of a stream.

    All numbers are uint64 below 2**63; `scratch` is uint32[SCRATCH].
    """
    for k in range(SCRATCH):
        scratch[k] = np.uint32(0)
    _append(scratch, _POOL, seed)
    # The seed is padded to the length of the pool, as SeedSequence does with a key, so that seed and key cannot mix.
    n = _append(scratch, 2 * _POOL, purpose)
    n = _append(scratch, n, parameter_set)
    n = _append(scratch, n, replicate)
    # `constant` runs through one sequence from the first word to the last, so that equal words hash differently.
    # Round 0 fills the pool with the seed. Rounds 1 to 4 mix each word of the pool into the three others; the later
    # ones mix one word of the key each into all four.
    constant = _INITIAL_A
    for i in range(_POOL):
        word = np.uint32(scratch[_POOL + i] ^ constant)
        constant = np.uint32(constant * _FACTOR_A)
        word = np.uint32(word * constant)
        scratch[i] = np.uint32(word ^ (word >> _HALF))
    for k in range(n - _POOL):
        source = k if k < _POOL else k + _POOL
        for j in range(_POOL):
            if j == k:
                continue
            word = np.uint32(scratch[source] ^ constant)
            constant = np.uint32(constant * _FACTOR_A)
            word = np.uint32(word * constant)
            word = np.uint32(word ^ (word >> _HALF))
            word = np.uint32(_LEFT * scratch[j] - _RIGHT * word)
            scratch[j] = np.uint32(word ^ (word >> _HALF))
    # The pool, read cyclically, is hashed once more into the words that the generator starts from.
    constant = _INITIAL_B
    for i in range(_STATE):
        word = np.uint32(scratch[i % _POOL] ^ constant)
        constant = np.uint32(constant * _FACTOR_B)
        word = np.uint32(word * constant)
        scratch[_POOL + i] = np.uint32(word ^ (word >> _HALF))
    a = np.uint64(scratch[_POOL]) | np.uint64(scratch[_POOL + 1]) << _UP
    b = np.uint64(scratch[_POOL + 2]) | np.uint64(scratch[_POOL + 3]) << _UP
    c = np.uint64(scratch[_POOL + 4]) | np.uint64(scratch[_POOL + 5]) << _UP
    counter = np.uint64(1)
    for _ in range(_ROUNDS):
        out = a + b + counter
        counter += np.uint64(1)
        a = b ^ (b >> np.uint64(11))
        b = c + (c << np.uint64(3))
        c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + out
    # The state of SFC64: three words, a counter, and no half of a word left over.
    state = words_at(address)
    state[0] = a
    state[1] = b
    state[2] = c
    state[3] = counter
    state[4] = np.uint64(0)


# Draws without a simulation: a lower bound of the cost of an event, and what tests compare with numpy.


@kernel
def draw_pairs(address, n):
    """Draw n exponentials and n uniforms in one loop from the SFC64 generator whose state is at `address` (uint64);
    returns their sum, so that none can be left out."""
    words = words_at(address)
    total = 0.0
    for _ in range(n):
        total += uniform(words) + exponential(words)
    return total


@kernel
def draw_exponentials(address, out):
    """Fill `out` float64[n] with exponentials; see `draw_pairs`."""
    words = words_at(address)
    for k in range(out.size):
        out[k] = exponential(words)


@kernel
def draw_uniforms(address, out):
    """Fill `out` float64[n] with uniforms; see `draw_pairs`."""
    words = words_at(address)
    for k in range(out.size):
        out[k] = uniform(words)


# Draws of Poisson and binomial numbers of any size.
#
# Small means: inversion, which adds probabilities until they exceed a uniform. Large means: the idea of Ahrens and
# Dieter (ACM Transactions on Mathematical Software 8:163, 1982, algorithm PD), for the binomial law too. A normal
# number of the same variance s^2 is rounded down to k. Centred at c, the mean plus the success probability (0 for
# Poisson), the logarithm of law over normal cell is (1 - 2p) (k - c)^3 / (6 s^4) and terms of order s^-2, without a
# linear one; hence nearly every k is accepted by a bound on its cube. The others are accepted with the exact ratio, or
# else replaced by a draw from where the law exceeds the normal cell, by rejection from a Laplace density.
# `tests/kernels/test_counting.py` holds the two bounds against the laws.
#
# Uniforms have 53 bits: probabilities below 1e-16 are not resolved.

MANY = 8.0
"""Least variance (for Poisson numbers, the mean) of the second method; both bounds hold from 7 on."""
LARGEST_MEAN = 2.0**53
"""Largest Poisson mean; a larger one is replaced by it, since float64 does not hold every whole number above."""
BINOMIAL_SLACK = 0.03
"""Part of the bound for binomial numbers that covers the terms of order s^-2."""
LAPLACE_CENTRE, LAPLACE_HEIGHT = 1.8, 0.108
"""The law minus the normal cell is below LAPLACE_HEIGHT / s^2 exp(-|t - LAPLACE_CENTRE|), t = (k - c) / s."""
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_SMALLEST = 1e-18  # a tail that adds nothing to a sum of probabilities near 1


@kernel
def draw_poisson(rng, mean):
    """Poisson number with this mean; 0 for a mean that is 0, negative or NaN."""
    if not mean > 0.0:
        return 0
    if mean < MANY:
        u = rng.random()
        return 0 if u >= mean else _few_poisson(mean, u)  # exp(-mean) >= 1 - mean
    mean = min(mean, LARGEST_MEAN)
    k = np.floor(mean + math.sqrt(mean) * rng.standard_normal())
    below = mean - k
    if below <= 0.0:
        return int(k)  # from the mean on the law is not below the normal cell: always accepted
    u = rng.random()
    if below * below * below <= 6.0 * mean * mean * u:
        return int(k)
    return _corrected(rng, k, u, mean, mean, -1.0, 0.0)


@kernel
def draw_poissons(rng, numbers):
    """Replace each mean in `numbers` float64[...] by a Poisson number with this mean; as `draw_poisson`, but faster.

    A normal number is tested with probability q. Not a uniform for each decides this, but the points of a Poisson
    process of rate 1 along the sum of hazards q + q^2 >= -log(1 - q), thinned: one test in a hundred numbers.
    """
    until = rng.standard_exponential()
    for i in range(numbers.size):
        mean = numbers[i]
        if not mean >= MANY:
            numbers[i] = draw_poisson(rng, mean)
            continue
        mean = min(mean, LARGEST_MEAN)
        k = np.floor(mean + math.sqrt(mean) * rng.standard_normal())
        numbers[i] = k
        below = max(mean - k, 0.0)
        q = below * below * below / (6.0 * mean * mean)
        if q > 0.5:  # beyond, the hazard is no longer a bound
            u = rng.random()
            if u < q:
                numbers[i] = _corrected(rng, k, u, mean, mean, -1.0, 0.0)
            continue
        hazard = q + q * q
        until -= hazard
        if until < 0.0:
            until = rng.standard_exponential()
            u = rng.random() * -math.expm1(-hazard)
            if u < q:
                numbers[i] = _corrected(rng, k, u, mean, mean, -1.0, 0.0)


@kernel
def draw_binomial(rng, n, p):
    """Binomial number of n trials with success probability p, clipped to [0, 1]; n < 0 and p = NaN count as 0."""
    n = int(n)
    if n <= 0 or not p > 0.0:
        return 0
    if p >= 1.0:
        return n
    if p > 0.5:  # count failures, which are rarer
        return n - _draw_rarer(rng, n, 1.0 - p)
    return _draw_rarer(rng, n, p)


@kernel
def _draw_rarer(rng, n, p):
    """Binomial number, for p <= 1/2."""
    mean = n * p
    variance = mean * (1.0 - p)
    if variance < MANY:
        u = rng.random()
        return 0 if u >= mean else _few_binomial(n, p, u)  # (1 - p)^n >= 1 - np
    k = np.floor(mean + p + math.sqrt(variance) * rng.standard_normal())
    u = rng.random()
    away = abs(k - mean - p)
    if away * away * away <= 6.0 * variance * (variance * u - BINOMIAL_SLACK):
        return int(k)
    return _corrected(rng, k, u, mean + p, variance, float(n), p)


@inlined
def _few_poisson(mean, u):
    """The number whose share of (0, 1] holds 1 - u."""
    rest = 1.0 - u
    probability = math.exp(-mean)
    k = 0
    # Also ends where terms are too small to change the sum, which rounding may leave below 1.
    while rest > probability > _SMALLEST:
        rest -= probability
        k += 1
        probability *= mean / k
    return k


@inlined
def _few_binomial(n, p, u):
    """The number whose share of (0, 1] holds 1 - u."""
    if n == 1:
        return 1  # u < p
    rest = 1.0 - u
    trials, odds = float(n), p / (1.0 - p)
    probability = _power(1.0 - p, n) if n <= 16 else math.exp(n * math.log1p(-p))
    k = 0
    while rest > probability > _SMALLEST and k < n:
        rest -= probability
        k += 1
        probability *= (trials - k + 1.0) * odds / k
    return k


@inlined
def _power(base, n):
    """base^n by multiplication, for small n faster than by logarithm."""
    product = base
    for _ in range(n - 1):
        product *= base
    return product


@kernel
def _corrected(rng, k, u, centre, variance, n, p):
    """Accept the normal number k by its exact ratio with probability 1 - u, or draw from where the law exceeds it."""
    # Accepted numbers have the density min(law, cell). The difference to the law is law - cell where that is positive.
    # Its sum is the probability of a rejection, so one draw from this difference for each rejection gives the exact
    # law.
    deviation = math.sqrt(variance)
    if _law(k, centre, n, p) >= (1.0 - u) * _normal_cell(k, centre, deviation):
        return int(k)
    while True:
        # From the Laplace density around LAPLACE_CENTRE. The sign of u chooses the side; |u| is uniform and independent
        # of the sign, and decides on acceptance.
        e = rng.standard_exponential()
        u = 2.0 * rng.random() - 1.0
        k = np.floor(centre + deviation * (LAPLACE_CENTRE + math.copysign(e, u)))
        excess = _law(k, centre, n, p) - _normal_cell(k, centre, deviation)
        if excess * variance > LAPLACE_HEIGHT * abs(u) * math.exp(-e):
            return int(k)


@kernel
def _law(k, centre, n, p):
    """Probability of k: of n trials, or Poisson with mean `centre` where n is negative."""
    if k < 0.0:
        return 0.0
    if n < 0.0:
        return math.exp(_log_poisson(k, centre))
    if k > n:
        return 0.0
    # Two Poisson numbers with means np and n(1 - p), given that they add up to n.
    return math.exp(_log_poisson(k, n * p) + _log_poisson(n - k, n * (1.0 - p)) - _log_poisson(n, n))


@kernel
def _log_poisson(k, mean):
    if k < 1.0:
        return -mean
    below = mean - k
    return k * math.log1p(below / k) - below - 0.5 * math.log(k) - _HALF_LOG_TWO_PI - _stirling(k)


@inlined
def _stirling(k):
    """log k! less Stirling's formula; the series is good to rounding from 16 on."""
    if k >= 16.0:
        y = 1.0 / (k * k)
        return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / k
    factorial = 1.0
    i = 2.0
    while i <= k:
        factorial *= i
        i += 1.0
    return math.log(factorial) - (k + 0.5) * math.log(k) + k - _HALF_LOG_TWO_PI


@kernel
def _normal_cell(k, centre, deviation):
    """Probability of [k, k + 1) under the normal law: Taylor's series of its density about the middle, integrated.

    Its terms are h^(2j) / (2j + 1)! times Hermite polynomials, with h half the width of a cell in deviations.
    """
    x = (k + 0.5 - centre) / deviation
    y = x * x
    h = 0.25 / (deviation * deviation)
    series = y * (y * (y - 15.0) + 45.0) - 15.0
    series = (y * (y - 6.0) + 3.0) / 120.0 + h / 5040.0 * series
    series = 1.0 + h * ((y - 1.0) / 6.0 + h * series)
    return math.exp(-0.5 * y - _HALF_LOG_TWO_PI) * series / deviation
