"""First-passage times: when a count first reaches a level, over replicates of which some never do.

Two sources. A network from `watch` notes the time of the passage itself, exact between recorded points. Without it the
recorded points are searched: a passage is then found at the first point where the condition holds, which is never too
early, and late by all that happened before: also excursions that were over before the next point are not seen.

Times that did not come within the run are censored. The survival function is that of E. L. Kaplan and P. Meier (J. Am.
Stat. Assoc. 53 (1958) 457-481, doi:10.1080/01621459.1958.10501452), with pointwise intervals by Greenwood's variance on
the scale of log(-log) (scipy.stats.ecdf).
"""

import contextlib
import re
import warnings
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..display.figures import Drawing, add_legend, new_axes, style, title
from ..display.html import fragment
from ..display.tables import Table, estimate, few, shown
from .base import Analysis, Ask, Finding, confidence_of, title_of
from .slices import Trajectories, blocks, check_data, chosen, names_of, read

_NOT_YET = -1.0
_CONDITION = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=)\s*([-+.\deE]+)\s*")


class Passage(NamedTuple):
    """First-passage times and their survival function."""

    what: str
    exact: bool
    """Noted by the run itself, not found at recorded points."""
    time: np.ndarray
    """float64[replicate] [s], of passage, or of the end where it did not come."""
    passed: np.ndarray
    """bool[replicate]."""
    at: np.ndarray
    """float64[step] [s], times at which the survival function falls."""
    survival: np.ndarray
    """float64[step], probability of no passage until then."""
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


def _summary(found: Passage) -> str:
    median = "" if np.isnan(found.median) else f", median {found.median:.4g} s"
    return f"{found.what}: {int(found.passed.sum())} of {len(found.passed)} replicates passed{median}"


def _tables(found: Passage) -> list[Table]:
    rows = [
        (f"{found.at[i]:.5g}", estimate(found.survival[i], found.low[i], found.high[i])) for i in few(len(found.at))
    ]
    columns = ("time [s]", f"not yet passed [{100 * found.confidence:g} % interval]")
    return [Table("survival function at some times", columns, rows)] if rows else []


def watch(network: ReactionNetwork, condition: str, name: str = "passage") -> ReactionNetwork:
    """The network with a parameter `name` that holds the time [s] at which `condition`, for example "A >= 10", first
    held, and -1 before: an observable of its runs. The law of the counts is the same.

    Raises InputError for a condition that does not read, or a name that is taken.
    """
    species, sign, level = _read_condition(condition)
    checks.choice("species", species, network.species, "the network has")
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in (*network.species, *network.observables):
        raise InputError(f"name {name!r} is taken or no name: choose another for the time of passage")
    event = f"@event note_{name}: when {species} {sign} {level!r} && {name} < 0; set {name} = time"
    return ReactionNetwork.from_text(f"{network.to_text()}\n@parameter {name} = {_NOT_YET:g}\n{event}\n")


def first_passage(run: Trajectories, what: str, confidence: float = 0.95) -> Passage:
    """Of `what`, a condition like "A >= 10" at the recorded points of a run, or the name of an observable made by
    `watch`, with intervals of `confidence`.

    Raises InputError for what is neither, or a run without data.
    """
    from scipy import stats

    check_data(run)
    confidence = confidence_of(confidence)
    exact = what in run.observable_names
    time, passed = _noted(run, what) if exact else _searched(run, what)
    if not passed.any():
        empty = np.empty(0)
        return Passage(what, exact, time, passed, empty, empty, empty, empty, float("nan"), confidence, title_of(run))
    survival = stats.ecdf(stats.CensoredData.right_censored(time, ~passed)).sf
    falls = np.isin(survival.quantiles, time[passed])
    at, share = survival.quantiles[falls], survival.probabilities[falls]
    low, high = (side[falls] for side in _band(survival, confidence))
    half = np.flatnonzero(share <= 0.5)
    median = float(at[half[0]]) if len(half) else float("nan")
    return Passage(what, exact, time, passed, at, share, low, high, median, confidence, title_of(run))


