"""Parameter sweeps: tables of every form, names and what they stand for, rows that are ordinary ensembles, folders that
are gone on with."""

import itertools
import json

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.api.sweep_result import read_table
from gillespie_nn.cli import main
from gillespie_nn.seeds import row_seed
from gillespie_nn.simulation.task import MOMENT_GROUP
from gillespie_nn.storage.export import content_digest

NET = gnn.ReactionNetwork.from_text("make: 0 -> A @ 5\nlose: A -> 0 @ propensity(d * A)\n@parameter d = 0.5\nA = 3")
TABLE = {"make": [5, 20.0], "A": [0, 7], "d": [0.5, 0.25], "volume": [1.0, 2.0]}
CSV = "# a comment\nmake, A,d , volume\n5,0,0.5,1\n\n20,7,2.5e-1,2.0\n"
ROWS = "".join(f"[[row]]\nA = {TABLE['A'][k]}\nmake = {TABLE['make'][k]}\nd = {TABLE['d'][k]}\nvolume = {k + 1}\n"
               for k in (0, 1))  # fmt: skip


def test_tables_of_every_form_are_the_same(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeff" + CSV, encoding="utf-8")
    (tmp_path / "t.toml").write_text(ROWS)
    rows = [{name: values[k] for name, values in TABLE.items()} for k in (0, 1)]
    for source in (TABLE, rows, tmp_path / "t.csv", str(tmp_path / "t.toml")):
        table = read_table(source)
        assert [table.row(k) for k in (0, 1)] == rows and isinstance(table.row(1)["A"], int)


def test_a_grid_has_every_combination_the_last_name_running_fastest(tmp_path):
    (tmp_path / "t.toml").write_text("[grid]\nmake = [1, 2.5]\nA = [0, 1, 2]\n")
    table = read_table(tmp_path / "t.toml")
    assert table.names == ("make", "A")
    np.testing.assert_array_equal(table.values, [[1, 0], [1, 1], [1, 2], [2.5, 0], [2.5, 1], [2.5, 2]])


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_a_row_is_the_ensemble_of_its_seed_and_setting(record):
    found = gnn.sweep(NET, TABLE, 2.0, 5, replicates=20, seed=3, workers=2, record=record, initial={"A": 100})
    assert len(found) == 2 and found.complete and found.seed == 3
    for k, result in enumerate(found):
        network = gnn.ReactionNetwork.from_text(NET.to_text(), {"d": TABLE["d"][k]})
        alone = gnn.simulate(
            network, 2.0, 5, replicates=20, seed=row_seed(3, k), volume=TABLE["volume"][k], record=record,
            initial={"A": TABLE["A"][k]}, rates={"make": TABLE["make"][k]},
        )  # fmt: skip
        assert result.seed == alone.seed and result.volume == alone.volume
        if record == "trajectories":
            np.testing.assert_array_equal(result.counts, alone.counts)
        else:
            np.testing.assert_array_equal(result.n, alone.n)
        np.testing.assert_array_equal(result.mean(), alone.mean())
        np.testing.assert_array_equal(result.variance(), alone.variance())
    assert row_seed(3, 0) != row_seed(3, 1) != row_seed(4, 1)


def test_parameters_that_a_reader_works_into_rates():
    """Of a function of parameters, as from SBML: names that are neither reactions nor species are its own."""
    calls = []

    def model(parameters):
        calls.append(parameters)
        return gnn.ReactionNetwork.from_text(f"out: A -> 0 @ {parameters.get('k', 1.0)!r}\nA = 50")

    found = gnn.sweep(model, [{"k": 0, "A": 9}, {"k": 0, "A": 5}, {"k": 3, "A": 5}], 1.0, 2, seed=1)
    assert [r.counts[0, -1, 0] for r in found][:2] == [9, 5] and found[2].counts[0, -1, 0] < 5
    assert calls == [{}, {"k": 0}, {"k": 3}]


def _content(folder):
    found = {}
    for path in sorted(folder.glob("row-*.h5")):
        with gnn.open_run(path) as run:
            found[path.name] = (run.seed, run.counts[:].tolist(), run.n_events.tolist(), run.committed.all())
    return found


def test_a_sweep_in_a_folder_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    arguments = {"t_end": 2.0, "n_points": 5, "replicates": 6, "volume": 2.0}
    table = {"make": [1.0, 2.0, 3.0]}
    whole = gnn.sweep(NET, table, **arguments, seed=4, output=tmp_path / "whole")

    def interrupt(self, done, note=""):
        if done > 8:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gillespie_nn.progress.Progress.update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            gnn.sweep(NET, table, **arguments, seed=4, output=tmp_path / "part")
    assert len(list((tmp_path / "part").glob("row-*.h5"))) == 2
    ended = gnn.open_sweep(tmp_path / "part").results[0]
    before = ended.stat().st_mtime_ns
    found = gnn.sweep(NET, table, **arguments, output=tmp_path / "part", workers=2)  # with the seed of the folder
    assert found.seed == 4 and found.complete and ended.stat().st_mtime_ns == before
    assert _content(tmp_path / "part") == _content(tmp_path / "whole")
    assert (tmp_path / "part" / "table.csv").read_text() == (tmp_path / "whole" / "table.csv").read_text()
    longer = gnn.sweep(NET, {"make": [1.0, 2.0, 3.0, 4.0]}, **arguments, output=tmp_path / "part")
    assert longer.results[:3] == found.results and ended.stat().st_mtime_ns == before
    again = gnn.open_sweep(tmp_path / "whole")
    assert (again.seed, again.results, again.table.names) == (4, whole.results, ("make",))
    np.testing.assert_array_equal(again.table.values, whole.table.values)


@pytest.mark.parametrize("record", ["trajectories", "quantiles"])
def test_replicates_of_an_interrupted_row_are_kept(tmp_path, monkeypatch, record):
    """Also where the row is damaged or another version's: there it begins anew, and ends with the same content."""
    arguments = {"t_end": 2.0, "n_points": 5, "replicates": 300, "volume": 2.0, "seed": 4, "record": record}
    gnn.sweep(NET, {"make": [1.0]}, **arguments, output=tmp_path / "whole")
    (whole,) = (tmp_path / "whole").glob("row-*.h5")
    folder = tmp_path / "part"
    sinks = {"trajectories": gnn.storage.EnsembleFile, "quantiles": gnn.storage.MomentsFile}

    def begun():
        run_portion = gnn.simulation.ensemble._Threads._run_portion

        def interrupted(self, portion):
            if portion.units[-1] * portion.task.n_together >= 200:
                raise KeyboardInterrupt
            return run_portion(self, portion)

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr("gillespie_nn.simulation.ensemble._Threads._run_portion", interrupted)
            gnn.sweep(NET, {"make": [1.0]}, **arguments, output=folder)
        return folder / whole.name

    def gone_on():
        missing = []
        init = sinks[record].__init__

        def noted(self, *args, **kwargs):
            init(self, *args, **kwargs)
            missing.append(len(self.missing))

        with monkeypatch.context() as patched:
            patched.setattr(sinks[record], "__init__", noted)
            assert gnn.sweep(NET, {"make": [1.0]}, **arguments, output=folder).complete
        assert content_digest(folder / whole.name) == content_digest(whole)
        return missing

    n_units = 300 if record == "trajectories" else -(-300 // MOMENT_GROUP)
    begun()
    (left,) = gone_on()
    assert 0 < left < n_units and gone_on() == []
    (folder / whole.name).write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="it was renamed to .*damaged, and its row starts again"):
        assert gone_on() == [n_units]
    assert (folder / f"{whole.name}.damaged").read_bytes() == b"damaged"
    (folder / whole.name).unlink()
    path = begun()
    with h5py.File(path, "r+") as file:
        file.attrs["software_version"] = "0.0.1"
    assert gone_on() == [n_units]


@pytest.mark.parametrize("record", ["trajectories", "quantiles"])
def test_xarray_has_the_parameters_as_coordinates(tmp_path, record):
    pytest.importorskip("xarray")
    table = {"make": [1.0, 2.0], "volume": [1.0, 3.0]}
    found = gnn.sweep(NET, table, 1.0, 3, replicates=4, seed=1, record=record, output=tmp_path / "s")
    data = found.to_xarray(**({"quantiles": [0.5]} if record == "quantiles" else {}))
    np.testing.assert_array_equal(data["make"], [1.0, 2.0])
    np.testing.assert_array_equal(data["volume"], [1.0, 3.0])
    with found.opened(1) as row:
        name, values = ("counts", row.counts[:]) if record == "trajectories" else ("mean", row.mean())
        np.testing.assert_array_equal(data[name].isel(row=1), values)


@pytest.mark.parametrize(
    "table, what",
    [
        ({"mak": [1.0]}, "unknown column of the sweep 'mak' .*'make'.*reactions .rate constants., species"),
        ({"parameter:e": [1.0]}, "unknown parameter 'e': the network has d"),
        ({"rates:make": [1.0]}, "unknown kind of column 'rates' .*'rate'"),
        ({"make": [1.0], "rate:make": [2.0]}, "two columns of the sweep set rate:make"),
        ({"make": [-1.0]}, "row 0 of the sweep: rate of make must be at least 0 and finite, got -1"),
        ({"A": [1, 2.5]}, "row 1 of the sweep: the initial state has A = 2.5, but counts of molecules must be whole"),
        ({"volume": [0]}, "row 0 of the sweep: volume must be positive"),
        ({"make": [1.0, 2.0], "A": [1]}, "columns of the sweep differ in length"),
        ({"make": 1.0}, "column 'make' of the sweep must be a list of numbers, got 1.0"),
        ({"make": [float("nan")]}, "column 'make'.* nan"),
        ([{"make": 1.0}, {"A": 2}], "row 1 and row 0 set different names"),
        ([], "must be a list of"),
        ({}, "the table has no rows"),
        (5, "a sweep takes the path of a table"),
        ("nothing.csv", "no such table of a sweep: nothing.csv"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(table, what):
    with pytest.raises(gnn.InputError, match=what):
        gnn.sweep(NET, table, 1.0, seed=1)


@pytest.mark.parametrize(
    "name, text, what",
    [
        ("t.csv", "", "t.csv: the table is empty"),
        ("t.csv", "make\n", "t.csv: the table has no rows"),
        ("t.csv", "make,A\n1\n", "line 2 has 1 cells, but the line of names has 2"),
        ("t.csv", "make\nfast\n", "line 2, column 'make': expected a finite number, got 'fast'"),
        ("t.csv", "make,make\n1,2\n", "column 'make' appears twice"),
        ("t.csv", "make,\n1,2\n", "a column of the sweep has no name"),
        ("t.toml", "make = [1]\n", r"a table in TOML has \[\[row\]\] or one \[grid\], got make"),
        ("t.toml", "[grid\n", "t.toml: not TOML"),
        (
            "t.toml",
            "[grid]\n" + "".join(f"p{k} = [0, 1, 2, 3, 4]\n" for k in range(40)),
            "rows, but the limit is 100000",
        ),
        ("t.csv", "make\n" + "1" * 200_000 + "\n", "line 2 of the table is not CSV"),
        ("t.toml", "make = " + "[" * 100_000, "t.toml: not"),
        ("t.toml", "[grid]\nmake = 1\n", "'make' of the grid must be a list of numbers, got 1"),
        ("t.toml", '[[row]]\nmake = "x"\n', r"\[\[row\]\] 0, make: expected a finite number, got 'x'"),
        ("t.xlsx", "", "unknown format of a table '.xlsx': use .csv, .toml"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, text, what):
    (tmp_path / name).write_text(text)
    with pytest.raises(gnn.InputError, match=what):
        gnn.sweep(NET, tmp_path / name, 1.0, seed=1)


def test_names_with_two_meanings_are_refused():
    net = gnn.ReactionNetwork.from_text("A: A -> 0 @ 1\nA = 3")
    with pytest.raises(gnn.InputError, match="'A' of the sweep has 2 meanings .*: write rate:A or initial:A"):
        gnn.sweep(net, {"A": [1]}, 1.0, seed=1)
    assert gnn.sweep(net, {"initial:A": [9], "rate:A": [0]}, 1.0, seed=1)[0].counts[0, -1, 0] == 9


@pytest.mark.parametrize("bad", ["=cmd|' /C calc'!A0", "+A", "-A", "@A", "\x1b]0;taken\x07", "\u202eA"])
def test_names_of_columns_are_nothing_that_a_spreadsheet_or_a_terminal_obeys(bad, tmp_path):
    """A folder may come from somebody else, and the names of its table go on to tables and terminals."""
    gnn.sweep(NET, {"make": [1.0, 2.0]}, 1.0, 2, seed=1, output=tmp_path)
    table = tmp_path / "table.csv"
    table.write_text(table.read_text().replace("make", bad))
    with pytest.raises(gnn.InputError, match="of the sweep must be printable, and must not begin with") as found:
        gnn.open_sweep(tmp_path)
    assert str(found.value).isprintable()


def test_folders_of_other_things_are_refused(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    for output, what in (
        (tmp_path, "contains files that do not belong to a sweep"),
        (tmp_path / "note.txt", "but is a file"),
    ):
        with pytest.raises(gnn.InputError, match=what):
            gnn.sweep(NET, TABLE, 1.0, seed=1, output=output)
    with pytest.raises(gnn.InputError, match="is not the folder of a sweep: its table.csv is missing"):
        gnn.open_sweep(tmp_path)
    (tmp_path / "table.csv").write_text("# gillespie-nn sweep, version 9.0, seed 1, trajectories\n")
    with pytest.raises(gnn.InputError, match="has version 9.0, this software reads 1.x"):
        gnn.open_sweep(tmp_path)
    with pytest.raises(gnn.InputError, match="or a function that makes one of parameters .* got NoneType"):
        gnn.sweep(lambda parameters: None, TABLE, 1.0)


def test_the_command(tmp_path, capsys):
    (tmp_path / "m.txt").write_text(NET.to_text())
    (tmp_path / "t.csv").write_text(CSV)
    command = ["simulate", str(tmp_path / "m.txt"), "--t-end", "1", "--n-points", "3", "--replicates", "5", "--json"]
    sweep = [*command, "--sweep", str(tmp_path / "t.csv"), "--output", str(tmp_path / "s")]
    assert main([*sweep, "--seed", "2"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [r["parameters"] for r in first["rows"]] == [{n: v[k] for n, v in TABLE.items()} for k in (0, 1)]
    assert main(sweep) == 0 and json.loads(capsys.readouterr().out.splitlines()[-1]) == first
    assert main([*command, "--sweep", str(tmp_path / "none.csv")]) == 2
    assert "no such table of a sweep" in capsys.readouterr().err
    assert main([*command, "--record", "quantiles", "--seed", "2", "--output", str(tmp_path / "m.h5")]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["complete_replicates"] == 5 and found["quantities"] == ["A"] and len(found["quantiles"]) == 3
    assert main([*command, "--max-events", "1", "--record", "moments", "--seed", "2"]) == 3


def test_columns_that_never_end_are_refused():
    with pytest.raises(gnn.InputError, match="the sweep has 100001 rows, but the limit is 100000"):
        gnn.sweep(NET, {"make": itertools.count()}, 1.0, 2)


def test_rows_that_did_not_reach_the_end_are_said(tmp_path):
    network = gnn.ReactionNetwork.from_text("grow: 2 A -> 3 A @ 1\nA = 10")
    for output in (None, tmp_path / "s"):
        with pytest.warns(
            UserWarning, match="1 of 2 rows did not reach the end .rows 1.; in the first: 1 of 1 replicates"
        ):
            gnn.sweep(network, {"A": [0, 10]}, 1.0, 3, seed=1, max_events=100, output=output)
