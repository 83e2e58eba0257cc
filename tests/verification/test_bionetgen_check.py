"""`verify-methods --check bionetgen`: right methods hold, planted errors fail, what is rewritten for BioNetGen.

BioNetGen is optional: where it is missing, its rate equations are integrated here by scipy from formulas of their own,
and its runs are those of the text form of the model."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.peers import bionetgen as net_files
from gillespie_nn.peers import bionetgen as run_network
from gillespie_nn.verification import peer_checks, verify
from gillespie_nn.verification.peer_checks import BioNetGen

NET = """begin parameters
    1 k 3
    2 Km 2.5
    3 n 2
end parameters
begin species
    1 S() 40.25 # an amount that is not whole
    2 E() 4
    3 P() 0
    4 Q() 0
end species
begin reactions
    1 1,2 2,3 Sat k Km
    2 3 1 Hill k Km n
    3 3,2 2,4 MM k Km
end reactions
begin groups
    1 Made 3,4
end groups
"""
TEXT = """
S + E -> E + P @ propensity(3 * S * E / (2.5 + S))
P -> S @ propensity(3 * P^2 / (2.5^2 + P^2))
P + E -> E + Q @ propensity(3 * E * 0.5 * (P - 2.5 - E + sqrt((P - 2.5 - E)^2 + 10 * P)) /
    (2.5 + 0.5 * (P - 2.5 - E + sqrt((P - 2.5 - E)^2 + 10 * P))))
