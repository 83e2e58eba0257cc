"""The format of run files: text, schema and files agree; files of every version open; axes and units have names."""

import re
import shutil
import subprocess

import h5py
import numpy as np
import pytest
from test_layout import ROOT

import gillespie_nn as gnn
from gillespie_nn.analysis import summary
from gillespie_nn.storage import schema

TEXT = (ROOT / "gillespie_nn" / "storage" / "FORMAT.md").read_text()
_FILES = sorted((ROOT / "tests" / "golden").glob("*.h5"))
_OF_HDF5_2 = pytest.mark.skipif(h5py.version.hdf5_version_tuple < (2,), reason="written in the form of HDF5 2.0")
GOLDEN = {p.stem: pytest.param(p, id=p.stem, marks=_OF_HDF5_2 if p.stem < "1.5" else ()) for p in _FILES}
NEWEST = [p for p in _FILES if p.name.startswith("{}.{}-".format(*schema.VERSION))]


def specified():
    """{path: (number of axes, dtypes, units, since)} of the tables in FORMAT.md."""
    found = {}
    for names, shape, dtype, unit, what in re.findall(r"^\| (`/.*?) \|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$", TEXT, re.M):
        first, *more = re.findall(r"`([^`]+)`", names)
        group = first.rpartition("/")[0]
        suffixes = [m for m in more if m.startswith("_")]
        paths = [m if m.startswith("/") else f"{group}/{m}" for m in [first, *(m for m in more if m not in suffixes)]]
        axes = {len([d for d in part.strip("[] ").split(",") if d.strip()]) for part in shape.split(" or ")}
        since = [tuple(map(int, numbers)) for numbers in re.findall(r"since (\d)\.(\d)", what)]
        row = (axes, dtype.strip().split(" or "), unit.strip().split(" or "), since)
        found |= {path: row for path in paths} | {path + s: row for path in paths for s in suffixes}
    return found


def test_the_text_and_the_schema_say_the_same():
    text = specified()
    assert set(text) == {f"/{e.path}" for e in schema.SCHEMA}
    for entry in schema.SCHEMA:
        axes, dtypes, units, since = text[f"/{entry.path}"]
        assert axes == {len(entry.axes)}, entry.path
        assert tuple(dtypes) == entry.dtypes and tuple(units) == entry.units, entry.path
        assert entry.since == (1, 0) or entry.since in since, entry.path
    assert f"# Run files, version {'.'.join(map(str, schema.VERSION))}\n" in TEXT


@pytest.mark.parametrize("path", NEWEST, ids=lambda p: p.stem)
def test_a_file_holds_what_the_schema_says_and_no_more(path):
    with h5py.File(path, "r") as file:
        expected = {e.path: e for e in schema.entries(file.attrs["kind"], schema.VERSION)}
        datasets, attributes = {}, set(file.attrs)

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                datasets[name] = item
            else:
                attributes.update(item.attrs)

        file.visititems(visit)
        numbered = {
            n for n, d in datasets.items() if d.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension")
        }
        assert set(datasets) - numbered - {n for n in datasets if n.startswith("statistics/")} == set(expected)
        for name, entry in expected.items():
            scales = [[s.name.rpartition("/")[2] for s in d.values()] for d in datasets[name].dims]
            assert scales == [[a] for a in entry.axes] or datasets[name].is_scale, name
            assert datasets[name].attrs.get("units", "") in entry.units, name
        for attribute in attributes:
            assert f"`{attribute}`" in TEXT, attribute


@pytest.mark.parametrize("path", GOLDEN.values())
def test_files_of_all_versions_open(path, tmp_path):
    version, kind = path.stem.split("-")
    copy = shutil.copy(path, tmp_path)
    with gnn.open_run(copy) as run:
        assert run.version == tuple(map(int, version.split("."))) and run.kind == kind
        assert run.complete and run.committed.all() and summary(run)["n_reactions"] == len(run.model.reactions)
        if kind == "ensemble":
            assert run.counts.shape == (2, 5, 2) and (run.counts[:, 0] == [40, 0]).all() and run.firings.sum() > 0
            assert (run.firings.sum(axis=1) == run.n_events).all()
        else:
            assert run.weights.shape == (4, len(run.training["final_weights"])) and np.isfinite(run.weights).all()
            np.testing.assert_allclose(run.training["final_weights"][:], run.weights.mean(axis=0))
    if kind == "ensemble":
        gnn.resume(copy).close()
    elif version >= "1.4":
        assert np.isfinite(gnn.load_fit(copy).predict([[1.0]], exact_forward=True)).all()
    else:
        with pytest.raises(gnn.InputError, match=f"format version {version}, without checkpoints"):
            gnn.load_fit(copy)


def test_xarray_names_axes_and_units_in_every_group():
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    for path in NEWEST:
        with gnn.open_run(path) as run:
            groups = [None, *(name for name in run.file if isinstance(run.file[name], h5py.Group))]
            species = run.species
        for group in groups:
            with xarray.open_dataset(path, group=group, engine="h5netcdf") as data:
                assert not any(str(d).startswith("phony") for d in data.sizes), group
                if group is None:
                    assert data["counts"].dims == ("replicate", "time", "species")
                    assert tuple(data["species"].values) == species
                    assert data["counts"].attrs["units"] == "molecules" and data["time"].attrs["units"] == "s"
                if group == "training":
                    assert data["weights"].dims == ("time", "weight") and data["weight"].values[0] == "W1_0_0"


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed (hdf5-tools)")
def test_h5dump_shows_names_and_units():
    path = next(p for p in NEWEST if "ensemble" in p.name)
    said = subprocess.run(["h5dump", "-H", "-A", path], capture_output=True, text=True, check=True).stdout
    counts = said[said.index('DATASET "counts"') : said.index('DATASET "covariance"')]
    assert "DIMENSION_LIST" in counts and '"molecules"' in counts
    assert all(f'"{name}"' in said for name in ("replicate", "time", "species", "s"))
