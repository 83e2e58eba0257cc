"""Whether the equations of a chemistry fit a network: each would compile to something else than what is written.

Reactions would take a name that no equation makes for a species without molecules, and an index out of range for one
more neuron.
"""

from collections.abc import Sequence

from .equations import Equation, EquationError, Quantity
from .reactions import Layers

_Key = tuple[str, int]


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
    made: set[_Key] = set()
    passes = ((chemistry.forward, up), (chemistry.backward, up[::-1]), (chemistry.update, up))
    for equations, order in passes:
        for layer in order:
            for equation in (e for group in layers.equations(equations, layer) for e in group):
                _check(layers, equation, layer, known, made)
        known.add((chemistry.targets, 0))  # the forward pass does without targets
    every = (*chemistry.forward, *chemistry.backward, *chemistry.update)
    read = {factor.name for equation in every for factor in equation.parsed.read()}
    for port, name in chemistry.ports.items():
        if name not in read:
            raise EquationError(f"port {port!r} sets {name}, which no equation of {chemistry.name} reads")


def _check(layers: Layers, equation: Equation, layer: int, known: set[_Key], made: set[_Key]) -> None:
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
        within = dict(sizes)  # an index that is summed over belongs to its product
        for factor in factors:
            if factor.indices:
                read = _fit(layers, factor, layer, within, text)
                if read not in known:
                    raise EquationError(
                        f"{text!r} in layer {layer}: no equation before this one makes {factor.name} of layer {read[1]}"
                    )
            elif factor.name not in layers.chemistry.ports.values():
                raise EquationError(f"{text!r}: {factor.name} is no port of {layers.chemistry.name}")
    learns = key[0] in layers.chemistry.weights
    if parts.terms and not learns and not any(f.indices for term in parts.terms for f in term.factors if f != target):
        raise EquationError(
            f"{text!r}: {target.name} follows from no other quantity: write the number where it is read"
        )
    if key in made:
        raise EquationError(f"{text!r}: {key[0]} of layer {layer} has an equation already: write all terms in one")
    made.add(key)
    known.add(key)


def _fit(layers: Layers, quantity: Quantity, layer: int, sizes: dict[str, int], text: str) -> _Key:
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
