"""The interface of a check, samples for checks, and the run over several checks that gives one verdict."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..api import simulate
from ..crn import ReactionNetwork
from ..nn import TrainingNetwork, training_network
from ..simulation import EXACT, METHODS, Result, methods, run_ensemble
from ..simulation.run_options import RunOptions
from ..simulation.sinks import MemorySink
from ..simulation.task import Task
from ..statistics.tests import Verdict


class Outcome(NamedTuple):
    """One p-value. For a correct method it is uniform on [0, 1], or stochastically larger."""

    what: str
    p: float
    details: dict = {}
    """Further numbers, for JSON."""
    note: str = ""
    """Short text to print after the p-value."""


class Unsupported(NamedTuple):
    """A case that this version cannot simulate, and why."""

    what: str
    reason: str


class Refused(NamedTuple):
    """A case that is refused as documented. `reason` names the unsupported part, `message` is the text of the refusal.
    It counts neither for nor against a method."""

    what: str
    reason: str
    message: str


class CheckOptions(NamedTuple):
    """Options of checks: the number of `replicates` of each case; `sbml_suite`, a folder or None; `method_options` by
    name, for checks of approximate methods; `folder`, with the files that a check needs, or None."""

    replicates: int
    sbml_suite: str | Path | None
    method_options: dict = {}
    folder: str | Path | None = None


class Check(ABC):
    """One statistical check of a method."""

    name: str
    summary: str
    methods: tuple[str, ...] = ()
    """Names of the methods that the check applies to; empty for all exact methods."""

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        """A description of missing requirements; empty if none. `sbml_suite` and `folder` are folders or None."""
        return ""

    @abstractmethod
    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        """The cases of `method` (a name), each an `Outcome`, `Refused` or `Unsupported`. `options` are those of
        `verify`."""

    def table(self, outcomes: list[dict], refused: list[dict], unsupported: list[dict]) -> list[str]:
        """Lines that summarise the cases of one method and are printed after them; none by default."""
        return []


# Samples of a model. Methods are given as classes, so that a method with a planted error can be sampled, too.


def method_class(name: str) -> type:
    """The registered method of that name."""
    return next(m for m in methods.METHODS if m.name == name)


def run_of(
    network: ReactionNetwork, method: Any, time: Sequence[float], n: int, seed: int, volume: float = 1.0
) -> Result:
    """`n` replicates at the times `time` [s]."""
    asked = RunOptions(time=time, seed=seed, replicates=n)
    task = Task(network, method, asked, volume, network.rates(), network.counts())
    sink = MemorySink(task)
    run_ensemble(task, sink, workers=2)
    return Result(
        task.grid, sink.counts, network.species, sink.n_events, sink.status, method.name, seed, volume, network,
        observables=sink.observables, observable_names=network.observables,
    )  # fmt: skip


def sample(
    network: ReactionNetwork, method: Any, time: Sequence[float], n: int, seed: int, volume: float = 1.0
) -> np.ndarray:
    """Counts int64[replicate, time, species] of `n` replicates at the times `time` [s]; -1 where a run stopped."""
    return np.ma.getdata(run_of(network, method, time, n, seed, volume).counts)


def trajectories(network: ReactionNetwork, **arguments: Any) -> Result:
    """`simulate`, for `arguments` that request neither a file nor moments."""
    result = simulate(network, **arguments)
    assert isinstance(result, Result)
    return result


XOR_VOLUME = 20


def xor(seed: int) -> tuple[TrainingNetwork, dict[str, int]]:
    """A training network of XOR that learns fast, and its initial counts in `XOR_VOLUME`, with a sample presented."""
    spec = training_network((2, 4, 1), learning_rate=0.3, annihilation_rate=5.0)
    initial = spec.initial(spec.floating.initial_weights(seed), XOR_VOLUME)
    return spec, initial | spec.presentation([0, 1], [1], XOR_VOLUME)


# The run of several checks over several methods, and its verdict.

LEVEL = 1e-4
"""Largest probability that a run with correct methods fails: Bonferroni over all p-values of the run."""
LEAST_REPLICATES = 1000
"""With 1000, every planted error of continuous variables was rejected for each of three seeds; with 500, the plant
whose paths are not restarted by reactions was accepted for two seeds."""


def verify(
    selected: Sequence[type[Check]],
    methods: Sequence[str] | None = None,
    seed: int = 0,
    replicates: int = 10_000,
    sbml_suite: str | Path | None = None,
    say: Callable[[str], object] = lambda line: None,
    folder: str | Path | None = None,
    **method_options: Any,
) -> dict:
    """Run the `Check` classes `selected` over `methods`, by default all that each check applies to.

    Returns a dictionary of plain values. A check skips methods that it does not apply to. `verdict` is `fails` if any
    p-value rejects, `inconclusive` if a case could not be simulated, `not run` if none could, and `holds` otherwise.
    Cases that are `refused` as documented do not count. `folder` contains the files that a check needs.
    """
    names = methods or [m.name for m in EXACT]
    for name in names:
        checks.choice("method", name, [m.name for m in METHODS])
    least = "with fewer, the tests miss errors in a method, such as a rate that a reaction does not update"
    options = CheckOptions(
        checks.whole("replicates", replicates, LEAST_REPLICATES, hint=least), sbml_suite, method_options, folder
    )
    outcomes: list[dict] = []
    unsupported: list[dict] = []
    refused: list[dict] = []
    for check in selected:
        for method in _methods_of(check, methods, names):
            before = len(outcomes), len(refused), len(unsupported)
            this = check()
            for case in this.run(method, seed, options):
                row = {"check": check.name, "method": method, "what": case.what}
                if isinstance(case, Outcome):
                    note = f" ({case.note})" if case.note else ""
                    outcomes.append(row | {"p": case.p} | case.details)
                    say(f"{check.name}, {method}, {case.what}: p = {case.p:.3g}{note}")
                elif isinstance(case, Refused):
                    refused.append(row | {"reason": case.reason, "message": case.message})
                    say(f"{check.name}, {method}, {case.what}: refused, {case.reason}")
                else:
                    unsupported.append(row | {"reason": case.reason})
                    say(f"{check.name}, {method}, {case.what}: {Verdict.NOT_RUN} ({case.reason})")
            rows = (every[n:] for every, n in zip((outcomes, refused, unsupported), before))
            for line in this.table(*rows):
                say(line)
    # Bonferroni: with n p-values that are each uniform or larger, one is below LEVEL / n with probability LEVEL at
    # most.
    rejected = [row for row in outcomes if not row["p"] * len(outcomes) >= LEVEL]  # `not >=`, so that NaN rejects
    verdicts = [Verdict.HOLDS] * len(outcomes) + [Verdict.FAILS] * len(rejected) + [Verdict.NOT_RUN] * len(unsupported)
    return {
        "verdict": Verdict.together(verdicts),
        "false_alarm_rate": LEVEL,
        "n_p_values": len(outcomes),
        "smallest_p": min((row["p"] for row in outcomes), default=None),
        "seed": seed,
        "replicates": options.replicates,
        "rejected": rejected,
        "refused": refused,
        "not_simulated": unsupported,
        "outcomes": outcomes,
    }


def _methods_of(check: type[Check], asked: Sequence[str] | None, names: Sequence[str]) -> Sequence[str]:
    """Names of the methods to run a check over: those of `asked` that it applies to, by default all of them."""
    if not check.methods:
        return names
    return [name for name in check.methods if not asked or name in asked]
