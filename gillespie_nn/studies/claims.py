"""The paper's two claims as paired tests over seeds, regime by regime; and the figure of the differences.

The paper's abstract says that training with the smooth ReLU is robust to noise in rates and concentrations. As we test
it, loss being the error rate of a classification and else the RMSE:

1. Loss rises less under noise: (rise of the other activation) - (rise of the smooth ReLU) from no noise to eps, of the
   same seed, is above 0.
2. Loss depends less on the running time, and on the size of noise: likewise for the least-squares slope of the loss on
   the number of halvings of T, or on eps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..display.figures import COLOURS
from .base import Extent, Finding, Results, Study, Table
from .noise_sweeps import PLACES, ConcentrationNoiseStudy, RateNoiseStudy
from .points import Point
from .running_time import at_running_time, times
from .settings import ACTIVATIONS, OTHERS, SMOOTH
from .statistics import estimate

LESS_LOSS, LESS_DEPENDENCE = CLAIMS = (
    "Under noise the loss rises less with smooth ReLU",
    "The loss depends less on running time and noise size with smooth ReLU",
)
_NOISES = (RateNoiseStudy(), ConcentrationNoiseStudy())


class Claims(Study):
    name = "claims"
    title = "loss of the other activations minus loss of smooth ReLU"
    summary = "the paper's two claims as paired tests over seeds, in every regime"
    cases = ("xor", "iris", "regression", "digits")

    def points(self, case: str, extent: Extent) -> list[Point]:
        sweeps = [p for study in _NOISES for p in study.points(case, extent)]
        return sweeps + [
            at_running_time(case, s, extent, t, activation=a)
            for a in ACTIVATIONS
            for t in times(case, extent)
            for s in self.seeds(extent)
        ]

    def findings(self, results: Results) -> list[Finding]:
        case, extent, seeds = results.case, results.extent, self.seeds(results.extent)
        found = []
        for study in _NOISES:
            sizes = extent.of(study.sizes, study.quick_sizes)
            for place in PLACES:
                loss = {
                    a: np.array(
                        [results.losses([study.point(case, s, extent, place, a, x) for s in seeds]) for x in sizes]
                    )
                    for a in ACTIVATIONS
                }  # float64[size, seed] of each activation
                where = f"{study.title}, {place}"
                for other in OTHERS:
                    against = f"against {ACTIVATIONS[other]}"
                    for k, size in enumerate(sizes[1:], 1):
                        rise = (loss[other][k] - loss[other][0]) - (loss[SMOOTH][k] - loss[SMOOTH][0])
                        found.append(Finding(LESS_LOSS, case, f"{where}, eps = {size:g}, {against}", "loss", rise))
                    steeper = slopes(loss[other], sizes) - slopes(loss[SMOOTH], sizes)
                    found.append(Finding(LESS_DEPENDENCE, case, f"{where}, {against}", "loss per eps", steeper))
        return found + self._of_running_time(results, seeds)

    def _of_running_time(self, results: Results, seeds: Sequence[int]) -> list[Finding]:
        every_time = times(results.case, results.extent)
        halvings = -np.log2(every_time)
        slope = {}
        for a in ACTIVATIONS:
            every = [
                [at_running_time(results.case, s, results.extent, t, activation=a) for s in seeds] for t in every_time
            ]
            slope[a] = slopes(np.array([results.losses(points) for points in every]), halvings)
        return [
            Finding(
                LESS_DEPENDENCE,
                results.case,
                f"running time, against {ACTIVATIONS[other]}",
                "loss per halving of T",
                slope[other] - slope[SMOOTH],
            )
            for other in OTHERS
        ]

    def tables(self, results: Results) -> list[Table]:
        return []  # the report has one for all cases, whose p-values are adjusted together

    def draw(self, figure: Any, results: Results) -> None:
        findings = self.findings(results)
        units = list(dict.fromkeys(f.unit for f in findings))
        groups = [[f for f in findings if f.unit == u] for u in units]
        figure.set_size_inches(9.5, 1.6 + 0.2 * sum(map(len, groups)) + 0.5 * len(groups))
        every = figure.subplots(len(groups), 1, height_ratios=[len(g) + 1.5 for g in groups], squeeze=False)[:, 0]
        for axes, unit, group in zip(every, units, groups):
            for k, finding in enumerate(group):
                self._row(axes, k, finding)
            axes.axvline(0.0, color="0.4", linewidth=0.8)
            axes.set_yticks(range(len(group)), [f.regime for f in group], fontsize=6.5)
            axes.set_ylim(len(group) - 0.4, -0.6)
            axes.set_xlabel(
                f"{unit}: other activation minus smooth ReLU, same seed (right of 0 supports the claim)", fontsize=8
            )
        handles, labels = every[0].get_legend_handles_labels()
        kept = dict(zip(labels, handles))
        figure.legend(kept.values(), kept.keys(), loc="outside lower center", ncols=2, fontsize=8)
        task = "error rate" if results.measure.score == "accuracy" else "RMSE [concentration]"
        figure.suptitle(
            f"{results.case}: {self.title}; loss is the {task}\nmeans and single 95 % intervals over seeds", fontsize=10
        )

    @staticmethod
    def _row(axes: Any, k: int, finding: Finding) -> None:
        found = estimate(finding.differences)
        other = next(o for o in OTHERS if finding.regime.endswith(f"against {ACTIVATIONS[o]}"))
        at = OTHERS.index(other)
        if found.n:
            half = 0.0 if np.isnan(found.low) else found.high - found.mean
            axes.errorbar(
                found.mean, k, xerr=half, fmt="os"[at], color=COLOURS[at], capsize=2, markersize=3.5, linewidth=1.0,
                label=f"against {ACTIVATIONS[other]}",
            )  # fmt: skip


def slopes(losses: np.ndarray, x: ArrayLike) -> np.ndarray:
    """Least-squares slopes float64[seed] of `losses` float64[x, seed] on `x`; NaN where a loss is."""
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean()
    return centred @ losses / (centred @ centred)
