"""What the report of a folder is about: studies and cases, and how much of each. `studies.json` keeps it, so that a
study that is carried out later does not drive out the others."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import checks
from ..checks import InputError
from .base import Extent, Study
from .points import Point

FILE = "studies.json"


class Section(NamedTuple):
    """A study of a case, at an extent, and the command that asked for it."""

    study: Study
    case: str
    extent: Extent
    command: str

    def points(self) -> list[Point]:
        return self.study.points(self.case, self.extent)


def read_sections(folder: Path, known: Iterable[type[Study]], without: Sequence[Section]) -> list[Section]:
    """Those that the folder's report has, but for the studies and cases of `without`. Raises InputError for a file that
    is damaged."""
    path = folder / FILE
    if not path.is_file():
        return []
    by_name = {study.name: study for study in known}
    taken = {(section.study.name, section.case) for section in without}
    try:
        rows = [
            (str(row["study"]), str(row["case"]), Extent(*row["extent"]), str(row["command"]))
            for row in json.loads(checks.read_text(path))
        ]
    except (ValueError, TypeError, KeyError):
        raise InputError(
            f"{path} is damaged: delete it; the report then contains only the studies of this command"
        ) from None
    return [
        Section(by_name[name](), case, extent, command)
        for name, case, extent, command in rows
        if name in by_name and case in by_name[name].cases and (name, case) not in taken
    ]


def write_sections(folder: Path, sections: Iterable[Section]) -> None:
    """Keep what the report has now."""
    rows = [{"study": s.study.name, "case": s.case, "extent": list(s.extent), "command": s.command} for s in sections]
    checks.write_text(folder / FILE, json.dumps(rows, indent=1) + "\n")
