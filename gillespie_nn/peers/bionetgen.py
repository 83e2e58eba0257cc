"""BioNetGen's simulator `run_network`, and the rewriting of `.net` files that it would simulate differently.

A file is rewritten for three reasons.

- `time()` does not change while CVODE steps. Functions read the count of a clock instead, a species made at rate 1.
- The direct method uses amounts such as 6.022 unchanged. For it they are rounded to whole numbers.
- It crashes when a species appears that no reaction reads, because it expects to generate reactions for it. Such a
  species gets a reaction to itself that never fires.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..crn import ReactionNetwork

# Files rewritten for `run_network`.

_CLOCK = "clock_of_the_check"
"""Name of the species that is the clock."""
_NEVER = "never_of_the_check 1e-300"
"""Name and value of a parameter, a rate [1/s] at which nothing fires. BioNetGen removes reactions with rate 0."""
_TIME = re.compile(r"\btime\s*\(\s*\)")
_AMOUNT = re.compile(r"(\s*\d+\s+\S+\s+)[^#\n]*?(\s*(?:#.*)?)", re.ASCII)


def with_clock(text: str) -> str:
    """`text` with functions that read the count of a clock instead of `time()`."""
    if not _TIME.search(text):
        return text
    # 0 -> clock at rate 1: in rate equations its amount is the time.
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
    """`text` with a reaction for every species that is no reactant yet."""
    read = {s for line in lines_of(text, "reactions") for s in line.split()[1].split(",")}
    unread = [s for line in lines_of(text, "species") if (s := line.split()[0]) not in read]
    first = 1 + _last(text, "reactions")
    return _with_lines(
        text,
        parameters=[f"{1 + len(lines_of(text, 'parameters'))} {_NEVER}"],
        reactions=[f"{n} {s} {s} {_NEVER.split()[0]}" for n, s in enumerate(unread, first)],
    )


def with_whole_amounts(text: str, network: ReactionNetwork) -> str:
    """`text` with the initial amounts of `network`, rounded to whole numbers. `network` was read from the same text."""
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
    """`text` with more lines at the ends of the blocks of these names."""
    for block, more in lines.items():
        # A file may lack blocks that would be empty.
        if f"end {block}" not in text:
            text = f"begin {block}\nend {block}\n{text}"
        text = text.replace(f"end {block}", "\n".join([*more, f"end {block}"]))
    return text


def _place(text: str, block: str) -> tuple[int, int]:
    match = re.search(rf"^\s*begin {block}\s*?$\n?(.*?)^\s*end {block}\s*$", text, re.MULTILINE | re.DOTALL)
    return match.span(1) if match else (0, 0)


def lines_of(text: str, block: str) -> list[str]:
    """The lines of a block that are neither blank nor comments."""
    start, end = _place(text, block)
    return [line for line in text[start:end].splitlines() if line.partition("#")[0].strip()]


def _last(text: str, block: str) -> int:
    """The largest index of a block."""
    return max((int(line.split()[0]) for line in lines_of(text, block)), default=0)


# Runs of `run_network`.
#
# It prints `TOTAL STEPS: 1287701`, the number of reactions that fired. It writes tables with a heading and a row for
# each time: `OUT.gdat` for groups, `OUT.cdat` for species S1, S2, ... in the order of the file. Rates have the same
# meaning as here: k A (A - 1) for `2 A -> ...`, with symmetry factors in the file.

_PACKAGE = "bionetgen"
_FOLDER = "BNGPATH"
"""Environment variable of BioNetGen: the folder with `bin/run_network`."""
_PLATFORMS = {"linux": "bng-linux", "darwin": "bng-mac"}
_STEPS = re.compile(r"^TOTAL STEPS:\s*(\d+)\s*$", re.MULTILINE)
RTOL, ATOL = 1e-10, 1e-13
"""Tolerances of CVODE, relative and [molecules]."""
_MOST_DENSE = 300
"""CVODE solves the equations of up to so many species directly, of more by GMRES."""
_SECONDS = 3600
"""Time limit of a compared run [s]."""


class TimedRun(NamedTuple):
    """A run of one program."""

    seconds: float
    """CPU time, with start-up [s]."""
    events: int
    """Reactions that fired."""
    groups: dict[str, float]
    """Amounts of the groups of the file at the end, by name. Ours also have the species, because a group of one species
    with its name is that species."""
    species: np.ndarray
    """float64[species], amounts at the end, in the order of the file."""


class RunNetwork:
    """`run_network` with one file. It uses the direct method and updates the propensities that changed."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError if the program is not installed."""
        self._path, self._program = path.resolve(), program()

    def run(self, t_end: float, seed: int) -> TimedRun:
        """One process that reads the file and simulates to `t_end`. Its time is CPU time, from its start to its end.

        Raises RuntimeError if it fails or does not report its events."""
        # Only Linux and macOS have this module; `missing` reports it.
        import resource

        with tempfile.TemporaryDirectory() as folder:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            report = _execute(self._program, self._path, ["-p", "ssa", "-h", seed + 1], [t_end, 1], folder)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            groups, species = (last_row((Path(folder) / f"run.{ending}").read_text()) for ending in ("gdat", "cdat"))
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return TimedRun(seconds, events(report), groups, np.array(list(species.values())))

    @classmethod
    def missing(cls) -> str:
        """Why the program cannot be measured, and what to do; empty if it can."""
        if sys.platform == "win32":
            return "run_network is only measured on Linux and macOS, which report the CPU time of a process"
        return absent()

    @classmethod
    def version(cls) -> str:
        """The version of BioNetGen, from its file VERSION, or else that of the Python package."""
        file = program().parent.parent / "VERSION"
        if file.is_file():
            return file.read_text().strip()
        try:
            return f"of {_PACKAGE} {importlib.metadata.version(_PACKAGE)}"
        except importlib.metadata.PackageNotFoundError:
            return "of unknown version"


