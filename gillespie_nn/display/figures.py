"""Parts of all figures: panels, axes, colours, legends, files.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Their yellow is grey here, because
yellow lines are hard to see on white.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
LINES = ("-", "--", "-.", ":")
_UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_INSIDE = 3
"""Largest number of entries of a legend inside the axes. A longer one would cover the lines."""


@dataclass(frozen=True)
class Drawing:
    """The contents of a figure: panels, each a function that draws into axes."""

    panels: tuple[Callable[[Any], Any], ...]
    columns: int = 1
    size: tuple[float, float] = (6.4, 4)
    """Width and height of the whole figure [inch]."""
    heading: str = ""
    share_x: bool = False

    def on(self, figure: Any) -> np.ndarray:
        """Draw into an empty figure. Returns its axes, one for each panel."""
        figure.set_size_inches(*self.size)
        rows = -(-len(self.panels) // self.columns)
        grid = figure.subplots(rows, self.columns, squeeze=False, sharex=self.share_x).ravel()
        # A grid may have more places than panels.
        for axes in grid[len(self.panels) :]:
            axes.remove()
        grid = grid[: len(self.panels)]
        if self.heading:
            figure.suptitle(self.heading, fontsize=10)
        for axes, panel in zip(grid, self.panels):
            panel(axes)
        if self.share_x:
            for axes in grid[: -self.columns]:
                axes.set_xlabel("")
        return grid

    def plot(self, ax: Any = None) -> Any:
        """Draw into `ax`, with axes for each panel, or into a new figure of pyplot. Returns the axes, an array if
        several.

        Raises InputError if `ax` has another number of axes, MissingExtraError without matplotlib."""
        if ax is None:
            grid = self.on(_new_pyplot_figure(self.size))
        else:
            grid = np.array(list(_flat(ax)), dtype=object)
            if len(grid) != len(self.panels):
                raise InputError(
                    f"this figure has {len(self.panels)} panels, and ax has {len(grid)}: "
                    f"give {len(self.panels)} axes, or omit ax"
                )
            for axes, panel in zip(grid, self.panels):
                panel(axes)
        return grid[0] if len(grid) == 1 else grid


def _flat(ax: Any) -> Iterable[Any]:
    return np.ravel(np.asarray(ax, dtype=object)) if isinstance(ax, (np.ndarray, Sequence)) else [ax]


def new_figure(size: tuple[float, float] = (8, 5)) -> Any:
    """An empty figure of this width and height [inch]. Raises MissingExtraError without matplotlib."""
    checks.optional("matplotlib", "plot", "drawing a figure")
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained", dpi=150)


def _new_pyplot_figure(size: tuple[float, float]) -> Any:
    checks.optional("matplotlib", "plot", "plot")
    from matplotlib import pyplot

    return pyplot.figure(figsize=size, layout="constrained")


def new_axes(size: tuple[float, float] = (6.4, 4)) -> Any:
    """Axes in a new figure of pyplot, which notebooks show and `pyplot.show()` opens. Raises MissingExtraError."""
    return _new_pyplot_figure(size).subplots()


def style(k: int) -> dict:
    """Colour and line style of the `k`-th line of a figure: 32 different ones, then the first again."""
    n = len(COLOURS)  # a multiple of the number of line styles, so each round of colours starts one style later
    return {"color": COLOURS[k % n], "linestyle": LINES[(k + k // n) % len(LINES)]}


def add_legend(axes: Any, above: bool = False) -> None:
    """Add a legend of everything with a label. If the figure has a layout engine, which makes room, a long legend is
    placed to the right of the axes, or `above` them in two columns."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    place: dict = {"loc": "best"}
    if len(labels) > _INSIDE and axes.get_figure().get_layout_engine() is not None:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        if above:
            place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2}
    axes.legend(handles, labels, fontsize=8, **place)


def title(axes: Any, text: str) -> None:
    """Set the title, unless the axes have one: then the drawing is added to another figure."""
    if text and not axes.get_title():
        axes.set_title(text, fontsize=9)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure in the format of the suffix. The same figure gives the same file: it contains no date and no
    random names. Raises StorageError."""
    import matplotlib

    path = Path(path)
    try:
        with (
            # matplotlib derives the identifiers of SVG elements from this; by default they are random.
            matplotlib.rc_context({"svg.hashsalt": path.stem}),
            checks.replaced(path) as part,
            open(part, "xb") as file,
        ):
            figure.savefig(file, format=path.suffix[1:] or None, metadata=_UNDATED.get(path.suffix))
    except OSError as error:
        raise checks.StorageError(f"cannot write {path}: {error.strerror}") from None
