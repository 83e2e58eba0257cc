"""Points: the simulations that studies consist of. Each is one file, named by a digest of all that decides its content.

A point is simulated once, whichever studies ask for it, and read back from its file alone.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np

from ..api import load_fit, resume, simulate, train
from ..api.warm import train_briefly
from ..checks import InputError
from ..datasets import case as case_of
from ..nn import TrainingNetwork, training_network
from ..nn.settings import Settings, setting_options
from ..noise import ConcentrationNoise, Noise, RateNoise
from ..simulation.batches import BATCH_METHODS
from ..simulation.methods import METHODS
from ..simulation.presentations import Presented, presentation_order
from ..storage import Run, open_trajectories, training_file

_CHECKPOINTS = 5
"""Checkpoints of a run of rate equations."""
N_RECORDS = 50
"""About how many presentations a run records: enough for curves, in a file of a few hundred kilobytes."""
_SETTINGS = set(setting_options())


class Record(NamedTuple):
    """The content of the file of a point."""

    point: "Point"
    path: Path
    task: str
    """Task of the dataset: `classification`, `threshold` or `regression`."""
    scores: dict
    """Scores by name, as in `simulation.evaluation`; those of a prediction are `accuracy` and `rmse`."""
    software_version: str


@dataclass(frozen=True)
class Point(ABC):
    """One simulation, decided by its fields alone."""

    kind: ClassVar[str]
    """First part of the file name."""
    case: str
    seed: int

    @property
    @abstractmethod
    def decided(self) -> dict:
        """All that decides the content, for JSON. Defaults of the case are resolved, so changed defaults make new
        points."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of `decided`."""
        return hashlib.sha256(json.dumps(self.decided, sort_keys=True).encode()).hexdigest()

    @property
    def needs(self) -> tuple["Point", ...]:
        """Points whose files this point reads."""
        return ()

    @property
    def stem(self) -> str:
        """Name of the file, without its end."""
        return f"{self.kind}-{self.case}-{self.seed}-{self.digest[:20]}"

    def path(self, folder: str | Path) -> Path:
        return Path(folder) / f"{self.stem}.h5"

    @abstractmethod
    def execute(self, folder: str | Path) -> None:
        """Write the file, or continue an interrupted one. Raises UnfinishedError if the model blows up."""

    @property
    @abstractmethod
    def kernels(self) -> tuple[str, bool]:
        """What is compiled for it: the method, and whether rates change during the run."""

    @abstractmethod
    def read(self, folder: str | Path) -> Record | None:
        """The content of the file; None if there is no file, or it is not finished. Raises InputError for the file of
        another point."""

    def _refuse(self, path: Path, stored: Any) -> NoReturn:
        raise InputError(
            f"{path} contains another point, {stored!r} instead of {self.decided!r}: delete it and try again"
        )


