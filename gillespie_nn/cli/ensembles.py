"""What `simulate` prints of moments and of sweeps."""

import argparse
from typing import Any

import numpy as np

from ..analysis.final_state import final_state, fired
from ..api import Sweep
from ..crn import ReactionNetwork
from ..display.tables import Table
from ..display.words import counted
from ..simulation import MomentsResult, final_values
from ..simulation.task import WITH_ROWS
from .common import print_json

_SHOWN_COLUMNS = 4
_PROBABILITIES = (0.025, 0.5, 0.975)


def print_moments(network: ReactionNetwork, result: MomentsResult, arguments: argparse.Namespace) -> int:
    """The moments at the last time; returns the exit code."""
    print(
        f"{len(network.species)} species, {network.compiled}; method {result.method} ({result.method_reason}), "
        f"Omega = {result.volume:g}, seed {result.seed}"
    )
    found, state = _last(result), final_state(result)
    n_fired = fired(result.n_events) if result._has_firings else ""
    print(f"{counted(result.n_done, 'replicate')} to t = {result.time[-1]:g} s{n_fired}")
    if state is not None:
        table = state.table(result.time[-1], result.units)
        quantiles = result.moments.sketch is not None
        head = [f"{p:g} quantile" for p in _PROBABILITIES] if quantiles else ["least", "largest"]
        columns = found["quantiles"] if quantiles else [found["minimum"], found["maximum"]]
        rows = [(*row, *(column[k] for column in columns)) for row, k in zip(table.rows, state.shown)]
        print(table._replace(columns=(*table.columns, *head), rows=rows).text())
    for status, n in result.statuses.items():
        print(f"{n} of {result.n_replicates} {status}")
    if arguments.output:
        print(f"written to {arguments.output}")
    if arguments.json:
        print_json(found | _about(result, arguments))
    return 0 if all(status.intended for status in result.statuses) else 3


def print_sweep(sweep: Sweep, arguments: argparse.Namespace) -> int:
    """Means at the last time, a line a row; returns the exit code."""
    rows = []
    for row in range(len(sweep)):
        with sweep.opened(row) as result:
            rows.append(_row(sweep, row, result))
    names = rows[0]["quantities"][:_SHOWN_COLUMNS]
    caption = (
        f"{counted(len(sweep), 'row')} of {counted(arguments.replicates, 'replicate')} to t = {arguments.t_end:g} s"
        f", seed {sweep.seed}"
    )
    columns = (*sweep.table.names, *(f"mean of {name}" for name in names))
    cells = [(*found["parameters"].values(), *found["mean"][: len(names)]) for found in rows]
    print(Table(caption, columns, cells).text())
    unfinished = [k for k, found in enumerate(rows) if not found["complete"]]
    if unfinished:
        print(f"not every replicate reached the end in {len(unfinished)} rows, the first of them {unfinished[0]}")
    if arguments.output:
        print(f"written to the folder {arguments.output}, one file a row and table.csv")
    if arguments.json:
        print_json({"seed": sweep.seed, "record": sweep.record, "output": arguments.output, "rows": rows})
    return 0 if all(found["intended"] for found in rows) else 3


def _row(sweep: Sweep, row: int, result: Any) -> dict:
    if sweep.record in WITH_ROWS:
        names, final = final_values(result)
        mean = final.mean(axis=0) if len(final) else np.full(len(names), np.nan)
        deviation = final.std(axis=0, ddof=1) if len(final) > 1 else np.full(len(names), np.nan)
        found = {"mean": mean, "standard_deviation": deviation, "quantities": list(names)}
    else:
        found = _last(result) | {"quantities": list(result.quantities)}
    about = {"parameters": sweep.table.row(row), "seed": result.seed, "method": result.method}
    intended = all(status.intended for status in result.statuses)
    ends = {"complete": result.complete, "intended": intended}
    return about | found | {"events": int(np.sum(result.n_events)), **ends}


def _last(result: MomentsResult) -> dict:
    """Moments at the last time, by name."""
    statistics = {"standard_deviation": result.std} | {
        name: getattr(result, name) for name in ("mean", "standard_error", "minimum", "maximum")
    }
    found: dict = {"n": result.n[-1]} | {name: of()[-1] for name, of in statistics.items()}
    if result.moments.sketch is not None:
        found |= {"probabilities": _PROBABILITIES, "quantiles": [result.quantile(p)[-1] for p in _PROBABILITIES]}
    return found


def _about(result: MomentsResult, arguments: argparse.Namespace) -> dict:
    return {
        "quantities": list(result.quantities),
        "status": {status.name.lower(): n for status, n in result.statuses.items()},
        "events": result.n_events,
        "replicates": result.n_replicates,
        "complete_replicates": sum(n for status, n in result.statuses.items() if status.complete),
        "t_end": arguments.t_end,
        "volume": result.volume,
        "method": result.method,
        "method_reason": result.method_reason,
        "seed": result.seed,
        "output": arguments.output,
        "units": result.units,
        "statistics": result.statistics,
        "record": arguments.record,
    }
