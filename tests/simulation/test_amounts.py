"""Initial amounts that are not whole: as they are in real numbers, rounded as asked where molecules are counted."""

import json
import warnings

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.api.simulate import Workers, execute, new_file
from gillespie_nn.cli import main
from gillespie_nn.simulation.run_options import Execution, RunOptions
from gillespie_nn.simulation.task import make_task
from helpers.checks_of_chance import accept, mean_is

TEXT = "out: A -> 0 @ 1\nin: B -> C @ 0.5\nA = 0.3\nB = 10.5\nC = 1000.25\nD = 7"
AMOUNTS = {"A": 0.3, "B": 10.5, "C": 1000.25, "D": 7}
SBML = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model substanceUnits="item"
extentUnits="item" timeUnits="second"><listOfCompartments><compartment id="c" size="2" spatialDimensions="3"
constant="true"/></listOfCompartments><listOfSpecies><species id="A" compartment="c" initialConcentration="0.15"
hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/></listOfSpecies></model></sbml>"""
BNGL = "begin species\n1 A() 0.3\nend species\nbegin reactions\n1 1 0 1\nend reactions\n"
HERE = {"t_end": 1e-9, "n_points": 2, "seed": 4}


def net():
    return gnn.ReactionNetwork.from_text(TEXT)


def start(**how):
    """Counts at time 0, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = gnn.simulate(net(), **{**HERE, **how})
    return result.counts[:, 0], [str(w.message) for w in said]


@pytest.mark.parametrize(
    "read", [lambda: gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 0.3"), lambda: gnn.ReactionNetwork.from_sbml(SBML),
             lambda: gnn.ReactionNetwork.from_bngl_net(BNGL),
             lambda: gnn.ReactionNetwork.from_antimony("A = 0.3; A -> ; A")],
    ids=["text", "sbml", "bngl_net", "antimony"],
)  # fmt: skip
def test_every_reader_keeps_real_amounts(read):
    network = read()
    assert network.initial["A"] == 0.3
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    assert gnn.ReactionNetwork.from_sbml(network.to_sbml()).initial == network.initial
    with pytest.raises(gnn.InputError, match="A = 0.3.*round_initial='nearest' or round_initial='random'"):
        network.counts()


@pytest.mark.parametrize("method", ["ode", "langevin", "linear_noise"])
def test_methods_in_real_numbers_take_them_as_they_are(method, tmp_path):
    found, said = start(method=method, volume=2.0)
    assert found[0] == pytest.approx(np.array(list(AMOUNTS.values())) / 2.0, rel=1e-15) and not said
    path = tmp_path / "run.h5"
    schedule = [(0.5, {"D": 0.25})]
    with gnn.simulate(net(), 1.0, 3, seed=1, method=method, schedule=schedule, output=path) as run:
        assert run.initial.tolist() == list(AMOUNTS.values())
        assert run.model == net() and run.of("D")[0].tolist() == [7, 0.25, 0.25]
    assert gnn.resume(path).of("A")[0, 0] == 0.3


def test_the_rate_equations_start_there():
    result = gnn.simulate(net(), 1.0, 2, method="ode")
    assert result.counts[0, 1] == pytest.approx(
        [0.3 * np.exp(-1), 10.5 * np.exp(-0.5), 1000.25 + 10.5 * (1 - np.exp(-0.5)), 7], rel=1e-7
    )


@pytest.mark.parametrize("method", ["direct", "rejection", "tau_leap", "auto"])
def test_methods_that_count_offer_to_round(method):
    with pytest.raises(
        gnn.InputError, match="has A = 0.3, B = 10.5, C = 1000.25, but counts of molecules must be whole"
    ) as caught:
        gnn.simulate(net(), method=method, **HERE)
    for offered in ("round_initial='nearest'", "round_initial='random'", "--round-initial", "ode, langevin"):
        assert offered in str(caught.value)
    with pytest.raises(gnn.InputError, match="unknown round_initial 'up': choose one of nearest, random"):
        gnn.simulate(net(), method=method, round_initial="up", **HERE)
    with pytest.raises(gnn.InputError, match="scheduled count of D must be a whole number"):
        gnn.simulate(net(), 1.0, method=method, round_initial="nearest", schedule=[(0.5, {"D": 0.5})])


@pytest.mark.parametrize("method", ["direct", "rejection", "tau_leap"])
def test_the_nearest_is_said_and_recorded(method):
    found, (said,) = start(method=method, round_initial="nearest", replicates=3)
    assert (found == [0, 10, 1000, 7]).all() and found.dtype == np.int64
    assert "to the nearest whole number: A = 0.3 to 0, B = 10.5 to 10, C = 1000.25 to 1000" in said


