"""The base of every analysis: its options, its result, and the reading of runs in parts of bounded size.

Values are read as float64, with NaN at points that a replicate did not reach.

To add an analysis: a subclass of `Analysis`, and its line in `ANALYSES` of `run_report.py`.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.curves import candidates, known_name, ranked, with_rate_rules
from ..display.figures import Drawing, new_figure, save_figure
from ..display.tables import Table, fragment, shown
from ..simulation import MomentsResult, Trajectories
from ..simulation.result_views import blocks, names_of, read, split

AnyRun = Trajectories | MomentsResult
__all__ = [
    "Analysis", "AnyRun", "Ask", "Finding", "Trajectories", "blocks", "check_data", "chosen", "has_trajectories",
    "names_of", "per_concentration", "point_at", "read", "series", "stretches", "title_of", "units",
]  # fmt: skip
_LEAST_UNITS = 8
"""Stretches that a stationary analysis needs for the spread between them."""
_LEAST_POINTS = 16
"""Recorded points in a stretch."""


def chosen(run: Trajectories, names: Sequence[str] = (), most: int = 8) -> tuple[str, ...]:
    """`names`, which must be in the run. By default the variables of rate rules and the species that vary most, up to
    `most` in all, or the observables of a model without either."""
    every = names_of(run)
    if len(names):
        return tuple(dict.fromkeys(known_name(run, name, whose="the run has") for name in names))
    if not every:
        raise InputError("the run has no species, so there is nothing to analyse")
    known = candidates(run)
    # One pass in parts: the range of a file of any size needs little memory.
    low, high = np.full(len(known), np.inf), np.full(len(known), -np.inf)
    n_replicates, n_points, _ = run.counts.shape
    for replicates in split(n_replicates, n_points * len(known)):
        for points in split(n_points, len(known)):
            values = read(run, known, points, replicates)
            low = np.minimum(low, np.nanmin(values, axis=(0, 1), initial=np.inf))
            high = np.maximum(high, np.nanmax(values, axis=(0, 1), initial=-np.inf))
    return tuple(known[k] for k in ranked(known, high - low, with_rate_rules(run), most))


def has_trajectories(run: AnyRun) -> TypeGuard[Trajectories]:
    """Whether a run holds trajectories, not moments alone."""
    return hasattr(run, "counts")


def check_data(run: AnyRun) -> None:
    """Raises InputError for a run without trajectories, or without a committed replicate."""
    if not has_trajectories(run):
        raise InputError(
            "the run contains moments and no trajectories, so only its means can be analysed: use --what means"
        )
    if not run.counts.shape[0] or not run.counts.shape[1]:
        raise InputError("the run has no committed replicate yet, so there is nothing to analyse")


def per_concentration(run: Trajectories) -> float:
    """The divisor that turns values of a run into concentrations: Omega, or 1 if they are concentrations already."""
    return run.volume if run.units == "molecules" else 1.0


def series(run: Trajectories, name: str, points: slice, replicate: int) -> np.ndarray:
    """float64[point] of one replicate."""
    parts = split(points.stop - points.start, len(run.species))
    shifted = [slice(points.start + p.start, points.start + p.stop) for p in parts]
    return np.concatenate([read(run, (name,), p, slice(replicate, replicate + 1))[0, :, 0] for p in shifted])


def stretches(run: Trajectories, name: str, of_units: list[tuple[int, slice]]) -> Iterator[np.ndarray]:
    """float64[stretch, point] of the stretches from `units`, in their order, in parts of bounded size.

    Raises InputError for a rule that is not finite at a recorded time."""
    for values in _stretches(run, name, of_units):
        if not np.isfinite(values).all():
            raise InputError(
                f"{name} is not finite at every recorded time, but a stationary analysis needs a value at each"
            )
        yield values


def _stretches(run: Trajectories, name: str, of_units: list[tuple[int, slice]]) -> Iterator[np.ndarray]:
    # `units` lists all replicates of one slice of points before the next slice, so each slice is one group.
    for piece, same in itertools.groupby(of_units, key=lambda unit: unit[1]):
        replicates = np.array([replicate for replicate, _ in same])
        # Parts are ranges of replicates, not of whole ones: one read covers the range, so its size is what counts.
        for part in split(int(replicates[-1]) + 1, (piece.stop - piece.start) * len(run.species)):
            numbers = replicates[(replicates >= part.start) & (replicates < part.stop)]
            if not len(numbers):
                continue
            if len(numbers) == 1:
                yield series(run, name, piece, int(numbers[0]))[None]
            else:
                # Numbers rise, so one read from the first to the last covers them; others in between are dropped.
                span = slice(int(numbers[0]), int(numbers[-1]) + 1)
                yield read(run, (name,), piece, span)[numbers - numbers[0], :, 0]


def point_at(run: Trajectories, time: float | None = None) -> int:
    """The last recorded point that is not later than `time` [s]; None: the last of all."""
    check_data(run)
    recorded = run.time
    if time is None:
        return len(recorded) - 1
    time = checks.finite("time", time)
    if not recorded[0] <= time <= recorded[-1]:
        raise InputError(f"time must be within the recorded times, {recorded[0]:g} to {recorded[-1]:g} s, got {time:g}")
    return int(np.searchsorted(recorded, time, side="right")) - 1


def units(run: Trajectories, start: float | None = None) -> tuple[list, float]:
    """Stretches of stationary trajectories that count as independent, and the time between points [s].

    A stretch is (replicate, slice of points); all have one length. Each replicate from `start` on [s] (None: from the
    middle) is a stretch. With fewer than 8 replicates, each is cut into as many pieces as make 8 stretches. Replicates
    that did not reach the end are left out, and so is a last point at another distance. Raises InputError if points are
    too few or not evenly spaced.
    """
    check_data(run)
    time = run.time
    start = 0.5 * (time[0] + time[-1]) if start is None else checks.finite("start", start)
    first = int(np.searchsorted(time, start))
    used = time[first:]
    # Differences of large times carry their rounding, so the absolute tolerance grows with the times.
    rtol, atol = 1e-6, 4 * np.finfo(float).eps * float(np.abs(time).max())
    if len(used) > 2 and not np.isclose(used[-1] - used[-2], used[1] - used[0], rtol, atol):
        used = used[:-1]
    whole = _whole_replicates(run)
    if not len(whole):
        raise InputError("a stationary analysis needs a replicate that reached the end, and the run has none")
    pieces = -(-_LEAST_UNITS // len(whole)) if len(whole) < _LEAST_UNITS else 1
    length = len(used) // pieces
    if length < _LEAST_POINTS:
        raise InputError(
            f"a stationary analysis needs at least {pieces * _LEAST_POINTS} recorded points from start = {start:g} s "
            f"on, got {len(used)}: record more points, or use an earlier start"
        )
    spacing = (used[-1] - used[0]) / (len(used) - 1)
    if not np.allclose(np.diff(used), spacing, rtol, atol):
        raise InputError("a stationary analysis needs evenly spaced times: simulate with n_points instead of time")
    cut = [slice(first + k * length, first + (k + 1) * length) for k in range(pieces)]
    return [(int(r), piece) for piece in cut for r in whole], float(spacing)


def _whole_replicates(run: Trajectories) -> np.ndarray:
    """Numbers of the replicates that reached the last point."""
    last = read(run, names_of(run)[:1], slice(run.counts.shape[1] - 1, run.counts.shape[1]))
    return np.flatnonzero(~np.isnan(last[:, 0, 0]))


# What an analysis takes and gives: options in; numbers, tables and a figure out.


@dataclass(frozen=True)
class Ask:
    """Options of analyses. Each analysis uses the ones it needs."""

    species: tuple[str, ...] = ()
    """Names of species and observables; by default those that vary most."""
    time: float | None = None
    """Time of a histogram or a comparison [s]; by default the last."""
    start: float | None = None
    """Start of the stationary part [s]; by default the second half."""
    passage: str | None = None
    """A condition such as `A >= 10`, or the name of an observable that contains the passage time."""
    other: Any = None
    """Run to compare with."""
    confidence: float = 0.95
    log: str = ""
    """Logarithmic axes of trajectories: `x`, `y` or `xy`."""
    phase: tuple[str, str] | None = None
    """Two quantities to draw against each other, instead of against time."""
    samples: Any = None
    """What to present to a trained network, as for `Fit.trajectories`; by default three presentations or samples."""
    weights: str | None = None
    """With which weights to begin then: `trained`, the default, or `initial`."""

    def __post_init__(self) -> None:
        checks.confidence(self.confidence)


@dataclass(frozen=True)
class Finding:
    """The result of an analysis."""

    title: str
    tables: list[Table]
    record: dict
    """Numbers, texts and arrays by name, for JSON."""
    drawing: Drawing
    """Its figure."""
    notes: list[str] = field(default_factory=list)
    """Remarks on the method and its limits."""

    def __repr__(self) -> str:
        return f"Finding({self.title!r}: {len(self.tables)} tables, a figure of {len(self.drawing.panels)} panels)"

    def _repr_html_(self) -> str:
        return fragment(self.title, map(shown, self.tables), self.notes)

    def text(self) -> str:
        """The title, tables and notes as text."""
        return "\n".join([self.title, *(t.text() for t in self.tables), *self.notes])

    def plot(self, ax: Any = None) -> Any:
        """Draw the figure into `ax`, one axes for each panel, or into a new one. Returns the axes. Needs matplotlib."""
        return self.drawing.plot(ax)

    def draw(self, figure: Any) -> None:
        """Draw the figure into an empty matplotlib figure."""
        self.drawing.on(figure)

    def save(self, path: str | Path) -> None:
        """Save the figure to a file. Needs matplotlib."""
        figure = new_figure()
        self.draw(figure)
        save_figure(figure, path)


class Analysis:
    """One kind of analysis: class attributes `name`, `summary`, and the method `find`."""

    name: str
    summary: str
    in_report = True
    """Whether reports include it where `applies`."""

    @staticmethod
    def applies(run: AnyRun) -> bool:
        """Whether the analysis works on `run` with default options."""
        return True

    @staticmethod
    def find(run: Any, ask: Ask) -> Finding:
        """Analyse a `Run` or a `Result`. Raises InputError if that is impossible."""
        raise NotImplementedError


def title_of(run: AnyRun) -> str:
    """Method, volume and seed of a run, for figures."""
    return f"{run.method}, Omega = {run.volume:g}, seed {run.seed}"
