"""Simulate a model file, molecule by molecule."""

from collections import Counter
from pathlib import Path

import numpy as np

from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..simulation import METHODS, final_values
from ..status import Status
from .common import add_common, add_options, options_of, parser, print_json

_READERS = {
    ".xml": ReactionNetwork.from_sbml,
    ".sbml": ReactionNetwork.from_sbml,
    ".ant": ReactionNetwork.from_antimony,
    ".antimony": ReactionNetwork.from_antimony,
    ".net": ReactionNetwork.from_bngl_net,
}
_SHOWN = 20


def add(subparsers):
    command = parser(
        subparsers,
        "simulate",
        "simulate a model file: SBML (.xml, .sbml), Antimony (.ant), a BioNetGen network (.net), or text as "
        "`A + B -> C @ 0.5`, `A = 10`",
        (
            "model.txt --t-end 20",
            "model.ant --t-end 50 --parameter k=0.3 --initial A=100",
            "model.xml --t-end 50 --replicates 1000 --workers 2 --output run.h5",
        ),
    )
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("--t-end", type=float, required=True, help="time to simulate to [s]")
    command.add_argument("--n-points", type=int, default=101, help="recorded points, both ends included (101)")
    command.add_argument("--volume", type=float, help="Omega (1); not for SBML models, whose compartments say it")
    command.add_argument("--method", default="auto", help=f"auto, {', '.join(m.name for m in METHODS)} (auto)")
    command.add_argument("--replicates", type=int, default=1, help="independent trajectories (1)")
    command.add_argument("--workers", type=int, default=1, help="threads; the result is the same for any number (1)")
    command.add_argument("--initial", action="append", default=[], metavar="NAME=N", help="set an initial count")
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=X", help="set a parameter")
    command.add_argument("--max-events", type=int, help="stop a replicate after so many events")
    add_options(command)
    command.add_argument("--describe", action="store_true", help="print propensity and rate of each reaction first")
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "HDF5 file to write")
    return command


def run(arguments):
    network = load_model(arguments.model, _pairs("--parameter", "k=0.3", arguments.parameter, float))
    if arguments.describe:
        print(network.describe())
    result = simulate(
        network,
        arguments.t_end,
        arguments.n_points,
        volume=arguments.volume,
        method=arguments.method,
        replicates=arguments.replicates,
        workers=arguments.workers,
        seed=arguments.seed,
        initial=_pairs("--initial", "A=100", arguments.initial, _count),
        max_events=arguments.max_events,
        output=arguments.output,
        overwrite=arguments.overwrite,
        progress=True,
        **options_of(arguments),
    )
    names, final = final_values(result)
    n = len(result.status)
    print(f"{network!r}; {network.compiled}; method {result.method} ({result.method_reason}), seed {result.seed}")
    print(f"{n} replicates to t = {arguments.t_end:g} s, {int(result.n_events.sum())} reactions fired")
    _print_final(names, final)
    for name, values in result.statistics.items():
        print(f"{name}: {np.mean(values):g}" + (" a replicate" if n > 1 else ""))
    for status in sorted(set(result.status.tolist())):
        print(f"{int((result.status == status).sum())} of {n} {Status(status)}")
    if arguments.output:
        print(f"written to {arguments.output}")
    if arguments.json:
        print_json(_record(result, names, final, arguments))
    return 0 if result.complete else 3


def load_model(path, parameters=None) -> ReactionNetwork:
    """The network in a model file, by its suffix, with overrides of parameters by name."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such model file: {path}")
    if path.suffix.lower() in _READERS:
        return _READERS[path.suffix.lower()](path, parameters)
    try:
        return ReactionNetwork.from_text(path.read_text(encoding="utf-8"), parameters)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file; SBML files end in .xml or .sbml") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _pairs(option, example, pairs, number):
    """NAME=NUMBER of an option that may be given several times, as a dictionary."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            found[name.strip()] = number(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"{option} takes NAME=NUMBER, for example {option} {example}, got {pair!r}")
    return found


def _count(text):
    return float(text) if "." in text or "e" in text.lower() else int(text)


def _print_final(species, final):
    if not len(final):
        return
    print(f"{'species':<20} {'mean':>12} {'95 % interval':>26} {'std. dev.':>12}   at the end")
    for k, name in enumerate(species[:_SHOWN]):
        mean, interval, spread = final[:, k].mean(), "-", "-"
        if len(final) > 1:
            deviation = final[:, k].std(ddof=1)
            half = 1.96 * deviation / len(final) ** 0.5
            interval, spread = f"[{mean - half:.6g}, {mean + half:.6g}]", f"{deviation:.6g}"
        print(f"{name:<20} {mean:>12.6g} {interval:>26} {spread:>12}")
    if len(species) > _SHOWN:
        print(f"... and {len(species) - _SHOWN} more species")


def _record(result, names, final, arguments):
    return {
        "species": list(names),
        "mean": final.mean(axis=0) if len(final) else None,
        "standard_deviation": final.std(axis=0, ddof=1) if len(final) > 1 else None,
        "status": Counter(Status(int(s)).name.lower() for s in result.status),
        "events": int(result.n_events.sum()),
        "replicates": len(result.status),
        "complete_replicates": len(final),
        "t_end": arguments.t_end,
        "volume": result.volume,
        "method": result.method,
        "method_reason": result.method_reason,
        "seed": result.seed,
        "output": arguments.output,
        "units": result.units,
        "statistics": result.statistics,
    }
