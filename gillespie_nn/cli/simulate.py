"""Simulate a model file, molecule by molecule."""

from collections import Counter

import numpy as np
from scipy import stats

from ..api import simulate, sweep
from ..checks import InputError
from ..simulation import METHODS, final_values
from ..simulation.task import RECORDS, TRAJECTORIES
from ..status import Status
from .common import add_common, add_options, options_of, parser, print_json
from .ensembles import print_moments, print_sweep
from .models import FORMATS_HELP, add_model, initial_of, maker_of, model_of, rates_of
from .noise import add_noise, noise_of
from .training_record import resume_hint

_SHOWN = 20


def add(subparsers):
    command = parser(
        subparsers,
        "simulate",
        f"simulate a model file: {FORMATS_HELP}; text is as `A + B -> C @ 0.5`, `A = 10`",
        (
            "model.txt --t-end 20",
            "model.ant --t-end 50 --parameter k=0.3 --initial A=100",
            "model.xml --t-end 50 --replicates 1000 --workers 2 --output run.h5",
            "model.txt --t-end 20 --replicates 100000 --record quantiles --workers 8 --output moments.h5",
            "model.txt --t-end 20 --replicates 100 --sweep table.csv --output sweep",
            "model.txt --t-end 20 --replicates 100 --rate-noise 0.1 --rate-noise-kind bounded --noise-step 0.5",
            "model.txt --t-end 20 --replicates 100000 --scheduler tcp://10.0.0.1:8786 --output run.h5",
        ),
    )
    add_model(command)
    command.add_argument("--t-end", type=float, required=True, help="time to simulate to [s]")
    command.add_argument("--n-points", type=int, default=101, help="recorded points, both ends included (101)")
    command.add_argument("--method", default="auto", help=f"auto, {', '.join(m.name for m in METHODS)} (auto)")
    command.add_argument("--replicates", type=int, default=1, help="independent trajectories (1)")
    command.add_argument("--max-events", type=int, help="stop a replicate after so many events")
    command.add_argument(
        "--record", choices=RECORDS, default=TRAJECTORIES,
        help="keep every trajectory, or of large ensembles moments alone, or moments and quantiles (trajectories)",
    )  # fmt: skip
    command.add_argument(
        "--sweep", metavar="TABLE",
        help="an ensemble for each row of a table (.csv or .toml), whose columns are rate constants by the name of the "
        "reaction, initial counts, parameters or `volume`; --output is a folder then, and the same command goes on",
    )  # fmt: skip
    command.add_argument("--scheduler", metavar="ADDRESS", help="carry it out on the workers of this dask scheduler")
    add_options(command)
    add_noise(command, {"train": "the run"})
    command.add_argument("--describe", action="store_true", help="print propensity and rate of each reaction first")
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "HDF5 file to write, or with --sweep a folder")
    return command


def run(arguments):
    network = model_of(arguments)
    if arguments.describe:
        print(network.describe())
    given = {
        "t_end": arguments.t_end,
        "n_points": arguments.n_points,
        "volume": arguments.volume,
        "method": arguments.method,
        "replicates": arguments.replicates,
        "workers": arguments.workers,
        "seed": arguments.seed,
        "initial": initial_of(arguments),
        "rates": rates_of(arguments),
        "max_events": arguments.max_events,
        "output": arguments.output,
        "record": arguments.record,
        "scheduler": arguments.scheduler,
        "progress": True,
        "noise": noise_of(arguments),
        **options_of(arguments),
    }
    if arguments.sweep is not None:
        if arguments.overwrite:
            raise InputError("--sweep goes on in its folder, or begins in a new one: leave --overwrite out")
        return print_sweep(sweep(maker_of(arguments), arguments.sweep, **given), arguments)
    result = simulate(network, overwrite=arguments.overwrite, **given)
    if arguments.record != TRAJECTORIES:
        return print_moments(network, result, arguments)
    names, final = final_values(result)
    n = len(result.status)
    print(f"{network!r}; {network.compiled}; method {result.method} ({result.method_reason}), seed {result.seed}")
    there = f"; there, in {result.units}:" if len(final) else ""
    print(f"{n} replicates to t = {arguments.t_end:g} s, {int(result.n_events.sum())} reactions fired{there}")
    _print_final(result, names, final)
    for name, values in result.statistics.items():
        print(f"{name}: {np.mean(values):g}" + (" a replicate" if n > 1 else ""))
    for status in sorted(set(result.status.tolist())):
        print(f"{int((result.status == status).sum())} of {n} {Status(status)}")
    if arguments.output:
        print(f"written to {arguments.output}")
    if arguments.json:
        print_json(_record(result, names, final, arguments))
    return 0 if result.complete else 3


def interrupted(arguments):
    """What to say after Ctrl-C."""
    if arguments.output is None:
        return "interrupted; without --output nothing is kept"
    if arguments.sweep is not None:
        return f"interrupted; what has ended is kept in {arguments.output}, and the same command goes on with the rest"
    return resume_hint(arguments.output)


def _print_final(result, species, final):
    if not len(final):
        return
    of_law = np.sqrt(np.diagonal(result.covariance[0, -1]))  # of linear_noise; else empty
    print(f"{'quantity':<20} {'mean':>12} {'95 % interval':>26} {'std. dev.':>12}")
    for k, name in enumerate(species[:_SHOWN]):
        mean, interval, spread = final[:, k].mean(), "-", f"{of_law[k]:.6g}" if k < len(of_law) else "-"
        if len(final) > 1:
            deviation = final[:, k].std(ddof=1)
            half = stats.t.isf(0.025, len(final) - 1) * deviation / len(final) ** 0.5
            interval, spread = f"[{mean - half:.6g}, {mean + half:.6g}]", f"{deviation:.6g}"
        print(f"{name:<20} {mean:>12.6g} {interval:>26} {spread:>12}")
    if len(species) > _SHOWN:
        print(f"... and {len(species) - _SHOWN} more")


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
