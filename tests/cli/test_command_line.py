"""All subcommands alike: options, help with examples that parse, and shell completion."""

import argparse
import ast
import shlex
import shutil
import subprocess
import sys

import pytest

from gillespie_nn.cli import COMMANDS, main, make_parser
from helpers.paths import ROOT

pytestmark = pytest.mark.fast

SUBPARSERS = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction)).choices


@pytest.mark.parametrize("name", SUBPARSERS)
def test_every_option_is_explained_and_there_is_json(name):
    actions = SUBPARSERS[name]._actions
    assert [a for a in actions if not a.help] == []
    options = {option for a in actions for option in a.option_strings}
    assert {"--help", "--json"} <= options
    if "--output" in options and name not in ("reproduce",):  # which goes on with what its folder holds
        assert "--overwrite" in options
    for option in options:
        assert option == option.lower() and "_" not in option


@pytest.mark.parametrize("name", SUBPARSERS)
def test_help_ends_with_examples_that_parse(name):
    _, _, examples = SUBPARSERS[name].epilog.partition("examples:\n")
    lines = examples.splitlines()
    assert lines
    for line in lines:
        words = shlex.split(line.partition(" > ")[0])
        assert words[:2] == ["gillespie-nn", name]
        if "--list" not in words:
            assert make_parser().parse_args(words[1:]).run.__module__.endswith(f".cli.{COMMANDS[name].module}")


def test_every_command_is_there():
    """Each module of the folder that has what a command needs is one, and the parser knows each."""
    modules = set()
    for path in (ROOT / "gillespie_nn" / "cli").glob("*.py"):
        functions = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        if {"add", "run"} <= functions:
            modules.add(path.stem)
    assert {command.module for command in COMMANDS.values()} == modules and len(modules) >= 12
    assert list(SUBPARSERS) == list(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_completion_script_is_sound_and_knows_every_command(shell, capsys, tmp_path):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    for name in SUBPARSERS:
        assert name in script.read_text()
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", script]).returncode == 0


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    "words, found",
    [(["ana"], "analyze"), (["analyze", "--conf"], "--confidence"), (["report", "run"], "run.h5")],
)
def test_bash_completes(words, found, capsys, tmp_path):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "run.h5").touch()
    ask = (
        f"source ./script; COMP_WORDS=(gillespie-nn {' '.join(words)}); COMP_CWORD={len(words)}; "
        "function=$(complete -p gillespie-nn | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $function; echo \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, cwd=tmp_path)
    assert found in done.stdout.split(), done.stderr


def test_an_unknown_shell_or_a_missing_extra_is_a_sentence(capsys, monkeypatch):
    assert main(["completion", "fish"]) == 2
    assert "unknown shell 'fish'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install shtab" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given, said",
    [
        ([], "nothing was saved, because --output was not given"),
        (["--output", "FILE"], "continue with: gillespie-nn resume FILE"),
        (["--output", "FILE", "--record", "moments"], "continue with: gillespie-nn resume FILE"),
        (["--output", "FILE", "--sweep", "t.csv"], "saved in FILE; run the same command again to continue"),
    ],
)
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(given, said, tmp_path, monkeypatch, capsys):
    def stopped(*_, **__):
        (tmp_path / "run.h5").touch()
        raise KeyboardInterrupt

    for name in ("simulate", "sweep"):
        monkeypatch.setattr(f"gillespie_nn.cli.simulate_command.{name}", stopped)
    (tmp_path / "model.txt").write_text("A -> 0 @ 1")
    path = str(tmp_path / "run.h5")
    given = [path if word == "FILE" else word for word in given]
    assert main(["simulate", str(tmp_path / "model.txt"), "--t-end", "1", *given]) == 130
    assert said.replace("FILE", path) in capsys.readouterr().err
