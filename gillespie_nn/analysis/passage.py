"""First-passage times: when a condition first holds. In a replicate it may never hold.

A condition compares expressions of species, observables and `time`: `A >= 10`, `A - B > 5 && total <= 3`,
`A > 2 * B or not C == 0`. The comparisons are `>=`, `>`, `<=`, `<`, `==` and `!=`. They are combined by `&&` or `and`,
`||` or `or`, `!(...)` or `not`.

There are three sources. A network from `watch` records the exact time of the passage, and so does a run that
`stop_when` stopped. Otherwise the recorded points are searched, and the passage time is the first point at which the
condition holds. It is never early. It is late if the condition first held between points, and an excursion that ends
before the next point is missed.

Replicates that did not pass within the run are censored. The survival function is that of E. L. Kaplan and P. Meier (J.
Am. Stat. Assoc. 53 (1958) 457-481, doi:10.1080/01621459.1958.10501452), with pointwise intervals by Greenwood's
variance on the scale of log(-log) (scipy.stats.ecdf).
"""

import re
import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork, formula
from ..crn.expressions import RELATIONS, Expression, number, operation
from ..crn.expressions import name as name_of
from ..crn.parts import Event
from ..display.curves import known_name
from ..display.figures import Drawing, add_legend, new_axes, style, title
from ..display.tables import Table, estimate, few, fragment, shown
from ..simulation.replicate_events import END_TIME
from .analysis import Analysis, Ask, Finding, Trajectories, blocks, check_data, names_of, read, title_of

_NOT_YET = -1.0
"""Value of the observable of `watch` before the passage."""
_TIME = "time"
_TRUE_OR_FALSE = (*RELATIONS, "and", "or", "not")
_WORDS = {"and": "&&", "or": "||", "not": formula.NOT}


class Passage(NamedTuple):
    """First-passage times and their survival function."""

    what: str
    exact: bool
    """Whether the run recorded exact times; otherwise times are from recorded points."""
    time: np.ndarray
    """float64[replicate] [s], the passage time, or the end time of a replicate that did not pass."""
    passed: np.ndarray
    """bool[replicate]."""
    at: np.ndarray
    """float64[step] [s], times at which the survival function falls."""
    survival: np.ndarray
    """float64[step], probability of no passage up to that time."""
    low: np.ndarray
    high: np.ndarray
    median: float
    """[s], NaN if fewer than half have passed."""
    confidence: float
    source: str = ""
    """Method, volume and seed of the run."""

    def __repr__(self) -> str:
        return f"Passage({_summary(self)})"

    def _repr_html_(self) -> str:
        return fragment(f"first passage of {_summary(self)}; {self.source}", [shown(t) for t in _tables(self)])

    def plot(self, ax: Any = None) -> Any:
        """Draw the survival function, with its intervals and the median, into `ax` or new axes. Returns the axes."""
        axes = new_axes() if ax is None else ax
        at = np.concatenate([[0.0], self.at, [self.time.max()]])
        share, low, high = (
            np.concatenate([[1.0], y, y[-1:] if len(y) else [1.0]]) for y in (self.survival, self.low, self.high)
        )
        look = style(len(axes.lines))
        label = f"{self.what} (Kaplan-Meier, {int(self.passed.sum())} of {len(self.passed)} passed)"
        axes.plot(at, share, drawstyle="steps-post", label=label, **look)
        label = f"{100 * self.confidence:g} % interval at each time"
        axes.fill_between(at, low, high, step="post", color=look["color"], alpha=0.2, linewidth=0, label=label)
        if not np.isnan(self.median):
            label = f"median {self.median:.4g} s"
            axes.axvline(self.median, color=look["color"], linestyle=":", linewidth=1, label=label)
        axes.set_xlabel("time [s]")
        axes.set_ylabel("fraction not yet passed")
        axes.set_ylim(0, 1.02)
        title(axes, f"first passage, {'exact times' if self.exact else 'at recorded points'}; {self.source}")
        add_legend(axes)
        return axes


