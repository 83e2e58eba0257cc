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


def _run(folder, n_checks, processes):
    """A suite of so many checks, of which ten tests have most."""
    (folder / "helpers").mkdir(exist_ok=True)
    for name in ("conftest.py", "helpers/__init__.py", "helpers/checks_of_chance.py"):
        shutil.copy(TESTS / name, folder / name)
    each, rest = divmod(n_checks - 1, 10)
    test = SUITE.format(each=each) + f"\ndef test_rest():\n    for _ in range({rest}):\n        accept(0.5, 'rest')\n"
    (folder / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--numprocesses",
        str(processes),
        "--dist",
        "worksteal",
        str(folder),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("processes", [0, 2])
def test_the_checks_of_all_processes_count(processes, tmp_path):
    within = _run(tmp_path, MOST, processes)
    assert within.returncode == 0 and f"{MOST} statistical checks" in within.stdout, within.stdout + within.stderr
    assert "within the budget" in within.stdout and within.stdout.splitlines()[-1].startswith("12 passed in")
    above = _run(tmp_path, MOST + 1, processes)
    assert above.returncode == 1 and f"{MOST + 1} statistical checks" in above.stdout, above.stdout + above.stderr
    assert "ABOVE the budget" in above.stdout and above.stdout.splitlines()[-1].startswith("12 passed in")
