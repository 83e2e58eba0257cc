"""Figures of a verification: errors against eps, one path in time, and Theta as an activation becomes sharper."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..activations import AnnihilationReLU
from ..display.figures import COLOURS, new_figure, save_figure
from ..nn import Number, Numbers, training_network
from ..nn.chemistry import ERRORS, OUTPUTS, PREACTIVATIONS, SLOPES
from ..noise import RateNoise
from ..statistics.scaling import MEDIAN, bootstrap
from .driven import DrivenPaths
from .forcing import LARGEST, N_SIZES, SMALLEST
from .setting import LEARNING, SETTINGS, NoiseSource, Setting

_BAND = (0.05, 0.95)
_LINES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))
"""Line and mark of each layer, in turn."""
_SIZE = "size of the noise eps"
_LEAST = 1e-9
"""Relative differences below this are not drawn."""


class _Kind(NamedTuple):
    """The numbers that one line shows: those of one quantity in one layer."""

    first: Number
    """The first of them."""
    places: np.ndarray
    """Their indices in the results, int64[...]."""
    style: dict


def draw_bounds(results: Any, record: dict, numbers: Numbers, path: str | Path) -> None:
    """Draw complete `propositions` results with the `record` of the verdict, of a network that encodes
    `numbers`. Needs matplotlib.

    Panels: sup-error against eps; quantiles of Theta, Theta_0 and the bound; how Theta approaches Theta_0; how loose
    the bound is.
    """
    figure = new_figure((11, 8.5))
    panels = figure.subplots(2, 2)
    kinds = _kinds(results, numbers)
    shared = np.isfinite(results.theta_0).all() and record["noise"] != "intrinsic"
    lines = _errors(panels[0, 0], results, kinds)
    figure.legend(handles=lines, loc="outside right upper", fontsize=7)
    _thetas(panels[0, 1], results)
    if shared:
        _sharp(panels[1, 0], results, kinds)
    else:
        _laws(panels[1, 0], results, kinds)
    _looseness(panels[1, 1], results, kinds)
    figure.suptitle(
        f"Proposition {record['proposition']}, {record['case']}, {record['activation']}, {record['noise']} noise, "
        f"{record['paths']} paths: {record['verdict']}"
    )
    save_figure(figure, path)


def _kinds(results: Any, numbers: Numbers) -> list[_Kind]:
    """The moving numbers, grouped by quantity and layer."""
    moved = np.nanmedian(results.theta, axis=0).min(axis=0) > 0
    groups: dict[str, list[int]] = {}
    for q in np.flatnonzero(results.is_number & moved).tolist():
        groups.setdefault(numbers.of(results.quantity[q]).group, []).append(q)
    places = {group: np.array(members) for group, members in sorted(groups.items())}
    firsts = [numbers.of(results.quantity[members[0]]) for members in places.values()]
    return [_Kind(n, members, _style(n, list(numbers.meanings))) for n, members in zip(firsts, places.values())]


def _style(number: Number, letters: list[str]) -> dict:
    """A quantity has a colour, and a layer has a line and a mark."""
    line, mark = _LINES[(number.layer - 1) % len(_LINES)]
    colour = COLOURS[letters.index(number.quantity) % len(COLOURS)]
    return {"color": colour, "marker": mark, "linestyle": line, "markersize": 4}


def _errors(axes: Any, results: Any, kinds: list[_Kind]) -> list:
    """Draw sup-errors against eps. Returns the lines for the legend of all panels: one for each kind, and slope 1."""
    size, lines = results.size, []
    for first, places, style in kinds:
        error = results.theta[:, :, places].max(axis=2) * size
        label = f"{first.quantity}, layer {first.layer}"
        lines += axes.loglog(size, np.nanmedian(error, axis=0), **style, label=label)
        axes.fill_between(size, *np.nanquantile(error, _BAND, axis=0), color=style["color"], alpha=0.12, linewidth=0)
    level = np.exp(np.nanmean(np.log(results.theta.max(axis=2))))
    lines += axes.loglog(size, 2 * level * size, ":", color="0.3", label="slope 1")
    _label(axes)
    axes.set_xlabel(_SIZE)
    axes.set_ylabel("sup |x(t; eps) - x(t)| [concentration]\nlargest of a layer: median, 5 to 95 %")
    return lines


def _thetas(axes: Any, results: Any) -> None:
    size = results.size
    theta, bound = results.theta.max(axis=2), results.bound.max(axis=2)
    for values, colour, label in ((theta, COLOURS[0], "Theta(eps)"), (bound, COLOURS[1], "explicit bound / eps")):
        low, middle, high = np.nanquantile(values, (0.05, 0.5, 0.95), axis=0)
        axes.loglog(size, middle, "o-", color=colour, label=f"{label}: median", markersize=4)
        axes.loglog(size, high, "^--", color=colour, label="95 % quantile", markersize=4)
        axes.fill_between(size, low, high, color=colour, alpha=0.15, linewidth=0)
    theta_0 = results.theta_0.max(axis=1)
    if np.nanmax(theta_0) > 0:
        for p, style in ((0.5, "-"), (0.95, "--")):
            name = "sharp constant sup|u|: median, 95 %" if p == 0.5 else None
            value = np.nanquantile(theta_0, p)
            axes.axhline(value, color=COLOURS[2], linestyle=style, linewidth=1, label=name, zorder=0)
    _label(axes)
    axes.set_xlabel(_SIZE)
    axes.set_ylabel("Theta = sup-error / eps [concentration]\nlargest of all quantities")
    axes.legend(fontsize=7)


def _sharp(axes: Any, results: Any, kinds: list[_Kind]) -> None:
    size = results.size
    for _, places, style in kinds:
        theta, theta_0 = results.theta[:, :, places].max(axis=2), results.theta_0[:, places].max(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.median(np.abs(theta / theta_0[:, None] - 1), axis=0)
        off = np.where(np.isfinite(off) & (off > _LEAST) & (off < 1e6), off, np.nan)
        axes.loglog(size, off, **style)
    axes.loglog(size, 3 * size, ":", color="0.3")
    _label(axes)
    axes.set_xlabel(_SIZE)
    axes.set_ylabel("|Theta(eps) - Theta_0| / Theta_0\nmedian of paths, the same noise")


def _laws(axes: Any, results: Any, kinds: list[_Kind]) -> None:
    """Distribution functions of Theta at the largest volume, and of linear noise."""
    for _, places, style in kinds:
        for values, line, width in (
            (results.theta[:, 0, places], style["linestyle"], 1.5), (results.theta_0[:, places], ":", 1.0)
        ):  # fmt: skip
            largest = values.max(axis=1)
            x = np.sort(largest[~np.isnan(largest)])
            share = np.arange(1, len(x) + 1) / len(x)
            axes.step(x, share, where="post", color=style["color"], linestyle=line, linewidth=width)
    axes.set_xscale("log")
    _label(axes)
    axes.set_xlabel(
        "sqrt(Omega) sup-error at the largest Omega, largest of a layer\nthin and dotted: sup|u| of linear noise"
    )
    axes.set_ylabel("fraction of paths")


def _label(axes: Any) -> None:
    """Label powers of ten; on an axis that spans less than two decades, also 2 and 5 times them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_minor_formatter(NullFormatter())
        if axis.get_scale() == "log" and high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _looseness(axes: Any, results: Any, kinds: list[_Kind]) -> None:
    for k, (_, places, style) in enumerate(kinds):
        ratio = np.nanmedian(results.bound[:, :, places] / results.theta[:, :, places], axis=0).ravel()
        points = style | {"linestyle": "none", "markersize": 5, "alpha": 0.6}
        axes.semilogy(np.full(len(ratio), k), ratio, **points)
    axes.axhline(1.0, color="0.3", linewidth=1)
    meanings = list(dict.fromkeys(f"{kind.first.quantity}: {kind.first.meaning}" for kind in kinds))
    lines = [", ".join(meanings[:4]), ", ".join(meanings[4:])]
    _label(axes)
    axes.set_xticks(range(len(kinds)), [kind.first.group for kind in kinds])
    axes.set_xlabel("\n".join(line for line in lines if line), fontsize=8)
    axes.set_ylabel("explicit bound / sup-error\nmedian of paths; each neuron and size")


