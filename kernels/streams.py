"""The random stream of a replicate, seeded inside a kernel: the same as `gillespie_nn.seeds.stream` gives.

A stream is a function of (seed, purpose, parameter set, replicate). numpy's `SeedSequence` hashes these words into a pool
and stretches the pool into the state of the generator; in Python that takes 20 microseconds, as long as a thousand
reactions. Here the same words are hashed in some 40 nanoseconds and written where the generator keeps its state.

`SeedSequence` is the seeding algorithm of M. E. O'Neill (2015), whose constants these are; SFC64 is the generator of
C. Doty-Humphrey (2010). Both are fixed by numpy's policy on streams; `tests/test_streams.py` holds them against numpy.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from .linked import kernel

_POOL = 4
_WORDS = 16
SCRATCH = _POOL + _WORDS
"""Words of scratch, uint32, that `seed_stream` needs."""
_INITIAL_A, _FACTOR_A = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_INITIAL_B, _FACTOR_B = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HALF = np.uint32(16)
_LOW = np.uint64(0xFFFFFFFF)
_UP = np.uint64(32)
_ROUNDS = 12
"""Steps of SFC64 that are thrown away after seeding."""


@intrinsic
def _words_at(context, address):
    """The uint64 words that begin at a memory address."""

    def generate(target, builder, signature, arguments):
        return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

    return types.CPointer(types.uint64)(address), generate


@kernel
def _scrambled(word, factor):
    word = np.uint32(word * factor)
    return np.uint32(word ^ (word >> _HALF))


@kernel
def _mixed(a, b):
    word = np.uint32(_LEFT * a - _RIGHT * b)
    return np.uint32(word ^ (word >> _HALF))


@kernel
def _append(words, n, number):
    """Put the 32-bit words of a whole number behind the first n words, the lowest first; returns how many there are."""
    while True:
        words[n] = np.uint32(number & _LOW)
        number = number >> _UP
        n += 1
        if number == 0:
            return n


@kernel
def seed_stream(address, seed, purpose, parameter_set, replicate, scratch):
    """Set the SFC64 generator whose state is at `address` to the start of a stream.

    All numbers are uint64 below 2**63; `scratch` is uint32[SCRATCH].
    """
    pool, words = scratch[:_POOL], scratch[_POOL:]
    words[:] = 0
    _append(words, 0, seed)
    # A key makes the entropy fill the pool first, so that no seed runs into it.
    n = _append(words, _POOL, purpose)
    n = _append(words, n, parameter_set)
    n = _append(words, n, replicate)
    constant = _INITIAL_A
    for i in range(_POOL):
        word = np.uint32(words[i] ^ constant)
        constant = np.uint32(constant * _FACTOR_A)
        pool[i] = _scrambled(word, constant)
    for i in range(_POOL):
        for j in range(_POOL):
            if i != j:
                word = np.uint32(pool[i] ^ constant)
                constant = np.uint32(constant * _FACTOR_A)
                pool[j] = _mixed(pool[j], _scrambled(word, constant))
    for i in range(_POOL, n):
        for j in range(_POOL):
            word = np.uint32(words[i] ^ constant)
            constant = np.uint32(constant * _FACTOR_A)
            pool[j] = _mixed(pool[j], _scrambled(word, constant))
    constant = _INITIAL_B
    for i in range(6):
        word = np.uint32(pool[i % _POOL] ^ constant)
        constant = np.uint32(constant * _FACTOR_B)
        words[i] = _scrambled(word, constant)
    _start_sfc64(
        _words_at(address),
        np.uint64(words[0]) | np.uint64(words[1]) << _UP,
        np.uint64(words[2]) | np.uint64(words[3]) << _UP,
        np.uint64(words[4]) | np.uint64(words[5]) << _UP,
    )


@kernel
def _start_sfc64(state, a, b, c):
    """The state of SFC64: three words, a counter, and no half of a word left over."""
    counter = np.uint64(1)
    for _ in range(_ROUNDS):
        out = a + b + counter
        counter += np.uint64(1)
        a = b ^ (b >> np.uint64(11))
        b = c + (c << np.uint64(3))
        c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + out
    state[0] = a
    state[1] = b
    state[2] = c
    state[3] = counter
    state[4] = np.uint64(0)
