"""Statistical verification of the exact methods by named checks, each of which gives p-values.

For approximate methods: convergence rates (`ladder`), and a comparison on one model (`certify`).

To add a check: a file with a subclass of `Check`, and its line in `CHECKS`.
"""

from .base import Check, Outcome
from .bionetgen import BioNetGen
from .closed_forms import ClosedForms
from .continuous_variables import ContinuousVariables
from .events import EventsAndPassages
from .hostile import HostileModels
from .hostile_files import HostileFiles
from .interrupted_runs import InterruptedRuns
from .killed_runs import KilledRuns
from .ladder import measure_ladder
from .master_equation import MasterEquation
from .methods_agree import MethodsAgree
from .peers import Peers
from .planted import PlantedErrors
from .run import LEVEL, verify
from .sbml_semantic import SbmlSemantic
from .sbml_suite import SbmlSuite
from .stiff_models import StiffModels
from .time_change import TimeChange

CHECKS = (
    ClosedForms,
    MasterEquation,
    TimeChange,
    MethodsAgree,
    EventsAndPassages,
    ContinuousVariables,
    StiffModels,
    SbmlSuite,
    SbmlSemantic,
    PlantedErrors,
    HostileModels,
    HostileFiles,
    KilledRuns,
    InterruptedRuns,
    Peers,
    BioNetGen,
)

__all__ = ["CHECKS", "LEVEL", "Check", "Outcome", "measure_ladder", "verify"]
