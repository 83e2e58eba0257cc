"""Smooth ReLU for several h beside ReLUs by annihilation and by thresholds, at equal settings."""

from functools import partial

from ..display.tables import Table
from .base import Extent, Results, training
from .score_study import Condition, ScoreStudy
from .settings import CONTENDERS, OPPONENTS, SMOOTH

_H, _QUICK_H = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0), (0.05, 0.25, 1.0)


class Smoothing(ScoreStudy):
    """The others have no h: they are lines across."""

    name = "smoothing"
    title = "smooth ReLU for several h, and other ReLUs"
    summary = "scores of smooth ReLU for several h, and of other ReLUs at equal settings"
    x_label = "smoothing h of the smooth ReLU [concentration^2]"
    x_scale = "log"

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        sizes = extent.of(_H, _QUICK_H)
        smooth = [Condition("", SMOOTH, h, partial(training, case, extent=extent, h=h)) for h in sizes]
        across = [
            Condition("", name, h, partial(training, case, extent=extent, **CONTENDERS[name]))
            for name in OPPONENTS
            for h in (sizes[0], sizes[-1])
        ]
        return smooth + across

    def tables(self, results: Results) -> list[Table]:
        (table,) = super().tables(results)
        seen, rows = set(), []
        for name, h, *cells in table.rows:
            if name == SMOOTH or name not in seen:
                rows.append((name, h if name == SMOOTH else "-", *cells))
            seen.add(name)
        return [table._replace(rows=rows)]
