"""The `.net` files of a folder against BioNetGen's `run_network`: `ode` against CVODE, exact methods against its runs.

`ode`: at `TIMES`, every species must have |ode - CVODE| <= 1e-5 |CVODE| + 1e-7 times its largest value. CVODE has
relative tolerance 1e-10. A species that never reaches `_LEAST` counts as if it did: what is smaller is below the
absolute tolerances of both programs. This is not a statistical test: p is 1, or 0 where anything differs by more.

Exact methods: means and variances over time as in `peers`, whose p-values are valid for any number of runs. A file is
simulated to the longest of the times 100 s, 50 s, 25 s, ... within which a pilot run stays below a number of reactions.
Large networks get fewer runs of fewer reactions, and the species that vary most are compared, as `Budget` says. Both
programs start from amounts rounded to whole numbers. Networks that read the time are refused, because BioNetGen's
direct method reads it at moments of its own; so are those on which it fails.
"""

import functools
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..api import simulate
from ..checks import InputError, read_text
from ..crn import ReactionNetwork
from ..peers import bionetgen as theirs
from ..peers.net_files import with_whole_amounts
from ..simulation import EXACT
from .base import Check, Options, Outcome, Refused, Unsupported
from .peers import compare

TIMES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Of `ode` [s]."""
RTOL, ATOL = 1e-9, 1e-12
"""Of `ode`, unless others are asked for."""
_OF_VALUE, _OF_LARGEST, _LEAST = 1e-5, 1e-7, 1e-3
"""Allowed difference by the value, and by the largest value of the species, which counts as `_LEAST` [molecules] at
least."""
_HALVINGS, _POINTS = 40, 6


class Budget(NamedTuple):
    """What exact methods simulate of a network with at most so many reactions."""

    reactions: float
    runs: int
    """Of each program, at most."""
    fired: int
    """Reactions that fire in a run, about."""
    species: int
    """Species that are compared, at most."""


BUDGETS = (Budget(1000, 300, 10_000, 200), Budget(10_000, 100, 5000, 100), Budget(np.inf, 60, 1000, 50))


class BioNetGen(Check):
    name = "bionetgen"
    summary = "`.net` files against BioNetGen: ode against CVODE, exact methods against its runs (needs --folder DIR)"
    methods = ("ode", *(m.name for m in EXACT))

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        return "no folder of .net files given: use --folder DIR" if folder is None else theirs.absent()

    def run(self, method: str, seed: int, options: Options) -> list:
        if lacking := self.missing(None, options.folder):
            return [Unsupported("bionetgen", lacking)]
        assert options.folder is not None
        found: list[Outcome | Refused | Unsupported] = []
        for path in network_files(options.folder):
            what = path.name
            try:
                network = ReactionNetwork.from_bngl_net(path)
                if method == "ode":
                    found.append(_rate_equations(what, path, network, options.method_options))
                else:
                    found.append(_exact(what, path, network, method, seed, options))
            except (InputError, RuntimeError) as error:
                found.append(Unsupported(what, str(error)))
        return found


def network_files(folder: str | Path) -> list[Path]:
    """The `.net` files in `folder` and the folders in it, by size. Raises InputError without any."""
    root = Path(folder)
    found = sorted(root.rglob("*.net"), key=lambda path: (path.stat().st_size, path)) if root.is_dir() else []
    if not found:
        raise InputError(f"{root} contains no .net files of BioNetGen: give a folder with networks")
    return found


def _rate_equations(what: str, path: Path, network: ReactionNetwork, options: dict) -> Outcome | Unsupported:
    pairs = [r.name for r in network.reactions if r.law is not None and any(n > 1 for _, n in r.reactants)]
    if pairs:
        # The law of exact methods has A (A - 1); ode evaluates laws as they are, and CVODE takes A^2.
        return Unsupported(what, f"reaction {pairs[0]} has like reactants and a rate law, which is one of counts")
    expected = theirs.rate_equations(read_text(path), TIMES)
    settings = {"rtol": RTOL, "atol": ATOL} | options
    r = simulate(network, time=[0.0, *TIMES], method="ode", **settings)
    ours = np.stack([r.of(s)[0, 1:] for s in network.species], axis=1)
    start = np.array([float(network.initial[s]) for s in network.species])
    largest = np.maximum(np.abs(np.vstack([start, expected])).max(axis=0), _LEAST)
    share = np.abs(ours - expected) / (_OF_VALUE * np.abs(expected) + _OF_LARGEST * largest)
    share = np.where(np.isfinite(share), share, np.inf)
    k, s = np.unravel_index(np.argmax(share), share.shape)
    worst = float(share[k, s])
    at = f"{network.species[s]} at t = {TIMES[k]:g}"
    details = {"largest_share_of_tolerance": worst, "at": at, "ours": float(ours[k, s]), "cvode": float(expected[k, s])}
    return Outcome(what, float(worst <= 1.0), details, f"{worst:.2g} of the tolerance, {at}")


def _exact(
    what: str, path: Path, network: ReactionNetwork, method: str, seed: int, options: Options
) -> Outcome | Refused:
    if any(r.law is not None and "time" in network.resolved(r.law).names() for r in network.reactions):
        return Refused(what, "rates that read the time", "run_network reads the time at moments of its own")
    budget = next(b for b in BUDGETS if len(network.reactions) <= b.reactions)
    text = with_whole_amounts(read_text(path), network)
    network = ReactionNetwork.from_bngl_net(text)
    moving = sorted({s for r in network.reactions for s in r.net_change()}, key=network.index.__getitem__)
    if not moving:
        return Refused(what, "no species that changes", "there is nothing to compare")
    n = min(options.replicates, budget.runs)
    own, other = (int(x) >> 1 for x in np.random.SeedSequence([seed, *what.encode()]).generate_state(2))
    times = _times(text, budget.fired)
    r = simulate(network, time=[0.0, *times], method=method, replicates=n, seed=own, workers=2)
    x = {s: np.asarray(r.of(s))[:, 1:] for s in moving}
    try:
        counts = _runs(text, times, n, other)
    except RuntimeError as error:
        return Refused(what, "a network on which BioNetGen's direct method fails", str(error))
    y = {s: counts[:, :, network.index[s]] for s in moving}
    # The variance of both together is the same whichever run is whose: the choice favours no verdict.
    spread = {s: float(np.vstack([x[s], y[s]]).astype(np.float64).var(axis=0).max()) for s in moving}
    kept = sorted(moving, key=lambda s: -spread[s])[: budget.species]
    p, details = compare({s: x[s] for s in kept}, {s: y[s] for s in kept}, np.array(times))
    details |= {"t_end": times[-1], "species": len(kept), "species_left_out": len(moving) - len(kept)}
    note = f"{n} runs each to t = {times[-1]:g}, {len(kept)} of {len(moving)} species"
    return Outcome(what, p, details, note)


@functools.cache
def _times(text: str, most: int) -> tuple[float, ...]:
    """Times [s] up to the end of the runs, within which a pilot run fires fewer than `most` reactions."""
    grid = TIMES[-1] * 2.0 ** np.arange(-_HALVINGS, 1)
    network = ReactionNetwork.from_bngl_net(text)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not reach")  # which is what the pilot is for
        pilot = simulate(network, time=grid, method="rejection", max_events=most, seed=1, progress=False)
    reached = int(np.sum(~np.ma.getmaskarray(pilot.of(network.species[0]))[0]))
    end = float(grid[max(reached - 1, 0)])
    return tuple(end * 4.0**k for k in range(1 - _POINTS, 1))


@functools.cache
def _runs(text: str, times: tuple[float, ...], n: int, seed: int) -> np.ndarray:
    """Counts float64[run, time, species] of BioNetGen, run once for all methods that are compared with it."""
    seeds = np.random.SeedSequence(seed).generate_state(n) >> 1
    return np.stack([theirs.stochastic(text, times, int(s)) for s in seeds])
