"""The chemical Langevin equation on lumped channels (Gillespie 2000); see `kernels.limits.langevin_steps`."""

from typing import Any

import numpy as np

from ...checks import ModelError
from ...crn import ReactionNetwork
from ...crn.compiled.compile import Structure
from ...kernels import codes
from ...kernels.interval_bounds import ConditionPath
from ...kernels.limits import langevin_steps
from ...kernels.limits.langevin_steps import EventWatch, LangevinState, propensities, run_langevin
from ...kernels.replicates import KernelRun
from ..observer import raise_if_law_failed
from . import method
from .compiled import Compiled
from .solvers import conditions_on_species

_SLICE = 3_000_000
"""Terms computed in a slice, which takes about 50 ms."""


class Langevin(Compiled):
    """Real-valued counts by the chemical Langevin equation; a weak method of second order in the step.

    Without `step`, no species loses more than a tenth of what there is of it in a step, by the propensities at its
    start, or gains more than a tenth of it or of one molecule, if that is more. Steps end at recorded times, scheduled
    changes and stops, and are equally long up to there: another grid gives other paths of the same law.

    No count goes below 0: firings that would take more of a species than there is are delayed until there is enough of
    it. Unlike reflection, which makes molecules wherever noise meets 0, this keeps linear invariants, and the
    stationary mean of linear networks at any number of molecules. The variance is too small for few. Measured:
    immigration and death at a mean of 0.3, 1 and 3 molecules, variance 24 %, 9 % and 1 % too small; creation and
    annihilation in pairs at a mean of 1.3, 3 and 12 molecules, mean +2 %, +0.2 % and 0, variance -15 %, -7 % and -2 %,
    each +-1 %; nothing seen at 60. Falling factorials are 0 below their last molecule: A (A - 1) at A < 1.

    Where the condition of an event changes on the straight line between the ends of a step, the step is cut: events
    come at times that are right to the order of the step. A diffusion that has crossed a threshold crosses it again at
    once, many times: a condition that its event leaves near its threshold, such as `A > 10` of an event that changes B
    alone, becomes true more often the shorter the steps are.

    `n_events` is the mean number of firings, the sum of the propensities over time.
    """

    name = "langevin"
    summary = "diffusion limit: Gaussian firings, for hundreds of molecules or more; counts stay at or above 0"
    reference = (
        "D. T. Gillespie, J. Chem. Phys. 113 (2000) 297-306, doi:10.1063/1.481811; "
        "D. F. Anderson, J. C. Mattingly, Commun. Math. Sci. 9 (2011) 301-318, doi:10.4310/CMS.2011.v9.n1.a15"
    )
    exact = False
    dtype = np.float64
    units = "concentration"
    options = (
        method.Option("step", None, method.step, "longest time step [s]; by default it adapts to the propensities"),
    )
    statistics_names = ("steps", "held_share")

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        n = self.compile(network, rates).n_channels
        self._step = self.settings["step"] or np.inf
        self._slice = max(1, _SLICE // len(self._channels.terms))
        self._state = LangevinState(
            x=self._counts,
            y=self._counts.copy(),
            propensity=np.zeros(n),
            halfway=np.zeros(n),
            owed=np.zeros(n),
            fired=np.zeros(n),
            gain=np.zeros(self.n_species),
            loss=np.zeros(self.n_species),
            share=np.zeros(self.n_species),
            sums=np.zeros(langevin_steps.SUMS_SIZE),
            clock=self._clock,
            tally=self._tally,
            firings=self.firings,
            watch=self._watch(n),
        )

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.lumped

    def _watch(self, n_channels: int) -> EventWatch:
        """What events need, empty without conditions on species."""
        watched = conditions_on_species(self._laws)
        # Without conditions on species the arrays have size 0, so that they cost nothing.
        n, n_state, n_channels = np.where(len(watched), (self.n_species, len(self._counts), n_channels), 0).tolist()
        states = np.empty((3, n_state))
        path = ConditionPath(
            place=np.arange(n), base=np.zeros(n), coefficient=np.zeros((2, n)), bend=np.zeros(n), here=states[0],
            low=states[1], high=states[2], ends=np.zeros((2, n)),
        )  # fmt: skip
        return EventWatch(watched, path, np.zeros(n_channels), np.zeros(langevin_steps.SUMS_SIZE))

    @property
    def numbers(self) -> np.ndarray:
        return self._state.sums

    @classmethod
    def statistics_of(cls, numbers: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        """The number of steps, and the share of the firings due, drawn or owed, that was put off to a later step."""
        wanted, held = numbers[:, langevin_steps.WANTED], numbers[:, langevin_steps.HELD]
        share = np.divide(held, wanted, out=np.zeros_like(held), where=wanted > 0)
        return {"steps": steps.astype(np.float64), "held_share": share}

    def _memory(self) -> np.ndarray:
        steps = self._tally[codes.N_CANDIDATES]
        return np.concatenate([[steps], self._state.sums, self._state.owed])

    def _recall(self, memory: np.ndarray) -> None:
        n = 1 + langevin_steps.SUMS_SIZE
        self._tally[codes.N_CANDIDATES] = memory[0]
        self._state.sums[:] = memory[1:n]
        self._state.owed[:] = memory[n:]

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        # Before the first step only: later noise may take a law slightly below 0, where it counts as 0.
        if self._tally[codes.N_CANDIDATES] == 0:
            raise_if_law_failed(self.network, self, codes.BAD_PROPENSITY)
        code = run_langevin(
            self._channels, self._programs, self._state, self.rng, run, self._step, t_stop, budget, event_limit
        )
        if code in (codes.OVERFLOW, codes.BAD_PROPENSITY):
            raise_if_law_failed(self.network, self, code)
            s = int(np.argmax(self.counts))
            raise ModelError(
                f"method {self.name} diverged at t = {self.time:g} s, where the largest species is "
                f"{self.network.species[s]} with {self.counts[s]:g} molecules: a propensity or count overflowed "
                "float64, or the time step underflowed; check the model, or use a smaller step"
            )
        return code

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        self._counts[species] = values

    def can_react(self) -> bool:
        if self.laws.timed_terms.size:
            return True
        propensities(self._channels, self._programs, self.time, self._counts, self._state.propensity)
        return bool((self._state.propensity > 0).any())
