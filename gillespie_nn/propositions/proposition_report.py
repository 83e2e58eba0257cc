"""The report of a verification in Markdown."""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError, write_text
from ..display.tables import Table
from ..progress import Progress
from ..statistics.tests import Decided, Decisions, Judgement, Verdict
from ..storage.hdf5 import Lock, clear
from ..storage.provenance import described
from . import results as files
from .forcing import Additive, Concentration, Rate
from .intrinsic import Intrinsic
from .proposition_figure import sentences
from .results import Results
from .setting import PROPOSITIONS, Choice, Source, setting_of

_STATEMENTS = {
    "5.1": "forward network, weights fixed: for each layer l and neuron i, sup over [0, T] of "
    "|x_i^l(t; eps) - x_i^l(t)| <= eps Theta, with a finite random Theta "
    "(public text of S. Kang and J. Kim, arXiv:2410.11919)",
    "5.2": "the same for the backward and update networks, learning on and inputs switching (our reconstruction)",
}

_SEEDS = """Verify Propositions 5.1 and 5.2 for seeds 0, 1, 2, ... in order, and print the table of section 5 of
BOUNDS.md.

    python scripts/seeds_of_bounds.py FOLDER --noise intrinsic --seeds 20 --workers 2
    python scripts/seeds_of_bounds.py FOLDER --table

FOLDER holds the results of each verification. Seeds that are finished there are not run again, and one that was
interrupted is continued, so the same command can be run as often as time allows.
"""
"""Help of `scripts/seeds_of_bounds.py`."""


def write_report(path: Path, found: dict, figures: Sequence[str]) -> None:
    """Write the record `found` of a verdict as Markdown; `figures` are file names in the same folder."""
    checked = [(c["name"], c["verdict"], c["look"], c["sentence"]) for c in found["checks"]]
    lines = [
        f"# Proposition {found['proposition']}: {found['verdict']}", "",
        f"Statement: {_STATEMENTS[found['proposition']]}.", "",
        f"Setting: {found['described']}. Noise: {found['noise']}, seed {found['seed']}.", "",
        f"Looks: {found['looks']} of at most {found['most_looks']}. Paths of each eps: "
        f"{', '.join(str(n) for n in found['paths_of_each_size'])}.", "",
        *(f"Note: {note}." for note in found["notes"]),
        f"Verdict: **{found['verdict']}**: {found['reason']}.", "",
        Table("", ("check", "verdict", "look", "result"), checked).markdown(), "",
    ]  # fmt: skip
    quantiles = found["theta_quantiles"]
    columns = ("eps", *(f"{float(p) * 100:g} %" for p in quantiles))
    rows = [tuple(f"{v:.4g}" for v in row) for row in zip(found["sizes"], *quantiles.values())]
    caption = "Quantiles of Theta over paths, maximum over all quantities [concentration]"
    lines += [Table(caption, columns, rows).markdown(), ""]
    if found.get("smoothing"):
        lines += ["Theta for an activation that becomes sharper, at rest on the kink (medians over paths):", ""]
        lines += [f"- {line}" for line in sentences(found["smoothing"])] + [""]
    lines += [f"![{name}]({name})\n" for name in figures]
    lines += [
        "Intervals are of single quantities, from a bootstrap over paths. Each end has, at look j, a confidence of "
        f"{', '.join(f'{100 * c:.4g}' for c in found['confidences'])} %, so that all looks together have 95 %.", "",
        f"- command: `{found['command']}`", f"- results of every path: `{found['output']}`",
        *(f"- {what}: {value}" for what, value in described()), "",
    ]  # fmt: skip
    checks.write_text(path, "\n".join(lines))


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
    command = argparse.ArgumentParser(description=_SEEDS, formatter_class=argparse.RawDescriptionHelpFormatter)
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


# A verification from choice to verdict: tasks on threads, committed to a file as they end.

_SECONDS = 2.0
"""Between two writings of the file, and with tasks in progress the longest work that a kill can cost, [s]"""
_WRITING = 20.0
"""Or so many times as long as writing the file takes, if that is longer."""


