"""The options of a training run, `TrainingOptions`; the settings of its chemistry are `datasets.Settings`.

A new one is one field here: arguments and docstring of `train`, the flag of its command, the `arguments` in run files
and `resume` follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .. import checks
from ..nn.settings import Settings
from ..options import (
    Check,
    Options,
    as_it_is,
    option,
    options_of,
    positive,
    record_of,
    restored,
    whole,
    yes_or_no,
)
from .methods import AUTO, OPTIONS, known_to_training, name_of
from .options import SEED, noises, noises_again


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
        None, positive(hint="the volume Omega, for example 1000"), "volume Omega",
        usual="1000; 1e4 for mnist", recorded=True, more="a weight w is Omega |w| molecules",
    )  # fmt: skip
    seed: int | None = option(
        None, SEED, "seed of all random numbers", kind=int, recorded=True,
        usual="drawn and reported", more="it also decides initial weights, split and order",
    )  # fmt: skip
    quick: bool | None = option(
        None, yes_or_no, "the short run of the case, where it has one: mnist", kind=bool, usual="the whole run",
        more="a smaller network and fewer presentations; settings that are given win over it",
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
        None, Check(checks.finite, "between 0 and 1"),
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
        more="a `RateNoise`, `ConcentrationNoise` or `AdditiveNoise` or a list of them, see `noise`; weights are "
        "disturbed only on request",
    )  # fmt: skip
    predict_noise: Any = option(
        None, noises, "extrinsic noise in the prediction; each batch of samples is a presentation", kind=None,
        recorded=_records("predict_noise"), restored=noises_again,
    )  # fmt: skip
    rates: Mapping[str, float] | None = option(
        None, checks.by_name, "rate constants to change in the training network", kind=float, flag="rate",
        metavar="NAME=K", pairs="'update_*=0.02'", recorded=True,
        more="{reaction: rate constant} by name or pattern, for example {'update_*': 0.02}: exact names win over "
        "patterns, and later patterns over earlier ones; a prediction by simulation uses them, too",
    )  # fmt: skip
    settings: Mapping[str, Any] | Settings = field(default_factory=dict)
    """Of the chemistry, by name, those that differ from the case's own; in a plan all of them."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the method, by name."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "TrainingOptions":
        """The options among `given`, by name. All others belong to the method or the chemistry; None is not given."""
        own, of_method = options_of(cls), _options_of(given.get("method"))
        others = {name: value for name, value in given.items() if name not in own and value is not None}
        return cls(
            **{name: value for name, value in given.items() if name in own},
            settings={name: value for name, value in others.items() if name not in of_method},
            options={name: value for name, value in others.items() if name in of_method},
        )

    @classmethod
    def again(cls, arguments: Mapping[str, Any], **objects: Any) -> "TrainingOptions":
        """Those whose `arguments` these are, as a run file keeps them; `objects` replace what the file has by name:
        options, and the settings that `Settings.restored` takes."""
        replaced = {name: objects.pop(name) for name in options_of(cls) if name in objects}
        asked = restored(cls, {name: value for name, value in arguments.items() if name not in replaced}) | replaced
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
