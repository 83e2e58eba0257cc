"""The report of a verification in Markdown."""

from collections.abc import Sequence
from pathlib import Path

from ... import checks
from ...display.tables import Table
from ...storage.provenance import described
from .smoothing import sentences

_STATEMENTS = {
    "5.1": "forward network, weights fixed: for each layer l and neuron i, sup over [0, T] of "
    "|x_i^l(t; eps) - x_i^l(t)| <= eps Theta, with a finite random Theta "
    "(public text of S. Kang and J. Kim, arXiv:2410.11919)",
    "5.2": "the same for the backward and update networks, learning on and inputs switching (our reconstruction)",
}


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
