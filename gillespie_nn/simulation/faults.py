"""Names the reaction at fault when a run stops at an invalid propensity or count."""

import numpy as np

from .. import checks
from ..checks import ModelError
from ..kernels import codes
from ..kernels.intervals import law_range
from ..kernels.laws import WINDOW_END, WINDOW_START
from .observer import Values

_SHOWN = 8
_NEAR = 16
"""Steps of float64."""


def explain(network, method, code) -> None:
    """Raise ModelError if a general rate law made the run stop with `code`; otherwise do nothing."""
    if code == codes.BAD_PROPENSITY and network.rate_rules:
        _explain_variables(network, method)
    laws = [reaction for reaction in network.reactions if reaction.law is not None]
    if code not in (codes.BAD_PROPENSITY, codes.OVERFLOW, codes.NEGATIVE) or not laws:
        return
    values = Values(network)
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
    values = Values(network)
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
    kept = window[WINDOW_START], window[WINDOW_END]
    # The next few steps of the clock: a propensity that grows without end may stop it just before.
    window[WINDOW_START], window[WINDOW_END] = method.time, max(kept[1], method.time + _NEAR * np.spacing(method.time))
    _, high = law_range(method.laws, p, method.state, method.state)
    window[WINDOW_START], window[WINDOW_END] = kept
    if value >= 0.0 and not high < np.inf:
        raise ModelError(
            f"no bound of the propensity of reaction {reaction.name} can be given just after "
            f"{_state(network, method, network.resolved(reaction.law))}; its law is {reaction.law}. A root, a "
            "logarithm or a power of a variable near 0 needs max(x, 0) in place of x; so does a quotient whose "
            "divisor may be 0"
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
