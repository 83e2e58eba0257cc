"""Files of training: what a run records, writing it, and files of predictions by simulation."""

import json
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from ..checks import InputError, printable
from ..datasets import Dataset
from ..datasets.dataset import Scale
from ..simulation.evaluation import ACCURACY, CHEMICAL_SCORES, RMSE, SCORES
from ..simulation.methods import name_of
from ..simulation.presentations import Checkpoint
from ..simulation.training import Trained, TrainingPlan
from . import making, writer
from .hdf5 import opened, written
from .making import make
from .schema import PREDICTIONS, RUNS, TRAINING
from .schema.file_kinds import SAMPLES
from .values import damaged, readable
from .writer import RunFile

if TYPE_CHECKING:
    from .reader import Run


class TrainingRecord:
    """The record of a training `Run`. `record["final_weights"]` is a dataset as an array, by its name in FORMAT.md;
    `name in record` tells whether the file has it.

    Sizes: N presentations planned, P records so far, V weights, Q outputs, K test samples, E evaluations in validation.
    """

    GROUP = "training"

    def __init__(self, run: "Run"):
        self._run = run

    def __contains__(self, name: str) -> bool:
        return self._run._has(f"{self.GROUP}/{name}")

    def __getitem__(self, name: str) -> Any:
        if name in ("weight", "output", "shown_output"):
            return np.array(self._run._names(f"{self.GROUP}/{name}"), dtype=object)
        return self._run._read(f"{self.GROUP}/{name}")

    @property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the layers, from input to output."""
        return tuple(self._run._attribute(f"{self.GROUP}/layers").tolist())

    @property
    def settings(self) -> dict:
        """Settings of the network and of training; see `datasets.Settings`."""
        return self._json("settings")

    @property
    def task(self) -> str:
        """`classification`, `threshold` or `regression`."""
        return self._run._text(f"{self.GROUP}/task")

    @property
    def arguments(self) -> dict:
        """Arguments of `train`, with defaults filled in; since version 1.4."""
        return self._json("arguments")

    @property
    def data(self) -> dict:
        """About the data; since version 1.4. `own` is False for a case, `digest` covers all samples, `checksums` are
        those of the files, and `notice` is a text to show or empty. Data other than a case's also have the names of
        `classes`, and `scaled` and the kind of `scale` if features were scaled; all can be missing."""
        return self._json("data")

    @property
    def scales(self) -> tuple[Scale | None, Scale | None]:
        """How features and targets became concentrations; None for those that were not scaled, and before version
        1.8."""
        kind = str(self.data.get("scale"))
        needed = [] if "scale" not in self.data else ["feature"] + ["target"] * (self.task == "regression")
        for of in needed:
            for what in ("offset", "width"):
                if f"{of}_{what}" not in self:
                    raise damaged(self._run.path, f"the {what} of the scale of {of}s is missing")
        try:
            features, targets = (
                Scale(kind, self[f"{of}_offset"], self[f"{of}_width"]) if f"{of}_offset" in self else None
                for of in ("feature", "target")
            )
        except InputError as error:
            raise damaged(self._run.path, str(error)) from None
        return features, targets

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Training and test inputs and targets, float64[sample, feature or output] [concentration]; no samples for a
        case."""
        train_x, train_t, test_x, test_t = (self[f"samples/{name}"] for name in SAMPLES)
        return train_x, train_t, test_x, test_t

    @cached_property
    def weight_names(self) -> tuple[str, ...]:
        """Names of the weights, without the sign of the rail; numbered before version 1.5."""
        return self._names("weight", "weight_{}", "weights")

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in `predictions`, also numbered before version 1.5; for a batch, those of all samples,
        sample after sample."""
        return self._names("shown_output" if "shown_output" in self else "output", "{}", "predictions")

    @property
    def batch(self) -> int:
        """Samples presented at once."""
        return int(self.settings.get("batch", 1))

    @property
    def centre(self) -> np.ndarray:
        """float64[feature] [concentration], subtracted from every input; 0 unless the run was `centred`."""
        return self["centre"] if "centre" in self else np.zeros(self.layers[0])

    @property
    def presentations(self) -> np.ndarray:
        """int64[N], sample number of each presentation; for batches of B, int64[N B], B samples for each
        presentation."""
        return self["presentations"]

    @property
    def recorded(self) -> np.ndarray:
        """int64[P], presentation of each record, from 0."""
        return self["recorded"][: self._run._n_points]

    @property
    def planned_records(self) -> np.ndarray:
        """int64, presentation of each record that is planned for the whole run, from 0."""
        return self["recorded"]

    @property
    def n_presented(self) -> int:
        """Presentations done, up to the last checkpoint or the end; before version 1.4 those planned."""
        return int(self["n_presented"]) if "n_presented" in self else len(self.presentations) // self.batch

    @property
    def seconds(self) -> float:
        """Wall time of the presentations so far [s]; since version 1.4."""
        return float(self._run._read("provenance/presentation_seconds"))

    @property
    def evaluated(self) -> np.ndarray:
        """int64[E], presentations done at each evaluation in validation; none before version 1.4."""
        return self["evaluated"] if "evaluated" in self else np.empty(0, dtype=np.int64)

    @property
    def validation(self) -> np.ndarray:
        """float64[E, 2], root mean square error [concentration] and accuracy on the samples held out; NaN where not
        reached; since version 1.4."""
        return np.column_stack([self["validation_rmse"], self["validation_accuracy"]])

    @property
    def initial_weights(self) -> np.ndarray:
        """float64[V] [concentration]."""
        return self["initial_weights"]

    @property
    def final_weights(self) -> np.ndarray:
        """float64[V] [concentration], averaged over the last presentations; NaN until the end."""
        return self["final_weights"]

    @property
    def best_weights(self) -> np.ndarray:
        """float64[V] [concentration], with the smallest error in validation, NaN without; since version 1.4."""
        return self["best_weights"]

    @property
    def inputs(self) -> np.ndarray:
        """float64[K, feature] [concentration], test inputs, not centred; no rows if they are too large to store."""
        return self["inputs"]

    @property
    def targets(self) -> np.ndarray:
        """float64[K, Q] [concentration], test targets."""
        return self["targets"]

    @property
    def outputs(self) -> np.ndarray:
        """float64[K, Q] [concentration], float forward pass of the final weights; NaN until the end."""
        return self["outputs"]

    @property
    def scores(self) -> dict[str, float]:
        """Scores in the file, by the names of `simulation.evaluation`; NaN until the end, and if not requested."""
        return {name: float(self[name]) for name in (*SCORES, *CHEMICAL_SCORES) if name in self}

    def _json(self, name: str) -> dict:
        return json.loads(self._run._attribute(f"{self.GROUP}/{name}"))

    def _names(self, name: str, otherwise: str, columns: str) -> tuple[str, ...]:
        if name in self:
            return tuple(self[name])
        return tuple(otherwise.format(k) for k in range(self._run._shape(f"{self.GROUP}/{columns}")[1]))

    def __repr__(self) -> str:
        return f"TrainingRecord({'-'.join(map(str, self.layers))}, {self.task}, of {str(self._run.path)!r})"


# Writing a training run: counts, weights and predictions at the ends of presentations, and checkpoints.

_TOGETHER_BYTES = 1 << 20
"""Size of the records that are written together."""
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
        self._n_together = max(1, _TOGETHER_BYTES // row_bytes)
        settings = {
            "method": name_of(plan.method),
            "method_reason": plan.learner.method_reason,
            "seed": plan.seed,
            "volume": plan.volume,
            "case": plan.dataset.name,
        }
        values = settings | {"provenance/json": provenance_json} | making.training_values(plan)
        values |= making.model_values(network, plan.learner.rates, plan.learner.counts)
        dtypes = {"counts": plan.method.dtype, "checkpoint/counts": plan.method.dtype}
        together = making.records_together(plan)
        super().__init__(
            path, overwrite or resumes, values, making.training_lengths(plan), dtypes=dtypes, together=together
        )

    def _begin(self) -> None:
        if self._resumes:
            with opened(self.path, RUNS, ours=True) as earlier:  # now that no other process writes it
                self._take_over(earlier)

    def _take_over(self, earlier: h5py.File) -> None:
        """Copy what was committed up to the last complete checkpoint. Everything after it is simulated and written
        again."""
        writer.copy(earlier, self._file)
        self.resumed_from = writer.read_latest(earlier)
        done = 0 if self.resumed_from is None else self.resumed_from.n_presented
        # Records and evaluations after the checkpoint are dropped: they are simulated again.
        n_records = int(np.searchsorted(self._plan.presentations.recorded, done))
        for start in range(0, n_records, self._n_together):
            part = slice(start, min(start + self._n_together, n_records))
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
        """Add the next record; `_n_together` records are written at once."""
        self._buffer.append((time, counts.copy() if self._scale is None else counts / self._scale, weights, prediction))
        if len(self._buffer) >= self._n_together:
            self._flush()
            self._file.flush()

    def _flush(self) -> None:
        """Write the records in memory and flush. Only then does `n_recorded` count them."""
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
            slots = {name: self._at(f"{writer.GROUP}/{name}") for name in (*writer.NAMES, writer.MEMORY_SCALE)}
            every = self._plan.options.checkpoint_every
            assert every is not None  # `api.train` computes it
            writer.write(slots, checkpoint.n_presented // every, checkpoint)
            self._file.flush()

    def _write_scores(self, scores: np.ndarray) -> None:
        for name, column in _VALIDATION.items() if len(scores) else ():
            self._at(name)[: len(scores)] = scores[:, column]

    def finish(
        self, trained: Trained, arrays: dict[str, np.ndarray], scores: Mapping[str, float], seconds: float
    ) -> None:
        """Write the end of training, with evaluation arrays and scores by name, and commit."""
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
            # Everything must be on disk before the flag that commits it.
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


# Files of predictions by simulation. A file is complete or absent at any moment.


class StoredPrediction(NamedTuple):
    """The contents of a file of a prediction."""

    arguments: dict
    task: str
    targets: np.ndarray  # float64[sample, output] [concentration]
    outputs: np.ndarray  # float64[sample, output] [concentration]
    software_version: str


def write(path: Path, arguments: dict, task: str, targets: np.ndarray, outputs: np.ndarray) -> None:
    """Write the file. `arguments` are everything that determines the content, including the training run. Raises
    StorageError if this fails."""
    values: dict[str, Any] = {"task": task, "arguments": json.dumps(arguments)}
    values |= {"targets": np.asarray(targets, dtype=np.float64), "outputs": np.asarray(outputs, dtype=np.float64)}
    with written(path) as file:
        make(file, PREDICTIONS, values)


def read(path: Path) -> StoredPrediction:
    """The contents of the file. Raises InputError for a file of another type or a newer major version, and for a
    damaged one."""
    with opened(path, PREDICTIONS) as file, readable(path):
        return StoredPrediction(
            json.loads(file.attrs["arguments"]),
            printable(file.attrs["task"]),
            file["targets"][:],
            file["outputs"][:],
            printable(file.attrs["software_version"]),
        )


def scores(prediction: StoredPrediction) -> dict[str, float]:
    """`accuracy` and `rmse` of the outputs."""
    none = prediction.targets[:0]
    data = Dataset("", prediction.task, none, none, none, prediction.targets)
    return {"accuracy": data.accuracy(prediction.outputs), "rmse": data.rmse(prediction.outputs)}
