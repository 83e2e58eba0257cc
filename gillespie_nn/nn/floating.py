"""The network in floating point: forward pass, gradients of the loss, online gradient descent and flow.

This is the slow-learning limit of the chemistry and the reference for its accuracy.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .. import seeds
from ..activations import Activation
from ..checks import InputError, UnfinishedError
from ..seeds import Purpose

_MOST_GRADIENTS = 50_000
"""Of the flow of one sample; some 30 are enough at the steps of training."""


class FloatNetwork:
    """Forward and backward pass for `layers`, with the loss 1/2 sum (yhat - t)^2.

    `weights` is the flat float64 vector of `TrainingNetwork`: per layer W[out, in] row by row, then biases.
    """

    def __init__(
        self, layers: Sequence[int], hidden_activation: Activation, output_activation: Activation | None = None
    ) -> None:
        self.layers = tuple(layers)
        hidden = [hidden_activation] * (len(layers) - 2)
        self._functions: list[Activation | None] = [*hidden, output_activation]

    @property
    def n_weights(self) -> int:
        return sum((n_in + 1) * n_out for n_in, n_out in zip(self.layers, self.layers[1:]))

    def initial_weights(self, seed: int, scale: float = 1.0) -> np.ndarray:
        """Random weights, uniform in +-scale * sqrt(3 / n_in) (variance scale^2 / n_in), biases 0."""
        rng = seeds.stream(seed, Purpose.INITIAL_WEIGHTS)
        parts = []
        for n_in, n_out in zip(self.layers, self.layers[1:]):
            limit = scale * np.sqrt(3.0 / n_in)
            parts += [rng.uniform(-limit, limit, n_out * n_in), np.zeros(n_out)]
        return np.concatenate(parts)

    def matrices(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views of the flat vector: a list of (W float64[out, in], b float64[out])."""
        found, start = [], 0
        for n_in, n_out in zip(self.layers, self.layers[1:]):
            middle, end = start + n_in * n_out, start + (n_in + 1) * n_out
            found.append((weights[start:middle].reshape(n_out, n_in), weights[middle:end]))
            start = end
        return found

    def forward(self, weights: ArrayLike, x: ArrayLike) -> np.ndarray:
        """Outputs float64[..., output] of `weights` float64[weight] for inputs float64[..., input]. Raises InputError
        for a wrong number of weights."""
        weights, y = np.asarray(weights, dtype=np.float64), np.asarray(x, dtype=np.float64)
        if weights.shape != (self.n_weights,):
            raise InputError(f"weights must have shape ({self.n_weights},), got {weights.shape}")
        for (W, b), function in zip(self.matrices(weights), self._functions):
            z = y @ W.T + b
            y = z if function is None else function.value(z)
        return y

    def gradient(self, weights: np.ndarray, x: ArrayLike, t: ArrayLike) -> np.ndarray:
        """Gradient float64[weight] of the loss of one sample."""
        y, trace = np.asarray(x, dtype=np.float64), []
        matrices = self.matrices(weights)
        for (W, b), function in zip(matrices, self._functions):
            z = W @ y + b
            trace.append((y, z))
            y = z if function is None else function.value(z)
        gradient = np.empty(self.n_weights)
        error = y - np.asarray(t)
        steps = zip(matrices, self.matrices(gradient), self._functions, trace)
        for (W, _), (dW, db), function, (below, z) in reversed(list(steps)):
            d = error if function is None else error * function.slope(z)
            dW[...] = np.outer(d, below)
            db[...] = d
            error = W.T @ d
        return gradient

    def gradient_flow(
        self, weights: np.ndarray, x: ArrayLike, t: ArrayLike, time: float, rtol: float = 1e-9
    ) -> np.ndarray:
        """Weights after following dw/ds = -gradient of the loss of one sample for s = `time`.

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
                    f"gradient flow reached {s:g} of s = {time:g} in {_MOST_GRADIENTS} gradients: it is stiff, or "
                    "slides along the kink of an activation; use a smaller learning rate or running time, a smooth "
                    "activation, or gradient descent"
                )
            return -self.gradient(w, x, t)

        found = solve_ivp(slope, (0.0, time), weights, method="DOP853", rtol=rtol, atol=rtol * 1e-2)
        if not found.success:
            raise UnfinishedError(f"gradient flow stopped at {found.t[-1]:g} of s = {time:g}: {found.message}")
        return found.y[:, -1]

    def gradient_descent(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        t: np.ndarray,
        order: Sequence[int] | np.ndarray,
        step: float,
        n_averaged: int = 1,
    ) -> np.ndarray:
        """Weights after presenting the samples `order` int[presentation] one by one with step s = eta * T, averaged
        over the last `n_averaged` presentations."""
        weights = np.array(weights, dtype=np.float64)
        n_averaged = min(n_averaged, len(order))
        mean = np.zeros_like(weights)
        for n, k in enumerate(order, 1):
            weights -= step * self.gradient(weights, x[k], t[k])
            if n > len(order) - n_averaged:
                mean += weights / n_averaged
        return mean if n_averaged else weights
