"""Runs that are killed by SIGKILL at random times and resumed must have the content of an uninterrupted run.

This is tried with one trajectory, an ensemble and a training run. A process begins the run and is killed after a time
drawn by seed from the running time. If there is a file by then, the run is resumed from it; otherwise it starts again.
The machine decides which line the kill hits; the content must not depend on it.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gillespie_nn.api import resume, simulate, train
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.simulation import METHODS
from gillespie_nn.storage import Run, open_run
from gillespie_nn.storage.export import content_digest
from robustness.attempts import Report

STAGES = ("no file", "midway", "ended")
"""How far a run got before it was killed."""
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
    """The runs to kill, by name: functions of the path of the output."""
    result = {"one trajectory": partial(ensemble, method, 1), "an ensemble": partial(ensemble, method, 24)}
    kind = next(m for m in METHODS if m.name == method)
    return (
        result if kind.records_covariance or not kind.trains else result | {"a training run": partial(training, method)}
    )


def killed_and_resumed(run: Callable[[Path], object], whole: Path, path: Path, delay: float) -> str:
    """Kill a run `delay` [s] after it began and resume it; returns how far it got, one of `STAGES`.

    Raises AssertionError if the content of the resumed run is not that of the file `whole`."""
    ready, begin = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_begin, args=(begin, run, path))
    child.start()
    begin.close()  # then `recv` raises EOFError if the child dies at its start
    ready.recv()
    time.sleep(delay)
    child.kill()
    child.join()
    if not path.exists():
        run(path)
        reached = "no file"
    else:
        with open_run(path) as file:
            reached = "ended" if file.ended else "midway"
        again = resume(path)
        if hasattr(again, "close"):
            again.close()
    if content_digest(path) != content_digest(whole):
        raise AssertionError(f"killed after {delay:.4g} s ({reached}), the resumed run has different content")
    return reached


def _begin(ready: Any, run: Callable[[Path], object], path: Path) -> None:
    ready.send(True)
    run(path)


def run(method: str, seed: int, n: int) -> Iterator[Report]:
    """A report for each kind of run of `method`, of `n` killed and resumed runs each."""
    for what, begin in runs(method).items():
        yield report_of_run(what, begin, seed, n)


def report_of_run(what: str, begin: Callable[[Path], object], seed: int, n: int) -> Report:
    """A report of `n` kills. One must hit a run midway: kills that all come too early or too late show nothing."""
    rng = np.random.default_rng(seed)
    reached: list[str] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.h5"
        begin(whole)  # compiles, so that the next run shows the time without compilation
        started = time.perf_counter()
        begin(whole.with_name("timed.h5"))
        seconds = time.perf_counter() - started
        for k in range(n):
            path = Path(folder) / f"{k}.h5"
            try:
                reached.append(killed_and_resumed(begin, whole, path, rng.uniform(0.0, 1.2 * seconds)))
            except AssertionError as error:
                failures.append(str(error))
    return Report(what, {stage: reached.count(stage) for stage in STAGES}, failures, ("midway",))
