"""The one place where a Python function becomes a compiled kernel.

Numba's disk cache looks only at the file that holds a function, so an edit in a helper's file would go
unnoticed. The cache folder therefore carries a digest of all kernel sources in its name.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import numba

_SOURCES = Path(__file__).resolve().parent


def source_digest() -> str:
    """Hexadecimal digest (16 characters) of every source file in this folder."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `GILLESPIE_NN_CACHE`, else the user's cache folder, else a temporary one."""
    base = os.environ.get("GILLESPIE_NN_CACHE")
    try:
        if base is None:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gillespie_nn"
        folder = Path(base) / f"kernels-{source_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # not writable, or no home folder
        pass
    return Path(tempfile.mkdtemp(prefix="gillespie-nn-kernels-"))


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
