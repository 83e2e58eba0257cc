"""How Theta grows as an activation becomes sharper, where a pre-activation rests at 0.

The derivative of the smooth ReLU is Lipschitz with constant 1 / (4 sqrt h), the slope of its slope at z = 0. Noise in
the reactions of z alone, constant in time, moves z by about eps Theta_Z and, once all has settled, the slope s by eps
Theta_S; their ratio, path by path, is that constant. Learning is off, so that z rests, and T = 20 / sqrt h, well above
the relaxation time 1 / (2 sqrt h).

Activations by annihilation of rails are smooth ReLUs of an h' = z_p z_m that follows from the rails: (P - z_p) / kappa
with P the rate at which each rail is made here, and h more for `rail_relu`. With h' in place of h the same is expected
of them.
"""

from typing import NamedTuple

import numpy as np

from ..activations import AnnihilationReLU
from ..nn import training_network
from ..nn.chemistry import PREACTIVATIONS, SLOPES
from ..noise import RateNoise
from ..statistics.scaling import MEDIAN, bootstrap
from .driven import DrivenPaths
from .forcing import LARGEST, N_SIZES, SMALLEST
from .setting import LEARNING, SETTINGS, Setting

SMOOTHINGS = (0.25, 0.0625, 0.015625, 0.00390625, 0.0009765625)
KAPPAS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SHARPENED = {
    "smooth_relu": ("h", SMOOTHINGS),
    "annihilation_relu": ("kappa", KAPPAS),
    "leaky_annihilation_relu": ("kappa", KAPPAS),
    "rail_relu": ("h", SMOOTHINGS),
}
"""Activations that have such a limit: the setting that is varied, and its values."""
_PATHS = 40
_MADE = 2.0
"""Molecules made of both rails of z, over time and volume: weights 1 and -1, inputs 1."""


class _Resting(NamedTuple):
    """A neuron at rest on its kink."""

    setting: Setting
    smoothing: float
    """h or h' [concentration^2]."""
    lipschitz: float
    """Slope of its slope at z = 0 [1/concentration]."""


def theta_when_sharpened(activation: str, seed: int, paths: int = _PATHS) -> dict:
    """Medians over paths of Theta_S, Theta_Z and their ratio at the smallest eps for each value of the setting that
    makes `activation` sharper, and their exponents in h or h' with 95 % intervals. Returns a dictionary of plain
    values."""
    parameter, values = SHARPENED[activation]
    sizes = np.geomspace(SMALLEST, LARGEST, N_SIZES)
    theta = np.empty((paths, len(values), 2))
    cases = [_resting(activation, parameter, value) for value in values]
    for k, (setting, _, _) in enumerate(cases):
        slope, z = (setting.spec.numbers.one(meaning, 1, 0) for meaning in (SLOPES, PREACTIVATIONS))
        making = tuple(r.name for r in setting.network.reactions if r.net_change().keys() & set(z.rails))
        driven = DrivenPaths(setting, RateNoise(sizes[-1], "constant", reactions=making), sizes, seed)
        chosen = [setting.quantities.names.index(number.name) for number in (slope, z)]
        for path in range(paths):
            theta[path, k] = driven.errors(path).theta[0, chosen]
    ratios = np.concatenate([theta, theta[:, :, :1] / theta[:, :, 1:]], axis=2)
    smoothings = np.array([case.smoothing for case in cases])
    slopes = bootstrap(ratios, smoothings, seed, MEDIAN)
    found = np.median(ratios, axis=0)
    return {
        "parameter": parameter,
        "values": list(values),
        "h": smoothings,
        "theta_slope": found[:, 0],
        "theta_pre_activation": found[:, 1],
        "ratio": found[:, 2],
        "lipschitz": [case.lipschitz for case in cases],
        "exponent": [slopes.slope[0], slopes.low[0], slopes.high[0]],
        "exponent_of_ratio": [slopes.slope[2], slopes.low[2], slopes.high[2]],
        "paths": paths,
    }


def _resting(activation: str, parameter: str, value: float) -> _Resting:
    settings = SETTINGS["xor"].replace(activation=activation, learning_rate=0.0).replace(**{parameter: value})
    spec = training_network((2, 1, 1), **settings.of_network)
    neuron = settings.of_network["activation"]
    if isinstance(neuron, AnnihilationReLU):
        plus, _ = neuron.rails_at_rest(np.zeros(1), np.full(1, _MADE))
        smoothing, share = float(plus[0]) ** 2, 1.0 - getattr(neuron, "leak", 0.0)
    else:
        smoothing, share = value, 1.0
    weights = np.array([1.0, -1.0, 0.0, 1.0, 0.0])
    setting = Setting(
        LEARNING, "kink", activation, spec, weights, np.ones((1, 2)), np.full((1, 1), 0.5), 20.0 / np.sqrt(smoothing)
    )
    return _Resting(setting, smoothing, share / (4.0 * np.sqrt(smoothing)))


def sentences(found: dict) -> list[str]:
    """For people."""
    parameter = found["parameter"]
    name = "h" if parameter == "h" and np.array_equal(found["h"], found["values"]) else "h'"
    rows = zip(found["values"], found["h"], found["theta_slope"], found["ratio"], found["lipschitz"])
    lines = []
    for value, h, theta, ratio, lipschitz in rows:
        at = f"{parameter} = {value:.4g}" + (f", h' = {h:.4g}" if name != "h" else "")
        lines.append(f"{at}: Theta_S {theta:.4g}, Theta_S / Theta_Z {ratio:.4g}, 1/(4 sqrt {name}) {lipschitz:.4g}")
    for what, key in (("Theta_S", "exponent"), ("Theta_S / Theta_Z", "exponent_of_ratio")):
        value, low, high = found[key]
        lines.append(
            f"exponent of {what} in {name}: {value:.3f} [{low:.3f}, {high:.3f}]; 1/(4 sqrt {name}) has exponent -0.5"
        )
    return lines
