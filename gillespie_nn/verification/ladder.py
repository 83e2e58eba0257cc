"""The ladder of limits: the rate at which each level of description converges to the next.

The levels are exact simulation, tau-leaping, the chemical Langevin equation, linear noise, rate equations, gradient
flow and gradient descent. Where the master equation can be solved, errors are free of sampling noise; elsewhere
replicates give the intervals. Expected exponents: Kurtz 1978 for paths and means; Anderson, Ganguly and Kurtz 2011 for
leaps.

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0.
D. F. Anderson, A. Ganguly, T. G. Kurtz, Ann. Appl. Probab. 21 (2011) 2226-2262.
J. Komlos, P. Major, G. Tusnady, Z. Wahrscheinlichkeitstheorie verw. Gebiete 32 (1975) 111-131, doi:10.1007/BF00533093.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from ..api import train
from ..crn import ReactionNetwork
from ..display.figures import COLOURS, new_figure, save_figure
from ..statistics.scaling import ConvergenceRate, exponent, of_left_out, of_means, rate
from ..statistics.tests import Verdict
from .check import trajectories
from .exact_laws import generator

# The chemical Langevin equation against the master equation, as Omega grows.
#
# Paths of counts can be coupled with paths of the diffusion so that they stay within a multiple of log Omega molecules
# (Kurtz 1978, by the coupling of Komlos, Major and Tusnady 1975). Measured here is the distance at one time under the
# best coupling of the two laws, which pairs equal quantiles: Wasserstein's distance of order 1. It is at most that of
# the paths, and has no logarithm: it is a few molecules for every Omega. A quarter of a molecule of this is the
# distance of whole numbers from a continuous law. With the rate equations, or with noise of a wrong size, the distance
# would be a multiple of sqrt(Omega).

_TIME = 1.5
_STEP = 0.02
"""With this step [s], the error of the scheme, of second order, is below that of the samples."""
_COPIES = 500
"""Copies of the model in one network: one replicate gives this many samples."""
_GROUPS = 20
_MODEL = "0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5\n"


def langevin_distance(
    seed: int, volumes: Sequence[float] = (64, 128, 256, 512, 1024), replicates: int = 800, **settings: Any
) -> ConvergenceRate:
    """Distance of the laws of counts / Omega. The initial concentration is 1, and counts stay away from zero, where the
    Langevin equation would need a boundary. Volumes are whole numbers."""
    samples = [_sample(seed, volume, replicates, **settings) for volume in volumes]
    laws = [_law(volume) for volume in volumes]

    def distances(chosen: Any) -> list[float]:
        return [_distance(x[chosen], law) / volume for x, law, volume in zip(samples, laws, volumes)]

    group = np.arange(replicates) * _GROUPS // replicates
    left_out = exponent(volumes, [distances(group != k) for k in range(_GROUPS)])
    return rate(
        "Langevin equation: distance of the laws", "volume", "Wasserstein distance of concentrations", volumes,
        distances(slice(None)), -1.0, 0.1, of_left_out(left_out), "langevin",
    )  # fmt: skip


def langevin_moments(seed: int, volumes: Sequence[float] = (64, 256), replicates: int = 800) -> list[dict]:
    """Relative errors of mean, variance and third cumulant, with 95 % intervals.

    The errors of mean and variance vanish as Omega grows. The error of the third cumulant does not: the jump of a
    reaction has a third moment, and a Gaussian number has none.
    """
    rows = []
    for volume in volumes:
        x, law = _sample(seed, volume, replicates), _law(volume)
        n = np.arange(len(law))
        mean = law @ n
        values = {"mean": x, "variance": (x - mean) ** 2, "third cumulant": (x - mean) ** 3}
        exact = {"mean": mean, "variance": law @ (n - mean) ** 2, "third cumulant": law @ (n - mean) ** 3}
        for what, sample in values.items():
            # Moments are taken about the exact mean; the error of the sample mean is reported separately.
            by_replicate = sample.mean(axis=1) / exact[what] - 1
            error, half = by_replicate.mean(), 1.96 * by_replicate.std(ddof=1) / replicates**0.5
            rows.append({"what": what, "volume": volume, "error": error, "interval": (error - half, error + half)})
    return rows


def _sample(seed: int, volume: float, replicates: int, method: str = "langevin", **settings: Any) -> np.ndarray:
    """Counts by the method, float64[replicate, copy] [molecules]."""
    names = [f"A{k}" for k in range(_COPIES)]
    network = ReactionNetwork.from_text("".join(_MODEL.replace("A", name) for name in names))
    settings = {"step": _STEP, "replicates": replicates, "workers": 2, "seed": seed} | settings
    initial = dict.fromkeys(names, volume)
    r = trajectories(network, time=[_TIME], volume=float(volume), method=method, initial=initial, **settings)
    return r.counts[:, 0] * volume


def _law(volume: float) -> np.ndarray:
    """The law of the count by the master equation, float64[count]; higher counts have a probability below 1e-9."""
    n = np.arange(int(1.3 * volume) + 40)
    from scipy.sparse.linalg import expm_multiply

    flow = scipy.sparse.csr_array(generator(ReactionNetwork.from_text(_MODEL), [(int(k),) for k in n], float(volume)))
    return expm_multiply(flow * _TIME, (n == volume).astype(np.float64))


def _distance(sample: np.ndarray, law: np.ndarray) -> float:
    """Wasserstein's distance of order 1 [molecules], by quantiles."""
    x = np.sort(sample, axis=None)
    quantiles = np.searchsorted(np.cumsum(law), (np.arange(x.size) + 0.5) / x.size)
    return np.abs(x - quantiles).mean()


