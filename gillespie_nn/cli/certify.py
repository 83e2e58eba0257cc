"""Certify an approximate method on a model of one's own."""

import argparse
import json

from .. import checks
from ..analysis.comparison import INCONCLUSIVE, OUTSIDE, WITHIN
from ..simulation import EXACT, METHODS
from ..verification.certificate import Certificate, Row
from ..verification.certify import certify
from .common import Subparsers, add_common, add_options, options_of, parser, plain, print_json
from .models import add_model, initial_of, model_of, rates_of

EXIT_CODES = {WITHIN: 0, OUTSIDE: 1, INCONCLUSIVE: 3}
_SHOWN = 20


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "certify",
        "run an approximate method beside an exact one on a model file and compare the laws of the counts; exit code 0 "
        "if within the tolerances, 1 if outside, 3 if the replicates do not say",
        (
            "model.txt --method tau_leap --t-end 20 --replicates 30000 --workers 2",
            "model.ant --method linear_noise --t-end 50 --species A --tolerance-variance 0.1",
        ),
    )
    exact = ", ".join(m.name for m in EXACT)
    add_model(command)
    command.add_argument("--method", required=True, help=f"to certify: {', '.join(m.name for m in METHODS)}")
    command.add_argument("--reference", default="auto", help=f"exact method: auto, {exact} (auto)")
    command.add_argument("--t-end", type=float, required=True, help="time of the last comparison [s]")
    command.add_argument("--n-points", type=int, default=4, help="times compared, evenly spaced, the end included (4)")
    command.add_argument(
        "--replicates", type=int, default=1000,
        help="of each method (1000); the default tolerances take some 25000, fewer show larger errors",
    )  # fmt: skip
    command.add_argument(
        "--species", action="append", metavar="NAME", help="compare this (all that vary); may be given several times"
    )
    command.add_argument("--tolerance-mean", type=float, default=0.02, help="relative error allowed (0.02)")
    command.add_argument("--tolerance-variance", type=float, default=0.05, help="relative error allowed (0.05)")
    command.add_argument(
        "--floor", type=float, default=1.0,
        help="errors of means below so many molecules, and of variances below its square, are relative to it (1)",
    )  # fmt: skip
    add_options(command)
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "JSON file to write, with every row")
    return command


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output and checks.new_file(arguments.output, arguments.overwrite)
    found = certify(
        model_of(arguments),
        arguments.method,
        arguments.t_end,
        arguments.n_points,
        volume=arguments.volume,
        replicates=arguments.replicates,
        reference=arguments.reference,
        seed=arguments.seed,
        tolerance_mean=arguments.tolerance_mean,
        tolerance_variance=arguments.tolerance_variance,
        floor=arguments.floor,
        species=arguments.species,
        workers=arguments.workers,
        initial=initial_of(arguments),
        rates=rates_of(arguments),
        progress=True,
        **options_of(arguments),
    )
    _print(found)
    record = found.record() | {"model": arguments.model, "output": arguments.output}
    if output:
        checks.write_text(output, json.dumps(plain(record), allow_nan=False, indent=1) + "\n")
        print(f"written to {output}")
    if arguments.json:
        print_json(record)
    return EXIT_CODES[found.verdict]


def _print(found: Certificate) -> None:
    runs = [
        f"{name}: {n} {'replicate' if n == 1 else 'replicates'} of seed {seed} in {seconds:.3g} s"
        for name, n, seed, seconds in (
            (found.method, found.replicates, found.seed, found.seconds),
            (found.reference, found.reference_replicates, found.reference_seed, found.reference_seconds),
        )
    ]
    print(f"{'; '.join(runs)}; {found.method} is {found.speed_ratio:.3g} times as fast (one run, noisy)")
    print(
        "errors [interval] in % of the exact value, or where it is below the floor of "
        f"{found.floor:g} [molecules], of that and its square"
    )
    columns = f"{'mean':>10} {'exact':>10} {'error of mean':>23} {'error of variance':>23} {'distance (bound)':>16}"
    print(f"{'species':<12} {'time':>7} {columns}")
    for row in found.rows[:_SHOWN]:
        print(_line(row))
    if len(found.rows) > _SHOWN:
        print(f"... and {len(found.rows) - _SHOWN} more rows, none worse")
    print(found)


def _line(row: Row) -> str:
    distance = "-" if row.distance is None else f"{row.distance:.3f} ({row.bound:.3f})"
    return (
        f"{row.species:<12} {row.time:>7.4g} {row.mean:>10.5g} {row.reference_mean:>10.5g} "
        f"{_percent(row.mean_error, row.mean_interval):>23} {_percent(row.variance_error, row.variance_interval):>23} "
        f"{distance:>16}  {row.verdict}"
    )


def _percent(error: float | None, interval: tuple[float, float] | None) -> str:
    if error is None or interval is None:
        return "-"
    shown = [f"{100 * x:+.2f}" if abs(x) < 100 else f"{100 * x:+.0e}" for x in (error, *interval)]
    return "{} [{}, {}]".format(*shown)
