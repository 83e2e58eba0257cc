"""Networks as `ode` integrates them: a continuous variable is a species, and its rate a reaction.

Mass action whose rate constant changes has powers of concentrations.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ...crn import Reaction, ReactionNetwork
from ...crn.reaction import with_powers


class Continuous:
    """The continuous variables of a network, as species behind its own.

    The derived network is only integrated: its laws may be negative, and so may these species. A species with a rate
    rule stays in its place under another name, where nothing reads or changes it.

    Parameters
    ----------
    network : a ReactionNetwork.
    """

    def __init__(self, network: ReactionNetwork) -> None:
        names = tuple(network.rate_rules)
        self.names = names
        """Names of the variables, in the order of the rate rules."""
        self.network = _derived(network) if names else _limit(network)
        """The derived network."""
        programs = network.compiled.programs
        self.places = np.array(programs.moved, dtype=np.int64)
        """int64[variable], their places in the variables of `network`."""
        self.is_amount = np.array([name in network.index for name in names], dtype=np.bool_)
        """bool[variable]: a species, whose value is an amount [molecules]."""
        there = self.network.compiled.programs.variables
        shared = [(place, there[name]) for name, place in programs.variables.items() if name in there] if names else []
        self.shared = np.array(shared, dtype=np.int64).reshape(-1, 2).T
        """int64[2, name]: places of the other variables in `network`, and in the derived network."""


def continuous(network: ReactionNetwork) -> Continuous:
    """`Continuous` of a network; the latest with rate rules are kept."""
    return _kept(network) if network.rate_rules else Continuous(network)


_kept = lru_cache(maxsize=8)(Continuous)


def _limit(network: ReactionNetwork) -> ReactionNetwork:
    """The network with the limit of large counts in laws that are mass action; the same one where there are none."""
    reactions = tuple(with_powers(r, network.parameters) for r in network.reactions)
    if all(new is old for new, old in zip(reactions, network.reactions)):
        return network
    return replace(network, reactions=reactions, source=None)


def _derived(network: ReactionNetwork) -> ReactionNetwork:
    network = _limit(network)
    taken = {*network.species, *network.rules, *network.parameters, "time", "volume"}
    species = tuple(_free(f"{s}_", taken) if s in network.rate_rules else s for s in network.species)
    named = set(network.reaction_index)
    flows = tuple(
        Reaction((), ((name, 1),), 1.0, _free(f"rate_of_{name}", named), law=rate)
        for name, rate in network.rate_rules.items()
    )
    return replace(
        network,
        species=(*species, *network.rate_rules),
        reactions=(*network.reactions, *flows),
        initial={},
        parameters={name: value for name, value in network.parameters.items() if name not in network.rate_rules},
        rate_rules={},
        source=None,
    )


def _free(name: str, taken: set[str]) -> str:
    """`name`, with underscores until it is not taken; it is then."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
