"""The guides in docs/: their Python runs as written and prints what they say, their commands parse, their links lead
somewhere, their figures are made by a named command, and the reference is that of the docstrings."""

import contextlib
import importlib
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gillespie_nn.data
import gillespie_nn.kernels
from gillespie_nn.cli import make_parser
from helpers.pages import anchors, blocks, broken, commands, links, prose
from helpers.paths import DOCS, ROOT

PAGES = sorted(DOCS.glob("*.md"))
EXTENDING = DOCS / "extending.md"
NEEDS = {"files": ("h5netcdf", "xarray"), "cluster": ("distributed",)}
"""Libraries of extras that the Python of a page takes."""


def _import(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runs(page):
    """The Python blocks of a page that run here, each with the output that the page gives for it, or None."""
    every = blocks(page)
    for block, after in zip(every, [*every[1:], None]):
        if block.language == "python":
            expected = after.text if after is not None and after.language == "text" else None
            yield block, expected


@pytest.mark.parametrize("page", [p for p in PAGES if p != EXTENDING and any(runs(p))], ids=lambda p: p.stem)
def test_the_python_of_a_page_runs_as_written_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    for library in NEEDS.get(page.stem, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}
    for block, expected in runs(page):
        said = io.StringIO()
        code = compile("\n" * (block.line - 1) + block.text, page.name, "exec")
        with contextlib.redirect_stdout(said):
            exec(code, namespace)
        if expected is not None:
            assert said.getvalue() == expected, f"{page.name}, line {block.line}"


OF_THE_PROJECT = ("*.md", "data/*.md", "gillespie_nn/*/*.md", "tests/*/*.md", "docs/**/*.md", "docs/notebooks/*.py")
WITH_LINKS = [page for pattern in OF_THE_PROJECT for page in sorted(ROOT.glob(pattern)) if links(page)]
WITH_COMMANDS = [page for page in PAGES if page.stem != "errors" and commands(page)]


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    assert broken(page, ROOT) == []


def test_every_page_is_in_the_index_and_the_index_in_the_readme():
    index = (DOCS / "README.md").read_text()
    for page in PAGES:
        assert page.name == "README.md" or f"({page.name})" in index, page.name
    for folder in ("api", "notebooks"):
        assert f"({folder}/README.md)" in index
        inner = (DOCS / folder / "README.md").read_text()
        for page in (DOCS / folder).iterdir():
            assert page.suffix not in (".md", ".py") or page.name == "README.md" or f"({page.name})" in inner, page
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()


def test_every_figure_is_made_by_a_command_that_its_page_names(tmp_path):
    pytest.importorskip("matplotlib")
    n_figures = 0
    for page in PAGES:
        figures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", prose(page))
        scripts = set(re.findall(r"python (docs/draw_\w+\.py)", page.read_text()))
        for script in scripts:
            subprocess.run([sys.executable, ROOT / script, tmp_path], check=True)
        for figure in figures:
            assert (tmp_path / figure).is_file(), f"{page.name} shows {figure}, which none of {scripts} draws"
            drawn, kept = (set(re.findall(r"<!-- (.*?) -->", (f / figure).read_text())) for f in (tmp_path, DOCS))
            assert drawn == kept, f"{figure} was drawn by another {scripts}"
        n_figures += len(figures)
    assert n_figures >= 2


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda p: p.stem)
def test_the_real_parser_takes_every_command_of_a_page(page, capsys):
    for line in commands(page):
        try:
            make_parser().parse_args(shlex.split(line, comments=True)[1:])
        except SystemExit as end:
            assert end.code == 0, f"{line}: {capsys.readouterr().err}"


def outputs(page):
    """Files that the commands of a page write and do not replace."""
    for line in commands(page):
        words = shlex.split(line, comments=True)[1:]
        if "--overwrite" not in words:
            for option, value in zip(words, words[1:]):
                if option in ("--output", "--figure"):
                    yield value
            if words[0] == "report" and "--output" not in words:
                yield words[1].removesuffix("h5") + "html"


