"""The checks of a verification, each applied to the errors of all paths."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from ..checks import shortened
from ..statistics.scaling import CONFIDENCE, MEDIAN, UPPER, Slopes, bootstrap, log_medians, log_ratios
from ..statistics.tests import Judgement, Verdict, bonferroni

SLOPE = (0.95, 1.05)
SLOPE_IN_VOLUME = (-0.55, -0.45)
LEAST_TIGHTNESS = -0.05
LEAST_ORDER = 0.9
"""Least order of |Theta(eps) - Theta_0| in eps. The order is 1, except for curvature at the largest eps."""
MOST_SHARP_ERROR = 0.01
"""Largest relative error, of the median path at the smallest eps."""
RESOLUTION = 2e-5
"""Relative errors of Theta_0 below this come from the solver."""
BEYOND_LINEAR = 0.1
"""Relative error of the first variation above which an eps is too large for it. Below half of this, it is small
enough."""
SAME_LAW, SAME_LAW_OF_WEIGHTS = 0.05, 0.10
"""Allowed relative differences of medians and 95 % quantiles of Theta from those of sup|u|."""
_FEWEST = 3
"""Least number of sizes to which an order is fitted."""


def undecided(thetas: np.ndarray, theta_0: np.ndarray, resolved: np.ndarray) -> np.ndarray:
    """Quantities for which a check may hold but cannot fail, bool[quantity], because sizes or computation do not
    decide.

    There are two reasons. The computation with a finer resolution gives something else (`resolved` bool[quantity] is
    False). Or Theta is near Theta_0 at the two smallest eps but far from it at the largest: that eps is then beyond the
    range in which errors are linear. A smooth ReLU, for example, is linear over about 2 sqrt(h), for every h. Faults in
    scaling or in Theta_0 look different: they show at every eps, or at every eps but one.
    """
    error = np.median(_relative(thetas, theta_0), axis=0)
    return ~resolved | ((error[-1] > BEYOND_LINEAR) & (error[:2] <= 0.5 * BEYOND_LINEAR).all(axis=0))


def slope(
    names: Sequence[str],
    errors: np.ndarray | list[np.ndarray],
    x: np.ndarray,
    seed: int,
    limits: tuple[float, float] = SLOPE,
    undecided: np.ndarray | bool = False,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Check 1: sup-errors, float64[path, x, quantity] or a list of float64[path, quantity], are proportional to x, or
    to the inverse square root of volumes x. It cannot fail for quantities that are `undecided`, bool[quantity]."""
    slopes = bootstrap(errors, x, seed, MEDIAN, confidence=confidence)
    worst = int(np.argmax(np.abs(slopes.slope - np.mean(limits)) + 0.5 * (slopes.high - slopes.low)))
    sentence = (
        f"slope of the log median sup-error, farthest from {np.mean(limits):g} for {names[worst]}: "
        f"{_interval(slopes, worst)}, required within [{limits[0]:g}, {limits[1]:g}]"
    )
    numbers = _slopes(names, slopes) | {"worst": names[worst], "limits": limits}
    return _judged("slope", names, slopes.inside(*limits), slopes.outside(*limits), undecided, sentence, numbers)


