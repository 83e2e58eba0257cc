"""What the site does with the pages, as hooks of mkdocs.

The pages are written for a code host. Links lead to files of the repository: those of `docs/` become pages of the site,
and those outside (README.md, FORMAT.md, ...) are brought into it, under `project/`. The navigation is that of the
tables in docs/README.md. A notebook becomes a page with its outputs, see `site_notebooks`.
"""

import posixpath
import re
import sys
from collections import Counter
from pathlib import Path

from mkdocs.structure.files import File, InclusionLevel

sys.path.insert(0, str(Path(__file__).parent))
import site_notebooks

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

_NOT_PROSE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?:\[([^\[\]]*))?\]\(([^)\s]+)\)")
"""Text and target. The text is None if it holds code, which `_NOT_PROSE` takes out."""
_ENTRY = re.compile(r"^(## \w+\n\n)(::: [\w.]+)$", re.MULTILINE)
"""An entry of the reference, as `make_api` writes it."""
_SECTION = re.compile(r"^\| \*\*(.+?)\*\* \| \|$|^## (.+)$")
_SHOWN = (".md", ".png", ".svg", ".html")
"""Files that a browser shows. The text of others becomes a page."""
_LANGUAGES = {".py": "python", ".sh": "sh", ".toml": "toml", ".cff": "yaml", ".csv": "text"}


def on_config(config):
    """Take the navigation from the tables of docs/README.md."""
    config.nav = navigation(DOCS / "README.md")
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    return config


def navigation(page: Path) -> list:
    """The page itself, and in sections what its tables and lists link to; a README that is linked is a section."""
    nav, section = [_source(page)], None
    for line in page.read_text().splitlines():
        if title := _SECTION.match(line):
            section = []
            nav.append({(title[1] or title[2]).capitalize(): section})
        elif line.startswith(("| ", "- ")):
            for _, target in _LINK.findall(line):
                path = (page.parent / target.partition("#")[0]).resolve()
                inner = path.name == "README.md" and path.is_relative_to(DOCS)
                entry = {_title(path): navigation(path)} if inner else _source(path)
                (nav if section is None else section).append(entry)
    return nav


def _title(page):
    return re.search(r"^# (.*)$", page.read_text(), re.MULTILINE)[1]


def _source(path: Path) -> str:
    """Where a file of the repository is among the sources of the site."""
    if path.is_relative_to(DOCS):
        place = path.relative_to(DOCS).as_posix()
        return place.removesuffix(".py") + ".md" if path in site_notebooks.notebooks() else place
    place = "project/" + path.relative_to(ROOT).as_posix()
    # A README would become the first page of the section that its link stands in.
    place = re.sub(r"README\.md$", "about.md", place)
    return place if path.suffix in _SHOWN else f"{place}.md"


def _repository_path(source: str) -> Path:
    """The file of the repository that is this source of the site."""
    if not source.startswith("project/"):
        path = DOCS / source
        return path if path.exists() else path.with_suffix(".py")
    path = ROOT / re.sub(r"about\.md$", "README.md", source.removeprefix("project/"))
    return path if path.exists() else path.with_suffix("")


def on_files(files, config):
    """Add the notebooks, and every file outside `docs/` that a page links to."""
    for notebook in site_notebooks.notebooks():
        text, figures = site_notebooks.page(notebook)
        source = _source(notebook)
        files.append(File.generated(config, source, content=text))
        for name, content in figures.items():
            files.append(File.generated(config, posixpath.join(posixpath.dirname(source), name), content=content))
    waiting = [_repository_path(f.src_uri) for f in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        if page.suffix != ".md":
            continue
        for target in _targets(page.read_text()):
            path = (page.parent / target.partition("#")[0]).resolve()
            if path.is_file() and path.is_relative_to(ROOT) and files.get_file_from_path(_source(path)) is None:
                content = path.read_bytes() if path.suffix in _SHOWN else _as_page(path)
                # Tables need not name it.
                inclusion = InclusionLevel.NOT_IN_NAV
                files.append(File.generated(config, _source(path), content=content, inclusion=inclusion))
                waiting.append(path)
    return files


def on_post_build(config):
    """Write the index of the search as a script, too, which a page that was opened as a file can load."""
    index = Path(config.site_dir, "search", "search_index.json")
    index.with_suffix(".js").write_text(f"var __index = {index.read_text()}")


def _as_page(path):
    return f"# {path.name}\n\n```{_LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}```\n"


def _targets(text):
    return [t for part in _NOT_PROSE.split(text)[::2] for _, t in _LINK.findall(part) if "://" not in t]


def on_page_markdown(markdown, page, config, files):
    """Let links to files of the repository lead to their pages."""
    here = _repository_path(page.file.src_uri)

    def replaced(match):
        target, _, anchor = match[2].partition("#")
        path = (here.parent / target).resolve() if target else here
        # mkdocs checks all other links itself. One of a notebook to its Python file is one to this file.
        if "://" in match[2] or not path.is_file() or not path.is_relative_to(ROOT) or target and path == here:
            return match[0]
        source = posixpath.relpath(_source(path), posixpath.dirname(page.file.src_uri) or ".") if target else ""
        if anchor and path.suffix == ".md":
            anchor = _anchors(path.read_text()).get(anchor, anchor)
        # A page is called by its file on a code host, by its title in the site.
        label = _title(path) if match[1] == path.name and path.suffix == ".md" else match[1]
        return ("" if label is None else f"[{label}") + f"]({source}{'#' + anchor if anchor else ''})"

    parts = _NOT_PROSE.split(_with_lists(markdown))
    parts[::2] = [_LINK.sub(replaced, part) for part in parts[::2]]
    return _ENTRY.sub(r"\2", "".join(parts))  # mkdocstrings makes the headings


def _with_lists(markdown):
    """A list may follow a paragraph without an empty line on a code host, but not in Python's Markdown."""
    lines, in_code, before = [], False, ""
    for line in markdown.splitlines():
        in_code ^= line.startswith("```")
        if line.startswith("- ") and before.strip() and not before.startswith(("- ", " ", "#")) and not in_code:
            lines.append("")
        lines.append(line)
        before = line
    return "\n".join(lines) + "\n"


def _anchors(text):
    """Anchors of the site, by those that a code host makes of the same headings."""
    anchors, count = {}, Counter()
    entries = {heading.strip(): line.removeprefix("::: ") for heading, line in _ENTRY.findall(text)}
    without_code = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ .*$", without_code, re.MULTILINE):
        name = slug(heading.lstrip("#"))
        n = count[name]
        count[name] += 1
        # The second heading of one name gets a number, by Python's Markdown behind another sign. An entry of the
        # reference has the path of its object.
        anchors[f"{name}-{n}" if n else name] = entries.get(heading) or (f"{name}_{n}" if n else name)
    return anchors


def slug(title, separator="-"):
    """Anchor of a heading, as code hosts make it."""
    title = re.sub(r"<[^>]*>", "", title)
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", separator)
