"""The layout holds: packages are listed, lower layers never import higher ones, registries are whole."""

import ast
import configparser
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"gillespie_nn": ROOT / "gillespie_nn", "kernels": ROOT / "kernels", "data": ROOT / "data"}

LAYERS = [
    {"kernels", "data", "_version"},
    {"checks", "status", "seeds", "progress"},
    {"crn"},
    {"activations", "datasets", "noise"},
    {"nn"},
    {"simulation"},
    {"storage"},
    {"api"},
    {"analysis"},
    {"benchmarks", "verification"},
    {"studies"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _packages():
    found = {"gillespie_nn", "gillespie_nn.kernels", "gillespie_nn.data"}
    for path in FOLDERS["gillespie_nn"].rglob("__init__.py"):
        found.add(".".join(path.parent.relative_to(ROOT).parts))
    return found


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert set(config["options"]["packages"].split()) == _packages()


def _imports(path, package):
    """Absolute names of all that a module imports; `package` is the module's own package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*base, node.module] if node.module else base)
            # `from .. import checks` names a module; `from ..checks import x` is in one.
            yield from ([f"{stem}.{alias.name}" for alias in node.names] if not node.module else [stem])


def _modules():
    for name, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = list(path.relative_to(folder).parts[:-1])
            package = ".".join(["gillespie_nn", *([name] if name != "gillespie_nn" else []), *parts])
            yield path, package


@pytest.mark.parametrize("path, package", list(_modules()), ids=lambda v: str(v).removeprefix(str(ROOT)))
def test_lower_layers_never_import_higher_ones(path, package):
    parts = package.split(".")
    own = parts[1] if len(parts) > 1 else path.stem
    if own == "__init__":
        return  # the package's own front door imports from everywhere
    for name in _imports(path, package):
        target = name.split(".")
        if target[0] != "gillespie_nn" or len(target) < 2:
            continue
        assert target[1] in LEVEL, f"{path.name} imports {name}, which has no layer"
        assert target[1] == own or LEVEL[target[1]] <= LEVEL[own], f"{path.name} ({own}) imports {name}"


def test_kernels_import_numpy_and_numba_only():
    allowed = {"numpy", "numba", "gillespie_nn", *sys.stdlib_module_names}
    for path in FOLDERS["kernels"].glob("*.py"):
        assert {name.split(".")[0] for name in _imports(path, "gillespie_nn.kernels")} <= allowed, path.name
        assert "gillespie_nn" not in path.read_text().replace("`gillespie_nn", "").replace('"gillespie_nn"', ""), path


STORAGE_INSIDE = {"_file", "_dataset", "attrs", "asstr"}
"""What only those have or use who hold an object of h5py."""
DAMAGES = {"verification/hostile_files.py"}
"""Modules outside storage that open HDF5 themselves: to damage files is what they are for."""


def test_h5py_stays_inside_storage():
    for path, package in _modules():
        name = path.relative_to(ROOT).as_posix().partition("/")[2]
        if name.startswith("storage/") or name in DAMAGES:
            continue
        assert "h5py" not in {imported.split(".")[0] for imported in _imports(path, package)}, name
        used = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        assert not used & STORAGE_INSIDE, (name, used & STORAGE_INSIDE)


def test_nothing_imports_scripts_and_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert len(path.read_text().splitlines()) < 20
    for path, package in _modules():
        assert not any(name.split(".")[0] == "scripts" for name in _imports(path, package))
