"""Speed of the methods and of other programs, measured in one run on the same models."""

from .batches import batches
from .cold import cold_benchmark
from .continuous import continuous_benchmark
from .ensemble import ensemble_benchmark
from .everyday import everyday_benchmark
from .leaping import CASES as LEAP_CASES
from .leaping import leap_benchmark
from .methods import methods_benchmark
from .networks import networks_benchmark
from .overhead import overhead
from .report import table
from .run import CASES, benchmark
from .scale import scale
from .storage import storage_benchmark

__all__ = [
    "CASES",
    "LEAP_CASES",
    "batches",
    "continuous_benchmark",
    "benchmark",
    "cold_benchmark",
    "ensemble_benchmark",
    "everyday_benchmark",
    "leap_benchmark",
    "methods_benchmark",
    "networks_benchmark",
    "overhead",
    "scale",
    "storage_benchmark",
    "table",
]
