"""Results and analyses draw themselves: into the axes given, with names, units and legends; and show short tables."""

import warnings
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import (
    ANALYSES,
    Ask,
    autocorrelation,
    common_parts,
    compare,
    course,
    first_passage,
    histogram,
    means,
    overview,
    power_spectrum,
    stationary_histogram,
)
from gillespie_nn.analysis.histograms import bin_width
from gillespie_nn.analysis.rails import CommonParts, pairs_of
from gillespie_nn.analysis.training_course import training_drawing
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.display.figures import COLOURS, style
from gillespie_nn.nn import training_network
from gillespie_nn.nn.settings import Settings
from gillespie_nn.simulation import Result

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

MODEL = """
    0 -> M @ 5
    M -> 0 @ 1
    M -> M + P @ 40
    P -> 0 @ 0.5
    @rule double = 2 * P
"""
RUN = {"t_end": 10, "n_points": 101, "volume": 10.0, "seed": 1}


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def net():
    return gnn.ReactionNetwork.from_text(MODEL)


@pytest.fixture(scope="module")
def ensemble(net):
    return gnn.simulate(net, replicates=40, **RUN)


@pytest.fixture(scope="module")
def ode(net):
    return gnn.simulate(net, method="ode", **RUN)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    path = tmp_path_factory.mktemp("training") / "xor.h5"
    fit = gnn.train("xor", seed=2, volume=50, presentations=30, running_time=1, validation=0.25, output=path)
    return fit, path


def _legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def _check(shown):
    """Axes with named axes whose every lasting line is in their legend, or has the colour of one that is."""
    panels = np.ravel(shown)
    assert len(panels) and all(isinstance(axes, Axes) for axes in panels)
    for axes in panels:
        assert axes.get_ylabel() and (axes.get_xlabel() or axes is not panels[-1])
        named = {matplotlib.colors.to_hex(x.get_color()) for x in axes.lines if not x.get_label().startswith("_")}
        assert {matplotlib.colors.to_hex(x.get_color()) for x in axes.lines} <= named
        labels = axes.get_legend_handles_labels()[1]
        assert not labels or sorted(_legend(axes)) == sorted(labels)


def test_one_trajectory_of_molecules_is_steps_and_one_of_concentrations_a_line(net, ode):
    direct = gnn.simulate(net, **RUN)
    for result, drawn, unit in ((direct, "steps-post", "molecules"), (ode, "default", "concentration")):
        panels = result.plot()
        _check(panels)
        assert [axes.lines[0].get_label() for axes in panels] == ["P", "M"]  # which differ by far
        for axes in panels:
            assert [line.get_drawstyle() for line in axes.lines] == [drawn] and unit in axes.get_ylabel()
        assert panels[-1].get_xlabel() == "time [s]"
        assert np.array_equal(panels[1].lines[0].get_ydata(), result.of("M")[0])


def test_an_ensemble_is_means_with_bands_and_a_few_trajectories(ensemble):
    panels = ensemble.plot()
    _check(panels)
    for axes, name in zip(panels, "PM"):
        (mean,) = (line for line in axes.lines if line.get_label() == name)
        assert mean.get_drawstyle() == "default" and np.allclose(mean.get_ydata(), ensemble.of(name).mean(axis=0))
        samples = [line for line in axes.lines if line.get_drawstyle() == "steps-post" and len(line.get_xdata())]
        assert len(samples) == 5 and np.array_equal(samples[3].get_ydata(), ensemble.of(name)[3])
        assert _legend(axes)[-2:] == ["5 to 95 % of 40 replicates", "95 % interval of the mean"]
        low = means(ensemble, [name]).low[:, 0]
        band = axes.collections[1].get_paths()[0].vertices[:, 1]
        assert np.isin(np.round(low, 9), np.round(band, 9)).all()
    assert "2 species" not in panels[0].get_title() and "40 replicates" in panels[0].get_title()


def test_a_long_legend_does_not_cover_the_lines_where_there_is_room(ensemble, ode):
    def covers(axes):
        axes.figure.canvas.draw()
        legend, inside = axes.get_legend().get_window_extent(), axes.get_window_extent()
        return bool(inside.overlaps(legend)) and legend.x0 < inside.x1 - 1

    assert not covers(ensemble.plot(names=["M"])) and not covers(ensemble.plot(x="M", y="P"))
    assert covers(ode.plot(names=["M"]))
    narrow = pyplot.figure().subplots()  # without a layout engine, which would make room
    assert covers(ensemble.plot(narrow, ["M"]))


