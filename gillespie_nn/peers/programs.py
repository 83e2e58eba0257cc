"""The programs that simulate networks, each with its settings, its convention for like reactants, and its results."""

import importlib.util
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from .peer import Channel, Job, Peer, check_grid, in_order

# COPASI through basico. For ensembles its scan task repeats the time course and fills one table.
#
# COPASI (4.48) treats every law as a deterministic rate. For a reactant of multiplicity m with N molecules it
# multiplies the law by (1 - 1 / N) ... (1 - (m - 1) / N), whatever the law is. A law that already is the propensity, k
# A (A - 1) of `2 A -> B`, would become k (A - 1)^2: half as fast at A = 2, and means of activations of a training
# network 4 % too large. So COPASI gets documents with deterministic laws. k A^2 with a parameter k is its mass action,
# which it simulates fastest; other laws are divided by that factor.
#
# `Max Internal Steps` is 10**6 by default, and a longer run ends early. Seeds must fit a signed 32-bit integer. Without
# `use_numbers` and substance units `item` it returns concentrations. It orders the species, and leaves out those that
# no reaction changes.

_SCANNED = 100
"""Runs of a scan. In one scan of 10,000 runs a run took 2.5 times as long: basico collects the table in Python
lists."""
_CONSTANT = "k_of_mass_action"
"""Identifier of the parameter k in a law."""


class Copasi(Peer):
    """COPASI with the direct method."""

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
        if len(rows) % self._job.n_points:
            raise RuntimeError(f"{self.name} recorded {len(rows)} points, not {self._job.n_points} in each run")
        rows = rows.reshape(-1, self._job.n_points, len(self._columns))
        check_grid(self.name, rows[:, :, 0], self._job)
        return rows[:, :, 1:]

    def _rows(self, table: Any) -> np.ndarray:
        """Time and counts, float64[row, 1 + species], of a scan or of one time course."""
        if self._columns[0] in table:
            return table[self._columns].to_numpy()
        # The table lacks species that no reaction changes: they stay at their initial counts.
        start = self._job.start()
        fixed = (table[s].to_numpy() if s in table else np.full(len(table), start[s]) for s in self._job.species)
        return np.column_stack([table.index.to_numpy(), *fixed])

    def close(self) -> None:
        self._program.remove_datamodel(self._model)


class CopasiAdaptive(Copasi):
    """COPASI with the method that switches between exact steps and tau-leaps, at its default tolerance."""

    name = "COPASI, adaptive SSA/tau"
    method = ("Stochastic (Adaptive SSA/τ-Leap)", "adaptivesa")


def document(job: Job) -> str:
    """SBML for which COPASI has the propensities of `job`."""
    reactions = job.network.reactions
    # These laws stay propensities, divided by the factor of COPASI.
    if job.document or any(r.threshold is not None or (r.law is not None and r.order > 1) for r in reactions):
        return divided(job.sbml())
    sbml = checks.optional("libsbml", "sbml", "comparing with COPASI")
    text = job.network.to_sbml(kinetics="deterministic", volume=job.volume, initial=dict(job.initial))
    parsed = sbml.readSBMLFromString(text)
    compartment = parsed.getModel().getCompartment(0).getId()
    for reaction, entry in zip(reactions, parsed.getModel().getListOfReactions(), strict=True):
        if reaction.law is not None:
            continue
        # With k as a parameter COPASI recognises the law as mass action.
        law = entry.getKineticLaw()
        constant = law.createLocalParameter()
        constant.setId(_CONSTANT)
        constant.setValue(reaction.rate)
        powers = [s if m == 1 else f"{s}^{m}" for s, m in reaction.reactants]
        law.setMath(sbml.parseL3Formula(" * ".join([compartment, _CONSTANT, *powers])))
    return sbml.writeSBMLToString(parsed)


