"""Rate equations: the limit of large Omega of the counts, as dx/dt and its derivatives, x real-valued [molecules].

With x = Omega c the falling factorials of a propensity become powers, n (n - 1) ... -> x^nu, and the rest of a term is
as in `kernels.channels`: its coefficient carries Omega**(1 - order). So x' = Omega F(x / Omega), F the mass-action rate
equations. Kernels read the `Channels` of a structure without product families, and x with the constant 1 behind the
species. A general law may be negative here: a rate, unlike a propensity, can go backwards.

T. G. Kurtz, Solutions of ordinary differential equations as limits of pure jump Markov processes, J. Appl. Probab. 7
(1970) 49-58, doi:10.2307/3212147.
"""

from typing import NamedTuple

import numpy as np

from .codes import FALLING, LAW, RAMP, STEP
from .jit import kernel
from .laws import law_value

_CUBE_ROOT = np.finfo(np.float64).eps ** (1 / 3)


class Partials(NamedTuple):
    """Which derivatives of which terms there are, and where each is added up in the Jacobian."""

    read_start: np.ndarray  # uint32[term + 1]
    read: np.ndarray  # uint32[...]: the species whose change changes the term
    place: np.ndarray  # int64[...]: entry of the Jacobian for each term, read species and change of its channel


@kernel
def term_rate(channels, laws, t, x):
    """Value of term t at x [1/s], that of a general law as it was when last worked out."""
    value = channels.terms[t].coefficient * (x[channels.terms[t].first] * x[channels.terms[t].second])
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        value *= _extra(channels, laws, e, x)
    return value


@kernel
def _extra(channels, laws, e, x):
    """Value of extra factor e."""
    a = channels.extras[e].a
    b = channels.extras[e].b
    kind = channels.extras[e].kind
    if kind == FALLING:
        return x[a]
    if kind == STEP:
        return 1.0 if x[a] > x[b] else 0.0
    if kind == RAMP:
        return max(x[a] - x[b], 0.0)
    return laws.value[a] if laws is not None else np.nan  # LAW


@kernel
def rates(channels, laws, x, out):
    """Rate of each channel [1/s] into out float64[channel]."""
    if laws is not None:
        for p in range(laws.value.size):
            laws.value[p] = law_value(laws, p, x)
    for c in range(out.size):
        total = 0.0
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            total += term_rate(channels, laws, t, x)
        out[c] = total


@kernel
def derivative(channels, laws, x, out):
    """dx/dt [molecules/s] into out float64[species]."""
    if laws is not None:
        for p in range(laws.value.size):
            laws.value[p] = law_value(laws, p, x)
    out[:] = 0.0
    for c in range(channels.ranges.size - 1):
        total = 0.0
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            total += term_rate(channels, laws, t, x)
        for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
            out[channels.changes[k].species] += channels.changes[k].amount * total


@kernel
def jacobian(channels, laws, partials, scale, x, data):
    """Entries d(dx_i/dt)/dx_j [1/s] into data float64[entry], where `partials` puts them.

    Exact but for general laws, which are differenced over a part of x, or of `scale` float64[species] where x is
    smaller; x is changed for that, and put back. A step has slope 0.
    """
    data[:] = 0.0
    p = 0
    for c in range(channels.ranges.size - 1):
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            for r in range(partials.read_start[t], partials.read_start[t + 1]):
                slope = term_slope(channels, laws, t, partials.read[r], scale, x)
                for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                    data[partials.place[p]] += channels.changes[k].amount * slope
                    p += 1


@kernel
def term_slope(channels, laws, t, s, scale, x):
    """Derivative of term t by x[s], by the product rule over its factors."""
    start = channels.terms[t].extra_start
    end = channels.terms[t + 1].extra_start
    if laws is not None:
        if end > start and channels.extras[start].kind == LAW:
            return channels.terms[t].coefficient * _law_slope(laws, channels.extras[start].a, s, scale[s], x)
    a = channels.terms[t].first
    b = channels.terms[t].second
    total = (x[b] if a == s else 0.0) + (x[a] if b == s else 0.0)
    for e in range(start, end):
        total *= _extra(channels, laws, e, x)
    for e in range(start, end):
        slope = _extra_slope(channels, e, s, x)
        if slope != 0.0:
            product = slope * (x[a] * x[b])
            for other in range(start, end):
                if other != e:
                    product *= _extra(channels, laws, other, x)
            total += product
    return channels.terms[t].coefficient * total


@kernel
def _extra_slope(channels, e, s, x):
    """Derivative of extra factor e, which is no law, by x[s]."""
    a = channels.extras[e].a
    b = channels.extras[e].b
    kind = channels.extras[e].kind
    if kind == FALLING:
        return 1.0 if a == s else 0.0
    if kind == RAMP and x[a] > x[b]:
        return (1.0 if a == s else 0.0) - (1.0 if b == s else 0.0)
    return 0.0


@kernel
def _law_slope(laws, program, s, scale, x):
    """Central difference of a general law by x[s]; at x[s] = 0 one that does not read below 0."""
    here = x[s]
    step = _CUBE_ROOT * max(np.abs(here), scale)
    low = here - step
    if here >= 0.0 and low < 0.0:
        low = 0.0
    high = here + step
    x[s] = high
    above = law_value(laws, program, x)
    x[s] = low
    below = law_value(laws, program, x)
    x[s] = here
    return (above - below) / (high - low)
