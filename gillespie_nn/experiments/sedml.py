"""Reading experiments: files of COMBINE archives (`.omex`) or folders, algorithms of KiSAO, and SED-ML documents."""

import importlib.util
import os
import pickle
import posixpath
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import GillespieError, InputError
from ..crn import formula
from ..crn.expressions import Expression, number

# Files: those of a COMBINE archive, or those in the folder of a `.sedml` file.
#
# A file from a stranger can only be read or refused. Members of an archive are read into memory and never unpacked.
# Names cannot leave the archive or folder, sizes are limited, links out of the folder are not followed, nothing is
# fetched, and a document that declares entities is refused before a parser reads it.

MOST_BYTES, MOST_FILES = 64 * 2**20, 10_000
"""Limits: the size of a file, unpacked, and the number of files in an archive."""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
"""First line of every text that goes to a parser."""
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
            # A link could name a file outside when a program unpacks the archive.
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
                # The size in the directory of the archive may be wrong, so the data are counted.
                data = file.read(MOST_BYTES + 1)
        except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise InputError(f"cannot read {name!r} in the archive: {error}") from None
        except Exception as error:  # errors of zlib, bz2 and lzma
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
        documents = [e for e in contents if _SEDML.match(e.get("format", ""))]
        # Without a master, all documents count.
        documents = [e for e in documents if e.get("master") == "true"] or documents
        if not documents:
            raise InputError(f"{path}: its manifest lists no SED-ML document")
        return [_inside(e.get("location", "")) for e in documents]


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
    # The text goes to parsers as UTF-8, whatever encoding it declared.
    return DECLARATION + re.sub(r"^\s*<\?xml\b[^>]*\?>", "", text, count=1)


def files_of(path: str | Path) -> Folder | Archive:
    """The files of an experiment. Raises InputError."""
    place = checks.existing_file("experiment", path, "give a .sedml or .omex file")
    return Archive(place) if place.suffix.lower() == ".omex" else Folder(place)


# Algorithms of KiSAO, the Kinetic Simulation Algorithm Ontology: M. Courtot et al., Mol. Syst. Biol. 7 (2011) 543,
# doi:10.1038/msb.2011.77. The tables map its numbers to methods of this package, and to names for messages.

METHODS = {
    29: "direct", 241: "auto", 15: "direct", 38: "optimized_direct", 27: "next_reaction", 329: "rejection",
    39: "tau_leap", 40: "tau_leap", 84: "tau_leap", 286: "langevin",
    19: "ode", 433: "ode", 496: "ode", 20: "ode", 71: "ode", 88: "ode", 89: "ode", 94: "ode", 560: "ode", 288: "ode",
    280: "ode", 281: "ode", 289: "ode", 535: "ode", 304: "ode", 33: "ode", 32: "ode", 64: "ode", 86: "ode", 87: "ode",
    321: "ode", 302: "ode", 435: "ode", 436: "ode", 694: "ode",
}  # fmt: skip
"""Methods by number. The first reaction method (15) samples the same law as `direct`. All algorithms for ordinary
differential equations are `ode`: the solution is the same within its tolerances."""
PARAMETERS = {488: "seed", 209: "rtol", 211: "atol", 228: "epsilon"}
"""Options by number of the parameter of an algorithm. Other parameters have no effect, and a warning names them."""
NAMES = {
    3: "weighted stochastic simulation algorithm", 15: "Gillespie first reaction algorithm", 19: "CVODE",
    22: "Elf and Ehrenberg method", 28: "slow-scale stochastic simulation algorithm", 30: "Euler forward method",
    31: "Euler backward method", 45: "implicit tau-leaping method", 46: "trapezoidal tau-leaping method",
    48: "adaptive explicit-implicit tau-leaping method", 51: "Bortz-Kalos-Lebowitz algorithm",
    74: "binomial tau-leaping method", 81: "estimated midpoint tau-leaping method", 82: "k-alpha leaping method",
    231: "Pahle hybrid method", 261: "Euler method", 263: "NFSim agent-based simulation method", 282: "KINSOL",
    283: "IDA", 287: "Milstein method", 324: "nested stochastic simulation algorithm", 330: "R-leaping algorithm",
    331: "exact R-leaping algorithm", 336: "D-leaping method", 350: "probability-weighted dynamic Monte Carlo method",
    351: "multinomial tau-leaping method", 352: "hybrid method", 355: "DASPK", 356: "DASSL",
    363: "rule-based simulation method", 407: "steady state method", 408: "Newton-type method",
    437: "flux balance analysis", 448: "logical model simulation method", 449: "synchronous logical model simulation "
    "method", 450: "asynchronous logical model simulation method", 499: "dynamic flux balance analysis",
    524: "partitioned leaping method", 526: "flux variability analysis",
    209: "relative tolerance", 211: "absolute tolerance", 219: "maximum Adams order", 220: "maximum BDF order",
    415: "maximum number of steps", 467: "maximum step size", 483: "step size", 484: "maximum order",
    485: "minimum step size", 488: "seed", 498: "number of runs", 228: "tau-leaping epsilon",
}  # fmt: skip


