"""Tau-leaping against our exact methods: speed and error on training networks with learning off.

The error is that of stationary means and variances. Both methods average over time, in batches that are long against
every relaxation; the spread of the batches gives the intervals (batch means). The compared quantities are the numbers
of a network, z, y, s, e and d of each neuron, where a number on two rails is their difference. In larger networks they
are pooled over the neurons of a layer. Errors of means are relative to the mean or to `FLOOR`, whichever is larger,
because most errors d are near zero.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import seeds
from ..kernels import codes
from ..nn import TrainingNetwork, training_network
from ..nn.chemistry import ERROR_SUMS, ERRORS, OUTPUTS, PREACTIVATIONS, SLOPES
from ..peers import CopasiAdaptive, Job
from ..processes import Lost, in_processes
from ..seeds import Purpose
from ..simulation.methods import Layered, Method, Rejection, TauLeap
from ..simulation.presentations import Presented, Samples
from ..statistics.intervals import student
from ..statistics.scaling import Errors, judge
from ..statistics.tests import Verdict
from .timing import best_of, machine

FLOOR = 0.02
"""Smallest value to which errors of means are relative [concentration]."""
PATIENCE = 300.0
"""Time limit of COPASI, loading included [s]."""
TOLERANCE_MEAN, TOLERANCE_VARIANCE = 0.02, 0.05
CONFIDENCE = 0.95
SPEED_VOLUME = 1e4
OPTIONS: dict[str, Any] = {"scheme": "trapezoidal"}
N_BATCHES = 40
_SETTLE = 30.0
"""Time before anything is recorded, in which neurons settle [s]."""
_SPACING = 0.5
"""Time between recorded points [s]."""
_NONZERO = 150
"""Inputs that are not zero, as in a handwritten digit."""


class LeapCase(NamedTuple):
    """A training network, and how long its error and its speed are measured."""

    layers: tuple[int, ...]
    volume: float
    """Volume at which the error is measured."""
    length: float
    """Time over which each method averages [s]."""
    pooled: bool
    t_speed: float
    """Time simulated to measure the speed, at `SPEED_VOLUME` [s]."""


CASES = {
    "2-4-1": LeapCase((2, 4, 1), 1e4, 140_000.0, False, 100.0),
    "64-32-10": LeapCase((64, 32, 10), 1e3, 14_000.0, True, 4.0),
}
"""Training networks on which leaps are compared with exact simulation, by their layer sizes."""


def leap_benchmark(
    names: Sequence[str] = tuple(CASES),
    repeats: int = 5,
    peers: bool = True,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Speed and certified error of `tau_leap`, and the time for a sample of MNIST size; returns plain values."""
    result: dict[str, Any] = {
        "machine": machine(),
        "options": OPTIONS,
        "tolerance_mean": TOLERANCE_MEAN,
        "tolerance_variance": TOLERANCE_VARIANCE,
        "confidence": CONFIDENCE,
        "presented_sample": presented_sample(),
    }
    say(
        "784-32-10, learning on, Omega = 10000, T = 10 s: {milliseconds:.2f} ms per sample (median of "
        "{samples}), {leaps:.0f} leaps of {mean_leap:.3f} s each".format(**result["presented_sample"])
    )
    result["cases"] = {name: _case(name, CASES[name], repeats, peers, say) for name in names}
    return result


def _case(name: str, case: LeapCase, repeats: int, peers: bool, say: Callable[[str], object]) -> dict:
    spec = training_network(case.layers, learning_rate=0.0)
    rng = np.random.default_rng(0)
    x, t = rng.random(case.layers[0]), rng.random(case.layers[-1])

    def begin(method: type[Method], volume: float, seed: int) -> Method:
        counts = spec.network.counts(_initial(spec, x, t, volume))
        options = OPTIONS if method is TauLeap else {}
        stream = seeds.stream(seed, Purpose.SIMULATION)
        return method(spec.network, spec.network.rates(), volume, counts, stream, options=options)

    speed = {m.name: _seconds(begin, m, case.t_speed, repeats) for m in (Rejection, Layered, TauLeap)}
    exact = min(("rejection", "layered"), key=lambda name: speed[name])
    record: dict[str, Any] = {
        "speed": {"volume": SPEED_VOLUME, "t_end": case.t_speed, "seconds": speed, "exact": exact},
        "times_faster": speed[exact] / speed["tau_leap"],
        "error": _error(spec, case, begin),
    }
    error = record["error"]
    say(
        f"{name}, Omega = {SPEED_VOLUME:g}: tau_leap is {record['times_faster']:.1f} times faster than {exact} "
        f"({speed['tau_leap']:.3g} s for {case.t_speed:g} s)"
    )
    say(
        f"{name}, Omega = {case.volume:g}: {error['verdict']}; over {error['n']} means and variances, "
        f"{'pooled' if case.pooled else 'single'}, simultaneous {100 * CONFIDENCE:g} % intervals extend "
        f"to at most {100 * error['mean_bound']:.2f} % and {100 * error['variance_bound']:.2f} %"
    )
    if peers:
        job = Job(spec.network, case.t_speed, 2, SPEED_VOLUME, _initial(spec, x, t, SPEED_VOLUME))
        record["copasi_adaptive"] = copasi_adaptive(job, repeats)
        say(f"{name}, COPASI adaptive SSA/tau: {_sentence(record['copasi_adaptive'], speed['tau_leap'])}")
    return record


