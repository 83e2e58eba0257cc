"""Chemistry against float gradient descent: the study of both, their gap on MNIST, and starts that learn XOR."""

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..api import train
from ..display.figures import COLOURS
from ..display.tables import Table
from ..statistics.intervals import LEVEL, Estimate, estimate, estimate_ratio, estimate_share
from ..statistics.tests import Verdict, holm, mcnemar
from .points import Point, Training
from .score_studies import at_running_time
from .study import (
    ACCURACY,
    ALL_CONTENDERS,
    IDEAL_LEAKY,
    LEAPING,
    OPPONENTS,
    RATE_EQUATIONS,
    SMOOTH,
    Extent,
    Goal,
    Study,
    StudyResults,
    case_settings,
    concentration_noise,
    rate_noise,
    summary_columns,
    summary_row,
    training,
)

# The gap on MNIST (`scripts/mnist_gap.py`): one thing is changed at a time.
#
# Each row is a training on 55,000 images, judged on the 5,000 training images that the seed holds out. The test set is
# not used. All rows of a seed have the same start, order and steps. Differences are from the row `chemistry`, paired
# over seeds, with Student's interval at 95 %.

HELD_OUT, N_IMAGES, BATCH = 5_000, 60_000, 128
STEP = 1.0
"""B s = B eta (T - hold), the step of the mean of a batch at the start. Descent diverges above 1.5."""
CHEMISTRY = "chemistry"
ROWS: dict[str, dict[str, Any]] = {
    "gradient descent": {"method": "gradient_descent"},
    "gradient flow of each batch": {"method": "gradient_flow", "flow_rtol": 1e-5},
    "no noise of counts (Omega = 1e8)": {"volume": 1e8},
    CHEMISTRY: {},
    "Omega = 1e3": {"volume": 1e3},
    "Omega = 300": {"volume": 300.0},
    "annihilation 600": {"annihilation_rate": 600.0},
    "window of 100 s": {"running_time": 130.0},
    "leaps half as long": {"leap": 0.5},
    "stationary_leap, window of 300 s": {"method": "stationary_leap", "running_time": 330.0},
    "one image at a time": {"batch": 1},
}


