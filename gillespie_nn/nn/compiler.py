"""From layer sizes to a reaction network that computes, backpropagates and learns, all at once in one pot."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..activations import ACTIVATIONS, Activation, make_activation
from ..checks import InputError
from ..crn.dual_rail import NetworkBuilder, Rails
from ..crn.formats.text_write import equation
from ..crn.network import ReactionNetwork
from ..display.html import fragment
from ..display.tables import Table, shown
from ..kernels.codes import COUNT_LIMIT
from . import modules
from .floating import FloatNetwork
from .modules import LayerSpecies

LINEAR = "linear"
_Places = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of numbers among the species: plus rail, minus rail (the plus rail where there is none), and 1 where there is one."""
LICENCE = Rails("L")
OUTPUTS = (LINEAR, *(a.name for a in ACTIVATIONS))


@dataclass(frozen=True)
class TrainingNetwork:
    """A compiled training network: the reactions, and the species of inputs, targets, weights and outputs.

    `weights` is always one float64 vector [concentration]: for each layer the matrix W[out, in] row by row, then the
    biases. A weight w is round(Omega |w|) molecules on the rail of its sign.
    """

    layers: tuple[int, ...]
    hidden_activation: Activation
    output_activation: Activation | None
    network: ReactionNetwork
    inputs: tuple[Rails, ...]
    targets: tuple[Rails, ...]
    weights: tuple[Rails, ...]
    outputs: tuple[Rails, ...]
    hold: float = 0.0
    """Time without learning at the start of each presentation [s]."""

    def __repr__(self) -> str:
        last = LINEAR if self.output_activation is None else self.output_activation.name
        n_species, n_reactions = len(self.network.species), len(self.network.reactions)
        return (
            f"TrainingNetwork({self.shape}, {self.hidden_activation.name}, {last} output, {len(self.weights)} weights, "
            f"{n_species} species, {n_reactions} reactions{'' if self.targets else ', without learning'})"
        )

    def _repr_html_(self) -> str:
        modules: dict[str, list[str]] = {}
        for reaction in self.network.reactions:
            modules.setdefault(reaction.name.partition("_")[0], []).append(equation(reaction))
        rows = [(name, len(equations), equations[0]) for name, equations in modules.items()]
        return fragment(repr(self), [shown(Table("", ("module", "reactions", "the first of them"), rows))])

    @property
    def shape(self) -> str:
        """Layer sizes, as 2-4-1."""
        return "-".join(map(str, self.layers))

    @property
    def licence(self) -> tuple[Rails, ...]:
        """The licence to learn, 0 or 1, which the environment sets like inputs; empty if learning is never held."""
        return (LICENCE,) if self.hold else ()

    @cached_property
    def floating(self) -> FloatNetwork:
        """The same network in floating point."""
        return FloatNetwork(self.layers, self.hidden_activation, self.output_activation)

    def initial(self, weights: ArrayLike, volume: float) -> dict[str, int]:
        """Initial counts by name that represent `weights` float64[weight] in `volume`; all other counts are 0."""
        return self._named(self.weights, self._vector("weights", weights, len(self.weights)), volume)

    def presentation(self, x: ArrayLike, t: ArrayLike | None, volume: float) -> dict[str, int]:
        """Counts by name that present input `x` float64[input] and, for a learning network, target `t`."""
        changes = self._named(self.inputs, self._vector("input", x, len(self.inputs)), volume)
        if self.targets:
            changes |= self._named(self.targets, self._vector("target", t, len(self.targets)), volume)
        return changes | self._named(self.licence, np.zeros(len(self.licence)), volume)

    def release(self, volume: float) -> dict[str, int]:
        """Counts by name that end the hold of a presentation."""
        return self._named(self.licence, np.ones(len(self.licence)), volume)

    def read(self, rails: Sequence[Rails], counts: np.ndarray, volume: float) -> np.ndarray:
        """Concentrations float64[..., number] of `rails` in `counts` [..., species] [molecules]."""
        return _read(self._places(rails), counts, volume)

    def start(self, weights: ArrayLike, volume: float, dtype: type = np.int64) -> np.ndarray:
        """The state [species] [molecules] that represents `weights` float64[weight], with all other counts 0; rounded
        to whole counts unless `dtype` is float64."""
        state: np.ndarray = np.zeros(len(self.network.species), dtype=dtype)
        places = [self.network.index[s] for s in rail_species(self.weights)]
        state[places] = rail_counts(self.weights, self._vector("weights", weights, len(self.weights)), volume, dtype)
        return state

    def read_weights(self, counts: np.ndarray, volume: float) -> np.ndarray:
        """Weights float64[..., weight] represented by `counts` int64[..., species]; for `volume` see `read_outputs`."""
        return _read(self._weight_places, counts, volume)

    def read_outputs(self, counts: np.ndarray, volume: float) -> np.ndarray:
        """Outputs float64[..., output] represented by `counts` int64[..., species]. For results in concentrations (see
        their `units`), use volume 1."""
        return _read(self._output_places, counts, volume)

    @cached_property
    def _weight_places(self) -> _Places:
        return self._places(self.weights)

    @cached_property
    def _output_places(self) -> _Places:
        return self._places(self.outputs)

    def _places(self, rails: Sequence[Rails]) -> _Places:
        index = self.network.index
        plus = np.array([index[r.plus] for r in rails])
        minus = np.array([index[r.minus or r.plus] for r in rails])
        return plus, minus, np.array([r.minus is not None for r in rails], dtype=np.int64)

    def _named(self, rails: Sequence[Rails], values: np.ndarray, volume: float) -> dict[str, int]:
        return dict(zip(rail_species(rails), rail_counts(rails, values, volume).tolist()))

    def _vector(self, name: str, values: ArrayLike | None, size: int) -> np.ndarray:
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (size,) or not np.isfinite(values).all():
            raise InputError(f"{name} must be {size} finite numbers for layers {self.layers}, got {values!r}")
        return values


