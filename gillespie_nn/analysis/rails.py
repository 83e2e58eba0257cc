"""The common part of dual rails. A number v = [V_p] - [V_m] does not depend on what both rails have in common, so that
part only adds noise. Annihilation V_p + V_m -> 0 keeps it small."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..checks import InputError
from ..crn.dual_rail import pairs
from ..display.figures import COLOURS, LINES, Drawing, style, title
from ..display.tables import Table, fragment, shown
from .analysis import (
    Analysis,
    AnyRun,
    Ask,
    Finding,
    Trajectories,
    blocks,
    check_data,
    has_trajectories,
    per_concentration,
    read,
    title_of,
)
from .training_course import running_mean

_GROUP = re.compile(r"[A-Za-z]+\d*")
"""Names with the same letters and digits at the beginning are one group, in any network."""
_MOST = 1 << 10
"""Pairs read at once."""
_DASHES = (*LINES, (0, (8, 3)), (0, (1, 4)), (0, (6, 2, 2, 2, 2, 2)), (0, (8, 2, 1, 2, 1, 2)))
"""Line styles of layers, one for each number after the letters."""
_SMOOTHED = 40
"""A figure shows the running mean over this part of all records."""


class CommonParts(NamedTuple):
    """Arrays float64[point, group], means over pairs and replicates [concentration]."""

    time: np.ndarray
    """float64[point] [s]."""
    groups: tuple[str, ...]
    """The beginnings of names: in a training network quantity and layer, as `W1` of all weights of layer 1."""
    n_pairs: tuple[int, ...]
    common: np.ndarray
    """Of min(V_p, V_m)."""
    signal: np.ndarray
    """Of |V_p - V_m|."""
    source: str = ""
    """Method, volume and seed of the run."""

    @property
    def ratio(self) -> np.ndarray:
        """Common part over signal, NaN where there is no signal."""
        return _ratio(self.common, self.signal)

    def __repr__(self) -> str:
        return f"CommonParts({', '.join(self.groups)}; {sum(self.n_pairs)} pairs, {len(self.time)} points)"

    def _repr_html_(self) -> str:
        return fragment(f"common part of dual rails; {self.source}", [shown(_table(self))])

    def plot(self, ax: Any = None) -> Any:
        """Draw common parts and signals into two new panels, or into `ax`, two axes. Returns the axes."""
        return _drawing(self).plot(ax)


def _ratio(common: np.ndarray, signal: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(signal > 0, common / signal, np.nan)


def pairs_of(species: Sequence[str]) -> dict[str, list]:
    """Names (plus rail, minus rail) of all dual-rail numbers, by group."""
    groups: dict[str, list] = {}
    for rails in pairs(species).values():
        match = _GROUP.match(rails.plus)
        groups.setdefault(match[0] if match else rails.plus, []).append(tuple(rails))
    return groups


def common_parts(run: Trajectories) -> CommonParts:
    """Common parts of species NAME_p and NAME_m of a `run` (`Run` or `Result`). Raises InputError if there are none."""
    check_data(run)
    groups = pairs_of(run.species)
    if not groups:
        raise InputError("the run has no dual rails, that is, no pair of species NAME_p and NAME_m")
    scale = per_concentration(run)
    columns = [_of_group(run, pairs, scale) for pairs in groups.values()]
    common, signal = (np.column_stack(x) for x in zip(*columns))
    return CommonParts(run.time, tuple(groups), tuple(map(len, groups.values())), common, signal, title_of(run))


def _of_group(run: Trajectories, pairs: list[tuple[str, str]], scale: float) -> tuple[np.ndarray, np.ndarray]:
    common, signal = np.zeros(len(run.time)), np.zeros(len(run.time))
    for k in range(0, len(pairs), _MOST):
        chunk = pairs[k : k + _MOST]
        # All plus rails, then all minus rails: the halves of what is read are the two sides of the pairs.
        names = [name for side in zip(*chunk) for name in side]
        for part in blocks(run, len(names)):
            values = read(run, names, part)
            plus, minus = values[..., : len(chunk)], values[..., len(chunk) :]
            with np.errstate(invalid="ignore"):
                common[part] += _mean(np.minimum(plus, minus)) * len(chunk)
                signal[part] += _mean(np.abs(plus - minus)) * len(chunk)
    return common / (len(pairs) * scale), signal / (len(pairs) * scale)


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over pairs and the replicates that reached a point; NaN where none did."""
    there = ~np.isnan(values)
    return np.where(there, values, 0.0).sum(axis=(0, 2)) / np.where(
        there.any(axis=(0, 2)), there.sum(axis=(0, 2)), np.nan
    )


