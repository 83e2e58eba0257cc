"""The share of random starts that learn XOR in every one of several settings of running time and noise.

A start learns in a setting if its test RMSE is below 0.25. With few hidden neurons one that never fires is missed. Rate
equations; settings, limit and seeds were fixed before the first run.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..display.figures import COLOURS
from ..display.tables import Table
from ..statistics.intervals import LEVEL, Estimate, estimate_share
from ..statistics.tests import holm, mcnemar
from .base import RATE_EQUATIONS, Extent, Results, Study, own_settings
from .points import Point, Training
from .running_time import at_running_time
from .settings import ALL_CONTENDERS, IDEAL_LEAKY, OPPONENTS, SMOOTH, concentration_noise, rate_noise

LEARNT = 0.25
"""RMSE [concentration]; that of the constant 1/2 is 0.5."""
_FIRST_SEED = 300
"""Earlier seeds were used in exploratory runs."""
_NETWORKS = {"2-3-1": (3,), "2-4-1": (4,), "2-8-1": (8,)}
_OWN = "2-4-1"
"""The network of the case, with which all activations are compared."""
_SETTINGS = {
    "T = 20 s": (1.0, ()),
    "T = 10 s": (0.5, ()),
    "T = 40 s": (2.0, ()),
    "rate noise 0.2": (1.0, rate_noise(0.2)),
    "forcing 0.2": (1.0, concentration_noise(0.2)),
}
"""Share of the case's running time, and noise."""
_EVERY = "in all five"
_FEWER = (SMOOTH, *(name for name in OPPONENTS if name != IDEAL_LEAKY))
_LONGER = 3
"""The network of the case is trained so many times as long, too."""


class _Group(NamedTuple):
    """A network and how long it is trained."""

    label: str
    hidden: tuple[int, ...]
    presentations: int
    contenders: tuple[str, ...] = _FEWER