def number_of(kisao: str) -> int:
    """The number of an identifier such as `KISAO:0000029`. Raises InputError."""
    match = re.fullmatch(r"(?:.*[:/#])?(?:KISAO[:_])?(\d{1,7})", kisao.strip(), re.IGNORECASE)
    if not match:
        raise InputError(f"{kisao[:60]!r} is not an identifier of KiSAO such as KISAO:0000029")
    return int(match[1])


def described(number: int) -> str:
    """The identifier, and the name if `NAMES` has it."""
    return f"KISAO:{number:07d}" + (f" ({NAMES[number]})" if number in NAMES else "")


def method_of(kisao: str) -> str:
    """The method of this package for an algorithm. Raises InputError if there is none."""
    number = number_of(kisao)
    if number not in METHODS:
        raise InputError(
            f"the algorithm {described(number)} is not supported: use KISAO:0000029 (direct method), KISAO:0000027 "
            "(next reaction method), KISAO:0000039 (tau-leaping) or KISAO:0000019 (CVODE: method ode)"
        )
    return METHODS[number]


# A SED-ML document as plain data. Everything else in a document is refused by name.

TIME = "urn:sedml:symbol:time"
MOST_RUNS = 1_000_000
"""Largest number of iterations of a repeated task, including those of tasks in it."""
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,199}", re.ASCII)
_SBML = re.compile(r"urn:sedml:language:sbml(\..*)?|.*/sbml(\.level-.*)?", re.IGNORECASE)


class Maths(NamedTuple):
    """An expression, in which constants are replaced by their values. Targets of variables are XPath or `TIME`."""

    expression: Expression
    variables: dict[str, tuple[str, str]]
    """(task or model, target) by name."""


class SedmlChange(NamedTuple):
    """A change of a model: a new text of an attribute, or a value to compute; one is None."""

    target: str
    text: str | None
    maths: Maths | None
    model: str = ""
    range: str = ""


class SedmlModel(NamedTuple):
    source: str
    """A file, or `#` and the identifier of another model."""
    changes: tuple[SedmlChange, ...]


class SedmlSimulation(NamedTuple):
    time: np.ndarray
    """float64[point] [s]."""
    method: str
    options: dict[str, float]
    ignored: tuple[str, ...]
    """Parameters of the algorithm that have no effect here."""


class SedmlTask(NamedTuple):
    model: str
    simulation: str


class Repeated(NamedTuple):
    task: str
    ranges: dict[str, Any]
    """float64[iteration], or (range, Maths) for a functional range."""
    n: int
    changes: tuple[SedmlChange, ...]


class Curve(NamedTuple):
    x: str
    y: str
    log_x: bool
    log_y: bool


class Document(NamedTuple):
    models: dict[str, SedmlModel]
    simulations: dict[str, SedmlSimulation]
    tasks: dict[str, SedmlTask | Repeated]
    generators: dict[str, tuple[str, Maths]]
    """(title, maths) by identifier."""
    reports: dict[str, list[tuple[str, str]]]
    """(label, generator) of the data sets of each report."""
    plots: dict[str, tuple[str, list[Curve]]]
    """(title, curves) of each plot."""


def read(text: str) -> Document:
    """A SED-ML document as plain data. Raises InputError, and MissingExtraError without libsedml.

    Another process reads it. Once libsedml is loaded, objects of libsbml become those of libsedml, which lack methods,
    and SBML models with formulas cannot be read any more.
    """
    if importlib.util.find_spec("libsedml") is None:
        checks.optional("libsedml", "sedml", "reading SED-ML")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = f"import sys; from {__name__} import _answer; sys.stdout.buffer.write(_answer(sys.stdin.buffer.read()))"
    child = subprocess.run([sys.executable, "-c", code], input=text.encode(), capture_output=True, env=environment)
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"]
        raise InputError(f"the SED-ML cannot be read: libsedml stopped with {lines[-1]}")
    # Safe to unpickle: this package wrote it.
    answer = pickle.loads(child.stdout)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(text: bytes) -> bytes:
    """Main function of the other process: the document, or the error to raise, pickled."""
    try:
        return pickle.dumps(_read(text.decode()))
    except GillespieError as error:
        return pickle.dumps(error)


