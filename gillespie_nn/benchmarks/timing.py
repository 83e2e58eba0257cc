"""Events per second of the methods and of other programs on training networks; tools that all benchmarks share."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import seeds
from ..api import simulate
from ..crn import ReactionNetwork
from ..display.tables import Table
from ..kernels import codes
from ..kernels.generator import draw_pairs
from ..nn import training_network
from ..peers import PEERS, Job, Peer
from ..seeds import Purpose
from ..simulation import EXACT
from ..simulation.methods import Method, Rejection

# One core for all programs of a comparison, however many threads they start.


@contextmanager
def one_core() -> Iterator[bool]:
    """Confine this thread, and threads and processes that it starts, to one core. False where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


# The measurement: best of several runs without start-up, all in one process, one after the other.

VOLUME = 1000.0
N_DRAWS = 10_000_000
START = 1e-3
"""Length of the run that measures start-up, as a part of the timed run. It is subtracted."""
LONGER = 10
"""If start-up takes more than half of a run, a run so many times as long is measured instead."""
LONG = 5.0
"""A run that takes longer than this [s] is not repeated."""


class BenchmarkCase(NamedTuple):
    """A training network, and the end of its runs [s]."""

    layers: tuple[int, ...]
    t_end: float


CASES = {"2-4-1": BenchmarkCase((2, 4, 1), 20.0), "16-16-10": BenchmarkCase((16, 16, 10), 4.0)}
"""Training networks to time, by their layer sizes."""


