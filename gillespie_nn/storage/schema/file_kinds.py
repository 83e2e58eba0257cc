"""The tables of all kinds of files: runs, moments, predictions and verifications of bounds.

Axes of the same name have the same length. The dimension scale of an axis is the dataset of that name in the same
group, or in the nearest group above.
"""

import math
from typing import Any

from ...simulation.moments import ARRAYS, N_STATUSES
from ...status import Status
from ..values import ALL_SPECIES
from .entries import (
    BYTE,
    INTEGER,
    JSON,
    NAME,
    REAL,
    RUN,
    SIZES,
    STAMP,
    TEXT,
    TRUTH,
    Attribute,
    Entry,
    FileFormat,
    deflated,
    entry,
    growing,
    matrices,
    plain,
    replicates,
    rows,
    streamed,
    whole,
)

# Run files: an ensemble, or a training run. The abbreviations `_1_4` to `_1_8` say since which version of the format a
# dataset exists.

ENSEMBLE, TRAINING = "ensemble", "training"
N_SLOTS, N_WORDS, N_DIGEST_BYTES = 2, 6, 32
_MEMORY_CHUNK = 8192
"""Numbers in a chunk of `checkpoint/memory`."""
_NAN = math.nan
_CONCENTRATION = "concentration"
_1_4: dict[str, Any] = {"since": (1, 4)}
_1_5: dict[str, Any] = {"since": (1, 5)}
_1_6: dict[str, Any] = {"since": (1, 6)}
_1_7: dict[str, Any] = {"since": (1, 7)}
_1_8: dict[str, Any] = {"since": (1, 8)}
_SUFFIXES = ("", "_before", "_gradient_descent", "_best")
"""Endings of names of scores: after training, before it, gradient descent in floating point, best in validation."""
SAMPLES = ("train_x", "train_t", "test_x", "test_t")


def _training(path: str, axes: str, dtype: str, units: str = "", **more: Any) -> Entry:
    return entry(f"training/{path}", axes, dtype, units, kind=TRAINING, **more)


def _slot(path: str, axes: str, dtypes: str, units: str = "", **more: Any) -> Entry:
    # Large ones are not compressed: the bytes of a slot then stay in place, and writing one slot never moves the other.
    return entry(f"checkpoint/{path}", f"slot {axes}", dtypes, units, kind=TRAINING, since=(1, 4), start=0, **more)


def _since(suffix: str) -> dict[str, Any]:
    return _1_4 if suffix == "_best" else {}


