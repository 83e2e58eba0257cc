"""Pairs of rails that annihilate fast, in leaps: both rails and what reads one, against the master equation.

The master equation of the two rails is solved on a grid of counts; the moments of a linear reader Y follow from one
more linear system. Hence the reference has no noise. Each network is one check of six numbers at the rate of
`checks_of_chance`. What leaps may be off by are the tolerances of `certify`, 2 % of a mean and 5 % of a variance.
"""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve
from scipy.stats import norm

import gillespie_nn as gnn
from gillespie_nn.simulation.methods import TauLeap
from helpers.checks_of_chance import accept, mean_is, rejects

TIMES = np.arange(10.0, 410.0, 4.0)
REPLICATES = 500
LEAP = {"method": "tau_leap", "scheme": "trapezoidal"}

# Omega, production of Z_p and of Z_m, kappa, h: the scarcer rail holds 0.1 to 61 molecules.
CASES = [
    (100, 2.0, 1.0, 1000, 0.0), (100, 2.0, 1.0, 60, 0.0), (100, 1.0, 1.0, 60, 0.0), (100, 1.0, 1.0, 2000, 0.0),
    (1000, 1.0, 1.2, 2000, 0.0), (1000, 1.2, 1.0, 1000, 0.0), (1000, 1.0, 1.2, 1000, 0.0),
    (1000, 1.05, 1.0, 1000, 0.0), (1000, 1.2, 1.0, 60, 0.0), (1000, 1.0, 1.2, 60, 0.0), (1000, 1.0, 1.5, 1000, 0.02),
]  # fmt: skip


def neuron(p, m, kappa, h=0.0, switch_rate=1.0):
    """A hidden neuron: its rails, a reader of the plus rail, the switch of its slope."""
    rail = f"0 -> Z_p + Z_m @ {kappa * h}\n" if h else ""
    return gnn.ReactionNetwork.from_text(
        f"0 -> Z_p @ {p}\n0 -> Z_m @ {m}\nZ_p -> 0 @ 1\nZ_m -> 0 @ 1\nZ_p + Z_m -> 0 @ {kappa}\n{rail}"
        f"Z_p -> Z_p + Y @ 1\nY -> 0 @ 1\nZ_p + A -> Z_p + S @ {switch_rate}\nZ_m + S -> Z_m + A @ {switch_rate}\n"
        "A = 0\nS = 0\n"
    )


def at_rest(omega, p, m, kappa, h):
    """Mean and variance of Z_p, Z_m and Y at rest, float64[3, 2]."""
    make = np.array([p, m, kappa * h]) * omega
    distance = abs(p - m) * omega
    scarce = (np.sqrt(distance**2 + 4 * (min(p, m) + kappa * h) * omega**2 / kappa) - distance) / 2
    means = scarce + max(p - m, 0) * omega, scarce + max(m - p, 0) * omega
    away = 9 * np.sqrt(0.5 * (p + m) * omega) if distance < 8 * np.sqrt(omega) else 0.0
    width = [int(x + max(away if p == m or x > scarce + 1 else away / 2, 9 * np.sqrt(2 * x + 2))) + 8 for x in means]
    x, y = (a.ravel() for a in np.indices(width))
    number = np.arange(x.size)
    generator = sp.csc_matrix((x.size, x.size))
    moves = [(make[0], 1, 0), (make[1], 0, 1), (make[2], 1, 1), (x, -1, 0), (y, 0, -1), (kappa / omega * x * y, -1, -1)]
    for rate, dx, dy in moves:
        rate = rate * np.ones(x.size)
        inside = (x + dx >= 0) & (x + dx < width[0]) & (y + dy >= 0) & (y + dy < width[1]) & (rate > 0)
        flow, here = rate[inside], number[inside]
        to = here + dx * width[1] + dy
        generator += sp.csc_matrix((np.r_[flow, -flow], (np.r_[to, here], np.r_[here, here])), shape=generator.shape)
    # From the null space: one probability is fixed, and its equation left out.
    start = int(means[0]) * width[1] + int(means[1])
    rest = number != start
    law = np.ones(x.size)
    law[rest] = spsolve(generator[rest][:, rest], -generator[rest][:, [start]].toarray().ravel())
    law /= law.sum()
    with_y = spsolve(sp.identity(x.size, format="csc") - generator, x * law)  # E[Y; rails]
    assert law[(x == width[0] - 1) | (y == width[1] - 1)].sum() < 1e-9
    rails = [(law @ n, law @ n**2 - (law @ n) ** 2) for n in (x, y)]
    return np.array([*rails, (rails[0][0], rails[0][0] + x @ with_y - rails[0][0] ** 2)])


