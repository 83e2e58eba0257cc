"""The SBML test suites: the stochastic one by exact methods, the semantic one by `ode`.

The stochastic suite gives means mu and standard deviations sigma over time. With n replicates,
Z = sqrt(n) (mean - mu) / sigma and Y = sqrt(n / 2) (s^2 / sigma^2 - 1) should lie in the bands of the suite, by default
(-3, 3) and (-5, 5). A right engine has points outside the bands too, and more of them for Y where tails are heavy. So
the number of points outside is only reported, with the number that resampling of the replicates gives. The verdict
comes from the largest deviation of each case: Z is normal for large n, and so is the variance, with the standard error
that the fourth moment of the replicates gives. Points in time are dependent; Bonferroni's inequality allows that.

A case of the semantic suite passes if every value differs from the expected one by at most
absolute + relative |expected|, with the tolerances of its settings. The reader and the method alone decide whether a
case can be simulated. A refusal counts under the part of SBML that its message names.

T. W. Evans, C. S. Gillespie, D. J. Wilkinson, The SBML discrete stochastic models test suite, Bioinformatics 24 (2008)
285-286, doi:10.1093/bioinformatics/btm566.
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
from ..statistics.tests import Verdict, bonferroni, two_sided
from .check import Check, CheckOptions, Outcome, Refused, Unsupported

_RESAMPLES = 200
_ROUNDING = 1e-5
"""The suite prints means and deviations with five decimals."""

# The stochastic test suite.


class SbmlSuite(Check):
    name = "sbml-suite"
    summary = "means and standard deviations of the SBML stochastic test suite (needs --sbml-suite FOLDER)"

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        return "" if sbml_suite is not None else "no folder given: use --sbml-suite FOLDER"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        if options.sbml_suite is None:
            return [Unsupported("sbml-suite", self.missing(None))]
        outcomes: list[Outcome | Unsupported] = []
        for k, folder in enumerate(case_folders(options.sbml_suite)):
            # Each case has a different seed: many cases are one model written in two ways.
            case_seed = int(np.random.SeedSequence([seed, k]).generate_state(1)[0])
            try:
                outcomes.append(run_case(folder, method, case_seed, options.replicates, **options.method_options))
            except InputError as error:
                outcomes.append(Unsupported(folder.name, str(error)))
        return outcomes


def case_folders(path: str | Path, suite: str = "stochastic") -> list[Path]:
    """Folders of the cases of an SBML `suite` in `path`, by number. Raises InputError if there are none."""
    root = Path(path)
    folders = sorted(f for f in root.iterdir() if any(f.glob("*-results.csv"))) if root.is_dir() else []
    if not folders:
        raise InputError(f"{root} contains no cases NNNNN/NNNNN-results.csv of the SBML {suite} test suite")
    return folders


def run_case(folder: Path, method: str, seed: int, n: int, **options: Any) -> Outcome:
    """Simulate one case n times. The outcome has the p-value of the largest deviation of a mean or a variance."""
    settings = _settings(next(folder.glob("*-settings.txt")))
    time, mean, deviation = _results(next(folder.glob("*-results.csv")))
    network = ReactionNetwork.from_sbml(_model(folder))
    r = simulate(network, time=time, method=method, replicates=n, seed=seed, workers=2, **options)
    z, y, p_values, outside, usual = [], [], [], 0, []
    rng = np.random.default_rng(seed)
    for name, mu in mean.items():
        counts, sigma = r.of(name).astype(np.float64), deviation[name]
        moving = sigma > 0
        # A point with standard deviation 0 is known exactly; it has no Z, and every replicate must have its value.
        if (counts[:, ~moving] != mu[~moving]).any():
            return Outcome(f"{folder.name} {name}", 0.0, {"why": "a point without spread differs"})
        x, mu, sigma = counts[:, moving], mu[moving], sigma[moving]
        z_x, y_x = _bands(x, mu, sigma)
        z.append(np.abs(z_x).max(initial=0.0))
        y.append(np.abs(y_x).max(initial=0.0))
        outside += _n_outside(z_x, y_x, settings)
        usual.append(_usual(x, settings, rng))
        p_values += _p_values(x, mu, sigma)
    p = bonferroni(min(p_values), len(p_values))
    expected = np.sum(usual, axis=0)
    details = {
        "largest_z": max(z),
        "largest_y": max(y),
        "points": len(p_values),
        "outside": outside,
        "outside_right_engine": [float(q) for q in np.quantile(expected, [0.025, 0.5, 0.975])],
    }
    low, _, high = details["outside_right_engine"]
    note = (
        f"{outside} points outside the suite's bands, {low:.0f} to {high:.0f} expected; largest Z {max(z):.2f}, "
        f"Y {max(y):.2f}"
    )
    return Outcome(folder.name, p, details, note)


def _usual(x: np.ndarray, settings: dict, rng: np.random.Generator) -> list[int]:
    """Numbers of points outside the bands in resamples of x, for which mean and deviation of x are the true ones."""
    outside = []
    for _ in range(_RESAMPLES):
        again = x[rng.integers(len(x), size=len(x))]
        z, y = _bands(again, x.mean(0), x.std(0))
        outside.append(_n_outside(z, y, settings))
    return outside


def _bands(x: np.ndarray, mu: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(x)
    return np.sqrt(n) * (x.mean(0) - mu) / sigma, np.sqrt(n / 2) * (x.var(0, ddof=1) / sigma**2 - 1)


def _n_outside(z: np.ndarray, y: np.ndarray, settings: dict) -> int:
    low, high = settings["meanRange"]
    y_low, y_high = settings["sdRange"]
    return int(((z <= low) | (z >= high)).sum() + ((y <= y_low) | (y >= y_high)).sum())


def _p_values(x: np.ndarray, mu: np.ndarray, sigma: np.ndarray) -> list[float]:
    """Two-sided p-values of mean and variance at each point. Differences within the rounding of the suite do not
    count."""
    n, variance = len(x), x.var(0, ddof=1)
    # The standard error of a variance is sqrt((m4 - m2^2) / n), whatever the law. Rounding of sigma by r changes
    # sigma^2 by up to 2 sigma r.
    z = np.maximum(np.abs(x.mean(0) - mu) - _ROUNDING, 0.0) * np.sqrt(n) / sigma
    spread = np.sqrt(np.maximum(((x - x.mean(0)) ** 4).mean(0) - variance**2, 1e-300) / n)
    v = np.maximum(np.abs(variance - sigma**2) - 2 * sigma * _ROUNDING, 0.0) / spread
    return [float(p) for p in two_sided(np.concatenate([z, v]))]


def _model(folder: Path) -> Path:
    models = sorted(folder.glob("*-sbml-l3v*.xml")) or sorted(folder.glob("*.xml"))
    if not models:
        raise InputError(f"{folder} contains no SBML model")
    return models[-1]


def _settings(path: Path) -> dict:
    parts = (line.partition(":") for line in path.read_text().splitlines() if ":" in line)
    values = {name: value for name, _, value in parts}
    ranges = {"meanRange": (-3.0, 3.0), "sdRange": (-5.0, 5.0)}
    for name in ranges:
        if values.get(name, "").strip():
            low, high = values[name].strip().strip("()").split(",")
            ranges[name] = (float(low), float(high))
    return ranges


def _results(path: Path) -> tuple[np.ndarray, dict, dict]:
    """Times, and means and standard deviations by variable."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    head = [name.strip() for name in rows[0]]
    try:
        table = np.array(rows[1:], dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{path} is not a table of numbers: {error}") from None
    column = {name: table[:, k] for k, name in enumerate(head)}
    means = {name.removesuffix("-mean"): c for name, c in column.items() if name.endswith("-mean")}
    return table[:, 0], means, {name: column[f"{name}-sd"] for name in means}


# The semantic test suite.

REASONS = {
    "delay() in formulas": "delay() is not supported",
    "fast reactions": "is marked fast",
    "packages": "the SBML package",
    "submodels in files that are not there": "but there is no such file",
    "algebraic rules without an explicit solution": "the algebraic rule",
}
"""Reasons to refuse a case, and the words by which the message of the refusal is recognised."""
_TOLERANCES: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}
_MADE = "semantic_{}_"
"""Name of the added rule that records a value which is not that of a species."""


