"""Ensembles of six everyday models, simulated by this package and by other programs, and the table of their times."""

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import checks
from .._version import __version__
from ..api import simulate
from ..crn import ReactionNetwork
from ..crn.parts import packaged_text
from ..display import tables
from ..display.tables import Table, counted
from ..peers import PEERS, Hill, Job, Peer
from ..simulation import EXACT
from ..simulation.methods import AUTO
from .timing import machine, one_core

__all__ = ["MODELS", "REPLICATES", "EverydayModel", "everyday_benchmark", "report"]

# The models, in the text format of this package. A `short` run has about 100 events, a `long` run about 1,000. A
# `very_long` run, or a few of them together, has about a million.
#
# Programs that do not read SBML get the repression in the toggle switch as a `Hill` function. The tests compare it with
# the law in the text.

N_POINTS = 51
"""Recorded points of a run, both ends included."""


class EverydayModel(NamedTuple):
    """A model, and the times at which its two runs end."""

    text: str
    short: float
    """Time [s] at which a run of about 100 events ends."""
    long: float
    """Time [s] at which a run of about 1,000 events ends."""
    very_long: float
    """Time [s] at which a run of about a million events ends, or each of `few` runs."""
    source: str
    few: int = 1
    """Runs that have a million events together. There are several if a model comes to an end, or stays long in each of
    two states, so that one path is not typical."""
    hill: dict[str, Hill] = {}
    """Reactions that are not mass action, by name."""

    def network(self) -> ReactionNetwork:
        """The model as a network."""
        return ReactionNetwork.from_text(self.text)

    def job(self, t_end: float) -> Job:
        """Runs to `t_end` [s] with `N_POINTS` points."""
        return Job(self.network(), t_end, N_POINTS, hill=self.hill)


_BIRTH_DEATH = """
0 -> A @ 1
A -> 0 @ 0.1
A = 0
"""
# Wilkinson's c1 = 1.66e-3 is the rate of a pair of molecules. Here P (P - 1) counts each pair twice.
_DIMERISATION = """
2 P -> P2 @ 1.66e-3 / 2
P2 -> 2 P @ 0.2
P = 301
P2 = 0
"""
_MICHAELIS_MENTEN = """
S + E -> SE @ 0.0017
SE -> S + E @ 0.5
SE -> P + E @ 0.1
S = 301
E = 120
SE = 0
P = 0
"""

MODELS = {
    "birth_death": EverydayModel(
        _BIRTH_DEATH, 50.0, 500.0, 5e5,
        "T. Jahnke, W. Huisinga, J. Math. Biol. 54 (2007) 1-26, doi:10.1007/s00285-006-0034-x; the rates are ours",
    ),
    "dimerisation": EverydayModel(
        _DIMERISATION, 2.05, 30.0, 3e4,
        "D. J. Wilkinson, Stochastic Modelling for Systems Biology, CRC Press 2006, dimerisation kinetics",
    ),
    "michaelis_menten": EverydayModel(
        _MICHAELIS_MENTEN, 1.7, 18.5, 185.0,
        "L. Michaelis, M. L. Menten, Biochem. Z. 49 (1913) 333-369; the numbers of the example of GillesPy2",
        few=300,
    ),
    "schlogl": EverydayModel(
        packaged_text("schlogl"), 0.044, 0.44, 4.4,
        "F. Schlogl, Z. Phys. 253 (1972) 147-161, doi:10.1007/BF01379769; the numbers in wide use",
        few=70,
    ),
    "circadian_oscillator": EverydayModel(
        packaged_text("circadian_oscillator"), 0.205, 0.55, 370.0,
        "J. M. G. Vilar et al., Proc. Natl. Acad. Sci. USA 99 (2002) 5988-5992, doi:10.1073/pnas.092133899",
    ),
    "toggle_switch": EverydayModel(
        packaged_text("toggle_switch"), 1.5, 7.0, 30.0,
        "T. S. Gardner, C. R. Cantor, J. J. Collins, Nature 403 (2000) 339-342, doi:10.1038/35002131",
        few=50,
        hill={"make_U": Hill(625.0, "V", 4.0, 2.5), "make_V": Hill(62.4, "U", 4.0, 1.0)},
    ),
}  # fmt: skip


# The measurement: every program simulates the same ensembles on one core, in turn.
#
# Only simulation is timed. Before, models are loaded and compiled, and each program simulates the whole ensemble once.
# That first ensemble also checks that the program simulates the same model.

