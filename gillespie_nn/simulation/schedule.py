"""Initial amounts and scheduled changes.

Methods that count molecules start from whole numbers: other amounts are rounded, and a warning names them.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from .. import checks, seeds
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.names import by_pattern, is_pattern, matching
from ..crn.parts import RANDOM, fractions_refused, listed, refuse_overflow
from ..options import number
from ..seeds import Purpose

_SMALL = 0.01
"""Largest relative change of an amount that is rounded without being asked for; a warning names it."""


def announce(species: Sequence[str], amounts: np.ndarray, how: str | None) -> None:
    """Warn of the rounding of `amounts` float64[species] by `started`.

    Raises InputError if an amount changes by more than 1 % and `how` does not ask for it.
    """
    changed = np.flatnonzero(amounts != np.rint(amounts))
    nearest = np.rint(amounts)
    relative = np.abs(nearest - amounts)[changed] / amounts[changed]
    order = changed[np.argsort(-relative, kind="stable")]
    if how is None and (relative > _SMALL).any():
        raise InputError(
            fractions_refused(
                species, amounts, " (an amount is rounded automatically if that changes it by at most 1 %)"
            )
        )
    refuse_overflow(species, np.ceil(amounts))
    if not len(changed):
        return
    if how == RANDOM:
        shown = [
            f"{species[s]} = {amounts[s]:.6g} to {np.floor(amounts[s]):.0f} or {np.ceil(amounts[s]):.0f}" for s in order
        ]
        text = "up with the probability of the fraction, anew in each replicate"
    else:
        shown = [f"{species[s]} = {amounts[s]:.6g} to {nearest[s]:.0f}" for s in order]
        text = "to the nearest whole number"
    checks.warn(f"initial amounts were rounded {text}: {listed(shown)}")


def started(amounts: np.ndarray, how: str | None, seed: int, replicate: int) -> np.ndarray:
    """The initial counts int64[species] of a replicate; each species draws, so that none depends on the others."""
    if how == RANDOM:
        draws = seeds.stream(seed, Purpose.ROUNDING, 0, replicate).random(len(amounts))
        below = np.floor(amounts)
        return (below + (draws < amounts - below)).astype(np.int64)
    return np.rint(amounts).astype(np.int64)


# Scheduled changes: at given times counts, rate constants and parameters get new values
#
# A change of rates is exact. Exact methods draw no time anew: what is left of each pending unit exponential elapses at
# the new propensity (`Method.set_rates`), so the law is that of the master equation with these rates in turn.

COUNT, RATE, PARAMETER = KINDS = "count", "rate", "parameter"
_FORM = "(time, {name: value})"
_NONE = np.empty(0, dtype=np.int64)
_Setting = dict[str, dict[str, Any]]
"""{kind: {name: value}}."""


class Change(NamedTuple):
    """At `time` [s], counts[species] = values (int64 arrays; float64 values where they are not whole), and the rates
    and parameters get new values."""

    time: float
    species: np.ndarray
    values: np.ndarray
    rates: np.ndarray | None = None
    """float64[reaction], all rate constants from then on; None if they stay."""
    parameters: Mapping[str, float] = {}
    """Values of parameters that rate laws, rules or events read, and of species with a rate rule."""

    def apply(self, method: Any) -> None:
        """Make the change in a simulation, a `Method`, at its present time."""
        if self.rates is not None:
            method.change_rates(self.rates)
        if self.parameters:
            places = [method.network.compiled.programs.variables[name] for name in self.parameters]
            method.set_counts(self.species, self.values, places, list(self.parameters.values()))
        elif self.rates is None or len(self.species):
            method.set_counts(self.species, self.values)


def parse_schedule(
    schedule: Any,
    network: ReactionNetwork,
    t_end: float,
    dtype: type = np.int64,
    rates: Mapping[str, float] | None = None,
) -> tuple[Change, ...]:
    """Check `[(time, {name: value, ...}), ...]` against a network; ordered by time, ties as given.

    A name is a species (its count), a reaction (its rate constant) or a parameter; `count:NAME`, `rate:NAME` or
    `parameter:NAME` says which, where a name has two meanings. An entry can also be a text, `"10 A=50 bind=0.2"`.
    Counts need not be whole for a method whose `dtype` is float64. `rates` are those that the run overrides: they, and
    scheduled ones, no longer follow from parameters.

    A change at time t comes after all events before t and before the state at t is recorded.
    """
    if not isinstance(schedule, (list, tuple, type(None))):
        raise InputError(f"schedule must be a list of {_FORM}, got {schedule!r}")
    entries = [_entry(k, entry, network, t_end) for k, entry in enumerate(schedule or ())]
    entries.sort(key=lambda entry: entry[0])
    walk = _Walk(network, rates, dtype)
    return tuple(walk.change(time, setting) for time, setting in entries)


def _entry(k: int, entry: Any, network: ReactionNetwork, t_end: float) -> tuple[float, _Setting]:
    """(time, what is set) of entry number `k`."""
    try:
        time, values = _read(entry) if isinstance(entry, str) else entry
        items = dict(values)
    except (TypeError, ValueError):
        raise InputError(
            f"schedule entry {k} must be {_FORM}, or a text such as '10 A=50 bind=0.2', got {entry!r}"
        ) from None
    time = checks.not_negative(f"time of schedule entry {k}", time, "s")
    if time > t_end:
        raise InputError(f"schedule entry {k} is at time {time}, after the end {t_end}: leave it out or run longer")
    setting: _Setting = {COUNT: {}, RATE: {}, PARAMETER: {}}
    for written, value in items.items():
        kind, name = meaning(written, network)
        if kind == COUNT and name in network.rules:
            raise InputError(f"the count of {name} is given by a rule, so it cannot be scheduled")
        setting[kind][name] = value
    moved = {s: setting[COUNT].pop(s) for s in network.rate_rules if s in setting[COUNT]}
    free = [s for s in network.species if s not in network.rules and s not in network.rate_rules]
    for kind, what, names in ((COUNT, "species", free), (RATE, "reaction", network.reaction_index)):
        setting[kind] = by_pattern(f"{what} in the schedule", setting[kind], names)
    setting[COUNT] |= moved
    return time, setting


def _read(text: str) -> tuple[float, dict[str, int | float]]:
    """The entry that `"10 A=50 bind=0.2"` stands for; raises ValueError."""
    time, *pairs = text.split()
    values = {}
    for pair in pairs:
        name, _, value = pair.rpartition("=")
        if not name or name in values:
            raise ValueError
        values[name] = number(value)
    return float(time), values


def meaning(written: Any, network: ReactionNetwork) -> tuple[str, str]:
    """(kind, name) of what a name in a schedule sets; raises InputError."""
    kind, colon, name = written.partition(":") if isinstance(written, str) else ("", "", "")
    if colon:
        return checks.choice("kind of name in the schedule", kind, KINDS, "the part before the colon is one of"), name
    if is_pattern(written):
        kinds = [kind for kind, names in _names(network)[:2] if any(fnmatchcase(name, written) for name in names)]
    else:
        kinds = [kind for kind, names in _names(network) if written in names]
    if len(kinds) > 1:
        names = " or ".join(f"{kind}:{written}" for kind in kinds)
        raise InputError(f"name {written!r} in the schedule has {len(kinds)} meanings in the model: write {names}")
    if not kinds:
        if is_pattern(written):
            matching("species or reaction in the schedule", written, [*network.index, *network.reaction_index])
        every = [*network.index, *network.reaction_index, *network.settable]
        checks.choice("name in the schedule", written, every, "species, reactions and parameters are")
    return kinds[0], written


def _names(network: ReactionNetwork) -> tuple[tuple[str, Any], ...]:
    return (COUNT, network.index), (RATE, network.reaction_index), (PARAMETER, network.settable)


class _Walk:
    """Applies the changes to the network in order of time, from its start."""

    def __init__(self, network: ReactionNetwork, rates: Mapping[str, float] | None, dtype: type):
        self._first = self._network = network
        self._dtype = dtype
        self._fixed = by_pattern("reaction in rates", checks.by_name("rates", rates), network.reaction_index)
        self._parameters: dict[str, float] = {}
        self._rates: np.ndarray | None = None  # worked out when the first change needs it

    def change(self, time: float, setting: _Setting) -> Change:
        rules = self._network.rate_rules
        amounts = {s: checks.finite(f"scheduled amount of {s}", n) for s, n in setting[COUNT].items() if s in rules}
        counts = {s: n for s, n in setting[COUNT].items() if s not in rules}
        species, values = _counts(self._network, counts, self._dtype)
        if not setting[RATE] and not setting[PARAMETER]:
            return Change(time, species, values, None, amounts)
        before = self._first.rates(self._fixed) if self._rates is None else self._rates
        for name, value in setting[RATE].items():
            self._fixed[name] = checks.not_negative(f"scheduled rate of {name}", value)
        parameters = self._set(setting[PARAMETER]) if setting[PARAMETER] else {}
        self._rates = self._network.rates(self._fixed)
        same = np.array_equal(self._rates, before)
        return Change(time, species, values, None if same else self._rates, parameters | amounts)

    def _set(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Set parameters; returns the values that expressions of the network get."""
        before = self._network
        self._parameters |= values
        self._network = self._first.with_parameters(self._parameters)
        _refuse_others(before, self._network, values)
        after = self._network.parameters
        return {name: after[name] for name in after if name in values or after[name] != before.parameters[name]}


