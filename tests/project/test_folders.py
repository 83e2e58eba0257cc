"""The tests themselves: their folders are those of the source, no two files have one name, and what two test modules
share is in `tests/helpers`."""

import re
from collections import Counter

import pytest

from helpers.paths import ROOT, TESTS

pytestmark = pytest.mark.fast

MORE_FOLDERS = {"docs", "golden", "helpers", "project", "propositions", "robustness"}
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:\w+\.)*(test_\w+)", re.MULTILINE)


def imported_tests(text):
    """Names of test modules that a text imports, also in functions and in the code that it gives to other processes."""
    return _IMPORT.findall(text)


def _sources():
    return [path for path in sorted(TESTS.rglob("*.py")) if path.name != "test_folders.py"]


def test_no_module_imports_a_test_module():
    sources = _sources()
    assert len(sources) > 100
    assert {path.name: names for path in sources if (names := imported_tests(path.read_text()))} == {}


def test_an_import_of_a_test_module_is_noticed():
    assert imported_tests("from test_a import x") == ["test_a"]
    assert imported_tests("import numpy\ndef f():\n    import crn.test_b as b") == ["test_b"]
    assert imported_tests('_CHILD = """\nfrom tests.crn.test_c import NET\n"""') == ["test_c"]
    assert imported_tests("from helpers.naive import test\nimport contest_a\ntext = 'import test_d'") == []


def test_no_two_test_files_have_one_name():
    """So that a module is known by its name alone."""
    names = Counter(path.name for path in _sources())
    assert [name for name, times in names.items() if times > 1] == []


def test_folders_mirror_the_source():
    packages = {path.name for path in (ROOT / "gillespie_nn").iterdir() if path.is_dir() or path.is_symlink()}
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - packages - MORE_FOLDERS == set() and len(folders & packages) >= 12
    assert list(TESTS.glob("test_*.py")) == []


def test_every_test_file_that_is_named_exists():
    """In the source, in the pages and in the tests."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("scripts/*"), *(ROOT / "docs").rglob("*.md"), *TESTS.rglob("*.md")]
    for folder in ("gillespie_nn", "kernels", "tests"):
        texts += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md")]
    named = {(path, name) for path in texts for name in re.findall(r"tests/[\w/]+\.py\b", path.read_text())}
    assert len(named) > 10
    assert [(path.name, name) for path, name in sorted(named) if not (ROOT / name).is_file()] == []
