"""Presentations: at t = k T inputs and targets are set to the next sample, and the chemistry runs on for T."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import seeds
from ..kernels import codes
from ..seeds import Purpose
from ..status import Status
from .replicate import advance_to


class Samples(NamedTuple):
    """Counts that present each sample: values int64[sample, k] of the species int64[k]."""

    species: np.ndarray
    values: np.ndarray


def encode_samples(spec, x, t, volume) -> Samples:
    """Samples of a training network; `t` is not used by one that does not learn."""
    rows = [spec.presentation(xi, ti, volume) for xi, ti in zip(x, t)]
    species = np.array([spec.network.index[s] for s in rows[0]], dtype=np.int64)
    return Samples(species, np.array([list(row.values()) for row in rows], dtype=np.int64))


def presentation_order(n_samples, n_presentations, order, seed) -> np.ndarray:
    """Sample numbers int64[presentation]: `cyclic` in file order, `random` a new permutation for each pass."""
    passes = -(-n_presentations // n_samples)
    if order == "cyclic":
        return np.tile(np.arange(n_samples), passes)[:n_presentations]
    rng = seeds.stream(seed, Purpose.PRESENTATION_ORDER)
    return np.concatenate([rng.permutation(n_samples) for _ in range(passes)])[:n_presentations]


def run_presentations(
    method,
    samples: Samples,
    order: np.ndarray,
    running_time: float,
    record: Callable[[int], None],
    pause: Callable[[float], bool] = lambda time: False,
    presented: Callable[[np.ndarray], None] = lambda counts: None,
) -> Status:
    """Present samples `order` one after the other, each for `running_time` [s]; `record(k)` is called at the end
    of presentation k, before the next sample is set, and `presented(counts)` right after. `pause(time)` as in
    `run_replicate`."""
    for k, sample in enumerate(order):
        method.set_counts(samples.species, samples.values[sample])
        presented(method.counts)
        end = (k + 1) * running_time
        code = advance_to(method, end, pause)
        if code != codes.REACHED_END:
            return Status(code)
        record(k)
        if pause(end):
            return Status.INTERRUPTED
    return Status.REACHED_END
