"""Results in Python: one suite for trajectories and moments, in memory and in files, as if they were one thing."""

import csv
import io
import sys

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.simulation import result_views
from gillespie_nn.storage.export import content_digest

NET = gnn.ReactionNetwork.from_text("""
    make: 0 -> P @ 20
    P -> 0 @ 0.5
    2 P -> D @ 0.001
    @rule half = P / 2
""")
SOME_STOP = {"max_events": 100}
BACKENDS = ["memory", "file", "moments in memory", "moments file"]
NAMES = ("P", "D", "half")
N = 40


def _simulate(backend, folder, **options):
    moments = backend.startswith("moments")
    record = {"record": "quantiles"} if moments else {}
    output = {} if backend.endswith("memory") else {"output": folder / f"{backend}.h5"}
    return gnn.simulate(NET, 6.0, 7, replicates=N, seed=2, **record, **output, **options)


@pytest.fixture(scope="module", params=[{}, SOME_STOP], ids=["all", "some stop"])
def options(request):
    return request.param


@pytest.fixture(scope="module")
def values(options):
    """float64[replicate, point, quantity], NaN where a replicate did not reach the point."""
    r = gnn.simulate(NET, 6.0, 7, replicates=N, seed=2, **options)
    counts = np.ma.filled(r.counts.astype(float), np.nan)
    return np.concatenate([counts, r.observables], axis=2)


@pytest.fixture(params=BACKENDS)
def result(request, options, tmp_path):
    found = _simulate(request.param, tmp_path, **options)
    yield found
    if hasattr(found, "close"):
        found.close()


pytestmark = pytest.mark.filterwarnings("ignore:.*did not reach")


def test_names_and_sizes(result):
    assert result.quantities == NAMES == tuple(result) and len(result) == N
    assert "P" in result and "half" in result and "time" in result and "Q" not in result and 0 not in result
    np.testing.assert_array_equal(result["time"], result.time)


def test_a_quantity_by_name_is_as_of_has_it(result):
    for name in NAMES:
        np.testing.assert_array_equal(result[name], result.of(name))
    both = result[["half", "P"]]
    assert both.shape == (*result["P"].shape, 2)
    np.testing.assert_array_equal(both[..., 0], result["half"])
    np.testing.assert_array_equal(both[..., 1], np.ma.filled(result["P"].astype(float), np.nan))
    counted = result[["D", "P"]]
    np.testing.assert_array_equal(np.ma.filled(counted[..., 1], -1), np.ma.filled(result["P"], -1))


@pytest.mark.parametrize("key", [0, -1, slice(2), None, ["P", 0], [], 1.5])
def test_what_is_no_name_is_refused(result, key):
    with pytest.raises(gnn.InputError, match="a result is indexed by the name of a species or observable, r\\['P'\\]"):
        result[key]


def test_an_unknown_name_is_refused(result):
    for ask in (result.__getitem__, result.mean, lambda name: result.quantile(0.5, name), result.of):
        with pytest.raises(gnn.InputError, match="'halb' \\(did you mean 'half'\\?\\)"):
            ask("halb")


def test_a_result_is_no_array(result):
    with pytest.raises(gnn.InputError, match="a result is not an array: take one quantity"):
        np.asarray(result)


