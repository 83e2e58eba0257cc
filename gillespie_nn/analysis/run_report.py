"""What to cite: the software, and the publications behind methods, activations and noises, which name their own."""

import json
from collections.abc import Iterable
from typing import Any

from .._version import __version__
from ..activations import ACTIVATIONS
from ..checks import InputError
from ..display.figures import new_figure
from ..display.tables import Page, Table
from ..nn.chemistries import CHEMISTRIES
from ..noise import KINDS
from ..simulation import METHODS, ONLY_TRAINING
from ..storage import MomentsRun, Run
from ..storage.schema import TRAINING
from ..storage.stored_run import described
from ..storage.values import understood
from .analysis import Ask
from .registry import ANALYSES
from .summary import summary

SOFTWARE = f"The gillespie-nn developers, gillespie-nn, version {__version__}, software, MIT licence"


def citations() -> dict[str, list[str]]:
    """All references, by subject."""
    found = {"gillespie-nn": [SOFTWARE]}
    every: tuple[Any, ...] = (*CHEMISTRIES, *METHODS, *ONLY_TRAINING, *ACTIVATIONS, *KINDS)
    return found | {each.name: _split(each) for each in every if each.reference}


def citations_of(run: Run | MomentsRun) -> dict[str, list[str]]:
    """References for what `run`, a `Run` or a `MomentsRun`, used, by subject."""
    used = {"gillespie-nn", run.method}
    with understood(run.path):
        asked = run.provenance["parameters"]
        if run.kind == TRAINING:
            settings = asked.get("settings", {})
            used |= {settings.get("chemistry", CHEMISTRIES[0].name)}
            used |= {settings.get("activation"), settings.get("output_activation")}
        used |= {noise["kind"] for noise in (*asked.get("noise", []), *asked.get("predict_noise", []))}
    return {name: references for name, references in citations().items() if name in used}


def citations_text(found: dict[str, list[str]]) -> str:
    """The references `found` by `citations` as text, one line for each publication."""
    lines = [f"  {name}: {reference}" for name, references in found.items() for reference in references]
    return "\n".join(["please cite:", *lines])


def _split(each: Any) -> list[str]:
    return each.reference.split("; ")


# The report of a run: one HTML file with what the run was, figures, tables and where it came from.

_MOST_TEXT = 100_000
"""Characters of a model that are shown."""
_LABELS = {
    "file": "file", "kind": "kind", "method": "method", "seed": "seed", "volume": "volume Omega",
    "n_species": "species", "n_reactions": "reactions", "replicates": "replicates", "committed": "replicates committed",
    "complete": "replicates that reached the end", "points": "recorded points", "events": "reactions fired",
    "seconds": "wall time [s]", "layers": "layers", "task": "task", "presentations": "presentations",
    "accuracy": "accuracy", "rmse": "RMSE [concentration]",
    "accuracy_gradient_descent": "accuracy of float gradient descent",
    "rmse_gradient_descent": "RMSE of float gradient descent [concentration]",
}  # fmt: skip


def report(run: Run | MomentsRun, ask: Ask | None = None) -> tuple[str, list[str]]:
    """The HTML text of an open run's report, and the names of the analyses in it. Needs matplotlib.

    Every analysis that applies to the run is in it. Raises InputError for a run without data."""
    new_figure()  # says at once that matplotlib is missing
    ask = ask or Ask()
    findings = {a.name: a.find(run, ask) for a in ANALYSES if a.in_report and a.applies(run)}
    if not findings:
        raise InputError("no analysis applies to this run, so there is nothing to report")
    found = summary(run)
    title = f"training of {run.case}" if isinstance(run, Run) and run.kind == "training" else run.kind
    page = Page(f"{run.path.name}: {title}")
    _summary(page, run, found)
    for finding in findings.values():
        page.heading(finding.title[0].upper() + finding.title[1:])
        figure = new_figure()
        finding.draw(figure)
        page.figure(figure, f"{finding.title}; {run.method}, Omega = {run.volume:g}, seed {run.seed}")
        for table in finding.tables:
            page.table(table)
        for note in finding.notes:
            page.note(note)
    _provenance(page, run)
    _model(page, run)
    return page.text(), list(findings)


def _summary(page: Page, run: Run | MomentsRun, found: dict) -> None:
    found = found | {"file": run.path.name}
    rows = [(label, _said(found[key])) for key, label in _LABELS.items() if found.get(key) is not None]
    rows.append(("how replicates ended", ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in found["status"].items())))
    if run.method_reason:
        rows.insert(3, ("reason for the method", run.method_reason))
    page.table(Table("", ("", ""), rows))
    if not found["committed"]:
        page.note("the run has not ended; the report shows what is recorded so far")
    if "outputs" in found:
        outputs = [tuple(map(_row, row)) for row in zip(found["inputs"], found["targets"], found["outputs"])]
        page.table(Table("outputs of the final weights [concentration]", ("input", "target", "output"), outputs))


def _provenance(page: Page, run: Run | MomentsRun) -> None:
    page.heading("Provenance")
    record = run.provenance
    rows = [
        *described(record),
        ("file format", ".".join(map(str, run.version)) if hasattr(run, "version") else "moments"),
        ("SHA-256 of the model", run.model.digest),
    ]
    page.table(Table("", ("", ""), rows))
    page.folded("all parameters", json.dumps(record.get("parameters", {}), indent=1))


def _model(page: Page, run: Run | MomentsRun) -> None:
    page.heading("Model")
    page.paragraph(f"{len(run.model.species)} species, {len(run.model.reactions)} reactions.")
    text = run.model.to_text()
    cut = f"\n... ({len(text)} characters in all)" if len(text) > _MOST_TEXT else ""
    page.folded("reactions and initial counts, before overrides", text[:_MOST_TEXT] + cut)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _row(values: Iterable[float]) -> str:
    return ", ".join(f"{v:.4g}" for v in values)
