"""libRoadRunner's `gillespie` integrator, one call a replicate: it has no call for ensembles. The grid is one of time
because `variable_step_size` is off; the model is reset and the seed set before each run, as it asks for."""

import numpy as np

from .base import N_POINTS, Job, Peer


class LibRoadRunner(Peer):
    name = "libRoadRunner"
    modules = ("roadrunner",)
    distribution = "libroadrunner"
    install = "libroadrunner"

    def __init__(self, job: Job) -> None:
        import roadrunner

        self._model = roadrunner.RoadRunner(job.network.to_sbml())
        self._model.selections = list(job.species)  # a bare name is a number of molecules
        self._model.setIntegrator("gillespie")
        self._model.integrator.variable_step_size = False
        self._t_end = job.t_end

    def run(self, n: int, seed: int) -> list:
        model, found = self._model, []
        for k in range(n):
            model.reset()
            model.integrator.seed = 1 + seed * n + k
            found.append(model.simulate(0, self._t_end, N_POINTS).copy())
        return found

    def counts(self, result: list) -> np.ndarray:
        return np.array(result)
