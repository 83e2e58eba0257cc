"""Many attempts that may crash the process or hang, in processes of their own."""

import faulthandler
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

_PATIENCE = 20.0
_BATCH = 50


def outcomes(n, attempt) -> dict[int, str]:
    """Outcome of each of `n` attempts by number: the text `attempt(number)` (which can be pickled), or what went wrong:
    an exception, a crash, or an attempt that takes longer than 20 s."""
    found = {}
    batches = [range(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH)]
    while batches:
        broken = []
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), _silent) as pool:
            futures = [(batch, pool.submit(_try_all, batch, attempt)) for batch in batches]
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


def _try_all(numbers, attempt):
    """Outcomes of a batch, in a process of its own: a list of (number, outcome)."""
    warnings.simplefilter("ignore")
    found = []
    for number in numbers:
        faulthandler.dump_traceback_later(_PATIENCE, exit=True)
        try:
            found.append((number, attempt(number)))
        except Exception as error:
            found.append((number, f"{type(error).__name__}: {error}"))
        faulthandler.cancel_dump_traceback_later()
    return found


def _silent():
    """Compiled libraries print to the process's own streams."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
