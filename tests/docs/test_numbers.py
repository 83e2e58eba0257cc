"""The page of results: every row has a command that exists, and numbers that its page of details has too."""

import re
import shlex

import pytest

from gillespie_nn.cli import make_parser
from helpers.paths import DOCS, ROOT

PAGE = DOCS / "numbers.md"
_NUMBER = re.compile(r"-?\d[\d,.]*\d|-?\d")


def rows(text):
    """(what, result, command, page) of each row of the tables."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return [cells for cells in lines if cells[0] != "what"]


def foreign(row):
    """Numbers of a result that the page of details does not have."""
    page = re.search(r"\]\(([^)#]+)", row[3])[1]
    there = set(_NUMBER.findall((DOCS / page).read_text()))
    return [number for number in _NUMBER.findall(row[1]) if number not in there]


ROWS = rows(PAGE.read_text())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_numbers_of_a_row_are_those_of_its_page(row):
    assert len(row) == 4
    assert foreign(row) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_command_of_a_row_exists(row):
    command = re.match(r"`([^`]+)`", row[2])[1]
    words = shlex.split(command.replace(" N", " 1"))
    if words[0] == "python":
        assert (ROOT / words[1]).is_file()
    else:
        make_parser().parse_args(words)


def test_a_changed_number_and_a_missing_row_are_seen():
    text = PAGE.read_text()
    assert len(ROWS) >= 35
    assert foreign(rows(text.replace("0.0163", "0.0162"))[[r[0][:12] for r in ROWS].index("error of the")]) != []
