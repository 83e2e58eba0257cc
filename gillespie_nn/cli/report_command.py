"""Write the report of a run: one HTML file with figures, tables and provenance."""

import argparse

from .. import checks
from ..analysis import Ask
from ..analysis.run_report import report
from ..storage import open_run
from .analyze_command import add_asked
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "report",
        ("runs/xor.h5", "run.h5 --output report.html --species A --overwrite"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file or moments file, written by simulate or train")
    command.add_argument(
        "-o", "--output", metavar="FILE.html", help="file to write (default: RUN.html in the folder of the run)"
    )
    add_asked(command)
    command.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    path = checks.path_of("output", arguments.output or checks.path_of("run file", arguments.file).with_suffix(".html"))
    checks.choice("report format", path.suffix, (".html", ".htm"), "use")
    with open_run(arguments.file) as opened:
        path = checks.new_file(path, arguments.overwrite)
        text, names = report(opened, Ask(species=tuple(arguments.species), confidence=arguments.confidence))
    checks.write_text(path, text)
    print(f"report written to {path}: {', '.join(names)}")
    if arguments.json:
        print_json({"output": str(path), "analyses": names, "bytes": len(text.encode())})
    return 0
