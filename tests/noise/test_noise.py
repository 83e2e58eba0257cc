"""Extrinsic noise: paths, what they do to rates and concentrations at every level, in training and in prediction."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.activations import AnnihilationReLU, LeakyAnnihilationReLU, ReLU, SmoothReLU
from gillespie_nn.cli import main
from gillespie_nn.crn.formula import parse
from gillespie_nn.noise import KINDS, NOISES, from_record, plan_noise
from gillespie_nn.noise.drive import NoisePath
from gillespie_nn.simulation import METHODS
from gillespie_nn.simulation.methods import Ode, Rejection
from gillespie_nn.simulation.observer import Invariants
from gillespie_nn.simulation.presentations import first_checkpoint, simulation_at
from gillespie_nn.simulation.replicate import start_simulation
from gillespie_nn.simulation.training import run_training
from helpers.checks_of_chance import accept, mean_is, rejects
from helpers.interrupted_runs import interrupted, train
from helpers.naive import mass_action
from helpers.run_files import same

LINEAR = gnn.ReactionNetwork.from_text("0 -> A @ 50\nA -> B @ 1\nB -> 0 @ 0.7\nA = 30\nB = 10")
PAIRS = gnn.ReactionNetwork.from_text(
    "0 -> A @ 3\nA -> 0 @ 0.4\n2 A -> B @ 1\nB -> A @ 0.7\nA + B -> C @ 0.5\nC -> 0 @ 1"
)
SIMULATED = [m.name for m in METHODS]
ALL = [
    gnn.RateNoise(0.4, "bounded", step=0.3, shared=True),
    gnn.RateNoise(0.1, "ornstein_uhlenbeck", step=0.2, shared=True),
    gnn.ConcentrationNoise(0.5, "bounded", step=0.45, shared=True),
    gnn.ConcentrationNoise(0.3, "impulse", step=0.7, shared=True),
]
SHORT = {"volume": 60.0, "presentations": 6, "running_time": 2.0, "seed": 3}
IN_TRAINING = [
    gnn.RateNoise(0.3, "presentation"),
    gnn.RateNoise(0.2, "bounded", step=0.7),
    gnn.ConcentrationNoise(0.2, "ornstein_uhlenbeck"),
    gnn.ConcentrationNoise(0.3, "impulse"),
    gnn.AdditiveNoise(0.02, "ornstein_uhlenbeck"),
]


def _path(noise, n=20_000, seed=1):
    """The path of a noise on n reactions, before its first piece."""
    return NoisePath(noise, n, lambda piece: seeds.stream(seed, seeds.Purpose.RATE_NOISE, 0, 0, piece))


# paths


def test_an_ornstein_uhlenbeck_path_is_stationary_with_the_autocorrelation_of_its_time():
    noise = gnn.RateNoise(0.1, "ornstein_uhlenbeck", step=0.5, correlation_time=2.0)
    path, found = _path(noise), []
    for piece in range(6):
        path.move_to(piece)
        found.append(path.xi)
    for piece in (0, 5):
        accept(mean_is(found[piece], 0.0), f"mean of piece {piece}")
        accept(mean_is(found[piece] ** 2, 1.0), f"variance of piece {piece}")
    for lag in (1, 4):
        accept(mean_is(found[5] * found[5 - lag], np.exp(-lag * 0.5 / 2.0)), f"autocorrelation at lag {lag}")
        assert rejects(mean_is(found[5] * found[5 - lag], np.exp(-lag * 0.5 / 4.0)))  # twice the correlation time


def test_bounded_paths_keep_their_bounds_and_an_ornstein_uhlenbeck_path_is_saturated():
    path = _path(gnn.RateNoise(0.5, "bounded"))
    path.move_to(3)
    first = path.xi
    assert np.abs(first).max() <= 1 and first.max() > 0.99 and first.min() < -0.99
    path.move_to(4)
    accept(mean_is(first**2, 1 / 3), "variance of a bounded path")
    accept(mean_is(first * path.xi, 0.0), "pieces of a bounded path are independent")
    low = _path(gnn.RateNoise(0.5, "ornstein_uhlenbeck", bound=1.0))
    high = _path(gnn.RateNoise(0.1, "ornstein_uhlenbeck", bound=5.0))
    for path in (low, high):
        path.move_to(2)
    np.testing.assert_array_equal(low.xi, np.clip(high.xi, -1.0, 1.0))
    assert np.abs(low.xi).max() == 1.0


@pytest.mark.parametrize("kind", [k.name for k in KINDS])
def test_a_path_is_a_function_of_seed_purpose_and_place_alone_and_not_of_the_amplitude(kind):
    noise = gnn.ConcentrationNoise if kind == "impulse" else gnn.RateNoise
    paths = [_path(noise(eps, kind), 50) for eps in (0.1, 0.01)]
    other = _path(noise(0.1, kind), 50, seed=2)
    skipped = _path(noise(0.1, kind), 50)
    for piece in range(4):
        for path in (*paths, other):
            path.move_to(piece)
        np.testing.assert_array_equal(paths[0].xi, paths[1].xi)
        assert not np.array_equal(paths[0].xi, other.xi)
    skipped.move_to(3)
    np.testing.assert_array_equal(skipped.xi, paths[0].xi)
    skipped.move_to(1)
    skipped.move_to(3)
    np.testing.assert_array_equal(skipped.xi, paths[0].xi)


def test_noises_of_a_list_and_replicates_have_paths_of_their_own():
    twice = plan_noise([gnn.RateNoise(0.1, "constant"), gnn.RateNoise(0.1, "constant")], LINEAR)
    inert = plan_noise([gnn.RateNoise(0.0, "constant"), gnn.RateNoise(0.1, "constant")], LINEAR)
    shared = plan_noise([gnn.RateNoise(0.1, "constant", shared=True)], LINEAR)
    apart = plan_noise([gnn.RateNoise(0.1, "constant")], LINEAR)
    later = plan_noise([gnn.RateNoise(0.1, "constant")], LINEAR, prediction=True)
    xi = [path.xi for path in twice.start(1)._paths]
    assert not np.array_equal(*xi)
    np.testing.assert_array_equal(
        inert.start(1)._paths[0].xi, xi[1]
    )  # its place in the list counts, amplitude 0 or not
    np.testing.assert_array_equal(shared.start(1, 0).rates(), shared.start(1, 7).rates())
    assert not np.array_equal(apart.start(1, 0).rates(), apart.start(1, 7).rates())
    assert not np.array_equal(apart.start(1).rates(), later.start(1).rates())


def test_a_drive_goes_on_from_its_memory():
    plan = plan_noise([*ALL, gnn.RateNoise(0.1), gnn.RateNoise(0.1, "constant")], PAIRS)
    drive = plan.start(4)
    drive.begin_presentation(2)
    for _ in range(9):
        drive.pass_time(drive.next_time)
    other = plan.start(4)
    other.recall(drive.memory())
    for _ in range(5):
        assert drive.next_time == other.next_time
        np.testing.assert_array_equal(drive.rates(), other.rates())
        (changed, impulses), (changed_too, impulses_too) = (d.pass_time(d.next_time) for d in (drive, other))
        assert changed == changed_too and len(impulses) == len(impulses_too)
        for a, b in zip(impulses, impulses_too):
            np.testing.assert_array_equal(a[1], b[1])


def test_factors_stay_between_a_half_and_one_and_a_half():
    for kind in ("constant", "presentation", "bounded", "ornstein_uhlenbeck"):
        noise = gnn.RateNoise(gnn.RateNoise(0.0, kind).largest_amplitude, kind)
        drive = plan_noise([noise], PAIRS).start(0)
        for k in range(50):
            drive.begin_presentation(k)
            factors = drive.rates() / PAIRS.rates()
            assert factors.min() >= 0.5 and factors.max() <= 1.5
            if np.isfinite(drive.next_time):
                drive.pass_time(drive.next_time)


# what noise does at every level


@pytest.mark.parametrize("method", SIMULATED)
def test_amplitude_zero_changes_no_bit(method):
    none = [n.__class__(0.0, n.kind, step=n.step) for n in ALL]
    runs = [
        gnn.simulate(PAIRS, 2.0, 9, volume=30.0, method=method, seed=3, initial={"A": 90}, noise=noise)
        for noise in (None, none)
    ]
    np.testing.assert_array_equal(runs[0].counts, runs[1].counts)


def _solution(network, noises, volume, time, seed):
    """The rate equations piece by piece by scipy, from the same paths: concentrations at the times given."""
    plan = plan_noise(noises, network, presented=False)
    drive, now, state = plan.start(seed), 0.0, network.counts() / volume
    found = np.full((len(time), len(state)), np.nan)
    while now < time[-1]:
        end = min(drive.next_time, time[-1])
        reactions = tuple(r._replace(rate=k) for r, k in zip(plan.network.reactions, drive.rates()))
        f = mass_action(gnn.ReactionNetwork(network.species, reactions))
        inside = np.flatnonzero((time >= now) & (time <= end) & np.isnan(found[:, 0]))
        part = solve_ivp(lambda t, c, f=f: f(c), (now, end), state, "DOP853", dense_output=True, rtol=1e-10, atol=1e-12)
        for k in inside:
            found[k] = part.sol(time[k])
        state, now = part.y[:, -1].copy(), end
        if now < time[-1]:
            for species, factors in drive.pass_time(now)[1]:
                state[species] *= factors
    return found


def test_the_rate_equations_under_every_noise_are_those_of_scipy():
    time = np.linspace(0, 3.0, 31)
    network = gnn.ReactionNetwork(PAIRS.species, PAIRS.reactions, {"A": 40, "B": 5})
    r = gnn.simulate(network, time=time, volume=20.0, method="ode", seed=9, noise=ALL)
    expected = _solution(network, ALL, 20.0, time, 9)
    np.testing.assert_allclose(r.counts[0], expected, rtol=1e-6, atol=1e-8)
    plain = gnn.simulate(network, time=time, volume=20.0, method="ode", seed=9).counts[0]
    assert np.abs(plain[-1] / expected[-1] - 1).max() > 0.01
    # the grid that is recorded on, and the solver, change nothing that matters
    coarse = gnn.simulate(network, time=time[[3, 30]], volume=20.0, method="ode", seed=9, noise=ALL, solver="BDF")
    np.testing.assert_allclose(coarse.counts[0], expected[[3, 30]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method, slack", [("rejection", 0.0), ("tau_leap", 0.3), ("langevin", 0.3)])
def test_the_mean_of_a_linear_network_under_noise_is_that_of_the_rate_equations(method, slack):
    """Exactly so: rates, forcing and impulses are linear in the counts, rounding included."""
    time = np.array([0.7, 1.5])
    expected = _solution(LINEAR, ALL, 1.0, time, 6)
    r = gnn.simulate(LINEAR, time=time, method=method, replicates=600, seed=6, noise=ALL)
    for k, t in enumerate(time):
        for s, species in enumerate(LINEAR.species):
            samples = r.counts[:, k, s]
            accept(mean_is(samples, expected[k, s], slack), f"mean of {species} at {t} under noise, {method}")
    for fault in ([], ALL[1:], ALL[:3]):  # all noise forgotten, or the rates, or the impulses
        planted = gnn.simulate(LINEAR, time=time, method=method, replicates=600, seed=6, noise=fault)
        p = [mean_is(planted.counts[:, k, s], expected[k, s], slack) for k in range(2) for s in range(2)]
        assert rejects(min(p))


def test_linear_noise_under_noise_solves_the_equations_of_mean_and_variance():
    """0 -> A (k), A -> 0 (d), A -> 2 A (f): m' = k - (d - f) m, v' = k + (d + f) m - 2 (d - f) v, v *= factor**2."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ 50\nA -> 0 @ 1\nA = 20")
    r = gnn.simulate(network, time=[2.0], method="linear_noise", seed=8, noise=ALL, rtol=1e-10)
    drive, now, state = plan_noise(ALL, network, presented=False).start(8), 0.0, np.array([20.0, 0.0])
    while now < 2.0:
        end = min(drive.next_time, 2.0)
        k, d, more, less = drive.rates()

        def f(t, y, k=k, down=d + less, up=more):
            return [k - (down - up) * y[0], k + (down + up) * y[0] - 2 * (down - up) * y[1]]

        state, now = solve_ivp(f, (now, end), state, "DOP853", rtol=1e-10, atol=1e-12).y[:, -1], end
        if now < 2.0:
            for _, factors in drive.pass_time(now)[1]:
                state = state * np.array([factors[0], factors[0] ** 2])
    assert r.counts[0, 0, 0] == pytest.approx(state[0], rel=1e-7)
    assert r.covariance[0, 0, 0, 0] == pytest.approx(state[1], rel=1e-4)