def _read(text: str) -> Document:
    """The experiment of a document. Raises InputError for what is invalid or not supported."""
    sed = checks.optional("libsedml", "sedml", "reading SED-ML")
    document = sed.readSedMLFromString(text)
    errors = (document.getError(k) for k in range(document.getNumErrors()))
    wrong = next((e for e in errors if e.getSeverity() >= sed.LIBSEDML_SEV_ERROR), None)
    if wrong is not None:
        raise InputError(
            f"the SED-ML is not valid: line {wrong.getLine()}: {' '.join(wrong.getMessage().split())[:300]}"
        )
    if document.getLevel() != 1 or not 1 <= document.getVersion() <= 4:
        raise InputError(
            f"SED-ML level {document.getLevel()} version {document.getVersion()} is not supported: use level 1, "
            "version 1 to 4"
        )
    if document.getNumDataDescriptions():
        raise InputError("data descriptions of SED-ML are not supported: remove listOfDataDescriptions")
    if not document.getNumTasks():
        raise InputError("the SED-ML document has no tasks")
    reader = _Reader(sed, document.getVersion())
    return Document(
        _each(document.getListOfModels(), reader.model, "model"),
        _each(document.getListOfSimulations(), reader.simulation, "simulation"),
        _each(document.getListOfTasks(), reader.task, "task"),
        _each(document.getListOfDataGenerators(), reader.generator, "data generator"),
        _each((o for o in document.getListOfOutputs() if reader.is_report(o)), reader.report, "output"),
        _each((o for o in document.getListOfOutputs() if not reader.is_report(o)), reader.plot, "output"),
    )


def _each(elements: Any, function: Callable[[Any], Any], what: str) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for element in elements:
        name = element.getId()
        # Names of files are made of identifiers.
        if not _IDENTIFIER.fullmatch(name):
            raise InputError(f"the {what} {name[:60]!r} has no valid identifier: use letters, digits and underscores")
        if name in parts:
            raise InputError(f"the {what} {name} is defined twice")
        try:
            parts[name] = function(element)
        except InputError as error:
            raise InputError(f"{what} {name}: {error}") from None
    return parts


