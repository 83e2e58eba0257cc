"""The summary of a run, its report, what to cite, and the registry of analyses."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._version import __version__
from ..activations import ACTIVATIONS
from ..checks import InputError, printable
from ..display.curves import asked_for, ranked, signs_of, variance_of_law, with_rate_rules
from ..display.figures import new_figure
from ..display.tables import Page, Table, cell, counted, estimate
from ..nn.chemistries import CHEMISTRIES
from ..nn.settings import FromOutsideError
from ..noise import KINDS
from ..simulation import METHODS, ONLY_TRAINING, MomentsResult, Result, final_values
from ..statistics.intervals import student
from ..status import Status
from ..storage import MomentsRun, Run
from ..storage.hdf5 import is_locked
from ..storage.provenance import described
from ..storage.schema import TRAINING
from ..storage.values import understood
from .analysis import Analysis, AnyRun, Ask, Finding
from .correlation import AutocorrelationAnalysis, SpectrumAnalysis
from .histograms import HistogramAnalysis, StationaryAnalysis
from .means import MeansAnalysis
from .passage import PassageAnalysis
from .rails import RailsAnalysis
from .training_course import LearningAnalysis, TrajectoriesAnalysis
from .two_runs import CompareAnalysis

ANALYSES: tuple[type[Analysis], ...] = (
    LearningAnalysis,
    TrajectoriesAnalysis,
    MeansAnalysis,
    HistogramAnalysis,
    StationaryAnalysis,
    AutocorrelationAnalysis,
    SpectrumAnalysis,
    PassageAnalysis,
    RailsAnalysis,
    CompareAnalysis,
)
"""All analyses, in the order of reports; `--what` takes their names."""


def overview(run: AnyRun, ask: Ask | None = None) -> Finding:
    """The default analysis of a run: learning of a training run, means and quantiles of any other.

    `ask` selects what is shown."""
    chosen: type[Analysis] = LearningAnalysis if LearningAnalysis.applies(run) else MeansAnalysis
    return chosen.find(run, ask or Ask())


def draw(run: AnyRun, path: str | Path) -> None:
    """Draw the overview of a run to `path`. Needs matplotlib. Raises InputError for a run without data."""
    overview(run).save(path)


# What a run was and what came of it: the final state, a summary of its file, what to cite, and the HTML report.

# The final state: quantities at the last recorded time, and the work of the method in plain words.

MOST = 10
"""Quantities in a table of the final state."""
_PLAIN = {
    "steps": "steps",
    "derivative_evaluations": "evaluations of the rate equations",
    "jacobian_evaluations": "evaluations of their Jacobian",
    "covariance_steps": "steps of the covariance",
    "leaps": "leaps",
    "exact_steps": "single reactions between leaps",
    "time_leapt": "seconds of simulated time covered by leaps",
    "firings_cut_off": "firings left out so that no count fell below 0",
    "held_share": "as the fraction of firings delayed to a later step so that no amount fell below 0",
}
"""Statistics of methods that are clear without knowledge of the code, in words."""


class FinalState(NamedTuple):
    """Quantities at the last recorded time, over the `n` replicates that reached it; arrays are float64[quantity]."""

    names: tuple[str, ...]
    n: int
    mean: np.ndarray
    deviation: np.ndarray
    """Standard deviation of the replicates, or of the law that `linear_noise` computes; NaN if unknown."""
    error: np.ndarray
    """Standard error of the mean; NaN if unknown."""
    moved: np.ndarray
    """Root mean square, over replicates, of the distance from the first recorded value."""
    asked: tuple[str, ...] | None = None
    """Names of the quantities to show; None for all. The table has those of them that changed most."""
    observables: tuple[str, ...] = ()
    """Names of rules and parameters, which are not in the units of species."""
    first: tuple[str, ...] = ()
    """Names of variables of rate rules. They come first, because they are few and drive the rest."""

    @property
    def shown(self) -> list[int]:
        """Indices of the quantities in `table`, in the order of its rows."""
        places = [k for k, name in enumerate(self.names) if self.asked is None or name in self.asked]
        names = [self.names[k] for k in places]
        return [places[k] for k in ranked(names, self.moved[places], self.first, MOST)]

    def table(self, time: float, units: str) -> Table:
        """The variables of rate rules and the quantities that changed most, with 95 % intervals by Student's t. Columns
        that would be empty are left out."""
        shown = self.shown
        n_asked = len(self.names if self.asked is None else self.asked)
        few = f", the {len(shown)} of {n_asked} quantities that changed most" if len(shown) < n_asked else ""
        n_first = len({*self.first} & {*(self.names if self.asked is None else self.asked)})
        if few and n_first > len(shown):
            few = f", the {len(shown)} of {n_first} variables of rate rules that changed most"
        elif few and n_first:
            few = (
                f", {counted(n_first, 'variable')} of rate rules and the {len(shown) - n_first} of {n_asked - n_first} "
                "other quantities that changed most"
            )
        half = self.error * student(0.05, self.n)
        intervals, spreads = np.isfinite(half[shown]).any(), np.isfinite(self.deviation[shown]).any()
        # Padded to one width, because tables align texts to the right.
        width = max([len("quantity"), *(len(self.names[k]) for k in shown)])
        columns = ["quantity".ljust(width), "mean [95 % interval]" if intervals else "value" if self.n == 1 else "mean"]
        rows = []
        for k in shown:
            known = estimate(self.mean[k], self.mean[k] - half[k], self.mean[k] + half[k])
            value = known if half[k] > 0 else cell(self.mean[k])
            rows.append((self.names[k].ljust(width), value, *([f"{self.deviation[k]:.3g}"] if spreads else [])))
        # Only species have the units of the run; those of rules and parameters are unknown.
        of_species = [self.names[k] not in self.observables for k in shown]
        unit = f" [{units}]" if all(of_species) else f" [species: {units}]" if any(of_species) else ""
        return Table(f"at t = {time:g} s{few}{unit}:", (*columns, *(["standard deviation"] if spreads else [])), rows)


def final_state(result: Result | Run | MomentsResult | MomentsRun, signed: Sequence[str] = ()) -> FinalState | None:
    """The final state of a run, with those of its `signed` numbers that are named; None if no replicate has reached the
    end."""
    about: dict[str, Any] = {
        "asked": asked_for(result), "first": with_rate_rules(result),
        "observables": tuple(name for name in result.quantities if name not in result.model.index),
    }  # fmt: skip
    if isinstance(result, MomentsResult):
        return _of_moments(result, about)
    names, final = final_values(result, signed)
    n = len(final)
    if not n:
        return None
    # What has no first value, such as a rule without one, stays NaN: `_distance` then counts the spread alone.
    start = np.full(len(names), np.nan)
    start[: len(result.species)] = np.ma.filled(np.ma.mean(result.counts[:, 0, :], axis=0), np.nan)
    for k, name in enumerate(result.observable_names):
        start[names.index(name)] = np.mean(result.observables[:, 0, k])
    for name in signed:
        start[names.index(name)] = sum(sign * start[names.index(rail)] for rail, sign in signs_of(result, name))
    mean, unknown = final.mean(axis=0), np.full(len(names), np.nan)
    deviation = final.std(axis=0, ddof=1) if n > 1 else unknown
    moved = _distance(mean - start, deviation)
    error = deviation / np.sqrt(n)
    # One run of `linear_noise` has no spread between replicates, but the covariance of the law.
    if n == 1 and result.covariance.shape[0]:
        deviation = unknown.copy()
        of_law = np.sqrt(np.diagonal(result.covariance[0, -1]))
        deviation[: len(of_law)] = of_law
        for name in signed:
            deviation[names.index(name)] = np.sqrt(variance_of_law(result, name)[-1])
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


def steps_text(statistics: Mapping[str, Any], n: int) -> str:
    """The work of the method in one line, from its `statistics`; empty if it reports none. `n` is the number of
    replicates."""
    known = [(words, float(np.mean(statistics[name]))) for name, words in _PLAIN.items() if name in statistics]
    parts = [f"{value:.4g} {words}" for words, value in known if value]
    least = float(np.min(statistics.get("least_concentration", 0.0), initial=0.0))
    if least < 0:
        parts.append(f"least concentration {least:.2g}, below 0 within the tolerance")
    return (f"{'mean of a replicate' if n > 1 else 'work'}: " + ", ".join(parts)) if parts else ""


def fired(n_events: int) -> str:
    """The number of reactions that fired, as the end of a line."""
    return f", {_number(n_events)} fired"


def _number(n_events: int) -> str:
    return counted(n_events, "reaction") if n_events < 100_000 else f"{n_events:.4g} reactions"


def _distance(drift: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Root mean square distance: drift of the mean and spread around it; NaN counts as 0."""
    return np.hypot(np.nan_to_num(drift), np.nan_to_num(deviation))


