"""Packaged models are read by name, have the laws of their papers, and are those of their Antimony files."""

import json
import re

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from helpers.paths import ROOT

ABOUT = (ROOT / "data" / "README.md").read_text()
NAMES = list(gnn.models())


def test_models_are_listed_with_a_line_each_and_stand_in_the_table_of_sources():
    assert len(NAMES) >= 10 and sorted(NAMES) == NAMES
    for name, title in gnn.models().items():
        assert title.endswith(".") and len(title) < 110, name
        assert re.search(rf"^\| `{name}` \|.*(doi:10\.|Biochem)", ABOUT, re.MULTILINE), name


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_read_by_name_from_any_folder_and_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = gnn.ReactionNetwork.from_file(name)
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network
    r = gnn.simulate(network, 0.2, method="direct", seed=1)
    assert r.complete and r.n_events[0] >= 0
    assert main(["simulate", name, "--t-end", "0.05", "--method", "direct", "--seed", "1", "--describe"]) == 0


@pytest.mark.parametrize("name", ["toggle_switch", "futile_cycle", "circadian_oscillator"])
def test_text_and_antimony_are_the_same_model(name):
    pytest.importorskip("antimony", reason="the extra sbml is not installed")
    antimony = gnn.ReactionNetwork.from_antimony(ROOT / "data" / "models" / f"{name}.ant")
    text = gnn.ReactionNetwork.from_file(name)
    assert text.species == antimony.species and text.initial == antimony.initial and text.volume == antimony.volume
    for ours, theirs in zip(text.reactions, antimony.reactions, strict=True):
        assert ours[:4] == theirs[:4] and ours.law == theirs.law
    assert {name: text.parameters[name] for name in antimony.parameters} == antimony.parameters


def test_a_file_of_that_name_comes_first_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sir").mkdir()
    assert gnn.ReactionNetwork.from_file("sir").species == ("S", "I", "R")
    (tmp_path / "sir").rmdir()
    (tmp_path / "sir").write_text("A -> 0 @ 1\nA = 3\n")
    assert gnn.ReactionNetwork.from_file("sir").species == ("A",)
    assert gnn.ReactionNetwork.from_file("./sir").species == ("A",)


def test_an_unknown_name_suggests_a_packaged_one(capsys):
    with pytest.raises(gnn.InputError, match=r"no such model file: 'togle_switch' \(did you mean 'toggle_switch'\?\)"):
        gnn.ReactionNetwork.from_file("togle_switch")
    with pytest.raises(gnn.InputError, match="packaged models are birth_death, bursting_gene"):
        gnn.ReactionNetwork.from_file("zzz")
    assert main(["models", "sirr"]) == 2
    assert "did you mean 'sir'" in capsys.readouterr().err


def test_the_command_lists_models_and_prints_one_to_start_from(capsys, tmp_path):
    assert main(["models", "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == gnn.models() and len(lines) == len(NAMES)
    assert main(["models", "toggle_switch"]) == 0
    path = tmp_path / "mine.txt"
    path.write_text(capsys.readouterr().out)
    assert gnn.ReactionNetwork.from_file(path) == gnn.ReactionNetwork.from_file("toggle_switch")


def _moments(name, species, t_end):
    return gnn.simulate(gnn.ReactionNetwork.from_file(name), t_end, method="linear_noise").of(species)[0, -1]


def test_the_numbers_that_the_files_name_are_those_of_the_models():
    """Means of linear networks are exact by linear noise; the others are worked out from the constants."""
    assert _moments("birth_death", "A", 3.0) == pytest.approx(20 * (1 - np.exp(-1.5)), rel=1e-5)
    assert _moments("bursting_gene", "M", 60.0) == pytest.approx(9.0, rel=1e-5)
    rates = {r.name: r.rate for r in gnn.ReactionNetwork.from_file("bursting_gene").reactions}
    assert rates["switch_on"] / (rates["switch_on"] + rates["switch_off"]) == pytest.approx(0.1)
    assert rates["transcribe"] / rates["switch_off"] == 20
    sir = gnn.ReactionNetwork.from_file("sir")
    infect, recover = (r.rate for r in sir.reactions)
    assert infect * 500 / recover == pytest.approx(2.0)
    binding, leaving, converting = (r.rate for r in gnn.ReactionNetwork.from_file("michaelis_menten").reactions)
    assert (leaving + converting) / binding == pytest.approx(200) and converting * 40 == 20
    prey = gnn.ReactionNetwork.from_file("lotka_volterra")
    r = gnn.simulate(prey, 1.0, method="ode")
    assert r.counts[0, -1] == pytest.approx([1000, 1000], rel=1e-6)


def test_the_schlogl_model_has_two_states_and_is_split_between_them():
    network = gnn.ReactionNetwork.from_file("schlogl")
    x = np.arange(1000.0)
    birth = 0.015 * x * (x - 1) + 200
    death = x * (x - 1) * (x - 2) / 6e4 + 3.5 * x
    weight = np.exp(np.concatenate([[0.0], np.cumsum(np.log(birth[:-1]) - np.log(death[1:]))]))
    peaks = [int(k) for k in x[1:-1] if weight[int(k)] > max(weight[int(k) - 1], weight[int(k) + 1])]
    assert len(peaks) == 2 and peaks[0] < 150 < 450 < peaks[1]
    high = gnn.simulate(network, 10.0, 2, method="direct", replicates=200, seed=1).of("X")[:, -1] > 250
    assert 0.25 < high.mean() < 0.75  # the limits are seven standard errors away
