"""Compiled kernels on disk: one file for each kernel and types of arguments, shared by all installations.

This replaces numba's `FunctionCache`, which has an index for each function, in a folder named by the path of its
source. There, two processes that compile one function for different types at the same time can leave an index that
names the wrong file. Here the name of a file is a digest of its purpose, so no index is needed. A file is written under
a temporary name and then renamed: a reader never sees a part of it, and it does not matter which writer is the last.
"""

import hashlib
import os
import pickle
import uuid
import warnings
from pathlib import Path

from numba.core.caching import NullCache
from numba.core.codegen import CodeLibrary, CPUCodegen
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

SUFFIX = ".nbc"
_DIGEST = 32
"""Length of the head of a file, the SHA-256 of the rest [bytes]."""

# These parts of numba are not public. If one is missing, the importing module falls back to the cache built into numba.
for _part in (
    (CompileResult, "_reduce"),
    (CompileResult, "_rebuild"),
    (CPUCodegen, "magic_tuple"),
    (CodeLibrary, "codegen"),
):
    if not hasattr(*_part):
        raise ImportError(f"numba's {_part[0].__name__} has no {_part[1]}")


class DiskCache(NullCache):
    """The cache of one kernel, in the place `_cache` of its dispatcher.

    Parameters
    ----------
    function : the Python function. folder : the folder of its files; all functions there have the same sources.
    """

    def __init__(self, function, folder: Path) -> None:
        self._function, self._folder = function, folder
        module, name = function.__module__.rpartition(".")[2], function.__qualname__
        self._stem = f"{module}.{name}".replace("<", "").replace(">", "")  # forbidden in file names on Windows

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    def load_overload(self, types, target):
        """The compiled kernel for `types`, or None if it must be compiled."""
        # The digest at the start detects files that are damaged or incomplete before anything in them is used.
        target.refresh()
        key = self._key(types, target.codegen())
        try:
            content = self._path(key).read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
                return None  # damaged: LLVM would end the process, or execute wrong code
            known, payload = pickle.loads(content[_DIGEST:])
        except FileNotFoundError:
            return None
        except Exception:  # pickle raises anything for other content. Compile again, which replaces the file
            return None
        return CompileResult._rebuild(target, *payload) if known == key else None

    def save_overload(self, types, compiled) -> None:
        """Write the compiled kernel to disk; warns if that is impossible."""
        # Code that refers to addresses in this process is useless to others.
        if compiled.library.has_dynamic_globals or compiled.lifted:
            return
        key = self._key(types, compiled.library.codegen)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            content = dumps((key, compiled._reduce()))
            self._write(self._path(key), hashlib.sha256(content).digest() + content)
        except OSError as error:
            if self._path(key).exists():  # Windows does not replace a file that another process has open
                return
            warnings.warn(
                f"a compiled kernel could not be written to {self._folder} ({error.strerror}), so the next run "
                "compiles it again: name a writable folder with free space in GILLESPIE_NN_CACHE",
                stacklevel=2,
            )

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(content)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _key(self, types, codegen) -> tuple[str, ...]:
        """Everything that determines the machine code apart from the name of the folder. Names of numba's types are
        complete descriptions."""
        code, closure = self._function.__code__, self._function.__closure__
        cells = dumps(tuple(cell.cell_contents for cell in closure)) if closure else b""
        return (
            self._function.__module__, self._function.__qualname__, str(code.co_firstlineno), str(types),
            repr(codegen.magic_tuple()), code.co_code.hex(), cells.hex(),
        )  # fmt: skip

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{self._stem}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}{SUFFIX}"
