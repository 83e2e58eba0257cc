"""libantimony, which translates Antimony to SBML and back, in a process of its own.

It is compiled code that ends its process for a model that contains itself, and its `import "PATH"` reads any file that
the process can. So it runs in a child, with limits of time and memory, in an empty folder that holds copies of the
files that the model may import: those below its own folder.

L. P. Smith, F. T. Bergmann, D. Chandran, H. M. Sauro, Antimony: a modular model definition language, Bioinformatics 25
(2009) 2452-2454, doi:10.1093/bioinformatics/btp401.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from .. import checks
from ..checks import InputError

SECONDS = 60
"""A translation may take so long [s]; large models take some."""
_BYTES = 4 << 30
_IMPORT = re.compile(r'import((?:/\*.*?\*/|\\\r?\n|[^\n"])*)"([^"\n]*)', re.DOTALL)
"""The word, whatever stands before it, with a quotation mark on the same line: no less can import anything."""
_MODEL, _FOLDER, _RESULT, _ERROR = "model.ant", "in", "result", "error"
_CHILD = """
import sys
sys.path[:] = sys.argv[5].split(sys.argv[6])  # not the folder that it runs in
action, model, seconds, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass  # the parent still watches the time
import antimony
name, text = "result", None
if action == "read":
    with open(model, encoding="utf-8") as file:
        source = file.read()
    # A file finds what it imports beside itself; errors in a text should name no file.
    if (antimony.loadAntimonyFile(model) if sys.argv[7] else antimony.loadAntimonyString(source)) >= 0:
        text = antimony.getSBMLString(antimony.getMainModuleName())
else:
    with open(model, encoding="utf-8") as file:
        if antimony.loadSBMLString(file.read()) >= 0:
            text = antimony.getAntimonyString(antimony.getMainModuleName())
if text is None:
    name, text = "error", antimony.getLastError()
with open("../" + name, "w", encoding="utf-8", errors="replace") as file:
    file.write(text)
"""


def to_sbml(text: str, folder: str | os.PathLike | None = None, name: str = _MODEL) -> str:
    """The SBML that libantimony makes of a text. It may import files below `folder`, by default none; `name` is that
    of its own file there.

    Raises InputError for what libantimony refuses, or ends at, and for an import of anything else.
    """
    if folder is None:
        _check_no_imports(text)
        return _translated_text("read", text)
    return _translated("read", text, _imports(text, Path(folder)), name)


def from_sbml(document: str) -> str:
    """The Antimony that libantimony makes of an SBML document. Raises InputError for what it refuses."""
    return _translated("write", document, {})


def _check_no_imports(text: str) -> None:
    if found := _IMPORT.search(text):
        raise InputError(
            f"line {1 + text.count(chr(10), 0, found.start())}: import reads another file, and a text may read none: "
            "give the path of a model's file, which may import what is in its folder, or imports=FOLDER"
        )


def _imports(text: str, folder: Path) -> dict[str, str]:
    """Texts of all files that a model imports, directly or not, by their paths relative to `folder`."""
    root = folder.resolve()
    texts: dict[str, str] = {}
    waiting = [(Path(), text)]
    while waiting:
        below, text = waiting.pop()
        for match in _IMPORT.finditer(text):
            written = match[2]
            if Path(written).is_absolute() or ".." in Path(written).parts:
                raise InputError(
                    f"it imports {checks.printable(written)!r}: only files below {folder} are read, by paths from there"
                )
            for place in dict.fromkeys([below / written, Path(written)]):  # what is not there libantimony misses itself
                if str(place) not in texts and _is_below(root, place):
                    texts[str(place)] = checks.read_text(root / place)
                    waiting.append((place.parent, texts[str(place)]))
    return texts


def _is_below(root: Path, place: Path) -> bool:
    """Whether a relative path leads to a file in `root`, links followed."""
    try:
        path = (root / place).resolve()
        return path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=16)
def _translated_text(action: str, text: str) -> str:
    """What depends on the text alone: the rows of a sweep translate it once."""
    return _translated(action, text, {})


def _translated(action: str, text: str, others: dict[str, str], name: str = _MODEL) -> str:
    checks.optional("antimony", "sbml", "reading Antimony" if action == "read" else "writing Antimony")
    with tempfile.TemporaryDirectory(prefix="gillespie-nn-antimony-") as made:
        folder = Path(made)
        for place, content in {**others, name: text}.items():
            path = folder / _FOLDER / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", errors="replace")
        paths = os.pathsep.join(path for path in sys.path if path)
        arguments = [action, name, str(SECONDS), str(_BYTES), paths, os.pathsep, "" if name == _MODEL else "file"]
        try:
            process = subprocess.run(
                [sys.executable, "-c", _CHILD, *arguments], cwd=folder / _FOLDER, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InputError(f"libantimony takes more than {SECONDS} s for it: simplify the model") from None
        if (folder / _RESULT).is_file():
            return (folder / _RESULT).read_text(encoding="utf-8")
        if (folder / _ERROR).is_file():
            said = (folder / _ERROR).read_text(encoding="utf-8", errors="replace")
            raise InputError(checks.printable(" ".join(said.split())) or "libantimony refuses it, and does not say why")
        raise InputError(
            f"libantimony {_ended(process.returncode)}: a model that contains itself, or is too large, does that"
        )


def _ended(code: int) -> str:
    """How a process ended that gave no result."""
    if code < 0:
        with_name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"ended by {with_name} while translating it"
    return f"ended with exit code {code} while translating it"
