"""Errors of the package, and checks of arguments and files with uniform messages.

A message says what was wrong, the value, what is allowed and what to do.
"""

import codecs
import contextlib
import difflib
import errno
import importlib
import math
import numbers
import os
import secrets
import sys
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from .kernels.codes import COUNT_LIMIT

_T = TypeVar("_T")
_ROUNDING = 1e-9
"""Relative difference up to which a number counts as whole: products of a few float64 differ by less."""
PART_BYTES, PART_SUFFIX = 8, ".part"
"""Names of temporary files next to an output: number of random bytes, and the suffix."""
_LONGER_BY = 2 + 2 * PART_BYTES + len(PART_SUFFIX)
"""Characters that such a name has more than the name of the output: two dots, the random bytes and the suffix."""
_COMPARED = 200
"""Characters of a wrong name that are compared with the allowed ones."""
_NO_HDF5 = {
    ".csv", ".tsv", ".txt", ".json", ".parquet", ".nc", ".xlsx", ".npy", ".npz", ".png", ".svg", ".pdf", ".html",
    ".xml", ".ant",
}  # fmt: skip
"""Suffixes of other formats, which a run file must not have."""


class GillespieError(Exception):
    """Base class of all errors that this package raises. `exit_code` is the exit code of a command."""

    exit_code = 3


class InputError(GillespieError, ValueError):
    """An argument, model or file is invalid."""

    exit_code = 2


class MissingExtraError(GillespieError, ImportError):
    """An optional library is not installed."""

    exit_code = 2


class UnfinishedError(GillespieError, RuntimeError):
    """The work could not be finished, for example because the disk is full, the simulation diverges, or a worker
    process was killed."""


class StorageError(UnfinishedError):
    """A file could not be written: full disk, no permission."""


class ModelError(UnfinishedError):
    """The model reached an invalid state: a negative propensity, a fraction of a molecule."""


class InternalError(GillespieError, RuntimeError):
    """An internal consistency check failed: a bug in this package."""


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, np.number)):
        raise InputError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{name} exceeds the range of float64: use a smaller number") from None


def _is_whole(value: Any) -> bool:
    """Whether a number is whole: an integer of any size, or a float, which above 2**53 always is."""
    if isinstance(value, (numbers.Integral, np.integer)):
        return True
    return math.isfinite(value) and value == math.floor(value)


def positive(name: str, value: object, unit: str = "", hint: str = "") -> float:
    """`value` as a float, positive and finite."""
    number = _number(name, value)
    if not (math.isfinite(number) and number > 0):
        raise InputError(_sentence(f"{name} must be positive and finite{_in(unit)}, got {value!r}", hint))
    return number


def not_negative(name: str, value: object, unit: str = "") -> float:
    """`value` as a float, finite and at least 0."""
    number = _number(name, value)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name} must be at least 0 and finite{_in(unit)}, got {value!r}")
    return number


def finite(name: str, value: object) -> float:
    """`value` as a float, finite."""
    number = _number(name, value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, got {value!r}")
    return number


def fraction(name: str, value: object) -> float:
    """`value` as a float strictly between 0 and 1."""
    number = finite(name, value)
    if not 0 < number < 1:
        raise InputError(f"{name} must lie between 0 and 1, got {value!r}: for example {name}=0.03")
    return number


def confidence(value: object) -> float:
    """A confidence level as a float strictly between 0 and 1."""
    number = finite("confidence", value)
    if not 0 < number < 1:
        raise InputError(f"confidence must be between 0 and 1, got {value!r}: give a fraction, for example 0.95")
    return number


def whole(name: str, value: Any, least: int = 1, most: int | None = None, hint: str = "") -> int:
    """`value` as an int in [least, most]."""
    _number(name, value)
    if not _is_whole(value):
        raise InputError(_sentence(f"{name} must be a whole number, got {value!r}", hint))
    # From `value`, not from its float: integers above 2**53 would be rounded.
    number = int(value)
    if number < least:
        raise InputError(_sentence(f"{name} must be at least {least}, got {value!r}", hint))
    if most is not None and number > most:
        raise InputError(_sentence(f"{name} must be at most {most}, got {value!r}", hint))
    return number


def amount(name: str, value: Any) -> int | float:
    """`value` as an amount of molecules, finite and at least 0: whole ones up to 2**53 as int, others as float."""
    number = _number(name, value)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name} must be a finite number of molecules, at least 0, got {value!r}")
    if not _is_whole(value):
        return number
    whole = int(value)
    # 2**53 + 1 would become 2**53 as a float, and pass for a count.
    return whole if whole <= COUNT_LIMIT else max(number, math.nextafter(COUNT_LIMIT, math.inf))


