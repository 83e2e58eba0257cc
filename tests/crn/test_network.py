"""Reaction networks: stoichiometry, conservation laws, checks, compilation."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.crn import conservation
from gillespie_nn.kernels.channels import channel_value, evaluate_laws, term_value
from helpers.models import MODELS
from helpers.naive import propensity

pytestmark = pytest.mark.fast


def test_stoichiometry_is_the_net_change_with_catalysts_cancelled():
    net = gnn.ReactionNetwork.from_text("W + X -> W + X + Z @ 1\n2 Y -> Y @ 1\nZ -> 0 @ 1")
    assert net.species == ("W", "X", "Z", "Y")
    np.testing.assert_array_equal(net.stoichiometry.toarray(), [[0, 0, 0], [0, 0, 0], [1, 0, -1], [0, -1, 0]])


@pytest.mark.parametrize(
    "text, laws",
    [
        ("E + S -> C @ 1\nC -> E + S @ 1\nC -> E + P @ 1\nE = 5\nS = 9", ["-E + S + P = 4", "E + C = 5"]),
        ("2 A -> B @ 1\nA = 7", ["A + 2 B = 7"]),
        ("0 -> A @ 1\nA -> B @ 1", []),
        ("A -> B @ 1\nC -> D @ 1\nA = 1\nC = 2", ["A + B = 1", "C + D = 2"]),
        ("X -> X + Y @ 1\nX = 3", ["X = 3"]),
    ],
)
def test_conservation_laws(text, laws):
    net = gnn.ReactionNetwork.from_text(text)
    assert sorted(conservation.describe(net)) == sorted(laws)


def test_conservation_laws_span_the_left_null_space_of_random_networks():
    rng = np.random.default_rng(5)
    for _ in range(30):
        n_species, n_reactions = rng.integers(2, 8), rng.integers(1, 7)
        matrix = rng.integers(-2, 3, (n_species, n_reactions))
        laws = conservation.laws(matrix).toarray()
        assert not (laws @ matrix).any()
        rank = np.linalg.matrix_rank(matrix)
        assert len(laws) == n_species - rank
        assert not len(laws) or np.linalg.matrix_rank(laws) == len(laws)


def test_the_laws_of_a_training_network_are_its_inputs_targets_and_switches():
    net = gnn.training_network((3, 4, 2)).network
    laws = {frozenset(net.species[s] for s in law.nonzero()[0]) for law in net.conservation_laws.toarray()}
    fixed = {frozenset([s]) for s in ("X_0_p", "X_1_p", "X_2_p", "T_0_p", "T_0_m", "T_1_p", "T_1_m")}
    assert laws == fixed | {frozenset([f"S1_{i}", f"A1_{i}"]) for i in range(4)}


def test_networks_are_immutable_and_compiled_once():
    net = gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 1")
    with pytest.raises(AttributeError):
        net.species = ()
    with pytest.raises(TypeError):
        net.initial["A"] = 2
    assert net.compiled is net.compiled
    assert net.compiled.lumped is net.compiled.lumped


@pytest.mark.parametrize(
    "make, what",
    [
        (lambda: gnn.ReactionNetwork(("A", "A"), ()), "'A' is defined twice"),
        (
            lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("B", 1),), (), 1.0),)),
            "unknown species 'B' in reaction r1",
        ),
        (lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("A", 1),), (), -1.0),)), "rate of reaction r1"),
        (lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("A", 1),), (), float("nan")),)), "rate of reaction r1"),
        (lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("A", 1), ("A", 1)), (), 1.0),)), "twice on one side"),
        (lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("A", 1.5),), (), 1.0),)), "multiplicity of A"),
        (lambda: gnn.ReactionNetwork(("A",), (), {"B": 1}), "unknown species 'B' in the initial state"),
        (lambda: gnn.ReactionNetwork(("A",), (), {"A": -1}), "at least 0, got -1"),
        (lambda: gnn.ReactionNetwork(("A",), (), {}, volume=0), "volume must be positive"),
        (lambda: gnn.ReactionNetwork(("A-1",), ()), "species name 'A-1' must be letters"),
        (lambda: gnn.ReactionNetwork(("A",), (gnn.Reaction((("A", 33),), (), 1.0),)), "must be at most 32, got 33"),
    ],
)
def test_bad_networks_are_refused(make, what):
    with pytest.raises(gnn.InputError, match=what):
        make()


def test_reactions_with_equal_net_change_become_one_channel():
    net = gnn.training_network((2, 4, 1)).network
    assert len(net.reactions) == 195
    assert net.compiled.n_channels == len({tuple(sorted(r.net_change().items())) for r in net.reactions}) == 145
    assert str(net.compiled) == "195 reactions became 145 channels"


@pytest.mark.parametrize("name", [*MODELS, "xor", "leaky"])
def test_compiled_propensities_are_those_of_the_definition(name):
    """Every term and every lumped channel, in random states with small counts."""
    if name in MODELS:
        network, volume = MODELS[name].network, MODELS[name].volume
    else:
        activation = {"xor": "smooth_relu", "leaky": "leaky_relu"}[name]
        network, volume = gnn.training_network((2, 4, 1), activation=activation).network, 30.0
    rng = np.random.default_rng(1)
    for lumped in (False, True):
        structure = network.compiled.lumped if lumped else network.compiled.single
        channels, laws, _ = structure.arrays_for(network.rates(), volume)
        start, reaction = channels.ranges["term_start"], channels.terms["reaction"][:-1]
        for _ in range(20):
            counts = np.append(rng.integers(0, 6, len(network.species)), 1)
            state = dict(zip(network.species, counts.tolist()))
            expected = np.array([propensity(r, state, volume) for r in network.reactions])
            evaluate_laws(laws, counts)
            terms = np.array([term_value(channels, laws, t, counts, counts) for t in range(len(expected))])
            np.testing.assert_allclose(terms, expected[reaction], rtol=1e-13)
            for c in range(structure.n_channels):
                part = reaction[start[c] : start[c + 1]]
                value = channel_value(channels, laws, c, counts, counts)
                np.testing.assert_allclose(value, expected[part].sum(), rtol=1e-12)


def test_a_term_knows_its_kind_its_multiplicities_and_what_it_reads():
    text = "2 A + B -> C @ 1\n3 A -> 0 @ 1\n0 -> A @ 1 * ramp(C, B)\nA -> B @ propensity(A * C)\n0 -> A @ 1"
    network = gnn.ReactionNetwork.from_text(text)
    terms, laws = network.compiled.single.terms, network.compiled.programs.laws
    assert [t.is_law for t in terms] == [False, False, False, True, False]
    assert [t.is_plain for t in terms] == [False, False, False, False, True]
    assert [dict(t.multiplicity) for t in terms] == [{0: 2, 1: 1}, {0: 3}, {}, {}, {}]
    assert [t.reads(laws) for t in terms] == [[0, 1], [0], [1, 2], [0, 2], []]
    assert [t.program for t in terms] == [None, None, None, 0, None]
