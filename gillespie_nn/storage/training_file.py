"""The file of a training run: counts, weights and predictions at the ends of presentations, and checkpoints."""

import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from ..simulation.checkpoints import Checkpoint
from ..simulation.methods import name_of
from ..simulation.training import Trained, TrainingPlan
from ..simulation.validation import ACCURACY, RMSE
from . import checkpoints, layout
from .hdf5 import opened
from .schema import RUNS, TRAINING
from .writer import RunFile

_BLOCK_BYTES = 1 << 20
_RECORDS = ("time", "training/weights", "training/predictions")
_VALIDATION = {"training/validation_rmse": RMSE, "training/validation_accuracy": ACCURACY}


class TrainingFile(RunFile):
    """A sink (`simulation.training.TrainingSink`) that writes a file.

    With `resumes`, it replaces the interrupted file of the same plan at `path`, and starts with its records and
    checkpoints. `resumed_from` is the last checkpoint, if there is one. `scores` are those of validation, and `seconds`
    is the wall time of presentations, both up to that checkpoint.
    """

    kind = TRAINING

    def __init__(
        self, path: str | Path, plan: TrainingPlan, provenance_json: str, overwrite: bool = False, resumes: bool = False
    ):
        """`plan` is a `simulation.training.TrainingPlan`."""
        network = plan.spec.declared
        self._plan, self._resumes = plan, resumes
        self._buffer: list[tuple] = []
        self._n = 0
        self.resumed_from: Checkpoint | None = None
        self.scores, self.seconds = np.empty((0, 2)), 0.0
        self.started = time.perf_counter()
        """When presentations began, by `time.perf_counter`, less `seconds`."""
        self._scale = plan.volume if plan.method.units == "concentration" else None
        row_bytes = 8 * (len(network.species) + len(plan.spec.weights) + len(plan.spec.outputs))
        self._block = max(1, _BLOCK_BYTES // row_bytes)
        settings = {
            "method": name_of(plan.method),
            "method_reason": plan.learner.method_reason,
            "seed": plan.seed,
            "volume": plan.volume,
            "case": plan.dataset.name,
        }
        values = settings | {"provenance/json": provenance_json} | layout.training_values(plan)
        values |= layout.model_values(network, plan.learner.rates, plan.learner.counts)
        dtypes = {"counts": plan.method.dtype, "checkpoint/counts": plan.method.dtype}
        together = layout.records_together(plan)
        super().__init__(
            path, overwrite or resumes, values, layout.training_lengths(plan), dtypes=dtypes, together=together
        )

    def _begin(self) -> None:
        if self._resumes:
            with opened(self.path, RUNS, ours=True) as earlier:  # now that no other process writes it
                self._take_over(earlier)

    def _take_over(self, earlier: h5py.File) -> None:
        """What was committed up to the last whole checkpoint; all beyond is simulated, and written, again."""
        checkpoints.copy(earlier, self._file)
        self.resumed_from = checkpoints.read_latest(earlier)
        done = 0 if self.resumed_from is None else self.resumed_from.n_presented
        n_records = int(np.searchsorted(self._plan.presentations.recorded, done))
        for start in range(0, n_records, self._block):
            part = slice(start, min(start + self._block, n_records))
            self._file["counts"][0, part] = earlier["counts"][0, part]
            for name in _RECORDS:
                self._file[name][part] = earlier[name][part]
        n_evaluated = int(np.searchsorted(self._plan.presentations.evaluated, done, side="right"))
        for name in _VALIDATION:
            self._file[name][:n_evaluated] = earlier[name][:n_evaluated]
        self.scores = np.column_stack([self._file[name][:n_evaluated] for name in _VALIDATION])
        self._file["training/n_recorded"][()] = self._n = n_records
        self._file["training/n_presented"][()] = done
        self.seconds = float(earlier["provenance/presentation_seconds"][()]) if done else 0.0
        self._file["provenance/presentation_seconds"][()] = self.seconds
        self.add_seconds(earlier["provenance/seconds"][()])
        self._file.attrs["created"] = earlier.attrs["created"]

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """Add the next record; records are written when a block is full."""
        self._buffer.append((time, counts.copy() if self._scale is None else counts / self._scale, weights, prediction))
        if len(self._buffer) >= self._block:
            self._flush()
            self._file.flush()

    def _flush(self) -> None:
        """Write what was kept back, and flush; only then does the file say that it is there."""
        if not self._buffer:
            return
        times, counts, weights, predictions = (np.array(column) for column in zip(*self._buffer))
        part = slice(self._n, self._n + len(times))
        with self._guard(counts.nbytes):
            self._at("counts")[0, part] = counts
            for name, values in zip(_RECORDS, (times, weights, predictions)):
                self._at(name)[part] = values
            self._file.flush()
            self._at("training/n_recorded")[()] = part.stop
        self._buffer, self._n = [], part.stop

    def checkpoint(self, checkpoint: Checkpoint, scores: np.ndarray) -> None:
        """Write a checkpoint, from which the run can be resumed."""
        self._flush()
        with self._guard(2 * checkpoint.counts.nbytes):
            self._write_scores(scores)
            self._at("training/n_presented")[()] = checkpoint.n_presented
            self._at("provenance/presentation_seconds")[()] = time.perf_counter() - self.started
            slots = {
                name: self._at(f"{checkpoints.GROUP}/{name}") for name in (*checkpoints.NAMES, checkpoints.MEMORY_SCALE)
            }
            every = self._plan.options.checkpoint_every
            assert every is not None  # a plan has it worked out
            checkpoints.write(slots, checkpoint.n_presented // every, checkpoint)
            self._file.flush()

    def _write_scores(self, scores: np.ndarray) -> None:
        for name, column in _VALIDATION.items() if len(scores) else ():
            self._at(name)[: len(scores)] = scores[:, column]

    def finish(
        self, trained: Trained, arrays: dict[str, np.ndarray], scores: Mapping[str, float], seconds: float
    ) -> None:
        """Write the end of training, a `simulation.training.Trained`, with evaluation arrays and scores by name;
        commit."""
        self._flush()
        arrays = arrays | {"final_weights": trained.weights, "best_weights": trained.best_weights}
        with self._guard():
            self._write_scores(trained.scores)
            self._at("provenance/presentation_seconds")[()] = seconds
            self._at("training/n_presented")[()] = trained.n_presented
            self._at("status")[0] = int(trained.status)
            self._at("n_events")[0] = trained.n_events
            for name, value in trained.statistics.items():
                self._at(f"statistics/{name}")[0] = value
            for name, values in arrays.items():
                self._at(f"training/{name}")[: len(values)] = values
            for name, value in scores.items():
                self._at(f"training/{name}")[()] = value
            self._file.flush()
            self._at("committed")[0] = 1
            self._file.flush()

    def close(self) -> None:
        """Write the remaining records, and close the file."""
        try:
            if self._file:
                self._flush()
        finally:
            super().close()
