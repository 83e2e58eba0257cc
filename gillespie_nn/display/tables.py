"""Numbers in sentences, tables as text and Markdown, and HTML pages."""

import base64
import io
import math
from collections.abc import Iterable
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np


def counted(n: int, noun: str) -> str:
    """`1 path`, `2 paths`: a number and the noun in singular or plural."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


# Tables of numbers and words as plain text and Markdown, and the format of their cells.

_BAR = "\\|"
"""A vertical bar in a cell of Markdown."""
_SHOWN = 12
"""Number of rows that are shown of a long table."""
_MOST_DIGITS = 15
"""Digits after the point in scientific notation; float64 has no more."""
_ROUNDING = 1e-12
"""Relative half-width below which an interval is rounding of float64 and not noise."""


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
    """A value and its interval, `10.23 [9.91, 10.55]`.

    The last digit is the second digit of the half-width, so that no digit is noise. An interval as narrow as rounding
    gives six digits. If an end is NaN, the result is the value alone, with six digits.
    """
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
    # Decimal place of the last digit: -2 for hundredths, 0 for whole numbers.
    least = math.floor(math.log10(half)) - 1
    if not 1e-4 <= largest < 1e7:
        digits = min(max(0, math.floor(math.log10(largest)) - least), _MOST_DIGITS) if largest else 0
        return [f"{x:.{digits}e}" for x in values], True
    return [f"{round(x, -least) + 0.0:.{max(0, -least)}f}" if math.isfinite(x) else cell(x) for x in values], True


def few(n: int, most: int = _SHOWN) -> np.ndarray:
    """Up to `most` of the numbers 0 to n - 1, evenly spaced, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


# HTML, built as a tree, so that it is well-formed and all text is escaped.

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; }
figcaption, .note { color: #444; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; margin: .8rem 0; }
caption { text-align: left; color: #444; padding-bottom: .2rem; }
th, td { border-bottom: 1px solid #ddd; padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; }
.number { text-align: right; } th, caption { white-space: nowrap; } thead th { border-bottom: 2px solid #888; }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media print { details { display: none; } }
"""


class Page:
    """A self-contained HTML page. Parts are added at the end; `text()` is the document."""

    def __init__(self, title: str) -> None:
        self._root = ElementTree.Element("html", lang="en")
        head = ElementTree.SubElement(self._root, "head")
        ElementTree.SubElement(head, "meta", charset="utf-8")
        ElementTree.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
        ElementTree.SubElement(head, "title").text = _clean(title)
        ElementTree.SubElement(head, "style").text = _STYLE
        self._body = ElementTree.SubElement(self._root, "body")
        self._add("h1", title)

    def heading(self, text: str) -> None:
        self._add("h2", text)

    def paragraph(self, text: str) -> None:
        self._add("p", text)

    def note(self, text: str) -> None:
        self._add("p", text, {"class": "note"})

    def table(self, table: Table) -> None:
        """Add a table with numbers to the right and words to the left."""
        self._add("div", None, {"class": "scroll"}).append(_table(table))

    def figure(self, figure: Any, caption: str) -> None:
        """Add a matplotlib figure as a PNG inside the page. The caption is also the alternative text."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        data = base64.b64encode(buffer.getvalue()).decode()
        element = self._add("figure", None)
        ElementTree.SubElement(element, "img", src=f"data:image/png;base64,{data}", alt=_clean(caption))
        ElementTree.SubElement(element, "figcaption").text = _clean(caption)

    def folded(self, summary: str, text: str) -> None:
        """Add a long text that opens on a click."""
        element = self._add("details", None)
        ElementTree.SubElement(element, "summary").text = _clean(summary)
        ElementTree.SubElement(element, "pre").text = _clean(text)

    def text(self) -> str:
        return f"<!DOCTYPE html>\n{ElementTree.tostring(self._root, encoding='unicode', method='html')}\n"

    def _add(self, tag: str, text: str | None, attributes: dict[str, str] | None = None) -> Any:
        element = ElementTree.SubElement(self._body, tag, attributes or {})
        element.text = None if text is None else _clean(text)
        return element


def fragment(title: str, tables: Iterable[Table] = (), notes: Iterable[str] = ()) -> str:
    """The HTML of an object in a notebook: a line in bold, tables, and notes. Cut long tables before, with `shown`:
    nothing should be longer than a screen."""
    root = ElementTree.Element("div")
    ElementTree.SubElement(ElementTree.SubElement(root, "p"), "b").text = _clean(title)
    # No style sheet: notebooks have one.
    root.extend(map(_table, tables))
    for note in notes:
        ElementTree.SubElement(root, "p").text = _clean(note)
    return ElementTree.tostring(root, encoding="unicode", method="html")


def _table(table: Table) -> ElementTree.Element:
    element = ElementTree.Element("table")
    if table.caption:
        ElementTree.SubElement(element, "caption").text = _clean(table.caption)
    if any(table.columns):
        row = ElementTree.SubElement(ElementTree.SubElement(element, "thead"), "tr")
        for name, value in zip(table.columns, table.rows[0] if table.rows else table.columns):
            ElementTree.SubElement(row, "th", _side(value), scope="col").text = _clean(name)
    body = ElementTree.SubElement(element, "tbody")
    for values in table.rows:
        row = ElementTree.SubElement(body, "tr")
        for value in values:
            ElementTree.SubElement(row, "td", _side(value)).text = _clean(cell(value))
    return element


def _side(value: object) -> dict[str, str]:
    return {"class": "number"} if isinstance(value, (int, float, np.number)) else {}


def _clean(text: str) -> str:
    """`text` with a replacement character for each character that a page cannot contain."""
    return "".join(c if c in "\n\t" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF) else "\ufffd" for c in text)
