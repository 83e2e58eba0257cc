"""Published rule-based networks, simulated by this package and by BioNetGen's `run_network`."""

from .measure import networks_benchmark
from .published import PUBLISHED, Published
from .table import report

__all__ = ["PUBLISHED", "Published", "networks_benchmark", "report"]
