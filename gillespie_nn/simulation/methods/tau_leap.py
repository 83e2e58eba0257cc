"""Tau-leaping, explicit and trapezoidal; see `kernels.leap.leaping`."""

from typing import Any

import numpy as np

from ... import checks
from ...checks import InputError
from ...crn import ReactionNetwork
from ...crn.compiled.compile import Structure
from ...kernels.exact.families import Families
from ...kernels.leap.leap_state import (
    CHANNEL_STATE,
    CLIPPED,
    CROWD_STALE,
    CROWD_TOTAL,
    EXACT_STEPS,
    EXPECTED,
    LARGEST_BLOCK,
    LARGEST_SUM,
    LEAPS,
    LEDGER_SIZE,
    PAIR,
    RELAXATION,
    SOLUTION,
    TIME_LEAPT,
    WINDOW_LENGTH,
    BlockPlan,
    BlockState,
    LeapState,
    SlowPlan,
    SlowState,
)
from ...kernels.leap.leaping import can_react_leap, refresh_leap, run_leap
from ...kernels.replicates import KernelRun
from .compiled import Compiled
from .method import Option, fraction, one_of, step

_WORK = 4_000_000
"""Approximate number of channels that are read in a slice."""
_REMEMBERED = [TIME_LEAPT, LEAPS, EXACT_STEPS, CLIPPED, CROWD_TOTAL, WINDOW_LENGTH, RELAXATION, CROWD_STALE]
"""Entries of the ledger that do not follow from the counts at a stop, where nothing waits to be fired."""
_NO_NUMBERS = np.empty(0, dtype=np.int64)
AUTO, EXPLICIT, TRAPEZOIDAL = "auto", "explicit", "trapezoidal"


class TauLeap(Compiled):
    """Options: `epsilon`, the largest relative change of a propensity in a leap; `tau`, a fixed step [s] instead;
    `scheme`.

    `explicit` is the method of Cao, Gillespie and Petzold (2006). `trapezoidal` solves blocks of species that act on
    each other by the trapezoidal rule (`kernels.leap.block_leap`), which fast modules do not slow down, and draws
    rails that annihilate fast from their law at rest (`kernels.leap.fast_pairs`). `auto` takes it for networks with
    product families, and `train` for every network.

    Conditions of events are evaluated at the end of each leap and each exact step, and the event happens there. A leap
    is so short that species in conditions change by about `epsilon`, or one molecule, as those in propensities do.
    """

    name = "tau_leap"
    summary = "approximate: many firings per step, within a tolerance; for large counts"
    reference = "Y. Cao, D. T. Gillespie, L. R. Petzold, J. Chem. Phys. 124 (2006) 044109, doi:10.1063/1.2159468"
    exact = False
    options = (
        Option("epsilon", 0.03, fraction, "largest relative change of a propensity in a step"),
        Option("tau", None, step, "fixed step [s], instead of one adapted to epsilon"),
        Option(
            "scheme",
            AUTO,
            one_of(AUTO, EXPLICIT, TRAPEZOIDAL),
            "how a leap is computed; trapezoidal allows longer steps for stiff models",
            str,
        ),
    )
    training_options = {"scheme": TRAPEZOIDAL}
    statistics_names = ("leaps", "time_leapt", "exact_steps", "firings_cut_off")

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        structure = self.compile(network, rates)
        self._counts = structure.state(self.counts)
        scheme = self.settings["scheme"]
        # Product families come from training networks, whose fast modules would make explicit leaps short.
        blockwise = scheme == TRAPEZOIDAL or (scheme == AUTO and bool(structure.family_targets))
        self._plan, self._blocks = structure.leap_plan(rates, blockwise)
        self._slice = max(1, _WORK // (1 + len(self._plan.fires)))
        self._state = LeapState(
            counts=self._counts,
            clock=self._clock,
            tally=self._tally,
            ledger=np.zeros(LEDGER_SIZE),
            channels=np.zeros(structure.n_channels, dtype=CHANNEL_STATE),
            species=np.zeros(structure.n_state, dtype=EXPECTED),
            firings=self.firings,
            blocks=None if self._blocks is None else _block_state(self._blocks),
            slow=None if self._plan.slow is None else _slow_state(self._plan.slow, self._families),
        )
        self._renew()

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.layered(rates)

    @classmethod
    def refuse(cls, network: ReactionNetwork) -> None:
        programs = network.compiled.programs
        timed = [network.reactions[r].name for r, k in programs.of_reaction.items() if programs.laws[k].reads_time]
        if timed:
            raise InputError(
                f"method {cls.name} does not support time-dependent rate laws, as in reaction "
                f"{checks.shortened(timed)}: a leap assumes constant propensities; use an exact method such as "
                "rejection"
            )

    @property
    def numbers(self) -> np.ndarray:
        return self._state.ledger

    @classmethod
    def statistics_of(cls, numbers: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(cls.statistics_names, numbers[:, [LEAPS, TIME_LEAPT, EXACT_STEPS, CLIPPED]].T))

    def _memory(self) -> np.ndarray:
        return np.concatenate([self._state.ledger[_REMEMBERED], self._state.channels["carried"]])

    def _recall(self, memory: np.ndarray) -> None:
        self._state.ledger[_REMEMBERED], self._state.channels["carried"] = np.split(memory, [len(_REMEMBERED)])

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        return run_leap(
            self._channels, self._programs, self._pools, self._blocks, self._plan, self._state, self.rng, run, t_stop,
            budget, event_limit, self.settings["epsilon"], self.settings["tau"] or 0.0,
        )  # fmt: skip

    @property
    def _pools(self) -> Families | None:
        return None if self._plan.slow is None else self._families

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        self._refresh(species, values, False)

    def _renew(self) -> None:
        self._refresh(_NO_NUMBERS, _NO_NUMBERS, True)

    def _refresh(self, species: np.ndarray, values: np.ndarray, rates_too: bool) -> None:
        refresh_leap(
            self._channels, self._programs, self._pools, self._plan, self._state, species, values, rates_too
        )  # fmt: skip

    def can_react(self) -> bool:
        return can_react_leap(self._channels, self._pools, self._plan, self._state)


def _block_state(plan: BlockPlan) -> BlockState:
    return BlockState(
        drawn=np.zeros(len(plan.entries) - 1),
        slope=np.zeros(len(plan.amount)),
        solution=np.zeros(LARGEST_BLOCK, dtype=SOLUTION),
        matrix=np.zeros((LARGEST_BLOCK, LARGEST_BLOCK + 2)),
        pairs=np.zeros(len(plan.blocks) - 1, dtype=PAIR),
        weights=np.zeros(LARGEST_SUM),
    )


def _slow_state(plan: SlowPlan, families: Families) -> SlowState:
    return SlowState(
        exposure=np.zeros(plan.families["row_start"][-1]),
        filled=np.zeros(len(families.pool_species), dtype=np.uint32),
        n_filled=np.zeros(len(families.pool_varies), dtype=np.int64),
        even=np.zeros(len(families.pools), dtype=np.bool_),
    )
