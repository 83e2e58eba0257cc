"""A run file in numbers: a dictionary for machines, and the same as text for people."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ..checks import printable
from ..display.words import counted
from ..status import Status
from ..storage import MomentsRun, Run
from ..storage.lock import is_locked
from .final_state import FinalState, final_state, fired, said_of_method


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
        lines.append(f"input {_row(x)}  target {_row(t)}  output {_row(y, '.3f')}")
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


def _row(values: Iterable[float], form: str = "g") -> str:
    return " ".join(format(v, form) for v in values)
