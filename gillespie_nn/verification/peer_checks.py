"""Other programs: means and variances over time against COPASI and libRoadRunner; `.net` files against BioNetGen.

COPASI and libRoadRunner simulate three kinds of cases. One is immigration and death with events rarer than points. One
is the training network of XOR (2-4-1, Omega = 20, learning on, one presentation): this package simulates the network
itself, and the others simulate the output of `to_sbml`. The rest are models in `data/models/`, which libantimony
translates to SBML for all programs.

Means and variances of every species that reactions change are compared at each point after 0. Both programs run equally
often, with seeds derived from the seed of the check. For a right pair of programs, the sign of

    d_i = x_i - y_i    and of    d_i = (x_i - c)^2 - (y_i - c)^2,    c the mean of all x and y,

is then a fair coin for each run, independently, whatever the law of x and y. Hence z = sum d / sqrt(sum d^2) has P(|z|
> a) <= 2 exp(-a^2 / 2) for any number of runs (B. Efron, J. Amer. Statist. Assoc. 64 (1969) 1278-1302). The normal law
of a variance would need many runs if a few in a thousand lie far out. Apart from that, z is the statistic of Welch's
test. The p-value of a case is by Bonferroni's inequality over its points, means and variances.

Relative differences (ours / theirs - 1) have 95 % intervals for each point alone, from the variance of the samples for
means and from their fourth moment for variances. The largest difference is reported among points where both values are
at least 1 and known to a quarter. For right programs 5 % of these intervals exclude 0. All points are tested.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError, read_text
from ..crn import ReactionNetwork
from ..crn.formats.antimony import to_sbml
from ..peers import Copasi, Job, LibRoadRunner, Peer, bionetgen, whole_counts
from ..peers.peer import missing
from ..simulation import EXACT
from ..statistics.intervals import NORMAL
from .check import XOR_VOLUME, Check, CheckOptions, Outcome, Refused, Unsupported, xor

_LEAST, _WIDEST = 1.0, 0.25
"""Relative differences are reported where both values are at least the first, and half of the interval at most the
second."""


PROGRAMS: dict[str, type[Peer]] = {program.name: program for program in (Copasi, LibRoadRunner)}
"""Programs that read SBML. They record the state after the last event at or before a point. In the case
`immigration-death` events are rarer than points, so recording the state after the next event would be detected."""


class PeerCase(NamedTuple):
    """A function that makes the job of a seed, and the largest number of runs of each program."""

    job: Callable[[int], Job]
    most: int


def _immigration_death(seed: int) -> Job:
    network = ReactionNetwork.from_text("0 -> A @ 0.3\nA -> 0 @ 0.2\nA = 2")
    return Job(network, 4.0, 5, document=network.to_sbml())


def _xor(seed: int) -> Job:
    spec, initial = xor(seed)
    # With a document COPASI, too, simulates the laws that `to_sbml` writes, not mass action of its own.
    document = spec.network.to_sbml(volume=XOR_VOLUME, initial=dict(initial))
    return Job(spec.network, 3.0, 4, XOR_VOLUME, initial, document=document)


def _of_file(name: str, end: float) -> Callable[[int], Job]:
    def job(seed: int) -> Job:
        folder = resources.files("gillespie_nn.data") / "models"
        document = to_sbml((folder / f"{name}.ant").read_text(encoding="utf-8"))
        return Job(ReactionNetwork.from_sbml(document), end, 5, document=document)

    return job


CASES = {
    "immigration-death": PeerCase(_immigration_death, 5000),
    "XOR training": PeerCase(_xor, 2000),
    "toggle_switch": PeerCase(_of_file("toggle_switch", 8.0), 5000),
    "futile_cycle": PeerCase(_of_file("futile_cycle", 40.0), 5000),
    "circadian_oscillator": PeerCase(_of_file("circadian_oscillator", 8.0), 1500),
}


class Peers(Check):
    """Means and variances over time against COPASI and libRoadRunner, see above."""

    name = "peers"
    summary = "means and variances against COPASI and libRoadRunner (needs the extra bench)"

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        antimony = missing("antimony", ("antimony",), "antimony")
        return "; ".join(filter(None, [*(program.missing() for program in PROGRAMS.values()), antimony]))

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        outcomes: list[Outcome | Unsupported] = []
        for k, (name, case) in enumerate(CASES.items()):
            n, ours = min(options.replicates, case.most), None
            for program, peer in PROGRAMS.items():
                what = f"{name}, {program}"
                if lacking := peer.missing():
                    outcomes.append(Unsupported(what, lacking))
                    continue
                try:
                    theirs = peer_counts(name, program, n, seed)
                except (checks.MissingExtraError, RuntimeError) as error:
                    outcomes.append(Unsupported(what, str(error)))
                    continue
                ours = our_counts(name, method, n, _seeds(seed, k, 0, 1)[0]) if ours is None else ours
                p, details = compare(ours, theirs, case.job(0).grid[1:])  # all seeds have the same grid
                outcomes.append(Outcome(what, p, details, _note(details)))
        return outcomes


def _note(details: dict) -> str:
    parts = [f"{details['runs']} runs each, {details['points']} means and variances"]
    for what in ("mean", "variance"):
        parts.append(f"largest |z| of a {what} {details[f'largest_z_{what}']:.2f}")
        if f"largest_difference_of_{what}" in details:
            low, middle, high = (100 * v for v in details[f"largest_difference_of_{what}"])
            parts[-1] += f", largest difference {middle:+.1f} % [{low:+.1f}, {high:+.1f}]"
    return "; ".join(parts)


def _seeds(seed: int, case: int, program: int, n: int) -> np.ndarray:
    """Seeds uint32[n] below 2**31, of one case and one program."""
    return np.random.SeedSequence([seed, case, program]).generate_state(n) >> 1


def our_counts(name: str, method: str, n: int, seed: int) -> dict[str, np.ndarray]:
    """Counts int64[replicate, point] of each species that reactions change; the point at 0 is left out."""
    job = CASES[name].job(seed)
    r = simulate(
        job.network, job.t_end, job.n_points, method=method, replicates=n, seed=int(seed), workers=2,
        volume=job.volume, initial=dict(job.initial),
    )  # fmt: skip
    return {s: r.of(s)[:, 1:] for s in _changed(job.network)}


@functools.cache
def peer_counts(name: str, program: str, n: int, seed: int) -> dict[str, np.ndarray]:
    """The same by another program. It runs once for all methods that are compared with it."""
    k = list(CASES).index(name)
    job = CASES[name].job(_seeds(seed, k, 0, 1)[0])
    peer = PROGRAMS[program](job)
    try:
        counts = whole_counts(peer, _seeds(seed, k, 1 + list(PROGRAMS).index(program), n))
    finally:
        peer.close()
    return {s: counts[:, 1:, job.network.index[s]] for s in _changed(job.network)}


def _changed(network: ReactionNetwork) -> list[str]:
    changed = {s for r in network.reactions for s in r.net_change()}
    return [s for s in network.species if s in changed]


def compare(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], times: np.ndarray) -> tuple[float, dict]:
    """p-value and details of two dictionaries of counts int64[run, point] by species, at `times` float64[point]."""
    x, y = (np.concatenate([c[s] for s in ours], axis=1).astype(np.float64) for c in (ours, theirs))
    center = (x.sum(0) + y.sum(0)) / (2 * len(x))
    z_mean, z_variance = _symmetric_z(x - y), _symmetric_z((x - center) ** 2 - (y - center) ** 2)
    largest = max(np.abs(z_mean).max(), np.abs(z_variance).max())
    p = min(1.0, 2 * x.shape[1] * 2 * float(np.exp(-(largest**2) / 2)))
    details = {
        "runs": len(x),
        "points": 2 * x.shape[1],
        "largest_z_mean": float(np.abs(z_mean).max()),
        "largest_z_variance": float(np.abs(z_variance).max()),
    }
    names = [f"{s} at t = {t:g}" for s in ours for t in times]
    for what, moments in (("mean", _mean), ("variance", _variance)):
        details |= _relative(what, moments(x), moments(y), names)
    return p, details


def _symmetric_z(d: np.ndarray) -> np.ndarray:
    """sum d / sqrt(sum d^2) of each column; 0 if nothing differs."""
    size = np.sqrt((d**2).sum(0))
    return np.divide(d.sum(0), size, out=np.zeros_like(size), where=size > 0)


def _mean(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and their variances."""
    return x.mean(0), x.var(0, ddof=1) / len(x)


