"""Rate constants and initial amounts by pattern, in runs, sweeps, training and on the command line; parameters of
models of every format by name."""

import json

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.crn.names import by_pattern
from helpers.interrupted_runs import interrupted, train
from helpers.run_files import same

NET = gnn.ReactionNetwork.from_text(
    "up_1: A -> B @ 1\nup_2: B -> C @ 2\ndown: C -> A @ 3\nA = 10\n@rule total = A + B\nS = 0\n@rule S = A"
)
ANTIMONY = "S1 -> S2; kon*S1 - koff*S2\nkon = 0.5; koff = 2*kon; S1 = 20; S2 = 0"


@pytest.mark.parametrize(
    "rates, expected",
    [
        ({"up_*": 5}, [5, 5, 3]),
        ({"up_1": 7, "up_*": 5}, [7, 5, 3]),
        ({"up_*": 5, "up_1": 7}, [7, 5, 3]),
        ({"*": 4, "up_?": 5, "*_2": 6}, [5, 6, 4]),
        ({"up_[1]": 5}, [5, 2, 3]),
    ],
)
def test_exact_names_win_over_patterns_and_later_patterns_over_earlier_ones(rates, expected):
    assert NET.rates(rates).tolist() == expected
    result = gnn.simulate(NET, 0.1, 2, rates=rates, seed=1)
    same_rates = dict(zip(NET.reaction_index, expected))
    np.testing.assert_array_equal(result.counts, gnn.simulate(NET, 0.1, 2, rates=same_rates, seed=1).counts)


def test_patterns_of_initial_amounts_leave_out_what_rules_give():
    assert dict(zip(NET.species, NET.amounts({"*": 4, "B": 5}).tolist())) == {"A": 4, "B": 5, "C": 4, "S": 0}
    with pytest.raises(gnn.InputError, match="the count of S is given by a rule"):
        NET.amounts({"S": 1})


def test_patterns_of_scheduled_counts_leave_out_what_rules_give():
    result = gnn.simulate(NET, 1.0, 2, schedule=[(1.0, {"count:*": 4, "B": 5})], seed=1)
    assert result.counts[0, -1].tolist() == [4, 5, 4, 4]
    with pytest.raises(gnn.InputError, match="the count of S is given by a rule, so it cannot be scheduled"):
        gnn.simulate(NET, 1.0, schedule=[(1.0, {"count:S": 1})])


def test_a_pattern_that_matches_nothing_is_refused_with_what_there_is():
    with pytest.raises(
        gnn.InputError, match="no reaction in rates matches 'upp_.*did you mean 'up_2'.*: the network has up"
    ):
        NET.rates({"upp_*": 1})
    with pytest.raises(gnn.InputError, match="no species in the initial state matches 'X.': the network has A, B, C"):
        NET.amounts({"X*": 1})
    with pytest.raises(gnn.InputError, match="rate of up_1 must be at least 0"):
        NET.rates({"up*": -1})
    assert by_pattern("thing", {}, ()) == {}


def test_the_command_takes_patterns(tmp_path, capsys):
    (tmp_path / "m.txt").write_text(NET.to_text())
    shell = ["simulate", str(tmp_path / "m.txt"), "--t-end", "0.1", "--seed", "1", "--output", str(tmp_path / "r.h5")]
    assert main([*shell, "--rate", "up_*=5", "--rate", "up_2=6", "--initial", "[AB]=4"]) == 0
    with gnn.open_run(tmp_path / "r.h5") as run:
        assert run.rates.tolist() == [5, 6, 3] and run.initial.tolist() == [4, 4, 0, 0]
    capsys.readouterr()
    assert main([*shell, "--overwrite", "--rate", "upp_*=5"]) == 2
    assert "no reaction in rates matches 'upp_*' (did you mean 'up_" in capsys.readouterr().err


