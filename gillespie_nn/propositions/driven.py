"""Paths of extrinsic noise: the reference, the perturbed solutions of every size eps, the first variation and the
bound.

All of them are columns of one system, integrated together with common steps, so that the errors of the numerics are
common to the reference and the perturbed solutions and cancel in their difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..checks import InputError, ModelError
from ..crn import Reaction, ReactionNetwork
from ..crn.compiled.compile import Structure
from ..kernels import codes
from ..kernels.propositions import perturbed
from ..noise import Noise, NoisePlan, plan_noise
from ..noise.drive import Drive
from ..simulation.methods.solvers import tableau
from .results import Quantities
from .setting import Setting

RTOL, ATOL = 1e-9, 1e-11
"""Tolerances of the reference and of the perturbed solutions; `ATOL` in [concentration]."""
RTOL_THRESHOLD = 1e-10
"""The same with thresholds or reflection, where the error of a step at a switch is not common to all columns."""
RTOL_VARIATION, ATOL_VARIATION = 1e-6, 1e-7
RTOL_BOUND, ATOL_BOUND = 1e-8, 1e-8
"""Tolerances of the columns that are divided by eps: the first variation, and the bound. The right-hand side of the
bound has kinks, and the polynomial of a step that contains one is inaccurate."""
PARTS = 4
"""Parts of a step at whose ends errors are evaluated."""
TOLERANCES = (RTOL, ATOL, RTOL_THRESHOLD, RTOL_VARIATION, ATOL_VARIATION, RTOL_BOUND, ATOL_BOUND, PARTS)
"""Every setting of the numerics that affects results; it is part of the arguments in files."""


_LEAST_STEP, _FIRST_STEP = 1e-13, 1e-3
"""The kernel gives up at a shorter step. A first step whose error is too large is shortened [s]."""


class System:
    """Columns of `kernels.propositions.perturbed` for a network under rate constants `rates` + eps `along`.

    Parameters
    ----------
    network : products of at most two species, and thresholds without reactants.
    rates : float64[reaction], without noise.
    sizes : eps of the columns, float64[K], ascending, K = `kernels.propositions.perturbed.N_SIZES`.
    quantities : the quantities whose errors are measured.
    refinement : divides the tolerances, and multiplies the parts of a step.
    reflected : indices of the species that reflection keeps at 0 or above.

    Raises
    ------
    InputError : a reaction is of another kind.
    """

    def __init__(
        self,
        network: ReactionNetwork,
        rates: np.ndarray,
        sizes: np.ndarray,
        quantities: Quantities,
        refinement: int = 1,
        reflected: Sequence[int] = (),
    ) -> None:
        structure = network.compiled.lumped
        self._structure = structure
        self.n_species = n = len(network.species)
        terms = terms_of(network, structure)
        sizes = np.concatenate([[0.0], sizes])
        base = structure.coefficients(rates, 1.0)
        self.terms = perturbed.Perturbed(
            size=sizes, base=base, along=np.zeros_like(base), along_bound=np.zeros_like(base),
            reflected=np.array(reflected, dtype=np.int64), **terms,
            entries=np.zeros((len(terms["row"]), perturbed.N_SIZES)), forcing=np.zeros((n, perturbed.N_SIZES)),
            rate=np.zeros(len(sizes)), slope=np.zeros((2, perturbed.N_SIZES)),
            switches=np.zeros(1, dtype=np.int64),
        )  # fmt: skip
        size = (n + 1) * perturbed.WIDTH
        # Three kinds of columns have different tolerances: solutions, the first variation, and bounds.
        smooth = (terms["kind"] == perturbed.PLAIN).all() and not len(reflected)
        rtol = RTOL if smooth else RTOL_THRESHOLD
        kinds = np.repeat([0, 1, 2], [perturbed.N_SIZES + 1, 1, perturbed.N_SIZES])
        coefficients = tableau()
        self.stepper = perturbed.Stepper(
            **{name: coefficients[name] for name in ("a", "error_5", "error_3", "d")},
            k=np.zeros((16, size)), y=np.zeros(size), y_old=np.zeros(size), work=np.zeros(size),
            path=np.zeros((7, size)), points=np.zeros((PARTS * refinement + 1, size)),
            relative=np.array([rtol, RTOL_VARIATION, RTOL_BOUND])[kinds] / refinement,
            absolute=np.array([ATOL, ATOL_VARIATION, ATOL_BOUND])[kinds] / refinement,
            switches=np.zeros(16, dtype=np.int64), step=np.full(1, _FIRST_STEP),
            tally=np.zeros(2, dtype=np.int64),
        )  # fmt: skip
        shape = (len(quantities.names), perturbed.N_SIZES)
        self.largest = perturbed.Largest(
            quantities.plus, quantities.minus, np.zeros(shape), np.zeros(shape[0]), np.zeros(shape), np.zeros(shape),
            np.zeros(shape, dtype=np.int64),
        )  # fmt: skip

    @property
    def columns(self) -> np.ndarray:
        """float64[species + 1, column], a view: the reference, x_eps of each size, u, and the bounds over eps."""
        return self.stepper.y.reshape(-1, perturbed.WIDTH)

    def start(self, state: np.ndarray) -> None:
        """Start all solutions at `state` float64[species] [concentration], with differences and bounds at 0."""
        self.columns[:] = 0.0
        self.columns[:-1, : perturbed.N_SIZES + 1] = state[:, None]
        self.columns[-1, : perturbed.N_SIZES + 1] = 1.0
        for values in self.largest[2:]:
            values[:] = 0
        self.stepper.step[:] = _FIRST_STEP
        self.stepper.tally[:] = 0

    def present(self, species: np.ndarray, values: np.ndarray) -> None:
        """Set species [concentration] in all solutions; afterwards they do not differ in these species."""
        self.columns[species] = 0.0
        self.columns[species, : perturbed.N_SIZES + 1] = np.asarray(values)[:, None]

    def strike(self, species: np.ndarray, xi: np.ndarray) -> None:
        """Set x := (1 + eps xi) x for `species` in the perturbed solutions, and change u and the bounds accordingly."""
        first, k = perturbed.BOUND, perturbed.N_SIZES
        # The error over eps grows by |xi x_eps|, and u by xi x. Bounds and u read x before it is changed below.
        x, xi = self.columns[species], xi[:, None]
        x[:, first:] += np.abs(xi * x[:, 1 : k + 1])
        x[:, k + 1 : k + 2] += xi * x[:, :1]
        x[:, 1 : k + 1] *= 1.0 + self.terms.size[1:] * xi
        self.columns[species] = x

    def drive(self, along: np.ndarray) -> None:
        """Set the derivatives of the rate constants by eps, float64[reaction], from now on."""
        # The bound has a copy, in which the self-test removes terms.
        self.terms.along[:] = along[self._structure.term_reaction]
        self.terms.along_bound[:] = self.terms.along

    def advance(self, duration: float) -> None:
        """Integrate for `duration` [s]. Raises ModelError if a solution blows up."""
        # A rest of rounding at the end of the piece before leaves a step as short, at which the kernel would give up.
        if self.stepper.step[0] < _LEAST_STEP:
            self.stepper.step[0] = _FIRST_STEP
        code = perturbed.advance(self.terms, self.stepper, self.largest, duration)
        if code != codes.REACHED_END:
            raise ModelError("a concentration diverges under the noise")


def terms_of(network: ReactionNetwork, structure: Structure) -> dict:
    """Arrays of `kernels.propositions.perturbed.Perturbed`, by name, that follow from a network and its `Structure`.

    Raises InputError for a reaction that is neither a product of at most two species nor a threshold.
    """
    a, n = structure.arrays, len(network.species)
    n_terms = len(a["first"])
    kind = np.full(n_terms, perturbed.PLAIN, dtype=np.int64)
    above, below = np.zeros((2, n_terms), dtype=np.int64)
    for t in range(n_terms):
        extra = slice(a["extra_start"][t], a["extra_start"][t + 1])
        if a["extra_kind"][extra].size:
            (kind[t], *_), (above[t], *_), (below[t], *_) = (a[f"extra_{x}"][extra] for x in ("kind", "a", "b"))
            # Index n stands for no species, so a threshold is alone if both factors are n.
            alone = a["first"][t] == n and a["second"][t] == n and len(a["extra_kind"][extra]) == 1
            if kind[t] not in (codes.STEP, codes.RAMP) or not alone:
                name = network.reactions[structure.term_reaction[t]].name
                raise InputError(
                    f"reaction {name} is neither a product of at most two species nor a threshold, so no bound is "
                    "known for it"
                )
    channel = np.repeat(np.arange(len(a["term_start"]) - 1), np.diff(a["term_start"]))
    changes = [range(a["change_start"][c], a["change_start"][c + 1]) for c in channel]
    entry: dict[tuple[int, int], int] = {}
    place = []
    for t, rows in enumerate(changes):
        read = (a["first"][t], a["second"][t]) if kind[t] == perturbed.PLAIN else (above[t], below[t])
        for j in rows:
            i = int(a["change_species"][j])
            place.append(
                [
                    entry.setdefault((i, int(s)), len(entry)) if s < n and structure.arrays["varies"][s] else -1
                    for s in read
                ]
            )
    flat = np.array([j for rows in changes for j in rows], dtype=np.int64)
    return {
        "first": a["first"].astype(np.int64),
        "second": a["second"].astype(np.int64),
        "kind": kind,
        "above": above,
        "below": below,
        "change_start": np.concatenate([[0], np.cumsum([len(rows) for rows in changes])]).astype(np.int64),
        "change_species": a["change_species"][flat].astype(np.int64),
        "change_amount": a["change_amount"][flat].astype(np.float64),
        "place": np.array(place, dtype=np.int64).reshape(-1, 2),
        "row": np.array([i for i, _ in entry], dtype=np.int64),
        "column": np.array([j for _, j in entry], dtype=np.int64),
    }


# One path of noise over [0, T], and its errors at every size eps.

_ROUNDING = 1e-9
"""Relative difference of two times that counts as rounding."""


class PathErrors(NamedTuple):
    """Errors of one path, divided by eps."""

    theta: np.ndarray  # float64[size, quantity]: Theta(eps) = sup |x(t; eps) - x(t)| / eps
    theta_0: np.ndarray  # float64[quantity]: sup |u(t)|
    bound: np.ndarray  # float64[size, quantity]: sup of the explicit bound
    ratio: np.ndarray  # float64[size, quantity]: largest share of the bound that was reached at any time
    violations: np.ndarray  # int64[size, quantity]: points in time beyond the bound
    switches: int
    """Number of times that a threshold of the reference is crossed."""


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
        assert plan is not None  # not None, because the largest eps is not 0
        self._plan = plan
        self._samples = setting.samples()
        network, self._sign, reflected = _signed(self._plan)
        self.system = System(network, self._plan.rates, self.sizes, setting.quantities, refinement, reflected)

    def errors(self, replicate: int) -> PathErrors:
        """Errors of path number `replicate`. Raises ModelError if a solution blows up."""
        for _ in self.pieces(replicate):
            pass
        largest = self.system.largest
        return PathErrors(
            largest.error.T.copy(), largest.variation.copy(), largest.bound.T.copy(), largest.ratio.T.copy(),
            largest.violations.T.copy(), int(self.system.stepper.tally[1]),
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
                    # A change that is due within rounding of now happens now: a step of almost no length would follow
                    # otherwise.
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
    """The network of a plan, the signs of its rates float64[reaction], and the species with reflection at 0.

    A noise that removes molecules by a rate law is replaced by one that makes them at the negative rate. The law would
    stop the removal at 0; reflection does this instead."""
    reactions, sign, reflected = list(plan.network.reactions), np.ones(len(plan.rates)), []
    for r in range(plan.n_given_reactions, len(reactions)):
        if reactions[r].law is not None:
            ((species, _),) = taken = reactions[r].reactants
            reactions[r], sign[r] = Reaction((), taken, 0.0, reactions[r].name), -1.0
            reflected.append(plan.network.index[species])
    return replace(plan.network, reactions=tuple(reactions)), sign, reflected
