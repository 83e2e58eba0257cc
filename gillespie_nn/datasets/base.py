"""What a dataset is, and what a case has to provide."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .. import checks, seeds
from ..checks import InputError
from ..seeds import Purpose

CLASSIFICATION, THRESHOLD, REGRESSION = TASKS = "classification", "threshold", "regression"


@dataclass(frozen=True)
class Dataset:
    """Training and test samples [concentration]: inputs float64[sample, feature], targets float64[sample, output].

    `task` says how an output is judged: `classification` by the largest output, `threshold` by the right side of
    0.5, `regression` by the root mean square error. Targets of a classification in one column are whole numbers, the
    classes: they become one output a class, 1 for the class of the sample and 0 for the others, in order of number.

    Raises InputError for an unknown task, and samples that are no finite numbers or do not fit together.
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
    """What a user should know about these samples."""

    def __post_init__(self) -> None:
        checks.choice("task", self.task, TASKS)
        for part in ("train", "test"):
            x, t = (_matrix(f"{part}_{k}", getattr(self, f"{part}_{k}"), empty=True) for k in "xt")
            if len(x) != len(t) and len(x):  # of test inputs that a file does not keep there are none
                raise InputError(f"{part}_x has {len(x)} samples and {part}_t {len(t)}: give one row of each a sample")
            object.__setattr__(self, f"{part}_x", x)
            object.__setattr__(self, f"{part}_t", t)
        for k in "xt":
            train, test = getattr(self, f"train_{k}"), getattr(self, f"test_{k}")
            if len(train) and len(test) and train.shape[1] != test.shape[1]:
                raise InputError(
                    f"train_{k} has {train.shape[1]} columns and test_{k} {test.shape[1]}: give both the same"
                )
        if self.task == CLASSIFICATION and self.train_t.shape[1] == 1 and len(self.train_t):
            train_t, test_t = _one_hot(self.train_t, self.test_t)
            object.__setattr__(self, "train_t", train_t)
            object.__setattr__(self, "test_t", test_t)

    def __repr__(self) -> str:
        n_train, n_test = len(self.train_x), len(self.test_x)
        sizes = f"{self.train_x.shape[1]} features, {self.train_t.shape[1]} outputs"
        return f"Dataset({self.name}, {self.task}, {n_train} training and {n_test} test samples, {sizes})"

    @property
    def signed(self) -> bool:
        """Some input is negative, so inputs need two rails."""
        return bool((self.train_x < 0).any() or (self.test_x < 0).any())

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the task and of the samples, their shapes included."""
        digest = hashlib.sha256(self.task.encode())
        for values in (self.train_x, self.train_t, self.test_x, self.test_t):
            digest.update(repr(values.shape).encode())
            digest.update(np.ascontiguousarray(values, dtype="<f8").data)
        return digest.hexdigest()

    def accuracy(self, outputs: np.ndarray) -> float:
        """Fraction in [0, 1] of the test set that `outputs` float64[sample, output] gets right (NaN: regression)."""
        if self.task == CLASSIFICATION:
            return float(np.mean(np.argmax(outputs, axis=1) == np.argmax(self.test_t, axis=1)))
        if self.task == THRESHOLD:
            return float(np.mean((np.asarray(outputs) > 0.5) == (self.test_t > 0.5)))
        return float("nan")

    def rmse(self, outputs: np.ndarray) -> float:
        """Root mean square error over the test set [concentration]."""
        return float(np.sqrt(np.mean(np.square(outputs - self.test_t))))


@dataclass(frozen=True)
class Settings:
    """Settings of a training run; each case has its own defaults, every one of them ours and measured."""

    hidden: tuple[int, ...] = (8,)
    h: float = 0.25
    learning_rate: float = 0.01
    running_time: float = 20.0
    presentations: int = 1000
    annihilation_rate: float = 20.0
    hold: float = 0.0
    derivative: str = "gain"
    activation: str = "smooth_relu"
    output_activation: str = "linear"
    initial_scale: float = 1.0
    order: str = "random"

    @property
    def step(self) -> float:
        """s = eta (T - hold): how far a presentation moves the weights along the negative gradient, in first order."""
        return self.learning_rate * (self.running_time - self.hold)

    @property
    def of_network(self) -> dict:
        """What of them makes the network: arguments of `nn.training_network` by name."""
        return {
            "activation": self.activation,
            "h": self.h,
            "learning_rate": self.learning_rate,
            "derivative": self.derivative,
            "output": self.output_activation,
            "annihilation_rate": self.annihilation_rate,
            "hold": self.hold,
        }


class Case(ABC):
    """A named dataset with default settings."""

    name: str
    summary: str
    settings: Settings
    method: str = "auto"
    volume: float = 1000.0
    """Method, and Omega, of a run that asks for none."""
    files: dict[str, str] = {}
    """Name and SHA-256 of each file that has to be fetched."""
    sources: tuple[str, ...] = ()
    """Addresses of folders that hold these files, each ending with a slash, in the order to try them."""

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


def own_data(x: ArrayLike, t: ArrayLike) -> Dataset:
    """A dataset from arrays: x float64[sample, feature], t float64[sample, output] or [sample]; trained
    and judged on the same samples, as regression."""
    inputs, targets = _matrix("inputs", x).copy(), _matrix("targets", t).copy()
    if len(inputs) != len(targets):
        raise InputError(f"inputs have {len(inputs)} samples and targets {len(targets)}: one row of each a sample")
    return Dataset("own data", REGRESSION, inputs, targets, inputs, targets)


def _one_hot(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets float64[sample, class] of the classes float64[sample, 1], which are whole numbers."""
    classes = np.unique(np.concatenate([train, test]))
    if (classes != np.floor(classes)).any():
        odd = classes[classes != np.floor(classes)][0]
        raise InputError(
            f"targets of a classification in one column are the numbers of classes, such as 0, 1, 2, got {odd:g}: give "
            "whole numbers, or one column a class, or the task 'regression'"
        )
    if len(classes) < 2:
        raise InputError(f"all samples are of one class, {classes[0]:g}: a classification needs at least two")
    return (train == classes).astype(np.float64), (test == classes).astype(np.float64)


def _matrix(what: str, values: ArrayLike, empty: bool = False) -> np.ndarray:
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
