"""The random stream of a replicate, seeded inside a kernel: the same as `gillespie_nn.seeds.stream` gives.

A stream is a function of (seed, purpose, parameter set, replicate). numpy's `SeedSequence` hashes these words into a
pool and stretches the pool into the state of the generator; in Python that takes 20 microseconds, as long as a thousand
reactions. Here the same words are hashed in some 40 nanoseconds and written where the generator keeps its state.

`SeedSequence` is the seeding algorithm of M. E. O'Neill (2015), whose constants these are; SFC64 is the generator of
C. Doty-Humphrey (2010). Both are fixed by numpy's policy on streams; `tests/kernels/test_streams.py` compares with
numpy.
"""

import numpy as np

from .generator import words_at
from .linked import kernel

_POOL = 4
_WORDS = 12
"""Of the seed, padded to the pool, at most 4; of purpose, parameter set and replicate at most 2 each."""
SCRATCH = _POOL + _WORDS
"""Words of scratch, uint32, that `seed_stream` needs: the pool, then the words."""
_INITIAL_A, _FACTOR_A = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_INITIAL_B, _FACTOR_B = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HALF = np.uint32(16)
_LOW = np.uint64(0xFFFFFFFF)
_UP = np.uint64(32)
_STATE = 6
"""Words that SFC64 is started with, uint32."""
_ROUNDS = 12
"""Steps of SFC64 that are thrown away after seeding."""


@kernel
def _append(scratch, n, number):
    """Write the 32-bit words of a whole number from place n on, the lowest first: one for a number below 2**32, 0
    among them, else two. Returns the next place."""
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
    # The seed is padded to the length of the pool, as SeedSequence does where there is a key: no seed runs into a key.
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
    # The pool, read round and round, is hashed once more into the words that the generator is started with.
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