def draw_course(course: Any, path: str | Path) -> None:
    """Draw a `PathCourse`: fast neurons, slow weights if they move, the differences, and the switching times."""
    groups = [("fast neurons", course.fast), ("slow weights", course.slow)]
    groups = [(name, chosen) for name, chosen in groups if chosen]
    figure = new_figure((10, 3 + 3 * len(groups)))
    *panels, difference = figure.subplots(1 + len(groups), 1, sharex=True)
    for n, (axes, (name, chosen)) in enumerate(zip(panels, groups)):
        for k, q in enumerate(chosen):
            style = {"color": COLOURS[k % 7], "linewidth": 1.4}
            axes.plot(course.time, course.reference[:, q], **style, label=course.names[q])
            axes.plot(course.time, course.perturbed[:, q], "--", **style | {"linewidth": 0.7})
        axes.set_ylabel(f"{name} [concentration]")
        away = np.abs(course.perturbed[:, chosen] - course.reference[:, chosen]).max(axis=1) / course.size
        difference.semilogy(course.time[1:], np.maximum(away[1:], 1e-6), color=COLOURS[n], label=name)
    difference.set_ylabel("largest |x(t; eps) - x(t)| / eps\n[concentration]")
    difference.set_xlabel("time [s]; dotted: switches of the input")
    for axes in (*panels, difference):
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        for t in course.switches:
            axes.axvline(t, color="0.4", linestyle=":", linewidth=0.9)
    title = f"{course.title}: without noise (solid), with noise of eps = {course.size:.3g} (dashed)"
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