def _band(survival: Any, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends; where none is left, whose variance is not known, 0 and the upper end of the step before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of these steps
        low, high = (x.probabilities.copy() for x in survival.confidence_interval(confidence, method="log-log"))
    for k in np.flatnonzero(np.isnan(high)):
        low[k], high[k] = 0.0, high[k - 1] if k else 1.0
    return low, high


def _read_condition(text: str) -> tuple[str, str, float]:
    if (match := _CONDITION.fullmatch(str(text))) is not None:
        with contextlib.suppress(ValueError):  # the third group may be no number, as in 1e
            return match[1], match[2], float(match[3])
    raise InputError(f"a passage is a condition NAME >= NUMBER or NAME <= NUMBER, for example 'A >= 10', got {text!r}")


def _noted(run: Trajectories, name: str) -> tuple[np.ndarray, np.ndarray]:
    time, end = run.time, _ends(run)
    noted = np.empty(len(end))
    for part in blocks(run, 1):
        ending = np.flatnonzero((part.start <= end) & (end < part.stop))
        if len(ending):
            noted[ending] = read(run, (name,), part)[ending, end[ending] - part.start, 0]
    if ((noted < 0) & (noted != _NOT_YET)).any() or (noted > time[-1]).any():
        raise InputError(f"{name} holds no time of passage: give a condition, or the name given to `watch`")
    passed = noted >= 0
    return np.where(passed, noted, time[end]), passed


def _searched(run: Trajectories, condition: str) -> tuple[np.ndarray, np.ndarray]:
    name, sign, level = _read_condition(condition)
    (name,) = chosen(run, (name,))
    time, n = run.time, run.counts.shape[0]
    first, end = np.full(n, -1), _ends(run)
    for part in blocks(run, 1):
        values = read(run, (name,), part)[:, :, 0]
        holds = values >= level if sign == ">=" else values <= level
        new = (first < 0) & holds.any(axis=1)
        first[new] = part.start + holds.argmax(axis=1)[new]
    passed = first >= 0
    return time[np.where(passed, first, end)], passed


def _ends(run: Trajectories) -> np.ndarray:
    """int64[replicate], the last point that each replicate got to."""
    name, end = names_of(run)[:1], np.zeros(run.counts.shape[0], dtype=int)
    for part in blocks(run, 1):
        there = ~np.isnan(read(run, name, part)[:, :, 0])
        last = part.start + there.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
        end = np.where(there.any(axis=1), last, end)
    return end


class PassageAnalysis(Analysis):
    """First-passage times."""

    name = "first-passage"
    summary = "first-passage times of --passage 'A >= 10', with replicates that never passed (Kaplan-Meier)"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        if ask.passage is None:
            raise InputError("first-passage needs a condition: give one, for example --passage 'A >= 10'")
        found = first_passage(run, ask.passage, ask.confidence)
        record = found._asdict() | {"n_passed": int(found.passed.sum()), "n": len(found.passed)}
        drawing = Drawing((found.plot,), size=(8, 5))
        return Finding(f"first passage of {_summary(found)}", _tables(found), record, drawing, _notes(run, found))


def _notes(run: Trajectories, found: Passage) -> list[str]:
    notes = []
    if found.exact:
        notes.append("times were noted by the run when they came, and are exact")
    else:
        gap = float(np.diff(run.time).max()) if len(run.time) > 1 else 0.0
        notes.append(
            f"found at recorded points up to {gap:.3g} s apart: times are never too early but may be late, by more "
            "than that if the condition held only between points; analysis.watch makes a network that notes exact ones"
        )
    if (found.time[~found.passed] < run.time[-1]).any():
        notes.append(
            "some replicates stopped before the end and count as censored there, which is fair only if why they "
            "stopped has nothing to do with the passage"
        )
    return notes
