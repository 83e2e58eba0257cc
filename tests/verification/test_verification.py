"""`verify-methods`: right methods hold, planted errors fail, and cases that cannot be simulated are not passed over."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main, verify_methods_command
from gillespie_nn.simulation import methods
from gillespie_nn.simulation.methods import Direct
from gillespie_nn.verification import CHECKS, verify
from gillespie_nn.verification import planted as planted_errors
from gillespie_nn.verification.planted import PlantedErrors

QUICK = {"replicates": 2000, "seed": 3}


class Slow(Direct):
    """Every reaction at 0.9 of its rate, under the name of `direct`."""

    def __init__(self, network, rates, *rest, **options):
        super().__init__(network, 0.9 * rates, *rest, **options)


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(methods, "METHODS", (Slow,))


def _suite(folder, mean=None):
    """One case of the suite's format: immigration and death, Poisson with mean 10 (1 - exp(-t / 2))."""
    pytest.importorskip("libsbml")
    case = folder / "00001"
    case.mkdir()
    gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5").to_sbml(case / "00001-sbml-l3v1.xml", volume=1.0)
    time = np.arange(0, 11.0)
    mean = 10 * (1 - np.exp(-time / 2)) if mean is None else mean(time)
    rows = [f"{t:g},{m:.5f},{np.sqrt(m):.5f}" for t, m in zip(time, mean, strict=True)]
    (case / "00001-results.csv").write_text("time,A-mean,A-sd\n" + "\n".join(rows) + "\n\n")
    (case / "00001-settings.txt").write_text("start: 0\nmeanRange: (-3, 3)\nsdRange: (-5, 5)\n")
    return case


@pytest.mark.parametrize("check", CHECKS[:2], ids=lambda c: c.name)
def test_a_planted_error_fails(check, planted):
    found = verify([check], ["direct"], **QUICK)
    assert found["verdict"] == "fails" and found["rejected"]


def test_right_methods_hold_on_the_closed_forms():
    """False-alarm rate 1e-4 for the run, by Bonferroni; not counted with the checks of the suite's own level."""
    found = verify(CHECKS[:1], ["rejection", "next_reaction"], **QUICK)
    assert found["verdict"] == "holds" and found["n_p_values"] == 14


def test_a_case_of_the_sbml_suite_holds_and_a_wrong_one_fails(tmp_path, capsys):
    _suite(tmp_path)
    command = [
        "verify-methods",
        "--sbml-suite",
        str(tmp_path),
        "--method",
        "rejection",
        "--replicates",
        "4000",
        "--json",
    ]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["verdict"] == "holds" and found["outcomes"][0]["points"] == 20
    other = tmp_path / "other"
    other.mkdir()
    _suite(other, lambda t: 9.5 * (1 - np.exp(-t / 2)))
    command[2] = str(other)
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verdict"] == "fails"


def test_what_cannot_be_simulated_was_not_run(tmp_path, capsys):
    case = _suite(tmp_path)
    (case / "00001-sbml-l3v1.xml").write_text("<sbml/>")
    assert main(["verify-methods", "--sbml-suite", str(tmp_path), "--method", "direct"]) == 3
    assert "not run: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "nothing to run"),
        (["--check", "closed-form"], "closed-forms"),
        (["--all", "--method", "directt"], "direct"),
        (["--sbml-suite", "nowhere"], "nowhere"),
        (["--check", "closed-forms", "--replicates", "5"], "replicates"),
    ],
)
def test_bad_input_is_named(arguments, word, capsys):
    assert main(["verify-methods", *arguments]) == 2
    assert word in capsys.readouterr().err


def test_the_list_names_checks_and_methods(capsys):
    assert main(["verify-methods", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(c.name in out for c in CHECKS) and "layered" in out


@pytest.mark.parametrize("plant", planted_errors.PLANTS, ids=lambda p: p.what)
def test_every_planted_error_is_caught(plant, monkeypatch):
    """In the default method; the command `verify-methods --check planted-errors` takes all of them."""
    monkeypatch.setattr(planted_errors, "PLANTS", (plant,))
    found = verify([PlantedErrors], ["rejection"], replicates=5000, seed=3)
    assert found["verdict"] == "holds" and [row["p"] for row in found["outcomes"]] == [1.0]


def test_a_plant_that_changes_nothing_is_reported_as_missed(monkeypatch):
    kept = planted_errors.PLANTS[0]._replace(plant=lambda base: base)
    monkeypatch.setattr(planted_errors, "PLANTS", (kept,))
    assert verify([PlantedErrors], ["direct"], **QUICK)["verdict"] == "fails"


def test_all_leaves_out_what_it_has_no_means_for_and_says_so(capsys, monkeypatch):
    monkeypatch.setattr(verify_methods_command, "verify", lambda selected, *_, **__: pytest.fail(str(selected)))
    with pytest.raises(pytest.fail.Exception) as found:
        main(["verify-methods", "--all"])
    assert "SbmlSuite" not in str(found.value) and "MasterEquation" in str(found.value)
    assert "sbml-suite: skipped, no folder given" in capsys.readouterr().out


@pytest.mark.parametrize("name, word", [("ladder", "figure format"), ("there.png", "exists")])
def test_the_figure_of_the_ladder_is_refused_before_it_is_measured(name, word, tmp_path, capsys):
    (tmp_path / "there.png").touch()
    assert main(["verify-methods", "--ladder", "--output", str(tmp_path / name)]) == 2
    assert word in capsys.readouterr().err
