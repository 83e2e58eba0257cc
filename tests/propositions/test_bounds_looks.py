"""Verification of bounds: the sequential rule, the comparison of laws, and their error rates."""

import numpy as np
import pytest
from scipy import stats

from gillespie_nn import InputError
from gillespie_nn.cli import main
from gillespie_nn.propositions import (
    SHARPENED,
    error_rates,
    judgements,
    proposition_report,
    setting_of,
    stored_results,
    theta_when_sharpened,
)
from gillespie_nn.propositions.forcing import RateSource
from gillespie_nn.propositions.intrinsic import Intrinsic
from gillespie_nn.propositions.results import Results
from gillespie_nn.propositions.sequential_rule import Criterion, slopes
from gillespie_nn.propositions.setting import allotment
from gillespie_nn.statistics.scaling import MEDIAN, bootstrap, log_ratios
from gillespie_nn.statistics.tests import ERROR, MOST_LOOKS, Decisions, Judgement, Verdict, confidences
from helpers.checks_of_chance import accept
from helpers.short_bounds import SHORT, SIZES

HOLDS, FAILS, INCONCLUSIVE = Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE


@pytest.mark.parametrize("n", range(1, MOST_LOOKS + 1))
def test_the_errors_of_all_looks_add_up(n):
    assert (1.0 - confidences(n)).sum() == pytest.approx(ERROR) and (np.diff(confidences(n)) < 0).all()


def _judged(name, verdict, final=False):
    return Judgement(name, verdict, "", {}, final)


def test_a_check_is_decided_once_unless_a_fact_contradicts_it():
    decisions = Decisions()
    decisions.add([_judged("slope", INCONCLUSIVE), _judged("upper bound", HOLDS)])
    assert not decisions.over
    decisions.add([_judged("slope", HOLDS), _judged("upper bound", INCONCLUSIVE)])
    assert decisions.over and {name: d.look for name, d in decisions.by_name.items()} == {"slope": 2, "upper bound": 1}
    decisions.add([_judged("slope", FAILS), _judged("upper bound", FAILS, final=True)])
    assert decisions.by_name["slope"].judgement.verdict == HOLDS
    assert decisions.by_name["upper bound"].judgement.verdict == FAILS


def test_no_more_looks_where_paths_decide_nothing():
    decisions = Decisions()
    decisions.add([_judged("slope", INCONCLUSIVE, final=True), _judged("upper bound", HOLDS)])
    assert decisions.over
    failed = Decisions()
    failed.add([_judged("slope", INCONCLUSIVE), _judged("upper bound", FAILS)])
    assert failed.over


def test_paths_follow_shares_and_growth():
    assert allotment(100, (1.0, 0.25), (1.0, 4.0)).tolist() == [[100, 25], [400, 100]]
    source = Intrinsic(setting_of(SHORT), None, 0)
    assert source.allotted.shape == (MOST_LOOKS, 7) and source.allotted[-1, 5] == 5000
    assert (np.diff(source.allotted, axis=0) > 0).all()


def test_results_up_to_a_look_hide_what_came_later():
    rng = np.random.Generator(np.random.SFC64(2))
    results = Results.empty(SIZES, setting_of(SHORT).quantities, 4)
    for name in ("theta", "theta_0", "bound", "ratio"):
        getattr(results, name)[:] = rng.uniform(size=getattr(results, name).shape)
    results.committed[:] = 1
    more = results.with_paths(6)
    assert len(more.theta) == 6 and np.isnan(more.theta[4:]).all() and not more.committed[4:].any()
    some = more.upto(np.array([4, 2, 2, 2, 2, 2, 3]))
    assert np.array_equal(some.theta[:2], results.theta[:2]) and np.isnan(some.theta[2:, 1:]).all()
    assert np.array_equal(some.theta[:, 0], results.theta[:, 0]) and np.isnan(some.theta_0[3]).all()
    assert not np.isnan(results.theta).any()


def test_quantiles_of_resamples_are_those_of_numpy():
    from gillespie_nn.kernels.vector_draws import quantiles_of_draws

    rng = np.random.Generator(np.random.SFC64(4))
    for n in (1, 2, 21, 60):
        values = rng.standard_normal((n, 3))
        rows = rng.integers(n, size=(5, n), dtype=np.int32)
        order = np.ascontiguousarray(np.argsort(values, axis=0).T, dtype=np.int32)
        ps, out = np.array([0.05, 0.5, 0.95]), np.empty((5, 3, 3))
        quantiles_of_draws(rows, order, np.ascontiguousarray(np.sort(values, axis=0).T), ps, np.empty(n, np.int16), out)
        expected = np.quantile(values[rows], ps, axis=1).swapaxes(0, 1)
        assert out == pytest.approx(expected, abs=1e-14)


def test_intervals_of_ratios_hold_together_and_single_ones_alone():
    """Of 200 pairs of samples from the same laws, at most some 5 % have a simultaneous interval that misses a ratio of
    1, and of each quantity at most some 5 % a single bound that is beyond it."""
    missed, beyond = 0, np.zeros(8, dtype=int)
    for k in range(200):
        rng = np.random.Generator(np.random.SFC64(100 + k))
        values = np.exp(0.3 * rng.standard_normal((150, 4)))
        others = np.exp(0.3 * rng.standard_normal((300, 4)))
        found = log_ratios(values, others, (0.5, 0.95), k)
        assert (found.all_low < found.low).all() and (found.all_high > found.high).all()
        missed += ((found.all_low > 0) | (found.all_high < 0)).any()
        beyond += found.low > 0
    accept(stats.binomtest(missed, 200, 0.1, alternative="greater").pvalue, "coverage of simultaneous ratios")
    p = min(stats.binomtest(int(n), 200, 0.07, alternative="greater").pvalue for n in beyond)
    accept(p, "coverage of single bounds", family=8)