class Outcome(NamedTuple):
    """A verification that ended."""

    results: Results
    """Of the paths up to the last look."""
    decisions: Decisions
    paths: np.ndarray
    """int64[task]: number of paths of each size, and of the first variation."""


def carry_out(
    source: Source,
    output: Path,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> Outcome:
    """Look at the results of a `Source`, with more paths at each look until every check is decided. Paths that the
    file `output` already has are used; the others are simulated and committed to it.

    Parameters
    ----------
    workers : threads, by default one per core; does not change the results.
    overwrite : replace a file with other content and start from the beginning.
    progress : show progress on stderr; None: on a terminal and in a notebook.
    say : is told what each look decides.

    Raises
    ------
    InputError : the file has other content, or another process writes it. ModelError : a simulation stops.
    StorageError : the disk is full.
    """
    decisions = Decisions()
    with _opened(source, output, workers, overwrite, progress) as file:
        for paths, confidence in zip(source.allotted, source.confidences):
            results = file.completed(paths)
            decisions.add(source.judgements(results, confidence, say if decisions.look == 0 else _nobody))
            open_ = [name for name, d in decisions.by_name.items() if d.judgement.verdict == Verdict.INCONCLUSIVE]
            say(
                f"look {decisions.look} of at most {len(source.allotted)}, {_counted(paths)}: "
                + (f"undecided are {', '.join(open_)}" if open_ else "every check is decided")
            )
            if decisions.over:
                break
    return Outcome(results, decisions, paths)


def simulate_paths(
    source: Source, output: Path, workers: int | None = None, overwrite: bool = False, progress: bool | None = None
) -> Results:
    """The paths of the first look, without a judgement; parameters and errors as of `carry_out`."""
    with _opened(source, output, workers, overwrite, progress) as file:
        return file.completed(source.allotted[0])


def _nobody(line: str) -> None:
    """Is told what was told before."""


def arguments_of(source: Source) -> dict:
    """All that decides the paths in the file of a `source`."""
    return source.setting.record() | source.record() | {"paths": source.paths, "seed": source.seed}


def stored_results(source: Source, output: Path) -> Results:
    """The results in the file of a verification that ended: of the looks that are complete. Raises InputError if there
    is no file, or no complete look."""
    found = files.read(output, arguments_of(source))
    complete = [] if found is None else [p for p in source.allotted if not source.tasks(found.with_paths(p.max()), p)]
    if found is None or not complete:
        raise InputError(f"{output} holds no verification that ended: run the same command without --error-rates first")
    return found.upto(complete[-1])


def _counted(paths: np.ndarray) -> str:
    counts = paths[:-1].tolist()
    return f"{counts[0]} paths" if len(set(counts)) == 1 else f"{', '.join(map(str, counts))} paths of each size"


class _File:
    """The file of a verification, which this process alone writes."""

    def __init__(self, source: Source, output: Path, known: Results | None, workers: int, progress: bool | None):
        self.source, self.output, self.workers, self.progress = source, output, workers, progress
        self.arguments = arguments_of(source)
        self.stored = source.empty() if known is None else known

    def completed(self, paths: np.ndarray) -> Results:
        """Results of the first `paths` of each size. Those that the file lacks are simulated."""
        self.stored = self.stored.with_paths(int(paths.max()))
        tasks = self.source.tasks(self.stored, paths)
        if tasks:
            self._commit()  # a disk that cannot be written is noticed before the work
            _complete(self.source, self.stored, tasks, self.workers, self.progress, self._commit)
        return self.stored.upto(paths)

    def _commit(self) -> None:
        files.write(self.output, self.arguments, self.stored)


@contextmanager
def _opened(
    source: Source, output: Path, workers: int | None, overwrite: bool, progress: bool | None
) -> Iterator[_File]:
    workers = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    output = checks.new_file(output, overwrite=True)
    lock = Lock(output)
    try:
        clear(output)
        known = None if overwrite else files.read(output, arguments_of(source))
        yield _File(source, output, known, workers, progress)
    finally:
        lock.release()


def _complete(
    source: Source, found: Results, tasks: list, workers: int, progress: bool | None, commit: Callable[[], None]
) -> None:
    try:
        with Progress("paths", len(tasks), progress) as bar:
            _on_threads(source, found, tasks, min(workers, len(tasks)), bar, commit)
    finally:
        commit()


def _on_threads(
    source: Source, found: Results, tasks: list, workers: int, bar: Progress, commit: Callable[[], None]
) -> None:
    """Carry out `tasks`; results are disjoint, and a task is marked as committed when all of its own stand."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    ended: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        try:
            carry_out = source.worker()
            while not stop.is_set():
                carry_out(found, waiting.get_nowait())
                ended.put(None)
        except queue.Empty:
            pass
        except BaseException as error:
            ended.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    written, pause = time.monotonic(), _SECONDS
    try:
        for done in range(1, len(tasks) + 1):
            error = ended.get()
            if error is not None:
                raise error
            bar.update(done, f"{len(tasks) - done} left")
            now = time.monotonic()
            if now - written > pause:
                commit()
                written = time.monotonic()
                pause = max(_SECONDS, _WRITING * (written - now))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def verdict(source: Source, outcome: Outcome, say: Callable[[str], object] = lambda line: None) -> dict:
    """Apply the checks that are judged at the end, and give the verdict; returns a dictionary of plain values."""
    results, decisions = outcome.results, outcome.decisions
    closing = {
        j.name: Decided(j, decisions.look) for j in source.closing(results, source.confidences[decisions.look - 1])
    }
    decided_at = decisions.by_name | closing
    found = [d.judgement for d in decided_at.values()]
    for judgement, look in decided_at.values():
        say(f"{judgement.name}: {judgement.verdict} (look {look}); {judgement.sentence}")
    decided = Verdict.together(j.verdict for j in found)
    by_name = {j.name: j for j in found}
    slope = by_name["slope"].numbers
    largest = results.ended().theta.max(axis=2)
    return {
        "verdict": decided,
        "reason": _reason(source, found, decided),
        "proposition": source.setting.proposition,
        "noise": source.name,
        "case": source.setting.case,
        "activation": source.setting.activation,
        "paths": int(outcome.paths.max()),
        "paths_of_each_size": outcome.paths[:-1],
        "looks": decisions.look,
        "most_looks": len(source.allotted),
        "confidences": source.confidences,
        "seed": source.seed,
        "described": source.setting.described(),
        "notes": list(source.notes),
        "sizes": results.size,
        "slope": slope["by_quantity"][slope["worst"]][0],
        "slope_of": slope["worst"],
        "slope_interval": slope["envelope"],
        "violations": by_name["upper bound"].numbers["violations"],
        "theta_quantiles": _quantiles(largest),
        "sharp_constant_error": by_name["sharp constant"].numbers["sharp_constant_error"],
        "checks": [d.judgement._asdict() | {"look": d.look} for d in decided_at.values()],
    }


def _quantiles(largest: np.ndarray) -> dict[str, np.ndarray]:
    """Of the Theta of the proposition, the largest of all quantities: rows of eps, by probability."""
    return {f"{p:g}": np.nanquantile(largest, p, axis=0) for p in (0.05, 0.5, 0.95)}


def _reason(source: Source, found: list[Judgement], decided: Verdict) -> str:
    """Why, in a sentence."""
    # What a case is about speaks of the kink of a ReLU; other activations have none.
    kinked = any(r.threshold is not None for r in source.setting.network.reactions)
    remark = source.setting.remark if kinked else ""
    if decided == Verdict.HOLDS:
        return f"every check holds{f'; {remark}' if remark else ''}"
    own = [j for j in found if j.verdict == decided]
    names = ", ".join(j.name for j in own)
    outside: list = next((j.numbers["outside"] for j in own if j.numbers.get("outside")), [])
    where = f", for {checks.shortened(outside, 5)}" if outside else ""
    remark = f"; {remark}" if remark and decided == Verdict.FAILS else ""
    if decided == Verdict.INCONCLUSIVE:
        unresolved = [name for j in found for name in j.numbers.get("unresolved", ())]
        remark = f"; the errors of {checks.shortened(unresolved, 5)} are at the level of rounding" if unresolved else ""
    kind = "failed" if decided == Verdict.FAILS else "inconclusive"
    return f"{kind} {'check' if len(own) == 1 else 'checks'}: {names}{where}{remark}"
