"""Settings that several studies share, so that they share points, too."""

from collections.abc import Mapping
from typing import Any

from ..noise import ConcentrationNoise, RateNoise

SMOOTH = "smooth ReLU"
ANNIHILATION, ANNIHILATION_FAST = "annihilation ReLU, kappa = 60", "annihilation ReLU, kappa = 1000"
LEAKY_ANNIHILATION = "leaky annihilation ReLU, kappa = 1000"
IDEAL, IDEAL_LEAKY = "idealised ReLU", "idealised leaky ReLU"
RAIL = "rail ReLU, kappa = 60"
GAIN = "smooth ReLU, gain"

_EVERY: Mapping[str, dict[str, Any]] = {
    SMOOTH: {"activation": "smooth_relu"},
    ANNIHILATION: {"activation": "annihilation_relu", "kappa": 60.0},
    ANNIHILATION_FAST: {"activation": "annihilation_relu", "kappa": 1000.0},
    LEAKY_ANNIHILATION: {"activation": "leaky_annihilation_relu", "kappa": 1000.0},
    IDEAL: {"activation": "relu"},
    IDEAL_LEAKY: {"activation": "leaky_relu"},
    RAIL: {"activation": "rail_relu", "kappa": 60.0},
    GAIN: {"activation": "smooth_relu", "derivative": "gain"},
}
OPPONENTS = (ANNIHILATION, ANNIHILATION_FAST, LEAKY_ANNIHILATION, IDEAL, IDEAL_LEAKY)
"""What claims about the smooth ReLU are tested against. The annihilation ReLUs are mass action; the idealised ones have
rates that jump where z crosses 0."""
CONTENDERS = {name: _EVERY[name] for name in (SMOOTH, *OPPONENTS, RAIL)}
"""Activations compared at equal settings, by label."""
ALL_CONTENDERS = CONTENDERS | {GAIN: _EVERY[GAIN]}
"""With the smooth ReLU whose slope is the module `gain`."""
FEW = {name: _EVERY[name] for name in (SMOOTH, ANNIHILATION, IDEAL)}
"""Those of figures with little room."""
RATE_SIZES, QUICK_RATE_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
CONCENTRATION_SIZES, QUICK_CONCENTRATION_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
"""eps of the noises."""


def rate_noise(size: float) -> tuple[RateNoise, ...]:
    """In all rates, drawn anew at each presentation."""
    return (RateNoise(size, "presentation"),) if size else ()


def concentration_noise(size: float) -> tuple[ConcentrationNoise, ...]:
    """Forcing of every species but weights and switches, by Ornstein-Uhlenbeck paths."""
    return (ConcentrationNoise(size, "ornstein_uhlenbeck", step=1.0),) if size else ()
