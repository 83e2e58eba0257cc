"""Every exact method has the law of the chemical master equation: full distributions against closed forms and
against the master equation solved by matrix exponential.

Each check rejects a right engine with probability 1e-7 (`checks_of_chance.ALPHA`), by a chi-square test over all
counts, cells pooled to at least 20 expected.
"""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.simulation import EXACT
from gillespie_nn.simulation.methods import Layered
from helpers.checks_of_chance import accept, chi_square, chi_square_two
from helpers.models import MODELS, N_SAMPLES, master_law, pairs_of_replicates, sample
from helpers.naive import master_equation

NAMES = [m.name for m in EXACT if m is not Layered]  # without a product family `layered` is `rejection`


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("name", MODELS)
def test_the_law_is_that_of_the_master_equation(name, method):
    model = MODELS[name]
    law, lost = master_law(name)
    assert lost < 1e-9
    for k, species in enumerate(model.network.species):
        marginal = law.sum(axis=tuple(a for a in range(law.ndim) if a != k))
        if np.max(marginal) < 1 - 1e-6:
            accept(chi_square(sample(name, method)[:, k], marginal), f"{name}, {species}, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_the_joint_law_of_two_species_is_that_of_the_master_equation(method):
    law, _ = master_law("two species")
    counts = sample("two species", method)
    inside = np.minimum(counts, np.array(law.shape) - 1)
    accept(chi_square(np.ravel_multi_index(inside.T, law.shape), law.ravel()), f"joint law, {method}")


def _binomial(n, p, size=200):
    return stats.binom.pmf(np.arange(size), n, p)


CLOSED_FORMS = {
    # immigration k, death mu: Poisson with mean (k / mu) (1 - exp(-mu t))
    "immigration-death": lambda: stats.poisson.pmf(np.arange(200), 10.0 * (1 - np.exp(-0.5 * 2.0))),
    # A <-> B: each of 30 molecules is independently an A
    "isomerisation": lambda: _binomial(30, (0.5 + 1.0 * np.exp(-1.5 * 0.8)) / 1.5),
    # pure birth from one: geometric with success probability exp(-lambda t)
    "Yule": lambda: np.append(0.0, stats.geom.pmf(np.arange(1, 200), np.exp(-0.7 * 3.0))),
    # linear birth and death from one: P0 at 0, then geometric
    "birth-death": lambda: _linear_birth_death(0.9, 1.1, 2.0),
}


def _linear_birth_death(birth, death, t, size=200):
    grown = np.exp((birth - death) * t)
    alpha = death * (grown - 1) / (birth * grown - death)
    beta = birth * (grown - 1) / (birth * grown - death)
    n = np.arange(1, size)
    return np.append(alpha, (1 - alpha) * (1 - beta) * beta ** (n - 1))


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_agree_with_the_master_equation_and_with_every_method(name):
    law, _ = master_law(name)
    marginal = law.sum(axis=tuple(range(1, law.ndim)))
    closed = CLOSED_FORMS[name]()
    size = min(len(closed), len(marginal))
    np.testing.assert_allclose(marginal[:size], closed[:size], atol=1e-9)
    for method in NAMES:
        accept(chi_square(sample(name, method)[:, 0], closed), f"{name} in closed form, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_extinction_has_its_probability(method):
    """Linear birth and death from 3 molecules: all three lines die out by t independently."""
    network = gnn.ReactionNetwork.from_text("A -> 2 A @ 0.9\nA -> 0 @ 1.1\nA = 3")
    r = gnn.simulate(network, 2.0, 2, method=method, replicates=N_SAMPLES, seed=11)
    extinct = r.counts[:, -1, 0] == 0
    p = _linear_birth_death(0.9, 1.1, 2.0)[0] ** 3
    accept(stats.binomtest(int(extinct.sum()), N_SAMPLES, p).pvalue, f"extinction, {method}")
    np.testing.assert_array_equal(r.status == gnn.Status.NO_REACTION_POSSIBLE, extinct)


@pytest.mark.parametrize("method", NAMES)
def test_the_law_at_two_times_is_that_of_the_master_equation(method):
    """Immigration-death at t and t + s jointly, so that what is recorded at one time is not of another."""
    network = MODELS["immigration-death"].network
    r = gnn.simulate(network, time=[0.4, 0.9], method=method, replicates=N_SAMPLES, seed=12)
    most = {"A": 30}
    first = master_equation(network, 1.0, most, 0.4)
    joint = np.zeros((31, 31))
    for n in range(31):
        start = gnn.ReactionNetwork(network.species, network.reactions, {"A": n})
        joint[n] = first[n] * master_equation(start, 1.0, most, 0.5)
    place = np.ravel_multi_index(np.minimum(r.counts[:, :, 0], 30).T, joint.shape)
    accept(chi_square(place, joint.ravel()), f"two times, {method}")


@pytest.mark.parametrize("method", NAMES)
def test_neighbouring_replicates_are_independent(method):
    accept(pairs_of_replicates(sample("immigration-death", method)[:, 0]), f"pairs of replicates, {method}")


def test_methods_agree_on_the_training_network():
    """`rejection` against `direct` on XOR at Omega = 20 with learning on and an input switched half-way: 12 species
    at 2 times, two-sample chi-square, Bonferroni over all 24."""
    volume = 20
    spec = gnn.training_network((2, 4, 1), learning_rate=0.3, annihilation_rate=5.0)
    weights = spec.floating.initial_weights(3)
    initial = spec.initial(weights, volume) | spec.presentation([0, 1], [1], volume)
    switch = [(1.5, spec.presentation([1, 1], [0], volume))]
    shown = ["W1_0_0_p", "W2_0_3_m", "B1_1_p", "B2_0_m", "Z1_2_p", "Z2_0_p", "Y1_1", "S1_3", "E1_0_p", "D1_2_m",
             "D2_0_p", "D2_0_m"]  # fmt: skip
    runs = [
        gnn.simulate(
            spec.network, time=[1.0, 3.0], volume=volume, method=m, replicates=3000, seed=13 + k, initial=initial,
            schedule=switch,
        )
        for k, m in enumerate(("direct", "rejection"))
    ]  # fmt: skip
    p = [chi_square_two(*(r.of(s)[:, t] for r in runs)) for s in shown for t in (0, 1)]
    accept(min(p), "direct against rejection on XOR", family=len(p))
