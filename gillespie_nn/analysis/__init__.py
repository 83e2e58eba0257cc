"""What a run file says: summaries and figures."""

from .figures import draw
from .summary import summary, summary_text

__all__ = ["draw", "summary", "summary_text"]
