"""Time for an image by the methods that train without a list of reactions."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from ..nn import training_network
from ..simulation.batches import BATCH_METHODS, BatchMethod
from .run import machine

LAYERS = ((784, 128, 10), (784, 256, 10))
_BATCH, _VOLUME, _RUNNING_TIME, _HOLD = 128, 1e4, 60.0, 30.0
_STEP = 0.5
"""Of all images of a batch together."""
_PRESENTATIONS = 5
_BRIGHT = 0.2
"""Standard deviation of an input, about that of a centred image."""


def batches(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """Microseconds an image, by one thread and by two: best of `repeats` runs of five presentations of 128 random
    images, taken in turn, at Omega = 10000, T = 60 s, hold 30 s."""
    rows = [row for layers in LAYERS for row in _rows(layers, repeats, say)]
    return {"machine": machine(), "batch": _BATCH, "volume": _VOLUME, "repeats": repeats, "networks": rows}


def _rows(layers: Sequence[int], repeats: int, say: Callable[[str], object]) -> list[dict]:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, _BRIGHT, (_PRESENTATIONS, _BATCH, layers[0]))
    t = np.eye(layers[-1])[rng.integers(layers[-1], size=(_PRESENTATIONS, _BATCH))]
    runs = {(method, n): _start(method, layers, n) for method in BATCH_METHODS for n in (1, 2)}
    best = dict.fromkeys(runs, np.inf)
    for run in runs.values():
        run.present(0, x[0], t[0], 1.0)  # compiles, and takes the neurons to where they are afterwards
    for _ in range(repeats):
        for key, run in runs.items():
            started = time.perf_counter()
            for k in range(_PRESENTATIONS):
                run.present(k, x[k], t[k], 1.0)
            best[key] = min(best[key], 1e6 * (time.perf_counter() - started) / (_PRESENTATIONS * _BATCH))
    name, rows = "-".join(map(str, layers)), []
    for method in BATCH_METHODS:
        one, two = best[method, 1], best[method, 2]
        say(f"{name}, {method.name}: {one:.0f} us an image by one thread, {two:.0f} by two")
        rows.append({"layers": name, "method": method.name, "us_one_thread": one, "us_two_threads": two})
    return rows


def _start(method: type[BatchMethod], layers: Sequence[int], threads: int) -> BatchMethod:
    spec = training_network(
        layers, batch=_BATCH, listed=False, h=0.02, hold=_HOLD, annihilation_rate=60.0, output="smooth_relu",
        signed_inputs=True, learning_rate=_STEP / _BATCH / (_RUNNING_TIME - _HOLD),
    )  # fmt: skip
    given = {option.name: option.default for option in method.options} | {"threads": threads}
    counts = spec.start(spec.floating.initial_weights(0), _VOLUME)
    return method(spec, _RUNNING_TIME, _VOLUME, counts, 0, given)
