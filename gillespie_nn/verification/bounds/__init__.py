"""Propositions 5.1 and 5.2, verified: noise of size eps moves a network by at most eps times a finite random Theta.

What is stated, what is proved, what is measured, and what of it is the paper's: BOUNDS.md beside this file. To add a
source of noise: a file with a subclass of `Source`, and its line in `SOURCES`; a case: a function in `cases`, and its
line in `CASES` there.
"""

from .cases import CASES, Choice, setting_of
from .extrinsic import Concentration, Rate
from .run import carry_out, verdict
from .setting import PROPOSITIONS

SOURCES = (Rate, Concentration)

__all__ = ["CASES", "PROPOSITIONS", "SOURCES", "Choice", "carry_out", "setting_of", "verdict"]
