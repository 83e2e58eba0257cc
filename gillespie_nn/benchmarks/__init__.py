"""Speed of the methods and of other programs, measured in one run on the same models from the same SBML."""

from .ensemble import ensemble_benchmark
from .leaping import CASES as LEAP_CASES
from .leaping import leap_benchmark
from .report import markdown
from .run import CASES, benchmark
from .scale import scale
from .storage import storage_benchmark

__all__ = [
    "CASES",
    "LEAP_CASES",
    "benchmark",
    "ensemble_benchmark",
    "leap_benchmark",
    "markdown",
    "scale",
    "storage_benchmark",
]
