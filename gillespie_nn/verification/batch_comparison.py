"""Batch methods against exact simulation: the law of the change of each weight in a presentation to a batch.

The network is 6-5-3 with four samples, small enough to list every reaction. Four quantities are compared:

- the slope of the mean changes against the exact ones; it must be within 1 +- `MEAN`;
- the mean change of each weight; it must be within `MEAN` of the exact one, relative;
- the ratio of variances, pooled over all weights as a geometric mean; it must be within 1 +- `VARIANCE`;
- the ratio of variances of each weight; it must be within 1 +- `VARIANCE`.

A method fails at a point if one of them is outside by more than chance explains. Each of the four has the level
`LEVEL` for all weights and points together. A method holds if the intervals of the slope and of the pooled ratio are
inside. Otherwise the point is inconclusive: more replicates are needed.

The comparison must also catch errors planted into the methods, see `PLANTS`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy

from .. import checks
from ..api import simulate
from ..kernels.leap.batch_neurons import LICENSED, LICENSEDS
from ..nn import TrainingNetwork, training_network
from ..simulation.batches import BATCH_METHODS, BatchMethod
from ..simulation.batches.batch_leap import Batch, BatchLeap
from ..simulation.batches.stationary_leap import StationaryLeap
from ..simulation.batches.still_flow import StillFlow
from ..simulation.batches.still_layers import StillLayers
from ..statistics.intervals import jackknife
from ..statistics.tests import Verdict, bonferroni, two_sided

MEAN, VARIANCE, LEVEL = 0.03, 0.10, 1e-2
SIZES, N_SAMPLES, HOLD, H, ANNIHILATION = (6, 5, 3), 4, 30.0, 0.02, 60.0
WEIGHTS_SEED = 5
_GROUPS = 25
"""Number of groups of replicates in the jackknife that gives the standard error of the pooled ratio of variances."""


class BatchPoint(NamedTuple):
    """A point of comparison: the volume, the running time [s], and the step LR of a whole batch."""

    volume: float
    running_time: float
    step: float

    def __str__(self) -> str:
        return f"Omega = {self.volume:g}, T = {self.running_time:g}, LR = {self.step:g}"

    def network(self, **batch: Any) -> TrainingNetwork:
        """The network; `batch=N_SAMPLES` makes the one that is shown all samples at once."""
        eta = self.step / N_SAMPLES / (self.running_time - HOLD)
        return training_network(
            SIZES, h=H, learning_rate=eta, hold=HOLD, annihilation_rate=ANNIHILATION, output="smooth_relu",
            signed_inputs=True, **batch,
        )  # fmt: skip


POINTS = tuple(BatchPoint(v, t, step) for v in (300.0, 1000.0) for step in (1.0, 0.1) for t in (40.0, 60.0, 130.0))


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Inputs float64[sample, input] and targets float64[sample, output] of the comparison."""
    return np.random.default_rng(3).normal(0, 0.6, (N_SAMPLES, SIZES[0])), np.eye(SIZES[-1])[[0, 1, 2, 0]]


def exact_changes(point: BatchPoint, replicates: int, seed: int = 1000, folder: Path | None = None) -> np.ndarray:
    """Changes int64[replicate, weight] [molecules] in one presentation, by exact simulation. A `folder`, if given,
    stores them, and they are read from there."""
    spec = point.network(batch=N_SAMPLES)
    name = hashlib.sha256(f"{spec.network.to_text()} {point} {replicates} {seed}".encode()).hexdigest()[:16]
    path = None if folder is None else folder / f"exact-{name}.npy"
    if path is not None and path.exists():
        stored: np.ndarray = np.load(path)
        return stored
    weights = spec.floating.initial_weights(WEIGHTS_SEED, 1.0)
    initial = spec.initial(weights, point.volume) | spec.presentation(*samples(), point.volume)
    done = simulate(
        spec.network, time=[0.0, point.running_time], volume=point.volume, initial=initial,
        schedule=spec.schedule(*samples(), point.volume, point.running_time)[1:], replicates=replicates, seed=seed,
        method="rejection", progress=False,
    )  # fmt: skip
    rails = [(done.of(r.plus), done.of(str(r.minus))) for r in spec.weights]
    changes = np.array([(p - m)[:, -1] - (p - m)[:, 0] for p, m in rails], dtype=np.int64).T
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, changes)
    return changes


