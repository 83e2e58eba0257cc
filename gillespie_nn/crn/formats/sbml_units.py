"""Units of substance of an SBML model: how many molecules one is. The one place where moles become molecules.

An amount times the factor of its species is a number of molecules, and the rate of a reaction times that of extents is
a propensity. Units of time and size are not converted.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ... import checks
from ...checks import COUNT_LIMIT, InputError
from ..amounts import listed
from ..symbols import BUILT_IN

AVOGADRO: float = BUILT_IN["avogadro"].value  # type: ignore[assignment]
"""Molecules in a mole, as SBML has it."""
ITEM, MOLE = SUBSTANCES = "item", "mole"
"""Readings of amounts: all are molecules, whatever the model says; those without a declared unit are moles."""
_BASE = {"": 1.0, "item": 1.0, "dimensionless": 1.0, "mole": AVOGADRO, "avogadro": AVOGADRO}
_BUILT_IN = "substance"
"""The name of the unit of substance in levels 1 and 2, a mole unless the model defines it."""
_AS_WRITTEN = "are already numbers of molecules, read the model with substance='item' (--substance item)"


class Substances(NamedTuple):
    """Molecules in one unit of the amounts of each species, by identifier, and of extents."""

    of_species: Mapping[str, float]
    extent: float = 1.0
    reading: str | None = None
    """One of `SUBSTANCES`, if it was asked for or had to be guessed: values of parameters shall not change it."""


def substances(
    model: Any, species: Mapping[str, Any], amounts: Callable[[], Collection[float]], reading: str | None = None
) -> Substances:
    """The units of a libsbml model, with a warning where amounts are converted, or had to be guessed.

    `species` are libsbml's by identifier; `amounts()` are the initial amounts as they are written, which decide where
    level 2 says mole only because nothing is declared: moles, if that gives numbers of molecules that can be. `reading`
    (one of `SUBSTANCES`) decides in place of the model. Raises InputError for another.
    """
    if reading is not None:
        checks.choice("substance", reading, SUBSTANCES)
    alone = Substances(dict.fromkeys(species, 1.0), reading=reading)
    asked = reading
    if asked == ITEM:
        return alone
    three = model.getLevel() > 2
    general = model.getSubstanceUnits() if three else _BUILT_IN
    names = {s: item.getSubstanceUnits() or general for s, item in species.items()}
    extent = model.getExtentUnits() or general if three else _BUILT_IN
    undeclared = {name for name in (*names.values(), extent) if _is_undeclared(model, name)}
    factors: dict[str, float] = {}
    unknown = []
    for name in sorted({*names.values(), extent} - undeclared):
        factor = _molecules(model, name)
        if factor is None:
            unknown.append(name)
        else:
            factors[name] = factor
    if unknown:
        checks.warn(
            f"the model's unit of substance {listed(unknown)} is not a number of molecules: amounts and rates are "
            "read as molecules, without conversion"
        )
        return alone
    default, declared = 1.0, set(factors.values())
    if undeclared and len(declared) == 1 and (asked == MOLE or not three or extent not in undeclared):
        (default,) = declared
    elif undeclared and asked == MOLE:
        default = AVOGADRO
    elif undeclared and not three:
        default = _guessed(amounts())
        if not declared:
            reading = ITEM if default == 1.0 else MOLE
    elif extent in undeclared and declared - {1.0}:
        # What a reaction turns over is then not known, and only amounts could be converted.
        checks.warn(
            "amounts have units of substance, but extents of reactions have none: both are read as molecules, without "
            "conversion; declare extentUnits in the model, or read it with substance='mole' (--substance mole)"
        )
        return alone
    factors |= dict.fromkeys(undeclared, default)
    found = Substances({s: factors[name] for s, name in names.items()}, factors[extent], reading)
    converted = sorted({name for name in {*names.values(), extent} - undeclared if factors[name] != 1.0})
    if converted or (undeclared and asked == MOLE):
        units = [
            f"{name or 'mole'}{', of moles' if _of_moles(model, name) else ''} ({factors[name]:.6g} molecules)"
            for name in converted or sorted(undeclared)
        ]
        checks.warn(
            f"the model's substance units are {listed(units)}: amounts and the rates of reactions were converted to "
            f"molecules; if they {_AS_WRITTEN}"
        )
    return found


def _is_undeclared(model: Any, name: str) -> bool:
    return name == "" or (name == _BUILT_IN and model.getUnitDefinition(name) is None)


def _guessed(amounts: Collection[float]) -> float:
    """Molecules in an amount of 1 of a model of level 2 that declares no unit, and a warning that says so."""
    largest = max(amounts, default=0.0)
    said = "the model declares no unit of substance, which means mole in SBML level 2: its amounts were read as "
    if 0 < largest * AVOGADRO <= COUNT_LIMIT:
        checks.warn(f"{said}moles, at most {largest * AVOGADRO:.6g} molecules, and converted; if they {_AS_WRITTEN}")
        return AVOGADRO
    why = f", because {largest:g} moles would be {largest * AVOGADRO:.2g}" if largest else ""
    checks.warn(f"{said}molecules{why}; to read them as moles, use substance='mole' (--substance mole)")
    return 1.0


def _of_moles(model: Any, name: str) -> bool:
    definition = model.getUnitDefinition(name) if name else None
    units = [] if definition is None else definition.getListOfUnits()
    return any(unit.isMole() or unit.isAvogadro() for unit in units)


def _molecules(model: Any, name: str) -> float | None:
    """How many molecules a unit is; None for one that is no number of them, as a mass."""
    definition = model.getUnitDefinition(name) if name else None
    if definition is None:
        return _BASE.get(name)
    found = 1.0
    for unit in definition.getListOfUnits():
        amount = unit.isMole() or unit.isAvogadro()
        if not (amount or unit.isItem() or unit.isDimensionless()):
            return None
        base = AVOGADRO if amount else 1.0
        try:
            found *= (unit.getMultiplier() * 10.0 ** unit.getScale() * base) ** unit.getExponentAsDouble()
        except ArithmeticError:
            raise InputError(f"the unit {name} exceeds the range of float64: give it a smaller scale") from None
    return checks.positive(f"the unit {name}, in molecules,", found)
