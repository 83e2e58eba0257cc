"""Amounts that are to be whole numbers of molecules."""

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from .. import checks, data
from ..checks import COUNT_LIMIT, InputError
from .event import Event
from .expressions import Expression
from .reaction import Reaction

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


# What a model is made of: what readers return and a network is made from.

_NONE: Mapping = MappingProxyType({})


class Parts(NamedTuple):
    """What a `ReactionNetwork` is made of, not yet checked against one another, and where it is from."""

    species: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    initial: Mapping[str, float] = _NONE
    volume: float | None = None
    parameters: Mapping[str, float] = _NONE
    rules: Mapping[str, Expression] = _NONE
    events: tuple[Event, ...] = ()
    origin: str = ""
    """What it was read from, for messages; nothing for a text of our own."""
    text: str = ""
    """The model as it is written, if numbers above were worked out from parameters in it: to be read again."""
    settable: Collection[str] = ()
    """The names that overrides of parameters may have there."""
    language: str = ""
    """The name of the format of `text`, if it is another than the one that was read."""
    substance: str | None = None
    """How its amounts are to be read then, see `formats.sbml_units`."""
    rate_rules: Mapping[str, Expression] = _NONE
    only_ode: str = ""
    """Why only `ode` can simulate it; empty if every method can."""
    constants: Mapping[str, float] = _NONE
    """Values of what the source names and nothing changes, also where it is but a number in rates."""


class Source(NamedTuple):
    """What a network was read from, so that it can be read again with other values of parameters."""

    format: str
    text: str
    settable: frozenset[str]
    parameters: Mapping[str, float]
    """Overrides that it was read with."""
    substance: str | None = None
    """How its amounts are read, see `formats.sbml_units`."""
    constants: Mapping[str, float] = {}
    """`Parts.constants`."""


# The models that come with the package, by name: the files `data/models/*.txt`.

_ENDING = ".txt"


def models() -> dict[str, str]:
    """Names of the packaged models, each with a one-line description.

    `ReactionNetwork.from_file(name)` reads one, and so does every command that takes a model file. Sources and
    licences are listed in data/README.md.
    """
    return {name: _text(path).partition("\n")[0].removeprefix("# ") for name, path in _paths().items()}


def packaged_text(name: str) -> str:
    """The text of the packaged model `name`. Raises InputError for an unknown name."""
    return _text(_paths()[checks.choice("packaged model", name, _paths(), "known are")])


def model_path(source: object) -> Path:
    """The path of a model file, or of the packaged model of that name where there is no such file.

    Raises InputError if there is neither.
    """
    name = source if isinstance(source, str) else ""
    paths = _paths()
    if name in paths and not os.path.isfile(name):
        return paths[name]
    if name and not os.path.lexists(name) and not (set(name) & {".", "/", os.sep, "\0"}):
        raise InputError(
            f"no such model file: {checks.shortened_text(name)}{checks.meant(name, list(paths))}; "
            f"packaged models are {', '.join(paths)}"
        )
    return checks.existing_file("model file", source, f"expected the path of a model file, got {source!r}")


@cache
def _paths() -> dict[str, Path]:
    # Folders of a package without __file__, as in a zip archive, are not supported by numba's cache either.
    return {path.stem: path for path in sorted(Path(data.__file__).with_name("models").glob(f"*{_ENDING}"))}


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
