"""The notebooks run as they stand, at a reduced size: cells of percent format, one of which holds the parameters."""

import ast
import re

import numpy as np
import pytest

from helpers.paths import ROOT

matplotlib = pytest.importorskip("matplotlib", reason="the extra plot is not installed")

FOLDER = ROOT / "docs" / "notebooks"
SMALL = {
    "bursting_gene": {"REPLICATES": 200, "LONG": 200.0},
    "xor_learns": {"PRESENTATIONS": 12, "VOLUMES": (100,)},
    "ensemble_and_limits": {"REPLICATES": 60, "VOLUMES": (1, 10)},
}
FIGURES = {"bursting_gene": 4, "xor_learns": 3, "ensemble_and_limits": 3}


def cells(path):
    """(kind and tags, source) of every cell."""
    _, *rest = re.split(r"^# %%(.*)$", path.read_text(), flags=re.MULTILINE)
    return list(zip(rest[::2], rest[1::2]))


def run(path, changes):
    """The names of a notebook after its last cell, with other parameters."""
    names = {"__name__": path.stem}
    for head, source in cells(path):
        if "[markdown]" in head:
            assert all(line.startswith("#") for line in source.splitlines() if line)
            continue
        exec(compile(source, path.name, "exec"), names)
        if "parameters" in head:
            assert set(changes) <= set(names)
            names |= changes
    return names


def test_every_notebook_is_tested_and_named_in_the_page():
    page = (FOLDER / "README.md").read_text()
    assert {p.stem for p in FOLDER.glob("*.py")} == set(SMALL)
    assert all(f"({name}.py)" in page for name in SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_no_cell_ends_in_a_value_that_jupyter_would_print(name):
    *code, last = [ast.parse(source) for head, source in cells(FOLDER / f"{name}.py") if "[markdown]" not in head]
    for end in (cell.body[-1] for cell in code):
        assert not isinstance(end, ast.Expr) or ast.unparse(end).startswith("print("), ast.unparse(end)
    assert ast.unparse(last) == "plt.show()"  # for those who run the file as a script


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs(name, monkeypatch, tmp_path, capsys):
    matplotlib.use("Agg")
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    pyplot.close("all")
    names = run(FOLDER / f"{name}.py", SMALL[name])
    figures = [pyplot.figure(n) for n in pyplot.get_fignums()]
    assert len(figures) == FIGURES[name]
    for figure in figures:
        figure.canvas.draw()
        for axes in figure.axes:
            assert axes.has_data() and (axes.get_xlabel() or axes.get_ylabel())
    pyplot.close("all")
    assert len(capsys.readouterr().out) > 100 and list(tmp_path.iterdir()) == []
    if name == "bursting_gene":
        assert np.sum(names["law"](np.arange(400))) == pytest.approx(1.0)
