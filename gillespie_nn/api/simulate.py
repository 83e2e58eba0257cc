"""`simulate`: trajectories of any reaction network."""

import inspect
import json

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..kernels.codes import NO_EVENT_LIMIT
from ..noise import plan_noise
from ..progress import Progress
from ..seeds import resolve_seed
from ..simulation import MomentsResult, Result, choose_method, run_ensemble
from ..simulation.distribution import Cluster
from ..simulation.ensemble import Task
from ..simulation.methods.options import resolve
from ..simulation.moments import ARRAYS, Moments
from ..simulation.schedule import parse_schedule
from ..simulation.sinks import MemorySink, covariance_size
from ..simulation.task import RECORDS, TRAJECTORIES
from ..storage import EnsembleFile, MomentsFile, MomentsRun, Run, open_moments, open_run
from ..storage.provenance import provenance

_MOST_BYTES = 4e9
"""Of the covariances or moments kept in memory."""


def simulate(
    network: ReactionNetwork,
    t_end=None,
    n_points=101,
    *,
    time=None,
    volume=None,
    method="auto",
    replicates=1,
    workers=1,
    seed=None,
    initial=None,
    rates=None,
    schedule=None,
    noise=None,
    count_firings=False,
    max_events=None,
    output=None,
    overwrite=False,
    progress=False,
    record=TRAJECTORIES,
    scheduler=None,
    **options,
) -> Result | Run | MomentsResult | MomentsRun:
    """Simulate an ensemble of trajectories, molecule by molecule or by a limit of the molecules' law.

    Parameters
    ----------
    network : the model; its convention of rates is that of `ReactionNetwork`.
    t_end, n_points : record at linspace(0, t_end, n_points), both ends included [s].
    time : or a grid of one's own, float64[point], increasing, from 0 or later [s].
    volume : Omega, default 1; refused for a model that fixes it (SBML).
    method : a name of `gillespie_nn.simulation.METHODS`, or `auto`, which chooses and says why in `method_reason`.
    replicates : number of independent trajectories.
    workers : threads; they change nothing in the result.
    seed : whole number, or None to draw one, which is recorded.
    initial, rates : overrides by name, {species: count [molecules]} and {reaction: rate constant}; of a general law the
        rate is a factor in front of it, 1 unless given.
    schedule : [(time, {species: count}), ...], set-time changes; one at t comes before the record at t.
    noise : extrinsic noise, a `RateNoise`, `ConcentrationNoise` or `AdditiveNoise` or a list of them, see `noise`; each
        replicate has paths of its own, unless they are `shared`.
    count_firings : also count how often each reaction fired, `firings` int64[replicate, reaction].
    max_events : stop a replicate after so many events, with status EVENT_LIMIT.
    output : write to this HDF5 file and return it open; `overwrite` allows an existing one.
    progress : show progress on stderr.
    record : `trajectories`, or of ensembles too large to keep `moments` alone (mean, variance, least and largest at
        each recorded time, summed as replicates end), or `quantiles`, moments and sketches of quantiles.
    scheduler : address of a dask scheduler, whose workers carry the replicates out; the result is the same as here.
    options : of the method, for example epsilon=0.03 of `tau_leap`; see `METHODS`.

    Returns
    -------
    A `Result`, or with `output` the `Run` of the file, which has the same attributes; of moments a `MomentsResult`, or
    with `output` a `MomentsRun`.

    Raises
    ------
    InputError : anything that cannot be used. UnfinishedError : the disk is full, or the cluster is gone.
    """
    task, reason = make_task(
        network, t_end=t_end, n_points=n_points, time=time, volume=volume, method=method, replicates=replicates,
        seed=seed, initial=initial, rates=rates, schedule=schedule, noise=noise, count_firings=count_firings,
        max_events=max_events, options=options, record=record,
    )  # fmt: skip
    with Workers(workers, scheduler) as pool:
        if output is None:
            sink = memory_sink(task)
            carry_out(task, sink, pool, progress)
            return result_of(task, sink, reason)
        with new_file(output, task, reason, method, overwrite) as sink:
            carry_out(task, sink, pool, progress)
    return open_moments(output) if task.record != TRAJECTORIES else open_run(output)


def memory_sink(task):
    """What keeps an ensemble in memory."""
    _check_memory(task)
    return MemorySink(task) if task.record == TRAJECTORIES else Moments(task)


def result_of(task, sink, reason) -> Result | MomentsResult:
    """The result of an ensemble in memory; `reason` says why this method."""
    network, settings = task.network, _settings(task, reason) | {"model": task.network, "units": task.method.units}
    if task.record != TRAJECTORIES:
        return MomentsResult(task.grid, task.quantities, sink, task.n_replicates, **settings)
    return Result(
        task.grid, sink.counts, network.species, sink.n_events, sink.status, firings=sink.firings,
        observables=sink.observables, observable_names=network.observables, statistics=sink.statistics,
        covariance=sink.covariance, **settings,
    )  # fmt: skip


def _settings(task, reason):
    return {"method": task.method.name, "method_reason": reason, "seed": task.seed, "volume": task.volume}


def new_file(output, task, reason, asked="auto", overwrite=False, provenance_json=None, **how):
    """The file of an ensemble, to be written; `reason` says why this method, `asked` what was asked for, and
    `provenance_json` where a run came from that is resumed."""
    kind = EnsembleFile if task.record == TRAJECTORIES else MomentsFile
    network, settings = task.network, _settings(task, reason)
    initial, rates = network.counts(), network.rates()
    parameters = settings | {
        "method_asked": asked,
        "t_end": task.grid[-1],
        "n_points": len(task.grid),
        "replicates": task.n_replicates,
        "initial": {s: n for s, n, own in zip(network.species, task.counts.tolist(), initial) if n != own},
        "rates": {r.name: k for r, k, own in zip(network.reactions, task.rates.tolist(), rates) if k != own},
        "record": task.record,
        **arguments_of(task),
    }
    settings |= {"arguments": json.dumps(arguments_of(task))}
    return kind(output, task, settings, provenance_json or provenance(parameters), overwrite, **how)


