"""The compiler: from layer sizes to a reaction network that computes, backpropagates and learns at the same time."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..activations import Activation, SmoothReLU
from ..checks import InputError
from ..crn.dual_rail import NetworkBuilder, Rails
from ..crn.formats.text_write import equation
from ..crn.network import ReactionNetwork
from ..display.tables import Table, fragment, shown
from ..kernels.codes import COUNT_LIMIT
from ..options import options_of, takes
from .chemistries import KangKim
from .chemistry import INPUTS, SAMPLE, SCHEDULED, TARGETS, Chemistry, Phase, check_phases, intervals
from .floating import FloatNetwork
from .quantities import Numbers, Sizes, sizes_of
from .reactions import Layers, add_reactions, check_equations
from .settings import LINEAR, PresentationSettings, Settings

MOST_LISTED = 3_000_000
"""Largest number of reactions of a network that is listed; a list of this length takes about 4 GB of memory."""
_Places = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Places of numbers among the species: plus rails, minus rails (plus rails where there are none), and 1 where a number
has a minus rail, else 0."""


@dataclass(frozen=True)
class TrainingNetwork:
    """A compiled training network: the reactions, and the species of inputs, targets, weights and outputs.

    The environment sets the numbers of the `ports`, phase by phase of each presentation.

    `weights` is always one float64 vector [concentration]: for each layer the matrix W[out, in] row by row, then the
    biases. A weight w is round(Omega |w|) molecules on the rail of its sign.

    A network with a `batch` of B samples has B sets of neurons that share the weights: `inputs`, `targets` and
    `outputs` are then those of all samples, sample after sample.
    """

    layers: tuple[int, ...]
    hidden_activation: Activation
    output_activation: Activation | None
    declared: ReactionNetwork
    """The network, if it is listed; else the species of weights and outputs, without reactions."""
    ports: Mapping[str, tuple[Rails, ...]] = field(hash=False)
    """Numbers that the environment sets, by the name of the port; `inputs` always, `targets` if the network learns."""
    phases: tuple[Phase, ...]
    """Of each presentation: which ports are set to what, and when."""
    weights: tuple[Rails, ...]
    outputs: tuple[Rails, ...]
    chemistry: Chemistry
    floating: FloatNetwork = field(hash=False)
    """The same network in floating point."""
    at_start: Mapping[str, float] = field(hash=False)
    """Concentrations at the start by species, besides those of the weights."""
    sizes: Sizes
    """Numbers of species and reactions, whether they are listed or not."""
    listed: bool = True
    """Whether all species and reactions are listed, in `network`. If not, only methods that need no list, such as
    `batch_leap`, can simulate it, layer by layer."""

    def __post_init__(self) -> None:
        check_phases(self.phases, self.ports)

    def __repr__(self) -> str:
        last = LINEAR if self.output_activation is None else self.output_activation.name
        batch = f"batch of {self.batch}, " if self.batch > 1 else ""
        ending = ("" if self.targets else ", without learning") + ("" if self.listed else ", not listed")
        return (
            f"TrainingNetwork({self.shape}, {self.hidden_activation.name}, {last} output, {len(self.weights)} weights, "
            f"{batch}{self.sizes.n_species} species, {self.sizes.n_reactions} reactions{ending})"
        )

    def _repr_html_(self) -> str:
        modules: dict[str, list[str]] = {}
        for reaction in self.declared.reactions:
            modules.setdefault(reaction.name.partition("_")[0], []).append(equation(reaction))
        rows = [(name, len(equations), equations[0]) for name, equations in modules.items()]
        return fragment(repr(self), [shown(Table("", ("module", "reactions", "the first of them"), rows))])

    @property
    def network(self) -> ReactionNetwork:
        """The reactions. Raises InputError if they are not listed."""
        if not self.listed:
            raise InputError(
                f"the {self.sizes.n_reactions:.3g} reactions of this network are not listed, so it can be trained by a "
                "batch method only: compile it without listed=False"
            )
        return self.declared

    @property
    def shape(self) -> str:
        """Layer sizes, as 2-4-1."""
        return "-".join(map(str, self.layers))

    @property
    def batch(self) -> int:
        """Number of samples presented at once."""
        return self.floating.stack.batch

    def sample_suffix(self, sample: int) -> str:
        """The end of the names of a sample's numbers, for example `_b2`; empty unless there is a batch."""
        return self.floating.stack.suffix(sample)

    @property
    def inputs(self) -> tuple[Rails, ...]:
        """The port `inputs`."""
        return self.ports[INPUTS]

    @property
    def targets(self) -> tuple[Rails, ...]:
        """The port `targets`; empty for a network that does not learn."""
        return self.ports.get(TARGETS, ())

    @cached_property
    def numbers(self) -> Numbers:
        """All numbers in the network: their meanings, places and species."""
        return Numbers(self.floating.stack, self.declared.species)

    @cached_property
    def unforced(self) -> tuple[str, ...]:
        """Species on which noise in concentrations does not act unless it names them: weights, which no reaction
        restores, and switches, whose reactions conserve their total."""
        conserved = self.declared.conservation_laws
        shared = conserved.indices[np.repeat(np.diff(conserved.indptr) > 1, np.diff(conserved.indptr))]
        names = self.declared.species
        return tuple(dict.fromkeys((*rail_species(self.weights), *(names[s] for s in np.unique(shared).tolist()))))

    def initial(self, weights: ArrayLike, volume: float) -> dict[str, int]:
        """Initial counts by name that hold `weights` float64[weight] in `volume`, and what else is there at the start;
        all others are 0."""
        counts = self._named(self.weights, self._vector("weights", weights, len(self.weights)), volume)
        return counts | {species: round(value * volume) for species, value in self.at_start.items()}

    def presentation(self, x: ArrayLike, t: ArrayLike | None, volume: float, scheduled: float = 1.0) -> dict[str, int]:
        """Counts by name that begin the presentation of input `x` float64[input] and, for a learning network, target
        `t`: what the first phase sets. A batch takes `x` float64[sample, input] and `t` float64[sample, output].
        `scheduled` is the factor of the learning schedule."""
        return self._set(self.phases[0], x, t, volume, scheduled)

    def schedule(
        self,
        x: ArrayLike,
        t: ArrayLike | None,
        volume: float,
        running_time: float,
        start: float = 0.0,
        scheduled: float = 1.0,
    ) -> list[tuple[float, dict[str, int]]]:
        """The presentation of `x` and `t`, as in `presentation`, from time `start` on for `running_time` [s], as
        entries (time, counts by name) of a schedule, one per phase. Raises InputError if the phases take longer."""
        times = intervals(self.phases, start, start + running_time)
        return [(begin, self._set(phase, x, t, volume, scheduled)) for phase, begin, _ in times]

    def read(self, rails: Sequence[Rails], counts: np.ndarray, volume: float) -> np.ndarray:
        """Concentrations float64[..., number] of `rails` in `counts` [..., species] [molecules]."""
        return _read(self._places(rails), counts, volume)

    def start(self, weights: ArrayLike, volume: float, dtype: type = np.int64) -> np.ndarray:
        """The state [species] that holds `weights` float64[weight], and what else is there at the start [molecules];
        rounded to whole counts unless `dtype` is float64."""
        state: np.ndarray = np.zeros(len(self.declared.species), dtype=dtype)
        places = [self.declared.index[s] for s in rail_species(self.weights)]
        state[places] = rail_counts(self.weights, self._vector("weights", weights, len(self.weights)), volume, dtype)
        for species, value in self.at_start.items():
            amount = value * volume
            state[self.declared.index[species]] = round(amount) if np.issubdtype(dtype, np.integer) else amount
        return state

    def read_weights(self, counts: np.ndarray, volume: float) -> np.ndarray:
        """Weights float64[..., weight] represented by `counts` int64[..., species]; for `volume` see `read_outputs`."""
        return _read(self._weight_places, counts, volume)

    def read_outputs(self, counts: np.ndarray, volume: float) -> np.ndarray:
        """Outputs float64[..., output] represented by `counts` int64[..., species], in a batch those of all samples,
        sample after sample. For results in concentrations (see their `units`), use volume 1."""
        return _read(self._output_places, counts, volume)

    @cached_property
    def _weight_places(self) -> _Places:
        return self._places(self.weights)

    @cached_property
    def _output_places(self) -> _Places:
        return self._places(self.outputs)

    def _places(self, rails: Sequence[Rails]) -> _Places:
        index = self.declared.index
        plus = np.array([index[r.plus] for r in rails])
        minus = np.array([index[r.minus or r.plus] for r in rails])
        return plus, minus, np.array([r.minus is not None for r in rails], dtype=np.int64)

    def _set(self, phase: Phase, x: ArrayLike, t: ArrayLike | None, volume: float, scheduled: float) -> dict[str, int]:
        sample = {INPUTS: ("input", x, self.layers[0]), TARGETS: ("target", t, self.layers[-1])}
        counts: dict[str, int] = {}
        for port, value in phase.sets:
            rails = self.ports[port]
            if value == SAMPLE:
                shown = self._batch(*sample[port])
            else:
                shown = np.full(len(rails), scheduled if value == SCHEDULED else value)
            counts |= self._named(rails, shown, volume)
        return counts

    def _batch(self, name: str, values: ArrayLike | None, size: int) -> np.ndarray:
        """Inputs or targets of all samples, float64[sample * size]."""
        samples = np.asarray(values, dtype=np.float64)
        if self.batch == 1 and samples.shape != (1, size):
            return self._vector(name, samples, size)
        if samples.shape != (self.batch, size) or not np.isfinite(samples).all():
            raise InputError(
                f"{name} must be finite numbers of shape ({self.batch}, {size}), one row per sample of the batch, got "
                f"{values!r}"
            )
        return samples.ravel()

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
    # Larger counts are no longer exact as float64.
    if whole.size and whole.max() > COUNT_LIMIT:
        raise InputError(
            f"{whole.max():g} molecules exceed the largest count, 2**53 = {COUNT_LIMIT}; use a smaller volume"
        )
    both = np.stack([np.where(values > 0, whole, 0), np.where(values < 0, whole, 0)], axis=-1)
    counts: np.ndarray = both.astype(dtype)
    signed = np.array([pair.minus is not None for pair in rails], dtype=np.bool_)
    # A negative value on a number without minus rail would silently become 0.
    wrong = counts[..., 1].astype(np.bool_) & ~signed
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise InputError(
            f"{rails[place[-1]].plus} cannot represent {values[tuple(place)]}: this network has no minus rails for its "
            "inputs; compile it with signed_inputs=True"
        )
    exists = np.stack([np.ones_like(signed), signed], axis=-1).ravel()
    return counts.reshape(*values.shape[:-1], 2 * len(rails))[..., exists]


