"""Errors of events, planted: a condition is looked at too seldom or too late, or a clause of an event is forgotten."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..crn.events import Event
from ..kernels import codes


def at_recorded_points(deaf: Callable[[type], type]) -> Callable[[type], type]:
    """Conditions on counts are looked at only at recorded points, by a method that `deaf` makes not notice them."""

    def plant(base: Any) -> type:
        class Seldom(deaf(base)):  # type: ignore[misc]
            def advance(self, t_stop: float, grid_time: Any = (), *rest: Any, **named: Any) -> int:
                grid_time = np.asarray(grid_time, dtype=np.float64)
                ahead = grid_time[np.searchsorted(grid_time, self.time, side="right") :]
                if not len(ahead) or ahead[0] >= t_stop:
                    return super().advance(t_stop, grid_time, *rest, **named)
                # The row of the point itself is filled by the next call, after what happens there.
                before = grid_time[: np.searchsorted(grid_time, ahead[0])]
                code = super().advance(ahead[0], before, *rest, **named)
                return codes.TRIGGERED if code == codes.REACHED_END else code

        return Seldom

    return plant


def one_reaction_late(base: Any) -> type:
    """A condition is looked at after the reaction that follows the one that changed it."""

    class Late(base):  # type: ignore[misc, valid-type]
        def advance(self, *arguments: Any, **named: Any) -> int:
            code = super().advance(*arguments, **named)
            if code == codes.TRIGGERED:
                super().advance(*arguments, **(named | {"event_limit": self.n_events + 1}))
            return code

    return Late


class _Changed:
    """A network whose events are changed; all else is that of the network."""

    def __init__(self, network: Any, change: Callable[[int, Event], Event]) -> None:
        self._network = network
        self.resolved_events = tuple(change(k, e) for k, e in enumerate(network.resolved_events))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def of_events(change: Callable[[int, Event], Event]) -> Callable[[type], type]:
    """A plant that changes each event, given with its number."""

    def plant(base: Any) -> type:
        class Planted(base):  # type: ignore[misc, valid-type]
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                self.network: Any = _Changed(arguments[0], change)

        return Planted

    return plant
