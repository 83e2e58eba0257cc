"""Verification of Propositions 5.1 and 5.2: noise of size eps moves a network by at most eps Theta, Theta finite.

BOUNDS.md in this folder describes what is stated, proved and measured, and which parts come from the paper. To add a
source of noise: a file with a subclass of `NoiseSource`, and its line in `SOURCES`. To add a network: a function in
`setting.py`, and its line in `CASES` there.
"""

from ..statistics.tests import ERROR, MOST_LOOKS
from .forcing import Additive, Concentration, RateSource
from .intrinsic import Intrinsic
from .proposition_figure import SHARPENED, course_of, sentences, theta_when_sharpened
from .proposition_report import carry_out, simulate_paths, stored_results, verdict, write_report
from .selftest import self_test
from .sequential_rule import SEQUENCES, error_rates, table_of_rates
from .setting import CASES, FEWEST_PATHS, PROPOSITIONS, Choice, setting_of, setting_of_fit

SOURCES = (RateSource, Concentration, Additive, Intrinsic)
"""All sources of noise under which a bound can be verified."""

__all__ = [
    "CASES", "ERROR", "FEWEST_PATHS", "MOST_LOOKS", "PROPOSITIONS", "SEQUENCES", "SHARPENED", "SOURCES", "Choice",
    "carry_out", "course_of", "error_rates", "self_test", "sentences", "setting_of", "setting_of_fit", "simulate_paths",
    "stored_results", "table_of_rates", "theta_when_sharpened", "verdict", "write_report",
]  # fmt: skip
