"""The options of runs: `RunOptions` of ensembles, `TrainingOptions` of training, `Execution` and `Destination` of both.

A new option is one field here. Everything else follows from it: the arguments and docstrings of `simulate`, `sweep`,
`certify` and `train`, the flags of their commands and, if the option is `recorded`, the `arguments` in files, the names
of files of sweeps, and `resume`. The code that uses an option reads it from `Task.run` or `TrainingPlan.options`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn.names import several
from ..crn.parts import ROUNDINGS
from ..kernels.codes import NO_EVENT_LIMIT
from ..nn.settings import Settings
from ..noise import Noise, as_noises, from_record
from ..options import (
    IF_GIVEN,
    ArgumentCheck,
    Options,
    as_it_is,
    number,
    one_of,
    option,
    options_of,
    positive,
    record_of,
    restored,
    whole,
    yes_or_no,
)
from ..seeds import resolve_seed
from .methods import AUTO, METHODS, OPTIONS, known_to_training, name_of
from .replicate_events import condition

TRAJECTORIES, EVENTS, MOMENTS, QUANTILES = RECORDS = "trajectories", "events", "moments", "quantiles"
"""What is recorded of an ensemble: all trajectories; these and every reaction with its time; mean, variance, minimum
and maximum over replicates at each recorded time; or these and sketches of quantiles."""
WITH_ROWS = (TRAJECTORIES, EVENTS)
"""The values of `record` with which the counts of each replicate are recorded."""
_MOST = 2**40
SEED = ArgumentCheck(lambda name, value: resolve_seed(value), "at least 0")


def noises(name: str, value: Any) -> tuple[Noise, ...]:
    """One noise or several, as a tuple."""
    return as_noises(value)


def noises_again(records: Sequence[Mapping[str, Any]]) -> list[Noise]:
    """Noises of their records in a file."""
    return [from_record(record) for record in records]


def _grid(name: str, value: Any) -> np.ndarray:
    try:
        grid = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if grid.ndim != 1 or grid.size == 0 or not np.isfinite(grid).all() or grid[0] < 0 or (np.diff(grid) <= 0).any():
        message = (
            f"time must be one increasing row of finite times, from 0 or later, for example [0, 1, 2], got {value!r}"
        )
        raise InputError(message[:300])
    return grid


def _event_limit(name: str, value: Any) -> int | None:
    limit = checks.whole(name, value, 0, NO_EVENT_LIMIT)
    return None if limit == NO_EVENT_LIMIT else limit


@dataclass(frozen=True, eq=False)
class RunOptions(Options):
    """Options of an ensemble, checked as far as possible without its network; `make_task` checks the rest."""

    t_end: float | None = option(
        None, positive("s", "the end of the simulated time, for example 10"), "end of the simulated time", unit="s"
    )
    n_points: int = option(
        101, whole(2, _MOST, "both ends are recorded"), "number of recorded points, evenly spaced, including both ends",
        kind=int,
    )  # fmt: skip
    time: Sequence[float] | None = option(
        None, ArgumentCheck(_grid, "increasing, from 0 or later"), "recorded times, instead of t_end and n_points",
        kind=None, unit="s", more="float64[point]",
    )  # fmt: skip
    parameters: Mapping[str, float] | None = option(
        None, checks.by_name, "parameters to change",
        kind=None,  # a command line sets them as it reads the model, which may have no values without
        more="{name: value}; what the model computes from them follows, see `ReactionNetwork.with_parameters`",
    )  # fmt: skip
    volume: float | None = option(
        None, positive(hint="volume Omega, molecules per unit of concentration, for example 1000"),
        "volume Omega, molecules per unit of concentration; not for SBML models, whose compartments have sizes",
        usual="1",
    )  # fmt: skip
    method: Any = option(
        AUTO, as_it_is, "simulation method", kind=str,
        allowed=f"one of {AUTO}, {', '.join(m.name for m in METHODS)}",
        more="or a class derived from `Method`; `auto` chooses an exact method and says why in `method_reason`",
    )  # fmt: skip
    replicates: int = option(1, whole(1, _MOST), "number of independent trajectories", kind=int)
    seed: int | None = option(None, SEED, "seed of all random numbers", kind=int, usual="drawn and reported")
    initial: Mapping[str, float] | None = option(
        None, checks.by_name, "initial amounts to change", kind=number, unit="molecules",
        metavar="NAME=N", pairs="A=100",
        more="{species: amount}, whole numbers for methods that count; a name can be a pattern, for example {'A*': 0}: "
        "exact names take precedence over patterns, and later patterns over earlier ones",
    )  # fmt: skip
    rates: Mapping[str, float] | None = option(
        None, checks.by_name, "rate constants to change", kind=float, flag="rate", metavar="NAME=K",
        pairs="bind=0.01",
        more="{reaction: rate constant}; for a general rate law it is a factor, 1 by default; a name can be a pattern, "
        "as for `initial`; the two directions of a reversible reaction are `name` and `name_back`, and 'name*' sets "
        "both",
    )  # fmt: skip
    schedule: Sequence | None = option(
        None, as_it_is, "changes of counts, rate constants and parameters at given times", kind=str, several=True,
        metavar="'T NAME=X ...'",
        more="[(time [s], {name: value}), ...]; a name is a species (its count), a reaction (its rate constant) or a "
        "parameter; entries can also be texts such as '10 A=50 bind=0.2'; a change at time t is made before the state "
        "at t "
        "is recorded",
        recorded=lambda task: task.schedule_record(),
    )  # fmt: skip
    noise: Any = option(
        None, noises, "extrinsic noise", kind=None,
        more="a `RateNoise`, `ConcentrationNoise` or `AdditiveNoise` or a list of them, see `noise`; each replicate "
        "has separate paths unless they are `shared`",
        recorded=lambda task: task.noise_record(), restored=noises_again,
    )  # fmt: skip
    count_firings: bool = option(
        False, yes_or_no, "also count the firings of each reaction", kind=None,
        more="`firings` int64[replicate, reaction]", recorded=True,
    )  # fmt: skip
    max_events: int | None = option(
        None, ArgumentCheck(_event_limit, "at least 0"), "stop a replicate after this number of reactions", kind=int,
        more="its status is then EVENT_LIMIT", recorded=True,
    )  # fmt: skip
    stop_when: Any = option(
        None, condition,
        "stop a replicate when this condition becomes true; combine conditions with && (and), || (or), ! (not)",
        kind=str,
        metavar="'A >= 100'",
        more="an expression of species, rules, parameters and `time` that is true or false, in the language of rate "
        "laws; the status is then CONDITION_MET, `statistics['end_time']` is the time of the stop [s], and points "
        "after it are masked",
        recorded=IF_GIVEN,
    )  # fmt: skip
    round_initial: str | None = option(
        None, one_of(*ROUNDINGS), "how to round initial amounts to whole numbers, for methods that count molecules",
        kind=str, usual="nearest if this changes no amount by more than 1 percent, else an error",
        more="`random` rounds up with the probability of the fraction, anew in each replicate; a warning names the "
        "rounded amounts",
        recorded=True,
    )  # fmt: skip
    record: str = option(
        TRAJECTORIES, one_of(*RECORDS),
        "what to record: all trajectories, these and every reaction (events), or for large ensembles only moments, or "
        "moments and quantiles", kind=str,
        more="with `events`, `result.events(replicate)` has the time of every reaction and which it was, and "
        "`result.jump_path(replicate)` the exact path; moments are mean, variance, minimum and maximum at each "
        "recorded time; quantiles are computed from sketches with a stated error",
    )  # fmt: skip
    species: Sequence[str] | None = option(
        None, several, "species to record", kind=str, several=True, usual="all", metavar="'A,C*'",
        more="one or several names or patterns, as for `initial`; results and files contain these species in this "
        "order, those of a pattern in the order of the model; rules, and parameters that rate rules or events "
        "change, are always recorded, and may be named, too; NAME stands for NAME_p and NAME_m if there is no NAME; "
        "summaries and figures show what is named here",
        recorded=IF_GIVEN,
    )  # fmt: skip
    options: dict[str, Any] = field(default_factory=dict)
    """Of the method, by name; checked when the method is known."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time is None and self.t_end is None:
            raise InputError("give t_end, the end of the simulated time [s], or time, the recorded times")
        if self.time is not None and self.t_end is not None:
            raise InputError("give either t_end (with n_points) or time, not both")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "RunOptions":
        """The options among `given`, by name. All others belong to the method."""
        known = options_of(cls)
        others = {name: value for name, value in given.items() if name not in known}
        return cls(**{name: value for name, value in given.items() if name in known}, options=others)

    @classmethod
    def again(cls, arguments: Mapping[str, Any], **others: Any) -> "RunOptions":
        """The options from which `Task.arguments` were made. A file stores the `others` elsewhere."""
        remaining = {name: value for name, value in arguments.items() if name not in others}
        return cls(**restored(cls, remaining), **others)

    @cached_property
    def grid(self) -> np.ndarray:
        """Recorded times float64[point] [s]; the last is the end."""
        if self.time is not None:
            return np.asarray(self.time)
        assert self.t_end is not None
        checks.fits_memory(f"{self.n_points} recorded times", 8 * self.n_points, "record fewer, by n_points")
        return np.linspace(0.0, self.t_end, self.n_points)


