"""Compiled kernels on disk: one file for each kernel and types of arguments, the same for every installation.

In place of numba's `FunctionCache`, which has an index for each function, in a folder named by the path of its source.
There, two processes that compile one function for different types at the same time can leave an index that names the
wrong file. Here the name of a file is a digest of what it is for, so there is no index. A file is written under another
name and then renamed: a reader never sees a part of it, and it does not matter which of several writers is the last.
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
"""Bytes at the start of a file: the SHA-256 of the others."""

# None of these parts of numba is public. Whoever imports this module uses numba's own cache if one is missing.
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
    function : the Python function. folder : where its files are, of functions with these sources alone.
    """

    def __init__(self, function, folder: Path) -> None:
        self._function, self._folder = function, folder
        module, name = function.__module__.rpartition(".")[2], function.__qualname__
        self._stem = f"{module}.{name}".replace("<", "").replace(">", "")  # which Windows has in no file name

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    def load_overload(self, types, target):
        """The compiled kernel for `types`, or None if it must be compiled."""
        target.refresh()
        key = self._key(types, target.codegen())
        try:
            content = self._path(key).read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
                return None  # damaged: LLVM would end the process, or make something else of it
            known, payload = pickle.loads(content[_DIGEST:])
        except FileNotFoundError:
            return None
        except Exception:  # what else stands there: pickle raises anything. Compile again, which writes it anew
            return None
        return CompileResult._rebuild(target, *payload) if known == key else None

    def save_overload(self, types, compiled) -> None:
        """Write the compiled kernel; warns if that is impossible."""
        # What refers to addresses in this process is of no use to others.
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
                "compiles it again: name a folder with space in GILLESPIE_NN_CACHE",
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
        """What decides the machine code, besides that which the folder is named by. Numba's types have names that say
        all of them."""
        code, closure = self._function.__code__, self._function.__closure__
        cells = dumps(tuple(cell.cell_contents for cell in closure)) if closure else b""
        return (
            self._function.__module__, self._function.__qualname__, str(code.co_firstlineno), str(types),
            repr(codegen.magic_tuple()), code.co_code.hex(), cells.hex(),
        )  # fmt: skip

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{self._stem}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}{SUFFIX}"
