"""Hostile models: mutated models of every format end in a result or in a clear error.

Mutants are read and, if they are still models, simulated for a moment. An exception that is no `GillespieError`, a
crash of the process (the readers of SBML and Antimony are compiled code) and an input that takes too long are
failures. Not a statistical check: its p-value is 1, or 0 if any input failed.
"""

from functools import cache, partial

import numpy as np

from ..api import simulate
from ..checks import GillespieError, InternalError
from ..crn import ReactionNetwork
from ..crn.formats import FORMATS, format_named
from ..nn import training_network
from .check import Check, Options
from .children import outcome_of_all
from .exact_laws import GENERAL

_TOKENS = (
    "1e308", "-1", "0", "1e999", "nan", "9" * 40, "", "()", "(" * 300, "-" * 300, "^" * 40, "&&", "\x00", "piecewise(",
    "time", "A", "1/0", "\n", "=", "2147483648", "\u00e9", "delay(A, 1)", "0.5", "\ufeff", "\r\n", "pi", "volume",
    "1" * 5000 + ".e", "A + " * 300, " " * 5000,
)  # fmt: skip
"""What is put into a text of any format."""


@cache
def corpus() -> tuple[tuple[str, str], ...]:
    """Models to start from, (name of the format, text): examples of the formats, and networks that they write."""
    networks = (ReactionNetwork.from_text(GENERAL), training_network((1, 1, 1)).network)
    found = []
    for form in FORMATS:
        written = [form.write(network) for network in networks] if form.write is not None else []
        found += [(form.name, text) for text in (*form.examples(), *written)]
    return tuple(found)


def mutant(number: int, seed: int) -> tuple[str, str]:
    """(format, text) of mutant `number`: a model of the corpus with one to six cuts, copies, swaps and intrusions."""
    rng = np.random.default_rng([seed, number])
    name, text = corpus()[rng.integers(len(corpus()))]
    tokens = _TOKENS + format_named(name).intrusions
    for _ in range(rng.integers(1, 7)):
        a, b = sorted(rng.integers(0, len(text) + 1, size=2).tolist())
        b = min(b, a + int(rng.integers(1, 60)))
        token = tokens[rng.integers(len(tokens))]
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
    return name, text


def _number_replaced(text: str, start: int, token: str) -> str:
    """The first number at or behind `start`, replaced."""
    first = next((k for k in range(start, len(text)) if text[k].isdigit()), len(text))
    last = next((k for k in range(first, len(text)) if text[k] not in "0123456789.eE"), len(text))
    return text[:first] + token + text[last:]


def _try(seed: int, method: str, number: int) -> str:
    """`simulated` or `refused`; any other outcome is an exception."""
    name, text = mutant(number, seed)
    try:
        network = ReactionNetwork.from_parts(format_named(name).read(text))
        simulate(network, 1.0, 3, method=method, seed=number, max_events=500)
    except InternalError:
        raise
    except GillespieError:
        return "refused"
    return "simulated"


class HostileModels(Check):
    name = "hostile-models"
    summary = "mutated model files, one a replicate: each gives a result or a clear error (p: 1 if all do, else 0)"

    def run(self, method: str, seed: int, options: Options) -> list:
        return [outcome_of_all(options.replicates, partial(_try, seed, method), ("simulated", "refused"))]
