"""Other programs' exact methods for `peers`: `run(document, end, n_points, seeds)` simulates an SBML document once for
each seed and returns counts int64[run, point, species] at linspace(0, end, n_points), and {species: position}.

What has to be seen to, so that a program simulates what is meant and what it returns is what is read:

COPASI, through basico: it takes every law for a deterministic rate, and multiplies that of a reaction with N molecules
of a reactant of multiplicity m by (1 - 1 / N) ... (1 - (m - 1) / N), whatever the law is. A law that is the propensity
already, k * A * (A - 1) of `2 A -> B`, becomes k * (A - 1)^2: half as fast at A = 2, and on the training network means
of activations 4 % too large (COPASI 4.48). So its document gets such laws divided by that factor, and only its own.
`Max Internal Steps` is 10**6 unless set, and a run beyond it ends early; seeds must fit a signed 32-bit integer;
without `use_numbers` and substance units `item` it returns concentrations in its own units; species are in its own
order, and those that no reaction changes are left out.

libRoadRunner: the grid is one of events unless `variable_step_size` is off; the seed has to be set, and the model
reset, before each run; selections of a bare name are amounts, names in brackets concentrations.

Both hold at a point the state after the last event at or before it. The case `immigration-death` of `peers` has events
rarer than points, so that recording the next event instead would show.
"""

from collections import Counter

import numpy as np

from .. import checks

_EXTRA = "bench"


def copasi(document: str, end: float, n_points: int, seeds: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """COPASI's direct method."""
    basico = checks.optional("basico", _EXTRA, "comparing with COPASI")
    model = basico.load_model_from_string(for_copasi(document))
    try:
        settings = {"method": {"name": "Stochastic (Direct method)", "Max Internal Steps": 2**31 - 1}}
        basico.set_task_settings("Time-Course", settings, model=model)
        found = []
        for seed in seeds:
            table = basico.run_time_course(
                start_time=0, duration=end, intervals=n_points - 1, method="directMethod", use_numbers=True,
                use_seed=True, seed=int(seed), use_sbml_id=True, model=model,
            )  # fmt: skip
            _check_grid("COPASI", table.index.to_numpy(), end, n_points)
            found.append(table.to_numpy())
    finally:
        basico.remove_datamodel(model)
    return _whole("COPASI", found), {name: k for k, name in enumerate(table.columns)}


def for_copasi(document: str) -> str:
    """The SBML of which COPASI simulates what `document` says: laws divided by the factor that it puts in."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    parsed = sbml.readSBMLFromString(document)
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


def libroadrunner(document: str, end: float, n_points: int, seeds: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """libRoadRunner's `gillespie` integrator."""
    roadrunner = checks.optional("roadrunner", _EXTRA, "comparing with libRoadRunner")
    model = roadrunner.RoadRunner(document)
    names = list(model.model.getFloatingSpeciesIds())
    model.selections = ["time", *names]
    model.setIntegrator("gillespie")
    model.integrator.variable_step_size = False
    found = []
    for seed in seeds:
        model.reset()
        model.integrator.seed = int(seed)
        table = np.array(model.simulate(0, end, n_points))
        _check_grid("libRoadRunner", table[:, 0], end, n_points)
        found.append(table[:, 1:])
    return _whole("libRoadRunner", found), {name: k for k, name in enumerate(names)}


PROGRAMS = {"COPASI": copasi, "libRoadRunner": libroadrunner}


def _check_grid(program: str, time: np.ndarray, end: float, n_points: int) -> None:
    if len(time) != n_points or not np.allclose(time, np.linspace(0.0, end, n_points), rtol=1e-9, atol=1e-9 * end):
        raise RuntimeError(
            f"{program} recorded {len(time)} points to t = {time[-1]:g} instead of {n_points} to {end:g}"
        )


def _whole(program: str, tables: list) -> np.ndarray:
    """Counts as int64; a program that returns anything but whole numbers simulated something else."""
    values = np.array(tables)
    counts = np.rint(values)
    if not np.allclose(values, counts, rtol=0.0, atol=1e-6):
        raise RuntimeError(f"{program} returned amounts that are not whole numbers of molecules")
    return counts.astype(np.int64)
