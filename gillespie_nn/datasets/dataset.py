"""Datasets: samples from arrays and CSV files, their checks, classes, scales and split; and the base class of cases."""

import csv
import hashlib
import io
import os
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks, seeds
from ..checks import InputError
from ..nn.settings import Settings
from ..options import ArgumentCheck, Options, one_of, option
from ..seeds import Purpose

CLASSIFICATION, THRESHOLD, REGRESSION = TASKS = "classification", "threshold", "regression"
UNIT, STANDARD = SCALES = "unit", "standard"
SUFFIXES = (".csv", ".tsv", ".txt")
"""Endings of the names of data files."""
_DELIMITERS = ",;\t"
_MISSING = {"", "?", "na", "n/a", "nan", "null"}
"""How tables write a missing value, in lower case."""
_SHOWN = 6
"""Largest number of names in a notice."""
_Place = Callable[[int], str]
"""Where the target of sample k stands, for a message."""


def matrix(what: str, values: ArrayLike, empty: bool = False) -> np.ndarray:
    """`values` as finite float64[sample, column]; one row of numbers is one column."""
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be numbers in rows of equal length") from None
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or (values.size == 0 and not empty):
        raise InputError(f"{what} must have shape [sample, feature] and not be empty, got shape {values.shape}")
    if not np.isfinite(values).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"{what} must be finite, got {values[where]} at {where}")
    return values


# Targets: numbers, or names of classes

_SET_TASK = "task='{0}' (--task {0})"


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
    names = tuple(f"{number:.0f}" for number in classes)
    return (train == classes).astype(np.float64), (test == classes).astype(np.float64), names


