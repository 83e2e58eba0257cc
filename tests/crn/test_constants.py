"""Constants by name: parameters, and what only the source of a model names, in memory and in files."""

import numpy as np
import pytest

import gillespie_nn as gnn

TEXT = "@parameter k = 0.5\n@parameter V = 1\n0 -> A @ 3\nA -> 0 @ propensity(k * A)\n"
ANTIMONY = "model m\ncompartment cell = 2; species S1 in cell; S1 = 10; k1 = 0.25\nS1 -> ; cell * k1 * S1\nend"


@pytest.mark.parametrize("method", ["direct", "ode", "langevin"])
def test_a_parameter_has_its_value_everywhere(method, tmp_path):
    network = gnn.ReactionNetwork.from_text(TEXT)
    r = gnn.simulate(network, 2.0, 5, method=method, seed=1, output=tmp_path / "r.h5")
    with gnn.open_run(tmp_path / "r.h5") as run:
        for result in (run, gnn.simulate(network, 2.0, 5, method=method, seed=1)):
            assert result.of("k").shape == (1, 5) and (result.of("k") == 0.5).all() and (result["V"] == 1.0).all()
    assert "k" not in r and "k" not in r.quantities
    with pytest.raises(gnn.InputError, match="'q'"):
        r.of("q")


def test_overrides_and_schedules_count():
    network = gnn.ReactionNetwork.from_text(TEXT)
    r = gnn.simulate(network, 4.0, 5, method="ode", parameters={"k": 2.0}, schedule=[(2.0, {"k": 7.0})])
    assert r.of("k")[0].tolist() == [2.0, 2.0, 7.0, 7.0, 7.0]


def test_moments_have_constants():
    r = gnn.simulate(gnn.ReactionNetwork.from_text(TEXT), 2.0, 5, replicates=20, record="moments", seed=1)
    assert (r.of("k") == 0.5).all() and r.of("k").shape == (5,)


def test_numbers_of_sbml_that_became_part_of_rates_are_known_by_name(tmp_path):
    pytest.importorskip("antimony")
    network = gnn.ReactionNetwork.from_antimony(ANTIMONY, parameters={"k1": 0.5})
    assert not network.parameters
    memory = gnn.simulate(network, 2.0, 3, method="ode")
    gnn.simulate(network, 2.0, 3, method="ode", output=tmp_path / "r.h5")
    with gnn.open_run(tmp_path / "r.h5") as run:
        for r in (memory, run):
            assert (r.of("cell") == 2.0).all() and (r.of("k1") == 0.5).all()
    changed = gnn.simulate(network, 2.0, 3, method="ode", schedule=[(1.0, {"k1": 1.0})])
    with pytest.raises(gnn.InputError, match="k1 is part of the rate constants, which the schedule changes"):
        changed.of("k1")


@pytest.mark.parametrize("method", ["ode", "langevin"])
def test_a_species_that_a_rule_gives_is_in_the_units_of_the_others(method, tmp_path):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 3\nA = 40\nB = 0\nB -> B @ 0\n@rule D = 2 * A\n@rule m = 3 * A\n")
    network = gnn.ReactionNetwork((*network.species, "D"), network.reactions, network.initial, rules=network.rules)
    r = gnn.simulate(network, 2.0, 5, method=method, volume=4.0, seed=1, output=tmp_path / "r.h5")
    with gnn.open_run(tmp_path / "r.h5") as run:
        for result in (r, run):
            np.testing.assert_allclose(np.asarray(result.of("D")), 2 * np.asarray(result.of("A")))
            np.testing.assert_allclose(np.asarray(result.of("m")), 12 * np.asarray(result.of("A")))  # in molecules
            np.testing.assert_allclose(result.mean("D"), 2 * result.mean("A"))
