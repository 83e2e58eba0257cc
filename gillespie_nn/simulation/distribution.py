"""Ensembles on many machines with dask.distributed: workers run units of work; this process alone collects the results
in order and passes them to the sinks.

A unit depends only on its task and its number. If a worker is lost, its undelivered units run again elsewhere with the
same results; each unit is collected once.
"""

import numpy as np

from .. import checks
from .._version import __version__
from ..checks import GillespieError, InputError, UnfinishedError
from ..noise import NOISES
from ..options import recorded_name
from .ensemble import Kept, in_order, run_units
from .methods import METHODS

_CONNECT_SECONDS = 30.0
_AHEAD = 4
"""Units submitted per thread of the cluster; their results wait there until their turn."""
_LEAST_AHEAD = 32
_VERSIONS = {"gillespie-nn": __version__, "numpy": np.__version__}


class Cluster:
    """The workers of a dask scheduler at `address`, for example `tcp://10.0.0.1:8786`. A context manager.

    Raises
    ------
    MissingExtraError : dask.distributed is not installed. InputError : no scheduler answers, or it has no workers.
    UnfinishedError, from `run` : the connection to the scheduler was lost, or a unit crashed several workers.
    """

    def __init__(self, address):
        self._distributed = checks.optional("distributed", "distributed", "a cluster")
        if not isinstance(address, str) or not address:
            raise InputError(f"scheduler must be an address such as tcp://10.0.0.1:8786, got {address!r}")
        self._address = address
        try:
            self._client = self._distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError):
            raise InputError(
                f"no dask scheduler answers at {address}: start one with `dask scheduler`, workers with `dask worker "
                "ADDRESS`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError:
            self.close()
            raise InputError(
                f"the dask scheduler at {address} has no workers: start some with `dask worker {address}`"
            ) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def n_threads(self):
        """Threads of all workers."""
        return max(1, sum(self._client.nthreads().values()))

    def close(self):
        """Disconnect from the cluster and cancel the pending work of this process."""
        self._client.close()

    def run(self, work, progress) -> None:
        """Run `work`, an iterator of `ensemble.Portion`; `progress(done)` gets the number of replicates done."""
        n_ahead = max(_LEAST_AHEAD, _AHEAD * self.n_threads)
        delivered, n_done = None, 0

        def submit(portion):
            nonlocal delivered
            if delivered is None or delivered[0] is not portion.task:
                self._check_classes(portion.task)
                # The scheduler keeps the task, not a worker alone, so that it outlives every worker.
                delivered = portion.task, self._client.submit(_deliver, portion.task, pure=False)
            return self._client.submit(_carry_out, delivered[1], portion.units, _VERSIONS, pure=False)

        def done(portion):
            nonlocal n_done
            n_done += portion.n_replicates
            progress(n_done)

        try:
            in_order(work, submit, lambda portion: n_ahead * len(portion.units), done)
        except GillespieError:
            raise  # a sink's, or of a unit
        except self._distributed.KilledWorker as error:
            raise UnfinishedError(
                f"workers of {self._address} were lost repeatedly in one unit of work: check their logs and their "
                f"memory ({error})"
            ) from error
        except ImportError as error:
            raise InputError(
                f"a worker of {self._address} cannot load its task: install the same gillespie-nn on every "
                f"machine ({error})"
            ) from error
        except (self._distributed.CancelledError, OSError, TimeoutError) as error:
            raise UnfinishedError(
                f"lost the connection to the dask scheduler at {self._address}; completed work is saved "
                f"({type(error).__name__}: {error})"
            ) from error

    def _check_classes(self, task):
        """Raise InputError unless every process of the cluster can load the classes of a task that come from outside
        this package: a worker that cannot would wait for its task forever."""
        noises = () if task.noise is None else task.noise.noises
        classes = [kind for kind in (task.method, *map(type, noises)) if ":" in _recorded_name(kind)]
        if not classes:
            return
        pickled = self._distributed.protocol.pickle.dumps(classes)
        errors = [*self._client.run(_load_error, pickled).values(), self._client.run_on_scheduler(_load_error, pickled)]
        if error := next(filter(None, errors), None):
            names = " and ".join(map(_recorded_name, classes))
            raise InputError(
                f"the cluster at {self._address} cannot load {names} ({error}): install its module on every machine, "
                "or leave scheduler out and use workers, threads of this process"
            )


def _recorded_name(kind):
    return recorded_name(kind, (*METHODS, *NOISES))


def _load_error(pickled):
    """On every process of a cluster: why it cannot load this, or an empty text."""
    from distributed.protocol import pickle

    try:
        pickle.loads(pickled)
    except (ImportError, AttributeError) as error:
        return str(error)
    return ""


def _deliver(task):
    """On a worker: the task, sent once."""
    return task


def _carry_out(task, units, versions):
    """On a worker: run units of work."""
    if versions != _VERSIONS:
        raise InputError(
            f"a worker runs {_named(_VERSIONS)}, and this process {_named(versions)}: results may differ; install the "
            "same versions on every machine"
        )
    return run_units(task, units, Kept)


def _named(versions):
    return " with ".join(f"{name} {version}" for name, version in versions.items())
