"""The kernels run as plain Python with scripted draws: uniforms of exactly 0 and just under 1, and waits of 0."""

import inspect

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.exact import direct, families, next_reaction, rejection
from gillespie_nn.simulation.methods import EXACT, exact

pytestmark = pytest.mark.fast

_METHOD_FILES = [exact]
JUST_UNDER_ONE = np.nextafter(1.0, 0.0)


class Script:
    """Stands in for a Generator: gives the uniforms and exponentials it was given, then repeats the last."""

    def __init__(self, uniforms, waits):
        self.uniforms, self.waits = list(uniforms), list(waits)

    def _next(self, values):
        return values.pop(0) if len(values) > 1 else values[0]

    def random(self):
        return self._next(self.uniforms)

    def standard_exponential(self):
        return self._next(self.waits)


@pytest.fixture(params=EXACT, ids=lambda m: m.name)
def plain(request, monkeypatch):
    """A method whose kernels that draw are interpreted, and draw from a script in place of the generator."""
    for module in (direct, families, next_reaction, rejection, *_METHOD_FILES):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func") and {"words", "run", "address"} & {
                *inspect.signature(value.py_func).parameters
            }:
                monkeypatch.setattr(module, name, value.py_func)

    def make(text, script, **initial):
        draws = {
            "words_at": lambda address: script,
            "uniform": lambda words: words.random(),
            "exponential": lambda words: words.standard_exponential(),
        }
        for module in (direct, families, next_reaction, rejection):
            for name in draws.keys() & vars(module).keys():
                monkeypatch.setattr(module, name, draws[name])
        network = gnn.ReactionNetwork.from_text(text)
        rng = np.random.Generator(np.random.SFC64(1))
        return request.param(network, network.rates(), 1.0, network.counts(initial), rng, True)

    return make


def _advance(method, *arguments, **options):
    """Slice by slice; a slice that does not end is a hang, and fails."""
    for _ in range(100):
        code = method.advance(*arguments, **options)
        if code != codes.SLICE_END:
            return code
    raise AssertionError("no end after 100 slices")


@pytest.mark.parametrize("uniform", [0.0, JUST_UNDER_ONE, 0.5])
def test_a_reaction_of_propensity_zero_never_fires(plain, uniform):
    """First and last channel are impossible (no B, and a step not taken); a pair of one molecule cannot meet."""
    text = "B -> 0 @ 1\n0 -> A @ 1\n2 C -> 0 @ 5\n0 -> D @ 1 * step(B, C)"
    method = plain(text, Script([uniform], [0.01]), C=1)
    method.advance(1.0)
    assert method.firings[0] == method.firings[2] == method.firings[3] == 0
    assert method.counts[0] == 0 and method.counts[2] == 1 and method.counts[3] == 0


@pytest.mark.parametrize("uniform", [0.0, JUST_UNDER_ONE])
def test_extreme_uniforms_fire_a_possible_reaction_and_keep_counts_whole(plain, uniform):
    method = plain("A -> B @ 3\nB -> A @ 1\nA + B -> 0 @ 0.1", Script([uniform], [0.3]), A=5, B=5)
    for t in (1.0, 2.0, 5.0):
        method.advance(t)
        assert (method.counts >= 0).all()
    assert method.time == 5.0


def test_a_wait_of_exactly_zero_keeps_time_and_order(plain):
    method = plain("A -> 0 @ 1", Script([0.0], [0.0, 0.0, 0.5, 1e9]), A=2)
    grid = np.array([0.0, 1.0])
    rows = np.zeros((2, 1), dtype=np.int64)
    assert method.advance(1.0, grid, rows) == codes.REACHED_END
    assert rows[0, 0] == 0  # events at time 0 belong to the record at 0
    assert method.n_events == 2


def test_nothing_possible_with_a_wait_of_zero_ends_without_a_draw_of_a_channel(plain):
    method = plain("A -> 0 @ 1", Script([0.0], [0.0, 0.0, 1e9]), A=0)
    rows = np.full((1, 1), -1, dtype=np.int64)
    assert method.advance(3.0, np.array([3.0]), rows) == codes.REACHED_END
    assert rows[0, 0] == 0 and method.n_events == 0 and not method.can_react()


def test_the_event_limit_stops_before_the_next_event_and_not_when_the_end_comes_first(plain):
    method = plain("0 -> A @ 1", Script([0.5], [1.0]))
    assert _advance(method, 3.5, event_limit=2) == codes.EVENT_LIMIT
    assert method.n_events == 2
    method = plain("0 -> A @ 1", Script([0.5], [1.0]))
    assert _advance(method, 2.5, event_limit=2) == codes.REACHED_END
    assert method.n_events == 2


def test_a_record_at_the_time_of_an_event_is_the_state_after_it(plain):
    method = plain("0 -> A @ 1", Script([0.5], [1.0, 1e9]))
    # The urn of `rejection` rounds the bound up; take the event's own time from the clock.
    when = method
    method.advance(0.0)
    event = float(method._clock[codes.NEXT_TIME])
    rows = np.full((3, 1), -1, dtype=np.int64)
    when.advance(event * 2, np.array([np.nextafter(event, 0), event, event * 1.5]), rows)
    fired = method.n_events
    assert rows[0, 0] == 0 and rows[1, 0] == fired
