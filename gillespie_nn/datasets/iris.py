"""Iris (Fisher 1936): four lengths of 150 flowers, three species; see data/README.md for the source."""

import csv
import hashlib
from importlib import resources
from typing import Any

import numpy as np

from .base import CLASSIFICATION, Case, Dataset, Settings, stratified_split

SPECIES = ("setosa", "versicolor", "virginica")
_LOW = np.array([4.0, 2.0, 1.0, 0.0])
_HIGH = np.array([8.0, 4.5, 7.0, 2.5])
_TRAINING_SHARE = 0.7


def _file() -> Any:
    return resources.files("gillespie_nn.data").joinpath("iris.csv")


def table() -> tuple[np.ndarray, np.ndarray]:
    """Lengths float64[150, 4] [cm] and species int64[150]."""
    with _file().open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    lengths = np.array([row[:4] for row in rows], dtype=np.float64)
    return lengths, np.array([SPECIES.index(row[4]) for row in rows])


class Iris(Case):
    """Each length is mapped linearly to [0, 1] over fixed round limits; the target is one-hot.

    The split by seed keeps 35 flowers of each species for training and 15 for the test. Learning is held for the first
    9 s of each presentation, until the errors are those of the flower presented: without that, the errors of the flower
    before cost a percentage point of accuracy at T = 20 s.
    """

    name = "iris"
    summary = "Fisher's iris flowers, 4-8-3, 105 for training and 45 for the test"
    settings = Settings(hidden=(8,), learning_rate=0.0125, running_time=17.0, hold=9.0, presentations=2100)

    def load(self, seed: int) -> Dataset:
        lengths, species = table()
        x = (lengths - _LOW) / (_HIGH - _LOW)
        t = np.eye(len(SPECIES))[species]
        train, test = stratified_split(species, _TRAINING_SHARE, seed)
        checksums = {"iris.csv": hashlib.sha256(_file().read_bytes()).hexdigest()}
        return Dataset(self.name, CLASSIFICATION, x[train], t[train], x[test], t[test], checksums, classes=SPECIES)
