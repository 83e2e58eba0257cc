"""Numbers in tables have the digits that their intervals leave them."""

import numpy as np
import pytest

from gillespie_nn.display.tables import Table, estimate, fragment, interval, report

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    "value, low, high, shown",
    [
        (10.2345, 9.912, 10.551, "10.23 [9.91, 10.55]"),
        (12345.6, 12000.3, 12703, "12350 [12000, 12700]"),
        (-0.0001, -0.3, 0.3, "0.00 [-0.30, 0.30]"),
        (1e-9, 0.9e-9, 1.1e-9, "1.00e-09 [9.00e-10, 1.10e-09]"),
        (3.2e9, 3.1e9, 3.3e9, "3.20e+09 [3.10e+09, 3.30e+09]"),
        (5, 5, 5, "5 [5, 5]"),
        (12, 0, np.inf, "12 [0, inf]"),
        (1 / 3, np.nan, np.nan, "0.333333"),
        (np.nan, 1, 2, "- [1.00, 2.00]"),
        (0.0, 0.0, 0.0, "0 [0, 0]"),
        (1.997058603598233, 1.997058603598232, 1.997058603598234, "1.99706 [1.99706, 1.99706]"),
    ],
)
def test_an_estimate_has_as_many_digits_as_its_interval(value, low, high, shown):
    assert estimate(value, low, high) == shown
    if "[" in shown:
        assert interval(low, high) == shown[shown.index("[") :]


def test_an_unknown_interval_is_a_dash():
    assert interval(np.nan, 1.0) == "-"


def test_one_table_is_plain_text_markdown_and_html():
    table = Table("counts", ("species", "|z|"), [("A", 1.23456789), ("B", np.nan)])
    assert table.text().splitlines() == ["counts", "species      |z|", "      A  1.23457", "      B        -"]
    assert table.markdown().splitlines() == [
        "counts:", "", "| species | \\|z\\| |", "| --- | --- |", "| A | 1.23457 |", "| B | - |"
    ]  # fmt: skip
    assert table._replace(caption="").markdown().startswith("| species |")
    assert '<td>A</td><td class="number">1.23457</td>' in fragment("", [table])


def test_a_report_has_the_notes_behind_the_tables():
    table = Table("", ("a",), [(1,)])
    assert report([table], ["first", "second"]).endswith("\n\nfirst\nsecond")
    assert report([table, table], ["first"], markdown=True) == "\n\n".join([table.markdown()] * 2 + ["- first"])