def test_a_driven_run_does_not_depend_on_what_is_recorded():
    whole = gnn.simulate(LINEAR, 2.1, 2, method="rejection", replicates=3, seed=2, noise=ALL)
    fine = gnn.simulate(LINEAR, 2.1, 211, method="rejection", replicates=3, seed=2, noise=ALL)
    np.testing.assert_array_equal(whole.counts[:, -1], fine.counts[:, -1])
    again = gnn.simulate(LINEAR, 2.1, 2, method="rejection", replicates=3, seed=2, noise=ALL, workers=2)
    np.testing.assert_array_equal(whole.counts, again.counts)


def test_an_impulse_comes_after_the_record_and_the_scheduled_change_at_its_time():
    network = gnn.ReactionNetwork.from_text("A -> B @ 0\nA = 1000")
    noise = gnn.ConcentrationNoise(0.5, "impulse", step=1.0, species=("A",))
    r = gnn.simulate(network, time=[0.5, 1.0, 1.5, 2.0], seed=1, noise=noise, schedule=[(1.0, {"A": 2000})])
    a = r.of("A")[0]
    assert a[0] == 1000 and a[1] == 2000 and a[2] != 2000 and a[3] == a[2]
    xi = plan_noise(noise, network, presented=False).start(1).pass_time(1.0)[1][0][1][0]
    assert abs(a[2] - 2000 * xi) < 1


