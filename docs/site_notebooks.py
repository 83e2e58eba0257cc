"""The notebooks as pages of the site: executed once for each state of the sources, and written as Markdown.

`python docs/site_notebooks.py` executes what has changed. The executed notebooks are in `build/notebooks`.
"""

import base64
import hashlib
import os
import re
import shutil
import sys
import time
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FOLDER = DOCS / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"
CELL_SECONDS = 3600
"""A cell that takes longer than this has a mistake."""
_NOT_EXECUTED = """!!! note
    This site was built without executing this notebook: {file}. `sh scripts/docs.sh` shows its outputs and figures."""
_FIRST = """%config InlineBackend.figure_formats = ["png"]
%config InlineBackend.rc = {"figure.dpi": 110}
"""
"""Executed before the first cell, and not shown."""
_DIGEST = "digest of the sources"
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""Colours of terminals."""
_IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}


def notebooks() -> list[Path]:
    """All notebooks, Python files in the percent format of jupytext."""
    return sorted(FOLDER.glob("*.py"))


@cache
def _digest_of_sources():
    """Digest of all that the outputs of a notebook depend on, besides the notebook."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in ("gillespie_nn", "kernels", "data"):
        for path in sorted(ROOT.joinpath(folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def digest(path: Path) -> str:
    """Digest of a notebook and of the sources."""
    return hashlib.sha256((_digest_of_sources() + path.read_text()).encode()).hexdigest()


def executed(path: Path):
    """The executed notebook, or None if there is none of the present sources."""
    import nbformat

    file = EXECUTED / f"{path.stem}.ipynb"
    if not file.exists():
        return None
    notebook = nbformat.read(file, as_version=4)
    return notebook if notebook.metadata.get(_DIGEST) == digest(path) else None


def execute(path: Path, show=print) -> None:
    """Execute a notebook at its full size; `show` gets a line for each cell. Raises nbclient's CellExecutionError."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    notebook = jupytext.read(path)
    n_cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_FIRST))
    start, done = time.monotonic(), 0

    def after(cell, cell_index, **_):
        nonlocal done
        if cell_index and cell.cell_type == "code":
            done += 1
            show(f"  {path.stem}: cell {done} of {n_cells}, {time.monotonic() - start:.0f} s")

    # What a notebook writes goes to an empty folder, so that a second execution meets no files of the first.
    folder = EXECUTED / "files" / path.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", on_cell_executed=after)
    client.extra_arguments = ["--IPKernelApp.log_level=40"]  # no advice about its connection
    client.resources = {"metadata": {"path": str(folder)}}
    client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])})
    del notebook.cells[0]
    notebook.metadata[_DIGEST] = digest(path)
    nbformat.write(notebook, EXECUTED / f"{path.stem}.ipynb")


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """(Markdown of a notebook; the files that go with it, by name). Without outputs if it was not executed."""
    import jupytext

    notebook = executed(path)
    parts, files = [], {}
    for cell in (notebook or jupytext.read(path)).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(_fenced(cell.source, "python"))
            for output in cell.get("outputs", ()):
                parts.append(_shown(output, path.stem, files))
    file = f"[Python file]({path.name})"
    if notebook is None:
        head = _NOT_EXECUTED.format(file=file)
    else:
        head = f"*Download: {file}, [notebook with outputs]({path.stem}.ipynb).*"
        files[f"{path.stem}.ipynb"] = (EXECUTED / f"{path.stem}.ipynb").read_bytes()
    title, *rest = filter(None, parts)
    heading, _, introduction = title.partition("\n")
    return "\n\n".join([heading, head, introduction.strip(), *rest]) + "\n", files


def _fenced(text, language):
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _shown(output, name, files):
    """Markdown of an output; an image goes into `files`. What a program writes to stderr is not shown."""
    data = output.get("data", {})
    for kind, suffix in _IMAGES.items():
        if kind in data:
            number = 1 + sum(not file.endswith(".ipynb") for file in files)
            files[f"{name}_{number}.{suffix}"] = base64.b64decode(data[kind])
            return f"![Figure {number}]({name}_{number}.{suffix})"
    if "text/html" in data:
        # Without empty lines, which would end the HTML.
        return "<div>\n" + re.sub(r"\n\s*\n", "\n", data["text/html"]) + "\n</div>"
    text = output.get("text", "") if output.get("name") == "stdout" else ""
    if output.output_type == "execute_result":
        text = data.get("text/plain", "")
    return _fenced(_ESCAPE.sub("", text).rstrip(), "text") if text.strip() else ""


def main() -> int:
    """Execute every notebook that has no outputs of the present sources."""
    waiting = [path for path in notebooks() if executed(path) is None]
    for k, path in enumerate(waiting):
        print(f"notebook {k + 1} of {len(waiting)}: {path.stem}", flush=True)
        try:
            execute(path, lambda line: print(line, flush=True))
        except Exception as error:  # of nbclient, whose text is cell and traceback
            print(f"{path.relative_to(ROOT)} failed:\n{_ESCAPE.sub('', str(error))}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
