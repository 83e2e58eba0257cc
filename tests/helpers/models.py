"""Small models with known laws, and samples of them, drawn once a session for each method."""

from functools import cache
from typing import NamedTuple

import numpy as np

import gillespie_nn as gnn
from gillespie_nn.crn.compiled.terms import product_families
from helpers.checks_of_chance import chi_square
from helpers.naive import master_equation

N_SAMPLES = 10_000
SEED = 20_250_101


class Model(NamedTuple):
    network: gnn.ReactionNetwork
    time: float
    most: dict
    volume: float = 1.0


def _model(text, time, most, volume=1.0):
    return Model(gnn.ReactionNetwork.from_text(text), time, most, volume)


MODELS = {
    "immigration-death": _model("0 -> A @ 5\nA -> 0 @ 0.5", 2.0, {"A": 60}),
    "isomerisation": _model("A -> B @ 1.0\nB -> A @ 0.5\nA = 30", 0.8, {"A": 30, "B": 30}),
    "Yule": _model("A -> 2 A @ 0.7\nA = 1", 3.0, {"A": 250}),
    "birth-death": _model("A -> 2 A @ 0.9\nA -> 0 @ 1.1\nA = 1", 2.0, {"A": 120}),
    "dimerisation": _model("2 A -> B @ 1.5\nB -> 2 A @ 0.8\nA = 25\nB = 0", 0.5, {"A": 25, "B": 12}, volume=20.0),
    "third order": _model("3 A -> A @ 2\n0 -> A @ 1", 1.5, {"A": 60}, volume=6.0),
    "fourth order": _model("3 A + B -> A + B @ 3\n2 A -> 3 A @ 1\nA = 9\nB = 2", 0.7, {"A": 70, "B": 2}, volume=8.0),
    "two species": _model(
        "0 -> A @ 3\nA -> 0 @ 0.4\n2 A -> B @ 1\nB -> 0 @ 0.7\nA + B -> A @ 0.5\nA = 4", 2.0, {"A": 40, "B": 25},
        volume=4.0,
    ),
    "lumped": _model(
        "B -> B + A @ 1\nC -> C + A @ 2\n0 -> A @ 3\nA -> 0 @ 1\nB -> C @ 1\nC -> B @ 1\nB = 3", 1.2,
        {"A": 40, "B": 3, "C": 3},
    ),
    "step": _model("0 -> A @ 3 * step(B, A)\nA -> 0 @ 0.5\n0 -> B @ 2\nB -> 0 @ 0.6", 2.0, {"A": 25, "B": 25}),
    "ramp": _model("0 -> A @ 2 * ramp(B, A)\nA -> 0 @ 0.5\n0 -> B @ 4\nB -> 0 @ 0.8\nB = 3", 1.5, {"A": 30, "B": 30}),
    "Hill": _model("0 -> A @ propensity(20 / (1 + (A / 5)^2))\nA -> 0 @ 0.8", 2.0, {"A": 50}),
    "not monotone": _model("0 -> A @ propensity(12 * A * exp(-A / 4) + 1)\nA -> 0 @ 1\nA = 2", 1.5, {"A": 60}),
    "vanishing": _model("0 -> B @ propensity(0.02 * (40 - 2*B) * (39 - 2*B) / 2)\nB -> 0 @ 0.3", 0.5, {"B": 20}),
    "enzyme": _model("A -> B @ propensity(9 * A / (3 + A))\nB -> A @ propensity(5 * B / (6 + B))\nA = 20", 1.0,
                     {"A": 20, "B": 20}),
    "lumped laws": _model(
        "0 -> A @ 2\n0 -> A @ propensity(6 * B / (1 + B))\nC -> C + A @ 1\nA -> 0 @ 1\nB -> C @ 1\nC -> B @ 1\nB = 3",
        1.2, {"A": 40, "B": 3, "C": 3},
    ),
    "piecewise": _model("0 -> A @ propensity(piecewise(8, A < 4, 2))\nA -> 0 @ propensity(min(A, 3))", 2.0, {"A": 40}),
    "odd pairs": _model("2 A -> 0 @ 1\nA = 11", 0.1, {"A": 11}),
}  # fmt: skip


@cache
def master_law(name):
    """The law at the model's time, and the probability lost by cutting it off."""
    model = MODELS[name]
    law = master_equation(model.network, model.volume, model.most, model.time)
    return law, 1.0 - law.sum()


@cache
def sample(name, method):
    """Counts int64[sample, species] at the model's time."""
    model = MODELS[name]
    r = gnn.simulate(model.network, model.time, 2, volume=model.volume, method=method, replicates=N_SAMPLES, seed=SEED)
    assert r.complete
    return r.counts[:, -1, :]


def pairs_of_replicates(counts):
    """p-value that neighbouring replicates of `immigration-death` are independent and have the right law."""
    law, _ = master_law("immigration-death")
    pairs = np.minimum(np.asarray(counts).reshape(-1, 2), len(law) - 1)
    return chi_square(np.ravel_multi_index(pairs.T, (len(law), len(law))), np.outer(law, law).ravel())


@cache
def product_model():
    """Two rows and two columns that fluctuate, with unequal rates: a product family too small to be worthwhile."""
    network = gnn.ReactionNetwork.from_text(
        "A -> B @ 1\nB -> A @ 0.5\n0 -> C @ 2\nC -> 0 @ 0.7\n0 -> D @ 1\nD -> 0 @ 0.5\n"
        "A + C -> A + C + P @ 1\nA + D -> A + D + Q @ 0.4\nB + C -> B + C + Q @ 0.7\nB + D -> B + D + P @ 0.9\n"
        "P -> 0 @ 1\nQ -> 0 @ 1.5\nA = 2\nB = 1\nC = 3\nD = 2"
    )
    compiled = network.compiled
    compiled.families = product_families(network, compiled.changes, worthwhile=0)
    assert [len(f.reactions) for f in compiled.families] == [4]
    return Model(network, 1.5, {})
