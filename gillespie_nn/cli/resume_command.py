"""Continue an interrupted run."""

import argparse
import time

from ..analysis import summary, summary_text
from ..api import resume
from ..options import options_of
from ..simulation.run_options import Execution
from ..storage import MomentsRun, Run, open_run
from .common import Subparsers, add_json, parser, print_json
from .flags import add_flags
from .train_command import print_fit, record, resume_hint


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "resume",
        ("runs/xor.h5", "runs/mnist.h5 --json", "runs/ensemble.h5 --workers 2"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file of train or simulate; the run continues in this file")
    add_flags(command, {"workers": options_of(Execution)["workers"]})
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    with open_run(arguments.file) as opened:
        ended = opened.ended
    if ended:
        print(f"the run in {arguments.file} has ended, so there is nothing to resume")
    begun = time.perf_counter()
    result = resume(arguments.file, workers=arguments.workers, progress=True)
    if isinstance(result, (Run, MomentsRun)):
        return _ensemble(result, ended, arguments)
    total = None if ended else time.perf_counter() - begun
    print_fit(result, total)
    if arguments.json:
        print_json(record(result, total) | {"had_ended": ended})
    return 0


def _ensemble(run: Run | MomentsRun, ended: bool, arguments: argparse.Namespace) -> int:
    with run:
        summarised = summary(run)
        print(summary_text(summarised))
        if arguments.json:
            print_json(summarised | {"had_ended": ended})
        all_done = len(run) == run.n_planned
        return 0 if all_done and all(status.intended for status in run.statuses) else 3


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    return resume_hint(arguments.file)