@takes(options_of(KangKim), options_of(SmoothReLU))
def training_network(
    layers: Sequence[int],
    activation: str | Activation = "smooth_relu",
    *,
    chemistry: str | Chemistry = "kang_kim",
    output: str | Activation = LINEAR,
    signed_inputs: bool = False,
    learning: bool = True,
    batch: int = 1,
    listed: bool = True,
    seed: int = 0,
    **settings: Any,
) -> TrainingNetwork:
    """Compile layer sizes, e.g. (2, 4, 1), into a reaction network that trains itself.

    Parameters
    ----------
    layers : sizes from input to output.
    activation : hidden activation, one of `gillespie_nn.activations.ACTIVATIONS`, or an object.
    chemistry : one of `gillespie_nn.chemistries.CHEMISTRIES`, or an object.
    output : `linear`, or the activation of the output layer.
    signed_inputs : give inputs a minus rail.
    learning : False leaves out targets, errors and updates: the forward network with fixed weights.
    batch : number of samples presented at once, each to a set of neurons; all sets share the weights.
    listed : False makes no list of reactions, for methods that need none: see `TrainingNetwork.listed`.
    seed : decides the fixed random numbers of chemistries that have them.
    ...
    settings : settings of the chemistry and the activations, by name. The signature lists those of the default
        chemistry and activation.

    Raises InputError for settings that neither the chemistry nor an activation has.
    """
    if not isinstance(layers, (tuple, list)):
        raise InputError(f"layers must be a list of sizes from input to output, for example (2, 4, 1), got {layers!r}")
    layers = tuple(checks.whole("layer size", n) for n in layers)
    if len(layers) < 2:
        raise InputError(f"a network needs at least an input and an output layer, got {layers}")
    for name in settings:
        if name in options_of(PresentationSettings) or name == "output_activation":
            instead = "layers" if name == "hidden" else "output" if name == "output_activation" else "train"
            raise InputError(f"{name} is a setting of a training run, not of a network: give it to {instead}")
    made = Settings(chemistry=chemistry, activation=activation, output_activation=output, **settings)
    functions = [made.activation] * (len(layers) - 2) + [made.output]
    stack = Layers(made.chemistry, layers, functions, signed_inputs, checks.whole("batch", batch))
    check_equations(stack)
    builder = NetworkBuilder()
    targets = stack.targets if learning else ()
    weights = stack.every(made.chemistry.weights)
    # The size is known before any reaction is made, so a network that is too large is refused at once.
    sizes = sizes_of(stack, learning)
    if listed:
        if sizes.n_reactions > MOST_LISTED:
            raise InputError(
                f"layers {layers} with batch = {stack.batch} have {sizes.n_reactions:.3g} reactions, "
                f"too many to list ({MOST_LISTED:.0e} at most): use a smaller batch or network, or train by method "
                "batch_leap, which needs no list"
            )
        # Declared first, so that inputs, targets and weights come before all other species.
        builder.declare(*stack.inputs, *targets, *weights)
        add_reactions(builder, stack, learning)
    else:
        builder.declare(*weights, *stack.signals)
    network = builder.network()
    floating = FloatNetwork(layers, made.activation, made.output, made.chemistry, seed, stack.batch)
    return TrainingNetwork(
        layers, made.activation, made.output, network, *_environment(stack, network, learning), weights, stack.signals,
        made.chemistry, floating, _at_start(stack, floating, network), sizes, listed,
    )  # fmt: skip


