"""The noise of finite counts, eps = Omega^(-1/2), by exact simulation, and linear noise beside it.

A path at one Omega has nothing in common with one at another, so that Theta_0 is compared in law: sqrt(Omega) times the
sup-error at the largest Omega with sup |u| of linear noise, by two-sample Kolmogorov-Smirnov tests. Judged are numbers,
not rails: the rail of the other sign holds next to no molecules, and what is a few molecules does not scale like a
fluctuation. For the same reason slopes are asked of those numbers only that linear noise moves by `LEAST_MOLECULES` or
more at the smallest Omega, which is known without any count. They are asked of each neuron, as the proposition speaks
of layers and neurons: of its weights and its bias together, the largest error.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...checks import InputError
from ...kernels.perturbed import N_SIZES
from . import judgements, planted
from .counting import STEP, STRIDE, CountedPaths
from .judgements import SLOPE_IN_VOLUME, Judgement
from .results import Results
from .setting import Setting
from .source import Source

SMALLEST_VOLUME, LARGEST_VOLUME = 4e2, 4e4
LEAST_MOLECULES = 4.0
LEVEL = 0.01
"""Chance that the law of a right engine is found to differ from that of linear noise."""
_REFINED_PATHS = 2
"""Of each volume."""
_MOST_REFINED = 0.02
"""Relative change of Theta when the counts are looked at at every event, on a grid twice as fine."""
_VARIATION = N_SIZES


class Intrinsic(Source):
    name = "intrinsic"
    summary = "random reaction events (exact simulation), eps = Omega^(-1/2), six Omega from 4e2 to 4e4"
    brief = True

    def __init__(
        self,
        setting: Setting,
        paths: int,
        seed: int,
        kind: str | None = None,
        step: float | None = None,
        correlation_time: float | None = None,
    ) -> None:
        super().__init__(setting, paths, seed)
        for name, value in (("kind", kind), ("step", step), ("correlation_time", correlation_time)):
            if value is not None:
                raise InputError(f"{name} does not apply to intrinsic noise, got {value!r}: omit it")
        self.volumes = np.rint(np.geomspace(LARGEST_VOLUME, SMALLEST_VOLUME, N_SIZES))
        self.sizes = self.volumes**-0.5
        self._counted = [CountedPaths(setting, volume) for volume in self.volumes]

    def record(self) -> dict:
        return {"noise": {"noise": self.name, "volume": self.volumes.tolist()}, "step": [STEP, STRIDE]}

    def empty(self) -> Results:
        return Results.empty(self.sizes, self.setting.quantities, self.paths)

    def tasks(self, results: Results) -> list[tuple[int, int]]:
        """(path, size), the dearest first, and (path, `_VARIATION`) for linear noise."""
        paths, columns = np.nonzero(results.committed.T == 0)[::-1]
        return list(zip(paths.tolist(), columns.tolist()))

    def worker(self) -> Callable[[Results, Any], None]:
        def carry_out(results: Results, task: tuple[int, int]) -> None:
            path, k = task
            if k == _VARIATION:
                results.theta_0[path] = self._counted[0].linear_noise(self.seed, path)
            else:
                found = self._counted[k].errors(self.seed, k, path)
                for array, values in zip((results.theta, results.bound, results.ratio, results.violations), found):
                    array[path, k] = values
            results.committed[path, k] = 1

        return carry_out

    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        time, reference, counts = self._counted[N_SIZES - 1].recorded(self.seed, N_SIZES - 1, step)
        return time, reference, counts / self.volumes[-1]

    def judgements(self, results: Results, say: Callable[[str], object]) -> list[Judgement]:
        numbers = np.flatnonzero(results.is_number & (np.median(results.theta_0, axis=0) > 0))
        if not len(numbers):
            raise InputError("no encoded number fluctuates, so there is nothing to verify: use a longer running time")
        names, theta, theta_0 = self._by_neuron(results, numbers)
        moved = np.median(theta_0, axis=0) * np.sqrt(SMALLEST_VOLUME)
        judged = moved >= LEAST_MOLECULES
        if not judged.any():
            raise InputError(
                f"slopes need a number that fluctuates by at least {LEAST_MOLECULES:g} molecules at Omega = "
                f"{SMALLEST_VOLUME:g}, and linear noise predicts none: use a longer running time"
            )
        if not judged.all():
            left_out = ", ".join(f"{n} ({m:.2g})" for n, m, j in zip(names, moved, judged) if not j)
            say(
                f"slopes are tested for {judged.sum()} numbers; these are left out, because linear noise moves them by "
                f"less than {LEAST_MOLECULES:g} molecules at Omega = {SMALLEST_VOLUME:g}: {left_out}"
            )
        names = [n for n, j in zip(names, judged) if j]
        thetas = [theta[:, k, judged] for k in range(N_SIZES)]
        return [
            self._slope(names, thetas),
            self._tightness(thetas),
            judgements.in_law(
                [results.quantity[q] for q in numbers], results.theta[:, 0, numbers], results.theta_0[:, numbers], LEVEL
            ),
            self._bounded(results),
            self._refined(results, numbers),
            self._power(names, thetas, theta_0[:, judged]),
        ]  # fmt: skip

    def _by_neuron(self, results: Results, numbers: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Names, Theta and Theta_0 of layers and neurons: of the weights and the bias of a neuron the largest."""
        known = self.setting.spec.numbers
        groups: dict[str, list[int]] = {}
        for q in numbers:
            groups.setdefault(known.neuron(known.of(results.quantity[q])), []).append(q)
        theta = np.stack([results.theta[:, :, own].max(axis=2) for own in groups.values()], axis=2)
        theta_0 = np.stack([results.theta_0[:, own].max(axis=1) for own in groups.values()], axis=1)
        return list(groups), theta, theta_0

    def _refined(self, results: Results, numbers: np.ndarray) -> Judgement:
        """The numerics: the same paths looked at at every event; the comparison's grid is theirs."""
        changes = []
        for k, volume in enumerate(self.volumes):
            finer = CountedPaths(self.setting, volume, STEP / 2, 2 * STRIDE)
            for path in range(min(_REFINED_PATHS, self.paths)):
                theta = finer.errors(self.seed, k, path)[0][numbers]
                known = theta > 0
                changes.append(np.abs(results.theta[path, k, numbers][known] / theta[known] - 1).max(initial=0.0))
        return judgements.numerics(
            "checking the counts at every event on a grid twice as fine changes Theta", changes, _MOST_REFINED
        )

    def _power(self, names: Sequence[str], theta: list[np.ndarray], theta_0: np.ndarray) -> Judgement:
        """Check 5: what scales like Omega^(-1/4) or 1 / Omega, and linear noise of 1.2 times the size, are rejected."""
        sizes = self.sizes
        root = [t / np.sqrt(eps) for t, eps in zip(theta, sizes)]
        square = [t * eps for t, eps in zip(theta, sizes)]
        found = {
            "Omega^(-1/4), check 1": self._slope(names, root),
            "Omega^(-1/4), check 2": self._tightness(root),
            "1/Omega, check 1": self._slope(names, square),
            "linear noise 1.2 times too large, check 3": judgements.in_law(names, theta[0], 1.2 * theta_0, LEVEL),
        }
        return planted.power({what: j.verdict for what, j in found.items()})

    def _bounded(self, results: Results) -> Judgement:
        """Check 4, of rails too: their bound asks for no scaling."""
        return judgements.upper_bound(
            results.quantity, results.theta, results.bound, results.ratio, results.violations, self.sizes, self.seed,
            each=False,
        )  # fmt: skip

    def _tightness(self, theta: list[np.ndarray]) -> Judgement:
        """Check 2, of the largest of all: paths of different volumes share nothing."""
        largest = [t.max(axis=-1, keepdims=True) for t in theta]
        return judgements.tightness([judgements.THE_LARGEST], largest, self.sizes, self.seed)

    def _slope(self, names: Sequence[str], theta: list[np.ndarray]) -> Judgement:
        errors = [t * eps for t, eps in zip(theta, self.sizes)]
        return judgements.slope(names, errors, self.volumes, self.seed, SLOPE_IN_VOLUME)
