"""Compilation of the kernels of methods ahead of time, by short runs of small models through the public functions.

Which kernels a run needs depends on the method and on the features of the run: general laws, product families, events,
rate rules, noise, training. `EXAMPLES` and `train_briefly` cover each of these once. Kernels that only other runs need,
and those of `verify-bounds`, are compiled by the first such run.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import config

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..kernels.jit import cached_kernels
from ..noise import ConcentrationNoise, RateNoise
from ..processes import spread
from ..progress import Compilation, Progress
from ..simulation.batches import BATCH_METHODS
from ..simulation.methods import METHODS, ONLY_TRAINING, OPTIONS, Method, refuse_network
from .simulate import simulate
from .train import train

_SLOWEST = "tau_leap", "rejection", "layered", "next_reaction"
"""Methods that take longest to compile. They go first, so that all workers end at about the same time."""


class Example(NamedTuple):
    """A model, and arguments of `simulate`."""

    model: str
    arguments: Mapping[str, Any] = {}


_MASS_ACTION = "make: 0 -> A @ 100\nlose: A -> 0 @ 0.1\n2 A -> B @ 0.001\nB -> 2 A @ 1\nA = 1000"
EXAMPLES = {
    "mass action": Example(_MASS_ACTION),
    "implicit solver": Example(_MASS_ACTION, {"solver": "BDF"}),
    "implicit leaps": Example(_MASS_ACTION, {"scheme": "trapezoidal"}),
    "fixed leaps": Example(_MASS_ACTION, {"tau": 0.01}),
    "fixed steps": Example(_MASS_ACTION, {"step": 0.01}),
    "general laws": Example("0 -> A @ propensity(20 / (1 + (A / 5)^2))\nA -> 0 @ 0.8"),
    "law of time": Example("0 -> A @ propensity(10 * (1 + sin(time)))\nA -> 0 @ 1"),
    "event": Example("0 -> A @ 10\nA -> 0 @ 1\n@event drop: when time >= 0.05; set A = 1"),
    "rate rules": Example("@parameter V = 1\n@rate V = V - A / 100\n0 -> A @ propensity(20 * V)\nA -> 0 @ 0.8"),
    "schedule": Example(_MASS_ACTION, {"schedule": [(0.05, {"lose": 0.2})]}),
    "noise": Example(_MASS_ACTION, {"noise": (RateNoise(0.1, "constant"), ConcentrationNoise(0.1, "constant"))}),
    "firings": Example(_MASS_ACTION, {"count_firings": True}),
    "moments": Example(_MASS_ACTION, {"record": "moments"}),
    "quantiles": Example(_MASS_ACTION, {"record": "quantiles"}),
}
"""One model for each feature."""


class Warmed(NamedTuple):
    """What was compiled for one method."""

    name: str
    seconds: float
    """How long it took to compile [s]."""


_ADVICE = "run it again with fewer workers; kernels that are already compiled are not compiled again"
_BATCHES = tuple(method.name for method in BATCH_METHODS)


def warm(names: Sequence[str] | None = None, workers: int | None = None, progress: bool | None = None) -> list[Warmed]:
    """Compile the kernels of methods, or load those that are compiled already.

    Parameters
    ----------
    names : names of methods, those of training included; None for all.
    workers : number of processes; None for one a core. Scripts call this below `if __name__ == "__main__"`, unless
        there is 1.
    progress : show progress; None: on a terminal and in a notebook.

    Raises
    ------
    InputError : an unknown method, or NUMBA_DISABLE_JIT is set. UnfinishedError : a process was killed.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise InputError("NUMBA_DISABLE_JIT is set, so nothing is compiled: unset it")
    known = [method.name for method in (*METHODS, *ONLY_TRAINING)]
    chosen = known if names is None else [checks.choice("method", name, known) for name in names]
    chosen = sorted(dict.fromkeys(chosen), key=lambda name: (*_SLOWEST, name).index(name))
    n = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    done: list[Warmed] = []
    with Progress("compile kernels", len(chosen), progress) as bar:
        bar.update(0, f"left: {', '.join(chosen)}")
        for _, warmed in spread(warm_one, chosen, min(n, len(chosen)), _ADVICE):
            done.append(warmed)
            left = [name for name in chosen if name not in {w.name for w in done}]
            bar.update(len(done), f"left: {', '.join(left)}" if left else "")
    return sorted(done, key=lambda warmed: known.index(warmed.name))


def warm_one(name: str) -> Warmed:
    """Compile the kernels of one method, or load them."""
    compilation = Compilation()
    try:
        for work in _works(name):
            work()
    finally:
        compilation.close()
    return Warmed(name, compilation.seconds)


def size() -> tuple[int, int]:
    """How many kernels the cache folder of this version has, and how large they are [bytes]."""
    files = cached_kernels()
    return len(files), sum(path.stat().st_size for path in files)


def _works(name: str) -> Iterator[Callable[[], Any]]:
    methods = {method.name: method for method in METHODS}
    if name in methods:
        for example in EXAMPLES.values():
            yield from _simulations(methods[name], example)
        # Such a method continues with another one, for example with exact steps.
        for other in methods[name].hands_over_to:
            yield from (work for example in EXAMPLES.values() for work in _simulations(methods[other], example))
        if methods[name].records_covariance or not methods[name].trains:
            return
    yield lambda: train_briefly(name, predict=name in methods or name in _BATCHES)
    if name in methods:
        yield lambda: train_briefly(name, noise=(RateNoise(0.1), ConcentrationNoise(0.1)))


def _simulations(method: type[Method], example: Example) -> Iterator[Callable[[], Any]]:
    """Runs of one replicate, and of several where the method has them, unless the method refuses the model."""
    network = ReactionNetwork.from_text(example.model)
    try:
        refuse_network(method, network)
    except InputError:
        return
    arguments = {"t_end": 0.1, "n_points": 3, "seed": 0, "method": method.name, "progress": False, **example.arguments}
    if set(example.arguments) & OPTIONS.keys() - {option.name for option in method.options}:
        return
    # The next two skip features that the method does not have.
    if "count_firings" in arguments and method.dtype != np.int64:
        return
    if "record" in arguments and method.deterministic:
        return
    if "record" not in arguments:
        yield lambda: simulate(network, **arguments)
    if not method.deterministic:
        yield lambda: simulate(network, **arguments, replicates=3)


def train_briefly(name: str, **arguments: Any) -> None:
    """Train by the method `name` for a moment, which compiles and loads what training needs. The network does not
    matter for that."""
    settings: dict[str, Any] = {"volume": 20.0, "running_time": 0.1}
    if name in _BATCHES:
        settings = {"volume": 100.0, "running_time": 40.0, "hold": 20.0, "batch": 2, "learning_rate": 1e-4}
    train("xor", method=name, seed=0, presentations=2, progress=False, **settings, **arguments)
