"""Commands that get Ctrl-C at random times must end in one sentence, and resume to the content of a whole run.

Each command runs in a process group, as in a terminal. The whole group gets SIGINT after a time drawn by seed from the
running time of the command, which includes the imports and, in one case, the compilation of kernels. The command must
end with exit code 130 (or 0, if it had already ended) and without a traceback. The command that resumes the run is
interrupted in the same way, then runs to its end; the content must then equal that of a run without interrupts.

The start of the interpreter, before the first line of the package, is left out: Python handles Ctrl-C there. The
machine decides which line an interrupt hits; the result must not depend on it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gillespie_nn.interrupts import EXIT_CODE
from gillespie_nn.simulation import METHODS
from gillespie_nn.storage.export import content_digest
from robustness.attempts import Report

_PATIENCE = 300.0
_COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes of a shell inherit it as ignored
from gillespie_nn.__main__ import run
sys.stdout.write("begun\\n")
sys.stdout.flush()
run()
"""
_MODEL = "2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40\n"
_TABLE = "r1\n0.01\n0.02\n0.03\n"
_AGAIN = "the same command"
_RUN = "simulate model.txt --t-end 300 --seed 4"


class CommandLine(NamedTuple):
    """The arguments of a command, its output (a file, or a folder of files), and the command that resumes it."""

    arguments: str
    output: str = ""
    resumed_by: str = _AGAIN
    new_cache: bool = False
    """Whether kernels are compiled anew in each run."""


_RESUME = "resume out.h5"
COMMANDS = {
    "in memory": CommandLine(f"{_RUN} --replicates 300 --n-points 3001"),
    "compiling": CommandLine("simulate model.txt --t-end 1 --seed 4", new_cache=True),
    "to a file": CommandLine(f"{_RUN} --replicates 200 --n-points 3001 --output out.h5", "out.h5", _RESUME),
    "two workers": CommandLine(
        f"{_RUN} --replicates 200 --n-points 3001 --workers 2 --output out.h5", "out.h5", _RESUME
    ),
    "moments": CommandLine(
        f"{_RUN} --replicates 6400 --n-points 101 --record moments --output out.h5", "out.h5", _RESUME
    ),
    "a sweep": CommandLine(f"{_RUN} --replicates 300 --n-points 301 --sweep table.csv --output out", "out"),
    "training": CommandLine(
        "train xor --volume 60 --presentations 1500 --running-time 2 --seed 4 --output out.h5", "out.h5", _RESUME
    ),
    "bounds": CommandLine("verify-bounds --case xor --paths 40 --looks 1 --output out.h5", "out.h5"),
}
_WITHOUT_METHOD = ("bounds",)
"""Commands without the flag `--method`."""


class End(NamedTuple):
    """Exit code, text on stderr, and running time [s] of a process."""

    code: int
    stderr: str
    seconds: float


def execute(folder: Path, arguments: str, delay: float | None = None, cache: Path | None = None) -> End:
    """Execute a command in `folder`. If `delay` [s] is given, it and its children get SIGINT that long after the first
    line of the package."""
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
            _, stderr = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, stderr = process.communicate()
            stderr += f"\nit was still running {_PATIENCE:g} s after the interrupt"
        return End(process.returncode, stderr, time.perf_counter() - began)


def wrong(end: End) -> str:
    """A description of what is wrong with the end of an interrupted command; empty if nothing is."""
    lines = [line for line in end.stderr.splitlines() if line.startswith("gillespie-nn: ")]
    traces = [line for line in end.stderr.splitlines() if "Traceback" in line or "Exception ignored" in line]
    if end.code not in (0, EXIT_CODE):
        return f"exit code {end.code}: {end.stderr[-300:]}"
    if traces:
        return f"exit code {end.code} with a traceback: {end.stderr[-300:]}"
    if end.code == EXIT_CODE and (len(lines) != 1 or "interrupted" not in lines[0]):
        return f"exit code {EXIT_CODE} without one sentence: {end.stderr[-300:]}"
    return ""


def digests(folder: Path, output: str) -> dict[str, str]:
    """Digests of the files of an output, by file name."""
    path = folder / output
    files = sorted(path.glob("*.h5")) if path.is_dir() else [path]
    return {file.name: content_digest(file) for file in files}


def run(method: str, seed: int, n: int) -> Iterator[Report]:
    """A report for each kind of command that `method` can execute, of `n` interrupted runs each."""
    kind = next(m for m in METHODS if m.name == method)
    for what in COMMANDS:
        if what == "training" and not kind.trains:
            continue
        if what in ("training", "moments") and kind.records_covariance:
            continue
        yield report_of_command(what, method, seed, n)


def report_of_command(what: str, method: str, seed: int, n: int) -> Report:
    """A report of `n` interrupted and resumed runs of a command. At least one of them must have been interrupted."""
    rng = np.random.default_rng([seed, list(COMMANDS).index(what)])
    codes: list[int] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        whole = _folder(Path(place) / "whole")
        command = COMMANDS[what]
        line = command.arguments + ("" if what in _WITHOUT_METHOD else f" --method {method}")
        ends = [execute(whole, line, cache=whole if command.new_cache else None)]
        if not command.new_cache:
            # The first run may have compiled kernels; interrupts are drawn from the time of a run that does not.
            ends.append(execute(_folder(Path(place) / "timed"), line))
        if any(end.code for end in ends):
            raise RuntimeError(f"{line} ended with {ends[-1].code}: {ends[-1].stderr[-300:]}")
        expected = digests(whole, command.output) if command.output else {}
        for k in range(n):
            folder = _folder(Path(place) / str(k))
            delays = rng.uniform(0.005, 1.05 * ends[-1].seconds, 2)
            failure, code = _attempt(folder, line, command, delays, expected)
            codes.append(code)
            if failure:
                failures.append(f"after {delays[0]:.3f} and {delays[1]:.3f} s: {failure}")
    ends_of = {"interrupted": codes.count(EXIT_CODE), "not interrupted": n - codes.count(EXIT_CODE)}
    return Report(what, ends_of, failures, ("interrupted",))


def _folder(path: Path) -> Path:
    path.mkdir()
    (path / "model.txt").write_text(_MODEL, encoding="utf-8")
    (path / "table.csv").write_text(_TABLE, encoding="utf-8")
    return path


def _attempt(folder: Path, line: str, command: CommandLine, delays: np.ndarray, expected: dict) -> tuple[str, int]:
    """A description of the failure, empty if there is none, and the exit code of the first, interrupted command."""
    first = execute(folder, line, delays[0], folder / "cache" if command.new_cache else None)
    if (failure := wrong(first)) or not command.output:
        return failure, first.code
    if not (folder / command.output).exists():
        left = sorted(p.name for p in folder.iterdir() if p.name not in ("model.txt", "table.csv"))
        return f"it left {', '.join(left)}" if left else "", first.code
    resumed = line if command.resumed_by == _AGAIN else command.resumed_by
    if failure := wrong(execute(folder, resumed, delays[1])):
        return f"resumed: {failure}", first.code
    last = execute(folder, resumed)
    if last.code:
        return f"the last command ended with {last.code}: {last.stderr[-300:]}", first.code
    return "" if digests(folder, command.output) == expected else "the resumed run has different content", first.code
