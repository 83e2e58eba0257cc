"""Run files in other formats hold what is committed; a watcher follows a run to its end."""

import csv
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.storage.export import export as write
from gillespie_nn.storage.hdf5 import Lock, is_locked
from gillespie_nn.storage.open import follow
from helpers.golden_files import GOLDEN, NEWEST

ENSEMBLE, TRAINING = sorted(NEWEST)


@pytest.mark.parametrize("path", GOLDEN.values())
def test_a_table_holds_every_committed_number(path, tmp_path):
    write(path, "csv", tmp_path / "x.csv")
    with open(tmp_path / "x.csv", newline="") as file, gnn.open_run(path) as run:
        head, *rows = csv.reader(file)
        assert head == run.table().names and len(rows) == run.counts.shape[0] * len(run.time)
        found = np.array(rows, dtype=float)
        n = 2 + len(run.species)
        np.testing.assert_array_equal(found[:, 2:n], run.counts[:].reshape(-1, len(run.species)))
        np.testing.assert_array_equal(found[:, 1], np.tile(run.time, run.counts.shape[0]))
        if run.kind == "training":
            np.testing.assert_array_equal(found[:, n:], np.hstack([run.weights, run.predictions]))


def test_a_species_that_a_rule_gives_has_the_value_of_the_rule(tmp_path):
    net = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 1\n@rule H = A / 2\n@rule more = A + 1\nH = 0")
    with gnn.simulate(net, 3.0, 31, replicates=2, seed=1, output=tmp_path / "x.h5") as run:
        half, more = run.of("H").ravel(), run.of("more").ravel()
        assert "H" in run.species and (half % 1 == 0.5).any()  # of which counts have -1
    for format in ("csv", "parquet"):
        write(tmp_path / "x.h5", format, tmp_path / f"x.{format}")
    with open(tmp_path / "x.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_array_equal([float(row["H"]) for row in rows], half)
    np.testing.assert_array_equal([float(row["more"]) for row in rows], more)
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "x.parquet")
    np.testing.assert_array_equal(table["H"].to_numpy(), half)
    np.testing.assert_array_equal(table["more"].to_numpy(), more)


def test_what_was_not_reached_is_empty(tmp_path):
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    net = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 1")
    with gnn.simulate(net, 9.0, 10, replicates=3, max_events=20, seed=1, output=tmp_path / "x.h5") as run:
        reached = run.counts[:, :, 0] >= 0
        known = run.counts[:, :, 0][reached]
        tables = [run.to_dataframe()["A"].to_numpy(), run.to_xarray()["counts"].to_numpy().ravel()]
    for format in ("csv", "parquet", "netcdf"):
        write(tmp_path / "x.h5", format, tmp_path / f"x.{format}")
    tables.append(pandas.read_csv(tmp_path / "x.csv")["A"].to_numpy())
    tables.append(pandas.read_parquet(tmp_path / "x.parquet")["A"].to_numpy())
    with xarray.open_dataset(tmp_path / "x.netcdf", engine="h5netcdf") as data:
        tables.append(data["counts"].to_numpy().ravel())
    assert 0 < reached.sum() < reached.size
    for table in tables:
        np.testing.assert_array_equal(np.isnan(table.astype(float)), ~reached.ravel())
        np.testing.assert_array_equal(table[reached.ravel()], known)


