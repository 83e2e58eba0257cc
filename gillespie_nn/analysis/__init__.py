"""Analysis of runs: summaries, statistics, figures and reports.

The functions take a `Run` or a `Result`; run files are read in parts, so memory use does not grow with file size.
"""

from ..display.tables import Table
from .analysis import Analysis, Ask, Finding
from .correlation import autocorrelation, power_spectrum
from .histograms import histogram, stationary_histogram
from .means import means
from .passage import first_passage, watch
from .rails import common_parts
from .run_report import ANALYSES, citations, citations_of, citations_text, draw, overview, summary, summary_text
from .training_course import course
from .two_runs import compare

__all__ = [
    "ANALYSES",
    "Analysis",
    "Ask",
    "Finding",
    "Table",
    "autocorrelation",
    "citations",
    "citations_of",
    "citations_text",
    "common_parts",
    "compare",
    "course",
    "draw",
    "first_passage",
    "histogram",
    "means",
    "overview",
    "power_spectrum",
    "stationary_histogram",
    "summary",
    "summary_text",
    "watch",
]


def __dir__() -> list[str]:
    return sorted(__all__)
