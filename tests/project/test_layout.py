"""The layout holds: packages are listed, lower layers never import higher ones, no modules import one another."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gillespie_nn.nn import training_network
from gillespie_nn.nn.chemistries import CHEMISTRIES
from helpers.paths import FOLDERS, ROOT

pytestmark = pytest.mark.fast

LAYERS = [
    {"kernels", "data", "_version", "_later", "interrupts"},
    {"checks", "options", "status", "seeds", "progress", "processes", "display"},
    {"statistics"},
    {"crn"},
    {"activations", "noise", "peers"},
    {"nn"},
    {"datasets"},
    {"simulation"},
    {"storage"},
    {"api"},
    {"analysis"},
    {"benchmarks", "experiments", "propositions", "verification"},
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


INSIDE = [(p, package) for p, package in _modules() if (p.stem, package) != ("__init__", "gillespie_nn")]
"""All modules but the package's front door, which imports from everywhere."""


@pytest.mark.parametrize("path, package", INSIDE, ids=lambda v: str(v).removeprefix(str(ROOT)))
def test_lower_layers_never_import_higher_ones(path, package):
    parts = package.split(".")
    own = parts[1] if len(parts) > 1 else path.stem
    assert own in LEVEL
    for name in _imports(path, package):
        target = name.split(".")
        if target[0] != "gillespie_nn" or len(target) < 2:
            continue
        assert target[1] in LEVEL, f"{path.name} imports {name}, which has no layer"
        assert target[1] == own or LEVEL[target[1]] <= LEVEL[own], f"{path.name} ({own}) imports {name}"


def test_kernels_import_numpy_and_numba_only():
    allowed = {"numpy", "numba", "llvmlite", "gillespie_nn", *sys.stdlib_module_names}
    for path, package in _modules():
        if not package.startswith("gillespie_nn.kernels"):
            continue
        assert {name.split(".")[0] for name in _imports(path, package)} <= allowed, path.name
        assert "gillespie_nn" not in path.read_text().replace("`gillespie_nn", "").replace('"gillespie_nn"', ""), path


STORAGE_INSIDE = {"_file", "_dataset", "attrs", "asstr"}
"""What only those have or use who hold an object of h5py."""


def test_h5py_stays_inside_storage():
    for path, package in _modules():
        name = path.relative_to(ROOT).as_posix().partition("/")[2]
        if name.startswith("storage/"):
            continue
        assert "h5py" not in {imported.split(".")[0] for imported in _imports(path, package)}, name
        used = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
        assert not used & STORAGE_INSIDE, (name, used & STORAGE_INSIDE)


def test_nothing_imports_scripts_and_scripts_are_thin():
    scripts = list((ROOT / "scripts").glob("*.py"))
    assert len(scripts) >= 10
    for path in scripts:
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


def _run_time_nodes(tree):
    """Every node of a module that is carried out, in functions too; not what stands under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield other
                yield from _run_time_nodes(other)
            continue
        yield node
        yield from _run_time_nodes(node)


def _imported(tree, package, known):
    """The modules among `known` that a module of `package` imports, now or later."""
    found = set()
    for node in _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*base, node.module] if node.module else base)
            names = [f"{stem}.{alias.name}" for alias in node.names]
            found.update(name if name in known else stem for name in names)
    return found & known


def import_graph(sources):
    """{module: modules it imports} of {module: (source, whether it is a package)}."""
    known = set(sources)
    graph = {}
    for module, (text, is_package) in sources.items():
        package = module if is_package else module.rpartition(".")[0]
        graph[module] = _imported(ast.parse(text), package, known) - {module}
    return graph


def circles(graph):
    """Groups of modules each of which imports, by way of others, every other one."""
    reached = {}
    for start in graph:
        found, stack = set(), [start]
        while stack:
            for module in graph[stack.pop()] - found:
                found.add(module)
                stack.append(module)
        reached[start] = found
    groups = {frozenset(m for m in graph if m in reached[n] and n in reached[m]) for n in graph if n in reached[n]}
    return sorted(sorted(group) for group in groups)


def _texts():
    """{module: (source, whether it is a package)} of all modules."""
    found = {}
    for name, folder in FOLDERS.items():
        base = "gillespie_nn" if name == "gillespie_nn" else f"gillespie_nn.{name}"
        for path in _sources(folder):
            parts = path.relative_to(folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            found[".".join([base, *(parts[:-1] if is_package else parts)])] = path.read_text(), is_package
    return found


def test_no_modules_import_one_another_not_even_later():
    assert circles(import_graph(_texts())) == []


def test_a_circle_is_found_in_functions_and_through_packages_and_not_in_annotations():
    sources = {
        "p": ("from .a import x", True),
        "p.a": ("def f():\n    from . import b", False),
        "p.b": ("if TYPE_CHECKING:\n    from .a import x\nelse:\n    import p.c", False),
        "p.c": ("from p.d.e import y", False),
        "p.d": ("", True),
        "p.d.e": ("from .. import a", False),
    }
    assert circles(import_graph(sources)) == [["p.a", "p.b", "p.c", "p.d.e"]]
    sources["p.d.e"] = ("if typing.TYPE_CHECKING:\n    from .. import a", False)
    assert circles(import_graph(sources)) == []


def test_dir_of_the_package_shows_what_is_public_and_nothing_else():
    """In a process of its own: here every module of the package has been imported."""
    script = """
