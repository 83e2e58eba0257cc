"""Models on which all methods are timed: texts written by hand, texts that are generated, and the table of all."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations_with_replacement, product
from typing import Any, NamedTuple

from ..crn import ReactionNetwork
from ..crn.parts import packaged_text
from .everyday import MODELS as EVERYDAY
from .timing import VOLUME, started

# Texts written by hand. `MODELS` has their sources.

PURE_BIRTH = "0 -> A @ 5"
REPRESSILATOR = "\n".join(
    f"""
    0 -> M{i} @ propensity(0.0005 + 0.5 / (1 + (P{j} / 40)^2))
    M{i} -> 0 @ 0.00578
    M{i} -> M{i} + P{i} @ 0.167
    P{i} -> 0 @ 0.00116
    M{i} = {m}
    P{i} = {p}
    """
    for i, j, m, p in ((1, 3, 40, 2000), (2, 1, 5, 400), (3, 2, 1, 100))
)
# A rate of Gillespie for pairs of like molecules is halved: Y1 (Y1 - 1) counts each pair twice.
BRUSSELATOR = """
    0 -> Y1 @ 5000
    Y1 -> Y2 @ 50
    2 Y1 + Y2 -> 3 Y1 @ 5e-5 / 2
    Y1 -> 0 @ 5
    Y1 = 1000
    Y2 = 2000
"""
OREGONATOR = """
    Y2 -> Y1 @ 2
    Y1 + Y2 -> 0 @ 0.1
    Y1 -> 2 Y1 + Y3 @ 104
    2 Y1 -> 0 @ 0.016 / 2
    Y3 -> Y2 @ 26
    Y1 = 500
    Y2 = 1000
    Y3 = 2000
"""
AUTOREGULATION = """
    Gene + P2 <-> GeneP2 @ 1, 10
    Gene -> Gene + M @ 0.01
    M -> M + P @ 10
    2 P <-> P2 @ 1 / 2, 1
    M -> 0 @ 0.1
    P -> 0 @ 0.01
    Gene = 10
"""
HEAT_SHOCK = """
    Gene -> Gene + M @ 0.03
    M -> M + S @ 2
    M -> 0 @ 0.02
    S + E <-> SE @ 0.5, 2
    S + J <-> SJ @ 1, 0.4
    SE -> SE + MJ @ 0.05
    MJ -> MJ + J @ 0.8
    MJ -> 0 @ 0.05
    J -> 0 @ 2e-4
    SJ + F <-> SJF @ 0.02, 0.1
    SJF -> J + F @ 0.3
    U + J <-> UJ @ 5, 200
    UJ -> N + J @ 0.5
    N -> U @ 0.002
    Gene = 1
    E = 30
    J = 400
    F = 50
    N = 20000
    U = 200
"""
# Huang and Ferrell's concentrations [micromolar] times 10,000, with ten times as much of the scarce input enzymes.
MAPK = "\n".join(
    f"{s} + {e} <-> {s}_{e} @ 0.1, 150\n{s}_{e} -> {p} + {e} @ 150"
    for s, e, p in (
        ("K3", "E1", "K3p"), ("K3p", "E2", "K3"),
        ("K2", "K3p", "K2p"), ("K2p", "F2", "K2"), ("K2p", "K3p", "K2pp"), ("K2pp", "F2", "K2p"),
        ("K1", "K2pp", "K1p"), ("K1p", "F1", "K1"), ("K1p", "K2pp", "K1pp"), ("K1pp", "F1", "K1p"),
    )
) + "\nE1 = 3\nE2 = 3\nK3 = 30\nK2 = 12000\nF2 = 3\nK1 = 12000\nF1 = 1200"  # fmt: skip
SCARCE_PARTNER = """
    H + F -> HF @ 500
    HF -> H + F @ 1
    H = 300000
    HF = 5900
"""
SCARCE_ENZYME = """
    E + S -> ES @ 1
    ES -> E + S @ 100
    ES -> E + P @ 100
    E = 10
    S = 1000000