# The summary of a run file: a dictionary of plain values, and the same as text.


def summary(run: Run | MomentsRun, signed: Sequence[str] = ()) -> dict:
    """The content of a run or moments file as plain values, with means over committed replicates at the end; also of
    its `signed` numbers that are named."""
    if isinstance(run, MomentsRun):
        values = {
            "species": list(run.quantities), "mean": run.mean()[-1].tolist(),
            "standard_deviation": run.std()[-1].tolist(),
            "standard_error": run.standard_error()[-1].tolist(),
            "committed": run.n_done, "complete": sum(n for status, n in run.statuses.items() if status.complete),
            "events": run.n_events, "status": {status.name.lower(): n for status, n in run.statuses.items()},
        }  # fmt: skip
    else:
        status = Counter(Status(int(s)).name.lower() for s in run.status)
        n_committed = int(run.committed.sum())
        values = {"committed": n_committed, "events": int(run.n_events.sum()), "status": dict(status)}
    seconds = run.provenance["seconds"]
    values = {
        "file": str(run.path), "kind": run.kind, "method": run.method, "seed": run.seed, "volume": run.volume,
        "n_species": len(run.model.species), "n_reactions": len(run.model.reactions), "replicates": run.n_planned,
        "points": len(run.time), "units": run.units, "ended": run.ended, "has_firings": run._has_firings,
        "seconds": seconds if np.isfinite(seconds) else None, "started": run.provenance.get("started"),
        "written": not run.ended and is_locked(run.path), **values,
    }  # fmt: skip
    return values | (
        _of_training(run) if isinstance(run, Run) and run.kind == "training" else _of_ensemble(run, signed)
    )


