"""Six everyday models in this project's text format. A `short` run has about 100 events, a `long` one about 1,000; one
that is `very_long`, or some of them together, about a million.

Programs that do not read SBML get the repression in the toggle switch as a `Hill` function. The tests compare it with
the law in the text.
"""

from typing import NamedTuple

from ...crn import ReactionNetwork
from ...crn.packaged import packaged_text
from ...peers import Hill, Job

N_POINTS = 51
"""Recorded points of a run, both ends included."""


class EverydayModel(NamedTuple):
    """A model, and the times at which its two runs end."""

    text: str
    short: float
    """Time [s] at which a run of about 100 events ends."""
    long: float
    """Time [s] at which a run of about 1,000 events ends."""
    very_long: float
    """Time [s] at which one run of about a million events ends, or each of `few`."""
    source: str
    few: int = 1
    """Runs that have a million events together: where a model comes to an end, or has two states and stays in each for
    long, so that one path says little."""
    hill: dict[str, Hill] = {}
    """The reactions that are not mass action, by name."""

    def network(self) -> ReactionNetwork:
        """The model as a network."""
        return ReactionNetwork.from_text(self.text)

    def job(self, t_end: float) -> Job:
        """Runs to `t_end` [s] with `N_POINTS` points."""
        return Job(self.network(), t_end, N_POINTS, hill=self.hill)


_BIRTH_DEATH = """
0 -> A @ 1
A -> 0 @ 0.1
A = 0
"""
# Wilkinson's c1 = 1.66e-3 is the rate of a pair of molecules. Here P (P - 1) counts each pair twice.
_DIMERISATION = """
2 P -> P2 @ 1.66e-3 / 2
P2 -> 2 P @ 0.2
P = 301
P2 = 0
"""
_MICHAELIS_MENTEN = """
S + E -> SE @ 0.0017
SE -> S + E @ 0.5
SE -> P + E @ 0.1
S = 301
E = 120
SE = 0
P = 0
"""

MODELS = {
    "birth_death": EverydayModel(
        _BIRTH_DEATH, 50.0, 500.0, 5e5,
        "T. Jahnke, W. Huisinga, J. Math. Biol. 54 (2007) 1-26, doi:10.1007/s00285-006-0034-x; the rates are ours",
    ),
    "dimerisation": EverydayModel(
        _DIMERISATION, 2.05, 30.0, 3e4,
        "D. J. Wilkinson, Stochastic Modelling for Systems Biology, CRC Press 2006, dimerisation kinetics",
    ),
    "michaelis_menten": EverydayModel(
        _MICHAELIS_MENTEN, 1.7, 18.5, 185.0,
        "L. Michaelis, M. L. Menten, Biochem. Z. 49 (1913) 333-369; the numbers of the example of GillesPy2",
        few=300,
    ),
    "schlogl": EverydayModel(
        packaged_text("schlogl"), 0.044, 0.44, 4.4,
        "F. Schlogl, Z. Phys. 253 (1972) 147-161, doi:10.1007/BF01379769; the numbers in wide use",
        few=70,
    ),
    "circadian_oscillator": EverydayModel(
        packaged_text("circadian_oscillator"), 0.205, 0.55, 370.0,
        "J. M. G. Vilar et al., Proc. Natl. Acad. Sci. USA 99 (2002) 5988-5992, doi:10.1073/pnas.092133899",
    ),
    "toggle_switch": EverydayModel(
        packaged_text("toggle_switch"), 1.5, 7.0, 30.0,
        "T. S. Gardner, C. R. Cantor, J. J. Collins, Nature 403 (2000) 339-342, doi:10.1038/35002131",
        few=50,
        hill={"make_U": Hill(625.0, "V", 4.0, 2.5), "make_V": Hill(62.4, "U", 4.0, 1.0)},
    ),
}  # fmt: skip
