"""Ensembles drawn over time: steps of single trajectories of molecules, lines of means with bands, and phase planes."""

import inspect
import math
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import checks
from . import ensembles
from .ensembles import BAND, CONCENTRATION, MOLECULES, UNITS, Band
from .figures import COLOURS, LINES, Drawing, add_legend, title

LOGARITHMIC = ("x", "y", "xy")
"""Axes that can be logarithmic."""
_MOST_NAMES = 8
_RATIO = 30.0
"""Quantities whose largest values differ by more have panels of their own."""
_MOST_PANELS = 4
WIDE = 7.6
"""Width of a figure with a legend outside the axes [inch]."""
_SAMPLES = {1: 5, 2: 3, 3: 2}
"""Single trajectories that are drawn of so many quantities; of more, one."""
LABELS = {MOLECULES: "count [molecules]", CONCENTRATION: "concentration", "": "value of the observable"}
"""Of the axis, by units."""


def plot_ensemble(
    result: Any,
    names: Sequence[str] = (),
    ax: Any = None,
    *,
    x: str | None = None,
    y: str | None = None,
    log: str = "",
    units: str | None = None,
    samples: int | None = None,
    confidence: float = 0.95,
    label: str = "",
) -> Any:
    """Draw a result over time, or with `x` and `y` one quantity against another.

    One replicate is drawn as steps if it counts molecules, and else, or under a rate rule, as a line; several as their
    mean with a band of 5 to 95 % of the replicates, the interval of the mean, and a few single trajectories.

    Parameters
    ----------
    result : a `Result`, `Run`, `MomentsResult` or `MomentsRun`.
    names : quantities; by default up to eight species that vary most.
    ax : axes to draw into; by default new ones, in panels of their own for quantities of different size.
    x, y : names of two quantities, for a phase plane.
    log : axes that are logarithmic: `x`, `y` or `xy`.
    units : `molecules` or `concentration`; by default those of `ax`, or of the result.
    samples : single trajectories that are drawn of each quantity; by default 5 to 1, fewer of many quantities.
    confidence : of the interval of the mean, at each time alone.
    label : what is added to the names in the legend; by default the method, if `ax` shows these names already.

    Returns the axes, an array if there are several. Raises InputError for unknown names or options, and
    MissingExtraError without matplotlib.
    """
    phase = None if x is None and y is None else (x, y)
    return ensemble_drawing(
        result, names, phase=phase, log=log, units=units, samples=samples, confidence=confidence, label=label,
        one_panel=ax is not None,
    ).plot(ax)  # fmt: skip


PLOT_OPTIONS = tuple(
    name for name, p in inspect.signature(plot_ensemble).parameters.items() if p.kind is p.KEYWORD_ONLY
)
"""Options of figures of results, by name."""


def checked_log(log: str) -> str:
    """`log`, if it names axes that can be logarithmic, or none."""
    return log if log == "" else checks.choice("log", log, LOGARITHMIC, "use", "for example log='y'")