def test_forcing_breaks_the_conservation_of_what_it_acts_on_and_of_nothing_else():
    network = gnn.ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 1\nC -> D @ 1\nD -> C @ 1\nA = 50\nC = 50")
    for kind in ("bounded", "impulse"):
        noise = gnn.ConcentrationNoise(0.5, kind, step=0.2, species=("A",))
        r = gnn.simulate(network, 3.0, 31, seed=1, replicates=4, noise=noise)
        assert (r.of("C") + r.of("D") == 50).all() and (r.of("A") + r.of("B") != 50).any()
        watched = Invariants(plan_noise(noise, network, presented=False))
        watched.start(network.counts())
        watched.check(np.array([[49, 0, 20, 30]]))
        with pytest.raises(gnn.GillespieError, match="a conserved quantity changed"):
            watched.check(np.array([[50, 0, 20, 31]]))
    assert plan_noise(gnn.RateNoise(0.1, "constant"), network).conservation_laws.shape[0] == 2


def test_firings_are_those_of_the_network_s_own_reactions():
    noise = gnn.ConcentrationNoise(0.5, "bounded", step=0.2)
    r = gnn.simulate(LINEAR, 2.0, 2, seed=1, replicates=3, noise=noise, count_firings=True)
    assert r.firings.shape == (3, 3)
    balance = 10 + r.firings[:, 1] - r.firings[:, 2]
    assert (r.of("B")[:, -1] != balance).any()  # B has been forced, too


