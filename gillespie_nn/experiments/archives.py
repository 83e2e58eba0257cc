"""Files of an experiment: those of a COMBINE archive (`.omex`), or those in the folder of a `.sedml` file.

A file from a stranger can do nothing but be read or refused. Nothing is unpacked: members of an archive are read into
memory. Names lead nowhere else, sizes are limited, links are not followed out of the folder, nothing is fetched, and a
document that declares entities is refused before any parser sees it.
"""

import posixpath
import re
import stat
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

from .. import checks
from ..checks import InputError

MOST_BYTES, MOST_FILES = 64 * 2**20, 10_000
"""Limits: the size of a file, unpacked, and the number of files in an archive."""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
"""Begins every document that is handed on."""
_MANIFEST = "manifest.xml"
_SEDML = re.compile(r".*/sed-?ml(?:\..*)?$", re.IGNORECASE)
"""Formats of the manifest that are SED-ML, such as http://identifiers.org/combine.specifications/sed-ml.level-1."""


class Folder:
    """The files in the folder of a `.sedml` file."""

    def __init__(self, path: Path) -> None:
        self.folder, self.documents = path.resolve().parent, [path.name]

    def read(self, name: str) -> str:
        """The text of a file, by its path relative to the folder. Raises InputError."""
        place = (self.folder / _inside(name)).resolve()
        if not place.is_relative_to(self.folder):
            raise InputError(f"{name!r} is a link out of the folder of the experiment, which is not followed")
        if not place.is_file():
            raise InputError(f"the experiment needs the file {name!r}, which is not in its folder")
        if place.stat().st_size > MOST_BYTES:
            raise InputError(f"{name!r} has more than {MOST_BYTES:,} bytes, the limit for a file of an experiment")
        return _text(place.read_bytes(), name)


class Archive:
    """The files of a COMBINE archive."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InputError(f"{path} is not a COMBINE archive: {error}") from None
        members = self._zip.infolist()
        if len(members) > MOST_FILES:
            raise InputError(f"{path} has {len(members):,} files: an archive may have {MOST_FILES:,}")
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = _inside(member.filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise InputError(f"{path}: {member.filename!r} is a link, which is not allowed in an archive")
            if name in self._members:
                raise InputError(f"{path}: {member.filename!r} is in the archive twice")
            self._members[name] = member
        self.documents = self._documents(path)

    def read(self, name: str) -> str:
        """The text of a member, by its path in the archive. Raises InputError."""
        member = self._members.get(_inside(name))
        if member is None or member.is_dir():
            raise InputError(f"the experiment needs the file {name!r}, which is not in the archive")
        try:
            with self._zip.open(member) as file:
                data = file.read(MOST_BYTES + 1)  # the size in the directory of the archive may be a lie
        except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise InputError(f"cannot read {name!r} in the archive: {error}") from None
        except Exception as error:  # zlib, bz2 and lzma have errors of their own
            raise InputError(f"cannot unpack {name!r} in the archive: {error}") from None
        if len(data) > MOST_BYTES:
            raise InputError(f"{name!r} unpacks to more than {MOST_BYTES:,} bytes, the limit for a file")
        return _text(data, name)

    def _documents(self, path: Path) -> list[str]:
        """Names of the SED-ML documents: the master of the manifest, or all that it lists."""
        if _MANIFEST not in self._members:
            raise InputError(f"{path} is not a COMBINE archive: it has no {_MANIFEST}")
        try:
            contents = list(ElementTree.fromstring(self.read(_MANIFEST)))
        except ElementTree.ParseError as error:
            raise InputError(f"{path}: {_MANIFEST} is not XML: {error}") from None
        found = [e for e in contents if _SEDML.match(e.get("format", ""))]
        found = [e for e in found if e.get("master") == "true"] or found
        if not found:
            raise InputError(f"{path}: its manifest lists no SED-ML document")
        return [_inside(e.get("location", "")) for e in found]


def _inside(name: str) -> str:
    """A relative path within the archive or folder, without `..`. Raises InputError for others."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise InputError(
            f"{name[:80]!r} is an address, not a file of the experiment: nothing is fetched; put the file next to it"
        )
    path = posixpath.normpath(name)
    if not name or "\\" in name or "\0" in name or path.startswith("/") or path.split("/")[0] == "..":
        raise InputError(f"{name[:80]!r} is not a file within the experiment: use a relative path that stays in it")
    return path


def next_to(document: str, name: str) -> str:
    """The path of a file that `document` names relative to itself. Raises InputError where it leaves the experiment."""
    plain = name if name.startswith(("/", "\\")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name) else ""
    return _inside(plain or posixpath.join(posixpath.dirname(document), name))


def _text(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name!r} is not a text in UTF-8 or UTF-16") from None
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError(f"{name!r} declares a document type or entities, which are not allowed in an experiment")
    # Parsers get the text, no longer in the encoding that it declares.
    return DECLARATION + re.sub(r"^\s*<\?xml\b[^>]*\?>", "", text, count=1)


def files_of(path: str | Path) -> Folder | Archive:
    """The files of an experiment. Raises InputError."""
    place = checks.existing_file("experiment", path, "give a .sedml or .omex file")
    return Archive(place) if place.suffix.lower() == ".omex" else Folder(place)
