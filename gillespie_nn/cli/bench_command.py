"""Measure speed and compare with other programs that are installed."""

import argparse
from collections.abc import Callable, Iterable, Sequence

from .. import checks
from ..benchmarks import (
    CASES,
    LEAP_CASES,
    batches,
    benchmark,
    cold_benchmark,
    continuous_benchmark,
    ensemble_benchmark,
    everyday,
    leap_benchmark,
    method_times,
    networks,
    networks_benchmark,
    scale,
    storage_benchmark,
    table,
)
from ..peers import PEERS
from ..peers.bionetgen import RunNetwork
from ..statistics.tests import Verdict
from .common import Subparsers, add_json, parser, print_json

_INSTEAD = {
    "--everyday": (
        ("--case", "--peers", "--markdown", "--exact-methods", "--replicates"),
        "ensembles of six everyday models, with other programs",
    ),
    "--methods": (
        ("--case", "--markdown"),
        "CPU time per event of each exact method and of `auto`, on models of all kinds",
    ),
    "--networks": (
        ("--case", "--peers", "--markdown", "--exact-methods", "--full", "--end-time"),
        "published rule-based networks (.net files in the folder DIR), with BioNetGen",
    ),
    "--scale": ((), "time per event for networks from 2-4-1 to 784-32-10"),
    "--batches": ((), "time per image by the methods that train without a list of reactions"),
    "--continuous": ((), "CPU time per event of models in which rate rules change continuous variables"),
    "--leap": (("--case", "--peers"), "speed and certified error of tau-leaping"),
    "--ensemble": (
        ("--workers",),
        "speed with several workers, and the overhead of a replicate besides its events",
    ),
    "--storage": ((), "cost of storing a run in a file"),
    "--cold": ((), "CPU time of a first run, which compiles its kernels"),
}
"""Measurements that replace the training networks: the other flags each accepts, and what it measures."""
_DEFAULT = ("--case", "--peers", "--markdown")
"""The flags that the measurement of training networks accepts."""
_WORKERS = 2
_FOLDER = "--networks"
"""The measurement that takes a folder."""


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "bench",
        (
            "--peers --markdown", "--case 2-4-1 --no-peers --json", "--everyday --exact-methods",
            "--everyday --case toggle_switch --replicates 1000", "--methods --case chain_60 --repeats 3",
            "--networks networks --full", "--scale", "--batches", "--continuous", "--leap --json",
            "--ensemble --workers 2", "--storage", "--cold",
        ),
    )  # fmt: skip
    command.add_argument(
        "--case", action="append",
        help=f"network to measure: {', '.join(CASES)}; with --everyday {', '.join(everyday.MODELS)}; with --methods "
        f"{', '.join(method_times.MODELS)} (default: all); and with --networks the name of a file without .net; may "
        "be given "
        "several times",
    )  # fmt: skip
    command.add_argument("--repeats", type=int, default=5, help="number of timed runs of each measurement (default: 5)")
    command.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, help="include other programs (the default), or leave them out"
    )
    instead = command.add_mutually_exclusive_group()
    for flag, (_, what) in _INSTEAD.items():
        how: dict = {"metavar": "DIR"} if flag == _FOLDER else {"action": "store_true"}
        instead.add_argument(flag, help=f"measure instead: {what}", **how)
    command.add_argument(
        "--workers", type=int, help=f"number of workers that --ensemble compares with one worker (default: {_WORKERS})"
    )
    command.add_argument(
        "--replicates", type=int,
        help=f"number of short runs of --everyday (default: {everyday.REPLICATES}); it simulates a fifth as many long "
        "runs",
    )  # fmt: skip
    command.add_argument(
        "--exact-methods", action="store_true", help="include each exact method in --everyday or --networks"
    )
    command.add_argument(
        "--full",
        action="store_true",
        help="in --networks also simulate BCR to its published end time, without BioNetGen",
    )
    command.add_argument("--end-time", type=float, help="end time of networks without a published one, for --networks")
    command.add_argument("--markdown", action="store_true", help="print a Markdown table")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    _check_given(arguments)
    cases = _cases(arguments)
    names = arguments.case or cases
    # With --networks the files in the folder are the cases.
    for name in names if arguments.networks is None else ():
        checks.choice("benchmark case", name, cases)
    repeats = checks.whole("repeats", arguments.repeats)
    result = _measure(arguments, names, repeats, lambda line: print(line, flush=True))
    if arguments.json:
        print_json(result)
    # Only --leap has verdicts; other measurements cannot fail.
    right = not arguments.leap or all(case["error"]["verdict"] == Verdict.HOLDS for case in result["cases"].values())
    return 0 if right else 1


def _cases(arguments: argparse.Namespace) -> Sequence[str]:
    """The names that --case takes."""
    instead: dict[str, Iterable[str]] = {
        "leap": LEAP_CASES,
        "everyday": everyday.MODELS,
        "methods": method_times.MODELS,
    }
    return next((tuple(cases) for flag, cases in instead.items() if getattr(arguments, flag)), tuple(CASES))


def _check_given(arguments: argparse.Namespace) -> None:
    """Refuse flags that the requested measurement does not use."""
    instead = next((flag for flag in _INSTEAD if getattr(arguments, flag[2:]) not in (None, False)), None)
    accepted = _INSTEAD[instead][0] if instead else _DEFAULT
    for flag in dict.fromkeys((*_DEFAULT, *(flag for flags, _ in _INSTEAD.values() for flag in flags))):
        # Not given: None, or False for a switch.
        if getattr(arguments, flag[2:].replace("-", "_")) in (None, False) or flag in accepted:
            continue
        if instead:
            raise checks.InputError(f"{instead} cannot be combined with {flag}: omit one of them")
        takers = [name for name, (flags, _) in _INSTEAD.items() if flag in flags]
        raise checks.InputError(f"{flag} only applies to {', '.join(takers)}: add it, or omit {flag}")


def _measure(arguments: argparse.Namespace, names: Sequence[str], repeats: int, say: Callable[[str], None]) -> dict:
    peers = arguments.peers is not False
    if arguments.everyday:
        n = everyday.REPLICATES if arguments.replicates is None else checks.whole("replicates", arguments.replicates)
        programs = PEERS if peers else ()
        result = everyday.everyday_benchmark(names, repeats, n, arguments.exact_methods, programs, say)
        print(everyday.report(result, arguments.markdown))
        return result
    if arguments.methods:
        result = method_times.methods_benchmark(names, repeats, say=say)
        print(method_times.report(result, arguments.markdown))
        return result
    if arguments.networks is not None:
        result = networks_benchmark(
            arguments.networks, arguments.case or (), repeats, arguments.exact_methods, arguments.full,
            arguments.end_time, RunNetwork if peers else None, say,
        )  # fmt: skip
        print(networks.report(result, arguments.markdown))
        return result
    if arguments.scale:
        return scale(repeats, say=say)
    if arguments.continuous:
        return continuous_benchmark(repeats, say)
    if arguments.batches:
        return batches(repeats, say=say)
    if arguments.ensemble:
        asked = _WORKERS if arguments.workers is None else arguments.workers
        workers = checks.whole("workers", asked, 2, hint="they are compared with one worker")
        return ensemble_benchmark(repeats, workers, say=say)
    if arguments.storage:
        return storage_benchmark(repeats, say=say)
    if arguments.cold:
        return cold_benchmark(repeats, say=say)
    if arguments.leap:
        return leap_benchmark(names, repeats, peers, say=say)
    result = benchmark(names, repeats, peers, say=say)
    if arguments.markdown:
        print(table(result).markdown())
    return result