# The last steps of the ladder: rate equations to gradient flow, and gradient flow to gradient descent.
#
# The networks learn XOR, with samples in file order. Everything is deterministic, so the intervals of the exponents
# come from the residuals of the fit alone.

_PASSES = 2
_SLOW_STEP = 0.1
_TOLERANCE = 0.03
"""Higher orders change these exponents by 0.02 and 0.04. An error of 2 % in a step changes them by 0.2 or more."""


def change(
    method: str, step: float, running_time: float, presentations: int = 4 * _PASSES, **options: Any
) -> np.ndarray:
    """Change of the weights float64[weight] in `presentations` of XOR with step s = eta T."""
    fit = train(
        "xor", method=method, learning_rate=step / running_time, running_time=running_time,
        presentations=presentations, order="cyclic", volume=1.0, seed=0, **options,
    )  # fmt: skip
    return fit.last_weights - fit.plan.learner.initial_weights


def _slow_distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


def ode_to_flow(times: Sequence[float] = (40.0, 80.0, 160.0, 320.0)) -> ConvergenceRate:
    """Weights of the rate equations against gradient flow, at a fixed step and T = s / eta."""
    flow = change("gradient_flow", _SLOW_STEP, 1.0)
    error = [_slow_distance(change("ode", _SLOW_STEP, t, rtol=1e-9), flow) for t in times]
    eta = _SLOW_STEP / np.array(times)
    return rate(
        f"rate equations to gradient flow, s = {_SLOW_STEP:g}", "learning rate [1/s]", "distance of the weights", eta,
        error, 1.0, _TOLERANCE, method="ode",
    )  # fmt: skip


def flow_to_descent(steps: Sequence[float] = (0.01, 0.005, 0.0025, 0.00125)) -> ConvergenceRate:
    """Gradient flow against gradient descent, over a fixed s times presentations."""
    error = []
    for step in steps:
        presentations = round(0.4 / step / 4) * 4
        flow = change("gradient_flow", step, 1.0, presentations)
        error.append(_slow_distance(flow, change("gradient_descent", step, 1.0, presentations)))
    return rate(
        "gradient flow to gradient descent", "step s", "distance of the weights", steps, error, 1.0, _TOLERANCE,
        method="gradient_flow",
    )  # fmt: skip


