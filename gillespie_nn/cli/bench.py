"""Measure speed, beside other programs where they are installed."""

from .. import checks
from ..analysis.comparison import WITHIN
from ..benchmarks import CASES, LEAP_CASES, benchmark, ensemble_benchmark, leap_benchmark, markdown, scale
from .common import add_json, parser, print_json


def add(subparsers):
    command = parser(
        subparsers,
        "bench",
        "measure the speed of the methods, beside other programs where the extra bench is installed",
        ("--json", "--case 2-4-1 --no-peers", "--scale", "--leap --json", "--ensemble --workers 2"),
    )
    command.add_argument("--case", action="append", help=f"{', '.join(CASES)} (all); may be given several times")
    command.add_argument("--repeats", type=int, default=5, help="runs of each, of which the best counts (5)")
    command.add_argument("--no-peers", action="store_true", help="leave other programs out")
    command.add_argument("--scale", action="store_true", help="cost of an event from 2-4-1 to 784-32-10 instead")
    command.add_argument("--leap", action="store_true", help="tau-leaping instead: its speed and its certified error")
    command.add_argument("--ensemble", action="store_true", help="ensembles with one worker and with several instead")
    command.add_argument("--workers", type=int, default=2, help="several, for --ensemble (2)")
    command.add_argument("--markdown", action="store_true", help="print a Markdown table")
    add_json(command)
    return command


def run(arguments):
    cases = LEAP_CASES if arguments.leap else CASES
    names = arguments.case or list(cases)
    for name in names:
        checks.choice("benchmark case", name, cases)
    repeats = checks.whole("repeats", arguments.repeats)
    if arguments.scale:
        found = scale(repeats, say=lambda line: print(line, flush=True))
        if arguments.json:
            print_json(found)
        return 0
    if arguments.ensemble:
        workers = checks.whole("workers", arguments.workers, 2, hint="they are measured beside one")
        found = ensemble_benchmark(repeats, workers, say=lambda line: print(line, flush=True))
        if arguments.json:
            print_json(found)
        return 0
    if arguments.leap:
        found = leap_benchmark(names, repeats, not arguments.no_peers, say=lambda line: print(line, flush=True))
        if arguments.json:
            print_json(found)
        return 0 if all(case["error"]["verdict"] == WITHIN for case in found["cases"].values()) else 1
    found = benchmark(names, repeats, not arguments.no_peers, say=lambda line: print(line, flush=True))
    if arguments.markdown:
        print(markdown(found))
    if arguments.json:
        print_json(found)
    return 0
