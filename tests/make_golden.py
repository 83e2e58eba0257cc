"""Writes the golden files of the present format version into tests/golden, unless they are there."""

from pathlib import Path

import numpy as np

import gillespie_nn as gnn
from gillespie_nn.storage.schema import VERSION

FOLDER = Path(__file__).parent / "golden"


def make():
    version = ".".join(map(str, VERSION))
    network = gnn.ReactionNetwork.from_text("2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40")
    path = FOLDER / f"{version}-ensemble.h5"
    gnn.simulate(network, 2.0, 5, replicates=2, seed=1, output=path, count_firings=True).close()
    x = np.array([[0.0], [1.0]])
    short = {"hidden": (1,), "volume": 50.0, "presentations": 4, "running_time": 1.0, "seed": 1}
    gnn.train((x, x), output=FOLDER / f"{version}-training.h5", **short)


if __name__ == "__main__":
    make()
