"""The slope that backpropagation gets from a hidden neuron, at fixed weights, against its slope at rest.

The network is a hidden layer of the default chemistry without updates, whose error sum is held at 1. So the error D of
a neuron, from which its weights learn, is the slope that the chemistry has at that time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import seeds
from ..activations import Activation, make_activation
from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..nn import TrainingNetwork, training_network
from ..nn.chemistries import KangKim
from ..nn.chemistry import ACTIVATED, ERRORS, INPUTS, SAMPLE, TARGETS, Chemistry, Equation, Phase
from ..noise import Noise, plan_noise
from ..seeds import Purpose
from ..simulation.methods.implicit_euler import ImplicitEuler
from ..simulation.presentations import Presented, Samples
from ..simulation.replicate import advance_to, start_simulation
from ..statistics.intervals import Estimate, of_resamples
from ..storage import training_file
from .points import Outputs, Point, plain
from .study import Extent, Study, StudyResults, concentration_noise, rate_noise

_N_INPUTS = 2
_WEIGHT_LIMIT = float(np.sqrt(3.0 / _N_INPUTS))
"""Weights are uniform between minus and plus this limit, as at the start of training with two inputs."""
_POINTS = 101
"""Points in the second half of the presentation, from which the trapezoidal rule takes the mean error."""
_STEP = 0.02
"""Step of `implicit_euler` [s]."""


@dataclass(frozen=True)
class HeldError(Chemistry):
    """Forward pass, slopes and errors of `kang_kim` for one hidden layer, at fixed weights and a given error sum."""

    name = "held_error"
    summary = "the slopes of kang_kim at fixed weights, with an error sum of 1"
    meanings: ClassVar = KangKim.meanings
    forward: ClassVar = KangKim.forward
    backward: ClassVar = (
        Equation("slope", "S[i] = f'(Z[i])", ACTIVATED),
        Equation("error", "D[i]' = S[i] E - D[i]", ACTIVATED),
    )

    @property
    def update(self) -> tuple[Equation, ...]:
        return ()

    @property
    def ports(self) -> Mapping[str, str]:
        return {"error sum": "E"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        sets = ((INPUTS, SAMPLE), (TARGETS, SAMPLE), ("error sum", 1.0))
        return (Phase("hold", None, sets, learns=False),)


@dataclass(frozen=True)
class HiddenSlopes(Outputs):
    """Mean errors D of hidden neurons in `n` random configurations, over the second half of a presentation.

    Configurations have the seeds `seed`, `seed` + 1, ... Each has weights of two inputs, uniform as at the start of
    training, and two samples, uniform in [0, 1]. Each sample is presented for `running_time` [s]; the errors are those
    under the second. There is one neuron for each of `z`, all with the same weights. Its bias makes the pre-activation
    z.

    The file is that of a prediction. Its `outputs` float64[configuration, z] are mean errors, and its `targets` are the
    slopes of the reactions of the activation at rest without noise.
    """

    # Files of earlier versions have this name.
    kind: ClassVar[str] = "slopes"
    n: int
    activation: str
    settings: tuple[tuple[str, Any], ...]
    running_time: float
    z: tuple[float, ...]
    noise: tuple = ()
    step: float = _STEP

    @property
    def function(self) -> Activation:
        return make_activation(self.activation, **dict(self.settings))

    @property
    def decided(self) -> dict:
        made = {
            "seed": self.seed,
            "n": self.n,
            "activation": self.activation,
            "settings": asdict(self.function),
            "annihilation_rate": HeldError().annihilation_rate,
            "running_time": float(self.running_time),
            "z": [float(z) for z in self.z],
            "noise": [noise.record() for noise in self.noise],
            "step": float(self.step),
            "points": _POINTS,
            "weight_limit": _WEIGHT_LIMIT,
        }
        return plain(made)

    @property
    def kernels(self) -> tuple[str, bool]:
        return ImplicitEuler.name, bool(self.noise)

    def execute(self, folder: str | Path) -> None:
        spec = training_network((_N_INPUTS, len(self.z), 1), chemistry=HeldError(), activation=self.function)
        every = [self._configuration(spec, seed) for seed in range(self.seed, self.seed + self.n)]
        errors, slopes = (np.array(part) for part in zip(*every))
        training_file.write(self.path(folder), self.decided, "regression", slopes, errors)

    def _configuration(self, spec: TrainingNetwork, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(mean errors, slopes at rest) float64[z] of the configuration of a seed."""
        z = np.array(self.z)
        weights = seeds.stream(seed, Purpose.INITIAL_WEIGHTS).uniform(-_WEIGHT_LIMIT, _WEIGHT_LIMIT, _N_INPUTS)
        samples = seeds.stream(seed, Purpose.SPLIT).uniform(0.0, 1.0, (2, _N_INPUTS))
        # Pre-activations are z under the second sample.
        biases = z - weights @ samples[1]
        vector = np.concatenate([np.tile(weights, len(z)), biases, np.zeros(len(z) + 1)])
        plan = plan_noise(self.noise, spec.network, unforced=spec.unforced)
        simulation = start_simulation(
            ImplicitEuler, spec.network, spec.network.rates(), 1.0, spec.start(vector, 1.0, np.float64),
            seeds.stream(seed, Purpose.SIMULATION), noise=plan, seed=seed, options={"fixed_step": self.step},
        )  # fmt: skip
        grid = np.linspace(1.5 * self.running_time, 2.0 * self.running_time, _POINTS)
        rows = np.empty((_POINTS, simulation.n_species))
        presented = Samples(spec, Presented.each(samples, np.zeros((2, 1))), 1.0, np.float64)
        for k in range(2):
            for step in presented.present(simulation, k, k * self.running_time, (k + 1) * self.running_time):
                advance_to(
                    simulation, step.end, lambda time: False, grid_time=grid[: k * _POINTS], grid_counts=rows
                )  # fmt: skip
        rails = [number.rails for number in spec.numbers.select(ERRORS, layer=1)]
        errors = spec.read(rails, rows[:, : len(spec.network.species)], 1.0)
        mean = np.trapezoid(errors, grid, axis=0) / (grid[-1] - grid[0])
        # What both rails of a pre-activation are made at: the slope at rest may depend on it.
        made = np.abs(weights) @ samples[1] + np.abs(biases)
        return mean, self.function.at_rest(z, made).slope


