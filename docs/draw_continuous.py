"""Draw continuous.svg, continuous variables beside molecules: `python docs/draw_continuous.py [FOLDER]`. Needs
matplotlib."""

import sys
from pathlib import Path

from gillespie_nn import ReactionNetwork, simulate
from gillespie_nn.display.figures import COLOURS, new_figure, save_figure

MINUTES = 60.0


def draw(path) -> None:
    """Growing and dividing cells; and a membrane in which channels are molecules, with its rate equations."""
    figure = new_figure((10, 4.2))
    volume, protein = figure.subplots(2, 2, sharex="col")[:, 0]
    voltage = figure.axes[1]
    gates = figure.axes[3]
    cells = simulate(ReactionNetwork.from_file("growing_cell"), t_end=9000, n_points=901, replicates=3, seed=1)
    for k, colour in zip(range(3), COLOURS):
        protein.plot(cells.time / MINUTES, cells.of("protein")[k], color=colour, linewidth=1)
    volume.plot(cells.time / MINUTES, cells.of("V")[0], color="black", linewidth=1)
    volume.set(ylabel="volume\n[at birth]", title="three cells that grow and divide", ylim=(0, 2.2))
    protein.set(xlabel="time [min]", ylabel="protein\n[molecules]", ylim=(0, None))
    membrane = ReactionNetwork.from_file("hodgkin_huxley")
    for method, colour, style, label in (
        ("ode", "black", "--", "rate equations"), ("rejection", COLOURS[0], "-", "channels as molecules"),
    ):  # fmt: skip
        run = simulate(membrane, t_end=60, n_points=1201, method=method, seed=1)
        voltage.plot(run.time, run.of("V")[0], style, color=colour, linewidth=1, label=label)
        gates.plot(run.time, run.of("m3h1")[0] / 780, style, color=colour, linewidth=1)
    voltage.set(ylabel="voltage [mV]", title="13 µm² of a nerve, 1,014 channels", ylim=(-85, 75))
    voltage.legend(loc="upper right", fontsize=8, frameon=False, ncols=2)
    gates.set(xlabel="time [ms]", ylabel="sodium channels\nopen [of all]", ylim=(0, None))
    save_figure(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent) / "continuous.svg")
