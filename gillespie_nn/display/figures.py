"""What all figures share. Colours are Okabe and Ito's, told apart by colour-blind readers too."""

from pathlib import Path
from typing import Any

from .. import checks

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
LINES = ("-", "--", "-.", ":")
_UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def new_figure(size: tuple[float, float] = (8, 5)) -> Any:
    """An empty figure, so many inches wide and high. Raises MissingExtraError without matplotlib."""
    checks.optional("matplotlib", "plot", "drawing a figure")
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained", dpi=150)


def new_axes(size: tuple[float, float] = (6.4, 4)) -> Any:
    """Axes in a new figure of pyplot, which notebooks show and `pyplot.show()` opens. Raises MissingExtraError."""
    checks.optional("matplotlib", "plot", "plot")
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")[1]


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure in the format of the file's suffix: the same figure gives the same file, without a date and random
    names within. Raises StorageError."""
    import matplotlib

    path = Path(path)
    try:
        with (
            matplotlib.rc_context({"svg.hashsalt": path.stem}),
            checks.replaced(path) as part,
            open(part, "xb") as file,
        ):
            figure.savefig(file, format=path.suffix[1:] or None, metadata=_UNDATED.get(path.suffix))
    except OSError as error:
        raise checks.StorageError(f"cannot write {path}: {error.strerror}") from None
