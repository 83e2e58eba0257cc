"""Work in pieces that threads may share: each piece has random numbers and memory of its own, so results do not depend
on the number of threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import threadpoolctl

from ...kernels.vector_draws import WIDTH
from ...kernels.weight_firings import SCRATCH


@cache
def libraries() -> threadpoolctl.ThreadpoolController:
    """The libraries with threads of their own that this process has loaded."""
    return threadpoolctl.ThreadpoolController()


class Piece:
    """What one piece of work draws and computes with."""

    def __init__(self, rng: np.random.Generator, scratch: np.ndarray) -> None:
        self._rng = rng  # which owns the memory at the address
        self.address = np.uint64(rng.bit_generator.ctypes.state_address)  # type: ignore[attr-defined]
        """uint64: where the state of its SFC64 generator is."""
        self.scratch = scratch
        """float32[SCRATCH, WIDTH]: anything may be written there."""


class Pieces:
    """Runs the pieces of a presentation, by up to so many threads at a time.

    Compiled kernels, products of matrices and numpy's fills release the GIL, so threads do run at the same time.
    """

    def __init__(self, threads: int = 1) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._memory: list[np.ndarray] = []
        self._pieces: list[Piece] = []

    def begin(self, n_pieces: int, stream: Callable[[int], np.random.Generator]) -> None:
        """Begin a presentation of up to `n_pieces`; piece i draws from the generator (SFC64) `stream(i)`."""
        while len(self._memory) < n_pieces:
            self._memory.append(np.zeros((SCRATCH, WIDTH), dtype=np.float32))
        self._pieces = [Piece(stream(i), self._memory[i]) for i in range(n_pieces)]

    def run(self, work: Callable[..., Any], parts: Sequence[tuple]) -> list[Any]:
        """`work(piece, *part)` for each part, the first with the first piece and so on; their results in order."""
        both = list(zip(self._pieces[: len(parts)], parts, strict=True))
        if self._pool is None or len(parts) == 1:
            return [work(piece, *part) for piece, part in both]
        return list(self._pool.map(lambda one: work(one[0], *one[1]), both))
