"""Hostile models: mutated texts, SBML, Antimony and BioNetGen files end in a result or in a clear error.

Mutants are read and, if they are still models, simulated for a moment. An exception that is no `GillespieError`, a
crash of the process (the readers of SBML and Antimony are compiled code) and an input that takes longer than
`_PATIENCE` are failures. Not a statistical check: its p-value is 1, or 0 if any input failed.
"""

import faulthandler
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib import resources

import numpy as np

from ..api import simulate
from ..checks import GillespieError, InternalError
from ..crn import ReactionNetwork
from ..nn import training_network
from .base import Check, Outcome
from .methods_agree import GENERAL

_PATIENCE = 20.0
_BATCH = 50
_SHOWN = 10
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


def mutant(number, seed) -> tuple[str, str]:
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


def _number_replaced(text, start, token):
    """The first number at or behind `start`, replaced."""
    first = next((k for k in range(start, len(text)) if text[k].isdigit()), len(text))
    last = next((k for k in range(first, len(text)) if text[k] not in "0123456789.eE"), len(text))
    return text[:first] + token + text[last:]


def _try(number, seed, method):
    """`network` or `refused`; any other outcome is an exception."""
    kind, text = mutant(number, seed)
    try:
        network = _READERS[kind](text)
        simulate(network, 1.0, 3, method=method, seed=number, max_events=500)
    except InternalError:
        raise
    except GillespieError:
        return "refused"
    return "network"


def _try_all(numbers, seed, method):
    """Outcomes of a batch, in a process of its own: a list of (number, outcome)."""
    warnings.simplefilter("ignore")
    found = []
    for number in numbers:
        faulthandler.dump_traceback_later(_PATIENCE, exit=True)
        try:
            found.append((number, _try(number, seed, method)))
        except Exception as error:
            found.append((number, f"{type(error).__name__}: {error}"))
        faulthandler.cancel_dump_traceback_later()
    return found


def _silent():
    """The compiled readers print to the process's own streams."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)


def outcomes(n, seed, method) -> dict[int, str]:
    """Outcome of each of `n` mutants by number: `network`, `refused`, or what went wrong."""
    found = {}
    batches = [range(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH)]
    while batches:
        broken = []
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), _silent) as pool:
            futures = [(batch, pool.submit(_try_all, batch, seed, method)) for batch in batches]
            for batch, future in futures:
                try:
                    found.update(future.result())
                except BrokenProcessPool:
                    broken.append(batch)
        if len(broken) == len(batches) and all(len(batch) == 1 for batch in broken):
            found.update((batch[0], "the process crashed or hung") for batch in broken)
            break
        # One bad input breaks the pool for all batches: those are tried again, the ones in question input by input.
        batches = broken if len(broken) < len(batches) else [range(k, k + 1) for batch in broken for k in batch]
    return found


class HostileModels(Check):
    name = "hostile-models"
    summary = "as many mutated model texts and files as replicates: each a result or a clear error (p: 1 all, 0 not)"

    def run(self, method, seed, options):
        found = outcomes(options.replicates, seed, method)
        failures = {k: v for k, v in sorted(found.items()) if v not in ("network", "refused")}
        kinds = list(found.values())
        details = {
            "inputs": len(found),
            "simulated": kinds.count("network"),
            "refused": kinds.count("refused"),
            "failures": {str(k): v for k, v in list(failures.items())[:_SHOWN]},
        }
        note = f"{details['simulated']} simulated, {details['refused']} refused"
        note += "".join(f"; {k}: {v}" for k, v in details["failures"].items())
        p = float(not failures and len(found) == options.replicates)
        return [Outcome(f"{len(found)} mutants", p, details, note)]
