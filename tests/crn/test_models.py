"""The models of `data/models/`: they read, come back from text, run, and have the equations of their papers.

The right-hand sides of the papers are written here once more; with single molecules of each reactant in every reaction
they are the propensities' own mean rates of change.
"""

from importlib import resources

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import gillespie_nn as gnn
from helpers.naive import propensity

pytest.importorskip("antimony", reason="the extra sbml is not installed")
pytest.importorskip("libsbml", reason="the extra sbml is not installed")

FOLDER = resources.files("gillespie_nn.data").joinpath("models")
NAMES = ("toggle_switch", "futile_cycle", "circadian_oscillator")


def model(name):
    return gnn.ReactionNetwork.from_antimony(str(FOLDER.joinpath(f"{name}.ant")))


def drift(network, counts):
    """Mean rate of change of every count, float64[species], at real-valued `counts`."""
    state = dict(zip(network.species, counts, strict=True)) | dict(network.parameters)
    change = dict.fromkeys(network.species, 0.0)
    for r in network.reactions:
        for s, n in r.net_change().items():
            change[s] += n * propensity(r, state, 1.0)
    return np.array([change[s] for s in network.species])


def toggle(y, scale=4.0):
    u, v = y / scale
    return scale * np.array([156.25 / (1 + v**2.5) - u, 15.6 / (1 + u) - v])


def futile(y):
    w, wm, e1, e2, we1, wme2 = y
    bound, freed = 0.25 * w * e1 - we1, 2 * we1
    bound2, freed2 = 0.25 * wm * e2 - wme2, 2 * wme2
    return np.array([freed2 - bound, freed - bound2, freed - bound, freed2 - bound2, bound - freed, bound2 - freed2])


def circadian(y):
    """Equation 1 of the paper, in its order within each line."""
    da, da_a, dr, dr_a, ma, mr, a, r, c = y
    return np.array(
        [
            50 * da_a - 1 * da * a,
            1 * da * a - 50 * da_a,
            100 * dr_a - 1 * dr * a,
            1 * dr * a - 100 * dr_a,
            500 * da_a + 50 * da - 10 * ma,
            50 * dr_a + 0.01 * dr - 0.5 * mr,
            50 * ma + 50 * da_a + 100 * dr_a - a * (1 * da + 1 * dr + 2 * r + 1),
            5 * mr - 2 * a * r + 1 * c - 0.2 * r,
            2 * a * r - 1 * c,
        ]
    )


EQUATIONS = dict(zip(NAMES, (toggle, futile, circadian)))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_comes_back_from_its_text(name):
    network = model(name)
    assert gnn.ReactionNetwork.from_text(network.to_text()) == network


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_the_equations_of_its_paper(name):
    network, rng = model(name), np.random.default_rng(1)
    for _ in range(20):
        y = rng.uniform(0.0, 100.0, len(network.species))
        np.testing.assert_allclose(drift(network, y), EQUATIONS[name](y), rtol=1e-12, atol=1e-9)


CONSERVED = {
    "toggle_switch": (),
    "futile_cycle": ((("W", "Wm", "WE1", "WmE2"), 120), (("E1", "WE1"), 8), (("E2", "WmE2"), 8)),
    "circadian_oscillator": ((("DA", "DA_A"), 1), (("DR", "DR_A"), 1)),
}


@pytest.mark.parametrize("method", ["direct", "rejection"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_runs_and_keeps_its_totals(name, method):
    network = model(name)
    assert network.conservation_laws.shape[0] == len(CONSERVED[name])
    r = gnn.simulate(network, 0.5, 6, method=method, replicates=20, seed=1)
    assert (r.counts >= 0).all() and (r.n_events > 0).all()
    for names, total in CONSERVED[name]:
        assert (sum(r.of(s) for s in names) == total).all()


def test_the_toggle_switch_has_two_stable_states_and_starts_at_the_saddle_between_them():
    def of_v(v):
        return 15.6 / (1 + 156.25 / (1 + v**2.5)) - v

    grid = np.linspace(0.0, 16.0, 1601)
    roots = [brentq(of_v, a, b) for a, b in zip(grid, grid[1:]) if of_v(a) * of_v(b) < 0]
    states = [4.0 * np.array([156.25 / (1 + v**2.5), v]) for v in roots]
    assert len(states) == 3
    growth = []
    for y in states:
        np.testing.assert_allclose(drift(model("toggle_switch"), y), 0.0, atol=1e-9)
        columns = [(toggle(y + h) - toggle(y - h)) / 2e-4 for h in 1e-4 * np.eye(2)]
        growth.append(np.linalg.eigvals(np.transpose(columns)).real.max())
    assert growth[0] < 0 < growth[1] and growth[2] < 0
    np.testing.assert_array_equal(model("toggle_switch").counts(), np.rint(states[1]))


def test_the_futile_cycle_settles_with_half_of_its_protein_modified():
    """V1 = V2 and K1 = K2: with W of either form, 2 W + 2 * 8 W / (12 + W) = 120."""
    w = max(np.roots([2.0, 2 * 12 + 2 * 8 - 120, -12 * 120]))
    bound = 8 * w / (12 + w)
    y = np.array([w, w, 8 - bound, 8 - bound, bound, bound])
    network = model("futile_cycle")
    np.testing.assert_allclose(drift(network, y), 0.0, atol=1e-9)
    end = solve_ivp(lambda t, y: futile(y), (0, 1000), network.counts(), method="LSODA", rtol=1e-9, atol=1e-9).y[:, -1]
    np.testing.assert_allclose(end, y, rtol=1e-5)


def test_the_circadian_oscillator_has_a_period_of_about_a_day():
    time = np.linspace(0.0, 300.0, 30001)
    start = model("circadian_oscillator").counts()
    a = solve_ivp(lambda t, y: circadian(y), (0, 300), start, "LSODA", time, rtol=1e-8, atol=1e-8).y[6]
    peaks = time[1:-1][(a[1:-1] > a[:-2]) & (a[1:-1] > a[2:]) & (a[1:-1] > 1000)]
    periods = np.diff(peaks[1:])
    assert len(periods) > 5 and np.ptp(periods) < 0.1 and 23 < periods.mean() < 27
