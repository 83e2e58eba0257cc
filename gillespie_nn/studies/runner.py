"""Execution of studies: points in worker processes, figures, and a report that keeps earlier studies of its folder."""

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
from .study import Extent, Goal, Study, StudyFinding, StudyResults

# The content of a report: studies and cases with their extents. It is stored in `studies.json`, so that studies that
# are executed later are added to the report and do not replace it.

FILE = "studies.json"


class Section(NamedTuple):
    """A study of a case at an extent, and the command that asked for it."""

    study: Study
    case: str
    extent: Extent
    command: str

    def points(self) -> list[Point]:
        return self.study.points(self.case, self.extent)


def read_sections(folder: Path, known: Iterable[type[Study]], without: Sequence[Section]) -> list[Section]:
    """The sections of the report of `folder`, except studies and cases in `without`. Raises InputError for a damaged
    file."""
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
    """Store the sections of the report."""
    rows = [{"study": s.study.name, "case": s.case, "extent": list(s.extent), "command": s.command} for s in sections]
    checks.write_text(folder / FILE, json.dumps(rows, indent=1) + "\n")


# The report in Markdown: goals, verdicts on the claims, figures, tables and provenance.


class Claim(NamedTuple):
    """The test of a claim in a regime: the mean paired difference with its single 95 % interval, the p-value, and the
    p-value adjusted by Holm over all regimes of the claim."""

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


def adjusted(findings: Sequence[StudyFinding]) -> list[Claim]:
    """The tests of all findings, with p-values adjusted over the findings of the same claim."""
    claims = []
    for claim in dict.fromkeys(f.claim for f in findings):
        regimes = [f for f in findings if f.claim == claim]
        tests = [paired(f.differences) for f in regimes]
        for finding, (e, p), corrected in zip(regimes, tests, holm([p for _, p in tests])):
            claims.append(
                Claim(
                    claim, finding.case, finding.regime, finding.unit, e.mean, e.low, e.high, e.n, p, float(corrected),
                    Verdict.of(corrected <= LEVEL and e.mean > 0, corrected <= LEVEL and not e.mean > 0),
                )
            )  # fmt: skip
    return claims