def test_statistics_are_those_of_the_replicates_that_reached_the_point(result, values):
    known = np.isfinite(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        expected = {
            "mean": np.where(n > 0, np.nansum(values, axis=0) / n, np.nan),
            "minimum": np.where(n > 0, np.where(known, values, np.inf).min(axis=0), np.nan),
            "maximum": np.where(n > 0, np.where(known, values, -np.inf).max(axis=0), np.nan),
        }
        squares = np.nansum((values - expected["mean"]) ** 2, axis=0)
        expected["variance"] = np.where(n > 1, squares / (n - 1), np.nan)
        expected["std"] = np.sqrt(expected["variance"])
        expected["standard_error"] = expected["std"] / np.sqrt(n)
    for name, numbers in expected.items():
        ask = getattr(result, name)
        np.testing.assert_allclose(ask(), numbers, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ask("half"), numbers[:, 2], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ask(["D", "P"]), numbers[:, [1, 0]], rtol=1e-12, atol=1e-12)


def test_quantiles_have_the_rank_of_a_share_rounded_up(result, values):
    for q in (0, 0.05, 0.3, 0.5, 1):
        expected = np.full(values.shape[1:], np.nan)
        for place in np.ndindex(expected.shape):
            ordered = np.sort(values[(slice(None), *place)])
            n = np.isfinite(ordered).sum()
            if n:
                expected[place] = ordered[max(1, int(np.ceil(round(q * n, 9)))) - 1]
        np.testing.assert_allclose(result.quantile(q), expected, rtol=1 / 256)
        np.testing.assert_allclose(result.quantile(q, "P"), expected[:, 0])
    several = result.quantile([0.05, 0.95], "D")
    np.testing.assert_array_equal(several, [result.quantile(0.05, "D"), result.quantile(0.95, "D")])


@pytest.mark.parametrize("q", [-0.1, 1.1, "x", np.nan, []])
def test_a_probability_that_is_none_is_refused(result, q):
    with pytest.raises(gnn.InputError, match="the probability of a quantile"):
        result.quantile(q)


def test_the_table_in_csv_is_that_of_the_command(result, tmp_path):
    text = result.to_csv()
    result.to_csv(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == text
    with pytest.raises(gnn.InputError, match="exists"):
        result.to_csv(tmp_path / "x.csv")
    result.to_csv(tmp_path / "x.csv", overwrite=True)
    result.save(tmp_path / "saved.h5")
    from gillespie_nn.storage.export import export

    assert export(tmp_path / "saved.h5", "csv", tmp_path / "y.csv") == N
    assert (tmp_path / "y.csv").read_text() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    if "quantity" in rows[0]:
        assert len(rows) == 7 * 3 and float(rows[-1]["n"]) == result.n[-1, -1]
    else:
        assert [row["P"] for row in rows] == ["" if v < 0 else str(v) for v in np.ma.filled(result["P"], -1).ravel()]


def test_a_saved_result_is_the_file_of_the_same_simulation(result, options, tmp_path):
    backend = "moments" if isinstance(result, gnn.MomentsResult) else "trajectories"
    direct = _simulate(backend, tmp_path, **options)
    saved = tmp_path / "deeper.h5"
    result.save(saved)
    direct.close()
    assert content_digest(saved) == content_digest(direct.path)
    with gnn.open_run(direct.path) as direct, gnn.open_run(saved) as again:
        assert again.complete == direct.complete and again.provenance["parameters"] == direct.provenance["parameters"]
        assert again.provenance["seconds"] > 0 and again.provenance["started"] <= direct.provenance["started"]
        np.testing.assert_array_equal(again.mean(), result.mean())


def test_nothing_is_lost_by_saving(result, tmp_path):
    path = tmp_path / "there.h5"
    path.write_bytes(b"mine")
    with pytest.raises(gnn.InputError, match="exists"):
        result.save(path)
    with pytest.raises(gnn.InputError, match="runs are written as HDF5"):
        result.save(tmp_path / "x.csv")
    assert path.read_bytes() == b"mine"
    result.save(path, overwrite=True)
    with gnn.open_run(path) as run:
        assert len(run) == N
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_prompt_and_a_notebook_show_what_it_is(result, options):
    shown, page = repr(result), result._repr_html_()
    assert f"{N} replicates, 7 points from 0 to 6 s, 3 quantities [molecules]" in shown and "seed 2" in shown
    assert ("stopped early" in shown) == ("stopped early" in page) == bool(options)
    assert f'<td>half</td><td class="number">{result.mean("half")[-1]:.6g}</td>' in page or options
    assert page.count("<tr>") == 4 and "at t = 6 s" in page


def test_results_do_not_depend_on_how_much_is_read_at_once(tmp_path, monkeypatch):
    whole = _simulate("memory", tmp_path)
    with _simulate("file", tmp_path) as run:
        np.testing.assert_array_equal(run.mean(), whole.mean())
        monkeypatch.setattr(result_views, "PART_BYTES", 8 * 30)
        for name in ("mean", "std", "minimum", "maximum"):
            np.testing.assert_allclose(getattr(run, name)(), getattr(whole, name)(), rtol=1e-12)
        before = result_views.read
        sizes = []
        monkeypatch.setattr(result_views, "read", lambda *a: sizes.append(before(*a).size) or before(*a))
        np.testing.assert_array_equal(run.quantile(0.3), whole.quantile(0.3))
        assert max(sizes) <= N  # one point of one quantity, of all replicates
        sizes.clear()
        run.std()
        assert max(sizes) <= 30


TABLE = {"make": [10, 20, 30], "P": [0, 5, 10]}


@pytest.fixture(params=BACKENDS)
def sweep(request, tmp_path):
    record = "quantiles" if request.param.startswith("moments") else "trajectories"
    output = None if request.param.endswith("memory") else tmp_path / "swept"
    return gnn.sweep(NET, TABLE, 3.0, 4, replicates=6, seed=3, record=record, output=output)


def test_a_sweep_has_the_statistics_of_its_rows(sweep):
    assert len(sweep) == 3 and sweep.quantities == NAMES and sweep.time.tolist() == [0, 1, 2, 3]
    for name in ("mean", "variance", "std", "standard_error", "interval", "minimum", "maximum"):
        found = getattr(sweep, name)("P")
        assert found.shape == ((3, 2, 4) if name == "interval" else (3, 4))
        for row, result in enumerate(sweep):
            np.testing.assert_array_equal(found[row], getattr(result, name)("P"))
    assert sweep.mean().shape == (3, 4, 3) and sweep.quantile([0.1, 0.5]).shape == (3, 2, 4, 3)
    assert sweep.mean("P")[:, 0].tolist() == [0, 5, 10]
    with pytest.raises(gnn.InputError, match="a sweep is indexed by the number of a row, sweep\\[0\\], got 'P'"):
        sweep["P"]
    with pytest.raises(IndexError):
        sweep[3]


def test_the_table_of_a_sweep_has_its_parameters(sweep, tmp_path):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(io.StringIO(sweep.to_csv()))
    column = "sweep_P" if "replicate" in table else "P"  # moments have their quantities below one another
    assert list(table.columns[:3]) == ["row", "make", column]
    frame = sweep.to_dataframe()
    assert frame.index.names == ["row", *("replicate time" if "replicate" in table else "time quantity").split()]
    assert list(frame.columns[:2]) == ["make", column] and len(frame) == len(table)
    assert frame.groupby("row")["make"].unique().map(list).tolist() == [[10], [20], [30]]
    for row, result in enumerate(sweep):
        own = result.to_dataframe()
        pandas.testing.assert_frame_equal(frame.loc[row][own.columns], own, check_index_type=False)
    index = list(frame.index.names)
    again = table.set_index(index)
    pandas.testing.assert_frame_equal(again, frame, check_dtype=False, check_index_type=False)


def test_a_saved_sweep_is_the_folder_of_the_same_sweep(sweep, tmp_path):
    direct, saved = tmp_path / "direct", tmp_path / "saved"
    gnn.sweep(NET, TABLE, 3.0, 4, replicates=6, seed=3, record=sweep.record, output=direct)
    sweep.save(saved)
    assert sorted(p.name for p in saved.iterdir()) == sorted(p.name for p in direct.iterdir())
    assert (saved / "table.csv").read_text() == (direct / "table.csv").read_text()
    for path in direct.glob("*.h5"):
        assert content_digest(path) == content_digest(saved / path.name)
    assert gnn.open_sweep(saved).complete
    with pytest.raises(gnn.InputError, match="is not empty: choose a new one"):
        sweep.save(saved)


def test_a_notebook_shows_the_means_of_a_sweep(sweep):
    page = sweep._repr_html_()
    assert "Sweep: 3 rows of make, P" in page and "mean of P" in page and page.count("<tr>") == 4
    assert f"{sweep.mean('P')[2, -1]:.6g}" in page
    long = gnn.sweep(NET, {"make": list(range(1, 16))}, 0.1, 2, seed=1)
    assert "... 5 more" in long._repr_html_() and long._repr_html_().count("<tr>") == 12


def test_a_row_of_a_sweep_that_has_not_started_is_left_empty(tmp_path):
    swept = gnn.sweep(NET, TABLE, 1.0, 2, seed=1, output=tmp_path / "swept")
    swept.results[1].unlink()
    assert '<td class="number">-</td>' in swept._repr_html_()


def test_a_run_is_not_saved_over_itself_nor_while_it_is_written(tmp_path):
    from gillespie_nn.storage.hdf5 import Lock

    path = tmp_path / "x.h5"
    with gnn.simulate(NET, 1.0, 2, seed=1, output=path) as run:
        with pytest.raises(gnn.InputError, match="is the file of this run"):
            run.save(path, overwrite=True)
        lock = Lock(path)
        with pytest.raises(gnn.InputError, match="is being written by another process: wait until it has finished"):
            run.save(tmp_path / "y.h5")
        lock.release()
    assert content_digest(path) and not (tmp_path / "y.h5").exists()


@pytest.mark.parametrize("backend", ["memory", "moments in memory", "file"])
def test_a_save_that_fails_leaves_what_was_there(backend, tmp_path, monkeypatch):
    r, path = _simulate(backend, tmp_path), tmp_path / "there.h5"
    path.write_bytes(b"mine")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gillespie_nn.storage.hdf5.move" if "moments" not in backend else "os.fsync", fail)
    with pytest.raises(
        gnn.UnfinishedError,
        match="cannot write .*there.h5: No space left .*previous file, if any, is unchanged",
    ):
        r.save(path, overwrite=True)
    assert path.read_bytes() == b"mine" and not [p for p in tmp_path.iterdir() if p.name.startswith(".there")]


def test_a_result_made_by_hand_is_not_saved(tmp_path):
    status = np.zeros(1, dtype=np.int64)
    r = gnn.Result(np.zeros(1), np.zeros((1, 1, 1), dtype=int), ("A",), status, status, "direct", 1, 1.0, NET)
    with pytest.raises(gnn.InputError, match="does not record how it was simulated"):
        r.save(tmp_path / "x.h5")


def test_a_saved_result_is_resumed_and_analysed_as_any_run(tmp_path, capsys):
    from gillespie_nn.cli import main

    path = str(tmp_path / "x.h5")
    gnn.simulate(NET, 2.0, 3, replicates=3, seed=1, rates={"make": 7}, initial={"P": 3}).save(path)
    assert main(["resume", path]) == 0 and main(["analyze", path, "--what", "means"]) == 0
    assert main(["repair", path]) == 0 and main(["export", path, "--to", "csv", "--output", path + ".csv"]) == 0
    with gnn.open_run(path) as run:
        assert run.rates[0] == 7 and run.initial[0] == 3 and run.provenance["parameters"]["rates"] == {"make": 7}


def test_covariances_and_firings_are_saved(tmp_path):
    net = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 1\nA = 5")
    for k, options in enumerate(({"method": "linear_noise"}, {"count_firings": True}, {"method": "tau_leap"})):
        paths = tmp_path / f"direct{k}.h5", tmp_path / f"saved{k}.h5"
        gnn.simulate(net, 2.0, 3, seed=1, **options, output=paths[0]).close()
        gnn.simulate(net, 2.0, 3, seed=1, **options).save(paths[1])
        assert content_digest(paths[0]) == content_digest(paths[1])


def test_a_large_file_is_shown_by_some_of_its_replicates(tmp_path, monkeypatch):

    monkeypatch.setattr(result_views, "_MOST_REPLICATES", 5)
    with _simulate("file", tmp_path) as run:
        page = run._repr_html_()
        assert "the table shows the first 5 replicates" in page
        assert f"{np.mean(run['P'][:5, -1]):.6g}" in page
    assert "the first 5" not in _simulate("memory", tmp_path)._repr_html_()


def test_many_quantities_make_no_long_page():
    spec = gnn.training_network((2, 4, 1))
    page = gnn.simulate(spec.network, 0.1, 2, seed=1, volume=10)._repr_html_()
    assert page.count("<tr>") == 12 and "72 more" in page and "largest changes first" in page


def test_a_run_that_has_nothing_yet(tmp_path):
    path = tmp_path / "x.h5"
    with pytest.raises(gnn.UnfinishedError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["gillespie_nn.api.simulate"], "run_ensemble", _stop)
        gnn.simulate(NET, 1.0, 3, replicates=2, seed=1, output=path)
    with gnn.open_run(path) as run:
        assert len(run) == 0 and "0 of 2 replicates" in repr(run) and "nothing is recorded yet" in run._repr_html_()
        assert np.isnan(run.mean()).all() and np.isnan(run.quantile(0.5)).all() and np.isnan(run.maximum("P")).all()
        assert run.to_csv() == "replicate,time,P,D,half\n" and len(run.to_dataframe()) == 0


def _stop(*_, **__):
    raise gnn.UnfinishedError("stopped")


def test_a_fit_and_its_file(tmp_path):
    path, copy = tmp_path / "fit.h5", tmp_path / "copy.h5"
    settings = {"seed": 3, "presentations": 4, "volume": 50, "running_time": 1.0}
    fit = gnn.train("xor", **settings)
    with pytest.raises(gnn.InputError, match="not have the record of training .* call train with output="):
        fit.save(copy)
    gnn.train("xor", **settings, output=path).save(copy)
    assert content_digest(path) == content_digest(copy)
    np.testing.assert_array_equal(gnn.load_fit(copy).weights, fit.weights)
    page = fit._repr_html_()
    assert "Fit of xor: 2-4-1, 4 of 4 presentations" in page and "gradient descent" in page
    with gnn.open_run(path) as run:
        assert "training on xor, 4 of 4 records" in repr(run) and run._repr_html_().count("<tr>") == 12
        assert len(run) == 1 and run.mean("X_0_p").shape == (4,) and np.isnan(run.std()).all()
        assert run.to_csv().splitlines()[0].endswith("prediction_Z2_0")


@pytest.mark.parametrize("backend", BACKENDS)
def test_ipython_suggests_names_and_the_time(backend, tmp_path):
    result = _simulate(backend, tmp_path)
    assert result._ipython_key_completions_() == [*NAMES, "time"]
    for name in result._ipython_key_completions_():
        assert len(result[name])


def test_ipython_suggests_the_rows_of_a_sweep():
    sweep = gnn.sweep(NET, {"make": [1.0, 2.0]}, 1.0, 2, seed=1)
    assert sweep._ipython_key_completions_() == [0, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_only_the_package_uses_is_not_public(backend, tmp_path):
    public = {name for name in dir(_simulate(backend, tmp_path)) if not name.startswith("_")}
    assert not public & {"task", "writer"} and {"mean", "save", "to_csv", "plot"} - public <= {"save"}


def test_the_module_of_analysis_lists_its_public_names():
    assert dir(gnn.analysis) == sorted(gnn.analysis.__all__)