def _read(places: _Places, counts: np.ndarray, volume: float) -> np.ndarray:
    plus, minus, signed = places
    return (counts[..., plus] - counts[..., minus] * signed) / float(volume)


def rail_species(rails: Sequence[Rails]) -> list[str]:
    """Names of the species that carry numbers, plus rail before minus rail."""
    return [s for pair in rails for s, _ in pair.signs()]


def rail_counts(rails: Sequence[Rails], values: np.ndarray, volume: float, dtype: type = np.int64) -> np.ndarray:
    """Counts [..., species], in the order of `rail_species`, that hold `values` float64[..., number]; rounded to whole
    ones unless `dtype` is float64."""
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError("inputs and targets must be finite numbers")
    whole = np.abs(values) * volume
    if np.issubdtype(dtype, np.integer):
        whole = np.rint(whole)
    if whole.size and whole.max() > COUNT_LIMIT:
        raise InputError(
            f"{whole.max():g} molecules exceed the largest count, 2**53 = {COUNT_LIMIT}; use a smaller volume"
        )
    both = np.stack([np.where(values > 0, whole, 0), np.where(values < 0, whole, 0)], axis=-1)
    counts: np.ndarray = both.astype(dtype)
    signed = np.array([pair.minus is not None for pair in rails], dtype=np.bool_)
    wrong = counts[..., 1].astype(np.bool_) & ~signed
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise InputError(
            f"{rails[place[-1]].plus} cannot represent {values[tuple(place)]}: this network has no minus rails for its "
            "inputs; compile it with signed_inputs=True"
        )
    kept = np.stack([np.ones_like(signed), signed], axis=-1).ravel()
    return counts.reshape(*values.shape[:-1], 2 * len(rails))[..., kept]


