"""Write docs/api.md, the reference, from the docstrings: `python docs/make_api.py`.

What is public is named by `__all__` of the package and of its subpackages. Sources are parsed, not imported, so that
docstrings of attributes are seen and the result is the same under every version of Python; but for functions that take
options (`gillespie_nn.options.takes`), whose further parameters are made when they are imported.
"""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "", "crn", "nn", "activations", "datasets", "noise", "simulation", "storage", "analysis", "verification",
    "propositions", "benchmarks", "studies",
)  # fmt: skip
HEAD = """# Reference

Made from the docstrings by `python docs/make_api.py`; do not edit. Everything is imported from the package that heads
its section. A name that stands in several packages is described in the first.
"""


def reference() -> str:
    """The text of the page."""
    seen, sections, contents = {}, [], []
    for package in PACKAGES:
        title = ".".join(filter(None, ["gillespie_nn", package]))
        path = ROOT.joinpath("gillespie_nn", *package.split("."), "__init__.py")
        contents.append(f"- [{title}](#{title.replace('.', '')})")
        lines = [f"## {title}", "", ast.get_docstring(_tree(path)), ""]
        for name in sorted(_names(path), key=str.lower):
            file, node = _definition(path, name)
            if node in seen:
                lines += [f"**`{name}`**: see [{seen[node]}](#{seen[node].replace('.', '')}).", ""]
            else:
                seen[node] = title
                lines += _described(name, node, file)
        sections.append("\n".join(lines))
    return "\n".join([HEAD, *contents, "", *sections])


_trees = {}


def _tree(path):
    if path not in _trees:
        _trees[path] = ast.parse(path.read_text())
    return _trees[path]


def _text(node):
    return ast.unparse(node).replace("lambda :", "lambda:")  # as Python 3.10 has it


def _assigned(node):
    """Name that a statement gives a value or an annotation to, or None."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _names(path):
    for node in _tree(path).body:
        if _assigned(node) == "__all__":
            return [name for name in ast.literal_eval(node.value) if not name.startswith("__")]
    return []


def _definition(path, name):
    """(file, statement) that defines `name`, followed through imports."""
    body = _tree(path).body
    later = [node for part in body if isinstance(part, ast.If) for node in part.body]  # under TYPE_CHECKING
    for node in [*body, *later]:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name or _assigned(node) == name:
            return path, node
        if isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
                    return _definition(file, alias.name)
    raise LookupError(f"{path} has no {name}")


def _described(name, node, file):
    """Heading, and in one block signature and docstrings of a definition, as Python's own help has them."""
    if isinstance(node, ast.FunctionDef):
        lines = _entry(*(_with_options(node, file) or (_signature(node), ast.get_docstring(node))))
    elif isinstance(node, ast.ClassDef):
        bases = ", ".join(_text(b) for b in node.bases)
        lines = _entry(f"class {name}({bases})" if bases else f"class {name}", ast.get_docstring(node))
        members = [found for member in node.body if (found := _member(member, node.body))]
        for before, member in zip([["", ""], *members], members):
            gap = [""] * (max(len(before), len(member)) > 1)  # fields without docstrings stay together
            lines += [f"    {line}".rstrip() for line in [*gap, *member]]
    else:
        lines = _entry(_text(node), _after(_tree(file).body, node))
    return [f"### {name}", "", "```", *lines, "```", ""]


def _member(member, body):
    """Lines of a public method, property or attribute; none of what is not public."""
    called = getattr(member, "name", None) or _assigned(member)
    if called is None or (called.startswith("_") and called != "__init__"):
        return []
    if not isinstance(member, ast.FunctionDef):
        return _entry(_text(member), _after(body, member))
    text = _signature(member)
    if {_text(d) for d in member.decorator_list} & {"property", "cached_property"}:
        text = called if member.returns is None else f"{called}: {_text(member.returns)}"
    return _entry(text, ast.get_docstring(member))


def _entry(text, docstring):
    """A signature, and its docstring indented below."""
    head = textwrap.wrap(text, 110, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)
    return [*head, *(f"    {line}".rstrip() for line in inspect.cleandoc(docstring or "").splitlines())]


def _signature(node):
    arguments = _text(node.args)
    for first in ("self, ", "cls, ", "self", "cls"):
        if arguments.startswith(first):
            arguments = arguments.removeprefix(first)
            break
    returns = f" -> {_text(node.returns)}" if node.returns is not None else ""
    return f"{node.name}({arguments}){returns}"


def _with_options(node, file):
    """Signature and docstring of a function that takes options, or None."""
    if not any(isinstance(d, ast.Call) and _text(d.func) == "takes" for d in node.decorator_list):
        return None
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    function = getattr(importlib.import_module(module), node.name)
    made = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    own, rest = _signature(node).split("**", 1)
    named = "".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") + ", " for p in made)
    return f"{own}*, {named}**{rest}", function.__doc__


def _after(body, node):
    """The docstring that follows an attribute, or None."""
    k = body.index(node) + 1
    following = body[k].value if k < len(body) and isinstance(body[k], ast.Expr) else None
    is_text = isinstance(following, ast.Constant) and isinstance(following.value, str)
    return following.value if is_text else None


if __name__ == "__main__":
    (ROOT / "docs" / "api.md").write_text(reference())
