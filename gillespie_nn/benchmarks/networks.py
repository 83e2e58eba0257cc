"""Rule-based networks with published times, simulated by this package and by BioNetGen's `run_network`.

The published times are medians of one exact run on one core.

Reference: T. E. Loman et al., Catalyst: fast and flexible modeling of reaction networks, PLoS Comput. Biol. 19 (2023)
e1011530, doi:10.1371/journal.pcbi.1011530; data in github.com/SciML/Catalyst_PLOS_COMPBIO_2023, folder Benchmarks.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import checks
from .._version import __version__
from ..api import simulate
from ..crn import ReactionNetwork
from ..display import tables
from ..display.tables import Table
from ..peers.bionetgen import RunNetwork, TimedRun
from ..simulation import EXACT
from ..simulation.methods import AUTO
from ..simulation.result import Result, unfinished
from ..statistics.intervals import student
from .timing import machine, one_core

__all__ = ["PUBLISHED", "Published", "networks_benchmark", "report"]

# Published times.

SOURCE = "Loman et al. 2023, PLoS Comput. Biol. 19:e1011530"


class Published(NamedTuple):
    """Times of Catalyst's fastest method and of BioNetGen for a run to `full_end`."""

    full_end: float
    method: str
    """Catalyst's fastest method."""
    fastest: float
    """Time of that method, without start-up [s]."""
    bionetgen: float
    """Time of BioNetGen [s]. It includes start-up: its program reads and expands the model in each run."""
    start_up: float = 0.0
    """The part of `bionetgen` that is subtracted as start-up [s]. It is known where it is a large part, from the line
    through its two shortest published runs, at T = 0."""
    end: float | None = None
    """End of the runs that are measured here, if not `full_end`."""

    @property
    def t_end(self) -> float:
        return self.full_end if self.end is None else self.end

    @property
    def ratio(self) -> float:
        """By how many times the fastest method of Catalyst is faster than BioNetGen."""
        return (self.bionetgen - self.start_up) / self.fastest


PUBLISHED = {
    "multistate": Published(1e3, "RSSA", 0.087, 0.511),
    "multisite2": Published(1e3, "RSSA", 7.55, 42.3),
    "egfr_net": Published(100.0, "RSSACR", 2.78, 55.8),
    # A run of BioNetGen to the published end takes hours, so runs end earlier here.
    "BCR": Published(1.6e4, "RSSACR", 428.0, 40_068.0, end=5.0),
    # The start-up is from BioNetGen's runs to T = 10 and 21.54, which took 100.80 and 110.12 s.
    "fceri_gamma2": Published(100.0, "RSSACR", 0.423, 175.5, start_up=92.7),
}
"""Published times by file name without ending."""


# The networks of a folder, read and ready to run.

ENDING = ".net"
START = 1e-6
"""The part of a run that measures its start-up. It has few events, which are subtracted, too. It cannot be much
shorter, because `run_network` ignores end times up to 1e-8."""


class NetworkCase(NamedTuple):
    """A network to measure."""

    name: str
    path: Path
    network: ReactionNetwork
    t_end: float
    published: Published | None
    read_seconds: float
    """CPU time to read the file [s]."""


def cases(folder: object, names: Sequence[str] = (), end_time: float | None = None) -> list[NetworkCase]:
    """The networks of the `.net` files in `folder`, all or those in `names`. Those with published times come first, in
    their order. Runs of the others end at `end_time`.

    Each network is read and started once, so that errors in a file show before anything is measured. Raises InputError
    for a folder without such files, for a file that cannot be read or run, for an unknown name, and if `end_time` is
    missing.
    """
    files = _files(folder)
    chosen = [checks.choice("network", name, files, "the folder has") for name in names] or list(files)
    if end_time is not None:
        end_time = checks.positive("end time", end_time)
    if end_time is None and (unknown := [name for name in chosen if name not in PUBLISHED]):
        raise checks.InputError(
            f"no end time is known for {checks.shortened(unknown)}: add --end-time T for networks without a published "
            f"one, or choose others with --case"
        )
    selected = []
    for name in dict.fromkeys(chosen):
        published = PUBLISHED.get(name)
        t_end = end_time if published is None else published.t_end
        assert t_end is not None
        begun = time.process_time()
        network = ReactionNetwork.from_bngl_net(str(files[name]))
        seconds = time.process_time() - begun
        try:
            Ours(network, AUTO).run(START * t_end, 0)
        except checks.InputError as error:
            raise checks.InputError(f"{files[name]}: {error}") from None
        selected.append(NetworkCase(name, files[name], network, t_end, published, seconds))
    return selected


