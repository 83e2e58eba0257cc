"""Antimony by way of SBML, which libantimony translates in a separate process.

libantimony is compiled code that ends its process for a model that contains itself, and its `import "PATH"` reads any
file that the process can read. So it runs in a child process that cannot open files, with limits on time and memory.
Before that, allowed imports, which are files below the folder of the model, are replaced by their content; for
libantimony this makes no difference.

L. P. Smith, F. T. Bergmann, D. Chandran, H. M. Sauro, Antimony: a modular model definition language, Bioinformatics 25
(2009) 2452-2454, doi:10.1093/bioinformatics/btp401.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ... import checks
from ...checks import InputError
from ..parts import Parts
from . import sbml, sbml_write
from .model_format import ModelFormat, Overrides, Source, errors_name

SECONDS = 60
"""Time limit of a translation [s]; large models take long."""
_BYTES = 4 << 30
_MOST_CHARACTERS = 50_000_000
_IMPORT = re.compile(
    r'//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)|```.*?(?:```|\Z)|"[^"\n]*"'  # comments and texts, in which nothing is imported
    r'|\bimport\b[^\S\n]*"(?P<path>[^"\n]*)"[^\S\n]*;?',
    re.DOTALL,
)
_CANNOT_OPEN = ("Could not open", "Input file")
_NOTHING_MORE = (
    "a text cannot import files: give the path of a model file, which can import files below its folder, or set "
    "imports=FOLDER"
)
_CHILD = """
import sys
sys.path[:] = sys.argv[4].split(sys.argv[5])  # not the folder that it runs in
import json, os
action, seconds, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import antimony
source = sys.stdin.buffer.read().decode()
out = os.dup(1)
nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 1)  # libantimony prints
os.dup2(nowhere, 2)
os.close(nowhere)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # what is open stays, and nothing more can be
except ImportError:
    if "import" in source:
        os.write(out, json.dumps({"error": "Could not open"}).encode())
        sys.exit()
try:
    if action == "read":
        done = antimony.loadAntimonyString(source) >= 0
    else:
        done = antimony.loadSBMLString(source) >= 0
    if not done:
        answer = {"error": antimony.getLastError()}
    elif action == "read":
        answer = {"text": antimony.getSBMLString(antimony.getMainModuleName())}
    else:
        answer = {"text": antimony.getAntimonyString(antimony.getMainModuleName())}
except (UnicodeError, ValueError) as error:
    answer = {"error": f"libantimony cannot read it, and its message is not valid text: {error}"}
with os.fdopen(out, "wb") as file:
    file.write(json.dumps(answer).encode())
