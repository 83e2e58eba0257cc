"""The freeze: what a change that only rearranges code must leave as it is.

    python tests/robustness/freeze.py                   compares with `frozen.npz`; ends with 1 where anything differs
    python tests/robustness/freeze.py --only ode xor    only runs with one of these words in their name
    python tests/robustness/freeze.py --record          records all runs anew, or those of --only

It carries out 41 runs through the public interface alone (every method by name, noises, cases, resumed files, sweeps,
moments, quantiles, predictions, `certify`, `verify-bounds`) and reads models of every format. Methods that count
molecules have to agree bit for bit. Methods in real numbers have to agree to 1e-12 of the largest number of each array,
on the machine that recorded them: another processor may round differently.

Record anew only what is meant to change, and list it in CHANGELOG.md under "Numerical results changed".
"""

import argparse
import contextlib
import hashlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

import gillespie_nn as gnn
from gillespie_nn.cli import main as command_line

FROZEN = Path(__file__).with_name("frozen.npz")
TOLERANCE = 1e-12
MODELS = Path(gnn.__file__).resolve().parent.parent / "data" / "models"

DIMERS = "2 A -> B @ 1.5\nB -> 2 A @ 0.8\nA + B -> B @ 0.02\n0 -> A @ 30\nA = 250\nB = 10"
SWITCHED = """
@parameter V = 40
@parameter K = 20
0 -> P @ propensity(V * (1 + 0.5 * sin(time)) / (1 + (P / K)^2))
P -> 0 @ 0.5
2 P -> D @ 0.001
D -> 2 P @ 0.1
A + P -> A + P + Q @ 0.3 * step(P, Q)
Q -> 0 @ 1
A = 3
@rule total = P + 2 * D
@event drug: when time >= 3 || total > 90; set V = 5, Q = Q + 20; delay 0.5
"""
NET = """begin parameters
 1 kp 0.5
 2 km 2*kp
end parameters
begin functions
 1 f() kp/(1+Total)
end functions
begin species
 1 A(b) 120
 2 A(b!1).A(b!1) 4
 3 $S() 2
end species
begin reactions
 1 1,1 2 0.005*kp #bind
 2 2 1,1 km
 3 3 3,1 f
end reactions
begin groups
 1 Total 1,2*2
end groups
"""
SIMULATED = ("direct", "next_reaction", "rejection", "layered", "tau_leap", "langevin", "linear_noise", "ode")
TRAINED = ("rejection", "layered", "tau_leap", "langevin", "ode", "gradient_descent", "gradient_flow")
SHORT = {"volume": 100.0, "presentations": 40, "running_time": 2.0, "seed": 5, "checkpoint_every": 9}
RUNS = {}
"""Runs by name: functions of a folder of their own that give arrays and texts by name."""


def run(name):
    """Adds a function to RUNS."""

    def add(function):
        RUNS[name] = function
        return function

    return add


def arrays_of(result, firings=False) -> dict:
    """What a `Result` or `Run` holds."""
    found = {name: np.asarray(getattr(result, name)) for name in ("time", "status", "n_events")}
    found["counts"], found["observables"] = np.asarray(result.counts[:]), np.asarray(result.observables[:])
    found |= {f"statistic {name}": np.asarray(values) for name, values in result.statistics.items()}
    if firings:
        found["firings"] = np.asarray(result.firings)
    if result.covariance.shape[-1]:
        covariance = np.asarray(result.covariance[:])
        found["covariance"] = np.concatenate([np.diagonal(covariance, axis1=2, axis2=3), covariance[:, :, 0]])
    return found


def fit_arrays(fit) -> dict:
    """What a `Fit` holds."""
    found = {"weights": fit.weights, "last": fit.last_weights, "best": fit.best_weights, "outputs": fit.outputs}
    found["n_events"] = np.array(fit.n_events)
    found["chemical"] = np.zeros(0) if fit.chemical is None else fit.chemical
    return found | {f"score {name}": np.array(value) for name, value in fit.scores.items()}


