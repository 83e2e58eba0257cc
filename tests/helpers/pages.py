"""The parts of a page of the documentation."""

import re
from typing import NamedTuple

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    before: str
    """The last line before it that is not empty."""


def blocks(page):
    """All fenced blocks of a page, in order."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        above = text[: match.start()]
        before = above.rstrip().rpartition("\n")[2]
        found.append(Block(match[1], match[2], above.count("\n") + 2, before))
    return found


def prose(page):
    """A page without its fenced blocks; of a notebook, its cells of Markdown."""
    text = page.read_text()
    if page.suffix == ".py":
        _, *cells = re.split(r"^# %%(.*)$", text, flags=re.MULTILINE)
        marked = [source for head, source in zip(cells[::2], cells[1::2]) if "[markdown]" in head]
        text = re.sub(r"^# ?", "", "".join(marked), flags=re.MULTILINE)
    return _FENCE.sub("", text)


def links(page):
    """Targets of the links of a page that lead to files or headings of the project."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", t)]


def anchors(page):
    """Anchors of the headings of a page, as code hosts make them."""
    made = []
    for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        n = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", a) is not None for a in made)
        made.append(f"{slug}-{n}" if n else slug)
    return set(made)


def broken(page, root):
    """Links of a page that lead to no file of the project, or to no heading."""
    listed = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        path = (page.parent / path).resolve() if path else page
        inside = path.exists() and path.is_relative_to(root)
        if not inside or anchor and (path.suffix not in (".md", ".py") or anchor not in anchors(path)):
            listed.append(target)
    return listed


def commands(page):
    """Every complete command line `gillespie-nn ...` of a page, without the file that its output goes to."""
    lines = []
    for block in blocks(page):
        if block.language in ("", "sh"):
            lines += block.text.replace("\\\n", " ").splitlines()
    lines += re.findall(r"`(gillespie-nn [^`]+)`", prose(page).replace("\n", " "))
    return [line.partition(" > ")[0] for line in lines if line.startswith("gillespie-nn ")]


def answers(text):
    """{(section, what was done): answer} of the page of messages, wherever its lines end."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        section, _, rest = part.partition("\n")
        for done, answer in re.findall(r"^(`.*?)\s*\n((?:> .*\n?)+)", rest, re.M):
            assert (section, done) not in found, done
            found[section, done] = " ".join(" ".join(line.removeprefix(">") for line in answer.splitlines()).split())
    return found
