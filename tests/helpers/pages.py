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
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def commands(page):
    """Every complete command line `gillespie-nn ...` of a page, without the file that its output goes to."""
    lines = []
    for block in blocks(page):
        if block.language in ("", "sh"):
            lines += block.text.replace("\\\n", " ").splitlines()
    lines += re.findall(r"`(gillespie-nn [^`]+)`", prose(page).replace("\n", " "))
    return [line.partition(" > ")[0] for line in lines if line.startswith("gillespie-nn ")]


def entries(text):
    """{(section, name): words} of a reference: what is said of each name, wherever its lines end."""
    found, section = {}, ""
    for head, name, body in re.findall(r"^(## |### |\*\*`)([^`\n]+)(.*?)(?=^## |^### |^\*\*`|\Z)", text, re.M | re.S):
        section = name if head == "## " else section
        key = (section, "" if head == "## " else name)
        assert key not in found, key
        found[key] = body.split()
    return found


def answers(text):
    """{(section, what was done): answer} of the page of messages, wherever its lines end."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        section, _, rest = part.partition("\n")
        for done, answer in re.findall(r"^(`.*?)\s*\n((?:> .*\n?)+)", rest, re.M):
            assert (section, done) not in found, done
            found[section, done] = " ".join(" ".join(line.removeprefix(">") for line in answer.splitlines()).split())
    return found
