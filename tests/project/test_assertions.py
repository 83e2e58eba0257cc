"""Every test asserts something: itself, or by a function of its module or of the helpers."""

import ast
from functools import cache

import pytest

from helpers.paths import TESTS

pytestmark = pytest.mark.fast

ASSERTING = ("np.testing.", "numpy.testing.", "pytest.raises", "pytest.warns", "pytest.fail")


@cache
def _tree(path):
    return ast.parse(path.read_text())


def _functions(tree):
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _helpers(tree):
    """{name: (file of the helper, name there or "" for the module)} of what a module imports from the helpers."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "helpers":
            for alias in node.names:
                path = TESTS.joinpath(*node.module.split("."))
                module = (path / alias.name).with_suffix(".py")
                target = (module, "") if module.is_file() else (path.with_suffix(".py"), alias.name)
                found[alias.asname or alias.name] = target
    return found


def asserts(node, path, seen=()):
    """Whether a function of the module at `path` asserts, or calls one that does."""
    functions, helpers = _functions(_tree(path)), _helpers(_tree(path))
    for part in ast.walk(node):
        if isinstance(part, ast.Assert):
            return True
        if not isinstance(part, ast.Call):
            continue
        called = ast.unparse(part.func)
        if called.startswith(ASSERTING):
            return True
        name, _, attribute = called.partition(".")
        where, inside = path, name
        if name in helpers:
            where, inside = helpers[name][0], helpers[name][1] or attribute
        function = _functions(_tree(where)).get(inside) if where != path else functions.get(name)
        if function is not None and (where, inside) not in seen and asserts(function, where, (*seen, (where, inside))):
            return True
    return False


def _modules():
    return sorted(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.stem)
def test_every_test_asserts(path):
    functions = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef)]
    tests = [node for node in functions if node.name.startswith("test_")]
    assert tests
    assert [test.name for test in tests if not asserts(test, path)] == []


def test_a_test_that_asserts_nothing_is_noticed(tmp_path):
    path = tmp_path / "test_planted.py"
    path.write_text(
        "import pytest\nfrom helpers import checks_of_chance as chance\nfrom helpers.checks_of_chance import mean_is\n"
        "def _run(): return 1\ndef _check(): _other()\ndef _other(): assert _run()\ndef _again(): _again()\n"
        "def test_a(): _run()\ndef test_b(): _check()\ndef test_c():\n    with pytest.raises(ValueError): _run()\n"
        "def test_d(): chance.accept(1, '')\ndef test_e(): mean_is([1], 1)\ndef test_f(): _again()\n"
    )
    silent = [name for name, node in _functions(_tree(path)).items() if name[:5] == "test_" and not asserts(node, path)]
    assert silent == ["test_a", "test_e", "test_f"]
