"""Random streams: a function of (seed, purpose, parameter set, replicate), independent of threads and order."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np

from . import checks

_free: list[np.random.Generator] = []
"""Generators that `lent_generator` can lend."""


class Purpose(IntEnum):
    """What a stream is for. Numbers are part of the results: never reuse or renumber one."""

    SIMULATION = 0
    INITIAL_WEIGHTS = 1
    PRESENTATION_ORDER = 2
    SPLIT = 3
    PREDICTION = 4
    VALIDATION = 6
    FIXED_WEIGHTS = 7
    SHIFTS = 8
    TRAJECTORIES = 9
    RATE_NOISE = 20
    CONCENTRATION_NOISE = 21
    RATE_NOISE_OF_PREDICTION = 22
    CONCENTRATION_NOISE_OF_PREDICTION = 23
    ADDITIVE_NOISE = 24
    ADDITIVE_NOISE_OF_PREDICTION = 25
    RESAMPLING = 30
    LINEAR_NOISE = 31
    COUNTS_AND_LIMIT = 32
    ROUNDING = 33
    SWEEP = 40
    BATCHES = 51
    BATCHES_OF_PREDICTION = 52


def resolve_seed(seed: int | None = None) -> int:
    """The checked `seed`; if it is None, one from the operating system (below 2**53, which JSON represents exactly)."""
    if seed is None:
        return secrets.randbits(53)
    return checks.whole("seed", seed, least=0, most=2**63 - 1)


def stream(
    seed: int, purpose: int, parameter_set: int = 0, replicate: int = 0, piece: int | None = None
) -> np.random.Generator:
    """The generator (SFC64) of one stream, or of one `piece` of it; independent of all other streams."""
    # Keys of different length give independent streams, so a piece never repeats the stream of the whole.
    key = (int(purpose), int(parameter_set), int(replicate), *(() if piece is None else (int(piece),)))
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


def row_seed(seed: int, row: int) -> int:
    """The seed of the ensemble in a row of a sweep (below 2**53, which JSON represents exactly)."""
    words = np.random.SeedSequence(seed, spawn_key=(int(Purpose.SWEEP), int(row))).generate_state(1, np.uint64)
    # The upper 53 of 64 bits.
    return int(words[0] >> np.uint64(11))


@contextmanager
def lent_generator() -> Iterator[np.random.Generator]:
    """A context manager that lends a generator (SFC64) to a kernel, in an arbitrary state.

    Kernels are compiled without reference counting and never release a generator: a new one for each ensemble would
    leak memory.
    """
    # Not `if _free`: another thread may take the last one in between.
    try:
        rng = _free.pop()
    except IndexError:
        rng = np.random.Generator(np.random.SFC64())
    try:
        yield rng
    finally:
        _free.append(rng)
