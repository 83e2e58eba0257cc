"""The ladder of limits: the rate at which each level of description converges to the next.

Where the master equation can be solved, errors are free of sampling noise; elsewhere replicates give the intervals.
Expected exponents: T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240 for paths and means; D. F. Anderson, A. Ganguly,
T. G. Kurtz, Ann. Appl. Probab. 21 (2011) 2226-2262 for leaps.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from ..crn import ReactionNetwork
from ..display.figures import COLOURS, new_figure, save_figure
from ..statistics.scaling import Rate, of_means, rate
from ..statistics.verdict import Verdict
from .langevin_law import langevin_distance, langevin_moments
from .master_equation import generator
from .samples import trajectories
from .slow_limit import slow_limit_rates

PAIRS = ReactionNetwork.from_text("0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5")
DIMERS = "0 -> A @ 10\nA -> 0 @ 1\nA -> B @ 0.5\n2 B -> A @ 0.1"
TWO_STATES = ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 0.5")
_T = 1.5
_COLUMNS = 3
"""Of panels in a figure."""


def leap_mean(seed: int, replicates: int = 400, start: int = 100_000, **settings: Any) -> Rate:
    """Mean of tau-leaping with fixed steps against the closed form of a linear network."""
    steps = np.array([0.4, 0.2, 0.1, 0.05])
    exact = start * (1 + 2 * np.exp(-1.5 * 1.2)) / 3
    settings = _leaps(replicates, seed) | {"time": [1.2], "initial": {"A": start}} | settings
    found = [trajectories(TWO_STATES, tau=tau, **settings).of("A")[:, 0] for tau in steps]
    samples = np.array([(exact - x) / exact for x in found]).T
    return rate(
        "tau-leaping: mean", "step [s]", "relative error of the mean", steps, samples.mean(axis=0), 1.0, 0.1,
        of_means(steps, samples), "tau_leap",
    )  # fmt: skip


def leap_variance(seed: int, replicates: int = 500, n_times: int = 1000, **settings: Any) -> Rate:
    """Stationary variance of tau-leaping with fixed steps, against that of a Poisson number."""
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


def paths(seed: int, method: str, volumes: np.ndarray, replicates: int = 60, **options: Any) -> Rate:
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


def means() -> Rate:
    """Mean of counts / Omega by the master equation against the ODE."""
    volumes = np.array([16.0, 32.0, 64.0, 128.0])
    limit = _limit()[0]
    error = [abs(_master(v)[0] / v - limit) / limit for v in volumes]
    return rate("means to the ODE", "volume", "relative error of the mean", volumes, error, -1.0, 0.1)


def linear_noise() -> Rate:
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
    found = []
    for rung in rungs:
        found.append(rung())
        say(_said(found[-1]))
    for slow in slow_limit_rates():
        found.append(slow)
        say(_said(slow))
    moments = langevin_moments(seed)
    for row in moments:
        low, high = row["interval"]
        say(
            f"langevin: {row['what']} at Omega = {row['volume']:g}: relative error {row['error']:+.4f} "
            f"[{low:+.4f}, {high:+.4f}]"
        )
    return {
        "verdict": Verdict.together(r.verdict for r in found),
        "seed": seed,
        "rates": [r.record() for r in found],
        "langevin": moments,
    }


def _said(r: Rate) -> str:
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
    for axes, found in zip(panels, rates):
        _panel(axes, found)
    save_figure(figure, path)


def _panel(axes: Any, found: Any) -> None:
    x, error = np.asarray(found["x"]), np.asarray(found["error"])
    low, high = found["interval"]
    line = error[-1] * (x / x[-1]) ** found["expected"]
    axes.loglog(x, line, "--", color=COLOURS[1], label=f"slope {found['expected']:g} (theory)")
    measured = f"measured, slope {found['exponent']:.3f}\n[{low:.3f}, {high:.3f}]"
    axes.loglog(x, error, "o-", color=COLOURS[0], label=measured)
    if x.max() < 100 * x.min():
        axes.set_xticks(x, [f"{v:g}" for v in x])
        axes.set_xticks([], minor=True)
    axes.set_title(found["what"], fontsize=10)
    axes.set_xlabel(found["x_label"])
    axes.set_ylabel(found["error_label"])
    axes.legend(fontsize=8)
