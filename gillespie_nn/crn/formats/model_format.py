"""What a model format is: one row of `FORMATS`."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ...checks import InputError
from ..parts import Parts

Source = str | os.PathLike
"""What a model is read from: the path of a file, or a text."""
Overrides = Mapping[str, float] | None
"""Values of parameters by name, in place of those of the source."""


class Reader(Protocol):
    """Reads a model; raises InputError with what is wrong or refused."""

    def __call__(self, source: Source, parameters: Overrides = None, /) -> Parts: ...


@contextmanager
def errors_name(origin: str) -> Iterator[None]:
    """Put `origin` in front of the messages of InputErrors."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


@dataclass(frozen=True)
class ModelFormat:
    """A way to write down a model.

    Parameters
    ----------
    name : its name in code.
    title : its usual name, for messages.
    endings : of its files, lower case, with the dot; no two formats share one.
    read : `read(source, parameters) -> Parts`, see `Source` and `Overrides`.
    write : `write(network, path=None, **how)`: the text, written to `path` if that is given. None: nothing writes it.
    extra : the pip extra with the libraries that it takes. None: nothing but the package itself.
    examples : texts that use every feature of the format; tests read them, and hostile models are mutants of them.
    intrusions : pieces of text that are inserted into these mutants, besides those of all formats.
    has_units : whether `read` takes `substance`, how amounts are read in place of their units.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    read: Reader
    write: Callable[..., str] | None = None
    extra: str | None = None
    examples: Callable[[], tuple[str, ...]] = tuple
    intrusions: tuple[str, ...] = ()
    has_units: bool = False