def ensemble_drawing(
    result: Any,
    names: Sequence[str] = (),
    *,
    phase: tuple[str | None, str | None] | None = None,
    log: str = "",
    units: str | None = None,
    samples: int | None = None,
    confidence: float = 0.95,
    label: str = "",
    one_panel: bool = False,
) -> Drawing:
    """What `plot_ensemble` draws; `phase` are its x and y."""
    checked_log(log)
    if units is not None:
        checks.choice("units", units, UNITS, "use")
    if samples is not None:
        samples = checks.whole("samples", samples, least=0)
    if phase is not None:
        if None in phase or len(phase) != 2:
            raise checks.InputError("a phase plane needs two quantities, for example x='A', y='B'")
        across, up = (ensembles.choose(result, [str(name)], 1)[0] for name in phase)
        plane = partial(_phase, result=result, pair=(across, up), log=log, units=units, samples=samples, label=label)
        return Drawing((plane,), size=(6.4 if len(result) == 1 else WIDE, 4))
    chosen = ensembles.choose(result, names, _MOST_NAMES)
    single = len(result) == 1 and not ensembles.is_moments(result)
    species = set(ensembles.species_of(result))
    bands = {name: ensembles.band(result, name, confidence) for name in chosen}
    kinds = [[b for n, b in bands.items() if (n in species) == of] for of in (True, False)]
    groups = [list(chosen)] if one_panel else [g for kind in kinds for g in by_size(kind, split="y" not in log)]

    def panel(axes: Any, group: Sequence[str], first: bool) -> None:
        shown = units or _units_of(axes) or result.units
        drawn = [bands[name].times(ensembles.factor_to(result, name, shown)) for name in group]
        steps = [name for name in group if single and ensembles.is_stepped(result, name)]
        count = 0 if single else _SAMPLES.get(len(group), 1) if samples is None else samples
        if not ensembles.is_moments(result) and count:
            _draw_samples(axes, result, drawn, count, shown, chosen)
        draw_bands(
            axes, result.time, drawn, steps=steps, confidence=confidence,
            label=label or result.method, always=bool(label), n=len(result), order=chosen,
        )  # fmt: skip
        finish(axes, LABELS[shown if species & set(group) else ""], log)
        if first:
            title(axes, _title(result, () if len(names) else chosen))

    panels = tuple(partial(panel, group=group, first=k == 0) for k, group in enumerate(groups))
    return Drawing(panels, size=(6.4 if single else WIDE, 2.2 + 1.9 * len(groups)), share_x=True)


