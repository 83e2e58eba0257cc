"""The models that come with the package, by name: the files `data/models/*.txt`."""

import os
from functools import cache
from pathlib import Path

from .. import checks, data
from ..checks import InputError

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
