"""Run files: the specification holds, memory and file agree, only committed data is trusted, errors are sentences."""

import errno
import importlib.util
import os
import shutil
import time

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.storage import hdf5_bytes, making, reader
from gillespie_nn.storage import hdf5_bytes as disk
from gillespie_nn.storage.schema import LIBVER
from helpers.run_files import NET, content


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    gnn.simulate(NET, 5.0, 11, replicates=3, seed=1, output=folder / "e.h5", count_firings=True).close()
    gnn.train("xor", volume=50.0, presentations=5, running_time=1.0, seed=1, output=folder / "t.h5")
    return folder


def test_a_file_and_memory_hold_the_same(files):
    memory = gnn.simulate(NET, 5.0, 11, replicates=3, seed=1, count_firings=True)
    with gnn.open_run(files / "e.h5") as run:
        np.testing.assert_array_equal(run.counts, memory.counts)
        for name in ("time", "n_events", "status", "firings"):
            np.testing.assert_array_equal(getattr(run, name), getattr(memory, name))
        for name in ("species", "method", "seed", "volume", "model", "units", "complete"):
            assert getattr(run, name) == getattr(memory, name)
        np.testing.assert_array_equal(run.of("B"), memory.of("B"))
        if importlib.util.find_spec("pandas"):
            assert run.to_dataframe().equals(memory.to_dataframe())
        assert run.provenance["seconds"] > 0
        assert run.provenance["parameters"]["seed"] == 1


@pytest.mark.parametrize(
    "key",
    [np.s_[:], np.s_[0], np.s_[-1, 2], np.s_[1, 2, 0], np.s_[:, -1], np.s_[..., 1], np.s_[::2, 3:7, [1, 0]],
     np.s_[0, ::3], np.s_[:, [4, 1]], np.s_[[2, 0], ::-1, 1], np.s_[5:],
     np.s_[:, 5:5], np.s_[0, ..., 0], np.s_[:, 3, 1]],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("n_bytes", [1, 100, 1 << 24])
def test_counts_slice_like_an_array(files, key, n_bytes, monkeypatch):
    monkeypatch.setattr(reader, "_BYTES", n_bytes)  # read at once
    expected = gnn.simulate(NET, 5.0, 11, replicates=3, seed=1).counts[key]
    with gnn.open_run(files / "e.h5") as run:
        part = run.counts[key]
        np.testing.assert_array_equal(part, expected)
        assert np.shape(part) == np.shape(expected)


def test_replicates_that_follow_one_another_are_read_together(files, monkeypatch):
    with gnn.open_run(files / "e.h5") as run:
        counts, read, n = run.counts, h5py.Dataset.__getitem__, []
        monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: n.append(key) or read(self, key))
        counts[:, 2:5, [0]]
        assert len(n) == 1


def test_rows_of_many_chunks_can_be_asked_for_again(tmp_path):
    with gnn.simulate(NET, 5.0, 100_001, seed=1, output=tmp_path / "a.h5") as run:
        before = run.counts
        np.testing.assert_array_equal(before[0], run.counts[0])
        np.testing.assert_array_equal(before[0], run.counts[0])


def test_the_same_seed_gives_the_same_content_for_one_and_two_workers(tmp_path):
    for name, seed, workers in (("a", 5, 1), ("b", 5, 2), ("c", 6, 2)):
        gnn.simulate(NET, 5.0, 400, replicates=8, seed=seed, workers=workers, output=tmp_path / name).close()
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a") != content(tmp_path / "c")


def test_training_has_the_same_content_for_the_same_seed(files, tmp_path):
    gnn.train("xor", volume=50.0, presentations=5, running_time=1.0, seed=1, output=tmp_path / "t.h5")
    a, b = content(files / "t.h5"), content(tmp_path / "t.h5")
    assert str(a) == str(b)  # as text, in which NaN equals NaN


