"""Test the exact methods statistically, and measure convergence rates of the approximate ones."""

import argparse

from .. import checks
from ..display.tables import counted
from ..seeds import resolve_seed
from ..simulation import EXACT
from ..verification import CHECKS, measure_ladder, verify
from ..verification.check import LEAST_REPLICATES
from ..verification.ladder import draw_rates
from .common import Subparsers, add_json, figure_path, parser, print_json
from .flags import add_flags, given, options_of_methods


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "verify-methods",
        (
            "--list",
            "--ladder --output ladder.png",
            "--all --json",
            "--check closed-forms --method rejection",
            "--sbml-suite FOLDER",
            "--check sbml-semantic --folder DIR",
        ),
    )
    command.add_argument("--list", action="store_true", help="list the checks and exit")
    command.add_argument("--all", action="store_true", help="run every check whose requirements are met")
    command.add_argument("--check", action="append", metavar="NAME", help="run this check; may be given several times")
    command.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="test only this method (default: all exact methods); may be given several times",
    )
    command.add_argument(
        "--sbml-suite", metavar="FOLDER", help="folder of the SBML stochastic test suite; runs its cases"
    )
    command.add_argument("--folder", metavar="DIR", help="folder of the files that a check needs")
    command.add_argument(
        "--ladder",
        action="store_true",
        help="measure how fast each level of description (master equation, Langevin, "
        "rate equations, ...) converges to the next",
    )
    command.add_argument("--output", metavar="FILE", help="figure of --ladder to write (.png, .svg or .pdf)")
    command.add_argument("--overwrite", action="store_true", help="overwrite an existing figure")
    command.add_argument(
        "--replicates",
        type=int,
        default=10_000,
        help=f"number of replicates of each case (at least {LEAST_REPLICATES}; default: 10000)",
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers, a whole number (default: 0)")
    add_flags(command, options_of_methods())
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    by_name = {c.name: c for c in CHECKS}
    if arguments.list:
        for check in CHECKS:
            print(f"{check.name}: {check.summary}")
        print(f"methods: {', '.join(m.name for m in EXACT)}")
        if arguments.json:
            print_json({"checks": {c.name: c.summary for c in CHECKS}, "methods": [m.name for m in EXACT]})
        return 0
    if arguments.ladder:
        return _ladder(arguments)
    if arguments.output is not None:
        raise checks.InputError("--output only applies to --ladder: add --ladder or omit --output")
    names = list(arguments.check or [])
    if arguments.sbml_suite is not None and "sbml-suite" not in names:
        names.append("sbml-suite")
    if arguments.all:
        missing = {c.name: c.missing(arguments.sbml_suite, arguments.folder) for c in CHECKS}
        names = [name for name in by_name if not missing[name]]
        for name in missing:
            if missing[name]:
                print(f"{name}: skipped, {missing[name]}")
    if not names:
        raise checks.InputError(
            "nothing to run: give --all, --ladder, --check NAME (see --list) or --sbml-suite FOLDER"
        )
    selected = [by_name[checks.choice("check", name, by_name)] for name in names]
    result = verify(
        selected,
        arguments.method,
        resolve_seed(arguments.seed),
        arguments.replicates,
        arguments.sbml_suite,
        say=lambda line: print(line, flush=True),
        folder=arguments.folder,
        **given(arguments, options_of_methods()),
    )
    print(
        f"{result['verdict']}: {counted(result['n_p_values'], 'p-value')}, {len(result['rejected'])} rejected, "
        f"{counted(len(result['not_simulated']), 'case')} not run; "
        f"false-alarm rate at most {result['false_alarm_rate']:g}"
    )
    if arguments.json:
        print_json(result)
    return result["verdict"].exit_code


def _ladder(arguments: argparse.Namespace) -> int:
    for flag in ("all", "check", "method", "sbml_suite", "folder"):
        if getattr(arguments, flag):
            raise checks.InputError(f"--ladder uses fixed models and methods: omit --{flag.replace('_', '-')}")
    if arguments.output is not None:
        checks.new_file(figure_path(arguments.output), arguments.overwrite)
    result = measure_ladder(resolve_seed(arguments.seed), say=lambda line: print(line, flush=True))
    if arguments.output is not None:
        draw_rates(result["rates"], arguments.output)
        print(f"figure written to {arguments.output}")
    print(
        f"{result['verdict']}: {sum(r['holds'] for r in result['rates'])} of {len(result['rates'])} "
        "convergence rates are as expected"
    )
    if arguments.json:
        print_json(result | {"output": arguments.output})
    return result["verdict"].exit_code
