"""Moments and quantiles of ensembles that are not kept: those of the trajectories, whatever the workers, in bounded
memory; their files are gone on with to the same content."""

import h5py
import make_golden
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.api.simulate import new_file
from gillespie_nn.cli import main
from gillespie_nn.simulation import run_ensemble
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.task import MOMENT_GROUP, make_task
from gillespie_nn.statistics.intervals import ERROR
from gillespie_nn.storage import open_trajectories
from gillespie_nn.storage.export import export

FLOW = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\n2 A -> B @ 0.1\nB -> 0 @ 1")
RULES = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 9\nH = 0\n@rule H = A / 2\n@rule log = ln(A)")
N = 3 * MOMENT_GROUP + 5
P = (0.0, 0.1, 0.5, 0.9, 1.0)


def _found(network=FLOW, **arguments):
    return gnn.simulate(network, **{"t_end": 3.0, "n_points": 7, "replicates": N, "seed": 1} | arguments)


def _quantiles(network=FLOW, **arguments):
    return _found(network, **arguments, record="quantiles")


def _both(network=FLOW, **arguments):
    return _found(network, **arguments), _quantiles(network, **arguments)


def _equal(found, values):
    """`found` are the moments of `values` float64[replicate, point, quantity], NaN where not reached."""
    there = np.isfinite(values)
    np.testing.assert_array_equal(found.n, there.sum(axis=0))
    for point, quantity in np.ndindex(found.n.shape):
        own = values[there[:, point, quantity], point, quantity]
        here = point, quantity
        if not len(own):
            assert np.isnan([found.mean()[here], found.minimum()[here], found.quantile(0.5)[here]]).all()
            continue
        np.testing.assert_allclose(found.mean()[here], own.mean(), rtol=1e-12)
        assert found.minimum()[here] == own.min() and found.maximum()[here] == own.max()
        if len(own) > 1:
            np.testing.assert_allclose(found.variance()[here], own.var(ddof=1), rtol=1e-10, atol=1e-12)
    for p in P:
        if there.all():
            own = np.quantile(values, p, axis=0, method="inverted_cdf")
            assert (np.abs(found.quantile(p) - own) <= ERROR * np.abs(own)).all()


def test_moments_are_those_of_the_trajectories():
    trajectories, found = _both()
    _equal(found, trajectories.counts.astype(float))
    assert found.n_events == trajectories.n_events.sum() and found.complete and found.n_done == N
    assert found.statuses == {gnn.Status.REACHED_END: N} and found.quantities == ("A", "B") and found.place("B") == 1
    np.testing.assert_allclose(found.standard_error() ** 2 * N, found.variance())


def test_values_of_rules_take_the_place_of_counts_and_what_is_not_finite_is_left_out():
    trajectories, found = _both(RULES)
    assert found.quantities == ("A", "H", "log")
    observed = [trajectories.of("H"), np.where(trajectories.of("A") > 0, trajectories.of("log"), np.nan)]
    _equal(found, np.stack([trajectories.of("A").astype(float), *observed], axis=2))


def test_replicates_that_stop_early_count_where_they_got():
    trajectories, found = _both(max_events=15)
    _equal(found, np.where(trajectories.counts < 0, np.nan, trajectories.counts))
    assert found.statuses[gnn.Status.EVENT_LIMIT] > 0 and not found.complete and found.n[0, 0] == N > found.n[-1, 0]


def test_concentrations_and_statistics():
    trajectories, found = _both(method="langevin", volume=50.0, initial={"A": 300})
    _equal(found, trajectories.counts)
    assert found.units == "concentration"
    for name, values in trajectories.statistics.items():
        np.testing.assert_allclose(found.statistics[name], values.mean())


def test_a_grid_written_in_blocks(monkeypatch):
    whole = _quantiles()
    monkeypatch.setattr("gillespie_nn.simulation.replicate._CHUNK_BYTES", 48)
    _same(_quantiles(), whole)


