"""All analyses, and the figure that a run has when nothing in particular is asked."""

from pathlib import Path

from .base import Analysis, Ask, Finding
from .correlation import AutocorrelationAnalysis, SpectrumAnalysis
from .histograms import HistogramAnalysis, StationaryAnalysis
from .means import MeansAnalysis
from .passage import PassageAnalysis
from .rails import RailsAnalysis
from .slices import AnyRun
from .training_course import LearningAnalysis
from .two_runs import CompareAnalysis

ANALYSES: tuple[type[Analysis], ...] = (
    LearningAnalysis,
    MeansAnalysis,
    HistogramAnalysis,
    StationaryAnalysis,
    AutocorrelationAnalysis,
    SpectrumAnalysis,
    PassageAnalysis,
    RailsAnalysis,
    CompareAnalysis,
)


def overview(run: AnyRun, ask: Ask | None = None) -> Finding:
    """What a figure of a run shows: learning of a training run, else means and quantiles, of what
    `ask` says."""
    chosen: type[Analysis] = LearningAnalysis if LearningAnalysis.applies(run) else MeansAnalysis
    return chosen.find(run, ask or Ask())


def draw(run: AnyRun, path: str | Path) -> None:
    """Draw the overview of a run to `path`. Needs matplotlib. Raises InputError for a run without data."""
    overview(run).save(path)
