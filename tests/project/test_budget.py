"""The budget of false alarms holds for the whole suite, in however many processes it runs."""

import shutil
import subprocess
import sys

import pytest

from helpers.checks_of_chance import ALPHA, BUDGET
from helpers.paths import TESTS

MOST = round(BUDGET / ALPHA)
SUITE = """
import pytest
from helpers.checks_of_chance import accept

@pytest.fixture(scope="module")
def checked():
    accept(0.5, "in a fixture")

@pytest.mark.parametrize("k", range(10))
def test_some(k):
    for _ in range({each}):
        accept(0.5, "in a test")

def test_fixture(checked):
    pass
"""
MARKED = """
import pytest
from helpers import checks_of_chance
from helpers.checks_of_chance import accept, mean_is, rejects

def _check():
    checks_of_chance.accept(0.5, "in a function")

@pytest.fixture
def checked():
    return [accept(0.5, name) for name in "ab"]

def test_itself():
    (lambda: accept(0.5, "within"))()

def test_by_a_function():
    _check()

def test_by_a_fixture(checked):
    assert len(checked) == 2

def test_none():
    assert rejects(0.0) and mean_is([0.0, 1.0], 0.5) == 1.0
"""
HIDDEN = """
from helpers import checks_of_chance

def test_hidden():
    getattr(checks_of_chance, "acc" + "ept")(0.5, "hidden")
"""


def _run(folder, test, *options):
    """A suite of one module with the rules of this one."""
    (folder / "helpers").mkdir(exist_ok=True)
    for name in ("conftest.py", "helpers/__init__.py", "helpers/checks_of_chance.py"):
        shutil.copy(TESTS / name, folder / name)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = statistical\n")
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", *options, str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _suite(folder, n_checks, processes):
    """A suite of so many checks, of which ten tests have most."""
    each, rest = divmod(n_checks - 1, 10)
    test = SUITE.format(each=each) + f"\ndef test_rest():\n    for _ in range({rest}):\n        accept(0.5, 'rest')\n"
    return _run(folder, test, "--numprocesses", str(processes), "--dist", "worksteal")


@pytest.mark.parametrize("processes", [0, 2])
def test_the_checks_of_all_processes_count(processes, tmp_path):
    within = _suite(tmp_path, MOST, processes)
    assert within.returncode == 0 and f"{MOST} statistical checks" in within.stdout, within.stdout + within.stderr
    assert "within the budget" in within.stdout and within.stdout.splitlines()[-1].startswith("12 passed in")
    above = _suite(tmp_path, MOST + 1, processes)
    assert above.returncode == 1 and f"{MOST + 1} statistical checks" in above.stdout, above.stdout + above.stderr
    assert "ABOVE the budget" in above.stdout and above.stdout.splitlines()[-1].startswith("12 passed in")


def test_the_tests_that_make_checks_are_marked(tmp_path):
    marked = _run(tmp_path, MARKED, "-m", "statistical")
    assert marked.stdout.splitlines()[-1].startswith("3 passed, 1 deselected"), marked.stdout + marked.stderr
    assert "4 statistical checks" in marked.stdout
    others = _run(tmp_path, MARKED, "-m", "not statistical")
    assert (
        others.stdout.splitlines()[-1].startswith("1 passed, 3 deselected") and "0 statistical checks" in others.stdout
    )


def test_a_check_that_cannot_be_seen_fails(tmp_path):
    hidden = _run(tmp_path, HIDDEN)
    assert hidden.returncode == 1 and "it has no marker `statistical`" in hidden.stdout, hidden.stdout + hidden.stderr