SHORT, LONG, VERY_LONG = "short", "long", "very long"
REPLICATES = 10_000
"""Short runs of an ensemble."""
_SHARE = 5
"""Short runs over long runs."""
_SLOW = 10.0
"""A program that takes more time than this [s] is timed once."""
_SPARE = 1.6
"""Events for which programs in JAX reserve memory, over the largest number in a run of ours."""
_CHECKED = [1, N_POINTS // 2, N_POINTS - 1]
"""Points whose means are compared. Late points of a stationary model do not show its time scale; the first does."""
_FEWEST = 50
"""Smallest ensemble whose means are compared."""
_ERRORS = 5.0
"""Standard errors by which means may differ. Chance exceeds them in one of two million comparisons."""


class _Program(Protocol):
    def run(self, n: int, seed: int) -> Any: ...

    def counts(self, result: Any) -> np.ndarray: ...


class _Ours:
    """gillespie-nn with one of its methods."""

    def __init__(self, job: Job, method: str) -> None:
        self._job, self._method = job, method

    def run(self, n: int, seed: int) -> Any:
        return simulate(
            self._job.network, self._job.t_end, N_POINTS, method=self._method, replicates=n, seed=seed, progress=False
        )

    def counts(self, result: Any) -> np.ndarray:
        return result.counts


def everyday_benchmark(
    names: Sequence[str] = tuple(MODELS),
    repeats: int = 5,
    replicates: int = REPLICATES,
    exact_methods: bool = False,
    peers: Sequence[type[Peer]] = PEERS,
    say: Callable[[str], object] = lambda line: None,
) -> dict:
    """Time [s] of ensembles of the everyday models `names`: `replicates` short runs of about 100 events, a fifth as
    many long ones of about 1,000, and one very long run, or a few, of a million events, recorded at 51 points. Returns
    a dictionary of plain values.

    Our method is the one that `auto` chooses; with `exact_methods` each exact method is measured too. The programs run
    in turn, `repeats` times, on one core. `say` gets a line for each ensemble.

    Raises InputError for an unknown model.
    """
    for name in names:
        checks.choice("everyday model", name, MODELS)
    methods = (AUTO, *(m.name for m in EXACT if exact_methods))
    with one_core() as confined, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [
            _ensemble(name, length, repeats, n, methods, peers, say)
            for name in names
            for length, n in _sizes(MODELS[name], replicates).items()
        ]
    return {
        "machine": machine(),
        "version": __version__,
        "one_core": confined,
        "points": N_POINTS,
        "repeats": repeats,
        "peers": {p.name: _about(p) for p in peers},
        "ensembles": rows,
    }


def _sizes(model: EverydayModel, replicates: int) -> dict[str, int]:
    """Number of runs of each length. Fewer replicates than usual are a quick look, without very long runs."""
    sizes = {SHORT: replicates, LONG: max(1, replicates // _SHARE)}
    return sizes | {VERY_LONG: model.few} if replicates >= REPLICATES else sizes


def _about(peer: type[Peer]) -> dict:
    missing = peer.missing()
    return {"documented": peer.documented} | ({"missing": missing} if missing else {"version": peer.version()})


def _ensemble(
    name: str, length: str, repeats: int, n: int, methods: Sequence[str], peers: Sequence[type[Peer]], say: Callable
) -> dict:
    """The row of one model and length."""
    model = MODELS[name]
    t_end = {SHORT: model.short, LONG: model.long, VERY_LONG: model.very_long}[length]
    job = model.job(t_end)
    ours = {method: _Ours(job, method) for method in methods}
    first = {method: program.run(n, 0) for method, program in ours.items()}
    reference = first[AUTO]
    job = job._replace(most_events=int(_SPARE * reference.n_events.max()) + 10)
    records: dict[str, dict] = {"gillespie-nn": {"method": reference.method}}
    programs: dict[str, _Program] = {"gillespie-nn": ours[AUTO]}
    for method in methods[1:]:
        label = f"gillespie-nn {method}"
        programs[label], records[label] = ours[method], {"method": method}
        records[label] |= _agreement(reference.counts, first[method].counts, job)
    opened: list[Peer] = []
    for peer in peers:
        if peer.missing():
            continue
        try:
            opened.append(loaded := peer(job))
            records[peer.name] = _agreement(reference.counts, loaded.counts(loaded.run(n, 0)), job)
            programs[peer.name] = loaded
        # Other programs may fail in any way; the rest is still measured.
        except Exception as error:
            records[peer.name] = {"failed": _line(error)}
    # The ensembles may be large, and are not needed while times are measured.
    del first
    for label, seconds in _in_turn(programs, n, repeats, records).items():
        if "failed" not in records[label]:
            records[label] |= {"seconds": seconds, "median": statistics.median(seconds)}
    for loaded in opened:
        loaded.close()
    row = {
        "model": name, "length": length, "source": model.source, "t_end": t_end, "replicates": n,
        "events": float(reference.n_events.mean()), "programs": records, **_fastest(records, peers),
    }  # fmt: skip
    say(_sentence(row))
    return row


def _in_turn(programs: dict[str, _Program], n: int, repeats: int, records: dict[str, dict]) -> dict[str, list[float]]:
    """Times [s] of the programs. Each round starts with another one. A failure is recorded in `records`."""
    seconds: dict[str, list[float]] = {label: [] for label in programs}
    labels = list(programs)
    for k in range(repeats):
        start = k % len(labels)
        for label in labels[start:] + labels[:start]:
            times = seconds[label]
            if "failed" in records[label] or (times and times[0] > _SLOW):
                continue
            try:
                begun = time.perf_counter()
                programs[label].run(n, k + 1)
                times.append(time.perf_counter() - begun)
            except Exception as error:
                records[label]["failed"] = _line(error)
    return seconds


def _agreement(ours: np.ndarray, theirs: np.ndarray, job: Job) -> dict:
    """An empty record if the means of all species agree, else the differences.

    Raises ValueError if the shape or the start is another one."""
    if theirs.shape != ours.shape:
        raise ValueError(f"it returned an array of shape {theirs.shape}, not {ours.shape}")
    if not np.array_equal(np.asarray(theirs[0, 0]), ours[0, 0]):
        raise ValueError(f"it started at {np.asarray(theirs[0, 0]).tolist()}, not {ours[0, 0].tolist()}")
    a, b = (np.asarray(c[:, _CHECKED], dtype=float) for c in (ours, theirs))
    # Too few runs for a comparison; the larger ensembles of the model have it.
    if len(a) < _FEWEST:
        return {}
    difference = np.abs(a.mean(0) - b.mean(0))
    error = np.sqrt((a.var(0) + b.var(0)) / len(a))
    times = job.grid[_CHECKED]
    worst = [
        f"{job.species[s]} {b[:, p, s].mean():.6g} instead of {a[:, p, s].mean():.6g} at t = {times[p]:.6g}"
        for p, s in zip(*np.nonzero(difference > _ERRORS * error))
    ]
    return {"differs": f"means differ: {', '.join(worst)}"} if worst else {}


def _fastest(records: dict[str, dict], peers: Sequence[type[Peer]]) -> dict:
    """The fastest peer that simulates the same model, and how many times faster we are: among peers whose calls are
    documented, and among all."""
    result: dict[str, Any] = {}
    for key, chosen in (("", [p for p in peers if p.documented]), ("_of_all", peers)):
        times = {
            p.name: records[p.name]["median"]
            for p in chosen
            if "median" in records.get(p.name, {}) and "differs" not in records[p.name]
        }
        if times:
            best = min(times, key=lambda name: times[name])
            result |= {f"fastest{key}": best, f"faster_by{key}": times[best] / records["gillespie-nn"]["median"]}
    return result


def _sentence(row: dict) -> str:
    ours = row["programs"]["gillespie-nn"]
    runs = counted(row["replicates"], f"{row['length']} run")
    text = f"{row['model']}, {runs} of {row['events']:.0f} events: "
    text += f"{ours['median']:.3g} s with {ours['method']}"
    if "fastest" in row:
        other = row["programs"][row["fastest"]]["median"]
        text += f", {row['faster_by']:.2f} times as fast as {row['fastest']} ({other:.3g} s)"
    return text


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]


# The measurement as a table, with notes.

_UNIT = 1e6
"""Microseconds in a second."""


def table(result: dict) -> Table:
    """A row for each model and length, with the time of each program for a replicate [microseconds]."""
    rows = result["ensembles"]
    labels = list(dict.fromkeys(label for row in rows for label in row["programs"]))
    columns = (
        "model", "run", "events", "auto chose", *labels, "fastest peer", "we are faster by", "fastest of all",
        "we are faster by",
    )  # fmt: skip
    caption = (
        f"Microseconds a replicate, median of {result['repeats']}, {result['points']} recorded points"
        f"{', one core' if result['one_core'] else ''}; {result['machine']['processor']}, "
        f"Python {result['machine']['python']}"
    )
    return Table(caption, columns, [_row(row, labels) for row in rows])


def _row(row: dict, labels: list[str]) -> tuple:
    cells = [_cell(row["programs"].get(label, {"failed": ""}), row["replicates"]) for label in labels]
    ratios = []
    for key in ("", "_of_all"):
        ratios += [row.get(f"fastest{key}", "-"), f"{row[f'faster_by{key}']:.2f}" if f"fastest{key}" in row else "-"]
    method = row["programs"]["gillespie-nn"]["method"]
    return (row["model"], row["length"], f"{row['events']:.0f}", method, *cells, *ratios)


def _cell(record: dict, n: int) -> str:
    if "failed" in record:
        return "failed"
    return f"{_UNIT * record['median'] / n:.3g}" + (" differs" if "differs" in record else "")


def notes(result: dict) -> list[str]:
    """Notes on the table: versions, and programs that are missing, failed or simulate something else."""
    lines = []
    versions = [f"{name} {p['version']}" for name, p in result["peers"].items() if "version" in p]
    lines.append("Versions: " + ", ".join([f"gillespie-nn {result['version']}", *versions]))
    for name, about in result["peers"].items():
        if "missing" in about:
            lines.append(about["missing"])
        elif not about["documented"]:
            lines.append(f"{name}: the program does not document these calls, so it counts only for the fastest of all")
    for row in result["ensembles"]:
        for name, record in row["programs"].items():
            for key in ("failed", "differs"):
                if key in record:
                    lines.append(f"{row['model']}, {row['length']}, {name}: {record[key]}")
    return lines


def report(result: dict, markdown: bool = False) -> str:
    """The table and its notes in plain text or Markdown."""
    return tables.report([table(result)], notes(result), markdown)
