"""Running checks over methods, and the verdict."""

from typing import NamedTuple

from .. import checks
from ..simulation import EXACT, METHODS
from .base import Outcome

LEVEL = 1e-4
"""Probability that a run with right methods is found failing, at most: Bonferroni over all p-values of the run."""
HOLDS, FAILS, INCOMPLETE = "holds", "fails", "incomplete"


class Options(NamedTuple):
    """What checks are told. `replicates` of each case; `sbml_suite`, a folder or None; `method_options` by name, for
    the checks that try an approximate method."""

    replicates: int
    sbml_suite: str | None
    method_options: dict = {}


def verify(
    selected, methods=None, seed=0, replicates=10_000, sbml_suite=None, say=lambda line: None, **method_options
) -> dict:
    """Run the `Check` classes `selected` over `methods` (all exact ones); a dictionary of plain values.

    `verdict` is `fails` if any p-value rejects, else `incomplete` if a case could not be simulated, else `holds`.
    """
    names = methods or [m.name for m in EXACT]
    for name in names:
        checks.choice("method", name, [m.name for m in METHODS])
    options = Options(checks.whole("replicates", replicates, 1000), sbml_suite, method_options)
    outcomes, unsupported = [], []
    for check in selected:
        for method in names:
            for found in check().run(method, seed, options):
                row = {"check": check.name, "method": method, "what": found.what}
                if isinstance(found, Outcome):
                    note = f" ({found.note})" if found.note else ""
                    outcomes.append(row | {"p": found.p} | found.details)
                    say(f"{check.name}, {method}, {found.what}: p = {found.p:.3g}{note}")
                else:
                    unsupported.append(row | {"reason": found.reason})
                    say(f"{check.name}, {method}, {found.what}: not simulated ({found.reason})")
    rejected = [row for row in outcomes if not row["p"] * len(outcomes) >= LEVEL]  # NaN is no evidence for a method
    return {
        "verdict": FAILS if rejected else INCOMPLETE if unsupported or not outcomes else HOLDS,
        "false_alarm_rate": LEVEL,
        "n_p_values": len(outcomes),
        "smallest_p": min((row["p"] for row in outcomes), default=None),
        "seed": seed,
        "replicates": options.replicates,
        "rejected": rejected,
        "not_simulated": unsupported,
        "outcomes": outcomes,
    }
