"""Certify an approximate method on a model."""

import argparse
import json

from .. import checks
from ..display.tables import shown
from ..verification.certificate import OPTIONS, Certificate, certify
from .common import Subparsers, add_json, parser, plain, print_json
from .flags import add_flags, add_model, given, model_of, options_of_methods

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
    certificate = certify(model_of(arguments), progress=True, **given(arguments, _OPTIONS))
    _print(certificate)
    record = certificate.record() | {"model": arguments.model, "output": arguments.output}
    if output:
        checks.write_text(output, json.dumps(plain(record), allow_nan=False, indent=1) + "\n")
        print(f"written to {output}")
    if arguments.json:
        print_json(record)
    return certificate.verdict.exit_code


def _print(certificate: Certificate) -> None:
    runs = [
        f"{name}: {n} {'replicate' if n == 1 else 'replicates'}, seed {seed}, {seconds:.3g} s"
        for name, n, seed, seconds in (
            (certificate.method, certificate.replicates, certificate.seed, certificate.seconds),
            (
                certificate.reference,
                certificate.reference_replicates,
                certificate.reference_seed,
                certificate.reference_seconds,
            ),
        )
    ]
    print("; ".join(runs))
    print(
        f"{certificate.method} runs at {certificate.speed_ratio:.3g} times the speed of {certificate.reference} "
        "(one noisy timing)"
    )
    print(
        f"errors are in % of the exact value, but at least of {certificate.floor:g} molecules (means) or "
        f"{certificate.floor**2:g} molecules^2 (variances); intervals are in brackets"
    )
    print(shown(certificate.table(), _SHOWN).text())
    print(certificate)