def test_columns_of_a_sweep_can_be_patterns_and_win_over_what_holds_for_every_row():
    table = {"up_*": [5.0, 6.0], "up_2": [8.0, 9.0], "initial:[AC]": [1, 2]}
    found = gnn.sweep(NET, table, 1.0, 3, seed=1, rates={"up_1": 100, "down": 0.5}, initial={"A": 50, "B": 3})
    for row, result in enumerate(found):
        values = {name: values[row] for name, values in table.items()}
        alone = gnn.simulate(
            NET, 1.0, 3, seed=result.seed, rates={"up_1": values["up_*"], "up_2": values["up_2"], "down": 0.5},
            initial={"A": values["initial:[AC]"], "C": values["initial:[AC]"], "B": 3},
        )  # fmt: skip
        np.testing.assert_array_equal(result.counts, alone.counts)
    with pytest.raises(gnn.InputError, match="unknown column 'X.' of the sweep|unknown column of the sweep 'X."):
        gnn.sweep(NET, {"X*": [1]}, 1.0)
    with pytest.raises(gnn.InputError, match="'.' of the sweep has 2 meanings in the model: write rate:. or initial:."):
        gnn.sweep(NET, {"*": [1]}, 1.0)


def test_a_grid_is_the_table_of_all_combinations():
    text = gnn.ReactionNetwork.from_text("@parameter k = 1\nbind: A <-> B @ k, 2 * k\nA = 10")
    found = gnn.sweep(text, grid={"k": [1, 2], "A": (5, 6, 7)}, t_end=1.0, n_points=2, seed=4)
    assert found.table.names == ("k", "A") and len(found) == 6
    rows = {"k": [1, 1, 1, 2, 2, 2], "A": [5, 6, 7, 5, 6, 7]}
    for one, other in zip(found, gnn.sweep(text, rows, 1.0, 2, seed=4)):
        np.testing.assert_array_equal(one.counts, other.counts)
    assert found[3].counts[0, 0].tolist() == [5, 0]
    with pytest.raises(gnn.InputError, match="differ in length: .*for all combinations use grid"):
        gnn.sweep(text, {"k": [1, 2], "A": [1]}, 1.0)
    for wrong, what in (
        ({}, "at least one name"),
        ({"k": []}, "has no values"),
        ({"k": 3}, "must be a list"),
        ([1], "grid"),
    ):
        with pytest.raises(gnn.InputError, match=what):
            gnn.sweep(text, grid=wrong, t_end=1.0)
    for both in ({"table": {"k": [1]}, "grid": {"k": [1]}}, {}):
        with pytest.raises(gnn.InputError, match="give either table, .* or grid"):
            gnn.sweep(text, t_end=1.0, **both)


def _models():
    text = gnn.ReactionNetwork.from_text("@parameter kon = 0.5\nJ: S1 <-> S2 @ kon, 2 * kon\nS1 = 20")
    yield "text", text
    for name, extra in (("antimony", "antimony"), ("sbml", "libsbml")):
        try:
            __import__(extra)
            yield name, (gnn.ReactionNetwork.from_antimony(ANTIMONY) if name == "antimony" else
                         gnn.ReactionNetwork.from_sbml(text.to_sbml()))  # fmt: skip
        except ImportError:
            pass


def test_a_parameter_is_set_in_a_run_and_swept_in_models_of_every_format():
    for name, net in _models():
        changed = gnn.simulate(net, 1.0, 3, parameters={"kon": 3}, seed=1, volume=None)
        direct = gnn.simulate(net.with_parameters(kon=3), 1.0, 3, seed=1)
        np.testing.assert_array_equal(changed.counts, direct.counts)
        assert sorted(net.with_parameters(kon=3).rates().tolist()) == [3.0, 6.0], name
        found = gnn.sweep(net, {"kon": [0.5, 3]}, 1.0, 3, seed=1)
        np.testing.assert_array_equal(found[1].counts, gnn.simulate(net, 1.0, 3, parameters={"kon": 3},
                                                                    seed=found[1].seed).counts)  # fmt: skip
        with pytest.raises(gnn.InputError, match="unknown parameter 'kin' .did you mean 'kon'.*: the network has"):
            gnn.simulate(net, 1.0, parameters={"kin": 3})
        with pytest.raises(gnn.InputError, match="unknown column.*did you mean 'kon'"):
            gnn.sweep(net, {"kin": [3]}, 1.0)


