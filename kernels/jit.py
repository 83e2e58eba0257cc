"""The one place where a Python function becomes a compiled kernel, and where compiled kernels are kept on disk.

Their folder is named by a digest of all that decides the machine code: the sources of all kernels, the versions of
Python, numba, llvmlite and numpy, and the processor. Installations with the same sources share it, and machines that
share a home folder do not disturb each other. Numba's disk cache does neither: it has a folder for each path of the
sources, and it looks only at the file that holds a function, so an edit in a helper's file would go unnoticed.
"""

import atexit
import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import llvmlite
import numba
import numpy as np

try:
    from .disk_cache import SUFFIX, DiskCache
except ImportError:  # a numba whose parts have other names: its own cache is used, which installations do not share
    SUFFIX, DiskCache = ".nbc", None

_SOURCES = Path(__file__).resolve().parent
_VARIABLE = "GILLESPIE_NN_CACHE"
_NAME = re.compile(r"kernels-[0-9a-f]{16}")
_DAY = 86_400.0
_UNUSED = 30 * _DAY
"""Folders of other versions and machines that were not used for so long are removed [s]."""
_SETTINGS = (
    "CPU_NAME", "CPU_FEATURES", "ENABLE_AVX", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK",
    "DEBUGINFO_DEFAULT",
)  # fmt: skip
"""Settings of numba that change machine code."""


def source_digest() -> str:
    """Hexadecimal digest (16 characters) of every source file in this folder and the folders in it."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.relative_to(_SOURCES).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _folder_name() -> str:
    cpu = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    versions = sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__
    settings = [getattr(numba.config, name, None) for name in _SETTINGS]
    # The package is in pickled types by its name.
    everything = (__package__, source_digest(), versions, llvmlite.binding.get_process_triple(), cpu, settings)
    return f"kernels-{hashlib.sha256(repr(everything).encode()).hexdigest()[:16]}"


def cache_folder() -> Path:
    """The folder of compiled kernels of these sources, libraries and processor, in the folder `GILLESPIE_NN_CACHE` or
    the user's cache folder. Where that cannot be written, a temporary folder of this process and those that it starts,
    with a warning."""
    base = os.environ.get(_VARIABLE)
    try:
        if base is None:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gillespie_nn"
        folder = Path(base) / _folder_name()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            _mark_used(folder)
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


def _mark_used(folder: Path) -> None:
    """Once a day, set the time of the folder's mark `used`, and remove folders whose mark is too old.

    A process that still uses a removed folder loses nothing: it compiles again what it does not find, as for any miss.
    What the file system refuses, because others own it or remove it at the same time, is left as it is.
    """
    mark, now = folder / "used", time.time()
    if mark.exists() and now - _time_of(mark) < _DAY:
        return
    with contextlib.suppress(OSError):
        mark.touch()
        for other in folder.parent.iterdir():
            if other == folder or other.is_symlink() or not _NAME.fullmatch(other.name):
                continue
            marks = [path for path in (other, other / "used") if path.exists()]
            if all(now - _time_of(path) > _UNUSED for path in marks):
                shutil.rmtree(other, ignore_errors=True)


def _time_of(path: Path) -> float:
    """When a file or folder was last changed [s since 1970]; now, if it cannot be asked."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


_FOLDER = cache_folder()


def cached_kernels() -> list[Path]:
    """The files of `cache_folder` that hold compiled kernels, by name."""
    return sorted(_FOLDER.glob(f"**/*{SUFFIX}"))


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


def vectorised(function):
    """The same for a loop that works on many elements of arrays at a time. Sums may be reordered, zeros have no sign.

    One loop a function, with few arrays: the compiler must see that no array that is written overlaps another."""
    return _compiled(function, fastmath={"contract", "nsz", "arcp", "reassoc"})


def _compiled(function, **options):
    options |= {"nogil": True, "error_model": "numpy", "_nrt": False}
    made = numba.njit(**options)(function)
    if made is function:  # with NUMBA_DISABLE_JIT=1
        return function
    if DiskCache is not None and hasattr(made, "_cache"):
        made._cache = DiskCache(function, _FOLDER)
        return made
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_FOLDER)
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous
