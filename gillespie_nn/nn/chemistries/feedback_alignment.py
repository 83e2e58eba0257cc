"""Feedback alignment in one pot: errors reach hidden neurons through fixed random weights.

T. P. Lillicrap, D. Cownden, D. B. Tweed, C. J. Akerman, Random synaptic feedback weights support error backpropagation
for deep learning, Nature Communications 7 (2016) 13276, doi:10.1038/ncomms13276. The reactions are this project's.
"""

from dataclasses import dataclass
from typing import ClassVar

from ...options import option, positive
from ..chemistry import ABOVE, ACTIVATED, BELOW, HIDDEN, LAST, Equation
from .kang_kim import KangKim


@dataclass(frozen=True)
class FeedbackAlignment(KangKim):
    """`KangKim` with the fixed random weights F in place of the transposed weights. No reaction changes the molecules
    of F."""

    feedback: float = option(
        0.5, positive("concentration"),
        "fixed feedback weights are drawn uniformly between minus this value and plus this value",
        unit="concentration",
    )  # fmt: skip

    name = "feedback_alignment"
    summary = "errors reach hidden neurons through fixed random weights instead of the transposed ones"
    reference = (
        f"{KangKim.reference}; "
        "T. P. Lillicrap, D. Cownden, D. B. Tweed, C. J. Akerman, Nature Communications 7 (2016) 13276, "
        "doi:10.1038/ncomms13276"
    )
    fixed: ClassVar = {"F": "feedback"}
    matrices: ClassVar = {"W": BELOW, "F": ABOVE}
    meanings: ClassVar = {**KangKim.meanings, "F": "feedback weights"}

    backward: ClassVar = (
        Equation("output_error", "E[i]' = Y[i] - T[i] - E[i]", LAST),
        Equation("error_sum", "E[i]' = F[i,k] D.above[k] - E[i]", HIDDEN),
        Equation("slope", "S[i] = f'(Z[i])", ACTIVATED),
        Equation("error", "D[i]' = S[i] E[i] - D[i]", ACTIVATED),
    )