import gillespie_nn as gnn
names = dir(gnn)
assert {"certify", "simulate", "models", "analysis", "datasets"} <= set(names), names
assert not {"importlib", "Any", "TYPE_CHECKING", "annotations"} & set(names), names
assert [n for n in names if n.startswith("_")] == ["__version__"], names
assert all(getattr(gnn, n) is not None for n in names)
assert gnn.analysis.histogram.__module__ == "gillespie_nn.analysis.histograms"
assert dir(gnn) == names
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Names of species: a chemistry makes them, and no other part takes them apart.

_TEXT_METHODS = {"startswith", "endswith", "removeprefix", "removesuffix", "split", "partition", "find", "index"}
"""Methods of a text that take a name apart."""
EXPECTED_LETTERS = {"Z", "Y", "S", "E", "D", "W", "B", "X", "T", "G", "L", "F"}


def _letters():
    """The letters of all quantities of all chemistries; an activation names its own species."""
    found = set()
    for kind in CHEMISTRIES:
        for chemistry in (kind(), kind(hold=1.0)):
            numbers = training_network((2, 2, 1), chemistry=chemistry).numbers
            found.update(number.quantity for number in numbers if number.meaning != "auxiliaries")
    return found


def _constants(tree):
    """(text, whether it is compared, searched for, or part of a name that is made) of the texts in a module, without
    its docstrings. The letter of a quantity is suspicious in such a text; in others it may be a flag or a mark."""
    documentation = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    telling = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            telling.update(map(id, [node.left, *node.comparators]))
        elif isinstance(node, (ast.For, ast.comprehension)):
            telling.add(id(node.iter))
        elif isinstance(node, ast.Dict) and len(node.keys) > 1:
            telling.update(map(id, node.keys))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
            telling.update(map(id, node.args))
        elif isinstance(node, ast.JoinedStr):
            for part, after in zip(node.values, node.values[1:]):
                if isinstance(after, ast.FormattedValue):
                    telling.add(id(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value, id(node) in telling


def names_of_species(source, letters, rails=False):
    """Texts in the code of a module that name quantities of a chemistry, or parse names of species. With `rails` the
    module may name the endings of rails."""
    quantity = rf"(?<![A-Za-z0-9\\])[{''.join(sorted(letters))}]"
    name = re.compile(rf"{quantity}\d*(_\d|_\*|\*|_[pm]\b|_$|_\{{)|\[A-Z\]\)?\(?\\d|_\(?\[pm\]")
    return [
        text
        for text, telling in _constants(ast.parse(source))
        if name.search(text)
        or (telling and text and (set(text) <= letters or re.search(rf"(?<!_){quantity}\d*$", text)))
        or (not rails and text in ("_p", "_m"))
    ]


def test_only_chemistries_name_species_and_quantities():
    letters = _letters()
    assert letters == EXPECTED_LETTERS
    for path, _ in _modules():
        name = path.relative_to(ROOT).as_posix().partition("/")[2]
        if not name.startswith("nn/"):
            found = names_of_species(path.read_text(), letters, rails=name == "crn/dual_rail.py")
            assert not found, (name, found)


@pytest.mark.parametrize(
    "planted",
    [
        'weights = [s for s in species if s.startswith("W1_")]', 'plus = [s for s in species if s.startswith("T_")]',
        'stem = f"Z{layer}_{i}"', 'x = run.of("T_0")', 'chosen = [n for n in names if n[0] in "YZD"]',
        'for letter in "WB":\n    pass', 'name = re.compile(r"([A-Z])(\\d+)_(\\d+)")', 'is_bias = kind == "B"',
        'meanings = {"Z": "pre-activations", "Y": "outputs"}', 'minus = name.removesuffix("_p") + "_m"',
        'rail = re.compile(r"(.+)_([pm])$")', 'noise = RateNoise(0.1, reactions=("preactivation_Z1_0_*",))',
        'shown = ("B2_0_m",)', 'def f():\n    """Of F1_0_0_p."""\n    return "F1_0_0_p"', 'hidden = f"weight\\nW1_{i}"',
        'noise = ConcentrationNoise(0.1, species=("Z*",))', 'run.of("G2_1")',
    ],
)  # fmt: skip
def test_a_planted_name_of_a_species_is_noticed(planted):
    assert names_of_species(planted, _letters())


def test_what_names_no_species_of_a_chemistry_is_left_alone():
    source = '''
def f(parser, run, x):
    """As `("W*", "B*")`, Z1_0_p."""
    parser.add_argument("--time", metavar="S", help="V_p + V_m -> 0, Theta_S / Theta_Z")
    assert x.kind != "O" and not x.name.startswith("CONSTANT_E") and re.match(r"\\W*", x)
    return run.of("A"), run.of("F"), x.cast("B"), {"A": 3}, f"{x}_name", ("--", "s", "D"), "smallest_p"
'''
    assert names_of_species(source, _letters()) == []
