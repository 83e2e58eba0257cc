"""What the report of a folder is about: studies and cases, and how much of each. `studies.json` keeps it, so that a
study that is carried out later does not drive out the others.
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import checks
from ..checks import InputError, StorageError, UnfinishedError
from ..display.figures import new_figure, save_figure
from ..display.tables import Table, counted
from ..kernels.jit import cached_kernels
from ..processes import spread
from ..progress import Progress
from ..statistics.intervals import LEVEL, Estimate
from ..statistics.tests import Verdict, holm, paired
from ..storage.provenance import described
from .points import Point, Record, compile_kernels
from .study import Extent, Finding, Goal, Results, Study

FILE = "studies.json"


class Section(NamedTuple):
    """A study of a case, at an extent, and the command that asked for it."""

    study: Study
    case: str
    extent: Extent
    command: str

    def points(self) -> list[Point]:
        return self.study.points(self.case, self.extent)


def read_sections(folder: Path, known: Iterable[type[Study]], without: Sequence[Section]) -> list[Section]:
    """Those that the folder's report has, but for the studies and cases of `without`. Raises InputError for a file that
    is damaged."""
    path = folder / FILE
    if not path.is_file():
        return []
    by_name = {study.name: study for study in known}
    taken = {(section.study.name, section.case) for section in without}
    try:
        rows = [
            (str(row["study"]), str(row["case"]), Extent(*row["extent"]), str(row["command"]))
            for row in json.loads(checks.read_text(path))
        ]
    except (ValueError, TypeError, KeyError):
        raise InputError(
            f"{path} is damaged: delete it; the report then contains only the studies of this command"
        ) from None
    return [
        Section(by_name[name](), case, extent, command)
        for name, case, extent, command in rows
        if name in by_name and case in by_name[name].cases and (name, case) not in taken
    ]


def write_sections(folder: Path, sections: Iterable[Section]) -> None:
    """Keep what the report has now."""
    rows = [{"study": s.study.name, "case": s.case, "extent": list(s.extent), "command": s.command} for s in sections]
    checks.write_text(folder / FILE, json.dumps(rows, indent=1) + "\n")


# The report in Markdown: tables, figures, verdicts on the claims, goals, and where it all came from.


class Claim(NamedTuple):
    """A regime of a claim after the test: the mean paired difference with its single 95 % interval, the p-value, and
    that adjusted by Holm over all regimes of the claim."""

    claim: str
    case: str
    regime: str
    unit: str
    mean: float
    low: float
    high: float
    n: int
    p: float
    adjusted_p: float
    verdict: Verdict


def adjusted(findings: Sequence[Finding]) -> list[Claim]:
    """Every finding tested, p-values adjusted over those of the same claim."""
    found = []
    for claim in dict.fromkeys(f.claim for f in findings):
        own = [f for f in findings if f.claim == claim]
        tests = [paired(f.differences) for f in own]
        for finding, (e, p), corrected in zip(own, tests, holm([p for _, p in tests])):
            found.append(
                Claim(
                    claim, finding.case, finding.regime, finding.unit, e.mean, e.low, e.high, e.n, p, float(corrected),
                    Verdict.of(corrected <= LEVEL and e.mean > 0, corrected <= LEVEL and not e.mean > 0),
                )
            )  # fmt: skip
    return found


def points_found(points: Sequence[Point], records: dict[str, Record], failed: dict[str, str]) -> str:
    """How many of the points there are, in words."""
    n = sum(p.stem in records for p in points)
    blown = sum(p.stem in failed for p in points)
    return f"{n} of {counted(len(points), 'point')}" + (f", {blown} blew up" if blown else "")


def write_report(
    path: Path,
    sections: list,
    claims: list,
    goals: list[Goal],
    records: dict[str, Record],
    missing: list[Point],
    failed: dict[str, str],
    runs: Sequence[tuple[Extent, str]],
) -> None:
    """`sections` are (study, case, figure, tables, what there is in words); `runs` are the extents of them, and the
    commands that made them."""
    lines = ["# Case studies", ""]
    if any(extent.quick for extent, _ in runs):
        lines += ["**This is a quick run with few seeds and short runs. It contains no results.**", ""]
    lines += [
        "Means are over seeds, each with its own split, start and order of samples, and have 95 % intervals: Student's "
        "t for differences, Student's t of the logarithm for an RMSE, and Wilson's score for an accuracy. Scores are "
        "on the test set, computed in floating point with the weights that the molecules hold, averaged over the last "
        "100 presentations; under noise in inference they are of a simulation of the forward network. The chemistry "
        "and all settings are our reconstruction, see the README.",
        "",
    ]
    lines += _goals(goals) + _claims(claims)
    for study, case, figure, tables, there in sections:
        lines += [f"## {case}: {study.title}", "", f"{study.summary[0].upper()}{study.summary[1:]} ({there}).", ""]
        lines += [f"![{case}: {study.title}]({figure.relative_to(path.parent).as_posix()})", ""]
        for table in tables:
            lines += [table.markdown(), ""]
    lines += _provenance(records, missing, failed, runs)
    checks.write_text(path, "\n".join(lines))


def _goals(goals: list[Goal]) -> list[str]:
    if not goals:
        return []
    rows = [(g.case, g.goal, g.found, f"**{g.verdict}**") for g in goals]
    table = Table("", ("case", "goal", "result [95 %]", "verdict"), rows)
    return ["## Goals", "", "A goal is judged by the whole 95 % interval.", "", table.markdown(), ""]


def _claims(claims: list) -> list[str]:
    if not claims:
        return []
    lines = [
        "## The two claims", "",
        "Paired over seeds; loss is the error rate of a classification, else the RMSE [concentration]. A positive "
        "difference speaks for the smooth ReLU. Two-sided t-tests, p-values adjusted by Holm's method over all regimes "
        f"of a claim: *{Verdict.HOLDS}* or *{Verdict.FAILS}* (the reverse was found) where the adjusted p is at most "
        f"{LEVEL:g}, else *{Verdict.INCONCLUSIVE}*. "
        "Intervals are single ones. A pair of which one run blew up is left out, and the seeds are fewer.", "",
    ]  # fmt: skip
    for claim in dict.fromkeys(c.claim for c in claims):
        own = [c for c in claims if c.claim == claim]
        tally = Counter(c.verdict for c in own)
        found = ", ".join(f"{v} in {tally[v]}" for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE))
        lines += [f"**{claim}**: of {len(own)} regimes, {found}.", ""]
        rows = [
            (
                c.case, c.regime, f"{Estimate(c.mean, c.low, c.high, c.n)} {c.unit}", str(c.n),
                f"{c.adjusted_p:.2g}", f"**{c.verdict}**" if c.verdict != Verdict.INCONCLUSIVE else c.verdict,
            )
            for c in own
        ]  # fmt: skip
        columns = ("case", "regime", "difference [95 %]", "seeds", "adjusted p", "verdict")
        lines += [Table("", columns, rows).markdown(), ""]
    return lines


def _provenance(
    records: dict[str, Record], missing: list[Point], failed: dict[str, str], runs: Sequence[tuple[Extent, str]]
) -> list[str]:
    versions = {r.software_version for r in records.values()}
    lines = ["## Provenance", ""]
    for extent, command in dict.fromkeys(runs):
        seeds = f"from {extent.seed} on" + (f", {extent.n_seeds} of them" if extent.n_seeds else "")
        lines += [f"- command: `{command}`" if command else "- from Python", f"- its seeds: {seeds}"]
    lines += [
        f"- points: {len(records)} in files, {len(missing)} missing, {len(failed)} blew up",
        f"- simulated by gillespie-nn {', '.join(sorted(versions))}; the file of each simulation says with what",
        "",
        "Drawn with:",
        "",
        *(f"- {what}: {value}" for what, value in described(libraries=("matplotlib",))),
        "",
    ]
    if len(versions) > 1:
        lines += ["**The points were simulated by several versions of the software, whose results may differ.**", ""]
    if missing:
        lines += [f"**{counted(len(missing), 'point')} missing; means are over fewer seeds than planned.**", ""]
    if failed:
        reasons = Counter(failed.values())
        lines += (
            ["Blown up:", ""] + [f"- {counted(n, 'time')}: {reason}" for reason, n in reasons.most_common(10)] + [""]
        )
    return lines


# Points are carried out by worker processes, each into its own file: what has ended is skipped, what was interrupted
# goes on, and the files are the same for any number of workers.

_ADVICE = "run the same command with fewer --workers; finished points are kept"
_compiled: set[tuple[str, bool]] = set()
"""Kernels that this process has, see `Point.kernels`."""


class TakesTooLong(UnfinishedError):
    """A point has used up its time: counts that run away make steps ever shorter."""


def unique(points: Iterable[Point]) -> list:
    """Each once, and what it needs before it; in the order given."""
    found: dict[str, Point] = {}
    for point in points:
        for needed in (*point.needs, point):
            found.setdefault(needed.stem, needed)
    return list(found.values())


def read_all(points: Iterable[Point], folder: str | Path) -> tuple[dict, dict, list]:
    """(records by stem, sentences by stem of those that blew up, points that are missing), from the files alone."""
    records, failed, missing = {}, {}, []
    for point in unique(points):
        blown = next((b for p in (*point.needs, point) if (b := _note(p, folder)) is not None), None)
        if blown is not None:
            failed[point.stem] = blown
            continue
        record = point.read(folder)
        if record is None:
            missing.append(point)
        else:
            records[point.stem] = record
    return records, failed, missing


def carry_out(
    points: Sequence[Point],
    folder: str | Path,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: bool | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Carry out what is missing of `points`, into files in `folder`.

    Parameters
    ----------
    workers : processes; by default as many as there are cores. With 1 this process does it.
    time_limit : seconds of wall time after which a point counts as run away; None: never. It is noted beside the file
        and tried again where the limit is larger.
    progress : show progress; None: on a terminal and in a notebook.
    say : takes a line about each point that blew up.

    Raises
    ------
    UnfinishedError : the disk is full, or a worker was killed. On KeyboardInterrupt workers are ended at once and their
    files are gone on with at the next call.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise checks.InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    workers = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    _forget_shorter_limits(points, folder, time_limit)
    _, failed, missing = read_all(points, folder)
    todo = [p for p in missing if not any(n.stem in failed for n in p.needs)]
    with Progress("points", len(todo), progress) as bar:
        done = 0
        if not cached_kernels():  # which workers see, and not this process
            bar.update(0, "first, every process compiles the kernels, which takes up to a minute")
        for stage in _stages(todo):
            work = partial(one, folder=folder, time_limit=time_limit)
            for point, blown in spread(work, stage, min(workers, len(stage)), _ADVICE):
                done += 1
                if blown is not None:
                    say(f"{point.stem}: {blown}")
                bar.update(done, f"{len(todo) - done} points left")


def _stages(points: Iterable[Point]) -> Iterator[list[Point]]:
    """First what needs nothing, then what needs that."""
    for stage in ([p for p in points if not p.needs], [p for p in points if p.needs]):
        if stage:
            yield stage


def one(point: Point, folder: str | Path, time_limit: float | None = None) -> str | None:
    """Carry out one point; a sentence if it cannot be finished, which is also kept beside its file."""
    if any(_note(p, folder) is not None for p in point.needs):
        return "a point that it needs blew up"
    if point.kernels not in _compiled:  # which takes a minute or more once, and is not the point's fault
        compile_kernels(*point.kernels)
        _compiled.add(point.kernels)
    try:
        with _alarm(time_limit):
            point.carry_out(folder)
    except StorageError:
        raise
    except UnfinishedError as error:
        limit = time_limit if isinstance(error, TakesTooLong) else None
        checks.write_text(_note_path(point, folder), f"{'' if limit is None else f'{limit:g}'}\n{error}\n")
        return str(error)
    return None


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Raises TakesTooLong inside after so many seconds, where signals are to be had."""
    usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if seconds is None or not usable:
        yield
        return

    def ring(*_: object) -> None:
        raise TakesTooLong(
            f"not finished after {seconds:g} s of wall time: the counts blow up, or the point is too large"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _note_path(point: Point, folder: str | Path) -> Path:
    return Path(folder) / f"{point.stem}.failed"


def _note(point: Point, folder: str | Path) -> str | None:
    """Why a point could not be finished; None if nothing of the sort is known."""
    path = _note_path(point, folder)
    return checks.printable(checks.read_text(path).partition("\n")[2].strip()) if path.is_file() else None


def _forget_shorter_limits(points: Sequence[Point], folder: str | Path, time_limit: float | None) -> None:
    """Points that were given less time than now are tried again."""
    for point in unique(points):
        path = _note_path(point, folder)
        if path.is_file():
            limit = checks.read_text(path).partition("\n")[0]
            if limit and (time_limit is None or float(limit) < time_limit):
                path.unlink()


# From studies and cases to files, figures and a report.

POINTS, FIGURES, REPORT = "points", "figures", "report.md"
FORMATS = (".png", ".svg")
TIME_LIMIT, QUICK_TIME_LIMIT = 3600.0, 60.0


def reproduce(
    studies: Sequence[type[Study]], cases: Sequence[str], extent: Extent, output: str | Path, *,
    workers: int | None = None, time_limit: float | None = None, redraw: bool = False, command: str = "",
    progress: bool | None = None, say: Callable[[str], object] = print, known: Sequence[type[Study]] = (),
) -> dict:  # fmt: skip
    """Run `studies` on `cases`, draw them into `output` and write the report there. Studies already in the report stay
    in it.

    Parameters
    ----------
    studies : `Study` classes; a study skips cases that it does not apply to.
    cases : names of datasets.
    extent : an `Extent`.
    output : folder: `points/` has a file for each point, and `figures/` a PNG and an SVG for each study and case;
        `studies.json` lists the content of the report, and `report.md` has tables, verdicts and provenance.
    workers, time_limit [s], progress, say : as in `runner.carry_out`; the default limit is an hour per
        point, or a minute in a quick run.
    redraw : simulate nothing; draw the stored points and list the missing ones.
    command : the command line to state in the report.
    known : all studies that the report may already contain.

    Returns
    -------
    A dictionary: `report`, `figures`, `claims` (the findings) and `goals` of all that is in the report; `points`,
    `missing`, `blown_up` and `quick` of this call.

    Raises
    ------
    InputError : nothing to do, or nothing to redraw. MissingExtraError : no matplotlib. UnfinishedError : see `runner`.
    """
    checks.optional("matplotlib", "plot", "drawing the figures of the case studies")
    output = checks.path_of("output", output, f"output must be a folder path, got {output!r}")
    asked = [Section(study(), case, extent, command) for case in cases for study in studies if case in study.cases]
    if not asked:
        names = ", ".join(s.name for s in studies)
        raise InputError(f"no study of {names} applies to {', '.join(cases)}: see --list")
    points = unique(p for section in asked for p in section.points())
    kept = read_sections(output, known, asked)
    if not redraw:
        limit = (QUICK_TIME_LIMIT if extent.quick else TIME_LIMIT) if time_limit is None else time_limit
        carry_out(points, output / POINTS, workers, checks.positive("time limit", limit, "s"), progress, say)
    records, failed, missing = read_all(points, output / POINTS)
    if not records:
        raise InputError(
            f"none of the {counted(len(points), 'point')} of these studies is in {output / POINTS}: "
            + ("run the command first without --redraw" if redraw else "all blew up; see the files *.failed there")
        )
    for point in missing[:_SHOWN]:
        say(f"missing: {point.stem}")
    if missing:
        say(f"{len(missing)} of {counted(len(points), 'point')} missing; the same command without --redraw makes them")
    own_stems = {p.stem for p in points}
    others = [p for p in unique(p for section in kept for p in section.points()) if p.stem not in own_stems]
    more_records, more_failed, more_missing = read_all(others, output / POINTS)
    all_records, all_failed = records | more_records, failed | more_failed
    sections, findings, goals, figures, shown = [], [], [], [], []
    for section in (*kept, *asked):
        study, case = section.study, section.case
        results = Results(case, section.extent, all_records, all_failed, study.measure)
        own = unique(section.points())
        if not any(p.stem in all_records for p in own):
            say(f"{study.name}, {case}: nothing to draw")
            continue
        shown.append(section)
        drawn = _draw(study, results, output / FIGURES)
        figures += drawn
        sections.append((study, case, drawn[0], study.tables(results), points_found(own, all_records, all_failed)))
        findings += study.findings(results)
        goals += study.goals(results)
    claims = adjusted(findings)
    report = output / REPORT
    runs = [(section.extent, section.command) for section in shown]
    write_report(report, sections, claims, goals, all_records, [*missing, *more_missing], all_failed, runs)
    write_sections(output, shown)
    return {
        "report": str(report),
        "figures": [str(f) for f in figures],
        "points": len(points),
        "missing": len(missing),
        "blown_up": len(failed),
        "quick": extent.quick,
        "claims": [c._asdict() for c in claims],
        "goals": [g._asdict() for g in goals],
    }


_SHOWN = 10


def _draw(study: Study, results: Results, folder: Path) -> list[Path]:
    figure = new_figure()
    study.draw(figure, results)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{study.name}-{results.case}{suffix}" for suffix in FORMATS]
    for path in paths:
        save_figure(figure, path)
    return paths
