"""Attempts in processes of their own: one that ends its process is blamed, and no other."""

import os
import signal

from gillespie_nn.verification.children import outcomes


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
    assert found[3] == found[8] == "the process crashed or hung (exit code -9)"
    assert found[4] == "the process crashed or hung (exit code 0)" and found[5] == "ValueError: odd"
    assert {k for k, outcome in found.items() if outcome == "done"} == {0, 1, 2, 6, 7, 9, 10, 11}


def test_there_may_be_none():
    assert outcomes(0, attempt) == {}
