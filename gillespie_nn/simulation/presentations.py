"""Presentations: at t = k T the next sample is presented, and the network runs on for T, through the phases that it
declares: in each the environment sets other ports."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .. import seeds
from ..kernels import codes
from ..nn.compiler import rail_counts, rail_species
from ..nn.phases import INPUTS, SAMPLE, TARGETS, Phase, intervals
from ..seeds import Purpose
from ..status import Status
from .protocol import Simulation
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
    """Presents the samples x float64[sample, input] and, to a learning network, t float64[sample, output], in the
    phases of the network `spec`. Counts are int64 or float64: `dtype`. Raises InputError for samples that the network
    cannot be given."""

    def __init__(self, spec, x, t, volume, dtype=np.int64):
        self._n, self._phases = len(x), spec.phases
        self._settings = [_Setting(spec, phase, {INPUTS: x, TARGETS: t}, volume, dtype) for phase in spec.phases]

    def __len__(self):
        return self._n

    @property
    def species(self) -> list[np.ndarray]:
        """For each phase the species that it sets, int64[...]."""
        return [setting.species for setting in self._settings]

    def steps(self, sample: int, begin: float, end: float) -> Iterator[Step]:
        """The phases of the presentation of a sample from `begin` to `end` [s]."""
        times = intervals(self._phases, begin, end)
        for k, (setting, (phase, at, until)) in enumerate(zip(self._settings, times)):
            yield Step(phase, k == 0, at, until, setting.species, setting.counts(sample))

    def present(self, simulation: Simulation, k: int, sample: int, begin: float, end: float) -> Iterator[Step]:
        """Present a sample as presentation `k`: set what each phase sets, and yield it. `simulation` stands at its
        begin; the caller advances it to its end."""
        for step in self.steps(sample, begin, end):
            simulation.set_counts(step.species, step.counts)
            if step.first:
                simulation.begin_presentation(k)
            simulation.begin_phase(step.phase)
            yield step


class _Setting:
    """What a phase sets. Counts are computed when they are presented: those of sixty thousand images would take half a
    gigabyte."""

    def __init__(self, spec, phase, values, volume, dtype):
        ports = [(spec.ports[port], port, value) for port, value in phase.sets]
        rails = [pair for own, _, _ in ports for pair in own]
        n = len(values[INPUTS])
        self._parts = [
            values[port] if value == SAMPLE else np.broadcast_to(value, (n, len(own))) for own, port, value in ports
        ]
        for extreme in (np.min, np.max):  # refuses now what could not be presented later
            rail_counts(rails, self._joined([extreme(part, axis=0) for part in self._parts]), volume, dtype)
        self._volume, self._dtype = volume, dtype
        signs = [(k, sign) for k, pair in enumerate(rails) for _, sign in pair.signs()]
        self._number = np.array([k for k, _ in signs], dtype=np.int64)
        self._sign = np.array([sign for _, sign in signs], dtype=np.float64)
        self.species = np.array([spec.network.index[s] for s in rail_species(rails)], dtype=np.int64)

    def counts(self, sample) -> np.ndarray:
        """[species], for `species`: as `rail_counts` has them, whose checks have been made."""
        molecules = self._volume * self._joined([part[sample] for part in self._parts])[self._number]
        counts = np.maximum(self._sign * molecules, 0.0)
        return (np.rint(counts) if np.issubdtype(self._dtype, np.integer) else counts).astype(self._dtype)

    @staticmethod
    def _joined(parts) -> np.ndarray:
        return np.concatenate([np.empty(0), *parts])


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
        end = (k + 1) * running_time
        for step in samples.present(method, k, order[k], k * running_time, end):
            presented(method.counts)
            code = advance_to(method, step.end, pause)
            if code != codes.REACHED_END:
                return Status(code)
        if record(k):
            return Status.REACHED_END
        if pause(end):
            return Status.INTERRUPTED
    return Status.REACHED_END