def _initial(spec: TrainingNetwork, x: np.ndarray, t: np.ndarray, volume: float) -> dict[str, int]:
    return spec.initial(spec.floating.initial_weights(0), volume) | spec.presentation(x, t, volume)


def copasi_adaptive(job: Job, repeats: int, patience: float = PATIENCE) -> dict:
    """Best time [s] of the adaptive method of COPASI, with its version, or why there is none.

    It runs in a process with a time limit, because COPASI may take hours to load models with thousands of reactions."""
    if lacking := CopasiAdaptive.missing():
        return {"missing": lacking}
    ((_, outcome),) = in_processes(partial(_timed, job=job), [repeats], 1, patience)
    return {"failed": f"{outcome}, loading included"} if isinstance(outcome, Lost) else outcome


def _timed(repeats: int, job: Job) -> dict:
    try:
        _, times = best_of(CopasiAdaptive, job, repeats)
    # Other programs may fail in any way.
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    return {"seconds": min(times), "runs": len(times), "version": CopasiAdaptive.version()}


def _sentence(record: dict, ours: float) -> str:
    if "seconds" not in record:
        return record.get("missing") or record["failed"]
    return f"{record['seconds']:.3g} s; tau_leap is {record['seconds'] / ours:.1f} times faster"


def _run(simulation: Method, t_end: float, grid: np.ndarray | None = None, rows: np.ndarray | None = None) -> None:
    simulation.start_chunk()
    grid = np.empty(0) if grid is None else grid
    while (code := simulation.advance(t_end, grid, rows)) == codes.SLICE_END:
        pass
    if code != codes.REACHED_END:
        raise RuntimeError(f"the run stopped early, with code {code}")


def _seconds(begin: Callable[..., Method], method: type[Method], t_end: float, repeats: int) -> float:
    """Best time [s] to simulate `t_end` [s] from a settled state."""
    simulation = begin(method, SPEED_VOLUME, 1)
    _run(simulation, _SETTLE)
    times = []
    for k in range(repeats):
        started = time.perf_counter()
        _run(simulation, _SETTLE + (k + 1) * t_end)
        times.append(time.perf_counter() - started)
    return min(times)


def _numbers(spec: TrainingNetwork) -> list[tuple]:
    """(name, index of the plus rail, that of the minus rail or -1, group) of the numbers of neurons."""
    index = spec.network.index
    return [
        (number.name, index[number.rails.plus], index.get(number.rails.minus or "", -1), number.group)
        for number in spec.numbers.select(PREACTIVATIONS, OUTPUTS, SLOPES, ERROR_SUMS, ERRORS)
    ]


