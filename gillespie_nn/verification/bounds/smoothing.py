"""Smooth against non-smooth: how Theta grows as h falls, where a pre-activation rests at 0.

The derivative of the smooth ReLU is Lipschitz with constant 1 / (4 sqrt h), the slope of its slope at z = 0. Noise in
the reactions of z alone, constant in time, moves z by about eps Theta_Z and, once all has settled, the slope s by eps
Theta_S; their ratio, path by path, is that constant. Learning is off, so that z rests, and T = 20 / sqrt h, well above
the relaxation time 1 / (2 sqrt h).
"""

import numpy as np

from ...nn import training_network
from ...nn.chemistry import PREACTIVATIONS, SLOPES
from ...noise import RateNoise
from .cases import SETTINGS
from .driven import DrivenPaths
from .extrinsic import LARGEST, N_SIZES, SMALLEST
from .setting import LEARNING, Setting
from .statistics import MEDIAN, bootstrap, median

SMOOTHINGS = (0.25, 0.0625, 0.015625, 0.00390625, 0.0009765625)
_PATHS = 40


def theta_against_h(seed: int, paths: int = _PATHS) -> dict:
    """Medians over paths of Theta_S, Theta_Z and their ratio at the smallest eps for each h, and their exponents in
    h with 95 % intervals. Returns a dictionary of plain values."""
    sizes = np.geomspace(SMALLEST, LARGEST, N_SIZES)
    theta = np.empty((paths, len(SMOOTHINGS), 2))
    for k, h in enumerate(SMOOTHINGS):
        setting = _resting(h)
        slope, z = (setting.spec.numbers.one(meaning, 1, 0) for meaning in (SLOPES, PREACTIVATIONS))
        making = tuple(r.name for r in setting.network.reactions if r.net_change().keys() & set(z.rails))
        driven = DrivenPaths(setting, RateNoise(sizes[-1], "constant", reactions=making), sizes, seed)
        chosen = [setting.quantities.names.index(number.name) for number in (slope, z)]
        for path in range(paths):
            theta[path, k] = driven.errors(path).theta[0, chosen]
    values = np.concatenate([theta, theta[:, :, :1] / theta[:, :, 1:]], axis=2)
    slopes = bootstrap(values, np.array(SMOOTHINGS), seed, MEDIAN)
    found = median(values)
    return {
        "h": list(SMOOTHINGS),
        "theta_slope": found[:, 0],
        "theta_pre_activation": found[:, 1],
        "ratio": found[:, 2],
        "lipschitz": [1 / (4 * np.sqrt(h)) for h in SMOOTHINGS],
        "exponent": [slopes.slope[0], slopes.low[0], slopes.high[0]],
        "exponent_of_ratio": [slopes.slope[2], slopes.low[2], slopes.high[2]],
        "paths": paths,
    }


def _resting(h: float) -> Setting:
    annihilation = SETTINGS["xor"].annihilation_rate
    spec = training_network((2, 1, 1), h=h, learning_rate=0.0, annihilation_rate=annihilation)
    weights = np.array([1.0, -1.0, 0.0, 1.0, 0.0])
    return Setting(
        LEARNING, "kink", "smooth_relu", spec, weights, np.ones((1, 2)), np.full((1, 1), 0.5), 20.0 / np.sqrt(h)
    )


def sentences(found: dict) -> list[str]:
    """For people."""
    rows = zip(found["h"], found["theta_slope"], found["ratio"], found["lipschitz"])
    lines = [f"h = {h:.4g}: Theta_S {t:.4g}, Theta_S / Theta_Z {r:.4g}, 1/(4 sqrt h) {c:.4g}" for h, t, r, c in rows]
    for what, name in (("Theta_S", "exponent"), ("Theta_S / Theta_Z", "exponent_of_ratio")):
        value, low, high = found[name]
        lines.append(f"exponent of {what} in h: {value:.3f} [{low:.3f}, {high:.3f}]; 1/(4 sqrt h) has exponent -0.5")
    return lines