def _of_training(run: Run) -> dict:
    record = run.training
    values = {
        "replicates": 1, "layers": list(record.layers), "task": record.task, "presentations": record.n_presented,
        "planned": len(record.presentations),
    }  # fmt: skip
    # Scores that the version of the file or the options of the run lack are NaN, and are left out.
    values |= {n: s for n, s in record.scores.items() if np.isfinite(s) or not n.endswith(("_best", "_chemical"))}
    if len(record.targets) <= 16:
        values |= {name: record[name].tolist() for name in ("inputs", "targets", "outputs")}
    return values


def _of_ensemble(run: Run | MomentsRun, signed: Sequence[str] = ()) -> dict:
    statistics = {name: float(np.mean(values)) for name, values in run.statistics.items() if np.size(values)}
    result = {"t_end": float(run.time[-1]), "statistics": statistics}
    state = final_state(run, signed)
    if state is None:
        return result | {"complete": 0}
    result |= {
        "asked": list(state.asked or state.names), "observables": list(state.observables),
        "rate_rules": list(state.first),
    }  # fmt: skip
    if isinstance(run, MomentsRun):
        return result | {"moved": state.moved.tolist()}
    return result | {
        "complete": state.n,
        "species": list(state.names),
        "mean": state.mean.tolist(),
        "standard_deviation": state.deviation.tolist() if np.isfinite(state.deviation).any() else None,
        "standard_error": state.error.tolist() if state.n > 1 else None,
        "moved": state.moved.tolist(),
    }


def summary_text(found: dict, species: Sequence[str] = ()) -> str:
    """The result `found` of `summary` as text. Intervals of means are Student's t intervals. The table shows the
    quantities named in `species`, by default those in the option `species` of the run."""
    return "\n".join(_summary_lines(found, species))


def _summary_lines(values: dict, species: Sequence[str]) -> list[str]:
    training = values["kind"] == "training"
    done, planned = values["committed"], values["replicates"]
    replicates = "" if training else f", {done} of {counted(planned, 'replicate')} done"
    # A training run that has not ended has not counted its reactions.
    counts = values.get("has_firings", values["units"] == "molecules") and (done or not training)
    n_fired = fired(values["events"]) if counts else ""
    lines = [
        f"{printable(values['file'])}: {values['kind']} run{replicates}",
        f"{values['n_species']} species, {counted(values['n_reactions'], 'reaction')}; method {values['method']}, "
        f"Omega = {values['volume']:g}, seed {values['seed']}",
        f"{counted(values['points'], 'recorded point')}{n_fired}{_took(values)}",
    ]
    return lines + (_training_lines(values) if training else _ensemble_lines(values, species))


def _took(values: dict) -> str:
    """How long the run took, or why it has not ended."""
    seconds = None if values["seconds"] is None else f"{values['seconds']:.1f} s"
    if values.get("ended", True):
        return "" if seconds is None else f", {seconds} in all"
    started = values["started"] or "an unknown time"
    if values["written"]:
        return f"; running since {started}"
    return f"; interrupted after {seconds}" if seconds else f"; started {started}, killed before the end"


