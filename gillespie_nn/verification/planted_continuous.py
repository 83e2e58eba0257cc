"""Errors of continuous variables, planted."""

from typing import Any

import numpy as np

from ..kernels import codes


def not_restarted(base: Any) -> type:
    """A path goes on as it was when a reaction changes what its rate rule reads, to the end of the step."""

    class Going(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            path = self.laws.continuous
            self._laws: Any = self._laws._replace(continuous=path._replace(restarts=np.zeros_like(path.restarts)))

    return Going


def frozen(base: Any) -> type:
    """Propensities read the variables as they were at the last reaction, and at recorded points."""

    class Frozen(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._shadow = base(*arguments, **named)  # has the path; its reactions are not used

        def advance(self, t_stop: float, *rest: Any, **named: Any) -> int:
            path = self.laws.continuous
            path.interpolation[:] = 0.0  # each step is flat
            code = super().advance(t_stop, *rest, **(named | {"event_limit": self.n_events + 1}))
            self._move()
            return codes.SLICE_END if code == codes.EVENT_LIMIT else code

        def _move(self) -> None:
            """Let the variables be those of an undisturbed path at the present time."""
            self._shadow.advance(self.time)
            places = self._laws.continuous.place
            values = self._shadow.laws.variables[places]
            self.set_counts(np.empty(0, np.int64), np.empty(0, np.int64), places.tolist(), values.tolist())

    return Frozen


def crossing_at_the_next_reaction(base: Any) -> type:
    """A condition on a variable is looked at only when a reaction fires."""

    class Late(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            path = self.laws.continuous
            self._laws: Any = self._laws._replace(continuous=path._replace(conditions=path.conditions[:0]))

        def advance(self, *arguments: Any, **named: Any) -> int:
            code = super().advance(*arguments, **(named | {"event_limit": self.n_events + 1}))
            return codes.TRIGGERED if code == codes.EVENT_LIMIT else code

    return Late