@dataclass(frozen=True)
class Training(Point):
    """One training run. `settings` are pairs (name, value) of settings and options that differ from the defaults of
    the case, in any order; `noise` is that of training; `limit` and `predict` as of `train`."""

    kind: ClassVar[str] = "training"
    method: str = "tau_leap"
    volume: float = 1e4
    settings: tuple[tuple[str, Any], ...] = ()
    noise: tuple = ()
    limit: int | None = None
    predict: bool = False

    @property
    def chosen(self) -> Settings:
        """Settings in force."""
        given = {k: v for k, v in self.settings if k in _SETTINGS}
        return case_of(self.case).settings.taking(given, self.limit)

    @property
    def _options(self) -> dict:
        return {k: v for k, v in self.settings if k not in _SETTINGS}

    @property
    def decided(self) -> dict:
        return plain(
            {
                "case": self.case,
                "seed": self.seed,
                "method": self.method,
                "volume": float(self.volume),
                "settings": self.chosen.record() | self._options,
                "noise": [n.record() for n in self.noise],
                "limit": self.limit,
                # Left out if false, so that points keep the digest that they had before this option.
                **({"predict": True} if self.predict else {}),
            }
        )

    @property
    def kernels(self) -> tuple[str, bool]:
        return self.method, bool(self.noise)

    @property
    def _checkpoint_every(self) -> int | None:
        """Presentations between checkpoints: few checkpoints for deterministic methods, else None, the default."""
        # Nothing is drawn there, so checkpoints do not affect the result, and a run takes only a second.
        deterministic = {m.name for m in METHODS if m.deterministic}
        return max(1, self.chosen.presentations // _CHECKPOINTS) if self.method in deterministic else None

    @property
    def _record_every(self) -> int | None:
        """Presentations between records; None, the default, for networks so large that records are, too."""
        large = self.method in {m.name for m in BATCH_METHODS}
        return None if large else max(1, self.chosen.presentations // N_RECORDS)

    def execute(self, folder: str | Path) -> None:
        path = self.path(folder)
        if path.exists():
            resume(path, progress=False)
            return
        train(
            self.case, method=self.method, volume=self.volume, seed=self.seed, limit=self.limit, noise=self.noise,
            record_every=self._record_every, checkpoint_every=self._checkpoint_every,
            predict=self.predict or None, output=path, progress=False, **self.chosen.every(), **self._options,
        )  # fmt: skip

    def read(self, folder: str | Path) -> Record | None:
        path = self.path(folder)
        if not path.is_file():
            return None
        with open_trajectories(path) as run:
            if not run.ended:
                return None
            self._compare(path, run.training.arguments | {"case": run.case})
            scores = {n: score for n, score in run.training.scores.items() if n.startswith(("accuracy", "rmse"))}
            return Record(self, path, run.training.task, scores, run.software_version)

    def _compare(self, path: Path, arguments: dict) -> None:
        expected = self.decided
        stored = {name: arguments[name] for name in expected}
        if self.predict:
            # The file has the number of samples.
            stored["predict"] = bool(stored["predict"])
        # The file also has the options that were left at their defaults.
        stored["settings"] = {k: v for k, v in stored["settings"].items() if k in expected["settings"]}
        if plain(stored) != expected:
            self._refuse(path, stored)


@dataclass(frozen=True)
class Outputs(Point):
    """A point whose file has outputs and their targets."""

    def read(self, folder: str | Path) -> Record | None:
        path = self.path(folder)
        if not path.is_file():
            return None
        stored = training_file.read(path)
        if stored.arguments != self.decided:
            self._refuse(path, stored.arguments)
        scores = training_file.scores(stored)
        return Record(self, path, stored.task, scores, stored.software_version)


@dataclass(frozen=True)
class Prediction(Outputs):
    """The first `limit` test samples, predicted by simulation with the weights of a `training`, under `noise` of
    inference. The seed of the training decides the paths of noise and reactions."""

    kind: ClassVar[str] = "prediction"
    training: Training
    noise: tuple = ()
    limit: int = 100

    @classmethod
    def of(cls, training: Training, noise: Sequence[Noise] = (), limit: int = 100) -> "Prediction":
        return cls(training.case, training.seed, training, tuple(noise), limit)

    @property
    def needs(self) -> tuple[Point, ...]:
        return (self.training,)

    @property
    def decided(self) -> dict:
        return plain(
            {"training": self.training.decided, "noise": [n.record() for n in self.noise], "limit": self.limit}
        )

    @property
    def kernels(self) -> tuple[str, bool]:
        return self.training.method, bool(self.noise)

    def execute(self, folder: str | Path) -> None:
        fit = load_fit(self.training.path(folder))
        data = fit.plan.dataset
        x, t = data.test_x[: self.limit], data.test_t[: self.limit]
        outputs = fit.predict(x, noise=list(self.noise), progress=False)
        training_file.write(self.path(folder), self.decided, data.task, t, outputs)


@dataclass(frozen=True)
class FirstPresentations(Point):
    """Counts over time in the first `n_presentations` of a training run, at `n_points` in each. `settings` are as in
    `Training`."""

    # Files of earlier versions have this name.
    kind: ClassVar[str] = "course"
    method: str = "rejection"
    volume: float = 1e3
    settings: tuple[tuple[str, Any], ...] = ()
    n_presentations: int = 6
    n_points: int = 200

    @property
    def _training(self) -> Training:
        return Training(self.case, self.seed, self.method, self.volume, self.settings)

    @property
    def decided(self) -> dict:
        return self._training.decided | {"n_presentations": self.n_presentations, "n_points": self.n_points}

    @property
    def kernels(self) -> tuple[str, bool]:
        return self.method, False

    @property
    def spec(self) -> TrainingNetwork:
        """The network of the run."""
        settings, data = self._training.chosen, case_of(self.case).load(self.seed)
        return training_network(
            (data.train_x.shape[1], *settings.hidden, data.train_t.shape[1]),
            **settings.of_network,
            signed_inputs=data.signed or settings.centred,
            seed=self.seed,
        )

    def execute(self, folder: str | Path) -> None:
        settings, data, spec = self._training.chosen, case_of(self.case).load(self.seed), self.spec
        weights = spec.floating.initial_weights(self.seed, settings.initial_scale)
        # The first presentations of the whole run: they decide what its learning schedule is there.
        n = max(settings.presentations, self.n_presentations)
        order = presentation_order(len(data.train_x), n, settings.order, self.seed, settings.batch)
        shown, schedule = Presented.of(data, settings, order, self.seed), []
        for k in range(self.n_presentations):
            shown_now = (
                shown.x(k),
                shown.t(k),
                self.volume,
                settings.running_time,
                k * settings.running_time,
                shown.licence(k),
            )
            schedule += spec.schedule(*shown_now)
        # Cheap enough to start again after an interruption.
        run = simulate(
            spec.network, self.n_presentations * settings.running_time, self.n_presentations * self.n_points + 1,
            volume=self.volume, method=self.method, seed=self.seed, initial=spec.initial(weights, self.volume),
            schedule=schedule, output=self.path(folder), overwrite=True, progress=False,
        )  # fmt: skip
        assert isinstance(run, Run)
        run.close()

    def read(self, folder: str | Path) -> Record | None:
        path = self.path(folder)
        if not path.is_file():
            return None
        with open_trajectories(path) as run:
            if not run.complete:
                return None
            stored = run.method, run.volume, run.seed, len(run.time)
            if stored != (self.method, self.volume, self.seed, self.n_presentations * self.n_points + 1):
                self._refuse(path, stored)
            return Record(self, path, "", {}, run.software_version)


def compile_kernels(method: str, noisy: bool) -> None:
    """Compile and load the kernels of a method by a very short run. They are the same for all networks."""
    train_briefly(method, **({"noise": [RateNoise(0.1), ConcentrationNoise(0.1)]} if noisy else {}))


def plain(value: Any) -> Any:
    """The value as JSON returns it: lists for tuples, and plain numbers for those of numpy."""
    return json.loads(json.dumps(value, default=lambda v: v.item() if isinstance(v, np.generic) else list(v)))
