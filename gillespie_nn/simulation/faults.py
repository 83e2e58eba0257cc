"""Names the reaction at fault when a run stops at an invalid propensity or count."""

import numpy as np

from ..checks import ModelError
from ..kernels import codes
from .observer import Values

_SHOWN = 8


def explain(network, method, code) -> None:
    """Raise ModelError if a general rate law made the run stop with `code`; otherwise do nothing."""
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
        if not 0 <= value < np.inf:
            kind = "negative" if value < 0 else "infinite" if value == np.inf else "not a number"
            raise ModelError(
                f"the propensity of reaction {reaction.name} is {kind}, {value:g}, at {_state(network, method, law)}; "
                f"its law is {reaction.law}.{_way_out(reaction.law, value)}"
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
    shown = [f"{s} = {method.counts[network.index[s]]}" for s in names[:_SHOWN]]
    more = [f"and {len(names) - _SHOWN} more species"] if len(names) > _SHOWN else []
    return ", ".join([f"t = {method.time:g} s", *shown, *more])