def test_laws_are_compared_by_an_equivalence_test():
    rng = np.random.Generator(np.random.SFC64(7))
    values, others = (np.exp(0.2 * rng.standard_normal((n, 3))) for n in (16000, 32000))
    names = ["a", "b", "c"]

    def verdict(values, most=judgements.SAME_LAW):
        return judgements.in_law(names, values, others, 0, most)

    # A law that is off by 2 % is equivalent, although a test of equality rejects it with enough paths.
    near = verdict(1.02 * values)
    assert near.verdict == HOLDS and near.numbers["least_p"] < 0.05
    assert verdict(values * np.array([1.0, 1.0, 1.12])).verdict == FAILS
    assert verdict(values * np.array([1.0, 1.0, 1.12])).numbers["outside"] == ["median of c", "95 % quantile of c"]
    assert verdict(values * np.array([1.0, 1.0, 1.12]), np.array([0.05, 0.05, 0.3])).verdict == HOLDS
    assert verdict(values[:60]).verdict == INCONCLUSIVE
    wide = np.exp(0.2 * 1.3 * np.log(values) / 0.2)  # the same median, another spread
    assert verdict(wide).verdict == FAILS


def _criterion(n=300):
    rng = np.random.Generator(np.random.SFC64(3))
    values = np.exp(0.2 * rng.standard_normal((n, 1, 3)) + 0.02 * rng.standard_normal((n, 6, 3))) * SIZES[:, None]

    def estimate(values, confidence):
        return bootstrap(values[0], SIZES, 0, MEDIAN, confidence=confidence)

    low, high = (np.full(3, limit) for limit in judgements.SLOPE)
    return Criterion("slope", ["a", "b", "c"], [values], (0,), estimate, low, high, slopes(judgements.SLOPE, 3))


def test_planted_slopes_hold_rarely_and_right_ones_do_not_fail():
    allotted = allotment(60, (1.0,), (1.0, 2.0, 3.0))
    rates = error_rates([_criterion()], allotted, confidences(3), 0, 60)
    assert [(r.planted, r.verdict) for r in rates] == [
        ("nothing", FAILS), ("slope 0.94", HOLDS), ("slope 1.06", HOLDS)
    ]  # fmt: skip
    assert all(r.sequences == 60 for r in rates) and rates[0].wrong == 0
    for rate in rates[1:]:
        accept(stats.binomtest(rate.wrong, 60, ERROR, alternative="greater").pvalue, rate.planted)


def test_error_rates_see_a_rule_that_promises_too_much():
    """With intervals of next to no width a slope outside its limits by less than its error holds too often."""
    criterion = _criterion(60)

    def narrow(values, confidence):
        found = criterion.estimate(values, confidence)
        return found._replace(low=found.slope, high=found.slope)

    near = [("slope 0.9495", np.full(3, 0.9495))]
    rates = error_rates(
        [criterion._replace(estimate=narrow, plants=near)], allotment(20, (1.0,), (1.0, 2.0)), confidences(2), 0, 60
    )
    assert not rates[1].as_promised and rates[1].low > ERROR


def test_error_rates_need_a_verification_that_ended(tmp_path, capsys):
    output = tmp_path / "b.h5"
    assert main(["verify-bounds", "--error-rates", "--output", str(output)]) == 2
    assert "without --error-rates first" in capsys.readouterr().err
    with pytest.raises(InputError, match="no verification that ended"):
        stored_results(RateSource(setting_of(SHORT), 20, 0), output)


def test_the_table_of_seeds_goes_on_where_it_stopped(tmp_path, capsys, monkeypatch):
    small = setting_of(SHORT)
    monkeypatch.setattr(proposition_report, "setting_of", lambda choice: small)
    monkeypatch.setattr(RateSource, "usual_paths", 20)
    words = [str(tmp_path), "--noise", "rate", "--proposition", "5.2", "--seeds"]
    assert proposition_report.main([*words, "1"]) == 0
    first = (tmp_path / "5.2-rate-0.json").stat().st_mtime_ns
    assert proposition_report.main([*words, "2"]) == 0
    rows = capsys.readouterr().out.strip().splitlines()[-2:]
    assert [row.split(" | ")[:3] for row in rows] == [["| 5.2", "rate", "0"], ["| 5.2", "rate", "1"]]
    assert (tmp_path / "5.2-rate-0.json").stat().st_mtime_ns == first


@pytest.mark.parametrize("activation", ["annihilation_relu", "leaky_annihilation_relu", "rail_relu"])
def test_annihilation_at_rest_on_its_kink_is_a_smooth_relu_of_its_own_smoothing(activation, monkeypatch):
    parameter, values = SHARPENED[activation]
    monkeypatch.setitem(SHARPENED, activation, (parameter, values[:2]))
    found = theta_when_sharpened(activation, 0, 3)
    assert found["ratio"] == pytest.approx(found["lipschitz"], rel=2e-3) and found["h"][1] < 0.5 * found["h"][0]
