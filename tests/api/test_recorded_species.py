"""The option `species`: a run with it records columns of the run without it, in memory and in files."""

import json
import shutil

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import compare, first_passage, means
from gillespie_nn.api.simulate import new_file
from gillespie_nn.cli import main
from gillespie_nn.simulation import METHODS, run_ensemble
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.task import make_task
from gillespie_nn.storage.export import content_digest, export
from gillespie_nn.storage.open import follow, repair
from gillespie_nn.verification import certificate

NET = gnn.ReactionNetwork.from_text(
    "0 -> A1 @ 5\nA1 -> A2 @ 1\nA2 -> A1 @ 0.5\n2 A2 -> C @ 0.05\nC -> 0 @ 0.5\nA1 = 30\n@rule sum = A1 + A2"
)
EVENTS = gnn.ReactionNetwork.from_text(
    f"{NET.to_text()}\n@parameter dose = 3\n@event add: when time >= 1; set C = C + dose, dose = dose + 1"
)
GIVEN = gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 9\nH = 0\n@rule H = A / 2\n@rule log = ln(A)")
ASKED = ["C", "A*"]
NAMES = ("C", "A1", "A2")
PLACES = [2, 0, 1]


def run(network=NET, **more):
    return gnn.simulate(network, **({"t_end": 3.0, "n_points": 5, "replicates": 40, "seed": 1} | more))


def same(found, whole):
    """Whether `found` has those species of `whole` that it should have, and everything else of it."""
    places = [whole.species.index(name) for name in found.species]
    np.testing.assert_array_equal(np.asarray(found.counts), np.asarray(whole.counts)[..., places])
    np.testing.assert_array_equal(found.initial, whole.initial[places])
    for name in ("observables", "status", "n_events", "firings", "time"):
        np.testing.assert_array_equal(np.asarray(getattr(found, name)), np.asarray(getattr(whole, name)), name)
    if whole.covariance.shape[-1]:
        expected = np.asarray(whole.covariance)[..., places, :][..., places]
        np.testing.assert_array_equal(np.asarray(found.covariance), expected)


@pytest.mark.parametrize("asked, names", [
    (ASKED, NAMES), ("C, A*", NAMES), ("A2 C", ("A2", "C")), (("A?", "A1", "C"), ("A1", "A2", "C")), ("*", NET.species),
    (iter(["C", "C"]), ("C",)),
])  # fmt: skip
def test_names_and_patterns_choose_species_in_the_order_given(asked, names):
    found = run(replicates=2, species=asked)
    assert found.species == names and found.counts.shape[-1] == len(names)
    assert found.quantities == (*names, "sum")
    same(found, run(replicates=2))


@pytest.mark.parametrize("name", [m.name for m in METHODS])
def test_of_every_method_in_memory_and_in_a_file(name, tmp_path):
    how = {"method": name, "volume": 3.0}
    if next(m for m in METHODS if m.name == name).deterministic:
        how["replicates"] = 1
    whole = run(**how)
    found = run(species=ASKED, **how)
    assert found.species == NAMES
    same(found, whole)
    with run(species=ASKED, output=tmp_path / "a.h5", **how) as kept:
        assert kept.species == NAMES and kept.arguments["species"] == ASKED
        same(kept, whole)
    found.save(tmp_path / "b.h5")
    assert content_digest(tmp_path / "a.h5") == content_digest(tmp_path / "b.h5")


