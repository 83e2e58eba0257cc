"""Parts of all figures: panels, axes, colours, legends, files, images of weights, and films.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Their yellow is grey here, because
yellow lines are hard to see on white.
"""

import math
import tempfile
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


# Weights as images.

MOST_IMAGES = 16
"""Neurons whose weights are shown as images."""
_LEAST_SIDE = 8
"""Smallest side of inputs that count as a square image [pixel]."""
_IMAGES_A_ROW = 8


def side_of(n_inputs: int) -> int | None:
    """The side of inputs that are a square image [pixel]; None if they are none."""
    side = math.isqrt(n_inputs)
    return side if side >= _LEAST_SIDE and side**2 == n_inputs else None


def around_zero(weights: np.ndarray) -> dict:
    """Limits of colours that are symmetric, so that 0 is white."""
    largest = float(np.abs(weights).max()) or 1.0
    return {"vmin": -largest, "vmax": largest}


def tiled(images: np.ndarray, columns: int = _IMAGES_A_ROW) -> np.ndarray:
    """One image of float64[image, row, column], up to `columns` in a row, with gaps of NaN between them."""
    n, height, width = images.shape
    columns = min(n, columns)
    sheet = np.full((-(-n // columns) * (height + 2) - 2, columns * (width + 2) - 2), np.nan)
    for k, image in enumerate(images):
        row, column = (height + 2) * (k // columns), (width + 2) * (k % columns)
        sheet[row : row + height, column : column + width] = image
    return sheet


# Films: figures whose parts change from frame to frame.

FILMS = (".gif", ".mp4")
FEW_SAMPLES = 8
"""Samples whose outputs are drawn one by one."""
_MOST_BARS = 128
"""Weights that are drawn as bars; more are drawn as an image."""
_HOLD = 2.0
"""How long the last frame stays [s]."""
_Change = Callable[[int], None]
"""Shows frame number k."""


@dataclass(frozen=True)
class LearningFilm:
    """A film of learning: weights, a score and outputs, which change over the presentations."""

    presentation: np.ndarray
    """int64[frame], presentations done."""
    n_presentations: int
    weights: np.ndarray
    """float64[frame, weight] [concentration]."""
    groups: dict[str, int]
    """Names of the arrays of weights and how many weights each has, in order."""
    first_layer: np.ndarray
    """float64[frame, neuron, input] [concentration]."""
    image: tuple[int, int] | None
    """Rows and columns, if the inputs are an image."""
    score: np.ndarray
    """float64[frame]."""
    score_name: str
    outputs: np.ndarray
    """float64[frame, sample, output] [concentration]."""
    targets: np.ndarray
    """float64[sample, output] [concentration]."""
    labels: tuple[str, ...]
    """Names of the samples, if they are few; else of the classes, if they have any."""
    classes: bool
    """Whether outputs are classes."""
    title: str

    def draw(self, figure: Any) -> _Change:
        """Draw the first frame into an empty figure. Returns what shows the others in it."""
        figure.set_size_inches(10.5, 5.6)
        grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
        left = figure.add_subplot(grid[:, 0])
        changes = [
            self._bars(left) if self.weights.shape[1] <= _MOST_BARS else self._pictures(left),
            self._curve(figure.add_subplot(grid[0, 1])),
            self._results(figure.add_subplot(grid[1, 1])),
        ]
        heading = figure.suptitle("", fontsize=10)

        def change(k: int) -> None:
            heading.set_text(f"{self.title}\nafter {self.presentation[k]} of {self.n_presentations} presentations")
            for each in changes:
                each(k)

        change(0)
        return change

    def _bars(self, axes: Any) -> _Change:
        names = list(self.groups)
        colours = np.repeat(np.arange(len(names)), list(self.groups.values()))
        bars = axes.bar(np.arange(len(colours)), self.weights[0], color=[COLOURS[c % len(COLOURS)] for c in colours])
        axes.plot(np.arange(len(colours)), self.weights[0], "_", color="black", markersize=5, label="before training")
        ends = np.cumsum(list(self.groups.values()))
        starts = ends - list(self.groups.values())
        axes.set_xticks((starts + ends - 1) / 2, names)
        for end in ends[:-1]:
            axes.axvline(end - 0.5, color="0.8", linewidth=0.8, zorder=0)
        axes.axhline(0, color="0.5", linewidth=0.8)
        room = 0.05 * (float(np.ptp(self.weights)) or 1.0)
        axes.set_ylim(min(0.0, self.weights.min()) - room, max(0.0, self.weights.max()) + room)
        axes.set_xlabel("weights and biases, by layer")
        axes.set_ylabel("weight [concentration]")
        axes.legend(fontsize=8, loc="best")

        def change(k: int) -> None:
            for bar, height in zip(bars, self.weights[k]):
                bar.set_height(height)

        return change

    def _pictures(self, axes: Any) -> _Change:
        layer = self.first_layer
        n, limits = layer.shape[1], around_zero(layer)
        if self.image is None:
            sheets, aspect = layer, "auto"
            axes.set_xlabel("input")
            axes.set_ylabel("neuron of the first layer")
        else:
            rows, columns = self.image
            moved = np.square(layer[-1] - layer[0]).sum(axis=1)
            most = np.sort(np.argsort(-moved, kind="stable")[:MOST_IMAGES])
            images = layer[:, most].reshape(len(layer), len(most), rows, columns)
            sheets, aspect = np.array([tiled(each, columns=4) for each in images]), "equal"
            axes.set_xticks([])
            axes.set_yticks([])
            of = f"{n} neurons" if len(most) == n else f"{len(most)} of {n} neurons, which change most"
            axes.set_xlabel(f"weights of {of}: {rows} x {columns} inputs each")
        image = axes.imshow(sheets[0], cmap="PuOr", aspect=aspect, interpolation="nearest", **limits)
        axes.figure.colorbar(image, ax=axes, label="weight [concentration]", shrink=0.8)
        return lambda k: image.set_data(sheets[k])

    def _curve(self, axes: Any) -> _Change:
        axes.plot(self.presentation, self.score, color="0.8", linewidth=1.0)
        (line,) = axes.plot([], [], color=COLOURS[0], linewidth=1.5)
        (end,) = axes.plot([], [], "o", color=COLOURS[0], markersize=5, clip_on=False)
        axes.set_xlabel("presentations")
        axes.set_ylabel(self.score_name)
        axes.set_ylim(0, 1.02 if self.classes else 1.05 * max(float(np.nanmax(self.score)), 1e-9))

        def change(k: int) -> None:
            line.set_data(self.presentation[: k + 1], self.score[: k + 1])
            end.set_data(self.presentation[k : k + 1], self.score[k : k + 1])

        return change

    def _results(self, axes: Any) -> _Change:
        if len(self.targets) <= FEW_SAMPLES:
            return self._each(axes)
        return self._by_class(axes) if self.classes else self._against_targets(axes)

    def _each(self, axes: Any) -> _Change:
        """Outputs of few samples, one by one."""
        places = np.arange(len(self.targets))
        for k in range(self.targets.shape[1]):
            label = "target" if k == 0 else None
            axes.plot(places, self.targets[:, k], "_", color="black", markersize=18, markeredgewidth=1.5, label=label)
        marks = "osD^v"
        several = self.targets.shape[1] > 1
        lines = [
            axes.plot(
                places, self.outputs[0, :, k], marks[k % len(marks)], color=COLOURS[k % len(COLOURS)],
                label=f"output {k}" if several else "output",
            )[0]
            for k in range(self.targets.shape[1])
        ]  # fmt: skip
        axes.set_xticks(places, self.labels, fontsize=8)
        axes.set_xlim(-0.5, len(places) - 0.5)
        low, high = self._range()
        axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        axes.set_xlabel("test sample (its input)" if "(" in "".join(self.labels) else "test sample")
        axes.set_ylabel("output [concentration]")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))

        def change(k: int) -> None:
            for line, values in zip(lines, self.outputs[k].T):
                line.set_ydata(values)

        return change

    def _range(self) -> tuple[float, float]:
        """The least and the largest output or target."""
        return min(self.outputs.min(), self.targets.min()), max(self.outputs.max(), self.targets.max())

    def _by_class(self, axes: Any) -> _Change:
        """The mean output of each output neuron for the test samples of each class."""
        classes = self.targets.argmax(axis=1)
        n = self.targets.shape[1]
        members = [classes == c for c in range(n)]
        none = np.full(n, np.nan)
        means = np.array([[y[m].mean(axis=0) if m.any() else none for m in members] for y in self.outputs])
        image = axes.imshow(means[0], cmap="cividis", vmin=0.0, vmax=max(1.0, float(np.nanmax(means[-1]))))
        axes.set_xticks(range(n))
        axes.set_yticks(range(n), self.labels if len(self.labels) == n else range(n), fontsize=8)
        axes.set_xlabel("output")
        axes.set_ylabel("class of the test sample")
        axes.figure.colorbar(image, ax=axes, label="mean output [conc.]")
        return lambda k: image.set_data(means[k])

    def _against_targets(self, axes: Any) -> _Change:
        """Outputs of test samples against their targets."""
        low, high = self._range()
        axes.plot([low, high], [low, high], color="0.6", linewidth=1.0, label="output = target")
        lines = [
            axes.plot(t, y, ".", markersize=4, color=COLOURS[k % len(COLOURS)], label=f"output {k}")[0]
            for k, (t, y) in enumerate(zip(self.targets.T, self.outputs[0].T))
        ]
        axes.set_xlabel("target [concentration]")
        axes.set_ylabel("output [concentration]")
        axes.legend(fontsize=8, loc="upper left")

        def change(k: int) -> None:
            for line, values in zip(lines, self.outputs[k].T):
                line.set_ydata(values)

        return change


def film_path(path: Any, overwrite: bool = False) -> Path:
    """The path of a film that can be written. Raises InputError for another format, an existing file without
    `overwrite`, or a film that needs ffmpeg where that is not installed; MissingExtraError without matplotlib."""
    path = checks.path_of("film", path)
    checks.choice("format of a film", path.suffix.lower(), FILMS, "use")
    checks.optional("matplotlib", "plot", "a film")
    if path.suffix.lower() == ".mp4":
        from matplotlib import animation

        if not animation.writers.is_available("ffmpeg"):
            raise InputError(f"{path} needs the program ffmpeg, which is not installed: install it, or write a .gif")
    return checks.new_file(path, overwrite)


def _gif_writer(fps: int) -> Any:
    """A writer of GIF whose 256 colours cover all that a frame has. Those that Pillow chooses by itself are the most
    frequent ones, and then the ends of the scale of colours are missing."""
    from matplotlib.animation import PillowWriter
    from PIL import Image

    class Writer(PillowWriter):
        _frames: list[Any]

        def grab_frame(self, **how: Any) -> None:
            super().grab_frame(**how)
            frame = self._frames[-1].convert("RGB")
            self._frames[-1] = frame.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)

    return Writer(fps=fps)


def save_film(
    film: LearningFilm, path: Path, fps: int = 10, shown: Callable[[int], None] = lambda n_done: None
) -> None:
    """Write a film of `fps` frames a second to a path of `film_path`; `shown(n_done)` is called after each frame.
    Raises StorageError."""
    from matplotlib import animation

    figure = new_figure()
    change = film.draw(figure)
    # The layout of the first frame is that of all, so that nothing moves but what changes.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    n, hold = len(film.presentation), max(1, round(_HOLD * fps))
    try:
        # The writers choose the format by the name, so they write to a name with its suffix.
        with checks.replaced(path) as part, tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / f"film{path.suffix.lower()}"
            writer = _gif_writer(fps) if made.suffix == ".gif" else animation.FFMpegWriter(fps=fps)
            with writer.saving(figure, str(made), dpi=100):
                for k in (*range(n), *[n - 1] * hold):
                    if k < n:
                        change(k)
                    writer.grab_frame()
                    shown(min(k + 1, n))
            made.replace(part)
    except OSError as error:
        raise checks.StorageError(f"cannot write {path}: {error.strerror or error}") from None
