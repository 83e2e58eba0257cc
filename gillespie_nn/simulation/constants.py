"""What stays as it is in a result, by name: parameters, and what the source of a model calls so (SBML: also sizes of
compartments), which are numbers in the rates of its network."""

from typing import Any

import numpy as np

from ..checks import InputError
from .schedule import PARAMETER


def constants_of(result: Any) -> dict[str, float]:
    """Values at time 0, by name, of what only a schedule can change."""
    model, origin = result.model, getattr(result, "provenance", None) or {}
    named = dict(origin.get("parameters", {}).get("constants", {}))  # a model in a file does not know its source
    named |= getattr(model, "constants", {})
    known = {*result.quantities, *getattr(model, "species", ()), *getattr(model, "observables", ())}
    return {name: value for name, value in named.items() if name not in known}


def constant(result: Any, name: Any) -> np.ndarray | None:
    """float64[point], the value of a constant at the recorded times of a result; None for another name.

    Raises InputError where a schedule changes rates, and may have changed a constant that is no more than a number in
    them.
    """
    if not isinstance(name, str) or name in result.quantities or name not in (values := constants_of(result)):
        return None
    found = np.full(len(result.time), values[name], dtype=np.float64)
    origin = getattr(result, "provenance", None) or {}
    is_read = name in result.model.parameters
    for time, setting in origin.get("parameters", {}).get("schedule") or ():
        for written in (name, f"{PARAMETER}:{name}"):
            if is_read and written in setting:
                found[np.asarray(result.time) >= time] = setting[written]
        if not is_read and any(_sets_a_rate(result.model, written) for written in setting):
            raise InputError(
                f"{name} is part of the rate constants, which the schedule changes at t = {time:g} s: results do not "
                f"record whether that changed {name}"
            )
    return found


def _sets_a_rate(model: Any, written: str) -> bool:
    return written.partition(":")[2] in model.reaction_index or written in model.reaction_index
