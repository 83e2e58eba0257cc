"""The comparison with other programs: a planted difference is found whatever the law, equal ones are not, and a
program that is not installed is named."""

import numpy as np
import pytest

from gillespie_nn import ReactionNetwork, simulate
from gillespie_nn.checks import InputError
from gillespie_nn.peers import PEERS, Copasi, Job, programs, whole_counts
from gillespie_nn.peers.peer import check_grid
from gillespie_nn.verification import peer_checks
from gillespie_nn.verification.check import CheckOptions, Unsupported

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
    p, _ = peer_checks.compare(_draws(one), _draws(other, 2), _TIMES)
    assert p < 1e-6


def test_equal_counts_show_nothing():
    same = _draws(lambda g, n: g.poisson(10, n))
    p, details = peer_checks.compare(same, same, _TIMES)
    assert p == 1.0 and details["largest_z_mean"] == details["largest_z_variance"] == 0.0
    low, middle, high = details["largest_difference_of_mean"]
    assert low < middle == 0.0 < high and details["largest_difference_of_mean_at"] == "A at t = 1"


def test_a_few_runs_far_out_do_not_reject():
    """Three of 4000 at 1000 in one sample and none in the other, where a normal law of the variance would be wrong."""
    one, other = _draws(lambda g, n: g.poisson(1, n)), _draws(lambda g, n: g.poisson(1, n), 2)
    one["A"][:3] = 1000
    assert peer_checks.compare(one, other, _TIMES)[0] > 0.1


def test_a_program_that_is_not_installed_is_named(monkeypatch):
    class Absent(Copasi):
        name, modules, install = "absent", ("no_such_module",), "no-such-program"

    monkeypatch.setattr(peer_checks, "CASES", {"immigration-death": peer_checks.CASES["immigration-death"]})
    monkeypatch.setattr(peer_checks, "PROGRAMS", {"absent": Absent})
    (found,) = peer_checks.Peers().run("direct", 0, CheckOptions(1000, None))
    assert isinstance(found, Unsupported) and found.reason == "absent is not installed: pip install no-such-program"


def test_laws_of_pairs_are_divided_by_the_factor_that_copasi_puts_in():
    sbml = pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    document = ReactionNetwork.from_text("2 A -> B @ 3\nA + B -> 0 @ 2\n3 B -> A @ 1").to_sbml()
    model = sbml.readSBMLFromString(programs.divided(document)).getModel()
    laws = [sbml.formulaToL3String(r.getKineticLaw().getMath()) for r in model.getListOfReactions()]
    for n in (3, 4, 9):
        names = {"A": n, "B": n, "piecewise": lambda value, condition, otherwise: value if condition else otherwise}
        pair, single, triple = (eval(law, {"__builtins__": {}}, names) for law in laws)
        assert pair * (1 - 1 / n) == pytest.approx(3 * n * (n - 1))
        assert single == pytest.approx(2 * n * n)
        assert triple * (1 - 1 / n) * (1 - 2 / n) == pytest.approx(n * (n - 1) * (n - 2))
    assert "A >= 2" in laws[0] and "B >= 3" in laws[2]


@pytest.mark.parametrize(
    "time, message",
    [
        (np.linspace(0, 1, 4), "recorded 4 points of a run, not 3"),
        (np.array([0, 0.5, 0.9]), "recorded points to t = 0.9"),
    ],
)
def test_another_grid_is_an_error_of_the_program(time, message):
    job = Job(PAIRS, 1.0, 3)
    check_grid("X", np.array([job.grid, job.grid]), job)
    with pytest.raises(RuntimeError, match=message):
        check_grid("X", np.array([time, time]), job)


def test_other_programs_get_the_laws_that_are_written_for_them():
    """A wrong propensity of `to_sbml` must reach every program that it is compared with."""
    sbml = pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    for name, case in peer_checks.CASES.items():
        if name not in ("XOR training", "immigration-death"):
            continue
        job = case.job(1)
        assert job.document
        given = sbml.readSBMLFromString(job.document).getModel()
        to_copasi = sbml.readSBMLFromString(programs.document(job)).getModel()
        laws = [
            [sbml.formulaToL3String(r.getKineticLaw().getMath()) for r in model.getListOfReactions()]
            for model in (given, to_copasi)
        ]
        assert all(law in copasi for law, copasi in zip(*laws))


def test_a_law_in_concentrations_is_refused():
    pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    document = (
        ReactionNetwork.from_text("2 A -> B @ 3")
        .to_sbml()
        .replace('hasOnlySubstanceUnits="true"', 'hasOnlySubstanceUnits="false"')
    )
    with pytest.raises(InputError, match="species A is a concentration in the law of r1"):
        programs.divided(document)


PAIRS = ReactionNetwork.from_text("2 A -> B @ 0.5\nB -> 2 A @ 1\n3 C -> C @ 0.3\nA = 5\nB = 0\nC = 4")
"""Few molecules in a small volume, where k A (A - 1) and k A A differ most."""


def test_copasi_gets_mass_action_with_a_constant_and_powers():
    sbml = pytest.importorskip("libsbml", reason="the extra sbml is not installed")
    model = sbml.readSBMLFromString(programs.document(Job(PAIRS, 1.0, 2, volume=2.0))).getModel()
    laws = [sbml.formulaToL3String(r.getKineticLaw().getMath()) for r in model.getListOfReactions()]
    constants = [r.getKineticLaw().getLocalParameter(0).getValue() for r in model.getListOfReactions()]
    assert laws == [f"reactor * k_of_mass_action * {factors}" for factors in ("A^2", "B", "C^3")]
    assert constants == [0.5, 1.0, 0.3] and model.getCompartment(0).getSize() == 2.0


PLANTED = "@ propensity(0.25 * max(A - 1, 0)^2)"
"""What COPASI would make of k A (A - 1)."""


@pytest.mark.parametrize("program", [p for p in PEERS if not p.ensembles_only], ids=lambda p: p.name)
def test_other_programs_have_our_law_of_like_molecules(program):
    if program.missing():
        pytest.skip(program.missing())
    job, n = Job(PAIRS, 1.0, 3, volume=2.0), 2000
    peer = program(job)
    theirs = whole_counts(peer, range(1, n + 1))
    peer.close()
    planted = ReactionNetwork.from_text(PAIRS.to_text().replace("@ 0.5", PLANTED))
    right, wrong = (
        peer_checks.compare(_by_species(simulated), _by_species(theirs), job.grid[1:])[0]
        for simulated in (
            simulate(network, 1.0, 3, volume=2.0, method="direct", replicates=n, seed=1).counts
            for network in (PAIRS, planted)
        )
    )
    assert right > 1e-5 and wrong < 1e-6


def _by_species(counts):
    return {s: counts[:, 1:, k] for k, s in enumerate(PAIRS.species)}
