"""`ode` and `linear_noise` on stiff and oscillating models, against libRoadRunner and the moment equations written out.

The models are Robertson's kinetics over 1e6 s, the Brusselator, and the Oregonator, whose rate constants span ten
orders of magnitude. Concentrations at every recorded time are compared with CVODE in libRoadRunner, if it is installed,
and with scipy's LSODA for the rate and moment equations, which are written here from the reactions. Covariances are
compared for the Brusselator:

    c' = S v(c),    C' = J C + C J^T + S diag(v) S^T / Omega.

A difference of concentrations is relative to the concentration plus a millionth of the largest one of the species. A
difference of covariances is relative to the two standard deviations. This is not a statistical check: its p-value is 1,
or 0 if a difference exceeds the stated tolerance.

H. H. Robertson, in J. Walsh (ed.), Numerical Analysis: an Introduction, Academic Press (1966) 178-182.
I. Prigogine, R. Lefever, J. Chem. Phys. 48 (1968) 1695-1700, doi:10.1063/1.1668896.
R. J. Field, R. M. Noyes, J. Chem. Phys. 60 (1974) 1877-1884, doi:10.1063/1.1681288.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from .. import checks
from ..crn import ReactionNetwork
from ..peers.programs import concentrations as concentrations_by_cvode
from .check import Check, CheckOptions, Outcome, Unsupported, trajectories

TOLERANCES = {"ode": {"rtol": 1e-10, "atol": 1e-16}, "linear_noise": {"rtol": 1e-8, "atol": 1e-14}}
"""Tolerances of the methods tested here."""
COVARIANCE_TOLERANCE = 1e-4
_LOOSER = 100.0
"""Factor on the tolerance of concentrations for linear_noise: its relative tolerance is larger by this factor."""
_WITH_COVARIANCES = ("Brusselator",)
"""Models for linear_noise. On the stiff ones it takes minutes."""
_OF_LARGEST = 1e-6
"""Part of the largest concentration that is added to the size by which a difference is divided."""


class StiffModel(NamedTuple):
    """A network, its volume, recorded times [s], and the tolerance of concentrations, in the measure above.

    On a steep front a small error of phase is a large error of a concentration, so the Oregonator has a larger
    tolerance."""

    text: str
    volume: float
    time: np.ndarray
    tolerance: float


_LATE = np.concatenate([[0.0], np.logspace(-4, 6, 41)])
MODELS = {
    "Robertson": StiffModel("A -> B @ 0.04\n2 B -> B + C @ 3e7\nB + C -> A + C @ 1e4\nA = 10000", 1e4, _LATE, 1e-7),
    "Brusselator": StiffModel(
        "0 -> X @ 1\n2 X + Y -> 3 X @ 1\nX -> Y @ 3\nX -> 0 @ 1\nX = 100\nY = 100", 100.0, np.linspace(0, 30, 61), 1e-7
    ),
    "Oregonator": StiffModel(
        "Y -> X @ 0.0804\nX + Y -> 0 @ 1.6e9\nX -> 2 X + Z @ 480\n2 X -> 0 @ 4e7\nZ -> Y @ 1\n"
        "X = 500\nY = 3000\nZ = 24000",
        1e12, np.linspace(0, 300, 61), 3e-5,
    ),
}  # fmt: skip


class MassAction:
    """Rates, Jacobian and changes of a mass-action network, from their definitions, in concentrations."""

    def __init__(self, network: ReactionNetwork) -> None:
        n = len(network.species)
        self.changes = np.zeros((n, len(network.reactions)))
        self.orders = np.zeros((len(network.reactions), n))
        self.constants = network.rates()
        for j, reaction in enumerate(network.reactions):
            for s, m in reaction.reactants:
                self.orders[j, network.index[s]] = m
            for s, m in reaction.net_change().items():
                self.changes[network.index[s], j] = m

    def rates(self, c: np.ndarray) -> np.ndarray:
        return self.constants * np.prod(c**self.orders, axis=1)

    def jacobian(self, c: np.ndarray) -> np.ndarray:
        # d(prod c^order) / dc_i lowers the order of species i by one. Orders stay at 0 or above, where c may be 0.
        slopes = np.zeros_like(self.orders)
        for i in range(len(c)):
            lower = self.orders.copy()
            lower[:, i] = np.maximum(lower[:, i] - 1, 0)
            slopes[:, i] = self.constants * self.orders[:, i] * np.prod(c**lower, axis=1)
        return self.changes @ slopes


@cache
def moments(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Concentrations float64[point, species] and covariances float64[point, species, species] [concentration^2], by
    LSODA at a relative tolerance of 1e-11."""
    from scipy.integrate import solve_ivp

    model = MODELS[name]
    network = ReactionNetwork.from_text(model.text)
    equations, n = MassAction(network), len(network.species)

    def derivative(_: float, y: np.ndarray) -> np.ndarray:
        c, covariance = y[:n], y[n:].reshape(n, n) / model.volume
        v, drift = equations.rates(c), equations.jacobian(c)
        noise = (equations.changes * v) @ equations.changes.T / model.volume
        grown = drift @ covariance + covariance @ drift.T + noise
        return np.concatenate([equations.changes @ v, model.volume * grown.ravel()])

    # Covariances are integrated times the volume: they are then as large as concentrations, and one absolute tolerance
    # suits both. They start at 0, since the initial counts are known.
    start = np.concatenate([network.counts() / model.volume, np.zeros(n * n)])
    solution = solve_ivp(
        derivative, (0.0, model.time[-1]), start, "LSODA", model.time, rtol=1e-11, atol=1e-16,
        first_step=1e-9 * model.time[1],
    )  # fmt: skip
    if solution.status:
        raise RuntimeError(f"{name}: {solution.message}")
    return solution.y[:n].T, solution.y[n:].T.reshape(-1, n, n) / model.volume


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest relative difference of concentrations float64[point, species]."""
    size = np.abs(theirs) + _OF_LARGEST * np.abs(theirs).max(axis=0)
    return float((np.abs(ours - theirs) / size).max())


def covariance_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest relative difference of covariances float64[point, species, species]. The first point, where all are
    0, is left out."""
    deviation = np.sqrt(np.maximum(np.diagonal(theirs[1:], axis1=1, axis2=2), 0.0))
    size = deviation[:, :, None] * deviation[:, None, :]
    size += _OF_LARGEST * size.max(axis=0)
    return float((np.abs(ours - theirs)[1:] / size).max())


