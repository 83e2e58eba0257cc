"""Docstrings for the site: an extension of griffe, which reads the sources for mkdocstrings.

The docstrings of this project are plain text. Parameters are written `name : description`, errors as sentences, and
types stand in signatures. The extension rewrites them as numpydoc with Markdown in it, links names in backticks that
are public, and gives functions that take options (`gillespie_nn.options.takes`) the parameters that they get on import.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path

import griffe

sys.path.insert(0, str(Path(__file__).parent))
import make_api

_UNDERLINED = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : ", re.MULTILINE)
_ERROR = re.compile(r"(?:^|(?<=\.)\s)(\w+(?:Error|Exception)) : ")
_CODE = re.compile(r"(?<!\[)`([^`]+)`(?!\]\[)")
_NAME = re.compile(r"(gnn\.|gillespie_nn\.)?([A-Za-z_][\w.]*)(?:\(.*\))?", re.DOTALL)


class Docstrings(griffe.Extension):
    """Rewrites every public docstring once the package is loaded."""

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        things = public_things(pkg)
        linked = Links(things)
        done = set()
        for home, thing in things.items():
            if thing.is_class:
                _complete(thing)
            members = thing.members.values() if thing.is_class else ()
            for item in (thing, *members):
                # Members that are imported, or are a second name for the same function, are rewritten once.
                if item.is_alias or item.path in done:
                    continue
                done.add(item.path)
                item.labels -= {"class-attribute", "instance-attribute", "module-attribute"}
                if item.is_function:
                    _add_options(item)
                if item.docstring:
                    rewrite(item, lambda *name, item=item, home=home: linked.target(*name, item, home))


def public_things(pkg: griffe.Module) -> dict[str, griffe.Object]:
    """Every public object by the path that its page has, `gillespie_nn.crn.CompiledNetwork`."""
    places = {}
    for (package, name), (home, file, node) in make_api.public().items():
        if package == home:
            module = pkg
            for part in file.relative_to(make_api.ROOT / "gillespie_nn").with_suffix("").parts:
                module = module if part == "__init__" else module.members[part]
            places[package, name] = module.members[make_api.name_of(node)]
    things = {}
    for (package, name), thing in places.items():
        # `gillespie_nn.train` is the function, though griffe takes it for the module that the function is in.
        owner = pkg[package] if package else pkg
        if thing.parent is not owner:
            owner.members[name] = griffe.Alias(name, thing, parent=owner)
        things[f"{make_api.title(package)}.{name}"] = thing
    return things


class Links:
    """Where names in docstrings lead to."""

    def __init__(self, things: dict[str, griffe.Object]) -> None:
        self._paths: dict[str, set[str]] = {}
        for home, thing in things.items():
            members = [name for name, member in thing.members.items() if not member.is_alias] if thing.is_class else []
            for path in (home, *(f"{home}.{name}" for name in members if not name.startswith("_"))):
                # `simulate`, `Fit.predict`, `storage.open_run`: what of the path people write. A member alone is not
                # enough, since many classes have a `plot`.
                words = path.removeprefix("gillespie_nn.").split(".")
                for k in range(len(words) - (1 if path == home else 2) + 1):
                    self._paths.setdefault(".".join(words[k:]), set()).add(path)

    def target(self, name: str, qualified: bool, item: griffe.Object, home: str) -> str | None:
        """Path of the object that `name` means in the docstring of `item`, or None if it means none or several."""
        parameters = getattr(item, "parameters", ()) if item.is_function or item.is_class else ()
        if (name in [p.name for p in parameters] and not qualified) or name == item.name or home.endswith(f".{name}"):
            return None
        if "." not in name and not qualified and f"{home.rpartition('.')[2]}.{name}" in self._paths:
            return f"{home}.{name}"  # another member of the same class
        paths = self._paths.get(name, set())
        if len(paths) > 1:  # the one of the same package, if there is one
            paths = {path for path in paths if path.rpartition(".")[0] == home.rpartition(".")[0]}
        return next(iter(paths)) if len(paths) == 1 else None


def rewrite(item: griffe.Object, target) -> None:
    """Replace the docstring of `item` by numpydoc with links; `target(name, qualified)` is what a name
    leads to, or None; a qualified one was written with the package, and is no parameter."""

    def prose(text):
        parts = re.split(r"(`[^`]*`)", make_api.escaped(text.strip("\n")))
        parts[1::2] = [linked(code) for code in parts[1::2]]
        return "".join(parts)

    def linked(code):
        name = _NAME.fullmatch(code[1:-1])
        path = target(name[2], bool(name[1])) if name else None
        return f"[{code}][{path}]" if path else code

    head, *sections = _UNDERLINED.split(item.docstring.value)
    made = [prose(head)]
    for title, body in zip(sections[::2], sections[1::2]):
        body, _, after = body.partition("\n\n")
        if title == "Parameters" and _ENTRY.match(body):
            _, *entries = _ENTRY.split(body)
            made.append(_section(title, zip(entries[::2], map(prose, map(_joined, entries[1::2])))))
        elif title == "Raises" and _ERROR.match(body):
            _, *entries = _ERROR.split(body)
            made.append(_section(title, zip(entries[::2], map(prose, map(_joined, entries[1::2])))))
        elif title == "Returns" and getattr(item, "returns", None) is not None:
            made.append(_section(title, [(str(item.returns), prose(_joined(body)))]))
        else:
            made.append(f"**{title}:** {prose(_joined(body))}")
        made.append(prose(after))
    item.docstring.value = "\n\n".join(filter(None, made))


def _joined(text):
    return " ".join(text.split())


def _section(title, entries):
    lines = [title, "-" * len(title)]
    for name, text in entries:
        lines += [name, f"    {text}"]
    return "\n".join(lines)


def _complete(thing: griffe.Class) -> None:
    """Show how a class is made if it has no `__init__`, and only bases that a user may know."""
    if "__init__" not in thing.members and "__new__" in thing.members:
        new = thing.members["__new__"]
        made = griffe.Function("__init__", parameters=griffe.Parameters(*new.parameters), parent=thing)
        thing.members["__init__"] = made
    thing.bases = [base for base in thing.bases if not str(base).startswith("_")]


def _add_options(function: griffe.Function) -> None:
    """Give a function that takes options its parameters and docstring of run time."""
    if not any(str(d.value).startswith("takes(") for d in function.decorators):
        return
    real = getattr(importlib.import_module(function.module.path), function.name)
    function.docstring.value = inspect.cleandoc(real.__doc__)
    static = {p.name: p for p in function.parameters}
    last = griffe.ParameterKind.var_keyword
    kept = [p for p in function.parameters if p.kind is not last]
    made = [
        griffe.Parameter(name, kind=griffe.ParameterKind.keyword_only, default=_shown(p))
        for name, p in inspect.signature(real).parameters.items()
        if name not in static
    ]
    function.parameters = griffe.Parameters(*kept, *made, *(p for p in static.values() if p.kind is last))


def _shown(parameter):
    return None if parameter.default is parameter.empty else repr(parameter.default)