def rate_equations(text: str, times: Sequence[float]) -> np.ndarray:
    """Amounts float64[time, species] [molecules] at `times` [s], by CVODE, of the `.net` file `text`. Raises
    RuntimeError if it fails."""
    # The clock is the last species, and is cut off below.
    n = len(lines_of(text, "species"))
    solver = ["-b"] if n > _MOST_DENSE else []
    return _table(with_clock(text), ["-p", "cvode", *solver, "-r", RTOL, "-a", ATOL], times)[:, :n]


def stochastic(text: str, times: Sequence[float], seed: int) -> np.ndarray:
    """Counts float64[time, species] [molecules] at `times` [s], by the direct method. Raises RuntimeError if it
    fails."""
    return _table(with_readers(text), ["-p", "ssa", "-h", seed], times)


def _table(text: str, options: Sequence[object], times: Sequence[float]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.net"
        path.write_text(text)
        _execute(program(), path, options, [repr(float(t)) for t in times], folder, _SECONDS)
        table = Path(folder) / "run.cdat"
        if not table.is_file():
            raise RuntimeError("run_network failed: it wrote no table")
        rows = np.loadtxt(table, ndmin=2)
    if not np.allclose(rows[1:, 0], times):
        raise RuntimeError(f"run_network ended at t = {rows[-1, 0]:g} s")
    return rows[1:, 1:]


def _execute(
    path: Path, file: Path, options: Sequence[object], end: Sequence[object], folder: str, limit: float | None = None
) -> str:
    """Run `run_network` and return its output; tables are in `folder`. Raises RuntimeError if it fails or
    takes over `limit` [s]."""
    command = [path, "-o", "run", *options, "-g", file, file, *end]
    try:
        process = subprocess.run(
            list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"run_network did not end within {limit:g} s") from None
    if process.returncode != 0:
        raise RuntimeError(f"run_network failed: {_why(process)}")
    return process.stdout


def absent() -> str:
    """Why the program cannot be used, and what to do; empty if it can."""
    try:
        path = program()
    except FileNotFoundError:
        return (
            f"run_network is not installed: pip install {_PACKAGE}, or set {_FOLDER} to the folder of an "
            f"installed BioNetGen"
        )
    return "" if os.access(path, os.X_OK) else f"{path} may not be executed: chmod +x {path}"


def program() -> Path:
    """The path of `run_network`: in the folder $BNGPATH, in the Python package, or on the search path of programs.

    Raises FileNotFoundError if it is in none of them."""
    for path in _places():
        if path.is_file():
            return path.resolve()
    raise FileNotFoundError("run_network")


def _places() -> Iterator[Path]:
    if os.environ.get(_FOLDER):
        yield Path(os.environ[_FOLDER]) / "bin" / "run_network"
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin and sys.platform in _PLATFORMS:
        yield Path(spec.origin).parent / _PLATFORMS[sys.platform] / "bin" / "run_network"
    if on_path := shutil.which("run_network"):
        yield Path(on_path)


def events(report: str) -> int:
    """The number of reactions that fired, from the output of the program. Raises RuntimeError if it is missing."""
    match = _STEPS.search(report)
    if not match:
        raise RuntimeError("it did not report TOTAL STEPS")
    return int(match[1])


def last_row(table: str) -> dict[str, float]:
    """The values in the last row of a table, by name, without the time. Raises RuntimeError if the table is not
    complete."""
    lines = [line.lstrip("#").split() for line in table.splitlines()]
    if len(lines) < 3 or len(lines[0]) != len(lines[-1]):
        raise RuntimeError("its table is not complete")
    names, row = lines[0], lines[-1]
    return dict(zip(names[1:], map(float, row[1:])))


def _why(process: subprocess.CompletedProcess) -> str:
    """Why a process failed: the last line of its error, or how it ended."""
    lines = process.stderr.strip().splitlines()
    lines = [line for line in (*lines, *process.stdout.splitlines()) if "rror" in line] or lines
    if lines:
        return lines[-1]
    code = process.returncode
    return f"signal {-code} ended it" if code < 0 else f"it ended with exit code {code}"
