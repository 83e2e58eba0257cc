"""The measurement: every program simulates the same ensembles on one core, in turn.

Only simulating is timed. Models are loaded and compiled before, and each program has simulated the whole ensemble once.
That first ensemble also checks that the program simulates the same model.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ... import checks
from ..._version import __version__
from ...api import simulate
from ...display.words import counted
from ...peers import PEERS, Job, Peer
from ...simulation import EXACT
from ...simulation.methods import AUTO
from ..one_core import one_core
from ..run import machine
from .models import MODELS, N_POINTS, EverydayModel

SHORT, LONG, VERY_LONG = "short", "long", "very long"
REPLICATES = 10_000
"""Of short runs. Long ones are a fifth as many."""
_SHARE = 5
_SLOW = 10.0
"""A program that takes longer than this [s] is timed once."""
_SPARE = 1.6
"""Events for which programs in JAX reserve memory, over the most that a run of ours had."""
_CHECKED = [1, N_POINTS // 2, N_POINTS - 1]
"""Points whose means are compared. At the end a stationary model forgets its time scale, at the first it does not."""
_FEWEST = 50
"""Runs whose means are compared, at least."""
_ERRORS = 5.0
"""Standard errors by which means may differ. Chance exceeds them once in two million comparisons."""


class _Program(Protocol):
    def run(self, n: int, seed: int) -> Any: ...

    def counts(self, result: Any) -> np.ndarray: ...


class _Ours:
    """gillespie-nn with one of its methods."""

    def __init__(self, job: Job, method: str) -> None:
        self._job, self._method = job, method

    def run(self, n: int, seed: int) -> Any:
        return simulate(
            self._job.network, self._job.t_end, N_POINTS, method=self._method, replicates=n, seed=seed, progress=False
        )

    def counts(self, result: Any) -> np.ndarray:
        return result.counts


def everyday_benchmark(
    names: Sequence[str] = tuple(MODELS),
    repeats: int = 5,
    replicates: int = REPLICATES,
    exact_methods: bool = False,
    peers: Sequence[type[Peer]] = PEERS,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Time [s] of ensembles of the everyday models `names`: `replicates` short runs of about 100 events, a fifth as
    many long ones of about 1,000, and one very long run, or a few, of a million events, recorded at 51 points. Returns
    a dictionary of plain values.

    Our method is the one that `auto` chooses; with `exact_methods` each exact method is measured too. The programs run
    in turn, `repeats` times, on one core. `say` gets a line for each ensemble.

    Raises InputError for an unknown model.
    """
    for name in names:
        checks.choice("everyday model", name, MODELS)
    methods = (AUTO, *(m.name for m in EXACT if exact_methods))
    with one_core() as confined, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [
            _ensemble(name, length, repeats, n, methods, peers, say)
            for name in names
            for length, n in _sizes(MODELS[name], replicates).items()
        ]
    return {
        "machine": machine(),
        "version": __version__,
        "one_core": confined,
        "points": N_POINTS,
        "repeats": repeats,
        "peers": {p.name: _about(p) for p in peers},
        "ensembles": rows,
    }


