"""Linear noise: the rate equations, and the covariance of Gaussian fluctuations around them.

The covariance solves dC/dt = A C + C A^T + D with A and D functions of time. It is integrated by S. Blanes, F. Casas,
J. A. Oteo, J. Ros, The Magnus expansion and some of its applications, Phys. Rep. 470 (2009) 151-238,
doi:10.1016/j.physrep.2008.11.001, section 5: the integrator of order 4 with two Gauss points. [A, D] and [A', D'] act
on C as affine maps, whose commutator is again of that form.
"""

from typing import Any

import numpy as np

from ...checks import InputError, ModelError
from ...crn import Reaction, ReactionNetwork
from ...crn.expressions import RELATIONS
from .ode import Ode
from .rate_equations import refuse_events

GAUSS = 0.5 + np.sqrt(3) / 6 * np.array([-1.0, 1.0])
"""Points of a step of length 1."""

_SERIES_ENDS = 1e-14
_MOST_PARTS = 64
"""A step is cut into at most this number of parts; beyond it, halving the step and squaring the solution costs less."""


def magnus_step(first: tuple[Any, Any], second: tuple[Any, Any], step: float, c: np.ndarray) -> np.ndarray:
    """C after a `step` [s] from `c` float64[n, n]; `first` and `second` are (A, D) at the Gauss points of the step.

    A is float64[n, n], full or sparse, D full; A may be stiff.
    """
    (a1, d1), (a2, d2) = first, second
    turn = np.sqrt(3) / 12 * step**2
    a = 0.5 * step * (a1 + a2) + turn * (a2 @ a1 - a1 @ a2)
    d = 0.5 * step * (d1 + d2) + turn * (_act(a2, d1) - _act(a1, d2))
    return flow(a, d, c)


def flow(a: Any, d: Any, c: np.ndarray) -> np.ndarray:
    """C(1) of dC/dt = a C + C a^T + d from C(0) = c."""
    norm = 2.0 * abs(a).sum(axis=0).max()
    if not np.isfinite(norm):
        return np.full_like(c, np.nan)
    n_parts = max(1, int(np.ceil(norm)))
    if n_parts <= _MOST_PARTS:
        for _ in range(n_parts):
            c = _series(a, d, c, n_parts)
        return c
    # One part from 0, and the fundamental matrix of it; then twice as much time by each pass.
    n_halvings = int(np.ceil(np.log2(norm)))
    a = a.toarray() if hasattr(a, "toarray") else a
    q = _series(a, d, np.zeros_like(c), 2.0**n_halvings)
    phi = term = np.eye(len(c))
    for k in range(1, 20):
        term = a @ term / (k * 2.0**n_halvings)
        phi = phi + term
    for _ in range(n_halvings):
        q = q + phi @ q @ phi.T
        phi = phi @ phi
    return q + phi @ c @ phi.T


def _series(a: Any, d: Any, c: np.ndarray, n_parts: float) -> np.ndarray:
    """Taylor series over the n-th part of the time 1, in which the map has a norm of at most 1."""
    term = (_act(a, c) + d) / n_parts
    total = c + term
    for k in range(2, 20):
        term = _act(a, term) / (k * n_parts)
        total += term
        if np.abs(term).max() <= _SERIES_ENDS * np.abs(total).max():
            break
    return total


def _act(a: Any, c: np.ndarray) -> np.ndarray:
    """a C + C a^T of a symmetric C."""
    product = a @ c
    return product + product.T


# Linear noise along a path of the rate equations
#
# With the rates a, the changes S and the Jacobian J of the rate equations along their path,
#
#     dC/dt = J C + C J^T + S diag(a) S^T,    C(0) = 0,
#
# is the covariance of the counts to leading order in Omega, and exact where all propensities are linear.
#
# Each step of the solver of the rate equations is one step for C (`magnus_step`), or several. The difference to two
# half-steps gives the error of a step.