class _Reader:
    """Turns elements of libsedml into the classes above. Its methods raise InputError for what is not supported."""

    def __init__(self, sed: Any, version: int) -> None:
        self._sed, self._version = sed, version

    def model(self, m: Any) -> SedmlModel:
        if m.getLanguage() and not _SBML.fullmatch(m.getLanguage()):
            raise InputError(f"the language {m.getLanguage()} is not supported: use SBML")
        return SedmlModel(m.getSource(), tuple(self._change(c) for c in m.getListOfChanges()))

    def _change(self, c: Any) -> SedmlChange:
        kind = c.getElementName()
        if kind == "changeAttribute":
            return SedmlChange(c.getTarget(), c.getNewValue(), None)
        if kind == "computeChange":
            return SedmlChange(c.getTarget(), None, self._maths(c))
        if kind == "setValue":
            if c.getSymbol():
                raise InputError(f"setValue of the symbol {c.getSymbol()} is not supported: set a target")
            return SedmlChange(c.getTarget(), None, self._maths(c), c.getModelReference(), c.getRange())
        raise InputError(f"the change {kind} is not supported: use changeAttribute or computeChange")

    def simulation(self, s: Any) -> SedmlSimulation:
        kind = s.getElementName()
        if kind != "uniformTimeCourse":
            raise InputError(f"{kind} is not supported: use uniformTimeCourse")
        if s.getInitialTime() != 0:
            raise InputError(f"initialTime must be 0, got {s.getInitialTime():g}: simulations begin at time 0")
        n = s.getNumberOfSteps() if self._version >= 4 else s.getNumberOfPoints()
        n = checks.whole("the number of steps", n, 1, 10_000_000)
        start = checks.not_negative("outputStartTime", s.getOutputStartTime(), "s")
        end = checks.positive("outputEndTime", s.getOutputEndTime(), "s")
        if end <= start:
            raise InputError(f"outputEndTime must exceed outputStartTime, got {end:g} and {start:g}")
        algorithm = s.getAlgorithm()
        if algorithm is None:
            raise InputError("it has no algorithm: add one with a kisaoID, such as KISAO:0000029")
        method = method_of(algorithm.getKisaoID())
        options: dict[str, float] = {}
        ignored = []
        for parameter in algorithm.getListOfAlgorithmParameters():
            which = number_of(parameter.getKisaoID())
            name = PARAMETERS.get(which)
            # Each option belongs to one method; the seed belongs to all.
            takes = {"rtol": "ode", "atol": "ode", "epsilon": "tau_leap"}.get(name or "", method)
            if name is None or takes != method:
                ignored.append(described(which))
                continue
            try:
                options[name] = float(parameter.getValue())
            except ValueError:
                raise InputError(f"{described(which)} must be a number, got {parameter.getValue()[:60]!r}") from None
        return SedmlSimulation(np.linspace(start, end, n + 1), method, options, tuple(ignored))

    def task(self, t: Any) -> SedmlTask | Repeated:
        kind = t.getElementName()
        if kind == "task":
            return SedmlTask(t.getModelReference(), t.getSimulationReference())
        if kind != "repeatedTask":
            raise InputError(f"{kind} is not supported: use task or repeatedTask")
        if t.getNumSubTasks() != 1:
            raise InputError(f"a repeated task of {t.getNumSubTasks()} subtasks is not supported: use one for each")
        if not t.getResetModel():
            raise InputError("resetModel must be true: runs that go on from the end of the last are not supported")
        if t.isSetConcatenate() and t.getConcatenate():
            raise InputError("concatenate must be false: the results of runs are not joined")
        if t.getSubTask(0).getNumTaskChanges():
            raise InputError("changes in a subTask are not supported: put them into the repeated task")
        ranges = {r.getId(): self._range(r) for r in t.getListOfRanges()}
        master = ranges.get(t.getRangeId())
        if not isinstance(master, np.ndarray):
            raise InputError("its range must be a uniformRange or a vectorRange")
        checks.whole("the number of iterations", len(master), 1, MOST_RUNS)
        for name, values in ranges.items():
            if isinstance(values, np.ndarray) and len(values) < len(master):
                raise InputError(f"the range {name} has {len(values)} values, and {len(master)} are needed")
        changes = tuple(self._change(c) for c in t.getListOfTaskChanges())
        return Repeated(t.getSubTask(0).getTask(), ranges, len(master), changes)

    def _range(self, r: Any) -> Any:
        kind = r.getElementName()
        if kind == "vectorRange":
            return np.array(r.getValues(), dtype=np.float64)
        if kind == "functionalRange":
            return r.getRange(), self._maths(r)
        if kind != "uniformRange":
            raise InputError(f"{kind} is not supported: use uniformRange, vectorRange or functionalRange")
        n = r.getNumberOfSteps() if self._version >= 4 else r.getNumberOfPoints()
        n = checks.whole("the number of steps of a range", n, 0, MOST_RUNS - 1)
        start, end = (checks.finite("an end of a range", x) for x in (r.getStart(), r.getEnd()))
        if r.getType() not in ("", "linear", "log"):
            raise InputError(f"the type {r.getType()} of a range is not supported: use linear or log")
        if r.getType() != "log":
            return np.linspace(start, end, n + 1)
        return np.geomspace(checks.positive("start of a range", start), checks.positive("end of a range", end), n + 1)

    def generator(self, g: Any) -> tuple[str, Maths]:
        return g.getName() or g.getId(), self._maths(g)

    def is_report(self, output: Any) -> bool:
        return output.getElementName() == "report"

    def report(self, r: Any) -> list[tuple[str, str]]:
        data_sets = [(d.getLabel() or d.getId(), d.getDataReference()) for d in r.getListOfDataSets()]
        if not data_sets:
            raise InputError("the report has no data sets")
        return data_sets

    def plot(self, p: Any) -> tuple[str, list[Curve]]:
        kind = p.getElementName()
        if kind != "plot2D":
            raise InputError(f"{kind} is not supported: use report or plot2D")
        axes = [a is not None and a.getTypeAsString() == "log10" for a in (p.getXAxis(), p.getYAxis())]
        curves = []
        for c in p.getListOfCurves():
            if c.getElementName() != "curve":
                raise InputError(f"{c.getElementName()} is not supported in a plot: use curve")
            logs = [axes[0] or (c.isSetLogX() and c.getLogX()), axes[1] or (c.isSetLogY() and c.getLogY())]
            curves.append(Curve(c.getXDataReference(), c.getYDataReference(), *map(bool, logs)))
        if not curves:
            raise InputError("the plot has no curves")
        return p.getName() or p.getId(), curves

    def _maths(self, element: Any) -> Maths:
        if element.getMath() is None:
            raise InputError("it has no math")
        text = self._sed.formulaToL3String(element.getMath())
        expression = formula.parse(text, f"the math {text[:80]!r}")
        constants = {p.getId(): number(p.getValue()) for p in element.getListOfParameters()}
        variables = {}
        for v in element.getListOfVariables():
            if v.getTerm() or v.getSymbol2() or v.getTarget2():
                raise InputError(f"the variable {v.getId()} has a term or a second target, which is not supported")
            if v.getSymbol() and v.getSymbol() != TIME:
                raise InputError(f"the symbol {v.getSymbol()} is not supported: only {TIME} is")
            variables[v.getId()] = v.getTaskReference() or v.getModelReference(), v.getSymbol() or v.getTarget()
        return Maths(expression.substitute(constants), variables)
