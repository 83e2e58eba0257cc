"""Compiled kernels are kept by a digest of all sources, so that an edit anywhere compiles them anew."""

import os
import shutil
import subprocess
import sys

import pytest
from test_layout import FOLDERS

_CALLER = """
from ..jit import kernel
from .helper import step


@kernel
def twice(x):
    return step(step(x))
"""
_HELPER = """
from ..jit import kernel


@kernel
def step(x):
    return x + {size}
"""
_ASK = """
from kernels.jit import source_digest
from kernels.deep.caller import twice
print(source_digest(), twice(1), sum(twice.stats.cache_hits.values()))
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the kernels with two more in a subfolder: one calls the other, which is in another file."""
    folder = tmp_path / "kernels"
    shutil.copytree(FOLDERS["kernels"], folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "deep").mkdir()
    (folder / "deep" / "__init__.py").touch()
    (folder / "deep" / "caller.py").write_text(_CALLER)
    (folder / "deep" / "helper.py").write_text(_HELPER.format(size=1))
    return folder


def _ask(folder):
    """Digest, result of a kernel of the copy, and how often it came out of the cache, in a new process."""
    above = folder.parent
    environment = os.environ | {"GILLESPIE_NN_CACHE": str(above / "cache")}
    done = subprocess.run([sys.executable, "-c", _ASK], cwd=above, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    digest, result, n_cached = done.stdout.split()
    return digest, int(result), int(n_cached)


def test_an_edit_in_a_subfolder_changes_the_digest_and_compiles_its_callers_anew(copy):
    digest, *found = _ask(copy)
    assert found == [3, 0]
    assert _ask(copy) == (digest, 3, 1)
    (copy / "deep" / "helper.py").write_text(_HELPER.format(size=5))
    edited, *found = _ask(copy)
    assert edited != digest and found == [11, 0]


def test_a_digest_that_leaves_out_subfolders_is_caught(copy):
    """The planted error: numba alone does not see that another file was edited."""
    text = (copy / "jit.py").read_text()
    assert text.count("rglob") == 1
    (copy / "jit.py").write_text(text.replace("rglob", "glob"))
    digest, *found = _ask(copy)
    assert found == [3, 0]
    (copy / "deep" / "helper.py").write_text(_HELPER.format(size=5))
    assert _ask(copy) == (digest, 3, 1)