def _batches(
    begin: Callable[..., Method],
    method: type[Method],
    seeds_of_runs: Sequence[int],
    spec: TrainingNetwork,
    case: LeapCase,
    numbers: list[tuple],
) -> list[np.ndarray]:
    """Batch means and mean squares of the numbers [molecules], float64[batch, number] each, from runs in parallel."""
    runs = [begin(method, case.volume, seed) for seed in seeds_of_runs]
    with ThreadPoolExecutor(len(runs)) as pool:
        parts = pool.map(
            lambda run: _batches_of(run, spec, case.length / len(runs), N_BATCHES // len(runs), numbers), runs
        )
        return [np.concatenate(part) for part in zip(*parts)]


def _batches_of(
    simulation: Method, spec: TrainingNetwork, length: float, n_batches: int, numbers: list[tuple]
) -> tuple[np.ndarray, np.ndarray]:
    _run(simulation, _SETTLE)
    per_batch = int(length / n_batches / _SPACING)
    plus = [k for _, k, _, _ in numbers]
    minus = [m for _, _, m, _ in numbers]
    signed = np.array([m >= 0 for m in minus])
    means, squares = [], []
    rows = np.empty((per_batch, len(spec.network.species)), dtype=np.int64)
    for _ in range(n_batches):
        grid = simulation.time + _SPACING * np.arange(1, per_batch + 1)
        _run(simulation, grid[-1], grid, rows)
        values = rows[:, plus] - np.where(signed, rows[:, minus], 0)
        means.append(values.mean(axis=0))
        squares.append(np.square(values).mean(axis=0))
    return np.array(means), np.array(squares)


def _error(spec: TrainingNetwork, case: LeapCase, begin: Callable[..., Method]) -> dict:
    """Errors of means and variances of tau_leap, with simultaneous intervals, and whether all are within tolerance."""
    numbers = _numbers(spec)
    exact_method = Layered if spec.network.compiled.families else Rejection
    results = [
        _batches(begin, m, pair, spec, case, numbers) for m, pair in ((exact_method, (11, 12)), (TauLeap, (13, 14)))
    ]
    # Squares about one centre need no mean of each batch. They exceed the variance by the square of the mean's shift,
    # which is subtracted for the second method.
    center = results[0][0].mean(axis=0)
    variances = [squares - 2 * center * means + center**2 for means, squares in results]
    shift = results[1][0].mean(axis=0) - center
    variances[1] = variances[1] - shift**2
    scale = np.maximum(np.abs(center), FLOOR * case.volume)
    mean_parts = [means / scale for means, _ in results]
    variance_parts = [v / variances[0].mean(axis=0) for v in variances]
    labels = [name for name, *_ in numbers]
    if case.pooled:
        kinds = [group for *_, group in numbers]
        labels = list(dict.fromkeys(kinds))
        groups = [np.array([k == kind for k in kinds]) for kind in labels]
        mean_parts, variance_parts = (
            [np.array([p[:, g].mean(axis=1) for g in groups]).T for p in parts]
            for parts in (mean_parts, variance_parts)
        )
    n = 2 * len(labels)
    # `student` takes a number of values; the difference of two sets of N has 2 N - 2 degrees of freedom.
    quantile = student((1 - CONFIDENCE) / n, 2 * N_BATCHES - 1)
    mean, variance = (_interval(one, other, quantile) for one, other in (mean_parts, variance_parts))
    return {
        "volume": case.volume,
        "time_averaged": case.length,
        "verdict": Verdict.together([*judge(mean, TOLERANCE_MEAN), *judge(variance, TOLERANCE_VARIANCE)]),
        "n": n,
        "mean_bound": float(np.maximum(-mean.low, mean.high).max()),
        "variance_bound": float(np.maximum(-variance.low, variance.high).max()),
        "numbers": labels,
        "mean_error": mean.error,
        "mean_half_width": quantile * mean.standard,
        "variance_error": variance.error,
        "variance_half_width": quantile * variance.standard,
    }


def _interval(one: np.ndarray, other: np.ndarray, quantile: float) -> Errors:
    """The difference of two sets of batch means, float64[batch, number] each, with its intervals."""
    error = other.mean(axis=0) - one.mean(axis=0)
    standard = np.sqrt((one.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)) / N_BATCHES)
    return Errors(error, error - quantile * standard, error + quantile * standard, standard)


def presented_sample(samples: int = 200) -> dict:
    """Time of a presented sample, with the time to set its inputs: 784-32-10, learning on, random inputs with 150
    non-zero pixels, Omega = 1e4, T = 10 s, eta T = 0.003. The median leaves out the first quarter: there the errors are
    those of random weights, and more weights change."""
    spec = training_network((784, 32, 10), learning_rate=3e-4)
    rng, volume, network = np.random.default_rng(0), 1e4, spec.network
    x = rng.random((samples, 784))
    for row in x:
        row[rng.permutation(784)[_NONZERO:]] = 0.0
    t = np.eye(10)[rng.integers(10, size=samples)]
    inputs = Samples(spec, Presented.each(x, t), volume)
    simulation = TauLeap(
        network, network.rates(), volume, spec.start(spec.floating.initial_weights(0), volume),
        seeds.stream(0, Purpose.SIMULATION), options=OPTIONS,
    )  # fmt: skip
    times = []
    for k in range(samples):
        started = time.perf_counter()
        for step in inputs.present(simulation, k, 10.0 * k, 10.0 * (k + 1)):
            _run(simulation, step.end)
        times.append(time.perf_counter() - started)
    statistics = simulation.statistics
    return {
        "milliseconds": 1e3 * float(np.median(times[samples // 4 :])),
        "milliseconds_at_first": 1e3 * float(np.median(times[1 : samples // 4])),
        "least_milliseconds": 1e3 * min(times),
        "samples": samples,
        "leaps": statistics["leaps"] / samples,
        "mean_leap": statistics["time_leapt"] / statistics["leaps"],
        "firings": simulation.n_events / samples,
    }
