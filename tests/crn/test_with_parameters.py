"""What is derived follows what it is derived from, on every road that sets a parameter."""

import json
import pickle
from dataclasses import replace
from math import exp

import pytest

import gillespie_nn as gnn
from gillespie_nn.api.simulate import Workers, execute, new_file
from gillespie_nn.cli import main
from gillespie_nn.simulation.run_options import Execution, RunOptions
from gillespie_nn.simulation.task import make_task
from helpers.sbml_documents import initially, math, model

D = "<parameter id='D' value='50' constant='true'/><parameter id='K' value='1' constant='true'/>"
DERIVED = f"<initialAssignment symbol='K'>{math('10 * D')}</initialAssignment></listOfInitialAssignments>"
OTHER = f"""<reaction id='other' reversible='false' fast='false'><listOfProducts>
<speciesReference species='B' stoichiometry='1' constant='true'/></listOfProducts>
<kineticLaw>{math("K * A / (1 + A)")}</kineticLaw></reaction></listOfReactions>"""
MORE = initially("A", "2 * D").replace("</listOfInitialAssignments>", DERIVED)
SBML = model("2 * D * A", parameters=D, more=MORE).replace("</listOfReactions>", OTHER)
ANTIMONY = "D = 50; K = 10*D; A = 2*D; B = 3; go: A -> ; 2*D*A; other: -> B; K*A/(1 + A)"
BNGL = """begin parameters
1 D 50
2 K 10*D
end parameters
begin functions
1 f() K/(1+G)
end functions
begin species
1 A() 2*D
2 B() 3
end species
begin reactions
1 1 0 2*D
2 1 1,2 f
end reactions
begin groups
1 G 1
end groups
"""
READERS = {
    "sbml": (gnn.ReactionNetwork.from_sbml, SBML, ".xml"),
    "antimony": (gnn.ReactionNetwork.from_antimony, ANTIMONY, ".ant"),
    "bngl_net": (gnn.ReactionNetwork.from_bngl_net, BNGL, ".net"),
}
every = pytest.mark.parametrize("name", READERS)


def _read(name, parameters=None):
    if name == "antimony":
        pytest.importorskip("antimony")
    read, text, _ = READERS[name]
    return read(text, parameters)


def _numbers(net):
    """Initial A, rate constant of the mass action reaction, K of the other: 2 D, 2 D, 10 D."""
    return net.initial["A"], net.reactions[0].rate, net.parameters["K"]


@every
@pytest.mark.parametrize("value", [10, 50, 200.0])
def test_initial_counts_rates_and_derived_parameters_follow(name, value):
    expected = (2 * value, 2 * value, 10 * value)
    assert _numbers(_read(name, {"D": value})) == expected
    net = _read(name).with_parameters(D=value)
    assert _numbers(net) == _numbers(_read(name).with_parameters({"D": value})) == expected
    assert net == _read(name, {"D": value})


@every
def test_later_values_go_before_earlier_ones_and_the_others_stay(name):
    net = _read(name, {"K": 7}).with_parameters(D=20)
    assert _numbers(net) == (40, 40, 7)
    assert _numbers(net.with_parameters(D=30, K=8)) == (60, 60, 8)
    assert net.with_parameters() is net


@every
def test_a_sweep_of_the_network_sets_what_follows(name):
    found = gnn.sweep(_read(name), {"D": [10, 50, 200]}, t_end=1e-4, n_points=2, seed=1)
    assert [r.of("A")[0, 0] for r in found] == [20, 100, 400]
    assert [r.model.parameters["K"] for r in found] == [100, 500, 2000]


@every
def test_a_run_takes_them_and_its_file_holds_the_model_with_them(name, tmp_path):
    net, path = _read(name), tmp_path / "run.h5"
    asked = {"t_end": 1e-4, "n_points": 2, "seed": 1, "replicates": 5}
    with gnn.simulate(net, parameters={"D": 200}, output=path, **asked) as run:
        assert (run.of("A")[:, 0] == 400).all()
        assert run.model == net.with_parameters(D=200) != net
        assert run.provenance["parameters"]["parameters"] == {"D": 200}
        assert (run.counts[:] == gnn.simulate(net.with_parameters(D=200), **asked).counts).all()
    assert gnn.resume(path).model.parameters["K"] == 2000
    with pytest.raises(gnn.InputError, match="unknown parameter 'd' .did you mean 'D'"):
        gnn.simulate(net, parameters={"d": 200}, **asked)
    with pytest.raises(gnn.InputError, match="parameters must be a dictionary"):
        gnn.simulate(net, parameters=[200], **asked)


