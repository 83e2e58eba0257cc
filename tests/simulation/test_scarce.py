"""Species that come and go under `rejection`: the law stays right, and the work is counted, not timed."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

from gillespie_nn import seeds
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.exact.slots import LIGHT, LOOSE, MANY
from gillespie_nn.simulation.methods import Rejection
from gillespie_nn.verification import exact_laws
from gillespie_nn.verification.check import sample
from gillespie_nn.verification.planted import CAUGHT
from helpers.checks_of_chance import accept, chi_square

SCARCE = {
    "plenty": "H + F -> HF @ 500\nHF -> H + F @ 1\nH = 300000\nHF = 5900",
    "few": "H + F -> HF @ 5\nHF -> H + F @ 1\nH = 300\nHF = 100",
    "one each": "A + B -> C @ 100\nC -> A + B @ 1\nA = 1\nB = 1",
    "enzyme": "E + S -> ES @ 1\nES -> E + S @ 100\nES -> E + P @ 100\nE = 10\nS = 1000000",
    "annihilation": "0 -> A @ 1000\n0 -> B @ 1000\nA -> 0 @ 0.01\nB -> 0 @ 0.01\nA + B -> 0 @ 1000",
}


class Poor(Rejection):
    """Without credit: every channel whose bound jumps becomes loose, and slots are never handed out afresh."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._state.urns.spare["credit"] = -(2**50)


class Narrow(Rejection):
    """Intervals are narrowed at every candidate rejected, and kept narrow."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._tally[codes.N_REJECTED] = 2**50
        self._state.intervals["held"] = 2**50


class Short(Rejection):
    """Credit was short before: empty channels get no slots."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._state.urns.spare["is_short"] = True


class Forgetful(Poor):
    """A planted error: loose channels are not drawn."""

    def _advance(self, *arguments):
        *others, event_limit = arguments
        while True:
            self._state.urns.spare["total"] = 0.0
            code = super()._advance(*others, min(event_limit, self.n_events + 1))
            if code != codes.EVENT_LIMIT or self.n_events >= event_limit:
                return code


def _started(network, kind=Rejection):
    return kind(network, network.rates(), 1.0, network.counts(), seeds.stream(1, seeds.Purpose.SIMULATION))


def _after(network, n_events, kind=Rejection):
    simulation = _started(network, kind)
    while simulation.n_events < n_events:
        simulation.advance(1e12, event_limit=n_events)
    return simulation


def _work(simulation):
    """Candidates, refreshes, and slots moved, so far."""
    spent = simulation._state.urns.spare["spent"][0]
    return np.array([simulation._tally[codes.N_CANDIDATES], simulation._tally[codes.N_REFRESHES], spent])


@pytest.mark.parametrize("kind", [Poor, Narrow])
@pytest.mark.parametrize("name", exact_laws.MODELS)
def test_the_law_does_not_depend_on_how_channels_are_drawn(name, kind):
    p = [p for _, p in exact_laws.p_values(name, kind, 4000, seed=5)]
    accept(min(p), f"{name}, {kind.__name__}", family=len(p))


@pytest.mark.parametrize("kind", [Poor, Short])
def test_the_law_of_many_channels_does_not_depend_on_how_they_are_drawn(kind):
    """Molecules come, spread over 2,100 species, most of them empty, and go: linear, so that each is Poisson."""
    slow = "\n".join(f"A -> S{k} @ 0.02\nS{k} -> A @ 4" for k in range(2100))
    network = ReactionNetwork.from_text(f"0 -> A @ 300\nA -> 0 @ 10\n{slow}")
    assert network.compiled.lumped.n_channels > MANY
    counts = sample(network, kind, [0.3], 1500, seed=6)[:, 0]
    mean = (expm(0.3 * np.array([[-52.0, 4.0, 300.0], [42.0, -4.0, 0.0], [0.0, 0.0, 0.0]])) @ [0, 0, 1])[:2]
    p = [
        chi_square(counts[:, 0], stats.poisson.pmf(np.arange(200), mean[0])),
        chi_square(counts[:, 1:].sum(axis=1), stats.poisson.pmf(np.arange(400), mean[1])),
    ]
    accept(min(p), f"many channels, {kind.__name__}", family=2)
    simulation = _after(network, 3000, kind)
    places = simulation._state.sums["place"][:-1]
    assert np.sum(places == LIGHT) > 1000 and (kind is Short or np.sum(places == LOOSE) > 0)


def test_without_credit_channels_become_loose():
    simulation = _after(ReactionNetwork.from_text(exact_laws.MODELS["dimerisation"].text), 300, Poor)
    spare = simulation._state.urns.spare[0]
    assert spare["n_loose"] == np.sum(simulation._state.sums["place"] == LOOSE) > 0


def test_loose_channels_that_are_not_drawn_are_caught():
    assert exact_laws.p_value("isomerisation", Forgetful, 4000, 5) < CAUGHT


@pytest.mark.parametrize("name", SCARCE)
def test_a_scarce_partner_costs_a_refresh_and_few_candidates(name):
    """When a count between 0 and 1 decides the largest bound, one event leads to one refresh of one or two terms."""
    simulation = _after(ReactionNetwork.from_text(SCARCE[name]), 2000)
    before = _work(simulation)
    while simulation.n_events < 52_000:
        simulation.advance(1e12, event_limit=52_000)
    candidates, refreshes, moved = (_work(simulation) - before) / 50_000
    assert candidates < 2 and refreshes < 2.1 and moved < 2


def test_the_mean_of_a_scarce_partner_is_right():
    """F + H -> HF against release, at equilibrium: the share of time without F is that of the master equation."""
    network = ReactionNetwork.from_text("F + H -> HF @ 2\nHF -> F + H @ 100\nH = 50\nF = 1")
    simulation = _after(network, 200)
    time = np.linspace(simulation.time, simulation.time + 400.0, 40_001)[1:]
    rows = np.zeros((time.size, 3), dtype=np.int64)
    simulation.start_chunk()
    while simulation.advance(time[-1], time, rows) != codes.REACHED_END:
        pass
    free = rows[:, network.species.index("F")]
    # Alternating exponentials of rates 100 each: half of the time, looks 0.01 s apart correlated by exp(-2).
    error = np.sqrt(0.25 / time.size * (1 + np.exp(-2)) / (1 - np.exp(-2)))
    accept(2 * stats.norm.sf(abs(free.mean() - 0.5) / error), "time without the scarce partner")


def _walkers(n):
    """300 walkers on n places, nearly all of them empty, with rates over three decades, and a partner of plenty."""
    rates = [10 ** (3 * (k * 0.6180339887 % 1) - 1) for k in range(n)]
    steps = (
        f"X{k} -> X{(7 * k + 1) % n} @ {rates[k]}\nX{k} + L -> X{(3 * k + 5) % n} + M @ {1e-3 * rates[-k]}"
        for k in range(n)
    )
    return ReactionNetwork.from_text("\n".join(steps) + "\nM -> L @ 5\nL = 1000\nX0 = 300")


def test_the_work_of_an_event_does_not_grow_with_the_network():
    """The same walkers, among 2,500 and among 10,000 places."""
    work = []
    for n in (2500, 10_000):
        simulation = _after(_walkers(n), 30_000)
        before = _work(simulation)
        while simulation.n_events < 60_000:
            simulation.advance(1e12, event_limit=60_000)
        work.append((_work(simulation) - before) / 30_000)
    assert (np.array(work) < [15, 2, 120]).all(), work
    assert (work[1] < 2 * work[0] + 1).all(), work
