"""Where an ensemble stands at the last recorded time, for people: the quantities that moved most, and what the method
says about its own steps, in plain words.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._version import __version__
from ..activations import ACTIVATIONS
from ..checks import InputError, printable
from ..display.curves import asked_for, ranked, with_rate_rules
from ..display.figures import new_figure
from ..display.tables import Page, Table, cell, counted, estimate
from ..nn.chemistries import CHEMISTRIES
from ..noise import KINDS
from ..simulation import METHODS, ONLY_TRAINING, MomentsResult, Result, final_values
from ..statistics.intervals import student
from ..status import Status
from ..storage import MomentsRun, Run
from ..storage.hdf5 import is_locked
from ..storage.provenance import described
from ..storage.schema import TRAINING
from ..storage.values import understood
from .analysis import Ask
from .registry import ANALYSES

MOST = 10
"""Quantities that are shown."""
_PLAIN = {
    "steps": "steps",
    "derivative_evaluations": "evaluations of the rate equations",
    "jacobian_evaluations": "evaluations of their Jacobian",
    "covariance_steps": "steps of the covariance",
    "leaps": "leaps",
    "exact_steps": "single reactions between leaps",
    "time_leapt": "seconds of model time passed in leaps",
    "firings_cut_off": "firings cut off so that no count fell below 0",
    "held_share": "as the fraction of firings put off to a later step so that no amount fell below 0",
}
"""Statistics of methods that say something to somebody who does not know the code."""


class FinalState(NamedTuple):
    """Quantities at the last recorded time, over the `n` replicates that reached it; arrays are float64[quantity]."""

    names: tuple[str, ...]
    n: int
    mean: np.ndarray
    deviation: np.ndarray
    """Standard deviation: of the replicates, or of the law that `linear_noise` works out; NaN if unknown."""
    error: np.ndarray
    """Standard error of the mean; NaN if unknown."""
    moved: np.ndarray
    """Distance from the first recorded value, as a root mean square over replicates."""
    asked: tuple[str, ...] | None = None
    """Names of the quantities to show, of which the table has those that moved most; None for all."""
    observables: tuple[str, ...] = ()
    """Names of rules and parameters, which are not in the units of species."""
    first: tuple[str, ...] = ()
    """Names of variables of rate rules, which come first: there are few of them, and they drive the rest."""

    @property
    def shown(self) -> list[int]:
        """Numbers of the quantities in `table`, in order of its rows."""
        places = [k for k, name in enumerate(self.names) if self.asked is None or name in self.asked]
        names = [self.names[k] for k in places]
        return [places[k] for k in ranked(names, self.moved[places], self.first, MOST)]

    def table(self, time: float, units: str) -> Table:
        """The variables of rate rules and the quantities that moved most, with 95 % intervals by Student's t. Columns
        that would be empty are left out."""
        shown = self.shown
        n_asked = len(self.names if self.asked is None else self.asked)
        few = f", the {len(shown)} of {n_asked} quantities that moved most" if len(shown) < n_asked else ""
        n_first = len({*self.first} & {*(self.names if self.asked is None else self.asked)})
        if few and n_first > len(shown):
            few = f", the {len(shown)} of {n_first} variables of rate rules that moved most"
        elif few and n_first:
            few = (
                f", {counted(n_first, 'variable')} of rate rules and the {len(shown) - n_first} of {n_asked - n_first} "
                "other quantities that moved most"
            )
        half = self.error * student(0.05, self.n)
        intervals, spreads = np.isfinite(half[shown]).any(), np.isfinite(self.deviation[shown]).any()
        width = max([len("quantity"), *(len(self.names[k]) for k in shown)])  # names stand to the left
        columns = ["quantity".ljust(width), "mean [95 % interval]" if intervals else "value" if self.n == 1 else "mean"]
        rows = []
        for k in shown:
            known = estimate(self.mean[k], self.mean[k] - half[k], self.mean[k] + half[k])
            value = known if half[k] > 0 else cell(self.mean[k])
            rows.append((self.names[k].ljust(width), value, *([f"{self.deviation[k]:.3g}"] if spreads else [])))
        # Rules and parameters have units of their own.
        of_species = [self.names[k] not in self.observables for k in shown]
        unit = f" [{units}]" if all(of_species) else f" [species: {units}]" if any(of_species) else ""
        return Table(f"at t = {time:g} s{few}{unit}:", (*columns, *(["standard deviation"] if spreads else [])), rows)


def final_state(result: Result | Run | MomentsResult | MomentsRun) -> FinalState | None:
    """None if no replicate has reached the end."""
    about: dict[str, Any] = {
        "asked": asked_for(result), "first": with_rate_rules(result),
        "observables": tuple(name for name in result.quantities if name not in result.model.index),
    }  # fmt: skip
    if isinstance(result, MomentsResult):
        return _of_moments(result, about)
    names, final = final_values(result)
    n = len(final)
    if not n:
        return None
    start = np.full(len(names), np.nan)
    start[: len(result.species)] = np.ma.filled(np.ma.mean(result.counts[:, 0, :], axis=0), np.nan)
    for k, name in enumerate(result.observable_names):
        start[names.index(name)] = np.mean(result.observables[:, 0, k])
    mean, unknown = final.mean(axis=0), np.full(len(names), np.nan)
    deviation = final.std(axis=0, ddof=1) if n > 1 else unknown
    moved = _distance(mean - start, deviation)
    error = deviation / np.sqrt(n)
    if n == 1 and result.covariance.shape[0]:
        deviation = unknown.copy()
        of_law = np.sqrt(np.diagonal(result.covariance[0, -1]))
        deviation[: len(of_law)] = of_law
    return FinalState(names, n, mean, deviation, error, moved, **about)


def _of_moments(result: MomentsResult, about: Mapping[str, Any]) -> FinalState | None:
    n = int(result.n[-1].min(initial=result.n_done))
    if not n:
        return None
    mean, deviation = result.mean()[-1], result.std()[-1]
    return FinalState(
        tuple(result.quantities), n, mean, deviation, result.standard_error()[-1],
        _distance(mean - result.mean()[0], deviation), **about,
    )  # fmt: skip


def said_of_method(statistics: Mapping[str, Any], n: int) -> str:
    """What the method says about its steps, in a line; nothing if there is nothing to say."""
    known = [(words, float(np.mean(statistics[name]))) for name, words in _PLAIN.items() if name in statistics]
    parts = [f"{value:.4g} {words}" for words, value in known if value]
    least = float(np.min(statistics.get("least_concentration", 0.0), initial=0.0))
    if least < 0:
        parts.append(f"least concentration {least:.2g}, below 0 within the tolerance")
    return (f"{'mean of a replicate' if n > 1 else 'work'}: " + ", ".join(parts)) if parts else ""


def fired(n_events: int) -> str:
    """How many reactions fired."""
    return f", {_number(n_events)} fired"


def _number(n_events: int) -> str:
    return counted(n_events, "reaction") if n_events < 100_000 else f"{n_events:.4g} reactions"


def _distance(drift: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return np.hypot(np.nan_to_num(drift), np.nan_to_num(deviation))


# A run file in numbers: a dictionary for machines, and the same as text for people.


def summary(run: Run | MomentsRun) -> dict:
    """The content of a run or moments file as plain values, with means over committed replicates at the end."""
    if isinstance(run, MomentsRun):
        found = {
            "species": list(run.quantities), "mean": run.mean()[-1].tolist(),
            "standard_deviation": run.std()[-1].tolist(),
            "standard_error": run.standard_error()[-1].tolist(),
            "committed": run.n_done, "complete": sum(n for status, n in run.statuses.items() if status.complete),
            "events": run.n_events, "status": {status.name.lower(): n for status, n in run.statuses.items()},
        }  # fmt: skip
    else:
        status = Counter(Status(int(s)).name.lower() for s in run.status)
        n_committed = int(run.committed.sum())
        found = {"committed": n_committed, "events": int(run.n_events.sum()), "status": dict(status)}
    seconds = run.provenance["seconds"]
    found = {
        "file": str(run.path), "kind": run.kind, "method": run.method, "seed": run.seed, "volume": run.volume,
        "n_species": len(run.model.species), "n_reactions": len(run.model.reactions), "replicates": run.n_planned,
        "points": len(run.time), "units": run.units, "ended": run.ended, "has_firings": run._has_firings,
        "seconds": seconds if np.isfinite(seconds) else None, "started": run.provenance.get("started"),
        "written": not run.ended and is_locked(run.path), **found,
    }  # fmt: skip
    return found | (_of_training(run) if isinstance(run, Run) and run.kind == "training" else _of_ensemble(run))


def _of_training(run: Run) -> dict:
    record = run.training
    found = {
        "replicates": 1, "layers": list(record.layers), "task": record.task, "presentations": record.n_presented,
        "planned": len(record.presentations),
    }  # fmt: skip
    # Scores that a file's version did not have, or its run did not ask for, are not shown.
    found |= {n: s for n, s in record.scores.items() if np.isfinite(s) or not n.endswith(("_best", "_chemical"))}
    if len(record.targets) <= 16:
        found |= {name: record[name].tolist() for name in ("inputs", "targets", "outputs")}
    return found


def _of_ensemble(run: Run | MomentsRun) -> dict:
    statistics = {name: float(np.mean(values)) for name, values in run.statistics.items() if np.size(values)}
    found = {"t_end": float(run.time[-1]), "statistics": statistics}
    state = final_state(run)
    if state is None:
        return found | {"complete": 0}
    found |= {
        "asked": list(state.asked or state.names), "observables": list(state.observables),
        "rate_rules": list(state.first),
    }  # fmt: skip
    if isinstance(run, MomentsRun):
        return found | {"moved": state.moved.tolist()}
    return found | {
        "complete": state.n,
        "species": list(state.names),
        "mean": state.mean.tolist(),
        "standard_deviation": state.deviation.tolist() if np.isfinite(state.deviation).any() else None,
        "standard_error": state.error.tolist() if state.n > 1 else None,
        "moved": state.moved.tolist(),
    }


def summary_text(found: dict, species: Sequence[str] = ()) -> str:
    """The values `found` by `summary` as text. Intervals of means are Student's t intervals. The table shows the
    quantities named in `species`; if none, those that the run was asked for."""
    training = found["kind"] == "training"
    done, planned = found["committed"], found["replicates"]
    replicates = "" if training else f", {done} of {counted(planned, 'replicate')} done"
    # A training run that has not ended has not counted its reactions.
    counts = found.get("has_firings", found["units"] == "molecules") and (done or not training)
    n_fired = fired(found["events"]) if counts else ""
    lines = [
        f"{printable(found['file'])}: {found['kind']} run{replicates}",
        f"{found['n_species']} species, {counted(found['n_reactions'], 'reaction')}; method {found['method']}, "
        f"Omega = {found['volume']:g}, seed {found['seed']}",
        f"{counted(found['points'], 'recorded point')}{n_fired}{_took(found)}",
    ]
    return "\n".join(lines + (_training_lines(found) if training else _ensemble_lines(found, species)))


def _took(found: dict) -> str:
    """How long the run took, or how far it is."""
    seconds = None if found["seconds"] is None else f"{found['seconds']:.1f} s"
    if found.get("ended", True):
        return "" if seconds is None else f", {seconds} in all"
    started = found["started"] or "an unknown time"
    if found["written"]:
        return f"; running since {started}"
    return f"; interrupted after {seconds}" if seconds else f"; started {started}, killed before the end"


def _training_lines(found: dict) -> list[str]:
    if not found["committed"]:
        return [f"{counted(found['presentations'], 'presentation')} of {found['planned']} are recorded so far"]
    lines = [f"{'-'.join(map(str, found['layers']))} network after {counted(found['presentations'], 'presentation')}"]
    for score, name in (("accuracy", "accuracy"), ("rmse", "RMSE")):
        if np.isfinite(found[score]):
            lines.append(
                f"{name} {found[score]:.4f} (before training {found[score + '_before']:.4f}, "
                f"float gradient descent {found[score + '_gradient_descent']:.4f})"
            )
    for x, t, y in zip(found.get("inputs", ()), found.get("targets", ()), found.get("outputs", ())):
        lines.append(f"input {_summary_row(x)}  target {_summary_row(t)}  output {_summary_row(y, '.3f')}")
    return lines


def _ensemble_lines(found: dict, species: Sequence[str]) -> list[str]:
    if not found["complete"]:
        return _early(found) or ["no replicate has reached the end yet"]
    lines = [f"{counted(found['complete'], 'replicate')} reached the end", *_early(found)]
    n = len(found["species"])
    deviation, error, moved = (
        np.full(n, np.nan) if found.get(name) is None else np.array(found[name], dtype=float)
        for name in ("standard_deviation", "standard_error", "moved")
    )
    state = FinalState(
        tuple(found["species"]), found["complete"], np.array(found["mean"]), deviation, error, moved,
        tuple(species or found.get("asked", found["species"])), tuple(found.get("observables", ())),
        tuple(found.get("rate_rules", ())),
    )  # fmt: skip
    lines.append(state.table(found["t_end"], found["units"]).text())
    work = said_of_method(found["statistics"], found["complete"])
    return lines + ([work] if work else [])


def _early(found: dict) -> list[str]:
    """A line for each reason for which replicates stopped before the end."""
    ends = {Status[name.upper()]: n for name, n in found["status"].items() if n}
    return [f"{counted(n, 'replicate')} {status}" for status, n in sorted(ends.items()) if not status.complete]


def _summary_row(values: Iterable[float], form: str = "g") -> str:
    return " ".join(format(v, form) for v in values)


# What to cite: the software, and the publications behind methods, activations and noises, which name their own.

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