@dataclass(frozen=True, eq=False)
class Execution(Options):
    """How an ensemble is executed; none of it changes the result."""

    workers: int = option(1, whole(), "number of threads; does not change the result", kind=int)
    scheduler: str | None = option(
        None, as_it_is, "run on the workers of the dask scheduler at this address", kind=str,
        metavar="ADDRESS", more="the result is the same as on this machine",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Destination(Options):
    """Where a run is written, and whether progress is shown."""

    output: Any = option(
        None, as_it_is, "HDF5 file to write", kind=str, metavar="FILE", more="the open file is returned"
    )
    overwrite: bool = option(False, yes_or_no, "replace an existing output file", kind=bool)
    progress: bool | None = option(
        None, yes_or_no, "show progress", kind=None, usual="on a terminal and in a notebook",
        more="work that is done within a second shows nothing; compilation that takes longer is reported in one line "
        "on stderr, in scripts too, unless progress is False",
    )  # fmt: skip


ARGUMENTS = (*options_of(RunOptions), *options_of(Execution), *options_of(Destination))
"""Names of all options of an ensemble."""


# The options of a training run; the settings of its chemistry are `datasets.Settings`


def _predict(name: str, value: Any) -> int | bool:
    """A number of samples, 0 for none, or True for all."""
    return value if isinstance(value, bool) or value == 0 else checks.whole(name, value)


def _records(name: str) -> Any:
    return lambda options: [noise.record() for noise in getattr(options, name) or ()]


def _options_of(method: Any) -> frozenset[str]:
    """Names of the options of all methods, with those of a `method` that is given as a class."""
    return frozenset(OPTIONS) | {each.name for each in getattr(method, "options", ())}


@dataclass(frozen=True, eq=False)
class TrainingOptions(Options):
    """Options of a training run, checked as far as possible without its data. In a `TrainingPlan` all defaults are
    filled in."""

    method: Any = option(
        None, as_it_is, "simulation method", kind=str,
        recorded=lambda options: None if options.method is None else name_of(options.method),
        allowed=f"one of {AUTO}, {', '.join(m.name for m in known_to_training())}", usual="auto; batch_leap for mnist",
        more="or a class derived from `Method`; `auto` chooses an exact method; `gradient_descent` and `gradient_flow` "
        "train in floating point with the same start, order and step s = learning_rate (running_time - hold)",
    )  # fmt: skip
    volume: float | None = option(
        None, positive(hint="volume Omega, molecules per unit of concentration, for example 1000"),
        "volume Omega, molecules per unit of concentration",
        usual="1000; 1e4 for mnist", recorded=True, more="a weight w is Omega |w| molecules",
    )  # fmt: skip
    seed: int | None = option(
        None, SEED, "seed of all random numbers", kind=int, recorded=True,
        usual="drawn and reported", more="it also decides initial weights, split and order",
    )  # fmt: skip
    quick: bool | None = option(
        None, yes_or_no, "the short run of the case, where it has one: mnist", kind=bool, usual="the whole run",
        more="a smaller network and fewer presentations; settings that you give override its settings",
    )  # fmt: skip
    limit: int | None = option(
        None, whole(), "use only this number of training samples, evenly spaced", kind=int, recorded=True, usual="all",
        more="each is presented once unless `presentations` is given",
    )  # fmt: skip
    record_every: int | None = option(
        None, whole(), "number of presentations between two records", kind=int, recorded=True,
        usual="1 below 1,000 weights, else about 100 records per run",
    )  # fmt: skip
    checkpoint_every: int | None = option(
        None, whole(), "number of presentations between two checkpoints, from which a run can be resumed", kind=int,
        recorded=True,
        usual="1 percent of the run, at most 500",
        more="random numbers restart at checkpoints, so another value gives other random numbers",
    )  # fmt: skip
    patience: int | None = option(
        None, whole(), "number of evaluations without improvement before training stops", kind=int, usual="never",
        recorded=True,
    )  # fmt: skip
    validation: float | None = option(
        None, ArgumentCheck(checks.finite, "between 0 and 1"),
        "fraction of the training samples held out for validation", usual="none; 0.1 with patience", recorded=True,
        more="the seed decides which; the weights are evaluated in floating point",
    )  # fmt: skip
    evaluate_every: int | None = option(
        None, whole(), "number of presentations between two evaluations on the held-out samples", kind=int,
        recorded=True,
        usual="one pass through the samples, at most 1/20 of the run",
    )  # fmt: skip
    predict: int | bool | None = option(
        None, _predict, "also predict the test set by simulating the trained network", kind=bool, recorded=True,
        more="a number of test samples, or True for all; see `Fit.chemical`",
    )  # fmt: skip
    noise: Any = option(
        None, noises, "extrinsic noise in training", kind=None, recorded=_records("noise"),
        restored=noises_again,
        more="a `RateNoise`, `ConcentrationNoise` or `AdditiveNoise` or a list of them, see `noise`; noise in "
        "concentrations acts on weights only if `species` names them",
    )  # fmt: skip
    predict_noise: Any = option(
        None, noises, "extrinsic noise in the prediction; each batch of samples is a presentation", kind=None,
        recorded=_records("predict_noise"), restored=noises_again,
    )  # fmt: skip
    rates: Mapping[str, float] | None = option(
        None, checks.by_name, "rate constants to change in the training network", kind=float, flag="rate",
        metavar="NAME=K", pairs="'activation_Z1_?_1=0.5'", recorded=True,
        more="{reaction: rate constant} by name or pattern, for example {'activation_Z1_?_1': 0.5}: exact names take "
        "precedence over patterns, and later patterns over earlier ones; a prediction by simulation uses them, too",
    )  # fmt: skip
    settings: Mapping[str, Any] | Settings = field(default_factory=dict)
    """Settings of the chemistry that differ from those of the case, by name; in a plan all of them."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the method, by name."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "TrainingOptions":
        """The options among `given`, by name. All others belong to the method or the chemistry; None is not given."""
        known, of_method = options_of(cls), _options_of(given.get("method"))
        others = {name: value for name, value in given.items() if name not in known and value is not None}
        return cls(
            **{name: value for name, value in given.items() if name in known},
            settings={name: value for name, value in others.items() if name not in of_method},
            options={name: value for name, value in others.items() if name in of_method},
        )

    @classmethod
    def again(cls, arguments: Mapping[str, Any], **objects: Any) -> "TrainingOptions":
        """The options with these `arguments`, as a run file stores them. `objects` replace, by name, options and the
        settings that `Settings.restored` takes."""
        replaced = {name: objects.pop(name) for name in options_of(cls) if name in objects}
        asked = restored(cls, {name: value for name, value in arguments.items() if name not in replaced}) | replaced
        # A file has settings and options of the method in one mapping.
        of_method = _options_of(asked["method"])
        every = asked.pop("settings")
        settings = Settings.restored({name: value for name, value in every.items() if name not in of_method}, **objects)
        options = {name: value for name, value in every.items() if name in of_method}
        return replace(cls.of({**options, **asked}), settings=settings)

    @property
    def arguments(self) -> dict[str, Any]:
        """Plain values by name; with the same data they make the same plan again."""
        settings = self.settings.record() if isinstance(self.settings, Settings) else dict(self.settings)
        return record_of(self, self) | {"settings": settings | dict(self.options)}