def test_files_and_moments_draw_the_same_means(net, ensemble, tmp_path):
    gnn.simulate(net, replicates=40, **RUN, output=tmp_path / "r.h5").close()
    moments = gnn.simulate(net, replicates=40, **RUN, record="quantiles")
    drawn = [line.get_ydata() for line in ensemble.plot(names=["M", "double"], samples=0)[0].lines]
    with gnn.open_run(tmp_path / "r.h5") as run:
        for other in (run, moments):
            panels = other.plot(names=["M", "double"], samples=0)
            _check(panels)
            assert [axes.get_ylabel() for axes in panels] == ["count [molecules]", "value of the observable"]
            assert np.allclose(panels[0].lines[0].get_ydata(), drawn[0])
            assert "5 to 95 % of 40 replicates" in _legend(panels[0])


def test_the_ode_is_drawn_over_an_ensemble_in_its_units(ensemble, ode):
    axes = pyplot.figure().subplots()
    assert ensemble.plot(axes, ["M"]) is axes
    assert ode.plot(ax=axes, names=["M"]) is axes
    _check_lines = {line.get_label(): line for line in axes.lines}
    assert {"M", "M, ode"} <= set(_check_lines)
    assert np.allclose(_check_lines["M, ode"].get_ydata(), 10 * ode.of("M")[0])
    assert axes.get_ylabel() == "count [molecules]"
    assert _check_lines["M"].get_linestyle() != _check_lines["M, ode"].get_linestyle()
    both = ensemble.plot(names=["M"], units="concentration", samples=0)
    assert np.allclose(both.lines[0].get_ydata(), ensemble.of("M").mean(axis=0) / 10)


def test_a_species_that_a_rule_gives_has_the_units_of_the_other_species():
    net = gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 100\nT = 0\n@rule T = A + B")
    how = {"t_end": 1.0, "n_points": 3, "volume": 10, "seed": 1}
    runs = [gnn.simulate(net, method=name, **how) for name in ("ode", "linear_noise", "direct")]
    for result in (*runs, gnn.simulate(net, record="moments", replicates=5, **how)):
        axes = result.plot(names=["T"], units="concentration")
        np.testing.assert_allclose(axes.lines[-1].get_ydata(), 10)
        assert "concentration" in axes.get_ylabel()
        assert not any("linear noise" in label for label in axes.get_legend_handles_labels()[1])
        assert result.plot(x="A", y="T").get_ylabel() == f"T [{result.units}]"


def test_linear_noise_has_the_band_of_its_normal_law(net):
    result = gnn.simulate(net, method="linear_noise", **RUN)
    axes = result.plot(names=["M"])
    assert "5 to 95 % of linear noise" in _legend(axes)
    top = axes.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx((result.of("M")[0] + 1.6448536 * np.sqrt(result.covariance[0, :, 0, 0])).max())


def test_log_axes_and_phase_planes(ensemble):
    axes = ensemble.plot(log="y")
    assert isinstance(axes, Axes) and (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    plane = ensemble.plot(x="M", y="P", log="xy")
    _check(plane)
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("M [molecules]", "P [molecules]")
    assert (plane.get_xscale(), plane.get_yscale()) == ("log", "log")
    mean = next(line for line in plane.lines if line.get_label() == "mean of 40 replicates")
    assert np.allclose(mean.get_ydata(), ensemble.of("P").mean(axis=0))


def test_a_phase_plane_over_another_keeps_its_units(ensemble, ode):
    for units, factor in (("molecules", 10), ("concentration", 1)):
        plane = ensemble.plot(x="M", y="P", units=units, samples=0)
        ode.plot(plane, x="M", y="P")
        assert (plane.get_xlabel(), plane.get_ylabel()) == (f"M [{units}]", f"P [{units}]")
        line = next(line for line in plane.lines if line.get_label() == "ode")
        assert np.allclose(line.get_xdata(), factor * ode.of("M")[0])


def test_species_that_vary_most_are_drawn_and_the_others_counted():
    counts = np.zeros((1, 3, 20), dtype=int)
    counts[0, 1] = np.arange(20)
    names = tuple(f"S{k}" for k in range(20))
    r = Result(
        np.arange(3.0), counts, names, np.zeros(1, dtype=int), np.zeros(1, dtype=int), "direct", 1, 1.0, None
    )  # fmt: skip
    axes = r.plot()
    assert [line.get_label() for line in axes.lines] == list(names[12:])
    assert "12 species not shown" in axes.get_title()


def test_points_that_were_not_reached_are_not_drawn(ensemble):
    counts = np.asarray(ensemble.counts).copy()
    counts[:, 60:] = -1
    axes = replace(ensemble, counts=counts).plot(names=["M"])
    drawn = [np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_ydata())]
    assert drawn and min(np.nanmin(values) for values in drawn) >= 0


