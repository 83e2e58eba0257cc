"""The chemical Langevin equation beside the master equation: distance of the two laws, and moments, as Omega grows.

Paths of counts can be coupled with paths of the diffusion so that they stay within a multiple of log Omega molecules of
each other (Kurtz 1978, by the coupling of Komlos, Major and Tusnady 1975). What is measured here is the distance at one
time under the best coupling of the two laws, each count with the same quantile of the diffusion: Wasserstein's distance
of order 1. It is bounded by that of the paths, and at one time there is no logarithm: some molecules, whatever Omega,
of which a quarter is the distance of whole numbers from a continuous law. The rate equations, or noise of a wrong size,
are away by a multiple of sqrt(Omega).

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0.
J. Komlos, P. Major, G. Tusnady, Z. Wahrscheinlichkeitstheorie verw. Gebiete 32 (1975) 111-131, doi:10.1007/BF00533093.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from ..crn import ReactionNetwork
from ..statistics.scaling import Rate, exponent, of_left_out, rate
from .master_equation import generator
from .samples import trajectories

_TIME = 1.5
_STEP = 0.02
"""Errors of the scheme, of second order, are then below those of the samples."""
_COPIES = 500
"""Of the model in one network: one replicate gives so many samples."""
_GROUPS = 20
_MODEL = "0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5\n"


def langevin_distance(
    seed: int, volumes: Sequence[float] = (64, 128, 256, 512, 1024), replicates: int = 800, **settings: Any
) -> Rate:
    """Distance of the laws of counts / Omega, from a concentration of 1 and away from zero; volumes are whole."""
    samples = [_sample(seed, volume, replicates, **settings) for volume in volumes]
    laws = [_law(volume) for volume in volumes]

    def distances(kept: Any) -> list[float]:
        return [_distance(x[kept], law) / volume for x, law, volume in zip(samples, laws, volumes)]

    group = np.arange(replicates) * _GROUPS // replicates
    left_out = exponent(volumes, [distances(group != k) for k in range(_GROUPS)])
    return rate(
        "Langevin equation: distance of the laws", "volume", "Wasserstein distance of concentrations", volumes,
        distances(slice(None)), -1.0, 0.1, of_left_out(left_out), "langevin",
    )  # fmt: skip


def langevin_moments(seed: int, volumes: Sequence[float] = (64, 256), replicates: int = 800) -> list[dict]:
    """Relative errors of mean, variance and third cumulant, with 95 % intervals.

    Those of mean and variance vanish as Omega grows. That of the third cumulant does not: a reaction's jump has a third
    moment, and a Gaussian number has none.
    """
    found = []
    for volume in volumes:
        x, law = _sample(seed, volume, replicates), _law(volume)
        n = np.arange(len(law))
        mean = law @ n
        values = {"mean": x, "variance": (x - mean) ** 2, "third cumulant": (x - mean) ** 3}
        exact = {"mean": mean, "variance": law @ (n - mean) ** 2, "third cumulant": law @ (n - mean) ** 3}
        for what, sample in values.items():
            # About the exact mean: what the sample's own mean is off by, its mean's error says.
            by_replicate = sample.mean(axis=1) / exact[what] - 1
            error, half = by_replicate.mean(), 1.96 * by_replicate.std(ddof=1) / replicates**0.5
            found.append({"what": what, "volume": volume, "error": error, "interval": (error - half, error + half)})
    return found


def _sample(seed: int, volume: float, replicates: int, method: str = "langevin", **settings: Any) -> np.ndarray:
    """Counts by the method, float64[replicate, copy] [molecules]."""
    names = [f"A{k}" for k in range(_COPIES)]
    network = ReactionNetwork.from_text("".join(_MODEL.replace("A", name) for name in names))
    settings = {"step": _STEP, "replicates": replicates, "workers": 2, "seed": seed} | settings
    initial = dict.fromkeys(names, volume)
    r = trajectories(network, time=[_TIME], volume=float(volume), method=method, initial=initial, **settings)
    return r.counts[:, 0] * volume


def _law(volume: float) -> np.ndarray:
    """Of the count, by the master equation, float64[count]; states above hold less than 1e-9."""
    n = np.arange(int(1.3 * volume) + 40)
    from scipy.sparse.linalg import expm_multiply

    flow = scipy.sparse.csr_array(generator(ReactionNetwork.from_text(_MODEL), [(int(k),) for k in n], float(volume)))
    return expm_multiply(flow * _TIME, (n == volume).astype(np.float64))


def _distance(sample: np.ndarray, law: np.ndarray) -> float:
    """Wasserstein's distance of order 1 [molecules], by quantiles."""
    x = np.sort(sample, axis=None)
    quantiles = np.searchsorted(np.cumsum(law), (np.arange(x.size) + 0.5) / x.size)
    return np.abs(x - quantiles).mean()