def count(name: str, value: Any) -> int:
    """`value` as a number of molecules: whole, from 0 to 2**53."""
    _number(name, value)
    if not _is_whole(value) or value < 0:
        raise InputError(f"{name} must be a whole number of molecules, at least 0, got {value!r}")
    if int(value) > COUNT_LIMIT:
        raise InputError(
            f"{name} is {value!r}, and counts above 2**53 = {COUNT_LIMIT} would overflow: "
            "use a smaller volume or a deterministic method"
        )
    return int(value)


def rounded(value: Any) -> Any:
    """`value`, or the nearest whole number if they differ only by rounding, as 0.1 * 30 and 3 do; also for arrays."""
    with np.errstate(invalid="ignore"):
        whole = np.rint(value)
        nearest = np.where(np.abs(value - whole) <= _ROUNDING * np.maximum(1.0, np.abs(value)), whole, value)
    return nearest if nearest.ndim else nearest.item()


def rounded_amount(value: float) -> float:
    """As `rounded`, but a positive amount never becomes 0: it may be in moles."""
    number = rounded(value)
    return value if number == 0 < value else number


def choice(
    name: str,
    value: _T,
    options: Container,
    what: str = "choose one of",
    hint: str = "",
    elsewhere: Iterable[str] = (),
    synonyms: Mapping[str, Sequence[str]] | None = None,
) -> _T:
    """`value`, which must be among `options`; if there are many options, use a container with a fast `in`.

    The message is `unknown NAME VALUE (did you mean ...?): WHAT OPTIONS; HINT`. A name such as `species in the initial
    state` is split, so that it reads `unknown species 'a' in the initial state`. The suggestion may also be one of
    `elsewhere`, names that are valid for other arguments. `synonyms` are names that users know from elsewhere, in lower
    case with underscores, and the options to suggest for them.
    """
    try:
        known = value in options
    except TypeError:  # not hashable
        known = False
    if not known:
        every = _listed(options)
        kind, _, place = name.partition(" in ")
        unknown = f"unknown {kind} {value!r}" + (f" in {place}" if place else "")
        likely = (synonyms or {}).get(str(value).lower().replace("-", "_").replace(" ", "_"))
        suggestion = _suggested(likely) if likely else meant(value, [*every, *elsewhere])
        message = f"{unknown}{suggestion}: {what} {shortened(every) or 'none'}"
        raise InputError(f"{message}; {hint}" if hint else message)
    return value


def _listed(options: Any) -> list[str]:
    return sorted(options) if isinstance(options, (set, frozenset)) else list(options)


def meant(value: object, options: Sequence[str], likeness: float = 0.6) -> str:
    """` (did you mean 'X'?)` with the option closest to `value`, ignoring case, or an empty text."""
    by_case = {option.lower(): option for option in reversed(options)}
    # The time of a comparison grows with the square of the length.
    near = difflib.get_close_matches(str(value).lower()[:_COMPARED], by_case, 1, likeness)
    return _suggested([by_case[near[0]]]) if near else ""


def _suggested(names: Iterable[str]) -> str:
    return f" (did you mean {' or '.join(map(repr, names))}?)"


