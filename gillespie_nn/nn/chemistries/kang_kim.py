"""Backpropagation in one pot, after S. Kang and J. Kim, Noise-robust chemical reaction networks training artificial
neural networks, arXiv:2410.11919.

Forward pass, backpropagation and update are our reconstruction from the public abstract; the reactions of the smooth
ReLU are those of its reference. `hold` is ours, not the paper's: weights learn from copies G of the errors, which
take a licence L to be made. The environment sets L to 0 with each sample, and to 1 after the hold. With a learning
schedule it sets L to a factor f that falls over the run, so that weights learn at the rate eta f.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...options import IF_GIVEN, not_negative, one_of, option
from ..chemistry import (
    ACTIVATED,
    BIASES,
    CONSTANT,
    ERROR_SUMS,
    ERRORS,
    HIDDEN,
    INPUTS,
    LAST,
    OUTPUTS,
    PREACTIVATIONS,
    SAMPLE,
    SCHEDULED,
    SCHEDULES,
    SLOPES,
    TARGETS,
    WEIGHTS,
    Chemistry,
    Equation,
    Phase,
)


@dataclass(frozen=True)
class KangKim(Chemistry):
    """Errors travel back through the weights themselves, and all equations run at once."""

    hold: float = option(
        0.0, not_negative("s"), "time after each switch of the input during which weights do not change", unit="s"
    )

    learning_schedule: str = option(
        CONSTANT, one_of(*SCHEDULES), "how the learning rate falls over the presentations", kind=str,
        recorded=IF_GIVEN,
        more="the count of species L falls over the run, and weights learn at the rate eta L; it also works with "
        "hold=0",
    )  # fmt: skip

    name = "kang_kim"
    summary = "backpropagation: errors reach hidden neurons through the transposed weights"
    reference = (
        "S. Kang, J. Kim, Noise-robust chemical reaction networks training artificial neural networks, arXiv:2410.11919"
    )

    meanings: ClassVar = {
        "Z": PREACTIVATIONS, "Y": OUTPUTS, "S": SLOPES, "E": ERROR_SUMS, "D": ERRORS, "W": WEIGHTS, "B": BIASES,
        "G": "licensed errors",
    }  # fmt: skip
    forward: ClassVar = (
        Equation("preactivation", "Z[i]' = W[i,j] Y.below[j] + B[i] - Z[i]"),
        Equation("activation", "Y[i] = f(Z[i])", ACTIVATED),
    )
    backward: ClassVar = (
        Equation("output_error", "E[i]' = Y[i] - T[i] - E[i]", LAST),
        Equation("error_sum", "E[i]' = W.above[k,i] D.above[k] - E[i]", HIDDEN),
        Equation("slope", "S[i] = f'(Z[i])", ACTIVATED),
        Equation("error", "D[i]' = S[i] E[i] - D[i]", ACTIVATED),
    )
    learn: ClassVar = (
        Equation("update", "W[i,j]' = - learning_rate D[i] Y.below[j]"),
        Equation("update", "B[i]' = - learning_rate D[i]"),
    )
    learn_if_licensed: ClassVar = (
        Equation("licensed_error", "G[i]' = 5 D[i] L - 5 G[i]"),
        Equation("update", "W[i,j]' = - learning_rate G[i] Y.below[j]"),
        Equation("update", "B[i]' = - learning_rate G[i]"),
    )

    @property
    def licensed(self) -> bool:
        """Whether weights learn from licensed errors."""
        return bool(self.hold) or self.schedule != CONSTANT

    @property
    def schedule(self) -> str:
        return self.learning_schedule

    @property
    def update(self) -> tuple[Equation, ...]:
        return self.learn_if_licensed if self.licensed else self.learn

    @property
    def ports(self) -> Mapping[str, str]:
        return {"licence": "L"} if self.licensed else {}

    @property
    def phases(self) -> tuple[Phase, ...]:
        if not self.licensed:
            return super().phases
        sample = ((INPUTS, SAMPLE), (TARGETS, SAMPLE))
        licence: tuple[tuple[str, float | str]] = (("licence", 1.0 if self.schedule == CONSTANT else SCHEDULED),)
        if not self.hold:
            return (Phase("learn", None, (*sample, *licence)),)
        return (
            Phase("hold", self.hold, (*sample, ("licence", 0.0)), learns=False),
            Phase("learn", None, licence),
        )
