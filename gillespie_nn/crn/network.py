"""The reaction network: immutable species, reactions and initial counts.

Convention, used everywhere in this package: in volume Omega a reaction with rate constant k, reactant
multiplicities nu and order m fires with propensity

    k * Omega**(1 - m) * prod_i n_i! / (n_i - nu_i)!

so that with c = n / Omega its mass-action rate k * prod_i c_i**nu_i is the exact limit of large Omega. There is
no factor 1 / nu!: dimerisation `2 A -> B @ k` has propensity k / Omega * n (n - 1).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..kernels.codes import COUNT_LIMIT

THRESHOLD_KINDS = ("step", "ramp")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MOST_REACTANTS = 32


class Threshold(NamedTuple):
    """A factor that switches a rate by which of two species has more molecules.

    `step` is 1 while n[above] > n[below], else 0, and dimensionless; `ramp` is max(n[above] - n[below], 0) and
    counts as one order.
    """

    kind: str
    above: str
    below: str


class Reaction(NamedTuple):
    """One reaction. `reactants` and `products` are pairs (species, multiplicity), each species at most once."""

    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    rate: float
    name: str = ""
    threshold: Threshold | None = None

    @property
    def order(self) -> int:
        """Molecularity m of the rate law: the exponent of 1 / Omega is m - 1."""
        ramp = self.threshold is not None and self.threshold.kind == "ramp"
        return sum(n for _, n in self.reactants) + ramp

    def net_change(self) -> dict[str, int]:
        """Net change of counts per firing, without zeros [molecules]."""
        change = dict(self.products)
        for species, n in self.reactants:
            change[species] = change.get(species, 0) - n
        return {species: n for species, n in change.items() if n}

    def read_species(self) -> set[str]:
        """The species that the propensity reads."""
        read = {species for species, _ in self.reactants}
        if self.threshold is not None:
            read |= {self.threshold.above, self.threshold.below}
        return read


@dataclass(frozen=True, eq=False)
class ReactionNetwork:
    """An immutable reaction network.

    Parameters
    ----------
    species : names, in file order.
    reactions : `Reaction`s over these species. Unnamed ones are called r1, r2, ... by position.
    initial : initial counts [molecules] by name; species not named start at 0.
    volume : Omega that the source of the model fixes (SBML compartments), or None for a free choice at `simulate`.

    Raises
    ------
    InputError : unknown or repeated species, a rate that is negative or not finite, a count that is no count.
    """

    species: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    initial: Mapping[str, int] = field(default_factory=dict)
    volume: float | None = None

    def __post_init__(self):
        species = tuple(self.species)
        known = set(species)
        for s in species:
            _checked_name("species", s)
        if len(known) != len(species):
            twice = next(s for s in species if species.count(s) > 1)
            raise InputError(f"species {twice!r} is listed twice: name each species once")
        reactions = tuple(
            _checked(r if r.name else r._replace(name=f"r{k}"), known) for k, r in enumerate(self.reactions, 1)
        )
        if len({r.name for r in reactions}) != len(reactions):
            names = [r.name for r in reactions]
            twice = next(n for n in names if names.count(n) > 1)
            raise InputError(f"reaction {twice!r} is named twice: give each reaction a name of its own")
        initial = {s: 0 for s in species}
        for s, n in self.initial.items():
            checks.choice("species in the initial state", s, initial, "the network has")
            initial[s] = checks.count(f"initial count of {s}", n)
        if self.volume is not None:
            object.__setattr__(self, "volume", checks.positive("volume", self.volume))
        object.__setattr__(self, "species", species)
        object.__setattr__(self, "reactions", reactions)
        object.__setattr__(self, "initial", MappingProxyType(initial))

    @classmethod
    def from_text(cls, text: str) -> "ReactionNetwork":
        """Read the text form, one item a line: `name: 2 A + B -> C @ 0.5`, `0 -> A @ 1`, `A = 10`, `# comment`.

        A rate may be followed by `* step(A, B)` or `* ramp(A, B)`. Errors name line and column.
        """
        from .text import parse

        return parse(text)

    @classmethod
    def from_sbml(cls, source) -> "ReactionNetwork":
        """Read an SBML file (path) or document (text starting with `<`) of mass-action kind; see `crn.sbml_read`."""
        from .sbml_read import read

        return read(source)

    def to_text(self) -> str:
        """The text form; `from_text` of it gives an equal network. Its digest identifies the model."""
        from .text import write

        return write(self)

    def to_sbml(self, path=None, kinetics="stochastic", volume=None, initial=None) -> str:
        """Write SBML level 3; see `crn.sbml_write.write`. Returns the document, and writes it to `path` if given."""
        from .sbml_write import write

        return write(self, path, kinetics, volume, initial)

    def describe(self) -> str:
        """One line a reaction: its equation, its propensity and its mass-action rate side by side."""
        from .equations import describe

        return describe(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text form (hexadecimal)."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position of each species."""
        return MappingProxyType({s: k for k, s in enumerate(self.species)})

    @cached_property
    def stoichiometry(self):
        """Net change per firing, scipy sparse int64[species, reaction] (CSC)."""
        from scipy.sparse import csc_array

        rows, columns, values = [], [], []
        for r, reaction in enumerate(self.reactions):
            for s, n in reaction.net_change().items():
                rows.append(self.index[s])
                columns.append(r)
                values.append(n)
        shape = (len(self.species), len(self.reactions))
        return csc_array((np.array(values, dtype=np.int64), (rows, columns)), shape=shape)

    @cached_property
    def conservation_laws(self):
        """Integer basis of the quantities w @ counts that no reaction changes, scipy sparse int64[law, species]."""
        from .conservation import laws

        return laws(self.stoichiometry)

    @cached_property
    def compiled(self):
        """The flat arrays that kernels read (`CompiledNetwork`), made once and kept."""
        from .compile import CompiledNetwork

        return CompiledNetwork(self)

    def counts(self, initial: Mapping[str, int] | None = None) -> np.ndarray:
        """Initial state int64[species] [molecules], with overrides by name."""
        counts = np.array([self.initial[s] for s in self.species], dtype=np.int64)
        for s, n in _named("initial", initial):
            checks.choice("species in the initial state", s, self.index, "the network has")
            counts[self.index[s]] = checks.count(f"initial count of {s}", n)
        return counts

    def rates(self, overrides: Mapping[str, float] | None = None) -> np.ndarray:
        """Rate constants float64[reaction], with overrides by reaction name."""
        rates = np.array([r.rate for r in self.reactions], dtype=np.float64)
        if overrides:
            position = {r.name: k for k, r in enumerate(self.reactions)}
            for name, rate in _named("rates", overrides):
                checks.choice("reaction in rates", name, position, "the network has")
                rates[position[name]] = checks.not_negative(f"rate of {name}", rate)
        return rates

    def __eq__(self, other):
        if not isinstance(other, ReactionNetwork):
            return NotImplemented
        mine = (self.species, self.reactions, dict(self.initial), self.volume)
        return mine == (other.species, other.reactions, dict(other.initial), other.volume)

    def __hash__(self):
        return hash((self.species, self.reactions))

    def __repr__(self):
        return f"ReactionNetwork({len(self.species)} species, {len(self.reactions)} reactions)"