def shortened(names: Iterable, most: int = 12) -> str:
    """A readable list of names, cut after `most`."""
    names = [str(n) for n in names]
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def path_of(what: str, value: object, otherwise: str = "") -> Path:
    """`value` as a valid Path, with a leading `~` expanded to the home folder.

    `otherwise` is the message if `value` is not a path. Raises InputError.
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text:
        raise InputError(otherwise or f"{what} must be the path of a file, got {value!r}")
    if "\0" in text:
        raise InputError(f"{what} {shortened_text(text)} contains a NUL character, which is not allowed in a file name")
    expanded = os.path.expanduser(text)
    # `expanduser` returns the text unchanged where it does not know the home folder.
    if expanded == text and text.partition("/")[0] == "~":
        raise InputError(f"{what} {text!r}: the home folder (~) is unknown; write the full path")
    # The file need not exist; only names that no file can have are refused.
    try:
        os.lstat(expanded)
    except UnicodeEncodeError:
        raise InputError(
            f"{what} {shortened_text(text)} contains characters that are not allowed in a file name"
        ) from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(
                f"{what} {shortened_text(text)} is too long for a file name: it has {len(text)} characters"
            ) from None
    return Path(expanded)


def shortened_text(text: str, most: int = 60) -> str:
    """A readable form of a long text."""
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."


def new_file(path: str | os.PathLike, overwrite: bool = False) -> Path:
    """`path` as a Path that can be written. Creates its folder. Refuses an existing file unless `overwrite`."""
    path = path_of("output", path, f"output must be the path of a file, got {path!r}")
    # The file is first written under a longer, temporary name, which must be allowed, too.
    path_of("output", path.with_name(f"{path.name}{'x' * _LONGER_BY}"))
    if path.is_dir():
        raise InputError(f"output {path} is a folder: name a file in it, for example {path / 'run.h5'}")
    if path.exists() and not overwrite:
        raise InputError(
            f"output file {path} exists: choose another name, or replace it with overwrite=True (--overwrite)"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {path.parent} for the output: {error.strerror}; choose another output"
        ) from None
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: no permission; choose another output")
    return path


def new_run_file(path: str | os.PathLike, overwrite: bool = False) -> Path:
    """`new_file` for an HDF5 file. Refuses names with the suffix of another format, such as `.csv`."""
    path = path_of("output", path, f"output must be the path of a file, got {path!r}")
    suffix = path.suffix.lower()
    if suffix in _NO_HDF5:
        raise InputError(
            f"output {path}: runs are written as HDF5, not {suffix}; name it {path.with_suffix('.h5').name}. For other "
            f"formats see `gillespie-nn export` and `gillespie-nn analyze --figure`"
        )
    return new_file(path, overwrite)


def by_name(what: str, values: Mapping | None) -> dict:
    """`values`, a mapping with names as keys or None, as a dictionary."""
    if values is not None and not isinstance(values, Mapping):
        raise InputError(f"{what} must be a dictionary with names as keys, got {values!r}")
    return dict(values or {})


def existing_file(what: str, source: object, otherwise: str) -> Path:
    """`source` as the Path of an existing file. `otherwise` says what the argument may be. Raises InputError."""
    path = path_of(what, source, otherwise)
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as error:  # for example a folder without read permission
        raise InputError(f"cannot read {what} {str(path)[:200]}: {error.strerror}; {otherwise}") from None
    if path.is_dir():
        sweep = " (of a sweep, with one file per row)" if (path / "table.csv").is_file() else ""
        raise InputError(f"{what} {path} is a folder{sweep}: name a file in it")
    if not path.is_file():
        raise InputError(f"no such {what}: {path}{meant(path.name, _names_in(path.parent), 0.8)}")
    return path


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def printable(text: str) -> str:
    """`text` made safe for a terminal: each control character other than a newline becomes `?`."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def text_or_file(source: object, suffixes: tuple[str, ...], what: str) -> tuple[str, str]:
    """(text, name) of a model; `source` is the path of a file that ends in one of `suffixes`, or the text itself."""
    if isinstance(source, str) and not (source.lower().endswith(suffixes) and "\n" not in source):
        return without_mark(source), "the text"
    path = existing_file(
        what, source, f"a model is given as text, or as the path of a file that ends in {' or '.join(suffixes)}"
    )
    return read_text(path), str(path)