"""


def to_sbml(text: str, folder: str | os.PathLike | None = None, origin: str | os.PathLike = "") -> str:
    """Translate Antimony to SBML. The text may import files below `folder`, by default none.

    `origin` is the file of the text. Raises InputError if libantimony refuses the text or crashes, and for an import of
    any other file.
    """
    return _translated("read", text if folder is None else _with_imports(text, Path(folder), Path(origin).resolve()))


def from_sbml(document: str) -> str:
    """Translate an SBML document to Antimony. Raises InputError if libantimony refuses it."""
    return _translated("write", document)


def _with_imports(text: str, folder: Path, origin: Path) -> str:
    """`text`, of the file `origin`, with the content of imported files in place of their first import; later imports
    of a file are removed."""
    root, seen, size = folder.resolve(), {origin}, len(text)

    def imported(written: str, below: Path) -> str:
        nonlocal size
        places = [path for path in (below / written, root / written) if _is_below(root, path)]
        if not places:
            raise InputError(
                f"it imports {checks.printable(written)!r}, but there is no such file below {folder}: only files "
                "in that folder can be imported"
            )
        path = places[0].resolve()
        if path in seen:
            return "\n"
        seen.add(path)
        content = checks.read_text(path)
        size += len(content)
        if size > _MOST_CHARACTERS:
            raise InputError(f"it imports more than {_MOST_CHARACTERS} characters: split it")
        return "\n" + put_in(content, path.parent) + "\n"

    def put_in(text: str, below: Path) -> str:
        return _IMPORT.sub(lambda match: match[0] if match["path"] is None else imported(match["path"], below), text)

    return put_in(text, root)


def _is_below(root: Path, path: Path) -> bool:
    """Whether a path leads to a file in `root`, links followed."""
    try:
        path = path.resolve()
        return path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError, RuntimeError):
        return False


@lru_cache(maxsize=16)  # the rows of a sweep translate a text once
def _translated(action: str, text: str) -> str:
    checks.optional("antimony", "sbml", "reading Antimony" if action == "read" else "writing Antimony")
    paths = os.pathsep.join(path for path in sys.path if path)
    arguments = [action, str(SECONDS), str(_BYTES), paths, os.pathsep]
    try:
        process = subprocess.run(
            [sys.executable, "-c", _CHILD, *arguments], input=text.encode(errors="replace"), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InputError(f"libantimony needs more than {SECONDS} s to translate it: simplify the model") from None
    if not process.stdout:
        raise InputError(
            f"libantimony {_ended(process.returncode)}: does the model contain itself, or is it too large?"
        )
    answer = json.loads(process.stdout)
    if "text" in answer:
        return answer["text"]
    message = checks.printable(" ".join(answer["error"].split()))
    if any(words in message for words in _CANNOT_OPEN):
        raise InputError(_NOTHING_MORE)
    raise InputError(message or "libantimony rejected it without a message")


def _ended(code: int) -> str:
    """How a process ended that gave no result."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"ended by {name} while translating it"
    return f"ended with exit code {code} while translating it"


# The format: reading and writing by way of SBML.

if TYPE_CHECKING:
    from ..network import ReactionNetwork

_RESERVED = {"time", "pi", "avogadro", "nan", "notanumber", "inf", "infinity", "true", "false", "exponentiale", "e"}
_ENDINGS = (".ant", ".antimony")


def read(
    source: Source,
    parameters: Overrides = None,
    imports: str | os.PathLike | None = None,
    substance: str | None = None,
) -> Parts:
    """The network of a file that ends in `.ant` or `.antimony` (path), or of a text. Files that it imports must lie
    below the folder of the file, a text may import none; with `imports` both may import what lies below that folder.

    `substance` is that of `sbml.read`. Raises InputError for mistakes and unsupported features.
    """
    text, origin = checks.text_or_file(source, _ENDINGS, "Antimony file")
    path = "" if origin == "the text" else origin
    folder = Path(path).parent if imports is None and path else imports
    with errors_name(origin):
        parts = sbml.read_document(to_sbml(text, folder, path), parameters, substance)
        return parts._replace(origin=origin, language="sbml")


def write(
    network: "ReactionNetwork",
    path: str | os.PathLike | None = None,
    volume: float | None = None,
    initial: Mapping[str, float] | None = None,
) -> str:
    """The Antimony of the SBML that `sbml_write.write` writes, kinetics `stochastic`."""
    for name in (*network.species, *network.parameters, *network.rules):
        if name.lower() in _RESERVED:
            raise InputError(f"{name!r} is the name of a constant or function in Antimony: rename it")
    text = from_sbml(sbml_write.write(network, None, "stochastic", volume, initial))
    if path is not None:
        checks.write_text(path, text)
    return text


def _examples() -> tuple[str, ...]:
    models = resources.files("gillespie_nn.data").joinpath("models")
    files = sorted((path for path in models.iterdir() if path.name.endswith(_ENDINGS)), key=str)
    return tuple(path.read_text(encoding="utf-8") for path in files)


FORMAT = ModelFormat(
    name="antimony",
    title="Antimony",
    endings=_ENDINGS,
    read=read,
    write=write,
    extra="sbml",
    has_units=True,
    examples=_examples,
    intrusions=(
        "e: A -> B; k",
        "$",
        ":=",
        "at (A > 1): A = 2",
        '\nimport "/dev/zero"\n',
        "\nimport \\ \n",
        "/*",
        "//",
        "I: m();",
        "e: A -> B; k*A - k*B",
    ),
)
