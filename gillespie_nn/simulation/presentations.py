"""Presentations: at t = k T inputs and targets are set to the next sample, and the chemistry runs on for T,
without learning at first where the network holds it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import seeds
from ..kernels import codes
from ..nn.compiler import rail_counts, rail_species
from ..seeds import Purpose
from ..status import Status
from .replicate import advance_to


class PresentationPlan(NamedTuple):
    """Which sample is presented when, and what is done at the ends of presentations."""

    order: np.ndarray
    """int64[presentation], numbers of training samples."""
    recorded: np.ndarray
    """int64[record], presentations that are recorded."""
    held_out: np.ndarray
    """int64[sample], training samples kept for validation."""
    evaluated: np.ndarray
    """int64[evaluation], numbers of presentations done at which weights are evaluated."""

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return len(self.held_out) > 0


class Samples:
    """Counts that present the samples x float64[sample, input] and, to a learning network, t float64[sample, output].

    They are worked out when they are presented: sixty thousand images as counts would fill half a gigabyte.
    """

    def __init__(self, spec, x, t, volume, dtype=np.int64):
        rails = spec.inputs + spec.targets + spec.licence
        self._parts = (x, *((t,) if spec.targets else ()), np.zeros((len(x), len(spec.licence))))
        self.hold = spec.hold
        released = spec.release(volume)
        self.released = (
            np.array([spec.network.index[s] for s in released], dtype=np.int64),
            np.array(list(released.values()), dtype=dtype),
        )
        for extreme in (np.min, np.max):  # refuses now what could not be presented later
            rail_counts(rails, np.concatenate([extreme(part, axis=0) for part in self._parts]), volume, dtype)
        self._volume, self._dtype = volume, dtype
        numbers, signs = zip(*((k, sign) for k, pair in enumerate(rails) for _, sign in pair.signs()))
        self._sign = np.array(signs, dtype=np.float64)
        self._number = np.array(numbers)
        self.species = np.array([spec.network.index[s] for s in rail_species(rails)], dtype=np.int64)

    def __len__(self):
        return len(self._parts[0])

    def counts(self, sample) -> np.ndarray:
        """[species], for `species`: as `rail_counts` has them, whose checks have been made."""
        molecules = self._volume * np.concatenate([part[sample] for part in self._parts])[self._number]
        counts = np.maximum(self._sign * molecules, 0.0)
        return (np.rint(counts) if np.issubdtype(self._dtype, np.integer) else counts).astype(self._dtype)


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
    record: Callable[[int], bool],
    pause: Callable[[float], bool] = lambda time: False,
    presented: Callable[[np.ndarray], None] = lambda counts: None,
    first: int = 0,
    stop: int | None = None,
) -> Status:
    """Present samples `order[first:stop]` one after the other, presentation k from time k T to (k + 1) T with T =
    `running_time` [s]; `record(k)` is called at its end, before the next sample is set, and ends the run if it returns
    True; `presented(counts)` right after counts are set. `pause(time)` as in `run_replicate`."""
    for k in range(first, len(order) if stop is None else stop):
        method.set_counts(samples.species, samples.counts(order[k]))
        method.begin_presentation(k)
        presented(method.counts)
        end = (k + 1) * running_time
        code = codes.REACHED_END
        if samples.hold:
            code = advance_to(method, k * running_time + samples.hold, pause)
            if code == codes.REACHED_END:
                method.set_counts(*samples.released)
                presented(method.counts)
        if code == codes.REACHED_END:
            code = advance_to(method, end, pause)
        if code != codes.REACHED_END:
            return Status(code)
        if record(k):
            return Status.REACHED_END
        if pause(end):
            return Status.INTERRUPTED
    return Status.REACHED_END
