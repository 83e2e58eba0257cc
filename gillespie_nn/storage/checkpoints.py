"""Checkpoints in a run file: two slots, written in turn, so that a kill during a write leaves the previous one.

A slot is valid if its number is not 0 and its digest is that of number and content. An incomplete write is therefore
not a checkpoint, in whatever order its parts reached the disk.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from ..simulation.checkpoints import Checkpoint
from .schema.runs import N_SLOTS

GROUP = "checkpoint"
_NUMBERS = ("n_presented", "n_events")
_ARRAYS = ("counts", "generator", "memory", "weights_sum", "best_weights")
MEMORY_SCALE = "memory_place"
NAMES = ("number", "digest", *_NUMBERS, *_ARRAYS)


def write(slots: Mapping[str, h5py.Dataset], number: int, checkpoint: Checkpoint) -> None:
    """Write checkpoint `number` (1, 2, ...) over the one before the last; `slots` are the datasets by name."""
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


def read_latest(file: h5py.File) -> Checkpoint | None:
    """The last complete checkpoint, or None."""
    group = file[GROUP]
    numbers = group["number"][:]
    for slot in np.argsort(-numbers, kind="stable"):
        if numbers[slot] <= 0:
            break
        found = _read(group, slot)
        if (group["digest"][slot] == _digest(numbers[slot], found)).all():
            return found
    return None


def copy(source: h5py.File, target: h5py.File) -> None:
    """Copy both slots unchanged, if one of them is used."""
    source, target = source[GROUP], target[GROUP]
    if not source["number"][:].any():
        return
    target["memory"].resize(source["memory"].shape)
    target[MEMORY_SCALE].resize(source["memory"].shape[1:])
    for name in NAMES:
        if target[name].size:
            target[name][...] = source[name][...]


def _read(group: h5py.Group, slot: int) -> Checkpoint:
    found: dict[str, Any] = {name: int(group[name][slot]) for name in _NUMBERS}
    return Checkpoint(**found, **{name: group[name][slot] for name in _ARRAYS})


def _digest(number: int, checkpoint: Checkpoint) -> np.ndarray:
    digest = hashlib.sha256(repr([int(number), *(int(getattr(checkpoint, name)) for name in _NUMBERS)]).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(checkpoint, name)).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)
