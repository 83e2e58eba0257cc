"""What simulates training networks only has in common: `slow_limit.Level` and `batches.BatchMethod`."""

from abc import ABC
from typing import Any, ClassVar

import numpy as np

from ..options import Option


class OnlyTraining(ABC):
    """What `train` reads of a class, as of a `Method`; a subclass gives what differs."""

    trains: ClassVar[bool] = True
    name: ClassVar[str]
    summary: ClassVar[str]
    """When to choose it, in one line."""
    reference: ClassVar[str] = ""
    """What to cite."""
    exact: ClassVar[bool] = False
    deterministic: ClassVar[bool]
    dtype: ClassVar[type[np.generic]]
    units: ClassVar[str]
    options: ClassVar[tuple[Option, ...]] = ()
    training_options: ClassVar[dict[str, Any]] = {}
    statistics_names: ClassVar[tuple[str, ...]] = ()
    records_covariance: ClassVar[bool] = False