def _files(folder: object) -> dict[str, Path]:
    """Paths by file name without ending: published names in their order, then the others."""
    path = checks.path_of("networks", folder, f"networks must be the path of a folder, got {folder!r}")
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise checks.InputError(f"networks {path} {what}: give a folder with {ENDING} files of BioNetGen")
    try:
        files = {f.stem: f for f in sorted(path.iterdir()) if f.suffix == ENDING and f.is_file()}
    except OSError as error:
        raise checks.InputError(f"cannot read the folder {path}: {error.strerror}") from None
    if not files:
        raise checks.InputError(f"no {ENDING} files in {path}: give a folder with networks that BioNetGen generated")
    order = [name for name in PUBLISHED if name in files]
    return {name: files[name] for name in dict.fromkeys([*order, *files])}


# Do two programs simulate the same network? Means of a few runs are compared at a stated rate of false alarms.

PEER = "BioNetGen"
"""Label of the other program."""
RUNS = 10
"""Compared runs of each program."""
EVENTS = 3e4
"""Events of a compared run, at least; it may have twice as many. On the largest network, where an event of BioNetGen
takes 0.1 ms, they take as long as its start-up."""
LEVEL = 1e-5
"""Probability that programs that agree are reported to differ, if values have normal distributions."""
_MOST = 20
"""Species that are compared if there are no groups: the most abundant ones."""
_FIRST, _GROWTH = 1e-3, 2.0
"""Part of the end time that is tried first, and the factor to the next."""
_SEEDS = 10_000
"""First seed of compared runs, and distance between programs. Timed runs have seeds 1, 2, ..."""


class NetworkProgram(Protocol):
    """A program that has loaded a network. Its `run` is called with several ends and seeds."""

    def run(self, t_end: float, seed: int) -> TimedRun: ...


class NetworkPeer(NetworkProgram, Protocol):
    """The other program, made from the path of a `.net` file."""

    def __init__(self, path: Path) -> None: ...

    @classmethod
    def missing(cls) -> str: ...

    @classmethod
    def version(cls) -> str: ...


class Ours:
    """This package with one of its methods. `method` is the method of the last run."""

    def __init__(self, network: ReactionNetwork, method: str) -> None:
        self._network, self._asked = network, method
        self.method = ""

    def run(self, t_end: float, seed: int) -> TimedRun:
        """One call of `simulate`. Raises RuntimeError if the run stops before `t_end`."""
        begun = time.process_time()
        result = simulate(self._network, t_end, 2, method=self._asked, seed=seed, progress=False)
        seconds = time.process_time() - begun
        if not result.complete:
            raise RuntimeError(unfinished(result))
        self.method = result.method
        assert isinstance(result, Result)
        end = np.asarray(result.counts[0, -1]).astype(float)
        groups = dict(zip(self._network.species, end.tolist()))
        groups |= {name: float(result.of(name)[0, -1]) for name in self._network.rules}
        return TimedRun(seconds, int(result.n_events[0]), groups, end)


def check_end(program: NetworkProgram, t_end: float) -> float:
    """The end of compared runs [s]: `t_end`, or an earlier time with at least `EVENTS` events."""
    end = _FIRST * t_end
    while end < t_end and program.run(end, 0).events < EVENTS:
        end *= _GROWTH
    return min(end, t_end)


