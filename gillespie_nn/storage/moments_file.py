"""Files of moments: small, and written anew as a whole whenever some time has passed, so that the file is at any moment
that of a number of blocks of replicates. Going on from it gives the same content as going through.

Version 1.1, filetype "gillespie-nn moments": P points, Q quantities, K entries. Root attributes as of run files, and
`units` (of the species: molecules or concentration), `task` (SHA-256 of all that decides the content), `n_replicates`
(asked for), `n_done` (that are in), `n_events` (reactions fired in these) and, since 1.1, `arguments`, as in run files.

    /time                     float64[P]          s; dimension scale
    /quantity                 string[Q]           names; dimension scale
    /moments/n                int64[P, Q]         replicates that got there
    /moments/mean             float64[P, Q]       their mean, 0 where n = 0
    /moments/squares          float64[P, Q]       sum of squared deviations from it
    /moments/variance         float64[P, Q]       squares / (n - 1), NaN where n < 2
    /moments/minimum          float64[P, Q]       inf where n = 0
    /moments/maximum          float64[P, Q]       -inf where n = 0
    /statuses                 int64[8]            replicates that ended in each way, by `Status`
    /statistics/NAME          float64[]           sum over replicates of what the method says about its steps
    /sketch/whole             bool[P * Q]         where only whole numbers can be (with quantiles, as all of /sketch)
    /sketch/cell              int64[K]            point * Q + quantity, rising
    /sketch/bucket            int64[K]            of `simulation.sketch`
    /sketch/count             int64[K]            replicates in it
    /model, /provenance/json, /provenance/seconds as in run files
"""

import time

import h5py

from .. import checks
from ..checks import InputError
from ..simulation.moments import ARRAYS, Moments, whole
from ..simulation.moments_result import MomentsResult
from ..simulation.sketch import Sketch
from . import layout
from .lock import Lock
from .whole import written

FILETYPE = "gillespie-nn moments"
VERSION = (1, 1)
KIND = "moments"
_SECONDS = 10.0
"""Between two writings, at least; and 20 times as long as one takes, so that they take a twentieth of the time."""
SKETCH = ("cell", "bucket", "count")


class MomentsFile(Moments):
    """A sink of moments that writes them. A context manager; without an error or with one, what is in is written.

    With `resumes` it begins with what the file at `path` holds, which is of the same task.
    """

    def __init__(self, path, task, settings, provenance_json, overwrite=False, resumes=False):
        super().__init__(task)
        self.path = checks.new_run_file(path, overwrite or resumes)
        self._task, self._settings, self._provenance = task, settings, provenance_json
        self._start, self._pause, self._written = time.perf_counter(), _SECONDS, 0.0
        self._lock = Lock(self.path)
        try:
            if resumes:
                self._take_over()
            self._write()
        except BaseException:
            self._lock.release()
            raise

    @property
    def missing(self) -> range:
        """Units of work that are to be done."""
        return range(-(-self.n_done // self._task.n_together), self._task.n_units)

    def merge(self, other):
        super().merge(other)
        if time.perf_counter() - self._written > self._pause:
            self._write()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Write the moments so far, and let others write in the file."""
        try:
            self._write()
        finally:
            self._lock.release()

    def _write(self):
        begun = time.perf_counter()
        with written(self.path, FILETYPE, VERSION) as file:
            _fill(file, self, self._task, self._settings)
            file["provenance/json"] = self._provenance
            file["provenance/seconds"] = begun - self._start
            file["provenance/seconds"].attrs["units"] = "s"
        self._written = time.perf_counter()
        self._pause = max(_SECONDS, 20.0 * (self._written - begun))

    def _take_over(self):
        with h5py.File(self.path, "r") as file:
            if file.attrs["task"] != self._task.digest:
                raise InputError(
                    f"{self.path} holds another ensemble (SHA-256 {file.attrs['task']}, that of this one is "
                    f"{self._task.digest}): go on with the arguments that began it, or choose another output"
                )
            load(file, self)
            self._start -= file["provenance/seconds"][()]


def _fill(file, moments, task, settings):
    for name, value in (settings | {"kind": KIND, "units": task.method.units, "task": task.digest}).items():
        file.attrs[name] = value
    file.attrs["n_replicates"], file.attrs["n_done"] = task.n_replicates, moments.n_done
    file.attrs["n_events"] = moments.n_events
    layout.write_model(file, task.network, task.rates, task.counts)
    file["model/initial"].attrs["units"] = "molecules"
    file["time"] = task.grid
    layout.names(file, "quantity", task.quantities)
    file["time"].attrs["units"] = "s"
    for name in ("time", "quantity"):
        file[name].make_scale(name)
    group = file.create_group("moments")
    result = MomentsResult(task.grid, task.quantities, moments, task.n_replicates, "", 0, 0.0, None)
    for name in (*ARRAYS, "variance"):
        dataset = layout.array(group, name, data=getattr(moments if name in ARRAYS else result, name))
        for axis, scale in enumerate(("time", "quantity")):
            dataset.dims[axis].attach_scale(file[scale])
    file["statuses"] = moments.statuses
    for name, total in moments.statistics.items():
        file[f"statistics/{name}"] = total
    file.require_group("statistics")
    if moments.sketch is not None:
        group = file.create_group("sketch")
        layout.array(group, "whole", data=whole(task))
        for name, values in zip(SKETCH, moments.sketch.entries()):
            layout.array(group, name, data=values)


def load(file, moments) -> None:
    """Take over what a file holds, which has been found valid."""
    for name in ARRAYS:
        setattr(moments, name, file[f"moments/{name}"][:])
    moments.statuses = file["statuses"][:]
    moments.n_done, moments.n_events = int(file.attrs["n_done"]), int(file.attrs["n_events"])
    moments.statistics = {name: float(total[()]) for name, total in file["statistics"].items()}
    if moments.sketch is not None:
        moments.sketch = Sketch(file["sketch/whole"][:], *(file[f"sketch/{name}"][:] for name in SKETCH))