def test_less_than_one_percent_is_rounded_and_said_without_being_asked():
    small = {"A": 0, "B": 100.9}
    found, (said,) = start(initial=small)
    assert (found == [0, 101, 1000, 7]).all()
    assert "C = 1000.25 to 1000" in said and "B = 100.9 to 101" in said
    for refused in ({"A": 0, "B": 10.2}, {"A": 1e-9, "B": 10}):
        with pytest.raises(gnn.InputError, match="counts of molecules must be whole"):
            start(initial=refused)
    assert start(initial={"A": 0, "B": 10, "C": 1000})[1] == []


def test_at_most_five_are_named_the_most_changed_first():
    text = "\n".join(f"S{k} = {10**k + 0.25}" for k in range(8)) + "\nS1 -> 0 @ 1"
    with pytest.warns(UserWarning, match="S0 = 1.25 to 1, S1 = 10.25 to 10, .*S4 = 10000.2 to 10000 and 3 more"):
        gnn.simulate(gnn.ReactionNetwork.from_text(text), round_initial="nearest", **HERE)


def test_at_random_the_mean_is_kept_each_replicate_has_its_own():
    n = 4000
    found, (said,) = start(round_initial="random", replicates=n)
    assert "A = 0.3 to 0 or 1, B = 10.5 to 10 or 11" in said
    for k, (amount, low) in enumerate(((0.3, 0), (10.5, 10), (1000.25, 1000))):
        assert set(found[:, k].tolist()) == {low, low + 1}
        accept(mean_is(found[:, k], amount), f"the mean of an amount of {amount}")
    assert (found[:, 3] == 7).all()
    again, _ = start(round_initial="random", replicates=n, workers=2)
    assert (again == found).all()
    assert (start(round_initial="random", replicates=n, initial={"B": 4})[0][:, 0] == found[:, 0]).all()


def test_a_resumed_run_rounds_as_the_one_that_was_killed(tmp_path):
    path = tmp_path / "run.h5"
    asked = {"t_end": 0.1, "n_points": 2, "seed": 4, "replicates": 20, "round_initial": "random"}
    with pytest.warns(UserWarning, match="were rounded up with the probability"):
        whole = gnn.simulate(net(), **asked)
        task, reason = make_task(net(), RunOptions.of(asked))
        with new_file(path, task, reason) as file:
            execute(task, file, Workers(Execution()), False, range(7))
        with gnn.resume(path) as run:
            assert (run.counts[:] == whole.counts).all()
            assert run.arguments["round_initial"] == "random"
            assert run.initial.tolist() == list(AMOUNTS.values())


@pytest.mark.parametrize("record", ["moments", "quantiles"])
def test_moments_are_of_the_rounded(record, tmp_path):
    with pytest.warns(UserWarning, match="initial amounts were rounded"):
        result = gnn.simulate(net(), round_initial="nearest", record=record, replicates=40, **HERE)
        assert result.mean()[0].tolist() == [0, 10, 1000, 7]
        path = tmp_path / "moments.h5"
        with gnn.simulate(net(), round_initial="nearest", record=record, replicates=40, output=path, **HERE) as run:
            assert run.mean()[0].tolist() == [0, 10, 1000, 7]


def test_rows_of_a_sweep_and_certify_round_as_asked():
    with pytest.warns(UserWarning, match="initial amounts were rounded"):
        found = gnn.sweep(net(), {"A": [2.4, 2.6]}, round_initial="nearest", **HERE)
        assert [r.of("A")[0, 0] for r in found] == [2, 3]
        asked = {"t_end": 1e-9, "n_points": 1, "replicates": 30, "seed": 1, "species": "B"}
        (row,) = gnn.certify(net(), "tau_leap", round_initial="nearest", **asked).rows
        assert row.mean == row.reference_mean == 10
        (row,) = gnn.certify(net(), "ode", round_initial="nearest", **asked).rows
        assert row.mean == pytest.approx(10.5, rel=1e-6) and row.reference_mean == 10


def test_the_command_line_rounds_as_asked(tmp_path, capsys):
    path = tmp_path / "model.txt"
    path.write_text(TEXT)
    common = ["simulate", str(path), "--t-end", "1e-9", "--n-points", "2", "--seed", "1", "--json"]
    assert main(common) == 2
    assert "--round-initial" in capsys.readouterr().err
    assert main([*common, "--round-initial", "nearest"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["mean"] == [0, 10, 1000, 7]
    assert "rounded to the nearest whole number: A = 0.3 to 0" in err
    assert main([*common, "--method", "ode"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["mean"] == pytest.approx(list(AMOUNTS.values()))


def test_a_whole_amount_is_a_count_however_it_is_written():
    whole = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 10.0")
    assert whole.to_text().startswith("A = 10\n") and whole.counts().dtype == np.int64
    assert whole.digest == gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 10").digest
