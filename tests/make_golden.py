"""Writes the golden files of the present format versions into tests/golden, unless they are there.

Interrupted files are left by processes that kill themselves: they still say that they are open, as after a crash.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

import gillespie_nn as gnn
from gillespie_nn.propositions import proposition_report, results, setting_of, simulate_paths
from gillespie_nn.propositions.forcing import RateSource
from gillespie_nn.propositions.setting import Choice
from gillespie_nn.simulation.training import EvaluationWatch
from gillespie_nn.storage import EnsembleFile, MomentsFile, moments_file, training_file
from gillespie_nn.storage.schema import BOUNDS, MOMENTS, PREDICTIONS, RUNS

FOLDER = Path(__file__).parent / "golden"
FINISHED, INTERRUPTED = FOLDER / "finished", FOLDER / "interrupted"
MODEL = "2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40"
RULES = f"{MODEL}\n@parameter dose = 3\n@rule total = A + 2 * B\n@event add: when time >= 1; set A = A + dose"
X = np.array([[0.0], [1.0], [0.5], [0.25]])


def ensemble(path):
    gnn.simulate(
        gnn.ReactionNetwork.from_text(RULES), 2.0, 9, replicates=4, seed=3, method="rejection", initial={"A": 30},
        rates={"r3": 2.0}, schedule=[(0.5, {"B": 4})], noise=gnn.RateNoise(0.1, "bounded", step=0.5),
        count_firings=True, max_events=5000, record="events", output=path,
    ).close()  # fmt: skip


def training(path):
    data = gnn.Dataset.from_arrays(20.0 * X - 5.0, 8.0 - 6.0 * X, "regression", scale="unit", test=0)
    gnn.train(
        data, hidden=(1,), volume=30.0, presentations=12, running_time=1.0, hold=0.3, seed=3,
        method="rejection", checkpoint_every=3, validation=0.25, evaluate_every=4, predict=1, output=path,
    )  # fmt: skip


def moments(path, record="moments"):
    gnn.simulate(
        gnn.ReactionNetwork.from_text(RULES), 2.0, 5, replicates=70, seed=3, method="tau_leap", epsilon=0.02,
        initial={"A": 30}, schedule=[(0.5, {"B": 4})], record=record, output=path,
    )  # fmt: skip


def quantiles(path):
    moments(path, "quantiles")


def bounds_source():
    return RateSource(setting_of(Choice("5.2", "crossing", derivative="gain", running_time=2.0, presentations=2)), 6, 0)


def bounds(path):
    simulate_paths(bounds_source(), path, workers=1)


def prediction(path):
    arguments = {"training": {"case": "xor", "seed": 3}, "noise": [{"kind": "rate", "eps": 0.1}], "limit": 4}
    training_file.write(path, arguments, "threshold", X, 0.9 * X + 0.05)


MAKERS = {
    f"{version[0]}.{version[1]}-{make.__name__}": make
    for version, makers in (
        (RUNS.version, (ensemble, training)),
        (MOMENTS.version, (moments, quantiles)),
        (BOUNDS.version, (bounds,)),
        (PREDICTIONS.version, (prediction,)),
    )
    for make in makers
}
"""What makes each file of the present versions, by its name."""


def killed(owner, name, n_calls):
    """Have the process kill itself in call `n_calls` + 1 of a function or method."""
    function, calls = getattr(owner, name), []

    def killing(*arguments, **more):
        calls.append(None)
        if len(calls) > n_calls:
            if owner is EnsembleFile:
                arguments[0].commit()
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **more)

    setattr(owner, name, killing)


def interrupt(name, path):
    """Make the file `name` at `path`, and be killed on the way."""
    moments_file._SECONDS = proposition_report._SECONDS = (
        proposition_report._WRITING
    ) = -1.0  # these files are written whenever something is new
    MomentsFile._pause = property(lambda self: -1.0, lambda self, pause: None)
    owner, called, n_calls = {
        ensemble: (EnsembleFile, "finish", 2),
        training: (EvaluationWatch, "see", 8),
        moments: (MomentsFile, "merge", 3),
        quantiles: (MomentsFile, "merge", 3),
        bounds: (results, "write", 3),
    }[MAKERS[name]]
    killed(owner, called, n_calls)
    MAKERS[name](path)


def make():
    version = ".".join(map(str, RUNS.version))
    path = FOLDER / f"{version}-ensemble.h5"
    if not path.exists():
        network = gnn.ReactionNetwork.from_text(MODEL)
        gnn.simulate(network, 2.0, 5, replicates=2, seed=1, output=path, count_firings=True).close()
    x, path = X[:2], FOLDER / f"{version}-training.h5"
    if not path.exists():
        short = {"hidden": (1,), "volume": 50.0, "presentations": 4, "running_time": 1.0, "seed": 1}
        gnn.train((x, x), output=path, **short)
    for folder in (FINISHED, INTERRUPTED):
        folder.mkdir(exist_ok=True)
    for name, maker in MAKERS.items():
        if not (FINISHED / f"{name}.h5").exists():
            maker(FINISHED / f"{name}.h5")
        path = INTERRUPTED / f"{name}.h5"
        if maker is not prediction and not path.exists():  # a prediction is written once, when all is there
            here = Path(__file__).parent  # relative names: the command stands in the file
            arguments = ["--interrupted", name, str(path.relative_to(here))]
            child = subprocess.run([sys.executable, Path(__file__).name, *arguments], cwd=here)
            assert child.returncode == -signal.SIGKILL
            for left in INTERRUPTED.glob(".*"):
                left.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--interrupted", nargs=2, metavar=("NAME", "FILE"))
    asked = parser.parse_args().interrupted
    if asked:
        interrupt(asked[0], Path(asked[1]))
    else:
        make()