def bias_at_fixed_time(times: Sequence[float] = (20.0, 40.0, 80.0, 160.0), step: float = 1e-4) -> ConvergenceRate:
    """The error that remains at a fixed running time as eta -> 0: the change of the weights in two passes against that
    by gradient flow, relative. The step is so small that only the relaxation after each switch makes a difference."""
    flow = change("gradient_flow", step, 1.0)
    error = [_slow_distance(change("ode", step, t, rtol=1e-10, atol=1e-13), flow) / np.linalg.norm(flow) for t in times]
    return rate(
        "bias at a fixed running time", "running time T [s]", "relative error of the change of the weights",
        times, error, -1.0, _TOLERANCE, method="ode",
    )  # fmt: skip


def slow_limit_rates() -> list[ConvergenceRate]:
    return [ode_to_flow(), flow_to_descent(), bias_at_fixed_time()]


# Leaps, paths, means and linear noise; then the whole ladder.

PAIRS = ReactionNetwork.from_text("0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5")
DIMERS = "0 -> A @ 10\nA -> 0 @ 1\nA -> B @ 0.5\n2 B -> A @ 0.1"
TWO_STATES = ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 0.5")
_T = 1.5
_COLUMNS = 3
"""Columns of panels in a figure."""


def leap_mean(seed: int, replicates: int = 400, start: int = 100_000, **settings: Any) -> ConvergenceRate:
    """Mean of tau-leaping with fixed steps against the closed form of a linear network."""
    steps = np.array([0.4, 0.2, 0.1, 0.05])
    exact = start * (1 + 2 * np.exp(-1.5 * 1.2)) / 3
    settings = _leaps(replicates, seed) | {"time": [1.2], "initial": {"A": start}} | settings
    counts = [trajectories(TWO_STATES, tau=tau, **settings).of("A")[:, 0] for tau in steps]
    samples = np.array([(exact - x) / exact for x in counts]).T
    return rate(
        "tau-leaping: mean", "step [s]", "relative error of the mean", steps, samples.mean(axis=0), 1.0, 0.1,
        of_means(steps, samples), "tau_leap",
    )  # fmt: skip


def leap_variance(seed: int, replicates: int = 500, n_times: int = 1000, **settings: Any) -> ConvergenceRate:
    """Stationary variance of tau-leaping with fixed steps against that of a Poisson number."""
    network, steps = ReactionNetwork.from_text("0 -> A @ 400\nA -> 0 @ 1\nA = 400"), np.array([0.4, 0.2, 0.1, 0.05])
    settings = _leaps(replicates, seed) | {"time": 8.0 + 2.0 * np.arange(n_times)} | settings
    samples = []
    for tau in steps:
        x = trajectories(network, tau=tau, **settings).of("A")
        samples.append(np.square(x - 400.0).mean(axis=1) / 400.0 - 1.0)
    samples = np.array(samples).T
    return rate(
        "tau-leaping: variance", "step [s]", "relative error of the variance", steps, samples.mean(axis=0), 1.0, 0.2,
        of_means(steps, samples), "tau_leap",
    )  # fmt: skip


def _leaps(n: int, seed: int) -> dict[str, Any]:
    return {"method": "tau_leap", "scheme": "explicit", "replicates": n, "workers": 2, "seed": seed}


def paths(seed: int, method: str, volumes: np.ndarray, replicates: int = 60, **options: Any) -> ConvergenceRate:
    """Mean over paths of sup |counts / Omega - ODE| at 30 times, relative to the largest concentration."""
    network = ReactionNetwork.from_text(DIMERS)
    time = np.linspace(0.0, 3.0, 31)[1:]
    limit = trajectories(network, time=time, method="ode", rtol=1e-10).counts[0]
    samples = []
    for volume in volumes:
        settings = {"volume": volume, "replicates": replicates, "workers": 2, "seed": seed}
        counts = trajectories(network, time=time, method=method, **settings, **options).counts
        samples.append(np.abs(counts / volume - limit).max(axis=(1, 2)) / limit.max())
    samples = np.array(samples).T
    return rate(
        f"paths to the ODE: {method}", "volume", "sup distance of paths, relative", volumes, samples.mean(axis=0), -0.5,
        0.05, of_means(volumes, samples), method,
    )  # fmt: skip


def means() -> ConvergenceRate:
    """Mean of counts / Omega by the master equation against the ODE."""
    volumes = np.array([16.0, 32.0, 64.0, 128.0])
    limit = _limit()[0]
    error = [abs(_master(v)[0] / v - limit) / limit for v in volumes]
    return rate("means to the ODE", "volume", "relative error of the mean", volumes, error, -1.0, 0.1)


