"""Costs of single things: an event by network size, storage, an image of a batch, continuous variables."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import seeds
from ..api import simulate
from ..crn import ReactionNetwork
from ..kernels import codes
from ..nn import training_network
from ..seeds import Purpose
from ..simulation.batches import BATCH_METHODS, BatchMethod
from ..simulation.methods import METHODS, Method
from ..storage import Run
from ..verification.check import trajectories
from .timing import VOLUME, machine

# An event, from a tiny training network to one of MNIST size.

LAYERS = ((2, 4, 1), (4, 8, 3), (16, 16, 10), (64, 32, 10), (784, 32, 10))
_NONZERO = 150
"""Inputs that are not zero, as in a handwritten digit."""
_WARM = 20.0
"""Time simulated beforehand [s]: one presentation, after which the neurons have settled."""
_EVENTS = 2_000_000
"""Events of a timed run."""


def scale(
    repeats: int = 5,
    methods: Sequence[str] = ("rejection", "layered"),
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Nanoseconds per event of `methods` on each of `LAYERS`, the best of `repeats` runs of two million events in turn.

    Weights and sample are random, h = 0.05, annihilation rate 1, learning on, Omega = 1000, neurons settled."""
    by_name = {m.name: m for m in METHODS}
    rows = [_size(layers, [by_name[m] for m in methods], repeats, say) for layers in LAYERS]
    best = [row["best_ns_per_event"] for row in rows]
    result = {
        "machine": machine(),
        "volume": VOLUME,
        "repeats": repeats,
        "sizes": rows,
        "last_over_first": best[-1] / best[0],
    }
    say(f"an event takes {result['last_over_first']:.2f} times as long in the largest network as in the smallest")
    return result


def _size(layers: tuple[int, ...], methods: list[type[Method]], repeats: int, say: Callable[[str], object]) -> dict:
    started = time.perf_counter()
    spec = training_network(layers, h=0.05, annihilation_rate=1.0)
    network = spec.network
    for method in methods:
        method.compile(network, network.rates())
    compiled = time.perf_counter() - started
    rng = np.random.default_rng(0)
    x = rng.random(layers[0])
    x[rng.permutation(layers[0])[_NONZERO:]] = 0.0
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    counts = network.counts(initial | spec.presentation(x, rng.random(layers[-1]), VOLUME))
    runs: list[tuple[Method, list[float]]] = [
        (m(network, network.rates(), VOLUME, counts, seeds.stream(0, Purpose.SIMULATION)), []) for m in methods
    ]
    # This also loads the kernels, so no timed run does.
    for simulation, _ in runs:
        while simulation.advance(_WARM) == codes.SLICE_END:
            pass
    for _ in range(repeats):
        for simulation, times in runs:
            before = simulation.n_events
            t = time.perf_counter()
            while simulation.advance(np.inf, event_limit=before + _EVENTS) == codes.SLICE_END:
                pass
            times.append(1e9 * (time.perf_counter() - t) / (simulation.n_events - before))
    ns = {simulation.name: min(times) for simulation, times in runs}
    name = "-".join(map(str, layers))
    say(f"{name}: " + ", ".join(f"{method} {value:.1f} ns per event" for method, value in ns.items()))
    return {
        "layers": name,
        "n_species": len(network.species),
        "n_reactions": len(network.reactions),
        "compile_seconds": compiled,
        "ns_per_event": ns,
        "best_ns_per_event": min(ns.values()),
    }


# The cost of storing a run in a file.

N_POINTS = 1000
LEAST_SECONDS = 10.0
"""Shortest timed run [s]."""


