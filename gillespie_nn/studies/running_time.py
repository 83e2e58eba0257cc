"""Scores against the running time T, at the case's own step s = eta (T - hold)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..noise import Noise
from .base import LEAPING, RATE_EQUATIONS, Extent, own_settings, training
from .points import Training
from .score_study import Condition, ScoreStudy
from .settings import CONTENDERS

_SHARES, _QUICK_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), (1 / 4, 1.0)


def times(case: str, extent: Extent) -> list[float]:
    """Running times [s], up to the case's own."""
    return [own_settings(case, extent).running_time * share for share in extent.of(_SHARES, _QUICK_SHARES)]


def at_running_time(
    case: str,
    seed: int,
    extent: Extent,
    running_time: float,
    step: float | None = None,
    share: float | None = None,
    noise: Sequence[Noise] = (),
    method: str = LEAPING,
    **settings: Any,
) -> Training:
    """A run with another running time T [s] at the same step s = eta (T - hold), by default the case's own. Learning is
    held for a `share` of T, by default the case's own."""
    own = own_settings(case, extent)
    step = own.step if step is None else step
    hold = running_time * (own.hold / own.running_time if share is None else share)
    settings |= {"running_time": float(running_time), "hold": hold, "learning_rate": step / (running_time - hold)}
    return training(case, seed, extent, noise, method, **settings)


class RunningTime(ScoreStudy):
    name = "running-time"
    title = "running time at a fixed step s"
    summary = "scores against the running time T of a presentation at a fixed step s = eta (T - hold)"
    x_label = "running time T [s]"
    x_scale = "log"
    shows_descent = True

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        return [
            Condition(
                "", contender, t,
                partial(at_running_time, case, extent=extent, running_time=t, method=RATE_EQUATIONS, **settings),
            )
            for contender, settings in CONTENDERS.items()
            for t in times(case, extent)
        ]  # fmt: skip
