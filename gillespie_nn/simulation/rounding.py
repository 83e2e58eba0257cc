"""Initial amounts for methods that count: whole numbers of molecules, and what is said where they were others."""

from collections.abc import Sequence

import numpy as np

from .. import checks, seeds
from ..checks import InputError
from ..crn.amounts import RANDOM, fractions_refused, listed, refuse_overflow
from ..seeds import Purpose

_SMALL = 0.01
"""The largest relative change that is made, and said, without being asked for."""


def announce(species: Sequence[str], amounts: np.ndarray, how: str | None) -> None:
    """Warn of what `started` does to `amounts` float64[species].

    Unless asked for by `how`, no amount may change by more than 1 %: InputError says what can be asked for.
    """
    changed = np.flatnonzero(amounts != np.rint(amounts))
    nearest = np.rint(amounts)
    relative = np.abs(nearest - amounts)[changed] / amounts[changed]
    order = changed[np.argsort(-relative, kind="stable")]
    if how is None and (relative > _SMALL).any():
        raise InputError(fractions_refused(species, amounts, " (changes of at most 1 % are rounded automatically)"))
    refuse_overflow(species, np.ceil(amounts))
    if not len(changed):
        return
    if how == RANDOM:
        shown = [
            f"{species[s]} = {amounts[s]:.6g} to {np.floor(amounts[s]):.0f} or {np.ceil(amounts[s]):.0f}" for s in order
        ]
        text = "up with the probability of the fraction, anew in each replicate"
    else:
        shown = [f"{species[s]} = {amounts[s]:.6g} to {nearest[s]:.0f}" for s in order]
        text = "to the nearest whole number"
    checks.warn(f"initial amounts were rounded {text}: {listed(shown)}")


def started(amounts: np.ndarray, how: str | None, seed: int, replicate: int) -> np.ndarray:
    """The initial counts int64[species] of a replicate; each species draws, so that none depends on the others."""
    if how == RANDOM:
        draws = seeds.stream(seed, Purpose.ROUNDING, 0, replicate).random(len(amounts))
        below = np.floor(amounts)
        return (below + (draws < amounts - below)).astype(np.int64)
    return np.rint(amounts).astype(np.int64)
