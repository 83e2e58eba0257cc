"""The rate equations of a network as functions of time and state, for `ode` and for the noise around it.

A continuous variable is represented by a species of a derived network, and its rate by a reaction. Mass action whose
rate constant changes has powers of concentrations.
"""

from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
import scipy

from ... import checks
from ...checks import InputError
from ...crn import Reaction, ReactionNetwork
from ...crn.reaction import with_powers
from ...kernels.channels import Channels
from ...kernels.codes import FALLING, LAW, RAMP
from ...kernels.laws import COUNT, TIME_VARIABLE, Laws, forget_variables
from ...kernels.limits import derivatives as kernels
from ...kernels.limits.derivatives import mark_live
from .method import separate_laws


class ContinuousSpecies:
    """The continuous variables of a network, as further species behind the species of the network.

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


def continuous(network: ReactionNetwork) -> ContinuousSpecies:
    """`ContinuousSpecies` of a network; the latest networks with rate rules are cached."""
    return _cached(network) if network.rate_rules else ContinuousSpecies(network)


_cached = lru_cache(maxsize=8)(ContinuousSpecies)


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
    # x' = f is the reaction 0 -> x with the law f.
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
    """`name` with underscores until it is not in `taken`, to which it is added."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


# The rate equations, of all species and of those that can move

_MOST_PARTS = 8
"""Live parts in the cache, each of the size of the network: the samples of a small training set come again."""


class Equations:
    """dx/dt = S a(x, t), with a the rates of channels, see `kernels.limits.derivatives`.

    General laws are laws of counts, and many have no value below 0: where there are any, a count below 0, by the errors
    of a step, is taken as 0. ContinuousSpecies variables may be negative.

    Parameters
    ----------
    channels : of a structure without product families.
    laws : its general laws, which are written into, or None.
    n_species : the first so many species of the state move.
    state : float64[...], the species, other species that laws read, and the constant 1 at the end [molecules].
    floor : float64[...], the least value of each that laws read: 0 for counts, minus infinity for continuous variables.
    scale : float64[species], what small values are compared with: 1 for counts.
    """

    def __init__(
        self, channels: Channels, laws: Laws | None, n_species: int, state: np.ndarray, floor: np.ndarray,
        scale: np.ndarray,
    ) -> None:  # fmt: skip
        self.channels, self.laws, self.n_species = channels, laws, n_species
        self.state, self.floor, self.scale = state, floor, scale

    @property
    def stoichiometry(self) -> "scipy.sparse.csc_array":
        """Change of each species by each channel, sparse float64[species, channel]."""
        c = self.channels
        shape = (self.n_species, len(c.ranges) - 1)
        amount = c.changes["amount"].astype(np.float64)
        return scipy.sparse.csc_array((amount, c.changes["species"], c.ranges["change_start"]), shape=shape)

    def derivative(self, t: float, x: np.ndarray) -> np.ndarray:
        """dx/dt float64[species] [molecules/s] at time t [s] and x float64[species] [molecules]."""
        out = np.empty(self.n_species)
        kernels.derivative(self.channels, self.laws, self._at(t, x), out)
        return out

    def propensities(self, t: float, x: np.ndarray) -> np.ndarray:
        """Rate of each lumped channel float64[channel] [1/s]: the noise has the matrix S diag(a) S^T."""
        out = np.empty(len(self.channels.ranges) - 1)
        kernels.rates(self.channels, self.laws, self._at(t, x), out)
        return out

    def jacobian(self, t: float, x: np.ndarray) -> "scipy.sparse.csc_array":
        """d(dx/dt)/dx, sparse float64[species, species] [1/s], always of the same pattern."""
        partials, indices, starts = self._pattern
        data = np.empty(len(indices))
        kernels.jacobian(self.channels, self.laws, partials, self.scale, self._at(t, x), data)
        return scipy.sparse.csc_array((data, indices, starts), shape=(self.n_species, self.n_species))

    def _at(self, t: float, x: np.ndarray) -> np.ndarray:
        self.state[: self.n_species] = x
        if self.laws is not None:
            self.laws.variables[TIME_VARIABLE] = t
            if self.laws.value.size:
                # Many general laws have no value below 0, where errors of a step may lead.
                np.maximum(self.state, self.floor, out=self.state)
        return self.state

    @cached_property
    def _pattern(self) -> tuple[kernels.Partials, np.ndarray, np.ndarray]:
        """`Partials`, and the rows and column starts of the Jacobian."""
        c, n = self.channels, self.n_species
        term, read = _reads(c, self.laws, len(self.state))
        term, read = term[read < n], read[read < n]
        channel = np.repeat(np.arange(len(c.ranges) - 1), np.diff(c.ranges["term_start"]))[term]
        n_changes = np.diff(c.ranges["change_start"].astype(np.int64))
        rows = c.changes["species"][_ranges(c.ranges["change_start"], channel)].astype(np.int64)
        # A number for each entry, column by column, since the matrix is stored by columns.
        entries, place = np.unique(np.repeat(read, n_changes[channel]) * n + rows, return_inverse=True)
        columns, indices = np.divmod(entries, n)
        of_term = np.searchsorted(term, np.arange(len(c.terms))).astype(np.uint32)
        partials = kernels.Partials(of_term, read.astype(np.uint32), place.ravel())
        return partials, indices, np.searchsorted(columns, np.arange(n + 1))


