"""What a replicate costs beyond its events: starting it, recording it, and keeping it in memory or in a file.

The model is a chain, 0 -> Q1 -> Q2 -> ... -> 0, which starts at its mean. Replicates and one long run then have
the same events per second. N replicates take the time of one run of as many events, and N times the overhead.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..api import simulate
from ..crn import ReactionNetwork
from ..storage import Run

N_POINTS = 51
SPECIES = (1, 2, 3, 4, 5)
POINTS_IN_FILES = (51, 102, 204, 408, 816)
"""Of 5 species: 2 to 32 KB a replicate."""
IN_MEMORY, IN_FILE = 20_000, 2_000
"""Replicates."""
_BYTES = 8
_EVENTS = 90.0
"""Of a replicate, about."""
_KB = 1000.0


def chain(n_species: int) -> ReactionNetwork:
    """0 -> Q1 -> ... -> 0 with 10 molecules of each species, where it is stationary."""
    names = [f"Q{k + 1}" for k in range(n_species)]
    steps = [f"{left} -> {right} @ {rate}" for left, right, rate in zip(["0", *names], [*names, "0"], [1, *[0.1] * 5])]
    return ReactionNetwork.from_text("\n".join([*steps, *(f"{s} = 10" for s in names)]))


def overhead(
    repeats: int = 5,
    species: Sequence[int] = SPECIES,
    points: Sequence[int] = POINTS_IN_FILES,
    replicates: tuple[int, int] = (IN_MEMORY, IN_FILE),
    say: Callable[[str], object] = lambda line: None,
) -> list[dict]:
    """Seconds that a replicate takes beyond its events, median of `repeats`: in memory and in a file, for chains of
    `species` at 51 points, and in a file for 5 species at `points`. `replicates` are those in memory and in files."""
    in_memory, in_file = replicates
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        cases: list[tuple[int, int, Path | None, int]] = [(n, N_POINTS, None, in_memory) for n in species]
        cases += [(n, N_POINTS, path, in_file) for n in species]
        cases += [(max(SPECIES), p, path, in_file) for p in points if p != N_POINTS]
        for n_species, n_points, output, n in cases:
            rows.append(_case(n_species, n_points, output, n, repeats))
            say(_sentence(rows[-1]))
    return rows


def _case(n_species: int, n_points: int, output: Path | None, n: int, repeats: int) -> dict:
    network, t_end = chain(n_species), _EVENTS / (1 + n_species)

    def timed(n_replicates: int, end: float, n_points: int) -> tuple[float, int]:
        begun = time.perf_counter()
        result: Any = simulate(
            network, end, n_points, seed=1, replicates=n_replicates, output=output, overwrite=True, progress=False
        )
        seconds = time.perf_counter() - begun
        events = int(result.n_events.sum())
        if isinstance(result, Run):
            result.close()
        return seconds, events

    timed(2, t_end, n_points)  # loads the kernels
    extra = []
    for _ in range(repeats):
        seconds, events = timed(n, t_end, n_points)
        of_events, events_of_one = timed(1, n * t_end, N_POINTS)
        extra.append((seconds - of_events * events / events_of_one) / n)
    return {
        "n_species": n_species,
        "n_points": n_points,
        "in_file": output is not None,
        "replicates": n,
        "events": events / n,
        "bytes": _BYTES * n_species * n_points,
        "seconds": extra,
        "median": statistics.median(extra),
    }


def _sentence(row: dict) -> str:
    where = "in a file" if row["in_file"] else "in memory"
    species = f"{row['n_species']} species" if row["n_species"] > 1 else "1 species"
    return (
        f"{where}, {species} at {row['n_points']} points ({row['bytes'] / _KB:.3g} KB a replicate): a replicate takes "
        f"{1e6 * row['median']:.1f} microseconds beyond its {row['events']:.0f} events"
    )