def divided(text: str) -> str:
    """The SBML document `text`, whose laws are propensities in counts, with laws divided by the factor that COPASI
    multiplies them by. Raises InputError for a reaction of several like molecules without a law, or with reactants in
    concentrations."""
    sbml = checks.optional("libsbml", "sbml", "comparing with COPASI")
    parsed = sbml.readSBMLFromString(text)
    for reaction in parsed.getModel().getListOfReactions():
        multiplicity: Counter[str] = Counter()
        for reference in reaction.getListOfReactants():
            multiplicity[reference.getSpecies()] += round(reference.getStoichiometry())
        law = sbml.formulaToL3String(reaction.getKineticLaw().getMath())
        if max(multiplicity.values(), default=0) > 1:
            _check_law_in_counts(parsed.getModel(), reaction)
        for s, m in multiplicity.items():
            factor = "".join(f" * {s} / ({s} - {k})" for k in range(1, m))
            # Below m molecules the factor may divide by 0; the reaction cannot fire there.
            law = f"piecewise(({law}){factor}, {s} >= {m}, 0)" if m > 1 else law
        if max(multiplicity.values(), default=0) > 1:
            reaction.getKineticLaw().setMath(sbml.parseL3Formula(law))
    return sbml.writeSBMLToString(parsed)


def _check_law_in_counts(model: Any, reaction: Any) -> None:
    if not reaction.isSetKineticLaw():
        raise InputError(f"reaction {reaction.getId()} has no kinetic law: give it one")
    for reference in reaction.getListOfReactants():
        if not model.getSpecies(reference.getSpecies()).getHasOnlySubstanceUnits():
            raise InputError(
                f"species {reference.getSpecies()} is a concentration in the law of {reaction.getId()}, but COPASI "
                "gets laws in numbers of molecules here: set hasOnlySubstanceUnits"
            )


# bioscrape, with one interface for all replicates, as its documentation recommends for repeated simulations, and its
# simulator class, which makes no table of pandas for each run. Its mass action is k A (A - 1), as here.

_MOST_MASS_ACTION = 2
"""Reacting molecules. With more, its mass action took 3.5 times as long as the same law as a general expression."""


class Bioscrape(Peer):
    """bioscrape with the direct method."""

    name = "bioscrape"
    modules = ("bioscrape",)
    distribution = "bioscrape"
    install = "bioscrape"

    def __init__(self, job: Job) -> None:
        from bioscrape.random import py_seed_random
        from bioscrape.simulator import ModelCSimInterface, SSASimulator
        from bioscrape.types import Model

        reactions = [(c.left(), c.right(), *_propensity(c)) for c in job.channels()]
        self._model = Model(species=list(job.species), reactions=reactions, initial_condition_dict=job.start())
        self._interface = ModelCSimInterface(self._model)
        self._interface.py_set_initial_time(0.0)
        self._simulator, self._seed = SSASimulator(), py_seed_random
        self._grid = job.grid
        self._order = in_order(self._model.get_species_list(), job.species)

    def run(self, n: int, seed: int) -> list:
        # Seed 0 would draw a seed from the clock.
        self._seed(seed + 1)
        return [self._simulator.py_simulate(self._interface, self._grid) for _ in range(n)]

    def counts(self, result: list) -> np.ndarray:
        return np.array([run.py_get_result() for run in result])[:, :, self._order]


def _propensity(channel: Channel) -> tuple[str, dict]:
    h = channel.hill
    if h is None and len(channel.left()) > _MOST_MASS_ACTION:
        return "general", {"rate": channel.formula()}
    if h is None:
        return "massaction", {"k": channel.k}
    return "hillnegative", {"k": h.k, "s1": h.repressor, "K": h.half, "n": h.power}


# rebop, with one call for each replicate, since it has none for ensembles. Its mass action counts ordered tuples, as
# here.
#
# `Gillespie.run`, the documented call, makes an xarray dataset of each run, which takes longer than the simulation. The
# compiled call inside it is not documented; it is measured under another name.


class Rebop(Peer):
    """rebop by its documented call."""

    name = "rebop"
    modules = ("rebop",)
    distribution = "rebop"
    install = "rebop"
    most_reactions = 1000

    def __init__(self, job: Job) -> None:
        import rebop

        self._model = rebop.Gillespie()
        for c in job.channels():
            self._model.add_reaction(c.k if c.hill is None else c.formula(), c.left(), c.right())
        self._initial, self._t_end, self._species = job.start(), job.t_end, job.species
        self._n_steps = job.n_points - 1

    def run(self, n: int, seed: int) -> list:
        first = seed * n
        return [self._model.run(self._initial, self._t_end, self._n_steps, rng=first + k) for k in range(n)]

    def counts(self, result: list) -> np.ndarray:
        return np.array([np.stack([run[s].values for s in self._species], axis=-1) for run in result])


