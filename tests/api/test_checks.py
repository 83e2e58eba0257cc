"""Checks of arguments: numbers at the ends of what is allowed."""

import configparser
import re
import shlex
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import checks
from helpers.paths import ROOT

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("kind", [int, np.int64, np.uint64])
def test_one_molecule_beyond_the_largest_count_is_refused(kind):
    """As a float it is the largest count itself."""
    assert checks.count("n", kind(2**53)) == 2**53 and float(2**53 + 1) == 2**53
    with pytest.raises(gnn.InputError, match="9007199254740993.*counts above 2\\*\\*53"):
        checks.count("n", kind(2**53 + 1))
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 1")
    with pytest.raises(gnn.InputError, match="counts above"):
        network.counts({"A": kind(2**53 + 1)})
    assert network.counts({"A": kind(2**53)}) == 2**53 and network.counts({"A": kind(2**53)}).dtype == np.int64
    network = gnn.ReactionNetwork.from_text(f"A -> 0 @ 1\nA = {2**53 + 1}")
    with pytest.raises(gnn.InputError, match="amount of A is 9007199254740994, but counts above"):
        gnn.simulate(network, 1.0)
    assert gnn.simulate(network, 1.0, 2, method="ode").counts[0, 1, 0] == pytest.approx(2**53 * np.exp(-1))


@pytest.mark.parametrize("check", [checks.whole, checks.count])
@pytest.mark.parametrize("value", [5.5, float("inf"), float("nan"), -1, "5", True, None, 10**400])
def test_what_is_no_count_is_refused(check, value):
    with pytest.raises(gnn.InputError, match="must be|exceeds the range"):
        check("n", value)


def test_whole_numbers_beyond_the_floats_are_kept_as_they_are():
    assert checks.whole("seed", 2**63 - 1, 0, 2**63 - 1) == 2**63 - 1
    with pytest.raises(gnn.InputError, match="must be at most"):
        checks.whole("seed", 2**63, 0, 2**63 - 1)
    assert checks.whole("n", np.float64(7.0)) == 7 and isinstance(checks.whole("n", 7.0), int)


def test_the_commands_that_install_extras_name_the_libraries_of_setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = dict(config["options.extras_require"])
    assert set(checks._LIBRARIES) == set(extras) - {"test", "bench", "docs", "all"}
    for extra, libraries in checks._LIBRARIES.items():
        assert set(shlex.split(libraries)) == {line.partition(">")[0] for line in extras[extra].split()}, extra
        assert libraries in checks.how_to_install(extra)
    assert "'.[bench]'" in checks.how_to_install("bench")


def test_what_is_installed_includes_the_library_that_is_missing():
    """Of every optional library that the package imports."""
    package = Path(checks.__file__).parent
    wanted = set()
    for path in package.rglob("*.py"):
        wanted |= set(re.findall(r'checks\.optional\("([\w.]+)", "(\w+)"', path.read_text()))
    assert len(wanted) > 10
    names = {
        "distributed": "dask[distributed]",
        "libsedml": "python-libsedml",
        "libsbml": "python-libsbml",
        "sklearn": "scikit-learn",
    }
    for module, extra in sorted(wanted):
        if extra not in checks._LIBRARIES:  # installed by its name, from a checkout
            assert f"'.[{extra}]'" in checks.how_to_install(extra, module)
            continue
        with mock.patch.dict(sys.modules, {module: None}), pytest.raises(gnn.MissingExtraError) as error:
            checks.optional(module, extra, "it")
        libraries = shlex.split(str(error.value).partition("pip install ")[2])
        top = module.partition(".")[0]
        assert names.get(top, top) in libraries, str(error.value)
