"""All analyses, and the default figure of a run."""

from pathlib import Path

from .analysis import Analysis, AnyRun, Ask, Finding
from .correlation import AutocorrelationAnalysis, SpectrumAnalysis
from .histograms import HistogramAnalysis, StationaryAnalysis
from .means import MeansAnalysis
from .passage import PassageAnalysis
from .rails import RailsAnalysis
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
    """The default analysis of a run: learning of a training run, means and quantiles of any other.

    `ask` selects what is shown."""
    chosen: type[Analysis] = LearningAnalysis if LearningAnalysis.applies(run) else MeansAnalysis
    return chosen.find(run, ask or Ask())


def draw(run: AnyRun, path: str | Path) -> None:
    """Draw the overview of a run to `path`. Needs matplotlib. Raises InputError for a run without data."""
    overview(run).save(path)
