"""The ends of the number range, and rates far apart: every exact method gives the same answer, or says it cannot."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.crn.families import product_families
from gillespie_nn.simulation import EXACT
from gillespie_nn.status import Status

ALL = [m.name for m in EXACT]


def _family(rate, rows=12, columns=12):
    lines = [f"U{i} + V{j} -> U{i} + V{j} + W{i}_{j} @ {rate(i, j)!r}" for i in range(rows) for j in range(columns)]
    network = gnn.ReactionNetwork.from_text("\n".join(lines) + "\nD -> 0 @ 1")
    assert len(network.compiled.families) == 1
    return network


def test_a_pool_above_the_largest_count_stops_layered_instead_of_a_wrong_law():
    network = _family(lambda i, j: 1e-16)
    initial = {f"U{i}": 2**52 for i in range(12)} | {f"V{j}": 1 for j in range(12)}
    assert gnn.simulate(network, 1.0, 2, method="layered", initial=initial, seed=1).status[0] == Status.OVERFLOW
    plain = gnn.simulate(network, 1.0, 2, method="rejection", initial=initial, seed=1)
    assert plain.complete and 20 < plain.n_events[0] < 130


@pytest.mark.parametrize("method", ALL)
def test_a_family_with_very_unequal_rates_is_no_trap(method):
    """Only one member can fire, and it has no molecules: the run must end, with all of D gone, in few candidates."""
    network = _family(lambda i, j: 1.0 if i == j == 0 else 0.0)
    initial = {f"U{i}": 1000 * (i > 0) for i in range(12)} | {f"V{j}": 1000 for j in range(12)} | {"D": 100}
    r = gnn.simulate(network, 100.0, 2, method=method, initial=initial, seed=2)
    assert r.n_events[0] == 100 and r.of("D")[0, -1] == 0
    assert len(network.compiled.layered(network.rates())._members) == 0


@pytest.mark.parametrize("method", ALL)
def test_subnormal_rates_keep_their_size(method):
    """Expected 144 * 1e-310 * 2**80 * 1e285 = 17 firings; a right engine leaves [1, 50] with probability below 1e-7."""
    network = _family(lambda i, j: 1e-310)
    initial = {f"{k}{i}": 2**40 for k in "UV" for i in range(12)}
    r = gnn.simulate(network, 1e285, 2, method=method, initial=initial, seed=3)
    assert 1 <= r.n_events[0] <= 50


@pytest.mark.parametrize("method", ALL)
def test_a_wait_beyond_the_range_of_floats_does_not_stick(method):
    network = gnn.ReactionNetwork.from_text("A + B -> A + B + C @ 1e-300\nD -> 0 @ 1\nA = 1\nB = 1")
    r = gnn.simulate(network, 60.0, 2, volume=1e12, method=method, schedule=[(1.0, {"D": 1000})], seed=1)
    assert r.of("D")[0, -1] == 0


@pytest.mark.parametrize("method", ALL)
def test_a_huge_rate_without_reactants_is_nothing(method):
    network = gnn.ReactionNetwork.from_text("A + B -> A @ 1e305\nC -> 0 @ 1\nA = 100000\nC = 5")
    r = gnn.simulate(network, 60.0, 2, method=method, seed=1)
    assert r.status[0] == Status.NO_REACTION_POSSIBLE and r.of("C")[0, -1] == 0


@pytest.mark.parametrize("text", ["A -> 1000000000000 B @ 1e-9\nB -> 1000000000000 C @ 1e-9\nA = 1", None])
def test_conservation_laws_beyond_int64_do_not_stop_a_run(text):
    text = text or "\n".join(f"A{k} -> 2 A{k + 1} @ 1" for k in range(70)) + "\nA0 = 1"
    network = gnn.ReactionNetwork.from_text(text)
    assert network.conservation_laws.shape[0] == 1
    assert gnn.simulate(network, 3.0, 4, seed=1, method="direct").complete


def test_a_long_chain_has_its_law_soon():
    n = 3000
    network = gnn.ReactionNetwork.from_text("\n".join(f"A{k} -> A{k + 1} @ 1" for k in range(n)))
    np.testing.assert_array_equal(network.conservation_laws.toarray(), np.ones((1, n + 1), dtype=np.int64))


@pytest.mark.parametrize("method", ["rejection", "layered"])
def test_a_species_that_comes_and_goes_costs_few_candidates(method):
    """A fast pair reaction keeps A at 0 or 1, beside a thousand bystanders: bounds are tightened where it matters."""
    slow = "\n".join(f"B{k} -> C{k} @ 1\nC{k} -> B{k} @ 1" for k in range(500))
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ 1000\n2 A -> 0 @ 1e8\n{slow}")
    from gillespie_nn import seeds
    from gillespie_nn.kernels import codes
    from gillespie_nn.seeds import Purpose

    kind = next(m for m in EXACT if m.name == method)
    counts = network.counts({f"B{k}": 1 for k in range(500)})
    m = kind(network, network.rates(), 1.0, counts, seeds.stream(1, Purpose.SIMULATION))
    while m.n_events < 20_000:
        m.advance(1e9, event_limit=20_000)
    assert m._tally[codes.N_CANDIDATES] < 200 * m.n_events
    assert m._tally[codes.N_REFRESHES] < 3 * m.n_events


def test_families_are_decided_by_the_rates_in_force():
    network = _family(lambda i, j: 1.0)
    name = network.reactions[0].name
    assert len(network.compiled.layered(network.rates())._members) == 1
    assert len(network.compiled.layered(network.rates({name: 1e6}))._members) == 0
    assert product_families(network, network.compiled.changes) == network.compiled.families
