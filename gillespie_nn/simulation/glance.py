"""What a prompt and a notebook show of a result: what it is, and its quantities at the last recorded time.

Of a large file only two recorded points of some replicates are read.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..display.ensembles import asked_for, with_rate_rules
from ..display.html import fragment
from ..display.tables import Table, shown

if TYPE_CHECKING:
    from .ensemble_result import EnsembleResult

_MOST_ROWS = 10
_MOST_REPLICATES = 1000
"""Read of a file: each takes HDF5 about 0.1 ms."""


def text(result: "EnsembleResult") -> str:
    """Two lines for a prompt."""
    early = _n_stopped(result)
    title = result._title() + (f"; {early:,} stopped early" if early else "")
    return f"{title}\n  {_how(result)}"


def _how(result: "EnsembleResult") -> str:
    reason = f" ({result.method_reason})" if result.method_reason else ""
    return f"method {result.method}{reason}, seed {result.seed}, Omega = {result.volume:g}"


def span(result: "EnsembleResult") -> str:
    """Replicates, recorded times and quantities, in words."""
    n, planned, time = len(result), result.n_planned, result.time
    replicates = f"{n:,}" if n == planned else f"{n:,} of {planned:,}"
    words = [f"{replicates} {_plural(planned, 'replicate')}", f"{len(time)} {_plural(len(time), 'point')}"]
    if len(time):
        words[-1] += f" from {time[0]:g} to {time[-1]:g} s"
    names = result.quantities
    return ", ".join([*words, f"{len(names)} {_plural(len(names), 'quantity', 'quantities')} [{result.units}]"])


def stopped(result: "EnsembleResult") -> str:
    """How many replicates stopped early, and why; nothing if none did."""
    early = _n_stopped(result)
    if not early:
        return ""
    why = ((n, str(s).removeprefix("stopped: ")) for s, n in result.statuses.items() if not s.complete)
    reasons = "; ".join(f"{n:,}: {reason}" for n, reason in why)
    return f"{early:,} of {sum(result.statuses.values()):,} replicates stopped early ({reasons})"


def _n_stopped(result: "EnsembleResult") -> int:
    return sum(n for status, n in result.statuses.items() if not status.complete)


def html(result: "EnsembleResult") -> str:
    """A title, a table of the quantities that moved most, and notes."""
    notes = [_how(result), *filter(None, [stopped(result)])]
    n = len(result)
    if not n or not len(result.time):
        return fragment(result._title(), notes=[*notes, "nothing is recorded yet"])
    if result._IN_FILE and n > _MOST_REPLICATES:
        notes.append(f"the table shows the first {_MOST_REPLICATES:,} replicates")
    return fragment(result._title(), [shown(_table(result), _MOST_ROWS)], notes)


class Last(NamedTuple):
    """A quantity at the last recorded time."""

    name: str
    mean: float
    std: float


def last(result: "EnsembleResult") -> list[Last]:
    """Every quantity that the run was asked for at the last point, of a file in its first replicates. What rate rules
    change comes first, then what moved most, by the root mean square of the change from the first point, about."""
    names, first = asked_for(result), with_rate_rules(result)
    points = (0, len(result.time) - 1)
    sums = result._sums(names, points, _MOST_REPLICATES if result._IN_FILE else None)
    mean = np.where(sums.n > 0, sums.mean, np.nan)
    std = np.sqrt(np.where(sums.n > 1, sums.squares / np.maximum(sums.n - 1, 1), np.nan))
    moved = np.hypot(mean[1] - mean[0], np.nan_to_num(std[1]))
    order = np.lexsort((-np.nan_to_num(moved, nan=-1.0), [name not in first for name in names]))
    return [Last(names[k], mean[1, k], std[1, k]) for k in order]


def _table(result: "EnsembleResult") -> Table:
    quantities, rates = last(result), with_rate_rules(result)
    when = f"at t = {result.time[-1]:g} s"
    if len(quantities) > _MOST_ROWS:
        when += "; variables of rate rules, then largest changes first" if rates else "; largest changes first"
    if len(result) == 1:
        return Table(when, ("quantity", "value"), [(q.name, q.mean) for q in quantities])
    return Table(when, ("quantity", "mean", "std. dev."), list(quantities))


def _plural(n: int, one: str, many: str = "") -> str:
    return one if n == 1 else many or f"{one}s"
