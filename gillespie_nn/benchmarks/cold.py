"""CPU time of a first run, in a new process with an empty kernel cache, and of the second, which finds the kernels.

Each case runs in a process of its own, with the kernel cache in a new temporary folder. CPU time is that of the process
in user and system mode, as the system reports it when the process ends, so other work of the machine hardly counts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import checks
from ..simulation.methods import AUTO, METHODS
from .run import machine

_PACKAGE = Path(__file__).resolve().parents[1]
_CACHE = "GILLESPIE_NN_CACHE"
_FEW, _MANY = 0, 1000
"""Molecules at the start. `auto` chooses another method for many."""


class ColdCase(NamedTuple):
    """What a new process does, and the Python code that does it."""

    name: str
    code: str


def _simulate(method: str, start: int, hill: bool) -> str:
    make = "0 -> A @ propensity(10 / (1 + (A / 20)^2))" if hill else "0 -> A @ 1"
    network = f"{make}\nA -> 0 @ 0.1\nA = {start}"
    return (
        "import gillespie_nn as gnn\n"
        f"gnn.simulate(gnn.ReactionNetwork.from_text({network!r}), 10, 11, method={method!r}, seed=1, progress=False)"
    )


def cold_cases() -> tuple[ColdCase, ...]:
    """The import, the first `simulate` of a model of two reactions by each method, and the first `train`.

    A whole training takes most of its time for the events, one presentation for the kernels."""
    found = [
        ColdCase("import gillespie_nn", "import gillespie_nn"),
        ColdCase("import simulate", "from gillespie_nn import ReactionNetwork, simulate"),
    ]
    for hill in (False, True):
        law = ", Hill law" if hill else ""
        found += [ColdCase(f"{AUTO}{law}, starts at {start}", _simulate(AUTO, start, hill)) for start in (_FEW, _MANY)]
        found += [ColdCase(f"{m.name}{law}", _simulate(m.name, _MANY, hill)) for m in METHODS]
    for name, limit in (("train xor, one presentation", 1), ("train xor", None)):
        code = f"import gillespie_nn as gnn\ngnn.train('xor', limit={limit}, seed=1, progress=False)"
        found.append(ColdCase(name, code))
    return tuple(found)


def cold_benchmark(
    repeats: int = 5, cases: Sequence[ColdCase] | None = None, say: Callable[[str], object] = lambda line: None
) -> dict:
    """CPU and wall time [s] of each case, with an empty kernel cache and with the kernels that this first process left
    there; medians of `repeats`. A case that fails has the last line of its error instead.

    Raises InputError on systems that do not report the CPU time of one process.
    """
    if not hasattr(os, "wait4"):
        raise checks.InputError("--cold needs a system that reports the CPU time of a process (os.wait4)")
    rows = []
    for case in cold_cases() if cases is None else cases:
        rows.append(_measure(case, repeats))
        say(_sentence(rows[-1]))
    return {"machine": machine(), "repeats": repeats, "cases": rows}


def _measure(case: ColdCase, repeats: int) -> dict:
    row: dict = {"name": case.name, "cold": {"cpu": [], "wall": []}, "warm": {"cpu": [], "wall": []}}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for kind in ("cold", "warm"):
                cpu, wall, error = _child(case.code, Path(folder))
                if error:
                    return {"name": case.name, "failed": error}
                row[kind]["cpu"].append(cpu)
                row[kind]["wall"].append(wall)
            row["compiled"] = sum(1 for _ in Path(folder).rglob("*.nbc"))
    for kind in ("cold", "warm"):
        row[f"{kind}_cpu"] = statistics.median(row[kind]["cpu"])
    return row


def _child(code: str, folder: Path) -> tuple[float, float, str]:
    """CPU and wall time [s] of a process that executes `code`, and the last line of its error."""
    path = os.pathsep.join(filter(None, (str(_PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {_CACHE: str(folder / "cache"), "PYTHONPATH": path}
    with tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        # wait4 gives the usage of this one process; that of all children would need a difference.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    failed = process.returncode != 0
    return usage.ru_utime + usage.ru_stime, wall, (lines or ["ended without a message"])[-1] if failed else ""


def _sentence(row: dict) -> str:
    if "failed" in row:
        return f"{row['name']}: failed ({row['failed']})"
    return (
        f"{row['name']}: {row['cold_cpu']:.2f} s of CPU with an empty cache ({row['compiled']} compilations), "
        f"{row['warm_cpu']:.2f} s with a full one"
    )
