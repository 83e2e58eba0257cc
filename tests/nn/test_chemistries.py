"""A chemistry is data: network, floating point, flags and records follow from it, also for one from outside."""

import itertools
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn.activations import LeakyReLU, SmoothReLU
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.crn.dual_rail import pairs
from gillespie_nn.nn.chemistries import CHEMISTRIES, FeedbackAlignment, KangKim
from gillespie_nn.nn.chemistry import LAST, Equation, EquationError
from gillespie_nn.nn.settings import LINEAR, Settings, setting_options
from gillespie_nn.options import not_negative, option
from gillespie_nn.simulation.presentations import Samples, first_checkpoint, run_presentations, simulation_at
from helpers.naive import mass_action
from helpers.outside_relu import OutsideReLU

every = pytest.mark.parametrize("chemistry", CHEMISTRIES, ids=lambda c: c.name)


def settle(network, initial, time=400.0):
    start = np.array([initial.get(s, 0.0) for s in network.species])
    right = mass_action(network)
    end = solve_ivp(lambda t, c: right(c), (0, time), start, method="LSODA", rtol=1e-10, atol=1e-12).y[:, -1]
    return dict(zip(network.species, end))


def rest_and_directions(spec, seed, eta):
    """At rest with weights that do not move (eta = 0): the output, and the directions of weights by the reactions."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.7, len(spec.weights))
    x, t = rng.uniform(0, 1, spec.layers[0]), rng.uniform(-1, 1, spec.layers[-1])
    still = gnn.training_network(
        spec.layers, spec.hidden_activation, chemistry=type(spec.chemistry)(learning_rate=0.0), seed=SEED
    )
    omega = 1e9
    initial = {k: v / omega for k, v in (still.initial(weights, omega) | still.presentation(x, t, omega)).items()}
    rest = settle(still.network, initial)
    at = np.array([rest[s] for s in spec.network.species])
    moving = dict(zip(spec.network.species, mass_action(spec.network)(at)))
    found = np.array([moving[r.plus] - moving[r.minus] for r in spec.weights]) / eta
    output = np.array([rest[r.plus] - rest[r.minus] for r in spec.outputs])
    return weights, x, t, output, found


SEED = 4


@every
def test_the_reactions_at_rest_compute_what_floating_point_does(chemistry):
    spec = gnn.training_network((2, 3, 3, 2), chemistry=chemistry(learning_rate=0.3), seed=SEED)
    weights, x, t, output, found = rest_and_directions(spec, 1, 0.3)
    np.testing.assert_allclose(output, spec.floating.forward(weights, x), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found, -spec.floating.gradient(weights, x, t), rtol=1e-4, atol=1e-6)


def test_errors_of_feedback_alignment_travel_through_fixed_weights_not_the_transposed_ones():
    """The last layer learns by its gradient, the hidden ones do not; and F is drawn from a stream of its own."""
    spec = gnn.training_network((2, 3, 1), chemistry="feedback_alignment", seed=SEED)
    plain = gnn.training_network((2, 3, 1))
    weights = spec.floating.initial_weights(1)
    x, t = np.array([0.3, 0.9]), np.array([0.4])
    one, two = (s.floating.gradient(weights, x, t) for s in (spec, plain))
    np.testing.assert_array_equal(one[-4:], two[-4:])
    assert np.abs(one[:9] - two[:9]).max() > 0.01
    hidden = spec.floating.matrices(one)[0][1] / spec.floating.matrices(two)[0][1]
    transposed = spec.floating.matrices(weights)[1][0][0]
    np.testing.assert_allclose(hidden * transposed, spec.floating.fixed_values)  # d = s F delta in place of s W delta
    other = gnn.training_network((2, 3, 1), chemistry="feedback_alignment", seed=SEED + 1)
    assert not np.allclose(other.floating.fixed_values, spec.floating.fixed_values)
    np.testing.assert_array_equal(spec.floating.initial_weights(1), plain.floating.initial_weights(1))
    state = spec.start(weights, 1000.0)
    held = sum(sign * state[spec.network.index[s]] for s, sign in (("F1_0_0_p", 1), ("F1_0_0_m", -1)) if s in
               spec.network.index)  # fmt: skip
    assert held == round(1000 * spec.floating.fixed_values[0])


@dataclass(frozen=True)
class Twice(KangKim):
    """Today's chemistry with one coefficient changed, and a setting of its own."""

    leak: float = option(0.0, not_negative("1/s"), "decay of the weights", unit="1/s")

    name = "twice"
    backward: ClassVar = (
        Equation("output_error", "E[i]' = 2 Y[i] - 2 T[i] - E[i]", LAST),
        *KangKim.backward[1:],
    )


