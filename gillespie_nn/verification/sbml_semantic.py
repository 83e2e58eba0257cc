"""The SBML semantic test suite: time courses of the cases in a folder, by method `ode`.

A case passes where every value differs from the expected one by at most absolute + relative |expected|, with the two
tolerances of its settings. Values are read by name from the result. Whether a case can be simulated is decided by the
reader and the method alone; a refusal counts under the part of SBML that its message names.

S. M. Keating et al., SBML Level 3: an extensible format for the exchange and reuse of biological models, Molecular
Systems Biology 16 (2020) e9110, doi:10.15252/msb.20199110.
"""

import csv
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import GillespieError, InputError
from ..crn import ReactionNetwork
from ..crn.formats.sbml_document import flattened
from ..simulation.result import Result
from ..statistics.verdict import Verdict
from .base import Check, Options, Outcome, Refused, Unsupported
from .sbml_suite import case_folders

REASONS = {
    "delay() in formulas": "delay() is not supported",
    "fast reactions": "is marked fast",
    "packages": "the SBML package",
    "submodels in files that are not there": "but there is no such file",
    "algebraic rules without an explicit solution": "the algebraic rule",
}
"""What may be refused, and the words of the refusal."""
_TOLERANCES: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}
_MADE = "semantic_{}_"
"""Name of the rule that gives a value which is not that of a species."""


class Settings(NamedTuple):
    """The settings of a case."""

    time: np.ndarray
    variables: tuple[str, ...]
    absolute: float
    relative: float
    amounts: frozenset[str]


class SbmlSemantic(Check):
    name = "sbml-semantic"
    summary = "time courses of the SBML semantic test suite by ode (needs --folder DIR; p: 1 if a case passes, else 0)"
    methods = ("ode",)

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        return "" if folder is not None else "no folder given: use --folder DIR"

    def run(self, method: str, seed: int, options: Options) -> list:
        if options.folder is None:
            return [Unsupported(self.name, self.missing(None))]
        return [run_case(folder, method) for folder in case_folders(options.folder, "semantic")]

    def table(self, outcomes: list[dict], refused: list[dict], unsupported: list[dict]) -> list[str]:
        wrong = [row["what"] for row in outcomes if row["p"] == 0]
        by_reason = Counter(row["reason"] for row in refused)
        lines = [f"{Verdict.HOLDS:48}{len(outcomes) - len(wrong):6}"]
        lines += [f"{f'refused: {reason}':48}{n:6}" for reason, n in sorted(by_reason.items())]
        lines += [f"{Verdict.NOT_RUN:48}{len(unsupported):6}", f"{Verdict.FAILS:48}{len(wrong):6}"]
        return [*lines, *([f"{Verdict.FAILS}: {', '.join(wrong)}"] if wrong else [])]


def run_case(folder: Path, method: str = "ode") -> Outcome | Refused | Unsupported:
    """Simulate one case."""
    case = settings(next(folder.glob("*-settings.txt")))
    time, expected = results(next(folder.glob("*-results.csv")))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = simulated(model_of(folder), time, case, method)
    except GillespieError as error:
        said = str(error)
        reason = next((name for name, words in REASONS.items() if words in said), None)
        return Unsupported(folder.name, said) if reason is None else Refused(folder.name, reason, said)
    off = {name: _largest(values[name], expected[name], case) for name in case.variables}
    worst = max(off, key=lambda name: off[name], default="")
    largest = off.get(worst, 0.0)
    passes = largest <= 1.0
    note = "" if passes else f"{worst} differs by {largest:.3g} times the tolerance"
    return Outcome(folder.name, float(passes), {"largest": largest}, note)


def _largest(values: np.ndarray, expected: np.ndarray, case: Settings) -> float:
    """The largest difference over the tolerance; infinite where only one value is a finite number."""
    finite = np.isfinite(expected)
    same = np.isnan(values) & np.isnan(expected) | (values == expected)
    if not (same | (finite & np.isfinite(values))).all():
        return np.inf
    allowed = case.absolute + case.relative * np.abs(expected[finite])
    return float((np.abs(values[finite] - expected[finite]) / allowed).max(initial=0.0))


def simulated(path: Path, time: np.ndarray, case: Settings, method: str) -> dict[str, np.ndarray]:
    """Values float64[point] of the variables of a case."""
    document, _ = flattened(checks.read_text(path), path.parent)
    model = document.getModel()
    species = {s.getId(): s for s in model.getListOfSpecies()}
    sizes = {species[v].getCompartment() for v in case.variables if v in species and v not in case.amounts}
    others = [*(v for v in case.variables if v not in species), *sorted(sizes)]
    network = ReactionNetwork.from_sbml(_recording(document, dict.fromkeys(others)), substance="item")
    found = simulate(network, time=time, method=method, **_TOLERANCES)
    assert isinstance(found, Result)
    observables = dict(zip(found.observable_names, found.observables[0].T))

    def other(name: str) -> np.ndarray:
        return observables[_MADE.format(name)]

    def amount(name: str) -> np.ndarray:
        return found.of(name)[0] * found.volume

    values = {}
    for name in case.variables:
        if name not in species:
            values[name] = other(name)
        elif name in case.amounts:
            values[name] = amount(name)
        else:
            values[name] = amount(name) / other(species[name].getCompartment())
    return values


def _recording(document: Any, names: Any) -> str:
    """The document with a rule for each of `names`, so that it is recorded."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    model = document.getModel()
    for name in names:
        made = _MADE.format(name)
        parameter = model.createParameter()
        parameter.setId(made)
        parameter.setConstant(False)
        rule = model.createAssignmentRule()
        rule.setVariable(made)
        node = sbml.ASTNode(sbml.AST_NAME)  # not from text, in which some names are constants
        node.setName(name)
        rule.setMath(node)
    return sbml.writeSBMLToString(document)


def model_of(folder: Path) -> Path:
    """The SBML model of a case, of the highest level and version there is."""
    models = sorted(folder.glob("*-sbml-l*v*.xml"))
    if not models:
        raise InputError(f"{folder} contains no SBML model")
    return models[-1]


def settings(path: Path) -> Settings:
    """The settings of a case; raises InputError for a file that has not all of them."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if ":" in line)
    found = {name.strip(): value.strip() for name, _, value in lines}

    def names(key: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in found.get(key, "").split(",") if name.strip())

    try:
        start, duration, steps = float(found["start"]), float(found["duration"]), int(found["steps"])
        time = np.linspace(start, start + duration, steps + 1)
        absolute, relative = float(found["absolute"]), float(found["relative"])
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not a file of settings: {error}") from None
    return Settings(time, names("variables"), absolute, relative, frozenset(names("amount")))


def results(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times float64[point], and expected values float64[point] by name."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    try:
        table = np.array([[float(cell) for cell in row] for row in rows[1:]])
    except ValueError as error:
        raise InputError(f"{path} is not a table of numbers: {error}") from None
    return table[:, 0], {name.strip(): table[:, k] for k, name in enumerate(rows[0]) if k}
