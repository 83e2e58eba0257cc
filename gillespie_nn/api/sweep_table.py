"""The table of a parameter sweep: columns of numbers by name, one setting a row; and what its names stand for.

As CSV, a line of names and one of numbers for each row; lines that begin with # are left out. As TOML, `[[row]]` once
for each row, with `name = number`; or one `[grid]` with `name = [numbers]`, of which every combination is a row, the
last name changing fastest. In Python also {name: numbers} or a list of {name: number}, and as `grid` {name: numbers}.
A name of reactions or species can be a pattern, as `update_*`: the column sets all that match. Columns with an exact
name win over patterns, and later patterns over earlier ones.
"""

import csv
import io
import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..crn import ReactionNetwork

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

from .. import checks
from ..checks import InputError
from ..crn.names import is_pattern

RATE, INITIAL, PARAMETER = KINDS = "rate", "initial", "parameter"
VOLUME = "volume"
_MOST_ROWS = 100_000
"""A row is an ensemble, and a grid has soon more rows than anybody wants."""
_COMPUTED = "=+-@"
"""Tables may come from somebody else, and `Sweep.to_csv` writes their names."""
_HELP = (
    "a sweep takes the path of a table (.csv or .toml), {name: numbers} or a list of {name: number}; or "
    "grid={name: numbers}"
)


class Table(NamedTuple):
    """Settings of a sweep."""

    names: tuple[str, ...]
    values: np.ndarray  # float64[row, column]

    def row(self, number: int) -> dict:
        """{name: value} of a row; whole numbers as such."""
        values = self.values[number].tolist()
        return {n: int(v) if v == math.floor(v) and abs(v) <= 2**53 else v for n, v in zip(self.names, values)}


def read_table(source: Any) -> Table:
    """The table of a file, or of names and numbers. Raises InputError, with the line or row, for what is none."""
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


def grid_table(grid: Any) -> Table:
    """The table of all combinations of the values in `grid`, {name: numbers}; the last name changes fastest."""
    if not isinstance(grid, Mapping) or not grid:
        raise InputError(f"grid must be {{name: numbers}}, with at least one name, got {grid!r}"[:300])
    lists = {name: _list(values, f"{name!r} of the grid") for name, values in grid.items()}
    _check_size(math.prod(len(values) for values in lists.values()))
    numbers = [[_number(v, f"{name!r} of the grid") for v in values] for name, values in lists.items()]
    return _table(list(lists), list(itertools.product(*numbers)))


def as_csv(table: Table, columns: Mapping[str, Any], comment: str) -> str:
    """The text of a CSV file: a comment, then the table with further `columns` {name: cells} in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *table.names])
    writer.writerows(zip(*columns.values(), *table.values.T.tolist()))
    return f"# {comment}\n{text.getvalue()}"


def meaning(name: str, network: ReactionNetwork, is_parameter: Callable[[str], bool]) -> tuple[str, str]:
    """(kind, name) of what a column of this name sets in `network`: a rate constant (the name or pattern of reactions),
    an initial count (of species), the volume, or a parameter, which `is_parameter(name)` decides. Where a name has two
    meanings, `rate:NAME`, `initial:NAME` or `parameter:NAME` says which."""
    kind, colon, own = name.partition(":")
    if colon:
        return checks.choice("kind of column", kind.strip(), KINDS, "the part before the colon is one of"), own.strip()
    if name == VOLUME:
        return VOLUME, name
    if is_pattern(name):
        found = [kind for kind in (RATE, INITIAL) if any(fnmatchcase(n, name) for n in names_of(kind, network))]
    else:
        named = [kind for kind in (RATE, INITIAL) if name in names_of(kind, network)]
        found = named + [PARAMETER] * bool(is_parameter(name))
    if len(found) > 1:
        names = " or ".join(f"{kind}:{name}" for kind in found)
        raise InputError(f"column {name!r} of the sweep has {len(found)} meanings in the model: write {names}")
    if not found:
        checks.choice(
            "column of the sweep", name,
            [*network.reaction_index, *names_of(INITIAL, network), *network.settable, VOLUME],
            "reactions (rate constants), species (initial counts), parameters and the volume are",
        )  # fmt: skip
    return found[0], name


def names_of(kind: str, network: ReactionNetwork) -> Collection[str]:
    """Names of the reactions, or of the species whose initial amounts can be set."""
    if kind == RATE:
        return network.reaction_index
    return network.index if not network.rules else [s for s in network.species if s not in network.rules]


def cells(text: str) -> list[tuple[int, list[str]]]:
    """(number of the line, cells) of each line of a CSV file that is neither empty nor a comment."""
    rows = csv.reader(text.splitlines())
    try:
        found = [(rows.line_num, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} of the table is not CSV: {error}") from None
    found = [(number, row) for number, row in found if any(row) and not row[0].startswith("#")]
    if not found:
        raise InputError("the table is empty: give a line of names, and lines of numbers")
    return found


def numbers(names: Sequence[str], lines: Sequence[tuple[int, list[str]]]) -> Table:
    """The table of `names` and `lines` as `cells` gives them."""
    for line, row in lines:
        if len(row) != len(names):
            raise InputError(f"line {line} has {len(row)} cells, but the line of names has {len(names)}")
    rows = [[_number(c, f"line {line}, column {name!r}") for name, c in zip(names, row)] for line, row in lines]
    return _table(names, rows)


def _read_csv(text: str) -> Table:
    (_, names), *lines = cells(text)
    return numbers(names, lines)


def _read_toml(text: str) -> Table:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}") from None
    except RecursionError:
        raise InputError("not a table: its lists are nested too deeply") from None
    if set(found) == {"row"} and isinstance(found["row"], list):
        return _rows(found["row"], "[[row]]")
    if set(found) == {"grid"} and isinstance(found["grid"], dict):
        return grid_table(found["grid"])
    raise InputError(f"a table in TOML has [[row]] or one [grid], got {checks.shortened(found) or 'nothing'}")


def _check_size(n_rows: int) -> None:
    if n_rows > _MOST_ROWS:
        raise InputError(f"the sweep has {n_rows} rows, but the limit is {_MOST_ROWS}: use fewer values")


def _rows(rows: Any, what: str) -> Table:
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(f"the rows of a sweep must be a list of {{name: number}}, got {rows!r}"[:300])
    names = list(rows[0])
    for k, row in enumerate(rows):
        if set(row) != set(names):
            odd = sorted({str(n) for n in set(row) ^ set(names)})
            raise InputError(f"{what} {k} and {what} 0 set different names ({', '.join(odd)}): set the same in each")
    return _table(names, [[_number(row[name], f"{what} {k}, {name}") for name in names] for k, row in enumerate(rows)])


def _columns(columns: Mapping[str, Any]) -> Table:
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
    found = list(itertools.islice(values, _MOST_ROWS + 1))
    if not found:
        raise InputError(f"{what} has no values: give at least one")
    return found


def _table(names: Sequence[str], rows: Any) -> Table:
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
    return Table(tuple(names), np.array(rows, dtype=np.float64))


def _number(value: Any, where: str) -> float:
    try:
        number = float(value) if isinstance(value, str) else checks.finite(where, value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: expected a finite number, got {value!r}")
    return number


def folder_of(path: Any) -> Path:
    """The folder that a sweep is written to, made if it is not there."""
    path = checks.path_of("output", path, f"output of a sweep must be the path of a folder, got {path!r}")
    if path.exists() and not path.is_dir():
        raise InputError(f"output {path} of a sweep must be a folder, but is a file: choose another name")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path} for the sweep: {error.strerror}") from None
    return path