def _training_lines(values: dict) -> list[str]:
    if not values["committed"]:
        return [f"{counted(values['presentations'], 'presentation')} of {values['planned']} are recorded so far"]
    lines = [f"{'-'.join(map(str, values['layers']))} network after {counted(values['presentations'], 'presentation')}"]
    for score, name in (("accuracy", "accuracy"), ("rmse", "RMSE")):
        if np.isfinite(values[score]):
            lines.append(
                f"{name} {values[score]:.4f} (before training {values[score + '_before']:.4f}, "
                f"float gradient descent {values[score + '_gradient_descent']:.4f})"
            )
    for x, t, y in zip(values.get("inputs", ()), values.get("targets", ()), values.get("outputs", ())):
        lines.append(f"input {_summary_row(x)}  target {_summary_row(t)}  output {_summary_row(y, '.3f')}")
    return lines


def _ensemble_lines(values: dict, species: Sequence[str]) -> list[str]:
    if not values["complete"]:
        return _early(values) or ["no replicate has reached the end yet"]
    lines = [f"{counted(values['complete'], 'replicate')} reached the end", *_early(values)]
    n = len(values["species"])
    deviation, error, moved = (
        np.full(n, np.nan) if values.get(name) is None else np.array(values[name], dtype=float)
        for name in ("standard_deviation", "standard_error", "moved")
    )
    state = FinalState(
        tuple(values["species"]), values["complete"], np.array(values["mean"]), deviation, error, moved,
        tuple(species or values.get("asked", values["species"])), tuple(values.get("observables", ())),
        tuple(values.get("rate_rules", ())),
    )  # fmt: skip
    lines.append(state.table(values["t_end"], values["units"]).text())
    work = steps_text(values["statistics"], values["complete"])
    return lines + ([work] if work else [])


def _early(values: dict) -> list[str]:
    """A line for each reason for which replicates stopped before the end."""
    ends = {Status[name.upper()]: n for name, n in values["status"].items() if n}
    return [f"{counted(n, 'replicate')} {status}" for status, n in sorted(ends.items()) if not status.complete]


def _summary_row(values: Iterable[float], form: str = "g") -> str:
    return " ".join(format(v, form) for v in values)


# What to cite: the software, and the references of chemistries, methods, activations and noises, in their classes.

SOFTWARE = f"The gillespie-nn developers, gillespie-nn, version {__version__}, software, MIT licence"


def citations() -> dict[str, list[str]]:
    """All references, by subject."""
    references = {"gillespie-nn": [SOFTWARE]}
    every: tuple[Any, ...] = (*CHEMISTRIES, *METHODS, *ONLY_TRAINING, *ACTIVATIONS, *KINDS)
    return references | {each.name: _split(each) for each in every if each.reference}


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
    """The result `found` of `citations` as text, one line for each publication."""
    return "\n".join(["please cite:", *(f"  {name}: {each}" for name, texts in found.items() for each in texts)])


def _split(each: Any) -> list[str]:
    return each.reference.split("; ")


# The report: one HTML file with the settings of the run, figures, tables, provenance and the model.

_MOST_TEXT = 100_000
"""Characters of a model in a report, at most."""
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
    """The HTML text of the report of an open run, and the names of its analyses: all that apply to the run.

    Needs matplotlib. Raises InputError for a run without data."""
    # A missing matplotlib is reported before the analyses, which may take long.
    new_figure()
    ask = ask or Ask()
    findings, left_out = {}, []
    for analysis in ANALYSES:
        if not (analysis.in_report and analysis.applies(run)):
            continue
        try:
            findings[analysis.name] = analysis.find(run, ask)
        except FromOutsideError as error:
            # The file has the name of a class and not its code. What needs no such class is reported.
            left_out.append(f"{analysis.name} is left out: {error}, to a function of gillespie_nn.analysis")
    if not findings:
        raise InputError("no analysis applies to this run, so there is nothing to report")
    values = summary(run)
    title = f"training of {run.case}" if isinstance(run, Run) and run.kind == "training" else run.kind
    page = Page(f"{run.path.name}: {title}")
    _summary(page, run, values)
    for note in left_out:
        page.note(note)
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


def _summary(page: Page, run: Run | MomentsRun, values: dict) -> None:
    values = values | {"file": run.path.name}
    rows = [(label, _value_text(values[key])) for key, label in _LABELS.items() if values.get(key) is not None]
    rows.append(("how replicates ended", ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in values["status"].items())))
    if run.method_reason:
        rows.insert(3, ("reason for the method", run.method_reason))
    page.table(Table("", ("", ""), rows))
    if not values["committed"]:
        page.note("the run has not ended; the report shows what is recorded so far")
    if "outputs" in values:
        outputs = [tuple(map(_row, row)) for row in zip(values["inputs"], values["targets"], values["outputs"])]
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


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _row(values: Iterable[float]) -> str:
    return ", ".join(f"{v:.4g}" for v in values)
