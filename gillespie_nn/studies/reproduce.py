"""From studies and cases to files, figures and a report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import checks
from ..checks import InputError
from ..display.figures import new_figure, save_figure
from .base import Extent, Results, Study
from .report import adjusted, counted, write_report
from .runner import carry_out, read_all, unique

POINTS, FIGURES, REPORT = "points", "figures", "report.md"
FORMATS = (".png", ".svg")
TIME_LIMIT, QUICK_TIME_LIMIT = 3600.0, 60.0


def reproduce(
    studies: Sequence[type[Study]], cases: Sequence[str], extent: Extent, output: str | Path, *,
    workers: int | None = None, time_limit: float | None = None, redraw: bool = False, command: str = "",
    progress: bool | None = None, say: Callable[[str], object] = print,
) -> dict:  # fmt: skip
    """Carry out `studies` on `cases`, draw them into `output` and write the report there.

    Parameters
    ----------
    studies : `Study` classes; those that make no sense for a case leave it out.
    cases : names of datasets.
    extent : an `Extent`.
    output : folder: `points/` has a file for each point, `figures/` a PNG and an SVG for each study and case, and
        `report.md` the tables, the verdicts and where all this came from.
    workers, time_limit [s], progress, say : as of `runner.carry_out`; by default an hour a point, or a minute.
    redraw : simulate nothing: draw what there is, and say what is missing.
    command : what the report gives as the command that made it.

    Returns
    -------
    A dictionary: `report`, `figures`, `points`, `missing`, `blown_up`, `claims` (the findings), `goals`, `quick`.

    Raises
    ------
    InputError : nothing to do, or nothing to redraw. MissingExtraError : no matplotlib. UnfinishedError : see `runner`.
    """
    checks.optional("matplotlib", "plot", "drawing the figures of the case studies")
    output = checks.path_of("output", output, f"output must be the path of a folder, got {output!r}")
    jobs = [(study(), case) for case in cases for study in studies if case in study.cases]
    if not jobs:
        names = ", ".join(s.name for s in studies)
        raise InputError(f"none of the studies {names} is made for {', '.join(cases)}: see --list")
    points = unique(p for study, case in jobs for p in study.points(case, extent))
    if not redraw:
        limit = (QUICK_TIME_LIMIT if extent.quick else TIME_LIMIT) if time_limit is None else time_limit
        carry_out(points, output / POINTS, workers, checks.positive("time limit", limit, "s"), progress, say)
    records, failed, missing = read_all(points, output / POINTS)
    if not records:
        raise InputError(
            f"none of the {len(points)} points of these studies is in {output / POINTS}: "
            + ("run the command without --redraw first" if redraw else "all blew up; see the files *.failed there")
        )
    for point in missing[:_SHOWN]:
        say(f"missing: {point.stem}")
    if missing:
        say(f"{len(missing)} of {len(points)} points are missing; the same command without --redraw makes them")
    sections, findings, goals, figures = [], [], [], []
    for study, case in jobs:
        results = Results(case, extent, records, failed, study.measure)
        own = unique(study.points(case, extent))
        if not any(p.stem in records for p in own):
            say(f"{study.name}, {case}: nothing to draw")
            continue
        drawn = _draw(study, results, output / FIGURES)
        figures += drawn
        sections.append((study, case, drawn[0], study.tables(results), counted(own, records, failed)))
        findings += study.findings(results)
        goals += study.goals(results)
    claims = adjusted(findings)
    report = output / REPORT
    write_report(report, sections, claims, goals, records, missing, failed, extent, command)
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