def test_one_changed_coefficient_changes_network_and_floating_point():
    plain = gnn.training_network((2, 3, 1))
    twice = gnn.training_network((2, 3, 1), chemistry=Twice())
    rates = {r.name: (r.rate, 2 * r.rate if "output_error" in r.name else r.rate) for r in plain.network.reactions}
    for reaction in twice.network.reactions:
        decays = "output_error" in reaction.name and (not reaction.products)
        assert reaction.rate == rates[reaction.name][0 if decays else 1], reaction.name
    weights = plain.floating.initial_weights(2)
    x, t = [0.2, 0.7], [0.1]
    np.testing.assert_allclose(
        twice.floating.gradient(weights, x, t), 2 * plain.floating.gradient(weights, x, t), rtol=1e-14
    )


def test_settings_flags_and_records_follow_the_chemistry(monkeypatch):
    from gillespie_nn.nn import settings

    monkeypatch.setattr(settings, "CHEMISTRIES", (*CHEMISTRIES, Twice))
    assert setting_options()["leak"].unit == "1/s" and "twice" in setting_options()["chemistry"].described
    made = Settings(chemistry="twice", leak=0.5, h=0.3)
    assert made.record()["leak"] == 0.5 and made.record()["chemistry"] == "twice"
    assert Settings.restored(made.record()) == made
    with pytest.raises(InputError, match="leak must be .*, got -1.0"):
        Settings(chemistry="twice", leak=-1.0)
    with pytest.raises(InputError, match="leak is a setting of another chemistry or activation, not of kang_kim"):
        Settings(leak=0.5)


