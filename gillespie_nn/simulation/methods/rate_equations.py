"""The rate equations of a network as functions of time and state: for `ode`, and for the noise around it."""

from functools import cached_property

import numpy as np
import scipy

from ...crn import ReactionNetwork
from ...kernels import rate_equations as kernels
from ...kernels.channels import Channels
from ...kernels.codes import FALLING, LAW, RAMP
from ...kernels.laws import COUNT, TIME_VARIABLE
from ...kernels.live import mark_live

_KEPT = 8
"""Live parts kept, each of the size of the network: the samples of a small training set come again."""


class Equations:
    """dx/dt = S a(x, t), with a the rates of channels, see `kernels.rate_equations`.

    General laws are laws of counts, and many have no value below 0: where there are any, what is below 0, by the
    errors of a step, is taken as 0.

    Parameters
    ----------
    channels : of a structure without product families; `laws` and `law` are written into.
    n_species : the first so many species of the state move.
    state : float64[...], the species, what is read beside them, and the constant 1 at the end [molecules].
    """

    def __init__(self, channels: Channels, n_species: int, state: np.ndarray) -> None:
        self.channels, self.n_species = channels, n_species
        self.state = state

    @property
    def stoichiometry(self) -> "scipy.sparse.csc_array":
        """Change of each species by each channel, sparse float64[species, channel]."""
        c = self.channels
        shape = (self.n_species, len(c.change_start) - 1)
        return scipy.sparse.csc_array(
            (c.change_amount.astype(np.float64), c.change_species, c.change_start), shape=shape
        )

    def derivative(self, t: float, x: np.ndarray) -> np.ndarray:
        """dx/dt float64[species] [molecules/s] at time t [s] and x float64[species] [molecules]."""
        out = np.empty(self.n_species)
        kernels.derivative(self.channels, self._at(t, x), out)
        return out

    def propensities(self, t: float, x: np.ndarray) -> np.ndarray:
        """Rate of each lumped channel float64[channel] [1/s]: the noise has the matrix S diag(a) S^T."""
        out = np.empty(len(self.channels.term_start) - 1)
        kernels.rates(self.channels, self._at(t, x), out)
        return out

    def jacobian(self, t: float, x: np.ndarray) -> "scipy.sparse.csc_array":
        """d(dx/dt)/dx, sparse float64[species, species] [1/s], always of the same pattern."""
        partials, indices, starts = self._pattern
        data = np.empty(len(indices))
        kernels.jacobian(self.channels, partials, self._at(t, x), data)
        return scipy.sparse.csc_array((data, indices, starts), shape=(self.n_species, self.n_species))

    def _at(self, t: float, x: np.ndarray) -> np.ndarray:
        self.channels.laws.variables[TIME_VARIABLE] = t
        self.state[: self.n_species] = x
        if self.channels.law.size:
            np.maximum(self.state, 0.0, out=self.state)
        return self.state

    @cached_property
    def _pattern(self) -> tuple[kernels.Partials, np.ndarray, np.ndarray]:
        """`Partials`, and the rows and column starts of the Jacobian."""
        c, n = self.channels, self.n_species
        term, read = _reads(c, len(self.state))
        term, read = term[read < n], read[read < n]
        channel = np.repeat(np.arange(len(c.term_start) - 1), np.diff(c.term_start))[term]
        n_changes = np.diff(c.change_start.astype(np.int64))
        rows = c.change_species[_ranges(c.change_start, channel)].astype(np.int64)
        entries, place = np.unique(np.repeat(read, n_changes[channel]) * n + rows, return_inverse=True)
        columns, indices = np.divmod(entries, n)
        of_term = np.searchsorted(term, np.arange(len(c.coefficient) + 1)).astype(np.uint32)
        partials = kernels.Partials(of_term, read.astype(np.uint32), place.ravel())
        return partials, indices, np.searchsorted(columns, np.arange(n + 1))


class RateEquations(Equations):
    """The rate equations of all species, over the lumped channels.

    Parameters
    ----------
    network : a ReactionNetwork.
    rates : rate constants float64[reaction].
    volume : Omega.
    """

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float) -> None:
        channels, _ = network.compiled.lumped.arrays_for(rates, volume)
        laws = channels.laws
        laws = laws._replace(variables=laws.variables.copy(), stack=laws.stack.copy())
        n = len(network.species)
        own = {"coefficient": channels.coefficient.copy(), "law": channels.law.copy()}
        super().__init__(channels._replace(laws=laws, **own), n, np.ones(n + 1))
        self._parts: dict[bytes, LivePart] = {}

    def live_part(self, state: np.ndarray) -> "LivePart":
        """The equations of what can move from `state` float64[species + 1] on, the constant 1 at its end."""
        species = np.zeros(len(state), dtype=np.bool_)
        terms = np.zeros(len(self.channels.coefficient), dtype=np.bool_)
        mark_live(self.channels, state, species, terms)
        key = np.packbits(terms).tobytes()
        part = self._parts.pop(key, None) or LivePart(self.channels, terms)
        self._parts[key] = part  # the latest used is the last
        if len(self._parts) > _KEPT:
            del self._parts[next(iter(self._parts))]
        part.stand_at(state, self.channels.coefficient)
        return part


