"""The check over a folder in the form of the SBML semantic test suite, with cases made here."""

import json

import numpy as np
import pytest

from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.verification.sbml_suites import settings
from helpers.sbml_documents import math
from helpers.sbml_parts import document, initial, parameter, rate, reaction, reference, rule, species


def case(folder, name, text, values, amounts="", concentrations=""):
    """A case of variables with expected `values(t)` by name, at 0, 0.5, ..., 2."""
    where = folder / name
    where.mkdir()
    (where / f"{name}-sbml-l3v2.xml").write_text(text)
    (where / f"{name}-settings.txt").write_text(
        f"start: 0\nduration: 2\nsteps: 4\nvariables: {', '.join(values)}\nabsolute: 1e-7\nrelative: 0.0001\n"
        f"amount: {amounts}\nconcentration: {concentrations}\n"
    )
    time = np.linspace(0, 2, 5)
    columns = [np.broadcast_to(value(time), 5) for value in values.values()]
    rows = [f"{t},{','.join(map(repr, map(float, row)))}" for t, *row in zip(time, *columns)]
    (where / f"{name}-results.csv").write_text("\n".join([f"time,{','.join(values)}", *rows]) + "\n")


def verified(folder, capsys):
    code = main(["verify-methods", "--check", "sbml-semantic", "--folder", str(folder), "--json"])
    *lines, last = capsys.readouterr().out.splitlines()
    return code, json.loads(last), lines


def growing():
    """n' = -n in a compartment V = 2 exp(t), with a constant and the rate of the reaction."""
    go = reaction("A * cell", [reference("A")])
    return document(
        [parameter("p", 3, "true"), parameter("q")], [species("A", concentration=5, units="false")],
        [rate("cell", "cell"), rule("q", "INF")], [go], size=2, initials=[initial("p", "7")],
    )  # fmt: skip


def expected(scale=1.0):
    return {
        "A": lambda t: scale * 5 * np.exp(-2 * t), "cell": lambda t: 2 * np.exp(t), "p": lambda t: 7.0,
        "go": lambda t: 10 * np.exp(-t), "q": lambda t: np.inf,
    }  # fmt: skip


def test_a_case_passes_within_its_tolerances_and_only_there(tmp_path, capsys):
    case(tmp_path, "00001", growing(), expected(1.00005), concentrations="A")
    case(tmp_path, "00002", growing(), {"A": lambda t: 10 * np.exp(-t)}, amounts="A")
    code, found, lines = verified(tmp_path, capsys)
    assert code == 0 and found["verdict"] == "holds" and [row["p"] for row in found["outcomes"]] == [1.0, 1.0]
    assert any(line.split() == ["holds", "2"] for line in lines)
    case(tmp_path, "00003", growing(), expected(1.001), concentrations="A")
    case(tmp_path, "00004", growing(), expected() | {"q": lambda t: 1e300}, concentrations="A")
    code, found, lines = verified(tmp_path, capsys)
    assert code == 1 and [row["what"] for row in found["rejected"]] == ["00003", "00004"]
    assert "fails: 00003, 00004" in lines


def test_refusals_are_counted_by_their_part_and_others_are_not_simulated(tmp_path, capsys):
    case(tmp_path, "00001", growing(), expected(), concentrations="A")
    delayed = document([parameter("x", 1)], rules=[rate("x", "delay(x, 1)")])
    unsolved = document(
        [parameter("x"), parameter("y", 1, "true")], rules=["<algebraicRule>" + math("x^2 - y") + "</algebraicRule>"]
    )
    case(tmp_path, "00002", delayed, {"x": lambda t: t})
    case(tmp_path, "00003", unsolved, {"x": lambda t: t})
    code, found, lines = verified(tmp_path, capsys)
    assert code == 0 and [row["reason"] for row in found["refused"]] == [
        "delay() in formulas", "algebraic rules without an explicit solution",
    ]  # fmt: skip
    assert any(line.startswith("refused: delay() in formulas") and line.endswith(" 1") for line in lines)
    case(tmp_path, "00004", "<sbml/>", {"x": lambda t: t})
    code, found, _ = verified(tmp_path, capsys)
    assert code == 3 and [row["what"] for row in found["not_simulated"]] == ["00004"]


def test_what_is_missing_is_named(tmp_path, capsys):
    assert main(["verify-methods", "--check", "sbml-semantic", "--folder", str(tmp_path)]) == 2
    assert "contains no cases" in capsys.readouterr().err
    assert main(["verify-methods", "--check", "sbml-semantic"]) == 3
    assert "use --folder DIR" in capsys.readouterr().out
    (tmp_path / "s.txt").write_text("start: 0\nsteps: many\n")
    with pytest.raises(InputError, match="is not a file of settings"):
        settings(tmp_path / "s.txt")
