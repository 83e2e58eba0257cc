"""Compiled kernels are kept by a digest of all sources, so that an edit anywhere compiles them anew, for every
installation with these sources."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from helpers.paths import FOLDERS

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


def _start(folder, script, cache=None, **environment):
    """A new process with `script` for the copy in `folder`."""
    above = folder.parent
    environment = os.environ | {"GILLESPIE_NN_CACHE": str(cache or above / "cache")} | environment
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=above, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _said(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out.split()


def _ask(folder, cache=None, **environment):
    """Digest, result of a kernel of the copy, and how often it came out of the cache, in a new process."""
    digest, result, n_cached = _said(_start(folder, _ASK, cache, **environment))
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


def test_installations_with_the_same_sources_share_what_is_compiled(copy, tmp_path):
    _ask(copy)
    other = tmp_path / "another" / "kernels"
    shutil.copytree(copy, other, ignore=shutil.ignore_patterns("__pycache__"))
    for path in other.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    assert _ask(other, copy.parent / "cache")[1:] == (3, 1)


def test_another_processor_shares_nothing(copy):
    _ask(copy)
    assert _ask(copy, NUMBA_CPU_NAME="generic")[1:] == (3, 0)
    assert _ask(copy)[1:] == (3, 1)


def test_processes_that_compile_one_kernel_at_once_leave_what_each_needs(copy):
    """For other types of arguments, of which an index that both write would lose one."""
    call = "from kernels.deep.caller import twice; print(twice({}), sum(twice.stats.cache_hits.values()))"
    arguments, answers = ("1", "1.5", "2j"), ("3", "3.5", "(2+2j)")
    first = [_start(copy, call.format(x)) for x in arguments + arguments]
    assert [_said(process)[0] for process in first] == [*answers, *answers]
    assert [_said(_start(copy, call.format(x))) for x in arguments] == [[a, "1"] for a in answers]
    assert not list((copy.parent / "cache").rglob("*.part"))


def test_a_damaged_file_is_compiled_and_written_anew(copy):
    _ask(copy)
    (path,) = (copy.parent / "cache").rglob("caller.twice-*.nbc")
    whole = path.read_bytes()
    middle = len(whole) // 2
    turned = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    for damage in (b"", whole[:1000], b"no pickle", turned):
        path.write_bytes(damage)
        assert _ask(copy)[1:] == (3, 0)
        assert _ask(copy)[1:] == (3, 1)


def test_a_file_of_another_kernel_is_not_taken_for_this_one(copy):
    _ask(copy)
    (path,) = (copy.parent / "cache").rglob("caller.twice-*.nbc")
    (other,) = (copy.parent / "cache").rglob("helper.step-*.nbc")
    shutil.copy(other, path)
    assert _ask(copy)[1:] == (3, 0)


@pytest.mark.parametrize(
    "change, back",
    [
        ("import numba.core.caching as c; kept = c.NullCache; del c.NullCache", "c.NullCache = kept"),
        (
            "from numba.core.compiler import CompileResult as c; kept = c.__dict__['_rebuild']; del c._rebuild",
            "c._rebuild = kept",
        ),
    ],
)
def test_a_numba_without_the_parts_that_the_cache_needs_has_its_own_cache(copy, change, back):
    """The parts are there again when numba's cache needs them."""
    script = f"{change}\nimport kernels.jit\n{back}\nassert kernels.jit.DiskCache is None\n{_ASK}"
    for n_cached in (0, 1):
        assert _said(_start(copy, script))[1:] == ["3", str(n_cached)]
    assert list((copy.parent / "cache").rglob("*.nbi"))


def test_kernels_run_uncompiled_where_numba_is_told_so(copy):
    call = "from kernels.deep.caller import twice; print(twice(1), type(twice).__name__)"
    assert _said(_start(copy, call, NUMBA_DISABLE_JIT="1")) == ["3", "function"]


def test_folders_that_nobody_used_for_a_month_are_removed(copy):
    _ask(copy)
    cache = copy.parent / "cache"
    (own,) = cache.iterdir()
    days = {"kernels-" + "0" * 16: 40, "kernels-" + "1" * 16: 20, "somebody-else": 40, "kernels-mine": 40}
    for name, age in days.items():
        (cache / name).mkdir()
        (cache / name / "used").touch()
        for path in (cache / name / "used", cache / name):
            os.utime(path, (time.time() - 86400 * age,) * 2)
    (cache / ("kernels-" + "2" * 16)).symlink_to(cache / "somebody-else")
    _ask(copy)
    assert len(list(cache.iterdir())) == 6  # once a day is enough
    os.utime(own / "used", (1e9, 1e9))
    assert _ask(copy)[1:] == (3, 1)
    assert {path.name for path in cache.iterdir()} == {
        own.name, "kernels-" + "1" * 16, "somebody-else", "kernels-mine", "kernels-" + "2" * 16
    }  # fmt: skip
    assert time.time() - (own / "used").stat().st_mtime < 600


def test_a_full_disk_costs_a_warning_and_no_result(copy):
    script = """
import warnings
from kernels import disk_cache
from pathlib import Path
def full(path, content):
    raise OSError(28, "No space left on device")
disk_cache.DiskCache._write = staticmethod(full)
from kernels.deep.caller import twice
with warnings.catch_warnings(record=True) as raised:
    warnings.simplefilter("always")
    print(twice(1), len(raised), raised[0].message)
"""
    result, n_warnings, *sentence = _said(_start(copy, script))
    assert result == "3" and int(n_warnings) >= 1 and "No space left on device" in " ".join(sentence)


def test_kernels_are_linked_with_this_numba():
    """With a numba that is made otherwise they are compiled one by one: right, but several times slower."""
    from gillespie_nn.kernels import linked

    assert linked._CAN_LINK
