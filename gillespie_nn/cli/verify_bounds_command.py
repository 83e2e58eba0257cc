"""Test Propositions 5.1 and 5.2 on a network and give a verdict."""

import argparse
import json
import shlex
import time
from pathlib import Path

from .. import checks
from ..activations import ACTIVATIONS, DERIVATIVES
from ..noise import KINDS
from ..propositions import (
    CASES,
    ERROR,
    FEWEST_PATHS,
    MOST_LOOKS,
    PROPOSITIONS,
    SEQUENCES,
    SHARPENED,
    SOURCES,
    Choice,
    carry_out,
    course_of,
    error_rates,
    self_test,
    sentences,
    setting_of,
    stored_results,
    table_of_rates,
    theta_when_sharpened,
    verdict,
    write_report,
)
from ..propositions.proposition_figure import draw_bounds, draw_course
from ..propositions.setting import NoiseSource
from ..seeds import resolve_seed
from ..statistics.tests import Verdict
from .common import Subparsers, add_json, parser, plain, print_json

_FOLDER = "runs/bounds"


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "verify-bounds",
        (
            "--proposition 5.1 --noise rate --case xor --seed 0 --json",
            "--proposition 5.2 --noise intrinsic --case iris",
            "--proposition 5.2 --case kink --activation relu",
            "--proposition 5.1 --noise rate --case xor --seed 0 --error-rates",
            "--self-test",
        ),
    )
    sources = "\n".join(f"  {s.name}: {s.summary}" for s in SOURCES)
    command.add_argument(
        "--proposition",
        default="5.1",
        metavar="P",
        help=f"{', '.join(PROPOSITIONS)} (default: 5.1); 5.1 is for a network with fixed weights, 5.2 for a network "
        "that learns",
    )
    command.add_argument(
        "--noise",
        default="rate",
        metavar="NAME",
        help=f"source of noise: {', '.join(s.name for s in SOURCES)} (default: rate)",
    )
    command.description = (
        f"{command.description}\n\nEvaluates the results up to {MOST_LOOKS} times (looks), each time with more paths, "
        f"until every check holds or fails.\nA check whose true value is outside its limits holds with a probability "
        f"of at most {100 * ERROR:g} %, over all looks together.\n\nsources of noise:\n{sources}"
    )
    command.add_argument("--case", default="xor", metavar="NAME", help=f"network: {', '.join(CASES)} (default: xor)")
    command.add_argument(
        "--activation", default="smooth_relu", metavar="NAME",
        help=f"hidden activation: {', '.join(a.name for a in ACTIVATIONS)} (default: smooth_relu)",
    )  # fmt: skip
    usual = ", ".join(f"{s.usual_paths} with {s.name}" for s in SOURCES)
    command.add_argument(
        "--paths", type=int, metavar="N", help=f"number of noise paths at the first look (default: {usual})"
    )
    command.add_argument(
        "--looks", type=int, metavar="N",
        help=f"largest number of looks, evaluations of the results with more and more paths (default: {MOST_LOOKS})",
    )  # fmt: skip
    command.add_argument("--kind", metavar="KIND", help=f"kind of the noise paths: {', '.join(k.name for k in KINDS)}")
    command.add_argument("--step", type=float, metavar="S", help="time for which a noise path stays constant [s]")
    command.add_argument(
        "--correlation-time", type=float, metavar="S", help="correlation time of an ornstein_uhlenbeck path [s]"
    )
    command.add_argument(
        "--h", type=float, help="smoothing of the smooth ReLU [concentration^2] (default: depends on the case)"
    )
    command.add_argument(
        "--derivative",
        metavar="NAME",
        help=f"derivative of the smooth ReLU: {', '.join(DERIVATIVES)} (default: {DERIVATIVES[0]})",
    )
    command.add_argument(
        "--kappa", type=float,
        help="rate constant at which both rails of a pre-activation annihilate, for activations that read both "
        "rails [1/(concentration s)] (default: 60)",
    )  # fmt: skip
    command.add_argument(
        "--switch-rate",
        type=float,
        help="rate constant of the switch for the slope, for the same activations [1/(concentration s)] (default: 1)",
    )
    command.add_argument("--learning-rate", type=float, help="learning rate eta [1/s] (default: depends on the case)")
    command.add_argument(
        "--annihilation-rate",
        type=float,
        help="rate constant of V_p + V_m -> 0 [1/(concentration s)] (default: depends on the case)",
    )
    command.add_argument(
        "--running-time", type=float, metavar="S", help="duration of a presentation [s] (default: depends on the case)"
    )
    command.add_argument(
        "--presentations", type=int, metavar="N", help="number of presented inputs (default: depends on the case)"
    )
    command.add_argument(
        "--workers", type=int, help="number of threads (default: one per core); does not change the results"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the noise paths, a whole number (default: 0)")
    command.add_argument(
        "--output", metavar="FILE.h5",
        help=f"file of results (default: a file in {_FOLDER}); verdict (.json), figures (.png) and report (.md) go to "
        "the same folder",
    )  # fmt: skip
    command.add_argument(
        "--overwrite", action="store_true", help="replace existing output and start from the beginning"
    )
    command.add_argument("--self-test", action="store_true", help="check that deliberate errors are detected, and exit")
    command.add_argument(
        "--error-rates", action="store_true",
        help=f"measure how often verdicts are wrong: draw {SEQUENCES} sequences of looks from the stored paths of a "
        "finished verification with the same options, and exit",
    )  # fmt: skip
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    if arguments.self_test:
        return _self_test(arguments)
    if arguments.error_rates:
        return _error_rates(arguments)
    checks.optional("matplotlib", "plot", "drawing the figures of a verification")
    source, output = _source(arguments), _output(arguments)
    companions = _companions(output)
    # If the file of results exists, the others belong to it and are replaced.
    if not output.exists():
        for path in companions:
            checks.new_file(path, arguments.overwrite)
    figure, course_figure, report, record = companions
    start = time.monotonic()
    print(source.setting.described(), flush=True)
    for note in source.notes:
        print(note, flush=True)
    outcome = carry_out(source, output, arguments.workers, arguments.overwrite, progress=True, say=_say)
    result = verdict(source, outcome, say=_say)
    result |= {
        "seconds": time.monotonic() - start,
        "command": shlex.join(["gillespie-nn", "verify-bounds", *_given(arguments)]),
        "output": str(output),
    }
    if arguments.case == "kink" and arguments.activation in SHARPENED:
        result["smoothing"] = theta_when_sharpened(arguments.activation, source.seed)
        for line in sentences(result["smoothing"]):
            print(line, flush=True)
    draw_bounds(outcome.results, result, source.setting.spec.numbers, figure)
    draw_course(course_of(source), course_figure)
    write_report(report, result, [figure.name, course_figure.name])
    checks.write_text(record, json.dumps(plain(result), indent=1) + "\n")
    print(f"results of every path: {output}; report: {report}")
    print(f"{result['verdict']}: {result['reason']}")
    if arguments.json:
        print_json(result)
    return 0 if result["verdict"] == Verdict.HOLDS else 1


def _self_test(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    tests = self_test(resolve_seed(arguments.seed), say=lambda line: print(line, flush=True))
    missed = [row.what for row in tests if not row.as_expected]
    print(
        f"{len(tests) - len(missed)} of {len(tests)} tests gave the expected verdicts"
        + (f"; NOT as expected: {', '.join(missed)}" * bool(missed))
    )
    if arguments.json:
        rows = [row._asdict() for row in tests]
        verdict = Verdict.of(not missed, missed)
        print_json({"verdict": verdict, "seconds": time.monotonic() - start, "output": None, "plants": rows})
    return 1 if missed else 0


def _error_rates(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    source, output = _source(arguments), _output(arguments)
    results = stored_results(source, output)
    rates = error_rates(source.criteria(results), source.allotted, source.confidences, source.seed, say=_say)
    print(table_of_rates(rates).text())
    wrong = [r for r in rates if not r.as_promised]
    print(f"{len(rates) - len(wrong)} of {len(rates)} rates are within their limits")
    if arguments.json:
        rows = [r._asdict() for r in rates]
        verdict = Verdict.of(not wrong, wrong)
        print_json({"verdict": verdict, "seconds": time.monotonic() - start, "output": str(output), "rates": rows})
    return 1 if wrong else 0


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    return f"interrupted; finished paths are stored in {_output(arguments)}; run the same command again to continue"


def _source(arguments: argparse.Namespace) -> NoiseSource:
    by_name = {s.name: s for s in SOURCES}
    source = by_name[checks.choice("noise", arguments.noise, by_name)]
    seed = resolve_seed(arguments.seed)
    choice = Choice(
        arguments.proposition, arguments.case, arguments.activation, arguments.h, arguments.derivative,
        arguments.kappa, arguments.switch_rate, arguments.learning_rate,
        arguments.annihilation_rate, arguments.running_time, arguments.presentations, seed, source.brief,
    )  # fmt: skip
    paths = arguments.paths
    if paths is not None:
        checks.whole("paths", paths, least=FEWEST_PATHS, hint="fewer give no estimate of slopes and quantiles")
    looks = MOST_LOOKS if arguments.looks is None else checks.whole("looks", arguments.looks, most=MOST_LOOKS)
    return source(setting_of(choice), paths, seed, looks, arguments.kind, arguments.step, arguments.correlation_time)


def _say(line: str) -> None:
    print(line, flush=True)


def _output(arguments: argparse.Namespace) -> Path:
    """The file of results. Its default name depends on the arguments, so that the same command continues it."""
    if arguments.output is not None:
        path = checks.path_of("output", arguments.output)
        if path.suffix not in (".h5", ".hdf5"):
            raise checks.InputError(f"output {path} must be an HDF5 file, for example runs/bounds.h5")
        if path.is_dir():
            raise checks.InputError(f"output {path} is a folder: name a file in it, for example {path / 'bounds.h5'}")
        return path
    parts = [
        arguments.proposition,
        arguments.noise,
        arguments.case,
        arguments.activation,
        arguments.derivative,
        arguments.kind,
    ]
    parts += [f"{n}{v:g}" for n in _NUMBERS if (v := getattr(arguments, n)) is not None]
    return Path(_FOLDER) / ("-".join(str(p) for p in parts if p is not None) + ".h5")


def _companions(output: Path) -> list[Path]:
    """Paths of the figures, the report and the verdict, in the same folder as the file of results."""
    names = (f"{output.stem}{end}" for end in (".png", "-course.png", ".md", ".json"))
    return [output.with_name(name) for name in names]


_NUMBERS = (
    "step", "correlation_time", "h", "kappa", "switch_rate", "learning_rate", "annihilation_rate", "running_time",
    "presentations", "paths", "looks", "seed",
)  # fmt: skip


def _given(arguments: argparse.Namespace) -> list[str]:
    """The values of the flags, defaults included, as words of a command line."""
    given = []
    for name in ("proposition", "noise", "case", "activation", "derivative", "kind", *_NUMBERS, "output"):
        value = getattr(arguments, name)
        if value is not None:
            given += [f"--{name.replace('_', '-')}", str(value)]
    return given
