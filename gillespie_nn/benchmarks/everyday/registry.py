"""The other programs. To add one: a file with a subclass of `Peer`, and its line in `PEERS`."""

from .base import Peer
from .bioscrape import Bioscrape
from .copasi import Copasi
from .crn_jax import CrnJax
from .gillespy2 import GillesPy2
from .libroadrunner import LibRoadRunner
from .rebop import Rebop, RebopInside
from .stochastix import Stochastix

PEERS: tuple[type[Peer], ...] = (
    Bioscrape, LibRoadRunner, Copasi, GillesPy2, Rebop, RebopInside, Stochastix, CrnJax,
)  # fmt: skip