def _summary(result: Passage) -> str:
    median = "" if np.isnan(result.median) else f", median {result.median:.4g} s"
    return f"{result.what}: {int(result.passed.sum())} of {len(result.passed)} replicates passed{median}"


def _tables(result: Passage) -> list[Table]:
    rows = [
        (f"{result.at[i]:.5g}", estimate(result.survival[i], result.low[i], result.high[i]))
        for i in few(len(result.at))
    ]
    columns = ("time [s]", f"not yet passed [{100 * result.confidence:g} % interval]")
    return [Table("survival function at selected times", columns, rows)] if rows else []


def watch(network: ReactionNetwork, condition: str, name: str = "passage") -> ReactionNetwork:
    """A copy of the network that records the first passage of `condition`, for example "A - B > 5".

    The copy has a parameter `name`, an observable of its runs. It is -1 before the passage and then the passage time
    [s]. The law of the counts is unchanged. The condition may contain species, rules, parameters and `time`. Raises
    InputError for an invalid condition or a name already in use.
    """
    known = (*network.species, *network.rules, *network.parameters)
    expression = read_condition(condition, known, lambda name: checks.choice("species", name, known, "the network has"))
    events = [event.name for event in network.events]
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in (*known, *network.observables) or f"note_{name}" in events:
        raise InputError(f"name must be an unused identifier, got {name!r}: choose another for the time of passage")
    # The event fires once: afterwards the parameter is a time, which is not below 0.
    before = Expression("<", (name_of(name), number(0)))
    event = Event(f"note_{name}", operation("and", (expression, before)), ((name, name_of(_TIME)),))
    parameters = {**network.parameters, name: _NOT_YET}
    return replace(network, parameters=parameters, events=(*network.events, event))


def first_passage(run: Trajectories, what: str, confidence: float = 0.95) -> Passage:
    """First-passage times of `what`, with intervals of `confidence`.

    `what` is a condition such as "A - B > 5 && total <= 3", which is evaluated at the recorded points, the name of
    an observable made by `watch`, or "end_time" for the condition of `stop_when`. Raises InputError for anything else,
    or for a run without data.
    """
    from scipy import stats

    check_data(run)
    confidence = checks.confidence(confidence)
    noted, stopped = what in run.observable_names, what == END_TIME and what in run.statistics
    exact = noted or stopped
    time, passed = _noted(run, what) if noted else _stopped(run) if stopped else _searched(run, what)
    if not passed.any():
        empty = np.empty(0)
        return Passage(what, exact, time, passed, empty, empty, empty, empty, float("nan"), confidence, title_of(run))
    survival = stats.ecdf(stats.CensoredData.right_censored(time, ~passed)).sf
    # The function has a step at each time, and falls only where a replicate passed, not where one was censored.
    falls = np.isin(survival.quantiles, time[passed])
    at, share = survival.quantiles[falls], survival.probabilities[falls]
    low, high = (side[falls] for side in _band(survival, confidence))
    half = np.flatnonzero(share <= 0.5)
    median = float(at[half[0]]) if len(half) else float("nan")
    return Passage(what, exact, time, passed, at, share, low, high, median, confidence, title_of(run))