class RebopInside(Rebop):
    """rebop by the compiled call inside the documented one."""

    name = "rebop (inside)"
    documented = False
    ensembles_only = True

    def run(self, n: int, seed: int) -> list:
        inside: Any = self._model.gillespie
        inside.set_init(self._initial)
        first, points = seed * n, self._n_steps
        return [
            inside.run(self._t_end, points, params={}, seed=first + k, sparse=None, var_names=None)[1] for k in range(n)
        ]

    def counts(self, result: list) -> np.ndarray:
        return np.array([np.stack([run[s] for s in self._species], axis=-1) for run in result])


# GillesPy2 with its SSA solver in C++, compiled beforehand. One call simulates all replicates. It needs a C++ compiler.
#
# Its mass action of one or two molecules is k A (A - 1), as here. It has none for more.

_MOST_IN_GILLESPY2 = 2
"""Reacting molecules in its mass action, at most."""


class GillesPy2(Peer):
    """GillesPy2 with its SSA solver in C++."""

    name = "GillesPy2"
    modules = ("gillespy2", "SCons")
    distribution = "gillespy2"
    install = "gillespy2 scons"
    most_reactions = 1000

    def __init__(self, job: Job) -> None:
        import gillespy2

        self._model = model = gillespy2.Model(name="model")
        for s, n in job.start().items():
            model.add_species(gillespy2.Species(name=s, initial_value=n, mode="discrete"))
        for c in job.channels():
            model.add_parameter(gillespy2.Parameter(name=f"k_{c.name}", expression=c.k))
            model.add_reaction(
                gillespy2.Reaction(name=c.name, reactants=dict(c.reactants), products=dict(c.products), **_rate(c))
            )
        model.timespan(job.grid)
        with _scons_on_path():
            self._solver = gillespy2.SSACSolver(model)
        self._species = job.species

    def run(self, n: int, seed: int) -> Any:
        return self._model.run(solver=self._solver, number_of_trajectories=n, seed=seed + 1)

    def counts(self, result: Any) -> np.ndarray:
        runs = [result] if hasattr(result, "keys") else result
        return np.stack([np.stack([run[s] for s in self._species], axis=-1) for run in runs])


def _rate(channel: Channel) -> dict[str, str]:
    if channel.hill is None and len(channel.left()) <= _MOST_IN_GILLESPY2:
        return {"rate": f"k_{channel.name}"}
    return {"propensity_function": channel.formula("**")}


