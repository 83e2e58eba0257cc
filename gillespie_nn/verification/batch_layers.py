"""A batch method against exact simulation at the size of MNIST, layer by layer: 784-32-10 with four images.

In each layer, the slope of the mean changes of the weights against the exact ones must be within 1 +- `MEAN`, and the
ratio of variances, pooled over the weights, within 1 +- `VARIANCE`. Standard errors come from a jackknife over groups
of replicates, because the weights of one replicate are not independent. Intervals are simultaneous over all layers and
both numbers.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy

from .. import checks
from ..api import simulate
from ..datasets import case
from ..nn import TrainingNetwork, training_network
from ..simulation import Result
from ..simulation.batches import BATCH_METHODS, BatchMethod
from ..statistics.intervals import jackknife
from ..statistics.tests import Verdict
from .batch_comparison import WEIGHTS_SEED, certify, changes_by

MEAN, VARIANCE, LEVEL = 0.03, 0.05, 1e-2
SIZES, N_SAMPLES, HOLD = (784, 32, 10), 4, 30.0
VOLUME = 300.0
_GROUPS = 20
_TOGETHER = 10
"""Replicates between two writes of the file."""


class BatchSetting(NamedTuple):
    """The running time [s], and the step LR of a whole batch."""

    running_time: float
    step: float

    def network(self, **batch: Any) -> TrainingNetwork:
        """The network; `batch=N_SAMPLES` makes the one that is shown all samples at once."""
        return training_network(
            SIZES, h=0.02, learning_rate=self.step / N_SAMPLES / (self.running_time - HOLD), hold=HOLD,
            annihilation_rate=60.0, output="smooth_relu", signed_inputs=True, **batch,
        )  # fmt: skip


SETTINGS = {"batch_leap": BatchSetting(60.0, 1.0), "stationary_leap": BatchSetting(130.0, 0.25)}
"""For each method, a setting that it does not refuse."""


class LayerComparison(NamedTuple):
    """The comparison of one layer: numbers, and their simultaneous intervals."""

    slope: float
    slope_interval: tuple[float, float]
    variance: float
    variance_interval: tuple[float, float]

    @property
    def verdict(self) -> Verdict:
        """It holds if both intervals are inside their tolerances, and fails if one is outside."""
        both = ((self.slope_interval, MEAN), (self.variance_interval, VARIANCE))
        return Verdict.together(Verdict.of_interval(*ends, 1 - within, 1 + within) for ends, within in both)

    def __str__(self) -> str:
        slope, variance = (f"[{low:.3f}, {high:.3f}]" for low, high in (self.slope_interval, self.variance_interval))
        return f"slope {self.slope:.3f} {slope}, variance {self.variance:.3f} {variance}"


def images() -> tuple[np.ndarray, np.ndarray]:
    """The first training images, centred, and their targets."""
    data = case("mnist").load(0)
    return data.train_x[:N_SAMPLES] - data.train_x.mean(axis=0), data.train_t[:N_SAMPLES]


def exact_changes(setting: BatchSetting, path: Path, replicates: int, seed: int = 0) -> np.ndarray:
    """Changes int32[replicate, weight] [molecules] in one presentation, by `layered`. The file `path` stores
    them; missing replicates are simulated and added, ten at a time."""
    done: np.ndarray = np.load(path) if path.exists() else np.empty((0, 0), dtype=np.int32)
    if len(done) >= replicates:
        return done[:replicates]
    spec, (x, t) = setting.network(batch=N_SAMPLES), images()
    start = spec.floating.initial_weights(WEIGHTS_SEED, 1.0)
    initial = spec.initial(start, VOLUME) | spec.presentation(x, t, VOLUME)
    schedule = spec.schedule(x, t, VOLUME, setting.running_time)[1:]
    names = [s for rails in spec.weights for s in (rails.plus, str(rails.minus))]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Groups of ten have different seeds, and the file grows by whole groups: an interrupted run is continued with the
    # replicates that an uninterrupted one would have.
    for k in range(len(done), replicates, _TOGETHER):
        run = simulate(
            spec.network, time=[0.0, setting.running_time], volume=VOLUME, initial=initial, schedule=schedule,
            seed=seed + k, method="layered", species=names, replicates=_TOGETHER, workers=1, progress=False,
        )  # fmt: skip
        assert isinstance(run, Result)
        weights = run.counts[:, :, ::2].astype(np.int64) - run.counts[:, :, 1::2]
        changes = weights[:, -1] - weights[:, 0]
        done = np.vstack([done.reshape(-1, changes.shape[1]), changes]).astype(np.int32)
        np.save(path, done)
    return done[:replicates]


def method_changes(
    method: type[BatchMethod],
    setting: BatchSetting,
    presentations: int,
    seed: int = 1,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Changes int64[presentation, weight] [molecules] by a batch method with `options`, by default its defaults.

    Raises InputError if the method refuses this network."""
    spec = setting.network(batch=N_SAMPLES, listed=False)
    return changes_by(method, spec, setting.running_time, VOLUME, images(), presentations, seed, options)


