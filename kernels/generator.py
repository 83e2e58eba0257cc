"""Random draws inside a kernel: the numbers that numpy's generator would give, without a call for each.

Numba calls numpy's generator through a pointer for every draw, which the processor cannot look through: with that, an
event of a small network took half as long again. Here the words of the SFC64 generator are read and written where
numpy keeps them, and turned into numbers as numpy does, so that a stream gives the same numbers, bit for bit;
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

from .linked import kernel, within

_LAYERS = 256
_TAIL = 7.69711747013104972
"""Where the tail of the density begins."""


def _layers():
    """Tables of the layers: widths float64[256], in units of 2**-53; the part of each, uint64[256] in the same units,
    that lies wholly under the density; and the density float64[256] at their right ends."""
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
        "numba has moved its tables of the ziggurat: exponentials differ from those of numpy in the last digits, so a "
        "seed gives other trajectories than with another version of numba",
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
        """The uint64 words that begin at a memory address, of an SFC64 generator: its state."""

        def generate(target, builder, signature, arguments):
            return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

        return types.CPointer(types.uint64)(address), generate


@within
def next_word(words):
    """64 random bits."""
    a, b, c, counter = np.uint64(words[0]), np.uint64(words[1]), np.uint64(words[2]), np.uint64(words[3])
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
    word = next_word(words) >> np.uint64(3)
    layer = word & np.uint64(255)
    place = word >> np.uint64(8)  # 53 bits: uniform over the width of the layer
    x = np.float64(place) * _WIDTH[layer]
    if place < _WITHIN[layer]:
        return x
    return _beyond(words, layer, x)


@kernel
def _beyond(words, layer, x):
    """An exponential, whose first draw fell at x, into the part of its layer that the density leaves: one in 50."""
    while True:
        if layer == np.uint64(0):
            return _TAIL - np.log1p(-uniform(words))
        above = _DENSITY[layer - np.uint64(1)] - _DENSITY[layer]
        if above * uniform(words) + _DENSITY[layer] < np.exp(-x):
            return x
        word = next_word(words) >> np.uint64(3)
        layer = word & np.uint64(255)
        place = word >> np.uint64(8)
        x = np.float64(place) * _WIDTH[layer]
        if place < _WITHIN[layer]:
            return x
