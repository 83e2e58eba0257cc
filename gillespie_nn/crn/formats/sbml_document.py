"""Opening SBML documents, and their units of substance.

Opening SBML documents with libsbml: from text, with the models of `comp` put in their places.

A document from a stranger can only be read: models of other files are used if they lie below the folder of the model,
links followed, and nothing is fetched from a network.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ... import checks
from ...checks import COUNT_LIMIT, InputError
from ..names import BUILT_IN
from ..parts import listed

_ENCODING = re.compile(r"""^(\s*<\?xml\s[^<>?]*?\bencoding\s*=\s*)["'][^"'<>]*["']""")
_MOST_CHARACTERS = 50_000_000
_MOST_DEEP = 50
_MOST_ELEMENTS = 200_000


def opened(text: str) -> Any:
    """The libsbml document of a text; raises InputError for the first error in it."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    # A text is UTF-8 for libsbml, whatever its first line says of the file that it comes from.
    document = sbml.readSBMLFromString(_ENCODING.sub(r'\1"UTF-8"', text, count=1))
    refuse_errors(sbml, document)
    return document


def refuse_errors(sbml: Any, document: Any) -> None:
    """Raise InputError for the first error of a libsbml document."""
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            raise InputError(f"line {error.getLine()}: {' '.join(error.getMessage().split())}")


def flattened(text: str, folder: Path | None = None) -> tuple[Any, str]:
    """The libsbml document of a text, and its text, without the package `comp`: submodels are put in. Their files must
    lie in `folder` or below; without one, there can be none. Raises InputError."""
    document = opened(text)
    if not document.isPackageEnabled("comp"):
        return document, text
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    root = None if folder is None else folder.resolve()
    _Submodels(document, root)
    if root is not None:
        document.setLocationURI(f"file:{root / 'model.xml'}")
    properties = sbml.ConversionProperties()
    for name, value in (("flatten comp", True), ("performValidation", False)):
        properties.addOption(name, value)
    properties.addOption("abortIfUnflattenable", "requiredOnly")
    if document.convert(properties) != sbml.LIBSBML_OPERATION_SUCCESS:
        errors = [document.getError(k) for k in range(document.getNumErrors())]
        serious = [" ".join(e.getMessage().split()) for e in errors if e.getSeverity() >= sbml.LIBSBML_SEV_ERROR]
        raise InputError(
            f"its submodels (SBML package 'comp') cannot be put into one model: {checks.printable(serious[-1])}"
            if serious
            else "its submodels (SBML package 'comp') cannot be put into one model, and libsbml gave no reason"
        )
    return document, sbml.writeSBMLToString(document)