def compare(exact: np.ndarray, tested: np.ndarray) -> list[LayerComparison]:
    """The comparison of changes [replicate, weight], layer by layer."""
    z = float(scipy.stats.norm.isf(LEVEL / (2 * 2 * (len(SIZES) - 1))))
    layers, start = [], 0
    for below, size in zip(SIZES, SIZES[1:]):
        part = slice(start, start + (below + 1) * size)
        start = part.stop
        runs = [np.asarray(a[:, part], dtype=np.float64) for a in (exact, tested)]
        slope, of_slope = _jackknife(runs, _slope)
        variance, of_variance = _jackknife(runs, _ratio)
        layers.append(
            LayerComparison(
                slope, (slope - z * of_slope, slope + z * of_slope),
                variance, (variance - z * of_variance, variance + z * of_variance),
            )
        )  # fmt: skip
    return layers


def _slope(runs: list[np.ndarray]) -> float:
    """Slope of the means of `tested` against the exact means. The direction for one half of `tested` is the mean of the
    other half, so that chance does not count twice."""
    exact, tested = runs
    halves = tested[::2].mean(axis=0), tested[1::2].mean(axis=0)
    return float(halves[0] @ halves[1] / (exact.mean(axis=0) @ (0.5 * (halves[0] + halves[1]))))


def _ratio(runs: list[np.ndarray]) -> float:
    exact, tested = (a.var(axis=0, ddof=1).sum() for a in runs)
    return float(tested / exact)


def _jackknife(runs: list[np.ndarray], number: Callable[[list[np.ndarray]], float]) -> tuple[float, float]:
    """(a number of both runs, its standard error)."""
    exact, tested = runs
    errors = (
        jackknife(lambda part: number([part, tested]), exact, _GROUPS),
        jackknife(lambda part: number([exact, part]), tested, _GROUPS),
    )
    return number(runs), float(np.hypot(*errors))


def certify_layers(
    method: type[BatchMethod], folder: Path, replicates: int = 200, presentations: int = 400,
    say: Callable[[str], object] = print,
) -> bool:  # fmt: skip
    """Compare a method, and return whether every layer holds. `folder` keeps the exact runs."""
    setting = SETTINGS[method.name]
    decided = f"{SIZES} {N_SAMPLES} {HOLD} {VOLUME} {setting} {WEIGHTS_SEED} {setting.network(listed=False)!r}"
    stored = folder / f"layers-{hashlib.sha256(decided.encode()).hexdigest()[:16]}.npy"
    exact = exact_changes(setting, stored, replicates)
    layers = compare(exact, method_changes(method, setting, presentations))
    for k, layer in enumerate(layers, 1):
        where = f"T = {setting.running_time:g}, LR = {setting.step:g}, layer {k}"
        say(f"{method.name}, 784-32-10, {where}: {layer}: {layer.verdict}")
    return all(layer.verdict == Verdict.HOLDS for layer in layers)


def main() -> int:
    """Compare a batch method with exact simulation.

        python scripts/certify_batches.py batch_leap FOLDER            # 6-5-3, four samples, twelve points, planted
        errors
        python scripts/certify_batches.py batch_leap FOLDER --layers   # 784-32-10, four images of MNIST, by layer

    FOLDER keeps the exact runs, which take an hour or two on one core each way.
    """
    parser = argparse.ArgumentParser(description="Compare a batch method with exact simulation.")
    parser.add_argument("method")
    parser.add_argument("folder", type=Path, help="folder that stores exact runs")
    parser.add_argument("--layers", action="store_true", help="at the size of MNIST instead, layer by layer")
    asked = parser.parse_args()
    methods = {method.name: method for method in BATCH_METHODS}
    try:
        name = checks.choice("method", asked.method, methods)
        if asked.layers:
            return int(not certify_layers(methods[name], asked.folder))
        return int(not certify(name, asked.folder))
    except checks.InputError as error:
        print(f"certify_batches: {error}", file=sys.stderr)
        return 2