def named_one_hot(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """As `one_hot`, for names of classes, str[sample]."""
    names = np.unique(np.concatenate([train, test]))
    if len(names) < 2:
        raise InputError(f"all samples belong to one class, {str(names[0])!r}: a classification needs at least two")
    every = np.eye(len(names))
    return every[np.searchsorted(names, train)], every[np.searchsorted(names, test)], tuple(names.tolist())


def targets_of(
    values: ArrayLike, task: str | None, what: str = "the targets", place: _Place = "sample {}".format
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """(targets float64[sample, output], task, names of the classes if they have any) of what a network is to learn.

    Without a `task`, names are classes and numbers with fractions are a regression. Raises InputError for whole
    numbers, which can be either, for missing values, and for what does not fit the task. `place(k)` says where the
    target of sample k stands.
    """
    if task is not None:
        checks.choice("task", task, TASKS)
    try:
        targets = np.asarray(values)
    except ValueError:
        raise InputError(f"{what} must be numbers or names in rows of equal length") from None
    if targets.dtype.kind == "b" or has_names(targets):
        return _named(names_of(targets, what, place), task, what, place)
    numbers = matrix(what, targets)
    if task is None:
        if numbers.shape[1] == 1 and (numbers == np.floor(numbers)).all():
            ways = " or ".join(_SET_TASK.format(name) for name in (CLASSIFICATION, REGRESSION))
            raise InputError(f"{what} are whole numbers, which can be classes or amounts: give the task, {ways}")
        task = REGRESSION
    return numbers, task, ()


def has_names(values: Any) -> bool:
    """Whether targets are names of classes, and not numbers. A value that is missing is no number."""
    try:
        values = np.asarray(values)
    except ValueError:  # rows of unequal length
        return False
    return values.dtype.kind in "OUS" and any(isinstance(v, (str, bytes, type(None))) and not _is_number(v)
                                              for v in values.ravel().tolist())  # fmt: skip


def names_of(values: np.ndarray, what: str, place: _Place = "sample {}".format) -> np.ndarray:
    """Names of classes as str[sample]. Raises InputError for a name that is missing, and for several columns."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"{what} with names must be one column, got shape {values.shape}")
    names = []
    for k, value in enumerate(values.tolist()):
        name = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        if value is None or name.strip().lower() in _MISSING:
            shown = f"the target {name!r}, which stands for a missing value" if name else "no target"
            raise InputError(
                f"{place(k)} has {shown}: complete it or leave the sample out"
                + ("; if it is the name of a class, give the class another name" if name.strip() else "")
            )
        names.append(name)
    return np.array(names)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _named(names: np.ndarray, task: str | None, what: str, place: _Place) -> tuple[np.ndarray, str, tuple[str, ...]]:
    words = [k for k, name in enumerate(names.tolist()) if not _is_number(name)]
    if task not in (None, CLASSIFICATION):
        if len(words) < len(names):
            raise InputError(f"{place(words[0])}: the target {str(names[words[0]])!r} is no number, as {task} needs: "
                             "correct it or leave the sample out")  # fmt: skip
        raise InputError(f"{what} are names, such as {str(names[0])!r}, but {task} needs numbers: leave the task out")
    # A slip of the pen among numbers must not turn every number into a class.
    if task is None and 2 * len(words) < len(names):
        raise InputError(
            f"{place(words[0])}: the target {str(names[words[0]])!r} is no number, but most others are: correct it, "
            f"or, if all are names of classes, set {_SET_TASK.format(CLASSIFICATION)}"
        )
    targets, _, classes = named_one_hot(names, names[:0])
    return targets, CLASSIFICATION, classes


# Scales: between the units of the user and concentrations


@dataclass(frozen=True, eq=False)
class Scale:
    """Maps values in the units of the user to concentrations, column by column: (value - offset) / width.

    Raises InputError for numbers that are no such map.
    """

    kind: str
    """`unit` or `standard`."""
    offset: np.ndarray
    """float64[column], in the units of the user."""
    width: np.ndarray
    """float64[column], positive, in the units of the user."""

    def __post_init__(self) -> None:
        checks.choice("scale", self.kind, SCALES)
        for name in ("offset", "width"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64, ndmin=1))
        if self.offset.shape != self.width.shape or self.offset.ndim != 1:
            raise InputError(f"a scale needs one offset and one width per column, got shapes {self.offset.shape} and "
                             f"{self.width.shape}")  # fmt: skip
        if not np.isfinite(self.offset).all() or not (np.isfinite(self.width) & (self.width > 0)).all():
            raise InputError("a scale needs finite offsets and positive, finite widths: the values are too far apart")

    @classmethod
    def of(cls, kind: str, values: np.ndarray) -> "Scale":
        """The scale that maps `values` float64[sample, column] to 0 to 1 (`unit`), or to mean 0 and standard deviation
        1 (`standard`). A constant column becomes 0."""
        checks.choice("scale", kind, SCALES)
        low, high = values.min(axis=0), values.max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):  # the constructor refuses what overflows
            offset = low if kind == UNIT else np.where(high > low, values.mean(axis=0), low)
            width = high - low if kind == UNIT else values.std(axis=0)
        return cls(kind, offset, np.where(high > low, width, 1.0))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Concentrations of `values` float64[..., column] in the units of the user."""
        return (values - self.offset) / self.width

    def undo(self, concentrations: np.ndarray) -> np.ndarray:
        """Values in the units of the user, of `concentrations` float64[..., column]."""
        return concentrations * self.width + self.offset

    def __repr__(self) -> str:
        return f"Scale({self.kind}, {len(self.offset)} columns)"


# Files


def _column_names(name: str, value: Any) -> tuple[str, ...]:
    """Names of columns: several, or one text in which commas separate them."""
    if isinstance(value, str):
        value = next(csv.reader([value], skipinitialspace=True), [])
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise InputError(f"{name} must be names of columns, for example {name}=['width', 'colour'], got {value!r}")
    return tuple(each.strip() for each in value)


def _column_name(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} must be the name of a column, got {value!r}")
    return value.strip()


@dataclass(frozen=True, eq=False)
class FileOptions(Options):
    """How a data file becomes a `Dataset`."""

    target: str | None = option(None, ArgumentCheck(_column_name, ""), "of a data file: the column to learn",
                                kind=str, metavar="COLUMN")  # fmt: skip
    features: Sequence[str] | None = option(
        None, ArgumentCheck(_column_names, ""), "of a data file: columns to learn the target from", kind=str,
        metavar="A,B", usual="all others",
    )  # fmt: skip
    task: str | None = option(
        None, one_of(*TASKS), "of a data file: what is learnt", kind=str,
        usual="classification if the target has names, regression if it has numbers with fractions",
    )  # fmt: skip
    scale: str | None = option(
        None, one_of(*SCALES), "of a data file: map each feature, and the target of a regression, to the range 0 to 1 "
        "(unit), or to mean 0 and standard deviation 1 (standard)", kind=str, usual="as they are",
        more="the fit has the scale: `Fit.predict` takes and returns values in the units of the file",
    )  # fmt: skip
    test: float | None = option(
        None, ArgumentCheck(checks.not_negative, "0 or a fraction"), "of a data file: fraction of the samples held out "
        "for the test", usual="0.25", metavar="P", more="with 0 the training samples are also the test set",
    )  # fmt: skip

    @property
    def given(self) -> dict[str, Any]:
        """Those that are set, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def is_data_file(data: Any, cases: Sequence[str]) -> bool:
    """Whether what is to be learnt is a file: a path, or a text that ends like one or names one, and no case."""
    if isinstance(data, os.PathLike):
        return True
    if not isinstance(data, str) or data in cases:
        return False
    try:
        return data.lower().endswith(SUFFIXES) or Path(data).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):  # no name of a file: too long, a NUL, or the home of nobody
        return False


def read_csv(
    path: Any, target: str | None, features: Sequence[str] | None
) -> tuple[np.ndarray, list[str], tuple[str, ...], list[int]]:
    """(features float64[sample, feature], cells of the target, names of the features, lines of the samples) of a CSV
    file with a header.

    Raises InputError, with line and column, for a file that is not such a table.
    """
    path = checks.existing_file("data file", path, "expected the path of a CSV file with a line of names")
    header, rows = _rows(path)
    if target is None:
        raise InputError(
            f"target is missing: name the column to learn, for example target={header[-1]!r} "
            f"(--target {_quoted(header[-1])}); the columns of {path.name} are {checks.shortened(header)}"
        )
    checks.choice("target", target, header, f"the columns of {path.name} are")
    names = tuple(name for name in header if name != target) if features is None else tuple(features)
    for name in names:
        checks.choice("feature", name, header, f"the columns of {path.name} are")
    if target in names or len(set(names)) < len(names) or not names:
        raise InputError(f"features must be different columns besides the target {target!r}, got {', '.join(names)}")
    place = header.index(target)
    for line, row in rows:
        if not row[place]:
            raise InputError(f"{path}: line {line} has no value in column {target!r}: complete it or delete the line")
    columns = [header.index(name) for name in names]
    for line, row in rows:
        for k in columns:
            if not _is_finite(row[k]):
                raise InputError(_no_feature(path, line, header, rows, k, columns))
    x = np.array([[float(row[k]) for k in columns] for _, row in rows])
    return x, [row[place] for _, row in rows], names, [line for line, _ in rows]


def _quoted(name: str) -> str:
    """A name as a word of a command line, which a shell does not execute: it may come from a stranger's file."""
    return shlex.quote(name)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and (number of the line, cells) of each further line that is not empty."""
    text = checks.read_text(path)
    # Delimiters within quotes separate nothing.
    first = "".join(text.lstrip("\n").split("\n", 1)[0].split('"')[::2])
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    lines, begins = [], 1
    try:
        for row in reader:
            # A quoted cell can contain line ends: the sample stands in the line where it begins.
            lines.append((begins, [" ".join(cell.split()) for cell in row]))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}: the sample that begins in line {begins} is not CSV ({error}): check its quotes, which open and "
            "close a cell"
        ) from None
    lines = [(number, row) for number, row in lines if any(row)]
    if len(lines) < 2:
        raise InputError(f"{path} has no samples: the first line must hold column names, each further line one sample")
    (number, header), *rows = lines
    _check_header(path, number, header)
    for number, row in rows:
        if len(row) != len(header):
            hint = "; a cell that contains the delimiter needs quotes" if len(row) > len(header) else ""
            raise InputError(
                f"{path}: line {number} has {len(row)} cells, but the first line has {len(header)}, divided by "
                f"{_DELIMITER_NAMES[delimiter]}: complete or correct the line{hint}"
            )
    return header, rows


_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


def _check_header(path: Path, line: int, header: list[str]) -> None:
    if all(map(_is_number, header)):
        raise InputError(
            f"{path}: line {line} has numbers only, {checks.shortened(header, _SHOWN)}: the first line must hold the "
            "names of the columns, so add a line of names"
        )
    for k, name in enumerate(header):
        if not name:
            raise InputError(
                f"{path}: line {line}, column {k + 1} has no name, but every column needs a unique name in the first "
                "line: name it or delete the column (pandas writes an index like this, unless index=False)"
            )
        if name in header[:k]:
            raise InputError(
                f"{path}: line {line}, columns {header.index(name) + 1} and {k + 1} are both named {name!r}, but every "
                "column needs a unique name in the first line: rename one"
            )


def _is_finite(cell: str) -> bool:
    return _is_number(cell) and bool(np.isfinite(float(cell)))


def _no_feature(
    path: Path, line: int, header: list[str], rows: list[tuple[int, list[str]]], k: int, columns: list[int]
) -> str:
    """The message for a cell of a feature that is not a finite number: column `k` of the header."""
    cell = next(row[k] for number, row in rows if number == line)
    where = f"{path}: line {line}, column {header[k]!r}"
    numeric = [header[c] for c in columns if c != k and all(_is_finite(row[c]) for _, row in rows)]
    without = f"leave the column out (features={numeric}, --features {_quoted(','.join(numeric))})" if numeric else (
        "leave the column out"
    )  # fmt: skip
    if cell.lower() in _MISSING:
        shown = f"{cell!r}, which stands for a missing value" if cell else "an empty cell"
        return f"{where}: a feature must be a finite number, got {shown}: complete it, delete the line, or {without}"
    if _is_finite(cell.replace(",", ".")):
        return f"{where}: a feature must be a finite number, got {cell!r}: write decimals with a point"
    return (
        f"{where}: a feature must be a finite number, got {cell!r}: {without}, or write it as numbers, for example one "
        "column of 0 and 1 for each of its values"
    )


# The dataset and the case

_LARGEST_STEP = 2.0
"""Gradient descent on one linear neuron diverges if its step times the squared size of the input is larger."""
_LARGEST_GAIN = 20.0
"""Largest eta |x|^2 [1/s]: ten times that at which learning is unstable.

A linear neuron learns in a loop of its weight, which integrates, and of its output and its error, which relax at 1/s:
two roots of s (s + 1)^2 + eta |x|^2 grow above 2. Measured on iris with its features multiplied (exact method, default
settings, 30 to 400 presentations): all of 19 runs above 2 diverge, most within five presentations; of 35 between 0.5
and 1.6 twelve do, and of 18 below 0.4 none. But presentations of 1 to 3 s from small weights have learnt at 2.5 and 4:
there it is a warning.
"""
_SAFE_GAIN = 0.4
_BATCHES = 16
"""Number of batches over which the curvature is averaged."""
_LARGEST_TARGET = 20.0
"""Weights of this size and more take thousands of presentations to learn [concentration]."""


@dataclass(frozen=True)
class Dataset:
    """Training and test samples [concentration]: inputs float64[sample, feature], targets float64[sample, output].

    `task` says how outputs are judged: `classification` by the largest output, `threshold` by the side of 0.5,
    `regression` by the root mean square error. The targets of a classification can be one column of class numbers: it
    becomes one output per class in increasing order, 1 for the class of the sample and 0 for the others.

    Raises InputError for an unknown task, samples that are not finite numbers, and shapes that do not match.
    """

    name: str
    task: str
    train_x: np.ndarray
    train_t: np.ndarray
    test_x: np.ndarray
    test_t: np.ndarray
    checksums: dict = field(default_factory=dict)
    """SHA-256 of each file that the samples were read from, for the record."""
    notice: str = ""
    """A message about these samples for the user; empty if there is none."""
    classes: tuple[str, ...] = ()
    """Names of the classes, one for each output; () if they have none, or if the task is no classification."""
    scaled: bool = False
    """Whether the features were scaled, as `scale` of `from_arrays` does."""
    image: tuple[int, int] | None = None
    """Rows and columns, if each sample is an image, row by row."""
    feature_scale: Scale | None = None
    """How the features became concentrations, if they were scaled."""
    target_scale: Scale | None = None
    """How the targets became concentrations, if they were scaled."""

    def __post_init__(self) -> None:
        checks.choice("task", self.task, TASKS)
        if self.task == CLASSIFICATION and (has_names(self.train_t) or has_names(self.test_t)):
            sets = (names_of(np.asarray(getattr(self, name)), name) for name in ("train_t", "test_t"))
            for name, value in zip(("train_t", "test_t", "classes"), named_one_hot(*sets)):
                object.__setattr__(self, name, value)
        for part in ("train", "test"):
            x, t = (matrix(f"{part}_{k}", getattr(self, f"{part}_{k}"), empty=True) for k in "xt")
            # A file does not store large test inputs: then there are none, but there are targets.
            if len(x) != len(t) and len(x):
                raise InputError(f"{part}_x has {len(x)} samples, but {part}_t has {len(t)}: give one row per sample")
            object.__setattr__(self, f"{part}_x", x)
            object.__setattr__(self, f"{part}_t", t)
        for k in "xt":
            train, test = getattr(self, f"train_{k}"), getattr(self, f"test_{k}")
            if len(train) and len(test) and train.shape[1] != test.shape[1]:
                raise InputError(
                    f"train_{k} has {train.shape[1]} columns, but test_{k} has {test.shape[1]}: use the same"
                )
        if self.task == CLASSIFICATION and self.train_t.shape[1] == 1 and len(self.train_t):
            for name, value in zip(("train_t", "test_t", "classes"), one_hot(self.train_t, self.test_t)):
                object.__setattr__(self, name, value)
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        for name, columns in (("feature_scale", self.train_x), ("target_scale", self.test_t)):
            if (scale := getattr(self, name)) is not None and len(scale.offset) != columns.shape[1]:
                raise InputError(f"{name} has {len(scale.offset)} columns, but there are {columns.shape[1]}")
        if self.image is not None:
            object.__setattr__(self, "image", self._image(self.image))
        n_outputs = self.test_t.shape[1]
        if self.classes and (self.task != CLASSIFICATION or len(self.classes) != n_outputs):
            raise InputError(
                f"classes has {len(self.classes)} names, but the task is {self.task} with {n_outputs} outputs: "
                "a classification takes one name per output; otherwise leave classes out"
            )

    def _image(self, image: Any) -> tuple[int, int]:
        """`image`, checked."""
        n = self.train_x.shape[1]
        if not isinstance(image, (tuple, list)) or len(image) != 2:
            raise InputError(f"image must be (rows, columns), for example (28, 28), got {image!r}")
        rows, columns = (checks.whole(f"image {what}", n) for what, n in zip(("rows", "columns"), image))
        if rows * columns != n:
            raise InputError(f"image has {rows} x {columns} = {rows * columns} pixels, but a sample has {n} features")
        return rows, columns

    @classmethod
    def from_arrays(
        cls, x: ArrayLike, t: ArrayLike, task: str | None = None, *, scale: str | None = None, test: float = 0.25,
        seed: int = 0, name: str = "own data", image: tuple[int, int] | None = None,
    ) -> "Dataset":  # fmt: skip
        """A dataset from arrays, split into samples to train with and samples to test with.

        Parameters
        ----------
        x : features float64[sample, feature].
        t : targets: names of classes or numbers [sample], or numbers [sample, output].
        task : `classification`, `threshold` or `regression`. By default, names mean classification and numbers with
            fractions mean regression; for whole numbers in one column the task must be given.
        scale : maps each feature, and the targets of a regression, linearly: `unit` to [0, 1], `standard` to mean 0 and
            standard deviation 1, over all samples; None leaves them unchanged. The dataset has the scales, and
            `Fit.predict` takes features, and returns outputs, in the units of `x` and `t`.
        test : fraction of the samples held out as the test set; in a classification, the same fraction of each class.
            With 0, the training samples are also the test set.
        seed : decides the split.
        name : name of the dataset.
        image : (rows, columns) of the images that the samples are, row by row.

        Raises InputError.
        """
        return cls._split_up(x, *targets_of(t, task), scale=scale, test=test, seed=seed, name=name, image=image)

    @classmethod
    def from_csv(
        cls, path: str | Path, target: str | None = None, task: str | None = None, *,
        features: Sequence[str] | None = None, **options: Any,
    ) -> "Dataset":  # fmt: skip
        """A dataset from a CSV file, whose first line holds the names of the columns.

        `target` names the column to learn; `features` name the columns to learn it from, by default all others, which
        must hold numbers. `task` and `options` are those of `from_arrays`. Raises InputError, with line and column.
        """
        x, cells, names, lines = read_csv(path, target, features)
        digest = hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()
        targets = targets_of(
            cells, task, f"the targets in column {target!r}", lambda k: f"{path}: line {lines[k]}, column {target!r}"
        )
        made = cls._split_up(x, *targets, names=names, **{"name": Path(path).stem, **options})
        return replace(made, checksums={Path(path).name: digest})

    @classmethod
    def _split_up(
        cls, x: ArrayLike, targets: np.ndarray, task: str, classes: tuple[str, ...], *, scale: str | None = None,
        test: float = 0.25, seed: int = 0, name: str, image: tuple[int, int] | None = None,
        names: Sequence[str] | None = None,
    ) -> "Dataset":  # fmt: skip
        """`from_arrays`, after `targets_of`; `names` are those of the features."""
        features = matrix("x", x)
        if len(features) != len(targets):
            raise InputError(f"x has {len(features)} samples, but t has {len(targets)}: give one row per sample")
        if task == CLASSIFICATION and targets.shape[1] == 1:
            targets, _, classes = one_hot(targets, targets)
        if task == REGRESSION and len(targets) > 1 and (targets == targets[0]).all():
            raise InputError(f"all targets are {targets[0, 0]:g}, so there is nothing to learn: choose another target")
        notes = [f"outputs are the classes {', '.join(classes)}"] if classes else []
        notes += _constant(features, names)
        feature_scale = target_scale = None
        if scale is not None:
            feature_scale = Scale.of(scale, features)
            features = feature_scale.apply(features)
            if task == REGRESSION:
                target_scale = Scale.of(scale, targets)
                notes.append(_scaled_targets(target_scale, targets))
                targets = target_scale.apply(targets)
        train, held = _split(targets, task, test, seed)
        if classes and (unseen := [c for c, n in zip(classes, targets[held].sum(axis=0)) if not n]):
            notes.append(f"no test sample is of class {checks.shortened(unseen, _SHOWN)}, which has too few samples")
        return cls(
            name, task, features[train], targets[train], features[held], targets[held], notice="; ".join(notes),
            classes=classes, scaled=scale is not None, image=image, feature_scale=feature_scale,
            target_scale=target_scale,
        )  # fmt: skip

    def to_concentrations(self, x: ArrayLike) -> np.ndarray:
        """Inputs of the network, float64[sample, feature] [concentration], of features in the units in which they were
        given; the same numbers unless they were scaled."""
        x = np.asarray(x, dtype=np.float64)
        return x if self.feature_scale is None else self.feature_scale.apply(x)

    def from_concentrations(self, outputs: ArrayLike) -> np.ndarray:
        """Outputs in the units of the targets, of outputs float64[sample, output] [concentration]; the same numbers
        unless the targets were scaled."""
        outputs = np.asarray(outputs, dtype=np.float64)
        return outputs if self.target_scale is None else self.target_scale.undo(outputs)

    def class_of(self, outputs: np.ndarray) -> np.ndarray:
        """Names str[sample] of the classes with the largest of `outputs` float64[sample, class]; without names, their
        numbers from 0 as text."""
        names = self.classes or tuple(map(str, range(self.test_t.shape[1])))
        return np.array(names)[np.argmax(outputs, axis=1)]

    def size_error(self, learning_rate: float, batch: int = 1, centred: bool = False) -> str:
        """A sentence if the samples are so large that training by reactions at this learning rate [1/s] diverges, far
        beyond the limit of stability; else nothing. Parameters as of `size_warning`."""
        if not len(self.train_x):
            return ""
        gain = learning_rate * self._curvature(batch, centred)
        if gain <= _LARGEST_GAIN:
            return ""
        what = "|x|^2" if batch == 1 else f"the largest eigenvalue of the sum of x x^T over {batch} samples"
        return (
            f"the features are too large to be concentrations{' at this learning rate' * self.scaled}: learning_rate "
            f"times {what} is {gain:.2g} [1/s] on average, and above {_LARGEST_GAIN:g} training diverges; "
            f"{self._scale_them}make the learning rate {gain / _SAFE_GAIN:.2g} times smaller"
        )

    @property
    def _scale_them(self) -> str:
        """Advice for features that are as they were given."""
        return "" if self.scaled else "scale them to 0 to 1 (scale='unit', or --scale unit), or "

    def size_warning(self, step: float, batch: int = 1, centred: bool = False) -> str:
        """A sentence if the samples are so large that training with this step s is poor or diverges; else nothing.

        Descent on linear neurons diverges where s times the largest eigenvalue of sum x x^T over the `batch` exceeds 2;
        for one sample this is |x|^2. With `centred`, the mean is subtracted from the inputs before.
        """
        if not len(self.train_x):
            return ""
        size = step * self._curvature(batch, centred)
        if size > _LARGEST_STEP:
            what, also = "s |x|^2", ""
            if batch > 1:
                what, also = f"s times the largest eigenvalue of the sum of x x^T over {batch} samples", " or the batch"
            return (
                f"the learning rate is too large for these inputs: {what} is {size:.2g} on average; the step s is "
                f"learning_rate (running_time - hold) = {step:.2g}, and above {_LARGEST_STEP:g} training is poor or "
                f"diverges; {self._scale_them}make the learning rate{also} {size / _LARGEST_STEP:.2g} times smaller"
            )
        largest = float(np.max(np.abs(self.train_t)))
        if largest > _LARGEST_TARGET:
            return (
                f"the targets are as large as {largest:.3g}, but a network learns concentrations of about 1: scale "
                "them (scale='unit', or --scale unit)"
            )
        return ""

    def _curvature(self, batch: int, centred: bool) -> float:
        """The largest eigenvalue of the sum of x x^T over a batch, averaged over `_BATCHES` batches."""
        x = self.train_x - self.train_x.mean(axis=0) if centred else self.train_x
        if batch == 1:
            return float(np.mean(np.sum(np.square(x), axis=1)))
        # Batches are mixed as in training, whatever the order of the file.
        rng = np.random.default_rng(0)
        drawn = [x[rng.integers(len(x), size=batch)] for _ in range(_BATCHES)]
        return float(np.mean([np.linalg.norm(each, 2) ** 2 for each in drawn]))

    def __repr__(self) -> str:
        n_train, n_test = len(self.train_x), len(self.test_x)
        sizes = f"{self.train_x.shape[1]} features, {self.train_t.shape[1]} outputs"
        return f"Dataset({self.name}, {self.task}, {n_train} training and {n_test} test samples, {sizes})"

    @property
    def signed(self) -> bool:
        """Whether any input is negative, so that inputs need two rails."""
        return bool((self.train_x < 0).any() or (self.test_x < 0).any())

    @cached_property
    def feature_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest value of each feature over the training samples, float64[feature] each [concentration]."""
        return self.train_x.min(axis=0), self.train_x.max(axis=0)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the task and of the samples, their shapes included."""
        # In fixed byte order, so that the digest is the same on every machine.
        digest = hashlib.sha256(self.task.encode())
        for values in (self.train_x, self.train_t, self.test_x, self.test_t):
            digest.update(repr(values.shape).encode())
            digest.update(np.ascontiguousarray(values, dtype="<f8").data)
        return digest.hexdigest()

    def accuracy(self, outputs: np.ndarray) -> float:
        """Fraction in [0, 1] of the test set that `outputs` float64[sample, output] gets right (NaN for regression)."""
        if self.task == CLASSIFICATION:
            return float(np.mean(np.argmax(outputs, axis=1) == np.argmax(self.test_t, axis=1)))
        if self.task == THRESHOLD:
            return float(np.mean((np.asarray(outputs) > 0.5) == (self.test_t > 0.5)))
        return float("nan")

    def rmse(self, outputs: np.ndarray) -> float:
        """Root mean square error over the test set [concentration]."""
        return float(np.sqrt(np.mean(np.square(outputs - self.test_t))))


class Case(ABC):
    """A named dataset with default settings."""

    name: str
    summary: str
    settings: Settings
    quick: Mapping[str, Any] = {}
    """Settings of its short run, by name; empty if it has none."""
    method: str = "auto"
    volume: float = 1000.0
    """Default Omega of a run, as `method` is its default method."""
    files: dict[str, str] = {}
    """Name and SHA-256 of each file to download."""
    sources: tuple[str, ...] = ()
    """URLs of folders that contain these files, each ending with a slash, in the order in which they are tried."""

    @abstractmethod
    def load(self, seed: int) -> Dataset:
        """The samples; the split is a function of `seed`."""


def stratified_split(classes: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the samples for training, in file order, and for the test, in random order, int64: `share` of each
    class, drawn by `seed`, is for training. `classes` is int64[sample]."""
    rng = seeds.stream(seed, Purpose.SPLIT)
    train, test = [], []
    for k in np.unique(classes):
        shuffled = rng.permutation(np.flatnonzero(classes == k))
        n_train = round(share * len(shuffled))
        train.append(shuffled[:n_train])
        test.append(shuffled[n_train:])
    return np.sort(np.concatenate(train)), rng.permutation(np.concatenate(test))


def _split(targets: np.ndarray, task: str, test: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the samples to train and to test with, int64 each."""
    every = np.arange(len(targets))
    if checks.not_negative("test", test) == 0:
        return every, every
    checks.fraction("test", test)
    # Without classes all samples form one class, so the split is a plain random one.
    classes = np.argmax(targets, axis=1) if task == CLASSIFICATION else np.zeros(len(targets), dtype=np.int64)
    train, held = stratified_split(classes, 1.0 - test, seed)
    if not len(train) or not len(held):
        raise InputError(f"{len(targets)} samples cannot be split with test = {test:g}: give more samples, or test = 0")
    if task == CLASSIFICATION and (lost := np.setdiff1d(classes, classes[train])).size:
        raise InputError(
            f"with test = {test:g} no sample of class number {lost[0]} is left to train with, of "
            f"{np.count_nonzero(classes == lost[0])} in all: give more samples, or a smaller test"
        )
    return train, held


def _constant(features: np.ndarray, names: Sequence[str] | None) -> list[str]:
    """A note if features float64[sample, feature] are the same in all samples."""
    same = np.flatnonzero((features == features[0]).all(axis=0)) if len(features) > 1 else np.empty(0, dtype=np.int64)
    if not len(same):
        return []
    shown = checks.shortened((str(k) if names is None else repr(names[k]) for k in same.tolist()), _SHOWN)
    verb, them = ("is", "it") if len(same) == 1 else ("are", "them")
    return [f"feature{'s' * (len(same) > 1)} {shown} {verb} the same in all samples: leave {them} out"]


def _scaled_targets(scale: Scale, targets: np.ndarray) -> str:
    if scale.kind == UNIT:
        ends = zip(targets.min(axis=0), targets.max(axis=0))
        ranges = ", ".join(f"{a:g} to {b:g}" for a, b in ends)
        return f"targets are scaled from {ranges} to 0 to 1; scores are in scaled units"
    shown = ", ".join(f"{a:g} and {b:g}" for a, b in zip(scale.offset, scale.width))
    return f"targets are scaled from mean and standard deviation {shown} to 0 and 1; scores are in scaled units"


def own_data(x: ArrayLike, t: ArrayLike) -> Dataset:
    """A dataset from arrays: x float64[sample, feature], t float64[sample, output] or [sample], or names of classes
    [sample]; trained and judged on the same samples. Numbers are a regression, names a classification."""
    if has_names(t):
        return Dataset.from_arrays(x, t, CLASSIFICATION, test=0)
    inputs, targets = matrix("inputs", x).copy(), matrix("targets", t).copy()
    if len(inputs) != len(targets):
        raise InputError(f"inputs have {len(inputs)} samples, but targets have {len(targets)}: give one row per sample")
    return Dataset("own data", REGRESSION, inputs, targets, inputs, targets)
