"""Additive noise: reflected at 0 at every level, in closed form."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.noise import plan_noise
from gillespie_nn.noise.drive import NoisePath

NETWORK = gnn.ReactionNetwork.from_text("0 -> A @ 0.1\nA -> 0 @ 1")
NOISE = gnn.AdditiveNoise(0.4, "bounded", step=2.0)
PIECES, SEED = 5, 2


def _closed_form():
    """A at the end of each piece: it relaxes to 0.1 + eps xi, and rests at 0 when it gets there."""
    path, a, found = NoisePath(NOISE, 1, lambda k: seeds.stream(SEED, NOISE.purposes[0], 0, 0, k)), 0.1, [0.1]
    for piece in range(PIECES):
        path.move_to(piece)
        aim = 0.1 + NOISE.amplitude * path.xi[0]
        a = max(aim + (a - aim) * np.exp(-NOISE.step), 0.0)  # towards an aim below 0 it falls to 0 and stays
        found.append(a)
    return np.array(found)


@pytest.mark.parametrize("method", ["direct", "next_reaction", "rejection", "tau_leap", "langevin", "ode"])
def test_concentrations_are_reflected_at_0(method):
    expected = _closed_form()
    assert (expected == 0).any() and expected.max() > 0.1
    volume = 1e6 if method == "ode" else 1e4
    run = gnn.simulate(
        NETWORK, PIECES * NOISE.step, PIECES + 1, volume=volume, method=method, seed=SEED, noise=NOISE,
        initial={"A": round(0.1 * volume)},
    )  # fmt: skip
    found = run.counts[0, :, 0] / (1.0 if method in ("langevin", "ode") else volume)  # these give concentrations
    assert found.min() >= -1e-6
    assert found == pytest.approx(expected, abs=1e-5 if method == "ode" else 0.04)


def test_it_adds_two_reactions_a_species_and_leaves_weights_and_switches_alone():
    spec = gnn.training_network((1, 1, 1))
    weights = [s for rails in spec.weights for s, _ in rails.signs()]
    assert set(spec.unforced) >= {*weights, "S1_0", "A1_0"}
    plan = plan_noise([gnn.AdditiveNoise(0.1)], spec.network, unforced=spec.unforced)
    added = plan.network.reactions[plan.n_given_reactions :]
    (places,) = (part.places for part in plan.parts)
    assert len(added) == 2 * len(places)
    assert not {spec.network.species[s] for s in places} & set(spec.unforced)