@pytest.fixture(scope="module")
def exact():
    """`at_rest`, computed once for each network."""
    done = {}

    def of(*case):
        if case not in done:
            done[case] = at_rest(*case)
        return done[case]

    return of


def counts_of(case, names=("Z_p", "Z_m", "Y"), replicates=REPLICATES, seed=11, switch_rate=1.0, **options):
    """Counts at rest, float64[name, replicate, time], and the leaps of a replicate."""
    omega, p, m, kappa, h = case
    initial = {"Z_p": max(p - m, 0.0) * omega, "Z_m": max(m - p, 0.0) * omega, "Y": max(p - m, 0.0) * omega}
    initial = {name: round(n) for name, n in initial.items()} | {"A": omega // 2, "S": omega - omega // 2}
    options = (
        LEAP
        | ({} if "t_end" in options else {"time": TIMES})
        | {"volume": omega, "initial": initial, "seed": seed}
        | options
    )
    r = gnn.simulate(neuron(p, m, kappa, h, switch_rate), replicates=replicates, **options)
    return np.array([r.of(name) for name in names], dtype=float), r.statistics["leaps"].mean()


def least_p(counts, moments):
    """The smallest of the p-values of the means and variances, with the tolerances and the floor of `certify`."""
    found = []
    for x, (mean, variance) in zip(counts, moments, strict=True):
        found.append(mean_is(x.mean(axis=1), mean, slack=0.02 * max(mean, 1.0)))
        found.append(mean_is(((x - mean) ** 2).mean(axis=1), variance, slack=0.05 * max(variance, 1.0)))
    return min(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_rails_and_their_reader_have_mean_and_variance_of_the_master_equation(case, exact):
    counts, _ = counts_of(case)
    accept(least_p(counts, exact(*case)), f"rails and reader of {case}", family=6)


@pytest.mark.parametrize("case", [CASES[1], CASES[6], CASES[7]], ids=lambda case: "-".join(map(str, case)))
def test_the_closed_form_of_the_mean_is_caught(case, exact):
    """Given the difference of the rails, the scarcer one is not what the rate equations say, but has a law."""
    omega, p, m, kappa, _ = case
    counts, _ = counts_of(case)
    d = counts[0] - counts[1]
    n = np.round((np.sqrt(d**2 + 4 * min(p, m) * omega**2 / kappa) - abs(d)) / 2)
    planted = np.array([n + np.maximum(d, 0), n + np.maximum(-d, 0)])
    assert rejects(6 * least_p(planted, exact(*case)[:2]))


class Trapezoidal(TauLeap):
    """Leaps that know no fast pairs."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        blocks = self._blocks.blocks.copy()
        blocks["pair"] = False
        self._blocks = self._blocks._replace(blocks=blocks)


@pytest.mark.parametrize("case", [CASES[4], CASES[6]], ids=lambda case: "-".join(map(str, case)))
def test_the_trapezoidal_rule_at_the_same_steps_is_caught(case, exact):
    counts, _ = counts_of(case, method=Trapezoidal, tau=0.7)
    assert rejects(6 * least_p(counts, exact(*case)))


def test_the_slope_switch_is_conserved_and_has_its_mean():
    case = (1000, 1.2, 1.0, 60, 0.0)
    counts, _ = counts_of(case, ("A", "S"))
    truth = gnn.simulate(
        neuron(*case[1:]), time=np.arange(10.0, 60.0, 5.0), volume=1000, replicates=50, seed=3, method="direct",
        initial={"Z_p": 200, "Y": 200, "A": 190, "S": 810},
    )  # fmt: skip
    assert (counts.sum(axis=0) == 1000).all()
    one, other = counts[0].mean(axis=1), truth.of("A").mean(axis=1)
    beyond = max(abs(one.mean() - other.mean()) - 0.02 * other.mean(), 0.0)
    spread = np.hypot(one.std() / len(one) ** 0.5, other.std() / len(other) ** 0.5)
    accept(2 * norm.sf(beyond / spread), "mean of A")


def test_conversions_faster_than_the_step_keep_their_mean():
    """Both would need more molecules than there are: they take turns."""
    net = gnn.ReactionNetwork.from_text("A -> B @ 20\nB -> A @ 20\nA = 500\nB = 500")
    r = gnn.simulate(net, time=np.arange(5.0, 100.0, 5.0), tau=0.5, seed=2, replicates=200, **LEAP)
    accept(mean_is(r.of("A").mean(axis=1), 500.0, slack=5.0), "mean of A")
    assert r.statistics["firings_cut_off"].sum() == 0


def leaps_of_training(kappa, layers=(2, 4, 1), volume=1000.0, replicates=20):
    spec = gnn.training_network(layers, annihilation_rate=kappa)
    start = spec.start(spec.floating.initial_weights(0), volume)
    x = np.random.default_rng(0).random((10, layers[0]))
    schedule = [(10.0 * k, {f"X_{i}_p": int(volume * v) for i, v in enumerate(row)}) for k, row in enumerate(x) if k]
    initial = {name: int(n) for name, n in zip(spec.network.species, start, strict=True)}
    r = gnn.simulate(
        spec.network, 100.0, 2, volume=volume, seed=1, initial=initial, schedule=schedule, replicates=replicates, **LEAP
    )
    return r.statistics["leaps"].mean(), r.statistics["firings_cut_off"].mean()


@pytest.mark.parametrize("volume", [1e3, 1e4])
def test_leaps_of_a_training_network_do_not_grow_with_annihilation(volume):
    slow, fast = (leaps_of_training(kappa, volume=volume)[0] for kappa in (20.0, 2000.0))
    assert fast <= 1.3 * slow


@pytest.mark.parametrize("p, most", [(2.0, 1.3), (1.2, 1.3), (1.0, 1.5)])
def test_leaps_of_a_neuron_do_not_grow_with_annihilation(p, most):
    """At the kink, where both productions are equal, the rails relax at only 9 /s at an annihilation of 20."""
    options = {"replicates": 20, "t_end": 50.0, "n_points": 2, "switch_rate": 20.0}
    slow, fast = (counts_of((1000, p, 1.0, kappa, 0.0), **options)[1] for kappa in (20, 2000))
    assert fast <= most * slow


def test_sums_of_pools_cut_off_no_firings():
    """The pools of product families are summed afresh after a leap: in it they tell nothing of what is there."""
    assert leaps_of_training(60.0, (16, 16, 10), 1e4, 2)[1] < 1000


@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[10]], ids=lambda case: "-".join(map(str, case)))
def test_firings_account_for_every_molecule_of_fast_pairs(case):
    """Also where the scarcer rail holds a molecule that no firing of the step made."""
    omega, p, m, kappa, h = case
    net = neuron(p, m, kappa, h)
    r = gnn.simulate(
        net, 30.0, 2, volume=omega, replicates=20, seed=4, count_firings=True, initial={"A": omega}, **LEAP
    )
    change = np.zeros((len(net.species), len(net.reactions)), dtype=np.int64)
    for k, reaction in enumerate(net.reactions):
        for s, n in reaction.net_change().items():
            change[net.index[s], k] = n
    np.testing.assert_array_equal(r.counts[:, -1] - r.counts[:, 0], r.firings @ change.T)
    assert (r.counts >= 0).all() and (r.firings >= 0).all()


def pairs_of(text):
    """The blocks of a network that are fast pairs, as names."""
    net = gnn.ReactionNetwork.from_text(text)
    structure = TauLeap.compile(net, net.rates())
    _, plan = structure.leap_plan(net.rates(), True)
    starts = plan.blocks["species_start"]
    rows = [plan.species[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    return [{net.species[s] for s in row} for row, pair in zip(rows, plan.blocks["pair"][:-1], strict=True) if pair]


def test_pairs_are_made_decay_and_annihilate_and_do_nothing_else():
    plain = "0 -> A @ 2\n0 -> B @ 1\nA + B -> 0 @ 100\n"
    assert pairs_of(plain) == [{"A", "B"}]
    assert pairs_of(plain + "A -> 0 @ 1\nB -> 0 @ 1\n0 -> A + B @ 3\nA -> A + C @ 1\nC -> 0 @ 1") == [{"A", "B"}]
    assert pairs_of(plain + "C + A -> C @ 1\nC = 5") == [{"A", "B"}]
    for other in ("A -> 2 A @ 1", "A -> B @ 1", "2 A -> A @ 1", "A + B -> A @ 1", "0 -> 2 A @ 1", "A -> A + B @ 1"):
        assert pairs_of(plain + other) == [], other