# The study: errors of the slope near the kink and away from it. The smooth ReLU is compared with chemistries that have
# a kink, at the same running times and noises.
#
# The settings below were fixed before the study was executed. Seeds are those of configurations, see `HiddenSlopes`.

Z_SIZES = (0.01, 0.03, 0.1, 0.2, 0.3, 1.0)
"""|z| of the neurons, with both signs: three near the kink, one in between, two away from it."""
Z = tuple(sign * size for sign in (-1.0, 1.0) for size in Z_SIZES)
N_CONFIGURATIONS = 400
TIMES, QUICK_TIMES = (5.0, 10.0, 20.0, 40.0, 80.0), (5.0, 20.0)
"""Running times without noise [s]."""
RUNNING_TIME = 20.0
"""The running time under noise [s]; it is that of the case."""
RATE_SIZES, QUICK_RATE_SIZES = (0.05, 0.1, 0.2), (0.1,)
FORCING_SIZES, QUICK_FORCING_SIZES = (0.1, 0.2), (0.1,)
DRAWN_TIME, QUICK_DRAWN_TIME, DRAWN_SIZE = 10.0, 5.0, 0.1
"""The running time without noise [s], and the size of rate noise, whose errors are drawn against |z|."""
NEGLIGIBLE = 1e-3
"""A smaller rms is not drawn, and no ratio to it is given, because such errors do not matter to learning."""
N_RESAMPLES = 2000
"""Bootstrap samples of configurations; intervals are their percentiles."""
BINS: dict[str, Callable[[float], bool]] = {
    "0 < |z| <= 0.1": lambda size: size <= 0.1,
    "0.1 < |z| < 0.3": lambda size: 0.1 < size < 0.3,
    "|z| >= 0.3": lambda size: size >= 0.3,
}
NEAR = next(iter(BINS))


class Line(NamedTuple):
    """A chemistry that is compared, and the look of its line."""

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
"""The others are compared with the first, and were not tuned."""


class SlopeCondition(NamedTuple):
    """A running time and a noise."""

    name: str
    running_time: float
    noise: tuple[Noise, ...] = ()


def conditions(extent: Extent) -> tuple[list[SlopeCondition], list[SlopeCondition], list[SlopeCondition]]:
    """Conditions without noise, under noise in rates, and under forcing."""
    times = extent.of(TIMES, QUICK_TIMES)
    rates, forcings = extent.of(RATE_SIZES, QUICK_RATE_SIZES), extent.of(FORCING_SIZES, QUICK_FORCING_SIZES)
    return (
        [SlopeCondition(f"T = {t:g} s", t) for t in times],
        [SlopeCondition(f"rate noise {size:g}", RUNNING_TIME, rate_noise(size)) for size in rates],
        [SlopeCondition(f"forcing {size:g}", RUNNING_TIME, concentration_noise(size)) for size in forcings],
    )