def test_forcing_that_the_network_cannot_hold_ends_with_an_overflow():
    network = gnn.ReactionNetwork.from_text("\n".join(f"A{k} -> 0 @ 1\nA{k} = 100" for k in range(20)))
    r = gnn.simulate(network, 60.0, 3, method="tau_leap", seed=1, noise=gnn.ConcentrationNoise(50.0, "constant"))
    assert r.status[0] == gnn.Status.OVERFLOW
    with pytest.raises(gnn.UnfinishedError, match="learning rate, initial scale or noise"):
        noise = gnn.ConcentrationNoise(2.0, "constant", species=("T_*",))
        gnn.train("xor", method="tau_leap", noise=noise, **SHORT | {"volume": 3e15})


# training and prediction


@pytest.mark.parametrize("method", [m.name for m in METHODS if m.trains and m.name != "linear_noise"])
def test_every_method_trains_under_every_noise_together(method):
    short = SHORT | {"presentations": 2}
    noises = IN_TRAINING
    if method == "implicit_euler":  # which refuses additive noise, whose reactions have rate laws
        noises = [noise for noise in IN_TRAINING if not isinstance(noise, gnn.AdditiveNoise)]
        assert len(noises) < len(IN_TRAINING)
    fits = [gnn.train("xor", method=method, noise=noise, **short) for noise in (noises, noises, None)]
    np.testing.assert_array_equal(fits[0].weights, fits[1].weights)
    assert np.isfinite(fits[0].weights).all() and not np.array_equal(fits[0].weights, fits[2].weights)