class SemanticSettings(NamedTuple):
    """The settings of a case: times [s], names of variables, two tolerances, and the variables that are amounts."""

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

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        if options.folder is None:
            return [Unsupported(self.name, self.missing(None))]
        return [run_semantic_case(folder, method) for folder in case_folders(options.folder, "semantic")]

    def table(self, outcomes: list[dict], refused: list[dict], unsupported: list[dict]) -> list[str]:
        wrong = [row["what"] for row in outcomes if row["p"] == 0]
        by_reason = Counter(row["reason"] for row in refused)
        lines = [f"{Verdict.HOLDS:48}{len(outcomes) - len(wrong):6}"]
        lines += [f"{f'refused: {reason}':48}{n:6}" for reason, n in sorted(by_reason.items())]
        lines += [f"{Verdict.NOT_RUN:48}{len(unsupported):6}", f"{Verdict.FAILS:48}{len(wrong):6}"]
        return [*lines, *([f"{Verdict.FAILS}: {', '.join(wrong)}"] if wrong else [])]


def run_semantic_case(folder: Path, method: str = "ode") -> Outcome | Refused | Unsupported:
    """Simulate one case."""
    case = settings(next(folder.glob("*-settings.txt")))
    time, expected = results(next(folder.glob("*-results.csv")))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = simulated(model_of(folder), time, case, method)
    except GillespieError as error:
        message = str(error)
        reason = next((name for name, words in REASONS.items() if words in message), None)
        return Unsupported(folder.name, message) if reason is None else Refused(folder.name, reason, message)
    off = {name: _largest(values[name], expected[name], case) for name in case.variables}
    worst = max(off, key=lambda name: off[name], default="")
    largest = off.get(worst, 0.0)
    passes = largest <= 1.0
    note = "" if passes else f"{worst} differs by {largest:.3g} times the tolerance"
    return Outcome(folder.name, float(passes), {"largest": largest}, note)


