"""COPASI's adaptive SSA/tau-leaping on one of our networks, with its default tolerance.

It runs in a separate process with a time limit, because COPASI may take hours to load models of thousands of reactions.
"""

import importlib.metadata
import importlib.util
import multiprocessing
import queue
import tempfile
import time
from pathlib import Path
from typing import Any

from ..crn import ReactionNetwork

PATIENCE = 300.0
"""Seconds to wait for an answer, loading included."""


def copasi_adaptive(
    network: ReactionNetwork,
    volume: float,
    initial: dict[str, int],
    t_end: float,
    repeats: int,
    patience: float = PATIENCE,
) -> dict:
    """Best time to t_end [s] from counts `initial` by name, with its version; or why there is none."""
    if importlib.util.find_spec("basico") is None:
        return {"missing": "not installed (extra bench)"}
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.xml")
        network.to_sbml(path, volume=volume, initial=initial)
        process = context.Process(target=_answer, args=(answers, path, t_end, repeats), daemon=True)
        process.start()
        try:
            return answers.get(timeout=patience)
        except queue.Empty:
            return {"failed": f"no answer after {patience:g} s, loading included"}
        finally:
            process.kill()
            process.join()


def _answer(answers: Any, path: str, t_end: float, repeats: int) -> None:
    try:
        answers.put(_run(path, t_end, repeats))
    except Exception as error:  # a program of others may fail in any way
        answers.put({"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"})


def _run(path: str, t_end: float, repeats: int) -> dict:
    import basico

    model = basico.load_model(path)
    settings = {"method": {"name": "Stochastic (Adaptive SSA/τ-Leap)", "Max Internal Steps": 2**31 - 1}}
    basico.set_task_settings("Time-Course", settings, model=model)
    times = []
    for seed in range(1, repeats + 1):
        started = time.perf_counter()
        end = basico.run_time_course(
            start_time=0, duration=t_end, intervals=1, method="adaptivesa", use_numbers=True, use_seed=True,
            seed=seed, model=model,
        )  # fmt: skip
        times.append(time.perf_counter() - started)
        if end.index[-1] < 0.999 * t_end:
            return {"failed": f"stopped at t = {end.index[-1]:g} of {t_end:g} s"}
        if times[0] > 30.0:
            break
    return {"seconds": min(times), "runs": len(times), "version": importlib.metadata.version("python-copasi")}
