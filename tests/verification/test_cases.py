"""Models of others with the right answer: the scripts of a folder `cases` beside the data folder, where there is one.

Each folder there has an input, a script and `expected.txt`, decided before anything was run. The scripts run in a copy,
and what they print is compared with the right answer here. The same answers stand in tests that need no such folder.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gillespie_nn.datasets import data_folder

CASES = data_folder().parent / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no folder of cases beside the data folder, {CASES}")


def run(case, command, tmp_path) -> str:
    """What a script prints in a copy of its folder; `command` is split at spaces."""
    folder = tmp_path / case
    shutil.copytree(CASES / case, folder)
    for path in (folder, *folder.rglob("*")):  # they may be read-only where they are
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    commands = {"P": f'"{sys.executable}"', "G": f'"{sys.executable}" -m gillespie_nn'}
    for name, command_line in commands.items():  # scripts do not quote them, and they may stand in a path with a space
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\nexec {command_line} "$@"\n')
        wrapper.chmod(0o755)
    (tmp_path / "gillespie-nn").symlink_to("G")
    (tmp_path / "python").symlink_to("P")
    package = Path(sys.modules["gillespie_nn"].__file__).parent.parent
    environment = os.environ | {name: str(tmp_path / name) for name in commands}
    environment |= {"PYTHONPATH": str(package), "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}
    words = [sys.executable if word == "python" else word for word in command.split()]
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=300, check=False
    )
    return done.stdout + done.stderr


def numbers(text) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text)]


def test_any_identifier_is_a_parameter(tmp_path):
    pytest.importorskip("libsbml")
    said = run("02-reserved-ids", "python run.py", tmp_path)
    means = [float(m) for m in re.findall(r"mean (\S+) expected 367.9", said)]
    assert len(means) == len(list((CASES / "02-reserved-ids").glob("*.xml"))) and all(abs(m - 367.9) < 5 for m in means)


def test_what_is_derived_follows(tmp_path):
    pytest.importorskip("libsbml")
    said = run("14-sweep-of-derived-values", "sh run.sh", tmp_path)
    for road in ("sweep(network)", "sweep(function)"):
        assert re.findall(rf"{re.escape(road)} .* A\(0\) (\S+)", said) == ["20.0", "100.0", "400.0"]
    assert re.findall(r"from_sbml\(parameters=\) \d+ {'A': (\d+)", said) == ["20", "100", "400"]
    mean = float(re.search(r"^A +(\S+) +\[", said, re.M)[1])  # --parameter D=200
    swept = [float(m) for m in re.findall(r"^ *(?:10|50|200) +(\d\S*) ", said, re.M)]
    assert abs(mean - 400 * 0.92) < 10 and swept == pytest.approx([18.4, 92, 368], abs=5)


def test_the_name_of_a_reaction_is_its_rate(tmp_path):
    pytest.importorskip("libsbml")
    first, second = re.findall(r"\[[^]]*\]", run("15-reaction-id-in-math", "python run.py", tmp_path))[-2:]
    assert numbers(first) == numbers(second) and len(numbers(first)) > 2


def test_fixed_species_and_compartments_of_bionetgen(tmp_path):
    said = run("17-bngl-fixed-and-compartments", "python run.py", tmp_path)
    scores = [float(z) for z in re.findall(r" z (-?\S+)", said)]
    assert len(scores) >= 5 and all(abs(z) < 5 for z in scores)
    assert abs(float(re.search(r"^A (\S+) expected 10", said, re.M)[1]) - 130) < 5


def test_moles_are_no_molecules(tmp_path):
    pytest.importorskip("libsbml")
    said = run("40-units-and-moles", "python run.py", tmp_path)
    nanomolar, default, items = re.findall(r"^.* -> (.*)$", said, re.M)
    for found in (nanomolar, default):  # 100 nM in 1e-15 l, 6.022e23 a mole
        assert "'A': 60.22" in found and "warnings: []" not in found
    assert "'A': 100" in items


def test_ties_are_drawn(tmp_path):
    pytest.importorskip("antimony")
    said = run("43-equal-priorities-at-random", "python run.py", tmp_path)
    left = [float(n) for n in re.findall(r"seed \d left (\S+) right", said)]
    assert len(left) == 3 and all(abs(n - 500) < 80 for n in left)


def test_encodings(tmp_path):
    pytest.importorskip("antimony")
    said = run("44-byte-order-mark", "bash run.sh", tmp_path)
    for name in ("bom.txt", "bomc.txt", "crlf.txt", "bom.ant", "utf16.txt", "latin.txt"):
        assert re.search(rf"== {re.escape(name)}\n.*\nA +9\n", said), name
    assert re.search(r"== table with BOM\n.*mean of A\n *1 +\d+\n *2 +\d+\n", said)
    assert "from_text(BOM) ReactionNetwork(1 species" in said


def test_more_than_memory_holds(tmp_path):
    said = run("45-too-large-for-memory", "sh run.sh", tmp_path)
    assert "MemoryError" not in said and "Traceback" not in said
    assert said.count("GB of memory are free: record='moments'") == 2


def test_compartments_without_size(tmp_path):
    pytest.importorskip("libsbml")
    found = dict(re.findall(r"^(.{26}) *(\S+)", run("49-compartments-without-size", "python run.py", tmp_path), re.M))
    found = {name.strip(): value for name, value in found.items()}
    for name, right in (
        ("no size, amounts", 367.9), ("no size, concentrations", 367.9), ("0-dimensional", 367.9),
        ("2-dimensional, 4", 778.8), ("id volume, size 2", 606.5),
    ):  # fmt: skip
        assert abs(float(found[name]) - right) < 5, name
    assert found["size -1"] == "InputError" or abs(float(found["size -1"]) - 367.9) < 5


def test_sums_of_any_length(tmp_path):
    pytest.importorskip("antimony")
    said = run("53-long-flat-sum", "python run.py", tmp_path)
    sums = re.findall(r"rule (\d+) terms: ok (\S+) expected", said)
    assert len(sums) == 8 and all(float(total) == int(n) * (int(n) - 1) / 2 for n, total in sums)
    assert (
        len(re.findall(r"(?:antimony|text) 60 ok 1770.0", said)) == 2 and said.count("read back: ReactionNetwork(") == 2
    )


HOSTILE = CASES / "hostile"


def attack(number, tmp_path) -> str:
    """What a hostile script prints; it runs in a folder of its own."""
    (script,) = HOSTILE.glob(f"{number}-*")
    return run("hostile", f"{'bash' if script.suffix == '.sh' else 'python'} {script.name}", tmp_path)


def test_a_file_of_an_old_version_follows_no_links(tmp_path):
    said = attack("01", tmp_path)
    assert "1234.5" not in said and "77." not in said and "secret" not in said and "InputError" in said


def test_names_in_a_file_are_those_of_the_model(tmp_path):
    said = attack("02", tmp_path)
    assert "InputError" in said and "cmd|" not in said.rpartition("InputError")[0] and "\x1b" not in said


def test_libantimony_ends_no_process(tmp_path):
    pytest.importorskip("antimony")
    assert "InputError: the text: libantimony ended" in attack("04", tmp_path)


def test_long_numbers_take_no_time(tmp_path):
    seconds = [float(s) for s in re.findall(r" (\S+) s$", attack("05", tmp_path), re.M)]
    assert len(seconds) == 12 and max(seconds) < 1


def test_a_text_imports_nothing(tmp_path):
    pytest.importorskip("antimony")
    said = attack("07", tmp_path)
    assert said.count("a text cannot import files") == 2 and "root" not in said.partition("Traceback")[0]


def test_a_smooth_relu_does_not_fail_for_the_reason_of_a_relu(tmp_path):
    pytest.importorskip("matplotlib")
    said = attack("09", tmp_path)
    assert '"verdict": "inconclusive"' in said and "derivative of a ReLU" not in said
