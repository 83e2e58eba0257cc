"""What the README promises: it is short, its scripts run, its commands run in order after the quickstart, its
figures are those of the benchmarks, and what it leaves out stands in the pages."""

import configparser
import re
import shlex

import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import COMMANDS, main, make_parser
from gillespie_nn.datasets import CASES
from gillespie_nn.noise import KINDS
from gillespie_nn.simulation import METHODS, ONLY_TRAINING
from helpers.pages import blocks, commands
from helpers.paths import DOCS, ROOT

README = ROOT / "README.md"
TEXT = README.read_text()
PAGES = {
    "methods.md": [m.name for m in (*METHODS, *ONLY_TRAINING)],
    "training.md": [c.name for c in CASES],
    "noise.md": [k.name for k in KINDS],
    "models.md": ["to_sbml", "to_text", "from_antimony", "from_bngl_net"],
}
"""Where each name must stand."""


def test_it_is_short():
    assert len(README.read_bytes()) <= 9000


def test_the_scripts_run_as_written(capsys, monkeypatch):
    """The training is cut short: the quickstart trains in full."""
    scripts = [block.text for block in blocks(README) if block.language == "python"]
    assert len(scripts) == 2
    exec(compile(scripts[0], "README.md", "exec"), {})
    what, _, shape, *table = capsys.readouterr().out.splitlines()
    assert what.startswith("Result: 100 replicates") and "mass-action rate" in table[0]
    assert shape.startswith("(100, 101) ") and 35 < float(shape.split()[-1]) < 45
    train = gnn.train
    monkeypatch.setattr(gnn, "train", lambda *args, **settings: train(*args, **settings, presentations=20))
    exec(compile(scripts[1], "README.md", "exec"), {})
    assert capsys.readouterr().out.count("[") == 3


def test_the_commands_run_in_order(tmp_path, monkeypatch, capsys):
    """Training is cut short here, too."""
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    monkeypatch.chdir(tmp_path)
    lines = "".join(block.text for block in blocks(README) if not block.language).splitlines()
    ran = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("gillespie-nn ")]
    assert len(ran) >= 7
    for line in ran:
        line = [*line, "--presentations", "3"] if line[0] == "train" else line
        line = ["10" if word == "200" else word for word in line]
        assert main(line) == 0, (line, capsys.readouterr().err)
    assert (tmp_path / "runs" / "iris.html").is_file()


def test_the_parser_takes_every_command():
    lines = [shlex.split(line, comments=True)[1:] for line in commands(README)]
    parsed = [make_parser().parse_args(words) for words in lines if words != ["--cite"]]  # which ends the process
    # Each by the module of its command.
    modules = [args.run.__module__.rpartition(".")[2] for args in parsed]
    assert modules == [COMMANDS[words[0]].module for words in lines if words != ["--cite"]]
    assert len(set(modules)) >= 5


def test_scripts_that_it_names_exist():
    scripts = re.findall(r"^sh (\S+)", TEXT, re.MULTILINE)
    assert len(scripts) >= 2 and [script for script in scripts if not (ROOT / script).is_file()] == []


def test_names_that_it_leaves_out_stand_in_the_pages():
    for page, names in PAGES.items():
        text = (DOCS / page).read_text()
        for name in names:
            assert f"`{name}" in text, f"{page} does not name {name}"


def test_every_extra_is_named():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = set(config["options.extras_require"]) - {"test"}
    assert len(extras) >= 8
    for extra in extras:
        assert re.search(rf"[`\[,]{extra}[`\],]", TEXT), extra


def test_its_table_of_speed_is_that_of_the_benchmarks():
    """Events a second in millions, and how many times faster, of 16-16-10."""
    theirs = {}
    for row in re.findall(r"^\| 16-16-10.*\|$", (DOCS / "benchmarks.md").read_text(), re.MULTILINE):
        _, program, _, _, rate, _, times = (cell.strip() for cell in row.strip("|").split("|"))
        theirs[re.sub(r"[ ,\d.]+(direct method)?$", "", program).removesuffix(",")] = (float(rate) / 1e6, times)
    ours = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.,]+) \|$", TEXT, re.MULTILINE)
    assert len(ours) >= 4
    for program, rate, times in ours:
        name = re.sub(r"[ ,\d.]+(exact|direct method)?$", "", program).removesuffix(",")
        assert theirs[name] == (pytest.approx(float(rate)), times), program
