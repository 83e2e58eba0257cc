"""`open_run`: opens any run, of trajectories or of moments."""

from pathlib import Path

from .. import checks
from ..checks import InputError
from .damage import readable
from .hdf5 import opened
from .moments_reader import MomentsRun, read
from .reader import Run
from .schema import MOMENTS, RUNS
from .validate import form_of

_SOON_READ = 1 << 17
"""Bytes of a model's text that are read in a tenth of a second."""


def open_run(path: str | Path) -> Run | MomentsRun:
    """Open the run in the file at `path` for reading, also while it is being written, or after its process was
    killed. Returns a `Run`, or for moments a `MomentsRun`.

    Raises InputError for a missing or damaged file, another filetype, and a newer major version.
    """
    where = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    file = opened(where)
    form = form_of(where, file)
    if form is RUNS:
        return _checked(Run(where, file))
    with file:
        if form is not MOMENTS:
            raise InputError(f"{where} is a {form.name}, not a run: its filetype is {form.filetype!r}")
        with readable(where):
            return read(where, file)


def open_trajectories(path: str | Path) -> Run:
    """Open the run in the file at `path`, which must hold trajectories; `open_run` opens moments, too.

    Raises InputError for other files, and as `open_run` does.
    """
    where = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    return _checked(Run(where, opened(where, RUNS)))


def _checked(run: Run) -> Run:
    """The run, its model compared with the rest where that takes no time; that of a large one is, when it is asked for,
    or for a name that it has."""
    try:
        if run.model_bytes <= _SOON_READ:
            _ = run.model
    except BaseException:
        run.close()
        raise
    return run


def open_moments(path: str | Path) -> MomentsRun:
    """Open the moments in the file at `path`; `open_run` opens every run.

    Raises InputError for other files, and as `open_run` does.
    """
    where = checks.existing_file("file of moments", path, "open_moments takes the path of a file of moments")
    with opened(where, MOMENTS) as file, readable(where):
        return read(where, file)