# One path in time: a few fast and slow numbers with and without noise.

_POINTS = 400
_MOST = 6
_FAST = (OUTPUTS, PREACTIVATIONS, ERRORS)


class PathCourse(NamedTuple):
    """Values of the quantities `names` in time, with and without noise."""

    title: str
    size: float
    """eps"""
    time: np.ndarray  # float64[point] [s]
    switches: np.ndarray  # float64[...] [s]
    names: tuple[str, ...]
    reference: np.ndarray  # float64[point, number] [concentration]
    perturbed: np.ndarray  # float64[point, number]
    fast: list
    slow: list
    """Indices of the fast and of the slow quantities to draw."""


def course_of(source: NoiseSource) -> PathCourse:
    """The first path of a `NoiseSource` at the largest eps, for a figure."""
    setting, quantities = source.setting, source.setting.quantities
    time, reference, perturbed = source.first_path(setting.horizon / _POINTS)
    one = np.ones((len(time), 1))
    reference, perturbed = (
        np.hstack([x, one])[:, quantities.plus]
        - np.where(quantities.minus < x.shape[1], np.hstack([x, one])[:, quantities.minus], 0.0)
        for x in (reference, perturbed)
    )
    numbers = [(q, setting.spec.numbers.of(quantities.names[q])) for q in np.flatnonzero(quantities.is_number).tolist()]
    weights = [q for q, number in numbers if number.learned]
    others = [q for q, number in numbers if number.meaning in _FAST]
    return PathCourse(
        setting.described().partition(":")[0], float(source.sizes[-1]), time, setting.switches, quantities.names,
        reference, perturbed, _spread(reference, others), _spread(reference, weights),
    )  # fmt: skip


def _spread(values: np.ndarray, chosen: list[int]) -> list[int]:
    """The `_MOST` of `chosen` that move most."""
    moved = np.ptp(values[:, chosen], axis=0) if chosen else np.empty(0)
    return [chosen[k] for k in sorted(np.argsort(-moved, kind="stable")[:_MOST])]


# How Theta grows as an activation becomes sharper, if a pre-activation rests at 0.
#
# The derivative of the smooth ReLU is Lipschitz with constant 1 / (4 sqrt h), the slope of the derivative at z = 0.
# Noise that is constant in time and acts only in the reactions of z moves z by about eps Theta_Z. After relaxation it
# moves the slope s by eps Theta_S. The ratio Theta_S / Theta_Z of each path is that constant. Learning is off, so that
# z rests; T = 20 / sqrt h is well above the relaxation time 1 / (2 sqrt h).
#
# Activations by annihilation of rails are smooth ReLUs with an h' = z_p z_m that follows from the rails. It is (P -
# z_p) / kappa, where P is the rate at which each rail is made here, plus h for `rail_relu`. The same is expected of
# them with h' in place of h.

SMOOTHINGS = (0.25, 0.0625, 0.015625, 0.00390625, 0.0009765625)
KAPPAS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SHARPENED = {
    "smooth_relu": ("h", SMOOTHINGS),
    "annihilation_relu": ("kappa", KAPPAS),
    "leaky_annihilation_relu": ("kappa", KAPPAS),
    "rail_relu": ("h", SMOOTHINGS),
}
"""Activations with such a limit: the setting that is varied, and its values."""
_PATHS = 40
_MADE = 2.0
"""Rate at which both rails of z together are made [concentration/s], for weights 1 and -1 and inputs 1."""


