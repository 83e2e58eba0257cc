"""The tests themselves: what two test modules share is in `tests/helpers`, and no two files have one name."""

import re
from collections import Counter

import pytest

from helpers.paths import TESTS

pytestmark = pytest.mark.fast

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
