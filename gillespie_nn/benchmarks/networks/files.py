"""The networks of a folder, read and ready to run."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ... import checks
from ...crn import ReactionNetwork
from ...simulation.methods import AUTO
from .published import PUBLISHED, Published
from .runs import Ours

ENDING = ".net"
START = 1e-6
"""The part of a run that measures its start-up. Few events happen in it, and they are subtracted, too. `run_network`
ignores an end time of 1e-8 and less, so it cannot be much shorter."""


class Case(NamedTuple):
    """A network to measure."""

    name: str
    path: Path
    network: ReactionNetwork
    t_end: float
    published: Published | None
    read_seconds: float
    """CPU time to read the file [s]."""


def cases(folder: object, names: Sequence[str] = (), end_time: float | None = None) -> list[Case]:
    """The networks of the `.net` files of `folder` (all, or those called `names`), those with published times first, in
    their order. `end_time` is the end of runs of the others.

    Each network is read, and begun once, so that what is wrong with a file shows before anything is measured. Raises
    InputError for a folder without such files, for a file that cannot be read or run, for an unknown name, and if
    `end_time` is missing.
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
    found = []
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
        found.append(Case(name, files[name], network, t_end, published, seconds))
    return found


def _files(folder: object) -> dict[str, Path]:
    """Paths by name without ending: published names in their order, then the others."""
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
