"""Confusion matrices, summed over seeds."""

from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.iris import SPECIES
from ..display.tables import Table
from ..storage import open_trajectories
from .base import Extent, Results, Study, training
from .points import Point

_NAMES = {"iris": SPECIES}
_PANELS = {"outputs": "chemistry", "outputs_gradient_descent": "float gradient descent"}


class Confusion(Study):
    name = "confusion"
    title = "confusion matrix"
    summary = "confusion matrices of the weights from the chemistry and from gradient descent"
    cases = ("iris", "digits", "mnist")

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [training(case, seed, extent) for seed in self.seeds(extent)]

    def _matrix(self, results: Results, name: str) -> np.ndarray | None:
        """int64[true class, class said], summed over seeds; None without any."""
        found = [_count(r.path, name) for p in self._points(results) if (r := results.record(p)) is not None]
        return np.sum(found, axis=0) if found else None

    def _points(self, results: Results) -> list[Point]:
        return self.points(results.case, results.extent)

    def _n_found(self, results: Results) -> int:
        return sum(results.record(p) is not None for p in self._points(results))

    def tables(self, results: Results) -> list[Table]:
        tables = []
        for name, label in _PANELS.items():
            matrix = self._matrix(results, name)
            if matrix is not None:
                names = _class_names(results.case, len(matrix))
                rows = [(f"**{n}**", *map(str, row)) for n, row in zip(names, matrix)]
                tables.append(Table(f"{label}, test samples (row: true class)", ("", *names), rows))
        return tables

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(9.5, 4.8)
        every = figure.subplots(1, len(_PANELS))
        for axes, (name, label) in zip(every, _PANELS.items()):
            matrix = self._matrix(results, name)
            if matrix is None:
                axes.set_axis_off()
                continue
            share = 100.0 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
            image = axes.imshow(share, cmap="cividis", vmin=0, vmax=100)
            names = _class_names(results.case, len(matrix))
            axes.set_xticks(range(len(names)), names, fontsize=8)
            axes.set_yticks(range(len(names)), names, fontsize=8, rotation=90 if len(names) < 5 else 0, va="center")
            for (i, j), value in np.ndenumerate(share):
                axes.text(
                    j, i, f"{value:.0f}", ha="center", va="center", fontsize=8,
                    color="black" if value > 60 else "white",
                )  # fmt: skip
            axes.set_xlabel("class said")
            axes.set_ylabel("true class")
            axes.set_title(label, fontsize=10)
            figure.colorbar(image, ax=axes, label="share of the true class [%]", shrink=0.8)
        figure.suptitle(f"{results.case}: {self.title} over {self._n_found(results)} seeds", fontsize=11)


def _count(path: Path, name: str) -> np.ndarray:
    with open_trajectories(path) as run:
        said = np.argmax(run.training[name], axis=1)
        targets = run.training.targets
    matrix = np.zeros((targets.shape[1],) * 2, dtype=np.int64)
    np.add.at(matrix, (np.argmax(targets, axis=1), said), 1)
    return matrix


def _class_names(case: str, n: int) -> tuple[str, ...]:
    return _NAMES.get(case, tuple(str(k) for k in range(n)))