MODEL = (
    entry("model/text", "byte", BYTE),
    entry("model/reactions", "reactions", NAME),
    entry("model/stoichiometry", "change entry", INTEGER),
    entry("model/rates", "reactions", REAL),
    entry("model/initial", "species", f"{INTEGER} {REAL}", "molecules"),
)
_ALL_SPECIES = entry(ALL_SPECIES, "species", NAME, kind=ENSEMBLE, since=(1, 6), sometimes=True)
_TRAJECTORIES = (
    entry("time", "time", REAL, "s", start=_NAN, stored=growing()),
    entry("species", "species", NAME),
    entry("replicate", "replicate", INTEGER, stored=plain),
    entry("observable", "observable", NAME, since=(1, 2)),
    entry("reaction", "reaction", NAME, kind=ENSEMBLE, **_1_5),
    entry("counts", "replicate time species", f"{INTEGER} {REAL}", f"molecules or {_CONCENTRATION}",
          start=_NAN, filled_later=True, stored=replicates),
    entry("covariance", "replicate time covariance_row covariance_column", REAL, f"{_CONCENTRATION}^2",
          since=(1, 3), start=_NAN, filled_later=True, stored=matrices),
    entry("observables", "replicate time observable", REAL, since=(1, 2), start=_NAN, filled_later=True,
          stored=replicates),
    entry("status", "replicate", BYTE, start=int(Status.INTERRUPTED), stored=plain),
    entry("n_events", "replicate", INTEGER, start=0, stored=plain),
    entry("committed", "replicate", BYTE, start=0, stored=plain),
    entry("firings", "replicate reaction", INTEGER, kind=ENSEMBLE, start=0, filled_later=True, stored=replicates),
    entry("statistics/*", "replicate", REAL, since=(1, 3), start=_NAN, stored=plain),
)  # fmt: skip
_EVENTS = (
    entry("events/time", "event", REAL, "s", kind=ENSEMBLE, filled_later=True, stored=streamed, optional=True,
          grows=True, **_1_6),
    entry("events/reaction", "event", "uint32", kind=ENSEMBLE, filled_later=True, stored=streamed, optional=True,
          grows=True, **_1_6),
    entry("events/first", "replicate", INTEGER, kind=ENSEMBLE, stored=plain, optional=True, **_1_6),
)  # fmt: skip
_PROVENANCE = (
    entry("provenance/json", "", NAME, json=True),
    entry("provenance/seconds", "", REAL, "s", start=_NAN),
    entry("provenance/presentation_seconds", "", REAL, "s", start=0.0, **_1_4),
)
_RECORDS = (
    _training("weight", "weight", NAME, **_1_5),
    _training("output", "output", NAME, **_1_5),
    _training("shown_output", "shown_output", NAME, sometimes=True, **_1_7),
    _training("centre", "input", REAL, _CONCENTRATION, sometimes=True, **_1_7),
    _training("feature_offset", "input", REAL, sometimes=True, **_1_8),
    _training("feature_width", "input", REAL, sometimes=True, **_1_8),
    _training("target_offset", "output", REAL, sometimes=True, **_1_8),
    _training("target_width", "output", REAL, sometimes=True, **_1_8),
    _training("presentations", "presentation", INTEGER),
    _training("recorded", "time", INTEGER),
    _training("n_recorded", "", INTEGER, start=0),
    _training("n_presented", "", INTEGER, start=0, **_1_4),
    _training("held_out", "held_out", INTEGER, **_1_4),
    _training("evaluated", "evaluated", INTEGER, **_1_4),
    _training("validation_rmse", "evaluated", REAL, _CONCENTRATION, start=_NAN, **_1_4),
    _training("validation_accuracy", "evaluated", REAL, start=_NAN, **_1_4),
    _training("best_weights", "weight", REAL, _CONCENTRATION, start=_NAN, **_1_4),
    _training("samples/train_x", "own_sample input", REAL, _CONCENTRATION, **_1_4),
    _training("samples/train_t", "own_sample output", REAL, _CONCENTRATION, **_1_4),
    _training("samples/test_x", "own_test_sample input", REAL, _CONCENTRATION, **_1_4),
    _training("samples/test_t", "own_test_sample output", REAL, _CONCENTRATION, **_1_4),
    _training("initial_weights", "weight", REAL, _CONCENTRATION),
    _training("weights", "time weight", REAL, _CONCENTRATION, start=_NAN, filled_later=True, stored=rows),
    _training("predictions", "time output", REAL, _CONCENTRATION, start=_NAN, filled_later=True, stored=rows),
    _training("final_weights", "weight", REAL, _CONCENTRATION, start=_NAN),
    _training("inputs", "kept_sample input", REAL, _CONCENTRATION),
    _training("targets", "test_sample output", REAL, _CONCENTRATION),
    *(_training(f"outputs{s}", "test_sample output", REAL, _CONCENTRATION, start=_NAN, **_since(s)) for s in _SUFFIXES),
    _training("outputs_chemical", "test_sample output", REAL, _CONCENTRATION, start=_NAN, **_1_4),
    *(_training(f"{score}{s}", "", REAL, start=_NAN, **_since(s))
      for score in ("accuracy", "rmse", "largest_error") for s in _SUFFIXES),
    _training("accuracy_chemical", "", REAL, start=_NAN, **_1_4),
    _training("rmse_chemical", "", REAL, start=_NAN, **_1_4),
    _training("accuracy_chemical_moment", "", REAL, start=_NAN, **_1_7),
)  # fmt: skip
_CHECKPOINT = (
    _slot("number", "", INTEGER),
    _slot("digest", "digest_byte", BYTE),
    _slot("n_presented", "", INTEGER),
    _slot("n_events", "", INTEGER),
    _slot("counts", "species", f"{INTEGER} {REAL}", "molecules", stored=plain),
    _slot("generator", "word", "uint64", stored=plain),
    # It grows: the length of a method's memory is known only once its kernels are compiled.
    _slot("memory", "memory_place", REAL, filled_later=True, stored=growing(_MEMORY_CHUNK)),
    _slot("weights_sum", "weight", REAL, _CONCENTRATION, stored=plain),
    _slot("best_weights", "weight", REAL, _CONCENTRATION, stored=plain),
)