def draw_bands(
    axes: Any,
    time: np.ndarray,
    bands: Sequence[Band],
    steps: Collection[str] = (),
    confidence: float = 0.95,
    label: str = "",
    always: bool = False,
    n: int = 1,
    order: Sequence[str] = (),
    parts: tuple[float, float] = BAND,
) -> None:
    """Draw means with their bands. Of a name that `axes` show already, the line has its colour, darker, another line
    style, and `label` behind the name. Names in `steps` are drawn as steps. `order` are all names of the figure, whose
    places give the colours, and `parts` the probabilities of the ends of the band."""
    order = list(order or [band.name for band in bands])
    has_range = has_interval = False
    for band in bands:
        k = order.index(band.name)
        before = [line for line in axes.lines if line.get_label().partition(", ")[0] == band.name]
        colour = before[0].get_color() if before else COLOURS[k % len(COLOURS)]
        name = f"{band.name}, {label}" if before or always else band.name
        if np.isfinite(band.bottom).any():
            axes.fill_between(time, band.bottom, band.top, color=colour, alpha=0.15, linewidth=0)
            has_range = True
        if np.isfinite(band.low).any():
            axes.fill_between(time, band.low, band.high, color=colour, alpha=0.35, linewidth=0)
            has_interval = True
        stepped = band.name in steps
        dashes = LINES[(k // len(COLOURS) if stepped else k + len(before)) % len(LINES)]  # dashed steps do not read
        axes.plot(
            time, band.mean, dashes, label=name, linewidth=1.8 if before else 1.5,
            color=_darker(colour) if before else colour, drawstyle="steps-post" if stepped else "default", zorder=3,
        )  # fmt: skip
    # Bands and their meaning in the legend once, in grey: they are of all colours.
    if has_range:
        many = f"{n} replicates" if n > 1 else "linear noise"
        _key(axes, f"{100 * parts[0]:g} to {100 * parts[1]:g} % of {many}", 0.15)
    if has_interval:
        _key(axes, f"{100 * confidence:g} % interval of the mean", 0.35)


def _key(axes: Any, label: str, alpha: float) -> None:
    if label not in axes.get_legend_handles_labels()[1]:
        axes.fill_between([], [], [], color="0.2", alpha=alpha, linewidth=0, label=label)


def finish(axes: Any, y_label: str, log: str = "", x_label: str = "time [s]") -> None:
    """Labels, scales and the legend."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    add_legend(axes)


def _draw_samples(axes: Any, result: Any, bands: Sequence[Band], count: int, units: str, order: Sequence[str]) -> None:
    count = min(count, len(result))
    for band in bands:
        how: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.7}
        how["drawstyle"] = "steps-post" if ensembles.is_stepped(result, band.name) else "default"
        factor = ensembles.factor_to(result, band.name, units)
        for row in factor * ensembles.values(result, band.name, slice(0, count)):
            axes.plot(result.time, row, color=COLOURS[list(order).index(band.name) % len(COLOURS)], **how)
    label = f"{count} single {'trajectory' if count == 1 else 'trajectories'}" + (" each" if len(bands) > 1 else "")
    axes.plot([], [], color="0.4", linewidth=0.6, label=label)


def _phase(
    axes: Any, result: Any, pair: tuple[str, str], log: str, units: str | None, samples: int | None, label: str
) -> None:
    units = units or _units_of(axes) or result.units
    factors = [ensembles.factor_to(result, name, units) for name in pair]
    n = len(result)
    k = len({line.get_label() for line in axes.lines} - {""})
    colour = COLOURS[k % len(COLOURS)]
    several = n > 1 or ensembles.is_moments(result)
    if several and not ensembles.is_moments(result):
        count = min(n, 3 if samples is None else samples)
        paths = [f * ensembles.values(result, name, slice(0, count)) for f, name in zip(factors, pair)]
        for row, (a, b) in enumerate(zip(*paths)):
            axes.plot(a, b, color=COLOURS[(k + 1 + row) % len(COLOURS)], linewidth=0.6, label=f"replicate {row}")
    means = [f * ensembles.band(result, name, 0.95).mean for f, name in zip(factors, pair)]
    what = label or (f"mean of {n} replicates" if several else result.method)
    axes.plot(*means, LINES[k % len(LINES)], color=colour, linewidth=1.8 if several else 1.0, label=what)
    axes.plot(*(values[:1] for values in means), "o", color=colour, markersize=5, label=f"t = {result.time[0]:g} s")
    labels = [f"{n} [{units}]" if n in ensembles.species_of(result) else n for n in pair]
    finish(axes, labels[1], log, labels[0])
    title(axes, _title(result, ()))


def by_size(bands: Sequence[Band], split: bool = True) -> list[list[str]]:
    """Names in panels, by the size of their values; all in one unless `split`."""
    if not split:
        return [[band.name for band in bands]] if bands else []
    sizes = {band.name: _size(band) for band in bands}
    rest = sorted(sizes, key=lambda name: -sizes[name])
    found: list[list[str]] = []
    while rest:
        last = len(found) == _MOST_PANELS - 1
        group = {n for n in rest if last or sizes[n] * _RATIO >= sizes[rest[0]] or not sizes[n]}
        found.append([name for name in sizes if name in group])
        rest = [name for name in rest if name not in group]
    return found


def _size(band: Band) -> float:
    found = [np.nanmax(np.abs(v)) for v in (band.mean, band.top) if np.isfinite(v).any()]
    return float(max(found, default=0.0))


def _title(result: Any, chosen: Iterable[str]) -> str:
    n = len(result)
    text = f"{result.method}, Omega = {result.volume:g}, seed {result.seed}"
    if n > 1:
        text += f", {n} replicates"
    chosen = set(chosen)
    left = len(set(ensembles.species_of(result)) - chosen) if chosen else 0
    less = "it varies" if left == 1 else "they vary"
    return text + (f"\n{left} species not shown: {less} less" if left else "")


def _units_of(axes: Any) -> str | None:
    """The units that axes show already, over time or in a phase plane."""
    over_time = next((units for units, label in LABELS.items() if axes.get_ylabel() == label), None)
    labels = (axes.get_xlabel(), axes.get_ylabel())
    return over_time or next((u for u in UNITS if any(label.endswith(f"[{u}]") for label in labels)), None)


def _darker(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(math.sqrt(0.2) * part for part in to_rgb(colour))
