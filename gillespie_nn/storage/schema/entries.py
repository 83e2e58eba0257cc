"""Building blocks of the tables of files: attributes, and datasets with axes, dtype, unit and storage.

The same entries create a file (`making`) and check one (`validate`). FORMAT.md describes the content in words.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import values

LIBVER = ("v110", "v110")
"""Files have the format of HDF5 1.10. It is the first with SWMR and with checksums that show damage, and every later
version reads it. The newest format of HDF5 2 cannot be read by older libraries."""
INTEGER, REAL, BYTE, NAME, TRUTH = "int64", "float64", "uint8", "string", "bool"
Version = tuple[int, int]

_FILTERS = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
_SMALL_BYTES = 4096
"""Datasets up to this size are not compressed [bytes]: it would save little."""
_CHUNK_BYTES = 1 << 18
"""Size of a chunk of rows: well below the chunk cache of HDF5 (1 MiB)."""
_CHUNK_ROWS = 32768
_TOGETHER_BYTES = 1 << 16
"""Size of a chunk that several replicates share: large enough that the overhead of a chunk is small for each, and small
enough that a single replicate is read fast."""

Shape = tuple[int, ...]
Storing = Callable[[Shape, int, "int | None"], dict]
"""Function of the shape, the size in bytes, and the number of rows that are flushed at once (None: no limit). It
returns the options of h5py for such a dataset."""


def plain(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Contiguous, not compressed."""
    return {}


