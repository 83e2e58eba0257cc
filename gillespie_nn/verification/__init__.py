"""Statistical verification of the exact methods by named checks, each of which gives p-values.

For approximate methods: convergence rates (`ladder`), and a comparison on one model (`certify`).

To add a check: a file with a subclass of `Check`, and its line in `CHECKS`.
"""

from .check import LEVEL, Check, Outcome, verify
from .continuous_checks import ContinuousVariables
from .event_checks import EventsAndPassages
from .exact_laws import ClosedForms, MasterEquation, MethodsAgree, TimeChange
from .ladder import measure_ladder
from .peer_checks import BioNetGen, Peers
from .planted import PlantedErrors
from .sbml_suites import SbmlSemantic, SbmlSuite
from .stiff_models import StiffModels

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
    Peers,
    BioNetGen,
)
"""All checks of the methods."""

__all__ = ["CHECKS", "LEVEL", "Check", "Outcome", "measure_ladder", "verify"]
