"""Flags of noise: amplitude and kind, in a simulation or in training, and with `--predict-` in prediction."""

import argparse
from collections.abc import Sequence
from typing import Any

from ..checks import InputError
from ..noise import KINDS, NOISES, Noise
from ..noise.kinds import PRESENTATION

_PREFIXES = {"train": "", "predict": "predict-"}
_WHERES = {"train": "training", "predict": "the prediction of --predict"}
_PARAMETERS = {"step": "time for which a path stays constant [s]", "correlation_time": "correlation time of a path [s]"}


def add_noise(command: argparse.ArgumentParser, wheres: dict[str, str] = _WHERES) -> None:
    """`--rate-noise`, `--rate-noise-kind` and so on, for every noise, and the parameters of their paths; `wheres` says
    for each of `_PREFIXES` that the command has where the noise acts."""
    every = [kind for kind in KINDS if "predict" in wheres or kind.name != PRESENTATION]
    kinds = "\n".join(f"  {kind.name}: {kind.summary}" for kind in every)
    group = command.add_argument_group(
        "noise", f"noise of amplitude eps follows a path, of one of these kinds:\n{kinds}"
    )
    for when, where in wheres.items():
        prefix = _PREFIXES[when]
        for noise in NOISES:
            flag, names = f"--{prefix}{noise.name}-noise", _kinds(noise, "predict" in wheres)
            group.add_argument(
                flag, type=float, metavar="EPS", help=f"amplitude of noise in {noise.acts_on}, in {where}"
            )
            group.add_argument(
                f"{flag}-kind",
                metavar="KIND",
                help=f"kind of path: {', '.join(names)} (default: {_usual(noise, names)})",
            )
    for name, meaning in _PARAMETERS.items():
        kinds = ", ".join(kind.name for kind in KINDS if name in kind.parameters)
        group.add_argument(
            f"--noise-{name.replace('_', '-')}", type=float, metavar="S", help=f"{meaning}; only for {kinds}"
        )


def noise_of(arguments: argparse.Namespace, when: str = "train") -> list:
    """The noises asked for, `when` train (also of a simulation) or predict; parameters go to those that take them."""
    given = {name: getattr(arguments, f"noise_{name}") for name in _PARAMETERS}
    given = {name: value for name, value in given.items() if value is not None}
    by_name = {kind.name: kind for kind in KINDS}
    every = {moment: _asked(arguments, prefix) for moment, prefix in _PREFIXES.items()}
    for name in given:
        kinds = [kind for asked in every.values() for _, _, kind in asked]
        if not any(kind in by_name and name in by_name[kind].parameters for kind in kinds):
            raise InputError(f"--noise-{name.replace('_', '-')}: no requested noise uses it; see the kinds in --help")
    found = []
    for noise, amplitude, kind in every[when]:
        taken = by_name[kind].parameters if kind in by_name else {}
        found.append(noise(amplitude, kind, **{n: v for n, v in given.items() if n in taken}))
    return found


def _asked(arguments: argparse.Namespace, prefix: str) -> list[tuple[type[Noise], float, str]]:
    """(noise, amplitude, kind) of each noise with an amplitude."""
    stem = prefix.replace("-", "_")
    asked: list[tuple[type[Noise], float, str]] = []
    for noise in NOISES:
        amplitude = getattr(arguments, f"{stem}{noise.name}_noise", None)
        kind = getattr(arguments, f"{stem}{noise.name}_noise_kind", None)
        if amplitude is not None:
            asked.append((noise, amplitude, kind or _usual(noise, _kinds(noise, _presented(arguments)))))
        elif kind is not None:
            flag = f"--{prefix}{noise.name}-noise"
            raise InputError(f"{flag}-kind {kind} needs an amplitude: give {flag} EPS, too")
    return asked


def _presented(arguments: argparse.Namespace) -> bool:
    """Whether the command has presentations: it predicts, too."""
    return hasattr(arguments, f"predict_{NOISES[0].name}_noise")


def _kinds(noise: type[Noise], presented: bool) -> list[str]:
    return [name for name in noise.kinds if presented or name != PRESENTATION]


def _usual(noise: Any, names: Sequence[str]) -> str:
    return noise.kind if noise.kind in names else names[0]