def runs_of(program: NetworkProgram, end: float, k: int) -> list[TimedRun]:
    """The compared runs of program number `k`. No other runs have these seeds."""
    return [program.run(end, _SEEDS * (k + 1) + n) for n in range(RUNS)]


def difference(ours: Sequence[TimedRun], theirs: Sequence[TimedRun]) -> str:
    """The means that differ, in words; empty if none does. Compared are the number of events and the groups, or without
    groups the most abundant species. A mean differs if a t-test rejects equality at `LEVEL` over the number of means.

    Raises ValueError if the programs have different numbers of species.
    """
    if len(ours[0].species) != len(theirs[0].species):
        raise ValueError(f"it has {len(theirs[0].species)} species, not {len(ours[0].species)}")
    names = [name for name in theirs[0].groups if name in ours[0].groups]
    a, b = (np.array([[run.events, *(run.groups[n] for n in names)] for run in runs], float) for runs in (ours, theirs))
    if not names:
        species = np.array([run.species for run in ours]).mean(0)
        most = np.argsort(-species, kind="stable")[:_MOST]
        names = [f"species {k + 1}" for k in most]
        a, b = (np.column_stack([x[:, 0], [r.species[most] for r in runs]]) for x, runs in ((a, ours), (b, theirs)))
    names = ["events", *names]
    n = len(a)
    error = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / n)
    # `student` takes a number of values; the difference of two sets of n has 2 n - 2 degrees of freedom.
    allowed = student(LEVEL / len(names), 2 * n - 1) * error
    means = zip(names, a.mean(0), b.mean(0), allowed, strict=True)
    worst = [f"{name} {y:.6g} instead of {x:.6g}, allowed {d:.2g}" for name, x, y, d in means if abs(x - y) > d]
    return f"means differ: {', '.join(worst)}" if worst else ""


# The measurement: every program simulates the same networks on one core, in turn.
#
# Only events are timed. Start-up, all that a program does before its first event, is measured by a run to a millionth
# of the end time; its time and its few events are subtracted. In the start-up, `run_network` reads the file and
# determines which propensities an event changes, and `simulate` checks its arguments and sets up the method. All times
# are CPU time of the process that simulates, so other work of the machine hardly counts.

_SLOW = 30.0
"""A program whose first run takes longer than this [s] is timed once."""


def networks_benchmark(
    folder: str | Path,
    names: Sequence[str] = (),
    repeats: int = 5,
    exact_methods: bool = False,
    full: bool = False,
    end_time: float | None = None,
    peer: type[NetworkPeer] | None = RunNetwork,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Events per second of CPU time on the networks of the `.net` files in `folder`, all or those in `names`, by this
    package and by BioNetGen's `run_network`. Returns a dictionary of plain values.

    Our method is the one that `auto` chooses; with `exact_methods` each exact method is measured, too. Runs end at the
    published time, except `BCR` at 5; with `full` we also simulate that to its published end. Other networks end at
    `end_time`. Without `peer` only this package is measured. `say` receives a line for each network.

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


def _network(
    case: NetworkCase, methods: Sequence[str], peer: type[NetworkPeer] | None, repeats: int, full: bool
) -> dict:
    """The row of one network."""
    ours = {method: Ours(case.network, method) for method in methods}
    records: dict[str, dict] = {method: {} for method in methods}
    programs: dict[str, NetworkProgram] = dict(ours)
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


def _compare(programs: Mapping[str, NetworkProgram], records: Mapping[str, dict], t_end: float) -> float | None:
    """Compare each program with ours under `auto`, and put differences into `records`. Returns the end of these runs,
    None if ours failed. They also compile every kernel, so that timed runs do not."""
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
    """Record any failure of a program in its `record`, so that the others are still measured."""
    try:
        yield
    except Exception as error:
        record["failed"] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]


