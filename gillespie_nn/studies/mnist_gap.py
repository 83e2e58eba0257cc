"""What separates training MNIST in chemistry from gradient descent: one thing is changed at a time.

Each row is a training on 55,000 images, judged on the 5,000 training images that the seed holds out; the test set is
not used. All rows of a seed have the same start, order and steps. Differences are from the row `chemistry`, paired over
seeds, with Student's interval at 95 %.

    python scripts/mnist_gap.py --seeds 3 --epochs 1
"""

import argparse
from typing import Any

import numpy as np

from ..api import train
from ..display.tables import Table
from ..statistics.intervals import estimate

HELD_OUT, N_IMAGES, BATCH = 5_000, 60_000, 128
STEP = 1.0
"""B s = B eta (T - hold), the step of a batch's mean at the start; descent diverges above 1.5."""
CHEMISTRY = "chemistry"
ROWS: dict[str, dict[str, Any]] = {
    "gradient descent": {"method": "gradient_descent"},
    "gradient flow of each batch": {"method": "gradient_flow", "flow_rtol": 1e-5},
    "no noise of counts (Omega = 1e8)": {"volume": 1e8},
    CHEMISTRY: {},
    "Omega = 1e3": {"volume": 1e3},
    "Omega = 300": {"volume": 300.0},
    "annihilation 600": {"annihilation_rate": 600.0},
    "window of 100 s": {"running_time": 130.0},
    "leaps half as long": {"leap": 0.5},
    "stationary_leap, window of 300 s": {"method": "stationary_leap", "running_time": 330.0},
    "one image at a time": {"batch": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument(
        "--step", type=float, default=STEP, help="step of the mean of 128 images (default: %(default)s)"
    )
    parser.add_argument("--row", action="append", choices=ROWS, help="only this row and `chemistry`; may be repeated")
    asked = parser.parse_args()
    chosen = {name: row for name, row in ROWS.items() if not asked.row or name in (CHEMISTRY, *asked.row)}
    found = {
        name: np.array([_accuracy(seed, asked, row) for seed in range(asked.seeds)]) for name, row in chosen.items()
    }
    reference = found[CHEMISTRY]
    rows = []
    for name, accuracy in found.items():
        difference = "" if name == CHEMISTRY else str(estimate(100.0 * (accuracy - reference)))
        rows.append((name, f"{accuracy.mean():.4f}", difference))
    columns = ("training", "accuracy, held out", "difference [points]")
    title = f"{asked.seeds} seeds, {asked.epochs} epochs, 784-{asked.hidden}-10, step {asked.step:g}"
    print(Table(title, columns, rows).text())


def _accuracy(seed: int, asked: argparse.Namespace, row: dict[str, Any]) -> float:
    given = {"method": "batch_leap", "running_time": 60.0, "hold": 30.0, "batch": BATCH, **row}
    n = asked.epochs * (N_IMAGES - HELD_OUT)
    fit = train(
        "mnist",
        seed=seed,
        hidden=(asked.hidden,),
        presentations=-(-n // given["batch"]),
        learning_rate=asked.step / BATCH / (given["running_time"] - given["hold"]),
        validation=HELD_OUT / N_IMAGES,
        evaluate_every=n,
        **given,
    )
    return float(fit.trained.scores[-1, 1])
