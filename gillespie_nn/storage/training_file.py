"""The file of a training run: counts, weights and predictions at the ends of presentations, checkpoints, the end."""

import time

import numpy as np

from ..simulation.validation import ACCURACY, RMSE
from . import checkpoints, layout
from .writer import RunFile

_BLOCK_BYTES = 1 << 20
_RECORDS = ("time", "training/weights", "training/predictions")
_VALIDATION = {"training/validation_rmse": RMSE, "training/validation_accuracy": ACCURACY}


class TrainingFile(RunFile):
    """A sink (`simulation.training.TrainingSink`) that writes a file.

    With `earlier`, a `reader.Run` of the same plan that was interrupted, it holds the records and checkpoints of that
    one from the start, and takes its place.
    """

    kind = "training"

    def __init__(self, path, plan, provenance_json, overwrite=False, earlier=None):
        """`plan` is a `simulation.training.TrainingPlan`."""
        network = plan.spec.network
        self._plan, self._earlier = plan, None if earlier is None else earlier.file
        self._buffer, self._n = [], 0
        self.started = time.perf_counter()
        """When presentations began, by `time.perf_counter`, less the time that they took before an interruption [s]."""
        self._scale = plan.volume if plan.method.units == "concentration" else None
        row_bytes = 8 * (len(network.species) + len(plan.spec.weights) + len(plan.spec.outputs))
        self._block = max(1, _BLOCK_BYTES // row_bytes)
        settings = {
            "method": plan.method.name,
            "method_reason": plan.method_reason,
            "seed": plan.seed,
            "volume": plan.volume,
            "case": plan.dataset.name,
        }
        super().__init__(path, overwrite, provenance_json, network, network.rates(), plan.counts, settings)

    def _create(self):
        plan, spec = self._plan, self._plan.spec
        layout.write_trajectory(self._file, plan.method, 1, len(plan.recorded), spec.network)
        layout.write_training(self._file, plan)
        checkpoints.create(self._file, plan.method, len(spec.network.species), len(spec.weights))
        if self._earlier is not None:
            self._take_over(self._earlier)

    def _take_over(self, earlier):
        """What was committed up to the last whole checkpoint; all beyond is simulated, and written, again."""
        checkpoints.copy(earlier, self._file)
        checkpoint = checkpoints.read_latest(earlier)
        done = 0 if checkpoint is None else checkpoint.n_presented
        n_records = int(np.searchsorted(self._plan.recorded, done))
        for start in range(0, n_records, self._block):
            part = slice(start, min(start + self._block, n_records))
            self._file["counts"][0, part] = earlier["counts"][0, part]
            for name in _RECORDS:
                self._file[name][part] = earlier[name][part]
        n_evaluated = int(np.searchsorted(self._plan.evaluated, done, side="right"))
        for name in _VALIDATION:
            self._file[name][:n_evaluated] = earlier[name][:n_evaluated]
        self._file["training/n_recorded"][()] = self._n = n_records
        self._file["provenance/presentation_seconds"][()] = earlier["provenance/presentation_seconds"][()]
        self._start -= np.nan_to_num(earlier["provenance/seconds"][()])
        self._file.attrs["created"] = earlier.attrs["created"]

    def record(self, time, counts, weights, prediction):
        """One record, in order; kept back until a block is full."""
        self._buffer.append((time, counts.copy() if self._scale is None else counts / self._scale, weights, prediction))
        if len(self._buffer) >= self._block:
            self._flush()

    def _flush(self):
        if not self._buffer:
            return
        times, counts, weights, predictions = (np.array(column) for column in zip(*self._buffer))
        part = slice(self._n, self._n + len(times))
        with self._guard(counts.nbytes):
            self._file["counts"][0, part] = counts
            for name, values in zip(_RECORDS, (times, weights, predictions)):
                self._file[name][part] = values
            self._file.flush()
            self._file["training/n_recorded"][()] = part.stop
            self._file.flush()
        self._buffer, self._n = [], part.stop

    def checkpoint(self, checkpoint, scores):
        """The run can be resumed from here."""
        self._flush()
        with self._guard(2 * checkpoint.counts.nbytes):
            self._write_scores(scores)
            self._file["provenance/presentation_seconds"][()] = time.perf_counter() - self.started
            checkpoints.write(self._file, checkpoint.n_presented // self._plan.checkpoint_every, checkpoint)

    def _write_scores(self, scores):
        for name, column in _VALIDATION.items():
            self._file[name][: len(scores)] = scores[:, column]

    def finish(self, trained, arrays, scores, seconds):
        """The end of training, a `simulation.training.Trained`: evaluation arrays and scores by name, the commit."""
        self._flush()
        arrays = arrays | {"final_weights": trained.weights, "best_weights": trained.best_weights}
        with self._guard():
            self._write_scores(trained.scores)
            self._file["provenance/presentation_seconds"][()] = seconds
            self._file["training/n_presented"][()] = trained.n_presented
            self._file["status"][0] = int(trained.status)
            self._file["n_events"][0] = trained.n_events
            for name, value in trained.statistics.items():
                self._file[f"statistics/{name}"][0] = value
            for name, values in arrays.items():
                self._file[f"training/{name}"][: len(values)] = values
            for name, value in scores.items():
                self._file[f"training/{name}"][()] = value
            self._file.flush()
            self._file["committed"][0] = 1
            self._file.flush()

    def close(self):
        try:
            if self._file:
                self._flush()
        finally:
            super().close()
