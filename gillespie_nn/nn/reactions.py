"""From the equations of a chemistry to reactions on dual rails, and checks that the equations fit a network.

Each signed number is the difference of two species. A product of quantities becomes catalytic reactions that make the
rail of its sign. Minus the quantity itself is its decay. After its equation the two rails of a quantity annihilate each
other, which does not change their difference.

In a batch each sample has a separate set of neurons. All sets react with the same weights, fixed numbers and ports,
which are catalysts there. A weight has the reactions of every sample, so that its change is the sum over the samples.
Terms without a quantity of a sample, such as a decay, and the annihilation of its rails occur once.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from ..activations import Activation
from ..crn.dual_rail import NetworkBuilder, Rails
from .chemistry import (
    ABOVE,
    ACTIVATED,
    ALL,
    BELOW,
    HIDDEN,
    LAST,
    SLOPE,
    Chemistry,
    Equation,
    EquationError,
    EquationTerm,
    Quantity,
)

Key = tuple[str, int]
"""(quantity, layer); inputs and targets are of layer 0."""
_Place = Mapping[str, int]
"""The value of each index, and the number of the sample."""
_SAMPLE = "sample"
"""The key of the number of the sample in a place; indices are single letters."""


class Layers:
    """The layers of a network: their sizes, their activations, and the species of every quantity.

    `sizes` are those of all layers from input to output; `functions` the activations from the first hidden layer on,
    None where there is none. `batch` is the number of samples presented at once. In a batch of several, species that
    the samples do not share are named with the number of the sample: `Z1_0_b2_p`.
    """

    def __init__(
        self,
        chemistry: Chemistry,
        sizes: Sequence[int],
        functions: Sequence[Activation | None],
        signed_inputs: bool = False,
        batch: int = 1,
    ) -> None:
        self.chemistry, self.sizes, self.functions = chemistry, tuple(sizes), (None, *functions)
        self.batch = batch
        self._shared = {*chemistry.weights, *chemistry.fixed, *chemistry.ports.values()}
        self._signed_inputs = signed_inputs
        self._single = {*chemistry.unsigned, *chemistry.ports.values()}
        applied = [e.parsed.argument for e in (*chemistry.forward, *chemistry.backward)]
        self._arguments = {argument.name for argument in applied if argument is not None}

    @property
    def last(self) -> int:
        return len(self.sizes) - 1

    def equations(self, equations: Sequence[Equation], layer: int) -> list[list[Equation]]:
        """The equations for a layer, in groups of one label."""
        function, kinds = self.functions[layer], {ALL, LAST if layer == self.last else HIDDEN}
        if function is not None:
            kinds.add(ACTIVATED)
        chosen = [e for e in equations if e.layers in kinds]
        return [list(group) for _, group in itertools.groupby(chosen, key=lambda e: e.label)]

    def resolve(self, quantity: Quantity, layer: int) -> tuple[str, int]:
        """(name, layer) of a quantity that an equation of `layer` reads or makes, with the names of linear layers."""
        at = layer + {BELOW: -1, ABOVE: 1}.get(quantity.at, 0)
        if at == 0 and quantity.name == self.chemistry.signal:
            return self.chemistry.inputs, 0
        if not 0 < at <= self.last:
            raise EquationError(f"{quantity.name} of layer {at} is read: the network has layers 1 to {self.last}")
        return self.resolve_name(quantity.name, at), at

    def resolve_name(self, name: str, layer: int) -> str:
        """The quantity that stands for `name` in a layer: another one where the layer has no activation."""
        return self.chemistry.linear.get(name, name) if self.functions[layer] is None else name

    def function_of(self, name: str, layer: int) -> Activation | None:
        """The activation of a layer, if its argument is the quantity `name`."""
        return self.functions[layer] if name in self._arguments else None

    def locate(self, quantity: Quantity, layer: int) -> tuple[tuple[str, int], tuple[int, ...]]:
        """((name, layer), shape) of a quantity that an equation of `layer` names. Inputs and targets are of layer 0."""
        if quantity.name == self.chemistry.targets:
            return (quantity.name, 0), self.sizes[-1:]
        name, at = self.resolve(quantity, layer)
        return (name, at), self.shape(name, at) if at else self.sizes[:1]

    def size(self, quantity: Quantity, position: int, layer: int) -> int:
        """How many values the index at a position of a quantity takes."""
        return self.locate(quantity, layer)[1][position]

    def shared(self, name: str) -> bool:
        """Whether all samples of a batch share the quantity `name`: a weight, a fixed number or a port."""
        return name in self._shared

    def rails(self, quantity: Quantity, layer: int, place: _Place) -> Rails:
        """The species of one number."""
        if not quantity.indices:
            return Rails(quantity.name)
        sample = place.get(_SAMPLE, 0)
        if quantity.name == self.chemistry.targets:
            return self.target(place[quantity.indices[0]], sample)
        name, at = self.resolve(quantity, layer)
        if at == 0:
            return self.input(place[quantity.indices[0]], sample)
        return self.named(name, at, *(place[i] for i in quantity.indices), sample=sample)

    def named(self, name: str, layer: int, *indices: int, sample: int = 0) -> Rails:
        """The species of a quantity of a layer by its indices and, unless all samples share it, its sample."""
        stem = "_".join([group_name(name, layer), *map(str, indices)])
        if not self.shared(name):
            stem += self.suffix(sample)
        function = self.functions[layer]
        if name == self.chemistry.signal:
            signed = function is not None and function.signed_output
        else:
            signed = name not in self._single and (function is None or name not in function.helpers)
        return Rails.signed(stem) if signed else Rails(stem)

    def suffix(self, sample: int) -> str:
        """The end of the names of a sample, before the rail; empty where there is one sample."""
        return f"_b{sample}" if self.batch > 1 else ""

    def input(self, number: int, sample: int = 0) -> Rails:
        rails = Rails.signed(f"{self.chemistry.inputs}_{number}{self.suffix(sample)}")
        return rails if self._signed_inputs else Rails(rails.plus)

    def target(self, number: int, sample: int = 0) -> Rails:
        return Rails.signed(f"{self.chemistry.targets}_{number}{self.suffix(sample)}")

    @property
    def inputs(self) -> tuple[Rails, ...]:
        """The inputs, sample after sample."""
        return tuple(self.input(j, b) for b in range(self.batch) for j in range(self.sizes[0]))

    @property
    def targets(self) -> tuple[Rails, ...]:
        """The targets, sample after sample."""
        return tuple(self.target(i, b) for b in range(self.batch) for i in range(self.sizes[-1]))

    def every(self, names: Sequence[str]) -> tuple[Rails, ...]:
        """The species of these quantities, which all samples share, in all layers that have them, layer by layer."""
        return tuple(self.named(name, layer, *indices) for name, layer, indices in self.places(names))

    def places(self, names: Sequence[str]) -> Iterator[tuple[str, int, tuple[int, ...]]]:
        """(name, layer, indices) of all numbers of these quantities, layer by layer."""
        for layer in range(1, self.last + 1):
            for name in names:
                if shape := self.shape(name, layer):
                    yield from ((name, layer, indices) for indices in itertools.product(*map(range, shape)))

    def shape(self, name: str, layer: int) -> tuple[int, ...]:
        """The shape of a quantity in a layer; empty where its second index would count the neurons of no layer."""
        side = self.chemistry.matrices.get(name)
        if side is None:
            return (self.sizes[layer],)
        at = layer + (1 if side == ABOVE else -1)
        return (self.sizes[layer], self.sizes[at]) if at <= self.last else ()

    @property
    def signals(self) -> tuple[Rails, ...]:
        """The outputs of the network, sample after sample."""
        quantity = Quantity(self.chemistry.signal, ("i",))
        places = itertools.product(range(self.batch), range(self.sizes[-1]))
        return tuple(self.rails(quantity, self.last, {"i": i, _SAMPLE: b}) for b, i in places)


def group_name(quantity: str, layer: int) -> str:
    """The start of the names of the species of a quantity in a layer. Layer 0 has no number."""
    return f"{quantity}{layer}" if layer else quantity


def add_reactions(builder: NetworkBuilder, layers: Layers, learning: bool) -> None:
    """Add the reactions of the whole network: forward, and with `learning` backward and update."""
    chemistry, up = layers.chemistry, range(1, layers.last + 1)
    passes: list[tuple[tuple[Equation, ...], Iterator[int] | range]] = [(chemistry.forward, up)]
    if learning:
        passes += [(chemistry.backward, reversed(up)), (chemistry.update, up)]
    for equations, order in passes:
        for layer in order:
            for group in layers.equations(equations, layer):
                _add_group(builder, layers, layer, group)


def _add_group(builder: NetworkBuilder, layers: Layers, layer: int, group: Sequence[Equation]) -> None:
    """Equations of one label, sample by sample: all reactions of a neuron before those of the next."""
    parsed = [(equation, equation.parsed) for equation in group]
    for sample, i in itertools.product(range(layers.batch), range(layers.sizes[layer])):
        for equation, parts in parsed:
            # A shared quantity has got the reactions of all samples with the first one.
            if sample and layers.shared(parts.target.name):
                continue
            first, *rest = parts.target.indices
            for others in itertools.product(*(range(layers.size(parts.target, 1, layer)) for _ in rest)):
                add_equation(builder, layers, layer, equation, {first: i, **dict(zip(rest, others)), _SAMPLE: sample})


def add_equation(builder: NetworkBuilder, layers: Layers, layer: int, equation: Equation, place: _Place) -> None:
    """Add the reactions of one equation for the values `place` of the indices on its left side. For a quantity that
    the samples share, add those of all samples."""
    parts = equation.parsed
    target = layers.rails(parts.target, layer, place)
    if parts.argument is not None:
        _add_function(builder, layers, layer, equation, target, place)
        return
    label, once = f"{equation.label}_{target.name}", parts.terms
    if layers.batch > 1 and layers.shared(parts.target.name):
        of_samples = [term for term in parts.terms if not all(layers.shared(factor.name) for factor in term.factors)]
        once = tuple(term for term in parts.terms if term not in of_samples)
        for sample in range(layers.batch):
            builder.module(label + layers.suffix(sample))
            for term in of_samples:
                _add_term(builder, layers, layer, equation, term, target, {**place, _SAMPLE: sample})
    builder.module(label)
    for term in once:
        _add_term(builder, layers, layer, equation, term, target, place)
    # The rails of a pre-activation may annihilate at the rate of its activation, which reads both of them.
    rate, function = layers.chemistry.annihilation_rate, layers.function_of(parts.target.name, layer)
    if function is None:
        builder.annihilate(target, rate)
    else:
        function.settle_rails(builder, target, rate)


def _add_function(
    builder: NetworkBuilder, layers: Layers, layer: int, equation: Equation, target: Rails, place: _Place
) -> None:
    parts, function = equation.parsed, layers.functions[layer]
    assert parts.argument is not None and function is not None  # equations with f are for layers with an activation
    z = layers.rails(parts.argument, layer, place)
    builder.module(f"{equation.label}_{z.name}")
    indices = [place[i] for i in parts.target.indices]
    sample = place.get(_SAMPLE, 0)
    helpers = {name: layers.named(name, layer, *indices, sample=sample) for name in function.helpers}
    if parts.function == SLOPE:
        y = layers.named(layers.chemistry.signal, layer, *indices, sample=sample)
        function.backward(builder, z, y, target, helpers)
    else:
        function.forward(builder, z, target, helpers)


def _add_term(
    builder: NetworkBuilder,
    layers: Layers,
    layer: int,
    equation: Equation,
    term: EquationTerm,
    target: Rails,
    place: _Place,
) -> None:
    parts, rate = equation.parsed, rate_of(layers.chemistry, term)
    if parts.decay(term):
        builder.decay(target, rate)
        return
    # The sum over the other indices becomes one reaction, or pair of reactions, for each of their values.
    for more in _places(layers, layer, term, place):
        rails = [layers.rails(factor, layer, {**place, **more}) for factor in term.factors]
        try:
            if term.sign < 0 and target in rails and len(rails) == 2:
                builder.consume(target, rails[1 - rails.index(target)], rate)
            elif len(rails) == 2:
                builder.multiply(rails[0], rails[1], target, rate, term.sign)
            elif rails:
                builder.copy(rails[0], target, rate, term.sign)
            else:
                builder.react((), (target.rail(term.sign),), rate)
        except ValueError:
            raise EquationError(
                f"{equation.text!r}: {target.plus} has no minus rail, and a term could make it negative; remove it "
                "from the unsigned quantities"
            ) from None


def _places(layers: Layers, layer: int, term: EquationTerm, place: _Place) -> Iterator[dict[str, int]]:
    """All values of the indices that are summed over, the last running fastest."""
    sizes: dict[str, int] = {}
    for factor in term.factors:
        for position, index in enumerate(factor.indices):
            if index not in place:
                sizes.setdefault(index, layers.size(factor, position, layer))
    for values in itertools.product(*map(range, sizes.values())):
        yield dict(zip(sizes, values))


def rate_of(chemistry: Chemistry, term: EquationTerm) -> float:
    """The product of the numbers and settings of a term. Raises EquationError for an unknown setting."""
    rate = 1.0
    for word in term.coefficients:
        if word[0].isdigit():
            rate *= float(word)
            continue
        value = getattr(chemistry, word, None)
        if not isinstance(value, (int, float)):
            raise EquationError(f"{word!r} is not a setting of {chemistry.name}")
        rate *= value
    return rate


# Checks that the equations of a chemistry fit a network
#
# Without them a wrong equation would compile to something else: a name that no equation makes would become a species
# without molecules, and an index out of range one more neuron.


def check_equations(layers: Layers) -> None:
    """Raise EquationError for an equation that does not fit the network, or the equations before it."""
    chemistry, up = layers.chemistry, range(1, layers.last + 1)
    _check_helpers(layers)
    if [len(layers.shape(name, 1)) for name in chemistry.weights] != [2, 1]:
        raise EquationError(
            f"the weights of {chemistry.name} must be a matrix and then the biases, as ('W', 'B'), got "
            f"{chemistry.weights}"
        )
    known = {(name, layer) for layer in up for name in (*chemistry.weights, *chemistry.fixed)}
    known.add((chemistry.inputs, 0))
    made: set[Key] = set()
    passes = ((chemistry.forward, up), (chemistry.backward, up[::-1]), (chemistry.update, up))
    for equations, order in passes:
        for layer in order:
            for equation in (e for group in layers.equations(equations, layer) for e in group):
                _check(layers, equation, layer, known, made)
        # Only now: the forward pass must not read targets.
        known.add((chemistry.targets, 0))
    every = (*chemistry.forward, *chemistry.backward, *chemistry.update)
    read = {factor.name for equation in every for factor in equation.parsed.read()}
    for port, name in chemistry.ports.items():
        if name not in read:
            raise EquationError(f"port {port!r} sets {name}, which no equation of {chemistry.name} reads")


def _check(layers: Layers, equation: Equation, layer: int, known: set[Key], made: set[Key]) -> None:
    parts, text = equation.parsed, equation.text
    target = parts.target
    if not target.indices:
        raise EquationError(f"{text!r}: {target.name} needs an index: an equation is for each neuron of a layer")
    if parts.argument is not None:
        if layers.functions[layer] is None:
            raise EquationError(
                f"{text!r}: layer {layer} has no activation; an equation with f is for activated layers"
            )
        if parts.argument.indices != target.indices:
            raise EquationError(f"{text!r}: both sides need the same index")
    sizes: dict[str, int] = {}
    key = _fit(layers, target, layer, sizes, text)
    for term in parts.terms or (None,):
        factors = list(term.factors) if term is not None else list(parts.read())
        if term is not None and term.sign < 0 and target in factors:
            factors.remove(target)
        # An index that is summed over belongs to one product; other products may use it with another size.
        within = dict(sizes)
        for factor in factors:
            if factor.indices:
                read = _fit(layers, factor, layer, within, text)
                if read not in known:
                    raise EquationError(
                        f"{text!r} in layer {layer}: no equation before this one makes {factor.name} of layer {read[1]}"
                    )
            elif factor.name not in layers.chemistry.ports.values():
                raise EquationError(f"{text!r}: {factor.name} is not a port of {layers.chemistry.name}")
    learns = key[0] in layers.chemistry.weights
    if parts.terms and not learns and not any(f.indices for term in parts.terms for f in term.factors if f != target):
        raise EquationError(
            f"{text!r}: {target.name} follows from no other quantity: write the number where it is read"
        )
    if key in made:
        raise EquationError(f"{text!r}: {key[0]} of layer {layer} has an equation already: write all terms in one")
    made.add(key)
    known.add(key)


def _fit(layers: Layers, quantity: Quantity, layer: int, sizes: dict[str, int], text: str) -> Key:
    """(name, layer) of a quantity. `sizes` are how many values each index takes; new ones are added."""
    key, shape = layers.locate(quantity, layer)
    indices = quantity.indices
    if len(shape) != len(indices):
        wants = f"has {len(shape)}" if shape else "is not there"
        raise EquationError(f"{text!r}: {quantity.name} is written with {len(indices)} indices, and {wants} in layer "
                            f"{key[1]}; those with two are the matrices of the chemistry")  # fmt: skip
    if len(set(indices)) < len(indices):
        raise EquationError(f"{text!r}: {quantity.name} has the same index twice")
    for index, size in zip(indices, shape):
        if sizes.setdefault(index, size) != size:
            raise EquationError(
                f"{text!r} in layer {layer}: index {index} takes {sizes[index]} values, and {size} in {quantity.name}"
            )
    return key


def _check_helpers(layers: Layers) -> None:
    chemistry = layers.chemistry
    equations: Sequence[Equation] = (*chemistry.forward, *chemistry.backward, *chemistry.update)
    taken = {
        chemistry.inputs, chemistry.targets, *chemistry.weights, *chemistry.fixed, *chemistry.ports.values(),
        *(e.parsed.target.name for e in equations),
    }  # fmt: skip
    for function in filter(None, layers.functions):
        for name in function.helpers:
            if name in taken:
                raise EquationError(
                    f"{name} is a quantity of {chemistry.name}, and a helper of the activation {function.name}: "
                    "give the helper another letter"
                )
