"""Error messages for damaged files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import GillespieError, InputError
from ..crn import ReactionNetwork
from ..crn.dual_rail import Rails
from ..simulation.task import quantities_of
from . import hdf5_bytes

_WORDS = (
    "Can't ",
    "Unable to ",
    "Unspecified error",
    "No NumPy equivalent",
    "Not a ",
    "Object visitation",
    "Link iteration",
)
"""How the errors of h5py begin."""
_UNKNOWN_FORM = "bad version number"
_NEWER = "a newer HDF5 library than the installed one may have written the file"
_ADVICE = "the file is damaged, or another program wrote it: restore a backup, or run again"


def damaged(path: str | Path | None, what: str) -> InputError:
    """The error for a file; `what` says what is wrong."""
    import h5py

    newer = f"{_NEWER}, version {h5py.version.hdf5_version}: update h5py" if _UNKNOWN_FORM in what else _ADVICE
    return InputError(f"{path}: {what}; {newer}")


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn HDF5's errors about unreadable bytes into an InputError."""
    try:
        yield
    except Exception as error:
        if not is_of_hdf5(error):
            raise
        raise damaged(path, said(error)) from error


@contextmanager
def understood(path: str | Path | None) -> Iterator[None]:
    """Turn errors caused by a file's description of its run into an InputError."""
    try:
        yield
    except GillespieError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(path, f"its description of the run cannot be used ({type(error).__name__}: {error})") from error


def is_of_hdf5(error: BaseException) -> bool:
    """Whether the HDF5 library could not read something. An OSError of the operating system has a number."""
    if isinstance(error, UnicodeDecodeError):
        return True
    known = isinstance(error, (OSError, RuntimeError, KeyError, ValueError, TypeError))
    return known and getattr(error, "errno", None) is None and said(error).startswith(_WORDS)


def said(error: BaseException) -> str:
    return str(error.args[0] if error.args else error)


def shown(value: object) -> str:
    """A value of a file for a message: at most some hundred characters."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."


# Single values of a file, checked when they are read. All functions raise InputError for invalid values.

if TYPE_CHECKING:
    import h5py

ALL_SPECIES = "model/species"
"""Dataset of the names of all species, where only some are recorded; else `/species` has them."""
PREDICTIONS = "training/predictions"
SHOWN_OUTPUT = "training/shown_output"
"""Dataset of the names of the outputs of all samples of a batch; of one sample `/training/output` has them."""
_MOST_PACKED = 1100
"""Deflate packs at most 1,032 bytes into one: what claims to be more was never written."""
_SMALL_BYTES = 1 << 16


def text(path: Path, where: Any, name: str) -> str:
    """An attribute that is a string."""
    value = where.attrs.get(name)
    if not isinstance(value, str):
        raise damaged(path, f"the attribute {name} is {shown(value)}, expected a string")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # how h5py shows bytes that are not UTF-8
        raise damaged(path, f"the attribute {name} is not UTF-8 text")
    return value


def strings(path: Path, dataset: "h5py.Dataset") -> Any:
    """The string or strings of a dataset."""
    try:
        hdf5_bytes.check_lengths(path, dataset)
        found = dataset.asstr()[()]
    except UnicodeDecodeError:
        raise damaged(path, f"{dataset.name} is not UTF-8 text") from None
    except OSError as error:
        raise damaged(path, said(error)) from error
    if any("\0" in text for text in np.atleast_1d(found)):
        raise damaged(path, f"{dataset.name} contains a string with a NUL character")
    return found


def check_size(path: Path, dataset: "h5py.Dataset", n_written: int) -> None:
    """Check that `n_written` numbers of a dataset are stored: a small file can claim any size."""
    n_bytes = n_written * dataset.dtype.itemsize
    if n_bytes > _SMALL_BYTES:
        dataset.refresh()  # what another process wrote since it was opened
    stored = dataset.id.get_storage_size()
    if n_bytes > _SMALL_BYTES and n_bytes > stored * _MOST_PACKED:
        raise damaged(path, f"{dataset.name} should have {n_bytes} bytes, but the file has {stored}")


def json_object(path: Path, what: str, text: Any) -> dict:
    """Parse `text` as a JSON object; `what` names it in the message."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise damaged(path, f"{what} is not a JSON object")
    return found


def json_text(path: Path, where: Any, name: str) -> dict:
    """An attribute that is a JSON object."""
    return json_object(path, f"the attribute {name}", text(path, where, name))


