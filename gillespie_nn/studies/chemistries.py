"""Every chemistry at the settings of a case, paired over seeds: scores, and what they cost in reactions and events."""

from typing import Any, NamedTuple

import numpy as np

from ..display.figures import COLOURS
from ..display.tables import Table
from ..nn.chemistries import CHEMISTRIES
from ..statistics.intervals import estimate
from ..storage import open_trajectories
from .base import LEAPING, Extent, Results, Study, summary_columns, summary_row, training
from .points import Point

_REFERENCE = CHEMISTRIES[0].name
_EXACT = ("xor",)
"""Cases that are simulated exactly, at Omega = 1000; the others by leaps at Omega = 10000."""


class _Cost(NamedTuple):
    n_reactions: int
    n_events: float


class Chemistries(Study):
    """Each seed has its own split, start and order, which are the same for all chemistries."""

    name = "chemistries"
    title = "learning chemistries compared"
    summary = "scores, reactions and events of every chemistry, paired over seeds"
    cases = ("xor", "iris", "regression", "digits")

    def _points(self, case: str, extent: Extent, chemistry: str) -> list[Point]:
        exact = case in _EXACT
        method, volume = ("rejection", 1e2 if extent.quick else 1e3) if exact else (LEAPING, 1e4)
        return [
            training(case, seed, extent, method=method, volume=volume, chemistry=chemistry)
            for seed in self.seeds(extent)
        ]

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [p for chemistry in CHEMISTRIES for p in self._points(case, extent, chemistry.name)]

    def tables(self, results: Results) -> list[Table]:
        by_name = {c.name: self._points(results.case, results.extent, c.name) for c in CHEMISTRIES}
        reference = results.scores(by_name[_REFERENCE])
        thresholds = any(_solved(results, points) for points in by_name.values())
        rows = []
        for name, points in by_name.items():
            difference = "" if name == _REFERENCE else str(estimate(results.scores(points) - reference))
            cost = _cost(results, points)
            costs = ("", "") if cost is None else (f"{cost.n_reactions:,}", f"{cost.n_events:.3g}")
            solved = [_solved(results, points)] if thresholds else []
            rows.append((name, *summary_row(results, points), difference, *solved, *costs))
        right = ("all samples right",) if thresholds else ()
        columns = ("chemistry", *summary_columns(results), f"difference from {_REFERENCE}, paired", *right)
        return [Table("", (*columns, "reactions", "reactions fired"), rows)]

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(1.6 + 2.2 * len(CHEMISTRIES), 4.4)
        axes = figure.subplots()
        every = [results.scores(self._points(results.case, results.extent, c.name)) for c in CHEMISTRIES]
        for seed in zip(*every):  # a line joins the runs of one seed
            axes.plot(range(len(seed)), seed, color="0.7", linewidth=0.7, zorder=1)
        for k, (chemistry, scores) in enumerate(zip(CHEMISTRIES, every)):
            known = scores[np.isfinite(scores)]
            label = f"{chemistry.name}, one seed"
            axes.plot(np.full(len(known), k), known, "o", color=COLOURS[k], alpha=0.5, markersize=4, label=label)
            mean = results.measure.estimate(scores)
            if mean.n > 1:
                axes.errorbar(
                    k + 0.12, mean.mean, [[mean.mean - mean.low], [mean.high - mean.mean]], fmt="s", color=COLOURS[k],
                    capsize=3, markersize=5, label=f"{chemistry.name}, mean with 95 % interval",
                )  # fmt: skip
        axes.plot([], [], color="0.7", linewidth=0.7, label="the same seed")
        axes.set_xticks(range(len(CHEMISTRIES)), [c.name for c in CHEMISTRIES])
        axes.set_xlim(-0.5, len(CHEMISTRIES) - 0.5)
        axes.set_ylabel(results.measure.label)
        axes.legend(fontsize=8)
        figure.suptitle(f"{results.case}: {self.title}", fontsize=11)


def _cost(results: Results, points: list[Point]) -> _Cost | None:
    """The number of reactions of the network, and how many fired in the mean of the runs that are there."""
    paths = [record.path for p in points if (record := results.record(p)) is not None]
    if not paths:
        return None
    fired = []
    for path in paths:
        with open_trajectories(path) as run:
            n_reactions = len(run.model.reactions)
            fired.append(float(run.n_events.sum()))
    return _Cost(n_reactions, float(np.mean(fired)))


def _solved(results: Results, points: list[Point]) -> str:
    """In how many runs every test sample is right, for a task with a threshold; else nothing."""
    records = [record for p in points if (record := results.record(p)) is not None]
    if not records or records[0].task != "threshold":
        return ""
    right = [record.scores["accuracy"] == 1.0 for record in records]
    return f"{sum(right)} of {len(right)} seeds"
