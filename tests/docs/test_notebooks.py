"""The notebooks: cells of percent format, one of which holds the parameters, that run at a reduced size.

Two of them run with all other tests; `pytest -m notebooks` runs every one, and `scripts/docs.sh` at full size. Of all
of them the form is checked, and that the names that they use exist.
"""

import ast
import importlib
import re

import numpy as np
import pytest

import gillespie_nn
from helpers.paths import ROOT

matplotlib = pytest.importorskip("matplotlib", reason="the extra plot is not installed")

FOLDER = ROOT / "docs" / "notebooks"
SMALL = {
    "bursting_gene": {"REPLICATES": 200, "LONG": 200.0},
    "xor_learns": {"PRESENTATIONS": 12, "VOLUMES": (100,)},
    "ensemble_and_limits": {"REPLICATES": 60, "VOLUMES": (1, 10)},
    "toggle_switch": {"REPLICATES": 60, "T_END": 100.0, "CERTIFIED": 60},
    "your_own_data": {"PRESENTATIONS": 8, "SPLITS": 2, "FRAMES": 4},
    "your_own_chemistry": {"SEEDS": 2, "PRESENTATIONS": 8},
    "mnist": {
        "CASE": "digits", "READ": 20, "VOLUMES": (1000, 300),
        "SETTINGS": {"digits": {"batch": 16, "hidden": (24,), "presentations": 6}},
    },
    "growing_cell": {"REPLICATES": 80, "CYCLES": 2},
    "smooth_and_real_relu": {"STARTS": 2, "SEEDS": 2, "PATHS": 2, "PRESENTATIONS": 4},
    "propositions": {"PATHS": 20, "BY_HAND": 3, "PRESENTATIONS": 20, "LOOKS": 1},
    "sbml_to_cluster": {"REPLICATES": 30, "T_END": 20.0, "LONG": 2000},
}  # fmt: skip
FIGURES = {
    "bursting_gene": 4, "xor_learns": 3, "ensemble_and_limits": 3, "toggle_switch": 3, "your_own_data": 3,
    "your_own_chemistry": 3, "mnist": 5, "growing_cell": 4, "smooth_and_real_relu": 3, "propositions": 2,
    "sbml_to_cluster": 2,
}  # fmt: skip
WITH_THE_OTHERS = ("toggle_switch", "your_own_data")
"""Simulation, sweeps, passages and certificates; data, training, predictions, noise and export."""
OF_FIT = ("trajectories", "to_sbml", "film", "classify", "predict")
NEEDS = {"your_own_data": ("sklearn", "libsbml"), "mnist": ("sklearn",), "sbml_to_cluster": ("antimony", "distributed")}


def cells(path):
    """(kind and tags, source) of every cell."""
    _, *rest = re.split(r"^# %%(.*)$", path.read_text(), flags=re.MULTILINE)
    return list(zip(rest[::2], rest[1::2]))


def code(path):
    """The syntax trees of the cells with code."""
    return [ast.parse(source) for head, source in cells(path) if "[markdown]" not in head]


def used(tree):
    """Dotted names such as gnn.analysis.course that a tree uses of the package, with `gnn` written out."""
    dotted = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if re.fullmatch(r"gnn(\.\w+)+", name):
                dotted.add("gillespie_nn" + name.removeprefix("gnn"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gillespie_nn"):
            dotted |= {f"{node.module}.{alias.name}" for alias in node.names}
    return dotted


def resolved(dotted):
    """The object of a dotted name of the package; attributes of objects that are no modules or classes end it."""
    parts, found = dotted.split(".")[1:], gillespie_nn
    for k, part in enumerate(parts):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join(("gillespie_nn", *parts[: k + 1])))
    return found


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
    assert {p.stem for p in FOLDER.glob("*.py")} == set(SMALL) == set(FIGURES)
    assert all(re.search(rf"^\| \[{name}.py\]\({name}.py\) \| .+ \| .+ \|$", page, re.MULTILINE) for name in SMALL)
    assert len(WITH_THE_OTHERS) == 2 and set(WITH_THE_OTHERS) < set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_has_its_form(name):
    path = FOLDER / f"{name}.py"
    tagged = [source for head, source in cells(path) if "[markdown]" not in head]
    assert 'tags=["parameters"]' in next(head for head, _ in cells(path) if "[markdown]" not in head)
    parameters = {node.targets[0].id for node in ast.parse(tagged[0]).body if isinstance(node, ast.Assign)}
    assert parameters and set(SMALL[name]) <= parameters
    *inner, last = code(path)
    # A value at the end of a cell is what Jupyter would print.
    for end in (cell.body[-1] for cell in inner):
        assert not isinstance(end, ast.Expr) or ast.unparse(end).startswith("print("), ast.unparse(end)
    assert ast.unparse(last) == "plt.show()"  # for those who run the file as a script


@pytest.mark.parametrize("name", SMALL)
def test_the_names_of_the_package_that_a_notebook_uses_exist(name):
    names = set().union(*map(used, code(FOLDER / f"{name}.py")))
    assert len(names) > 3
    for dotted in names:
        assert resolved(dotted) is not None, dotted


def test_a_name_that_does_not_exist_is_noticed():
    tree = ast.parse("import gillespie_nn as gnn\ngnn.simulate\ngnn.analysis.no_such_thing(1)\nother.gnn.x")
    assert used(tree) == {f"gillespie_nn.{name}" for name in ("simulate", "analysis", "analysis.no_such_thing")}
    with pytest.raises(ImportError):
        resolved("gillespie_nn.analysis.no_such_thing")


def test_each_public_name_is_used_in_a_notebook():
    trees = [tree for name in SMALL for tree in code(FOLDER / f"{name}.py")]
    names = set().union(*map(used, trees))
    public = {f"gillespie_nn.{name}" for name in gillespie_nn.__all__}
    assert {p for p in public if not any(n == p or n.startswith(f"{p}.") for n in names)} == set()
    called = {node.func.attr for tree in trees for node in ast.walk(tree)
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
              and ast.unparse(node.func.value) in ("fit", "trained", "again")}  # fmt: skip
    assert all(hasattr(gillespie_nn.Fit, name) for name in OF_FIT)
    assert set(OF_FIT) <= called


def runs(name, monkeypatch, tmp_path, capsys):
    """Run a notebook at its reduced size, check its figures and what it prints, and return its names."""
    for library in NEEDS.get(name, ()):
        pytest.importorskip(library, reason=f"{library} is not installed: it is one of the extras")
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
            assert axes.has_data() and (axes.get_xlabel() or axes.get_ylabel() or axes.images)
    pyplot.close("all")
    assert len(capsys.readouterr().out) > 100 and list(tmp_path.iterdir()) == []
    return names


@pytest.mark.parametrize("name", WITH_THE_OTHERS)
def test_a_notebook_runs(name, monkeypatch, tmp_path, capsys):
    runs(name, monkeypatch, tmp_path, capsys)


@pytest.mark.notebooks
@pytest.mark.parametrize("name", [name for name in SMALL if name not in WITH_THE_OTHERS])
def test_every_other_notebook_runs(name, monkeypatch, tmp_path, capsys):
    names = runs(name, monkeypatch, tmp_path, capsys)
    if name == "bursting_gene":
        assert np.sum(names["law"](np.arange(400))) == pytest.approx(1.0)