class _Submodels:
    """The models that a document is put together from: their files are in a folder or below it. Raises InputError for
    other files, and for too many submodels.

    Parameters
    ----------
    document : of libsbml.
    root : the folder; None allows no files.
    """

    def __init__(self, document: Any, root: Path | None):
        self._root = root
        self._documents: dict[Path | None, Any] = {None: document}
        self._sizes: dict[tuple[Path | None, str], int] = {}
        self._open_all()
        self._size(None, "", 0)

    def _open_all(self) -> None:
        """Open every file that a document names, used or not: libsbml may, too."""
        n_characters = 0
        waiting: list[Path | None] = [None]
        while waiting:
            current = waiting.pop()
            for external in _listed(self._documents[current], "getListOfExternalModelDefinitions"):
                path = self._path(external.getSource(), current)
                if path in self._documents:
                    continue
                text = checks.read_text(path)
                n_characters += len(text)
                if n_characters > _MOST_CHARACTERS:
                    raise InputError(f"the files of submodels have more than {_MOST_CHARACTERS} characters: use fewer")
                self._documents[path] = opened(text)
                waiting.append(path)

    def _size(self, file: Path | None, name: str, depth: int) -> int:
        """Elements of a model with its submodels: of the model definition `name`, or the model of the document."""
        key = file, name
        if depth > _MOST_DEEP:
            raise InputError(f"submodels are nested more than {_MOST_DEEP} deep, or contain themselves")
        if key not in self._sizes:
            model = self._model(file, name)
            size = 0 if model is None else 1 + _n_elements(model)
            for submodel in _listed(model, "getListOfSubmodels"):
                size += self._size(*self._resolved(file, submodel.getModelRef()), depth + 1)
                if size > _MOST_ELEMENTS:
                    raise InputError(f"with all submodels the model has more than {_MOST_ELEMENTS} elements")
            self._sizes[key] = size
        return self._sizes[key]

    def _model(self, file: Path | None, name: str) -> Any:
        """A model of a document, or None: libsbml says what is wrong then."""
        document = self._documents[file]
        model = document.getModel()
        if name == "" or (model is not None and model.getId() == name):
            return model
        plugin = document.getPlugin("comp")
        return None if plugin is None else plugin.getModelDefinition(name)

    def _resolved(self, file: Path | None, name: str) -> tuple[Path | None, str]:
        """(file, name) of the model that a submodel refers to by a name of the document `file`."""
        for _ in range(_MOST_DEEP):
            plugin = self._documents[file].getPlugin("comp")
            external = None if plugin is None else plugin.getExternalModelDefinition(name)
            if external is None:
                return file, name
            file, name = self._path(external.getSource(), file), external.getModelRef()
        raise InputError(f"models of other files are nested more than {_MOST_DEEP} deep, or contain themselves")

    def _path(self, written: str, current: Path | None) -> Path:
        """The file that the document of the file `current` names, if it is allowed."""
        shown = checks.printable(written)
        if ":" in written or "%" in written:
            raise InputError(f"the model uses {shown!r}: only files by their relative path can be used")
        if self._root is None:
            raise InputError(f"the model uses the file {shown!r}: give the path of the model, not its text")
        try:
            path = ((self._root if current is None else current.parent) / written).resolve()
            is_there = path.is_relative_to(self._root) and path.is_file()
        except (OSError, ValueError, RuntimeError):
            is_there = False
        if not is_there:
            raise InputError(
                f"the model uses {shown!r}, but there is no such file below {self._root}: only files there can be used"
            )
        return path


def _listed(item: Any, name: str) -> Any:
    """What the package `comp` adds to a libsbml item; nothing if that is None or has none."""
    plugin = None if item is None else item.getPlugin("comp")
    return () if plugin is None else getattr(plugin, name)()


def _n_elements(model: Any) -> int:
    return (
        model.getNumCompartments() + model.getNumSpecies() + model.getNumParameters() + model.getNumRules()
        + model.getNumReactions() + model.getNumEvents() + model.getNumInitialAssignments()
    )  # fmt: skip


# Units of substance of an SBML model: how many molecules one is. The one place where moles become molecules.
#
# An amount times the factor of its species is a number of molecules, and the rate of a reaction times that of extents
# is a propensity. Units of time and size are not converted.

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
    result = Substances({s: factors[name] for s, name in names.items()}, factors[extent], reading)
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
    return result


def _is_undeclared(model: Any, name: str) -> bool:
    return name == "" or (name == _BUILT_IN and model.getUnitDefinition(name) is None)


def _guessed(amounts: Collection[float]) -> float:
    """Molecules in an amount of 1 of a model of level 2 that declares no unit, and a warning that says so."""
    largest = max(amounts, default=0.0)
    notice = "the model declares no unit of substance, which means mole in SBML level 2: its amounts were read as "
    if 0 < largest * AVOGADRO <= COUNT_LIMIT:
        checks.warn(f"{notice}moles, at most {largest * AVOGADRO:.6g} molecules, and converted; if they {_AS_WRITTEN}")
        return AVOGADRO
    why = f", because {largest:g} moles would be {largest * AVOGADRO:.2g}" if largest else ""
    checks.warn(f"{notice}molecules{why}; to read them as moles, use substance='mole' (--substance mole)")
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
    molecules = 1.0
    for unit in definition.getListOfUnits():
        amount = unit.isMole() or unit.isAvogadro()
        if not (amount or unit.isItem() or unit.isDimensionless()):
            return None
        base = AVOGADRO if amount else 1.0
        try:
            molecules *= (unit.getMultiplier() * 10.0 ** unit.getScale() * base) ** unit.getExponentAsDouble()
        except ArithmeticError:
            raise InputError(f"the unit {name} exceeds the range of float64: give it a smaller scale") from None
    return checks.positive(f"the unit {name}, in molecules,", molecules)
