"""Running checks over methods, and the verdict."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import checks
from ..simulation import EXACT, METHODS
from ..statistics.verdict import Verdict
from .base import Check, Options, Outcome, Refused

LEVEL = 1e-4
"""Largest probability that a run with correct methods fails: Bonferroni over all p-values of the run."""
LEAST_REPLICATES = 1000
"""With 1000, every planted error of continuous variables was rejected for each of three seeds; with 500, a path that is
not restarted by reactions passed for two of them."""


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
    Cases that are `refused` as documented count for neither. `folder` holds the files that a check needs.
    """
    names = methods or [m.name for m in EXACT]
    for name in names:
        checks.choice("method", name, [m.name for m in METHODS])
    least = "with fewer, the tests miss errors in a method, such as a rate that goes on as it was before a reaction"
    options = Options(
        checks.whole("replicates", replicates, LEAST_REPLICATES, hint=least), sbml_suite, method_options, folder
    )
    outcomes: list[dict] = []
    unsupported: list[dict] = []
    refused: list[dict] = []
    for check in selected:
        for method in _methods_of(check, methods, names):
            before = len(outcomes), len(refused), len(unsupported)
            this = check()
            for found in this.run(method, seed, options):
                row = {"check": check.name, "method": method, "what": found.what}
                if isinstance(found, Outcome):
                    note = f" ({found.note})" if found.note else ""
                    outcomes.append(row | {"p": found.p} | found.details)
                    say(f"{check.name}, {method}, {found.what}: p = {found.p:.3g}{note}")
                elif isinstance(found, Refused):
                    refused.append(row | {"reason": found.reason, "message": found.message})
                    say(f"{check.name}, {method}, {found.what}: refused, {found.reason}")
                else:
                    unsupported.append(row | {"reason": found.reason})
                    say(f"{check.name}, {method}, {found.what}: {Verdict.NOT_RUN} ({found.reason})")
            rows = (every[n:] for every, n in zip((outcomes, refused, unsupported), before))
            for line in this.table(*rows):
                say(line)
    rejected = [row for row in outcomes if not row["p"] * len(outcomes) >= LEVEL]  # NaN is no evidence for a method
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
    """Names of the methods to run a check over: those of `asked` that it applies to."""
    if not check.methods:
        return names
    return [name for name in check.methods if not asked or name in asked]
