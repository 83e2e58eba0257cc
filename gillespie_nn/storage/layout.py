"""Making the groups, datasets and attributes of a run file; `schema` lists them, FORMAT.md says the same in words."""

import json
from dataclasses import asdict

import h5py
import numpy as np

from ..simulation.evaluation import CHEMICAL_SCORES, OUTPUTS, SCORES
from ..simulation.sinks import covariance_size, not_reached
from ..status import Status
from .schema import FILETYPE, VERSION
from .whole import stamp

SAMPLES = ("train_x", "train_t", "test_x", "test_t")
_FILTERS = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
_CHUNK_BYTES = 1 << 18
_LEAST_ROWS = 8
_SMALL_BYTES = 1 << 20
"""Test inputs up to this size are kept in the file."""


def write_root(file, kind, settings):
    """Root attributes; `settings` are the scalars that decide the content (method, seed, volume)."""
    stamp(file, FILETYPE, VERSION)
    file.attrs["kind"] = kind
    for name, value in settings.items():
        file.attrs[name] = value


def write_provenance(file, provenance_json):
    group = file.create_group("provenance")
    group["json"] = provenance_json
    group.create_dataset("seconds", data=np.nan)
    group.create_dataset("presentation_seconds", data=0.0)


def write_statistics(file, method, n_replicates):
    """Room for what a method says about its steps; see `Method.statistics_names`."""
    group = file.create_group("statistics")
    for name in method.statistics_names:
        array(group, name, data=np.full(n_replicates, np.nan))


def write_model(file, network, rates, counts):
    """The model as given, its digest, and the rates and initial counts in force after overrides."""
    group = file.create_group("model")
    group.attrs["digest"] = network.digest
    text = np.frombuffer(network.to_text().encode(), dtype=np.uint8)
    array(group, "text", data=text)
    names(group, "reactions", (r.name for r in network.reactions))
    index = network.index
    changes = [(r, index[s], n) for r, x in enumerate(network.reactions) for s, n in x.net_change().items()]
    array(group, "stoichiometry", data=np.array(changes, dtype=np.int64).reshape(-1, 3))
    array(group, "rates", data=rates)
    array(group, "initial", data=counts)


def write_trajectory(file, method, n_replicates, n_points, network, time=None, together=None):
    """Counts and what belongs to each replicate.

    `together` points at most are flushed at once (default: as many as one likes)."""
    names(file, "species", network.species)
    file.create_dataset("replicate", data=np.arange(n_replicates, dtype=np.int64))
    data = np.full(n_points, np.nan) if time is None else time
    file.create_dataset("time", data=data, dtype="f8", maxshape=(None,), chunks=(max(1, min(n_points, 32768)),))
    rows = n_points if together is None else min(n_points, together)
    _counts(file, method, n_replicates, n_points, rows, len(network.species))
    _covariance(file, method, n_replicates, n_points, len(network.species))
    write_statistics(file, method, n_replicates)
    file.create_dataset("status", data=np.full(n_replicates, Status.INTERRUPTED, dtype=np.uint8))
    file.create_dataset("n_events", data=np.zeros(n_replicates, dtype=np.int64))
    file.create_dataset("committed", data=np.zeros(n_replicates, dtype=np.uint8))
    names(file, "observable", network.observables)
    n_observables = len(network.observables)
    chunks = {"chunks": (1, chunk_rows(n_observables, n_points), n_observables)} if n_observables else {}
    array(file, "observables", shape=(n_replicates, n_points, n_observables), fillvalue=np.nan, **chunks)