def _time(programs: Mapping[str, NetworkProgram], records: Mapping[str, dict], t_end: float, repeats: int) -> None:
    """Time the programs in turn; each round starts with another one. `records` receive, for each run, `start_up` [s],
    `seconds` [s] without the median of `start_up`, and `events`; and `rate`, the median of events per second."""
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


# The measurement as a table, with notes.

_COLUMNS = (
    "network", "reactions", "end time", "method", "events", "start-up [s]", "seconds", "events/s",
    f"{PEER} start-up [s]", f"{PEER} seconds", f"{PEER} events/s", "ratio", "published ratio",
)  # fmt: skip


def table(result: dict) -> Table:
    """A row for each network and each of our methods, and for a run to the published end."""
    core = ", one core" if result["one_core"] else ""
    caption = (
        f"Seconds of CPU time of a run without start-up, median of {result['repeats']}{core}; "
        f"{result['machine']['processor']}, Python {result['machine']['python']}"
    )
    rows = []
    for row in result["networks"]:
        for label, record in row["methods"].items():
            name = record["method"] if label == record["method"] else f"{label}: {record['method'] or '-'}"
            rows.append(_row(row, row["t_end"], name, record, row.get("peer", {})))
        if full := row.get("full"):
            rows.append(_row(row, full["t_end"], f"auto: {full['method']}", full, {}))
    return Table(caption, _COLUMNS, rows)


def _row(row: dict, t_end: float, method: str, record: dict, peer: dict) -> tuple:
    ratio = f"{record['ratio']:.3g}" if "ratio" in record else "-"
    published = f"{row['published']['ratio']:.3g}" if "published" in row else "-"
    n, *ours = _cells(record)
    return (row["network"], row["reactions"], f"{t_end:g}", method, n, *ours, *_cells(peer)[1:], ratio, published)


def _cells(record: dict) -> tuple[str, ...]:
    """Events, start-up, seconds, and events per second."""
    if "rate" not in record:
        return "-", "-", "-", "failed" if "failed" in record else "-"
    events, start, seconds = (median(record[key]) for key in ("events", "start_up", "seconds"))
    return f"{events:.3g}", f"{start:.2g}", f"{seconds:.3g}", f"{record['rate']:.3g}"


def notes(result: dict) -> list[str]:
    """Notes on the table: versions, and how rows differ from the usual measurement."""
    peer = result["peer"] or {}
    versions = f"Versions: gillespie-nn {result['version']}"
    lines = [f"{versions}, {PEER} {peer['version']}" if "version" in peer else versions]
    if "missing" in peer:
        lines.append(peer["missing"])
    if any("published" in row for row in result["networks"]):
        lines.append(f"published ratio: Catalyst's fastest method to BioNetGen, {SOURCE}, on another machine")
    for row in result["networks"]:
        published = row.get("published", {})
        if published.get("start_up"):
            lines.append(
                f"{row['network']}: {published['start_up']:g} s of the published {published['bionetgen']:g} s of "
                f"{PEER} are taken as start-up and subtracted"
            )
        if "full" in row:
            lines.append(
                f"{row['network']}, end time {row['full']['t_end']:g}: one run; published {published['fastest']:g} s "
                f"for Catalyst and {published['bionetgen']:g} s for {PEER}"
            )
        every = {**row["methods"], PEER: row.get("peer", {})}
        for label, record in {**every, "to the published end": row.get("full", {})}.items():
            lines += [f"{row['network']}, {label}: {record[key]}" for key in ("failed", "differs") if key in record]
        for label, record in every.items():
            if "rate" in record and len(record["seconds"]) < result["repeats"]:
                lines.append(f"{row['network']}, {label}: timed once, because a run takes {record['seconds'][0]:.3g} s")
    return lines


def report(result: dict, markdown: bool = False) -> str:
    """The table and its notes in plain text or Markdown."""
    return tables.report([table(result)], notes(result), markdown)