class _Resting(NamedTuple):
    """A setting with a neuron at rest on its kink."""

    setting: Setting
    smoothing: float
    """h or h' [concentration^2]."""
    lipschitz: float
    """Slope of its derivative at z = 0 [1/concentration]."""


def theta_when_sharpened(activation: str, seed: int, paths: int = _PATHS) -> dict:
    """Medians over paths of Theta_S, Theta_Z and their ratio at the smallest eps for each value of the setting that
    makes `activation` sharper, and their exponents in h or h' with 95 % intervals. Returns a dictionary of plain
    values."""
    parameter, values = SHARPENED[activation]
    sizes = np.geomspace(SMALLEST, LARGEST, N_SIZES)
    theta = np.empty((paths, len(values), 2))
    cases = [_resting(activation, parameter, value) for value in values]
    for k, (setting, _, _) in enumerate(cases):
        slope, z = (setting.spec.numbers.one(meaning, 1, 0) for meaning in (SLOPES, PREACTIVATIONS))
        making = tuple(r.name for r in setting.network.reactions if r.net_change().keys() & set(z.rails))
        driven = DrivenPaths(setting, RateNoise(sizes[-1], "constant", reactions=making), sizes, seed)
        chosen = [setting.quantities.names.index(number.name) for number in (slope, z)]
        for path in range(paths):
            theta[path, k] = driven.errors(path).theta[0, chosen]
    ratios = np.concatenate([theta, theta[:, :, :1] / theta[:, :, 1:]], axis=2)
    smoothings = np.array([case.smoothing for case in cases])
    slopes = bootstrap(ratios, smoothings, seed, MEDIAN)
    medians = np.median(ratios, axis=0)
    return {
        "parameter": parameter,
        "values": list(values),
        "h": smoothings,
        "theta_slope": medians[:, 0],
        "theta_pre_activation": medians[:, 1],
        "ratio": medians[:, 2],
        "lipschitz": [case.lipschitz for case in cases],
        "exponent": [slopes.slope[0], slopes.low[0], slopes.high[0]],
        "exponent_of_ratio": [slopes.slope[2], slopes.low[2], slopes.high[2]],
        "paths": paths,
    }


def _resting(activation: str, parameter: str, value: float) -> _Resting:
    settings = SETTINGS["xor"].replace(activation=activation, learning_rate=0.0).replace(**{parameter: value})
    spec = training_network((2, 1, 1), **settings.of_network)
    neuron = settings.of_network["activation"]
    if isinstance(neuron, AnnihilationReLU):
        plus, _ = neuron.rails_at_rest(np.zeros(1), np.full(1, _MADE))
        smoothing, share = float(plus[0]) ** 2, 1.0 - getattr(neuron, "leak", 0.0)
    else:
        smoothing, share = value, 1.0
    weights = np.array([1.0, -1.0, 0.0, 1.0, 0.0])
    setting = Setting(
        LEARNING, "kink", activation, spec, weights, np.ones((1, 2)), np.full((1, 1), 0.5), 20.0 / np.sqrt(smoothing)
    )
    return _Resting(setting, smoothing, share / (4.0 * np.sqrt(smoothing)))


def sentences(record: dict) -> list[str]:
    """The record as sentences, one for each value and each exponent."""
    parameter = record["parameter"]
    name = "h" if parameter == "h" and np.array_equal(record["h"], record["values"]) else "h'"
    rows = zip(record["values"], record["h"], record["theta_slope"], record["ratio"], record["lipschitz"])
    lines = []
    for value, h, theta, ratio, lipschitz in rows:
        at = f"{parameter} = {value:.4g}" + (f", h' = {h:.4g}" if name != "h" else "")
        lines.append(f"{at}: Theta_S {theta:.4g}, Theta_S / Theta_Z {ratio:.4g}, 1/(4 sqrt {name}) {lipschitz:.4g}")
    for what, key in (("Theta_S", "exponent"), ("Theta_S / Theta_Z", "exponent_of_ratio")):
        value, low, high = record[key]
        lines.append(
            f"exponent of {what} in {name}: {value:.3f} [{low:.3f}, {high:.3f}]; 1/(4 sqrt {name}) has exponent -0.5"
        )
    return lines
