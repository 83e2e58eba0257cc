"""Product families and the structures compiled from a network: every one has the propensities of the plain
definition, channel by channel, whatever the state; and `layered` samples the same law as `rejection`."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.crn.compiled.terms import product_families
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.channels import channel_value
from gillespie_nn.kernels.exact.families import sum_pools
from gillespie_nn.kernels.exact.slots import LIGHT
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.methods import Layered, Rejection, choose_for_training, choose_method, training_method
from helpers.checks_of_chance import accept, chi_square, chi_square_two
from helpers.models import product_model
from helpers.naive import propensity
from helpers.structures import by_change, structure_of

N_STATES = 100
NETWORKS = {
    "gain": gnn.training_network((7, 8, 8)).network,
    "ratio, signed, deep": gnn.training_network((5, 9, 6, 6), derivative="ratio", signed_inputs=True).network,
    "relu": gnn.training_network((9, 5, 2), "relu").network,
    "leaky, smooth output": gnn.training_network((6, 6, 6), "leaky_relu", output="smooth_relu").network,
    "batch": gnn.training_network((6, 7, 3), derivative="gain", batch=5, hold=1.0).network,
    "small family": product_model().network,
}


def by_definition(network, rates, volume, counts):
    state = dict(zip(network.species, counts.tolist(), strict=True))
    found = {}
    for rate, reaction in zip(rates, network.reactions, strict=True):
        index = network.index
        key = tuple(sorted(reaction.net_change().items(), key=lambda item: index[item[0]]))
        found[key] = found.get(key, 0.0) + propensity(reaction._replace(rate=rate), state, volume)
    return found


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", ["single", "lumped", "layered"])
def test_every_channel_has_its_propensity_in_random_states(name, kind):
    network = NETWORKS[name]
    rng = np.random.default_rng(5)
    for k in range(N_STATES if kind == "layered" else N_STATES // 5):
        counts = rng.integers(0, 10 ** rng.integers(1, 5), len(network.species)) * (rng.random() < 0.8)
        rates = network.rates() * (rng.uniform(0.5, 1.5, len(network.reactions)) if k % 2 else 1.0)
        compiled = by_change(network, structure_of(network, kind, rates), rates, 30.0, counts)
        plain = by_definition(network, rates, 30.0, counts)
        assert compiled.keys() == plain.keys()
        for change, value in plain.items():
            np.testing.assert_allclose(compiled[change], value, rtol=1e-12, err_msg=str(change))


def test_the_families_of_a_training_network_are_its_layers_updates():
    network = gnn.training_network((7, 8, 8)).network
    families = network.compiled.families
    assert len(families) == 2
    assert {len(f.reactions) for f in families} == {2 * 8 * 7, 2 * 8 * 8}
    for f in families:
        for k, r in enumerate(f.reactions):
            row, column = f.rows[k // len(f.columns)], f.columns[k % len(f.columns)]
            assert {s for s, _ in network.reactions[r].reactants} == {network.species[row], network.species[column]}
            assert network.reactions[r].name.startswith("update_W")


@pytest.mark.parametrize(
    "text",
    [
        "A + B -> A + B + C @ 1\nC + B -> C + B + A @ 1",  # a target that is a member
        "A + B -> A + C @ 1",  # B is used up
        "2 A -> 2 A + C @ 1",
        "A + B -> A + B + 2 C + D @ 1",
        "A + B -> A + B + C @ 1 * step(A, B)",
    ],
)
def test_what_is_no_family_is_left_alone(text):
    network = gnn.ReactionNetwork.from_text(text)
    assert product_families(network, network.compiled.changes, worthwhile=0) == ()


def _states(method, network, initial, times, n, volume):
    samples = gnn.simulate(
        network, time=times, volume=volume, method=method, replicates=n, seed=8, initial=initial, workers=2
    )
    assert samples.complete
    return samples


def test_layered_has_the_law_of_rejection_on_a_training_network():
    """Weights, hidden errors and outputs at several times; Omega = 10, learning fast, 1500 runs each."""
    spec = gnn.training_network((6, 7, 3), learning_rate=0.3, annihilation_rate=5.0)
    network, volume = spec.network, 10.0
    assert len(network.compiled.families) == 1
    initial = spec.initial(spec.floating.initial_weights(1), volume)
    initial |= spec.presentation([1, 0, 0.5, 0, 1, 0.2], [1, -0.5, 0], volume)
    times = [0.5, 2.0, 5.0]
    layered, plain = (_states(m, network, initial, times, 1500, volume) for m in ("layered", "rejection"))
    for k, time in enumerate(times):
        for name in ("W1_0_0_p", "W1_3_4_m", "D1_2_p", "Z2_1_p", "B1_0_m", "W2_0_0_m"):
            accept(chi_square_two(layered.of(name)[:, k], plain.of(name)[:, k]), f"layered, {name} at {time}")
    total = [
        r.counts[:, -1, [network.index[f"W1_{i}_{j}_p"] for i in range(7) for j in range(6)]] for r in (layered, plain)
    ]
    accept(chi_square_two(*(t.sum(axis=1) for t in total)), "layered, all weights of a layer")


def test_layered_has_the_law_of_rejection_on_a_family_with_unequal_rates():
    model = product_model()
    samples = [
        gnn.simulate(model.network, model.time, 3, method=m, replicates=8000, seed=4, workers=2)
        for m in ("layered", "rejection")
    ]
    for name in ("P", "Q", "C"):
        for k in (1, 2):
            accept(chi_square_two(*(r.of(name)[:, k] for r in samples)), f"family, {name}, {k}")
    joint = [r.of("P")[:, -1] * 1000 + r.of("Q")[:, -1] for r in samples]
    accept(chi_square_two(*joint), "family, P and Q together")


@pytest.mark.parametrize("method", [Layered, Rejection])
@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_hold_and_pools_are_kept_through_a_run_with_scheduled_changes(name, method):
    """Also where channels are light: the state arrays are compared with the counts at many moments."""
    network, volume = NETWORKS[name], 40.0
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 30, len(network.species))
    m = method(network, network.rates(), volume, counts, seeds.stream(1, Purpose.SIMULATION))
    for step in range(60):
        m.advance(np.inf, event_limit=m.n_events + 200)
        if step % 7 == 3:
            species = rng.choice(len(network.species), 5, replace=False)
            m.set_counts(species.astype(np.int64), rng.integers(0, 60, 5))
        fresh = m._counts.copy()
        sum_pools(m._families, fresh)
        np.testing.assert_array_equal(fresh, m._counts)
        limits = m._state.limits[:-1]
        value = np.array([channel_value(m._channels, None, c, m._counts, m._counts) for c in range(len(limits))])
        assert (limits["lower"] <= value * (1 + 1e-12)).all() and (value <= limits["bound"]).all()
        assert m._clock[codes.NEXT_TIME] > m._clock[codes.TIME]


def test_light_channels_share_an_urn_and_keep_the_law(monkeypatch):
    """A hundred slow conversions beside fast ones, with every channel below the mean light."""
    from gillespie_nn.kernels.exact import slots

    slow = "\n".join(f"A -> S{k} @ 0.002\nS{k} -> A @ 0.05" for k in range(2100))
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ 300\nA -> 0 @ 10\n{slow}")
    assert len(network.reactions) > slots.MANY
    r = gnn.simulate(network, 1.0, 2, method="rejection", replicates=4000, seed=3, workers=2)
    m = Rejection(network, network.rates(), 1.0, network.counts(), seeds.stream(1, Purpose.SIMULATION))
    m.advance(1.0)
    light = m._state.sums["place"] == LIGHT
    assert light.sum() > 4000 and not light[0]
    # Linear, from nothing: A and each S are independent Poisson; their means solve two equations.
    slow_out, slow_in = 2100 * 0.002, 0.05
    generator = np.array([[-10 - slow_out, slow_in, 300], [slow_out, -slow_in, 0], [0, 0, 0]])
    mean = (expm(generator) @ [0, 0, 1])[:2]
    accept(chi_square(r.of("A")[:, -1], stats.poisson.pmf(np.arange(200), mean[0])), "light, A")
    total = r.counts[:, -1, 1:].sum(axis=1)
    accept(chi_square(total, stats.poisson.pmf(np.arange(1000), mean[1])), "light, all S")


def test_auto_chooses_by_size_and_structure_and_says_why():
    tiny = gnn.ReactionNetwork.from_text("0 -> A @ 1")
    middle = gnn.training_network((2, 4, 1)).network
    chain = gnn.ReactionNetwork.from_text("".join(f"A{k} -> A{k + 1} @ 1\n" for k in range(12)))
    for network, name, word in (
        (tiny, "adaptive_direct", "1 reaction"),
        (chain, "adaptive_direct", "12 reactions"),
        (middle, "adaptive", "195 reactions"),
        (NETWORKS["gain"], "layered", "2 product families"),
    ):
        choice = choose_method("auto", network)
        assert choice.method.name == name and word in choice.reason
    crowd = np.full(len(chain.species), 200)
    assert choose_method("auto", chain, crowd).method.name == "adaptive"
    assert choose_method("auto", chain, crowd - 1).method.name == "adaptive_direct"
    timed = gnn.ReactionNetwork.from_text("0 -> A @ propensity(2 + sin(time))")
    assert choose_method("auto", timed).method.name == "adaptive"
    assert choose_for_training(None, SimpleNamespace(network=middle)).method.name == "rejection"
    with pytest.raises(
        gnn.InputError,
        match="adaptive can switch to another method during a run, so a",
    ):
        training_method("adaptive")
    assert choose_method("direct", middle).reason == "requested"
    with pytest.raises(gnn.checks.InputError, match="auto"):
        choose_method("rejektion", middle)