@pytest.mark.parametrize("method", ["layered", "tau_leap", "ode"])
def test_training_under_noise_of_amplitude_zero_changes_no_bit(method):
    none = [n.__class__(0.0, n.kind) for n in IN_TRAINING]
    one, other = (gnn.train("xor", method=method, noise=noise, **SHORT) for noise in (None, none))
    np.testing.assert_array_equal(one.weights, other.weights)
    assert one.n_events == other.n_events
    x = one.plan.dataset.test_x
    np.testing.assert_array_equal(one.predict(x), other.predict(x, noise=none))


@pytest.mark.parametrize("activation, forced", [
    (SmoothReLU(), "ZYUED"), (SmoothReLU(derivative="gain"), "ZYSED"), (AnnihilationReLU(), "ZYED"),
    (LeakyAnnihilationReLU(), "ZYSED"), (ReLU(), "ZYSED"),
])  # fmt: skip
def test_weights_and_switches_are_not_forced_unless_asked_for(activation, forced):
    spec = gnn.training_network((2, 3, 1), activation)
    chosen = plan_noise(gnn.ConcentrationNoise(0.1), spec.network, unforced=spec.unforced).parts[0].places
    assert {spec.network.species[s][0] for s in chosen} == set(forced)
    asked = plan_noise(
        gnn.ConcentrationNoise(0.1, species=("W*", "B2_0_p", "S*")), spec.network, unforced=spec.unforced
    )
    assert {spec.network.species[s][0] for s in asked.parts[0].places} == {"W", "B", "S"}


def test_forced_networks_keep_their_families():
    plan = plan_noise(gnn.ConcentrationNoise(0.1), gnn.training_network((16, 16, 10)).network)
    families = plan.network.compiled.families
    assert families and [len(f.reactions) for f in families] == [
        len(f.reactions) for f in gnn.training_network((16, 16, 10)).network.compiled.families
    ]


def _with(plan, **changes):
    """The plan with another learner."""
    return plan._replace(learner=plan.learner._replace(**changes))


def _run(plan):
    """The run of a plan, in one piece."""
    plan = plan._replace(options=replace(plan.options, checkpoint_every=len(plan.order)))
    start = first_checkpoint(plan)
    run_training(plan, simulation_at(plan, start), start, np.empty((0, 2)), None, lambda *_: None)


def test_presentation_noise_is_new_at_each_presentation_and_path_noise_at_each_step():
    """The rates that the method is given, and when."""
    given = []

    class Watched(Ode):
        def _use_rates(self, rates):
            given.append((round(self.time, 9), rates.copy()))
            super()._use_rates(rates)

    fit = gnn.train("xor", method="ode", noise=gnn.RateNoise(0.2), **SHORT)
    plan = _with(fit.plan, method=Watched, noise=plan_noise(gnn.RateNoise(0.2), fit.spec.network))
    _run(plan)
    times = [t for t, _ in given[1:]]  # the first, at the beginning, are the rates without noise
    np.testing.assert_allclose(times, 2.0 * np.arange(6))
    assert len({r.tobytes() for _, r in given[1:]}) == 6
    nominal = fit.spec.network.rates()
    for _, rates in given[1:]:
        assert 0.05 < np.abs(rates / nominal - 1).max() <= 0.2
    given.clear()
    plan = _with(plan, noise=plan_noise(gnn.RateNoise(0.2, "bounded", step=0.5), fit.spec.network))
    _run(plan)
    np.testing.assert_allclose([t for t, _ in given], 0.5 * np.arange(24), atol=1e-9)


