"""Compile the kernels of methods ahead of time."""

import argparse
import time

from ..api.warm import size, warm
from ..display.tables import counted
from ..kernels.jit import cache_folder
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "warm",
        ("", "--method direct --method tau_leap", "--workers 1"),
    )
    command.add_argument(
        "--method", action="append", metavar="NAME", help="only this method (default: all); can be given several times"
    )
    command.add_argument("--workers", type=int, metavar="N", help="number of processes (default: one per core)")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    before, _ = size()
    start = time.perf_counter()
    warmed = warm(arguments.method, arguments.workers, progress=True)
    seconds, folder = time.perf_counter() - start, cache_folder()
    n, n_bytes = size()
    for one in warmed:
        if one.seconds:
            print(f"{one.name:20} compiled in {one.seconds:.1f} s")
    if n > before:
        print(f"compiled {counted(n - before, 'kernel')} in {seconds:.1f} s")
    else:
        print(f"all kernels are already compiled (checked in {seconds:.1f} s)")
    print(f"{folder} has {counted(n, 'kernel')}, {n_bytes / 1e6:.0f} MB")
    if arguments.json:
        print_json({
            "methods": {one.name: one.seconds for one in warmed}, "compiled": n - before, "seconds": seconds,
            "folder": str(folder), "kernels": n, "bytes": n_bytes,
        })  # fmt: skip
    return 0


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    return "interrupted; finished kernels are saved; run the same command again to compile the rest"
