"""The layout holds: packages are listed, lower layers never import higher ones, registries are whole."""

import ast
import configparser
import subprocess
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
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _sources(folder):
    """All Python files of `folder` and the folders in it; links such as `gillespie_nn/kernels` are not followed."""
    return sorted(folder.rglob("*.py"))


def _packages():
    return {package for path, package in _modules() if path.name == "__init__.py"}


def test_folders_are_walked_to_the_bottom_and_links_are_not_walked(tmp_path):
    (tmp_path / "package" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("package/a.py", "package/deep/b.py", "package/deep/deeper/c.py", "elsewhere/d.py"):
        (tmp_path / name).touch()
    (tmp_path / "package" / "linked").symlink_to("../elsewhere", target_is_directory=True)
    assert [path.name for path in _sources(tmp_path / "package")] == ["a.py", "b.py", "c.py"]
    files = [path.resolve() for path, _ in _modules()]
    assert len(files) == len(set(files))


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
        for path in _sources(folder):
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
    for path, package in _modules():
        if not package.startswith("gillespie_nn.kernels"):
            continue
        assert {name.split(".")[0] for name in _imports(path, package)} <= allowed, path.name
        assert "gillespie_nn" not in path.read_text().replace("`gillespie_nn", "").replace('"gillespie_nn"', ""), path


def test_nothing_imports_scripts_and_scripts_are_thin():
    for path in (ROOT / "scripts").glob("*.py"):
        assert len(path.read_text().splitlines()) < 20
    for path, package in _modules():
        assert not any(name.split(".")[0] == "scripts" for name in _imports(path, package))


_IMPORT = """
import sys
assert not any("editable" in repr(finder).lower() for finder in sys.meta_path), sys.meta_path
sys.path[:] = {path!r}
import gillespie_nn, gillespie_nn.data, gillespie_nn.kernels, gillespie_nn.kernels.codes, gillespie_nn.cli
for module in (gillespie_nn, gillespie_nn.data, gillespie_nn.kernels, gillespie_nn.kernels.codes):
    print(module.__file__)
"""


def test_a_checkout_that_is_not_installed_imports(tmp_path):
    """`-S` leaves out site and with it the finder of an editable install: the links alone lead to kernels and data."""
    if (ROOT / "gillespie_nn" / "kernels").is_file():
        pytest.skip("git wrote links as text files here (core.symlinks=false)")
    script = _IMPORT.format(path=[str(ROOT), *filter(None, sys.path)])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = ROOT / "gillespie_nn"
    assert [Path(line) for line in done.stdout.splitlines()] == [
        package / "__init__.py", package / "data" / "__init__.py", package / "kernels" / "__init__.py",
        package / "kernels" / "codes.py",
    ]  # fmt: skip
