"""One path of extrinsic noise, and what it does at every size eps: the reference, the perturbed solutions, the first
variation and the bound side by side, over [0, T]."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...crn import Reaction, ReactionNetwork
from ...noise import Noise, NoisePlan, plan_noise
from ...noise.drive import Drive
from .setting import Setting
from .system import System

_ROUNDING = 1e-9


class Errors(NamedTuple):
    """Of one path, all over eps."""

    theta: np.ndarray  # float64[size, quantity]: Theta(eps) = sup |x(t; eps) - x(t)| / eps
    theta_0: np.ndarray  # float64[quantity]: sup |u(t)|
    bound: np.ndarray  # float64[size, quantity]: sup of the explicit bound
    ratio: np.ndarray  # float64[size, quantity]: largest share of the bound that was reached at any time
    violations: np.ndarray  # int64[size, quantity]: points in time beyond the bound
    switches: int
    """Of thresholds of the reference."""


class DrivenPaths:
    """Paths of `noise` on a setting.

    Parameters
    ----------
    setting : a `Setting`.
    noise : a `Noise` whose amplitude is the largest eps. Only its paths matter, which no amplitude changes.
    sizes : eps float64[K], ascending.
    seed : whole number.
    refinement : as of `System`.
    """

    def __init__(self, setting: Setting, noise: Noise, sizes: np.ndarray, seed: int, refinement: int = 1) -> None:
        self.setting, self.noise, self.sizes, self.seed = setting, noise, np.asarray(sizes, dtype=np.float64), seed
        plan = plan_noise([noise], setting.network, unforced=setting.spec.unforced)
        assert plan is not None  # the largest eps is not 0
        self._plan = plan
        self._samples = setting.samples()
        network, self._sign, reflected = _signed(self._plan)
        self.system = System(network, self._plan.rates, self.sizes, setting.quantities, refinement, reflected)

    def errors(self, replicate: int) -> Errors:
        """Of path number `replicate`. Raises ModelError where some solution ends."""
        for _ in self.pieces(replicate):
            pass
        found = self.system.largest
        return Errors(
            found.error.T.copy(), found.variation.copy(), found.bound.T.copy(), found.ratio.T.copy(),
            found.violations.T.copy(), int(self.system.stepper.tally[1]),
        )  # fmt: skip

    def pieces(self, replicate: int, step: float = np.inf) -> Iterator[float]:
        """Integrate piece by piece, yielding the time [s] at the end of each; none is longer than `step`."""
        setting, system = self.setting, self.system
        drive = self._plan.start(self.seed, replicate)
        system.start(setting.start())
        self._drive(drive)
        for k in range(len(setting.x)):
            for phase in self._samples.steps(k, k * setting.running_time, (k + 1) * setting.running_time):
                system.present(phase.species, phase.counts)
                if phase.first:
                    self._change(drive, *drive.begin_presentation(k))
                time = phase.begin
                while time < phase.end:
                    due = drive.next_time
                    stop = min(phase.end, time + step, due if due > time * (1 + _ROUNDING) else np.inf)
                    system.advance(stop - time)
                    time = stop
                    if due <= time * (1 + _ROUNDING):
                        self._change(drive, *drive.pass_time(due))
                    yield time

    def _change(self, drive: Drive, rates_change: bool, impulses: Iterable) -> None:
        if rates_change:
            self._drive(drive)
        for species, factors in impulses:
            self.system.strike(species, (factors - 1.0) / self.noise.amplitude)

    def _drive(self, drive: Drive) -> None:
        self.system.drive(self._sign * (drive.rates() - self._plan.rates) / self.noise.amplitude)


def _signed(plan: NoisePlan) -> tuple[ReactionNetwork, np.ndarray, list[int]]:
    """The network of a plan in which a noise that takes molecules away by a law makes them at the negative rate; the
    signs of the rates, float64[reaction]; and the species that are kept at 0 or above by reflection instead."""
    reactions, sign, reflected = list(plan.network.reactions), np.ones(len(plan.rates)), []
    for r in range(plan.n_own_reactions, len(reactions)):
        if reactions[r].law is not None:
            ((species, _),) = taken = reactions[r].reactants
            reactions[r], sign[r] = Reaction((), taken, 0.0, reactions[r].name), -1.0
            reflected.append(plan.network.index[species])
    return replace(plan.network, reactions=tuple(reactions)), sign, reflected
