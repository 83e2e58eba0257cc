"""Summarise a run file and draw it."""

from pathlib import Path

from .. import checks
from ..analysis import draw, summary, summary_text
from ..storage import open_run
from .common import add_json, parser, print_json
from .watch import watch


def add(subparsers):
    command = parser(
        subparsers,
        "analyze",
        "summarise a run file and, with --figure, draw it",
        ("runs/xor.h5", "runs/xor.h5 --figure runs/xor.png --overwrite", "runs/xor.h5 --watch"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file written by simulate or train")
    command.add_argument("--figure", metavar="FILE", help="draw to this file (.png, .svg or .pdf)")
    command.add_argument("--overwrite", action="store_true", help="allow a figure file that exists")
    command.add_argument("--watch", action="store_true", help="follow the run until it ends, and summarise it then")
    command.add_argument("--interval", type=float, default=2.0, help="time between two looks of --watch [s] (2)")
    add_json(command)
    return command


def run(arguments):
    figure = arguments.figure
    if figure is not None:
        checks.choice("figure format", Path(figure).suffix, (".png", ".svg", ".pdf"), "use")
        checks.new_file(figure, arguments.overwrite)
    code = watch(arguments.file, arguments.interval) if arguments.watch else 0
    with open_run(arguments.file) as opened:
        found = summary(opened)
        print(summary_text(found))
        if figure is not None:
            draw(opened, figure)
            print(f"figure written to {figure}")
        if arguments.json:
            print_json(found | {"figure": figure})
    return code
