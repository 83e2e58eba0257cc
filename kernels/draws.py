"""Draws alone: what an event costs at least, and what tests compare with numpy."""

from .generator import exponential, uniform, words_at
from .jit import kernel


@kernel
def draw_pairs(address, n):
    """Draw n exponentials and n uniforms in one loop from the SFC64 generator whose state is at `address` (uint64);
    returns their sum, so that none can be left out."""
    words = words_at(address)
    total = 0.0
    for _ in range(n):
        total += uniform(words) + exponential(words)
    return total


@kernel
def draw_exponentials(address, out):
    """Fill `out` float64[n] with exponentials; see `draw_pairs`."""
    words = words_at(address)
    for k in range(out.size):
        out[k] = exponential(words)


@kernel
def draw_uniforms(address, out):
    """Fill `out` float64[n] with uniforms; see `draw_pairs`."""
    words = words_at(address)
    for k in range(out.size):
        out[k] = uniform(words)
