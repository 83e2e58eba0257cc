"""Measure speed, beside other programs where they are installed."""

import argparse
from collections.abc import Callable, Sequence

from .. import checks
from ..analysis.comparison import WITHIN
from ..benchmarks import (
    CASES,
    LEAP_CASES,
    benchmark,
    ensemble_benchmark,
    leap_benchmark,
    markdown,
    scale,
    storage_benchmark,
)
from .common import Subparsers, add_json, parser, print_json

_INSTEAD = {
    "--scale": ((), "cost of an event from 2-4-1 to 784-32-10"),
    "--leap": (("--case", "--peers"), "tau-leaping, its speed and its certified error,"),
    "--ensemble": ((), "ensembles with one worker and with several"),
    "--storage": ((), "what it costs to keep a run in a file"),
}
"""What is measured instead of the comparison with other programs: which other flags it takes, and what it is."""


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "bench",
        "measure the speed of the methods, beside other programs where the extra bench is installed",
        (
            "--peers --markdown", "--case 2-4-1 --no-peers --json", "--scale", "--leap --json",
            "--ensemble --workers 2", "--storage",
        ),
    )  # fmt: skip
    command.add_argument("--case", action="append", help=f"{', '.join(CASES)} (all); may be given several times")
    command.add_argument("--repeats", type=int, default=5, help="runs of each, of which the best counts (5)")
    command.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, help="with other programs, or leave them out (with)"
    )
    instead = command.add_mutually_exclusive_group()
    for flag, (_, what) in _INSTEAD.items():
        instead.add_argument(flag, action="store_true", help=f"{what} instead")
    command.add_argument("--workers", type=int, default=2, help="several, for --ensemble (2)")
    command.add_argument("--markdown", action="store_true", help="print a Markdown table")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    _check_given(arguments)
    cases = LEAP_CASES if arguments.leap else CASES
    names = arguments.case or list(cases)
    for name in names:
        checks.choice("benchmark case", name, cases)
    repeats = checks.whole("repeats", arguments.repeats)
    found = _measure(arguments, names, repeats, lambda line: print(line, flush=True))
    if arguments.json:
        print_json(found)
    right = not arguments.leap or all(case["error"]["verdict"] == WITHIN for case in found["cases"].values())
    return 0 if right else 1


def _check_given(arguments: argparse.Namespace) -> None:
    """What is given and would not be heeded is refused."""
    instead = next((flag for flag in _INSTEAD if getattr(arguments, flag[2:])), None)
    given = {"--case": arguments.case, "--peers": arguments.peers, "--markdown": arguments.markdown}
    for flag, value in given.items():
        if value not in (None, False) and instead and flag not in _INSTEAD[instead][0]:
            raise checks.InputError(f"{instead} takes no {flag}: leave one of them out")


def _measure(arguments: argparse.Namespace, names: Sequence[str], repeats: int, say: Callable[[str], None]) -> dict:
    if arguments.scale:
        return scale(repeats, say=say)
    if arguments.ensemble:
        workers = checks.whole("workers", arguments.workers, 2, hint="they are measured beside one")
        return ensemble_benchmark(repeats, workers, say=say)
    if arguments.storage:
        return storage_benchmark(repeats, say=say)
    if arguments.leap:
        return leap_benchmark(names, repeats, arguments.peers is not False, say=say)
    found = benchmark(names, repeats, arguments.peers is not False, say=say)
    if arguments.markdown:
        print(markdown(found))
    return found
