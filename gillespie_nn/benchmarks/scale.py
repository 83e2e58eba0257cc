"""Cost of an event from a tiny training network to one of MNIST size."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from .. import seeds
from ..kernels import codes
from ..nn import training_network
from ..seeds import Purpose
from ..simulation.methods import METHODS, Method
from .run import VOLUME, machine

LAYERS = ((2, 4, 1), (4, 8, 3), (16, 16, 10), (64, 32, 10), (784, 32, 10))
_NONZERO = 150
"""Inputs that are not zero, as in a handwritten digit."""
_WARM = 20.0
"""Time simulated beforehand [s]: one presentation, after which the neurons have settled."""
_EVENTS = 2_000_000


def scale(
    repeats: int = 5,
    methods: Sequence[str] = ("rejection", "layered"),
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Nanoseconds per event of `methods` on each of `LAYERS`: best of `repeats` runs of two million events, taken in
    turn: random weights and sample, h = 0.05, annihilation rate 1, learning on, Omega = 1000, neurons settled."""
    by_name = {m.name: m for m in METHODS}
    rows = [_size(layers, [by_name[m] for m in methods], repeats, say) for layers in LAYERS]
    best = [row["best_ns_per_event"] for row in rows]
    found = {
        "machine": machine(),
        "volume": VOLUME,
        "repeats": repeats,
        "sizes": rows,
        "last_over_first": best[-1] / best[0],
    }
    say(f"an event takes {found['last_over_first']:.2f} times as long in the largest network as in the smallest")
    return found


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
