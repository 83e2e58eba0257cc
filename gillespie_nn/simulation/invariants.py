"""Conservation laws, checked during a run: conserved quantities must stay constant at every recorded point."""

import numpy as np

from ..checks import InternalError

_ROUNDING = 1e-8


class Invariants:
    """The conserved quantities of one replicate; for real-valued states they hold up to rounding.

    `network` is a ReactionNetwork, or with extrinsic noise a `noise.NoisePlan`: forcing breaks conservation.
    """

    def __init__(self, network, dtype=np.int64):
        self._tolerance = 0.0 if np.issubdtype(dtype, np.integer) else _ROUNDING
        self._laws = network.law_matrix
        self._species = network.species
        self._values = np.full(self._laws.shape[0], np.nan)  # before `start` no value is right

    def start(self, counts):
        """Set the expected values from `counts` int64[species]: at the start, and after a scheduled change."""
        if self._laws.shape[0]:
            self._values = self._laws @ counts

    def check(self, rows):
        """Compare rows [point, species]; sums of integers that overflow an int64 wrap around on both sides.

        Raises InternalError if a conservation law is violated: results after that would be wrong.
        """
        if not self._laws.shape[0] or not len(rows):
            return
        found = self._laws @ rows.T
        wrong = found != self._values[:, None]
        if self._tolerance:
            scale = np.abs(self._laws) @ np.abs(rows.T) + np.abs(self._values[:, None])
            wrong = ~(np.abs(found - self._values[:, None]) <= self._tolerance * scale)
        if wrong.any():
            law, point = (int(k) for k in np.argwhere(wrong)[0])
            members = self._laws[[law]].nonzero()[1][:10]
            names = ", ".join(f"{self._species[s]} = {rows[point, s]}" for s in members)
            raise InternalError(
                f"a conserved quantity changed from {self._values[law]} ({names}): this is an internal error; please "
                "report it with the model and the seed"
            )
