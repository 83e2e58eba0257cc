"""Speed of the exact methods, beside other programs on the same model from the same SBML, in one run."""

from .report import markdown
from .run import CASES, benchmark
from .scale import scale

__all__ = ["CASES", "benchmark", "markdown", "scale"]
