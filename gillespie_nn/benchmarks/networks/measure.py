"""The measurement: every program simulates the same networks on one core, in turn.

Only events are timed. Start-up, all that a program does before its first event, is measured by a run to a millionth of
the end time; its time and its few events are subtracted. `run_network` starts up by reading the file and working out
which propensities an event changes, `simulate` by checking its arguments and setting up the method. All times are CPU
time of the process that simulates, so other work of the machine hardly counts.
"""

import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...peers.bionetgen import RunNetwork
from ...simulation import EXACT
from ...simulation.methods import AUTO
from ..one_core import one_core
from ..run import machine
from .files import START, Case, cases
from .runs import PEER, Ours, Peer, Program, check_end, difference, runs_of

_SLOW = 30.0
"""A program whose first run takes more seconds than this is timed only once."""


def networks_benchmark(
    folder: str | Path,
    names: Sequence[str] = (),
    repeats: int = 5,
    exact_methods: bool = False,
    full: bool = False,
    end_time: float | None = None,
    peer: type[Peer] | None = RunNetwork,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Events per second of CPU time on the networks of the `.net` files in `folder`, all or those called `names`, by
    this package and by BioNetGen's `run_network`. Returns a dictionary of plain values.

    Our method is the one that `auto` chooses; with `exact_methods` each exact method is measured too. Runs end at the
    published time, `BCR` at 5; with `full` we simulate that to its published end, too. Other networks end at
    `end_time`. Without `peer` this package is measured alone. `say` gets a line for each network.

    Raises InputError for a folder or a file that cannot be used, see `cases`.
    """
    missing = "" if peer is None else peer.missing()
    used = None if missing else peer
    methods = (AUTO, *(m.name for m in EXACT if exact_methods))
    with one_core() as confined, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = []
        for case in cases(folder, names, end_time):
            rows.append(_network(case, methods, used, repeats, full))
            say(_sentence(rows[-1]))
    about = None
    if peer is not None:
        about = {"missing": missing} if missing else {"version": peer.version()}
    return {
        "machine": machine(),
        "version": __version__,
        "one_core": confined,
        "repeats": repeats,
        "peer": about,
        "networks": rows,
    }


def _network(case: Case, methods: Sequence[str], peer: type[Peer] | None, repeats: int, full: bool) -> dict:
    """The row of one network."""
    ours = {method: Ours(case.network, method) for method in methods}
    records: dict[str, dict] = {method: {} for method in methods}
    programs: dict[str, Program] = dict(ours)
    row: dict[str, Any] = {
        "network": case.name, "species": len(case.network.species), "reactions": len(case.network.reactions),
        "t_end": case.t_end, "read_seconds": case.read_seconds, "methods": records,
    }  # fmt: skip
    if case.published is not None:
        row["published"] = case.published._asdict() | {"ratio": case.published.ratio}
    if peer is not None:
        row["peer"] = {}
        programs[PEER] = peer(case.path)
    every = records | ({PEER: row["peer"]} if peer is not None else {})
    row["check_end"] = _compare(programs, every, case.t_end)
    _time(programs, every, case.t_end, repeats)
    for method, program in ours.items():
        records[method]["method"] = program.method
    if full and case.published is not None and case.published.full_end != case.t_end:
        row["full"] = {"t_end": case.published.full_end, "method": ours[AUTO].method}
        _time({AUTO: ours[AUTO]}, {AUTO: row["full"]}, case.published.full_end, 1)
    theirs = row.get("peer", {})
    for record in records.values():
        if all("rate" in r and "differs" not in r for r in (record, theirs)) and row["check_end"] is not None:
            record["ratio"] = record["rate"] / theirs["rate"]
    return row


def _compare(programs: Mapping[str, Program], records: Mapping[str, dict], t_end: float) -> float | None:
    """Compare each program with ours under `auto`; what differs is put into `records`. Returns the end of these runs,
    None if ours failed. They also compile every kernel, so that timed runs need not."""
    with _failure(records[AUTO]):
        end = check_end(programs[AUTO], t_end)
        reference = runs_of(programs[AUTO], end, 0)
        for k, label in enumerate(programs):
            with _failure(records[label]):
                if label != AUTO and (what := difference(reference, runs_of(programs[label], end, k))):
                    records[label]["differs"] = what
        return end
    return None


@contextmanager
def _failure(record: dict) -> Iterator[None]:
    """A program that fails, in whatever way, says so in its `record`; the others still count."""
    try:
        yield
    except Exception as error:
        record["failed"] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]


def _time(programs: Mapping[str, Program], records: Mapping[str, dict], t_end: float, repeats: int) -> None:
    """Time the programs in turn, each round starting with another one, and put what was measured into `records`:
    `start_up` [s] and `seconds` [s] of each run, the latter without the median of `start_up`; `events` of each run; and
    `rate`, the median of the events per second."""
    labels = list(programs)
    for record in records.values():
        record |= {"seconds": [], "start_up": [], "events": []}
    for k in range(repeats):
        first = k % len(labels)
        for label in labels[first:] + labels[:first]:
            record = records[label]
            if "failed" in record or (record["seconds"] and record["seconds"][0] > _SLOW):
                continue
            with _failure(record):
                start = programs[label].run(START * t_end, k + 1)
                whole = programs[label].run(t_end, k + 1)
                record["seconds"].append(whole.seconds)
                record["start_up"].append(start.seconds)
                record["events"].append(whole.events - start.events)
    for record in records.values():
        if "failed" in record:
            continue
        start_up = statistics.median(record["start_up"])
        record["seconds"] = seconds = [whole - start_up for whole in record["seconds"]]
        with _failure(record):
            if min(seconds) <= 0 or min(record["events"]) <= 0:
                raise RuntimeError(f"a run to t = {t_end:g} takes no longer than its start-up, {start_up:.2g} s")
            record["rate"] = statistics.median(n / s for n, s in zip(record["events"], seconds))


def _sentence(row: dict) -> str:
    ours = row["methods"][AUTO]
    text = f"{row['network']} to t = {row['t_end']:g}: "
    if "failed" in ours:
        return f"{text}failed ({ours['failed']})"
    text += f"{ours['rate']:.3g} events/s with {ours['method']}"
    if "ratio" in ours:
        text += f", {ours['ratio']:.3g} times BioNetGen"
    if "published" in row:
        text += f" (published for Catalyst: {row['published']['ratio']:.3g} times)"
    return text
