"""Kernels that other kernels call: compiled once, as a part of what calls them.

Numba compiles every function for itself: it optimises it, makes machine code of it, and writes a wrapper that takes
Python objects apart. A caller then takes the function's code in and does all that again, and so does its caller. For
a kernel that only kernels call, nothing of it is ever used. So each kernel here has two dispatchers. Python calls the
first, an ordinary one that is kept on disk. Compiled kernels link the second, which stops at unoptimised code: the
kernel that Python calls is optimised once, as a whole.
"""

import numba

from . import jit

try:
    from numba.core.codegen import CPUCodeLibrary
    from numba.core.compiler import Compiler
except ImportError:  # numba has moved them
    CPUCodeLibrary = Compiler = object  # type: ignore[assignment,misc]
_NEEDED = ("_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals", "get_pointer_to_function")
_CAN_LINK = all(hasattr(CPUCodeLibrary, name) for name in _NEEDED)
"""Whether this numba is made as we know it; with another, kernels are compiled as numba does, which takes longer."""


class _Code(CPUCodeLibrary):
    """Code to be linked into other code, and not to be run."""

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
    """The code generator; but what is not in memory is not told where its environment is."""

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
    """As `jit.kernel`, for kernels that kernels call, and now and then Python."""
    return _compiled(function)


def within(function):
    """The same for what happens at every event: the compiler always puts it into its caller, since a call with all
    arrays as arguments would take longer than the work."""
    return _compiled(function, forceinline=True)


def _compiled(function, **options):
    called = jit.kernel(function)
    if called is function:  # numba is told not to compile
        return function
    if not _CAN_LINK:
        return called
    options |= {"nogil": True, "error_model": "numpy", "_nrt": False}
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Linked}
    linked = numba.njit(**options)(function)
    # What numba asks a dispatcher for when a compiled function calls it.
    called.get_call_template = linked.get_call_template
    called.get_overload = linked.get_overload
    return called
