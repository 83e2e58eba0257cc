"""`certify`: an approximate method beside an exact one on one's own model, and how far they lie apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..seeds import resolve_seed
from ..simulation import EXACT, choose_method
from ..simulation.methods import Method
from ..simulation.methods.options import fraction
from ..simulation.schedule import Change, parse_schedule
from .certificate import Certificate
from .side_by_side import Ensemble, compare

LEAST_REPLICATES = 30
_SHORT = 1e-3
"""Of the first interval: a run that compiles, and refuses what cannot be used."""


def certify(
    network: ReactionNetwork,
    method: str,
    t_end: float,
    n_points: int = 4,
    *,
    volume: float | None = None,
    replicates: int = 1000,
    reference: str = "auto",
    seed: int | None = None,
    tolerance_mean: float = 0.02,
    tolerance_variance: float = 0.05,
    floor: float = 1.0,
    species: str | Sequence[str] | None = None,
    workers: int = 1,
    initial: Mapping[str, int] | None = None,
    rates: Mapping[str, float] | None = None,
    schedule: Sequence[tuple[float, Mapping[str, int]]] | None = None,
    progress: bool = False,
    **options: Any,
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
    network, volume, workers, initial, rates, schedule, progress : as of `simulate`.
    method : the one to certify. An exact one is found `outside` in less than 5 % of calls.
    t_end, n_points : compare at n_points times, evenly spaced up to t_end and without 0 [s].
    replicates : of each of the two methods, at least 30.
    reference : an exact method, or `auto`.
    seed : of the method's replicates; the reference's have `seed` + 1, so that the two are independent.
    tolerance_mean, tolerance_variance : relative, between 0 and 1.
    floor : [molecules].
    species : names to compare, of species or observables (in their own units); default, all species that can change.
    options : of the method.

    Raises
    ------
    InputError : anything that cannot be used. UnfinishedError : a replicate that did not reach `t_end`.
    """
    if not isinstance(network, ReactionNetwork):
        raise InputError(f"network must be a ReactionNetwork, got {type(network).__name__}: see simulate")
    n = checks.whole("replicates", replicates, LEAST_REPLICATES, 2**40, "the intervals rest on their number")
    tolerances = fraction("tolerance_mean", tolerance_mean), fraction("tolerance_variance", tolerance_variance)
    floor = checks.positive("floor", floor, "molecules")
    seed = checks.whole("seed", resolve_seed(seed), 0, 2**63 - 2, "the reference has the next one")
    t_end = checks.positive("t_end", t_end, "s", "the time of the last comparison")
    grid = np.linspace(0.0, t_end, checks.whole("n_points", n_points, 1, 2**20) + 1)[1:]
    counts = network.counts(initial)
    chosen, exact = choose_method(method, network, counts).method, _reference(reference, network, counts)
    names = _names(network, species, rates, parse_schedule(schedule, network, t_end))
    settings = {"volume": volume, "workers": workers, "initial": initial, "rates": rates}
    one = settings | {"seed": seed, "replicates": 1 if chosen.deterministic else n} | options
    other = settings | {"seed": seed + 1, "replicates": n}
    for tried, of in ((chosen, one), (exact, other)):
        simulate(network, time=_SHORT * grid[:1], method=tried.name, **of | {"replicates": 1})
    ensemble = Ensemble(chosen, names, network, grid, one | {"schedule": schedule}, progress)
    truth = Ensemble(exact, names, network, grid, other | {"schedule": schedule}, progress)
    return compare(ensemble, truth, names, grid, tolerances, floor)


def _reference(name: str, network: ReactionNetwork, counts: np.ndarray) -> type[Method]:
    found = choose_method(name, network, counts).method
    if not found.exact:
        exact = ", ".join(m.name for m in EXACT)
        raise InputError(f"reference {name!r} is not exact, and shows no error of another method: use auto, {exact}")
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
        for reaction, rate in zip(network.reactions, network.rates(rates), strict=True):
            changing.update(reaction.net_change() if rate > 0 else ())
        changing.update(target for event in network.events for target, _ in event.assignments)
        changing.update(network.species[s] for change in changes for s in change.species)
        names = tuple(s for s in network.species if s in changing)
    if not names:
        raise InputError("no species to compare: name some with species, or give a network that changes some")
    return names
