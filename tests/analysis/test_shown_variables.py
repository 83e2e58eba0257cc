"""Variables of rate rules on the command line and in figures: shown first, in units that are theirs, set once."""

import json
import re

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import means, summary, summary_text
from gillespie_nn.analysis.run_report import MOST, final_state
from gillespie_nn.cli import main
from gillespie_nn.display.curves import choose
from gillespie_nn.verification import continuous_checks as continuous
from gillespie_nn.verification.check import LEAST_REPLICATES, LEVEL, method_class, verify
from gillespie_nn.verification.planted import not_restarted

# The variable moves least of all, and there are more species than a table or a figure has room for.
MANY = "\n".join(
    ["@parameter V = 1", "@rate V = 0.01 * V", "@rule twice = 2 * V"]
    + [f"S{k} -> T{k} @ propensity(V * S{k})\nS{k} = {100 + k}" for k in range(8)]
)
CELL = """@parameter V = 1
@rate V = 0.1 * V
0 -> A @ propensity(10 * V)
A -> 0 @ 1
"""
_SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
<model id="m" substanceUnits="item" extentUnits="item">
<listOfCompartments><compartment id="c" spatialDimensions="3" size="{size}" constant="{constant}"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialAmount="10" hasOnlySubstanceUnits="true"
 boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfRules>{rule}</listOfRules>
<listOfReactions><reaction id="make" reversible="false" fast="false"><listOfProducts>
<speciesReference species="A" stoichiometry="1" constant="true"/></listOfProducts><kineticLaw>
<math xmlns="http://www.w3.org/1998/Math/MathML"><cn>3</cn></math></kineticLaw></reaction></listOfReactions>
</model></sbml>"""
_GROWS = (
    '<rateRule variable="c"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn>0.05</cn><ci>c</ci>'
    "</apply></math></rateRule>"
)


def written(folder, text, name="model.txt"):
    (folder / name).write_text(text)
    return str(folder / name)


def rows(text):
    """Names in the first column of the table of the last recorded time."""
    _, _, table = text.partition("at t = ")
    return re.findall(r"^ *([A-Za-z]\w*) +-?[\d.]+", table, re.M)


def ended(arguments):
    """The exit code of a command line, whoever refuses it."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


def network(text):
    return gnn.ReactionNetwork.from_text(text)


@pytest.mark.parametrize("asked, shown", [("V", ["V"]), ("S0,V", ["V", "S0"]), ("t*", ["twice"])])
@pytest.mark.parametrize("more", [[], ["--replicates", "3"], ["--replicates", "3", "--record", "moments"]])
def test_the_summary_shows_the_names_of_species(asked, shown, more, tmp_path, capsys):
    model, run = written(tmp_path, MANY), str(tmp_path / "run.h5")
    assert main(["simulate", model, "--t-end", "1", "--seed", "1", "--species", asked, "--output", run, *more]) == 0
    simulated = capsys.readouterr().out
    assert main(["analyze", run]) == 0
    for text in (simulated, capsys.readouterr().out):
        assert rows(text) == shown


@pytest.mark.parametrize("more", [[], ["--record", "moments", "--replicates", "2"]])
def test_analyze_shows_the_names_asked_for_without_an_analysis(more, tmp_path, capsys):
    model, run = written(tmp_path, MANY), str(tmp_path / "run.h5")
    assert main(["simulate", model, "--t-end", "1", "--seed", "1", "--output", run, *more]) == 0
    capsys.readouterr()
    assert main(["analyze", run, "--species", "T3", "--species", "V"]) == 0
    assert rows(capsys.readouterr().out) == ["V", "T3"]
    assert main(["analyze", run, "--species", "X"]) == 2
    assert "unknown species 'X'" in capsys.readouterr().err


@pytest.mark.parametrize("record", ["trajectories", "events", "moments", "quantiles"])
def test_a_run_can_record_no_species_at_all(record, tmp_path):
    how = {"t_end": 1.0, "n_points": 3, "replicates": 4, "seed": 1, "record": record, "species": "V"}
    in_memory = gnn.simulate(network(MANY), **how)
    with gnn.simulate(network(MANY), output=tmp_path / "run.h5", **how) as in_file:
        for found in (in_memory, in_file):
            assert found.quantities == ("V", "twice") or found.quantities == ("twice", "V")
            np.testing.assert_array_equal(
                found.mean("V"), gnn.simulate(network(MANY), **how | {"species": None}).mean("V")
            )
            assert "twice" not in found._repr_html_() and "V" in found._repr_html_()
            assert choose(found, (), 8) == ("V",) and means(found).names == ("V",)
            assert rows(final_state(found).table(1.0, "molecules").text()) == ["V"]
        assert rows(summary_text(summary(in_file))) == ["V"]