class StiffModels(Check):
    name = "stiff-models"
    summary = "ode and linear_noise on stiff models against other integrators (p: 1 if within tolerance, else 0)"
    methods = ("ode", "linear_noise")

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        outcomes: list[Outcome | Unsupported] = []
        for name, model in MODELS.items():
            if method != "ode" and name not in _WITH_COVARIANCES:
                continue
            network = ReactionNetwork.from_text(model.text)
            run = trajectories(network, time=model.time, volume=model.volume, method=method, **TOLERANCES[method])
            concentrations, covariance = moments(name)
            tolerance = model.tolerance * (1.0 if method == "ode" else _LOOSER)
            differences = {"moment equations": (difference(run.counts[0], concentrations), tolerance)}
            if run.covariance.size:
                off = covariance_difference(run.covariance[0], covariance)
                differences["moment equations, covariances"] = (off, COVARIANCE_TOLERANCE)
            try:
                theirs = concentrations_by_cvode(network, model.time, model.volume)
                differences["libRoadRunner"] = (difference(run.counts[0], theirs), tolerance)
            except checks.MissingExtraError as error:
                outcomes.append(Unsupported(f"{name}, libRoadRunner", str(error)))
            for other, (off, most) in differences.items():
                note = f"largest difference {off:.2g}, tolerance {most:g}"
                outcomes.append(Outcome(f"{name}, {other}", float(off <= most), {"difference": off}, note))
        return outcomes