def _environment(
    stack: Layers, network: ReactionNetwork, learning: bool
) -> tuple[dict[str, tuple[Rails, ...]], tuple[Phase, ...]]:
    """Ports and phases: those of the chemistry, or of a forward network what its equations read of them."""
    others = {port: (Rails(quantity),) for port, quantity in stack.chemistry.ports.items()}
    if learning:
        return {INPUTS: stack.inputs, TARGETS: stack.targets, **others}, stack.chemistry.phases
    ports = {INPUTS: stack.inputs} | {port: rails for port, rails in others.items() if rails[0].plus in network.index}
    # A forward network without other ports needs no phases: its sample is presented once.
    if len(ports) == 1:
        return ports, (Phase("run", None, ((INPUTS, SAMPLE),), learns=False),)
    return ports, tuple(
        phase._replace(sets=tuple(each for each in phase.sets if each[0] in ports), learns=False)
        for phase in stack.chemistry.phases
    )


def _at_start(stack: Layers, floating: FloatNetwork, network: ReactionNetwork) -> dict[str, float]:
    """Concentrations at the start by species, besides the weights: fixed random numbers, and helpers of activations."""
    values: dict[str, float] = {}
    for rails, value in zip(stack.every(tuple(stack.chemistry.fixed)), floating.fixed_values.tolist()):
        values[rails.rail(1 if value >= 0 else -1)] = abs(value)
    for layer, function in enumerate(stack.functions):
        for name, value in (function.helpers if function is not None else {}).items():
            places = itertools.product(range(stack.batch), range(stack.sizes[layer]))
            values |= {stack.named(name, layer, i, sample=b).plus: value for b, i in places}
    return {species: value for species, value in values.items() if value and species in network.index}
