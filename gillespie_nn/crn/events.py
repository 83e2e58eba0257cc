"""Events: assignments made when a condition becomes true, with the meaning that SBML gives them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .expressions import Expression


class Event(NamedTuple):
    """When `trigger` becomes true, `assignments` are made, after `delay` [s] if there is one.

    Right-hand sides speak of counts. Those of one event are worked out first and then assigned together.
    """

    name: str
    trigger: Expression
    assignments: tuple[tuple[str, Expression], ...]
    delay: Expression | None = None
    priority: Expression | None = None
    """Of events at the same moment the highest goes first, of equals one at random; those without one go last, in the
    order of becoming true."""
    persistent: bool = True
    """Still made if the condition is false again before the delay is over."""
    initially: bool = False
    """Whether the condition counts as true before time 0: then being true at 0 does not make it happen."""
    values_at_trigger: bool = True
    """Right-hand sides are worked out when the condition becomes true, not after the delay."""
    stops: bool = False
    """The simulation ends when the condition becomes true; not of a model, but of a run."""

    def expressions(self) -> list[Expression]:
        found = [self.trigger, *(e for _, e in self.assignments), self.delay, self.priority]
        return [e for e in found if e is not None]

    def substitute(self, values: Mapping[str, Expression]) -> "Event":
        """The event with names replaced by expressions."""

        def put(e: Any) -> Any:
            return None if e is None else e.substitute(values)

        assignments = tuple((target, put(e)) for target, e in self.assignments)
        return self._replace(
            trigger=put(self.trigger), assignments=assignments, delay=put(self.delay), priority=put(self.priority)
        )