def file_arrays(path) -> dict:
    """Numbers of a run file, but where it came from."""
    found = {}
    with h5py.File(path, "r") as file:

        def visit(name, item):
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and not name.startswith("provenance"):
                found[name] = item[()]

        file.visititems(visit)
    return {name: values for name, values in found.items() if name != "model/text"}


def moment_arrays(result) -> dict:
    """What a `MomentsResult` holds, with quantiles where there are some."""
    found = {"time": result.time, "n": result.n, "n_events": np.array(result.n_events)}
    found |= {name: getattr(result, name)() for name in ("mean", "variance", "minimum", "maximum")}
    if result.moments.sketch is not None:
        found |= {f"quantile {p}": result.quantile(p) for p in (0.0, 0.05, 0.5, 0.9, 1.0)}
    return found


def dimers():
    return gnn.ReactionNetwork.from_text(DIMERS)


def switched():
    return gnn.ReactionNetwork.from_text(SWITCHED)


def learner(**settings):
    return gnn.training_network((2, 4, 1), **{"learning_rate": 0.01} | settings)


def add_runs():
    for method in SIMULATED:
        several = 1 if method in ("ode", "linear_noise") else 3

        @run(f"simulate {method}")
        def _(folder, method=method, several=several):
            counted = method not in ("langevin", "linear_noise", "ode")
            one = gnn.simulate(
                dimers(), 2.0, 9, volume=50.0, method=method, replicates=several, seed=3, count_firings=counted,
                schedule=[(0.5, {"A": 400})], rates={"r4": 20.0}, initial={"B": 12},
            )  # fmt: skip
            spec = learner(annihilation_rate=20.0)
            start = {"X_0_p": 100, "T_0_p": 100, "W1_0_0_p": 60, "W2_0_0_m": 40}
            other = gnn.simulate(spec.network, 1.0, 4, volume=100.0, method=method, seed=4, initial=start)
            return arrays_of(one, counted) | {f"network {k}": v for k, v in arrays_of(other).items()}

    for method in ("direct", "next_reaction", "rejection", "layered", "tau_leap"):

        @run(f"laws, rules and events {method}")
        def _(folder, method=method):
            text = SWITCHED.replace("sin(time)", "0.1") if method == "tau_leap" else SWITCHED  # leaps read no time
            network = gnn.ReactionNetwork.from_text(text)
            return arrays_of(gnn.simulate(network, 6.0, 13, method=method, replicates=2, seed=8))

    for method in TRAINED:

        @run(f"train xor {method}")
        def _(folder, method=method):
            return fit_arrays(gnn.train("xor", method=method, **SHORT))


@run("simulate tau_leap with options")
def _(folder):
    net = dimers()
    some = [{"scheme": "trapezoidal", "epsilon": 0.05}, {"epsilon": 0.02}, {"tau": 0.01}]
    results = [gnn.simulate(net, 1.0, 5, volume=1000.0, method="tau_leap", seed=2, **more) for more in some]
    return {f"{k} {name}": v for k, r in enumerate(results) for name, v in arrays_of(r).items()}


@run("simulate a grid of one's own, with an event limit, on two threads")
def _(folder):
    return arrays_of(
        gnn.simulate(
            dimers(), time=[0.1, 0.15, 1.0, 3.0], volume=50.0, method="rejection", replicates=8, seed=9, workers=2,
            max_events=500,
        )
    )  # fmt: skip


@run("simulate with noise in rates and concentrations rejection")
def _(folder):
    noise = [gnn.RateNoise(0.1, "ornstein_uhlenbeck", step=0.05, correlation_time=0.3),
             gnn.ConcentrationNoise(0.1, "impulse", step=0.2)]  # fmt: skip
    return arrays_of(gnn.simulate(dimers(), 1.0, 6, volume=50.0, method="rejection", noise=noise, seed=3, replicates=2))


@run("simulate with noise ode")
def _(folder):
    found = {}
    for k, noise in enumerate((gnn.RateNoise(0.2, "bounded", step=0.1), gnn.AdditiveNoise(0.1, "bounded", step=0.1))):
        result = gnn.simulate(dimers(), 1.0, 6, volume=50.0, method="ode", noise=noise, seed=3, replicates=2)
        found |= {f"{k} {name}": v for name, v in arrays_of(result).items()}
    return found