def main() -> None:
    """Print the table of the gap; the command line is that of `scripts/mnist_gap.py`."""
    parser = argparse.ArgumentParser(
        description="What separates training MNIST in chemistry from gradient descent: one thing is changed at a time."
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument(
        "--step", type=float, default=STEP, help="step of the mean of 128 images (default: %(default)s)"
    )
    parser.add_argument("--row", action="append", choices=ROWS, help="only this row and `chemistry`; may be repeated")
    asked = parser.parse_args()
    chosen = {name: row for name, row in ROWS.items() if not asked.row or name in (CHEMISTRY, *asked.row)}
    accuracies = {
        name: np.array([_accuracy(seed, asked, row) for seed in range(asked.seeds)]) for name, row in chosen.items()
    }
    reference = accuracies[CHEMISTRY]
    rows = []
    for name, accuracy in accuracies.items():
        difference = "" if name == CHEMISTRY else str(estimate(100.0 * (accuracy - reference)))
        rows.append((name, f"{accuracy.mean():.4f}", difference))
    columns = ("training", "accuracy, held out", "difference [points]")
    title = f"{asked.seeds} seeds, {asked.epochs} epochs, 784-{asked.hidden}-10, step {asked.step:g}"
    print(Table(title, columns, rows).text())


def _accuracy(seed: int, asked: argparse.Namespace, row: dict[str, Any]) -> float:
    given = {"method": "batch_leap", "running_time": 60.0, "hold": 30.0, "batch": BATCH, **row}
    n = asked.epochs * (N_IMAGES - HELD_OUT)
    fit = train(
        "mnist",
        seed=seed,
        hidden=(asked.hidden,),
        presentations=-(-n // given["batch"]),
        learning_rate=asked.step / BATCH / (given["running_time"] - given["hold"]),
        validation=HELD_OUT / N_IMAGES,
        evaluate_every=n,
        **given,
    )
    return float(fit.trained.scores[-1, 1])


# The study: does the chemistry train as well as float gradient descent, at the same start, order and step?

_METHODS = {("rejection", 1e3): "exact, Omega = 1000", (LEAPING, 1e4): "tau-leaping, Omega = 10000"}
_QUICK_METHODS = {("rejection", 1e2): "exact, Omega = 100", (LEAPING, 1e4): "tau-leaping, Omega = 10000"}
LEAST_DIFFERENCE, LARGEST_RATIO = -0.01, 1.1
"""Goals: of the accuracy minus that of gradient descent, and of the RMSE over that of gradient descent."""


class Parity(Study):
    """Runs are paired over seeds. Split, start and order differ between seeds."""

    name = "parity"
    title = "chemistry against float gradient descent"
    summary = "paired comparison with gradient descent, and the goals for it"
    cases = ("iris", "regression", "digits")
    most_seeds = 60

    def _series(self, case: str, extent: Extent) -> Iterator[tuple[str, list[Point]]]:
        for (method, volume), label in extent.of(_METHODS, _QUICK_METHODS).items():
            yield label, [training(case, s, extent, method=method, volume=volume) for s in self.seeds(extent)]

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [p for _, points in self._series(case, extent) for p in points]

    def tables(self, results: StudyResults) -> list[Table]:
        every = self._series(results.case, results.extent)
        rows = [(label, *summary_row(results, points)) for label, points in every]
        return [Table("", ("method", *summary_columns(results)), rows)]

    def goals(self, results: StudyResults) -> list[Goal]:
        goals = []
        for label, points in self._series(results.case, results.extent):
            ours, theirs = results.scores(points), results.scores(points, "_gradient_descent")
            if results.measure is ACCURACY:
                difference = estimate(ours - theirs)
                goal = f"accuracy minus that of gradient descent above {LEAST_DIFFERENCE:g} ({label})"
                verdict = Verdict.of(difference.low > LEAST_DIFFERENCE, difference.high < LEAST_DIFFERENCE)
                goals.append(Goal(goal, results.case, f"{difference}, {difference.n} seeds", verdict))
            else:
                ratio = estimate_ratio(ours, theirs)
                goal = f"RMSE at most {LARGEST_RATIO:g} times gradient descent's ({label})"
                verdict = Verdict.of_interval(ratio.low, ratio.high, most=LARGEST_RATIO)
                goals.append(Goal(goal, results.case, f"{ratio}, {ratio.n} seeds", verdict))
        return goals

    def draw(self, figure: Any, results: StudyResults) -> None:
        figure.set_size_inches(9, 4.4)
        every = list(self._series(results.case, results.extent))
        panels = figure.subplots(1, len(every), sharex=True, sharey=True, squeeze=False)[0]
        for k, (axes, (label, points)) in enumerate(zip(panels, every)):
            ours, theirs = results.scores(points), results.scores(points, "_gradient_descent")
            known = np.isfinite(ours) & np.isfinite(theirs)
            if known.any():
                low, high = (f(np.concatenate([ours[known], theirs[known]])) for f in (np.min, np.max))
                axes.plot([low, high], [low, high], color="0.5", linewidth=0.8, label="equal")
                axes.plot(theirs[known], ours[known], "os"[k % 2], color=COLOURS[k], alpha=0.5, label="one seed")
                axes.legend(fontsize=8)
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(f"float gradient descent:\n{results.measure.label}")
        panels[0].set_ylabel(f"chemistry:\n{results.measure.label}")
        figure.suptitle(f"{results.case}: {self.title}", fontsize=11)


# The share of random starts that learn XOR in all of several settings of running time and noise, by rate equations.
#
# A start learns in a setting if its test RMSE is below 0.25. With few hidden neurons, a neuron that never fires may
# prevent it. Settings, limit and seeds were fixed before the first run.

LEARNT = 0.25
"""RMSE [concentration] below which a start has learnt; the constant output 1/2 has 0.5."""
_FIRST_SEED = 300
"""Smaller seeds were used in exploratory runs."""
_NETWORKS = {"2-3-1": (3,), "2-4-1": (4,), "2-8-1": (8,)}
_CASE_NETWORK = "2-4-1"
"""The network of the case, on which all activations are compared."""
_SETTINGS = {
    "T = 20 s": (1.0, ()),
    "T = 10 s": (0.5, ()),
    "T = 40 s": (2.0, ()),
    "rate noise 0.2": (1.0, rate_noise(0.2)),
    "forcing 0.2": (1.0, concentration_noise(0.2)),
}
"""By setting: the share of the running time of the case, and the noise."""
_EVERY = "in all five"
_FEWER = (SMOOTH, *(name for name in OPPONENTS if name != IDEAL_LEAKY))
_LONGER = 3
"""The network of the case is also trained so many times as long."""


class _Group(NamedTuple):
    """A network, its training and the activations compared on it."""

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
        """As many seeds as usual, from 300 on."""
        counted = super().seeds(extent)
        return range(_FIRST_SEED + counted.start, _FIRST_SEED + counted.stop)

    def _groups(self, case: str, extent: Extent) -> list[_Group]:
        n = case_settings(case, extent).presentations
        groups = [
            _Group(label, hidden, n)
            for label, hidden in extent.of(_NETWORKS, {_CASE_NETWORK: _NETWORKS[_CASE_NETWORK]}).items()
        ]
        groups = [g._replace(contenders=tuple(ALL_CONTENDERS)) if g.label == _CASE_NETWORK else g for g in groups]
        longer = [_Group(f"{_CASE_NETWORK}, {_LONGER * n:,} presentations", _NETWORKS[_CASE_NETWORK], _LONGER * n)]
        return groups + extent.of(longer, [])

    def _runs(self, case: str, extent: Extent, group: _Group, contender: str) -> Iterator[tuple[str, list[Training]]]:
        """(setting, points over seeds) of each setting."""
        case_time = case_settings(case, extent).running_time
        for setting, (share, noise) in _SETTINGS.items():
            yield setting, [
                at_running_time(
                    case, seed, extent, case_time * share, noise=noise, method=RATE_EQUATIONS, hidden=group.hidden,
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

    def _learnt(self, results: StudyResults, group: _Group, contender: str) -> dict[str, Any]:
        """bool[seed] for each setting and for all together. A run that blew up has not learnt. A seed with a
        missing run is masked everywhere."""
        rows, missing = {}, np.zeros(len(self.seeds(results.extent)), dtype=np.bool_)
        for setting, points in self._runs(results.case, results.extent, group, contender):
            scores = results.scores(points)
            failed = np.array([results.n_failed([p]) > 0 for p in points])
            missing |= np.isnan(scores) & ~failed
            rows[setting] = np.nan_to_num(scores, nan=np.inf) < LEARNT
        rows[_EVERY] = np.logical_and.reduce(list(rows.values()))
        return {setting: np.ma.masked_array(row, missing) for setting, row in rows.items()}

    def tables(self, results: StudyResults) -> list[Table]:
        tables = []
        for group in self._groups(results.case, results.extent):
            learnt = {c: self._learnt(results, group, c) for c in group.contenders}
            rows = []
            others = [c for c in group.contenders if c != SMOOTH]
            pairs = {c: _pairs(learnt[SMOOTH][_EVERY], learnt[c][_EVERY]) for c in others}
            adjusted = dict(zip(others, holm([mcnemar(*pairs[c]) for c in others])))
            for contender, by_setting in learnt.items():
                shares = [str(_share(row)) for row in by_setting.values()]
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

    def draw(self, figure: Any, results: StudyResults) -> None:
        groups = self._groups(results.case, results.extent)
        figure.set_size_inches(1.6 + 3.4 * len(groups), 4.8)
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        settings = [*_SETTINGS, _EVERY]
        for axes, group in zip(panels, groups):
            for k, contender in enumerate(ALL_CONTENDERS):
                if contender not in group.contenders:
                    continue
                learnt = self._learnt(results, group, contender)
                shares = [_share(row) for row in learnt.values()]
                x = np.arange(len(settings)) + 0.09 * (k - (len(ALL_CONTENDERS) - 1) / 2)
                mean = np.array([e.mean for e in shares])
                ends = np.nan_to_num([[e.mean - e.low for e in shares], [e.high - e.mean for e in shares]])
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
    """The numbers of starts that only `one` learns, and that only `other` learns."""
    return int((one & ~other).filled(False).sum()), int((other & ~one).filled(False).sum())
