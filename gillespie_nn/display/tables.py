"""Tables of numbers and words as plain text and Markdown, and the format of their cells. `html` makes them HTML."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

_BAR = "\\|"
"""A vertical bar in a cell of Markdown."""
_SHOWN = 12
"""Rows of a long table that are shown."""
_MOST_DIGITS = 15
"""Behind the point in scientific notation: more are not in a float64."""
_ROUNDING = 1e-12
"""Half of an interval over its value, below which it is rounding of float64 and not noise."""


class Table(NamedTuple):
    """Rows of numbers and words under headings."""

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple]

    def text(self) -> str:
        """The table as text, in columns."""
        cells = [list(map(cell, row)) for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in cells]
        return "\n".join([self.caption, *lines])

    def markdown(self) -> str:
        """The table in Markdown, its caption as a line that ends with a colon."""
        rows = [list(map(cell, row)) for row in (self.columns, ("---",) * len(self.columns), *self.rows)]
        lines = [f"| {' | '.join(c.replace('|', _BAR) for c in row)} |" for row in rows]
        return "\n".join([f"{self.caption}:", "", *lines] if self.caption else lines)


def report(tables: Iterable[Table], notes: Iterable[str] = (), markdown: bool = False) -> str:
    """Tables and their notes, in plain text or in Markdown."""
    parts = [table.markdown() if markdown else table.text() for table in tables]
    return "\n\n".join([*parts, "\n".join(f"- {note}" if markdown else note for note in notes)])


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


def estimate(value: Any, low: Any, high: Any) -> str:
    """A value and its interval, `10.23 [9.91, 10.55]`: as many digits as half of the interval has with two of its own,
    so that no digit is noise; six digits where the interval is as narrow as rounding. If an end is NaN, the value
    alone, to six digits."""
    (shown, *ends), known = _rounded((value, low, high), low, high)
    return f"{shown} [{ends[0]}, {ends[1]}]" if known else shown


def interval(low: Any, high: Any) -> str:
    """An interval of a table, with the digits of `estimate`; `-` if an end is NaN."""
    ends, known = _rounded((low, high), low, high)
    return f"[{ends[0]}, {ends[1]}]" if known else "-"


def _rounded(values: Iterable[Any], low: Any, high: Any) -> tuple[list[str], bool]:
    """`values` with the digits of the interval from `low` to `high`, and whether the interval is known."""
    values, half = [float(x) for x in values], 0.5 * (float(high) - float(low))
    largest = max((abs(x) for x in values if math.isfinite(x)), default=0.0)
    if not np.isfinite(half) or half <= _ROUNDING * largest:
        return [cell(x) for x in values], not (np.isnan(low) or np.isnan(high))
    least = math.floor(math.log10(half)) - 1  # place of the last digit, 0 for whole numbers
    if not 1e-4 <= largest < 1e7:
        digits = min(max(0, math.floor(math.log10(largest)) - least), _MOST_DIGITS) if largest else 0
        return [f"{x:.{digits}e}" for x in values], True
    return [f"{round(x, -least) + 0.0:.{max(0, -least)}f}" if math.isfinite(x) else cell(x) for x in values], True


def few(n: int, most: int = _SHOWN) -> np.ndarray:
    """Up to `most` of the numbers 0 to n - 1, evenly, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
