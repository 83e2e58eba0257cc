"""Verification of bounds: the errors, the first variation, the bounds and the counts are right."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline

from gillespie_nn import InputError, seeds, simulate
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.kernels import codes
from gillespie_nn.kernels.propositions.perturbed import BOUND, N_SIZES, VARIATION, derivative
from gillespie_nn.noise import AdditiveNoise, ConcentrationNoise, RateNoise, plan_noise
from gillespie_nn.propositions import Choice, setting_of
from gillespie_nn.propositions.driven import DrivenPaths, System
from gillespie_nn.propositions.intrinsic import CountedPaths
from gillespie_nn.propositions.results import quantities_of
from gillespie_nn.simulation.methods import Rejection
from gillespie_nn.simulation.methods.rate_equations import RateEquations
from helpers.checks_of_chance import accept
from helpers.short_bounds import SHORT, SIZES

LEAKY = Choice("5.2", "kink", "leaky_relu", running_time=0.5)


@pytest.fixture(scope="module")
def short():
    return setting_of(SHORT)


def _schedule(setting):
    samples, names = setting.samples(), setting.network.species
    return [
        (step.begin, dict(zip([names[s] for s in step.species], step.counts)))
        for k in range(len(setting.x))
        for step in samples.steps(k, k * setting.running_time, (k + 1) * setting.running_time)
    ]


@pytest.mark.parametrize(
    "noise",
    [
        RateNoise(SIZES[-1], "bounded", step=0.5),
        ConcentrationNoise(SIZES[-1], "ornstein_uhlenbeck", species=("Z*", "Y*", "D*")),
        ConcentrationNoise(SIZES[-1], "impulse", step=0.7, species=("Z*", "S*")),
        AdditiveNoise(SIZES[-1], "bounded", step=0.5, species=("Y*", "D*", "S*")),
    ],
    ids=lambda n: f"{n.name} {n.kind}",
)
def test_perturbed_solutions_are_those_of_simulate_on_the_same_path(noise, short):
    # Whole numbers of molecules in a volume in which rounding does not matter; additive noise makes large ones stiff.
    volume = 1e6 if noise.name == "additive" else 1e12
    schedule = [(t, {s: round(v * volume) for s, v in change.items()}) for t, change in _schedule(short)]
    initial = short.spec.initial(short.weights, volume)
    driven = DrivenPaths(short, noise, SIZES, seed=3)
    driven.errors(2)
    for noises, column in (([], 0), ([noise], 6)):
        run = simulate(
            short.network, short.horizon, 2, volume=volume, method="ode", seed=3, initial=initial, schedule=schedule,
            noise=noises, replicates=3 if noises else 1,
        )  # fmt: skip
        assert driven.system.columns[:-1, column] == pytest.approx(run.counts[-1, -1], abs=max(1e-7, 2 / volume))


def test_the_first_variation_and_the_bound_follow_the_jacobian(short):
    """Against the plain formulas with the Jacobian that `ode` uses."""
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
    forcing.channels.terms["coefficient"][:-1] = terms.along  # signed, as no rate constant is
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
    x0, (shown,) = setting.start(), setting.samples().steps(0, 0.0, 3.0)
    x0[shown.species] = shown.counts
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


def test_additive_noise_is_reflected_at_0():
    """A and B relax to 0.02 and to 0, are pushed down for 2 s and up for 2 s: in closed form."""
    network = ReactionNetwork.from_text("0 -> A @ 0.02\nA -> 0 @ 1\nB -> 0 @ 1\n0 -> A @ 0\n0 -> B @ 0")
    system = System(network, network.rates(), SIZES, quantities_of(network), reflected=(0, 1))
    system.start(np.array([0.02, 0.0]))
    states = []
    for xi in (-5.0, 3.0):
        system.drive(np.array([0.0, 0.0, 0.0, xi, xi]))
        system.advance(2.0)
        states.append(system.columns[:2].copy())
    decay = np.exp(-2.0)
    down = np.maximum(0.02 - 5.0 * SIZES * (1 - decay), 0.0)
    assert (down == 0).any() and (down > 0).any()
    up = down * decay + (0.02 + 3.0 * SIZES) * (1 - decay)
    for state, a, b in ((states[0], down, 0.0 * SIZES), (states[1], up, 3.0 * SIZES * (1 - decay))):
        assert state[:, 1 : N_SIZES + 1] == pytest.approx(np.array([a, b]), abs=1e-9)
    u = [-5.0 * (1 - decay), 0.0], [-5.0 * (1 - decay) * decay + 3.0 * (1 - decay), 3.0 * (1 - decay)]
    for state, expected in zip(states, u):
        assert state[:, VARIATION] == pytest.approx(expected, abs=1e-5)
    assert not system.largest.violations.any() and (system.largest.error > 0).all()


def test_what_switches_between_the_stages_of_a_step_breaks_no_bound():
    """At rest on the kink rounding decides the sign of z for a while: the polynomials of such steps mean nothing."""
    driven = DrivenPaths(setting_of(LEAKY), RateNoise(SIZES[-1], "bounded"), SIZES, seed=0)
    found = [driven.errors(path) for path in (0, 1, 5)]
    assert all(errors.theta[0].max() > 100 for errors in found)  # the kink is felt
    assert not any(errors.violations.any() for errors in found)


def test_counts_beside_their_limit(short):
    """The supremum is that of the recorded path, the bound is kept, and the law is that of linear noise."""
    paths = CountedPaths(short, 4e3)
    error, bound, ratio, violations = paths.errors(0, 0, 0)
    assert not violations.any() and ratio.max() <= 1.0 + 1e-9
    time_grid, limit, counts = paths.recorded(0, 0, 4e-3)
    q = short.quantities.names.index("Z1_0")
    plus, minus = short.quantities.plus[q], short.quantities.minus[q]
    away = (counts[:, plus] - counts[:, minus]) / 4e3 - limit[:, plus] + limit[:, minus]
    seen = np.abs(away).max() * np.sqrt(4e3)
    assert seen <= error[q] <= seen * 1.05 and bound[q] >= error[q]
    theta = np.array([paths.errors(0, 0, k)[0] for k in range(40)])
    variation = np.array([paths.linear_noise(0, k) for k in range(40)])
    p = [stats.ks_2samp(theta[:, i], variation[:, i]).pvalue for i in (q, short.quantities.names.index("D2_0"))]
    accept(min(p), "Theta of counts against linear noise", family=2)


def test_the_largest_error_is_that_of_continuous_time(short, monkeypatch):
    """Against the same path candidate by candidate, in plain Python; an extremum of the limit where counts rest is seen
    on the grid only."""
    volume = 400.0
    paths = CountedPaths(short, volume)
    monkeypatch.setattr(Rejection, "_slice", 1)
    samples, quantities = short.samples(volume, np.int64), short.quantities
    rng = seeds.stream(0, seeds.Purpose.COUNTS_AND_LIMIT, 0, 0)
    start = short.start(volume, np.int64)
    method = Rejection(short.network, short.network.rates(), volume, start, rng)
    largest, time = np.zeros(len(quantities)), 0.0
    for k, limit in enumerate(paths._limits):
        (_,) = samples.present(method, k, time, time + short.running_time)
        grid = time + limit.step[0] * np.arange(len(limit.x))
        x = CubicHermiteSpline(grid, limit.x, limit.slope)
        times, counts, code = [time], [method.counts.copy()], None
        while code != codes.REACHED_END:
            code = method.advance(grid[-1])
            times.append(method.time)
            counts.append(method.counts.copy())
        counts = np.hstack([counts, np.full((len(counts), 1), volume)]) / volume
        for seen in (counts[1:], counts[:-1]):  # just after, and just before
            away = seen - x(times[1:])
            largest = np.maximum(largest, np.abs(away[:, quantities.plus] - away[:, quantities.minus]).max(axis=0))
        time = grid[-1]
    assert paths.errors(0, 0, 0)[0] == pytest.approx(largest * np.sqrt(volume), rel=2e-3)


def test_thresholds_have_no_linear_noise():
    with pytest.raises(InputError, match="smooth_relu"):
        CountedPaths(setting_of(SHORT._replace(activation="relu")), 400.0)


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
