"""The figure of the ladder of limits: errors against step or size, and the slopes from theory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..display.figures import COLOURS, new_figure, save_figure

_COLUMNS = 3


def draw_ladder(rates: Sequence, path: str | Path) -> None:
    """Draw `rates`, the list in the record of `verification.ladder`, to `path`, one panel each. Needs matplotlib."""
    n_rows = -(-len(rates) // _COLUMNS)
    figure = new_figure((4 * _COLUMNS, 3.4 * n_rows))
    panels = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes in panels[len(rates) :]:
        axes.set_visible(False)
    for axes, found in zip(panels, rates):
        _panel(axes, found)
    save_figure(figure, path)


def _panel(axes: Any, found: Any) -> None:
    x, error = np.asarray(found["x"]), np.asarray(found["error"])
    low, high = found["interval"]
    line = error[-1] * (x / x[-1]) ** found["expected"]
    axes.loglog(x, line, "--", color=COLOURS[1], label=f"slope {found['expected']:g} (theory)")
    measured = f"measured, slope {found['exponent']:.3f}\n[{low:.3f}, {high:.3f}]"
    axes.loglog(x, error, "o-", color=COLOURS[0], label=measured)
    if x.max() < 100 * x.min():
        axes.set_xticks(x, [f"{v:g}" for v in x])
        axes.set_xticks([], minor=True)
    axes.set_title(found["what"], fontsize=10)
    axes.set_xlabel(found["x_label"])
    axes.set_ylabel(found["error_label"])
    axes.legend(fontsize=8)
