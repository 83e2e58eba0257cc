"""Speed of the methods and of other programs, measured together on the same models."""

from .costs import batches, continuous_benchmark, scale, storage_benchmark
from .everyday import everyday_benchmark
from .leap_errors import CASES as LEAP_CASES
from .leap_errors import leap_benchmark
from .method_times import methods_benchmark
from .networks import networks_benchmark
from .starting import cold_benchmark, ensemble_benchmark, overhead
from .timing import CASES, benchmark, table

__all__ = [
    "CASES",
    "LEAP_CASES",
    "batches",
    "benchmark",
    "cold_benchmark",
    "continuous_benchmark",
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
