"""Mean and spread of many rows that come in parts, which are merged as T. F. Chan, G. H. Golub and R. J. LeVeque have
it (Am. Stat. 37 (1983) 242-247, doi:10.1080/00031305.1983.10483115)."""

import numpy as np


class Spread:
    """Of rows float64[column] so far: `n` of them, their `mean`, the sum of squared deviations from it (`square`), and
    that of their products with the deviation of the first column (`cross`)."""

    def __init__(self) -> None:
        self.n = 0
        self.mean = self.square = self.cross = np.zeros(())

    def take(self, rows: np.ndarray) -> None:
        """Take float64[row, column]."""
        mean = rows.mean(axis=0)
        away = rows - mean
        share = self.n * len(rows) / (self.n + len(rows))
        before = mean - self.mean
        self.square = self.square + np.square(away).sum(axis=0) + share * before**2
        self.cross = self.cross + (away * away[:, :1]).sum(axis=0) + share * (before * before[0])
        self.n += len(rows)
        self.mean = self.mean + before * (len(rows) / self.n)

    @property
    def error(self) -> np.ndarray:
        """Standard errors of the mean, float64[column]; of rows that are independent."""
        return np.sqrt(self.square / ((self.n - 1) * self.n))
