"""The table of a parameter sweep, and `Sweep`, the ensembles of its rows.

Each row of the table is a setting, each column a number by name. There are three notations:

- CSV: a line of names, then a line of numbers for each row. Lines that begin with # are comments.
- TOML: one `[[row]]` with `name = number` for each row; or one `[grid]` with `name = [numbers]`, which gives a row for
  every combination, the last name changing fastest.
- Python: {name: numbers} or a list of {name: number}; and {name: numbers} as `grid`.

The name of a column can be a pattern for reactions or species, such as `update_*`: the column sets all that match.
Columns with an exact name take precedence over patterns, and later patterns over earlier ones.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import checks, storage
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.names import is_pattern
from ..display import tables
from ..display.curves import plot_sweep
from ..display.tables import fragment
from ..simulation.ensemble_result import csv_to
from ..simulation.result_views import Columns, last
from ..simulation.task import RECORDS, TRAJECTORIES, WITH_ROWS, Task

if TYPE_CHECKING:
    from ..storage import MomentsRun, Run

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]


RATE, INITIAL, PARAMETER = KINDS = "rate", "initial", "parameter"
VOLUME = "volume"
_MOST_ROWS = 100_000
"""Largest number of rows. Each is an ensemble, and the size of a grid grows with every name."""
_COMPUTED = "=+-@"
"""Spreadsheets compute cells that begin with these. `Sweep.to_csv` writes names, and a table may come from a
stranger."""
_HELP = (
    "a sweep takes the path of a table (.csv or .toml), {name: numbers} or a list of {name: number}; or "
    "grid={name: numbers}"
)


class SweepTable(NamedTuple):
    """The settings of a sweep, one in each row."""

    names: tuple[str, ...]
    values: np.ndarray  # float64[row, column]

    def row(self, number: int) -> dict:
        """{name: value} of a row; whole values as int."""
        values = self.values[number].tolist()
        return {n: int(v) if v == math.floor(v) and abs(v) <= 2**53 else v for n, v in zip(self.names, values)}


def read_table(source: Any) -> SweepTable:
    """The table in a file, or of names and numbers. Raises InputError, with the line or row, for an invalid one."""
    if isinstance(source, Mapping):
        return _columns(source)
    if isinstance(source, (list, tuple)):
        return _rows(source, "row")
    path = checks.existing_file("table of a sweep", source, _HELP)
    readers = {".csv": _read_csv, ".toml": _read_toml}
    reader = readers[checks.choice("format of a table", path.suffix.lower(), readers, "use")]
    text = checks.read_text(path)
    try:
        return reader(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def grid_table(grid: Any) -> SweepTable:
    """The table of all combinations of the values in `grid`, {name: numbers}; the last name changes fastest."""
    if not isinstance(grid, Mapping) or not grid:
        raise InputError(f"grid must be {{name: numbers}}, with at least one name, got {grid!r}"[:300])
    lists = {name: _list(values, f"{name!r} of the grid") for name, values in grid.items()}
    _check_size(math.prod(len(values) for values in lists.values()))
    numbers = [[_number(v, f"{name!r} of the grid") for v in values] for name, values in lists.items()]
    return _table(list(lists), list(itertools.product(*numbers)))


def as_csv(table: SweepTable, columns: Mapping[str, Any], comment: str) -> str:
    """The text of a CSV file: a comment, then the columns {name: cells}, then the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *table.names])
    writer.writerows(zip(*columns.values(), *table.values.T.tolist()))
    return f"# {comment}\n{text.getvalue()}"


def meaning(name: str, network: ReactionNetwork, is_parameter: Callable[[str], bool]) -> tuple[str, str]:
    """(kind, name) of what a column of this name sets in `network`.

    It is a rate constant (a name or pattern of reactions), an initial count (of species), the volume, or a parameter,
    which `is_parameter(name)` decides. If a name has two meanings, `rate:NAME`, `initial:NAME` or `parameter:NAME`
    chooses one. Raises InputError for an unknown or ambiguous name.
    """
    kind, colon, rest = name.partition(":")
    if colon:
        return checks.choice("kind of column", kind.strip(), KINDS, "the part before the colon is one of"), rest.strip()
    if name == VOLUME:
        return VOLUME, name
    if is_pattern(name):
        possible = [kind for kind in (RATE, INITIAL) if any(fnmatchcase(n, name) for n in names_of(kind, network))]
    else:
        named = [kind for kind in (RATE, INITIAL) if name in names_of(kind, network)]
        possible = named + [PARAMETER] * bool(is_parameter(name))
    if len(possible) > 1:
        names = " or ".join(f"{kind}:{name}" for kind in possible)
        raise InputError(f"column {name!r} of the sweep has {len(possible)} meanings in the model: write {names}")
    if not possible:
        checks.choice(
            "column of the sweep", name,
            [*network.reaction_index, *names_of(INITIAL, network), *network.settable, VOLUME],
            "reactions (rate constants), species (initial counts), parameters and the volume are",
        )  # fmt: skip
    return possible[0], name


