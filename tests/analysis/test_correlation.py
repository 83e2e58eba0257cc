"""Autocorrelation and power spectrum against closed forms.

Estimators are quadratic forms x'Qx of the deviations x, so that with x of mean 0 and covariance C = L L' their mean is
the sum of their values at the columns of L: closed forms are met without drawing a number.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import solve_continuous_lyapunov, toeplitz

import gillespie_nn as gnn
from gillespie_nn.analysis import analysis as base
from gillespie_nn.analysis import autocorrelation, power_spectrum
from gillespie_nn.analysis.correlation import autocovariance, correlation_time, periodogram
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.simulation import Result, result_views
from gillespie_nn.simulation.result_views import read, split
from helpers import checks_of_chance

DT = 0.1
BIRTH, DEATH = 10.0, 1.0
# 0 -> A (10), A -> 0 (1), A -> A + B (2), B -> 0 (0.5): linear rates, so that means and covariances close.
DRIFT = np.array([[-1.0, 0.0], [2.0, -0.5]])
DIFFUSION = np.diag([20.0, 40.0])  # sums of the rates at <A> = 10, <B> = 40


def _immigration_death(lag):
    return BIRTH / DEATH * np.exp(-DEATH * lag)


def _second_of_two(lag):
    stationary = solve_continuous_lyapunov(DRIFT, -DIFFUSION)
    values, vectors = np.linalg.eig(DRIFT)  # expm(DRIFT t) = vectors exp(values t) vectors^-1
    found = np.exp(np.outer(lag, values)) @ (vectors[1] * (np.linalg.inv(vectors) @ stationary)[:, 1])
    return found.real  # numpy 2.5 has complex numbers for real ones


LAWS = [_immigration_death, _second_of_two]


def _mean_of(estimator, covariance, n):
    columns = np.linalg.cholesky(toeplitz(covariance(DT * np.arange(n)))).T
    return sum(estimator(column) for column in columns)


@pytest.mark.parametrize("law", LAWS)
def test_the_mean_of_the_autocovariance_is_the_closed_form(law):
    found = _mean_of(autocovariance, law, 200)
    assert found == pytest.approx(law(DT * np.arange(101)), rel=1e-9)


def test_the_spectrum_is_that_of_a_sampled_exponential_forgetting():
    found = _mean_of(lambda x: periodogram(x, DT)[1], _immigration_death, 800)
    frequency = periodogram(np.ones(800), DT)[0]
    a, variance = np.exp(-DEATH * DT), BIRTH / DEATH
    sampled = 2 * DT * variance * (1 - a**2) / (1 - 2 * a * np.cos(2 * np.pi * frequency * DT) + a**2)
    sampled[-1] /= 2
    inner = slice(4, -2)  # the window mixes neighbours
    assert found[inner] == pytest.approx(sampled[inner], rel=0.02)
    slow = (frequency > 0.05) & (frequency < 0.5)  # where folding does not matter: the law in continuous time
    assert found[slow] == pytest.approx(
        4 * DEATH * variance / (DEATH**2 + (2 * np.pi * frequency[slow]) ** 2), rel=0.03
    )


def test_the_spectrum_of_the_second_of_two_species():
    found = _mean_of(lambda x: periodogram(x, DT)[1], _second_of_two, 800)
    frequency = periodogram(np.ones(800), DT)[0]
    slow = (frequency > 0.1) & (frequency < 0.5)
    # S = 2 (J - iw)^-1 D (J + iw)^-T, one-sided.
    resolvent = [np.linalg.inv(DRIFT - 2j * np.pi * f * np.eye(2)) for f in frequency[slow]]
    exact = [2 * (g @ DIFFUSION @ g.conj().T)[1, 1].real for g in resolvent]
    assert found[slow] == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("law", LAWS)
def test_the_spectrum_integrates_to_the_variance(law):
    window, n = np.hanning(401)[:-1], 400
    found = _mean_of(lambda x: periodogram(x, DT)[1].sum() / (n * DT), law, n)
    zero = _mean_of(lambda x: np.square((window * x).sum()) / (n * np.square(window).sum()), law, n)
    assert found + zero == pytest.approx(law(np.zeros(1))[0], rel=1e-9)  # Parseval, with what lies at frequency 0


def test_a_sine_has_its_variance_at_its_frequency():
    frequency, density = periodogram(3 * np.sin(2 * np.pi * 0.5 * DT * np.arange(400)), DT)
    assert frequency[density.argmax()] == pytest.approx(0.5)
    assert density.sum() * frequency[0] == pytest.approx(4.5)


def test_the_correlation_time_is_the_integral():
    lag = DT * np.arange(400)
    assert correlation_time(np.exp(-lag), DT) == pytest.approx(1.0, rel=0.01)
    assert np.isnan(correlation_time(np.exp(-lag / 100), DT))


@pytest.mark.parametrize("spacing, resolved", [(0.2, True), (10.0, False)])
def test_a_correlation_time_below_the_spacing_is_not_resolved(spacing, resolved, tmp_path, capsys):
    """The sum of autocorrelations gives half the spacing for what forgets at once: 5 s, where 1 s is true."""
    path = tmp_path / "run.h5"
    net = gnn.ReactionNetwork.from_text(f"0 -> A @ {BIRTH}\nA -> 0 @ {DEATH}\nA = 10")
    gnn.simulate(net, t_end=600 * spacing, n_points=601, replicates=20, seed=2, output=path).close()
    with gnn.open_run(path) as run:
        found = autocorrelation(run, "A")
    if resolved:
        assert found.correlation_time == pytest.approx(1.0, rel=0.1) and np.isnan(found.at_most)
    else:
        assert np.isnan(found.correlation_time) and 1.0 < found.at_most < 1.5 * spacing
    assert main(["analyze", str(path), "--what", "autocorrelation", "--json"]) == 0
    said = capsys.readouterr().out
    assert ("not resolved: at most 10" in said) is not resolved


@pytest.fixture(scope="module")
def run():
    net = gnn.ReactionNetwork.from_text(f"0 -> A @ {BIRTH}\nA -> 0 @ {DEATH}\nA = 10")
    return gnn.simulate(net, t_end=60, n_points=601, replicates=400, seed=11)


def test_simulated_immigration_and_death_has_this_autocovariance_and_spectrum(run):
    deviation = run.of("A")[:, 201:] - BIRTH / DEATH  # 20 times its memory after the start
    lagged = np.array([autocovariance(d)[10] for d in deviation])
    checks_of_chance.accept(checks_of_chance.mean_is(lagged, _immigration_death(1.0)), "autocovariance at lag 1 s")
    band = slice(2, 30)
    power = np.array([periodogram(d, DT)[1][band].mean() for d in deviation])
    exact = _mean_of(lambda x: periodogram(x, DT)[1][band].mean(), _immigration_death, 400)
    checks_of_chance.accept(checks_of_chance.mean_is(power, exact), "power up to 0.75 / s")


def test_the_functions_of_a_run_agree_with_their_parts(run):
    found = autocorrelation(run, "A", start=20)
    values = run.of("A")[:, 200:].astype(float)
    mean = values.mean()
    by_hand = [((values[:, : 401 - k] - mean) * (values[:, k:] - mean)).mean() for k in (0, 5, 100)]
    assert found.autocovariance[[0, 5, 100]] == pytest.approx(by_hand) and found.lag[5] == pytest.approx(0.5)
    assert found.n_units == 400 and (found.low <= found.autocorrelation).all() and found.high[0] == 1
    own = np.array([autocovariance(v - mean) for v in values])
    ratio = own.mean(axis=0) / own[:, 0].mean()
    error = (own - ratio * own[:, :1]).std(axis=0, ddof=1) / (own[:, 0].mean() * 20)
    assert found.high - ratio == pytest.approx(stats.t.isf(0.025, 399) * error)
    spectrum = power_spectrum(run, "A", start=20)
    assert spectrum.density[7] == pytest.approx(np.mean([periodogram(v - mean, DT)[1][7] for v in values]))
    assert (spectrum.low < spectrum.density).all() and (spectrum.density < spectrum.high).all()


def test_what_never_varies_has_neither(run):
    net = gnn.ReactionNetwork.from_text("A -> 0 @ 0\nA = 3")
    still = gnn.simulate(net, t_end=10, n_points=400, seed=1)
    for analysis in (autocorrelation, power_spectrum):
        with pytest.raises(InputError, match="A never varies"):
            analysis(still, "A", start=0)


def test_few_whole_replicates_among_many_are_read_in_small_parts(monkeypatch):
    n, whole = 20_000, 40
    counts = np.random.default_rng(1).poisson(9.0, (n, 40, 1))
    status = np.full(n, 1)
    values = counts.astype(float)
    values[np.arange(n) % (n // whole) != 0, -1] = np.nan
    r = Result(
        0.1 * np.arange(40.0), values, ("A",), status, np.zeros(n, dtype=int), "langevin", 1, 1.0, None,
        units="molecules",
    )  # fmt: skip
    sizes = []

    def watched(run, names, points, replicates=slice(None)):
        rows = read(run, names, points, replicates)
        sizes.append(rows.shape[0] * rows.shape[1])
        return rows

    monkeypatch.setattr(result_views, "PART_BYTES", 1 << 20)
    monkeypatch.setattr(base, "read", watched)
    of_units, _ = base.units(r, 0.0)
    assert len(of_units) == whole
    sizes.clear()
    parts = list(base.stretches(r, "A", of_units))
    piece = of_units[0][1]
    assert np.array_equal(np.concatenate(parts), values[:: n // whole, piece, 0])
    largest = split(n, piece.stop - piece.start)[0]
    assert len(sizes) > 1 and max(sizes) <= (largest.stop - largest.start) * (piece.stop - piece.start)


def test_rounding_is_no_fluctuation():
    time = 0.1 * np.arange(999.0)
    r = Result(
        time, np.full((10, 999, 1), 1.1), ("A",), np.zeros(10, dtype=int), np.zeros(10, dtype=int), "langevin", 1, 1.0,
        None, units="concentration",
    )  # fmt: skip
    for analysis in (autocorrelation, power_spectrum):
        with pytest.raises(InputError, match="never varies"):
            analysis(r, "A")


@pytest.mark.parametrize("n", [100, 101])
def test_only_the_highest_frequency_of_an_even_stretch_has_no_phase(n):
    values = np.random.default_rng(3).normal(size=(10, n, 1))
    r = Result(
        1e9 * np.arange(float(n)), values, ("A",), np.zeros(10, dtype=int), np.zeros(10, dtype=int), "langevin", 1, 1.0,
        None, units="concentration",
    )  # fmt: skip
    found = power_spectrum(r, "A", start=0.0)
    width = found.high / found.low
    assert (width[-1] > 1.5 * width[-2]) == (n % 2 == 0)
