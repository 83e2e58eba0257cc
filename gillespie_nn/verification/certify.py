"""`certify`: an approximate method beside an exact one on one's own model, and how far they lie apart."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..options import Check, Options, any_of, as_it_is, fraction, option, options_of, positive, takes, whole
from ..seeds import resolve_seed
from ..simulation import EXACT, METHODS, choose_method
from ..simulation.methods import AUTO, Method, elsewhere
from ..simulation.methods.options import resolve
from ..simulation.options import Destination, Execution, RunOptions
from ..simulation.schedule import Change, parse_schedule
from .certificate import Certificate
from .side_by_side import Ensemble, compare

LEAST_REPLICATES = 30
_SHORT = 1e-3
"""Of the first interval: a run that compiles, and refuses what cannot be used."""


def _seed(name: str, value: Any) -> int:
    return checks.whole(name, resolve_seed(value), 0, 2**63 - 2, "the reference has the next one")


@dataclass(frozen=True, eq=False)
class CertifyOptions(Options):
    """What is asked of `certify` itself."""

    method: Any = option(
        MISSING, as_it_is, "method to certify", kind=str,
        allowed=f"one of {AUTO}, {', '.join(m.name for m in METHODS)}",
        more="or a class derived from `Method`; an exact one is found `outside` in less than 5 % of calls",
    )  # fmt: skip
    t_end: float = option(
        MISSING, positive("s", "the time of the last comparison"), "time of the last comparison", unit="s"
    )
    n_points: int = option(4, whole(1, 2**20), "times compared, evenly spaced, t_end included and 0 not", kind=int)
    replicates: int = option(
        1000, whole(LEAST_REPLICATES, 2**40, "the intervals rest on their number"), "replicates of each method",
        kind=int, more="the default tolerances take some 25000, fewer show larger errors",
    )  # fmt: skip
    reference: Any = option(
        AUTO, as_it_is, "exact method", kind=str, allowed=f"one of {AUTO}, {', '.join(m.name for m in EXACT)}"
    )
    seed: int | None = option(
        None, Check(_seed, "at least 0"), "seed of every random draw", kind=int, usual="drawn and reported",
        more="that of the method's replicates; the reference's have `seed` + 1, so that the two are independent",
    )  # fmt: skip
    tolerance_mean: float = option(0.02, fraction, "relative error allowed of a mean")
    tolerance_variance: float = option(0.05, fraction, "relative error allowed of a variance")
    floor: float = option(
        1.0, positive("molecules"),
        "errors of means below so many molecules, and of variances below its square, are relative to it",
        unit="molecules",
    )  # fmt: skip
    species: Sequence[str] | None = option(
        None, as_it_is, "species or observable to compare", kind=str, usual="all species that can change",
        metavar="NAME", several=True, more="one name or several, observables in their own units",
    )  # fmt: skip


_OF_RUN = options_of(RunOptions, without=("time", "noise", "count_firings", "max_events", "record"))
"""Options of a run that both methods are given."""
OPTIONS = any_of(options_of(CertifyOptions), _OF_RUN, options_of(Execution))


@takes(OPTIONS, options_of(Destination, without=("output", "overwrite")))
def certify(
    network: ReactionNetwork, method: str | type[Method], t_end: float, n_points: int = 4, **options: Any
) -> Certificate:
    """Run `method` beside an exact one and compare the laws of the counts, with intervals that hold together.

    The error of a mean is relative to max(|exact mean|, `floor`), that of a variance to max(exact variance,
    `floor`**2); the Kolmogorov-Smirnov distance has an upper bound. All of these hold together with probability 0.95
    (Bonferroni). Intervals of means and variances are asymptotic: they assume no law, but know nothing of values so
    rare that no replicate had them. The verdict is `outside` if an interval of a mean or a variance lies wholly beyond
    its tolerance, else `within` if each lies inside its own, else `inconclusive`.

    Concentrations are compared as molecules, and for the distance rounded to whole ones. Of a deterministic method,
    run once, the mean is compared, and the variance if it gives covariances.

    Parameters
    ----------
    network : the model.
    ...
    options : of the method.

    Raises
    ------
    InputError : anything that cannot be used. UnfinishedError : a replicate that did not reach `t_end`.
    """
    if not isinstance(network, ReactionNetwork):
        raise InputError(f"network must be a ReactionNetwork, got {type(network).__name__}: see simulate")
    own, given = CertifyOptions.taken({"method": method, "t_end": t_end, "n_points": n_points} | options)
    destination, given = Destination.taken(given, ("output", "overwrite"))
    shared = {name: value for name, value in given.items() if name in OPTIONS}
    network = network.with_parameters(shared.pop("parameters", None))
    seed = _seed("seed", own.seed)
    grid = np.linspace(0.0, own.t_end, own.n_points + 1)[1:]
    initial, rates, schedule = (shared.get(name) for name in ("initial", "rates", "schedule"))
    amounts = network.amounts(initial)
    chosen, exact = choose_method(own.method, network, amounts).method, _reference(own.reference, network, amounts)
    of_method = {name: value for name, value in given.items() if name not in OPTIONS}
    resolve(chosen, of_method, lambda name: elsewhere(name, [*OPTIONS, *options_of(Destination)]))
    changes = parse_schedule(schedule, network, own.t_end, chosen.dtype, rates)
    names = _names(network, own.species, rates, changes)
    one = shared | {"seed": seed, "replicates": 1 if chosen.deterministic else own.replicates} | of_method
    other = shared | {"seed": seed + 1, "replicates": own.replicates}
    for tried, of in ((chosen, one), (exact, other)):
        short = of | {"replicates": 1, "schedule": None}
        simulate(network, time=_SHORT * grid[:1], method=tried, **short)
    ensemble = Ensemble(chosen, names, network, grid, one, destination.progress)
    truth = Ensemble(exact, names, network, grid, other, destination.progress)
    return compare(ensemble, truth, names, grid, (own.tolerance_mean, own.tolerance_variance), own.floor)


def _reference(name: str | type[Method], network: ReactionNetwork, amounts: np.ndarray) -> type[Method]:
    found = choose_method(name, network, amounts).method
    if not found.exact:
        exact = ", ".join(m.name for m in EXACT)
        raise InputError(
            f"reference {found.name!r} is not exact, and shows no error of another method: use auto, {exact}"
        )
    return found


def _names(
    network: ReactionNetwork,
    species: str | Sequence[str] | None,
    rates: Mapping[str, float] | None,
    changes: Sequence[Change],
) -> tuple[str, ...]:
    """Those asked for, or all species that reactions, rules, events or the schedule can change."""
    if species is not None:
        names = (species,) if isinstance(species, str) else tuple(dict.fromkeys(species))
        for name in names:
            checks.choice("species", name, (*network.species, *network.observables), "the network has")
    else:
        changing = set(network.rules)
        highest = np.max([network.rates(rates), *(c.rates for c in changes if c.rates is not None)], axis=0)
        for reaction, rate in zip(network.reactions, highest, strict=True):
            changing.update(reaction.net_change() if rate > 0 else ())
        changing.update(target for event in network.events for target, _ in event.assignments)
        changing.update(network.species[s] for change in changes for s in change.species)
        names = tuple(s for s in network.species if s in changing)
    if not names:
        raise InputError("no species to compare: name some with species, or give a network that changes some")
    return names