def read_text(path: str | os.PathLike, hint: str = "") -> str:
    """The text of a file in UTF-8, or UTF-16 with a byte order mark; other files are read as Latin-1, where only
    comments can contain characters other than ASCII. Line ends become newlines."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    # Editors on Windows write UTF-16 with a mark.
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Latin-1 decodes any bytes. A NUL then tells a binary file, or UTF-16 without a mark, from text.
    try:
        text = data.decode("utf-16" if marked else "utf-8")
    except UnicodeDecodeError:
        text = "\0" if marked else data.decode("latin-1")
    if "\0" in text:
        raise InputError(
            _sentence(f"{path} is not a text file in UTF-8, UTF-16 with a byte order mark, or Latin-1", hint)
        )
    return without_mark(text).replace("\r\n", "\n").replace("\r", "\n")


def without_mark(text: str) -> str:
    """`text` without the byte order mark that editors on Windows add at the start."""
    return text.removeprefix("\ufeff")


def part_of(path: Path) -> Path:
    """An unused, unpredictable path in the folder of `path`, for a file that will replace `path`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(PART_BYTES)}{PART_SUFFIX}")


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path next to `path`, as a context manager. On success the file written there replaces `path`; on an
    error it is deleted and `path` is unchanged. Create the file with mode `x`, so that links are not followed. Raises
    OSError."""
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file atomically. Raises StorageError if that fails."""
    try:
        # The target of a link is replaced, not the link.
        place = Path(os.path.realpath(path_of("output", path)))
        # A device such as /dev/stdout cannot be replaced by a file.
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8")
            return
        with replaced(place) as part, open(part, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; choose an existing folder with write permission"
        ) from None


def warn(message: str) -> None:
    """Issue a warning that points to the line that called the package."""
    # Frames of this package are skipped, up to the first of the caller.
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, stacklevel=depth)


def fits_memory(what: str, n_bytes: float, remedy: str) -> None:
    """Raise InputError if `n_bytes` exceed the free memory; `remedy` says what to do instead."""
    free = _free_memory()
    if n_bytes > free:
        raise InputError(
            f"{what} need {n_bytes / 1e9:.3g} GB, but only {free / 1e9:.3g} GB of memory are free: {remedy}"
        )


def _free_memory() -> float:
    """Bytes of memory that this process can still allocate; infinite if the system does not report it."""
    # The least of what the machine has left and what the limit of this process (ulimit -v) leaves.
    free: float = math.inf
    with contextlib.suppress(OSError, ValueError, AttributeError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        with open("/proc/meminfo") as file:
            free = next((1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable")), free)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            with open("/proc/self/statm") as file:
                free = min(free, limit - int(file.read().split()[0]) * resource.getpagesize())
    return max(free, 0)


_LIBRARIES = {
    "completion": "shtab",
    "data": "pooch scikit-learn",
    "distributed": "'dask[distributed]'",
    "parquet": "pyarrow",
    "plot": "matplotlib",
    "sbml": "python-libsbml antimony",
    "sedml": "python-libsedml python-libsbml matplotlib",
    "xarray": "xarray h5netcdf",
}
"""Libraries of an extra, by their names on PyPI."""
_PACKAGES = {
    "distributed": "'dask[distributed]'",
    "libsbml": "python-libsbml",
    "libsedml": "python-libsedml",
    "sklearn": "scikit-learn",
}
"""Names on PyPI of modules with another name."""


def optional(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`. Raises MissingExtraError, which says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{purpose} needs {module.partition('.')[0]}: {how_to_install(extra, module)}"
        ) from None


def how_to_install(extra: str, module: str = "") -> str:
    """The command that installs an extra, and `module` in any case, as part of a sentence."""
    if extra in _LIBRARIES:
        libraries, top = _LIBRARIES[extra].split(), module.partition(".")[0]
        package = _PACKAGES.get(top, top)
        # The module may belong to another extra: it is what is missing.
        if package and package not in libraries:
            libraries.insert(0, package)
        return f"install it with pip install {' '.join(libraries)}"
    return f"install it with pip install '.[{extra}]' in a checkout of gillespie-nn"


def _in(unit: str) -> str:
    return f" [{unit}]" if unit else ""


def _sentence(text: str, hint: str) -> str:
    return f"{text}: {hint}" if hint else text
