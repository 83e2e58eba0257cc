"""Continuous variables beside molecules: what an event costs with and without them."""

import time
from collections.abc import Callable, Sequence

from ..crn import ReactionNetwork
from ..verification.samples import trajectories
from .run import machine

_EVENTS = 1_000_000
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
"""Text or name of the model, and the method."""


def continuous_benchmark(repeats: int = 5, say: Callable[[str], object] = lambda line: None) -> dict:
    """CPU time of an event [ns], the least of some runs of each model in turn; returns plain values."""
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
    """Time in which some `_EVENTS` reactions fire [s]."""
    run = trajectories(network, t_end=20.0, n_points=2, method=method, seed=0)
    return 20.0 * _EVENTS / max(1, int(run.n_events[0]))


def _nanoseconds(network: ReactionNetwork, method: str, t_end: float, seed: int) -> float:
    before = time.process_time()
    run = trajectories(network, t_end=t_end, n_points=2, method=method, seed=seed)
    return 1e9 * (time.process_time() - before) / int(run.n_events[0])


__all__: Sequence[str] = ("MODELS", "continuous_benchmark")
