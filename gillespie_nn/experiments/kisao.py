"""Algorithms of KiSAO, the Kinetic Simulation Algorithm Ontology: the methods here that they are, and names of others.

M. Courtot et al., Mol. Syst. Biol. 7 (2011) 543, doi:10.1038/msb.2011.77. All algorithms for ordinary differential
equations are `ode`, whose solution is the same to its tolerances.
"""

import re

from ..checks import InputError

METHODS = {
    29: "direct", 241: "auto", 15: "direct", 38: "optimized_direct", 27: "next_reaction", 329: "rejection",
    39: "tau_leap", 40: "tau_leap", 84: "tau_leap", 286: "langevin",
    19: "ode", 433: "ode", 496: "ode", 20: "ode", 71: "ode", 88: "ode", 89: "ode", 94: "ode", 560: "ode", 288: "ode",
    280: "ode", 281: "ode", 289: "ode", 535: "ode", 304: "ode", 33: "ode", 32: "ode", 64: "ode", 86: "ode", 87: "ode",
    321: "ode", 302: "ode", 435: "ode", 436: "ode", 694: "ode",
}  # fmt: skip
"""Methods by number. The first reaction method (15) has the law of `direct`."""
PARAMETERS = {488: "seed", 209: "rtol", 211: "atol", 228: "epsilon"}
"""Options by number of the parameter of an algorithm; others have no effect, and a warning names them."""
NAMES = {
    3: "weighted stochastic simulation algorithm", 15: "Gillespie first reaction algorithm", 19: "CVODE",
    22: "Elf and Ehrenberg method", 28: "slow-scale stochastic simulation algorithm", 30: "Euler forward method",
    31: "Euler backward method", 45: "implicit tau-leaping method", 46: "trapezoidal tau-leaping method",
    48: "adaptive explicit-implicit tau-leaping method", 51: "Bortz-Kalos-Lebowitz algorithm",
    74: "binomial tau-leaping method", 81: "estimated midpoint tau-leaping method", 82: "k-alpha leaping method",
    231: "Pahle hybrid method", 261: "Euler method", 263: "NFSim agent-based simulation method", 282: "KINSOL",
    283: "IDA", 287: "Milstein method", 324: "nested stochastic simulation algorithm", 330: "R-leaping algorithm",
    331: "exact R-leaping algorithm", 336: "D-leaping method", 350: "probability-weighted dynamic Monte Carlo method",
    351: "multinomial tau-leaping method", 352: "hybrid method", 355: "DASPK", 356: "DASSL",
    363: "rule-based simulation method", 407: "steady state method", 408: "Newton-type method",
    437: "flux balance analysis", 448: "logical model simulation method", 449: "synchronous logical model simulation "
    "method", 450: "asynchronous logical model simulation method", 499: "dynamic flux balance analysis",
    524: "partitioned leaping method", 526: "flux variability analysis",
    209: "relative tolerance", 211: "absolute tolerance", 219: "maximum Adams order", 220: "maximum BDF order",
    415: "maximum number of steps", 467: "maximum step size", 483: "step size", 484: "maximum order",
    485: "minimum step size", 488: "seed", 498: "number of runs", 228: "tau-leaping epsilon",
}  # fmt: skip


def number_of(kisao: str) -> int:
    """The number of an identifier such as `KISAO:0000029`. Raises InputError."""
    match = re.fullmatch(r"(?:.*[:/#])?(?:KISAO[:_])?(\d{1,7})", kisao.strip(), re.IGNORECASE)
    if not match:
        raise InputError(f"{kisao[:60]!r} is not an identifier of KiSAO such as KISAO:0000029")
    return int(match[1])


def described(number: int) -> str:
    """The identifier, and the name if it is known here."""
    return f"KISAO:{number:07d}" + (f" ({NAMES[number]})" if number in NAMES else "")


def method_of(kisao: str) -> str:
    """The method here. Raises InputError for an algorithm that is not one of them."""
    number = number_of(kisao)
    if number not in METHODS:
        raise InputError(
            f"the algorithm {described(number)} is not supported: use KISAO:0000029 (direct method), KISAO:0000027 "
            "(next reaction method), KISAO:0000039 (tau-leaping) or KISAO:0000019 (CVODE: method ode)"
        )
    return METHODS[number]
