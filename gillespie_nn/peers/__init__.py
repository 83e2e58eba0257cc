"""Other programs, to measure speed against and to verify against. `missing()` of each says what installs it.

To add a program: a file with a subclass of `Peer`, and its line in `PEERS`. BioNetGen, which simulates `.net` files and
no networks, is in `bionetgen`.
"""

from .base import Channel, Hill, Job, Peer, whole_counts
from .bioscrape import Bioscrape
from .copasi import Copasi, CopasiAdaptive
from .crn_jax import CrnJax
from .gillespy2 import GillesPy2
from .libroadrunner import LibRoadRunner
from .rebop import Rebop, RebopInside
from .stochastix import Stochastix

PEERS: tuple[type[Peer], ...] = (
    Bioscrape, LibRoadRunner, Copasi, GillesPy2, Rebop, RebopInside, Stochastix, CrnJax,
)  # fmt: skip

__all__ = ["PEERS", "Channel", "Copasi", "CopasiAdaptive", "Hill", "Job", "LibRoadRunner", "Peer", "whole_counts"]
