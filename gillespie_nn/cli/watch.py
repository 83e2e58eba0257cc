"""Lines about a run that another process is carrying out; `analyze --watch` prints them."""

import shlex
import time
from pathlib import Path

from .. import checks
from ..storage.follow import follow
from ..storage.schema import ENSEMBLE


def watch(path: str | Path, interval: float) -> int:
    """Print what is new in a run file, until its run ends; the exit code: 0, or 3 for a run that stopped before."""
    interval = checks.positive("interval", interval, "s", "the time between two looks")
    for look in follow(path, interval):
        what = "replicates" if look.kind == ENSEMBLE else "recorded presentations"
        fired = f", {look.n_events:.4g} reactions fired" if look.n_events else ""
        print(f"{time.strftime('%H:%M:%S')}  {look.kept} of {look.planned} {what}{fired}", flush=True)
    if look.ended:
        print("the run has ended", flush=True)
        return 0
    print(
        f"the run has stopped before its end; continue with: gillespie-nn resume {shlex.quote(str(path))}", flush=True
    )
    return 3
