"""Write a run file in another format."""

import argparse

from .. import checks
from ..display.tables import counted
from ..storage.export import FORMATS, SUFFIXES, export
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "export",
        ("runs/xor.h5 --to csv", "runs/ensemble.h5 --to netcdf --output ensemble.nc"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file of simulate or train")
    command.add_argument("--to", required=True, metavar="FORMAT", help=f"format: {', '.join(FORMATS)}")
    command.add_argument("--output", metavar="FILE", help="file to write (default: RUN with the suffix of the format)")
    command.add_argument(
        "--species", action="append", default=[], metavar="NAME",
        help="column of a table: species, observable, or NAME for NAME_p less NAME_m (default: all); may be repeated",
    )  # fmt: skip
    command.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    suffix = SUFFIXES.get(arguments.to, "")
    output = arguments.output or checks.path_of("run file", arguments.file).with_suffix(suffix)
    n = export(arguments.file, arguments.to, output, arguments.overwrite, arguments.species)
    print(f"{counted(n, 'replicate')} written to {output}")
    if arguments.json:
        print_json({"file": arguments.file, "format": arguments.to, "replicates": n, "output": str(output)})
    return 0
