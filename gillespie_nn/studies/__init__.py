"""The case studies: tables and figures from stored runs, which can be drawn again without simulating.

To add a study: a subclass of `Study`, or of `ScoreStudy` for a score against a number, and its line in `STUDIES`.
"""

from .accuracy import Accuracy
from .claims import Chemistries, Claims
from .gradient import Gradient
from .parity import Learns, Parity
from .pictures import Confusion, Images, Learning, TimeCourse
from .runner import reproduce
from .score_studies import (
    Annihilation,
    ConcentrationNoiseStudy,
    Omega,
    RateNoiseStudy,
    RunningTime,
    Smoothing,
    StepSize,
    Transient,
)
from .study import Extent, Study, StudyResults

STUDIES = (
    Smoothing, TimeCourse, RateNoiseStudy, ConcentrationNoiseStudy, Omega, RunningTime, Learning, Confusion, Images,
    Annihilation, Transient, StepSize, Claims, Gradient, Learns, Parity, Chemistries,
    Accuracy,
)  # fmt: skip
"""All case studies, in the order of the report."""

__all__ = ["STUDIES", "Extent", "StudyResults", "Study", "reproduce"]
