"""The models: those on which the choice of `auto` was fixed, and ten others.

They are of all kinds and sizes, from one reaction to some 60,000. Where the source is ours, so are the equations and
the numbers. Networks of rule-based models are measured elsewhere.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from ...crn import ReactionNetwork
from ...crn.packaged import packaged_text
from ..everyday.models import MODELS as EVERYDAY
from ..run import VOLUME, started
from . import generated, small

FIXED_ON, HELD_OUT = GROUPS = "fixed on", "held out"
"""The models on which the rule of `auto` was fixed, and those that were not used for it."""
_LATE = 1e9


class MethodsModel(NamedTuple):
    """A model, and how it is simulated."""

    group: str
    make: Callable[[], ReactionNetwork]
    source: str = "ours"
    t_end: float = _LATE
    """End of a run [s]. A long run is ended by its number of events before."""
    each: int | None = None
    """About how many events a run to `t_end` has, for models that die out or change for good: they are simulated as
    an ensemble of replicates."""


def _fixed(text: str, source: str = "ours", **how: Any) -> MethodsModel:
    return MethodsModel(FIXED_ON, partial(ReactionNetwork.from_text, text), source, **how)


def _generated(group: str, text: Callable[..., str], *sizes: float, source: str = "ours", **how: Any) -> MethodsModel:
    """A model whose text is generated when it is needed."""
    return MethodsModel(group, lambda: ReactionNetwork.from_text(text(*sizes)), source, **how)


def _everyday(name: str, **how: Any) -> MethodsModel:
    model = EVERYDAY[name]
    return _fixed(model.text, model.source, **how)


def _packaged(name: str, **how: Any) -> MethodsModel:
    return _fixed(packaged_text(name), f"the packaged model {name}, see data/README.md", **how)


def _training(group: str, *layers: int) -> MethodsModel:
    """A training network just after an input is switched on, as `bench --peers` starts it."""

    def make() -> ReactionNetwork:
        network, initial = started(layers)
        return replace(network, initial=initial, volume=VOLUME)

    return MethodsModel(group, make, "the training networks of this package")


_GILLESPIE = "D. T. Gillespie, J. Phys. Chem. 81 (1977) 2340-2361, doi:10.1021/j100540a008"
_WILKINSON = "D. J. Wilkinson, Stochastic Modelling for Systems Biology, CRC Press 2006"

MODELS: dict[str, MethodsModel] = {
    "pure_birth": _fixed(small.PURE_BIRTH),
    "birth_death": _everyday("birth_death"),
    "dimerisation": _everyday("dimerisation"),
    "michaelis_menten": _everyday("michaelis_menten", t_end=18.5, each=1000),
    "schlogl": _everyday("schlogl"),
    "circadian_oscillator": _everyday("circadian_oscillator"),
    "toggle_switch": _everyday("toggle_switch"),
    "repressilator": _fixed(
        small.REPRESSILATOR, "M. B. Elowitz, S. Leibler, Nature 403 (2000) 335-338, doi:10.1038/35002125"
    ),
    "lotka_volterra": _packaged("lotka_volterra", t_end=3.0, each=90_000),
    "sir": _packaged("sir", each=400),
    "brusselator": _fixed(small.BRUSSELATOR, _GILLESPIE),
    "oregonator": _fixed(small.OREGONATOR, _GILLESPIE),
    "telegraph_gene": _packaged("bursting_gene"),
    "autoregulation": _fixed(small.AUTOREGULATION, f"{_WILKINSON}, auto-regulation in a prokaryote"),
    "heat_shock": _fixed(small.HEAT_SHOCK),
    "chain_5": _generated(FIXED_ON, generated.chain, 5),
    "chain_20": _generated(FIXED_ON, generated.chain, 20),
    "chain_60": _generated(FIXED_ON, generated.chain, 60),
    "chain_200": _generated(FIXED_ON, generated.chain, 200),
    "chain_1000": _generated(FIXED_ON, generated.chain, 1000),
    "ring_30": _generated(FIXED_ON, generated.ring, 30),
    "ring_300": _generated(FIXED_ON, generated.ring, 300),
    "lattice_100": _generated(FIXED_ON, generated.lattice, 10, 10),
    "lattice_2500": _generated(FIXED_ON, generated.lattice, 50, 50),
    "polymers": _generated(FIXED_ON, generated.polymers, 50),
    "mapk_cascade": _fixed(
        small.MAPK,
        "C.-Y. F. Huang, J. E. Ferrell, Proc. Natl. Acad. Sci. USA 93 (1996) 10078-10083, "
        "doi:10.1073/pnas.93.19.10078; the numbers of molecules are ours",
    ),
    "phosphorylation": _generated(FIXED_ON, generated.phosphorylation, 6),
    "scarce_partner": _fixed(small.SCARCE_PARTNER),
    "scarce_enzyme": _fixed(small.SCARCE_ENZYME),
    "gene_and_dimer": _fixed(small.GENE_AND_DIMER),
    "outer_product": _generated(FIXED_ON, generated.outer_product, 173),
    "training_2_4_1": _training(FIXED_ON, 2, 4, 1),
    "training_16_16_10": _training(FIXED_ON, 16, 16, 10),
    "day_and_night": _fixed(small.DAY_AND_NIGHT),
    "random_sparse": _generated(FIXED_ON, generated.random_network, 200, 500, 1, 4.0, 50),
    "random_dense": _generated(FIXED_ON, generated.random_network, 6, 40, 2, 2.0, 200),
    "birth_deaths": _generated(FIXED_ON, generated.birth_deaths, 500, 6.0),
    "stiff": _fixed(small.STIFF),
    "households": _generated(HELD_OUT, generated.households, 100),
    "p53_oscillator": MethodsModel(
        HELD_OUT, partial(ReactionNetwork.from_text, small.P53),
        "N. Geva-Zatorsky et al., Mol. Syst. Biol. 2 (2006) 2006.0033, doi:10.1038/msb4100068, its model with an "
        "intermediary; the numbers in wide use",
    ),
    "food_chain": _generated(HELD_OUT, generated.food_chain, 12),
    "switches": _generated(
        HELD_OUT, generated.switches, 4,
        source="A. Goldbeter, D. E. Koshland, Proc. Natl. Acad. Sci. USA 78 (1981) 6840-6844, "
        "doi:10.1073/pnas.78.11.6840, four in a row; the numbers are ours",
    ),
    "gene_ring": _generated(HELD_OUT, generated.gene_ring, 100),
    "promoter": _generated(HELD_OUT, generated.promoter, 16),
    "annihilation": MethodsModel(
        HELD_OUT,
        lambda: ReactionNetwork.from_text(
            generated.lattice(8, 8, 8, species=2, sources=("U0 + U1 -> 0 @ 1", "0 -> U0 @ 2", "0 -> U1 @ 2"), start=3)
        ),
    ),
    "coagulation": _generated(HELD_OUT, generated.coagulation, 40),
    "signalling": _generated(HELD_OUT, generated.signalling, 40, 20, 3),
    "training_4_8_3": _training(HELD_OUT, 4, 8, 3),
}  # fmt: skip