def method_changes(
    method: type[BatchMethod],
    point: BatchPoint,
    replicates: int,
    seed: int = 1,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Changes int64[presentation, weight] [molecules] by a batch method with `options`, by default its defaults.

    Raises InputError if the method refuses this network."""
    spec = point.network(batch=N_SAMPLES, listed=False)
    return changes_by(method, spec, point.running_time, point.volume, samples(), replicates, seed, options)


def changes_by(
    method: type[BatchMethod], spec: TrainingNetwork, running_time: float, volume: float,
    shown: tuple[np.ndarray, np.ndarray], presentations: int, seed: int, options: Mapping[str, Any] | None,
) -> np.ndarray:  # fmt: skip
    """Changes int64[presentation, weight] [molecules] by a method, each from the same weights. `shown` are the inputs
    and targets of the samples. Raises InputError if the method refuses this network."""
    counts = spec.start(spec.floating.initial_weights(WEIGHTS_SEED, 1.0), volume)
    settings = {o.name: o.use((options or {}).get(o.name)) for o in method.options}
    changes = np.empty((presentations, len(spec.weights)), dtype=np.int64)
    for k in range(presentations):
        run = method(spec, running_time, volume, counts, seed + k, settings)
        if k == 0:
            run.check([(*shown, 1.0)])
        before = run.weights.counts()
        run.present(0, *shown, 1.0)
        change = run.weights.counts() - before
        changes[k] = change[::2] - change[1::2]
    return changes


class Comparison(NamedTuple):
    """Comparison of a method with exact simulation at one point. Intervals are simultaneous over all points."""

    slope: tuple[float, float]
    """Interval of the slope of the mean changes."""
    pooled: tuple[float, float]
    """Interval of the pooled ratio of variances."""
    mean_p: float
    """Smallest p-value of the hypothesis that the mean of a weight is within `MEAN` of the exact one, times the number
    of weights."""
    variance_p: float
    """The same for the ratio of variances and `VARIANCE`."""
    level: float
    """Level of this one comparison: `LEVEL` over the number of points."""

    @property
    def verdict(self) -> Verdict:
        """The verdict at this point, by the rule at the head of this file."""
        tolerances = ((self.slope, MEAN), (self.pooled, VARIANCE))
        apart = [not (low <= 1 + within and high >= 1 - within) for (low, high), within in tolerances]
        shown = [1 - within <= low and high <= 1 + within for (low, high), within in tolerances]
        return Verdict.of(shown, [*apart, not min(self.mean_p, self.variance_p) >= self.level])

    def __str__(self) -> str:
        return (
            f"{self.verdict}: slope {self.slope[0]:.3f} to {self.slope[1]:.3f}, variances {self.pooled[0]:.3f} to "
            f"{self.pooled[1]:.3f}, p of weights {self.mean_p:.2g} and {self.variance_p:.2g}"
        )


def compare(exact: np.ndarray, tested: np.ndarray, n_points: int = len(POINTS)) -> Comparison:
    """Compare changes [replicate, weight] of exact simulation and of a method, one of `n_points` comparisons."""
    runs = [np.asarray(a, dtype=float) for a in (exact, tested)]
    means = [a.mean(axis=0) for a in runs]
    variances = [a.var(axis=0, ddof=1) for a in runs]
    level = LEVEL / n_points
    z = scipy.stats.norm.isf(level / 2)
    # The means of the method are the direction. Chance in the exact means then favours neither verdict.
    along = [a @ means[1] for a in runs]
    slope = along[1].mean() / along[0].mean()
    error = slope * np.sqrt(sum(a.var(ddof=1) / a.mean() ** 2 / len(a) for a in along))

    standard = np.sqrt(variances[0] / len(exact) + variances[1] / len(tested))
    beyond = np.maximum(np.abs(means[1] - means[0]) - MEAN * np.abs(means[0]), 0) / np.maximum(standard, 1e-9)
    mean_p = bonferroni(two_sided(beyond.max()), len(beyond))

    centred = [a - m for a, m in zip(runs, means)]
    excess = np.mean([(c**4).mean(axis=0) / v**2 - 1 for c, v in zip(centred, variances)], axis=0)
    ratio = np.log(variances[1] / variances[0])
    standard = np.sqrt(excess / len(exact) + excess / len(tested))
    off = np.maximum(np.maximum(ratio - np.log(1 + VARIANCE), np.log(1 - VARIANCE) - ratio), 0) / standard
    variance_p = bonferroni(two_sided(off.max()), len(off))

    # By a jackknife over groups of replicates, because the weights of one replicate are not independent.
    errors = [jackknife(lambda part: np.log(part.var(axis=0, ddof=1)).mean(), a, _GROUPS) for a in runs]
    half = z * np.sqrt(sum(error**2 for error in errors))
    low, high = np.exp(ratio.mean() - half), np.exp(ratio.mean() + half)
    interval = (slope - z * error, slope + z * error)
    return Comparison(interval, (low, high), mean_p, variance_p, level)


def certify_batches(
    method: type[BatchMethod],
    points: Sequence[BatchPoint] = POINTS,
    replicates: int = 2200,
    presentations: int = 4000,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    say: Callable[[str], object] = print,
) -> Verdict:
    """Compare `presentations` of a method with exact `replicates` at all points that it does not refuse. Returns one
    verdict for all points.

    `say` gets a line for each point. `folder` stores the exact runs; `options` are those of the method.
    """
    verdicts = []
    for point in points:
        try:
            changes = method_changes(method, point, presentations, options=options)
        except checks.InputError as error:
            say(f"{method.name}, {point}: refused: {error}")
            continue
        result = compare(exact_changes(point, replicates, folder=folder), changes, len(points))
        verdicts.append(result.verdict)
        say(f"{method.name}, {point}: {result}")
    return Verdict.together(verdicts)


def certify(name: str, folder: Path, say: Callable[[str], object] = print) -> bool:
    """Compare a batch method, given by name, and its planted errors with exact simulation. Returns whether the method
    does not fail and every planted error does.

    The batch leap is also compared with one draw of the first layer in each window, as large networks use it."""
    method = {m.name: m for m in BATCH_METHODS}[checks.choice("method", name, [m.name for m in BATCH_METHODS])]
    verdicts = [certify_batches(method, folder=folder, say=say)]
    if method is BatchLeap:
        say("one draw of the first layer in a window")
        verdicts.append(certify_batches(method, folder=folder, options={"draws": 1}, say=say))
    say(f"{name}: {', '.join(verdicts)}")
    good = Verdict.FAILS not in verdicts
    for what, (planted, options) in PLANTS[name].items():
        say(f"planted: {what}")
        points = [point for point in POINTS if point.step == 1.0 or method is not BatchLeap]
        caught = certify_batches(planted, points, folder=folder, options=options, say=say) == Verdict.FAILS
        good = good and caught
    return good


# Planted errors in the batch methods, which the comparison with exact simulation must catch.


class _Frozen(Batch):
    """Neurons read the weights of the beginning of the presentation."""

    def _leap(self, *arguments: Any) -> int:
        before, drive = [m.copy() for m in self._matrices], self._drive.copy()
        fired = super()._leap(*arguments)
        for now, then in zip(self._matrices[1:], before[1:]):
            now[...] = then
        self._drive[...] = drive
        self._step[...] = 0.0
        return fired


class _Missing(Batch):
    """The first sample is missing from the sum over samples."""

    def _expose(self, rows: slice, tau: np.float32) -> None:
        if rows.start == 0:
            for flows in self._neurons.flows:
                flows[LICENSED : LICENSEDS + 1, 0] = 0.0
        super()._expose(rows, tau)


class _Still(Batch):
    """Neurons have no noise."""

    def present(self, *arguments: Any) -> int:
        self._neurons.noisy = False
        return super().present(*arguments)


class _FrozenFlow(StillFlow):
    """Neurons rest at the weights of the beginning of the window."""

    def follow(self, weights: Any, *rest: Any) -> float:
        self._before = [w.copy() for w in weights]
        return super().follow(weights, *rest)

    def _evaluate(self, state: Any, weights: Any, *rest: Any) -> None:
        step, self._step = self._step, np.float32(0.0)
        super()._evaluate(state, self._before, *rest)
        self._step = step


class _MissingLayers(StillLayers):
    """The first sample is missing from the sum over samples."""

    def rest(self, *arguments: Any) -> None:
        super().rest(*arguments)
        self._leave_out()

    def late(self, *arguments: Any) -> None:
        super().late(*arguments)
        self._leave_out()

    def _leave_out(self) -> None:
        for layer in self.layers:
            layer.grid.g[0] = 0.0

    def fill_rails(self, *arguments: Any) -> None:
        super().fill_rails(*arguments)
        for layer in self.layers:
            layer.grid.g_common[0] = 0.0


class _MissingFlow(StillFlow):
    layers = _MissingLayers


class _QuietLayers(StillLayers):
    """Neurons have no noise."""

    def fill_noise(self, *arguments: Any) -> None:
        self.silence()


class _QuietFlow(StillFlow):
    layers = _QuietLayers


def _planted_still(kind: type[StillFlow]) -> type[StationaryLeap]:
    return type("Planted", (StationaryLeap,), {"flows": kind})


def _planted(kind: type[Batch]) -> type[BatchLeap]:
    return type("Planted", (BatchLeap,), {"batches": kind})


PLANTS: Mapping[str, Mapping[str, tuple[type[BatchMethod], dict[str, Any]]]] = {
    BatchLeap.name: {
        "frozen weights": (_planted(_Frozen), {"draws": 1}),
        "a sample missing from the sum": (_planted(_Missing), {}),
        "neurons without noise": (_planted(_Still), {}),
    },
    StationaryLeap.name: {
        "frozen weights": (_planted_still(_FrozenFlow), {}),
        "a sample missing from the sum": (_planted_still(_MissingFlow), {}),
        "neurons without noise": (_planted_still(_QuietFlow), {}),
    },
}
"""By method: classes and their options."""