def benchmark(
    names: Sequence[str] = tuple(CASES),
    repeats: int = 5,
    peers: bool = True,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Measure the cases `names`; returns a dictionary of plain values.

    Each training network (gain variant, h = 0.05, annihilation rate 1, learning on) starts from random weights and a
    random sample. The events per second of another program are our mean number of events over its running time without
    start-up, since the numbers of events have the same law. `say` receives a line for each result.
    """
    result: dict[str, Any] = {
        "machine": machine(),
        "volume": VOLUME,
        "repeats": repeats,
        "draws_ns": _draws(repeats),
        "cases": {},
    }
    say(f"one exponential and one uniform random number: {result['draws_ns']:.2f} ns")
    for name in names:
        result["cases"][name] = _case(name, CASES[name], repeats, peers, result["draws_ns"], say)
    return result


def started(layers: Sequence[int]) -> tuple[ReactionNetwork, dict[str, int]]:
    """The training network of `layers`, and its counts just after a random sample is set."""
    spec = training_network(layers, h=0.05, annihilation_rate=1.0)
    rng = np.random.default_rng(0)
    initial = spec.initial(spec.floating.initial_weights(0), VOLUME)
    initial |= spec.presentation(rng.random(layers[0]), rng.random(layers[-1]), VOLUME)
    return spec.network, initial


def _case(
    name: str, case: BenchmarkCase, repeats: int, with_peers: bool, draws_ns: float, say: Callable[[str], object]
) -> dict:
    network, initial = started(case.layers)
    ours = {}
    for method in EXACT:
        ours[method.name] = _ours(method, network, initial, case.t_end, repeats, draws_ns)
        say(f"{name}, {method.name}: {ours[method.name]['events_per_second']:.3g} events per second")
    record = {
        "t_end": case.t_end,
        "n_species": len(network.species),
        "n_reactions": len(network.reactions),
        "n_channels": network.compiled.n_channels,
        "events": ours["rejection"]["events"],
        "longer": _ours(Rejection, network, initial, LONGER * case.t_end, repeats, draws_ns),
        "methods": ours,
        "storing_100_points": _storing(network, initial, case.t_end, repeats),
    }
    if with_peers:
        job = Job(network, case.t_end, 2, VOLUME, initial)
        chosen = [p for p in PEERS if not p.ensembles_only]
        record["peers"] = {p.name: _peer(p, job, repeats, record, say, name) for p in chosen}
    return record


def _ours(
    method: type[Method], network: ReactionNetwork, initial: dict[str, int], t_end: float, repeats: int, draws_ns: float
) -> dict:
    started = time.perf_counter()
    method.compile(network, network.rates())
    counts, rates = network.counts(initial), network.rates()
    start = time.perf_counter()
    simulation = method(network, rates, VOLUME, counts, seeds.stream(0, Purpose.SIMULATION))
    simulation.advance(0.0)
    warm = time.perf_counter()
    times: list[float] = []
    events = []
    while len(times) < repeats and (not times or times[0] < LONG):
        rng = seeds.stream(1, Purpose.SIMULATION, 0, len(times))
        simulation = method(network, rates, VOLUME, counts, rng)
        t = time.perf_counter()
        while simulation.advance(t_end) == codes.SLICE_END:
            pass
        times.append(time.perf_counter() - t)
        events.append(simulation.n_events)
    best = int(np.argmin(np.array(times) / np.array(events)))
    ns = 1e9 * times[best] / events[best]
    return {
        "seconds": times[best],
        "events": float(np.mean(events)),
        "events_per_second": events[best] / times[best],
        "ns_per_event": ns,
        "times_the_draws": ns / draws_ns,
        "compile_network_seconds": start - started,
        "load_kernels_seconds": warm - start,
        "runs": len(times),
    }


def _storing(network: ReactionNetwork, initial: dict[str, int], t_end: float, repeats: int) -> dict:
    """Share of the time of a run of about two seconds that 100 recorded points in a file add, in pairs."""
    # Longer runs, of about two seconds: making the file takes a few hundredths of a second.
    t_end = 50 * t_end
    with tempfile.TemporaryDirectory() as folder:
        ratios = []
        for k in range(repeats):
            seconds = []
            for n_points, output in ((2, None), (100, Path(folder) / "run.h5")):
                t = time.perf_counter()
                simulate(
                    network, t_end, n_points, volume=VOLUME, initial=initial, seed=k, replicates=5, output=output,
                    overwrite=True, progress=False,
                )  # fmt: skip
                seconds.append(time.perf_counter() - t)
            ratios.append(seconds[1] / seconds[0] - 1.0)
    return {"median": float(np.median(ratios)), "least": min(ratios), "most": max(ratios)}


def _peer(kind: type[Peer], job: Job, repeats: int, record: dict, say: Callable[[str], object], case: str) -> dict:
    name, t_end = kind.name, job.t_end
    if lacking := kind.missing():
        say(f"{case}: {lacking}")
        return {"missing": lacking}
    if len(job.network.reactions) > kind.most_reactions:
        why = f"skipped above {kind.most_reactions:g} reactions, because loading or running them takes minutes"
        say(f"{case}, {name}: {why}")
        return {"left_out": why}
    try:
        start_up = min(best_of(kind, job._replace(t_end=START * t_end), repeats)[1])
        set_up, times = best_of(kind, job, repeats)
        end = t_end
        if min(times) < 2 * start_up:
            end = LONGER * t_end
            set_up, times = best_of(kind, job._replace(t_end=end), repeats)
        whole = min(times)
    # Other programs may fail in any way; the rest is still measured.
    except Exception as error:
        say(f"{case}, {name}: failed ({error})"[:300])
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    version = kind.version()
    # The run for start-up simulated the part `START` of the events.
    seconds = (whole - start_up) / (1.0 - START)
    if seconds <= 0.0:
        say(
            f"{case}, {name} {version}: not measured, because a run takes no longer than its start-up, {start_up:.2g} s"
        )
        return {"failed": f"a run of {end:g} s took no longer than its start-up, {start_up:.2g} s"}
    same = record["methods"]["rejection"] if end == t_end else record["longer"]
    events = same["events"]
    ours = same["ns_per_event"] * 1e-9 * events
    say(
        f"{case}, {name} {version}: {seconds:.3g} s for {events:.3g} events, start-up {start_up:.2g} s; "
        f"rejection is {seconds / ours:.1f} times faster, {whole / ours:.1f} with start-up included"
    )
    return {
        "version": version,
        "t_end": end,
        "events": events,
        "seconds": seconds,
        "events_per_second": events / seconds,
        "load_seconds": set_up,
        "start_up_seconds": start_up,
        "rejection_is_times_faster": seconds / ours,
        "with_start_up": whole / ours,
    }


def best_of(kind: type[Peer], job: Job, repeats: int) -> tuple[float, list[float]]:
    """Time to load the job, and the times of `repeats` runs [s]; of one run if it takes longer than `LONG`."""
    begun = time.perf_counter()
    program = kind(job)
    set_up = time.perf_counter() - begun
    times: list[float] = []
    try:
        while len(times) < repeats and (not times or times[0] < LONG):
            begun = time.perf_counter()
            program.one(len(times) + 1)
            times.append(time.perf_counter() - begun)
    finally:
        program.close()
    return set_up, times


def _draws(repeats: int) -> float:
    rng = np.random.Generator(np.random.SFC64(1))
    address = np.uint64(rng.bit_generator.ctypes.state_address)
    draw_pairs(address, 10)
    times = []
    for _ in range(repeats):
        t = time.perf_counter()
        draw_pairs(address, N_DRAWS)
        times.append(time.perf_counter() - t)
    return 1e9 * min(times) / N_DRAWS


def machine() -> dict:
    return {"processor": _processor(), "system": platform.system(), "python": platform.python_version()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


# The measurement of training networks as a table.

_COLUMNS = (
    "network", "program", "start-up [s]", "seconds", "events/s", "ns/event", "`rejection` faster by", "with start-up",
)  # fmt: skip


def table(result: dict) -> Table:
    """A row for each program and case: time, events per second and speed-up of `rejection`."""
    rows = []
    for name, case in result["cases"].items():
        title = f"{name}, {case['events']:.2g} events"
        best = case["methods"]["rejection"]["ns_per_event"]
        for method, record in case["methods"].items():
            ratio = record["ns_per_event"] / best
            rows.append(_row(title, f"gillespie-nn `{method}`", 0.0, record, ratio, ratio))
        for program, record in case.get("peers", {}).items():
            if "seconds" in record:
                label, start = f"{program} {record['version']}", record["start_up_seconds"]
                faster_by = record["rejection_is_times_faster"], record["with_start_up"]
                rows.append(_row(title, label, start, record, *faster_by))
            else:
                reason = "not installed" if "missing" in record else record.get("left_out", "failed to run")
                rows.append(_short(title, program, reason))
        storing = case["storing_100_points"]["median"]
        rows.append(_short(title, "storing 100 points", f"{100 * storing:+.1f} % (median)"))
    caption = (
        f"{result['machine']['processor']}, Python {result['machine']['python']}; best of {result['repeats']} runs "
        f"(one if a run takes over 5 s), start-up subtracted; Omega = {result['volume']:g}; one exponential and one "
        f"uniform random number cost {result['draws_ns']:.1f} ns"
    )
    return Table(caption, _COLUMNS, rows)


def _row(title: str, program: str, start: float, record: dict, ratio: float, whole: float) -> tuple:
    rate = record["events_per_second"]
    numbers = f"{start:.2g}", f"{record['seconds']:.3g}", f"{rate:.2e}", f"{1e9 / rate:.3g}"
    return (title, program, *numbers, f"{ratio:.1f}", f"{whole:.1f}")


def _short(title: str, what: str, value: str) -> tuple:
    return (title, what, value, *[""] * (len(_COLUMNS) - 3))
