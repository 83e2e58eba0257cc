"""From tables and arrays of one's own to the numbers that a network learns: matrices, classes, scales, CSV files."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..checks import InputError

CLASSIFICATION, THRESHOLD, REGRESSION = TASKS = "classification", "threshold", "regression"
UNIT = "unit"
_DELIMITERS = ",;\t"


def matrix(what: str, values: ArrayLike, empty: bool = False) -> np.ndarray:
    """`values` as finite float64[sample, column]; one row of numbers is one column."""
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        hint = "; for classes with names use Dataset.from_arrays(x, names)" if "targets" in what else ""
        raise InputError(f"{what} must be numbers in rows of equal length{hint}") from None
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or (values.size == 0 and not empty):
        raise InputError(f"{what} must have shape [sample, feature] and not be empty, got shape {values.shape}")
    if not np.isfinite(values).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"{what} must be finite, got {values[where]} at {where}")
    return values


def one_hot(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Targets float64[sample, class] of the classes float64[sample, 1], which are whole numbers, and the names of the
    classes."""
    classes = np.unique(np.concatenate([train, test]))
    if (classes != np.floor(classes)).any():
        odd = classes[classes != np.floor(classes)][0]
        raise InputError(
            f"targets of a classification in one column must be class numbers, such as 0, 1, 2, got {odd:g}: give "
            "whole numbers, one column per class, or the task 'regression'"
        )
    if len(classes) < 2:
        raise InputError(f"all samples belong to one class, {classes[0]:g}: a classification needs at least two")
    names = tuple(f"{number:g}" for number in classes)
    return (train == classes).astype(np.float64), (test == classes).astype(np.float64), names


def targets_of(
    values: ArrayLike, task: str | None, what: str = "the targets"
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """(targets float64[sample, output], task, names of the classes if they have any) of what somebody wants learnt.

    Without a `task`, names are classes and numbers with fractions are a regression. Raises InputError for whole
    numbers, which can be either, and for what does not fit the task.
    """
    if task is not None:
        checks.choice("task", task, TASKS)
    found = np.asarray(values)
    if found.dtype.kind in "OUSb" and not _are_numbers(found):
        return _named(found, task, what)
    numbers = matrix(what, found)
    if task is None:
        if numbers.shape[1] == 1 and (numbers == np.floor(numbers)).all():
            raise InputError(
                f"{what} are whole numbers, which can be classes or amounts: give the task, 'classification' or "
                "'regression'"
            )
        task = REGRESSION
    return numbers, task, ()


def _are_numbers(values: np.ndarray) -> bool:
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return values.dtype.kind != "b"


def _named(values: np.ndarray, task: str | None, what: str) -> tuple[np.ndarray, str, tuple[str, ...]]:
    if task not in (None, CLASSIFICATION):
        one = str(values.flat[0])
        raise InputError(f"{what} are names, such as {one!r}, but {task} needs numbers: leave the task out")
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        raise InputError(f"{what} with names must be one column, got shape {values.shape}")
    names, numbers = np.unique(values.astype(str), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"all samples belong to one class, {str(names[0])!r}: a classification needs at least two")
    return np.eye(len(names))[numbers], CLASSIFICATION, tuple(names.tolist())


def to_unit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values mapped to [0, 1] column by column, least and largest of each column); a constant column becomes 0."""
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - low) / np.where(high > low, high - low, 1.0), low, high


def read_csv(
    path: Any, target: str | None, features: Sequence[str] | None
) -> tuple[np.ndarray, list[str], tuple[str, ...]]:
    """(features float64[sample, feature], cells of the target, names of the features) of a CSV file with a header.

    Raises InputError, with line and column, for what is no such file.
    """
    path = checks.existing_file("data file", path, "expected the path of a CSV file with a line of names")
    header, rows = _rows(path)
    if target is None:
        raise InputError(
            f"target is missing: name the column to learn, for example target={header[-1]!r}; the columns of "
            f"{path.name} are {checks.shortened(header)}"
        )
    checks.choice("target", target, header, f"the columns of {path.name} are")
    names = tuple(name for name in header if name != target) if features is None else tuple(features)
    for name in names:
        checks.choice("feature", name, header, f"the columns of {path.name} are")
    if target in names or len(set(names)) < len(names) or not names:
        raise InputError(f"features must be different columns besides the target {target!r}, got {', '.join(names)}")
    columns = [header.index(name) for name in names]
    x = np.array([[_number(path, line, header[k], row[k]) for k in columns] for line, row in rows])
    place = header.index(target)
    for line, row in rows:
        if not row[place]:
            raise InputError(f"{path}: line {line} has no value in column {target!r}: complete it or delete the line")
    return x, [row[place] for _, row in rows], names


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and (number of the line, cells) of each further line that is not empty."""
    text = checks.read_text(path)
    first = text.split("\n", 1)[0]
    reader = csv.reader(text.splitlines(), delimiter=max(_DELIMITERS, key=first.count))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV: {error}") from None
    lines = [(number, row) for number, row in lines if any(row)]
    if len(lines) < 2:
        raise InputError(f"{path} has no samples: the first line must hold column names, each further line one sample")
    (_, header), *rows = lines
    for name in header:
        if not name or header.count(name) > 1:
            raise InputError(f"{path}: every column needs a unique name in the first line, got {name!r}")
    for number, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}: line {number} has {len(row)} cells, but the first line has {len(header)}")
    return header, rows


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(
            f"{path}: line {line}, column {column!r}: a feature must be a finite number, got {cell!r}; leave the "
            "column out by naming the features, or write it as numbers"
        )
    return number
