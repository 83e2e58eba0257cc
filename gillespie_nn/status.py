"""Reasons why a run stopped, and the sentences shown to the user."""

from enum import IntEnum

from .kernels import codes


class Status(IntEnum):
    """Why a run stopped: an integer in run files; `str()` gives the sentence."""

    REACHED_END = codes.REACHED_END
    NO_REACTION_POSSIBLE = codes.NO_REACTION_POSSIBLE
    EVENT_LIMIT = codes.EVENT_LIMIT
    INTERRUPTED = codes.INTERRUPTED
    CONDITION_MET = codes.CONDITION_MET
    OVERFLOW = codes.OVERFLOW
    NEGATIVE = codes.NEGATIVE
    BAD_PROPENSITY = codes.BAD_PROPENSITY

    @property
    def complete(self) -> bool:
        """Whether the whole time span was simulated."""
        return self in (Status.REACHED_END, Status.NO_REACTION_POSSIBLE)

    @property
    def intended(self) -> bool:
        """Whether the replicate ended as it should: at the end of the time span, or by `stop_when`."""
        return self.complete or self == Status.CONDITION_MET

    def __str__(self) -> str:
        return _SENTENCES[self]


# Completes a sentence about a replicate, such as `3 of 10 ...`.
_SENTENCES = {
    Status.REACHED_END: "reached the end",
    Status.NO_REACTION_POSSIBLE: "reached the end; no further reaction is possible",
    Status.EVENT_LIMIT: "stopped at the event limit before the end",
    Status.CONDITION_MET: "stopped: the condition of stop_when became true",
    Status.INTERRUPTED: "interrupted before the end",
    Status.OVERFLOW: (
        "stopped: a count exceeded 2**53, a propensity overflowed float64, or the next time step underflowed"
    ),
    Status.BAD_PROPENSITY: "stopped: a propensity became negative or not a number",
    Status.NEGATIVE: "stopped: a count became negative, an internal error; please report it",
}
