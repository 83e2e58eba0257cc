"""One path in time, for a figure: a few fast and slow numbers with and without noise."""

from typing import NamedTuple

import numpy as np

from ...nn.chemistry import ERRORS, OUTPUTS, PREACTIVATIONS
from .source import Source

_POINTS = 400
_MOST = 6
_FAST = (OUTPUTS, PREACTIVATIONS, ERRORS)


class Course(NamedTuple):
    """Values at times of the numbers `names`."""

    title: str
    size: float
    """eps"""
    time: np.ndarray  # float64[point] [s]
    switches: np.ndarray  # float64[...] [s]
    names: tuple[str, ...]
    reference: np.ndarray  # float64[point, number] [concentration]
    perturbed: np.ndarray  # float64[point, number]
    fast: list
    slow: list
    """Numbers of the quantities to draw."""


def course_of(source: Source) -> Course:
    """The first path of a `Source` at the largest eps, for a figure."""
    setting, quantities = source.setting, source.setting.quantities
    time, reference, perturbed = source.first_path(setting.horizon / _POINTS)
    one = np.ones((len(time), 1))
    reference, perturbed = (
        np.hstack([x, one])[:, quantities.plus]
        - np.where(quantities.minus < x.shape[1], np.hstack([x, one])[:, quantities.minus], 0.0)
        for x in (reference, perturbed)
    )
    numbers = [(q, setting.spec.numbers.of(quantities.names[q])) for q in np.flatnonzero(quantities.is_number).tolist()]
    weights = [q for q, number in numbers if number.learned]
    others = [q for q, number in numbers if number.meaning in _FAST]
    return Course(
        setting.described().partition(":")[0], float(source.sizes[-1]), time, setting.switches, quantities.names,
        reference, perturbed, _spread(reference, others), _spread(reference, weights),
    )  # fmt: skip


def _spread(values: np.ndarray, chosen: list[int]) -> list[int]:
    """Those of `chosen` that move most."""
    moved = np.ptp(values[:, chosen], axis=0) if chosen else np.empty(0)
    return [chosen[k] for k in sorted(np.argsort(-moved, kind="stable")[:_MOST])]
