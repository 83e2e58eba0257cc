"""The name of a signed number, NAME for species NAME_p less NAME_m, equals a rule of the same difference everywhere."""

import csv
import io

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import analysis
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.storage.export import export

REACTIONS = "0 -> D_p @ 10\n0 -> D_m @ 6\nD_p -> 0 @ 1\nD_m -> 0 @ 1\nD_p + D_m -> 0 @ 0.05\n"
NET = gnn.ReactionNetwork.from_text(f"{REACTIONS}@rule R = D_p - D_m")
"""R has the values that D must have."""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("signed") / "run.h5"
    gnn.simulate(NET, 10.0, 101, replicates=30, seed=1, volume=2.0, output=path).close()
    return path


@pytest.fixture(scope="module", params=["in memory", "in a file"])
def result(request, path):
    if request.param == "in memory":
        return gnn.simulate(NET, 10.0, 101, replicates=30, seed=1, volume=2.0)
    run = gnn.open_run(path)
    request.addfinalizer(run.close)
    return run


def test_values_and_statistics_are_those_of_the_difference(result):
    assert (result["D"] == result["R"]).all() and (result["D"] < 0).any()
    assert result["D"].dtype == np.int64  # a count, as those of its rails
    assert (result[["D_p", "D"]][..., 1] == result["R"]).all()
    for statistic in ("mean", "variance", "std", "standard_error", "interval", "minimum", "maximum"):
        assert np.array_equal(getattr(result, statistic)("D"), getattr(result, statistic)("R")), statistic
    assert np.array_equal(result.quantile([0.1, 0.5], "D"), result.quantile([0.1, 0.5], "R"))
    assert np.array_equal(result.mean(["D_m", "D"])[:, 1], result.mean("R"))


def test_it_is_a_name_but_not_a_column_of_its_own(result):
    assert "D" in result and "D_q" not in result
    assert list(result) == ["D_p", "D_m", "R"] and list(result.signed_numbers) == ["D"]
    assert list(result.to_dataframe().columns) == ["D_p", "D_m", "R"]


def test_analyses_take_it(result):
    for found in (
        [analysis.histogram(result, name) for name in "DR"],
        [analysis.stationary_histogram(result, name, 2.0) for name in "DR"],
    ):
        assert found[0].mean == found[1].mean and found[0].variance == found[1].variance
        # In units, and in bins of whole counts, as a species.
        assert found[0].units == "molecules" and found[1].units == "" and np.all(found[0].edges % 1 == 0.5)
    for function in (analysis.autocorrelation, analysis.power_spectrum):
        signed, rule = (function(result, name, start=2.0) for name in "DR")
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(signed, rule) if isinstance(a, np.ndarray))
    signed, rule = (analysis.means(result, [name]) for name in "DR")
    assert np.array_equal(signed.mean, rule.mean) and signed.units == ("molecules",)
    signed, rule = (analysis.first_passage(result, f"{name} > 8 and D_m < 4") for name in "DR")
    assert np.array_equal(signed.time, rule.time) and signed.passed.any()
    assert analysis.compare(result, result, ["D"]).differs.tolist() == [False]


def test_the_variance_of_linear_noise_counts_the_covariance_of_the_rails():
    law = gnn.simulate(NET, 10.0, 11, method="linear_noise", volume=100.0)
    exact = gnn.simulate(NET, 10.0, 11, method="rejection", volume=100.0, replicates=40, seed=1)
    difference = analysis.compare(exact, law, ["D"])
    plus, minus, both = law.covariance[0, -1, [0, 1, 0], [0, 1, 1]]
    assert both != 0
    assert difference.deviations[1] ** 2 == pytest.approx(100.0**2 * (plus + minus - 2 * both))


def test_figures_and_tables_take_it(result, tmp_path):
    axes = result.plot(names=["D"], units="concentration", samples=0)
    line = next(line for line in axes.lines if line.get_label() == "D")
    assert np.allclose(line.get_ydata(), result.mean("R") / 2.0) and axes.get_ylabel() == "concentration"
    plane = result.plot(x="D_p", y="D", samples=0)
    assert plane.get_ylabel() == "D [molecules]"
    frame = result.to_dataframe(["D", "D_m"])
    assert list(frame.columns) == ["D", "D_m"]
    assert np.array_equal(frame["D"], np.ravel(result["R"]))
    rows = list(csv.reader(io.StringIO(result.to_csv(names="D"))))
    assert rows[0] == ["replicate", "time", "D"]
    assert np.array_equal([float(row[2]) for row in rows[1:]], np.ravel(result["R"]))


