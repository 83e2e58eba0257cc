"""The reaction network: immutable species, reactions and initial amounts.

Convention, used everywhere in this package: in volume Omega a reaction with rate constant k, reactant
multiplicities nu and order m fires with propensity

    k * Omega**(1 - m) * prod_i n_i! / (n_i - nu_i)!

so that with c = n / Omega its mass-action rate k * prod_i c_i**nu_i is the exact limit of large Omega. There is
no factor 1 / nu!: dimerisation `2 A -> B @ k` has propensity k / Omega * n (n - 1).
"""

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.tables import counted
from .expressions import Expression
from .names import (
    Scope,
    by_pattern,
    check_rate_rule,
    check_unique,
    checked_event,
    inlined_rules,
    is_pattern,
    readable,
    symbols_of,
)
from .parts import Event, ModelSource, Parts, whole_counts
from .reaction import Reaction, checked_expression, checked_reaction, constant_in_law, rate_of, with_rate

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

    from .compiled.compile import CompiledNetwork
    from .conservation import Law

_SMALL = 1000
"""Entries of a matrix of conservation laws up to which it is not sparse."""


@dataclass(frozen=True, eq=False)
class ReactionNetwork:
    """An immutable reaction network.

    Parameters
    ----------
    species : names, in file order. Without them, those of the reactions in order of appearance, followed by those of
        `initial`.
    reactions : `Reaction`s over these species. Unnamed ones are called r1, r2, ... by position.
    initial : initial amounts [molecules] by name, whole or not; species not named start at 0. Methods for real-valued
        amounts use them unchanged; all other methods need whole numbers, see `round_initial` of `simulate`.
    volume : Omega if the model fixes it (SBML compartments), or None if it is chosen in `simulate`.
    parameters : values by name, which laws, rules and events can read; events can change them.
    rules : expressions by name; a rule gives the count of a species that no reaction changes, or a new named value.
    events : `Event`s.
    rate_rules : rates of change by name [1/s]. Each is of a parameter, or of a species that no reaction changes; that
        name is then a continuous variable, a real number that changes between reactions. Its value at time 0 is that
        of `parameters` or `initial`.
    only_ode : why only method `ode` can simulate the network, a sentence; empty if every method can.
    source : what the network was read from, if any of its numbers were computed from parameters, see
        `with_parameters`. Comparisons ignore it.

    Raises
    ------
    InputError : unknown or repeated names, a rate that is negative or not finite, an amount below 0, rules that depend
        on each other.
    """

    species: tuple[str, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    initial: Mapping[str, float] = field(default_factory=dict)
    volume: float | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Expression] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    source: ModelSource | None = field(default=None, compare=False, repr=False)
    rate_rules: Mapping[str, Expression] = field(default_factory=dict)
    only_ode: str = ""

    def __post_init__(self) -> None:
        for r in self.reactions:
            if not isinstance(r, Reaction):
                raise InputError(f"reactions must be Reaction objects, got {r!r}: make one with Reaction")
        if isinstance(self.species, str):
            raise InputError(
                f"species must be a list of names, got {checks.shortened_text(self.species)}: read a model with "
                f"{how_to_read(self.species)}"
            )
        species = tuple(self.species) or _appearing(self.reactions, self.initial)
        parameters = {p: checks.finite(f"parameter {p}", v) for p, v in self.parameters.items()}
        rules, rate_rules = dict(self.rules), dict(self.rate_rules)
        symbols = symbols_of(species, parameters, rules)
        known, names = frozenset(species), readable(symbols)
        changing = frozenset((*rate_rules, *(target for event in self.events for target, _ in event.assignments)))
        reactions = tuple(
            checked_reaction(r if r.name else r._replace(name=f"r{k}"), known, names)
            for k, r in enumerate(self.reactions, 1)
        )
        reactions = tuple(r if r.rate_expression is None else with_rate(r, parameters, changing) for r in reactions)
        check_unique("reaction", [r.name for r in reactions])
        initial: dict[str, float] = dict.fromkeys(species, 0)
        for s, n in self.initial.items():
            checks.choice("species in the initial state", s, initial, "the network has")
            what = f"initial amount of {s}"
            initial[s] = checks.finite(what, n) if s in rate_rules else checks.amount(what, n)
        if self.volume is not None:
            object.__setattr__(self, "volume", checks.positive("volume", self.volume))
        for target, rule in rules.items():
            checked_expression(rule, f"the rule of {target}", names)
        for target, rate in rate_rules.items():
            check_rate_rule(target, symbols, rules)
            checked_expression(rate, f"the rate rule of {target}", names)
        events = tuple(checked_event(e, symbols, names, rules) for e in self.events)
        check_unique("event", [e.name for e in events])
        for r in reactions:
            for s in r.net_change():
                if s in rules or s in rate_rules:
                    raise InputError(f"reaction {r.name} changes {s}, which is given by a rule: remove one of the two")
            for s in r.read_species() if r.law is None else ():
                if s in rules or s in rate_rules:
                    raise InputError(
                        f"reaction {r.name} reads {s}, which is given by a rule: write its law as propensity(...)"
                    )
        for s in rules:
            if initial.get(s, 0):
                raise InputError(f"the count of {s} is given by a rule, so it has no initial value: leave it out")
        object.__setattr__(self, "parameters", MappingProxyType(parameters))
        object.__setattr__(self, "rules", MappingProxyType(rules))
        object.__setattr__(self, "rate_rules", MappingProxyType(rate_rules))
        object.__setattr__(self, "events", events)
        object.__setattr__(self, "species", species)
        object.__setattr__(self, "reactions", reactions)
        object.__setattr__(self, "initial", MappingProxyType(initial))
        _ = self.resolved_rules  # refuses rules that need one another

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike,
        parameters: Mapping[str, float] | None = None,
        substance: str | None = None,
    ) -> "ReactionNetwork":
        """Read a model file. Its ending decides the format, see `crn.formats`; an unknown ending means text. `path` can
        also be the name of a packaged model, see `gillespie_nn.models`; a file of that name takes precedence.

        `parameters` overrides values by name; `substance` applies to SBML and Antimony, see `from_sbml`.
        """
        from .formats import format_of
        from .parts import model_path

        path = model_path(path)
        return cls._read(format_of(path).name, path, parameters, substance)

    @classmethod
    def from_text(cls, text: str, parameters: Mapping[str, float] | None = None) -> "ReactionNetwork":
        """Read the text form, one item per line: `name: 2 A + B -> C @ 0.5`, `0 -> A @ 1`, `A = 10`, `# comment`.

        General rate laws, rules and events: see `crn.formats.text`. `parameters` overrides values by name. Errors name
        line and column.
        """
        return cls._read("text", text, parameters)

    @classmethod
    def from_sbml(
        cls,
        source: str | os.PathLike,
        parameters: Mapping[str, float] | None = None,
        substance: str | None = None,
    ) -> "ReactionNetwork":
        """Read an SBML file (path) or document (text starting with `<`), levels 2 and 3; see `crn.formats.sbml`.

        `parameters` overrides values by name, before initial assignments are computed. Amounts in moles, nanomoles and
        so on are converted to molecules, with a warning. `substance="item"` reads all amounts as molecules, without
        conversion; `substance="mole"` reads amounts without a declared unit as moles. In level 2, an undeclared unit
        means moles: amounts are read so if that gives at most 2**53 molecules, else as molecules, with a warning.
        """
        return cls._read("sbml", source, parameters, substance)

    @classmethod
    def from_antimony(
        cls,
        source: str | os.PathLike,
        parameters: Mapping[str, float] | None = None,
        imports: str | os.PathLike | None = None,
        substance: str | None = None,
    ) -> "ReactionNetwork":
        """Read a model in Antimony: a path ending in `.ant`, or text. It is translated to SBML; `parameters` and
        `substance` are those of `from_sbml`.

        A file can import files below its folder; a text cannot import files. `imports` names a folder, and both can
        import files below it.
        """
        from .formats.antimony import read

        return cls._from_source("antimony", read(source, parameters, imports, substance), parameters)

    @classmethod
    def from_bngl_net(
        cls, source: str | os.PathLike, parameters: Mapping[str, float] | None = None
    ) -> "ReactionNetwork":
        """Read a network that BioNetGen generated: a path ending in `.net`, or its text; see `crn.formats.bngl_net`."""
        return cls._read("bngl_net", source, parameters)

    @classmethod
    def _read(
        cls,
        name: str,
        source: str | os.PathLike,
        parameters: Mapping[str, float] | None,
        substance: str | None = None,
    ) -> "ReactionNetwork":
        from .formats import format_named

        form = format_named(name)
        if substance is None:
            parts = form.read(source, parameters)
        elif form.has_units:
            parts = form.read(source, parameters, substance=substance)  # type: ignore[call-arg]
        else:
            raise InputError(f"substance={substance!r}: {form.title} has no units of amounts: leave it out")
        return cls._from_source(name, parts, parameters)

    @classmethod
    def _from_source(cls, name: str, parts: Parts, parameters: Mapping[str, float] | None) -> "ReactionNetwork":
        """The network of what the format `name` read, which remembers how to read it again."""
        if not parts.text:
            return cls.from_parts(parts)
        settable, given, language = frozenset(parts.settable), dict(parameters or {}), parts.language or name
        source = ModelSource(language, parts.text, settable, given, parts.substance, dict(parts.constants))
        return cls.from_parts(parts, source)

    @classmethod
    def from_parts(cls, parts: Parts, source: ModelSource | None = None) -> "ReactionNetwork":
        """Make the network from what a reader of `crn.formats` returned; an InputError names the source."""
        species, reactions, initial, volume, parameters, rules, events, origin, *_ = parts
        rates, only = parts.rate_rules, parts.only_ode
        try:
            return cls(species, reactions, initial, volume, parameters, rules, events, source, rates, only)
        except InputError as error:
            raise InputError(f"{origin}: {error}" if origin else str(error)) from None

    def with_parameters(self, values: Mapping[str, float] | None = None, /, **named: float) -> "ReactionNetwork":
        """The same model with other values of parameters: `net.with_parameters(D=3)`, `with_parameters({"lambda": 3})`.

        Numbers that were computed from them when the model was read are computed again: initial counts, other
        parameters, rate constants. Names are those of the file; see `settable`. Raises InputError for unknown names and
        invalid values, and for a network that was changed after it was read.
        """
        changes = {**checks.by_name("parameters", values), **named}
        if not changes:
            return self
        for name in changes:
            checks.choice("parameter", name, self.settable, "the network has", elsewhere=self.reaction_index)
        if self.source is None:
            parameters = {p: checks.finite(f"parameter {p}", v) for p, v in {**self.parameters, **changes}.items()}
            reactions = tuple(
                r if r.rate_expression is None else r._replace(rate=rate_of(r, parameters)) for r in self.reactions
            )
            return replace(self, parameters=parameters, reactions=reactions)
        if not self._is_as_read:
            raise InputError(
                "the network was changed after it was read, so values computed from its parameters cannot be updated: "
                "set the parameters first, then make the other changes"
            )
        return self._again({**self.source.parameters, **changes})

    @property
    def settable(self) -> Collection[str]:
        """Names of the parameters that `with_parameters` can set."""
        return self.parameters if self.source is None else self.source.settable

    @cached_property
    def _is_as_read(self) -> bool:
        assert self.source is not None
        return self == self._again(self.source.parameters)

    def _again(self, parameters: Mapping[str, float]) -> "ReactionNetwork":
        assert self.source is not None
        return self._read(self.source.format, self.source.text, parameters, self.source.substance)

    def _written(self, name: str, **how: Any) -> str:
        from .formats import format_named

        write = format_named(name).write
        assert write is not None, name
        return write(self, **how)

    def to_text(self) -> str:
        """The text form. `from_text` reads it as an equal network, and its digest identifies the model."""
        return self._written("text")

    def to_sbml(
        self,
        path: str | os.PathLike | None = None,
        kinetics: str = "stochastic",
        volume: float | None = None,
        initial: Mapping[str, float] | None = None,
        notes: Sequence[str] = (),
    ) -> str:
        """Write SBML level 3; see `crn.formats.sbml_write.write`. Returns the document, and writes it to `path` if
        given."""
        return self._written("sbml", path=path, kinetics=kinetics, volume=volume, initial=initial, notes=notes)

    def to_antimony(
        self,
        path: str | os.PathLike | None = None,
        volume: float | None = None,
        initial: Mapping[str, float] | None = None,
    ) -> str:
        """Write Antimony, translated from the SBML of `to_sbml`. Returns the text, and writes it to `path` if given."""
        return self._written("antimony", path=path, volume=volume, initial=initial)

    def describe(self) -> str:
        """One line per reaction: its equation, its propensity and its mass-action rate. Then come initial amounts,
        parameters, rules and events."""
        from .formats.text_write import describe

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
    def reaction_index(self) -> Mapping[str, int]:
        """Position of each reaction. Expressions cannot read the names of reactions."""
        return MappingProxyType({r.name: k for k, r in enumerate(self.reactions)})

    @cached_property
    def symbols(self) -> Scope:
        """Names that expressions can read."""
        return symbols_of(self.species, self.parameters, self.rules)

    @cached_property
    def stoichiometry(self) -> "csc_array":
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
    def conservation_laws(self) -> "csr_array":
        """Integer basis of the quantities w @ counts that no reaction changes, scipy sparse int64[law, species]."""
        from .conservation import sparse

        return sparse(self._laws, len(self.species))

    @cached_property
    def law_matrix(self) -> Any:
        """`conservation_laws` as an array int64[law, species] while that is small: scipy.sparse takes longer to load
        than to simulate a small network."""
        from .conservation import dense

        small = len(self._laws) * len(self.species) <= _SMALL
        return dense(self._laws, len(self.species)) if small else self.conservation_laws

    @cached_property
    def _laws(self) -> "list[Law]":
        from .conservation import basis

        columns = [sorted((self.index[s], n) for s, n in r.net_change().items()) for r in self.reactions]
        return basis(map(tuple, columns), len(self.species))

    @cached_property
    def resolved_rules(self) -> Mapping[str, Expression]:
        """The rules, with every name that a rule gives replaced by its expression."""
        return MappingProxyType(inlined_rules(self.rules))

    def resolved(self, expression: Expression) -> Expression:
        """`expression`, with every name that a rule gives replaced by its expression."""
        return expression.substitute(self.resolved_rules) if self.rules else expression

    @cached_property
    def resolved_events(self) -> tuple[Event, ...]:
        """The events, with every name that a rule gives replaced by its expression."""
        return tuple(event.substitute(self.resolved_rules) for event in self.events)

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """Names recorded as real numbers, besides the counts: rules, then what rate rules change, then other parameters
        that events change."""
        assigned = dict.fromkeys(t for e in self.events for t, _ in e.assignments if t in self.parameters)
        return (*self.rules, *(dict.fromkeys(self.rate_rules) | assigned))

    @property
    def constants(self) -> Mapping[str, float]:
        """Values by name that neither rate rules nor events change: those of parameters, and of what the source names
        (in SBML also sizes of compartments)."""
        named = {} if self.source is None else dict(self.source.constants)
        return {name: value for name, value in {**named, **self.parameters}.items() if name not in self.observables}

    @cached_property
    def compiled(self) -> "CompiledNetwork":
        """The flat arrays that kernels read (`CompiledNetwork`), made once and cached."""
        from .compiled.compile import CompiledNetwork

        return CompiledNetwork(self)

    def counts(self, initial: Mapping[str, float] | None = None) -> np.ndarray:
        """Initial state int64[species] [molecules], with overrides by name. Raises InputError unless all amounts are
        whole."""
        return whole_counts(self.species, self.amounts(initial))

    def amounts(self, initial: Mapping[str, float] | None = None) -> np.ndarray:
        """Initial state [species] [molecules], with overrides by name: int64 if all amounts are whole and at most
        2**53, else float64.

        A name can be a pattern such as `update_*`. Exact names take precedence over patterns, and later patterns over
        earlier ones. A species with a rate rule is 0 here, and no override: see `with_continuous`.
        """
        amounts = dict(self.initial)
        amounts |= dict.fromkeys(amounts.keys() & self.rate_rules.keys(), 0)
        given = checks.by_name("initial", initial)
        for s in given:
            if s in self.rules:
                raise InputError(f"the count of {s} is given by a rule, so it has no initial value: leave it out")
        free: Collection[str] = self.index
        if self.rules or self.rate_rules:
            free = [s for s in self.species if s not in self.rules and s not in self.rate_rules]
        for s, n in by_pattern("species in the initial state", given, free).items():
            amounts[s] = checks.amount(f"initial amount of {s}", n)
        values = list(amounts.values())
        return np.array(values, dtype=np.int64 if all(isinstance(n, int) for n in values) else np.float64)

    def with_continuous(
        self, initial: Mapping[str, float] | None
    ) -> "tuple[ReactionNetwork, Mapping[str, float] | None]":
        """The network with other values at time 0 for those names of `initial` that have rate rules, and the rest of
        `initial`."""
        given = checks.by_name("initial", initial)
        moved = {name: value for name, value in given.items() if name in self.rate_rules}
        for name in given if self.rate_rules else ():
            if not is_pattern(name):
                known = dict.fromkeys((*self.index, *self.rate_rules))
                checks.choice("species in the initial state", name, known, "the network has")
        if not moved:
            return self, initial
        start, parameters = dict(self.initial), dict(self.parameters)
        for name, value in moved.items():
            number = checks.finite(f"initial value of {name}", value)
            (start if name in start else parameters)[name] = number
        return replace(self, initial=start, parameters=parameters), {n: v for n, v in given.items() if n not in moved}

    def rates(self, overrides: Mapping[str, float] | None = None) -> np.ndarray:
        """Rate constants float64[reaction], with overrides by reaction name or pattern, see `amounts`.

        The two directions of a reversible reaction are two reactions, `name` and `name_back`; `name*` sets both.
        """
        rates = np.array([r.rate for r in self.reactions], dtype=np.float64)
        if overrides is not None:
            given = by_pattern("reaction in rates", checks.by_name("rates", overrides), self.reaction_index)
            self._refuse_rates_of_events(given)
            for name, rate in given.items():
                rates[self.reaction_index[name]] = checks.not_negative(f"rate of {name}", rate)
        return rates

    def _refuse_rates_of_events(self, names: Iterable[str]) -> None:
        """Raise InputError for reactions whose rate constant events change: their law contains it, and their rate is
        a factor of the law."""
        setters = {target: event.name for event in self.events for target, _ in event.assignments}
        for name in names if setters else ():
            constant = constant_in_law(self.reactions[self.reaction_index[name]], self.parameters)
            for parameter in sorted(setters.keys() & (constant.names() if constant else ())):
                raise InputError(
                    f"the rate constant of {name} is {constant}, and event {setters[parameter]} changes {parameter}, "
                    f"so rates cannot set it: set the parameter {parameter}, or remove the event"
                )

    def __reduce__(self) -> tuple:
        """Pickles the fields only; cached values are computed again after loading."""
        values = [getattr(self, f.name) for f in fields(self)]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReactionNetwork):
            return NotImplemented
        return all(getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.compare)

    def __hash__(self) -> int:
        return hash((self.species, self.reactions))

    def _repr_html_(self) -> str:
        from .formats.text_write import html

        return html(self)

    def __repr__(self) -> str:
        return f"ReactionNetwork({len(self.species)} species, {counted(len(self.reactions), 'reaction')})"


def _appearing(reactions: Iterable[Reaction], initial: Iterable[str]) -> tuple[str, ...]:
    """The species of reactions in order of appearance, followed by those of `initial`."""
    species: dict[str, None] = {}
    for r in reactions:
        threshold = () if r.threshold is None else (r.threshold.above, r.threshold.below)
        species |= dict.fromkeys((*(s for s, _ in (*r.reactants, *r.products)), *threshold))
    return tuple(species | dict.fromkeys(initial))


def how_to_read(source: str | os.PathLike) -> str:
    """The call that reads a text or a file as a network, for messages."""
    is_text = isinstance(source, str) and ("->" in source or "@" in source or "\n" in source)
    return f"ReactionNetwork.from_{'text' if is_text else 'file'}({checks.shortened_text(os.fspath(source))})"


def refuse_two_starts(network: ReactionNetwork, parameters: Iterable[str], initial: Iterable[str]) -> None:
    """Raise InputError for a variable with a rate rule whose value at time 0 both set."""
    for name in sorted({*parameters} & {*initial} & network.rate_rules.keys()):
        raise InputError(
            f"{name} has a rate rule, and both initial and parameters set its value at time 0: leave one out"
        )
