"""Runs that are killed by SIGKILL at random moments and resumed have the content of an uninterrupted one.

One trajectory, an ensemble and a training run, fifty times each: a process begins the run, is killed after a time drawn
by seed from those that it takes, and the run is resumed here, if there is a file yet. Not a statistical check: its
p-value is 1, or 0 if any content differs. Where the kill falls is the machine's; the content must not be.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..api import resume, simulate, train
from ..crn import ReactionNetwork
from ..simulation import METHODS
from ..storage import Run, open_run
from ..storage.save import content_digest
from .check import Check, Options, Outcome

N_KILLED = 50
_MODEL = "2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40"


def ensemble(method: str, replicates: int, output: Path) -> None:
    network = ReactionNetwork.from_text(_MODEL)
    run = simulate(network, 300.0, 3001, replicates=replicates, seed=4, method=method, output=output)
    assert isinstance(run, Run)
    run.close()


def training(method: str, output: Path) -> None:
    arguments = {"volume": 60.0, "presentations": 200, "running_time": 2.0, "checkpoint_every": 5}
    train("xor", method=method, seed=4, output=output, **arguments)


def runs(method: str) -> dict:
    """What is killed, by name: functions of the output."""
    found = {"one trajectory": partial(ensemble, method, 1), "an ensemble": partial(ensemble, method, 24)}
    kind = next(m for m in METHODS if m.name == method)
    return (
        found if kind.records_covariance or not kind.trains else found | {"a training run": partial(training, method)}
    )


def killed_and_resumed(run: Callable[[Path], object], whole: Path, path: Path, delay: float) -> str:
    """How far a run got that is killed `delay` [s] after it began: `no file`, `midway` or `ended`.

    Raises AssertionError where its content, resumed, is not that of the file `whole`."""
    ready, begin = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_begin, args=(begin, run, path))
    child.start()
    begin.close()  # so that a child that dies at its start is an EOFError here
    ready.recv()
    time.sleep(delay)
    child.kill()
    child.join()
    if not path.exists():
        run(path)
        reached = "no file"
    else:
        with open_run(path) as found:
            reached = "ended" if found.ended else "midway"
        again = resume(path)
        if hasattr(again, "close"):
            again.close()
    if content_digest(path) != content_digest(whole):
        raise AssertionError(f"killed after {delay:.4g} s ({reached}), the resumed run has different content")
    return reached


def _begin(ready: Any, run: Callable[[Path], object], path: Path) -> None:
    ready.send(True)
    run(path)


class KilledRuns(Check):
    name = "killed-runs"
    summary = f"runs killed at {N_KILLED} random times and resumed: same content (p: 1 if all, else 0)"

    def run(self, method: str, seed: int, options: Options) -> list:
        return [self._one(what, run, seed) for what, run in runs(method).items()]

    def _one(self, what: str, run: Callable[[Path], object], seed: int, n: int = N_KILLED) -> Outcome:
        rng = np.random.default_rng(seed)
        reached: list[str] = []
        failures: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole.h5"
            run(whole)  # compiles
            started = time.perf_counter()
            run(whole.with_name("timed.h5"))
            seconds = time.perf_counter() - started
            for k in range(n):
                path = Path(folder) / f"{k}.h5"
                try:
                    reached.append(killed_and_resumed(run, whole, path, rng.uniform(0.0, 1.2 * seconds)))
                except AssertionError as error:
                    failures.append(str(error))
        details: dict[str, Any] = {"killed": n, "failures": failures[:5]}
        details |= {name.replace(" ", "_"): reached.count(name) for name in ("no file", "midway", "ended")}
        note = ", ".join(f"{reached.count(name)} {name}" for name in ("no file", "midway", "ended"))
        p = float(not failures and "midway" in reached)  # kills that all came too early or too late tell nothing
        return Outcome(what, p, details, "; ".join([note, *failures[:5]]))