def linear_noise() -> ConvergenceRate:
    """Variance by linear noise against that of the master equation."""
    volumes = np.array([16.0, 32.0, 64.0, 128.0])
    variance = _limit()[1]
    error = [abs(variance * v - _master(v)[1]) / _master(v)[1] for v in volumes]
    return rate(
        "linear noise: variance", "volume", "relative error of the variance", volumes, error, -1.0, 0.15,
        method="linear_noise",
    )  # fmt: skip


def _limit() -> tuple[float, float]:
    """Concentration, and variance at Omega = 1, by the method `linear_noise`."""
    r = trajectories(PAIRS, time=[_T], method="linear_noise")
    return r.counts[0, -1, 0], r.covariance[0, -1, 0, 0]


@cache
def _master(volume: float) -> tuple[float, float]:
    """Mean and variance of the count by the master equation."""
    n = np.arange(int(3 * volume) + 30)
    law = scipy.linalg.expm(generator(PAIRS, [(int(k),) for k in n], volume) * _T)[:, 0]
    mean = law @ n
    return mean, law @ (n - mean) ** 2


def measure_ladder(seed: int, say: Callable[[str], object] = lambda line: None) -> dict:
    """Measure all convergence rates; returns a dictionary of plain values with a `verdict`."""
    rungs = [
        lambda: leap_mean(seed),
        lambda: leap_variance(seed),
        lambda: paths(seed, "rejection", np.array([1e2, 1e3, 1e4, 1e5])),
        lambda: paths(seed, "tau_leap", np.array([1e4, 1e5, 1e6, 1e7]), scheme="trapezoidal", tau=0.02),
        means,
        lambda: langevin_distance(seed),
        linear_noise,
    ]
    measured = []
    for rung in rungs:
        measured.append(rung())
        say(_line(measured[-1]))
    for slow in slow_limit_rates():
        measured.append(slow)
        say(_line(slow))
    moments = langevin_moments(seed)
    for row in moments:
        low, high = row["interval"]
        say(
            f"langevin: {row['what']} at Omega = {row['volume']:g}: relative error {row['error']:+.4f} "
            f"[{low:+.4f}, {high:+.4f}]"
        )
    return {
        "verdict": Verdict.together(r.verdict for r in measured),
        "seed": seed,
        "rates": [r.record() for r in measured],
        "langevin": moments,
    }


def _line(r: ConvergenceRate) -> str:
    low, high = r.interval
    return (
        f"{r.what}: exponent {r.exponent:.3f} [{low:.3f}, {high:.3f}], expected {r.expected:g} +- {r.tolerance:g}: "
        f"{r.verdict}"
    )


def draw_rates(rates: Sequence, path: str | Path) -> None:
    """Draw `rates`, the list in the record of `measure_ladder`, to `path`, one panel each. Needs matplotlib."""
    n_rows = -(-len(rates) // _COLUMNS)
    figure = new_figure((4 * _COLUMNS, 3.4 * n_rows))
    panels = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes in panels[len(rates) :]:
        axes.set_visible(False)
    for axes, record in zip(panels, rates):
        _panel(axes, record)
    save_figure(figure, path)


def _panel(axes: Any, record: Any) -> None:
    x, error = np.asarray(record["x"]), np.asarray(record["error"])
    low, high = record["interval"]
    line = error[-1] * (x / x[-1]) ** record["expected"]
    axes.loglog(x, line, "--", color=COLOURS[1], label=f"slope {record['expected']:g} (theory)")
    measured = f"measured, slope {record['exponent']:.3f}\n[{low:.3f}, {high:.3f}]"
    axes.loglog(x, error, "o-", color=COLOURS[0], label=measured)
    if x.max() < 100 * x.min():
        axes.set_xticks(x, [f"{v:g}" for v in x])
        axes.set_xticks([], minor=True)
    axes.set_title(record["what"], fontsize=10)
    axes.set_xlabel(record["x_label"])
    axes.set_ylabel(record["error_label"])
    axes.legend(fontsize=8)
