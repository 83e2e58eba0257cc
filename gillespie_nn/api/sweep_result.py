"""The ensembles of a parameter sweep, in memory or in a folder: one file a row, and `table.csv` beside them.

The table has the columns `row`, `seed` and `file`, then those of the sweep; its first line is a comment with the
version, the seed of the sweep and what is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks, storage
from ..checks import InputError
from ..display import tables
from ..display.curves import plot_sweep
from ..display.tables import fragment
from ..simulation.ensemble_result import csv_to
from ..simulation.result_views import Columns, last
from ..simulation.task import RECORDS, TRAJECTORIES, WITH_ROWS, Task
from .sweep_table import Table, as_csv, cells, folder_of, numbers

if TYPE_CHECKING:
    from ..storage import MomentsRun, Run

TABLE = "table.csv"
_HEAD = re.compile(r"# gillespie-nn sweep, version (\d+)\.(\d+), seed (\d+), (\w+)\s*")
_VERSION = (1, 0)
_OWN = ("row", "seed", "file")
_SHOWN_ROWS = 10
_SHOWN_QUANTITIES = 3
"""What a notebook shows."""


@dataclass(frozen=True, repr=False)
class Sweep:
    """The ensembles of a table: `sweep[row]` is the result of a row, `len(sweep)` the number of rows. Results in a
    folder are opened when they are used. The first axis of all statistics is the row."""

    table: Table
    """`names` of the columns, and `values` float64[row, column]."""
    seed: int
    results: Sequence
    """For each row a `Result` or `MomentsResult`, or the path of its file."""
    record: str = TRAJECTORIES
    folder: Path | None = None

    def __repr__(self) -> str:
        where = "in memory" if self.folder is None else f"in {str(self.folder)!r}"
        rows = f"{len(self)} {'row' if len(self) == 1 else 'rows'} of {', '.join(self.table.names)}"
        return f"Sweep: {rows}; {self.record} {where}, seed {self.seed}"

    def _repr_html_(self) -> str:
        rows: list[tuple] = []
        names: tuple[str, ...] = ()
        for row in range(min(len(self), _SHOWN_ROWS)):
            try:
                values = self._with(row, lambda r: {q.name: q.mean for q in last(r)} if len(r) and len(r.time) else {})
            except InputError:  # not begun
                values = {}
            names = names or tuple(values)[:_SHOWN_QUANTITIES]
            rows.append((row, *self.table.row(row).values(), *(values.get(name, np.nan) for name in names)))
        columns = ("row", *self.table.names, *(f"mean of {name}" for name in names))
        rows = [row + (np.nan,) * (len(columns) - len(row)) for row in rows]
        if len(self) > _SHOWN_ROWS:
            rows.append((f"... {len(self) - _SHOWN_ROWS} more", *[""] * (len(columns) - 1)))
        return fragment(repr(self), [tables.Table("means at the last recorded time", columns, rows)])

    def __len__(self) -> int:
        """Rows of the table."""
        return len(self.results)

    def __getitem__(self, row: int) -> Any:
        """The result of a row, or the open file of one in a folder: a `Run` (close it) or a `MomentsRun`. Raises
        InputError for what is not a number, IndexError for a row that the table does not have."""
        if not isinstance(row, (int, np.integer)):
            raise InputError(
                f"a sweep is indexed by the number of a row, sweep[0], got {row!r}; its columns are in sweep.table"
            )
        result = self.results[row]
        return open_row(result, self.record) if isinstance(result, Path) else result

    def _ipython_key_completions_(self) -> list[int]:
        """Rows that IPython suggests after `sweep[`."""
        return list(range(len(self)))

    def __iter__(self) -> Iterator:
        return (self[row] for row in range(len(self)))

    @property
    def complete(self) -> bool:
        """Whether every replicate of every row was simulated to the end."""
        return all(self._with(row, lambda result: result.complete) for row in range(len(self)))

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the species, then of the observables that are not species."""
        return self._with(0, lambda result: result.quantities)

    @property
    def time(self) -> np.ndarray:
        """float64[point] [s], the recorded times."""
        return self._with(0, lambda result: result.time)

    @property
    def units(self) -> str:
        """Units of the species: `molecules`, or `concentration`."""
        return self._with(0, lambda result: result.units)

    def mean(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Mean over the replicates: float64[row, point, quantity], or float64[row, point] of the quantity `name`; see
        `Result.mean`."""
        return self._stacked(lambda result: result.mean(name))

    def variance(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Variance, divided by n - 1, shaped as `mean`."""
        return self._stacked(lambda result: result.variance(name))

    def std(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Standard deviation, shaped as `mean`."""
        return self._stacked(lambda result: result.std(name))

    def standard_error(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Standard error of the mean, shaped as `mean`."""
        return self._stacked(lambda result: result.standard_error(name))

    def interval(self, name: str | Sequence[str] | None = None, confidence: float = 0.95) -> np.ndarray:
        """Confidence interval of the mean, shaped as `mean` with an axis (low, high) after the rows; see
        `Result.interval`."""
        return self._stacked(lambda result: result.interval(name, confidence))

    def minimum(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Smallest value, shaped as `mean`."""
        return self._stacked(lambda result: result.minimum(name))

    def maximum(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Largest value, shaped as `mean`."""
        return self._stacked(lambda result: result.maximum(name))

    def quantile(self, q: float | Sequence[float], name: str | Sequence[str] | None = None) -> np.ndarray:
        """Value of rank ceil(q n), shaped as `mean`; several probabilities `q` add an axis after the rows. See
        `Result.quantile`."""
        return self._stacked(lambda result: result.quantile(q, name))

    def save(self, folder: str | Path) -> None:
        """Write the same folder as `sweep(..., output=folder)`: `open_sweep` reads it, and the same sweep can continue
        in it. A sweep in a folder is copied. Raises InputError for a folder that is not empty."""
        path = folder_of(folder)
        if any(path.iterdir()):
            raise InputError(f"the folder {path} is not empty: choose a new one")
        seeds = [self._with(row, lambda result: result.seed) for row in range(len(self))]
        files = [r.name if isinstance(r, Path) else file_of(row, r._task) for row, r in enumerate(self.results)]
        write_table(path, self.table, self.seed, self.record, seeds, files)
        for row, name in enumerate(files):
            with self.opened(row) as result:
                result.save(path / name)

    def to_csv(self, path: str | Path | None = None, overwrite: bool = False) -> str | None:
        """Write one table of all rows to a file, or return it as text without `path`. Its columns are the row number
        and the parameters, then those of `gillespie-nn export --to csv`.

        Raises InputError for an existing file without `overwrite`; StorageError if the file cannot be written.
        """
        return csv_to(path, overwrite, self._columns())

    def to_dataframe(self) -> Any:
        """A pandas DataFrame of all rows. The row is the first level of the index, and the parameters are the first
        columns; a parameter is called sweep_NAME if the results have a column NAME.
        Raises MissingExtraError without pandas."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        frames = [self._with(row, lambda result: result.to_dataframe()) for row in range(len(self))]
        for frame, values in zip(frames, self.table.values):
            names = self._parameter_names([*frame.columns, *frame.index.names])
            for k, (name, value) in enumerate(zip(names, values)):
                frame.insert(k, name, value)
        return pandas.concat(frames, keys=range(len(frames)), names=["row"])

    def to_xarray(self, **of_each: Any) -> Any:
        """An xarray Dataset: the datasets of the rows (`to_xarray(**of_each)`) along the dimension `row`, with the
        parameters as coordinates. A parameter is called sweep_NAME if the results have a NAME. Raises
        MissingExtraError without xarray."""
        xarray = checks.optional("xarray", "xarray", "to_xarray")
        rows = [self._with(row, lambda result: result.to_xarray(**of_each)) for row in range(len(self))]
        data = xarray.concat(rows, "row", join="exact", combine_attrs="drop_conflicts")
        names = self._parameter_names(data.variables)
        return data.assign_coords({name: ("row", column) for name, column in zip(names, self.table.values.T)})

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

    def _columns(self) -> Columns:
        names = self._with(0, lambda result: result.table().names)
        return Columns(["row", *self._parameter_names(names), *names], self._blocks())

    def _blocks(self) -> Iterator[list[np.ndarray]]:
        for row in range(len(self)):
            with self.opened(row) as result:
                for block in result.table().blocks:
                    n = len(block[0])
                    yield [np.full(n, row), *(np.full(n, value) for value in self.table.values[row]), *block]

    def _parameter_names(self, taken: Container) -> list[str]:
        return [f"sweep_{name}" if name in taken else name for name in self.table.names]

    def _stacked(self, ask: Callable[[Any], np.ndarray]) -> np.ndarray:
        return np.stack([self._with(row, ask) for row in range(len(self))])

    def _with(self, row: int, ask: Callable[[Any], Any]) -> Any:
        with self.opened(row) as result:
            return ask(result)


def file_of(row: int, task: Task) -> str:
    """Name of the file of a row, by all that decides its content."""
    return f"row-{row:05d}-{task.digest[:12]}.h5"


def open_sweep(folder: Any) -> Sweep:
    """Open the sweep in a folder, finished or not.

    Raises InputError for a folder without a sweep; a row that has not started raises it when it is used.
    """
    path = checks.path_of("folder", folder, f"open_sweep takes the path of a folder, got {folder!r}") / TABLE
    found = head(path)
    if found is None:
        raise InputError(f"{folder} is not the folder of a sweep: its {TABLE} is missing, or another program wrote it")
    (_, names), *lines = cells(checks.read_text(path))
    own = len(_OWN)
    if tuple(names[:own]) != _OWN:
        raise InputError(f"{path} starts with the columns {', '.join(names[:own])}, expected {', '.join(_OWN)}")
    for line, row in lines:
        name = row[own - 1] if len(row) >= own else ""
        if not name or name in (".", "..") or set(name) & set("/\\\0"):  # a file of another folder is none of a sweep's
            raise InputError(f"line {line} of {path} names the file {name!r}, expected a file in the same folder")
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
        raise InputError(f"{path} has version {found[1]}.{found[2]}, this software reads {_VERSION[0]}.x")
    checks.choice(f"record in {path}", found[4], RECORDS)
    return int(found[3]), found[4]


def open_row(path: Any, record: str) -> Run | MomentsRun:
    """The open file of a row."""
    return storage.open_trajectories(path) if record in WITH_ROWS else storage.open_moments(path)
