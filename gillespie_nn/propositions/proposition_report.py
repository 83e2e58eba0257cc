"""A verification from its source of noise to the verdict, its report in Markdown, and verifications of many seeds."""

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
from .forcing import Additive, Concentration, RateSource
from .intrinsic import Intrinsic
from .proposition_figure import sentences
from .results import Results
from .setting import PROPOSITIONS, Choice, NoiseSource, setting_of

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

FOLDER contains the results of each verification. Finished seeds are not run again, and an interrupted one continues, so
the same command can be repeated.
"""
"""Help of `scripts/seeds_of_bounds.py`."""


def write_report(path: Path, record: dict, figures: Sequence[str]) -> None:
    """Write the `record` of a verdict as Markdown; `figures` are file names in the same folder."""
    checked = [(c["name"], c["verdict"], c["look"], c["sentence"]) for c in record["checks"]]
    lines = [
        f"# Proposition {record['proposition']}: {record['verdict']}", "",
        f"Statement: {_STATEMENTS[record['proposition']]}.", "",
        f"Setting: {record['described']}. Noise: {record['noise']}, seed {record['seed']}.", "",
        f"Looks: {record['looks']} of at most {record['most_looks']}. Paths of each eps: "
        f"{', '.join(str(n) for n in record['paths_of_each_size'])}.", "",
        *(f"Note: {note}." for note in record["notes"]),
        f"Verdict: **{record['verdict']}**: {record['reason']}.", "",
        Table("", ("check", "verdict", "look", "result"), checked).markdown(), "",
    ]  # fmt: skip
    quantiles = record["theta_quantiles"]
    columns = ("eps", *(f"{float(p) * 100:g} %" for p in quantiles))
    rows = [tuple(f"{v:.4g}" for v in row) for row in zip(record["sizes"], *quantiles.values())]
    caption = "Quantiles of Theta over paths, maximum over all quantities [concentration]"
    lines += [Table(caption, columns, rows).markdown(), ""]
    if record.get("smoothing"):
        lines += ["Theta for an activation that becomes sharper, at rest on the kink (medians over paths):", ""]
        lines += [f"- {line}" for line in sentences(record["smoothing"])] + [""]
    lines += [f"![{name}]({name})\n" for name in figures]
    lines += [
        "Intervals are of single quantities, from a bootstrap over paths. Each end has, at look j, a confidence of "
        f"{', '.join(f'{100 * c:.4g}' for c in record['confidences'])} %, so that all looks together have 95 %.", "",
        f"- command: `{record['command']}`", f"- results of every path: `{record['output']}`",
        *(f"- {what}: {value}" for what, value in described()), "",
    ]  # fmt: skip
    checks.write_text(path, "\n".join(lines))


_SOURCES: dict[str, type[NoiseSource]] = {s.name: s for s in (RateSource, Concentration, Additive, Intrinsic)}


def verify(folder: Path, proposition: str, noise: str, seed: int, workers: int) -> None:
    """Run one verification, unless its verdict exists. CPU time adds up over interruptions."""
    output = folder / f"{proposition}-{noise}-{seed}.h5"
    if output.with_suffix(".json").exists():
        return
    kind = _SOURCES[noise]
    source = kind(setting_of(Choice(proposition, seed=seed, brief=kind.brief)), None, seed)
    start, spent, lines = time.process_time(), output.with_suffix(".cpu"), [source.setting.described()]
    try:
        outcome = carry_out(source, output, workers, say=lines.append)
        record = verdict(source, outcome, say=lines.append)
    finally:
        before = float(spent.read_text()) if spent.exists() else 0.0
        write_text(spent, f"{before + time.process_time() - start:.1f}\n")
    write_text(output.with_suffix(".log"), "\n".join(lines) + "\n")
    write_text(output.with_suffix(".json"), json.dumps(record, default=_plain, indent=1) + "\n")


def _plain(value: np.ndarray | np.generic) -> object:
    return value.tolist()


def table(folder: Path) -> str:
    """All verdicts in the folder, in Markdown."""
    files = [path for path in folder.glob("*.json") if path.stem.count("-") == 2]
    columns = ("P", "N", "seed", "verdict", "looks", "paths of each size", "CPU minutes")
    return Table("", columns, [_row(path) for path in sorted(files, key=_key)]).markdown()


def _row(path: Path) -> tuple:
    record = json.loads(path.read_text())
    counts = record["paths_of_each_size"]
    paths = str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))
    minutes = float(path.with_suffix(".cpu").read_text()) / 60
    left = ", ".join(c["name"] for c in record["checks"] if c["verdict"] != Verdict.HOLDS)
    verdict = record["verdict"] + (f" ({left})" if left else "")
    return record["proposition"], record["noise"], record["seed"], verdict, record["looks"], paths, f"{minutes:.1f}"


def _key(path: Path) -> tuple[str, int, int]:
    proposition, noise, seed = path.stem.split("-")
    return proposition, list(_SOURCES).index(noise), int(seed)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the requested seeds and print the table."""
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


