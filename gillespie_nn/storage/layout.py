"""Contents of a new file: values and lengths by the names in its table. The table says how they are stored."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..crn import ReactionNetwork
from ..simulation.methods import TrainingMethod, name_of
from ..simulation.sinks import covariance_size
from ..simulation.task import Task
from ..simulation.training import TrainingPlan
from .schema.runs import SAMPLES
from .values import ALL_SPECIES

_LEAST_ROWS = 8
_SMALL_BYTES = 1 << 20
"""Test inputs up to this size are kept in the file."""


def settings_values(task: Task, reason: str) -> dict[str, Any]:
    """The attributes of an ensemble; `reason` says why this method was used."""
    settings = {"method": name_of(task.method), "method_reason": reason, "seed": task.seed, "volume": task.volume}
    return settings | {"arguments": json.dumps(task.arguments)}


def model_values(network: ReactionNetwork, rates: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """The model as given, its digest, and the rates and initial counts after overrides."""
    index = network.index
    changes = [(r, index[s], n) for r, x in enumerate(network.reactions) for s, n in x.net_change().items()]
    return {
        "model/digest": network.digest,
        "model/text": np.frombuffer(network.to_text().encode(), dtype=np.uint8),
        "model/reactions": [r.name for r in network.reactions],
        "model/stoichiometry": np.array(changes, dtype=np.int64).reshape(-1, 3),
        "model/rates": rates,
        "model/initial": counts,
    }


def trajectory_values(network: ReactionNetwork, n_replicates: int, statistics_names: Sequence[str]) -> dict[str, Any]:
    """Names of what is recorded, and empty statistics."""
    return {
        "species": network.species,
        "observable": network.observables,
        "replicate": np.arange(n_replicates, dtype=np.int64),
    } | {f"statistics/{name}": np.full(n_replicates, np.nan) for name in statistics_names}


def trajectory_lengths(method: TrainingMethod, n_species: int, n_points: int) -> dict[str, int]:
    """Lengths of the axes of what is recorded."""
    size = covariance_size(method, n_species)
    return {"time": n_points, "covariance_row": size, "covariance_column": size}


def ensemble_values(task: Task) -> dict[str, Any]:
    """Values that depend on a `simulation.task.Task`."""
    network: Any = task.network
    counted = network.reactions if task.count_firings else ()
    values: dict[str, Any] = {"time": task.grid, "reaction": [r.name for r in counted]}
    if task.records_events:
        from . import event_log  # loads h5py

        first = np.full(task.n_replicates, event_log.ABSENT, dtype=np.int64)
        values |= {event_log.TIME: np.empty(0), event_log.REACTION: np.empty(0, np.uint32), event_log.FIRST: first}
    values |= trajectory_values(network, task.n_replicates, task.statistics_names) | {"species": task.species}
    return values if task.recorded is None else values | {ALL_SPECIES: network.species}


def ensemble_lengths(task: Task) -> dict[str, int]:
    """Lengths of axes that the values do not show."""
    return trajectory_lengths(task.method, len(task.species), len(task.grid))


def training_values(plan: TrainingPlan) -> dict[str, Any]:
    """Everything that determines a training run, a `simulation.training.TrainingPlan`."""
    spec, data = plan.spec, plan.dataset
    schedule, shown = plan.presentations, [rails.name for rails in spec.outputs]
    n_evaluations = len(schedule.evaluated) if schedule.validates else 0
    about = {"own": plan.own_data, "digest": data.digest, "checksums": data.checksums, "notice": data.notice}
    if plan.own_data:  # of a case they are loaded again
        about |= {name: value for name in ("classes", "scaled", "image") if (value := getattr(data, name))}
    values: dict[str, Any] = {
        "layers": np.array(spec.layers, dtype=np.int64),
        "settings": json.dumps(plan.settings.record()),
        "task": data.task,
        "arguments": json.dumps(plan.options.arguments),
        "data": json.dumps(about),
        "weight": [rails.name for rails in spec.weights],
        "output": [name.removesuffix(spec.sample_suffix(0)) for name in shown[: spec.layers[-1]]],
        "presentations": np.asarray(plan.order, dtype=np.int64).ravel(),
        "recorded": np.asarray(schedule.recorded, dtype=np.int64),
        "held_out": schedule.held_out,
        "evaluated": schedule.evaluated[:n_evaluations],
        "initial_weights": plan.learner.initial_weights,
        "targets": data.test_t,
        "inputs": data.test_x if data.test_x.nbytes <= _SMALL_BYTES else data.test_x[:0],
    }
    if spec.batch > 1:
        values["shown_output"] = shown
    if plan.settings.centred:
        values["centre"] = plan.centre
    # Samples of data that are no case's, so that the file can be resumed; else none.
    values |= {f"samples/{name}": getattr(data, name)[: None if plan.own_data else 0] for name in SAMPLES}
    return {f"training/{name}": value for name, value in values.items()} | trajectory_values(
        spec.declared, 1, plan.method.statistics_names
    )


def training_lengths(plan: TrainingPlan) -> dict[str, int]:
    n_species, n_points = len(plan.spec.declared.species), len(plan.presentations.recorded)
    return trajectory_lengths(plan.method, n_species, n_points) | {"memory_place": 0}


def records_together(plan: TrainingPlan) -> int:
    """About the number of records between two checkpoints of a training run, which are flushed together: a chunk that
    is flushed in parts is compressed as often. There is a minimum, because many small chunks would make the file
    large."""
    n, every = len(plan.presentations.recorded), plan.options.checkpoint_every
    assert every is not None  # `api.plan` works one out
    return min(n, max(_LEAST_ROWS, -(-n * every // len(plan.order))))
