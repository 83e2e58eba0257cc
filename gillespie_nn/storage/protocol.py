"""What runs in files have in common, with trajectories or moments: enough to resume, follow or summarise them."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np


class OpenedRun(Protocol):
    """A `Run` or a `MomentsRun`."""

    @property
    def path(self) -> Path | None: ...
    @property
    def version(self) -> tuple[int, int]: ...
    @property
    def software_version(self) -> str: ...
    @property
    def kind(self) -> str:
        """`ensemble`, `training` or `moments`."""

    @property
    def record(self) -> str:
        """What is recorded, one of `simulation.task.RECORDS`."""

    @property
    def model(self) -> Any:
        """The `ReactionNetwork`, as it was given."""

    @property
    def method(self) -> str: ...
    @property
    def method_reason(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def volume(self) -> float: ...
    @property
    def units(self) -> str: ...
    @property
    def quantities(self) -> tuple[str, ...]: ...
    @property
    def initial_of_model(self) -> Any:
        """Counts in force of every species of the model after overrides [molecules]."""

    @property
    def rates(self) -> Any:
        """Rate constants in force after overrides."""

    @property
    def arguments(self) -> Any:
        """Further arguments that determine an ensemble, a dictionary."""

    @property
    def provenance(self) -> Any: ...
    @property
    def time(self) -> np.ndarray: ...
    @property
    def n_events(self) -> Any: ...
    @property
    def n_replicates(self) -> int: ...
    @property
    def n_planned(self) -> int: ...
    @property
    def n_kept(self) -> int: ...
    @property
    def ended(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    def close(self) -> None: ...
