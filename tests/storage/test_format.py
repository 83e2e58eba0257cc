"""The format of run files: text, schema and files agree; files of every version open; axes and units have names."""

import re
import shutil
import subprocess

import h5py
import make_golden
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import summary
from gillespie_nn.storage.making import DTYPE
from gillespie_nn.storage.schema import BOUNDS, FORMATS, MOMENTS, PREDICTIONS, RUNS
from helpers.golden_files import GOLDEN, NEWEST
from helpers.paths import ROOT

TEXT = (ROOT / "gillespie_nn" / "storage" / "FORMAT.md").read_text()
SECTIONS = {
    RUNS.filetype: "Run files",
    MOMENTS.filetype: "Files of moments",
    BOUNDS.filetype: "Files of a verification of bounds",
    PREDICTIONS.filetype: "Predictions of the case studies",
}
_FORMS = [pytest.param(form, id=form.filetype) for form in FORMATS]


def section(form):
    """What FORMAT.md says of a kind of file; its title names the version."""
    heading = f"## {SECTIONS[form.filetype]}, version {'.'.join(map(str, form.version))}\n"
    assert TEXT.count(heading) == 1
    return TEXT[TEXT.index(heading) + 3 :].partition("\n## ")[0]


def _since(what):
    return [tuple(map(int, numbers)) for numbers in re.findall(r"since (\d)\.(\d)", what)]


def specified(text):
    """{path: (number of axes, dtypes, units, since)} of the tables of datasets in a text."""
    found = {}
    for names, shape, dtype, unit, what in re.findall(r"^\| (`/.*?) \|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$", text, re.M):
        first, *more = re.findall(r"`([^`]+)`", names)
        group = first.rpartition("/")[0]
        suffixes = [m for m in more if m.startswith("_")]
        paths = [m if m.startswith("/") else f"{group}/{m}" for m in [first, *(m for m in more if m not in suffixes)]]
        axes = {len([d for d in part.strip("[] ").split(",") if d.strip()]) for part in shape.split(" or ")}
        row = (axes, dtype.strip().split(" or "), unit.strip().split(" or "), _since(what))
        found |= {path: row for path in paths} | {path + s: row for path in paths for s in suffixes}
    return found


def specified_attributes(text):
    """{path: (type, since)} of the tables of attributes in a text."""
    rows = re.findall(r"^\| `([^/`][^`]*)` \|(.*?)\|(.*?)\|$", text, re.M)
    return {path: (kind.strip(), _since(what)) for path, kind, what in rows}


@pytest.mark.parametrize("form", _FORMS)
def test_the_text_and_the_tables_say_the_same(form):
    text = specified(section(form))
    assert set(text) == {f"/{e.path}" for e in form.entries}
    for entry in form.entries:
        axes, dtypes, units, since = text[f"/{entry.path}"]
        assert axes == {len(entry.axes)}, entry.path
        assert tuple(dtypes) == entry.dtypes and tuple(units) == entry.units, entry.path
        assert entry.since == (1, 0) or entry.since in since, entry.path
    text = specified_attributes(TEXT.partition("\n## ")[0]) | specified_attributes(section(form))
    assert set(text) == {"filetype", "version", *(a.path for a in form.attributes)}
    for attribute in form.attributes:
        said, since = text[attribute.path]
        assert said == attribute.what and (attribute.since == (1, 0) or attribute.since in since), attribute.path


def _found(file):
    """Kind, datasets and attributes by path that a file has, without scales that are numbered only."""
    kind = file.attrs.get("kind", "")
    datasets, attributes = {}, {key: None for key in file.attrs if key not in ("filetype", "version")}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            if not (item.dtype == DTYPE and item.is_scale):  # a scale without values
                datasets[name] = item
        else:
            attributes.update({f"{name}/{key}": None for key in item.attrs})

    file.visititems(visit)
    return kind, datasets, set(attributes)


@pytest.mark.parametrize("path", [*NEWEST, *make_golden.FINISHED.glob("*.h5")], ids=lambda path: path.name)
def test_a_file_holds_what_its_table_says_and_no_more(path):
    with h5py.File(path, "r") as file:
        form = next(f for f in FORMATS if f.filetype == file.attrs["filetype"])
        kind, datasets, attributes = _found(file)
        version = tuple(file.attrs["version"].tolist())
        assert attributes == {a.path for a in form.attributes_of(kind, version)}
        entries = [
            e
            for e in form.entries_of(kind, version)
            if (not e.optional or e.group in file) and (not e.sometimes or e.path in file)
        ]
        expected = {e.path: e for e in entries if not e.open}
        free = {e.group for e in form.entries if e.open}
        assert {name for name in datasets if name.rpartition("/")[0] not in free} == set(expected)
        for name, entry in expected.items():
            scales = [[s.name.rpartition("/")[2] for s in d.values()] for d in datasets[name].dims]
            named = [a for a in entry.axes if form.scaled is None or a in form.scaled]
            assert scales == [[a] for a in named] or not named or datasets[name].is_scale, name
            assert datasets[name].attrs.get("units", "") in entry.units, name


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
    assert len(NEWEST) == 2  # an ensemble and a training
    for path in NEWEST:
        with h5py.File(path) as file, gnn.open_run(path) as run:
            groups = [None, *(name for name in file if isinstance(file[name], h5py.Group))]
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
