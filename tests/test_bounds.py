"""Verification of bounds: the errors are right, the file survives, and the verdict can fail."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from checks_of_chance import accept
from scipy import stats
from scipy.integrate import solve_ivp
from test_layout import ROOT

from gillespie_nn import InputError, simulate
from gillespie_nn.cli import main
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.noise import ConcentrationNoise, RateNoise, plan_noise
from gillespie_nn.simulation.methods.rate_equations import RateEquations
from gillespie_nn.verification.bounds import SOURCES, Choice, carry_out, judgements, selftest, setting_of, verdict
from gillespie_nn.verification.bounds import results as files
from gillespie_nn.verification.bounds.counting import CountedPaths
from gillespie_nn.verification.bounds.driven import DrivenPaths
from gillespie_nn.verification.bounds.extrinsic import Rate

SIZES = np.geomspace(1e-4, 1e-2, 6)
SHORT = Choice("5.2", "crossing", running_time=2.0, presentations=2)


@pytest.fixture(scope="module")
def short():
    return setting_of(SHORT)


def _schedule(setting):
    samples, names = setting.samples(), setting.network.species
    return [
        (k * setting.running_time, dict(zip([names[s] for s in samples.species], samples.counts(k))))
        for k in range(len(setting.x))
    ]


@pytest.mark.parametrize(
    "noise",
    [
        RateNoise(SIZES[-1], "bounded", step=0.5),
        ConcentrationNoise(SIZES[-1], "ornstein_uhlenbeck", species=("Z*", "Y*", "D*")),
        ConcentrationNoise(SIZES[-1], "impulse", step=0.7, species=("Z*", "S*")),
    ],
    ids=lambda n: f"{n.name} {n.kind}",
)
def test_perturbed_solutions_are_those_of_simulate_on_the_same_path(noise, short):
    # Whole numbers of molecules in a volume in which rounding does not matter.
    volume = 1e12
    schedule = [(t, {s: round(v * volume) for s, v in change.items()}) for t, change in _schedule(short)]
    initial = short.spec.initial(short.weights, volume)
    driven = DrivenPaths(short, noise, SIZES, seed=3)
    driven.errors(2)
    for noises, column in (([], 0), ([noise], 6)):
        run = simulate(
            short.network, short.horizon, 2, volume=volume, method="ode", seed=3, initial=initial, schedule=schedule,
            noise=noises, replicates=3 if noises else 1,
        )  # fmt: skip
        assert driven.system.columns[:-1, column] == pytest.approx(run.counts[-1, -1], abs=1e-7)


def test_the_first_variation_and_the_bound_follow_the_jacobian(short):
    """Against the plain formulas with the Jacobian that `ode` uses."""
    from gillespie_nn.kernels.perturbed import BOUND, VARIATION, derivative

    driven = DrivenPaths(short, RateNoise(SIZES[-1], "bounded"), SIZES, seed=0)
    for _ in driven.pieces(0, step=1.5):
        break
    system, terms = driven.system, driven.system.terms
    y = system.columns
    rng = np.random.Generator(np.random.SFC64(5))
    y[:-1, 1:7] = y[:-1, :1] * (1 + 0.1 * rng.uniform(size=(len(y) - 1, 6)))
    moving = np.unique(short.network.stoichiometry.indices)
    y[moving, VARIATION:] = rng.uniform(size=(len(moving), 7))
    out = np.zeros(y.size)
    derivative(terms, system.stepper.y, out)
    out = out.reshape(y.shape)[:-1]
    equations = RateEquations(short.network, short.network.rates(), 1.0)
    forcing = RateEquations(short.network, short.network.rates(), 1.0)
    forcing.channels.coefficient[:] = terms.along  # signed, as no rate constant is
    x, u = y[:-1, 0], y[:-1, VARIATION]
    expected = equations.jacobian(0.0, x) @ u + forcing.derivative(0.0, x)
    assert out[:, VARIATION] == pytest.approx(expected, rel=1e-12, abs=1e-13)
    for k in range(6):
        other, e = y[:-1, 1 + k], y[:-1, BOUND + k]
        middle = equations.jacobian(0.0, 0.5 * (x + other)).toarray()
        away = equations.derivative(0.0, other) - equations.derivative(0.0, x)
        assert middle @ (other - x) == pytest.approx(away, abs=1e-13)  # the midpoint identity
        comparison = np.abs(middle)
        np.fill_diagonal(comparison, np.diag(middle))
        expected = comparison @ e + np.abs(forcing.derivative(0.0, other))
        assert out[:, BOUND + k] == pytest.approx(expected, rel=1e-12, abs=1e-13)


def _from_sbml(network):
    """dx/dt as libSBML reads it from the file."""
    libsbml = pytest.importorskip("libsbml")
    model = libsbml.readSBMLFromString(network.to_sbml(kinetics="deterministic")).getModel()
    species = [s.getId() for s in model.getListOfSpecies()]
    values = {p.getId(): p.getValue() for p in model.getListOfParameters()}
    values |= {c.getId(): c.getSize() for c in model.getListOfCompartments()}
    changes, laws, local = np.zeros((len(species), model.getNumReactions())), [], []
    for r, reaction in enumerate(model.getListOfReactions()):
        for sign, side in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for reference in side:
                changes[species.index(reference.getSpecies()), r] += sign * reference.getStoichiometry()
        law = reaction.getKineticLaw()
        laws.append(compile(libsbml.formulaToL3String(law.getMath()).replace("^", "**"), "law", "eval"))
        local.append({p.getId(): p.getValue() for p in law.getListOfLocalParameters()})

    def slope(t, x):
        state = values | dict(zip(species, x))
        return changes @ [eval(law, {"__builtins__": {}}, state | own) for law, own in zip(laws, local)]

    return species, slope


def test_sup_errors_agree_with_scipy_from_exported_sbml():
    """A small network learning for three pieces of noise, from the deterministic SBML, by another solver."""
    setting = setting_of(Choice("5.2", "kink", running_time=3.0))
    sizes = SIZES
    noise = RateNoise(sizes[-1], "bounded")
    found = DrivenPaths(setting, noise, sizes, seed=1).errors(0)
    drive = plan_noise([noise], setting.network).start(1, 0)
    x0, samples = setting.start(), setting.samples()
    x0[samples.species] = samples.counts(0)
    states, time, sup = {k: x0 for k in (None, 5)}, 0.0, np.zeros(len(setting.network.species))
    for _ in range(3):
        rates = drive.rates()
        grid, paths = np.linspace(0.0, 1.0, 4001), []
        for k in states:
            chosen = setting.network.rates() if k is None else rates
            reactions = tuple(r._replace(rate=v) for r, v in zip(setting.network.reactions, chosen))
            species, slope = _from_sbml(ReactionNetwork(setting.network.species, reactions))
            assert tuple(species) == setting.network.species
            solution = solve_ivp(slope, (0.0, 1.0), states[k], "LSODA", grid, rtol=1e-10, atol=1e-12)
            states[k] = solution.y[:, -1]
            paths.append(solution.y)
        sup = np.maximum(sup, np.abs(paths[1] - paths[0]).max(axis=1))
        time += 1.0
        drive.pass_time(time)
    names = setting.quantities.names
    for s, name in enumerate(setting.network.species):
        if name in names:
            assert sizes[5] * found.theta[5, names.index(name)] == pytest.approx(sup[s], rel=5e-4, abs=1e-9), name


@pytest.mark.parametrize("what, plant, expected", selftest.PLANTS, ids=[p[0] for p in selftest.PLANTS])
def test_plants_are_caught(what, plant, expected):
    found = {j.name: j.verdict for j in plant(seed=0, paths=24)}
    if what == "no fault" or "crossing" in what:  # so few paths may leave an interval too wide
        assert all(found[name] != judgements.FAILS for name in expected)
    else:
        assert all(found[name] == verdict or verdict == judgements.HOLDS for name, verdict in expected.items())


def test_an_interval_too_wide_is_inconclusive_and_a_wrong_slope_fails():
    rng = np.random.Generator(np.random.SFC64(1))
    wide = np.exp(2.0 * rng.standard_normal((20, 6, 3)))
    names = ["a", "b", "c"]
    assert judgements.slope(names, wide * SIZES[:, None], SIZES, 0).verdict == judgements.INCONCLUSIVE
    narrow = np.exp(0.01 * rng.standard_normal((20, 6, 3)))
    assert judgements.slope(names, narrow * SIZES[:, None], SIZES, 0).verdict == judgements.HOLDS
    assert judgements.slope(names, narrow * SIZES[:, None] ** 0.9, SIZES, 0).verdict == judgements.FAILS
    one_wrong = narrow * SIZES[:, None] ** np.array([1.0, 1.0, 1.2])
    assert judgements.slope(names, one_wrong, SIZES, 0).numbers["outside"] == ["c"]
    assert judgements.tightness(names, narrow / SIZES[:, None] ** 0.2, SIZES, 0).verdict == judgements.FAILS
    assert judgements.tightness(names, narrow * SIZES[:, None] ** 0.2, SIZES, 0).verdict == judgements.HOLDS


def test_counts_beside_their_limit(short):
    """The supremum is that of the recorded path, the bound is kept, and the law is that of linear noise."""
    paths = CountedPaths(short, 1e4)
    error, bound, ratio, violations = paths.errors(0, 0, 0)
    assert not violations.any() and ratio.max() <= 1.0 + 1e-9
    time_grid, limit, counts = paths.recorded(0, 0, 4e-3)
    q = short.quantities.names.index("Z1_0")
    plus, minus = short.quantities.plus[q], short.quantities.minus[q]
    away = (counts[:, plus] - counts[:, minus]) / 1e4 - limit[:, plus] + limit[:, minus]
    seen = np.abs(away).max() * 1e2
    assert seen <= error[q] <= seen * 1.05 and bound[q] >= error[q]
    theta = np.array([paths.errors(0, 0, k)[0] for k in range(60)])
    variation = np.array([paths.linear_noise(0, k) for k in range(60)])
    p = [stats.ks_2samp(theta[:, i], variation[:, i]).pvalue for i in (q, short.quantities.names.index("D2_0"))]
    accept(min(p), "Theta of counts against linear noise", family=2)


def test_thresholds_have_no_linear_noise():
    with pytest.raises(InputError, match="smooth_relu"):
        CountedPaths(setting_of(SHORT._replace(activation="relu")), 400.0)


def _source(paths=24, **changes):
    return Rate(setting_of(SHORT._replace(**changes)), paths, 0)


def test_results_are_the_same_for_any_workers_and_after_an_interruption(tmp_path, monkeypatch):
    whole = carry_out(_source(), tmp_path / "one.h5", workers=1)
    two = carry_out(_source(), tmp_path / "two.h5", workers=2)
    broken = DrivenPaths.errors
    monkeypatch.setattr(DrivenPaths, "errors", lambda self, k: broken(self, k) if k < 7 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        carry_out(_source(), tmp_path / "broken.h5", workers=1)
    monkeypatch.undo()
    begun = files.read(tmp_path / "broken.h5", json.loads(_arguments(tmp_path / "broken.h5")))
    assert begun.committed.all(axis=1).sum() == 7
    resumed = carry_out(_source(), tmp_path / "broken.h5", workers=2)
    for other in (two, resumed):
        for name in ("theta", "theta_0", "bound", "ratio", "violations", "committed"):
            assert np.array_equal(getattr(whole, name), getattr(other, name)), name


def _arguments(path):
    import h5py

    with h5py.File(path) as file:
        return file.attrs["arguments"]


def test_a_killed_verification_goes_on(tmp_path):
    output = tmp_path / "b.h5"
    command = [sys.executable, str(ROOT / "scripts" / "verify_bounds.py"), "--case", "xor", "--paths", "400"]
    command += ["--output", str(output), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    known, deadline = 0, time.monotonic() + 60
    while not known and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
        known = int(_committed(output)) if output.exists() else 0
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < known < 400
    source = Rate(setting_of(Choice()), 400, 0)
    left = source.tasks(files.read(output, json.loads(_arguments(output))))
    assert 0 < len(left) <= 400 - known


def _committed(path):
    import h5py

    with h5py.File(path) as file:
        return file["committed"][:].all(axis=1).sum()


def test_another_verification_is_not_mixed_with_one_in_a_file(tmp_path):
    output = tmp_path / "b.h5"
    carry_out(_source(paths=20), output)
    with pytest.raises(InputError, match="paths.*--overwrite"):
        carry_out(_source(paths=21), output)
    assert len(carry_out(_source(paths=21), output, overwrite=True).theta) == 21


def test_the_verdict_has_what_its_json_promises():
    source = _source()
    results = source.empty()
    work = source.worker()
    for path in source.tasks(results):
        work(results, path)
    found = verdict(source, results)
    assert found["verdict"] in ("holds", "inconclusive") and found["violations"] == 0
    assert found["slope"] == pytest.approx(1.0, abs=0.1) and found["sharp_constant_error"] < 0.01
    assert len(found["slope_interval"]) == 2 and set(found["theta_quantiles"]) == {"0.05", "0.5", "0.95"}


@pytest.mark.parametrize(
    "activation, paths, code, word",
    [("relu", "40", 1, "fails"), ("leaky_relu", "24", 1, "fails"), ("smooth_relu", "200", 0, "holds")],
)
def test_at_rest_on_the_kink(activation, paths, code, word, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("gillespie_nn.verification.bounds.smoothing.SMOOTHINGS", (0.25, 0.0625))
    output = tmp_path / "k.h5"
    arguments = [
        "verify-bounds",
        "--proposition",
        "5.2",
        "--case",
        "kink",
        "--activation",
        activation,
        "--paths",
        paths,
    ]
    assert main([*arguments, "--output", str(output), "--json"]) == code
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["verdict"] == word and found["output"] == str(output)
    if code:
        assert "rests at z = 0" in found["reason"]
    else:
        assert found["smoothing"]["exponent_of_ratio"][0] == pytest.approx(-0.5, abs=0.01)
    assert {p.name for p in tmp_path.iterdir()} >= {"k.h5", "k.json", "k.md", "k.png", "k-course.png"}


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--case", "xo"], "unknown case 'xo' (did you mean 'xor'?)"),
        (["--proposition", "5.3"], "unknown proposition '5.3'"),
        (["--noise", "thermal"], "unknown noise 'thermal'"),
        (["--case", "kink"], "ask for --proposition 5.2"),
        (["--paths", "3"], "paths must be at least 20"),
        (["--output", "x.txt"], "must be an HDF5 file"),
        (["--kind", "impulse"], "unknown kind of rate noise 'impulse'"),
        (["--noise", "intrinsic", "--kind", "bounded"], "intrinsic noise is that of the molecules"),
        (["--noise", "intrinsic", "--activation", "relu"], "needs smooth rates"),
        (["--running-time", "-1"], "running_time must be positive"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, what, capsys):
    assert main(["verify-bounds", *arguments]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and len(captured.err.strip().splitlines()) == 1


def test_every_source_of_noise_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    assert all(f"`{source.name}`" in text for source in SOURCES)


def test_noise_of_amplitude_0_changes_no_bit(short):
    schedule = [(t, {s: round(v * 1e3) for s, v in change.items()}) for t, change in _schedule(short)]
    initial = short.spec.initial(short.weights, 1e3)
    for method in ("ode", "rejection"):
        plain, noisy = (
            simulate(
                short.network,
                3.0,
                4,
                volume=1e3,
                method=method,
                seed=2,
                initial=initial,
                schedule=schedule,
                noise=noise,
            )
            for noise in (None, [RateNoise(0.0, "bounded"), ConcentrationNoise(0.0)])
        )
        assert np.array_equal(plain.counts, noisy.counts)
