"""Neurons at rest, elementwise: values, slopes and errors of a layer, their lag, rails and noise, and rate equations.

At rest z is its input, y the positive root of y^2 - z y - h = 0, u = y - z, s = y / (y + u), d = s e and g = f d for
the licence f. All arrays are float32[n]: the elements of arrays [sample, neuron].

A module that relaxes at the rate r, and whose rest moves at the speed v, lags v / r behind. To first order in the
speeds, each module therefore rests at its inputs, which lag themselves, minus v / r. Here q = y + u is the rate of y, u
and s, 5 that of g and 1 that of all others; `dz`, `dy`, `dd`, ... are speeds [concentration/s]. The additions `cy`,
`cs`, `cd` and `cg` are the noise of averages over a window.
"""

import numpy as np

from ..jit import inlined, vectorised
from .batch_neurons import LICENSING

_HALF, _ONE, _TWO, _FOUR, _ZERO = (np.float32(v) for v in (0.5, 1.0, 2.0, 4.0, 0.0))
_LICENSED = np.float32(1.0 / LICENSING)
"""Relaxation time of the licensed errors [s]."""
_LICENSING = np.float32(LICENSING)
"""Their relaxation rate [1/s]."""

# Values at rest and their lag; functions `..._late` take speeds of their inputs and also give those of their results.


@inlined
def root_and_roots(z, h):
    """q, y and u. As the product of y and u is h, the smaller one is a quotient, without cancellation."""
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
    """As `activate`, for inputs z that move at the speed dz; also fills the speeds of both results."""
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
    """As `output_errors`, with speeds."""
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
    """As `linear_errors`, with speeds."""
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
    """As `hidden_errors`, with speeds; e is replaced by its lagged value."""
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
    """Raise out to |x| where it is smaller."""
    for i in range(out.size):
        out[i] = max(out[i], abs(x[i]))


# Rails of neurons at rest, and the noise of averages over a window, module by module.
#
# With total production A of two rails, a difference x, decay at 1 and annihilation at k, the scarcer rail c obeys
# k c^2 + (1 + k |x|) c = (A - |x|) / 2.
#
# Averaged over a window Tw much longer than its relaxation time, a module that relaxes at the rate r is at rest plus a
# normal number with the variance D / (Omega Tw r^2). D is the sum over its reactions of rate times squared change
# [concentration/s], the spectrum of linear noise at frequency 0. A module transmits noise of its inputs as its rest
# depends on them.


@inlined
def _scarcer(made, difference, k):
    """The scarcer rail at rest, as a quotient without cancellation."""
    size = abs(difference)
    b = _ONE + k * size
    births = max(_HALF * (made - size), _ZERO)
    return _TWO * births / (b + np.sqrt(b * b + _FOUR * k * births))


@vectorised
def error_rails(made, e, s, d, g, k, licence, e_both, d_both, g_common):
    """Fill the sums of both rails of e and of d, and twice the scarcer rail of g; `made` is the production of e."""
    for i in range(e.size):
        both = abs(e[i]) + _TWO * _scarcer(made[i], e[i], k)
        e_both[i] = both
        both = abs(d[i]) + _TWO * _scarcer(s[i] * both, d[i], k)
        d_both[i] = both
        # g relaxes at 5, so relative to this rate annihilation is five times slower.
        g_common[i] = _TWO * _scarcer(licence * both, g[i], k * _LICENSED)


@vectorised
def linear_error_rails(made, d, g, k, licence, d_both, g_common):
    """As `error_rails`, for a linear output; `made` is the production of d."""
    for i in range(d.size):
        both = abs(d[i]) + _TWO * _scarcer(made[i], d[i], k)
        d_both[i] = both
        g_common[i] = _TWO * _scarcer(licence * both, g[i], k * _LICENSED)