@pytest.mark.parametrize("how", [
    {"network": EVENTS}, {"noise": gnn.RateNoise(0.2, kind="constant")}, {"schedule": [(1.0, {"A2": 7})]},
    {"max_events": 60}, {"count_firings": True}, {"stop_when": "A2 > 12"}, {"initial": {"A2": 4}}, {"network": GIVEN},
    {"schedule": [(1.0, {"A2": 7})], "method": "langevin", "volume": 3.0},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("workers", [1, 2])
def test_on_every_road(how, workers, tmp_path):
    asked = ["B"] if how.get("network") is GIVEN else ASKED
    whole = run(**how)
    same(run(species=asked, workers=workers, **how), whole)
    with run(species=asked, workers=workers, output=tmp_path / "a.h5", **how) as kept:
        same(kept, whole)
    for record in ("moments", "quantiles") if "count_firings" not in how else ():
        of_all, found = run(record=record, **how), run(record=record, species=asked, workers=workers, **how)
        names = list(found.quantities)
        assert names == list(run(species=asked, **how | {"replicates": 1}).quantities)
        for statistic in ("mean", "variance", "minimum", "maximum"):
            np.testing.assert_array_equal(getattr(found, statistic)(), getattr(of_all, statistic)(names))
        if record == "quantiles":
            np.testing.assert_array_equal(found.quantile([0.1, 0.7]), of_all.quantile([0.1, 0.7], names))
        with run(record=record, species=asked, output=tmp_path / f"{record}.h5", **how) as kept:
            assert kept.quantities == tuple(names)
            np.testing.assert_array_equal(kept.mean(), found.mean())
        found.save(tmp_path / "saved.h5", overwrite=True)
        assert content_digest(tmp_path / "saved.h5") == content_digest(tmp_path / f"{record}.h5")


def test_a_species_that_a_rule_gives_is_recorded_with_the_rules():
    found = run(GIVEN, species=["B"])
    assert found.species == ("B",) and found.quantities == ("B", "H", "log")
    np.testing.assert_array_equal(found["H"], run(GIVEN)["H"])


def test_a_species_that_was_not_recorded_is_named_in_the_message(tmp_path):
    with (
        run(species=["C"], output=tmp_path / "a.h5") as kept,
        run(species=["C"], record="quantiles", output=tmp_path / "m.h5") as moments,
    ):
        for found in (run(species=["C"]), kept, run(species=["C"], record="moments"), moments):
            assert "A1" not in found and list(found) == ["C", "sum"]
            calls = [
                lambda f=found: f["A1"], lambda f=found: f[["C", "A1"]], lambda f=found: f.of("A1"),
                lambda f=found: f.mean("A1"), lambda f=found: f.quantile(0.5, "A1"), lambda f=found: means(f, ["A1"]),
            ]  # fmt: skip
            for call in calls:
                with pytest.raises(gnn.InputError, match="'A1' was not recorded: .*C, sum; simulate again with A1 in"):
                    call()
            with pytest.raises(gnn.InputError, match="unknown (species|quantity) 'Z'"):
                found.mean("Z")
        with pytest.raises(gnn.InputError, match="'A1' was not recorded"):
            first_passage(kept, "A1 > 3")


@pytest.mark.parametrize("asked, message", [
    (["X"], "unknown species 'X': the network has A1, A2, C, sum"), ("a1", "did you mean 'A1'"),
    (["Q*"], "no species matches 'Q\\*'"), ([], "species must be names or patterns"), (" , ", "species has no name"),
    ([3], "species must be names or patterns.* got \\[3\\]"), (5, "got 5"), ({"A1": 1}, "got {'A1': 1}"),
])  # fmt: skip
def test_what_names_no_species_is_refused(asked, message):
    with pytest.raises(gnn.InputError, match=message):
        run(species=asked)
    with pytest.raises(gnn.InputError, match=message):
        gnn.sweep(NET, {"A1": [1, 2]}, 1.0, 2, species=asked)


def test_everything_that_shows_a_result_works_on_what_is_recorded(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    whole = run(EVENTS)
    with run(EVENTS, species=ASKED, output=tmp_path / "a.h5") as kept:
        for found in (run(EVENTS, species=ASKED), kept):
            assert found.to_csv().splitlines()[0] == "replicate,time,C,A1,A2,sum,dose"
            assert list(found.to_dataframe().columns) == ["C", "A1", "A2", "sum", "dose"]
            data = found.to_xarray()
            assert data["species"].values.tolist() == list(NAMES)
            np.testing.assert_array_equal(data["counts"].sel(species="A2"), whole["A2"])
            assert "A2" in found._repr_html_() and "5 quantities" in repr(found)
            found.plot(), found.plot(names=["A2", "sum"]), found.plot(x="C", y="A1")
            np.testing.assert_array_equal(first_passage(found, "A2 > 8").time, first_passage(whole, "A2 > 8").time)
            assert compare(found, whole).names == found.quantities
            assert not compare(found, whole).differs.any()
    found = run(EVENTS, species=ASKED, record="quantiles")
    found.plot(), found.plot(names=["A2", "sum"])
    for record in ("trajectories", "moments"):
        swept = gnn.sweep(NET, {"A1": [1, 2]}, 1.0, 3, replicates=5, seed=1, species=ASKED, record=record)
        swept.plot(), swept.plot(names=["A2", "sum"]), swept._repr_html_()
    assert "A2" in found._repr_html_() and found.to_csv().splitlines()[1].split(",")[1] == "C"


def test_a_file_has_the_recorded_columns_and_the_names_of_all_species(tmp_path):
    path = tmp_path / "a.h5"
    run(species=ASKED[:1], output=path).close()
    with h5py.File(path) as file:
        assert file["counts"].shape == (40, 5, 1) and file["species"].asstr()[:].tolist() == ["C"]
        assert file["model/species"].asstr()[:].tolist() == list(NET.species)
        assert file["model/initial"].shape == (3,) and file["model/initial"].dims[0][0] == file["model/species"]
        assert file["counts"].dims[2][0] == file["species"]
    with gnn.open_run(path) as found:
        assert found.initial.tolist() == [0] and found.initial_of_model.tolist() == [30, 0, 0]
    csv = export(path, "csv", tmp_path / "a.csv") and (tmp_path / "a.csv").read_text()
    assert csv.splitlines()[0] == "replicate,time,C,sum"
    *_, last = follow(path, 0.0)
    assert last.kept == 40 and last.ended


def test_a_file_of_a_killed_process_is_repaired_and_gone_on_with(tmp_path):
    whole, left = tmp_path / "whole.h5", tmp_path / "left.h5"
    run(species=ASKED, output=whole).close()
    task, reason = make_task(NET, RunOptions(t_end=3.0, n_points=5, replicates=40, seed=1, species=ASKED))
    with new_file(tmp_path / "open.h5", task, reason) as file:
        run_ensemble(task, file, units=range(25))
        file.commit()
        shutil.copy(tmp_path / "open.h5", left)
    found = repair(left)
    assert found["repaired"] and found["kept"] == 25 and not found["lost"]
    with gnn.open_run(left) as found:
        assert found.species == NAMES
    gnn.resume(left).close()
    assert content_digest(left) == content_digest(whole)


def test_files_without_the_option_have_no_trace_of_it(tmp_path):
    path = tmp_path / "a.h5"
    found = run(output=path)
    assert "species" not in found.arguments and "species" not in found.provenance["parameters"]
    found.close()
    with h5py.File(path) as file:
        assert "species" not in file["model"] and "species" not in json.loads(file.attrs["arguments"])
    plain, narrow = (make_task(NET, RunOptions(t_end=1.0, seed=1, species=s))[0] for s in (None, ["C"]))
    assert plain.digest != narrow.digest and "species" not in plain.arguments


def test_all_species_in_their_order_are_a_file_without_names_of_its_own(tmp_path):
    with run(species=["*"], output=tmp_path / "a.h5") as found:
        assert found.species == NET.species and found.arguments["species"] == ["*"]
    with h5py.File(tmp_path / "a.h5") as file:
        assert "species" not in file["model"]


def test_names_by_the_thousand_are_kept(tmp_path):
    n = 6000
    network = gnn.ReactionNetwork.from_text("\n".join(f"A{k} -> 0 @ 1" for k in range(n)) + "\nA7 = 5")
    asked = [f"A{k}" for k in range(n - 1, 1, -1)]
    run(network, replicates=1, n_points=2, method="next_reaction", species=asked, output=tmp_path / "a.h5").close()
    with gnn.open_run(tmp_path / "a.h5") as found:
        assert found.species == tuple(asked) and found["A7"][0, 0] == 5 and found.counts.shape == (1, 2, n - 2)


@pytest.mark.parametrize("record", ["trajectories", "moments", "quantiles"])
@pytest.mark.parametrize("network", [NET, EVENTS], ids=["blocks", "alone"])
def test_an_interrupted_run_becomes_the_uninterrupted_one(record, network, tmp_path):
    whole, cut = tmp_path / "whole.h5", tmp_path / "cut.h5"
    run(network, species=ASKED, record=record, output=whole).close()
    asked = RunOptions(t_end=3.0, n_points=5, replicates=40, seed=1, species=ASKED, record=record)
    task, reason = make_task(network, asked)
    with new_file(cut, task, reason) as file:
        run_ensemble(task, file, units=range(task.n_units // 2))
    with gnn.open_run(cut) as found:
        assert not found.ended
    with gnn.resume(cut, workers=2) as found:
        assert found.ended and found.quantities == task.quantities
    assert content_digest(cut) == content_digest(whole)


def test_every_row_of_a_sweep_records_them(tmp_path):
    whole = gnn.sweep(NET, {"A1": [1, 20]}, 2.0, 5, replicates=20, seed=3)
    for output in (None, tmp_path / "sweep", tmp_path / "sweep"):  # the last goes on in its folder
        found = gnn.sweep(NET, {"A1": [1, 20]}, 2.0, 5, replicates=20, seed=3, species=ASKED, output=output)
        assert found.quantities == (*NAMES, "sum")
        np.testing.assert_array_equal(found.mean(), whole.mean([*NAMES, "sum"]))
        with pytest.raises(gnn.InputError, match="not recorded"):
            gnn.sweep(NET, {"A1": [1]}, 2.0, 5, seed=3, species=["C"]).mean("A1")
    assert len(list((tmp_path / "sweep").glob("row-*.h5"))) == 2
    gnn.sweep(NET, {"A1": [1, 20]}, 2.0, 5, replicates=20, seed=3, output=tmp_path / "sweep")
    assert len(list((tmp_path / "sweep").glob("row-*.h5"))) == 4  # of another content


def test_certify_compares_patterns_and_its_runs_record_no_more(monkeypatch):
    asked = []
    simulate = certificate.simulate
    monkeypatch.setattr(
        certificate, "simulate", lambda *a, **more: asked.append(more["species"]) or simulate(*a, **more)
    )
    found = gnn.certify(NET, "tau_leap", 1.0, 1, replicates=50, seed=1, species=["C", "s*"])
    assert {row.species for row in found.rows} == {"C", "sum"} and asked and all(names == ["C"] for names in asked)
    of_all = gnn.certify(NET, "tau_leap", 1.0, 1, replicates=50, seed=1)
    assert {row.mean for row in found.rows if row.species == "C"} <= {row.mean for row in of_all.rows}
    with pytest.raises(gnn.InputError, match="unknown species 'X'"):
        gnn.certify(NET, "tau_leap", 1.0, 1, replicates=50, species="X")


@pytest.mark.parametrize("flags", [["--species", "C,A*"], ["--species", "C", "--species", "A*"], ["--species", "C A*"]])
def test_the_command_line_takes_them(flags, tmp_path, capsys):
    (tmp_path / "m.txt").write_text(NET.to_text())
    path = tmp_path / "a.h5"
    end = main(["simulate", str(tmp_path / "m.txt"), "--t-end", "3", "--n-points", "5", "--seed", "1", *flags,
                "--output", str(path), "--replicates", "40", "--method", "direct"])  # fmt: skip
    assert end == 0 and "A2" in capsys.readouterr().out
    with gnn.open_run(path) as found:
        assert found.species == NAMES
        same(found, run(method="direct"))


def _planted(path, change):
    with h5py.File(path, "a") as file:
        change(file)


def _rename(file, name, texts):
    file[name][:] = np.array([t.encode() for t in texts], dtype=object)


def _ask(file, asked):
    arguments = json.loads(file.attrs["arguments"])
    file.attrs["arguments"] = json.dumps({k: v for k, v in arguments.items() if k != "species"} | asked)


@pytest.mark.parametrize("change, message", [
    (lambda f: _rename(f, "species", ["C", "A9"]), "/species does not match the names in the model"),
    (lambda f: _rename(f, "species", ["C", "C"]), "/species does not match the names in the model"),
    (lambda f: _rename(f, "species", ["C", "sum"]), "/species does not match the names in the model"),
    (lambda f: _ask(f, {}), "/species does not match the names in the model"),
    (lambda f: _ask(f, {"species": None}), "/species does not match the names in the model"),
    (lambda f: _rename(f, "model/species", ["A1", "C", "A2"]), "/model/species does not match the names in the model"),
    (lambda f: f.__delitem__("model/species"), "/model/initial has shape"),
])  # fmt: skip
def test_a_file_that_contradicts_itself_is_damaged(change, message, tmp_path):
    path = tmp_path / "a.h5"
    run(species=["C", "A2"], output=path).close()
    _planted(path, change)
    with pytest.raises(gnn.InputError, match=message):
        _ = gnn.open_run(path).model


@pytest.mark.parametrize("names", [["C", "A9", "sum"], ["C", "C", "sum"], ["sum", "C", "A2"], ["C", "A2", "A1"]])
def test_moments_that_contradict_their_model_are_damaged(names, tmp_path):
    path = tmp_path / "a.h5"
    run(species=["C", "A2"], record="moments", output=path).close()
    _planted(path, lambda f: _rename(f, "quantity", names))
    with pytest.raises(gnn.InputError, match="/quantity does not match the names in the model"):
        gnn.open_run(path)


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_a_run_is_not_gone_on_with_where_its_names_are_not_those_asked_for(record, tmp_path):
    path = tmp_path / "a.h5"
    task, reason = make_task(NET, RunOptions(t_end=3.0, replicates=40, seed=1, species=["C"], record=record))
    with new_file(path, task, reason) as file:
        run_ensemble(task, file, units=range(1))
    _planted(path, lambda f: _ask(f, {"species": ["A*"]}))
    with pytest.raises(gnn.InputError, match="its names of species do not match its arguments"):
        gnn.resume(path)


def test_training_does_not_take_it():
    with pytest.raises(gnn.InputError, match="species"):
        gnn.train("xor", species=["C"])
