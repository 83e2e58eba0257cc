"""The table of a result, for CSV, Parquet and pandas: columns by name, rows in blocks of bounded size.

Trajectories have a row for each replicate and recorded time, and a column for each species and observable (of a
species that a rule gives, the rule's value); a training run also has one for each weight, and `prediction_NAME` for
each output. Moments have a row for each time and quantity. A cell is empty where a replicate did not reach the point.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TextIO

import numpy as np

from .parts import names_of

_BLOCK_BYTES = 1 << 22
MOMENTS = ("mean", "variance", "standard_error", "minimum", "maximum")


class Columns(NamedTuple):
    """A table."""

    names: list[str]
    blocks: Iterable[list[np.ndarray]]
    """Lists of arrays [row], one for each column."""


def of_trajectories(run: Any) -> Columns:
    """The table of a `Result` or a `Run`."""
    names = ["replicate", "time", *names_of(run), *run._more_columns()]
    return Columns(names, _trajectory_blocks(run, names))


def _trajectory_blocks(run: Any, names: list[str]) -> Iterator[list[np.ndarray]]:
    time, counts, more = run.time, run.counts, run._more_columns().values()
    rows = max(1, _BLOCK_BYTES // (8 * len(names)))
    observed = [names.index(name) for name in run.observable_names]
    n_added = len(names_of(run)) - len(run.species)
    for k, number in enumerate(run.replicates.tolist()):
        for start in range(0, len(time), rows):
            part = slice(start, start + rows)
            block = [np.full(len(time[part]), number), time[part], *np.ma.getdata(counts[k, part]).T]
            block += [np.empty(0)] * n_added
            for column, values in zip(observed, run.observables[k, part].T if observed else ()):
                block[column] = values
            yield block + [values[part] for values in more]


def of_moments(result: Any) -> Columns:
    """The table of a `MomentsResult`."""
    time = np.repeat(result.time, len(result.quantities))
    quantity = np.tile(np.array(result.quantities, dtype=object), len(result.time))
    values = [result.n.ravel(), *(getattr(result, name)().ravel() for name in MOMENTS)]
    return Columns(["time", "quantity", "n", *MOMENTS], [[time, quantity, *values]])


def missing(column: np.ndarray) -> np.ndarray:
    """bool[row]: where a replicate did not reach the point, or a rule gives no whole number."""
    if column.dtype.kind == "O":
        return np.zeros(len(column), dtype=bool)
    return column < 0 if column.dtype.kind == "i" else np.isnan(column)


def write_csv(columns: Columns, file: TextIO) -> None:
    """The table as comma-separated values, its names first."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns.names)
    for block in columns.blocks:
        writer.writerows(zip(*(_cells(column) for column in block)))


def _cells(column: np.ndarray) -> list:
    gone, values = missing(column), column.tolist()
    return ["" if g else value for g, value in zip(gone, values)] if gone.any() else values
