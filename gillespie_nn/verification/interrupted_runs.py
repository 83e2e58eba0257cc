"""Commands that get Ctrl-C at random moments end in one sentence, and go on to the content of an uninterrupted run.

Each command runs in a process group of its own, as in a terminal, and the whole group gets SIGINT after a time drawn by
seed from those that it takes, the imports and, in one case, the compilation of kernels included: it must end with exit
code 130 (or 0, if it had ended) and no traceback. The command that goes on with it is interrupted in the same way, and
then left alone: what it ends with must be the content of a run that nobody interrupted. The start of the interpreter,
before the package's first line, is Python's own and left out. Not a statistical check: its p-value is 1, or 0 if any
attempt fails. Where the interrupt falls is the machine's; what follows from it must not be.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..interrupts import EXIT_CODE
from ..simulation import METHODS
from ..storage.save import content_digest
from .check import Check, Options, Outcome

N_INTERRUPTED = 10
_PATIENCE = 300.0
_COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background processes inherit as ignored
from gillespie_nn.__main__ import run
sys.stdout.write("begun\\n")
sys.stdout.flush()
run()
"""
_MODEL = "2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40\n"
_TABLE = "r1\n0.01\n0.02\n0.03\n"
_AGAIN = "the same command"
_RUN = "simulate model.txt --t-end 300 --seed 4"


class Command(NamedTuple):
    """A command line, what it writes (a file, or a folder of files), and what goes on with it."""

    arguments: str
    output: str = ""
    go_on: str = _AGAIN
    new_cache: bool = False
    """Kernels are compiled anew each time."""


_RESUME = "resume out.h5"
COMMANDS = {
    "in memory": Command(f"{_RUN} --replicates 300 --n-points 3001"),
    "compiling": Command("simulate model.txt --t-end 1 --seed 4", new_cache=True),
    "to a file": Command(f"{_RUN} --replicates 200 --n-points 3001 --output out.h5", "out.h5", _RESUME),
    "two workers": Command(f"{_RUN} --replicates 200 --n-points 3001 --workers 2 --output out.h5", "out.h5", _RESUME),
    "moments": Command(f"{_RUN} --replicates 6400 --n-points 101 --record moments --output out.h5", "out.h5", _RESUME),
    "a sweep": Command(f"{_RUN} --replicates 300 --n-points 301 --sweep table.csv --output out", "out"),
    "training": Command(
        "train xor --volume 60 --presentations 1500 --running-time 2 --seed 4 --output out.h5", "out.h5", _RESUME
    ),
    "bounds": Command("verify-bounds --case xor --paths 40 --looks 1 --output out.h5", "out.h5"),
}
_OF_ITS_OWN = ("bounds",)
"""Commands that take no method."""


class Ended(NamedTuple):
    """How a process ended, what it said on stderr, and how long it took [s]."""

    code: int
    said: str
    seconds: float


def carry_out(folder: Path, arguments: str, delay: float | None = None, cache: Path | None = None) -> Ended:
    """A command line in `folder`; it gets SIGINT `delay` [s] after the package's first line, with all its children."""
    environment = os.environ | ({} if cache is None else {"GILLESPIE_NN_CACHE": str(cache)})
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments.split()], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        began = time.perf_counter()
        if delay is not None:
            time.sleep(delay)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
            said += f"\nit was still running {_PATIENCE:g} s after the interrupt"
        return Ended(process.returncode, said, time.perf_counter() - began)


def wrong(ended: Ended) -> str:
    """What is wrong with the end of an interrupted command, in words; nothing if all is right."""
    lines = [line for line in ended.said.splitlines() if line.startswith("gillespie-nn: ")]
    others = [line for line in ended.said.splitlines() if "Traceback" in line or "Exception ignored" in line]
    if ended.code not in (0, EXIT_CODE):
        return f"exit code {ended.code}: {ended.said[-300:]}"
    if others:
        return f"exit code {ended.code} with a traceback: {ended.said[-300:]}"
    if ended.code == EXIT_CODE and (len(lines) != 1 or "interrupted" not in lines[0]):
        return f"exit code {EXIT_CODE} without one sentence: {ended.said[-300:]}"
    return ""


def digests(folder: Path, output: str) -> dict[str, str]:
    """Of the files of an output, by name."""
    path = folder / output
    files = sorted(path.glob("*.h5")) if path.is_dir() else [path]
    return {file.name: content_digest(file) for file in files}


class InterruptedRuns(Check):
    name = "interrupted-runs"
    summary = f"commands interrupted at {N_INTERRUPTED} random times and resumed: same content (p: 1 if all, else 0)"

    def run(self, method: str, seed: int, options: Options) -> list:
        kind = next(m for m in METHODS if m.name == method)
        return [
            attempts(what, method, seed, N_INTERRUPTED)
            for what in COMMANDS
            if not (kind.records_covariance and what in ("training", "moments"))
            if kind.trains or what != "training"
        ]


def attempts(what: str, method: str, seed: int, n: int) -> Outcome:
    """`n` interrupted runs of a command, each gone on with, as one outcome."""
    rng = np.random.default_rng([seed, list(COMMANDS).index(what)])
    codes: list[int] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        whole = _folder(Path(place) / "whole")
        command = COMMANDS[what]
        asked = command.arguments + ("" if what in _OF_ITS_OWN else f" --method {method}")
        ended = [carry_out(whole, asked, cache=whole if command.new_cache else None)]
        if not command.new_cache:  # kernels are there now
            ended.append(carry_out(_folder(Path(place) / "timed"), asked))
        if any(e.code for e in ended):
            raise RuntimeError(f"{asked} ended with {ended[-1].code}: {ended[-1].said[-300:]}")
        expected = digests(whole, command.output) if command.output else {}
        for k in range(n):
            folder = _folder(Path(place) / str(k))
            moments = rng.uniform(0.005, 1.05 * ended[-1].seconds, 2)
            failure, code = _attempt(folder, asked, command, moments, expected)
            codes.append(code)
            if failure:
                failures.append(f"after {moments[0]:.3f} and {moments[1]:.3f} s: {failure}")
    details: dict[str, Any] = {"attempts": n, "interrupted": codes.count(EXIT_CODE), "failures": failures[:5]}
    note = f"{codes.count(EXIT_CODE)} of {n} interrupted"
    return Outcome(what, float(not failures and EXIT_CODE in codes), details, "; ".join([note, *failures[:5]]))


def _folder(path: Path) -> Path:
    path.mkdir()
    (path / "model.txt").write_text(_MODEL, encoding="utf-8")
    (path / "table.csv").write_text(_TABLE, encoding="utf-8")
    return path


def _attempt(folder: Path, asked: str, command: Command, moments: np.ndarray, expected: dict) -> tuple[str, int]:
    """What was wrong, and the exit code of the command that was interrupted."""
    first = carry_out(folder, asked, moments[0], folder / "cache" if command.new_cache else None)
    if (what := wrong(first)) or not command.output:
        return what, first.code
    if not (folder / command.output).exists():
        left = sorted(p.name for p in folder.iterdir() if p.name not in ("model.txt", "table.csv"))
        return f"it left {', '.join(left)}" if left else "", first.code
    go_on = asked if command.go_on == _AGAIN else command.go_on
    if what := wrong(carry_out(folder, go_on, moments[1])):
        return f"going on: {what}", first.code
    last = carry_out(folder, go_on)
    if last.code:
        return f"the last command ended with {last.code}: {last.said[-300:]}", first.code
    return "" if digests(folder, command.output) == expected else "the run has different content", first.code
