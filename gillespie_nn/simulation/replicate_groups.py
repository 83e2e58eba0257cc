"""Replicates of a task: a block of them in one call of a kernel where that is possible, else one after another.

Blocks need a method with a kernel, and no events, scheduled changes or noise. A replicate then depends on nothing but
its start and its random stream. The start is made once and copied, also where replicates run one by one.
"""

from abc import ABC
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import seeds
from ..checks import InputError, ModelError
from ..kernels import codes
from ..kernels.replicates import ADDRESS, BEGUN, END, FIRST, LOGGED, PARAMETER_SET, PURPOSE, REPLICATE, SEED, KernelRun
from ..seeds import Purpose
from ..status import Status
from .methods import Method
from .methods.compiled import Compiled
from .observer import Invariants, Observer, raise_if_law_failed
from .reaction_log import BlockLog, Fired, fired
from .replicate import Pace, run_replicate, start_simulation
from .replicate_events import END_TIME, Events
from .sinks import Ends, Rows
from .task import Task

_BYTES = 1 << 22
"""Size of the rows of a block, at most; a single replicate may have more."""
_MOST_BYTES = 1 << 24
"""A unit of work with more rows runs without blocks, and each replicate writes its rows while it runs."""
_LOG = 1 << 16
"""Reactions that a log holds until Python empties it: 1 MiB, a few milliseconds of a kernel."""
_FAULTS = (codes.OVERFLOW, codes.NEGATIVE, codes.BAD_PROPENSITY)
_OURS = "gillespie_nn.simulation.methods."
_STATELESS = ("_separate_arrays", "compile", "refuse", "statistics_of")
"""Methods that a class from outside may override while its replicates still run in blocks. They are called at the
start, or once for a whole block."""

WriteEvents = Callable[[int, Fired], None]
"""Gets a piece of the log of reactions: the number of its first replicate, and the reactions."""
Pause = Callable[[float], bool]
"""Called between slices with the number of replicates done, with fractions; the run stops if it returns True."""


def _restarts(task: Task) -> bool:
    """Whether a simulation can be put back to its start."""
    kind = task.method
    # Nothing is known about the state of a class from outside that overrides more than `_STATELESS`.
    if not issubclass(kind, Compiled) or any(_does_other_things(each) for each in kind.__mro__):
        return False
    # Fractional amounts of molecules are rounded anew for each replicate, so the start differs.
    return kind.dtype != np.int64 or np.issubdtype(task.counts.dtype, np.integer)


@cache
def _does_other_things(kind: type) -> bool:
    """Whether a class has methods or properties from outside that kernels or a restart would ignore."""
    if kind in (object, ABC):
        return False
    ours = kind.__module__.startswith(_OURS)
    return any(
        hasattr(type(value), "__get__")
        and (name == "__init__" or not name.startswith("__"))
        and name not in _STATELESS
        and not (ours and getattr(value, "__module__", _OURS).startswith(_OURS))
        for name, value in vars(kind).items()
    )


def _row_bytes(task: Task) -> int:
    """Bytes that a replicate records."""
    return 8 * len(task.grid) * (len(task.network.species) + len(task.network.observables))


def _of_recorded_pairs(task: Task, covariance: np.ndarray) -> np.ndarray:
    """Of covariances [point, species, species], or [point, 0, 0] without any, those of the recorded species."""
    if not covariance.shape[-1]:
        return covariance
    return task.of_recorded(task.of_recorded(covariance).swapaxes(-1, -2)).swapaxes(-1, -2)


