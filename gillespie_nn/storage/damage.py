"""Error messages for damaged files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checks import GillespieError, InputError

_WORDS = (
    "Can't ",
    "Unable to ",
    "Unspecified error",
    "No NumPy equivalent",
    "Not a ",
    "Object visitation",
    "Link iteration",
)
"""How the errors of h5py begin."""
_UNKNOWN_FORM = "bad version number"
_NEWER = "a newer HDF5 library than the installed one may have written the file"
_ADVICE = "the file is damaged, or another program wrote it: restore a backup, or run again"


def damaged(path: str | Path | None, what: str) -> InputError:
    """The error for a file; `what` says what is wrong."""
    import h5py

    newer = f"{_NEWER}, version {h5py.version.hdf5_version}: update h5py" if _UNKNOWN_FORM in what else _ADVICE
    return InputError(f"{path}: {what}; {newer}")


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn HDF5's errors about unreadable bytes into an InputError."""
    try:
        yield
    except Exception as error:
        if not is_of_hdf5(error):
            raise
        raise damaged(path, said(error)) from error


@contextmanager
def understood(path: str | Path | None) -> Iterator[None]:
    """Turn errors caused by a file's description of its run into an InputError."""
    try:
        yield
    except GillespieError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(path, f"its description of the run cannot be used ({type(error).__name__}: {error})") from error


def is_of_hdf5(error: BaseException) -> bool:
    """Whether the HDF5 library could not read something. An OSError of the operating system has a number."""
    if isinstance(error, UnicodeDecodeError):
        return True
    known = isinstance(error, (OSError, RuntimeError, KeyError, ValueError, TypeError))
    return known and getattr(error, "errno", None) is None and said(error).startswith(_WORDS)


def said(error: BaseException) -> str:
    return str(error.args[0] if error.args else error)


def shown(value: object) -> str:
    """A value of a file for a message: at most some hundred characters."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."
