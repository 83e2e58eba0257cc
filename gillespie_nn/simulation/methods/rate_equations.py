"""The rate equations of a network as functions of time and state: for `ode`, and for the noise around it."""

import numpy as np
from scipy.sparse import csc_array

from ...kernels import rate_equations as kernels
from ...kernels.channels import Channels
from ...kernels.codes import FALLING, LAW, RAMP
from ...kernels.laws import TIME_VARIABLE


class RateEquations:
    """dx/dt = S a(x, t), with a the rates of the lumped channels and x [molecules] at the volume's scale; see
    `kernels.rate_equations`.

    Parameters
    ----------
    network : a ReactionNetwork.
    rates : rate constants float64[reaction].
    volume : Omega.
    """

    def __init__(self, network, rates, volume):
        channels, _ = network.compiled.lumped.arrays_for(rates, volume)
        laws = channels.laws
        laws = laws._replace(variables=laws.variables.copy(), stack=laws.stack.copy())
        self.channels = channels._replace(laws=laws, law=channels.law.copy())
        self.n_species = len(network.species)
        self._x = np.ones(self.n_species + 1)
        self._jacobian = Jacobian(self.channels, self.n_species)

    @property
    def stoichiometry(self) -> csc_array:
        """Change of each species by each channel, sparse float64[species, channel]."""
        c = self.channels
        shape = (self.n_species, len(c.change_start) - 1)
        return csc_array((c.change_amount.astype(np.float64), c.change_species, c.change_start), shape=shape)

    def derivative(self, t, x) -> np.ndarray:
        """dx/dt float64[species] [molecules/s] at x float64[species] [molecules]."""
        out = np.empty(self.n_species)
        kernels.derivative(self.channels, self._at(t, x), out)
        return out

    def propensities(self, t, x) -> np.ndarray:
        """Rate of each lumped channel float64[channel] [1/s], so that the noise has the matrix S diag(a) S^T."""
        out = np.empty(len(self.channels.term_start) - 1)
        kernels.rates(self.channels, self._at(t, x), out)
        return out

    def jacobian(self, t, x) -> csc_array:
        """d(dx/dt)/dx, sparse float64[species, species] [1/s], always of the same pattern."""
        return self._jacobian.at(self._at(t, x))

    def _at(self, t, x):
        self.channels.laws.variables[TIME_VARIABLE] = t
        self._x[: self.n_species] = x
        return self._x


class Jacobian:
    """The Jacobian of `channels` over `n_rows` species; its pattern is made once."""

    def __init__(self, channels, n_rows):
        self._channels, self._shape = channels, (n_rows, n_rows)
        self._partials, self._indices, self._indptr = _pattern(channels, n_rows)

    def at(self, x) -> csc_array:
        """At x float64[species + 1] with the constant 1 at its end."""
        data = np.empty(len(self._indices))
        kernels.jacobian(self._channels, self._partials, x, data)
        return csc_array((data, self._indices, self._indptr), shape=self._shape)


def _pattern(c: Channels, n_rows):
    """`Partials` of channels, and the pattern of the Jacobian that they add up in, as rows and column starts."""
    term, read = _reads(c, n_rows)
    n_terms = len(c.coefficient)
    channel = np.repeat(np.arange(len(c.term_start) - 1), np.diff(c.term_start))[term]
    changes = np.diff(c.change_start.astype(np.int64))[channel]
    first = np.repeat(c.change_start[channel] - (np.cumsum(changes) - changes), changes)
    rows = c.change_species[first + np.arange(changes.sum())].astype(np.int64)
    entries, place = np.unique(np.repeat(read, changes) * n_rows + rows, return_inverse=True)
    columns, indices = np.divmod(entries, n_rows)
    indptr = np.searchsorted(columns, np.arange(n_rows + 1))
    starts = np.searchsorted(term, np.arange(n_terms + 1)).astype(np.uint32)
    return kernels.Partials(starts, read.astype(np.uint32), place.ravel()), indices, indptr


def _reads(c: Channels, n_species):
    """Which term has a derivative by which species: int64 arrays of equal length, in the order of terms."""
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
        (np.repeat(of_extra[law], n_read), _ranges(c.laws.read, c.laws.read_start, program)),
    ]
    found = np.concatenate([t.astype(np.int64) * (n_species + 1) + s for t, s in parts])
    term, read = np.divmod(np.unique(found), n_species + 1)
    return term[read < n_species], read[read < n_species]


def _ranges(values, starts, which):
    """values[starts[w] : starts[w + 1]] of each w, one after the other."""
    parts = [values[starts[w] : starts[w + 1]] for w in which.tolist()]
    return np.concatenate([np.empty(0, values.dtype), *parts])
