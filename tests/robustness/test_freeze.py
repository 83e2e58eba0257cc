"""The freeze holds for exact methods, and would notice a difference. All of it: `python tests/robustness/freeze.py`."""

import numpy as np
import pytest

from robustness import freeze

INEXACT = {*freeze.REAL, "tau_leap", "noise"}
"""Words in the names of runs that sum floats: another processor may round them differently, so only the script, on the
machine that recorded them, compares these."""
EXACT = [name for name in freeze.RUNS if INEXACT.isdisjoint(name.split())]


def test_it_has_forty_runs_and_every_one_is_recorded():
    assert len(freeze.RUNS) >= 40 and freeze.load().keys() == freeze.RUNS.keys()


@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_give_the_same_numbers_as_ever(name):
    assert freeze.differences(name, freeze.carry_out(name), freeze.load()[name]) == []


def test_every_kind_of_difference_is_noticed():
    frozen = freeze.load()["simulate direct"]
    assert freeze.differences("simulate direct", dict(frozen), frozen) == []
    counts = frozen["counts"].copy()
    counts[-1, -1, 0] += 1
    time = frozen["time"].copy()
    time[1] = np.nextafter(time[1], 1.0)
    for key, planted in (
        ("counts", counts),
        ("counts", frozen["counts"][:1]),
        ("counts", frozen["counts"].astype(np.int32)),
        ("counts", frozen["counts"].astype(float)),
        ("time", time),
    ):
        (said,) = freeze.differences("simulate direct", {**frozen, key: planted}, frozen)
        assert said.startswith(key), said
    assert freeze.differences("simulate direct", {**frozen, "more": time}, frozen) == ["more is new"]
    assert freeze.differences("simulate direct", {k: v for k, v in frozen.items() if k != "time"}, frozen)


def test_real_numbers_may_differ_by_rounding_and_no_more():
    frozen = {"x": np.array([1000.0, 1e-9, np.nan])}
    assert not freeze.differences("ode", {"x": frozen["x"] * (1 + 1e-13)}, frozen)
    assert freeze.differences("ode", {"x": frozen["x"] * (1 + 1e-11)}, frozen)
    assert freeze.differences("ode", {"x": np.array([1000.0, 1e-9, 0.0])}, frozen)
    assert freeze.differences("direct", {"x": frozen["x"] * (1 + 1e-13)}, frozen)
