"""Where an ensemble stands at the last recorded time, for people: the quantities that moved most, and what the method
says about its own steps, in plain words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..display.ensembles import asked_for, ranked, with_rate_rules
from ..display.tables import Table, cell, estimate
from ..display.words import counted
from ..simulation import MomentsResult, Result, final_values
from ..statistics.intervals import student
from ..storage import MomentsRun, Run

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
