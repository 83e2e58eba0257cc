"""Checkpoints in a run file: two slots, written in turn, so that a kill in mid-write leaves the one before.

A slot counts when its number is not 0 and its digest is that of number and content: a torn write, in whatever order the
parts of it reached the disk, is no checkpoint.
"""

import hashlib
from typing import Any

import numpy as np

from ..simulation.checkpoints import Checkpoint
from . import layout

GROUP = "checkpoint"
N_SLOTS = 2
_NUMBERS = ("n_presented", "n_events")
_ARRAYS = ("counts", "generator", "memory", "weights_sum", "best_weights")
MEMORY_SCALE = "memory_place"
NAMES = ("number", "digest", *_NUMBERS, *_ARRAYS)
_DIGEST_BYTES = hashlib.sha256().digest_size


def create(file, method, n_species, n_weights):
    """Room for two checkpoints. How long a method's memory is shows only when its kernels are compiled."""
    group = file.create_group(GROUP)
    layout.array(group, "number", data=np.zeros(N_SLOTS, dtype=np.int64))
    layout.array(group, "digest", data=np.zeros((N_SLOTS, _DIGEST_BYTES), dtype=np.uint8))
    for name in _NUMBERS:
        layout.array(group, name, data=np.zeros(N_SLOTS, dtype=np.int64))
    # Not compressed: each slot has its own bytes, which stay in their place.
    for name, size, dtype in (
        ("counts", n_species, method.dtype),
        ("generator", 6, np.uint64),
        ("weights_sum", n_weights, np.float64),
        ("best_weights", n_weights, np.float64),
    ):
        group.create_dataset(name, data=np.zeros((N_SLOTS, size), dtype=dtype))
    group.create_dataset("memory", (N_SLOTS, 0), np.float64, maxshape=(N_SLOTS, None), chunks=(1, 8192))


def write(slots, number, checkpoint: Checkpoint):
    """Write checkpoint `number`, 1, 2, ..., over the one before the last; `slots` are the datasets by name."""
    slot = number % N_SLOTS
    if slots["memory"].shape[1] != checkpoint.memory.size:
        for name, axis in (("memory", 1), (MEMORY_SCALE, 0)):
            slots[name].resize(checkpoint.memory.size, axis=axis)
    for name in _NUMBERS + _ARRAYS:
        values = getattr(checkpoint, name)
        if np.size(values):
            slots[name][slot] = values
    slots["digest"][slot] = _digest(number, checkpoint)
    slots["number"][slot] = number


def read_latest(file) -> Checkpoint | None:
    """The last whole checkpoint, or None."""
    group = file[GROUP]
    numbers = group["number"][:]
    for slot in np.argsort(-numbers, kind="stable"):
        found = _read(group, slot)
        if numbers[slot] > 0 and (group["digest"][slot] == _digest(numbers[slot], found)).all():
            return found
    return None


def copy(source, target):
    """Both slots as they are."""
    source, target = source[GROUP], target[GROUP]
    target["memory"].resize(source["memory"].shape)
    target[MEMORY_SCALE].resize(source["memory"].shape[1:])
    for name in NAMES:
        if target[name].size:
            target[name][...] = source[name][...]


def _read(group, slot) -> Checkpoint:
    numbers: dict[str, Any] = {name: int(group[name][slot]) for name in _NUMBERS}
    return Checkpoint(**numbers, **{name: group[name][slot] for name in _ARRAYS})


def _digest(number, checkpoint):
    digest = hashlib.sha256(repr([int(number), *(int(getattr(checkpoint, name)) for name in _NUMBERS)]).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(checkpoint, name)).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)
