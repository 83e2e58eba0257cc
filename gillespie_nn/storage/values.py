"""Single values of a file, each checked as it is read: all raise InputError for what is not as it should be."""

import json

import numpy as np

from ..checks import InputError
from ..crn import ReactionNetwork
from . import heap
from .damage import damaged, said, shown


def text(path, where, name) -> str:
    """An attribute that is one."""
    value = where.attrs.get(name)
    if not isinstance(value, str):
        raise damaged(path, f"the attribute {name} is {shown(value)}, expected a text")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # how h5py shows bytes that are not UTF-8
        raise damaged(path, f"the attribute {name} is not text in UTF-8")
    return value


def strings(path, dataset):
    """What a dataset of texts holds."""
    try:
        heap.check_lengths(path, dataset)
        found = dataset.asstr()[()]
    except UnicodeDecodeError:
        raise damaged(path, f"{dataset.name} is not text in UTF-8") from None
    except OSError as error:
        raise damaged(path, said(error)) from error
    if any("\0" in text for text in np.atleast_1d(found)):
        raise damaged(path, f"{dataset.name} holds a text with a NUL in it")
    return found


def json_object(path, what, text) -> dict:
    """The JSON object that a text is. `what` names it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise damaged(path, f"{what} is not a JSON object")
    return found


def whole_number(path, where, name, least) -> int:
    """An attribute that is one, and at least `least`."""
    found = where.attrs.get(name)
    value = np.asarray(found)
    if value.shape != () or value.dtype.kind not in "iu" or value < least:
        raise damaged(path, f"the attribute {name} is {shown(found)}, expected a whole number, at least {least}")
    return int(value)


def positive_number(path, where, name) -> float:
    """An attribute that is one."""
    found = where.attrs.get(name)
    value = np.asarray(found)
    if value.shape != () or value.dtype.kind not in "iuf" or not 0 < value < np.inf:
        raise damaged(path, f"the attribute {name} is {shown(found)}, expected a positive number")
    return float(value)


def model_of(path, file) -> ReactionNetwork:
    """The reaction network, as it was given (before overrides of rates and initial counts)."""
    try:
        network = ReactionNetwork.from_text(bytes(file["model/text"][:]).decode())
    except (InputError, UnicodeDecodeError) as error:
        raise damaged(path, f"/model/text is not a model: {error}") from None
    if network.digest != text(path, file["model"], "digest"):
        raise damaged(path, "the model's text does not match its digest")
    return network