class Gradient(Study):
    name = "gradient"
    title = "error of the slope that backpropagation gets"
    summary = "errors of a neuron at fixed weights and an error sum of 1, against the slope of its reactions at rest"
    cases = ("xor",)
    most_seeds = N_CONFIGURATIONS

    def point(self, case: str, extent: Extent, line: Line, condition: SlopeCondition) -> HiddenSlopes:
        n = len(self.seeds(extent))
        return HiddenSlopes(
            case, extent.seed, n, line.activation, line.settings, condition.running_time, Z, condition.noise
        )  # fmt: skip

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [
            self.point(case, extent, line, condition)
            for group in conditions(extent)
            for condition in group
            for line in LINES_DRAWN
        ]

    def tables(self, results: StudyResults) -> list[Table]:
        errors, every = self._errors(results), [c for group in conditions(results.extent) for c in group]
        columns = ("activation", *(c.name for c in every))

        def table(title: str, cell: Callable[[Line, SlopeCondition], Estimate]) -> Table:
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

    def draw(self, figure: Any, results: StudyResults) -> None:
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
                values = [errors.rms(line, condition, size.__eq__) for size in Z_SIZES]
                _errorbars(axes, np.array(Z_SIZES) * 1.015**k, values, style)
            values = [errors.rms(line, c, BINS[NEAR]) for c in still]
            _errorbars(by_time, np.array([c.running_time for c in still]) * 1.01**k, values, style)
            values = [errors.rms(line, c, BINS[NEAR]) for _, c in sizes]
            _errorbars(by_size, np.array([size for size, _ in sizes]) + 0.0007 * k, values, style)
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

    def _errors(self, results: StudyResults) -> "_Errors":
        return _Errors(self, results)


class _Errors:
    """Errors of the points that exist, and their root mean squares with intervals."""

    def __init__(self, study: Gradient, results: StudyResults) -> None:
        self._study, self._results = study, results
        self._known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def _resamples(self) -> np.ndarray:
        """int64[resample, configuration]. They are the same for all lines, so ratios are paired."""
        n = len(self._study.seeds(self._results.extent))
        return np.random.default_rng(0).integers(0, n, (N_RESAMPLES, n))

    def _of(self, line: Line, condition: SlopeCondition) -> tuple[np.ndarray, np.ndarray] | None:
        """(errors, distances from the slope of a true ReLU), each float64[configuration, z]."""
        record = self._results.record(self._study.point(self._results.case, self._results.extent, line, condition))
        if record is None:
            return None
        stem = record.point.stem
        if stem not in self._known:
            stored = training_file.read(record.path)
            self._known[stem] = stored.outputs - stored.targets, stored.outputs - (np.array(Z) > 0)
        return self._known[stem]

    def _square(
        self, line: Line, condition: SlopeCondition, inside: Callable[[float], Any], against_relu: bool
    ) -> np.ndarray | None:
        """Mean square float64[configuration] over the neurons whose |z| is `inside`."""
        errors = self._of(line, condition)
        if errors is None:
            return None
        chosen = np.array([bool(inside(abs(z))) for z in Z])
        return np.mean(np.square(errors[against_relu][:, chosen]), axis=1)

    def rms(
        self, line: Line, condition: SlopeCondition, inside: Callable[[float], Any], against_relu: bool = False
    ) -> Estimate:
        """Root mean square over configurations and the neurons whose |z| is `inside`."""
        square = self._square(line, condition, inside, against_relu)
        if square is None:
            return Estimate(np.nan, np.nan, np.nan, 0)
        return of_resamples(np.sqrt(square.mean()), np.sqrt(square[self._resamples].mean(axis=1)), len(square))

    def ratio(self, line: Line, condition: SlopeCondition, inside: Callable[[float], Any]) -> Estimate:
        """Ratio of the rms to that of the first line, in the same configurations, unless the latter is negligible."""
        squares = [self._square(each, condition, inside, False) for each in (line, LINES_DRAWN[0])]
        if squares[0] is None or squares[1] is None:
            return Estimate(np.nan, np.nan, np.nan, 0)
        if not np.sqrt(squares[1].mean()) >= NEGLIGIBLE:
            return Estimate(np.nan, np.nan, np.nan, 0)
        means = [square[self._resamples].mean(axis=1) for square in squares if square is not None]
        value = np.sqrt(squares[0].mean() / squares[1].mean())
        return of_resamples(value, np.sqrt(means[0] / means[1]), len(squares[0]))


def _shown(value: Estimate) -> str:
    """An estimate with three digits. By the width of the interval there would be more: only configurations are
    random."""
    if not value.n:
        return "-"
    if value.high < NEGLIGIBLE:
        return f"< {NEGLIGIBLE:g}"
    return f"{value.mean:.3g} [{value.low:.3g}, {value.high:.3g}]"


def _errorbars(axes: Any, x: np.ndarray, estimates: Sequence[Estimate], style: dict) -> None:
    mean, low, high = np.array([each[:3] for each in estimates]).T
    ends = np.nan_to_num([mean - low, high - mean])
    axes.errorbar(
        x, mean, yerr=np.maximum(ends, 0.0), capsize=2, marker="o", markersize=3, linewidth=1.2, elinewidth=0.8, **style
    )
