"""CPU times of all exact methods and of `auto` on models of all kinds, and their tables."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from .._version import __version__
from ..api import simulate
from ..crn import ReactionNetwork
from ..display.tables import Table
from ..display.tables import report as as_text
from ..simulation import EXACT
from ..simulation.methods import AUTO
from .method_models import FIXED_ON, GROUPS, HELD_OUT, MODELS, MethodsModel
from .timing import machine, one_core

__all__ = ["FIXED_ON", "GROUPS", "HELD_OUT", "MODELS", "MethodsModel", "methods_benchmark", "report"]


# The measurement: CPU time of an event, for each exact method and `auto`, on one core and in turn.
#
# Every run simulates the same model from the same state, and records nothing in between. The start-up is the CPU time
# of the same call with an end before the first event. It is subtracted.

METHODS = (*(m.name for m in EXACT), AUTO)
EVENTS = 2_000_000
"""Events of a run, or of all replicates of an ensemble."""
LONGEST = 2.0
"""CPU time [s] that a run may take. A method that needs more is timed over a tenth of the events, a hundredth, ..."""
_STEP = 10
"""Factor between the numbers of events that are tried."""
_PILOT = 2000
"""Events of the first runs, at most. These load kernels and show how long a run will take."""
_AT_ONCE = 1e-30
"""End [s] of a run without events."""


class _Size(NamedTuple):
    """How much a method simulates."""

    replicates: int
    max_events: int | None
    t_end: float

    @classmethod
    def of(cls, model: MethodsModel, events: int) -> "_Size":
        if model.each is None:
            return cls(1, events, model.t_end)
        return cls(math.ceil(events / model.each), None, model.t_end)

    def start_up(self) -> "_Size":
        """As many replicates, without events."""
        return self._replace(t_end=_AT_ONCE)


def methods_benchmark(
    names: Sequence[str] = tuple(MODELS),
    repeats: int = 5,
    events: int | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """CPU time [ns] of an event of each exact method and of `auto` on the models `names`, the least of `repeats` runs.
    Returns a dictionary of plain values.

    The methods run in turn, on one core. `events` replaces the number of events that a run is timed over. `say` gets
    a line for each model.

    Raises InputError for an unknown model.
    """
    for name in names:
        checks.choice("model", name, MODELS)
    rows = []
    with one_core() as confined, warnings.catch_warnings():
        # Every run ends at its number of events, of which it warns.
        warnings.simplefilter("ignore")
        for name in names:
            rows.append(_measured(name, MODELS[name], repeats, events))
            say(_sentence(rows[-1]))
    return {
        "machine": machine(),
        "version": __version__,
        "one_core": confined,
        "repeats": repeats,
        "models": rows,
        "worst": _worst(rows),
    }


def _measured(name: str, model: MethodsModel, repeats: int, events: int | None) -> dict:
    """The row of one model."""
    network, events = model.make(), events or EVENTS
    sized = {method: _size(network, model, method, events) for method in METHODS}
    times: dict[str, list[tuple[float, int]]] = {method: [] for method in METHODS}
    start_up: dict[str, list[float]] = {method: [] for method in METHODS}
    for k in range(repeats):
        first = k % len(METHODS)
        for method in METHODS[first:] + METHODS[:first]:
            size, _ = sized[method]
            start_up[method].append(_timed(network, method, size.start_up(), k)[0])
            seconds, result = _timed(network, method, size, k)
            times[method].append((seconds, int(result.n_events.sum())))
    records = {method: _record(times[method], min(start_up[method])) for method in METHODS}
    ns = {method: x for method in METHODS if (x := records[method]["ns_per_event"]) is not None}
    best = min((method for method in METHODS[:-1] if method in ns), key=lambda method: ns[method], default=None)
    return {
        "model": name,
        "group": model.group,
        "source": model.source,
        "n_species": len(network.species),
        "n_reactions": len(network.reactions),
        "n_laws": sum(reaction.law is not None for reaction in network.reactions),
        "dependents": float(np.diff(network.compiled.single.dependents.start.astype(np.int64)).mean()),
        "events": max(record["events"] for record in records.values()),
        "methods": records,
        "auto_chose": sized[AUTO][1],
        "best": best,
        "auto_over_best": ns[AUTO] / ns[best] if best and AUTO in ns else None,
    }


def _size(network: ReactionNetwork, model: MethodsModel, method: str, events: int) -> tuple[_Size, str]:
    """How much `method` simulates within the CPU time allowed, and the method that simulates it."""
    numbers = [events]
    while numbers[0] > _PILOT:
        numbers.insert(0, numbers[0] // _STEP)
    size = _Size.of(model, numbers[0])
    # This run compiles.
    chosen = _timed(network, method, size, 0)[1].method
    start_up, _ = _timed(network, method, size.start_up(), 0)
    # Runs become longer step by step, since the first events of a large network are slower than later ones.
    for n in numbers[1:]:
        # Two runs, because the first may compile: a method may change to another one late in a run.
        if all(_STEP * (_timed(network, method, size, 0)[0] - start_up) > LONGEST for _ in range(2)):
            break
        size = _Size.of(model, n)
    return size, chosen


def _timed(network: ReactionNetwork, method: str, size: _Size, seed: int) -> tuple[float, Any]:
    """CPU time [s] of a simulation, and its result."""
    begun = time.process_time()
    result = simulate(
        network, size.t_end, 2, method=method, replicates=size.replicates, max_events=size.max_events, seed=seed,
        progress=False,
    )  # fmt: skip
    return time.process_time() - begun, result


def _record(times: list[tuple[float, int]], start_up: float) -> dict:
    ns = min(1e9 * (seconds - start_up) / max(1, events) for seconds, events in times)
    return {
        "events": max(events for _, events in times),
        "cpu_seconds": [seconds for seconds, _ in times],
        "start_up_seconds": start_up,
        # None: too few events to distinguish them from the start-up.
        "ns_per_event": ns if ns > 0 else None,
    }


def _worst(rows: Sequence[dict]) -> dict[str, dict]:
    """The model of each group on which `auto` compares worst with the best method, and the ratio."""
    result = {}
    for group in GROUPS:
        if members := [row for row in rows if row["group"] == group and row["auto_over_best"] is not None]:
            worst = max(members, key=lambda row: row["auto_over_best"])
            result[group] = {"model": worst["model"], "auto_over_best": worst["auto_over_best"]}
    return result


def _sentence(row: dict) -> str:
    if row["auto_over_best"] is None:
        return f"{row['model']}: not measured, because a run takes no longer than its start-up"
    ns = {method: record["ns_per_event"] for method, record in row["methods"].items()}
    best = row["best"]
    return (
        f"{row['model']}: auto ({row['auto_chose']}) {ns[AUTO]:.3g} ns an event, {best} {ns[best]:.3g} ns, "
        f"ratio {row['auto_over_best']:.2f}"
    )


# The measurement as tables, one for each group of models.


def tables(result: dict) -> list[Table]:
    """A table for each group, with a row for each model: CPU time of an event with each method [ns]."""
    result_tables = []
    for group in GROUPS:
        rows = [row for row in result["models"] if row["group"] == group]
        if rows:
            methods = tuple(rows[0]["methods"])
            columns = ("model", "species", "reactions", "laws", "events", *methods, "auto chose", "auto / best")
            result_tables.append(Table(_caption(group, result), columns, [_row(row) for row in rows]))
    return result_tables


def _caption(group: str, result: dict) -> str:
    return (
        f"Models of the group {group!r}: CPU nanoseconds an event, least of {result['repeats']} runs"
        f"{', one core' if result['one_core'] else ''}; {result['machine']['processor']}, "
        f"Python {result['machine']['python']}"
    )


def _row(row: dict) -> tuple:
    cells = (_number(record["ns_per_event"], ".3g") for record in row["methods"].values())
    return (
        row["model"], row["n_species"], row["n_reactions"], row["n_laws"], row["events"], *cells, row["auto_chose"],
        _number(row["auto_over_best"], ".2f"),
    )  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def notes(result: dict) -> list[str]:
    """The worst ratio of each group, and the methods that were timed over fewer events."""
    lines = [
        f"Worst of the group {group!r}: {AUTO} takes {worst['auto_over_best']:.2f} times as long as the best method on "
        f"{worst['model']}"
        for group, worst in result["worst"].items()
    ]
    cut: dict[str, list[str]] = {}
    for row in result["models"]:
        for method, record in row["methods"].items():
            if 2 * record["events"] < row["events"]:
                cut.setdefault(method, []).append(f"{row['model']} ({record['events']})")
    few = "; ".join(f"{method}: {', '.join(models)}" for method, models in cut.items())
    return [f"Timed over fewer events, because a run would take over {LONGEST:g} s: {few}", *lines] if few else lines


def report(result: dict, markdown: bool = False) -> str:
    """The tables and their notes in plain text or Markdown."""
    return as_text(tables(result), notes(result), markdown)
