"""A network in floating point: the fixed points of its quantities, directions of learning, gradient descent and flow.

This is the slow-learning limit of a chemistry, and the reference for its accuracy. It follows from the equations of the
chemistry: each quantity is at the fixed point of its equation, and weights move as their equations say. For several
samples at once, quantities that the samples do not share have one more axis, before the others.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import seeds
from ..activations import Activation
from ..checks import InputError, UnfinishedError
from ..seeds import Purpose
from .chemistries import KangKim
from .chemistry import SCHEDULED, SLOPE, Chemistry, Equation, EquationError, EquationTerm, Quantity
from .reactions import Key, Layers, group_name, rate_of

_LEARNING_RATE = "learning_rate"
_Values = Mapping[Key, np.ndarray]
_Read = Callable[[_Values, Key], np.ndarray]
COPY, TIMES, OUTER, MATRIX, TRANSPOSED, CONSTANT = range(6)


class Product(NamedTuple):
    """A term of an equation: a number times one or two arrays."""

    number: float
    how: int
    first: Key | None = None
    second: Key | None = None

    def array(self, values: _Values, read: _Read = operator.getitem) -> np.ndarray | float:
        """The product without the number. `read` gives the array of a key."""
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
        """The product without the number, summed over the samples, for a quantity of `n_axes` axes that they share."""
        if self.how == OUTER:
            assert self.first is not None and self.second is not None
            first, second = values[self.first], values[self.second]
            if first.ndim == second.ndim == 2:
                return first.T @ second  # sum over samples of outer products
        array = self.array(values)
        return array if np.ndim(array) <= n_axes else np.sum(array, axis=0)


class EquationStep(NamedTuple):
    """One equation of a chemistry, for all neurons of a layer."""

    target: Key
    made: tuple[Product, ...]
    lost: tuple[Product, ...]
    """The terms of the decay, without the quantity itself."""
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
        """The rate at which both rails together are made, over their decay: their sum without annihilation."""
        return _sum([p._replace(number=abs(p.number)) for p in self.made], values, self.decay_rate, _on_rails)

    @property
    def decay_rate(self) -> float:
        """The rate constant at which the quantity decays. Raises EquationError where it is no number."""
        # The closed form of rails at rest assumes one decay at a constant rate.
        if len(self.lost) != 1 or self.lost[0].first is not None:
            raise EquationError(f"{self.target[0]}: an activation that reads both rails needs a constant decay")
        return abs(self.lost[0].number)

    def settle(self, values: _Values) -> np.ndarray:
        """The fixed point."""
        if self.activation is not None:
            assert self.argument is not None
            z = values[self.argument]
            return self.activation.slope(z) if self.slope else self.activation.value(z)
        # Numbers are divided first, so that 5 D - 5 G gives D exactly.
        if len(self.lost) == 1 and self.lost[0].first is None:
            return _sum(self.made, values, self.lost[0].number)
        return _sum(self.made, values) / _sum(self.lost, values)

    def move(self, values: _Values, out: np.ndarray) -> None:
        """Write minus the rate of change into `out`, summed over the samples. Terms without a quantity of a sample
        count once, as their reactions do."""
        made = tuple(p._replace(number=-p.number) for p in self.made)
        out[...] = _total(made, [p.summed(values, out.ndim) for p in made])


def rails_of(key: Key) -> Key:
    """The key of the sum of the rails of a quantity, where it is not |value|."""
    return f"|{key[0]}|", key[1]


def _on_rails(values: _Values, key: Key) -> np.ndarray:
    rails = values.get(rails_of(key))
    return np.abs(values[key]) if rails is None else rails


def steps_of(layers: Layers, equations: Sequence[Equation], layer: int) -> list[EquationStep]:
    """The equations of a layer, in order. Raises EquationError for those that have no fixed point."""
    return [_step(layers, equation, layer) for group in layers.equations(equations, layer) for equation in group]


def read_rails(steps: Sequence[EquationStep]) -> list[EquationStep]:
    """The `steps` with `rails` set where an activation reads both rails, and with `decay` of these activations."""
    read = {s.argument for s in steps if s.activation is not None and s.activation.reads_rails}
    decays = {s.target: s.decay_rate for s in steps if s.target in read and s.activation is None}
    return [
        s._replace(rails=s.target in decays, decay=1.0 if s.argument is None else decays.get(s.argument, 1.0))
        for s in steps
    ]


def _step(layers: Layers, equation: Equation, layer: int) -> EquationStep:
    parts = equation.parsed
    target = _key(layers, parts.target, layer)
    if parts.argument is not None:
        function = layers.functions[layer]
        return EquationStep(target, (), (), function, parts.function == SLOPE, _key(layers, parts.argument, layer))
    made, lost = [], []
    # A weight has no fixed point to settle at: its decay is one more term that moves it.
    learns = parts.target.name in layers.chemistry.weights
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
    return EquationStep(target, tuple(made), tuple(lost))


def _product(
    layers: Layers, equation: Equation, term: EquationTerm, factors: Sequence[Quantity], layer: int, sign: int
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
    raise EquationError(f"{equation.text!r}: this sum over indices is not supported in floating point")


def _key(layers: Layers, quantity: Quantity, layer: int) -> Key:
    return layers.locate(quantity, layer)[0]


def _while_learning(layers: Layers, name: str) -> float:
    """The value of a port in the phases that learn; without any, in the last phase. Raises EquationError for a port
    that has several values in these phases, or none."""
    chemistry = layers.chemistry
    port = {quantity: port for port, quantity in chemistry.ports.items()}.get(name)
    value: float | str | None = None
    learning = set()
    # Twice, since a port keeps its value into the next presentation.
    for phase in (*chemistry.phases, *chemistry.phases):
        value = dict(phase.sets).get(port, value) if port is not None else None
        # A schedule starts from 1; gradients are those at its start.
        value = 1.0 if value == SCHEDULED else value
        if phase.learns:
            learning.add(value)
    values = (learning or {value}) - {None}
    if len(values) != 1 or any(isinstance(each, str) for each in values):
        raise EquationError(f"{name} is not a port of {chemistry.name} with one value in all phases that learn")
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


# The network: forward pass, directions of learning, online gradient descent and flow

_MOST_GRADIENTS = 50_000
"""Largest number of gradients in the flow of one sample; about 30 are enough at the steps of training."""


class Drives(NamedTuple):
    """Outputs of a network, and the rates at which rails are made; see `FloatNetwork.drives`."""

    output: np.ndarray
    """float64[sample, output] [concentration]."""
    output_made: np.ndarray
    """float64[sample, output]: the rate at which both rails of the output together are made, over their decay."""
    common: np.ndarray
    """float64[sample, hidden neuron]: h' = y (y - z) with the plus rail of y [concentration^2]."""


