"""Digests of the content of run files: everything except `created` and `/provenance`."""

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_PLACES = ("REFERENCE_LIST", "DIMENSION_LIST")
"""Attributes that hold places in the file."""


def content_digest(path: str | Path) -> str:
    """SHA-256 of the content of a run file: equal for files of the same content."""
    parts = []
    with h5py.File(path, "r", swmr=True, locking=False) as file:

        def visit(name: str, item: Any) -> None:
            if name.split("/")[0] != "provenance":
                parts.append(name.encode() + _attributes(item))
                if isinstance(item, h5py.Dataset):
                    parts.append(f"{item.dtype} {item.shape}".encode() + _bytes(item[()]))

        file.visititems(visit)
        parts.append(_attributes(file))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _attributes(item: Any) -> bytes:
    kept = sorted(key for key in item.attrs if key not in _PLACES and not (item.name == "/" and key == "created"))
    return b"".join(key.encode() + b"=" + _bytes(item.attrs[key]) for key in kept)


def _bytes(value: Any) -> bytes:
    """Numbers as they are stored, whatever NaN equals; texts by their length and letters."""
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).tobytes()
