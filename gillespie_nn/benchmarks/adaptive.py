"""COPASI's adaptive SSA/tau-leaping on a network of ours, for comparison, with its default tolerance."""

import importlib.metadata
import tempfile
import time
from pathlib import Path


def copasi_adaptive(network, volume, initial, t_end, repeats) -> dict:
    """Best time to t_end [s] from counts `initial` by name, with its version; or why there is none."""
    try:
        import basico
    except ImportError:
        return {"missing": "not installed (extra bench)"}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.xml")
        network.to_sbml(path, volume=volume, initial=initial)
        model = basico.load_model(path)
    times = []
    settings = {"method": {"name": "Stochastic (Adaptive SSA/τ-Leap)", "Max Internal Steps": 2**31 - 1}}
    try:
        basico.set_task_settings("Time-Course", settings, model=model)
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
    except Exception as error:  # a program of others may fail in any way
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    return {"seconds": min(times), "runs": len(times), "version": importlib.metadata.version("python-copasi")}