def test_uncommitted_replicates_are_not_shown(files, tmp_path):
    path = tmp_path / "cut.h5"
    path.write_bytes((files / "e.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["committed"][1] = 0
    with gnn.open_run(path) as run:
        assert run.counts.shape[0] == 2 and not run.complete
        whole = gnn.simulate(NET, 5.0, 11, replicates=3, seed=1)
        np.testing.assert_array_equal(run.counts[:], whole.counts[[0, 2]])
        np.testing.assert_array_equal(run.n_events, whole.n_events[[0, 2]])


def test_xarray_opens_a_file_with_named_dimensions(files):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(files / "e.h5", engine="h5netcdf") as data:
        assert data["counts"].dims == ("replicate", "time", "species")
        assert list(data["species"].values) == ["A", "B"] and data["counts"].attrs["units"] == "molecules"
    with gnn.open_run(files / "e.h5") as run:
        assert run.to_xarray()["counts"].sel(species="A").shape == (3, 11)


def test_a_long_grid_is_written_in_blocks_and_read_back_whole(tmp_path):
    time_grid = np.linspace(0.01, 3.0, 150_001)
    run = gnn.simulate(NET, time=time_grid, seed=2, output=tmp_path / "long.h5")
    memory = gnn.simulate(NET, time=time_grid, seed=2)
    np.testing.assert_array_equal(run.counts[0], memory.counts[0])
    run.close()


def _not_hdf5(path):
    path.write_text("hello")


def _other_filetype(path):
    with h5py.File(path, "w") as file:
        file.attrs["filetype"] = "statepoint"


def _newer(path):
    with h5py.File(path, "w") as file:
        file.attrs["filetype"] = "gillespie-nn run"
        file.attrs["version"] = [9, 0]


@pytest.mark.parametrize(
    "make, what",
    [
        (lambda path: None, "no such run file"),
        (_not_hdf5, "not a readable HDF5 file"),
        (_other_filetype, "its filetype is 'statepoint', expected 'gillespie-nn run'"),
        (_newer, r"format version \[9, 0\], this software reads 1.x"),
    ],
)
def test_other_files_are_refused(make, what, tmp_path):
    make(tmp_path / "x.h5")
    with pytest.raises(gnn.InputError, match=what):
        gnn.open_run(tmp_path / "x.h5")


def test_a_damaged_model_is_noticed(files, tmp_path):
    path = tmp_path / "damaged.h5"
    path.write_bytes((files / "e.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["model/text"][0] = ord("C")
    with pytest.raises(gnn.InputError, match="does not match its digest"):
        gnn.open_run(path)


def test_the_names_of_a_large_network_stay_where_they_are(tmp_path):
    """HDF5 2.0 loses a dataset that is made without a name, where its texts fill the cache of metadata."""
    path, expected = tmp_path / "names.h5", [f"reaction_{n}" for n in range(150_000)]
    with h5py.File(path, "w", libver=LIBVER) as file:
        making.names(file, "reactions", expected)
        file["after"] = np.arange(3)
    with h5py.File(path, "r") as file:
        assert file["reactions"].asstr()[:].tolist() == expected
        assert file["after"][:].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["e.h5", "t.h5"])
def test_texts_that_hdf5_would_walk_through_for_ever_are_refused(files, name, tmp_path):
    """Zeros in place of an object's head, in each collection of texts of the file."""
    data = (files / name).read_bytes()
    places = [n for n in range(len(data)) if data.startswith(b"GCOL", n)]
    assert places
    for place in places:
        path = tmp_path / f"{place}.h5"
        path.write_bytes(data[: place + 16] + bytes(16) + data[place + 32 :])
        with pytest.raises(gnn.InputError, match="not a readable HDF5 file"):
            gnn.open_run(path)
        with pytest.raises(OSError, match=f"at byte {place} is damaged"):
            hdf5_bytes.check(path)
        # Behind a block that others may put in front of HDF5's beginning, and beyond the first 16 MiB.
        shifted = tmp_path / f"shifted{place}.h5"
        with open(shifted, "wb") as file:
            file.seek(1 << 25)
            file.write(path.read_bytes())
        with pytest.raises(gnn.InputError, match="not a readable HDF5 file"):
            gnn.open_run(shifted)
        far = tmp_path / f"far{place}.h5"
        with open(far, "wb") as file:
            file.write(data)
            file.seek(1 << 25)
            file.write(data[place : place + 16] + bytes(16) + data[place + 32 : place + 4096])
        with pytest.raises(OSError, match="at byte 33554432 is damaged"):
            hdf5_bytes.check(far)
    hdf5_bytes.check(files / name)


def test_many_names_of_few_groups_are_refused_soon(files, tmp_path):
    """Seven levels of ten names each are ten million paths."""
    path = shutil.copy(files / "e.h5", tmp_path / "many.h5")
    with h5py.File(path, "r+") as file:
        inner = file.create_group("level0")
        for level in range(1, 8):
            outer = file.create_group(f"level{level}")
            for k in range(10):
                outer[f"name{k}"] = inner
            inner = outer
    began = time.monotonic()
    with pytest.raises(gnn.InputError, match="is a second link to"):
        gnn.open_run(path)
    assert time.monotonic() - began < 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_called_damaged(files, tmp_path):
    path = shutil.copy(files / "e.h5", tmp_path / "mine.h5")
    os.chmod(path, 0)
    with pytest.raises(gnn.InputError, match="cannot read .*Permission denied"):
        gnn.open_run(path)


def test_an_error_of_the_system_is_said_as_one(files, monkeypatch):
    def refused(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(hdf5_bytes, "check", refused)
    with pytest.raises(gnn.InputError, match="cannot read .*: Too many open files"):
        gnn.open_run(files / "e.h5")


def test_an_existing_file_is_refused_and_kept(files):
    before = (files / "e.h5").read_bytes()
    with pytest.raises(gnn.InputError, match="exists: choose another name, or replace it with overwrite=True"):
        gnn.simulate(NET, 1.0, output=files / "e.h5")
    with pytest.raises(gnn.InputError):
        gnn.simulate(NET, -1.0, output=files / "e.h5", overwrite=True)
    assert (files / "e.h5").read_bytes() == before


def test_a_full_disk_is_said_before_writing(monkeypatch, tmp_path):
    usage = disk.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(gnn.UnfinishedError, match="the disk is full: 1000 bytes left"):
        gnn.simulate(NET, 1.0, output=tmp_path / "x.h5")


def test_a_failing_write_becomes_a_sentence(monkeypatch, tmp_path):
    def fail(self, *_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Dataset, "__setitem__", fail)
    with pytest.raises(gnn.UnfinishedError, match="cannot write .*No space left on device"):
        gnn.simulate(NET, 1.0, output=tmp_path / "x.h5")
