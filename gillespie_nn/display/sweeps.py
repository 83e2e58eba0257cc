"""Means of the ensembles of a sweep against the parameter that changes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import InputError
from . import ensembles
from .figures import add_legend, new_axes, style, title
from .trajectories import LABELS

_MOST_NAMES = 4


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
    chosen = ensembles.choose(rows[order[-1]], names, _MOST_NAMES)
    axes = new_axes() if ax is None else ax
    units = rows[0].units
    for k, name in enumerate(chosen):
        bands = [
            ensembles.band(rows[row], name, confidence).times(ensembles.factor_to(rows[row], name, units))
            for row in order
        ]
        mean, low, high = (np.array([values[-1] for values in side]) for side in zip(*(b[1:4] for b in bands)))
        axes.errorbar(
            values[order], mean, np.array([mean - low, high - mean]), fmt="o", markersize=4, capsize=2, label=name,
            **style(k),
        )  # fmt: skip
    axes.set_xlabel(parameter)
    axes.set_ylabel(LABELS[units if set(chosen) & set(ensembles.species_of(rows[0])) else ""])
    title(axes, f"means at t = {rows[0].time[-1]:g} s, {100 * confidence:g} % intervals; {rows[0].method}")
    add_legend(axes)
    return axes