@pytest.mark.parametrize(
    "how, message",
    [
        ({"names": ["Q"]}, "unknown quantity 'Q'"),
        ({"log": "z"}, "log"),
        ({"units": "mol"}, "units"),
        ({"x": "M"}, "phase plane needs two"),
        ({"samples": -1}, "samples"),
        ({"x": "M", "y": "Q"}, "unknown quantity 'Q'"),
    ],
)
def test_mistakes_are_sentences(how, message, ensemble):
    with pytest.raises(InputError, match=message):
        ensemble.plot(**how)


def _values(ensemble, ode, run):
    return [
        means(ensemble),
        histogram(ensemble, "M"),
        stationary_histogram(ensemble, "M"),
        autocorrelation(ensemble, "M"),
        power_spectrum(ensemble, "M"),
        first_passage(ensemble, "M >= 60"),
        compare(ensemble, ode),
        common_parts(run),
        course(run),
    ]


def test_every_value_of_an_analysis_draws_itself_and_is_short(ensemble, ode, training):
    with gnn.open_run(training[1]) as run:
        for value in _values(ensemble, ode, run):
            _check(value.plot())
            assert len(repr(value)) < 200 and "array" not in repr(value), type(value)
            page = value._repr_html_()
            assert page.startswith("<div>") and page.count("<tr>") < 25 and "array(" not in page and "nan" not in page
            if type(value).__name__ != "CommonParts":  # which has two panels
                axes = pyplot.figure().subplots()
                assert value.plot(axes) is axes and axes.get_ylabel()


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda a: a.name)
def test_findings_draw_themselves(analysis, ensemble, ode, training):
    with gnn.open_run(training[1]) as run:
        subject = run if analysis.name in ("learning", "rails", "trajectories") else ensemble
        found = analysis.find(subject, Ask(passage="M >= 60", other=ode))
        shown = found.plot()
        _check_axes = np.ravel(shown)
        assert len(_check_axes) == len(found.drawing.panels)
        figure = pyplot.figure()
        given = figure.subplots(len(_check_axes), squeeze=False).ravel()
        again = found.plot(given)
        assert list(np.ravel(again)) == list(given)
        with pytest.raises(InputError, match="panels"):
            found.plot(pyplot.figure().subplots(7).ravel())
        assert found.title in unescape(found._repr_html_()) and "array" not in repr(found)


def test_a_finding_that_needs_many_axes_says_so(training):
    with gnn.open_run(training[1]) as run, pytest.raises(InputError, match="3 panels, and ax has 1: give 3 axes"):
        overview(run).plot(pyplot.figure().subplots())


def test_a_fit_draws_the_same_learning_curve_with_and_without_a_file(training):
    fit = training[0]
    in_memory = gnn.train("xor", seed=2, volume=50, presentations=30, running_time=1, validation=0.25)
    curves = []
    for each in (fit, in_memory):
        axes = each.plot()
        _check(axes)
        labels = _legend(axes)
        assert "test set, mean of 100 presentations" in labels and "samples held out" in labels
        # four samples give an accuracy of few steps
        assert f"test set, after training: {fit.scores['rmse']:.3g}" in labels and axes.get_ylabel().startswith("RMSE")
        curves.append(axes.lines[labels.index("test set, mean of 100 presentations")].get_xydata())
    assert len(curves[0]) == 30
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-12)