def test_parquet_holds_the_table_with_units(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for path in (ENSEMBLE, TRAINING):
        write(path, "parquet", tmp_path / "x.parquet", overwrite=True)
        table = parquet.read_table(tmp_path / "x.parquet")
        with gnn.open_run(path) as run:
            assert table.column_names == run.table().names
            np.testing.assert_array_equal(table[run.species[0]].to_numpy(), run.of(run.species[0]).ravel())
            assert table.schema.field(run.species[0]).metadata == {b"units": b"molecules"}
            assert table.schema.field("time").metadata == {b"units": b"s"}


def test_netcdf_opens_in_xarray(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    for path in (ENSEMBLE, TRAINING):
        write(path, "netcdf", tmp_path / "x.nc", overwrite=True)
        with xarray.open_dataset(tmp_path / "x.nc") as data, gnn.open_run(path) as run:
            assert data["counts"].dims == ("replicate", "time", "species") and data["time"].attrs["units"] == "s"
            np.testing.assert_array_equal(data["counts"], run.counts[:])
            assert tuple(data["species"].values) == run.species


def test_only_what_is_committed_is_written(tmp_path):
    path = shutil.copy(ENSEMBLE, tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["committed"][0] = 0
    with gnn.open_run(path) as run:
        assert [set(block[0].tolist()) for block in run.table().chunks] == [{1}]


def test_what_cannot_be_exported_is_a_sentence(tmp_path, capsys, monkeypatch):
    path = shutil.copy(ENSEMBLE, tmp_path / "x.h5")
    assert main(["export", str(path), "--to", "xls"]) == 2
    assert "unknown format 'xls'" in capsys.readouterr().err
    assert main(["export", str(path), "--to", "csv", "--json"]) == 0
    assert (tmp_path / "x.csv").exists()
    assert main(["export", str(path), "--to", "csv"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", str(path), "--to", "parquet"]) == 2
    assert "pip install pyarrow" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv", "x.h5"]


_WATCHED = """
import sys
import gillespie_nn as gnn
from gillespie_nn.simulation import replicate_groups
from gillespie_nn.storage import EnsembleFile

write_block = EnsembleFile.write_block

def watched(self, *more):
    write_block(self, *more)
    self.commit()
    print("committed", flush=True)
    sys.stdin.readline()

EnsembleFile.write_block = watched
replicate_groups._BYTES = 1  # one replicate in a block
net = gnn.ReactionNetwork.from_text("0 -> A @ 1")
gnn.simulate(net, 1.0, 3, replicates=3, seed=1, output=sys.argv[1]).close()
"""
"""A process that goes on from each commit when it is told to."""


def test_a_watcher_follows_a_run_to_its_end(tmp_path, capsys):
    path, looks = tmp_path / "x.h5", []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", _WATCHED, str(path)], **pipes) as writer:
        watcher = None
        while writer.stdout.readline():
            watcher = follow(path, 1.0, lambda seconds: None) if watcher is None else watcher
            looks.append(next(watcher))
            writer.stdin.write("on\n")
            writer.stdin.flush()
    assert [look.kept for look in looks] == [1, 2, 3] and all(look.written for look in looks)
    assert [look.ended for look in looks] == [False, False, True] and list(watcher) == []
    assert main(["analyze", str(path), "--watch"]) == 0
    said = capsys.readouterr().out
    assert "3 of 3 replicates" in said and "the run has ended" in said


def test_a_watcher_follows_moments_too(tmp_path, capsys):
    net = gnn.ReactionNetwork.from_text("0 -> A @ 1")
    gnn.simulate(net, 1.0, 3, replicates=40, seed=1, record="moments", output=tmp_path / "m.h5")
    assert main(["analyze", str(tmp_path / "m.h5"), "--watch"]) == 0
    said = capsys.readouterr().out
    assert "40 of 40 replicates" in said and "the run has ended" in said


def test_a_watcher_says_when_nobody_writes_any_more(tmp_path, capsys):
    path = shutil.copy(ENSEMBLE, tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["committed"][1] = 0
    assert main(["analyze", str(path), "--watch"]) == 3
    assert f"the run has stopped before its end; continue with: gillespie-nn resume {path}" in capsys.readouterr().out
    assert main(["analyze", str(path), "--watch", "--interval", "0"]) == 2


def test_a_look_at_the_lock_takes_none(tmp_path):
    path = tmp_path / "x.h5"
    assert not is_locked(path)
    lock = Lock(path)
    assert is_locked(path)
    lock.release()
    assert not is_locked(path) and not list(tmp_path.iterdir())
