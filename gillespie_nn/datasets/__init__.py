"""Datasets: samples as concentrations, with a deterministic split and the settings that train them.

To add one, write a file with a subclass of `Case`, and add the class to `CASES`.
"""

from .. import checks
from .cases import MNIST, XOR, Digits, Iris, Regression, data_folder, fetch
from .dataset import Case, Dataset, Settings, own_data

_OTHER_DATA = (
    "to train on other samples use --data FILE.csv --target COLUMN, or in Python "
    "gnn.train(Dataset.from_csv('FILE.csv', target='COLUMN')) or gnn.train((inputs, targets))"
)
CASES = (XOR, Iris, Regression, Digits, MNIST)
"""All datasets that `train` knows by name."""


def case(name: str) -> Case:
    """The case called `name`."""
    by_name = {c.name: c for c in CASES}
    return by_name[checks.choice("case", name, by_name, hint=_OTHER_DATA)]()


__all__ = ["CASES", "Case", "Dataset", "Settings", "case", "data_folder", "fetch", "own_data"]