def test_a_file_without_names_of_species_that_were_asked_for_is_damaged(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "run.h5"
    gnn.simulate(network(MANY), 1.0, 3, seed=1, species="V", output=path).close()
    with h5py.File(path, "r+") as file:
        arguments = json.loads(file.attrs["arguments"])
        assert arguments["species"] == ["V"]
        file.attrs["arguments"] = json.dumps(arguments | {"species": ["V", "S1"]})
    with pytest.raises(gnn.GillespieError, match="/species does not match the names in the model"):
        gnn.open_run(path)


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_variables_of_rate_rules_come_first(record, tmp_path, capsys):
    model, run = written(tmp_path, MANY), str(tmp_path / "run.h5")
    how = ["--t-end", "1", "--seed", "1", "--replicates", "2", "--record", record]
    assert main(["simulate", model, *how, "--output", run]) == 0
    simulated = capsys.readouterr().out
    assert main(["analyze", run]) == 0
    for text in (simulated, capsys.readouterr().out):
        assert rows(text)[0] == "V" and len(rows(text)) == MOST
        assert f"1 variable of rate rules and the {MOST - 1} of 17 other quantities that changed most" in text
        assert "[species: molecules]" in text  # V is not in molecules
    with gnn.open_run(run) as found:
        assert choose(found, (), 8)[0] == "V" and len(choose(found, (), 8)) == 8
        assert means(found).names[0] == "V" and len(means(found).names) == 8
        assert found._repr_html_().index(">V<") < min(found._repr_html_().index(f">S{k}<") for k in range(4, 8))


def test_of_many_variables_those_that_moved_most_are_shown():
    text = "\n".join(f"@parameter x{k} = 1\n@rate x{k} = {k}" for k in range(12)) + "\n0 -> A @ 1000"
    table = final_state(gnn.simulate(network(text), 1.0, 2, seed=1)).table(1.0, "molecules").text()
    assert rows(table) == [f"x{k}" for k in range(2, 12)]
    assert f"the {MOST} of 12 variables of rate rules that changed most" in table


@pytest.mark.parametrize("size, constant, rule, units", [
    (1, "false", _GROWS, "molecules"), (2, "false", _GROWS, "molecules"), (2, "true", "", "concentration"),
])  # fmt: skip
def test_amounts_of_ode_are_not_called_concentrations(size, constant, rule, units, tmp_path, capsys):
    text = _SBML.format(size=size, constant=constant, rule=rule)
    if not rule:
        text = text.replace("<listOfRules></listOfRules>", "")
    path, run = written(tmp_path, text, "cell.xml"), tmp_path / "run.h5"
    net = gnn.ReactionNetwork.from_file(path)
    in_memory = gnn.simulate(net, 2.0, 3, method="ode")
    amount = 16.0 if units == "molecules" else 16.0 / size
    assert in_memory.of("A")[0, -1] == pytest.approx(amount) and in_memory.units == units
    assert main(["simulate", path, "--t-end", "2", "--method", "ode", "--output", str(run)]) == 0
    assert main(["analyze", str(run)]) == 0
    out = capsys.readouterr().out
    assert out.count(f"{units}]:") == 2 and "fired" not in out
    with gnn.open_run(run) as in_file:
        assert in_file.units == units and in_file.to_csv() is not None
    pytest.importorskip("matplotlib")
    label = {"molecules": "count [molecules]", "concentration": "concentration"}[units]
    assert in_memory.plot(names=["A"]).get_ylabel() == label


@pytest.mark.parametrize("volume, units", [(None, "molecules"), (3.0, "concentration")])
def test_a_volume_with_a_rate_rule_is_no_omega(volume, units):
    run = gnn.simulate(network(CELL), 1.0, 2, method="ode", volume=volume)
    assert run.units == units
    with pytest.warns(UserWarning, match=rf"A fell to .* \[{units}\] before"):
        gnn.simulate(
            network(CELL.replace("A -> 0 @ 1", "A -> 0 @ propensity(30)")), 1.0, 2, method="ode", volume=volume
        )


def test_a_method_without_molecules_masks_and_counts_nothing():
    run = gnn.simulate(network(f"@volume 1\n{CELL}"), 1.0, 2, method="ode")
    assert run.units == "molecules" and not run._has_firings and run.counts.dtype == np.float64
    exact = gnn.simulate(network(f"@volume 1\n{CELL}"), 1.0, 2, seed=1)
    moments = gnn.simulate(network("@volume 1\nA -> 0 @ 1\nA = 9"), 1, 2, method="langevin", record="moments", seed=1)
    assert exact._has_firings and moments.units == "molecules" and not moments._has_firings


def test_a_start_is_set_once(tmp_path, capsys):
    net, message = network(CELL), "V has a rate rule, and both initial and parameters set its value at time 0"
    for call in (
        lambda: gnn.simulate(net, 1.0, initial={"V": 2}, parameters={"V": 3}),
        lambda: gnn.sweep(net, {"V": [1, 2]}, 1.0, 2, initial={"V": 2}),
        lambda: gnn.sweep(net, {"A": [1, 2]}, 1.0, 2, initial={"V": 2}, parameters={"V": 3}),
        lambda: gnn.certify(net, "direct", 1.0, initial={"V": 2}, parameters={"V": 3}),
    ):
        with pytest.raises(gnn.InputError, match=message):
            call()
    model = written(tmp_path, CELL)
    for command in (["simulate"], ["certify", "--method", "direct"]):
        given = ["--t-end", "1", "--initial", "V=2", "--parameter", "V=3"]
        assert main([command[0], model, *command[1:], *given]) == 2
        assert message in capsys.readouterr().err
    both = gnn.simulate(net, 1.0, 2, seed=1, initial={"A": 5}, parameters={"V": 3})  # of different names
    assert both.of("V")[0, 0] == 3 and both.of("A")[0, 0] == 5


def test_an_unknown_start_names_the_variables_too():
    with pytest.raises(gnn.InputError, match="unknown species 'W' in the initial state: the network has A, V"):
        gnn.simulate(network(CELL), 1.0, initial={"W": 2})


def test_certify_takes_another_start_of_a_variable():
    found = gnn.certify(network(CELL), "direct", 1.0, n_points=1, replicates=100, seed=1, initial={"V": 2})
    assert found.verdict


@pytest.mark.parametrize("words, message", [
    ("{m} --parameter a=0 b=1", "--parameter takes one NAME=X: write --parameter a=0 --parameter b=1;"),
    ("--parameter a=0 b=1 {m}", "--parameter takes one NAME=X: write --parameter a=0 --parameter b=1;"),
    ("{m} --parameter a=0 b=1 c=2 --seed 1", "write --parameter a=0 --parameter b=1 --parameter c=2;"),
    ("{m} --parameter a=0,b=1", "got 'a=0,b=1'; for several, write --parameter a=0 --parameter b=1"),
    ("{m} --initial A=1 B=2", "--initial takes one NAME=N: write --initial A=1 --initial B=2;"),
    ("{m} --initial A 5", "--initial takes NAME=N: write --initial A=5;"),
    ("--initial A 5 {m}", "--initial takes NAME=N: write --initial A=5;"),
    ("{m} --rate r1=1 r2=2", "--rate takes one NAME=K: write --rate r1=1 --rate r2=2;"),
    ("{m} --schedule 1 V=2", "write --schedule '1 V=2';"),
    ("{m} --species A B", "--species takes one 'A,C*': write --species A --species B;"),
    ("{m} --seed 1 2", "unknown argument '2'"),
])  # fmt: skip
def test_several_values_behind_one_flag_get_the_line_to_write(words, message, tmp_path, capsys):
    model = written(tmp_path, CELL)
    assert ended(["simulate", *words.format(m=model).split(), "--t-end", "1"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", [
    "@parameter W = 1\nW = 3\n0 -> A @ propensity(W)", "W = 3\n@parameter W = 1\n0 -> A @ propensity(W)",
    "@parameter W = 1\nW = 3\n@rate W = 0.1\n0 -> A @ 1",
])  # fmt: skip
def test_an_amount_of_a_parameter_says_what_to_write(text):
    line = text.splitlines().index("W = 3") + 1
    with pytest.raises(gnn.InputError, match=rf"^line {line}, column 1: W is a parameter, .* `@parameter W = 3` for a"):
        network(text)


def test_few_replicates_verify_nothing():
    with pytest.raises(gnn.InputError, match=r"at least 1000, got 500: with fewer, the tests miss errors"):
        verify([continuous.ContinuousVariables], replicates=500)
    case, method = "driven by a switch", method_class("rejection")
    n_values = 18  # of the check: 9 p-values for each of its two methods
    caught = [
        min(o.p for o in continuous.outcomes(case, not_restarted(method), LEAST_REPLICATES, seed)) for seed in range(3)
    ]
    assert np.median(caught) * n_values < LEVEL