def test_prediction_under_constant_rate_noise_is_that_of_the_network_with_these_rates():
    fit = gnn.train("xor", method="ode", **(SHORT | {"volume": 1e4}))
    noise = gnn.RateNoise(0.4, "constant")
    found = fit.predict([[0.0, 1.0]], noise=noise)
    assert not np.allclose(found, fit.predict([[0.0, 1.0]]), atol=1e-3)
    spec = gnn.training_network((2, 4, 1), h=fit.plan.settings.h, learning=False,
                                annihilation_rate=fit.plan.settings.annihilation_rate)  # fmt: skip
    drive = plan_noise(noise, spec.network, prediction=True).start(fit.plan.seed)
    start = spec.start(fit.weights, 1e4, float)
    samples = spec.presentation([0.0, 1.0], [], 1e4) if spec.targets else {"X_0_p": 0, "X_1_p": 10_000}
    simulation = Ode(spec.network, spec.network.rates(), 1e4, start, seeds.stream(0, 0))
    simulation.follow(drive)
    simulation.set_counts(np.array([spec.network.index[s] for s in samples]), np.array(list(samples.values())))
    rows, times = np.empty((20, len(spec.network.species))), np.linspace(0.5, 1.0, 21)[1:] * 2.0
    while simulation.advance(2.0, times, rows):
        pass
    np.testing.assert_allclose(found[0], spec.read_outputs(rows, 1e4).mean(axis=0), rtol=1e-9)


def test_noise_at_inference_alone_leaves_the_weights_and_disturbs_the_outputs():
    fit = gnn.train("xor", method="ode", **SHORT)
    x = fit.plan.dataset.test_x
    for noise in IN_TRAINING:
        one, again = (fit.predict(x, noise=noise) for _ in range(2))
        np.testing.assert_array_equal(one, again)
        assert np.abs(one - fit.predict(x)).max() > 1e-4
    assert fit.plan.learner.noise is None


def test_a_run_file_keeps_the_noise_and_a_record_makes_it_again(tmp_path):
    gnn.train("xor", noise=IN_TRAINING, output=tmp_path / "x.h5", **SHORT)
    with gnn.open_run(tmp_path / "x.h5") as run:
        kept = run.training.arguments["noise"]
        assert run.complete and run.provenance["parameters"]["noise"] == kept
    assert [from_record(record) for record in kept] == IN_TRAINING
    run = gnn.simulate(LINEAR, 1.0, seed=1, noise=ALL, output=tmp_path / "s.h5")
    assert [from_record(r) for r in run.provenance["parameters"]["noise"]] == ALL


def test_a_record_survives_json():
    noise = gnn.ConcentrationNoise(0.1, "bounded", step=1.0, species=("A", "B*"))
    again = from_record(json.loads(json.dumps(noise.record())))
    assert again == noise and hash(again) == hash(noise)


RESUMED = {
    "noise": [*IN_TRAINING, gnn.RateNoise(0.1, "constant")],  # pieces of 0.7 s and 0.5 s, checkpoints every 4 s
    "predict": 2,
    "predict_noise": [gnn.RateNoise(0.3, "presentation"), gnn.ConcentrationNoise(0.2, "bounded", step=0.3)],
}