RATES = {"update_*": 0.02, "update_W1_0_0*": 0.0}


def test_training_takes_rates_by_pattern_and_resumes_with_them(tmp_path, monkeypatch):
    whole = train(tmp_path / "whole.h5", rates=RATES)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, rates=RATES)
    resumed = gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    learner = resumed.plan.learner
    assert set(learner.changed_rates.values()) == {0.02, 0.0} and resumed.plan.options.rates == RATES
    assert (resumed.weights != train(None).weights).any()
    fixed = [k for k, pair in enumerate(whole.spec.weights) if pair.plus == "W1_0_0_p"]
    np.testing.assert_array_equal(whole.last_weights[fixed], learner.initial_weights[fixed])
    with h5py.File(tmp_path / "whole.h5") as file:
        np.testing.assert_array_equal(file["model/rates"][:], learner.rates)
        assert json.loads(file["training"].attrs["arguments"])["rates"] == RATES


def test_a_prediction_by_simulation_uses_the_rates_of_the_training():
    """With a slow activation the hidden layer has not come to its value: the outputs are others."""
    slow = train(None, rates={"activation_*": 1e-9}, predict=True)
    assert not np.array_equal(slow.chemical, slow.predict(slow.plan.dataset.test_x, weights=train(None).weights))
    network = slow.spec.network
    assert {r.name for r, k in zip(network.reactions, slow.plan.learner.rates) if k != r.rate} == {
        r.name for r in network.reactions if r.name.startswith("activation_")
    }


def test_the_training_command_takes_rates_and_levels_in_floating_point_refuse_them(tmp_path, capsys):
    short = ["train", "xor", "--presentations", "3", "--volume", "50", "--running-time", "1", "--seed", "0"]
    assert main([*short, "--rate", "update_*=0.02", "--output", str(tmp_path / "x.h5")]) == 0
    assert gnn.load_fit(tmp_path / "x.h5").plan.options.rates == {"update_*": 0.02}
    capsys.readouterr()
    assert main([*short, "--rate", "updat_*=0.02"]) == 2
    assert "did you mean 'update_" in capsys.readouterr().err
    assert main([*short, "--rate", "update_*=0.02", "--method", "gradient_descent"]) == 2
    assert "gradient_descent learns in floating point and has no reactions: leave rates out" in capsys.readouterr().err


def test_files_from_before_the_option_are_resumed_with_its_default(tmp_path, monkeypatch):
    train(tmp_path / "whole.h5")
    interrupted(tmp_path / "cut.h5", monkeypatch, 14)
    with h5py.File(tmp_path / "cut.h5", "a") as file:
        arguments = json.loads(file["training"].attrs["arguments"])
        assert arguments.pop("rates") is None
        file["training"].attrs["arguments"] = json.dumps(arguments)
    assert (gnn.resume(tmp_path / "cut.h5").weights == gnn.load_fit(tmp_path / "whole.h5").weights).all()


def test_describe_shows_the_values_that_are_simulated(tmp_path, capsys):
    model = tmp_path / "model.txt"
    model.write_text("@parameter k = 1\nbind: A -> B @ k\nback: B -> A @ 2\nA = 10")
    overrides = ["--rate", "bind=0.25", "--initial", "B=7", "--initial", "A=3"]
    assert main(["simulate", str(model), "--t-end", "0.1", "--seed", "1", "--describe", *overrides]) == 0
    shown = capsys.readouterr().out
    assert "0.25 * A" in shown and "2 * B" in shown and "initially A = 3, B = 7" in shown
