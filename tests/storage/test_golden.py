"""Files of earlier days: complete ones open and say what they hold, interrupted ones go on to the content that they had
come to then."""

import json
import shutil
import sys

import h5py
import make_golden
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.propositions import results as bounds_file
from gillespie_nn.propositions import simulate_paths
from gillespie_nn.storage import training_file

FINISHED = sorted(make_golden.FINISHED.glob("*.h5"))
INTERRUPTED = sorted(make_golden.INTERRUPTED.glob("*.h5"))
NEVER_INTERRUPTED = {"prediction"}
_PLACES = ("REFERENCE_LIST", "DIMENSION_LIST")


def kind_of(path):
    return path.stem.partition("-")[2]


def content(path):
    """Every dataset and attribute by name but `created` and `/provenance`; JSON as what it says."""
    found = {}
    with h5py.File(path, "r") as file:

        def visit(name, item):
            if name.split("/")[0] == "provenance":
                return
            found.update({f"{name}@{key}": value for key, value in item.attrs.items() if key not in _PLACES})
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        file.visititems(visit)
        found.update({f"@{key}": value for key, value in file.attrs.items() if key != "created"})
    return {name: _plain(value) for name, value in found.items()}


def _plain(value):
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return np.asarray(value)


def _common(found, expected):
    """What of `found` has a name in `expected`, in dictionaries in it, too."""
    if not isinstance(expected, dict):
        return found
    return {name: _common(found.get(name), value) for name, value in expected.items()}


def same(found, expected):
    """Whole numbers and texts bit for bit, real numbers but for the rounding of another machine's functions. What a
    later version of the format adds is of no account."""
    assert set(expected) <= set(found)
    assert found.pop("@version").tolist() >= expected.pop("@version").tolist()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert _common(found[name], value) == value, name
        elif value.dtype.kind == "f":
            assert found[name].dtype == value.dtype, name
            np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def resumed(path):
    if kind_of(path) == "bounds":
        simulate_paths(make_golden.bounds_source(), path, workers=1)
    else:
        found = gnn.resume(path)
        if hasattr(found, "close"):
            found.close()


def test_there_is_a_file_of_every_kind_and_present_version():
    assert set(make_golden.MAKERS) <= {path.stem for path in FINISHED}
    own = {name for name in make_golden.MAKERS if name.partition("-")[2] not in NEVER_INTERRUPTED}
    assert own <= {path.stem for path in INTERRUPTED}


@pytest.mark.parametrize("path", INTERRUPTED, ids=lambda path: path.stem)
def test_an_interrupted_file_goes_on_to_the_content_of_its_day(path, tmp_path, monkeypatch):
    whole, copy = make_golden.FINISHED / path.name, shutil.copy(path, tmp_path / path.name)
    version = str(content(whole)["@software_version"])
    for module in ("storage.making", "api.resume"):  # files of another version are not gone on with
        monkeypatch.setattr(sys.modules[f"gillespie_nn.{module}"], "__version__", version)
    resumed(copy)
    same(content(copy), content(whole))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("path", FINISHED, ids=lambda path: path.stem)
def test_complete_files_open(path):
    version, kind = tuple(map(int, path.stem.partition("-")[0].split("."))), kind_of(path)
    if kind == "bounds":
        found = bounds_file.read(path, json.loads(_attribute(path, "arguments")))
        assert found.committed.all() and found.theta.shape == (6, 6, len(found.quantity)) and (found.theta >= 0).all()
    elif kind == "prediction":
        found = training_file.read(path)
        assert found.arguments["training"] == {"case": "xor", "seed": 3} and found.task == "threshold"
        np.testing.assert_allclose(found.outputs, 0.9 * found.targets + 0.05)
    elif kind in ("moments", "quantiles"):
        found = gnn.open_moments(path)
        assert found.version == version and found.complete and found.n_done == 70 and found.quantities[-1] == "total"
        np.testing.assert_array_equal(found.mean()[0], [30.0, 0.0, 30.0])
        if kind == "quantiles":
            np.testing.assert_array_equal(found.quantile(0.5)[0], [30.0, 0.0, 30.0])
    else:
        with gnn.open_run(path) as run:
            assert run.version == version and run.kind == kind and run.complete and run.model.digest
            assert run.counts.shape[:2] == ((4, 9) if kind == "ensemble" else (1, 12))
        if kind == "training":
            fit = gnn.load_fit(path)
            assert fit.trained.n_presented == 12 and np.isfinite(fit.predict([[1.0]], exact_forward=True)).all()


def _attribute(path, name):
    with h5py.File(path, "r") as file:
        return file.attrs[name]