@pytest.mark.parametrize("method", ["layered", "next_reaction", "tau_leap", "langevin", "ode"])
def test_a_run_under_noise_is_resumed_to_the_content_of_an_uninterrupted_one(method, tmp_path, monkeypatch):
    train(tmp_path / "whole.h5", method=method, **RESUMED)
    for name in ("cut.h5", "forgetful.h5"):
        interrupted(tmp_path / name, monkeypatch, 14, method=method, **RESUMED)
    gnn.resume(tmp_path / "cut.h5")
    assert same(tmp_path / "cut.h5", tmp_path / "whole.h5")
    recall, left = NoisePath.recall, iter(RESUMED["noise"])

    def forgetful(self, memory):
        """The values of paths with a memory are lost in the first checkpoint gone on from."""
        recall(self, np.append(memory[0], 0.0 * memory[1:]) if next(left, None) else memory)

    with monkeypatch.context() as patch:
        patch.setattr(NoisePath, "recall", forgetful)
        gnn.resume(tmp_path / "forgetful.h5")
    assert not same(tmp_path / "forgetful.h5", tmp_path / "whole.h5")
    fit = gnn.load_fit(tmp_path / "cut.h5")
    np.testing.assert_array_equal(
        fit.predict(fit.plan.dataset.test_x[:2], noise=RESUMED["predict_noise"]), fit.chemical
    )
    assert fit.plan.learner.noise.noises == tuple(RESUMED["noise"])


@pytest.mark.parametrize(
    "make, what",
    [
        (lambda: gnn.RateNoise(-0.1), "amplitude of rate noise must be at least 0 and finite, got -0.1"),
        (lambda: gnn.RateNoise(0.6), "amplitude 0.6 of rate noise is too large.* use an amplitude of at most 0.5"),
        (lambda: gnn.RateNoise(0.2, "ornstein_uhlenbeck"), "5 for kind ornstein_uhlenbeck.* amplitude of at most 0.1"),
        (lambda: gnn.RateNoise(0.1, "brownian"), "unknown kind of rate noise 'brownian'"),
        (lambda: gnn.RateNoise(0.1, "impulse"), "unknown kind of rate noise 'impulse'"),
        (lambda: gnn.RateNoise(0.1, "constant", step=1.0), "step=1.0: rate noise of kind constant takes neither"),
        (lambda: gnn.RateNoise(0.1, "bounded", step=0), "step of rate noise must be positive"),
        (lambda: gnn.RateNoise(0.1, "bounded", bound=2.0), "bound=2.0: rate noise of kind bounded takes step"),
        (lambda: gnn.ConcentrationNoise(0.7, "impulse"), "amplitude 0.7 of concentration noise is too large"),
        (lambda: gnn.ConcentrationNoise(0.1, "bounded", correlation_time=1.0), "kind bounded takes step"),
        (lambda: gnn.simulate(LINEAR, 1.0, noise=0.1), "noise must be a noise object such as RateNoise"),
        (lambda: gnn.simulate(LINEAR, 1.0, noise=[0.1]), "noise must be a noise object such as RateNoise"),
        (
            lambda: gnn.simulate(LINEAR, 1.0, noise=gnn.RateNoise(0.1)),
            "changes at each presentation, but this run has none: use",
        ),
        (
            lambda: gnn.simulate(LINEAR, 1.0, noise=gnn.ConcentrationNoise(0.1, "impulse")),
            "changes at each presentation, but this run has none: give it a step",
        ),
        (
            lambda: gnn.simulate(LINEAR, 1.0, noise=gnn.RateNoise(0.1, "constant", reactions=("r9",))),
            "no reaction matches 'r9': the network has r1, r2, r3",
        ),
        (
            lambda: gnn.simulate(LINEAR, 1.0, noise=gnn.ConcentrationNoise(0.1, species="A")),
            "give a list of names|must be a list of names",
        ),
        (
            lambda: gnn.simulate(LINEAR, 1.0, noise=gnn.RateNoise(0.1, "constant", reactions=())),
            "reaction of a noise is empty, so it would act on nothing",
        ),
        (lambda: gnn.RateNoise(0.1, shared="no"), "shared of rate noise must be True or False, got 'no'"),
        (
            lambda: gnn.train("xor", method="gradient_descent", noise=gnn.RateNoise(0.1)),
            "noise: gradient_descent learns in floating point and has no reactions: leave noise out",
        ),
        (lambda: from_record({"noise": "thermal"}), "unknown noise 'thermal'"),
    ],
)
def test_bad_noise_is_one_sentence(make, what):
    with pytest.raises(gnn.InputError, match=what):
        make()


