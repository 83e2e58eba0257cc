"""A run file in numbers: a dictionary for machines, and the same as text for people."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..checks import printable
from ..simulation import final_values
from ..status import Status
from ..storage import MomentsRun, Run

_SHOWN = 20


def summary(run: Run | MomentsRun) -> dict:
    """What is in a run file or a file of moments, as plain values; means over committed replicates at the end."""
    if isinstance(run, MomentsRun):
        return _of_moments(run)
    found = {
        "file": str(run.path),
        "kind": run.kind,
        "method": run.method,
        "seed": run.seed,
        "volume": run.volume,
        "n_species": len(run.species),
        "n_reactions": len(run.model.reactions),
        "replicates": int(run.committed.size),
        "committed": int(run.committed.sum()),
        "points": len(run.time),
        "events": int(run.n_events.sum()),
        "units": run.units,
        "status": dict(Counter(Status(int(s)).name.lower() for s in run.status)),
        "seconds": run.provenance["seconds"],
    }
    if run.kind == "training":
        record = run.training
        found |= {"layers": list(record.layers), "task": record.task, "presentations": record.n_presented}
        # Scores that a file's version did not have, or its run did not ask for, are not shown.
        found |= {n: s for n, s in record.scores.items() if np.isfinite(s) or not n.endswith(("_best", "_chemical"))}
        if len(record.targets) <= 16:
            found |= {name: record[name].tolist() for name in ("inputs", "targets", "outputs")}
    else:
        names, final = final_values(run)
        found["complete"] = len(final)
    if run.kind == "ensemble" and len(final):
        found["species"] = list(names)
        found["mean"] = final.mean(axis=0).tolist()
        found["standard_deviation"] = final.std(axis=0, ddof=1).tolist() if len(final) > 1 else None
        found["standard_error"] = (final.std(axis=0, ddof=1) / np.sqrt(len(final))).tolist() if len(final) > 1 else None
    return found


def _of_moments(run: MomentsRun) -> dict:
    return {
        "file": str(run.path), "kind": run.kind, "method": run.method, "seed": run.seed, "volume": run.volume,
        "n_species": len(run.model.species), "n_reactions": len(run.model.reactions), "replicates": run.n_replicates,
        "committed": run.n_done, "complete": sum(n for status, n in run.statuses.items() if status.complete),
        "points": len(run.time), "events": run.n_events,
        "status": {status.name.lower(): n for status, n in run.statuses.items()}, "units": run.units,
        "seconds": run.provenance["seconds"], "species": list(run.quantities), "mean": run.mean()[-1].tolist(),
        "standard_deviation": run.std()[-1].tolist(), "standard_error": run.standard_error()[-1].tolist(),
    }  # fmt: skip


def summary_text(found: dict) -> str:
    """`found` by `summary`, for people; intervals of means are by Student's t."""
    known = found["kind"] != "training" or found["committed"]  # a training run that has not ended has not counted them
    fired = f"{found['events']:.4g} reactions fired, " if known else ""
    committed = f"{found['committed']} of {found['replicates']} replicates committed"
    lines = [
        f"{printable(found['file'])}: {found['kind']} run, {committed}",
        f"{found['n_species']} species, {found['n_reactions']} reactions; method {found['method']}, "
        f"Omega = {found['volume']:g}, seed {found['seed']}",
        f"{found['points']} recorded points, {fired}{found['seconds']:.1f} s in all",
    ]
    lines += _training_lines(found) if found["kind"] == "training" else _ensemble_lines(found)
    return "\n".join(lines)


def _training_lines(found: dict) -> list[str]:
    if not found["committed"]:
        return [f"the run has not ended: {found['points']} presentations are recorded so far"]
    lines = [f"{'-'.join(map(str, found['layers']))} network after {found['presentations']} presentations"]
    for score in ("accuracy", "rmse"):
        if np.isfinite(found[score]):
            lines.append(
                f"{score} {found[score]:.4f} (before training {found[score + '_before']:.4f}, "
                f"float gradient descent {found[score + '_gradient_descent']:.4f})"
            )
    for x, t, y in zip(found.get("inputs", ()), found.get("targets", ()), found.get("outputs", ())):
        lines.append(f"input {_row(x)}  target {_row(t)}  output {_row(y, '.3f')}")
    return lines


def _ensemble_lines(found: dict) -> list[str]:
    from scipy import stats  # which takes long to import

    if "mean" not in found:
        return ["no replicate has reached the end"]
    lines = [f"{found['complete']} replicates reached the end; there, in {found['units']}:"]
    lines += [f"{'quantity':<20} {'mean':>14} {'95 % interval of the mean':>30}"]
    student = stats.t.isf(0.025, max(found["complete"] - 1, 1))
    for k, name in enumerate(found["species"][:_SHOWN]):
        mean, interval = found["mean"][k], "-"
        if found["standard_error"] is not None and np.isfinite(found["standard_error"][k]):
            half = student * found["standard_error"][k]
            interval = f"[{mean - half:.6g}, {mean + half:.6g}]"
        lines.append(f"{name:<20} {mean:>14.6g} {interval:>30}")
    if len(found["species"]) > _SHOWN:
        lines.append(f"... and {len(found['species']) - _SHOWN} more")
    return lines


def _row(values: Iterable[float], form: str = "g") -> str:
    return " ".join(format(v, form) for v in values)
