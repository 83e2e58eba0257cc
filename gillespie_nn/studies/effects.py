"""The three effects that training at the molecule level has and gradient descent has not."""

from functools import partial
from typing import Any

import numpy as np

from ..datasets import case as case_of
from .base import LEAPING, RMSE, Extent, Results, own_settings, training
from .running_time import at_running_time, times
from .score_study import Condition, ScoreStudy

_RATES, _QUICK_RATES = (0.2, 1.0, 5.0, 20.0, 60.0, 200.0), (0.2, 5.0, 60.0)
_VOLUMES = (3e2, 1e4)
_FACTORS, _QUICK_FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0), (0.5, 1.0, 4.0)


def _steps(case: str, extent: Extent) -> list[float]:
    """Steps s around the case's own."""
    return [own_settings(case, extent).step * f for f in extent.of(_FACTORS, _QUICK_FACTORS)]


class Effect(ScoreStudy):
    """Judged by the RMSE, which sees more than the accuracy."""

    measure = RMSE
    x_scale = "log"


class Annihilation(Effect):
    """What both rails of a number have in common is nothing but noise, which random-walks the weights; V_p + V_m -> 0
    takes it away."""

    name = "annihilation"
    title = "the common part of the rails is noise"
    summary = "effect 1: RMSE against the annihilation rate of the rails, at two volumes"
    x_label = "annihilation rate [1/(concentration s)]"
    shows_descent = True

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        return [
            Condition(
                "", f"Omega = {volume:g}", rate,
                partial(training, case, extent=extent, volume=volume, annihilation_rate=rate),
            )
            for volume in _VOLUMES
            for rate in extent.of(_RATES, _QUICK_RATES)
        ]  # fmt: skip


class Transient(Effect):
    """After a switch the errors belong to the sample before, until the modules have relaxed: a share of each update, of
    the order of 1 / T, is wrong, and matters by the step. Where learning is held for the first half of T, it is not."""

    name = "transient"
    title = "the transient after each switch"
    summary = "effect 2: RMSE against the step s, for several running times T and with learning off after a switch"
    x_label = "step s"
    shows_descent = True

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        shown = times(case, extent)[-4:]
        longest = shown[-1]
        shares = [(t, 0.0, f"T = {t:g} s") for t in shown]
        shares.append((longest, 0.5, f"T = {longest:g} s, learning off in its first half"))
        return [
            Condition(
                "", label, s,
                partial(at_running_time, case, extent=extent, running_time=t, step=s, share=share),
            )
            for t, share, label in shares
            for s in _steps(case, extent)
        ]  # fmt: skip


class StepSize(Effect):
    """At a fixed step s the chemistry's limit as T grows is gradient flow run for s on each sample, which for large
    s |x|^2 fits that sample and forgets the rest; gradient descent takes one straight step."""

    name = "step-size"
    title = "updates too large for one presentation"
    summary = "effect 3: RMSE of chemistry, gradient flow and gradient descent against the step s"
    cases = ("xor", "iris", "regression", "digits")
    x_label = "step s"
    most_seeds = 10

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        own = own_settings(case, extent).running_time
        methods = {LEAPING: f"chemistry, T = {own:g} s", "gradient_flow": "gradient flow"}
        methods |= {"gradient_descent": "gradient descent"}
        return [
            Condition(
                "", label, s,
                partial(at_running_time, case, extent=extent, running_time=own, step=s, method=method),
            )
            for method, label in methods.items()
            for s in _steps(case, extent)
        ]  # fmt: skip

    def draw(self, figure: Any, results: Results) -> None:
        super().draw(figure, results)
        x = case_of(results.case).load(results.extent.seed).train_x
        size = float(np.mean(np.sum(np.square(x), axis=1))) + 1.0
        (axes,) = figure.get_axes()
        top = axes.secondary_xaxis("top", functions=(lambda s: s * size, lambda s: s / size))
        top.set_xlabel("s (|x|^2 + 1), mean over samples; the 1 is the bias", fontsize=8)
        top.tick_params(which="both", labelsize=8)