def refuse_events(method: str, network: ReactionNetwork) -> None:
    """Raise InputError if `network` has events, for a `method` that does not support them."""
    events = [event for event in network.events if event.edge_of is None]
    if events:
        names = checks.shortened(event.name for event in events)
        raise InputError(
            f"method {method} does not support events, but the network has {names}: use ode, or an exact method"
        )


class RateEquations(Equations):
    """The rate equations of all species, over the lumped channels, and of the continuous variables behind the species.

    Parameters
    ----------
    network : a ReactionNetwork.
    rates : rate constants float64[reaction].
    volume : Omega.
    """

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float) -> None:
        self.continuous = continuous(network)
        self._structure, self._volume = self.continuous.network.compiled.lumped, volume
        channels, laws, _ = self._structure.arrays_for(self._all_rates(rates), volume)
        n = len(self.continuous.network.species)
        floor = np.zeros(n + 1)
        floor[len(network.species) : n] = -np.inf
        super().__init__(
            channels._replace(terms=channels.terms.copy()),
            separate_laws(laws) if self._structure.has_programs else None,
            n,
            np.ones(n + 1),
            floor,
            np.ones(n),
        )
        self._varies = self._structure.arrays["varies"]
        self._parts: dict[bytes, LivePart] = {}

    def set_rates(self, rates: np.ndarray) -> None:
        """Set the rate constants float64[reaction] of the network."""
        self.channels.terms["coefficient"][:-1] = self._structure.coefficients(self._all_rates(rates), self._volume)

    def take_variables(self, variables: np.ndarray) -> None:
        """Set the parameters of laws from the variables float64[variable] of the simulated network."""
        if self.laws is not None and self.continuous.names:
            here, there = self.continuous.shared
            self.laws.variables[there] = variables[here]
            forget_variables(self.laws)

    def _all_rates(self, rates: np.ndarray) -> np.ndarray:
        return np.append(rates, np.ones(len(self.continuous.names))) if self.continuous.names else rates

    def live_part(self, state: np.ndarray) -> "LivePart":
        """The equations of what can move from `state` float64[species + 1] on, the constant 1 at its end."""
        species = np.zeros(len(state), dtype=np.bool_)
        terms = np.zeros(len(self.channels.terms) - 1, dtype=np.bool_)
        mark_live(self.channels, state, species, terms)
        # The terms that may differ from 0 determine the part; the state at them does not matter.
        key = np.packbits(terms).tobytes()
        part = self._parts.pop(key, None) or LivePart(self.channels, self.laws, terms, self.floor, self.scale)
        # A dict keeps its order: the part used last is the last, and the first is dropped.
        self._parts[key] = part
        if len(self._parts) > _MOST_PARTS:
            del self._parts[next(iter(self._parts))]
        part.stand_at(state, self.channels.terms["coefficient"][:-1])
        return part


