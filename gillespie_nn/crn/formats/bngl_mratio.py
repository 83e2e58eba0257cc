"""BioNetGen's function `mratio(a, b, z)` = M(a + 1, b + 1, z) / M(a, b, z), with Kummer's function M = 1F1.

Moments of the chemical equilibrium A + B <-> C are such ratios. The continued fraction

    M(a, b, z) / M(a + 1, b + 1, z) = 1 + u_1 z / (1 + u_2 z / (1 + ...)),
    u_{2n+1} = (a - b - n) / ((b + 2n) (b + 2n + 1)),    u_{2n} = (a + n) / ((b + 2n - 1) (b + 2n)),

converges for all z, DLMF 13.5.1, https://dlmf.nist.gov/13.5. It is evaluated from the front by the modified method of
Lentz: I. J. Thompson, A. R. Barnett, J. Comput. Phys. 64 (1986) 490-509, doi:10.1016/0021-9991(86)90046-X.
"""

import math

from ...checks import InputError

_MOST_TERMS = 1_000_000
_TINY = 1e-300
"""In place of a denominator that vanishes: the next term then cancels it."""
_POLE = 1e-250


def mratio(a: float, b: float, z: float) -> float:
    """The ratio; all are dimensionless. Raises InputError where it has no value or the fraction does not settle."""
    if not all(map(math.isfinite, (a, b, z))):
        raise InputError(f"mratio takes finite numbers, got {a!r}, {b!r}, {z!r}")
    if b <= 0 and b == math.floor(b):
        raise InputError(f"mratio(a, b, z) has no value for b = {b:g}: b must not be 0, -1, -2, ...")
    value = c = 1.0
    d = 0.0
    for k in range(1, _MOST_TERMS):
        n, odd = divmod(k, 2)
        u = (a - b - n) / ((b + 2 * n) * (b + 2 * n + 1)) if odd else (a + n) / ((b + 2 * n - 1) * (b + 2 * n))
        d = 1.0 / (1.0 + u * z * d or _TINY)
        c = 1.0 + u * z / c or _TINY
        value *= c * d
        if abs(c * d - 1.0) <= 2.0**-52:
            if abs(value) < _POLE:
                raise InputError(f"mratio({a:g}, {b:g}, {z:g}) has no value: M(a, b, z) is 0")
            return 1.0 / value
    raise InputError(f"mratio({a:g}, {b:g}, {z:g}) does not settle within {_MOST_TERMS:,} terms of its fraction")
