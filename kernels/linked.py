"""Kernels called by other kernels: compiled once, as a part of their callers.

Numba optimises every function separately, generates machine code, and writes a wrapper that unpacks Python objects. A
caller then inlines the code of the function and repeats all this, and so does the caller of that. For a kernel that
only kernels call, none of the separate results is ever used. So each kernel here has two dispatchers. Python calls the
first, an ordinary one that is cached on disk. Compiled kernels link the second, which stops at unoptimised code: the
kernel that Python calls is optimised once, as a whole.
"""

import numba

from . import jit

try:
    from numba.core.codegen import CPUCodeLibrary
    from numba.core.compiler import Compiler
except ImportError:  # numba has moved them
    CPUCodeLibrary = Compiler = object  # type: ignore[assignment,misc]
_NEEDED = ("_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals")
_CAN_LINK = all(hasattr(CPUCodeLibrary, name) for name in _NEEDED)
"""Whether this version of numba has the needed parts. Otherwise kernels are compiled as usual, which takes longer."""


class _Code(CPUCodeLibrary):
    """Code that is linked into other code, and never executed by itself."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        return 0

    @property
    def codegen(self):
        return _Nowhere(self._codegen)


class _Nowhere:
    """The code generator, except that code not loaded into memory gets no environment."""

    def __init__(self, codegen):
        self._codegen = codegen

    def __getattr__(self, name):
        return getattr(self._codegen, name)

    def set_env(self, name, environment):
        pass


class _Linked(Compiler):
    def __init__(self, typingctx, targetctx, library, *rest):
        super().__init__(typingctx, targetctx, _Code(targetctx.codegen(), "linked"), *rest)


def kernel(function):
    """As `jit.kernel`, for kernels that are called by kernels and occasionally by Python."""
    return _compiled(function)


def within(function):
    """As `kernel`, for the work of every event: always inlined, since passing all arrays takes longer than the work."""
    return _compiled(function, forceinline=True)


def _compiled(function, **options):
    called = jit.kernel(function)
    if called is function:  # NUMBA_DISABLE_JIT=1
        return function
    if not _CAN_LINK:
        return called
    # No wrappers, as neither Python nor C calls this code.
    options |= {"nogil": True, "error_model": "numpy", "_nrt": False}
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Linked}
    linked = numba.njit(**options)(function)
    # Numba calls these two methods of a dispatcher when a compiled function calls it.
    called.get_call_template = linked.get_call_template
    called.get_overload = linked.get_overload
    return called