def test_no_command_of_a_page_meets_a_file_that_another_one_wrote():
    """A reader may paste the commands of all pages, one after the other, after the quickstart."""
    pages = [ROOT / "README.md", *(p for p in PAGES if p.stem != "errors")]
    written = Counter(["runs/xor.h5", "runs/xor.png"])
    for page in pages:
        written.update(outputs(page))
    assert len(written) > 15 and [name for name, times in written.items() if times > 1] == []


def test_the_model_file_of_getting_started_is_the_model_of_its_python():
    page = DOCS / "getting-started.md"
    (file,) = re.findall(r"^cat > model.txt <<'END'\n(.*?)^END$", page.read_text(), re.MULTILINE | re.DOTALL)
    model = re.search(r'from_text\("""\n(.*?)"""', page.read_text(), re.DOTALL)[1]
    assert [line.strip() for line in model.strip().splitlines()] == file.splitlines()


def test_every_public_name_has_an_entry_in_the_reference():
    pages = {path.stem: path.read_text() for path in (DOCS / "api").glob("*.md")}
    n_names = 0
    for name in ("gillespie_nn", *(f"gillespie_nn.{part}" for part in gillespie_nn._MODULES)):
        text = pages[name.rpartition(".")[2]]
        for public in importlib.import_module(name).__all__:
            if public.startswith("__"):
                continue
            n_names += 1
            row = re.search(rf"^\| \[{public}\]\((.*?)#.*?\) \| \S", text, re.MULTILINE)
            assert row, f"{name}.{public}"
            home = pages[row[1].removesuffix(".md")] if row[1] else text
            assert re.search(rf"^## {public}\n\n::: gillespie_nn[\w.]*\.{public}$", home, re.MULTILINE), (
                f"{name}.{public}"
            )
    assert n_names > 150


def test_the_reference_is_that_of_the_docstrings():
    made = _import("make_api").pages()
    run = "run python docs/make_api.py"
    assert {path.name for path in (DOCS / "api").iterdir()} == set(made), run
    for name, text in made.items():
        assert (DOCS / "api" / name).read_text() == text, f"docs/api/{name} says something else: {run}"


def test_a_docstring_becomes_markdown_that_shows_the_same():
    make_api = _import("make_api")
    assert make_api.escaped("x_s' = `a*b` * W_ [1] [s] <b>") == "x_s' = `a*b` \\* W\\_ [1\\] [s] &lt;b>"
    assert make_api.first_sentence("One, e.g. this,\nin 2.5 lines. Two.") == "One, e.g. this, in 2.5 lines."
    assert make_api.first_sentence("No stop\n\nMore.") == "No stop"


# the page on extending: its files and lines go into a copy of the package, and its Python runs with that


def apply(change, folder):
    """Apply a block in the form of a diff: `--- FILE`, lines that stand there, lines to remove and lines to add; `@@`
    ends a place."""
    head, *lines = change.splitlines()
    path = folder / head.removeprefix("--- ")
    for hunk in "\n".join(lines).split("\n@@\n"):
        text, hunk = path.read_text(), hunk.splitlines()
        old, new = ("\n".join(line[1:] for line in hunk if line[:1] != sign) + "\n" for sign in "+-")
        assert text.count(old) == 1, f"{path} has not once:\n{old}"
        path.write_text(text.replace(old, new))


_SEE_KERNELS = """
import importlib.util, sys

class Elsewhere:
    folders = {folders!r}

    def find_spec(self, name, path=None, target=None):
        if name in self.folders:
            folder = self.folders[name]
            return importlib.util.spec_from_file_location(
                name, folder + "/__init__.py", submodule_search_locations=[folder]
            )

sys.meta_path.insert(0, Elsewhere())
sys.path.insert(0, {copy!r})
"""
"""Compiled loops are found where they are kept, by the place of their source: a copy would be compiled anew."""


