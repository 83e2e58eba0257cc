"""`certify`: verdicts that follow the intervals, planted errors that are found, and the command."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.kernels import codes
from gillespie_nn.simulation import methods
from gillespie_nn.simulation.methods import Direct, Method
from gillespie_nn.simulation.methods.method import Option, fraction
from gillespie_nn.verification.certificate import Ensemble, compare

BIRTH_DEATH = "make: 0 -> A @ 1000\nlose: A -> 0 @ 1\nA = 1000\n"
"""Poisson with mean 1000 at all times."""


class Off(Direct):
    """An approximate method: every reaction but `lose` at `factor` times its rate."""

    name = "off"
    exact = False
    options = (Option("factor", 0.97, fraction, "of the rate"),)

    def __init__(self, network, rates, volume, counts, rng, count_firings=False, options=None, start_time=0.0):
        factor = (options or {}).get("factor", 0.97)
        rates = np.where([r.name == "lose" for r in network.reactions], rates, factor * rates)
        super().__init__(network, rates, volume, counts, rng, count_firings, options, start_time)


class Fixed(Method):
    """A deterministic method of concentrations that says the same of `A` at every time, with its variance."""

    name = "fixed"
    exact, deterministic, dtype, units, records_covariance = False, True, np.float64, "concentration", True
    mean, variance = 1000.0, 1000.0

    @classmethod
    def compile(cls, network, rates):
        return network.compiled.single

    def _advance(self, t_stop, grid_time, grid_counts, event_limit):
        grid_counts[:] = self.mean
        self._tally[codes.GRID_INDEX] = len(grid_time)
        return codes.REACHED_END

    def covariance(self, first, last):
        return np.full((last - first, 1, 1), self.variance)

    def _set_counts(self, species, values): ...

    def can_react(self):
        return True


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(methods, "METHODS", (*methods.METHODS, Off, Fixed))


@pytest.fixture(scope="module")
def network():
    return gnn.ReactionNetwork.from_text(BIRTH_DEATH)


def test_an_exact_method_beside_an_exact_one_is_within(network):
    """Not being so would take 6 standard errors of a variance."""
    found = gnn.certify(
        network, "rejection", 0.5, 2, replicates=8000, reference="next_reaction", seed=1, workers=2,
        tolerance_variance=0.2,
    )  # fmt: skip
    assert found.verdict == "holds" and str(found).startswith("holds: the errors of rejection against")
    assert sorted(r.time for r in found.rows) == [0.25, 0.5]
    assert (found.seed, found.reference_seed, found.n_intervals) == (1, 2, 6)
    assert found.speed_ratio == found.reference_seconds / found.seconds > 0


def test_the_same_seed_gives_the_same_certificate_with_any_workers(network, registered):
    one, two = (
        gnn.certify(network, "off", 0.1, 2, replicates=50, reference="direct", seed=8, workers=w) for w in (1, 2)
    )
    assert one.rows == two.rows
    other = gnn.certify(network, "off", 0.1, 1, replicates=50, reference="direct", seed=8, factor=0.1)
    assert other.rows[0].mean < min(r.mean for r in one.rows)


def test_a_rate_three_percent_off_is_outside(network, registered):
    """At the end the mean is 3 % low, and its standard error 0.1 %."""
    found = gnn.certify(network, "off", 6.0, 2, replicates=2000, reference="direct", seed=1, workers=2)
    assert found.verdict == "fails" and found.rows[0].verdict == "fails"
    low, high = found.rows[0].mean_interval
    assert -0.04 < low < found.rows[0].mean_error < high < -0.02
    assert str(found).startswith("fails: the errors of")


def test_a_wrong_variance_with_the_right_mean_is_outside(network):
    """Births by two at half the rate: the variance is 1.5 times that of the network itself."""
    bursts = gnn.ReactionNetwork.from_text("0 -> 2 A @ 500\nA -> 0 @ 1\nA = 1000")
    time = np.array([4.0])
    both = [Ensemble(Direct, ("A",), n, time, {"replicates": 3000, "seed": s}) for n, s in ((bursts, 1), (network, 2))]
    found = compare(*both, ("A",), time, (0.02, 0.05), 1.0)
    row = found.rows[0]
    assert found.verdict == "fails" and row.variance_interval[0] > 0.05
    assert max(np.abs(row.mean_interval)) < 0.02 and row.distance < row.bound


@pytest.mark.parametrize("mean, variance, verdict", [(1, 1, "holds"), (1, 1.5, "fails"), (0.96, 1, "fails")])
def test_a_deterministic_method_has_its_mean_and_its_own_variance_compared(
    mean, variance, verdict, registered, monkeypatch
):
    """In molecules, at a volume of 10."""
    monkeypatch.setattr(Fixed, "mean", 1000 * mean)
    monkeypatch.setattr(Fixed, "variance", 1000 * variance)
    network = gnn.ReactionNetwork.from_text("0 -> A @ 100\nA -> 0 @ 1\nA = 1000")
    found = gnn.certify(
        network, "fixed", 3.0, 1, volume=10, replicates=4000, seed=3, tolerance_variance=0.25, workers=2
    )
    row = found.rows[0]
    assert (row.mean, row.variance, found.replicates) == pytest.approx((1000 * mean, 1000 * variance, 1))
    assert found.verdict == verdict and found.n_intervals == 2
    assert row.distance is row.bound is row.p is None


def test_a_deterministic_method_without_variances_has_its_mean_compared(network, registered, monkeypatch):
    monkeypatch.setattr(Fixed, "records_covariance", False)
    monkeypatch.setattr(Fixed, "covariance", Method.covariance)
    found = gnn.certify(network, "fixed", 0.5, 1, replicates=500, seed=3)
    assert found.verdict == "holds" and found.n_intervals == 1
    assert found.rows[0].variance is None and str(found).count("fixed gives no variances") == 1


def test_species_that_never_change_that_are_never_there_and_rules(registered):
    """`K` has no variance, `N` a mean of zero; both agree exactly, and a rule is compared where asked for."""
    network = gnn.ReactionNetwork.from_text(
        "@rule total = A + 2 * K\n0 -> A @ 50\nA -> 0 @ 1\nK + A -> K + A + K @ 0\nN -> 0 @ 1\nA = 50\nK = 7"
    )
    settings = {"replicates": 40, "reference": "direct", "seed": 4}
    default = gnn.certify(network, "rejection", 1.0, 2, **settings)
    assert {r.species for r in default.rows} == {"A", "N"}
    found = gnn.certify(network, "rejection", 1.0, 1, species=["K", "N", "total"], **settings)
    rows = {r.species: r for r in found.rows}
    for name, mean in (("K", 7), ("N", 0)):
        row = rows[name]
        assert (row.mean, row.mean_error, row.mean_interval, row.variance_interval) == (mean, 0, (0, 0), (0, 0))
        assert row.verdict == "holds" and row.distance == 0
    alone = gnn.certify(network, "rejection", 1.0, 1, species="A", **settings).rows[0]
    assert rows["total"].mean == alone.mean + 14


def test_a_species_stuck_where_the_exact_one_varies_is_outside(network, registered, monkeypatch):
    """A variance or a mean of 0 has no logarithm."""

    def stuck(self, network, rates, *rest):
        Direct.__init__(self, network, 0 * rates, *rest)

    monkeypatch.setattr(Off, "__init__", stuck)
    found = gnn.certify(network, "off", 3.0, 1, replicates=500, reference="direct", seed=4)
    assert found.verdict == "fails" and found.rows[0].variance_error == -1 > found.rows[0].variance_interval[0]
    found = gnn.certify(network, "off", 3.0, 1, replicates=500, reference="direct", seed=4, initial={"A": 0})
    assert found.rows[0].mean_interval[1] < -0.99


def test_a_run_that_does_not_reach_the_end_is_not_compared():
    network = gnn.ReactionNetwork.from_text("A -> 1000000000000 A @ 1\nA = 100")
    with pytest.raises(gnn.UnfinishedError, match="method rejection, replicate 0: stopped"):
        gnn.certify(network, "rejection", 5.0, replicates=30, seed=1)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"replicates": 29}, "replicates must be at least 30, got 29"),
        ({"tolerance_mean": 0}, "tolerance_mean must lie between 0 and 1"),
        ({"tolerance_variance": 1}, "tolerance_variance must lie between 0 and 1"),
        ({"floor": 0}, "floor must be positive"),
        ({"n_points": 0}, "n_points must be at least 1"),
        ({"t_end": -1}, "t_end must be positive"),
        ({"species": ["B"]}, "unknown species 'B'"),
        ({"species": []}, "species must be names or patterns"),
        ({"rates": {"make": 0, "lose": 0}}, "no species to compare"),
        ({"reference": "off"}, "reference must be an exact method, got 'off'"),
        ({"reference": "ssa"}, "unknown method 'ssa'"),
        ({"method": "of"}, "unknown method 'of'"),
        ({"seed": 2**63 - 1}, "seed must be at most"),
        ({"speed": 2}, "unknown option speed"),
        ({"schedule": [(9, {"A": 1})]}, "after the end"),
        ({"network": "A -> B"}, "must be a ReactionNetwork"),
    ],
)
def test_what_cannot_be_used_is_named(changed, message, network, registered):
    settings = {"network": network, "method": "off", "t_end": 1.0, "seed": 1, "replicates": 30} | changed
    with pytest.raises(gnn.InputError, match=message):
        gnn.certify(**settings)


def test_a_method_that_refuses_the_model_says_so_before_anything_is_run(network, registered, monkeypatch):
    def refuse(network):
        raise gnn.InputError("method off cannot treat this")

    monkeypatch.setattr(Off, "refuse", refuse)
    with pytest.raises(gnn.InputError, match="method off cannot treat this"):
        gnn.certify(network, "off", 1.0, replicates=10**6)


@pytest.mark.parametrize(
    "flags, code, verdict",
    [
        (["--method", "rejection", "--reference", "direct", "--tolerance-variance", "0.9"], 0, "holds"),
        (["--method", "off", "--tolerance-mean", "0.001"], 1, "fails"),
        (["--method", "rejection", "--n-points", "12", "--tolerance-variance", "0.27"], 3, "inconclusive"),
    ],
)
def test_the_command_ends_with_the_verdict(flags, code, verdict, registered, tmp_path, capsys):
    """Another verdict would take 5 standard errors: those of a variance are 0.1, and its intervals 0.32 each way."""
    model, output = tmp_path / "model.txt", tmp_path / "found.json"
    model.write_text(BIRTH_DEATH)
    command = ["certify", str(model), "--t-end", "3", "--n-points", "1", "--replicates", "400", "--seed", "1", *flags]
    assert main([*command, "--output", str(output), "--json"]) == code
    lines = capsys.readouterr().out.strip().splitlines()
    found = json.loads(lines[-1])
    assert found["verdict"] == verdict and found == json.loads(output.read_text())
    assert found["rows"][0]["species"] == "A" and found["speed_ratio"] > 0
    assert any(line.startswith(f"{verdict}: ") for line in lines)
    assert main([*command, "--output", str(output)]) == 2


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--method", "rejection", "--species", "Z"], "unknown species 'Z'"),
        (["--method", "rejection", "--replicates", "29"], "at least 30"),
        (["--method", "rejection", "--tolerance-mean", "2"], "between 0 and 1"),
        (["--method", "nothing"], "unknown method"),
        (["--method", "rejection", "--initial", "A"], "--initial takes NAME=NUMBER"),
    ],
)
def test_a_mistake_at_the_command_is_one_sentence(flags, word, tmp_path, capsys):
    model = tmp_path / "model.txt"
    model.write_text(BIRTH_DEATH)
    assert main(["certify", str(model), "--t-end", "1", *flags]) == 2
    error = capsys.readouterr().err
    assert word in error and len(error.strip().splitlines()) == 1


def test_many_rows_are_cut_short(tmp_path, capsys):
    model = tmp_path / "model.txt"
    model.write_text("A -> B @ 1\nB -> C @ 1\nA = 500\n")
    main(["certify", str(model), "--method", "rejection", "--t-end", "1", "--n-points", "8", "--replicates", "30",
          "--seed", "1"])  # fmt: skip
    assert "... 4 more" in capsys.readouterr().out
