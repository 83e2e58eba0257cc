"""Compilation of kernels, and the folder of compiled kernels on disk.

The name of the folder is a digest of everything that determines the machine code: the sources of all kernels, the
versions of Python, numba, llvmlite and numpy, and the processor. Installations with the same sources share a folder,
and machines that share a home folder do not disturb each other. Numba's disk cache does neither: it has a folder for
each path of the sources, and it checks only the file of a function, so an edit of a file it imports goes unnoticed.
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
except ImportError:  # another version of numba: its built-in cache is used, which installations do not share
    SUFFIX, DiskCache = ".nbc", None

_SOURCES = Path(__file__).resolve().parent
_VARIABLE = "GILLESPIE_NN_CACHE"
_NAME = re.compile(r"kernels-[0-9a-f]{16}")
_DAY = 86_400.0
_UNUSED = 30 * _DAY
"""Folders of other versions and machines are removed after so long without use [s]."""
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
    # The name of the package is part of pickled types.
    everything = (__package__, source_digest(), versions, llvmlite.binding.get_process_triple(), cpu, settings)
    return f"kernels-{hashlib.sha256(repr(everything).encode()).hexdigest()[:16]}"


def cache_folder() -> Path:
    """The folder of compiled kernels of these sources, libraries and processor.

    It lies in the folder `GILLESPIE_NN_CACHE` or in the user's cache folder. If that is not writable, this is a
    temporary folder of this process and of those that it starts, with a warning.
    """
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
        f"compiled kernels cannot be stored in {base or 'the cache folder of the user'}, so every run compiles them "
        f"again, which takes minutes: name a writable folder in {_VARIABLE}",
        stacklevel=2,
    )
    return Path(made)


def _mark_used(folder: Path) -> None:
    """Once a day, update the time of the folder's mark `used`, and remove folders whose mark is too old.

    A process that still uses a removed folder loses nothing: it compiles missing kernels again. Errors of the file
    system are ignored: a folder may belong to another user, or be removed by another process at the same time.
    """
    # A mark is enough: times of access are often not recorded, and reading does not change times of modification.
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
    """When a file or folder was last changed [s since 1970]; the present time if that cannot be read."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


_FOLDER = cache_folder()


def cached_kernels() -> list[Path]:
    """The files of compiled kernels in `cache_folder`, sorted by name."""
    return sorted(_FOLDER.glob(f"**/*{SUFFIX}"))


def kernel(function):
    """Compile `function` on first use: cached on disk, without the GIL, with division by zero as in numpy.

    Numba's reference counting is off: taking an array out of a tuple would cost an atomic increment each time, which
    made the event loop four times slower. A kernel that allocates memory then fails to compile.
    """
    return _compiled(function)


def inlined(function):
    """As `kernel`, but inlined into every caller: for functions called for every channel with many arrays, which would
    take longer to pass than the work."""
    return _compiled(function, inline="always")


def vectorised(function):
    """As `kernel`, for a vectorised loop over elements of arrays. Sums may be reordered, and zeros have no sign.

    Write one loop for each function, with few arrays: the compiler must prove that written arrays overlap no others.
    """
    return _compiled(function, fastmath={"contract", "nsz", "arcp", "reassoc"})


def _compiled(function, **options):
    options |= {"nogil": True, "error_model": "numpy", "_nrt": False}
    made = numba.njit(**options)(function)
    if made is function:  # with NUMBA_DISABLE_JIT=1
        return function
    if DiskCache is not None and hasattr(made, "_cache"):
        made._cache = DiskCache(function, _FOLDER)
        return made
    # The fallback: the folder must be set while the function is compiled, and restored for other users of numba.
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_FOLDER)
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous
