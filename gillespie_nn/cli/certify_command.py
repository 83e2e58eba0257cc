"""Certify an approximate method on a model."""

import argparse
import json

from .. import checks
from ..display.tables import shown
from ..verification.certificate import OPTIONS, Certificate, certify
from .common import (
    Subparsers,
    add_flags,
    add_json,
    add_model,
    given,
    model_of,
    options_of_methods,
    parser,
    plain,
    print_json,
)

_SHOWN = 20
_OPTIONS = OPTIONS | options_of_methods()


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "certify",
        (
            "model.txt --method tau_leap --t-end 20 --replicates 30000 --workers 2",
            "model.ant --method linear_noise --t-end 50 --species A --tolerance-variance 0.1",
        ),
    )
    add_model(command)
    add_flags(command, _OPTIONS)
    command.add_argument("--output", metavar="FILE", help="JSON file to write; it contains every row")
    command.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output and checks.new_file(arguments.output, arguments.overwrite)
    found = certify(model_of(arguments), progress=True, **given(arguments, _OPTIONS))
    _print(found)
    record = found.record() | {"model": arguments.model, "output": arguments.output}
    if output:
        checks.write_text(output, json.dumps(plain(record), allow_nan=False, indent=1) + "\n")
        print(f"written to {output}")
    if arguments.json:
        print_json(record)
    return found.verdict.exit_code


def _print(found: Certificate) -> None:
    runs = [
        f"{name}: {n} {'replicate' if n == 1 else 'replicates'}, seed {seed}, {seconds:.3g} s"
        for name, n, seed, seconds in (
            (found.method, found.replicates, found.seed, found.seconds),
            (found.reference, found.reference_replicates, found.reference_seed, found.reference_seconds),
        )
    ]
    print("; ".join(runs))
    print(f"{found.method} runs at {found.speed_ratio:.3g} times the speed of {found.reference} (one noisy timing)")
    print(
        f"errors are in % of the exact value, but at least of {found.floor:g} molecules (means) or "
        f"{found.floor**2:g} molecules^2 (variances); intervals are in brackets"
    )
    print(shown(found.table(), _SHOWN).text())
    print(found)
