"""The terms of a network as `kernels.perturbed` reads them, and the integration of all columns in pieces of time."""

from collections.abc import Sequence

import numpy as np

from ...checks import InputError, ModelError
from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels import codes, perturbed, perturbed_steps
from ...simulation.methods.solvers import tableau
from .quantities import Quantities

RTOL, ATOL = 1e-9, 1e-11
"""Of the reference and of the perturbed solutions [concentration]."""
RTOL_THRESHOLD = 1e-10
"""The same with thresholds or reflection: what a step gets wrong at a switch is not common to all columns."""
RTOL_VARIATION, ATOL_VARIATION = 1e-6, 1e-7
RTOL_BOUND, ATOL_BOUND = 1e-8, 1e-8
"""Of what is over eps. The bound's right-hand side has kinks, and within a step with one the polynomial is poor."""
PARTS = 4
"""Parts of a step that are looked at."""
TOLERANCES = (RTOL, ATOL, RTOL_THRESHOLD, RTOL_VARIATION, ATOL_VARIATION, RTOL_BOUND, ATOL_BOUND, PARTS)
"""All that the numerics decide about results."""


class System:
    """Columns of `kernels.perturbed` for a network under rate constants `rates` + eps `along`.

    Parameters
    ----------
    network : products of at most two species, and thresholds without reactants.
    rates : float64[reaction], without noise.
    sizes : eps of the columns, float64[K], ascending, K = `kernels.perturbed.N_SIZES`.
    quantities : what errors are looked at of.
    refinement : tolerances are divided by it, and the parts of a step multiplied.
    reflected : numbers of the species that stay at 0 or above by reflection.

    Raises
    ------
    InputError : a reaction of another kind.
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
        smooth = (terms["kind"] == perturbed.PLAIN).all() and not len(reflected)
        rtol = RTOL if smooth else RTOL_THRESHOLD
        kinds = np.repeat([0, 1, 2], [perturbed.N_SIZES + 1, 1, perturbed.N_SIZES])
        coefficients = tableau()
        self.stepper = perturbed_steps.Stepper(
            **{name: coefficients[name] for name in ("a", "error_5", "error_3", "d")},
            k=np.zeros((16, size)), y=np.zeros(size), y_old=np.zeros(size), work=np.zeros(size),
            path=np.zeros((7, size)), points=np.zeros((PARTS * refinement + 1, size)),
            relative=np.array([rtol, RTOL_VARIATION, RTOL_BOUND])[kinds] / refinement,
            absolute=np.array([ATOL, ATOL_VARIATION, ATOL_BOUND])[kinds] / refinement,
            switches=np.zeros(16, dtype=np.int64), step=np.full(1, 1e-3),
            tally=np.zeros(2, dtype=np.int64),
        )  # fmt: skip
        shape = (len(quantities.names), perturbed.N_SIZES)
        self.largest = perturbed_steps.Largest(
            quantities.plus, quantities.minus, np.zeros(shape), np.zeros(shape[0]), np.zeros(shape), np.zeros(shape),
            np.zeros(shape, dtype=np.int64),
        )  # fmt: skip

    @property
    def columns(self) -> np.ndarray:
        """float64[species + 1, column], a view: the reference, x_eps of each size, u, and the bounds over eps."""
        return self.stepper.y.reshape(-1, perturbed.WIDTH)

    def start(self, state: np.ndarray) -> None:
        """All solutions at `state` float64[species] [concentration], differences and bounds at 0."""
        self.columns[:] = 0.0
        self.columns[:-1, : perturbed.N_SIZES + 1] = state[:, None]
        self.columns[-1, : perturbed.N_SIZES + 1] = 1.0
        for values in self.largest[2:]:
            values[:] = 0
        self.stepper.step[:] = 1e-3
        self.stepper.tally[:] = 0

    def present(self, species: np.ndarray, values: np.ndarray) -> None:
        """Set species [concentration] in all solutions at once; they differ no more."""
        self.columns[species] = 0.0
        self.columns[species, : perturbed.N_SIZES + 1] = np.asarray(values)[:, None]

    def strike(self, species: np.ndarray, xi: np.ndarray) -> None:
        """x := (1 + eps xi) x of `species` in the perturbed solutions, and what follows for u and the bounds."""
        first, k = perturbed.BOUND, perturbed.N_SIZES
        x, xi = self.columns[species], xi[:, None]
        x[:, first:] += np.abs(xi * x[:, 1 : k + 1])
        x[:, k + 1 : k + 2] += xi * x[:, :1]
        x[:, 1 : k + 1] *= 1.0 + self.terms.size[1:] * xi
        self.columns[species] = x

    def drive(self, along: np.ndarray) -> None:
        """Derivatives of the rate constants by eps from now on, float64[reaction]."""
        self.terms.along[:] = along[self._structure.term_reaction]
        self.terms.along_bound[:] = self.terms.along

    def advance(self, duration: float) -> None:
        """Integrate for `duration` [s]. Raises ModelError where there is no solution."""
        code = perturbed_steps.advance(self.terms, self.stepper, self.largest, duration)
        if code != codes.REACHED_END:
            raise ModelError("a concentration blows up under the noise")


def terms_of(network: ReactionNetwork, structure: Structure) -> dict:
    """Arrays of `kernels.perturbed.Perturbed`, by name, that a network and its `Structure` decide.

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
    for t, own in enumerate(changes):
        read = (a["first"][t], a["second"][t]) if kind[t] == perturbed.PLAIN else (above[t], below[t])
        for j in own:
            i = int(a["change_species"][j])
            place.append(
                [
                    entry.setdefault((i, int(s)), len(entry)) if s < n and structure.arrays["varies"][s] else -1
                    for s in read
                ]
            )
    flat = np.array([j for own in changes for j in own], dtype=np.int64)
    return {
        "first": a["first"].astype(np.int64),
        "second": a["second"].astype(np.int64),
        "kind": kind,
        "above": above,
        "below": below,
        "change_start": np.concatenate([[0], np.cumsum([len(own) for own in changes])]).astype(np.int64),
        "change_species": a["change_species"][flat].astype(np.int64),
        "change_amount": a["change_amount"][flat].astype(np.float64),
        "place": np.array(place, dtype=np.int64).reshape(-1, 2),
        "row": np.array([i for i, _ in entry], dtype=np.int64),
        "column": np.array([j for _, j in entry], dtype=np.int64),
    }
