"""Results in Python: one suite for trajectories and moments, in memory and in files, as if they were one thing."""

import csv
import io

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.simulation import parts
from gillespie_nn.storage.content import content_digest

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
    with pytest.raises(gnn.InputError, match="a run is written in HDF5"):
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
        monkeypatch.setattr(parts, "PART_BYTES", 8 * 30)
        for name in ("mean", "std", "minimum", "maximum"):
            np.testing.assert_allclose(getattr(run, name)(), getattr(whole, name)(), rtol=1e-12)
        before = parts.read
        sizes = []
        monkeypatch.setattr(parts, "read", lambda *a: sizes.append(before(*a).size) or before(*a))
        np.testing.assert_array_equal(run.quantile(0.3), whole.quantile(0.3))
        assert max(sizes) <= N  # one point of one quantity, of all replicates
        sizes.clear()
        run.std()
        assert max(sizes) <= 30