"""
GENE_AND_DIMER = """
    G -> G + M @ 1
    M -> 0 @ 0.1
    M -> M + P @ 10
    P -> 0 @ 0.01
    2 P -> D @ 100
    D -> 2 P @ 1
    D -> 0 @ 0.01
    G = 1
"""
DAY_AND_NIGHT = """
    0 -> M @ propensity(20 * (1 + 0.8 * sin(0.5 * time)))
    M -> 0 @ 1
    M -> M + P @ 2
    P -> 0 @ 0.1
    M = 20
    P = 400
"""
STIFF = """
    0 -> A @ 1
    A <-> B @ 10000, 20000
    B <-> C @ 30, 10
    C <-> D @ 0.1, 0.05
    2 D <-> E @ 500, 1000
    E -> 0 @ 0.01
    A = 100
    B = 50
    C = 150
    D = 300
"""
P53 = """
    0 -> P @ 90
    P -> 0 @ 0.002
    P -> 0 @ propensity(1.7 * Mdm2 * P / (P + 0.01))
    P -> P + Pre @ 1.1
    Pre -> Mdm2 @ 0.93
    Mdm2 -> 0 @ 0.96
    P = 70
    Pre = 30
    Mdm2 = 60
"""


# Generated texts: chains, grids, ladders, and networks drawn at random from a fixed seed.


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _amounts(names: Iterable[str], n: int) -> Iterator[str]:
    return (f"{name} = {n}" for name in names)


def chain(n_reactions: int) -> str:
    """0 -> Q1 -> Q2 -> ... -> 0 with so many reactions. It starts with ten molecules of each species, its mean."""
    names = [f"Q{i}" for i in range(1, n_reactions)]
    steps = (f"{a} -> {b} @ {0.1 if a != '0' else 1}" for a, b in zip(["0", *names], [*names, "0"]))
    return _text([*steps, *_amounts(names, 10)])


def ring(n_reactions: int) -> str:
    """A ring of isomers, each of which turns into its two neighbours."""
    names = [f"A{i}" for i in range(n_reactions // 2)]
    steps = (f"{a} <-> {b} @ 1, 0.5" for a, b in zip(names, [*names[1:], names[0]]))
    return _text([*steps, *_amounts(names, 20)])


def lattice(*sides: int, species: int = 1, sources: Iterable[str] = (), start: int = 10) -> str:
    """Molecules that hop between neighbouring sites of a grid with the given `sides` [sites].

    `sources` are further reactions of each site, in which U0, U1, ... are its species.
    """
    sites = list(product(*map(range, sides)))
    lines = []
    for site in sites:
        label = "_".join(map(str, site))
        for axis, n in enumerate(sides):
            if site[axis] + 1 < n:
                other = "_".join(str(x + (k == axis)) for k, x in enumerate(site))
                lines += [f"U{s}_{label} <-> U{s}_{other} @ 1, 1" for s in range(species)]
        for source in sources:
            for s in range(species):
                source = source.replace(f"U{s}", f"U{s}_{label}")
            lines.append(source)
        lines += _amounts((f"U{s}_{label}" for s in range(species)), start)
    return _text(lines)


def polymers(longest: int) -> str:
    """Chains that gain and lose one unit at a time, up to `longest` units."""
    steps = (f"A{i} + A1 <-> A{i + 1} @ {0.001 if i > 1 else 0.0005}, 0.5" for i in range(1, longest))
    return _text([*steps, "A1 = 20000"])


def phosphorylation(n_sites: int) -> str:
    """A protein with `n_sites` sites: a kinase fills them and a phosphatase empties them, in any order."""
    lines = []
    for state in product("01", repeat=n_sites):
        for site in range(n_sites):
            if state[site] == "0":
                a, b = "".join(state), "".join("1" if k == site else x for k, x in enumerate(state))
                lines += [f"P{a} + K -> P{b} + K @ 0.02", f"P{b} + F -> P{a} + F @ 0.03"]
    return _text([*lines, f"P{'0' * n_sites} = 2000", "K = 50", "F = 40"])


def outer_product(n: int) -> str:
    """M_ij is lost, and made at a rate proportional to A_i and C_j, which fluctuate: the reactions of a layer that
    learns."""
    lines = []
    for i in range(n):
        lines += [f"0 -> A{i} @ {2 + i % 7}", f"A{i} -> 0 @ 0.2", f"0 -> C{i} @ {1 + i % 5}", f"C{i} -> 0 @ 0.1"]
        lines += [f"A{i} + C{j} -> A{i} + C{j} + M{i}_{j} @ 0.0001" for j in range(n)]
        lines += [f"M{i}_{j} -> 0 @ 0.01" for j in range(n)]
        lines += [f"A{i} = {5 * (2 + i % 7)}", f"C{i} = {10 * (1 + i % 5)}"]
    return _text(lines)


def birth_deaths(n: int, decades: float) -> str:
    """Independent species with a mean of 20 each, made and lost at rates that differ by so many decades."""
    rates = [10.0 ** (decades * (i / (n - 1) - 0.5)) for i in range(n)]
    lines = [f"0 -> A{i} @ {20 * k!r}\nA{i} -> 0 @ {k!r}" for i, k in enumerate(rates)]
    return _text([*lines, *_amounts((f"A{i}" for i in range(n)), 20)])


def random_network(n_species: int, n_reactions: int, seed: int, decades: float, start: int) -> str:
    """Reversible reactions of one or two random species with one or two others; rate constants are uniform in their
    logarithm."""
    # This generator has the same sequence in all versions of Python.
    draw = random.Random(seed).random
    names = [f"R{i}" for i in range(n_species)]

    def side(n: int) -> str:
        return " + ".join(names[int(draw() * n_species)] for _ in range(n))

    lines: list[str] = []
    while len(lines) < n_reactions // 2:
        order = 1 + (draw() < 0.5)
        left, right = side(order), side(order)
        # A reaction that changes nothing is drawn again.
        if sorted(left.split(" + ")) == sorted(right.split(" + ")):
            continue
        scale = 1.0 if order == 1 else 1.0 / start
        forward, back = (scale * 10.0 ** (decades * (draw() - 0.5)) for _ in range(2))
        lines.append(f"{left} <-> {right} @ {forward!r}, {back!r}")
    return _text([*lines, *_amounts(names, start)])


def signalling(n_proteins: int, n_complexes: int, seed: int) -> str:
    """Proteins that activate others at random, lose their activity, and bind in pairs. There are 2 reactions for each
    complex and 4 for each protein."""
    draw = random.Random(seed).random

    def pick() -> int:
        return int(draw() * n_proteins)

    lines = []
    for i in range(n_proteins):
        activators = [pick(), pick(), pick()]
        lines += [f"P{i} + Q{a} -> Q{i} + Q{a} @ {0.02 * 10 ** (draw() - 0.5)!r}" for a in activators]
        lines.append(f"Q{i} -> P{i} @ {0.5 * 10 ** (draw() - 0.5)!r}")
    for c in range(n_complexes):
        a, b = pick(), pick()
        lines.append(f"Q{a} + P{b} <-> C{c} @ {0.01 * 10 ** (draw() - 0.5)!r}, {10 ** (draw() - 0.5)!r}")
    return _text(
        [
            *lines,
            *_amounts((f"P{i}" for i in range(n_proteins)), 100),
            *_amounts((f"Q{i}" for i in range(n_proteins)), 50),
        ]
    )


def households(n: int) -> str:
    """An epidemic in `n` households of five, which infect each other through germs V in common places. Immunity
    wanes."""
    lines = ["V -> 0 @ 5", "0 -> V @ 0.5"]
    for h in range(n):
        lines += [
            f"H{h} + I{h} -> 2 I{h} @ 0.4", f"H{h} + V -> I{h} + V @ 0.002", f"I{h} -> I{h} + V @ 0.5",
            f"I{h} -> R{h} @ 0.3", f"R{h} -> H{h} @ 0.1", f"H{h} = {5 if h % 10 else 4}",
            f"I{h} = {0 if h % 10 else 1}",
        ]  # fmt: skip
    return _text(lines)


def food_chain(n: int) -> str:
    """Grass that grows and competes, and n - 1 animals, each of which eats the one before; all immigrate slowly."""
    lines = ["N0 -> 2 N0 @ 10", "2 N0 -> N0 @ 0.002"]
    for i in range(n):
        lines += [f"0 -> N{i} @ 1", f"N{i} -> 0 @ {0.5 + 0.1 * i}", f"N{i} = {800 - 50 * i}"]
        if i:
            lines.append(f"N{i - 1} + N{i} -> 2 N{i} @ 0.004")
    return _text(lines)


def switches(n: int) -> str:
    """A cascade of proteins, modified and restored by saturated laws. Each modified protein is the enzyme of the
    next."""
    lines = []
    for i in range(n):
        enzyme = "20" if i == 0 else f"(0.1 * M{i - 1})"
        lines += [
            f"U{i} -> M{i} @ propensity({enzyme} * U{i} / (5 + U{i}))",
            f"M{i} -> U{i} @ propensity(18 * M{i} / (5 + M{i}))", f"U{i} = 200", f"M{i} = 200",
        ]  # fmt: skip
    return _text(lines)


def gene_ring(n: int) -> str:
    """A ring of genes, each of which represses the next by a Hill law."""
    lines = []
    for i in range(n):
        lines += [
            f"0 -> P{i} @ propensity(1 + 60 / (1 + (P{(i - 1) % n} / 20)^3))", f"P{i} -> 0 @ 1",
            f"P{i} = {5 + 7 * (i % 5)}",
        ]  # fmt: skip
    return _text(lines)


def promoter(n_sites: int) -> str:
    """A promoter whose sites bind an activator cooperatively, and the gene of the activator behind it."""
    lines = ["M -> 0 @ 1", "M -> M + A @ 4", "A -> 0 @ 0.2"]
    for k in range(n_sites):
        lines.append(f"O{k} + A <-> O{k + 1} @ {0.02 * (n_sites - k)!r}, {20.0 * (k + 1) / 1.3**k!r}")
    lines += [f"O{k} -> O{k} + M @ {1 + 3 * k}" for k in range(n_sites + 1)]
    return _text([*lines, "O0 = 1", "A = 200", "M = 10"])


def coagulation(largest: int) -> str:
    """Clusters that merge in pairs up to the size `largest`, and lose single units."""
    lines = []
    for i, j in combinations_with_replacement(range(1, largest), 2):
        if i + j <= largest:
            left = f"2 C{i}" if i == j else f"C{i} + C{j}"
            lines.append(f"{left} -> C{i + j} @ {1e-4 * (0.5 if i == j else 1.0) * (i + j) ** 0.5!r}")
    lines += [
        f"C{i} -> C{i - 1} + C1 @ {0.5 * i**0.5!r}" if i > 2 else "C2 -> 2 C1 @ 0.7" for i in range(2, largest + 1)
    ]
    return _text([*lines, "C1 = 10000"])


# The models: those on which the rule of `auto` was fixed, and ten others.
#
# They are of all kinds and sizes, from one reaction to about 60,000. If the source is `ours`, so are the equations and
# the numbers. Rule-based networks are measured in `networks`.

FIXED_ON, HELD_OUT = GROUPS = "fixed on", "held out"
"""The models on which the rule of `auto` was fixed, and those that were not used for it."""
_LATE = 1e9
"""End of runs that their number of events ends before [s]."""


class MethodsModel(NamedTuple):
    """A model, and how it is simulated."""

    group: str
    make: Callable[[], ReactionNetwork]
    source: str = "ours"
    t_end: float = _LATE
    """End of a run [s]. The number of events ends a long run before."""
    each: int | None = None
    """About how many events a run to `t_end` has, for models that die out or change for good. These are simulated as an
    ensemble of replicates."""


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
    "pure_birth": _fixed(PURE_BIRTH),
    "birth_death": _everyday("birth_death"),
    "dimerisation": _everyday("dimerisation"),
    "michaelis_menten": _everyday("michaelis_menten", t_end=18.5, each=1000),
    "schlogl": _everyday("schlogl"),
    "circadian_oscillator": _everyday("circadian_oscillator"),
    "toggle_switch": _everyday("toggle_switch"),
    "repressilator": _fixed(
        REPRESSILATOR, "M. B. Elowitz, S. Leibler, Nature 403 (2000) 335-338, doi:10.1038/35002125"
    ),
    "lotka_volterra": _packaged("lotka_volterra", t_end=3.0, each=90_000),
    "sir": _packaged("sir", each=400),
    "brusselator": _fixed(BRUSSELATOR, _GILLESPIE),
    "oregonator": _fixed(OREGONATOR, _GILLESPIE),
    "telegraph_gene": _packaged("bursting_gene"),
    "autoregulation": _fixed(AUTOREGULATION, f"{_WILKINSON}, auto-regulation in a prokaryote"),
    "heat_shock": _fixed(HEAT_SHOCK),
    "chain_5": _generated(FIXED_ON, chain, 5),
    "chain_20": _generated(FIXED_ON, chain, 20),
    "chain_60": _generated(FIXED_ON, chain, 60),
    "chain_200": _generated(FIXED_ON, chain, 200),
    "chain_1000": _generated(FIXED_ON, chain, 1000),
    "ring_30": _generated(FIXED_ON, ring, 30),
    "ring_300": _generated(FIXED_ON, ring, 300),
    "lattice_100": _generated(FIXED_ON, lattice, 10, 10),
    "lattice_2500": _generated(FIXED_ON, lattice, 50, 50),
    "polymers": _generated(FIXED_ON, polymers, 50),
    "mapk_cascade": _fixed(
        MAPK,
        "C.-Y. F. Huang, J. E. Ferrell, Proc. Natl. Acad. Sci. USA 93 (1996) 10078-10083, "
        "doi:10.1073/pnas.93.19.10078; the numbers of molecules are ours",
    ),
    "phosphorylation": _generated(FIXED_ON, phosphorylation, 6),
    "scarce_partner": _fixed(SCARCE_PARTNER),
    "scarce_enzyme": _fixed(SCARCE_ENZYME),
    "gene_and_dimer": _fixed(GENE_AND_DIMER),
    "outer_product": _generated(FIXED_ON, outer_product, 173),
    "training_2_4_1": _training(FIXED_ON, 2, 4, 1),
    "training_16_16_10": _training(FIXED_ON, 16, 16, 10),
    "day_and_night": _fixed(DAY_AND_NIGHT),
    "random_sparse": _generated(FIXED_ON, random_network, 200, 500, 1, 4.0, 50),
    "random_dense": _generated(FIXED_ON, random_network, 6, 40, 2, 2.0, 200),
    "birth_deaths": _generated(FIXED_ON, birth_deaths, 500, 6.0),
    "stiff": _fixed(STIFF),
    "households": _generated(HELD_OUT, households, 100),
    "p53_oscillator": MethodsModel(
        HELD_OUT, partial(ReactionNetwork.from_text, P53),
        "N. Geva-Zatorsky et al., Mol. Syst. Biol. 2 (2006) 2006.0033, doi:10.1038/msb4100068, its model with an "
        "intermediary; the numbers in wide use",
    ),
    "food_chain": _generated(HELD_OUT, food_chain, 12),
    "switches": _generated(
        HELD_OUT, switches, 4,
        source="A. Goldbeter, D. E. Koshland, Proc. Natl. Acad. Sci. USA 78 (1981) 6840-6844, "
        "doi:10.1073/pnas.78.11.6840, four in a row; the numbers are ours",
    ),
    "gene_ring": _generated(HELD_OUT, gene_ring, 100),
    "promoter": _generated(HELD_OUT, promoter, 16),
    "annihilation": MethodsModel(
        HELD_OUT,
        lambda: ReactionNetwork.from_text(
            lattice(8, 8, 8, species=2, sources=("U0 + U1 -> 0 @ 1", "0 -> U0 @ 2", "0 -> U1 @ 2"), start=3)
        ),
    ),
    "coagulation": _generated(HELD_OUT, coagulation, 40),
    "signalling": _generated(HELD_OUT, signalling, 40, 20, 3),
    "training_4_8_3": _training(HELD_OUT, 4, 8, 3),
}  # fmt: skip
