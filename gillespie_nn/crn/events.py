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
    edge_of: str | None = None
    """A parameter that is 1 while the condition holds, else 0; nothing else is done. Not of a model, but of a run."""
    factors: tuple[tuple[str, Expression], ...] = ()
    """What the values of some targets are multiplied by at the moment of their assignment, also if they were worked out
    before a delay: the size of a compartment, where the value is a concentration and the state an amount."""

    def expressions(self) -> list[Expression]:
        values = (e for _, e in (*self.assignments, *self.factors))
        found = [self.trigger, *values, self.delay, self.priority]
        return [e for e in found if e is not None]

    def substitute(self, values: Mapping[str, Expression]) -> "Event":
        """The event with names replaced by expressions."""

        def put(e: Any) -> Any:
            return None if e is None else e.substitute(values)

        assignments = tuple((target, put(e)) for target, e in self.assignments)
        factors = tuple((target, put(e)) for target, e in self.factors)
        return self._replace(
            trigger=put(self.trigger), assignments=assignments, delay=put(self.delay), priority=put(self.priority),
            factors=factors,
        )  # fmt: skip
