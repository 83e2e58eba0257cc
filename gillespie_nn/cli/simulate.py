"""Simulate a model file, molecule by molecule."""

from collections import Counter

import numpy as np

from ..api import simulate
from ..simulation import METHODS, final_values
from ..status import Status
from .common import add_common, add_options, options_of, parser, print_json
from .models import add_model, initial_of, model_of

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
    add_model(command)
    command.add_argument("--t-end", type=float, required=True, help="time to simulate to [s]")
    command.add_argument("--n-points", type=int, default=101, help="recorded points, both ends included (101)")
    command.add_argument("--method", default="auto", help=f"auto, {', '.join(m.name for m in METHODS)} (auto)")
    command.add_argument("--replicates", type=int, default=1, help="independent trajectories (1)")
    command.add_argument("--max-events", type=int, help="stop a replicate after so many events")
    add_options(command)
    command.add_argument("--describe", action="store_true", help="print propensity and rate of each reaction first")
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "HDF5 file to write")
    return command


def run(arguments):
    network = model_of(arguments)
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
        initial=initial_of(arguments),
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