@vectorised
def activation_noise(z, made, first, second, k, h, share, cy, cs):
    """Fill the noise of y and of s, which stems from z, y, u and s.

    `made` is the production of z; `share` is 1 / (Omega Tw); `first` and `second` are standard normal numbers.
    """
    for i in range(z.size):
        q, y, u = root_and_roots(z[i], h)
        both = abs(z[i]) + _TWO * _scarcer(made[i], z[i], k)
        of_z = made[i] + both
        of_y = h + both * y + y * y
        of_u = h + both * u + u * u
        inverse = _ONE / q
        cube = inverse * inverse * inverse
        # y q = y z + noise, u q = -u z + noise, s q = (u y - y u) / q + noise, for deviations on the right-hand sides.
        y_of_z, s_of_z = y * inverse, _TWO * h * cube
        s_of_y, s_of_u = u * cube, y * cube
        variance = y_of_z * y_of_z * of_z + of_y * inverse * inverse
        joint = y_of_z * s_of_z * of_z + inverse * s_of_y * of_y
        of_s = s_of_z * s_of_z * of_z + s_of_y * s_of_y * of_y + s_of_u * s_of_u * of_u + _TWO * h * cube
        root = np.sqrt(variance)
        part = joint / root
        scale = np.sqrt(share)
        cy[i] = scale * root * first[i]
        cs[i] = scale * (part * first[i] + np.sqrt(max(of_s - part * part, _ZERO)) * second[i])


@vectorised
def linear_noise(z, made, first, k, share, both, cy):
    """Fill the noise of z, and the sum of its rails, for a linear output."""
    for i in range(z.size):
        both[i] = abs(z[i]) + _TWO * _scarcer(made[i], z[i], k)
        cy[i] = np.sqrt(share * (made[i] + both[i])) * first[i]


@vectorised
def error_noise(made, e_both, s, d_both, g, g_common, first, second, licence, share, cd, cg):
    """Fill the noise of d, which stems from e and d, and that of g."""
    for i in range(s.size):
        of_d = s[i] * s[i] * (made[i] + e_both[i]) + s[i] * e_both[i] + d_both[i]
        of_g = _LICENSED * (licence * d_both[i] + abs(g[i]) + g_common[i])
        cd[i] = np.sqrt(share * of_d) * first[i]
        cg[i] = np.sqrt(share * of_g) * second[i]


@vectorised
def linear_error_noise(made, d_both, g, g_common, first, second, licence, share, cd, cg):
    """As `error_noise`, for a linear output."""
    for i in range(d_both.size):
        cd[i] = np.sqrt(share * (made[i] + d_both[i])) * first[i]
        cg[i] = np.sqrt(share * _LICENSED * (licence * d_both[i] + abs(g[i]) + g_common[i])) * second[i]


@vectorised
def moment_noise(z, made, k, h, volume, first, y):
    """Fill y with the outputs at one moment [concentration]: rest and variance of linear noise."""
    for i in range(z.size):
        q, value, _ = root_and_roots(z[i], h)
        both = abs(z[i]) + _TWO * _scarcer(made[i], z[i], k)
        of_z = _HALF * (made[i] + both)
        # 2 q Var y = D + 2 y Cov(z, y), (1 + q) Cov(z, y) = y Var z.
        variance = (_HALF * (h + both * value + value * value) + value * value * of_z / (_ONE + q)) / q
        y[i] = max(value + np.sqrt(variance / volume) * first[i], _ZERO)


# Rate equations of the differences of rails, for neurons that are not at rest.


@vectorised
def forward_rates(z, y, u, s, z_input, h, to_z, to_y, to_u, to_s):
    """Fill the rates of change of pre-activations, outputs, and the two parts of a slope."""
    for i in range(z.size):
        to_z[i] = z_input[i] - z[i]
        to_y[i] = h + (z[i] - y[i]) * y[i]
        to_u[i] = h - (z[i] + u[i]) * u[i]
        to_s[i] = y[i] * (_ONE - s[i]) - u[i] * s[i]


@vectorised
def backward_rates(e, d, g, s, e_input, licence, to_e, to_d, to_g):
    """Fill the rates of change of sums of errors, errors and licensed errors."""
    for i in range(e.size):
        to_e[i] = e_input[i] - e[i]
        to_d[i] = s[i] * e[i] - d[i]
        to_g[i] = _LICENSING * (licence * d[i] - g[i])


@vectorised
def add_scaled(a, share, x, out):
    """Fill out = a + share x."""
    for i in range(out.size):
        out[i] = a[i] + share * x[i]


@vectorised
def largest_rate(z, y, u):
    """The largest relaxation rate of y, u and s, or of neurons at rest with these z [1/s]."""
    largest = np.float32(0.0)
    for i in range(z.size):
        of_y, of_u = _TWO * y[i] - z[i], _TWO * u[i] + z[i]
        largest = max(largest, y[i] + u[i], max(of_y, of_u), abs(z[i]))
    return largest
