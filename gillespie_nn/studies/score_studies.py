"""Studies of a score against one number: running time, noise, volume, annihilation rate, step, or smoothing."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..datasets import case as case_of
from ..display.tables import Table
from ..noise import Noise
from .points import Point, Prediction, Training
from .study import (
    CONCENTRATION_SIZES,
    CONTENDERS,
    LEAPING,
    OPPONENTS,
    QUICK_CONCENTRATION_SIZES,
    QUICK_RATE_SIZES,
    RATE_EQUATIONS,
    RATE_SIZES,
    RMSE,
    SMOOTH,
    Condition,
    Extent,
    ScoreStudy,
    StudyResults,
    case_settings,
    concentration_noise,
    rate_noise,
    training,
)

# Scores against the running time T, at the step s = eta (T - hold) of the case.

_SHARES, _QUICK_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), (1 / 4, 1.0)


def times(case: str, extent: Extent) -> list[float]:
    """Running times [s], up to that of the case."""
    return [case_settings(case, extent).running_time * share for share in extent.of(_SHARES, _QUICK_SHARES)]


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
    """A run with another running time T [s] at the step s = eta (T - hold), with learning held for a `share` of T.

    By default step and share are those of the case."""
    usual = case_settings(case, extent)
    step = usual.step if step is None else step
    hold = running_time * (usual.hold / usual.running_time if share is None else share)
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


# Scores against the size of extrinsic noise: in training, in inference, and in both.

TRAINING, INFERENCE, BOTH = PLACES = ("training", "inference", "both")
_PREDICTED = 100
"""Test samples that are predicted, at most. These are all of iris, whose samples are sorted by class."""
_TITLES = {TRAINING: "noise in training", INFERENCE: "noise in inference", BOTH: "noise in both"}


class NoiseSweep(ScoreStudy):
    """Rate equations under noise. `sizes` and `quick_sizes` are values of eps, from 0 on; `noise(eps)` is the noise."""

    sizes: tuple[float, ...] = (0.0,)
    quick_sizes: tuple[float, ...] = (0.0,)

    @staticmethod
    def noise(size: float) -> tuple[Noise, ...]:
        raise NotImplementedError

    def point(self, case: str, seed: int, extent: Extent, place: str, contender: str, size: float) -> Point:
        """A training run, or with noise in inference a prediction with its weights."""
        noise = self.noise(size)
        in_training = () if place == INFERENCE else noise
        trained = training(case, seed, extent, in_training, RATE_EQUATIONS, **CONTENDERS[contender])
        if place == TRAINING:
            return trained
        return Prediction.of(trained, noise, _PREDICTED)

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        return [
            Condition(
                _TITLES[place], contender, size,
                partial(self.point, case, extent=extent, place=place, contender=contender, size=size),
            )
            for place in PLACES
            for contender in CONTENDERS
            for size in extent.of(self.sizes, self.quick_sizes)
        ]  # fmt: skip


class RateNoiseStudy(NoiseSweep):
    name = "rate-noise"
    title = "noise in reaction rates"
    summary = "scores against the size of noise in all reaction rates, in training, in inference and in both"
    x_label = "eps of noise in rates [relative]"
    sizes, quick_sizes = RATE_SIZES, QUICK_RATE_SIZES
    noise = staticmethod(rate_noise)


class ConcentrationNoiseStudy(NoiseSweep):
    name = "concentration-noise"
    title = "noise in concentrations"
    summary = "scores against forcing of all species but weights and switches, in training, in inference and in both"
    x_label = "eps of forcing [1/s]"
    sizes, quick_sizes = CONCENTRATION_SIZES, QUICK_CONCENTRATION_SIZES
    noise = staticmethod(concentration_noise)


# Scores against the volume Omega, by an exact method if it is small and by tau-leaping if it is large.

_EXACT = "rejection"
_VOLUMES = {_EXACT: (30.0, 100.0, 300.0, 1000.0), LEAPING: (300.0, 1000.0, 1e4, 1e5, 1e6)}
_QUICK = {_EXACT: (30.0, 100.0), LEAPING: (100.0, 1000.0, 1e5)}
_LABELS = {_EXACT: "exact", LEAPING: "tau-leaping"}


class Omega(ScoreStudy):
    """Intrinsic noise alone."""

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


# Three effects of training at the molecule level that gradient descent does not have.

_RATES, _QUICK_RATES = (0.2, 1.0, 5.0, 20.0, 60.0, 200.0), (0.2, 5.0, 60.0)
_VOLUMES_OF_EFFECTS = (3e2, 1e4)
_FACTORS, _QUICK_FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0), (0.5, 1.0, 4.0)


def _steps(case: str, extent: Extent) -> list[float]:
    """Steps s around that of the case."""
    return [case_settings(case, extent).step * f for f in extent.of(_FACTORS, _QUICK_FACTORS)]


class Effect(ScoreStudy):
    """Scores are RMSE, which shows more than the accuracy."""

    measure = RMSE
    x_scale = "log"


class Annihilation(Effect):
    """The common part of both rails of a number is pure noise, under which the weights perform a random walk. The
    reaction V_p + V_m -> 0 removes it."""

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
            for volume in _VOLUMES_OF_EFFECTS
            for rate in extent.of(_RATES, _QUICK_RATES)
        ]  # fmt: skip


class Transient(Effect):
    """After a switch the errors belong to the previous sample until the modules have relaxed. So a share of each
    update, of the order of 1 / T, is wrong, and its effect grows with the step. It vanishes if learning is held for the
    first half of T."""

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
    """At a fixed step s, the limit of the chemistry for large T is gradient flow for a time s on each sample. For large
    s |x|^2 it fits that sample and forgets the rest, while gradient descent takes one straight step."""

    name = "step-size"
    title = "updates too large for one presentation"
    summary = "effect 3: RMSE of chemistry, gradient flow and gradient descent against the step s"
    cases = ("xor", "iris", "regression", "digits")
    x_label = "step s"
    most_seeds = 10

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        usual = case_settings(case, extent).running_time
        methods = {LEAPING: f"chemistry, T = {usual:g} s", "gradient_flow": "gradient flow"}
        methods |= {"gradient_descent": "gradient descent"}
        return [
            Condition(
                "", label, s,
                partial(at_running_time, case, extent=extent, running_time=usual, step=s, method=method),
            )
            for method, label in methods.items()
            for s in _steps(case, extent)
        ]  # fmt: skip

    def draw(self, figure: Any, results: StudyResults) -> None:
        super().draw(figure, results)
        x = case_of(results.case).load(results.extent.seed).train_x
        size = float(np.mean(np.sum(np.square(x), axis=1))) + 1.0
        (axes,) = figure.get_axes()
        top = axes.secondary_xaxis("top", functions=(lambda s: s * size, lambda s: s / size))
        top.set_xlabel("s (|x|^2 + 1), mean over samples; the 1 is the bias", fontsize=8)
        top.tick_params(which="both", labelsize=8)


# Smooth ReLU for several h, and ReLUs by annihilation and by thresholds, at equal settings.

_H, _QUICK_H = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0), (0.05, 0.25, 1.0)


class Smoothing(ScoreStudy):
    """The others have no h, and are horizontal lines."""

    name = "smoothing"
    title = "smooth ReLU for several h, and other ReLUs"
    summary = "scores of smooth ReLU for several h, and of other ReLUs at equal settings"
    x_label = "smoothing h of the smooth ReLU [concentration^2]"
    x_scale = "log"

    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        sizes = extent.of(_H, _QUICK_H)
        smooth = [Condition("", SMOOTH, h, partial(training, case, extent=extent, h=h)) for h in sizes]
        across = [
            Condition("", name, h, partial(training, case, extent=extent, **CONTENDERS[name]))
            for name in OPPONENTS
            for h in (sizes[0], sizes[-1])
        ]
        return smooth + across

    def tables(self, results: StudyResults) -> list[Table]:
        (table,) = super().tables(results)
        seen, rows = set(), []
        for name, h, *cells in table.rows:
            if name == SMOOTH or name not in seen:
                rows.append((name, h if name == SMOOTH else "-", *cells))
            seen.add(name)
        return [table._replace(rows=rows)]