def test_a_chemistry_from_outside_trains_and_resumes_with_its_object_alone(tmp_path):
    path = tmp_path / "run.h5"
    fit = gnn.train(
        "xor", chemistry=Twice(learning_rate=0.02), activation=SmoothReLU(h=0.1), seed=1, presentations=4,
        running_time=2.0, volume=100.0, output=path,
    )  # fmt: skip
    with gnn.open_run(path) as run:
        assert run.training.settings["chemistry"] == f"{__name__}:Twice" and run.training.settings["h"] == 0.1
        assert run.training.settings["learning_rate"] == 0.02
        with pytest.raises(InputError, match="does not come with this package"):
            gnn.analysis.course(run)
        curve = gnn.analysis.course(run, chemistry=Twice(learning_rate=0.02))
        assert curve.presentation[-1] == 4 and curve.rmse[-1] == pytest.approx(fit.scores["rmse"])
    assert main(["report", str(path)]) == 0
    page = path.with_suffix(".html").read_text()
    assert "learning is left out: the chemistry" in page and "chemistry=Twice(...), to a function" in page
    assert "Provenance" in page and "common part of dual rails" in page.lower()
    with pytest.raises(InputError, match=r"does not come with this package: .*chemistry=Twice\(\.\.\.\)"):
        gnn.load_fit(path)
    again = gnn.load_fit(path, chemistry=Twice(learning_rate=0.02))
    np.testing.assert_array_equal(again.weights, fit.weights)
    for other, message in ((Twice(learning_rate=0.03), "learning_rate = 0.02, but .* it is 0.03"),
                           (Twice(learning_rate=0.02, hold=0.5), "hold = 0.0, but .* it is 0.5"),
                           (KangKim(learning_rate=0.02), "chemistry = .*:Twice, but .* it is kang_kim")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            gnn.load_fit(path, chemistry=other)


def test_settings_that_do_not_apply_are_refused():
    with pytest.raises(InputError, match="h is a setting of another chemistry or activation, not of kang_kim, relu"):
        gnn.train("xor", activation="relu", h=0.1)
    with pytest.raises(InputError, match="h is a setting of the activation given as an object: give it to SmoothReLU"):
        gnn.train("xor", activation=SmoothReLU(), h=0.1)
    with pytest.raises(InputError, match="the output_activation mod:Leaky .* pass it, output_activation=Leaky"):
        Settings(output_activation="mod:Leaky")
    with pytest.raises(InputError, match="unknown chemistry 'kang_kin' .did you mean 'kang_kim'"):
        gnn.train("xor", chemistry="kang_kin")
    with pytest.raises(InputError, match="give KangKim.. in place of the class"):
        gnn.train("xor", chemistry=KangKim)
    for name, instead in (("hidden", "layers"), ("running_time", "train"), ("output_activation", "output")):
        with pytest.raises(InputError, match=f"{name} is a setting of a training run, .* give it to {instead}"):
            gnn.training_network((2, 2, 1), **{name: "relu"})
    # Defaults of a case that do not apply are left behind.
    assert "h" not in gnn.train("xor", activation="relu", presentations=1, running_time=1.0).plan.settings.record()


@pytest.mark.parametrize(
    "text, message",
    [
        ("Z' W", "is not an equation"),
        ("Z[i] = B[i]", "rate equation"),
        ("Z[i]' = W[i,j] Y.below[j] B[i] - Z[i]", "at most two react"),
        ("Z[i]' = W[i;j] - Z[i]", "is not a factor"),
        ("Z[i]' = B[i]", "needs a term in which it decays"),
        ("Z[i]' = speed B[i] - Z[i]", "'speed' is not a setting"),
        ("Z[i]' = Z.above[k] - Z[i]", "no equation before this one makes Z of layer 2"),
    ],
)
def test_an_equation_that_does_not_compile_says_why(text, message):
    @dataclass(frozen=True)
    class Wrong(KangKim):
        name = "wrong"
        forward: ClassVar = (Equation("preactivation", text), *KangKim.forward[1:])

    with pytest.raises(EquationError, match=message):
        gnn.training_network((2, 2, 1), chemistry=Wrong())


def test_weights_that_do_not_learn_at_the_learning_rate_are_refused():
    @dataclass(frozen=True)
    class Wrong(KangKim):
        name = "wrong"
        learn: ClassVar = (Equation("update", "W[i,j]' = - 0.1 D[i] Y.below[j]"), KangKim.learn[1])

    with pytest.raises(EquationError, match="needs the factor learning_rate"):
        gnn.training_network((2, 2, 1), chemistry=Wrong())


# The contract of activations: molecules at the start, a conserved switch, several helpers, a setting of its own.


@pytest.mark.parametrize("z", [-1.3, -0.2, 0.2, 1.1])
def test_an_activation_with_a_conserved_switch_settles(z):
    spec = gnn.training_network((1, 1, 1), OutsideReLU(), chemistry=KangKim(learning_rate=0.0))
    assert spec.at_start == {"A1_0": 1.0}
    weights = np.array([abs(z), z - abs(z), 0.7, 0.1])
    omega = 1e9
    initial = {k: v / omega for k, v in (spec.initial(weights, omega) | spec.presentation([1.0], [0.3], omega)).items()}
    rest = settle(spec.network, initial, 2000.0)
    assert rest["A1_0"] + rest["S1_0"] == pytest.approx(1.0, abs=1e-9)
    assert rest["Y1_0"] == pytest.approx(max(z, 0.0), abs=2e-3)
    assert rest["S1_0"] == pytest.approx(float(z > 0), abs=2e-2)


def test_a_switch_is_conserved_molecule_by_molecule_while_the_network_learns():
    fit = gnn.train(
        "xor", activation=OutsideReLU(sharpness=50.0), seed=2, presentations=3, running_time=3.0, volume=200.0,
        method="rejection",
    )  # fmt: skip
    names = fit.spec.network.species
    laws = fit.spec.network.conservation_laws
    switched = [names.index(s) for s in ("A1_0", "S1_0")]
    assert any(set(np.flatnonzero(law)) == set(switched) for law in laws.toarray())
    method, counts = simulation_at(fit.plan, first_checkpoint(fit.plan)), []
    samples = Samples(fit.spec, fit.plan.presented, 200.0)
    run_presentations(method, samples, 3.0, lambda k: counts.append(method.counts[switched].tolist()))
    assert len(counts) == 3 and all(sum(pair) == 200 for pair in counts) and any(s > 0 for _, s in counts)
    assert fit.plan.settings.record()["sharpness"] == 50.0
    assert fit.plan.settings.record()["activation"].endswith("outside_relu:OutsideReLU")


# What species mean is asked of the network.


@every
@pytest.mark.parametrize("hold", [0.0, 2.0])
@pytest.mark.parametrize("activation", [SmoothReLU(derivative="ratio"), OutsideReLU(), LeakyReLU()])
def test_every_species_carries_one_number_and_every_number_has_a_meaning(chemistry, hold, activation):
    for output, signed, learning in itertools.product((LINEAR, activation), (False, True), (False, True)):
        spec = gnn.training_network(
            (2, 3, 3, 2), activation, chemistry=chemistry(hold=hold), output=output, signed_inputs=signed,
            learning=learning,
        )  # fmt: skip
        carried = [s for number in spec.numbers for s, _ in number.rails.signs()]
        assert sorted(carried) == sorted(spec.network.species)
        assert all(spec.numbers.of(s).name == s.removesuffix("_p").removesuffix("_m") for s in carried)
        assert all(len(number.meaning) > 1 for number in spec.numbers)
        assert {n.rails for n in spec.numbers if n.learned} == set(spec.weights)
        assert tuple(n.rails for n in spec.numbers.select("inputs")) == spec.inputs
        assert tuple(n.rails for n in spec.numbers.select("targets")) == spec.targets
        assert bool(spec.numbers.select("licence")) == bool(hold and learning)


def test_numbers_are_chosen_by_meaning_and_place():
    numbers = gnn.training_network((2, 3, 1)).numbers
    assert numbers.one("weights", 1, 2, 0).rails == ("W1_2_0_p", "W1_2_0_m")
    assert numbers.of("D2_0_m") == numbers.of("D2_0") == numbers.one("errors", 2, 0)
    assert {n.group for n in numbers.select("slopes", "outputs", layer=1)} == {"Y1", "S1"}
    assert list(numbers.meanings)[:5] == ["Z", "Y", "S", "E", "D"]
    together = {numbers.neuron(n) for n in numbers.select("weights", "biases")}
    assert together == {"W1_0", "W1_1", "W1_2", "W2_0"} and numbers.neuron(numbers.of("Z2_0_p")) == "Z2_0"
    with pytest.raises(InputError, match="the network has no quantity named 'D2_1'.*did you mean"):
        numbers.of("D2_1")
    with pytest.raises(InputError, match="layer 2 of this network has 0 slopes with indices .0,., and 1 is needed"):
        numbers.one("slopes", 2, 0)


def test_meanings_follow_the_chemistry_not_the_letter():
    """V for W and P for Z: what asks by meaning gets the same numbers."""

    @dataclass(frozen=True)
    class Renamed(KangKim):
        name = "renamed"
        weights: ClassVar = ("V", "B")
        matrices: ClassVar = {"V": "below"}
        linear: ClassVar = {"Y": "P", "E": "D"}
        meanings: ClassVar = {{"W": "V", "Z": "P"}.get(k, k): word for k, word in KangKim.meanings.items()}
        forward: ClassVar = tuple(_renamed(e) for e in KangKim.forward)
        backward: ClassVar = tuple(_renamed(e) for e in KangKim.backward)
        learn: ClassVar = tuple(_renamed(e) for e in KangKim.learn)

    spec, plain = gnn.training_network((2, 2, 1), chemistry=Renamed()), gnn.training_network((2, 2, 1))
    assert spec.numbers.one("weights", 1, 0, 1).name == "V1_0_1"
    assert spec.numbers.neuron(spec.numbers.of("B1_1_p")) == "V1_1" and spec.floating.weight_groups[0] == "V1"
    for meaning in ("weights", "pre-activations", "errors", "inputs"):
        one, two = (s.numbers.select(meaning) for s in (spec, plain))
        places = [[(n.layer, n.indices, n.learned, list(s.numbers).index(n)) for n in found]
                  for s, found in ((spec, one), (plain, two))]  # fmt: skip
        assert one and places[0] == places[1]


def _renamed(equation):
    return equation._replace(text=re.sub(r"\bZ\b", "P", re.sub(r"\bW\b", "V", equation.text)))


def test_rails_are_paired_in_any_network():
    assert pairs(["A_p", "A", "b_1_m", "B_p", "b_1_p", "A_m", "_p", "_m"]) == {
        "A": ("A_p", "A_m"), "b_1": ("b_1_p", "b_1_m")
    }  # fmt: skip


def test_both_chemistries_hold_and_release():
    for chemistry in (KangKim, FeedbackAlignment):
        phases = chemistry(hold=3.0).phases
        assert [phase.name for phase in phases] == ["hold", "learn"] and phases[0].duration == 3.0
        assert chemistry(hold=3.0).step(10.0) == pytest.approx(0.07)


def test_two_values_of_one_setting_are_refused_before_the_run_with_a_file_or_without():
    with pytest.raises(InputError, match="h is 0.25 in one part of the network and 0.3 in another"):
        gnn.train("xor", output_activation=SmoothReLU(h=0.3), presentations=1, running_time=1.0)
