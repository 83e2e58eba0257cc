"""Everything public is explained: each has a docstring, and a function's names every parameter."""

import importlib
import inspect
import re

import pytest

pytestmark = pytest.mark.fast

MODULES = (
    "gillespie_nn",
    "gillespie_nn.activations",
    "gillespie_nn.analysis",
    "gillespie_nn.api",
    "gillespie_nn.crn",
    "gillespie_nn.datasets",
    "gillespie_nn.nn",
    "gillespie_nn.noise",
    "gillespie_nn.simulation",
    "gillespie_nn.storage",
)


def _public():
    found = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


PUBLIC = _public()
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}


def _own_docstring(thing):
    """The docstring written for it: not one inherited, nor the signature that a dataclass or a named tuple gets."""
    text = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    made = inspect.isclass(thing) and re.match(rf"{thing.__name__}\(", text or "")
    return "" if made else inspect.cleandoc(text or "")


def _parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def _unnamed(function):
    """Parameters that a docstring leaves out; one that refers to the parameters of `simulate` has these, too."""
    text = function.__doc__ or ""
    if "The others are those of `simulate`" in text:
        text += PUBLIC["gillespie_nn.api.simulate.simulate"].__doc__
    return [name for name in _parameters(function) if not re.search(rf"\b{name}\b", text)]


def _methods(thing):
    for name, member in vars(thing).items():
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, function


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_has_a_docstring(name):
    assert _own_docstring(PUBLIC[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_public_function_is_in_its_docstring(name):
    assert _unnamed(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", [name for name in CLASSES if any(_methods(CLASSES[name]))])
def test_every_public_method_has_a_docstring(name):
    bases = CLASSES[name].__mro__[1:]
    for method, function in _methods(CLASSES[name]):
        inherited = any(getattr(vars(base).get(method), "__doc__", None) for base in bases)
        assert function.__doc__ or inherited, method


def test_what_is_missing_is_found():
    def function(volume, replicates):
        """Simulate in `volume`; a replicate is one of many."""

    class Bare:
        pass

    assert _unnamed(function) == ["replicates"]
    assert _own_docstring(Bare) == "" and _own_docstring(_public) == ""
