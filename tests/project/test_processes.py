"""Work in processes of their own: one that ends its process is blamed, and no other; errors and limits come through."""

import multiprocessing
import os
import signal
import time

import pytest

from gillespie_nn import InputError, UnfinishedError
from gillespie_nn.processes import Lost, in_processes, spread
from robustness.attempts import outcomes


def attempt(number):
    if number in (3, 8):
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 4:
        os._exit(0)
    if number == 5:
        raise ValueError("odd")
    return "done"


def test_an_attempt_that_ends_its_process_is_blamed_and_no_other():
    found = outcomes(12, attempt)
    assert sorted(found) == list(range(12))
    assert found[3] == found[8] == "the process crashed (exit code -9)"
    assert found[4] == "the process crashed (exit code 0)" and found[5] == "ValueError: odd"
    assert {k for k, outcome in found.items() if outcome == "done"} == {0, 1, 2, 6, 7, 9, 10, 11}


def test_there_may_be_none():
    assert outcomes(0, attempt) == {}


def slow(seconds):
    time.sleep(seconds)
    return seconds


def test_what_exceeds_its_limit_is_ended_and_the_rest_is_done():
    found = dict(in_processes(slow, [0.0, 600.0, 0.01], 1, limit=2.0))
    assert found == {0.0: 0.0, 600.0: Lost(-signal.SIGKILL, 2.0), 0.01: 0.01}
    assert str(found[600.0]) == "no result after 2 s"


def fails(number):
    raise InputError(f"{number} is odd") if number % 2 else AssertionError(f"{number} is even")


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("number, kind", [(1, InputError), (2, AssertionError)])
def test_errors_are_raised_here_and_processes_end(n, number, kind):
    before = multiprocessing.active_children()
    with pytest.raises(kind, match=f"{number} is"):
        list(spread(fails, [number] * 3, n, "try again"))
    assert multiprocessing.active_children() == before


def test_a_process_that_is_killed_leaves_the_work_unfinished():
    with pytest.raises(UnfinishedError, match="killed, perhaps because memory ran out: try again"):
        list(spread(attempt, range(3, 6), 2, "try again"))


def test_processes_end_with_the_loop_that_reads_them():
    before = multiprocessing.active_children()
    for _ in spread(slow, [0.0, 600.0, 600.0], 2, "try again"):
        break
    assert multiprocessing.active_children() == before