def _variance(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances and their variances."""
    variance = x.var(0, ddof=1)
    return variance, np.maximum(((x - x.mean(0)) ** 4).mean(0) - variance**2, 0.0) / len(x)


def _relative(what: str, ours: tuple, theirs: tuple, names: Sequence) -> dict:
    """The largest relative difference with its interval, and the median half-width of all intervals."""
    (a, a_error), (b, b_error) = ours, theirs
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = a / b
        half = NORMAL * ratio * np.sqrt(a_error / a**2 + b_error / b**2)
    shown = np.flatnonzero((a >= _LEAST) & (b >= _LEAST) & (half <= _WIDEST))
    if not len(shown):
        return {}
    ratio, half = ratio[shown], half[shown]
    k = int(np.argmax(np.abs(ratio - 1)))
    return {
        f"largest_difference_of_{what}": [
            float(v) for v in (ratio[k] - 1 - half[k], ratio[k] - 1, ratio[k] - 1 + half[k])
        ],
        f"largest_difference_of_{what}_at": names[shown[k]],
        f"median_half_width_of_{what}": float(np.median(half)),
    }


# BioNetGen: the `.net` files of a folder against `run_network`.
#
# `ode` is compared with CVODE, which has a relative tolerance of 1e-10. At `TIMES`, every species must have
# |ode - CVODE| <= 1e-5 |CVODE| + 1e-7 times its largest value. A species whose largest value is below `_LEAST_COUNT`
# counts as if it reached that: smaller values are below the absolute tolerances of both programs. This is not a
# statistical test: p is 1, or 0 if a difference is larger.
#
# Exact methods are compared by means and variances over time, as in `Peers`; the p-values are valid for any number of
# runs. A file is simulated to the longest of the times 100 s, 50 s, 25 s, ... within which a pilot run fires fewer than
# a given number of reactions. Large networks get fewer and shorter runs, and only the species that vary most are
# compared, see `Budget`. Both programs start from amounts rounded to whole numbers. Networks that read the time are
# refused, because BioNetGen's direct method evaluates it at other times; so are networks on which that method fails.

TIMES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Times at which `ode` is compared [s]."""
RTOL, ATOL = 1e-9, 1e-12
"""Default tolerances of `ode`."""
_OF_VALUE, _OF_LARGEST, _LEAST_COUNT = 1e-5, 1e-7, 1e-3
"""Allowed difference relative to the value and to the largest value of the species, and the least value [molecules]
that the latter counts as."""
_HALVINGS, _POINTS = 40, 6


class Budget(NamedTuple):
    """The size of a comparison of exact methods, for networks with at most `reactions`."""

    reactions: float
    runs: int
    """Largest number of runs of each program."""
    fired: int
    """Approximate number of reactions that fire in a run."""
    species: int
    """Largest number of species that are compared."""


BUDGETS = (Budget(1000, 300, 10_000, 200), Budget(10_000, 100, 5000, 100), Budget(np.inf, 60, 1000, 50))


class BioNetGen(Check):
    """`.net` files against BioNetGen: `ode` against CVODE, exact methods against the runs of `run_network`."""

    name = "bionetgen"
    summary = "`.net` files against BioNetGen: ode against CVODE, exact methods against its runs (needs --folder DIR)"
    methods = ("ode", *(m.name for m in EXACT))

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        return "no folder of .net files given: use --folder DIR" if folder is None else bionetgen.absent()

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        if lacking := self.missing(None, options.folder):
            return [Unsupported("bionetgen", lacking)]
        assert options.folder is not None
        outcomes: list[Outcome | Refused | Unsupported] = []
        for path in network_files(options.folder):
            what = path.name
            try:
                network = ReactionNetwork.from_bngl_net(path)
                if method == "ode":
                    outcomes.append(_rate_equations(what, path, network, options.method_options))
                else:
                    outcomes.append(_exact(what, path, network, method, seed, options))
            except (InputError, RuntimeError) as error:
                outcomes.append(Unsupported(what, str(error)))
        return outcomes


def network_files(folder: str | Path) -> list[Path]:
    """The `.net` files in `folder` and its subfolders, by size. Raises InputError if there are none."""
    root = Path(folder)
    paths = sorted(root.rglob("*.net"), key=lambda path: (path.stat().st_size, path)) if root.is_dir() else []
    if not paths:
        raise InputError(f"{root} contains no .net files of BioNetGen: give a folder with networks")
    return paths


def _rate_equations(what: str, path: Path, network: ReactionNetwork, options: dict) -> Outcome | Unsupported:
    pairs = [r.name for r in network.reactions if r.law is not None and any(n > 1 for _, n in r.reactants)]
    if pairs:
        # Laws of counts have A (A - 1). `ode` evaluates laws as they are written, but CVODE gets A^2.
        return Unsupported(what, f"reaction {pairs[0]} has like reactants and a rate law, which is one of counts")
    expected = bionetgen.rate_equations(read_text(path), TIMES)
    settings = {"rtol": RTOL, "atol": ATOL} | options
    r = simulate(network, time=[0.0, *TIMES], method="ode", **settings)
    ours = np.stack([r.of(s)[0, 1:] for s in network.species], axis=1)
    start = np.array([float(network.initial[s]) for s in network.species])
    largest = np.maximum(np.abs(np.vstack([start, expected])).max(axis=0), _LEAST_COUNT)
    share = np.abs(ours - expected) / (_OF_VALUE * np.abs(expected) + _OF_LARGEST * largest)
    share = np.where(np.isfinite(share), share, np.inf)
    k, s = np.unravel_index(np.argmax(share), share.shape)
    worst = float(share[k, s])
    at = f"{network.species[s]} at t = {TIMES[k]:g}"
    details = {"largest_share_of_tolerance": worst, "at": at, "ours": float(ours[k, s]), "cvode": float(expected[k, s])}
    return Outcome(what, float(worst <= 1.0), details, f"{worst:.2g} of the tolerance, {at}")


def _exact(
    what: str, path: Path, network: ReactionNetwork, method: str, seed: int, options: CheckOptions
) -> Outcome | Refused:
    if any(r.law is not None and "time" in network.resolved(r.law).names() for r in network.reactions):
        return Refused(what, "rates that read the time", "run_network evaluates it at other times")
    budget = next(b for b in BUDGETS if len(network.reactions) <= b.reactions)
    text = bionetgen.with_whole_amounts(read_text(path), network)
    network = ReactionNetwork.from_bngl_net(text)
    moving = sorted({s for r in network.reactions for s in r.net_change()}, key=network.index.__getitem__)
    if not moving:
        return Refused(what, "no species that changes", "there is nothing to compare")
    n = min(options.replicates, budget.runs)
    our_seed, their_seed = (int(x) >> 1 for x in np.random.SeedSequence([seed, *what.encode()]).generate_state(2))
    times = _times(text, budget.fired)
    r = simulate(network, time=[0.0, *times], method=method, replicates=n, seed=our_seed, workers=2)
    x = {s: np.asarray(r.of(s))[:, 1:] for s in moving}
    try:
        counts = _runs(text, times, n, their_seed)
    except RuntimeError as error:
        return Refused(what, "a network on which BioNetGen's direct method fails", str(error))
    y = {s: counts[:, :, network.index[s]] for s in moving}
    # The variance of both samples together does not depend on which run is whose, so the choice favours no verdict.
    spread = {s: float(np.vstack([x[s], y[s]]).astype(np.float64).var(axis=0).max()) for s in moving}
    compared = sorted(moving, key=lambda s: -spread[s])[: budget.species]
    p, details = compare({s: x[s] for s in compared}, {s: y[s] for s in compared}, np.array(times))
    details |= {"t_end": times[-1], "species": len(compared), "species_left_out": len(moving) - len(compared)}
    note = f"{n} runs each to t = {times[-1]:g}, {len(compared)} of {len(moving)} species"
    return Outcome(what, p, details, note)


@functools.cache
def _times(text: str, most: int) -> tuple[float, ...]:
    """Recorded times [s]; a pilot run fires fewer than `most` reactions up to the last one."""
    grid = TIMES[-1] * 2.0 ** np.arange(-_HALVINGS, 1)
    network = ReactionNetwork.from_bngl_net(text)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not reach")  # the pilot is expected to stop early
        pilot = simulate(network, time=grid, method="rejection", max_events=most, seed=1, progress=False)
    reached = int(np.sum(~np.ma.getmaskarray(pilot.of(network.species[0]))[0]))
    end = float(grid[max(reached - 1, 0)])
    return tuple(end * 4.0**k for k in range(1 - _POINTS, 1))


@functools.cache
def _runs(text: str, times: tuple[float, ...], n: int, seed: int) -> np.ndarray:
    """Counts float64[run, time, species] by BioNetGen. It runs once for all methods that are compared with it."""
    seeds = np.random.SeedSequence(seed).generate_state(n) >> 1
    return np.stack([bionetgen.stochastic(text, times, int(s)) for s in seeds])
