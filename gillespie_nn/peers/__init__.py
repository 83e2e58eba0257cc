"""Other programs, for benchmarks and verification. `missing()` of each tells how to install it.

To add a program: a subclass of `Peer`, and its line in `PEERS`. BioNetGen simulates `.net` files, not networks; it is
in `bionetgen`.
"""

from .peer import Channel, Hill, Job, Peer, whole_counts
from .programs import (
    Bioscrape,
    Copasi,
    CopasiAdaptive,
    CrnJax,
    GillesPy2,
    LibRoadRunner,
    Rebop,
    RebopInside,
    Stochastix,
)

PEERS: tuple[type[Peer], ...] = (
    Bioscrape, LibRoadRunner, Copasi, GillesPy2, Rebop, RebopInside, Stochastix, CrnJax,
)  # fmt: skip

__all__ = ["PEERS", "Channel", "Copasi", "CopasiAdaptive", "Hill", "Job", "LibRoadRunner", "Peer", "whole_counts"]
