"""What a training run records besides its trajectory, by name."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulation.evaluation import CHEMICAL_SCORES, SCORES
from .schema.runs import SAMPLES

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
        """Whether the samples are your `own`, the `digest` of all, `checksums` of files, a `notice`; since 1.4.
        Of your own samples also the names of `classes`, and `scaled` if features were scaled; both can be missing."""
        return self._json("data")

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Training and test inputs and targets of your own data, float64[sample, feature or output]
        [concentration]."""
        train_x, train_t, test_x, test_t = (self[f"samples/{name}"] for name in SAMPLES)
        return train_x, train_t, test_x, test_t

    @cached_property
    def weight_names(self) -> tuple[str, ...]:
        """Names of the weights, without the sign of the rail; numbered before version 1.5."""
        return self._names("weight", "weight_{}", "weights")

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in `predictions`, likewise; of a batch those of all samples, sample after sample."""
        return self._names("shown_output" if "shown_output" in self else "output", "{}", "predictions")

    @property
    def batch(self) -> int:
        """Samples presented at once."""
        return int(self.settings.get("batch", 1))

    @property
    def centre(self) -> np.ndarray:
        """float64[feature] [concentration], what was subtracted from every input; 0 unless the run was `centred`."""
        return self["centre"] if "centre" in self else np.zeros(self.layers[0])

    @property
    def presentations(self) -> np.ndarray:
        """int64[N], sample number of each presentation; of a batch of B, int64[N B], the samples in the order shown, B
        to a presentation."""
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