def storage_benchmark(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """Time [s] of a run of the 2-4-1 training network (as in `benchmark`) with 1,000 points, in memory and in a file.

    Runs are timed in pairs of alternating order, each with its ratio."""
    spec = training_network((2, 4, 1), h=0.05, annihilation_rate=1.0)
    rng = np.random.default_rng(0)
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    initial |= spec.presentation(rng.random(2), rng.random(1), VOLUME)

    def seconds(output: Path | None, t_end: float) -> float:
        start = time.perf_counter()
        run = simulate(
            spec.network, t_end, N_POINTS, volume=VOLUME, initial=initial, seed=1, output=output, overwrite=True,
            progress=False,
        )  # fmt: skip
        if isinstance(run, Run):
            run.close()
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        t_end = 100.0
        for output in (None, path):
            # Loads the kernels.
            seconds(output, t_end)
        while seconds(None, t_end) < LEAST_SECONDS:
            t_end *= 2
        pairs = []
        for k in range(repeats):
            # The order alternates, so that a slow drift of the machine cancels.
            order = (None, path) if k % 2 == 0 else (path, None)
            times = {output: seconds(output, t_end) for output in order}
            pairs.append((times[None], times[path]))
        n_bytes = path.stat().st_size
    ratios = [stored / plain for plain, stored in pairs]
    result: dict[str, Any] = {
        "machine": machine(),
        "points": N_POINTS,
        "repeats": repeats,
        "t_end": t_end,
        "bytes": n_bytes,
        "seconds": pairs,
        "ratios": ratios,
        "median": statistics.median(ratios),
    }
    say(
        f"storing {N_POINTS} points ({n_bytes / 1e6:.2f} MB) adds {100 * (result['median'] - 1):.2f} % to a run of "
        f"{statistics.median(p for p, _ in pairs):.1f} s, {100 * (min(ratios) - 1):.2f} to "
        f"{100 * (max(ratios) - 1):.2f} % in {repeats} pairs"
    )
    return result


# An image, by the batch methods, which train without a list of reactions.

LAYERS_OF_BATCHES = ((784, 128, 10), (784, 256, 10))
_BATCH, _VOLUME, _RUNNING_TIME, _HOLD = 128, 1e4, 60.0, 30.0
_STEP = 0.5
"""Step of all images of a batch together."""
_PRESENTATIONS = 5
_BRIGHT = 0.2
"""Standard deviation of an input, about that of centred images."""


def batches(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """Microseconds for an image with one thread and with two, the shortest of `repeats` alternating runs of five
    presentations of 128 random images, at Omega = 10000, T = 60 s, hold 30 s."""
    rows = [row for layers in LAYERS_OF_BATCHES for row in _rows(layers, repeats, say)]
    return {"machine": machine(), "batch": _BATCH, "volume": _VOLUME, "repeats": repeats, "networks": rows}


def _rows(layers: Sequence[int], repeats: int, say: Callable[[str], object]) -> list[dict]:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, _BRIGHT, (_PRESENTATIONS, _BATCH, layers[0]))
    t = np.eye(layers[-1])[rng.integers(layers[-1], size=(_PRESENTATIONS, _BATCH))]
    runs = {(method, n): _start(method, layers, n) for method in BATCH_METHODS for n in (1, 2)}
    best = dict.fromkeys(runs, np.inf)
    for run in runs.values():
        # Compiles the kernels, and lets the neurons settle.
        run.present(0, x[0], t[0], 1.0)
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


# An event with and without continuous variables.

_EVENTS_OF_CONTINUOUS = 1_000_000
_STILL = "@parameter V = 1\n0 -> A @ propensity(100 * V)\nA -> 0 @ 0.1\nA = 1000"
MODELS = {
    "a volume that stands still": (_STILL, "rejection"),
    "a volume that relaxes": (f"{_STILL}\n@rate V = 0.02 * (2 - V)", "rejection"),
    "a cell that grows and divides": (
        f"{_STILL}\n@rate V = 0.02 * V\n@event divide: when V >= 2; set V = V / 2", "rejection"
    ),
    "a nerve of 1,014 channels": ("hodgkin_huxley", "rejection"),
    "a nerve, by direct": ("hodgkin_huxley", "direct"),
}  # fmt: skip
"""By label: text or name of the model, and the method."""


def continuous_benchmark(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """CPU time of an event [ns], the least of `repeats` runs of each model, taken in turn. Returns plain values."""
    networks = {
        name: ReactionNetwork.from_text(model) if "@" in model else ReactionNetwork.from_file(model)
        for name, (model, _) in MODELS.items()
    }
    lengths = {name: _length(networks[name], method) for name, (_, method) in MODELS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in MODELS}
    for k in range(repeats):
        for name, (_, method) in MODELS.items():
            seconds[name].append(_nanoseconds(networks[name], method, lengths[name], k))
    least = {name: min(values) for name, values in seconds.items()}
    first = next(iter(least.values()))
    for name, value in least.items():
        say(f"{name}: {value:.1f} ns an event, {value / first:.2f} times the first")
    return {"machine": machine(), "nanoseconds": least}


def _length(network: ReactionNetwork, method: str) -> float:
    """Time [s] in which about `_EVENTS_OF_CONTINUOUS` reactions fire."""
    run = trajectories(network, t_end=20.0, n_points=2, method=method, seed=0)
    return 20.0 * _EVENTS_OF_CONTINUOUS / max(1, int(run.n_events[0]))


def _nanoseconds(network: ReactionNetwork, method: str, t_end: float, seed: int) -> float:
    before = time.process_time()
    run = trajectories(network, t_end=t_end, n_points=2, method=method, seed=seed)
    return 1e9 * (time.process_time() - before) / int(run.n_events[0])
