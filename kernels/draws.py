"""The bare random draws of an event, for comparison with the cost of a whole one."""

from .jit import kernel


@kernel
def draw_pairs(rng, n):
    """Draw n exponentials and n uniforms in one loop; returns their sum, so that none can be left out."""
    total = 0.0
    for _ in range(n):
        total += rng.random() + rng.standard_exponential()
    return total
