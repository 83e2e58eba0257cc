"""Objects of classes from outside this package: a file has their names and settings, and `resume` needs them again."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .. import checks
from ..checks import InputError
from ..nn.settings import OBJECTS
from ..simulation.methods import name_of
from ..simulation.options import noises

METHOD = "method"
NOISES = ("noise", "predict_noise")
OF_ENSEMBLES: Collection[str] = (METHOD, "noise")
OF_TRAINING: Collection[str] = (*OBJECTS, METHOD, *NOISES)
"""Arguments of `simulate` and `train` that can be such objects."""


def taken(
    path: str | Path | None, recorded: Mapping[str, Any], given: Mapping[str, Any], function: str
) -> dict[str, Any]:
    """The objects among `given`, by name, that continue the run in the file at `path`.

    `recorded` are names by argument as the file has them, of noises their records. `function` of `gillespie_nn` is the
    one to call with the objects. Raises InputError for an object that is missing, or other than that of the file.
    """
    for name in given:
        checks.choice("object", name, recorded, f"{function} takes")
    objects = {name: value for name, value in given.items() if value is not None}
    missing = {name: _outside(name, value) for name, value in recorded.items() if name not in objects}
    missing = {name: classes for name, classes in missing.items() if classes}
    if missing:
        classes = list(dict.fromkeys(each for names in missing.values() for each in names))
        do = "does" if len(classes) == 1 else "do"
        arguments = ", ".join(f"{name}={_example(name, recorded[name])}" for name in missing)
        raise InputError(
            f"{path} needs {' and '.join(classes)}, which {do} not come with this package: in Python, call "
            f"gillespie_nn.{function}({str(path)!r}, {arguments})"
        )
    if METHOD in objects:
        _same(path, METHOD, _bare(recorded[METHOD]), _bare(name_of(objects[METHOD])))
    for name in NOISES:
        if name in objects:
            objects[name] = noises(name, objects[name])
            found = json.loads(json.dumps([noise.record() for noise in objects[name]]))
            _same(
                path, name, *([each | {"noise": _bare(each["noise"])} for each in of] for of in (recorded[name], found))
            )
    return objects


def _outside(name: str, recorded: Any) -> list[str]:
    """The classes from outside, as `module:Class`, of an argument."""
    names = [each["noise"] for each in recorded or ()] if name in NOISES else [recorded]
    return [each for each in names if isinstance(each, str) and ":" in each]


def _example(name: str, recorded: Any) -> str:
    if name not in NOISES:
        return _bare(recorded) + ("" if name == METHOD else "(...)")
    return f"{_bare(recorded[0]['noise'])}(...)" if len(recorded) == 1 else "[...]"


def _bare(name: str) -> str:
    """The name without its module: the class may have moved, and a script is the module `__main__`."""
    return name.rpartition(":")[2]


def _same(path: str | Path | None, name: str, recorded: Any, given: Any) -> None:
    if given != recorded:
        raise InputError(f"the {name} of {path} is {recorded}, got {given}: give the {name} that the run started with")
