"""Views of results in memory and in files: statistics, tables, summaries, and constants of the model.

Trajectories are read in parts of bounded size, so that memory does not grow with the number of replicates. Values are
float64 arrays [replicate, point, name], NaN where a replicate did not reach a point or a rule gives no number.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

from ..checks import InputError
from ..display.curves import asked_for, signs_of, with_rate_rules
from ..display.tables import Table, fragment, shown
from ..statistics.intervals import rank
from .schedule import PARAMETER

if TYPE_CHECKING:
    from .ensemble_result import EnsembleResult

PART_BYTES = 1 << 26
"""Approximate size of one part."""
_CHUNK_BYTES = 1 << 22
"""Approximate size of a chunk of rows of a table."""
MOMENTS = ("mean", "variance", "standard_error", "minimum", "maximum")
"""Columns of a table of moments."""
_MOST_ROWS = 10
"""Quantities shown in a summary."""
_MOST_REPLICATES = 1000
"""Replicates read from a file for a summary, at two recorded points each: each takes HDF5 about 0.1 ms."""


class Sums(NamedTuple):
    """Arrays [point, name] over the replicates that reached each point."""

    n: np.ndarray
    """int64, how many did."""
    mean: np.ndarray
    squares: np.ndarray
    """Sum of the squared deviations from the mean."""
    minimum: np.ndarray
    maximum: np.ndarray


def names_of(run: Any) -> tuple[str, ...]:
    """Species, then observables that are not species."""
    return (*run.species, *(n for n in run.observable_names if n not in run.species))


def read(run: Any, names: Sequence[str], points: slice = slice(None), replicates: slice = slice(None)) -> np.ndarray:
    """float64[replicate, point, name] of slices of points and replicates; a name can be that of a signed number."""
    signs = [signs_of(run, name) for name in names]
    if any(len(parts) > 1 for parts in signs):
        rails = list(dict.fromkeys(part for of_name in signs for part, _ in of_name))
        place, one_by_one = {part: k for k, part in enumerate(rails)}, read(run, rails, points, replicates)
        both: np.ndarray = np.zeros((*one_by_one.shape[:2], len(names)))
        for k, of_name in enumerate(signs):
            for part, sign in of_name:
                both[..., k] += sign * one_by_one[..., place[part]]
        return both
    from_rules = {name: k for k, name in enumerate(run.observable_names)}
    of_species = {name: k for k, name in enumerate(run.species)}
    counted = [k for k, name in enumerate(names) if name not in from_rules]
    observed = [k for k, name in enumerate(names) if name in from_rules]
    columns = np.array([of_species[names[k]] for k in counted], dtype=int)
    counts = np.asarray(run.counts[replicates, points, columns])
    values = counts.astype(np.float64)
    if np.issubdtype(counts.dtype, np.integer):
        values[counts < 0] = np.nan
    if not observed:
        return values
    both = np.empty((*values.shape[:2], len(names)))
    both[..., counted] = values
    both[..., observed] = run.observables[replicates, points, np.array([from_rules[names[k]] for k in observed])]
    return both


def split(n: int, width: int) -> list[slice]:
    """0 to n - 1 in slices of so many rows of `width` numbers as make a part."""
    rows = max(1, PART_BYTES // (8 * max(1, width)))
    return [slice(k, min(k + rows, n)) for k in range(0, n, rows)]


def blocks(run: Any, n_names: int) -> list[slice]:
    """Slices of points at which `n_names` quantities of all replicates make a part."""
    return split(run.counts.shape[1], max(run.counts.shape[0] * n_names, len(run.species)))


def sums(run: Any, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None) -> Sums:
    """Over the replicates of `run` (the first `most` of them), at all recorded points or those numbered `points`."""
    n_replicates, n_points, _ = run.counts.shape
    n_replicates = n_replicates if most is None else min(most, n_replicates)
    pieces = split(n_points, max(len(names), len(run.species)))
    if points is not None:
        pieces = [slice(p, p + 1) for p in points]
    pieces = pieces or [slice(0, 0)]  # of a training run that has no record yet
    return Sums(*(np.concatenate(x) for x in zip(*(_sums_at(run, names, piece, n_replicates) for piece in pieces))))


def _sums_at(run: Any, names: Sequence[str], points: slice, n_replicates: int) -> Sums:
    """The sums of one slice of points: parts of replicates are merged as in `moments.Moments.merge`."""
    shape = (points.stop - points.start, len(names))
    total = Sums(
        np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape), np.full(shape, np.inf),
        np.full(shape, -np.inf),
    )  # fmt: skip
    for replicates in split(n_replicates, shape[0] * max(len(names), len(run.species))):
        values = read(run, names, points, replicates)
        known = np.isfinite(values)
        n = known.sum(axis=0)
        mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1)
        squares = np.square(np.where(known, values - mean, 0.0)).sum(axis=0)
        n_both = total.n + n
        share = n / np.maximum(n_both, 1)
        shift = mean - total.mean
        total = Sums(
            n_both,
            total.mean + shift * share,
            total.squares + squares + np.square(shift) * total.n * share,
            np.minimum(total.minimum, np.where(known, values, np.inf).min(axis=0, initial=np.inf)),
            np.maximum(total.maximum, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)),
        )
    return total


def quantiles(run: Any, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
    """float64[probability, point, name]: the value of `rank` among those of the replicates that reached each point, NaN
    where none did."""
    n_replicates, n_points, _ = run.counts.shape
    values = np.full((len(probabilities), n_points, len(names)), np.nan)
    # Quantiles need all replicates at once: a part is one point of all of them, or a few names of it.
    for columns in split(len(names), n_replicates):
        for points in blocks(run, columns.stop - columns.start):
            for k, ordered in enumerate(_ranked(read(run, names[columns], points), probabilities)):
                values[k, points, columns] = ordered
    return values


def _ranked(values: np.ndarray, probabilities: Sequence[float]) -> Iterator[np.ndarray]:
    """Of float64[replicate, point, name], its quantiles [point, name] in turn."""
    if not len(values):
        return
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN last
    n = np.isfinite(ordered).sum(axis=0)
    for p in probabilities:
        yield np.take_along_axis(ordered, rank(p, n)[None] - 1, axis=0)[0]


# The table of a result, for CSV, Parquet and pandas: columns by name, rows in chunks of bounded size
#
# Trajectories have a row for each replicate and recorded time, and a column for each species and observable (of a
# species that a rule gives, the rule's value); a training run also has one for each weight, and `prediction_NAME` for
# each output. Moments have a row for each time and quantity. A cell is empty where a replicate did not reach the point.


class Columns(NamedTuple):
    """A table."""

    names: list[str]
    chunks: Iterable[list[np.ndarray]]
    """Lists of arrays [row], one for each column."""


def of_trajectories(run: Any, chosen: Sequence[str] = ()) -> Columns:
    """The table of a `Result` or a `Run`, of all quantities or of the `chosen` ones, which are real numbers then."""
    if len(chosen):
        return Columns(["replicate", "time", *chosen], _chosen_chunks(run, chosen))
    names = ["replicate", "time", *names_of(run), *run._more_columns()]
    return Columns(names, _trajectory_chunks(run, names))


def _chosen_chunks(run: Any, names: Sequence[str]) -> Iterator[list[np.ndarray]]:
    time = run.time
    rows = max(1, _CHUNK_BYTES // (8 * len(run.species)))
    for k, number in enumerate(run.replicates.tolist()):
        for start in range(0, len(time), rows):
            part = slice(start, start + rows)
            values = read(run, names, part, slice(k, k + 1))[0]
            yield [np.full(len(values), number), time[part], *values.T]


def _trajectory_chunks(run: Any, names: list[str]) -> Iterator[list[np.ndarray]]:
    time, counts, more = run.time, run.counts, run._more_columns().values()
    rows = max(1, _CHUNK_BYTES // (8 * len(names)))
    observed = [names.index(name) for name in run.observable_names]
    n_added = len(names_of(run)) - len(run.species)
    for k, number in enumerate(run.replicates.tolist()):
        for start in range(0, len(time), rows):
            part = slice(start, start + rows)
            chunk = [np.full(len(time[part]), number), time[part], *np.ma.getdata(counts[k, part]).T]
            chunk += [np.empty(0)] * n_added
            for column, values in zip(observed, run.observables[k, part].T if observed else ()):
                chunk[column] = values
            yield chunk + [values[part] for values in more]


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
    for chunk in columns.chunks:
        writer.writerows(zip(*(_cells(column) for column in chunk)))


def _cells(column: np.ndarray) -> list:
    gone, values = missing(column), column.tolist()
    return ["" if g else value for g, value in zip(gone, values)] if gone.any() else values


# The summary of a result in a prompt and in a notebook, with the quantities at the last recorded time


def text(result: "EnsembleResult") -> str:
    """Two lines for a prompt."""
    early = _n_stopped(result)
    title = result._title() + (f"; {early:,} stopped early" if early else "")
    return f"{title}\n  {_how(result)}"


def _how(result: "EnsembleResult") -> str:
    reason = f" ({result.method_reason})" if result.method_reason else ""
    return f"method {result.method}{reason}, seed {result.seed}, Omega = {result.volume:g}"


def span(result: "EnsembleResult") -> str:
    """Replicates, recorded times and quantities, in words."""
    n, planned, time = len(result), result.n_planned, result.time
    replicates = f"{n:,}" if n == planned else f"{n:,} of {planned:,}"
    words = [f"{replicates} {_plural(planned, 'replicate')}", f"{len(time)} {_plural(len(time), 'point')}"]
    if len(time):
        words[-1] += f" from {time[0]:g} to {time[-1]:g} s"
    names = result.quantities
    return ", ".join([*words, f"{len(names)} {_plural(len(names), 'quantity', 'quantities')} [{result.units}]"])


def stopped(result: "EnsembleResult") -> str:
    """How many replicates stopped early, and why; nothing if none did."""
    early = _n_stopped(result)
    if not early:
        return ""
    why = ((n, str(s).removeprefix("stopped: ")) for s, n in result.statuses.items() if not s.complete)
    reasons = "; ".join(f"{n:,}: {reason}" for n, reason in why)
    return f"{early:,} of {sum(result.statuses.values()):,} replicates stopped early ({reasons})"


def _n_stopped(result: "EnsembleResult") -> int:
    return sum(n for status, n in result.statuses.items() if not status.complete)


def html(result: "EnsembleResult") -> str:
    """A title, a table of the quantities that changed most, and notes."""
    notes = [_how(result), *filter(None, [stopped(result)])]
    n = len(result)
    if not n or not len(result.time):
        return fragment(result._title(), notes=[*notes, "nothing is recorded yet"])
    if result._IN_FILE and n > _MOST_REPLICATES:
        notes.append(f"the table shows the first {_MOST_REPLICATES:,} replicates")
    return fragment(result._title(), [shown(_table(result), _MOST_ROWS)], notes)


class Last(NamedTuple):
    """A quantity at the last recorded time."""

    name: str
    mean: float
    std: float


def last(result: "EnsembleResult") -> list[Last]:
    """Every quantity that the run was asked for at the last point, of a file in its first replicates. What rate rules
    change comes first, then what moved most, by the root mean square of the change from the first point, about."""
    names, first = asked_for(result), with_rate_rules(result)
    points = (0, len(result.time) - 1)
    sums = result._sums(names, points, _MOST_REPLICATES if result._IN_FILE else None)
    mean = np.where(sums.n > 0, sums.mean, np.nan)
    std = np.sqrt(np.where(sums.n > 1, sums.squares / np.maximum(sums.n - 1, 1), np.nan))
    moved = np.hypot(mean[1] - mean[0], np.nan_to_num(std[1]))
    order = np.lexsort((-np.nan_to_num(moved, nan=-1.0), [name not in first for name in names]))
    return [Last(names[k], mean[1, k], std[1, k]) for k in order]


def _table(result: "EnsembleResult") -> Table:
    quantities, rates = last(result), with_rate_rules(result)
    when = f"at t = {result.time[-1]:g} s"
    if len(quantities) > _MOST_ROWS:
        when += "; variables of rate rules, then largest changes first" if rates else "; largest changes first"
    if len(result) == 1:
        return Table(when, ("quantity", "value"), [(q.name, q.mean) for q in quantities])
    return Table(when, ("quantity", "mean", "std. dev."), list(quantities))


def _plural(n: int, one: str, many: str = "") -> str:
    return one if n == 1 else many or f"{one}s"


# Constants of a model by name: parameters, and what its source names, such as sizes of compartments in SBML. In the
# network they are numbers in the rates.


def constants_of(result: Any) -> dict[str, float]:
    """Values at time 0, by name, of what only a schedule can change."""
    model, origin = result.model, getattr(result, "provenance", None) or {}
    # A model in a file does not know its source, so the file stores the constants.
    named = dict(origin.get("parameters", {}).get("constants", {}))
    named |= getattr(model, "constants", {})
    known = {*result.quantities, *getattr(model, "species", ()), *getattr(model, "observables", ())}
    return {name: value for name, value in named.items() if name not in known}


def constant(result: Any, name: Any) -> np.ndarray | None:
    """float64[point], the value of a constant at the recorded times of a result; None for another name.

    Raises InputError where a schedule changes rates, and may have changed a constant that is no more than a number in
    them.
    """
    if not isinstance(name, str) or name in result.quantities or name not in (values := constants_of(result)):
        return None
    over_time = np.full(len(result.time), values[name], dtype=np.float64)
    origin = getattr(result, "provenance", None) or {}
    is_read = name in result.model.parameters
    for time, setting in origin.get("parameters", {}).get("schedule") or ():
        for written in (name, f"{PARAMETER}:{name}"):
            if is_read and written in setting:
                over_time[np.asarray(result.time) >= time] = setting[written]
        if not is_read and any(_sets_a_rate(result.model, written) for written in setting):
            raise InputError(
                f"{name} is part of the rate constants, which the schedule changes at t = {time:g} s: results do not "
                f"record whether that changed {name}"
            )
    return over_time


def _sets_a_rate(model: Any, written: str) -> bool:
    return written.partition(":")[2] in model.reaction_index or written in model.reaction_index