def points_available(points: Sequence[Point], records: dict[str, Record], failed: dict[str, str]) -> str:
    """The number of points that exist and that blew up, in words."""
    n = sum(p.stem in records for p in points)
    blown = sum(p.stem in failed for p in points)
    return f"{n} of {counted(len(points), 'point')}" + (f", {blown} diverged" if blown else "")


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
    """Write the report. `sections` are (study, case, figure, tables, available points in words), `runs` their extents
    and commands."""
    lines = ["# Case studies", ""]
    if any(extent.quick for extent, _ in runs):
        lines += ["**This is a quick run with few seeds and short runs. It contains no results.**", ""]
    lines += [
        "Means are over seeds, which differ in split, start and order of samples. They have 95 % intervals: Student's "
        "t for differences, Student's t of the logarithm for an RMSE, and Wilson's score for an accuracy. Scores are "
        "on the test set. They are computed in floating point from the weights of the molecules, averaged over the "
        "last 100 presentations; under noise in inference, by simulation of the forward network. The chemistry and "
        "all settings are our reconstruction, see the README.",
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
        f"of a claim: *{Verdict.HOLDS}* or *{Verdict.FAILS}* (the reverse is significant) where the adjusted p is at "
        f"most {LEVEL:g}, else *{Verdict.INCONCLUSIVE}*. "
        "Intervals are single ones. A pair is left out if one of its runs diverged; then there are fewer seeds.", "",
    ]  # fmt: skip
    for claim in dict.fromkeys(c.claim for c in claims):
        regimes = [c for c in claims if c.claim == claim]
        tally = Counter(c.verdict for c in regimes)
        tallies = ", ".join(f"{v} in {tally[v]}" for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE))
        lines += [f"**{claim}**: of {len(regimes)} regimes, {tallies}.", ""]
        rows = [
            (
                c.case, c.regime, f"{Estimate(c.mean, c.low, c.high, c.n)} {c.unit}", str(c.n),
                f"{c.adjusted_p:.2g}", f"**{c.verdict}**" if c.verdict != Verdict.INCONCLUSIVE else c.verdict,
            )
            for c in regimes
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
        f"- points: {len(records)} in files, {len(missing)} missing, {len(failed)} diverged",
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


# Worker processes execute points, each into a file. Finished points are skipped, interrupted ones are continued, and
# the files are the same for any number of workers.

_ADVICE = "run the same command with fewer --workers; finished points are not repeated"
_compiled: set[tuple[str, bool]] = set()
"""Kernels that this process has compiled or loaded, see `Point.kernels`."""


class TakesTooLong(UnfinishedError):
    """A point exceeded its time limit. Counts that run away make steps ever shorter."""


def unique(points: Iterable[Point]) -> list:
    """Each point once, in the order given, after the points that it needs."""
    by_stem: dict[str, Point] = {}
    for point in points:
        for needed in (*point.needs, point):
            by_stem.setdefault(needed.stem, needed)
    return list(by_stem.values())


def read_all(points: Iterable[Point], folder: str | Path) -> tuple[dict, dict, list]:
    """(records by stem, reasons by stem of points that blew up, missing points), from the files alone."""
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


def execute(
    points: Sequence[Point],
    folder: str | Path,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: bool | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Execute the missing ones of `points`, into files in `folder`.

    Parameters
    ----------
    workers : number of processes, by default the number of cores. With 1, this process executes the points.
    time_limit : wall time [s] after which a point counts as blown up; None: no limit. A file next to that of the point
        records the limit, and the point is tried again under a larger one.
    progress : show progress; None: on a terminal and in a notebook.
    say : receives a line about each point that blew up.

    Raises
    ------
    UnfinishedError : the disk is full, or a worker was killed. On KeyboardInterrupt workers are ended at once; the next
    call continues their files.
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
        # Workers see an empty cache, too; without this line the bar would stand still at first.
        if not cached_kernels():
            bar.update(0, "first, every process compiles the kernels, which takes up to a minute")
        for stage in _stages(todo):
            work = partial(one, folder=folder, time_limit=time_limit)
            for point, blown in spread(work, stage, min(workers, len(stage)), _ADVICE):
                done += 1
                if blown is not None:
                    say(f"{point.stem}: {blown}")
                bar.update(done, f"{len(todo) - done} points left")


def _stages(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Points that need no others, then points that need those."""
    for stage in ([p for p in points if not p.needs], [p for p in points if p.needs]):
        if stage:
            yield stage


def one(point: Point, folder: str | Path, time_limit: float | None = None) -> str | None:
    """Execute one point. Returns a sentence if it cannot be finished, which is also stored next to its file."""
    if any(_note(p, folder) is not None for p in point.needs):
        return "a point that it needs diverged"
    # Compiling takes a minute or more, which must not count towards the time limit.
    if point.kernels not in _compiled:
        compile_kernels(*point.kernels)
        _compiled.add(point.kernels)
    try:
        with _alarm(time_limit):
            point.execute(folder)
    # A full disk is no property of the point, so it is not recorded as blown up.
    except StorageError:
        raise
    except UnfinishedError as error:
        limit = time_limit if isinstance(error, TakesTooLong) else None
        checks.write_text(_note_path(point, folder), f"{'' if limit is None else f'{limit:g}'}\n{error}\n")
        return str(error)
    return None


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Raise TakesTooLong in the body after so many seconds, if this thread can receive signals."""
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
    """Why a point could not be finished; None if there is no note about it."""
    path = _note_path(point, folder)
    return checks.printable(checks.read_text(path).partition("\n")[2].strip()) if path.is_file() else None


def _forget_shorter_limits(points: Sequence[Point], folder: str | Path, time_limit: float | None) -> None:
    """Delete the notes of points whose time limit was shorter than now, so that they are tried again."""
    for point in unique(points):
        path = _note_path(point, folder)
        if path.is_file():
            limit = checks.read_text(path).partition("\n")[0]
            if limit and (time_limit is None or float(limit) < time_limit):
                path.unlink()


# From studies and cases to points, figures and a report.

POINTS, FIGURES, REPORT = "points", "figures", "report.md"
FORMATS = (".png", ".svg")
TIME_LIMIT, QUICK_TIME_LIMIT = 3600.0, 60.0
"""Wall time of a point [s]."""
_SHOWN = 10
"""Missing points that are listed by name."""


def reproduce(
    studies: Sequence[type[Study]], cases: Sequence[str], extent: Extent, output: str | Path, *,
    workers: int | None = None, time_limit: float | None = None, redraw: bool = False, command: str = "",
    progress: bool | None = None, say: Callable[[str], object] = print, known: Sequence[type[Study]] = (),
) -> dict:  # fmt: skip
    """Execute `studies` on `cases`, draw their figures into `output` and write the report there.

    Studies that are already in the report stay in it.

    Parameters
    ----------
    studies : `Study` classes. A study skips cases that it does not apply to.
    cases : names of datasets.
    extent : an `Extent`.
    output : folder: `points/` has a file for each point, and `figures/` a PNG and an SVG for each study and case;
        `studies.json` lists the content of the report, and `report.md` has tables, verdicts and provenance.
    workers, time_limit [s], progress, say : as in `runner.execute`. The default limit is an hour for a point, or a
        minute in a quick run.
    redraw : simulate nothing; draw the stored points and list the missing ones.
    command : the command line to state in the report.
    known : all studies that the report may already contain.

    Returns
    -------
    A dictionary: `report`, `figures`, `claims` (the findings) and `goals` of all that is in the report; `points`,
    `missing`, `blown_up` and `quick` of this call.

    Raises
    ------
    InputError : nothing to do, or nothing to redraw. MissingExtraError : no matplotlib. UnfinishedError : as in
    `runner.execute`.
    """
    checks.optional("matplotlib", "plot", "drawing the figures of the case studies")
    output = checks.path_of("output", output, f"output must be a folder path, got {output!r}")
    asked = [Section(study(), case, extent, command) for case in cases for study in studies if case in study.cases]
    if not asked:
        names = ", ".join(s.name for s in studies)
        raise InputError(f"no study of {names} applies to {', '.join(cases)}: see --list")
    points = unique(p for section in asked for p in section.points())
    retained = read_sections(output, known, asked)
    if not redraw:
        limit = (QUICK_TIME_LIMIT if extent.quick else TIME_LIMIT) if time_limit is None else time_limit
        execute(points, output / POINTS, workers, checks.positive("time limit", limit, "s"), progress, say)
    records, failed, missing = read_all(points, output / POINTS)
    if not records:
        raise InputError(
            f"none of the {counted(len(points), 'point')} of these studies is in {output / POINTS}: "
            + ("run the command first without --redraw" if redraw else "all diverged; see the files *.failed there")
        )
    for point in missing[:_SHOWN]:
        say(f"missing: {point.stem}")
    if missing:
        say(f"{len(missing)} of {counted(len(points), 'point')} missing; the same command without --redraw makes them")
    # Sections of earlier commands are drawn anew from the files that exist; their missing points are not simulated.
    stems = {p.stem for p in points}
    others = [p for p in unique(p for section in retained for p in section.points()) if p.stem not in stems]
    more_records, more_failed, more_missing = read_all(others, output / POINTS)
    all_records, all_failed = records | more_records, failed | more_failed
    sections, findings, goals, figures, shown = [], [], [], [], []
    for section in (*retained, *asked):
        study, case = section.study, section.case
        results = StudyResults(case, section.extent, all_records, all_failed, study.measure)
        needed = unique(section.points())
        if not any(p.stem in all_records for p in needed):
            say(f"{study.name}, {case}: nothing to draw")
            continue
        shown.append(section)
        drawn = _draw(study, results, output / FIGURES)
        figures += drawn
        sections.append(
            (study, case, drawn[0], study.tables(results), points_available(needed, all_records, all_failed))
        )
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


def _draw(study: Study, results: StudyResults, folder: Path) -> list[Path]:
    figure = new_figure()
    study.draw(figure, results)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{study.name}-{results.case}{suffix}" for suffix in FORMATS]
    for path in paths:
        save_figure(figure, path)
    return paths
