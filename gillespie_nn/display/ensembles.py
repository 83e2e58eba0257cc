"""The numbers of an ensemble that a figure shows, from anything with the public attributes of a result: trajectories or
moments, in memory or in a file."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError

MOLECULES, CONCENTRATION = UNITS = "molecules", "concentration"
BAND = (0.05, 0.95)
"""Part of the replicates inside a band."""


class Band(NamedTuple):
    """One quantity over time, float64[point] each; NaN where it is not known."""

    name: str
    mean: np.ndarray
    low: np.ndarray
    """Of the interval of the mean."""
    high: np.ndarray
    bottom: np.ndarray
    """5 % of replicates are lower."""
    top: np.ndarray

    def times(self, factor: float) -> "Band":
        """In other units."""
        return Band(self.name, *(factor * values for values in self[1:]))


def is_moments(result: Any) -> bool:
    """Whether `result` holds moments alone."""
    return hasattr(result, "moments")


def species_of(result: Any) -> tuple[str, ...]:
    """Names of the species, whose values are in the result's units."""
    if not is_moments(result):
        return tuple(result.species)
    return tuple(name for name in result.quantities if name in result.model.index)


def known_name(result: Any, name: Any, kind: str = "species", whose: str = "the result has", **how: Any) -> Any:
    """`name`, which must be a quantity of the result; `kind`, `whose` and `how` are for the message of `checks.choice`.
    Raises InputError for another name, which says so if it is a species of the model that was not recorded."""
    if isinstance(name, str) and name not in result.quantities and name in getattr(result.model, "index", ()):
        have = checks.shortened(list(result.quantities)) or "none"
        raise InputError(f"species {name!r} was not recorded: {whose} {have}; simulate again with {name} in species")
    return checks.choice(kind, name, result.quantities, whose, **how)


def is_stepped(result: Any, name: str) -> bool:
    """Whether trajectories of `name` are steps: they count molecules, and neither `name` nor a rule that gives it has a
    rate rule."""
    if is_moments(result) or not np.issubdtype(result.counts.dtype, np.integer):
        return False
    network = result.model
    if network is None:  # a result that was made from arrays
        return True
    reads = network.resolved_rules[name].names() if name in network.resolved_rules else {name}
    return network.rate_rules.keys().isdisjoint(reads)


def asked_for(result: Any) -> tuple[str, ...]:
    """Quantities that the option `species` of the run names or whose pattern they match; all without it."""
    patterns = getattr(result, "_species_asked", None)
    if patterns is None:
        return tuple(result.quantities)
    return tuple(name for name in result.quantities if any(fnmatchcase(name, pattern) for pattern in patterns))


def with_rate_rules(result: Any) -> tuple[str, ...]:
    """Quantities that a rate rule changes: they come first where not all are shown."""
    rate_rules = getattr(result.model, "rate_rules", ())
    return tuple(name for name in result.quantities if name in rate_rules)


def ranked(names: Sequence[str], moved: np.ndarray, first: Collection[str], most: int) -> list[int]:
    """Places of up to `most` of the `names` to show: those in `first`, then those that `moved` most, float64[name].
    Those in `first` come first, and else the order is that of `names`."""
    later = np.array([name not in first for name in names], dtype=np.bool_)
    chosen = np.lexsort((-moved, later))[:most]
    return sorted(chosen.tolist(), key=lambda k: (later[k], k))


def candidates(result: Any) -> tuple[str, ...]:
    """Quantities of which a figure shows those that vary most: those that the run was asked for, else the species and
    what rate rules change, or the observables of a model without either."""
    every, asked = tuple(result.quantities), asked_for(result)
    if len(asked) < len(every):
        return asked
    shown = {*species_of(result), *with_rate_rules(result)}
    return tuple(name for name in every if name in shown) or every


def choose(result: Any, names: Sequence[str], most: int) -> tuple[str, ...]:
    """`names`, which must be in the result; if none, what rate rules change and the species that vary most, together up
    to `most`, in their order.

    Raises InputError for an unknown name, and for a result without replicates."""
    every = result.quantities
    if not len(result) or not every:
        raise InputError(
            "the result has no replicates, so there is nothing to plot" if every else "there is no quantity"
        )
    if len(names):
        names = [names] if isinstance(names, str) else names
        return tuple(dict.fromkeys(known_name(result, name, "quantity") for name in names))
    known = candidates(result)
    first = with_rate_rules(result)
    if len(known) <= most:
        return tuple(known[k] for k in ranked(known, np.zeros(len(known)), first, most))
    # Over replicates and times; NaN at points that nobody reached.
    largest, smallest = (
        np.nan_to_num(result.maximum(known), nan=-np.inf),
        np.nan_to_num(result.minimum(known), nan=np.inf),
    )
    spread = largest.max(axis=0) - smallest.min(axis=0)
    return tuple(known[k] for k in ranked(known, spread, first, most))


def values(result: Any, name: str, replicates: slice = slice(None)) -> np.ndarray:
    """float64[replicate, point] of a quantity in its units, NaN where a replicate did not get to."""
    if name in result.observable_names:
        return np.asarray(result.observables[replicates, :, result.observable_names.index(name)], dtype=float)
    return _real(result.counts[replicates, :, result.species.index(name)])


def _real(counts: Any) -> np.ndarray:
    found = np.asarray(counts).astype(np.float64)
    if np.issubdtype(counts.dtype, np.integer):
        found[np.asarray(counts) < 0] = np.nan  # not reached
    return found


def band(result: Any, name: str, confidence: float) -> Band:
    """Mean, pointwise interval of the mean (Student's t) and 5 to 95 % of replicates, of those that reached each point.
    Of `linear_noise` the band is that of its normal law, and there is no interval."""
    mean, (low, high) = result.mean(name), result.interval(name, confidence)
    bottom, top = np.full((2, len(mean)), np.nan)
    if is_moments(result):
        if result.moments.sketch is not None:
            bottom, top = result.quantile(BAND, name)
    elif len(result) > 1:
        bottom, top = result.quantile(BAND, name)
    elif result.covariance.shape[-1] and name in species_of(result) and name not in result.observable_names:
        from scipy import stats  # which takes long to import

        k = result.species.index(name)
        spread = stats.norm.isf(BAND[0]) * np.sqrt(np.maximum(np.asarray(result.covariance[0, :, k, k]), 0.0))
        bottom, top = mean - spread, mean + spread
    return Band(name, mean, low, high, bottom, top)


def factor_to(result: Any, name: str, units: str) -> float:
    """What values of `name` are multiplied by to be in `units`; observables have units of their own."""
    if name not in species_of(result) or units == result.units:
        return 1.0
    return 1.0 / result.volume if units == CONCENTRATION else result.volume