@contextmanager
def _scons_on_path() -> Iterator[None]:
    """Set PYTHONPATH for the build: it runs in the base interpreter, which cannot import SCons of this environment."""
    before, scons = os.environ.get("PYTHONPATH"), importlib.util.find_spec("SCons")
    assert scons is not None and scons.origin is not None
    os.environ["PYTHONPATH"] = str(Path(scons.origin).parent.parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


# libRoadRunner: its `gillespie` integrator, with one call for each replicate, since it has none for ensembles; and
# CVODE.
#
# It uses laws of SBML unchanged as propensities. It records at every event unless `variable_step_size` is off. The
# model must be reset and the seed set before each run. Selections are amounts for a bare name, concentrations for a
# name in brackets. At a point it records the state after the last event up to that time.


class LibRoadRunner(Peer):
    """libRoadRunner with its integrator `gillespie`."""

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
    """Concentrations float64[point, species] at `time` [s] by CVODE of libRoadRunner. Raises MissingExtraError without
    it."""
    if lacking := LibRoadRunner.missing():
        raise checks.MissingExtraError(lacking)
    import roadrunner

    model = roadrunner.RoadRunner(network.to_sbml(kinetics="deterministic", volume=volume))
    model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-12, 1e-18
    model.integrator.maximum_num_steps = 10**7
    model.selections = ["time", *(f"[{s}]" for s in network.species)]
    return np.array(model.simulate(times=time.tolist()))[:, 1:]


# crn-jax on the CPU: its vectorised simulator of ensembles, compiled beforehand for the number of replicates.


class CrnJax(Peer):
    """crn-jax with its vectorised simulator."""

    name = "crn-jax"
    modules = ("crn_jax", "jax")
    distribution = "crn-jax"
    install = "crn-jax"
    ensembles_only = True

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp
        from crn_jax.models import make_apply_reaction
        from crn_jax.models._common import make_vmap_simulator

        channels, start, n_steps = job.channels(), job.start(), job.n_points - 1
        index = {s: i for i, s in enumerate(job.species)}

        def propensity(c: Any, x: Any) -> Any:
            if c.hill is not None:
                return c.hill.k / (1.0 + (x[index[c.hill.repressor]] / c.hill.half) ** c.hill.power)
            value = jnp.asarray(c.k)
            for s, m in c.reactants:
                for j in range(m):
                    value = value * (x[index[s]] - j)
            return value

        changes = np.zeros((len(channels), len(job.species)))
        for row, c in zip(changes, channels):
            for s, m in c.products:
                row[index[s]] += m
            for s, m in c.reactants:
                row[index[s]] -= m
        self._jax = jax
        self._simulate = make_vmap_simulator(
            n_steps,
            lambda state, _: jnp.stack([propensity(c, state.x) for c in channels]),
            make_apply_reaction(changes.tolist()),
        )
        self._start = jnp.asarray([start[s] for s in job.species], dtype=jnp.float32)
        self._step = job.t_end / n_steps

    def run(self, n: int, seed: int) -> np.ndarray:
        keys = self._jax.random.split(self._jax.random.PRNGKey(seed), n)
        start = self._jax.numpy.tile(self._start, (n, 1))
        return np.asarray(self._simulate(keys, start, self._step).x)

    def counts(self, result: np.ndarray) -> np.ndarray:
        start = np.broadcast_to(np.asarray(self._start), (len(result), 1, result.shape[2]))
        return np.concatenate([start, result], axis=1)


# stochastix on the CPU: `stochsimsolve` under `vmap` and `jit`, compiled beforehand for the number of replicates, with
# `interpolate` for the recorded points. Its `faststochsimsolve` records no points, and was slower when called for each
# interval.


class Stochastix(Peer):
    """stochastix with its direct method."""

    name = "stochastix"
    modules = ("stochastix", "jax")
    distribution = "stochastix"
    install = "stochastix"
    ensembles_only = True

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import stochastix
        network = stochastix.ReactionNetwork([_reaction(stochastix, c) for c in job.channels()])
        initial = job.start()
        grid, start = jnp.asarray(job.grid), jnp.asarray([float(initial[s]) for s in network.species])

        def one(key: Any) -> Any:
            run = stochastix.stochsimsolve(
                key, network, start, T=job.t_end, max_steps=job.most_events, solver=stochastix.DirectMethod(),
                save_propensities=False,
            )  # fmt: skip
            # Unused places of the reserved memory hold -1: a reaction in the last place means that there were too few.
            return run.interpolate(grid).x, run.reactions[-1] >= 0

        self._jax, self._simulate = jax, jax.jit(jax.vmap(one))
        self._order = in_order(network.species, job.species)

    def run(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        counts, cut = self._simulate(self._jax.random.split(self._jax.random.PRNGKey(seed), n))
        return np.asarray(counts), np.asarray(cut)

    def counts(self, result: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        counts, cut = result
        if cut.any():
            raise RuntimeError(f"{cut.sum()} runs had more events than expected and were cut off")
        return counts[:, :, self._order]


def _reaction(stochastix: Any, channel: Channel) -> Any:
    kinetics, h = stochastix.kinetics, channel.hill
    sides = (" + ".join(f"{m} {s}" for s, m in side) or "0" for side in (channel.reactants, channel.products))
    law = (
        kinetics.MassAction(k=channel.pairs())
        if h is None
        else kinetics.HillRepressor(regulator=h.repressor, v=h.k, K=h.half, n=h.power)
    )
    return stochastix.Reaction(" -> ".join(sides), law)
