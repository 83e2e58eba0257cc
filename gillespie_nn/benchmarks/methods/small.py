"""Texts of models that are written out by hand. `models` has their sources."""

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
