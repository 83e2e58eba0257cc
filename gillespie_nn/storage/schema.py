"""Every dataset of a run file: where it stands, what its axes are, its dtype and unit, and the version that brought it.

FORMAT.md says in words what each is for, and a test holds the two and real files together. An axis has the same length
wherever its name stands; its dimension scale is the dataset of that name in the group, or in one above it. To add a
dataset: its line here, its line in FORMAT.md, and what makes it.
"""

from typing import NamedTuple

FILETYPE = "gillespie-nn run"
VERSION = (1, 5)
LIBVER = ("v110", "v110")
"""The form of HDF5 1.10: the first with SWMR, with checksums that tell damage, read by all since. What is newest in
HDF5 2 no older library reads."""
ENSEMBLE, TRAINING = "ensemble", "training"
INTEGER, REAL, BYTE, NAME = "int64", "float64", "uint8", "string"


class Entry(NamedTuple):
    """A dataset. `units` are those it may have; `kind` is that of the files that have it, empty for all."""

    path: str
    axes: tuple[str, ...]
    dtypes: tuple[str, ...]
    units: tuple[str, ...] = ("",)
    kind: str = ""
    since: tuple[int, int] = (1, 0)
    filled_later: bool = False
    """Made empty; what is trusted of it is written as the run goes on."""


def _entry(path, axes, dtypes, units="", **more):
    return Entry(path, tuple(axes.split()), tuple(dtypes.split()), tuple(units.split(" or ")), **more)


def _training(path, axes, dtype, units="", **more):
    return _entry(f"training/{path}", axes, dtype, units, kind=TRAINING, **more)


def _checkpoint(path, axes, dtypes, units="", **more):
    return _entry(f"checkpoint/{path}", axes, dtypes, units, kind=TRAINING, since=(1, 4), **more)


_CONCENTRATION, _RECORD = "concentration", "replicate time"
_NEW = {"since": (1, 5)}
_1_4 = {"since": (1, 4)}
_SUFFIXES = ("", "_before", "_gradient_descent", "_best")


def _since(suffix):
    return _1_4 if suffix == "_best" else {}


SCHEMA = (
    _entry("time", "time", REAL, "s"),
    _entry("species", "species", NAME),
    _entry("replicate", "replicate", INTEGER),
    _entry("observable", "observable", NAME, since=(1, 2)),
    _entry("reaction", "reaction", NAME, kind=ENSEMBLE, **_NEW),
    _entry("counts", f"{_RECORD} species", f"{INTEGER} {REAL}", f"molecules or {_CONCENTRATION}", filled_later=True),
    _entry("covariance", f"{_RECORD} covariance_row covariance_column", REAL, f"{_CONCENTRATION}^2",
           since=(1, 3), filled_later=True),
    _entry("observables", f"{_RECORD} observable", REAL, since=(1, 2), filled_later=True),
    _entry("status", "replicate", BYTE),
    _entry("n_events", "replicate", INTEGER),
    _entry("committed", "replicate", BYTE),
    _entry("firings", "replicate reaction", INTEGER, kind=ENSEMBLE),
    _entry("model/text", "byte", BYTE),
    _entry("model/reactions", "reactions", NAME),
    _entry("model/stoichiometry", "change entry", INTEGER),
    _entry("model/rates", "reactions", REAL),
    _entry("model/initial", "species", f"{INTEGER} {REAL}", "molecules"),
    _entry("provenance/json", "", NAME),
    _entry("provenance/seconds", "", REAL, "s"),
    _entry("provenance/presentation_seconds", "", REAL, "s", **_1_4),
    _training("weight", "weight", NAME, **_NEW),
    _training("output", "output", NAME, **_NEW),
    _training("presentations", "presentation", INTEGER),
    _training("recorded", "time", INTEGER),
    _training("n_recorded", "", INTEGER),
    _training("n_presented", "", INTEGER, **_1_4),
    _training("held_out", "held_out", INTEGER, **_1_4),
    _training("evaluated", "evaluated", INTEGER, **_1_4),
    _training("validation_rmse", "evaluated", REAL, _CONCENTRATION, **_1_4),
    _training("validation_accuracy", "evaluated", REAL, **_1_4),
    _training("best_weights", "weight", REAL, _CONCENTRATION, **_1_4),
    _training("samples/train_x", "own_sample input", REAL, _CONCENTRATION, **_1_4),
    _training("samples/train_t", "own_sample output", REAL, _CONCENTRATION, **_1_4),
    _training("samples/test_x", "own_test_sample input", REAL, _CONCENTRATION, **_1_4),
    _training("samples/test_t", "own_test_sample output", REAL, _CONCENTRATION, **_1_4),
    _training("initial_weights", "weight", REAL, _CONCENTRATION),
    _training("weights", "time weight", REAL, _CONCENTRATION, filled_later=True),
    _training("predictions", "time output", REAL, _CONCENTRATION, filled_later=True),
    _training("final_weights", "weight", REAL, _CONCENTRATION),
    _training("inputs", "kept_sample input", REAL, _CONCENTRATION),
    _training("targets", "test_sample output", REAL, _CONCENTRATION),
    *(_training(f"outputs{s}", "test_sample output", REAL, _CONCENTRATION, **_since(s)) for s in _SUFFIXES),
    _training("outputs_chemical", "test_sample output", REAL, _CONCENTRATION, **_1_4),
    *(_training(f"{score}{s}", "", REAL, **_since(s))
      for score in ("accuracy", "rmse", "largest_error") for s in _SUFFIXES),
    _training("accuracy_chemical", "", REAL, **_1_4),
    _training("rmse_chemical", "", REAL, **_1_4),
    _checkpoint("number", "slot", INTEGER),
    _checkpoint("digest", "slot digest_byte", BYTE),
    _checkpoint("n_presented", "slot", INTEGER),
    _checkpoint("n_events", "slot", INTEGER),
    _checkpoint("counts", "slot species", f"{INTEGER} {REAL}", "molecules"),
    _checkpoint("generator", "slot word", "uint64"),
    _checkpoint("memory", "slot memory_place", REAL, filled_later=True),
    _checkpoint("weights_sum", "slot weight", REAL, _CONCENTRATION),
    _checkpoint("best_weights", "slot weight", REAL, _CONCENTRATION),
)  # fmt: skip


def entries(kind, version):
    """What stands in a file of this kind and version (1, minor)."""
    return [entry for entry in SCHEMA if entry.kind in ("", kind) and entry.since <= tuple(version)]
