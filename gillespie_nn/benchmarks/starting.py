"""What runs cost beyond their events: a first run in a new process, the start of a replicate, and its workers."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..api import simulate
from ..crn import ReactionNetwork
from ..nn import training_network
from ..simulation.methods import AUTO, METHODS
from ..simulation.task import MOMENTS, TRAJECTORIES
from ..storage import Run
from .timing import VOLUME, machine

# A first run in a new process with an empty kernel cache, and the second, which loads the kernels.
#
# Each case runs in a separate process, with the kernel cache in a new temporary folder. CPU time is that of the process
# in user and system mode, which the system reports when it ends, so other work of the machine hardly counts.

_PACKAGE = Path(__file__).resolve().parents[1]
_CACHE = "GILLESPIE_NN_CACHE"
_FEW, _MANY = 0, 1000
"""Molecules at the start. `auto` chooses different methods for few and for many."""


class ColdCase(NamedTuple):
    """Code for a new process, and its description."""

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

    A whole training spends most of its time on events, one presentation on kernels."""
    cases = [
        ColdCase("import gillespie_nn", "import gillespie_nn"),
        ColdCase("import simulate", "from gillespie_nn import ReactionNetwork, simulate"),
    ]
    for hill in (False, True):
        law = ", Hill law" if hill else ""
        cases += [ColdCase(f"{AUTO}{law}, starts at {start}", _simulate(AUTO, start, hill)) for start in (_FEW, _MANY)]
        cases += [ColdCase(f"{m.name}{law}", _simulate(m.name, _MANY, hill)) for m in METHODS]
    for name, limit in (("train xor, one presentation", 1), ("train xor", None)):
        code = f"import gillespie_nn as gnn\ngnn.train('xor', limit={limit}, seed=1, progress=False)"
        cases.append(ColdCase(name, code))
    return tuple(cases)


def cold_benchmark(
    repeats: int = 5, cases: Sequence[ColdCase] | None = None, say: Callable[[str], object] = lambda line: None
) -> dict:
    """CPU and wall time [s] of each case, with an empty kernel cache and with the cache filled by this first process;
    medians of `repeats`. A case that fails has the last line of its error instead.

    Raises InputError on systems that do not report the CPU time of one process.
    """
    if not hasattr(os, "wait4"):
        raise checks.InputError("--cold needs a system that reports the CPU time of a process (os.wait4)")
    rows = []
    for case in cold_cases() if cases is None else cases:
        rows.append(_measure(case, repeats))
        say(_sentence_on_start(rows[-1]))
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
        # `wait4` reports the usage of this one process; that of all children would need a difference.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        # Popen must not wait for the process again.
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    failed = process.returncode != 0
    return usage.ru_utime + usage.ru_stime, wall, (lines or ["ended without a message"])[-1] if failed else ""


def _sentence_on_start(row: dict) -> str:
    if "failed" in row:
        return f"{row['name']}: failed ({row['failed']})"
    return (
        f"{row['name']}: {row['cold_cpu']:.2f} s of CPU with an empty cache ({row['compiled']} compilations), "
        f"{row['warm_cpu']:.2f} s with a full one"
    )


# A replicate beyond its events: starting it, recording it, and storing it in memory or in a file.
#
# The model is a chain, 0 -> Q1 -> Q2 -> ... -> 0, which starts at its mean. So replicates and one long run have the
# same events per second. N replicates take the time of one run with as many events, plus N times the overhead.

N_POINTS = 51
SPECIES = (1, 2, 3, 4, 5)
POINTS_IN_FILES = (51, 102, 204, 408, 816)
"""Recorded points of 5 species: 2 to 32 KB for a replicate."""
IN_MEMORY, IN_FILE = 20_000, 2_000
"""Numbers of replicates."""
_BYTES = 8
"""Size of a recorded count."""
_EVENTS = 90.0
"""Events of a replicate, about."""
_KB = 1000.0


def chain(n_species: int) -> ReactionNetwork:
    """0 -> Q1 -> ... -> 0 with 10 molecules of each species, its stationary mean."""
    names = [f"Q{k + 1}" for k in range(n_species)]
    rates = [1, *[0.1] * n_species]
    links = zip(["0", *names], [*names, "0"], rates, strict=True)
    steps = [f"{left} -> {right} @ {rate}" for left, right, rate in links]
    return ReactionNetwork.from_text("\n".join([*steps, *(f"{s} = 10" for s in names)]))


