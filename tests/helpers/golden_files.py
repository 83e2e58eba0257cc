"""The golden files of `tests/golden`, as parameters of tests."""

import h5py
import pytest

from gillespie_nn.storage.schema import RUNS
from helpers.paths import TESTS

_FILES = sorted((TESTS / "golden").glob("*.h5"))
_OF_HDF5_2 = pytest.mark.skipif(h5py.version.hdf5_version_tuple < (2,), reason="written in the form of HDF5 2.0")
GOLDEN = {p.stem: pytest.param(p, id=p.stem, marks=_OF_HDF5_2 if p.stem < "1.5" else ()) for p in _FILES}
NEWEST = [p for p in _FILES if p.name.startswith("{}.{}-".format(*RUNS.version))]
