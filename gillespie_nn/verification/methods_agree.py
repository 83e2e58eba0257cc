"""Method against method: two exact methods on networks whose law nobody knows in closed form have one law.

The training network of XOR with learning on and an input switched half-way; and a network with general rate laws, a
rate that depends on the time, a rule, and an event. Each method against `direct`, whose own runs have another seed.
"""

from ..api import simulate
from ..crn import ReactionNetwork
from ..nn.chemistry import BIASES, ERROR_SUMS, ERRORS, OUTPUTS, PREACTIVATIONS, SLOPES, WEIGHTS
from ..statistics.tests import chi_square_two
from .base import Check, Options, Outcome
from .samples import XOR_VOLUME, xor

_MOST = 4000
_REFERENCE = "direct"
GENERAL = """
@parameter k = 4
@rule load = A + 2 * B
0 -> A @ propensity(k * (1 + sin(3 * time)))
A -> B @ propensity(6 * A / (4 + load))
2 B -> C @ 0.2
C -> 2 B @ 1
B -> 0 @ propensity(0.3 * B^2 / (2 + B))
0 -> A @ propensity(piecewise(5, A < 3, 0))
A -> 0 @ 0.3
@event purge: when C >= 4; set C = 0, B = B + 3; delay 0.2
@event feed: when time >= 1 && A < 6; set k = 0.5 * k + 3
A = 6
"""
_SHOWN: tuple[tuple, ...] = (
    (1, WEIGHTS, 1, 0, 0), (-1, WEIGHTS, 2, 0, 3), (1, BIASES, 1, 1), (-1, BIASES, 2, 0), (1, PREACTIVATIONS, 1, 2),
    (1, PREACTIVATIONS, 2, 0), (1, OUTPUTS, 1, 1), (1, SLOPES, 1, 3), (1, ERROR_SUMS, 1, 0), (-1, ERRORS, 1, 2),
    (1, ERRORS, 2, 0),
)  # fmt: skip
"""Rails of the training network: sign, meaning, layer, indices."""


def _xor() -> tuple:
    spec, initial = xor(3)
    schedule = spec.schedule([1, 1], [0], XOR_VOLUME, 1.5, start=1.5)
    shown = [spec.numbers.one(*place).rails.rail(sign) for sign, *place in _SHOWN]
    return spec.network, shown, [1.0, 3.0], {"volume": XOR_VOLUME, "initial": initial, "schedule": schedule}


def _general() -> tuple:
    return ReactionNetwork.from_text(GENERAL), ("A", "B", "C"), [0.6, 2.0, 4.0], {}


class MethodsAgree(Check):
    name = "methods-agree"
    summary = f"each method against {_REFERENCE}, on a training network and one with general rate laws and events"

    def run(self, method: str, seed: int, options: Options) -> list:
        n = min(options.replicates, _MOST)
        found = []
        for name, case in (("training network", _xor), ("general laws and events", _general)):
            network, shown, time, settings = case()
            runs = [
                simulate(network, time=time, method=m, replicates=n, seed=seed + k, workers=2, **settings)
                for k, m in enumerate((method, _REFERENCE))
            ]
            for s in shown:
                for k, t in enumerate(time):
                    p = chi_square_two(*(r.of(s)[:, k] for r in runs))
                    found.append(Outcome(f"{name}, {s} at t = {t:g}", p))
        return found