def _same(a, b):
    np.testing.assert_array_equal(a.n, b.n)
    for name in ("mean", "variance", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(a, name)(), getattr(b, name)())
    assert (a.moments.sketch is None) == (b.moments.sketch is None)
    for p in P if a.moments.sketch is not None else ():
        np.testing.assert_array_equal(a.quantile(p), b.quantile(p))
    assert (a.statuses, a.n_events, a.n_done) == (b.statuses, b.n_events, b.n_done)
    np.testing.assert_equal(a.statistics, b.statistics)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_same_content_for_any_number_of_workers(tmp_path, workers):
    one = _quantiles(method="tau_leap")
    found = _quantiles(method="tau_leap", workers=workers, output=tmp_path / "m.h5")
    _same(found, one)
    again = gnn.open_moments(tmp_path / "m.h5")
    _same(again, one)
    assert again.model == FLOW and again.seed == 1 and again.method == "tau_leap" and again.complete
    assert again.provenance["parameters"]["record"] == "quantiles"


@pytest.mark.parametrize("record", ["moments", "quantiles"])
def test_a_file_is_resumed_from_itself_alone(record, tmp_path, capsys):
    path = tmp_path / "m.h5"
    ways = {
        "rates": {"r1": 6.0}, "initial": {FLOW.species[0]: 9}, "schedule": [(1.0, {FLOW.species[0]: 4})],
        "noise": gnn.noise.RateNoise(0.1, kind="constant"), "max_events": 500, "method": "tau_leap",
    }  # fmt: skip
    task, reason = make_task(FLOW, _asked(**ways, epsilon=0.02, record=record))
    with pytest.raises(KeyboardInterrupt), new_file(path, task, reason) as file:
        run_ensemble(task, file, units=[0, 1])
        raise KeyboardInterrupt
    assert main(["resume", str(path), "--workers", "2"]) == 0
    whole = gnn.simulate(
        FLOW, 3.0, 7, replicates=N, seed=1, **ways, epsilon=0.02, record=record, output=tmp_path / "w.h5"
    )
    _same(gnn.open_moments(path), whole)
    assert len(gnn.open_moments(path).provenance["resumed"]) == 1
    capsys.readouterr()
    assert main(["resume", str(path)]) == 0
    assert "has ended, so there is nothing to resume" in capsys.readouterr().out
    _same(gnn.resume(path), whole)


def _asked(**changes):
    return RunOptions.of({"t_end": 3.0, "n_points": 7, "replicates": N, "seed": 1, "record": "quantiles"} | changes)


def test_a_file_is_gone_on_with_to_the_same_content(tmp_path):
    path = tmp_path / "m.h5"
    task, reason = make_task(FLOW, _asked())
    with pytest.raises(KeyboardInterrupt), new_file(path, task, reason) as file:
        run_ensemble(task, file, units=[0, 1])
        raise KeyboardInterrupt
    part = gnn.open_moments(path)
    assert part.n_done == 2 * MOMENT_GROUP and not part.complete
    with new_file(path, task, reason, resumes=True) as file:
        assert list(file.missing) == [2, 3]
        run_ensemble(task, file, units=file.missing)
    whole = _quantiles(output=tmp_path / "whole.h5")
    _same(gnn.open_moments(path), whole)
    other, reason = make_task(FLOW, _asked(rates={"r1": 6.0}))
    with pytest.raises(gnn.InputError, match="contains another ensemble .* use the arguments that started it"):
        new_file(path, other, reason, resumes=True)
    _same(gnn.open_moments(path), whole)


def test_axes_in_a_file_are_named(tmp_path):
    run = _quantiles(output=tmp_path / "m.h5", method="tau_leap")
    with h5py.File(run.path) as file:
        for item in file["moments"].values():
            assert [d.keys()[0] for d in item.dims] == ["time", "quantity"]
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(run.path, group="moments", engine="h5netcdf") as data:
        assert data["mean"].dims == ("time", "quantity")
    data = run.to_xarray(quantiles=(0.1, 0.9))
    np.testing.assert_array_equal(data["quantiles"].sel(quantile=0.9), run.quantile(0.9))
    assert float(data["mean"].sel(quantity="B")[-1]) == run.mean()[-1, 1]


def _cut(path):
    path.write_bytes(path.read_bytes()[:2000])


def _change(change):
    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def _replace(file, name, value):
    del file[name]
    file[name] = value


