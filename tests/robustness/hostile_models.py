"""Hostile models: mutated models of every format must end in a result or in a clear error.

Each mutant is read and, if it is still a model, simulated for a short time. Three things are failures: an exception
that is not a `GillespieError`, a crash of the process (the readers of SBML and Antimony are compiled code), and an
input that takes too long.
"""

import warnings
from collections.abc import Iterator
from functools import cache, partial

import numpy as np

from gillespie_nn.api import simulate
from gillespie_nn.checks import GillespieError, InternalError
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.crn.formats import FORMATS, format_named
from gillespie_nn.nn import training_network
from gillespie_nn.verification.exact_laws import GENERAL
from robustness.attempts import Report, report_of

_TOKENS = (
    "1e308", "-1", "0", "1e999", "nan", "9" * 40, "", "()", "(" * 300, "-" * 300, "^" * 40, "&&", "\x00", "piecewise(",
    "time", "A", "1/0", "\n", "=", "2147483648", "\u00e9", "delay(A, 1)", "0.5", "\ufeff", "\r\n", "pi", "volume",
    "1" * 5000 + ".e", "A + " * 300, " " * 5000,
)  # fmt: skip
"""Pieces that are inserted into texts of every format."""


@cache
def corpus() -> tuple[tuple[str, str], ...]:
    """Models to start from, as (name of the format, text): examples of each format, and networks written in it."""
    networks = (ReactionNetwork.from_text(GENERAL), training_network((1, 1, 1)).network)
    models = []
    for form in FORMATS:
        written = [form.write(network) for network in networks] if form.write is not None else []
        models += [(form.name, text) for text in (*form.examples(), *written)]
    return tuple(models)


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
    """`text` with its first number at or after `start` replaced by `token`."""
    first = next((k for k in range(start, len(text)) if text[k].isdigit()), len(text))
    last = next((k for k in range(first, len(text)) if text[k] not in "0123456789.eE"), len(text))
    return text[:first] + token + text[last:]


def attempt(seed: int, method: str, number: int) -> str:
    """Read and simulate mutant `number`; `simulated` or `refused`. Everything else raises an exception."""
    return _simulated(*mutant(number, seed), method, number)


def _simulated(name: str, text: str, method: str, seed: int) -> str:
    try:
        network = ReactionNetwork.from_parts(format_named(name).read(text))
        simulate(network, 1.0, 3, method=method, seed=seed, max_events=500)
    except InternalError:
        raise
    except GillespieError:
        return "refused"
    return "simulated"


def run(method: str, seed: int, n: int) -> Iterator[Report]:
    """A report of `n` mutants."""
    # Kernels that are not in the cache are compiled here, since the time limit of an attempt does not allow for it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in corpus():
            _simulated(*model, method, seed)
    yield report_of(f"{n} models", n, partial(attempt, seed, method), ("simulated", "refused"))
