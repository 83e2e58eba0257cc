"""The base class of methods with kernels, which advance one simulation, or run a block of replicates in one call."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ...checks import InputError
from ...kernels import codes, replicates
from ...kernels.generator import SCRATCH
from ...kernels.laws import forget_variables
from ...kernels.replicates import END, LOGGED, PLACE_SIZE, KernelRun
from .method import WRITTEN_CONTINUOUS, WRITTEN_LAWS, Method

_NO_ENDS = np.empty(0, dtype=END)
_NO_LOG = np.empty(0, dtype=LOGGED)
_NO_FIRINGS = np.empty((1, 0), dtype=np.int64)
_NO_NUMBERS = np.empty((1, 0))
_NO_WORDS = np.empty(0, dtype=np.uint64)


class Compiled(Method):
    """A `Method` whose work is done by a kernel that follows the protocol of `kernels.replicates`.

    A class has its kernel state, a NamedTuple of arrays, in `_state`, and calls its kernel in `_run`.
    """

    _state: Any
    _slice: int
    """Candidates, or steps, of one call, which takes about 50 ms."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.place = np.zeros(PLACE_SIZE, dtype=np.int64)
        super().__init__(*arguments, **named)
        self.log = _NO_LOG
        """LOGGED[capacity], every reaction that fires; empty if they are not recorded."""
        self.scratch = np.zeros(SCRATCH, dtype=np.uint32)
        self._at_rates = self._channels, self._families

    @property
    def rng(self) -> np.random.Generator:  # type: ignore[override]
        """The generator of this replicate, an SFC64: kernels draw from its state where numpy keeps it."""
        return self._rng

    @rng.setter
    def rng(self, rng: np.random.Generator) -> None:
        if not isinstance(getattr(rng, "bit_generator", None), np.random.SFC64):
            raise InputError(
                "rng must be a generator of numpy with SFC64, such as numpy.random.Generator(numpy.random.SFC64(1)), "
                f"got {rng!r}"
            )
        self._rng = rng
        self._point()

    def _point(self) -> None:
        """Tell kernels the address of the state of the generator."""
        # A copy of a simulation has a copy of the generator, at another address.
        self.place[replicates.ADDRESS] = self._rng.bit_generator.ctypes.state_address

    @abstractmethod
    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        """Call the kernel. Returns a code of `kernels.codes`."""

    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int:
        return self._run(self._alone(grid_time, grid_counts), t_stop, self._slice, event_limit)

    def _alone(self, grid_time: np.ndarray, grid_counts: np.ndarray) -> KernelRun:
        """The arguments of a kernel that continues this simulation and records rows `grid_counts` at `grid_time`."""
        self._point()
        return KernelRun(
            grid_time, grid_counts[np.newaxis], self.log, self.place, _NO_ENDS, _NO_FIRINGS, _NO_NUMBERS, _NO_WORDS,
            _NO_WORDS, self.scratch,
        )  # fmt: skip

    def drain_log(self, place: np.ndarray | None = None) -> np.ndarray:
        """The reactions logged since the last call, LOGGED[reaction], a view until the next call of the kernel; the log
        is then empty. `place` is that of a batch's `KernelRun`."""
        place = self.place if place is None else place
        n = place[replicates.N_LOGGED]
        place[replicates.N_LOGGED] = 0
        return self.log[:n]

    def _memory(self) -> np.ndarray:
        """The present values of the variables of rate rules, if there are any."""
        continuous = self._laws.continuous
        return np.empty(0) if continuous is None else self._laws.variables[continuous.place]

    def _recall(self, memory: np.ndarray) -> None:
        continuous = self._laws.continuous
        if continuous is None:
            super()._recall(memory)
        else:
            none = np.empty(0, dtype=np.int64)
            # Through `set_counts`, which also marks the path of the variables as stale.
            self.set_counts(none, none.astype(self.dtype), continuous.place.tolist(), memory.tolist())

    @property
    def numbers(self) -> np.ndarray:
        """float64[number], from which `statistics_of` is computed."""
        return np.empty(0)

    @property
    def statistics(self) -> dict[str, float]:
        steps = np.array([self._tally[codes.N_CANDIDATES]])
        return {name: float(value[0]) for name, value in self.statistics_of(self.numbers[np.newaxis], steps).items()}

    @classmethod
    def statistics_of(cls, numbers: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        """`statistics` of many replicates, float64[replicate] by name, from their `numbers` float64[replicate, number]
        and steps int64[replicate]."""
        return {}

    def run(self, run: KernelRun, t_stop: float, event_limit: int) -> int:
        """Continue a block of replicates, to the end of a slice at most.

        Returns REACHED_END when all are done, SLICE_END, or the fault with which the last replicate ended; the
        simulation is then in the state of that replicate.
        """
        return self._run(run, t_stop, self._slice, event_limit)

    def restart(self) -> None:
        """Reset rates and noise, which are not part of the memory of `gather`. The caller has reset that memory."""
        self._channels, families = self._at_rates
        self._families = families._replace(running=self._families.running)
        forget_variables(self._laws)
        self._owns_rates = False
        self._drive = None

    def share(self, counts: np.ndarray, clock: np.ndarray, tally: np.ndarray, firings: np.ndarray) -> None:
        """Use these arrays of another simulation of the same network from now on."""
        self._state = self._state._replace(counts=counts, clock=clock, tally=tally, firings=firings)
        self._counts, self._clock, self._tally, self.firings = counts, clock, tally, firings

    def gather(self) -> np.ndarray:
        """Move all arrays that this simulation writes into one piece of memory, uint64[word], and return it.

        A copy of it, written back later, restores the present state.
        """
        programs = {name: getattr(self._laws, name) for name in WRITTEN_LAWS}
        continuous = self._laws.continuous
        path = {} if continuous is None else {name: getattr(continuous, name) for name in WRITTEN_CONTINUOUS}
        arrays: list[np.ndarray] = []
        _each(self._state, arrays.append)
        arrays += [*programs.values(), *path.values(), self._families.running]
        sizes = [-(-array.nbytes // 8) for array in arrays]
        memory = np.zeros(sum(sizes), dtype=np.uint64)
        moved: dict[int, Any] = {}
        place = 0
        for array, size in zip(arrays, sizes):
            # The same array may occur in several places; it is moved once.
            if id(array) not in moved:
                view = memory[place : place + size].view(np.uint8)[: array.nbytes].view(array.dtype)
                moved[id(array)] = view.reshape(array.shape)
                moved[id(array)][...] = array
                place += size
        self._state = _each(self._state, lambda array: moved[id(array)])
        self._laws = self._laws._replace(**{name: moved[id(array)] for name, array in programs.items()})
        if continuous is not None:
            continuous = continuous._replace(**{name: moved[id(array)] for name, array in path.items()})
            self._laws = self._laws._replace(continuous=continuous)
        self._families = self._families._replace(running=moved[id(self._families.running)])
        self._counts, self._clock, self._tally, self.firings = (
            moved[id(array)] for array in (self._counts, self._clock, self._tally, self.firings)
        )
        return memory


def _each(arrays: Any, do: Any) -> Any:
    """A NamedTuple of arrays, of NamedTuples of them, and of None, with `do(array)` in the place of each array."""
    if arrays is None:
        return None
    return type(arrays)(*(do(a) if isinstance(a, np.ndarray) else _each(a, do) for a in arrays))