def _in_units(task: Task, rows: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amounts in the units of the method: `rows` [..., species], and of `observed` [..., observable] the species that a
    rule or a rate rule gives."""
    if task.method.units != "concentration":
        return rows, observed
    is_amount = [name in task.network.index for name in task.network.observables]
    return rows / task.volume, observed / np.where(is_amount, task.volume, 1.0)


def go_in_blocks(task: Task) -> bool:
    """Whether replicates of a task run in blocks."""
    alone = task.network.events or task.network.rate_rules or task.changes or task.noise or _waits_for_time(task)
    return not alone and _restarts(task) and task.n_together * _row_bytes(task) <= _MOST_BYTES


def _waits_for_time(task: Task) -> bool:
    """Whether the condition at which replicates stop reads the time."""
    # Kernels evaluate conditions only after reactions.
    return task.stopping is not None and task.stopping.compiled.programs.triggers[-1].reads_time


def block_size(task: Task) -> int:
    """Replicates in a block, at most."""
    return max(1, _BYTES // max(1, _row_bytes(task))) if go_in_blocks(task) else 1


class Replicates:
    """Runs replicates of one task, in one thread at a time. A context manager."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.n_candidates = 0
        """Candidates, or steps, of the replicates that ran in blocks."""
        self._method: Any = None

    def __enter__(self) -> "Replicates":
        self._lent = seeds.lent_generator()
        self._rng = self._lent.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._lent.__exit__(*error)

    def block(
        self, first: int, n: int, pause: Pause, deliver: Callable[[int, Rows, Ends], None],
        write_events: WriteEvents | None = None,
    ) -> bool:  # fmt: skip
        """Run replicates first, ..., first + n - 1 of a task that goes in blocks; returns False if it was interrupted.

        `deliver(first, rows, ends)` gets the replicates that are done, also where an exception ends the block. If
        reactions are recorded, `write_events` gets them before that. Raises ModelError where a rate law has no valid
        value, UnfinishedError for a replicate that would never end.
        """
        method = self._at_start()
        run = self._block_of(method, first, n)
        log = None if write_events is None else BlockLog(method, run, first, write_events)
        self._n_done = 0
        try:
            if self.task.stopping is not None and self._condition_holds():
                self._stop_at_once(run)
            else:
                self._carry_on(method, run, first, pause, log)
            return self._n_done == n
        finally:
            n_done = self._n_done
            if n_done:
                done = run._replace(
                    rows=run.rows[:n_done], ends=run.ends[:n_done], firings=run.firings[:n_done],
                    numbers=run.numbers[:n_done],
                )  # fmt: skip
                self.n_candidates += int(done.ends["n_candidates"].sum())
                deliver(first, self._recorded(method, done), self._ends(method, done))

    def _condition_holds(self) -> bool:
        """Whether the condition at which replicates stop is true at the start."""
        events = Events(self.task.stopping, self._method, self.task.grid[-1])
        events.happen()
        return events.stops

    def _stop_at_once(self, run: KernelRun) -> None:
        """All replicates stop at time 0, in the state that is recorded there."""
        n_points = int(np.searchsorted(self.task.grid, 0.0, side="right"))
        run.rows[:, :n_points] = self._method.counts
        run.ends["status"], run.ends["n_points"] = Status.CONDITION_MET, n_points
        self._n_done = len(run.ends)

    def _block_of(self, method: Any, first: int, n: int) -> KernelRun:
        task = self.task
        place = np.zeros_like(method.place)
        place[[FIRST, SEED, PURPOSE, PARAMETER_SET]] = first, task.seed, int(Purpose.SIMULATION), 0
        place[ADDRESS] = self._rng.bit_generator.ctypes.state_address
        return KernelRun(
            time=task.grid,
            rows=np.empty((n, len(task.grid), method.n_species), dtype=method.dtype),
            log=method.log,
            place=place,
            ends=np.zeros(n, dtype=END),
            firings=np.zeros((n, len(method.firings)), dtype=np.int64),
            numbers=np.zeros((n, len(method.numbers))),
            memory=self._memory,
            initial=self._initial,
            scratch=method.scratch,
        )

    def _carry_on(self, method: Any, run: KernelRun, first: int, pause: Pause, log: BlockLog | None) -> None:
        """Call the kernel until all replicates are done, or `pause` returns True. A replicate counts as done after its
        reactions, if they are recorded, are written."""
        task, place, n = self.task, run.place, len(run.ends)
        end = float(task.grid[-1])
        pace, running = None, -1
        while place[REPLICATE] < n:
            before = int(place[REPLICATE])
            try:
                code = method.run(run, end, task.event_limit)
                if code in _FAULTS:
                    raise_if_law_failed(task.network, method, code)
            except ModelError as error:
                # The kernel counts the faulty one as done, if it was called at all.
                place[REPLICATE] = max(before, int(place[REPLICATE]) - 1)
                raise self._named(error, first + int(place[REPLICATE])) from None
            finally:
                if log is not None:
                    log.drain(int(place[REPLICATE]))
                self._n_done = int(place[REPLICATE])
            if place[REPLICATE] == n:
                return
            if running != place[REPLICATE] or pace is None:
                running, pace = int(place[REPLICATE]), self._pace(method)
            pace.check()
            fraction = min(method.time / end, 1.0) if place[BEGUN] and end > 0 else 0.0
            if pause(running + fraction):
                return

    def alone(
        self, replicate: int, write: Any, pause: Pause, write_events: WriteEvents | None = None
    ) -> tuple[Method, Status]:
        """Run one replicate by itself; `write` gets its rows as they come, and `write_events` its reactions.

        Returns the simulation at its end, and why it stopped, which may be INTERRUPTED.
        """
        task = self.task
        method: Any = self._at_start() if _restarts(task) else None
        self._rng.bit_generator.state = seeds.stream(task.seed, Purpose.SIMULATION, 0, replicate).bit_generator.state
        if method is None:
            method = self._started(task.start(replicate), replicate)
        elif task.noise is not None:
            method.follow(task.noise.start(task.seed, replicate))

        def write_rows(first: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
            rows, covariance = task.of_recorded(rows), _of_recorded_pairs(task, covariance)
            if task.method.units == "concentration":
                covariance = covariance / task.volume**2
            rows, observed = _in_units(task, rows, observed)
            write(replicate, first, rows, observed, covariance)

        n_logged = 0

        def drain() -> None:
            nonlocal n_logged
            if write_events is not None and len(log := method.drain_log()):
                n_logged += len(log)
                write_events(replicate, fired(log))

        invariants = Invariants(task.noise or task.network, task.method.dtype)
        try:
            status = run_replicate(
                method, task.grid, task.changes, write_rows, lambda time: pause(min(time / task.grid[-1], 1.0)),
                task.event_limit, invariants, drain,
            )  # fmt: skip
        except ModelError as error:
            raise self._named(error, replicate) from None
        if write_events is not None and n_logged != method.n_events:
            raise InputError(
                f"record={task.record!r}: method {method.name} logged {n_logged} of {method.n_events} reactions; its "
                "class must log each in the log of its `KernelRun`"
            )
        return method, status

    def _at_start(self) -> Any:
        """The simulation, at its start."""
        if self._method is None:
            self._method = self._started(self.task.start(0), None)
            self._memory = self._method.gather()
            self._initial = self._memory.copy()
        else:
            self._memory[:] = self._initial
        self._method.restart()
        # A replicate that was interrupted may have left reactions in the log.
        self._method.drain_log()
        self._method.rng = self._rng
        return self._method

    def _started(self, counts: np.ndarray, replicate: int | None) -> Method:
        """A new simulation. Without `replicate` it follows no path of noise yet."""
        task = self.task
        noise = {} if replicate is None or task.noise is None else {"seed": task.seed, "replicate": replicate}
        method = start_simulation(
            task.method, task.simulated, task.rates, task.volume, counts, self._rng, noise=task.noise,
            count_firings=task.count_firings, options=task.options, follow=bool(noise), **noise,
        )  # fmt: skip
        if task.records_events:
            assert isinstance(method, Compiled)  # `make_task` refuses the others
            method.log = np.empty(_LOG, dtype=LOGGED)
        return method

    def _pace(self, method: Any) -> Pace:
        return Pace(method, self.task.grid[-1], method.exact and self.task.event_limit == codes.NO_EVENT_LIMIT)

    def _recorded(self, method: Any, run: KernelRun) -> Rows:
        """What was recorded, checked, with observables."""
        task, network = self.task, self.task.network
        n, n_points, n_species = run.rows.shape
        reached = run.ends["n_points"]
        # Rows beyond the end are uninitialized memory: observables are computed of them too, and then ignored.
        for k in np.flatnonzero(reached < n_points).tolist():
            run.rows[k, reached[k] :] = 0
        flat = run.rows.reshape(n * n_points, n_species)
        invariants = Invariants(network, method.dtype)
        invariants.start(self._start_counts())
        if (reached == n_points).all():
            invariants.check(flat)
        else:
            for k in range(n):
                invariants.check(run.rows[k, : reached[k]])
        observed = np.empty((n, n_points, 0))
        if network.observables:
            values = Observer(network).observe(method, flat, np.tile(task.grid, n), method.moved(0, 0))
            observed = values.reshape(n, n_points, len(network.observables))
        # Only now: conservation laws and rules also read species that are not recorded.
        rows = task.of_recorded(run.rows)
        rows, observed = _in_units(task, rows, observed)
        return Rows(rows, observed, np.zeros((n, n_points, 0, 0)))

    def _start_counts(self) -> np.ndarray:
        return np.asarray(self.task.start(0), dtype=self.task.method.dtype)

    def _ends(self, method: Any, run: KernelRun) -> Ends:
        ends = run.ends
        statistics = method.statistics_of(run.numbers, ends["n_candidates"])
        if self.task.stopping is not None:
            stopped = ends["status"] == Status.CONDITION_MET
            statistics = statistics | {END_TIME: np.where(stopped, ends["time"], np.nan)}
        return Ends(ends["n_points"], ends["status"], ends["n_events"], run.firings, statistics)

    def _named(self, error: ModelError, replicate: int) -> ModelError:
        return ModelError(f"replicate {replicate} of seed {self.task.seed}: {error}")