def test_the_command_line_takes_it(path, tmp_path, capsys):
    figure = tmp_path / "d.png"
    assert main(["analyze", str(path), "--what", "means", "--species", "D", "--figure", str(figure), "--json"]) == 0
    out = capsys.readouterr().out
    assert figure.exists() and "\nD " in out
    assert main(["analyze", str(path), "--passage", "D > 8"]) == 0
    assert "first passage of D > 8" in capsys.readouterr().out
    assert main(["export", str(path), "--to", "csv", "--species", "D", "--output", str(tmp_path / "d.csv")]) == 0
    assert (tmp_path / "d.csv").read_text().splitlines()[0] == "replicate,time,D"
    assert main(["export", str(path), "--to", "netcdf", "--species", "D", "--output", str(tmp_path / "d.nc")]) == 2
    assert "species only apply to tables (csv and parquet), got format 'netcdf'" in capsys.readouterr().err


def test_parquet_has_its_units(path, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export(path, "parquet", tmp_path / "d.parquet", species=["D", "R"])
    table = parquet.read_table(tmp_path / "d.parquet")
    assert table.column_names == ["replicate", "time", "D", "R"] and table["D"].equals(table["R"])
    assert [table.schema.field(n).metadata for n in "DR"] == [{b"units": b"molecules"}, None]


def test_to_record_it_is_to_record_its_rails(result, tmp_path):
    few = gnn.simulate(NET, 10.0, 101, replicates=30, seed=1, volume=2.0, species=["D"])
    both = gnn.simulate(NET, 10.0, 101, replicates=30, seed=1, volume=2.0, species=["D_p", "D_m"])
    assert few.species == both.species == ("D_p", "D_m") and (few["D"] == result["D"]).all()
    assert few._repr_html_() == both._repr_html_()  # not an empty table


def test_a_species_or_constant_of_that_name_comes_first():
    text = f"{REACTIONS}0 -> D @ 5\nD -> 0 @ 1\n"
    r = gnn.simulate(gnn.ReactionNetwork.from_text(text), 5.0, 11, replicates=3, seed=1)
    assert (r["D"] == r.counts[:, :, 2]).all() and r["D"].min() >= 0 and not r.signed_numbers
    # Also where that species was not recorded.
    r = gnn.simulate(gnn.ReactionNetwork.from_text(text), 5.0, 11, seed=1, species=["D_p", "D_m"])
    with pytest.raises(InputError, match="species 'D' was not recorded"):
        r["D"]
    constant = gnn.ReactionNetwork.from_text(f"@parameter D = 3\n0 -> A @ D\n{REACTIONS}")
    assert (gnn.simulate(constant, 5.0, 11, seed=1)["D"] == 3.0).all()


def test_messages_suggest_it(result):
    with pytest.raises(InputError, match=r"unknown species 'd' \(did you mean 'D'\?\): the result has D_p, D_m, R"):
        result["d"]
    with pytest.raises(InputError, match=r"unknown species 'd'"):
        analysis.means(result, ["d"])


@pytest.mark.parametrize("record", ["moments", "quantiles"])
def test_moments_of_it_were_not_recorded(record):
    moments = gnn.simulate(NET, 10.0, 11, replicates=30, seed=1, record=record)
    for ask in (lambda: moments.mean("D"), lambda: moments["D"], lambda: analysis.means(moments, ["D"])):
        with pytest.raises(
            InputError, match="D is D_p less D_m, and moments of their difference were not recorded.*@rule"
        ):
            ask()


def test_points_that_were_not_reached_stay_so():
    with pytest.warns(UserWarning, match="did not reach"):
        r = gnn.simulate(NET, 10.0, 11, replicates=3, seed=1, max_events=40)
    assert np.ma.is_masked(r["D"]) and np.array_equal(np.ma.getmaskarray(r["D"]), np.isnan(r["R"]))
    assert np.isnan(r.mean("D")[-1]) and r.to_csv(names="D").splitlines()[-1].endswith(",")


def test_a_training_run_has_the_numbers_of_its_network(tmp_path):
    fit = gnn.train("xor", seed=0, presentations=3, output=tmp_path / "xor.h5", progress=False)
    with gnn.open_run(fit.output) as run:
        assert run["D1_0"].shape == (1, 3) and "Z2_0" in run  # a linear output is Z
        assert np.allclose(run["Z2_0"][0] / run.volume, run.predictions[:, 0])
        assert np.allclose(run["W1_0_1"][0] / run.volume, run.weights[:, 1])