def _largest(values: np.ndarray, expected: np.ndarray, case: SemanticSettings) -> float:
    """The largest difference, divided by the tolerance; infinite if only one of two values is finite."""
    finite = np.isfinite(expected)
    same = np.isnan(values) & np.isnan(expected) | (values == expected)
    if not (same | (finite & np.isfinite(values))).all():
        return np.inf
    allowed = case.absolute + case.relative * np.abs(expected[finite])
    return float((np.abs(values[finite] - expected[finite]) / allowed).max(initial=0.0))


def simulated(path: Path, time: np.ndarray, case: SemanticSettings, method: str) -> dict[str, np.ndarray]:
    """Values float64[point] of the variables of a case."""
    document, _ = flattened(checks.read_text(path), path.parent)
    model = document.getModel()
    species = {s.getId(): s for s in model.getListOfSpecies()}
    sizes = {species[v].getCompartment() for v in case.variables if v in species and v not in case.amounts}
    others = [*(v for v in case.variables if v not in species), *sorted(sizes)]
    network = ReactionNetwork.from_sbml(_recording(document, dict.fromkeys(others)), substance="item")
    result = simulate(network, time=time, method=method, **_TOLERANCES)
    assert isinstance(result, Result)
    observables = dict(zip(result.observable_names, result.observables[0].T))

    def other(name: str) -> np.ndarray:
        return observables[_MADE.format(name)]

    def amount(name: str) -> np.ndarray:
        return result.of(name)[0] * result.volume

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
    """The document with an assignment rule for each of `names`, so that its value is recorded."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    model = document.getModel()
    for name in names:
        made = _MADE.format(name)
        parameter = model.createParameter()
        parameter.setId(made)
        parameter.setConstant(False)
        rule = model.createAssignmentRule()
        rule.setVariable(made)
        node = sbml.ASTNode(sbml.AST_NAME)  # parsed from text, names such as `pi` would become constants
        node.setName(name)
        rule.setMath(node)
    return sbml.writeSBMLToString(document)


def model_of(folder: Path) -> Path:
    """The SBML model of a case, in the highest level and version that exists."""
    models = sorted(folder.glob("*-sbml-l*v*.xml"))
    if not models:
        raise InputError(f"{folder} contains no SBML model")
    return models[-1]


def settings(path: Path) -> SemanticSettings:
    """The settings of a case. Raises InputError if the file does not have all of them."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if ":" in line)
    entries = {name.strip(): value.strip() for name, _, value in lines}

    def names(key: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in entries.get(key, "").split(",") if name.strip())

    try:
        start, duration, steps = float(entries["start"]), float(entries["duration"]), int(entries["steps"])
        time = np.linspace(start, start + duration, steps + 1)
        absolute, relative = float(entries["absolute"]), float(entries["relative"])
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not a file of settings: {error}") from None
    return SemanticSettings(time, names("variables"), absolute, relative, frozenset(names("amount")))


def results(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times float64[point], and expected values float64[point] by name."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    try:
        table = np.array([[float(cell) for cell in row] for row in rows[1:]])
    except ValueError as error:
        raise InputError(f"{path} is not a table of numbers: {error}") from None
    return table[:, 0], {name.strip(): table[:, k] for k, name in enumerate(rows[0]) if k}
