"""The README's script runs as written, and the README names every case, method and extra."""

import configparser
import re

from test_layout import ROOT

from gillespie_nn.datasets import CASES
from gillespie_nn.noise import KINDS
from gillespie_nn.simulation import LEVELS, METHODS

TEXT = (ROOT / "README.md").read_text()


def test_the_scripts_run_as_written(capsys):
    first, second, ensembles, third, fourth = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(first, "README.md", "exec"), {})
    assert "(100, 101, 2)" in capsys.readouterr().out
    exec(compile(second, "README.md", "exec"), {})
    assert "[40.  5.]" in capsys.readouterr().out
    exec(compile(ensembles, "README.md", "exec"), {})
    assert "{'make': 20, 'A': 40} [39" in capsys.readouterr().out
    exec(compile(third, "README.md", "exec"), {})
    memory, exact, seen = map(float, capsys.readouterr().out.split())
    assert 0.5 < memory < 2 and exact <= seen
    exec(compile(fourth, "README.md", "exec"), {})
    assert capsys.readouterr().out.count("[[") == 2


def test_every_case_method_and_extra_is_named():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = [e for e in config["options.extras_require"] if e != "test"]
    for name in (
        [f"`{c.name}`" for c in CASES]
        + [f"`{m.name}`" for m in (*METHODS, *LEVELS, *KINDS)]
        + [f"[{e}]" for e in extras[:3]]
    ):
        assert name in TEXT, name


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("http") or (ROOT / target).exists(), target