@run("file of an ensemble, resumed")
def _(folder):
    path = folder / "run.h5"
    gnn.simulate(dimers(), 1.0, 5, volume=50.0, method="direct", replicates=6, seed=4, output=path).close()
    with h5py.File(path, "r+") as file:  # as a killed process leaves it
        file["committed"][3:] = 0
        file["counts"][3:] = -1
    with gnn.resume(path) as found:
        run = arrays_of(found)
    return run | file_arrays(path)


@run("file of a training run, resumed")
def _(folder):
    path = folder / "run.h5"
    gnn.train("xor", method="rejection", output=path, **SHORT)
    with h5py.File(path, "r+") as file:  # as a killed process leaves it
        file["committed"][:] = 0
        file["training/final_weights"][:] = np.nan
    return fit_arrays(gnn.resume(path)) | {f"file {k}": v for k, v in file_arrays(path).items()}


@run("files of a sweep")
def _(folder):
    table = [{"V": 10, "A": 1, "r2": 0.4}, {"V": 30, "A": 2, "r2": 0.6}, {"V": 30, "A": 0, "r2": 0.6}]
    found = gnn.sweep(switched(), table, 2.0, 5, method="rejection", replicates=2, seed=6, output=folder / "sweep")
    rows = {}
    for k in range(len(found)):
        with found[k] as result:
            rows |= {f"{k} {name}": v for name, v in arrays_of(result).items()}
    names = sorted(p.name for p in (folder / "sweep").iterdir() if not p.name.startswith("."))
    return rows | {"names of files": np.array(names)}


@run("sweep in memory, moments")
def _(folder):
    found = gnn.sweep(dimers(), {"volume": [20, 40]}, 1.0, 3, method="direct", replicates=20, seed=6, record="moments")
    return {f"{k} {name}": v for k, row in enumerate(found) for name, v in moment_arrays(row).items()}


@run("quantiles of an ensemble, in memory and in a file")
def _(folder):
    how = {"volume": 50.0, "method": "direct", "replicates": 70, "seed": 7, "record": "quantiles"}
    memory = moment_arrays(gnn.simulate(switched(), 2.0, 4, **{**how, "volume": None}))
    file = moment_arrays(gnn.simulate(dimers(), 2.0, 4, output=folder / "m.h5", workers=2, **how))
    return memory | {f"file {k}": v for k, v in (file | file_arrays(folder / "m.h5")).items()}


@run("train xor with hold and ratio layered")
def _(folder):
    return fit_arrays(gnn.train("xor", method="layered", hold=0.5, derivative="ratio", order="cyclic", **SHORT))


@run("train xor relu and leaky relu rejection")
def _(folder):
    fits = {a: gnn.train("xor", method="rejection", activation=a, **SHORT) for a in ("relu", "leaky_relu")}
    return {f"{a} {k}": v for a, fit in fits.items() for k, v in fit_arrays(fit).items()}


@run("train xor with noise tau_leap")
def _(folder):
    noise = [gnn.RateNoise(0.1, "presentation"), gnn.ConcentrationNoise(0.05, "bounded", step=0.5)]
    return fit_arrays(
        gnn.train("xor", method="tau_leap", noise=noise, predict=3, predict_noise=gnn.RateNoise(0.1, "constant"),
                  **SHORT)
    )  # fmt: skip


@run("train iris with validation, patience and predictions tau_leap")
def _(folder):
    path = folder / "iris.h5"
    fit = gnn.train(
        "iris", method="tau_leap", volume=1e4, presentations=60, running_time=3.0, hold=0.0, seed=2, validation=0.2,
        evaluate_every=10, patience=2, record_every=7, predict=4, output=path,
    )  # fmt: skip
    loaded = gnn.load_fit(path)
    again = {"loaded": loaded.predict(loaded.plan.dataset.test_x[:3], exact_forward=True)}
    return fit_arrays(fit) | again | {f"file {k}": v for k, v in file_arrays(path).items()}