def _named(what, overrides):
    if overrides is None:
        return ()
    if not isinstance(overrides, Mapping):
        raise InputError(f"{what} must be a dictionary by name, got {overrides!r}")
    return overrides.items()


def _checked(reaction, known):
    _checked_name("reaction", reaction.name)
    sides = []
    for side, most in ((reaction.reactants, _MOST_REACTANTS), (reaction.products, COUNT_LIMIT)):
        if len({s for s, _ in side}) != len(side):
            raise InputError(f"reaction {reaction.name}: a species stands twice on one side; add its multiplicities")
        what = f"multiplicity of {{}} in reaction {reaction.name}"
        sides.append(tuple((s, checks.whole(what.format(s), n, 1, most)) for s, n in side))
    if reaction.threshold is not None:
        checks.choice(f"threshold in reaction {reaction.name}", reaction.threshold.kind, THRESHOLD_KINDS)
    for s in reaction.read_species() | {s for s, _ in reaction.products}:
        if s not in known:
            checks.choice(f"species in reaction {reaction.name}", s, known, "the network has")
    rate = checks.not_negative(f"rate of reaction {reaction.name}", reaction.rate)
    return reaction._replace(reactants=sides[0], products=sides[1], rate=rate)


def _checked_name(what, name):
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"{what} name {name!r} must be letters, digits and underscores, not starting with a digit")
