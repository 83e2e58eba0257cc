"""The condition at which a replicate stops: an event that ends the replicate in place of changing the state."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.events import Event
from ..crn.expressions import Expression
from ..crn.formula import parse
from ..status import Status

END_TIME = "end_time"
"""Name of the statistic that says when a replicate stopped."""


def condition(name: str, value: Any) -> str:
    """The text of a condition; raises InputError."""
    if isinstance(value, Expression):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} must be a condition such as 'A >= 100', got {value!r}")
    parse(value, f"{name}, {value!r}")
    return value.strip()


def stopping(network: ReactionNetwork, text: str, method: Any) -> ReactionNetwork:
    """`network` with an event, its last, that stops a replicate when the condition `text` becomes true.

    Raises InputError for names that the network does not have, and for a `method` that does not support events.
    """
    trigger = parse(text, f"stop_when, {text!r}")
    name = "stop_when"
    while any(event.name == name for event in network.events):
        name += "_"
    stopped = replace(network, events=(*network.events, Event(name, trigger, (), stops=True)))  # checks the names
    try:
        method.refuse(stopped)
    except InputError as error:
        raise InputError(f"stop_when={text!r}: {error}") from None
    if trigger.names().isdisjoint({*network.index, *network.rules, "time"}):
        raise InputError(f"stop_when={text!r} reads no species, rule or time, so it never changes: name a species")
    return stopped


def end_time(status: int, time: float) -> float:
    """When a replicate stopped by its condition [s]; NaN if it did not."""
    return time if status == Status.CONDITION_MET else np.nan
