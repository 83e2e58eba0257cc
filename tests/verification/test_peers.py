"""The comparison with other programs: a planted difference is found whatever the law, equal ones are not, and a
program that is not installed is named."""

import numpy as np
import pytest

from gillespie_nn import ReactionNetwork
from gillespie_nn.verification import peer_programs, peers
from gillespie_nn.verification.base import Options, Unsupported

_TIMES = np.array([1.0, 2.0])


def _draws(law, seed=1, n=4000):
    return {"A": law(np.random.default_rng(seed), (n, 2))}


@pytest.mark.parametrize(
    "one, other",
    [
        (lambda g, n: g.poisson(10, n), lambda g, n: g.poisson(11, n)),
        (lambda g, n: g.poisson(10, n), lambda g, n: g.binomial(40, 0.25, n)),
        (lambda g, n: np.full(n, 3), lambda g, n: np.full(n, 4)),
    ],
    ids=["mean", "variance", "constants"],
)
def test_a_planted_difference_is_found(one, other):
    p, _ = peers.compare(_draws(one), _draws(other, 2), _TIMES)
    assert p < 1e-6


def test_equal_counts_show_nothing():
    same = _draws(lambda g, n: g.poisson(10, n))
    p, details = peers.compare(same, same, _TIMES)
    assert p == 1.0 and details["largest_z_mean"] == details["largest_z_variance"] == 0.0
    low, middle, high = details["largest_difference_of_mean"]
    assert low < middle == 0.0 < high and details["largest_difference_of_mean_at"] == "A at t = 1"


def test_a_few_runs_far_out_do_not_reject():
    """Three of 4000 at 1000 in one sample and none in the other, where a normal law of the variance would be wrong."""
    one, other = _draws(lambda g, n: g.poisson(1, n)), _draws(lambda g, n: g.poisson(1, n), 2)
    one["A"][:3] = 1000
    assert peers.compare(one, other, _TIMES)[0] > 0.1


def test_a_program_that_is_not_installed_is_named(monkeypatch):
    def absent(document, end, n_points, seeds):
        return peers.checks.optional("no_such_program", "bench", "comparing with it")

    monkeypatch.setattr(peers, "CASES", {"immigration-death": peers.CASES["immigration-death"]})
    monkeypatch.setattr(peers, "PROGRAMS", {"absent": absent})
    pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    (found,) = peers.Peers().run("direct", 0, Options(1000, None))
    assert isinstance(found, Unsupported) and "pip install '.[bench]'" in found.reason


def test_laws_of_pairs_are_divided_by_the_factor_that_copasi_puts_in():
    sbml = pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    document = ReactionNetwork.from_text("2 A -> B @ 3\nA + B -> 0 @ 2\n3 B -> A @ 1").to_sbml()
    model = sbml.readSBMLFromString(peer_programs.for_copasi(document)).getModel()
    laws = [sbml.formulaToL3String(r.getKineticLaw().getMath()) for r in model.getListOfReactions()]
    for n in (3, 4, 9):
        names = {"A": n, "B": n, "piecewise": lambda value, condition, otherwise: value if condition else otherwise}
        pair, single, triple = (eval(law, {"__builtins__": {}}, names) for law in laws)
        assert pair * (1 - 1 / n) == pytest.approx(3 * n * (n - 1))
        assert single == pytest.approx(2 * n * n)
        assert triple * (1 - 1 / n) * (1 - 2 / n) == pytest.approx(n * (n - 1) * (n - 2))
    assert "A >= 2" in laws[0] and "B >= 3" in laws[2]