def tightness(
    names: Sequence[str],
    thetas: np.ndarray | list[np.ndarray],
    x: np.ndarray,
    seed: int,
    undecided: np.ndarray | bool = False,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Check 2: the 95 % quantile of Theta does not grow as eps -> 0. `x` is eps; `thetas` have the shapes of `errors`
    in `slope`, and `undecided` is as there."""
    slopes = bootstrap(thetas, x, seed, UPPER, True, confidence)
    worst = int(np.argmin(slopes.low))
    inside, outside = slopes.inside(LEAST_TIGHTNESS, np.inf), slopes.outside(LEAST_TIGHTNESS, np.inf)
    sentence = (
        f"slope of the log 95 % quantile of Theta in log eps, smallest for {names[worst]}: {slopes.slope[worst]:.3f}, "
        f"one-sided lower bound {slopes.low[worst]:.3f}, required at least {LEAST_TIGHTNESS:g}"
    )
    numbers = _slopes(names, slopes) | {"worst": names[worst]}
    return _judged("tightness", names, inside, outside, undecided, sentence, numbers)


THE_LARGEST = "the largest quantity"
"""Name of the Theta of the proposition, which `with_largest` puts first."""


def with_largest(values: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """float64[..., 1 + quantity]: the largest of the quantities in `of` (by default, in `values`), then `values`."""
    of = values if of is None else of
    return np.concatenate([of.max(axis=-1, keepdims=True), values], axis=-1)


def _relative(thetas: np.ndarray, theta_0: np.ndarray) -> np.ndarray:
    """|Theta - Theta_0| / Theta_0, float64[path, size, quantity]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(thetas - theta_0[:, None]) / theta_0[:, None]
    return np.where(np.isfinite(error), np.maximum(error, 1e-12), 1e12)


def sharp_constant(
    names: Sequence[str],
    thetas: np.ndarray,
    theta_0: np.ndarray,
    sizes: np.ndarray,
    seed: int,
    undecided: np.ndarray | bool = False,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Check 3: on each path Theta(eps), float64[path, size, quantity], approaches Theta_0 = sup |u|, float64[path,
    quantity], with an error of order eps. `undecided` is as in `slope`."""
    error = _relative(thetas, theta_0)
    middle = np.median(error, axis=0)
    resolved = middle > RESOLUTION
    # Where the error is below the resolution at almost every size, Theta equals Theta_0 and has no order to test.
    enough = resolved.sum(axis=0) >= _FEWEST
    medians = log_medians(error[:, 0], seed, confidence)
    worst = int(np.argmax(medians.high))
    order = {"sharp_constant_error": float(middle[0, worst]), "worst": names[worst]}
    most = float(np.log(MOST_SHARP_ERROR))
    inside, outside = medians.inside(-np.inf, most), medians.outside(-np.inf, most)
    sentence = (
        f"median relative difference of Theta and sup|u| at eps = {sizes[0]:g}, largest for {names[worst]}: "
        f"{middle[0, worst]:.2g}, one-sided upper bound {np.exp(medians.high[worst]):.2g}, required at most "
        f"{MOST_SHARP_ERROR:g}"
    )
    if enough.any():
        orders = _order(error[:, :, enough], sizes, resolved[:, enough], seed, confidence)
        inside[enough] &= orders.inside(LEAST_ORDER, np.inf)
        outside[enough] |= orders.outside(LEAST_ORDER, np.inf)
        least = int(np.argmin(orders.low))
        known = [n for n, e in zip(names, enough) if e]
        sentence += (
            f"; order of this difference in eps, smallest for {known[least]}: {_interval(orders, least)}, required at "
            f"least {LEAST_ORDER:g}"
        )
        order |= _slopes(known, orders)
    return _judged("sharp constant", names, inside, outside, undecided, sentence, order)


def _order(error: np.ndarray, sizes: np.ndarray, resolved: np.ndarray, seed: int, confidence: float) -> Any:
    """Slopes of the error in eps, over all sizes from the first one above which every size is resolved."""
    first = len(sizes) - np.cumprod(resolved[::-1], axis=0).sum(axis=0)
    first = np.minimum(first, len(sizes) - _FEWEST)
    # One bootstrap serves all quantities whose fits start at the same size.
    slopes = Slopes(*np.empty((len(Slopes._fields), error.shape[2])))
    for start in np.unique(first):
        together = first == start
        part = bootstrap(error[:, start:, together], sizes[start:], seed, MEDIAN, confidence=confidence)
        for values, new in zip(slopes, part):
            values[together] = new
    return slopes


def in_law(
    names: Sequence[str],
    theta: np.ndarray,
    theta_0: np.ndarray,
    seed: int,
    most: np.ndarray | float = SAME_LAW,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Check 3 without common paths, an equivalence test: median and 95 % quantile of Theta differ from those of sup |u|
    by at most `most` (relative; float64[quantity], or one number for all), with the whole interval. `theta` and
    `theta_0` are float64[path, quantity], each with any number of paths.

    The smallest p-value of two-sample Kolmogorov-Smirnov tests, by Bonferroni's inequality, is reported but decides
    nothing: at a finite volume the laws differ slightly, and with enough paths such a test rejects.
    """
    # Ratios are compared on a log scale, on which the limits are symmetric; twice, for medians and for quantiles.
    limits = np.tile(np.log1p(np.broadcast_to(most, len(names))), 2)
    ratios = log_ratios(theta, theta_0, (MEDIAN, UPPER), seed, confidence)
    inside, outside = ratios.inside(-limits, limits), ratios.outside(-limits, limits)
    worst = int(np.argmax(np.maximum(ratios.high, -ratios.low) / limits))
    of = [f"{what} of {name}" for what in ("median", "95 % quantile") for name in names]
    p = np.array([scipy.stats.ks_2samp(theta[:, q], theta_0[:, q]).pvalue for q in range(len(names))])
    least, adjusted = int(np.argmin(p)), bonferroni(p.min(), len(p))
    ratio, low, high = (np.expm1(v) for v in (ratios.slope, ratios.low, ratios.high))
    farthest = int(np.argmax(np.abs(ratio)))
    return Judgement(
        "sharp constant",
        Verdict.of(inside, outside),
        f"Theta against sup|u| of linear noise, relative difference farthest from 0 for the {of[worst]}: "
        f"{ratio[worst]:.3f} [{low[worst]:.3f}, {high[worst]:.3f}], required within {np.expm1(limits[worst]):g} of 0; "
        f"{int(inside.sum())} of {len(of)} medians and quantiles meet this; smallest p-value of Kolmogorov-Smirnov "
        f"tests {adjusted:.2g} ({names[least]}), which decides nothing",
        {
            "sharp_constant_error": float(abs(ratio[farthest])), "worst": of[worst], "least_p": adjusted,
            "by_quantity": {n: list(row) for n, *row in zip(of, ratio.tolist(), low.tolist(), high.tolist())},
            "outside": _named(of, outside),
        },
    )  # fmt: skip


def upper_bound(
    names: Sequence[str],
    thetas: np.ndarray,
    bounds: np.ndarray,
    ratio: np.ndarray,
    violations: np.ndarray,
    x: np.ndarray,
    seed: int,
    each: bool = True,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Check 4: no path exceeds the explicit bound at any time, and the 95 % quantile of the bound over eps does not
    grow as eps -> 0. The quantile is that of the largest quantity, and with `each` also that of every quantity. The
    looseness of the bound is reported for quantities that have an error on most paths. Arrays are [path, size,
    quantity], NaN if a path was not simulated at a size; then `each` must be False."""
    tiny = np.finfo(np.float64).tiny
    bounds = np.maximum(bounds, tiny)  # a bound of 0 has no logarithm; any error violates it
    # The ratio to an error of 0 is no measure of looseness, so quantities at rest are left out.
    reached = np.nanmedian(thetas, axis=0) > 0
    looseness = np.log10(np.where(reached, np.nanmedian(bounds / np.maximum(thetas, tiny), axis=0), np.nan))
    known = np.isfinite(thetas[:, :, 0])
    growth = (
        with_largest(bounds)
        if each
        else [b[k].max(axis=1, keepdims=True) for b, k in zip(bounds.swapaxes(0, 1), known.T)]
    )
    slopes = bootstrap(growth, x, seed, UPPER, True, confidence)
    worst = int(np.argmin(slopes.low))
    of = (THE_LARGEST, *names)[worst]
    n = int(violations.sum())
    broken = _named(names, violations.sum(axis=(0, 1)) > 0)
    grows = slopes.outside(LEAST_TIGHTNESS, np.inf)
    verdict = Verdict.FAILS if broken else Verdict.of(slopes.inside(LEAST_TIGHTNESS, np.inf), grows)
    tightest, loosest = np.unravel_index([np.nanargmin(looseness), np.nanargmax(looseness)], looseness.shape)[1]
    return Judgement(
        "upper bound", verdict,
        f"{n} violations of the explicit bound on {_counted_paths(known)}; the bound exceeds the error by a factor of "
        f"{10 ** np.nanmin(looseness):.3g} ({names[tightest]}) to {10 ** np.nanmax(looseness):.3g} ({names[loosest]}); "
        f"slope of its log 95 % quantile over eps, smallest for {of}: {slopes.slope[worst]:.3f}, one-sided lower bound "
        f"{slopes.low[worst]:.3f}, required at least {LEAST_TIGHTNESS:g}",
        {
            "violations": n, "log10_looseness": [float(np.nanmin(looseness)), float(np.nanmax(looseness))],
            "largest_share_reached": float(np.nanmax(ratio)), "bound_slope_low": float(slopes.low[worst]),
            "outside": broken or _named((THE_LARGEST, *names), grows),
        },
        final=bool(broken),
    )  # fmt: skip


def _counted_paths(known: np.ndarray) -> str:
    """The numbers of paths in words; `known` bool[path, size] are the simulated ones."""
    counts = known.sum(axis=0).tolist()
    return f"{counts[0]} paths" if len(set(counts)) == 1 else f"{', '.join(map(str, counts))} paths of each size"


def _judged(
    name: str, names: Sequence[str], inside: np.ndarray, outside: np.ndarray, undecided: np.ndarray | bool,
    sentence: str, numbers: dict,
) -> Judgement:  # fmt: skip
    """The judgement. It is final if only undecided quantities leave it open, because more paths do not decide them."""
    outside = outside & ~np.asarray(undecided)
    verdict = Verdict.of(inside, outside)
    final = verdict == Verdict.INCONCLUSIVE and bool(np.all(inside | undecided))
    sentence += f"; {int(inside.sum())} of {len(names)} quantities meet this"
    return Judgement(name, verdict, sentence, numbers | {"outside": _named(names, outside)}, final)


def numerics(what: str, changes: Sequence[float], most: float, unresolved: Sequence[str] = ()) -> Judgement:
    """Whether a few paths, simulated again with a finer resolution, are unchanged: `what` changes by at most `most`,
    relative. `changes` are the largest changes of each comparison. `unresolved` are the names of quantities whose
    errors are at the level of rounding."""
    change = float(np.max(changes))
    sentence = f"{what} by at most {change:.1g} (relative) in {len(changes)} comparisons, required at most {most:g}"
    if unresolved:
        sentence += (
            f"; the errors of {shortened(unresolved, 5)} are at the level of rounding, so no check "
            "can fail because of these quantities"
        )
    verdict = Verdict.of(change <= most, False)
    return Judgement("numerics", verdict, sentence, {"largest_change": change, "unresolved": list(unresolved)})


def _interval(slopes: Slopes, k: int) -> str:
    return f"{slopes.slope[k]:.3f} [{slopes.low[k]:.3f}, {slopes.high[k]:.3f}]"


def _named(names: Sequence[str], which: np.ndarray) -> list[str]:
    return [n for n, w in zip(names, which) if w]


def _slopes(names: Sequence[str], slopes: Slopes) -> dict:
    low, high = float(slopes.low.min()), float(slopes.high.max())
    rows = zip(names, slopes.slope.tolist(), slopes.low.tolist(), slopes.high.tolist())
    return {"envelope": [low, high], "by_quantity": {name: values for name, *values in rows}}
