"""Planted errors in the batch methods, which the comparison with exact simulation must catch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..kernels.batch_neurons import LICENSED, LICENSEDS
from ..simulation.batches import BatchMethod
from ..simulation.batches.batch_leap import BatchLeap
from ..simulation.batches.learning import Batch
from ..simulation.batches.stationary_leap import StationaryLeap
from ..simulation.batches.still_flow import StillFlow
from ..simulation.batches.still_layers import StillLayers


class _Frozen(Batch):
    """Neurons read the weights of the beginning of the presentation."""

    def _leap(self, *arguments: Any) -> int:
        before, drive = [m.copy() for m in self._matrices], self._drive.copy()
        fired = super()._leap(*arguments)
        for now, then in zip(self._matrices[1:], before[1:]):
            now[...] = then
        self._drive[...] = drive
        self._step[...] = 0.0
        return fired


class _Missing(Batch):
    """The first sample is missing from the sum over samples."""

    def _expose(self, rows: slice, tau: np.float32) -> None:
        if rows.start == 0:
            for flows in self._neurons.flows:
                flows[LICENSED : LICENSEDS + 1, 0] = 0.0
        super()._expose(rows, tau)


class _Still(Batch):
    """Neurons have no noise."""

    def present(self, *arguments: Any) -> int:
        self._neurons.noisy = False
        return super().present(*arguments)


class _FrozenFlow(StillFlow):
    """Neurons rest at the weights of the beginning of the window."""

    def follow(self, weights: Any, *rest: Any) -> float:
        self._before = [w.copy() for w in weights]
        return super().follow(weights, *rest)

    def _evaluate(self, state: Any, weights: Any, *rest: Any) -> None:
        step, self._step = self._step, np.float32(0.0)
        super()._evaluate(state, self._before, *rest)
        self._step = step


class _MissingLayers(StillLayers):
    """The first sample is missing from the sum over samples."""

    def rest(self, *arguments: Any) -> None:
        super().rest(*arguments)
        self._leave_out()

    def late(self, *arguments: Any) -> None:
        super().late(*arguments)
        self._leave_out()

    def _leave_out(self) -> None:
        for layer in self.layers:
            layer.grid.g[0] = 0.0

    def fill_rails(self, *arguments: Any) -> None:
        super().fill_rails(*arguments)
        for layer in self.layers:
            layer.grid.g_common[0] = 0.0


class _MissingFlow(StillFlow):
    layers = _MissingLayers


class _QuietLayers(StillLayers):
    """Neurons have no noise."""

    def fill_noise(self, *arguments: Any) -> None:
        self.silence()


class _QuietFlow(StillFlow):
    layers = _QuietLayers


def _planted_still(kind: type[StillFlow]) -> type[StationaryLeap]:
    return type("Planted", (StationaryLeap,), {"flows": kind})


def _planted(kind: type[Batch]) -> type[BatchLeap]:
    return type("Planted", (BatchLeap,), {"batches": kind})


PLANTS: Mapping[str, Mapping[str, tuple[type[BatchMethod], dict[str, Any]]]] = {
    BatchLeap.name: {
        "frozen weights": (_planted(_Frozen), {"draws": 1}),
        "a sample missing from the sum": (_planted(_Missing), {}),
        "neurons without noise": (_planted(_Still), {}),
    },
    StationaryLeap.name: {
        "frozen weights": (_planted_still(_FrozenFlow), {}),
        "a sample missing from the sum": (_planted_still(_MissingFlow), {}),
        "neurons without noise": (_planted_still(_QuietFlow), {}),
    },
}
"""By method: classes and their options."""
