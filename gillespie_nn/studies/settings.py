"""Settings that several studies share, so that they share points, too."""

from ..noise import ConcentrationNoise, RateNoise

ACTIVATIONS = {"smooth_relu": "smooth ReLU", "relu": "ReLU", "leaky_relu": "leaky ReLU"}
"""Compared at equal settings; the first is the one that claims are about."""
SMOOTH, *OTHERS = ACTIVATIONS
RATE_SIZES, QUICK_RATE_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
CONCENTRATION_SIZES, QUICK_CONCENTRATION_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
"""eps of the noises; from about 0.2 on, rates that stay wrong for a whole presentation can make the module of the
smooth ReLU's derivative unstable: s' = k1 y - (2 k2 y - k3 z) s grows where k3 z > 2 k2 y."""


def rate_noise(size: float) -> tuple[RateNoise, ...]:
    """In all rates, drawn anew at each presentation."""
    return (RateNoise(size, "presentation"),) if size else ()


def concentration_noise(size: float) -> tuple[ConcentrationNoise, ...]:
    """Forcing of every species but the weights, by Ornstein-Uhlenbeck paths."""
    return (ConcentrationNoise(size, "ornstein_uhlenbeck", step=1.0),) if size else ()