@pytest.mark.parametrize(("stops", "n_records"), [({}, 200), ({"patience": 1, "evaluate_every": 20}, 20)])
def test_a_long_run_in_memory_has_a_learning_curve_of_bounded_length(stops, n_records, tmp_path):
    how = {"seed": 1, "method": "gradient_descent", "presentations": 1000, "validation": 0.2, **stops}
    fit, filed = gnn.train("iris", **how), gnn.train("iris", output=tmp_path / "iris.h5", **how)
    done = fit.trained.n_presented
    assert (done < 1000) is bool(stops)  # averages of presentations that were never reached are not drawn
    found = fit.course.presentation
    assert len(found) == n_records and found[-1] <= done and (np.diff(found) > 0).all()
    with gnn.open_run(filed.output) as run:
        for k, weights in zip(found, fit.course.weights):
            np.testing.assert_allclose(weights, run.weights[max(0, k - 100) : k].mean(axis=0), rtol=1e-12)
    axes = fit.plot()
    assert axes.get_ylabel() == "accuracy" and len(axes.lines[0].get_xdata()) == len(found)


def test_every_line_of_a_figure_looks_different():
    looks = [tuple(style(k).values()) for k in range(32)]
    assert len(set(looks)) == 32 and looks[:2] == [(COLOURS[0], "-"), (COLOURS[1], "--")]


@pytest.mark.parametrize("hidden", [(3,), (3, 2), (3, 2, 2, 2, 2)])
def test_lines_of_dual_rails_are_all_different_and_those_of_a_quantity_have_one_colour(hidden):
    settings = Settings(hidden=hidden)
    network = training_network((4, *hidden, 3), **settings.of_network).network
    groups = tuple(pairs_of(network.species))
    assert len(groups) > len(COLOURS)
    values = np.ones((5, len(groups)))
    panels = CommonParts(np.arange(5.0), groups, (2,) * len(groups), values, values).plot()
    for axes in panels:
        looks = [(line.get_color(), str(line._unscaled_dash_pattern)) for line in axes.lines]
        assert len(set(looks)) == len(groups)
        colours = dict(zip(_legend(axes), (colour for colour, _ in looks)))
        dashed = dict(zip(_legend(axes), (line for _, line in looks)))
        assert dashed["W1 (2)"] == dashed["D1 (2)"] != dashed["W2 (2)"]
        assert colours["W1 (2)"] == colours["W2 (2)"] != colours["B1 (2)"]


def test_a_sweep_draws_means_against_its_parameter(net):
    sweep = gnn.sweep(net, {"volume": [4.0, 1.0, 2.0]}, t_end=5, replicates=5, seed=1)
    axes = sweep.plot(names=["M"])
    line = axes.containers[0].lines[0]
    assert axes.get_xlabel() == "volume" and line.get_xdata().tolist() == [1, 2, 4]
    assert np.allclose(line.get_ydata(), [sweep[k].of("M")[:, -1].mean() for k in (1, 2, 0)])
    grid = gnn.sweep(net, [{"volume": 1, "P": 2}, {"volume": 2, "P": 2}], t_end=1, seed=1)
    with pytest.raises(InputError, match="several columns: choose one, x='volume'"):
        grid.plot()
    assert grid.plot(x="volume").get_xlabel() == "volume"


def test_a_certificate_draws_its_worst_errors_and_the_tolerances(net):
    found = gnn.certify(net, t_end=2, method="tau_leap", volume=10.0, replicates=60, seed=1)
    axes = found.plot()
    assert any(label.startswith("tolerance of the mean") for label in _legend(axes)) and "%" in axes.get_xlabel()
    assert found.verdict in repr(found) and found._repr_html_().count("<tr>") < 20


# Comparisons with deterministic runs.