def packed(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Compressed, unless it is small."""
    return _FILTERS if n_bytes > _SMALL_BYTES else {}


def deflated(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Always compressed, without shuffling."""
    return {"compression": "gzip", "compression_opts": 1}


def rows(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Compressed in chunks of at most 256 KiB: rows of the last axis, of one replicate if that is the first axis."""
    *replicates, n_rows, n_columns = shape
    if not n_columns:
        return packed(shape, n_bytes, together)
    # A chunk that is flushed in parts would be compressed as often.
    n_rows = n_rows if together is None else min(n_rows, together)
    fitting = max(1, min(n_rows, _CHUNK_BYTES // (8 * n_columns)))
    return {"chunks": (*(1 for _ in replicates), fitting, n_columns)} | _FILTERS


def replicates(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Compressed in chunks of as many replicates (first axis) as fit into 64 KiB. If one replicate takes more than half
    of that, chunks contain rows of one replicate, see `rows`."""
    n_replicates, *each = shape
    # 16 = 2 * 8 bytes: at least two replicates of 8-byte numbers must fit.
    if n_replicates > 1 and 0 < 16 * math.prod(each) <= _TOGETHER_BYTES:
        fitting = min(n_replicates, _TOGETHER_BYTES // (8 * math.prod(each)))
        return {"chunks": (fitting, *each)} | _FILTERS
    if len(each) > 1:
        return rows(shape, n_bytes, together)
    return {"chunks": (1, min(each[0], _CHUNK_ROWS))} | _FILTERS if each[0] else packed(shape, n_bytes, together)


def matrices(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Compressed, one chunk for each matrix of the last two axes."""
    *outer, n_rows, n_columns = shape
    if not n_rows * n_columns:
        return packed(shape, n_bytes, together)
    return {"chunks": (*(1 for _ in outer), n_rows, n_columns)} | _FILTERS


def growing(most: int = _CHUNK_ROWS) -> Storing:
    """Not compressed; the last axis can grow, in chunks of `most` places, or fewer if it starts shorter."""

    def options(shape: Shape, n_bytes: int, together: int | None) -> dict:
        *outer, length = shape
        return {"maxshape": (*outer, None), "chunks": (*(1 for _ in outer), min(length, most) or most)}

    return options


def streamed(shape: Shape, n_bytes: int, together: int | None) -> dict:
    """Compressed; the only axis can grow, in chunks of 32,768 places."""
    return {"maxshape": (None,), "chunks": (_CHUNK_ROWS,)} | _FILTERS


class Entry(NamedTuple):
    """A dataset.

    A `path` that ends in `/*` stands for all datasets of that group. `units` has one unit for all dtypes, or one for
    each. Only files of this `kind` have the dataset; an empty `kind` means all files.
    """

    path: str
    axes: tuple[str, ...]
    dtypes: tuple[str, ...]
    units: tuple[str, ...] = ("",)
    kind: str = ""
    since: Version = (1, 0)
    start: float | None = None
    """Initial value; None: the values are given when the file is created. In a dataset of integers NaN becomes -1."""
    filled_later: bool = False
    """Created empty and written during the run. Only the committed part counts."""
    stored: Storing = packed
    optional: bool = False
    """May be missing, if its group is missing."""
    sometimes: bool = False
    """May be missing, even if its group exists."""
    grows: bool = False
    """May be longer than its axis while the file is written: only the committed part has the length of the axis."""
    json: bool = False
    """Whether it contains a JSON object as text."""

    @property
    def group(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def open(self) -> bool:
        """Whether the entry stands for all datasets of its group."""
        return self.path.endswith("/*")

    def unit(self, dtype: str) -> str:
        """The unit of the dataset with this dtype."""
        return self.units[self.dtypes.index(dtype)] if len(self.units) > 1 else self.units[0]

    def filling(self, dtype: str) -> float | None:
        """The initial value of a dataset of this dtype."""
        return -1 if self.start is not None and np.isnan(self.start) and dtype == INTEGER else self.start


class Attribute(NamedTuple):
    """An attribute of the root, or of the group before the last `/` of its path. `check(path, item, name)` raises
    InputError for an invalid value; `what` describes valid ones."""

    path: str
    check: Callable
    what: str
    kind: str = ""
    since: Version = (1, 0)

    @property
    def group(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class FileFormat(NamedTuple):
    """A kind of file."""

    name: str
    """Name in messages."""
    filetype: str
    version: Version
    attributes: tuple[Attribute, ...]
    entries: tuple[Entry, ...]
    groups: tuple[str, ...] = ()
    """Groups that always exist, even if empty."""
    kinds: tuple[str, ...] = ()
    """Allowed values of the attribute `kind`, if the tables depend on it."""
    lengths: dict[str, int] = {}
    """Lengths of axes that have the same length in every file."""
    scaled: frozenset[str] | None = frozenset()
    """Axes that have a dimension scale; None: all of them."""
    remedy: str = "restore a backup, or run again"
    """What to do if a file is of another kind; the end of a message."""

    def entries_of(self, kind: str, version: Version | None = None) -> list[Entry]:
        """The datasets of a file of this kind and version (by default the present one)."""
        return [e for e in self.entries if e.kind in ("", kind) and e.since <= (version or self.version)]

    def attributes_of(self, kind: str, version: Version | None = None) -> list[Attribute]:
        """The attributes of a file of this kind and version (by default the present one)."""
        return [a for a in self.attributes if a.kind in ("", kind) and a.since <= (version or self.version)]


def entry(path: str, axes: str, dtypes: str, units: str = "", **more: Any) -> Entry:
    """An `Entry`. `axes` and `dtypes` are separated by spaces, `units` by ` or `."""
    return Entry(path, tuple(axes.split()), tuple(dtypes.split()), tuple(units.split(" or ")), **more)


# Checks of attributes, with a description of valid values, and the attributes that several kinds of file share.

TEXT, JSON, NUMBER = (values.text, "text"), (values.json_text, "JSON"), (values.positive_number, "float64, positive")
SIZES = (values.sizes, "int64[layer]")


def whole(least: int) -> tuple[Callable, str]:
    """An integer of at least `least`."""
    return partial(values.whole_number, least=least), f"int64, at least {least}"


STAMP = (Attribute("software_version", *TEXT), Attribute("created", *TEXT))
"""Attributes of every file, besides `filetype` and `version`, which are checked first."""
RUN = (
    *STAMP,
    Attribute("kind", *TEXT),
    Attribute("method", *TEXT),
    Attribute("seed", *whole(0)),
    Attribute("volume", *NUMBER),
    Attribute("model/digest", *TEXT),
)
"""Attributes of every file with results of simulations."""
