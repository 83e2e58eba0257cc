"""Conservation laws are watched in every run: a broken one stops it, whatever else looks right."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InternalError
from gillespie_nn.simulation.methods import EXACT, Direct
from gillespie_nn.simulation.observer import Invariants
from gillespie_nn.simulation.replicate import run_replicate
from gillespie_nn.status import Status

BINDING = gnn.ReactionNetwork.from_text("E + S -> C @ 1\nC -> E + S @ 1\nC -> E + P @ 1\nE = 5\nS = 9")


def _run(method, changes=(), write=lambda first, *rows: None):
    simulation = method(BINDING, BINDING.rates(), 1.0, BINDING.counts(), np.random.Generator(np.random.SFC64(1)))
    return run_replicate(simulation, np.linspace(0, 1, 11), changes, write, invariants=Invariants(BINDING))


@pytest.mark.parametrize("method", EXACT, ids=lambda m: m.name)
def test_a_right_run_passes_also_through_a_scheduled_change(method):
    from gillespie_nn.simulation.schedule import parse_schedule

    rows = []
    status = _run(
        method,
        parse_schedule([(0.5, {"S": 40})], BINDING, 1.0),
        lambda first, counts, *more: rows.extend(counts.tolist()),
    )
    e, s, c, p = np.array(rows)[:, [BINDING.index[name] for name in "ESCP"]].T
    assert status == Status.REACHED_END and len(rows) == 11
    assert (e + c == 5).all()
    assert (s + c + p)[:5].tolist() == [9] * 5 and len({*(s + c + p)[6:]}) == 1 and (s + c + p)[-1] >= 40


def test_a_molecule_that_is_lost_stops_the_run():
    class Lossy(Direct):
        def advance(self, *arguments, **options):
            code = super().advance(*arguments, **options)
            options["grid_counts"][-1, 0] += 1
            return code

    with pytest.raises(InternalError, match=r"conserved quantity changed from -?\d+ \([ECSP] = .*report it"):
        _run(Lossy)


def test_training_watches_its_inputs_and_targets(monkeypatch):
    from gillespie_nn.simulation.methods import Rejection

    right = Rejection._advance

    def lossy(self, *arguments):
        code = right(self, *arguments)
        self._counts[0] += 1
        return code

    monkeypatch.setattr(Rejection, "_advance", lossy)
    with pytest.raises(InternalError, match="X_0_p"):
        gnn.train("xor", method="rejection", presentations=1, volume=20.0, seed=1)
