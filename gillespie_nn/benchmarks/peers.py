"""Other programs' exact methods, for single runs of training networks.

Each function `prepare(path, ends)` loads an SBML file. It returns the program's version, and a function
`run(t_end, seed)`, which simulates once to one of `ends` and returns nothing. Each uses the fastest exact method of the
program and records the end point only. To add a program: a function, and its place in `PEERS`.
"""

import importlib.metadata
import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

_MANY = 1000


class LeftOut(Exception):
    """Why a program is not measured on a network."""


def copasi(path: str, ends: Sequence[float]) -> tuple[Callable[[float, int], None], str]:
    """COPASI's direct method, through basico."""
    import basico

    model = basico.load_model(path)

    def run(t_end: float, seed: int) -> None:
        settings = {"method": {"name": "Stochastic (Direct method)", "Max Internal Steps": 2**31 - 1}}
        basico.set_task_settings("Time-Course", settings, model=model)
        end = basico.run_time_course(
            start_time=0, duration=t_end, intervals=1, method="directMethod", use_numbers=True, use_seed=True,
            seed=seed, model=model,
        )  # fmt: skip
        if end.index[-1] < 0.999 * t_end:
            raise RuntimeError(f"COPASI stopped at t = {end.index[-1]} of {t_end}")

    return run, importlib.metadata.version("python-copasi")


def libroadrunner(path: str, ends: Sequence[float]) -> tuple[Callable[[float, int], None], str]:
    """libRoadRunner's `gillespie` integrator."""
    import roadrunner

    model = roadrunner.RoadRunner(path)
    model.selections = [model.model.getFloatingSpeciesIds()[0]]
    model.setIntegrator("gillespie")
    model.integrator.variable_step_size = False

    def run(t_end: float, seed: int) -> None:
        model.reset()
        model.integrator.seed = seed
        model.simulate(0, t_end, 2)

    return run, roadrunner.__version__


def bioscrape(path: str, ends: Sequence[float]) -> tuple[Callable[[float, int], None], str]:
    """bioscrape's stochastic simulator."""
    from bioscrape.random import py_seed_random
    from bioscrape.sbmlutil import import_sbml
    from bioscrape.simulator import py_simulate_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = import_sbml(path)

    def run(t_end: float, seed: int) -> None:
        py_seed_random(seed)
        py_simulate_model(np.linspace(0, t_end, 2), Model=model, stochastic=True)

    return run, importlib.metadata.version("bioscrape")


def gillespy2(path: str, ends: Sequence[float]) -> tuple[Callable[[float, int], None], str]:
    """GillesPy2's compiled SSA solver; needs a C++ compiler and SCons."""
    import gillespy2

    scons = importlib.util.find_spec("SCons")
    if scons is not None and scons.origin is not None:
        # Its build runs in the base interpreter, which does not see this environment.
        os.environ["PYTHONPATH"] = str(Path(scons.origin).parent.parent)
    model, _ = gillespy2.import_SBML(path)
    if model.listOfReactions and len(model.listOfReactions) > _MANY:
        raise LeftOut(f"skipped above {_MANY} reactions, because building its solver takes minutes")
    solvers = {}
    for end in ends:  # a compiled solver keeps the time span it was built with
        model.timespan(np.linspace(0, end, 2))
        solvers[end] = gillespy2.SSACSolver(model)

    def run(t_end: float, seed: int) -> None:
        model.timespan(np.linspace(0, t_end, 2))
        model.run(solver=solvers[t_end], seed=seed)

    return run, gillespy2.__version__


def rebop(path: str, ends: Sequence[float]) -> tuple[Callable[[float, int], None], str]:
    """rebop; it reads no SBML here, so the reactions are handed over one by one."""
    import rebop as program

    from ..crn import ReactionNetwork

    network = ReactionNetwork.from_sbml(path)
    if len(network.reactions) > _MANY:
        raise LeftOut(f"skipped above {_MANY} reactions, because a run takes minutes")
    model = program.Gillespie()
    for reaction in network.reactions:
        sides = [[s for s, n in side for _ in range(n)] for side in (reaction.reactants, reaction.products)]
        model.add_reaction(reaction.rate, *sides)
    initial = dict(network.initial)

    def run(t_end: float, seed: int) -> None:
        model.run(initial, t_end, 1, rng=seed)

    return run, importlib.metadata.version("rebop")


PEERS = (copasi, libroadrunner, bioscrape, gillespy2, rebop)
