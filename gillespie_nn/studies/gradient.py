"""How well the slope that a hidden neuron hands to backpropagation agrees with its slope at rest, near the kink and
away from it: smooth ReLU against chemistries with a kink, at the same running times and noises.

The settings below were written down before the study was carried out. Seeds are those of configurations, see `slopes`.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..noise import Noise
from ..statistics.intervals import Estimate, of_resamples
from ..storage import prediction_file
from .base import Extent, Results, Study
from .points import Point
from .settings import concentration_noise, rate_noise
from .slopes import Slopes

Z_SIZES = (0.01, 0.03, 0.1, 0.2, 0.3, 1.0)
"""|z| of the neurons, with both signs: three near the kink, one between, and two away from it."""
Z = tuple(sign * size for sign in (-1.0, 1.0) for size in Z_SIZES)
N_CONFIGURATIONS = 400
TIMES, QUICK_TIMES = (5.0, 10.0, 20.0, 40.0, 80.0), (5.0, 20.0)
"""Running times without noise [s]."""
RUNNING_TIME = 20.0
"""The running time under noise [s], that of the case."""
RATE_SIZES, QUICK_RATE_SIZES = (0.05, 0.1, 0.2), (0.1,)
FORCING_SIZES, QUICK_FORCING_SIZES = (0.1, 0.2), (0.1,)
DRAWN_TIME, QUICK_DRAWN_TIME, DRAWN_SIZE = 10.0, 5.0, 0.1
"""The running time without noise, and the rate noise, whose errors are drawn against |z|."""
NEGLIGIBLE = 1e-3
"""An rms below is not drawn, and no ratio to it is given: such errors do not matter to learning."""
N_RESAMPLES = 2000
"""Bootstrap samples of configurations, of which intervals are percentiles."""
BINS: dict[str, Callable[[float], bool]] = {
    "0 < |z| <= 0.1": lambda size: size <= 0.1,
    "0.1 < |z| < 0.3": lambda size: 0.1 < size < 0.3,
    "|z| >= 0.3": lambda size: size >= 0.3,
}
NEAR = next(iter(BINS))


class Line(NamedTuple):
    """A chemistry that is compared, and how its line looks."""

    label: str
    activation: str
    settings: tuple[tuple[str, Any], ...]
    colour: int
    style: int = 0


LINES_DRAWN = (
    Line("smooth ReLU, h = 0.25", "smooth_relu", (("h", 0.25), ("derivative", "switch")), 0),
    Line("smooth ReLU, h = 0.05", "smooth_relu", (("h", 0.05), ("derivative", "switch")), 0, 1),
    Line("smooth ReLU, h = 0.01", "smooth_relu", (("h", 0.01), ("derivative", "switch")), 0, 2),
    Line("smooth ReLU, h = 0.001", "smooth_relu", (("h", 0.001), ("derivative", "switch")), 0, 3),
    Line("smooth ReLU, gain, h = 0.25", "smooth_relu", (("h", 0.25), ("derivative", "gain")), 5),
    Line("rail ReLU, h = 0.25, kappa = 60", "rail_relu", (("h", 0.25), ("kappa", 60.0)), 2),
    Line("annihilation ReLU, kappa = 60", "annihilation_relu", (("kappa", 60.0),), 1),
    Line("annihilation ReLU, kappa = 1000", "annihilation_relu", (("kappa", 1e3),), 1, 1),
    Line("annihilation ReLU, kappa = 10,000", "annihilation_relu", (("kappa", 1e4),), 1, 2),
    Line(
        "annihilation ReLU, kappa = 1000, switch x 10", "annihilation_relu", (("kappa", 1e3), ("switch_rate", 10.0)),
        1, 3,
    ),
    Line("leaky annihilation ReLU, kappa = 1000", "leaky_annihilation_relu", (("kappa", 1e3),), 3),
    Line("idealised ReLU", "relu", (), 6),
    Line("idealised leaky ReLU", "leaky_relu", (), 7),
)  # fmt: skip
"""The first is the one that others are compared with. The others were not tuned."""


class Condition(NamedTuple):
    """A running time, and a noise."""

    name: str
    running_time: float
    noise: tuple[Noise, ...] = ()


def conditions(extent: Extent) -> tuple[list[Condition], list[Condition], list[Condition]]:
    """Those without noise, those under noise in rates, and those under forcing."""
    times = extent.of(TIMES, QUICK_TIMES)
    rates, forcings = extent.of(RATE_SIZES, QUICK_RATE_SIZES), extent.of(FORCING_SIZES, QUICK_FORCING_SIZES)
    return (
        [Condition(f"T = {t:g} s", t) for t in times],
        [Condition(f"rate noise {size:g}", RUNNING_TIME, rate_noise(size)) for size in rates],
        [Condition(f"forcing {size:g}", RUNNING_TIME, concentration_noise(size)) for size in forcings],
    )


class Gradient(Study):
    name = "gradient"
    title = "error of the slope that backpropagation gets"
    summary = "errors of a neuron at fixed weights and an error sum of 1, against the slope of its reactions at rest"
    cases = ("xor",)
    most_seeds = N_CONFIGURATIONS

    def point(self, case: str, extent: Extent, line: Line, condition: Condition) -> Slopes:
        n = len(self.seeds(extent))
        return Slopes(
            case, extent.seed, n, line.activation, line.settings, condition.running_time, Z, condition.noise
        )  # fmt: skip

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [
            self.point(case, extent, line, condition)
            for group in conditions(extent)
            for condition in group
            for line in LINES_DRAWN
        ]

    def tables(self, results: Results) -> list[Table]:
        errors, every = self._errors(results), [c for group in conditions(results.extent) for c in group]
        columns = ("activation", *(c.name for c in every))

        def table(title: str, cell: Callable[[Line, Condition], Estimate]) -> Table:
            rows = [(line.label, *(_shown(cell(line, c)) for c in every)) for line in LINES_DRAWN]
            return Table(f"{title} [95 %]", columns, rows)

        reference = LINES_DRAWN[0].label
        tables = []
        for where, inside in BINS.items():
            rms, ratio = partial(errors.rms, inside=inside), partial(errors.ratio, inside=inside)
            tables.append(table(f"rms error of the slope, {where}", rms))
            tables.append(table(f"rms error over that of {reference}, paired, {where}", ratio))
        of_relu = partial(errors.rms, inside=BINS[NEAR], against_relu=True)
        return [*tables, table(f"rms distance of the slope from that of a true ReLU, 0 or 1, {NEAR}", of_relu)]

    def draw(self, figure: Any, results: Results) -> None:
        extent, errors = results.extent, self._errors(results)
        still, shaken, _ = conditions(extent)
        time = extent.of(DRAWN_TIME, QUICK_DRAWN_TIME)
        figure.set_size_inches(11.0, 10.5)
        (by_z, by_z_noisy), (by_time, by_size) = figure.subplots(2, 2, sharey=True)
        quiet = next(c for c in still if c.running_time == time)
        at_rest = next(c for c in still if c.running_time == RUNNING_TIME)
        noisy = next(c for c in shaken if c.noise == rate_noise(DRAWN_SIZE))
        sizes = [(0.0, at_rest), *((c.noise[0].amplitude, c) for c in shaken)]
        for k, line in enumerate(LINES_DRAWN):
            style = {"color": COLOURS[line.colour], "linestyle": LINES[line.style], "label": line.label}
            for axes, condition in ((by_z, quiet), (by_z_noisy, noisy)):
                found = [errors.rms(line, condition, size.__eq__) for size in Z_SIZES]
                _errorbars(axes, np.array(Z_SIZES) * 1.015**k, found, style)
            found = [errors.rms(line, c, BINS[NEAR]) for c in still]
            _errorbars(by_time, np.array([c.running_time for c in still]) * 1.01**k, found, style)
            found = [errors.rms(line, c, BINS[NEAR]) for _, c in sizes]
            _errorbars(by_size, np.array([size for size, _ in sizes]) + 0.0007 * k, found, style)
        by_z.set_title(f"no noise, T = {time:g} s", fontsize=10)
        by_z_noisy.set_title(f"rate noise of {DRAWN_SIZE:g}, T = {RUNNING_TIME:g} s", fontsize=10)
        by_time.set_title(f"no noise, {NEAR}", fontsize=10)
        by_size.set_title(f"rate noise, T = {RUNNING_TIME:g} s, {NEAR}", fontsize=10)
        for axes in (by_z, by_z_noisy):
            axes.set_xscale("log")
            axes.set_xlabel("|z|, distance of the pre-activation from the kink [concentration]", fontsize=9)
            axes.set_xticks(Z_SIZES, [f"{size:g}" for size in Z_SIZES])
            axes.set_xticks([], minor=True)
        by_time.set_xscale("log")
        by_time.set_xlabel("running time T [s]", fontsize=9)
        by_time.set_xticks([c.running_time for c in still], [f"{c.running_time:g}" for c in still])
        by_time.set_xticks([], minor=True)
        by_size.set_xlabel("size of the noise eps", fontsize=9)
        for axes in (by_z, by_time):
            axes.set_yscale("log")
            axes.set_ylim(NEGLIGIBLE, 1.0)
            axes.set_ylabel(f"rms error of the slope\n(below {NEGLIGIBLE:g} not drawn)", fontsize=9)
        handles, labels = by_z.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, handlelength=4)
        n = len(self.seeds(extent))
        figure.suptitle(
            f"{self.title[0].upper()}{self.title[1:]}\n{n} random configurations, 95 % bootstrap intervals over them",
            fontsize=11,
        )

    def _errors(self, results: Results) -> "_Errors":
        return _Errors(self, results)


class _Errors:
    """Errors of the points that are there, and their root mean squares with intervals."""

    def __init__(self, study: Gradient, results: Results) -> None:
        self._study, self._results = study, results
        self._known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def _resamples(self) -> np.ndarray:
        """int64[resample, configuration], the same for all lines: ratios are paired."""
        n = len(self._study.seeds(self._results.extent))
        return np.random.default_rng(0).integers(0, n, (N_RESAMPLES, n))

    def _of(self, line: Line, condition: Condition) -> tuple[np.ndarray, np.ndarray] | None:
        """(errors, distances from the slope of a true ReLU), each float64[configuration, z]."""
        record = self._results.record(self._study.point(self._results.case, self._results.extent, line, condition))
        if record is None:
            return None
        stem = record.point.stem
        if stem not in self._known:
            found = prediction_file.read(record.path)
            self._known[stem] = found.outputs - found.targets, found.outputs - (np.array(Z) > 0)
        return self._known[stem]

    def _square(
        self, line: Line, condition: Condition, inside: Callable[[float], Any], against_relu: bool
    ) -> np.ndarray | None:
        """Mean square float64[configuration] over the neurons whose |z| is `inside`."""
        found = self._of(line, condition)
        if found is None:
            return None
        chosen = np.array([bool(inside(abs(z))) for z in Z])
        return np.mean(np.square(found[against_relu][:, chosen]), axis=1)

    def rms(
        self, line: Line, condition: Condition, inside: Callable[[float], Any], against_relu: bool = False
    ) -> Estimate:
        """Over configurations and the neurons whose |z| is `inside`."""
        square = self._square(line, condition, inside, against_relu)
        if square is None:
            return Estimate(np.nan, np.nan, np.nan, 0)
        return of_resamples(np.sqrt(square.mean()), np.sqrt(square[self._resamples].mean(axis=1)), len(square))

    def ratio(self, line: Line, condition: Condition, inside: Callable[[float], Any]) -> Estimate:
        """Of the rms to that of the first line, in the same configurations, unless the latter is `NEGLIGIBLE`."""
        squares = [self._square(each, condition, inside, False) for each in (line, LINES_DRAWN[0])]
        if squares[0] is None or squares[1] is None:
            return Estimate(np.nan, np.nan, np.nan, 0)
        if not np.sqrt(squares[1].mean()) >= NEGLIGIBLE:
            return Estimate(np.nan, np.nan, np.nan, 0)
        means = [square[self._resamples].mean(axis=1) for square in squares if square is not None]
        value = np.sqrt(squares[0].mean() / squares[1].mean())
        return of_resamples(value, np.sqrt(means[0] / means[1]), len(squares[0]))


def _shown(found: Estimate) -> str:
    """Three digits: where nothing is random but the configuration, an interval would have more of them."""
    if not found.n:
        return "-"
    if found.high < NEGLIGIBLE:
        return f"< {NEGLIGIBLE:g}"
    return f"{found.mean:.3g} [{found.low:.3g}, {found.high:.3g}]"


def _errorbars(axes: Any, x: np.ndarray, found: Sequence[Estimate], style: dict) -> None:
    mean, low, high = np.array([each[:3] for each in found]).T
    ends = np.nan_to_num([mean - low, high - mean])
    axes.errorbar(
        x, mean, yerr=np.maximum(ends, 0.0), capsize=2, marker="o", markersize=3, linewidth=1.2, elinewidth=0.8, **style
    )
