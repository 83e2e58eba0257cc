"""COPASI's direct method through basico: its scan task repeats the time course and fills one table.

The model uses COPASI's mass action, which is faster there than laws read from SBML. COPASI draws the seeds itself.
"""

import logging
from typing import Any

import numpy as np

from .base import N_POINTS, Job, Peer

_REPRESSION = "gillespie_nn_repression"

_SCANNED = 100
"""Runs of a scan. One scan of 10,000 runs took 2.5 times as long a run: basico collects the table in Python lists."""


class Copasi(Peer):
    name = "COPASI"
    modules = ("basico",)
    distribution = "python-copasi"
    install = "copasi-basico"

    def __init__(self, job: Job) -> None:
        import basico

        self._program = basico
        logging.getLogger("basico").setLevel(logging.CRITICAL)  # it reports a function that it knows already
        self._model = model = basico.new_model(name="everyday", quantity_unit="#", volume_unit="1", time_unit="1")
        for species, count in job.initial.items():
            basico.add_species(species, initial_concentration=count, model=model)
        for channel in job.channels:
            self._add(channel)
        self._columns = ["Time", *(f"{s}.ParticleNumber" for s in job.species)]
        basico.set_task_settings(
            "Time-Course",
            {
                "problem": {
                    "AutomaticStepSize": False, "StepNumber": N_POINTS - 1, "Duration": job.t_end,
                    "TimeSeriesRequested": False,
                },
                "method": {"name": "Stochastic (Direct method)", "Max Internal Steps": 2**31 - 1},
            },
            model=model,
        )  # fmt: skip

    def _add(self, channel: Any) -> None:
        basico, model, name = self._program, self._model, channel.name
        scheme = f"{' + '.join(channel.left())} -> {' + '.join(channel.right())}"
        h = channel.hill
        if h is None:
            basico.add_reaction(name, scheme, model=model)
            parameter = "k1" if channel.reactants else "v"  # of mass action, and of a constant flux
            basico.set_reaction_parameters(f"({name}).{parameter}", value=channel.k, model=model)
            return
        basico.add_function(_REPRESSION, "k / (1 + (R / K)^n)", mapping={"R": "modifier"})
        basico.add_reaction(name, f"{scheme}; {h.repressor}", function=_REPRESSION, model=model)
        for parameter, value in (("k", h.k), ("K", h.half), ("n", h.power)):
            basico.set_reaction_parameters(f"({name}).{parameter}", value=value, model=model)

    def run(self, n: int, seed: int) -> list:
        return [self._scan(min(_SCANNED, n - first)) for first in range(0, n, _SCANNED)]

    def _scan(self, n: int) -> Any:
        self._program.set_scan_settings(
            scan_items=[{"type": "repeat", "num_steps": n}], subtask="Time-Course", output_during_subtask=True,
            model=self._model,
        )  # fmt: skip
        return self._program.run_scan(output=self._columns, model=self._model)

    def counts(self, result: list) -> np.ndarray:
        tables = [table[self._columns].to_numpy().reshape(-1, N_POINTS, len(self._columns)) for table in result]
        return np.concatenate(tables)[:, :, 1:]

    def close(self) -> None:
        self._program.remove_datamodel(self._model)
