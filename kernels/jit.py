"""The one place where a Python function becomes a compiled kernel.

Numba's disk cache looks only at the file that holds a function, so an edit in a helper's file would go
unnoticed. The cache folder therefore carries a digest of all kernel sources in its name.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import numba

_SOURCES = Path(__file__).resolve().parent
_VARIABLE = "GILLESPIE_NN_CACHE"


def source_digest() -> str:
    """Hexadecimal digest (16 characters) of every source file in this folder and the folders in it."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.relative_to(_SOURCES).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `GILLESPIE_NN_CACHE`, or the user's cache folder. Where that cannot be written,
    a temporary one of this process and those that it starts, with a warning."""
    base = os.environ.get(_VARIABLE)
    try:
        if base is None:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gillespie_nn"
        folder = Path(base) / f"kernels-{source_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # not writable, or no home folder
        pass
    made = tempfile.mkdtemp(prefix="gillespie-nn-kernels-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    os.environ[_VARIABLE] = made
    warnings.warn(
        f"compiled kernels cannot be kept in {base or 'the cache folder of the user'}, and are compiled anew by every "
        f"run, which takes minutes: name a folder that can be written in {_VARIABLE}",
        stacklevel=2,
    )
    return Path(made)


_FOLDER = cache_folder()


def kernel(function):
    """Compile `function` on first use: cached on disk, without the GIL, division by zero as in numpy.

    Without numba's reference counting: taking an array out of a tuple would cost an atomic increment each time,
    which made the event loop four times slower; and a kernel that allocates then does not compile.
    """
    return _compiled(function)


def inlined(function):
    """The same, put into each kernel that calls it: for what is called for every channel and takes many arrays, whose
    passing would cost more than the work."""
    return _compiled(function, inline="always")


def _compiled(function, **options):
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_FOLDER)
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous
