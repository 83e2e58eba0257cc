"""Summarise a run file, analyse it and draw it; with `--watch`, follow a run of another process."""

import argparse
import shlex
import time
from contextlib import ExitStack
from pathlib import Path

from .. import checks
from ..analysis import ANALYSES, Ask, citations_of, citations_text, overview, summary, summary_text
from ..analysis.analysis import Analysis
from ..analysis.means import MeansAnalysis
from ..analysis.training_course import TrajectoriesAnalysis
from ..api import load_fit
from ..api.learning_trajectories import INITIAL
from ..display.curves import known_name
from ..display.figures import film_path
from ..storage import MomentsRun, Run, open_run
from ..storage.open import follow
from ..storage.schema import ENSEMBLE, TRAINING
from .common import Subparsers, add_json, figure_path, parser, print_json


def watch(path: str | Path, interval: float) -> int:
    """Print a line for each change of a run file until the run ends. Returns the exit code: 0, or 3 for a run that
    stopped before its end."""
    interval = checks.positive("interval", interval, "s", "the time between two looks")
    for look in follow(path, interval):
        what = "replicates" if look.kind == ENSEMBLE else "recorded presentations"
        fired = f", {look.n_events:.4g} reactions fired" if look.n_events else ""
        print(f"{time.strftime('%H:%M:%S')}  {look.kept} of {look.planned} {what}{fired}", flush=True)
    if look.ended:
        print("the run has ended", flush=True)
        return 0
    print(
        f"the run has stopped before its end; continue with: gillespie-nn resume {shlex.quote(str(path))}", flush=True
    )
    return 3


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "analyze",
        (
            "runs/xor.h5",
            "runs/xor.h5 --figure runs/xor.png --overwrite",
            "run.h5 --what means --what histogram --species A --figure run.svg",
            "run.h5 --what autocorrelation --what spectrum --start 50 --figure run.png",
            "run.h5 --passage 'A >= 10' --json",
            "run.h5 --other run2.h5 --confidence 0.99",
            "runs/xor.h5 --what trajectories --samples 5 --figure runs/inside.png",
            "runs/xor.h5 --film runs/learning.gif",
            "run.h5 --watch",
            "run.h5 --cite",
        ),
    )
    every = "\n".join(f"  {a.name}: {a.summary}" for a in ANALYSES)
    command.description = f"{command.description}\n\nanalyses:\n{every}"
    command.add_argument("file", metavar="RUN.h5", help="run file or moments file, written by simulate or train")
    command.add_argument(
        "--what", action="append", default=[], metavar="NAME", help="name of an analysis, see above; may be repeated"
    )
    add_asked(command)
    # None shows whether it was given, so that it is refused where it has no effect.
    command.set_defaults(confidence=None)
    command.add_argument(
        "--time", type=float, metavar="S", help="time of a histogram or comparison [s] (default: the last)"
    )
    command.add_argument(
        "--start", type=float, metavar="S", help="start of the stationary part [s] (default: the second half)"
    )
    command.add_argument(
        "--passage",
        metavar="CONDITION",
        help="first passage of a condition, for example 'A - B > 5 and C <= 3', the name of an observable made "
        "by analysis.watch, or end_time for the condition of --stop-when",
    )
    command.add_argument(
        "--samples", metavar="N|I,J,...",
        help="of trajectories: the first N presentations, or numbers of training samples, such as 0,5 or 5, (default: "
        "three presentations or samples)",
    )  # fmt: skip
    command.add_argument(
        "--weights", choices=("trained", INITIAL), help="weights with which trajectories begin (default: trained)"
    )
    command.add_argument(
        "--other", metavar="RUN2.h5", help="run to compare with, for example a run of the same model with method ode"
    )
    command.add_argument(
        "--figure",
        metavar="FILE",
        help="draw to this file (.png, .svg or .pdf); several analyses are drawn to one file each, FILE-NAME",
    )
    command.add_argument(
        "--film", metavar="FILE", help="write a film of the weights and outputs of a training run (.gif, .mp4)"
    )
    command.add_argument("--log", choices=("x", "y", "xy"), help="logarithmic axes of trajectories in the figure")
    command.add_argument("--phase", metavar="A,B", help="draw B against A instead of both against time")
    command.add_argument("--overwrite", action="store_true", help="replace an existing figure or film")
    command.add_argument("--watch", action="store_true", help="follow the run until it ends, and analyse it then")
    command.add_argument("--interval", type=float, default=2.0, help="time between updates of --watch [s] (default: 2)")
    command.add_argument("--cite", action="store_true", help="print references for the methods that the run used")
    add_json(command)
    return command


def add_asked(command: argparse.ArgumentParser) -> None:
    """Options that analyses of a run share."""
    command.add_argument(
        "--species", action="append", default=[], metavar="NAME",
        help="species or observable, or NAME for NAME_p - NAME_m (default: variables of rate rules, and the quantities "
        "that vary most); may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--confidence", type=float, default=0.95, metavar="P", help="confidence of intervals (default: 0.95)"
    )


def run(arguments: argparse.Namespace) -> int:
    analyses = _analyses(arguments)
    _check_given(arguments, analyses)
    figures = _figures(arguments.figure, analyses, arguments.overwrite)
    film = None if arguments.film is None else film_path(arguments.film, arguments.overwrite)
    code = watch(arguments.file, arguments.interval) if arguments.watch else 0
    with ExitStack() as stack:
        opened = open_run(arguments.file)
        stack.enter_context(opened)
        if film is not None and opened.kind != TRAINING:
            raise checks.InputError(f"--film shows a training run, and {arguments.file} is of kind {opened.kind}")
        other = None if arguments.other is None else stack.enter_context(open_run(arguments.other))
        ask = Ask(
            tuple(arguments.species), arguments.time, arguments.start, arguments.passage, other,
            log=arguments.log or "", phase=_phase(arguments.phase), samples=_samples(arguments.samples),
            weights=arguments.weights,
            **({} if arguments.confidence is None else {"confidence": arguments.confidence}),
        )  # fmt: skip
        named = _shown(opened, arguments, bool(analyses or figures))
        record = summary(opened, [name for name in named if name not in opened.quantities])
        print(summary_text(record, named))
        if arguments.cite:
            record["references"] = citations_of(opened)
            print(citations_text(record["references"]))
        findings = {a.name: a.find(opened, ask) for a in analyses}
        for finding in findings.values():
            print(f"\n{finding.text()}")
        drawn = list(findings.values()) or ([overview(opened, ask)] if figures else [])
        for finding, path in zip(drawn, figures):
            finding.save(path)
            print(f"figure written to {path}")
    # A file that is open cannot be opened again, which a film does.
    if film is not None:
        load_fit(arguments.file).film(film, overwrite=arguments.overwrite)
        print(f"film written to {film}")
    if arguments.json:
        records = {name: finding.record for name, finding in findings.items()}
        shown = [str(path) for path in figures]
        record |= {"analyses": records, "figures": shown, "figure": shown[0] if shown else None}
        print_json(record | ({} if film is None else {"film": str(film)}))
    return code


def _shown(run: Run | MomentsRun, arguments: argparse.Namespace, is_analysed: bool) -> list[str]:
    """Names of --species, which the summary shows; a summary of training shows none."""
    names = list(dict.fromkeys(arguments.species))
    if names and run.kind == "training":
        if not is_analysed:
            raise checks.InputError("--species only applies to an analysis: add --what means, for example")
        return []
    return [known_name(run, name, whose="the run has") for name in names]


def _phase(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise checks.InputError(f"--phase takes two names, for example --phase A,B, got {text!r}")
    return names[0], names[1]


def _samples(text: str | None) -> int | list[int] | None:
    """`--samples`: a number of presentations, or with a comma numbers of samples."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers:
        raise checks.InputError(
            "--samples takes a number of presentations, such as 5, or numbers of training samples, such as 0,5 or 5, "
            f"with a comma, got {text!r}"
        )
    return numbers if "," in text else numbers[0]


def _check_given(arguments: argparse.Namespace, analyses: list[type[Analysis]]) -> None:
    """Refuse options without effect."""
    for flag, value in (("--log", arguments.log), ("--phase", arguments.phase)):
        if value is None:
            continue
        if arguments.figure is None:
            raise checks.InputError(f"{flag} only applies to a figure: add --figure run.png, for example")
        if analyses and MeansAnalysis not in analyses:  # the overview of an ensemble shows means, too
            raise checks.InputError(f"{flag} only applies to the figure of means: add --what means")
    for flag, value in (("--samples", arguments.samples), ("--weights", arguments.weights)):
        if value is not None and TrajectoriesAnalysis not in analyses:
            raise checks.InputError(f"{flag} only applies to trajectories: add --what trajectories")
    if analyses or arguments.figure is not None:
        return
    given = {
        "--time": arguments.time, "--start": arguments.start,
        "--confidence": arguments.confidence,
    }  # fmt: skip
    for flag, value in given.items():
        if value not in (None, []):
            raise checks.InputError(f"{flag} only applies to an analysis: add --what means, for example")


def _analyses(arguments: argparse.Namespace) -> list[type[Analysis]]:
    by_name = {a.name: a for a in ANALYSES}
    names = [checks.choice("analysis", name, by_name) for name in arguments.what]
    # These flags imply their analyses.
    for name, given in (("first-passage", arguments.passage), ("compare", arguments.other)):
        if given is not None and name not in names:
            names.append(name)
    return [by_name[name] for name in dict.fromkeys(names)]


def _figures(figure: str | None, analyses: list[type[Analysis]], overwrite: bool) -> list[Path]:
    """Paths of the figures, one for each analysis or for the overview, checked for writing."""
    if figure is None:
        return []
    path = figure_path(figure)
    paths = [path.with_name(f"{path.stem}-{a.name}{path.suffix}") for a in analyses] if len(analyses) > 1 else [path]
    return [checks.new_file(p, overwrite) for p in paths]