class LivePart(Equations):
    """The rate equations of those species that can move from a state on, numbered anew; the rest stands still.

    A species at 0 that no possible reaction makes stays at 0, and terms with it as a factor can be left out. So a
    training network with a sparse input has the size of the input's pixels. Lumped channels are products of a weight
    matrix and a vector, and updates outer products, of live entries only.

    Parameters
    ----------
    channels, laws : of all species.
    terms : bool[term], those that may be other than 0; see `kernels.limits.derivatives`.
    floor, scale : of all species; `floor` also of the constant; see `Equations`.
    """

    def __init__(
        self, channels: Channels, laws: Laws | None, terms: np.ndarray, floor: np.ndarray, scale: np.ndarray
    ) -> None:
        c, plain, n_all = channels, channels.terms[:-1], len(floor)
        starts = {name: np.diff(c.ranges[name]) for name in ("term_start", "change_start")}
        n_terms = np.bincount(np.repeat(np.arange(len(c.ranges) - 1), starts["term_start"]), terms)
        channel = n_terms > 0
        change = np.repeat(channel, starts["change_start"])
        n_extra = np.diff(c.terms["extra_start"])
        extras = c.extras[np.repeat(terms, n_extra)]
        kind, a, b = extras["kind"], extras["a"], extras["b"]
        one_species, two_species = kind != LAW, (kind != LAW) & (kind != FALLING)
        moving, read = np.zeros((2, n_all), dtype=np.bool_)
        moving[c.changes["species"][change]] = True
        for species in (plain["first"][terms], plain["second"][terms], a[one_species], b[two_species]):
            read[species] = True
        if laws is not None:
            is_count = laws.code["op"] == COUNT
            read[laws.code["a"][is_count]] = True
        read[-1] = False
        self.moving = np.flatnonzero(moving)
        """int64[species], the species that move."""
        self._places = np.concatenate([self.moving, np.flatnonzero(read & ~moving), [n_all - 1]])
        number = np.zeros(n_all, dtype=np.uint32)
        number[self._places] = np.arange(len(self._places))

        def renumbered(values: np.ndarray, which: np.ndarray) -> np.ndarray:
            return np.where(which, number[np.where(which, values, 0)], values)

        self._terms = np.flatnonzero(terms)
        live = np.zeros(len(self._terms) + 1, dtype=c.terms.dtype)
        live[:-1] = plain[terms]
        for name in ("first", "second"):
            live[name][:-1] = number[live[name][:-1]]
        live["extra_start"] = _starts(n_extra[terms])
        extras["a"], extras["b"] = renumbered(a, one_species), renumbered(b, two_species)
        ranges = np.zeros(channel.sum() + 1, dtype=c.ranges.dtype)
        ranges["term_start"] = _starts(n_terms[channel])
        ranges["change_start"] = _starts(starts["change_start"][channel])
        changes = c.changes[change]
        changes["species"] = number[changes["species"]]
        if laws is not None:
            code = laws.code.copy()
            code["a"] = renumbered(code["a"], is_count)
            laws = laws._replace(code=code, read=number[laws.read])
        super().__init__(
            Channels(live, extras, ranges, changes), laws, len(self.moving), np.ones(len(self._places)),
            floor[self._places], scale[self.moving],
        )  # fmt: skip

    def stand_at(self, state: np.ndarray, coefficient: np.ndarray) -> None:
        """Set the species that are read but do not move from `state` float64[species + 1], and the coefficients of the
        live terms from those of all terms."""
        self.state[:] = state[self._places]
        self.channels.terms["coefficient"][:-1] = coefficient[self._terms]


def _reads(c: Channels, laws: Laws | None, n_all: int) -> tuple[np.ndarray, np.ndarray]:
    """Which term has a derivative by which entry of the state: int64 arrays of equal length, in the order of terms."""
    terms = np.arange(len(c.terms) - 1)
    of_extra = np.repeat(terms, np.diff(c.terms["extra_start"]))
    kind, a, b = c.extras["kind"], c.extras["a"], c.extras["b"]
    law, ramp = kind == LAW, kind == RAMP
    above = ramp | (kind == FALLING)
    parts = [
        (terms, c.terms["first"][:-1]),
        (terms, c.terms["second"][:-1]),
        (of_extra[above], a[above]),
        (of_extra[ramp], b[ramp]),
    ]
    if laws is not None:
        program = a[law]
        n_read = np.diff(laws.read_start.astype(np.int64))[program]
        parts.append((np.repeat(of_extra[law], n_read), laws.read[_ranges(laws.read_start, program)]))
    return np.divmod(np.unique(np.concatenate([t.astype(np.int64) * n_all + s for t, s in parts])), n_all)


def _ranges(starts: np.ndarray, which: np.ndarray) -> np.ndarray:
    """starts[w], ..., starts[w + 1] - 1 of each w, one range after the other."""
    first, sizes = starts[which].astype(np.int64), np.diff(starts.astype(np.int64))[which]
    return np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())


def _starts(sizes: np.ndarray) -> np.ndarray:
    """Starts of groups of these sizes, and the end of the last, uint32[group + 1]."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint32)
