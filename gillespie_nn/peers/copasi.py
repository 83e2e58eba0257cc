"""COPASI through basico. For ensembles its scan task repeats the time course and fills one table.

COPASI (4.48) takes every law for a deterministic rate, and multiplies that of a reaction with N molecules of a reactant
of multiplicity m by (1 - 1 / N) ... (1 - (m - 1) / N), whatever the law is. A law that is the propensity already,
k A (A - 1) of `2 A -> B`, would become k (A - 1)^2: half as fast at A = 2, and on the training network means of
activations 4 % too large. So the documents that it gets have deterministic laws: k A^2 with k as a parameter, which it
takes for its own mass action, the fastest that it has; other laws are divided by that factor.

`Max Internal Steps` is 10**6 unless set, and a run beyond it ends early; seeds must fit a signed 32-bit integer;
without `use_numbers` and substance units `item` it returns concentrations in its own units; species are in its own
order, and those that no reaction changes are left out.
"""

from collections import Counter
from typing import Any, ClassVar

import numpy as np

from .. import checks
from .peer import Job, Peer, check_grid

_SCANNED = 100
"""Runs of a scan. One scan of 10,000 runs took 2.5 times as long a run: basico collects the table in Python lists."""


class Copasi(Peer):
    name = "COPASI"
    modules = ("basico",)
    distribution = "python-copasi"
    install = "copasi-basico"
    method: ClassVar[tuple[str, str]] = ("Stochastic (Direct method)", "directMethod")
    """The name of the method in COPASI and in basico."""

    def __init__(self, job: Job) -> None:
        import basico

        self._program, self._job = basico, job
        self._model = basico.load_model_from_string(document(job))
        self._columns = ["Time", *(f"{s}.ParticleNumber" for s in job.species)]
        problem = {
            "AutomaticStepSize": False, "StepNumber": job.n_points - 1, "Duration": job.t_end,
            "TimeSeriesRequested": False,
        }  # fmt: skip
        method = {"name": self.method[0], "Max Internal Steps": 2**31 - 1}
        basico.set_task_settings("Time-Course", {"problem": problem, "method": method}, model=self._model)

    def run(self, n: int, seed: int) -> list:
        """A scan has no seeds: COPASI draws them itself."""
        return [self._scan(min(_SCANNED, n - first)) for first in range(0, n, _SCANNED)]

    def _scan(self, n: int) -> Any:
        self._program.set_scan_settings(
            scan_items=[{"type": "repeat", "num_steps": n}], subtask="Time-Course", output_during_subtask=True,
            model=self._model,
        )  # fmt: skip
        return self._program.run_scan(output=self._columns, model=self._model)

    def one(self, seed: int) -> list:
        table = self._program.run_time_course(
            start_time=0, duration=self._job.t_end, intervals=self._job.n_points - 1, method=self.method[1],
            use_numbers=True, use_seed=True, seed=seed, use_sbml_id=True, model=self._model,
        )  # fmt: skip
        if table.index[-1] < (1 - 1e-9) * self._job.t_end:
            raise RuntimeError(f"{self.name} stopped at t = {table.index[-1]:g} of {self._job.t_end:g}")
        return [table]

    def counts(self, result: list) -> np.ndarray:
        rows = np.concatenate([self._rows(table) for table in result])
        rows = rows.reshape(-1, self._job.n_points, len(self._columns))
        check_grid(self.name, rows[:, :, 0], self._job)
        return rows[:, :, 1:]

    def _rows(self, table: Any) -> np.ndarray:
        """Time and counts, float64[row, 1 + species], of a scan or of one time course."""
        if self._columns[0] in table:
            return table[self._columns].to_numpy()
        start = self._job.start()
        fixed = (table[s].to_numpy() if s in table else np.full(len(table), start[s]) for s in self._job.species)
        return np.column_stack([table.index.to_numpy(), *fixed])

    def close(self) -> None:
        self._program.remove_datamodel(self._model)


class CopasiAdaptive(Copasi):
    """Its switch between exact steps and tau-leaps, with its default tolerance."""

    name = "COPASI, adaptive SSA/tau"
    method = ("Stochastic (Adaptive SSA/τ-Leap)", "adaptivesa")


def document(job: Job) -> str:
    """The SBML of which COPASI simulates what `job` says."""
    reactions = job.network.reactions
    if job.document or any(r.threshold is not None or (r.law is not None and r.order > 1) for r in reactions):
        return divided(job.sbml())
    sbml = checks.optional("libsbml", "sbml", "comparing with COPASI")
    text = job.network.to_sbml(kinetics="deterministic", volume=job.volume, initial=dict(job.initial))
    parsed = sbml.readSBMLFromString(text)
    compartment = parsed.getModel().getCompartment(0).getId()
    for reaction, entry in zip(reactions, parsed.getModel().getListOfReactions(), strict=True):
        if reaction.law is not None:
            continue
        law = entry.getKineticLaw()
        constant = law.createLocalParameter()
        constant.setId(_CONSTANT)
        constant.setValue(reaction.rate)
        powers = [s if m == 1 else f"{s}^{m}" for s, m in reaction.reactants]
        law.setMath(sbml.parseL3Formula(" * ".join([compartment, _CONSTANT, *powers])))
    return sbml.writeSBMLToString(parsed)


_CONSTANT = "k_of_mass_action"


def divided(text: str) -> str:
    """The SBML document `text`, its laws divided by the factor that COPASI puts in."""
    sbml = checks.optional("libsbml", "sbml", "comparing with COPASI")
    parsed = sbml.readSBMLFromString(text)
    for reaction in parsed.getModel().getListOfReactions():
        multiplicity: Counter[str] = Counter()
        for reference in reaction.getListOfReactants():
            multiplicity[reference.getSpecies()] += round(reference.getStoichiometry())
        law = sbml.formulaToL3String(reaction.getKineticLaw().getMath())
        for s, m in multiplicity.items():
            factor = "".join(f" * {s} / ({s} - {k})" for k in range(1, m))
            law = f"piecewise(({law}){factor}, {s} >= {m}, 0)" if m > 1 else law
        if max(multiplicity.values(), default=0) > 1:
            reaction.getKineticLaw().setMath(sbml.parseL3Formula(law))
    return sbml.writeSBMLToString(parsed)