def test_an_ensemble_is_compared_with_its_ode_in_molecules(ensemble, ode):
    found = compare(ensemble, ode)
    last = ensemble.counts[:, -1].astype(float)
    assert found.units == "molecules" and found.tested == ("means",) and found.n == (40, 1)
    assert np.allclose(found.means[1, :2], 10 * ode.counts[0, -1])
    from scipy import stats

    level = 0.05 / len(found.names)  # means alone are tested
    half = stats.t.isf(level / 2, 39) * last.std(axis=0, ddof=1) / np.sqrt(40)
    assert np.allclose(found.high[:2] - found.difference[:2], half)
    assert np.isnan(found.p).all() and np.isnan(found.ratio_low).all() and not found.differs.any()
    assert found.names == ("M", "P", "double") and np.isclose(found.means[1, 2], 2 * found.means[1, 1])
    reverse = compare(ode, ensemble)
    assert np.allclose(reverse.difference, -found.difference) and np.allclose(reverse.low, -found.high)
    shifted = replace(ode, counts=1.5 * ode.counts)
    assert compare(ensemble, shifted, ["M"]).differs.all()
    assert "variances and distributions are not" in found._repr_html_()


def test_linear_noise_is_compared_in_means_and_variances(net, ensemble):
    noise = gnn.simulate(net, method="linear_noise", **RUN)
    found = compare(ensemble, noise, ["M", "P"])
    assert found.tested == ("means", "variances") and not found.differs.any()
    assert np.allclose(found.deviations[1] ** 2, 100 * np.diag(noise.covariance[0, -1]))
    wide = replace(noise, covariance=9 * noise.covariance)
    assert compare(ensemble, wide, ["M", "P"]).differs.all()


def test_runs_of_different_volumes_are_compared_in_concentrations(net, ensemble):
    other = gnn.simulate(net, replicates=40, **RUN | {"volume": 40.0, "seed": 3})
    found = compare(ensemble, other)
    assert found.units == "concentration" and found.names == ("M", "P")  # the observable has no unit
    assert np.allclose(found.means[1], other.counts[:, -1].mean(axis=0) / 40)
    axes = found.plot()[-1]
    assert axes.get_ylabel() == "concentration"
    with pytest.raises(InputError, match="'double' is not in both runs"):
        compare(ensemble, other, ["double"])


def test_two_deterministic_runs_are_not_tested(ode):
    with pytest.raises(InputError, match="both runs are deterministic"):
        compare(ode, ode)


def test_the_overlay_shows_both_runs_in_the_same_units(ensemble, ode):
    panels = compare(ensemble, ode, ["M"]).plot()
    _check(panels)
    lines = {line.get_label(): line.get_ydata() for line in np.ravel(panels)[0].lines}
    assert set(lines) == {"M, 1: adaptive_direct", "M, 2: ode"} and np.allclose(lines["M, 2: ode"], 10 * ode.of("M")[0])


# Bins.


def _of(values):
    return Result(
        np.zeros(1), np.asarray(values)[:, None, None], ("A",), np.zeros(len(values), dtype=int),
        np.zeros(len(values), dtype=int), "direct", 1, 1.0, None,
    )  # fmt: skip


def _modes(fraction, n, floor=3):
    """Runs of bins above half of the largest within them, apart by bins with next to nothing."""
    return int(np.sum(np.diff(np.concatenate([[0], (fraction * n > floor).astype(int)])) == 1))


@pytest.mark.parametrize("share", [0.5, 0.75, 0.9])
def test_two_modes_far_apart_are_each_seen_in_many_bins(share):
    rng = np.random.default_rng(1)
    values = np.where(rng.random(2000) < share, rng.normal(85, 18, 2000), rng.normal(565, 45, 2000)).round().astype(int)
    found = histogram(_of(values), "A")
    middle = 0.5 * (found.edges[1:] + found.edges[:-1])
    assert ((found.fraction > 0) & (middle < 300)).sum() >= 6 and ((found.fraction > 0) & (middle > 300)).sum() >= 12
    assert not found.fraction[(middle > 200) & (middle < 350)].any() and len(found.fraction) <= 61
    assert found.edges[0] % 1 == 0.5 and len(set(np.diff(found.edges))) == 1


def test_bins_of_one_mode_are_those_of_freedman_and_diaconis():
    values = np.random.default_rng(2).normal(0, 1, 20_000)
    low, high = np.quantile(values, [0.25, 0.75])
    assert bin_width(values, False) == pytest.approx(2 * (high - low) / 20_000 ** (1 / 3), rel=0.05)


