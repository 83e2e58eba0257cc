"""Figures of ensembles: over time, as phase planes, and of sweeps.

A result is any object with the public attributes of a `Result`: trajectories or moments, in memory or in a file.
"""

import inspect
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from .figures import COLOURS, LINES, Drawing, add_legend, new_axes, style, title

# The numbers that a figure shows.

MOLECULES, CONCENTRATION = UNITS = "molecules", "concentration"
BAND = (0.05, 0.95)
"""Probabilities of the ends of a band: 90 % of the replicates are inside."""


class Band(NamedTuple):
    """One quantity over time, float64[point] each; NaN where it is unknown."""

    name: str
    mean: np.ndarray
    low: np.ndarray
    """Lower end of the confidence interval of the mean."""
    high: np.ndarray
    bottom: np.ndarray
    """Lower end of the band: 5 % of the replicates are below."""
    top: np.ndarray

    def times(self, factor: float) -> "Band":
        """The band with all values multiplied by `factor`, for other units."""
        return Band(self.name, *(factor * values for values in self[1:]))


def is_moments(result: Any) -> bool:
    """Whether `result` has only moments."""
    return hasattr(result, "moments")


def species_of(result: Any) -> tuple[str, ...]:
    """Names of the species, whose values are in the result's units."""
    if not is_moments(result):
        return tuple(result.species)
    return tuple(name for name in result.quantities if name in result.model.index)


def signed_numbers(result: Any) -> Mapping[str, Any]:
    """`EnsembleResult.signed_numbers` of a result; empty for an object that is not one."""
    return getattr(result, "signed_numbers", {})


def signs_of(result: Any, name: str) -> tuple[tuple[str, int], ...]:
    """Pairs (species, +1 or -1) whose sum is `name`: two for a signed number, one for a species or observable."""
    signed = () if name in result.quantities else signed_numbers(result)
    return signed[name].signs() if name in signed else ((name, 1),)  # type: ignore[call-overload]


def known_name(result: Any, name: Any, kind: str = "species", whose: str = "the result has", **how: Any) -> Any:
    """`name`, which must be a quantity of the result or a signed number. `kind`, `whose` and `how` go to
    `checks.choice`. Raises InputError for another name; the message says so if it is a species that was not recorded,
    or a signed number of which there are only moments of its rails."""
    if isinstance(name, str) and name not in result.quantities and name in signed_numbers(result):
        if is_moments(result):
            plus, minus = (species for species, _ in signs_of(result, name))
            raise InputError(
                f"{name} is {plus} less {minus}, and moments of their difference were not recorded: simulate again "
                f"with record='trajectories', or add the line `@rule {name} = {plus} - {minus}` to the model"
            )
        return name
    how["elsewhere"] = (*how.get("elsewhere", ()), *signed_numbers(result))
    if isinstance(name, str) and name not in result.quantities and name in getattr(result.model, "index", ()):
        have = checks.shortened(list(result.quantities)) or "none"
        raise InputError(f"species {name!r} was not recorded: {whose} {have}; simulate again with {name} in species")
    return checks.choice(kind, name, result.quantities, whose, **how)


def has_units(result: Any, name: str) -> bool:
    """Whether values of `name` are in the units of the result, as those of species and signed numbers are."""
    return name in species_of(result) or (name not in result.quantities and name in signed_numbers(result))


def is_stepped(result: Any, name: str) -> bool:
    """Whether trajectories of `name` are steps: they count molecules, and no rate rule changes `name` or what its rule
    reads."""
    if is_moments(result) or not np.issubdtype(result.counts.dtype, np.integer):
        return False
    network = result.model
    if network is None:  # a result that was made from arrays
        return True
    reads: set[str] = set()
    for part, _ in signs_of(result, name):
        reads |= network.resolved_rules[part].names() if part in network.resolved_rules else {part}
    return network.rate_rules.keys().isdisjoint(reads)


