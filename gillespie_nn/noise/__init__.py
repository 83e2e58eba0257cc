"""Extrinsic noise: external noise in the rates and concentrations of a network.

A noise multiplies a path xi by its amplitude eps. The path depends only on the seed, so all amplitudes share it.
Intrinsic noise is set by the volume instead. To add a noise: a file with a subclass of `Noise`, and its line in
`NOISES`. A noise defined outside the package needs no line: pass an object of it. To add a kind of path: a subclass of
`Kind`, and its line in `KINDS`.
"""

from collections.abc import Mapping
from typing import Any

from .. import checks
from .drive import Drive, NoisePlan, as_noises, plan_noise
from .forms import AdditiveNoise, ConcentrationNoise, RateNoise
from .noise import KINDS, Noise

NOISES = (RateNoise, ConcentrationNoise, AdditiveNoise)
"""All noises, by where they act."""


def from_record(record: Mapping[str, Any]) -> Noise:
    """The noise with this `record()`, as stored in run files."""
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