_MOST_SPECIES = 1500
_JUMPS = (*RELATIONS, "floor", "ceil", "quotient", "rem")
_DENSE = 250
"""With up to this number of species, full matrices are faster than sparse ones."""
_TOLERANCE = 1e-5
"""Error of a step in each entry, over the two standard deviations."""
_RARE = 1e4
"""Errors are relative to at least the variance of a Poisson number with a mean of this many `atol`."""
_BELOW = 1e-6
"""A rate below 0 by more than this share of the greatest rate is not a rounding error."""
_SLICE_BYTES = 1 << 24
"""Size of the covariances recorded in a slice; at least one is recorded."""
_NODES = np.concatenate([GAUSS, 0.5 * GAUSS, 0.5 + 0.5 * GAUSS])
"""Points of the path that a step reads: Gauss points of the whole step, of its first half, and of its second half."""


class LinearNoise(Ode):
    """The path of `ode`, and `covariance` [molecules^2] along it.

    A scheduled change sets a count and ends its fluctuations: variance and covariances become 0. An impulse multiplies
    a count and its fluctuations.
    """

    name = "linear_noise"
    continuous = False
    summary = "rate equations and the covariance of small fluctuations around them, for up to 1500 species"
    reference = (
        "N. G. van Kampen, Can. J. Phys. 39 (1961) 551-567, doi:10.1139/p61-056; "
        "T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0"
    )
    records_covariance = True
    options = Ode.options
    statistics_names = (*Ode.statistics_names, "covariance_steps")

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        self._changes = self._equations.stoichiometry.tocsr()
        self._covariance = np.zeros((self.n_species, self.n_species))
        self._rows: dict[int, np.ndarray] = {}
        self._followed = 0.0
        self._longest = np.inf
        self._n_covariance_steps = 0

    @classmethod
    def refuse(cls, network: ReactionNetwork) -> None:
        refuse_events(cls.name, network)
        for reaction in network.reactions:
            if _jumps(network, reaction):
                raise InputError(
                    f"method {cls.name} does not support the rate of reaction {reaction.name}, which is a "
                    "discontinuous function of a count: linear noise needs its derivative; use an exact method, or "
                    "langevin"
                )
        if len(network.species) > _MOST_SPECIES:
            raise InputError(
                f"method {cls.name} supports at most {_MOST_SPECIES} species, for their covariances, but the network "
                f"has {len(network.species)}: use langevin, tau_leap or an exact method"
            )

    @property
    def statistics(self) -> dict[str, float]:
        return super().statistics | {"covariance_steps": float(self._n_covariance_steps)}

    def start_chunk(self) -> None:
        super().start_chunk()
        self._rows = {}

    def covariance(self, first: int, last: int) -> np.ndarray:
        rows = [self._rows.pop(row) for row in range(first, last)]
        return np.array(rows).reshape(-1, self.n_species, self.n_species)

    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int:
        self._room = max(1, _SLICE_BYTES // max(1, self._covariance.nbytes))
        return super()._advance(t_stop, grid_time, grid_counts, event_limit)

    def _fill(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray) -> bool:
        start = self.grid_index
        super()._fill(t_stop, grid_time[: start + self._room], grid_counts)
        for row in range(start, self.grid_index):
            self._follow(grid_time[row])
            self._rows[row] = self._covariance.copy()
        self._room -= self.grid_index - start
        if not self._room:
            return False
        self._follow(self.time)
        return True

    def _run(self, until: float, t_stop: float, most_steps: int) -> None:
        super()._run(until, t_stop, 1)

    def _follow(self, end: float) -> None:
        """Covariances up to time `end` [s], in the last step of the solver."""
        time, self._followed = self._followed, end
        if not time < end or not len(self._part.moving):
            return
        active = np.union1d(self._part.moving, np.flatnonzero(self._covariance.diagonal()))
        place = np.ix_(active, active)
        old = self._covariance[place]
        while time < end:
            n_left = max(1.0, np.ceil((end - time) / self._longest))
            step = (end - time) / n_left
            new, error = self._try(time, step, active, old)
            factor = min(5.0, max(0.2, 0.9 * max(error, 1e-10) ** -0.2)) if np.isfinite(error) else 0.2
            if error <= 1.0:
                self._n_covariance_steps += 1
                time = end if n_left == 1.0 else time + step
                old = new
                self._longest = max(self._longest, step * factor) if factor > 1.0 else step * factor
            else:
                self._longest = step * factor
                if time + self._longest == time:
                    raise ModelError(
                        f"{self.name}: the covariances cannot be computed beyond t = {time:.10g} s, where "
                        f"{self.network.species[active[np.argmax(old.diagonal())]]} has the largest variance: the "
                        "fluctuations diverge; end the run earlier, or check the rates"
                    )
        self._covariance[place] = old

    def _try(self, time: float, step: float, active: np.ndarray, old: np.ndarray) -> tuple[np.ndarray, float]:
        """The covariances after a step, and its error over the tolerance."""
        nodes = self._at_nodes(time, step, active)
        with np.errstate(all="ignore"):
            whole = magnus_step(nodes[0], nodes[1], step, old)
            halfway = magnus_step(nodes[2], nodes[3], 0.5 * step, old)
            halves = magnus_step(nodes[4], nodes[5], 0.5 * step, halfway)
            deviation = np.sqrt(np.maximum(halves.diagonal(), _RARE * self._tolerances[1]))
            error = (np.abs(halves - whole) / np.outer(deviation, deviation)).max() / (15 * _TOLERANCE)
        return halves + (halves - whole) / 15, error

    def _at_nodes(self, time: float, step: float, active: np.ndarray) -> list[tuple[Any, Any]]:
        """(Jacobian, noise matrix) of the species `active` at the `_NODES` of a step."""
        times = time + step * _NODES
        x = self.counts.copy()
        dense = self.n_species <= _DENSE
        changes = self._changes[active]
        nodes = []
        assert self._solver is not None
        for t, moved in zip(times, self._solver.path(times - self._origin)):
            x[self._part.moving] = moved
            rates = self._equations.propensities(t, x)
            if rates.min() < -_BELOW * np.abs(rates).max():
                self._negative(t, rates)
            jacobian = self._equations.jacobian(t, x)
            jacobian = jacobian.toarray()[np.ix_(active, active)] if dense else jacobian[:, active][active].tocsr()
            nodes.append((jacobian, ((changes * rates) @ changes.T).toarray()))
        return nodes

    def _negative(self, time: float, rates: np.ndarray) -> None:
        channels = self._equations.channels
        reaction = channels.terms[channels.ranges[int(np.argmin(rates))]["term_start"]]["reaction"]
        raise ModelError(
            f"{self.name}: the rate of reaction {self.network.reactions[reaction].name} is negative, {rates.min():g} "
            f"[1/s], at t = {time:.10g} s: its fluctuations are undefined; "
            "write a difference of two rates as two reactions"
        )

    def scale_counts(self, species: np.ndarray, factors: np.ndarray) -> None:
        scale = np.ones(self.n_species)
        scale[species] = factors
        scaled = self._covariance * np.outer(scale, scale)
        super().scale_counts(species, factors)
        self._covariance = scaled

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        super()._set_counts(species, values)
        self._covariance[species] = 0.0
        self._covariance[:, species] = 0.0
        self._longest = np.inf


def _jumps(network: ReactionNetwork, reaction: Reaction) -> bool:
    """Whether a rate is a step, or a law that compares or rounds counts."""
    if reaction.law is None:
        return reaction.threshold is not None and reaction.threshold.kind == "step"
    nodes = network.resolved(reaction.law).walk()
    return any(node.op in _JUMPS and not node.names().isdisjoint(network.index) for node in nodes)
