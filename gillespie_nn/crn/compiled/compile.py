"""From a reaction network to the flat arrays that kernels read.

The structure depends on the network alone and is made once; a volume and rate constants only scale the
coefficients of its terms.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ...display.tables import counted
from ...kernels.channels import CHANGE, EXTRA, PAIR, RANGE, TERM, Channels, Readers
from ...kernels.continuous import ContinuousPath
from ...kernels.exact.families import Families
from ...kernels.laws import Laws
from ...kernels.leap.implicit import ImplicitPlan
from ...kernels.leap.leap_state import BlockPlan, LeapPlan
from ...kernels.replicates import Dependents
from . import law_programs
from .blocks import implicit_plan
from .law_programs import NetworkPrograms
from .law_programs import starts as _starts
from .leap_plan import leap_plan
from .terms import Change, Factor, ProductFamily, RateTerm, product_families, term_arrays, term_of

if TYPE_CHECKING:
    from ..network import ReactionNetwork

_LEAST_SHARE = 0.5


class Structure:
    """Channels without coefficients: those of `groups` of reactions with equal net change, then one for each product
    family. Behind the species the state has a count for each pool of the families, and the constant 1.

    Parameters
    ----------
    network : the reactions.
    changes : net change of each reaction, ((species, amount), ...).
    groups : reactions of each channel.
    families : `ProductFamily`s of reactions that are in no group.
    laws : `NetworkPrograms`.
    """

    def __init__(
        self,
        network: "ReactionNetwork",
        changes: Sequence[Change],
        groups: Sequence[Sequence[int]],
        families: Sequence[ProductFamily],
        laws: NetworkPrograms,
    ):
        self.order = np.array([r.order for r in network.reactions], dtype=np.int64)
        self._powers: tuple[float, np.ndarray] | None = None
        self.n_species = len(network.species)
        self._pools = list(dict.fromkeys(pool for f in families for pool in (f.rows, f.columns)))
        self._one = self.n_species + len(self._pools)
        self.n_plain = len(groups)
        self.n_channels = len(groups) + len(families)
        self.changes = self._with_pools([changes[group[0]] for group in groups]) + [()] * len(families)
        plain = list(chain.from_iterable(groups))
        self.term_reaction = np.array(plain + [f.reactions[0] for f in families], dtype=np.uint32)
        terms = [term_of(network.reactions[r], network.index, laws.of_reaction.get(r)) for r in plain]
        self._products = [tuple(self.n_species + self._pools.index(p) for p in (f.rows, f.columns)) for f in families]
        terms += [RateTerm((Factor(a), Factor(b))) for a, b in self._products]
        self.terms = terms
        self.reads = [term.reads(laws.laws) for term in terms]
        self._members = [np.array(f.reactions) for f in families]
        self._targets = np.array([changes[r][0] for f in families for r in f.reactions], np.int64).reshape(-1, 2)
        self.arrays: dict[str, np.ndarray] = {
            "term_start": _starts([*groups, *([0] for _ in families)]),
            "term_reaction": self.term_reaction,
            "change_start": _starts(self.changes),
            "change_species": np.array([s for change in self.changes for s, _ in change], dtype=np.uint32),
            "change_amount": np.array([n for change in self.changes for _, n in change], dtype=np.int64),
            **term_arrays(terms, self._one),
        }
        varies = np.zeros(self._one, dtype=np.bool_)
        varies[self.arrays["change_species"]] = True
        varies[self._targets[:, 0]] = True
        self.arrays["varies"] = varies
        self._laws = self._law_arrays(laws, terms)
        self.has_programs = bool(laws.laws or laws.triggers or laws.rate_rules)
        self._parameters = laws.parameters
        self._kept: tuple[tuple[bytes, float], Channels, Laws, Families] | None = None
        self._plans: dict[tuple[bytes, bool], tuple[LeapPlan, BlockPlan | None]] = {}
        self._implicit: dict[bytes, ImplicitPlan] = {}

    @property
    def n_state(self) -> int:
        """Species, pools and the constant."""
        return self._one + 1

    @property
    def family_targets(self) -> frozenset[int]:
        """Species that product families change."""
        return frozenset(self._targets[:, 0].tolist())

    @property
    def watched_by_events(self) -> list[int]:
        """Species that conditions of events read."""
        return np.flatnonzero(np.diff(self._laws["watch_start"].astype(np.int64))).tolist()

    def leap_plan(self, rates: np.ndarray, blockwise: bool) -> tuple[LeapPlan, BlockPlan | None]:
        """The plan of tau-leaping, see `crn.compiled.leap_plan`; kept."""
        key = (rates.tobytes(), blockwise)
        if key not in self._plans:
            self._plans = {key: leap_plan(self, rates, blockwise)}
        return self._plans[key]

    def implicit_plan(self, rates: np.ndarray) -> ImplicitPlan:
        """The plan of implicit steps, see `crn.compiled.blocks`; kept."""
        key = rates.tobytes()
        if key not in self._implicit:
            self._implicit = {key: implicit_plan(self, rates)}
        return self._implicit[key]

    def _law_arrays(self, laws: NetworkPrograms, terms: Sequence[RateTerm]) -> dict[str, Any]:
        """What `Laws` has of the structure: the programs, and which terms and channels are of which."""
        program = np.array([-1 if (p := term.program) is None else p for term in terms], dtype=np.int64)
        timed = np.array([p >= 0 and laws.laws[p].reads_time for p in program], dtype=np.bool_)
        channel = np.zeros(self.n_channels if timed.any() else 0, dtype=np.bool_)
        channel[np.repeat(np.arange(self.n_channels), np.diff(self.arrays["term_start"]))[timed]] = True
        return law_programs.arrays(laws.laws, laws.triggers, self.n_species, laws.rate_rules) | {
            "continuous": self._continuous(laws),
            "terms": np.flatnonzero(program >= 0).astype(np.uint32),
            "timed_terms": np.flatnonzero(timed).astype(np.uint32),
            "timed_channel": channel,
        }

    def _continuous(self, laws: NetworkPrograms) -> ContinuousPath | None:
        """The variables of rate rules; None without any."""
        if not laws.rate_rules:
            return None
        moved = set(laws.moved)
        conditions = [k for k, trigger in enumerate(laws.triggers) if not moved.isdisjoint(trigger.variables)]
        read = {s for p in (*laws.rate_rules, *(laws.triggers[k] for k in conditions)) for s in p.species}
        restarts = [any(s in read for s, _ in change) for change in self.changes]
        return law_programs.continuous(laws, conditions, np.array(restarts, dtype=np.bool_))

    def _with_pools(self, changes: list[Change]) -> list[Change]:
        """The changes, and those of the pools that the changed species are members of."""
        pools: dict[int, list[int]] = {}
        for p, pool in enumerate(self._pools, self.n_species):
            for s in pool:
                pools.setdefault(s, []).append(p)
        if not pools:
            return changes
        extended = []
        for change in changes:
            sums: dict[int, int] = {}
            for s, n in change:
                for p in pools.get(s, ()):
                    sums[p] = sums.get(p, 0) + n
            extended.append(change + tuple((p, n) for p, n in sums.items() if n))
        return extended

    def state(self, counts: np.ndarray) -> np.ndarray:
        """int64[species + pools + 1]: a copy of `counts` int64[species], pools not yet summed, and the constant 1."""
        return np.concatenate([counts, np.zeros(len(self._pools), np.int64), [1]]).astype(np.int64)

    def arrays_for(self, rates: np.ndarray, volume: float) -> tuple[Channels, Laws, Families]:
        """`channels`, `laws` and `families`, kept from the last call: the replicates of an ensemble share them."""
        key = (rates.tobytes(), float(volume))
        kept = self._kept
        if kept is None or kept[0] != key:
            kept = self._kept = (key, self.channels(rates, volume), self.laws(volume), self.families(rates))
        return kept[1:]

    def coefficients(self, rates: np.ndarray, volume: float) -> np.ndarray:
        """k Omega**(1 - order) of each term, float64[term] [1/s], for rate constants float64[reaction] in `volume`; a
        family has the largest of its members."""
        if self._powers is None or self._powers[0] != volume:
            power = float(volume) ** (1.0 - np.arange(self.order.max(initial=0) + 1))
            self._powers = (volume, power[self.order])
        scaled = np.multiply(rates, self._powers[1], out=np.zeros_like(rates), where=rates > 0)
        result = scaled[self.term_reaction]
        for k, reactions in enumerate(self._members, len(result) - len(self._members)):
            result[k] = scaled[reactions].max()
        return result

    def shares(self, rates: np.ndarray) -> np.ndarray:
        """Rate constant of each member of a family over the largest of its family, float64[member]."""
        largest = [np.full(len(m), rates[m].max() or 1.0) for m in self._members]
        if not largest:
            return np.empty(0)
        return rates[np.concatenate(self._members)] / np.concatenate(largest)

    def channels(self, rates: np.ndarray, volume: float) -> Channels:
        """The arrays for rate constants float64[reaction] in `volume`."""
        a = self.arrays
        terms = _structured(TERM, len(self.terms) + 1, extra_start=a["extra_start"], coefficient=0.0)
        for name in ("first", "second", "second_offset"):
            terms[name][:-1] = a[name]
        terms["reaction"][:-1] = a["term_reaction"]
        terms["coefficient"][:-1] = self.coefficients(rates, volume)
        extras = _structured(EXTRA, len(a["extra_a"]), kind=a["extra_kind"], a=a["extra_a"], b=a["extra_b"])
        ranges = _structured(RANGE, self.n_channels + 1, term_start=a["term_start"], change_start=a["change_start"])
        changes = _structured(CHANGE, len(a["change_species"]), species=a["change_species"], amount=a["change_amount"])
        return Channels(terms, extras, ranges, changes)

    def laws(self, volume: float) -> Laws:
        """The programs of general laws and events, and the variables that they read, in `volume`."""
        variables = np.array([0.0, volume, *self._parameters], dtype=np.float64)
        return Laws(variables=variables, **self._laws)

    def families(self, rates: np.ndarray) -> Families:
        """The product families for rate constants float64[reaction]."""
        members = np.concatenate([np.empty(0, np.int64), *self._members]).astype(np.uint32)
        species = np.array(list(chain.from_iterable(self._pools)), dtype=np.uint32)
        return Families(
            first_channel=np.array([self.n_plain]),
            pools=np.array(self._products, dtype=np.uint32).reshape(-1, 2) - np.uint32(self.n_species),
            member_start=_starts(self._members),
            species=self._targets[:, 0].astype(np.uint32),
            amount=self._targets[:, 1].copy(),
            reaction=members,
            share=self.shares(rates),
            first_pool=np.array([self.n_species]),
            pool_start=_starts(self._pools),
            pool_species=species,
            pool_varies=np.array([self.arrays["varies"][list(pool)].any() for pool in self._pools], dtype=np.bool_),
            running=np.zeros(len(species), dtype=np.int64),  # scratch of one simulation: each takes a copy
        )

    @cached_property
    def readers(self) -> Readers:
        """Who reads each species or pool, and the changes of each channel in fixed places."""
        terms: list[list[int]] = [[] for _ in range(self._one)]
        for t, species in enumerate(self.reads):
            for s in species:
                terms[s].append(t)
        padded = [(*change[:2], (self._one, 0), (self._one, 0))[:2] for change in self.changes]
        first = np.array(padded, dtype=np.int64).reshape(-1, 2, 2)
        more = [change[2:] for change in self.changes]
        pairs = _structured(PAIR, self.n_channels + 1, more_start=_starts(more))
        pairs["species"][:-1], pairs["other"][:-1] = first[:, :, 0].T
        pairs["amount"][:-1], pairs["other_amount"][:-1] = first[:, :, 1].T
        changes = np.array(list(chain.from_iterable(more)), dtype=np.int64).reshape(-1, 2)
        return Readers(
            term_start=_starts(terms),
            term=np.array(list(chain.from_iterable(terms)), dtype=np.uint32),
            channel=np.repeat(np.arange(self.n_channels), np.diff(self.arrays["term_start"])).astype(np.uint32),
            pairs=pairs,
            more=_structured(CHANGE, len(changes), species=changes[:, 0], amount=changes[:, 1]),
        )

    @cached_property
    def dependents(self) -> Dependents:
        """What the firing of each channel changes."""
        readers = self.readers
        starts, terms, channel = readers.term_start.tolist(), readers.term.tolist(), readers.channel.tolist()
        affected = []
        for change in self.changes:
            affected.append(sorted({channel[t] for s, _ in change for t in terms[starts[s] : starts[s + 1]]}))
        channel = np.array(list(chain.from_iterable(affected)), dtype=np.uint32)
        return Dependents(_starts(affected), channel, readers.pairs, readers.more)


class CompiledNetwork:
    """The compiled structures of a network, each made on first use and cached."""

    def __init__(self, network: "ReactionNetwork"):
        self._network = network
        self._layered: dict[tuple[ProductFamily, ...], Structure] = {}

    @cached_property
    def changes(self) -> list[Change]:
        """Net change of each reaction, by species number."""
        index = self._network.index
        net_changes = (reaction.net_change().items() for reaction in self._network.reactions)
        return [tuple(sorted((index[s], n) for s, n in change)) for change in net_changes]

    @cached_property
    def single(self) -> Structure:
        """One channel per reaction, for the plain reference method."""
        return self._structure([[r] for r in range(self.n_reactions)])

    @cached_property
    def lumped(self) -> Structure:
        """One channel for all reactions with the same net change; the distribution of counts does not change."""
        return self._structure(self._groups(range(self.n_reactions)))

    @cached_property
    def programs(self) -> NetworkPrograms:
        """The general rate laws and the triggers."""
        return NetworkPrograms(self._network)

    @cached_property
    def families(self) -> tuple[ProductFamily, ...]:
        """The product families of the network, a tuple of `crn.compiled.terms.ProductFamily`."""
        return product_families(self._network, self.changes)

    def layered(self, rates: np.ndarray) -> Structure:
        """One channel per product family, the other reactions lumped; the distribution of counts does not change.

        Families whose rate constants are so unequal that most firings would be rejected are lumped, too.
        """
        worthwhile = tuple(f for f in self.families if _mean_share(rates[list(f.reactions)]) >= _LEAST_SHARE)
        if worthwhile not in self._layered:
            inside = {r for f in worthwhile for r in f.reactions}
            rest = (r for r in range(self.n_reactions) if r not in inside)
            self._layered[worthwhile] = self._structure(self._groups(rest), worthwhile)
        return self._layered[worthwhile]

    def _structure(self, groups: Sequence[Sequence[int]], families: Sequence[ProductFamily] = ()) -> Structure:
        return Structure(self._network, self.changes, groups, families, self.programs)

    def _groups(self, reactions: Iterable[int]) -> list[list[int]]:
        groups: dict[Change, list[int]] = {}
        for r in reactions:
            groups.setdefault(self.changes[r], []).append(r)
        return list(groups.values())

    @property
    def n_reactions(self) -> int:
        return len(self._network.reactions)

    @cached_property
    def n_channels(self) -> int:
        """Channels after lumping."""
        return len(set(self.changes))

    def __str__(self) -> str:
        return f"{counted(self.n_reactions, 'reaction')} became {counted(self.n_channels, 'channel')}"


def _structured(dtype: np.dtype, size: int, **fields: Any) -> np.ndarray:
    """A structured array, 0 where nothing is given."""
    made = np.zeros(size, dtype=dtype)
    for name, values in fields.items():
        made[name] = values
    return made


def _mean_share(rates: np.ndarray) -> float:
    return rates.mean() / rates.max() if rates.max() > 0 else 1.0
