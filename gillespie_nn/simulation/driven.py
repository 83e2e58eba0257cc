"""A simulation under extrinsic noise: a method whose rates and counts are changed from outside as time goes on."""

import numpy as np

from ..kernels import codes

_NO_TIMES = np.empty(0)
_ROUNDING = 1e-12


class Driven:
    """The simulation `method` under the noise `drive`, a `noise.Drive`; all but time is the method's own.

    Rates change at the very moment a piece of a path begins. Impulses come after everything else at their time: what is
    recorded then is the state before them, and a scheduled change or a new sample stands already.
    """

    def __init__(self, method, drive):
        self._method, self._drive = method, drive
        method.set_rates(drive.rates())

    def __getattr__(self, name):
        return getattr(self._method, name)

    def begin_presentation(self, k) -> None:
        """Presentation k begins, its sample being set."""
        self._change(*self._drive.begin_presentation(k))

    def advance(self, t_stop, grid_time=_NO_TIMES, grid_counts=None, event_limit=codes.NO_EVENT_LIMIT) -> int:
        """As `Method.advance`. What is due at `t_stop` itself waits for the next call."""
        while True:
            due = self._drive.next_time
            last = due >= t_stop * (1.0 - _ROUNDING)
            stop = t_stop if last else max(due, self._method.time)
            points = grid_time if last else grid_time[: np.searchsorted(grid_time, stop, side="right")]
            code = self._method.advance(stop, points, grid_counts, event_limit)
            if last or code != codes.REACHED_END:
                return code
            self._change(*self._drive.pass_time(stop))

    def _change(self, rates_change, impulses):
        if rates_change:
            self._method.set_rates(self._drive.rates())
        for species, factors in impulses:
            self._method.scale_counts(species, factors)

    def memory(self) -> np.ndarray:
        """Where the paths are, and what the method has to tell, float64[...]: `recall` goes on from there."""
        return np.concatenate([self._drive.memory(), self._method.memory()])

    def recall(self, n_events, memory) -> None:
        """As `Method.recall`, and the paths go on from where those of the same noises and seed were."""
        own = self._drive.memory().size if memory.size else 0
        if own:
            self._drive.recall(memory[:own])
            self._method.set_rates(self._drive.rates())
        self._method.recall(n_events, memory[own:])
