"""The chemical modules of a training network, layer by layer, apart from the activation's own.

Each function adds reactions to a builder; the equation it realises heads its docstring. Forward pass (but
the smooth ReLU, see there), backpropagation and update are our reconstruction from the public abstract of S. Kang and
J. Kim, Noise-robust chemical reaction networks training artificial neural networks, arXiv:2410.11919.
"""

from collections.abc import Sequence

from ..activations import Activation
from ..crn.dual_rail import NetworkBuilder, Rails

REFERENCE = (
    "S. Kang, J. Kim, Noise-robust chemical reaction networks training artificial neural networks, arXiv:2410.11919"
)
LICENSING_RATE = 5.0
"""Rate constant r at which licensed errors follow errors and licence [1/s]."""


class LayerSpecies:
    """The species of layer l, neuron i: weights W, bias B, pre-activation Z, output Y, slope S, helper A,
    error sum E, error D, licensed error G. Which of them appear depends on the modules used."""

    def __init__(self, layer: int, n_in: int, n_out: int, signed_output: bool) -> None:
        def each(letter: str) -> list[Rails]:
            return [Rails.signed(f"{letter}{layer}_{i}") for i in range(n_out)]

        self.W = [[Rails.signed(f"W{layer}_{i}_{j}") for j in range(n_in)] for i in range(n_out)]
        self.B, self.Z, self.E, self.D, self.G = (each(letter) for letter in "BZEDG")
        single = Rails.signed if signed_output else Rails
        self.Y = [single(f"Y{layer}_{i}") for i in range(n_out)]
        self.S = [Rails(f"S{layer}_{i}") for i in range(n_out)]
        self.A = [Rails(f"A{layer}_{i}") for i in range(n_out)]


def pre_activation(builder: NetworkBuilder, layer: LayerSpecies, inputs: Sequence[Rails], annihilation: float) -> None:
    """z_i' = sum_j w_ij x_j + b_i - z_i."""
    for i, z in enumerate(layer.Z):
        builder.module(f"preactivation_{z.plus[:-2]}")
        for w, x in zip(layer.W[i], inputs):
            builder.multiply(w, x, z)
        builder.copy(layer.B[i], z)
        _settle(builder, z, annihilation)


def activation_forward(builder: NetworkBuilder, layer: LayerSpecies, activation: Activation) -> None:
    """y_i = f(z_i) at the fixed point."""
    for z, y in zip(layer.Z, layer.Y):
        builder.module(f"activation_{z.plus[:-2]}")
        activation.forward(builder, z, y)


def activation_backward(builder: NetworkBuilder, layer: LayerSpecies, activation: Activation) -> None:
    """s_i = f'(z_i) at the fixed point."""
    for z, y, s, a in zip(layer.Z, layer.Y, layer.S, layer.A):
        builder.module(f"slope_{z.plus[:-2]}")
        activation.backward(builder, z, y, s, a)


def output_error(
    builder: NetworkBuilder,
    outputs: Sequence[Rails],
    targets: Sequence[Rails],
    errors: Sequence[Rails],
    annihilation: float,
) -> None:
    """e_i' = yhat_i - t_i - e_i, with e = D for a linear output and e = E otherwise."""
    for y, t, e in zip(outputs, targets, errors):
        builder.module(f"output_error_{e.plus[:-2]}")
        builder.copy(y, e)
        builder.copy(t, e, sign=-1)
        _settle(builder, e, annihilation)


def error_sum(builder: NetworkBuilder, layer: LayerSpecies, above: LayerSpecies, annihilation: float) -> None:
    """e_j' = sum_i w_ij d_i - e_j, with w and d of the layer above."""
    for j, e in enumerate(layer.E):
        builder.module(f"error_sum_{e.plus[:-2]}")
        for i, d in enumerate(above.D):
            builder.multiply(above.W[i][j], d, e)
        _settle(builder, e, annihilation)


def error(builder: NetworkBuilder, layer: LayerSpecies, annihilation: float) -> None:
    """d_i' = s_i e_i - d_i."""
    for s, e, d in zip(layer.S, layer.E, layer.D):
        builder.module(f"error_{d.plus[:-2]}")
        builder.multiply(s, e, d)
        _settle(builder, d, annihilation)


def licensed_error(builder: NetworkBuilder, layer: LayerSpecies, licence: Rails, annihilation: float) -> None:
    """g_i' = r (L d_i - g_i): the error d_i while the licence L to learn is 1, and soon nothing when it is 0."""
    for d, g in zip(layer.D, layer.G):
        builder.module(f"licensed_error_{g.plus[:-2]}")
        builder.multiply(d, licence, g, LICENSING_RATE)
        builder.decay(g, LICENSING_RATE)
        builder.annihilate(g, annihilation)


def update(
    builder: NetworkBuilder,
    layer: LayerSpecies,
    errors: Sequence[Rails],
    inputs: Sequence[Rails],
    learning_rate: float,
    annihilation: float,
) -> None:
    """w_ij' = -eta e_i x_j ; b_i' = -eta e_i, with e the errors D, or the licensed ones G."""
    for i, d in enumerate(errors):
        for w, x in zip(layer.W[i], inputs):
            builder.module(f"update_{w.plus[:-2]}")
            builder.multiply(d, x, w, learning_rate, sign=-1)
            builder.annihilate(w, annihilation)
        builder.module(f"update_{layer.B[i].plus[:-2]}")
        builder.copy(d, layer.B[i], learning_rate, sign=-1)
        builder.annihilate(layer.B[i], annihilation)


def _settle(builder: NetworkBuilder, rails: Rails, annihilation: float) -> None:
    """v' -= v, and the common part of the rails annihilates."""
    builder.decay(rails)
    builder.annihilate(rails, annihilation)
