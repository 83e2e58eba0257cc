"""Rails of neurons at rest, and the noise of averages over a window, module by module.

What two rails have in common: with production A in all, a difference x, decay at 1 and annihilation at k, the scarcer
rail c obeys k c^2 + (1 + k |x|) c = (A - |x|) / 2.

Noise: averaged over a window much longer than its relaxation time, a module that relaxes at the rate r has its rest
plus a normal number with the variance D / (Omega Tw r^2), where D is the sum of its rates of change squared
[concentration/s] (the spectrum of linear noise at frequency 0), and passes on what it reads as its rest does. All
arrays are float32[n].
"""

import numpy as np

from .batch_neurons import LICENSING
from .jit import inlined, vectorised
from .still_neurons import root_and_roots

_HALF, _ONE, _TWO, _FOUR, _ZERO = (np.float32(v) for v in (0.5, 1.0, 2.0, 4.0, 0.0))
_FIFTH = np.float32(1.0 / LICENSING)


@inlined
def _scarcer(made, difference, k):
    """The scarcer rail at rest. As a quotient it does not cancel."""
    size = abs(difference)
    b = _ONE + k * size
    births = max(_HALF * (made - size), _ZERO)
    return _TWO * births / (b + np.sqrt(b * b + _FOUR * k * births))


@vectorised
def error_rails(made, e, s, d, g, k, licence, e_both, d_both, g_common):
    """Fill the sums of both rails of e and of d, and twice the scarcer rail of g, where e is made at `made`."""
    for i in range(e.size):
        both = abs(e[i]) + _TWO * _scarcer(made[i], e[i], k)
        e_both[i] = both
        both = abs(d[i]) + _TWO * _scarcer(s[i] * both, d[i], k)
        d_both[i] = both
        # g relaxes at 5, so annihilation is a fifth as fast for it.
        g_common[i] = _TWO * _scarcer(licence * both, g[i], k * _FIFTH)


@vectorised
def linear_error_rails(made, d, g, k, licence, d_both, g_common):
    """The same for a linear output, whose d is made at `made`."""
    for i in range(d.size):
        both = abs(d[i]) + _TWO * _scarcer(made[i], d[i], k)
        d_both[i] = both
        g_common[i] = _TWO * _scarcer(licence * both, g[i], k * _FIFTH)


@vectorised
def activation_noise(z, made, first, second, k, h, share, cy, cs):
    """Fill the noise of y and of s from that of z, y, u and s, where z is made at `made`. `share` is 1 / (Omega Tw);
    `first` and `second` are standard normal numbers."""
    for i in range(z.size):
        q, y, u = root_and_roots(z[i], h)
        both = abs(z[i]) + _TWO * _scarcer(made[i], z[i], k)
        of_z = made[i] + both
        of_y = h + both * y + y * y
        of_u = h + both * u + u * u
        inverse = _ONE / q
        cube = inverse * inverse * inverse
        # y q = y z + noise, u q = -u z + noise, s q = (u y - y u) / q + noise, for deviations on the right side.
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
    """Fill the noise of d, from that of e and d, and that of g."""
    for i in range(s.size):
        of_d = s[i] * s[i] * (made[i] + e_both[i]) + s[i] * e_both[i] + d_both[i]
        of_g = _FIFTH * (licence * d_both[i] + abs(g[i]) + g_common[i])
        cd[i] = np.sqrt(share * of_d) * first[i]
        cg[i] = np.sqrt(share * of_g) * second[i]


@vectorised
def linear_error_noise(made, d_both, g, g_common, first, second, licence, share, cd, cg):
    """The same for a linear output."""
    for i in range(d_both.size):
        cd[i] = np.sqrt(share * (made[i] + d_both[i])) * first[i]
        cg[i] = np.sqrt(share * _FIFTH * (licence * d_both[i] + abs(g[i]) + g_common[i])) * second[i]


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
