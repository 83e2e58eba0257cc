"""What is read from the states of a replicate: values of expressions, observables, conserved quantities, and the cause
when a run stops at an invalid propensity or count.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from .. import checks
from ..checks import InternalError, ModelError
from ..crn.expressions import Expression
from ..kernels import codes
from ..kernels.codes import COUNT_LIMIT
from ..kernels.interval_bounds import law_range
from ..kernels.laws import WINDOW_END, WINDOW_START
from .sinks import NOT_REACHED

_NONE: Mapping = MappingProxyType({})
_ROUNDING = 1e-8
"""Relative tolerance of conserved quantities in real-valued states."""
_SHOWN = 8
"""Species named in a message, at most."""
_NEAR = 16
"""Steps of float64."""


class StateValues:
    """Values by name of the species, the parameters, `time` and `volume` of a network."""

    def __init__(self, network):
        self._index = network.index
        self._variables = network.compiled.programs.variables

    def of(self, expression: Expression, rows, time, variables, moved=_NONE):
        """`expression` in every row: rows int64[..., species], time float64[...], variables float64[variable], and
        `moved`, arrays [...] by name, in place of variables that change from row to row."""
        values = {"time": time}
        for name in expression.names() - {"time"}:
            if name in moved:
                values[name] = moved[name]
            elif name in self._variables:
                values[name] = variables[self._variables[name]]
            else:
                values[name] = rows[..., self._index[name]]
        return expression.evaluate(values)

    def at(self, method, expression: Expression):
        """`expression` in the present state of a simulation."""
        return self.of(expression, method.counts, method.time, method.laws.variables)

    def place(self, parameter) -> int:
        """Place of a parameter among the variables."""
        return self._variables[parameter]


class Observer:
    """Computes `network.observables` at recorded points: float64[point, observable].

    A species that a rule or a rate rule gives is also written into the rows. In rows of counts it is -1 where its value
    is no whole number.
    """

    def __init__(self, network):
        self._values = StateValues(network)
        self._names = network.observables
        self._rules = network.resolved_rules
        given = (*network.rules, *network.rate_rules)
        self._columns = {target: network.index[target] for target in given if target in network.index}
        self._moved = tuple(network.rate_rules)

    def observe(self, method, rows, time, moved) -> np.ndarray:
        """For `rows` int64[point, species] recorded at `time` float64[point] since variables last changed, with `moved`
        float64[point, rate rule]."""
        values = np.empty((len(rows), len(self._names)))
        variables = method.laws.variables.copy()
        by_name = dict(zip(self._moved, moved.T))
        for k, name in enumerate(self._names):
            if name in self._rules:
                values[:, k] = self._values.of(self._rules[name], rows, time, variables, by_name)
            elif name in by_name:
                values[:, k] = by_name[name]
            else:
                values[:, k] = variables[self._values.place(name)]
        for k, name in enumerate(self._names):
            if name in self._columns:
                if rows.dtype != np.int64:
                    rows[:, self._columns[name]] = values[:, k]
                    continue
                count = checks.rounded(values[:, k])
                is_count = (count == np.floor(count)) & (count >= 0) & (count < COUNT_LIMIT)
                rows[:, self._columns[name]] = np.where(is_count, count, NOT_REACHED)
        return values


# Conservation laws, checked during a run


class Invariants:
    """The conserved quantities of one replicate, which must be constant at every recorded point.

    For real-valued states they are constant up to rounding. `network` is a ReactionNetwork, or with extrinsic noise a
    `noise.NoisePlan`: forcing breaks conservation.
    """

    def __init__(self, network, dtype=np.int64):
        self._tolerance = 0.0 if np.issubdtype(dtype, np.integer) else _ROUNDING
        self._laws = network.law_matrix
        self._species = network.species
        # Before `start` every comparison fails: NaN equals nothing.
        self._values = np.full(self._laws.shape[0], np.nan)

    def start(self, counts):
        """Set the expected values from `counts` int64[species]: at the start, and after a scheduled change."""
        if self._laws.shape[0]:
            self._values = self._laws @ counts

    def check(self, rows):
        """Compare rows [point, species]; sums of integers that overflow an int64 wrap around on both sides.

        Raises InternalError if a conservation law is violated: results after that would be wrong.
        """
        if not self._laws.shape[0] or not len(rows):
            return
        values = self._laws @ rows.T
        wrong = values != self._values[:, None]
        if self._tolerance:
            scale = np.abs(self._laws) @ np.abs(rows.T) + np.abs(self._values[:, None])
            # Negated, so that NaN counts as wrong.
            wrong = ~(np.abs(values - self._values[:, None]) <= self._tolerance * scale)
        if wrong.any():
            law, point = (int(k) for k in np.argwhere(wrong)[0])
            members = self._laws[[law]].nonzero()[1][:10]
            names = ", ".join(f"{self._species[s]} = {rows[point, s]}" for s in members)
            raise InternalError(
                f"a conserved quantity changed from {self._values[law]} ({names}): this is an internal error; please "
                "report it with the model and the seed"
            )


# The cause of an invalid propensity or count


def raise_if_law_failed(network, method, code) -> None:
    """Raise ModelError if a general rate law made the run stop with `code`; otherwise do nothing."""
    if code == codes.BAD_PROPENSITY and network.rate_rules:
        _explain_variables(network, method)
    laws = [reaction for reaction in network.reactions if reaction.law is not None]
    if code not in (codes.BAD_PROPENSITY, codes.OVERFLOW, codes.NEGATIVE) or not laws:
        return
    values = StateValues(network)
    for reaction in laws:
        if code == codes.NEGATIVE:
            _explain_negative(network, method, reaction)
            continue
        law = network.resolved(reaction.law)
        value = reaction.rate * float(values.at(method, law))
        _explain_bound(network, method, reaction, value)
        if not 0 <= value < np.inf:
            kind = "negative" if value < 0 else "infinite" if value == np.inf else "not a number"
            raise ModelError(
                f"the propensity of reaction {reaction.name} is {kind}, {value:g}, at {_state(network, method, law)}; "
                f"its law is {reaction.law}.{_way_out(reaction.law, value)}"
            )


def _explain_variables(network, method):
    """Raise ModelError if it is the rate rules that cannot go on."""
    fault = method.fault
    if fault == codes.NO_CROSSING:
        raise ModelError(
            f"cannot find when the conditions of events that read {checks.shortened(network.rate_rules)} change after "
            f"t = {method.time:g} s; simplify the conditions"
        )
    if fault != codes.NO_SOLUTION:
        return
    values = StateValues(network)
    names = list(network.rate_rules)
    slopes = [float(values.at(method, network.resolved(network.rate_rules[name]))) for name in names]
    wild = max(range(len(names)), key=lambda k: np.inf if np.isnan(slopes[k]) else abs(slopes[k]))
    name = names[wild]
    value = method.laws.variables[values.place(name)]
    raise ModelError(
        f"the rate rules have no solution beyond t = {method.time:.10g} s, where {name} = {value:g} changes "
        f"fastest, by {slopes[wild]:g} a second: they diverge, or a rate rule is undefined; "
        "end the run earlier, or check the rate rules"
    )


def _explain_bound(network, method, reaction, value):
    """Raise ModelError if no finite bound of a propensity can be given where a variable moves, even for a moment."""
    p = network.compiled.programs.of_reaction[network.reactions.index(reaction)]
    if network.rate_rules.keys().isdisjoint(network.resolved(reaction.law).names()):
        return
    window = method.laws.window
    before = window[WINDOW_START], window[WINDOW_END]
    # The next few steps of the clock: a propensity that grows without end may stop it just before.
    window[WINDOW_START], window[WINDOW_END] = (
        method.time,
        max(before[1], method.time + _NEAR * np.spacing(method.time)),
    )
    _, high = law_range(method.laws, p, method.state, method.state)
    window[WINDOW_START], window[WINDOW_END] = before
    if value >= 0.0 and not high < np.inf:
        raise ModelError(
            f"cannot compute a bound of the propensity of reaction {reaction.name} just after "
            f"{_state(network, method, network.resolved(reaction.law))}; its law is {reaction.law}. In a root, a "
            "logarithm or a power, write max(x, 0) instead of a variable x that comes near 0; in a quotient, do the "
            "same if the divisor can become 0"
        )


def _explain_negative(network, method, reaction):
    for s, n in reaction.net_change().items():
        if n < 0 and method.counts[network.index[s]] < 0:
            raise ModelError(
                f"reaction {reaction.name} fired with fewer than {-n} molecules of {s}, at t = {method.time:g} s: its "
                f"law {reaction.law} is not 0 there. Make it 0 when reactants run out, for example with {s} as a factor"
                + (f", {s} * ({s} - 1) for two molecules" if n == -2 else "")
            )


def _way_out(law, value):
    if value < 0 and law.op == "sum" and any(a.op == "negative" for a in law.args):
        return " If it is a difference of two rates, write it as two reactions"
    return ""


def _state(network, method, law):
    names = [s for s in network.species if s in law.names()]
    moved = network.compiled.programs.variables
    shown = [f"{s} = {method.counts[network.index[s]]}" for s in names if s not in moved][:_SHOWN]
    shown += [f"{name} = {method.laws.variables[moved[name]]:g}" for name in network.rate_rules if name in law.names()]
    more = [f"and {len(names) - _SHOWN} more species"] if len(names) > _SHOWN else []
    return ", ".join([f"t = {method.time:g} s", *shown, *more])
