"""The ensembles of a parameter sweep, in memory or in a folder: one file a row, and `table.csv` beside them.

The table has the columns `row`, `seed` and `file`, then those of the sweep; its first line is a comment with the
version, the seed of the sweep and what is recorded.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import checks
from ..checks import InputError
from ..display.sweeps import plot_sweep
from ..simulation.task import RECORDS, TRAJECTORIES
from ..storage import MomentsRun, Run, open_moments, open_trajectories
from .sweep_table import Table, as_csv, cells, numbers

TABLE = "table.csv"
_HEAD = re.compile(r"# gillespie-nn sweep, version (\d+)\.(\d+), seed (\d+), (\w+)\s*")
_VERSION = (1, 0)
_OWN = ("row", "seed", "file")


@dataclass(frozen=True)
class Sweep:
    """The ensembles of a table, one a row: `sweep[row]`. Those in a folder are opened when they are asked for."""

    table: Table
    """`names` of the columns, and `values` float64[row, column]."""
    seed: int
    results: Sequence
    """Of each row a `Result` or `MomentsResult`, or the path of its file."""
    record: str = TRAJECTORIES
    folder: Path | None = None

    def __repr__(self) -> str:
        where = "in memory" if self.folder is None else f"in {self.folder}"
        return f"Sweep({len(self)} rows of {', '.join(self.table.names)}; {self.record} {where}, seed {self.seed})"

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, row: int) -> Any:
        """The result of a row, or the open file of one in a folder: a `Run` (close it) or a `MomentsRun`."""
        found = self.results[row]
        return open_row(found, self.record) if isinstance(found, Path) else found

    def __iter__(self) -> Iterator:
        return (self[row] for row in range(len(self)))

    @property
    def complete(self) -> bool:
        """Every replicate of every row was simulated to the end."""
        return all(self._with(row, lambda result: result.complete) for row in range(len(self)))

    def to_xarray(self, **of_each: Any) -> Any:
        """An xarray Dataset: that of each row (`to_xarray(**of_each)`) along the dimension `row`, with the columns of
        the table as its coordinates; a column is called sweep_NAME where the results have a NAME of their own."""
        xarray = checks.optional("xarray", "xarray", "to_xarray")
        rows = [self._with(row, lambda result: result.to_xarray(**of_each)) for row in range(len(self))]
        data = xarray.concat(rows, "row", join="exact", combine_attrs="drop_conflicts")
        columns = zip(self.table.names, self.table.values.T)
        return data.assign_coords(
            {f"sweep_{name}" if name in data.variables else name: ("row", column) for name, column in columns}
        )

    def plot(self, ax: Any = None, names: Sequence[str] = (), x: str | None = None) -> Any:
        """Draw the means at the last time, with 95 % intervals, against the column `x` of the table (by default its
        only column), into `ax` or new axes; `names` are quantities, by default up to four species. Returns the axes."""
        if x is None and len(self.table.names) > 1:
            raise InputError(f"the sweep has several columns: choose one, x={self.table.names[0]!r} for example")
        x = checks.choice("column", self.table.names[0] if x is None else x, self.table.names, "the sweep has")
        values = self.table.values[:, self.table.names.index(x)]
        with ExitStack() as stack:
            rows = [stack.enter_context(self.opened(row)) for row in range(len(self))]
            return plot_sweep(x, values, rows, ax, names)

    def opened(self, row: int) -> AbstractContextManager:
        """A context manager that gives the result of a row, and closes its file."""
        return nullcontext(self[row]) if self.folder is None else self[row]

    def _with(self, row: int, ask: Callable[[Any], Any]) -> Any:
        with self.opened(row) as result:
            return ask(result)


def open_sweep(folder: Any) -> Sweep:
    """The sweep in a folder, also one that has not ended.

    Raises InputError for a folder that holds none, and where a row is asked for that has not begun.
    """
    path = checks.path_of("folder", folder, f"open_sweep takes the path of a folder, got {folder!r}") / TABLE
    found = head(path)
    if found is None:
        raise InputError(f"{folder} holds no sweep: its {TABLE} is missing or another program's")
    (_, names), *lines = cells(checks.read_text(path))
    own = len(_OWN)
    if tuple(names[:own]) != _OWN:
        raise InputError(f"{path} begins with the columns {', '.join(names[:own])}, expected {', '.join(_OWN)}")
    for line, row in lines:
        name = row[own - 1] if len(row) >= own else ""
        if not name or name in (".", "..") or set(name) & set("/\\\0"):  # a file of another folder is none of a sweep's
            raise InputError(f"line {line} of {path} names the file {name!r}, expected one in the folder")
    table = numbers(names[own:], [(line, row[own:]) for line, row in lines])
    return Sweep(table, found[0], [path.parent / row[own - 1] for _, row in lines], found[1], path.parent)


def write_table(folder: Any, table: Table, seed: int, record: str, seeds: Sequence[int], files: Sequence[str]) -> None:
    """Write `table.csv` of a sweep, with the seed and the name of the file of each row."""
    comment = f"gillespie-nn sweep, version {_VERSION[0]}.{_VERSION[1]}, seed {seed}, {record}"
    columns = dict(zip(_OWN, (range(len(files)), seeds, files)))
    checks.write_text(folder / TABLE, as_csv(table, columns, comment))


def head(path: Any) -> tuple[int, str] | None:
    """(seed, record) that a table begins with; None if there is no table of a sweep.

    Raises InputError for one of a newer major version, or that records what this software does not know.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = _HEAD.fullmatch(file.readline())
    except (OSError, UnicodeDecodeError):
        return None
    if found is None:
        return None
    if int(found[1]) != _VERSION[0]:
        raise InputError(f"{path} is of version {found[1]}.{found[2]}, this software reads {_VERSION[0]}.x")
    checks.choice(f"record in {path}", found[4], RECORDS)
    return int(found[3]), found[4]


def open_row(path: Any, record: str) -> Run | MomentsRun:
    """The open file of a row."""
    return open_trajectories(path) if record == TRAJECTORIES else open_moments(path)
