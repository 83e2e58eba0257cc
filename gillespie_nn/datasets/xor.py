"""Exclusive or: the four corners of the unit square, inputs and targets 0 and 1 [concentration]."""

import numpy as np

from .base import THRESHOLD, Case, Dataset, Settings


class XOR(Case):
    """0 and 1 are concentrations as they are; there is nothing to split, and the seed decides nothing."""

    name = "xor"
    summary = "exclusive or, 2-4-1, trained and tested on its four samples"
    settings = Settings(hidden=(4,), presentations=1500, annihilation_rate=60.0)

    def load(self, seed: int) -> Dataset:
        x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        t = np.array([[0.0], [1.0], [1.0], [0.0]])
        return Dataset(self.name, THRESHOLD, x, t, x, t)