def _band(survival: Any, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the interval at each step. Where no replicate is left, Greenwood's variance is undefined: there the
    interval goes from 0 to the upper end of the step before."""
    with warnings.catch_warnings():
        # scipy warns of these steps.
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = (x.probabilities.copy() for x in survival.confidence_interval(confidence, method="log-log"))
    for k in np.flatnonzero(np.isnan(high)):
        low[k], high[k] = 0.0, high[k - 1] if k else 1.0
    return low, high


def read_condition(text: str, names: Collection[str], check: Callable[[str], Any]) -> Expression:
    """Parse a condition over `names` and `time`. `check(name)` raises InputError for any other name."""
    language = formula.Language()
    # A species may be called `and`, `or` or `not`; then the word is its name.
    language.words = {word: sign for word, sign in _WORDS.items() if word not in names}
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"passage must be a condition, for example 'A >= 10' or 'A - B > 5 && C <= 3', got {text!r}")
    expression = formula.parse(text, f"the condition {text!r}", language)
    for written in sorted(expression.names() - {_TIME}):
        check(written)
    if not expression.names():
        raise InputError(f"the condition {text!r} contains no species: write one that does, for example 'A >= 10'")
    if expression.op not in _TRUE_OR_FALSE:
        raise InputError(f"the condition {text!r} has no comparison: write one, for example 'A >= 10'")
    return expression


def _noted(run: Trajectories, name: str) -> tuple[np.ndarray, np.ndarray]:
    time, end = run.time, _ends(run)
    noted = np.empty(len(end))
    # The observable is read at the last point that each replicate reached: there it has its final value.
    for part in blocks(run, 1):
        ending = np.flatnonzero((part.start <= end) & (end < part.stop))
        if len(ending):
            noted[ending] = read(run, (name,), part)[ending, end[ending] - part.start, 0]
    if ((noted < 0) & (noted != _NOT_YET)).any() or (noted > time[-1]).any():
        raise InputError(f"{name} does not contain a passage time: give a condition, or an observable made by `watch`")
    passed = noted >= 0
    return np.where(passed, noted, time[end]), passed


def _stopped(run: Trajectories) -> tuple[np.ndarray, np.ndarray]:
    time = np.asarray(run.statistics[END_TIME], dtype=np.float64)
    passed = ~np.isnan(time)
    return np.where(passed, time, run.time[_ends(run)]), passed


def _searched(run: Trajectories, text: str) -> tuple[np.ndarray, np.ndarray]:
    condition = read_condition(text, names_of(run), lambda name: known_name(run, name, whose="the run has"))
    names = tuple(sorted(condition.names() - {_TIME})) or names_of(run)[:1]
    time, n = run.time, run.counts.shape[0]
    first, end = np.full(n, -1), _ends(run)
    for part in blocks(run, len(names)):
        read_values = read(run, names, part)
        values = {name: read_values[:, :, k] for k, name in enumerate(names)} | {_TIME: time[part]}
        # Points that a replicate did not reach are NaN, for which `!=` and `not` would be true.
        there = ~np.isnan(read_values).any(axis=2)
        holds = there & (np.broadcast_to(condition.evaluate(values), there.shape) != 0)
        new = (first < 0) & holds.any(axis=1)
        first[new] = part.start + holds.argmax(axis=1)[new]
    passed = first >= 0
    return time[np.where(passed, first, end)], passed


def _ends(run: Trajectories) -> np.ndarray:
    """int64[replicate], the last point that each replicate reached."""
    name, end = names_of(run)[:1], np.zeros(run.counts.shape[0], dtype=int)
    for part in blocks(run, 1):
        there = ~np.isnan(read(run, name, part)[:, :, 0])
        # `argmax` of the reversed row is the distance of the last point that is there from the end of the part.
        last = part.start + there.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
        end = np.where(there.any(axis=1), last, end)
    return end


class PassageAnalysis(Analysis):
    """First-passage times."""

    name = "first-passage"
    summary = "first-passage times of --passage 'A - B > 5', with replicates that never passed (Kaplan-Meier)"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        if ask.passage is None:
            raise InputError("first-passage needs a condition: add --passage 'A >= 10', for example")
        result = first_passage(run, ask.passage, ask.confidence)
        record = result._asdict() | {"n_passed": int(result.passed.sum()), "n": len(result.passed)}
        drawing = Drawing((result.plot,), size=(8, 5))
        return Finding(f"first passage of {_summary(result)}", _tables(result), record, drawing, _notes(run, result))


def _notes(run: Trajectories, result: Passage) -> list[str]:
    notes = []
    if result.exact:
        notes.append("the run recorded each passage as it happened, so times are exact")
    else:
        gap = float(np.diff(run.time).max()) if len(run.time) > 1 else 0.0
        notes.append(
            f"times are from recorded points up to {gap:.3g} s apart: they are never early but may be late, by more "
            "than this if the condition held only between points; for exact times, use analysis.watch"
        )
    if (result.time[~result.passed] < run.time[-1]).any():
        notes.append(
            "replicates that stopped early count as censored, which is unbiased only if the reason they stopped is "
            "unrelated to the passage"
        )
    return notes
