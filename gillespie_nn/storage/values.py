"""Single values of a file, checked when they are read, and the errors for damaged files."""

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

if TYPE_CHECKING:
    import h5py

# Errors. HDF5 reports unreadable bytes by exceptions of many types, which users must not see.

_WORDS = (
    "Can't ",
    "Unable to ",
    "Unspecified error",
    "No NumPy equivalent",
    "Not a ",
    "Object visitation",
    "Link iteration",
)
"""Beginnings of the messages of h5py."""
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
    """A context manager that turns errors of HDF5 about unreadable bytes into an InputError."""
    try:
        yield
    except Exception as error:
        if not is_of_hdf5(error):
            raise
        raise damaged(path, message_of(error)) from error


@contextmanager
def understood(path: str | Path | None) -> Iterator[None]:
    """A context manager that turns errors caused by the description of the run in a file into an InputError."""
    try:
        yield
    except GillespieError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(path, f"its description of the run cannot be used ({type(error).__name__}: {error})") from error


def is_of_hdf5(error: BaseException) -> bool:
    """Whether an error comes from the HDF5 library. An OSError of the operating system has a number."""
    if isinstance(error, UnicodeDecodeError):
        return True
    known = isinstance(error, (OSError, RuntimeError, KeyError, ValueError, TypeError))
    return known and getattr(error, "errno", None) is None and message_of(error).startswith(_WORDS)


def message_of(error: BaseException) -> str:
    """The message of an exception, without the quotes that KeyError adds."""
    return str(error.args[0] if error.args else error)


def shown(value: object) -> str:
    """A value of a file for a message, cut after a hundred characters."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."


# Single values. All functions raise InputError for invalid ones.

ALL_SPECIES = "model/species"
"""Dataset of the names of all species, if not all are recorded; otherwise `/species` has them."""
PREDICTIONS = "training/predictions"
SHOWN_OUTPUT = "training/shown_output"
"""Dataset of the names of the outputs of all samples of a batch; for single samples `/training/output` has them."""
_MOST_PACKED = 1100
"""Deflate packs at most 1,032 bytes into one. A dataset that claims a larger ratio was never written."""
_SMALL_BYTES = 1 << 16
"""Sizes up to this are not checked [bytes]: reading them does no harm."""


def text(path: Path, where: Any, name: str) -> str:
    """An attribute that is a string."""
    value = where.attrs.get(name)
    if not isinstance(value, str):
        raise damaged(path, f"the attribute {name} is {shown(value)}, expected a string")
    # h5py shows bytes that are not UTF-8 as surrogates.
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise damaged(path, f"the attribute {name} is not UTF-8 text")
    return value


def strings(path: Path, dataset: "h5py.Dataset") -> Any:
    """The string or strings of a dataset."""
    try:
        hdf5_bytes.check_lengths(path, dataset)
        texts = dataset.asstr()[()]
    except UnicodeDecodeError:
        raise damaged(path, f"{dataset.name} is not UTF-8 text") from None
    except OSError as error:
        raise damaged(path, message_of(error)) from error
    if any("\0" in text for text in np.atleast_1d(texts)):
        raise damaged(path, f"{dataset.name} contains a string with a NUL character")
    return texts


def check_size(path: Path, dataset: "h5py.Dataset", n_written: int) -> None:
    """Check that `n_written` numbers of a dataset are stored: a small file can claim any size."""
    n_bytes = n_written * dataset.dtype.itemsize
    if n_bytes > _SMALL_BYTES:
        # See what another process wrote since the file was opened.
        dataset.refresh()
    stored = dataset.id.get_storage_size()
    if n_bytes > _SMALL_BYTES and n_bytes > stored * _MOST_PACKED:
        raise damaged(path, f"{dataset.name} should have {n_bytes} bytes, but the file has {stored}")


def json_object(path: Path, what: str, text: Any) -> dict:
    """Parse `text` as a JSON object; `what` names it in the message."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise damaged(path, f"{what} is not a JSON object")
    return value


def json_text(path: Path, where: Any, name: str) -> dict:
    """An attribute that is a JSON object."""
    return json_object(path, f"the attribute {name}", text(path, where, name))


def sizes(path: Path, where: Any, name: str) -> tuple[int, ...]:
    """An attribute that lists sizes of layers, at least two."""
    value = np.asarray(where.attrs.get(name))
    if value.dtype.kind not in "iu" or value.ndim != 1 or len(value) < 2 or (value < 1).any():
        raise damaged(path, f"the attribute {name} is {shown(value)}, expected sizes of layers")
    return tuple(value.tolist())


def whole_number(path: Path, where: Any, name: str, least: int) -> int:
    """An attribute that is an integer, at least `least`."""
    attribute = where.attrs.get(name)
    value = np.asarray(attribute)
    if value.shape != () or value.dtype.kind not in "iu" or value < least:
        raise damaged(path, f"the attribute {name} is {shown(attribute)}, expected an integer, at least {least}")
    return int(value)


def positive_number(path: Path, where: Any, name: str) -> float:
    """An attribute that is a positive number."""
    attribute = where.attrs.get(name)
    value = np.asarray(attribute)
    if value.shape != () or value.dtype.kind not in "iuf" or not 0 < value < np.inf:
        raise damaged(path, f"the attribute {name} is {shown(attribute)}, expected a positive number")
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
    """Raise InputError if `/species`, or `/quantity` in a file of moments, has other names than the model. It may lack
    species only if the argument `species` of the run chose them."""
    asked = json_text(path, file, "arguments").get("species") if "arguments" in file.attrs else None
    name = "species" if "species" in file else "quantity"
    names = tuple(strings(path, file[name]))
    expected = network.species if name == "species" else quantities_of(network, network.species)
    if names == expected:
        return
    # The names are recorded species, then the other observables in the order of the model. The loop steps back over
    # these to the last species.
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
    """Whether the argument `species` chooses any species: its names and patterns may all be those of observables."""
    patterns = [pattern for pattern in asked if isinstance(pattern, str)] if isinstance(asked, list) else ["*"]
    return any(fnmatchcase(species, pattern) for pattern in patterns for species in network.species)


def _check_model(path: Path, file: "h5py.File", network: ReactionNetwork) -> None:
    """Raise InputError if names or lengths in a file do not fit its model: columns would be taken for others."""
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
    stored = file["model/stoichiometry"][:]
    if len(stored) != len(changes) or set(map(tuple, stored.tolist())) != changes:
        raise damaged(path, "/model/stoichiometry does not match the model")
    for name in ("training/weight", SHOWN_OUTPUT if SHOWN_OUTPUT in file else "training/output"):
        # A number has two rails, or is a single species if it is never negative.
        for number in strings(path, file[name]) if name in file else ():
            if number not in index and not set(Rails.signed(number)) <= index.keys():
                raise damaged(path, f"/{name} contains the name {shown(number)}, which is not in the model")
