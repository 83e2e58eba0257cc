"""Hostile models: mutated texts, SBML, Antimony and BioNetGen files end in a result or in a clear error.

Mutants are read and, if they are still models, simulated for a moment. An exception that is no `GillespieError`, a
crash of the process (the readers of SBML and Antimony are compiled code) and an input that takes too long are
failures. Not a statistical check: its p-value is 1, or 0 if any input failed.
"""

from functools import cache, partial
from importlib import resources

import numpy as np

from ..api import simulate
from ..checks import GillespieError, InternalError
from ..crn import ReactionNetwork
from ..nn import training_network
from .base import Check, Options
from .children import outcome_of_all
from .methods_agree import GENERAL

_READERS = {
    "text": ReactionNetwork.from_text,
    "SBML": ReactionNetwork.from_sbml,
    "Antimony": ReactionNetwork.from_antimony,
    "BioNetGen": ReactionNetwork.from_bngl_net,
}
_NET = """begin parameters
    1 kp 0.5
    2 km 2*kp
end parameters
begin functions
    1 f() kp/(1+Total)
end functions
begin species
    1 A(b) 20
    2 A(b!1).A(b!1) 0
    3 $S() 2
end species
begin reactions
    1 1,1 2 0.5*kp #bind
    2 2 1,1 km
    3 3 3,1 f
end reactions
begin groups
    1 Total 1,2*2
end groups
"""
_TOKENS = (
    "1e308", "-1", "0", "1e999", "nan", "9" * 40, "", "()", "(" * 300, "-" * 300, "^" * 40, "&&", "<", "&#0;", "\x00",
    "piecewise(", "time", "A", "1/0", "\n", "->", "@", "=", "@event e: when A > 0; set A = A + 1", "2147483648",
    "\u00e9",
    "</apply>", '<ci> A </ci>', "delay(A, 1)", "e: A -> B; k", "$", "0.5",
)  # fmt: skip


@cache
def corpus() -> tuple[tuple[str, str], ...]:
    """Models to start from: (kind, text)."""
    small = "@volume 2.0\nA + B -> C @ 0.5\n2 A -> B @ 1 * ramp(A, B)\n0 -> A @ 1.0 * step(A, B)\nA = 10\nB = 5"
    general = ReactionNetwork.from_text(GENERAL)
    models = resources.files("gillespie_nn.data").joinpath("models")
    return (
        ("text", small),
        ("text", GENERAL.strip()),
        ("SBML", general.to_sbml()),
        ("SBML", general.to_sbml(kinetics="deterministic", volume=3.0)),
        ("SBML", training_network((1, 1, 1)).network.to_sbml()),
        ("Antimony", general.to_antimony()),
        *(("Antimony", path.read_text(encoding="utf-8")) for path in sorted(models.iterdir(), key=str)),
        ("BioNetGen", _NET),
    )


def mutant(number: int, seed: int) -> tuple[str, str]:
    """(kind, text) of mutant `number`: a model of the corpus with one to six cuts, copies, swaps and intrusions."""
    rng = np.random.default_rng([seed, number])
    kind, text = corpus()[rng.integers(len(corpus()))]
    for _ in range(rng.integers(1, 7)):
        a, b = sorted(rng.integers(0, len(text) + 1, size=2).tolist())
        b = min(b, a + int(rng.integers(1, 60)))
        token = _TOKENS[rng.integers(len(_TOKENS))]
        what = rng.integers(6)
        if what == 0:
            text = text[:a] + text[b:]
        elif what == 1:
            text = text[:b] + text[a:]
        elif what == 2:
            text = text[:a] + token + text[b:]
        elif what == 3:
            text = text[:a] + token + text[a:]
        elif what == 4:
            text = _number_replaced(text, a, token)
        elif rng.random() < 0.2:
            text = text[:a]
    return kind, text


def _number_replaced(text: str, start: int, token: str) -> str:
    """The first number at or behind `start`, replaced."""
    first = next((k for k in range(start, len(text)) if text[k].isdigit()), len(text))
    last = next((k for k in range(first, len(text)) if text[k] not in "0123456789.eE"), len(text))
    return text[:first] + token + text[last:]


def _try(seed: int, method: str, number: int) -> str:
    """`simulated` or `refused`; any other outcome is an exception."""
    kind, text = mutant(number, seed)
    try:
        network = _READERS[kind](text)
        simulate(network, 1.0, 3, method=method, seed=number, max_events=500)
    except InternalError:
        raise
    except GillespieError:
        return "refused"
    return "simulated"


class HostileModels(Check):
    name = "hostile-models"
    summary = "as many mutated model texts and files as replicates: each a result or a clear error (p: 1 all, 0 not)"

    def run(self, method: str, seed: int, options: Options) -> list:
        return [outcome_of_all(options.replicates, partial(_try, seed, method), ("simulated", "refused"))]
