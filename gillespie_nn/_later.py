"""Lazy imports: a package imports a module when one of its names is first used."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def later(namespace: dict[str, Any], home: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package (PEP 562). `namespace` is its `globals()`; `home` gives the names of each of its
    modules."""
    package = namespace["__name__"]
    module_of = {name: f".{module}" for module, names in home.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Stored in the namespace, so that Python asks for each name only once.
        value = namespace[name] = getattr(importlib.import_module(module_of[name], package), name)
        return value

    return get