def names_of(kind: str, network: ReactionNetwork) -> Collection[str]:
    """Names of the reactions, or of the species whose initial amounts can be set."""
    if kind == RATE:
        return network.reaction_index
    return network.index if not network.rules else [s for s in network.species if s not in network.rules]


def cells(text: str) -> list[tuple[int, list[str]]]:
    """(line number, cells) for each line of a CSV file that is neither empty nor a comment."""
    rows = csv.reader(text.splitlines())
    try:
        lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} of the table is not CSV: {error}") from None
    lines = [(number, row) for number, row in lines if any(row) and not row[0].startswith("#")]
    if not lines:
        raise InputError("the table is empty: give a line of names, and lines of numbers")
    return lines


def numbers(names: Sequence[str], lines: Sequence[tuple[int, list[str]]]) -> SweepTable:
    """The table of `names` and `lines` as `cells` gives them."""
    for line, row in lines:
        if len(row) != len(names):
            raise InputError(f"line {line} has {len(row)} cells, but the line of names has {len(names)}")
    rows = [[_number(c, f"line {line}, column {name!r}") for name, c in zip(names, row)] for line, row in lines]
    return _table(names, rows)


def _read_csv(text: str) -> SweepTable:
    (_, names), *lines = cells(text)
    return numbers(names, lines)


def _read_toml(text: str) -> SweepTable:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}") from None
    except RecursionError:
        raise InputError("not a table: its lists are nested too deeply") from None
    if set(document) == {"row"} and isinstance(document["row"], list):
        return _rows(document["row"], "[[row]]")
    if set(document) == {"grid"} and isinstance(document["grid"], dict):
        return grid_table(document["grid"])
    raise InputError(f"a table in TOML has [[row]] or one [grid], got {checks.shortened(document) or 'nothing'}")


def _check_size(n_rows: int) -> None:
    if n_rows > _MOST_ROWS:
        raise InputError(f"the sweep has {n_rows} rows, but the limit is {_MOST_ROWS}: use fewer values")


def _rows(rows: Any, what: str) -> SweepTable:
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(f"the rows of a sweep must be a list of {{name: number}}, got {rows!r}"[:300])
    names = list(rows[0])
    for k, row in enumerate(rows):
        if set(row) != set(names):
            odd = sorted({str(n) for n in set(row) ^ set(names)})
            raise InputError(f"{what} {k} and {what} 0 set different names ({', '.join(odd)}): set the same in each")
    return _table(names, [[_number(row[name], f"{what} {k}, {name}") for name in names] for k, row in enumerate(rows)])


def _columns(columns: Mapping[str, Any]) -> SweepTable:
    lists = {}
    for name, values in columns.items():
        lists[name] = _list(values, f"column {name!r} of the sweep")
        _check_size(len(lists[name]))
    if len({len(values) for values in lists.values()}) > 1:
        lengths = {name: len(values) for name, values in lists.items()}
        raise InputError(f"columns of the sweep differ in length: {lengths}; for all combinations use grid")
    rows = zip(*lists.values())
    return _table(list(lists), [[_number(v, f"column {n!r}") for n, v in zip(lists, row)] for row in rows])


def _list(values: Any, what: str) -> list:
    if isinstance(values, str) or not np.iterable(values):
        raise InputError(f"{what} must be a list of numbers, got {values!r}")
    # One more than allowed, so that an endless iterator is refused and not exhausted.
    items = list(itertools.islice(values, _MOST_ROWS + 1))
    if not items:
        raise InputError(f"{what} has no values: give at least one")
    return items


def _table(names: Sequence[str], rows: Any) -> SweepTable:
    _check_size(len(rows))
    if not names or not rows:
        raise InputError("the table has no rows: give at least one setting")
    for name in names:
        if not isinstance(name, str) or not name:
            raise InputError(f"a column of the sweep has no name: {names!r}")
        if not name.isprintable() or name[0] in _COMPUTED:
            raise InputError(
                f"column {checks.shortened_text(name)} of the sweep must be printable, and must not begin with one of "
                f"{_COMPUTED}, because spreadsheets compute such cells: choose another name"
            )
        if names.count(name) > 1:
            raise InputError(f"column {name!r} appears twice in the table")
    return SweepTable(tuple(names), np.array(rows, dtype=np.float64))