def test_a_resumed_run_has_them(tmp_path):
    """Killed after some replicates: the rest have the values that the first had."""
    net, path = _read("sbml"), tmp_path / "run.h5"
    asked = {"t_end": 1e-3, "n_points": 2, "seed": 1, "replicates": 6, "parameters": {"D": 20}}
    whole = gnn.simulate(net, **asked)
    task, reason = make_task(net, RunOptions.of(asked))
    with new_file(path, task, reason) as file:
        execute(task, file, Workers(Execution()), False, range(2))
    with gnn.resume(path) as run:
        assert (run.counts[:] == whole.counts).all() and (run.of("A")[:, 0] == 40).all()


@every
def test_rows_of_a_sweep_have_common_parameters_and_their_own(name):
    for model_ in (_read(name), lambda parameters: _read(name, parameters)):
        found = gnn.sweep(model_, {"K": [7, 8]}, t_end=1e-4, n_points=2, seed=1, parameters={"D": 20, "K": 5})
        assert [_numbers(r.model) for r in found] == [(40, 40, 7), (40, 40, 8)]


def test_certify_takes_them():
    net = gnn.ReactionNetwork.from_text("A -> 0 @ propensity(d * A)\n0 -> B @ 1\n@parameter d = 0\nA = 300")
    asked = {"method": "tau_leap", "t_end": 1.0, "n_points": 1, "replicates": 200, "seed": 3, "species": "A"}
    (row,) = gnn.certify(net, parameters={"d": 1.0}, **asked).rows
    assert abs(row.reference_mean - 300 * exp(-1)) < 5 * (300 * exp(-1) / 200) ** 0.5
    assert gnn.certify(net, **asked).rows[0].reference_mean == 300
    with pytest.raises(gnn.InputError, match="unknown parameter 'e'"):
        gnn.certify(net, parameters={"e": 1.0}, **asked)


@every
def test_the_command_line_sets_what_follows(name, tmp_path, capsys):
    _read(name)
    path, table = tmp_path / f"model{READERS[name][2]}", tmp_path / "table.csv"
    path.write_text(READERS[name][1])
    table.write_text("D\n10\n200\n")
    common = ["simulate", str(path), "--t-end", "1e-9", "--n-points", "2", "--seed", "1", "--json"]
    assert main([*common, "--parameter", "D=10"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["mean"][0] == 20.0
    assert main([*common, "--sweep", str(table)]) == 0
    assert [row["mean"][0] for row in json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]] == [20.0, 400.0]


def test_a_text_has_nothing_derived_and_its_values_are_set():
    net = gnn.ReactionNetwork.from_text("A -> 0 @ propensity(d * A)\n@parameter d = 0.5\nA = 3")
    assert net.with_parameters(d=2).parameters["d"] == 2.0
    assert net.with_parameters(d=2) == gnn.ReactionNetwork.from_text(net.to_text(), {"d": 2})
    with pytest.raises(gnn.InputError, match="unknown parameter 'e': the network has d"):
        net.with_parameters(e=1)


@every
def test_names_and_values_are_those_of_the_file(name):
    net = _read(name)
    assert {"D", "K"} <= set(net.settable)
    with pytest.raises(gnn.InputError, match="unknown parameter 'd' .did you mean 'D'.*: the network has"):
        net.with_parameters(d=1)
    with pytest.raises(gnn.InputError, match="parameter D must be finite, got nan"):
        net.with_parameters(D=float("nan"))


@every
def test_a_network_that_was_changed_after_it_was_read_does_not_go_back(name):
    changed = replace(_read(name), initial={"A": 1})
    with pytest.raises(gnn.InputError, match="changed after it was read.*set the parameters first"):
        changed.with_parameters(D=3)


@every
def test_where_a_network_is_from_is_no_part_of_the_model(name):
    net = _read(name)
    plain = gnn.ReactionNetwork.from_text(net.to_text())
    assert plain == net and plain.digest == net.digest and "source" not in repr(net)
    again = pickle.loads(pickle.dumps(net))
    assert again == net and _numbers(again.with_parameters(D=10)) == (20, 20, 100)
