"""Tables of numbers and words, and how their cells are written."""

from typing import Any, NamedTuple

import numpy as np

_SHOWN = 12
"""Rows of a long table that are shown."""


class Table(NamedTuple):
    """Rows of numbers and words under headings."""

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple]

    def text(self) -> str:
        """For people, in columns."""
        cells = [list(map(cell, row)) for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in cells]
        return "\n".join([self.caption, *lines])


def cell(value: Any) -> str:
    """A number or a word of a table."""
    if isinstance(value, (float, np.floating)):
        return "-" if np.isnan(value) else f"{value:.6g}"
    return str(value)


def shown(table: Table, most: int = _SHOWN) -> Table:
    """The first `most` rows, and a last row that says how many more there are."""
    left = len(table.rows) - most
    if left <= 1:
        return table
    return table._replace(rows=[*table.rows[:most], (f"... {left} more", *[""] * (len(table.columns) - 1))])


def interval(low: Any, high: Any) -> str:
    """An interval of a table."""
    return "-" if np.isnan(low) or np.isnan(high) else f"[{low:.5g}, {high:.5g}]"


def few(n: int, most: int = _SHOWN) -> np.ndarray:
    """Up to `most` of the numbers 0 to n - 1, evenly, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
