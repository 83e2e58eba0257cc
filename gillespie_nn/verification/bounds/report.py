"""The report of a verification in Markdown."""

import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path

from ... import checks
from ..._version import __version__
from .smoothing import sentences

_LIBRARIES = ("numpy", "scipy", "numba", "h5py")
_STATEMENTS = {
    "5.1": "forward network, weights fixed: for each layer l and neuron i, sup over [0, T] of "
    "|x_i^l(t; eps) - x_i^l(t)| <= eps Theta, with a finite random Theta "
    "(public text of S. Kang and J. Kim, arXiv:2410.11919)",
    "5.2": "the same for the backward and update networks, learning on and inputs switching (our reconstruction)",
}


def write_report(path: Path, found: dict, figures: Sequence[str]) -> None:
    """Write the record `found` of a verdict as Markdown; `figures` are file names in the same folder."""
    lines = [
        f"# Proposition {found['proposition']}: {found['verdict']}", "",
        f"Statement: {_STATEMENTS[found['proposition']]}.", "",
        f"Setting: {found['described']}. Noise: {found['noise']}, seed {found['seed']}.", "",
        f"Looks: {found['looks']} of at most {found['most_looks']}. Paths of each eps: "
        f"{', '.join(str(n) for n in found['paths_of_each_size'])}.", "",
        *(f"Note: {note}." for note in found["notes"]),
        f"Verdict: **{found['verdict']}**: {found['reason']}.", "",
        "| check | verdict | look | result |", "|---|---|---|---|",
        *(f"| {c['name']} | {c['verdict']} | {c['look']} | {_escaped(c['sentence'])} |" for c in found["checks"]), "",
    ]  # fmt: skip
    rows = zip(found["sizes"], *found["theta_quantiles"].values())
    lines += ["Quantiles of Theta over paths, maximum over all quantities [concentration]:", ""]
    lines += ["| eps | " + " | ".join(f"{float(p) * 100:g} %" for p in found["theta_quantiles"]) + " |"]
    lines += ["|" + "---|" * (1 + len(found["theta_quantiles"]))]
    lines += ["| " + " | ".join(f"{v:.4g}" for v in row) + " |" for row in rows] + [""]
    if found.get("smoothing"):
        lines += ["Theta for an activation that becomes sharper, at rest on the kink (medians over paths):", ""]
        lines += [f"- {line}" for line in sentences(found["smoothing"])] + [""]
    lines += [f"![{name}]({name})\n" for name in figures]
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    lines += [
        "Intervals are of single quantities, from a bootstrap over paths. Each end has, at look j, a confidence of "
        f"{', '.join(f'{100 * c:.4g}' for c in found['confidences'])} %, so that all looks together have 95 %.", "",
        f"- command: `{found['command']}`", f"- results of every path: `{found['output']}`",
        f"- gillespie-nn {__version__}, Python {platform.python_version()}, {libraries}", "",
    ]  # fmt: skip
    checks.write_text(path, "\n".join(lines))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
