"""The interface of a check."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """One p-value. For a correct method it is uniform on [0, 1], or stochastically larger."""

    what: str
    p: float
    details: dict = {}
    """Further numbers, for JSON."""
    note: str = ""
    """A short remark to print."""


class Unsupported(NamedTuple):
    """A case that this version cannot simulate, and why."""

    what: str
    reason: str


class Refused(NamedTuple):
    """A case that is refused as documented: `reason` is the part that is not supported, `message` the refusal. It
    counts neither for nor against a method."""

    what: str
    reason: str
    message: str


class Options(NamedTuple):
    """Options of checks: `replicates` of each case; `sbml_suite`, a folder or None; `method_options` by name, for
    checks of approximate methods; `folder`, of the files that a check needs, or None."""

    replicates: int
    sbml_suite: str | Path | None
    method_options: dict = {}
    folder: str | Path | None = None


class Check(ABC):
    """One statistical check of a method."""

    name: str
    summary: str
    methods: tuple[str, ...] = ()
    """Names of the methods that the check applies to; empty for all exact methods."""

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        """A description of missing requirements; empty if none. `sbml_suite` and `folder` are folders or None."""
        return ""

    @abstractmethod
    def run(self, method: str, seed: int, options: Options) -> list:
        """`Outcome`s, `Refused` and `Unsupported` cases of `method` (a name). `options` are those of `verify`."""

    def table(self, outcomes: list[dict], refused: list[dict], unsupported: list[dict]) -> list[str]:
        """Lines that sum up the cases of one method, printed behind them; none by default."""
        return []
