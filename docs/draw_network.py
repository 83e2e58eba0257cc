"""Draw network.svg, the modules of a training network: `python docs/draw_network.py [FOLDER]`. Needs matplotlib."""

import sys
from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from gillespie_nn.display.figures import COLOURS, new_figure, save_figure

FORWARD, BACKWARD, UPDATE, *_ = COLOURS
STYLES = {FORWARD: ("forward pass", "-"), BACKWARD: ("backpropagation", "--"), UPDATE: ("update", "-.")}

SPECIES = {
    "X": (0.0, 4.0, "X\ninput"),
    "Z1": (3.2, 4.0, "Z1"),
    "Y1": (6.4, 4.0, "Y1"),
    "Z2": (9.6, 4.0, "Z2\noutput"),
    "T": (11.2, 2.0, "T\ntarget"),
    "W1": (1.6, 2.4, "W1, B1\nweights"),
    "W2": (8.0, 2.6, "W2, B2\nweights"),
    "S1": (4.8, 1.25, "S1\nslope"),
    "D2": (9.6, 0.0, "D2\nerror"),
    "E1": (6.4, 0.0, "E1"),
    "D1": (3.2, 0.0, "D1\nerror"),
}
MODULES = {
    "pre1": (1.6, 4.0, "pre-\nactivation", FORWARD),
    "activation": (4.8, 4.0, "activation", FORWARD),
    "pre2": (8.0, 4.0, "pre-\nactivation", FORWARD),
    "output error": (9.6, 2.0, "output\nerror", BACKWARD),
    "error sum": (8.0, 0.0, "error\nsum", BACKWARD),
    "slope": (4.8, 2.6, "derivative", BACKWARD),
    "error": (4.8, 0.0, "hidden\nerror", BACKWARD),
    "update1": (1.6, 0.7, "update", UPDATE),
    "update2": (8.0, 1.3, "update", UPDATE),
}
ARROWS = [
    ("X", "pre1"), ("W1", "pre1"), ("pre1", "Z1"), ("Z1", "activation"), ("activation", "Y1"), ("Y1", "pre2"),
    ("W2", "pre2"), ("pre2", "Z2"), ("Z2", "output error"), ("T", "output error"), ("output error", "D2"),
    ("D2", "error sum"), ("W2", "error sum", 0.55), ("error sum", "E1"), ("E1", "error"), ("Z1", "slope"),
    ("Y1", "slope"), ("slope", "S1"), ("S1", "error"), ("error", "D1"), ("D1", "update1"), ("X", "update1", 0.15),
    ("update1", "W1"), ("D2", "update2"), ("Y1", "update2", 0.1), ("update2", "W2"),
]  # fmt: skip
_ROUND = {"boxstyle": "circle,pad=0.3", "facecolor": "white", "edgecolor": "black"}
_SMALL = {"ha": "center", "va": "center", "fontsize": 9, "zorder": 3}


def draw(path) -> None:
    """The picture of a network with one hidden layer, each circle a vector of numbers on two rails, or of species."""
    figure = new_figure((10, 4.9))
    axes = figure.add_subplot()
    drawn = {name: axes.text(x, y, text, bbox=_ROUND, **_SMALL) for name, (x, y, text) in SPECIES.items()}
    for name, (x, y, text, colour) in MODULES.items():
        box = {"boxstyle": "square,pad=0.45", "facecolor": "white", "edgecolor": colour, "linewidth": 2}
        drawn[name] = axes.text(x, y, text, bbox=box, **_SMALL)
    axes.set_xlim(-0.8, 12.0)
    axes.set_ylim(-0.8, 4.8)
    axes.set_axis_off()
    figure.canvas.draw()  # the boxes that arrows end at have their sizes now
    for start, end, *bend in ARROWS:
        colour = MODULES[end if end in MODULES else start][3]
        arrow = FancyArrowPatch(
            drawn[start].get_position(), drawn[end].get_position(), patchA=drawn[start].get_bbox_patch(),
            patchB=drawn[end].get_bbox_patch(), connectionstyle=f"arc3,rad={bend[0] if bend else 0.0}",
            arrowstyle="-|>", mutation_scale=12, color=colour, linestyle=STYLES[colour][1], linewidth=1.5, zorder=1,
        )  # fmt: skip
        axes.add_patch(arrow)
    lines = [Line2D([], [], color=c, linestyle=style, label=label) for c, (label, style) in STYLES.items()]
    axes.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, -0.06), ncols=3, frameon=False, fontsize=9)
    save_figure(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent) / "network.svg")