def asked_for(result: Any) -> tuple[str, ...]:
    """Quantities that match the option `species` of the run; without it, all."""
    patterns = getattr(result, "_species_asked", None)
    if patterns is None:
        return tuple(result.quantities)
    rails = {species for name in signed_numbers(result).keys() & {*patterns} for species, _ in signs_of(result, name)}
    return tuple(
        name for name in result.quantities if name in rails or any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def with_rate_rules(result: Any) -> tuple[str, ...]:
    """Quantities that a rate rule changes. They come first if not all are shown."""
    rate_rules = getattr(result.model, "rate_rules", ())
    return tuple(name for name in result.quantities if name in rate_rules)


def ranked(names: Sequence[str], moved: np.ndarray, first: Collection[str], most: int) -> list[int]:
    """Places of up to `most` of the `names` to show: those in `first`, then those that `moved` most, float64[name].

    The places are sorted: those in `first`, then the others, each in the order of `names`.
    """
    later = np.array([name not in first for name in names], dtype=np.bool_)
    chosen = np.lexsort((-moved, later))[:most]
    return sorted(chosen.tolist(), key=lambda k: (later[k], k))


def candidates(result: Any) -> tuple[str, ...]:
    """Quantities among which a figure chooses those that vary most: those that the run was asked for; else the species
    and what rate rules change; else the observables."""
    every, asked = tuple(result.quantities), asked_for(result)
    if len(asked) < len(every):
        return asked
    shown = {*species_of(result), *with_rate_rules(result)}
    return tuple(name for name in every if name in shown) or every


def choose(result: Any, names: Sequence[str], most: int) -> tuple[str, ...]:
    """`names`, which must be in the result; if none, what rate rules change and the species that vary most, together up
    to `most`, in their order.

    Raises InputError for an unknown name, and for a result without replicates."""
    every = result.quantities
    if not len(result) or not every:
        raise InputError(
            "the result has no replicates, so there is nothing to plot" if every else "there is no quantity"
        )
    if len(names):
        names = [names] if isinstance(names, str) else names
        return tuple(dict.fromkeys(known_name(result, name, "quantity") for name in names))
    known = candidates(result)
    first = with_rate_rules(result)
    if len(known) <= most:
        return tuple(known[k] for k in ranked(known, np.zeros(len(known)), first, most))
    # Range over replicates and times. Points that no replicate reached are NaN and must not count.
    largest, smallest = (
        np.nan_to_num(result.maximum(known), nan=-np.inf),
        np.nan_to_num(result.minimum(known), nan=np.inf),
    )
    spread = largest.max(axis=0) - smallest.min(axis=0)
    return tuple(known[k] for k in ranked(known, spread, first, most))


def values(result: Any, name: str, replicates: slice = slice(None)) -> np.ndarray:
    """float64[replicate, point], a quantity in its units; NaN at points that a replicate did not reach."""
    if len(parts := signs_of(result, name)) > 1:
        return np.asarray(sum(sign * values(result, part, replicates) for part, sign in parts))
    if name in result.observable_names:
        return np.asarray(result.observables[replicates, :, result.observable_names.index(name)], dtype=float)
    return _real(result.counts[replicates, :, result.species.index(name)])


def _real(counts: Any) -> np.ndarray:
    real = np.asarray(counts).astype(np.float64)
    if np.issubdtype(counts.dtype, np.integer):
        real[np.asarray(counts) < 0] = np.nan  # not reached
    return real


def band(result: Any, name: str, confidence: float) -> Band:
    """Mean, pointwise interval of the mean (Student's t) and 5 to 95 % of replicates, of those that reached each point.
    Of `linear_noise` the band is that of its normal law, and there is no interval."""
    mean, (low, high) = result.mean(name), result.interval(name, confidence)
    bottom, top = np.full((2, len(mean)), np.nan)
    if is_moments(result):
        if result.moments.sketch is not None:
            bottom, top = result.quantile(BAND, name)
    elif len(result) > 1:
        bottom, top = result.quantile(BAND, name)
    elif np.isfinite(variance := variance_of_law(result, name)).any():
        from scipy import stats  # which takes long to import

        spread = stats.norm.isf(BAND[0]) * np.sqrt(np.maximum(variance, 0.0))
        bottom, top = mean - spread, mean + spread
    return Band(name, mean, low, high, bottom, top)


def variance_of_law(result: Any, name: str) -> np.ndarray:
    """float64[point], the variance that `linear_noise` computes, in its units; NaN of observables, and for other
    methods."""
    signs = signs_of(result, name)
    have = set(result.species) - set(result.observable_names)
    if not result.covariance.shape[-1] or not have.issuperset(species for species, _ in signs):
        return np.full(len(result.time), np.nan)
    places = [(result.species.index(species), sign) for species, sign in signs]
    covariance = result.covariance
    return np.asarray(sum(a * b * np.asarray(covariance[0, :, i, j]) for i, a in places for j, b in places))


def factor_to(result: Any, name: str, units: str) -> float:
    """Factor that converts values of `name` to `units`; 1 for observables, whose units are unknown."""
    if not has_units(result, name) or units == result.units:
        return 1.0
    return 1.0 / result.volume if units == CONCENTRATION else result.volume


# Ensembles over time: steps for single trajectories of molecules, lines for means with bands; and phase planes.

LOGARITHMIC = ("x", "y", "xy")
"""Axes that can be logarithmic."""
_MOST_NAMES = 8
_RATIO = 30.0
"""Quantities whose largest values differ by more than this factor are drawn in separate panels."""
_MOST_PANELS = 4
WIDE = 7.6
"""Width of a figure with a legend outside the axes [inch]."""
_SAMPLES = {1: 5, 2: 3, 3: 2}
"""Number of single trajectories for each quantity, by the number of quantities; for more quantities, one."""
LABELS = {MOLECULES: "count [molecules]", CONCENTRATION: "concentration", "": "value of the observable"}
"""Labels of the axis of values, by units."""


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
    ax : axes to draw into; by default new ones, in separate panels for quantities of different size.
    x, y : names of two quantities, for a phase plane.
    log : axes that are logarithmic: `x`, `y` or `xy`.
    units : `molecules` or `concentration`; by default those of `ax`, or of the result.
    samples : number of single trajectories drawn of each quantity; by default 5, and fewer (at least 1) for many
        quantities.
    confidence : confidence of the interval of the mean, at each time separately.
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
    """`log`, which must be empty or name axes that can be logarithmic. Raises InputError."""
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
    """The figure of `plot_ensemble`; `phase` are its x and y."""
    checked_log(log)
    if units is not None:
        checks.choice("units", units, UNITS, "use")
    if samples is not None:
        samples = checks.whole("samples", samples, least=0)
    if phase is not None:
        if None in phase or len(phase) != 2:
            raise checks.InputError("a phase plane needs two quantities: give both x and y, for example x='A', y='B'")
        across, up = (choose(result, [str(name)], 1)[0] for name in phase)
        plane = partial(_phase, result=result, pair=(across, up), log=log, units=units, samples=samples, label=label)
        return Drawing((plane,), size=(6.4 if len(result) == 1 else WIDE, 4))
    chosen = choose(result, names, _MOST_NAMES)
    single = len(result) == 1 and not is_moments(result)
    species = {name for name in chosen if has_units(result, name)}
    bands = {name: band(result, name, confidence) for name in chosen}
    kinds = [[b for n, b in bands.items() if (n in species) == of] for of in (True, False)]
    groups = [list(chosen)] if one_panel else [g for kind in kinds for g in by_size(kind, split="y" not in log)]

    def panel(axes: Any, group: Sequence[str], first: bool) -> None:
        shown = units or _units_of(axes) or result.units
        drawn = [bands[name].times(factor_to(result, name, shown)) for name in group]
        steps = [name for name in group if single and is_stepped(result, name)]
        count = 0 if single else _SAMPLES.get(len(group), 1) if samples is None else samples
        if not is_moments(result) and count:
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
    """Draw means with their bands.

    If `axes` already show a name, its new line has a darker colour, another line style, and `label` after the name.
    Names in `steps` are drawn as steps. `order` are all names of the figure, whose places give the colours. `parts` are
    the probabilities of the ends of the band.
    """
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
        # Steps are solid, because dashes of short steps cannot be read, until the colours are used up.
        dashes = LINES[(k // len(COLOURS) if stepped else k + len(before)) % len(LINES)]
        axes.plot(
            time, band.mean, dashes, label=name, linewidth=1.8 if before else 1.5,
            color=_darker(colour) if before else colour, drawstyle="steps-post" if stepped else "default", zorder=3,
        )  # fmt: skip
    # The legend explains bands once, in grey, since they have all colours.
    if has_range:
        many = f"{n} replicates" if n > 1 else "linear noise"
        _key(axes, f"{100 * parts[0]:g} to {100 * parts[1]:g} % of {many}", 0.15)
    if has_interval:
        _key(axes, f"{100 * confidence:g} % interval of the mean", 0.35)


def _key(axes: Any, label: str, alpha: float) -> None:
    if label not in axes.get_legend_handles_labels()[1]:
        axes.fill_between([], [], [], color="0.2", alpha=alpha, linewidth=0, label=label)


def finish(axes: Any, y_label: str, log: str = "", x_label: str = "time [s]") -> None:
    """Set labels and scales, and add the legend."""
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
        how["drawstyle"] = "steps-post" if is_stepped(result, band.name) else "default"
        factor = factor_to(result, band.name, units)
        for row in factor * values(result, band.name, slice(0, count)):
            axes.plot(result.time, row, color=COLOURS[list(order).index(band.name) % len(COLOURS)], **how)
    # One entry of the legend for all of them.
    label = f"{count} single {'trajectory' if count == 1 else 'trajectories'}" + (" each" if len(bands) > 1 else "")
    axes.plot([], [], color="0.4", linewidth=0.6, label=label)


def _phase(
    axes: Any, result: Any, pair: tuple[str, str], log: str, units: str | None, samples: int | None, label: str
) -> None:
    units = units or _units_of(axes) or result.units
    factors = [factor_to(result, name, units) for name in pair]
    n = len(result)
    # Colours and line styles continue after the curves that the axes already show.
    k = len({line.get_label() for line in axes.lines} - {""})
    colour = COLOURS[k % len(COLOURS)]
    several = n > 1 or is_moments(result)
    if several and not is_moments(result):
        count = min(n, 3 if samples is None else samples)
        paths = [f * values(result, name, slice(0, count)) for f, name in zip(factors, pair)]
        for row, (a, b) in enumerate(zip(*paths)):
            axes.plot(a, b, color=COLOURS[(k + 1 + row) % len(COLOURS)], linewidth=0.6, label=f"replicate {row}")
    means = [f * band(result, name, 0.95).mean for f, name in zip(factors, pair)]
    what = label or (f"mean of {n} replicates" if several else result.method)
    axes.plot(*means, LINES[k % len(LINES)], color=colour, linewidth=1.8 if several else 1.0, label=what)
    axes.plot(*(values[:1] for values in means), "o", color=colour, markersize=5, label=f"t = {result.time[0]:g} s")
    labels = [f"{n} [{units}]" if has_units(result, n) else n for n in pair]
    finish(axes, labels[1], log, labels[0])
    title(axes, _title(result, ()))


def by_size(bands: Sequence[Band], split: bool = True) -> list[list[str]]:
    """Names for each panel, by the size of their values; without `split`, all in one panel."""
    if not split:
        return [[band.name for band in bands]] if bands else []
    sizes = {band.name: _size(band) for band in bands}
    rest = sorted(sizes, key=lambda name: -sizes[name])
    panels: list[list[str]] = []
    while rest:
        last = len(panels) == _MOST_PANELS - 1
        # The last panel takes everything left. Quantities that are always 0 fit into any panel.
        group = {n for n in rest if last or sizes[n] * _RATIO >= sizes[rest[0]] or not sizes[n]}
        panels.append([name for name in sizes if name in group])
        rest = [name for name in rest if name not in group]
    return panels


def _size(band: Band) -> float:
    largest = [np.nanmax(np.abs(v)) for v in (band.mean, band.top) if np.isfinite(v).any()]
    return float(max(largest, default=0.0))


def _title(result: Any, chosen: Iterable[str]) -> str:
    n = len(result)
    text = f"{result.method}, Omega = {result.volume:g}, seed {result.seed}"
    if n > 1:
        text += f", {n} replicates"
    chosen = {species for name in chosen for species, _ in signs_of(result, name)}
    left = len(set(species_of(result)) - chosen) if chosen else 0
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


# Sweeps: means against the parameter that changes.

_MOST_NAMES_OF_SWEEP = 4


def plot_sweep(
    parameter: str,
    values: np.ndarray,
    results: Sequence[Any],
    ax: Any = None,
    names: Sequence[str] = (),
    confidence: float = 0.95,
) -> Any:
    """Draw means at the last time, with intervals by Student's t, against `values` float64[row] of `parameter`.

    `results` are those of the rows, an iterable; `names` are by default up to four species that vary most in the last
    row. Returns the axes. Raises InputError for an unknown name or a sweep without rows."""
    order = np.argsort(values, kind="stable")
    if not len(order):
        raise InputError("the sweep has no rows, so there is nothing to plot")
    rows = list(results)
    chosen = choose(rows[order[-1]], names, _MOST_NAMES_OF_SWEEP)
    axes = new_axes() if ax is None else ax
    # Volumes may differ between rows, so every row is converted with its volume.
    units = rows[0].units
    for k, name in enumerate(chosen):
        bands = [band(rows[row], name, confidence).times(factor_to(rows[row], name, units)) for row in order]
        mean, low, high = (np.array([values[-1] for values in side]) for side in zip(*(b[1:4] for b in bands)))
        axes.errorbar(
            values[order], mean, np.array([mean - low, high - mean]), fmt="o", markersize=4, capsize=2, label=name,
            **style(k),
        )  # fmt: skip
    axes.set_xlabel(parameter)
    axes.set_ylabel(LABELS[units if any(has_units(rows[0], name) for name in chosen) else ""])
    title(axes, f"means at t = {rows[0].time[-1]:g} s, {100 * confidence:g} % intervals; {rows[0].method}")
    add_legend(axes)
    return axes
