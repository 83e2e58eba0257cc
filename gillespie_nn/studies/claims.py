"""Comparisons paired over seeds: all learning chemistries, and the two claims of the paper on the smooth ReLU."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..analysis.training_course import averaged_weights, float_network
from ..datasets import case as case_of
from ..display.figures import COLOURS
from ..display.tables import Table
from ..nn.chemistries import CHEMISTRIES
from ..statistics.intervals import estimate
from ..storage import open_trajectories
from .points import Point
from .score_studies import PLACES, TRAINING, ConcentrationNoiseStudy, RateNoiseStudy, at_running_time, times
from .study import (
    ANNIHILATION,
    CONTENDERS,
    LEAPING,
    OPPONENTS,
    RAIL,
    RATE_EQUATIONS,
    SMOOTH,
    Extent,
    Study,
    StudyFinding,
    StudyResults,
    summary_columns,
    summary_row,
    training,
)

# Every chemistry at the settings of a case: scores, and their cost in reactions and events.

_REFERENCE = CHEMISTRIES[0].name
_EXACT = ("xor",)
"""Cases that are simulated exactly, at Omega = 1000. The others are simulated by leaps, at Omega = 10000."""


class _Cost(NamedTuple):
    n_reactions: int
    n_events: float


class Chemistries(Study):
    """Split, start and order differ between seeds and are the same for all chemistries."""

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

    def tables(self, results: StudyResults) -> list[Table]:
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

    def draw(self, figure: Any, results: StudyResults) -> None:
        figure.set_size_inches(1.6 + 2.2 * len(CHEMISTRIES), 4.4)
        axes = figure.subplots()
        every = [results.scores(self._points(results.case, results.extent, c.name)) for c in CHEMISTRIES]
        # A line joins the runs of one seed.
        for seed in zip(*every):
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


def _cost(results: StudyResults, points: list[Point]) -> _Cost | None:
    """The number of reactions of the network, and the mean number that fired over the runs that exist."""
    paths = [record.path for p in points if (record := results.record(p)) is not None]
    if not paths:
        return None
    fired = []
    for path in paths:
        with open_trajectories(path) as run:
            n_reactions = len(run.model.reactions)
            fired.append(float(run.n_events.sum()))
    return _Cost(n_reactions, float(np.mean(fired)))


def _solved(results: StudyResults, points: list[Point]) -> str:
    """The number of runs in which every test sample is right, for a task with a threshold; else an empty text."""
    records = [record for p in points if (record := results.record(p)) is not None]
    if not records or records[0].task != "threshold":
        return ""
    right = [record.scores["accuracy"] == 1.0 for record in records]
    return f"{sum(right)} of {len(right)} seeds"


# The two claims of the paper as paired tests over seeds in every regime, with levels and possible explanations.
#
# The abstract of the paper states that training with the smooth ReLU is robust to noise in rates and concentrations. We
# test this in rate equations with noise. The loss is the error rate of a classification, else the RMSE.
#
# 1. The loss rises less under noise: (rise of the other activation) - (rise of the smooth ReLU) from no noise to eps is
# above 0, for the same seed. 2. The loss depends less on the running time and on the size of noise: the same for the
# least-squares slope of the loss on the number of halvings of T, or on eps.
#
# The rail ReLU is also tested against the annihilation ReLU. They differ by one reaction, which makes the former
# smooth.

LESS_LOSS, LESS_DEPENDENCE = CLAIMS = (
    "Under noise the loss rises less with smooth ReLU",
    "The loss depends less on running time and noise size with smooth ReLU",
)
PAIRS = (*((SMOOTH, other) for other in OPPONENTS), (RAIL, ANNIHILATION))
"""Pairs (smooth, other) that are tested."""
_NOISES = (RateNoiseStudy(), ConcentrationNoiseStudy())
_QUANTILES = (0.1, 0.5, 0.9)
_MOST_SAMPLES = 200


class _Tested(NamedTuple):
    """A finding with its regime and its pair of activations."""

    regime: str
    pair: tuple[str, str]
    finding: StudyFinding


class Claims(Study):
    name = "claims"
    title = "loss of the other activations minus loss of the smooth one"
    summary = "the paper's two claims as paired tests over seeds, in every regime, with levels and drives"
    cases = ("xor", "iris", "regression", "digits")

    def points(self, case: str, extent: Extent) -> list[Point]:
        sweeps = [p for study in _NOISES for p in study.points(case, extent)]
        at_times = [p for c in CONTENDERS for t in times(case, extent) for p in self._at(case, extent, c, t)]
        return [*sweeps, *at_times]

    def _at(self, case: str, extent: Extent, contender: str, time: float) -> list[Point]:
        return [
            at_running_time(case, s, extent, time, method=RATE_EQUATIONS, **CONTENDERS[contender])
            for s in self.seeds(extent)
        ]

    def findings(self, results: StudyResults) -> list[StudyFinding]:
        return [tested.finding for tested in self._tested(results)]

    def _tested(self, results: StudyResults) -> list[_Tested]:
        case, extent, seeds = results.case, results.extent, self.seeds(results.extent)
        entries = []

        def add(claim: str, regime: str, unit: str, by_contender: dict[str, np.ndarray]) -> None:
            for one, other in PAIRS:
                text = f"{regime}, {'' if one == SMOOTH else f'{one} '}against {other}"
                finding = StudyFinding(claim, case, text, unit, by_contender[other] - by_contender[one])
                entries.append(_Tested(regime, (one, other), finding))

        for study in _NOISES:
            sizes = extent.of(study.sizes, study.quick_sizes)
            for place in PLACES:
                loss = {
                    c: np.array(
                        [results.losses([study.point(case, s, extent, place, c, x) for s in seeds]) for x in sizes]
                    )
                    for c in CONTENDERS
                }  # float64[size, seed] of each activation
                where = f"{study.title}, {place}"
                for k, size in enumerate(sizes[1:], 1):
                    rises = {c: each[k] - each[0] for c, each in loss.items()}
                    add(LESS_LOSS, f"{where}, eps = {size:g}", "loss", rises)
                add(LESS_DEPENDENCE, where, "loss per eps", {c: slopes(each, sizes) for c, each in loss.items()})
        every_time = times(case, extent)
        halvings = -np.log2(every_time)
        slope = {
            c: slopes(np.array([results.losses(self._at(case, extent, c, t)) for t in every_time]), halvings)
            for c in CONTENDERS
        }
        add(LESS_DEPENDENCE, "running time", "loss per halving of T", slope)
        return entries

    def tables(self, results: StudyResults) -> list[Table]:
        """Levels, and the drives of the trained networks. The report has one table of the claims for all cases, because
        their p-values are adjusted together."""
        return [self._levels(results), self._drives(results)]

    def _levels(self, results: StudyResults) -> Table:
        case, extent, seeds = results.case, results.extent, self.seeds(results.extent)
        regimes = {
            f"{study.title}, eps = {x:g}" if x else "no noise": (study, x)
            for study in _NOISES
            for x in extent.of(study.sizes, study.quick_sizes)
        }
        rows = []
        for contender in CONTENDERS:
            trained = [
                [study.point(case, s, extent, TRAINING, contender, x) for s in seeds] for study, x in regimes.values()
            ]
            at_times = [self._at(case, extent, contender, t) for t in times(case, extent)]
            cells = [str(results.estimate(points)) for points in (*trained, *at_times)]
            rows.append((contender, *cells))
        columns = (*regimes, *(f"T = {t:g} s" for t in times(case, extent)))
        title = f"{results.measure.label}, mean [95 %], noise in training"
        return Table(title, ("activation", *columns), rows)

    def _drives(self, results: StudyResults) -> Table:
        rows = []
        for contender, settings in CONTENDERS.items():
            points = [
                training(results.case, s, results.extent, (), RATE_EQUATIONS, **settings)
                for s in self.seeds(results.extent)
            ]
            records = [r for p in points if (r := results.record(p)) is not None]
            drives, smoothings = [], []
            for record in records:
                with open_trajectories(record.path) as run:
                    inputs = run.training.inputs
                    # A test set too large for the file is that of the case.
                    if not len(inputs):
                        inputs = case_of(run.case).load(run.seed).test_x
                    inputs = inputs[:_MOST_SAMPLES] - run.training.centre
                    of_run = float_network(run).drives(averaged_weights(run)[-1], inputs)
                drives.append(of_run.output_made.sum() / np.abs(of_run.output).sum())
                smoothings.append(of_run.common.ravel())
            ratio = estimate(drives)
            if smoothings:
                h = np.quantile(np.concatenate(smoothings), _QUANTILES)
                shown = " / ".join(f"{q:.2g}" for q in h)
            else:
                shown = "-"
            rows.append((contender, str(ratio) if ratio.n else "-", shown))
        return Table(
            "Without noise, after training: the sum of the production rates of both rails of the output, over the "
            "size of the output; "
            "and h' = y (y - z) of hidden neurons, quantiles 10 / 50 / 90 % over samples, neurons and seeds",
            ("activation", "drive ratio, mean [95 %]", "h' [concentration^2]"), rows,
        )  # fmt: skip

    def draw(self, figure: Any, results: StudyResults) -> None:
        every = self._tested(results)
        units = list(dict.fromkeys(t.finding.unit for t in every))
        groups = [[t for t in every if t.finding.unit == u] for u in units]
        regimes = [list(dict.fromkeys(t.regime for t in group)) for group in groups]
        figure.set_size_inches(9.5, 1.8 + 0.42 * sum(map(len, regimes)) + 0.6 * len(groups))
        panels = figure.subplots(len(groups), 1, height_ratios=[len(r) + 1.0 for r in regimes], squeeze=False)[:, 0]
        for axes, unit, group, names in zip(panels, units, groups, regimes):
            for tested in group:
                self._row(axes, names.index(tested.regime), tested)
            axes.axvline(0.0, color="0.4", linewidth=0.8)
            axes.set_yticks(range(len(names)), names, fontsize=7)
            axes.set_ylim(len(names) - 0.4, -0.6)
            axes.set_xlabel(f"{unit}: other minus smooth, same seed (right of 0 supports the claim)", fontsize=8)
        handles, labels = panels[0].get_legend_handles_labels()
        by_label = dict(zip(labels, handles))
        figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=2, fontsize=8)
        task = "error rate" if results.measure.score == "accuracy" else "RMSE [concentration]"
        figure.suptitle(
            f"{results.case}: {self.title}; loss is the {task}\nmeans and single 95 % intervals over seeds", fontsize=10
        )

    @staticmethod
    def _row(axes: Any, k: int, tested: _Tested) -> None:
        result = estimate(tested.finding.differences)
        at = PAIRS.index(tested.pair)
        one, other = tested.pair
        if result.n:
            half = 0.0 if np.isnan(result.low) else result.high - result.mean
            axes.errorbar(
                result.mean, k + 0.13 * (at - (len(PAIRS) - 1) / 2), xerr=half, fmt="osD^vP"[at], color=COLOURS[at],
                capsize=1.5, markersize=3, linewidth=0.9, label=f"{other}, minus {one}",
            )  # fmt: skip


def slopes(losses: np.ndarray, x: ArrayLike) -> np.ndarray:
    """Least-squares slopes float64[seed] of `losses` float64[x, seed] on `x`; NaN where a loss is."""
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean()
    return centred @ losses / (centred @ centred)
