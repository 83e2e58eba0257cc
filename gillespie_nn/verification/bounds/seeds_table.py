"""Verify Propositions 5.1 and 5.2 for seeds 0, 1, 2, ... in order, and print the table of section 5 of BOUNDS.md.

    python scripts/seeds_of_bounds.py FOLDER --noise intrinsic --seeds 20 --workers 2
    python scripts/seeds_of_bounds.py FOLDER --table

FOLDER holds the results of each verification. Seeds that are finished there are not run again, and one that was
interrupted is continued, so the same command can be run as often as time allows.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...checks import write_text
from ...display.tables import Table
from ...statistics.verdict import Verdict
from .cases import Choice, setting_of
from .extrinsic import Additive, Concentration, Rate
from .intrinsic import Intrinsic
from .run import carry_out, verdict
from .setting import PROPOSITIONS
from .source import Source

_SOURCES: dict[str, type[Source]] = {s.name: s for s in (Rate, Concentration, Additive, Intrinsic)}


def verify(folder: Path, proposition: str, noise: str, seed: int, workers: int) -> None:
    """One verification, unless its verdict is there. Its CPU time is added up over interruptions."""
    output = folder / f"{proposition}-{noise}-{seed}.h5"
    if output.with_suffix(".json").exists():
        return
    kind = _SOURCES[noise]
    source = kind(setting_of(Choice(proposition, seed=seed, brief=kind.brief)), None, seed)
    start, spent, lines = time.process_time(), output.with_suffix(".cpu"), [source.setting.described()]
    try:
        outcome = carry_out(source, output, workers, say=lines.append)
        found = verdict(source, outcome, say=lines.append)
    finally:
        before = float(spent.read_text()) if spent.exists() else 0.0
        write_text(spent, f"{before + time.process_time() - start:.1f}\n")
    write_text(output.with_suffix(".log"), "\n".join(lines) + "\n")
    write_text(output.with_suffix(".json"), json.dumps(found, default=_plain, indent=1) + "\n")


def _plain(value: np.ndarray | np.generic) -> object:
    return value.tolist()


def table(folder: Path) -> str:
    """All verdicts in the folder, in Markdown."""
    files = [path for path in folder.glob("*.json") if path.stem.count("-") == 2]
    columns = ("P", "N", "seed", "verdict", "looks", "paths of each size", "CPU minutes")
    return Table("", columns, [_row(path) for path in sorted(files, key=_key)]).markdown()


def _row(path: Path) -> tuple:
    found = json.loads(path.read_text())
    counts = found["paths_of_each_size"]
    paths = str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))
    minutes = float(path.with_suffix(".cpu").read_text()) / 60
    left = ", ".join(c["name"] for c in found["checks"] if c["verdict"] != Verdict.HOLDS)
    verdict = found["verdict"] + (f" ({left})" if left else "")
    return found["proposition"], found["noise"], found["seed"], verdict, found["looks"], paths, f"{minutes:.1f}"


def _key(path: Path) -> tuple[str, int, int]:
    proposition, noise, seed = path.stem.split("-")
    return proposition, list(_SOURCES).index(noise), int(seed)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds asked for and print the table."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("folder", type=Path)
    command.add_argument("--proposition", nargs="+", choices=PROPOSITIONS, default=PROPOSITIONS)
    command.add_argument("--noise", nargs="+", choices=_SOURCES, default=list(_SOURCES))
    command.add_argument("--seeds", type=int, default=5, help="seeds 0 to N - 1 (5)")
    command.add_argument("--workers", type=int, default=1, help="number of threads (1)")
    command.add_argument("--table", action="store_true", help="only print the table")
    given = command.parse_args(argv)
    if not given.table:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        given.folder.mkdir(parents=True, exist_ok=True)
        for seed in range(given.seeds):
            for proposition in given.proposition:
                for noise in given.noise:
                    verify(given.folder, proposition, noise, seed, given.workers)
    print(table(given.folder))
    return 0