@run("train regression and own data layered")
def _(folder):
    x = np.linspace(-1.0, 1.0, 9)[:, None]
    own = gnn.train((x, x**2), hidden=(3,), method="layered", **SHORT)
    case = gnn.train("regression", method="layered", limit=5, hold=0.5, **SHORT)
    return fit_arrays(own) | {f"case {k}": v for k, v in fit_arrays(case).items()}


@run("predictions rejection")
def _(folder):
    fit = gnn.train("xor", method="layered", **SHORT)
    x = [[0.0, 1.0], [1.0, 1.0]]
    noise = gnn.ConcentrationNoise(0.05, "impulse", step=0.5)
    return {
        "plain": fit.predict(x),
        "seeded": fit.predict(x, seed=11, weights=fit.last_weights),
        "noisy": fit.predict(x, seed=11, noise=noise),
        "float": fit.predict(x, exact_forward=True),
    }


@run("certify tau_leap")
def _(folder):
    found = gnn.certify(dimers(), "tau_leap", 1.0, 2, volume=200.0, replicates=60, seed=3, epsilon=0.05,
                        reference="rejection")  # fmt: skip
    rows = sorted(found.rows, key=lambda row: (row.species, row.time))
    names = ("mean", "reference_mean", "mean_error", "variance", "reference_variance", "distance", "bound", "p")
    return {name: np.array([getattr(row, name) for row in rows], dtype=float) for name in names} | {
        "verdicts": np.array([found.verdict, *(row.verdict for row in rows)])
    }


def add_propositions():
    for noise, proposition in (("rate", "5.2"), ("concentration", "5.1"), ("intrinsic", "5.1")):

        @run(f"verify-bounds {proposition} {noise}")
        def _(folder, noise=noise, proposition=proposition):
            output = folder / "bounds.h5"
            flags = ["--paths", "20", "--looks", "1", "--seed", "3", "--running-time", "1", "--presentations", "1"]
            with contextlib.redirect_stdout(io.StringIO()):
                command_line(["verify-bounds", "--proposition", proposition, "--noise", noise, *flags,
                              "--output", str(output)])  # fmt: skip
            found = json.loads(output.with_suffix(".json").read_text())
            paths = {name: v[::5] if v.ndim > 1 else v for name, v in file_arrays(output).items()}
            return paths | {"verdict": np.array([found["verdict"]])}


@run("networks")
def _(folder):
    """Text and digest of networks, compiled ones and ones that are read."""
    some = {
        "2-4-1": learner().network,
        "2-4-1 ratio": learner(derivative="ratio").network,
        "2-4-1 hold": learner(hold=0.5).network,
        "2-4-1 relu": learner(activation="relu").network,
        "2-4-1 leaky": learner(activation="leaky_relu").network,
        "2-4-1 smooth output": learner(output="smooth_relu").network,
        "2-4-1 fixed": learner(learning=False).network,
        "3-5-4-2": gnn.training_network((3, 5, 4, 2), h=0.1, learning_rate=0.02, signed_inputs=True).network,
        "1-1": gnn.training_network((1, 1), h=0.1, learning_rate=0.02).network,
        "16-16-10": gnn.training_network((16, 16, 10), h=0.25, learning_rate=0.01).network,
        "dimers": dimers(),
        "switched": switched(),
        "bngl": gnn.ReactionNetwork.from_bngl_net(NET),
        "bngl kp": gnn.ReactionNetwork.from_bngl_net(NET, {"kp": 0.25}),
        "sbml": gnn.ReactionNetwork.from_sbml(switched().to_sbml()),
        "sbml deterministic": gnn.ReactionNetwork.from_sbml(dimers().to_sbml(kinetics="deterministic", volume=3.0)),
        "sbml V": gnn.ReactionNetwork.from_sbml(switched().to_sbml(), {"V": 7.0}),
    }
    some |= {p.stem: gnn.ReactionNetwork.from_antimony(p) for p in sorted(MODELS.glob("*.ant"))}
    texts = {}
    for name, network in some.items():
        compiled = network.compiled
        texts[name] = np.array([
            network.digest, _sha(network.to_text()), _sha(network.to_sbml()), _sha(network.describe()), str(compiled),
            str(len(compiled.families)), str(network.conservation_laws.shape), ",".join(network.observables),
        ])  # fmt: skip
    return texts