@pytest.mark.parametrize(
    "damage, what",
    [
        (_cut, "not a readable HDF5 file: .*; run the simulation again"),
        (
            _change(lambda f: f.attrs.__setitem__("version", [2, 0])),
            r"format version \[2, 0\], this software reads 1.x of 'gillespie-nn moments'",
        ),
        (_change(lambda f: f.__delitem__("moments/mean")), "/moments/mean is missing"),
        (
            _change(lambda f: _replace(f, "moments/n", np.zeros(3, dtype=np.int64))),
            r"/moments/n has shape \(3,\), expected \[time, quantity\]",
        ),
        (_change(lambda f: _replace(f, "statuses", "text")), "is damaged"),
        (_change(lambda f: f["model/text"].__setitem__(0, ord("Z"))), "does not match its digest"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, damage, what):
    path = tmp_path / "m.h5"
    gnn.simulate(FLOW, 1.0, 2, seed=1, record="moments", output=path)
    damage(path)
    with pytest.raises(gnn.InputError, match=what):
        gnn.open_moments(path)


def test_what_cannot_be_used_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "_free_memory", lambda: 1e7)
    for arguments, what in (
        ({"record": "means"}, "unknown record 'means' .*: choose one of trajectories, events, moments, quantiles"),
        ({"record": "moments", "count_firings": True}, "firings are counted; use record='trajectories'"),
        ({"record": "moments", "method": "ode"}, "method ode has a single trajectory"),
        ({"record": "moments", "n_points": 10**6}, "GB, but only 0.01 GB of memory are free: record fewer times"),
    ):
        with pytest.raises(gnn.InputError, match=what):
            gnn.simulate(FLOW, **{"t_end": 1.0, "seed": 1} | arguments)
    run = gnn.simulate(FLOW, 1.0, 2, seed=1, record="moments", output=tmp_path / "m.h5")
    with pytest.raises(gnn.InputError, match='no quantiles were recorded: simulate with record="quantiles"'):
        run.quantile(0.5)
    with pytest.raises(gnn.InputError, match="must be at most 1, got 2"):
        gnn.simulate(FLOW, 1.0, 2, seed=1, record="quantiles").quantile(2)
    with pytest.raises(gnn.InputError, match="unknown quantity 'C': the result has A, B"):
        run.place("C")
    with pytest.raises(gnn.InputError, match="contains moments, which can only be exported as csv"):
        export(tmp_path / "m.h5", "parquet", tmp_path / "m.parquet")
    gnn.simulate(FLOW, 1.0, 2, seed=1, output=tmp_path / "t.h5").close()
    with pytest.raises(gnn.InputError, match="expected 'gillespie-nn moments'; it is a run file"):
        gnn.open_moments(tmp_path / "t.h5")
    with pytest.raises(gnn.InputError, match="is not a run file: .*; it is a file of moments"):
        open_trajectories(tmp_path / "m.h5")


def test_one_function_opens_every_run_and_no_other_file(tmp_path):
    gnn.simulate(FLOW, 1.0, 2, seed=1, output=tmp_path / "t.h5").close()
    gnn.simulate(FLOW, 1.0, 2, seed=1, record="moments", output=tmp_path / "m.h5")
    for name, kind, record in (("t.h5", "ensemble", "trajectories"), ("m.h5", "moments", "moments")):
        with gnn.open_run(tmp_path / name) as run:
            assert (run.kind, run.record, run.ended, run.n_kept, run.n_planned) == (kind, record, True, 1, 1)
            assert run.model == FLOW and run.arguments["schedule"] == [] and len(run.rates) == 4
    for path in make_golden.FINISHED.glob("1.0-*.h5"):
        with pytest.raises(gnn.InputError, match="is a file of a (prediction|verification of bounds), not"):
            gnn.open_run(path)


def test_memory_stays_constant_over_the_replicates():
    """The peak of the process does not grow between 1,000 and 5,000 replicates of which quantiles alone are kept."""
    resource = pytest.importorskip("resource")
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 3")

    def run(n):
        r = gnn.simulate(network, 1.0, 50, replicates=n, workers=2, seed=1, record="quantiles")
        assert r.n_done == n
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    first = run(1000)
    assert run(5000) - first < 1024  # [KiB]; what is recorded of them would be 1,600
