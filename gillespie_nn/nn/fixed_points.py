"""Equations of a chemistry in floating point: the fixed point of a quantity, and the direction of a weight.

Of several samples at once, quantities that the samples do not share have one axis more, before the others.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..activations import Activation
from .equations import SLOPE, Equation, EquationError, Quantity, Term
from .phases import SCHEDULED
from .reactions import Layers, rate_of

Key = tuple[str, int]
"""(quantity, layer); inputs and targets are of layer 0."""
_LEARNING_RATE = "learning_rate"
_Values = Mapping[Key, np.ndarray]
_Read = Callable[[_Values, Key], np.ndarray]
COPY, TIMES, OUTER, MATRIX, TRANSPOSED, CONSTANT = range(6)


class Product(NamedTuple):
    """A term: a number times one or two arrays."""

    number: float
    how: int
    first: Key | None = None
    second: Key | None = None

    def array(self, values: _Values, read: _Read = operator.getitem) -> np.ndarray | float:
        """Without the number. `read` gives the array of a key."""
        if self.first is None:
            return 1.0
        first = read(values, self.first)
        if self.second is None:
            return first
        second = read(values, self.second)
        if self.how == TIMES:
            return first * second
        if self.how == OUTER:
            return first[..., :, None] * second[..., None, :]
        matrix = first if self.how == MATRIX else np.swapaxes(first, -1, -2)
        if matrix.ndim > 2:  # a matrix of each sample
            product: np.ndarray = (matrix @ second[..., None])[..., 0]
            return product
        return matrix @ second if second.ndim == 1 else second @ matrix.T

    def summed(self, values: _Values, n_axes: int) -> np.ndarray | float:
        """Without the number, for a quantity of `n_axes` axes that all samples share: the sum over the samples."""
        if self.how == OUTER:
            assert self.first is not None and self.second is not None
            first, second = values[self.first], values[self.second]
            if first.ndim == second.ndim == 2:
                return first.T @ second  # sum over samples of outer products
        array = self.array(values)
        return array if np.ndim(array) <= n_axes else np.sum(array, axis=0)


class Step(NamedTuple):
    """One equation, for all neurons of a layer."""

    target: Key
    made: tuple[Product, ...]
    lost: tuple[Product, ...]
    """What the quantity decays by, without the quantity."""
    activation: Activation | None = None
    slope: bool = False
    argument: Key | None = None
    decay: float = 1.0
    """Of an activation: the rate constant at which its argument decays."""
    rails: bool = False
    """Whether the sum of its rails is needed, too."""

    def run(self, values: dict[Key, np.ndarray]) -> None:
        """Add the fixed point to `values`, and the sum of its rails where it is needed."""
        if self.activation is not None and self.activation.reads_rails:
            assert self.argument is not None
            rest = self.activation.at_rest(values[self.argument], _on_rails(values, self.argument), self.decay)
            values[self.target] = rest.slope if self.slope else rest.value
            if not self.slope:
                values[rails_of(self.target)] = rest.rails
            return
        values[self.target] = self.settle(values)
        if self.rails:
            values[rails_of(self.target)] = self.made_on_rails(values)

    def made_on_rails(self, values: _Values) -> np.ndarray:
        """What both rails together are made at, over their decay: their sum without annihilation."""
        return _sum([p._replace(number=abs(p.number)) for p in self.made], values, self.decay_rate, _on_rails)

    @property
    def decay_rate(self) -> float:
        """The rate constant at which the quantity decays. Raises EquationError where it is no number."""
        if len(self.lost) != 1 or self.lost[0].first is not None:
            raise EquationError(f"{self.target[0]}: an activation that reads both rails needs a constant decay")
        return abs(self.lost[0].number)

    def settle(self, values: _Values) -> np.ndarray:
        """The fixed point."""
        if self.activation is not None:
            assert self.argument is not None
            z = values[self.argument]
            return self.activation.slope(z) if self.slope else self.activation.value(z)
        if len(self.lost) == 1 and self.lost[0].first is None:  # numbers first, so that 5 D - 5 G gives D exactly
            return _sum(self.made, values, self.lost[0].number)
        return _sum(self.made, values) / _sum(self.lost, values)

    def move(self, values: _Values, out: np.ndarray) -> None:
        """Write minus the rate of change into `out`, summed over the samples. Terms without a quantity of a sample are
        there once, as their reactions are."""
        made = tuple(p._replace(number=-p.number) for p in self.made)
        out[...] = _total(made, [p.summed(values, out.ndim) for p in made])


def rails_of(key: Key) -> Key:
    """The key of the sum of the rails of a quantity, where it is not |value|."""
    return f"|{key[0]}|", key[1]


def _on_rails(values: _Values, key: Key) -> np.ndarray:
    found = values.get(rails_of(key))
    return np.abs(values[key]) if found is None else found


def steps_of(layers: Layers, equations: Sequence[Equation], layer: int) -> list[Step]:
    """The equations of a layer, in order. Raises EquationError for those that have no fixed point."""
    return [_step(layers, equation, layer) for group in layers.equations(equations, layer) for equation in group]


def read_rails(steps: Sequence[Step]) -> list[Step]:
    """Those steps, of which the ones that an activation reads both rails of say so, and the activation how they
    decay."""
    read = {s.argument for s in steps if s.activation is not None and s.activation.reads_rails}
    decays = {s.target: s.decay_rate for s in steps if s.target in read and s.activation is None}
    return [
        s._replace(rails=s.target in decays, decay=1.0 if s.argument is None else decays.get(s.argument, 1.0))
        for s in steps
    ]


def _step(layers: Layers, equation: Equation, layer: int) -> Step:
    parts = equation.parsed
    target = _key(layers, parts.target, layer)
    if parts.argument is not None:
        function = layers.functions[layer]
        return Step(target, (), (), function, parts.function == SLOPE, _key(layers, parts.argument, layer))
    made, lost = [], []
    learns = parts.target.name in layers.chemistry.weights  # a weight comes to no rest, and its own decay moves it
    for term in parts.terms:
        rest = list(term.factors)
        if term.sign < 0 and parts.target in rest and not learns:
            rest.remove(parts.target)
            lost.append(_product(layers, equation, term, rest, layer, 1))
        else:
            made.append(_product(layers, equation, term, rest, layer, term.sign))
    if learns and any(term.coefficients.count(_LEARNING_RATE) != 1 for term in parts.terms):
        raise EquationError(f"{equation.text!r}: each term of a weight needs the factor {_LEARNING_RATE}, once")
    if not learns and not lost:
        raise EquationError(f"{equation.text!r}: {parts.target.name} needs a term in which it decays")
    return Step(target, tuple(made), tuple(lost))


def _product(
    layers: Layers, equation: Equation, term: Term, factors: Sequence[Quantity], layer: int, sign: int
) -> Product:
    number = sign * rate_of(layers.chemistry, term)
    indexed = []
    for factor in factors:
        if factor.indices:
            indexed.append(factor)
        else:
            number *= _while_learning(layers, factor.name)
    keys = [_key(layers, factor, layer) for factor in indexed]
    if not keys:
        return Product(number, CONSTANT)
    target = equation.parsed.target.indices
    if len(keys) == 1:
        if indexed[0].indices == target:
            return Product(number, COPY, keys[0])
    else:
        for (a, left), (b, right) in (zip(indexed, keys), zip(indexed[::-1], keys[::-1])):
            shape = (a.indices, b.indices)
            if shape == (target, target):
                return Product(number, TIMES, left, right)
            if len(target) == 2 and shape == (target[:1], target[1:]):
                return Product(number, OUTER, left, right)
            # A matrix times a vector: its other index is that of the target, which is a vector, too.
            if len(target) == 1 and len(b.indices) == 1 and sorted(a.indices) == sorted((*target, *b.indices)):
                return Product(number, MATRIX if a.indices[1:] == b.indices else TRANSPOSED, left, right)
    raise EquationError(f"{equation.text!r}: the sum over indices is not one that floating point knows")


def _key(layers: Layers, quantity: Quantity, layer: int) -> Key:
    return layers.locate(quantity, layer)[0]


def _while_learning(layers: Layers, name: str) -> float:
    """The value of a port in the phases that learn; without any, in the last phase. Raises EquationError for a port
    that has several values in these phases, or none."""
    chemistry = layers.chemistry
    port = {quantity: port for port, quantity in chemistry.ports.items()}.get(name)
    value: float | str | None = None
    learning = set()
    for phase in (*chemistry.phases, *chemistry.phases):  # a port keeps its value into the next presentation
        value = dict(phase.sets).get(port, value) if port is not None else None
        value = 1.0 if value == SCHEDULED else value  # what a schedule starts from
        if phase.learns:
            learning.add(value)
    values = (learning or {value}) - {None}
    if len(values) != 1 or any(isinstance(each, str) for each in values):
        raise EquationError(f"{name} is no port of {chemistry.name} that is set to one number in all phases that learn")
    return float(values.pop())  # type: ignore[arg-type]


def _sum(
    products: Sequence[Product],
    values: _Values,
    divisor: float = 1.0,
    read: _Read = operator.getitem,
) -> np.ndarray:
    """The sum of numbers times arrays."""
    return _total(products, [product.array(values, read) for product in products], divisor)


def _total(products: Sequence[Product], arrays: Sequence[np.ndarray | float], divisor: float = 1.0) -> np.ndarray:
    """The sum of the numbers of products times these arrays. A number of 1 costs nothing and rounds nothing."""
    total: np.ndarray | float = 0.0
    for k, (product, array) in enumerate(zip(products, arrays)):
        size = abs(product.number / divisor)
        term = array if size == 1.0 else size * array
        signed = term if product.number > 0 else -term
        total = total + signed if k else signed
    return np.asarray(total)
