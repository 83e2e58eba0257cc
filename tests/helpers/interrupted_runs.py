"""Training runs, whole and interrupted."""

import pytest

import gillespie_nn as gnn
from gillespie_nn.simulation import training

SHORT = {"volume": 40.0, "presentations": 23, "running_time": 1.0, "seed": 5, "checkpoint_every": 4}


class Stopped(BaseException):
    """What ends a run in the middle, as Ctrl-C does."""


def train(path, **arguments):
    return gnn.train(arguments.pop("data", "xor"), output=path, **(SHORT | arguments))


def interrupted(path, monkeypatch, n_presented, **arguments):
    """A run that ended in presentation `n_presented`; a clean end, as after Ctrl-C."""
    see = training.EvaluationWatch.see

    def stop(self, k, weights):
        if k == n_presented:
            raise Stopped
        return see(self, k, weights)

    with monkeypatch.context() as patch:
        patch.setattr(training.EvaluationWatch, "see", stop)
        with pytest.raises(Stopped):
            train(path, **arguments)
