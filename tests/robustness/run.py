"""Fuzzers, killed runs and interrupted runs, in the numbers that one likes; the tests do a few of each.

    python tests/robustness/run.py                                  executes all of them for every exact method
    python tests/robustness/run.py --list                           lists them
    python tests/robustness/run.py hostile-models --attempts 50000  executes one of them
    python tests/robustness/run.py killed-runs --method direct      for one method

It needs a checkout, since installed packages contain no tests. Each line ends with `holds` or `fails`. The exit code is
0 if all hold, 1 if anything fails, and 2 for a mistake in the arguments.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# For `robustness`, since Python itself puts only the folder of this file on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gillespie_nn.simulation import EXACT, METHODS
from gillespie_nn.statistics.tests import Verdict
from robustness import hostile_files, hostile_models, interrupted_commands, killed_runs
from robustness.attempts import Report


class Trial(NamedTuple):
    """Something to try many times: `run(method, seed, n)` yields reports of `n` attempts."""

    summary: str
    run: Callable[[str, int, int], Iterator[Report]]
    attempts: int
    """Default number of attempts."""
    takes_method: bool = True


TRIALS = {
    "hostile-models": Trial("mutated model files give a result or a clear error", hostile_models.run, 10_000),
    "hostile-files": Trial("mutated run files open or give a clear error", hostile_files.run, 10_000, False),
    "killed-runs": Trial("killed runs are resumed to the same content", killed_runs.run, 50),
    "interrupted-runs": Trial("interrupted commands are resumed to the same content", interrupted_commands.run, 10),
}


def main(argv: Sequence[str] | None = None) -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(TRIALS)} (all)")
    parser.add_argument("--list", action="store_true", help="list them with their default numbers of attempts and exit")
    parser.add_argument("--attempts", type=int, metavar="N", help="mutants, or kills or interrupts of each run")
    parser.add_argument("--method", action="append", metavar="NAME", choices=[m.name for m in METHODS],
                        help="only this method (all exact methods); may be given several times")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers, a whole number (0)")
    arguments = parser.parse_args(argv)
    if arguments.list:
        for name, trial in TRIALS.items():
            print(f"{name}: {trial.summary} ({trial.attempts} attempts)")
        return 0
    # Not by `choices`, which refuses an empty list of names.
    if unknown := [name for name in arguments.names if name not in TRIALS]:
        parser.error(f"unknown name {unknown[0]!r}: one of {', '.join(TRIALS)}")
    if arguments.seed < 0:
        parser.error(f"--seed is {arguments.seed}: a whole number of at least 0")
    if arguments.attempts is not None and arguments.attempts < 1:
        parser.error(f"--attempts is {arguments.attempts}: a whole number of at least 1")
    verdicts = []
    for name in arguments.names or TRIALS:
        trial = TRIALS[name]
        methods = arguments.method or [m.name for m in EXACT]
        for method in methods if trial.takes_method else methods[:1]:
            label = f"{name}, {method}" if trial.takes_method else name
            for report in trial.run(method, arguments.seed, arguments.attempts or trial.attempts):
                print(f"{label}, {report}", flush=True)
                verdicts.append(report.verdict)
    verdict = Verdict.together(verdicts)
    print(f"{verdict}: {verdicts.count(Verdict.HOLDS)} of {len(verdicts)} hold")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
