"""Random time change: run on the clock of its own integrated propensity, every reaction of an exact method is a
Poisson process of unit rate, so the integrals between its firings are independent unit exponentials.

Each reaction is followed to a fixed number of firings, which leaves no gap cut off by the end of the run. Propensities
are worked out in `verification.exact_laws`, and compared here with the plain twin in `naive`. One Kolmogorov-Smirnov
test a reaction, one for all together, and one for the next gap given the one before; a right engine fails one with
probability 1e-7 (`checks_of_chance.ALPHA`).
"""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.seeds import Purpose
from gillespie_nn.simulation.methods import EXACT, Layered, Rejection
from gillespie_nn.verification import exact_laws
from gillespie_nn.verification.exact_laws import time_change_p_values
from helpers.checks_of_chance import accept, rejects
from helpers.models import product_model
from helpers.naive import propensity

N_FIRINGS = 1500
MIXED = gnn.ReactionNetwork.from_text(exact_laws.MIXED)


def gaps(method, network, volume):
    return exact_laws.gaps(method, network, volume, seeds.stream(3, Purpose.SIMULATION), N_FIRINGS)


@pytest.mark.parametrize("network", [MIXED, product_model().network], ids=["mixed", "family"])
def test_propensities_are_those_of_the_plain_twin(network):
    rng = np.random.default_rng(1)
    for _ in range(200):
        state = dict(zip(network.species, rng.integers(0, 20, len(network.species)).tolist(), strict=True))
        plain = [propensity(r, state, 3.0) for r in network.reactions]
        np.testing.assert_allclose(exact_laws.propensities(network, state, 3.0), plain, rtol=1e-12)


@pytest.mark.parametrize("method", [m for m in EXACT if m is not Layered], ids=lambda m: m.name)
def test_every_reaction_runs_on_its_own_unit_clock(method):
    for k, p in enumerate(time_change_p_values(gaps(method, MIXED, 2.0))):
        accept(p, f"time change, {method.name}, {k}")


def test_members_of_a_product_family_run_on_their_own_unit_clocks():
    model = product_model()
    for k, p in enumerate(time_change_p_values(gaps(Layered, model.network, model.volume))):
        accept(p, f"time change, layered, {k}")


class StaleTerm(Rejection):
    """One term of a lumped channel does not notice a species that the channel's other term is refreshed by often."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        readers, channels = self._readers, self._channels
        network_c = 2  # species C of MIXED
        terms = channels.terms[:-1]
        a = 0
        start, end = readers.term_start[a], readers.term_start[a + 1]
        lumped = [k for k in range(start, end) if _makes_only(channels, readers.channel[readers.term[k]], network_c)]
        assert len(lumped) == 1 and len(terms) == 11
        starts = readers.term_start.copy()
        starts[a + 1 :] -= 1
        self._readers = readers._replace(term=np.delete(readers.term, lumped[0]), term_start=starts)


def _makes_only(channels, c, species):
    start, end = channels.ranges["change_start"][c : c + 2]
    change = channels.changes[start]
    return end - start == 1 and change["species"] == species and change["amount"] == 1


def test_a_stale_term_of_a_lumped_channel_is_caught():
    assert any(rejects(p) for p in time_change_p_values(gaps(StaleTerm, MIXED, 2.0)))


def test_a_family_that_forgets_the_shares_is_caught():
    class Shares(Layered):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self._families.share[:] = 1.0

    model = product_model()
    assert any(rejects(p) for p in time_change_p_values(gaps(Shares, model.network, model.volume)))


def test_a_pool_that_is_not_kept_is_caught():
    class Stuck(Layered):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            first = self._families.first_pool[0]
            pairs, more = self._readers.pairs, self._readers.more
            pairs["amount"][pairs["species"] >= first] = 0
            pairs["other_amount"][pairs["other"] >= first] = 0
            more["amount"][more["species"] >= first] = 0

    model = product_model()
    network = model.network
    try:
        assert any(rejects(p) for p in time_change_p_values(gaps(Stuck, network, model.volume)))
    finally:
        del network.compiled.layered(network.rates()).readers
