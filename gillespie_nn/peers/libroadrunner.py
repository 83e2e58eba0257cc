"""libRoadRunner: its `gillespie` integrator, one call a replicate, because it has no call for ensembles; and CVODE.

It takes laws of SBML as propensities, as they are. The grid is one of events unless `variable_step_size` is off; the
seed has to be set, and the model reset, before each run; selections of a bare name are amounts, names in brackets
concentrations. At a point it records the state after the last event at or before it.
"""

import numpy as np

from .. import checks
from ..crn import ReactionNetwork
from .base import Job, Peer, check_grid


class LibRoadRunner(Peer):
    name = "libRoadRunner"
    modules = ("roadrunner",)
    distribution = "libroadrunner"
    install = "libroadrunner"

    def __init__(self, job: Job) -> None:
        import roadrunner

        self._model, self._job = roadrunner.RoadRunner(job.sbml()), job
        self._model.selections = ["time", *job.species]
        self._model.setIntegrator("gillespie")
        self._model.integrator.variable_step_size = False

    def run(self, n: int, seed: int) -> list:
        model, tables = self._model, []
        for k in range(n):
            model.reset()
            model.integrator.seed = 1 + seed * n + k
            tables.append(model.simulate(0, self._job.t_end, self._job.n_points).copy())
        return tables

    def counts(self, result: list) -> np.ndarray:
        tables = np.array(result)
        check_grid(self.name, tables[:, :, 0], self._job)
        return tables[:, :, 1:]


def concentrations(network: ReactionNetwork, time: np.ndarray, volume: float) -> np.ndarray:
    """Concentrations float64[point, species] by its CVODE. Raises MissingExtraError."""
    if lacking := LibRoadRunner.missing():
        raise checks.MissingExtraError(lacking)
    import roadrunner

    model = roadrunner.RoadRunner(network.to_sbml(kinetics="deterministic", volume=volume))
    model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-12, 1e-18
    model.integrator.maximum_num_steps = 10**7
    model.selections = ["time", *(f"[{s}]" for s in network.species)]
    return np.array(model.simulate(times=time.tolist()))[:, 1:]
