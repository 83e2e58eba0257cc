"""What a prompt shows of the public classes: a line or two that say what it is."""

import re

import numpy as np
import pytest

import gillespie_nn as gnn

MODEL = "A -> 0 @ 1\nA = 5"


@pytest.fixture(scope="module")
def fit():
    return gnn.train("xor", seed=3, presentations=4, volume=50, running_time=1.0)


def _short(thing):
    shown = repr(thing)
    assert len(shown.splitlines()) <= 2 and max(map(len, shown.splitlines())) < 200
    return shown


def test_a_fit(fit):
    shown = _short(fit)
    for word in ("xor", "2-4-1", "4 of 4 presentations", f"test accuracy {fit.accuracy:.4g}", "rejection (auto: ",
                 "Omega = 50", "seed 3"):  # fmt: skip
        assert word in shown


def test_a_fit_of_regression_shows_its_error_and_its_file(tmp_path):
    x = np.array([[0.0], [1.0]])
    found = gnn.train((x, x), seed=0, presentations=2, method="gradient_descent", output=tmp_path / "run.h5")
    shown = _short(found)
    assert f"RMSE {found.scores['rmse']:.4g}" in shown and "accuracy" not in shown and "run.h5" in shown


def test_the_parts_of_a_fit(fit):
    assert "4 presentations" in _short(fit.plan) and "seed 3" in _short(fit.plan)
    assert "17 weights" in _short(fit.trained) and str(fit.n_events) in _short(fit.trained)
    assert "xor, threshold, 4 training and 4 test samples, 2 features, 1 outputs" in _short(fit.plan.dataset)
    assert "2-4-1, smooth_relu, linear output, 17 weights, 82 species, 195 reactions" in _short(fit.spec)


def test_a_training_network_without_learning():
    assert "without learning" in _short(gnn.training_network((2, 4, 1), learning=False))


def test_results(tmp_path):
    net = gnn.ReactionNetwork.from_text(MODEL)
    span = "3 replicates, 101 points from 0 to 2 s, 1 quantity [molecules]\n  method adaptive_direct (auto: "
    whole = _short(gnn.simulate(net, 2.0, replicates=3, seed=1))
    assert whole.startswith(f"Result: {span}") and whole.endswith("seed 1, Omega = 1")
    stopped = gnn.simulate(net, 2.0, seed=1, max_events=1)
    assert _short(stopped).startswith(
        "Result: 1 replicate, 101 points from 0 to 2 s, 1 quantity [molecules]; 1 stopped"
    )
    path = tmp_path / "moments.h5"
    moments = gnn.simulate(net, 2.0, replicates=3, seed=1, record="moments", output=path)
    assert repr(moments).startswith(f"MomentsRun in {str(path)!r}: {span}")
    path = tmp_path / "run.h5"
    with gnn.simulate(net, 2.0, replicates=3, seed=1, output=path) as run:
        assert repr(run).startswith(f"Run in {str(path)!r}: {span}")
    assert repr(run) == f"Run in {str(path)!r}, closed"


def test_a_sweep():
    found = gnn.sweep(gnn.ReactionNetwork.from_text(MODEL), {"A": [1, 2]}, 1.0, seed=4)
    assert _short(found) == "Sweep: 2 rows of A; trajectories in memory, seed 4"


def test_a_network_shows_its_reactions_in_a_notebook():
    net = gnn.ReactionNetwork.from_text("@parameter k = 2\nlose: A -> 0 @ k\nA -> B @ propensity(A * (A < 9))\nA = 5")
    page = net._repr_html_()
    for text in (repr(net), "<td>lose</td><td>A -&gt; 0</td><td>k * A</td>", "A &lt; 9", "initially: A = 5",
                 "parameters: k = 2"):  # fmt: skip
        assert text in page
    long = gnn.ReactionNetwork.from_text("\n".join(f"A -> 0 @ propensity({'A + ' * 99}A)" for _ in range(40)))
    page = long._repr_html_()
    assert page.count("<tr>") < 20 and "... 28 more" in page and len(page) < 4000


def test_a_training_network_shows_its_modules_in_a_notebook(fit):
    page = fit.spec._repr_html_()
    assert page.count("<tr>") == 7 and '<td>update</td><td class="number">51</td>' in page
    assert sum(map(int, re.findall(r'"number">(\d+)</td>', page))) == 195


def test_a_fit_says_what_was_done_to_its_network():
    fit = gnn.train(
        "xor",
        presentations=2,
        running_time=2.0,
        seed=1,
        noise=gnn.RateNoise(0.1, "constant"),
        rates={"update_*_3": 30.0},
    )
    assert "rate noise 0.1 (constant), rates update_*_3 changed" in repr(fit)
