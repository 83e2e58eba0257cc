"""Scores against the volume Omega: exact where it is small, by tau-leaping where it is large."""

from functools import partial

from .base import LEAPING, Extent, training
from .score_study import Condition, ScoreStudy

_EXACT = "rejection"
_VOLUMES = {_EXACT: (30.0, 100.0, 300.0, 1000.0), LEAPING: (300.0, 1000.0, 1e4, 1e5, 1e6)}
_QUICK = {_EXACT: (30.0, 100.0), LEAPING: (100.0, 1000.0, 1e5)}
_LABELS = {_EXACT: "exact", LEAPING: "tau-leaping"}


class Omega(ScoreStudy):
    """Intrinsic noise, alone."""

    name = "omega"
    title = "the noise of finite counts"
    summary = "scores against the volume Omega, by an exact method at small Omega and tau-leaping at large Omega"
    cases = ("xor", "iris", "regression", "digits")
    x_label = "volume Omega [molecules per unit of concentration]"
    x_scale = "log"
    shows_descent = True
    most_seeds = 10

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        return [
            Condition(
                "", _LABELS[method], volume,
                partial(training, case, extent=extent, method=method, volume=volume),
            )
            for method, volumes in extent.of(_VOLUMES, _QUICK).items()
            for volume in volumes
        ]  # fmt: skip