class LivePart(Equations):
    """The rate equations of those species that can move from a state on, numbered anew; the rest stands still.

    What is at 0 and made by nothing that can happen stays at 0, and a term with it as a factor can be left out: a
    training network with a sparse input has the size of the input's pixels. Lumped channels are products of a weight
    matrix and a vector, updates outer products, of live entries only.

    Parameters
    ----------
    channels : of all species.
    terms : bool[term], those that may be other than 0; see `kernels.live`.
    """

    def __init__(self, channels: Channels, terms: np.ndarray) -> None:
        c = channels
        n_all = len(c.varies) + 1
        n_terms = np.bincount(np.repeat(np.arange(len(c.term_start) - 1), np.diff(c.term_start)), terms)
        channel = n_terms > 0
        change = np.repeat(channel, np.diff(c.change_start))
        extra = np.repeat(terms, np.diff(c.extra_start))
        kind, a, b = c.extra_kind[extra], c.extra_a[extra], c.extra_b[extra]
        is_count = c.laws.op == COUNT
        one_species, two_species = kind != LAW, (kind != LAW) & (kind != FALLING)
        moving, read = np.zeros((2, n_all), dtype=np.bool_)
        moving[c.change_species[change]] = True
        for species in (c.first[terms], c.second[terms], a[one_species], b[two_species], c.laws.index[is_count]):
            read[species] = True
        read[-1] = False
        self.moving = np.flatnonzero(moving)
        """int64[species], the species that move."""
        self._places = np.concatenate([self.moving, np.flatnonzero(read & ~moving), [n_all - 1]])
        number = np.zeros(n_all, dtype=np.uint32)
        number[self._places] = np.arange(len(self._places))

        def renumbered(values: np.ndarray, which: np.ndarray) -> np.ndarray:
            return np.where(which, number[np.where(which, values, 0)], values)

        self._terms = np.flatnonzero(terms)
        part = c._replace(
            coefficient=c.coefficient[terms],
            first=number[c.first[terms]],
            second=number[c.second[terms]],
            second_offset=c.second_offset[terms],
            extra_start=_starts(np.diff(c.extra_start)[terms]),
            extra_kind=kind,
            extra_a=renumbered(a, one_species),
            extra_b=renumbered(b, two_species),
            term_start=_starts(n_terms[channel]),
            term_reaction=c.term_reaction[terms],
            change_start=_starts(np.diff(c.change_start)[channel]),
            change_species=number[c.change_species[change]],
            change_amount=c.change_amount[change],
            laws=c.laws._replace(index=renumbered(c.laws.index, is_count), read=number[c.laws.read]),
        )
        super().__init__(part, len(self.moving), np.ones(len(self._places)))

    def stand_at(self, state: np.ndarray, coefficient: np.ndarray) -> None:
        """Take the species that do not move, and are read, from `state` float64[species + 1], and the coefficients from
        those of all terms, which may have changed."""
        self.state[:] = state[self._places]
        self.channels.coefficient[:] = coefficient[self._terms]


def _reads(c: Channels, n_all: int) -> tuple[np.ndarray, np.ndarray]:
    """Which term has a derivative by which entry of the state: int64 arrays of equal length, in the order of terms."""
    terms = np.arange(len(c.coefficient))
    of_extra = np.repeat(terms, np.diff(c.extra_start))
    law, ramp = c.extra_kind == LAW, c.extra_kind == RAMP
    above = ramp | (c.extra_kind == FALLING)
    program = c.extra_a[law]
    n_read = np.diff(c.laws.read_start.astype(np.int64))[program]
    parts = [
        (terms, c.first),
        (terms, c.second),
        (of_extra[above], c.extra_a[above]),
        (of_extra[ramp], c.extra_b[ramp]),
        (np.repeat(of_extra[law], n_read), c.laws.read[_ranges(c.laws.read_start, program)]),
    ]
    return np.divmod(np.unique(np.concatenate([t.astype(np.int64) * n_all + s for t, s in parts])), n_all)


def _ranges(starts: np.ndarray, which: np.ndarray) -> np.ndarray:
    """starts[w], ..., starts[w + 1] - 1 of each w, one range after the other."""
    first, sizes = starts[which].astype(np.int64), np.diff(starts.astype(np.int64))[which]
    return np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())


def _starts(sizes: np.ndarray) -> np.ndarray:
    """Starts of groups of these sizes, and the end of the last, uint32[group + 1]."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint32)
