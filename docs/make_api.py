"""Write the pages of the reference, docs/api/*.md: `python docs/make_api.py`.

What is public is named by `__all__` of the package and of its subpackages. A page lists the names of one package, each
with the first sentence of its docstring, and has a heading for each. Below a heading stands a line for mkdocstrings,
which `scripts/docs.sh` replaces by signature and docstring. Sources are parsed, not imported, so that docstrings of
attributes are seen.
"""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "api"
PACKAGES = (
    "", "crn", "nn", "activations", "datasets", "noise", "simulation", "storage", "analysis", "verification",
    "propositions", "benchmarks", "studies", "experiments",
)  # fmt: skip
INDEX = """# Reference

Every public name, by the package that it is imported from. In Python, `help(gnn.simulate)` shows the same text, and
`sh scripts/docs.sh` makes a site of these pages, with signatures and docstrings below the headings.

| package | content |
|---|---|
"""


def title(package: str) -> str:
    """The name that a package is imported by."""
    return ".".join(filter(None, ["gillespie_nn", package]))


def page_of(package: str) -> str:
    """Name of the file that describes a package."""
    return f"{package or 'gillespie_nn'}.md"


@cache
def public() -> dict[tuple[str, str], tuple[str, Path, ast.stmt]]:
    """For each public (package, name): (the first package that has the same thing, file, statement that defines it)."""
    first, names = {}, {}
    for package in PACKAGES:
        path = ROOT.joinpath("gillespie_nn", *package.split("."), "__init__.py")
        for name in sorted(_names(path), key=str.lower):
            file, node = _definition(path, name)
            names[package, name] = (first.setdefault(node, package), file, node)
    return names


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    texts, index = {}, [INDEX]
    for package in PACKAGES:
        path = ROOT.joinpath("gillespie_nn", *package.split("."), "__init__.py")
        about = escaped(ast.get_docstring(_tree(path)))
        index.append(f"| [{title(package)}]({page_of(package)}) | {first_sentence(about)} |\n")
        rows, sections, headings = [], [], []
        for (place, name), (home, file, node) in public().items():
            if place != package:
                continue
            target = page_of(home) if home != package else ""
            if not target:
                sections.append(f"## {name}\n\n::: {title(package)}.{name}\n")
            # Where two names differ only by capitals, the second anchor gets a number, as GitHub has it.
            repeats = headings.count(name.lower())
            headings += [] if target else [name.lower()]
            anchor = name.lower() + (f"-{repeats}" if repeats and not target else "")
            sentence = first_sentence(escaped(_docstring(file, node))).replace("|", r"\|")
            rows.append(f"| [{escaped(name)}]({target}#{anchor}) | {sentence} |\n")
        head = f"# {escaped(title(package))}\n\n{about}\n\n| name | |\n|---|---|\n"
        texts[page_of(package)] = "\n".join([head + "".join(rows), *sections])
    return {"README.md": "".join(index), **texts}


def escaped(text: str | None) -> str:
    """A docstring as Markdown: what is plain text there, stays so, and code between backticks is unchanged."""
    parts = re.split(r"(`[^`]*`)", text or "")
    # Inside words `_` is no emphasis, and brackets are a link only if more brackets follow.
    special = r"[\\*]|(?<!\w)_|_(?!\w)|\](?=\s?[\[(])"
    parts[::2] = [re.sub(special, r"\\\g<0>", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def first_sentence(text: str) -> str:
    """The first sentence of a text, or its first paragraph if that ends without a full stop."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    end = re.search(r"(?<!\be\.g)(?<!\bi\.e)[.](?= |$)", paragraph)
    return paragraph[: end.end()] if end else paragraph


@cache
def _tree(path):
    return ast.parse(path.read_text())


def _assigned(node):
    """Name that a statement gives a value or an annotation to, or None."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def name_of(node: ast.stmt) -> str | None:
    """Name that a statement defines, or None."""
    return node.name if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else _assigned(node)


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
        if name_of(node) == name:
            return path, node
        if isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
                    return _definition(file, alias.name)
    raise LookupError(f"{path} has no {name}")


def _docstring(file, node):
    """The docstring of a definition; of an attribute it is the text that follows."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return ast.get_docstring(node)
    body = _tree(file).body
    k = body.index(node) + 1
    following = body[k].value if k < len(body) and isinstance(body[k], ast.Expr) else None
    is_text = isinstance(following, ast.Constant) and isinstance(following.value, str)
    return following.value if is_text else None


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
