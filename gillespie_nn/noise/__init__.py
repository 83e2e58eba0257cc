"""Extrinsic noise: what drives a network from outside, in its rates and in its concentrations.

A noise of amplitude eps multiplies a path xi, which is a function of the seed alone, so that all amplitudes share it;
the noise of finite counts is the volume's. To add one: a file with a subclass of `Noise`, and its line in `NOISES`. To
add a kind of path: a subclass of `Kind`, and its line in `kinds.KINDS`.
"""

from collections.abc import Mapping
from typing import Any

from .. import checks
from .additive import AdditiveNoise
from .base import Noise
from .concentration import ConcentrationNoise
from .drive import Drive
from .kinds import KINDS
from .plan import NoisePlan, as_noises, plan_noise
from .rate import RateNoise

NOISES = (RateNoise, ConcentrationNoise, AdditiveNoise)


def from_record(record: Mapping[str, Any]) -> Noise:
    """The noise whose `record()` this is, as a run file keeps it."""
    by_name = {noise.name: noise for noise in NOISES}
    given = dict(record)
    return by_name[checks.choice("noise", given.pop("noise", None), by_name)](**given)


__all__ = [
    "KINDS",
    "NOISES",
    "AdditiveNoise",
    "ConcentrationNoise",
    "Drive",
    "Noise",
    "NoisePlan",
    "RateNoise",
    "as_noises",
    "from_record",
    "plan_noise",
]
