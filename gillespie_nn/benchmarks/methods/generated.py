"""Texts of models that are generated: chains, grids, ladders, and networks drawn at random from a fixed seed."""

import random
from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement, product


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _amounts(names: Iterable[str], n: int) -> Iterator[str]:
    return (f"{name} = {n}" for name in names)


def chain(n_reactions: int) -> str:
    """0 -> Q1 -> Q2 -> ... -> 0 with so many reactions and ten molecules of each species, where it is stationary."""
    names = [f"Q{i}" for i in range(1, n_reactions)]
    steps = (f"{a} -> {b} @ {0.1 if a != '0' else 1}" for a, b in zip(["0", *names], [*names, "0"]))
    return _text([*steps, *_amounts(names, 10)])


def ring(n_reactions: int) -> str:
    """A ring of isomers; each turns into its two neighbours."""
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
    """M_ij is made at a rate proportional to A_i and C_j, which fluctuate, and is lost: the reactions of a layer that
    learns."""
    lines = []
    for i in range(n):
        lines += [f"0 -> A{i} @ {2 + i % 7}", f"A{i} -> 0 @ 0.2", f"0 -> C{i} @ {1 + i % 5}", f"C{i} -> 0 @ 0.1"]
        lines += [f"A{i} + C{j} -> A{i} + C{j} + M{i}_{j} @ 0.0001" for j in range(n)]
        lines += [f"M{i}_{j} -> 0 @ 0.01" for j in range(n)]
        lines += [f"A{i} = {5 * (2 + i % 7)}", f"C{i} = {10 * (1 + i % 5)}"]
    return _text(lines)


def birth_deaths(n: int, decades: float) -> str:
    """Independent species, made and lost at rates that differ by so many decades, with a mean of 20 each."""
    rates = [10.0 ** (decades * (i / (n - 1) - 0.5)) for i in range(n)]
    lines = [f"0 -> A{i} @ {20 * k!r}\nA{i} -> 0 @ {k!r}" for i, k in enumerate(rates)]
    return _text([*lines, *_amounts((f"A{i}" for i in range(n)), 20)])


def random_network(n_species: int, n_reactions: int, seed: int, decades: float, start: int) -> str:
    """Reversible reactions of one or two random species with one or two others; rate constants are uniform in their
    logarithm."""
    draw = random.Random(seed).random  # its sequence is the same in all versions of Python
    names = [f"R{i}" for i in range(n_species)]

    def side(n: int) -> str:
        return " + ".join(names[int(draw() * n_species)] for _ in range(n))

    lines: list[str] = []
    while len(lines) < n_reactions // 2:
        order = 1 + (draw() < 0.5)
        left, right = side(order), side(order)
        if sorted(left.split(" + ")) == sorted(right.split(" + ")):
            continue
        scale = 1.0 if order == 1 else 1.0 / start
        forward, back = (scale * 10.0 ** (decades * (draw() - 0.5)) for _ in range(2))
        lines.append(f"{left} <-> {right} @ {forward!r}, {back!r}")
    return _text([*lines, *_amounts(names, start)])


def signalling(n_proteins: int, n_complexes: int, seed: int) -> str:
    """Proteins that activate others at random, lose their activity, and bind in pairs: 2 reactions for each complex and
    4 for each protein."""
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
    """An epidemic in `n` households of five, which infect one another through germs V in common places; immunity
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
    """Grass that grows and competes, and n - 1 animals each of which eats the one before; some of each immigrate."""
    lines = ["N0 -> 2 N0 @ 10", "2 N0 -> N0 @ 0.002"]
    for i in range(n):
        lines += [f"0 -> N{i} @ 1", f"N{i} -> 0 @ {0.5 + 0.1 * i}", f"N{i} = {800 - 50 * i}"]
        if i:
            lines.append(f"N{i - 1} + N{i} -> 2 N{i} @ 0.004")
    return _text(lines)


def switches(n: int) -> str:
    """A cascade of proteins that two enzymes modify and restore by saturated laws; each is the enzyme of the next."""
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