class Learns(Study):
    name = "learns"
    title = "share of random starts that learn"
    summary = "the share of random starts that learn in every setting of running time and noise, for each activation"
    cases = ("xor",)
    most_seeds = 80

    def seeds(self, extent: Extent) -> range:
        """Counted from 300 on."""
        counted = super().seeds(extent)
        return range(_FIRST_SEED + counted.start, _FIRST_SEED + counted.stop)

    def _groups(self, case: str, extent: Extent) -> list[_Group]:
        n = own_settings(case, extent).presentations
        groups = [_Group(label, hidden, n) for label, hidden in extent.of(_NETWORKS, {_OWN: _NETWORKS[_OWN]}).items()]
        groups = [g._replace(contenders=tuple(ALL_CONTENDERS)) if g.label == _OWN else g for g in groups]
        longer = [_Group(f"{_OWN}, {_LONGER * n:,} presentations", _NETWORKS[_OWN], _LONGER * n)]
        return groups + extent.of(longer, [])

    def _runs(self, case: str, extent: Extent, group: _Group, contender: str) -> Iterator[tuple[str, list[Training]]]:
        """(setting, points over seeds)."""
        own = own_settings(case, extent).running_time
        for setting, (of_own, noise) in _SETTINGS.items():
            yield setting, [
                at_running_time(
                    case, seed, extent, own * of_own, noise=noise, method=RATE_EQUATIONS, hidden=group.hidden,
                    presentations=group.presentations, **ALL_CONTENDERS[contender],
                )
                for seed in self.seeds(extent)
            ]  # fmt: skip

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [
            point
            for group in self._groups(case, extent)
            for contender in group.contenders
            for _, points in self._runs(case, extent, group, contender)
            for point in points
        ]

    def _learnt(self, results: Results, group: _Group, contender: str) -> dict[str, Any]:
        """bool[seed] by setting, and in all of them. A run that blew up has not learnt; seeds of which a run is
        missing are masked in all."""
        rows, missing = {}, np.zeros(len(self.seeds(results.extent)), dtype=np.bool_)
        for setting, points in self._runs(results.case, results.extent, group, contender):
            scores = results.scores(points)
            failed = np.array([results.n_failed([p]) > 0 for p in points])
            missing |= np.isnan(scores) & ~failed
            rows[setting] = np.nan_to_num(scores, nan=np.inf) < LEARNT
        rows[_EVERY] = np.logical_and.reduce(list(rows.values()))
        return {setting: np.ma.masked_array(row, missing) for setting, row in rows.items()}

    def tables(self, results: Results) -> list[Table]:
        tables = []
        for group in self._groups(results.case, results.extent):
            learnt = {c: self._learnt(results, group, c) for c in group.contenders}
            rows = []
            others = [c for c in group.contenders if c != SMOOTH]
            pairs = {c: _pairs(learnt[SMOOTH][_EVERY], learnt[c][_EVERY]) for c in others}
            adjusted = dict(zip(others, holm([mcnemar(*pairs[c]) for c in others])))
            for contender, found in learnt.items():
                shares = [str(_share(row)) for row in found.values()]
                against = ["", ""]
                if contender != SMOOTH:
                    more, fewer = pairs[contender]
                    against = [f"{more} : {fewer}", f"{adjusted[contender]:.2g}"]
                rows.append((contender, *shares, *against))
            columns = ("activation", *(f"{s} [95 %]" for s in (*_SETTINGS, _EVERY)))
            tables.append(
                Table(
                    f"{group.label}, {len(self.seeds(results.extent))} starts: share with an RMSE below {LEARNT:g}. "
                    f"Starts that only the smooth ReLU learns in all five, against those that only the other learns, "
                    f"and McNemar's exact p, adjusted by Holm's method (level {LEVEL:g})",
                    (*columns, "only smooth : only other", "adjusted p"), rows,
                )
            )  # fmt: skip
        return tables

    def draw(self, figure: Any, results: Results) -> None:
        groups = self._groups(results.case, results.extent)
        figure.set_size_inches(1.6 + 3.4 * len(groups), 4.8)
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        settings = [*_SETTINGS, _EVERY]
        for axes, group in zip(panels, groups):
            for k, contender in enumerate(ALL_CONTENDERS):
                if contender not in group.contenders:
                    continue
                learnt = self._learnt(results, group, contender)
                found = [_share(row) for row in learnt.values()]
                x = np.arange(len(settings)) + 0.09 * (k - (len(ALL_CONTENDERS) - 1) / 2)
                mean = np.array([e.mean for e in found])
                ends = np.nan_to_num([[e.mean - e.low for e in found], [e.high - e.mean for e in found]])
                axes.errorbar(
                    x, mean, np.maximum(ends, 0.0), fmt="osD^vP*X"[k], color=COLOURS[k], capsize=2, markersize=4,
                    linewidth=1.0, label=contender,
                )  # fmt: skip
            axes.axvspan(len(_SETTINGS) - 0.5, len(_SETTINGS) + 0.5, color="0.93", zorder=0)
            axes.set_xticks(range(len(settings)), settings, rotation=35, ha="right", fontsize=8)
            axes.set_title(group.label, fontsize=10)
            axes.set_ylim(-0.02, 1.02)
        panels[0].set_ylabel("share of starts that learn\nand exact 95 % interval")
        widest = max(range(len(groups)), key=lambda k: len(groups[k].contenders))
        handles, labels = panels[widest].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        figure.suptitle(f"{results.case}: {self.title} (RMSE below {LEARNT:g})", fontsize=11)


def _share(learnt: Any) -> Estimate:
    return estimate_share(int(learnt.filled(False).sum()), int(learnt.count()))


def _pairs(one: Any, other: Any) -> tuple[int, int]:
    """How many starts only `one` learns, and how many only `other`."""
    return int((one & ~other).filled(False).sum()), int((other & ~one).filled(False).sum())
