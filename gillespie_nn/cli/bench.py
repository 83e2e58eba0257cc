"""Measure speed and compare with other programs that are installed."""

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
    "--scale": ((), "time per event for networks from 2-4-1 to 784-32-10"),
    "--leap": (("--case", "--peers"), "speed and certified error of tau-leaping"),
    "--ensemble": ((), "speed of ensembles with one worker and with several"),
    "--storage": ((), "cost of storing a run in a file"),
}
"""Measurements that replace the comparison with other programs: the other flags each accepts, and what it measures."""


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "bench",
        (
            "--peers --markdown", "--case 2-4-1 --no-peers --json", "--scale", "--leap --json",
            "--ensemble --workers 2", "--storage",
        ),
    )  # fmt: skip
    command.add_argument(
        "--case", action="append", help=f"network to measure: {', '.join(CASES)} (all); may be given several times"
    )
    command.add_argument("--repeats", type=int, default=5, help="number of timed runs of each measurement (5)")
    command.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, help="include other programs (the default), or leave them out"
    )
    instead = command.add_mutually_exclusive_group()
    for flag, (_, what) in _INSTEAD.items():
        instead.add_argument(flag, action="store_true", help=f"measure instead: {what}")
    command.add_argument(
        "--workers", type=int, default=2, help="number of workers that --ensemble compares with one (2)"
    )
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
    """Refuse flags that the requested measurement does not use."""
    instead = next((flag for flag in _INSTEAD if getattr(arguments, flag[2:])), None)
    given = {"--case": arguments.case, "--peers": arguments.peers, "--markdown": arguments.markdown}
    for flag, value in given.items():
        if value not in (None, False) and instead and flag not in _INSTEAD[instead][0]:
            raise checks.InputError(f"{instead} cannot be combined with {flag}: omit one of them")


def _measure(arguments: argparse.Namespace, names: Sequence[str], repeats: int, say: Callable[[str], None]) -> dict:
    if arguments.scale:
        return scale(repeats, say=say)
    if arguments.ensemble:
        workers = checks.whole("workers", arguments.workers, 2, hint="they are compared with one worker")
        return ensemble_benchmark(repeats, workers, say=say)
    if arguments.storage:
        return storage_benchmark(repeats, say=say)
    if arguments.leap:
        return leap_benchmark(names, repeats, arguments.peers is not False, say=say)
    found = benchmark(names, repeats, arguments.peers is not False, say=say)
    if arguments.markdown:
        print(markdown(found))
    return found