class FloatNetwork:
    """Forward and backward pass for `layers`, with the loss 1/2 sum (yhat - t)^2.

    `weights` is the flat float64 vector of `TrainingNetwork`: per layer W[out, in] row by row, then biases. `seed`
    decides the fixed random numbers of chemistries that have them. `batch` is the number of samples that the compiled
    network takes at once, and changes nothing in floating point.
    """

    def __init__(
        self,
        layers: Sequence[int],
        hidden_activation: Activation,
        output_activation: Activation | None = None,
        chemistry: Chemistry | None = None,
        seed: int = 0,
        batch: int = 1,
    ) -> None:
        self.layers = tuple(layers)
        chemistry = KangKim() if chemistry is None else chemistry
        functions = [*[hidden_activation] * (len(layers) - 2), output_activation]
        self.stack = Layers(chemistry, layers, functions, batch=batch)
        self._known_arrays: dict[tuple[str, ...], list[tuple[int, Key, tuple[int, ...]]]] = {}
        # Directions of learning are those at a learning rate of 1.
        unit = Layers(replace(chemistry, learning_rate=1.0), layers, functions)
        up = range(1, len(self.layers))
        forward = [step for layer in up for step in steps_of(self.stack, chemistry.forward, layer)]
        backward = [step for layer in reversed(up) for step in steps_of(self.stack, chemistry.backward, layer)]
        # Together, since an activation of the forward pass may need the rails of a quantity, and so may its slope.
        together = read_rails([*forward, *backward])
        self._forward, self._backward = together[: len(forward)], together[len(forward) :]
        self._update = [
            one if one.target[0] in chemistry.weights else step
            for layer in up
            for step, one in zip(*(steps_of(stack, stack.chemistry.update, layer) for stack in (self.stack, unit)))
        ]
        self._output: Key = (self.stack.resolve_name(chemistry.signal, up[-1]), up[-1])
        self.n_weights = sum(size for size, _, _ in self._arrays_of(chemistry.weights))
        self._fixed = self._draw_fixed(seed)

    @property
    def weight_groups(self) -> tuple[str, ...]:
        """Names of the arrays that make the vector of weights, in order."""
        return tuple(group_name(name, layer) for _, (name, layer), _ in self._arrays_of(self.stack.chemistry.weights))

    def _arrays_of(self, names: Sequence[str]) -> list[tuple[int, Key, tuple[int, ...]]]:
        """(size, key, shape) of each array of these quantities, in the order of the flat vector."""
        if (known := self._known_arrays.get(tuple(names))) is not None:
            return known
        arrays = self._known_arrays[tuple(names)] = []
        for layer in range(1, len(self.layers)):
            for name in names:
                if shape := self.stack.shape(name, layer):
                    arrays.append((int(np.prod(shape)), (name, layer), shape))
        return arrays

    def _views(self, names: Sequence[str], vector: np.ndarray) -> dict[Key, np.ndarray]:
        views, start = {}, 0
        for size, key, shape in self._arrays_of(names):
            views[key] = vector[start : start + size].reshape(shape)
            start += size
        return views

    def _draw_fixed(self, seed: int) -> np.ndarray:
        """Uniform between minus and plus the setting that the chemistry names."""
        chemistry = self.stack.chemistry
        rng = seeds.stream(seed, Purpose.FIXED_WEIGHTS)
        drawn = [np.empty(0)]
        for size, (name, _), _ in self._arrays_of(tuple(chemistry.fixed)):
            limit = getattr(chemistry, chemistry.fixed[name])
            drawn.append(rng.uniform(-limit, limit, size))
        return np.concatenate(drawn)

    @property
    def fixed_values(self) -> np.ndarray:
        """float64, the fixed random numbers of the chemistry, in the order of `Layers.every(chemistry.fixed)`."""
        return self._fixed

    def initial_weights(self, seed: int, scale: float = 1.0) -> np.ndarray:
        """Random weights, uniform in +-scale * sqrt(3 / n_in) (variance scale^2 / n_in), biases 0."""
        rng = seeds.stream(seed, Purpose.INITIAL_WEIGHTS)
        parts = []
        for size, _, shape in self._arrays_of(self.stack.chemistry.weights):
            limit = scale * np.sqrt(3.0 / shape[-1])
            parts.append(rng.uniform(-limit, limit, size) if len(shape) > 1 else np.zeros(size))
        return np.concatenate(parts)

    def matrices(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views of the flat vector: a list of (W float64[out, in], b float64[out])."""
        views = list(self._views(self.stack.chemistry.weights, weights).values())
        return list(zip(views[::2], views[1::2], strict=True))

    def forward(self, weights: ArrayLike, x: ArrayLike) -> np.ndarray:
        """Outputs float64[..., output] of `weights` float64[weight] for inputs float64[..., input]. Raises InputError
        for another number of weights."""
        return self._activate(np.asarray(weights, dtype=np.float64), x)[self._output]

    def drives(self, weights: ArrayLike, x: ArrayLike) -> Drives:
        """Outputs, the rates at which their rails are made, and the common part of the rails of the pre-activations,
        for inputs float64[sample, input]. Raises EquationError for a chemistry whose pre-activations do not decay at a
        constant rate."""
        forward = [step._replace(rails=step.activation is None) for step in self._forward]
        values = self._activate(np.asarray(weights, dtype=np.float64), x, forward)
        common = []
        for step in forward:
            if step.activation is not None and step.target != self._output:
                assert step.argument is not None
                y, z = values[step.target], values[step.argument]
                plus = 0.5 * (y + values.get(rails_of(step.target), np.abs(y)))
                common.append(plus * (plus - z))
        made = values.get(rails_of(self._output), np.abs(values[self._output]))
        return Drives(values[self._output], made, np.concatenate(common, axis=-1) if common else np.empty(0))

    def _activate(
        self, weights: np.ndarray, x: ArrayLike, forward: Sequence[EquationStep] | None = None
    ) -> dict[Key, np.ndarray]:
        if weights.shape != (self.n_weights,):
            raise InputError(f"weights must have shape ({self.n_weights},), got {weights.shape}")
        chemistry = self.stack.chemistry
        values = self._views(chemistry.weights, weights) | self._views(tuple(chemistry.fixed), self._fixed)
        values[chemistry.inputs, 0] = np.asarray(x, dtype=np.float64)
        _run(self._forward if forward is None else forward, values)
        return values

    def gradient(self, weights: np.ndarray, x: ArrayLike, t: ArrayLike) -> np.ndarray:
        """Minus the direction of learning float64[weight] for one sample x float64[input], t float64[output], or the
        sum over several, x float64[sample, input], t float64[sample, output]. With a chemistry that backpropagates, it
        is the gradient of the loss."""
        chemistry = self.stack.chemistry
        inputs, targets = np.asarray(x, dtype=np.float64), np.asarray(t, dtype=np.float64)
        # A batch of one is rounded as a single sample, so both give the same bits.
        if inputs.ndim == 2 and len(inputs) == 1:
            inputs, targets = inputs[0], targets[0]
        values = self._activate(np.asarray(weights, dtype=np.float64), inputs)
        values[chemistry.targets, 0] = targets
        _run(self._backward, values)
        # Weights without an equation in a layer stay as they are.
        gradient = np.zeros(self.n_weights)
        views = self._views(chemistry.weights, gradient)
        for step in self._update:
            if step.target in views:
                step.move(values, views[step.target])
            else:
                values[step.target] = step.settle(values)
        return gradient

    def gradient_flow(
        self, weights: np.ndarray, x: ArrayLike, t: ArrayLike, time: float, rtol: float = 1e-9
    ) -> np.ndarray:
        """Weights after following dw/ds = -gradient of the loss of one sample, or of the sum of the losses of several,
        for s = `time`.

        The solver is explicit (scipy's DOP853): steps of learning are short, and a multistep method gets stuck where a
        pre-activation comes to rest at the kink of ReLU. Raises UnfinishedError if the flow cannot be followed to the
        end.
        """
        from scipy.integrate import solve_ivp  # which takes a third of a second to import

        n_gradients = 0

        def slope(s: float, w: np.ndarray) -> np.ndarray:
            nonlocal n_gradients
            n_gradients += 1
            if n_gradients > _MOST_GRADIENTS:
                raise UnfinishedError(
                    f"gradient flow only reached {s:g} of s = {time:g} with {_MOST_GRADIENTS} evaluations of the "
                    "gradient: it is stiff, or stays at the kink of an activation; use a smaller learning rate or "
                    "running time, a smooth activation, or gradient_descent"
                )
            return -self.gradient(w, x, t)

        solution = solve_ivp(slope, (0.0, time), weights, method="DOP853", rtol=rtol, atol=rtol * 1e-2)
        if not solution.success:
            raise UnfinishedError(f"gradient flow stopped at {solution.t[-1]:g} of s = {time:g}: {solution.message}")
        return solution.y[:, -1]

    def gradient_descent(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        t: np.ndarray,
        order: Sequence[int] | np.ndarray,
        step: float,
        n_averaged: int = 1,
    ) -> np.ndarray:
        """Weights after presenting the samples `order`, int[presentation] one by one or int[presentation, sample of the
        batch] with step s = eta * T, averaged over the last `n_averaged` presentations."""
        return self.descend(weights, ((x[k], t[k], step) for k in order), len(order), n_averaged)

    def descend(
        self,
        weights: np.ndarray,
        presentations: Iterable[tuple[np.ndarray, np.ndarray, float]],
        n: int,
        n_averaged: int = 1,
    ) -> np.ndarray:
        """Weights after `n` presentations (x, t, step), of one sample or several, averaged over the last
        `n_averaged`."""
        weights = np.array(weights, dtype=np.float64)
        n_averaged = min(n_averaged, n)
        mean = np.zeros_like(weights)
        for k, (x, t, step) in enumerate(presentations, 1):
            weights -= step * self.gradient(weights, x, t)
            if k > n - n_averaged:
                mean += weights / n_averaged
        return mean if n_averaged else weights


def _run(steps: Sequence[EquationStep], values: dict[Key, np.ndarray]) -> None:
    for step in steps:
        step.run(values)