def extended(page, folder):
    """A copy of the package in `folder` with what the page adds, and the script of its other Python."""
    ignored = shutil.ignore_patterns("kernels", "data", "__pycache__")
    shutil.copytree(ROOT / "gillespie_nn", folder / "gillespie_nn", ignore=ignored)
    modules = (gillespie_nn.kernels, gillespie_nn.data)
    folders = {module.__name__: str(Path(module.__file__).parent) for module in modules}
    script = [_SEE_KERNELS.format(folders=folders, copy=str(folder))]
    for block in blocks(page):
        named = re.match(r"File `(gillespie_nn/[\w/]+\.py)`:$", block.before)
        if block.language == "diff":
            apply(block.text, folder)
        elif block.language == "python" and named:
            assert not (folder / named[1]).exists(), named[1]
            (folder / named[1]).write_text(block.text)
        elif block.language == "python":
            script.append(block.text)
    return "\n".join(script)


def test_the_examples_of_extending_work_as_written(tmp_path):
    script = extended(EXTENDING, tmp_path)
    (tmp_path / "use.py").write_text(script)
    done = subprocess.run([sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(b.text for b in blocks(EXTENDING) if b.language == "text")


def test_the_python_of_all_pages_is_in_style(tmp_path):
    ruff = shutil.which("ruff") or pytest.importorskip("ruff").find_ruff_bin()
    shutil.copy(ROOT / "ruff.toml", tmp_path)
    for page in PAGES:
        for k, block in enumerate(b for b in blocks(page) if b.language == "python"):
            (tmp_path / f"{page.stem}_{k}.py").write_text(block.text)
    for command in (["check", "--ignore", "F821,I001,E402"], ["format", "--check"]):
        done = subprocess.run([ruff, *command, tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_page_that_is_wrong_is_caught(tmp_path):
    """Of each test here, what it looks at."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, twice\n\n# A title, twice\n\n```python\nprint(1)\n```\n\n```text\n2\n```\n`gillespie-nn x`\n"
    )
    ((block, expected),) = runs(page)
    assert (block.text, block.line, expected) == ("print(1)\n", 6, "2\n")
    assert anchors(page) == {"a-title-twice", "a-title-twice-1"} and commands(page) == ["gillespie-nn x"]
    (tmp_path / "code.py").write_text("a\nb\nc\n")
    apply("--- code.py\n a\n-b\n+B\n@@\n c\n+d\n", tmp_path)
    assert (tmp_path / "code.py").read_text() == "a\nB\nc\nd\n"
    with pytest.raises(AssertionError, match="has not once"):
        apply("--- code.py\n-b\n+B\n", tmp_path)
    with pytest.raises(SystemExit):
        make_parser().parse_args(shlex.split(commands(page)[0])[1:])
    written = ("x --output a.h5 --figure a.png", "report a.h5  # one page", "y --output b --overwrite")
    page.write_text("```\n" + "".join(f"gillespie-nn {line}\n" for line in written) + "```\n")
    assert list(outputs(page)) == ["a.h5", "a.png", "a.html"]
    page.write_text(
        "# A\n[one](b.md#c), [two](https://a.org), `[no](x)`, [a](#a), [d](#d), [e](../e) and ![three](a.svg)"
    )
    (tmp_path / "b.md").write_text("# B\n\n```\n# c\n```\n")
    assert links(page) == ["b.md#c", "#a", "#d", "../e", "a.svg"]
    (tmp_path.parent / "e").write_text("")
    assert broken(page, tmp_path) == ["b.md#c", "#d", "../e", "a.svg"]
    notebook = tmp_path / "n.py"
    notebook.write_text("# %% [markdown]\n# # A title\n#\n# [b](b.md)\n\n# %%\n# [no](x.md)\n")
    assert links(notebook) == ["b.md"] and anchors(notebook) == {"a-title"}


def test_most_pages_have_links_and_commands():
    assert len(WITH_LINKS) >= 25 and len(WITH_COMMANDS) >= 10


def test_no_page_has_a_gap_to_be_filled():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    assert not [(page.name, gap) for page in pages for gap in re.findall(r"^@[A-Z]+$", page.read_text(), re.MULTILINE)]