@run("simulate models of other formats rejection")
def _(folder):
    toggle = gnn.ReactionNetwork.from_antimony(MODELS / "toggle_switch.ant")
    bngl = gnn.ReactionNetwork.from_bngl_net(NET)
    found = {"toggle": gnn.simulate(toggle, 5.0, 6, method="rejection", seed=1, replicates=2),
             "bngl": gnn.simulate(bngl, 2.0, 6, method="rejection", seed=1, replicates=2)}  # fmt: skip
    return {f"{k} {name}": v for k, r in found.items() for name, v in arrays_of(r).items()}


add_runs()
add_propositions()
REAL = {"langevin", "linear_noise", "ode", "gradient_descent", "gradient_flow", "verify-bounds"}
"""Words in the names of runs in real numbers."""


def _sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def carry_out(name) -> dict:
    """Arrays by name of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return {key: np.asarray(values) for key, values in RUNS[name](Path(folder)).items()}


def differences(name, found, frozen) -> list[str]:
    """What differs in a run, in words."""
    said = [f"{key} is missing" for key in frozen.keys() - found.keys()]
    said += [f"{key} is new" for key in found.keys() - frozen.keys()]
    for key in sorted(found.keys() & frozen.keys()):
        here, there = found[key], frozen[key]
        if here.shape != there.shape or _kind(here) != _kind(there):
            said.append(f"{key} is {here.dtype}{list(here.shape)}, was {there.dtype}{list(there.shape)}")
        elif not _equal(here, there, not REAL.isdisjoint(name.split())):
            said.append(f"{key} differs{_largest(here, there)}")
    return said


def _kind(values):
    """Texts may be of any length, numbers are of one type."""
    return values.dtype.str if values.dtype.kind in "iufb" else values.dtype.kind


def _equal(here, there, real):
    if here.dtype.kind != "f":
        return np.array_equal(here, there)
    if not real:
        return np.array_equal(here, there, equal_nan=True)
    finite = np.isfinite(there)
    scale = np.abs(there[finite]).max(initial=0.0)
    return np.array_equal(here[~finite], there[~finite], equal_nan=True) and bool(
        (np.abs(here[finite] - there[finite]) <= TOLERANCE * scale).all()
    )


def _largest(here, there):
    if here.dtype.kind not in "iuf":
        return ""
    with np.errstate(invalid="ignore"):
        return f" by up to {np.nanmax(np.abs(here.astype(float) - there.astype(float)), initial=0.0):.3g}"


def load() -> dict[str, dict]:
    """The recorded arrays of each run."""
    found = {}
    if FROZEN.exists():
        with np.load(FROZEN) as file:
            for key in file.files:
                name, _, part = key.partition(" | ")
                found.setdefault(name, {})[part] = file[key]
    return found


def save(runs) -> None:
    """Write all recorded arrays."""
    np.savez_compressed(FROZEN, **{f"{name} | {key}": v for name, of in runs.items() for key, v in of.items()})


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="record anew")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="runs with one of these words")
    arguments = parser.parse_args(argv)
    names = [name for name in RUNS if any(word in name for word in arguments.only)]
    frozen, n_wrong = load(), 0
    for name in names:
        begun = time.perf_counter()
        try:
            found = carry_out(name)
        except Exception as error:
            n_wrong += 1
            print(f"FAILED     {name}: {type(error).__name__}: {error}", flush=True)
            continue
        seconds = time.perf_counter() - begun
        if arguments.record:
            frozen[name] = found
            print(f"recorded   {name} ({seconds:.1f} s)", flush=True)
            continue
        said = differences(name, found, frozen[name]) if name in frozen else ["it was never recorded"]
        n_wrong += bool(said)
        print(f"{'DIFFERENT' if said else 'equal    '}  {name} ({seconds:.1f} s)", flush=True)
        for line in said:
            print(f"    {line}")
    if arguments.record:
        save({name: frozen[name] for name in RUNS if name in frozen})
        return 1 if n_wrong else 0
    print(f"{len(names) - n_wrong} of {len(names)} runs are equal")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
