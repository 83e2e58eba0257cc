"""What BioNetGen's `run_network` makes of a `.net` file: counts over time, by its rate equations or its direct method.

Before it gets a file, that is rewritten where the program would do otherwise than the file says:

- `time()` stands still while CVODE steps, so functions get the count of a clock, a species that is made at rate 1;
- the direct method takes amounts such as 6.022 as they are, so for that they become whole;
- it crashes when a species appears that no reaction reads, which it takes for one whose reactions are yet to be
  generated, so such a species gets a reaction to itself that never fires.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..benchmarks.networks.run_network import program
from ..crn import ReactionNetwork

RTOL, ATOL = 1e-10, 1e-13
"""Tolerances of CVODE, relative and [molecules]."""
_MOST_DENSE = 300
"""Species up to which CVODE solves its equations directly, not by GMRES."""
_CLOCK = "clock_of_the_check"
_NEVER = "never_of_the_check 1e-300"
"""A parameter: a rate [1/s] at which nothing fires. BioNetGen leaves out reactions with rate 0."""
_SECONDS = 3600
_TIME = re.compile(r"\btime\s*\(\s*\)")
_AMOUNT = re.compile(r"(\s*\d+\s+\S+\s+)[^#\n]*?(\s*(?:#.*)?)", re.ASCII)


def rate_equations(text: str, times: Sequence[float]) -> np.ndarray:
    """Amounts float64[time, species] [molecules] at `times` [s], by CVODE. Raises RuntimeError if it fails."""
    n = len(_block(text, "species"))
    solver = ["-b"] if n > _MOST_DENSE else []
    found = _run(with_clock(text), ["-p", "cvode", *solver, "-r", RTOL, "-a", ATOL], times)
    return found[:, :n]


def stochastic(text: str, times: Sequence[float], seed: int) -> np.ndarray:
    """Counts float64[time, species] [molecules] at `times` [s], by the direct method. Raises RuntimeError if it
    fails."""
    return _run(with_readers(text), ["-p", "ssa", "-h", seed], times)


def with_clock(text: str) -> str:
    """`text`, whose functions read the count of a clock in place of `time()`."""
    if not _TIME.search(text):
        return text
    species, reaction = 1 + _last(text, "species"), 1 + _last(text, "reactions")
    text = _TIME.sub(_CLOCK, text)
    return _with_lines(
        text,
        parameters=[f"{1 + len(_block(text, 'parameters'))} {_CLOCK}_rate 1"],
        species=[f"{species} {_CLOCK}() 0"],
        reactions=[f"{reaction} 0 {species} {_CLOCK}_rate"],
        groups=[f"{1 + len(_block(text, 'groups'))} {_CLOCK} {species}"],
    )


def with_readers(text: str) -> str:
    """`text`, in which every species is a reactant of some reaction."""
    read = {s for line in _block(text, "reactions") for s in line.split()[1].split(",")}
    unread = [s for line in _block(text, "species") if (s := line.split()[0]) not in read]
    first = 1 + _last(text, "reactions")
    return _with_lines(
        text,
        parameters=[f"{1 + len(_block(text, 'parameters'))} {_NEVER}"],
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


def _block(text: str, block: str) -> list[str]:
    """The lines of a block that say something."""
    start, end = _place(text, block)
    return [line for line in text[start:end].splitlines() if line.partition("#")[0].strip()]


def _last(text: str, block: str) -> int:
    """The largest index of a block."""
    return max((int(line.split()[0]) for line in _block(text, block)), default=0)


def _run(text: str, options: Sequence[object], times: Sequence[float]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.net"
        path.write_text(text)
        command = [program(), "-o", "run", *options, "-g", path, path, *(repr(float(t)) for t in times)]
        process = subprocess.run(
            list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=_SECONDS, check=False,
        )  # fmt: skip
        table = Path(folder) / "run.cdat"
        if process.returncode != 0 or not table.is_file():
            said = [line for line in (process.stderr + process.stdout).splitlines() if "rror" in line]
            why = f"signal {-process.returncode} ended it" if process.returncode < 0 else "it wrote no table"
            raise RuntimeError(f"run_network failed: {said[-1] if said else why}")
        rows = np.loadtxt(table, ndmin=2)
    if not np.allclose(rows[1:, 0], times):
        raise RuntimeError(f"run_network ended at t = {rows[-1, 0]:g} s")
    return rows[1:, 1:]
