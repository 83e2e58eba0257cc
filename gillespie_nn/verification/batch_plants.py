"""Planted errors in the batch leap, which the comparison with exact simulation must catch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..kernels.batch_neurons import LICENSED, LICENSEDS
from ..simulation.batches.batch_leap import BatchLeap
from ..simulation.batches.learning import Batch


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


def _planted(kind: type[Batch]) -> type[BatchLeap]:
    return type("Planted", (BatchLeap,), {"batches": kind})


PLANTS: Mapping[str, tuple[type[BatchLeap], dict[str, Any]]] = {
    "frozen weights": (_planted(_Frozen), {"draws": 1}),
    "a sample missing from the sum": (_planted(_Missing), {}),
    "neurons without noise": (_planted(_Still), {}),
}
"""Classes and their options."""