def _sizes(model: EverydayModel, replicates: int) -> dict[str, int]:
    """Runs of each length; fewer than usual are a quick look, without those that are very long."""
    sizes = {SHORT: replicates, LONG: max(1, replicates // _SHARE)}
    return sizes | {VERY_LONG: model.few} if replicates >= REPLICATES else sizes


def _about(peer: type[Peer]) -> dict:
    missing = peer.missing()
    return {"documented": peer.documented} | ({"missing": missing} if missing else {"version": peer.version()})


def _ensemble(
    name: str, length: str, repeats: int, n: int, methods: Sequence[str], peers: Sequence[type[Peer]], say: Callable
) -> dict:
    """The row of one model and length."""
    model = MODELS[name]
    t_end = {SHORT: model.short, LONG: model.long, VERY_LONG: model.very_long}[length]
    job = model.job(t_end)
    ours = {method: _Ours(job, method) for method in methods}
    first = {method: program.run(n, 0) for method, program in ours.items()}
    reference = first[AUTO]
    job = job._replace(most_events=int(_SPARE * reference.n_events.max()) + 10)
    records: dict[str, dict] = {"gillespie-nn": {"method": reference.method}}
    programs: dict[str, _Program] = {"gillespie-nn": ours[AUTO]}
    for method in methods[1:]:
        label = f"gillespie-nn {method}"
        programs[label], records[label] = ours[method], {"method": method}
        records[label] |= _agreement(reference.counts, first[method].counts, job)
    opened: list[Peer] = []
    for peer in peers:
        if peer.missing():
            continue
        try:
            opened.append(loaded := peer(job))
            records[peer.name] = _agreement(reference.counts, loaded.counts(loaded.run(n, 0)), job)
            programs[peer.name] = loaded
        except Exception as error:  # a program of others may fail in any way; the others still count
            records[peer.name] = {"failed": _line(error)}
    del first
    for label, seconds in _in_turn(programs, n, repeats, records).items():
        if "failed" not in records[label]:
            records[label] |= {"seconds": seconds, "median": statistics.median(seconds)}
    for loaded in opened:
        loaded.close()
    row = {
        "model": name, "length": length, "source": model.source, "t_end": t_end, "replicates": n,
        "events": float(reference.n_events.mean()), "programs": records, **_fastest(records, peers),
    }  # fmt: skip
    say(_sentence(row))
    return row


def _in_turn(programs: dict[str, _Program], n: int, repeats: int, records: dict[str, dict]) -> dict[str, list[float]]:
    """Times [s] of the programs, each round starting with another one. One that fails says so in `records`."""
    found: dict[str, list[float]] = {label: [] for label in programs}
    labels = list(programs)
    for k in range(repeats):
        start = k % len(labels)
        for label in labels[start:] + labels[:start]:
            times = found[label]
            if "failed" in records[label] or (times and times[0] > _SLOW):
                continue
            try:
                begun = time.perf_counter()
                programs[label].run(n, k + 1)
                times.append(time.perf_counter() - begun)
            except Exception as error:
                records[label]["failed"] = _line(error)
    return found


def _agreement(ours: np.ndarray, theirs: np.ndarray, job: Job) -> dict:
    """Nothing if the means of all species agree, else what differs.

    Raises ValueError for another shape, and for another start."""
    if theirs.shape != ours.shape:
        raise ValueError(f"it returned an array of shape {theirs.shape}, not {ours.shape}")
    if not np.array_equal(np.asarray(theirs[0, 0]), ours[0, 0]):
        raise ValueError(f"it started at {np.asarray(theirs[0, 0]).tolist()}, not {ours[0, 0].tolist()}")
    a, b = (np.asarray(c[:, _CHECKED], dtype=float) for c in (ours, theirs))
    if len(a) < _FEWEST:  # the ensembles have shown whether it is the same model
        return {}
    difference = np.abs(a.mean(0) - b.mean(0))
    error = np.sqrt((a.var(0) + b.var(0)) / len(a))
    times = job.grid[_CHECKED]
    worst = [
        f"{job.species[s]} {b[:, p, s].mean():.6g} instead of {a[:, p, s].mean():.6g} at t = {times[p]:.6g}"
        for p, s in zip(*np.nonzero(difference > _ERRORS * error))
    ]
    return {"differs": f"means differ: {', '.join(worst)}"} if worst else {}


def _fastest(records: dict[str, dict], peers: Sequence[type[Peer]]) -> dict:
    """The fastest peer of those that simulate the same model, and how many times faster we are: of those whose calls
    are documented, and of all."""
    found: dict[str, Any] = {}
    for key, chosen in (("", [p for p in peers if p.documented]), ("_of_all", peers)):
        times = {
            p.name: records[p.name]["median"]
            for p in chosen
            if "median" in records.get(p.name, {}) and "differs" not in records[p.name]
        }
        if times:
            best = min(times, key=lambda name: times[name])
            found |= {f"fastest{key}": best, f"faster_by{key}": times[best] / records["gillespie-nn"]["median"]}
    return found


def _sentence(row: dict) -> str:
    ours = row["programs"]["gillespie-nn"]
    runs = counted(row["replicates"], f"{row['length']} run")
    text = f"{row['model']}, {runs} of {row['events']:.0f} events: "
    text += f"{ours['median']:.3g} s with {ours['method']}"
    if "fastest" in row:
        other = row["programs"][row["fastest"]]["median"]
        text += f", {row['faster_by']:.2f} times as fast as {row['fastest']} ({other:.3g} s)"
    return text


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]