def overhead(
    repeats: int = 5,
    species: Sequence[int] = SPECIES,
    points: Sequence[int] = POINTS_IN_FILES,
    replicates: tuple[int, int] = (IN_MEMORY, IN_FILE),
    say: Callable[[str], object] = lambda line: None,
) -> list[dict]:
    """Time of a replicate beyond its events [s], median of `repeats`: in memory and in a file for chains of `species`
    at 51 points, and in a file for 5 species at `points`. `replicates` are their numbers in memory and in files."""
    in_memory, in_file = replicates
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        cases: list[tuple[int, int, Path | None, int]] = [(n, N_POINTS, None, in_memory) for n in species]
        cases += [(n, N_POINTS, path, in_file) for n in species]
        cases += [(max(SPECIES), p, path, in_file) for p in points if p != N_POINTS]
        for n_species, n_points, output, n in cases:
            rows.append(_case(n_species, n_points, output, n, repeats))
            say(_sentence(rows[-1]))
    return rows


def _case(n_species: int, n_points: int, output: Path | None, n: int, repeats: int) -> dict:
    network, t_end = chain(n_species), _EVENTS / (1 + n_species)

    def timed(n_replicates: int, end: float, n_points: int) -> tuple[float, int]:
        begun = time.perf_counter()
        result: Any = simulate(
            network, end, n_points, seed=1, replicates=n_replicates, output=output, overwrite=True, progress=False
        )
        seconds = time.perf_counter() - begun
        events = int(result.n_events.sum())
        if isinstance(result, Run):
            result.close()
        return seconds, events

    # Loads the kernels.
    timed(2, t_end, n_points)
    extra = []
    for _ in range(repeats):
        seconds, events = timed(n, t_end, n_points)
        of_events, events_of_one = timed(1, n * t_end, N_POINTS)
        extra.append((seconds - of_events * events / events_of_one) / n)
    return {
        "n_species": n_species,
        "n_points": n_points,
        "in_file": output is not None,
        "replicates": n,
        "events": events / n,
        "bytes": _BYTES * n_species * n_points,
        "seconds": extra,
        "median": statistics.median(extra),
    }


def _sentence(row: dict) -> str:
    where = "in a file" if row["in_file"] else "in memory"
    species = f"{row['n_species']} species" if row["n_species"] > 1 else "1 species"
    return (
        f"{where}, {species} at {row['n_points']} points ({row['bytes'] / _KB:.3g} KB a replicate): a replicate takes "
        f"{1e6 * row['median']:.1f} microseconds beyond its {row['events']:.0f} events"
    )


# Ensembles: the gain from several workers, and the overhead of a replicate.

REPLICATES = 64
_T_END = 300.0
"""Time simulated [s]; a replicate then takes a few hundredths of a second."""
_POINTS = 100


def ensemble_benchmark(repeats: int = 5, workers: int = 2, say: Callable[[str], object] = lambda line: None) -> dict:
    """Time [s] of 64 replicates of the 2-4-1 training network (as in `benchmark`), with one worker and with `workers`,
    for trajectories and for moments. Runs are timed in pairs of alternating order, each with its ratio. The entry
    `overhead` has the rows of the function of that name."""
    spec = training_network((2, 4, 1), h=0.05, annihilation_rate=1.0)
    rng = np.random.default_rng(0)
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    initial |= spec.presentation(rng.random(2), rng.random(1), VOLUME)
    result: dict[str, Any] = {
        "machine": machine(),
        "replicates": REPLICATES,
        "workers": workers,
        "repeats": repeats,
        "records": {},
    }

    def seconds(n: int, record: str, t_end: float = _T_END) -> float:
        start = time.perf_counter()
        simulate(
            spec.network, t_end, _POINTS, volume=VOLUME, initial=initial, seed=1, replicates=REPLICATES, workers=n,
            record=record, progress=False,
        )  # fmt: skip
        return time.perf_counter() - start

    for record in (TRAJECTORIES, MOMENTS):
        # Loads the kernels.
        seconds(1, record, _T_END / 100)
        pairs = []
        for k in range(repeats):
            order = (1, workers) if k % 2 == 0 else (workers, 1)
            times = {n: seconds(n, record) for n in order}
            pairs.append((times[1], times[workers]))
        ratios = [one / several for one, several in pairs]
        result["records"][record] = {
            "seconds": pairs,
            "ratios": ratios,
            "median": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
        }
        say(
            f"{record}: {workers} workers are {statistics.median(ratios):.2f} times as fast as one on {REPLICATES} "
            f"replicates, {min(ratios):.2f} to {max(ratios):.2f} in {repeats} pairs"
        )
    result["overhead"] = overhead(repeats, say=say)
    return result
