"""Scores against the size of extrinsic noise: in training, in inference alone, and in both."""

from functools import partial

from ..noise import Noise
from .base import RATE_EQUATIONS, Extent, training
from .points import Point, Prediction
from .score_study import Condition, ScoreStudy
from .settings import (
    CONCENTRATION_SIZES,
    CONTENDERS,
    QUICK_CONCENTRATION_SIZES,
    QUICK_RATE_SIZES,
    RATE_SIZES,
    concentration_noise,
    rate_noise,
)

TRAINING, INFERENCE, BOTH = PLACES = ("training", "inference", "both")
_PREDICTED = 100
"""Test samples at most: all of iris, whose samples stand class by class."""
_TITLES = {TRAINING: "noise in training", INFERENCE: "noise in inference", BOTH: "noise in both"}


class NoiseSweep(ScoreStudy):
    """Of rate equations. `sizes` and `quick_sizes` are those of eps, from 0 on; `noise(eps)` is the noise."""

    sizes: tuple[float, ...] = (0.0,)
    quick_sizes: tuple[float, ...] = (0.0,)

    @staticmethod
    def noise(size: float) -> tuple[Noise, ...]:
        raise NotImplementedError

    def point(self, case: str, seed: int, extent: Extent, place: str, contender: str, size: float) -> Point:
        """Trained, and judged: in floating point, or with noise in inference by simulation."""
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