def arguments_of(task) -> dict:
    """What decides an ensemble beside the rest of its file: plain values, as `make_task` takes them."""
    names = task.network.species
    return {
        "schedule": [(c.time, {names[s]: n for s, n in zip(c.species, c.values.tolist())}) for c in task.changes],
        "noise": [] if task.noise is None else [n.record() for n in task.noise.noises],
        "count_firings": task.count_firings,
        "max_events": None if task.event_limit == NO_EVENT_LIMIT else task.event_limit,
        "options": task.options,
    }


def _check_memory(task):
    if task.record != TRAJECTORIES:
        n_bytes = 8 * len(ARRAYS) * len(task.grid) * len(task.quantities)
        if n_bytes > _MOST_BYTES:
            raise InputError(
                f"the moments of {len(task.quantities)} quantities at {len(task.grid)} recorded times take "
                f"{n_bytes / 1e9:.1f} GB, at most {_MOST_BYTES / 1e9:g} are kept in memory: record fewer times"
            )
        return
    size = covariance_size(task.method, len(task.network.species))
    n_bytes = 8 * len(task.grid) * size**2
    if n_bytes > _MOST_BYTES:
        raise InputError(
            f"the covariances of {size} species at {len(task.grid)} recorded times take {n_bytes / 1e9:.1f} GB, at "
            f"most {_MOST_BYTES / 1e9:g} are kept in memory: record fewer times, or give an output file"
        )


class Workers:
    """Who carries out ensembles: `n` threads, or the workers of the dask scheduler at `address`. A context manager."""

    def __init__(self, n, address):
        self.n = checks.whole("workers", n)
        self.cluster = None if address is None else Cluster(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.cluster is not None:
            self.cluster.close()


def carry_out(task, sink, pool, progress, units=None):
    """Run the units of work of a task, or those numbered `units`, into `sink`; `pool` are `Workers`."""
    n_replicates = task.n_replicates if units is None else sum(len(task.replicates(unit)) for unit in units)
    with Progress("simulate", n_replicates, progress) as bar:
        run_ensemble(task, sink, pool.n, bar.update, units, pool.cluster)


def make_task(
    network, *, t_end=None, n_points=101, time=None, volume=None, method="auto", replicates=1, seed=None, initial=None,
    rates=None, schedule=None, noise=None, count_firings=False, max_events=None, options=None, record=TRAJECTORIES,
):  # fmt: skip
    """(task, why this method) from the arguments of `simulate`, `options` being a dictionary.

    Raises InputError for what cannot be used."""
    if not isinstance(network, ReactionNetwork):
        raise InputError(
            f"network must be a ReactionNetwork, got {type(network).__name__}: make one with "
            "ReactionNetwork.from_text or from_sbml, or take .network of a training network"
        )
    grid = _grid(t_end, n_points, time)
    counts = network.counts(initial)
    choice = choose_method(method, network, counts)
    volume, rates = _volume(network, volume), network.rates(rates)
    noise = plan_noise(noise, network, rates, presented=False)
    if choice.method.deterministic and replicates != 1 and not (noise and noise.differs):
        raise InputError(
            f"replicates={replicates!r}: every replicate of method {choice.method.name} is the same; ask for 1"
        )
    if count_firings and choice.method.dtype != np.int64:
        raise InputError(
            f"count_firings: method {choice.method.name} has no single firings; ask an exact method or tau_leap"
        )
    checks.choice("record", record, RECORDS)
    if record != TRAJECTORIES and (choice.method.deterministic or count_firings):
        why = "firings are counted" if count_firings else f"method {choice.method.name} has a single trajectory"
        raise InputError(f"record={record!r}: {why}; ask for record='trajectories'")
    task = Task(
        network=network,
        method=choice.method,
        grid=grid,
        volume=volume,
        rates=rates,
        counts=counts,
        changes=parse_schedule(schedule, network, grid[-1]),
        seed=resolve_seed(seed),
        n_replicates=checks.whole("replicates", replicates, 1, 2**40),
        count_firings=bool(count_firings),
        event_limit=NO_EVENT_LIMIT if max_events is None else checks.whole("max_events", max_events, 0, NO_EVENT_LIMIT),
        options=resolve(choice.method, options or {}, inspect.signature(simulate).parameters),
        noise=noise,
        record=record,
    )
    return task, choice.reason


def _grid(t_end, n_points, time):
    if time is None:
        if t_end is None:
            raise InputError("give t_end, the time to simulate to [s], or time, a grid of times")
        t_end = checks.positive("t_end", t_end, "s", "the time to simulate to")
        return np.linspace(0.0, t_end, checks.whole("n_points", n_points, 2, 2**40, "both ends are recorded"))
    if t_end is not None:
        raise InputError("give either t_end (with n_points) or time, not both")
    try:
        grid = np.array(time, dtype=np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if grid.ndim != 1 or grid.size == 0 or not np.isfinite(grid).all() or grid[0] < 0 or (np.diff(grid) <= 0).any():
        raise InputError(
            f"time must be one increasing row of finite times, from 0 or later, for example [0, 1, 2], got {time!r}"[
                :300
            ]
        )
    return grid


def _volume(network, volume):
    if network.volume is None:
        return checks.positive("volume", 1.0 if volume is None else volume, hint="the volume Omega")
    if volume is not None:
        raise InputError(f"the model fixes its volume at {network.volume}: leave volume={volume!r} out")
    return network.volume