def sizes(path: Path, where: Any, name: str) -> tuple[int, ...]:
    """An attribute that lists sizes of layers, at least two."""
    found = np.asarray(where.attrs.get(name))
    if found.dtype.kind not in "iu" or found.ndim != 1 or len(found) < 2 or (found < 1).any():
        raise damaged(path, f"the attribute {name} is {shown(found)}, expected sizes of layers")
    return tuple(found.tolist())


def whole_number(path: Path, where: Any, name: str, least: int) -> int:
    """An attribute that is an integer, at least `least`."""
    found = where.attrs.get(name)
    value = np.asarray(found)
    if value.shape != () or value.dtype.kind not in "iu" or value < least:
        raise damaged(path, f"the attribute {name} is {shown(found)}, expected an integer, at least {least}")
    return int(value)


def positive_number(path: Path, where: Any, name: str) -> float:
    """An attribute that is a positive number."""
    found = where.attrs.get(name)
    value = np.asarray(found)
    if value.shape != () or value.dtype.kind not in "iuf" or not 0 < value < np.inf:
        raise damaged(path, f"the attribute {name} is {shown(found)}, expected a positive number")
    return float(value)


def model_of(path: Path, file: "h5py.File") -> ReactionNetwork:
    """The reaction network as given, before overrides of rates and initial counts."""
    try:
        network = ReactionNetwork.from_text(bytes(file["model/text"][:]).decode())
    except (InputError, UnicodeDecodeError) as error:
        raise damaged(path, f"/model/text is not a model: {error}") from None
    if network.digest != text(path, file["model"], "digest"):
        raise damaged(path, "the model's text does not match its digest")
    _check_model(path, file, network)
    return network


def _check_recorded(path: Path, file: "h5py.File", network: ReactionNetwork) -> None:
    """Raises InputError where `/species`, or `/quantity` in a file of moments, contains other names than the model, or
    not all of its species, unless the file was asked for some of them."""
    asked = json_text(path, file, "arguments").get("species") if "arguments" in file.attrs else None
    name = "species" if "species" in file else "quantity"
    names = tuple(strings(path, file[name]))
    expected = network.species if name == "species" else quantities_of(network, network.species)
    if names == expected:
        return
    # Observables that are not among the recorded species follow these, in their order.
    place = {observable: k for k, observable in enumerate(network.observables if name == "quantity" else ())}
    n = len(names)
    while n and place.get(names[n - 1], len(place)) < (place[names[n]] if n < len(names) else len(place)):
        n -= 1
    fits = place.keys() <= set(names) and set(names[:n]) <= network.index.keys() and len(set(names)) == len(names)
    if not (asked and fits and (names or not _names_any(asked, network))):
        raise damaged(path, f"/{name} does not match the names in the model")
    if name == "species" and ALL_SPECIES not in file:
        raise damaged(path, f"/{ALL_SPECIES} is missing")


def _names_any(asked: Any, network: ReactionNetwork) -> bool:
    """Whether a name or pattern of the argument `species` is that of a species: it can be that of an observable."""
    patterns = [pattern for pattern in asked if isinstance(pattern, str)] if isinstance(asked, list) else ["*"]
    return any(fnmatchcase(species, pattern) for pattern in patterns for species in network.species)


def _check_model(path: Path, file: "h5py.File", network: ReactionNetwork) -> None:
    """Raises InputError where something in a file does not fit its model: columns would be taken for others."""
    reactions = tuple(r.name for r in network.reactions)
    _check_recorded(path, file, network)
    for name, expected in (
        (ALL_SPECIES, network.species),
        ("observable", network.observables),
        ("model/reactions", reactions),
        ("reaction", reactions),
    ):
        if name in file and tuple(strings(path, file[name])) not in (expected, *([()] if name == "reaction" else [])):
            raise damaged(path, f"/{name} does not match the names in the model")
    for name, length in (("model/rates", len(reactions)), ("model/initial", len(network.species))):
        if file[name].shape != (length,):
            raise damaged(path, f"/{name} has {file[name].shape[0]} numbers, but the model has {length}")
    index = network.index
    changes = {(r, index[s], n) for r, x in enumerate(network.reactions) for s, n in x.net_change().items()}
    found = file["model/stoichiometry"][:]
    if len(found) != len(changes) or set(map(tuple, found.tolist())) != changes:
        raise damaged(path, "/model/stoichiometry does not match the model")
    for name in ("training/weight", SHOWN_OUTPUT if SHOWN_OUTPUT in file else "training/output"):
        for number in strings(path, file[name]) if name in file else ():  # on two rails, or a species if never negative
            if number not in index and not set(Rails.signed(number)) <= index.keys():
                raise damaged(path, f"/{name} contains the name {shown(number)}, which is not in the model")
