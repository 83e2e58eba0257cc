"""`.net` files, rewritten where BioNetGen's `run_network` would do otherwise than the file says.

- `time()` stands still while CVODE steps, so functions get the count of a clock, a species that is made at rate 1;
- the direct method takes amounts such as 6.022 as they are, so for that they become whole;
- it crashes when a species appears that no reaction reads, which it takes for one whose reactions are yet to be
  generated, so such a species gets a reaction to itself that never fires.
"""

import re

from ..crn import ReactionNetwork

_CLOCK = "clock_of_the_check"
_NEVER = "never_of_the_check 1e-300"
"""A parameter: a rate [1/s] at which nothing fires. BioNetGen leaves out reactions with rate 0."""
_TIME = re.compile(r"\btime\s*\(\s*\)")
_AMOUNT = re.compile(r"(\s*\d+\s+\S+\s+)[^#\n]*?(\s*(?:#.*)?)", re.ASCII)


def with_clock(text: str) -> str:
    """`text`, whose functions read the count of a clock in place of `time()`."""
    if not _TIME.search(text):
        return text
    species, reaction = 1 + _last(text, "species"), 1 + _last(text, "reactions")
    text = _TIME.sub(_CLOCK, text)
    return _with_lines(
        text,
        parameters=[f"{1 + len(lines_of(text, 'parameters'))} {_CLOCK}_rate 1"],
        species=[f"{species} {_CLOCK}() 0"],
        reactions=[f"{reaction} 0 {species} {_CLOCK}_rate"],
        groups=[f"{1 + len(lines_of(text, 'groups'))} {_CLOCK} {species}"],
    )


def with_readers(text: str) -> str:
    """`text`, in which every species is a reactant of some reaction."""
    read = {s for line in lines_of(text, "reactions") for s in line.split()[1].split(",")}
    unread = [s for line in lines_of(text, "species") if (s := line.split()[0]) not in read]
    first = 1 + _last(text, "reactions")
    return _with_lines(
        text,
        parameters=[f"{1 + len(lines_of(text, 'parameters'))} {_NEVER}"],
        reactions=[f"{n} {s} {s} {_NEVER.split()[0]}" for n, s in enumerate(unread, first)],
    )


def with_whole_amounts(text: str, network: ReactionNetwork) -> str:
    """`text` with the initial amounts of `network`, which was read from it, rounded to whole numbers."""
    amounts = iter(round(float(amount)) for amount in network.initial.values())
    start, end = _place(text, "species")
    lines = text[start:end].splitlines(keepends=True)
    for k, line in enumerate(lines):
        if line.partition("#")[0].strip():
            match = _AMOUNT.fullmatch(line.rstrip("\r\n"))
            if match is None:
                raise RuntimeError(f"the check cannot rewrite the line {line.strip()!r} of the species")
            lines[k] = f"{match[1]}{next(amounts)}{match[2]}\n"
    return text[:start] + "".join(lines) + text[end:]


def _with_lines(text: str, **lines: list[str]) -> str:
    """`text` with more lines at the ends of blocks, by the names of these."""
    for block, more in lines.items():
        if f"end {block}" not in text:
            text = f"begin {block}\nend {block}\n{text}"
        text = text.replace(f"end {block}", "\n".join([*more, f"end {block}"]))
    return text


def _place(text: str, block: str) -> tuple[int, int]:
    match = re.search(rf"^\s*begin {block}\s*?$\n?(.*?)^\s*end {block}\s*$", text, re.MULTILINE | re.DOTALL)
    return match.span(1) if match else (0, 0)


def lines_of(text: str, block: str) -> list[str]:
    """The lines of a block that say something."""
    start, end = _place(text, block)
    return [line for line in text[start:end].splitlines() if line.partition("#")[0].strip()]


def _last(text: str, block: str) -> int:
    """The largest index of a block."""
    return max((int(line.split()[0]) for line in lines_of(text, block)), default=0)