RUNS = FileFormat(
    name="run file",
    filetype="gillespie-nn run",
    version=(1, 8),
    attributes=(
        *RUN,
        Attribute("method_reason", *TEXT, since=(1, 1)),
        Attribute("arguments", *JSON, kind=ENSEMBLE, since=(1, 5)),
        Attribute("case", *TEXT, kind=TRAINING),
        Attribute("training/layers", *SIZES, kind=TRAINING),
        Attribute("training/settings", *JSON, kind=TRAINING),
        Attribute("training/task", *TEXT, kind=TRAINING),
        Attribute("training/arguments", *JSON, kind=TRAINING, since=(1, 4)),
        Attribute("training/data", *JSON, kind=TRAINING, since=(1, 4)),
    ),
    entries=(*_TRAJECTORIES, _ALL_SPECIES, *_EVENTS, *MODEL, *_PROVENANCE, *_RECORDS, *_CHECKPOINT),
    groups=("statistics",),
    kinds=(ENSEMBLE, TRAINING),
    lengths={"entry": 3, "slot": N_SLOTS, "word": N_WORDS, "digest_byte": N_DIGEST_BYTES},
    scaled=None,
)


# Files of moments and quantiles.

KIND = "moments"
SKETCH = ("cell", "bucket", "count")
_BOTH = "time quantity"

MOMENTS = FileFormat(
    name="file of moments",
    filetype="gillespie-nn moments",
    version=(1, 1),
    attributes=(
        *RUN,
        Attribute("method_reason", *TEXT),
        Attribute("arguments", *JSON, since=(1, 1)),
        Attribute("units", *TEXT),
        Attribute("task", *TEXT),
        Attribute("n_replicates", *whole(1)),
        Attribute("n_done", *whole(0)),
        Attribute("n_events", *whole(0)),
    ),
    entries=(
        entry("time", "time", REAL, "s", stored=plain),
        entry("quantity", "quantity", NAME),
        *(entry(f"moments/{name}", _BOTH, INTEGER if name == "n" else REAL) for name in (*ARRAYS, "variance")),
        entry("statuses", "status", INTEGER, stored=plain),
        entry("statistics/*", "", REAL),
        entry("sketch/whole", "place", TRUTH, optional=True),
        *(entry(f"sketch/{name}", "cell", INTEGER, optional=True) for name in SKETCH),
        *MODEL,
        entry("provenance/json", "", NAME, json=True),
        entry("provenance/seconds", "", REAL, "s"),
    ),
    groups=("statistics",),
    kinds=(KIND,),
    lengths={"entry": 3, "status": N_STATUSES},
    scaled=frozenset(_BOTH.split()),
    remedy="run the simulation again",
)


# Files of a prediction by simulation.

PREDICTIONS = FileFormat(
    name="file of a prediction",
    filetype="gillespie-nn prediction",
    version=(1, 0),
    attributes=(*STAMP, Attribute("task", *TEXT), Attribute("arguments", *JSON)),
    entries=(
        entry("targets", "sample output", REAL, "concentration", stored=plain),
        entry("outputs", "sample output", REAL, "concentration", stored=plain),
    ),
    remedy="remove it and try again",
)


# Files of a verification of bounds: the results of each noise path.

BOUNDS = FileFormat(
    name="file of a verification of bounds",
    filetype="gillespie-nn bounds",
    version=(1, 0),
    attributes=(*STAMP, Attribute("arguments", *JSON)),
    entries=(
        entry("size", "size", REAL, stored=plain),
        entry("quantity", "quantity", NAME),
        entry("is_number", "quantity", TRUTH, stored=plain),
        entry("theta", "path size quantity", REAL, "concentration", stored=deflated),
        entry("theta_0", "path quantity", REAL, "concentration", stored=deflated),
        entry("bound", "path size quantity", REAL, "concentration", stored=deflated),
        entry("ratio", "path size quantity", REAL, stored=deflated),
        entry("violations", "path size quantity", INTEGER, stored=deflated),
        entry("committed", "path task", BYTE, stored=deflated),
    ),
    remedy="choose another output, or replace it with overwrite=True (--overwrite)",
)
