"""Neurons at rest: values, slopes and errors of a whole layer, elementwise, and how far they lag behind weights that
move.

At rest z is its input, y the positive root of y^2 - z y - h = 0, u = y - z, s = y / (y + u), d = s e and g = f d for
the licence f. A module that relaxes at the rate r, and whose rest moves at the speed v, is v / r behind it. To first
order in the speeds each module therefore rests at what it reads, and that is late itself, less its own v / r. Here q =
y + u is the rate of y, u and s, 5 that of g and 1 that of all others; `dz`, `dy`, `dd`, ... are speeds
[concentration/s].

The additions `cy`, `cs`, `cd` and `cg` are the noise of averages over a window, see `still_noise`. All arrays are
float32[n], the elements of arrays [sample, neuron], unless said otherwise.
"""

import numpy as np

from .batch_neurons import LICENSING
from .jit import inlined, vectorised

_HALF, _ONE, _TWO, _FOUR, _ZERO = (np.float32(v) for v in (0.5, 1.0, 2.0, 4.0, 0.0))
_LICENSED = np.float32(1.0 / LICENSING)
"""Relaxation time of the licensed errors [s]."""


@inlined
def root_and_roots(z, h):
    """q, y and u. The product of y and u is h; the smaller one as a quotient does not cancel."""
    q = np.sqrt(z * z + _FOUR * h)
    larger = _HALF * (q + abs(z))
    smaller = h / larger
    return q, larger if z >= _ZERO else smaller, smaller if z >= _ZERO else larger


@vectorised
def activate(z, cy, cs, h, y, s):
    """Fill the outputs y and the slopes s of pre-activations z."""
    for i in range(z.size):
        q, value, _ = root_and_roots(z[i], h)
        y[i] = max(value + cy[i], _ZERO)
        s[i] = value / q + cs[i]


@vectorised
def activate_late(z, dz, cy, cs, h, y, s, dy, ds):
    """The same, and the speeds of both, for inputs z that move at the speed dz."""
    for i in range(z.size):
        v = dz[i]
        q, value, other = root_and_roots(z[i] - v, h)
        share = _ONE / q
        slope = value * share
        speed = slope * v
        dy[i] = speed
        ds[i] = _TWO * h * share * share * share * v
        # The speed of u is -(1 - slope) v.
        value -= speed * share
        other += (_ONE - slope) * v * share
        y[i] = max(value + cy[i], _ZERO)
        s[i] = value / (value + other) - ds[i] * share + cs[i]


@vectorised
def output_errors(y, t, s, cd, cg, licence, e, d, g):
    """Fill the sums of errors e, errors d and licensed errors g of an output layer with targets t."""
    for i in range(y.size):
        e[i] = y[i] - t[i]
        d[i] = s[i] * e[i] + cd[i]
        g[i] = licence * d[i] + cg[i]


@vectorised
def output_errors_late(y, dy, t, s, ds, cd, cg, licence, e, d, dd, g):
    """The same with speeds."""
    for i in range(y.size):
        e[i] = y[i] - t[i] - dy[i]
        dd[i] = ds[i] * e[i] + s[i] * dy[i]
        d[i] = s[i] * e[i] - dd[i] + cd[i]
        g[i] = licence * (d[i] - _LICENSED * dd[i]) + cg[i]


@vectorised
def linear_errors(y, t, cd, cg, licence, d, g):
    """`output_errors` of a linear output: d' = y - t - d."""
    for i in range(y.size):
        d[i] = y[i] - t[i] + cd[i]
        g[i] = licence * d[i] + cg[i]


@vectorised
def linear_errors_late(y, dy, t, cd, cg, licence, d, dd, g):
    """The same with speeds."""
    for i in range(y.size):
        dd[i] = dy[i]
        d[i] = y[i] - t[i] - dy[i] + cd[i]
        g[i] = licence * (d[i] - _LICENSED * dy[i]) + cg[i]


@vectorised
def hidden_errors(e, s, cd, cg, licence, d, g):
    """Fill the errors d and the licensed errors g of a hidden layer with sums of errors e."""
    for i in range(e.size):
        d[i] = s[i] * e[i] + cd[i]
        g[i] = licence * d[i] + cg[i]


@vectorised
def hidden_errors_late(e, de, s, ds, cd, cg, licence, d, dd, g):
    """The same with speeds; e becomes late, too."""
    for i in range(e.size):
        late = e[i] - de[i]
        e[i] = late
        dd[i] = ds[i] * late + s[i] * de[i]
        d[i] = s[i] * late - dd[i] + cd[i]
        g[i] = licence * (d[i] - _LICENSED * dd[i]) + cg[i]


@vectorised
def subtract(a, share, x, out):
    """Fill out = a - share x."""
    for i in range(out.size):
        out[i] = a[i] - share * x[i]


@vectorised
def chebyshev(share_0, y_0, share_1, y_1, share_2, y_2, rate_1, f_1, rate_0, f_0, out):
    """Fill out with the next stage of a Runge-Kutta-Chebyshev step."""
    for i in range(out.size):
        out[i] = share_0 * y_0[i] + share_1 * y_1[i] + share_2 * y_2[i] + rate_1 * f_1[i] + rate_0 * f_0[i]


@vectorised
def chebyshev_error(start, end, share, f_start, f_end):
    """The sum of squares of the estimated errors of such a step: 0.8 (start - end) + share (f_start + f_end)."""
    total = _ZERO
    for i in range(start.size):
        v = np.float32(0.8) * (start[i] - end[i]) + share * (f_start[i] + f_end[i])
        total += v * v
    return total


@vectorised
def sizes(x, common, out):
    """Fill out = |x| + common."""
    for i in range(out.size):
        out[i] = abs(x[i]) + common[i]


@vectorised
def at_least_sizes(x, out):
    """Raise out to |x| where it is less."""
    for i in range(out.size):
        out[i] = max(out[i], abs(x[i]))
