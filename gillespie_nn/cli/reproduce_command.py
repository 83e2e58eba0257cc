"""Run the case studies and write their report."""

import argparse
import shlex
from pathlib import Path

from .. import checks
from ..datasets import CASES
from ..display.tables import counted
from ..seeds import resolve_seed
from ..studies import STUDIES, Extent, reproduce
from .common import Subparsers, add_json, parser, print_json

_DEFAULT_CASES = ("xor", "iris", "regression")
_FOLDER, _QUICK_FOLDER = "runs/reproduce", "runs/reproduce-quick"


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "reproduce",
        ("--quick", "--case iris --study parity", "--redraw", "--case digits --seeds 5 --workers 2"),
    )
    names = ", ".join(c.name for c in CASES)
    command.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        help=f"dataset: {names} (default: {', '.join(_DEFAULT_CASES)}); can be given several times",
    )
    command.add_argument(
        "--study", action="append", metavar="NAME", help="study, see --list (default: all); can be given several times"
    )
    command.add_argument("--list", action="store_true", help="list the studies and exit")
    command.add_argument(
        "--quick",
        action="store_true",
        help="few seeds and short runs, a few minutes: shows what the report looks like, not results",
    )
    command.add_argument(
        "--seeds", type=int, metavar="N", help="number of seeds (default: depends on the study; 3 with --quick)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="first seed, a whole number (default: 0)")
    command.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="number of processes (default: one per core); does not change the results",
    )
    command.add_argument(
        "--time-limit",
        type=float,
        metavar="S",
        help="give up a run after this wall time [s] (default: 3600; 60 with --quick)",
    )
    command.add_argument(
        "--redraw", action="store_true", help="simulate nothing; make figures and report again from the files"
    )
    command.add_argument(
        "--output",
        metavar="FOLDER",
        help=f"folder (default: {_FOLDER}; {_QUICK_FOLDER} with --quick); studies already in its report are not "
        "removed",
    )
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    by_name = {s.name: s for s in STUDIES}
    if arguments.list:
        for study in STUDIES:
            print(f"{study.name}: {study.summary} ({', '.join(study.cases)})")
        if arguments.json:
            print_json({"studies": {s.name: {"summary": s.summary, "cases": s.cases} for s in STUDIES}})
        return 0
    studies = [by_name[checks.choice("study", name, by_name)] for name in dict.fromkeys(arguments.study or by_name)]
    every = [c.name for c in CASES]
    cases = [checks.choice("case", name, every) for name in dict.fromkeys(arguments.case or _DEFAULT_CASES)]
    n_seeds = None if arguments.seeds is None else checks.whole("seeds", arguments.seeds)
    extent = Extent(resolve_seed(arguments.seed), n_seeds, arguments.quick)
    output = _folder(arguments)
    if output.exists() and not output.is_dir():
        raise checks.InputError(f"output {output} is a file: name a folder")
    results = reproduce(
        studies,
        cases,
        extent,
        output,
        workers=arguments.workers,
        time_limit=arguments.time_limit,
        redraw=arguments.redraw,
        command=shlex.join(["gillespie-nn", "reproduce", *_arguments(arguments)]),
        progress=True,
        known=STUDIES,
        say=lambda line: print(line, flush=True),
    )
    for goal in results["goals"]:
        print(f"{goal['case']}: {goal['goal']}: {goal['found']}: {goal['verdict']}")
    for claim in dict.fromkeys(c["claim"] for c in results["claims"]):
        verdicts = [c["verdict"] for c in results["claims"] if c["claim"] == claim]
        tally = ", ".join(f"{v} in {verdicts.count(v)}" for v in dict.fromkeys(verdicts))
        print(f"{claim}: of {counted(len(verdicts), 'regime')}, {tally}")
    n_done = results["points"] - results["missing"]
    print(f"{n_done} of {counted(results['points'], 'point')}, {results['blown_up']} diverged")
    print(f"report written to {results['report']}, with {counted(len(results['figures']), 'figure')}")
    if arguments.json:
        print_json(results | {"output": str(output)})
    return 0


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    return f"interrupted; finished runs are saved in {_folder(arguments)}; run the same command again to continue"


def _folder(arguments: argparse.Namespace) -> Path:
    return checks.path_of("output", arguments.output or (_QUICK_FOLDER if arguments.quick else _FOLDER))


def _arguments(arguments: argparse.Namespace) -> list[str]:
    """The given flags, as words of a command line."""
    given = []
    for name in ("case", "study", "quick", "seeds", "seed", "workers", "time_limit", "redraw", "output"):
        value, flag = getattr(arguments, name), f"--{name.replace('_', '-')}"
        # Flags that can be given several times have a list.
        for part in value if isinstance(value, list) else [value]:
            if part is True:
                given.append(flag)
            elif part is not None and part is not False:
                given += [flag, str(part)]
    return given