def test_a_species_given_by_a_rule_cannot_be_forced():
    decay = gnn.Reaction((("A", 1),), (), 1.0)
    network = gnn.ReactionNetwork(("A", "T"), (decay,), {"A": 3}, rules={"T": parse("A + 1")})
    with pytest.raises(gnn.InputError, match="the count of T is set by a rule"):
        gnn.simulate(network, 1.0, noise=gnn.ConcentrationNoise(0.1, species=("T",)))


def test_prediction_in_floating_point_refuses_noise():
    fit = gnn.train("xor", method="gradient_descent", presentations=2)
    with pytest.raises(gnn.InputError, match="this prediction is in floating point"):
        fit.predict([[0, 1]], noise=gnn.RateNoise(0.1))


def test_replicates_of_rate_equations_differ_under_noise_of_their_own():
    r = gnn.simulate(LINEAR, 2.0, method="ode", replicates=3, seed=1, noise=gnn.RateNoise(0.3, "constant"))
    assert len(np.unique(r.counts[:, -1, 0])) == 3
    with pytest.raises(gnn.InputError, match="method ode is deterministic"):
        gnn.simulate(LINEAR, 2.0, method="ode", replicates=3, noise=gnn.RateNoise(0.3, "constant", shared=True))


# the command


def test_the_command_trains_and_predicts_under_noise(capsys):
    arguments = [
        "train", "xor", "--volume", "60", "--presentations", "4", "--running-time", "2", "--seed", "3", "--json",
        "--rate-noise", "0.3", "--concentration-noise", "0.2", "--concentration-noise-kind", "bounded",
        "--noise-step", "0.5", "--predict", "--predict-rate-noise", "0.4", "--predict-rate-noise-kind", "constant",
    ]  # fmt: skip
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert [(n["noise"], n["kind"], n["amplitude"], n["step"]) for n in found["noise"]] == [
        ("rate", "presentation", 0.3, None), ("concentration", "bounded", 0.2, 0.5),
    ]  # fmt: skip
    assert [(n["noise"], n["kind"]) for n in found["noise_of_prediction"]] == [("rate", "constant")]


@pytest.mark.parametrize(
    "flags, what",
    [
        (["--rate-noise", "0.7"], "amplitude 0.7 of rate noise is too large"),
        (["--rate-noise", "0.1", "--rate-noise-kind", "white"], "unknown kind of rate noise 'white'"),
        (["--rate-noise", "0.1", "--noise-step", "1"], "--noise-step does not apply to the requested noise"),
        (
            ["--predict-rate-noise", "0.1"],
            "noise in the prediction only applies to a prediction by simulation: also set predict",
        ),
        (["--method", "gradient_flow", "--rate-noise", "0.1"], "gradient_flow learns in floating point"),
    ],
)
def test_a_mistake_of_noise_is_one_sentence_and_exit_code_2(flags, what, capsys):
    assert main(["train", "xor", "--presentations", "2", *flags]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and len(captured.err.strip().splitlines()) == 1


def test_every_noise_takes_every_kind_that_it_lists():
    for noise in NOISES:
        for kind in noise.kinds:
            made = noise(0.01, kind)
            assert from_record(made.record()) == made and made.largest_amplitude >= 0.1


def test_rejection_under_noise_goes_on_in_any_slices():
    """Stops that nothing is due at change no draw."""
    ends = []
    for stops in ([2.0], np.linspace(0.0, 2.0, 41)[1:]):
        plan = plan_noise(ALL, LINEAR, presented=False)
        counts, rng = LINEAR.counts(), seeds.stream(1, 0)
        simulation = start_simulation(Rejection, LINEAR, LINEAR.rates(), 1.0, counts, rng, noise=plan, seed=1)
        for stop in stops:
            while simulation.advance(float(stop)):
                pass
        ends.append(simulation.counts.copy())
    np.testing.assert_array_equal(*ends)
