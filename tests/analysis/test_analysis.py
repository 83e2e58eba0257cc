"""Analyses against values worked out by hand and against other ways to the same number."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.analysis import (
    Ask,
    analysis,
    autocorrelation,
    common_parts,
    compare,
    first_passage,
    histogram,
    means,
    power_spectrum,
    stationary_histogram,
    summary,
    summary_text,
    watch,
)
from gillespie_nn.analysis.correlation import SpectrumAnalysis
from gillespie_nn.analysis.rails import RailsAnalysis
from gillespie_nn.analysis.training_course import averaged_weights, training_drawing
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.simulation import Result
from gillespie_nn.simulation import result_views as reading
from gillespie_nn.simulation.evaluation import N_AVERAGED
from gillespie_nn.statistics.intervals import ranks
from helpers.checks_of_chance import accept, chi_square


def _result(counts, time=None, species=None, units="molecules", volume=1.0):
    counts = np.asarray(counts)
    n, n_points, n_species = counts.shape
    time = np.arange(n_points, dtype=float) if time is None else np.asarray(time)
    species = tuple("ABCDEFGH"[:n_species]) if species is None else species
    status = np.zeros(n, dtype=int)
    return Result(time, counts, species, np.zeros(n, dtype=int), status, "direct", 1, volume, None, units=units)


def _random(n=30, n_points=12, n_species=3, seed=0):
    rng = np.random.default_rng(seed)
    return _result(rng.poisson([5.0, 20.0, 3.0][:n_species], (n, n_points, n_species)))


def test_means_and_their_intervals_are_those_of_students_t():
    r = _random()
    found = means(r, ["B"], confidence=0.9)
    interval = stats.ttest_1samp(r.of("B").astype(float), 0.0).confidence_interval(0.9)
    assert np.allclose(found.mean[:, 0], r.of("B").mean(axis=0))
    assert np.allclose(found.low[:, 0], interval.low) and np.allclose(found.high[:, 0], interval.high)
    assert np.allclose(found.variance[:, 0], r.of("B").var(axis=0, ddof=1))


def test_a_replicate_counts_only_up_to_where_it_got():
    counts = np.array([[[2], [4], [6]], [[4], [-1], [-1]], [[6], [8], [-1]]])
    found = means(_result(counts))
    assert found.n[:, 0].tolist() == [3, 2, 1]
    assert found.mean[:, 0].tolist() == [4, 6, 6]
    assert np.isnan(found.low[2, 0]) and found.quantile[1, :, 0].tolist() == [4, 4, 6]


def _with_inverse(n=40, first=1, seed=0):
    """A, and 1 / A, which is infinite where A is 0."""
    counts = np.random.default_rng(seed).poisson(2.0, (n, 20, 1))
    counts[0, :, 0], counts[1:, 0, 0] = 0, first
    with np.errstate(divide="ignore"):
        inverse = 1.0 / counts
    return replace(_result(counts), observables=inverse, observable_names=("inverse",))


def test_a_value_that_is_infinite_does_not_count_anywhere():
    r = _with_inverse()
    found = means(r, ["inverse"])
    assert found.n[0, 0] == 39 and (found.n[:, 0] == (r.counts[..., 0] > 0).sum(axis=0)).all()
    np.testing.assert_allclose(found.mean[:, 0], r.mean("inverse"))
    np.testing.assert_allclose(found.variance[:, 0], r.variance("inverse"))
    np.testing.assert_allclose(found.quantile[:, :, 0], r.quantile(found.probabilities, "inverse"))
    assert histogram(r, "inverse").n == found.n[-1, 0]
    with pytest.raises(InputError, match="no replicate reached 0 s with a finite value of inverse"):
        histogram(_with_inverse(first=0), "inverse", 0.0)
    with pytest.raises(InputError, match="inverse is not finite at every recorded time"):
        stationary_histogram(r, "inverse", 0.0)


def test_a_rule_without_a_value_in_some_replicates_is_not_compared_and_takes_none_from_the_others():
    one, other = _with_inverse(seed=1), _with_inverse(n=60, seed=2)
    undefined = replace(one, observables=np.where(np.isfinite(one.observables), one.observables, np.nan))
    for pair in ((one, other), (undefined, other), (other, undefined)):
        found = compare(*pair)
        assert found.names == ("A",) and sorted(found.n) == [40, 60]
        assert found.means[0, 0] == pair[0].mean("A")[-1]
        with pytest.raises(InputError, match="inverse is not finite in every replicate"):
            compare(*pair, species=["inverse"])


@pytest.mark.parametrize("n", [5, 20, 59, 200])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_the_ranks_of_a_quantiles_interval_cover_it_often_enough(n, p):
    rank, low, high = ranks(n, p, 0.05)
    below = stats.binom(n, p)  # how many of n values lie below the quantile
    assert rank == max(1, np.ceil(round(p * n, 9)))
    assert below.cdf(low - 1) <= 0.025 and below.sf(high - 1) <= 0.025
    assert below.cdf(low) > 0.025 and below.sf(high - 2) > 0.025  # and no farther out than need be


def test_results_do_not_depend_on_how_much_is_read_at_once(monkeypatch):
    r = _random(n_points=40)
    whole = [means(r), histogram(r, "A", 7), stationary_histogram(r, "A", 3), first_passage(r, "A >= 9"), _rails(r)]
    monkeypatch.setattr(reading, "PART_BYTES", 8 * 90)
    counts = _Watched(r.counts)
    r = replace(r, counts=counts)
    parts = [means(r), histogram(r, "A", 7), stationary_histogram(r, "A", 3), first_passage(r, "A >= 9"), _rails(r)]
    for one, other in zip(whole, parts):
        for x, y in zip(one, other):
            assert np.all(x == y) if isinstance(x, (str, tuple)) else np.allclose(x, y, equal_nan=True)
    assert len(counts.sizes) > 40 and max(counts.sizes) <= 90


class _Watched:
    """Counts that note how much is read of them."""

    def __init__(self, counts):
        self.shape, self.dtype, self.sizes, self._counts = counts.shape, counts.dtype, [], counts

    def __getitem__(self, key):
        part = self._counts[key]
        self.sizes.append(part.size)
        return part


def _rails(r):
    return common_parts(replace(r, species=("V1_p", "V1_m", "C")))


def test_a_histogram_has_the_intervals_of_clopper_and_pearson():
    r = _random(n=400)
    found = histogram(r, "A", time=3.5)
    values = r.of("A")[:, 3]
    assert found.when == "at 3 s" and found.fraction.sum() == pytest.approx(1)
    level = 1 - 0.05 / len(found.fraction)
    for k, (low, high) in enumerate(zip(found.edges, found.edges[1:])):
        n = int(((values > low) & (values < high)).sum())
        interval = stats.binomtest(n, len(values)).proportion_ci(level, method="exact")
        assert (found.fraction[k], found.low[k], found.high[k]) == pytest.approx((n / 400, *interval))


@pytest.mark.parametrize("values", [[3, 3, 3], [0, 100_000, 50_000], [7, 8, 9]])
def test_bins_of_counts_hold_whole_numbers_of_counts_and_every_value(values):
    found = histogram(_result(np.array(values)[:, None, None]), "A")
    widths = np.diff(found.edges)
    assert np.all(widths == np.round(widths)) and found.edges[0] % 1 == 0.5 and len(widths) <= 61
    assert found.fraction.sum() == pytest.approx(1)


def test_a_stationary_histogram_weighs_every_time_alike():
    counts = np.concatenate([np.zeros((8, 50)), np.tile([2, 2, 2, 4], (8, 25))], axis=1)[:, :, None].astype(int)
    found = stationary_histogram(_result(counts), "A", start=50)
    assert found.n == 800 and found.n_units == 8 and found.mean == 2.5 and found.variance == pytest.approx(0.75)
    assert found.fraction.tolist() == [0.75, 0, 0.25] and np.isnan(found.high[1])


def test_stretches_read_together_and_one_by_one_say_the_same(monkeypatch):
    counts = np.random.default_rng(5).poisson(9.0, (30, 80, 2))
    counts[[3, 4, 20], 70:] = -1  # which stopped early
    run = _result(counts)
    together = [autocorrelation(run, "B"), power_spectrum(run, "B"), stationary_histogram(run, "B")]
    assert [found.n_units for found in together] == [27] * 3
    reads = []
    monkeypatch.setattr(analysis, "read", lambda *given, own=analysis.read: reads.append(given) or own(*given))
    autocorrelation(run, "B")
    assert len(reads) < 10
    monkeypatch.setattr(reading, "PART_BYTES", 1)
    apart = [autocorrelation(run, "B"), power_spectrum(run, "B"), stationary_histogram(run, "B")]
    for one, other in zip(together, apart):
        for a, b in zip(one[1:], other[1:]):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12) if not isinstance(a, str) else None


def test_a_stationary_variance_is_never_negative():
    counts = np.full((8, 64, 1), 10**8)
    counts[0, 40] += 1
    found = stationary_histogram(_result(counts), "A", 0.0)
    assert found.variance == pytest.approx((1 - 1 / 512) / 512, rel=1e-9)


def test_a_spectrum_says_that_frequency_0_is_left_out():
    found = SpectrumAnalysis.find(_random(n=8, n_points=40, n_species=1), Ask())
    assert "slower than 0.05 / s" in " ".join(found.notes)


def test_one_trajectory_is_cut_in_pieces_and_uneven_or_few_times_are_refused():
    r = _random(n=1, n_points=400)
    stretches, spacing = analysis.units(r, 100)
    assert len(stretches) == 8 and spacing == 1 and stretches[0] == (0, slice(100, 137))
    with pytest.raises(InputError, match="at least 128 recorded points from start = 390 s on.*: record more"):
        analysis.units(r, 390)
    with pytest.raises(InputError, match="evenly spaced"):
        analysis.units(_result(r.counts, time=np.arange(400.0) ** 2), 0)


def test_survival_of_a_hand_worked_example():
    counts = np.full((5, 6, 1), 0)
    for k, at in enumerate([1, 2, 2, 4]):  # the fifth never passes
        counts[k, at:] = 10
    counts[1, 3:] = 0  # and returned, which does not matter
    counts[3, 3:] = -1  # stopped at 2, before it passed
    found = first_passage(_result(counts), "A >= 10")
    assert found.time.tolist() == [1, 2, 2, 2, 5] and found.passed.tolist() == [True, True, True, False, False]
    assert found.at.tolist() == [1, 2] and found.survival == pytest.approx([0.8, 0.4]) and found.median == 2
    greenwood = np.exp(np.array([1, -1]) * 1.959964 * np.sqrt(1 / 20 + 2 / 8) / np.log(0.4))  # log(-log) scale
    assert [found.low[1], found.high[1]] == pytest.approx(np.sort(0.4**greenwood), rel=1e-5)


def test_where_none_is_left_the_interval_is_not_empty():
    counts = np.zeros((3, 3, 1), dtype=int)
    counts[:, 2] = 1
    found = first_passage(_result(counts), "A >= 1")
    assert found.survival.tolist() == [0] and found.low.tolist() == [0] and found.high.tolist() == [1]
    assert not first_passage(_result(counts), "A >= 2").passed.any()


def test_noted_passages_are_exact_and_those_of_the_grid_never_earlier():
    net = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> 0 @ 1")
    r = gnn.simulate(watch(net, "A >= 14", "hit"), t_end=20, n_points=21, replicates=60, seed=3)
    exact, seen = first_passage(r, "hit"), first_passage(r, "A >= 14")
    both = exact.passed & seen.passed
    assert exact.exact and not seen.exact and both.sum() > 20
    assert (seen.time[both] >= exact.time[both]).all() and not (seen.passed & ~exact.passed).any()
    assert (seen.time[both] > exact.time[both] + 1).any()  # an excursion over before the next point
    before = np.searchsorted(r.time, exact.time[exact.passed])
    assert (r.of("A")[exact.passed, np.maximum(before - 1, 0)] < 14).all()
    plain = gnn.simulate(net, t_end=20, n_points=21, replicates=60, seed=3)
    assert np.array_equal(plain.of("A"), r.of("A"))


@pytest.mark.parametrize(
    "what, message",
    [
        ("A + 3", "the condition 'A . 3' has no comparison: write one"),
        ("3 > 2", "the condition '3 > 2' contains no species"),
        ("Z >= 3", "unknown species 'Z'"),
        ("A > ", "the condition 'A > ', column 4: expected a number, a name or '\\(', got the end of the text"),
        ("A > 1 and", "column 10: expected a number"),
        ("__import__('os') > 1", "column 1: unknown function '__import__'"),
        ("", "passage must be a condition, for example 'A >= 10'"),
    ],
)
def test_a_passage_that_does_not_read_is_a_sentence(what, message):
    with pytest.raises(InputError, match=message):
        first_passage(_random(), what)
    with pytest.raises(InputError, match=message):
        watch(gnn.ReactionNetwork.from_text("A -> 0 @ 1"), what)


RACE = gnn.ReactionNetwork.from_text("0 -> A @ 1\n0 -> B @ 2\n@rule total = A + B\n@parameter c = 3")
"""Two clocks: everything about the first molecules of each is exponential."""


@pytest.mark.parametrize(
    "condition, law",
    [
        ("A != 0", lambda t: 1 - np.exp(-t)),
        ("A + B > 2", lambda t: stats.gamma.cdf(t, 3, scale=1 / 3)),
        ("total == c - 1", lambda t: stats.gamma.cdf(t, 2, scale=1 / 3)),
        ("A >= 1 && B >= 1", lambda t: (1 - np.exp(-t)) * (1 - np.exp(-2 * t))),
        ("A >= 1 or B > 0", lambda t: 1 - np.exp(-3 * t)),
        ("not A < 1 and not (B == 0)", lambda t: (1 - np.exp(-t)) * (1 - np.exp(-2 * t))),
        ("!(A == 0) || 2 * B >= 4", lambda t: 1 - np.exp(-t) * (1 + 2 * t) * np.exp(-2 * t)),
        ("A >= 1 && time > 0.5", lambda t: np.where(t <= 0.5, 0.0, 1 - np.exp(-t))),
    ],
)
def test_passages_of_any_condition_have_their_law(condition, law):
    n = 2000
    run = gnn.simulate(watch(RACE, condition, "hit"), 40.0, 2, replicates=n, seed=5)
    found = first_passage(run, "hit")
    assert found.exact and found.passed.all()
    edges = np.array([0.0, 0.1, 0.2, 0.35, 0.51, 0.7, 1.0, 1.5, 2.5])
    expected = np.diff([*law(edges), 1.0])
    accept(chi_square(np.searchsorted(edges, found.time, side="right") - 1, expected), f"passage of {condition}")
    seen = first_passage(gnn.simulate(RACE, 4.0, 41, replicates=50, seed=6), condition.replace("c -", "3 -"))
    assert not seen.exact and seen.passed.any()


def test_passages_of_a_run_that_stop_when_stopped_are_those_that_watch_records(tmp_path):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 2")
    how = {"t_end": 3.0, "n_points": 4, "replicates": 60, "seed": 8}
    stopped = gnn.simulate(network, stop_when="A >= 6", **how)
    watched = first_passage(gnn.simulate(watch(network, "A >= 6", "hit"), **how), "hit")
    found = first_passage(stopped, "end_time")
    assert found.exact and 0 < found.passed.sum() < 60
    np.testing.assert_array_equal(found.passed, watched.passed)
    np.testing.assert_array_equal(found.time, watched.time)
    np.testing.assert_array_equal(found.low, watched.low)
    stopped.save(tmp_path / "stopped.h5")
    with gnn.open_run(tmp_path / "stopped.h5") as run:
        np.testing.assert_array_equal(first_passage(run, "end_time").time, found.time)
    with pytest.raises(InputError, match="end_time"):
        first_passage(gnn.simulate(network, **how), "end_time")


@pytest.mark.parametrize("denial", ["not ", "!"])
def test_a_condition_that_is_denied_without_end_is_refused_and_twice_is_read(denial):
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 1")
    with pytest.raises(InputError, match="nested more than 50 deep"):
        watch(network, denial * 20_000 + "(A > 1)")
    assert first_passage(_result([[[0], [2]]]), denial * 2 + "(A > 1)").time.tolist() == [1]


def test_conditions_at_recorded_points_are_those_of_the_counts():
    r = gnn.simulate(RACE, 4.0, 41, replicates=80, seed=6)
    a, b, t = r.of("A"), r.of("B"), r.time
    for condition, holds in (
        ("A - B > 2", a - b > 2),
        ("A > 2 * B || B == 5 && A < 4", (a > 2 * b) | ((b == 5) & (a < 4))),
        ("not A + B <= 6 and A != B", (a + b > 6) & (a != b)),
        ("total >= 3 && time >= 1", (a + b >= 3) & (t >= 1)),
    ):
        found = first_passage(r, condition)
        np.testing.assert_array_equal(found.passed, holds.any(axis=1))
        np.testing.assert_array_equal(found.time[found.passed], t[holds.argmax(axis=1)][found.passed])


def test_points_that_were_not_reached_fulfil_no_condition():
    counts = np.full((1, 6, 1), 3)
    counts[0, 2:] = -1
    for condition in ("A != 3", "not A == 3", "A < 1"):
        found = first_passage(_result(counts), condition)
        assert not found.passed.any() and found.time.tolist() == [1]


def test_a_watched_network_keeps_its_names_of_constants():
    network = gnn.ReactionNetwork.from_text("@parameter k = 2\n0 -> A @ k")
    watched = watch(network, "A > 3", "hit")
    assert watched.reactions == network.reactions and watched.with_parameters(k=5).rates() == [5.0]
    for name in ("A", "k", "time", "3"):
        with pytest.raises(InputError, match="must be an unused identifier|is reserved"):
            watch(network, "A > 3", name)


def test_the_common_part_of_rails_by_hand():
    counts = np.array([[[5, 2, 1, 1, 9]], [[7, 4, 0, 3, 9]]])
    found = common_parts(_result(counts, species=("W1_0_p", "W1_0_m", "W1_1_p", "W1_1_m", "S_p"), volume=10.0))
    assert found.groups == ("W1",) and found.n_pairs == (2,)
    assert found.common[0, 0] == pytest.approx((2 + 1 + 4 + 0) / 40)
    assert found.signal[0, 0] == pytest.approx((3 + 0 + 3 + 3) / 40)
    with pytest.raises(InputError, match="no dual rails"):
        common_parts(_random())


def test_differences_of_means_have_welchs_interval():
    one, other = _random(n=40, seed=1), _random(n=60, seed=2)
    found = compare(one, other, confidence=0.94)
    last = [r.counts[:, -1].astype(float) for r in (one, other)]
    interval = stats.ttest_ind(*last, equal_var=False).confidence_interval(1 - 0.06 / 9)
    assert np.allclose(found.low, interval.low) and np.allclose(found.high, interval.high)
    assert not found.differs.any() and found.n == (40, 60)
    moved = _result(other.counts + np.array([0, 5, 0]))
    assert compare(one, moved).differs.tolist() == [False, True, False]


def test_equal_means_with_another_spread_or_shape_differ():
    rng = np.random.default_rng(5)
    one = _result(rng.poisson(400, (200, 1, 1)))
    assert compare(one, _result(400 + 3 * (rng.poisson(400, (200, 1, 1)) - 400))).differs.tolist() == [True]
    two_humped = _result(400 + 20 * rng.choice([-1, 1], (200, 1, 1)))
    found = compare(one, two_humped)
    assert found.p[0] < 0.01 and found.differs.tolist() == [True]


@pytest.mark.parametrize(
    "one, other",
    [([10, 10, 10], [11, 11, 11]), ([0, 0, 0, 0], [0, 1, 1, 0]), ([1, 2, 3], [4, 5, 6])],
    ids=["neither varies", "one does not vary", "apart"],
)
def test_a_few_replicates_do_not_make_sure(one, other):
    runs = [_result(np.reshape(values, (-1, 1, 1))) for values in (one, other)]
    for pair in (runs, runs[::-1]):
        assert not compare(*pair).differs.any()
    many = [_result(np.repeat(run.counts, 40, axis=0)) for run in runs]
    assert compare(*many).differs.all()


@pytest.mark.parametrize(
    "other, message",
    [
        (_result(np.zeros((5, 12, 1), dtype=int), species=("Q",)), "no species name in common"),
        (_result(np.zeros((5, 9, 3), dtype=int)), "at 11 and 8 s"),
        (
            _result(np.zeros((2, 12, 3), dtype=int)),
            "at least 3 replicates at 11 s, or a deterministic run; direct has 2",
        ),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        compare(_random(), other)


def test_bad_asking_is_a_sentence():
    r = _random()
    for call, message in (
        (lambda: means(r, ["a"]), r"unknown species 'a' \(did you mean 'A'\?\): the run has A, B, C"),
        (lambda: means(r, confidence=1), "confidence must be between 0 and 1, got 1"),
        (lambda: means(r, probabilities=[2]), "below 1, got 2"),
        (lambda: histogram(r, "A", time=50), "0 to 11 s, got"),
        (lambda: means(_result(np.zeros((0, 3, 1), dtype=int))), "no committed replicate yet"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_moments_alone_give_the_same_means_and_nothing_else(tmp_path):
    net = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> 0 @ 1\nA = 3")
    asked = {"t_end": 5, "n_points": 6, "replicates": 50, "seed": 1}
    whole = gnn.simulate(net, **asked)
    gnn.simulate(net, **asked, record="quantiles", output=tmp_path / "m.h5")
    assert main(["analyze", str(tmp_path / "m.h5"), "--what", "means"]) == 0
    assert main(["analyze", str(tmp_path / "m.h5"), "--what", "histogram"]) == 2
    with gnn.open_moments(tmp_path / "m.h5") as moments:
        for one, other in zip(means(whole), means(moments)):
            assert one == other if isinstance(one, (str, tuple)) else np.allclose(one, other, equal_nan=True)
        assert not np.isnan(means(moments).quantile_low[1]).any()
        assert summary(moments)["mean"] == pytest.approx(whole.counts[:, -1].mean(axis=0))
    pytest.importorskip("matplotlib")
    assert main(["report", str(tmp_path / "m.h5")]) == 0
    assert "Means and quantiles of 50 replicates" in (tmp_path / "m.html").read_text()


def test_intervals_of_a_summary_are_students_t_for_two_replicates_too():
    found = {
        "file": "x.h5", "kind": "ensemble", "committed": 2, "replicates": 2, "complete": 2, "n_species": 1,
        "n_reactions": 1, "method": "direct", "volume": 1.0, "seed": 1, "points": 2, "events": 3, "seconds": 1.0,
        "species": ["A"], "mean": [10.0], "standard_error": [1.0], "units": "molecules", "moved": [1.0], "t_end": 1.0,
        "statistics": {}, "status": {},
    }  # fmt: skip
    assert "10 [-3, 23]" in summary_text(found)  # 12.7062, Student's t of one degree of freedom


def test_the_error_drawn_is_that_of_the_output_in_counts_and_in_concentrations(tmp_path):
    figure = pytest.importorskip("matplotlib.figure")
    for method in ("rejection", "ode"):
        path = tmp_path / f"{method}.h5"
        gnn.train("xor", method=method, volume=500.0, presentations=8, running_time=2.0, seed=1, output=path)
        with gnn.open_run(path) as run:
            drawn = figure.Figure()
            training_drawing(run).on(drawn)
            targets = [gnn.load_fit(path).plan.dataset.train_t[k] for k in gnn.load_fit(path).plan.order[:, 0]]
            (points, _) = drawn.axes[1].lines
            np.testing.assert_allclose(
                points.get_ydata(), np.abs(run.predictions - targets)[:, 0], atol=1e-12, err_msg=method
            )


def test_weights_are_averaged_over_presentations_however_records_lie(tmp_path):
    path = tmp_path / "x.h5"
    gnn.train(
        "xor", method="gradient_descent", presentations=600, seed=1, record_every=50, evaluate_every=75,
        validation=0.25, output=path,
    )  # fmt: skip
    with gnn.open_run(path) as run:
        recorded, weights = run.training["recorded"][:], run.weights
        assert len(set(np.diff(recorded).tolist())) > 1
        for k, found in enumerate(averaged_weights(run)):
            inside = (recorded <= recorded[k]) & (recorded > recorded[k] - N_AVERAGED)
            np.testing.assert_allclose(found, weights[inside].mean(axis=0))


def test_times_of_any_size_are_told_apart():
    counts = np.random.default_rng(2).poisson(5.0, (10, 201, 1))
    even, uneven = 1e-10 * np.arange(201.0), 1e-10 * np.arange(201.0) ** 1.5
    analysis.units(_result(counts, even))
    with pytest.raises(InputError, match="evenly"):
        analysis.units(_result(counts, uneven))
    with pytest.raises(InputError, match="the runs have points at"):
        compare(_result(counts, even), _result(counts, 2 * even))


def test_rails_of_a_run_that_was_cut_short_are_averaged_up_to_there():
    counts = np.full((1, 8, 2), -1)
    counts[0, :6] = [3, 1]
    r = _result(counts, species=("V_p", "V_m"))
    table = RailsAnalysis.find(r, Ask()).tables[0]
    assert table.rows[0][2:] == (1.0, 2.0, 0.5)
    counts[0, 3:] = -1
    with pytest.raises(InputError, match="no replicate reached 4 s"):
        RailsAnalysis.find(r, Ask())
