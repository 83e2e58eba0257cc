"""The batch leap: a training run resolved in time, every channel drawn.

All neurons leap together, module by module (`kernels.batch_neurons`), through the hold, in which weights are still, and
through the window, in which they learn. Given the exposures to the licensed errors, the firings of a weight are a
Poisson number. Weights of later layers are drawn in every leap. Those of the first layer, nearly all of them, are drawn
`draws` times in a window; in between, pre-activations follow their expected firings, for which the products of the
inputs of samples with one another are enough (`learning`).
"""

from typing import Any, ClassVar

import numpy as np

from ... import checks
from ...nn import TrainingNetwork
from ...options import Option, positive, whole
from .base import BatchMethod
from .learning import Batch, Rates
from .neurons import Neurons
from .pieces import Pieces, libraries


def _draws(name: str, value: Any) -> int | None:
    return None if value is None else checks.whole(name, value)


class BatchLeap(BatchMethod):
    """Options: `leap`, the longest leap; `draws`, how often weights of the first layer are drawn; `threads`.

    The result does not depend on the number of threads.
    """

    name = "batch_leap"
    summary = "approximate: leaps of whole batches, resolved in time; for networks of the size of MNIST"
    reference = "D. T. Gillespie, J. Chem. Phys. 115 (2001) 1716, doi:10.1063/1.1378322"
    options = (
        Option("leap", 1.0, positive("s"), "longest leap while weights learn; twice that in the hold", unit="s"),
        Option(
            "draws", None, _draws, "draws of the weights of the first layer in a window", int, allowed="at least 1",
            usual="each leap where neurons cost more, else 1",
        ),
        Option("threads", 1, whole(), "threads", int),
    )  # fmt: skip

    batches: ClassVar[type[Batch]] = Batch
    """What simulates a presentation; verification plants errors in it."""

    def __init__(self, spec: TrainingNetwork, running_time: float, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(spec, running_time, volume, *rest, **named)
        chemistry = spec.chemistry
        hold = float(chemistry.hold)  # type: ignore[attr-defined]
        eta, annihilation = float(chemistry.learning_rate), float(chemistry.annihilation_rate)
        self._rates = Rates(eta, annihilation, hold, running_time - hold, self.settings["leap"])
        self._pieces = Pieces(self.settings["threads"])
        self._neurons: Neurons | None = None
        self._remembered = np.empty(0)

    def memory(self) -> np.ndarray:
        if self._neurons is None:
            return self._remembered
        return np.concatenate([state.ravel() for state in self._neurons.state]).astype(np.float64)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        super().recall(n_events, memory)
        if len(memory):
            self._neurons, self._remembered = None, np.array(memory, dtype=np.float64)

    def _begin(self, n_samples: int) -> Neurons:
        neurons = self._neurons = Neurons(self._spec, n_samples, self._volume)
        if len(self._remembered):
            flat = np.concatenate([state.ravel() for state in neurons.state])
            if len(flat) != len(self._remembered):
                raise ValueError(f"the memory has {len(self._remembered)} numbers, and the neurons have {len(flat)}")
            ends = np.cumsum([state.size for state in neurons.state])[:-1]
            for state, part in zip(neurons.state, np.split(self._remembered, ends)):
                state[...] = part.reshape(state.shape)
            self._remembered = np.empty(0)
        self._batch = self.batches(self.weights, neurons, self._pieces, self._rates, self.settings["draws"])
        return neurons

    def _present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        neurons = self._neurons
        if neurons is None or neurons.n_samples != len(x):
            neurons = self._begin(len(x))
        n_weights = max(self.weights.n_pieces(layer) for layer in range(len(neurons.sizes)))
        self._pieces.begin(max(len(neurons.blocks), n_weights, 2), lambda piece: self._stream(k, piece))
        with libraries().limit(limits=1):
            self._n_events += self._batch.present(x, t * np.float32(self._volume), licence)
        self._outputs = neurons.outputs()
