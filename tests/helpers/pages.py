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