def write_training(file, plan):
    """What decides a training run, and room for its records, its evaluation and its scores."""
    n, n_weights, n_outputs = len(plan.presentations.recorded), len(plan.spec.weights), len(plan.spec.outputs)
    rows, data, schedule = records_together(plan), plan.dataset, plan.presentations
    n_evaluations = len(schedule.evaluated) if schedule.validates else 0
    group = file.create_group("training")
    group.attrs["layers"] = np.array(plan.spec.layers, dtype=np.int64)
    group.attrs["settings"] = json.dumps(asdict(plan.settings))
    group.attrs["task"] = data.task
    group.attrs["arguments"] = json.dumps(plan.options.arguments)
    group.attrs["data"] = json.dumps(
        {"own": plan.own_data, "digest": data.digest, "checksums": data.checksums, "notice": data.notice}
    )
    names(group, "weight", (rails.plus.removesuffix("_p") for rails in plan.spec.weights))
    names(group, "output", (rails.plus.removesuffix("_p") for rails in plan.spec.outputs))
    array(group, "presentations", data=np.asarray(plan.order, dtype=np.int64))
    array(group, "recorded", data=np.asarray(schedule.recorded, dtype=np.int64))
    group["n_recorded"] = np.int64(0)
    group["n_presented"] = np.int64(0)
    array(group, "held_out", data=schedule.held_out)
    array(group, "evaluated", data=schedule.evaluated[:n_evaluations])
    array(group, "validation_accuracy", data=np.full(n_evaluations, np.nan))
    array(group, "validation_rmse", data=np.full(n_evaluations, np.nan))
    array(group, "initial_weights", data=plan.learner.initial_weights)
    for name, size in (("weights", n_weights), ("predictions", n_outputs)):
        array(group, name, shape=(n, size), chunks=(chunk_rows(size, rows), size), fillvalue=np.nan)
    for name in ("final_weights", "best_weights"):
        array(group, name, data=np.full(n_weights, np.nan))
    array(group, "targets", data=data.test_t)
    array(group, "inputs", data=data.test_x if data.test_x.nbytes <= _SMALL_BYTES else data.test_x[:0])
    for name in (*OUTPUTS, "outputs_chemical"):
        array(group, name, data=np.full(data.test_t.shape, np.nan))
    samples = group.create_group("samples")  # of data that are no case's, so that the file can be resumed; else none
    for name in SAMPLES:
        array(samples, name, data=getattr(data, name)[: None if plan.own_data else 0])
    for name in (*SCORES, *CHEMICAL_SCORES):
        group[name] = np.nan


def array(group, name, data=None, shape=None, **options):
    """A compressed dataset; small or empty ones are stored plainly."""
    size = data.nbytes if data is not None else np.prod(shape) * 8
    filters = _FILTERS if size > 4096 or options.get("chunks") else {}
    return group.create_dataset(
        name, data=data, shape=shape, **({"dtype": np.float64} if data is None else {}), **filters, **options
    )


def names(group, name, strings):
    """A dataset of texts. It is made under its name: `group[name] = texts` makes it without one and links it then, and
    HDF5 2.0 forgets that it is there where the texts fill its cache, so that the next dataset takes its place."""
    group.create_dataset(name, data=np.array([s.encode() for s in strings], dtype=h5py.string_dtype()))


def records_together(plan):
    """Records of a training run between two checkpoints, about, which are flushed at once: a chunk that is flushed in
    parts is compressed as often. At least a few, or a file would be all chunks."""
    n = len(plan.presentations.recorded)
    return min(n, max(_LEAST_ROWS, -(-n * plan.options.checkpoint_every // len(plan.order))))


def chunk_rows(n_columns, n_rows):
    """Rows of a chunk of about 256 KiB."""
    return int(max(1, min(n_rows, _CHUNK_BYTES // (8 * max(1, n_columns)))))


def _covariance(file, method, n_replicates, n_points, n_species):
    size = covariance_size(method, n_species)
    chunks = {"chunks": (1, 1, size, size)} if size else {}
    shape = (n_replicates, n_points, size, size)
    array(file, "covariance", shape=shape, fillvalue=np.nan, **chunks)


def _counts(file, method, n_replicates, n_points, n_together, n_species):
    counts = file.create_dataset(
        "counts",
        shape=(n_replicates, n_points, n_species),
        dtype=method.dtype,
        fillvalue=not_reached(method.dtype),
        **({"chunks": (1, chunk_rows(n_species, n_together), n_species)} | _FILTERS if n_species else {}),
    )
    counts.attrs["units"] = method.units
