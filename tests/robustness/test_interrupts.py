"""Ctrl-C in real processes: one sentence, exit code 130, and what is left goes on to the content of a whole run."""

import os
import signal

import h5py
import numpy as np
import pytest

from gillespie_nn import interrupts
from gillespie_nn.storage import hdf5_bytes
from robustness.interrupted_commands import End, execute, report_of_command, wrong


def test_an_interrupted_command_goes_on_to_the_content_of_a_whole_run():
    """`python tests/robustness/run.py interrupted-runs` does it for every kind of command, and more often."""
    report = report_of_command("to a file", "direct", 5, 2)
    assert report.verdict == "holds" and report.ends["interrupted"] and not report.failures, report


@pytest.mark.parametrize("delay", [0.01, 0.1, 0.3])
def test_an_interrupt_within_the_imports_is_one_sentence(delay, tmp_path):
    end = execute(tmp_path, "simulate model.txt --t-end 1", delay)
    assert end.code == 130 and end.stderr == "gillespie-nn: interrupted before the run began\n"


def test_ends_that_are_wrong_are_told():
    assert wrong(End(0, "", 1.0)) == wrong(End(130, "gillespie-nn: interrupted; x\n", 1.0)) == ""
    assert "exit code -2" in wrong(End(-2, "", 1.0))
    assert "traceback" in wrong(End(130, "Traceback (most recent call last):\ngillespie-nn: interrupted\n", 1.0))
    assert "traceback" in wrong(End(0, "Exception ignored in: <function f>\n", 1.0))
    assert "without one sentence" in wrong(End(130, "", 1.0))


@pytest.fixture
def begun():
    before, ignored = signal.getsignal(signal.SIGINT), signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.end_at_once()
    yield
    assert signal.getsignal(signal.SIGINT) == ignored  # what `raised` leaves
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_is_lost_is_raised_again(begun):
    """As in a finalizer or a callback of C, which cannot raise."""

    class Finalized:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        item = Finalized()
        del item
        signal.sigtimedwait([], 10)  # ends by the signal that comes again


def test_an_interrupt_that_became_another_error_is_an_interrupt(begun):
    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("as numpy has it") from None


def test_other_errors_stay_what_they_are(begun):
    with pytest.raises(ZeroDivisionError), interrupts.raised():
        _ = 1 / 0


def test_processes_that_do_not_end_by_it_are_left_alone():
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    try:
        with pytest.raises(KeyboardInterrupt), interrupts.raised():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_children_are_started_without_ctrl_c():
    with interrupts.not_for_children():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("early", [False, True], ids=["at the end", "between two copies"])
def test_ctrl_c_waits_while_hdf5_calls_python(early, tmp_path):
    """An exception out of the function that HDF5 calls to write would end the process with a segmentation fault."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            hdf5_bytes.quiet(tmp_path / "x.h5") as made,
            h5py.File(made, "w") as file,
        ):
            os.kill(os.getpid(), signal.SIGINT)
            file["a"] = np.arange(100_000)
            reached.append("a")
            if early:
                hdf5_bytes.raise_postponed()
            file["b"] = np.arange(100_000)
            reached.append("b")
        hdf5_bytes.raise_postponed()  # nothing is left over
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == (["a"] if early else ["a", "b"])
    with h5py.File(tmp_path / "x.h5") as file:
        assert sorted(file) == reached
