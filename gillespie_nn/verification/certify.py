"""`certify`: compare an approximate method with an exact one on any model."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.network import refuse_two_starts
from ..crn.patterns import chosen, several
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
"""Part of the first interval that a trial run covers. It compiles the kernels and refuses bad arguments."""


def _seed(name: str, value: Any) -> int:
    return checks.whole(name, resolve_seed(value), 0, 2**63 - 2, "the reference uses the next one")


@dataclass(frozen=True, eq=False)
class CertifyOptions(Options):
    """The arguments of `certify` itself."""

    method: Any = option(
        MISSING, as_it_is, "method to certify", kind=str,
        allowed=f"one of {AUTO}, {', '.join(m.name for m in METHODS)}",
        more="or a class derived from `Method`; an exact method gets the verdict `fails` in less than 5 % of calls",
    )  # fmt: skip
    t_end: float = option(
        MISSING, positive("s", "the time of the last comparison"), "time of the last comparison", unit="s"
    )
    n_points: int = option(
        4, whole(1, 2**20), "number of times to compare, evenly spaced from above 0 to t_end", kind=int
    )
    replicates: int = option(
        1000, whole(LEAST_REPLICATES, 2**40, "fewer give no valid intervals"), "replicates of each method",
        kind=int, more="the default tolerances need about 25000; fewer only show larger errors",
    )  # fmt: skip
    reference: Any = option(
        AUTO, as_it_is, "exact method", kind=str, allowed=f"one of {AUTO}, {', '.join(m.name for m in EXACT)}"
    )
    seed: int | None = option(
        None, Check(_seed, "at least 0"), "seed of every random draw", kind=int, usual="drawn and reported",
        more="the method uses `seed`, the reference `seed` + 1, so the two are independent",
    )  # fmt: skip
    tolerance_mean: float = option(0.02, fraction, "largest relative error of a mean")
    tolerance_variance: float = option(0.05, fraction, "largest relative error of a variance")
    floor: float = option(
        1.0, positive("molecules"),
        "smallest value that an error of a mean is divided by; for a variance, its square",
        unit="molecules",
    )  # fmt: skip
    species: Sequence[str] | None = option(
        None, several, "species or observables to compare", kind=str, usual="all species that can change",
        metavar="'A,C*'", several=True, more="one or several names or patterns; observables are in their own units",
    )  # fmt: skip


_OF_RUN = options_of(
    RunOptions, without=("time", "noise", "count_firings", "max_events", "stop_when", "record", "species")
)
"""Options of a run that both methods are given."""
OPTIONS = any_of(options_of(CertifyOptions), _OF_RUN, options_of(Execution))


@takes(OPTIONS, options_of(Destination, without=("output", "overwrite")))
def certify(
    network: ReactionNetwork, method: str | type[Method], t_end: float, n_points: int = 4, **options: Any
) -> Certificate:
    """Compare the distributions of the counts by `method` with those by an exact method.

    The error of a mean is relative to max(|exact mean|, `floor`), the error of a variance to max(exact variance,
    `floor`**2). Each has an interval, and the Kolmogorov-Smirnov distance has an upper bound. All of them hold jointly
    with probability 0.95 (Bonferroni). The intervals are asymptotic: they assume no distribution, but they cannot
    cover values so rare that no replicate took them. The verdict is `fails` if some interval lies entirely beyond
    its tolerance, `holds` if every interval lies inside its tolerance, and `inconclusive` otherwise.

    Concentrations are converted to molecules, and rounded to whole molecules for the distance. A deterministic method
    runs once; its mean is compared, and its variance if the method gives covariances.

    Parameters
    ----------
    network : the model.
    ...
    options : options of the method.

    Raises
    ------
    InputError : an argument is invalid. UnfinishedError : a replicate did not reach `t_end`.
    """
    if not isinstance(network, ReactionNetwork):
        raise InputError(f"network must be a ReactionNetwork, got {type(network).__name__}: see simulate")
    own, given = CertifyOptions.taken({"method": method, "t_end": t_end, "n_points": n_points} | options)
    destination, given = Destination.taken(given, ("output", "overwrite"))
    shared = {name: value for name, value in given.items() if name in OPTIONS}
    parameters = shared.pop("parameters", None)
    refuse_two_starts(network, parameters or (), shared.get("initial") or ())
    network = network.with_parameters(parameters)
    seed = _seed("seed", own.seed)
    grid = np.linspace(0.0, own.t_end, own.n_points + 1)[1:]
    initial, rates, schedule = (shared.get(name) for name in ("initial", "rates", "schedule"))
    started, amounts_given = network.with_continuous(initial)
    amounts = started.amounts(amounts_given)
    tested, exact = choose_method(own.method, network, amounts).method, _reference(own.reference, network, amounts)
    of_method = {name: value for name, value in given.items() if name not in OPTIONS}
    resolve(tested, of_method, lambda name: elsewhere(name, [*OPTIONS, *options_of(Destination)]))
    changes = parse_schedule(schedule, network, own.t_end, tested.dtype, rates)
    names = _names(network, own.species, rates, changes)
    shared["species"] = [name for name in names if name in network.index] or None
    one = shared | {"seed": seed, "replicates": 1 if tested.deterministic else own.replicates} | of_method
    other = shared | {"seed": seed + 1, "replicates": own.replicates}
    for tried, of in ((tested, one), (exact, other)):
        short = of | {"replicates": 1, "schedule": None}
        simulate(network, time=_SHORT * grid[:1], method=tried, **short)
    ensemble = Ensemble(tested, names, network, grid, one, destination.progress)
    truth = Ensemble(exact, names, network, grid, other, destination.progress)
    return compare(ensemble, truth, names, grid, (own.tolerance_mean, own.tolerance_variance), own.floor)


def _reference(name: str | type[Method], network: ReactionNetwork, amounts: np.ndarray) -> type[Method]:
    found = choose_method(name, network, amounts).method
    if not found.exact:
        exact = ", ".join(m.name for m in EXACT)
        raise InputError(f"reference must be an exact method, got {found.name!r}: use one of auto, {exact}")
    return found


def _names(
    network: ReactionNetwork,
    species: Sequence[str] | None,
    rates: Mapping[str, float] | None,
    changes: Sequence[Change],
) -> tuple[str, ...]:
    """The requested names, or all species that reactions, rules, events or the schedule can change."""
    if species is not None:
        names = chosen("species", species, dict.fromkeys((*network.species, *network.observables)))
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
