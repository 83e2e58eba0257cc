"""The case studies: tables and figures from stored runs, which can be drawn again without simulating.

To add one: a file with a subclass of `Study` (or `ScoreStudy`, for a score against a number), and its line in
`STUDIES`.
"""

from .accuracy import Accuracy
from .base import Extent, Results, Study
from .chemistries import Chemistries
from .claims import Claims
from .confusion import Confusion
from .effects import Annihilation, StepSize, Transient
from .gradient import Gradient
from .images import Images
from .learning import Learning
from .learns import Learns
from .noise_sweeps import ConcentrationNoiseStudy, RateNoiseStudy
from .omega import Omega
from .parity import Parity
from .reproduce import reproduce
from .running_time import RunningTime
from .smoothing import Smoothing
from .time_course import TimeCourse

STUDIES = (
    Smoothing, TimeCourse, RateNoiseStudy, ConcentrationNoiseStudy, Omega, RunningTime, Learning, Confusion, Images,
    Annihilation, Transient, StepSize, Claims, Gradient, Learns, Parity, Chemistries,
    Accuracy,
)  # fmt: skip

__all__ = ["STUDIES", "Extent", "Results", "Study", "reproduce"]
