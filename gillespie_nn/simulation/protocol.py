"""What a training run needs of what simulates it: a `Method`, or a `slow_limit.Level`."""

from typing import Any, Protocol

import numpy as np

from ..nn.phases import Phase


class Simulation(Protocol):
    """A training network in progress."""

    rng: np.random.Generator

    @property
    def counts(self) -> np.ndarray:
        """The state now [species] [molecules]."""

    @property
    def time(self) -> float:
        """The time now [s]."""

    @property
    def n_events(self) -> int:
        """Reactions fired."""

    @property
    def statistics(self) -> dict[str, float]:
        """Numbers about the run so far."""

    def set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        """Set counts[species] = values at the present time."""

    def begin_presentation(self, k: int) -> None:
        """Presentation k begins, its sample being set."""

    def begin_phase(self, phase: Phase) -> None:
        """A phase of a presentation begins; what it sets is set."""

    def advance(self, t_stop: float, *grid: Any) -> int:
        """Go on towards `t_stop` [s]; what it returns is of `kernels.codes`."""

    def memory(self) -> np.ndarray:
        """float64[number]: what a new simulation from the present state, time and generator has to be told beside."""

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Take what another simulation had fired, and its `memory`."""
