"""Datasets: samples from arrays and CSV files, their checks, classes, scales and split; and the base class of cases."""

import csv
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks, seeds
from ..checks import InputError
from ..nn.settings import Settings
from ..seeds import Purpose

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
    """(targets float64[sample, output], task, names of the classes if they have any) of what a network is to learn.

    Without a `task`, names are classes and numbers with fractions are a regression. Raises InputError for whole
    numbers, which can be either, and for what does not fit the task.
    """
    if task is not None:
        checks.choice("task", task, TASKS)
    targets = np.asarray(values)
    if targets.dtype.kind in "OUSb" and not _are_numbers(targets):
        return _named(targets, task, what)
    numbers = matrix(what, targets)
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

    Raises InputError, with line and column, for a file that is not such a table.
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


# The dataset and the case

_LARGEST_STEP = 2.0
"""Gradient descent on one linear neuron diverges if its step times the squared size of the input is larger."""
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
    """Whether the features were mapped to [0, 1]."""
    image: tuple[int, int] | None = None
    """Rows and columns, if each sample is an image, row by row."""

    def __post_init__(self) -> None:
        checks.choice("task", self.task, TASKS)
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
        scale : `unit` maps each feature, and the targets of a regression, linearly to [0, 1]; None leaves them
            unchanged.
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
        x, cells, _ = read_csv(path, target, features)
        digest = hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()
        targets = targets_of(cells, task, f"the targets in column {target!r}")
        made = cls._split_up(x, *targets, **{"name": Path(path).stem, **options})
        return replace(made, checksums={Path(path).name: digest})

    @classmethod
    def _split_up(
        cls, x: ArrayLike, targets: np.ndarray, task: str, classes: tuple[str, ...], *, scale: str | None = None,
        test: float = 0.25, seed: int = 0, name: str, image: tuple[int, int] | None = None,
    ) -> "Dataset":  # fmt: skip
        """`from_arrays`, after `targets_of`."""
        features = matrix("x", x)
        if len(features) != len(targets):
            raise InputError(f"x has {len(features)} samples, but t has {len(targets)}: give one row per sample")
        if task == CLASSIFICATION and targets.shape[1] == 1:
            targets, _, classes = one_hot(targets, targets)
        notes = [f"outputs are the classes {', '.join(classes)}"] if classes else []
        if scale is not None:
            checks.choice("scale", scale, (UNIT,))
            features, _, _ = to_unit(features)
            if task == REGRESSION:
                targets, low, high = to_unit(targets)
                ranges = ", ".join(f"{a:g} to {b:g}" for a, b in zip(low, high))
                notes.append(f"targets are scaled from {ranges} to 0 to 1; errors are in scaled units")
        train, held = _split(targets, task, test, seed)
        return cls(
            name, task, features[train], targets[train], features[held], targets[held], notice="; ".join(notes),
            classes=classes, scaled=scale is not None, image=image,
        )  # fmt: skip

    def size_warning(self, step: float, batch: int = 1, centred: bool = False) -> str:
        """A sentence if the samples are so large that training with this step s usually diverges; else nothing.

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
                f"learning_rate (running_time - hold) = {step:.2g}, and training usually diverges above "
                f"{_LARGEST_STEP:g}; scale the features to 0 to 1 (scale='unit' of Dataset.from_csv and from_arrays, "
                f"or --scale unit), or make the learning rate{also} {size / _LARGEST_STEP:.2g} times smaller"
            )
        largest = float(np.max(np.abs(self.train_t)))
        if largest > _LARGEST_TARGET:
            return (
                f"the targets are as large as {largest:.3g}, but a network learns concentrations of about 1: scale "
                "them (scale='unit' of Dataset.from_csv and from_arrays, or --scale unit)"
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
    return train, held


def own_data(x: ArrayLike, t: ArrayLike) -> Dataset:
    """A dataset from arrays: x float64[sample, feature], t float64[sample, output] or [sample]; trained
    and judged on the same samples, as regression."""
    inputs, targets = matrix("inputs", x).copy(), matrix("targets", t).copy()
    if len(inputs) != len(targets):
        raise InputError(f"inputs have {len(inputs)} samples, but targets have {len(targets)}: give one row per sample")
    return Dataset("own data", REGRESSION, inputs, targets, inputs, targets)
