"""Verify Propositions 5.1 and 5.2 for seeds 0, 1, 2, ... in order, and print the table of section 5 of BOUNDS.md.

    python scripts/seeds_of_bounds.py FOLDER --noise intrinsic --seeds 20 --workers 2
    python scripts/seeds_of_bounds.py FOLDER --table

FOLDER holds the files of each verification. Seeds that are finished there are not run again, and one that was
interrupted is continued, so that the same command can be run as often as time allows.
"""

import argparse
import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from gillespie_nn.cli import main
from gillespie_nn.verification.bounds import PROPOSITIONS, SOURCES

NOISES = tuple(source.name for source in SOURCES)


def verify(folder: Path, proposition: str, noise: str, seed: int, workers: int) -> None:
    """One verification, unless its verdict is there; its CPU time is added up over interruptions."""
    output = folder / f"{proposition}-{noise}-{seed}.h5"
    if output.with_suffix(".json").exists():
        return
    command = f"verify-bounds --proposition {proposition} --noise {noise} --seed {seed} --workers {workers}".split()
    start, spent = time.process_time(), output.with_suffix(".cpu")
    try:
        with open(output.with_suffix(".log"), "a") as log, contextlib.redirect_stdout(log):
            main([*command, "--output", str(output)])
    finally:
        before = float(spent.read_text()) if spent.exists() else 0.0
        spent.write_text(f"{before + time.process_time() - start:.1f}\n")


def row(path: Path) -> str:
    """The row of one verdict."""
    found = json.loads(path.read_text())
    counts = found["paths_of_each_size"]
    paths = str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))
    minutes = float(path.with_suffix(".cpu").read_text()) / 60
    open_ = ", ".join(c["name"] for c in found["checks"] if c["verdict"] != "holds")
    verdict = found["verdict"] + (f" ({open_})" if open_ else "")
    cells = (found["proposition"], found["noise"], found["seed"], verdict, found["looks"], paths, f"{minutes:.1f}")
    return "| " + " | ".join(map(str, cells)) + " |"


def key(path: Path) -> tuple:
    proposition, noise, seed = path.stem.split("-")
    return proposition, NOISES.index(noise), int(seed)


def table(folder: Path) -> str:
    """All verdicts in the folder, in Markdown."""
    files = [p for p in folder.glob("*.json") if p.stem.count("-") == 2]
    head = "| P | N | seed | verdict | looks | paths of each size | CPU minutes |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *(row(p) for p in sorted(files, key=key))])


def run() -> int:
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("folder", type=Path)
    command.add_argument("--proposition", nargs="+", choices=PROPOSITIONS, default=PROPOSITIONS)
    command.add_argument("--noise", nargs="+", choices=NOISES, default=NOISES)
    command.add_argument("--seeds", type=int, default=5, help="seeds 0 to N - 1 (5)")
    command.add_argument("--workers", type=int, default=1, help="number of threads (1)")
    command.add_argument("--table", action="store_true", help="only print the table")
    given = command.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not given.table:
        given.folder.mkdir(parents=True, exist_ok=True)
        for seed in range(given.seeds):
            for proposition in given.proposition:
                for noise in given.noise:
                    verify(given.folder, proposition, noise, seed, given.workers)
    print(table(given.folder))
    return 0


if __name__ == "__main__":
    sys.exit(run())