def _number(value: Any, where: str) -> float:
    try:
        number = float(value) if isinstance(value, str) else checks.finite(where, value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: expected a finite number, got {value!r}")
    return number


def folder_of(path: Any) -> Path:
    """The folder that a sweep is written to; it is created if it does not exist."""
    path = checks.path_of("output", path, f"output of a sweep must be the path of a folder, got {path!r}")
    if path.exists() and not path.is_dir():
        raise InputError(f"output {path} of a sweep must be a folder, but is a file: choose another name")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create the folder {path} for the sweep: {error.strerror}") from None
    return path


# The ensembles, in memory or in a folder with `table.csv` and one file for each row. The table has the columns `row`,
# `seed` and `file`, then those of the sweep. Its first line is a comment with the version, the seed of the sweep and
# what is recorded.

TABLE = "table.csv"
_HEAD = re.compile(r"# gillespie-nn sweep, version (\d+)\.(\d+), seed (\d+), (\w+)\s*")
_VERSION = (1, 0)
_FIXED_COLUMNS = ("row", "seed", "file")
_SHOWN_ROWS = 10
_SHOWN_QUANTITIES = 3
"""Limits of the table in a notebook."""


@dataclass(frozen=True, repr=False)
class Sweep:
    """The ensembles of a table: `sweep[row]` is the result of a row, `len(sweep)` the number of rows. Results in a
    folder are opened when they are used. The first axis of all statistics is the row."""

    table: SweepTable
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
            except InputError:  # the file of the row does not exist yet
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
                for block in result.table().chunks:
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
    """File name of a row. The digest covers everything that determines the content, so a changed row gets a new
    file."""
    return f"row-{row:05d}-{task.digest[:12]}.h5"


def open_sweep(folder: Any) -> Sweep:
    """Open the sweep in a folder, finished or not.

    Raises InputError for a folder without a sweep; a row that has not started raises it when it is used.
    """
    path = checks.path_of("folder", folder, f"open_sweep takes the path of a folder, got {folder!r}") / TABLE
    header = head(path)
    if header is None:
        raise InputError(f"{folder} is not the folder of a sweep: its {TABLE} is missing, or another program wrote it")
    (_, names), *lines = cells(checks.read_text(path))
    n_fixed = len(_FIXED_COLUMNS)
    if tuple(names[:n_fixed]) != _FIXED_COLUMNS:
        raise InputError(
            f"{path} starts with the columns {', '.join(names[:n_fixed])}, expected {', '.join(_FIXED_COLUMNS)}"
        )
    for line, row in lines:
        name = row[n_fixed - 1] if len(row) >= n_fixed else ""
        # A table from a stranger must not name files outside the folder.
        if not name or name in (".", "..") or set(name) & set("/\\\0"):
            raise InputError(f"line {line} of {path} names the file {name!r}, expected a file in the same folder")
    table = numbers(names[n_fixed:], [(line, row[n_fixed:]) for line, row in lines])
    return Sweep(table, header[0], [path.parent / row[n_fixed - 1] for _, row in lines], header[1], path.parent)


def write_table(
    folder: Any, table: SweepTable, seed: int, record: str, seeds: Sequence[int], files: Sequence[str]
) -> None:
    """Write `table.csv` of a sweep, with the seed and the name of the file of each row."""
    comment = f"gillespie-nn sweep, version {_VERSION[0]}.{_VERSION[1]}, seed {seed}, {record}"
    columns = dict(zip(_FIXED_COLUMNS, (range(len(files)), seeds, files)))
    checks.write_text(folder / TABLE, as_csv(table, columns, comment))


def head(path: Any) -> tuple[int, str] | None:
    """(seed, record) from the first line of a table; None if there is no table of a sweep.

    Raises InputError for another major version and for an unknown record.
    """
    try:
        with open(path, encoding="utf-8") as file:
            match = _HEAD.fullmatch(file.readline())
    except (OSError, UnicodeDecodeError):
        return None
    if match is None:
        return None
    if int(match[1]) != _VERSION[0]:
        raise InputError(f"{path} has version {match[1]}.{match[2]}, this software reads {_VERSION[0]}.x")
    checks.choice(f"record in {path}", match[4], RECORDS)
    return int(match[3]), match[4]


def open_row(path: Any, record: str) -> Run | MomentsRun:
    """The open file of a row."""
    return storage.open_trajectories(path) if record in WITH_ROWS else storage.open_moments(path)
