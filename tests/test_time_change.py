"""Random time change: run on the clock of its own integrated propensity, every reaction of an exact method is a
Poisson process of unit rate, so the integrals between its firings are independent unit exponentials.

Each reaction is followed to a fixed number of firings, which leaves no gap cut off by the end of the run. Propensities
come from the plain twin in `naive`. One Kolmogorov-Smirnov test a reaction, one for all together, and one for the
next gap given the one before; a right engine fails one with probability 2e-7 (`checks_of_chance.ALPHA`).
"""

import numpy as np
import pytest
from checks_of_chance import accept, rejects
from models import product_model
from naive import propensity
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.methods import METHODS, Layered, Rejection

N_FIRINGS = 1500
_MOST_EVENTS = 300_000
MIXED = gnn.ReactionNetwork.from_text(
    "0 -> A @ 6\nA -> 0 @ 0.4\n2 A -> B @ 0.5\nB -> 2 A @ 1\nA + B -> B @ 0.3\nB -> B + C @ 2\nA -> A + C @ 1\n"
    "C -> 0 @ 1 * step(A, B)\nC -> 0 @ 0.5\n0 -> D @ 0.7 * ramp(C, A)\nD -> 0 @ 1\nA = 3"
)


def gaps(method, network, volume, n_firings=N_FIRINGS, seed=3):
    """Integrated propensities between firings, float64[reaction, firing]."""
    n_reactions = len(network.reactions)
    simulation = method(
        network, network.rates(), volume, network.counts(), seeds.stream(seed, Purpose.SIMULATION), count_firings=True
    )
    found = [[] for _ in range(n_reactions)]
    integral = np.zeros(n_reactions)
    known, now = {}, 0.0
    while min(map(len, found)) < n_firings:
        assert simulation.n_events < _MOST_EVENTS, "some reaction hardly fires"
        counts = simulation.counts.tobytes()
        if counts not in known:
            state = dict(zip(network.species, simulation.counts.tolist(), strict=True))
            known[counts] = np.array([propensity(r, state, volume) for r in network.reactions])
        before = simulation.firings.copy()
        target = simulation.n_events + 1
        while simulation.n_events < target:
            simulation.advance(np.inf, event_limit=target)
        # The clock stands at the last candidate, which is the event.
        integral += known[counts] * (simulation.time - now)
        now = simulation.time
        (fired,) = np.flatnonzero(simulation.firings - before)
        found[fired].append(integral[fired])
        integral[fired] = 0.0
    return np.array([g[:n_firings] for g in found])


def p_values(found):
    for row in found:
        yield stats.kstest(row, "expon").pvalue
    yield stats.kstest(found.ravel(), "expon").pvalue
    order = stats.spearmanr(found[:, :-1].ravel(), found[:, 1:].ravel()).statistic
    yield 2 * stats.norm.sf(abs(order) * np.sqrt(found[:, 1:].size - 1))


@pytest.mark.parametrize("method", [m for m in METHODS if m is not Layered], ids=lambda m: m.name)
def test_every_reaction_runs_on_its_own_unit_clock(method):
    for k, p in enumerate(p_values(gaps(method, MIXED, 2.0))):
        accept(p, f"time change, {method.name}, {k}")


def test_members_of_a_product_family_run_on_their_own_unit_clocks():
    model = product_model()
    for k, p in enumerate(p_values(gaps(Layered, model.network, model.volume))):
        accept(p, f"time change, layered, {k}")


class StaleTerm(Rejection):
    """One term of a lumped channel does not notice a species that the channel's other term is refreshed by often."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        readers, channels = self._readers, self._channels
        network_c = 2  # species C of MIXED
        terms = np.arange(len(channels.first))
        a = 0
        start, end = readers.term_start[a], readers.term_start[a + 1]
        lumped = [k for k in range(start, end) if _makes_only(channels, readers.channel[readers.term[k]], network_c)]
        assert len(lumped) == 1 and len(terms) == 11
        starts = readers.term_start.copy()
        starts[a + 1 :] -= 1
        self._readers = readers._replace(term=np.delete(readers.term, lumped[0]), term_start=starts)


def _makes_only(channels, c, species):
    start, end = channels.change_start[c], channels.change_start[c + 1]
    return end - start == 1 and channels.change_species[start] == species and channels.change_amount[start] == 1


def test_a_stale_term_of_a_lumped_channel_is_caught():
    assert any(rejects(p) for p in p_values(gaps(StaleTerm, MIXED, 2.0)))


def test_a_family_that_forgets_the_shares_is_caught():
    class Shares(Layered):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self._families.share[:] = 1.0

    model = product_model()
    assert any(rejects(p) for p in p_values(gaps(Shares, model.network, model.volume)))


def test_a_pool_that_is_not_kept_is_caught():
    class Stuck(Layered):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            first = self._families.first_pool[0]
            self._readers.pair_amount[self._readers.pair_species >= first] = 0
            self._readers.more_amount[self._readers.more_species >= first] = 0

    model = product_model()
    network = model.network
    try:
        assert any(rejects(p) for p in p_values(gaps(Stuck, network, model.volume)))
    finally:
        del network.compiled.layered(network.rates()).readers
