"""Amounts that are to be whole numbers of molecules."""

from collections.abc import Sequence

import numpy as np

from ..checks import COUNT_LIMIT, InputError

NEAREST, RANDOM = ROUNDINGS = "nearest", "random"
"""How amounts become whole: the nearest whole number, of two the even one; or up with the probability of the
fraction."""
_SHOWN = 5
_FEW_MOLES = 1e-6
"""Smaller positive amounts are hardly numbers of molecules."""


def whole_counts(species: Sequence[str], amounts: np.ndarray) -> np.ndarray:
    """int64[species] of amounts [molecules], which must be whole and at most 2**53; raises InputError."""
    if np.issubdtype(amounts.dtype, np.integer):
        return amounts
    if (amounts != np.rint(amounts)).any():
        raise InputError(fractions_refused(species, amounts))
    refuse_overflow(species, amounts)
    return amounts.astype(np.int64)


def fractions_refused(species: Sequence[str], amounts: np.ndarray, why: str = "") -> str:
    """What to say where whole numbers are needed; `why` says more of these amounts."""
    shown = listed([f"{species[s]} = {amounts[s]:.12g}" for s in np.flatnonzero(amounts != np.rint(amounts)).tolist()])
    moles = ""
    if (amounts > 0).any() and amounts[amounts > 0].min() < _FEW_MOLES:
        moles = (
            "; an amount this far below 1 molecule is probably in moles: read an SBML or Antimony model with "
            "substance='mole' (--substance mole)"
        )
    return (
        f"the initial state has {shown}, but methods that count need whole numbers of molecules{why}: set "
        "round_initial='nearest' or round_initial='random' (up with the probability of the fraction; --round-initial), "
        "give whole numbers with initial, or use a method in real numbers (ode, langevin, linear_noise)"
        f"{moles}"
    )


def refuse_overflow(species: Sequence[str], amounts: np.ndarray) -> None:
    """Raise InputError for an amount above 2**53."""
    if (amounts > COUNT_LIMIT).any():
        s = int(np.argmax(amounts))
        raise InputError(
            f"initial amount of {species[s]} is {amounts[s]:.17g}, but counts above 2**53 = {COUNT_LIMIT} would "
            "overflow: use a smaller volume or a deterministic method, or, if moles of an SBML model mean molecules, "
            "read it with substance='item'"
        )


def listed(entries: Sequence[str]) -> str:
    """The first of the entries, and how many more there are."""
    more = len(entries) - _SHOWN
    return ", ".join(entries[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
