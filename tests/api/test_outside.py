"""Methods, noises and datasets from outside the package: used as objects, recorded by name, given again to resume."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.noise import RateNoise
from gillespie_nn.simulation import ensemble
from gillespie_nn.simulation.methods import Direct, Method, choose_method, name_of
from gillespie_nn.simulation.slow_limit import LEVELS
from helpers.interrupted_runs import SHORT, interrupted
from helpers.own_methods import InPython, Mine, MyData, Warmth
from helpers.run_files import content, same

NET = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\nA + B -> C @ 0.1\nB = 20")
RUN = {"t_end": 3.0, "n_points": 4, "replicates": 6, "seed": 2}


class Stopped(BaseException):
    """What ends an ensemble in the middle."""


def cut(path, monkeypatch, **arguments):
    """An ensemble in a file, cut off in replicate 17."""
    plain = ensemble.run_units

    def run_units(task, units, *rest):
        if task.replicates(units[-1]).stop > 17:
            raise Stopped
        return plain(task, units, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(ensemble, "run_units", run_units)
        with pytest.raises(Stopped):
            gnn.simulate(NET, **arguments, output=path)


def test_a_class_is_a_method_wherever_a_name_is(tmp_path):
    plain = gnn.simulate(NET, **RUN, method="direct")
    mine = gnn.simulate(NET, **RUN, method=Mine, flavour="other", workers=2)
    np.testing.assert_array_equal(mine.counts, plain.counts)
    assert mine.method == "helpers.own_methods:Mine"
    for row, other in zip(*(gnn.sweep(NET, grid={"A": [1, 5]}, **RUN, method=m) for m in (Mine, "direct"))):
        np.testing.assert_array_equal(row.counts, other.counts)
    found = gnn.sweep(NET, grid={"A": [1, 5]}, **RUN, method=Mine, output=tmp_path / "sweep")
    assert {row.method for row in gnn.open_sweep(tmp_path / "sweep")} == {"helpers.own_methods:Mine"} and len(
        found
    ) == 2
    certificate = gnn.certify(NET, Mine, t_end=2.0, replicates=30, seed=1, flavour="other", reference=InPython)
    assert (certificate.method, certificate.reference) == ("helpers.own_methods:Mine", "helpers.own_methods:InPython")
    moments = gnn.simulate(NET, **RUN, method=Mine, record="moments", output=tmp_path / "moments.h5")
    assert moments.method == "helpers.own_methods:Mine"


def test_a_class_of_the_package_is_recorded_by_its_name():
    assert gnn.simulate(NET, **RUN, method=Direct).method == "direct" == name_of(Direct)
    fit = gnn.train("xor", method=LEVELS[0], presentations=2, seed=1)
    assert fit.plan.options.arguments["method"] == LEVELS[0].name


def test_a_method_in_python_keeps_its_draws_over_recorded_points():
    once, often = (gnn.simulate(NET, **(RUN | {"n_points": n}), method=InPython).counts for n in (2, 31))
    np.testing.assert_array_equal(once[:, -1], often[:, -1])


def test_files_of_a_method_from_outside_are_read_and_analysed_without_it(tmp_path, capsys):
    path = tmp_path / "run.h5"
    gnn.simulate(NET, **RUN, method=Mine, output=path)
    with gnn.open_run(path) as run:
        assert run.method == "helpers.own_methods:Mine" and run.complete
    with gnn.resume(path) as run:  # it has ended: nothing is simulated
        assert run.complete
    assert main(["analyze", str(path), "--what", "means"]) == 0 and "A" in capsys.readouterr().out


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_an_ensemble_resumes_with_the_class_of_its_method_and_says_so_without(tmp_path, monkeypatch, capsys, record):
    path, whole = tmp_path / "cut.h5", tmp_path / "whole.h5"
    how = {"method": Mine, "flavour": "other", "noise": [Warmth(0.2), RateNoise(0.1, "constant")], "record": record}
    run = RUN | {"replicates": 20}
    gnn.simulate(NET, **run, **how, output=whole)
    cut(path, monkeypatch, **run, **how)
    sentence = (
        f"{path} needs helpers.own_methods:Mine and helpers.own_methods:Warmth, which do not come with this package: "
        f"in Python, call gillespie_nn.resume({str(path)!r}, method=Mine, noise=[...])"
    )
    with pytest.raises(InputError) as error:
        gnn.resume(path)
    assert str(error.value) == sentence
    assert main(["resume", str(path)]) == 2 and sentence in capsys.readouterr().err
    noise = how["noise"]
    with pytest.raises(InputError, match="the method of .* is Mine, got direct: give the method that"):
        gnn.resume(path, method="direct", noise=noise)
    with pytest.raises(InputError, match="the noise of .* give the noise that the run started with"):
        gnn.resume(path, method=Mine, noise=Warmth(0.2))
    with pytest.raises(InputError, match="unknown object 'chemistry': resume takes method, noise"):
        gnn.resume(path, method=Mine, noise=noise, chemistry="kang_kim")
    gnn.resume(path, method=Mine, noise=noise).close()
    assert same(path, whole)


def test_training_resumes_with_its_method_and_noise_and_says_so_without(tmp_path, monkeypatch, capsys):
    path, whole = tmp_path / "cut.h5", tmp_path / "whole.h5"
    how = {"method": Mine, "flavour": "other", "noise": Warmth(0.3, "presentation")}
    fit = gnn.train("xor", output=whole, **SHORT, **how)
    assert json.loads(json.dumps(fit.plan.options.arguments))["method"] == "helpers.own_methods:Mine"
    plain = gnn.train("xor", **SHORT, method="direct", noise=how["noise"])
    np.testing.assert_array_equal(fit.weights, plain.weights)
    interrupted(path, monkeypatch, 14, **how)
    assert main(["resume", str(path)]) == 2
    assert f"gillespie_nn.resume({str(path)!r}, method=Mine, noise=Warmth(...))" in capsys.readouterr().err
    gnn.resume(path, method=Mine, noise=how["noise"])
    assert same(path, whole)
    assert main(["resume", str(whole)]) == 2
    assert f"gillespie_nn.load_fit({str(whole)!r}, method=Mine, noise=Warmth(...))" in capsys.readouterr().err
    again = gnn.load_fit(whole, method=Mine, noise=how["noise"])
    np.testing.assert_array_equal(again.weights, fit.weights)
    with gnn.open_run(whole) as run:
        assert run.method == "helpers.own_methods:Mine"


def test_a_noise_from_outside_is_recorded_by_its_class():
    assert Warmth(0.1).record()["noise"] == "helpers.own_methods:Warmth" and RateNoise(0.1).record()["noise"] == "rate"


def test_noise_of_the_prediction_is_needed_again_too(tmp_path):
    path = tmp_path / "run.h5"
    fit = gnn.train("xor", output=path, **SHORT, predict=True, predict_noise=Warmth(0.3, "presentation"))
    with pytest.raises(
        InputError, match=r"helpers.own_methods:Warmth, .*load_fit\(.*, predict_noise=Warmth\(\.\.\.\)\)"
    ):
        gnn.load_fit(path)
    again = gnn.load_fit(path, predict_noise=Warmth(0.3, "presentation"))
    np.testing.assert_array_equal(again.chemical, fit.chemical)


def test_a_dataset_of_a_class_of_its_own_is_in_the_file(tmp_path, monkeypatch):
    x, t = np.array([[0.0], [0.5], [1.0]]), np.array([[1.0], [0.5], [0.0]])
    data = MyData("mine", "regression", x, t, x, t)
    gnn.train(data, output=tmp_path / "whole.h5", **SHORT)
    interrupted(tmp_path / "cut.h5", monkeypatch, 14, data=data)
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5") and content(tmp_path / "cut.h5")


def test_what_cannot_be_a_method_is_refused_in_a_sentence():
    class Half(Direct):
        can_react = property(lambda self: True)

    class Unnamed(InPython):
        name = None

    class Abstract(Method):
        name = "abstract"

    mine = Mine(NET, NET.rates(), 1.0, NET.amounts(), np.random.Generator(np.random.SFC64(1)))
    for method, message in (
        (int, "method must be one of auto, direct, .*, or a class derived from Method, got <class 'int'>"),
        (3, "or a class derived from Method, got 3"),
        (Unnamed, "method Unnamed is not complete: it must define name, see Method"),
        (Abstract, "method Abstract is not complete: it must define _advance, _set_counts, can_react, compile"),
        (mine, "give Mine in place of an object"),
    ):
        with pytest.raises(InputError, match=message):
            choose_method(method, NET)
        with pytest.raises(InputError, match=message):
            gnn.train("xor", method=method, presentations=1)
    with pytest.raises(InputError, match="unknown option flavor: method mine takes flavour"):
        gnn.simulate(NET, **RUN, method=Mine, flavor="other")
    with pytest.raises(InputError, match="flavour must be|unknown flavour 'sweet'"):
        gnn.simulate(NET, **RUN, method=Mine, flavour="sweet")