def _refuse_others(before: ReactionNetwork, after: ReactionNetwork, values: Iterable[str]) -> None:
    """Raise InputError if parameters change more than rate constants and what expressions read."""
    form = [[r._replace(rate=0.0) for r in network.reactions] for network in (before, after)]
    same = (
        before.species == after.species and form[0] == form[1] and before.parameters.keys() == after.parameters.keys()
    )
    if not (same and before.rules == after.rules and before.events == after.events and before.volume == after.volume):
        raise InputError(
            f"parameter {', '.join(values)} in the schedule changes the form of the model (laws, rules, events or the "
            "volume were computed from it when the model was read): use an event of the model instead"
        )


def _counts(network: ReactionNetwork, items: Mapping[str, Any], dtype: type) -> tuple[np.ndarray, np.ndarray]:
    if not items:
        return _NONE, _NONE
    check = checks.count if dtype == np.int64 else checks.amount
    values = [check(f"scheduled count of {s}", n) for s, n in items.items()]
    whole = all(isinstance(n, int) for n in values)
    species = np.array([network.index[s] for s in items], dtype=np.int64)
    return species, np.array(values, np.int64 if whole else np.float64)


def record(changes: Sequence[Change], network: ReactionNetwork, rates: np.ndarray) -> list[tuple[float, dict]]:
    """The changes as plain values, of which `parse_schedule` makes the same changes again; `rates` float64[reaction]
    are those of the start."""
    entries = []
    expressions = {r: reaction.rate_expression for r, reaction in enumerate(network.reactions)}
    read = {r: expression.names() for r, expression in expressions.items() if expression is not None}
    for change in changes:
        values = {(COUNT, network.species[s]): n for s, n in zip(change.species, change.values.tolist())}
        before, rates = rates, rates if change.rates is None else change.rates
        recorded = set(np.flatnonzero(rates != before).tolist())
        # A rate that stays although it reads a changed parameter was set by the run, maybe to its value in the model.
        # Nothing else in the file records this.
        recorded |= {r for r, names in read.items() if not names.isdisjoint(change.parameters)}
        values |= {(RATE, network.reactions[r].name): float(rates[r]) for r in sorted(recorded)}
        values |= {(PARAMETER, name): value for name, value in change.parameters.items()}
        entries.append((change.time, {_written(kind, name, network): value for (kind, name), value in values.items()}))
    return entries


def _written(kind: str, name: str, network: ReactionNetwork) -> str:
    """The name, with its kind in front where it has two meanings."""
    return name if sum(name in names for _, names in _names(network)) == 1 else f"{kind}:{name}"