class RailsAnalysis(Analysis):
    """Common part of dual rails."""

    name = "rails"
    summary = "common part of dual rails V_p, V_m over time, and the numbers that they represent"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        return has_trajectories(run) and bool(pairs_of(run.species))

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        result = common_parts(run)
        record = result._asdict() | {"ratio": result.ratio}
        return Finding("common part of dual rails", [_table(result)], record, _drawing(result))


def _table(result: CommonParts) -> Table:
    half = slice(len(result.time) // 2, None)
    # A point that no replicate reached is NaN in every group.
    reached = ~np.isnan(result.common[half, 0])
    if not reached.any():
        raise InputError(f"no replicate reached {result.time[half][0]:g} s, where the average over rails starts")
    common, signal = (values[half][reached].mean(axis=0) for values in (result.common, result.signal))
    rows = list(zip(result.groups, result.n_pairs, common, signal, _ratio(common, signal)))
    columns = ("rails", "pairs", "common part [conc.]", "|V_p - V_m| [conc.]", "ratio")
    return Table(f"means over pairs, replicates and recorded times from {result.time[half][0]:g} s on", columns, rows)


def _drawing(result: CommonParts) -> Drawing:
    """A line for each group with a common part, smoothed where there are many points."""
    window = max(1, len(result.time) // _SMOOTHED)
    groups = [k for k in range(len(result.groups)) if np.nanmax(result.common[:, k]) > 0] or range(len(result.groups))

    styles = _styles([result.groups[k] for k in groups])

    def panel(axes: Any, values: np.ndarray, label: str, first: bool) -> None:
        smooth = running_mean(values, window)
        for k, look in zip(groups, styles):
            axes.plot(
                result.time, smooth[:, k], label=f"{result.groups[k]} ({result.n_pairs[k]})", linewidth=1.2, **look
            )
        axes.set_xlabel("time [s]")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        how = f"; running mean of {window} records" if window > 1 else ""
        if first:
            title(axes, f"means over pairs (number of pairs in brackets){how}\n{result.source}")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    panels = (
        partial(panel, values=result.common, label="common part min(V_p, V_m)\n[concentration]", first=True),
        partial(panel, values=result.signal, label="signal |V_p - V_m|\n[concentration]", first=False),
    )
    return Drawing(panels, size=(8, 6.5), share_x=True)


def _styles(groups: Sequence[str]) -> list[dict]:
    """A different look for each line. Letters decide the colour, the number after them the line style, so W1 and W2
    have one colour. If colours or styles do not suffice, the order of lines decides."""
    parts = [(group.rstrip("0123456789"), group) for group in groups]
    places = [(letters, int(group[len(letters) :] or 0)) for letters, group in parts]
    colours = dict(zip(dict.fromkeys(letters for letters, _ in places), COLOURS))
    dashes = dict(zip(sorted({number for _, number in places if number}), _DASHES)) | {0: _DASHES[0]}
    looks = [(colours.get(letters), dashes.get(number)) for letters, number in places]
    # W and W1 would both have the first style. If two lines look alike, the order of lines decides.
    if None in (part for look in looks for part in look) or len(set(looks)) < len(looks):
        return [style(n) for n in range(len(groups))]
    return [{"color": colour, "linestyle": line} for colour, line in looks]
