"""The report in Markdown: tables, figures, verdicts on the claims, goals, and where it all came from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .. import checks
from ..display.tables import Table
from ..display.words import counted
from ..statistics.intervals import LEVEL, Estimate
from ..statistics.tests import holm, paired
from ..statistics.verdict import Verdict
from ..storage.provenance import described
from .base import Extent, Finding, Goal
from .points import Point, Record


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
