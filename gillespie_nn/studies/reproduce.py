"""From studies and cases to files, figures and a report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import checks
from ..checks import InputError
from ..display.figures import new_figure, save_figure
from ..display.words import counted
from .base import Extent, Results, Study
from .report import adjusted, points_found, write_report
from .runner import carry_out, read_all, unique
from .sections import Section, read_sections, write_sections

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