def training_network(
    layers: Sequence[int],
    activation: str = "smooth_relu",
    *,
    h: float = 0.25,
    learning_rate: float = 0.01,
    derivative: str = "gain",
    output: str = LINEAR,
    annihilation_rate: float = 20.0,
    signed_inputs: bool = False,
    learning: bool = True,
    hold: float = 0.0,
) -> TrainingNetwork:
    """Compile layer sizes, e.g. (2, 4, 1), into a reaction network that trains itself.

    Parameters
    ----------
    layers : sizes from input to output.
    activation : hidden activation, one of `gillespie_nn.activations.ACTIVATIONS`.
    h : smoothing of the smooth ReLU [concentration^2].
    learning_rate : eta [1/s], the rate constant of the weight updates.
    derivative : module for the smooth ReLU's derivative, `gain` or `ratio`.
    output : `linear`, or an activation's name.
    annihilation_rate : rate constant of V_p + V_m -> 0 for every pair of rails.
    signed_inputs : give inputs a minus rail.
    learning : False leaves out targets, errors and updates: the forward network with fixed weights.
    hold : time without learning after each change of the input [s], until the errors are those of the new sample.
        Weights learn from copies G of the errors, which are made only while the licence L is 1; the environment sets L
        to 0 with the sample and to 1 after the hold. This is ours, not the paper's.
    """
    if not isinstance(layers, (tuple, list)):
        raise InputError(f"layers must be a list of sizes from input to output, for example (2, 4, 1), got {layers!r}")
    layers = tuple(checks.whole("layer size", n) for n in layers)
    if len(layers) < 2:
        raise InputError(f"a network needs at least an input and an output layer, got {layers}")
    learning_rate = checks.not_negative("learning_rate", learning_rate, "1/s")
    annihilation = checks.positive("annihilation_rate", annihilation_rate)
    hidden = make_activation(activation, h, derivative)
    last = None if checks.choice("output", output, OUTPUTS) == LINEAR else make_activation(output, h, derivative)
    hold = checks.not_negative("hold", hold, "s") if learning else 0.0
    functions = [hidden] * (len(layers) - 2) + [last]
    builder = NetworkBuilder()
    rails = Rails.signed if signed_inputs else (lambda name: Rails(f"{name}_p"))
    x = [rails(f"X_{j}") for j in range(layers[0])]
    t = [Rails.signed(f"T_{i}") for i in range(layers[-1])] if learning else []
    stack = [
        modules.LayerSpecies(k, n_in, n_out, f is not None and f.signed_output)
        for k, (n_in, n_out, f) in enumerate(zip(layers, layers[1:], functions), 1)
    ]
    signals = [x] + [layer.Z if f is None else layer.Y for layer, f in zip(stack, functions)]
    weights = [w for layer in stack for w in [*(w for row in layer.W for w in row), *layer.B]]
    builder.declare(*x, *t, *weights)
    _forward(builder, stack, signals, functions, annihilation)
    if learning:
        _backward(builder, stack, signals, functions, t, learning_rate, annihilation, hold)
    network = builder.network()
    return TrainingNetwork(layers, hidden, last, network, tuple(x), tuple(t), tuple(weights), tuple(signals[-1]), hold)


def _forward(
    builder: NetworkBuilder, stack: list[LayerSpecies], signals: list, functions: list, annihilation: float
) -> None:
    for layer, below, function in zip(stack, signals, functions):
        modules.pre_activation(builder, layer, below, annihilation)
        if function is not None:
            modules.activation_forward(builder, layer, function)


def _backward(
    builder: NetworkBuilder,
    stack: list[LayerSpecies],
    signals: list,
    functions: list,
    targets: list[Rails],
    learning_rate: float,
    annihilation: float,
    hold: float,
) -> None:
    top = stack[-1]
    modules.output_error(builder, signals[-1], targets, top.D if functions[-1] is None else top.E, annihilation)
    for k in range(len(stack) - 1, -1, -1):
        if k < len(stack) - 1:
            modules.error_sum(builder, stack[k], stack[k + 1], annihilation)
        if functions[k] is not None:
            modules.activation_backward(builder, stack[k], functions[k])
            modules.error(builder, stack[k], annihilation)
    for layer, below in zip(stack, signals):
        if hold:
            modules.licensed_error(builder, layer, LICENCE, annihilation)
        modules.update(builder, layer, layer.G if hold else layer.D, below, learning_rate, annihilation)
