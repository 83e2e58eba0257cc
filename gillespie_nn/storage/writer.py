"""Writing run files: everything is created first, then filled under SWMR, so that a reader may watch."""

import shutil
import time
from pathlib import Path

import h5py
import numpy as np

from .. import checks
from ..checks import UnfinishedError
from . import layout

_SPARE_BYTES = 1 << 22
_BLOCK_BYTES = 1 << 20


class _RunFile:
    """An open run file. A context manager: `seconds` of wall time are noted when it closes."""

    kind: str

    def __init__(self, path, overwrite, provenance_json, network, rates, counts, settings):
        self.path = checks.new_file(path, overwrite)
        self._start = time.perf_counter()
        with self._guard():
            self._file = h5py.File(self.path, "w", libver="latest")
            layout.write_root(self._file, self.kind, settings)
            layout.write_provenance(self._file, provenance_json)
            layout.write_model(self._file, network, rates, counts)

    def _begin(self):
        """All is created: later groups and attributes would be lost without an error."""
        with self._guard():
            self._file.swmr_mode = True
            self._file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._file:
            with self._guard():
                self._file["provenance/seconds"][()] = time.perf_counter() - self._start
                self._file.close()

    def _guard(self, n_bytes=0):
        return _Guard(self.path, n_bytes)


class _Guard:
    """Turns a failing write into a sentence; refuses to start one when the disk is nearly full."""

    def __init__(self, path, n_bytes):
        self.path, self.n_bytes = Path(path), n_bytes

    def __enter__(self):
        free = shutil.disk_usage(self.path.parent).free
        if free < self.n_bytes + _SPARE_BYTES:
            raise UnfinishedError(
                f"the disk is full: {free} bytes left for {self.path}; what was committed stays readable. "
                "Free some space, or choose another --output"
            )

    def __exit__(self, kind, error, _):
        if kind is not None and issubclass(kind, (OSError, RuntimeError)) and not issubclass(kind, UnfinishedError):
            raise UnfinishedError(f"cannot write {self.path}: {error}") from error


class EnsembleFile(_RunFile):
    """A sink (`simulation.sinks.Sink`) that writes trajectories; a replicate counts once it is committed."""

    kind = "ensemble"

    def __init__(self, path, task, settings, provenance_json, overwrite=False):
        network = task.network
        super().__init__(path, overwrite, provenance_json, network, task.rates, task.counts, settings)
        n = task.n_replicates
        with self._guard():
            layout.write_trajectory(self._file, task.method, n, len(task.grid), network, task.grid)
            shape = (n, len(network.reactions) if task.count_firings else 0)
            layout.array(self._file, "firings", data=np.zeros(shape, dtype=np.int64))
        self._begin()

    def write(self, replicate, start, rows, observed, covariance):
        with self._guard(rows.nbytes + observed.nbytes + covariance.nbytes):
            self._file["counts"][replicate, start : start + len(rows)] = rows
            for name, values in (("observables", observed), ("covariance", covariance)):
                if values.size:
                    self._file[name][replicate, start : start + len(rows)] = values

    def finish(self, replicate, status, n_events, firings, statistics):
        with self._guard():
            self._file["status"][replicate] = int(status)
            self._file["n_events"][replicate] = n_events
            if firings.size:
                self._file["firings"][replicate] = firings
            for name, value in statistics.items():
                self._file[f"statistics/{name}"][replicate] = value
            self._file.flush()
            self._file["committed"][replicate] = 1
            self._file["committed"].flush()


class TrainingFile(_RunFile):
    """Records of one training run: counts, weights and predictions at the ends of presentations."""

    kind = "training"

    def __init__(self, path, plan, settings, provenance_json, overwrite=False):
        """`plan` is a `simulation.training.TrainingPlan`."""
        network = plan.spec.network
        super().__init__(path, overwrite, provenance_json, network, network.rates(), plan.counts, settings)
        with self._guard():
            layout.write_trajectory(self._file, plan.method, 1, len(plan.recorded), network)
            layout.write_training(self._file, plan)
        self._begin()
        self._buffer, self._n = [], 0
        self._scale = plan.volume if plan.method.units == "concentration" else None
        row_bytes = 8 * (len(network.species) + len(plan.spec.weights) + len(plan.spec.outputs))
        self._block = max(1, _BLOCK_BYTES // row_bytes)

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
            self._file["time"][part] = times
            self._file["counts"][0, part] = counts
            self._file["training/weights"][part] = weights
            self._file["training/predictions"][part] = predictions
            self._file.flush()
            self._file["training/n_recorded"][()] = part.stop
            self._file.flush()
        self._buffer, self._n = [], part.stop

    def finish(self, trained, arrays, scores):
        """The end of training, a `simulation.training.Trained`: evaluation arrays and scores by name, the commit."""
        self._flush()
        arrays = arrays | {"final_weights": trained.weights}
        with self._guard():
            self._file["status"][0] = int(trained.status)
            self._file["n_events"][0] = trained.n_events
            for name, value in trained.statistics.items():
                self._file[f"statistics/{name}"][0] = value
            for name, values in arrays.items():
                self._file[f"training/{name}"][...] = values
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
