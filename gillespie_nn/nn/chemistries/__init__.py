"""Learning chemistries: to add one, a file with a subclass of `Chemistry`, and its line in `CHEMISTRIES`."""

from .feedback_alignment import FeedbackAlignment
from .kang_kim import KangKim

CHEMISTRIES = (KangKim, FeedbackAlignment)

__all__ = ["CHEMISTRIES", "FeedbackAlignment", "KangKim"]