@pytest.mark.parametrize(
    "values, least, most",
    [
        (np.random.default_rng(3).poisson(10, 2000), 8, 25),
        (np.random.default_rng(3).poisson(10, 20), 3, 14),
        (np.array([7]), 1, 1),
        (np.array([3, 3, 3, 3]), 1, 1),
        ((1e6 / np.random.default_rng(4).random(500)).astype(int), 2, 61),
        (np.r_[np.zeros(900, dtype=int), 1000], 2, 61),
    ],
    ids=["Poisson", "20 values", "one value", "one count", "heavy tail", "nearly all equal"],
)
def test_bins_stay_sane(values, least, most):
    found = histogram(_of(values), "A")
    assert least <= len(found.fraction) <= most and found.fraction.sum() == pytest.approx(1)
    assert found.edges[0] <= values.min() and values.max() < found.edges[-1]


def test_bins_of_tables_are_few_and_their_intervals_hold():
    values = np.random.default_rng(5).poisson(400, 3000)
    found = histogram(_of(values), "A")
    few = found.merged(12)
    assert len(few.fraction) <= 12 < len(found.fraction) and few.fraction.sum() == pytest.approx(1)
    assert (few.low <= few.fraction).all() and (few.fraction <= few.high).all()
    inside = ((values > few.edges[3]) & (values < few.edges[4])).mean()
    assert few.fraction[3] == pytest.approx(inside)


# Weights as images, and the command line.


def test_many_weights_are_drawn_as_images_and_few_as_lines(tmp_path, training):
    pytest.importorskip("sklearn")
    path = tmp_path / "digits.h5"
    gnn.train("digits", method="gradient_descent", presentations=30, seed=1, output=path)
    with gnn.open_run(path) as run, warnings.catch_warnings():
        warnings.simplefilter("error")
        panels = training_drawing(run).plot()
        first = panels[2].images[0].get_array()
        assert first.shape[1] == 8 * 10 - 2 and "8 x 8" in panels[2].get_xlabel()
        hidden = run.training.final_weights
        assert np.isin(np.ma.compressed(np.ma.masked_invalid(first)).round(12), hidden.round(12)).all()
        assert not any(axes.texts for axes in panels)
    with gnn.open_run(training[1]) as run:
        panels = training_drawing(run).plot()
        assert len(panels) == 3 and not panels[2].images
        _check(panels)


def test_the_command_line_draws_log_axes_and_phase_planes(net, tmp_path, capsys):
    run, other = str(tmp_path / "r.h5"), str(tmp_path / "ode.h5")
    gnn.simulate(net, replicates=5, **RUN, output=run).close()
    gnn.simulate(net, method="ode", **RUN, output=other).close()
    figure = str(tmp_path / "f.svg")
    assert main(["analyze", run, "--figure", figure, "--phase", "M,P", "--log", "xy"]) == 0
    text = (tmp_path / "f.svg").read_text()
    assert "M [molecules]" in text
    assert main(["analyze", run, "--other", other, "--figure", figure, "--overwrite", "--json"]) == 0
    said = capsys.readouterr().out
    assert "means are tested, variances and distributions are not" in said and '"runs"' not in said
    for arguments, message in (
        (["--log", "y"], "--log only applies to a figure"),
        (["--figure", str(tmp_path / "g.png"), "--other", other, "--log", "y"], "--log only applies to the figure of"),
        (["--figure", str(tmp_path / "g.png"), "--what", "rails", "--phase", "M,P"], "--phase only applies to the fig"),
        (["--figure", str(tmp_path / "g.png"), "--phase", "M"], "--phase takes two names"),
    ):
        assert main(["analyze", run, *arguments]) == 2
        assert message in capsys.readouterr().err


def test_what_a_rate_rule_changes_is_a_line_and_counts_are_steps():
    cell = gnn.ReactionNetwork.from_text(
        "@parameter V = 1\n@rate V = 0.1 * V\n0 -> A @ 5\n@rule density = A / V\n@rule twice = 2 * A"
    )
    for replicates in (1, 3):
        result = gnn.simulate(cell, t_end=5, n_points=6, seed=1, replicates=replicates)
        for name, drawn in (("A", "steps-post"), ("twice", "steps-post"), ("V", "default"), ("density", "default")):
            axes = result.plot(names=[name])
            styles = {line.get_drawstyle() for line in axes.lines if len(line.get_xdata())}
            assert styles == ({drawn} if replicates == 1 else {drawn, "default"})
