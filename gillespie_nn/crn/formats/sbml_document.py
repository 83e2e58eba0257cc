"""Opening SBML documents with libsbml: from text, with the models of `comp` put in their places.

A document from a stranger can only be read: models of other files are used if they lie below the folder of the model,
links followed, and nothing is fetched from a network.
"""

import re
from pathlib import Path
from typing import Any

from ... import checks
from ...checks import InputError

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
    """The models that a document is put together from: their files are in a folder or below, and they are bearably
    many. Raises InputError for others.

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
