"""Rate equations of the differences of rails of neurons, elementwise. Arrays are float32[n], one number a neuron and
sample."""

import numpy as np

from .batch_neurons import LICENSING
from .jit import vectorised

_ONE, _TWO, _FIVE = np.float32(1.0), np.float32(2.0), np.float32(LICENSING)


@vectorised
def forward_rates(z, y, u, s, z_input, h, to_z, to_y, to_u, to_s):
    """Fill the rates of change of pre-activations, outputs, and the two parts of a slope."""
    for i in range(z.size):
        to_z[i] = z_input[i] - z[i]
        to_y[i] = h + (z[i] - y[i]) * y[i]
        to_u[i] = h - (z[i] + u[i]) * u[i]
        to_s[i] = y[i] * (_ONE - s[i]) - u[i] * s[i]


@vectorised
def backward_rates(e, d, g, s, e_input, licence, to_e, to_d, to_g):
    """Fill the rates of change of sums of errors, errors and licensed errors."""
    for i in range(e.size):
        to_e[i] = e_input[i] - e[i]
        to_d[i] = s[i] * e[i] - d[i]
        to_g[i] = _FIVE * (licence * d[i] - g[i])


@vectorised
def add_scaled(a, share, x, out):
    """Fill out = a + share x."""
    for i in range(out.size):
        out[i] = a[i] + share * x[i]


@vectorised
def largest_rate(z, y, u):
    """The largest rate of relaxation of y, u and s, or of neurons at rest with these z [1/s]."""
    largest = np.float32(0.0)
    for i in range(z.size):
        of_y, of_u = _TWO * y[i] - z[i], _TWO * u[i] + z[i]
        largest = max(largest, y[i] + u[i], max(of_y, of_u), abs(z[i]))
    return largest
