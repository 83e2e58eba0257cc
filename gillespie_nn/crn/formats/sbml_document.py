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
_MOST_FILES = 100
_MOST_CHARACTERS = 50_000_000


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
    _check_files(document, folder)
    if folder is not None:
        document.setLocationURI(f"file:{folder.resolve() / 'model.xml'}")
    properties = sbml.ConversionProperties()
    for name, value in (("flatten comp", True), ("performValidation", False)):
        properties.addOption(name, value)
    properties.addOption("abortIfUnflattenable", "requiredOnly")
    if document.convert(properties) != sbml.LIBSBML_OPERATION_SUCCESS:
        errors = [document.getError(k) for k in range(document.getNumErrors())]
        serious = [" ".join(e.getMessage().split()) for e in errors if e.getSeverity() >= sbml.LIBSBML_SEV_ERROR]
        raise InputError(
            f"its submodels (SBML package 'comp') cannot be put into one model: {checks.printable(serious[0])}"
            if serious
            else "its submodels (SBML package 'comp') cannot be put into one model, and libsbml gave no reason"
        )
    return document, sbml.writeSBMLToString(document)


def _check_files(document: Any, folder: Path | None) -> None:
    """Raise InputError unless every model file that the document refers to, also by way of others, is allowed."""
    root = None if folder is None else folder.resolve()
    seen: set[Path] = set()
    size = 0
    waiting = [(document, root)]
    while waiting:
        current, below = waiting.pop()
        plugin = current.getPlugin("comp")
        sources = [] if plugin is None else [
            plugin.getExternalModelDefinition(k).getSource() for k in range(plugin.getNumExternalModelDefinitions())
        ]  # fmt: skip
        for written in sources:
            path = _allowed(written, below, root)
            if path in seen:
                continue
            seen.add(path)
            content = checks.read_text(path)
            size += len(content)
            if len(seen) > _MOST_FILES or size > _MOST_CHARACTERS:
                raise InputError(
                    f"its submodels are in more than {_MOST_FILES} files or {_MOST_CHARACTERS} characters: use fewer"
                )
            waiting.append((opened(content), path.parent))


def _allowed(written: str, below: Path | None, root: Path | None) -> Path:
    """The file that an external model is in."""
    shown = checks.printable(written)
    if ":" in written or "%" in written:
        raise InputError(f"the model uses {shown!r}: only files by their relative path can be used")
    if root is None or below is None:
        raise InputError(f"the model uses the file {shown!r}: give the path of the model, not its text")
    try:
        path = (below / written).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    except (OSError, ValueError, RuntimeError):
        pass
    raise InputError(f"the model uses {shown!r}, but there is no such file below {root}: only files there can be used")
