"""The settings of a training run: how samples are presented, and the settings of its chemistry and its activations.

A chemistry and an activation have their settings as fields. `Settings` takes all of them by name and knows to which
part each belongs. The arguments of `train`, the flags of the command, checks and records follow from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import checks
from ..activations import ACTIVATIONS, Activation
from ..checks import InputError
from ..options import (
    IF_GIVEN,
    ArgumentCheck,
    Option,
    Options,
    any_of,
    as_it_is,
    one_of,
    option,
    options_of,
    positive,
    recorded_name,
    whole,
    yes_or_no,
)
from .chemistries import CHEMISTRIES
from .chemistry import Chemistry

LINEAR = "linear"
OBJECTS = ("chemistry", "activation", "output_activation")
"""Settings that are names or objects."""
ORDERS = ("random", "cyclic")
_BY_CASE = "depends on the case"


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    sizes = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(checks.whole("hidden layer size", n) for n in sizes)


@dataclass(frozen=True)
class PresentationSettings(Options):
    """How the samples are presented, and where the weights begin."""

    hidden: tuple[int, ...] = option(
        (8,), _sizes, "sizes of the hidden layers", kind=None, more="for example (32, 16)", usual=_BY_CASE
    )
    running_time: float = option(
        20.0, positive("s", "how long a sample is presented"), "running time T: how long each sample is presented",
        unit="s", usual=_BY_CASE,
    )  # fmt: skip
    batch: int = option(
        1, whole(), "number of samples presented at once, each to a set of neurons; all sets share the weights",
        kind=int, usual=_BY_CASE, recorded=IF_GIVEN,
        more="an update of the weights is the sum of the updates by these samples",
    )  # fmt: skip
    presentations: int = option(
        1000, whole(), "number of presentations, each of a batch of samples", kind=int, usual=_BY_CASE,
        more="if `batch` differs from that of the case, the default presents the same total number of samples",
    )  # fmt: skip
    initial_scale: float = option(1.0, positive(), "scale of the random initial weights", usual=_BY_CASE)
    order: str = option("random", one_of(*ORDERS), "order of the samples", kind=str, usual=_BY_CASE)
    centred: bool = option(
        False, yes_or_no, "subtract the mean of the training samples from all inputs", kind=bool, recorded=IF_GIVEN,
        more="the mean is that of all training samples, also those held out for validation; predictions subtract it",
    )  # fmt: skip
    shift: int = option(
        0, whole(0, 127), "largest random shift of an image in each direction, drawn for each presentation",
        kind=int, unit="pixels", recorded=IF_GIVEN,
        more="empty pixels at the edge are set to 0 before the mean is subtracted",
    )  # fmt: skip


class FromOutsideError(InputError):
    """A file names a class from outside the package, and no object of it was given."""


class _Part:
    """A chemistry or an activation, by name with settings, or as an object."""

    def __init__(self, role: str, kinds: Sequence[Any], base: Any, value: Any) -> None:
        self.role, self.object = role, value if isinstance(value, base) else None
        if self.object is not None:
            self.kind = type(value)
            return
        if isinstance(value, type) and issubclass(value, base):
            raise InputError(f"{role} must be an object or a name: give {value.__name__}() in place of the class")
        names = {kind.name: kind for kind in kinds}
        # A name `module:Class` in a file stands for a class from outside the package.
        if isinstance(value, str) and ":" in value:
            raise FromOutsideError(
                f"the {role} {value} does not come with this package: make the object again and pass it, "
                f"{role}={value.rpartition(':')[2]}(...)"
            )
        if not isinstance(value, str):
            raise InputError(
                f"{role} must be one of {', '.join(names)}, or an object of a class derived from {base.__name__}, got "
                f"{value!r}"
            )
        self.kind = names[checks.choice(role, value, names)]

    @property
    def options(self) -> Mapping[str, Option]:
        """The settings that can be given by name: none for an object, which has its settings already."""
        return {} if self.object is not None else options_of(self.kind)

    def make(self, given: Mapping[str, Any]) -> Any:
        return self.object or self.kind(**{name: value for name, value in given.items() if name in self.options})


def _parts(given: Mapping[str, Any]) -> dict[str, _Part | None]:
    output = given.get("output_activation", LINEAR)
    if isinstance(output, str) and output != LINEAR:
        checks.choice("output", output, [LINEAR, *(a.name for a in ACTIVATIONS)] if ":" not in output else [output])
    return {
        "chemistry": _Part("chemistry", CHEMISTRIES, Chemistry, given.get("chemistry", CHEMISTRIES[0].name)),
        "activation": _Part("activation", ACTIVATIONS, Activation, given.get("activation", ACTIVATIONS[0].name)),
        "output_activation": None if output == LINEAR else _Part("output_activation", ACTIVATIONS, Activation, output),
    }


class Settings:
    """Settings of a training run, by name. Each case has its defaults, which this project chose by measurement.

    `chemistry`, `activation` and `output_activation` are names or objects. All others are settings of
    `PresentationSettings`, of the chemistry or of an activation. Raises InputError for a setting that none of these
    has.
    """

    def __init__(self, **given: Any) -> None:
        given = {name: value for name, value in given.items() if value is not None}
        parts = _parts(given)
        known = _names(parts)
        for name in given:
            if name not in known:
                raise InputError(_unknown(name, parts, known))
        self.given: Mapping[str, Any] = given
        self.course = PresentationSettings(
            **{name: value for name, value in given.items() if name in options_of(PresentationSettings)}
        )
        self.chemistry: Chemistry = parts["chemistry"].make(given)  # type: ignore[union-attr]
        self.activation: Activation = parts["activation"].make(given)  # type: ignore[union-attr]
        output = parts["output_activation"]
        self.output: Activation | None = None if output is None else output.make(given)

    def replace(self, **changes: Any) -> "Settings":
        """These settings with `changes`; None changes nothing. Settings that a new chemistry or activation does not
        have are left out. Raises InputError as the class."""
        changes = {name: value for name, value in changes.items() if value is not None}
        known = _names(_parts({**self.given, **changes}))
        return Settings(**{name: value for name, value in self.given.items() if name in known} | changes)

    def taking(self, given: Mapping[str, Any], n_shown: int | None = None) -> "Settings":
        """These settings with those `given`.

        If `given` has no number of presentations, it is set so that `n_shown` samples are presented in all; by default
        as many samples as with these settings, for every size of the batch.
        """
        changed = self.replace(**given)
        if given.get("presentations") is not None or (n_shown is None and changed.course.batch == self.course.batch):
            return changed
        n_shown = self.course.presentations * self.course.batch if n_shown is None else n_shown
        # Rounded up, so that no sample is lost.
        return changed.replace(presentations=-(-n_shown // changed.course.batch))

    @classmethod
    def restored(cls, record: Mapping[str, Any], **objects: Any) -> "Settings":
        """The settings of a `record`. `objects` are the chemistry and the activations from outside the package."""
        # Earlier versions recorded settings of activations that a run did not have: these are left out.
        given = {**record, **{name: value for name, value in objects.items() if value is not None}}
        known = _names(_parts(given))
        return cls(**{name: value for name, value in given.items() if name in known})

    @staticmethod
    def names(given: Mapping[str, Any]) -> list[str]:
        """All settings that can be given with the chemistry and the activations in `given`."""
        return sorted(_names(_parts(given)))

    @property
    def step(self) -> float:
        """s = eta (T - hold): how far a presentation moves the weights in the direction of learning, in first
        order."""
        return self.chemistry.step(self.running_time)

    @property
    def of_network(self) -> dict[str, Any]:
        """The settings that determine the network: arguments of `nn.training_network` by name."""
        return {
            "chemistry": self.chemistry,
            "activation": self.activation,
            "output": LINEAR if self.output is None else self.output,
            "batch": self.course.batch,
        }

    def record(self) -> dict[str, Any]:
        """Plain values by name, without settings that are recorded only if given and are at their default. Raises
        InputError if two parts of the network have different values of one setting."""
        return self._named(self._values(if_given=False))

    def every(self) -> dict[str, Any]:
        """As `record`, with all settings."""
        return self._named(self._values(if_given=True))

    def completed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A `record` of settings with these parts, completed by the defaults that it leaves out."""
        parts = (self.course, self.chemistry, self.activation, self.output)
        options = any_of(*(options_of(type(part)) for part in parts if part is not None))
        return {name: each.default for name, each in options.items() if each.recorded == IF_GIVEN} | dict(record)

    def _named(self, values: Iterator[tuple[str, Any]]) -> dict[str, Any]:
        return dict(values) | {
            "chemistry": recorded_name(type(self.chemistry), CHEMISTRIES),
            "activation": recorded_name(type(self.activation), ACTIVATIONS),
            "output_activation": LINEAR if self.output is None else recorded_name(type(self.output), ACTIVATIONS),
        }

    def _values(self, if_given: bool) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Any] = {}
        for part in (self.course, self.chemistry, self.activation, self.output):
            for name, each in options_of(type(part)).items() if part is not None else ():
                value = getattr(part, name)
                if seen.setdefault(name, value) != value:
                    raise InputError(
                        f"{name} is {seen[name]!r} in one part of the network and {value!r} in another, and a run "
                        "records one value of it: give both the same"
                    )
                if if_given or each.recorded != IF_GIVEN or value != each.default:
                    yield name, value

    def __getattr__(self, name: str) -> Any:
        # `copy` and `pickle` ask for attributes before `__init__` has set any: these must fail, not recurse.
        if not name.startswith("_") and "course" in vars(self):
            for part in (self.course, self.chemistry, self.activation, self.output):
                if part is not None and name in options_of(type(part)):
                    return getattr(part, name)
        raise AttributeError(f"these settings have no {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.record() == other.record()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.record().items())})"


def setting_options() -> dict[str, Option]:
    """Every setting that can be given by name, for arguments and flags."""
    activations = [kind.name for kind in ACTIVATIONS]
    roles = {
        "chemistry": ([kind.name for kind in CHEMISTRIES], "reactions that compute, propagate errors and learn"),
        "activation": (activations, "activation of the hidden layers"),
        "output_activation": ([LINEAR, *activations], "activation of the output layer"),
    }
    chosen = {
        name: Option(name, names[0], ArgumentCheck(as_it_is, f"one of {', '.join(names)}"), text, kind=str)
        for name, (names, text) in roles.items()
    }
    of_parts = [options_of(kind) for kind in (*CHEMISTRIES, *ACTIVATIONS)]
    return {
        name: each._replace(default=None, usual=each.usual or _usual(each))
        for name, each in any_of(options_of(PresentationSettings), chosen, *of_parts).items()
    }


def _usual(each: Option) -> str:
    return f"{each.default_shown or each.default}, or that of the case"


def _names(parts: Mapping[str, _Part | None]) -> set[str]:
    of_parts = [part.options for part in parts.values() if part is not None]
    return {*options_of(PresentationSettings), *parts, *any_of(*of_parts)}


def _unknown(name: str, parts: Mapping[str, _Part | None], known: set[str]) -> str:
    every = setting_options()
    for part in parts.values():
        if part is not None and part.object is not None and name in options_of(part.kind):
            return f"{name} is a setting of the {part.role} given as an object: give it to {part.kind.__name__}(...)"
    if name in every:
        used = ", ".join(part.kind.name for part in parts.values() if part is not None)
        return f"{name} is a setting of another chemistry or activation, not of {used}: leave it out"
    return f"unknown setting {name!r}{checks.meant(name, list(every))}: a training run has {', '.join(sorted(known))}"