S = 40
E = 4
P = 0
Q = 0
""".replace("/\n   ", "/")
RIGHT = gnn.ReactionNetwork.from_text(TEXT)


RUNS = 120
STOCHASTIC = run_network.stochastic


def by_scipy(text, times):
    """The rate equations of NET, written down anew."""

    def derivative(t, x):
        s, e, p, q = x
        made, back = 3 * s * e / (2.5 + s), 3 * p**2 / (2.5**2 + p**2)
        free = 0.5 * (p - 2.5 - e + np.sqrt((p - 2.5 - e) ** 2 + 10 * p))
        used = 3 * e * free / (2.5 + free)
        return [back - made, 0.0, made - back - used, used]

    done = scipy.integrate.solve_ivp(
        derivative, (0, times[-1]), [40.25, 4, 0, 0], "LSODA", times, rtol=1e-11, atol=1e-13
    )
    return done.y.T


def by_text(text, times, seed):
    r = gnn.simulate(RIGHT, time=[0.0, *times], method="direct", seed=seed)
    return np.stack([r.of(s)[0, 1:] for s in "SEPQ"], axis=1).astype(float)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "laws.net").write_text(NET)
    monkeypatch.setattr(run_network, "absent", lambda: "")
    monkeypatch.setattr(run_network, "rate_equations", by_scipy)
    monkeypatch.setattr(run_network, "stochastic", by_text)
    monkeypatch.setattr(peer_checks, "BUDGETS", (peer_checks.Budget(np.inf, RUNS, 10_000, 200),))
    peer_checks._runs.cache_clear()
    return tmp_path


def test_right_methods_hold(folder, capsys):
    command = ["verify-methods", "--check", "bionetgen", "--folder", str(folder), "--json"]
    assert main([*command, "--method", "ode", "--method", "direct", "--method", "rejection"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["method"], row["what"]) for row in found["outcomes"]] == [
        (m, "laws.net") for m in ("ode", "direct", "rejection")
    ]
    assert found["outcomes"][0]["largest_share_of_tolerance"] < 0.1
    assert found["outcomes"][1]["runs"] == RUNS and found["outcomes"][1]["species"] == 3


@pytest.mark.parametrize("method", ["ode", "direct"])
@pytest.mark.parametrize(
    "right, wrong", [("Sat k Km", "Sat k 10"), ("Hill k Km n", "Hill 0.1 Km n"), ("MM k", "MM 1.5")]
)
def test_a_wrong_law_fails(folder, method, right, wrong):
    (folder / "deeper" / "laws.net").write_text(NET.replace(right, wrong))
    found = verify([BioNetGen], [method], seed=3, folder=folder)
    assert found["verdict"] == "fails"


def test_a_difference_of_a_ten_thousandth_fails_under_ode(folder):
    (folder / "deeper" / "laws.net").write_text(NET.replace("1 k 3", "1 k 3.0003"))
    assert verify([BioNetGen], ["ode"], folder=folder)["verdict"] == "fails"


def test_what_cannot_be_compared_is_counted(folder):
    timed = NET.replace("begin species", "begin functions\n1 f() k*time()\nend functions\nbegin species")
    (folder / "timed.net").write_text(timed.replace("3 3,2 2,4 MM k Km", "3 3 4 f"))
    pairs = NET.replace("begin species", "begin functions\n1 f() k*Made\nend functions\nbegin species")
    (folder / "pairs.net").write_text(pairs.replace("3 3,2 2,4 MM k Km", "3 3,3 4 f"))
    (folder / "wrong.net").write_text("begin nonsense")
    exact = verify([BioNetGen], ["direct"], folder=folder)
    assert [(row["what"], row["reason"]) for row in exact["refused"]] == [("timed.net", "rates that read the time")]
    ode = verify([BioNetGen], ["ode"], folder=folder)
    assert exact["verdict"] != "holds" and ode["verdict"] != "holds"
    reasons = {row["what"]: row["reason"] for row in ode["not_simulated"]}
    assert "r3 has like reactants" in reasons["pairs.net"] and "unknown block" in reasons["wrong.net"]


def test_a_run_that_fails_is_refused_with_its_reason(folder, monkeypatch):
    def fails(text, times, seed):
        raise RuntimeError("run_network failed: signal 11 ended it")

    monkeypatch.setattr(run_network, "stochastic", fails)
    (row,) = verify([BioNetGen], ["direct"], folder=folder)["refused"]
    assert row["message"] == "run_network failed: signal 11 ended it"


def test_a_run_that_does_not_end_is_refused(folder, monkeypatch):
    monkeypatch.setattr(run_network, "stochastic", STOCHASTIC)
    monkeypatch.setattr(run_network, "_SECONDS", 0.05)
    monkeypatch.setattr(run_network, "program", lambda: Path("run_network"))
    monkeypatch.setattr(run_network, "_execute", _sleeping(run_network._execute))
    (row,) = verify([BioNetGen], ["direct"], folder=folder)["refused"]
    assert row["message"] == "run_network did not end within 0.05 s"


def _sleeping(execute):
    """`execute` with a program that sleeps, whatever its arguments are."""

    def run(path, file, options, end, folder, limit=None):
        script = Path(folder) / "sleeps.sh"
        script.write_text("#!/bin/sh\nexec sleep 60\n")
        script.chmod(0o755)
        return execute(script, file, options, end, folder, limit)

    return run


def test_requirements_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_network, "_places", lambda: iter(()))
    assert BioNetGen.missing(None) == "no folder of .net files given: use --folder DIR"
    assert BioNetGen.missing(None, tmp_path).startswith("run_network is not installed: pip install bionetgen")
    assert main(["verify-methods", "--check", "bionetgen", "--folder", str(tmp_path), "--method", "ode"]) == 3
    assert "run_network is not installed" in capsys.readouterr().out
    monkeypatch.setattr(run_network, "absent", lambda: "")
    assert main(["verify-methods", "--check", "bionetgen", "--folder", str(tmp_path), "--method", "ode"]) == 2
    assert "contains no .net files" in capsys.readouterr().err


def test_what_is_rewritten_means_the_same():
    timed = NET.replace("begin species", "begin functions\n1 f() k*time( )\nend functions\nbegin species")
    net = gnn.ReactionNetwork.from_bngl_net(net_files.with_clock(timed.replace("Sat k Km", "f")))
    assert net.species[-1] == "clock_of_the_check" and "time" not in net.resolved(net.reactions[0].law).names()
    assert net_files.with_clock(NET) == NET
    read = gnn.ReactionNetwork.from_bngl_net(net_files.with_readers(NET))
    assert [(r.reactants, r.net_change(), r.rate) for r in read.reactions[3:]] == [((("Q", 1),), {}, 1e-300)]
    whole = net_files.with_whole_amounts(NET, gnn.ReactionNetwork.from_bngl_net(NET))
    assert whole == NET.replace("40.25 # an", "40 # an")


@pytest.mark.skipif(bool(run_network.absent()), reason="run_network of BioNetGen is not installed")
def test_bionetgen_itself_agrees(tmp_path, monkeypatch):
    monkeypatch.setattr(peer_checks, "BUDGETS", (peer_checks.Budget(np.inf, RUNS, 10_000, 200),))
    (tmp_path / "laws.net").write_text(NET)
    peer_checks._runs.cache_clear()
    found = verify([BioNetGen], ["ode", "direct"], seed=3, folder=tmp_path)
    assert found["verdict"] == "holds" and found["n_p_values"] == 2, found
