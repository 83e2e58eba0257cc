"""The simulation methods, and the choice of one. To add a method: a subclass of `Method`, and its line in `METHODS`.

A method defined outside the package needs no line: pass its class in place of a name, `simulate(..., method=MyMethod)`.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ... import checks
from ...crn import ReactionNetwork
from ...display.tables import counted
from ...nn import TrainingNetwork
from ...options import recorded_name
from ..batches import BATCH_METHODS, BatchMethod
from ..slow_limit import LEVELS, Level
from .exact import Adaptive, AdaptiveDirect, Direct, Layered, NextReaction, OptimizedDirect, Rejection
from .implicit_euler import ImplicitEuler
from .langevin import Langevin
from .linear_noise import LinearNoise
from .method import Method
from .ode import Ode
from .tau_leap import TauLeap

METHODS: tuple[type[Method], ...] = (
    Direct, OptimizedDirect, NextReaction, Rejection, Layered, Adaptive, AdaptiveDirect, TauLeap, Langevin, LinearNoise,
    ImplicitEuler,
    Ode,
)  # fmt: skip
"""All methods of simulation."""
EXACT = tuple(m for m in METHODS if m.exact)
"""The methods without error other than that of finite samples."""


TrainingMethod = type[Method] | type[BatchMethod] | type[Level]
ONLY_TRAINING: tuple[TrainingMethod, ...] = (*BATCH_METHODS, *LEVELS)
"""Methods and levels for training networks only."""


def known_to_training() -> tuple[TrainingMethod, ...]:
    """The methods that training may use, followed by those for training only."""
    return (*(m for m in METHODS if m.trains), *ONLY_TRAINING)


_ALL: tuple[TrainingMethod, ...] = (*METHODS, *ONLY_TRAINING)
OPTIONS = {option.name: option for method in _ALL for option in method.options}
"""All options of methods and training levels, by name; a name has the same meaning in all of them."""
AUTO = "auto"
_SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("ssa", "gillespie", "exact", "stochastic"), ("direct", "rejection")),
    **dict.fromkeys(("rssa", "rejection_ssa"), ("rejection",)),
    **dict.fromkeys(("odm", "sorting_direct"), ("optimized_direct",)),
    **dict.fromkeys(("nrm", "gibson_bruck"), ("next_reaction",)),
    **dict.fromkeys(("tau", "tau_leaping", "tauleaping", "leaping"), ("tau_leap",)),
    **dict.fromkeys(("cle", "sde", "chemical_langevin"), ("langevin",)),
    **dict.fromkeys(("lna", "linear_noise_approximation"), ("linear_noise",)),
    **dict.fromkeys(("deterministic", "rre", "lsoda", "cvode"), ("ode",)),
    **dict.fromkeys(("euler", "backward_euler"), ("implicit_euler",)),
    **dict.fromkeys(("adam", "sgd", "backpropagation"), ("gradient_descent",)),
}
"""Names of methods in the literature and in other programs."""
_FEW_REACTIONS = 30
"""With up to this number of reactions a run begins with a linear search, which needs no bounds. Measured on the models
of `bench --methods`, without those that were held out."""
_MANY_MOLECULES = 200
"""With at least this number of molecules of each species, bounds hold for so long that they pay at any size."""


class MethodChoice(NamedTuple):
    """A method, and the reason for choosing it."""

    method: type[Method]
    reason: str


class TrainingChoice(NamedTuple):
    """A method or training level, and the reason for choosing it."""

    method: TrainingMethod
    reason: str


def name_of(method: Any) -> str:
    """The name that results and files record for a method or training level, given by its name or class."""
    return method if isinstance(method, str) else recorded_name(method, (*METHODS, *ONLY_TRAINING))


def choose_method(name: str | type[Method], network: ReactionNetwork, counts: np.ndarray | None = None) -> MethodChoice:
    """The method called `name`; for `auto`, the one that was fastest in measurements of networks with the size and
    structure of `network`. A class derived from `Method` is used as it is.

    `counts` int64[species] is the initial state, if known. `auto` always chooses an exact method; all of them sample
    the same distribution.
    """
    if not isinstance(name, str):
        of_class = _checked_class(name, Method)
        refuse_network(of_class, network)
        return MethodChoice(of_class, "requested")
    if name != AUTO:
        levels = {each.name for each in ONLY_TRAINING}
        if name in levels:
            raise checks.InputError(
                f"{name} is a training method, not a simulation method: use train(..., method='{name}')"
            )
        by_name = {m.name: m for m in METHODS}
        method = by_name[checks.choice("method", name, (AUTO, *by_name), elsewhere=levels, synonyms=_SYNONYMS)]
        refuse_network(method, network)
        return MethodChoice(method, "requested")
    if network.only_ode:
        raise checks.InputError(f"{network.only_ode}: only method ode can simulate it; use method='ode'")
    return _fastest(network, counts)


def refuse_network(method: type[Method], network: ReactionNetwork) -> None:
    """Raise InputError if `method` does not support `network`."""
    if network.only_ode and method is not Ode:
        raise checks.InputError(f"{network.only_ode}: only method ode can simulate it, not {method.name}")
    if network.rate_rules and not method.continuous:
        able = ", ".join(m.name for m in METHODS if m.continuous)
        names = checks.shortened(network.rate_rules)
        raise checks.InputError(
            f"method {method.name} does not support rate rules, which the network has for {names}: use {able}"
        )
    method.refuse(network)


def _fastest(network: ReactionNetwork, counts: np.ndarray | None) -> MethodChoice:
    """The choice of `auto`: by the number of reactions, by product families, by rates that depend on the time, and by
    the number of molecules at the start."""
    # The two adaptive methods correct a wrong choice by what they count in a run.
    n_reactions = len(network.reactions)
    if network.rate_rules:
        return MethodChoice(Rejection, "auto: uses bounds of propensities, which allow variables with rate rules")
    timed = any(law.reads_time for law in network.compiled.programs.laws)
    if n_reactions <= _FEW_REACTIONS and not timed and not _is_crowded(network, counts):
        reactions = counted(n_reactions, "reaction")
        return MethodChoice(AdaptiveDirect, f"auto: searches all reactions at each event; fast for {reactions}")
    return _with_bounds(network, Adaptive)


def _with_bounds(network: ReactionNetwork, without_families: type[Method]) -> MethodChoice:
    """`Layered` where there are product families, else the method given."""
    reactions = counted(len(network.reactions), "reaction")
    families = network.compiled.families
    if families:
        members = sum(len(f.reactions) for f in families)
        return MethodChoice(
            Layered,
            f"auto: {members} of {reactions} form {len(families)} product famil{'y' if len(families) == 1 else 'ies'}",
        )
    return MethodChoice(
        without_families, f"auto: uses bounds of propensities; for {reactions} without product families"
    )


def _is_crowded(network: ReactionNetwork, counts: np.ndarray | None) -> bool:
    """Whether there are many molecules of every species that reactions change."""
    if counts is None:
        return False
    varies = network.compiled.lumped.arrays["varies"][: len(network.species)]
    return bool(varies.any()) and counts[varies].min() >= _MANY_MOLECULES


def training_method(name: str | TrainingMethod) -> TrainingMethod | None:
    """The method or training level called `name`, or a class of either; None for `auto`, which needs the network.

    Raises InputError for one that training may not use.
    """
    if name == AUTO:
        return None
    if isinstance(name, str):
        by_name = {m.name: m for m in known_to_training()}
        refused = {m.name: m for m in METHODS if not m.trains}
        method = refused.get(name) or by_name[checks.choice("method", name, (AUTO, *by_name), synonyms=_SYNONYMS)]
    else:
        method = _checked_class(name, Method, BatchMethod, Level)
    if method.records_covariance:
        raise checks.InputError(f"method {method.name} computes covariances, which training does not use: use ode")
    if not method.trains:
        raise checks.InputError(
            f"method {method.name} can switch to another method during a run, so a training run could not be resumed: "
            "use rejection"
        )
    return method


def choose_for_training(method: TrainingMethod | None, spec: TrainingNetwork) -> TrainingChoice:
    """The `method` of `training_method`, or for None the one that `auto` chooses for this network. Raises InputError
    where it does not support the network."""
    if method is None:
        return TrainingChoice(*_with_bounds(spec.network, Rejection))
    if issubclass(method, Method):
        return TrainingChoice(*choose_method(method, spec.network))
    if issubclass(method, BatchMethod):
        method.refuse(spec)
    return TrainingChoice(method, "requested")


def _checked_class(given: Any, *bases: Any) -> Any:
    """A class from outside that can be used as a method; raises InputError."""
    if isinstance(given, bases):
        raise checks.InputError(f"method must be a name or a class: give {type(given).__name__} in place of an object")
    if not isinstance(given, type) or not issubclass(given, bases):
        names = ", ".join((AUTO, *(m.name for m in METHODS)))
        raise checks.InputError(f"method must be one of {names}, or a class derived from Method, got {given!r}")
    missing = sorted(given.__abstractmethods__)  # type: ignore[attr-defined]
    if not isinstance(getattr(given, "name", None), str):
        missing = ["name", *missing]
    if missing:
        raise checks.InputError(
            f"method {given.__name__} is not complete: it must define {', '.join(missing)}, see Method"
        )
    return given


def elsewhere(name: str, others: Iterable[str] = ()) -> str:
    """The methods that take option `name`, or a suggestion of a similar option or of a similar name in `others`."""
    takers = [m.name for m in known_to_training() if name in {option.name for option in m.options}]
    if takers:
        return f"; it applies to {', '.join(takers)}"
    return checks.meant(name, [*others, *(option.name for m in known_to_training() for option in m.options)])


__all__ = [
    "AUTO",
    "BATCH_METHODS",
    "EXACT",
    "LEVELS",
    "METHODS",
    "ONLY_TRAINING",
    "OPTIONS",
    "BatchMethod",
    "MethodChoice",
    "Method",
    "choose_for_training",
    "choose_method",
    "elsewhere",
    "known_to_training",
    "name_of",
    "refuse_network",
    "training_method",
]
