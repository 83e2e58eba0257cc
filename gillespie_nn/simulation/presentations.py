"""Presentations: at t = k T the next batch of samples is presented, and the network runs on for T, through the phases
that it declares: in each the environment sets other ports."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .. import seeds
from ..kernels import codes
from ..nn.compiler import rail_counts, rail_species
from ..nn.phases import INPUTS, SAMPLE, SCHEDULED, TARGETS, Phase, intervals
from ..seeds import Purpose
from ..status import Status
from .presented import Presented
from .protocol import Simulation
from .replicate import advance_to

__all__ = ["PresentationPlan", "Presented", "Samples", "Step", "presentation_order", "run_presentations"]


class PresentationPlan(NamedTuple):
    """Which sample is presented when, and what is done at the ends of presentations."""

    order: np.ndarray
    """int64[presentation, sample of the batch], numbers of training samples."""
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


class Step(NamedTuple):
    """One phase of one presentation: what is set at its begin."""

    phase: Phase
    first: bool
    """Whether the presentation begins with it."""
    begin: float
    """[s]"""
    end: float
    """[s]"""
    species: np.ndarray
    """int64[...], numbers of the species that are set."""
    counts: np.ndarray
    """[...] [molecules]"""


class Samples:
    """Sets what each phase of a presentation sets, in the network `spec`: inputs and, if it learns, targets and the
    factor of its schedule, from `presented`, a `Presented` of the same batch. Counts are int64 or float64: `dtype`.
    Raises InputError for samples that the network cannot be given."""

    def __init__(self, spec, presented: Presented, volume, dtype=np.int64):
        self._n, self._phases = len(presented), spec.phases
        self._settings = [_Setting(spec, phase, presented, volume, dtype) for phase in spec.phases]

    def __len__(self):
        return self._n

    @property
    def species(self) -> list[np.ndarray]:
        """For each phase the species that it sets, int64[...]."""
        return [setting.species for setting in self._settings]

    def steps(self, k: int, begin: float, end: float) -> Iterator[Step]:
        """The phases of presentation k, from `begin` to `end` [s]."""
        times = intervals(self._phases, begin, end)
        for n, (setting, (phase, at, until)) in enumerate(zip(self._settings, times)):
            yield Step(phase, n == 0, at, until, setting.species, setting.counts(k))

    def present(self, simulation: Simulation, k: int, begin: float, end: float) -> Iterator[Step]:
        """Present the samples of presentation k: set what each phase sets, and yield it. `simulation` stands at its
        begin; the caller advances it to its end."""
        for step in self.steps(k, begin, end):
            simulation.set_counts(step.species, step.counts)
            if step.first:
                simulation.begin_presentation(k)
            simulation.begin_phase(step.phase)
            yield step


class _Setting:
    """What a phase sets. Counts are computed when they are presented: those of sixty thousand images would take half a
    gigabyte."""

    def __init__(self, spec, phase, presented: Presented, volume, dtype):
        self._parts = [(value, port, len(spec.ports[port])) for port, value in phase.sets]
        self._presented, self._volume, self._dtype = presented, volume, dtype
        rails = [pair for port, _ in phase.sets for pair in spec.ports[port]]
        for extreme in (0, 1):  # refuses now what could not be presented later
            x, t = (np.tile(bounds[extreme], presented.batch) for bounds in (presented.x_bounds, presented.t_bounds))
            rail_counts(rails, self._values(x, t, 1.0), volume, dtype)
        signs = [(k, sign) for k, pair in enumerate(rails) for _, sign in pair.signs()]
        self._number = np.array([k for k, _ in signs], dtype=np.int64)
        self._sign = np.array([sign for _, sign in signs], dtype=np.float64)
        self.species = np.array([spec.network.index[s] for s in rail_species(rails)], dtype=np.int64)

    def counts(self, k) -> np.ndarray:
        """[species], for `species`: as `rail_counts` has them, whose checks have been made."""
        shown = self._presented
        values = self._values(shown.x(k), shown.t(k), shown.licence(k))
        counts = np.maximum(self._sign * (self._volume * values[self._number]), 0.0)
        return (np.rint(counts) if np.issubdtype(self._dtype, np.integer) else counts).astype(self._dtype)

    def _values(self, x, t, scheduled) -> np.ndarray:
        """Of all numbers that are set, float64, in order."""
        of_sample = {INPUTS: x, TARGETS: t}
        parts = [np.empty(0)]
        for value, port, size in self._parts:
            if value == SAMPLE:
                parts.append(np.ravel(of_sample[port]))
            else:
                parts.append(np.full(size, scheduled if value == SCHEDULED else value, dtype=np.float64))
        return np.concatenate(parts)


def presentation_order(n_samples, n_presentations, order, seed, batch=1) -> np.ndarray:
    """Sample numbers int64[presentation, sample of the batch]: `cyclic` in file order, `random` a new permutation for
    each pass. A pass that does not fill its last presentation goes on with the next one."""
    n_shown = n_presentations * batch
    passes = -(-n_shown // n_samples)
    if order == "cyclic":
        numbers = np.tile(np.arange(n_samples), passes)
    else:
        rng = seeds.stream(seed, Purpose.PRESENTATION_ORDER)
        numbers = np.concatenate([rng.permutation(n_samples) for _ in range(passes)])
    return numbers[:n_shown].reshape(n_presentations, batch)


def run_presentations(
    method,
    samples: Samples,
    running_time: float,
    record: Callable[[int], bool],
    pause: Callable[[float], bool] = lambda time: False,
    presented: Callable[[np.ndarray], None] = lambda counts: None,
    first: int = 0,
    stop: int | None = None,
) -> Status:
    """Make the presentations `first` to `stop` of `samples` one after the other, presentation k from time k T to
    (k + 1) T with T = `running_time` [s]; `record(k)` is called at its end, before the next samples are set, and ends
    the run if it returns True; `presented(counts)` right after counts are set. `pause(time)` as in `run_replicate`."""
    for k in range(first, len(samples) if stop is None else stop):
        end = (k + 1) * running_time
        for step in samples.present(method, k, k * running_time, end):
            presented(method.counts)
            code = advance_to(method, step.end, pause)
            if code != codes.REACHED_END:
                return Status(code)
        if record(k):
            return Status.REACHED_END
        if pause(end):
            return Status.INTERRUPTED
    return Status.REACHED_END