# A verification: tasks run on threads, and are committed to a file as they end.

_SECONDS = 2.0
"""Time between two writes of the file [s]: a kill costs at most the work of that time and the tasks in progress."""
_WRITING = 20.0
"""The time between two writes is at least this many times the duration of a write."""


class PropositionOutcome(NamedTuple):
    """A finished verification."""

    results: Results
    """Results of the paths up to the last look."""
    decisions: Decisions
    paths: np.ndarray
    """int64[task]: number of paths of each size, and of the first variation."""


def carry_out(
    source: NoiseSource,
    output: Path,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> PropositionOutcome:
    """Judge the results of a `NoiseSource` in looks, each with more paths, until every check is decided. Paths in the
    file `output` are used; the others are simulated and committed to it.

    Parameters
    ----------
    workers : threads, by default one per core; does not change the results.
    overwrite : replace a file with other content and start from the beginning.
    progress : show progress on stderr; None: on a terminal and in a notebook.
    say : gets a line about what each look decides.

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
    return PropositionOutcome(results, decisions, paths)


def simulate_paths(
    source: NoiseSource, output: Path, workers: int | None = None, overwrite: bool = False, progress: bool | None = None
) -> Results:
    """The paths of the first look, without a judgement; parameters and errors as of `carry_out`."""
    with _opened(source, output, workers, overwrite, progress) as file:
        return file.completed(source.allotted[0])


def _nobody(line: str) -> None:
    """Discards a line: later looks would repeat those of the first."""


def arguments_of(source: NoiseSource) -> dict:
    """Everything that determines the paths in the file of a `source`."""
    return source.setting.record() | source.record() | {"paths": source.paths, "seed": source.seed}


def stored_results(source: NoiseSource, output: Path) -> Results:
    """The results in the file of a finished verification, up to the last complete look. Raises InputError if there is
    no file, or no complete look."""
    stored = files.read(output, arguments_of(source))
    complete = [] if stored is None else [p for p in source.allotted if not source.tasks(stored.with_paths(p.max()), p)]
    if stored is None or not complete:
        raise InputError(f"{output} holds no verification that ended: run the same command without --error-rates first")
    return stored.upto(complete[-1])


def _counted(paths: np.ndarray) -> str:
    counts = paths[:-1].tolist()
    return f"{counts[0]} paths" if len(set(counts)) == 1 else f"{', '.join(map(str, counts))} paths of each size"


class _File:
    """The file of a verification. This process holds its lock."""

    def __init__(self, source: NoiseSource, output: Path, known: Results | None, workers: int, progress: bool | None):
        self.source, self.output, self.workers, self.progress = source, output, workers, progress
        self.arguments = arguments_of(source)
        self.stored = source.empty() if known is None else known

    def completed(self, paths: np.ndarray) -> Results:
        """Results of the first `paths` of each size. Missing ones are simulated."""
        self.stored = self.stored.with_paths(int(paths.max()))
        tasks = self.source.tasks(self.stored, paths)
        if tasks:
            self._commit()  # so that a disk that cannot be written is noticed before the work
            _complete(self.source, self.stored, tasks, self.workers, self.progress, self._commit)
        return self.stored.upto(paths)

    def _commit(self) -> None:
        files.write(self.output, self.arguments, self.stored)


@contextmanager
def _opened(
    source: NoiseSource, output: Path, workers: int | None, overwrite: bool, progress: bool | None
) -> Iterator[_File]:
    workers = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    output = checks.new_file(output, overwrite=True)
    lock = Lock(output)
    try:
        # Only the holder of the lock may remove temporary files that a killed process left.
        clear(output)
        known = None if overwrite else files.read(output, arguments_of(source))
        yield _File(source, output, known, workers, progress)
    finally:
        lock.release()


def _complete(
    source: NoiseSource, results: Results, tasks: list, workers: int, progress: bool | None, commit: Callable[[], None]
) -> None:
    try:
        with Progress("paths", len(tasks), progress) as bar:
            _on_threads(source, results, tasks, min(workers, len(tasks)), bar, commit)
    finally:
        commit()


def _on_threads(
    source: NoiseSource, results: Results, tasks: list, workers: int, bar: Progress, commit: Callable[[], None]
) -> None:
    """Execute `tasks`. They fill disjoint parts of `results`, and a task is marked as committed after all its values
    are stored, so the file can be written at any time."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    ended: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        try:
            execute = source.worker()
            while not stop.is_set():
                execute(results, waiting.get_nowait())
                ended.put(None)
        except queue.Empty:
            pass
        except BaseException as error:
            # The loop below raises it again in the calling thread.
            ended.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    # The pause is at least `_WRITING` times the last write, so writing takes at most 1 / (1 + `_WRITING`) of the time,
    # however large the file is.
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


def verdict(source: NoiseSource, outcome: PropositionOutcome, say: Callable[[str], object] = lambda line: None) -> dict:
    """Apply the checks that are judged once, at the end, and give the verdict. Returns a dictionary of plain values."""
    results, decisions = outcome.results, outcome.decisions
    closing = {
        j.name: Decided(j, decisions.look) for j in source.closing(results, source.confidences[decisions.look - 1])
    }
    decided_at = decisions.by_name | closing
    judgements = [d.judgement for d in decided_at.values()]
    for judgement, look in decided_at.values():
        say(f"{judgement.name}: {judgement.verdict} (look {look}); {judgement.sentence}")
    decided = Verdict.together(j.verdict for j in judgements)
    by_name = {j.name: j for j in judgements}
    slope = by_name["slope"].numbers
    largest = results.ended().theta.max(axis=2)
    return {
        "verdict": decided,
        "reason": _reason(source, judgements, decided),
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
        "notes": [*source.setting.notes, *source.notes],
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
    """Quantiles of the Theta of the proposition, which is the largest of all quantities: float64[size] by
    probability."""
    return {f"{p:g}": np.nanquantile(largest, p, axis=0) for p in (0.05, 0.5, 0.95)}


def _reason(source: NoiseSource, judgements: list[Judgement], decided: Verdict) -> str:
    """The reason for the verdict, in a sentence."""
    # The remark of a case is about the kink of a ReLU; other activations have none.
    kinked = any(r.threshold is not None for r in source.setting.network.reactions)
    remark = source.setting.remark if kinked else ""
    if decided == Verdict.HOLDS:
        return f"every check holds{f'; {remark}' if remark else ''}"
    deciding = [j for j in judgements if j.verdict == decided]
    names = ", ".join(j.name for j in deciding)
    outside: list = next((j.numbers["outside"] for j in deciding if j.numbers.get("outside")), [])
    where = f", for {checks.shortened(outside, 5)}" if outside else ""
    remark = f"; {remark}" if remark and decided == Verdict.FAILS else ""
    if decided == Verdict.INCONCLUSIVE:
        unresolved = [name for j in judgements for name in j.numbers.get("unresolved", ())]
        remark = f"; the errors of {checks.shortened(unresolved, 5)} are at the level of rounding" if unresolved else ""
    kind = "failed" if decided == Verdict.FAILS else "inconclusive"
    return f"{kind} {'check' if len(deciding) == 1 else 'checks'}: {names}{where}{remark}"
