"""Properties of every exact method on random networks (hypothesis): a run cut in two is the same run, conservation
holds, the order of reactions and species and reactions that cannot fire do not matter."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.crn import Reaction, ReactionNetwork
from gillespie_nn.crn.reaction import Threshold
from gillespie_nn.kernels import codes
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.methods import EXACT, Rejection
from gillespie_nn.simulation.observer import Invariants
from helpers.checks_of_chance import accept, chi_square
from helpers.models import MODELS, N_SAMPLES, master_law, product_model
from helpers.structures import by_change, structure_of

SPECIES = ("A", "B", "C", "D")
MOST_EVENTS = 3000
examples = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


def _side(most):
    return st.dictionaries(st.sampled_from(SPECIES), st.integers(1, 2), max_size=most).map(lambda d: tuple(d.items()))


@st.composite
def reactions(draw):
    threshold = None
    if draw(st.integers(0, 5)) == 0:
        above, below = draw(st.permutations(SPECIES))[:2]
        threshold = Threshold(draw(st.sampled_from(["step", "ramp"])), above, below)
    return Reaction(draw(_side(2)), draw(_side(2)), draw(st.floats(0, 3)), threshold=threshold)


@st.composite
def networks(draw):
    initial = {s: draw(st.integers(0, 30)) for s in SPECIES}
    return ReactionNetwork(SPECIES, tuple(draw(st.lists(reactions(), min_size=1, max_size=8))), initial)


def _start(method, network, seed=7, volume=5.0):
    rng = seeds.stream(seed, Purpose.SIMULATION)
    return method(network, network.rates(), volume, network.counts(), rng, True)


def _advance(m, time, **grid):
    while True:
        code = m.advance(time, event_limit=MOST_EVENTS, **grid)
        if code != codes.SLICE_END:
            return code


def _all_state(m):
    return (m.counts.tolist(), m.time, m.n_events, m.firings.tolist(), str(m.rng.bit_generator.state))


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
@examples
@given(networks(), st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_run_cut_in_two_is_the_same_run_bit_for_bit(method, network, cut, seed):
    whole, parts = _start(method, network, seed), _start(method, network, seed)
    grid = np.array([0.3, 1.0])
    rows = [np.zeros((2, 4), dtype=np.int64) for _ in range(2)]
    code = _advance(whole, 1.0, grid_time=grid, grid_counts=rows[0])
    first = _advance(parts, cut, grid_time=grid[grid <= cut], grid_counts=rows[1])
    if first == codes.REACHED_END:
        first = _advance(parts, 1.0, grid_time=grid, grid_counts=rows[1])
    assert first == code
    if code == codes.REACHED_END:
        assert _all_state(whole) == _all_state(parts)
        np.testing.assert_array_equal(*rows)


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
@examples
@given(networks())
def test_conserved_quantities_stay_and_no_count_is_negative(method, network):
    m, invariants = _start(method, network), Invariants(network)
    invariants.start(m.counts)
    for k in range(1, 6):
        m.advance(np.inf, event_limit=50 * k)
        assert (m.counts >= 0).all()
        invariants.check(m.counts[None])
    change = network.stoichiometry @ m.firings
    np.testing.assert_array_equal(m.counts, network.counts() + change)


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
@examples
@given(networks(), reactions())
def test_a_reaction_of_rate_zero_changes_nothing(method, network, unused):
    """Bit for bit; the rejection methods, whose bounds adapt to the number of readers, in law only (`test_layered`
    compares propensities), so there it is only seen that it never fires."""
    more = ReactionNetwork(SPECIES, (*network.reactions, unused._replace(rate=0.0, name="")), network.initial)
    runs = [_start(method, n) for n in (network, more)]
    for m in runs:
        _advance(m, 1.0)
    assert runs[1].firings[-1] == 0
    if not isinstance(runs[0], Rejection):
        assert runs[0].counts.tolist() == runs[1].counts.tolist()
        assert runs[0].firings.tolist() == runs[1].firings[:-1].tolist()


def _shuffled(network, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(network.reactions))
    species = tuple(rng.permutation(network.species).tolist())
    return ReactionNetwork(species, tuple(network.reactions[r] for r in order), network.initial)


@pytest.mark.parametrize("kind", ["single", "lumped", "layered"])
@examples
@given(networks(), st.integers(0, 99))
def test_the_order_of_species_and_reactions_changes_no_propensity(kind, network, seed):
    other = _shuffled(network, seed)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        state = dict(zip(SPECIES, rng.integers(0, 50, 4).tolist(), strict=True))
        found = [
            {
                tuple(sorted(change)): value
                for change, value in by_change(
                    n, structure_of(n, kind, n.rates()), n.rates(), 5.0, np.array([state[s] for s in n.species])
                ).items()
            }
            for n in (network, other)
        ]
        assert found[0].keys() == found[1].keys()
        for change, value in found[0].items():
            np.testing.assert_allclose(found[1][change], value, rtol=1e-12)


@pytest.mark.parametrize("method", [m.name for m in EXACT])
def test_a_shuffled_network_has_the_same_law(method):
    """A chi-square test of each species, level 1e-7 each."""
    model = MODELS["two species"]
    network = _shuffled(model.network, 4)
    r = gnn.simulate(network, model.time, 2, volume=model.volume, method=method, replicates=N_SAMPLES // 2, seed=12)
    law, _ = master_law("two species")
    for axis, s in enumerate(model.network.species):
        accept(chi_square(r.of(s)[:, -1], law.sum(axis=1 - axis)), f"shuffled, {s}, {method}")


def test_a_shuffled_family_is_still_found():
    network = _shuffled(gnn.training_network((7, 8, 8)).network, 1)
    assert len(network.compiled.families) == 2
    assert len(product_model().network.compiled.families) == 1
